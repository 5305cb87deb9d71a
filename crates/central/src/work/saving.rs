//! Writing what a transaction changed: all that is left at its end, and parts of a long push before that,
//! while the next part is judged.

use std::{collections::BTreeSet, sync::Arc};

use gladstone_protocol::wire::RowKey;
use uuid::Uuid;

use super::Work;
use crate::{
    engine::{Batch, RowSave},
    error::CentreError,
    memory::Learnt,
    recent::{Commit, TOLD, Told},
    rights,
    stir::{MANY, Stirred},
};

impl Work<'_> {
    /// Writes rows, envelopes and log as they are by now, where the store does that beside the judging.
    ///
    /// # Errors
    /// What the store says.
    pub fn save_part(&mut self) -> Result<(), CentreError> {
        if !self.shelf.saves_beside() {
            return Ok(());
        }
        let mut keys: Vec<RowKey> = self.dirty.drain().collect();
        keys.sort_unstable();
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            let (Some(Some(state)), Some((before, g))) = (self.rows.get(&key), self.changed.get(&key)) else { continue };
            let before = self.saved.insert(key, state.unit).or(*before);
            rows.push(RowSave { state: state.clone(), before, g: *g });
        }
        let (filed, log) = (std::mem::take(&mut self.filed), std::mem::take(&mut self.log));
        Ok(self.shelf.save_beside(Batch { g: self.head.g, held_count: self.head.held, rows, filed, log, ..Batch::default() })?)
    }

    /// Writes everything. Says what that will be once it is durable, and what is known then.
    pub fn save(self) -> Result<(Commit, Learnt), CentreError> {
        let commit = Commit { epoch: self.head.epoch, after: self.after, to: self.head.g, stirred: self.stirred().map(Arc::new), told: self.told_lately().map(Arc::new) };
        let Work { shelf, head, after, rows, changed, dirty, saved, journal_changes, claims, claims_changed, sums, sums_changed, held, held_changed, devices, devices_changed, lives, lives_changed, filed, verdicts, log, written, .. } = self;
        let maker = |mid: &Uuid| written.get(mid).and_then(Option::as_ref).map_or(Uuid::nil(), |written| written.writer.actor);
        let mut batch = Batch { g: head.g, held_count: head.held, filed, verdicts, log, ..Batch::default() };
        batch.claims = claims_changed.iter().filter_map(|key| Some((*key, rows.get(key)?.as_ref().map(|state| rights::claims_of(state, maker(&state.row_mid)))?))).collect();
        let mut rows = rows;
        let mut keys: Vec<RowKey> = dirty.into_iter().collect();
        keys.sort_unstable();
        let row = |key: RowKey| {
            let (before, g) = *changed.get(&key)?;
            Some(RowSave { state: rows.remove(&key)??, before: saved.get(&key).copied().or(before), g })
        };
        batch.rows = keys.into_iter().filter_map(row).collect();
        for (key, (g, entry)) in journal_changes {
            match entry {
                Some(entry) => batch.journal.push((g, entry)),
                None => batch.settled.push((g, key)),
            }
        }
        batch.digests = sums_changed.iter().filter_map(|unit| sums.get(unit).copied()).collect();
        let held = held.unwrap_or_default();
        batch.held = held.iter().filter(|held| held_changed.contains(&held.place)).cloned().collect();
        batch.released = held_changed.into_iter().filter(|place| !held.contains(*place)).collect();
        batch.devices = devices_changed.iter().filter_map(|id| devices.get(id).cloned()).collect();
        batch.lives = lives_changed.iter().filter_map(|key| lives.get(key).copied()).collect();
        shelf.save(batch)?;
        let rows = rows.into_iter().filter_map(|(key, state)| Some((key, state.filter(|_| !changed.contains_key(&key))?))).collect();
        let (changed, mutations) = (changed.into_keys().collect(), written.into_keys().collect());
        let learnt = Learnt { epoch: head.epoch, before: after, g: head.g, rows, changed, mutations, claims, claims_changed: !claims_changed.is_empty(), sums };
        Ok((commit, learnt))
    }

    /// What it told; none when that is too much, or was saved in parts.
    fn told_lately(&self) -> Option<Told> {
        let size: usize = self.log.iter().map(|line| line.news.len() + 64).sum();
        if size > TOLD || !self.saved.is_empty() {
            return None;
        }
        let mutations: BTreeSet<Uuid> = self.log.iter().map(|line| line.mutation).collect();
        let writer = |mutation: &Uuid| self.written.get(mutation)?.as_ref().map(|written| (written.writer, written.command.clone()));
        Some(Told { lines: self.log.clone(), writers: mutations.iter().map(writer).collect::<Option<_>>()? })
    }

    /// What it touched; none when that is too much.
    fn stirred(&self) -> Option<Stirred> {
        let is_told = self.told_units.len() <= MANY && self.told_rights.len() <= MANY && self.verdicts.len() <= MANY;
        let rows = self.told_rights.iter().filter_map(|key| self.seen(*key));
        is_told.then(|| Stirred::of(self.told_units.iter().copied(), self.verdicts.iter().map(|(place, ..)| place.device), rows, |mutation| self.writer(mutation).map(|by| by.actor)))
    }
}
