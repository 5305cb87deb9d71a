//! The apply rule, row by row: what stands, what is journalled, what is closed.

mod support;

use gladstone_model::{Entity, Unit, Value, unit::UnitKind};
use gladstone_protocol::{Check, GroupPatch, JournalKind, MergeFault, Merged, Op, OpKind, Outcome, Policy, RowState, Verdict, Writer, merge};
use support::{World, entity, id, mid, no, op, patch, row_id, time, writer};

/// A row that mutation 1 made on laptop 1 at second 0, with one text in `field`.
struct Scene {
    entity: &'static Entity,
    field: &'static str,
    state: RowState,
    world: World,
}

impl Scene {
    fn new(name: &str, field: &'static str) -> Scene {
        let (entity, mut world) = (entity(name), World::default());
        let by = world.know(writer(1, 1, 0));
        let create = OpKind::Create(vec![(no(entity, field), "first".into())]);
        let state = merge::merge(None, &op(entity, create), &by, &world).expect("a new row").state;
        world.values.insert((mid(1), no(entity, field)), vec![(no(entity, field), "first".into())]);
        Scene { entity, field, state, world }
    }

    fn update(&self, base: u64, text: &str) -> OpKind {
        OpKind::Update(vec![patch(self.entity, mid(base), &[(self.field, text.into())])])
    }

    fn try_merge(&mut self, by: Writer, kind: OpKind) -> Result<Merged, MergeFault> {
        self.world.know(by);
        merge::merge(Some(&self.state), &op(self.entity, kind), &by, &self.world)
    }

    fn merge(&mut self, by: Writer, kind: OpKind) -> Merged {
        let merged = self.try_merge(by, kind).expect("it can be merged");
        self.state = merged.state.clone();
        merged
    }

    fn text(&self) -> &str {
        self.state.row.text(self.field)
    }
}

struct Expected<'a> {
    outcome: Outcome,
    text: &'a str,
    /// Kind, value and mutation of the other value of each entry.
    journal: &'a [(JournalKind, &'a str, u64)],
    settles: &'a [u64],
}

fn check(rule: &str, scene: &Scene, merged: &Merged, expected: &Expected<'_>) {
    assert_eq!(merged.outcomes, [(no(scene.entity, scene.field), expected.outcome)], "{rule}: outcome");
    assert_eq!(scene.text(), expected.text, "{rule}: what stands");
    let journal: Vec<_> = merged.journal.iter().map(|entry| (entry.kind, entry.other.values[0].1.as_text().unwrap_or("none"), entry.other.writer.mutation)).collect();
    let wanted: Vec<_> = expected.journal.iter().map(|(kind, text, by)| (*kind, *text, mid(*by))).collect();
    assert_eq!(journal, wanted, "{rule}: journal");
    let settles: Vec<_> = merged.settles.iter().map(|(_, mutation)| *mutation).collect();
    assert_eq!(settles, expected.settles.iter().map(|n| mid(*n)).collect::<Vec<_>>(), "{rule}: closed entries");
}

const LWW: (&str, &str) = ("user_profiles", "bio");
const REVIEW: (&str, &str) = ("appointments", "notes");
const SEALED: (&str, &str) = ("therapist_notes", "observations");

#[test]
fn one_patch_against_one_row() {
    use JournalKind::{Addendum, Agreed, Displaced, Lost, Review};
    // rule, entity, the edit before it (mutation 2, laptop 2, second 50), the patch (mutation 3, laptop 3): base, text, second; expected
    type Row = (&'static str, (&'static str, &'static str), Option<&'static str>, (u64, &'static str, i64), Expected<'static>);
    let rows: Vec<Row> = vec![
        ("base is the current writer", LWW, None, (1, "new", 90), Expected { outcome: Outcome::Applied, text: "new", journal: &[], settles: &[] }),
        ("base is the current writer, clock behind", LWW, None, (1, "new", -90), Expected { outcome: Outcome::Applied, text: "new", journal: &[], settles: &[] }),
        ("base is the current writer, review", REVIEW, None, (1, "new", -90), Expected { outcome: Outcome::Applied, text: "new", journal: &[], settles: &[] }),
        ("the writer of an edit was seen", REVIEW, Some("edit"), (2, "new", 90), Expected { outcome: Outcome::Applied, text: "new", journal: &[], settles: &[] }),
        ("lww, later", LWW, Some("edit"), (1, "new", 90), Expected { outcome: Outcome::Won, text: "new", journal: &[(Displaced, "edit", 2)], settles: &[1] }),
        ("lww, earlier", LWW, Some("edit"), (1, "new", 10), Expected { outcome: Outcome::Lost, text: "edit", journal: &[(Lost, "new", 3)], settles: &[1] }),
        ("lww, same value, later", LWW, Some("same"), (1, "same", 90), Expected { outcome: Outcome::Agreed, text: "same", journal: &[(Agreed, "same", 2)], settles: &[1] }),
        ("lww, same value, earlier", LWW, Some("same"), (1, "same", 10), Expected { outcome: Outcome::Agreed, text: "same", journal: &[(Agreed, "same", 3)], settles: &[1] }),
        ("review, later", REVIEW, Some("edit"), (1, "new", 90), Expected { outcome: Outcome::Kept, text: "edit", journal: &[(Review, "new", 3)], settles: &[1] }),
        ("review, earlier", REVIEW, Some("edit"), (1, "new", 10), Expected { outcome: Outcome::Kept, text: "edit", journal: &[(Review, "new", 3)], settles: &[1] }),
        ("review, same value", REVIEW, Some("same"), (1, "same", 90), Expected { outcome: Outcome::Agreed, text: "same", journal: &[(Agreed, "same", 3)], settles: &[1] }),
        ("sealed, although the value was seen", SEALED, None, (1, "new", 90), Expected { outcome: Outcome::Addendum, text: "first", journal: &[(Addendum, "new", 3)], settles: &[] }),
        ("sealed, same value", SEALED, None, (1, "first", 90), Expected { outcome: Outcome::Agreed, text: "first", journal: &[(Agreed, "first", 3)], settles: &[] }),
    ];
    for (rule, (name, field), edit, (base, text, second), expected) in rows {
        let mut scene = Scene::new(name, field);
        if let Some(edit) = edit {
            let kind = scene.update(1, edit);
            scene.merge(writer(2, 2, 50), kind);
        }
        let kind = scene.update(base, text);
        let merged = scene.merge(writer(3, 3, second), kind);
        check(rule, &scene, &merged, &expected);
    }
}

#[test]
fn equal_stamps_are_decided_by_the_laptop() {
    for (greater, lesser) in [(2, 3), (3, 2)] {
        let by = |n: u64, on: u64| writer(n, on, 50);
        let mut scene = Scene::new(LWW.0, LWW.1);
        let kind = scene.update(1, "greater");
        scene.merge(by(greater, greater), kind);
        let kind = scene.update(1, "lesser");
        let merged = scene.merge(by(lesser, lesser), kind);
        let wins = support::device(lesser) > support::device(greater);
        assert_eq!(merged.outcomes[0].1, if wins { Outcome::Won } else { Outcome::Lost }, "the greater laptop id wins");
    }
}

#[test]
fn an_entry_tells_both_values_with_authors_times_and_base() {
    let mut scene = Scene::new(REVIEW.0, REVIEW.1);
    let kind = scene.update(1, "kept");
    let first = writer(2, 2, 50);
    scene.merge(first, kind);
    let kind = scene.update(1, "other");
    let second = writer(3, 3, 60);
    let merged = scene.merge(second, kind);
    let entry = &merged.journal[0];
    let field = no(scene.entity, scene.field);
    assert_eq!((entry.entity, entry.row, entry.group), (scene.entity.no, row_id(), field), "which value it is about");
    assert_eq!((entry.base, entry.base_values.as_deref()), (Some(mid(1)), Some(&[(field, Value::from("first"))][..])), "what both began with");
    assert_eq!((entry.kept.values[0].1.as_text(), entry.kept.writer), (Some("kept"), first), "what stands, by whom and when");
    assert_eq!((entry.other.values[0].1.as_text(), entry.other.writer), (Some("other"), second), "what does not, by whom and when");
    assert!(matches!(Verdict::of(7, &[merged]), Verdict::Merged { g: 7, journal } if journal.len() == 1), "the laptop is told");
}

#[test]
fn a_chain_of_own_edits_leaves_one_entry() {
    let mut scene = Scene::new(REVIEW.0, REVIEW.1);
    let mut journal = gladstone_protocol::Journal::default();
    for (by, base, text) in [(writer(2, 2, 50), 1, "theirs"), (writer(3, 3, 60), 1, "mine"), (writer(4, 3, 70), 3, "mine, better")] {
        let kind = scene.update(base, text);
        journal.take(&scene.merge(by, kind));
    }
    let open: Vec<_> = journal.entries().map(|entry| entry.other.values[0].1.as_text()).collect();
    assert_eq!(open, [Some("mine, better")], "the author replaced the first one knowingly");
    assert_eq!(scene.text(), "theirs", "and a person decides between the two that are left");
}

#[test]
fn groups_are_settled_apart_from_each_other() {
    let mut scene = Scene::new(LWW.0, LWW.1);
    let profile = scene.entity;
    let kind = scene.update(1, "edit");
    scene.merge(writer(2, 2, 50), kind);
    let kind = OpKind::Update(vec![
        patch(profile, mid(1), &[("bio", "late".into())]),
        patch(profile, mid(1), &[("address", "1 High Street".into()), ("city", "Leeds".into()), ("state", Value::Null), ("country", "UK".into()), ("postal_code", Value::Null)]),
    ]);
    let merged = scene.merge(writer(3, 3, 10), kind);
    assert_eq!(merged.outcomes, [(no(profile, "bio"), Outcome::Lost), (no(profile, "address"), Outcome::Applied)], "one lost, one applied");
    assert_eq!((scene.text(), scene.state.row.text("city")), ("edit", "Leeds"), "each by its own history");
    assert_eq!((scene.state.writer_of(no(profile, "bio")), scene.state.writer_of(no(profile, "address"))), (mid(2), mid(3)), "and its own writer");
}

#[test]
fn an_old_client_leaves_fields_that_it_does_not_know() {
    let mut scene = Scene::new(REVIEW.0, REVIEW.1);
    let (start, end) = (Value::from(time(10)), Value::from(time(20)));
    let kind = OpKind::Update(vec![patch(scene.entity, mid(1), &[("start_time", start.clone()), ("end_time", end.clone()), ("timezone", "Europe/London".into())])]);
    scene.merge(writer(2, 2, 50), kind);
    let kind = OpKind::Update(vec![patch(scene.entity, mid(2), &[("start_time", end.clone()), ("end_time", end.clone())])]);
    scene.merge(writer(3, 3, 60), kind);
    assert_eq!(scene.state.row.text("timezone"), "Europe/London", "the field that the patch does not name stays");
    assert_eq!(scene.state.row.get("start_time"), &end, "the others are written");
}

#[test]
fn the_same_row_made_twice() {
    // A later one that says the same: agreed, and nobody is asked.
    let mut scene = Scene::new(LWW.0, LWW.1);
    let bio = no(scene.entity, "bio");
    let merged = scene.merge(writer(2, 2, 50), OpKind::Create(vec![(bio, "first".into())]));
    assert_eq!(merged.outcomes, [(bio, Outcome::Agreed)], "the same content agrees");
    assert!(matches!(Verdict::of(1, &[merged]), Verdict::Applied { g: 1 }), "nobody needs to know");
    // One that says something else, and something new.
    let city = no(scene.entity, "address");
    let merged = scene.merge(writer(3, 3, 90), OpKind::Create(vec![(bio, "other".into()), (city, "1 High Street".into())]));
    assert_eq!(merged.outcomes, [(bio, Outcome::Won), (city, Outcome::Applied)], "other content is concurrent by group; what nobody had said is new");
    let mut scene = Scene::new(REVIEW.0, REVIEW.1);
    let notes = no(scene.entity, "notes");
    let merged = scene.merge(writer(3, 3, 90), OpKind::Create(vec![(notes, "other".into())]));
    assert_eq!((merged.outcomes, scene.text()), (vec![(notes, Outcome::Kept)], "first"), "under review the first one stays");
    assert_eq!(scene.state.row_mid, mid(1), "and the row is still the first one's");
    let again = scene.merge(writer(1, 1, 0), OpKind::Create(vec![(notes, "first".into())]));
    assert_eq!(again.outcomes, [(notes, Outcome::Already)], "its own copy changes nothing");
}

#[test]
fn a_creation_that_is_silent_about_a_group_does_not_empty_it() {
    let mut scene = Scene::new(LWW.0, LWW.1);
    let merged = scene.merge(writer(2, 2, 90), OpKind::Create(vec![(no(scene.entity, "address"), "1 High Street".into())]));
    assert_eq!((scene.text(), merged.journal.len()), ("first", 0), "a value is not displaced by nothing");
}

#[test]
fn an_edit_that_arrives_at_a_row_in_error_is_kept_and_raised() {
    for (name, field) in [LWW, REVIEW] {
        let mut scene = Scene::new(name, field);
        let mark = scene.merge(writer(2, 2, 50), OpKind::EnterInError { base: mid(1), reason: "wrong person".into() });
        assert_eq!((mark.outcomes.as_slice(), mark.journal.len()), (&[(0, Outcome::Applied)][..], 0), "a row as it was seen: nothing to raise");
        assert!(mark.checks.contains(&Check::Parts), "the caller looks for parts that stand");
        let kind = scene.update(1, "edit");
        let merged = scene.merge(writer(3, 3, 60), kind);
        assert_eq!(scene.text(), "edit", "the value is in the row");
        assert_eq!(scene.state.error.as_ref().map(|(by, _)| *by), Some(mid(2)), "the row stays in error");
        let entry = &merged.journal[0];
        assert_eq!((entry.kind, entry.other.writer.mutation, entry.kept.values[0].1.as_text()), (JournalKind::EditOfRowInError, mid(3), Some("wrong person")), "edit and reason are told");
        assert!(entry.kind.asks_a_person(), "a person decides");
    }
}

#[test]
fn entering_in_error_what_somebody_else_edited_unseen_is_raised() {
    for (name, field) in [LWW, REVIEW] {
        let mut scene = Scene::new(name, field);
        let kind = scene.update(1, "edit");
        scene.merge(writer(2, 2, 50), kind);
        let merged = scene.merge(writer(3, 3, 60), OpKind::EnterInError { base: mid(1), reason: "double".into() });
        let told: Vec<_> = merged.journal.iter().map(|entry| (entry.kind, entry.other.writer.mutation)).collect();
        assert_eq!(told, [(JournalKind::EditOfRowInError, mid(2))], "the edit is told, and it is still in the row");
        assert_eq!(scene.text(), "edit", "nothing is taken out of the row");
        let mut own = Scene::new(name, field);
        let kind = own.update(1, "edit");
        own.merge(writer(2, 3, 50), kind);
        let merged = own.merge(writer(3, 3, 60), OpKind::EnterInError { base: mid(1), reason: "double".into() });
        assert_eq!(merged.journal, [], "what the same laptop wrote before was seen");
    }
}

#[test]
fn of_two_marks_the_earlier_stays_and_the_other_reason_is_kept() {
    for (first, second, stays) in [(50, 60, 2), (60, 50, 3)] {
        let mut scene = Scene::new(REVIEW.0, REVIEW.1);
        scene.merge(writer(2, 2, first), OpKind::EnterInError { base: mid(1), reason: "reason 2".into() });
        let merged = scene.merge(writer(3, 3, second), OpKind::EnterInError { base: mid(1), reason: "reason 3".into() });
        assert_eq!(scene.state.error, Some((mid(stays), format!("reason {stays}"))), "the earlier one stays");
        assert_eq!(merged.journal[0].other.values[0].1, Value::from(format!("reason {}", 5 - stays)), "the other reason is journalled");
    }
}

#[test]
fn a_child_tells_its_parents_and_an_orphan_is_raised() {
    let answers = entity("answers");
    let (response, question) = (id(5, 1), id(5, 2));
    let by = writer(1, 1, 0);
    let kind = OpKind::Create(vec![(no(answers, "response_id"), response.into()), (no(answers, "question_id"), question.into()), (no(answers, "value"), Value::Json("3".into()))]);
    let person = Unit { kind: UnitKind::Person, id: id(6, 1) };
    let merged = merge::merge(None, &Op { unit: person, ..op(answers, kind) }, &by, &World::default()).expect("a new row");
    let field = no(answers, "response_id");
    assert!(merged.checks.contains(&Check::Reference { field, entity: entity("responses").no, id: response, part: true }), "the parent is to be looked up");
    assert!(merged.checks.contains(&Check::UnitOf { entity: entity("responses").no, id: response }), "the unit is the parent's");
    assert_eq!(merged.state.unit, person, "the stated unit stands until it is confirmed");
    let raised = merge::orphan(&merged.state, field, by, writer(2, 2, 50), "entered twice");
    assert_eq!((raised.kind, raised.other.values.as_slice()), (JournalKind::PartOfRowInError, &[(field, Value::Uuid(response))][..]), "the part, and what it belongs to");
    assert!(raised.kind.asks_a_person(), "a person decides where it belongs");
}

#[test]
fn a_stated_unit_is_not_believed() {
    let moods = entity("mood_entries");
    let (person, wrong) = (id(6, 1), Unit { kind: UnitKind::Org, id: id(6, 2) });
    let kind = OpKind::Create(vec![(no(moods, "user_id"), person.into())]);
    let merged = merge::merge(None, &Op { unit: wrong, ..op(moods, kind) }, &writer(1, 1, 0), &World::default()).expect("a new row");
    assert_eq!(merged.state.unit, Unit { kind: UnitKind::Person, id: person }, "the unit follows from the values");
}

#[test]
fn sets_only_grow() {
    let events = entity("analytics_events");
    assert_eq!(Policy::of(events), Policy::Set, "rows of this entity are only added");
    let field = events.fields.iter().find(|field| !field.is_managed()).expect("it has fields").name.clone();
    let field: &'static str = Box::leak(field.into_boxed_str());
    let mut scene = Scene::new("analytics_events", field);
    let edit = scene.update(1, "x");
    assert_eq!(scene.try_merge(writer(2, 2, 9), edit), Err(MergeFault::AppendOnly), "no edit");
    let mark = OpKind::EnterInError { base: mid(1), reason: "x".into() };
    assert_eq!(scene.try_merge(writer(2, 2, 9), mark), Err(MergeFault::AppendOnly), "no mark");
    let merged = scene.merge(writer(2, 2, 9), OpKind::Create(vec![(no(events, field), "other".into())]));
    assert_eq!((merged.outcomes[0].1, merged.journal.len()), (Outcome::Kept, 1), "the same id with other content: both are kept");
}

#[test]
fn a_clock_far_ahead_does_not_stay_on_the_row() {
    let mut scene = Scene::new(LWW.0, LWW.1);
    let poisoned = Writer { wall: gladstone_model::Instant(253_370_764_800_000_000), ..writer(2, 2, 50) };
    let kind = scene.update(1, "edit");
    scene.merge(poisoned, kind);
    let touched = scene.state.row.get("updated_at").as_instant().expect("it was touched");
    assert!(touched < time(51), "not later than its clamped stamp: {touched}");
}

#[test]
fn what_does_not_fit_is_a_fault_with_a_verdict() {
    let by = writer(2, 2, 9);
    let mut scene = Scene::new(REVIEW.0, REVIEW.1);
    let (appointments, notes, title) = (scene.entity, no(scene.entity, "notes"), no(scene.entity, "title"));
    let text = |no: u16| (no, Value::from("x"));
    let group = |group: u16, values: Vec<(u16, Value)>| GroupPatch { group, base: mid(1), values };
    let faults = [
        ("an unknown field in a creation", OpKind::Create(vec![text(9_999)]), MergeFault::UnknownField(9_999)),
        ("a field twice", OpKind::Create(vec![text(notes), text(notes)]), MergeFault::Misfit),
        ("an unknown group", OpKind::Update(vec![group(9_999, vec![text(notes)])]), MergeFault::UnknownField(9_999)),
        ("an unknown field in a group", OpKind::Update(vec![group(notes, vec![text(9_999)])]), MergeFault::UnknownField(9_999)),
        ("a field of another group", OpKind::Update(vec![group(notes, vec![text(title)])]), MergeFault::Misfit),
        ("a group without values", OpKind::Update(vec![group(notes, Vec::new())]), MergeFault::Misfit),
        ("a group twice", OpKind::Update(vec![group(notes, vec![text(notes)]), group(notes, vec![text(notes)])]), MergeFault::Misfit),
        ("a field that the store sets", OpKind::Update(vec![group(no(appointments, "updated_at"), vec![text(notes)])]), MergeFault::UnknownField(no(appointments, "updated_at"))),
    ];
    for (what, kind, fault) in faults {
        assert_eq!(scene.try_merge(by, kind), Err(fault.clone()), "{what}");
        assert!(matches!(Verdict::of_fault(&fault, row_id()), Verdict::Quarantined { .. }), "{what}: it is kept in quarantine");
    }
    let update = scene.update(1, "x");
    assert_eq!(merge::merge(None, &op(appointments, update.clone()), &by, &scene.world), Err(MergeFault::MissingRow), "an edit of nothing");
    assert_eq!(Verdict::of_fault(&MergeFault::MissingRow, row_id()), Verdict::Held { missing: vec![row_id()] }, "it waits for the row");
    assert_eq!(merge::merge(Some(&scene.state), &Op { id: id(4, 4), ..op(appointments, update.clone()) }, &by, &scene.world), Err(MergeFault::Misfit), "another row");
    assert_eq!(merge::merge(None, &Op { entity: 60_000, ..op(appointments, update.clone()) }, &by, &scene.world), Err(MergeFault::UnknownEntity(60_000)), "an unknown entity");
    scene.merge(by, update);
    let late = scene.update(1, "y");
    let unknown = merge::merge(Some(&scene.state), &op(appointments, late), &writer(3, 3, 9), &World::default());
    assert_eq!(unknown, Err(MergeFault::UnknownWriter(mid(2))), "no clock is guessed");
    let mut keyed = Scene::new("answers", "value");
    let rename = OpKind::Update(vec![patch(keyed.entity, mid(1), &[("question_id", id(5, 9).into())])]);
    assert_eq!(keyed.try_merge(by, rename), Err(MergeFault::Misfit), "a natural key never changes");
}

#[test]
fn numbers_have_one_form() {
    let (answers, by) = (entity("answers"), writer(1, 1, 0));
    for sent in [Value::Integer(2), Value::Decimal("2.00".parse().expect("a number"))] {
        let kind = OpKind::Create(vec![(no(answers, "score"), sent)]);
        let row = merge::merge(None, &op(answers, kind), &by, &World::default()).expect("a new row").state.row;
        assert_eq!(row.get("score"), &Value::Decimal("2".parse().expect("a number")), "as the store gives it back");
    }
}
