//! Old files put back, histories that part: the anchor outside the database tells.

use std::sync::Arc;

use gladstone_testkit::{Image, image::scratch, saves, surround::{MemoryKeyring, Seeded, surrounding}, vaults};
use gladstone_vault::{Alarm, Surrounding, custody, keys::kdf::Cost};
use uuid::Uuid;

/// The vault after 30 and after 36 saves, both locked, with its recovery code.
fn early_and_late() -> (Image, Image) {
    let made = vaults::make();
    saves::save_all(&made.unlocked.vault, 0..30);
    made.unlocked.lock().unwrap();
    let early = Image::of(made.folder.path());
    let unlocked = vaults::unlock(made.folder.path()).unwrap();
    saves::save_all(&unlocked.vault, 30..36);
    unlocked.lock().unwrap();
    (early, Image::of(made.folder.path()))
}

fn alarm(image: &Image) -> Option<Alarm> {
    vaults::unlock(image.unpack().path()).unwrap().alarm
}

/// `image` with some files out of another one.
fn with(image: &Image, other: &Image, files: &[&str]) -> Image {
    let mut mixed = image.clone();
    for name in files {
        *mixed.file_mut(name) = other.file(name).to_vec();
    }
    mixed
}

#[test]
fn a_whole_old_file_put_back_is_told_with_the_number_of_missing_saves() {
    let (early, late) = early_and_late();
    assert_eq!(alarm(&late), None, "the vault as it was left is in order");
    assert_eq!(alarm(&with(&late, &early, &["vault.db"])), Some(Alarm::Behind { missing: 6 }), "six saves are missing");
    assert_eq!(alarm(&with(&late, &early, &["vault.db", "slots.a", "slots.b"])), Some(Alarm::Behind { missing: 6 }), "old slots make no difference");
}

#[test]
fn an_anchor_that_is_lost_damaged_or_old_is_no_reason_for_an_alarm() {
    let (early, late) = early_and_late();
    assert_eq!(alarm(&with(&late, &early, &["anchor"])), None, "the database is ahead of an old anchor");
    for garbage in [vec![], vec![0; 512], vec![255; 512], late.file("anchor")[..100].to_vec()] {
        let mut image = late.clone();
        *image.file_mut("anchor") = garbage;
        assert_eq!(alarm(&image), None, "without a readable anchor the vault opens");
    }
}

#[test]
fn two_histories_that_part_are_told_from_one_another() {
    let (early, late) = early_and_late();
    for further in [6, 9] {
        let mut other = early.clone();
        other.0.remove("anchor");
        let folder = other.unpack();
        let unlocked = vaults::unlock(folder.path()).unwrap();
        for number in 0..further {
            unlocked.vault.commit::<_, gladstone_vault::VaultError>("fork", |tx| tx.create("users", [("name", format!("Other {number}").as_str().into()), ("role", "patient".into())])).unwrap();
        }
        unlocked.lock().unwrap();
        let forked = with(&Image::of(folder.path()), &late, &["anchor"]);
        assert_eq!(alarm(&forked), Some(Alarm::Forked), "{further} other saves after the 30th are another history");
    }
}

#[test]
fn files_from_before_a_change_of_the_passphrase_are_told_as_old() {
    let made = vaults::make();
    saves::save_all(&made.unlocked.vault, 0..6);
    made.unlocked.lock().unwrap();
    let old = Image::of(made.folder.path());
    let unlocked = vaults::unlock(made.folder.path()).unwrap();
    let (unlocked, _) = unlocked.change_passphrase("four new short words", &surrounding(4)).unwrap();
    unlocked.lock().unwrap();
    let changed = Image::of(made.folder.path());
    assert_eq!(alarm(&with(&changed, &old, &["vault.db", "slots.a", "slots.b"])), Some(Alarm::Behind { missing: 0 }), "no save is missing, but the passphrase is the old one again");
    let unlocked = custody::unlock(made.folder.path(), "four new short words", &surrounding(5)).unwrap();
    saves::save_all(&unlocked.vault, 6..9);
    unlocked.lock().unwrap();
    let rolled_back = with(&Image::of(made.folder.path()), &old, &["vault.db", "slots.a", "slots.b"]).unpack();
    let unlocked = vaults::unlock(rolled_back.path()).unwrap();
    assert_eq!(unlocked.alarm, Some(Alarm::Behind { missing: 3 }), "the three saves since then are missing");
    unlocked.accept_alarm().unwrap().lock().unwrap();
    assert_eq!(vaults::unlock(rolled_back.path()).unwrap().alarm, None, "once accepted, the alarm is over");
}

#[test]
fn the_anchor_in_the_keyring_tells_when_the_whole_folder_is_put_back() {
    let with = Surrounding { around: Arc::new(Seeded::new(6)), secrets: Arc::new(MemoryKeyring::default()), cost: Cost::FLOOR };
    let folder = scratch();
    let (unlocked, _) = custody::create(folder.path(), "Amara", vaults::PASSPHRASE, Uuid::from_u128(7), &with).unwrap();
    saves::save_all(&unlocked.vault, 0..3);
    unlocked.lock().unwrap();
    let old = Image::of(folder.path());
    let unlocked = custody::unlock(folder.path(), vaults::PASSPHRASE, &with).unwrap();
    saves::save_all(&unlocked.vault, 3..5);
    unlocked.lock().unwrap();
    let put_back = old.unpack();
    let unlocked = custody::unlock(put_back.path(), vaults::PASSPHRASE, &with).unwrap();
    assert_eq!(unlocked.alarm, Some(Alarm::Behind { missing: 2 }), "the folder agrees with itself, but not with the keyring");
    unlocked.lock().unwrap();
    let unlocked = custody::unlock(put_back.path(), vaults::PASSPHRASE, &with).unwrap();
    assert_eq!(unlocked.alarm, Some(Alarm::Behind { missing: 2 }), "locking without a decision does not silence it");
    unlocked.accept_alarm().unwrap().lock().unwrap();
    assert_eq!(custody::unlock(put_back.path(), vaults::PASSPHRASE, &with).unwrap().alarm, None, "a decision does");
}

#[test]
fn a_new_passphrase_does_not_silence_an_alarm() {
    let made = vaults::make();
    saves::save_all(&made.unlocked.vault, 0..6);
    made.unlocked.lock().unwrap();
    let early = Image::of(made.folder.path());
    let unlocked = vaults::unlock(made.folder.path()).unwrap();
    saves::save_all(&unlocked.vault, 6..9);
    unlocked.lock().unwrap();
    let old = with(&Image::of(made.folder.path()), &early, &["vault.db"]);
    let new = "four new short words";
    for by_code in [true, false] {
        let folder = old.unpack();
        let changed = if by_code { custody::unlock_with_recovery(folder.path(), &made.code, new, &surrounding(4)) } else { vaults::unlock(folder.path()).unwrap().change_passphrase(new, &surrounding(4)) };
        let (unlocked, _) = changed.unwrap();
        assert_eq!(unlocked.alarm, Some(Alarm::Behind { missing: 3 }), "it stands after the change, by code {by_code}");
        unlocked.lock().unwrap();
        let unlocked = custody::unlock(folder.path(), new, &surrounding(5)).unwrap();
        assert_eq!(unlocked.alarm, Some(Alarm::Behind { missing: 3 }), "and at the next unlocking, by code {by_code}");
        unlocked.accept_alarm().unwrap().lock().unwrap();
        assert_eq!(custody::unlock(folder.path(), new, &surrounding(6)).unwrap().alarm, None, "until somebody decides, by code {by_code}");
    }
}
