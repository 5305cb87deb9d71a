//! What today asks for.

use gladstone_store::{Match, Query};
use uuid::Uuid;

use super::{alerts, app::Empty, people::time, questionnaires, sync::small, wire};
use crate::{desk::Desk, error::DeskError};

wire! {
    /// What today asks for.
    pub struct Today {
        /// Appointments of today.
        pub agenda: Vec<AgendaEntry>,
        /// Questionnaires begun and not finished.
        pub paused: Vec<Paused>,
        /// Questionnaires that are planned.
        pub due: Vec<Due>,
        /// Open alerts.
        pub alerts: Vec<alerts::AlertInfo>,
        /// Questionnaires finished today.
        pub finished: Vec<Finished>,
        /// Persons on this computer.
        pub people: u32,
        /// Questionnaires on this computer.
        pub questionnaires: u32,
    }

    /// An appointment.
    pub struct AgendaEntry {
        /// The appointment.
        pub id: Uuid,
        /// Start.
        pub start: String,
        /// End.
        pub end: String,
        /// Title.
        pub title: String,
        /// The person, if it is about one.
        pub person_id: Option<Uuid>,
        /// The person's name.
        pub person: String,
        /// Where.
        pub location: String,
        /// scheduled, completed or cancelled.
        pub status: String,
    }

    /// A questionnaire begun and not finished.
    pub struct Paused {
        /// The response.
        pub response_id: Uuid,
        /// The person.
        pub person_id: Option<Uuid>,
        /// The person's name.
        pub person: String,
        /// Title of the questionnaire.
        pub title: String,
        /// Its version.
        pub version: i64,
        /// The item to go on with, from 1.
        pub item: u32,
        /// Number of items.
        pub items: u32,
        /// When the last answer was saved.
        pub at: String,
    }

    /// A questionnaire that is planned.
    pub struct Due {
        /// The plan.
        pub assignment_id: Uuid,
        /// The person.
        pub person_id: Option<Uuid>,
        /// The person's name.
        pub person: String,
        /// The questionnaire.
        pub questionnaire_id: Uuid,
        /// Its title.
        pub title: String,
        /// For when.
        pub at: Option<String>,
        /// Whole days overdue; 0 when not.
        pub days_over: u32,
    }

    /// A questionnaire finished today.
    pub struct Finished {
        /// The response.
        pub response_id: Uuid,
        /// The person's name.
        pub person: String,
        /// Title of the questionnaire.
        pub title: String,
        /// Score, if there is one.
        pub score: Option<i64>,
        /// Band, if there is one.
        pub band: Option<String>,
        /// Step of severity, 1 to 5.
        pub step: Option<u8>,
        /// When.
        pub at: String,
    }
}

/// See the command list.
///
/// # Errors
/// The vault is locked.
pub fn get(desk: &Desk, _: Empty) -> Result<Today, DeskError> {
    let now = desk.now();
    let shift = i64::from(desk.with().around.zone_minutes()) * 60;
    let midnight = gladstone_model::Instant((now.0 + shift * 1_000_000).div_euclid(86_400_000_000) * 86_400_000_000 - shift * 1_000_000);
    let tomorrow = midnight.plus_seconds(86_400);
    desk.read(|read| {
        let name = |id: Option<Uuid>| -> Result<String, DeskError> { Ok(id.map(|id| read.get("users", id)).transpose()?.flatten().map(|row| row.text("name").to_owned()).unwrap_or_default()) };
        let person_of = |enrolment: Option<Uuid>| -> Result<Option<Uuid>, DeskError> { Ok(enrolment.map(|id| read.get("beneficiaries", id)).transpose()?.flatten().and_then(|row| row.uuid("user_id"))) };
        let mut agenda = Vec::new();
        let of_today = Query::default().and("start_time", Match::AtLeast(midnight.into())).and("start_time", Match::Below(tomorrow.into())).sorted("start_time", false);
        for row in read.list("appointments", &of_today)? {
            let person_id = person_of(row.uuid("beneficiary_id"))?;
            agenda.push(AgendaEntry { id: row.id(), start: time(&row, "start_time"), end: time(&row, "end_time"), title: row.text("title").into(), person: name(person_id)?, person_id, location: row.text("location").into(), status: row.text("status").into() });
        }
        let mut paused = Vec::new();
        for row in read.list("responses", &Query::by("status", "in_progress").sorted("updated_at", true).limit(20))? {
            let Some(questionnaire) = row.uuid("questionnaire_id").map(|id| read.get("questionnaires", id)).transpose()?.flatten() else { continue };
            let questions = read.list("questions", &Query::by("questionnaire_id", questionnaire.id()).sorted("position", false).limit(500))?;
            let item = questions.iter().position(|question| Some(question.id()) == row.uuid("current_question_id")).map_or(1, |at| at + 1);
            paused.push(Paused {
                response_id: row.id(),
                person_id: row.uuid("user_id"),
                person: name(row.uuid("user_id"))?,
                title: questionnaires::short_title(&questionnaire),
                version: questionnaire.get("version").as_integer().unwrap_or(1),
                item: item as u32,
                items: questions.len() as u32,
                at: time(&row, "updated_at"),
            });
        }
        let mut due = Vec::new();
        for row in read.list("questionnaire_assignments", &Query::default().and("status", Match::In(vec!["published".into(), "in_progress".into()])).sorted("scheduled_for", false).limit(20))? {
            let Some(questionnaire) = row.uuid("questionnaire_id").map(|id| read.get("questionnaires", id)).transpose()?.flatten() else { continue };
            let at = row.get("scheduled_for").as_instant();
            if at.is_some_and(|at| at >= tomorrow.plus_seconds(7 * 86_400)) {
                continue;
            }
            let person_id = person_of(row.uuid("beneficiary_id"))?;
            let days_over = at.map_or(0, |at| small(midnight.plus_seconds(86_400).micros_since(at).saturating_sub(1).div_euclid(86_400_000_000).max(0).unsigned_abs()));
            due.push(Due { assignment_id: row.id(), person: name(person_id)?, person_id, questionnaire_id: questionnaire.id(), title: questionnaires::short_title(&questionnaire), at: at.map(|at| at.to_string()), days_over });
        }
        let mut finished = Vec::new();
        for row in read.list("responses", &Query::by("status", "completed").and("completed_at", Match::AtLeast(midnight.into())).sorted("completed_at", true).limit(10))? {
            let Some(questionnaire) = row.uuid("questionnaire_id").map(|id| read.get("questionnaires", id)).transpose()?.flatten() else { continue };
            let band = super::results::main_result(&row);
            finished.push(Finished {
                response_id: row.id(),
                person: name(row.uuid("user_id"))?,
                title: questionnaires::short_title(&questionnaire),
                score: row.get("score").as_decimal().and_then(|score| i64::try_from(score.trunc()).ok()),
                step: band.as_ref().map(|band| band.1),
                band: band.map(|band| band.0),
                at: time(&row, "completed_at"),
            });
        }
        let open = read.list("crisis_detections", &Query::by("status", "open").sorted("detected_at", true).limit(10))?;
        let count = |entity: &str| -> Result<u32, DeskError> { Ok(u32::try_from(read.count(entity, &Query::default())?).unwrap_or(u32::MAX)) };
        Ok(Today { agenda, paused, due, alerts: open.iter().map(|row| alerts::info(read, row)).collect::<Result<_, _>>()?, finished, people: count("users")?, questionnaires: count("questionnaires")? })
    })
}
