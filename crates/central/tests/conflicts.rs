//! Values that two people wrote without seeing each other: what stands, who is asked, who is told,
//! and what ends a case.

mod support;

use gladstone_model::{Unit, Value, unit::UnitKind};
use gladstone_protocol::{JournalKind, Op, OpKind, RowState, Verdict};
use serde_json::{Value as Json, json};
use support::{Laptop, Place, create, mood, person};
use uuid::Uuid;

/// Two therapists who both hold one person with one entry of their mood.
fn two(place: &Place) -> (Laptop, Laptop, Uuid, Uuid) {
    let (mut amara, mut ben) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"));
    let (id, entry) = (amara.new_id(), amara.new_id());
    let grant = create("grants", amara.new_id(), &[("user_id", ben.actor.into()), ("granted_unit", format!("person:{id}").into()), ("role", "write".into())]);
    amara.save(place, vec![person(id, "Cleo"), mood(entry, id, 3, 5), grant]);
    amara.pull(place);
    ben.pull(place);
    (amara, ben, id, entry)
}

fn cases(laptop: &Laptop) -> Vec<&RowState> {
    let mut cases = laptop.rows("conflicts");
    cases.sort_by_key(|state| state.row.get("created_at").as_instant());
    cases
}

fn values(state: &RowState, field: &str) -> Json {
    state.row.get(field).as_json().unwrap_or_default()
}

#[test]
fn one_case_is_raised_for_the_author_of_the_value_that_came_later_and_the_other_is_told() {
    let place = Place::new();
    let (mut amara, mut ben, _, entry) = two(&place);
    let ops = (amara.change("mood_entries", entry, &[("overall_mood", Value::Integer(6))]), ben.change("mood_entries", entry, &[("overall_mood", Value::Integer(9))]));
    amara.save(&place, ops.0);
    let verdict = ben.save(&place, ops.1);
    let Verdict::Merged { g, journal } = &verdict else { panic!("it does not stand: {verdict:?}") };
    assert_eq!((journal.len(), journal[0].kind), (1, JournalKind::Review), "one value is kept aside");
    assert_eq!(place.centre.head(place.realm).unwrap(), g + 1, "the case is a mutation of the centre's own");
    amara.pull(&place);
    ben.pull(&place);
    assert_eq!(amara.row("mood_entries", entry).unwrap().row.get("overall_mood"), &Value::Integer(6), "the value that came first stands");
    let case = cases(&ben)[0].clone();
    assert_eq!((cases(&ben).len(), cases(&amara).len()), (1, 0), "one case, with the author of the other value");
    assert_eq!(case.unit, Unit { kind: UnitKind::Account, id: ben.actor }, "in their own account");
    let text = |field: &str| case.row.text(field).to_owned();
    assert_eq!([text("entity_type"), text("merge_group"), text("status")], ["mood_entries", "overall_mood", "open"].map(str::to_owned), "what it is about");
    let (base, current, incoming) = (values(&case, "base_values"), values(&case, "current_values"), values(&case, "incoming_values"));
    assert_eq!(base, json!({ "overall_mood": 5 }), "what both had seen");
    assert_eq!((&current["overall_mood"], &current["_by"]), (&json!(6), &json!(amara.actor.to_string())), "what stands, and whose it is");
    assert_eq!((&incoming["overall_mood"], &incoming["_by"]), (&json!(9), &json!(ben.actor.to_string())), "what was also written");
    assert!(incoming["_at"].as_str().is_some_and(|at| at.starts_with("2026-")), "and when");
    let told: Vec<_> = amara.rows("notifications").iter().map(|state| state.row.text("type").to_owned()).collect();
    assert_eq!(told, ["conflict"], "the other author is told");
    assert!(ben.rows("notifications").is_empty(), "who has the case is not told besides");
    assert!(!amara.rows("notifications")[0].row.text("message").contains('6'), "nothing of the record is in it");
}

#[test]
fn a_case_is_decided_by_an_ordinary_change_and_not_raised_again() {
    let place = Place::new();
    let (mut amara, mut ben, _, entry) = two(&place);
    let ops = (amara.change("mood_entries", entry, &[("overall_mood", Value::Integer(6))]), ben.change("mood_entries", entry, &[("overall_mood", Value::Integer(9))]));
    amara.save(&place, ops.0);
    ben.save(&place, ops.1);
    ben.pull(&place);
    let case = cases(&ben)[0].row.id();
    let mut decision = ben.change("mood_entries", entry, &[("overall_mood", Value::Integer(9))]);
    decision.extend(ben.change("conflicts", case, &[("status", "took_incoming".into()), ("decided_by", ben.actor.into()), ("reason", "I asked.".into())]));
    let verdict = ben.save(&place, decision);
    assert!(matches!(verdict, Verdict::Applied { .. }), "{verdict:?}");
    amara.pull(&place);
    ben.pull(&place);
    assert_eq!(amara.row("mood_entries", entry).unwrap().row.get("overall_mood"), &Value::Integer(9), "the decision stands");
    assert_eq!((cases(&ben).len(), cases(&ben)[0].row.text("status")), (1, "took_incoming"), "and is kept");
    assert!(cases(&amara).is_empty(), "nobody is asked again");
}

#[test]
fn whoever_goes_on_with_their_own_value_is_asked_once() {
    let place = Place::new();
    let (mut amara, mut ben, _, entry) = two(&place);
    let ops = amara.change("mood_entries", entry, &[("overall_mood", Value::Integer(6))]);
    amara.save(&place, ops);
    let ops = ben.change("mood_entries", entry, &[("overall_mood", Value::Integer(8))]);
    let first = ben.write(ops);
    // Written on the same laptop over the value that nobody else has seen.
    let mut state = ben.row("mood_entries", entry).unwrap().clone();
    let group = state.row.entity.field("overall_mood").unwrap().no;
    state.row.set("overall_mood", Value::Integer(8));
    state.group_mids.set(group, first);
    ben.write(vec![support::update(&state, &[("overall_mood", Value::Integer(9))])]);
    ben.push(&place);
    ben.pull(&place);
    let all = cases(&ben);
    let open: Vec<_> = all.iter().filter(|case| case.row.text("status") == "open").collect();
    assert_eq!((all.len(), open.len()), (2, 1), "the first case is taken back when its author writes anew");
    assert_eq!(values(open[0], "incoming_values")["overall_mood"], json!(9), "the value of now is asked about");
}

#[test]
fn the_case_goes_to_somebody_who_may_see_the_record() {
    let place = Place::new();
    let (mut amara, mut ben, id, entry) = two(&place);
    let ops = (amara.change("mood_entries", entry, &[("overall_mood", Value::Integer(6))]), ben.change("mood_entries", entry, &[("overall_mood", Value::Integer(9))]));
    amara.save(&place, ops.0);
    // Ben keeps the right to write, and it ends before anybody looks: the case was raised in time.
    ben.save(&place, ops.1);
    amara.pull(&place);
    assert_eq!(amara.rows("grants").len(), 1, "the grant travels with the record that it is about");
    ben.pull(&place);
    let bens = ben.rows("grants")[0].row.id();
    let end = ben.change("grants", bens, &[("valid_to", Value::Instant(gladstone_model::Instant(1)))]);
    ben.save(&place, end);
    ben.pull(&place);
    assert!(ben.row("users", id).is_none(), "the record has left");
    assert_eq!(cases(&ben).len(), 1, "the case stays in the account");
    // With the first author gone, a value kept aside goes to the one whose value stands.
    let late = vec![Op { kind: OpKind::EnterInError { base: Uuid::nil(), reason: "Wrong person".into() }, ..mood(entry, id, 3, 5) }];
    let verdict = amara.save(&place, late);
    assert!(matches!(verdict, Verdict::Merged { .. } | Verdict::Applied { .. }), "{verdict:?}");
}

#[test]
fn a_part_added_to_what_was_entered_in_error_is_kept_and_raised() {
    let place = Place::new();
    let (mut amara, mut ben, id, _) = two(&place);
    let (bond, plan) = (amara.new_id(), ben.new_id());
    let date = Value::Date(chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap());
    amara.save(&place, vec![create("therapeutic_relationships", bond, &[("therapist_id", amara.actor.into()), ("patient_id", id.into()), ("relationship_type", "individual".into()), ("start_date", date.clone())])]);
    amara.pull(&place);
    ben.pull(&place);
    let base = amara.row("therapeutic_relationships", bond).unwrap().row_mid;
    let entity = amara.row("therapeutic_relationships", bond).unwrap().row.entity.no;
    let mark = Op { entity, id: bond, unit: Unit::PLATFORM, kind: OpKind::EnterInError { base, reason: "Never began".into() } };
    amara.save(&place, vec![mark]);
    let fields = gladstone_model::catalogue().get("treatment_plans").unwrap();
    let mut given = vec![("relationship_id", Value::Uuid(bond))];
    for field in fields.fields.iter().filter(|field| field.required && field.default.is_none() && !field.is_managed() && field.name != "relationship_id") {
        let value = match field.ty {
            gladstone_model::FieldType::Date => date.clone(),
            gladstone_model::FieldType::Json => Value::Json("[]".into()),
            _ => Value::text(field.choices.first().map_or("Sleep", String::as_str)),
        };
        given.push((field.name.as_str(), value));
    }
    let verdict = ben.save(&place, vec![create("treatment_plans", plan, &given)]);
    let Verdict::Merged { journal, .. } = &verdict else { panic!("it is told: {verdict:?}") };
    assert_eq!(journal[0].kind, JournalKind::PartOfRowInError, "the part is kept");
    ben.pull(&place);
    assert!(ben.row("treatment_plans", plan).is_some_and(|state| state.error.is_none()), "and stands");
    assert_eq!(cases(&ben).len(), 1, "somebody decides about it");
    assert_eq!(values(cases(&ben)[0], "current_values")["entered_in_error"], json!("Never began"), "with the reason of the mark");
}

#[test]
fn the_same_mail_address_twice_is_taken_and_shown_to_somebody_who_sees_both() {
    let place = Place::new();
    let (mut amara, mut ben) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"));
    let mut chief = place.laptop("Chief", "admin");
    let named = |id: Uuid, name: &str| create("users", id, &[("name", name.into()), ("role", "patient".into()), ("email", "cleo@example.org".into())]);
    let (first, second, third) = (amara.new_id(), ben.new_id(), amara.new_id());
    amara.save(&place, vec![named(first, "Cleo")]);
    let verdict = ben.save(&place, vec![named(second, "Cleopatra")]);
    assert!(matches!(verdict, Verdict::Applied { .. }), "an honest edit is not refused: {verdict:?}");
    for laptop in [&mut amara, &mut ben, &mut chief] {
        laptop.pull(&place);
    }
    assert_eq!((cases(&amara).len(), cases(&ben).len(), cases(&chief).len()), (0, 0, 1), "only the administrator sees both persons");
    assert_eq!(cases(&chief)[0].row.text("merge_group"), "duplicate_candidate", "as persons who may be one");
    amara.save(&place, vec![named(third, "Cleo again")]);
    amara.pull(&place);
    assert_eq!(cases(&amara).len(), 1, "who sees both is asked");
    let twins = vec![named(amara.new_id(), "A"), named(amara.new_id(), "B")];
    assert!(matches!(amara.save(&place, twins), Verdict::Applied { .. }), "two in one mutation as well");
}

#[test]
fn a_rule_that_only_the_merge_of_two_edits_breaks_refuses_nobody() {
    let place = Place::new();
    let (mut amara, mut ben, id, _) = two(&place);
    let bond = amara.new_id();
    let day = |month| Value::Date(chrono::NaiveDate::from_ymd_opt(2026, month, 1).unwrap());
    amara.save(&place, vec![create("therapeutic_relationships", bond, &[("therapist_id", ben.actor.into()), ("patient_id", id.into()), ("relationship_type", "individual".into()), ("start_date", day(3))])]);
    amara.pull(&place);
    ben.pull(&place);
    let ops = (amara.change("therapeutic_relationships", bond, &[("start_date", day(6))]), ben.change("therapeutic_relationships", bond, &[("end_date", day(4))]));
    amara.save(&place, ops.0);
    let verdict = ben.save(&place, ops.1);
    assert!(matches!(verdict, Verdict::Applied { .. }), "both stand: {verdict:?}");
    ben.pull(&place);
    assert_eq!(cases(&ben).iter().map(|case| case.row.text("merge_group")).collect::<Vec<_>>(), ["rule"], "somebody looks at it");
}

#[test]
fn rows_move_with_what_they_belong_to() {
    let place = Place::new();
    let (mut chief, mut amara) = (place.laptop("Chief", "admin"), place.laptop("Amara", "therapist"));
    let (one, two, course, visit) = (chief.new_id(), chief.new_id(), chief.new_id(), chief.new_id());
    amara.save(&place, vec![person(two, "Dora")]);
    let appointment = create("appointments", visit, &[("beneficiary_id", course.into()), ("title", "First".into()), ("start_time", Value::Instant(gladstone_model::Instant(1_795_100_000_000_000))), ("end_time", Value::Instant(gladstone_model::Instant(1_795_103_600_000_000)))]);
    let verdict = chief.save(&place, vec![person(one, "Cleo"), create("beneficiaries", course, &[("user_id", one.into())]), appointment]);
    assert!(matches!(verdict, Verdict::Applied { .. }), "{verdict:?}");
    chief.pull(&place);
    amara.pull(&place);
    assert!(amara.row("appointments", visit).is_none(), "it belongs to another person");
    let ops = chief.change("beneficiaries", course, &[("user_id", two.into())]);
    chief.save(&place, ops);
    chief.pull(&place);
    amara.pull(&place);
    assert!(amara.row("appointments", visit).is_some(), "the appointment moved with the enrolment");
    assert_eq!(chief.row("appointments", visit).unwrap().unit, Unit { kind: UnitKind::Person, id: two }, "for those who hold both, too");
    assert!(place.centre.verify_audit(place.realm, &mut |_, _| true).unwrap().faults.is_empty(), "all sums are right");
}

#[test]
fn two_bookings_for_one_trainer_at_one_time_both_stand_and_are_shown() {
    let place = Place::new();
    let (mut amara, mut ben, id, _) = two(&place);
    let course = amara.new_id();
    amara.save(&place, vec![create("beneficiaries", course, &[("user_id", id.into())])]);
    let visit = |laptop: &Laptop, trainer: Uuid, hour: i64| {
        let time = |minutes: i64| Value::Instant(gladstone_model::Instant(1_795_100_000_000_000 + (hour * 60 + minutes) * 60_000_000));
        vec![create("appointments", laptop.new_id(), &[("beneficiary_id", course.into()), ("trainer_id", trainer.into()), ("title", "Visit".into()), ("start_time", time(0)), ("end_time", time(60))])]
    };
    let trainer = amara.actor;
    let mut check = |what: &str, laptop: &mut Laptop, trainer: Uuid, hour: i64, expected: usize| {
        let ops = visit(laptop, trainer, hour);
        let verdict = laptop.save(&place, ops);
        assert!(matches!(verdict, Verdict::Applied { .. }), "{what}: {verdict:?}");
        ben.pull(&place);
        assert_eq!(cases(&ben).iter().filter(|case| case.row.text("merge_group") == "overlap").count(), expected, "{what}");
    };
    let mut other = place.laptop_of("Ben", "therapist", Some(actor_of(&place, "Ben")), None);
    check("the first booking", &mut amara, trainer, 9, 0);
    check("the same laptop books twice", &mut amara, trainer, 9, 0);
    check("back to back", &mut other, trainer, 10, 0);
    check("at the same time, for trainer and person, as two others", &mut other, trainer, 9, 2);
}

fn actor_of(place: &Place, name: &str) -> Uuid {
    place.centre.devices(place.realm).unwrap().into_iter().find(|device| device.name == name).unwrap().actor
}
