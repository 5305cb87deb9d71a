//! `gladstone sync …` as a person without a window uses it: the real program, a real centre, two vaults.

use gladstone_tests::{Bag, Colleagues, centre::Centre};
use serde_json::{Value as Json, json};

fn opened() -> Colleagues {
    Colleagues::open(None).and_then(Colleagues::in_step).unwrap()
}

/// Runs `gladstone sync …`, which must succeed, and looks for words in what it says.
fn says(bag: &Bag, arguments: &[&str], words: &[&str]) -> String {
    let output = bag.sync(arguments).unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    for word in words {
        assert!(said.contains(word), "{arguments:?}: “{word}” is not in\n{said}");
    }
    said
}

fn refused(bag: &Bag, arguments: &[&str], because: &str) {
    let output = bag.sync(arguments).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(because), "{arguments:?}: {said}");
}

#[test]
fn what_waits_is_listed_looked_at_and_sent_and_a_record_says_where_it_is() {
    let Colleagues { ben, tomasz, .. } = &opened();
    let entry = ben.one("records.create", json!({ "entity": "mood_entries", "values": { "user_id": tomasz, "entry_date": "2026-11-20", "overall_mood": 6 } })).unwrap();
    let id = entry["id"].as_str().unwrap();
    says(ben, &["status"], &["Ashcombe Practice (trainer)", "1 change to send, the oldest of", "Works without contact until"]);
    let queue = says(ben, &["queue"], &["waiting", "records.create: Mood entry 2026-11-20"]);
    let number = queue.split_whitespace().next().unwrap();
    says(ben, &["show", number], &["overall_mood = 6", "created"]);
    says(ben, &["receipt", "mood_entries", id], &["1 change to be sent"]);
    refused(ben, &["discard", number, "--reason", "no"], "not one that the centre put aside");
    says(ben, &[], &["Everything was sent."]);
    says(ben, &["queue"], &["Nothing waits"]);
    says(ben, &["receipt", "mood_entries", id], &["Here and at the centre, 20"]);
    says(ben, &["log"], &["Joined Ashcombe Practice."]);
    let status: Json = serde_json::from_str(&says(ben, &["status", "--json"], &[])).unwrap();
    assert_eq!((&status["waiting"], &status["centre"]["parts_coming"]), (&json!(0), &json!(0)));
}

#[test]
fn what_the_centre_put_aside_is_changed_and_sent_written_to_a_file_or_given_up() {
    let Colleagues { home, amara, ben, tomasz, hannah, relation, .. } = &opened();
    amara.one("team.end", json!({ "relation": relation, "reason": "She moved away" })).unwrap();
    amara.synchronize().unwrap();
    let mood = |date: &str| ("records.create", json!({ "entity": "mood_entries", "values": { "user_id": hannah, "entry_date": date, "overall_mood": 3 } }));
    ben.run(&[mood("2026-11-19"), mood("2026-11-20")]).unwrap();
    says(ben, &["now"], &["Everything was sent. 2 changes put aside"]);
    says(ben, &["departed"], &["Hannah Weiss", "Your right to these records has ended."]);
    let queue = says(ben, &["queue"], &["set aside", "You have no right to this record"]);
    let numbers: Vec<&str> = queue.lines().filter(|line| line.contains("records.create")).filter_map(|line| line.split_whitespace().next()).collect();
    let [first, second] = numbers[..] else { panic!("two changes: {queue}") };
    let person = format!("user_id={}", tomasz.as_str().unwrap());
    refused(ben, &["mend", first, "--set", "overall_mood=99"], "Overall mood");
    says(ben, &["mend", first, "--set", &person, "--set", "overall_mood=4"], &["to be sent again"]);
    says(ben, &["export", second, "--to", home.path().to_str().unwrap()], &["Written to"]);
    assert!(std::fs::read_to_string(home.path().join(format!("gladstone-change-{second}.json"))).unwrap().contains("\"overall_mood\": 3"));
    refused(ben, &["discard", second, "--reason", " "], "Say why");
    says(ben, &["discard", second, "--reason", "Not my patient any more"], &["given up"]);
    says(ben, &[], &["Everything was sent."]);
    says(ben, &["queue"], &["Nothing waits, and nothing was put aside."]);
    amara.synchronize().unwrap();
    let moods = amara.one("records.list", json!({ "entity": "mood_entries" })).unwrap();
    let values: Vec<_> = moods["records"].as_array().unwrap().iter().map(|one| (&one["values"]["user_id"], &one["values"]["overall_mood"])).collect();
    assert_eq!(values, [(tomasz, &json!(4))], "the changed one arrived, the other did not");
}

#[test]
fn a_case_is_listed_shown_decided_and_the_decision_taken_back() {
    let Colleagues { amara, ben, tomasz, .. } = &opened();
    // With the first appointment he is enrolled; of an enrolment the notes are decided by a person.
    amara.one("calendar.book", json!({ "kind": "person", "person_id": tomasz, "title": "Visit", "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T10:00:00Z", "zone": "Europe/Zurich" })).unwrap();
    let enrolment = amara.one("records.list", json!({ "entity": "beneficiaries" })).unwrap()["records"][0]["id"].clone();
    amara.synchronize().unwrap();
    ben.synchronize().unwrap();
    let noted = |notes: &str| ("records.update", json!({ "entity": "beneficiaries", "id": enrolment, "values": { "notes": notes } }));
    amara.run(&[noted("Mornings")]).unwrap();
    ben.run(&[noted("Evenings")]).unwrap();
    amara.synchronize().unwrap();
    ben.synchronize().unwrap();
    let list = says(ben, &["review", "list"], &["Tomasz Wieczorek"]);
    let case = list.split_whitespace().next().unwrap();
    says(ben, &["review", "show", case], &["keep    notes = “Mornings”", "take    notes = “Evenings”   (you"]);
    says(ben, &["review", "decide", case, "third", "--set", "notes=Noon", "--reason", "Asked him"], &["wrote third by Ben", "Asked him"]);
    says(ben, &["review", "list"], &["No case waits for you."]);
    says(ben, &["review", "undo", case], &["notes = “Mornings”"]);
    says(ben, &["review", "decide", case, "take"], &["took incoming by Ben"]);
    says(ben, &["review", "list", "--decided"], &[case]);
    says(ben, &["now"], &["Everything was sent."]);
    amara.synchronize().unwrap();
    assert_eq!(amara.one("records.get", json!({ "entity": "beneficiaries", "id": enrolment })).unwrap()["values"]["notes"], "Evenings");
}

#[test]
fn a_vault_that_works_alone_says_so_and_joins_with_a_link() {
    let centre = Centre::serve("Ashcombe Practice").unwrap();
    let home = tempfile::tempdir().unwrap();
    let bag = Bag::alone(&home.path().join("vaults"), "Amara").unwrap();
    says(&bag, &["status"], &["works alone"]);
    refused(&bag, &["now"], "join one first");
    refused(&bag, &["join", "https://example.org"], "not a link to join a centre");
    says(&bag, &["join", &centre.invite(&centre.address, "Amara", "therapist").unwrap()], &["Ashcombe Practice (therapist)"]);
    says(&bag, &[], &["Everything was sent."]);
    says(&bag, &["pause"], &["Paused since", "`gladstone sync resume` lets it go on"]);
    refused(&bag, &["now"], "Synchronizing is paused.");
    says(&bag, &["status"], &["Paused since"]);
    assert!(!says(&bag, &["resume"], &["Everything was sent."]).contains("Paused"));
    says(&bag, &["now"], &["Everything was sent."]);
    says(&bag, &["log"], &["Synchronizing was paused.", "Synchronizing goes on."]);
}
