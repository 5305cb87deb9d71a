//! Needs review: a decision is an ordinary change, and it can be taken back.

use gladstone_desk::Code;
use serde_json::{Value as Json, json};

use crate::bag::{Bag, NOBODY, list, text};

/// A bag with a person's enrolment whose note two people wrote; returns the enrolment.
struct Scene {
    bag: Bag,
    person: String,
    enrolment: String,
    me: String,
    colleague: String,
}

impl Scene {
    fn new() -> Scene {
        let bag = Bag::empty();
        let me = text(&bag.run("app.status", json!({}))["open"]["person_id"]);
        let colleague = text(&bag.run("people.register", json!({ "name": "Samuel Adeyemi", "role": "staff" }))["id"]);
        let person = bag.register("Hannah Weiss");
        let enrolment = text(&bag.run("records.create", json!({ "entity": "beneficiaries", "values": { "user_id": person, "notes": "75 mg" } }))["id"]);
        Scene { bag, person, enrolment, me, colleague }
    }

    /// A case as a centre would raise it.
    fn raise(&self, entity: &str, id: &str, group: &str, current: Json, incoming: Json, assigned: &str) -> String {
        let signed = |mut values: Json, by: &str, at: &str| {
            values["_by"] = by.into();
            values["_at"] = at.into();
            values
        };
        let made = self.bag.run("records.create", json!({ "entity": "conflicts", "values": {
            "entity_type": entity, "entity_id": id, "merge_group": group, "base_values": { "notes": "50 mg" },
            "current_values": signed(current, &self.colleague, "2026-11-19T09:20:00Z"), "incoming_values": signed(incoming, &self.me, "2026-11-18T14:05:00Z"), "assigned_to": assigned,
        } }));
        text(&made["id"])
    }

    fn note_case(&self) -> String {
        self.raise("beneficiaries", &self.enrolment, "notes", json!({ "notes": "75 mg" }), json!({ "notes": "100 mg" }), &self.me)
    }

    fn note(&self) -> Json {
        self.bag.run("records.get", json!({ "entity": "beneficiaries", "id": self.enrolment }))["values"]["notes"].clone()
    }

    fn open(&self) -> u64 {
        self.bag.run("app.status", json!({}))["open"]["to_review"].as_u64().unwrap()
    }
}

#[test]
fn a_case_shows_both_values_with_their_authors_and_what_was_before() {
    let scene = Scene::new();
    let id = scene.note_case();
    scene.raise("beneficiaries", &scene.enrolment, "status", json!({ "status": "active" }), json!({ "status": "inactive" }), &scene.colleague);
    let inbox = scene.bag.run("review.list", json!({}));
    assert_eq!((list(&inbox["cases"]).len(), &inbox["others"], scene.open()), (1, &json!(1), 1), "what others decide is counted apart");
    let case = &inbox["cases"][0];
    assert_eq!((&case["id"], &case["kind"], &case["person"], &case["person_id"], &case["what"], &case["yours"]), (&json!(id), &json!("values"), &json!("Hannah Weiss"), &json!(scene.person), &json!("Notes"), &json!(true)));
    let shown = scene.bag.run("review.get", json!({ "id": id }));
    assert_eq!((&shown["before"]["values"], &shown["current"]["values"], &shown["incoming"]["values"], &shown["stands"]), (&json!({ "notes": "50 mg" }), &json!({ "notes": "75 mg" }), &json!({ "notes": "100 mg" }), &json!({ "notes": "75 mg" })));
    assert_eq!((&shown["current"]["by"], &shown["current"]["you"], &shown["incoming"]["you"], &shown["current"]["at"]), (&json!("Samuel Adeyemi"), &json!(false), &json!(true), &json!("2026-11-19T09:20:00Z")));
    assert_eq!((&shown["changed_since"], &shown["can_undo"]), (&json!(false), &json!(false)));
}

#[test]
fn each_decision_writes_what_it_says_and_is_taken_back_whole() {
    for (choice, values, stands, status) in [("keep", Json::Null, "75 mg", "kept_current"), ("take", Json::Null, "100 mg", "took_incoming"), ("third", json!({ "notes": "80 mg" }), "80 mg", "wrote_third")] {
        let scene = Scene::new();
        let id = scene.note_case();
        let decided = scene.bag.run("review.decide", json!({ "id": id, "choice": choice, "values": values, "reason": "Spoke with Samuel" }));
        assert_eq!((scene.note(), &decided["info"]["status"], &decided["decided_by"], &decided["reason"], &decided["can_undo"]), (json!(stands), &json!(status), &json!("Amara Okafor"), &json!("Spoke with Samuel"), &json!(true)), "{choice}");
        assert_eq!(scene.open(), 0);
        assert_eq!(list(&scene.bag.run("review.list", json!({ "decided": true }))["cases"]).len(), 1);
        assert_eq!(scene.bag.refused("review.decide", json!({ "id": id, "choice": "keep" })).code, Code::Conflict, "{choice}: decided once");
        let history = scene.bag.run("records.history", json!({ "entity": "conflicts", "id": id }));
        assert_eq!((&history[0]["command"], &history[0]["reason"]), (&json!("review.decide"), &json!("Spoke with Samuel")));
        let undone = scene.bag.run("review.undo", json!({ "id": id }));
        assert_eq!((scene.note(), &undone["info"]["status"], &undone["decided_by"], &undone["decided_at"]), (json!("75 mg"), &json!("open"), &Json::Null, &Json::Null), "{choice}");
        assert_eq!(scene.open(), 1);
        scene.bag.run("review.decide", json!({ "id": id, "choice": "take" }));
        assert_eq!(scene.note(), json!("100 mg"), "{choice}: it can be decided anew");
    }
}

#[test]
fn what_was_written_after_a_case_or_a_decision_is_never_lost() {
    let scene = Scene::new();
    let id = scene.note_case();
    let write = |text: &str| scene.bag.run("records.update", json!({ "entity": "beneficiaries", "id": scene.enrolment, "values": { "notes": text } }));
    write("77 mg");
    let shown = scene.bag.run("review.get", json!({ "id": id }));
    assert_eq!((&shown["changed_since"], &shown["stands"]["notes"]), (&json!(true), &json!("77 mg")));
    scene.bag.run("review.decide", json!({ "id": id, "choice": "take" }));
    scene.bag.run("review.undo", json!({ "id": id }));
    assert_eq!(scene.note(), json!("77 mg"), "what stood at the decision stands again");
    scene.bag.run("review.decide", json!({ "id": id, "choice": "take" }));
    write("120 mg");
    assert_eq!(scene.bag.run("review.get", json!({ "id": id }))["can_undo"], false);
    assert_eq!(scene.bag.refused("review.undo", json!({ "id": id })).code, Code::Conflict);
    assert_eq!(scene.note(), json!("120 mg"));
}

#[test]
fn a_record_in_error_stays_so_or_is_registered_anew() {
    let scene = Scene::new();
    let task = |title: &str| text(&scene.bag.run("calendar.book", json!({ "kind": "own", "title": title, "start": "2026-11-25T09:00:00Z", "end": "2026-11-25T10:00:00Z", "zone": "UTC" }))["id"]);
    let left = task("Team meeting");
    scene.bag.run("records.enter_in_error", json!({ "entity": "appointments", "id": left, "reason": "Typed twice" }));
    let id = scene.raise("appointments", &left, "location", json!({ "entered_in_error": "Typed twice" }), json!({ "location": "Room 3" }), &scene.me);
    let shown = scene.bag.run("review.get", json!({ "id": id }));
    assert_eq!((&shown["info"]["kind"], &shown["current"]["error_reason"], &shown["incoming"]["values"]), (&json!("in_error"), &json!("Typed twice"), &json!({ "location": "Room 3" })));
    let standing = || scene.bag.run("records.list", json!({ "entity": "appointments" }));
    let kept = scene.bag.run("review.decide", json!({ "id": id, "choice": "keep" }));
    assert_eq!((&kept["info"]["status"], &standing()["total"]), (&json!("kept_current"), &json!(0)));
    scene.bag.run("review.undo", json!({ "id": id }));
    let anew = scene.bag.run("review.decide", json!({ "id": id, "choice": "take" }));
    assert_eq!(standing()["total"], 1);
    let made = standing()["records"][0].clone();
    assert_ne!(made["id"], json!(left), "a mark is never taken back");
    assert_eq!((&made["values"]["title"], &made["values"]["location"], &made["values"]["start_time"]), (&json!("Team meeting"), &json!("Room 3"), &json!("2026-11-25T09:00:00.000000Z")));
    assert_eq!(anew["can_undo"], true);
    scene.bag.run("review.undo", json!({ "id": id }));
    assert_eq!(standing()["total"], 0, "taking it back enters the new one in error");
    assert_eq!(scene.bag.refused("review.decide", json!({ "id": id, "choice": "third", "values": { "location": "x" } })).code, Code::Invalid);
}

#[test]
fn a_part_of_a_record_in_error_is_left_or_marked_too() {
    let scene = Scene::new();
    let visit = text(&scene.bag.run("calendar.book", json!({ "kind": "person", "person_id": scene.person, "title": "Visit", "start": "2026-11-25T09:00:00Z", "end": "2026-11-25T10:00:00Z", "zone": "UTC" }))["id"]);
    let id = scene.raise("appointments", &visit, "beneficiary_id", json!({ "entered_in_error": "Another person" }), json!({ "beneficiary_id": scene.enrolment }), &scene.me);
    let shown = scene.bag.run("review.get", json!({ "id": id }));
    assert_eq!(shown["info"]["kind"], "part_of_in_error");
    scene.bag.run("review.decide", json!({ "id": id, "choice": "keep" }));
    scene.bag.run("review.undo", json!({ "id": id }));
    scene.bag.run("review.decide", json!({ "id": id, "choice": "take" }));
    assert_eq!(scene.bag.run("records.get", json!({ "entity": "appointments", "id": visit }))["error_reason"], "Another person");
    assert_eq!(scene.bag.run("review.get", json!({ "id": id }))["can_undo"], false, "a mark is never taken back");
}

#[test]
fn what_cannot_be_decided_here_is_told_and_does_not_break_the_list() {
    let scene = Scene::new();
    let gone = scene.raise("beneficiaries", NOBODY, "notes", json!({ "notes": "a" }), json!({ "notes": "b" }), &scene.me);
    let unknown = scene.raise("holograms", NOBODY, "colour", json!({ "colour": "a" }), json!({ "colour": "b" }), &scene.me);
    let double = scene.raise("users", &scene.person, "duplicate_candidate", json!({ "email": "h@example.org", "_row": scene.colleague }), json!({ "email": "h@example.org" }), &scene.me);
    let rule = scene.raise("appointments", NOBODY, "rule", json!({}), json!({ "_rule": "The end lies before the begin." }), &scene.me);
    assert_eq!(list(&scene.bag.run("review.list", json!({}))["cases"]).len(), 4);
    assert_eq!(scene.bag.refused("review.decide", json!({ "id": gone, "choice": "take" })).code, Code::NotFound);
    assert_eq!(scene.bag.refused("review.get", json!({ "id": unknown })).code, Code::NotFound);
    let shown = scene.bag.run("review.get", json!({ "id": double }));
    assert_eq!((&shown["info"]["kind"], &shown["other"]["title"], &shown["fields"]), (&json!("double"), &json!("Samuel Adeyemi"), &json!(["email"])));
    assert_eq!(scene.bag.run("review.get", json!({ "id": rule }))["note"], "The end lies before the begin.");
    for id in [gone, double, rule] {
        assert_eq!(scene.bag.run("review.decide", json!({ "id": id, "choice": "keep" }))["info"]["status"], "kept_current");
    }
    let id = scene.note_case();
    assert_eq!(scene.bag.refused("review.decide", json!({ "id": id, "choice": "third" })).field.as_deref(), Some("values"));
    assert_eq!(scene.bag.refused("review.decide", json!({ "id": id, "choice": "third", "values": { "notes": 7 } })).field.as_deref(), Some("notes"));
    assert_eq!(scene.note(), json!("75 mg"), "what was refused changed nothing");
    assert_eq!(scene.bag.refused("review.decide", json!({ "id": NOBODY, "choice": "keep" })).code, Code::NotFound);
}

#[test]
fn records_with_an_open_case_are_named_until_it_is_decided_whoever_decides() {
    let scene = Scene::new();
    let marks = || list(&scene.bag.run("review.marks", json!({}))).clone();
    assert_eq!(marks(), Vec::<Json>::new());
    let note = scene.note_case();
    let other = scene.bag.register("Hanna Weiß");
    let double = scene.raise("users", &scene.person, "duplicate_candidate", json!({ "name": "Hannah Weiss", "_row": other }), json!({ "name": "Hannah Weiss" }), &scene.colleague);
    let of = |case: &str| marks().into_iter().find(|mark| mark["info"]["id"] == *case).unwrap_or_else(|| panic!("{case} is named"));
    let (of_note, of_double) = (of(&note), of(&double));
    assert_eq!((&of_note["info"]["entity"], &of_note["info"]["record_id"], &of_note["info"]["person_id"], &of_note["other"]), (&json!("beneficiaries"), &json!(scene.enrolment), &json!(scene.person), &Json::Null));
    assert_eq!((&of_note["info"]["yours"], &of_double["info"]["yours"], &of_double["info"]["assigned_to"]), (&json!(true), &json!(false), &json!("Samuel Adeyemi")));
    assert_eq!((&of_double["info"]["record_id"], &of_double["other"]), (&json!(scene.person), &json!(other)), "both records are meant");
    scene.bag.run("review.decide", json!({ "id": note, "choice": "keep" }));
    assert_eq!(marks().len(), 1, "it goes with the decision");
    scene.bag.run("review.undo", json!({ "id": note }));
    assert_eq!(marks().len(), 2, "and comes back with it");
}

#[test]
fn more_open_cases_than_the_inbox_lists_are_all_named() {
    let scene = Scene::new();
    for _ in 0..205 {
        scene.note_case();
    }
    assert_eq!(list(&scene.bag.run("review.list", json!({}))["cases"]).len(), 200);
    assert_eq!(list(&scene.bag.run("review.marks", json!({}))).len(), 205);
}
