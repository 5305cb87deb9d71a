//! Whether a row may be kept: types, required fields, choices, ranges, formats, references,
//! uniqueness, and the declared rules. Used by every writer, on laptop and centre alike.

use rust_decimal::Decimal;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    catalogue::catalogue,
    entity::{Entity, Field, FieldType},
    fault::Fault,
    instant::Instant,
    remedy::{self, Remedy},
    row::Row,
    rule::{Check, Rule, is_given},
    value::Value,
};

/// What validation asks of the store.
pub trait Lookup {
    /// Whatever reading may fail with.
    type Error;
    /// A row that is not entered in error.
    fn row(&self, entity: &'static Entity, id: Uuid) -> Result<Option<Row>, Self::Error>;
    /// Whether a row may refer to this one.
    fn stands(&self, entity: &'static Entity, id: Uuid) -> Result<bool, Self::Error> {
        Ok(self.row(entity, id)?.is_some())
    }
    /// Whether another row than `except` has these values and is not entered in error; null equals null.
    fn taken(&self, entity: &'static Entity, values: &[(usize, &Value)], except: Uuid) -> Result<bool, Self::Error>;
}

/// Fills fields that are missing from others of the same row, where a rule says so: the name of a
/// person from first and last name. Called by a writer after the defaults and before [`faults`].
pub fn fill_missing(row: &mut Row) {
    for rule in &row.entity.rules {
        if let Check::FilledFrom { field, from } = &rule.check
            && !is_given(row.get(field))
            && let Some(text) = from.iter().find_map(|source| source.text(row))
        {
            row.set(field, text);
        }
    }
}

/// Faults of one row by itself and in its place; empty when it may be kept.
/// Rules that need the whole mutation are in [`completion_faults`].
///
/// # Errors
/// Only what the lookup fails with.
pub fn faults<L: Lookup>(row: &Row, changed: &dyn Fn(usize) -> bool, now: Instant, lookup: &L) -> Result<Vec<Fault>, L::Error> {
    let entity = row.entity;
    let mut found: Vec<Fault> = Vec::new();
    for (field, value) in entity.fields.iter().zip(&row.values) {
        if let Err((rule, remedy)) = check_field(field, value) {
            found.push(Fault::new(&entity.name, &field.name, rule, format!("{}: {remedy}.", field.label)));
        }
    }
    for rule in &entity.rules {
        if let Err((field, more)) = rule.check_row(row, now) {
            found.push(Fault::new(&entity.name, field, &rule.id, more.map_or_else(|| rule.message.clone(), |more| format!("{} {}.", rule.message, more.say()))));
        }
        if let Check::JsonShape { field, shape } = &rule.check
            && let Some(json) = row.get(field).as_json()
            && let Err(why) = shape_fault(shape, &json)
        {
            found.push(Fault::new(&entity.name, field, &rule.id, format!("{} {why}.", rule.message)));
        }
        found.extend(check_question(rule, row, lookup)?);
    }
    if !found.is_empty() {
        return Ok(found);
    }
    for (at, (field, value)) in entity.fields.iter().zip(&row.values).enumerate() {
        if let (Some(reference), Value::Uuid(id)) = (&field.reference, value)
            && changed(at)
            && let Some(target) = catalogue().get(&reference.entity)
            && !lookup.stands(target, *id)?
        {
            let message = format!("{}: {}.", field.label, remedy::NOT_HERE.with(&[&target.label.to_lowercase()]));
            found.push(Fault::new(&entity.name, &field.name, "reference", message));
        }
    }
    for unique in &entity.uniques {
        let applies = unique.when.as_ref().is_none_or(|(at, value)| row.values[*at] == *value);
        let touched = unique.fields.iter().chain(unique.when.iter().map(|(at, _)| at)).any(|at| changed(*at));
        let all_null = unique.fields.iter().all(|at| row.values[*at].is_null());
        let single_null = unique.when.is_none() && unique.fields.len() == 1 && all_null;
        if !applies || !touched || single_null {
            continue;
        }
        let mut key: Vec<(usize, &Value)> = unique.fields.iter().map(|at| (*at, &row.values[*at])).collect();
        if let Some((at, value)) = &unique.when {
            key.push((*at, value));
        }
        if lookup.taken(entity, &key, row.id())? {
            let labels: Vec<&str> = unique.fields.iter().map(|at| entity.fields[*at].label.as_str()).collect();
            let field = unique.when.as_ref().map_or_else(|| unique.fields[unique.fields.len() - 1], |(at, _)| *at);
            let message = format!("{}.", remedy::TAKEN.with(&[&entity.label.to_lowercase(), &labels.join(" and ").to_lowercase()]));
            found.push(Fault::new(&entity.name, &entity.fields[field].name, "unique", message));
        }
    }
    Ok(found)
}

/// Faults that show only when a whole mutation is there: a choice question without options.
///
/// # Errors
/// Only what the lookup fails with.
pub fn completion_faults<L: Lookup>(row: &Row, lookup: &L) -> Result<Vec<Fault>, L::Error> {
    let mut found = Vec::new();
    for rule in &row.entity.rules {
        if let Check::NeedsChild { when, entity, by } = &rule.check
            && when.holds(row)
            && let Some(child) = catalogue().get(entity)
            && let Some(at) = child.position(by)
            && !lookup.taken(child, &[(at, row.get("id"))], Uuid::nil())?
        {
            found.push(Fault::new(&row.entity.name, &when.field, &rule.id, rule.message.clone()));
        }
    }
    Ok(found)
}

/// Faults of a change from one value to the next: steps that do not follow each other. `before` is the
/// row as its author saw it.
pub fn step_faults(before: &Row, after: &Row) -> Vec<Fault> {
    let mut found = Vec::new();
    for rule in &after.entity.rules {
        if let Check::Steps { field, .. } = &rule.check
            && !rule.allows_step(before.get(field), after.get(field))
        {
            found.push(Fault::new(&after.entity.name, field, &rule.id, rule.message.clone()));
        }
    }
    found
}

/// Checks one value against its field alone. The error is the rule's name and a remedy.
pub fn check_field(field: &Field, value: &Value) -> Result<(), (&'static str, Remedy)> {
    if value.is_null() {
        return if field.required && !field.is_managed() { Err(("required", remedy::REQUIRED.say())) } else { Ok(()) };
    }
    match (field.ty, value) {
        (FieldType::Text { max }, Value::Text(text)) => {
            if field.required && text.trim().is_empty() {
                return Err(("required", remedy::REQUIRED.say()));
            }
            let (limit, length) = (max.unwrap_or(1_000_000) as usize, text.chars().count());
            if length > limit {
                return Err(("length", remedy::LENGTH.with(&[&length, &limit])));
            }
            if text.contains('\0') {
                return Err(("characters", remedy::NULL_CHARACTER.say()));
            }
            if !field.choices.is_empty() && !field.open && !field.choices.contains(text) {
                return Err(("choice", remedy::CHOICE.with(&[&text, &field.choices.join(", ")])));
            }
            if let Some(format) = field.format
                && !text.is_empty()
            {
                format.check(text).map_err(|wrong| (format.name(), wrong.say()))?;
            }
        }
        (FieldType::Integer | FieldType::SmallInteger | FieldType::BigInteger, Value::Integer(number)) => {
            let (low, high) = match field.ty {
                FieldType::SmallInteger => (i64::from(i16::MIN), i64::from(i16::MAX)),
                FieldType::Integer => (i64::from(i32::MIN), i64::from(i32::MAX)),
                _ => (i64::MIN, i64::MAX),
            };
            if *number < low || *number > high {
                return Err(("range", remedy::BETWEEN.with(&[&low, &high])));
            }
            check_range(field, Decimal::from(*number))?;
        }
        (FieldType::Decimal { precision, scale }, Value::Decimal(number)) => {
            if number.normalize().scale() > scale {
                return Err(("scale", remedy::DIGITS_AFTER.with(&[&scale])));
            }
            if number.trunc().abs() >= Decimal::from(10_i128.pow(precision - scale)) {
                return Err(("range", remedy::DIGITS_BEFORE.with(&[&(precision - scale)])));
            }
            check_range(field, *number)?;
        }
        (FieldType::Uuid, Value::Uuid(_))
        | (FieldType::Boolean, Value::Boolean(_))
        | (FieldType::Date, Value::Date(_))
        | (FieldType::Instant, Value::Instant(_))
        | (FieldType::Json, Value::Json(_)) => {}
        _ => return Err(("type", remedy::WRONG_TYPE.with(&[&field.ty.description()]))),
    }
    Ok(())
}

fn check_range(field: &Field, number: Decimal) -> Result<(), (&'static str, Remedy)> {
    let low = field.min.is_some_and(|min| number < min);
    let high = field.max.is_some_and(|max| number > max);
    if !low && !high {
        return Ok(());
    }
    Err(("range", match (field.min, field.max) {
        (Some(min), Some(max)) => remedy::BETWEEN.with(&[&min, &max]),
        (Some(min), None) => remedy::AT_LEAST.with(&[&min]),
        (None, Some(max)) => remedy::AT_MOST.with(&[&max]),
        (None, None) => return Ok(()),
    }))
}

/// Answer against question: the value's form and the score's range.
fn check_question<L: Lookup>(rule: &Rule, row: &Row, lookup: &L) -> Result<Option<Fault>, L::Error> {
    let (question, field) = match &rule.check {
        Check::AnswerFitsQuestion { question, value } => (question, value),
        Check::AnswerScoreInRange { question, score } => (question, score),
        _ => return Ok(None),
    };
    let value = row.get(field);
    let (Some(id), false) = (row.uuid(question), value.is_null()) else { return Ok(None) };
    let Some(entity) = catalogue().get("questions") else { return Ok(None) };
    let Some(question) = lookup.row(entity, id)? else { return Ok(None) };
    let good = match &rule.check {
        Check::AnswerFitsQuestion { .. } => value.as_json().is_some_and(|json| answer_fits(question.text("type"), &question, &json)),
        _ => score_fits(&question, value),
    };
    Ok((!good).then(|| Fault::new(&row.entity.name, field, &rule.id, format!("{} {}.", rule.message, remedy::QUESTION_TYPE.with(&[&question.text("type")])))))
}

/// Whether a JSON value is an answer to a question of type `ty`.
fn answer_fits(ty: &str, question: &Row, json: &Json) -> bool {
    let in_range = |number: f64| {
        let Some(range) = question.get("value_range").as_json() else { return true };
        let limit = |name: &str| range.get(name).and_then(Json::as_f64);
        limit("min").is_none_or(|min| number >= min) && limit("max").is_none_or(|max| number <= max)
    };
    if json.is_null() {
        return true;
    }
    match ty {
        "number" | "scale" | "slider" => json.as_f64().is_some_and(in_range),
        "true_false" => json.is_boolean(),
        "multiple_choice" => json.as_array().is_some_and(|items| items.iter().all(|i| i.is_string() || i.is_number())),
        "single_choice" => json.is_string() || json.is_number(),
        "date" => json.as_str().is_some_and(|text| text.parse::<chrono::NaiveDate>().is_ok()),
        "time" => json.as_str().is_some_and(|text| text.parse::<chrono::NaiveTime>().is_ok() || chrono::NaiveTime::parse_from_str(text, "%H:%M").is_ok()),
        _ => json.is_string(),
    }
}

/// A scored question allows 0 to its greatest score times its weight; without a greatest score
/// any score of 0 or more stands.
fn score_fits(question: &Row, score: &Value) -> bool {
    let Some(score) = score.as_decimal() else { return true };
    let max = question.get("max_score").as_decimal().unwrap_or_default();
    let weight = question.get("scoring_weight").as_decimal().unwrap_or(Decimal::ONE).abs().max(Decimal::ONE);
    score >= Decimal::ZERO && (max.is_zero() || max.checked_mul(weight).is_none_or(|most| score <= most))
}

/// Named shapes of JSON fields. The error says what is missing.
fn shape_fault(shape: &str, json: &Json) -> Result<(), Remedy> {
    let list_of_text = |value: &Json| value.as_array().is_some_and(|items| items.iter().all(Json::is_string));
    match shape {
        "object" => json.is_object().then_some(()).ok_or_else(|| remedy::OBJECT.say()),
        "list" => json.is_array().then_some(()).ok_or_else(|| remedy::LIST.say()),
        "text_list" => list_of_text(json).then_some(()).ok_or_else(|| remedy::LIST_OF_TEXTS.say()),
        "report_config" => report_config_fault(json),
        _ => Err(remedy::UNKNOWN_SHAPE.with(&[&shape])),
    }
}

/// DiagnoLeads line 392: metrics, filters (date_range, status), group_by, visualization, sort.
fn report_config_fault(json: &Json) -> Result<(), Remedy> {
    let Some(config) = json.as_object() else { return Err(remedy::OBJECT.say()) };
    let text = |name: &str| config.get(name).is_none_or(|v| v.is_string() || v.is_null());
    if let Some(metrics) = config.get("metrics")
        && !metrics.as_array().is_some_and(|m| m.iter().all(Json::is_string))
    {
        return Err(remedy::MUST_BE_LIST_OF_TEXTS.with(&[&"metrics"]));
    }
    if let Some(filters) = config.get("filters") {
        let Some(filters) = filters.as_object() else { return Err(remedy::MUST_BE_OBJECT.with(&[&"filters"])) };
        if let Some(range) = filters.get("date_range")
            && !(range.is_object() && range.get("start").is_none_or(Json::is_string) && range.get("end").is_none_or(Json::is_string))
        {
            return Err(remedy::MUST_BE_RANGE.with(&[&"filters.date_range"]));
        }
        if filters.get("status").is_some_and(|s| !s.is_array()) {
            return Err(remedy::MUST_BE_LIST.with(&[&"filters.status"]));
        }
    }
    for name in ["visualization", "sort_by", "sort_order"] {
        if !text(name) {
            return Err(remedy::MUST_BE_TEXT.with(&[&name]));
        }
    }
    if config.get("sort_order").and_then(Json::as_str).is_some_and(|order| !matches!(order, "asc" | "desc")) {
        return Err(remedy::MUST_BE_ORDER.with(&[&"sort_order"]));
    }
    Ok(())
}
