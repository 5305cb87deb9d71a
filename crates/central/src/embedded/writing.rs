//! Writing a realm's file, inside the transaction that the engine opened.

use gladstone_model::Instant;
use gladstone_store::write;
use rusqlite::{Params, params};
use uuid::Uuid;

use super::{
    Shelf, codec,
    reading::{LINE_BITS, last_place},
    sqlite, store,
};
use crate::{
    engine::{Batch, Device, DeviceUnits, Filed, StoredInvite, StoredSession, Writing, log, rest},
    error::EngineError,
};

impl Shelf<'_, '_> {
    fn run(&self, sql: &str, given: impl Params) -> Result<usize, EngineError> {
        self.c()?.prepare_cached(sql).and_then(|mut statement| statement.execute(given)).map_err(|error| sqlite(&error))
    }

    fn save_rows(&self, batch: &Batch) -> Result<(), EngineError> {
        let mut places = Vec::new();
        for row in &batch.rows {
            let (entity, id, unit) = (row.state.row.entity.no, row.state.row.id(), row.state.unit);
            match row.before {
                None => write::insert(self.c()?, &row.state),
                Some(_) => write::update(self.c()?, &row.state),
            }
            .map_err(|error| store(&error))?;
            if row.before != Some(unit) {
                if let Some(before) = row.before {
                    self.run("DELETE FROM centre_unit_row WHERE unit = ?1 AND entity = ?2 AND id = ?3", params![before.to_bytes(), entity, id.as_bytes()])?;
                }
                places.push((unit.to_bytes(), entity, id));
            }
        }
        // In the order in which they lie, so that neighbours are found together.
        places.sort_unstable();
        for (unit, entity, id) in places {
            self.run("INSERT INTO centre_unit_row (unit, entity, id) VALUES (?1, ?2, ?3)", params![unit, entity, id.as_bytes()])?;
        }
        for sum in &batch.digests {
            let digest = codec::pack(&sum.digest)?;
            self.run("INSERT OR REPLACE INTO centre_unit (unit, digest, row_count) VALUES (?1, ?2, ?3)", params![sum.unit.to_bytes(), digest, sum.rows as i64])?;
        }
        for (source, claims) in &batch.claims {
            self.run("DELETE FROM centre_claim WHERE entity = ?1 AND id = ?2", params![source.entity, source.id.as_bytes()])?;
            for claim in claims {
                let sql = "INSERT OR REPLACE INTO centre_claim (actor, unit, entity, id, valid_from, valid_to, read_only) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
                self.run(sql, params![claim.actor.as_bytes(), claim.unit.to_bytes(), source.entity, source.id.as_bytes(), claim.from.map(|time| time.0), claim.to.map(|time| time.0), claim.read_only])?;
            }
        }
        Ok(())
    }

    fn file(&self, filed: &Filed) -> Result<(), EngineError> {
        let sql = "INSERT INTO centre_envelope (device, incarnation, dseq, mutation, g, actor, hlc, wall, command, received, hash, signature, verdict, bytes) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
        let writer = filed.mutation.as_ref().map(|(writer, _)| writer);
        let id = |id: Uuid| id.as_bytes().to_vec();
        self.run(sql, params![
            filed.place.device.as_bytes(),
            filed.place.incarnation.as_bytes(),
            filed.place.dseq as i64,
            writer.map(|writer| id(writer.mutation)),
            filed.g.map(|g| g as i64),
            writer.map(|writer| id(writer.actor)),
            writer.map(|writer| writer.hlc as i64),
            writer.map(|writer| writer.wall.0),
            filed.mutation.as_ref().map(|(_, command)| command),
            filed.received.0,
            filed.envelope.hash,
            filed.envelope.signature.0,
            codec::pack(&filed.verdict)?,
            rest::kept(&filed.envelope.bytes)?.as_ref(),
        ])?;
        Ok(())
    }

    fn save_device(&self, device: &Device) -> Result<(), EngineError> {
        let sql = "INSERT OR REPLACE INTO centre_device (id, actor, label, public_key, incarnation, enrolled, seen, revoked, epoch, nonce, former_nonce, alone) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        self.run(sql, params![
            device.id.as_bytes(),
            device.actor.as_bytes(),
            device.label,
            device.public_key,
            device.incarnation.as_bytes(),
            device.enrolled.0,
            device.seen.map(|time| time.0),
            device.revoked.map(|time| time.0),
            device.epoch.as_bytes(),
            device.nonce,
            device.former_nonce,
            device.alone,
        ])?;
        Ok(())
    }
}

impl Writing for Shelf<'_, '_> {
    fn save_beside(&mut self, batch: Batch) -> Result<(), EngineError> {
        self.give_away(batch)
    }

    fn saves_beside(&self) -> bool {
        true
    }

    fn save(&mut self, batch: Batch) -> Result<(), EngineError> {
        self.sound()?;
        self.run("UPDATE centre_realm SET g = ?1, held = ?2", params![batch.g as i64, batch.held_count as i64])?;
        self.save_rows(&batch)?;
        for filed in &batch.filed {
            self.file(filed)?;
        }
        for (place, g, verdict, changed_g) in &batch.verdicts {
            let sql = "UPDATE centre_envelope SET g = ?4, verdict = ?5, changed_g = ?6 WHERE device = ?1 AND incarnation = ?2 AND dseq = ?3";
            self.run(sql, params![place.device.as_bytes(), place.incarnation.as_bytes(), place.dseq as i64, g.map(|g| g as i64), codec::pack(verdict)?, *changed_g as i64])?;
        }
        for record in log::records(&batch.log)? {
            let place = (record.g << LINE_BITS | u64::from(record.at)) as i64;
            let sql = "INSERT INTO centre_news (place, unit, mutation, shift, lines) VALUES (?1, ?2, ?3, ?4, ?5)";
            let shift = record.shift.as_ref().map(codec::pack).transpose()?;
            self.run(sql, params![place, record.unit.to_bytes(), record.mutation.as_bytes(), shift, record.lines])?;
        }
        for (g, (entity, id, group, mutation)) in &batch.settled {
            let sql = "UPDATE centre_journal SET closed_g = ?5 WHERE entity = ?1 AND id = ?2 AND merge_group = ?3 AND mutation = ?4";
            self.run(sql, params![entity, id.as_bytes(), group, mutation.as_bytes(), *g as i64])?;
        }
        for (g, entry) in &batch.journal {
            let (entity, id, group, mutation) = entry.key();
            let sql = "INSERT OR REPLACE INTO centre_journal (entity, id, merge_group, mutation, g, entry) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            self.run(sql, params![entity, id.as_bytes(), group, mutation.as_bytes(), *g as i64, codec::pack(entry)?])?;
        }
        for place in &batch.released {
            self.run("DELETE FROM centre_held WHERE device = ?1 AND incarnation = ?2 AND dseq = ?3", params![place.device.as_bytes(), place.incarnation.as_bytes(), place.dseq as i64])?;
        }
        for held in &batch.held {
            let sql = "INSERT INTO centre_held (device, incarnation, dseq, mutation, missing) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (device, incarnation, dseq) DO UPDATE SET missing = excluded.missing";
            self.run(sql, params![held.place.device.as_bytes(), held.place.incarnation.as_bytes(), held.place.dseq as i64, held.mutation.as_bytes(), codec::join_ids(&held.missing)])?;
        }
        for device in &batch.devices {
            self.save_device(device)?;
        }
        for life in &batch.lives {
            let sql = "INSERT OR REPLACE INTO centre_life (device, incarnation, dseq, head, hlc, public_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            self.run(sql, params![life.device.as_bytes(), life.incarnation.as_bytes(), life.dseq as i64, life.head, life.hlc as i64, life.public_key])?;
        }
        Ok(())
    }

    fn put_device(&mut self, device: &Device) -> Result<(), EngineError> {
        self.save_device(device)
    }

    fn put_device_units(&mut self, device: Uuid, units: &DeviceUnits) -> Result<(), EngineError> {
        self.run("INSERT OR REPLACE INTO centre_device_units (device, units, units_before) VALUES (?1, ?2, ?3)", params![device.as_bytes(), units.latest(), units.earlier()])?;
        Ok(())
    }

    fn put_invite(&mut self, invite: &StoredInvite) -> Result<(), EngineError> {
        let sql = "INSERT OR REPLACE INTO centre_invite (hash, name, email, role, person, expires, used_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let id = |id: Uuid| id.as_bytes().to_vec();
        self.run(sql, params![invite.hash, invite.name, invite.email, invite.role, invite.user.map(id), invite.expires.0, invite.used_by.map(id)])?;
        Ok(())
    }

    fn put_session(&mut self, session: &StoredSession, now: Instant) -> Result<(), EngineError> {
        self.run("DELETE FROM centre_session WHERE expires < ?1", [now.0])?;
        self.run("INSERT OR REPLACE INTO centre_session (hash, device, challenge, expires) VALUES (?1, ?2, ?3, ?4)", params![session.hash, session.device.as_bytes(), session.challenge, session.expires.0])?;
        Ok(())
    }

    fn remove_session(&mut self, hash: [u8; 32]) -> Result<(), EngineError> {
        self.run("DELETE FROM centre_session WHERE hash = ?1", [hash])?;
        Ok(())
    }

    fn set_lease_days(&mut self, days: u16) -> Result<(), EngineError> {
        self.run("UPDATE centre_realm SET lease_days = ?1", [days])?;
        self.run("DELETE FROM centre_session WHERE challenge = 0", [])?;
        Ok(())
    }

    fn set_epoch(&mut self, epoch: Uuid) -> Result<(), EngineError> {
        self.run("UPDATE centre_realm SET epoch = ?1", [epoch.as_bytes()])?;
        Ok(())
    }

    fn trim_log(&mut self, through_g: u64) -> Result<(), EngineError> {
        self.run("DELETE FROM centre_news WHERE place <= ?1", [last_place(through_g)])?;
        self.run("UPDATE centre_realm SET floor_g = max(floor_g, ?1)", [through_g as i64])?;
        Ok(())
    }
}
