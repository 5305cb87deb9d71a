//! Which rows are here of a unit. No index serves that (it would make the file larger by about a
//! sixteenth for something that is rare), so all units of an answer are looked for together: each table
//! is read once, however many units leave or are fetched anew.

use std::collections::{BTreeMap, BTreeSet};

use gladstone_model::{Unit, catalogue};
use gladstone_protocol::wire::RowKey;
use gladstone_store::Reader;
use rusqlite::Connection;
use uuid::Uuid;

use crate::{error::VaultError, replica::base::unreadable};

/// Keys of the rows of units, as they were when the first of them was asked for.
#[derive(Default)]
pub(crate) struct Keys {
    wanted: BTreeSet<Unit>,
    found: BTreeMap<Unit, BTreeSet<RowKey>>,
}

impl Keys {
    /// These units will be asked for, before any row comes into one of them.
    pub fn foresee(&mut self, units: impl IntoIterator<Item = Unit>) {
        self.wanted.extend(units);
    }

    /// Keys of all rows that are here of a unit: in tables, below entries, and unknown to this version.
    pub fn of(&mut self, connection: &Connection, unit: Unit) -> Result<BTreeSet<RowKey>, VaultError> {
        if let Some(found) = self.found.remove(&unit) {
            return Ok(found);
        }
        self.wanted.insert(unit);
        let wanted = std::mem::take(&mut self.wanted);
        self.found.extend(wanted.iter().map(|unit| (*unit, BTreeSet::new())));
        for entity in &catalogue().entities {
            for (unit, id) in Reader::new(connection).ids_in_units(entity, &wanted)? {
                self.found.entry(unit).or_default().insert(RowKey { entity: entity.no, id });
            }
        }
        for table in ["overlay", "opaque"] {
            let mut statement = connection.prepare_cached(&format!("SELECT entity, row_id, unit_id FROM {table}"))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let unit = row.get_ref(2)?.as_blob().ok().and_then(Unit::from_bytes).ok_or_else(unreadable)?;
                if wanted.contains(&unit) {
                    let id = Uuid::from_slice(&row.get::<_, Vec<u8>>(1)?).map_err(|_| unreadable())?;
                    self.found.entry(unit).or_default().insert(RowKey { entity: row.get(0)?, id });
                }
            }
        }
        Ok(self.found.remove(&unit).unwrap_or_default())
    }
}
