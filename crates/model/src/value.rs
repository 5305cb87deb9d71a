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

    /// Whether this is structured data that [`Value::as_json`] reads, without building it.
    pub fn is_json(&self) -> bool {
        if let Value::Json(text) = self { serde_json::from_str::<Sound>(text).is_ok() } else { false }
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

/// JSON that is read through and not kept. Takes what `serde_json::Value` takes.
struct Sound;

impl<'de> serde::Deserialize<'de> for Sound {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Sound, D::Error> {
        deserializer.deserialize_any(Sound)
    }
}

impl<'de> serde::de::Visitor<'de> for Sound {
    type Value = Sound;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("structured data")
    }

    fn visit_unit<E>(self) -> Result<Sound, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Sound, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Sound, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Sound, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Sound, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Sound, E> {
        Ok(self)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Sound, A::Error> {
        while items.next_element::<Sound>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut entries: A) -> Result<Sound, A::Error> {
        while entries.next_entry::<Sound, Sound>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structured_data_is_what_can_be_read_as_such() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let texts = ["{}", "[1,-2.5e3,true,null,\"x\\u00e4\"]", "{\"a\":{\"b\":[]},\"a\":1}", "\"\"", " 7 ", "", "{", "[1,]", "{\"a\"}", "{1:2}", "1e999", "01", "\"\\ud800\"", "nul", "[] []", "\"\u{1}\"", "NaN"];
        for text in texts.iter().map(|text| (*text).to_owned()).chain([deep(100), deep(127), deep(128), deep(500)]) {
            let value = Value::Json(text.clone());
            assert_eq!(value.is_json(), value.as_json().is_some(), "{text}");
        }
        assert!(Value::Json("{}".into()).is_json() && !Value::Json("{".into()).is_json() && !Value::Text("{}".into()).is_json());
    }
}
