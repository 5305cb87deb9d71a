//! The messages of push and pull. Which bytes they become is in `codec.rs`; what the centre does
//! with them is not known here.

mod pull;
mod push;
mod rows;

pub use pull::{Basis, BlobRef, Bootstrap, Change, Compare, Dropped, Granted, Page, PullAnswer, PullRequest, UnitDigest, unit_set_hash};
pub use push::{Envelope, Judged, PushAnswer, PushRequest};
pub use rows::{GroupImage, RowChange, RowImage, RowKey, RowNews};

use crate::{api::ApiError, codec::Message};

/// A refusal travels as a message of its own, so that it is never taken for an answer.
impl Message for ApiError {
    const KIND: u8 = 5;
}
