//! The main job: a person, a questionnaire, a score that does not lie, an alert that stays.

use gladstone_desk::Code;
use serde_json::{Value as Json, json};

use crate::bag::{Bag, Begun, LABEL, NOBODY, PASSPHRASE, list, names_a_field, text};

#[test]
fn a_clinician_gets_from_first_start_to_score_change_and_trend() {
    let bag = Bag::without_vault();
    assert_eq!(bag.run("app.status", json!({}))["state"], "first_start");
    let made = bag.run("vault.create", json!({ "label": LABEL, "person_name": "Amara Okafor", "passphrase": PASSPHRASE }));
    let typed = text(&made["recovery_code"]).to_lowercase().replace('-', " ");
    bag.run("vault.confirm_recovery", json!({ "code": typed }));
    let status = bag.run("app.status", json!({}));
    assert_eq!((&status["state"], &status["open"]["person_name"], &status["open"]["recovery_confirmed"]), (&json!("unlocked"), &json!("Amara Okafor"), &json!(true)));
    let bag = Bag { vault: text(&made["vault_id"]), ..bag };

    let registered = bag.run("people.register", json!({ "name": "Tomasz Wieczorek", "born": "1979-03-12", "city": "Ashcombe" }));
    assert_eq!((&registered["role"], &registered["born"], &registered["city"]), (&json!("patient"), &json!("1979-03-12"), &json!("Ashcombe")));
    let person = text(&registered["id"]);
    for (name, born, found) in [
        ("Tomasz Wieczorek", Some("1979-03-12"), true),
        ("Tomas Wieczorek", Some("1979-03-12"), true),
        ("Więczorek Tomasz", Some("1979-12-03"), true),
        ("tomasz wieczorek", None, true),
        ("Tomasz Haddad", Some("1990-01-01"), false),
        ("Leila Haddad", None, false),
        ("", None, false),
    ] {
        let similar = bag.run("people.similar", json!({ "name": name, "born": born }));
        let alike: Vec<&Json> = list(&similar).iter().filter(|one| one["person"]["id"] == person.as_str()).collect();
        assert_eq!(!alike.is_empty(), found, "{name}, {born:?}: {similar}");
        assert!(alike.iter().all(|one| (75..=100).contains(&one["likeness"].as_u64().unwrap())), "{similar}");
    }

    let begun = bag.start(&person, "PHQ-9");
    assert_eq!((begun.state["status"].as_str(), begun.state["resumed"].as_bool(), begun.state["mode"].as_str()), (Some("in_progress"), Some(false), Some("interviewer")));
    assert_eq!(begun.state["current_question_id"], begun.question(1), "it begins at the first item");
    begun.answer_all(&[2, 2, 2]);
    bag.run("responses.decline", json!({ "id": begun.id, "question_id": begun.question(4), "reason": "rather not" }));
    bag.run("responses.position", json!({ "id": begun.id, "question_id": begun.question(5) }));
    let (id, fifth) = (begun.id.clone(), begun.question(5));
    assert_eq!(bag.run("today.get", json!({}))["paused"][0]["item"], 5);

    let bag = bag.started_anew();
    let begun = bag.start(&person, "PHQ-9");
    assert_eq!((begun.id.as_str(), &begun.state["resumed"], &begun.state["current_question_id"]), (id.as_str(), &json!(true), &fifth));
    let given: Vec<(Json, Json)> = list(&begun.state["answers"]).iter().map(|answer| (answer["value"].clone(), answer["status"].clone())).collect();
    assert_eq!(given.len(), 4, "{given:?}");
    assert_eq!(given.iter().filter(|one| **one == (json!(2), json!("given"))).count(), 3);
    assert_eq!(given.iter().filter(|one| **one == (Json::Null, json!("declined"))).count(), 1);
    begun.answer(4, "2");
    assert_eq!(begun.given(4).unwrap()["value"], 2, "a declined item takes an answer later, and a printed value counts as its number");
    for number in 5..=8 {
        begun.answer(number, 2);
    }
    let incomplete = bag.refused("responses.complete", json!({ "id": id }));
    assert_eq!(incomplete.code, Code::Incomplete);
    assert!(incomplete.message.contains("9."), "the open item is named, the optional tenth is not: {}", incomplete.message);
    assert_eq!(bag.refused("responses.result", json!({ "id": id })).code, Code::Conflict);
    begun.answer(9, 0);

    let result = bag.run("responses.complete", json!({ "id": id }));
    let scale = &result["scales"][0];
    assert_eq!((&scale["score"], &scale["min"], &scale["max"], &scale["band"]["name"], &scale["band"]["step"]), (&json!(16), &json!(0), &json!(27), &json!("Moderately severe"), &json!(4)));
    assert_eq!((&scale["completeness"], &scale["answered"], &scale["items"], &scale["allowed_missing"], &scale["scoring_version"]), (&json!("complete"), &json!(9), &json!(9), &json!(2), &json!("phq-9/1")));
    assert_eq!(list(&scale["trace"]).iter().map(|line| line["points"].as_i64().unwrap()).sum::<i64>(), 16, "the trace adds up to the score");
    assert_eq!((&result["previous"], &result["trend"]["since_start"], &result["alerts"]), (&Json::Null, &Json::Null, &json!([])));
    assert_eq!(list(&result["trend"]["points"]).len(), 1);

    let second = bag.phq9(&person, &[2, 2, 2, 2, 2, 1, 0, 0, 0]);
    assert_eq!(second["previous"]["score"], 16);
    assert_eq!(list(&second["previous"]["answers"]).len(), 9);
    assert_eq!(second["trend"]["since_start"], json!({ "difference": -5, "meaning": "too_little", "from": 16, "from_at": result["completed_at"] }));
    assert_eq!(second["trend"]["since_last"], Json::Null, "with two scores the last is the first");
    let third = bag.phq9(&person, &[1, 1, 1, 1, 0, 0, 0, 0, 0]);
    assert_eq!((&third["trend"]["since_start"]["difference"], &third["trend"]["since_start"]["meaning"]), (&json!(-12), &json!("reliable_improvement")));
    assert_eq!((&third["trend"]["since_last"]["difference"], &third["trend"]["since_last"]["from"]), (&json!(-7), &json!(11)));
    let trend = bag.run("responses.trend", json!({ "person_id": person, "code": "phq-9" }));
    assert_eq!(list(&trend["points"]).iter().map(|point| point["score"].as_i64().unwrap()).collect::<Vec<_>>(), [16, 11, 4]);
    assert_eq!((&trend["reliable_change"], &trend["cut_offs"][0]["at"], list(&trend["bands"]).len()), (&json!(6), &json!(10), 5));
    let profile = bag.run("people.profile", json!({ "id": person }));
    assert_eq!((&profile["scores"][0]["score"], &profile["scores"][0]["band"]), (&json!(4), &json!("Minimal")));
    assert_eq!(list(&bag.run("today.get", json!({}))["finished"]).len(), 3);
}

/// What it is, the nine answers, and completeness, score and band that they give.
type Case = (&'static str, [Option<i64>; 9], &'static str, Option<i64>, Option<&'static str>);

#[test]
fn a_score_is_complete_pro_rated_within_the_published_limit_or_not_given() {
    let bag = Bag::empty();
    let cases: &[Case] = &[
        ("nothing at all", [Some(0); 9], "complete", Some(0), Some("Minimal")),
        ("everything nearly every day, but for the last", [Some(3), Some(3), Some(3), Some(3), Some(3), Some(3), Some(3), Some(3), Some(0)], "complete", Some(24), Some("Severe")),
        ("one missing", [Some(1), Some(1), Some(1), Some(1), Some(1), Some(1), Some(1), None, Some(0)], "pro_rated", Some(8), Some("Mild")),
        ("two missing, halves up", [Some(2), Some(2), Some(2), Some(1), Some(0), Some(0), None, None, Some(0)], "pro_rated", Some(9), Some("Mild")),
        ("three missing", [Some(3), Some(3), Some(3), Some(3), Some(3), None, None, None, Some(0)], "not_scorable", None, None),
        ("all missing", [None; 9], "not_scorable", None, None),
    ];
    for declines in [false, true] {
        let person = bag.register(if declines { "Kofi Mensah" } else { "Leila Haddad" });
        let mut scored = 0;
        for (name, answers, completeness, score, band) in cases {
            let begun = bag.start(&person, "PHQ-9");
            for (at, value) in answers.iter().enumerate() {
                match value {
                    Some(value) => drop(begun.answer(at + 1, *value)),
                    None if declines => drop(bag.run("responses.decline", json!({ "id": begun.id, "question_id": begun.question(at + 1) }))),
                    None => {}
                }
            }
            if !declines && answers.contains(&None) {
                assert_eq!(bag.refused("responses.complete", json!({ "id": begun.id })).code, Code::Incomplete, "{name}");
            }
            let result = bag.run("responses.complete", json!({ "id": begun.id, "with_missing": !declines }));
            let scale = &result["scales"][0];
            assert_eq!((scale["completeness"].as_str(), scale["score"].as_i64(), scale["band"]["name"].as_str()), (Some(*completeness), *score, *band), "{name}");
            let missing = answers.iter().filter(|answer| answer.is_none()).count();
            let status = if declines { "declined" } else { "missing" };
            assert_eq!(list(&scale["trace"]).iter().filter(|line| line["status"] == status && line["points"].is_null()).count(), missing, "{name}: the trace says which did not count");
            scored += usize::from(score.is_some());
            let trend = bag.run("responses.trend", json!({ "person_id": person, "code": "phq-9" }));
            assert_eq!(list(&trend["points"]).len(), scored, "{name}: what has no score is no point of the trend");
        }
    }
}

#[test]
fn a_risk_answer_raises_one_alert_with_the_answer_and_only_a_person_closes_it() {
    let bag = Bag::empty();
    let person = bag.register("Tomasz Wieczorek");
    let begun = bag.start(&person, "PHQ-9");
    assert_eq!(begun.answer(1, 3)["alert"], Json::Null);
    assert_eq!(begun.answer(9, 0)["alert"], Json::Null);
    assert!(bag.open_alerts().is_empty());

    let alert = begun.answer(9, 1)["alert"].clone();
    assert_eq!((&alert["status"], &alert["level"], &alert["response_id"], &alert["question_id"]), (&json!("open"), &json!("medium"), &json!(begun.id), &begun.question(9)));
    assert_eq!(alert["person"]["name"], "Tomasz Wieczorek");
    assert!(text(&alert["text"]).contains("Several days"), "{alert}");
    let of = |entity: &str, id: &Json| list(&bag.run("records.history", json!({ "entity": entity, "id": id }))).clone();
    let answers = bag.run("records.list", json!({ "entity": "answers", "filters": [{ "field": "question_id", "how": "is", "value": begun.question(9) }] }));
    let (raised, saved) = (&of("crisis_detections", &alert["id"])[0], &of("answers", &answers["records"][0]["id"])[0]);
    assert_eq!((&raised["command"], &raised["at"]), (&json!("responses.answer"), &saved["at"]), "the alert was written with the answer, in one mutation");

    for (value, level) in [(3, "critical"), (2, "critical"), (0, "critical")] {
        let again = begun.answer(9, value);
        if value > 0 {
            assert_eq!(again["alert"]["id"], alert["id"], "one episode has one alert");
        }
        let open = bag.open_alerts();
        assert_eq!((open.len(), open[0]["level"].as_str()), (1, Some(level)), "answered {value}: an alert is raised further, never lowered or removed");
    }
    bag.run("responses.decline", json!({ "id": begun.id, "question_id": begun.question(9) }));
    let without_reason = bag.refused("responses.abandon", json!({ "id": begun.id, "reason": "  " }));
    assert_eq!((without_reason.code, without_reason.field.as_deref()), (Code::Invalid, Some("reason")));
    bag.run("responses.abandon", json!({ "id": begun.id, "reason": "had to leave" }));
    assert_eq!(bag.refused("responses.answer", json!({ "id": begun.id, "question_id": begun.question(1), "value": 1 })).code, Code::Sealed);
    let open = bag.open_alerts();
    assert_eq!((open.len(), &open[0]["id"]), (1, &alert["id"]), "the alert outlives the form");
    assert_eq!(bag.run("app.status", json!({}))["open"]["open_alerts"], 1);

    let bag = bag.started_anew();
    for note in ["", " \n "] {
        let error = bag.refused("alerts.act", json!({ "id": alert["id"], "action": "safety_plan", "note": note }));
        assert_eq!((error.code, error.field.as_deref()), (Code::Invalid, Some("note")));
    }
    assert_eq!(bag.refused("alerts.act", json!({ "id": alert["id"], "action": "ignored", "note": "no" })).code, Code::BadRequest);
    assert_eq!(bag.refused("alerts.act", json!({ "id": NOBODY, "action": "safety_plan", "note": "Talked." })).code, Code::NotFound);
    assert_eq!(bag.open_alerts().len(), 1, "what was refused changed nothing");
    let handled = bag.run("alerts.act", json!({ "id": alert["id"], "action": "safety_plan", "note": "No plan. We went through what helps." }));
    assert_eq!((&handled["status"], &handled["actions"][0]["action"], &handled["actions"][0]["by"]), (&json!("handled"), &json!("safety_plan"), &json!("Amara Okafor")));
    assert!(bag.open_alerts().is_empty());
    assert_eq!(list(&bag.run("alerts.list", json!({}))).len(), 1, "a handled alert stays in the list");

    let begun = bag.start(&person, "PHQ-9");
    let new = begun.answer(9, 1)["alert"].clone();
    assert_ne!(new["id"], alert["id"], "the next questionnaire is an episode of its own");
}

#[test]
fn a_finished_answer_is_corrected_with_a_reason_and_scored_anew() {
    let bag = Bag::empty();
    let person = bag.register("Mei-Ling Chow");
    let finished = bag.phq9(&person, &[1, 1, 1, 1, 1, 1, 1, 1, 0]);
    let (id, questions) = (finished["id"].clone(), finished["form"]["items"].clone());
    let amend = |number: usize, value: Json, reason: &str| json!({ "id": id, "question_id": questions[number - 1]["question_id"], "value": value, "reason": reason });
    for (what, request, code, field) in [
        ("no reason", amend(1, json!(3), " "), Code::Invalid, Some("reason")),
        ("a value that is not printed", amend(1, json!(4), "misread"), Code::Invalid, Some("value")),
        ("no value", amend(1, Json::Null, "misread"), Code::Invalid, Some("value")),
    ] {
        let error = bag.refused("responses.amend", request);
        assert_eq!((error.code, error.field.as_deref()), (code, field), "{what}: {error:?}");
    }
    assert_eq!(bag.refused("responses.answer", json!({ "id": id, "question_id": questions[0]["question_id"], "value": 3 })).code, Code::Sealed);
    assert_eq!(bag.run("responses.result", json!({ "id": id }))["scales"][0]["score"], 8, "what was refused changed nothing");

    let amended = bag.run("responses.amend", amend(1, json!(3), "misread while keying in"));
    let scale = &amended["scales"][0];
    assert_eq!((&scale["score"], &scale["band"]["name"], &scale["trace"][0]["points"]), (&json!(10), &json!("Moderate"), &json!(3)));
    assert_eq!(amended["completed_at"], finished["completed_at"], "it was finished when it was finished");
    assert_eq!(amended["trend"]["points"][0]["score"], 10);
    let history = bag.run("records.history", json!({ "entity": "responses", "id": id }));
    assert_eq!((&history[0]["command"], &history[0]["reason"]), (&json!("responses.amend"), &json!("misread while keying in")));
    let risky = bag.run("responses.amend", amend(9, json!(2), "the second page was overlooked"));
    assert_eq!((&risky["scales"][0]["score"], &risky["alerts"][0]["level"]), (&json!(12), &json!("high")), "a correction that shows a risk alerts too");
    let begun = bag.start(&person, "PHQ-9");
    assert_eq!(bag.refused("responses.amend", json!({ "id": begun.id, "question_id": begun.question(1), "value": 1, "reason": "early" })).code, Code::Conflict);
}

#[test]
fn an_answer_that_the_item_does_not_have_is_refused_and_changes_nothing() {
    let bag = Bag::empty();
    let person = bag.register("Samir Banerjee");
    let begun = bag.start(&person, "PHQ-9");
    begun.answer(1, 2);
    for value in [json!(4), json!(-1), json!(1.5), json!("x"), json!(""), json!(true), json!([1]), json!({ "value": 1 }), Json::Null] {
        let error = bag.refused("responses.answer", json!({ "id": begun.id, "question_id": begun.question(1), "value": value }));
        assert_eq!((error.code, error.field.as_deref()), (Code::Invalid, Some("value")), "{value}");
        assert_eq!(begun.given(1).unwrap()["value"], 2, "{value}");
    }
    let other = bag.start(&person, "GAD-7").question(1);
    for (command, more) in [("responses.answer", json!({ "value": 1 })), ("responses.decline", json!({})), ("responses.position", json!({}))] {
        for (question, code) in [(other.clone(), Code::Invalid), (json!(NOBODY), Code::NotFound)] {
            let mut request = json!({ "id": begun.id, "question_id": question });
            request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let error = bag.refused(command, request);
            assert!(error.code == code || names_a_field(&error), "{command} with a question of elsewhere: {error:?}");
        }
        assert_eq!(list(&bag.run("responses.state", json!({ "id": begun.id }))["answers"]).len(), 1, "{command}");
    }
}

#[test]
fn a_questionnaire_of_ones_own_takes_the_answers_of_its_question_types_only() {
    let bag = Bag::empty();
    let create = |entity: &str, values: Json| bag.run("records.create", json!({ "entity": entity, "values": values }))["id"].clone();
    let form = create("questionnaires", json!({ "title": "Visit survey", "type": "survey", "status": "published" }));
    let types: &[(&str, Json, &[Json], &[Json])] = &[
        ("true_false", Json::Null, &[json!(true), json!(false)], &[json!("yes"), json!(1)]),
        ("scale", json!({ "min": 0, "max": 10 }), &[json!(0), json!(10), json!(7.5)], &[json!(11), json!(-1), json!("7")]),
        ("number", Json::Null, &[json!(3), json!(-2.5)], &[json!("3"), json!([3])]),
        ("date", Json::Null, &[json!("2026-11-21")], &[json!("21.11.2026"), json!(5)]),
        ("time", Json::Null, &[json!("10:42")], &[json!("later")]),
        ("text", Json::Null, &[json!("Walked to the river.")], &[json!(4), json!(["a"])]),
    ];
    for (position, (ty, range, _, _)) in types.iter().enumerate() {
        create("questions", json!({ "questionnaire_id": form, "text": format!("A question of type {ty}"), "type": ty, "position": position, "value_range": range, "code": ty }));
    }
    let person = bag.register("Ioana Dumitrescu");
    let state = bag.run("responses.start", json!({ "person_id": person, "questionnaire_id": form, "mode": "self" }));
    let begun = Begun { bag: &bag, id: text(&state["id"]), state };
    for (at, (ty, _, good, bad)) in types.iter().enumerate() {
        for value in *good {
            begun.answer(at + 1, value.clone());
            assert_eq!(begun.given(at + 1).unwrap()["value"], *value, "{ty}");
        }
        for value in bad.iter().chain(&[Json::Null]) {
            let error = bag.refused("responses.answer", json!({ "id": begun.id, "question_id": begun.question(at + 1), "value": value }));
            assert_eq!((error.code, error.field.as_deref()), (Code::Invalid, Some("value")), "{ty} with {value}: {error:?}");
        }
    }
    let result = bag.run("responses.complete", json!({ "id": begun.id }));
    assert_eq!((list(&result["answers"]).len(), &result["scales"], &result["trend"]), (types.len(), &json!([]), &Json::Null));
}
