//! What a command answers when it cannot do its work: a closed code for the screen, a message
//! for people, and the field that is meant.

use gladstone_store::StoreError;
use gladstone_vault::{CustodyError, VaultError, blobs::FileFault, database::OpenError, keys::KeyError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Codes that a caller may branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A rule is broken; the field is named.
    Invalid,
    /// Not on this computer.
    NotFound,
    /// The vault is locked.
    Locked,
    /// A passphrase or code is wrong.
    WrongSecret,
    /// Too many tries.
    Wait,
    /// The recovery code has to be confirmed first.
    RecoveryUnconfirmed,
    /// Required answers are missing.
    Incomplete,
    /// It is finished and no longer takes changes of this kind.
    Sealed,
    /// Something else needs it or already is there.
    Conflict,
    /// A newer version of Gladstone wrote it, so that this one may show it and not change it.
    NewerVersion,
    /// The disk is full.
    DiskFull,
    /// A file is damaged.
    Damaged,
    /// The centre cannot be reached.
    Offline,
    /// Without contact for too long: earlier records may not be read now.
    LeaseOver,
    /// Without contact for much too long: nothing before contact or the recovery code.
    LeaseLocked,
    /// The person cancelled.
    Cancelled,
    /// The request is not of the command's form.
    BadRequest,
    /// There is no such command.
    UnknownCommand,
    /// Anything else.
    Failed,
}

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS, thiserror::Error)]
#[error("{message}")]
pub struct DeskError {
    /// For the caller.
    pub code: Code,
    /// For people: what is wrong and what to do.
    pub message: String,
    /// Field by name, when one is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub field: Option<String>,
}

impl DeskError {
    /// An error without a field.
    pub fn new(code: Code, message: impl Into<String>) -> DeskError {
        DeskError { code, message: sentence(message.into()), field: None }
    }

    /// An error of one field.
    pub fn field(field: &str, message: impl Into<String>) -> DeskError {
        DeskError { code: Code::Invalid, message: message.into(), field: Some(field.into()) }
    }

    /// The vault is locked.
    pub fn locked() -> DeskError {
        DeskError::new(Code::Locked, "The vault is locked. Unlock it with the passphrase.")
    }
}

/// A message as a sentence: the errors of lower layers begin small and end without a stop.
fn sentence(message: String) -> String {
    let mut letters = message.chars();
    let Some(first) = letters.next() else { return message };
    let whole: String = first.to_uppercase().chain(letters).collect();
    if whole.ends_with(['.', '?', '!', '…', ')']) { whole } else { format!("{whole}.") }
}

impl From<StoreError> for DeskError {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Invalid(faults) => {
                let field = faults.first().map(|fault| fault.field.clone()).filter(|field| !field.is_empty());
                let message = faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>().join(" ");
                DeskError { code: Code::Invalid, message, field }
            }
            StoreError::UnknownEntity(_) | StoreError::UnknownField { .. } => DeskError::new(Code::BadRequest, message),
            StoreError::NotFound(_) => DeskError::new(Code::NotFound, message),
            StoreError::AppendOnly(_) => DeskError::new(Code::Sealed, message),
            StoreError::InUse(_) => DeskError::new(Code::Conflict, message),
            StoreError::NewerVersion { .. } => DeskError::new(Code::NewerVersion, message),
            StoreError::DiskFull => DeskError::new(Code::DiskFull, message),
            StoreError::Damaged(_) | StoreError::Unreadable(_) | StoreError::FromTheFuture { .. } => DeskError::new(Code::Damaged, message),
            StoreError::Disk | StoreError::Database(_) => DeskError::new(Code::Failed, message),
        }
    }
}

impl From<VaultError> for DeskError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Store(error) => error.into(),
            VaultError::NotVerified(_) => DeskError::new(Code::Damaged, error.to_string()),
            VaultError::Entry(_) | VaultError::NotJoined | VaultError::CannotJoin(_) => DeskError::new(Code::Conflict, error.to_string()),
            VaultError::File(message) => DeskError::new(Code::Failed, message),
            VaultError::Cancelled => DeskError::new(Code::Cancelled, "Cancelled."),
            other => DeskError::new(Code::Failed, other.to_string()),
        }
    }
}

impl From<FileFault> for DeskError {
    fn from(fault: FileFault) -> Self {
        let message = fault.to_string();
        match fault {
            FileFault::TooLarge { .. } => DeskError { code: Code::Invalid, message: sentence(message), field: Some("file".into()) },
            FileFault::DiskFull => DeskError::new(Code::DiskFull, message),
            FileFault::Damaged => DeskError::new(Code::Damaged, message),
            FileFault::NotHere => DeskError::new(Code::NotFound, message),
            FileFault::Disk(_) => DeskError::new(Code::Failed, message),
            FileFault::Vault(error) => error.into(),
        }
    }
}

impl From<CustodyError> for DeskError {
    fn from(error: CustodyError) -> Self {
        let message = error.to_string();
        match error {
            CustodyError::Vault(error) => error.into(),
            CustodyError::Open(OpenError::Store(error)) => error.into(),
            CustodyError::Open(OpenError::Damaged(_) | OpenError::Plain | OpenError::WrongKey) => DeskError::new(Code::Damaged, message),
            CustodyError::Open(OpenError::Setting(_)) => DeskError::new(Code::Failed, message),
            CustodyError::Key(KeyError::WrongPassphrase { .. }) => DeskError { code: Code::WrongSecret, message: sentence(message), field: Some("passphrase".into()) },
            CustodyError::Key(KeyError::WrongRecoveryCode | KeyError::MistypedRecoveryCode { .. }) => DeskError { code: Code::WrongSecret, message: sentence(message), field: Some("code".into()) },
            CustodyError::Key(KeyError::Wait { .. }) => DeskError { code: Code::Wait, message: sentence(message), field: Some("passphrase".into()) },
            CustodyError::Key(KeyError::DamagedSlots | KeyError::SuspiciousSlots(_)) => DeskError::new(Code::Damaged, message),
            CustodyError::Exists => DeskError::new(Code::Conflict, message),
            CustodyError::Missing => DeskError::new(Code::NotFound, message),
            CustodyError::Key(_) => DeskError::new(Code::Failed, message),
        }
    }
}
