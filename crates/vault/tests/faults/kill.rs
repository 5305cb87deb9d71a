//! Kills: a process that saves, recovers or makes a vault is stopped before every call that
//! changes the disk; what lies there then must open with the passphrase, with everything in it.

use std::path::Path;

use gladstone_testkit::{Dice, Image, Saved, dice, image::scratch, power::Platter, reexec, saves, surround::surrounding, traced::{self, Ended, Next}, vaults, workers};
use gladstone_vault::custody;
use uuid::Uuid;

use crate::{expect_none, recording, report, unlocked, without_alarm};

/// What a kill left, and which saves were acknowledged by then.
pub struct Left {
    pub at: usize,
    pub image: Image,
    pub said: Vec<String>,
}

impl Left {
    /// The last acknowledged save.
    pub fn acknowledged(&self) -> Saved {
        self.said.iter().rev().find_map(|line| Saved::parse(line)).unwrap_or_else(Saved::nothing)
    }
}

#[test]
fn a_kill_before_any_write_of_sixty_saves_loses_no_acknowledged_save() {
    if let Some(folder) = reexec::part() {
        let unlocked = vaults::unlock(&folder).unwrap();
        reexec::say(traced::BEGIN);
        for number in 0..dice::size(saves::ORDINARY, 300) {
            reexec::say(saves::save(&unlocked.vault, number).unwrap());
        }
        unlocked.lock().unwrap();
        return;
    }
    let made = vaults::make();
    made.unlocked.lock().unwrap();
    let base = Image::of(made.folder.path());
    let name = "kill::a_kill_before_any_write_of_sixty_saves_loses_no_acknowledged_save";
    let (points, count, broken) = at_points(&base, name, dice::size(11, 1), |left| {
        let folder = left.image.unpack();
        let unlocked = unlocked(folder.path())?;
        saves::complete(&unlocked.vault, &left.acknowledged())?;
        let next = unlocked.vault.state().dseq as usize;
        saves::save(&unlocked.vault, next).map_err(|error| format!("it takes no further save: {error}"))?;
        unlocked.vault.verify(&mut |_, _| true).map_err(|error| format!("after a further save: {error}"))?;
        Ok(())
    });
    report(format_args!("kills while saving: {count} of {points} points"));
    assert!(points > 1_500, "the trace saw the writes: {points}");
    expect_none(&broken, count, "kills lost something");
}

#[test]
fn a_write_torn_by_a_kill_loses_no_acknowledged_save() {
    let recording = recording::ordinary(dice::size(saves::ORDINARY, 300));
    let mut dice = Dice::of("torn write");
    let wanted = dice.sample(dice::size(300, 10_000), recording.events.len());
    let feed = |feed: &mut dyn FnMut((usize, Image, Saved))| {
        let (mut platter, mut played) = (Platter::new(recording.base.clone()), 0);
        for at in wanted {
            recording.events[played..at].iter().for_each(|event| platter.play(event));
            played = at;
            feed((at, platter.killed_within(&recording.events[at], &mut dice), recording.saved[platter.acknowledged()].clone()));
        }
    };
    let (count, broken) = workers::check_all(feed, |(at, image, acknowledged)| {
        let folder = image.unpack();
        let vault = vaults::open(folder.path(), &recording.key).map_err(|error| format!("torn at {at}: {error}"))?;
        saves::complete(&vault, &acknowledged).map_err(|why| format!("torn at {at}: {why}"))
    });
    report(format_args!("torn writes: {count} of {} operations", recording.events.len()));
    expect_none(&broken, count, "torn writes lost something");
}

#[test]
fn a_kill_during_the_recovery_after_a_kill_loses_nothing() {
    if let Some(folder) = reexec::part() {
        reexec::say(traced::BEGIN);
        vaults::unlock(&folder).unwrap().lock().unwrap();
        return;
    }
    let made = vaults::make();
    let saved = saves::save_all(&made.unlocked.vault, 0..20);
    let hot = Image::of(made.folder.path());
    assert!(hot.file("vault.db-wal").len() > 100_000, "the log is there to be recovered");
    let name = "kill::a_kill_during_the_recovery_after_a_kill_loses_nothing";
    let (points, count, broken) = at_points(&hot, name, 1, |left| {
        let folder = left.image.unpack();
        let unlocked = unlocked(folder.path())?;
        saves::complete(&unlocked.vault, &saved[19])
    });
    report(format_args!("kills while recovering: {count} of {points} points"));
    expect_none(&broken, count, "kills lost something");
}

#[test]
fn a_kill_while_a_vault_is_made_leaves_a_whole_one_or_room_for_one() {
    if let Some(folder) = reexec::part() {
        reexec::say(traced::BEGIN);
        let (_, code) = create(&folder).unwrap();
        reexec::say(format_args!("made {}", code.to_text().as_str()));
        return;
    }
    let name = "kill::a_kill_while_a_vault_is_made_leaves_a_whole_one_or_room_for_one";
    let (points, count, broken) = at_points(&Image::default(), name, dice::size(30, 1), |left| {
        let folder = left.image.unpack();
        let known = gladstone_vault::folder::VaultFolder::at(folder.path()).header().is_some();
        if !known && left.said.iter().any(|line| line.starts_with("made")) {
            return Err("the vault was given out and is not there".into());
        }
        let unlocked = if known { vaults::unlock(folder.path()) } else { create(folder.path()).map(|(unlocked, _)| unlocked) }.map_err(|error| format!("header {known}: {error}"))?;
        let unlocked = without_alarm(unlocked)?;
        saves::save(&unlocked.vault, 0).map_err(|error| error.to_string())?;
        unlocked.vault.verify(&mut |_, _| true).map_err(|error| error.to_string())?;
        Ok(())
    });
    report(format_args!("kills while a vault is made: {count} of {points} points"));
    expect_none(&broken, count, "kills left neither");
}

#[test]
fn a_process_that_is_really_killed_leaves_what_was_acknowledged() {
    if let Some(folder) = reexec::part() {
        let unlocked = vaults::unlock(&folder).unwrap();
        reexec::say(traced::BEGIN);
        for number in 0..saves::ORDINARY {
            reexec::say(saves::save(&unlocked.vault, number).unwrap());
        }
        return;
    }
    let made = vaults::make();
    made.unlocked.lock().unwrap();
    let base = Image::of(made.folder.path());
    let mut dice = Dice::of("real kill");
    for _ in 0..dice::size(6, 200) {
        let (folder, last) = (base.unpack(), dice.below(1_500));
        let command = reexec::again("kill::a_process_that_is_really_killed_leaves_what_was_acknowledged", folder.path());
        let Ended { said, code, .. } = traced::run(command, |stop| if stop.number == last { Next::Kill } else { Next::Go });
        assert_eq!(code, None, "the process was killed at call {last}");
        let left = Left { at: last, image: Image::default(), said };
        let unlocked = vaults::unlock(folder.path()).unwrap();
        assert_eq!(unlocked.alarm, None, "a kill at call {last} is no reason for an alarm");
        saves::complete(&unlocked.vault, &left.acknowledged()).unwrap();
    }
}

/// Runs the other part of a test in a copy of `base` and checks what a kill would leave at one of
/// each `every` points, at all of those around a renaming, and at the end. Returns the number of
/// points, of checks, and what did not hold.
pub fn at_points(base: &Image, test: &str, every: usize, check: impl Fn(&Left) -> Result<(), String> + Sync) -> (usize, usize, Vec<String>) {
    let mut dice = Dice::of(test);
    let (mut points, mut chosen) = (0, 0);
    let feed = |feed: &mut dyn FnMut(Left)| {
        let folder = base.unpack();
        let left = |number: usize, said: &[String]| Left { at: number, image: Image::of(folder.path()), said: said.to_vec() };
        let ended = traced::run(reexec::again(test, folder.path()), |stop| {
            if stop.number.is_multiple_of(every) {
                chosen = stop.number + dice.below(every);
            }
            if stop.number == chosen || stop.since_renaming.is_some_and(|stops| stops < 3) {
                feed(left(stop.number, stop.said));
            }
            Next::Go
        });
        assert_eq!(ended.code, Some(0), "the other part of {test}: {:#?}", ended.said);
        feed(left(ended.stops, &ended.said));
        points = ended.stops + 1;
    };
    let (checked, broken) = workers::check_all(feed, |left: Left| check(&left).map_err(|why| format!("at point {}: {why}", left.at)));
    (points, checked, broken)
}

fn create(folder: &Path) -> Result<(gladstone_vault::Unlocked, gladstone_vault::keys::recovery_code::RecoveryCode), gladstone_vault::CustodyError> {
    custody::create(folder, "Amara", vaults::PASSPHRASE, Uuid::from_u128(7), &surrounding(1))
}

#[test]
fn the_trace_sees_a_process_that_writes_nothing_as_one_without_points() {
    if reexec::part().is_some() {
        reexec::say(traced::BEGIN);
        return;
    }
    let folder = scratch();
    let ended = traced::run(reexec::again("kill::the_trace_sees_a_process_that_writes_nothing_as_one_without_points", folder.path()), |_| Next::Go);
    assert_eq!((ended.stops, ended.code), (0, Some(0)), "only calls that change the disk count");
}
