//! Laptops against a real centre: from hand to hand, handed over, in conflict, put back, copied.

use gladstone_model::Value;
use gladstone_protocol::{Verdict, wire::UnitDigest};
use gladstone_testkit::Laptop;
use gladstone_vault::replica::Receipt;
use uuid::Uuid;

use crate::{answers::person, realm::{Realm, agrees, entrust, trainer}};

#[test]
fn a_person_registered_on_one_laptop_is_read_on_another_that_may_and_on_no_other() {
    let realm = Realm::new(1);
    let (amara, leila, omar) = (trainer(&realm, 2, "Amara"), trainer(&realm, 3, "Leila"), trainer(&realm, 4, "Omar"));
    realm.sync(&amara);
    let id = amara.register("Tomasz Wieczorek").unwrap();
    let mood = amara.mood(id, 1, 4).unwrap();
    let view = amara.view();
    realm.push(&amara);
    assert_eq!(amara.view(), view, "after the push");
    realm.sync(&amara);
    assert!(view.iter().all(|(key, row)| amara.view().get(key).is_some_and(|now| now.values == row.values)), "after the pull");
    assert!(matches!(amara.vault.receipt("users", id).unwrap(), Receipt::AtCentre { g: Some(_), at: Some(_) }));
    realm.sync(&leila);
    assert_eq!(leila.stored("users", id), None, "nobody else knows of the person");
    entrust(&amara, id, leila.vault.state().actor);
    realm.sync(&amara);
    let outcomes = realm.sync(&leila);
    assert!(outcomes.iter().any(|outcome| outcome.grants.contains(&person(id))), "the care brings the record");
    assert_eq!(leila.field("mood_entries", mood, "overall_mood"), Some(Value::Integer(4)));
    leila.set("mood_entries", mood, "overall_mood", Value::Integer(6)).unwrap();
    realm.sync(&leila);
    realm.sync(&amara);
    assert_eq!(amara.field("mood_entries", mood, "overall_mood"), Some(Value::Integer(6)), "and it goes back and forth");
    realm.sync(&omar);
    assert_eq!(omar.stored("users", id), None);
    for laptop in [&amara, &leila, &omar] {
        agrees(&realm, laptop);
    }
}

#[test]
fn what_a_vault_wrote_alone_goes_to_the_centre_and_to_a_second_laptop_of_the_same_person() {
    let (realm, alone) = (Realm::new(5), Laptop::new(6, Uuid::from_u128(0xa6)));
    let persons: Vec<Uuid> = (0..30).map(|number| alone.register(&format!("Person {number}")).unwrap()).collect();
    for (at, id) in persons.iter().enumerate() {
        alone.mood(*id, at as u64, 5).unwrap();
    }
    let view = alone.view();
    realm.join(&alone, "Amara", "trainer", None);
    realm.sync(&alone);
    assert!(view.iter().all(|(key, row)| alone.view().get(key).is_some_and(|now| now.values == row.values)), "nothing was lost on the way");
    assert_eq!(alone.vault.waiting().unwrap().count, 0);
    agrees(&realm, &alone);
    let second = Laptop::new(7, Uuid::from_u128(0xa6));
    realm.join(&second, "Amara", "trainer", Some(Uuid::from_u128(0xa6)));
    realm.sync(&second);
    agrees(&realm, &second);
    realm.sync(&alone);
    assert_eq!(second.base(), alone.base(), "two laptops of one person hold the same");
}

#[test]
fn a_change_of_one_value_on_two_laptops_is_shown_alike_and_asks_a_person() {
    let realm = Realm::new(8);
    let (amara, leila) = (trainer(&realm, 9, "Amara"), trainer(&realm, 10, "Leila"));
    realm.sync(&amara);
    let id = amara.register("Mei-Ling Chow").unwrap();
    entrust(&amara, id, leila.vault.state().actor);
    realm.sync(&amara);
    realm.sync(&leila);
    amara.set("users", id, "phone_number", "+44 1632 960001").unwrap();
    leila.set("users", id, "phone_number", "+44 1632 960002").unwrap();
    realm.sync(&amara);
    realm.sync(&leila);
    realm.sync(&amara);
    realm.sync(&leila);
    assert_eq!(amara.field("users", id, "phone_number"), leila.field("users", id, "phone_number"), "both show what the centre decided");
    agrees(&realm, &amara);
    agrees(&realm, &leila);
}

#[test]
fn a_right_that_ends_takes_the_record_away_and_one_that_begins_brings_it_back() {
    let realm = Realm::new(11);
    let (amara, leila) = (trainer(&realm, 12, "Amara"), trainer(&realm, 13, "Leila"));
    realm.sync(&amara);
    let id = amara.register("Kofi Mensah").unwrap();
    let care = entrust(&amara, id, leila.vault.state().actor);
    realm.sync(&amara);
    realm.sync(&leila);
    assert!(leila.stored("users", id).is_some());
    amara.set("therapeutic_relationships", care, "status", "paused").unwrap();
    realm.sync(&amara);
    let waiting = leila.mood(id, 3, 5).unwrap();
    let outcomes = realm.sync(&leila);
    assert!(outcomes.iter().any(|outcome| outcome.drops.iter().any(|left| left.unit == person(id))), "the record left");
    assert!(leila.stored("users", id).is_none() && leila.stored("mood_entries", waiting).is_none());
    assert_eq!(leila.vault.waiting().unwrap().quarantined, 1, "what was written too late is kept for its author");
    assert_eq!(leila.vault.departed().unwrap().len(), 1);
    agrees(&realm, &leila);
    amara.set("therapeutic_relationships", care, "status", "active").unwrap();
    realm.sync(&amara);
    realm.sync(&leila);
    assert!(leila.stored("users", id).is_some(), "and came back");
    let place = leila.vault.queue(5).unwrap()[0].dseq;
    leila.vault.resend(place).unwrap();
    realm.sync(&leila);
    assert!(leila.stored("mood_entries", waiting).is_some(), "what was written too late can be sent again now");
    assert_eq!(leila.vault.waiting().unwrap(), gladstone_vault::replica::Waiting::default());
    realm.sync(&amara);
    agrees(&realm, &leila);
    agrees(&realm, &amara);
}

#[test]
fn lost_answers_change_nothing_but_the_time_it_takes() {
    let realm = Realm::new(14);
    let amara = trainer(&realm, 15, "Amara");
    let id = amara.register("Samir Banerjee").unwrap();
    amara.set("users", id, "job_title", "Baker").unwrap();
    realm.ask_push(&amara).unwrap();
    let amara = amara.reopened();
    realm.ask_push(&amara).unwrap();
    let answer = realm.ask_push(&amara).unwrap();
    assert!(answer.verdicts.iter().all(|judged| matches!(judged.verdict, Verdict::Duplicate { .. })), "it came before");
    realm.ask_pull(&amara).unwrap();
    realm.sync(&amara);
    assert_eq!(amara.field("users", id, "job_title"), Some("Baker".into()));
    assert_eq!(amara.vault.waiting().unwrap().count, 0);
    agrees(&realm, &amara);
}

#[test]
fn a_digest_that_was_made_wrong_here_heals_with_everything_in_place() {
    let realm = Realm::new(16);
    let amara = trainer(&realm, 17, "Amara");
    let id = amara.register("Ioana Dumitrescu").unwrap();
    amara.mood(id, 1, 4).unwrap();
    realm.sync(&amara);
    amara.set("users", id, "job_title", "Baker").unwrap();
    let asked = amara.vault.pull_request().unwrap();
    let mut answer = realm.ask_pull(&amara).unwrap();
    assert!(answer.sum.is_some() && answer.digests.is_empty(), "the centre tells one sum");
    answer.sum = Some(Default::default());
    let outcome = amara.vault.take_pull(&asked, answer).unwrap();
    assert!(outcome.mismatches.is_empty() && outcome.more, "which unit differs is asked next");
    let asked = amara.vault.pull_request().unwrap();
    let mut answer = realm.ask_pull(&amara).unwrap();
    let digests: Vec<UnitDigest> = answer.digests.iter().map(|told| UnitDigest { unit: told.unit, digest: Default::default() }).collect();
    assert!(!digests.is_empty(), "and the centre tells it");
    (answer.digests, answer.sum) = (digests, Some(Default::default()));
    let outcome = amara.vault.take_pull(&asked, answer).unwrap();
    assert!(!outcome.mismatches.is_empty() && outcome.more);
    assert_eq!(amara.field("users", id, "job_title"), Some("Baker".into()));
    let outcomes = realm.sync(&amara);
    assert!(outcomes.iter().all(|outcome| outcome.mismatches.is_empty()));
    assert_eq!(amara.field("users", id, "job_title"), Some("Baker".into()));
    agrees(&realm, &amara);
}

#[test]
fn a_centre_put_back_to_an_earlier_state_gets_everything_again_from_the_laptops() {
    let realm = Realm::new(18);
    let (amara, leila) = (trainer(&realm, 19, "Amara"), trainer(&realm, 20, "Leila"));
    realm.sync(&amara);
    let id = amara.register("Tomasz Wieczorek").unwrap();
    entrust(&amara, id, leila.vault.state().actor);
    realm.sync(&amara);
    realm.sync(&leila);
    let store = realm.image();
    amara.set("users", id, "job_title", "Baker").unwrap();
    let mood = leila.mood(id, 1, 7).unwrap();
    realm.sync(&amara);
    realm.sync(&leila);
    let later = amara.register("Registered after the backup").unwrap();
    realm.sync(&amara);
    let (a, l) = (amara.view(), leila.view());
    let realm = realm.put_back(&store);
    for _ in 0..3 {
        realm.sync(&amara);
        realm.sync(&leila);
    }
    assert_eq!(amara.field("users", id, "job_title"), Some("Baker".into()));
    assert!(amara.stored("mood_entries", mood).is_some() && leila.stored("mood_entries", mood).is_some() && amara.stored("users", later).is_some(), "nothing acknowledged was lost");
    assert_eq!((amara.view().len(), leila.view().len()), (a.len(), l.len()));
    agrees(&realm, &amara);
    agrees(&realm, &leila);
}

#[test]
fn a_copied_laptop_is_told_and_goes_on_as_another_one() {
    let realm = Realm::new(21);
    let amara = trainer(&realm, 22, "Amara");
    let id = amara.register("Leila Haddad").unwrap();
    realm.sync(&amara);
    let copy = amara.cloned(23);
    for title in ["Baker", "Cook", "Miller"] {
        amara.set("users", id, "job_title", title).unwrap();
        realm.sync(&amara);
    }
    copy.set("users", id, "department", "Ovens").unwrap();
    let outcome = realm.push(&copy);
    assert!(outcome.is_copy, "{outcome:?}");
    copy.vault.begin_as_new_device().unwrap();
    realm.join(&copy, "Amara", "trainer", Some(copy.vault.state().actor));
    realm.sync(&copy);
    realm.sync(&amara);
    assert_eq!(amara.field("users", id, "department"), Some("Ovens".into()), "what the copy wrote is not lost");
    assert_eq!(copy.field("users", id, "job_title"), Some("Miller".into()));
    agrees(&realm, &amara);
    agrees(&realm, &copy);
}

#[test]
fn a_laptop_that_begins_a_new_life_goes_on_where_it_was() {
    let realm = Realm::new(24);
    let amara = trainer(&realm, 25, "Amara");
    let id = amara.register("Omar Khalil").unwrap();
    realm.sync(&amara);
    amara.set("users", id, "job_title", "Baker").unwrap();
    // The centre has this one, but the answer was lost: its mutation comes once more under another number.
    realm.ask_push(&amara).unwrap();
    amara.set("users", id, "department", "Ovens").unwrap();
    amara.vault.begin_new_life().unwrap();
    realm.sync(&amara);
    assert_eq!(amara.vault.waiting().unwrap(), gladstone_vault::replica::Waiting::default());
    assert_eq!((amara.field("users", id, "job_title"), amara.field("users", id, "department")), (Some("Baker".into()), Some("Ovens".into())));
    agrees(&realm, &amara);
}
