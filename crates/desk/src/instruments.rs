//! The built-in instruments as questionnaire rows, with ids that are the same on every laptop.

use gladstone_care::{Instrument, catalogue};
use gladstone_model::{Value, id};
use gladstone_vault::Tx;
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

use crate::error::DeskError;

/// The id of an instrument's questionnaire.
pub fn questionnaire_id(instrument: &Instrument) -> Uuid {
    derived("questionnaires", &[&instrument.code, &instrument.version.to_string(), &instrument.language])
}

/// The id of one item's question.
pub fn question_id(instrument: &Instrument, item: &str) -> Uuid {
    derived("questions", &[&instrument.code, &instrument.version.to_string(), item])
}

/// Adds the instruments that are not there yet. Returns how many were added.
///
/// # Errors
/// What writing says.
pub fn install(tx: &mut Tx<'_>) -> Result<usize, DeskError> {
    let mut added = 0;
    for instrument in catalogue() {
        if tx.read().get("questionnaires", questionnaire_id(instrument))?.is_none() {
            install_one(tx, instrument)?;
            added += 1;
        }
    }
    Ok(added)
}

fn install_one(tx: &mut Tx<'_>, instrument: &Instrument) -> Result<(), DeskError> {
    let questionnaire = questionnaire_id(instrument);
    tx.create("questionnaires", [
        ("id", questionnaire.into()),
        ("code", Value::text(&instrument.code)),
        ("title", Value::text(&instrument.title)),
        ("description", Value::text(&instrument.stem)),
        ("type", "screening".into()),
        ("category", "clinical_assessment".into()),
        ("status", "published".into()),
        ("estimated_minutes", i64::from(instrument.minutes).into()),
        ("attempts_allowed", 999_i64.into()),
        ("version", i64::from(instrument.version).into()),
        ("language", Value::text(&instrument.language)),
        ("licence_note", Value::text(&instrument.licence)),
        ("source", Value::text(&instrument.sources.join("\n"))),
        ("tags", json!([instrument.short_title]).into()),
    ])?;
    for (position, item) in instrument.items.iter().enumerate() {
        let question = question_id(instrument, &item.code);
        let options = instrument.options_of(item);
        let most = options.iter().map(|option| option.value).max().unwrap_or_default();
        tx.create("questions", [
            ("id", question.into()),
            ("questionnaire_id", questionnaire.into()),
            ("code", Value::text(&item.code)),
            ("text", Value::text(&item.text)),
            ("type", "single_choice".into()),
            ("required", item.required.into()),
            ("position", (position as i64).into()),
            ("is_scored", item.scored.into()),
            ("max_score", Decimal::from(if item.scored { most } else { 0 }).into()),
            ("metadata", json!({ "loinc": item.loinc }).into()),
        ])?;
        for (place, option) in options.iter().enumerate() {
            tx.create("question_options", [
                ("id", derived("question_options", &[&question.to_string(), &option.value.to_string()]).into()),
                ("question_id", question.into()),
                ("value", Value::text(&option.value.to_string())),
                ("text", Value::text(&option.text)),
                ("points", Decimal::from(if item.scored { option.value } else { 0 }).into()),
                ("position", (place as i64).into()),
            ])?;
        }
    }
    for scale in &instrument.scales {
        let rules = serde_json::to_value(scale).unwrap_or_default();
        tx.create("scoring_configs", [
            ("id", derived("scoring_configs", &[&questionnaire.to_string(), &scale.code]).into()),
            ("questionnaire_id", questionnaire.into()),
            ("name", Value::text(&scale.label)),
            ("scoring_method", "sum".into()),
            ("max_score", Decimal::from(scale.max).into()),
            ("is_default", true.into()),
            ("rules", json!([rules]).into()),
            ("description", Value::text(&instrument.scoring_version)),
        ])?;
    }
    Ok(())
}

fn derived(entity: &str, key: &[&str]) -> Uuid {
    let no = gladstone_model::catalogue().get(entity).map_or(0, |entity| entity.no);
    let values: Vec<Value> = key.iter().map(|part| Value::text(part)).collect();
    id::derived(no, &values.iter().collect::<Vec<_>>())
}
