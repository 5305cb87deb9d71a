//! The guard on a connection: outside a commit, no statement may write a table of the model.
//!
//! SQLite asks the authorizer when a statement is prepared, so the guard costs nothing per row.
//! It backs up what the types already say: nobody outside the vault reaches this connection.

use std::sync::{Arc, atomic::{AtomicBool, Ordering}};

use gladstone_model::catalogue;
use rusqlite::{Connection, hooks::{AuthAction, AuthContext, Authorization}};

use crate::error::StoreError;

/// Opens and closes the way for writes on one connection.
#[derive(Clone)]
pub struct Gate(Arc<AtomicBool>);

impl Gate {
    /// Puts the guard on a connection; the gate starts closed.
    ///
    /// # Errors
    /// What the database says.
    pub fn install(connection: &mut Connection) -> Result<Gate, StoreError> {
        let open = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&open);
        connection.authorizer(Some(move |context: AuthContext<'_>| {
            let table = match context.action {
                AuthAction::Insert { table_name } | AuthAction::Delete { table_name } | AuthAction::Update { table_name, .. } | AuthAction::DropTable { table_name } | AuthAction::AlterTable { table_name, .. } => table_name,
                _ => return Authorization::Allow,
            };
            if seen.load(Ordering::Relaxed) || catalogue().get(table).is_none() { Authorization::Allow } else { Authorization::Deny }
        }))?;
        Ok(Gate(open))
    }

    /// Lets writes through until [`Gate::close`].
    pub fn open(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Lets nothing through any more.
    pub fn close(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
