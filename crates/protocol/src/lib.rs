//! What crosses the wire: mutations and audit events as canonical bytes, the hash chain that
//! binds them, their signatures, the messages of push and pull, and the rule by which concurrent
//! changes are merged. Knows no network, no clock and no database.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod api;
pub mod enrol;
pub mod lease;
pub mod wire;
pub mod verdict;
pub mod codec;
pub mod limits;
pub mod pack;

pub mod entry;
pub mod mutation;
pub mod seal;
pub mod group_mids;

pub mod merge;
pub mod row_state;
pub mod journal;
pub mod clock;
pub mod digest;
pub mod content;

mod bounded;

pub use api::{ApiError, SyncApi};
pub use bounded::Signature;
pub use codec::{CodecFault, Message};
pub use digest::{RowsDigest, Sum256};
pub use entry::{Entry, Event, EventAction};
pub use group_mids::GroupMids;
pub use lease::{Lease, SignedLease};
pub use journal::{Journal, JournalEntry, JournalKind, Side};
pub use merge::{Check, Known, MergeFault, Merged, Outcome, Policy};
pub use mutation::{GroupPatch, Mutation, Op, OpKind};
pub use row_state::{RowState, Writer};
pub use seal::{ChainHash, SealFault, Sealed, Signer};
pub use verdict::{Stored, Verdict};

/// Version of the envelope. 1: first version.
pub const ENVELOPE_VERSION: u16 = 1;
