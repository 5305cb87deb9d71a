//! What a computer does when time runs out, when it is a copy, and when its right has ended: against
//! the real centre, with a clock that is moved.

use std::time::Duration;

use gladstone_desk::Code;
use serde_json::{Value as Json, json};

use crate::{
    bag::{Bag, PASSPHRASE, list, text},
    sync::{Centre, in_step, status, until},
};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

fn lease(bag: &Bag) -> Json {
    bag.run("lease.status", json!({}))
}

/// A bag in step, with a person who had a questionnaire and an appointment; its centre is gone then.
fn away(centre: &mut Centre) -> (Bag, String, String) {
    let bag = centre.joined("admin");
    let person = bag.register("Hannah Weiss");
    bag.run("people.update", json!({ "id": person, "person": { "name": "Hannah Weiss", "phone": "+49 30 1234", "born": "1979-03-12" } }));
    let response = text(&bag.phq9(&person, &[1, 1, 1, 1, 1, 1, 1, 1, 0])["id"]);
    in_step(&bag);
    centre.stop();
    (bag, person, response)
}

#[test]
fn when_the_lease_is_over_new_records_are_written_and_earlier_ones_stay_closed() {
    let mut centre = Centre::new();
    let (bag, person, response) = away(&mut centre);
    assert_eq!((&lease(&bag)["state"], lease(&bag)["days_left"].as_u64()), (&json!("running"), Some(7)));
    assert_eq!(bag.refused("lease.break_glass", json!({ "person": person, "reason": "x", "passphrase": PASSPHRASE })).code, Code::Conflict, "there is no need");
    bag.clock.pass(6 * DAY);
    assert_eq!((&lease(&bag)["state"], lease(&bag)["days_left"].as_u64()), (&json!("running"), Some(1)));
    bag.run("people.profile", json!({ "id": person }));
    bag.clock.pass(2 * DAY);
    assert_eq!((&lease(&bag)["state"], lease(&bag)["days_left"].as_u64()), (&json!("over"), Some(0)));
    assert_eq!(bag.run("app.status", json!({}))["open"]["lease"]["state"], "over");

    for (name, request) in [
        ("people.profile", json!({ "id": person })), ("responses.result", json!({ "id": response })), ("responses.trend", json!({ "person_id": person, "code": "phq9" })), ("today.get", json!({})),
        ("records.list", json!({ "entity": "users" })), ("records.get", json!({ "entity": "users", "id": person })), ("records.history", json!({ "entity": "users", "id": person })), ("search.find", json!({ "text": "Hannah" })),
        ("records.references", json!({ "entity": "users", "text": "Han" })), ("team.of", json!({ "person": person })), ("review.list", json!({})), ("sync.departed", json!({})), ("sync.export", json!({ "dseq": 1 })),
    ] {
        let error = bag.refused(name, request);
        assert!(error.code == Code::LeaseOver && error.message.contains("synchronize"), "{name}: {error:?}");
    }
    let found = bag.run("people.find", json!({ "text": "Hannah" }));
    assert_eq!((&found["people"][0]["name"], &found["people"][0]["born"], &found["people"][0]["phone"]), (&json!("Hannah Weiss"), &json!("1979-03-12"), &Json::Null), "found, to go on with, and no more");

    let other = bag.register("Kofi Mensah");
    assert_eq!(bag.run("people.profile", json!({ "id": other }))["person"]["name"], "Kofi Mensah", "what is new may be read");
    let result = bag.phq9(&person, &[2, 2, 2, 2, 2, 2, 2, 2, 1]);
    assert_eq!((&result["previous"], &result["trend"], result["scales"][0]["score"].as_i64()), (&Json::Null, &Json::Null, Some(17)), "earlier responses are not part of it");
    let alerts = bag.open_alerts();
    assert_eq!(alerts.len(), 1, "who may be at risk now is told");
    bag.run("alerts.act", json!({ "id": alerts[0]["id"], "action": "stayed_with_person", "note": "Talked, safe at home" }));
    let booked = bag.run("calendar.book", json!({ "kind": "person", "person_id": person, "title": "Visit", "start": "2031-03-03T09:00:00Z", "end": "2031-03-03T10:00:00Z", "zone": "Europe/Berlin" }));
    assert_eq!(booked["person"], "Hannah Weiss");
    assert!(bag.run("records.list", json!({ "entity": "crisis_resources" }))["records"].is_array(), "reference data is about nobody");

    centre.go_on();
    bag.run("sync.now", json!({ "wait": true }));
    assert_eq!(lease(&bag)["state"], "running", "contact begins it anew");
    bag.run("people.profile", json!({ "id": person }));
}

#[test]
fn the_glass_is_broken_for_one_person_for_four_hours_with_reason_and_passphrase() {
    let mut centre = Centre::new();
    let (bag, person, response) = away(&mut centre);
    let other = bag.register("Kofi Mensah");
    bag.clock.pass(8 * DAY);
    let attempt = |reason: &str, passphrase: &str| bag.refused("lease.break_glass", json!({ "person": person, "reason": reason, "passphrase": passphrase }));
    assert_eq!(attempt(" ", PASSPHRASE).field.as_deref(), Some("reason"));
    assert_eq!((attempt("Ill at home", "not the passphrase").code, attempt("Ill at home", "").field.as_deref()), (Code::WrongSecret, Some("passphrase")));
    assert_eq!(bag.refused("people.profile", json!({ "id": person })).code, Code::LeaseOver);
    let broken = bag.run("lease.break_glass", json!({ "person": person, "reason": "Ill at home", "passphrase": PASSPHRASE }));
    assert_eq!((&broken["glass"]["person"], &broken["glass"]["reason"], &broken["state"]), (&json!("Hannah Weiss"), &json!("Ill at home"), &json!("over")));
    assert_eq!(bag.run("people.profile", json!({ "id": person }))["person"]["phone"], "+49 30 1234");
    assert!(bag.run("responses.result", json!({ "id": response }))["trend"].is_object());
    bag.run("records.get", json!({ "entity": "users", "id": person }));
    assert_eq!(bag.refused("people.profile", json!({ "id": other })).code, Code::LeaseOver, "for one person");
    bag.run("vault.lock", json!({}));
    bag.unlock(PASSPHRASE);
    bag.run("people.profile", json!({ "id": person }));
    bag.run("lease.break_glass", json!({ "person": other, "reason": "Called in pain", "passphrase": PASSPHRASE }));
    assert_eq!(bag.refused("people.profile", json!({ "id": person })).code, Code::LeaseOver, "one at a time");
    bag.clock.pass(5 * HOUR);
    assert_eq!(bag.refused("people.profile", json!({ "id": other })).code, Code::LeaseOver, "for four hours");
    assert_eq!(lease(&bag)["glass"], Json::Null);
    bag.run("vault.verify", json!({}));
}

#[test]
fn setting_the_clock_back_does_not_lengthen_the_lease() {
    let mut centre = Centre::new();
    let (bag, person, _) = away(&mut centre);
    for _ in 0..3 {
        bag.clock.pass(3 * DAY);
        let _ = bag.desk.run("people.profile", json!({ "id": person }));
        bag.run("vault.lock", json!({}));
        bag.clock.pass(-3 * DAY);
        bag.unlock(PASSPHRASE);
        let _ = bag.desk.run("people.profile", json!({ "id": person }));
    }
    assert_eq!(lease(&bag)["state"], "over", "nine days went by, whatever the clock shows");
    bag.clock.pass(-400 * DAY);
    assert_eq!(lease(&bag)["state"], "over");
    assert_eq!(bag.refused("people.profile", json!({ "id": person })).code, Code::LeaseOver);
}

#[test]
fn thirty_days_over_the_vault_is_locked_until_contact_or_the_recovery_code() {
    let mut centre = Centre::new();
    let (mut bag, person, _) = away(&mut centre);
    bag.clock.pass(38 * DAY);
    assert_eq!(lease(&bag)["state"], "locked");
    for (name, request) in [("people.profile", json!({ "id": person })), ("people.register", json!({ "name": "Kofi Mensah" })), ("people.find", json!({ "text": "" })), ("lease.break_glass", json!({ "person": person, "reason": "x", "passphrase": PASSPHRASE }))] {
        assert_eq!(bag.refused(name, request).code, Code::LeaseLocked, "{name}");
    }
    assert!(bag.run("vault.verify", json!({}))["entries"].as_u64() > Some(0), "nothing was deleted");
    bag.run("vault.lock", json!({}));
    let opened = bag.run("vault.unlock_with_recovery", json!({ "vault_id": bag.vault, "code": bag.code, "new_passphrase": PASSPHRASE }));
    bag.code = text(&opened["recovery_code"]);
    bag.run("vault.confirm_recovery", json!({ "code": bag.code }));
    assert_eq!(lease(&bag)["state"], "over", "as it was before it was locked");
    bag.register("Kofi Mensah");
    bag.clock.pass(31 * DAY);
    assert_eq!(lease(&bag)["state"], "locked");
    centre.go_on();
    bag.run("sync.now", json!({ "wait": true }));
    assert_eq!(lease(&bag)["state"], "running");
    bag.run("people.profile", json!({ "id": person }));
}

#[test]
fn a_vault_that_works_alone_has_no_lease() {
    let bag = Bag::empty();
    let person = bag.register("Hannah Weiss");
    bag.clock.pass(4_000 * DAY);
    assert_eq!(lease(&bag)["state"], "none");
    bag.run("people.profile", json!({ "id": person }));
    assert_eq!(bag.refused("sync.begin_as_new", json!({ "link": "gladstone://join?url=https://centre.example&code=X" })).code, Code::Conflict);
}

#[test]
fn a_copy_goes_on_as_a_computer_of_its_own_and_nothing_is_lost_or_twice() {
    let mut centre = Centre::new();
    let bag = centre.joined("admin");
    let shared = bag.register("Hannah Weiss");
    in_step(&bag);
    let me = text(&bag.run("app.status", json!({}))["open"]["person_id"]);
    centre.stop();
    // Both write one thing that waits already when the folder is copied.
    let waiting = bag.register("Waits In Both");
    bag.run("vault.lock", json!({}));
    let copy = bag.copied();
    bag.unlock(PASSPHRASE);
    copy.unlock(PASSPHRASE);
    let (ours, theirs) = (bag.register("Of The First"), copy.register("Of The Copy"));
    centre.go_on();
    for _ in 0..2 {
        bag.run("sync.now", json!({ "wait": true }));
    }
    assert!(copy.desk.run("sync.now", json!({ "wait": true })).is_err());
    assert_eq!(status(&copy)["phase"], "copy");
    assert!(copy.run("people.profile", json!({ "id": theirs }))["person"].is_object(), "work goes on");
    assert_eq!(copy.refused("sync.begin_as_new", json!({ "url": centre.address, "code": "0000-0000-00000" })).field.as_deref(), Some("code"), "an invitation that is none");
    assert_eq!(status(&copy)["phase"], "copy", "and it may be tried again");
    assert_eq!(bag.refused("sync.begin_as_new", json!({ "link": centre.invite_known("Amara Okafor", "admin", &me) })).code, Code::Conflict, "the first one is none");
    copy.run("sync.begin_as_new", json!({ "link": centre.invite_known("Amara Okafor", "admin", &me) }));
    in_step(&copy);
    bag.run("sync.now", json!({ "wait": true }));
    for one in [&bag, &copy] {
        in_step(one);
        for (person, name) in [(&shared, "Hannah Weiss"), (&waiting, "Waits In Both"), (&ours, "Of The First"), (&theirs, "Of The Copy")] {
            assert_eq!(one.run("people.profile", json!({ "id": person }))["person"]["name"], name);
            let found = one.run("people.find", json!({ "text": name }));
            assert_eq!(list(&found["people"]).iter().filter(|person| person["name"] == name).count(), 1, "{name} once");
        }
        assert_eq!((&status(one)["set_aside"], one.run("sync.queue", json!({}))), (&json!(0), json!([])));
        one.run("vault.verify", json!({}));
    }
}

#[test]
fn a_computer_whose_right_has_ended_hands_over_what_waits_and_can_be_erased() {
    let mut centre = Centre::new();
    let _admin = centre.joined("admin");
    let bag = centre.made_for("Samuel Adeyemi", "trainer");
    bag.register("Hannah Weiss");
    in_step(&bag);
    centre.stop();
    let later = bag.register("Kofi Mensah");
    centre.revoke("Samuel Adeyemi");
    centre.go_on();
    bag.run("sync.now", json!({}));
    let ended = until(&bag, "sync.status", json!({}), |status| status["phase"] == "revoked");
    assert_eq!((&ended["waiting"], ended["set_aside"].as_u64() > Some(0)), (&json!(0), true), "what waited is kept at the centre, without effect");
    bag.run("vault.lock", json!({}));
    bag.unlock(PASSPHRASE);
    until(&bag, "sync.status", json!({}), |status| status["phase"] == "revoked");
    let queue = bag.run("sync.queue", json!({}));
    assert!(list(&queue).iter().any(|change| list(&change["records"]).iter().any(|record| record["id"] == later.as_str())), "the change is here until the person erases it: {queue}");
    bag.clock.pass(8 * DAY);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(lease(&bag)["state"], "over", "handing over renews no lease");
    assert_eq!(bag.refused("vault.erase", json!({ "label": "something else" })).field.as_deref(), Some("label"));
    bag.run("vault.erase", json!({ "label": "Samuel Adeyemi" }));
    assert_eq!((list(&bag.run("app.status", json!({}))["vaults"]).len(), &bag.run("app.status", json!({}))["state"]), (0, &json!("first_start")));
}
