//! What the store says about a row as the merge rule sees it: its bytes under the state digest,
//! and the group in which a field lies.

use gladstone_model::Entity;
use gladstone_protocol::{RowState, row_state::number};

/// The canonical bytes over which the state digest of a vault runs, secrets included.
pub(crate) fn digest_bytes(state: &RowState) -> Result<Vec<u8>, postcard::Error> {
    let mids = state.group_mids.to_bytes();
    postcard::to_stdvec(&(state.row.entity.no, &state.row.values, state.unit, state.row_mid, mids, &state.error))
}

/// The number of the merge group in which the field at `at` lies.
pub fn group_of(entity: &Entity, at: usize) -> u16 {
    let name = &entity.fields[at].group;
    entity.groups.iter().find(|group| group.name == *name).map_or(entity.fields[at].no, |group| number(entity, group))
}
