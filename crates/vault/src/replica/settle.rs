//! What the centre gave, held against what it said: an entry that it took is settled when its rows
//! came; one that it said it had taken and did not give is shown further and sent again, some times, and
//! then put aside for the person to decide; one that it said it had refused and gave all the same is not
//! refused.

use std::collections::{BTreeSet, HashSet};

use gladstone_model::{Unit, Value};
use gladstone_protocol::{
    Op, OpKind, Policy, Stored,
    journal::{JournalEntry, MARK},
    row_state::same,
    wire::{Basis, Change, PullAnswer, PullRequest, RowKey},
};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::{
    error::VaultError,
    replica::{
        apply::Apply,
        base::{BaseRow, unreadable},
        lives, told,
    },
};

/// How often an entry is sent again because it did not come, and after how many microseconds once more.
const TIMES: u32 = 6;
const AGAIN_AFTER: u64 = 600_000_000;
/// Added to the times with each answer that the centre has it already.
const KNOWN: u32 = 1_000;
/// A commit number that the centre never gives: what is said to lie there has not come.
const NEVER: u64 = 1 << 62;
/// What is said of an entry that is sent again.
const AGAIN: &str = "What the centre gave does not hold a change that it had said it took. It is sent again.";
/// What is said when that was of no use.
const STILL: &str = "What the centre gives still does not hold a change that it says it took. The change is put aside for you to look at.";
/// Short name of why it is put aside, and what its author is told.
const NOT_GIVEN: (&str, &str) = ("not_given", "The centre says that it has this, but never gave it here. It may lie where you may not look, or be lost there: ask whoever runs the centre. Then send it again, or give it up.");
/// What is said of a refusal that was none.
const AFTER_ALL: &str = "A change that the centre had said it did not accept is there after all.";

/// A change that this laptop made itself tells that it was taken, even when the verdict was lost, or
/// was a refusal.
pub(crate) fn recognise(apply: &mut Apply<'_, '_>, change: &Change) -> Result<(), VaultError> {
    if change.writer.device != apply.inside.state.device {
        return Ok(());
    }
    let connection = apply.inside.connection;
    for row in &change.rows {
        for (place, _) in apply.row(row.key)?.pending.clone() {
            if apply.entries.get(connection, place)?.mutation.id == change.writer.mutation {
                // The number under which it comes counts, whatever was said.
                connection.prepare_cached("UPDATE chain SET state = 2, g = ?2 WHERE dseq = ?1 AND state IN (0, 1, 2)")?.execute(params![place as i64, change.g as i64])?;
            }
        }
    }
    let mut statement = connection.prepare_cached("SELECT dseq FROM chain WHERE state IN (1, 2, 4) AND state = 4 AND mutation_id = ?1")?;
    let refused: Vec<i64> = statement.query_map([change.writer.mutation.as_bytes()], |row| row.get(0))?.collect::<Result<_, _>>()?;
    refused.into_iter().try_for_each(|place| accept(apply, place, Some(change.g)))
}

/// After a download: which refused entries are among the rows that came.
pub(crate) fn recognise_rows(apply: &mut Apply<'_, '_>) -> Result<(), VaultError> {
    let connection = apply.inside.connection;
    let mut statement = connection.prepare_cached("SELECT dseq FROM chain WHERE state IN (1, 2, 4) AND state = 4 AND mutation_id IS NOT NULL")?;
    let refused: Vec<i64> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for place in refused {
        let written = apply.entries.get(connection, place.unsigned_abs())?;
        let mut is_there = false;
        for op in &written.mutation.ops {
            // What lies here of another history is not what the centre gives, until its unit came anew.
            let base = apply.row(RowKey { entity: op.entity, id: op.id })?.base.clone();
            is_there |= base.is_some_and(|base| apply.units.is_complete(base.unit()) && is_by(&base, written.mutation.id));
        }
        if is_there {
            accept(apply, place, None)?;
        }
    }
    Ok(())
}

fn accept(apply: &mut Apply<'_, '_>, place: i64, g: Option<u64>) -> Result<(), VaultError> {
    let connection = apply.inside.connection;
    let verdict = g.map(|g| postcard::to_stdvec(&Stored::Applied { g }).map_err(|_| unreadable())).transpose()?;
    let sql = "UPDATE chain SET state = 3, g = ?2, verdict = ?3, resend = 0 WHERE dseq = ?1";
    connection.prepare_cached(sql)?.execute(params![place, g.map(|g| g as i64), verdict])?;
    told::log(connection, apply.inside.around.now(), AFTER_ALL)
}

/// Entries whose effect the base contains now do not lie on top of it any more. A row whose unit
/// is still being downloaded waits for that, so that nothing flickers. `entered`: units whose rows came
/// with this answer. Says whether any entry waits to be sent once more.
///
/// Between the checkpoint of the question and that of the answer the centre tells every change of the
/// units that are held. So what it says it took in between, and does not tell, has to stand: that
/// others wrote over it is no excuse.
pub(crate) fn settle(apply: &mut Apply<'_, '_>, asked: &PullRequest, answer: &PullAnswer, entered: &[Unit]) -> Result<bool, VaultError> {
    let connection = apply.inside.connection;
    let (to_g, more) = (answer.to_g, answer.more);
    // With nothing more to come, a greater number than that of the centre's last commit is none.
    let most = if more { to_g } else { u64::MAX >> 1 };
    let mut statement = connection.prepare_cached("SELECT dseq, g, verdict FROM chain WHERE state IN (1, 2, 4) AND state = 2 AND g <= ?1 ORDER BY dseq")?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs(), row.get(2)?));
    let places: Vec<(u64, u64, Option<Vec<u8>>)> = statement.query_map([most as i64], read)?.collect::<Result<_, _>>()?;
    if places.is_empty() {
        return Ok(false);
    }
    let told: HashSet<Uuid> = answer.changes.iter().map(|change| change.writer.mutation).collect();
    let given: HashSet<(Uuid, RowKey)> = answer.changes.iter().flat_map(|change| change.rows.iter().map(|row| (change.writer.mutation, row.key))).collect();
    let unproven = unproven(connection)?;
    let (mut again, mut doubtful) = (Vec::new(), BTreeSet::new());
    for (place, g, verdict) in places {
        let written = apply.entries.get(connection, place)?;
        let due = answer.basis == Basis::Checkpoint && asked.from_g < g && g <= to_g;
        let must_stand = (due || unproven.contains(&place)) && !told.contains(&written.mutation.id);
        let (mut waits, mut contained, mut lacks, mut for_sure) = (false, Vec::new(), g > to_g, false);
        let (mut came, mut never_came) = (false, false);
        for op in &written.mutation.ops {
            let key = RowKey { entity: op.entity, id: op.id };
            if !apply.lies_on(key, place)? {
                continue;
            }
            let row = apply.row(key)?;
            let unit = row.base.as_ref().map_or(op.unit, BaseRow::unit);
            let is_beside = is_beside(verdict.as_deref(), row.base.as_ref(), op);
            // It may have left again with the same answer.
            let is_given = given.contains(&(written.mutation.id, key));
            let may_be = may_contain(row.base.as_ref(), op) || is_beside || is_given;
            came |= is_given || row.base.as_ref().is_some_and(|base| is_by(base, written.mutation.id));
            // What came before and is only sent once more may have been written over since.
            let is_new = row.pending.iter().any(|(other, within)| *other == place && !within) && !entered.contains(&unit);
            let stands = !must_stand || !is_new || stands(row.base.as_ref(), op, written.mutation.id, verdict.as_deref());
            // What builds on an entry that did not come stays on top of it.
            let above = row.pending.iter().any(|(other, _)| doubtful.contains(other));
            match apply.units.get(unit) {
                Some(held) if !held.complete => waits = true,
                None if more => waits = true,
                _ if above => waits = true,
                // What is in units of others comes to nobody here.
                held => {
                    lacks |= held.is_some() && !(may_be && stands);
                    never_came |= held.is_some() && !may_be && matches!(op.kind, OpKind::Create(_));
                    // A new row may have gone to a unit that is not held before it came; a value that is
                    // still the one of before was never replaced.
                    for_sure |= held.is_some() && !may_be && !matches!(op.kind, OpKind::Create(_));
                    contained.push(key);
                }
            }
        }
        if lacks {
            match doubt(apply, place, for_sure, never_came && !came)? {
                Doubt::SendAgain => {
                    again.push(place);
                    doubtful.insert(place);
                    continue;
                }
                Doubt::Wait => {
                    doubtful.insert(place);
                    continue;
                }
                Doubt::PutAside => {
                    put_aside(apply, place)?;
                    continue;
                }
                Doubt::Believe => {}
            }
        }
        contained.into_iter().try_for_each(|key| apply.lift(key, place))?;
        if !waits {
            connection.prepare_cached("UPDATE chain SET state = 3 WHERE dseq = ?1")?.execute([place as i64])?;
            if unproven.contains(&place) {
                connection.prepare_cached("DELETE FROM doubted WHERE dseq = ?1 AND times = 0")?.execute([place as i64])?;
            }
        }
    }
    if !again.is_empty() {
        apply.flush()?;
        lives::send_again(apply.inside, &again)?;
    }
    Ok(!again.is_empty())
}

/// What is done about an entry that is not where it should be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doubt {
    SendAgain,
    /// It was sent again a moment ago.
    Wait,
    /// The centre knows it, and others may have written over it.
    Believe,
    /// Sending it again was of no use, or the centre says it knows a row that never came: a person decides.
    PutAside,
}

/// `for_sure`: that the centre says it knows it is a lie as well. `never_came`: a row that it makes is in a
/// unit that is held, and nothing of the entry came.
fn doubt(apply: &mut Apply<'_, '_>, place: u64, for_sure: bool, never_came: bool) -> Result<Doubt, VaultError> {
    let (connection, now) = (apply.inside.connection, apply.inside.around.now());
    let known: Option<(u32, i64)> = connection.prepare_cached("SELECT times, at FROM doubted WHERE dseq = ?1")?.query_row([place as i64], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (times, at) = known.unwrap_or_default();
    if times >= KNOWN && !for_sure {
        return Ok(if never_came { Doubt::PutAside } else { Doubt::Believe });
    }
    let times = times % KNOWN;
    if known.is_some() && now.0.abs_diff(at) < AGAIN_AFTER {
        return Ok(Doubt::Wait);
    }
    if times >= TIMES {
        return Ok(Doubt::PutAside);
    }
    told::log(connection, now, AGAIN)?;
    connection.prepare_cached("INSERT OR REPLACE INTO doubted (dseq, times, at) VALUES (?1, ?2, ?3)")?.execute(params![place as i64, times + 1, now.0])?;
    Ok(Doubt::SendAgain)
}

/// The entry is shown as one that the centre did not accept: it has no effect in what is shown, nothing sends
/// it again by itself, and it is accepted once it comes. How often it was doubted stays known.
fn put_aside(apply: &mut Apply<'_, '_>, place: u64) -> Result<(), VaultError> {
    let connection = apply.inside.connection;
    let verdict = Stored::Quarantined { code: NOT_GIVEN.0.into(), text: NOT_GIVEN.1.into() };
    let bytes = postcard::to_stdvec(&verdict).map_err(|_| unreadable())?;
    connection.prepare_cached("UPDATE chain SET state = 4, g = NULL, verdict = ?2, resend = 0 WHERE dseq = ?1")?.execute(params![place as i64, bytes])?;
    apply.retract(place)?;
    told::log(connection, apply.inside.around.now(), STILL)
}

/// The centre says of an entry that had been sent again that it had come before: it is there, wherever
/// its rows are.
pub(crate) fn is_known(connection: &Connection, place: u64) -> Result<(), VaultError> {
    connection.prepare_cached("UPDATE doubted SET times = times + ?2 WHERE dseq = ?1 AND times > 0")?.execute(params![place as i64, KNOWN])?;
    Ok(())
}

/// The number under which an entry is taken to have effect, that was just sent and is said to have it at
/// `g`. What was not there before gets a number beyond the checkpoint; one that was there had come with
/// an answer, and would not have been sent, unless its unit was not held then.
pub(crate) fn effect_at(apply: &mut Apply<'_, '_>, place: u64, g: u64, came_before: bool) -> Result<u64, VaultError> {
    if g > apply.checkpoint()? {
        return Ok(g);
    }
    if !came_before {
        return Ok(NEVER);
    }
    apply.inside.connection.prepare_cached("INSERT OR IGNORE INTO doubted (dseq, times, at) VALUES (?1, 0, 0)")?.execute([place as i64])?;
    Ok(g)
}

/// Places of entries of which nothing speaks but the word that they had come before.
fn unproven(connection: &Connection) -> Result<BTreeSet<u64>, VaultError> {
    let mut statement = connection.prepare_cached("SELECT dseq FROM doubted WHERE times = 0")?;
    Ok(statement.query_map([], |row| row.get::<_, i64>(0).map(i64::unsigned_abs))?.collect::<Result<_, _>>()?)
}

/// Whether a patch stands in a row, or its values do, or the verdict says that they stand in the journal.
fn stands(base: Option<&BaseRow>, op: &Op, mutation: Uuid, verdict: Option<&[u8]>) -> bool {
    let (Some(state), OpKind::Update(patches)) = (base.and_then(BaseRow::shown), &op.kind) else { return true };
    let entity = state.row.entity;
    if state.error.is_some() || Policy::of(entity) == Policy::Sealed {
        return true;
    }
    let is_there = |(no, value): &(u16, Value)| entity.position_of_no(*no).is_none_or(|at| same(&state.row.values[at], value));
    let journal = journal(verdict);
    patches.iter().all(|patch| state.writer_of(patch.group) == mutation || patch.values.iter().all(is_there) || is_kept(&journal, op, patch.group))
}

/// Whether a row as the centre gave it may contain a patch. What others wrote since may lie on top; but
/// a new row that is not there, a value that is still the one of before, or a mark that is missing, do not.
pub(crate) fn may_contain(base: Option<&BaseRow>, op: &Op) -> bool {
    // A row that others made may have gone to a unit that is not held; one's own is missed.
    let Some(base) = base else { return !matches!(op.kind, OpKind::Create(_)) };
    let Some(state) = base.shown() else { return true };
    match &op.kind {
        OpKind::Create(_) => true,
        // What is written to a sealed row becomes an addendum, and to a row in error an entry of the
        // journal: neither stands in the row.
        OpKind::Update(_) if state.error.is_some() || Policy::of(state.row.entity) == Policy::Sealed => true,
        OpKind::Update(patches) => patches.iter().all(|patch| state.writer_of(patch.group) != patch.base),
        OpKind::EnterInError { .. } => state.error.is_some(),
    }
}

/// Whether the verdict says of what does not stand where it is kept: in the journal, of which people
/// are told.
fn is_beside(verdict: Option<&[u8]>, base: Option<&BaseRow>, op: &Op) -> bool {
    let journal = journal(verdict);
    let Some(state) = base.and_then(BaseRow::shown).filter(|_| !journal.is_empty()) else { return false };
    match &op.kind {
        OpKind::Create(_) => false,
        OpKind::Update(patches) => patches.iter().all(|patch| is_kept(&journal, op, patch.group) || state.writer_of(patch.group) != patch.base),
        OpKind::EnterInError { .. } => is_kept(&journal, op, MARK),
    }
}

/// What did not stand as it was written, as the verdict says.
fn journal(verdict: Option<&[u8]>) -> Vec<JournalEntry> {
    if let Some(Ok(Stored::Merged { journal, .. })) = verdict.map(postcard::from_bytes) { journal } else { Vec::new() }
}

fn is_kept(journal: &[JournalEntry], op: &Op, group: u16) -> bool {
    journal.iter().any(|entry| (entry.entity, entry.row, entry.group) == (op.entity, op.id, group))
}

/// Whether a mutation wrote something of a row that still stands.
fn is_by(base: &BaseRow, mutation: Uuid) -> bool {
    base.shown().is_some_and(|state| {
        let marked = state.error.as_ref().is_some_and(|(mid, _)| *mid == mutation);
        marked || state.row_mid == mutation || state.group_mids.pairs().iter().any(|(_, mid)| *mid == mutation)
    })
}
