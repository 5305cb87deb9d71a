//! Rows of every entity out of their declarations, and envelopes: whatever an engine has to keep.

use chrono::NaiveDate;
use gladstone_central::engine::{Filed, Place, RowSave};
use gladstone_model::{Entity, Field, FieldType, Instant, Row, Unit, Value, catalogue, unit::UnitKind};
use gladstone_protocol::{GroupMids, RowState, Signature, Stored, Writer, row_state::number, wire::{Envelope, RowKey}};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::id;

/// The row of an entity that other rows with the same number refer to.
pub fn row_id(entity: &Entity, number: u64) -> Uuid {
    id(0x1000 + entity.no, number)
}

pub fn key(entity: &Entity, number: u64) -> RowKey {
    RowKey { entity: entity.no, id: row_id(entity, number) }
}

/// A row with every field filled; rows of different numbers differ.
pub fn full(entity: &'static Entity, number: u64) -> RowState {
    let mut row = Row::empty(entity);
    for (at, field) in entity.fields.iter().enumerate() {
        row.values[at] = value(entity, field, number);
    }
    state(row, number)
}

/// A row with the required fields alone.
pub fn bare(entity: &'static Entity, number: u64) -> RowState {
    let mut row = Row::empty(entity);
    for (at, field) in entity.fields.iter().enumerate().filter(|(_, field)| field.required || field.name == "id") {
        row.values[at] = value(entity, field, number);
    }
    state(row, number)
}

fn state(row: Row, number: u64) -> RowState {
    RowState { row, unit: person(number), row_mid: id(4, number), group_mids: GroupMids::default(), error: None }
}

pub fn person(number: u64) -> Unit {
    Unit { kind: UnitKind::Person, id: id(5, number) }
}

/// The same row after somebody else wrote its last group and marked it.
pub fn marked(mut state: RowState, mutation: Uuid) -> RowState {
    let entity = state.row.entity;
    if let Some(group) = entity.groups.last() {
        state.group_mids.set(number(entity, group), mutation);
    }
    state.error = Some((mutation, "Entered for the wrong person: O'Neill, \"Zoë\"".into()));
    state
}

pub fn save(state: RowState, before: Option<Unit>, g: u64) -> RowSave {
    RowSave { state, before, g }
}

/// A row of every entity.
pub fn everything(make: fn(&'static Entity, u64) -> RowState, number: u64) -> Vec<RowState> {
    catalogue().entities.iter().map(|entity| make(entity, number)).collect()
}

/// A value that fits the field; a reference leads to the row of the same number.
pub fn value(entity: &Entity, field: &Field, number: u64) -> Value {
    if field.name == "id" {
        return row_id(entity, number).into();
    }
    if let Some(reference) = &field.reference {
        return catalogue().get(&reference.entity).map(|to| row_id(to, number)).into();
    }
    if !field.choices.is_empty() {
        return Value::Text(field.choices[number as usize % field.choices.len()].clone());
    }
    let turn = (number + u64::from(field.no)) as usize;
    let whole = |least: i64, most: i64| {
        let low = field.min.map_or(least, |min| i64::try_from(min.ceil()).unwrap_or(least));
        let high = field.max.map_or(most, |max| i64::try_from(max.floor()).unwrap_or(most));
        [low, high, low / 2 + high / 2][turn % 3]
    };
    match field.ty {
        FieldType::Uuid => id(6, number + u64::from(field.no)).into(),
        FieldType::Text { max } => Value::text(&text(turn, number).chars().take(max.unwrap_or(1_000) as usize).collect::<String>()),
        FieldType::SmallInteger => whole(i64::from(i16::MIN), i64::from(i16::MAX)).into(),
        FieldType::Integer => whole(i64::from(i32::MIN), i64::from(i32::MAX)).into(),
        FieldType::BigInteger => whole(i64::MIN, i64::MAX).into(),
        FieldType::Decimal { precision, scale } => {
            let most = Decimal::from_i128_with_scale(10_i128.pow(precision) - 1, scale);
            let (low, high) = (field.min.unwrap_or(-most), field.max.unwrap_or(most));
            let fine = (low + Decimal::new(1, scale)).min(high);
            Value::from([low, high, fine][turn % 3])
        }
        FieldType::Boolean => turn.is_multiple_of(2).into(),
        FieldType::Date => [NaiveDate::from_ymd_opt(2026, 11, 21), NaiveDate::from_ymd_opt(1, 1, 1), NaiveDate::from_ymd_opt(9999, 12, 31), NaiveDate::from_ymd_opt(1900, 2, 28)][turn % 4].into(),
        FieldType::Instant => Value::Instant(Instant([1_790_000_000_123_456, -1, 0, 253_402_300_799_999_999, -62_135_596_800_000_000, 600_000_000_000_000_000][turn % 6])),
        FieldType::Json => Value::json(&serde_json::from_str(JSON[turn % JSON.len()]).unwrap()),
    }
}

const JSON: [&str; 9] = [
    "{}",
    "null",
    r#"{"b":[1,2.5,{"ä":"ü"}],"a":true,"aa":null}"#,
    "1e16",
    "[1.0,-0.0,1e-7,0.1,18446744073709551615]",
    r#""a\u0000b\n\"""#,
    "[]",
    r#"{"long":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#,
    "12.50",
];

fn text(turn: usize, number: u64) -> String {
    match turn % 5 {
        0 => format!("{number} O'Neill \"quoted\" \\ {{1,2}} NULL"),
        1 => format!("{number} Zoë 漢字 🙂\n\tsecond line"),
        2 => format!("{number} {}", "long ".repeat(400)),
        3 => format!("{number}"),
        _ => format!("{number} $1 %s -- ; /* */"),
    }
}

/// An envelope that brought a mutation, with its number in everything.
pub fn filed(device: Uuid, dseq: u64, g: Option<u64>, verdict: Stored) -> Filed {
    let mutation = id(7, (device.as_u128() as u64 & 0xffff) * 100_000 + dseq);
    let writer = Writer { mutation, hlc: (1_790_000_000_000_u64 << 16) + dseq, actor: id(8, 1), device, wall: Instant(1_790_000_000_000_000 + dseq as i64) };
    Filed {
        place: Place { device, incarnation: id(9, device.as_u128() as u64 & 0xffff), dseq },
        envelope: Envelope { bytes: vec![dseq as u8; 300 + dseq as usize % 50], hash: [dseq as u8; 32], signature: Signature([dseq as u8; 64]) },
        received: Instant(1_790_000_001_000_000),
        mutation: Some((writer, format!("responses.answer{dseq}"))),
        g,
        verdict,
    }
}
