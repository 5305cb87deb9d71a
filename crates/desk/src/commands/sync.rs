//! How synchronizing stands, as a person meets it: with which centre, what goes on, where a record is saved,
//! what was done, and what left this computer.

use gladstone_sync::{Phase, blobs::Moving};
use gladstone_vault::{Unlocked, replica};
use uuid::Uuid;

use super::{app::Empty, wire};
use crate::{desk::Desk, error::DeskError};

wire! {
    /// How synchronizing stands.
    pub struct SyncStatus {
        /// The centre that this vault belongs to; none when it works alone.
        pub centre: Option<CentreInfo>,
        /// What is going on.
        pub phase: SyncPhase,
        /// Changes that wait to be sent.
        pub waiting: u32,
        /// When the first of them was saved.
        pub oldest: Option<String>,
        /// Changes that the centre put aside and about which nobody has decided.
        pub set_aside: u32,
        /// What is on the line just now; none when nothing is, or what is there in a moment.
        pub on_line: Option<OnLine>,
        /// Files that wait for their turn or are moving.
        pub files: FilesWaiting,
        /// When the centre last answered.
        pub last_sync: Option<String>,
        /// Since when a person holds it up.
        pub paused_since: Option<String>,
        /// What went wrong, if anything.
        pub message: Option<String>,
    }

    /// How far what is sent or fetched is.
    #[derive(Copy, Eq)]
    pub struct OnLine {
        /// Whether it goes to the centre.
        pub sends: bool,
        /// Bytes that have passed.
        #[ts(type = "number")]
        pub done: u64,
        /// Bytes in all.
        #[ts(type = "number")]
        pub of: u64,
    }

    /// Files that wait for their turn or are moving.
    pub struct FilesWaiting {
        /// How many.
        pub waiting: u32,
        /// Bytes of them that have not arrived.
        #[ts(type = "number")]
        pub bytes: u64,
        /// How many came to no end; a person has to act.
        pub failed: u32,
    }

    /// The centre that a vault belongs to.
    pub struct CentreInfo {
        /// Its organization.
        pub organization: String,
        /// One's role there.
        pub role: String,
        /// Its address.
        pub server: String,
        /// When this computer joined.
        pub joined_at: String,
        /// Until when this computer may work without contact.
        pub works_until: String,
        /// Parts of what is for this computer that are here wholly.
        pub parts: u32,
        /// Parts whose download goes on; 0 when everything is here.
        pub parts_coming: u32,
    }

    /// What is going on.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum SyncPhase {
        /// This vault belongs to no centre.
        Alone,
        /// Nothing: it was not started.
        Off,
        /// Nothing: a person holds it up.
        Paused,
        /// Everything was sent and fetched.
        Idle,
        /// Proving who this computer is.
        SigningIn,
        /// Sending.
        Sending,
        /// Fetching.
        Receiving,
        /// The centre cannot be reached; it is tried again.
        Offline,
        /// Something else than the centre answers; it is tried again.
        Disturbed,
        /// The centre asked to wait; it is tried again.
        Busy,
        /// The centre does not know this computer's session.
        SignedOut,
        /// The right of this computer has ended.
        Revoked,
        /// A newer version is needed.
        UpgradeRequired,
        /// The centre is older than this computer; it is tried again.
        CentreOlder,
        /// Another copy of this vault goes on in its name.
        Copy,
        /// The centre refused; the message says why.
        Refused,
    }

    /// A record.
    pub struct ReceiptRequest {
        /// Kind of record.
        pub entity: String,
        /// The record.
        pub id: Uuid,
    }

    /// Where a record is saved.
    #[serde(tag = "state", rename_all = "snake_case")]
    pub enum ReceiptView {
        /// On this computer alone.
        HereOnly,
        /// Changes of it wait to be sent.
        Waiting {
            /// How many.
            count: u32,
            /// When the first of them was saved.
            oldest: String,
        },
        /// At the centre as it is here.
        AtCentre {
            /// When the centre took this computer's last change of it; none when others wrote it.
            at: Option<String>,
        },
        /// A change of it was put aside.
        SetAside {
            /// Number of the change.
            #[ts(type = "number")]
            dseq: u64,
            /// Why.
            text: String,
        },
    }

    /// What happened while synchronizing.
    pub struct SyncLine {
        /// When.
        pub at: String,
        /// What.
        pub line: String,
    }

    /// What left this computer.
    pub struct DepartedRecord {
        /// When.
        pub at: String,
        /// What people call it.
        pub title: String,
        /// How many records.
        pub rows: u32,
        /// Why.
        pub reason: String,
    }
}

/// See the command list.
///
/// # Errors
/// The vault is locked.
pub fn status(desk: &Desk, _: Empty) -> Result<SyncStatus, DeskError> {
    let (running, moving) = (desk.sync_status(), desk.file_moving());
    let on_line = desk.on_line().map(|now| OnLine { sends: now.sends, done: now.done, of: now.of });
    desk.with_unlocked(|unlocked| {
        let waiting = unlocked.vault.waiting()?;
        let replica = unlocked.vault.replica()?;
        let paused_since = unlocked.vault.paused_since()?.map(|at| at.to_string());
        let last_sync = replica.as_ref().and_then(|replica| replica.last_push.max(replica.last_pull)).map(|at| at.to_string());
        let phase = match (&replica, &running) {
            (None, _) => SyncPhase::Alone,
            (Some(replica), _) if replica.is_copy => SyncPhase::Copy,
            (Some(_), _) if paused_since.is_some() => SyncPhase::Paused,
            (Some(_), None) => SyncPhase::Off,
            (Some(_), Some(status)) => phase_of(status.phase),
        };
        let lease = unlocked.vault.lease()?;
        let files = files_of(unlocked, moving)?;
        let centre = replica.map(|replica| CentreInfo {
            works_until: lease.map_or(replica.joined_at, |lease| lease.until).to_string(),
            organization: replica.joined.organization,
            role: replica.joined.role,
            server: replica.joined.server,
            joined_at: replica.joined_at.to_string(),
            parts: small(replica.units),
            parts_coming: small(replica.incomplete),
        });
        Ok(SyncStatus { centre, phase, waiting: small(waiting.count), oldest: waiting.oldest.map(|at| at.to_string()), set_aside: small(waiting.quarantined), on_line, files, last_sync, paused_since, message: running.and_then(|status| status.message) })
    })
}

/// See the command list.
///
/// # Errors
/// Unknown names.
pub fn receipt(desk: &Desk, request: ReceiptRequest) -> Result<ReceiptView, DeskError> {
    desk.with_unlocked(|unlocked| Ok(match unlocked.vault.receipt(&request.entity, request.id)? {
        replica::Receipt::HereOnly => ReceiptView::HereOnly,
        replica::Receipt::Waiting { count, oldest } => ReceiptView::Waiting { count: small(count), oldest: oldest.to_string() },
        replica::Receipt::AtCentre { at, .. } => ReceiptView::AtCentre { at: at.map(|at| at.to_string()) },
        replica::Receipt::Quarantined { dseq, text } => ReceiptView::SetAside { dseq, text },
    }))
}

/// See the command list.
///
/// # Errors
/// The vault is locked.
pub fn log(desk: &Desk, _: Empty) -> Result<Vec<SyncLine>, DeskError> {
    desk.with_unlocked(|unlocked| Ok(unlocked.vault.sync_log()?.into_iter().map(|line| SyncLine { at: line.at.to_string(), line: line.line }).collect()))
}

/// See the command list.
///
/// # Errors
/// The vault is locked.
pub fn departed(desk: &Desk, _: Empty) -> Result<Vec<DepartedRecord>, DeskError> {
    desk.with_unlocked(|unlocked| Ok(unlocked.vault.departed()?.into_iter().map(|left| DepartedRecord { at: left.at.to_string(), title: left.title, rows: small(left.rows), reason: left.reason }).collect()))
}

/// What waits, as of the last note and what has moved since.
fn files_of(unlocked: &Unlocked, moving: Option<Moving>) -> Result<FilesWaiting, DeskError> {
    let files = unlocked.vault.files()?;
    let noted = match moving {
        Some(moving) => unlocked.vault.files_on_their_way()?.iter().find(|transfer| transfer.hash == moving.hash && transfer.sends == moving.sends).map_or(moving.done, |transfer| transfer.done),
        None => 0,
    };
    let since = moving.map_or(0, |moving| moving.done.saturating_sub(noted));
    Ok(FilesWaiting { waiting: small(files.count), bytes: files.bytes.saturating_sub(since), failed: small(files.failed) })
}

fn phase_of(phase: Phase) -> SyncPhase {
    match phase {
        Phase::Off => SyncPhase::Off,
        Phase::Idle => SyncPhase::Idle,
        Phase::SigningIn => SyncPhase::SigningIn,
        Phase::Sending => SyncPhase::Sending,
        Phase::Receiving => SyncPhase::Receiving,
        Phase::Offline => SyncPhase::Offline,
        Phase::Disturbed => SyncPhase::Disturbed,
        Phase::Busy => SyncPhase::Busy,
        Phase::SignedOut => SyncPhase::SignedOut,
        Phase::Revoked => SyncPhase::Revoked,
        Phase::UpgradeRequired => SyncPhase::UpgradeRequired,
        Phase::CentreOlder => SyncPhase::CentreOlder,
        Phase::Copy => SyncPhase::Copy,
        Phase::Refused => SyncPhase::Refused,
    }
}

pub(super) fn small(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
