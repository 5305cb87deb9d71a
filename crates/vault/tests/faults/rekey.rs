//! A change of the passphrase that is killed at any step: the old or the new one opens the vault,
//! with everything in it.

use gladstone_testkit::{Image, dice, reexec, saves, surround::surrounding, traced, vaults};
use gladstone_vault::{CustodyError, custody, keys::KeyError};

use crate::{expect_none, kill::at_points, report, without_alarm};

const NEW: &str = "four new short words";

#[test]
fn a_change_of_the_passphrase_killed_at_any_step_leaves_one_that_opens_everything() {
    if let Some(folder) = reexec::part() {
        let unlocked = vaults::unlock(&folder).unwrap();
        reexec::say(traced::BEGIN);
        let (unlocked, _) = unlocked.change_passphrase(NEW, &surrounding(4)).unwrap();
        reexec::say("changed");
        unlocked.lock().unwrap();
        return;
    }
    let made = vaults::make();
    let saved = saves::save_all(&made.unlocked.vault, 0..30);
    made.unlocked.lock().unwrap();
    let base = Image::of(made.folder.path());
    let name = "rekey::a_change_of_the_passphrase_killed_at_any_step_leaves_one_that_opens_everything";
    let by_new = std::sync::atomic::AtomicUsize::new(0);
    let (points, count, broken) = at_points(&base, name, dice::size(200, 1), |left| {
        let folder = left.image.unpack();
        let changed = left.said.iter().any(|line| line == "changed");
        let unlocked = match vaults::unlock(folder.path()) {
            Ok(_) if changed => return Err("the old passphrase still opens it".into()),
            Ok(unlocked) => unlocked,
            Err(CustodyError::Key(KeyError::WrongPassphrase { .. })) => {
                by_new.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                custody::unlock(folder.path(), NEW, &surrounding(5)).map_err(|error| format!("neither opens it; the new one: {error}"))?
            }
            Err(error) => return Err(format!("the old passphrase: {error}")),
        };
        let unlocked = without_alarm(unlocked)?;
        saves::complete(&unlocked.vault, &gladstone_testkit::Saved { stand: saves::stand(&unlocked.vault.state()), ..saved[29].clone() })?;
        if unlocked.vault.state().chain_head != saved_head(&saved[29].stand) {
            return Err("the chain ends with another entry".into());
        }
        let next = unlocked.vault.state().dseq as usize;
        saves::save(&unlocked.vault, next).map_err(|error| format!("it takes no further save: {error}"))?;
        Ok(())
    });
    let by_new = by_new.into_inner();
    report(format_args!("kills while the passphrase is changed: {count} of {points} points, {by_new} of them open with the new one"));
    assert!(by_new > 5 && by_new < count, "the points lie on both sides of the swap");
    expect_none(&broken, count, "kills lost something");
}

/// The hash of the last entry, out of the text that stands for a vault's state.
fn saved_head(stand: &str) -> [u8; 32] {
    std::array::from_fn(|at| u8::from_str_radix(&stand[at * 2..at * 2 + 2], 16).unwrap())
}
