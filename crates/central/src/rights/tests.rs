//! Entities that only a test declares have the rights that their declarations say: no code names them.

use std::convert::Infallible;

use gladstone_model::Catalogue;
use gladstone_testkit::declared::{catalogue, row};
use serde_json::json;

use super::*;

const OWNER: Uuid = Uuid::from_u128(10);
const HELPER: Uuid = Uuid::from_u128(11);
const SERVED: Uuid = Uuid::from_u128(12);
const CIRCLE: Uuid = Uuid::from_u128(13);
const NOW: Instant = Instant(1_000);

fn unit(kind: UnitKind, id: Uuid) -> Unit {
    Unit { kind, id }
}

/// Mentors of a person for a time, circles in which people talk, passes to anything, and posts that are roles.
fn declared() -> &'static Catalogue {
    let person = |name: &str| json!({ "name": name, "type": "uuid", "references": "users" });
    let id = json!({ "name": "id", "type": "uuid" });
    let mentors = json!({ "name": "mentors", "unit": ["person:served_id", "platform"],
        "field": [id, person("helper_id"), person("served_id"), { "name": "state", "type": "text", "choices": ["on", "watching", "off"] }, { "name": "begins", "type": "instant" }, { "name": "ends", "type": "instant" }],
        "claim": [{ "who": "helper_id", "unit": "person:served_id", "when": "state in on watching", "from": "begins", "to": "ends", "read_only": "state in watching" }] });
    let circles = json!({ "name": "circles", "unit": ["thread:circle_id"], "field": [id, person("owner_id"), person("guest_id"), { "name": "circle_id", "type": "uuid" }],
        "claim": [{ "who": "owner_id", "unit": "thread:circle_id", "opens": true }, { "who": "guest_id", "unit": "thread:circle_id" }] });
    let passes = json!({ "name": "passes", "unit": ["account:holder_id"], "field": [id, person("holder_id"), { "name": "names", "type": "text" }], "claim": [{ "who": "holder_id", "unit": "any:names" }] });
    let posts = json!({ "name": "posts", "unit": ["platform"], "writers": "admins", "field": [id, person("holder_id"), { "name": "post", "type": "text", "choices": ["chief", "clerk", "guest"] }, { "name": "filled", "type": "boolean" }],
        "role": { "who": "holder_id", "field": "post", "active": "filled", "admins": ["chief"], "staff": ["clerk"] } });
    catalogue(&[mentors, circles, passes, posts])
}

fn mentor(state: &str) -> RowState {
    let values = [("id", Uuid::from_u128(20).into()), ("helper_id", HELPER.into()), ("served_id", SERVED.into()), ("state", state.into()), ("begins", Instant(500).into()), ("ends", Instant(2_000).into())];
    row(declared(), "mentors", unit(UnitKind::Person, SERVED), &values)
}

fn pass(names: &str) -> RowState {
    row(declared(), "passes", unit(UnitKind::Account, HELPER), &[("id", Uuid::from_u128(21).into()), ("holder_id", HELPER.into()), ("names", names.into())])
}

fn circle(guest: Uuid) -> RowState {
    row(declared(), "circles", unit(UnitKind::Thread, CIRCLE), &[("id", Uuid::from_u128(22).into()), ("owner_id", OWNER.into()), ("guest_id", guest.into()), ("circle_id", CIRCLE.into())])
}

fn rights(actor: Uuid, claims: &[Claim], at: Instant) -> Rights {
    Rights::new(Uuid::from_u128(1), actor, None, None, claims, at)
}

#[test]
fn a_declared_claim_gives_its_right_for_its_time_and_while_its_condition_holds() {
    let served = unit(UnitKind::Person, SERVED);
    for (state, at, reads, writes) in [("on", NOW, true, true), ("on", Instant(499), false, false), ("on", Instant(2_000), false, false), ("watching", NOW, true, false), ("off", NOW, false, false)] {
        let rights = rights(HELPER, &claims_of(&mentor(state), OWNER), at);
        assert_eq!((rights.reads(served), rights.writes(served)), (reads, writes), "{state} at {}", at.0);
    }
    let marked = RowState { error: Some((Uuid::from_u128(2), "Mistaken.".into())), ..mentor("on") };
    assert!(claims_of(&marked, OWNER).is_empty(), "nothing follows from a row in error");
    assert_eq!(people_of(&mentor("off").row), [HELPER], "whom it concerns, whether it counts or not");
    assert!(!goes_to_its_maker(&mentor("on")), "who made it has nothing by that");
}

#[test]
fn who_made_a_row_has_the_unit_it_stands_for_also_when_it_was_an_error() {
    let made = row(declared(), "users", unit(UnitKind::Person, SERVED), &[("id", SERVED.into())]);
    let marked = RowState { error: Some((Uuid::from_u128(2), "Mistaken.".into())), ..made.clone() };
    for state in [&made, &marked] {
        assert_eq!(claims_of(state, OWNER).iter().map(|claim| (claim.actor, claim.unit)).collect::<Vec<_>>(), [(OWNER, made.unit)]);
    }
    assert_eq!(made_by(OWNER, &made, |_| Ok::<_, Infallible>(true)), Ok(Some(made.unit)), "the unit comes to be by the row, whoever had it");
    let elsewhere = RowState { unit: unit(UnitKind::Org, OWNER), ..made };
    assert!(claims_of(&elsewhere, OWNER).is_empty(), "not while the row lies elsewhere");
    assert_eq!(made_by(OWNER, &elsewhere, |_| Ok::<_, Infallible>(false)), Ok(None));
}

#[test]
fn a_unit_that_nobody_has_is_opened_by_whom_the_declaration_says() {
    let (new, known) = (|_| Ok::<_, Infallible>(false), |_| Ok::<_, Infallible>(true));
    let state = circle(HELPER);
    assert_eq!(made_by(OWNER, &state, new), Ok(Some(state.unit)));
    assert_eq!(made_by(OWNER, &state, known), Ok(None), "somebody has it already");
    assert_eq!(made_by(HELPER, &state, new), Ok(None), "who is a guest opens nothing");
    assert_eq!(made_by(HELPER, &mentor("on"), new), Ok(None), "nor does anybody by a claim that does not open");
    assert_eq!(claims_of(&state, OWNER).len(), 2);
    assert_eq!(claims_of(&circle(OWNER), OWNER).len(), 1, "whoever is named twice has one right");
}

#[test]
fn a_row_for_any_unit_is_given_by_who_may_write_the_person_and_by_administrators() {
    let (served, made) = (format!("person:{SERVED}"), HashSet::new());
    let about = About { made: &made, telling: false, maker: None, alone: false };
    let mentors = claims_of(&mentor("on"), OWNER);
    let chief = rows_of_post("chief", true);
    for (who, names, may) in [
        (rights(HELPER, &mentors, NOW), served.as_str(), true),
        (rights(HELPER, &claims_of(&mentor("watching"), OWNER), NOW), served.as_str(), false),
        (rights(OWNER, &mentors, NOW), served.as_str(), false),
        (rights(HELPER, &mentors, NOW), "platform", false),
        (rights(HELPER, &mentors, NOW), "anything", false),
        (Rights::new(Uuid::from_u128(1), OWNER, Some(&chief.row), None, &[], NOW), "platform", true),
    ] {
        assert_eq!(who.objection(None, &pass(names), &about).is_none(), may, "{} for {names}", who.actor());
    }
    assert_eq!(claims_of(&pass("platform"), OWNER)[0].unit, Unit::PLATFORM);
}

fn rows_of_post(post: &str, filled: bool) -> RowState {
    row(declared(), "posts", Unit::PLATFORM, &[("holder_id", OWNER.into()), ("post", post.into()), ("filled", Value::Boolean(filled))])
}

#[test]
fn a_declared_role_makes_administrators_and_staff_while_it_counts() {
    for (post, filled, admin, writes) in [("chief", true, true, true), ("clerk", true, false, true), ("guest", true, false, false), ("chief", false, false, false)] {
        let state = rows_of_post(post, filled);
        let rights = Rights::new(Uuid::from_u128(1), OWNER, None, Some(&state.row), &[], NOW);
        assert_eq!((rights.is_admin(), rights.writes(Unit::PLATFORM)), (admin, writes), "{post}, filled: {filled}");
        assert_eq!(people_of(&state.row), [OWNER]);
    }
}

#[test]
fn what_people_have_rights_from_is_read_from_the_declarations() {
    let named: Vec<&str> = carrying().iter().filter_map(|no| Some(gladstone_model::catalogue().by_no(*no)?.name.as_str())).collect();
    assert_eq!(named, ["users", "organizations", "organization_members", "beneficiaries", "therapeutic_relationships", "messages", "grants"]);
}
