//! What goes into a store and comes out of it, besides rows.

use std::collections::BTreeSet;

use gladstone_model::{Entity, Instant, Unit, Value};
use gladstone_protocol::{
    JournalEntry, RowState, RowsDigest, Stored, Writer,
    journal::JournalKey,
    wire::{Envelope, RowKey},
};
use uuid::Uuid;

/// What is sought without a realm being named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// A laptop.
    Device(Uuid),
    /// An invitation, by the hash of its code.
    Invite([u8; 32]),
    /// A session or challenge, by its hash.
    Session([u8; 32]),
}

/// A realm that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRealm {
    /// Its id, which is the organization's.
    pub id: Uuid,
    /// Name of the organization, 1 to 255 characters.
    pub name: String,
    /// Its first history.
    pub epoch: Uuid,
    /// When.
    pub founded: Instant,
    /// The centre's own laptop in this realm: the device of mutations that the centre writes.
    pub device: Uuid,
    /// Seed of that laptop's Ed25519 key. An engine that shares its store encrypts it.
    pub seed: [u8; 32],
}

/// A realm as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its id.
    pub realm: Uuid,
    /// Name of the organization when it was founded.
    pub name: String,
    /// Its history.
    pub epoch: Uuid,
    /// Last commit number; 0 before the first. Gap-free.
    pub g: u64,
    /// The log holds what came after this commit number.
    pub floor_g: u64,
    /// How many mutations wait for something.
    pub held: u64,
    /// Days for which its laptops may work without contact, 1 to 30.
    pub lease_days: u16,
    /// The centre's own laptop.
    pub device: Uuid,
    /// Seed of its key.
    pub seed: [u8; 32],
}

/// What a witness saw of a realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its history.
    pub epoch: Uuid,
    /// Last commit number.
    pub g: u64,
}

/// Rows in which a field has a value.
#[derive(Clone, Debug)]
pub struct Having {
    /// The entity.
    pub entity: &'static Entity,
    /// Position of the field.
    pub field: usize,
    /// The value; never null.
    pub value: Value,
    /// Most rows.
    pub limit: u32,
}

/// Rows in which a field has a value, at a time.
#[derive(Clone, Debug)]
pub struct Meeting {
    /// Which rows.
    pub having: Having,
    /// Positions of the fields with the first instant and the first instant after.
    pub fields: (usize, usize),
    /// The stretch of time that is met.
    pub span: (Instant, Instant),
}

impl Meeting {
    /// Whether a row is one of these.
    pub fn meets(&self, state: &RowState) -> bool {
        let time = |at: usize| state.row.values[at].as_instant();
        let fits = state.row.entity == self.having.entity && state.row.values[self.having.field] == self.having.value;
        fits && time(self.fields.0).is_some_and(|start| start < self.span.1) && time(self.fields.1).is_some_and(|end| self.span.0 < end)
    }
}

/// A row that stands and has all these values.
#[derive(Clone, Debug)]
pub struct Alike {
    /// The entity.
    pub entity: &'static Entity,
    /// Positions of fields with their values; null equals null.
    pub values: Vec<(usize, Value)>,
    /// Not this row.
    pub except: Uuid,
}

/// Where an envelope stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Laptop.
    pub device: Uuid,
    /// One life of its database.
    pub incarnation: Uuid,
    /// Number in that chain, from 1.
    pub dseq: u64,
}

/// A mutation that came before.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// Who, where, when; the stamp is the one that was decided at receipt.
    pub writer: Writer,
    /// Command.
    pub command: String,
    /// In which envelope it came first.
    pub place: Place,
    /// Commit number of its effect; none while it has none.
    pub g: Option<u64>,
    /// What was decided about it.
    pub verdict: Stored,
}

/// An envelope as it is kept: the bytes as they came.
#[derive(Clone, Debug, PartialEq)]
pub struct Filed {
    /// Where it stands.
    pub place: Place,
    /// The bytes, their hash and signature.
    pub envelope: Envelope,
    /// When it came.
    pub received: Instant,
    /// The mutation that it brought, with its decided stamp, and the command; none for an event,
    /// and for a copy of a mutation that had come in another life.
    pub mutation: Option<(Writer, String)>,
    /// Commit number of its effect; none without effect. Unique in the realm.
    pub g: Option<u64>,
    /// What was decided.
    pub verdict: Stored,
}

/// A mutation that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its envelope.
    pub place: Place,
    /// The mutation.
    pub mutation: Uuid,
    /// Ids of rows or mutations that were missing when it was last tried.
    pub missing: Vec<Uuid>,
}

/// A right of a person to a unit that follows from a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who.
    pub actor: Uuid,
    /// To what.
    pub unit: Unit,
    /// The row that it follows from.
    pub source: RowKey,
    /// From when; none for ever.
    pub from: Option<Instant>,
    /// Until when; none for ever.
    pub to: Option<Instant>,
    /// Whether rows may only be read by it.
    pub read_only: bool,
}

/// The digest of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitSum {
    /// The unit.
    pub unit: Unit,
    /// Sum over its rows.
    pub digest: RowsDigest,
    /// How many rows it has.
    pub rows: u64,
}

/// One row of the log: what one mutation changed of one row, for those who hold one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Commit number of the mutation.
    pub g: u64,
    /// Place among the lines of this mutation, from 0; the order in which they are applied.
    pub at: u32,
    /// Unit by which laptops are told.
    pub unit: Unit,
    /// The row.
    pub key: RowKey,
    /// The mutation.
    pub mutation: Uuid,
    /// `RowNews` in postcard's form.
    pub news: Vec<u8>,
    /// By how much the mutation moved the digest of this unit: on one of its lines about the unit,
    /// so that over any part of the log each move is counted once.
    pub shift: Option<RowsDigest>,
}

/// Which part of the log.
#[derive(Clone, Copy, Debug)]
pub struct LogAsk<'a> {
    /// After this commit number.
    pub after_g: u64,
    /// Up to this one, included.
    pub to_g: u64,
    /// Of these units.
    pub units: &'a BTreeSet<Unit>,
    /// After which sum of bytes it is enough.
    pub bytes: usize,
    /// After how many lines it is enough.
    pub lines: usize,
}

/// What a part of the log touches; nothing comes twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Units of its lines.
    pub units: Vec<Unit>,
    /// Rows of its lines that are of certain entities.
    pub rows: Vec<RowKey>,
    /// Laptops with envelopes that were decided anew.
    pub devices: Vec<Uuid>,
}

/// A part of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPart {
    /// By commit number, then place.
    pub lines: Vec<LogLine>,
    /// Every line up to this commit number is among them.
    pub through_g: u64,
}

/// A laptop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub actor: Uuid,
    /// What people call it.
    pub label: String,
    /// Ed25519 public key.
    pub public_key: [u8; 32],
    /// The life that may write; an earlier one is over.
    pub incarnation: Uuid,
    /// When it joined.
    pub enrolled: Instant,
    /// When it last pushed; none before.
    pub seen: Option<Instant>,
    /// When its right ended.
    pub revoked: Option<Instant>,
    /// The history in which it pushed last; nil before.
    pub epoch: Uuid,
    /// What it has to show at its next push.
    pub nonce: [u8; 32],
    /// The one before: good until `nonce` was used.
    pub former_nonce: [u8; 32],
    /// Whether what it wrote before it joined may still come: it joined, and nothing that it wrote since was
    /// filed. A laptop sends in the order of writing.
    pub alone: bool,
}

/// One life of a laptop: the head of one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Laptop.
    pub device: Uuid,
    /// One life of its database.
    pub incarnation: Uuid,
    /// Number of the last envelope; 0 for none.
    pub dseq: u64,
    /// Its hash; zeros for none.
    pub head: [u8; 32],
    /// Greatest stamp that was decided in this chain.
    pub hlc: u64,
    /// The key that signs this chain.
    pub public_key: [u8; 32],
}

/// The unit sets that a laptop may hold as complete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceUnits {
    /// After the last answer, ascending.
    pub now: Vec<Unit>,
    /// Before it, in case the answer was lost; ascending. For a laptop that asks ahead: what it held for good
    /// when it asked.
    pub before: Vec<Unit>,
    /// Sets between the two, handed out by answers that may not have become durable there: each with more
    /// units than the one in front of it.
    pub between: Vec<Vec<Unit>>,
}

/// Stands in front of each set behind the first one; no unit begins so.
const MARK: [u8; 17] = [0xff; 17];

impl DeviceUnits {
    /// `now` as a store keeps it.
    pub(crate) fn latest(&self) -> Vec<u8> {
        units_to_bytes(&self.now)
    }

    /// `before` and `between` as a store keeps them: of each set what it has more than the one in front.
    pub(crate) fn earlier(&self) -> Vec<u8> {
        let mut bytes = units_to_bytes(&self.before);
        let mut known: BTreeSet<Unit> = self.before.iter().copied().collect();
        for set in &self.between {
            bytes.extend(MARK);
            bytes.extend(set.iter().filter(|unit| known.insert(**unit)).flat_map(|unit| unit.to_bytes()));
        }
        bytes
    }

    /// Reads what a store keeps: `now`, and what [`DeviceUnits::earlier`] gave. None: it cannot be read.
    pub(crate) fn read(now: &[u8], earlier: &[u8]) -> Option<DeviceUnits> {
        let mut sets = vec![BTreeSet::new()];
        for bytes in earlier.chunks(MARK.len()) {
            let last = sets.last()?;
            if bytes == MARK {
                sets.push(last.clone());
            } else {
                let unit = Unit::from_bytes(bytes)?;
                sets.last_mut()?.insert(unit);
            }
        }
        let mut sets = sets.into_iter().map(|set| set.into_iter().collect());
        Some(DeviceUnits { now: units_of_bytes(now)?, before: sets.next()?, between: sets.collect() })
    }
}

/// Units side by side.
fn units_to_bytes(units: &[Unit]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_bytes()).collect()
}

fn units_of_bytes(bytes: &[u8]) -> Option<Vec<Unit>> {
    bytes.chunks(MARK.len()).map(Unit::from_bytes).collect()
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredInvite {
    /// Hash of its code.
    pub hash: [u8; 32],
    /// Name of the person.
    pub name: String,
    /// Mail address.
    pub email: Option<String>,
    /// Role of the person, as `users.role`.
    pub role: String,
    /// The person, when known here before.
    pub user: Option<Uuid>,
    /// Until when it is good.
    pub expires: Instant,
    /// The laptop that used it.
    pub used_by: Option<Uuid>,
}

/// A session, or a challenge that may become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// Hash of token or challenge.
    pub hash: [u8; 32],
    /// Laptop.
    pub device: Uuid,
    /// Whether it is a challenge.
    pub challenge: bool,
    /// Until when it is good.
    pub expires: Instant,
}

impl StoredSession {
    /// Whether it is a session, and good by now.
    pub fn is_good(&self, now: Instant) -> bool {
        !self.challenge && now < self.expires
    }
}

/// What the work on a group of pushes begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Sessions, by their hashes.
    pub sessions: Vec<[u8; 32]>,
    /// These laptops and their lives.
    pub devices: Vec<Uuid>,
    /// The claims of these people.
    pub actors: Vec<Uuid>,
    /// These rows.
    pub rows: Vec<RowKey>,
    /// What is known of these mutations.
    pub mutations: Vec<Uuid>,
    /// The digests of these units.
    pub units: Vec<Unit>,
}

/// The answer to [`Ahead`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Begun {
    /// Sessions and challenges.
    pub sessions: Vec<StoredSession>,
    /// Laptops.
    pub devices: Vec<Device>,
    /// All their lives.
    pub lives: Vec<Life>,
    /// Claims, whenever they are or were valid.
    pub claims: Vec<Claim>,
    /// Rows, entered in error or not.
    pub rows: Vec<RowState>,
    /// Who wrote mutations, and what was decided about them.
    pub written: Vec<Written>,
    /// Digests of units.
    pub sums: Vec<UnitSum>,
}

/// A row that is to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct RowSave {
    /// The row as it stands now.
    pub state: RowState,
    /// The unit in which it was before; none for a new row.
    pub before: Option<Unit>,
    /// Commit number of the last mutation that wrote it.
    pub g: u64,
}

/// Everything that a group of pushes changed. Each row, unit, laptop and life comes once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The head's commit number now.
    pub g: u64,
    /// How many mutations wait now.
    pub held_count: u64,
    /// Rows, new or changed.
    pub rows: Vec<RowSave>,
    /// New envelopes, in the order of receipt.
    pub filed: Vec<Filed>,
    /// Verdicts that are decided anew on envelopes that were filed before: the commit number of
    /// the effect if there is one, the verdict, and the head's commit number at that moment.
    pub verdicts: Vec<(Place, Option<u64>, Stored, u64)>,
    /// The log.
    pub log: Vec<LogLine>,
    /// Entries of the journal to be opened, or put in place of the open one with the same key.
    pub journal: Vec<(u64, JournalEntry)>,
    /// Entries of the journal to be closed, with the commit number of what closed them.
    pub settled: Vec<(u64, JournalKey)>,
    /// Mutations that wait from now on, or wait for something else.
    pub held: Vec<Held>,
    /// Mutations that wait no more.
    pub released: Vec<Place>,
    /// The claims that follow from a row now, in place of all that followed before.
    pub claims: Vec<(RowKey, Vec<Claim>)>,
    /// Digests; a unit without rows may be forgotten.
    pub digests: Vec<UnitSum>,
    /// Laptops whose nonce, life, epoch or time of contact changed.
    pub devices: Vec<Device>,
    /// Heads of chains, new or changed.
    pub lives: Vec<Life>,
}
