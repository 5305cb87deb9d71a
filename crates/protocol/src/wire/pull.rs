//! Asking for what changed, and the answer from one snapshot.

use gladstone_model::{Instant, Unit};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    bounded,
    codec::Message,
    digest::RowsDigest,
    limits::{BLOB_COUNT, LIST_COUNT, PAGE_ROWS, ROW_COUNT},
    row_state::Writer,
    wire::{push::Judged, rows::{RowChange, RowImage, RowKey}},
};

/// Domain labels; a change of what is hashed is a new label.
const UNITS_LABEL: &str = "gladstone 2026 unit set v1";
const PAGE_LABEL: &str = "gladstone 2026 page v1";

/// What a laptop holds, so that the centre can say what it lacks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PullRequest {
    /// Organization whose stream is asked for.
    pub realm: Uuid,
    /// Laptop; the verdicts of the answer are about its envelopes.
    pub device: Uuid,
    /// One life of the laptop's database.
    pub incarnation: Uuid,
    /// The centre's history that the checkpoint belongs to; nil before the first contact.
    pub epoch: Uuid,
    /// Checkpoint: everything up to this commit number is held. 0 before the first pull.
    pub from_g: u64,
    /// [`unit_set_hash`] of the units that are held, complete or not.
    pub units: [u8; 32],
    /// Version of the schema that the laptop knows.
    pub schema_version: u32,
    /// Units whose first download goes on.
    #[serde(deserialize_with = "bounded::list::<_, _, LIST_COUNT>")]
    pub bootstrap: Vec<Bootstrap>,
    /// The sum did not agree: tell the digests of single units. Since minor 1.
    pub compare: Option<Compare>,
    /// What came with answers up to this request is not durable yet: besides the units of `units` the laptop
    /// may come to hold, after a power cut, those of each answer since the set of this hash. None: `units`
    /// are held for good. Since minor 2, and asked of centres that said so when the session began.
    pub ahead: Option<[u8; 32]>,
}

/// Which digests of units are asked for: a portion in the order of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compare {
    /// Behind this unit; from the first one on for none.
    pub after: Option<Unit>,
}

/// How far the first download of one unit has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The unit.
    pub unit: Unit,
    /// Commit number of the snapshot that its pages come from; 0 before the first page.
    pub at_g: u64,
    /// Last row that is held; none before the first page.
    pub after: Option<RowKey>,
}

/// Everything that brings a laptop from its checkpoint to `to_g`. It is staged, and committed in
/// one transaction when an answer says that nothing more follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PullAnswer {
    /// The centre's history now.
    pub epoch: Uuid,
    /// What the changes are counted from.
    pub basis: Basis,
    /// Commit number of the one snapshot that this answer was read from.
    pub to_g: u64,
    /// Whether more follows before anything may be committed: asked for with the same checkpoint.
    pub more: bool,
    /// Units that the laptop enters, or goes on to download.
    #[serde(deserialize_with = "bounded::list::<_, _, LIST_COUNT>")]
    pub grants: Vec<Granted>,
    /// Units that it leaves.
    #[serde(deserialize_with = "bounded::list::<_, _, LIST_COUNT>")]
    pub drops: Vec<Dropped>,
    /// Changes after the checkpoint up to `to_g`, by mutation in the order of commit numbers.
    #[serde(deserialize_with = "bounded::list::<_, _, LIST_COUNT>")]
    pub changes: Vec<Change>,
    /// Verdicts on this laptop's envelopes that became known or changed since the checkpoint.
    #[serde(deserialize_with = "bounded::list::<_, _, LIST_COUNT>")]
    pub verdicts: Vec<Judged>,
    /// Digests of complete units at `to_g`, ascending, at most [`crate::limits::DIGEST_COUNT`]: those
    /// that were asked for by [`PullRequest::compare`].
    #[serde(deserialize_with = "bounded::list::<_, _, LIST_COUNT>")]
    pub digests: Vec<UnitDigest>,
    /// Files that the rows of this answer name; they are fetched apart.
    #[serde(deserialize_with = "bounded::list::<_, _, BLOB_COUNT>")]
    pub blobs: Vec<BlobRef>,
    /// The centre's clock when it answered.
    pub server_time: Instant,
    /// Sum of the digests of all units that the laptop holds as complete after this answer, at `to_g`;
    /// none where the centre cannot tell it without effort. Since minor 1.
    pub sum: Option<RowsDigest>,
}

/// What the changes of an answer are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Basis {
    /// The checkpoint of the request.
    Checkpoint,
    /// The checkpoint lies before the centre's log: all units come anew. What waits to be sent stays.
    TooOld,
    /// The checkpoint belongs to another history: the laptop first sends again what it has
    /// acknowledged there, then all units come anew.
    OtherEpoch,
}

/// A unit that the laptop enters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Granted {
    /// The unit.
    pub unit: Unit,
    /// Commit number of the snapshot that its pages come from; changes after it come as changes.
    pub at_g: u64,
    /// Pages in the order of keys; none when they come with later answers.
    #[serde(deserialize_with = "bounded::list::<_, _, LIST_COUNT>")]
    pub pages: Vec<Page>,
    /// Whether the last page is among them.
    pub complete: bool,
}

/// Rows of one unit in a range of keys: all that there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// The range begins behind this row; none for the first page.
    pub after: Option<RowKey>,
    /// The last row of the range.
    pub to: RowKey,
    /// The rows in ascending order of their keys, at most 5,000.
    #[serde(deserialize_with = "bounded::list::<_, _, PAGE_ROWS>")]
    pub rows: Vec<RowImage>,
    /// Hash of range and rows.
    pub hash: [u8; 32],
}

/// A unit that the laptop leaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dropped {
    /// The unit.
    pub unit: Unit,
    /// Why, for people.
    pub reason: String,
}

/// What one mutation changed that this laptop may see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Commit number of the realm; from 1.
    pub g: u64,
    /// Who, where, when.
    pub writer: Writer,
    /// Command that made the change, for example `responses.answer`.
    pub command: String,
    /// The rows.
    #[serde(deserialize_with = "bounded::list::<_, _, ROW_COUNT>")]
    pub rows: Vec<RowChange>,
}

/// The digest of one unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitDigest {
    /// The unit.
    pub unit: Unit,
    /// Sum over its rows.
    pub digest: RowsDigest,
}

/// A file by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    /// BLAKE3 of its plain bytes.
    pub hash: [u8; 32],
    /// Length of its plain bytes, 0 to 2^63 - 1.
    pub size: u64,
}

/// The hash of a set of units; order and repetition do not matter.
pub fn unit_set_hash(units: impl IntoIterator<Item = Unit>) -> [u8; 32] {
    let set: std::collections::BTreeSet<[u8; 17]> = units.into_iter().map(Unit::to_bytes).collect();
    let mut hasher = blake3::Hasher::new_derive_key(UNITS_LABEL);
    set.iter().for_each(|unit| {
        hasher.update(unit);
    });
    hasher.finalize().into()
}

impl PullAnswer {
    /// An answer that brings nothing but a checkpoint.
    pub fn bare(epoch: Uuid, to_g: u64, server_time: Instant) -> PullAnswer {
        PullAnswer {
            epoch,
            basis: Basis::Checkpoint,
            to_g,
            more: false,
            grants: Vec::new(),
            drops: Vec::new(),
            changes: Vec::new(),
            verdicts: Vec::new(),
            digests: Vec::new(),
            blobs: Vec::new(),
            server_time,
            sum: None,
        }
    }
}

impl Page {
    /// A page of rows behind `after`, in ascending order; none when there are no rows.
    pub fn new(after: Option<RowKey>, rows: Vec<RowImage>) -> Option<Page> {
        let to = rows.last()?.key;
        let mut page = Page { after, to, rows, hash: [0; 32] };
        page.hash = page.computed()?;
        Some(page)
    }

    /// Whether the page is whole: hash, order, range.
    pub fn is_whole(&self) -> bool {
        let mut last = self.after;
        let ascending = self.rows.iter().all(|row| last.replace(row.key).is_none_or(|before| before < row.key));
        ascending && last == Some(self.to) && self.computed() == Some(self.hash)
    }

    fn computed(&self) -> Option<[u8; 32]> {
        let bytes = postcard::to_stdvec(&(self.after, self.to, &self.rows)).ok()?;
        Some(blake3::Hasher::new_derive_key(PAGE_LABEL).update(&bytes).finalize().into())
    }
}

impl Message for PullRequest {
    const KIND: u8 = 3;
    const APPENDED: &'static [&'static [u8]] = &[&[0], &[0]];

    fn minor(&self) -> u8 {
        if self.ahead.is_some() { 2 } else { u8::from(self.compare.is_some()) }
    }
}

impl Message for PullAnswer {
    const KIND: u8 = 4;
    const APPENDED: &'static [&'static [u8]] = &[&[0]];

    fn minor(&self) -> u8 {
        u8::from(self.sum.is_some())
    }
}
