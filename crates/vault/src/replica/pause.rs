//! A person holds synchronizing up, and lets it go on. Kept in the vault, so that it also holds after
//! a restart; what waits is not touched. Whoever runs the engine asks here first.

use gladstone_model::Instant;
use rusqlite::{OptionalExtension, params};

use crate::{error::VaultError, replica::told, vault::Vault};

impl Vault {
    /// Since when it is held up; none when it is not.
    ///
    /// # Errors
    /// What the database says.
    pub fn paused_since(&self) -> Result<Option<Instant>, VaultError> {
        self.look(|connection, _| Ok(connection.prepare_cached("SELECT since FROM pause")?.query_row([], |row| row.get(0).map(Instant)).optional()?))
    }

    /// Holds it up. Doing so twice changes nothing.
    ///
    /// # Errors
    /// What the database says.
    pub fn pause(&self) -> Result<(), VaultError> {
        self.replicate(|inside| {
            let now = inside.around.now();
            let is_new = inside.connection.prepare_cached("INSERT OR IGNORE INTO pause (one, since) VALUES (1, ?1)")?.execute(params![now.0])? > 0;
            if is_new { told::log(inside.connection, now, "Synchronizing was paused.") } else { Ok(()) }
        })
    }

    /// Lets it go on. Doing so twice changes nothing.
    ///
    /// # Errors
    /// What the database says.
    pub fn resume(&self) -> Result<(), VaultError> {
        if self.paused_since()?.is_none() {
            return Ok(());
        }
        self.replicate(|inside| {
            inside.connection.prepare_cached("DELETE FROM pause")?.execute([])?;
            told::log(inside.connection, inside.around.now(), "Synchronizing goes on.")
        })
    }
}
