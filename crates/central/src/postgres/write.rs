//! Writing one realm into PostgreSQL: whatever a group of pushes changed goes out in one round
//! trip, one statement for each table or for several.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gladstone_model::{Instant, Unit};
use gladstone_protocol::{journal::JournalKey, wire::RowKey};
use serde::Serialize;
use uuid::Uuid;

use super::{
    columns::{misfit, table},
    connect::Ask,
    exact::exact,
    shelf::Shelf,
};
use crate::{
    engine::{Batch, Claim, Device, DeviceUnits, Filed, Life, Place, RowSave, StoredInvite, StoredSession, UnitSum, Writing, log, rest},
    error::EngineError,
};

impl Shelf<'_> {
    fn note_saved(&mut self, batch: &Batch) {
        self.head.g = batch.g;
        self.head.held = batch.held_count;
        self.written += batch.rows.len() + batch.filed.len();
    }
}

impl Writing for Shelf<'_> {
    fn save(&mut self, batch: Batch) -> Result<(), EngineError> {
        self.note_saved(&batch);
        self.keep(batch)
    }

    fn save_beside(&mut self, batch: Batch) -> Result<(), EngineError> {
        self.note_saved(&batch);
        self.give(batch)
    }

    fn saves_beside(&self) -> bool {
        true
    }

    fn put_device(&mut self, device: &Device) -> Result<(), EngineError> {
        self.one(put_device(self.head.realm, device)).map(|_| ())
    }

    fn put_device_units(&mut self, device: Uuid, units: &DeviceUnits) -> Result<(), EngineError> {
        let sql = "INSERT INTO centre.device_units (realm, device, now, before) VALUES ($1, $2, $3, $4) ON CONFLICT (realm, device) DO UPDATE SET now = EXCLUDED.now, before = EXCLUDED.before";
        self.one(Ask::new(sql).with(self.head.realm).with(device).with(units.latest()).with(units.earlier())).map(|_| ())
    }

    fn put_invite(&mut self, invite: &StoredInvite) -> Result<(), EngineError> {
        let sql = "INSERT INTO centre.invite (realm, hash, name, email, role, person, expires, used_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (realm, hash) DO UPDATE SET name = EXCLUDED.name, email = EXCLUDED.email, role = EXCLUDED.role, person = EXCLUDED.person, expires = EXCLUDED.expires, used_by = EXCLUDED.used_by";
        let ask = Ask::new(sql).with(self.head.realm).with(invite.hash.to_vec()).with(&invite.name).with(&invite.email).with(&invite.role);
        self.one(ask.with(invite.user).with(invite.expires.0).with(invite.used_by)).map(|_| ())
    }

    fn put_session(&mut self, session: &StoredSession, now: Instant) -> Result<(), EngineError> {
        let realm = self.head.realm;
        let ended = Ask::new("DELETE FROM centre.session WHERE realm = $1 AND expires < $2").with(realm).with(now.0);
        let sql = "INSERT INTO centre.session (realm, hash, device, challenge, expires) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (realm, hash) DO UPDATE SET device = EXCLUDED.device, challenge = EXCLUDED.challenge, expires = EXCLUDED.expires";
        let put = Ask::new(sql).with(realm).with(session.hash.to_vec()).with(session.device).with(session.challenge).with(session.expires.0);
        self.run(&[ended, put]).map(|_| ())
    }

    fn remove_session(&mut self, hash: [u8; 32]) -> Result<(), EngineError> {
        self.one(Ask::new("DELETE FROM centre.session WHERE realm = $1 AND hash = $2").with(self.head.realm).with(hash.to_vec())).map(|_| ())
    }

    fn set_lease_days(&mut self, days: u16) -> Result<(), EngineError> {
        let realm = self.head.realm;
        let days = i16::try_from(days).unwrap_or_default();
        let set = Ask::new("UPDATE centre.realm SET lease_days = $2 WHERE realm = $1").with(realm).with(days);
        self.run(&[set, Ask::new("DELETE FROM centre.session WHERE realm = $1 AND NOT challenge").with(realm)])?;
        self.head.lease_days = days.unsigned_abs();
        Ok(())
    }

    fn set_epoch(&mut self, epoch: Uuid) -> Result<(), EngineError> {
        self.one(Ask::new("UPDATE centre.realm SET epoch = $2 WHERE realm = $1").with(self.head.realm).with(epoch))?;
        self.head.epoch = epoch;
        Ok(())
    }

    fn trim_log(&mut self, through_g: u64) -> Result<(), EngineError> {
        let realm = self.head.realm;
        let floor = self.head.floor_g.max(through_g);
        let lines = Ask::new("DELETE FROM centre.news WHERE realm = $1 AND g <= $2").with(realm).with(floor.cast_signed());
        self.run(&[lines, Ask::new("UPDATE centre.realm SET floor_g = $2 WHERE realm = $1").with(realm).with(floor.cast_signed())])?;
        self.head.floor_g = floor;
        Ok(())
    }
}

/// The statements that write a part of a long push. References are looked at here and not at the end of the
/// transaction, for which there is less to wait for then; behind it they are left to the end again.
///
/// # Errors
/// [`EngineError::Refused`] for what a table does not take.
pub(super) fn part(realm: Uuid, batch: &Batch) -> Result<Vec<Ask<'_>>, EngineError> {
    let mut asks = asks(realm, batch)?;
    asks.extend([Ask::new("SET CONSTRAINTS ALL IMMEDIATE"), Ask::new("SET CONSTRAINTS ALL DEFERRED")]);
    Ok(asks)
}

/// The statements that write a batch, which may refer to what lies in it, or was written before.
///
/// # Errors
/// [`EngineError::Refused`] for what a table does not take.
pub(super) fn asks(realm: Uuid, batch: &Batch) -> Result<Vec<Ask<'_>>, EngineError> {
    let mut asks = Vec::new();
    rows(&mut asks, realm, &batch.rows)?;
    // Tables that have nothing to do with each other.
    let mut beside = Vec::new();
    entered(&mut beside, realm, &batch.rows);
    filed(&mut beside, realm, &batch.filed)?;
    log(&mut beside, realm, batch)?;
    digests(&mut beside, realm, &batch.digests)?;
    lives(&mut beside, realm, &batch.lives);
    let mut devices = batch.devices.iter().map(|device| put_device(realm, device));
    beside.extend(devices.next());
    beside.push(Ask::new("UPDATE centre.realm SET g = $2, held = $3 WHERE realm = $1").with(realm).with(batch.g.cast_signed()).with(batch.held_count.cast_signed()));
    asks.push(Ask::together(beside));
    asks.extend(devices);
    verdicts(&mut asks, realm, batch)?;
    journal(&mut asks, realm, batch)?;
    held(&mut asks, realm, batch);
    claims(&mut asks, realm, &batch.claims);
    Ok(asks)
}

/// A column of several rows: what `f` makes of each.
fn column<'a, T, V>(items: &'a [T], f: impl FnMut(&'a T) -> V) -> Vec<V> {
    items.iter().map(f).collect()
}

fn packed<T: Serialize>(value: &T) -> Result<Vec<u8>, EngineError> {
    postcard::to_stdvec(value).map_err(|_| EngineError::Refused("a value cannot be encoded".into()))
}

fn rows<'a>(asks: &mut Vec<Ask<'a>>, realm: Uuid, rows: &'a [RowSave]) -> Result<(), EngineError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut by_entity: BTreeMap<(u16, bool), Vec<&'a RowSave>> = BTreeMap::new();
    for row in rows {
        by_entity.entry((row.state.row.entity.no, row.before.is_none())).or_default().push(row);
    }
    for ((entity, new), rows) in &by_entity {
        asks.push(table(*entity)?.write(realm, rows, *new)?);
    }
    exact_values(asks, realm, rows)
}

/// Which tables have rows of a unit; a row that leaves the last of them costs a look where nothing is.
fn entered(asks: &mut Vec<Ask<'_>>, realm: Uuid, rows: &[RowSave]) {
    let entered: BTreeSet<(Unit, u16)> = rows.iter().filter(|row| row.before != Some(row.state.unit)).map(|row| (row.state.unit, row.state.row.entity.no)).collect();
    if !entered.is_empty() {
        let (units, entities): (Vec<Vec<u8>>, Vec<i32>) = entered.iter().map(|(unit, entity)| (unit.to_bytes().to_vec(), i32::from(*entity))).unzip();
        let sql = "INSERT INTO centre.unit_entity (realm, unit, entity) SELECT $1, unnest($2::bytea[]), unnest($3::integer[]) ON CONFLICT DO NOTHING";
        asks.push(Ask::new(sql).with(realm).with(units).with(entities));
    }
}

/// What the columns do not give back; what lay there before goes first.
fn exact_values(asks: &mut Vec<Ask<'_>>, realm: Uuid, rows: &[RowSave]) -> Result<(), EngineError> {
    let mut kept = Vec::new();
    for row in rows {
        if let Some(bytes) = exact(&row.state).map_err(|why| misfit(&row.state, &why))? {
            kept.push((i32::from(row.state.row.entity.no), row.state.row.id(), bytes));
        }
    }
    let old: (Vec<i32>, Vec<Uuid>) = rows.iter().filter(|row| row.before.is_some()).map(|row| (i32::from(row.state.row.entity.no), row.state.row.id())).unzip();
    if !old.0.is_empty() {
        let sql = "DELETE FROM centre.exact AS x USING unnest($2::integer[], $3::uuid[]) AS s (entity, id) WHERE x.realm = $1 AND x.entity = s.entity AND x.id = s.id";
        asks.push(Ask::new(sql).with(realm).with(old.0).with(old.1));
    }
    if !kept.is_empty() {
        let sql = "INSERT INTO centre.exact (realm, entity, id, kept) SELECT $1, unnest($2::integer[]), unnest($3::uuid[]), unnest($4::bytea[])";
        let (entities, ids, bytes) = kept.into_iter().fold((Vec::new(), Vec::new(), Vec::new()), |mut all: (Vec<i32>, Vec<Uuid>, Vec<Vec<u8>>), (entity, id, bytes)| {
            all.0.push(entity);
            all.1.push(id);
            all.2.push(bytes);
            all
        });
        asks.push(Ask::new(sql).with(realm).with(entities).with(ids).with(bytes));
    }
    Ok(())
}

fn filed<'a>(asks: &mut Vec<Ask<'a>>, realm: Uuid, filed: &'a [Filed]) -> Result<(), EngineError> {
    if filed.is_empty() {
        return Ok(());
    }
    // In the order of the lists: `no` is counted on row by row.
    let sql = "INSERT INTO centre.envelope (realm, device, incarnation, dseq, bytes, hash, signature, received, mutation, hlc, actor, wall, command, g, verdict)
        SELECT $1, unnest($2::uuid[]), unnest($3::uuid[]), unnest($4::bigint[]), unnest($5::bytea[]), unnest($6::bytea[]), unnest($7::bytea[]), unnest($8::bigint[]),
        unnest($9::uuid[]), unnest($10::bigint[]), unnest($11::uuid[]), unnest($12::bigint[]), unnest($13::bytea[]), unnest($14::bigint[]), unnest($15::bytea[])";
    let ask = places(Ask::new(sql).with(realm), &column(filed, |one| one.place));
    let bytes = filed.iter().map(|one| Ok(rest::kept(&one.envelope.bytes)?.into_owned())).collect::<Result<Vec<_>, EngineError>>()?;
    let ask = ask.with(bytes).with(column(filed, |one| one.envelope.hash.as_slice())).with(column(filed, |one| one.envelope.signature.0.as_slice()));
    let writer = |one: &'a Filed| one.mutation.as_ref().map(|(writer, _)| writer);
    let ask = ask.with(column(filed, |one| one.received.0)).with(column(filed, |one| writer(one).map(|by| by.mutation))).with(column(filed, |one| writer(one).map(|by| by.hlc.cast_signed())));
    let ask = ask.with(column(filed, |one| writer(one).map(|by| by.actor))).with(column(filed, |one| writer(one).map(|by| by.wall.0)));
    let ask = ask.with(column(filed, |one| one.mutation.as_ref().map(|(_, command)| command.as_bytes()))).with(column(filed, |one| one.g.map(u64::cast_signed)));
    asks.push(ask.with(filed.iter().map(|one| packed(&one.verdict)).collect::<Result<Vec<_>, _>>()?));
    Ok(())
}

/// Of a place that was decided several times the last decision counts.
fn verdicts<'a>(asks: &mut Vec<Ask<'a>>, realm: Uuid, batch: &'a Batch) -> Result<(), EngineError> {
    if batch.verdicts.is_empty() {
        return Ok(());
    }
    let last: HashMap<Place, usize> = batch.verdicts.iter().enumerate().map(|(at, (place, ..))| (*place, at)).collect();
    let chosen: Vec<&(Place, Option<u64>, _, u64)> = last.into_values().filter_map(|at| batch.verdicts.get(at)).collect();
    let sql = "UPDATE centre.envelope AS e SET g = s.g, verdict = s.verdict, anew_g = s.anew_g
        FROM unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bigint[]) AS s (device, incarnation, dseq, g, verdict, anew_g)
        WHERE e.realm = $1 AND e.device = s.device AND e.incarnation = s.incarnation AND e.dseq = s.dseq";
    let ask = places(Ask::new(sql).with(realm), &column(&chosen, |one| one.0));
    let ask = ask.with(column(&chosen, |one| one.1.map(u64::cast_signed)));
    let ask = ask.with(chosen.iter().map(|one| packed(&one.2)).collect::<Result<Vec<_>, _>>()?);
    asks.push(ask.with(column(&chosen, |one| one.3.cast_signed())));
    Ok(())
}

fn log<'a>(asks: &mut Vec<Ask<'a>>, realm: Uuid, batch: &'a Batch) -> Result<(), EngineError> {
    let records = log::records(&batch.log)?;
    if records.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO centre.news (realm, g, at, unit, mutation, shift, lines) SELECT $1, unnest($2::bigint[]), unnest($3::integer[]), unnest($4::bytea[]), unnest($5::uuid[]), unnest($6::bytea[]), unnest($7::bytea[])";
    let ask = Ask::new(sql).with(realm).with(column(&records, |record| record.g.cast_signed())).with(column(&records, |record| record.at.cast_signed())).with(column(&records, |record| record.unit.to_bytes().to_vec()));
    let shifts = records.iter().map(|record| record.shift.as_ref().map(packed).transpose()).collect::<Result<Vec<_>, _>>()?;
    asks.push(ask.with(column(&records, |record| record.mutation)).with(shifts).with(records.into_iter().map(|record| record.lines).collect::<Vec<_>>()));
    Ok(())
}

fn journal<'a>(asks: &mut Vec<Ask<'a>>, realm: Uuid, batch: &'a Batch) -> Result<(), EngineError> {
    let keyed = |ask: Ask<'a>, keys: &[JournalKey]| {
        let ask = ask.with(column(keys, |key| i32::from(key.0))).with(column(keys, |key| key.1));
        ask.with(column(keys, |key| i32::from(key.2))).with(column(keys, |key| key.3))
    };
    if !batch.settled.is_empty() {
        let sql = "UPDATE centre.journal AS j SET settled_g = s.g FROM unnest($2::integer[], $3::uuid[], $4::integer[], $5::uuid[], $6::bigint[]) AS s (entity, id, merge_group, mutation, g)
            WHERE j.realm = $1 AND j.entity = s.entity AND j.id = s.id AND j.merge_group = s.merge_group AND j.mutation = s.mutation AND j.settled_g IS NULL";
        let keys: Vec<JournalKey> = batch.settled.iter().map(|(_, key)| *key).collect();
        asks.push(keyed(Ask::new(sql).with(realm), &keys).with(column(&batch.settled, |(g, _)| g.cast_signed())));
    }
    if !batch.journal.is_empty() {
        let sql = "INSERT INTO centre.journal (realm, entity, id, merge_group, mutation, g, entry) SELECT $1, s.* FROM unnest($2::integer[], $3::uuid[], $4::integer[], $5::uuid[], $6::bigint[], $7::bytea[]) AS s
            ON CONFLICT (realm, entity, id, merge_group, mutation) WHERE settled_g IS NULL DO UPDATE SET g = EXCLUDED.g, entry = EXCLUDED.entry";
        let keys: Vec<JournalKey> = batch.journal.iter().map(|(_, entry)| entry.key()).collect();
        let entries = batch.journal.iter().map(|(_, entry)| packed(entry)).collect::<Result<Vec<_>, _>>()?;
        asks.push(keyed(Ask::new(sql).with(realm), &keys).with(column(&batch.journal, |(g, _)| g.cast_signed())).with(entries));
    }
    Ok(())
}

fn held<'a>(asks: &mut Vec<Ask<'a>>, realm: Uuid, batch: &'a Batch) {
    if !batch.released.is_empty() {
        let sql = "DELETE FROM centre.held AS h USING unnest($2::uuid[], $3::uuid[], $4::bigint[]) AS s (device, incarnation, dseq) WHERE h.realm = $1 AND h.device = s.device AND h.incarnation = s.incarnation AND h.dseq = s.dseq";
        asks.push(places(Ask::new(sql).with(realm), &batch.released));
    }
    // A list in a list has no place in `unnest`; few mutations wait.
    let sql = "INSERT INTO centre.held (realm, device, incarnation, dseq, mutation, missing) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (realm, device, incarnation, dseq) DO UPDATE SET missing = EXCLUDED.missing";
    asks.extend(batch.held.iter().map(|held| Ask::new(sql).with(realm).with(held.place.device).with(held.place.incarnation).with(held.place.dseq.cast_signed()).with(held.mutation).with(&held.missing)));
}

fn claims(asks: &mut Vec<Ask<'_>>, realm: Uuid, claims: &[(RowKey, Vec<Claim>)]) {
    if claims.is_empty() {
        return;
    }
    let (entities, ids): (Vec<i32>, Vec<Uuid>) = claims.iter().map(|(source, _)| (i32::from(source.entity), source.id)).unzip();
    let sql = "DELETE FROM centre.claim AS c USING unnest($2::integer[], $3::uuid[]) AS s (entity, id) WHERE c.realm = $1 AND c.entity = s.entity AND c.id = s.id";
    asks.push(Ask::new(sql).with(realm).with(entities).with(ids));
    let all: Vec<(i32, RowKey, &Claim)> = claims.iter().flat_map(|(source, claims)| claims.iter().zip(0..).map(|(claim, at)| (at, *source, claim))).collect();
    if all.is_empty() {
        return;
    }
    let sql = "INSERT INTO centre.claim (realm, entity, id, at, actor, unit, valid_from, valid_to, read_only) SELECT $1, s.* FROM unnest($2::integer[], $3::uuid[], $4::integer[], $5::uuid[], $6::bytea[], $7::bigint[], $8::bigint[], $9::boolean[]) AS s";
    let ask = Ask::new(sql).with(realm).with(column(&all, |one| i32::from(one.1.entity))).with(column(&all, |one| one.1.id)).with(column(&all, |one| one.0));
    let ask = ask.with(column(&all, |one| one.2.actor)).with(column(&all, |one| one.2.unit.to_bytes().to_vec()));
    let time = |time: Option<Instant>| time.map(|time| time.0);
    asks.push(ask.with(column(&all, |one| time(one.2.from))).with(column(&all, |one| time(one.2.to))).with(column(&all, |one| one.2.read_only)));
}

fn digests(asks: &mut Vec<Ask<'_>>, realm: Uuid, sums: &[UnitSum]) -> Result<(), EngineError> {
    if sums.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO centre.unit_sum (realm, unit, digest, rows) SELECT $1, unnest($2::bytea[]), unnest($3::bytea[]), unnest($4::bigint[]) ON CONFLICT (realm, unit) DO UPDATE SET digest = EXCLUDED.digest, rows = EXCLUDED.rows";
    let digests = sums.iter().map(|sum| packed(&sum.digest)).collect::<Result<Vec<_>, _>>()?;
    asks.push(Ask::new(sql).with(realm).with(column(sums, |sum| sum.unit.to_bytes().to_vec())).with(digests).with(column(sums, |sum| sum.rows.cast_signed())));
    Ok(())
}

fn lives(asks: &mut Vec<Ask<'_>>, realm: Uuid, lives: &[Life]) {
    if lives.is_empty() {
        return;
    }
    let sql = "INSERT INTO centre.life (realm, device, incarnation, dseq, head, hlc, public_key) SELECT $1, s.* FROM unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::bytea[], $6::bigint[], $7::bytea[]) AS s
        ON CONFLICT (realm, device, incarnation) DO UPDATE SET dseq = EXCLUDED.dseq, head = EXCLUDED.head, hlc = EXCLUDED.hlc, public_key = EXCLUDED.public_key";
    let ask = Ask::new(sql).with(realm).with(column(lives, |life| life.device)).with(column(lives, |life| life.incarnation)).with(column(lives, |life| life.dseq.cast_signed()));
    asks.push(ask.with(column(lives, |life| life.head.to_vec())).with(column(lives, |life| life.hlc.cast_signed())).with(column(lives, |life| life.public_key.to_vec())));
}

fn put_device(realm: Uuid, device: &Device) -> Ask<'_> {
    let sql = "INSERT INTO centre.device (realm, id, actor, label, public_key, incarnation, enrolled, seen, revoked, epoch, nonce, former_nonce, alone) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        ON CONFLICT (realm, id) DO UPDATE SET actor = EXCLUDED.actor, label = EXCLUDED.label, public_key = EXCLUDED.public_key, incarnation = EXCLUDED.incarnation, enrolled = EXCLUDED.enrolled,
        seen = EXCLUDED.seen, revoked = EXCLUDED.revoked, epoch = EXCLUDED.epoch, nonce = EXCLUDED.nonce, former_nonce = EXCLUDED.former_nonce, alone = EXCLUDED.alone";
    let ask = Ask::new(sql).with(realm).with(device.id).with(device.actor).with(&device.label).with(device.public_key.as_slice()).with(device.incarnation).with(device.enrolled.0);
    let ask = ask.with(device.seen.map(|time| time.0)).with(device.revoked.map(|time| time.0)).with(device.epoch);
    ask.with(device.nonce.as_slice()).with(device.former_nonce.as_slice()).with(device.alone)
}

/// With the three columns of places.
fn places<'a>(ask: Ask<'a>, places: &[Place]) -> Ask<'a> {
    ask.with(column(places, |place| place.device)).with(column(places, |place| place.incarnation)).with(column(places, |place| place.dseq.cast_signed()))
}
