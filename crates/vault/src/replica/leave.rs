//! Rows that this laptop may not hold any more go for good, and their person is told.

use gladstone_model::{Instant, Unit, catalogue, unit::UnitKind};
use gladstone_protocol::wire::Dropped;
use gladstone_store::Reader;
use rusqlite::{Connection, params};

use crate::{
    error::VaultError,
    replica::{apply::Apply, base::BaseRow, download, pull::Departure, told},
};

/// Removes a unit with all its rows; none when it is not held. Entries about them stay in the
/// chain and are still sent; what waits is laid on the rows again when they come back.
pub(crate) fn unit(apply: &mut Apply<'_, '_>, drop: &Dropped, now: Instant) -> Result<Option<Departure>, VaultError> {
    let Dropped { unit, reason } = drop;
    let Some(held) = apply.units.get(*unit) else { return Ok(None) };
    let partly = !held.complete && !held.held_before;
    apply.flush()?;
    let connection = apply.inside.connection;
    let title = title(connection, *unit)?;
    let before = apply.gone.values().sum::<u64>();
    // First the unit, so that no digest is kept for what goes.
    apply.units.leave(*unit);
    download::unstage(connection, *unit)?;
    for key in apply.keys.of(connection, *unit)? {
        let work = apply.row(key)?;
        if work.unit() != Some(*unit) {
            continue;
        }
        if work.base.as_ref().map(BaseRow::unit) == Some(*unit) {
            apply.set_base(key, None)?;
        }
        apply.set_aside(key)?;
    }
    apply.flush()?;
    let rows = apply.gone.values().sum::<u64>() - before;
    apply.gone.clear();
    if partly && rows == 0 {
        return Ok(None);
    }
    let departure = Departure { unit: *unit, title, rows, reason: reason.clone() };
    note(connection, &departure, now)?;
    Ok(Some(departure))
}

/// What went without its unit being taken away: rows that this laptop wrote into a unit that is
/// not among those it may hold.
pub(crate) fn strays(apply: &mut Apply<'_, '_>, now: Instant) -> Result<Vec<Departure>, VaultError> {
    let connection = apply.inside.connection;
    let mut left = Vec::new();
    for (unit, rows) in std::mem::take(&mut apply.gone) {
        if apply.units.get(unit).is_some() {
            continue;
        }
        let title = title(connection, unit)?;
        let departure = Departure { unit, title, rows, reason: "They are kept at the centre, and this computer may not hold them.".into() };
        note(connection, &departure, now)?;
        left.push(departure);
    }
    Ok(left)
}

fn note(connection: &Connection, left: &Departure, now: Instant) -> Result<(), VaultError> {
    connection.execute("INSERT INTO departed (at, unit_id, title, rows, reason) VALUES (?1, ?2, ?3, ?4, ?5)", params![now.0, left.unit.to_bytes(), left.title, left.rows as i64, left.reason])?;
    told::log(connection, now, &format!("{} left this computer ({} records). {}", left.title, left.rows, left.reason))
}

/// What people call a unit, as long as it is here.
fn title(connection: &Connection, unit: Unit) -> Result<String, VaultError> {
    let kind = match unit.kind {
        UnitKind::Platform => return Ok("Reference data".into()),
        UnitKind::Thread => return Ok("A conversation".into()),
        // An account is called as its person is.
        UnitKind::Account => UnitKind::Person,
        kind => kind,
    };
    let reader = Reader::new(connection);
    let row = match catalogue().home_of(kind) {
        Some(entity) => reader.stored(entity, unit.id)?,
        None => None,
    };
    Ok(row.map_or_else(|| unit.to_string(), |row| row.row.title()))
}
