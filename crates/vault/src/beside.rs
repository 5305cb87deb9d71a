//! What goes on beside the work in a large vault: the check of its structure and the daily backup
//! take seconds, and nobody should wait for them.

use std::{sync::{Arc, atomic::{AtomicBool, Ordering}}, thread::JoinHandle};

use rusqlite::{Connection, ErrorCode, InterruptHandle};

use crate::backup::InTheMaking;

/// Files up to this size are checked and backed up before they are used: at most some 100 ms.
const AT_ONCE: u64 = 16 * 1024 * 1024;

/// Whether nobody notices how long a file of this size takes.
pub(crate) fn is_quick(bytes: u64) -> bool {
    bytes <= AT_ONCE
}

/// What is wrong with the structure of the file; none when all is well, or when it was stopped.
pub(crate) fn fault(connection: &Connection) -> Option<String> {
    match connection.query_row("PRAGMA quick_check", [], |row| row.get::<_, String>(0)) {
        Ok(text) if text == "ok" => None,
        Ok(text) => Some(text),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => None,
        Err(error) => Some(error.to_string()),
    }
}

/// Work that goes on until it is done or this is dropped.
pub(crate) struct Beside {
    stopped: Arc<AtomicBool>,
    check: InterruptHandle,
    thread: Option<JoinHandle<()>>,
}

impl Beside {
    /// Checks through a connection of its own, and tells `found` when something is wrong; then
    /// makes the backup, if one is due and the file is whole.
    pub(crate) fn begin(connection: Connection, backup: Option<InTheMaking>, found: impl FnOnce(String) + Send + 'static) -> Beside {
        let (check, stopped) = (connection.get_interrupt_handle(), Arc::new(AtomicBool::new(false)));
        let seen = Arc::clone(&stopped);
        let run = move || {
            let fault = fault(&connection);
            drop(connection);
            if let Some(fault) = fault {
                found(fault);
            } else if let Some(backup) = backup.filter(|_| !seen.load(Ordering::Relaxed))
                && let Err(error) = backup.finish(&|| !seen.load(Ordering::Relaxed))
            {
                tracing::warn!(%error, "the automatic backup failed");
            }
        };
        Beside { stopped, check, thread: Some(std::thread::spawn(run)) }
    }
}

impl Drop for Beside {
    /// Its connections know the key, so they must be gone when the vault is locked.
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.check.interrupt();
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }
}
