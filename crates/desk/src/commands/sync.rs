//! Synchronizing as a person meets it: joining a centre, how it stands, what waits, where a record
//! is saved, what was put aside, and what left this computer.

use gladstone_model::{Entity, catalogue};
use gladstone_protocol::{ApiError, Op};
use gladstone_store::Reader;
use gladstone_sync::{Address, JoinLink, Phase, blobs::Moving, join::{self, JoinFault}};
use gladstone_vault::{Unlocked, VaultError, custody, replica::{self, EntryState}};
use uuid::Uuid;

use super::{app::{Done, Empty}, vault::Created, wire};
use crate::{desk::Desk, error::{Code, DeskError}, instruments, lease::Reach};

/// Entries of the queue that are shown at most.
const QUEUE_LIMIT: u32 = 200;

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
        /// Files that wait for their turn or are moving.
        pub files: FilesWaiting,
        /// When the centre last answered.
        pub last_sync: Option<String>,
        /// Since when a person holds it up.
        pub paused_since: Option<String>,
        /// What went wrong, if anything.
        pub message: Option<String>,
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

    /// An invitation: a link, or address and code.
    pub struct JoinRequest {
        /// The link, as it was given.
        #[serde(default)]
        pub link: Option<String>,
        /// The address of the centre, without a link.
        #[serde(default)]
        pub url: Option<String>,
        /// The code, without a link.
        #[serde(default)]
        pub code: Option<String>,
        /// What this computer is called; its owner's label when not given.
        #[serde(default)]
        pub label: Option<String>,
    }

    /// An invitation for a vault that is made for it.
    pub struct JoinNewRequest {
        /// The link, as it was given.
        #[serde(default)]
        pub link: Option<String>,
        /// The address of the centre, without a link.
        #[serde(default)]
        pub url: Option<String>,
        /// The code, without a link.
        #[serde(default)]
        pub code: Option<String>,
        /// Name on the lock screen.
        pub label: String,
        /// The passphrase.
        pub passphrase: String,
    }

    /// A change that is not settled.
    pub struct QueuedChange {
        /// Its number on this computer.
        #[ts(type = "number")]
        pub dseq: u64,
        /// The command that made it.
        pub command: String,
        /// When.
        pub at: String,
        /// Where it stands.
        pub state: ChangeState,
        /// Short name of the reason, when it was put aside.
        pub code: Option<String>,
        /// What the centre says, for people.
        pub text: Option<String>,
        /// The records that it writes.
        pub records: Vec<QueuedRecord>,
    }

    /// Where a change stands.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum ChangeState {
        /// It waits to be sent.
        Waiting,
        /// The centre has it and waits for something that it needs.
        Held,
        /// The centre has it.
        Acknowledged,
        /// It is part of what everybody has.
        Settled,
        /// The centre put it aside.
        SetAside,
        /// The person gave it up.
        GivenUp,
        /// It went on under another number.
        Renewed,
    }

    /// A record that a change writes.
    pub struct QueuedRecord {
        /// Kind of record.
        pub entity: String,
        /// Name of the kind.
        pub label: String,
        /// The record.
        pub id: Uuid,
        /// Its name; empty when nothing here tells it.
        pub title: String,
        /// Whether it is on this computer now.
        pub is_here: bool,
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

    /// A change by its number.
    pub struct QueuedChangeRequest {
        /// The number.
        #[ts(type = "number")]
        pub dseq: u64,
    }

    /// A change to give up.
    pub struct DiscardRequest {
        /// The number.
        #[ts(type = "number")]
        pub dseq: u64,
        /// Why.
        pub reason: String,
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
        Ok(SyncStatus { centre, phase, waiting: small(waiting.count), oldest: waiting.oldest.map(|at| at.to_string()), set_aside: small(waiting.quarantined), files, last_sync, paused_since, message: running.and_then(|status| status.message) })
    })
}

/// See the command list.
///
/// # Errors
/// An invitation that cannot be read or is used up, no way to the centre, or a vault that belongs
/// to another one.
pub fn join(desk: &Desk, request: JoinRequest) -> Result<SyncStatus, DeskError> {
    let link = link_of(request.link.as_deref(), request.url.as_deref(), request.code.as_deref())?;
    desk.with_unlocked(|unlocked| {
        // Whoever joins means it to begin.
        unlocked.vault.resume()?;
        if let Some(alarm) = &unlocked.alarm {
            return Err(DeskError::new(Code::Damaged, format!("Nothing is sent until you decide about the alarm of this vault ({alarm:?}).")));
        }
        let actor = unlocked.vault.state().actor;
        let name = unlocked.vault.read(|read| Ok::<_, DeskError>(read.get("users", actor)?.map(|row| row.text("name").to_owned())))?;
        let label = request.label.clone().unwrap_or_else(|| unlocked.header.label.clone());
        join::join(&unlocked.vault, &link, &label, Some(name.as_deref().unwrap_or(&label))).map_err(join_error)?;
        Ok(())
    })?;
    desk.start_sync();
    status(desk, Empty {})
}

/// See the command list.
///
/// # Errors
/// A weak passphrase, or as for `sync.join`; no vault is left behind then.
pub fn join_new(desk: &Desk, request: JoinNewRequest) -> Result<Created, DeskError> {
    let link = link_of(request.link.as_deref(), request.url.as_deref(), request.code.as_deref())?;
    super::vault::require_strength("passphrase", &request.passphrase)?;
    let label = request.label.trim();
    if label.is_empty() {
        return Err(DeskError::field("label", "Write your name; it stands on the lock screen."));
    }
    let with = &desk.with_for_new_keys()?;
    let root = desk.vaults().join(with.around.new_id()?.to_string());
    let (unlocked, code) = custody::create(&root, label, &request.passphrase, with.around.new_id()?, with)?;
    // It must hold nothing yet: whose vault it is, the invitation says.
    if let Err(fault) = join::join(&unlocked.vault, &link, label, None) {
        gladstone_vault::erase::erase(unlocked, desk.with())?;
        return Err(join_error(fault));
    }
    super::vault::close(desk)?;
    unlocked.vault.commit("vault.install_instruments", instruments::install)?;
    Ok(super::vault::present(desk, unlocked, &code))
}

/// See the command list.
///
/// # Errors
/// This vault is not a copy, or as for `sync.join`; it may be tried again with another invitation,
/// and nothing is lost.
pub fn begin_as_new(desk: &Desk, request: JoinRequest) -> Result<SyncStatus, DeskError> {
    let link = link_of(request.link.as_deref(), request.url.as_deref(), request.code.as_deref())?;
    desk.with_unlocked(|unlocked| {
        let replica = unlocked.vault.replica()?.ok_or_else(|| DeskError::from(VaultError::NotJoined))?;
        if replica.is_copy { Ok(()) } else { Err(DeskError::new(Code::Conflict, "This computer is no copy of another one: it goes on as it is.")) }
    })?;
    // Nothing may be sent between the new name and its enrolment.
    desk.stop_sync();
    let joined = desk.with_unlocked(|unlocked| {
        unlocked.vault.resume()?;
        unlocked.vault.begin_as_new_device()?;
        let actor = unlocked.vault.state().actor;
        let name = unlocked.vault.read(|read| Ok::<_, DeskError>(read.get("users", actor)?.map(|row| row.text("name").to_owned())))?;
        let label = request.label.clone().unwrap_or_else(|| unlocked.header.label.clone());
        join::join(&unlocked.vault, &link, &label, Some(name.as_deref().unwrap_or(&label))).map_err(join_error)
    });
    desk.start_sync();
    joined?;
    status(desk, Empty {})
}

/// See the command list.
///
/// # Errors
/// The vault is locked.
pub fn queue(desk: &Desk, _: Empty) -> Result<Vec<QueuedChange>, DeskError> {
    desk.with_unlocked(|unlocked| {
        let reach = Reach::of(unlocked)?;
        let items = unlocked.vault.queue(QUEUE_LIMIT)?;
        unlocked.vault.read(|read| items.into_iter().map(|item| {
            let records = item.ops.iter().filter_map(|op| Some(record(read, reach.as_ref(), catalogue().by_no(op.entity)?, op))).collect::<Result<_, DeskError>>()?;
            Ok(QueuedChange { dseq: item.dseq, command: item.command, at: item.wall.to_string(), state: state_of(item.state), code: item.code, text: item.text, records })
        }).collect())
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
/// The change was not put aside.
pub fn resend(desk: &Desk, request: QueuedChangeRequest) -> Result<Done, DeskError> {
    desk.with_unlocked(|unlocked| Ok(unlocked.vault.resend(request.dseq)?))?;
    desk.emit_changed(&catalogue().entities.iter().map(|entity| entity.name.as_str()).collect());
    desk.sync_now();
    Ok(Done::YES)
}

/// See the command list.
///
/// # Errors
/// No reason, or the change was not put aside.
pub fn discard(desk: &Desk, request: DiscardRequest) -> Result<Done, DeskError> {
    if request.reason.trim().is_empty() {
        return Err(DeskError::field("reason", "Say why this change is given up."));
    }
    desk.with_unlocked(|unlocked| Ok(unlocked.vault.discard(request.dseq, request.reason.trim())?))?;
    Ok(Done::YES)
}

/// See the command list.
///
/// # Errors
/// The vault is locked.
pub fn departed(desk: &Desk, _: Empty) -> Result<Vec<DepartedRecord>, DeskError> {
    desk.with_unlocked(|unlocked| Ok(unlocked.vault.departed()?.into_iter().map(|left| DepartedRecord { at: left.at.to_string(), title: left.title, rows: small(left.rows), reason: left.reason }).collect()))
}

fn record(read: Reader<'_>, reach: Option<&Reach>, entity: &'static Entity, op: &Op) -> Result<QueuedRecord, DeskError> {
    let open = reach.is_none_or(|reach| reach.opens(None, op.id));
    let title = if open { super::change::title(read, entity, op)? } else { String::new() };
    Ok(QueuedRecord { entity: entity.name.clone(), label: entity.label.clone(), id: op.id, is_here: open && read.get(&entity.name, op.id)?.is_some(), title })
}

fn link_of(link: Option<&str>, url: Option<&str>, code: Option<&str>) -> Result<JoinLink, DeskError> {
    if let Some(link) = link.map(str::trim).filter(|link| !link.is_empty()) {
        return JoinLink::parse(link).map_err(|fault| DeskError::field("link", fault.to_string()));
    }
    let address = Address::parse(url.unwrap_or_default()).map_err(|fault| DeskError::field("url", fault.to_string()))?;
    let code = code.map(str::trim).filter(|code| !code.is_empty()).ok_or_else(|| DeskError::field("code", "Type the code of the invitation."))?;
    Ok(JoinLink { address, code: code.to_owned(), authority: None })
}

pub(super) fn join_error(fault: JoinFault) -> DeskError {
    match fault {
        JoinFault::Link(fault) => DeskError::field("link", fault.to_string()),
        JoinFault::Api(ApiError::Refused { text, .. }) => DeskError::field("code", text),
        JoinFault::Api(ApiError::Offline) => DeskError::new(Code::Offline, "The centre cannot be reached, or does not prove that it is the one that invited you. Check network and address, then try again. With an address typed by hand, use the link if there is one: it also carries the centre’s certificate."),
        JoinFault::Api(ApiError::Damaged) => DeskError::new(Code::Offline, "Something else than the centre answers there, perhaps the sign-in page of a guest network. Sign in to that network with a browser, or check the address, then try again."),
        JoinFault::Api(ApiError::Later { .. }) => DeskError::new(Code::Offline, "The centre has much to do just now. Try again in a minute."),
        JoinFault::Vault(error) => error.into(),
        other => DeskError::new(Code::Failed, other.to_string()),
    }
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

fn state_of(state: EntryState) -> ChangeState {
    match state {
        EntryState::Waiting => ChangeState::Waiting,
        EntryState::Held => ChangeState::Held,
        EntryState::Acknowledged => ChangeState::Acknowledged,
        EntryState::Settled => ChangeState::Settled,
        EntryState::Quarantined => ChangeState::SetAside,
        EntryState::Discarded => ChangeState::GivenUp,
        EntryState::Renewed => ChangeState::Renewed,
    }
}

pub(super) fn small(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
