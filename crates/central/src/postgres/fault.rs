//! What PostgreSQL says, as the centre understands it.

use tokio_postgres::{Error, error::SqlState};

use crate::error::EngineError;

/// What came of a statement: the words for the centre, and whether the same transaction may
/// succeed when it is run again.
#[derive(Debug)]
pub(super) struct Fault {
    /// For the centre.
    pub error: EngineError,
    /// Two transactions were in each other's way.
    pub again: bool,
    /// The connection is gone; nothing is known of what was under way on it.
    pub lost: bool,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        let Some(said) = error.as_db_error() else {
            let lost = error.is_closed() || std::error::Error::source(&error).is_some_and(|source| source.is::<std::io::Error>());
            let text = with_source(&error);
            return Fault { error: if lost { EngineError::Busy(text) } else { EngineError::Failed(text) }, again: false, lost };
        };
        let code = said.code();
        let mut text = said.message().to_owned();
        if let Some(table) = said.table() {
            text = format!("{text} (table {table})");
        }
        // What PostgreSQL says in detail may hold values; it stays out of logs.
        let error = match code.code().get(..2).unwrap_or_default() {
            // Values: of the wrong kind, against a constraint, or too large for an index or the stack.
            // Nothing else may count as refused, or mutations would be set aside for a mistake of ours.
            "22" | "23" | "54" => EngineError::Refused(text),
            _ if *code == SqlState::DISK_FULL => EngineError::Full,
            "08" | "40" | "53" | "57" => EngineError::Busy(text),
            "58" | "XX" => EngineError::Damaged(text),
            _ if *code == SqlState::LOCK_NOT_AVAILABLE => EngineError::Busy(text),
            _ => EngineError::Failed(text),
        };
        let again = *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED;
        Fault { error, again, lost: error_is_terminal(code) }
    }
}

/// Codes after which PostgreSQL closes the connection.
fn error_is_terminal(code: &SqlState) -> bool {
    [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW].contains(code)
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Fault {
        Fault { error, again: false, lost: false }
    }
}

/// An error with what lies behind it.
fn with_source(error: &Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
