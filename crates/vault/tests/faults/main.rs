//! Faults survived: kills, power cuts, full and broken disks, damaged and exchanged files. After
//! each of them every acknowledged save is there, or the loss is told; nothing panics.
//!
//! An ordinary run takes samples with fixed seeds. `GLADSTONE_SOAK` (a seed, or 1 for a new one)
//! runs them at full size.

// Test code stops at the first thing that does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod damage;
mod full_disk;
mod passphrase;
mod power_cut;
mod recording;
mod roll_back;

#[cfg(target_os = "linux")]
mod kill;
#[cfg(target_os = "linux")]
mod mending;
#[cfg(target_os = "linux")]
mod pulling;
#[cfg(target_os = "linux")]
mod rekey;

use std::path::Path;

use gladstone_testkit::vaults;
use gladstone_vault::Unlocked;

/// Unlocks what a fault left, with the passphrase of every test vault. It raises no alarm: that would be a
/// false one.
fn unlocked(folder: &Path) -> Result<Unlocked, String> {
    vaults::unlock(folder).map_err(|error| error.to_string()).and_then(without_alarm)
}

fn without_alarm(unlocked: Unlocked) -> Result<Unlocked, String> {
    match &unlocked.alarm {
        Some(alarm) => Err(format!("false alarm: {alarm:?}")),
        None => Ok(unlocked),
    }
}

/// Fails with everything that did not hold, the first ten in full.
fn expect_none(broken: &[String], of: usize, what: &str) {
    assert!(broken.is_empty(), "{} of {of} {what}: {:#?}", broken.len(), &broken[..broken.len().min(10)]);
}

/// Tells on the error output how many points a suite ran; shown in a soak and on failure.
fn report(line: impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
