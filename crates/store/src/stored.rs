//! What the store says about a row as the merge rule sees it: its bytes under the state digest,
//! and the group in which a field lies.

use gladstone_model::{Entity, Value};
use gladstone_protocol::{RowState, row_state::number};

/// The canonical bytes over which the state digest of a vault runs, secrets included.
///
/// The values of the fields that the entity came with stand in their order. Those of later versions of
/// the schema follow by number, where there are any: a column that was added and never filled changes
/// no digest.
pub(crate) fn digest_bytes(state: &RowState) -> Result<Vec<u8>, postcard::Error> {
    let (entity, values) = (state.row.entity, &state.row.values);
    let mids = state.group_mids.to_bytes();
    if entity.fields.iter().all(|field| field.since == entity.since) {
        return postcard::to_stdvec(&(entity.no, values, state.unit, state.row_mid, mids, &state.error));
    }
    let (first, later): (Vec<_>, Vec<_>) = entity.fields.iter().zip(values).partition(|(field, _)| field.since == entity.since);
    let first: Vec<&Value> = first.into_iter().map(|(_, value)| value).collect();
    let later: Vec<(u16, &Value)> = later.into_iter().filter(|(_, value)| !value.is_null()).map(|(field, value)| (field.no, value)).collect();
    let bytes = postcard::to_stdvec(&(entity.no, first, state.unit, state.row_mid, mids, &state.error))?;
    if later.is_empty() { Ok(bytes) } else { postcard::to_extend(&later, bytes) }
}

/// The number of the merge group in which the field at `at` lies.
pub fn group_of(entity: &Entity, at: usize) -> u16 {
    let name = &entity.fields[at].group;
    entity.groups.iter().find(|group| group.name == *name).map_or(entity.fields[at].no, |group| number(entity, group))
}
