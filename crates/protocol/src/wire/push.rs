//! Handing over envelopes, and what the centre says about each.

use gladstone_model::Instant;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    bounded::{self, Signature},
    codec::Message,
    limits::{BATCH_COUNT, BATCH_LIMIT, LIST_COUNT, MUTATION_LIMIT},
    seal::{ChainHash, Sealed},
    verdict::Verdict,
};

/// Envelopes of one life of one laptop, in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PushRequest {
    /// Laptop.
    pub device: Uuid,
    /// One life of the laptop's database.
    pub incarnation: Uuid,
    /// The centre's history that the laptop knows; nil before the first contact.
    pub epoch: Uuid,
    /// What the centre gave out last; zeros before the first contact. Whoever comes with an older
    /// one is a copy of the laptop.
    pub nonce: [u8; 32],
    /// 0 to 500 envelopes, together at most 4 MiB; none is a mere contact.
    #[serde(deserialize_with = "bounded::list::<_, _, BATCH_COUNT>")]
    pub envelopes: Vec<Envelope>,
}

/// An entry as it lies in the laptop's chain; never encoded anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Canonical bytes of the entry, at most 1 MiB.
    #[serde(with = "bounded::bytes")]
    pub bytes: Vec<u8>,
    /// Their hash.
    pub hash: ChainHash,
    /// The laptop's signature over label and hash.
    pub signature: Signature,
}

/// What the centre says to a push.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PushAnswer {
    /// The centre's history now.
    pub epoch: Uuid,
    /// One verdict for each envelope that was judged, in the order in which they were sent.
    #[serde(deserialize_with = "bounded::list::<_, _, LIST_COUNT>")]
    pub verdicts: Vec<Judged>,
    /// The centre's clock when it answered.
    pub server_time: Instant,
    /// To be sent with the next push. The one before stays good until this one was used.
    pub next_nonce: [u8; 32],
}

/// The verdict on one envelope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Number of the envelope in its chain; from 1.
    pub dseq: u64,
    /// What became of it.
    pub verdict: Verdict,
}

impl From<Sealed> for Envelope {
    fn from(sealed: Sealed) -> Envelope {
        Envelope { bytes: sealed.bytes, hash: sealed.hash, signature: Signature(sealed.signature) }
    }
}

impl PushRequest {
    /// How many of `sizes` (bytes of each waiting entry, in order) fit into one push. At least
    /// one when there is any that is not itself too large.
    pub fn fitting(sizes: impl IntoIterator<Item = usize>) -> usize {
        let mut sum = 0_usize;
        let within = |size: &usize| {
            sum = sum.saturating_add(*size);
            *size <= MUTATION_LIMIT && sum <= BATCH_LIMIT
        };
        sizes.into_iter().take(BATCH_COUNT).take_while(within).count()
    }
}

impl Message for PushRequest {
    const KIND: u8 = 1;

    fn is_within_limits(&self) -> bool {
        PushRequest::fitting(self.envelopes.iter().map(|envelope| envelope.bytes.len())) == self.envelopes.len()
    }
}

impl Message for PushAnswer {
    const KIND: u8 = 2;
}
