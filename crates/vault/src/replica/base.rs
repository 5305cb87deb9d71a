//! Rows as they came from the centre, below what this laptop has not sent: what they hold, and
//! how news changes them. Which of them is shown is decided in `apply.rs`.

use std::borrow::Cow;

use gladstone_model::{Entity, Field, FieldType, Instant, Unit, Value, catalogue, validate};
use gladstone_protocol::{
    GroupMids, MergeFault, Op, RowState,
    wire::{GroupImage, RowImage, RowKey},
};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::{error::VaultError, tx::Touched};

/// A row of the base.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum BaseRow {
    /// Kept in its table; `opaque` are values of fields that this version does not know.
    Shown { state: RowState, opaque: Vec<(u16, Value)> },
    /// Of an entity that this version does not know, or with values that its table cannot keep.
    Opaque(RowImage),
}

impl BaseRow {
    /// The row of an image.
    ///
    /// # Errors
    /// [`MergeFault::Misfit`] when the image contradicts itself.
    pub fn from_image(image: RowImage) -> Result<BaseRow, MergeFault> {
        let Some(entity) = catalogue().by_no(image.key.entity) else { return Ok(BaseRow::Opaque(image)) };
        if !can_be_kept(entity, &image) {
            image.clone().into_state()?;
            return Ok(BaseRow::Opaque(image));
        }
        let (mut state, opaque) = image.into_state()?;
        for (field, value) in entity.fields.iter().zip(&mut state.row.values) {
            // The one form in which the store gives numbers back.
            if let (FieldType::Decimal { .. }, Some(number)) = (field.ty, value.as_decimal()) {
                *value = Value::Decimal(number.normalize());
            }
        }
        state.group_mids = state.group_mids.sparse(state.row_mid);
        Ok(BaseRow::Shown { state, opaque })
    }

    /// The whole row, as it would travel.
    pub fn to_image(&self) -> RowImage {
        match self {
            BaseRow::Opaque(image) => image.clone(),
            BaseRow::Shown { state, opaque } => {
                let mut image = RowImage::of(state);
                image.values.extend(opaque.iter().cloned());
                image.values.sort_by_key(|(no, _)| *no);
                image
            }
        }
    }

    /// With whom it travels.
    pub fn unit(&self) -> Unit {
        match self {
            BaseRow::Shown { state, .. } => state.unit,
            BaseRow::Opaque(image) => image.unit,
        }
    }

    /// The row in its table; none for one that this version cannot show.
    pub fn shown(&self) -> Option<&RowState> {
        match self {
            BaseRow::Shown { state, .. } => Some(state),
            BaseRow::Opaque(_) => None,
        }
    }

    /// The row over which the digest of its unit runs; none for an entity that is not known.
    pub fn summed(&self) -> Option<Cow<'_, RowState>> {
        match self {
            BaseRow::Shown { state, .. } => Some(Cow::Borrowed(state)),
            BaseRow::Opaque(image) => image.clone().into_state().ok().map(|(state, _)| Cow::Owned(state)),
        }
    }

    /// After `mutation` wrote some groups.
    ///
    /// # Errors
    /// As for [`BaseRow::from_image`].
    pub fn with_groups(&self, mutation: Uuid, groups: &[GroupImage], updated_at: Option<Instant>) -> Result<BaseRow, MergeFault> {
        let mut image = self.to_image();
        let mut mids = GroupMids::from_pairs(image.group_mids);
        for group in groups {
            image.values.retain(|(no, _)| group.values.iter().all(|(written, _)| written != no));
            image.values.extend(group.values.iter().filter(|(_, value)| !value.is_null()).cloned());
            mids.set(group.group, mutation);
        }
        let field = catalogue().by_no(image.key.entity).and_then(|entity| entity.field("updated_at"));
        if let (Some(field), Some(time)) = (field, updated_at) {
            image.values.retain(|(no, _)| *no != field.no);
            image.values.push((field.no, time.into()));
        }
        image.values.sort_by_key(|(no, _)| *no);
        image.group_mids = mids.sparse(image.row_mid).pairs().to_vec();
        BaseRow::from_image(image)
    }

    /// After `mutation` entered it in error.
    ///
    /// # Errors
    /// As for [`BaseRow::from_image`].
    pub fn in_error(&self, mutation: Uuid, reason: &str) -> Result<BaseRow, MergeFault> {
        let mut image = self.to_image();
        image.error = Some((mutation, reason.to_owned()));
        BaseRow::from_image(image)
    }
}

/// Whether the table of an entity can keep the values of an image, which are in the order of their numbers.
fn can_be_kept(entity: &Entity, image: &RowImage) -> bool {
    entity.fields.iter().all(|field| match image.values.binary_search_by_key(&field.no, |(no, _)| *no) {
        Ok(at) => match (field.ty, &image.values[at].1) {
            (FieldType::Decimal { .. }, Value::Decimal(number)) => fits(field, &Value::Decimal(number.normalize())),
            (_, value) => fits(field, value),
        },
        Err(_) => fits(field, &Value::Null),
    })
}

/// Whether the table can keep a value. Choices that this version does not know are kept: a newer
/// version sent them.
fn fits(field: &Field, value: &Value) -> bool {
    if value.is_null() {
        return !field.required || field.is_secret();
    }
    match (field.ty, value) {
        // Nothing about them could keep them out of their table.
        (FieldType::Text { .. }, Value::Text(_)) | (FieldType::Json, Value::Json(_)) | (FieldType::Uuid, Value::Uuid(_)) | (FieldType::Instant, Value::Instant(_)) | (FieldType::Boolean, Value::Boolean(_)) => true,
        _ => !matches!(validate::check_field(field, value), Err(("type" | "range" | "scale", _))),
    }
}

/// Notes that the entry at `place` wrote rows: of a row that had nothing on top, what lies below
/// is kept.
pub(crate) fn note(connection: &Connection, place: u64, touched: &[Touched], ops: &[Op]) -> Result<(), VaultError> {
    let mut touched = touched.iter();
    for op in ops {
        let Some(row) = touched.find(|row| row.after.row.entity.no == op.entity && row.after.row.id() == op.id) else { continue };
        let key = RowKey { entity: op.entity, id: op.id };
        if let Some(before) = &row.before
            && !has_pending(connection, key)?
        {
            put_overlay(connection, key, &RowImage::of(before))?;
        }
        add_pending(connection, key, place, false)?;
    }
    Ok(())
}

/// Whether entries lie on top of a row.
pub(crate) fn has_pending(connection: &Connection, key: RowKey) -> Result<bool, VaultError> {
    Ok(connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM pending WHERE entity = ?1 AND row_id = ?2)")?.query_row(params![key.entity, key.id.as_bytes()], |row| row.get(0))?)
}

/// The entry at `place` lies on top of a row.
pub(crate) fn add_pending(connection: &Connection, key: RowKey, place: u64, within: bool) -> Result<(), VaultError> {
    connection.prepare_cached("INSERT OR IGNORE INTO pending (entity, row_id, dseq, within) VALUES (?1, ?2, ?3, ?4)")?.execute(params![key.entity, key.id.as_bytes(), place as i64, within])?;
    Ok(())
}

/// Keeps what lies below a row's entries.
pub(crate) fn put_overlay(connection: &Connection, key: RowKey, image: &RowImage) -> Result<(), VaultError> {
    put(connection, "INSERT OR REPLACE INTO overlay (entity, row_id, unit_id, image) VALUES (?1, ?2, ?3, ?4)", key, image)
}

/// Keeps what this version cannot show of a row.
pub(crate) fn put_opaque(connection: &Connection, key: RowKey, image: &RowImage) -> Result<(), VaultError> {
    put(connection, "INSERT OR REPLACE INTO opaque (entity, row_id, unit_id, image) VALUES (?1, ?2, ?3, ?4)", key, image)
}

fn put(connection: &Connection, sql: &str, key: RowKey, image: &RowImage) -> Result<(), VaultError> {
    connection.prepare_cached(sql)?.execute(params![key.entity, key.id.as_bytes(), image.unit.to_bytes(), to_bytes(image)?])?;
    Ok(())
}

/// An image that is kept; `sql` takes entity and id.
pub(crate) fn kept_image(connection: &Connection, sql: &str, key: RowKey) -> Result<Option<RowImage>, VaultError> {
    let bytes: Option<Vec<u8>> = connection.prepare_cached(sql)?.query_row(params![key.entity, key.id.as_bytes()], |row| row.get(0)).optional()?;
    bytes.map(|bytes| from_bytes(&bytes)).transpose()
}

/// An image as it is kept.
pub(crate) fn to_bytes(image: &RowImage) -> Result<Vec<u8>, VaultError> {
    postcard::to_stdvec(image).map_err(|_| unreadable())
}

/// Reads what [`to_bytes`] wrote.
pub(crate) fn from_bytes(bytes: &[u8]) -> Result<RowImage, VaultError> {
    postcard::from_bytes(bytes).map_err(|_| unreadable())
}

/// A record that was kept for replication cannot be read.
pub(crate) fn unreadable() -> VaultError {
    gladstone_store::StoreError::Unreadable("what is kept of the centre".into()).into()
}
