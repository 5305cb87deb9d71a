//! The floor: the same rows by prepared statements into a SQLCipher file with the very settings
//! of a vault (opened by the vault's own function, tables and indexes by the same migrations).
//! No validation, no capture, no signature, no chain, no digest, no search.

use std::path::Path;

use gladstone_store::migrate;
use gladstone_vault::{database, keys::root_key::RootKey};
use rusqlite::{Connection, params_from_iter, types::Value};

use crate::place::text;

/// One row as it lies in a file.
pub type Raw = Vec<Value>;

/// A raw file.
pub struct Floor {
    connection: Connection,
}

/// A statement of the floor and the row that it writes.
pub struct Write<'a> {
    /// SQL with one mark for each value.
    pub sql: &'a str,
    /// The row.
    pub row: &'a Raw,
}

impl Floor {
    /// A new file with the tables of a vault.
    ///
    /// # Errors
    /// What the database says.
    pub fn new(path: &Path) -> Result<Floor, String> {
        let key = RootKey::generate().map_err(text)?.database();
        let mut connection = database::open_writer(path, &key).map_err(text)?;
        migrate::migrate(&mut connection).map_err(text)?;
        Ok(Floor { connection })
    }

    /// Writes rows in one transaction, durable when it returns.
    ///
    /// # Errors
    /// What the database says.
    pub fn write<'a>(&self, rows: impl IntoIterator<Item = Write<'a>>) -> Result<(), String> {
        let run = |sql: &str| self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map_err(text);
        run("BEGIN IMMEDIATE")?;
        for write in rows {
            self.connection.prepare_cached(write.sql).and_then(|mut statement| statement.execute(params_from_iter(write.row))).map_err(text)?;
        }
        run("COMMIT")?;
        Ok(())
    }

    /// The connection, to read from.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Brings everything into the one file.
    ///
    /// # Errors
    /// What the database says.
    pub fn checkpoint(&self) -> Result<(), String> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(text)
    }
}

/// The insert statement of a table with so many columns.
pub fn insert_sql(table: &str, columns: usize) -> String {
    let marks: Vec<String> = (1..=columns).map(|at| format!("?{at}")).collect();
    format!("INSERT INTO {table} VALUES ({})", marks.join(", "))
}

/// All rows that a query gives, as they lie in a file.
///
/// # Errors
/// What the database says.
pub fn read_raw(connection: &Connection, sql: &str, values: &[Value]) -> Result<Vec<Raw>, String> {
    let mut statement = connection.prepare_cached(sql).map_err(text)?;
    let columns = statement.column_count();
    let rows = statement.query_map(params_from_iter(values), |row| (0..columns).map(|at| row.get(at)).collect::<rusqlite::Result<Raw>>()).map_err(text)?;
    rows.collect::<rusqlite::Result<_>>().map_err(text)
}
