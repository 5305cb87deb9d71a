//! Reading ahead: what mutations will touch, with as few questions as possible.

use std::collections::BTreeSet;

use gladstone_protocol::wire::RowKey;

use super::{Work, writers_of};
use crate::{
    engine::{Ahead, Begun},
    error::CentreError,
    memory::Memory,
    reach::Reach,
    units,
};

impl Work<'_> {
    /// Reads what was not read before of what mutations reach, and what that names.
    ///
    /// # Errors
    /// What the store says.
    pub fn read_ahead(&mut self, reach: &Reach) -> Result<(), CentreError> {
        let mut ahead = reach.ahead.clone();
        let Ahead { sessions, devices, actors, rows, mutations, units } = &mut ahead;
        sessions.retain(|hash| !self.sessions.contains_key(hash));
        devices.retain(|id| !self.devices_asked.contains(id));
        actors.retain(|actor| !self.claims.contains_key(actor));
        rows.retain(|key| !self.rows.contains_key(key));
        mutations.retain(|mid| !self.written.contains_key(mid));
        units.retain(|unit| !self.sums.contains_key(unit));
        if ahead != Ahead::default() {
            let begun = self.shelf.ahead(&ahead)?;
            self.take(&ahead, begun);
        }
        self.read_behind(&reach.changed)
    }

    /// Takes of what is asked for what is known already, as of the commit with which this begins.
    pub fn recall(&mut self, ahead: &Ahead, memory: &Memory) {
        self.rows.extend(ahead.rows.iter().filter_map(|key| Some((*key, Some(memory.rows.get(key)?.clone())))));
        self.claims.extend(ahead.actors.iter().filter_map(|actor| Some((*actor, memory.claims.get(actor)?.clone()))));
        self.sums.extend(ahead.units.iter().filter_map(|unit| Some((*unit, *memory.sums.get(unit)?))));
    }

    /// Takes what was read of the store, in place of what was taken before.
    pub fn take(&mut self, ahead: &Ahead, begun: Begun) {
        self.take_sessions(&ahead.sessions, begun.sessions);
        self.devices_asked.extend(&ahead.devices);
        self.take_devices(begun.devices, begun.lives);
        self.take_rows(&ahead.rows, begun.rows);
        self.take_written(&ahead.mutations, begun.written);
        self.take_sums(&ahead.units, begun.sums);
        self.take_claims(&ahead.actors, begun.claims);
    }

    /// Reads what these rows, which were read and will be changed, name: who wrote them, and what they refer to.
    ///
    /// # Errors
    /// What the store says.
    pub fn read_behind(&mut self, changed: &[RowKey]) -> Result<(), CentreError> {
        let (mut parents, mut mids) = (BTreeSet::new(), BTreeSet::new());
        for state in changed.iter().filter_map(|key| self.seen(*key)) {
            mids.extend(writers_of(state));
            parents.extend((0..state.row.entity.fields.len()).filter_map(|at| units::referred(&state.row, at)));
        }
        self.load_rows(parents)?;
        self.load_written(mids)
    }
}
