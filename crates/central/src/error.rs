//! What can go wrong at the centre: of the store, and of what is asked of it.

use gladstone_protocol::ApiError;
use uuid::Uuid;

/// Why an engine could not do what it was asked. Nothing was changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// No realm of this id, or not one that the caller may know of.
    #[error("there is no such organization at this centre")]
    NoRealm,
    /// The store cannot be reached or is overloaded; the same may succeed in a moment.
    #[error("the centre's store is busy: {0}")]
    Busy(String),
    /// No space is left; nothing may be accepted.
    #[error("the centre's store has no space left")]
    Full,
    /// The store refuses what is to be written: a mistake of ours, or a value that it cannot hold.
    #[error("the centre's store refuses a value: {0}")]
    Refused(String),
    /// What lies in the store cannot be read.
    #[error("the centre's store is damaged: {0}")]
    Damaged(String),
    /// The store was written by a newer version.
    #[error("the centre's store was written by a newer version of Gladstone: {0}")]
    FromTheFuture(String),
    /// Anything else that the store says.
    #[error("the centre's store failed: {0}")]
    Failed(String),
}

/// Why the centre could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CentreError {
    /// The store.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// The store is older than its witness: it was put back from a backup. Nothing is served until
    /// an operator gives the realm a new epoch.
    #[error("the store of organization {realm} is older than its witness (commit {found} of epoch {epoch}, witnessed {witnessed}): it was put back from a backup. Run `gladstone central new-epoch --realm {realm}`; laptops then send again what this store lacks")]
    BehindWitness {
        /// The realm.
        realm: Uuid,
        /// Epoch of the store.
        epoch: Uuid,
        /// Last commit number in the store.
        found: u64,
        /// Last commit number that the witness saw.
        witnessed: u64,
    },
    /// No random numbers are to be had.
    #[error("the system gives no random numbers")]
    NoRandomness,
    /// What is asked for is refused, in words for the operator.
    #[error("{0}")]
    Refused(String),
    /// Something that was written here before does not fit what it should be.
    #[error("what lies in the store does not fit: {0}")]
    Inconsistent(String),
}

/// What a laptop is told. Nothing of the inside of the centre is in it.
impl From<CentreError> for ApiError {
    fn from(error: CentreError) -> ApiError {
        match error {
            CentreError::Engine(EngineError::NoRealm) => ApiError::SignedOut,
            CentreError::Engine(EngineError::Busy(_)) => ApiError::Later { after_ms: 1_000 },
            CentreError::Refused(text) => ApiError::Refused { code: "refused".into(), text },
            other => {
                tracing::error!(error = %other, "a request failed");
                ApiError::Later { after_ms: 30_000 }
            }
        }
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> ApiError {
        CentreError::Engine(error).into()
    }
}
