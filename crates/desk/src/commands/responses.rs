//! Administering a questionnaire: start, answer, decline, resume, finish, correct, and the result.
//!
//! Every answer is durable when the command returns; an answer that raises an alert writes the
//! alert in the same mutation.

use gladstone_care::{alert, answer};
use gladstone_model::{Row, Value, id};
use gladstone_store::{Query, Reader};
use gladstone_vault::{Purpose, Tx};
use rust_decimal::Decimal;
use serde_json::Value as Json;
use uuid::Uuid;

use super::{alerts, app::Done, people::{self, Person, time}, questionnaires::{self, Form}, wire};
use super::results::{ResultView, result, scored};
use crate::{desk::Desk, error::{Code, DeskError}};

wire! {
    /// A questionnaire for a person.
    pub struct StartRequest {
        /// The person.
        pub person_id: Uuid,
        /// The questionnaire.
        pub questionnaire_id: Uuid,
        /// How it is administered.
        pub mode: Mode,
    }

    /// How a questionnaire is administered.
    #[derive(Copy)]
    #[serde(rename_all = "snake_case")]
    pub enum Mode {
        /// The person answers on this laptop.
        #[serde(rename = "self")]
        SelfReport,
        /// A member of staff asks.
        Interviewer,
        /// Answers are keyed in from paper.
        PaperKeyIn,
        /// By telephone.
        Telephone,
    }

    /// A response.
    pub struct ResponseRequest {
        /// The response.
        pub id: Uuid,
    }

    /// One answer.
    pub struct AnswerRequest {
        /// The response.
        pub id: Uuid,
        /// The question.
        pub question_id: Uuid,
        /// The answer: the printed value of a choice, a number, a text, a list of values, or true or false.
        #[ts(type = "unknown")]
        pub value: Json,
    }

    /// An item that the person would rather not answer.
    pub struct DeclineRequest {
        /// The response.
        pub id: Uuid,
        /// The question.
        pub question_id: Uuid,
        /// Why, if the person says so.
        #[serde(default)]
        pub reason: Option<String>,
    }

    /// The item on the screen.
    pub struct PositionRequest {
        /// The response.
        pub id: Uuid,
        /// The question.
        pub question_id: Uuid,
    }

    /// A response to finish.
    pub struct CompleteRequest {
        /// The response.
        pub id: Uuid,
        /// Finish although required items have no answer.
        #[serde(default)]
        pub with_missing: bool,
    }

    /// A response that will not be finished.
    pub struct AbandonRequest {
        /// The response.
        pub id: Uuid,
        /// Why.
        pub reason: String,
    }

    /// An answer to correct.
    pub struct AmendRequest {
        /// The response.
        pub id: Uuid,
        /// The question.
        pub question_id: Uuid,
        /// The right answer.
        #[ts(type = "unknown")]
        pub value: Json,
        /// Why it is corrected.
        pub reason: String,
    }

    /// A response with its items, where it stands.
    pub struct Administration {
        /// The response.
        pub id: Uuid,
        /// The person.
        pub person: Option<Person>,
        /// The questionnaire.
        pub form: Form,
        /// in_progress, completed or abandoned.
        pub status: String,
        /// How it is administered.
        pub mode: String,
        /// Answers given so far.
        pub answers: Vec<GivenAnswer>,
        /// The item that was on the screen last.
        pub current_question_id: Option<Uuid>,
        /// When it was started.
        pub started_at: String,
        /// When the last answer was saved.
        pub saved_at: Option<String>,
        /// Whether it had been started before.
        pub resumed: bool,
    }

    /// An answer that was given.
    pub struct GivenAnswer {
        /// The question.
        pub question_id: Uuid,
        /// The answer; null when declined.
        #[ts(type = "unknown")]
        pub value: Json,
        /// given or declined.
        pub status: String,
    }

    /// An answer was saved.
    pub struct Saved {
        /// When.
        pub saved_at: String,
        /// The alert that it raised, if any.
        pub alert: Option<alerts::AlertInfo>,
    }
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Mode::SelfReport => "self",
            Mode::Interviewer => "interviewer",
            Mode::PaperKeyIn => "paper_key_in",
            Mode::Telephone => "telephone",
        }
    }
}

/// See the command list.
///
/// # Errors
/// Person or questionnaire are not on this computer.
pub fn start(desk: &Desk, request: StartRequest) -> Result<Administration, DeskError> {
    let begun = desk.read(|read| {
        let open = Query::by("user_id", request.person_id).and("questionnaire_id", gladstone_store::Match::Is(request.questionnaire_id.into())).and("status", gladstone_store::Match::Is("in_progress".into()));
        Ok(read.first("responses", open.sorted("started_at", true))?.map(|row| row.id()))
    })?;
    let (response, resumed) = match begun {
        Some(response) => (response, true),
        None => {
            let response = desk.commit("responses.start", |tx| {
                let person = tx.read().require("users", request.person_id)?;
                let form = questionnaires::form(tx.read(), request.questionnaire_id)?;
                let first = form.items.first().ok_or_else(|| DeskError::new(Code::Invalid, "This questionnaire has no items. Add questions to it first."))?;
                let finished = Query::by("user_id", request.person_id).and("questionnaire_id", gladstone_store::Match::Is(request.questionnaire_id.into()));
                let attempt = tx.read().count("responses", &finished)? as i64 + 1;
                let actor = tx.actor();
                Ok(tx.create("responses", [
                    ("questionnaire_id", request.questionnaire_id.into()),
                    ("user_id", request.person_id.into()),
                    ("respondent_name", Value::text(person.text("name"))),
                    ("attempt_number", attempt.into()),
                    ("mode", request.mode.name().into()),
                    ("administered_by", actor.into()),
                    ("current_question_id", first.question_id.into()),
                ])?)
            })?;
            (response, false)
        }
    };
    let mut administration = state(desk, ResponseRequest { id: response })?;
    administration.resumed = resumed;
    Ok(administration)
}

/// See the command list.
///
/// # Errors
/// It is not on this computer.
pub fn state(desk: &Desk, request: ResponseRequest) -> Result<Administration, DeskError> {
    desk.read(|read| {
        let row = read.require("responses", request.id)?;
        let answers = answer_rows(read, request.id)?;
        Ok(Administration {
            id: request.id,
            person: respondent(read, &row)?,
            form: questionnaires::form(read, row.uuid("questionnaire_id").unwrap_or_default())?,
            status: row.text("status").into(),
            mode: row.text("mode").into(),
            saved_at: answers.iter().filter_map(|answer| answer.get("answered_at").as_instant()).max().map(|at| at.to_string()),
            answers: answers.iter().map(given).collect(),
            current_question_id: row.uuid("current_question_id"),
            started_at: time(&row, "started_at"),
            resumed: false,
        })
    })
}

/// See the command list.
///
/// # Errors
/// A value that the item does not have, or a finished response.
pub fn answer(desk: &Desk, request: AnswerRequest) -> Result<Saved, DeskError> {
    let alert = desk.commit("responses.answer", |tx| {
        require_open(&tx.read().require("responses", request.id)?)?;
        write_answer(tx, request.id, request.question_id, &request.value)
    })?;
    saved(desk, alert)
}

/// See the command list.
///
/// # Errors
/// A finished response.
pub fn decline(desk: &Desk, request: DeclineRequest) -> Result<Saved, DeskError> {
    desk.commit("responses.decline", |tx| {
        let row = tx.read().require("responses", request.id)?;
        require_open(&row)?;
        require_item(tx.read(), &row, request.question_id)?;
        let now = tx.now();
        let values = vec![
            ("value", Value::Null),
            ("score", Value::Null),
            ("status", "declined".into()),
            ("decline_reason", request.reason.as_deref().map_or(Value::Null, Value::text)),
            ("answered_at", now.into()),
        ];
        put_answer(tx, request.id, request.question_id, values)
    })?;
    saved(desk, None)
}

/// See the command list.
///
/// # Errors
/// A finished response.
pub fn position(desk: &Desk, request: PositionRequest) -> Result<Done, DeskError> {
    desk.commit("responses.position", |tx| {
        let row = tx.read().require("responses", request.id)?;
        require_open(&row)?;
        require_item(tx.read(), &row, request.question_id)?;
        tx.update("responses", request.id, [("current_question_id", request.question_id.into())])?;
        Ok(())
    })?;
    Ok(Done::YES)
}

/// See the command list.
///
/// # Errors
/// [`Code::Incomplete`] when required items have no answer and that was not accepted.
pub fn complete(desk: &Desk, request: CompleteRequest) -> Result<ResultView, DeskError> {
    desk.commit("responses.complete", |tx| {
        let row = tx.read().require("responses", request.id)?;
        require_open(&row)?;
        let form = questionnaires::form(tx.read(), row.uuid("questionnaire_id").unwrap_or_default())?;
        let touched: Vec<Uuid> = answer_rows(tx.read(), request.id)?.iter().filter_map(|answer| answer.uuid("question_id")).collect();
        let missing: Vec<String> = form.items.iter().enumerate().filter(|(_, item)| item.required && !touched.contains(&item.question_id)).map(|(at, _)| (at + 1).to_string()).collect();
        if !missing.is_empty() && !request.with_missing {
            return Err(DeskError::new(Code::Incomplete, format!("Without an answer: {}. Answer or decline them, or finish with missing answers.", missing.join(", "))));
        }
        let now = tx.now();
        let seconds = row.get("started_at").as_instant().map_or(0, |start| now.micros_since(start) / 1_000_000).clamp(0, i64::from(i32::MAX));
        let mut values = scored(tx.read(), &row, &form)?;
        values.extend([("status", "completed".into()), ("completed_at", now.into()), ("scored_at", now.into()), ("completion_time_seconds", seconds.into())]);
        tx.update("responses", request.id, values)?;
        Ok(())
    })?;
    result(desk, ResponseRequest { id: request.id })
}

/// See the command list.
///
/// # Errors
/// No reason, or a finished response.
pub fn abandon(desk: &Desk, request: AbandonRequest) -> Result<Done, DeskError> {
    let reason = require_reason(&request.reason)?;
    desk.commit(Purpose { command: "responses.abandon".into(), reason: Some(reason) }, |tx| {
        require_open(&tx.read().require("responses", request.id)?)?;
        tx.update("responses", request.id, [("status", "abandoned".into())])?;
        Ok(())
    })?;
    Ok(Done::YES)
}

/// See the command list.
///
/// # Errors
/// No reason, a value that the item does not have, or a response that is not finished.
pub fn amend(desk: &Desk, request: AmendRequest) -> Result<ResultView, DeskError> {
    let reason = require_reason(&request.reason)?;
    desk.commit(Purpose { command: "responses.amend".into(), reason: Some(reason) }, |tx| {
        let row = tx.read().require("responses", request.id)?;
        if row.text("status") != "completed" {
            return Err(DeskError::new(Code::Conflict, "This questionnaire is not finished; change the answer in it."));
        }
        write_answer(tx, request.id, request.question_id, &request.value)?;
        let form = questionnaires::form(tx.read(), row.uuid("questionnaire_id").unwrap_or_default())?;
        let mut values = scored(tx.read(), &row, &form)?;
        values.push(("scored_at", tx.now().into()));
        tx.update("responses", request.id, values)?;
        Ok(())
    })?;
    result(desk, ResponseRequest { id: request.id })
}

/// Checks an answer, writes it with its score, and raises the alert that it asks for.
fn write_answer(tx: &mut Tx<'_>, response: Uuid, question: Uuid, value: &Json) -> Result<Option<Uuid>, DeskError> {
    let row = tx.read().require("responses", response)?;
    let item = require_item(tx.read(), &row, question)?;
    if value.is_null() {
        return Err(DeskError::field("value", "Give an answer, or decline the question."));
    }
    let questionnaire = tx.read().require("questionnaires", row.uuid("questionnaire_id").unwrap_or_default())?;
    let instrument = questionnaires::instrument_of(&questionnaire);
    let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    let known = instrument.and_then(|instrument| Some((instrument, instrument.item(item.text("code"))?)));
    let (stored, points) = match known {
        Some((instrument, item)) => {
            let number = number.ok_or_else(|| DeskError::field("value", "Choose one of the printed values."))?;
            answer::check(instrument, item, number).map_err(|why| DeskError::field("value", why))?;
            (Json::from(number), item.scored.then(|| Decimal::from(number)))
        }
        None => (value.clone(), points_of(tx.read(), &item, value)?),
    };
    let now = tx.now();
    put_answer(tx, response, question, vec![
        ("value", stored.into()),
        ("score", points.into()),
        ("status", "given".into()),
        ("decline_reason", Value::Null),
        ("answered_at", now.into()),
    ])?;
    tx.update("responses", response, [("current_question_id", question.into())])?;
    let raised = known.zip(number).and_then(|((instrument, item), number)| Some((instrument, item, number, alert::raised(instrument, &item.code, number)?)));
    let Some((instrument, item, number, alert)) = raised else { return Ok(None) };
    let option = instrument.options_of(item).iter().find(|option| option.value == number).map(|option| option.text.as_str()).unwrap_or_default();
    let person = row.uuid("user_id").ok_or_else(|| DeskError::new(Code::Invalid, "This response has no person to raise an alert for."))?;
    let place = instrument.items.iter().position(|other| other.code == item.code).map_or(0, |at| at + 1);
    let text = format!("{} item {place}: “{option}”. {}.", instrument.short_title, alert.rule.topic);
    alerts::raise(tx, person, response, question, alert.level, &text, number, instrument.options_of(item).len() as i64 - 1)
}

/// Points of an answer to a question that is not of a built-in instrument: those of the chosen options.
fn points_of(read: Reader<'_>, question: &Row, value: &Json) -> Result<Option<Decimal>, DeskError> {
    let options = read.list("question_options", &Query::by("question_id", question.id()).limit(200))?;
    let text = |json: &Json| json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    let find = |json: &Json| options.iter().find(|option| option.text("value") == text(json));
    if matches!(question.text("type"), "single_choice" | "multiple_choice") {
        let chosen: Vec<&Json> = value.as_array().map_or_else(|| vec![value], |items| items.iter().collect());
        if let Some(unknown) = chosen.iter().find(|json| find(json).is_none()) {
            let all: Vec<&str> = options.iter().map(|option| option.text("value")).collect();
            return Err(DeskError::field("value", format!("{} is not among {}.", text(unknown), all.join(", "))));
        }
        let points: Vec<Decimal> = chosen.iter().filter_map(|json| find(json)?.get("points").as_decimal()).collect();
        return Ok(question.get("is_scored").as_bool().unwrap_or_default().then(|| points.iter().sum()));
    }
    if question.get("is_scored").as_bool() != Some(true) {
        return Ok(None);
    }
    Ok(value.as_i64().map(Decimal::from))
}

fn put_answer(tx: &mut Tx<'_>, response: Uuid, question: Uuid, mut values: Vec<(&'static str, Value)>) -> Result<(), DeskError> {
    let entity = gladstone_model::catalogue().get("answers").map_or(0, |entity| entity.no);
    let answer = id::derived(entity, &[&response.into(), &question.into()]);
    if tx.read().get("answers", answer)?.is_some() {
        tx.update("answers", answer, values)?;
    } else {
        values.extend([("response_id", response.into()), ("question_id", question.into())]);
        tx.create("answers", values)?;
    }
    Ok(())
}

pub(super) fn answer_rows(read: Reader<'_>, response: Uuid) -> Result<Vec<Row>, DeskError> {
    Ok(read.list("answers", &Query::by("response_id", response).limit(1_000))?)
}

pub(super) fn given(row: &Row) -> GivenAnswer {
    GivenAnswer { question_id: row.uuid("question_id").unwrap_or_default(), value: row.get("value").to_json(), status: row.text("status").into() }
}

pub(super) fn respondent(read: Reader<'_>, row: &Row) -> Result<Option<Person>, DeskError> {
    let Some(id) = row.uuid("user_id") else { return Ok(None) };
    read.get("users", id)?.map(|row| people::person(read, &row)).transpose()
}

fn saved(desk: &Desk, alert: Option<Uuid>) -> Result<Saved, DeskError> {
    let alert = alert.map(|id| desk.read(|read| alerts::info(read, &read.require("crisis_detections", id)?))).transpose()?;
    Ok(Saved { saved_at: desk.now().to_string(), alert })
}

fn require_open(row: &Row) -> Result<(), DeskError> {
    if row.text("status") == "in_progress" { Ok(()) } else { Err(DeskError::new(Code::Sealed, "This questionnaire is finished. Use “Amend” to correct an answer, with a reason.")) }
}

/// The question, when it belongs to the questionnaire of the response.
fn require_item(read: Reader<'_>, response: &Row, question: Uuid) -> Result<Row, DeskError> {
    let item = read.require("questions", question)?;
    let belongs = item.uuid("questionnaire_id") == response.uuid("questionnaire_id");
    belongs.then_some(item).ok_or_else(|| DeskError::field("question_id", "This question belongs to another questionnaire."))
}

fn require_reason(reason: &str) -> Result<String, DeskError> {
    let reason = reason.trim();
    if reason.is_empty() { Err(DeskError::field("reason", "Say why; it is kept with the record.")) } else { Ok(reason.into()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mode_is_written_as_it_is_declared() {
        let field = gladstone_model::catalogue().get("responses").and_then(|entity| entity.field("mode")).map(|field| field.choices.clone()).unwrap_or_default();
        for mode in [Mode::SelfReport, Mode::Interviewer, Mode::PaperKeyIn, Mode::Telephone] {
            assert!(field.contains(&mode.name().to_owned()), "{} is a declared choice", mode.name());
            assert_eq!(json!(mode), json!(mode.name()), "the wire and the store agree");
        }
    }
}
