//! The laptop's side of replication: what waits for the centre, what came from it, and the view
//! that follows from both. Knows no network; who carries the messages is in `sync`.
//!
//! View = base + pending. The base is what the centre said, row by row; pending are the entries of
//! this laptop's chain that the base does not contain yet. Business tables hold the view. Where
//! entries lie on top of a row, `overlay` holds its base; a row that they made has none.

mod joined;
mod keys;
mod lease;
mod lives;
mod outbox;
mod answers;
mod ahead;
mod pull;
mod settle;
mod checked;
mod download;
mod bulk;
mod leave;
mod own;
mod units;
mod compare;
mod apply;
mod base;
mod fold;
mod told;
mod moved;
mod pause;

pub(crate) use base::{note, unreadable};
pub(crate) use compare::Doubt;
pub(crate) use lives::begin_new_life;
pub(crate) use told::mended;
pub(crate) use units::Units;

pub use ahead::{Ahead, Durable, together};
pub use joined::{Joined, Replica};
pub use lease::{GLASS_HOURS, Glass, LOCKED_AFTER_DAYS, Lease, LeaseTaken, Standing};
pub use outbox::PushOutcome;
pub use pull::{Departure, Mismatch, PullOutcome};
pub use told::{Departed, EntryState, LogLine, QueueItem, Receipt, Waiting};
