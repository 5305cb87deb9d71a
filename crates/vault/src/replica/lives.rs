//! What is sent again, and under which number: a new life of the database, a new device, another
//! history of the centre.
//!
//! Each life numbers its entries from 1 and links to nothing before it. What was never
//! acknowledged goes on as new entries of the new life with the same mutation ids, in the order in
//! which it was written; the centre answers for a mutation that it knows as for a duplicate.

use std::sync::Arc;

use gladstone_model::Instant;
use gladstone_protocol::{
    Entry, Event, EventAction,
    entry::Body,
    enrol::to_hex,
    wire::{RowImage, RowKey},
};
use gladstone_store::Reader;
use rusqlite::params;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    error::VaultError,
    inside::Inside,
    keys::signing::SigningKey,
    replica::{
        answers,
        apply::Apply,
        base,
        download,
        fold::{Entries, entry},
        joined::Held,
        told,
    },
    state::VaultState,
    vault::Vault,
};

/// Days for which acknowledged entries are sent again when the centre was put back.
const RING_DAYS: i64 = 30;
/// What the first entry of a life says that began as a new device.
const ON_ITS_OWN: &str = "went on as a computer of its own: it was a copy of another one";

impl Vault {
    /// The laptop becomes another one to the centre, because it is a copy of a laptop that goes
    /// on: a new device id, a new key pair and a new life; it can sign for the other one no more. It has
    /// to be enrolled and to join again; what waits goes along. Doing it again before that changes nothing.
    ///
    /// # Errors
    /// What the database says.
    pub fn begin_as_new_device(&self) -> Result<(), VaultError> {
        self.replicate(|inside| {
            if has_begun_as_new(inside)? {
                return Ok(());
            }
            let mut seed = Zeroizing::new([0; 32]);
            inside.around.random(seed.as_mut_slice())?;
            let signer = SigningKey::from_seed(&seed).map_err(|error| VaultError::NotVerified(error.to_string()))?;
            VaultState::replace_signing_seed(inside.connection, &seed, &inside.signer.public(), inside.state.dseq)?;
            *inside.signer = Arc::new(signer);
            inside.state.device = inside.around.new_id()?;
            // What the centre gave out was for the other one.
            inside.connection.execute("UPDATE replica SET nonce = zeroblob(32)", [])?;
            begin_new_life(inside, ON_ITS_OWN)
        })?;
        // The seed of before must not lie in the log either.
        self.checkpoint()
    }
}

/// Whether this life began as a new device that has not joined yet: joining brings a nonce.
fn has_begun_as_new(inside: &Inside<'_>) -> Result<bool, VaultError> {
    let first = entry(inside.connection, inside.state.life_start + 1)?;
    let on_its_own = first.is_some_and(|entry| matches!(entry.body, Body::Event(event) if event.action == EventAction::Restore && event.detail.starts_with(ON_ITS_OWN)));
    let joined: bool = inside.connection.query_row("SELECT EXISTS (SELECT 1 FROM replica WHERE nonce <> zeroblob(32))", [], |row| row.get(0))?;
    Ok(on_its_own && !joined)
}

/// A new incarnation whose first entry says why it began and what came before it.
pub(crate) fn begin_new_life(inside: &mut Inside<'_>, why: &str) -> Result<(), VaultError> {
    let former = (inside.state.incarnation, inside.state.dseq, inside.state.chain_head);
    inside.state.incarnation = inside.around.new_id()?;
    inside.state.life_start = inside.state.dseq;
    let detail = format!("{why}; before it: {} entries up to life {}, the last one {}", former.1, former.0, to_hex(&former.2));
    let event = Event { actor: inside.state.actor, wall: inside.around.now(), action: EventAction::Restore, entity: 0, row: Uuid::nil(), detail };
    inside.append(Body::Event(event), None)?;
    if inside.state.realm.is_nil() { Ok(()) } else { carry_over(inside) }
}

/// When a vault joins: everything that waits lies on top of nothing. Entries of former lives, and
/// of versions that went on counting in a new life, go on in a life that the centre can follow.
pub(crate) fn first_outbox(inside: &mut Inside<'_>) -> Result<(), VaultError> {
    let connection = inside.connection;
    let mut statement = connection.prepare("SELECT dseq FROM chain WHERE state = 0 AND mutation_id IS NOT NULL ORDER BY dseq")?;
    let mut rows = statement.query([])?;
    let mut entries = Entries::default();
    while let Some(row) = rows.next()? {
        let place = row.get::<_, i64>(0)?.unsigned_abs();
        for key in entries.get(connection, place)?.keys() {
            base::add_pending(connection, key, place, false)?;
        }
    }
    let first = entry(connection, inside.state.life_start + 1)?;
    let countable = first.is_none_or(|entry| entry.incarnation == inside.state.incarnation && entry.dseq == 1);
    if !countable {
        return begin_new_life(inside, "joined an organization");
    }
    if inside.state.life_start > 0 { carry_over(inside) } else { Ok(()) }
}

/// What waits in former lives goes on in this one, in the order in which it was written; so does what
/// is sent once more although it has a verdict, with that verdict.
fn carry_over(inside: &mut Inside<'_>) -> Result<(), VaultError> {
    let connection = inside.connection;
    for place in as_written(inside)? {
        let Some(Entry { body, .. }) = entry(connection, place)? else { continue };
        let place = place as i64;
        let (id, keys): (Option<Uuid>, Vec<RowKey>) = match &body {
            Body::Mutation(mutation) => (Some(mutation.id), mutation.ops.iter().map(|op| RowKey { entity: op.entity, id: op.id }).collect()),
            Body::Event(_) => (None, Vec::new()),
        };
        let now_at = inside.append(body, id)?;
        let sql = "UPDATE chain SET (state, verdict, judged_at, note, resend) = (SELECT state, verdict, judged_at, note, 1 FROM chain WHERE dseq = ?1) WHERE dseq = ?2 AND (SELECT state FROM chain WHERE dseq = ?1) IN (4, 5)";
        connection.prepare_cached(sql)?.execute(params![place, now_at as i64])?;
        connection.prepare_cached("UPDATE chain SET state = 6, resend = 0 WHERE dseq = ?1")?.execute([place])?;
        for key in keys {
            let sql = "UPDATE pending SET dseq = ?4 WHERE entity = ?1 AND row_id = ?2 AND dseq = ?3";
            connection.prepare_cached(sql)?.execute(params![key.entity, key.id.as_bytes(), place, now_at as i64])?;
        }
    }
    Ok(())
}

/// Places in former lives of what is to go on, by the stamps of the mutations: what was sent once more
/// before may have got a later place. An event stays behind what it was noted after.
fn as_written(inside: &Inside<'_>) -> Result<Vec<u64>, VaultError> {
    let mut statement = inside.connection.prepare("SELECT dseq FROM chain WHERE (state IN (0, 1) OR resend = 1) AND dseq <= ?1 ORDER BY dseq")?;
    let places: Vec<i64> = statement.query_map([inside.state.life_start as i64], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let (mut stamped, mut last) = (Vec::with_capacity(places.len()), 0);
    for place in places.into_iter().map(i64::unsigned_abs) {
        if let Some(Entry { body: Body::Mutation(mutation), .. }) = entry(inside.connection, place)? {
            last = mutation.hlc;
        }
        stamped.push((last, place));
    }
    stamped.sort_unstable();
    Ok(stamped.into_iter().map(|(_, place)| place).collect())
}

/// What waits in former lives goes on before what was written in this one. That has its numbers already,
/// so both go on in a new life; unless nothing of this one waits.
fn go_on_in_order(inside: &mut Inside<'_>) -> Result<(), VaultError> {
    let there = |sql: &str| -> Result<bool, VaultError> { Ok(inside.connection.prepare_cached(sql)?.query_row([inside.state.life_start as i64], |row| row.get(0))?) };
    let former = there("SELECT EXISTS (SELECT 1 FROM chain WHERE state IN (0, 1) AND dseq <= ?1 AND mutation_id IS NOT NULL)")?;
    let later = there("SELECT EXISTS (SELECT 1 FROM chain WHERE (state IN (0, 1) OR resend = 1) AND dseq > ?1 AND mutation_id IS NOT NULL)")?;
    if former && later { begin_new_life(inside, "what a former life wrote is sent again before what was written since") } else { carry_over(inside) }
}

/// The centre has another history: what it acknowledged in the last 30 days is sent again, and
/// all units are fetched anew. What is shown stays until then.
pub(crate) fn turn_epoch(inside: &mut Inside<'_>, now: Instant) -> Result<(), VaultError> {
    let mut held = Held::required(inside.connection, inside.state.actor)?;
    held.from_g = 0;
    held.save(inside.connection)?;
    // By the centre's clock, and from the last contact on: the clock here may be years ahead.
    let last: Option<i64> = inside.connection.query_row("SELECT max(judged_at) FROM chain", [], |row| row.get(0))?;
    let known = answers::by_the_centre(inside.state, now);
    let since = last.map_or(known, |last| known.min(Instant(last))).plus_seconds(-RING_DAYS * 24 * 3_600);
    let sql = "SELECT min(dseq) FROM chain WHERE judged_at >= ?1 AND state <> 6 AND dseq > ?2";
    let connection = inside.connection;
    let former: Vec<i64> = {
        let mut statement = connection.prepare("SELECT dseq FROM chain WHERE judged_at >= ?1 AND state IN (1, 2, 3) AND dseq <= ?2 ORDER BY dseq")?;
        statement.query_map(params![since.0, inside.state.life_start as i64], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    for place in former {
        reopen_one(inside, place.unsigned_abs())?;
    }
    let first: Option<i64> = connection.query_row(sql, params![since.0, inside.state.life_start as i64], |row| row.get(0))?;
    if let Some(first) = first {
        reopen(inside, first.unsigned_abs())?;
    }
    connection.execute("UPDATE chain SET resend = 1 WHERE judged_at >= ?1 AND state IN (4, 5) AND dseq <= ?2", params![since.0, inside.state.life_start as i64])?;
    go_on_in_order(inside)?;
    crate::blobs::forget_centre(connection)?;
    let mut apply = Apply::begin(inside)?;
    download::all_anew(&mut apply)?;
    apply.finish()?;
    told::log(connection, now, "The centre was put back to an earlier state. What it may have lost is sent again.")
}

/// Some entries are sent again. Those of a former life go on in this one.
pub(crate) fn send_again(inside: &mut Inside<'_>, places: &[u64]) -> Result<(), VaultError> {
    for place in places {
        reopen_one(inside, *place)?;
    }
    // What came after the first of them may be lost as well: numbers have no gaps.
    if let Some(first) = places.iter().find(|place| **place > inside.state.life_start) {
        reopen(inside, *first)?;
    }
    if places.iter().any(|place| *place <= inside.state.life_start) { go_on_in_order(inside) } else { Ok(()) }
}

/// Everything of this life from a place on is sent again: numbers have no gaps.
pub(crate) fn reopen(inside: &mut Inside<'_>, from: u64) -> Result<(), VaultError> {
    let connection = inside.connection;
    let sql = "SELECT dseq FROM chain WHERE dseq >= ?1 AND dseq > ?2 AND state IN (1, 2, 3) ORDER BY dseq";
    let mut statement = connection.prepare(sql)?;
    let places: Vec<i64> = statement.query_map(params![from as i64, inside.state.life_start as i64], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for place in places {
        reopen_one(inside, place.unsigned_abs())?;
    }
    connection.execute("UPDATE chain SET resend = 1 WHERE dseq >= ?1 AND dseq > ?2 AND state IN (4, 5)", params![from as i64, inside.state.life_start as i64])?;
    Ok(())
}

/// An entry waits once more. What is held of its rows contains it already when it was settled:
/// that is noted, so that it shows again when rows come that do not contain it.
fn reopen_one(inside: &mut Inside<'_>, place: u64) -> Result<(), VaultError> {
    let connection = inside.connection;
    let state: u8 = connection.prepare_cached("SELECT state FROM chain WHERE dseq = ?1")?.query_row([place as i64], |row| row.get(0))?;
    let sql = "UPDATE chain SET state = 0, g = NULL, verdict = NULL, judged_at = NULL WHERE dseq = ?1";
    connection.prepare_cached(sql)?.execute([place as i64])?;
    let Some(Entry { body: Body::Mutation(mutation), .. }) = entry(connection, place)? else { return Ok(()) };
    // Of one that is acknowledged some rows may have come and others not.
    if !matches!(state, 2 | 3) {
        return Ok(());
    }
    for op in &mutation.ops {
        let key = RowKey { entity: op.entity, id: op.id };
        if !base::has_pending(connection, key)?
            && let Some(entity) = gladstone_model::catalogue().by_no(op.entity)
            && let Some(row) = Reader::new(connection).stored(entity, op.id)?
        {
            base::put_overlay(connection, key, &RowImage::of(&row))?;
        }
        base::add_pending(connection, key, place, true)?;
    }
    Ok(())
}
