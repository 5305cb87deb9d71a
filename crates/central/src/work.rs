//! The working set of one transaction: what the store holds, what was changed since in memory,
//! and everything that one save will write. Reads ahead in batches and one by one what was not
//! foreseen. Knows no rule of merging.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gladstone_model::{Instant, Unit, Value, catalogue, id};
use gladstone_protocol::{
    JournalEntry, RowState, RowsDigest, Stored, Writer,
    journal::JournalKey,
    wire::RowKey,
};
use hashbrown::{HashMap, HashSet};
use uuid::Uuid;

use crate::{
    engine::{Alike, Claim, Device, Filed, Having, Head, Held, Life, LogLine, Place, StoredSession, UnitSum, Writing, Written},
    error::CentreError,
    notice,
    rights::{self, Rights},
    waiting::Waiting,
};

mod ahead;
mod claims;
mod devices;
mod saving;

/// What a transaction knows and has changed.
pub(crate) struct Work<'s> {
    shelf: &'s mut dyn Writing,
    /// The realm, with the commit number as it is by now.
    pub head: Head,
    /// The time of this transaction.
    pub now: Instant,
    rows: HashMap<RowKey, Option<RowState>>,
    changed: HashMap<RowKey, (Option<Unit>, u64)>,
    /// Rows that were changed and not written yet.
    dirty: HashSet<RowKey>,
    /// Rows that were written in this transaction, and in which unit.
    saved: HashMap<RowKey, Unit>,
    /// Rows that were changed, by what each has to be alone in having.
    twins: HashMap<Vec<u8>, BTreeSet<RowKey>>,
    written: HashMap<Uuid, Option<Written>>,
    journal: HashMap<RowKey, BTreeMap<JournalKey, JournalEntry>>,
    journal_changes: BTreeMap<JournalKey, (u64, Option<JournalEntry>)>,
    claims: HashMap<Uuid, Vec<Claim>>,
    claims_changed: BTreeSet<RowKey>,
    rights: HashMap<Uuid, Arc<Rights>>,
    sums: HashMap<Unit, UnitSum>,
    sums_changed: BTreeSet<Unit>,
    /// By how much the mutation that is applied moved digests, as far as no line of the log tells it.
    shifts: BTreeMap<Unit, RowsDigest>,
    sessions: HashMap<[u8; 32], Option<StoredSession>>,
    held: Option<Waiting>,
    held_changed: BTreeSet<Place>,
    devices: HashMap<Uuid, Device>,
    devices_asked: HashSet<Uuid>,
    devices_changed: BTreeSet<Uuid>,
    lives: HashMap<(Uuid, Uuid), Life>,
    lives_changed: BTreeSet<(Uuid, Uuid)>,
    filed: Vec<Filed>,
    verdicts: Vec<(Place, Option<u64>, Stored, u64)>,
    log: Vec<LogLine>,
    /// The commit number before this transaction.
    after: u64,
    /// Units and rows that carry rights, of all lines of the log that were told.
    told_units: BTreeSet<Unit>,
    told_rights: BTreeSet<RowKey>,
}

impl<'s> Work<'s> {
    /// Begins with an empty memory.
    ///
    /// # Errors
    /// What the store says; so for all that follow.
    pub fn begin(shelf: &'s mut dyn Writing, now: Instant) -> Result<Work<'s>, CentreError> {
        let head = shelf.head()?;
        let after = head.g;
        Ok(Work {
            shelf,
            head,
            now,
            rows: HashMap::new(),
            changed: HashMap::new(),
            dirty: HashSet::new(),
            saved: HashMap::new(),
            twins: HashMap::new(),
            written: HashMap::new(),
            journal: HashMap::new(),
            journal_changes: BTreeMap::new(),
            claims: HashMap::new(),
            claims_changed: BTreeSet::new(),
            rights: HashMap::new(),
            sums: HashMap::new(),
            sums_changed: BTreeSet::new(),
            shifts: BTreeMap::new(),
            sessions: HashMap::new(),
            held: None,
            held_changed: BTreeSet::new(),
            devices: HashMap::new(),
            devices_asked: HashSet::new(),
            devices_changed: BTreeSet::new(),
            lives: HashMap::new(),
            lives_changed: BTreeSet::new(),
            filed: Vec::new(),
            verdicts: Vec::new(),
            log: Vec::new(),
            after,
            told_units: BTreeSet::new(),
            told_rights: BTreeSet::new(),
        })
    }

    /// The store itself, for what is asked once.
    pub fn shelf(&mut self) -> &mut dyn Writing {
        self.shelf
    }

    /// A row as it stands by now.
    pub fn row(&mut self, key: RowKey) -> Result<Option<&RowState>, CentreError> {
        if !self.rows.contains_key(&key) {
            self.load_rows(BTreeSet::from([key]))?;
        }
        Ok(self.rows.get(&key).and_then(Option::as_ref))
    }

    /// A row that was read before; none for one that was not, or is not there.
    pub fn seen(&self, key: RowKey) -> Option<&RowState> {
        self.rows.get(&key).and_then(Option::as_ref)
    }

    fn load_rows(&mut self, keys: BTreeSet<RowKey>) -> Result<(), CentreError> {
        let missing = self.unread(keys);
        if missing.is_empty() {
            return Ok(());
        }
        let found = self.shelf.rows(&missing)?;
        self.take_rows(&missing, found);
        Ok(())
    }

    fn unread(&self, keys: BTreeSet<RowKey>) -> Vec<RowKey> {
        keys.into_iter().filter(|key| !self.rows.contains_key(key) && catalogue().by_no(key.entity).is_some()).collect()
    }

    fn take_rows(&mut self, asked: &[RowKey], found: Vec<RowState>) {
        for state in found {
            self.rows.insert(key_of(&state), Some(state));
        }
        for key in asked {
            self.rows.entry(*key).or_insert(None);
        }
    }

    /// Rows in which a field has a value, as they stand by now.
    pub fn having(&mut self, asks: &[Having]) -> Result<Vec<RowState>, CentreError> {
        let mut found: BTreeMap<RowKey, RowState> = self.shelf.having(asks)?.into_iter().map(|state| (key_of(&state), state)).collect();
        for key in self.changed.keys() {
            if let Some(Some(state)) = self.rows.get(key) {
                found.insert(*key, state.clone());
            }
        }
        found.retain(|_, state| asks.iter().any(|ask| ask.entity == state.row.entity && state.row.values[ask.field] == ask.value));
        Ok(found.into_values().collect())
    }

    /// A row that was changed in this transaction, may have the values of `ask`, and fits; the store
    /// is not asked.
    pub fn changed_like(&self, ask: &Alike, fits: impl Fn(&RowState) -> bool) -> Result<Option<RowKey>, CentreError> {
        let twins = self.twins.get(&twin_key(ask)?);
        Ok(twins.into_iter().flatten().find(|key| self.seen(**key).is_some_and(&fits)).copied())
    }

    /// Whether a row came to be in this transaction, so that nothing in the store can refer to it.
    pub fn is_new(&self, key: RowKey) -> bool {
        self.changed.get(&key).is_some_and(|(before, _)| before.is_none())
    }

    /// Rows that were changed in this transaction and fit; the store is not asked.
    pub fn all_changed_like(&self, fits: impl Fn(&RowState) -> bool) -> Vec<RowKey> {
        self.changed.keys().filter(|key| self.seen(**key).is_some_and(&fits)).copied().collect()
    }

    /// What is known of a mutation.
    pub fn written(&mut self, mutation: Uuid) -> Result<Option<&Written>, CentreError> {
        self.load_written(BTreeSet::from([mutation]))?;
        Ok(self.written.get(&mutation).and_then(Option::as_ref))
    }

    /// Who wrote a mutation that was read before.
    pub fn writer(&self, mutation: Uuid) -> Option<Writer> {
        self.written.get(&mutation).and_then(Option::as_ref).map(|written| written.writer)
    }

    /// Reads who wrote these mutations.
    pub fn load_written(&mut self, mids: BTreeSet<Uuid>) -> Result<(), CentreError> {
        let missing: Vec<Uuid> = mids.into_iter().filter(|mid| !self.written.contains_key(mid)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let found = self.shelf.mutations(&missing)?;
        self.take_written(&missing, found);
        Ok(())
    }

    fn take_written(&mut self, asked: &[Uuid], found: Vec<Written>) {
        for written in found {
            self.written.insert(written.writer.mutation, Some(written));
        }
        for mid in asked {
            self.written.entry(*mid).or_insert(None);
        }
    }

    /// Notes a mutation and what was decided about it.
    pub fn note(&mut self, written: Written) {
        self.written.insert(written.writer.mutation, Some(written));
    }

    /// Whether a unit has rows by now.
    pub fn is_known(&mut self, unit: Unit) -> Result<bool, CentreError> {
        self.load_sums(&[unit])?;
        Ok(self.sums.get(&unit).is_some_and(|sum| sum.rows > 0))
    }

    fn load_sums(&mut self, units: &[Unit]) -> Result<(), CentreError> {
        let missing: Vec<Unit> = units.iter().copied().filter(|unit| !self.sums.contains_key(unit)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let found = self.shelf.digests(&missing)?;
        self.take_sums(&missing, found);
        Ok(())
    }

    fn take_sums(&mut self, asked: &[Unit], found: Vec<UnitSum>) {
        for sum in found {
            self.sums.insert(sum.unit, sum);
        }
        for unit in asked {
            self.sums.entry(*unit).or_insert(UnitSum { unit: *unit, digest: RowsDigest::default(), rows: 0 });
        }
    }

    /// Puts a row in place of what stood, written by the mutation with commit number `g`.
    pub fn put(&mut self, before: Option<&RowState>, after: RowState, g: u64) -> Result<(), CentreError> {
        let key = key_of(&after);
        let wrong = |_| CentreError::Inconsistent("a row cannot be encoded".into());
        let touched: Vec<Unit> = before.iter().map(|state| state.unit).chain([after.unit]).collect();
        self.load_sums(&touched)?;
        for (state, comes) in before.into_iter().map(|state| (state, false)).chain([(&after, true)]) {
            let mut shift = RowsDigest::default();
            if comes { shift.add(state) } else { shift.remove(state) }.map_err(wrong)?;
            self.shifts.entry(state.unit).or_default().join(&shift);
            if let Some(sum) = self.sums.get_mut(&state.unit) {
                sum.digest.join(&shift);
                sum.rows = if comes { sum.rows + 1 } else { sum.rows.saturating_sub(1) };
            }
        }
        self.sums_changed.extend(touched);
        self.dirty.insert(key);
        self.changed.entry(key).and_modify(|change| change.1 = g).or_insert((before.map(|state| state.unit), g));
        for ask in notice::uniques(None, &after) {
            self.twins.entry(twin_key(&ask)?).or_default().insert(key);
        }
        let (entity, made_by) = (after.row.entity, after.row_mid);
        self.rows.insert(key, Some(after));
        if !entity.claims.is_empty() {
            self.load_written(BTreeSet::from([made_by]))?;
            self.claims_changed.insert(key);
            for claims in self.claims.values_mut() {
                claims.retain(|claim| claim.source != key);
            }
            for claim in self.claims_from(key) {
                if let Some(claims) = self.claims.get_mut(&claim.actor) {
                    claims.push(claim);
                }
            }
            self.rights.clear();
        } else if entity.role.is_some() {
            self.rights.clear();
        }
        Ok(())
    }

    /// A line of the log, with the move of its unit's digest unless another line tells it.
    pub fn tell(&mut self, line: LogLine) {
        let shift = self.shifts.remove(&line.unit).or(line.shift);
        self.told_units.insert(line.unit);
        if rights::carrying().contains(&line.key.entity) {
            self.told_rights.insert(line.key);
        }
        self.log.push(LogLine { shift, ..line });
    }

    /// All lines of a mutation are told; a digest that moved without one would never be noticed.
    ///
    /// # Errors
    /// [`CentreError::Inconsistent`] when there is one.
    pub fn told(&mut self) -> Result<(), CentreError> {
        match std::mem::take(&mut self.shifts).into_values().all(|shift| shift == RowsDigest::default()) {
            true => Ok(()),
            false => Err(CentreError::Inconsistent("a change of a unit is not told".into())),
        }
    }

    /// The open entries of the journal about a row.
    pub fn journal(&mut self, key: RowKey) -> Result<&BTreeMap<JournalKey, JournalEntry>, CentreError> {
        if !self.journal.contains_key(&key) {
            let open = self.shelf.journal(&[key])?.into_iter().map(|entry| (entry.key(), entry)).collect();
            self.journal.insert(key, open);
        }
        Ok(self.journal.entry(key).or_default())
    }

    /// Opens an entry of the journal, unless one with the same key tells as much. Says whether it did.
    pub fn open_entry(&mut self, entry: &JournalEntry, g: u64) -> Result<bool, CentreError> {
        let row = RowKey { entity: entry.entity, id: entry.row };
        let known = self.journal(row)?.get(&entry.key());
        if known.is_some_and(|known| known.kind.asks_a_person() || !entry.kind.asks_a_person()) {
            return Ok(false);
        }
        self.journal.entry(row).or_default().insert(entry.key(), entry.clone());
        self.journal_changes.insert(entry.key(), (g, Some(entry.clone())));
        Ok(true)
    }

    /// Closes an entry of the journal. Says what it told, when it was open.
    pub fn close_entry(&mut self, key: JournalKey, g: u64) -> Result<Option<JournalEntry>, CentreError> {
        let row = RowKey { entity: key.0, id: key.1 };
        self.journal(row)?;
        let closed = self.journal.entry(row).or_default().remove(&key);
        if closed.is_some() {
            self.journal_changes.insert(key, (g, None));
        }
        Ok(closed)
    }

    /// Whether any mutation waits, without asking for which.
    pub fn anything_held(&self) -> bool {
        self.head.held > 0
    }

    /// What waits, in the order in which it came.
    pub fn held(&mut self) -> Result<&mut Waiting, CentreError> {
        if self.held.is_none() {
            let all = if self.head.held == 0 { Vec::new() } else { self.shelf.held()? };
            self.held = Some(Waiting::of(all));
        }
        Ok(self.held.get_or_insert_default())
    }

    /// Lets a mutation wait, or wait for something else.
    pub fn hold(&mut self, held: Held) -> Result<(), CentreError> {
        let place = held.place;
        if self.held()?.put(held) {
            self.head.held += 1;
        }
        self.held_changed.insert(place);
        Ok(())
    }

    /// Lets a mutation wait no more.
    pub fn release(&mut self, place: Place) -> Result<(), CentreError> {
        if self.held()?.remove(place) {
            self.head.held = self.head.held.saturating_sub(1);
        }
        self.held_changed.insert(place);
        Ok(())
    }

    /// Files an envelope.
    pub fn file(&mut self, filed: Filed) {
        self.filed.push(filed);
    }

    /// The envelope in which a mutation came, when it came in this transaction.
    pub fn filed_now(&self, place: Place) -> Option<&Filed> {
        self.filed.iter().find(|filed| filed.place == place)
    }

    /// Decides anew about an envelope that was filed before, in this transaction or earlier.
    pub fn decide_anew(&mut self, place: Place, g: Option<u64>, verdict: Stored) {
        let head = self.head.g;
        self.verdicts.push((place, g, verdict, head));
    }

    /// The canonical bytes in which a mutation came.
    pub fn bytes_of(&mut self, mutation: Uuid) -> Result<Option<Vec<u8>>, CentreError> {
        if let Some(filed) = self.filed.iter().find(|filed| filed.mutation.as_ref().is_some_and(|(writer, _)| writer.mutation == mutation)) {
            return Ok(Some(filed.envelope.bytes.clone()));
        }
        Ok(self.shelf.mutation_bytes(&[mutation])?.into_iter().next().map(|(_, bytes)| bytes))
    }
}

/// Entity and values of a uniqueness; equal values have equal bytes.
fn twin_key(ask: &Alike) -> Result<Vec<u8>, CentreError> {
    let value = |value: &Value| match value.as_decimal() {
        Some(number) => Value::Decimal(number.normalize()),
        None => value.clone(),
    };
    let values: Vec<(usize, Value)> = ask.values.iter().map(|(at, one)| (*at, value(one))).collect();
    postcard::to_stdvec(&(ask.entity.no, values)).map_err(|_| CentreError::Inconsistent("a value cannot be encoded".into()))
}

/// The key of a row.
pub(crate) fn key_of(state: &RowState) -> RowKey {
    RowKey { entity: state.row.entity.no, id: state.row.id() }
}

/// Every mutation that a row names.
pub(crate) fn writers_of(state: &RowState) -> impl Iterator<Item = Uuid> + '_ {
    state.group_mids.pairs().iter().map(|(_, mid)| *mid).chain([state.row_mid]).chain(state.error.iter().map(|(mid, _)| *mid))
}

/// The row of `users` of a person.
pub(crate) fn user_key(actor: Uuid) -> Option<RowKey> {
    Some(RowKey { entity: catalogue().get("users")?.no, id: actor })
}

/// The row of `organization_members` of a person.
pub(crate) fn member_key(realm: Uuid, actor: Uuid) -> Option<RowKey> {
    let entity = catalogue().get("organization_members")?;
    Some(RowKey { entity: entity.no, id: id::derived(entity.no, &[&Value::Uuid(realm), &Value::Uuid(actor)]) })
}
