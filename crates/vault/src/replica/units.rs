//! The units of this laptop: which are held, how far a download has come, and their digests.

use std::collections::BTreeMap;

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

/// All units of this laptop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Units {
    held: BTreeMap<Unit, UnitHeld>,
    loaded: BTreeMap<Unit, UnitHeld>,
}

impl Units {
    /// Reads them.
    pub fn load(connection: &Connection) -> Result<Units, VaultError> {
        let mut statement = connection.prepare_cached("SELECT unit_id, complete, at_g, after_entity, after_row, digest, held_before, mismatches FROM unit_held")?;
        let mut rows = statement.query([])?;
        let mut held = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let unit = row.get_ref("unit_id")?.as_blob().ok().and_then(Unit::from_bytes).ok_or_else(unreadable)?;
            let after = match (row.get::<_, Option<u16>>("after_entity")?, row.get::<_, Option<Vec<u8>>>("after_row")?) {
                (Some(entity), Some(id)) => Some(RowKey { entity, id: Uuid::from_slice(&id).map_err(|_| unreadable())? }),
                _ => None,
            };
            let digest = postcard::from_bytes(&row.get::<_, Vec<u8>>("digest")?).map_err(|_| unreadable())?;
            let at_g = row.get::<_, i64>("at_g")?.unsigned_abs();
            held.insert(unit, UnitHeld { complete: row.get("complete")?, at_g, after, digest, held_before: row.get("held_before")?, mismatches: row.get("mismatches")? });
        }
        Ok(Units { loaded: held.clone(), held })
    }

    /// Writes what changed since they were read.
    pub fn save(&mut self, connection: &Connection) -> Result<(), VaultError> {
        for unit in self.loaded.keys().filter(|unit| !self.held.contains_key(unit)) {
            connection.prepare_cached("DELETE FROM unit_held WHERE unit_id = ?1")?.execute([unit.to_bytes()])?;
        }
        let sql = "INSERT OR REPLACE INTO unit_held (unit_id, complete, at_g, after_entity, after_row, digest, held_before, mismatches) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        for (unit, held) in self.held.iter().filter(|(unit, held)| self.loaded.get(unit) != Some(held)) {
            let digest = postcard::to_stdvec(&held.digest).map_err(|_| unreadable())?;
            let after = (held.after.map(|key| key.entity), held.after.map(|key| key.id.as_bytes().to_vec()));
            connection.prepare_cached(sql)?.execute(params![unit.to_bytes(), held.complete, held.at_g as i64, after.0, after.1, digest, held.held_before, held.mismatches])?;
        }
        self.loaded = self.held.clone();
        Ok(())
    }

    /// One of them.
    pub fn get(&self, unit: Unit) -> Option<&UnitHeld> {
        self.held.get(&unit)
    }

    /// One of them, to be changed.
    pub fn get_mut(&mut self, unit: Unit) -> Option<&mut UnitHeld> {
        self.held.get_mut(&unit)
    }

    /// Whether all rows of a unit are in their tables.
    pub fn is_complete(&self, unit: Unit) -> bool {
        self.held.get(&unit).is_some_and(|held| held.complete)
    }

    /// A unit whose download goes on, or begins.
    pub fn enter(&mut self, unit: Unit) -> &mut UnitHeld {
        self.held.entry(unit).or_default()
    }

    /// A unit is not held any more.
    pub fn leave(&mut self, unit: Unit) {
        self.held.remove(&unit);
    }

    /// Its rows are to be fetched anew; those that lie here stay until then.
    pub fn fetch_anew(&mut self, unit: Unit) {
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
        self.held.values_mut().filter(|held| !held.complete && held.after.is_some()).for_each(|held| held.at_g = g);
    }

    /// The hash of those that are complete, as the centre knows them.
    pub fn set_hash(&self) -> [u8; 32] {
        unit_set_hash(self.all().filter(|(_, held)| held.complete).map(|(unit, _)| unit))
    }

    /// Those whose download goes on, as the centre is asked for them.
    pub fn bootstrap(&self, at_most: usize) -> Vec<Bootstrap> {
        self.all().filter(|(_, held)| !held.complete).take(at_most).map(|(unit, held)| Bootstrap { unit, at_g: held.at_g, after: held.after }).collect()
    }

    /// A row of the base is another one now. Only complete units have a digest.
    pub fn count(&mut self, before: Option<&RowState>, after: Option<&RowState>) -> Result<(), VaultError> {
        for (row, comes) in [(before, false), (after, true)] {
            if let Some(row) = row
                && let Some(held) = self.held.get_mut(&row.unit).filter(|held| held.complete)
            {
                let summed = if comes { held.digest.add(row) } else { held.digest.remove(row) };
                summed.map_err(|_| unreadable())?;
            }
        }
        Ok(())
    }
}
