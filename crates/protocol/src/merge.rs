//! The merge rule: one patch against the row as it stands. Pure; centre, laptop and simulator use
//! it alike. Checks no rights and validates no value: the caller does, before and after.
//!
//! What it promises is in the README, under "What converges".

use gladstone_model::{
    Entity, Instant, MergePolicy, OnDelete, Row, Unit, Value, catalogue,
    entity::{MergeGroup, UnitSource},
};
use uuid::Uuid;

use crate::{
    group_mids::GroupMids,
    journal::{JournalEntry, JournalKind, MARK, Side},
    mutation::{GroupPatch, Op, OpKind},
    row_state::{RowState, Writer, as_kept, number, same},
};

/// What the rule asks about mutations that were processed before.
pub trait Known {
    /// Who wrote `mutation`. Asked only about concurrent values.
    fn writer(&self, mutation: Uuid) -> Option<Writer>;

    /// What `mutation` wrote to a group of a row, for the journal; none where that is not at hand.
    fn values(&self, _entity: u16, _row: Uuid, _group: u16, _mutation: Uuid) -> Option<Vec<(u16, Value)>> {
        None
    }
}

/// How concurrent values of an entity are settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The later stamp wins.
    LastWriterWins,
    /// The current value stays and a person decides.
    Review,
    /// The row never changes; what comes is an addendum.
    Sealed,
    /// Rows are only added: the union of all.
    Set,
}

impl Policy {
    /// The policy of an entity; one whose rows are only added is a set, whatever it declares.
    pub fn of(entity: &Entity) -> Policy {
        match entity.policy {
            _ if entity.append_only => Policy::Set,
            MergePolicy::LastWriterWins => Policy::LastWriterWins,
            MergePolicy::Review => Policy::Review,
            MergePolicy::Sealed => Policy::Sealed,
        }
    }
}

/// What became of one group of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This mutation had written it before; nothing changed.
    Already,
    /// Its author had seen the current value, or there was none: it stands.
    Applied,
    /// The same value as the current one, written apart from it.
    Agreed,
    /// It displaced the current value by a later stamp.
    Won,
    /// The current value has a later stamp and stays.
    Lost,
    /// The current value stays; the other one is in the journal.
    Kept,
    /// The row is sealed; the value is in the journal as an addendum.
    Addendum,
}

/// What only the caller can look up, after the merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The row now refers to this row. Missing: hold the mutation. Entered in error and `part`:
    /// keep the row, and add [`orphan`] to the journal.
    Reference {
        /// Number of the field that refers.
        field: u16,
        /// Entity that is referred to, by its number.
        entity: u16,
        /// Row that is referred to.
        id: Uuid,
        /// Whether this row is a part of that one.
        part: bool,
    },
    /// The row was entered in error: parts of it that stand, and that this mutation does not
    /// enter in error as well, were unknown to its author. Each gets an [`orphan`].
    Parts,
    /// The unit is that of this row; the caller puts it in place of the stated one.
    UnitOf {
        /// Entity of the parent, by its number.
        entity: u16,
        /// The parent.
        id: Uuid,
    },
}

/// The row after a patch, and everything that has to be kept besides it.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// The row as it stands now.
    pub state: RowState,
    /// What became of each group that the patch names, by group number; [`MARK`] for the mark.
    pub outcomes: Vec<(u16, Outcome)>,
    /// Values that do not stand, or stand unseen. Order means nothing.
    pub journal: Vec<JournalEntry>,
    /// Group and mutation whose open entry is closed: replaced by somebody who had seen it.
    pub settles: Vec<(u16, Uuid)>,
    /// What the caller has to look up.
    pub checks: Vec<Check>,
}

/// Why a patch cannot be merged at all. The mutation is then held or kept in quarantine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeFault {
    /// The row that is changed is not here (yet).
    #[error("the record that this changes is not here")]
    MissingRow,
    /// A mutation that the row or the patch names was never processed here.
    #[error("an earlier change that this builds on is not here")]
    UnknownWriter(Uuid),
    /// No entity has this number in this version.
    #[error("this version does not know the kind of record {0}")]
    UnknownEntity(u16),
    /// The entity has no field or group of this number in this version.
    #[error("this version does not know field {0} of this kind of record")]
    UnknownField(u16),
    /// Rows of this entity are only added.
    #[error("records of this kind are never changed")]
    AppendOnly,
    /// A patch against its own declaration: a field twice, of another group, set by the store
    /// alone, another value of the natural key, or a row of another entity or id.
    #[error("the change does not fit the kind of record")]
    Misfit,
}

/// Merges one patch of the mutation `by` into `current`.
///
/// # Errors
/// [`MergeFault`]; nothing may be written then.
pub fn merge(current: Option<&RowState>, op: &Op, by: &Writer, known: &dyn Known) -> Result<Merged, MergeFault> {
    let entity = catalogue().by_no(op.entity).ok_or(MergeFault::UnknownEntity(op.entity))?;
    if current.is_some_and(|state| state.row.entity.no != op.entity || state.row.id() != op.id) {
        return Err(MergeFault::Misfit);
    }
    match (&op.kind, current) {
        (OpKind::Create(values), None) => create(entity, op, values, by),
        (OpKind::Create(values), Some(state)) => Merge::new(entity, state, op, by, known).create_again(values),
        (OpKind::Update(patches), Some(state)) => Merge::new(entity, state, op, by, known).update(patches),
        (OpKind::EnterInError { base, reason }, Some(state)) => Merge::new(entity, state, op, by, known).enter_in_error(*base, reason),
        (_, None) => Err(MergeFault::MissingRow),
    }
}

/// The entry for a part that stands although the row it belongs to was entered in error. `field`
/// is the number of the field that refers, `part_by` who made the part, `error_by` who entered
/// the other row in error and why.
pub fn orphan(part: &RowState, field: u16, part_by: Writer, error_by: Writer, reason: &str) -> JournalEntry {
    let entity = part.row.entity;
    let parent = entity.position_of_no(field).map_or(Value::Null, |at| part.row.values[at].clone());
    JournalEntry {
        entity: entity.no,
        row: part.row.id(),
        group: field,
        kind: JournalKind::PartOfRowInError,
        base: None,
        base_values: None,
        kept: Side { values: vec![(MARK, Value::text(reason))], writer: error_by },
        other: Side { values: vec![(field, parent)], writer: part_by },
    }
}

fn create(entity: &'static Entity, op: &Op, values: &[(u16, Value)], by: &Writer) -> Result<Merged, MergeFault> {
    let mut row = Row::empty(entity);
    for (at, value) in positions(entity, values)? {
        row.values[at] = as_kept(entity.fields[at].ty, value);
    }
    if !row.get("id").is_null() && row.id() != op.id {
        return Err(MergeFault::Misfit);
    }
    row.set("id", op.id);
    for field in ["created_at", "updated_at"] {
        row.set(field, by.bounded(row.get(field).as_instant()));
    }
    let written: Vec<&MergeGroup> = groups(entity).filter(|group| group.fields.iter().any(|at| !row.values[*at].is_null())).collect();
    let outcomes = written.iter().map(|group| (number(entity, group), Outcome::Applied)).collect();
    let mut checks: Vec<Check> = written.iter().flat_map(|group| references(&row, group)).collect();
    let (unit, check) = unit_of(&row, None, op);
    checks.extend(check);
    let state = RowState { row, unit, row_mid: by.mutation, group_mids: GroupMids::default(), error: None };
    Ok(Merged { state, outcomes, journal: Vec::new(), settles: Vec::new(), checks })
}

/// A merge in the making.
struct Merge<'a> {
    entity: &'static Entity,
    policy: Policy,
    before: &'a RowState,
    op: &'a Op,
    by: &'a Writer,
    known: &'a dyn Known,
    done: Merged,
}

impl<'a> Merge<'a> {
    fn new(entity: &'static Entity, before: &'a RowState, op: &'a Op, by: &'a Writer, known: &'a dyn Known) -> Merge<'a> {
        let done = Merged { state: before.clone(), outcomes: Vec::new(), journal: Vec::new(), settles: Vec::new(), checks: Vec::new() };
        Merge { entity, policy: Policy::of(entity), before, op, by, known, done }
    }

    /// The row is there already: the groups that the new one says something about are concurrent.
    fn create_again(mut self, values: &[(u16, Value)]) -> Result<Merged, MergeFault> {
        let given = positions(self.entity, values)?;
        let said = |at: &usize| given.iter().find(|(given, value)| given == at && !value.is_null()).map(|(_, value)| (*value).clone());
        let said_groups: Vec<&MergeGroup> = groups(self.entity).filter(|group| group.fields.iter().any(|at| said(at).is_some())).collect();
        if self.done.state.row_mid == self.by.mutation {
            self.done.outcomes = said_groups.iter().map(|group| (number(self.entity, group), Outcome::Already)).collect();
            return Ok(self.done);
        }
        if self.policy == Policy::LastWriterWins && self.by.is_later_than(&self.writer(self.before.row_mid)?) {
            self.become_maker();
        }
        for group in said_groups {
            let values = group.fields.iter().map(|at| (self.entity.fields[*at].no, said(at).unwrap_or(Value::Null))).collect();
            self.group(group, None, values)?;
        }
        let time = |field: &str| self.by.bounded(self.entity.position(field).and_then(|at| said(&at)).and_then(|value| value.as_instant()));
        let (made, touched) = (time("created_at"), time("updated_at"));
        if let Some(before) = self.done.state.row.get("created_at").as_instant() {
            self.done.state.row.set("created_at", before.min(made));
        }
        Ok(self.finish(touched))
    }

    fn update(mut self, patches: &[GroupPatch]) -> Result<Merged, MergeFault> {
        if self.policy == Policy::Set {
            return Err(MergeFault::AppendOnly);
        }
        for (at, patch) in patches.iter().enumerate() {
            let group = groups(self.entity).find(|group| number(self.entity, group) == patch.group).ok_or(MergeFault::UnknownField(patch.group))?;
            let given = positions(self.entity, &patch.values)?;
            let foreign = given.iter().any(|(field, value)| {
                let other_key = self.entity.natural_key.contains(field) && !same(value, &self.before.row.values[*field]);
                other_key || !group.fields.contains(field)
            });
            if foreign || given.is_empty() || patches[..at].iter().any(|other| other.group == patch.group) {
                return Err(MergeFault::Misfit);
            }
            // A client that does not know a younger field of the group leaves that as it is.
            let values = group.fields.iter().map(|at| {
                let value = given.iter().find(|(given, _)| given == at).map_or(&self.done.state.row.values[*at], |(_, value)| *value);
                (self.entity.fields[*at].no, value.clone())
            });
            self.group(group, Some(patch.base), values.collect())?;
        }
        let touched = self.by.bounded(None);
        Ok(self.finish(touched))
    }

    /// Of several marks the earliest stays, so that order of arrival does not matter. Nothing is
    /// taken out of the row; every value that the author of the mark had not seen is raised.
    fn enter_in_error(mut self, base: Uuid, reason: &str) -> Result<Merged, MergeFault> {
        if self.policy == Policy::Set {
            return Err(MergeFault::AppendOnly);
        }
        let mark = |reason: &str, writer: Writer| Side { values: vec![(MARK, Value::text(reason))], writer };
        let incoming = mark(reason, *self.by);
        let outcome = match self.before.error.clone() {
            Some((mutation, _)) if mutation == self.by.mutation => {
                self.done.outcomes.push((MARK, Outcome::Already));
                return Ok(self.done);
            }
            None => {
                self.done.state.error = Some((self.by.mutation, reason.to_owned()));
                Outcome::Applied
            }
            Some((mutation, text)) => {
                let current = mark(&text, self.writer(mutation)?);
                let (kept, other) = if self.by.is_later_than(&current.writer) {
                    (current, incoming.clone())
                } else {
                    self.done.state.error = Some((self.by.mutation, reason.to_owned()));
                    (incoming.clone(), current)
                };
                self.journal(MARK, JournalKind::Agreed, Some(base), kept, other);
                Outcome::Agreed
            }
        };
        self.done.outcomes.push((MARK, outcome));
        self.done.checks.push(Check::Parts);
        for group in groups(self.entity) {
            let no = number(self.entity, group);
            let mid = self.before.writer_of(no);
            if self.before.is_unwritten(group) || mid == base || mid == self.by.mutation {
                continue;
            }
            // What the same laptop wrote before lies before this in its chain: its author saw it.
            let writer = self.writer(mid)?;
            if writer.device != self.by.device {
                let other = Side { values: self.before.values_of(group), writer };
                self.journal(no, JournalKind::EditOfRowInError, Some(base), incoming.clone(), other);
            }
        }
        self.done.state.group_mids = self.done.state.group_mids.sparse(self.done.state.row_mid);
        Ok(self.done)
    }

    /// The rule for one group. `values` holds every field of the group.
    fn group(&mut self, group: &MergeGroup, base: Option<Uuid>, values: Vec<(u16, Value)>) -> Result<(), MergeFault> {
        let no = number(self.entity, group);
        let current = Side { values: self.done.state.values_of(group), writer: Writer::before_all(self.done.state.writer_of(no)) };
        let equal = current.values.iter().zip(&values).all(|((_, a), (_, b))| same(a, b));
        let seen = base == Some(current.writer.mutation);
        let outcome = if current.writer.mutation == self.by.mutation {
            if equal { Outcome::Already } else { Outcome::Applied }
        } else if self.policy != Policy::Sealed && (seen || self.done.state.is_unwritten(group)) {
            Outcome::Applied
        } else {
            let writer = self.writer(current.writer.mutation)?;
            self.concurrent(group, base, equal, Side { writer, ..current.clone() }, Side { values: values.clone(), writer: *self.by })
        };
        let in_error = self.before.error.as_ref().is_some_and(|(mid, _)| *mid != self.by.mutation);
        if let Some(base) = base
            && self.policy != Policy::Sealed
            && (!seen || in_error)
        {
            self.done.settles.push((no, base));
        }
        if matches!(outcome, Outcome::Applied | Outcome::Won) {
            self.write(group, &values);
        }
        let stands = self.done.state.writer_of(no) == self.by.mutation && outcome != Outcome::Already;
        if stands || outcome == Outcome::Agreed {
            self.raise_if_in_error(no, base, values)?;
        }
        if stands {
            let references: Vec<Check> = references(&self.done.state.row, group).collect();
            self.done.checks.extend(references);
        }
        self.done.outcomes.push((no, outcome));
        Ok(())
    }

    /// Two values of which neither author saw the other.
    fn concurrent(&mut self, group: &MergeGroup, base: Option<Uuid>, equal: bool, current: Side, incoming: Side) -> Outcome {
        let no = number(self.entity, group);
        let later = incoming.writer.is_later_than(&current.writer);
        if equal {
            // Under last-writer-wins the later of two equal values is the writer, as it would be
            // of two different ones: who writes next is then judged alike in every order.
            let takes_over = later && self.policy == Policy::LastWriterWins;
            let (kept, other) = if takes_over { (incoming, current) } else { (current, incoming) };
            if takes_over {
                self.done.state.group_mids.set(no, self.by.mutation);
            }
            self.journal(no, JournalKind::Agreed, base, kept, other);
            return Outcome::Agreed;
        }
        let (outcome, kind) = match self.policy {
            Policy::LastWriterWins if later => {
                self.journal(no, JournalKind::Displaced, base, incoming, current);
                return Outcome::Won;
            }
            Policy::LastWriterWins => (Outcome::Lost, JournalKind::Lost),
            Policy::Review | Policy::Set => (Outcome::Kept, JournalKind::Review),
            Policy::Sealed => (Outcome::Addendum, JournalKind::Addendum),
        };
        self.journal(no, kind, base, current, incoming);
        outcome
    }

    /// A value that arrives at a row entered in error: its author cannot have seen the mark.
    fn raise_if_in_error(&mut self, no: u16, base: Option<Uuid>, values: Vec<(u16, Value)>) -> Result<(), MergeFault> {
        let Some((mark, reason)) = self.before.error.clone().filter(|(mid, _)| *mid != self.by.mutation) else { return Ok(()) };
        let kept = Side { values: vec![(MARK, Value::text(&reason))], writer: self.writer(mark)? };
        self.journal(no, JournalKind::EditOfRowInError, base, kept, Side { values, writer: *self.by });
        Ok(())
    }

    fn write(&mut self, group: &MergeGroup, values: &[(u16, Value)]) {
        for (at, (_, value)) in group.fields.iter().zip(values) {
            self.done.state.row.values[*at] = as_kept(self.entity.fields[*at].ty, value);
        }
        self.done.state.group_mids.set(number(self.entity, group), self.by.mutation);
    }

    /// This mutation counts as the one that made the row; what the other one wrote stays its own.
    fn become_maker(&mut self) {
        for group in groups(self.entity) {
            if !self.before.is_unwritten(group) {
                let no = number(self.entity, group);
                self.done.state.group_mids.set(no, self.before.writer_of(no));
            }
        }
        self.done.state.row_mid = self.by.mutation;
    }

    fn finish(mut self, touched: Instant) -> Merged {
        let state = &mut self.done.state;
        state.group_mids = state.group_mids.sparse(state.row_mid);
        // Managed by the store: the latest time at which anybody wrote here, standing or not.
        if let Some(before) = state.row.get("updated_at").as_instant() {
            state.row.set("updated_at", before.max(touched));
        }
        let (unit, check) = unit_of(&state.row, Some(self.before), self.op);
        state.unit = unit;
        self.done.checks.extend(check);
        self.done
    }

    fn writer(&self, mutation: Uuid) -> Result<Writer, MergeFault> {
        self.known.writer(mutation).ok_or(MergeFault::UnknownWriter(mutation))
    }

    fn journal(&mut self, group: u16, kind: JournalKind, base: Option<Uuid>, kept: Side, other: Side) {
        let (entity, row) = (self.entity.no, self.op.id);
        let base_values = base.and_then(|base| self.known.values(entity, row, group, base));
        self.done.journal.push(JournalEntry { entity, row, group, kind, base, base_values, kept, other });
    }
}

/// The groups that people write; what the store sets itself is none of them.
fn groups(entity: &Entity) -> impl Iterator<Item = &MergeGroup> {
    entity.groups.iter().filter(|group| group.fields.first().is_some_and(|at| !entity.fields[*at].is_managed()))
}

/// Values by field number to values by position; refuses unknown fields and fields named twice.
fn positions<'v>(entity: &Entity, values: &'v [(u16, Value)]) -> Result<Vec<(usize, &'v Value)>, MergeFault> {
    let mut found: Vec<(usize, &Value)> = Vec::with_capacity(values.len().min(entity.fields.len()));
    for (no, value) in values {
        let at = entity.position_of_no(*no).ok_or(MergeFault::UnknownField(*no))?;
        if found.iter().any(|(other, _)| *other == at) {
            return Err(MergeFault::Misfit);
        }
        found.push((at, value));
    }
    Ok(found)
}

fn references<'r>(row: &'r Row, group: &'r MergeGroup) -> impl Iterator<Item = Check> + 'r {
    group.fields.iter().filter_map(|at| {
        let field = &row.entity.fields[*at];
        let reference = field.reference.as_ref()?;
        let (id, entity) = (row.values[*at].as_uuid()?, catalogue().get(&reference.entity)?);
        Some(Check::Reference { field: field.no, entity: entity.no, id, part: reference.on_delete == OnDelete::Cascade })
    })
}

/// The unit that the merged values imply. Where it is a parent's, the one that was there stays
/// if the parent is the same, else the stated one; the caller confirms it.
fn unit_of(row: &Row, before: Option<&RowState>, op: &Op) -> (Unit, Option<Check>) {
    for rule in &row.entity.unit {
        let applies = rule.when.as_ref().is_none_or(|when| when.holds(row));
        match rule.source {
            _ if !applies => {}
            UnitSource::Platform => return (Unit::PLATFORM, None),
            UnitSource::Of(kind, at) => {
                if let Some(id) = kind.id_in(&row.values[at]) {
                    return (Unit { kind, id }, None);
                }
            }
            UnitSource::Parent(at) => {
                let parent = row.entity.fields[at].reference.as_ref().and_then(|reference| catalogue().get(&reference.entity));
                if let (Some(id), Some(parent)) = (row.values[at].as_uuid(), parent) {
                    let unchanged = before.filter(|state| state.row.values[at].as_uuid() == Some(id));
                    return (unchanged.map_or(op.unit, |state| state.unit), Some(Check::UnitOf { entity: parent.no, id }));
                }
            }
        }
    }
    (Unit::PLATFORM, None)
}
