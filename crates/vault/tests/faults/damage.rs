//! Damage to the files of a vault: bits, pages, lengths, whole files. Each is refused, raises the
//! alarm, or does not verify; never is something missing without a word.

use std::{collections::BTreeMap, fmt, sync::Mutex};

use gladstone_store::{Query, search};
use gladstone_testkit::{Dice, Image, Saved, dice, rows::{self, Numbers}, saves, vaults, workers};
use gladstone_vault::{Alarm, CustodyError, Unlocked, VaultError, backup, database::OpenError, folder::VaultFolder};

use crate::{expect_none, report};

const PAGE: usize = 4096;

/// What a person learns of a damage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// The vault does not open and says that it is damaged.
    Refused,
    /// It opens with the alarm that pages are damaged.
    Damaged,
    /// It opens with the alarm that saves are missing.
    Behind,
    /// It opens, and the full check finds that something is wrong.
    Unverified,
    /// Nothing is missing and all of it verifies.
    Whole,
    /// Something else: an untrue message, or something is missing without a word.
    Wrong(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// A vault of sixty saves: locked after the first forty, locked, and open with a log of the last twenty: so few
/// that it was not folded into the file meanwhile.
struct Specimen {
    half: Image,
    locked: Image,
    open: Image,
    saved: Saved,
}

fn specimen() -> Specimen {
    let made = vaults::make();
    let folder = made.folder.path();
    saves::save_all(&made.unlocked.vault, 0..40);
    made.unlocked.lock().unwrap();
    let half = Image::of(folder);
    let unlocked = vaults::unlock(folder).unwrap();
    let saved = saves::save_all(&unlocked.vault, 40..60).pop().unwrap();
    let open = Image::of(folder);
    unlocked.lock().unwrap();
    Specimen { half, locked: Image::of(folder), open, saved }
}

fn outcome(image: &Image, saved: &Saved) -> Outcome {
    let folder = image.unpack();
    let unlocked = match vaults::unlock(folder.path()) {
        Ok(unlocked) => unlocked,
        Err(CustodyError::Open(OpenError::Damaged(_) | OpenError::Store(gladstone_store::StoreError::Damaged(_))) | CustodyError::Vault(VaultError::Store(gladstone_store::StoreError::Damaged(_)))) => return Outcome::Refused,
        Err(error) => return Outcome::Wrong(format!("it says: {error} ({error:?})")),
    };
    match &unlocked.alarm {
        Some(Alarm::Damaged(_)) => return Outcome::Damaged,
        Some(Alarm::Behind { missing: 1.. }) => return Outcome::Behind,
        Some(other) => return Outcome::Wrong(format!("{other:?}")),
        None => {}
    }
    if unlocked.vault.verify(&mut |_, _| true).is_err() {
        return Outcome::Unverified;
    }
    match everything(&unlocked, saved) {
        Ok(()) => Outcome::Whole,
        Err(why) => Outcome::Wrong(format!("it opens and verifies, but {why}")),
    }
}

/// Whether everything is there, also by way of the indexes and the search.
fn everything(unlocked: &Unlocked, saved: &Saved) -> Result<(), String> {
    let vault = &unlocked.vault;
    if Saved::of(saved.saves, &vault.state()) != *saved {
        return Err("it is not what was saved last".into());
    }
    let people = vault.read(|read| read.count("users", &Query::by("role", "patient"))).map_err(|error| error.to_string())?;
    if people != 10 {
        return Err(format!("{people} of 10 people are in the index of roles"));
    }
    for number in 0..saved.saves {
        let (word, entity, wanted) = match number % 6 {
            0 => (format!("person{number} person {number}"), "users", 1),
            2 => (format!("week{number:04} canal"), "journal_entries", 0),
            4 => (format!("week{number:04} canal"), "journal_entries", 1),
            _ => continue,
        };
        let found = vault.read(|read| search::find(read, &word, Some(entity), 200)).map_err(|error| error.to_string())?.len();
        if found != wanted {
            return Err(format!("the search for “{word}” finds {found} rows"));
        }
    }
    Ok(())
}

/// Runs a table of damages; each outcome must be one of `allowed`.
fn run(what: &str, saved: &Saved, allowed: &[Outcome], feed: impl FnOnce(&mut dyn FnMut((String, Image)))) -> BTreeMap<Outcome, usize> {
    let seen = Mutex::new(BTreeMap::new());
    let (count, broken) = workers::check_all(feed, |(name, image): (String, Image)| {
        let outcome = outcome(&image, saved);
        let good = allowed.contains(&outcome);
        let told = format!("{name}: {outcome}");
        *seen.lock().unwrap().entry(outcome).or_insert(0) += 1;
        if good { Ok(()) } else { Err(told) }
    });
    let seen = seen.into_inner().unwrap();
    report(format_args!("{what}: {count} cases, {seen:?}"));
    expect_none(&broken, count, "damages had another outcome than they must");
    seen
}

#[test]
fn a_flipped_bit_anywhere_in_the_file_is_noticed() {
    let specimen = specimen();
    let mut dice = Dice::of("flipped bit");
    let (bits, pages) = (dice::size(48, 3_000), specimen.locked.file("vault.db").len() / PAGE);
    let seen = run("bits flipped in the file", &specimen.saved, &[Outcome::Refused, Outcome::Damaged, Outcome::Unverified], |feed| {
        for number in 0..bits {
            // The first page, whose damage looks like a wrong key, is not left to chance.
            let page = if number < 4 { 0 } else { dice.below(pages) };
            feed(flipped(&specimen.locked, "vault.db", page * PAGE + dice.below(PAGE), &mut dice));
        }
    });
    assert!(seen.contains_key(&Outcome::Refused), "a damaged first page is refused");
}

#[test]
fn a_flipped_bit_in_the_log_loses_no_save_silently() {
    let specimen = specimen();
    let mut dice = Dice::of("flipped bit in the log");
    let length = specimen.open.file("vault.db-wal").len();
    let seen = run("bits flipped in the log", &specimen.saved, &[Outcome::Behind, Outcome::Whole, Outcome::Refused, Outcome::Damaged], |feed| {
        for number in 0..dice::size(40, 1_500) {
            // The first entries are those that are not yet in the file; the rest is of an earlier round.
            let at = dice.below(if number < 4 { 32 } else if number % 2 == 0 { length / 10 } else { length });
            feed(flipped(&specimen.open, "vault.db-wal", at, &mut dice));
        }
    });
    assert!(seen.contains_key(&Outcome::Behind), "a log that is cut short is a loss, and the alarm says so");
}

#[test]
fn a_page_in_the_place_of_another_one_is_noticed() {
    let specimen = specimen();
    let mut dice = Dice::of("exchanged page");
    let pages = specimen.locked.file("vault.db").len() / PAGE;
    run("pages exchanged", &specimen.saved, &[Outcome::Refused, Outcome::Damaged, Outcome::Unverified], |feed| {
        for _ in 0..dice::size(16, 600) {
            let (from, to) = (dice.below(pages), dice.below(pages));
            if from != to {
                let mut image = specimen.locked.clone();
                let page = specimen.locked.file("vault.db")[from * PAGE..][..PAGE].to_vec();
                image.file_mut("vault.db")[to * PAGE..][..PAGE].copy_from_slice(&page);
                feed((format!("page {from} in the place of {to}"), image));
            }
        }
    });
}

#[test]
fn an_older_version_of_a_page_is_noticed_at_the_latest_by_the_full_check() {
    let specimen = specimen();
    let (old, new) = (specimen.half.file("vault.db"), specimen.locked.file("vault.db"));
    let changed: Vec<usize> = (0..old.len() / PAGE).filter(|page| old[page * PAGE..][..PAGE] != new[page * PAGE..][..PAGE]).collect();
    assert!(changed.len() > 20, "the second half changed pages of the first one");
    // An inner page of the search index may be older and still lead to every row: nothing is missing then.
    let seen = run("old pages put back", &specimen.saved, &[Outcome::Refused, Outcome::Damaged, Outcome::Behind, Outcome::Unverified, Outcome::Whole], |feed| {
        for page in &changed {
            let mut image = specimen.locked.clone();
            image.file_mut("vault.db")[page * PAGE..][..PAGE].copy_from_slice(&old[page * PAGE..][..PAGE]);
            feed((format!("old page {page}"), image));
        }
    });
    assert!(seen.get(&Outcome::Whole).is_none_or(|whole| whole * 8 <= changed.len()), "an old page is harmless in few places only: {seen:?}");
}

#[test]
fn a_file_or_log_that_is_cut_short_is_noticed() {
    let specimen = specimen();
    let mut dice = Dice::of("cut short");
    let (file, log) = (specimen.locked.file("vault.db").len(), specimen.open.file("vault.db-wal").len());
    run("files cut short", &specimen.saved, &[Outcome::Refused, Outcome::Damaged, Outcome::Behind], |feed| {
        let random: Vec<usize> = (0..dice::size(8, 300)).map(|_| dice.below(file)).collect();
        for length in [0, 1, 16, 100, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, file / 2 / PAGE * PAGE, file - PAGE, file - 1].into_iter().chain(random) {
            let mut image = specimen.locked.clone();
            image.file_mut("vault.db").truncate(length);
            feed((format!("file cut to {length}"), image));
        }
        let mut gone = specimen.locked.clone();
        gone.0.remove("vault.db");
        feed(("file gone".into(), gone));
    });
    // The end of a log is what an earlier round left; without that, nothing is missing.
    let seen = run("logs cut short", &specimen.saved, &[Outcome::Behind, Outcome::Damaged, Outcome::Refused, Outcome::Whole], |feed| {
        let random: Vec<usize> = (0..dice::size(6, 300)).map(|_| dice.below(log)).collect();
        for length in [0, 31, 32, 56, 4_152].into_iter().chain(random) {
            let mut image = specimen.open.clone();
            image.file_mut("vault.db-wal").truncate(length);
            image.0.remove("vault.db-shm");
            feed((format!("log cut to {length}"), image));
        }
    });
    assert!(seen.get(&Outcome::Behind).is_some_and(|behind| *behind >= 5), "a log without its first entries is a loss, and the alarm says so: {seen:?}");
}

#[test]
fn another_file_in_the_place_of_the_vault_is_refused() {
    let specimen = specimen();
    let other = {
        let made = vaults::make();
        made.unlocked.lock().unwrap();
        Image::of(made.folder.path()).file("vault.db").to_vec()
    };
    let mut noise = vec![0; 100 * PAGE];
    Dice::of("noise").fill(&mut noise);
    run("other files", &specimen.saved, &[Outcome::Refused], |feed| {
        for (name, bytes) in [("another vault's file", other), ("noise", noise), ("zeros", vec![0; 50 * PAGE]), ("a text", b"ruined".to_vec())] {
            let mut image = specimen.locked.clone();
            *image.file_mut("vault.db") = bytes;
            feed((name.into(), image));
        }
    });
}

#[test]
fn an_unencrypted_file_in_the_place_of_the_vault_is_refused_as_such() {
    let made = vaults::make();
    let key = vaults::root_key(made.folder.path(), &made.code);
    let path = made.unlocked.folder.database();
    made.unlocked.lock().unwrap();
    std::fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE users (name TEXT); INSERT INTO users VALUES ('Mallory')").unwrap();
    let refused = gladstone_vault::database::open_writer(&path, &key.database());
    assert!(matches!(refused, Err(OpenError::Plain)), "an unencrypted file is never taken for the vault");
    assert!(vaults::unlock(made.folder.path()).is_err(), "nor is it by way of the passphrase");
}

#[test]
fn a_wrong_key_opens_nothing_and_changes_nothing() {
    let made = vaults::make();
    let path = made.unlocked.folder.database();
    made.unlocked.lock().unwrap();
    let before = Image::of(made.folder.path());
    let wrong = gladstone_vault::keys::root_key::RootKey::generate().unwrap();
    let refused = gladstone_vault::database::open_writer(&path, &wrong.database());
    assert!(matches!(refused, Err(OpenError::WrongKey)), "the wrong key is told from damage of other pages");
    assert_eq!(Image::of(made.folder.path()).file("vault.db"), before.file("vault.db"), "the try left the file as it was");
}

fn flipped(image: &Image, file: &str, at: usize, dice: &mut Dice) -> (String, Image) {
    let mut image = image.clone();
    let bit = dice.below(8);
    image.file_mut(file)[at] ^= 1 << bit;
    (format!("bit {bit} of byte {at} of {file}"), image)
}

#[test]
fn a_large_file_is_checked_beside_the_work_and_its_damage_is_told() {
    let made = vaults::make();
    let folder = made.folder.path();
    let text = "a long note ".repeat(60_000);
    let numbers = Numbers::default();
    for _ in 0..16 {
        made.unlocked.vault.commit("test.note", |tx| rows::make(tx, "journal_prompts", &numbers, &[("text", text.as_str().into())])).unwrap();
    }
    made.unlocked.lock().unwrap();

    let path = folder.join("vault.db");
    let whole = std::fs::read(&path).unwrap();
    assert!(whole.len() > 16 * 1024 * 1024, "the file is too large to be checked at once: {} bytes", whole.len());
    let told = |unlocked: &mut Unlocked| {
        let (tell, told) = std::sync::mpsc::channel();
        unlocked.go_on_beside(true, move |alarm| drop(tell.send(alarm))).unwrap();
        told.recv_timeout(std::time::Duration::from_secs(60)).ok()
    };
    let mut unlocked = vaults::unlock(folder).unwrap();
    assert_eq!(told(&mut unlocked), None, "a whole file raises nothing; the check ends by itself");
    let made = backup::list(&VaultFolder::at(folder)).unwrap();
    assert_eq!(made.len(), 1, "and then the backup that was due is made");
    unlocked.test_restore(&made[0].path).unwrap();
    unlocked.lock().unwrap();

    let mut damaged = whole;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&path, damaged).unwrap();
    let mut unlocked = vaults::unlock(folder).unwrap();
    assert_eq!(unlocked.alarm, None, "nobody waits for the check");
    assert!(matches!(told(&mut unlocked), Some(Alarm::Damaged(_))), "what it finds is told");
    unlocked.lock().unwrap();

    let mut unlocked = vaults::unlock(folder).unwrap();
    unlocked.go_on_beside(true, |_| {}).unwrap();
    unlocked.lock().unwrap();
    assert_eq!(backup::list(&VaultFolder::at(folder)).unwrap().len(), 1, "of a damaged file, or one that is locked at once, no backup is made");
}
