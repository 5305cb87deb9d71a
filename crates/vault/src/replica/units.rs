//! The units of this laptop: which are held, how far a download has come, and their digests.

use std::collections::{BTreeMap, BTreeSet};

use gladstone_model::Unit;
use gladstone_protocol::{RowState, RowsDigest, wire::{Bootstrap, RowKey, unit_set_hash}};
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::{error::VaultError, replica::base::unreadable};

/// One unit.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct UnitHeld {
    /// Whether all its rows are in their tables.
    pub complete: bool,
    /// Commit number as of which its rows are staged; 0 before the first page.
    pub at_g: u64,
    /// Last row that is staged.
    pub after: Option<RowKey>,
    /// Over the base rows, once complete.
    pub digest: RowsDigest,
    /// Whether rows of an earlier download may lie in the tables.
    pub held_before: bool,
    /// Digests in a row that did not agree.
    pub mismatches: u32,
}

/// All units of this laptop. Kept from one transaction to the next, so that what is asked of them
/// costs what changed and not how many there are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Units {
    held: BTreeMap<Unit, UnitHeld>,
    /// Those that may differ from what the table says; their digests are not in `sum`.
    open: BTreeSet<Unit>,
    /// Over the complete ones that are not open.
    sum: RowsDigest,
    /// Of the set of the complete ones; none after it may have changed.
    hash: Option<[u8; 32]>,
}

impl Units {
    /// Reads them.
    pub fn load(connection: &Connection) -> Result<Units, VaultError> {
        let mut statement = connection.prepare_cached("SELECT unit_id, complete, at_g, after_entity, after_row, digest, held_before, mismatches FROM unit_held")?;
        let mut rows = statement.query([])?;
        let mut units = Units::default();
        while let Some(row) = rows.next()? {
            let unit = row.get_ref("unit_id")?.as_blob().ok().and_then(Unit::from_bytes).ok_or_else(unreadable)?;
            let after = match (row.get::<_, Option<u16>>("after_entity")?, row.get::<_, Option<Vec<u8>>>("after_row")?) {
                (Some(entity), Some(id)) => Some(RowKey { entity, id: Uuid::from_slice(&id).map_err(|_| unreadable())? }),
                _ => None,
            };
            let digest = postcard::from_bytes(&row.get::<_, Vec<u8>>("digest")?).map_err(|_| unreadable())?;
            let at_g = row.get::<_, i64>("at_g")?.unsigned_abs();
            let held = UnitHeld { complete: row.get("complete")?, at_g, after, digest, held_before: row.get("held_before")?, mismatches: row.get("mismatches")? };
            if held.complete {
                units.sum.join(&digest);
            }
            units.held.insert(unit, held);
        }
        Ok(units)
    }

    /// Writes what may have changed since they were read.
    pub fn save(&mut self, connection: &Connection) -> Result<(), VaultError> {
        let sql = "INSERT OR REPLACE INTO unit_held (unit_id, complete, at_g, after_entity, after_row, digest, held_before, mismatches) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        for unit in std::mem::take(&mut self.open) {
            let Some(held) = self.held.get(&unit) else {
                connection.prepare_cached("DELETE FROM unit_held WHERE unit_id = ?1")?.execute([unit.to_bytes()])?;
                continue;
            };
            if held.complete {
                self.sum.join(&held.digest);
            }
            let digest = postcard::to_stdvec(&held.digest).map_err(|_| unreadable())?;
            let after = (held.after.map(|key| key.entity), held.after.map(|key| key.id.as_bytes().to_vec()));
            connection.prepare_cached(sql)?.execute(params![unit.to_bytes(), held.complete, held.at_g as i64, after.0, after.1, digest, held.held_before, held.mismatches])?;
        }
        Ok(())
    }

    /// One of them is about to change.
    fn open(&mut self, unit: Unit) {
        if self.open.insert(unit)
            && let Some(held) = self.held.get(&unit).filter(|held| held.complete)
        {
            self.sum.part(&held.digest);
        }
    }

    /// One of them.
    pub fn get(&self, unit: Unit) -> Option<&UnitHeld> {
        self.held.get(&unit)
    }

    /// How often in a row a unit did not agree.
    pub fn set_mismatches(&mut self, unit: Unit, mismatches: u32) {
        if self.held.get(&unit).is_some_and(|held| held.mismatches != mismatches) {
            self.open(unit);
            self.held.entry(unit).and_modify(|held| held.mismatches = mismatches);
        }
    }

    /// Whether all rows of a unit are in their tables.
    pub fn is_complete(&self, unit: Unit) -> bool {
        self.held.get(&unit).is_some_and(|held| held.complete)
    }

    /// A unit whose download goes on, begins, or ends.
    pub fn enter(&mut self, unit: Unit) -> &mut UnitHeld {
        self.open(unit);
        self.hash = None;
        self.held.entry(unit).or_default()
    }

    /// A unit is not held any more.
    pub fn leave(&mut self, unit: Unit) {
        self.open(unit);
        self.hash = None;
        self.held.remove(&unit);
    }

    /// Its rows are to be fetched anew; those that lie here stay until then.
    pub fn fetch_anew(&mut self, unit: Unit) {
        self.open(unit);
        self.hash = None;
        if let Some(held) = self.held.get_mut(&unit) {
            let held_before = held.held_before || held.complete;
            *held = UnitHeld { held_before, mismatches: held.mismatches, ..UnitHeld::default() };
        }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (Unit, &UnitHeld)> {
        self.held.iter().map(|(unit, held)| (*unit, held))
    }

    /// Those whose rows are staged move on with the checkpoint.
    pub fn staged_at(&mut self, g: u64) {
        let staged: Vec<Unit> = self.all().filter(|(_, held)| !held.complete && held.after.is_some() && held.at_g != g).map(|(unit, _)| unit).collect();
        for unit in staged {
            self.enter(unit).at_g = g;
        }
    }

    /// The sum of the digests of those that are complete.
    pub fn sum(&self) -> RowsDigest {
        let mut sum = self.sum;
        self.open.iter().filter_map(|unit| self.held.get(unit)).filter(|held| held.complete).for_each(|held| sum.join(&held.digest));
        sum
    }

    /// Whether all of them are complete, and none disagreed with the centre when it was compared last.
    pub fn are_settled(&self) -> bool {
        self.held.values().all(|held| held.complete && held.mismatches == 0)
    }

    /// The hash of those that are complete, as the centre knows them.
    pub fn set_hash(&mut self) -> [u8; 32] {
        let held = &self.held;
        *self.hash.get_or_insert_with(|| unit_set_hash(held.iter().filter(|(_, held)| held.complete).map(|(unit, _)| *unit)))
    }

    /// Those whose download goes on, as the centre is asked for them.
    pub fn bootstrap(&self, at_most: usize) -> Vec<Bootstrap> {
        self.all().filter(|(_, held)| !held.complete).take(at_most).map(|(unit, held)| Bootstrap { unit, at_g: held.at_g, after: held.after }).collect()
    }

    /// A row of the base is another one now. Only complete units have a digest.
    pub fn count(&mut self, before: Option<&RowState>, after: Option<&RowState>) -> Result<(), VaultError> {
        for (row, comes) in [(before, false), (after, true)] {
            let Some(row) = row.filter(|row| self.is_complete(row.unit)) else { continue };
            self.open(row.unit);
            if let Some(held) = self.held.get_mut(&row.unit) {
                let summed = if comes { held.digest.add(row) } else { held.digest.remove(row) };
                summed.map_err(|_| unreadable())?;
            }
        }
        Ok(())
    }
}
