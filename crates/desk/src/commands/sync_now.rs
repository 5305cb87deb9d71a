//! Synchronizing now, holding it up, and letting it go on: what a person asks of it by hand.

use std::sync::Arc;

use gladstone_model::catalogue;
use gladstone_sync::{blobs::move_files, join, sync_once};
use gladstone_vault::{Vault, VaultError};

use super::{app::Empty, sync::{SyncStatus, small, status}, sync_join::join_error, wire};
use crate::{desk::Desk, error::{Code, DeskError}, events::Event};

wire! {
    /// Whether to wait until it is done.
    pub struct NowRequest {
        /// True on the command line; a window is told by events.
        #[serde(default)]
        pub wait: bool,
    }
}

/// See the command list.
///
/// # Errors
/// This vault belongs to no centre, or is paused; with `wait` also why it did not come to its end.
pub fn now(desk: &Desk, request: NowRequest) -> Result<SyncStatus, DeskError> {
    if is_paused(desk)? {
        return Err(paused());
    }
    if !request.wait {
        if !desk.sync_now() {
            desk.with_unlocked(|unlocked| unlocked.vault.replica()?.map(|_| ()).ok_or_else(|| DeskError::from(VaultError::NotJoined)))?;
            desk.start_sync();
        }
        return status(desk, Empty {});
    }
    desk.stop_sync();
    let report = desk.with_unlocked(|unlocked| {
        let centre = Arc::new(join::connect(&unlocked.vault).map_err(join_error)?);
        let _asked = desk.asks_centre(centre.clone());
        // Who paused it in this very moment found nothing to end.
        if unlocked.vault.paused_since()?.is_some() {
            return Err(paused());
        }
        let mut counted = progress(desk, unlocked.vault.waiting()?.count);
        let mut report = sync_once(&unlocked.vault, &*centre, &mut |status| counted(status.waiting)).map_err(|error| match unlocked.vault.paused_since() {
            Ok(Some(_)) => paused(),
            _ => DeskError::new(Code::Failed, error.to_string()),
        })?;
        // Records first, then files.
        let lend = |f: &mut dyn FnMut(&Vault)| {
            f(&unlocked.vault);
            true
        };
        let moved = move_files(&lend, &*centre, &|| true, &mut |_| ()).map_err(|error| DeskError::new(Code::Failed, error.to_string()))?;
        if moved.changed {
            report.changed.extend(catalogue().files().map(|(entity, _)| entity.name.as_str()));
        }
        Ok(report)
    });
    desk.start_sync();
    report.map(|report| desk.emit_changed(&report.changed))?;
    status(desk, Empty {})
}

/// See the command list.
///
/// # Errors
/// This vault belongs to no centre.
pub fn pause(desk: &Desk, _: Empty) -> Result<SyncStatus, DeskError> {
    desk.with_unlocked(|unlocked| {
        unlocked.vault.replica()?.ok_or_else(|| DeskError::from(VaultError::NotJoined))?;
        Ok(unlocked.vault.pause()?)
    })?;
    // What is under way is cut off: what arrived stays, and what was not answered is sent again later.
    desk.stop_sync();
    desk.emit(Event::Sync);
    status(desk, Empty {})
}

/// See the command list.
///
/// # Errors
/// This vault belongs to no centre.
pub fn resume(desk: &Desk, _: Empty) -> Result<SyncStatus, DeskError> {
    desk.with_unlocked(|unlocked| {
        unlocked.vault.replica()?.ok_or_else(|| DeskError::from(VaultError::NotJoined))?;
        Ok(unlocked.vault.resume()?)
    })?;
    desk.start_sync();
    desk.emit(Event::Sync);
    status(desk, Empty {})
}

fn is_paused(desk: &Desk) -> Result<bool, DeskError> {
    desk.with_unlocked(|unlocked| Ok(unlocked.vault.paused_since()?.is_some()))
}

fn paused() -> DeskError {
    DeskError::new(Code::Cancelled, "Synchronizing is paused. What arrived stays; let it go on to send and fetch the rest.")
}

/// Tells how much of what waited at the beginning was sent, when nothing else tells of its progress.
fn progress(desk: &Desk, waiting: u64) -> impl FnMut(Option<u64>) {
    let running = desk.jobs.begin("sync.now", small(waiting)).ok();
    move |still| {
        if let (Some(running), Some(still)) = (&running, still) {
            // It is ended by pausing, which says so by itself.
            let _ = running.step(small(waiting.saturating_sub(still)));
        }
    }
}
