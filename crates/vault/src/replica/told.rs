//! What the screen tells about replication: what waits, what became of an entry, where a record
//! is saved, what left, what was done. And what a person decides about an entry.

use gladstone_model::{Instant, catalogue::SCHEMA_VERSION};
use gladstone_protocol::{Entry, Mutation, Op, OpKind, RowsDigest, Stored, entry::Body, enrol::to_hex, wire::RowKey};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::{
    chain,
    error::VaultError,
    inside::Inside,
    replica::{apply::Apply, base::unreadable, fold},
    state::VaultState,
    vault::Vault,
};

/// Lines of the log that are kept.
const LOG_LINES: i64 = 1_000;

/// What became of an entry of the chain. The number is the one in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryState {
    /// Waits to be sent.
    Waiting = 0,
    /// At the centre, which waits for something that it needs.
    Held = 1,
    /// Taken by the centre; not yet in what was pulled from there.
    Acknowledged = 2,
    /// Taken by the centre, and part of what came from there.
    Settled = 3,
    /// Kept by the centre without effect; the person decides.
    Quarantined = 4,
    /// Given up by the person.
    Discarded = 5,
    /// Went on as another entry of a later life of this database.
    Renewed = 6,
}

impl EntryState {
    pub(crate) fn of(number: u8) -> EntryState {
        use EntryState::{Acknowledged, Discarded, Held, Quarantined, Renewed, Settled, Waiting};
        let all = [Waiting, Held, Acknowledged, Settled, Quarantined, Discarded, Renewed];
        all.get(usize::from(number)).copied().unwrap_or(Settled)
    }
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Mutations that wait to be sent.
    pub count: u64,
    /// Wall clock of the first of them.
    pub oldest: Option<Instant>,
    /// Mutations in quarantine that nobody has decided about.
    pub quarantined: u64,
}

/// An entry that is not settled.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueItem {
    /// Its place in this database, from 1.
    pub dseq: u64,
    /// The mutation.
    pub mutation: Uuid,
    /// The command, for example `responses.answer`.
    pub command: String,
    /// Wall clock when it was saved.
    pub wall: Instant,
    /// What became of it.
    pub state: EntryState,
    /// Short name of the reason why it is in quarantine or held.
    pub code: Option<String>,
    /// What the centre says about it, or what it lacks here, for people.
    pub text: Option<String>,
    /// What it writes.
    pub ops: Vec<Op>,
}

/// Where a record is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// On this computer alone: the vault belongs to no organization.
    HereOnly,
    /// Changes of it wait to be sent.
    Waiting {
        /// How many.
        count: u64,
        /// When the first of them was saved.
        oldest: Instant,
    },
    /// At the centre, as it is here.
    AtCentre {
        /// Commit number of this laptop's last change of it; none when others wrote it.
        g: Option<u64>,
        /// When the centre said so, by its clock.
        at: Option<Instant>,
    },
    /// A change of it is in quarantine.
    Quarantined {
        /// Place of the entry.
        dseq: u64,
        /// Why, for people.
        text: String,
    },
}

/// What left this laptop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departed {
    /// When.
    pub at: Instant,
    /// What people call it.
    pub title: String,
    /// How many records.
    pub rows: u64,
    /// Why, for people.
    pub reason: String,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: Instant,
    /// What was done, for people.
    pub line: String,
}

impl Vault {
    /// How much waits to be sent.
    ///
    /// # Errors
    /// What the database says.
    pub fn waiting(&self) -> Result<Waiting, VaultError> {
        self.look(waiting)
    }

    /// Entries that wait, are held, or are in quarantine, the first ones first; at most `limit`.
    ///
    /// # Errors
    /// What the database says.
    pub fn queue(&self, limit: u32) -> Result<Vec<QueueItem>, VaultError> {
        self.look(|connection, _| {
            let places = "SELECT dseq FROM chain WHERE state = 0 AND mutation_id IS NOT NULL UNION SELECT dseq FROM chain WHERE state IN (1, 2, 4) AND state IN (1, 4) ORDER BY 1 LIMIT ?1";
            let mut statement = connection.prepare_cached(&format!("SELECT dseq, bytes, state, verdict FROM chain WHERE dseq IN ({places}) ORDER BY dseq"))?;
            let mut rows = statement.query([limit])?;
            let mut items = Vec::new();
            while let Some(row) = rows.next()? {
                let entry = Entry::from_bytes(&chain::unpack(row.get_ref("bytes")?.as_blob().unwrap_or_default())?).map_err(|_| unreadable())?;
                if let Body::Mutation(mutation) = entry.body {
                    items.push(item(connection, row.get::<_, i64>("dseq")?.unsigned_abs(), mutation, row.get("state")?, row.get("verdict")?)?);
                }
            }
            Ok(items)
        })
    }

    /// An entry by its place in this database, as it was written; none when there is none.
    ///
    /// # Errors
    /// What the database says, or that it cannot be read.
    pub fn entry(&self, dseq: u64) -> Result<Option<Entry>, VaultError> {
        self.look(|connection, _| fold::entry(connection, dseq))
    }

    /// What became of an entry; none when there is none.
    ///
    /// # Errors
    /// What the database says.
    pub fn entry_state(&self, dseq: u64) -> Result<Option<EntryState>, VaultError> {
        self.look(|connection, _| {
            let state: Option<u8> = connection.prepare_cached("SELECT state FROM chain WHERE dseq = ?1")?.query_row([dseq as i64], |row| row.get(0)).optional()?;
            Ok(state.map(EntryState::of))
        })
    }

    /// Where a record is saved.
    ///
    /// # Errors
    /// What the database says.
    pub fn receipt(&self, entity: &str, row: Uuid) -> Result<Receipt, VaultError> {
        let Some(entity) = gladstone_model::catalogue().get(entity) else { return Err(gladstone_store::StoreError::UnknownEntity(entity.into()).into()) };
        self.look(|connection, state| receipt(connection, state, entity, row))
    }

    /// The person gives up an entry in quarantine. It stays in the chain, with the reason.
    ///
    /// # Errors
    /// [`VaultError::Entry`] when it is not in quarantine, or without a reason.
    pub fn discard(&self, dseq: u64, reason: &str) -> Result<(), VaultError> {
        self.replicate(|inside| {
            if reason.trim().is_empty() {
                return Err(VaultError::Entry("say why this change is given up".into()));
            }
            decide(inside.connection, dseq, reason)?;
            log(inside.connection, inside.around.now(), &format!("A change that the centre did not accept was given up: {reason}"))
        })
    }

    /// The person sends an entry in quarantine once more, as a new mutation on what is here now:
    /// when the reason is gone, for example a right was given. Returns its place.
    ///
    /// # Errors
    /// [`VaultError::Entry`] when it is not in quarantine.
    pub fn resend(&self, dseq: u64) -> Result<u64, VaultError> {
        self.replicate(|inside| resend(inside, dseq))
    }

    /// What left this laptop, the latest first; at most 500.
    ///
    /// # Errors
    /// What the database says.
    pub fn departed(&self) -> Result<Vec<Departed>, VaultError> {
        self.look(|connection, _| {
            let mut statement = connection.prepare_cached("SELECT at, title, rows, reason FROM departed ORDER BY place DESC LIMIT 500")?;
            let read = |row: &rusqlite::Row<'_>| Ok(Departed { at: Instant(row.get("at")?), title: row.get("title")?, rows: row.get::<_, i64>("rows")?.unsigned_abs(), reason: row.get("reason")? });
            Ok(statement.query_map([], read)?.collect::<Result<_, _>>()?)
        })
    }

    /// What synchronizing did, the latest first; the last 1,000 lines.
    ///
    /// # Errors
    /// What the database says.
    pub fn sync_log(&self) -> Result<Vec<LogLine>, VaultError> {
        self.look(|connection, _| {
            let mut statement = connection.prepare_cached("SELECT at, line FROM sync_log ORDER BY place DESC")?;
            Ok(statement.query_map([], |row| Ok(LogLine { at: Instant(row.get("at")?), line: row.get("line")? }))?.collect::<Result<_, _>>()?)
        })
    }

    /// Adds a line to the log of synchronizing: whole sentences, without personal data.
    ///
    /// # Errors
    /// What the database says.
    pub fn log_line(&self, line: &str) -> Result<(), VaultError> {
        self.note(|inside| log(inside.connection, inside.around.now(), line))
    }
}

/// How much waits to be sent.
// Where a state is asked for, the words of its index stand beside it: without them all of the chain is read.
pub(crate) fn waiting(connection: &Connection, _: &VaultState) -> Result<Waiting, VaultError> {
    let count = |sql: &str| connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
    let first: Option<i64> = connection.prepare_cached("SELECT min(dseq) FROM chain WHERE state = 0 AND mutation_id IS NOT NULL")?.query_row([], |row| row.get(0))?;
    let oldest = match first {
        Some(place) => fold::entry(connection, place.unsigned_abs())?.and_then(|entry| if let Body::Mutation(mutation) = entry.body { Some(mutation.wall) } else { None }),
        None => None,
    };
    Ok(Waiting { count: count("SELECT count(*) FROM chain WHERE state = 0 AND mutation_id IS NOT NULL")?, oldest, quarantined: count("SELECT count(*) FROM chain WHERE state IN (1, 2, 4) AND state = 4")? })
}

/// Adds a line to the log.
pub(crate) fn log(connection: &Connection, at: Instant, line: &str) -> Result<(), VaultError> {
    connection.prepare_cached("INSERT INTO sync_log (at, line) VALUES (?1, ?2)")?.execute(params![at.0, line])?;
    let last = connection.last_insert_rowid();
    connection.prepare_cached("DELETE FROM sync_log WHERE place <= ?1")?.execute([last - LOG_LINES])?;
    Ok(())
}

/// A digest in words.
pub(crate) fn digest(digest: Option<RowsDigest>) -> String {
    digest.and_then(|digest| postcard::to_stdvec(&digest).ok()).map_or_else(|| "unknown".into(), |bytes| to_hex(&bytes))
}

fn stored(verdict: Option<Vec<u8>>) -> Result<Option<Stored>, VaultError> {
    verdict.map(|bytes| postcard::from_bytes(&bytes).map_err(|_| unreadable())).transpose()
}

fn item(connection: &Connection, dseq: u64, mutation: Mutation, state: u8, verdict: Option<Vec<u8>>) -> Result<QueueItem, VaultError> {
    let (code, mut text) = match stored(verdict)? {
        Some(Stored::Quarantined { code, text }) => (Some(code), Some(text)),
        Some(Stored::Held { .. }) => (Some("held".to_owned()), Some("The centre waits for something that this change builds on.".to_owned())),
        _ => (None, None),
    };
    for op in &mutation.ops {
        let sql = "SELECT flag FROM pending WHERE entity = ?1 AND row_id = ?2 AND dseq = ?3";
        let flag: Option<Option<String>> = connection.prepare_cached(sql)?.query_row(params![op.entity, op.id.as_bytes(), dseq as i64], |row| row.get(0)).optional()?;
        text = text.or(flag.flatten());
    }
    Ok(QueueItem { dseq, mutation: mutation.id, command: mutation.command, wall: mutation.wall, state: EntryState::of(state), code, text, ops: mutation.ops })
}

fn receipt(connection: &Connection, state: &VaultState, entity: &'static gladstone_model::Entity, row: Uuid) -> Result<Receipt, VaultError> {
    if state.realm.is_nil() {
        return Ok(Receipt::HereOnly);
    }
    let mut statement = connection.prepare_cached("SELECT dseq FROM chain WHERE state IN (1, 2, 4) AND state = 4 ORDER BY dseq DESC")?;
    let troubled: Vec<i64> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for place in troubled {
        if let Some(Entry { body: Body::Mutation(mutation), .. }) = fold::entry(connection, place.unsigned_abs())?
            && mutation.ops.iter().any(|op| op.entity == entity.no && op.id == row)
        {
            let verdict = connection.prepare_cached("SELECT verdict FROM chain WHERE dseq = ?1")?.query_row([place], |row| row.get(0))?;
            let text = if let Some(Stored::Quarantined { text, .. }) = stored(verdict)? { text } else { String::new() };
            return Ok(Receipt::Quarantined { dseq: place.unsigned_abs(), text });
        }
    }
    let sql = "SELECT count(*), min(p.dseq) FROM pending AS p JOIN chain AS c ON c.dseq = p.dseq WHERE p.entity = ?1 AND p.row_id = ?2 AND c.state IN (0, 1)";
    let (count, first): (i64, Option<i64>) = connection.prepare_cached(sql)?.query_row(params![entity.no, row.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if let Some(first) = first
        && let Some(Entry { body: Body::Mutation(mutation), .. }) = fold::entry(connection, first.unsigned_abs())?
    {
        return Ok(Receipt::Waiting { count: count.unsigned_abs(), oldest: mutation.wall });
    }
    let mut last: (Option<u64>, Option<Instant>) = (None, None);
    if let Some(stored) = gladstone_store::Reader::new(connection).stored(entity, row)? {
        let mids = stored.group_mids.pairs().iter().map(|(_, mid)| *mid).chain([stored.row_mid]).chain(stored.error.map(|(mid, _)| mid));
        for mid in mids {
            let sql = "SELECT g, judged_at FROM chain WHERE mutation_id = ?1 AND g IS NOT NULL";
            let found: Option<(i64, Option<i64>)> = connection.prepare_cached(sql)?.query_row([mid.as_bytes().as_slice()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            if let Some((g, at)) = found.filter(|(g, _)| Some(g.unsigned_abs()) > last.0) {
                last = (Some(g.unsigned_abs()), at.map(Instant));
            }
        }
    }
    Ok(Receipt::AtCentre { g: last.0, at: last.1 })
}

fn decide(connection: &Connection, dseq: u64, note: &str) -> Result<(), VaultError> {
    let changed = connection.prepare_cached("UPDATE chain SET state = 5, note = ?2 WHERE dseq = ?1 AND state = 4")?.execute(params![dseq as i64, note])?;
    if changed == 1 { Ok(()) } else { Err(VaultError::Entry("this change is not one that the centre put aside".into())) }
}

/// The person changed an entry in quarantine and saves it anew: the mutation `again` takes its place, or
/// nothing does where all that was left of it stands already.
///
/// # Errors
/// [`VaultError::Entry`] when it is not in quarantine.
pub(crate) fn mended(connection: &Connection, now: Instant, dseq: u64, again: Option<Uuid>) -> Result<(), VaultError> {
    let note = again.map_or_else(|| "changed so that nothing of it was left to be sent".to_owned(), |again| format!("sent again, changed, as {again}"));
    decide(connection, dseq, &note)?;
    if again.is_some() { log(connection, now, "A change that the centre had not accepted was changed and is sent again.") } else { Ok(()) }
}

fn resend(inside: &mut Inside<'_>, dseq: u64) -> Result<u64, VaultError> {
    let Some(Entry { body: Body::Mutation(mut mutation), .. }) = fold::entry(inside.connection, dseq)? else { return Err(VaultError::Entry("there is no such change".into())) };
    let now = inside.around.now();
    let id = inside.around.new_id()?;
    decide(inside.connection, dseq, &format!("sent again as {id}"))?;
    // The person has seen what stands now.
    for op in &mut mutation.ops {
        let Some(entity) = gladstone_model::catalogue().by_no(op.entity) else { continue };
        let Some(current) = gladstone_store::Reader::new(inside.connection).stored(entity, op.id)? else { continue };
        match &mut op.kind {
            OpKind::Create(_) => {}
            OpKind::Update(patches) => patches.iter_mut().for_each(|patch| patch.base = current.writer_of(patch.group)),
            OpKind::EnterInError { base, .. } => *base = current.row_mid,
        }
    }
    inside.state.hlc = inside.state.next_hlc(now);
    let keys: Vec<RowKey> = mutation.ops.iter().map(|op| RowKey { entity: op.entity, id: op.id }).collect();
    let again = Mutation {
        id,
        realm: inside.state.realm,
        actor: inside.state.actor,
        hlc: inside.state.hlc,
        wall: now,
        zone_minutes: inside.around.zone_minutes(),
        server_offset: inside.state.server_offset,
        schema_version: SCHEMA_VERSION,
        ..mutation
    };
    let place = inside.append(Body::Mutation(again), Some(id))?;
    let mut apply = Apply::begin(inside)?;
    for key in keys {
        apply.lay(key, place)?;
    }
    apply.finish()?;
    log(apply.inside.connection, now, "A change that the centre had not accepted is sent again.")?;
    Ok(place)
}
