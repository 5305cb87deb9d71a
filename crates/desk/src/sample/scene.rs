//! The scene: organizations with staff, people in care with visits and questionnaires over time,
//! one open alert, one paused questionnaire, some that are due.

use chrono::NaiveDate;
use gladstone_care::{Answer, Instrument, by_code, score::{Answers, score}};
use gladstone_model::{Instant, Value};
use gladstone_vault::{Batch, Tx};
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

use super::{Written, draw::Draw};
use crate::{error::DeskError, instruments};

/// By this address it is known that the scene is here.
pub(crate) const ADMIN_EMAIL: &str = "admin@mindtrack.com";
/// Persons at scale 1: with the staff, the 26 users that the documents count.
pub(crate) const PERSONS: u32 = 20;

/// Who works there; the first one administers.
const STAFF: [(&str, &str); 6] = [("Eleanor", "Marsh"), ("Gareth", "Lowe"), ("Aisha", "Rahman"), ("Magnus", "Berg"), ("Chloe", "Fenwick"), ("Dafydd", "Rees")];

const FIRST: [&str; 24] = ["Tomasz", "Leila", "Kofi", "Mei-Ling", "Samir", "Ioana", "Rosalind", "Hannah", "Piotr", "Nadia", "Grace", "Henrik", "Lakshmi", "Marisol", "Owen", "Hiroshi", "Zeynep", "Tendai", "Camille", "Sione", "Anjali", "Adaeze", "Luis", "Fatou"];
const LAST: [&str; 24] = ["Wieczorek", "Haddad", "Mensah", "Chow", "Banerjee", "Dumitrescu", "Pike", "Weiss", "Zieliński", "Benali", "Otieno", "Sørensen", "Iyer", "Vega", "Pritchard", "Nakamura", "Kaya", "Moyo", "Laurent", "Tuipulotu", "Deshpande", "Nwosu", "Herrera", "Diallo"];
const TOWNS: [&str; 6] = ["Ashcombe", "Lower Wenby", "Upper Wenby", "Harrow Ford", "Stanmere", "Millbrook"];
const VISITS: [&str; 6] = ["First visit", "Home visit", "Follow-up", "Phone call", "Safety plan review", "Sleep and worry group"];
const ORGANIZATIONS: [(&str, &str); 10] = [("healthcare", "General Hospital"), ("healthcare", "Health Clinic"), ("healthcare", "Mental Health Services"), ("research", "Research Institute"), ("education", "Training Center"), ("education", "School District"), ("corporate", "Corporation"), ("nonprofit", "Foundation"), ("nonprofit", "Community Trust"), ("government", "Public Health Department")];

/// Organizations with one administrator, five members of staff, taxonomies and help lines.
pub(crate) fn organizations(batch: &mut Batch<'_>, draw: &mut Draw, written: &mut Written) -> Result<(), DeskError> {
    batch.commit("sample.organizations", |tx| {
        let mut staff = Vec::new();
        for (number, (first, last)) in STAFF.into_iter().enumerate() {
            let (login, role) = if number == 0 { ("admin".to_owned(), "admin") } else { (format!("{first}.{last}").to_lowercase(), "staff") };
            let id = add(tx, written, "users", vec![
                ("name", Value::text(&format!("{first} {last}"))),
                ("first_name", first.into()),
                ("last_name", last.into()),
                ("email", Value::text(&format!("{login}@mindtrack.com"))),
                ("username", Value::text(&login.replace('.', "_"))),
                ("role", role.into()),
                ("is_staff", true.into()),
                ("email_verified", true.into()),
                ("account_status", "active".into()),
            ])?;
            let bio = if number == 0 { "System administrator".into() } else { format!("{} at MindTrack", ["Clinical Director", "Research Lead", "Therapist", "Counselor"][(number - 1) % 4]) };
            add(tx, written, "user_profiles", vec![("user_id", id.into()), ("bio", Value::text(&bio)), ("country", "United States".into())])?;
            staff.push(id);
        }
        for (number, (kind, name)) in ORGANIZATIONS.iter().enumerate() {
            let title = format!("{name} {}", number + 1);
            let slug = title.to_lowercase().replace(' ', "-");
            let organization = add(tx, written, "organizations", vec![
                ("name", Value::text(&title)),
                ("slug", Value::text(&slug)),
                ("type", (*kind).into()),
                ("description", Value::text(&format!("A {kind} organization providing services in the field."))),
                ("contact_email", Value::text(&format!("contact@{}.com", slug.replace('-', "")))),
                ("contact_phone", Value::text(&format!("+1-555-{}-{}", draw.between(100, 999), draw.between(1000, 9999)))),
                ("website", Value::text(&format!("https://www.{}.com", slug.replace('-', "")))),
                ("address", Value::text(&format!("{} Main St, Suite {}", draw.between(100, 999), draw.between(100, 999)))),
                ("created_by", staff[0].into()),
            ])?;
            add(tx, written, "organization_members", vec![("organization_id", organization.into()), ("user_id", staff[0].into()), ("role", "owner".into())])?;
            for offset in 0..2 {
                let member = staff[1 + (number + offset) % 5];
                add(tx, written, "organization_members", vec![("organization_id", organization.into()), ("user_id", member.into()), ("role", if draw.percent(50) { "admin" } else { "member" }.into())])?;
            }
        }
        for (name, kind, number) in [("Samaritans", "national_hotline", "116 123"), ("Emergency services", "emergency_service", "112"), ("Village crisis team, Ashcombe", "local_resource", "+44 1632 960010")] {
            add(tx, written, "crisis_resources", resource(name, kind, number))?;
        }
        Ok::<_, DeskError>(())
    })?;
    Ok(())
}

/// One person in care: profile, enrolment, visits, and PHQ-9 or GAD-7 over the past months.
pub(crate) fn person(batch: &mut Batch<'_>, draw: &mut Draw, now: Instant, number: u32, written: &mut Written) -> Result<(), DeskError> {
    let at = number as usize;
    let (first, last) = (FIRST[at % FIRST.len()], LAST[(at + at / FIRST.len() * 7) % LAST.len()]);
    let name = format!("{first} {last}");
    let organization = written["organizations"][at % 3];
    let trainer = written["users"][1 + at % 5];
    let ((user, enrolment), _) = batch.commit("sample.person", |tx| {
        let mut login: String = format!("{first}.{last}{}", number + 1).to_lowercase().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').collect();
        login.truncate(60);
        let user = add(tx, written, "users", vec![
            ("name", Value::text(&name)),
            ("first_name", first.into()),
            ("last_name", last.into()),
            ("email", Value::text(&format!("{login}@example.com"))),
            ("phone_number", Value::text(&format!("+44 1632 960{:03}", draw.below(1000)))),
            ("role", "patient".into()),
            ("account_status", "active".into()),
            ("primary_organization_id", organization.into()),
        ])?;
        let born = NaiveDate::from_ymd_opt(now.date().format("%Y").to_string().parse::<i32>().unwrap_or(2026) - draw.between(18, 65) as i32, draw.between(1, 12) as u32, draw.between(1, 28) as u32);
        add(tx, written, "user_profiles", vec![
            ("user_id", user.into()),
            ("date_of_birth", born.into()),
            ("city", (*draw.one(&TOWNS)).into()),
            ("country", "United Kingdom".into()),
            ("language", "en".into()),
            ("gender", (*draw.one(&["female", "male", "non-binary"])).into()),
        ])?;
        let enrolment = add(tx, written, "beneficiaries", vec![
            ("user_id", user.into()),
            ("organization_id", organization.into()),
            ("trainer_id", trainer.into()),
            ("enrollment_date", now.plus_seconds(-86_400 * draw.between(30, 300)).date().into()),
            ("notes", Value::text("Prefers visits in the morning.")),
        ])?;
        add(tx, written, "organization_members", vec![("organization_id", organization.into()), ("user_id", user.into()), ("role", if draw.percent(50) { "member" } else { "guest" }.into())])?;
        Ok::<_, DeskError>((user, enrolment))
    })?;
    visits(batch, draw, now, number, (enrolment, organization, trainer), written)?;
    if number == 0 {
        return story(batch, draw, now, (user, &name), written);
    }
    let instrument = if draw.percent(70) { "phq-9" } else { "gad-7" };
    let Some(instrument) = by_code(instrument) else { return Ok(()) };
    let mut level = draw.between(8, 20);
    for month in (0..draw.between(3, 5)).rev() {
        let when = now.plus_seconds(-86_400 * (month * 28 + draw.between(1, 6)));
        let risk = if level > 19 { Some("handled") } else { None };
        finished(batch, draw, instrument, (user, &name), level, (when, risk), written)?;
        level = (level + draw.between(-5, 2)).clamp(1, 24);
    }
    if number % 5 == 2 {
        paused(batch, draw, instrument, (user, &name), written)?;
    }
    if number % 4 == 1 {
        batch.commit("sample.assignment", |tx| {
            let due = now.plus_seconds(86_400 * draw.between(-9, 3));
            add(tx, written, "questionnaire_assignments", vec![("questionnaire_id", instruments::questionnaire_id(instrument).into()), ("beneficiary_id", enrolment.into()), ("organization_id", organization.into()), ("status", "published".into()), ("scheduled_for", due.into())])
        })?;
    }
    Ok(())
}

/// One person gets better while one answer turns alarming: a trend, a reliable change, an open alert.
fn story(batch: &mut Batch<'_>, draw: &mut Draw, now: Instant, person: (Uuid, &str), written: &mut Written) -> Result<(), DeskError> {
    let Some(instrument) = by_code("phq-9") else { return Ok(()) };
    for (ago, level) in [(112, 22), (84, 21), (56, 18), (28, 17), (0, 16)] {
        let when = now.plus_seconds(-86_400 * ago - 1_620);
        finished(batch, draw, instrument, person, level, (when, (ago == 0).then_some("open")), written)?;
    }
    Ok(())
}

fn visits(batch: &mut Batch<'_>, draw: &mut Draw, now: Instant, number: u32, (enrolment, organization, trainer): (Uuid, Uuid, Uuid), written: &mut Written) -> Result<(), DeskError> {
    batch.commit("sample.visits", |tx| {
        let day = 86_400;
        let today = Instant(now.0.div_euclid(day * 1_000_000) * day * 1_000_000);
        for offset in [-14, if number < 8 { 0 } else { draw.between(1, 9) }] {
            let start = today.plus_seconds(offset * day + (8 + i64::from(number % 8)) * 3_600 + 1_800 * draw.between(0, 1));
            let title = *draw.one(&VISITS);
            add(tx, written, "appointments", vec![
                ("title", title.into()),
                ("beneficiary_id", enrolment.into()),
                ("organization_id", organization.into()),
                ("trainer_id", trainer.into()),
                ("start_time", start.into()),
                ("end_time", start.plus_seconds(2_400).into()),
                ("timezone", "Europe/London".into()),
                ("location", (*draw.one(&["Village hall, Ashcombe", "At home", "Phone", "Small hall"])).into()),
                ("status", if offset < 0 { "completed" } else { "scheduled" }.into()),
            ])?;
        }
        Ok::<_, DeskError>(())
    })?;
    Ok(())
}

/// A finished questionnaire whose answers add up to about `level`.
fn finished(batch: &mut Batch<'_>, draw: &mut Draw, instrument: &'static Instrument, (user, name): (Uuid, &str), level: i64, (when, risk): (Instant, Option<&'static str>), written: &mut Written) -> Result<(), DeskError> {
    let scale = &instrument.scales[0];
    let risk_item = instrument.alerts.first().map(|alert| alert.item.as_str());
    let mut values: Vec<(String, i64)> = Vec::new();
    let at_risk = i64::from(risk.is_some());
    let others = scale.items.iter().filter(|item| Some(item.as_str()) != risk_item).count();
    let (mut left, mut place) = ((level - at_risk).min(3 * others as i64), 0);
    for item in &scale.items {
        if Some(item.as_str()) == risk_item {
            values.push((item.clone(), at_risk));
            continue;
        }
        let rest = (others - place) as i64;
        let noise = if rest > 2 { draw.between(-1, 1) } else { 0 };
        let value = ((left + rest / 2) / rest + noise).clamp((left - 3 * (rest - 1)).clamp(0, 3), left.clamp(0, 3));
        left -= value;
        place += 1;
        values.push((item.clone(), value));
    }
    let answers: Answers = values.iter().map(|(item, value)| (item.clone(), Answer::Given(*value))).collect();
    let result = score(instrument, scale, &answers);
    let alerting = values.iter().find(|(item, value)| Some(item.as_str()) == risk_item && *value > 0).cloned();
    batch.commit("sample.response", |tx| {
        let actor = tx.actor();
        let response = add(tx, written, "responses", vec![
            ("questionnaire_id", instruments::questionnaire_id(instrument).into()),
            ("user_id", user.into()),
            ("respondent_name", Value::text(name)),
            ("status", "completed".into()),
            ("mode", (*draw.one(&["self", "interviewer", "telephone"])).into()),
            ("administered_by", actor.into()),
            ("started_at", when.plus_seconds(-240).into()),
            ("completed_at", when.into()),
            ("scored_at", when.into()),
            ("created_at", when.into()),
            ("completion_time_seconds", 240_i64.into()),
            ("score", result.score.map(Decimal::from).into()),
            ("percentage", result.percentage_hundredths.map(|hundredths| Decimal::new(hundredths, 2)).into()),
            ("completeness", result.completeness.name().into()),
            ("risk_level", result.band.as_ref().map_or("unknown", |band| band.risk.name()).into()),
            ("scoring_version", Value::text(&result.scoring_version)),
            ("scale_results", json!([result]).into()),
        ])?;
        for (item, value) in &values {
            add(tx, written, "answers", vec![
                ("response_id", response.into()),
                ("question_id", instruments::question_id(instrument, item).into()),
                ("value", json!(value).into()),
                ("score", Decimal::from(*value).into()),
                ("answered_at", when.into()),
            ])?;
        }
        if let Some((item, value)) = alerting {
            let alert = add(tx, written, "crisis_detections", vec![
                ("user_id", user.into()),
                ("content_source", "questionnaire".into()),
                ("content_text", Value::text(&format!("{} item {}: “Several days”. {}.", instrument.short_title, scale.items.len(), instrument.alerts[0].topic))),
                ("crisis_score", Decimal::new(value * 10_000 / 3, 4).into()),
                ("risk_level", "medium".into()),
                ("response_id", response.into()),
                ("question_id", instruments::question_id(instrument, &item).into()),
                ("detected_at", when.into()),
                ("status", risk.unwrap_or("handled").into()),
            ])?;
            if risk == Some("open") {
                return Ok(());
            }
            add(tx, written, "crisis_escalations", vec![
                ("crisis_detection_id", alert.into()),
                ("status", "handled".into()),
                ("action", "safety_plan".into()),
                ("response", "Went through the safety plan together; a call is agreed for tomorrow.".into()),
                ("reviewed_by", actor.into()),
                ("reviewed_at", when.into()),
            ])?;
        }
        Ok::<_, DeskError>(())
    })?;
    Ok(())
}

fn paused(batch: &mut Batch<'_>, draw: &mut Draw, instrument: &'static Instrument, (user, name): (Uuid, &str), written: &mut Written) -> Result<(), DeskError> {
    batch.commit("sample.paused", |tx| {
        let items = &instrument.scales[0].items;
        let actor = tx.actor();
        let response = add(tx, written, "responses", vec![
            ("questionnaire_id", instruments::questionnaire_id(instrument).into()),
            ("user_id", user.into()),
            ("respondent_name", Value::text(name)),
            ("mode", "self".into()),
            ("administered_by", actor.into()),
            ("current_question_id", instruments::question_id(instrument, &items[3]).into()),
        ])?;
        for item in &items[..3] {
            let value = draw.between(0, 3);
            add(tx, written, "answers", vec![("response_id", response.into()), ("question_id", instruments::question_id(instrument, item).into()), ("value", json!(value).into()), ("score", Decimal::from(value).into())])?;
        }
        Ok::<_, DeskError>(())
    })?;
    Ok(())
}

fn resource(name: &str, kind: &str, number: &str) -> Vec<(&'static str, Value)> {
    let entity = gladstone_model::catalogue().get("crisis_resources");
    let has = |field: &str| entity.is_some_and(|entity| entity.field(field).is_some());
    let mut values = vec![("resource_type", Value::text(kind))];
    for (field, value) in [("name", name), ("title", name), ("phone_number", number), ("contact_info", number), ("contact", number)] {
        if has(field) {
            values.push((field, Value::text(value)));
        }
    }
    values
}

/// Creates a row and notes its id.
pub(crate) fn add(tx: &mut Tx<'_>, written: &mut Written, entity: &'static str, values: Vec<(&'static str, Value)>) -> Result<Uuid, DeskError> {
    let id = tx.create(entity, values)?;
    written.entry(entity).or_default().push(id);
    Ok(id)
}
