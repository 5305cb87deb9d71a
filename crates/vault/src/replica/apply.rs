//! Changes of the base become changes of the view: table, overlay, search, digests. Where the
//! changes come from is not known here.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    rc::Rc,
    sync::PoisonError,
};

use gladstone_model::{Unit, catalogue, validate};
use gladstone_protocol::{MergeFault, RowState, wire::{RowImage, RowKey}};
use gladstone_store::{Reader, search, write};
use rusqlite::params;
use uuid::Uuid;

use crate::{
    error::VaultError,
    inside::Inside,
    replica::{
        base::{self, BaseRow},
        fold::{self, Entries, Written},
        keys::Keys,
        units::Units,
    },
};

/// Rows in memory at most; then they are written.
const HELD: usize = 2_000;
/// Rows at most that search does not know yet: it is told of many at once, since every other
/// statement in between makes it write what it has gathered.
const UNINDEXED: usize = 20_000;

/// One row on its way.
pub(crate) struct Work {
    /// What the table holds.
    view: Option<RowState>,
    /// The base as it was.
    before: Option<BaseRow>,
    /// The base as it is now.
    pub base: Option<BaseRow>,
    /// Places of the entries on top, and whether they are not laid on for now: the base contains
    /// them already, or the row is not here.
    pub pending: Vec<(u64, bool)>,
    had_overlay: bool,
    had_opaque: bool,
}

impl Work {
    /// With whom the row travels, as the centre says, or else as the view has it.
    pub fn unit(&self) -> Option<Unit> {
        self.base.as_ref().map(BaseRow::unit).or_else(|| self.view.as_ref().map(|view| view.unit))
    }
}

/// A transaction that changes the base.
pub(crate) struct Apply<'i, 'v> {
    pub inside: &'i mut Inside<'v>,
    pub units: Units,
    pub entries: Entries,
    /// Which rows are here of which unit.
    pub keys: Keys,
    /// Names of the entities whose rows changed.
    pub entities: BTreeSet<&'static str>,
    /// Rows that are not shown any more, by unit.
    pub gone: BTreeMap<Unit, u64>,
    /// Whether deleted text has to leave the search index at once.
    pub forget: bool,
    /// Whether entries may lie on top of any row at all.
    pub pending_there: bool,
    rows: BTreeMap<RowKey, Work>,
    unindexed: Vec<(Option<RowState>, Option<RowState>)>,
    opaque_there: bool,
    acknowledged: Option<Rc<BTreeSet<u64>>>,
    checkpoint: Option<u64>,
    /// Rows that are not here and have entries that wait for them, as they were when this was asked first.
    aside: Option<Rc<BTreeSet<RowKey>>>,
}

impl<'i, 'v> Apply<'i, 'v> {
    pub fn begin(inside: &'i mut Inside<'v>) -> Result<Apply<'i, 'v>, VaultError> {
        let kept = inside.units.lock().unwrap_or_else(PoisonError::into_inner).take();
        let units = kept.map_or_else(|| Units::load(inside.connection), Ok)?;
        let opaque_there = inside.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM opaque)")?.query_row([], |row| row.get(0))?;
        let pending_there = inside.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM pending)")?.query_row([], |row| row.get(0))?;
        Ok(Apply {
            inside,
            units,
            entries: Entries::default(),
            keys: Keys::default(),
            entities: BTreeSet::new(),
            gone: BTreeMap::new(),
            forget: false,
            pending_there,
            rows: BTreeMap::new(),
            unindexed: Vec::new(),
            opaque_there,
            acknowledged: None,
            checkpoint: None,
            aside: None,
        })
    }

    /// Places of the entries that the centre took in up to `to_g`, as they were when this was asked
    /// first in this transaction.
    pub fn acknowledged(&mut self, to_g: u64) -> Result<Rc<BTreeSet<u64>>, VaultError> {
        if let Some(known) = &self.acknowledged {
            return Ok(Rc::clone(known));
        }
        let mut statement = self.inside.connection.prepare_cached("SELECT dseq FROM chain WHERE state IN (1, 2, 4) AND state = 2 AND g <= ?1")?;
        let places = statement.query_map([to_g as i64], |row| row.get::<_, i64>(0).map(i64::unsigned_abs))?.collect::<Result<BTreeSet<u64>, _>>()?;
        Ok(Rc::clone(self.acknowledged.insert(Rc::new(places))))
    }

    /// Up to where everything was held when this was asked first in this transaction.
    pub fn checkpoint(&mut self) -> Result<u64, VaultError> {
        if let Some(known) = self.checkpoint {
            return Ok(known);
        }
        let from_g: i64 = self.inside.connection.prepare_cached("SELECT from_g FROM replica")?.query_row([], |row| row.get(0))?;
        Ok(*self.checkpoint.insert(from_g.unsigned_abs()))
    }

    /// Whether the entry at `place` lies on top of a row; the row itself is not read for that.
    pub fn lies_on(&self, key: RowKey, place: u64) -> Result<bool, VaultError> {
        if let Some(work) = self.rows.get(&key) {
            return Ok(work.pending.iter().any(|(other, _)| *other == place));
        }
        let sql = "SELECT EXISTS (SELECT 1 FROM pending WHERE entity = ?1 AND row_id = ?2 AND dseq = ?3)";
        Ok(self.inside.connection.prepare_cached(sql)?.query_row(params![key.entity, key.id.as_bytes(), place as i64], |row| row.get(0))?)
    }

    /// A row, to look at.
    pub fn row(&mut self, key: RowKey) -> Result<&mut Work, VaultError> {
        if !self.rows.contains_key(&key) {
            if self.rows.len() >= HELD {
                self.flush()?;
            }
            let work = self.load(key)?;
            self.rows.insert(key, work);
        }
        self.rows.get_mut(&key).ok_or_else(base::unreadable)
    }

    /// The row is this one at the centre; none: it is not there, or not for this laptop.
    pub fn set_base(&mut self, key: RowKey, base: Option<BaseRow>) -> Result<(), VaultError> {
        let connection = self.inside.connection;
        let work = self.row(key)?;
        work.base = base;
        if work.pending.iter().any(|(_, within)| *within) {
            work.pending.iter_mut().for_each(|(_, within)| *within = false);
            connection.prepare_cached("UPDATE pending SET within = 0 WHERE entity = ?1 AND row_id = ?2")?.execute(params![key.entity, key.id.as_bytes()])?;
        }
        Ok(())
    }

    /// The entry at `place` does not lie on top of the row any more.
    pub fn lift(&mut self, key: RowKey, place: u64) -> Result<(), VaultError> {
        let connection = self.inside.connection;
        self.row(key)?.pending.retain(|(other, _)| *other != place);
        connection.prepare_cached("DELETE FROM pending WHERE entity = ?1 AND row_id = ?2 AND dseq = ?3")?.execute(params![key.entity, key.id.as_bytes(), place as i64])?;
        Ok(())
    }

    /// The entry at `place` lies on top of the row from now on.
    pub fn lay(&mut self, key: RowKey, place: u64) -> Result<(), VaultError> {
        let connection = self.inside.connection;
        self.pending_there = true;
        self.row(key)?.pending.push((place, false));
        base::add_pending(connection, key, place, false)
    }

    /// The row goes; its entries wait until it is here again, and lie on nothing for so long.
    pub fn set_aside(&mut self, key: RowKey) -> Result<(), VaultError> {
        let connection = self.inside.connection;
        self.row(key)?.pending.iter_mut().for_each(|(_, within)| *within = true);
        connection.prepare_cached("UPDATE pending SET within = 1, flag = NULL WHERE entity = ?1 AND row_id = ?2")?.execute(params![key.entity, key.id.as_bytes()])?;
        Ok(())
    }

    /// A unit is here again: rows that did not come with it, since only entries that wait here make them, are
    /// rows of it again. Rows that came got what was set aside of them by [`Apply::set_base`].
    pub fn lay_back(&mut self, unit: Unit) -> Result<(), VaultError> {
        self.aside()?.iter().try_for_each(|key| self.lay_back_row(*key, Some(unit)))
    }

    /// The entry at `place` has no effect, and lies on none of its rows any more. A row that it had taken to a
    /// unit that is not here is shown again where it was before.
    pub fn retract(&mut self, place: u64) -> Result<(), VaultError> {
        let written = self.entries.get(self.inside.connection, place)?;
        written.keys().try_for_each(|key| {
            let was_aside = self.row(key)?.pending.contains(&(place, true));
            self.lift(key, place)?;
            if was_aside { self.lay_back_row(key, None) } else { Ok(()) }
        })
    }

    /// Entries that were set aside and make a row by themselves lie on each other again, all or none of them,
    /// when the unit into which they put it is this one; none given: one that is here.
    fn lay_back_row(&mut self, key: RowKey, unit: Option<Unit>) -> Result<(), VaultError> {
        let connection = self.inside.connection;
        let work = self.row(key)?;
        if work.base.is_some() || work.pending.iter().all(|(_, aside)| !aside) {
            return Ok(());
        }
        let places: Vec<u64> = work.pending.iter().map(|(place, _)| *place).collect();
        let Some(made) = fold::fold(key, None, &self.written(places)?).view else { return Ok(()) };
        if unit.map_or_else(|| self.units.is_complete(made.unit), |unit| unit == made.unit) {
            self.row(key)?.pending.iter_mut().for_each(|(_, aside)| *aside = false);
            connection.prepare_cached("UPDATE pending SET within = 0 WHERE entity = ?1 AND row_id = ?2")?.execute(params![key.entity, key.id.as_bytes()])?;
        }
        Ok(())
    }

    /// Entries as they were written: what is sent once more may have got a later place.
    fn written(&mut self, places: impl IntoIterator<Item = u64>) -> Result<Vec<(u64, Rc<Written>)>, VaultError> {
        let connection = self.inside.connection;
        let mut written = places.into_iter().map(|place| Ok((place, self.entries.get(connection, place)?))).collect::<Result<Vec<_>, VaultError>>()?;
        written.sort_by_key(|(place, written)| (written.mutation.hlc, *place));
        Ok(written)
    }

    fn aside(&mut self) -> Result<Rc<BTreeSet<RowKey>>, VaultError> {
        if let Some(known) = &self.aside {
            return Ok(Rc::clone(known));
        }
        let connection = self.inside.connection;
        let mut found = BTreeSet::new();
        // Nothing was ever set aside where nothing ever left.
        if self.pending_there && connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM departed)")?.query_row([], |row| row.get(0))? {
            let sql = "SELECT DISTINCT p.entity, p.row_id FROM pending AS p WHERE p.within = 1 AND NOT EXISTS (SELECT 1 FROM overlay AS o WHERE o.entity = p.entity AND o.row_id = p.row_id)";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                found.insert(RowKey { entity: row.get(0)?, id: Uuid::from_slice(&row.get::<_, Vec<u8>>(1)?).map_err(|_| base::unreadable())? });
            }
        }
        Ok(Rc::clone(self.aside.insert(Rc::new(found))))
    }

    /// A row that was not here stands in its table now, counted in the digest of the vault by whoever wrote it.
    pub fn came(&mut self, row: RowState) -> Result<(), VaultError> {
        self.entities.insert(row.row.entity.name.as_str());
        if !row.row.entity.search.is_empty() {
            self.unindexed.push((None, Some(row)));
        }
        if self.unindexed.len() >= UNINDEXED { self.index() } else { Ok(()) }
    }

    /// Rows that cannot simply be added: entries lie on them, or something of them is kept apart.
    pub fn entangled(&self) -> Result<HashSet<RowKey>, VaultError> {
        let mut found = HashSet::new();
        for (there, sql) in [(self.pending_there, "SELECT DISTINCT entity, row_id FROM pending"), (self.opaque_there, "SELECT entity, row_id FROM opaque")] {
            if there {
                let mut statement = self.inside.connection.prepare_cached(sql)?;
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let id = Uuid::from_slice(row.get_ref(1)?.as_blob().unwrap_or_default()).map_err(|_| base::unreadable())?;
                    found.insert(RowKey { entity: row.get(0)?, id });
                }
            }
        }
        Ok(found)
    }

    fn load(&self, key: RowKey) -> Result<Work, VaultError> {
        let connection = self.inside.connection;
        let pending: Vec<(u64, bool)> = if self.pending_there {
            let mut statement = connection.prepare_cached("SELECT dseq, within FROM pending WHERE entity = ?1 AND row_id = ?2 ORDER BY dseq")?;
            statement.query_map(params![key.entity, key.id.as_bytes()], |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?)))?.collect::<Result<_, _>>()?
        } else {
            Vec::new()
        };
        let view = match catalogue().by_no(key.entity) {
            Some(entity) => Reader::new(connection).stored(entity, key.id)?,
            None => None,
        };
        let overlay = if pending.is_empty() { None } else { base::kept_image(connection, "SELECT image FROM overlay WHERE entity = ?1 AND row_id = ?2", key)? };
        let opaque = if self.opaque_there { base::kept_image(connection, "SELECT image FROM opaque WHERE entity = ?1 AND row_id = ?2", key)? } else { None };
        let (had_overlay, had_opaque) = (overlay.is_some(), opaque.is_some());
        let below = match overlay {
            Some(image) => Some(image.into_state().map_err(|_| base::unreadable())?.0),
            None if pending.is_empty() => view.clone(),
            None => None,
        };
        // Beside a row that is shown, only its unknown values are kept; otherwise all of it.
        let before = match (below, opaque) {
            (Some(state), unknown) => Some(BaseRow::Shown { state, opaque: unknown.map(|image| image.values).unwrap_or_default() }),
            (None, Some(image)) => Some(BaseRow::Opaque(image)),
            (None, None) => None,
        };
        Ok(Work { view, base: before.clone(), before, pending, had_overlay, had_opaque })
    }

    /// Writes the rows that are in memory.
    pub fn flush(&mut self) -> Result<(), VaultError> {
        for (key, work) in std::mem::take(&mut self.rows) {
            self.write(key, work)?;
        }
        if self.unindexed.len() >= UNINDEXED { self.index() } else { Ok(()) }
    }

    fn index(&mut self) -> Result<(), VaultError> {
        let connection = self.inside.connection;
        for (before, after) in std::mem::take(&mut self.unindexed) {
            match (&before, &after) {
                (before, Some(after)) => search::index(connection, before.as_ref(), after)?,
                (Some(before), None) => search::forget(connection, before.row.entity, before.row.id())?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// Writes everything: rows, search, units. The end of it.
    pub fn finish(&mut self) -> Result<(), VaultError> {
        self.flush()?;
        self.index()?;
        let connection = self.inside.connection;
        if std::mem::take(&mut self.forget) {
            search::compact(connection)?;
        }
        self.units.save(connection)?;
        *self.inside.units.lock().unwrap_or_else(PoisonError::into_inner) = Some(std::mem::take(&mut self.units));
        Ok(())
    }

    fn write(&mut self, key: RowKey, mut work: Work) -> Result<(), VaultError> {
        let connection = self.inside.connection;
        let changed = work.base != work.before;
        if changed {
            let (before, after) = (work.before.as_ref().and_then(BaseRow::summed), work.base.as_ref().and_then(BaseRow::summed));
            self.units.count(before.as_deref(), after.as_deref())?;
            self.keep_opaque(key, &work)?;
        }
        let view = if work.pending.is_empty() && work.view.is_none() {
            // As it came: nothing lies on top, and no secret of before has to be kept.
            if let Some(BaseRow::Shown { state, .. }) = work.base.take() { Some(state) } else { None }
        } else {
            self.fold(key, &work)?
        };
        if work.pending.is_empty() {
            if work.had_overlay {
                connection.prepare_cached("DELETE FROM overlay WHERE entity = ?1 AND row_id = ?2")?.execute(params![key.entity, key.id.as_bytes()])?;
            }
        } else {
            match work.base.as_ref().and_then(BaseRow::shown) {
                Some(state) if changed || !work.had_overlay => base::put_overlay(connection, key, &RowImage::of(state))?,
                None if work.had_overlay => _ = connection.prepare_cached("DELETE FROM overlay WHERE entity = ?1 AND row_id = ?2")?.execute(params![key.entity, key.id.as_bytes()])?,
                _ => {}
            }
        }
        if view == work.view {
            return Ok(());
        }
        match (&work.view, &view) {
            (None, Some(after)) => write::insert(connection, after)?,
            (Some(_), Some(after)) => write::update(connection, after)?,
            // What refers to it would go with it, or keep it.
            (Some(_), None) if self.inside.references_hold => return Err(VaultError::References),
            (Some(before), None) => {
                write::delete(connection, before.row.entity, key.id)?;
                *self.gone.entry(before.unit).or_default() += 1;
            }
            (None, None) => {}
        }
        let digest = &self.inside.keys.digest;
        if let Some(before) = &work.view {
            self.inside.state.digest.remove(digest, before)?;
        }
        if let Some(after) = &view {
            self.inside.state.digest.add(digest, after)?;
        }
        if let Some(entity) = catalogue().by_no(key.entity) {
            self.entities.insert(entity.name.as_str());
            if !entity.search.is_empty() {
                self.unindexed.push((work.view, view));
            }
        }
        Ok(())
    }

    fn keep_opaque(&mut self, key: RowKey, work: &Work) -> Result<(), VaultError> {
        let unknown = match &work.base {
            Some(BaseRow::Opaque(image)) => Some(image.clone()),
            Some(BaseRow::Shown { state, opaque }) if !opaque.is_empty() => Some(RowImage { values: opaque.clone(), ..RowImage::of(state) }),
            _ => None,
        };
        match unknown {
            Some(image) => {
                self.opaque_there = true;
                base::put_opaque(self.inside.connection, key, &image)
            }
            None if work.had_opaque => {
                self.inside.connection.prepare_cached("DELETE FROM opaque WHERE entity = ?1 AND row_id = ?2")?.execute(params![key.entity, key.id.as_bytes()])?;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// What is shown of a row, and flags on entries that cannot be shown on it.
    fn fold(&mut self, key: RowKey, work: &Work) -> Result<Option<RowState>, VaultError> {
        let connection = self.inside.connection;
        let base = work.base.as_ref().and_then(BaseRow::shown);
        let on_top = self.written(work.pending.iter().filter(|(_, within)| !within).map(|(place, _)| *place))?;
        let folded = fold::fold(key, base, &on_top);
        let mut view = folded.view;
        if let (Some(after), Some(before)) = (&mut view, &work.view) {
            // Secrets never travel: they stay as they are here.
            let fields = before.row.entity.fields.iter().zip(&before.row.values);
            for ((field, kept), value) in fields.zip(&mut after.row.values) {
                if field.is_secret() && value.is_null() {
                    *value = kept.clone();
                }
            }
        }
        let last = on_top.last().map(|(place, _)| *place);
        for (place, _) in &on_top {
            let flag = match folded.blocked.iter().find(|(blocked, _)| blocked == place) {
                Some((_, fault)) => Some(told(fault)),
                None if last == Some(*place) => view.as_ref().and_then(|view| self.broken_rule(view)),
                None => None,
            };
            let sql = "UPDATE pending SET flag = ?4 WHERE entity = ?1 AND row_id = ?2 AND dseq = ?3 AND flag IS NOT ?4";
            connection.prepare_cached(sql)?.execute(params![key.entity, key.id.as_bytes(), *place as i64, flag])?;
        }
        Ok(view)
    }

    /// The first rule that a row breaks by itself, in words.
    fn broken_rule(&self, row: &RowState) -> Option<String> {
        let reader = Reader::new(self.inside.connection);
        let faults = validate::faults(&row.row, &|_| false, self.inside.around.now(), &reader).ok()?;
        faults.into_iter().next().map(|fault| fault.message)
    }
}

fn told(fault: &MergeFault) -> String {
    match fault {
        MergeFault::MissingRow => "The record that this changes is not here any more.".into(),
        other => format!("It does not fit what is here now: {other}."),
    }
}
