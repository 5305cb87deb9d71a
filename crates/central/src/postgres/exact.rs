//! What a column of PostgreSQL can hold. It gives back most values as they were written; of the
//! others the column holds what is nearest, and `centre.exact` the value itself: digests are taken
//! over values to the letter.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate};
use gladstone_model::{Field, FieldType, Instant, Value};
use gladstone_protocol::{RowState, journal::MARK};
use rust_decimal::Decimal;

/// The first and the last microsecond of the years 1 to 9999.
const TIMES: (i64, i64) = (-62_135_596_800_000_000, 253_402_300_799_999_999);

/// A value as its column holds it.
pub(super) struct Held<'a> {
    /// What the column gets.
    pub value: Cow<'a, Value>,
    /// Whether that is all of it.
    pub whole: bool,
}

/// A value as its column can hold it.
///
/// # Errors
/// What the column refuses, without the value, in words for the log.
pub(super) fn held<'a>(field: &Field, value: &'a Value) -> Result<Held<'a>, String> {
    let whole = |value: &'a Value| Ok(Held { value: Cow::Borrowed(value), whole: true });
    let nearest = |value: Value| Ok(Held { value: Cow::Owned(value), whole: false });
    match (field.ty, value) {
        (_, Value::Null) if field.required || field.name == "id" => Err("has no value".into()),
        (_, Value::Null) | (FieldType::Uuid, Value::Uuid(_)) | (FieldType::Boolean, Value::Boolean(_)) => whole(value),
        (FieldType::Text { max }, Value::Text(text)) => {
            if max.is_some_and(|max| text.chars().count() > max as usize) {
                return Err("is too long".into());
            }
            if !field.choices.is_empty() && !field.open && !field.choices.contains(text) {
                return Err("is not one of the choices".into());
            }
            if text.contains('\0') { nearest(Value::Text(without_null(text))) } else { whole(value) }
        }
        (FieldType::Integer | FieldType::SmallInteger | FieldType::BigInteger, Value::Integer(number)) => {
            let fits = match field.ty {
                FieldType::SmallInteger => i16::try_from(*number).is_ok(),
                FieldType::Integer => i32::try_from(*number).is_ok(),
                _ => true,
            };
            if fits && in_range(field, Decimal::from(*number)) { whole(value) } else { Err("is out of range".into()) }
        }
        (FieldType::Decimal { precision, scale }, Value::Decimal(_) | Value::Integer(_)) => {
            let number = value.as_decimal().unwrap_or_default().normalize();
            if number.scale() > scale || number.trunc().abs() >= Decimal::from(10_i128.pow(precision.saturating_sub(scale))) || !in_range(field, number) {
                return Err("is out of range".into());
            }
            whole(value)
        }
        (FieldType::Instant, Value::Instant(time)) if (TIMES.0..=TIMES.1).contains(&time.0) => whole(value),
        (FieldType::Instant, Value::Instant(time)) => nearest(Value::Instant(Instant(time.0.clamp(TIMES.0, TIMES.1)))),
        (FieldType::Date, Value::Date(date)) => {
            let clamped = (*date).clamp(day(TIMES.0), day(TIMES.1));
            if clamped == *date { whole(value) } else { nearest(Value::Date(clamped)) }
        }
        (FieldType::Json, Value::Json(text)) if survives(text) => whole(value),
        (FieldType::Json, Value::Json(text)) => nearest(Value::Json(acceptable(text))),
        _ => Err(format!("is not {}", field.ty.description())),
    }
}

/// Values of a row that its columns do not give back, by field number; the reason of the mark
/// under [`MARK`]. In postcard's form; none when there are none.
///
/// # Errors
/// The field and what its column refuses.
pub(super) fn exact(state: &RowState) -> Result<Option<Vec<u8>>, String> {
    let mut kept: Vec<(u16, &Value)> = Vec::new();
    for (field, value) in state.row.entity.fields.iter().zip(&state.row.values) {
        if !held(field, value).map_err(|why| format!("{} {why}", field.name))?.whole {
            kept.push((field.no, value));
        }
    }
    let reason = state.error.as_ref().filter(|(_, reason)| reason.contains('\0')).map(|(_, reason)| Value::Text(reason.clone()));
    kept.extend(reason.iter().map(|reason| (MARK, reason)));
    if kept.is_empty() {
        return Ok(None);
    }
    postcard::to_stdvec(&kept).map(Some).map_err(|error| error.to_string())
}

/// Puts what [`exact`] kept in place of what the columns gave. None when it cannot be read.
pub(super) fn restore(state: &mut RowState, kept: &[u8]) -> Option<()> {
    for (no, value) in postcard::from_bytes::<Vec<(u16, Value)>>(kept).ok()? {
        if no == MARK {
            let Value::Text(reason) = value else { return None };
            state.error.as_mut()?.1 = reason;
        } else {
            let at = state.row.entity.position_of_no(no)?;
            *state.row.values.get_mut(at)? = value;
        }
    }
    Some(())
}

/// Text without the one character that PostgreSQL does not take.
pub(super) fn without_null(text: &str) -> String {
    text.replace('\0', "")
}

fn in_range(field: &Field, number: Decimal) -> bool {
    field.min.is_none_or(|min| number >= min) && field.max.is_none_or(|max| number <= max)
}

fn day(micros: i64) -> NaiveDate {
    DateTime::from_timestamp_micros(micros).unwrap_or_default().date_naive()
}

/// Whether JSON comes back from `jsonb` to the letter, once its keys are sorted again: it is in
/// canonical text, and has neither a number with an exponent, nor minus zero, nor a null character.
fn survives(text: &str) -> bool {
    if plainest(text.as_bytes(), 0).is_some_and(|rest| rest.is_empty()) {
        return true;
    }
    let Ok(json) = serde_json::from_str::<serde_json::Value>(text) else { return false };
    matches!(Value::json(&json), Value::Json(canonical) if canonical == text) && plain(&json)
}

/// What lies behind a value that is in canonical text, and so plain that it need not be parsed to know it: no escape
/// and no letter beyond ASCII, keys that ascend, numbers of 15 digits at most without exponent. None for every other
/// one, whether it is canonical or not.
fn plainest(text: &[u8], depth: u8) -> Option<&[u8]> {
    match text.first()? {
        b'{' if depth < DEEP => {
            let (mut rest, mut last) = (text.get(1..)?, None);
            if let [b'}', behind @ ..] = rest {
                return Some(behind);
            }
            loop {
                let (key, behind) = plainest_text(rest)?;
                if last.is_some_and(|last| last >= key) {
                    return None;
                }
                last = Some(key);
                match plainest(behind.strip_prefix(b":")?, depth + 1)? {
                    [b',', behind @ ..] => rest = behind,
                    [b'}', behind @ ..] => return Some(behind),
                    _ => return None,
                }
            }
        }
        b'[' if depth < DEEP => {
            let mut rest = text.get(1..)?;
            if let [b']', behind @ ..] = rest {
                return Some(behind);
            }
            loop {
                match plainest(rest, depth + 1)? {
                    [b',', behind @ ..] => rest = behind,
                    [b']', behind @ ..] => return Some(behind),
                    _ => return None,
                }
            }
        }
        b'"' => plainest_text(text).map(|(_, behind)| behind),
        b't' => text.strip_prefix(b"true"),
        b'f' => text.strip_prefix(b"false"),
        b'n' => text.strip_prefix(b"null"),
        _ => plainest_number(text),
    }
}

/// How deep lists in lists are looked at.
const DEEP: u8 = 16;

/// A text in quotes, and what lies behind.
fn plainest_text(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let end = text.iter().position(|letter| !matches!(letter, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~'))?;
    let (within, behind) = text.split_at(end);
    Some((within, behind.strip_prefix(b"\"")?))
}

/// Behind a whole number, or one with a fraction that is written as it would be written again.
fn plainest_number(text: &[u8]) -> Option<&[u8]> {
    let digits = |text: &[u8]| text.iter().take_while(|digit| digit.is_ascii_digit()).count();
    let (negative, number) = text.strip_prefix(b"-").map_or((false, text), |number| (true, number));
    let whole = digits(number);
    let (first, rest) = (number.first()?, number.get(whole..)?);
    if whole == 0 || whole > 15 || *first == b'0' && whole > 1 {
        return None;
    }
    let Some(fraction) = rest.strip_prefix(b".") else {
        return (!(negative && *first == b'0')).then_some(rest).filter(|rest| !matches!(rest.first(), Some(b'e' | b'E')));
    };
    let count = digits(fraction);
    let (fraction, rest) = fraction.split_at(count);
    // As short as it is exact, and neither so small nor so long that it would be written with an exponent.
    let short = whole + count <= 15 && fraction.last().is_some_and(|last| *last != b'0') && (*first != b'0' || fraction.first() != Some(&b'0'));
    (short && !matches!(rest.first(), Some(b'e' | b'E' | b'.'))).then_some(rest)
}

fn plain(json: &serde_json::Value) -> bool {
    use serde_json::Value as Json;
    match json {
        Json::Null | Json::Bool(_) => true,
        Json::Number(number) => {
            let text = number.to_string();
            !text.contains(['e', 'E']) && text != "-0.0" && text != "-0"
        }
        Json::String(text) => !text.contains('\0'),
        Json::Array(items) => items.iter().all(plain),
        Json::Object(pairs) => pairs.iter().all(|(key, value)| !key.contains('\0') && plain(value)),
    }
}

/// JSON that `jsonb` takes: what was meant, without null characters; null for what is not JSON.
fn acceptable(text: &str) -> String {
    fn tidy(json: &serde_json::Value) -> serde_json::Value {
        use serde_json::Value as Json;
        match json {
            Json::String(text) => Json::String(without_null(text)),
            Json::Array(items) => Json::Array(items.iter().map(tidy).collect()),
            Json::Object(pairs) => Json::Object(pairs.iter().map(|(key, value)| (without_null(key), tidy(value))).collect()),
            other => other.clone(),
        }
    }
    serde_json::from_str(text).map_or_else(|_| "null".into(), |json| tidy(&json).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_need_not_be_parsed_would_survive_being_parsed() {
        let parsed = |text: &str| {
            let Ok(json) = serde_json::from_str::<serde_json::Value>(text) else { return false };
            matches!(Value::json(&json), Value::Json(canonical) if canonical == text) && plain(&json)
        };
        let quick = |text: &str| plainest(text.as_bytes(), 0).is_some_and(|rest| rest.is_empty());
        for text in ["{}", "[]", "null", "true", "false", "0", "7", "-12", "2.5", "-0.25", "999999999999999", "1234567.12345678", r#""a b/c~""#, r#"{"a":[1,{"b":null}],"aa":"x","b":2.75}"#, "[[],{}]"] {
            assert!(quick(text) && parsed(text), "{text}");
        }
        for text in ["", "{", "[1", "1,", "tru", "nulls", "01", "-0", "-0.0", "-", "1.", "1.0", "0.01", "1e5", "1E5", "1.5e3", "1.5.5", "1234567890123456", "12345678.123456789", "[1, 2]", r#"{"b":1,"a":2}"#, r#"{"a":1,"a":2}"#, r#"{"a"}"#, r#""\n""#, r#""ü""#, r#""x"#, "{\"a\":1}x"] {
            assert!(!quick(text), "{text} is looked at as a whole");
        }
        // Whatever is put together from such pieces.
        let pieces = ["{", "}", "[", "]", ",", ":", "\"a\"", "\"b\"", "\"\"", "0", "1", "-", ".", "25", "e", "null", "true", " ", "{}", "\"\\u0041\"", "9999999"];
        let (mut state, mut seen) = (1_u64, 0);
        for _ in 0..200_000 {
            let mut text = String::new();
            for _ in 0..1 + state % 9 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
            }
            if quick(&text) {
                seen += 1;
                assert!(parsed(&text), "{text}");
            }
        }
        assert!(seen > 1_000, "{seen} of them were quick");
    }

    #[test]
    fn json_survives_when_jsonb_changes_no_letter_of_it() {
        let check = |text: &str, expected: bool| assert_eq!(survives(text), expected, "{text}");
        for text in ["{}", "null", "[1,2.5,-3]", r#"{"a":1,"bb":"ü"}"#, "0.1", "18446744073709551615", r#""\n""#] {
            check(text, true);
        }
        for text in ["1e16", "-0.0", "1e-7", r#""\u0000""#, r#"{"\u0000":1}"#, "[1, 2]", r#"{"b":1,"a":2}"#, "", "{"] {
            check(text, false);
        }
    }
}
