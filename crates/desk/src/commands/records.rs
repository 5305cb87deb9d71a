//! Lists, details and forms over any kind of record.

use gladstone_model::{Entity, Value, catalogue};
use gladstone_protocol::{Entry, EventAction, OpKind, entry::Body};
use gladstone_store::{Filter, Match, Page, Query, Reader, naming_references, search};
use gladstone_vault::Tx;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::{app::Done, wire};
use crate::{desk::Desk, error::{Code, DeskError}};

wire! {
    /// Which records.
    pub struct ListRecords {
        /// Kind of record.
        pub entity: String,
        /// Conditions; all must hold.
        #[serde(default)]
        pub filters: Vec<FilterRequest>,
        /// Order; the id settles ties.
        #[serde(default)]
        pub sort: Vec<SortRequest>,
        /// Words that the record must hold.
        #[serde(default)]
        pub text: Option<String>,
        /// Records skipped.
        #[serde(default)]
        pub offset: u32,
        /// Records returned, up to 1,000; 100 when not given.
        #[serde(default)]
        pub limit: Option<u32>,
        /// Whether records entered in error are wanted too.
        #[serde(default)]
        pub with_errors: bool,
    }

    /// A condition.
    pub struct FilterRequest {
        /// Field.
        pub field: String,
        /// How it is compared.
        pub how: How,
        /// With what; a list for `in`.
        pub value: Json,
    }

    /// How a field is compared.
    #[serde(rename_all = "snake_case")]
    pub enum How {
        /// Equal.
        Is,
        /// Not equal.
        Not,
        /// One of a list.
        In,
        /// At least.
        AtLeast,
        /// At most.
        AtMost,
        /// Contains a text.
        Contains,
        /// Starts with a text.
        Starts,
    }

    /// An order.
    pub struct SortRequest {
        /// Field.
        pub field: String,
        /// Greatest first.
        #[serde(default)]
        pub descending: bool,
    }

    /// Records and how many there are in all.
    pub struct ListAnswer {
        /// The records of this page.
        pub records: Vec<RecordView>,
        /// How many meet the conditions.
        pub total: u32,
    }

    /// A record.
    pub struct RecordView {
        /// Kind of record.
        pub entity: String,
        /// Its id.
        pub id: Uuid,
        /// What a person reads as its name.
        pub title: String,
        /// Values by field.
        #[ts(type = "Record<string, unknown>")]
        pub values: Map<String, Json>,
        /// Names of the records it refers to, by field.
        #[ts(type = "Record<string, string>")]
        pub references: Map<String, Json>,
        /// Why it was entered in error, if it was.
        pub error_reason: Option<String>,
        /// Fields whose values a newer version of Gladstone wrote: the record can be read here, not changed.
        pub newer: Vec<String>,
    }

    /// A record.
    pub struct RecordRequest {
        /// Kind of record.
        pub entity: String,
        /// Its id.
        pub id: Uuid,
    }

    /// A record to add.
    pub struct CreateRecord {
        /// Kind of record.
        pub entity: String,
        /// Values by field.
        #[ts(type = "Record<string, unknown>")]
        pub values: Map<String, Json>,
        /// Parts to add with it.
        #[serde(default)]
        #[ts(optional, as = "Option<Vec<PartRecord>>")]
        pub parts: Vec<PartRecord>,
    }

    /// A part that is added together with its record.
    pub struct PartRecord {
        /// Kind of the part.
        pub entity: String,
        /// Field of the part that refers to the record.
        pub by: String,
        /// Values by field, without that one.
        #[ts(type = "Record<string, unknown>")]
        pub values: Map<String, Json>,
    }

    /// Fields to change.
    pub struct UpdateRecord {
        /// Kind of record.
        pub entity: String,
        /// Its id.
        pub id: Uuid,
        /// New values by field; others stay.
        #[ts(type = "Record<string, unknown>")]
        pub values: Map<String, Json>,
        /// Parts to add with the change.
        #[serde(default)]
        #[ts(optional, as = "Option<Vec<PartRecord>>")]
        pub parts: Vec<PartRecord>,
    }

    /// A record entered in error.
    pub struct ErrorRequest {
        /// Kind of record.
        pub entity: String,
        /// Its id.
        pub id: Uuid,
        /// Why.
        pub reason: String,
    }

    /// Records that a field may refer to.
    pub struct ReferenceRequest {
        /// Kind of record that is referred to.
        pub entity: String,
        /// What was typed so far.
        pub text: String,
    }

    /// A record to choose.
    pub struct Choice {
        /// Its id.
        pub id: Uuid,
        /// Its name.
        pub title: String,
    }

    /// Words to look for.
    pub struct FindRecords {
        /// Beginnings of words.
        pub text: String,
        /// Only this kind of record.
        #[serde(default)]
        pub entity: Option<String>,
    }

    /// A record that was found.
    pub struct Hit {
        /// What tells it from others of the same name: what it refers to, and when it was made.
        pub detail: String,
        /// Kind of record.
        pub entity: String,
        /// Name of the kind.
        pub label: String,
        /// Its id.
        pub id: Uuid,
        /// Its name.
        pub title: String,
    }

    /// One change of a record.
    pub struct HistoryEntry {
        /// When.
        pub at: String,
        /// Who.
        pub actor: String,
        /// By which command.
        pub command: String,
        /// Why, where a reason was asked for.
        pub reason: Option<String>,
        /// Fields that got a value.
        pub fields: Vec<String>,
    }
}

/// See the command list.
///
/// # Errors
/// Unknown names, or values of the wrong type.
pub fn list(desk: &Desk, request: ListRecords) -> Result<ListAnswer, DeskError> {
    let entity = known(&request.entity)?;
    let mut query = Query { page: Page { offset: request.offset, limit: request.limit.unwrap_or(100) }, with_errors: request.with_errors, ..Query::default() };
    for filter in &request.filters {
        query.filters.push(Filter { field: filter.field.clone(), how: comparison(entity, filter)? });
    }
    for sort in &request.sort {
        query.sort.push((open_field(entity, &sort.field)?.name.clone(), sort.descending));
    }
    desk.read(|read| {
        if let Some(text) = request.text.as_deref().filter(|text| !text.trim().is_empty()) {
            let found = search::find(read, text, Some(&request.entity), 200)?;
            query = query.and("id", Match::In(found.into_iter().map(|hit| hit.id.into()).collect()));
        }
        let rows = read.list_stored(&request.entity, &query)?;
        let records = rows.into_iter().map(|stored| to_record(read, stored)).collect::<Result<_, _>>()?;
        Ok(ListAnswer { records, total: u32::try_from(read.count(&request.entity, &query)?).unwrap_or(u32::MAX) })
    })
}

/// See the command list.
///
/// # Errors
/// It is not on this computer.
pub fn get(desk: &Desk, request: RecordRequest) -> Result<RecordView, DeskError> {
    let entity = known(&request.entity)?;
    let record = desk.read(|read| {
        let stored = read.stored(entity, request.id)?.ok_or_else(|| missing(entity))?;
        to_record(read, stored)
    })?;
    let sensitive = entity.fields.iter().any(|field| matches!(field.privacy, gladstone_model::Privacy::Clinical));
    if sensitive {
        desk.with_unlocked(|unlocked| if unlocked.alarm.is_none() { Ok(unlocked.vault.record(EventAction::Read, entity.no, request.id, "")?) } else { Ok(()) })?;
    }
    Ok(record)
}

/// See the command list.
///
/// # Errors
/// Every broken rule, with its field.
pub fn create(desk: &Desk, request: CreateRecord) -> Result<RecordView, DeskError> {
    let entity = known(&request.entity)?;
    let values = typed(entity, &request.values)?;
    desk.commit("records.create", |tx| {
        let id = tx.create(&request.entity, values.iter().map(|(name, value)| (name.as_str(), value.clone())))?;
        add_parts(tx, id, &request.parts)?;
        as_written(tx, entity, id)
    })
}

/// See the command list.
///
/// # Errors
/// Every broken rule, with its field; a record that a newer version of Gladstone wrote.
pub fn update(desk: &Desk, request: UpdateRecord) -> Result<RecordView, DeskError> {
    let entity = known(&request.entity)?;
    let values = typed(entity, &request.values)?;
    desk.commit("records.update", |tx| {
        tx.update(&request.entity, request.id, values.iter().map(|(name, value)| (name.as_str(), value.clone())))?;
        add_parts(tx, request.id, &request.parts)?;
        as_written(tx, entity, request.id)
    })
}

/// The record as this change leaves it; the centre may answer before anybody reads it again.
fn as_written(tx: &Tx<'_>, entity: &'static Entity, id: Uuid) -> Result<RecordView, DeskError> {
    to_record(tx.read(), tx.read().stored(entity, id)?.ok_or_else(|| missing(entity))?)
}

fn add_parts(tx: &mut Tx<'_>, owner: Uuid, parts: &[PartRecord]) -> Result<(), DeskError> {
    for part in parts {
        let values = typed(known(&part.entity)?, &part.values)?;
        let given = values.iter().filter(|(name, _)| *name != part.by).map(|(name, value)| (name.as_str(), value.clone()));
        tx.create(&part.entity, given.chain([(part.by.as_str(), owner.into())]))?;
    }
    Ok(())
}

/// See the command list.
///
/// # Errors
/// No reason, or another record needs it.
pub fn enter_in_error(desk: &Desk, request: ErrorRequest) -> Result<Done, DeskError> {
    let purpose = gladstone_vault::Purpose { command: "records.enter_in_error".into(), reason: Some(request.reason.clone()) };
    desk.commit(purpose, |tx| Ok(tx.enter_in_error(&request.entity, request.id, &request.reason)?))?;
    Ok(Done::YES)
}

/// See the command list.
///
/// # Errors
/// Unknown names.
pub fn references(desk: &Desk, request: ReferenceRequest) -> Result<Vec<Choice>, DeskError> {
    let entity = known(&request.entity)?;
    desk.read(|read| {
        let text = request.text.trim();
        let mut rows = Vec::new();
        if text.is_empty() {
            rows = read.list(&request.entity, &Query::default().sorted("updated_at", true).limit(20)).or_else(|_| read.list(&request.entity, &Query::default().limit(20)))?;
        } else {
            let mut ids: Vec<Uuid> = search::find(read, text, Some(&request.entity), 20)?.into_iter().map(|hit| hit.id).collect();
            for (field, reference) in naming_references(entity) {
                let named = search::find(read, text, Some(&reference.entity), 50)?.into_iter().map(|hit| hit.id.into()).collect();
                ids.extend(read.list(&request.entity, &Query::default().and(&field.name, Match::In(named)).limit(20))?.iter().map(gladstone_model::Row::id));
            }
            for id in ids.into_iter().take(20) {
                rows.extend(read.get(&request.entity, id)?.filter(|row| !rows.iter().any(|known: &gladstone_model::Row| known.id() == row.id())));
            }
        }
        rows.iter().map(|row| Ok(Choice { id: row.id(), title: read.title(row)? })).collect()
    })
}

/// See the command list.
///
/// # Errors
/// Unknown names.
pub fn find(desk: &Desk, request: FindRecords) -> Result<Vec<Hit>, DeskError> {
    desk.read(|read| {
        let mut found = Vec::new();
        for hit in search::find(read, &request.text, request.entity.as_deref(), 40)? {
            let Some(row) = read.get(hit.entity, hit.id)? else { continue };
            let title = read.title(&row)?;
            let detail = detail(read, &row, &title)?;
            found.push(Hit { detail, label: row.entity.label.clone(), entity: hit.entity.into(), id: hit.id, title });
        }
        Ok(found)
    })
}

/// See the command list. Walks this laptop's own history; what others changed is told by the centre.
///
/// # Errors
/// Unknown names.
pub fn history(desk: &Desk, request: RecordRequest) -> Result<Vec<HistoryEntry>, DeskError> {
    let entity = known(&request.entity)?;
    desk.with_unlocked(|unlocked| {
        let entries = unlocked.vault.entries_of(request.id)?;
        unlocked.vault.read(|read| entries.iter().filter_map(|entry| history_entry(read, entity, request.id, entry)).collect())
    })
}

fn history_entry(read: Reader<'_>, entity: &Entity, id: Uuid, entry: &Entry) -> Option<Result<HistoryEntry, DeskError>> {
    let Body::Mutation(mutation) = &entry.body else { return None };
    let op = mutation.ops.iter().find(|op| op.entity == entity.no && op.id == id)?;
    let label = |no: u16| entity.fields.iter().find(|field| field.no == no).filter(|field| !field.is_secret()).map(|field| field.label.clone());
    let fields = match &op.kind {
        OpKind::Create(values) => values.iter().filter_map(|(no, _)| label(*no)).collect(),
        OpKind::Update(patches) => patches.iter().flat_map(|patch| patch.values.iter().filter_map(|(no, _)| label(*no))).collect(),
        OpKind::EnterInError { .. } => Vec::new(),
    };
    let actor = match read.get("users", mutation.actor) {
        Ok(row) => row.map(|row| row.text("name").to_owned()).unwrap_or_default(),
        Err(error) => return Some(Err(error.into())),
    };
    Some(Ok(HistoryEntry { at: mutation.wall.to_string(), actor, command: mutation.command.clone(), reason: mutation.reason.clone(), fields }))
}

/// A stored row as commands show it.
pub(super) fn to_record(read: Reader<'_>, stored: gladstone_protocol::RowState) -> Result<RecordView, DeskError> {
    let entity = stored.row.entity;
    let mut references = Map::new();
    for (field, value) in entity.fields.iter().zip(&stored.row.values) {
        if let (Some(reference), Value::Uuid(id)) = (&field.reference, value)
            && let Some(row) = read.get(&reference.entity, *id)?
        {
            references.insert(field.name.clone(), read.title(&row)?.into());
        }
    }
    let newer = stored.row.of_newer_version().map(|(field, _)| field.name.clone()).collect();
    Ok(RecordView { newer, entity: entity.name.clone(), id: stored.row.id(), title: read.title(&stored.row)?, values: stored.row.to_json(), references, error_reason: stored.error.map(|(_, reason)| reason) })
}

fn detail(read: Reader<'_>, row: &gladstone_model::Row, title: &str) -> Result<String, DeskError> {
    let mut parts = Vec::new();
    for field in &row.entity.fields {
        if let (Some(reference), Some(id)) = (&field.reference, row.uuid(&field.name))
            && reference.entity != "organizations"
            && parts.is_empty()
            && let Some(named) = read.get(&reference.entity, id)?
        {
            let name = read.title(&named)?;
            parts.extend((name != title).then_some(name));
        }
    }
    parts.extend(row.get("created_at").as_instant().map(|at| at.date().to_string()));
    Ok(parts.join(" · "))
}

fn comparison(entity: &Entity, filter: &FilterRequest) -> Result<Match, DeskError> {
    let field = open_field(entity, &filter.field)?;
    let value = |json: &Json| Value::from_json(field.ty, json).map_err(|why| DeskError::field(&filter.field, format!("{}: {why}.", field.label)));
    Ok(match filter.how {
        How::Is => Match::Is(value(&filter.value)?),
        How::Not => Match::Not(value(&filter.value)?),
        How::In => Match::In(filter.value.as_array().into_iter().flatten().map(value).collect::<Result<_, _>>()?),
        How::AtLeast => Match::AtLeast(value(&filter.value)?),
        How::AtMost => Match::AtMost(value(&filter.value)?),
        How::Contains => Match::Contains(filter.value.as_str().unwrap_or_default().into()),
        How::Starts => Match::Starts(filter.value.as_str().unwrap_or_default().into()),
    })
}

fn typed(entity: &Entity, values: &Map<String, Json>) -> Result<Vec<(String, Value)>, DeskError> {
    let convert = |(name, json): (&String, &Json)| {
        let field = open_field(entity, name)?;
        let value = Value::from_json(field.ty, json).map_err(|why| DeskError::field(name, format!("{}: {why}.", field.label)))?;
        Ok((name.clone(), value))
    };
    values.iter().map(convert).collect()
}

/// A field that is shown. A secret one is treated as if it were not there, so that neither a filter
/// nor an order tells what stands in it.
fn open_field<'e>(entity: &'e Entity, name: &str) -> Result<&'e gladstone_model::Field, DeskError> {
    let field = entity.field(name).filter(|field| !field.is_secret());
    field.ok_or_else(|| DeskError { code: Code::BadRequest, message: format!("{} have no field “{name}”.", entity.plural), field: Some(name.to_owned()) })
}

fn known(entity: &str) -> Result<&'static Entity, DeskError> {
    catalogue().get(entity).ok_or_else(|| DeskError::new(Code::BadRequest, format!("There are no records called “{entity}”.")))
}

fn missing(entity: &Entity) -> DeskError {
    DeskError::new(Code::NotFound, format!("This {} is not on this computer.", entity.label.to_lowercase()))
}
