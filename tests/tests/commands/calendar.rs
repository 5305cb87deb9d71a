//! The calendar: booking, moving, cancelling, and double bookings that are told and kept.

use gladstone_desk::Code;
use serde_json::{Value as Json, json};

use crate::bag::{Bag, NOBODY, list, names_a_field, text};

const MONDAY: &str = "2026-11-23";
const ZONE: &str = "Europe/London";

/// An appointment at a time of 25 November 2026, in Greenwich time.
fn book(bag: &Bag, person: &str, from: &str, to: &str, more: Json) -> Json {
    let mut request = json!({ "kind": "person", "person_id": person, "title": "Follow-up", "start": format!("2026-11-25T{from}:00Z"), "end": format!("2026-11-25T{to}:00Z"), "zone": ZONE });
    for (name, value) in more.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    bag.run("calendar.book", request)
}

fn week(bag: &Bag, monday: &str) -> Vec<Json> {
    list(&bag.run("calendar.week", json!({ "monday": monday, "zone": ZONE }))["appointments"]).clone()
}

#[test]
fn an_appointment_is_booked_moved_attended_and_cancelled() {
    let bag = Bag::empty();
    let person = bag.register("Leila Haddad");
    let made = book(&bag, &person, "09:00", "10:00", json!({ "place": " Room 3 ", "note": "Brings the letter." }));
    assert_eq!((&made["person"], &made["trainer"], &made["place"], &made["note"], &made["kind"], &made["status"], &made["zone"]), (&json!("Leila Haddad"), &json!("Amara Okafor"), &json!("Room 3"), &json!("Brings the letter."), &json!("person"), &json!("scheduled"), &json!(ZONE)));
    assert!(bag.changed().contains("beneficiaries"), "whoever has an appointment is enrolled");
    let id = text(&made["id"]);
    book(&bag, &person, "13:00", "14:00", json!({}));
    let enrolments = bag.run("records.list", json!({ "entity": "beneficiaries" }));
    assert_eq!(enrolments["total"], 1, "a person is enrolled once");
    assert_eq!(enrolments["records"][0]["values"]["trainer_id"], made["trainer_id"]);
    assert_eq!(week(&bag, MONDAY).len(), 2);
    assert_eq!(list(&bag.run("people.profile", json!({ "id": person }))["timeline"]).iter().filter(|entry| entry["kind"] == "appointment").count(), 2, "the person's page shows them");

    let moved = bag.run("calendar.move", json!({ "id": id, "start": "2026-12-02T09:30:00Z", "end": "2026-12-02T10:30:00Z", "zone": "Europe/Madrid" }));
    assert_eq!((&moved["start"], &moved["zone"]), (&json!("2026-12-02T09:30:00.000000Z"), &json!("Europe/Madrid")));
    assert_eq!((week(&bag, MONDAY).len(), week(&bag, "2026-11-30").len()), (1, 1));
    assert_eq!(bag.run("calendar.mark", json!({ "id": id, "to": "attended" }))["status"], "completed");
    assert_eq!(bag.run("calendar.mark", json!({ "id": id, "to": "planned" }))["status"], "scheduled");

    bag.run("calendar.cancel", json!({ "id": id, "reason": "The road is closed." }));
    assert_eq!(week(&bag, "2026-11-30")[0]["status"], "cancelled", "it stays visible");
    let history = bag.run("records.history", json!({ "entity": "appointments", "id": id }));
    assert_eq!((&history[0]["command"], &history[0]["reason"]), (&json!("calendar.cancel"), &json!("The road is closed.")));
    assert_eq!(bag.refused("calendar.cancel", json!({ "id": id, "reason": "Again" })).code, Code::Conflict);
    assert_eq!(bag.refused("calendar.move", json!({ "id": id, "start": "2026-12-03T09:30:00Z", "end": "2026-12-03T10:30:00Z", "zone": ZONE })).code, Code::Conflict);
    bag.run("calendar.mark", json!({ "id": id, "to": "planned" }));
    bag.run("calendar.move", json!({ "id": id, "start": "2026-12-03T09:30:00Z", "end": "2026-12-03T10:30:00Z", "zone": ZONE }));
}

#[test]
fn a_double_booking_is_told_on_both_and_a_free_time_is_proposed() {
    let bag = Bag::empty();
    let (leila, kofi) = (bag.register("Leila Haddad"), bag.register("Kofi Mensah"));
    let first = book(&bag, &leila, "10:00", "11:00", json!({ "place": "Room 3" }));
    let wanted = |from: &str, to: &str, more: Json| {
        let mut request = json!({ "start": format!("2026-11-25T{from}:00Z"), "end": format!("2026-11-25T{to}:00Z"), "zone": ZONE, "person_id": kofi });
        for (name, value) in more.as_object().into_iter().flatten() {
            request[name] = value.clone();
        }
        bag.run("calendar.overlaps", request)
    };
    let found = wanted("10:30", "11:30", json!({}));
    assert_eq!((&found["overlaps"][0]["id"], &found["overlaps"][0]["name"], &found["overlaps"][0]["because"]), (&first["id"], &json!("Leila Haddad"), &json!(["trainer"])));
    assert_eq!(wanted("10:30", "11:30", json!({ "place": "room 3" }))["overlaps"][0]["because"], json!(["trainer", "place"]));
    assert_eq!(wanted("10:30", "11:30", json!({ "person_id": leila }))["overlaps"][0]["because"], json!(["trainer", "person"]));
    assert_eq!(wanted("10:30", "11:30", json!({ "trainer_id": NOBODY }))["overlaps"], json!([]), "another member of staff, another person, no room");
    assert_eq!(wanted("10:30", "11:30", json!({ "except": first["id"] }))["overlaps"], json!([]), "what is moved does not stand in its own way");
    assert_eq!(wanted("11:00", "12:00", json!({}))["overlaps"], json!([]), "back to back is no overlap");
    let second = book(&bag, &kofi, "10:30", "11:30", json!({}));
    assert_eq!(second["overlaps"][0]["id"], first["id"], "both are kept");
    let all = week(&bag, MONDAY);
    assert_eq!(all.iter().map(|one| list(&one["overlaps"]).len()).collect::<Vec<_>>(), [1, 1]);
    bag.run("calendar.cancel", json!({ "id": second["id"], "reason": "Moved to another day" }));
    assert_eq!(week(&bag, MONDAY)[0]["overlaps"], json!([]), "what is cancelled takes no time");
    for slot in list(&found["free"]) {
        let (start, end) = (text(&slot["start"]), text(&slot["end"]));
        let asked = bag.run("calendar.overlaps", json!({ "start": start, "end": end, "zone": ZONE, "person_id": kofi }));
        assert_eq!(asked["overlaps"], json!([]), "{slot} is free");
    }
}

#[test]
fn a_week_is_that_of_the_clock_on_the_wall() {
    let bag = Bag::empty();
    let own = |title: &str, start: &str, end: &str| bag.run("calendar.book", json!({ "kind": "own", "title": title, "start": start, "end": end, "zone": "Pacific/Auckland" }));
    own("Sunday evening in Auckland", "2026-11-29T10:30:00Z", "2026-11-29T10:45:00Z");
    own("Monday morning in Auckland", "2026-11-29T11:00:00Z", "2026-11-29T12:00:00Z");
    own("Over midnight", "2026-11-29T10:50:00Z", "2026-11-29T11:10:00Z");
    let titles = |monday: &str, zone: &str| -> Vec<String> { list(&bag.run("calendar.week", json!({ "monday": monday, "zone": zone }))["appointments"]).iter().map(|one| text(&one["title"])).collect() };
    assert_eq!(titles("2026-11-23", "Pacific/Auckland"), ["Sunday evening in Auckland", "Over midnight"]);
    assert_eq!(titles("2026-11-30", "Pacific/Auckland"), ["Over midnight", "Monday morning in Auckland"]);
    assert_eq!(titles("2026-11-23", "UTC").len(), 3);
    // In this week the clocks of London go back, so that it is an hour longer.
    own("The longer Sunday", "2026-10-25T23:30:00Z", "2026-10-25T23:45:00Z");
    assert_eq!(titles("2026-10-19", ZONE), ["The longer Sunday"]);
}

#[test]
fn a_calendar_can_be_that_of_one_member_of_staff() {
    let bag = Bag::empty();
    let person = bag.register("Leila Haddad");
    let colleague = text(&bag.run("people.register", json!({ "name": "Birgit Lindqvist", "role": "staff" }))["id"]);
    book(&bag, &person, "09:00", "10:00", json!({}));
    let other = book(&bag, &person, "09:30", "10:30", json!({ "trainer_id": colleague }));
    let asked = bag.run("calendar.week", json!({ "monday": MONDAY, "zone": ZONE, "trainer": colleague }));
    assert_eq!(list(&asked["appointments"]).iter().map(|one| &one["id"]).collect::<Vec<_>>(), [&other["id"]]);
    assert_eq!(asked["appointments"][0]["overlaps"][0]["because"], json!(["person"]), "what overlaps is told although it is not shown");
    let staff: Vec<(String, bool)> = list(&asked["staff"]).iter().map(|one| (text(&one["name"]), one["you"] == true)).collect();
    assert_eq!(staff, [("Amara Okafor".to_owned(), true), ("Birgit Lindqvist".to_owned(), false)]);
}

#[test]
fn what_is_no_appointment_is_refused_with_its_field() {
    let bag = Bag::empty();
    let person = bag.register("Leila Haddad");
    let good = json!({ "kind": "person", "person_id": person, "title": "Follow-up", "start": "2026-11-25T09:00:00Z", "end": "2026-11-25T10:00:00Z", "zone": ZONE });
    for (field, value) in [("start", json!("soon")), ("end", json!("2026-11-25T09:00:00Z")), ("end", json!("2028-11-25T09:00:00Z")), ("zone", json!("Nowhere/Land")), ("person_id", Json::Null), ("title", json!("")), ("title", json!("x".repeat(201))), ("place", json!("x".repeat(201)))] {
        let mut request = good.clone();
        request[field] = value.clone();
        let error = bag.refused("calendar.book", request);
        assert!(names_a_field(&error), "{field} {value}: {error:?}");
        assert_eq!(error.field.as_deref(), Some(field), "{value}: {error:?}");
    }
    let mut unknown = good.clone();
    unknown["person_id"] = json!(NOBODY);
    assert_eq!(bag.refused("calendar.book", unknown).code, Code::NotFound);
    assert_eq!(bag.refused("calendar.week", json!({ "monday": "2026-11-24", "zone": ZONE })).field.as_deref(), Some("monday"));
    let id = text(&bag.run("calendar.book", good)["id"]);
    assert_eq!(bag.refused("calendar.cancel", json!({ "id": id, "reason": "  " })).field.as_deref(), Some("reason"));
    assert_eq!(bag.refused("calendar.move", json!({ "id": NOBODY, "start": "2026-11-25T09:00:00Z", "end": "2026-11-25T10:00:00Z", "zone": ZONE })).code, Code::NotFound);
    assert_eq!(week(&bag, MONDAY).len(), 1, "what was refused is not there");
}
