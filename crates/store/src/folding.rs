//! Folding the write-ahead log into the file beside the work while very many rows come: a thread with a
//! connection of its own copies what is committed, and the next rows are written meanwhile.

use std::{
    io,
    sync::mpsc::{self, SyncSender},
    thread::{Builder, JoinHandle},
};

use rusqlite::Connection;

/// Folds when it is asked to, until it is dropped.
pub struct Folding {
    /// None once nothing is asked any more.
    ask: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Folding {
    /// Folds through this connection, which need not be able to write rows.
    ///
    /// # Errors
    /// What the system says when there is no thread.
    pub fn begin(connection: Connection) -> io::Result<Folding> {
        let (ask, asked) = mpsc::sync_channel(1);
        let run = move || {
            while asked.recv().is_ok() {
                // What is committed is safe in the log. A disk that is full now says so with the next save as well.
                if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
                    tracing::warn!(%error, "the log was not folded into the file");
                }
            }
        };
        Ok(Folding { ask: Some(ask), thread: Some(Builder::new().name("fold".into()).spawn(run)?) })
    }

    /// Folds what is committed by now, and does not wait for it.
    pub fn fold(&self) {
        if let Some(ask) = &self.ask {
            // One that was asked for already and has not begun folds this as well.
            let _ = ask.try_send(());
        }
    }
}

impl Drop for Folding {
    /// Nothing is folded by it any more, and its connection, which knows the key, is gone.
    fn drop(&mut self) {
        self.ask = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn open(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = FULL").unwrap();
        connection
    }

    /// Frames in the log, and how many of them are in the file.
    fn frames(connection: &Connection) -> (i64, i64) {
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| Ok((row.get(1)?, row.get(2)?))).unwrap()
    }

    #[test]
    fn what_is_committed_is_folded_while_a_transaction_is_open_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.db");
        let writer = open(&path);
        writer.execute_batch("CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)").unwrap();
        let reader = open(&path);
        reader.execute_batch("PRAGMA query_only = ON").unwrap();
        let folding = Folding::begin(reader).unwrap();
        for batch in 0..20 {
            writer.execute_batch("BEGIN IMMEDIATE").unwrap();
            for at in 0..200 {
                writer.execute("INSERT INTO rows (text) VALUES (?1)", [format!("row {at} of batch {batch}").repeat(9)]).unwrap();
            }
            writer.execute_batch("COMMIT").unwrap();
            folding.fold();
        }
        writer.execute_batch("BEGIN IMMEDIATE; INSERT INTO rows (text) VALUES ('not committed')").unwrap();
        folding.fold();
        drop(folding);
        let in_file = std::fs::metadata(&path).unwrap().len();
        assert!(in_file > 200_000, "what was committed is in the file: {in_file} bytes");
        writer.execute_batch("ROLLBACK").unwrap();
        let (log, folded) = frames(&writer);
        assert_eq!(log, folded, "nothing is left behind");
        assert_eq!(writer.query_row("SELECT count(*) FROM rows", [], |row| row.get::<_, i64>(0)).unwrap(), 4_000);
        assert_eq!(writer.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
    }

    #[test]
    fn a_log_that_cannot_be_folded_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let folding = Folding::begin(Connection::open_in_memory().unwrap()).unwrap();
        (0..3).for_each(|_| folding.fold());
        drop(folding);
        let gone = open(&folder.path().join("gone.db"));
        let folding = Folding::begin(gone).unwrap();
        drop(folder);
        folding.fold();
        drop(folding);
    }
}
