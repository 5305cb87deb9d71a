//! A row of any entity, out of its declaration: required fields, and the rows that they refer to.

use std::cell::Cell;

use gladstone_model::{Entity, Field, FieldType, Value, catalogue, format::Format};
use gladstone_vault::{Tx, VaultError};
use rust_decimal::Decimal;
use uuid::Uuid;

/// Numbers that are not used twice.
#[derive(Debug, Default)]
pub struct Numbers(Cell<usize>);

impl Numbers {
    /// The next one, from 1.
    pub fn draw(&self) -> usize {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}

/// Makes a row and whatever it refers to. Each row takes a number; rows of different numbers differ
/// in every field that can differ. `given`: fields that are already decided.
///
/// # Errors
/// What the vault says.
pub fn make(tx: &mut Tx<'_>, entity: &str, numbers: &Numbers, given: &[(&str, Value)]) -> Result<Uuid, VaultError> {
    let entity = catalogue().get(entity).expect("a declared entity");
    let mut values: Vec<(String, Value)> = given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    for field in &entity.fields {
        let wanted = field.required && field.default.is_none() && !field.is_managed();
        if wanted && !given.iter().any(|(name, _)| *name == field.name) {
            values.push((field.name.clone(), value(tx, entity, field, numbers)?));
        }
    }
    tx.create(&entity.name, values.iter().map(|(name, value)| (name.as_str(), value.clone())))
}

/// A value of a field. A reference points to a new row.
///
/// # Errors
/// What the vault says.
pub fn value(tx: &mut Tx<'_>, entity: &'static Entity, field: &'static Field, numbers: &Numbers) -> Result<Value, VaultError> {
    if let Some(reference) = &field.reference {
        return Ok(make(tx, &reference.entity, numbers, &[])?.into());
    }
    let number = numbers.draw();
    if let Some(choice) = (!field.open).then(|| field.choices.first()).flatten() {
        return Ok(Value::text(choice));
    }
    Ok(match field.ty {
        FieldType::Text { max } => Value::text(&text(entity, field, number, max)),
        FieldType::Integer | FieldType::SmallInteger | FieldType::BigInteger => {
            let low = whole(field.min).unwrap_or(1);
            let high = whole(field.max).unwrap_or(i64::from(i16::MAX));
            Value::Integer((low + number as i64).min(high))
        }
        FieldType::Decimal { .. } => Value::from(field.min.unwrap_or(Decimal::ONE)),
        FieldType::Boolean => true.into(),
        FieldType::Date => tx.now().date().checked_sub_days(chrono::Days::new(30 + number as u64)).into(),
        FieldType::Instant => tx.now().plus_seconds(-3_600 * (1 + number as i64)).into(),
        FieldType::Json => Value::Json("{}".into()),
        FieldType::Uuid => Uuid::from_u128(0x0192_0000_0000_7000_9000_0000_0000_0000 | number as u128).into(),
    })
}

fn whole(number: Option<Decimal>) -> Option<i64> {
    number.and_then(|number| i64::try_from(number.trunc()).ok())
}

fn text(entity: &Entity, field: &Field, number: usize, max: Option<u32>) -> String {
    let dashed = format!("{}-{number}", entity.name.replace('_', "-"));
    let text = match field.format {
        Some(Format::Email) => format!("{dashed}@example.org"),
        Some(Format::Url | Format::Website) => format!("https://example.org/{dashed}"),
        Some(Format::Phone) => format!("+44 1632 960{number:03}"),
        Some(Format::Color) => format!("#1F{number:04X}"),
        Some(Format::Icon) => "clipboard-list".into(),
        Some(Format::Slug) => dashed,
        Some(Format::Username) => format!("{}_{number}", entity.name),
        Some(Format::TimeZone) => "Europe/London".into(),
        Some(Format::Language) => "en".into(),
        Some(Format::Ip) => format!("192.0.2.{}", 1 + number % 250),
        Some(Format::Ga4) => format!("G-SAMPLE{number:04}"),
        Some(Format::Html) => format!("<p>{} {number}</p>", entity.label),
        Some(Format::Multiline) | None => format!("{} {number}", field.label),
    };
    text.chars().take(max.unwrap_or(1_000) as usize).collect()
}
