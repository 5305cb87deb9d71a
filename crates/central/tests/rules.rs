//! Rules that a laptop keeps by itself and that no changed laptop gets by: parts that a record cannot
//! be without, and the reason of a mark.

mod support;

use gladstone_model::Value;
use gladstone_protocol::{Op, OpKind, Verdict};
use support::{Laptop, Place, code, create, mood, person};
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
