//! How long this computer may work without contact, and reading one person's records all the same.

use gladstone_vault::{Unlocked, custody, replica::Standing};
use uuid::Uuid;

use super::{app::Empty, wire};
use crate::{desk::Desk, error::{Code, DeskError}};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

wire! {
    /// How long this computer may work without contact.
    pub struct LeaseStatus {
        /// Where it stands.
        pub state: LeaseState,
        /// When the centre was last reached; none in a vault that works alone. Here and below by the
        /// centre's clock.
        pub since: Option<String>,
        /// Until when everything may be done.
        pub until: Option<String>,
        /// Whole days until then, the one that has begun counted; 0 when it is over.
        pub days_left: u32,
        /// Milliseconds until then; 0 when it is over.
        #[ts(type = "number")]
        pub left_ms: u64,
        /// From when on the vault is locked until contact.
        pub locked_from: Option<String>,
        /// The person whose records may be read although it is over.
        pub glass: Option<BrokenGlass>,
    }

    /// Where the lease stands.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum LeaseState {
        /// There is none: this vault works alone.
        None,
        /// Everything may be done.
        Running,
        /// New records may be written; earlier ones may be read of one person at a time.
        Over,
        /// Nothing before contact.
        Locked,
    }

    /// A person whose records may be read.
    pub struct BrokenGlass {
        /// The person.
        pub person_id: Uuid,
        /// The person's name.
        pub person: String,
        /// Until when.
        pub until: String,
        /// Milliseconds until then.
        #[ts(type = "number")]
        pub left_ms: u64,
        /// Why.
        pub reason: String,
    }

    /// Whose records have to be read, and why.
    pub struct BreakGlass {
        /// The person.
        pub person: Uuid,
        /// Why; it goes to the centre and is looked at there.
        pub reason: String,
        /// The passphrase of this vault, once more.
        pub passphrase: String,
    }
}

/// See the command list.
///
/// # Errors
/// The vault is locked.
pub fn status(desk: &Desk, _: Empty) -> Result<LeaseStatus, DeskError> {
    desk.with_unlocked(of)
}

/// See the command list.
///
/// # Errors
/// The lease is not over, no reason, another passphrase, or a person who is not here.
pub fn break_glass(desk: &Desk, request: BreakGlass) -> Result<LeaseStatus, DeskError> {
    let root = desk.with_unlocked(|unlocked| {
        if unlocked.vault.lease()?.is_none_or(|lease| lease.standing() == Standing::Running) {
            return Err(DeskError::new(Code::Conflict, "Every record may be read: the time without contact is not over."));
        }
        Ok(unlocked.folder.root().to_owned())
    })?;
    let reason = request.reason.trim();
    if reason.is_empty() {
        return Err(DeskError::field("reason", "Say why these records have to be read now; whoever runs the centre will look at it."));
    }
    desk.read(|read| Ok(read.require("users", request.person)?))?;
    custody::prove(&root, &request.passphrase, desk.with())?;
    desk.with_unlocked(|unlocked| {
        unlocked.vault.break_glass(request.person, reason)?;
        of(unlocked)
    })
}

/// The lease of an open vault.
pub(super) fn of(unlocked: &Unlocked) -> Result<LeaseStatus, DeskError> {
    let Some(lease) = unlocked.vault.lease()? else {
        return Ok(LeaseStatus { state: LeaseState::None, since: None, until: None, days_left: 0, left_ms: 0, locked_from: None, glass: None });
    };
    let state = match lease.standing() {
        Standing::Running => LeaseState::Running,
        Standing::Over => LeaseState::Over,
        Standing::Locked => LeaseState::Locked,
    };
    let left = lease.until.micros_since(lease.now).max(0);
    let glass = match lease.glass.first().filter(|_| state == LeaseState::Over) {
        None => None,
        Some(glass) => {
            let person = unlocked.vault.read(|read| Ok::<_, DeskError>(read.get("users", glass.person)?.map(|row| row.text("name").to_owned()).unwrap_or_default()))?;
            Some(BrokenGlass { person_id: glass.person, person, until: glass.until.to_string(), left_ms: (glass.until.micros_since(lease.now).max(0) / 1_000).unsigned_abs(), reason: glass.reason.clone() })
        }
    };
    Ok(LeaseStatus {
        state,
        since: Some(lease.since.to_string()),
        until: Some(lease.until.to_string()),
        days_left: u32::try_from((left + DAY - 1) / DAY).unwrap_or(u32::MAX),
        left_ms: (left / 1_000).unsigned_abs(),
        locked_from: Some(lease.locked_from.to_string()),
        glass,
    })
}
