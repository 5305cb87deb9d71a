//! One way to write: what a commit keeps, captures and refuses; and the way in and out of a vault.

// Test code stops at the first thing that does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{path::Path, sync::Arc};

use gladstone_model::Value;
use gladstone_store::{Query, search};
use gladstone_vault::{
    CustodyError, Surrounding, Unlocked, VaultError, custody,
    keys::{KeyError, device_secret::NoKeyring, kdf::Cost},
    surroundings::Machine,
};
use uuid::Uuid;

const PASSPHRASE: &str = "village hall brass clasp";

fn surrounding() -> Surrounding {
    Surrounding { around: Arc::new(Machine::default()), secrets: Arc::new(NoKeyring), cost: Cost::FLOOR }
}

fn new_vault(root: &Path) -> (Unlocked, String) {
    let (unlocked, code) = custody::create(root, "Amara", PASSPHRASE, Uuid::from_u128(7), &surrounding()).unwrap();
    (unlocked, code.to_text().to_string())
}

fn register(unlocked: &Unlocked, name: &str) -> Uuid {
    unlocked.vault.commit::<_, VaultError>("people.register", |tx| tx.create("users", [("name", Value::text(name)), ("role", "patient".into())])).unwrap().0
}

#[test]
fn a_person_that_was_saved_is_found_read_and_in_the_digest() {
    let folder = tempfile::tempdir().unwrap();
    let (unlocked, _) = new_vault(folder.path());
    let vault = &unlocked.vault;
    let id = register(&unlocked, "Tomasz Wieczorek");
    let hits = vault.read(|read| search::find(read, "tom wie", Some("users"), 10)).unwrap();
    assert_eq!(hits.len(), 1, "found by the first letters of both names");
    vault.commit::<_, VaultError>("people.update", |tx| tx.update("users", id, [("job_title", "Baker".into())])).unwrap();
    assert_eq!(vault.recompute_digest().unwrap(), vault.state().digest, "the kept digest is that of the rows");
    assert_eq!(vault.waiting().unwrap().count, 2, "both mutations wait to be sent");
    let refused = vault.commit::<_, VaultError>("people.update", |tx| tx.update("users", id, [("email", "nonsense".into())]));
    assert_eq!(refused.unwrap_err().faults()[0].field, "email", "the fault names the field");
    assert_eq!(vault.read(|read| read.count("users", &Query::default())).unwrap(), 1, "nothing was lost or doubled");
    assert_eq!(vault.verify(&mut |_, _| true).unwrap().entries, 2, "the chain verifies from its first entry");
}

#[test]
fn a_locked_vault_opens_with_its_passphrase_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (unlocked, code) = new_vault(folder.path());
    let id = register(&unlocked, "Leila Haddad");
    unlocked.lock().unwrap();
    let wrong = custody::unlock(folder.path(), "village hall", &surrounding());
    assert!(matches!(wrong, Err(CustodyError::Key(KeyError::WrongPassphrase { tries_before_wait: Some(4) }))), "a wrong passphrase is counted");
    let unlocked = custody::unlock(folder.path(), PASSPHRASE, &surrounding()).unwrap();
    assert_eq!(unlocked.alarm, None, "an ordinary lock leaves nothing to worry about");
    let name = unlocked.vault.read(|read| read.require("users", id)).unwrap();
    assert_eq!(name.text("name"), "Leila Haddad");
    unlocked.lock().unwrap();
    let (unlocked, new_code) = custody::unlock_with_recovery(folder.path(), &code.to_lowercase(), "four new short words", &surrounding()).unwrap();
    assert_eq!(unlocked.epoch(), 2, "the recovery renews all keys");
    unlocked.lock().unwrap();
    assert!(custody::unlock(folder.path(), PASSPHRASE, &surrounding()).is_err(), "the old passphrase opens nothing new");
    assert!(custody::unlock_with_recovery(folder.path(), &code, "x", &surrounding()).is_err(), "nor does the old code");
    let mut unlocked = custody::unlock(folder.path(), "four new short words", &surrounding()).unwrap();
    unlocked.confirm_recovery(&new_code.to_text()).unwrap();
    assert!(unlocked.recovery_confirmed);
    assert_eq!(unlocked.vault.verify(&mut |_, _| true).unwrap().entries, 1, "the history survives the renewal of keys");
}

#[test]
fn an_old_file_put_back_raises_the_alarm() {
    let folder = tempfile::tempdir().unwrap();
    let (unlocked, _) = new_vault(folder.path());
    register(&unlocked, "Kofi Mensah");
    unlocked.lock().unwrap();
    let old = std::fs::read(folder.path().join("vault.db")).unwrap();
    let unlocked = custody::unlock(folder.path(), PASSPHRASE, &surrounding()).unwrap();
    register(&unlocked, "Mei-Ling Chow");
    unlocked.lock().unwrap();
    std::fs::write(folder.path().join("vault.db"), old).unwrap();
    let unlocked = custody::unlock(folder.path(), PASSPHRASE, &surrounding()).unwrap();
    assert_eq!(unlocked.alarm, Some(gladstone_vault::Alarm::Behind { missing: 1 }), "a roll-back is never silent");
    let life = unlocked.vault.state().incarnation;
    let unlocked = unlocked.accept_alarm().unwrap();
    assert_ne!(unlocked.vault.state().incarnation, life, "going on begins a new life of the database");
    unlocked.lock().unwrap();
    assert_eq!(custody::unlock(folder.path(), PASSPHRASE, &surrounding()).unwrap().alarm, None, "once accepted, the alarm is over");
}

#[test]
fn a_backup_passes_its_restore_test_and_brings_everything_back() {
    let folder = tempfile::tempdir().unwrap();
    let (unlocked, _) = new_vault(folder.path());
    let id = register(&unlocked, "Samir Banerjee");
    let backup = unlocked.back_up().unwrap();
    assert_eq!(unlocked.test_restore(&backup.path).unwrap(), 1, "the copy holds the one entry and verifies");
    register(&unlocked, "Ioana Dumitrescu");
    unlocked.lock().unwrap();
    std::fs::write(folder.path().join("vault.db"), b"ruined").unwrap();
    gladstone_vault::backup::restore(folder.path(), &backup.path).unwrap();
    let unlocked = custody::unlock(folder.path(), PASSPHRASE, &surrounding()).unwrap();
    assert!(unlocked.vault.read(|read| read.get("users", id)).unwrap().is_some(), "what the backup held is back");
    assert!(matches!(unlocked.alarm, Some(gladstone_vault::Alarm::Behind { .. })), "and what it did not hold is not hidden");
}
