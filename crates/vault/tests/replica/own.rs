//! A vault that worked alone does not fetch what it just sent: units that it made itself.

use gladstone_model::Value;
use gladstone_testkit::Laptop;
use gladstone_vault::VaultError;
use uuid::Uuid;

use crate::{answers::person, realm::{Realm, agrees}};

/// A laptop that worked alone: some persons with a mood each.
fn alone(seed: u64, persons: u32) -> (Laptop, Vec<Uuid>) {
    let laptop = Laptop::new(seed, Uuid::from_u128(0xb000 + u128::from(seed)));
    let persons: Vec<Uuid> = (0..persons).map(|number| laptop.register(&format!("Person {number}")).unwrap()).collect();
    for (at, id) in persons.iter().enumerate() {
        laptop.mood(*id, at as u64, 5).unwrap();
    }
    (laptop, persons)
}

fn push_all(realm: &Realm, laptop: &Laptop) {
    while realm.push(laptop).more {}
}

/// Nothing waits, nothing is on its way, and what is held is what the centre has.
fn is_done(realm: &Realm, laptop: &Laptop) {
    agrees(realm, laptop);
    for left in ["SELECT count(*) FROM pending", "SELECT count(*) FROM overlay", "SELECT count(*) FROM stage", "SELECT count(*) FROM unit_held WHERE complete = 0", "SELECT count(*) FROM chain WHERE state < 3"] {
        assert_eq!(laptop.count(left), 0, "{left}");
    }
    assert!(laptop.vault.sync_log().unwrap().iter().all(|line| !line.line.contains("does not agree")), "and nothing had to be fetched anew");
}

#[test]
fn what_was_just_sent_is_not_fetched_again() {
    let (realm, (laptop, persons)) = (Realm::new(31), alone(32, 40));
    let view = laptop.view();
    realm.join(&laptop, "Amara", "trainer", None);
    push_all(&realm, &laptop);
    let (answer, asked) = (realm.ask_pull(&laptop).unwrap(), laptop.vault.pull_request().unwrap());
    for id in &persons {
        let grant = answer.grants.iter().find(|grant| grant.unit == person(*id)).unwrap();
        assert!(grant.complete && grant.pages.is_empty(), "no row of a person who was registered here travels back");
    }
    let outcome = laptop.vault.take_pull(&asked, answer).unwrap();
    assert!(outcome.mismatches.is_empty() && !outcome.more && !outcome.resend, "{outcome:?}");
    assert!(persons.iter().all(|id| outcome.grants.contains(&person(*id))));
    assert!(view.iter().all(|(key, row)| laptop.view().get(key).is_some_and(|now| now.values == row.values)), "nothing looks different");
    is_done(&realm, &laptop);
    laptop.set("users", persons[3], "job_title", "Baker").unwrap();
    realm.sync(&laptop);
    is_done(&realm, &laptop);
}

#[test]
fn persons_that_came_with_something_that_was_merged_are_not_fetched_either() {
    let (realm, actor) = (Realm::new(46), Uuid::from_u128(0xb046));
    let laptop = Laptop::new(47, actor);
    // The centre makes a user of its own for whoever joins, so this mutation is merged.
    let id = laptop.vault.commit::<_, VaultError>("people.first", |tx| {
        tx.create("users", [("id", actor.into()), ("name", "Amara Osei".into()), ("role", "therapist".into())])?;
        tx.create("users", [("name", "Tomasz Wieczorek".into()), ("role", "patient".into())])
    }).unwrap().0;
    for at in 0..40 {
        laptop.mood(id, at, 5).unwrap();
    }
    realm.join(&laptop, "Amara", "trainer", None);
    push_all(&realm, &laptop);
    let answer = realm.ask_pull(&laptop).unwrap();
    assert!(answer.grants.iter().any(|grant| grant.unit == person(id) && grant.complete && grant.pages.is_empty()), "only what two wrote comes back");
    realm.sync(&laptop);
    is_done(&realm, &laptop);
}

#[test]
fn what_is_written_between_the_push_and_the_pull_lies_on_top_of_what_was_sent() {
    let (realm, (laptop, persons)) = (Realm::new(33), alone(34, 40));
    realm.join(&laptop, "Amara", "trainer", None);
    push_all(&realm, &laptop);
    laptop.set("users", persons[0], "job_title", "Baker").unwrap();
    laptop.mood(persons[1], 9, 2).unwrap();
    let later = laptop.register("Registered later").unwrap();
    let laptop = laptop.reopened();
    let view = laptop.view();
    let outcome = realm.pull(&laptop);
    assert!(outcome.mismatches.is_empty() && outcome.grants.contains(&person(persons[0])), "{outcome:?}");
    let now = laptop.view();
    assert!(view.iter().all(|(key, row)| now.get(key).is_some_and(|now| now.group_mids == row.group_mids && now.values.len() == row.values.len())), "what waits is shown");
    assert_eq!(laptop.field("users", persons[0], "job_title"), Some("Baker".into()));
    assert_eq!((laptop.vault.waiting().unwrap().count, laptop.count("SELECT count(*) FROM overlay")), (3, 1), "and lies on the row that was sent");
    agrees(&realm, &laptop);
    realm.sync(&laptop);
    assert!(laptop.stored("users", later).is_some());
    assert_eq!(laptop.field("users", persons[0], "job_title"), Some("Baker".into()));
    is_done(&realm, &laptop);
}

#[test]
fn what_others_wrote_there_since_comes_with_the_pull() {
    let (realm, (laptop, persons)) = (Realm::new(35), alone(36, 40));
    let admin = Laptop::new(37, Uuid::from_u128(0xb037));
    realm.join(&admin, "Omar", "admin", None);
    realm.join(&laptop, "Amara", "trainer", None);
    push_all(&realm, &laptop);
    realm.sync(&admin);
    admin.set("users", persons[5], "job_title", "Miller").unwrap();
    let mood = admin.mood(persons[6], 7, 3).unwrap();
    realm.sync(&admin);
    laptop.set("users", persons[5], "department", "Ovens").unwrap();
    let outcome = realm.pull(&laptop);
    assert!(outcome.mismatches.is_empty(), "{outcome:?}");
    assert_eq!(laptop.field("users", persons[5], "job_title"), Some("Miller".into()));
    assert_eq!(laptop.field("users", persons[5], "department"), Some("Ovens".into()), "and what waits stays on top");
    assert_eq!(laptop.field("mood_entries", mood, "overall_mood"), Some(Value::Integer(3)));
    agrees(&realm, &laptop);
    realm.sync(&laptop);
    is_done(&realm, &laptop);
    realm.sync(&admin);
    is_done(&realm, &admin);
}

#[test]
fn others_in_between_leave_the_rest_to_pages() {
    let (realm, (laptop, persons)) = (Realm::new(38), alone(39, 40));
    let admin = Laptop::new(40, Uuid::from_u128(0xb040));
    realm.join(&admin, "Omar", "admin", None);
    realm.join(&laptop, "Amara", "trainer", None);
    push_all(&realm, &laptop);
    realm.sync(&admin);
    admin.set("users", persons[0], "job_title", "Cook").unwrap();
    realm.sync(&admin);
    // Another commit lies between what was written first and what is written now.
    for number in 0..3 {
        laptop.register(&format!("Later {number}")).unwrap();
        laptop.set("users", persons[number as usize], "department", "Ovens").unwrap();
    }
    push_all(&realm, &laptop);
    let outcomes = realm.sync(&laptop);
    assert!(outcomes.iter().all(|outcome| outcome.mismatches.is_empty()), "{outcomes:?}");
    assert_eq!(laptop.field("users", persons[0], "job_title"), Some("Cook".into()));
    is_done(&realm, &laptop);
}

#[test]
fn a_unit_that_lacks_something_at_the_centre_is_found_by_the_sum_and_fetched() {
    let (realm, (laptop, persons)) = (Realm::new(41), alone(42, 10));
    realm.join(&laptop, "Amara", "trainer", None);
    push_all(&realm, &laptop);
    // Behind the vault's back a row changes: what is held is not what was sent.
    let mood = laptop.vault.read::<_, VaultError>(|reader| Ok(reader.list("mood_entries", &Default::default())?[0].id())).unwrap();
    let asked = laptop.vault.pull_request().unwrap();
    let mut answer = realm.ask_pull(&laptop).unwrap();
    answer.sum = Some(Default::default());
    let outcome = laptop.vault.take_pull(&asked, answer).unwrap();
    assert!(outcome.more && outcome.mismatches.is_empty(), "the sum differs, so it is compared");
    realm.sync(&laptop);
    assert!(laptop.stored("mood_entries", mood).is_some() && persons.iter().all(|id| laptop.stored("users", *id).is_some()));
    agrees(&realm, &laptop);
}

#[test]
fn a_right_that_ended_before_the_first_pull_takes_the_records_away() {
    let (realm, (laptop, persons)) = (Realm::new(43), alone(44, 6));
    let admin = Laptop::new(45, Uuid::from_u128(0xb045));
    realm.join(&admin, "Omar", "admin", None);
    realm.join(&laptop, "Amara", "trainer", None);
    push_all(&realm, &laptop);
    let asked = laptop.vault.pull_request().unwrap();
    let mut answer = realm.ask_pull(&laptop).unwrap();
    answer.grants.retain(|grant| grant.unit != person(persons[0]));
    answer.drops.push(gladstone_protocol::wire::Dropped { unit: person(persons[0]), reason: "Your right to these records has ended.".into() });
    answer.sum = None;
    let outcome = laptop.vault.take_pull(&asked, answer).unwrap();
    assert_eq!(outcome.drops.len(), 1, "{outcome:?}");
    assert!(laptop.stored("users", persons[0]).is_none() && laptop.stored("users", persons[1]).is_some());
    assert_eq!(laptop.count("SELECT count(*) FROM pending"), 0);
}
