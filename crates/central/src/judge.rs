//! What one mutation does to the rows as they stand: merged patch by patch with the one rule of
//! the protocol, placed in units, and checked against rights and declarations. Changes nothing;
//! a mutation takes effect as a whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use gladstone_model::{Entity, Instant, OnDelete, Unit, Value, catalogue};
use gladstone_protocol::{
    Check, Entry, JournalEntry, JournalKind, Known, Mutation, Op, OpKind, RowState, Verdict, Writer,
    entry::Body,
    journal::{JournalKey, MARK},
    limits::{BATCH_LIMIT, ROW_COUNT},
    merge,
    wire::{RowKey, RowNews},
};
use hashbrown::{HashMap, HashSet};
use uuid::Uuid;

use crate::{
    engine::{Alike, Having, Meeting},
    error::CentreError,
    news,
    notice::{self, Notice},
    rights::{self, Rights},
    units::{self, Placement},
    work::{Work, key_of, writers_of},
};

mod rules;

/// How far units are followed from row to row.
const DEPTH: u8 = 8;
/// Most bytes that one mutation may tell the laptops, so that it fits into one answer.
const NEWS_LIMIT: usize = BATCH_LIMIT / 4 * 3;

/// What becomes of a mutation.
pub(crate) enum Judgement {
    /// It takes effect.
    Effect(Effect),
    /// It needs rows or mutations that are not here.
    Held(Vec<Uuid>),
    /// It is kept without effect: a short name of the reason, and words for its author.
    Refused(String, String),
}

/// What a mutation changes.
#[derive(Default)]
pub(crate) struct Effect {
    /// Rows before and after, in the order of their first patch; moved parts behind them.
    pub touched: Vec<Touched>,
    /// Values that do not stand, or stand unseen.
    pub journal: Vec<JournalEntry>,
    /// Entries of the journal that are replaced by somebody who had seen them.
    pub settles: Vec<JournalKey>,
    /// What a person should look at besides.
    pub notices: Vec<Notice>,
    /// What is told: row, unit and news in postcard's form, in order.
    pub news: Vec<(RowKey, Unit, Vec<u8>)>,
}

/// A row before and after a mutation.
pub(crate) struct Touched {
    pub before: Option<RowState>,
    pub after: RowState,
}

/// Judges a mutation of `by` (with its decided stamp) under `rights`. `received`: when it came.
///
/// # Errors
/// What the store says.
pub(crate) fn judge(work: &mut Work<'_>, mutation: &Mutation, by: Writer, rights: &Rights, received: Instant) -> Result<Judgement, CentreError> {
    let mut trial = Trial { by, rows: BTreeMap::new(), order: Vec::new(), references: Vec::new(), emptied: Vec::new(), steps: Vec::new(), effect: Effect::default() };
    for op in &mutation.ops {
        if let Some(refusal) = trial.take(work, op, rights)? {
            return Ok(refusal);
        }
    }
    let missing = trial.missing(work)?;
    if missing.iter().any(|key| rights::is_organization(key.entity)) {
        // It never comes: a laptop tells of an organization before it writes about it, and those of
        // others are not here.
        return Ok(refused("organization", "This names an organization that your centre does not know. Choose your own organization or none, and send it again.".into()));
    }
    if !missing.is_empty() {
        return Ok(Judgement::Held(missing.into_iter().map(|key| key.id).collect()));
    }
    if let Some(entity) = trial.place(work)? {
        return Ok(refused("no_unit", format!("It is not said to whom this {} belongs. Fill in whom it is about, and send it again.", entity.label.to_lowercase())));
    }
    if let Some(why) = trial.objection(work, mutation, rights)? {
        return Ok(refused("forbidden", why.into()));
    }
    if let Some((code, why)) = trial.faults(work, mutation, received, rights)? {
        return Ok(refused(code, why));
    }
    trial.orphans(work)?;
    trial.doubles(work)?;
    trial.meetings(work)?;
    trial.moved(work)?;
    trial.finish()
}

fn refused(code: &str, text: String) -> Judgement {
    Judgement::Refused(code.into(), text)
}

/// The rows as they would stand.
struct Trial {
    by: Writer,
    rows: BTreeMap<RowKey, Touched>,
    order: Vec<RowKey>,
    /// References that were written: of which row, field, to which row, whether it is a part of that one or
    /// cannot be without it.
    references: Vec<(RowKey, u16, RowKey, bool)>,
    /// Rows that were entered in error.
    emptied: Vec<RowKey>,
    /// Values written to fields whose steps are declared.
    steps: Vec<rules::Stepped>,
    effect: Effect,
}

/// Who wrote what the rule of merging asks about.
struct Origins<'w, 's> {
    work: &'w Work<'s>,
    by: Writer,
}

impl Known for Origins<'_, '_> {
    fn writer(&self, mutation: Uuid) -> Option<Writer> {
        if mutation == self.by.mutation { Some(self.by) } else { self.work.writer(mutation) }
    }
}

impl Trial {
    /// Merges one patch. Says why the mutation cannot take effect, if so.
    fn take(&mut self, work: &mut Work<'_>, op: &Op, rights: &Rights) -> Result<Option<Judgement>, CentreError> {
        let key = RowKey { entity: op.entity, id: op.id };
        let current = match self.rows.get(&key) {
            Some(touched) => Some(touched.after.clone()),
            None => work.row(key)?.cloned(),
        };
        if let Some(state) = &current {
            work.load_written(writers_of(state).collect())?;
        }
        let without = rights.without_server_owned(op, current.as_ref());
        let op = without.as_ref().unwrap_or(op);
        self.steps.extend(rules::steps(work, current.as_ref(), op)?);
        let merged = match merge::merge(current.as_ref(), op, &self.by, &Origins { work, by: self.by }) {
            Ok(merged) => merged,
            Err(fault) => {
                return Ok(match Verdict::of_fault(&fault, op.id) {
                    Verdict::Held { missing } => Some(Judgement::Held(missing)),
                    Verdict::Quarantined { code, text } => Some(Judgement::Refused(code, text)),
                    _ => Some(refused("misfit", fault.to_string())),
                });
            }
        };
        for check in &merged.checks {
            match *check {
                Check::Reference { field, entity, id, part } => self.references.push((key, field, RowKey { entity, id }, part || rules::restricts(op.entity, field))),
                Check::Parts => self.emptied.push(key),
                Check::UnitOf { .. } => {}
            }
        }
        self.effect.settles.extend(merged.settles.iter().map(|(group, mid)| (op.entity, op.id, *group, *mid)));
        for mut entry in merged.journal {
            if let Some(base) = entry.base.filter(|_| entry.base_values.is_none() && entry.group != MARK) {
                entry.base_values = values_written(work, (entry.entity, entry.row, entry.group), base)?;
            }
            self.effect.journal.push(without_secrets(entry));
        }
        match self.rows.get_mut(&key) {
            Some(touched) => touched.after = merged.state,
            None => {
                self.order.push(key);
                self.rows.insert(key, Touched { before: current, after: merged.state });
            }
        }
        Ok(None)
    }

    /// Rows that are referred to and are not there.
    fn missing(&self, work: &mut Work<'_>) -> Result<BTreeSet<RowKey>, CentreError> {
        let mut missing = BTreeSet::new();
        for (_, _, to, _) in &self.references {
            if !self.rows.contains_key(to) && work.row(*to)?.is_none() {
                missing.insert(*to);
            }
        }
        Ok(missing)
    }

    /// Puts every row into its unit. Says which entity has a row that belongs nowhere.
    fn place(&mut self, work: &mut Work<'_>) -> Result<Option<&'static Entity>, CentreError> {
        let mut placed = HashMap::new();
        for key in self.order.clone() {
            let placement = self.placement(work, key, &mut placed, DEPTH)?;
            if let (Placement::In(unit), Some(touched)) = (placement, self.rows.get_mut(&key)) {
                touched.after.unit = unit;
            } else {
                return Ok(self.rows.get(&key).map(|touched| touched.after.row.entity));
            }
        }
        Ok(None)
    }

    fn placement(&self, work: &mut Work<'_>, key: RowKey, placed: &mut HashMap<RowKey, Placement>, depth: u8) -> Result<Placement, CentreError> {
        let Some(touched) = self.rows.get(&key) else {
            return Ok(work.row(key)?.map_or(Placement::Missing(key.id), |state| Placement::In(state.unit)));
        };
        if let Some(known) = placed.get(&key) {
            return Ok(*known);
        }
        if depth == 0 {
            return Ok(Placement::Nowhere);
        }
        let placement = units::place(&touched.after.row, &mut |parent| {
            Ok(match self.placement(work, parent, placed, depth - 1)? {
                Placement::In(unit) => Some(unit),
                _ => None,
            })
        })?;
        placed.insert(key, placement);
        Ok(placement)
    }

    /// Why its author may not write this.
    fn objection(&self, work: &mut Work<'_>, mutation: &Mutation, rights: &Rights) -> Result<Option<&'static str>, CentreError> {
        let mut made = HashSet::new();
        for touched in self.rows.values().filter(|touched| touched.before.is_none()) {
            made.extend(rights::made_by(rights.actor(), &touched.after, |unit| work.is_known(unit))?);
        }
        let telling: HashSet<RowKey> = self.effect.journal.iter().filter(|entry| entry.kind != JournalKind::Agreed).map(|entry| RowKey { entity: entry.entity, id: entry.row }).collect();
        let objection = |key: &RowKey| {
            let touched = self.rows.get(key)?;
            let maker = touched.before.as_ref().and_then(|before| work.writer(before.row_mid)).map(|writer| writer.actor);
            rights.objection(touched.before.as_ref(), &touched.after, &rights::About { made: &made, telling: telling.contains(key), maker, alone: mutation.realm.is_nil() })
        };
        Ok(self.order.iter().find_map(objection))
    }

    /// Parts that stand although what they belong to was entered in error, and rows that cannot be without
    /// one that was.
    fn orphans(&mut self, work: &mut Work<'_>) -> Result<(), CentreError> {
        let mut found: Vec<(RowKey, u16, RowKey)> = self.references.iter().filter(|(.., part)| *part).map(|(key, field, to, _)| (*key, *field, *to)).collect();
        for emptied in self.emptied.clone() {
            let Some(entity) = catalogue().by_no(emptied.entity) else { continue };
            let asks: Vec<Having> = catalogue()
                .referrers(&entity.name)
                .filter(|(from, _, on_delete)| *on_delete != OnDelete::SetNull && !from.append_only)
                .map(|(from, at, _)| Having { entity: from, field: at, value: emptied.id.into(), limit: u32::MAX })
                .collect();
            let stored = work.having(&asks)?;
            for ask in &asks {
                let parts = stored.iter().filter(|state| state.row.entity == ask.entity && state.row.values[ask.field] == ask.value && !self.rows.contains_key(&key_of(state)));
                let tried = self.rows.values().map(|touched| &touched.after).filter(|state| state.row.entity == ask.entity && state.row.values[ask.field] == ask.value);
                found.extend(parts.chain(tried).map(|state| (key_of(state), ask.entity.fields[ask.field].no, emptied)));
            }
        }
        for (key, field, to) in found.into_iter().collect::<BTreeSet<_>>() {
            let parent = match self.rows.get(&to) {
                Some(touched) => Some(&touched.after),
                None => work.row(to)?,
            };
            let Some((mark, reason)) = parent.and_then(|parent| parent.error.clone()) else { continue };
            let Some(part) = self.state(work, key)?.filter(|part| part.error.is_none()) else { continue };
            work.load_written(BTreeSet::from([mark, part.row_mid]))?;
            let origins = Origins { work, by: self.by };
            // Made and marked by one hand: its author knew of both.
            if let (Some(part_by), Some(error_by)) = (origins.writer(part.row_mid), origins.writer(mark))
                && part_by.mutation != error_by.mutation
            {
                let entry = merge::orphan(&part, field, part_by, error_by, &reason);
                self.effect.journal.push(without_secrets(entry));
            }
        }
        Ok(())
    }

    fn state(&self, work: &mut Work<'_>, key: RowKey) -> Result<Option<RowState>, CentreError> {
        match self.rows.get(&key) {
            Some(touched) => Ok(Some(touched.after.clone())),
            None => Ok(work.row(key)?.cloned()),
        }
    }

    /// Rows that share what should be one row's alone. Nothing is refused for it.
    fn doubles(&mut self, work: &mut Work<'_>) -> Result<(), CentreError> {
        let (mut asks, mut of) = (Vec::new(), Vec::new());
        for touched in self.rows.values().filter(|touched| touched.after.error.is_none() && !touched.after.row.entity.uniques.is_empty()) {
            for ask in notice::uniques(touched.before.as_ref(), &touched.after) {
                asks.push(ask);
                of.push(key_of(&touched.after));
            }
        }
        // What refers to a row that only comes to be now has nothing like it in the store.
        let is_new = |work: &Work<'_>, key: RowKey| self.rows.get(&key).map_or_else(|| work.is_new(key), |touched| touched.before.is_none());
        let among_new = |work: &Work<'_>, ask: &Alike| ask.values.iter().any(|(at, value)| units::target(ask.entity, *at).zip(value.as_uuid()).is_some_and(|(to, id)| is_new(work, RowKey { entity: to.no, id })));
        let places: Vec<usize> = (0..asks.len()).filter(|at| !among_new(work, &asks[*at])).collect();
        let mut stored = vec![None; asks.len()];
        if !places.is_empty() {
            let chosen: Vec<Alike> = places.iter().map(|at| asks[*at].clone()).collect();
            for (at, found) in places.into_iter().zip(work.shelf().alike(&chosen)?) {
                stored[at] = found;
            }
        }
        for ((ask, key), stored) in asks.iter().zip(of).zip(stored) {
            let fits = |state: &RowState| state.row.entity == ask.entity && state.error.is_none() && state.row.id() != ask.except && ask.values.iter().all(|(at, value)| state.row.values[*at] == *value);
            let other = match self.rows.values().map(|touched| &touched.after).find(|state| fits(state)).map(key_of) {
                Some(other) => Some(other),
                None => work.changed_like(ask, fits)?.or(stored),
            };
            let Some(other) = other else { continue };
            let Some(state) = self.state(work, other)?.filter(|state| fits(state)) else { continue };
            work.load_written(BTreeSet::from([state.row_mid]))?;
            if let Some(touched) = self.rows.get(&key) {
                let current = Origins { work, by: self.by }.writer(state.row_mid);
                self.effect.notices.push(notice::double(ask, &touched.after, &state, self.by, current));
            }
        }
        Ok(())
    }

    /// Rows, appointments for example, that somebody made for the same time elsewhere. Both stand.
    fn meetings(&mut self, work: &mut Work<'_>) -> Result<(), CentreError> {
        let asks: Vec<(RowKey, Meeting)> = self.rows.iter().flat_map(|(key, touched)| notice::meetings(touched.before.as_ref(), &touched.after).into_iter().map(|ask| (*key, ask))).collect();
        let mut told = BTreeSet::new();
        for (key, ask) in asks {
            let stored = work.shelf().meeting(&ask)?.iter().map(key_of).collect::<Vec<_>>();
            let others: BTreeSet<RowKey> = stored.into_iter().chain(work.all_changed_like(|state| ask.meets(state))).filter(|other| !self.rows.contains_key(other)).collect();
            for other in others {
                let Some(state) = work.row(other)?.filter(|state| ask.meets(state) && notice::takes_time(state)).cloned() else { continue };
                let time = notice::time_by(&state);
                work.load_written(BTreeSet::from([time]))?;
                let current = work.writer(time);
                // Whoever booked both on one laptop had both before them.
                if current.is_some_and(|current| current.device == self.by.device) {
                    continue;
                }
                if let Some(touched) = self.rows.get(&key).filter(|_| told.insert((key, other))) {
                    self.effect.notices.push(notice::overlap(&ask, &touched.after, &state, self.by, current));
                }
            }
        }
        Ok(())
    }

    /// Rows that travel with one that changed its unit go with it.
    fn moved(&mut self, work: &mut Work<'_>) -> Result<(), CentreError> {
        let mut open: Vec<RowKey> = self.rows.iter().filter(|(_, touched)| touched.before.as_ref().is_some_and(|before| before.unit != touched.after.unit)).map(|(key, _)| *key).collect();
        while let Some(key) = open.pop() {
            let Some(entity) = catalogue().by_no(key.entity) else { continue };
            let asks: Vec<Having> = units::followers(entity).map(|(from, at)| Having { entity: from, field: at, value: key.id.into(), limit: u32::MAX }).collect();
            for state in work.having(&asks)? {
                let follower = key_of(&state);
                if self.rows.contains_key(&follower) {
                    continue;
                }
                let placement = units::place(&state.row, &mut |parent| Ok(self.state(work, parent)?.map(|state| state.unit)))?;
                if let Placement::In(unit) = placement
                    && unit != state.unit
                {
                    let after = RowState { unit, ..state.clone() };
                    self.order.push(follower);
                    self.rows.insert(follower, Touched { before: Some(state), after });
                    open.push(follower);
                }
            }
        }
        Ok(())
    }

    /// Gathers what changed and what is told.
    fn finish(mut self) -> Result<Judgement, CentreError> {
        let mut size = 0;
        for key in &self.order {
            let Some(touched) = self.rows.remove(key) else { continue };
            for (unit, news) in news::of(touched.before.as_ref(), &touched.after, self.by.mutation) {
                let bytes = encode(&news)?;
                size += bytes.len() + 64;
                self.effect.news.push((*key, unit, bytes));
            }
            if touched.before.as_ref() != Some(&touched.after) {
                self.effect.touched.push(touched);
            }
        }
        if size > NEWS_LIMIT || self.effect.news.len() > ROW_COUNT {
            return Ok(refused("too_large", "This changes more at once than can be passed on. Do it in smaller steps.".into()));
        }
        let mut journal: BTreeMap<JournalKey, JournalEntry> = BTreeMap::new();
        for entry in std::mem::take(&mut self.effect.journal) {
            // Of two entries for one value the one stays that asks a person.
            let known = journal.get(&entry.key()).is_some_and(|known| known.kind.asks_a_person());
            if !known {
                journal.insert(entry.key(), entry);
            }
        }
        self.effect.journal = journal.into_values().collect();
        Ok(Judgement::Effect(self.effect))
    }
}

/// News in postcard's form.
fn encode(news: &RowNews) -> Result<Vec<u8>, CentreError> {
    postcard::to_stdvec(news).map_err(|_| CentreError::Inconsistent("news cannot be encoded".into()))
}

/// What `base` wrote to a group of a row.
fn values_written(work: &mut Work<'_>, (entity, row, no): (u16, Uuid, u16), base: Uuid) -> Result<Option<Vec<(u16, Value)>>, CentreError> {
    let Some(bytes) = work.bytes_of(base)? else { return Ok(None) };
    let Ok(Entry { body: Body::Mutation(mutation), .. }) = Entry::from_bytes(&bytes) else { return Ok(None) };
    let Some(entity) = catalogue().by_no(entity) else { return Ok(None) };
    let Some(group) = entity.groups.iter().find(|group| gladstone_protocol::row_state::number(entity, group) == no) else { return Ok(None) };
    let of_row = mutation.ops.iter().filter(|op| op.entity == entity.no && op.id == row);
    let mut written = of_row.filter_map(|op| match &op.kind {
        OpKind::Create(values) => Some(group.fields.iter().map(|at| {
            let no = entity.fields[*at].no;
            (no, values.iter().find(|(other, _)| *other == no).map_or(Value::Null, |(_, value)| value.clone()))
        }).collect()),
        OpKind::Update(patches) => patches.iter().find(|patch| patch.group == no).map(|patch| patch.values.clone()),
        OpKind::EnterInError { .. } => None,
    });
    Ok(written.next_back())
}

/// The journal is told to laptops, and secrets never travel.
fn without_secrets(mut entry: JournalEntry) -> JournalEntry {
    let Some(entity) = catalogue().by_no(entry.entity).filter(|entity| entity.fields.iter().any(|field| field.is_secret())) else { return entry };
    let public = |(no, _): &(u16, Value)| entity.position_of_no(*no).is_none_or(|at| !entity.fields[at].is_secret());
    entry.kept.values.retain(public);
    entry.other.values.retain(public);
    if let Some(values) = &mut entry.base_values {
        values.retain(public);
    }
    entry
}
