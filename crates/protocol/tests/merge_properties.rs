//! What the merge rule promises, for sets of mutations from several laptops in any causal order.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use gladstone_model::{Entity, Unit, Value, entity::MergeGroup};
use gladstone_protocol::{GroupPatch, Journal, JournalKind, Op, OpKind, Outcome, Policy, RowState, Writer, clock, merge, row_state};
use proptest::prelude::*;
use support::{World, device, entity, id, mid, row_id, time, value};
use uuid::Uuid;

/// One mutation as a number stream describes it; turned into a [`Step`] against those before it.
#[derive(Clone, Debug)]
struct Raw {
    on: u64,
    kind: u8,
    clock: u8,
    groups: Vec<(bool, u8, u8)>,
    priorities: [u16; 2],
}

/// One mutation of the plan.
#[derive(Clone, Debug)]
struct Step {
    by: Writer,
    op: Op,
    needs: BTreeSet<usize>,
    bases: BTreeMap<u16, Uuid>,
    writes: BTreeMap<u16, Vec<(u16, Value)>>,
    mark: Option<Uuid>,
    priorities: [u16; 2],
}

fn raw() -> impl Strategy<Value = Raw> {
    let group = (any::<bool>(), any::<u8>(), 0_u8..4);
    (0_u64..4, 0_u8..12, any::<u8>(), prop::collection::vec(group, 4), any::<[u16; 2]>())
        .prop_map(|(on, kind, clock, groups, priorities)| Raw { on, kind, clock, groups, priorities })
}

fn raws() -> impl Strategy<Value = Vec<Raw>> {
    prop::collection::vec(raw(), 2..10)
}

/// The groups that the plans write: the widest one and three more.
fn groups(entity: &Entity) -> Vec<&MergeGroup> {
    let written = |group: &&MergeGroup| group.fields.iter().all(|at| !entity.fields[*at].is_managed() && !entity.natural_key.contains(at));
    let mut found: Vec<&MergeGroup> = entity.groups.iter().filter(written).collect();
    found.sort_by_key(|group| std::cmp::Reverse(group.fields.len()));
    found.truncate(4);
    found
}

fn plan(entity: &'static Entity, raws: &[Raw]) -> Vec<Step> {
    let groups = groups(entity);
    let key: Vec<(u16, Value)> = entity.natural_key.iter().map(|at| (entity.fields[*at].no, value(entity, entity.fields[*at].no, 1))).collect();
    let mut steps: Vec<Step> = Vec::new();
    for (at, raw) in raws.iter().enumerate() {
        let mut needs: BTreeSet<usize> = steps.iter().enumerate().rev().find(|(_, step)| step.by.device == device(raw.on)).map(|(at, _)| at).into_iter().collect();
        let (mut bases, mut writes, mut mark) = (BTreeMap::new(), BTreeMap::new(), None);
        let makers: Vec<usize> = steps.iter().enumerate().filter(|(_, step)| matches!(step.op.kind, OpKind::Create(_))).map(|(at, _)| at).collect();
        let values = |group: &MergeGroup, choice: u8| -> Vec<(u16, Value)> { group.fields.iter().map(|at| entity.fields[*at].no).map(|no| (no, value(entity, no, choice))).collect() };
        let kind = if at == 0 || raw.kind == 11 {
            let mut all = key.clone();
            for (group, (says, _, choice)) in groups.iter().zip(&raw.groups) {
                if *says && *choice != 0 {
                    all.extend(values(group, *choice));
                    writes.insert(row_state::number(entity, group), values(group, *choice));
                }
            }
            OpKind::Create(all)
        } else if raw.kind == 10 {
            let base = usize::from(raw.groups[0].1) % steps.len();
            needs.extend([base, makers[0]]);
            mark = Some(steps[base].by.mutation);
            OpKind::EnterInError { base: steps[base].by.mutation, reason: format!("reason {at}") }
        } else {
            let mut patches = Vec::new();
            for (group, (says, base, choice)) in groups.iter().zip(&raw.groups) {
                if !says {
                    continue;
                }
                let no = row_state::number(entity, group);
                let seen: Vec<usize> = (0..steps.len()).filter(|at| makers.contains(at) || steps[*at].writes.contains_key(&no)).collect();
                let base = seen[usize::from(*base) % seen.len()];
                needs.insert(base);
                bases.insert(no, steps[base].by.mutation);
                writes.insert(no, values(group, *choice));
                patches.push(GroupPatch { group: no, base: steps[base].by.mutation, values: values(group, *choice) });
            }
            needs.insert(makers[0]);
            OpKind::Update(patches)
        };
        let received = time(1_000);
        let wall = time(i64::from(raw.clock) * 8);
        let stamp = clock::clamp(clock::stamp(wall.millis().unsigned_abs(), 0), received);
        let hlc = clock::lift(stamp, needs.iter().map(|at| steps[*at].by.hlc));
        let by = Writer { mutation: mid(at as u64), hlc, actor: id(3, raw.on), device: device(raw.on), wall };
        steps.push(Step { by, op: Op { entity: entity.no, id: row_id(), unit: Unit::PLATFORM, kind }, needs, bases, writes, mark, priorities: raw.priorities });
    }
    steps
}

/// An order in which everything comes after what it needs; `which` of the priorities decides the rest.
fn order(steps: &[Step], which: usize) -> Vec<usize> {
    let mut done: Vec<usize> = Vec::new();
    while done.len() < steps.len() {
        let free = (0..steps.len()).filter(|at| !done.contains(at) && steps[*at].needs.iter().all(|need| done.contains(need)));
        done.push(free.min_by_key(|at| (steps[*at].priorities[which], *at)).expect("needs only point backwards"));
    }
    done
}

struct Run {
    state: RowState,
    journal: Journal,
}

/// Applies the steps in an order, each twice: the second time nothing may happen.
fn run(steps: &[Step], order: &[usize]) -> Run {
    let (mut world, mut journal, mut state) = (World::default(), Journal::default(), None);
    for at in order {
        let step = &steps[*at];
        world.know(step.by);
        let merged = merge::merge(state.as_ref(), &step.op, &step.by, &world).expect("what it needs is there");
        journal.take(&merged);
        let again = merge::merge(Some(&merged.state), &step.op, &step.by, &world).expect("what could be applied can be applied again");
        assert_eq!(again.state, merged.state, "applying twice is applying once");
        let mut journal_again = journal.clone();
        journal_again.take(&again);
        assert_eq!(values(&journal_again), values(&journal), "applying twice journals nothing new");
        state = Some(merged.state);
    }
    for at in order {
        let state = state.as_ref().expect("there is a row");
        let late = merge::merge(Some(state), &steps[*at].op, &steps[*at].by, &world).expect("it was applied before");
        assert_eq!(&late.state, state, "a copy that comes late changes nothing");
    }
    Run { state: state.expect("the first step makes the row"), journal }
}

/// Group, mutation and values of everything that is journalled.
fn values(journal: &Journal) -> BTreeSet<(u16, Uuid, String)> {
    journal.entries().map(|entry| (entry.group, entry.other.writer.mutation, format!("{:?}", entry.other.values))).collect()
}

/// Invariant 3: every value that was written is current, or was replaced by somebody who had seen
/// it, or stands in the journal.
fn nothing_is_lost(steps: &[Step], run: &Run) {
    let entity = run.state.row.entity;
    for step in steps {
        for (group, written) in &step.writes {
            let mutation = step.by.mutation;
            let current = run.state.writer_of(*group) == mutation;
            let replaced = Policy::of(entity) != Policy::Sealed && steps.iter().any(|other| other.bases.get(group) == Some(&mutation));
            let journalled = run.journal.entries().any(|entry| entry.group == *group && entry.other.writer.mutation == mutation && entry.other.values == *written);
            assert!(current || replaced || journalled, "mutation {mutation} wrote group {group}, and it is nowhere");
            if current {
                let at = entity.groups.iter().find(|g| row_state::number(entity, g) == *group).expect("a group");
                assert_eq!(run.state.values_of(at), *written, "what is said to be current is what was written");
            }
        }
        if let Some(base) = step.mark {
            let (stays, _) = run.state.error.as_ref().expect("a mark does not go away");
            assert!(*stays == step.by.mutation || run.journal.holds((entity.no, row_id(), 0, step.by.mutation)), "every reason is kept");
            for group in groups(entity) {
                let no = row_state::number(entity, group);
                let Some(standing) = steps.iter().find(|other| other.by.mutation == run.state.writer_of(no) && other.writes.contains_key(&no)) else { continue };
                let seen = standing.by.mutation == base || standing.by.device == step.by.device || standing.by.mutation == step.by.mutation;
                let told = run.journal.entries().any(|entry| entry.group == no && entry.other.writer.mutation == standing.by.mutation);
                assert!(seen || told, "an edit that the author of the mark had not seen is told");
            }
        }
    }
}

/// Writers of all groups together with everything journalled: what exists, standing or not.
fn all_values(entity: &Entity, run: &Run) -> BTreeSet<(u16, Uuid)> {
    let journalled = run.journal.entries().map(|entry| (entry.group, entry.other.writer.mutation));
    let written = entity.groups.iter().filter(|group| !entity.fields[group.fields[0]].is_managed() && !run.state.is_unwritten(group));
    let standing = written.map(|group| row_state::number(entity, group)).map(|no| (no, run.state.writer_of(no)));
    journalled.chain(standing).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn last_writer_wins_gives_one_row_and_one_journal_in_every_order(raws in raws(), keyed in any::<bool>()) {
        let entity = entity(if keyed { "user_profiles" } else { "questionnaires" });
        assert_eq!(Policy::of(entity), Policy::LastWriterWins, "the plan is about this policy");
        let steps = plan(entity, &raws);
        let straight = run(&steps, &(0..steps.len()).collect::<Vec<_>>());
        nothing_is_lost(&steps, &straight);
        for which in 0..2 {
            let other = run(&steps, &order(&steps, which));
            prop_assert_eq!(&other.state, &straight.state, "one row");
            prop_assert_eq!(values(&other.journal), values(&straight.journal), "one journal");
        }
        for group in groups(entity) {
            let no = row_state::number(entity, group);
            let latest = steps.iter().filter(|step| step.writes.contains_key(&no)).max_by_key(|step| (step.by.hlc, step.by.device, step.by.mutation));
            if let Some(latest) = latest {
                prop_assert_eq!(straight.state.writer_of(no), latest.by.mutation, "the latest stamp stands");
            }
        }
    }

    #[test]
    fn review_keeps_every_value_whatever_the_order(raws in raws(), keyed in any::<bool>()) {
        let entity = entity(if keyed { "answers" } else { "appointments" });
        assert_eq!(Policy::of(entity), Policy::Review, "the plan is about this policy");
        let steps = plan(entity, &raws);
        let straight = run(&steps, &(0..steps.len()).collect::<Vec<_>>());
        nothing_is_lost(&steps, &straight);
        for which in 0..2 {
            let other = run(&steps, &order(&steps, which));
            nothing_is_lost(&steps, &other);
            prop_assert_eq!(all_values(entity, &other), all_values(entity, &straight), "what stands and what is journalled are the same values together");
            prop_assert_eq!(&other.state.error, &straight.state.error, "the mark is the same");
        }
    }

    #[test]
    fn a_sealed_row_stays_and_everything_else_is_an_addendum(raws in raws()) {
        let entity = entity("therapist_notes");
        let steps = plan(entity, &raws);
        let mut updates = steps.clone();
        updates.retain(|step| !matches!(step.op.kind, OpKind::Create(_)) || step.by.mutation == mid(0));
        for step in &mut updates {
            step.needs.clear();
        }
        let first = merge::merge(None, &updates[0].op, &updates[0].by, &World::default()).expect("a new row").state;
        let straight = run(&updates, &(0..updates.len()).collect::<Vec<_>>());
        nothing_is_lost(&updates, &straight);
        for group in groups(entity) {
            prop_assert_eq!(straight.state.values_of(group), first.values_of(group), "a sealed row never changes");
        }
        updates[0].priorities = [0; 2];
        let mut orders = (0..2).map(|which| order(&updates, which)).filter(|order| order[0] == 0);
        prop_assert!(orders.all(|order| values(&run(&updates, &order).journal) == values(&straight.journal)), "the same addenda in every order");
    }

    #[test]
    fn an_edit_whose_author_saw_the_current_value_needs_no_clock(choice in 1_u8..4, early in 0_i64..100) {
        for name in ["user_profiles", "appointments"] {
            let entity = entity(name);
            let group = groups(entity)[0];
            let mut world = World::default();
            let create = world.know(support::writer(1, 1, 500));
            let state = merge::merge(None, &support::op(entity, OpKind::Create(Vec::new())), &create, &world).expect("a new row").state;
            let values: Vec<_> = group.fields.iter().map(|at| entity.fields[*at].no).map(|no| (no, value(entity, no, choice))).collect();
            let update = OpKind::Update(vec![GroupPatch { group: row_state::number(entity, group), base: mid(1), values }]);
            // Nobody is known: a clock that is asked would be an error.
            let merged = merge::merge(Some(&state), &support::op(entity, update), &support::writer(2, 2, early), &World::default()).expect("no clock is asked");
            prop_assert!(merged.outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Applied), "it stands, although its clock is behind");
            prop_assert!(merged.journal.iter().all(|entry| entry.kind == JournalKind::Agreed), "nobody is asked");
        }
    }
}
