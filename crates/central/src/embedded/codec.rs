//! Small values as the tables keep them, and back.

use gladstone_model::{Instant, Unit};
use rusqlite::{Row, types::ValueRef};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::error::EngineError;

/// A value that does not fit.
pub(super) fn unreadable(what: &str) -> EngineError {
    EngineError::Damaged(format!("{what} cannot be read"))
}

/// An id; an error for another length.
pub(super) fn id(row: &Row<'_>, at: usize) -> Result<Uuid, EngineError> {
    blob(row, at).and_then(|bytes| Uuid::from_slice(bytes).ok()).ok_or_else(|| unreadable("an id"))
}

/// An id or null.
pub(super) fn optional_id(row: &Row<'_>, at: usize) -> Result<Option<Uuid>, EngineError> {
    if is_null(row, at) { Ok(None) } else { id(row, at).map(Some) }
}

/// `N` bytes.
pub(super) fn bytes<const N: usize>(row: &Row<'_>, at: usize) -> Result<[u8; N], EngineError> {
    blob(row, at).and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| unreadable("a value"))
}

/// Any bytes.
pub(super) fn blob<'r>(row: &'r Row<'_>, at: usize) -> Option<&'r [u8]> {
    row.get_ref(at).ok()?.as_blob().ok()
}

/// A number from 0 up.
pub(super) fn number(row: &Row<'_>, at: usize) -> Result<u64, EngineError> {
    row.get::<_, i64>(at).map(|number| number as u64).map_err(|_| unreadable("a number"))
}

/// A number or null.
pub(super) fn optional_number(row: &Row<'_>, at: usize) -> Result<Option<u64>, EngineError> {
    if is_null(row, at) { Ok(None) } else { number(row, at).map(Some) }
}

/// A time.
pub(super) fn time(row: &Row<'_>, at: usize) -> Result<Instant, EngineError> {
    row.get::<_, i64>(at).map(Instant).map_err(|_| unreadable("a time"))
}

/// A time or null.
pub(super) fn optional_time(row: &Row<'_>, at: usize) -> Result<Option<Instant>, EngineError> {
    if is_null(row, at) { Ok(None) } else { time(row, at).map(Some) }
}

/// Text.
pub(super) fn text(row: &Row<'_>, at: usize) -> Result<String, EngineError> {
    row.get(at).map_err(|_| unreadable("a text"))
}

/// A unit.
pub(super) fn unit(row: &Row<'_>, at: usize) -> Result<Unit, EngineError> {
    blob(row, at).and_then(Unit::from_bytes).ok_or_else(|| unreadable("a unit"))
}

/// An entity's number.
pub(super) fn entity(row: &Row<'_>, at: usize) -> Result<u16, EngineError> {
    row.get(at).map_err(|_| unreadable("a kind of record"))
}

/// Something in postcard's form.
pub(super) fn packed<T: DeserializeOwned>(row: &Row<'_>, at: usize) -> Result<T, EngineError> {
    blob(row, at).and_then(|bytes| postcard::from_bytes(bytes).ok()).ok_or_else(|| unreadable("an entry"))
}

/// Something in postcard's form.
pub(super) fn pack<T: Serialize>(value: &T) -> Result<Vec<u8>, EngineError> {
    postcard::to_stdvec(value).map_err(|_| EngineError::Refused("a value cannot be encoded".into()))
}

/// Ids side by side.
pub(super) fn join_ids(ids: &[Uuid]) -> Vec<u8> {
    ids.iter().flat_map(|id| *id.as_bytes()).collect()
}

/// Ids side by side.
pub(super) fn split_ids(row: &Row<'_>, at: usize) -> Result<Vec<Uuid>, EngineError> {
    let bytes = blob(row, at).ok_or_else(|| unreadable("a list of ids"))?;
    bytes.chunks(16).map(|id| Uuid::from_slice(id).map_err(|_| unreadable("a list of ids"))).collect()
}

fn is_null(row: &Row<'_>, at: usize) -> bool {
    matches!(row.get_ref(at), Ok(ValueRef::Null))
}
