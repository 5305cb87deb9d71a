//! Reading one realm out of PostgreSQL, in a transaction that has stated it. Each query names the
//! realm as well: the policies of the tables are the second lock, not the first.

use std::collections::{BTreeMap, BTreeSet};

use gladstone_model::{Instant, Unit, unit::UnitKind};
use gladstone_protocol::{JournalEntry, RowState, RowsDigest, Signature, Stored, row_state::same, wire::{Envelope, RowKey}};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    cells::{array, claim, damaged, decoded, device, get, known, life, place, session, shift, sum, unit, unsigned, writer},
    columns::{Table, key_of, table},
    connect::Ask,
    shelf::Shelf,
};
use crate::{
    engine::{Ahead, Alike, Begun, Claim, Device, DeviceUnits, Filed, Having, Head, Held, Life, LogAsk, LogPart, Reading, StoredInvite, StoredSession, Touched, UnitRows, UnitSum, Written, log::{self, Gathered, LogRecord}, rest},
    error::EngineError,
};

/// How many commits of the log are looked at first; four times as many each time nothing came.
const FIRST_WINDOW: u64 = 512;
/// Bytes of the log, as they lie, that are read at once.
const READ_AT_ONCE: usize = 2 * 1024 * 1024;

const SESSIONS: &str = "SELECT hash, device, challenge, expires FROM centre.session WHERE realm = $1 AND hash = ANY ($2)";
const DEVICES: &str = "SELECT id, actor, label, public_key, incarnation, enrolled, seen, revoked, epoch, nonce, former_nonce, alone FROM centre.device WHERE realm = $1 AND id = ANY ($2)";
const LIVES: &str = "SELECT device, incarnation, dseq, head, hlc, public_key FROM centre.life WHERE realm = $1 AND device = ANY ($2)";
const CLAIMS: &str = "SELECT actor, unit, entity, id, valid_from, valid_to, read_only FROM centre.claim WHERE realm = $1 AND actor = ANY ($2)";
const DIGESTS: &str = "SELECT unit, digest, rows FROM centre.unit_sum WHERE realm = $1 AND unit = ANY ($2)";
const MUTATIONS: &str = "SELECT device, incarnation, dseq, mutation, hlc, actor, wall, command, g, verdict FROM centre.envelope WHERE realm = $1 AND mutation = ANY ($2)";

impl Shelf<'_> {
    /// Runs one statement for each table; the rows that they give.
    pub fn states(&mut self, tables: impl IntoIterator<Item = &'static Table>, asks: &[Ask<'_>]) -> Result<Vec<Vec<RowState>>, EngineError> {
        if asks.is_empty() {
            return Ok(Vec::new());
        }
        tables.into_iter().zip(self.run(asks)?).map(|(table, rows)| rows.iter().map(|row| table.read(row)).collect()).collect()
    }

    fn rows_by_key(&mut self, keys: &[RowKey]) -> Result<Vec<RowState>, EngineError> {
        let (tables, asks) = by_key(self.realm(), keys)?;
        let answers = self.run(&asks)?;
        read_rows(&tables, &answers)
    }

    /// Records of the log in `(after, to]`, of these units or of all: whole mutations, up to the first
    /// by which `bytes` are exceeded.
    fn records(&mut self, after: u64, to: u64, units: Option<&[Vec<u8>]>, bytes: usize) -> Result<Vec<LogRecord>, EngineError> {
        let named = if units.is_some() { " AND unit = ANY ($5)" } else { "" };
        let sql = format!("SELECT g, at, unit, mutation, shift, lines FROM (
            SELECT g, at, unit, mutation, shift, lines, sum(octet_length(lines)) OVER (ORDER BY g GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
            FROM centre.news WHERE realm = $1 AND g > $2 AND g <= $3{named}) AS r WHERE before IS NULL OR before <= $4 ORDER BY g, at");
        let ask = Ask::new(sql).with(self.realm()).with(bounded(after)).with(bounded(to)).with(most(bytes));
        let ask = match units {
            Some(units) => ask.with(units),
            None => ask,
        };
        let record = |row: &Row| Ok(LogRecord { g: unsigned(row, 0)?, at: get::<i32>(row, 1)?.cast_unsigned(), unit: unit(row, 2)?, mutation: get(row, 3)?, shift: shift(row, 4)?, lines: get(row, 5)? });
        self.one(ask)?.iter().map(record).collect()
    }
}

impl Reading for Shelf<'_> {
    fn head(&mut self) -> Result<Head, EngineError> {
        Ok(self.head.clone())
    }

    fn ahead(&mut self, ask: &Ahead) -> Result<Begun, EngineError> {
        let (asks, answer) = ahead(self.realm(), ask)?;
        answer.read(self.run(&asks)?)
    }

    fn rows(&mut self, keys: &[RowKey]) -> Result<Vec<RowState>, EngineError> {
        if keys.is_empty() { Ok(Vec::new()) } else { self.rows_by_key(keys) }
    }

    fn having(&mut self, asks: &[Having]) -> Result<Vec<RowState>, EngineError> {
        let realm = self.realm();
        let mut tables = Vec::new();
        let mut queries = Vec::new();
        for ask in asks {
            let table = table(ask.entity.no)?;
            if let Some(query) = table.having(realm, ask) {
                tables.push((table, ask));
                queries.push(query);
            }
        }
        let answers = self.run(&queries)?;
        let mut found: BTreeMap<RowKey, RowState> = BTreeMap::new();
        for ((table, ask), rows) in tables.iter().zip(&answers) {
            for row in rows {
                let state = table.read(row)?;
                // A column may hold what is only nearest to the value.
                if state.row.values.get(ask.field).is_some_and(|value| same(value, &ask.value)) {
                    found.insert(key_of(&state), state);
                }
            }
        }
        Ok(found.into_values().collect())
    }

    fn alike(&mut self, asks: &[Alike]) -> Result<Vec<Option<RowKey>>, EngineError> {
        let realm = self.realm();
        let mut places = Vec::new();
        let mut queries = Vec::new();
        for (at, ask) in asks.iter().enumerate() {
            if let Some(query) = table(ask.entity.no)?.alike(realm, ask) {
                places.push(at);
                queries.push(query);
            }
        }
        let answers = self.run(&queries)?;
        let mut found = vec![None; asks.len()];
        for (at, rows) in places.into_iter().zip(&answers) {
            if let (Some(row), Some(ask)) = (rows.first(), asks.get(at)) {
                found[at] = Some(RowKey { entity: ask.entity.no, id: get(row, 0)? });
            }
        }
        Ok(found)
    }

    fn mutations(&mut self, ids: &[Uuid]) -> Result<Vec<Written>, EngineError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.one(Ask::new(MUTATIONS).with(self.realm()).with(ids))?.iter().map(known).collect()
    }

    fn mutation_bytes(&mut self, ids: &[Uuid]) -> Result<Vec<(Uuid, Vec<u8>)>, EngineError> {
        let sql = "SELECT mutation, bytes FROM centre.envelope WHERE realm = $1 AND mutation = ANY ($2)";
        self.one(Ask::new(sql).with(self.realm()).with(ids))?.iter().map(|row| Ok((get(row, 0)?, rest::sent(&get::<Vec<u8>>(row, 1)?)?))).collect()
    }

    fn filed(&mut self, device: Uuid, incarnation: Uuid, from: u64, to: u64) -> Result<Vec<Filed>, EngineError> {
        let sql = "SELECT device, incarnation, dseq, mutation, hlc, actor, wall, command, g, verdict, bytes, hash, signature, received
            FROM centre.envelope WHERE realm = $1 AND device = $2 AND incarnation = $3 AND dseq BETWEEN $4 AND $5 ORDER BY dseq";
        let ask = Ask::new(sql).with(self.realm()).with(device).with(incarnation).with(bounded(from)).with(bounded(to));
        let filed = |row: &Row| {
            let signature = get::<Vec<u8>>(row, 12)?.try_into().map_err(|_| damaged("a signature"))?;
            let envelope = Envelope { bytes: rest::sent(&get::<Vec<u8>>(row, 10)?)?, hash: array(row, 11)?, signature: Signature(signature) };
            Ok(Filed { place: place(row, 0)?, envelope, received: Instant(get(row, 13)?), mutation: writer(row)?, g: get::<Option<i64>>(row, 8)?.map(i64::cast_unsigned), verdict: decoded(row, 9)? })
        };
        self.one(ask)?.iter().map(filed).collect()
    }

    fn first_since(&mut self, after_g: u64, received: Instant) -> Result<Option<u64>, EngineError> {
        let sql = "SELECT g FROM centre.envelope WHERE realm = $1 AND g > $2 AND received >= $3 ORDER BY g LIMIT 1";
        let ask = Ask::new(sql).with(self.realm()).with(bounded(after_g)).with(received.0);
        self.one(ask)?.first().map(|row| unsigned(row, 0)).transpose()
    }

    fn changed_verdicts(&mut self, device: Uuid, incarnation: Uuid, after_g: u64, to_g: u64, limit: usize) -> Result<Vec<(u64, Stored)>, EngineError> {
        let sql = "SELECT dseq, verdict FROM centre.envelope WHERE realm = $1 AND device = $2 AND incarnation = $3 AND anew_g > $4 AND anew_g <= $5 ORDER BY dseq LIMIT $6";
        let ask = Ask::new(sql).with(self.realm()).with(device).with(incarnation).with(bounded(after_g)).with(bounded(to_g)).with(most(limit));
        self.one(ask)?.iter().map(|row| Ok((unsigned(row, 0)?, decoded(row, 1)?))).collect()
    }

    fn journal(&mut self, rows: &[RowKey]) -> Result<Vec<JournalEntry>, EngineError> {
        let sql = "SELECT j.entry FROM unnest($2::integer[], $3::uuid[]) AS k (entity, id) JOIN centre.journal AS j ON j.realm = $1 AND j.entity = k.entity AND j.id = k.id AND j.settled_g IS NULL";
        let (entities, ids): (Vec<i32>, Vec<Uuid>) = distinct(rows).into_iter().map(|key| (i32::from(key.entity), key.id)).unzip();
        self.one(Ask::new(sql).with(self.realm()).with(entities).with(ids))?.iter().map(|row| decoded(row, 0)).collect()
    }

    fn held(&mut self) -> Result<Vec<Held>, EngineError> {
        let sql = "SELECT h.device, h.incarnation, h.dseq, h.mutation, h.missing FROM centre.held AS h
            JOIN centre.envelope AS e USING (realm, device, incarnation, dseq) WHERE h.realm = $1 ORDER BY e.no";
        let rows = self.one(Ask::new(sql).with(self.realm()))?;
        rows.iter().map(|row| Ok(Held { place: place(row, 0)?, mutation: get(row, 3)?, missing: get(row, 4)? })).collect()
    }

    fn claims(&mut self, actors: &[Uuid]) -> Result<Vec<Claim>, EngineError> {
        self.one(Ask::new(CLAIMS).with(self.realm()).with(actors))?.iter().map(claim).collect()
    }

    fn units(&mut self, kind: UnitKind) -> Result<Vec<Unit>, EngineError> {
        let sql = "SELECT unit FROM centre.unit_sum WHERE realm = $1 AND unit >= $2 AND unit < $3 AND rows > 0";
        let first = kind as u8;
        self.one(Ask::new(sql).with(self.realm()).with(vec![first]).with(vec![first + 1]))?.iter().map(|row| unit(row, 0)).collect()
    }

    fn digests(&mut self, units: &[Unit]) -> Result<Vec<UnitSum>, EngineError> {
        self.one(Ask::new(DIGESTS).with(self.realm()).with(bytes_of(units)))?.iter().map(sum).collect()
    }

    fn log(&mut self, ask: &LogAsk<'_>) -> Result<LogPart, EngineError> {
        let mut part = Gathered::new(ask);
        if ask.units.is_empty() || ask.to_g <= ask.after_g {
            return Ok(part.all());
        }
        // A short stretch is read through, so that its price is not that of what is held.
        let through = ask.to_g - ask.after_g < 4 * ask.units.len() as u64;
        let units = if through { None } else { Some(ask.units.iter().map(|unit| unit.to_bytes().to_vec()).collect::<Vec<_>>()) };
        // In windows of commits that grow: neither a sort of a long log, nor a walk through all of it.
        let (mut from, mut window) = (ask.after_g, FIRST_WINDOW);
        while from < ask.to_g {
            let to = from.saturating_add(window).min(ask.to_g);
            let records = self.records(from, to, units.as_deref(), READ_AT_ONCE)?;
            let size: usize = records.iter().map(|record| record.lines.len()).sum();
            // A window that was not read to its end is gone on with behind its last mutation.
            from = records.last().map_or(to, |last| if size > READ_AT_ONCE { last.g } else { to });
            window = if size > READ_AT_ONCE { FIRST_WINDOW } else { window.saturating_mul(4) };
            for record in records {
                if part.is_full_before(record.g) {
                    return Ok(part.done());
                }
                if ask.units.contains(&record.unit) {
                    part.take(record)?;
                }
            }
            // The mutation that filled the part may be followed by others behind this window.
            if part.is_full() && from < ask.to_g {
                return Ok(part.done());
            }
        }
        Ok(part.all())
    }

    fn shifts(&mut self, after_g: u64, to_g: u64) -> Result<Vec<(Unit, RowsDigest)>, EngineError> {
        let sql = "SELECT unit, shift FROM centre.news WHERE realm = $1 AND g > $2 AND g <= $3 AND shift IS NOT NULL";
        let rows = self.one(Ask::new(sql).with(self.realm()).with(bounded(after_g)).with(bounded(to_g)))?;
        rows.iter().map(|row| Ok((unit(row, 0)?, decoded(row, 1)?))).collect()
    }

    fn touched(&mut self, after_g: u64, to_g: u64, entities: &[u16], limit: usize) -> Result<Option<Touched>, EngineError> {
        let realm = self.realm();
        let ask = |sql: &'static str| Ask::new(sql).with(realm).with(bounded(after_g)).with(bounded(to_g)).with(most(limit + 1));
        let answers = self.run(&[
            ask("SELECT unit, lines FROM centre.news WHERE realm = $1 AND g > $2 AND g <= $3 LIMIT $4"),
            ask("SELECT DISTINCT device FROM centre.envelope WHERE realm = $1 AND anew_g > $2 AND anew_g <= $3 LIMIT $4"),
        ])?;
        let [records, devices] = answers.as_slice() else { return Err(damaged("an answer")) };
        if records.len() > limit {
            return Ok(None);
        }
        let mut touched = (BTreeSet::new(), BTreeSet::new());
        for row in records {
            log::note(&mut touched, unit(row, 0)?, row.try_get(1).map_err(|_| damaged("the log"))?, entities)?;
        }
        let devices = devices.iter().map(|row| get(row, 0)).collect::<Result<_, _>>()?;
        Ok(log::noted(touched, devices, limit))
    }

    fn unit_rows(&mut self, unit: Unit, after: Option<RowKey>, limit: usize, bytes: usize) -> Result<UnitRows, EngineError> {
        self.rows_of_unit(unit, after, limit, bytes)
    }

    fn soon(&mut self, units: &[Unit], bytes: usize) {
        self.fetch(units, bytes);
    }

    fn devices(&mut self, ids: Option<&[Uuid]>) -> Result<Vec<Device>, EngineError> {
        let ask = match ids {
            Some(ids) => Ask::new(DEVICES).with(self.realm()).with(ids),
            None => Ask::new("SELECT id, actor, label, public_key, incarnation, enrolled, seen, revoked, epoch, nonce, former_nonce, alone FROM centre.device WHERE realm = $1").with(self.realm()),
        };
        self.one(ask)?.iter().map(|row| device(row, 0)).collect()
    }

    fn lives(&mut self, devices: &[Uuid]) -> Result<Vec<Life>, EngineError> {
        self.one(Ask::new(LIVES).with(self.realm()).with(devices))?.iter().map(life).collect()
    }

    fn device_units(&mut self, device: Uuid) -> Result<DeviceUnits, EngineError> {
        let sql = "SELECT now, before FROM centre.device_units WHERE realm = $1 AND device = $2";
        let rows = self.one(Ask::new(sql).with(self.realm()).with(device))?;
        let Some(row) = rows.first() else { return Ok(DeviceUnits::default()) };
        DeviceUnits::read(&get::<Vec<u8>>(row, 0)?, &get::<Vec<u8>>(row, 1)?).ok_or_else(|| damaged("a unit"))
    }

    fn invite(&mut self, hash: [u8; 32]) -> Result<Option<StoredInvite>, EngineError> {
        let sql = "SELECT name, email, role, person, expires, used_by FROM centre.invite WHERE realm = $1 AND hash = $2";
        let invite = |row: &Row| Ok(StoredInvite { hash, name: get(row, 0)?, email: get(row, 1)?, role: get(row, 2)?, user: get(row, 3)?, expires: Instant(get(row, 4)?), used_by: get(row, 5)? });
        self.one(Ask::new(sql).with(self.realm()).with(hash.to_vec()))?.first().map(invite).transpose()
    }

    fn session(&mut self, hash: [u8; 32]) -> Result<Option<StoredSession>, EngineError> {
        self.one(Ask::new(SESSIONS).with(self.realm()).with(vec![hash.to_vec()]))?.first().map(session).transpose()
    }
}

/// How the answers to what is asked ahead are read.
pub(super) struct Answer {
    /// Whether each of the questions that are not about rows was asked, in their order.
    asked: [bool; 5],
    tables: Vec<&'static Table>,
}

/// The questions for what is asked ahead.
///
/// # Errors
/// [`EngineError::Refused`] for an entity that is not there.
pub(super) fn ahead(realm: Uuid, ask: &Ahead) -> Result<(Vec<Ask<'_>>, Answer), EngineError> {
    let (tables, rows) = by_key(realm, &ask.rows)?;
    let about = |sql: &'static str| Ask::new(sql).with(realm);
    let hashes = || ask.sessions.iter().map(|hash| hash.as_slice()).collect::<Vec<_>>();
    let asked = [!ask.sessions.is_empty(), !ask.devices.is_empty(), !ask.actors.is_empty(), !ask.mutations.is_empty(), !ask.units.is_empty()];
    let questions = [
        vec![about(SESSIONS).with(hashes())],
        vec![about(DEVICES).with(&ask.devices), about(LIVES).with(&ask.devices)],
        vec![about(CLAIMS).with(&ask.actors)],
        vec![about(MUTATIONS).with(&ask.mutations)],
        vec![about(DIGESTS).with(bytes_of(&ask.units))],
    ];
    let questions = questions.into_iter().zip(asked).filter(|(_, asked)| *asked).flat_map(|(questions, _)| questions);
    Ok((questions.chain(rows).collect(), Answer { asked, tables }))
}

impl Answer {
    /// What the answers say.
    ///
    /// # Errors
    /// [`EngineError::Damaged`] when they cannot be read.
    pub fn read(self, mut answers: Vec<Vec<Row>>) -> Result<Begun, EngineError> {
        let rows = answers.split_off(answers.len().saturating_sub(self.tables.len()));
        let mut answers = answers.into_iter();
        let mut next = |asked: bool| if asked { answers.next().unwrap_or_default() } else { Vec::new() };
        let [sessions, devices, actors, mutations, units] = self.asked;
        Ok(Begun {
            sessions: next(sessions).iter().map(session).collect::<Result<_, _>>()?,
            devices: next(devices).iter().map(|row| device(row, 0)).collect::<Result<_, _>>()?,
            lives: next(devices).iter().map(life).collect::<Result<_, _>>()?,
            claims: next(actors).iter().map(claim).collect::<Result<_, _>>()?,
            written: next(mutations).iter().map(known).collect::<Result<_, _>>()?,
            sums: next(units).iter().map(sum).collect::<Result<_, _>>()?,
            rows: read_rows(&self.tables, &rows)?,
        })
    }
}

/// The questions for rows by their keys, one for each table.
fn by_key(realm: Uuid, keys: &[RowKey]) -> Result<(Vec<&'static Table>, Vec<Ask<'static>>), EngineError> {
    let mut ids: BTreeMap<u16, Vec<Uuid>> = BTreeMap::new();
    // A newer version may have named an entity that this one does not know: it has no rows.
    for key in keys.iter().filter(|key| table(key.entity).is_ok()) {
        ids.entry(key.entity).or_default().push(key.id);
    }
    let tables = ids.keys().map(|entity| table(*entity)).collect::<Result<Vec<_>, _>>()?;
    let asks = tables.iter().zip(ids.into_values()).map(|(table, ids)| table.by_ids(realm, ids)).collect();
    Ok((tables, asks))
}

fn read_rows(tables: &[&'static Table], answers: &[Vec<Row>]) -> Result<Vec<RowState>, EngineError> {
    tables.iter().zip(answers).flat_map(|(table, rows)| rows.iter().map(|row| table.read(row))).collect()
}

/// A number that PostgreSQL can compare: none of ours is greater.
fn bounded(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn bytes_of(units: &[Unit]) -> Vec<Vec<u8>> {
    units.iter().map(|unit| unit.to_bytes().to_vec()).collect()
}

/// A limit; none of ours is greater.
pub(super) fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn distinct(keys: &[RowKey]) -> Vec<RowKey> {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.dedup();
    keys
}
