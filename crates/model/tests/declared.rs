//! What a declaration says about rights, time and files is checked when it is read: what cannot be meant is
//! refused with the entity's name and a reason.

use gladstone_model::{
    Catalogue, catalogue,
    claim::{Claimant, ClaimedUnit},
    unit::UnitKind,
};
use serde_json::{Value as Json, json};

/// Reads an entity `tries` with these parts, beside people.
fn read(parts: &Json) -> Result<Catalogue, String> {
    let words = |mut entity: Json, no: u16| {
        for word in ["label", "plural", "help", "group"] {
            entity[word] = entity["name"].clone();
        }
        (entity["no"], entity["scope"], entity["policy"]) = (no.into(), "user".into(), "lww".into());
        for (at, field) in entity["field"].as_array_mut().unwrap().iter_mut().enumerate() {
            (field["no"], field["label"]) = ((at + 1).into(), field["name"].clone());
        }
        entity
    };
    let people = json!({ "name": "users", "unit": ["person:id"], "field": [{ "name": "id", "type": "uuid" }] });
    let mut tries = json!({ "name": "tries", "unit": ["person:about_id"], "field": [
        { "name": "id", "type": "uuid" },
        { "name": "about_id", "type": "uuid", "references": "users" },
        { "name": "helper_id", "type": "uuid", "references": "users" },
        { "name": "other_id", "type": "uuid" },
        { "name": "state", "type": "text(20)", "choices": ["on", "off"] },
        { "name": "begins", "type": "instant", "group": "time" },
        { "name": "ends", "type": "instant", "group": "time" },
        { "name": "closes", "type": "instant" },
        { "name": "named", "type": "text(80)" },
        { "name": "is_on", "type": "boolean" },
        { "name": "size", "type": "bigint" },
    ] });
    for (name, part) in parts.as_object().unwrap() {
        tries[name] = part.clone();
    }
    Catalogue::of(&Json::Array(vec![words(people, 1), words(tries, 2)]).to_string())
}

fn check(cases: &[(Json, &str)]) {
    for (parts, expected) in cases {
        let why = read(parts).err().unwrap_or_default();
        assert!(why.contains(expected) && why.is_empty() == expected.is_empty(), "{parts}: {why:?}, expected {expected:?}");
        assert!(expected.is_empty() || why.contains("tries"), "{why}: it says which entity");
    }
}

#[test]
fn a_claim_that_cannot_be_meant_is_refused() {
    let claim = |claim: Json| json!({ "claim": [claim] });
    check(&[
        (claim(json!({ "who": "helper_id", "unit": "person:about_id", "when": "state in on", "from": "begins", "to": "ends", "read_only": "named present" })), ""),
        (claim(json!({ "who": "maker", "unit": "person:about_id" })), ""),
        (claim(json!({ "who": "helper_id", "unit": "any:named" })), ""),
        (claim(json!({ "who": "nobody_id", "unit": "person:about_id" })), "no field nobody_id"),
        (claim(json!({ "who": "named", "unit": "person:about_id" })), "named has to be an id, and is a text"),
        (claim(json!({ "who": "other_id", "unit": "person:about_id" })), "tries.other_id does not name a person"),
        (claim(json!({ "who": "helper_id", "unit": "about_id" })), "unknown unit about_id"),
        (claim(json!({ "who": "helper_id", "unit": "family:about_id" })), "unknown unit family:about_id"),
        (claim(json!({ "who": "helper_id", "unit": "person:named" })), "named has to be an id"),
        (claim(json!({ "who": "helper_id", "unit": "any:about_id" })), "about_id has to be a text"),
        (claim(json!({ "who": "helper_id", "unit": "account:about_id" })), "the first `unit` of the entity has to be account:about_id"),
        (claim(json!({ "who": "maker", "unit": "org:other_id" })), "rows never lie in org:other_id"),
        (claim(json!({ "who": "maker", "unit": "any:named" })), "no right to any unit"),
        (claim(json!({ "who": "helper_id", "unit": "person:about_id", "when": "state in gone" })), "gone is no choice of state"),
        (claim(json!({ "who": "helper_id", "unit": "person:about_id", "when": "state is on" })), "unknown condition state is on"),
        (claim(json!({ "who": "helper_id", "unit": "person:about_id", "from": "named" })), "named has to be a date with its time"),
        (claim(json!({ "who": "maker", "unit": "person:about_id", "opens": true })), "`opens` is for the claim of a person"),
        (claim(json!({ "who": "helper_id", "unit": "person:about_id", "until": "ends" })), "unknown field `until`"),
    ]);
    check(&[(json!({ "writers": "staff", "claim": [{ "who": "helper_id", "unit": "any:named" }] }), "`writers` says nothing here")]);
    check(&[(json!({ "unit": ["person:about_id if state in on", "platform"], "claim": [{ "who": "helper_id", "unit": "person:about_id" }] }), "could give this right to themselves")]);
}

#[test]
fn a_role_that_cannot_be_meant_is_refused() {
    let role = |more: Json| {
        let mut role = json!({ "who": "helper_id", "field": "state", "admins": ["on"] });
        role.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "role": role, "writers": "admins" })
    };
    check(&[
        (json!({ "role": { "who": "helper_id", "field": "state", "admins": ["on"] }, "writers": "staff" }), "could give themselves a role"),
        (role(json!({ "staff": ["off"], "active": "is_on", "by_admins": ["named"], "admission": ["is_on"], "by_centre": ["is_on"] })), ""),
        (role(json!({ "who": "other_id" })), "tries.other_id does not name a person"),
        (role(json!({ "who": "id" })), "tries.id does not name a person"),
        (role(json!({ "field": "size" })), "size has to be a text"),
        (role(json!({ "admins": [] })), "no state is an administrator's"),
        (role(json!({ "admins": ["chief"] })), "chief is no choice of state"),
        (role(json!({ "active": "named" })), "named has to be yes or no, and is a text"),
        (role(json!({ "by_admins": ["gone"] })), "no field gone"),
        (role(json!({ "by_centre": ["named"] })), "named: what no laptop writes begins as false"),
        (role(json!({ "chiefs": [] })), "unknown field `chiefs`"),
    ]);
}

#[test]
fn an_overlap_that_cannot_be_meant_is_refused() {
    let overlap = |more: Json| {
        let mut overlap = json!({ "from": "begins", "to": "ends", "of": ["helper_id"] });
        overlap.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "overlap": overlap })
    };
    check(&[
        (overlap(json!({ "when": "state in on" })), ""),
        (overlap(json!({ "from": "starts" })), "no field starts"),
        (overlap(json!({ "to": "named" })), "named has to be a date with its time, and is a text"),
        (overlap(json!({ "to": "begins" })), "begins and begins have to be two fields of one merge group"),
        (overlap(json!({ "to": "closes" })), "begins and closes have to be two fields of one merge group"),
        (overlap(json!({ "of": [] })), "`of` is empty"),
        (overlap(json!({ "of": ["named"] })), "named has to be an id"),
        (overlap(json!({ "of": ["other_id"] })), "other_id needs an index"),
        (overlap(json!({ "when": "state in gone" })), "gone is no choice of state"),
        (overlap(json!({ "room": "named" })), "unknown field `room`"),
    ]);
}

#[test]
fn a_file_that_cannot_be_meant_is_refused() {
    let file = |file: Json| json!({ "file": [file], "indexes": [["named"]] });
    check(&[
        (file(json!({ "hash": "named", "size": "size" })), ""),
        (json!({ "file": [{ "hash": "named", "size": "size" }] }), "named needs an index"),
        (file(json!({ "hash": "hash", "size": "size" })), "no field hash"),
        (file(json!({ "hash": "size", "size": "size" })), "size has to be a text, and is a whole number"),
        (file(json!({ "hash": "state", "size": "size" })), "state is too short"),
        (file(json!({ "hash": "named", "size": "named" })), "named has to be a whole number, and is a text"),
        (file(json!({ "hash": "named" })), "missing field `size`"),
        (file(json!({ "hash": "named", "size": "size", "name": "named" })), "unknown field `name`"),
    ]);
}

#[test]
fn two_entities_cannot_stand_for_the_units_of_one_kind() {
    check(&[(json!({ "unit": ["person:id"] }), "users and tries both stand for the units of one kind")]);
}

#[test]
fn people_and_organizations_stand_for_units_and_conversations_have_no_record_of_their_own() {
    let name = |kind| catalogue().home_of(kind).map(|entity| entity.name.as_str());
    assert_eq!([UnitKind::Person, UnitKind::Org, UnitKind::Thread].map(name), [Some("users"), Some("organizations"), None]);
}

/// Said here once more, so that a declaration that changes by mistake is noticed.
#[test]
fn rights_follow_from_these_rows_and_no_others() {
    let mut found = Vec::new();
    for entity in &catalogue().entities {
        let field = |at: usize| entity.fields[at].name.as_str();
        for claim in &entity.claims {
            let who = if let Claimant::Field(at) = claim.who { field(at) } else { "maker" };
            let unit = match claim.unit {
                ClaimedUnit::Of(kind, at) => format!("{kind:?} {}", field(at)),
                ClaimedUnit::Any(at) => format!("any {}", field(at)),
            };
            found.push(format!("{} {who} {unit}{}", entity.name, if claim.when.is_some() { " when" } else { "" }));
        }
        found.extend(entity.role.as_ref().map(|role| format!("{} {} role", entity.name, field(role.who))));
    }
    let expected = [
        "users maker Person id",
        "users id role",
        "organizations maker Org id",
        "organization_members user_id role",
        "beneficiaries trainer_id Person user_id when",
        "therapeutic_relationships therapist_id Person patient_id when",
        "messages sender_id Thread thread_id",
        "messages recipient_id Thread thread_id",
        "grants user_id any granted_unit",
    ];
    assert_eq!(found, expected);
}

#[test]
fn time_is_taken_and_files_are_named_by_these_and_no_others() {
    let timed: Vec<&str> = catalogue().entities.iter().filter(|entity| entity.overlap.is_some()).map(|entity| entity.name.as_str()).collect();
    let named: Vec<(&str, &str)> = catalogue().files().map(|(entity, file)| (entity.name.as_str(), entity.fields[file.hash].name.as_str())).collect();
    assert_eq!((timed, named), (vec!["appointments"], vec![("attachments", "blob_hash")]));
}
