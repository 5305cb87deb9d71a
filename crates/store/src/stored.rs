//! A row with what the store knows about it: unit, origin of its values, whether it stands.

use gladstone_model::{Entity, Row, Unit, Value};
use gladstone_protocol::GroupMids;
use uuid::Uuid;

/// A row as it lies in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRow {
    /// The values.
    pub row: Row,
    /// With whom the row travels.
    pub unit: Unit,
    /// Mutation that last wrote the row as a whole.
    pub row_mid: Uuid,
    /// Groups that another mutation wrote since.
    pub group_mids: GroupMids,
    /// Mutation and reason by which the row was entered in error.
    pub error: Option<(Uuid, String)>,
}

impl StoredRow {
    /// The canonical bytes over which the digest runs.
    pub(crate) fn digest_bytes(&self) -> Result<Vec<u8>, postcard::Error> {
        let mids = self.group_mids.to_bytes();
        postcard::to_stdvec(&(self.row.entity.no, &self.row.values, self.unit, self.row_mid, mids, &self.error))
    }
}

/// The number of the merge group in which the field at `at` lies: that of the group's first field.
pub fn group_of(entity: &Entity, at: usize) -> u16 {
    let name = &entity.fields[at].group;
    let first = entity.groups.iter().find(|group| group.name == *name).and_then(|group| group.fields.first());
    entity.fields[*first.unwrap_or(&at)].no
}

/// Whether two values are the same to a person: decimals by number, everything else as it is.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a.as_decimal(), b.as_decimal()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}
