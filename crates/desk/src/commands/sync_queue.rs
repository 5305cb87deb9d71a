//! What waits to be sent and what the centre put aside, and what a person decides about it.

use gladstone_model::{Entity, catalogue};
use gladstone_protocol::Op;
use gladstone_store::Reader;
use gladstone_vault::replica::EntryState;
use uuid::Uuid;

use super::{app::{Done, Empty}, change, wire};
use crate::{desk::Desk, error::DeskError, lease::Reach};

/// Entries of the queue that are shown at most.
const QUEUE_LIMIT: u32 = 200;

wire! {
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

fn record(read: Reader<'_>, reach: Option<&Reach>, entity: &'static Entity, op: &Op) -> Result<QueuedRecord, DeskError> {
    let open = reach.is_none_or(|reach| reach.opens(None, op.id));
    let title = if open { change::title(read, entity, op)? } else { String::new() };
    Ok(QueuedRecord { entity: entity.name.clone(), label: entity.label.clone(), id: op.id, is_here: open && read.get(&entity.name, op.id)?.is_some(), title })
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
