//! Who looks after a person, between two computers of one practice: whoever gave a right sees it and
//! ends it, whichever kind of right it is.

use serde_json::{Value as Json, json};

use crate::{
    bag::{Bag, list, text},
    sync::{Centre, in_step, until},
};

fn team(bag: &Bag, person: &str) -> Vec<Json> {
    list(&bag.run("team.of", json!({ "person": person }))["members"]).to_vec()
}

#[test]
fn a_right_that_was_given_is_seen_and_ended_by_whoever_gave_it() {
    let centre = Centre::new();
    let (amara, ben) = (centre.joined("trainer"), centre.made_for("Ben Castellanos", "trainer"));
    let me = |bag: &Bag| text(&bag.run("app.status", json!({}))["open"]["person_id"]);
    let (its, bens) = (me(&amara), me(&ben));
    let person = amara.register("Hannah Weiss");
    for bag in [&amara, &ben] {
        in_step(bag);
    }
    amara.run("records.create", json!({ "entity": "grants", "values": { "user_id": bens, "granted_unit": format!("person:{person}"), "role": "read", "granted_by": its, "valid_from": "2026-01-01T00:00:00Z", "valid_to": "2099-12-31T00:00:00Z" } }));
    amara.run("records.create", json!({ "entity": "beneficiaries", "values": { "user_id": person, "trainer_id": its, "enrollment_date": "2026-11-01" } }));
    in_step(&amara);
    until(&ben, "people.find", json!({ "text": "Hannah" }), |found| found.to_string().contains("Hannah Weiss"));
    for bag in [&amara, &ben] {
        until(bag, "team.of", json!({ "person": person }), |team| list(&team["members"]).len() == 2);
        let members = team(bag, &person);
        let of = |id: &str| members.iter().find(|member| member["colleague"]["id"] == id).unwrap().clone();
        assert_eq!((&of(&bens)["right"], &of(&bens)["until"]), (&json!("read"), &json!("2099-12-31")), "by a grant");
        assert_eq!((&of(&its)["right"], &of(&its)["since"]), (&Json::Null, &json!("2026-11-01")), "as trainer of a service");
    }
    // A colleague who may only read can still be entrusted with the person, and is no member twice.
    assert!(list(&amara.run("team.of", json!({ "person": person }))["colleagues"]).iter().any(|one| one["id"] == bens));
    let relation = team(&amara, &person).into_iter().find(|member| member["colleague"]["id"] == bens).unwrap()["relation"].clone();
    assert_eq!(amara.refused("team.end", json!({ "relation": relation, "reason": " " })).field.as_deref(), Some("reason"));
    amara.run("team.end", json!({ "relation": relation, "reason": "He has changed teams" }));
    in_step(&amara);
    assert_eq!(team(&amara, &person).len(), 1, "it has ended");
    until(&ben, "people.find", json!({ "text": "Hannah" }), |found| !found.to_string().contains("Hannah Weiss"));
}
