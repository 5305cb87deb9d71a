//! Reading a realm's file.

use std::collections::BTreeSet;

use gladstone_model::{Instant, Unit, Value, catalogue, unit::UnitKind};
use gladstone_protocol::{
    JournalEntry, RowState, RowsDigest, Signature, Stored, Sum256, Writer,
    wire::{Envelope, RowKey},
};
use gladstone_store::{Match, Page, Query, Reader};
use rusqlite::{OptionalExtension, Params, Row, params};
use uuid::Uuid;

use super::{Shelf, codec, sqlite, store};
use crate::{
    engine::{Alike, Claim, Device, DeviceUnits, Filed, Having, Head, Held, Life, LogAsk, LogPart, Meeting, Place, Reading, StoredInvite, StoredSession, Touched, UnitRows, UnitSum, Written, log::{self, Gathered, LogRecord}, rest, weight},
    error::EngineError,
};

/// Bits of a place in the log that count the lines of one mutation.
pub(super) const LINE_BITS: u32 = 20;
/// Records of one unit that are looked up at once.
const UNIT_RECORDS: usize = 20_000;
/// Records that are looked up over all units.
const ALL_RECORDS: usize = 100_000;
/// Rows that the store returns at once.
const PAGE: u32 = 1_000;

const ENVELOPE: &str = "device, incarnation, dseq, mutation, hlc, actor, wall, command, received, g, verdict, hash, signature, bytes";

impl Shelf<'_, '_> {
    /// Runs a query and reads each row of its answer.
    fn each<T>(&self, sql: &str, given: impl Params, mut read: impl FnMut(&Row<'_>) -> Result<T, EngineError>) -> Result<Vec<T>, EngineError> {
        let mut statement = self.c()?.prepare_cached(sql).map_err(|error| sqlite(&error))?;
        let mut rows = statement.query(given).map_err(|error| sqlite(&error))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(|error| sqlite(&error))? {
            found.push(read(row)?);
        }
        Ok(found)
    }

    fn one<T>(&self, sql: &str, given: impl Params, read: impl FnOnce(&Row<'_>) -> Result<T, EngineError>) -> Result<Option<T>, EngineError> {
        let mut statement = self.c()?.prepare_cached(sql).map_err(|error| sqlite(&error))?;
        statement.query_row(given, |row| Ok(read(row))).optional().map_err(|error| sqlite(&error))?.transpose()
    }

    fn reader(&self) -> Result<Reader<'_>, EngineError> {
        self.c().map(Reader::new)
    }

    fn row_of(&self, key: RowKey) -> Result<Option<RowState>, EngineError> {
        let Some(entity) = catalogue().by_no(key.entity) else { return Ok(None) };
        self.reader()?.stored(entity, key.id).map_err(|error| store(&error))
    }

    /// The log in the order of commit numbers, read through and sifted.
    fn log_through(&self, ask: &LogAsk<'_>) -> Result<LogPart, EngineError> {
        let sql = "SELECT place, unit, mutation, shift, lines FROM centre_news WHERE place > ?1 AND place <= ?2 ORDER BY place";
        let mut statement = self.c()?.prepare_cached(sql).map_err(|error| sqlite(&error))?;
        let mut rows = statement.query(params![last_place(ask.after_g), last_place(ask.to_g)]).map_err(|error| sqlite(&error))?;
        let mut part = Gathered::new(ask);
        while let Some(row) = rows.next().map_err(|error| sqlite(&error))? {
            if part.is_full_before(codec::number(row, 0)? >> LINE_BITS) {
                return Ok(part.done());
            }
            if ask.units.contains(&codec::unit(row, 1)?) {
                part.take(record(row)?)?;
            }
        }
        Ok(part.all())
    }

    /// The log of each unit by its index, put together.
    fn log_by_unit(&self, ask: &LogAsk<'_>) -> Result<LogPart, EngineError> {
        let mut places = Vec::new();
        let mut to_g = ask.to_g;
        for unit in ask.units {
            let sql = "SELECT place FROM centre_news WHERE unit = ?1 AND place > ?2 AND place <= ?3 ORDER BY place LIMIT ?4";
            // Each mutation has one record for a unit.
            let found = self.each(sql, params![unit.to_bytes(), last_place(ask.after_g), last_place(to_g), UNIT_RECORDS as i64], |row| codec::number(row, 0))?;
            if found.len() == UNIT_RECORDS
                && let Some(last) = found.last()
            {
                to_g = to_g.min(last >> LINE_BITS);
            }
            places.extend(found);
            if places.len() > ALL_RECORDS {
                places.sort_unstable();
                to_g = to_g.min((places[ALL_RECORDS / 2] >> LINE_BITS).max(ask.after_g + 1));
                places.retain(|place| place >> LINE_BITS <= to_g);
            }
        }
        places.retain(|place| place >> LINE_BITS <= to_g);
        places.sort_unstable();
        let mut part = Gathered::new(&LogAsk { to_g, ..*ask });
        for place in places {
            if part.is_full_before(place >> LINE_BITS) {
                return Ok(part.done());
            }
            if let Some(found) = self.one("SELECT place, unit, mutation, shift, lines FROM centre_news WHERE place = ?1", [place as i64], record)? {
                part.take(found)?;
            }
        }
        Ok(part.all())
    }
}

impl Reading for Shelf<'_, '_> {
    fn head(&mut self) -> Result<Head, EngineError> {
        let sql = "SELECT realm, name, epoch, g, floor_g, held, device, lease_days FROM centre_realm";
        let head = self.one(sql, [], |row| {
            Ok(Head { realm: codec::id(row, 0)?, name: codec::text(row, 1)?, epoch: codec::id(row, 2)?, g: codec::number(row, 3)?, floor_g: codec::number(row, 4)?, held: codec::number(row, 5)?, lease_days: row.get(7).map_err(|error| sqlite(&error))?, device: codec::id(row, 6)?, seed: self.seed })
        })?;
        head.ok_or_else(|| codec::unreadable("the organization"))
    }

    fn rows(&mut self, keys: &[RowKey]) -> Result<Vec<RowState>, EngineError> {
        keys.iter().filter_map(|key| self.row_of(*key).transpose()).collect()
    }

    fn having(&mut self, asks: &[Having]) -> Result<Vec<RowState>, EngineError> {
        let mut found = Vec::new();
        for ask in asks {
            let mut offset = 0;
            while offset < ask.limit {
                let limit = PAGE.min(ask.limit - offset);
                let by = Query::by(&ask.entity.fields[ask.field].name, ask.value.clone());
                let rows = self.reader()?.list_stored(&ask.entity.name, &Query { page: Page { offset, limit }, with_errors: true, ..by }).map_err(|error| store(&error))?;
                let full = rows.len() == limit as usize;
                found.extend(rows);
                if !full {
                    break;
                }
                offset += limit;
            }
        }
        Ok(found)
    }

    fn meeting(&mut self, ask: &Meeting) -> Result<Vec<RowState>, EngineError> {
        let entity = ask.having.entity;
        let name = |at: usize| &entity.fields[at].name;
        let by = Query::by(name(ask.having.field), ask.having.value.clone());
        let query = by.and(name(ask.fields.0), Match::Below(ask.span.1.into())).and(name(ask.fields.1), Match::Above(ask.span.0.into())).limit(ask.having.limit);
        self.reader()?.list_stored(&entity.name, &query).map_err(|error| store(&error))
    }

    fn alike(&mut self, asks: &[Alike]) -> Result<Vec<Option<RowKey>>, EngineError> {
        let one = |ask: &Alike| {
            let query = ask.values.iter().fold(Query::default().limit(2), |query, (at, value): &(usize, Value)| query.and(&ask.entity.fields[*at].name, Match::Is(value.clone())));
            let rows = self.reader()?.list_stored(&ask.entity.name, &query).map_err(|error| store(&error))?;
            Ok(rows.iter().map(|state| state.row.id()).find(|id| *id != ask.except).map(|id| RowKey { entity: ask.entity.no, id }))
        };
        asks.iter().map(one).collect()
    }

    fn mutations(&mut self, ids: &[Uuid]) -> Result<Vec<Written>, EngineError> {
        let sql = "SELECT device, incarnation, dseq, mutation, hlc, actor, wall, command, g, verdict FROM centre_envelope WHERE mutation = ?1";
        let read = |row: &Row<'_>| {
            let writer = Writer { mutation: codec::id(row, 3)?, hlc: codec::number(row, 4)?, actor: codec::id(row, 5)?, device: codec::id(row, 0)?, wall: codec::time(row, 6)? };
            Ok(Written { writer, command: codec::text(row, 7)?, place: place(row)?, g: codec::optional_number(row, 8)?, verdict: codec::packed(row, 9)? })
        };
        ids.iter().filter_map(|id| self.one(sql, [id.as_bytes()], read).transpose()).collect()
    }

    fn mutation_bytes(&mut self, ids: &[Uuid]) -> Result<Vec<(Uuid, Vec<u8>)>, EngineError> {
        let sql = "SELECT bytes FROM centre_envelope WHERE mutation = ?1";
        let read = |id: &Uuid| self.one(sql, [id.as_bytes()], |row| Ok((*id, rest::sent(codec::blob(row, 0).unwrap_or_default())?))).transpose();
        ids.iter().filter_map(read).collect()
    }

    fn filed(&mut self, device: Uuid, incarnation: Uuid, from: u64, to: u64) -> Result<Vec<Filed>, EngineError> {
        let sql = format!("SELECT {ENVELOPE} FROM centre_envelope WHERE device = ?1 AND incarnation = ?2 AND dseq BETWEEN ?3 AND ?4 ORDER BY dseq");
        self.each(&sql, params![device.as_bytes(), incarnation.as_bytes(), from as i64, to as i64], |row| {
            let mutation = match codec::optional_id(row, 3)? {
                Some(mutation) => Some((Writer { mutation, hlc: codec::number(row, 4)?, actor: codec::id(row, 5)?, device: codec::id(row, 0)?, wall: codec::time(row, 6)? }, codec::text(row, 7)?)),
                None => None,
            };
            let envelope = Envelope { hash: codec::bytes(row, 11)?, signature: Signature(codec::bytes(row, 12)?), bytes: rest::sent(codec::blob(row, 13).unwrap_or_default())? };
            Ok(Filed { place: place(row)?, envelope, received: codec::time(row, 8)?, mutation, g: codec::optional_number(row, 9)?, verdict: codec::packed(row, 10)? })
        })
    }

    fn first_since(&mut self, after_g: u64, received: Instant) -> Result<Option<u64>, EngineError> {
        let sql = "SELECT g FROM centre_envelope WHERE g > ?1 AND received >= ?2 ORDER BY g LIMIT 1";
        self.one(sql, params![after_g as i64, received.0], |row| codec::number(row, 0))
    }

    fn changed_verdicts(&mut self, device: Uuid, incarnation: Uuid, after_g: u64, to_g: u64, limit: usize) -> Result<Vec<(u64, Stored)>, EngineError> {
        let sql = "SELECT dseq, verdict FROM centre_envelope WHERE device = ?1 AND incarnation = ?2 AND changed_g > ?3 AND changed_g <= ?4 ORDER BY dseq LIMIT ?5";
        self.each(sql, params![device.as_bytes(), incarnation.as_bytes(), after_g as i64, to_g as i64, limit as i64], |row| Ok((codec::number(row, 0)?, codec::packed(row, 1)?)))
    }

    fn journal(&mut self, rows: &[RowKey]) -> Result<Vec<JournalEntry>, EngineError> {
        let mut found = Vec::new();
        for key in rows {
            found.extend(self.each("SELECT entry FROM centre_journal WHERE entity = ?1 AND id = ?2 AND closed_g IS NULL", params![key.entity, key.id.as_bytes()], |row| codec::packed(row, 0))?);
        }
        Ok(found)
    }

    fn held(&mut self) -> Result<Vec<Held>, EngineError> {
        self.each("SELECT device, incarnation, dseq, mutation, missing FROM centre_held ORDER BY at", [], |row| Ok(Held { place: place(row)?, mutation: codec::id(row, 3)?, missing: codec::split_ids(row, 4)? }))
    }

    fn claims(&mut self, actors: &[Uuid]) -> Result<Vec<Claim>, EngineError> {
        let sql = "SELECT actor, unit, entity, id, valid_from, valid_to, read_only FROM centre_claim WHERE actor = ?1";
        let mut found = Vec::new();
        for actor in actors {
            found.extend(self.each(sql, [actor.as_bytes()], |row| {
                let source = RowKey { entity: codec::entity(row, 2)?, id: codec::id(row, 3)? };
                Ok(Claim { actor: codec::id(row, 0)?, unit: codec::unit(row, 1)?, source, from: codec::optional_time(row, 4)?, to: codec::optional_time(row, 5)?, read_only: codec::number(row, 6)? != 0 })
            })?);
        }
        Ok(found)
    }

    fn units(&mut self, kind: UnitKind) -> Result<Vec<Unit>, EngineError> {
        let (first, last) = (Unit { kind, id: Uuid::nil() }, Unit { kind, id: Uuid::max() });
        self.each("SELECT unit FROM centre_unit WHERE unit BETWEEN ?1 AND ?2 AND row_count > 0", params![first.to_bytes(), last.to_bytes()], |row| codec::unit(row, 0))
    }

    fn digests(&mut self, units: &[Unit]) -> Result<Vec<UnitSum>, EngineError> {
        let sql = "SELECT unit, digest, row_count FROM centre_unit WHERE unit = ?1";
        let read = |row: &Row<'_>| Ok(UnitSum { unit: codec::unit(row, 0)?, digest: digest(codec::bytes(row, 1)?)?, rows: codec::number(row, 2)? });
        units.iter().filter_map(|unit| self.one(sql, [unit.to_bytes()], read).transpose()).collect()
    }

    fn log(&mut self, ask: &LogAsk<'_>) -> Result<LogPart, EngineError> {
        if ask.units.is_empty() || ask.to_g <= ask.after_g {
            return Ok(LogPart { lines: Vec::new(), through_g: ask.to_g });
        }
        let range = ask.to_g - ask.after_g;
        if range < 4 * ask.units.len() as u64 { self.log_through(ask) } else { self.log_by_unit(ask) }
    }

    fn shifts(&mut self, after_g: u64, to_g: u64) -> Result<Vec<(Unit, RowsDigest)>, EngineError> {
        let sql = "SELECT unit, shift FROM centre_news WHERE place > ?1 AND place <= ?2 AND shift IS NOT NULL";
        self.each(sql, params![last_place(after_g), last_place(to_g)], |row| Ok((codec::unit(row, 0)?, digest(codec::bytes(row, 1)?)?)))
    }

    fn touched(&mut self, after_g: u64, to_g: u64, entities: &[u16], limit: usize) -> Result<Option<Touched>, EngineError> {
        let mut touched = (BTreeSet::new(), BTreeSet::new());
        let mut statement = self.c()?.prepare_cached("SELECT unit, lines FROM centre_news WHERE place > ?1 AND place <= ?2").map_err(|error| sqlite(&error))?;
        let mut rows = statement.query(params![last_place(after_g), last_place(to_g)]).map_err(|error| sqlite(&error))?;
        while let Some(row) = rows.next().map_err(|error| sqlite(&error))? {
            log::note(&mut touched, codec::unit(row, 0)?, codec::blob(row, 1).unwrap_or_default(), entities)?;
            if touched.0.len() > limit || touched.1.len() > limit {
                return Ok(None);
            }
        }
        let sql = "SELECT DISTINCT device FROM centre_envelope WHERE changed_g > ?1 AND changed_g <= ?2 LIMIT ?3";
        let devices = self.each(sql, params![after_g as i64, to_g as i64, limit as i64 + 1], |row| codec::id(row, 0))?;
        Ok(log::noted(touched, devices, limit))
    }

    fn unit_rows(&mut self, unit: Unit, after: Option<RowKey>, limit: usize, bytes: usize) -> Result<UnitRows, EngineError> {
        let (entity, id) = after.map_or((0, Uuid::nil()), |key| (key.entity, key.id));
        let sql = "SELECT entity, id FROM centre_unit_row WHERE unit = ?1 AND (entity, id) > (?2, ?3) ORDER BY entity, id LIMIT ?4";
        let keys = self.each(sql, params![unit.to_bytes(), entity, id.as_bytes(), limit as i64], |row| Ok(RowKey { entity: codec::entity(row, 0)?, id: codec::id(row, 1)? }))?;
        let (mut rows, mut size) = (Vec::new(), 0);
        let mut ends = keys.len() < limit;
        for key in keys {
            if size > bytes {
                ends = false;
                break;
            }
            let state = self.row_of(key)?.ok_or_else(|| codec::unreadable("a record of a unit"))?;
            size += weight(&state);
            rows.push(state);
        }
        Ok(UnitRows { rows, ends })
    }

    fn devices(&mut self, ids: Option<&[Uuid]>) -> Result<Vec<Device>, EngineError> {
        const COLUMNS: &str = "SELECT id, actor, label, public_key, incarnation, enrolled, seen, revoked, epoch, nonce, former_nonce, alone FROM centre_device";
        let read = |row: &Row<'_>| {
            Ok(Device {
                id: codec::id(row, 0)?,
                actor: codec::id(row, 1)?,
                label: codec::text(row, 2)?,
                public_key: codec::bytes(row, 3)?,
                incarnation: codec::id(row, 4)?,
                enrolled: codec::time(row, 5)?,
                seen: codec::optional_time(row, 6)?,
                revoked: codec::optional_time(row, 7)?,
                epoch: codec::id(row, 8)?,
                nonce: codec::bytes(row, 9)?,
                former_nonce: codec::bytes(row, 10)?,
                alone: codec::number(row, 11)? != 0,
            })
        };
        match ids {
            None => self.each(&format!("{COLUMNS} ORDER BY enrolled"), [], read),
            Some(ids) => ids.iter().filter_map(|id| self.one(&format!("{COLUMNS} WHERE id = ?1"), [id.as_bytes()], read).transpose()).collect(),
        }
    }

    fn lives(&mut self, devices: &[Uuid]) -> Result<Vec<Life>, EngineError> {
        let sql = "SELECT device, incarnation, dseq, head, hlc, public_key FROM centre_life WHERE device = ?1";
        let mut found = Vec::new();
        for device in devices {
            found.extend(self.each(sql, [device.as_bytes()], |row| Ok(Life { device: codec::id(row, 0)?, incarnation: codec::id(row, 1)?, dseq: codec::number(row, 2)?, head: codec::bytes(row, 3)?, hlc: codec::number(row, 4)?, public_key: codec::bytes(row, 5)? }))?);
        }
        Ok(found)
    }

    fn device_units(&mut self, device: Uuid) -> Result<DeviceUnits, EngineError> {
        let found = self.one("SELECT units, units_before FROM centre_device_units WHERE device = ?1", [device.as_bytes()], |row| {
            DeviceUnits::read(codec::blob(row, 0).unwrap_or_default(), codec::blob(row, 1).unwrap_or_default()).ok_or_else(|| codec::unreadable("a list of units"))
        })?;
        Ok(found.unwrap_or_default())
    }

    fn invite(&mut self, hash: [u8; 32]) -> Result<Option<StoredInvite>, EngineError> {
        self.one("SELECT name, email, role, person, expires, used_by FROM centre_invite WHERE hash = ?1", [hash], |row| {
            let email = row.get(1).map_err(|_| codec::unreadable("a text"))?;
            Ok(StoredInvite { hash, name: codec::text(row, 0)?, email, role: codec::text(row, 2)?, user: codec::optional_id(row, 3)?, expires: codec::time(row, 4)?, used_by: codec::optional_id(row, 5)? })
        })
    }

    fn session(&mut self, hash: [u8; 32]) -> Result<Option<StoredSession>, EngineError> {
        self.one("SELECT device, challenge, expires FROM centre_session WHERE hash = ?1", [hash], |row| Ok(StoredSession { hash, device: codec::id(row, 0)?, challenge: codec::number(row, 1)? != 0, expires: codec::time(row, 2)? }))
    }
}

/// The last place in the log that a commit number can have.
pub(super) fn last_place(g: u64) -> i64 {
    ((g + 1) << LINE_BITS) as i64 - 1
}

fn place(row: &Row<'_>) -> Result<Place, EngineError> {
    Ok(Place { device: codec::id(row, 0)?, incarnation: codec::id(row, 1)?, dseq: codec::number(row, 2)? })
}

fn record(row: &Row<'_>) -> Result<LogRecord, EngineError> {
    let place = codec::number(row, 0)?;
    let at = u32::try_from(place & ((1 << LINE_BITS) - 1)).unwrap_or_default();
    Ok(LogRecord { g: place >> LINE_BITS, at, unit: codec::unit(row, 1)?, mutation: codec::id(row, 2)?, shift: shift(row, 3)?, lines: codec::blob(row, 4).unwrap_or_default().to_vec() })
}

fn shift(row: &Row<'_>, at: usize) -> Result<Option<RowsDigest>, EngineError> {
    codec::blob(row, at).map(|bytes| bytes.try_into().map_err(|_| codec::unreadable("a digest")).and_then(digest)).transpose()
}

fn digest(bytes: [u8; 32]) -> Result<RowsDigest, EngineError> {
    let packed = postcard::to_stdvec(&Sum256(bytes)).ok();
    packed.and_then(|bytes| postcard::from_bytes(&bytes).ok()).ok_or_else(|| codec::unreadable("a digest"))
}
