//! What is kept and what goes: a file stays for as long as a record names it, or a change that may
//! still have an effect; a failed attempt leaves nothing.

use std::fs;

use gladstone_testkit::Laptop;
use gladstone_vault::{VaultError, blobs::Swept};
use uuid::Uuid;

use crate::{attach, bytes, hash, lying, person, whole};

#[test]
fn an_attempt_that_fails_leaves_neither_a_record_nor_a_file() {
    let laptop = Laptop::new(1, Uuid::from_u128(7));
    let mut incoming = laptop.vault.begin_file().unwrap();
    incoming.write(&bytes(1, 200_000)).unwrap();
    let refused = laptop.vault.keep_file::<(), _>(incoming, "files.attach", |_, _| Err(VaultError::Entry("no".into())));
    assert!(refused.is_err());
    assert_eq!((lying(&laptop.vault), laptop.count("SELECT count(*) FROM file_held")), (vec![], 0));
    // Given up half-way.
    let mut incoming = laptop.vault.begin_file().unwrap();
    incoming.write(&bytes(1, 200_000)).unwrap();
    assert_eq!(lying(&laptop.vault).len(), 1, "it lies there while it comes");
    drop(incoming);
    assert_eq!(lying(&laptop.vault), [""; 0]);
    // A person who is not there: the record is refused, and the file with it.
    assert!(attach(&laptop.vault, Uuid::from_u128(99), "a.pdf", b"text").is_err());
    assert_eq!((lying(&laptop.vault), laptop.count("SELECT count(*) FROM file_held")), (vec![], 0));
}

#[test]
fn an_attempt_that_fails_does_not_harm_the_same_file_elsewhere() {
    let laptop = Laptop::new(1, Uuid::from_u128(7));
    let (person, content) = (person(&laptop.vault), bytes(1, 100_000));
    attach(&laptop.vault, person, "a.pdf", &content).unwrap();
    assert!(attach(&laptop.vault, Uuid::from_u128(99), "a.pdf", &content).is_err());
    assert_eq!(whole(&laptop.vault, &hash(&content)), content);
}

#[test]
fn what_a_kill_left_is_swept_when_the_vault_is_opened() {
    let laptop = Laptop::new(1, Uuid::from_u128(7));
    let (person, content) = (person(&laptop.vault), bytes(1, 100_000));
    attach(&laptop.vault, person, "a.pdf", &content).unwrap();
    let blobs = laptop.folder.path().join("blobs");
    fs::create_dir_all(blobs.join("parts")).unwrap();
    for left in ["0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef.new", "parts/0123456789abcdef0123456789abcdef"] {
        fs::write(blobs.join(left), "left").unwrap();
    }
    assert_eq!(laptop.vault.tidy_files().unwrap(), Swept { files: 2, parts: 1 });
    assert_eq!(laptop.vault.tidy_files().unwrap(), Swept::default(), "once");
    assert_eq!(whole(&laptop.vault, &hash(&content)), content);
}

#[test]
fn a_vault_that_works_alone_keeps_what_was_entered_in_error() {
    let laptop = Laptop::new(1, Uuid::from_u128(7));
    let (person, content) = (person(&laptop.vault), bytes(1, 100_000));
    let row = attach(&laptop.vault, person, "a.pdf", &content).unwrap();
    laptop.vault.commit::<_, VaultError>("files.remove", |tx| tx.enter_in_error("attachments", row, "of another person")).unwrap();
    assert!(!laptop.vault.plan_files().unwrap(), "nothing waits and nothing goes");
    assert_eq!(whole(&laptop.vault, &hash(&content)), content, "nobody else has it");
}

#[test]
fn a_file_goes_when_nothing_names_it_and_stays_while_a_change_waits() {
    let laptop = Laptop::new(1, Uuid::from_u128(7));
    let (one, other) = (bytes(1, 100_000), bytes(2, 100_000));
    // Nothing names it.
    let mut incoming = laptop.vault.begin_file().unwrap();
    incoming.write(&one).unwrap();
    laptop.vault.keep_file::<_, VaultError>(incoming, "files.attach", |_, _| Ok(())).unwrap();
    // A change of another record names it in a text, as one would that waits without showing.
    let mut incoming = laptop.vault.begin_file().unwrap();
    incoming.write(&other).unwrap();
    let named = blake3::hash(&other).to_hex().to_string();
    laptop.vault.keep_file::<_, VaultError>(incoming, "files.attach", |tx, _| tx.create("users", [("name", gladstone_model::Value::text(&named)), ("role", "patient".into())])).unwrap();
    assert_eq!(laptop.vault.sweep_files().unwrap().files, 1);
    assert_eq!(laptop.vault.held_file(&hash(&one)).unwrap(), None);
    assert_eq!(whole(&laptop.vault, &hash(&other)), other);
    assert_eq!(lying(&laptop.vault).len(), 1);
}
