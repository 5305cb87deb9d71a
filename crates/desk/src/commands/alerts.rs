//! Alerts: raised by an answer, open until a person has acted, never removed by software.

use gladstone_care::instrument::AlertLevel;
use gladstone_model::{Row, Value};
use gladstone_store::{Match, Query, Reader};
use gladstone_vault::Tx;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{people::{self, Person, time}, wire};
use crate::{desk::Desk, error::DeskError};

wire! {
    /// Which alerts.
    pub struct ListAlerts {
        /// Only open ones.
        #[serde(default)]
        pub open_only: bool,
    }

    /// An alert.
    pub struct AlertRequest {
        /// The alert.
        pub id: Uuid,
    }

    /// What was done about an alert.
    pub struct ActRequest {
        /// The alert.
        pub id: Uuid,
        /// What was done.
        pub action: Action,
        /// What was said and agreed.
        pub note: String,
    }

    /// What was done.
    #[derive(Copy)]
    #[serde(rename_all = "snake_case")]
    pub enum Action {
        /// Stayed with the person.
        StayedWithPerson,
        /// Went through the safety plan.
        SafetyPlan,
        /// Called a crisis line together.
        CalledCrisisLine,
        /// Called the emergency services.
        EmergencyServices,
        /// Referred to somebody else.
        Referred,
        /// Told a supervisor.
        InformedSupervisor,
        /// Asked, and found no immediate risk.
        AssessedNoImmediateRisk,
    }

    /// An alert with what was done.
    pub struct AlertInfo {
        /// The alert.
        pub id: Uuid,
        /// The person.
        pub person: Option<Person>,
        /// The response that raised it.
        pub response_id: Option<Uuid>,
        /// The item that raised it.
        pub question_id: Option<Uuid>,
        /// Questionnaire, item and answer in words.
        pub text: String,
        /// Wording of the item.
        pub item_text: String,
        /// low, medium, high or critical.
        pub level: String,
        /// open or handled.
        pub status: String,
        /// When it was raised.
        pub at: String,
        /// What was done.
        pub actions: Vec<ActionInfo>,
        /// Telephone numbers and places that can help.
        pub resources: Vec<Resource>,
        /// The person's safety plan, if there is one.
        pub safety_plan_id: Option<Uuid>,
    }

    /// Something that was done.
    pub struct ActionInfo {
        /// What.
        pub action: String,
        /// The note.
        pub note: String,
        /// Who.
        pub by: String,
        /// When.
        pub at: String,
    }

    /// Help that can be called.
    pub struct Resource {
        /// Its name.
        pub name: String,
        /// Number, address or text.
        pub detail: String,
    }
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Action::StayedWithPerson => "stayed_with_person",
            Action::SafetyPlan => "safety_plan",
            Action::CalledCrisisLine => "called_crisis_line",
            Action::EmergencyServices => "emergency_services",
            Action::Referred => "referred",
            Action::InformedSupervisor => "informed_supervisor",
            Action::AssessedNoImmediateRisk => "assessed_no_immediate_risk",
        }
    }
}

/// See the command list.
///
/// # Errors
/// The vault is locked.
pub fn list(desk: &Desk, request: ListAlerts) -> Result<Vec<AlertInfo>, DeskError> {
    let reach = desk.reach()?;
    desk.read(|read| {
        let mut query = Query::default().sorted("detected_at", true).limit(200);
        if request.open_only {
            query = query.and("status", Match::Is("open".into()));
        }
        let mut rows = read.list("crisis_detections", &query)?;
        // Who may be at risk now is told even when nothing else may be read.
        rows.retain(|row| row.text("status") == "open" || reach.as_ref().is_none_or(|reach| reach.opens(row.uuid("user_id"), row.id())));
        rows.sort_by_key(|row| row.text("status") != "open");
        rows.iter().map(|row| info(read, row)).collect()
    })
}

/// See the command list.
///
/// # Errors
/// It is not on this computer.
pub fn get(desk: &Desk, request: AlertRequest) -> Result<AlertInfo, DeskError> {
    desk.read(|read| info(read, &read.require("crisis_detections", request.id)?))
}

/// See the command list.
///
/// # Errors
/// No note.
pub fn act(desk: &Desk, request: ActRequest) -> Result<AlertInfo, DeskError> {
    if request.note.trim().is_empty() {
        return Err(DeskError::field("note", "Write what was said and agreed; it goes to whoever takes over."));
    }
    desk.commit("alerts.act", |tx| {
        let (actor, now) = (tx.actor(), tx.now());
        tx.read().require("crisis_detections", request.id)?;
        tx.create("crisis_escalations", [
            ("crisis_detection_id", request.id.into()),
            ("status", "handled".into()),
            ("action", request.action.name().into()),
            ("response", Value::text(request.note.trim())),
            ("reviewed_by", actor.into()),
            ("reviewed_at", now.into()),
        ])?;
        tx.update("crisis_detections", request.id, [("status", "handled".into())])?;
        Ok(())
    })?;
    get(desk, AlertRequest { id: request.id })
}

/// Writes an alert. One episode has one alert: while the alert of the same response and item is
/// open it is raised further, never lowered or removed; once handled, only a graver answer opens another.
#[allow(clippy::too_many_arguments)]
pub(super) fn raise(tx: &mut Tx<'_>, person: Uuid, response: Uuid, question: Uuid, level: AlertLevel, text: &str, value: i64, most: i64) -> Result<Option<Uuid>, DeskError> {
    let of_item = Query::by("response_id", response).and("question_id", Match::Is(question.into()));
    let open = of_item.clone().and("status", Match::Is("open".into()));
    let score = (Decimal::from(value) / Decimal::from(most.max(1))).round_dp(4);
    tx.update("responses", response, [("flagged_for_review", true.into())])?;
    if let Some(existing) = tx.read().first("crisis_detections", open)? {
        let higher = existing.get("crisis_score").as_decimal().is_none_or(|before| score > before);
        if higher {
            tx.update("crisis_detections", existing.id(), [("risk_level", level.name().into()), ("crisis_score", score.into()), ("content_text", Value::text(text))])?;
        }
        return Ok(Some(existing.id()));
    }
    let handled = tx.read().list("crisis_detections", &of_item)?;
    if handled.iter().any(|before| before.get("crisis_score").as_decimal().is_some_and(|before| before >= score)) {
        return Ok(None);
    }
    Ok(Some(tx.create("crisis_detections", [
        ("user_id", person.into()),
        ("content_source", "questionnaire".into()),
        ("content_text", Value::text(text)),
        ("crisis_score", score.into()),
        ("risk_level", level.name().into()),
        ("response_id", response.into()),
        ("question_id", question.into()),
        ("status", "open".into()),
    ])?))
}

/// The alerts that a response raised.
pub(super) fn of_response(read: Reader<'_>, response: Uuid) -> Result<Vec<AlertInfo>, DeskError> {
    read.list("crisis_detections", &Query::by("response_id", response))?.iter().map(|row| info(read, row)).collect()
}

/// An alert with what was done.
pub(super) fn info(read: Reader<'_>, row: &Row) -> Result<AlertInfo, DeskError> {
    let person = row.uuid("user_id");
    let mut actions = Vec::new();
    for done in read.list("crisis_escalations", &Query::by("crisis_detection_id", row.id()).sorted("created_at", false))? {
        let by = done.uuid("reviewed_by").map(|id| read.get("users", id)).transpose()?.flatten();
        actions.push(ActionInfo { action: done.text("action").into(), note: done.text("response").into(), by: by.map(|row| row.text("name").to_owned()).unwrap_or_default(), at: time(&done, "created_at") });
    }
    let question = row.uuid("question_id").map(|id| read.get("questions", id)).transpose()?.flatten();
    let resources = read.list("crisis_resources", &Query::by("is_active", true).limit(6)).or_else(|_| read.list("crisis_resources", &Query::default().limit(6)))?;
    let plan = person.map(|person| read.first("safety_plans", Query::by("user_id", person))).transpose()?.flatten();
    Ok(AlertInfo {
        id: row.id(),
        person: person.map(|id| read.get("users", id)).transpose()?.flatten().map(|row| people::person(read, &row)).transpose()?,
        response_id: row.uuid("response_id"),
        question_id: row.uuid("question_id"),
        text: row.text("content_text").into(),
        item_text: question.map(|row| row.text("text").to_owned()).unwrap_or_default(),
        level: row.text("risk_level").into(),
        status: row.text("status").into(),
        at: time(row, "detected_at"),
        actions,
        resources: resources.iter().map(|row| Resource { name: row.title(), detail: resource_detail(row) }).collect(),
        safety_plan_id: plan.map(|row| row.id()),
    })
}

fn resource_detail(row: &Row) -> String {
    let named = ["phone_number", "contact_information", "contact_info", "contact", "url", "description"];
    named.iter().map(|field| row.get(field)).find(|value| !value.is_null()).map(Value::to_key_text).unwrap_or_default()
}
