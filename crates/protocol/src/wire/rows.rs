//! Rows on the wire: by field number, so that a laptop can carry fields that it does not know.

use gladstone_model::{Instant, Row, Unit, Value, catalogue};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    bounded,
    group_mids::GroupMids,
    limits::FIELD_COUNT,
    merge::MergeFault,
    row_state::{RowState, number},
};

/// The place of a row in the order of pages: by entity, then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowKey {
    /// Entity by its number.
    pub entity: u16,
    /// Id of the row.
    pub id: Uuid,
}

/// A whole row as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowImage {
    /// Entity and id.
    pub key: RowKey,
    /// With whom the row travels.
    pub unit: Unit,
    /// Mutation that made the row.
    pub row_mid: Uuid,
    /// Groups that another mutation wrote since, by number in ascending order.
    #[serde(deserialize_with = "bounded::list::<_, _, FIELD_COUNT>")]
    pub group_mids: Vec<(u16, Uuid)>,
    /// Mutation and reason by which the row was entered in error.
    pub error: Option<(Uuid, String)>,
    /// Every value that is neither null nor secret, by field number in ascending order.
    #[serde(deserialize_with = "bounded::list::<_, _, FIELD_COUNT>")]
    pub values: Vec<(u16, Value)>,
}

/// What one mutation changed of one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowChange {
    /// Entity and id.
    pub key: RowKey,
    /// Unit by which the laptop is told.
    pub unit: Unit,
    /// What is new.
    pub news: RowNews,
}

/// What is new about a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RowNews {
    /// The row is new to the unit, or so much changed that all of it comes.
    Whole(RowImage),
    /// Some groups were written by this mutation.
    Groups {
        /// The groups.
        #[serde(deserialize_with = "bounded::list::<_, _, FIELD_COUNT>")]
        groups: Vec<GroupImage>,
        /// The row's `updated_at` after it; none where the entity has no such field.
        updated_at: Option<Instant>,
    },
    /// It was entered in error by this mutation.
    EnteredInError {
        /// Why.
        reason: String,
    },
    /// It travels with another unit now and is to be removed, unless that one is held as well.
    Left,
}

/// A merge group as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupImage {
    /// The group, by the number of its first field.
    pub group: u16,
    /// All values of the group that are not secret, by field number; null included.
    #[serde(deserialize_with = "bounded::list::<_, _, FIELD_COUNT>")]
    pub values: Vec<(u16, Value)>,
}

impl GroupImage {
    /// The group of a row as it stands, without secrets; none when the entity has no such group.
    pub fn of(state: &RowState, group: u16) -> Option<GroupImage> {
        let entity = state.row.entity;
        let found = entity.groups.iter().find(|found| number(entity, found) == group)?;
        let public = found.fields.iter().filter(|at| !entity.fields[**at].is_secret());
        Some(GroupImage { group, values: public.map(|at| (entity.fields[*at].no, state.row.values[*at].clone())).collect() })
    }
}

impl RowImage {
    /// The image of a row. Secrets stay where they are.
    pub fn of(state: &RowState) -> RowImage {
        RowImage {
            key: RowKey { entity: state.row.entity.no, id: state.row.id() },
            unit: state.unit,
            row_mid: state.row_mid,
            group_mids: state.group_mids.sparse(state.row_mid).pairs().to_vec(),
            error: state.error.clone(),
            values: state.travelling_values().into_iter().map(|(no, value)| (no, value.clone())).collect(),
        }
    }

    /// The row, and apart from it the values of fields that this version does not know: to be
    /// kept as they are and never sent back.
    ///
    /// # Errors
    /// [`MergeFault::UnknownEntity`]; [`MergeFault::Misfit`] when a field comes twice or the id is
    /// another.
    pub fn into_state(self) -> Result<(RowState, Vec<(u16, Value)>), MergeFault> {
        let entity = catalogue().by_no(self.key.entity).ok_or(MergeFault::UnknownEntity(self.key.entity))?;
        let mut row = Row::empty(entity);
        let mut opaque = Vec::new();
        let mut last = 0;
        for (no, value) in self.values {
            if no <= last {
                return Err(MergeFault::Misfit);
            }
            last = no;
            match entity.position_of_no(no) {
                Some(at) => row.values[at] = value,
                None => opaque.push((no, value)),
            }
        }
        if row.id() != self.key.id {
            return Err(MergeFault::Misfit);
        }
        let group_mids = GroupMids::from_pairs(self.group_mids);
        Ok((RowState { row, unit: self.unit, row_mid: self.row_mid, group_mids, error: self.error }, opaque))
    }
}
