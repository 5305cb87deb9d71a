//! Brings a SQLite file to the declared schema, all or nothing, and refuses files from the future.

use refinery::{Migration, Runner, error::Kind};
use rusqlite::{Connection, OptionalExtension};

use crate::error::StoreError;

mod embedded {
    refinery::embed_migrations!("../../migrations/sqlite");
}

/// Steps of the embedded centre alone.
mod centre {
    refinery::embed_migrations!("../../migrations/centre-sqlite");
}

/// Names of the steps that hold the tables of the model: the same for a vault and for the centre.
const OF_THE_MODEL: &str = "entities";

/// Applies what is missing, in one transaction, and returns the names of the steps that were
/// applied. The schema version is the number of the last step.
///
/// # Errors
/// [`StoreError::FromTheFuture`] when the file knows steps that this program does not;
/// [`StoreError::Damaged`] when its steps are not those of this program; otherwise what the
/// database says. When it fails, the file has the schema that it had before.
pub fn migrate(connection: &mut Connection) -> Result<Vec<String>, StoreError> {
    apply(connection, embedded::migrations::runner())
}

/// As [`migrate`], for a file of the embedded centre: the tables of the model, and the centre's own.
///
/// # Errors
/// As for [`migrate`].
pub fn migrate_centre(connection: &mut Connection) -> Result<Vec<String>, StoreError> {
    let model = embedded::migrations::runner().get_migrations().clone().into_iter().filter(|step| step.name().starts_with(OF_THE_MODEL));
    let steps: Vec<Migration> = model.chain(centre::migrations::runner().get_migrations().clone()).collect();
    apply(connection, Runner::new(&steps))
}

fn apply(connection: &mut Connection, runner: Runner) -> Result<Vec<String>, StoreError> {
    // Grouped, because refinery otherwise records each step in a transaction of its own: a power
    // cut between the two would leave a file that can never be migrated.
    let runner = runner.set_grouped(true);
    let mut steps = runner.get_migrations().clone();
    steps.sort();
    let found = version(connection)?;
    let known = steps.last().and_then(|step| u32::try_from(step.version()).ok()).unwrap_or_default();
    if found > known {
        return Err(StoreError::FromTheFuture { found, known });
    }
    verify(connection, &steps, found)?;
    if found == known {
        return Ok(Vec::new());
    }
    let report = runner.run(connection).map_err(|error| refused(&error))?;
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

/// Whether every step up to `found` was applied as this program knows it.
fn verify(connection: &Connection, steps: &[Migration], found: u32) -> Result<(), StoreError> {
    for step in steps.iter().filter(|step| u32::try_from(step.version()).is_ok_and(|version| version <= found)) {
        let applied: Option<(String, String)> = connection
            .query_row("SELECT name, checksum FROM refinery_schema_history WHERE version = ?1", [step.version()], |row| Ok((row.get("name")?, row.get("checksum")?)))
            .optional()?;
        if applied != Some((step.name().to_owned(), step.checksum().to_string())) {
            return Err(StoreError::Damaged(format!("step {} of its schema is not the one that this version of Gladstone knows", step.version())));
        }
    }
    Ok(())
}

/// A full or failing disk keeps its name on the way through refinery.
fn refused(error: &refinery::Error) -> StoreError {
    if let Kind::Connection(_, source) = error.kind()
        && let Some(rusqlite::Error::SqliteFailure(code, message)) = source.downcast_ref()
    {
        return rusqlite::Error::SqliteFailure(*code, message.clone()).into();
    }
    StoreError::Database(error.to_string())
}
