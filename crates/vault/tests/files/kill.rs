//! Kills while files are added: what was acknowledged is there with its record, what was not is gone
//! with everything of it. And while what came from the centre becomes a file.

use std::{fs, path::Path};

use gladstone_testkit::{Dice, dice, image::scratch, reexec, traced::{self, Next}, vaults};
use tempfile::TempDir;

use crate::{attach, bytes, lying, person, whole};

const NAME: &str = "kill::a_kill_while_files_are_added_leaves_them_whole_with_their_records_or_not_at_all";
const FILES: u64 = 3;

/// A copy of a folder with all that is in it.
fn copy(from: &Path) -> TempDir {
    fn into(from: &Path, to: &Path) {
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                fs::create_dir(&target).unwrap();
                into(&entry.path(), &target);
            } else if fs::copy(entry.path(), &target).is_err() {
                // Gone between the two looks: SQLite's own side files.
                assert!(!entry.path().exists(), "{}", entry.path().display());
            }
        }
    }
    let target = scratch();
    into(from, target.path());
    target
}

fn size(number: u64) -> usize {
    70_000 + 50_000 * number as usize
}

#[test]
fn a_kill_while_files_are_added_leaves_them_whole_with_their_records_or_not_at_all() {
    if let Some(folder) = reexec::part() {
        let unlocked = vaults::unlock(&folder).unwrap();
        let person = person(&unlocked.vault);
        reexec::say(traced::BEGIN);
        for number in 0..FILES {
            attach(&unlocked.vault, person, &format!("{number}.pdf"), &bytes(number, size(number))).unwrap();
            reexec::say(format_args!("added {number}"));
        }
        unlocked.lock().unwrap();
        return;
    }
    let made = vaults::make();
    made.unlocked.lock().unwrap();
    let base = copy(made.folder.path());
    let (mut chance, every) = (Dice::of("kill while adding files"), dice::size(4, 1));
    let mut checked = 0;
    let mut check = |stop: usize, said: &[String]| {
        let left = copy(base.path());
        let unlocked = vaults::unlock(left.path()).unwrap();
        assert_eq!(unlocked.alarm, None, "at {stop}");
        let known = unlocked.vault.read(|read| read.list("attachments", &gladstone_store::Query::default())).unwrap();
        let acknowledged = said.iter().filter(|line| line.starts_with("added")).count();
        assert!(known.len() == acknowledged || known.len() == acknowledged + 1, "at {stop}: {} records, {acknowledged} acknowledged", known.len());
        for number in 0..known.len() as u64 {
            let content = bytes(number, size(number));
            assert_eq!(whole(&unlocked.vault, &crate::hash(&content)), content, "at {stop}: file {number}");
        }
        assert_eq!(lying(&unlocked.vault).len(), known.len(), "at {stop}: nothing is left over");
        checked += 1;
    };
    let ended = traced::run(reexec::again(NAME, base.path()), |stop| {
        if stop.number.is_multiple_of(every) || stop.since_renaming.is_some_and(|stops| stops < 3) || chance.below(20) == 0 {
            check(stop.number, stop.said);
        }
        Next::Go
    });
    assert_eq!(ended.code, Some(0), "{:#?}", ended.said);
    check(ended.stops, &ended.said);
    assert!(checked > 10, "{checked} of {} points", ended.stops);
}

const TAKING: &str = "kill::a_kill_while_what_came_becomes_a_file_leaves_the_part_or_the_file";

#[test]
fn a_kill_while_what_came_becomes_a_file_leaves_the_part_or_the_file() {
    if let Some(folder) = reexec::part() {
        let unlocked = vaults::unlock(&folder).unwrap();
        let transfer = unlocked.vault.next_file().unwrap().unwrap();
        reexec::say(traced::BEGIN);
        assert!(unlocked.vault.take_part(&transfer).unwrap());
        reexec::say("taken");
        unlocked.lock().unwrap();
        return;
    }
    let content = bytes(7, 200_000);
    let made = vaults::make();
    let vault = &made.unlocked.vault;
    vault.join(&crate::realm(vault.state().actor)).unwrap();
    let person = person(vault);
    crate::named(vault, person, &content, content.len() as i64);
    vault.plan_files().unwrap();
    let transfer = vault.next_file().unwrap().unwrap();
    // All of it has come: what a colleague of the same realm would send.
    let other = gladstone_testkit::Laptop::new(9, uuid::Uuid::nil());
    other.vault.join(&crate::realm(uuid::Uuid::from_u128(8))).unwrap();
    let theirs = crate::person(&other.vault);
    attach(&other.vault, theirs, "a.pdf", &content).unwrap();
    let (mut part, _) = vault.open_part(&transfer).unwrap();
    std::io::Write::write_all(&mut part, &other.vault.seal_part(&transfer, 0, usize::MAX).unwrap()).unwrap();
    made.unlocked.lock().unwrap();
    let base = copy(made.folder.path());
    let mut checked = 0;
    let mut check = |stop: usize, said: &[String]| {
        let left = copy(base.path());
        let unlocked = vaults::unlock(left.path()).unwrap();
        assert_eq!(unlocked.alarm, None, "at {stop}");
        let hash = crate::hash(&content);
        if unlocked.vault.held_file(&hash).unwrap().is_none() {
            assert!(!said.iter().any(|line| line == "taken"), "at {stop}: it was taken and is gone");
            assert!(lying(&unlocked.vault).is_empty(), "at {stop}: nothing is left over");
            let transfer = unlocked.vault.next_file().unwrap().unwrap_or_else(|| panic!("at {stop}: it waits"));
            assert!(unlocked.vault.take_part(&transfer).unwrap(), "at {stop}: the part is there");
        }
        assert_eq!(whole(&unlocked.vault, &hash), content, "at {stop}");
        assert_eq!(lying(&unlocked.vault).len(), 1, "at {stop}");
        assert_eq!(unlocked.vault.files_on_their_way().unwrap(), [], "at {stop}");
        checked += 1;
    };
    let ended = traced::run(reexec::again(TAKING, base.path()), |stop| {
        if stop.number.is_multiple_of(dice::size(2, 1)) || stop.since_renaming.is_some_and(|stops| stops < 3) {
            check(stop.number, stop.said);
        }
        Next::Go
    });
    assert_eq!(ended.code, Some(0), "{:#?}", ended.said);
    check(ended.stops, &ended.said);
    assert!(checked > 8, "{checked} of {} points", ended.stops);
}
