//! Needs review: what two people wrote without seeing each other, and the decision of a person
//! which value counts. A decision is an ordinary mutation and can be taken back.

mod subject;

use gladstone_model::{Field, Row, Value, unit::UnitKind};
use gladstone_store::{Match, Page, Query, Reader};
use gladstone_vault::{Purpose, Tx};
use serde_json::{Map, Value as Json};
use subject::{ANEW, MARK, Subject, Undoing, typed, undoing, values_of};
use uuid::Uuid;

use super::{app::Empty, wire};
use crate::{desk::Desk, error::{Code, DeskError}};

/// Under this name the other one of two such records stands.
const OTHER: &str = "_row";
/// Under this name a rule that holds no more is told.
const RULE: &str = "_rule";
/// Cases that are listed at once.
const LIST_LIMIT: u32 = 200;

wire! {
    /// Which cases.
    pub struct ListReview {
        /// Decided ones instead of open ones.
        #[serde(default)]
        pub decided: bool,
    }

    /// Cases.
    pub struct Inbox {
        /// One's own, the newest first; of decided ones all.
        pub cases: Vec<CaseInfo>,
        /// Open cases that somebody else is to decide.
        pub others: u32,
    }

    /// A case in the list.
    pub struct CaseInfo {
        /// Its id.
        pub id: Uuid,
        /// Kind of the record.
        pub entity: String,
        /// Name of the kind.
        pub label: String,
        /// The record.
        pub record_id: Uuid,
        /// The record's name.
        pub record: String,
        /// The person that it is about.
        pub person_id: Option<Uuid>,
        /// That person's name.
        pub person: String,
        /// Names of the fields that are meant.
        pub what: String,
        /// First field of the group that is meant, by name.
        pub group: String,
        /// What kind of case it is.
        pub kind: CaseKind,
        /// How it stands.
        pub status: CaseStatus,
        /// When it came up.
        pub at: String,
        /// Who is to decide.
        pub assigned_to: String,
        /// Whether that is the person at the screen.
        pub yours: bool,
    }

    /// An open case, for a mark on the record that it is about.
    pub struct Mark {
        /// The case.
        pub info: CaseInfo,
        /// The other one of two records that the case is about.
        pub other: Option<Uuid>,
    }

    /// What kind of case it is.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum CaseKind {
        /// Two values for the same thing.
        Values,
        /// Somebody went on with a record that somebody else had entered in error.
        InError,
        /// A part was added to a record that somebody else had entered in error.
        PartOfInError,
        /// Something was written to a record that is finished; it stays as an addendum.
        Addendum,
        /// Two records that may be one and the same.
        Double,
        /// Something to take note of, a rule that holds no more for example.
        Notice,
    }

    /// How a case stands.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum CaseStatus {
        /// It waits for a decision.
        Open,
        /// What stood was kept.
        KeptCurrent,
        /// The other value was taken.
        TookIncoming,
        /// A third value was written.
        WroteThird,
        /// It was taken back.
        Undone,
    }

    /// A case.
    pub struct ReviewRequest {
        /// The case.
        pub id: Uuid,
    }

    /// Both values of a case.
    pub struct Case {
        /// What the list shows of it.
        pub info: CaseInfo,
        /// The fields that are meant, by name.
        pub fields: Vec<String>,
        /// What both had seen, where it is still known.
        pub before: Option<Side>,
        /// What counts until somebody decides.
        pub current: Side,
        /// What was also written.
        pub incoming: Side,
        /// What stands in the record now; none when it is not on this computer.
        #[ts(type = "Record<string, unknown> | null")]
        pub stands: Option<Map<String, Json>>,
        /// Names of the records that values refer to, by id.
        #[ts(type = "Record<string, string>")]
        pub references: Map<String, Json>,
        /// What it is about, in a sentence, where the centre says so.
        pub note: Option<String>,
        /// The other one of two records that may be the same.
        pub other: Option<OtherRecord>,
        /// Whether the record was changed after the case came up.
        pub changed_since: bool,
        /// Who decided.
        pub decided_by: Option<String>,
        /// When.
        pub decided_at: Option<String>,
        /// Why.
        pub reason: Option<String>,
        /// Whether the decision can be taken back.
        pub can_undo: bool,
    }

    /// A record beside the one that the case is about.
    pub struct OtherRecord {
        /// Its id.
        pub id: Uuid,
        /// Its name.
        pub title: String,
    }

    /// One of the values, with its author.
    pub struct Side {
        /// Values by field.
        #[ts(type = "Record<string, unknown>")]
        pub values: Map<String, Json>,
        /// Why the record was entered in error, when this side did that.
        pub error_reason: Option<String>,
        /// Who wrote it; empty when not known.
        pub by: String,
        /// Whether that was the person at the screen.
        pub you: bool,
        /// When.
        pub at: Option<String>,
    }

    /// A decision.
    pub struct Decision {
        /// The case.
        pub id: Uuid,
        /// What counts.
        pub choice: DecisionChoice,
        /// The third value, by field.
        #[serde(default)]
        #[ts(type = "Record<string, unknown> | null")]
        pub values: Option<Map<String, Json>>,
        /// Why.
        #[serde(default)]
        pub reason: Option<String>,
    }

    /// What counts.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum DecisionChoice {
        /// What stands; of a record in error, that it stays so.
        Keep,
        /// The other value; of a record in error, that it is registered anew with it.
        Take,
        /// A third value.
        Third,
    }
}

/// See the command list.
///
/// # Errors
/// The vault is locked.
pub fn list(desk: &Desk, request: ListReview) -> Result<Inbox, DeskError> {
    let actor = desk.actor()?;
    desk.read(|read| {
        let open = Query::by("status", "open");
        let query = if request.decided {
            Query::default().and("status", Match::Not("open".into())).sorted("decided_at", true)
        } else {
            open.clone().and("assigned_to", Match::Is(actor.into())).sorted("created_at", true)
        };
        let rows = read.list("conflicts", &Query { page: Page { offset: 0, limit: LIST_LIMIT }, ..query })?;
        let cases = rows.iter().map(|row| info(read, row, actor)).collect::<Result<_, _>>()?;
        let others = read.count("conflicts", &open.and("assigned_to", Match::Not(actor.into())))?;
        Ok(Inbox { cases, others: u32::try_from(others).unwrap_or(u32::MAX) })
    })
}

/// See the command list.
///
/// # Errors
/// The case is not on this computer.
pub fn get(desk: &Desk, request: ReviewRequest) -> Result<Case, DeskError> {
    let actor = desk.actor()?;
    desk.read(|read| view(read, &read.require("conflicts", request.id)?, actor))
}

/// See the command list.
///
/// # Errors
/// It is decided already, the record is not here, or a value breaks a rule.
pub fn decide(desk: &Desk, request: Decision) -> Result<Case, DeskError> {
    let reason = request.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()).map(str::to_owned);
    let purpose = Purpose { command: "review.decide".into(), reason: reason.clone() };
    desk.commit(purpose, |tx| {
        let row = tx.read().require("conflicts", request.id)?;
        if row.text("status") != "open" {
            return Err(DeskError::new(Code::Conflict, "This was decided already. Look at it among the decided ones."));
        }
        let subject = Subject::of(tx.read(), &row)?;
        let kind = subject.kind(&row);
        let (mut current, mut incoming) = (values_of(&row, "current_values"), values_of(&row, "incoming_values"));
        let status = match (request.choice, kind) {
            (DecisionChoice::Keep, _) => "kept_current",
            (DecisionChoice::Take, CaseKind::InError) => {
                let anew = register_anew(tx, &subject, &incoming)?;
                incoming.insert(ANEW.into(), anew.to_string().into());
                "took_incoming"
            }
            (DecisionChoice::Take, CaseKind::PartOfInError) => {
                let why = current.get(MARK).and_then(Json::as_str).filter(|why| !why.trim().is_empty()).unwrap_or("what it belongs to was entered in error");
                tx.enter_in_error(&subject.entity.name, subject.id, why)?;
                "took_incoming"
            }
            (DecisionChoice::Take, CaseKind::Values) => {
                let wanted = incoming.clone();
                write(tx, &subject, &wanted, &mut current)?;
                "took_incoming"
            }
            (DecisionChoice::Third, CaseKind::Values) => {
                let wanted = request.values.clone().ok_or_else(|| DeskError::field("values", "Write the value that shall count."))?;
                write(tx, &subject, &wanted, &mut current)?;
                "wrote_third"
            }
            _ => return Err(DeskError::new(Code::Invalid, "Here only keeping what stands can be chosen.")),
        };
        let decided = [
            ("status", status.into()),
            ("decided_by", tx.actor().into()),
            ("decided_at", tx.now().into()),
            ("reason", reason.as_deref().map_or(Value::Null, Value::text)),
            ("current_values", Value::json(&Json::Object(current))),
            ("incoming_values", Value::json(&Json::Object(incoming))),
        ];
        Ok(tx.update("conflicts", request.id, decided)?)
    })?;
    get(desk, ReviewRequest { id: request.id })
}

/// See the command list.
///
/// # Errors
/// It is open, or the record was changed after the decision.
pub fn undo(desk: &Desk, request: ReviewRequest) -> Result<Case, DeskError> {
    desk.commit("review.undo", |tx| {
        let row = tx.read().require("conflicts", request.id)?;
        let subject = Subject::of(tx.read(), &row)?;
        match undoing(tx.read(), &row, &subject)? {
            Undoing::Nothing => {}
            Undoing::Restore => {
                let values = typed(subject.entity, &values_of(&row, "current_values"))?;
                tx.update(&subject.entity.name, subject.id, values.iter().map(|(name, value)| (*name, value.clone())))?;
            }
            Undoing::Withdraw(anew) => tx.enter_in_error(&subject.entity.name, anew, "The decision to register it anew was taken back.")?,
            Undoing::Impossible(why) => return Err(DeskError::new(Code::Conflict, why)),
        }
        let mut incoming = values_of(&row, "incoming_values");
        incoming.remove(ANEW);
        let open = [("status", "open".into()), ("decided_by", Value::Null), ("decided_at", Value::Null), ("reason", Value::Null), ("incoming_values", Value::json(&Json::Object(incoming)))];
        Ok(tx.update("conflicts", request.id, open)?)
    })?;
    get(desk, ReviewRequest { id: request.id })
}

/// See the command list.
///
/// # Errors
/// The vault is locked.
pub fn marks(desk: &Desk, _: Empty) -> Result<Vec<Mark>, DeskError> {
    let actor = desk.actor()?;
    desk.read(|read| {
        let mut marks = Vec::new();
        for offset in (0..).step_by(LIST_LIMIT as usize) {
            let query = Query { page: Page { offset, limit: LIST_LIMIT }, ..Query::by("status", "open").sorted("created_at", true) };
            let rows = read.list("conflicts", &query)?;
            for row in &rows {
                marks.push(Mark { info: info(read, row, actor)?, other: other_id(&values_of(row, "current_values")) });
            }
            if rows.len() < LIST_LIMIT as usize {
                break;
            }
        }
        Ok(marks)
    })
}

/// How many open cases the person at the screen is to decide.
pub(super) fn open_cases(read: Reader<'_>, actor: Uuid) -> Result<u32, DeskError> {
    let count = read.count("conflicts", &Query::by("status", "open").and("assigned_to", Match::Is(actor.into())))?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Writes the values that shall count. What stood until now is kept in `current`, for undoing.
fn write(tx: &mut Tx<'_>, subject: &Subject, wanted: &Map<String, Json>, current: &mut Map<String, Json>) -> Result<(), DeskError> {
    let stands = subject.stands().ok_or_else(|| DeskError::new(Code::NotFound, "The record is not on this computer, so its value cannot be changed here."))?;
    if !subject.holds(current) {
        *current = stands;
    }
    let allowed = subject.fields();
    let values: Vec<_> = typed(subject.entity, wanted)?.into_iter().filter(|(name, _)| allowed.iter().any(|field| field.name == *name)).collect();
    if values.is_empty() {
        return Err(DeskError::field("values", "Write the value that shall count."));
    }
    tx.update(&subject.entity.name, subject.id, values)?;
    Ok(())
}

/// A copy of a record that was entered in error, with what the other author wrote.
fn register_anew(tx: &mut Tx<'_>, subject: &Subject, incoming: &Map<String, Json>) -> Result<Uuid, DeskError> {
    let state = subject.state.as_ref().ok_or_else(|| DeskError::new(Code::NotFound, "The record is not on this computer, so it cannot be registered anew here."))?;
    let written = typed(subject.entity, incoming)?;
    let value = |field: &Field| written.iter().find(|(name, _)| *name == field.name).map_or_else(|| state.row.get(&field.name).clone(), |(_, value)| value.clone());
    let values: Vec<_> = subject.entity.fields.iter().filter(|field| !field.is_managed() && !field.is_secret()).map(|field| (field.name.as_str(), value(field))).filter(|(_, value)| !value.is_null()).collect();
    Ok(tx.create(&subject.entity.name, values)?)
}

fn view(read: Reader<'_>, row: &Row, actor: Uuid) -> Result<Case, DeskError> {
    let subject = Subject::of(read, row)?;
    let (current, incoming) = (values_of(row, "current_values"), values_of(row, "incoming_values"));
    let base = values_of(row, "base_values");
    let mut references = Map::new();
    for field in subject.shown(row) {
        let Some(reference) = &field.reference else { continue };
        let stands = subject.stands().unwrap_or_default();
        for id in [&base, &current, &incoming, &stands].into_iter().filter_map(|values| values.get(&field.name)?.as_str()).collect::<std::collections::BTreeSet<_>>() {
            if let Ok(id) = Uuid::parse_str(id) && let Some(named) = read.get(&reference.entity, id)? {
                references.insert(id.to_string(), read.title(&named)?.into());
            }
        }
    }
    let open = row.text("status") == "open";
    let text = |field: &str| Some(row.text(field).to_owned()).filter(|text| !text.is_empty());
    Ok(Case {
        info: info(read, row, actor)?,
        fields: subject.shown(row).iter().map(|field| field.name.clone()).collect(),
        note: incoming.get(RULE).and_then(Json::as_str).map(str::to_owned),
        other: other_of(read, &subject, &current)?,
        before: (!base.is_empty()).then(|| side(read, base, actor)).transpose()?,
        changed_since: open && subject.kind(row) == CaseKind::Values && subject.state.is_some() && !subject.holds(&current),
        current: side(read, current, actor)?,
        incoming: side(read, incoming, actor)?,
        stands: subject.stands(),
        references,
        decided_by: row.uuid("decided_by").map(|id| name_of(read, id)).transpose()?,
        decided_at: row.get("decided_at").as_instant().map(|at| at.to_string()),
        reason: text("reason"),
        can_undo: !open && !matches!(undoing(read, row, &subject)?, Undoing::Impossible(_)),
    })
}

fn other_of(read: Reader<'_>, subject: &Subject, current: &Map<String, Json>) -> Result<Option<OtherRecord>, DeskError> {
    let Some(id) = other_id(current) else { return Ok(None) };
    Ok(read.get(&subject.entity.name, id)?.map(|row| read.title(&row)).transpose()?.map(|title| OtherRecord { id, title }))
}

fn other_id(current: &Map<String, Json>) -> Option<Uuid> {
    current.get(OTHER).and_then(Json::as_str).and_then(|id| Uuid::parse_str(id).ok())
}

fn info(read: Reader<'_>, row: &Row, actor: Uuid) -> Result<CaseInfo, DeskError> {
    let assigned = row.uuid("assigned_to");
    let mut case = CaseInfo {
        id: row.id(),
        entity: row.text("entity_type").into(),
        label: row.text("entity_type").into(),
        record_id: row.uuid("entity_id").unwrap_or_default(),
        record: String::new(),
        person_id: None,
        person: String::new(),
        what: row.text("merge_group").into(),
        group: row.text("merge_group").into(),
        kind: CaseKind::Notice,
        status: status_of(row),
        at: super::people::time(row, "created_at"),
        assigned_to: assigned.map(|id| name_of(read, id)).transpose()?.unwrap_or_default(),
        yours: assigned == Some(actor),
    };
    let subject = match Subject::of(read, row) {
        Ok(subject) => subject,
        // Of a kind that only a newer version knows: listed without its record.
        Err(error) if error.code == Code::NotFound => return Ok(case),
        Err(error) => return Err(error),
    };
    case.label.clone_from(&subject.entity.label);
    case.kind = subject.kind(row);
    if subject.group.is_some() || !subject.shown(row).is_empty() {
        case.what = subject.shown(row).iter().map(|field| field.label.as_str()).collect::<Vec<_>>().join(", ");
    }
    if let Some(state) = &subject.state {
        case.record = read.title(&state.row)?;
        case.person_id = if subject.entity.name == "users" { Some(subject.id) } else { (state.unit.kind == UnitKind::Person).then_some(state.unit.id) };
        case.person = case.person_id.map(|id| name_of(read, id)).transpose()?.unwrap_or_default();
    }
    Ok(case)
}

/// A side as a person reads it: values, author and time apart.
fn side(read: Reader<'_>, mut values: Map<String, Json>, actor: Uuid) -> Result<Side, DeskError> {
    let by = values.remove("_by").and_then(|id| Uuid::parse_str(id.as_str()?).ok());
    let at = values.remove("_at").and_then(|at| at.as_str().map(str::to_owned));
    let error_reason = values.remove(MARK).map(|why| why.as_str().unwrap_or_default().to_owned());
    values.retain(|name, _| !name.starts_with('_'));
    Ok(Side { values, error_reason, by: by.map(|id| name_of(read, id)).transpose()?.unwrap_or_default(), you: by == Some(actor), at })
}

fn name_of(read: Reader<'_>, id: Uuid) -> Result<String, DeskError> {
    Ok(read.get("users", id)?.map(|row| row.text("name").to_owned()).unwrap_or_default())
}

fn status_of(row: &Row) -> CaseStatus {
    match row.text("status") {
        "kept_current" => CaseStatus::KeptCurrent,
        "took_incoming" => CaseStatus::TookIncoming,
        "wrote_third" => CaseStatus::WroteThird,
        "undone" => CaseStatus::Undone,
        _ => CaseStatus::Open,
    }
}
