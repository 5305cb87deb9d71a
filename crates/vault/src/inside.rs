//! A transaction of the vault from within: what it works with, and how it begins and ends. Who
//! may ask for one is in `vault.rs`.

use std::sync::{Arc, Mutex};

use gladstone_protocol::{ENVELOPE_VERSION, Entry, entry::Body, limits::MUTATION_LIMIT, seal};
use gladstone_store::{StoreError, digest::DigestKey, guard::Gate};
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::{chain, error::VaultError, keys::signing::SigningKey, replica::Units, state::VaultState, surroundings::Surroundings};

/// The keys of an open vault that never change while it is open.
pub(crate) struct VaultKeys {
    pub digest: DigestKey,
}

/// What a transaction works with.
pub(crate) struct Inside<'v> {
    pub connection: &'v Connection,
    pub around: &'v dyn Surroundings,
    pub keys: &'v VaultKeys,
    pub state: &'v mut VaultState,
    /// The units as they were saved last; none when they have to be read.
    pub units: &'v Mutex<Option<Units>>,
    /// Whether rows must not refer to others that are not here.
    pub references_hold: bool,
    /// Signs what is appended; another one from the moment on when the vault becomes another laptop.
    pub signer: &'v mut Arc<SigningKey>,
}

impl Inside<'_> {
    /// Appends an entry to the chain and returns its place in this database, from 1.
    pub fn append(&mut self, body: Body, mutation: Option<Uuid>) -> Result<u64, VaultError> {
        let place = self.state.dseq + 1;
        let number = place - self.state.life_start;
        let previous = if number == 1 { [0; 32] } else { self.state.chain_head };
        let entry = Entry { version: ENVELOPE_VERSION, device: self.state.device, incarnation: self.state.incarnation, dseq: number, previous, body };
        let sealed = seal::seal(&entry, self.signer.as_ref())?;
        if sealed.bytes.len() > MUTATION_LIMIT {
            return Err(VaultError::TooLarge { bytes: sealed.bytes.len(), limit: MUTATION_LIMIT });
        }
        self.connection.prepare_cached("INSERT INTO chain (dseq, mutation_id, bytes, hash, signature) VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
            place as i64, mutation.map(|id| id.as_bytes().to_vec()), chain::pack(&sealed.bytes), sealed.hash, sealed.signature
        ])?;
        self.state.dseq = place;
        self.state.chain_head = sealed.hash;
        Ok(place)
    }
}

/// Whether a failure leaves the connection usable.
pub(crate) enum Failure {
    Ordinary,
    Disk,
}

/// Begin, run, commit; on any error roll back. A commit that fails at the disk must not be
/// tried again: what the disk holds then is not known until the file is opened anew.
pub(crate) fn in_transaction<T, E: From<VaultError>>(connection: &Connection, gate: &Gate, f: impl FnOnce() -> Result<T, E>) -> Result<T, (E, Failure)> {
    let run = |sql: &str| connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(|_| ());
    let wrapped = |error: rusqlite::Error| {
        let error = VaultError::from(error);
        let failure = if matches!(error, VaultError::Store(StoreError::Disk)) { Failure::Disk } else { Failure::Ordinary };
        (E::from(error), failure)
    };
    run("BEGIN IMMEDIATE").map_err(wrapped)?;
    gate.open();
    let result = f();
    gate.close();
    let result = match result {
        Ok(value) => run("COMMIT").map(|()| value).map_err(wrapped),
        Err(error) => Err((error, Failure::Ordinary)),
    };
    if result.is_err() && !connection.is_autocommit() && run("ROLLBACK").is_err() {
        tracing::error!("a transaction could not be rolled back");
    }
    result
}
