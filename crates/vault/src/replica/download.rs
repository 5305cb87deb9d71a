//! The first download of a unit: pages are staged, and become rows together when the last one is
//! in. A download that is done anew leaves the rows of before in place until then.

use std::collections::BTreeSet;

use gladstone_model::Unit;
use gladstone_protocol::{RowsDigest, wire::{Change, Granted, RowChange, RowImage, RowKey, RowNews}};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::{
    error::VaultError,
    replica::{
        apply::Apply,
        base::{self, BaseRow, unreadable},
        bulk, own,
        pull::misfit,
        settle,
    },
};

/// Staged rows read at a time.
const CHUNK: usize = 4_000;

/// A unit is about to come, so that news about it has a place.
pub(crate) fn announce(apply: &mut Apply<'_, '_>, grant: &Granted) {
    apply.units.enter(grant.unit);
}

/// Takes in the pages of grants. Returns the units that became readable.
pub(crate) fn take(apply: &mut Apply<'_, '_>, grants: Vec<Granted>, to_g: u64) -> Result<Vec<Unit>, VaultError> {
    let (mut readable, mut whole) = (Vec::new(), Vec::new());
    for grant in grants {
        let unit = grant.unit;
        let begins = grant.pages.first().is_some_and(|page| page.after.is_none());
        if apply.units.is_complete(unit) || begins && apply.units.get(unit).is_some_and(|held| held.after.is_some()) {
            anew(apply, unit)?;
        }
        readable.extend(grant.complete.then_some(unit));
        if grant.complete && !has_staged(apply.inside.connection, unit)? {
            // All in one answer: no row has to be written twice.
            let images = grant.pages.into_iter().flat_map(|page| page.rows);
            whole.push((unit, images.collect()));
            continue;
        }
        for page in grant.pages {
            for image in &page.rows {
                stage(apply.inside.connection, unit, image)?;
            }
            let held = apply.units.enter(unit);
            (held.after, held.at_g) = (Some(page.to), grant.at_g);
        }
        if grant.complete {
            complete(apply, unit, to_g)?;
        }
    }
    complete_with(apply, whole, to_g)?;
    Ok(readable)
}

/// Takes in news about a row of a unit whose download goes on.
pub(crate) fn deliver(apply: &mut Apply<'_, '_>, change: &Change, row: &RowChange) -> Result<(), VaultError> {
    let connection = apply.inside.connection;
    let known = || -> Result<Option<BaseRow>, VaultError> {
        let sql = "SELECT image FROM stage WHERE unit_id = ?1 AND entity = ?2 AND row_id = ?3";
        let bytes: Option<Vec<u8>> = connection.prepare_cached(sql)?.query_row(params![row.unit.to_bytes(), row.key.entity, row.key.id.as_bytes()], |row| row.get(0)).optional()?;
        bytes.map(|bytes| BaseRow::from_image(base::from_bytes(&bytes)?).map_err(misfit)).transpose()
    };
    let after = match &row.news {
        RowNews::Whole(image) => BaseRow::from_image(image.clone()).map_err(misfit)?,
        // A row that this laptop made and need not be fetched: that it left has to be known.
        RowNews::Left if own::is(apply.units.get(row.unit)) => return stage_bytes(connection, row.unit, row.key, &[]),
        RowNews::Left => {
            connection.prepare_cached("DELETE FROM stage WHERE unit_id = ?1 AND entity = ?2 AND row_id = ?3")?.execute(params![row.unit.to_bytes(), row.key.entity, row.key.id.as_bytes()])?;
            return Ok(());
        }
        // A row that is not staged yet comes with its page.
        RowNews::Groups { groups, updated_at } => match known()? {
            Some(staged) => staged.with_groups(change.writer.mutation, groups, *updated_at).map_err(misfit)?,
            None => return Ok(()),
        },
        RowNews::EnteredInError { reason } => match known()? {
            Some(staged) => staged.in_error(change.writer.mutation, reason).map_err(misfit)?,
            None => return Ok(()),
        },
    };
    stage(connection, row.unit, &after.to_image())
}

/// The unit is fetched from its beginning; what lies here of it stays until then.
pub(crate) fn anew(apply: &mut Apply<'_, '_>, unit: Unit) -> Result<(), VaultError> {
    apply.flush()?;
    apply.units.fetch_anew(unit);
    unstage(apply.inside.connection, unit)
}

/// All units are fetched from their beginning.
pub(crate) fn all_anew(apply: &mut Apply<'_, '_>) -> Result<(), VaultError> {
    let units: Vec<Unit> = apply.units.all().map(|(unit, _)| unit).collect();
    units.into_iter().try_for_each(|unit| anew(apply, unit))
}

/// Forgets the pages of a unit.
pub(crate) fn unstage(connection: &Connection, unit: Unit) -> Result<(), VaultError> {
    connection.prepare_cached("DELETE FROM stage WHERE unit_id = ?1")?.execute([unit.to_bytes()])?;
    Ok(())
}

/// The units of rows that this version could not show when they came.
pub(crate) fn opaque_units(connection: &Connection) -> Result<Vec<Unit>, VaultError> {
    let mut statement = connection.prepare_cached("SELECT DISTINCT unit_id FROM opaque")?;
    let mut rows = statement.query([])?;
    let mut units = Vec::new();
    while let Some(row) = rows.next()? {
        units.push(row.get_ref(0)?.as_blob().ok().and_then(Unit::from_bytes).ok_or_else(unreadable)?);
    }
    Ok(units)
}

fn stage(connection: &Connection, unit: Unit, image: &RowImage) -> Result<(), VaultError> {
    stage_bytes(connection, unit, image.key, &base::to_bytes(image)?)
}

fn stage_bytes(connection: &Connection, unit: Unit, key: RowKey, image: &[u8]) -> Result<(), VaultError> {
    let sql = "INSERT OR REPLACE INTO stage (unit_id, entity, row_id, image) VALUES (?1, ?2, ?3, ?4)";
    connection.prepare_cached(sql)?.execute(params![unit.to_bytes(), key.entity, key.id.as_bytes(), image])?;
    Ok(())
}

fn has_staged(connection: &Connection, unit: Unit) -> Result<bool, VaultError> {
    Ok(connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM stage WHERE unit_id = ?1)")?.query_row([unit.to_bytes()], |row| row.get(0))?)
}

/// The staged rows become the rows of the unit.
fn complete(apply: &mut Apply<'_, '_>, unit: Unit, to_g: u64) -> Result<(), VaultError> {
    let connection = apply.inside.connection;
    remove_others(apply, unit, |key| {
        let sql = "SELECT EXISTS (SELECT 1 FROM stage WHERE unit_id = ?1 AND entity = ?2 AND row_id = ?3)";
        Ok(connection.prepare_cached(sql)?.query_row(params![unit.to_bytes(), key.entity, key.id.as_bytes()], |row| row.get(0))?)
    })?;
    let mut digest = RowsDigest::default();
    let (mut entity, mut id) = (0_u16, Uuid::nil());
    loop {
        let sql = "SELECT image FROM stage WHERE unit_id = ?1 AND (entity, row_id) > (?2, ?3) ORDER BY entity, row_id LIMIT ?4";
        let mut statement = connection.prepare_cached(sql)?;
        let images: Vec<Vec<u8>> = statement.query_map(params![unit.to_bytes(), entity, id.as_bytes(), CHUNK as i64], |row| row.get(0))?.collect::<Result<_, _>>()?;
        if images.is_empty() {
            break;
        }
        let images = images.iter().map(|bytes| base::from_bytes(bytes)).collect::<Result<Vec<_>, _>>()?;
        if let Some(last) = images.last() {
            (entity, id) = (last.key.entity, last.key.id);
        }
        if was_held(apply, unit) {
            put_all(apply, images, to_g, &mut digest)?;
        } else {
            bulk::put(apply, images, to_g)?.values().for_each(|sum| digest.join(sum));
        }
    }
    unstage(connection, unit)?;
    readable(apply, unit, to_g, digest)
}

/// These images become the rows of their units, which come whole with one answer.
fn complete_with(apply: &mut Apply<'_, '_>, whole: Vec<(Unit, Vec<RowImage>)>, to_g: u64) -> Result<(), VaultError> {
    let (mut new, mut done) = (Vec::new(), Vec::new());
    for (unit, images) in whole {
        done.push(unit);
        if !was_held(apply, unit) {
            new.extend(images);
            continue;
        }
        let keys: BTreeSet<RowKey> = images.iter().map(|image| image.key).collect();
        remove_others(apply, unit, |key| Ok(keys.contains(&key)))?;
        let mut digest = RowsDigest::default();
        put_all(apply, images, to_g, &mut digest)?;
        readable(apply, unit, to_g, digest)?;
        done.pop();
    }
    let mut sums = bulk::put(apply, new, to_g)?;
    done.into_iter().try_for_each(|unit| readable(apply, unit, to_g, sums.remove(&unit).unwrap_or_default()))
}

/// Whether rows of an earlier download may lie here.
fn was_held(apply: &Apply<'_, '_>, unit: Unit) -> bool {
    apply.units.get(unit).is_some_and(|held| held.held_before)
}

/// Rows of a unit that becomes readable at `to_g`.
fn put_all(apply: &mut Apply<'_, '_>, images: Vec<RowImage>, to_g: u64, digest: &mut RowsDigest) -> Result<(), VaultError> {
    for image in images {
        let key = image.key;
        let row = BaseRow::from_image(image).map_err(misfit)?;
        if let Some(summed) = row.summed() {
            digest.add(&summed).map_err(|_| unreadable())?;
        }
        put(apply, key, row, to_g)?;
    }
    Ok(())
}

/// A row of a unit that becomes readable at `to_g`. Entries that it contains are lifted at once:
/// left on top until the end, they would be folded, and every row written, a second time.
pub(crate) fn put(apply: &mut Apply<'_, '_>, key: RowKey, row: BaseRow, to_g: u64) -> Result<(), VaultError> {
    apply.set_base(key, Some(row))?;
    if apply.row(key)?.pending.is_empty() {
        return Ok(());
    }
    let acknowledged = apply.acknowledged(to_g)?;
    let contained: Vec<u64> = apply.row(key)?.pending.iter().map(|(place, _)| *place).filter(|place| acknowledged.contains(place)).collect();
    for place in contained {
        // What the row lacks all the same is looked at when entries are settled.
        let written = apply.entries.get(apply.inside.connection, place)?;
        let base = apply.row(key)?.base.as_ref();
        if written.op(key).is_none_or(|op| settle::may_contain(base, op)) {
            apply.lift(key, place)?;
        }
    }
    Ok(())
}

/// Rows of an earlier download that did not come again are not there any more.
fn remove_others(apply: &mut Apply<'_, '_>, unit: Unit, stays: impl Fn(RowKey) -> Result<bool, VaultError>) -> Result<(), VaultError> {
    apply.flush()?;
    if !was_held(apply, unit) {
        return Ok(());
    }
    for key in apply.keys.of(apply.inside.connection, unit)? {
        let ours = apply.row(key)?.base.as_ref().is_some_and(|base| base.unit() == unit);
        if ours && !stays(key)? {
            apply.set_base(key, None)?;
        }
    }
    Ok(())
}

/// The digest counts from here on, so every row has to be written before.
pub(crate) fn readable(apply: &mut Apply<'_, '_>, unit: Unit, to_g: u64, digest: RowsDigest) -> Result<(), VaultError> {
    apply.flush()?;
    let held = apply.units.enter(unit);
    (held.complete, held.at_g, held.after, held.digest, held.held_before) = (true, to_g, None, digest, false);
    apply.lay_back(unit)
}
