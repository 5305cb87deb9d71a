//! One typed value of a field, and its forms in JSON. Which forms a field takes is in
//! [`crate::entity::FieldType`]; how a database keeps them is not known here.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::{entity::FieldType, instant::Instant};

/// A value of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A decimal number with at most 18 digits after scaling, without trailing zeros.
    Decimal(Decimal),
    /// Text in Unicode normal form C.
    Text(String),
    /// An id.
    Uuid(Uuid),
    /// A point in time.
    Instant(Instant),
    /// A calendar date.
    Date(NaiveDate),
    /// JSON in canonical text: keys sorted, no white space.
    Json(String),
}

impl Value {
    /// Text, brought to normal form C.
    pub fn text(text: &str) -> Value {
        Value::Text(text.nfc().collect())
    }

    /// JSON in canonical text.
    pub fn json(json: &Json) -> Value {
        Value::Json(canonical(json))
    }

    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The id, when this is one.
    pub fn as_uuid(&self) -> Option<Uuid> {
        if let Value::Uuid(id) = self { Some(*id) } else { None }
    }

    /// The text, when this is text.
    pub fn as_text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// True or false, when this is a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Boolean(yes) = self { Some(*yes) } else { None }
    }

    /// The whole number, when this is one.
    pub fn as_integer(&self) -> Option<i64> {
        if let Value::Integer(number) = self { Some(*number) } else { None }
    }

    /// The point in time, when this is one.
    pub fn as_instant(&self) -> Option<Instant> {
        if let Value::Instant(time) = self { Some(*time) } else { None }
    }

    /// The date, when this is one.
    pub fn as_date(&self) -> Option<NaiveDate> {
        if let Value::Date(date) = self { Some(*date) } else { None }
    }

    /// A number of either kind, when this is one.
    pub fn as_decimal(&self) -> Option<Decimal> {
        match self {
            Value::Decimal(number) => Some(*number),
            Value::Integer(number) => Some(Decimal::from(*number)),
            _ => None,
        }
    }

    /// The parsed JSON, when this is JSON.
    pub fn as_json(&self) -> Option<Json> {
        if let Value::Json(text) = self { serde_json::from_str(text).ok() } else { None }
    }

    /// The form in commands and exports: ids, decimals, dates and times are strings.
    pub fn to_json(&self) -> Json {
        match self {
            Value::Null => Json::Null,
            Value::Boolean(yes) => Json::Bool(*yes),
            Value::Integer(number) => Json::from(*number),
            Value::Decimal(number) => Json::String(number.normalize().to_string()),
            Value::Text(text) => Json::String(text.clone()),
            Value::Uuid(id) => Json::String(id.to_string()),
            Value::Instant(time) => Json::String(time.to_string()),
            Value::Date(date) => Json::String(date.to_string()),
            Value::Json(text) => serde_json::from_str(text).unwrap_or(Json::Null),
        }
    }

    /// Reads the JSON form of a field of type `ty`. The error says what was expected.
    pub fn from_json(ty: FieldType, json: &Json) -> Result<Value, String> {
        let expected = |what: &str| format!("expected {what}, got {json}");
        if json.is_null() && ty != FieldType::Json {
            return Ok(Value::Null);
        }
        Ok(match ty {
            FieldType::Boolean => Value::Boolean(json.as_bool().ok_or_else(|| expected("true or false"))?),
            FieldType::Integer | FieldType::SmallInteger | FieldType::BigInteger => {
                Value::Integer(json.as_i64().ok_or_else(|| expected("a whole number"))?)
            }
            FieldType::Decimal { .. } => {
                let text = match json {
                    Json::String(text) => text.trim().to_owned(),
                    Json::Number(number) => number.to_string(),
                    _ => return Err(expected("a number")),
                };
                let number: Decimal = text.parse().map_err(|_| expected("a number such as 12.5"))?;
                Value::Decimal(number.normalize())
            }
            FieldType::Text { .. } => Value::text(json.as_str().ok_or_else(|| expected("text"))?),
            FieldType::Uuid => {
                let text = json.as_str().ok_or_else(|| expected("an id"))?;
                Value::Uuid(Uuid::parse_str(text).map_err(|_| expected("an id"))?)
            }
            FieldType::Instant => {
                let text = json.as_str().ok_or_else(|| expected("a time"))?;
                Value::Instant(Instant::parse(text).ok_or_else(|| expected("a time such as 2026-11-21T10:42:00Z"))?)
            }
            FieldType::Date => {
                let text = json.as_str().ok_or_else(|| expected("a date"))?;
                Value::Date(text.parse().map_err(|_| expected("a date such as 2026-11-21"))?)
            }
            FieldType::Json if json.is_null() => Value::Null,
            FieldType::Json => Value::json(json),
        })
    }

    /// A stable text of this value, for keys and for showing.
    pub fn to_key_text(&self) -> String {
        match self.to_json() {
            Json::String(text) => text,
            other => other.to_string(),
        }
    }
}

/// JSON text with sorted keys, no white space, and text in normal form C.
fn canonical(json: &Json) -> String {
    fn tidy(json: &Json) -> Json {
        match json {
            Json::String(text) => Json::String(text.nfc().collect()),
            Json::Array(items) => Json::Array(items.iter().map(tidy).collect()),
            Json::Object(map) => {
                let mut pairs: Vec<_> = map.iter().map(|(k, v)| (k.nfc().collect::<String>(), tidy(v))).collect();
                pairs.sort_by(|a, b| a.0.cmp(&b.0));
                Json::Object(pairs.into_iter().collect())
            }
            other => other.clone(),
        }
    }
    tidy(json).to_string()
}

macro_rules! into_value {
    ($($from:ty => |$name:ident| $make:expr),+ $(,)?) => {
        $(impl From<$from> for Value {
            fn from($name: $from) -> Value { $make }
        })+
    };
}

into_value! {
    bool => |yes| Value::Boolean(yes),
    i64 => |number| Value::Integer(number),
    i32 => |number| Value::Integer(i64::from(number)),
    Decimal => |number| Value::Decimal(number.normalize()),
    &str => |text| Value::text(text),
    String => |text| Value::text(&text),
    Uuid => |id| Value::Uuid(id),
    Instant => |time| Value::Instant(time),
    NaiveDate => |date| Value::Date(date),
    Json => |json| Value::json(&json),
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}
