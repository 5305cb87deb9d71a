//! A laptop that still runs an older version beside one of this version, at a centre of this version:
//! `older PROGRAM`, a `gladstone` of schema version 1. Both keep what the other one writes.

#[path = "../../tests/support/practice.rs"]
mod practice;

use std::path::PathBuf;

use practice::Practice;
use serde_json::{Value as Json, json};

fn main() {
    let program: PathBuf = std::env::args().nth(1).expect("older PROGRAM").into();
    let mut practice = Practice::new();
    practice.other = Some((program, vec!["old".into()]));
    let realm = practice.ok(&["found", "Greenfield Practice"]);
    let serving = practice.serve("0");
    practice.join(&serving, "old", "Amara Okafor", "admin");
    practice.join(&serving, "new", "Ben Adeyemi", "admin");
    practice.sync_ok("old");
    practice.sync_ok("new");

    // The one of this version books what the older one does not know.
    let me = practice.within("new", &[("app.status", json!({}))]).remove(0)["open"]["person_id"].clone();
    let appointment = |start: &str, end: &str, more: Json| {
        let mut values = json!({ "title": "Session", "organization_id": realm, "trainer_id": me, "start_time": start, "end_time": end });
        values.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "entity": "appointments", "values": values })
    };
    let series = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b";
    let made = practice.within("new", &[
        ("records.create", appointment("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z", json!({ "series_id": series, "travel_minutes": 35 }))),
        ("records.create", appointment("2026-12-02T09:00:00Z", "2026-12-02T10:00:00Z", json!({ "status": "no_show" }))),
        ("people.register", json!({ "name": "Rosa Example" })),
    ]);
    let (first, missed) = (made[0]["id"].clone(), made[1]["id"].clone());
    practice.sync_ok("new");
    practice.sync_ok("old");
    let get = |id: &Json| ("records.get", json!({ "entity": "appointments", "id": id }));
    let seen = practice.within("old", &[get(&first), get(&missed)]);
    assert_eq!((&seen[0]["values"]["title"], &seen[1]["values"]["status"]), (&json!("Session"), &json!("no_show")), "what is not known is kept beside what is");
    assert!(seen[0]["values"].get("travel_minutes").is_none(), "{}", seen[0]);
    assert_eq!(practice.names("old", "Rosa Example"), 1);

    // The older one changes the same rows, and does not touch what it does not know.
    for turn in 0..3 {
        practice.within("old", &[("records.update", json!({ "entity": "appointments", "id": first, "values": { "notes": format!("Bring the diary {turn}") } })), ("people.register", json!({ "name": format!("Newcomer {turn}") }))]);
        practice.sync_ok("old");
        practice.within("new", &[("records.update", json!({ "entity": "appointments", "id": first, "values": { "travel_minutes": 40 + turn } }))]);
        practice.sync_ok("new");
        practice.sync_ok("old");
    }
    let both = [("old", false), ("new", true)].map(|(name, newer)| (practice.within(name, &[get(&first), get(&missed), ("sync.status", json!({})), ("vault.verify", json!({}))]), newer));
    for (said, newer) in both {
        assert_eq!((&said[0]["values"]["notes"], &said[1]["values"]["status"]), (&json!("Bring the diary 2"), &json!("no_show")));
        assert_eq!((&said[2]["waiting"], &said[2]["set_aside"]), (&json!(0), &json!(0)));
        if newer {
            assert_eq!((&said[0]["values"]["travel_minutes"], &said[0]["values"]["series_id"]), (&json!(42), &json!(series)), "never emptied by the older one");
        }
    }
    assert_eq!(practice.names("new", "Newcomer"), 3);

    // The older one gets this version: what it had kept and could not show is there.
    practice.within("old", &[("people.register", json!({ "name": "Waits for the upgrade" }))]);
    practice.other = None;
    practice.sync_ok("old");
    practice.sync_ok("new");
    let said = practice.within("old", &[get(&first), get(&missed), ("sync.status", json!({})), ("vault.verify", json!({}))]);
    assert_eq!((&said[0]["values"]["travel_minutes"], &said[0]["values"]["series_id"], &said[0]["values"]["notes"]), (&json!(42), &json!(series), &json!("Bring the diary 2")));
    assert_eq!((&said[1]["values"]["status"], &said[1]["newer"], &said[2]["waiting"]), (&json!("no_show"), &json!([]), &json!(0)));
    assert_eq!(practice.names("new", "Waits for the upgrade"), 1);
    practice.ok(&["verify-audit"]);
    serving.end();
}
