//! Every command against a real vault in a folder of its own: the main job, what is refused, and
//! records of every kind.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use gladstone_desk::{Access, Code, Command, Desk, DeskError, Event, all};
use gladstone_vault::{Surrounding, keys::{device_secret::NoKeyring, kdf::Cost}, surroundings::Machine};
use serde_json::{Map, Value as Json, json};
use tempfile::TempDir;

const LABEL: &str = "Practice";
const PASSPHRASE: &str = "violet anchor tundra mosaic";
const OTHER_PASSPHRASE: &str = "copper lantern willow harbour";
/// The id of nothing.
const NOBODY: &str = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b";

/// A desk over a folder of vaults, and what it told its listener.
struct Bag {
    desk: Desk,
    folder: TempDir,
    events: Arc<Mutex<Vec<Event>>>,
    vault: String,
    code: String,
}

impl Bag {
    fn without_vault() -> Bag {
        let folder = tempfile::tempdir().unwrap();
        let events = Arc::default();
        Bag { desk: desk_over(&folder, &events), folder, events, vault: String::new(), code: String::new() }
    }

    fn unconfirmed() -> Bag {
        let mut bag = Bag::without_vault();
        let made = bag.run("vault.create", json!({ "label": LABEL, "person_name": "Amara Okafor", "passphrase": PASSPHRASE }));
        bag.vault = text(&made["vault_id"]);
        bag.code = text(&made["recovery_code"]);
        bag
    }

    fn empty() -> Bag {
        let bag = Bag::unconfirmed();
        bag.run("vault.confirm_recovery", json!({ "code": bag.code }));
        bag
    }

    fn sample(seed: u32) -> Bag {
        let bag = Bag::empty();
        bag.run("sample.generate", json!({ "seed": seed }));
        bag
    }

    fn run(&self, name: &str, request: Json) -> Json {
        let shown = request.to_string();
        self.desk.run(name, request).unwrap_or_else(|error| panic!("{name} {shown} answered {error:?}"))
    }

    fn refused(&self, name: &str, request: Json) -> DeskError {
        let shown = request.to_string();
        match self.desk.run(name, request) {
            Ok(answer) => panic!("{name} {shown} should have been refused and answered {answer}"),
            Err(error) => error,
        }
    }

    /// Ends this copy of the product without locking, and starts another one over the same folder.
    fn started_anew(mut self) -> Bag {
        self.desk = desk_over(&self.folder, &self.events);
        self.unlock(PASSPHRASE);
        self
    }

    fn unlock(&self, passphrase: &str) {
        self.run("vault.unlock", json!({ "vault_id": self.vault, "passphrase": passphrase }));
    }

    fn register(&self, name: &str) -> String {
        text(&self.run("people.register", json!({ "name": name }))["id"])
    }

    /// A questionnaire begun with a person.
    fn start(&self, person: &str, short_title: &str) -> Begun<'_> {
        let forms = self.run("questionnaires.list", json!({ "text": "" }));
        let form = list(&forms).iter().find(|form| form["short_title"] == short_title).unwrap_or_else(|| panic!("{short_title} is not there"));
        let state = self.run("responses.start", json!({ "person_id": person, "questionnaire_id": form["id"], "mode": "interviewer" }));
        Begun { bag: self, id: text(&state["id"]), state }
    }

    /// A finished PHQ-9 with these answers, the first items first.
    fn phq9(&self, person: &str, answers: &[i64]) -> Json {
        let begun = self.start(person, "PHQ-9");
        begun.answer_all(answers);
        self.run("responses.complete", json!({ "id": begun.id, "with_missing": true }))
    }

    fn open_alerts(&self) -> Vec<Json> {
        list(&self.run("alerts.list", json!({ "open_only": true }))).clone()
    }

    fn changed(&self) -> BTreeSet<String> {
        let events = self.events.lock().unwrap();
        events.iter().filter_map(|event| if let Event::Changed { entities } = event { Some(entities.clone()) } else { None }).flatten().collect()
    }
}

fn desk_over(folder: &TempDir, events: &Arc<Mutex<Vec<Event>>>) -> Desk {
    let with = Surrounding { around: Arc::new(Machine::default()), secrets: Arc::new(NoKeyring), cost: Cost::FLOOR };
    let told = Arc::clone(events);
    Desk::new(folder.path().join("vaults"), with, Box::new(move |event| told.lock().unwrap().push(event)))
}

/// A response that was begun.
struct Begun<'b> {
    bag: &'b Bag,
    id: String,
    state: Json,
}

impl Begun<'_> {
    fn question(&self, number: usize) -> Json {
        self.state["form"]["items"][number - 1]["question_id"].clone()
    }

    fn answer(&self, number: usize, value: impl Into<Json>) -> Json {
        self.bag.run("responses.answer", json!({ "id": self.id, "question_id": self.question(number), "value": value.into() }))
    }

    fn answer_all(&self, answers: &[i64]) {
        for (at, value) in answers.iter().enumerate() {
            self.answer(at + 1, *value);
        }
    }

    fn given(&self, number: usize) -> Option<Json> {
        let state = self.bag.run("responses.state", json!({ "id": self.id }));
        list(&state["answers"]).iter().find(|answer| answer["question_id"] == self.question(number)).cloned()
    }
}

fn text(json: &Json) -> String {
    json.as_str().unwrap_or_else(|| panic!("{json} is no text")).to_owned()
}

fn list(json: &Json) -> &Vec<Json> {
    json.as_array().unwrap_or_else(|| panic!("{json} is no list"))
}

fn names_a_field(error: &DeskError) -> bool {
    error.code == Code::Invalid && error.field.as_deref().is_some_and(|field| !field.is_empty()) && !error.message.is_empty()
}

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

#[test]
fn a_score_is_complete_pro_rated_within_the_published_limit_or_not_given() {
    let bag = Bag::empty();
    let cases: &[(&str, [Option<i64>; 9], &str, Option<i64>, Option<&str>)] = &[
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

#[test]
fn nothing_is_written_before_the_recovery_code_is_confirmed() {
    let bag = Bag::unconfirmed();
    for command in all().iter().filter(|command| command.writes) {
        assert_eq!(bag.refused(command.name, json!({})).code, Code::RecoveryUnconfirmed, "{}", command.name);
    }
    assert_eq!(bag.run("people.find", json!({ "text": "" }))["total"], 1, "reading works, and nobody but the owner is there");
    for (code, wrong) in [("", true), ("not a code", true), ("AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA", true), (bag.code.as_str(), false)] {
        match bag.desk.run("vault.confirm_recovery", json!({ "code": code })) {
            Ok(_) => assert!(!wrong, "“{code}” is not the code"),
            Err(error) => assert!(wrong && error.code == Code::WrongSecret && error.field.as_deref() == Some("code"), "“{code}”: {error:?}"),
        }
    }
    bag.register("Grace Otieno");
    assert!(bag.started_anew().run("app.status", json!({}))["open"]["recovery_confirmed"].as_bool().unwrap(), "it stays confirmed");
}

#[test]
fn every_command_but_those_of_the_first_screen_answers_locked_when_locked() {
    let bag = Bag::empty();
    bag.run("vault.lock", json!({}));
    assert_eq!(bag.run("app.status", json!({}))["state"], "locked");
    for command in all().iter().filter(|command| command.access == Access::Unlocked) {
        for request in [Json::Null, json!({}), json!([]), json!({ "id": NOBODY, "entity": "users" })] {
            assert_eq!(bag.refused(command.name, request.clone()).code, Code::Locked, "{} {request}", command.name);
        }
    }
    assert_eq!(bag.refused("people.fly", json!({})).code, Code::UnknownCommand);
    assert_eq!(bag.refused("", json!({})).code, Code::UnknownCommand);
}

#[test]
fn every_command_refuses_a_malformed_request_and_never_panics() {
    let locked = Bag::empty();
    locked.run("vault.lock", json!({}));
    let unlocked = Bag::empty();
    let person = unlocked.register("Nadia Benali");
    unlocked.start(&person, "PHQ-9").answer(1, 1);
    let mut wrong = Vec::new();
    for (state, bag) in [("locked", &locked), ("unlocked", &unlocked)] {
        for command in all().iter().filter(|command| !skipped(command)) {
            let closed = state == "locked" && command.access == Access::Unlocked;
            let (schema, _) = (command.schemas)();
            for (what, request, malformed) in requests(&schema, command.name) {
                let begun = Instant::now();
                let outcome = catch_unwind(AssertUnwindSafe(|| bag.desk.run(command.name, request.clone())));
                if begun.elapsed() > Duration::from_secs(2) {
                    wrong.push(format!("{state}: {} with {what} took {:?}", command.name, begun.elapsed()));
                }
                let complaint = match outcome {
                    Err(_) => Some("panicked".to_owned()),
                    Ok(Err(error)) if closed => (error.code != Code::Locked).then(|| format!("answered {error:?} instead of locked")),
                    Ok(Ok(_)) if closed || malformed => Some("was accepted".into()),
                    Ok(Err(error)) if malformed && error.code != Code::BadRequest => Some(format!("answered {error:?} instead of bad_request")),
                    Ok(Err(error)) if !malformed && matches!(error.code, Code::Failed | Code::Damaged) => Some(format!("failed with {error:?}")),
                    Ok(Err(error)) if error.message.trim().is_empty() => Some("said nothing".into()),
                    Ok(_) => None,
                };
                if let Some(complaint) = complaint {
                    let shown: String = request.to_string().chars().take(200).collect();
                    wrong.push(format!("{state}: {} with {what} {complaint}: {shown}", command.name));
                }
            }
        }
    }
    let first: Vec<&str> = wrong.iter().take(40).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} in all\n{}", wrong.len(), first.join("\n"));
    let check = unlocked.run("vault.verify", json!({}));
    assert!(check["entries"].as_u64().unwrap() > 0, "the vault stands after all of it");
}

/// Commands that would close the vault or write outside the folder; they have tests of their own.
fn skipped(command: &Command) -> bool {
    matches!(command.name, "vault.lock" | "vault.save_code" | "sample.generate")
}

/// Requests made from a schema, each with whether it has the wrong form.
fn requests(schema: &Json, name: &str) -> Vec<(String, Json, bool)> {
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let guess = |at: usize| -> Json { properties.iter().map(|(key, of)| (key.clone(), pick(&guesses(of, schema, key), at))).collect::<Map<_, _>>().into() };
    let mut found = vec![
        ("null".to_owned(), Json::Null, !required.is_empty()),
        ("nothing".into(), json!({}), !required.is_empty()),
        ("an empty list".into(), json!([]), true),
        ("a list".into(), json!([NOBODY, "users", "x", true, {}]), true),
        ("a text".into(), json!("users"), true),
        ("a number".into(), json!(7), true),
        ("yes".into(), json!(true), true),
    ];
    for at in 0..12 {
        found.push((format!("well-formed guess {at}"), guess(at), false));
    }
    for (key, of) in properties {
        if required.contains(&key.as_str()) {
            let mut without = guess(0);
            without.as_object_mut().unwrap().remove(key);
            found.push((format!("no {key}"), without, true));
        }
        for other in wrong_types(of, schema) {
            let mut request = guess(0);
            request[key] = other;
            found.push((format!("a {key} of the wrong type"), request, true));
        }
    }
    if properties.contains_key("entity") && !matches!(name, "search.find") {
        for entity in ["", "no_such_kind", "users; DROP TABLE users", "USERS", "sqlite_master", "chain"] {
            let mut request = guess(0);
            request["entity"] = json!(entity);
            found.push((format!("the unknown kind “{entity}”"), request, true));
        }
    }
    found
}

fn pick(list: &[Json], at: usize) -> Json {
    list[at % list.len()].clone()
}

fn resolved<'s>(schema: &'s Json, root: &'s Json) -> &'s Json {
    schema["$ref"].as_str().and_then(|path| root.pointer(path.trim_start_matches('#'))).unwrap_or(schema)
}

/// The alternatives of a schema that may be one of several.
fn alternatives<'s>(schema: &'s Json, root: &'s Json) -> Vec<&'s Json> {
    let schema = resolved(schema, root);
    match schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        Some(several) => several.iter().flat_map(|one| alternatives(one, root)).collect(),
        None => vec![schema],
    }
}

fn types_of(schema: &Json) -> Vec<&str> {
    schema["type"].as_str().map(|one| vec![one]).or_else(|| schema["type"].as_array().map(|several| several.iter().filter_map(Json::as_str).collect())).unwrap_or_default()
}

/// Values that a schema allows, from the usual to the odd.
fn guesses(schema: &Json, root: &Json, key: &str) -> Vec<Json> {
    let mut found = Vec::new();
    for one in alternatives(schema, root) {
        if !one["const"].is_null() {
            found.push(one["const"].clone());
            continue;
        }
        if let Some(choices) = one["enum"].as_array() {
            found.extend(choices.clone());
            continue;
        }
        for ty in types_of(one) {
            match (ty, one["format"].as_str()) {
                ("string", Some("uuid")) => found.extend([json!(NOBODY), json!("00000000-0000-0000-0000-000000000000")]),
                ("string", Some("date")) => found.extend([json!("1979-03-12"), json!("0001-01-01"), json!("9999-12-31")]),
                ("string", _) if key == "entity" => found.extend([json!("users"), json!("responses"), json!("settings")]),
                ("string", _) if key == "field" => found.extend([json!("name"), json!("id"), json!("no_such_field"), json!("password_hash"), json!("deleted_mid")]),
                ("string", _) => found.extend([json!("x"), json!(""), json!("\0"), json!("' OR 1=1 --"), json!("\" * NEAR("), json!("😀".repeat(3_000)), json!("%_\\"), json!("../../etc")]),
                ("integer", _) => found.extend([one["minimum"].as_i64().map_or(json!(0), Json::from), json!(1), one["maximum"].as_u64().map_or(json!(u32::MAX), Json::from)]),
                ("boolean", _) => found.extend([json!(true), json!(false)]),
                ("null", _) => found.push(Json::Null),
                ("array", _) => {
                    let items = guesses(&one["items"], root, key);
                    found.push(json!([]));
                    found.extend(items.iter().map(|item| json!([item])));
                    found.push(Json::Array(items));
                }
                ("object", _) => {
                    let Some(properties) = one["properties"].as_object() else {
                        found.extend([json!({}), json!({ "name": "x" }), json!({ "name": 3 }), json!({ "no_such_field": 1 }), json!({ "id": NOBODY, "name": "x" }), json!({ "password_hash": "x" }), json!({ "name": null })]);
                        continue;
                    };
                    for at in 0..8 {
                        found.push(properties.iter().map(|(name, of)| (name.clone(), pick(&guesses(of, root, name), at))).collect::<Map<_, _>>().into());
                    }
                }
                _ => {}
            }
        }
    }
    if found.is_empty() {
        found.extend([json!(1), Json::Null, json!("x"), json!([]), json!({}), json!(["a", 1]), json!(1e308), json!(i64::MIN)]);
    }
    found
}

/// Values that a schema does not allow.
fn wrong_types(schema: &Json, root: &Json) -> Vec<Json> {
    let several = alternatives(schema, root);
    let allowed: BTreeSet<&str> = several.iter().flat_map(|one| types_of(one)).collect();
    if allowed.is_empty() {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    for (ty, value) in [("string", json!("no number")), ("integer", json!(-7)), ("boolean", json!(true)), ("null", Json::Null), ("object", json!({ "wrong": 1 })), ("array", json!([1, 2]))] {
        if !allowed.contains(ty) {
            wrong.push(value);
        }
    }
    if several.iter().any(|one| one["format"] == "uuid") {
        wrong.push(json!("no id"));
    }
    if several.iter().any(|one| one["format"] == "date") {
        wrong.extend([json!("12.3.1979"), json!("1979-02-30")]);
    }
    if allowed.contains("integer") {
        wrong.extend([json!(1.5), json!(-1), json!(1e12)]);
    }
    if several.iter().any(|one| !one["const"].is_null()) {
        wrong.push(json!("no choice"));
    }
    wrong
}

#[test]
fn records_of_every_kind_can_be_listed_read_referred_to_added_changed_and_marked_as_wrong() {
    let bag = Bag::sample(1);
    let kinds = bag.run("model.entities", json!({}));
    assert_eq!(list(&kinds).len(), 93);
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut marked = Vec::new();
    for kind in list(&kinds) {
        let entity = text(&kind["name"]);
        let page = bag.run("records.list", json!({ "entity": entity }));
        let total = page["total"].as_u64().unwrap();
        assert_eq!(list(&page["records"]).len() as u64, total.min(100), "{entity}");
        bag.run("records.references", json!({ "entity": entity, "text": "" }));
        bag.run("search.find", json!({ "text": "a", "entity": entity }));
        let Some(sample) = list(&page["records"]).last() else {
            *outcomes.entry("without a sample".into()).or_default() += 1;
            continue;
        };
        reads(&bag, &entity, sample);
        let created = creates(&bag, kind, &entity, sample);
        *outcomes.entry(if created.is_some() { "added" } else { "refused to add, naming a field" }.into()).or_default() += 1;
        let subject = created.clone().unwrap_or_else(|| sample["id"].clone());
        *outcomes.entry(updates(&bag, kind, &entity, &subject)).or_default() += 1;
        marked.push((kind.clone(), entity.clone(), sample["id"].clone()));
        marked.extend(created.map(|id| (kind.clone(), entity, id)));
    }
    for (kind, entity, subject) in marked {
        *outcomes.entry(marks_as_wrong(&bag, &kind, &entity, &subject)).or_default() += 1;
    }
    assert!(outcomes["added"] >= 60, "most kinds take a copy of a sample: {outcomes:?}");
    assert!(outcomes["changed"] >= 50, "{outcomes:?}");
    assert!(outcomes["marked"] >= 60, "{outcomes:?}");
    assert!(outcomes["without a sample"] <= 6, "{outcomes:?}");
    bag.run("vault.verify", json!({}));
}

fn reads(bag: &Bag, entity: &str, listed: &Json) {
    let id = &listed["id"];
    let record = bag.run("records.get", json!({ "entity": entity, "id": id }));
    assert_eq!((&record["values"], &record["title"], &record["references"]), (&listed["values"], &listed["title"], &listed["references"]), "{entity}: list and detail agree");
    assert!(!text(&record["title"]).is_empty(), "{entity}: a record has a name");
    let history = bag.run("records.history", json!({ "entity": entity, "id": id }));
    let first = list(&history).last().unwrap_or_else(|| panic!("{entity}: a record has a history"));
    assert!(!list(&first["fields"]).is_empty() && !text(&first["at"]).is_empty() && !text(&first["command"]).is_empty(), "{entity}: {first}");
    let is = bag.run("records.list", json!({ "entity": entity, "filters": [{ "field": "id", "how": "in", "value": [id] }] }));
    assert_eq!(is["total"], 1, "{entity}: found by its id");
    assert_eq!(bag.refused("records.get", json!({ "entity": entity, "id": NOBODY })).code, Code::NotFound, "{entity}");
    assert_eq!(bag.run("records.history", json!({ "entity": entity, "id": NOBODY })), json!([]), "{entity}");
}

/// Adds a record with the values of another one, without ids and what has to be unique.
fn creates(bag: &Bag, kind: &Json, entity: &str, sample: &Json) -> Option<Json> {
    let declared = gladstone_model::catalogue().get(entity).unwrap();
    let unique: BTreeSet<&str> = declared.fields.iter().filter(|field| field.unique && !field.required).map(|field| field.name.as_str()).collect();
    let managed = |name: &str| list(&kind["fields"]).iter().any(|field| field["name"] == name && field["managed"] == true);
    let values: Map<String, Json> = sample["values"].as_object().unwrap().iter().filter(|(name, value)| !value.is_null() && !managed(name) && !unique.contains(name.as_str())).map(|(name, value)| (name.clone(), value.clone())).collect();
    match bag.desk.run("records.create", json!({ "entity": entity, "values": values })) {
        Ok(made) => {
            for (name, value) in &values {
                assert_eq!(made["values"][name], *value, "{entity}.{name} is kept as it was given");
            }
            let history = bag.run("records.history", json!({ "entity": entity, "id": made["id"] }));
            assert_eq!((list(&history).len(), &history[0]["command"], &history[0]["actor"]), (1, &json!("records.create"), &json!("Amara Okafor")), "{entity}");
            Some(made["id"].clone())
        }
        Err(error) => {
            assert!(names_a_field(&error), "{entity}: {error:?}");
            let field = error.field.unwrap();
            assert!(declared.field(&field).is_some(), "{entity}: “{field}” is no field");
            None
        }
    }
}

/// Changes a plain text of a record.
fn updates(bag: &Bag, kind: &Json, entity: &str, id: &Json) -> String {
    let declared = gladstone_model::catalogue().get(entity).unwrap();
    let plain = list(&kind["fields"]).iter().find(|field| {
        let name = field["name"].as_str().unwrap();
        let at = declared.position(name).unwrap();
        let bound = declared.natural_key.contains(&at) || declared.fields[at].unique || declared.uniques.iter().any(|unique| unique.fields.contains(&at));
        let wide = field["max_length"].as_u64().is_none_or(|most| most >= 40);
        !bound && wide && matches!(field["kind"].as_str(), Some("text" | "long_text")) && list(&field["choices"]).is_empty() && matches!(field["format"].as_str(), None | Some("multiline"))
    });
    let Some(field) = plain.and_then(|field| field["name"].as_str()) else { return "no plain text to change".into() };
    match bag.desk.run("records.update", json!({ "entity": entity, "id": id, "values": { field: "Changed in a test" } })) {
        Ok(record) => {
            assert_eq!(record["values"][field], "Changed in a test", "{entity}.{field}");
            let history = bag.run("records.history", json!({ "entity": entity, "id": id }));
            assert_eq!(history[0]["command"], "records.update", "{entity}: the latest change comes first");
            "changed".into()
        }
        Err(error) if kind["append_only"] == true => {
            assert_eq!(error.code, Code::Sealed, "{entity}: {error:?}");
            "sealed".into()
        }
        Err(error) => {
            assert!(names_a_field(&error), "{entity}.{field}: {error:?}");
            "refused to change, naming a field".into()
        }
    }
}

/// Marks a record as entered in error: it and its parts disappear, and nothing is lost.
fn marks_as_wrong(bag: &Bag, kind: &Json, entity: &str, id: &Json) -> String {
    let request = |reason: &str| json!({ "entity": entity, "id": id, "reason": reason });
    let by_id = |with_errors: bool| bag.run("records.list", json!({ "entity": entity, "filters": [{ "field": "id", "how": "is", "value": id }], "with_errors": with_errors }))["total"].clone();
    let title = bag.run("records.get", json!({ "entity": entity, "id": id }));
    if !title["error_reason"].is_null() {
        return "marked with what it was a part of".into();
    }
    let without = bag.refused("records.enter_in_error", request(" "));
    match bag.desk.run("records.enter_in_error", request("entered twice")) {
        Err(error) if kind["append_only"] == true => {
            assert_eq!(error.code, Code::Sealed, "{entity}: {error:?}");
            "sealed".into()
        }
        Err(error) => {
            assert_eq!(error.code, Code::Conflict, "{entity}: {error:?}");
            assert_eq!(by_id(false), 1, "{entity}: what is needed stays");
            "needed by another record".into()
        }
        Ok(_) => {
            assert_eq!((without.code, without.field.as_deref()), (Code::Invalid, Some("reason")), "{entity}: a reason is asked for");
            assert_eq!((by_id(false), by_id(true)), (json!(0), json!(1)), "{entity}: hidden, and still there");
            let record = bag.run("records.get", json!({ "entity": entity, "id": id }));
            assert_eq!(record["error_reason"], "entered twice", "{entity}");
            assert_eq!(record["values"], title["values"], "{entity}: nothing is lost");
            assert_eq!(bag.run("records.history", json!({ "entity": entity, "id": id }))[0]["reason"], "entered twice", "{entity}");
            assert_eq!(bag.refused("records.enter_in_error", request("again")).code, Code::NotFound, "{entity}");
            assert_eq!(bag.refused("records.update", json!({ "entity": entity, "id": id, "values": {} })).code, if kind["append_only"] == true { Code::Sealed } else { Code::NotFound }, "{entity}");
            let words = text(&title["title"]);
            let hits = bag.run("search.find", json!({ "text": words, "entity": entity }));
            assert!(list(&hits).iter().all(|hit| hit["id"] != *id), "{entity}: search no longer finds it");
            let choices = bag.run("records.references", json!({ "entity": entity, "text": words }));
            assert!(list(&choices).iter().all(|choice| choice["id"] != *id), "{entity}: nobody refers to it any more");
            for (from, at, on_delete) in gladstone_model::catalogue().referrers(entity) {
                if on_delete == gladstone_model::entity::OnDelete::Cascade && !from.append_only {
                    let parts = bag.run("records.list", json!({ "entity": from.name, "filters": [{ "field": from.fields[at].name, "how": "is", "value": id }] }));
                    assert_eq!(parts["total"], 0, "{entity}: its {} went with it", from.plural);
                }
            }
            "marked".into()
        }
    }
}

#[test]
fn lists_filter_sort_and_page_and_refuse_what_the_kind_does_not_have() {
    let bag = Bag::sample(1);
    let ask = |more: Json| {
        let mut request = json!({ "entity": "users" });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        bag.run("records.list", request)
    };
    let names = |answer: &Json| -> Vec<String> { list(&answer["records"]).iter().map(|record| text(&record["values"]["name"])).collect() };
    let everyone = names(&ask(json!({ "sort": [{ "field": "name" }] })));
    assert!(everyone.len() > 20 && everyone.is_sorted_by_key(|name| name.to_lowercase()), "{everyone:?}");
    let backwards = names(&ask(json!({ "sort": [{ "field": "name", "descending": true }] })));
    assert_eq!(backwards, everyone.iter().rev().cloned().collect::<Vec<_>>());
    let page = ask(json!({ "sort": [{ "field": "name" }], "offset": 5, "limit": 3 }));
    assert_eq!((names(&page), page["total"].as_u64()), (everyone[5..8].to_vec(), Some(everyone.len() as u64)));
    for (filter, fits) in [
        (json!({ "field": "role", "how": "is", "value": "patient" }), (|record: &Json| record["role"] == "patient") as fn(&Json) -> bool),
        (json!({ "field": "role", "how": "not", "value": "patient" }), |record| record["role"] != "patient"),
        (json!({ "field": "role", "how": "in", "value": ["staff", "admin"] }), |record| record["role"] == "staff" || record["role"] == "admin"),
        (json!({ "field": "name", "how": "starts", "value": "Tom" }), |record| text(&record["name"]).starts_with("Tom")),
        (json!({ "field": "name", "how": "contains", "value": "ie" }), |record| text(&record["name"]).to_lowercase().contains("ie")),
        (json!({ "field": "created_at", "how": "at_least", "value": "2020-01-01T00:00:00Z" }), |_| true),
    ] {
        let answer = ask(json!({ "filters": [filter], "limit": 1000 }));
        assert!(answer["total"].as_u64().unwrap() > 0, "{filter}");
        assert!(list(&answer["records"]).iter().all(|record| fits(&record["values"])), "{filter}");
    }
    assert_eq!(ask(json!({ "filters": [{ "field": "created_at", "how": "at_most", "value": "2020-01-01T00:00:00Z" }] }))["total"], 0);
    assert_eq!(ask(json!({ "text": "wieczorek" }))["total"], 1);
    for (what, more, code) in [
        ("an unknown field", json!({ "filters": [{ "field": "colour", "how": "is", "value": "red" }] }), Code::BadRequest),
        ("an order by an unknown field", json!({ "sort": [{ "field": "name; DROP TABLE users" }] }), Code::BadRequest),
        ("an unknown comparison", json!({ "filters": [{ "field": "name", "how": "like", "value": "x" }] }), Code::BadRequest),
        ("a value of the wrong type", json!({ "filters": [{ "field": "id", "how": "is", "value": "x" }] }), Code::Invalid),
    ] {
        let mut request = json!({ "entity": "users" });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(bag.refused("records.list", request).code, code, "{what}");
    }
    let mut secrets = 0;
    for entity in &gladstone_model::catalogue().entities {
        for field in entity.fields.iter().filter(|field| field.is_secret()) {
            secrets += 1;
            let (entity, field) = (&entity.name, &field.name);
            assert_eq!(bag.refused("records.create", json!({ "entity": entity, "values": { field: "x" } })).code, Code::BadRequest, "{entity}.{field} cannot be written from outside");
            let listed = bag.run("records.list", json!({ "entity": entity }));
            assert!(list(&listed["records"]).iter().all(|record| record["values"].get(field).is_none()), "{entity}.{field} is never shown");
            let probed = bag.desk.run("records.list", json!({ "entity": entity, "filters": [{ "field": field, "how": "starts", "value": "x" }] }));
            assert!(probed.is_err(), "{entity}.{field} cannot be guessed by filtering");
            let sorted = bag.desk.run("records.list", json!({ "entity": entity, "sort": [{ "field": field }] }));
            assert!(sorted.is_err(), "{entity}.{field} cannot be guessed by sorting");
        }
    }
    assert!(secrets > 0);
}

#[test]
fn search_finds_by_the_beginning_of_words_without_regard_to_accents_and_order() {
    let bag = Bag::empty();
    let person = bag.register("Piotr Zieliński");
    for (words, found) in [("Ziel", true), ("zielinski", true), ("piotr ziel", true), ("ziel piotr", true), ("ZIELIŃSKI", true), ("iotr", false), ("piotr x", false), ("", false), ("\" OR *", false), ("-", false)] {
        for hits in [bag.run("search.find", json!({ "text": words })), bag.run("search.find", json!({ "text": words, "entity": "users" }))] {
            assert_eq!(list(&hits).iter().any(|hit| hit["id"] == person.as_str()), found, "“{words}”: {hits}");
        }
        let people = bag.run("people.find", json!({ "text": words }));
        let listed = list(&people["people"]).iter().any(|one| one["id"] == person.as_str());
        assert_eq!(listed, found || words.is_empty(), "“{words}”: {people}");
    }
    bag.run("people.update", json!({ "id": person, "person": { "name": "Piotr Nowak", "email": "piotr@example.com" } }));
    assert_eq!(bag.run("search.find", json!({ "text": "Zieliński" })), json!([]), "the old name is forgotten");
    assert_eq!(bag.run("search.find", json!({ "text": "Nowak" }))[0]["title"], "Piotr Nowak");
    let bad = bag.refused("people.update", json!({ "id": person, "person": { "name": "Piotr Nowak", "email": "no address" } }));
    assert_eq!((bad.code, bad.field.as_deref()), (Code::Invalid, Some("email")));
    let nameless = bag.refused("people.register", json!({ "name": "  " }));
    assert_eq!((nameless.code, nameless.field.as_deref()), (Code::Invalid, Some("name")));
    let unborn = bag.refused("people.register", json!({ "name": "Not Yet", "born": "2999-01-01" }));
    assert_eq!((unborn.code, unborn.field.as_deref()), (Code::Invalid, Some("born")), "nobody is born in the future");
}

#[test]
fn settings_come_back_as_they_were_set() {
    let bag = Bag::empty();
    assert_eq!(bag.run("settings.get", json!({})), json!({ "theme": "system", "language": "en", "text_percent": 100, "lock_minutes": 5, "letter_keys": true }));
    let wanted = json!({ "theme": "contrast", "language": "de", "text_percent": 150, "lock_minutes": 15, "letter_keys": false });
    assert_eq!(bag.run("settings.set", wanted.clone()), wanted);
    for (field, value, code) in [("lock_minutes", json!(0), Code::Invalid), ("lock_minutes", json!(16), Code::Invalid), ("lock_minutes", json!(300), Code::BadRequest), ("text_percent", json!(110), Code::Invalid), ("theme", json!("pink"), Code::BadRequest), ("letter_keys", json!("yes"), Code::BadRequest)] {
        let mut request = wanted.clone();
        request[field] = value.clone();
        let error = bag.refused("settings.set", request);
        assert_eq!(error.code, code, "{field} {value}");
        assert!(code != Code::Invalid || error.field.as_deref() == Some(field), "{error:?}");
    }
    let bag = bag.started_anew();
    assert_eq!(bag.run("settings.get", json!({})), wanted);
    assert!(bag.changed().contains("user_preferences"), "whoever shows them is told");
}

#[test]
fn the_same_seed_gives_the_same_sample_and_another_seed_another_one() {
    let (one, again, other) = (Bag::sample(7), Bag::sample(7), Bag::sample(8));
    let counts = |bag: &Bag| -> BTreeMap<String, u64> { gladstone_model::catalogue().entities.iter().map(|entity| (entity.name.clone(), bag.run("records.list", json!({ "entity": entity.name, "limit": 1 }))["total"].as_u64().unwrap())).collect() };
    assert_eq!(counts(&one), counts(&again));
    let scores = |bag: &Bag| -> Vec<Json> { list(&bag.run("records.list", json!({ "entity": "answers", "sort": [{ "field": "answered_at" }], "limit": 1000 }))["records"]).iter().map(|record| record["values"]["score"].clone()).collect() };
    let born = |bag: &Bag| -> BTreeSet<String> { list(&bag.run("records.list", json!({ "entity": "user_profiles", "limit": 1000 }))["records"]).iter().map(|record| record["values"]["date_of_birth"].to_string()).collect() };
    assert_eq!(born(&one), born(&again));
    assert_ne!((born(&one), scores(&one)), (born(&other), scores(&other)), "another seed draws other data");
    for bag in [&one, &other] {
        let empty: Vec<String> = counts(bag).into_iter().filter(|(_, count)| *count == 0).map(|(name, _)| name).collect();
        assert!(empty.len() <= 6, "every screen has something to show: {empty:?}");
        assert!(bag.run("vault.verify", json!({}))["entries"].as_u64().unwrap() > 20, "sample data leaves no faults");
        assert_eq!(bag.run("jobs.progress", json!({}))["job"], Json::Null);
        let today = bag.run("today.get", json!({}));
        assert!(["agenda", "paused", "due", "alerts"].iter().all(|part| !list(&today[part]).is_empty()), "{today}");
    }
}

#[test]
fn cancelling_the_sample_stops_it_and_keeps_what_is_finished() {
    let bag = Bag::empty();
    std::thread::scope(|scope| {
        let work = scope.spawn(|| bag.desk.run("sample.generate", json!({ "seed": 3, "scale": 100 })));
        let begun = Instant::now();
        let far = || bag.run("jobs.progress", json!({}))["done"].as_u64().unwrap() > 0;
        while !far() {
            assert!(begun.elapsed() < Duration::from_secs(60) && !work.is_finished(), "the work shows its progress");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(bag.run("jobs.progress", json!({}))["job"], "Sample data");
        assert_eq!(bag.refused("sample.generate", json!({})).code, Code::Conflict, "one piece of work at a time");
        assert_eq!(bag.refused("vault.verify", json!({})).code, Code::Conflict);
        bag.run("jobs.cancel", json!({}));
        let stopped = work.join().unwrap().unwrap_err();
        assert_eq!(stopped.code, Code::Cancelled);
    });
    assert_eq!(bag.run("jobs.progress", json!({}))["job"], Json::Null);
    let people = bag.run("people.find", json!({ "text": "" }))["total"].as_u64().unwrap();
    assert!((20..2_000).contains(&people), "{people} persons were kept");
    assert!(bag.changed().contains("users"), "whoever shows them is told, although the work was stopped");
    bag.run("vault.verify", json!({}));
    for scale in [0, 101] {
        assert_eq!(bag.refused("sample.generate", json!({ "scale": scale })).field.as_deref(), Some("scale"));
    }
}

#[test]
fn a_vault_opens_with_its_passphrase_or_its_code_and_with_nothing_else() {
    let bag = Bag::empty();
    bag.register("Owen Pritchard");
    let lost = |passphrase: &str| bag.refused("vault.unlock", json!({ "vault_id": bag.vault, "passphrase": passphrase }));
    let weak = bag.refused("vault.change_passphrase", json!({ "passphrase": PASSPHRASE, "new_passphrase": "password1234" }));
    assert_eq!((weak.code, weak.field.as_deref()), (Code::Invalid, Some("new_passphrase")));
    let wrong = bag.refused("vault.change_passphrase", json!({ "passphrase": "not the passphrase at all", "new_passphrase": OTHER_PASSPHRASE }));
    assert_eq!((wrong.code, wrong.field.as_deref()), (Code::WrongSecret, Some("passphrase")));
    assert_eq!(bag.run("app.status", json!({}))["state"], "unlocked", "a slip of the finger does not throw anybody out");
    bag.register("Zeynep Kaya");

    bag.run("vault.lock", json!({}));
    let error = lost("not the passphrase at all");
    assert_eq!((error.code, error.field.as_deref()), (Code::WrongSecret, Some("passphrase")));
    assert_eq!(bag.refused("vault.unlock", json!({ "vault_id": NOBODY, "passphrase": PASSPHRASE })).code, Code::NotFound);
    assert_eq!(bag.refused("vault.unlock_with_recovery", json!({ "vault_id": bag.vault, "code": "AAAA-AAAA", "new_passphrase": OTHER_PASSPHRASE })).code, Code::WrongSecret);
    let renewed = bag.run("vault.unlock_with_recovery", json!({ "vault_id": bag.vault, "code": bag.code.to_lowercase(), "new_passphrase": OTHER_PASSPHRASE }));
    assert_ne!(text(&renewed["recovery_code"]), bag.code, "a used code is replaced");
    assert_eq!(bag.refused("people.register", json!({ "name": "Too Early" })).code, Code::RecoveryUnconfirmed, "the new code has to be confirmed as well");
    bag.run("vault.confirm_recovery", json!({ "code": renewed["recovery_code"] }));
    assert_eq!(bag.run("people.find", json!({ "text": "" }))["total"], 3, "everybody is still there");
    bag.run("vault.lock", json!({}));
    assert_eq!(lost(PASSPHRASE).code, Code::WrongSecret, "the old passphrase opens nothing");
    assert_eq!(bag.refused("vault.unlock_with_recovery", json!({ "vault_id": bag.vault, "code": bag.code, "new_passphrase": PASSPHRASE })).code, Code::WrongSecret, "the old code opens nothing");
    bag.unlock(OTHER_PASSPHRASE);
    bag.run("vault.verify", json!({}));
}

#[test]
fn a_backup_restores_and_going_back_in_time_is_noticed() {
    let bag = Bag::empty();
    bag.register("Hiroshi Nakamura");
    let made = bag.run("vault.back_up", json!({}));
    assert!(made["bytes"].as_u64().unwrap() > 0);
    assert_eq!(list(&bag.run("vault.backups", json!({})))[0]["made"], made["made"]);
    assert!(bag.run("vault.test_restore", json!({ "made": made["made"] }))["entries"].as_u64().unwrap() > 0);
    assert_eq!(bag.refused("vault.test_restore", json!({ "made": "2020-01-01T00-00-00Z" })).code, Code::NotFound);
    assert_eq!(bag.refused("vault.test_restore", json!({ "made": "../.." })).code, Code::NotFound);
    bag.register("Marisol Vega");
    bag.run("vault.lock", json!({}));
    assert_eq!(list(&bag.run("vault.backups_of", json!({ "vault_id": bag.vault }))).len(), 1);
    assert_eq!(bag.refused("vault.restore", json!({ "vault_id": bag.vault, "made": "nothing" })).code, Code::NotFound);
    bag.run("vault.restore", json!({ "vault_id": bag.vault, "made": made["made"] }));
    bag.unlock(PASSPHRASE);
    let status = bag.run("app.status", json!({}));
    assert_eq!(status["state"], "recovery");
    assert!(text(&status["open"]["alarm"]).contains("missing"), "{status}");
    for command in all().iter().filter(|command| command.writes) {
        assert_eq!(bag.refused(command.name, json!({})).code, Code::Damaged, "{}", command.name);
    }
    assert_eq!(bag.run("people.find", json!({ "text": "" }))["total"], 2, "reading works");
    bag.run("vault.accept_alarm", json!({}));
    assert_eq!(bag.run("app.status", json!({}))["state"], "unlocked");
    bag.register("Tendai Moyo");
    bag.run("vault.verify", json!({}));
    assert_eq!(bag.started_anew().run("app.status", json!({}))["state"], "unlocked", "the alarm does not come back");
}

#[test]
fn erasing_asks_for_the_label_and_leaves_nothing() {
    let bag = Bag::empty();
    bag.register("Camille Laurent");
    bag.run("vault.back_up", json!({}));
    for label in ["", "practice", "Practice!"] {
        let error = bag.refused("vault.erase", json!({ "label": label }));
        assert_eq!((error.code, error.field.as_deref()), (Code::Invalid, Some("label")), "“{label}”");
    }
    assert_eq!(bag.run("people.find", json!({ "text": "" }))["total"], 2);
    bag.run("vault.erase", json!({ "label": LABEL }));
    assert_eq!(bag.run("app.status", json!({}))["state"], "first_start");
    assert_eq!(fs::read_dir(bag.folder.path().join("vaults")).unwrap().count(), 0, "no file is left");
    assert!(bag.events.lock().unwrap().contains(&Event::Locked));
    assert_eq!(bag.refused("people.find", json!({ "text": "" })).code, Code::Locked);
    bag.run("vault.create", json!({ "label": LABEL, "person_name": "Amara Okafor", "passphrase": PASSPHRASE }));
}

#[test]
fn the_recovery_code_is_written_for_its_owner_only_and_overwrites_nothing() {
    let bag = Bag::unconfirmed();
    let stick = bag.folder.path().join("stick");
    let save = json!({ "code": bag.code, "folder": stick.to_string_lossy() });
    let missing = bag.refused("vault.save_code", save.clone());
    assert_eq!((missing.code, missing.field.as_deref()), (Code::Invalid, Some("folder")));
    fs::create_dir(&stick).unwrap();
    let path = text(&bag.run("vault.save_code", save.clone())["path"]);
    let written = fs::read_to_string(&path).unwrap();
    assert!(written.contains(&bag.code), "{written}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "nobody else on this computer reads it");
    }
    let other = bag.refused("vault.save_code", json!({ "code": "another code", "folder": stick.to_string_lossy() }));
    assert_eq!((other.code, other.field.as_deref()), (Code::Invalid, Some("folder")));
    assert_eq!(fs::read_to_string(&path).unwrap(), written);
    assert_eq!(bag.refused("vault.save_code", json!({ "code": "x", "folder": path })).field.as_deref(), Some("folder"), "a file is no folder");
}

#[test]
fn the_list_of_commands_is_whole() {
    let names: BTreeSet<&str> = all().iter().map(|command| command.name).collect();
    assert_eq!(names.len(), all().len(), "no name stands twice");
    let kinds: BTreeSet<&str> = gladstone_model::catalogue().entities.iter().map(|entity| entity.name.as_str()).collect();
    for command in all() {
        let (group, verb) = command.name.split_once('.').unwrap();
        assert!(!group.is_empty() && !verb.is_empty() && command.name.chars().all(|c| c.is_ascii_lowercase() || c == '.' || c == '_'), "{}", command.name);
        assert!(command.summary.ends_with('.') && command.summary.len() > 20, "{}", command.name);
        assert!(!command.writes || command.access == Access::Unlocked, "{} writes, so it needs an open vault", command.name);
        assert!(command.reads.iter().all(|entity| matches!(*entity, "*" | "vault") || kinds.contains(entity)), "{}: {:?}", command.name, command.reads);
    }
    let bag = Bag::without_vault();
    let listed = bag.run("app.commands", json!({}));
    assert_eq!(list(&listed).iter().map(|command| command["name"].as_str().unwrap()).collect::<BTreeSet<_>>(), names);
}
