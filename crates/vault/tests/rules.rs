//! Uniqueness as the writer enforces it: every declared one refuses a second row, on making and on
//! changing it, in words that name the field; rows entered in error do not count.

// Test code stops at the first thing that does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use gladstone_model::{Entity, Fault, Value, catalogue, entity::Unique};
use gladstone_testkit::{rows::{self, Numbers}, vaults};
use gladstone_vault::{Vault, VaultError};
use uuid::Uuid;

/// A vault and numbers that are not used twice.
struct Ground {
    made: vaults::Made,
    numbers: Numbers,
}

impl Ground {
    fn new() -> Ground {
        Ground { made: vaults::make(), numbers: Numbers::default() }
    }

    fn vault(&self) -> &Vault {
        &self.made.unlocked.vault
    }

    /// Makes a row with these fields; all others are its own.
    fn make(&self, entity: &str, given: &[(&str, Value)]) -> Result<Uuid, VaultError> {
        self.vault().commit::<_, VaultError>("test.make", |tx| rows::make(tx, entity, &self.numbers, given)).map(|(id, _)| id)
    }

    /// New values of some fields, with the rows that they refer to.
    fn values(&self, entity: &'static Entity, fields: &[usize]) -> Vec<(&'static str, Value)> {
        let make = |at: &usize| -> (&'static str, Value) {
            let field = &entity.fields[*at];
            let (value, _) = self.vault().commit::<_, VaultError>("test.value", |tx| rows::value(tx, entity, field, &self.numbers)).unwrap_or_else(|error| unreachable!("{}.{}: {error}", entity.name, field.name));
            (&field.name, value)
        };
        fields.iter().map(make).collect()
    }
}

/// The fields of a uniqueness with new values, and that of its condition.
fn key(ground: &Ground, entity: &'static Entity, unique: &Unique) -> Vec<(&'static str, Value)> {
    let mut given = ground.values(entity, &unique.fields);
    if let Some((at, value)) = &unique.when {
        given.push((&entity.fields[*at].name, value.clone()));
    }
    given
}

fn is_natural_key(entity: &Entity, unique: &Unique) -> bool {
    unique.when.is_none() && unique.fields == entity.natural_key
}

fn only_fault(result: Result<impl std::fmt::Debug, VaultError>, what: &str) -> Fault {
    match result {
        Err(error) if error.faults().len() == 1 => error.faults()[0].clone(),
        other => unreachable!("{what}: one fault was expected, it was {other:?}"),
    }
}

/// Checks that a fault is about this uniqueness, in words for people.
fn names_the_field(fault: &Fault, entity: &Entity, unique: &Unique, what: &str) {
    let field = unique.when.as_ref().map_or_else(|| unique.fields[unique.fields.len() - 1], |(at, _)| *at);
    assert_eq!((fault.rule.as_str(), fault.field.as_str()), ("unique", entity.fields[field].name.as_str()), "{what}: the fault names rule and field");
    for at in &unique.fields {
        let label = entity.fields[*at].label.to_lowercase();
        assert!(fault.message.to_lowercase().contains(&label), "{what}: “{}” names {label}", fault.message);
    }
}

#[test]
fn every_declared_uniqueness_refuses_a_second_row_and_names_the_field() {
    let ground = Ground::new();
    let mut checked = 0;
    for entity in &catalogue().entities {
        for unique in &entity.uniques {
            let what = format!("{} {:?}", entity.name, unique.fields.iter().map(|at| entity.fields[*at].name.as_str()).collect::<Vec<_>>());
            let given = key(&ground, entity, unique);
            let first = ground.make(&entity.name, &given).unwrap_or_else(|error| unreachable!("{what}: the first row: {error} {:?}", error.faults()));
            names_the_field(&only_fault(ground.make(&entity.name, &given), &what), entity, unique, &what);
            checked += 1;
            if entity.append_only || is_natural_key(entity, unique) {
                continue;
            }
            let second = ground.make(&entity.name, &key(&ground, entity, unique)).unwrap_or_else(|error| unreachable!("{what}: another key is free: {error}"));
            if unique.fields.iter().any(|at| entity.natural_key.contains(at)) {
                continue;
            }
            let changed = ground.vault().commit::<_, VaultError>("test.change", |tx| tx.update(&entity.name, second, given.clone()));
            names_the_field(&only_fault(changed, &what), entity, unique, &what);
            let unchanged = ground.vault().commit::<_, VaultError>("test.change", |tx| tx.update(&entity.name, first, given.clone()));
            assert!(unchanged.is_ok_and(|(changed, _)| !changed), "{what}: a row is not in its own way");
        }
    }
    assert!(checked >= 20, "the declarations hold more than {checked} uniquenesses");
    ground.vault().verify(&mut |_, _| true).unwrap();
}

#[test]
fn a_row_entered_in_error_leaves_its_place_to_another_one() {
    let ground = Ground::new();
    for entity in catalogue().entities.iter().filter(|entity| !entity.append_only) {
        for unique in entity.uniques.iter().filter(|unique| !is_natural_key(entity, unique)) {
            let what = format!("{} {:?}", entity.name, unique.fields);
            let given = key(&ground, entity, unique);
            let first = ground.make(&entity.name, &given).unwrap_or_else(|error| unreachable!("{what}: the first row: {error}"));
            ground.vault().commit::<_, VaultError>("test.error", |tx| tx.enter_in_error(&entity.name, first, "typed twice")).unwrap_or_else(|error| unreachable!("{what}: entering in error: {error}"));
            ground.make(&entity.name, &given).unwrap_or_else(|error| unreachable!("{what}: the place is free again: {error} {:?}", error.faults()));
        }
    }
}

#[test]
fn a_natural_key_is_taken_once_and_never_changes() {
    let ground = Ground::new();
    let mut checked = 0;
    for entity in catalogue().entities.iter().filter(|entity| !entity.natural_key.is_empty()) {
        let given = ground.values(entity, &entity.natural_key);
        let first = ground.make(&entity.name, &given).unwrap_or_else(|error| unreachable!("{}: the first row: {error} {:?}", entity.name, error.faults()));
        let fault = only_fault(ground.make(&entity.name, &given), &entity.name);
        assert_eq!(fault.rule, "unique", "{}: a second row with this key is refused", entity.name);
        assert!(fault.message.starts_with("There already is"), "{}: “{}” says what to do", entity.name, fault.message);
        checked += 1;
        if entity.append_only {
            continue;
        }
        let other = ground.values(entity, &entity.natural_key[..1]);
        if other[0].1 != given[0].1 {
            let fault = only_fault(ground.vault().commit::<_, VaultError>("test.change", |tx| tx.update(&entity.name, first, other)), &entity.name);
            assert_eq!(fault.rule, "fixed", "{}: what identifies a row stays", entity.name);
        }
    }
    assert!(checked >= 10, "the declarations hold more than {checked} natural keys");
}

#[test]
fn missing_values_are_equal_in_a_key_of_several_fields_and_free_in_a_key_of_one() {
    let ground = Ground::new();
    let sleep = [("title", Value::text("Sleep"))];
    ground.make("questionnaires", &sleep).unwrap();
    let fault = only_fault(ground.make("questionnaires", &sleep), "questionnaires without an organization");
    assert_eq!(fault.field, "version", "two questionnaires of no organization may not share title and version");
    for _ in 0..3 {
        ground.make("users", &[]).unwrap();
    }
    let email = [("email", Value::text("amara@example.org"))];
    ground.make("users", &email).unwrap();
    assert_eq!(only_fault(ground.make("users", &email), "users").field, "email", "people without an address are free, two with the same are not");
}

#[test]
fn one_mutation_may_not_hold_two_rows_with_the_same_unique_value() {
    let ground = Ground::new();
    let twice = ground.vault().commit::<_, VaultError>("test.make", |tx| {
        rows::make(tx, "users", &ground.numbers, &[("email", "amara@example.org".into())])?;
        rows::make(tx, "users", &ground.numbers, &[("email", "amara@example.org".into())])
    });
    assert_eq!(only_fault(twice, "users").field, "email", "the second row of the same mutation sees the first");
    let people = ground.vault().read(|read| read.count("users", &gladstone_store::Query::default())).unwrap();
    assert_eq!(people, 0, "nothing of the refused mutation stays");
}

#[test]
fn a_step_that_does_not_follow_is_refused_unless_a_conflict_about_it_is_decided() {
    let ground = Ground::new();
    let alert = ground.make("crisis_detections", &[("status", "open".into())]).unwrap();
    let set = |status: &str| ground.vault().commit::<_, VaultError>("test.step", |tx| tx.update("crisis_detections", alert, [("status", status.into())]));
    assert!(set("handled").is_ok(), "a step that follows");
    let fault = only_fault(set("open"), "a step back");
    assert_eq!((fault.rule.as_str(), fault.field.as_str()), ("handled_stays_handled", "status"), "{}", fault.message);
    // Two steps in one go are judged by where they end.
    let there_and_back = ground.vault().commit::<_, VaultError>("test.step", |tx| {
        tx.update("crisis_detections", alert, [("status", "open".into())])?;
        tx.update("crisis_detections", alert, [("status", "handled".into())])
    });
    assert!(there_and_back.is_ok(), "nothing changed in the end");
    let case = ground.make("conflicts", &[("entity_type", "crisis_detections".into()), ("entity_id", alert.into()), ("merge_group", "status".into()), ("status", "open".into())]).unwrap();
    let other = ground.make("conflicts", &[("entity_type", "crisis_detections".into()), ("entity_id", case.into()), ("merge_group", "status".into()), ("status", "open".into())]).unwrap();
    let decide = |case: Uuid| ground.vault().commit::<_, VaultError>("review.decide", |tx| {
        tx.update("crisis_detections", alert, [("status", "open".into())])?;
        tx.update("conflicts", case, [("status", "took_incoming".into())])
    });
    assert!(decide(other).is_err(), "a case about something else");
    assert!(decide(case).is_ok(), "whoever decides chooses among what was written");
}
