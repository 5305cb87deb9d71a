//! Rules that a laptop keeps by itself and that no changed laptop gets by: parts that a record cannot
//! be without, steps that follow each other, records that others need, the reason of a mark. What was
//! honest when it was written, and is broken only by what somebody else did meanwhile, is taken and
//! shown to a person.

mod support;

use gladstone_model::{Value, catalogue, rule::Check};
use gladstone_protocol::{Op, OpKind, Verdict};
use support::{Laptop, Place, code, create, made, mood, person, update};
use uuid::Uuid;

#[test]
fn a_question_with_choices_comes_with_its_options() {
    let place = Place::new();
    let mut amara = place.laptop("Amara", "admin");
    let questionnaire = amara.new_id();
    let verdict = amara.save(&place, vec![create("questionnaires", questionnaire, &[("title", "Sleep".into()), ("created_by", amara.actor.into())])]);
    assert!(verdict.g().is_some(), "{verdict:?}");
    let question = |laptop: &Laptop, id: Uuid, ty: &str| vec![create("questions", id, &[("questionnaire_id", questionnaire.into()), ("text", "How did you sleep?".into()), ("type", ty.into()), ("position", Value::Integer(laptop.dseq.cast_signed()))])];
    let option = |laptop: &Laptop, of: Uuid| create("question_options", laptop.new_id(), &[("question_id", of.into()), ("text", "Well".into()), ("value", "1".into()), ("position", Value::Integer(0))]);
    for (ty, with, expected) in [("text", false, ""), ("single_choice", false, "invalid"), ("single_choice", true, ""), ("multiple_choice", false, "invalid")] {
        let id = amara.new_id();
        let mut ops = question(&amara, id, ty);
        ops.extend(with.then(|| option(&amara, id)));
        let verdict = amara.save(&place, ops);
        assert_eq!(code(&verdict), expected, "{ty}, with options: {with}: {verdict:?}");
        assert!(!expected.is_empty() || verdict.g().is_some(), "{verdict:?}");
    }
}

#[test]
fn a_mark_says_why() {
    let place = Place::new();
    let mut amara = place.laptop("Amara", "therapist");
    let (id, entry) = (amara.new_id(), amara.new_id());
    amara.save(&place, vec![person(id, "Ben")]);
    amara.save(&place, vec![mood(entry, id, 1, 5)]);
    amara.pull(&place);
    let base = amara.row("mood_entries", entry).unwrap().row_mid;
    let mark = |reason: &str| vec![Op { kind: OpKind::EnterInError { base, reason: reason.into() }, ..mood(entry, id, 1, 5) }];
    for (reason, expected) in [("", "invalid"), ("  \n", "invalid"), ("Wrong person", "")] {
        let verdict = amara.save(&place, mark(reason));
        assert_eq!(code(&verdict), expected, "“{reason}”: {verdict:?}");
        assert!(!expected.is_empty() || matches!(verdict, Verdict::Applied { .. }), "{verdict:?}");
    }
}

/// An entity, a row of it, and what its status becomes, with the code of a refusal.
type Walk<'w> = (&'w str, Uuid, &'w [(&'w str, &'w str)]);

/// What people are asked about rules and records in error.
fn asked(laptops: &[&Laptop]) -> Vec<String> {
    let cases = laptops.iter().flat_map(|laptop| laptop.rows("conflicts"));
    cases.map(|case| case.row.text("merge_group").to_owned()).collect()
}

/// A mutation that changes a row of this laptop, as it stands there.
fn change(laptop: &mut Laptop, place: &Place, entity: &str, id: Uuid, values: &[(&str, Value)]) -> Verdict {
    laptop.pull(place);
    let ops = laptop.change(entity, id, values);
    laptop.save(place, ops)
}

fn error(laptop: &Laptop, entity: &str, id: Uuid) -> Op {
    let state = laptop.row(entity, id).unwrap();
    Op { entity: state.row.entity.no, id, unit: state.unit, kind: OpKind::EnterInError { base: state.row_mid, reason: "Wrong one".into() } }
}

/// Two administrators, one person whom the first registered, and a questionnaire.
fn two(place: &Place) -> (Laptop, Laptop, Uuid, Uuid) {
    let (mut amara, mut ben) = (place.laptop("Amara", "admin"), place.laptop("Ben", "admin"));
    let (cleo, form) = (amara.new_id(), amara.new_id());
    amara.save(place, vec![person(cleo, "Cleo"), create("questionnaires", form, &[("title", "Sleep".into()), ("created_by", amara.actor.into())])]);
    amara.pull(place);
    ben.pull(place);
    (amara, ben, cleo, form)
}

#[test]
fn a_step_that_cannot_follow_what_its_author_saw_is_refused() {
    let place = Place::new();
    let (mut amara, _, cleo, form) = two(&place);
    let (attempt, bond, alert, visit, letter) = (amara.new_id(), amara.new_id(), amara.new_id(), amara.new_id(), amara.new_id());
    let start = Value::Date(chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap());
    let at = |hour: i64| Value::Instant(gladstone_model::Instant(1_795_000_000_000_000 + hour * 3_600_000_000));
    let org = Value::Uuid(place.realm);
    for row in [
        create("responses", attempt, &[("questionnaire_id", form.into()), ("user_id", cleo.into())]),
        create("therapeutic_relationships", bond, &[("therapist_id", amara.actor.into()), ("patient_id", cleo.into()), ("relationship_type", "individual".into()), ("start_date", start)]),
        create("crisis_detections", alert, &[("user_id", cleo.into()), ("content_source", "questionnaire".into()), ("content_text", "Item 9".into()), ("risk_level", "high".into()), ("crisis_score", rust_decimal::Decimal::ONE.into())]),
        create("appointments", visit, &[("title", "Visit".into()), ("organization_id", org.clone()), ("start_time", at(1)), ("end_time", at(2))]),
        create("emails", letter, &[("organization_id", org), ("subject", "Hello".into()), ("message", "Hello".into()), ("from_email", "desk@example.org".into()), ("to_email", "cleo@example.org".into())]),
    ] {
        let verdict = amara.save(&place, vec![row.clone()]);
        assert!(verdict.g().is_some(), "{}: {verdict:?}", catalogue().by_no(row.entity).unwrap().name);
    }
    let sent = at(3);
    let walks: [Walk<'_>; 5] = [
        ("responses", attempt, &[("completed", ""), ("in_progress", "invalid"), ("abandoned", "invalid")]),
        ("therapeutic_relationships", bond, &[("paused", ""), ("active", ""), ("ended", ""), ("active", "invalid"), ("paused", "invalid")]),
        ("crisis_detections", alert, &[("handled", ""), ("open", "invalid")]),
        ("appointments", visit, &[("cancelled", ""), ("completed", "invalid"), ("no_show", "invalid"), ("scheduled", ""), ("completed", ""), ("cancelled", "")]),
        ("emails", letter, &[("sent", ""), ("draft", "invalid"), ("failed", "")]),
    ];
    for (entity, id, steps) in walks {
        for (to, expected) in steps {
            let mut values = vec![("status", Value::text(to))];
            values.extend((entity == "emails").then(|| ("sent_at", sent.clone())));
            let verdict = change(&mut amara, &place, entity, id, &values);
            assert_eq!(code(&verdict), *expected, "{entity} becomes {to}: {verdict:?}");
            let words = matches!(&verdict, Verdict::Quarantined { text, .. } if text.starts_with("Status: "));
            assert!(words || verdict.g().is_some(), "in words for its author: {verdict:?}");
        }
    }
    let stepped: Vec<&str> = catalogue().entities.iter().filter(|entity| entity.rules.iter().any(|rule| matches!(rule.check, Check::Steps { .. }))).map(|entity| entity.name.as_str()).collect();
    assert_eq!(stepped.iter().filter(|name| walks.iter().any(|(entity, ..)| entity == *name)).count(), stepped.len(), "every entity with steps is walked: {stepped:?}");
    amara.pull(&place);
    assert!(asked(&[&amara]).is_empty(), "nobody is asked about what was refused");
}

#[test]
fn a_step_that_came_late_is_for_a_person_to_look_at() {
    let place = Place::new();
    let (mut amara, mut ben, cleo, form) = two(&place);
    let attempt = amara.new_id();
    amara.save(&place, vec![create("responses", attempt, &[("questionnaire_id", form.into()), ("user_id", cleo.into())])]);
    amara.pull(&place);
    ben.pull(&place);
    let late = ben.change("responses", attempt, &[("status", "abandoned".into())]);
    assert_eq!(code(&change(&mut amara, &place, "responses", attempt, &[("status", "completed".into())])), "");
    let verdict = ben.save(&place, late);
    assert!(matches!(verdict, Verdict::Merged { .. }), "it was honest when it was written: {verdict:?}");
    ben.pull(&place);
    assert_eq!((ben.row("responses", attempt).unwrap().row.text("status"), asked(&[&ben])), ("completed", vec!["status".to_owned()]), "what came first stands, and one person decides");
    // The one who decides may choose what the steps would not allow.
    let case = ben.rows("conflicts")[0].row.id();
    let take = |laptop: &Laptop| laptop.change("responses", attempt, &[("status", "abandoned".into())]);
    assert_eq!(code(&{ let ops = take(&ben); ben.save(&place, ops) }), "invalid", "without a decision it is no step");
    let mut decision = take(&ben);
    decision.extend(ben.change("conflicts", case, &[("status", "took_incoming".into()), ("decided_by", ben.actor.into())]));
    let verdict = ben.save(&place, decision);
    assert!(verdict.g().is_some(), "{verdict:?}");
    // A case of one's own making is none.
    ben.pull(&place);
    let made_up = ben.new_id();
    let made_up_case = create("conflicts", made_up, &[("entity_type", "responses".into()), ("entity_id", attempt.into()), ("merge_group", "status".into()), ("assigned_to", ben.actor.into()), ("incoming_mutation", attempt.into()), ("current_values", Value::json(&serde_json::json!({}))), ("incoming_values", Value::json(&serde_json::json!({})))]);
    ben.save(&place, vec![made_up_case]);
    ben.pull(&place);
    if ben.row("conflicts", made_up).is_some() {
        let mut decision = ben.change("responses", attempt, &[("status", "in_progress".into())]);
        decision.extend(ben.change("conflicts", made_up, &[("status", "took_incoming".into())]));
        assert_eq!(code(&ben.save(&place, decision)), "invalid", "only what the centre raised is decided");
    }
}

#[test]
fn where_the_later_clock_wins_a_step_that_is_left_out_is_noted() {
    let place = Place::new();
    let (mut amara, mut ben, ..) = two(&place);
    let letter = amara.new_id();
    let sent = Value::Instant(gladstone_model::Instant(1_795_000_000_000_000));
    let verdict = amara.save(&place, vec![create("emails", letter, &[("organization_id", place.realm.into()), ("subject", "Hello".into()), ("to_email", "cleo@example.org".into()), ("from_email", "desk@example.org".into()), ("message", "Hello".into())])]);
    assert!(verdict.g().is_some(), "{verdict:?}");
    amara.pull(&place);
    ben.pull(&place);
    let failed = ben.change("emails", letter, &[("status", "scheduled".into()), ("scheduled_for", sent.clone())]);
    change(&mut amara, &place, "emails", letter, &[("status", "sent".into()), ("sent_at", sent)]);
    place.around.pass(60);
    let verdict = ben.save(&place, failed);
    assert!(verdict.g().is_some(), "honest when it was written: {verdict:?}");
    amara.pull(&place);
    ben.pull(&place);
    assert_eq!(ben.row("emails", letter).unwrap().row.text("status"), "scheduled", "the later clock wins");
    assert_eq!(asked(&[&amara, &ben]), ["rule"], "and somebody looks at it");
}

#[test]
fn a_record_that_ones_own_laptop_needs_is_not_marked_and_one_that_others_need_is_told() {
    let place = Place::new();
    let (mut amara, mut ben, cleo, _) = two(&place);
    let bond = |laptop: &Laptop, id: Uuid, patient: Uuid| create("therapeutic_relationships", id, &[("therapist_id", laptop.actor.into()), ("patient_id", patient.into()), ("relationship_type", "individual".into()), ("start_date", Value::Date(chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()))]);
    let own = amara.new_id();
    let ops = vec![bond(&amara, own, cleo)];
    assert!(amara.save(&place, ops).g().is_some());
    amara.pull(&place);
    let verdict = { let ops = vec![error(&amara, "users", cleo)]; amara.save(&place, ops) };
    assert_eq!(code(&verdict), "in_use", "{verdict:?}");
    let both = vec![error(&amara, "therapeutic_relationships", own), error(&amara, "users", cleo)];
    let verdict = amara.save(&place, both);
    assert!(verdict.g().is_some(), "together it is one correction: {verdict:?}");
    // Apart from each other: nobody could know.
    let dora = amara.new_id();
    amara.save(&place, vec![person(dora, "Dora")]);
    amara.pull(&place);
    ben.pull(&place);
    let (theirs, mark) = (ben.new_id(), vec![error(&amara, "users", dora)]);
    let ops = vec![bond(&ben, theirs, dora)];
    assert!(ben.save(&place, ops).g().is_some());
    let verdict = amara.save(&place, mark);
    assert!(verdict.g().is_some(), "what somebody else wrote meanwhile refuses nobody: {verdict:?}");
    amara.pull(&place);
    ben.pull(&place);
    assert_eq!(asked(&[&amara, &ben]), ["patient_id"], "one person decides about what still names the record");
}

#[test]
fn a_rule_is_refused_to_who_saw_all_of_it_and_noted_when_two_broke_it_together() {
    let place = Place::new();
    let (mut amara, mut ben, _, form) = two(&place);
    let question = amara.new_id();
    amara.save(&place, vec![create("questions", question, &[("questionnaire_id", form.into()), ("text", "How did you sleep?".into()), ("type", "scale".into()), ("position", Value::Integer(1)), ("max_score", rust_decimal::Decimal::from(3).into())])]);
    let none: Value = rust_decimal::Decimal::ZERO.into();
    assert_eq!(code(&change(&mut amara, &place, "questions", question, &[("is_scored", Value::Boolean(true)), ("max_score", none.clone())])), "invalid", "both values are the author's");
    assert_eq!(code(&change(&mut amara, &place, "questions", question, &[("is_scored", Value::Boolean(true))])), "", "a good one is taken");
    assert_eq!(code(&change(&mut amara, &place, "questions", question, &[("max_score", none.clone())])), "invalid", "the other value is what they wrote before");
    assert_eq!(code(&change(&mut amara, &place, "questions", question, &[("is_scored", Value::Boolean(false))])), "");
    ben.pull(&place);
    let ops = ben.change("questions", question, &[("max_score", none)]);
    assert_eq!(code(&change(&mut amara, &place, "questions", question, &[("is_scored", Value::Boolean(true))])), "");
    let verdict = ben.save(&place, ops);
    assert!(verdict.g().is_some(), "each by itself was good: {verdict:?}");
    amara.pull(&place);
    ben.pull(&place);
    assert_eq!(asked(&[&amara, &ben]), ["rule"], "together they are looked at");
}

#[test]
fn the_last_option_of_a_question_is_kept_or_missed() {
    let place = Place::new();
    let (mut amara, mut ben, _, form) = two(&place);
    let option = |laptop: &Laptop, of: Uuid, at: i64| create("question_options", laptop.new_id(), &[("question_id", of.into()), ("text", "Well".into()), ("value", Value::text(&at.to_string())), ("position", Value::Integer(at))]);
    let question = |id: Uuid, ty: &str, at: i64| create("questions", id, &[("questionnaire_id", form.into()), ("text", "How?".into()), ("type", ty.into()), ("position", Value::Integer(at))]);
    let (plain, first, second) = (amara.new_id(), amara.new_id(), amara.new_id());
    let ops = vec![question(plain, "text", 1), question(first, "single_choice", 2), option(&amara, first, 1), question(second, "single_choice", 3), option(&amara, second, 1), option(&amara, second, 2)];
    let options = [ops[2].id, ops[4].id, ops[5].id];
    let verdict = amara.save(&place, ops);
    assert!(verdict.g().is_some(), "{verdict:?}");
    assert_eq!(code(&change(&mut amara, &place, "questions", plain, &[("type", "single_choice".into())])), "invalid", "a question that becomes one of choices has none");
    let verdict = { let ops = vec![error(&amara, "question_options", options[0])]; amara.save(&place, ops) };
    assert_eq!(code(&verdict), "invalid", "the last one is taken away: {verdict:?}");
    ben.pull(&place);
    for (laptop, which) in [(&mut amara, 1), (&mut ben, 2)] {
        let ops = vec![error(laptop, "question_options", options[which])];
        let verdict = laptop.save(&place, ops);
        assert!(verdict.g().is_some(), "one of two is left: {verdict:?}");
    }
    amara.pull(&place);
    ben.pull(&place);
    assert_eq!(asked(&[&amara, &ben]), ["rule"], "that none is left is looked at");
}

#[test]
fn an_answer_to_a_question_that_was_changed_meanwhile_is_taken() {
    let place = Place::new();
    let (mut amara, mut ben, cleo, form) = two(&place);
    let (question, attempt) = (amara.new_id(), amara.new_id());
    let ops = vec![
        create("questions", question, &[("questionnaire_id", form.into()), ("text", "How did you sleep?".into()), ("type", "scale".into()), ("position", Value::Integer(1))]),
        create("responses", attempt, &[("questionnaire_id", form.into()), ("user_id", cleo.into())]),
    ];
    let verdict = amara.save(&place, ops);
    assert!(verdict.g().is_some(), "{verdict:?}");
    let answer = |value: serde_json::Value| {
        let entity = catalogue().get("answers").unwrap();
        let id = gladstone_model::id::derived(entity.no, &[&attempt.into(), &question.into()]);
        create("answers", id, &[("response_id", attempt.into()), ("question_id", question.into()), ("value", Value::json(&value))])
    };
    assert_eq!(code(&amara.save(&place, vec![answer(serde_json::json!("Badly"))])), "invalid", "it never fitted what the author saw");
    ben.pull(&place);
    assert_eq!(code(&change(&mut ben, &place, "questions", question, &[("type", "text".into())])), "", "the question is changed");
    let written = answer(serde_json::json!(3));
    let verdict = amara.save(&place, vec![written.clone()]);
    assert!(verdict.g().is_some(), "it fitted when it was written: {verdict:?}");
    amara.pull(&place);
    assert_eq!(asked(&[&amara]), ["rule"], "and is looked at");
    assert_eq!(amara.row("answers", written.id).unwrap().row.get("value").as_json(), Some(serde_json::json!(3)), "nothing of it is lost");
    let again = update(&made(&written, amara.row("answers", written.id).unwrap().row_mid), &[("value", Value::json(&serde_json::json!(4)))]);
    assert!(amara.save(&place, vec![again]).g().is_some(), "who still has the question as it was goes on");
}

#[test]
fn while_something_of_a_laptop_waits_only_what_a_change_says_by_itself_is_refused() {
    let place = Place::new();
    let (mut amara, _, _, form) = two(&place);
    let question = |laptop: &Laptop, most: i64| create("questions", laptop.new_id(), &[("questionnaire_id", form.into()), ("text", "How?".into()), ("type", "scale".into()), ("position", Value::Integer(most)), ("is_scored", Value::Boolean(most == 0)), ("max_score", rust_decimal::Decimal::from(most).into())]);
    let (plain, bad) = (question(&amara, 3), question(&amara, 0));
    let id = plain.id;
    assert!(amara.save(&place, vec![plain]).g().is_some());
    let nobody = amara.new_id();
    assert!(matches!(amara.save(&place, vec![mood(amara.new_id(), nobody, 1, 5)]), Verdict::Held { .. }), "the person is not here yet");
    assert_eq!(code(&amara.save(&place, vec![bad])), "invalid", "a new row that is wrong by itself");
    assert_eq!(code(&change(&mut amara, &place, "questions", id, &[("is_scored", Value::Boolean(true)), ("max_score", rust_decimal::Decimal::ZERO.into())])), "invalid", "a change that is wrong by itself");
    assert_eq!(code(&change(&mut amara, &place, "questions", id, &[("is_scored", Value::Boolean(true))])), "", "a good one");
    let verdict = change(&mut amara, &place, "questions", id, &[("max_score", rust_decimal::Decimal::ZERO.into())]);
    assert!(verdict.g().is_some(), "what waits might make it right: {verdict:?}");
    amara.pull(&place);
    assert_eq!(asked(&[&amara]), ["rule"], "so a person looks at it");
}
