//! Persons: found as you type, registered without a login, shown with everything that happened.

use chrono::NaiveDate;
use gladstone_care::people::{Likeness, similarity};
use gladstone_model::{Instant, Row, Value};
use gladstone_protocol::EventAction;
use gladstone_store::{Query, Reader, search};
use gladstone_vault::Tx;
use uuid::Uuid;

use super::wire;
use crate::{desk::Desk, error::DeskError, lease::Reach};

/// From this likeness on, two persons are shown side by side.
const LOOK_AT: u8 = 75;

wire! {
    /// Beginnings of names.
    pub struct FindPeople {
        /// What was typed; empty for the latest.
        pub text: String,
        /// Persons returned, up to 200; 50 when not given.
        #[serde(default)]
        pub limit: Option<u32>,
    }

    /// Persons and how many are registered.
    pub struct FindAnswer {
        /// Persons.
        pub people: Vec<Person>,
        /// How many persons are on this computer.
        pub total: u32,
    }

    /// A person.
    pub struct Person {
        /// The id.
        pub id: Uuid,
        /// The name.
        pub name: String,
        /// Date of birth.
        pub born: Option<NaiveDate>,
        /// Gender, as the person names it.
        pub gender: Option<String>,
        /// E-mail address.
        pub email: Option<String>,
        /// Telephone number.
        pub phone: Option<String>,
        /// Role, for example patient.
        pub role: String,
        /// Language.
        pub language: Option<String>,
        /// Town.
        pub city: Option<String>,
    }

    /// Whoever is about to be registered.
    pub struct SimilarRequest {
        /// The name.
        pub name: String,
        /// Date of birth.
        #[serde(default)]
        pub born: Option<NaiveDate>,
    }

    /// A person who may be the same.
    pub struct Similar {
        /// The person.
        pub person: Person,
        /// 0 to 100.
        pub likeness: u8,
    }

    /// A person to register.
    pub struct RegisterRequest {
        /// The name.
        pub name: String,
        /// Date of birth.
        #[serde(default)]
        pub born: Option<NaiveDate>,
        /// Gender, as the person names it.
        #[serde(default)]
        pub gender: Option<String>,
        /// E-mail address.
        #[serde(default)]
        pub email: Option<String>,
        /// Telephone number.
        #[serde(default)]
        pub phone: Option<String>,
        /// Language.
        #[serde(default)]
        pub language: Option<String>,
        /// Town.
        #[serde(default)]
        pub city: Option<String>,
        /// Role; patient when not given.
        #[serde(default)]
        pub role: Option<String>,
    }

    /// What is known about a person now.
    pub struct UpdatePerson {
        /// The person.
        pub id: Uuid,
        /// Everything that is known; an empty field is emptied.
        pub person: RegisterRequest,
    }

    /// A person.
    pub struct PersonRequest {
        /// The person.
        pub id: Uuid,
    }

    /// A person with everything that happened.
    pub struct Profile {
        /// The person.
        pub person: Person,
        /// Open alerts.
        pub open_alerts: Vec<Uuid>,
        /// Instruments with their last score.
        pub scores: Vec<LastScore>,
        /// What happened, the latest first.
        pub timeline: Vec<TimelineEntry>,
    }

    /// The last score on an instrument.
    pub struct LastScore {
        /// Code of the instrument.
        pub code: String,
        /// Its short title.
        pub title: String,
        /// The response.
        pub response_id: Uuid,
        /// The score.
        pub score: Option<i64>,
        /// Greatest possible score.
        pub max: i64,
        /// Band.
        pub band: Option<String>,
        /// Step of severity, 1 to 5.
        pub step: Option<u8>,
        /// When.
        pub at: String,
    }

    /// Something that happened.
    pub struct TimelineEntry {
        /// What kind of thing.
        pub kind: TimelineKind,
        /// When.
        pub at: String,
        /// What it was.
        pub title: String,
        /// More about it.
        pub detail: String,
        /// Step of severity, 1 to 5, where there is one.
        pub step: Option<u8>,
        /// Kind of record.
        pub entity: String,
        /// The record.
        pub id: Uuid,
    }

    /// What kind of thing happened.
    #[serde(rename_all = "snake_case")]
    pub enum TimelineKind {
        /// A finished questionnaire.
        Result,
        /// A questionnaire begun and not finished.
        Paused,
        /// An alert.
        Alert,
        /// An appointment.
        Appointment,
        /// The person was registered.
        Registered,
    }
}

/// See the command list.
///
/// # Errors
/// The vault is locked.
pub fn find(desk: &Desk, request: FindPeople) -> Result<FindAnswer, DeskError> {
    let limit = request.limit.unwrap_or(50).min(200);
    let reach = desk.reach()?;
    desk.read(|read| {
        let total = u32::try_from(read.count("users", &Query::default())?).unwrap_or(u32::MAX);
        let rows = if request.text.trim().is_empty() {
            read.list("users", &Query::default().sorted("name", false).limit(limit))?
        } else {
            let hits = search::find(read, &request.text, Some("users"), limit)?;
            hits.into_iter().filter_map(|hit| read.get("users", hit.id).transpose()).collect::<Result<Vec<_>, _>>()?
        };
        let people = rows.iter().map(|row| Ok(within(reach.as_ref(), person(read, row)?))).collect::<Result<_, DeskError>>()?;
        Ok(FindAnswer { people, total })
    })
}

/// See the command list.
///
/// # Errors
/// The vault is locked.
pub fn similar(desk: &Desk, request: SimilarRequest) -> Result<Vec<Similar>, DeskError> {
    let reach = desk.reach()?;
    desk.read(|read| {
        let mut candidates = std::collections::BTreeSet::new();
        for word in request.name.split_whitespace() {
            // Three letters find the person in spite of a slip further on.
            let start: String = word.chars().take(3).collect();
            candidates.extend(search::find(read, &start, Some("users"), 200)?.into_iter().map(|hit| hit.id));
        }
        let mut alike = Vec::new();
        for id in candidates {
            let Some(row) = read.get("users", id)? else { continue };
            let found = person(read, &row)?;
            let likeness = similarity(Likeness { name: &request.name, born: request.born }, Likeness { name: &found.name, born: found.born });
            if likeness >= LOOK_AT {
                alike.push(Similar { person: within(reach.as_ref(), found), likeness });
            }
        }
        alike.sort_by_key(|similar| std::cmp::Reverse(similar.likeness));
        alike.truncate(5);
        Ok(alike)
    })
}

/// See the command list.
///
/// # Errors
/// Every broken rule, with its field.
pub fn register(desk: &Desk, request: RegisterRequest) -> Result<Person, DeskError> {
    let id = desk.commit("people.register", |tx| {
        let role = request.role.clone().unwrap_or_else(|| "patient".into());
        let user = tx.create("users", user_values(&request).into_iter().chain([("role", Value::text(&role)), ("account_status", "active".into())]))?;
        write_profile(tx, user, &request)?;
        Ok(user)
    }).map_err(rename_fields)?;
    desk.read(|read| person(read, &read.require("users", id)?))
}

/// See the command list.
///
/// # Errors
/// Every broken rule, with its field.
pub fn update(desk: &Desk, request: UpdatePerson) -> Result<Person, DeskError> {
    desk.commit("people.update", |tx| {
        let mut values = user_values(&request.person);
        if let Some(role) = &request.person.role {
            values.push(("role", Value::text(role)));
        }
        tx.update("users", request.id, values)?;
        write_profile(tx, request.id, &request.person)
    }).map_err(rename_fields)?;
    desk.read(|read| person(read, &read.require("users", request.id)?))
}

/// See the command list.
///
/// # Errors
/// The person is not on this computer.
pub fn profile(desk: &Desk, request: PersonRequest) -> Result<Profile, DeskError> {
    let profile = desk.read(|read| {
        let row = read.require("users", request.id)?;
        let mut timeline = vec![TimelineEntry { kind: TimelineKind::Registered, at: time(&row, "created_at"), title: "registered".into(), detail: String::new(), step: None, entity: "users".into(), id: request.id }];
        let mut scores: Vec<LastScore> = Vec::new();
        for response in read.list("responses", &Query::by("user_id", request.id).sorted("started_at", true).limit(200))? {
            let Some(questionnaire) = response.uuid("questionnaire_id").map(|id| read.get("questionnaires", id)).transpose()?.flatten() else { continue };
            let finished = response.text("status") == "completed";
            let band = super::results::main_result(&response);
            let title = super::questionnaires::short_title(&questionnaire);
            let score = response.get("score").as_decimal().and_then(|score| i64::try_from(score.trunc()).ok());
            let code = questionnaire.text("code").to_owned();
            let at = if finished { time(&response, "completed_at") } else { time(&response, "started_at") };
            if finished && !code.is_empty() && !scores.iter().any(|known| known.code == code) {
                let max = gladstone_care::by_code(&code).map_or(0, |instrument| instrument.scales[0].max);
                scores.push(LastScore { code, title: title.clone(), response_id: response.id(), score, max, band: band.as_ref().map(|b| b.0.clone()), step: band.as_ref().map(|b| b.1), at: at.clone() });
            }
            if response.text("status") == "abandoned" {
                continue;
            }
            let title = score.map_or(title.clone(), |score| format!("{title}: {score}"));
            let detail = band.as_ref().map(|(name, _)| name.clone()).unwrap_or_default();
            timeline.push(TimelineEntry { kind: if finished { TimelineKind::Result } else { TimelineKind::Paused }, at, title, detail, step: band.map(|b| b.1), entity: "responses".into(), id: response.id() });
        }
        let mut open_alerts = Vec::new();
        for alert in read.list("crisis_detections", &Query::by("user_id", request.id).limit(100))? {
            if alert.text("status") == "open" {
                open_alerts.push(alert.id());
            }
            timeline.push(TimelineEntry { kind: TimelineKind::Alert, at: time(&alert, "detected_at"), title: alert.text("content_text").into(), detail: alert.text("status").into(), step: None, entity: "crisis_detections".into(), id: alert.id() });
        }
        for enrolment in read.list("beneficiaries", &Query::by("user_id", request.id))? {
            for appointment in read.list("appointments", &Query::by("beneficiary_id", enrolment.id()).sorted("start_time", true).limit(100))? {
                timeline.push(TimelineEntry { kind: TimelineKind::Appointment, at: time(&appointment, "start_time"), title: appointment.text("title").into(), detail: appointment.text("status").into(), step: None, entity: "appointments".into(), id: appointment.id() });
            }
        }
        timeline.sort_by(|a, b| b.at.cmp(&a.at));
        Ok(Profile { person: person(read, &row)?, open_alerts, scores, timeline })
    })?;
    desk.with_unlocked(|unlocked| if unlocked.alarm.is_none() { Ok(unlocked.vault.record(EventAction::Read, 1, request.id, "profile")?) } else { Ok(()) })?;
    Ok(profile)
}

/// A person from a row, with what the profile adds.
pub(super) fn person(read: Reader<'_>, row: &Row) -> Result<Person, DeskError> {
    let profile = read.first("user_profiles", Query::by("user_id", row.id()))?;
    let text = |row: &Row, field: &str| row.get(field).as_text().map(str::to_owned).filter(|text| !text.is_empty());
    let from_profile = |field: &str| profile.as_ref().and_then(|profile| text(profile, field));
    Ok(Person {
        id: row.id(),
        name: row.text("name").into(),
        born: profile.as_ref().and_then(|profile| profile.get("date_of_birth").as_date()),
        gender: from_profile("gender"),
        email: text(row, "email"),
        phone: text(row, "phone_number"),
        role: row.text("role").into(),
        language: from_profile("language"),
        city: from_profile("city"),
    })
}

/// A person with no more than it takes to tell them from others, where the rest may not be read.
fn within(reach: Option<&Reach>, person: Person) -> Person {
    let open = reach.is_none_or(|reach| reach.opens(Some(person.id), person.id));
    if open { person } else { Person { gender: None, email: None, phone: None, language: None, city: None, ..person } }
}

/// The time in a field as text; the epoch when there is none.
pub(super) fn time(row: &Row, field: &str) -> String {
    row.get(field).as_instant().unwrap_or(Instant(0)).to_string()
}

fn user_values(request: &RegisterRequest) -> Vec<(&'static str, Value)> {
    let name = request.name.trim();
    let (first, last) = name.rsplit_once(' ').map_or((name, ""), |(first, last)| (first, last));
    let some = |text: &str| if text.is_empty() { Value::Null } else { Value::text(text) };
    vec![("name", Value::text(name)), ("first_name", some(first)), ("last_name", some(last)), ("email", optional(&request.email)), ("phone_number", optional(&request.phone))]
}

fn write_profile(tx: &mut Tx<'_>, user: Uuid, request: &RegisterRequest) -> Result<(), DeskError> {
    let values = [("date_of_birth", request.born.into()), ("gender", optional(&request.gender)), ("language", optional(&request.language)), ("city", optional(&request.city))];
    match tx.read().first("user_profiles", Query::by("user_id", user))? {
        Some(profile) => tx.update("user_profiles", profile.id(), values).map(|_| ())?,
        None => tx.create("user_profiles", values.into_iter().chain([("user_id", user.into())])).map(|_| ())?,
    }
    Ok(())
}

fn optional(text: &Option<String>) -> Value {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map_or(Value::Null, Value::text)
}

/// Faults name columns; the form has names of its own.
fn rename_fields(mut error: DeskError) -> DeskError {
    error.field = error.field.map(|field| match field.as_str() {
        "date_of_birth" => "born".into(),
        "phone_number" => "phone".into(),
        _ => field,
    });
    error
}
