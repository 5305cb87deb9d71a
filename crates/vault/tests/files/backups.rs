//! Files in backups: a backup is whole without the vault it was made of, takes no room for them on the
//! same disk, and says when one is missing. A new passphrase leaves all of them readable.

use std::fs;

use gladstone_testkit::{image::scratch, surround::surrounding, vaults};
use gladstone_vault::{Unlocked, backup, folder::VaultFolder};

use crate::{attach, bytes, hash, lying, person, whole};

fn with_file(unlocked: &Unlocked, seed: u64) -> Vec<u8> {
    let content = bytes(seed, 150_000);
    attach(&unlocked.vault, person(&unlocked.vault), "a.pdf", &content).unwrap();
    content
}

#[test]
fn a_backup_takes_the_files_along_and_opens_elsewhere_with_them() {
    let made = vaults::make();
    let content = with_file(&made.unlocked, 1);
    let backup = made.unlocked.back_up().unwrap();
    assert!(backup.bytes > 150_000, "they are counted");
    let inside = VaultFolder::at(&backup.path).blobs();
    assert_eq!(fs::read_dir(&inside).unwrap().count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(fs::read_dir(&inside).unwrap().next().unwrap().unwrap().metadata().unwrap().nlink(), 2, "two names of one file");
    }
    made.unlocked.test_restore(&backup.path).unwrap();
    let elsewhere = scratch();
    backup::restore(elsewhere.path(), &backup.path).unwrap();
    let unlocked = vaults::unlock(elsewhere.path()).unwrap();
    assert_eq!(whole(&unlocked.vault, &hash(&content)), content);
}

#[test]
fn the_restore_test_says_when_a_file_is_missing_or_cut() {
    let made = vaults::make();
    with_file(&made.unlocked, 1);
    let backup = made.unlocked.back_up().unwrap();
    let file = fs::read_dir(VaultFolder::at(&backup.path).blobs()).unwrap().next().unwrap().unwrap().path();
    let good = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    assert!(made.unlocked.test_restore(&backup.path).unwrap_err().to_string().contains("a file"), "gone");
    fs::write(&file, &good[..100]).unwrap();
    assert!(made.unlocked.test_restore(&backup.path).is_err(), "cut");
    fs::write(&file, &good).unwrap();
    made.unlocked.test_restore(&backup.path).unwrap();
}

#[test]
fn a_restore_brings_files_back_and_deletes_none() {
    let made = vaults::make();
    let early = with_file(&made.unlocked, 1);
    let backup = made.unlocked.back_up().unwrap();
    let late = with_file(&made.unlocked, 2);
    let both = lying(&made.unlocked.vault);
    made.unlocked.lock().unwrap();
    let folder = made.folder.path();
    // The early one is lost from the folder as well.
    let kept: Vec<_> = fs::read_dir(VaultFolder::at(&backup.path).blobs()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    fs::remove_file(folder.join("blobs").join(&kept[0])).unwrap();
    let aside = backup::restore(folder, &backup.path).unwrap().expect("the vault of before is moved aside");
    let aside_names: Vec<_> = fs::read_dir(VaultFolder::at(&aside).blobs()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(aside_names, both.iter().filter(|name| kept[0] != name.as_str()).cloned().collect::<Vec<_>>(), "what lay there lies aside");
    let unlocked = vaults::unlock(folder).unwrap();
    assert!(unlocked.alarm.is_some(), "saves are missing");
    assert_eq!(whole(&unlocked.vault, &hash(&early)), early);
    assert_eq!(lying(&unlocked.vault).len(), 2, "nothing is swept before a person decides");
    let unlocked = unlocked.accept_alarm().unwrap();
    unlocked.lock().unwrap();
    let unlocked = vaults::unlock(folder).unwrap();
    assert_eq!((lying(&unlocked.vault).len(), unlocked.vault.held_file(&hash(&late)).unwrap()), (1, None), "and afterwards what nobody knows goes");
    assert_eq!(whole(&unlocked.vault, &hash(&early)), early);
}

#[test]
fn a_new_passphrase_leaves_every_file_readable_and_needs_no_rewriting() {
    let made = vaults::make();
    let content = with_file(&made.unlocked, 1);
    let names = lying(&made.unlocked.vault);
    let (unlocked, _) = made.unlocked.change_passphrase("four entirely other words", &surrounding(9)).unwrap();
    assert_eq!(lying(&unlocked.vault), names);
    assert_eq!(whole(&unlocked.vault, &hash(&content)), content);
}
