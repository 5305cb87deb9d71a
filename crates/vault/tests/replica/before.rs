//! What can be written between joining and the first synchronization, when the record of the person who
//! works here is not there yet.

use gladstone_model::Value;
use gladstone_testkit::Laptop;
use gladstone_vault::VaultError;
use serde_json::json;
use uuid::Uuid;

use crate::realm::{Realm, agrees};

/// Keeps these preferences of whoever works here, as the settings do.
fn prefer(laptop: &Laptop, theme: &str) -> Result<Uuid, VaultError> {
    let actor = laptop.vault.state().actor;
    let values = [("user_id", actor.into()), ("preferences", Value::json(&json!({ "theme": theme })))];
    Ok(laptop.vault.commit("settings.set", |tx| tx.create("user_preferences", values))?.0)
}

#[test]
fn what_names_the_person_who_works_here_is_kept_before_their_record_came_and_goes_up_with_the_first_round() {
    let realm = Realm::new(41);
    let leila = Laptop::new(42, Uuid::nil());
    realm.join(&leila, "Leila", "trainer", None);
    let me = leila.vault.state().actor;
    assert_eq!(leila.stored("users", me), None, "their own record is not here");
    let preferences = prefer(&leila, "dark").unwrap();
    let person = leila.register("Kofi Mensah").unwrap();
    let enrolment = leila.vault.commit("enrol", |tx| tx.create("beneficiaries", [("user_id", person.into()), ("trainer_id", me.into())])).unwrap().0;
    realm.sync(&leila);
    assert!(leila.stored("users", me).is_some());
    assert_eq!(leila.vault.waiting().unwrap(), gladstone_vault::replica::Waiting::default(), "nothing waits and nothing was put aside");
    for (entity, id) in [("user_preferences", preferences), ("beneficiaries", enrolment)] {
        assert!(leila.stored(entity, id).is_some(), "{entity}");
    }
    agrees(&realm, &leila);
}

#[test]
fn settings_kept_before_the_first_round_on_a_second_laptop_end_alike_on_both() {
    let realm = Realm::new(43);
    let first = Laptop::new(44, Uuid::nil());
    realm.join(&first, "Leila", "trainer", None);
    realm.sync(&first);
    let preferences = prefer(&first, "light").unwrap();
    realm.sync(&first);
    let second = Laptop::new(45, first.vault.state().actor);
    realm.join(&second, "Leila", "trainer", Some(first.vault.state().actor));
    second.clock.pass(60);
    assert_eq!(prefer(&second, "dark").unwrap(), preferences, "the same preferences");
    realm.sync(&second);
    realm.sync(&first);
    realm.sync(&second);
    assert_eq!(first.field("user_preferences", preferences, "preferences"), second.field("user_preferences", preferences, "preferences"));
    assert_eq!(first.field("user_preferences", preferences, "preferences"), Some(Value::json(&json!({ "theme": "dark" }))), "what was chosen last counts");
    agrees(&realm, &first);
    agrees(&realm, &second);
}

#[test]
fn what_names_somebody_else_who_is_not_here_or_lies_where_their_record_lies_is_refused() {
    let realm = Realm::new(46);
    let leila = Laptop::new(47, Uuid::nil());
    realm.join(&leila, "Leila", "trainer", None);
    let me = leila.vault.state().actor;
    let refused = |entity: &'static str, field: &'static str, id: Uuid| leila.vault.commit("try", |tx| tx.create(entity, [(field, id.into())])).unwrap_err().to_string();
    assert!(refused("user_preferences", "user_id", Uuid::from_u128(7)).contains("no person with this id"));
    assert!(refused("beneficiaries", "organization_id", me).contains("with this id"), "the person is no organization");
    assert!(refused("user_profiles", "user_id", me).contains("is not on this computer"), "where it belongs is not known yet");
}
