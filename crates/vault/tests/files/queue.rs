//! The queue of files in a vault that belongs to a realm: what is planned, what is due, what a person
//! decides, and parts that come and go.

use std::io::Write;

use gladstone_protocol::{content::sealed_size, wire::PullAnswer};
use gladstone_testkit::Laptop;
use gladstone_vault::{VaultError, blobs::{AUTOMATIC, Transfer, TransferState}, surroundings::Surroundings};
use uuid::Uuid;

use crate::{attach, bytes, hash, lying, person, realm, whole};

fn joined(seed: u64) -> Laptop {
    let laptop = Laptop::new(seed, Uuid::nil());
    laptop.vault.join(&realm(Uuid::from_u128(7))).unwrap();
    laptop
}

fn named(laptop: &Laptop, person: Uuid, content: &[u8], size: i64) -> Uuid {
    crate::named(&laptop.vault, person, content, size)
}

/// A laptop that fetches a file of somebody else.
fn with_theirs() -> Laptop {
    let laptop = joined(1);
    let person = person(&laptop.vault);
    named(&laptop, person, b"theirs", 6);
    laptop.vault.plan_files().unwrap();
    laptop
}

/// A laptop that has a file, and another one that fetches it.
fn one_for_the_other(content: &[u8]) -> (Laptop, Laptop) {
    let (a, b) = (joined(1), joined(2));
    let person_a = person(&a.vault);
    attach(&a.vault, person_a, "a.pdf", content).unwrap();
    let person_b = person(&b.vault);
    named(&b, person_b, content, content.len() as i64);
    b.vault.plan_files().unwrap();
    (a, b)
}

fn all(laptop: &Laptop) -> Vec<Transfer> {
    laptop.vault.files_on_their_way().unwrap()
}

/// Fills the part of a file that comes from another laptop of the realm.
fn come(laptop: &Laptop, transfer: &Transfer, from: &Laptop, up_to: usize) {
    let (mut part, at) = laptop.vault.open_part(transfer).unwrap();
    let bytes = from.vault.seal_part(transfer, at, up_to.saturating_sub(at as usize)).unwrap();
    part.write_all(&bytes).unwrap();
}

#[test]
fn what_is_here_is_sent_what_is_small_is_fetched_and_what_is_large_waits_to_be_asked_for() {
    let laptop = joined(1);
    let person = person(&laptop.vault);
    attach(&laptop.vault, person, "mine.pdf", &bytes(1, 70_000)).unwrap();
    named(&laptop, person, b"small", AUTOMATIC as i64);
    named(&laptop, person, b"large", AUTOMATIC as i64 + 1);
    named(&laptop, person, b"endless", i64::MAX);
    assert!(laptop.vault.plan_files().unwrap());
    assert!(!laptop.vault.plan_files().unwrap(), "once");
    let planned: Vec<(bool, u64)> = all(&laptop).iter().map(|transfer| (transfer.sends, transfer.sealed)).collect();
    assert_eq!(planned.len(), 2, "{planned:?}");
    assert!(planned.contains(&(true, sealed_size(70_000))) && planned.contains(&(false, sealed_size(AUTOMATIC))));
    assert!(matches!(laptop.vault.ask_for_file(&hash(b"endless")), Err(VaultError::Entry(_))), "no file is that large");
    assert!(matches!(laptop.vault.ask_for_file(&hash(b"unknown")), Err(VaultError::Entry(_))), "no record names it");
    laptop.vault.ask_for_file(&hash(b"large")).unwrap();
    assert_eq!(all(&laptop).len(), 3);
    let files = laptop.vault.files().unwrap();
    assert_eq!((files.count, files.bytes), (3, sealed_size(70_000) + sealed_size(AUTOMATIC) + sealed_size(AUTOMATIC + 1)));
}

#[test]
fn nothing_is_sent_before_its_record_and_what_is_fetched_does_not_wait_for_that() {
    let laptop = joined(1);
    let person = person(&laptop.vault);
    attach(&laptop.vault, person, "mine.pdf", &bytes(1, 70_000)).unwrap();
    laptop.vault.plan_files().unwrap();
    assert_eq!(laptop.vault.next_file().unwrap(), None, "the record waits itself");
    assert_eq!(laptop.vault.files_due().unwrap(), None);
    named(&laptop, person, b"theirs", 6);
    laptop.vault.plan_files().unwrap();
    assert_eq!(laptop.vault.next_file().unwrap().map(|transfer| transfer.hash), Some(hash(b"theirs")));
}

#[test]
fn a_file_that_fails_is_tried_later_each_time_and_at_once_when_a_person_asks() {
    let laptop = with_theirs();
    let mut waits = Vec::new();
    for _ in 0..12 {
        laptop.clock.pass(3_600);
        let transfer = laptop.vault.next_file().unwrap().expect("it is due again");
        laptop.vault.file_failed(&transfer, "The line broke.", None).unwrap();
        assert_eq!(laptop.vault.next_file().unwrap(), None, "not at once");
        let stored = all(&laptop).remove(0);
        assert_eq!((stored.note.as_deref(), stored.attempts), (Some("The line broke."), transfer.attempts + 1));
        waits.push((stored.due.0 - laptop.clock.now().0) / 1_000_000);
    }
    assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]) && waits[0] <= 2 && waits[11] >= 598, "{waits:?}");
    laptop.vault.ask_for_file(&hash(b"theirs")).unwrap();
    let transfer = laptop.vault.next_file().unwrap().expect("at once");
    assert_eq!((transfer.attempts, transfer.note), (0, None));
}

#[test]
fn a_file_that_was_stopped_stays_so_until_it_is_asked_for() {
    let laptop = with_theirs();
    let transfer = laptop.vault.next_file().unwrap().unwrap();
    assert!(laptop.vault.is_still_wanted(&transfer).unwrap());
    laptop.vault.stop_file(&transfer.hash).unwrap();
    assert!(!laptop.vault.is_still_wanted(&transfer).unwrap(), "whoever moves it stops");
    laptop.clock.pass(86_400);
    laptop.vault.plan_files().unwrap();
    assert_eq!((laptop.vault.next_file().unwrap(), all(&laptop)[0].state), (None, TransferState::Stopped));
    assert_eq!(laptop.vault.files().unwrap().count, 0);
    laptop.vault.ask_for_file(&transfer.hash).unwrap();
    assert!(laptop.vault.next_file().unwrap().is_some());
}

#[test]
fn a_part_survives_the_end_of_the_program_and_is_gone_on_with() {
    let content = bytes(9, 200_000);
    let (a, b) = one_for_the_other(&content);
    let transfer = b.vault.next_file().unwrap().unwrap();
    for up_to in [1, 70_000, 70_001, 150_000] {
        come(&b, &transfer, &a, up_to);
        assert_eq!(b.vault.open_part(&transfer).unwrap().1, up_to as u64);
    }
    let b = b.reopened();
    b.vault.tidy_files().unwrap();
    assert_eq!(b.vault.open_part(&transfer).unwrap().1, 150_000, "nothing of it was swept");
    assert!(!b.vault.take_part(&transfer).unwrap(), "not whole yet");
    come(&b, &transfer, &a, usize::MAX);
    assert!(b.vault.take_part(&transfer).unwrap());
    assert_eq!(whole(&b.vault, &hash(&content)), content);
    assert!(b.vault.held_file(&hash(&content)).unwrap().unwrap().at_centre);
    assert_eq!((all(&b), lying(&b.vault).len()), (vec![], 1));
    assert_eq!(std::fs::read_dir(b.folder.path().join("blobs/parts")).unwrap().count(), 0, "the part is gone");
}

#[test]
fn what_came_and_is_another_file_is_not_taken_and_after_three_times_a_person_decides() {
    let content = bytes(9, 200_000);
    let (a, b) = one_for_the_other(&content);
    for time in 1..=3 {
        b.clock.pass(3_600);
        let transfer = b.vault.next_file().unwrap().unwrap_or_else(|| panic!("it is tried a {time}. time"));
        come(&b, &transfer, &a, usize::MAX);
        let path = std::fs::read_dir(b.folder.path().join("blobs/parts")).unwrap().next().unwrap().unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[100_000] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(!b.vault.take_part(&transfer).unwrap());
        b.vault.file_was_wrong(&transfer, "What the centre sent is not this file.").unwrap();
        assert_eq!(b.vault.open_part(&transfer).unwrap().1, 0, "it begins anew");
    }
    b.clock.pass(86_400);
    assert_eq!((b.vault.next_file().unwrap(), all(&b)[0].state, b.vault.files().unwrap().failed), (None, TransferState::Failed, 1));
    assert_eq!(lying(&b.vault), [""; 0], "nothing of it is a file");
}

#[test]
fn any_part_of_a_file_is_sealed_the_same_whoever_sends_it_and_from_wherever() {
    let (a, b) = (joined(1), joined(2));
    let content = bytes(9, 140_000);
    for laptop in [&a, &b] {
        let person = person(&laptop.vault);
        attach(&laptop.vault, person, "a.pdf", &content).unwrap();
        laptop.vault.plan_files().unwrap();
    }
    let transfer = &all(&a)[0];
    let whole = a.vault.seal_part(transfer, 0, usize::MAX).unwrap();
    assert_eq!(whole.len() as u64, sealed_size(content.len() as u64));
    for (from, length) in [(0, 1), (1, 65_551), (65_551, 1), (65_552, 65_552), (65_000, 2_000), (140_000, usize::MAX), (whole.len() as u64, 5)] {
        let end = whole.len().min((from as usize).saturating_add(length));
        assert_eq!(b.vault.seal_part(transfer, from, length).unwrap(), whole[from as usize..end], "{from} {length}");
    }
}

#[test]
fn another_history_of_the_centre_asks_for_every_file_anew() {
    let laptop = joined(1);
    let person = person(&laptop.vault);
    let content = bytes(1, 70_000);
    attach(&laptop.vault, person, "a.pdf", &content).unwrap();
    laptop.vault.plan_files().unwrap();
    laptop.vault.file_is_at_centre(&hash(&content)).unwrap();
    assert_eq!(all(&laptop), []);
    assert!(!laptop.vault.plan_files().unwrap(), "it is there");
    let asked = laptop.vault.pull_request().unwrap();
    let answer = PullAnswer::bare(Uuid::from_u128(66), asked.from_g, laptop.clock.now());
    assert!(laptop.vault.take_pull(&asked, answer).unwrap().push_first);
    laptop.vault.plan_files().unwrap();
    assert_eq!(all(&laptop).len(), 1, "whether it still is has to be asked");
}
