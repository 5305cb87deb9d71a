//! Writing one row with its origin. Validates nothing and captures nothing: the vault and the
//! centre's ingest do, and they alone hold a connection that may write.

use gladstone_model::{Entity, FieldType, Value};
use gladstone_protocol::RowState;
use rusqlite::{CachedStatement, Connection, Error, ffi, params_from_iter, types::Value as Sql};
use uuid::Uuid;

use crate::{bind::Bound, error::StoreError, statements};

/// Writes a row that is not there yet.
///
/// # Errors
/// What the database says; a taken id among it.
pub fn insert(connection: &Connection, row: &RowState) -> Result<(), StoreError> {
    execute(connection, &statements::of(row.row.entity).insert, row)
}

/// Writes all columns of a row that is there.
///
/// # Errors
/// What the database says.
pub fn update(connection: &Connection, row: &RowState) -> Result<(), StoreError> {
    execute(connection, &statements::of(row.row.entity).update, row)
}

/// Removes a row for good: it is not for this place any more.
///
/// # Errors
/// What the database says.
pub fn delete(connection: &Connection, entity: &Entity, id: Uuid) -> Result<(), StoreError> {
    connection.prepare_cached(&format!("DELETE FROM {} WHERE id = ?1", entity.name))?.execute([id.as_bytes().as_slice()])?;
    Ok(())
}

/// Writes many rows that are probably not there yet, best entity by entity: the statement is kept.
pub struct Inserter<'c> {
    connection: &'c Connection,
    statement: Option<(u16, CachedStatement<'c>)>,
}

impl<'c> Inserter<'c> {
    /// Writes through this connection.
    pub fn new(connection: &'c Connection) -> Inserter<'c> {
        Inserter { connection, statement: None }
    }

    /// Writes a row; false when one of its id is there, which stays as it is.
    ///
    /// # Errors
    /// What the database says.
    pub fn insert(&mut self, stored: &RowState) -> Result<bool, StoreError> {
        let entity = stored.row.entity;
        let statement = match &mut self.statement {
            Some((no, statement)) if *no == entity.no => statement,
            kept => &mut kept.insert((entity.no, self.connection.prepare_cached(&statements::of(entity).insert)?)).1,
        };
        let mut at = 0;
        for (field, value) in entity.fields.iter().zip(&stored.row.values) {
            at += 1;
            statement.raw_bind_parameter(at, Bound(field.ty, value))?;
        }
        statement.raw_bind_parameter(at + 1, stored.unit.to_bytes())?;
        statement.raw_bind_parameter(at + 2, stored.row_mid.as_bytes())?;
        statement.raw_bind_parameter(at + 3, stored.group_mids.to_bytes())?;
        statement.raw_bind_parameter(at + 4, stored.error.as_ref().map(|(mid, _)| *mid.as_bytes()))?;
        statement.raw_bind_parameter(at + 5, stored.error.as_ref().map(|(_, reason)| reason.as_str()))?;
        match statement.raw_execute() {
            Ok(_) => Ok(true),
            Err(Error::SqliteFailure(failure, _)) if failure.extended_code == ffi::SQLITE_CONSTRAINT_PRIMARYKEY => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn execute(connection: &Connection, sql: &str, stored: &RowState) -> Result<(), StoreError> {
    enum Cell<'a> {
        Declared(Bound<'a>),
        Store(Sql),
    }
    impl rusqlite::ToSql for Cell<'_> {
        fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
            match self {
                Cell::Declared(bound) => bound.to_sql(),
                Cell::Store(value) => value.to_sql(),
            }
        }
    }
    let entity = stored.row.entity;
    let blob = |bytes: Option<Vec<u8>>| bytes.map_or(Sql::Null, Sql::Blob);
    let declared = entity.fields.iter().zip(&stored.row.values).map(|(field, value)| Cell::Declared(Bound(field.ty, value)));
    let (deleted_mid, deleted_reason) = match &stored.error {
        Some((mid, reason)) => (Sql::Blob(mid.as_bytes().to_vec()), Sql::Text(reason.clone())),
        None => (Sql::Null, Sql::Null),
    };
    let own = [Sql::Blob(stored.unit.to_bytes().to_vec()), Sql::Blob(stored.row_mid.as_bytes().to_vec()), blob(stored.group_mids.to_bytes()), deleted_mid, deleted_reason];
    connection.prepare_cached(sql)?.execute(params_from_iter(declared.chain(own.into_iter().map(Cell::Store))))?;
    Ok(())
}

/// A single value for a query, bound as its field keeps it.
pub(crate) fn sql_value(ty: FieldType, value: &Value) -> Result<Sql, StoreError> {
    use rusqlite::{ToSql, types::ToSqlOutput};
    Ok(match Bound(ty, value).to_sql()? {
        ToSqlOutput::Owned(value) => value,
        ToSqlOutput::Borrowed(value) => value.try_into().map_err(|_| StoreError::Unreadable("a filter".into()))?,
        _ => Sql::Null,
    })
}
