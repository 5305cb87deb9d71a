//! Power cuts: what was not synced is lost in part, in any order, and torn within a write.

use gladstone_testkit::{Dice, Image, Saved, dice, power::{LOSSES, Loss, Platter}, saves, vaults, workers};
use gladstone_vault::{Alarm, keys::root_key::RootKey};

use crate::{expect_none, recording::{self, Recording}, report, unlocked};

struct Cut {
    at: usize,
    loss: Loss,
    image: Image,
    acknowledged: Saved,
    by_passphrase: bool,
}

#[test]
fn a_power_cut_at_any_moment_loses_no_acknowledged_save() {
    let recording = recording::ordinary(dice::size(saves::ORDINARY, 300));
    let (count, broken) = workers::check_all(|feed| cuts(&recording, dice::size(600, 30_000), "power cut", feed), |cut| survives(&cut, &recording.key));
    report(format_args!("power cuts: {count} images out of {} operations, {} saves", recording.events.len(), recording.saved.len() - 1));
    expect_none(&broken, count, "images lost something");
}

#[test]
fn without_full_syncing_the_same_cuts_lose_saves_and_the_alarm_says_so() {
    let recording = recording::careless(saves::ORDINARY);
    let lost = std::sync::atomic::AtomicUsize::new(0);
    let (count, broken) = workers::check_all(
        |feed| cuts(&recording, 120, "careless", feed),
        |mut cut| {
            let folder = cut.image.unpack();
            let vault = vaults::open(folder.path(), &recording.key).map_err(|error| format!("cut at {}: {error}", cut.at))?;
            let state = vault.state();
            if state.dseq >= cut.acknowledged.dseq {
                return Ok(());
            }
            drop(vault);
            // Every eighth loss is looked at through the passphrase and the start-up ladder.
            if !lost.fetch_add(1, std::sync::atomic::Ordering::Relaxed).is_multiple_of(8) {
                return Ok(());
            }
            *cut.image.file_mut("anchor") = recording.anchors[cut.acknowledged.saves].clone();
            let unlocked = vaults::unlock(cut.image.unpack().path()).map_err(|error| error.to_string())?;
            let missing = cut.acknowledged.dseq - state.dseq;
            if unlocked.alarm == Some(Alarm::Behind { missing }) { Ok(()) } else { Err(format!("cut at {}: {missing} saves are missing, and the alarm is {:?}", cut.at, unlocked.alarm)) }
        },
    );
    let lost = lost.into_inner();
    report(format_args!("canary: {lost} of {count} images lost an acknowledged save without full syncing"));
    expect_none(&broken, count, "losses were silent");
    assert!(lost > count / 10, "the images must be able to show a loss: {lost} of {count} did");
}

/// Images at moments that are spread over the recording, each with all kinds of loss.
fn cuts(recording: &Recording, count: usize, test: &str, feed: &mut dyn FnMut(Cut)) {
    let mut dice = Dice::of(test);
    let moments = count / LOSSES.len();
    let mut wanted: Vec<usize> = if moments >= recording.events.len() { (0..moments).map(|_| dice.below(recording.events.len() + 1)).collect() } else { dice.sample(moments, recording.events.len() + 1) };
    wanted.sort_unstable();
    let (mut platter, mut played, mut number) = (Platter::new(recording.base.clone()), 0, 0_usize);
    for at in wanted {
        recording.events[played..at].iter().for_each(|event| platter.play(event));
        played = at;
        for loss in LOSSES {
            let acknowledged = platter.acknowledged();
            let mut image = platter.cut(loss, &mut dice);
            // The anchor beside the vault is never synced: any of those that were written may be there.
            *image.file_mut("anchor") = recording.anchors[if dice.coin() { acknowledged } else { dice.below(acknowledged + 1) }].clone();
            number += 1;
            feed(Cut { at, loss, image, acknowledged: recording.saved[acknowledged].clone(), by_passphrase: number.is_multiple_of(dice::size(8, 64)) });
        }
    }
}

fn survives(cut: &Cut, key: &RootKey) -> Result<(), String> {
    let folder = cut.image.unpack();
    let told = |why: String| format!("cut at {}, {:?} lost: {why}", cut.at, cut.loss);
    if cut.by_passphrase {
        let unlocked = unlocked(folder.path()).map_err(told)?;
        saves::complete(&unlocked.vault, &cut.acknowledged).map_err(told)
    } else {
        let vault = vaults::open(folder.path(), key).map_err(|error| told(error.to_string()))?;
        saves::complete(&vault, &cut.acknowledged).map_err(told)
    }
}
