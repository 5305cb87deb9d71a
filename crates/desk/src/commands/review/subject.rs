//! What a case of "needs review" is about: the record as this computer holds it, what kind of case that makes
//! it, which values stand, and whether a decision about it can be taken back.

use gladstone_model::{Entity, Field, MergePolicy, Row, Value, catalogue, entity::MergeGroup};
use gladstone_protocol::{RowState, row_state::same};
use gladstone_store::{Reader, stored};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::CaseKind;
use crate::error::{Code, DeskError};

/// Under this name the mark "entered in error" stands among the values of a case.
pub(super) const MARK: &str = "entered_in_error";
/// In the place of a merge group: two records that may be one and the same.
const DOUBLE: &str = "duplicate_candidate";
/// Under this name the record that was registered anew is remembered.
pub(super) const ANEW: &str = "_anew";

/// The record that a case is about, as far as this computer holds it.
pub(super) struct Subject {
    pub(super) entity: &'static Entity,
    pub(super) id: Uuid,
    pub(super) state: Option<RowState>,
    pub(super) group: Option<&'static MergeGroup>,
}

impl Subject {
    pub(super) fn of(read: Reader<'_>, row: &Row) -> Result<Subject, DeskError> {
        let name = row.text("entity_type");
        let entity = catalogue().get(name).ok_or_else(|| DeskError::new(Code::NotFound, format!("This version does not know records called “{name}”. A newer one can decide this.")))?;
        let id = row.uuid("entity_id").unwrap_or_default();
        let group = entity.position(row.text("merge_group")).and_then(|at| entity.groups.iter().find(|group| group.fields.contains(&at)));
        Ok(Subject { entity, id, state: read.stored(entity, id)?, group })
    }

    pub(super) fn kind(&self, row: &Row) -> CaseKind {
        let marked = row.text("merge_group") == MARK || values_of(row, "current_values").contains_key(MARK);
        match &self.state {
            Some(state) if marked && state.error.is_none() => CaseKind::PartOfInError,
            _ if marked => CaseKind::InError,
            _ if row.text("merge_group") == DOUBLE => CaseKind::Double,
            _ if self.group.is_none() => CaseKind::Notice,
            _ if self.entity.policy == MergePolicy::Sealed || self.entity.append_only => CaseKind::Addendum,
            Some(state) if state.error.is_some() => CaseKind::InError,
            _ => CaseKind::Values,
        }
    }

    /// The fields of the group that a person may see.
    pub(super) fn fields(&self) -> Vec<&'static Field> {
        let positions = self.group.map(|group| group.fields.as_slice()).unwrap_or_default();
        positions.iter().map(|at| &self.entity.fields[*at]).filter(|field| !field.is_secret()).collect()
    }

    /// The fields that a case shows: those of its group, or those that it names.
    pub(super) fn shown(&self, row: &Row) -> Vec<&'static Field> {
        if self.group.is_some() {
            return self.fields();
        }
        let (current, incoming) = (values_of(row, "current_values"), values_of(row, "incoming_values"));
        self.entity.fields.iter().filter(|field| !field.is_secret() && (current.contains_key(&field.name) || incoming.contains_key(&field.name))).collect()
    }

    /// What stands in the group now.
    pub(super) fn stands(&self) -> Option<Map<String, Json>> {
        let state = self.state.as_ref()?;
        Some(self.fields().into_iter().map(|field| (field.name.clone(), state.row.get(&field.name).to_json())).collect())
    }

    /// Whether the record holds these values of the group now.
    pub(super) fn holds(&self, values: &Map<String, Json>) -> bool {
        let Some(state) = &self.state else { return false };
        self.fields().into_iter().filter(|field| values.contains_key(&field.name)).all(|field| Value::from_json(field.ty, &values[&field.name]).is_ok_and(|value| same(&value, state.row.get(&field.name))))
    }
}

/// What taking a decision back means.
pub(super) enum Undoing {
    /// Only the case is opened again.
    Nothing,
    /// What stood before is written again.
    Restore,
    /// The record that was registered anew is entered in error.
    Withdraw(Uuid),
    /// It cannot be taken back.
    Impossible(&'static str),
}

pub(super) fn undoing(read: Reader<'_>, row: &Row, subject: &Subject) -> Result<Undoing, DeskError> {
    let status = row.text("status");
    if matches!(status, "open" | "undone") {
        return Ok(Undoing::Impossible("This waits for a decision; there is nothing to take back."));
    }
    if status == "kept_current" {
        return Ok(Undoing::Nothing);
    }
    let anew = values_of(row, "incoming_values").get(ANEW).and_then(Json::as_str).and_then(|id| Uuid::parse_str(id).ok());
    if let Some(anew) = anew {
        let standing = read.get(&subject.entity.name, anew)?.is_some();
        return Ok(if standing { Undoing::Withdraw(anew) } else { Undoing::Nothing });
    }
    let (Some(state), Some(group)) = (&subject.state, subject.group) else { return Ok(Undoing::Impossible("The record is not on this computer.")) };
    if state.error.is_some() {
        return Ok(Undoing::Impossible("The record was entered in error, which cannot be taken back. Register it anew instead."));
    }
    if subject.holds(&values_of(row, "current_values")) {
        return Ok(Undoing::Nothing);
    }
    // The decision and its value were written by one mutation; whoever wrote the value later had seen it.
    let (Some(case), Some(first)) = (read.stored(row.entity, row.id())?, group.fields.first()) else { return Ok(Undoing::Nothing) };
    let decision = row.entity.position("status").map(|at| case.writer_of(stored::group_of(row.entity, at)));
    let written = state.writer_of(stored::group_of(subject.entity, *first));
    Ok(if decision == Some(written) { Undoing::Restore } else { Undoing::Impossible("The record was changed after the decision. Change the record itself.") })
}

pub(super) fn values_of(row: &Row, field: &str) -> Map<String, Json> {
    match row.get(field).as_json() {
        Some(Json::Object(values)) => values,
        _ => Map::new(),
    }
}

/// The values of fields that the record has, in the types of the declaration.
pub(super) fn typed(entity: &'static Entity, values: &Map<String, Json>) -> Result<Vec<(&'static str, Value)>, DeskError> {
    let known = values.iter().filter_map(|(name, json)| Some((entity.field(name).filter(|field| !field.is_secret() && !field.is_managed())?, json)));
    known.map(|(field, json)| Ok((field.name.as_str(), Value::from_json(field.ty, json).map_err(|why| DeskError::field(&field.name, format!("{}: {why}.", field.label)))?))).collect()
}
