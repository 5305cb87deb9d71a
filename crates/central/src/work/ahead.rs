//! Reading ahead: what a group of pushes will touch, with as few questions as possible.

use std::collections::BTreeSet;

use gladstone_model::{Unit, Value, catalogue};
use gladstone_protocol::{OpKind, mutation::Mutation, wire::RowKey};
use uuid::Uuid;

use super::{Work, writers_of};
use crate::{engine::Ahead, error::CentreError, units};

impl Work<'_> {
    /// Reads these laptops, and what these mutations will touch: rows, the rows that they refer to, who wrote
    /// what they change, and the sums of the units in which their author saw them.
    pub fn read_ahead<'m>(&mut self, devices: &[Uuid], mutations: impl Iterator<Item = &'m Mutation>) -> Result<(), CentreError> {
        let (mut keys, mut mids, mut actors) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut updated, mut units) = (Vec::new(), BTreeSet::new());
        for mutation in mutations {
            mids.insert(mutation.id);
            actors.insert(mutation.actor);
            for op in &mutation.ops {
                let key = RowKey { entity: op.entity, id: op.id };
                keys.insert(key);
                units.insert(op.unit);
                match &op.kind {
                    OpKind::Create(values) => keys.extend(references(op.entity, values)),
                    OpKind::Update(patches) => {
                        updated.push(key);
                        mids.extend(patches.iter().map(|patch| patch.base));
                        keys.extend(patches.iter().flat_map(|patch| references(op.entity, &patch.values)));
                    }
                    OpKind::EnterInError { base, .. } => {
                        updated.push(key);
                        mids.insert(*base);
                    }
                }
            }
        }
        self.load_begun(devices, &actors, keys, &mids, units)?;
        let mut parents = BTreeSet::new();
        for state in updated.iter().filter_map(|key| self.rows.get(key).and_then(Option::as_ref)) {
            mids.extend(writers_of(state));
            parents.extend((0..state.row.entity.fields.len()).filter_map(|at| units::referred(&state.row, at)));
        }
        self.load_rows(parents)?;
        self.load_written(mids)
    }

    /// Reads everything of that which was not read before, with one question.
    fn load_begun(&mut self, devices: &[Uuid], actors: &BTreeSet<Uuid>, mut keys: BTreeSet<RowKey>, mids: &BTreeSet<Uuid>, units: BTreeSet<Unit>) -> Result<(), CentreError> {
        let actors: Vec<Uuid> = actors.iter().copied().filter(|actor| !self.claims.contains_key(actor)).collect();
        keys.extend(self.keys_of_rights(&actors));
        let units = units.into_iter().filter(|unit| !self.sums.contains_key(unit)).collect();
        let ask = Ahead { devices: self.unasked(devices), actors, rows: self.unread(keys), mutations: mids.iter().copied().filter(|mid| !self.written.contains_key(mid)).collect(), units };
        if ask == Ahead::default() {
            return Ok(());
        }
        let begun = self.shelf.ahead(&ask)?;
        self.take_devices(begun.devices, begun.lives);
        self.take_rows(ask.rows, begun.rows);
        self.take_written(ask.mutations, begun.written);
        self.take_sums(ask.units, begun.sums);
        self.take_claims(&ask.actors, begun.claims);
        Ok(())
    }
}

fn references(entity: u16, values: &[(u16, Value)]) -> Vec<RowKey> {
    let Some(entity) = catalogue().by_no(entity) else { return Vec::new() };
    let key = |(no, value): &(u16, Value)| Some(RowKey { entity: units::target(entity, entity.position_of_no(*no)?)?.no, id: value.as_uuid()? });
    values.iter().filter_map(key).collect()
}
