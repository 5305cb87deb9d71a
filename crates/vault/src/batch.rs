//! Mutations on their way into one transaction. Each runs a closure, validates what it writes, captures it as
//! one signed mutation, appends that to the chain and updates the digest.

use gladstone_model::catalogue::SCHEMA_VERSION;
use gladstone_protocol::{Event, EventAction, Mutation, entry::Body};
use uuid::Uuid;

use crate::{
    capture,
    error::VaultError,
    inside::Inside,
    replica,
    tx::{Seen, Touched, Tx},
    vault::Changes,
};

/// Which command writes, and why.
#[derive(Clone, Debug)]
pub struct Purpose {
    /// The command, for example `responses.answer`.
    pub command: String,
    /// The reason, where the command asks for one.
    pub reason: Option<String>,
}

impl From<&str> for Purpose {
    fn from(command: &str) -> Purpose {
        Purpose { command: command.into(), reason: None }
    }
}

/// Several mutations on their way into one transaction.
pub struct Batch<'v> {
    inside: Inside<'v>,
    seen: &'v Seen,
    /// What search does not know yet. Every savepoint, that of an UPDATE included, makes the index
    /// write what it has gathered, so rows are indexed once, at the very end of the transaction.
    unindexed: Vec<Touched>,
}

impl<'v> Batch<'v> {
    pub(crate) fn new(inside: Inside<'v>, seen: &'v Seen) -> Batch<'v> {
        Batch { inside, seen, unindexed: Vec::new() }
    }

    /// Rows that are not in the search yet.
    pub(crate) fn into_unindexed(self) -> Vec<Touched> {
        self.unindexed
    }

    /// What the transaction works with, for what the vault keeps besides rows.
    pub(crate) fn inside(&self) -> &Inside<'v> {
        &self.inside
    }
}

impl Batch<'_> {
    /// One mutation of the batch. When it fails, nothing of it stays, and the batch may go on.
    ///
    /// # Errors
    /// What `f` returns, or a broken rule.
    pub fn commit<T, E: From<VaultError>>(&mut self, purpose: impl Into<Purpose>, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<(T, Changes), E> {
        let connection = self.inside.connection;
        let execute = |sql: &str| -> Result<(), VaultError> { Ok(connection.prepare_cached(sql)?.execute([]).map(|_| ())?) };
        execute("SAVEPOINT mutation")?;
        let (before, indexed) = (self.inside.state.clone(), self.unindexed.len());
        match self.mutate(purpose.into(), f) {
            Ok(done) => {
                execute("RELEASE mutation")?;
                Ok(done)
            }
            Err(error) => {
                *self.inside.state = before;
                self.seen.clear();
                self.unindexed.truncate(indexed);
                let undo = connection.execute_batch("ROLLBACK TO mutation; RELEASE mutation");
                // A full disk may have rolled everything back already; then there is no savepoint.
                if undo.is_err() && !connection.is_autocommit() {
                    tracing::error!("a savepoint could not be undone");
                }
                Err(error)
            }
        }
    }

    /// An audit event.
    ///
    /// # Errors
    /// What the database says.
    pub fn record(&mut self, action: EventAction, entity: u16, row: Uuid, detail: &str) -> Result<(), VaultError> {
        let event = Event { actor: self.inside.state.actor, wall: self.inside.around.now(), action, entity, row, detail: detail.into() };
        self.inside.append(Body::Event(event), None)?;
        Ok(())
    }

    /// As [`Batch::commit`] without a savepoint: when it fails, the whole transaction has to go.
    pub(crate) fn mutate<T, E: From<VaultError>>(&mut self, purpose: Purpose, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<(T, Changes), E> {
        let Inside { connection, around, keys, state, .. } = &mut self.inside;
        let (id, now) = (around.new_id()?, around.now());
        let mut tx = Tx::new(connection, self.seen, *around, id, state.actor, now);
        let value = f(&mut tx)?;
        tx.check_completion()?;
        let mends = tx.mends;
        let touched = tx.into_touched();
        for row in &touched {
            if let Some(before) = &row.before {
                state.digest.remove(&keys.digest, before).map_err(VaultError::from)?;
            }
            state.digest.add(&keys.digest, &row.after).map_err(VaultError::from)?;
        }
        let ops = capture::ops(&touched);
        if let Some(dseq) = mends {
            replica::mended(connection, now, dseq, (!ops.is_empty()).then_some(id))?;
        }
        if !state.realm.is_nil() {
            replica::note(connection, state.dseq + 1, &touched, &ops)?;
        }
        let entities = touched.iter().map(|row| row.after.row.entity.name.as_str()).collect();
        self.unindexed.extend(touched.into_iter().filter(|row| !row.after.row.entity.search.is_empty()));
        if ops.is_empty() {
            return Ok((value, Changes::default()));
        }
        state.hlc = state.next_hlc(now);
        let mutation = Mutation {
            id,
            realm: state.realm,
            actor: state.actor,
            hlc: state.hlc,
            wall: now,
            zone_minutes: around.zone_minutes(),
            server_offset: state.server_offset,
            schema_version: SCHEMA_VERSION,
            command: purpose.command,
            reason: purpose.reason,
            ops,
        };
        self.inside.append(Body::Mutation(mutation), Some(id))?;
        Ok((value, Changes { entities, mutation: id }))
    }
}
