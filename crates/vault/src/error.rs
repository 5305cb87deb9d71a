//! What can go wrong in a vault, in words a person can act on.

use gladstone_model::Fault;
use gladstone_store::StoreError;

/// Why the vault refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry could not be sealed.
    #[error("not saved: the change could not be written down ({0})")]
    Seal(#[from] gladstone_protocol::SealFault),
    /// The mutation is larger than one mutation may be.
    #[error("not saved: this change is too large ({bytes} bytes, {limit} are allowed). Make it in smaller parts")]
    TooLarge {
        /// Size of the mutation in bytes.
        bytes: usize,
        /// Greatest size in bytes.
        limit: usize,
    },
    /// The rows do not add up to the digest, or the chain is broken.
    #[error("the vault does not verify: {0}")]
    NotVerified(String),
    /// An earlier failure of the disk makes this connection unusable.
    #[error("not saved: the disk failed before. Lock the vault and unlock it again")]
    Poisoned,
    /// No random numbers are to be had.
    #[error("the system gives no random numbers; restart the computer")]
    NoRandomness,
    /// The vault works alone.
    #[error("this vault belongs to no organization yet; join one first")]
    NotJoined,
    /// The vault cannot join this realm.
    #[error("this vault cannot join: {0}")]
    CannotJoin(String),
    /// What came back does not fit what was asked for, or does not hold together. Nothing of it was used.
    #[error("the centre's answer was not used: {0}")]
    Answer(String),
    /// What is asked of an entry does not fit its state.
    #[error("{0}")]
    Entry(String),
    /// A file could not be taken in or given out, in words for people.
    #[error("{0}")]
    File(String),
    /// Rows cannot be taken in as long as all that they refer to has to be here; it is done without.
    #[error("a record refers to another one that is not here")]
    References,
    /// Long work was cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl VaultError {
    /// The faults, when the record was refused for breaking rules.
    pub fn faults(&self) -> &[Fault] {
        if let VaultError::Store(StoreError::Invalid(faults)) = self { faults } else { &[] }
    }
}

impl From<rusqlite::Error> for VaultError {
    fn from(error: rusqlite::Error) -> Self {
        VaultError::Store(error.into())
    }
}
