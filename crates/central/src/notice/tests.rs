//! Rows of an entity that only a test declares take up time as its declaration says: no code names it.

use gladstone_model::{Catalogue, Instant};
use gladstone_protocol::GroupMids;
use gladstone_testkit::declared::{catalogue, row};
use serde_json::json;

use super::*;

const ROOM: Uuid = Uuid::from_u128(10);
const OWNER: Uuid = Uuid::from_u128(11);

/// Bookings of a room by somebody, and keys that take no time.
fn declared() -> &'static Catalogue {
    let fields = json!([{ "name": "id", "type": "uuid" }, { "name": "room_id", "type": "uuid" }, { "name": "owner_id", "type": "uuid", "references": "users" },
        { "name": "until", "type": "instant", "group": "time" }, { "name": "since", "type": "instant", "group": "time" }, { "name": "state", "type": "text", "choices": ["firm", "idea", "off"] }, { "name": "words", "type": "text" }]);
    let bookings = json!({ "name": "bookings", "unit": ["platform"], "field": fields, "indexes": [["room_id"]],
        "overlap": { "from": "since", "to": "until", "of": ["room_id", "owner_id"], "when": "state in firm" } });
    catalogue(&[bookings, json!({ "name": "keys", "unit": ["platform"], "field": fields })])
}

fn booking(entity: &str, changes: &[(&str, Value)]) -> RowState {
    let mut values = vec![("id", Uuid::from_u128(1).into()), ("room_id", ROOM.into()), ("owner_id", OWNER.into()), ("since", Instant(100).into()), ("until", Instant(200).into()), ("state", "firm".into())];
    values.extend(changes.iter().cloned());
    row(declared(), entity, Unit::PLATFORM, &values)
}

#[test]
fn others_at_the_same_time_are_looked_for_where_a_declared_time_was_touched() {
    let marked = || RowState { error: Some((Uuid::from_u128(2), "Mistaken.".into())), ..booking("bookings", &[]) };
    let table: [(&str, Option<RowState>, RowState, &[Uuid]); 12] = [
        ("a new one", None, booking("bookings", &[]), &[ROOM, OWNER]),
        ("a new one of nobody", None, booking("bookings", &[("owner_id", Value::Null)]), &[ROOM]),
        ("a new one without an end", None, booking("bookings", &[("until", Value::Null)]), &[]),
        ("an idea", None, booking("bookings", &[("state", "idea".into())]), &[]),
        ("one that was an error", None, marked(), &[]),
        ("one of another entity", None, booking("keys", &[]), &[]),
        ("words", Some(booking("bookings", &[])), booking("bookings", &[("words", "x".into())]), &[]),
        ("another end", Some(booking("bookings", &[])), booking("bookings", &[("until", Instant(300).into())]), &[ROOM, OWNER]),
        ("another owner", Some(booking("bookings", &[("owner_id", ROOM.into())])), booking("bookings", &[]), &[ROOM, OWNER]),
        ("an idea that is firm now", Some(booking("bookings", &[("state", "idea".into())])), booking("bookings", &[]), &[ROOM, OWNER]),
        ("one that is off now", Some(booking("bookings", &[])), booking("bookings", &[("state", "off".into())]), &[]),
        ("one that was an error and stands again", Some(marked()), booking("bookings", &[]), &[ROOM, OWNER]),
    ];
    for (what, before, after, expected) in table {
        let asks = meetings(before.as_ref(), &after);
        assert_eq!(asks.iter().filter_map(|ask| ask.having.value.as_uuid()).collect::<Vec<_>>(), expected, "{what}");
        assert!(asks.iter().all(|ask| ask.span.0 == Instant(100)), "{what}");
    }
}

#[test]
fn what_is_shown_of_two_at_one_time_are_their_declared_fields() {
    let (one, other) = (booking("bookings", &[]), booking("bookings", &[("id", Uuid::from_u128(3).into()), ("since", Instant(150).into())]));
    let asks = meetings(None, &one);
    let by = Writer { mutation: Uuid::from_u128(9), device: Uuid::from_u128(8), actor: OWNER, hlc: 1, wall: Instant(1) };
    let notice = overlap(&asks[0], &one, &other, by, None);
    assert!(asks[0].meets(&other) && takes_time(&other));
    assert_eq!(notice.incoming.keys().collect::<Vec<_>>(), ["room_id", "since", "until"]);
    assert_eq!(notice.about, Uuid::from_u128(3));
}

#[test]
fn who_wrote_a_time_is_who_wrote_its_merge_group() {
    let mut state = booking("bookings", &[]);
    assert_eq!(time_by(&state), state.row_mid);
    // The group has the number of its first field, `until`.
    state.group_mids = GroupMids::default();
    state.group_mids.set(4, Uuid::from_u128(7));
    assert_eq!(time_by(&state), Uuid::from_u128(7));
}
