//! What a store has to offer so that the centre can run on it. Says nothing about how: SQLite is
//! in `embedded/`; PostgreSQL implements the same. Knows no rule of merging and no right.
//!
//! Everything is asked for in batches, because a store may be a network away: the ingest of a
//! group of pushes reads with a handful of calls and writes with one [`Writing::save`].

use std::path::Path;

use gladstone_model::{Instant, Unit, Value, unit::UnitKind};
use gladstone_protocol::{JournalEntry, RowState, RowsDigest, Stored, wire::RowKey};
use uuid::Uuid;

use crate::{error::{CentreError, EngineError}, file_news::FileNews};

pub mod log;
mod records;
pub mod rest;

pub use records::{
    Ahead, Alike, Batch, Begun, Claim, Device, DeviceUnits, Filed, Having, Head, Held, Life, LogAsk, LogLine, LogPart, Meeting, NewRealm, Place, RowSave, Sought, StoredInvite, StoredSession, Touched, UnitSum, Witness, Written,
};

/// A store of realms. Blocking; every call may come from any thread.
pub trait Engine: Send + Sync {
    /// The realms that are held, in no order.
    ///
    /// # Errors
    /// What the store says.
    fn realms(&self) -> Result<Vec<Uuid>, EngineError>;

    /// Makes an empty realm.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when the id is taken.
    fn found(&self, new: &NewRealm) -> Result<(), EngineError>;

    /// The realm in which something is known that comes from outside without naming a realm.
    /// One answer at most: ids of devices and hashes are unique in the whole store.
    ///
    /// # Errors
    /// What the store says.
    fn realm_of(&self, sought: Sought) -> Result<Option<Uuid>, EngineError>;

    /// Reads from one snapshot of one realm.
    ///
    /// # Errors
    /// [`EngineError::NoRealm`], what the store says, or what `f` returns.
    fn read(&self, realm: Uuid, f: &mut dyn FnMut(&mut dyn Reading) -> Result<(), CentreError>) -> Result<(), CentreError>;

    /// A session or challenge by its hash, and its laptop: what every request begins with.
    ///
    /// # Errors
    /// As [`Engine::read`].
    fn caller(&self, realm: Uuid, hash: [u8; 32]) -> Result<Option<(StoredSession, Device)>, CentreError> {
        let mut found = None;
        self.read(realm, &mut |shelf| {
            found = match shelf.session(hash)? {
                Some(session) => shelf.devices(Some(&[session.device]))?.into_iter().next().map(|device| (session, device)),
                None => None,
            };
            Ok(())
        })?;
        Ok(found)
    }

    /// Runs `f` in one transaction that is alone in writing the realm: from its beginning the head
    /// is locked. Durable when this returns `Ok`; gone when `f` fails. `f` may be run again from its
    /// beginning when the store asks for it, so it must change nothing outside that matters then.
    ///
    /// Before it returns, the witness has been brought up to the head that was saved.
    ///
    /// `f` is given the answer to `ahead`, which a store that is a network away was asked along with the beginning.
    ///
    /// # Errors
    /// [`EngineError::NoRealm`], what the store says, or what `f` returns.
    fn write_ahead(&self, realm: Uuid, ahead: &Ahead, f: &mut dyn FnMut(&mut dyn Writing, Begun) -> Result<(), CentreError>) -> Result<(), CentreError>;

    /// As [`Engine::write_ahead`] for what needs nothing ahead.
    ///
    /// # Errors
    /// As for that.
    fn write(&self, realm: Uuid, f: &mut dyn FnMut(&mut dyn Writing) -> Result<(), CentreError>) -> Result<(), CentreError> {
        self.write_ahead(realm, &Ahead::default(), &mut |shelf, _| f(shelf))
    }

    /// What the witness outside the store saw last: never ahead of what was durable. None when
    /// there is no witness that can be read.
    ///
    /// # Errors
    /// What the store says.
    fn witness(&self, realm: Uuid) -> Result<Option<Witness>, EngineError>;

    /// Tells the other services on the same store, if there can be any, that a file became whole. Not
    /// kept: whoever does not listen misses it.
    ///
    /// # Errors
    /// What the store says.
    fn tell(&self, _realm: Uuid, _news: &FileNews) -> Result<(), EngineError> {
        Ok(())
    }

    /// Writes a complete copy of one realm to a new file, beside running work.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when this engine leaves it to the database's own tools; what the
    /// store or the disk says.
    fn backup(&self, realm: Uuid, to: &Path) -> Result<(), EngineError>;
}

/// Some rows of a unit.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitRows {
    /// In the order of their keys.
    pub rows: Vec<RowState>,
    /// Nothing follows. False: something may follow.
    pub ends: bool,
}

/// About how many bytes a row is on the wire.
pub(crate) fn weight(state: &RowState) -> usize {
    let value = |value: &Value| match value {
        Value::Text(text) | Value::Json(text) => text.len() + 4,
        Value::Null => 0,
        _ => 18,
    };
    64 + state.row.values.iter().map(value).sum::<usize>() + state.group_mids.pairs().len() * 18
}

/// Reading one realm. Lists come in no order and without what is not there, where nothing else is
/// said; what is asked for twice may come once.
pub trait Reading {
    /// The realm itself.
    ///
    /// # Errors
    /// What the store says; so for all that follow.
    fn head(&mut self) -> Result<Head, EngineError>;

    /// All that the work on a group of pushes begins with: as if each were asked for by itself. Engines
    /// that are a network away answer in one go.
    ///
    /// # Errors
    /// What the store says.
    fn ahead(&mut self, ask: &Ahead) -> Result<Begun, EngineError> {
        let mut begun = Begun::default();
        for hash in &ask.sessions {
            begun.sessions.extend(self.session(*hash)?);
        }
        if !ask.devices.is_empty() {
            (begun.devices, begun.lives) = (self.devices(Some(&ask.devices))?, self.lives(&ask.devices)?);
        }
        if !ask.actors.is_empty() {
            begun.claims = self.claims(&ask.actors)?;
        }
        if !ask.rows.is_empty() {
            begun.rows = self.rows(&ask.rows)?;
        }
        if !ask.mutations.is_empty() {
            begun.written = self.mutations(&ask.mutations)?;
        }
        if !ask.units.is_empty() {
            begun.sums = self.digests(&ask.units)?;
        }
        Ok(begun)
    }

    /// Rows by their keys, entered in error or not.
    ///
    /// # Errors
    /// What the store says.
    fn rows(&mut self, keys: &[RowKey]) -> Result<Vec<RowState>, EngineError>;

    /// Rows in which a field has a value, entered in error or not; at most `limit` for each ask.
    ///
    /// # Errors
    /// What the store says.
    fn having(&mut self, asks: &[Having]) -> Result<Vec<RowState>, EngineError>;

    /// Rows in which a field has a value, and whose stretch of time meets another one; back to back
    /// is no meeting. Engines with an index over times may do better than reading all.
    ///
    /// # Errors
    /// What the store says.
    fn meeting(&mut self, ask: &Meeting) -> Result<Vec<RowState>, EngineError> {
        let rows = self.having(std::slice::from_ref(&ask.having))?;
        Ok(rows.into_iter().filter(|state| ask.meets(state)).collect())
    }

    /// For each ask, in its order: a row that stands, is another one, and has all these values.
    ///
    /// # Errors
    /// What the store says.
    fn alike(&mut self, asks: &[Alike]) -> Result<Vec<Option<RowKey>>, EngineError>;

    /// Who wrote these mutations and what was decided about them.
    ///
    /// # Errors
    /// What the store says.
    fn mutations(&mut self, ids: &[Uuid]) -> Result<Vec<Written>, EngineError>;

    /// The canonical bytes of the entries in which these mutations came.
    ///
    /// # Errors
    /// What the store says.
    fn mutation_bytes(&mut self, ids: &[Uuid]) -> Result<Vec<(Uuid, Vec<u8>)>, EngineError>;

    /// Envelopes `from` to `to` (both included) of one life of one laptop, in the order of their
    /// numbers.
    ///
    /// # Errors
    /// What the store says.
    fn filed(&mut self, device: Uuid, incarnation: Uuid, from: u64, to: u64) -> Result<Vec<Filed>, EngineError>;

    /// The first commit number after `after_g` of a mutation that was received at `received` or later;
    /// none when there is none.
    ///
    /// # Errors
    /// What the store says.
    fn first_since(&mut self, after_g: u64, received: Instant) -> Result<Option<u64>, EngineError>;

    /// Verdicts on one life that were decided anew (see [`Batch::verdicts`]) in `(after_g, to_g]`,
    /// by number; at most `limit`.
    ///
    /// # Errors
    /// What the store says.
    fn changed_verdicts(&mut self, device: Uuid, incarnation: Uuid, after_g: u64, to_g: u64, limit: usize) -> Result<Vec<(u64, Stored)>, EngineError>;

    /// The open entries of the conflict journal about these rows.
    ///
    /// # Errors
    /// What the store says.
    fn journal(&mut self, rows: &[RowKey]) -> Result<Vec<JournalEntry>, EngineError>;

    /// Every mutation that waits for something, in the order of receipt.
    ///
    /// # Errors
    /// What the store says.
    fn held(&mut self) -> Result<Vec<Held>, EngineError>;

    /// The claims of these people, whenever they are or were valid.
    ///
    /// # Errors
    /// What the store says.
    fn claims(&mut self, actors: &[Uuid]) -> Result<Vec<Claim>, EngineError>;

    /// All units of one kind that have rows.
    ///
    /// # Errors
    /// What the store says.
    fn units(&mut self, kind: UnitKind) -> Result<Vec<Unit>, EngineError>;

    /// Digests of these units.
    ///
    /// # Errors
    /// What the store says.
    fn digests(&mut self, units: &[Unit]) -> Result<Vec<UnitSum>, EngineError>;

    /// The log of some units, by commit number: whole mutations from the beginning of the range,
    /// and so many that the one by which `bytes` of news are exceeded is the last.
    ///
    /// # Errors
    /// What the store says.
    fn log(&mut self, ask: &LogAsk<'_>) -> Result<LogPart, EngineError>;

    /// What commits in `(after_g, to_g]`, which the log holds, touched; rows of these entities alone.
    /// None when it is more than `limit` of a kind.
    ///
    /// # Errors
    /// What the store says.
    fn touched(&mut self, after_g: u64, to_g: u64, entities: &[u16], limit: usize) -> Result<Option<Touched>, EngineError>;

    /// By how much the digests of units moved in `(after_g, to_g]`, which the log holds: one entry or
    /// more for each unit.
    ///
    /// # Errors
    /// What the store says.
    fn shifts(&mut self, after_g: u64, to_g: u64) -> Result<Vec<(Unit, RowsDigest)>, EngineError>;

    /// Rows of these units are asked for next, from their beginning and in this order, with room for about `bytes`:
    /// a store that is elsewhere fetches them meanwhile. A hint and nothing more.
    fn soon(&mut self, _units: &[Unit], _bytes: usize) {}

    /// Rows of a unit behind a key in ascending order, entered in error or not: at most `limit`,
    /// and fewer when they are large (about `bytes`, but one row at least when there is one). It is told
    /// when nothing follows them, where the store knows without asking again.
    ///
    /// # Errors
    /// What the store says.
    fn unit_rows(&mut self, unit: Unit, after: Option<RowKey>, limit: usize, bytes: usize) -> Result<UnitRows, EngineError>;

    /// Laptops by id; all of them for none.
    ///
    /// # Errors
    /// What the store says.
    fn devices(&mut self, ids: Option<&[Uuid]>) -> Result<Vec<Device>, EngineError>;

    /// All lives of these laptops.
    ///
    /// # Errors
    /// What the store says.
    fn lives(&mut self, devices: &[Uuid]) -> Result<Vec<Life>, EngineError>;

    /// Which units a laptop was last handed out.
    ///
    /// # Errors
    /// What the store says.
    fn device_units(&mut self, device: Uuid) -> Result<DeviceUnits, EngineError>;

    /// An invitation by the hash of its code.
    ///
    /// # Errors
    /// What the store says.
    fn invite(&mut self, hash: [u8; 32]) -> Result<Option<StoredInvite>, EngineError>;

    /// A session or challenge by its hash.
    ///
    /// # Errors
    /// What the store says.
    fn session(&mut self, hash: [u8; 32]) -> Result<Option<StoredSession>, EngineError>;
}

/// Writing one realm, inside one transaction. What was written is seen by what is read after it.
pub trait Writing: Reading {
    /// Writes all that a group of pushes changed: at the latest with the end of the transaction, or before anything
    /// else is asked of it. What goes wrong is told then.
    ///
    /// # Errors
    /// What the store says; the whole transaction has to be given up then.
    fn save(&mut self, batch: Batch) -> Result<(), EngineError>;

    /// Begins to write a part of what a group of pushes changed, and may go on when it has returned; what is
    /// read after it sees it. It may refer to what lies in it or was written before. What goes wrong is told by this, by a later call, or when the transaction ends.
    ///
    /// # Errors
    /// What the store says; the whole transaction has to be given up then.
    fn save_beside(&mut self, batch: Batch) -> Result<(), EngineError> {
        self.save(batch)
    }

    /// Whether [`Writing::save_beside`] goes on beside its caller, so that parts are worth it.
    fn saves_beside(&self) -> bool {
        false
    }

    /// Adds a laptop, or replaces what is known of it.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when another realm has a laptop of this id.
    fn put_device(&mut self, device: &Device) -> Result<(), EngineError>;

    /// Notes which units a laptop is handed out.
    ///
    /// # Errors
    /// What the store says.
    fn put_device_units(&mut self, device: Uuid, units: &DeviceUnits) -> Result<(), EngineError>;

    /// Adds an invitation, or replaces the one with the same hash.
    ///
    /// # Errors
    /// What the store says.
    fn put_invite(&mut self, invite: &StoredInvite) -> Result<(), EngineError>;

    /// Adds a session or challenge, and removes those that ended before `now`.
    ///
    /// # Errors
    /// What the store says.
    fn put_session(&mut self, session: &StoredSession, now: Instant) -> Result<(), EngineError>;

    /// Removes a session or challenge.
    ///
    /// # Errors
    /// What the store says.
    fn remove_session(&mut self, hash: [u8; 32]) -> Result<(), EngineError>;

    /// Sets for how many days laptops may work without contact (1 to 30), and ends all sessions.
    ///
    /// # Errors
    /// What the store says.
    fn set_lease_days(&mut self, days: u16) -> Result<(), EngineError>;

    /// Begins another history of the realm.
    ///
    /// # Errors
    /// What the store says.
    fn set_epoch(&mut self, epoch: Uuid) -> Result<(), EngineError>;

    /// Removes the log up to a commit number, included; mutations stay. Sets [`Head::floor_g`].
    ///
    /// # Errors
    /// What the store says.
    fn trim_log(&mut self, through_g: u64) -> Result<(), EngineError>;
}

