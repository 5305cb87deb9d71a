//! Backups: whole copies that open, tests of them that find damage, seven that are kept, and a
//! restore that loses nothing of what lay there before.

// Test code stops at the first thing that does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{path::Path, thread};

use gladstone_testkit::{Dice, Disk, Image, Saved, Trouble, dice, image::scratch, saves, surround::surrounding, vaults};
use gladstone_vault::{Alarm, CustodyError, Unlocked, backup::{self, KEPT}, custody, folder::VaultFolder};

fn complete(unlocked: &Unlocked, saved: &Saved) {
    saves::complete(&unlocked.vault, saved).unwrap();
}

#[test]
fn a_backup_opens_on_another_computer_with_the_passphrase_and_with_the_code() {
    let made = vaults::make();
    let saved = saves::save_all(&made.unlocked.vault, 0..12).pop().unwrap();
    let backup = made.unlocked.back_up().unwrap();
    assert_eq!(made.unlocked.test_restore(&backup.path).unwrap(), 12, "the copy holds all entries");
    let elsewhere = scratch();
    assert_eq!(backup::restore(elsewhere.path(), &backup.path).unwrap(), None, "there was nothing to move aside");
    let unlocked = vaults::unlock(elsewhere.path()).unwrap();
    assert_eq!(unlocked.alarm, None, "a whole copy is no reason for an alarm");
    complete(&unlocked, &saved);
    unlocked.lock().unwrap();
    let (unlocked, _) = custody::unlock_with_recovery(elsewhere.path(), &made.code, "four new short words", &surrounding(8)).unwrap();
    assert_eq!(unlocked.vault.verify(&mut |_, _| true).unwrap().entries, 12, "the code opens it too");
    // The vault from which it was taken goes on as before.
    let saved = saves::save(&made.unlocked.vault, 12).unwrap();
    complete(&made.unlocked, &saved);
}

#[test]
fn a_backup_made_while_others_save_is_whole() {
    let made = vaults::make();
    saves::save_all(&made.unlocked.vault, 0..6);
    let unlocked = &made.unlocked;
    thread::scope(|scope| {
        let saving = scope.spawn(|| saves::save_all(&unlocked.vault, 6..48));
        for _ in 0..3 {
            let backup = unlocked.back_up().unwrap();
            let entries = unlocked.test_restore(&backup.path).unwrap();
            assert!((6..=48).contains(&entries), "the copy is of one moment: {entries} entries");
        }
        complete(unlocked, saving.join().unwrap().last().unwrap());
    });
}

#[test]
fn seven_backups_are_kept_and_they_are_the_newest() {
    let made = vaults::make();
    let mut all = Vec::new();
    for number in 0..KEPT + 3 {
        saves::save(&made.unlocked.vault, number).unwrap();
        all.push(made.unlocked.back_up().unwrap());
    }
    let kept: Vec<String> = made.unlocked.backups().unwrap().into_iter().map(|backup| backup.made).collect();
    let newest: Vec<String> = all.iter().rev().take(KEPT).map(|backup| backup.made.clone()).collect();
    assert_eq!(kept, newest, "the newest first, the oldest gone");
    assert_eq!(made.unlocked.test_restore(&all[3].path).unwrap(), 4, "the oldest that is kept is the vault of its time");
    assert!(!all[2].path.exists(), "the one before it is gone");
}

#[test]
fn the_restore_test_finds_damage_and_leaves_vault_and_backup_as_they_are() {
    let made = vaults::make();
    let saved = saves::save_all(&made.unlocked.vault, 0..12).pop().unwrap();
    let backup = made.unlocked.back_up().unwrap();
    let whole = Image::of(&backup.path);
    let mut dice = Dice::of("damaged backup");
    let length = whole.file("vault.db").len();
    for number in 0..dice::size(24, 2_000) {
        let at = if number == 0 { 100 } else { dice.below(length) };
        let mut image = whole.clone();
        match number % 3 {
            0 => image.file_mut("vault.db")[at] ^= 1 << dice.below(8),
            1 => image.file_mut("vault.db").truncate(at),
            _ => image.file_mut("vault.db")[at / 4096 * 4096..][..4096].fill(0),
        }
        let damaged = image.unpack();
        assert!(made.unlocked.test_restore(damaged.path()).is_err(), "damage of kind {} at {at} is found", number % 3);
        assert_eq!(Image::of(damaged.path()), image, "the test changes nothing in the backup");
    }
    let beside: Vec<String> = Image::of(&made.unlocked.folder.backups()).0.into_keys().collect();
    assert_eq!(beside, Vec::<String>::new(), "no scratch copy stays");
    complete(&made.unlocked, &saved);
}

#[test]
fn a_backup_over_a_damaged_vault_brings_back_what_it_held_and_says_what_it_did_not() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 5] = [
        ("overwritten", |folder| std::fs::write(folder.join("vault.db"), b"ruined").unwrap()),
        ("one bit flipped", |folder| {
            let path = folder.join("vault.db");
            let mut bytes = std::fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(path, bytes).unwrap();
        }),
        ("removed", |folder| std::fs::remove_file(folder.join("vault.db")).unwrap()),
        ("without key files", |folder| {
            std::fs::remove_file(folder.join("slots.a")).unwrap();
            std::fs::remove_file(folder.join("slots.b")).unwrap();
        }),
        ("with a damaged header", |folder| std::fs::write(folder.join("vault.json"), b"{").unwrap()),
    ];
    for (what, damage) in damages {
        let made = vaults::make();
        let folder = made.folder.path();
        let saved = saves::save_all(&made.unlocked.vault, 0..6).pop().unwrap();
        let backup = made.unlocked.back_up().unwrap();
        saves::save_all(&made.unlocked.vault, 6..9);
        made.unlocked.lock().unwrap();
        damage(folder);
        let found = backup::list(&VaultFolder::at(folder)).unwrap();
        assert_eq!(found, std::slice::from_ref(&backup), "{what}: the backup is found without unlocking");
        let ruins = Image::of(folder);
        let aside = backup::restore(folder, &backup.path).unwrap();
        let aside = Image::of(&aside.unwrap());
        for (name, bytes) in &aside.0 {
            assert_eq!(ruins.file(name), bytes, "{what}: {name} was moved aside as it was");
        }
        assert_eq!(aside.file("vault.db"), ruins.file("vault.db"), "{what}: nothing is thrown away");
        let unlocked = vaults::unlock(folder).unwrap();
        assert_eq!(unlocked.alarm, Some(Alarm::Behind { missing: 3 }), "{what}: the three saves since the backup are said to be missing");
        complete(&unlocked, &saved);
        let unlocked = unlocked.accept_alarm().unwrap();
        saves::save(&unlocked.vault, 6).unwrap();
        unlocked.lock().unwrap();
        assert_eq!(vaults::unlock(folder).unwrap().alarm, None, "{what}: once accepted, it goes on");
    }
}

#[test]
fn restoring_again_and_again_overwrites_nothing_that_was_moved_aside() {
    let made = vaults::make();
    let folder = made.folder.path();
    let backup = made.unlocked.back_up().unwrap();
    saves::save_all(&made.unlocked.vault, 0..3);
    made.unlocked.lock().unwrap();
    let before = Image::of(folder);
    let mut asides = Vec::new();
    for _ in 0..3 {
        asides.push(backup::restore(folder, &backup.path).unwrap().unwrap());
    }
    assert_eq!(Image::of(&asides[0]).file("vault.db"), before.file("vault.db"), "the vault of before the first restore is still there");
    asides.dedup();
    assert_eq!(asides.len(), 3, "each restore has a folder of its own for what it moves");
}

#[test]
fn a_backup_from_before_a_change_of_the_passphrase_opens_with_the_old_one_and_is_told_as_old() {
    let made = vaults::make();
    let folder = made.folder.path();
    let saved = saves::save_all(&made.unlocked.vault, 0..6).pop().unwrap();
    let backup = made.unlocked.back_up().unwrap();
    let (unlocked, _) = made.unlocked.change_passphrase("four new short words", &surrounding(8)).unwrap();
    saves::save_all(&unlocked.vault, 6..8);
    unlocked.lock().unwrap();
    backup::restore(folder, &backup.path).unwrap();
    let unlocked = vaults::unlock(folder).unwrap();
    assert_eq!(unlocked.alarm, Some(Alarm::Behind { missing: 2 }), "it is behind what the laptop knows");
    complete(&unlocked, &saved);
}

#[test]
fn a_full_disk_stops_the_backup_only_and_the_next_one_is_whole() {
    let made = vaults::make();
    let saved = saves::save_all(&made.unlocked.vault, 0..6).pop().unwrap();
    let good = made.unlocked.back_up().unwrap();
    let unfinished = made.unlocked.folder.backups().join("unfinished");
    std::fs::create_dir_all(&unfinished).unwrap();
    let disk = Disk::watch(&unfinished);
    for at in [0, 1, 20, 200] {
        disk.fail(disk.operations() + at, Trouble::Full);
        let refused = made.unlocked.back_up();
        assert!(matches!(refused, Err(CustodyError::Vault(_) | CustodyError::Open(_))), "full from operation {at} on: {refused:?}");
        assert!(refused.unwrap_err().to_string().contains("no space left"), "it says why");
        assert_eq!(made.unlocked.backups().unwrap(), std::slice::from_ref(&good), "no half of a backup is listed");
        complete(&made.unlocked, &saved);
    }
    disk.repair();
    let next = made.unlocked.back_up().unwrap();
    assert_eq!(made.unlocked.test_restore(&next.path).unwrap(), 6, "with space again, the next one is whole");
}

#[test]
fn a_folder_that_is_no_backup_is_refused_before_anything_is_moved() {
    let made = vaults::make();
    let folder = made.folder.path();
    made.unlocked.lock().unwrap();
    let before = Image::of(folder);
    let empty = scratch();
    assert!(matches!(backup::restore(folder, empty.path()), Err(CustodyError::Missing)), "an empty folder is no backup");
    assert_eq!(Image::of(folder), before, "the vault lies as it did");
}
