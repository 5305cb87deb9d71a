//! Units that this laptop made itself: what it just sent is not fetched once more. Before the first pull it
//! says of them that it holds every row up to a commit number, and the centre gives what came after it.
//!
//! That holds where one run of commit numbers without a gap is this laptop's alone, and the person of the
//! unit was registered in it: nobody else can have written there. The sum over all units tells otherwise,
//! and heals it as it heals any unit.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use gladstone_model::{Instant, Unit, catalogue, unit::UnitKind};
use gladstone_protocol::{Entry, JournalEntry, Op, RowState, RowsDigest, Stored, clock, wire::{RowImage, RowKey}};
use gladstone_store::Reader;
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::{
    chain,
    error::VaultError,
    replica::{
        apply::Apply,
        base::{self, BaseRow, unreadable},
        download, fold,
        joined::Held,
        units::UnitHeld,
    },
};

/// Behind every row that there is: all pages of the unit are held.
const ALL: RowKey = RowKey { entity: i16::MAX as u16, id: Uuid::max() };
/// Rows that one thread sums at a time, and threads at most.
const SHARE: usize = 512;
const AT_ONCE: usize = 3;
/// Entries that are worth to be settled together.
const MANY: i64 = 32;

/// Whether a unit is one of those.
pub(crate) fn is(held: Option<&UnitHeld>) -> bool {
    held.is_some_and(|held| !held.complete && held.after == Some(ALL))
}

/// After the last push before the first pull: the units that this laptop made are held, and the checkpoint
/// goes to the end of the run in which they were made.
pub(crate) fn claim(apply: &mut Apply<'_, '_>, held: &mut Held) -> Result<(), VaultError> {
    let connection = apply.inside.connection;
    if held.from_g > 0 || apply.units.all().next().is_some() {
        return Ok(());
    }
    // What waits, is held or refused, or was sent before, may change what there is up to that number.
    let unclear = "SELECT EXISTS (SELECT 1 FROM chain WHERE state = 0 AND dseq > ?1) OR EXISTS (SELECT 1 FROM chain WHERE state IN (1, 2, 4) AND state IN (1, 4))
        OR EXISTS (SELECT 1 FROM chain WHERE resend = 1) OR EXISTS (SELECT 1 FROM doubted) OR EXISTS (SELECT 1 FROM overlay) OR EXISTS (SELECT 1 FROM opaque) OR EXISTS (SELECT 1 FROM stage)";
    if connection.query_row(unclear, [apply.inside.state.life_start as i64], |row| row.get(0))? {
        return Ok(());
    }
    let Some(Run { first, last, other }) = longest_run(connection)? else { return Ok(()) };
    let mut shared = BTreeSet::new();
    for (place, journal) in other {
        let written = apply.entries.get(connection, place)?;
        let stands = |op: &&Op| journal.as_ref().is_some_and(|journal| journal.iter().all(|entry| (entry.entity, entry.row) != (op.entity, op.id)));
        shared.extend(written.mutation.ops.iter().filter(|op| !stands(op)).map(|op| op.unit));
    }
    let sql = "SELECT u.unit_id, u.id FROM users AS u JOIN chain AS c ON c.mutation_id = u.row_mid AND c.g IS NOT NULL WHERE c.state = 2 AND c.g BETWEEN ?1 AND ?2";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(params![first as i64, last as i64])?;
    while let Some(row) = rows.next()? {
        let unit = row.get_ref(0)?.as_blob().ok().and_then(Unit::from_bytes).ok_or_else(unreadable)?;
        let is_person = unit.kind == UnitKind::Person && row.get_ref(1)?.as_blob().ok() == Some(unit.id.as_bytes());
        // Whoever works here was made known at the centre when they joined.
        if is_person && unit.id != apply.inside.state.actor && !shared.contains(&unit) {
            *apply.units.enter(unit) = UnitHeld { at_g: last, after: Some(ALL), ..UnitHeld::default() };
            held.from_g = last;
        }
    }
    Ok(())
}

/// Commit numbers without a gap.
struct Run {
    first: u64,
    last: u64,
    /// Places of entries that do not stand as they were sent, and what does not; none where it may be all.
    other: Vec<(u64, Option<Vec<JournalEntry>>)>,
}

/// The longest run of commit numbers that are all of acknowledged entries.
fn longest_run(connection: &Connection) -> Result<Option<Run>, VaultError> {
    let mut statement = connection.prepare("SELECT g, dseq, bytes, verdict, judged_at FROM chain WHERE state IN (1, 2, 4) AND state = 2 AND g IS NOT NULL ORDER BY g")?;
    let mut rows = statement.query([])?;
    let mut runs: Vec<Run> = Vec::new();
    while let Some(row) = rows.next()? {
        let (g, place) = (row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs());
        let verdict = row.get_ref(3)?.as_blob_or_null().ok().flatten().and_then(|bytes| postcard::from_bytes(bytes).ok());
        if runs.last().is_none_or(|run| run.last + 1 < g) {
            runs.push(Run { first: g, last: g, other: Vec::new() });
        }
        if let Some(run) = runs.last_mut() {
            run.last = g;
            let times = Entry::times_of(&chain::unpack(row.get_ref(2)?.as_blob().unwrap_or_default())?).map_err(|_| unreadable())?;
            let judged = Instant(row.get::<_, Option<i64>>(4)?.unwrap_or_default());
            match verdict {
                Some(Stored::Applied { .. }) if is_timely(times, judged) => {}
                Some(Stored::Merged { journal, .. }) if is_timely(times, judged) => run.other.push((place, Some(journal))),
                _ => run.other.push((place, None)),
            }
        }
    }
    Ok(runs.into_iter().max_by_key(|run| run.last - run.first))
}

/// Whether the centre takes the times of an entry as they are: no stamp further ahead of its clock than it lets
/// pass (half of that, since the answer came later than the entry), and no wall clock ahead of the stamp.
fn is_timely(times: Option<(u64, Instant)>, judged: Instant) -> bool {
    times.is_some_and(|(hlc, wall)| {
        let stamped = i64::try_from(clock::millis(hlc)).unwrap_or(i64::MAX);
        stamped <= judged.millis().saturating_add(clock::SLACK_MS as i64 / 2) && wall.millis() <= stamped
    })
}

/// One entry on one row.
struct Lying {
    key: RowKey,
    place: u64,
    within: bool,
    flag: Option<String>,
}

/// These units become readable at `to_g`: what the centre gave is what was sent, and what came since.
pub(crate) fn complete(apply: &mut Apply<'_, '_>, units: &BTreeSet<Unit>, to_g: u64) -> Result<(), VaultError> {
    apply.flush()?;
    let connection = apply.inside.connection;
    let acknowledged = apply.acknowledged(to_g)?;
    let staged = staged(connection, units)?;
    let (mut lifted, mut kept, mut apart) = (Vec::new(), Vec::new(), Vec::new());
    let mut sums = summed(|give| {
        for entity in &catalogue().entities {
            let mut lying = lying(connection, entity.no)?.into_iter().peekable();
            Reader::new(connection).each_in_units(entity, units, &mut |row| {
                let key = RowKey { entity: entity.no, id: row.row.id() };
                while let Some(other) = lying.next_if(|other| other.key.id < key.id) {
                    kept.push(other);
                }
                let (mut mine, mut plain) = (Vec::new(), !staged.contains_key(&key));
                while let Some(one) = lying.next_if(|one| one.key.id == key.id) {
                    plain &= !one.within && acknowledged.contains(&one.place);
                    mine.push(one);
                }
                // One that was written to more than once is what the merge rule makes of it.
                if plain && mine.len() == 1 {
                    lifted.append(&mut mine);
                    give(row);
                } else {
                    kept.append(&mut mine);
                    apart.push(key);
                }
                Ok(())
            })?;
            kept.extend(lying);
        }
        Ok(())
    })?;
    lift_all(connection, &lifted, &kept)?;
    apply.pending_there = !kept.is_empty();
    let mut count = |row: &BaseRow| -> Result<(), VaultError> {
        row.summed().map_or(Ok(()), |row| sums.entry(row.unit).or_default().add(&row)).map_err(|_| unreadable())
    };
    for key in apart.into_iter().filter(|key| !staged.contains_key(key)) {
        // Entries that wait lie on top of those that the centre has.
        let places: Vec<u64> = apply.row(key)?.pending.iter().filter(|(place, within)| !within && acknowledged.contains(place)).map(|(place, _)| *place).collect();
        let mut sent = Vec::new();
        for place in &places {
            sent.push((*place, apply.entries.get(connection, *place)?));
        }
        sent.sort_by_key(|(place, written)| (written.mutation.hlc, *place));
        let below = apply.row(key)?.base.clone();
        if let Some(state) = fold::fold(key, below.as_ref().and_then(BaseRow::shown), &sent).view {
            let row = BaseRow::Shown { state, opaque: Vec::new() };
            count(&row)?;
            apply.set_base(key, Some(row))?;
        }
        places.into_iter().try_for_each(|place| apply.lift(key, place))?;
    }
    for (key, image) in staged {
        match image {
            Some(image) => {
                let row = BaseRow::from_image(image).map_err(super::pull::misfit)?;
                count(&row)?;
                download::put(apply, key, row, to_g)?;
            }
            None => apply.set_base(key, None)?,
        }
    }
    for unit in units {
        download::unstage(connection, *unit)?;
        download::readable(apply, *unit, to_g, sums.remove(unit).unwrap_or_default())?;
    }
    Ok(())
}

/// What came of these units since the checkpoint at which they were claimed: rows, and those that left.
fn staged(connection: &Connection, units: &BTreeSet<Unit>) -> Result<BTreeMap<RowKey, Option<RowImage>>, VaultError> {
    let mut statement = connection.prepare_cached("SELECT entity, row_id, image FROM stage WHERE unit_id = ?1")?;
    let mut found = BTreeMap::new();
    for unit in units {
        let mut rows = statement.query([unit.to_bytes()])?;
        while let Some(row) = rows.next()? {
            let id = Uuid::from_slice(row.get_ref(1)?.as_blob().unwrap_or_default()).map_err(|_| unreadable())?;
            let image = row.get_ref(2)?.as_blob().unwrap_or_default();
            found.insert(RowKey { entity: row.get(0)?, id }, if image.is_empty() { None } else { Some(base::from_bytes(image)?) });
        }
    }
    Ok(found)
}

/// What lies on rows of an entity, in the order of ids.
fn lying(connection: &Connection, entity: u16) -> Result<Vec<Lying>, VaultError> {
    let mut statement = connection.prepare_cached("SELECT row_id, dseq, within, flag FROM pending WHERE entity = ?1 ORDER BY row_id, dseq")?;
    let mut rows = statement.query([entity])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id = Uuid::from_slice(row.get_ref(0)?.as_blob().unwrap_or_default()).map_err(|_| unreadable())?;
        found.push(Lying { key: RowKey { entity, id }, place: row.get::<_, i64>(1)?.unsigned_abs(), within: row.get(2)?, flag: row.get(3)? });
    }
    Ok(found)
}

/// Takes entries off their rows. Where few are left, those are written anew: a table is emptied at once.
fn lift_all(connection: &Connection, lifted: &[Lying], kept: &[Lying]) -> Result<(), VaultError> {
    let all: i64 = connection.query_row("SELECT count(*) FROM pending", [], |row| row.get(0))?;
    if kept.len() < lifted.len() && all.unsigned_abs() == (lifted.len() + kept.len()) as u64 {
        connection.execute("DELETE FROM pending", [])?;
        let mut statement = connection.prepare_cached("INSERT INTO pending (entity, row_id, dseq, within, flag) VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for one in kept {
            statement.execute(params![one.key.entity, one.key.id.as_bytes(), one.place as i64, one.within, one.flag])?;
        }
        return Ok(());
    }
    let mut statement = connection.prepare_cached("DELETE FROM pending WHERE entity = ?1 AND row_id = ?2 AND dseq = ?3")?;
    for one in lifted {
        statement.execute(params![one.key.entity, one.key.id.as_bytes(), one.place as i64])?;
    }
    Ok(())
}

/// The sums over the rows that `read` gives, by unit: many of them by several threads beside it.
fn summed(read: impl FnOnce(&mut dyn FnMut(RowState)) -> Result<(), VaultError>) -> Result<BTreeMap<Unit, RowsDigest>, VaultError> {
    type Sums = Result<BTreeMap<Unit, RowsDigest>, VaultError>;
    fn add(sums: &mut BTreeMap<Unit, RowsDigest>, rows: Vec<RowState>) -> Result<(), VaultError> {
        rows.iter().try_for_each(|row| sums.entry(row.unit).or_default().add(row)).map_err(|_| unreadable())
    }
    let workers = thread::available_parallelism().map_or(1, usize::from).clamp(1, AT_ONCE);
    let (give, taken) = mpsc::sync_channel::<Vec<RowState>>(2 * workers);
    let taken = Mutex::new(taken);
    let work = || -> Sums {
        let mut sums = BTreeMap::new();
        loop {
            let next = taken.lock().unwrap_or_else(PoisonError::into_inner).recv();
            match next {
                Ok(rows) => add(&mut sums, rows)?,
                Err(_) => return Ok(sums),
            }
        }
    };
    thread::scope(|scope| {
        let mut threads = Vec::new();
        let mut batch = Vec::with_capacity(SHARE);
        let result = read(&mut |row| {
            batch.push(row);
            if batch.len() >= SHARE {
                while threads.len() < workers {
                    threads.push(scope.spawn(work));
                }
                // Nobody takes it only when all failed, which is told below.
                let _ = give.send(std::mem::replace(&mut batch, Vec::with_capacity(SHARE)));
            }
        });
        drop(give);
        let mut sums = BTreeMap::new();
        add(&mut sums, batch)?;
        for thread in threads {
            for (unit, sum) in thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))? {
                sums.entry(unit).or_default().join(&sum);
            }
        }
        result.map(|()| sums)
    })
}

/// Acknowledged entries of which nothing lies on any row are settled: many of them by one statement.
pub(crate) fn settle_many(connection: &Connection, to_g: u64) -> Result<(), VaultError> {
    let open: i64 = connection.prepare_cached("SELECT count(*) FROM chain WHERE state IN (1, 2, 4) AND state = 2 AND g <= ?1")?.query_row([to_g as i64], |row| row.get(0))?;
    if open >= MANY {
        let sql = "UPDATE chain SET state = 3 WHERE state IN (1, 2, 4) AND state = 2 AND g <= ?1 AND dseq NOT IN (SELECT dseq FROM pending) AND dseq NOT IN (SELECT dseq FROM doubted)";
        connection.prepare_cached(sql)?.execute([to_g as i64])?;
    }
    Ok(())
}
