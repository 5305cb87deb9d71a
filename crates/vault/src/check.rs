//! The check of a large file beside the work: it takes seconds, and nobody should wait for it.

use std::thread::JoinHandle;

use rusqlite::{Connection, ErrorCode, InterruptHandle};

/// Files up to this size are checked before they are used: at most some 100 ms.
const AT_ONCE: u64 = 16 * 1024 * 1024;

/// Whether a file of this size is checked before it is used.
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

/// A check that goes on beside the work, until it is done or this is dropped.
pub(crate) struct Check {
    stop: InterruptHandle,
    thread: Option<JoinHandle<()>>,
}

impl Check {
    /// Checks through a connection of its own, and tells `found` when something is wrong.
    pub(crate) fn begin(connection: Connection, found: impl FnOnce(String) + Send + 'static) -> Check {
        let stop = connection.get_interrupt_handle();
        let run = move || {
            let fault = fault(&connection);
            drop(connection);
            if let Some(fault) = fault {
                found(fault);
            }
        };
        Check { stop, thread: Some(std::thread::spawn(run)) }
    }
}

impl Drop for Check {
    /// The connection knows the key, so it must be gone when the vault is locked.
    fn drop(&mut self) {
        self.stop.interrupt();
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }
}
