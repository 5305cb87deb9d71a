//! The declared rules, against what a mutation writes. What its author could have known is refused, as
//! their laptop would have done; what only somebody else's edit broke meanwhile is nobody's fault and
//! becomes something to look at. Reads more than the rows at hand only where something is wrong, or a
//! record is marked that others must not lose.

use std::collections::BTreeSet;

use gladstone_model::{Entity, Fault, Instant, OnDelete, Row, Value, catalogue, id, rule::{Check, Rule}, validate};
use gladstone_protocol::{GroupPatch, Mutation, Op, OpKind, RowState, row_state::number, wire::RowKey};
use uuid::Uuid;

use super::{Trial, values_written};
use crate::{
    engine::Having,
    error::CentreError,
    notice,
    rights::Rights,
    units,
    work::{Work, key_of, writers_of},
};

/// Fields of a question by which an answer is judged.
const OF_QUESTION: [&str; 4] = ["type", "value_range", "max_score", "scoring_weight"];

/// Why a mutation is refused: a short name, and words for its author.
pub(super) type Refusal = (&'static str, String);

/// A value written to a field whose steps are declared.
pub(super) struct Stepped {
    key: RowKey,
    rule: &'static Rule,
    at: usize,
    /// What its author saw there, when that is known.
    saw: Option<Value>,
    to: Value,
}

/// A rule that does not hold, and how much of it its author knew.
struct Broken {
    text: String,
    known: Sight,
}

/// Whether an author knew a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sight {
    /// Somebody else wrote it, perhaps later.
    Unseen,
    /// It stood there, unless the author's laptop wrote another one that waits.
    Before,
    /// The mutation itself says so.
    Said,
}

/// Whether rows that a field refers to may not be taken away.
pub(super) fn restricts(entity: u16, field: u16) -> bool {
    let reference = catalogue().by_no(entity).and_then(|entity| entity.fields[entity.position_of_no(field)?].reference.as_ref());
    reference.is_some_and(|reference| reference.on_delete == OnDelete::Restrict)
}

/// The steps that a patch takes in a row that is there.
///
/// # Errors
/// What the store says.
pub(super) fn steps(work: &mut Work<'_>, current: Option<&RowState>, op: &Op) -> Result<Vec<Stepped>, CentreError> {
    let mut found = Vec::new();
    let (Some(current), Some(entity)) = (current, catalogue().by_no(op.entity)) else { return Ok(found) };
    for rule in &entity.rules {
        let Check::Steps { field, .. } = &rule.check else { continue };
        let Some(at) = entity.position(field) else { continue };
        let (no, group) = (entity.fields[at].no, group_of(entity, at));
        let written = |values: &[(u16, Value)]| values.iter().find(|(other, _)| *other == no).map(|(_, value)| value.clone());
        let (base, to) = match &op.kind {
            OpKind::Create(values) => (None, written(values)),
            OpKind::Update(patches) => patches.iter().find_map(|patch| Some((Some(patch.base), Some(written(&patch.values)?)))).unwrap_or_default(),
            OpKind::EnterInError { .. } => continue,
        };
        let Some(to) = to else { continue };
        let saw = match base {
            Some(base) if base == current.writer_of(group) => Some(current.row.values[at].clone()),
            Some(base) => values_written(work, (op.entity, op.id, group), base)?.and_then(|values| written(&values)),
            None => None,
        };
        found.push(Stepped { key: RowKey { entity: op.entity, id: op.id }, rule, at, saw, to });
    }
    Ok(found)
}

impl Trial {
    /// What is wrong with what was written. A rule that only the merge of two edits breaks is nobody's
    /// fault: it becomes a notice.
    pub(super) fn faults(&mut self, work: &mut Work<'_>, mutation: &Mutation, received: Instant, rights: &Rights) -> Result<Option<Refusal>, CentreError> {
        let now = received.plus_seconds(60);
        if let Some(why) = mutation.ops.iter().find_map(|op| op_fault(op, rights)) {
            return Ok(Some(why));
        }
        for at in 0..self.order.len() {
            let key = self.order[at];
            let mut broken = self.row_faults(work, key, now)?;
            broken.extend(self.step_faults(work, key));
            if let Some(why) = self.settle(work, key, broken)? {
                return Ok(Some(("invalid", why)));
            }
        }
        let needs = self.needs(work)?;
        for (owner, broken) in needs {
            if let Some(why) = self.settle(work, owner, vec![broken])? {
                return Ok(Some(("invalid", why)));
            }
        }
        Ok(self.in_use(work, rights)?.map(|why| ("in_use", why)))
    }

    /// Refuses what the author could have known, and notes the rest for a person.
    fn settle(&mut self, work: &mut Work<'_>, key: RowKey, broken: Vec<Broken>) -> Result<Option<String>, CentreError> {
        if broken.is_empty() {
            return Ok(None);
        }
        // What its laptop wrote before may still wait here, and would make it right.
        let device = self.by.device;
        let waits = work.anything_held() && work.held()?.iter().any(|held| held.place.device == device);
        let least = if waits { Sight::Said } else { Sight::Before };
        if broken.iter().any(|broken| broken.known >= least) {
            return Ok(Some(told(broken.iter().filter(|broken| broken.known >= least))));
        }
        let text = told(broken.iter());
        let found = match self.rows.get(&key) {
            Some(touched) => Some((touched.before.clone(), touched.after.clone())),
            None => work.row(key)?.map(|state| (Some(state.clone()), state.clone())),
        };
        if let Some((before, after)) = found {
            let mid = before.as_ref().map(|before| before.row_mid);
            work.load_written(mid.into_iter().collect())?;
            let current = mid.and_then(|mid| work.writer(mid));
            self.effect.notices.push(notice::rule(before.as_ref(), &after, &text, self.by, current));
        }
        Ok(None)
    }

    /// Rules about one row and the rows that it refers to.
    fn row_faults(&self, work: &mut Work<'_>, key: RowKey, now: Instant) -> Result<Vec<Broken>, CentreError> {
        let Some(touched) = self.rows.get(&key) else { return Ok(Vec::new()) };
        if touched.before.as_ref().is_some_and(|before| before.row == touched.after.row) {
            return Ok(Vec::new());
        }
        let row = &touched.after.row;
        if touched.before.is_none() && squats(row) {
            return Ok(vec![Broken { text: format!("This {} carries the id of another one; enter it anew.", row.entity.label.to_lowercase()), known: Sight::Said }]);
        }
        for at in 0..row.entity.fields.len() {
            if let Some(to) = units::referred(row, at).filter(|to| !row.entity.rules.is_empty() && !self.rows.contains_key(to)) {
                work.row(to)?;
            }
        }
        let after = faults_of(row, now, &Nearby { trial: self, work });
        if after.is_empty() {
            // Parts that a row cannot be without come with it.
            let text = touched.before.is_none().then(|| completion_fault(row, self)).flatten();
            return Ok(text.map(|text| Broken { text, known: Sight::Said }).into_iter().collect());
        }
        let before = touched.before.as_ref().map(|before| faults_of(&before.row, now, &Nearby { trial: self, work })).unwrap_or_default();
        let new: Vec<Fault> = after.into_iter().filter(|fault| !before.iter().any(|known| known.message == fault.message)).collect();
        new.into_iter().map(|fault| Ok(Broken { known: self.knew(work, &touched.after, &fault)?, text: fault.message })).collect()
    }

    /// How much the author knew of what a fault is about.
    fn knew(&self, work: &mut Work<'_>, state: &RowState, fault: &Fault) -> Result<Sight, CentreError> {
        let entity = state.row.entity;
        let Some(rule) = entity.rules.iter().find(|rule| rule.id == fault.rule) else {
            return Ok(entity.position(&fault.field).map_or(Sight::Said, |at| self.saw(work, state, at)));
        };
        let own = rule.fields().iter().filter_map(|name| entity.position(name)).map(|at| self.saw(work, state, at)).min().unwrap_or(Sight::Said);
        let question = match &rule.check {
            Check::AnswerFitsQuestion { question, .. } | Check::AnswerScoreInRange { question, .. } => entity.position(question).and_then(|at| units::referred(&state.row, at)),
            _ => return Ok(own),
        };
        let Some(question) = question.map(|key| self.state(work, key)).transpose()?.flatten() else { return Ok(own) };
        work.load_written(writers_of(&question).collect())?;
        let theirs = OF_QUESTION.iter().filter_map(|name| question.row.entity.position(name)).map(|at| self.saw(work, &question, at)).min();
        Ok(own.min(theirs.unwrap_or(Sight::Said)))
    }

    /// Whether the author has seen what stands in a field: they wrote it, their laptop did so before, or
    /// it is as it was when the row was made.
    fn saw(&self, work: &Work<'_>, state: &RowState, at: usize) -> Sight {
        let (mid, key) = (state.writer_of(group_of(state.row.entity, at)), &state.row.entity.natural_key);
        // A row with a natural key may have been made at two places, and never changes that key.
        let stood = || key.contains(&at) || mid == state.row_mid && key.is_empty() || self.is_own(work, mid);
        match mid == self.by.mutation {
            true => Sight::Said,
            false if stood() => Sight::Before,
            false => Sight::Unseen,
        }
    }

    /// Whether the author's laptop wrote a mutation that was read before.
    fn is_own(&self, work: &Work<'_>, mid: Uuid) -> bool {
        mid == self.by.mutation || work.writer(mid).is_some_and(|writer| writer.device == self.by.device)
    }

    /// Steps that do not follow each other. From what its author saw it is their fault; from what
    /// somebody else wrote meanwhile it is for a person to look at.
    fn step_faults(&self, work: &Work<'_>, key: RowKey) -> Vec<Broken> {
        let mut found = Vec::new();
        for step in self.steps.iter().filter(|step| step.key == key) {
            let Some(touched) = self.rows.get(&key) else { continue };
            if step.saw.as_ref().is_some_and(|saw| !step.rule.allows_step(saw, &step.to)) {
                found.push(Broken { text: step.rule.message.clone(), known: Sight::Said });
            } else if touched.before.as_ref().is_some_and(|before| !step.rule.allows_step(&before.row.values[step.at], &touched.after.row.values[step.at])) {
                found.push(Broken { text: step.rule.message.clone(), known: Sight::Unseen });
            }
        }
        if found.is_empty() || self.decides_about(work, key) { Vec::new() } else { found }
    }

    /// Whether a conflict about the row, which the centre raised, is decided by the same mutation:
    /// whoever does that chooses among what was written.
    fn decides_about(&self, work: &Work<'_>, key: RowKey) -> bool {
        let Some(entity) = catalogue().by_no(key.entity) else { return false };
        let raised = |case: &RowState| work.writer(case.row_mid).is_some_and(|writer| writer.device == work.head.device);
        let about = |case: &RowState| case.row.entity.name == "conflicts" && case.row.uuid("entity_id") == Some(key.id) && case.row.text("entity_type") == entity.name;
        self.rows.values().any(|touched| touched.before.as_ref().is_some_and(|before| about(before) && raised(before)))
    }

    /// Rows that were changed so that they need a part, or whose last part was taken away.
    fn needs(&mut self, work: &mut Work<'_>) -> Result<Vec<(RowKey, Broken)>, CentreError> {
        let mut asked: Vec<(RowKey, &'static Rule)> = Vec::new();
        for (key, touched) in &self.rows {
            let Some(before) = &touched.before else { continue };
            let stood = |rule: &Rule| before.error.is_none() && matches!(&rule.check, Check::NeedsChild { when, .. } if when.holds(&before.row));
            asked.extend(before.row.entity.rules.iter().filter(|rule| matches!(rule.check, Check::NeedsChild { .. }) && !stood(rule)).map(|rule| (*key, rule)));
            for (owner, at) in catalogue().needed_by(before.row.entity) {
                let of = |state: &RowState| state.error.is_none().then(|| state.row.values[at].as_uuid()).flatten();
                if let Some(id) = of(before).filter(|id| of(&touched.after) != Some(*id)) {
                    let rules = owner.rules.iter().filter(|rule| matches!(&rule.check, Check::NeedsChild { entity, by, .. } if *entity == before.row.entity.name && *by == before.row.entity.fields[at].name));
                    asked.extend(rules.map(|rule| (RowKey { entity: owner.no, id }, rule)));
                }
            }
        }
        let mut found = Vec::new();
        for (key, rule) in asked {
            let Check::NeedsChild { when, entity, by } = &rule.check else { continue };
            let Some(owner) = self.state(work, key)?.filter(|owner| owner.error.is_none() && when.holds(&owner.row)) else { continue };
            let Some((child, at)) = catalogue().get(entity).and_then(|child| Some((child, child.position(by)?))) else { continue };
            let ask = Having { entity: child, field: at, value: key.id.into(), limit: u32::MAX };
            let parts = self.referring(work, &[ask])?;
            if parts.iter().any(|part| part.error.is_none()) {
                continue;
            }
            // Parts that somebody else took away may have stood before the author's eyes.
            let marks: BTreeSet<Uuid> = parts.iter().filter_map(|part| part.error.as_ref().map(|(mid, _)| *mid)).collect();
            work.load_written(marks.iter().copied().chain(writers_of(&owner)).collect())?;
            let needy = owner.row.entity.position(&when.field).map_or(Sight::Said, |at| self.saw(work, &owner, at));
            let known = if marks.iter().all(|mid| self.is_own(work, *mid)) { needy.min(Sight::Before) } else { Sight::Unseen };
            found.push((key, Broken { text: rule.message.clone(), known }));
        }
        Ok(found)
    }

    /// Why a row cannot be marked: its author's own laptop wrote what needs it. What others wrote is
    /// for a person to look at; see `orphans`.
    fn in_use(&self, work: &mut Work<'_>, rights: &Rights) -> Result<Option<String>, CentreError> {
        for emptied in &self.emptied {
            let Some(entity) = catalogue().by_no(emptied.entity) else { continue };
            let restricting = catalogue().referrers(&entity.name).filter(|(_, _, on_delete)| *on_delete == OnDelete::Restrict);
            let asks: Vec<Having> = restricting.map(|(from, at, _)| Having { entity: from, field: at, value: emptied.id.into(), limit: u32::MAX }).collect();
            if asks.is_empty() {
                continue;
            }
            for state in self.referring(work, &asks)?.into_iter().filter(|state| state.error.is_none()) {
                work.load_written(writers_of(&state).collect())?;
                let naming = asks.iter().filter(|ask| ask.entity == state.row.entity && state.row.values[ask.field] == ask.value);
                let own = |ask: &Having| {
                    let mid = state.writer_of(group_of(ask.entity, ask.field));
                    mid == self.by.mutation || rights.reads(state.unit) && self.is_own(work, mid)
                };
                if naming.into_iter().any(own) {
                    return Ok(Some(format!("This {} is still named by {}. Enter those in error first.", entity.label.to_lowercase(), state.row.entity.plural.to_lowercase())));
                }
            }
        }
        Ok(None)
    }

    /// Rows that refer to one, as they would stand.
    fn referring(&self, work: &mut Work<'_>, asks: &[Having]) -> Result<Vec<RowState>, CentreError> {
        let fits = |state: &RowState| asks.iter().any(|ask| ask.entity == state.row.entity && state.row.values[ask.field] == ask.value);
        let mut found: Vec<RowState> = work.having(asks)?.into_iter().filter(|state| !self.rows.contains_key(&key_of(state))).collect();
        found.extend(self.rows.values().map(|touched| &touched.after).filter(|state| fits(state)).cloned());
        Ok(found)
    }
}

fn told<'b>(broken: impl Iterator<Item = &'b Broken>) -> String {
    let mut texts: Vec<&str> = broken.map(|broken| broken.text.as_str()).collect();
    texts.dedup();
    texts.join(" ")
}

/// What is wrong with a patch by itself.
fn op_fault(op: &Op, rights: &Rights) -> Option<Refusal> {
    let entity = catalogue().by_no(op.entity)?;
    if matches!(&op.kind, OpKind::EnterInError { reason, .. } if reason.trim().is_empty()) {
        return Some(("invalid", format!("It is not said why this {} was entered in error. Say why.", entity.label.to_lowercase())));
    }
    if matches!(op.kind, OpKind::Update(_)) && !rights.is_the_centre() && written(op).any(|(no, _)| entity.position_of_no(no).is_some_and(|at| entity.fields[at].is_secret())) {
        return Some(("forbidden", "A secret never comes from a laptop. Enter it at the centre.".into()));
    }
    written(op).find_map(|(no, value)| value_fault(entity, no, value)).map(|why| ("invalid", why))
}

/// Rows near a mutation, for rules that look at them.
struct Nearby<'t, 'w, 's> {
    trial: &'t Trial,
    work: &'w Work<'s>,
}

impl validate::Lookup for Nearby<'_, '_, '_> {
    type Error = std::convert::Infallible;

    fn row(&self, entity: &'static Entity, id: Uuid) -> Result<Option<Row>, Self::Error> {
        let key = RowKey { entity: entity.no, id };
        let state = self.trial.rows.get(&key).map(|touched| &touched.after).or_else(|| self.work.seen(key));
        Ok(state.map(|state| state.row.clone()))
    }

    /// Never here: a row that has the same is an honest edit made elsewhere; see `doubles`.
    fn taken(&self, _: &'static Entity, _: &[(usize, &Value)], _: Uuid) -> Result<bool, Self::Error> {
        Ok(false)
    }
}

/// The rows of a mutation alone: a new row has its parts among them, if it has any.
struct Parts<'t>(&'t Trial);

impl validate::Lookup for Parts<'_> {
    type Error = std::convert::Infallible;

    fn row(&self, entity: &'static Entity, id: Uuid) -> Result<Option<Row>, Self::Error> {
        Ok(self.0.rows.get(&RowKey { entity: entity.no, id }).map(|touched| touched.after.row.clone()))
    }

    fn taken(&self, entity: &'static Entity, values: &[(usize, &Value)], except: Uuid) -> Result<bool, Self::Error> {
        let fits = |state: &RowState| state.row.entity == entity && state.error.is_none() && state.row.id() != except && values.iter().all(|(at, value)| state.row.values[*at] == **value);
        Ok(self.0.rows.values().any(|touched| fits(&touched.after)))
    }
}

fn completion_fault(row: &Row, trial: &Trial) -> Option<String> {
    let Ok(faults) = validate::completion_faults(row, &Parts(trial));
    faults.into_iter().next().map(|fault| fault.message)
}

/// Whether a new row has an id that is derived from another key than its own.
fn squats(row: &Row) -> bool {
    let key: Vec<&Value> = row.entity.natural_key.iter().map(|at| &row.values[*at]).collect();
    row.id().get_version_num() == 8 && id::derived(row.entity.no, &key) != row.id() && !key.is_empty()
}

fn faults_of(row: &Row, now: Instant, nearby: &Nearby<'_, '_, '_>) -> Vec<Fault> {
    let Ok(faults) = validate::faults(row, &|_| false, now, nearby);
    faults
}

/// The values that a patch writes.
fn written(op: &Op) -> impl Iterator<Item = (u16, &Value)> {
    let (created, patches): (&[(u16, Value)], &[GroupPatch]) = match &op.kind {
        OpKind::Create(values) => (values, &[]),
        OpKind::Update(patches) => (&[], patches),
        OpKind::EnterInError { .. } => (&[], &[]),
    };
    created.iter().chain(patches.iter().flat_map(|patch| &patch.values)).map(|(no, value)| (*no, value))
}

fn value_fault(entity: &Entity, no: u16, value: &Value) -> Option<String> {
    let field = &entity.fields[entity.position_of_no(no)?];
    if matches!(value, Value::Json(_)) && !value.is_json() {
        return Some(format!("{}: is not structured data (JSON); enter it anew.", field.label));
    }
    validate::check_field(field, value).err().map(|(_, remedy)| format!("{}: {remedy}.", field.label))
}

/// The number of the merge group of a field.
fn group_of(entity: &Entity, at: usize) -> u16 {
    entity.groups.iter().find(|group| group.fields.contains(&at)).map_or(0, |group| number(entity, group))
}
