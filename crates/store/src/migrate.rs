//! Brings a SQLite file to the declared schema, all or nothing, and refuses files from the future.

use rusqlite::{Connection, OptionalExtension};

use crate::error::StoreError;

mod embedded {
    refinery::embed_migrations!("../../migrations/sqlite");
}

/// Applies what is missing and returns the names of the steps that were applied.
/// The schema version is the number of the last step.
///
/// # Errors
/// [`StoreError::FromTheFuture`] when the file knows steps that this program does not;
/// otherwise what the database says. A step that fails leaves the file as it was before it.
pub fn migrate(connection: &mut Connection) -> Result<Vec<String>, StoreError> {
    let found = version(connection)?;
    let known = embedded::migrations::runner().get_migrations().iter().map(refinery::Migration::version).max().unwrap_or_default();
    let known = u32::try_from(known).unwrap_or_default();
    if found > known {
        return Err(StoreError::FromTheFuture { found, known });
    }
    if found == known {
        return Ok(Vec::new());
    }
    let report = embedded::migrations::runner().run(connection).map_err(|error| StoreError::Database(error.to_string()))?;
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}

/// Number of the last step that was applied; 0 for a new file.
///
/// # Errors
/// What the database says.
pub fn version(connection: &Connection) -> Result<u32, StoreError> {
    let table: Option<i64> = connection.query_row("SELECT 1 FROM sqlite_schema WHERE name = 'refinery_schema_history'", [], |row| row.get(0)).optional()?;
    if table.is_none() {
        return Ok(0);
    }
    let version: Option<u32> = connection.query_row("SELECT max(version) FROM refinery_schema_history", [], |row| row.get(0))?;
    Ok(version.unwrap_or_default())
}
