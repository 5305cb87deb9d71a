//! What a person should look at although no two values met: rows that share what should be one's
//! alone, rows that take somebody's time at once, and rules that only the merge of two edits breaks.

use gladstone_model::{Unit, Value, entity::Unique};
use gladstone_protocol::{RowState, Writer, row_state::number, wire::RowKey};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::{
    engine::{Alike, Having, Meeting},
    work::key_of,
};

/// Name under which rows that may be one and the same are listed.
const DOUBLE: &str = "duplicate_candidate";
/// Name under which broken rules are listed.
const RULE: &str = "rule";
/// Name under which rows for the same time are listed.
const OVERLAP: &str = "overlap";
/// Rows that are looked at for one that takes somebody's time.
const MEETINGS: u32 = 100;

/// Something to look at.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    /// The row.
    pub key: RowKey,
    /// What kind of notice, in the place of a merge group.
    pub name: &'static str,
    /// Values that stand, or stand elsewhere.
    pub current: Map<String, Json>,
    /// Values that came.
    pub incoming: Map<String, Json>,
    /// Who wrote the first, when known.
    pub current_by: Option<Writer>,
    /// Who wrote the second.
    pub incoming_by: Writer,
    /// Whoever looks at it has to see all of these.
    pub units: Vec<Unit>,
    /// What makes it one notice and not two: the other row, or the mutation.
    pub about: Uuid,
}

/// A rule that holds no more.
pub(crate) fn rule(before: Option<&RowState>, after: &RowState, message: &str, by: Writer, current: Option<Writer>) -> Notice {
    let entity = after.row.entity;
    let differs = |at: usize| before.map_or(!after.row.values[at].is_null(), |before| before.row.values[at] != after.row.values[at]);
    let changed = || (0..entity.fields.len()).filter(|at| differs(*at) && !entity.fields[*at].is_secret() && !entity.fields[*at].is_managed());
    let values = |state: &RowState| changed().map(|at| (entity.fields[at].name.clone(), state.row.values[at].to_json())).collect::<Map<_, _>>();
    let mut incoming = values(after);
    incoming.insert("_rule".into(), message.into());
    Notice { key: key_of(after), name: RULE, current: before.map(values).unwrap_or_default(), incoming, current_by: current, incoming_by: by, units: before.map(|before| before.unit).into_iter().chain([after.unit]).collect(), about: by.mutation }
}

/// Two rows with the same values.
pub(crate) fn double(ask: &Alike, row: &RowState, other: &RowState, by: Writer, current: Option<Writer>) -> Notice {
    let entity = row.row.entity;
    let values: Map<String, Json> = ask.values.iter().filter(|(at, _)| !entity.fields[*at].is_secret()).map(|(at, value)| (entity.fields[*at].name.clone(), value.to_json())).collect();
    let mut current_values = values.clone();
    current_values.insert("_row".into(), other.row.id().to_string().into());
    Notice { key: key_of(row), name: DOUBLE, current: current_values, incoming: values, current_by: current, incoming_by: by, units: vec![row.unit, other.unit], about: other.row.id() }
}

/// Two rows that take the same person's time.
pub(crate) fn overlap(ask: &Meeting, row: &RowState, other: &RowState, by: Writer, current: Option<Writer>) -> Notice {
    let entity = row.row.entity;
    let values = |state: &RowState| [ask.having.field, ask.fields.0, ask.fields.1].into_iter().map(|at| (entity.fields[at].name.clone(), state.row.values[at].to_json())).collect::<Map<_, _>>();
    let mut current_values = values(other);
    current_values.insert("_row".into(), other.row.id().to_string().into());
    Notice { key: key_of(row), name: OVERLAP, current: current_values, incoming: values(row), current_by: current, incoming_by: by, units: vec![row.unit, other.unit], about: other.row.id() }
}

/// What has to be asked about a row so that every other one at the same time is known: for each whose
/// time it takes. Nothing where that was not touched.
pub(crate) fn meetings(before: Option<&RowState>, after: &RowState) -> Vec<Meeting> {
    let row = &after.row;
    let Some(overlap) = row.entity.overlap.as_ref().filter(|_| takes_time(after)) else { return Vec::new() };
    if before.is_some_and(|before| takes_time(before) && overlap.fields().all(|at| before.row.values[at] == row.values[at])) {
        return Vec::new();
    }
    let (Some(from), Some(to)) = (row.values[overlap.from].as_instant(), row.values[overlap.to].as_instant()) else { return Vec::new() };
    let named = overlap.of.iter().filter(|at| !row.values[**at].is_null());
    named.map(|at| Meeting { having: Having { entity: row.entity, field: *at, value: row.values[*at].clone(), limit: MEETINGS }, fields: (overlap.from, overlap.to), span: (from, to) }).collect()
}

/// Whether a row stands and takes up somebody's time.
pub(crate) fn takes_time(state: &RowState) -> bool {
    state.error.is_none() && state.row.entity.overlap.as_ref().is_some_and(|overlap| overlap.takes_time(&state.row))
}

/// The mutation that wrote the time of such a row.
pub(crate) fn time_by(state: &RowState) -> Uuid {
    let entity = state.row.entity;
    let group = entity.overlap.as_ref().and_then(|overlap| overlap.group(entity));
    group.map_or(state.row_mid, |group| state.writer_of(number(entity, group)))
}

/// What has to be asked about a row so that every uniqueness it touches is known.
pub(crate) fn uniques(before: Option<&RowState>, after: &RowState) -> Vec<Alike> {
    let row = &after.row;
    let changed = |at: usize| before.is_none_or(|before| before.row.values[at] != row.values[at] || before.error.is_some());
    let asked = |unique: &&Unique| {
        let applies = unique.when.as_ref().is_none_or(|(at, value)| row.values[*at] == *value);
        let touched = unique.fields.iter().chain(unique.when.iter().map(|(at, _)| at)).any(|at| changed(*at));
        let empty = unique.fields.iter().all(|at| row.values[*at].is_null());
        applies && touched && !(empty && unique.when.is_none() && unique.fields.len() == 1)
    };
    let ask = |unique: &Unique| {
        let mut values: Vec<(usize, Value)> = unique.fields.iter().map(|at| (*at, row.values[*at].clone())).collect();
        values.extend(unique.when.clone());
        Alike { entity: row.entity, values, except: row.id() }
    };
    row.entity.uniques.iter().filter(asked).map(ask).collect()
}

#[cfg(test)]
mod tests;
