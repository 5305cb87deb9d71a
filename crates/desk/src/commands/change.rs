//! One change that waits or was put aside: what it writes, written to a file, and changed and sent
//! again.

use std::collections::BTreeMap;

use gladstone_model::{Entity, Row, Value, catalogue};
use gladstone_protocol::{Entry, Mutation, Op, OpKind, entry::Body};
use gladstone_store::Reader;
use gladstone_vault::{Purpose, Tx, replica::EntryState};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{app::Done, sync_queue::QueuedChangeRequest, wire};
use crate::{desk::Desk, error::{Code, DeskError}, saving};

wire! {
    /// What a change writes.
    pub struct ChangeDetail {
        /// Its number on this computer.
        #[ts(type = "number")]
        pub dseq: u64,
        /// The command that made it.
        pub command: String,
        /// Why it was made, where somebody said so.
        pub reason: Option<String>,
        /// Whether it was put aside and can be changed and sent again: everything that it builds on is
        /// on this computer.
        pub can_mend: bool,
        /// The records that it writes, in its order.
        pub records: Vec<ChangedRecord>,
    }

    /// What a change writes of one record.
    pub struct ChangedRecord {
        /// Kind of record.
        pub entity: String,
        /// Name of the kind.
        pub label: String,
        /// The record.
        pub id: Uuid,
        /// Its name; empty when nothing here tells it.
        pub title: String,
        /// What is done to it.
        pub what: ChangeKind,
        /// Whether it is on this computer now.
        pub is_here: bool,
        /// Values that are written, by field; those that the program keeps for itself are left out.
        #[ts(type = "Record<string, unknown>")]
        pub values: Map<String, Json>,
        /// What stands in the same fields now; none when the record is not here.
        #[ts(type = "Record<string, unknown> | null")]
        pub stands: Option<Map<String, Json>>,
        /// Names of the records that values refer to, by id.
        #[ts(type = "Record<string, string>")]
        pub references: Map<String, Json>,
        /// Why it is marked as entered in error, if that is what is done.
        pub error_reason: Option<String>,
    }

    /// What is done to a record.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum ChangeKind {
        /// It is added.
        Created,
        /// It is changed.
        Changed,
        /// It is marked as entered in error.
        EnteredInError,
    }

    /// A change with other values.
    pub struct MendRequest {
        /// The number.
        #[ts(type = "number")]
        pub dseq: u64,
        /// The values that are other than before; the rest goes along as it was.
        pub records: Vec<MendedRecord>,
    }

    /// Values of one record of a change.
    pub struct MendedRecord {
        /// Kind of record.
        pub entity: String,
        /// The record.
        pub id: Uuid,
        /// Values by field.
        #[ts(type = "Record<string, unknown>")]
        pub values: Map<String, Json>,
    }

    /// A change to write into a file.
    pub struct ExportRequest {
        /// The number.
        #[ts(type = "number")]
        pub dseq: u64,
        /// A folder; the home folder when not given.
        #[serde(default)]
        pub path: Option<String>,
    }

    /// A file that was written.
    pub struct ExportedFile {
        /// Its path.
        pub path: String,
    }
}

/// See the command list.
///
/// # Errors
/// There is no such change.
pub fn view(desk: &Desk, request: QueuedChangeRequest) -> Result<ChangeDetail, DeskError> {
    let mutation = mutation(desk, request.dseq)?;
    let aside = is_put_aside(desk, request.dseq)?;
    desk.read(|read| {
        let records: Vec<ChangedRecord> = mutation.ops.iter().filter_map(|op| Some(changed(read, catalogue().by_no(op.entity)?, op))).collect::<Result<_, _>>()?;
        let can_mend = aside && records.iter().all(|record| record.what == ChangeKind::Created || record.is_here);
        Ok(ChangeDetail { dseq: request.dseq, command: mutation.command.clone(), reason: mutation.reason.clone(), can_mend, records })
    })
}

/// See the command list. What was put aside stays in the history; the new change takes its place.
///
/// # Errors
/// The change was not put aside, a record that it builds on is not on this computer, or a value breaks
/// a rule.
pub fn mend(desk: &Desk, request: MendRequest) -> Result<Done, DeskError> {
    let mutation = mutation(desk, request.dseq)?;
    if !is_put_aside(desk, request.dseq)? {
        return Err(DeskError::new(Code::Conflict, "This change is not one that the centre put aside."));
    }
    let purpose = Purpose { command: mutation.command.clone(), reason: mutation.reason.clone() };
    desk.commit(purpose, |tx| {
        tx.mends(request.dseq);
        let mut renamed = BTreeMap::new();
        for op in &mutation.ops {
            let Some(entity) = catalogue().by_no(op.entity) else { continue };
            let other = request.records.iter().find(|record| record.entity == entity.name && record.id == op.id).map(|record| &record.values);
            write(tx, entity, op, other, &mut renamed)?;
        }
        Ok(())
    })?;
    desk.sync_now();
    Ok(Done::YES)
}

/// See the command list.
///
/// # Errors
/// There is no such change, or the folder cannot be written.
pub fn export(desk: &Desk, request: ExportRequest) -> Result<ExportedFile, DeskError> {
    let folder = saving::folder_or_home(request.path.as_deref(), "path")?;
    let entry = desk.with_unlocked(|unlocked| unlocked.vault.entry(request.dseq)?.ok_or_else(no_such))?;
    let path = folder.join(format!("gladstone-change-{}.json", request.dseq));
    let text = serde_json::to_string_pretty(&readable(&entry)).map_err(|error| DeskError::new(Code::Failed, error.to_string()))?;
    Ok(ExportedFile { path: saving::save_text(&path, &text, "path")? })
}

/// What people call the record that a change writes: its name as it stands here, or, of one that is
/// not here, as the change writes it.
pub(super) fn title(read: Reader<'_>, entity: &'static Entity, op: &Op) -> Result<String, DeskError> {
    if let Some(row) = read.get(&entity.name, op.id)? {
        return Ok(read.title(&row)?);
    }
    let OpKind::Create(values) = &op.kind else { return Ok(String::new()) };
    let mut row = Row::empty(entity);
    for (no, value) in values {
        if let Some(at) = entity.position_of_no(*no) {
            row.values[at] = value.clone();
        }
    }
    Ok(read.title(&row)?)
}

fn changed(read: Reader<'_>, entity: &'static Entity, op: &Op) -> Result<ChangedRecord, DeskError> {
    let row = read.get(&entity.name, op.id)?;
    let (what, error_reason) = match &op.kind {
        OpKind::Create(_) => (ChangeKind::Created, None),
        OpKind::Update(_) => (ChangeKind::Changed, None),
        OpKind::EnterInError { reason, .. } => (ChangeKind::EnteredInError, Some(reason.clone())),
    };
    let written = written(op);
    let shown = || written.iter().filter_map(|(no, value)| {
        let field = &entity.fields[entity.position_of_no(*no)?];
        (!field.is_secret() && !field.is_managed()).then_some((field, value))
    });
    let mut references = Map::new();
    for (field, value) in shown() {
        if let (Some(reference), Value::Uuid(id)) = (&field.reference, value)
            && let Some(row) = read.get(&reference.entity, *id)?
        {
            references.insert(id.to_string(), read.title(&row)?.into());
        }
    }
    Ok(ChangedRecord {
        entity: entity.name.clone(),
        label: entity.label.clone(),
        id: op.id,
        title: title(read, entity, op)?,
        what,
        is_here: row.is_some(),
        stands: row.map(|row| shown().map(|(field, _)| (field.name.clone(), row.get(&field.name).to_json())).collect()),
        values: shown().map(|(field, value)| (field.name.clone(), value.to_json())).collect(),
        references,
        error_reason,
    })
}

/// Writes what a change writes once more, with other values where there are any. A record that is named
/// after its values may get another id by that; what refers to it follows.
fn write(tx: &mut Tx<'_>, entity: &'static Entity, op: &Op, other: Option<&Map<String, Json>>, renamed: &mut BTreeMap<Uuid, Uuid>) -> Result<(), DeskError> {
    if let OpKind::EnterInError { reason, .. } = &op.kind {
        return Ok(tx.enter_in_error(&entity.name, op.id, reason)?);
    }
    let is_here = tx.read().get(&entity.name, op.id)?.is_some();
    let mut values: BTreeMap<&str, Value> = BTreeMap::new();
    for (no, value) in written(op) {
        let field = entity.position_of_no(*no).map(|at| &entity.fields[at]).filter(|field| !is_here || !field.is_managed());
        if let Some(field) = field {
            let value = value.as_uuid().and_then(|id| renamed.get(&id)).map_or_else(|| value.clone(), |id| (*id).into());
            values.insert(&field.name, value);
        }
    }
    for (name, json) in other.into_iter().flatten() {
        let field = entity.field(name).filter(|field| !field.is_secret() && !field.is_managed());
        let field = field.ok_or_else(|| DeskError { code: Code::BadRequest, message: format!("{} have no field “{name}”.", entity.plural), field: Some(name.clone()) })?;
        values.insert(&field.name, Value::from_json(field.ty, json).map_err(|why| DeskError::field(name, format!("{}: {why}.", field.label)))?);
    }
    if is_here {
        tx.update(&entity.name, op.id, values)?;
    } else if matches!(op.kind, OpKind::Create(_)) {
        if entity.natural_key.is_empty() {
            values.insert("id", op.id.into());
        } else {
            values.remove("id");
        }
        renamed.insert(op.id, tx.create(&entity.name, values)?);
    } else {
        return Err(DeskError::new(Code::NotFound, format!("The {} that this changes is not on this computer any more. Send it again as it is once you have the right to it, or give it up.", entity.label.to_lowercase())));
    }
    Ok(())
}

fn mutation(desk: &Desk, dseq: u64) -> Result<Mutation, DeskError> {
    let entry = desk.with_unlocked(|unlocked| unlocked.vault.entry(dseq)?.ok_or_else(no_such))?;
    match entry.body {
        Body::Mutation(mutation) => Ok(mutation),
        Body::Event(_) => Err(no_such()),
    }
}

fn is_put_aside(desk: &Desk, dseq: u64) -> Result<bool, DeskError> {
    desk.with_unlocked(|unlocked| Ok(unlocked.vault.entry_state(dseq)? == Some(EntryState::Quarantined)))
}

fn no_such() -> DeskError {
    DeskError::new(Code::NotFound, "There is no such change.")
}

/// A change with the names of its kinds and fields; secrets are left out.
fn readable(entry: &Entry) -> Json {
    let Body::Mutation(mutation) = &entry.body else { return json!({ "number": entry.dseq }) };
    let rows: Vec<Json> = mutation.ops.iter().filter_map(|op| {
        let entity = catalogue().by_no(op.entity)?;
        let mut values = Map::new();
        for (no, value) in written(op) {
            if let Some(field) = entity.position_of_no(*no).map(|at| &entity.fields[at]).filter(|field| !field.is_secret()) {
                values.insert(field.name.clone(), value.to_json());
            }
        }
        let what = match &op.kind {
            OpKind::Create(_) => "created",
            OpKind::Update(_) => "changed",
            OpKind::EnterInError { reason, .. } => {
                values.insert("reason".into(), reason.clone().into());
                "entered_in_error"
            }
        };
        Some(json!({ "kind": entity.name, "id": op.id, "what": what, "values": values }))
    }).collect();
    json!({ "number": entry.dseq, "mutation": mutation.id, "command": mutation.command, "reason": mutation.reason, "by": mutation.actor, "at": mutation.wall.to_string(), "records": rows })
}

fn written(op: &Op) -> Vec<&(u16, Value)> {
    match &op.kind {
        OpKind::Create(values) => values.iter().collect(),
        OpKind::Update(patches) => patches.iter().flat_map(|patch| &patch.values).collect(),
        OpKind::EnterInError { .. } => Vec::new(),
    }
}
