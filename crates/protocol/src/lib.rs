//! What crosses the wire: mutations and audit events as canonical bytes, the hash chain that
//! binds them, and their signatures. Knows no network, no clock and no database.

pub mod entry;
pub mod group_mids;
pub mod mutation;
pub mod seal;

pub use entry::{Entry, Event, EventAction};
pub use group_mids::GroupMids;
pub use mutation::{GroupPatch, Mutation, Op, OpKind};
pub use seal::{ChainHash, SealFault, Sealed, Signer};

/// Version of the envelope. 1: first version.
pub const ENVELOPE_VERSION: u16 = 1;
