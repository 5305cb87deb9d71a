//! The conversation between laptop and centre as two calls, whoever carries them: the centre in
//! the same process, or HTTP. Sign-in and who calls belong to the one who implements it.

use serde::{Deserialize, Serialize};

use crate::{
    codec::CodecFault,
    wire::{PullAnswer, PullRequest, PushAnswer, PushRequest},
};

/// What a laptop can ask of the centre.
pub trait SyncApi {
    /// Hands over envelopes in the order of their numbers. An answer may judge only the first few;
    /// the rest is sent again. Sending the same twice is harmless.
    ///
    /// # Errors
    /// [`ApiError`]; what was not judged in an answer has to count as not received.
    fn push(&self, request: &PushRequest) -> Result<PushAnswer, ApiError>;

    /// Asks for what changed since a checkpoint. Asking the same twice is harmless.
    ///
    /// # Errors
    /// [`ApiError`]; nothing of a failed answer may be used.
    fn pull(&self, request: &PullRequest) -> Result<PullAnswer, ApiError>;
}

/// Why a call has no answer. Closed: the engine decides by it what happens next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ApiError {
    /// No connection, or one that broke: work goes on, and it is tried again.
    #[error("the centre cannot be reached")]
    Offline,
    /// The session has ended: the person signs in again. Never shown as offline.
    #[error("sign in again to synchronize")]
    SignedOut,
    /// This laptop's right has ended: it hands over what waits and locks.
    #[error("this computer may not synchronize any more")]
    Revoked,
    /// The request as a whole is refused, and would be again.
    #[error("{text}")]
    Refused {
        /// Short name of the reason.
        code: String,
        /// What is wrong and what to do about it, for people.
        text: String,
    },
    /// The message is larger than the limits; smaller ones may pass.
    #[error("the message is larger than allowed")]
    TooLarge,
    /// The other side speaks a version that cannot be read; local work goes on.
    #[error("a newer version of Gladstone is needed to synchronize")]
    UpgradeRequired,
    /// What came back is not an answer: cut off, changed, or somebody else's page.
    #[error("the answer was damaged on its way")]
    Damaged,
    /// The centre is busy.
    #[error("the centre is busy; it is tried again")]
    Later {
        /// Milliseconds to wait at least.
        after_ms: u64,
    },
}

impl ApiError {
    /// Whether the same request may be sent again without anybody doing anything.
    pub fn may_retry(&self) -> bool {
        matches!(self, ApiError::Offline | ApiError::Damaged | ApiError::Later { .. })
    }
}

/// What bytes that are not an answer mean to the one who asked.
impl From<CodecFault> for ApiError {
    fn from(fault: CodecFault) -> ApiError {
        match fault {
            CodecFault::TooLarge => ApiError::TooLarge,
            CodecFault::OtherVersion(_) => ApiError::UpgradeRequired,
            CodecFault::NotOurs | CodecFault::Damaged => ApiError::Damaged,
        }
    }
}
