//! What the columns of the centre's own tables say: laptops and their lives, mutations, units and their sums.
//! What does not fit was damaged.

use gladstone_model::{Instant, Unit};
use gladstone_protocol::{RowsDigest, Writer, wire::RowKey};
use serde::de::DeserializeOwned;
use tokio_postgres::{Row, types::FromSqlOwned};
use uuid::Uuid;

use crate::{
    engine::{Claim, Device, Life, Place, StoredSession, UnitSum, Written},
    error::EngineError,
};

/// A mutation that was filed, as `MUTATIONS` asks for it.
pub(super) fn known(row: &Row) -> Result<Written, EngineError> {
    let (writer, command) = writer(row)?.ok_or_else(|| damaged("a mutation"))?;
    Ok(Written { writer, command, place: place(row, 0)?, g: get::<Option<i64>>(row, 8)?.map(i64::cast_unsigned), verdict: decoded(row, 9)? })
}

/// The sum of a unit.
pub(super) fn sum(row: &Row) -> Result<UnitSum, EngineError> {
    Ok(UnitSum { unit: unit(row, 0)?, digest: decoded::<RowsDigest>(row, 1)?, rows: unsigned(row, 2)? })
}

/// What somebody may see, and by which row.
pub(super) fn claim(row: &Row) -> Result<Claim, EngineError> {
    let source = RowKey { entity: small(row, 2)?, id: get(row, 3)? };
    let time = |at| Ok::<_, EngineError>(get::<Option<i64>>(row, at)?.map(Instant));
    Ok(Claim { actor: get(row, 0)?, unit: unit(row, 1)?, source, from: time(4)?, to: time(5)?, read_only: get(row, 6)? })
}

/// A laptop, whose columns begin at `at`.
///
/// # Errors
/// [`EngineError::Damaged`] when one does not fit.
pub(super) fn device(row: &Row, at: usize) -> Result<Device, EngineError> {
    Ok(Device {
        id: get(row, at)?,
        actor: get(row, at + 1)?,
        label: get(row, at + 2)?,
        public_key: array(row, at + 3)?,
        incarnation: get(row, at + 4)?,
        enrolled: Instant(get(row, at + 5)?),
        seen: get::<Option<i64>>(row, at + 6)?.map(Instant),
        revoked: get::<Option<i64>>(row, at + 7)?.map(Instant),
        epoch: get(row, at + 8)?,
        nonce: array(row, at + 9)?,
        former_nonce: array(row, at + 10)?,
        alone: get(row, at + 11)?,
    })
}

/// A session or challenge.
pub(super) fn session(row: &Row) -> Result<StoredSession, EngineError> {
    Ok(StoredSession { hash: array(row, 0)?, device: get(row, 1)?, challenge: get(row, 2)?, expires: Instant(get(row, 3)?) })
}

/// A life of a laptop.
pub(super) fn life(row: &Row) -> Result<Life, EngineError> {
    Ok(Life { device: get(row, 0)?, incarnation: get(row, 1)?, dseq: unsigned(row, 2)?, head: array(row, 3)?, hlc: unsigned(row, 4)?, public_key: array(row, 5)? })
}

/// By how much a mutation moved the sum of a unit.
pub(super) fn shift(row: &Row, at: usize) -> Result<Option<RowsDigest>, EngineError> {
    let bytes: Option<&[u8]> = row.try_get(at).map_err(|_| damaged("a digest"))?;
    bytes.map(|bytes| postcard::from_bytes(bytes).map_err(|_| damaged("a digest"))).transpose()
}

/// A value of a column.
///
/// # Errors
/// [`EngineError::Damaged`] when it does not fit.
pub(super) fn get<T: FromSqlOwned>(row: &Row, at: usize) -> Result<T, EngineError> {
    row.try_get(at).map_err(|error| EngineError::Damaged(error.to_string()))
}

/// 32 bytes of a column.
///
/// # Errors
/// [`EngineError::Damaged`] when they are not 32.
pub(super) fn array(row: &Row, at: usize) -> Result<[u8; 32], EngineError> {
    get::<Vec<u8>>(row, at)?.try_into().map_err(|_| damaged("a hash or key"))
}

/// A number that is never negative.
pub(super) fn unsigned(row: &Row, at: usize) -> Result<u64, EngineError> {
    get::<i64>(row, at).map(i64::cast_unsigned)
}

/// A number of an entity.
pub(super) fn small(row: &Row, at: usize) -> Result<u16, EngineError> {
    u16::try_from(get::<i32>(row, at)?).map_err(|_| damaged("a number of an entity"))
}

/// A unit.
pub(super) fn unit(row: &Row, at: usize) -> Result<Unit, EngineError> {
    Unit::from_bytes(row.try_get(at).map_err(|error| EngineError::Damaged(error.to_string()))?).ok_or_else(|| damaged("a unit"))
}

/// Laptop, life and number of an entry, in three columns.
pub(super) fn place(row: &Row, at: usize) -> Result<Place, EngineError> {
    Ok(Place { device: get(row, at)?, incarnation: get(row, at + 1)?, dseq: unsigned(row, at + 2)? })
}

/// Writer and command of an envelope: its laptop stands first, the rest from the fourth column.
/// None when it brought no mutation.
pub(super) fn writer(row: &Row) -> Result<Option<(Writer, String)>, EngineError> {
    let Some(mutation) = get::<Option<Uuid>>(row, 3)? else { return Ok(None) };
    let command = String::from_utf8(get(row, 7)?).map_err(|_| damaged("a command"))?;
    Ok(Some((Writer { mutation, hlc: unsigned(row, 4)?, actor: get(row, 5)?, device: get(row, 0)?, wall: Instant(get(row, 6)?) }, command)))
}

/// What was encoded.
pub(super) fn decoded<T: DeserializeOwned>(row: &Row, at: usize) -> Result<T, EngineError> {
    let bytes: &[u8] = row.try_get(at).map_err(|error| EngineError::Damaged(error.to_string()))?;
    postcard::from_bytes(bytes).map_err(|error| EngineError::Damaged(error.to_string()))
}

/// What is said of a value that does not fit.
pub(super) fn damaged(what: &str) -> EngineError {
    EngineError::Damaged(format!("{what} cannot be read"))
}
