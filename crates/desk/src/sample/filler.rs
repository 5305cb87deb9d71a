//! A few records of every kind that the scene left empty, from the declaration alone: required
//! fields, names and texts, references to what is there.

use chrono::Days;
use gladstone_model::{Entity, Field, FieldType, Instant, Value, catalogue, format::Format};
use gladstone_vault::Batch;
use rust_decimal::Decimal;
use serde_json::json;

use super::{Written, draw::Draw};
use crate::error::DeskError;

/// Records of each kind.
const EACH: usize = 6;
/// Kinds that only the centre or the vault itself writes.
const NOT_SAMPLED: [&str; 6] = ["user_sessions", "conflicts", "grants", "attachments", "devices", "archived_audit_logs"];

/// Entities so that whatever is referred to comes first.
pub(crate) fn order() -> Vec<&'static Entity> {
    let mut left: Vec<&Entity> = catalogue().entities.iter().filter(|entity| !NOT_SAMPLED.contains(&entity.name.as_str())).collect();
    let mut ordered: Vec<&Entity> = Vec::new();
    while !left.is_empty() {
        let waits = |entity: &Entity| entity.fields.iter().filter(|f| f.required).filter_map(|f| f.reference.as_ref()).any(|r| r.entity != entity.name && left.iter().any(|other| other.name == r.entity));
        let (ready, waiting): (Vec<_>, Vec<_>) = left.iter().partition(|entity| !waits(entity));
        if ready.is_empty() {
            ordered.extend(waiting);
            break;
        }
        ordered.extend(ready);
        left = waiting;
    }
    ordered
}

/// Writes up to [`EACH`] records of an entity that has none yet.
pub(crate) fn fill(batch: &mut Batch<'_>, draw: &mut Draw, now: Instant, entity: &'static Entity, written: &mut Written) -> Result<(), DeskError> {
    if written.contains_key(entity.name.as_str()) {
        return Ok(());
    }
    for number in 0..EACH {
        // A record that meets a rule by chance, for example a pair that is there already, is drawn
        // anew a few times and then left out.
        for _ in 0..4 {
            let values: Vec<(&str, Value)> = entity.fields.iter().filter_map(|field| Some((field.name.as_str(), value(draw, now, entity, field, number, written)?))).collect();
            let result = batch.commit("sample.fill", |tx| {
                let id = tx.create(&entity.name, values)?;
                if entity.name == "questions" {
                    for option in 0..4_i64 {
                        let option_id = tx.create("question_options", [("question_id", id.into()), ("value", Value::text(&format!("option{}", option + 1))), ("text", Value::text(&format!("Option {}", option + 1))), ("points", Decimal::from(option + 1).into()), ("position", option.into())])?;
                        written.entry("question_options").or_default().push(option_id);
                    }
                }
                Ok::<_, DeskError>(id)
            });
            match result {
                Ok((id, _)) => {
                    written.entry(entity.name.as_str()).or_default().push(id);
                    break;
                }
                Err(error) if error.code == crate::Code::Invalid => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

fn value(draw: &mut Draw, now: Instant, entity: &Entity, field: &Field, number: usize, written: &Written) -> Option<Value> {
    if field.is_managed() || field.is_secret() && !field.required {
        return None;
    }
    if let Some(known) = special(draw, now, entity, field, number) {
        return Some(known);
    }
    if let Some(reference) = &field.reference {
        let there = written.get(reference.entity.as_str())?;
        let partner = matches!(field.name.as_str(), "organization_id" | "user_id" | "patient_id" | "relationship_id" | "questionnaire_id" | "created_by" | "assigned_to");
        return (field.required || partner || draw.percent(40)).then(|| (*draw.one(there)).into());
    }
    let wanted = field.required && field.default.is_none();
    if !field.choices.is_empty() && !field.open {
        return (wanted || draw.percent(50)).then(|| Value::text(draw.one::<String>(&field.choices)));
    }
    let texty = matches!(field.name.as_str(), "name" | "title" | "description" | "content" | "notes" | "text" | "subject");
    if !wanted && !texty {
        return match field.ty {
            FieldType::Boolean => None,
            FieldType::Integer | FieldType::SmallInteger if field.min.is_some() && field.default.is_none() && draw.percent(60) => Some(integer(draw, field)),
            _ => None,
        };
    }
    Some(match field.ty {
        FieldType::Text { max } => Value::text(&text(entity, field, number, max)),
        FieldType::Integer | FieldType::SmallInteger | FieldType::BigInteger => integer(draw, field),
        FieldType::Decimal { precision, scale } => decimal(draw, field, precision, scale),
        FieldType::Boolean => draw.percent(50).into(),
        FieldType::Date => now.date().checked_sub_days(Days::new(draw.below(200) + number as u64 * 7)).into(),
        FieldType::Instant => now.plus_seconds(-3_600 * draw.between(1, 2_000)).into(),
        FieldType::Json => json!({ "sample": number + 1 }).into(),
        FieldType::Uuid => (*draw.one(written.get("organizations")?)).into(),
    })
}

/// Fields whose meaning asks for more than their type.
fn special(draw: &mut Draw, now: Instant, entity: &Entity, field: &Field, number: usize) -> Option<Value> {
    let day = 86_400;
    Some(match (entity.name.as_str(), field.name.as_str()) {
        ("questions", "type") => "single_choice".into(),
        ("questions", "text") => Value::text(["How often do you feel anxious?", "Rate your overall mood today.", "Do you have trouble sleeping?", "How often do you feel overwhelmed?", "Rate your stress level.", "How would you rate your ability to concentrate?"][number % 6]),
        ("questions", "is_scored") => true.into(),
        ("questions", "max_score") => Decimal::from(4).into(),
        ("questions" | "question_options" | "charts" | "dashboard_reports" | "dashboard_widgets", "position") => (number as i64).into(),
        ("questionnaires", "title") => Value::text(["Anxiety Screening Questionnaire", "Sleep Survey", "Employee Feedback Questionnaire", "Customer Satisfaction Survey", "Training Assessment", "Stress Assessment"][number % 6]),
        ("questionnaires", "status") => "published".into(),
        ("questionnaires", "estimated_minutes") => draw.between(5, 30).into(),
        ("messages", "thread_id") => gladstone_model::id::derived(1, &[&Value::text(&format!("thread {}", number / 2))]).into(),
        ("learning_progress_entries", "progress_percentage") => Decimal::from(draw.between(0, 100)).into(),
        ("competency_levels", "level") => (number as i64 % 5 + 1).into(),
        ("feedback_cycles" | "mood_insights" | "mood_goals" | "reports", "start_date" | "date_range_start" | "period_start") => start(field, now.plus_seconds(-day * 60)),
        ("feedback_cycles" | "mood_insights" | "mood_goals" | "reports", "end_date" | "date_range_end" | "period_end") => start(field, now.plus_seconds(-day)),
        ("users" | "emails" | "feedback_invitations", "email" | "to_email" | "from_email") | (_, "email") => Value::text(&format!("{}{}@example.com", entity.name.replace('_', "."), number + 1)),
        ("crisis_keywords", "keyword") => Value::text(["hopeless", "no way out", "hurt myself", "worthless", "cannot go on", "lately"][number % 6]),
        ("emails", "status") => ["sent", "draft", "scheduled"][number % 3].into(),
        ("emails", "sent_at") => (number.is_multiple_of(3)).then(|| now.plus_seconds(-day)).into(),
        ("emails", "scheduled_for") => (number % 3 == 2).then(|| now.plus_seconds(day)).into(),
        ("charts", "data_source") => ["responses", "answers", "organization_members"][number % 3].into(),
        ("metrics_snapshots", "scope_type") => "organization".into(),
        ("audit_logs", "action") => "UPDATE".into(),
        ("ai_usage_logs", "model") => "local-model".into(),
        ("journal_entries" | "gratitude_entries", "content") => Value::text("Walked to the river before breakfast. The morning was calm, and so was I."),
        _ => return None,
    })
}

fn start(field: &Field, when: Instant) -> Value {
    if field.ty == FieldType::Date { when.date().into() } else { when.into() }
}

fn text(entity: &Entity, field: &Field, number: usize, max: Option<u32>) -> String {
    let text = match field.format {
        Some(Format::Email) => format!("{}{}@example.com", entity.name.replace('_', "."), number + 1),
        Some(Format::Url | Format::Website) => format!("https://example.com/{}/{}", entity.name.replace('_', "-"), number + 1),
        Some(Format::Phone) => format!("+44 1632 9601{number:02}"),
        Some(Format::Color) => "#1F5B4E".into(),
        Some(Format::Icon) => "clipboard-list".into(),
        Some(Format::Slug) => format!("{}-{}", entity.name.replace('_', "-"), number + 1),
        Some(Format::Username) => format!("{}_{}", entity.name, number + 1),
        Some(Format::TimeZone) => "Europe/London".into(),
        Some(Format::Language) => "en".into(),
        Some(Format::Ip) => "192.0.2.7".into(),
        Some(Format::Ga4) => format!("G-SAMPLE{number:04}"),
        Some(Format::Html) => format!("<p>{} {}</p>", entity.label, number + 1),
        Some(Format::Multiline) => format!("{} of {} {}.", field.label, entity.label.to_lowercase(), number + 1),
        None if entity.title.iter().any(|at| entity.fields[*at].name == field.name) => format!("{} {}", entity.label, number + 1),
        None => format!("{} {}", field.label.to_lowercase(), number + 1),
    };
    text.chars().take(max.unwrap_or(1_000) as usize).collect()
}

fn integer(draw: &mut Draw, field: &Field) -> Value {
    let bound = |limit: Option<Decimal>, other: i64| limit.and_then(|number| i64::try_from(number.trunc()).ok()).unwrap_or(other);
    let low = bound(field.min, 0);
    let high = bound(field.max, low + 20);
    draw.between(low, high).into()
}

fn decimal(draw: &mut Draw, field: &Field, precision: u32, scale: u32) -> Value {
    let most = field.max.unwrap_or_else(|| Decimal::from(10_i64.pow((precision - scale).min(2)) - 1));
    let low = field.min.unwrap_or_default();
    let steps = i64::try_from(((most - low) * Decimal::from(10)).trunc()).unwrap_or(10).max(0);
    let tenths = draw.between(0, steps);
    let number = low + Decimal::new(tenths, 1);
    Value::from(if scale == 0 { number.trunc() } else { number.round_dp(scale) })
}
