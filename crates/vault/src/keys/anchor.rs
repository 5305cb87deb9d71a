//! The anchor: where the chain and the digest of a vault stood last, kept outside the database.
//! A database behind its anchor has lost saves or was put back; that is never silent.

use gladstone_protocol::ChainHash;
use gladstone_store::digest::{Digest, DigestKey};
use serde::{Deserialize, Serialize};

use crate::state::VaultState;

/// What the anchor holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Generation of the root key.
    pub epoch: u64,
    /// Number of the last entry.
    pub dseq: u64,
    /// Its hash.
    pub chain_head: ChainHash,
    /// Sum over all rows.
    pub digest: [u8; 32],
    /// How often rows were taken in from the centre.
    pub turn: u64,
}

/// The anchor of versions that knew no centre.
#[derive(Deserialize)]
struct AloneAnchor {
    epoch: u64,
    dseq: u64,
    chain_head: ChainHash,
    digest: [u8; 32],
}

/// How a database stands to its anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They agree.
    Same,
    /// The database went on after the anchor was written: a kill between the two. Harmless, once
    /// the chain is seen to lead from the anchor to the head.
    Ahead,
    /// The database is older than the anchor: saves were lost, or an old file was put back.
    Behind,
    /// The same place in the chain, but other content.
    Forked,
}

impl Anchor {
    /// The anchor of a state.
    pub fn of(state: &VaultState, epoch: u64) -> Anchor {
        Anchor { epoch, dseq: state.dseq, chain_head: state.chain_head, digest: state.digest.0, turn: state.turn }
    }

    /// Compares a database with this anchor. `head_at`: hash of the entry with a number.
    pub fn compare(&self, state: &VaultState, head_at: impl FnOnce(u64) -> Option<ChainHash>) -> Standing {
        if state.dseq < self.dseq || state.dseq == self.dseq && state.turn < self.turn {
            return Standing::Behind;
        }
        if state.turn < self.turn {
            return Standing::Forked;
        }
        if state.dseq == self.dseq {
            let same_entries = state.chain_head == self.chain_head;
            return match state.turn == self.turn {
                true if same_entries && state.digest == Digest(self.digest) => Standing::Same,
                false if same_entries => Standing::Ahead,
                _ => Standing::Forked,
            };
        }
        if self.dseq == 0 || head_at(self.dseq) == Some(self.chain_head) { Standing::Ahead } else { Standing::Forked }
    }

    /// The bytes with a keyed hash before them.
    pub fn to_bytes(&self, key: &DigestKey) -> Vec<u8> {
        let body = postcard::to_stdvec(self).unwrap_or_default();
        [blake3::keyed_hash(&key.0, &body).as_bytes().as_slice(), &body].concat()
    }

    /// What an anchor says without being believed: after a change of the passphrase its key is
    /// another one. Good for an alarm only.
    pub fn unproven(bytes: &[u8]) -> Option<Anchor> {
        parse(bytes.get(32..)?)
    }

    /// Reads what [`Anchor::to_bytes`] wrote; `None` when it was changed.
    pub fn from_bytes(key: &DigestKey, bytes: &[u8]) -> Option<Anchor> {
        let (tag, body) = bytes.split_at_checked(32)?;
        let good = blake3::keyed_hash(&key.0, body) == blake3::Hash::from_slice(tag).ok()?;
        if good { parse(body) } else { None }
    }
}

fn parse(body: &[u8]) -> Option<Anchor> {
    let alone = || {
        let AloneAnchor { epoch, dseq, chain_head, digest } = postcard::from_bytes(body).ok()?;
        Some(Anchor { epoch, dseq, chain_head, digest, turn: 0 })
    };
    postcard::from_bytes(body).ok().or_else(alone)
}
