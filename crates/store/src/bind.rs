//! Values as SQLite keeps them, and back. The forms are described in the model's SQLite DDL.

use gladstone_model::{FieldType, Instant, Value};
use rusqlite::{ToSql, types::{ToSqlOutput, Value as Sql, ValueRef}};
use rust_decimal::Decimal;
use uuid::Uuid;

/// A value on its way into a statement.
pub(crate) struct Bound<'a>(pub FieldType, pub &'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.1 {
            Value::Null => ToSqlOutput::Owned(Sql::Null),
            Value::Boolean(yes) => ToSqlOutput::Owned(Sql::Integer(i64::from(*yes))),
            Value::Integer(number) => match self.0 {
                FieldType::Decimal { scale, .. } => ToSqlOutput::Owned(Sql::Integer(number.saturating_mul(10_i64.pow(scale)))),
                _ => ToSqlOutput::Owned(Sql::Integer(*number)),
            },
            Value::Decimal(number) => ToSqlOutput::Owned(Sql::Integer(scaled(*number, self.0)?)),
            Value::Text(text) | Value::Json(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Uuid(id) => ToSqlOutput::Borrowed(ValueRef::Blob(id.as_bytes())),
            Value::Instant(time) => ToSqlOutput::Owned(Sql::Integer(time.0)),
            Value::Date(date) => ToSqlOutput::Owned(Sql::Text(date.to_string())),
        })
    }
}

fn scaled(number: Decimal, ty: FieldType) -> rusqlite::Result<i64> {
    let FieldType::Decimal { scale, .. } = ty else { return Err(rusqlite::Error::ToSqlConversionFailure("a decimal for a field of another type".into())) };
    let shifted = number.checked_mul(Decimal::from(10_i64.pow(scale))).map(|n| n.trunc());
    shifted.and_then(|n| i64::try_from(n.mantissa() / 10_i128.pow(n.scale())).ok()).ok_or_else(|| rusqlite::Error::ToSqlConversionFailure("a decimal out of range".into()))
}

/// Reads a stored value; `None` when it does not fit the type.
pub(crate) fn read(ty: FieldType, value: ValueRef<'_>) -> Option<Value> {
    Some(match (ty, value) {
        (_, ValueRef::Null) => Value::Null,
        (FieldType::Uuid, ValueRef::Blob(bytes)) => Value::Uuid(Uuid::from_slice(bytes).ok()?),
        (FieldType::Text { .. }, ValueRef::Text(text)) => Value::Text(std::str::from_utf8(text).ok()?.to_owned()),
        (FieldType::Json, ValueRef::Text(text)) => Value::Json(std::str::from_utf8(text).ok()?.to_owned()),
        (FieldType::Date, ValueRef::Text(text)) => Value::Date(std::str::from_utf8(text).ok()?.parse().ok()?),
        (FieldType::Boolean, ValueRef::Integer(number)) => Value::Boolean(number != 0),
        (FieldType::Instant, ValueRef::Integer(number)) => Value::Instant(Instant(number)),
        (FieldType::Decimal { scale, .. }, ValueRef::Integer(number)) => Value::Decimal(Decimal::new(number, scale).normalize()),
        (FieldType::Integer | FieldType::SmallInteger | FieldType::BigInteger, ValueRef::Integer(number)) => Value::Integer(number),
        _ => return None,
    })
}
