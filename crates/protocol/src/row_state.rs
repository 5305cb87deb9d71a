//! A replicated row with the origin of its values, as the merge rule sees it. Does not know how
//! a store keeps it.

use gladstone_model::{Entity, FieldType, Instant, Row, Unit, Value, entity::MergeGroup};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{clock, group_mids::GroupMids, mutation::Mutation};

/// A row as it stands, whether entered in error or not.
#[derive(Clone, Debug, PartialEq)]
pub struct RowState {
    /// The values.
    pub row: Row,
    /// With whom the row travels.
    pub unit: Unit,
    /// Mutation that made the row.
    pub row_mid: Uuid,
    /// Groups that another mutation wrote since.
    pub group_mids: GroupMids,
    /// Mutation and reason by which the row was entered in error.
    pub error: Option<(Uuid, String)>,
}

/// Who wrote, where and when: what is told about a value beside the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// The mutation.
    pub mutation: Uuid,
    /// Its stamp after [`clock::clamp`] and [`clock::lift`]: one number, decided once at receipt.
    pub hlc: u64,
    /// The person.
    pub actor: Uuid,
    /// The laptop.
    pub device: Uuid,
    /// The laptop's wall clock, as it was; for people, never for order.
    pub wall: Instant,
}

impl Writer {
    /// The writer that a mutation is, with the stamp `hlc` that was decided for it.
    pub fn of(mutation: &Mutation, device: Uuid, hlc: u64) -> Writer {
        Writer { mutation: mutation.id, hlc, actor: mutation.actor, device, wall: mutation.wall }
    }

    /// A writer of whom only the mutation is known, before all others. A laptop that puts its
    /// pending edits over a row answers with this for what came by a pull.
    pub fn before_all(mutation: Uuid) -> Writer {
        Writer { mutation, hlc: 0, actor: Uuid::nil(), device: Uuid::nil(), wall: Instant(0) }
    }

    /// The order of last-writer-wins: stamp, then laptop, then mutation. Total and the same everywhere.
    pub fn is_later_than(&self, other: &Writer) -> bool {
        (self.hlc, self.device, self.mutation) > (other.hlc, other.device, other.mutation)
    }

    /// `stated`, or the wall clock, but not beyond the stamp: a clock in the year 9999 must not
    /// stay on a row.
    pub(crate) fn bounded(&self, stated: Option<Instant>) -> Instant {
        let end = clock::millis(self.hlc).saturating_mul(1_000).saturating_add(999);
        stated.unwrap_or(self.wall).min(Instant(i64::try_from(end).unwrap_or(i64::MAX)))
    }
}

impl RowState {
    /// The mutation that last wrote `group` (number of its first field).
    pub fn writer_of(&self, group: u16) -> Uuid {
        self.group_mids.get(group, self.row_mid)
    }

    /// The values of a group by field number, null included.
    pub fn values_of(&self, group: &MergeGroup) -> Vec<(u16, Value)> {
        group.fields.iter().map(|at| (self.row.entity.fields[*at].no, self.row.values[*at].clone())).collect()
    }

    /// Every value that leaves this place, by field number in ascending order: not null, not secret.
    pub fn travelling_values(&self) -> Vec<(u16, &Value)> {
        let all = self.row.entity.fields.iter().zip(&self.row.values);
        let mut values: Vec<_> = all.filter(|(field, value)| !value.is_null() && !field.is_secret()).map(|(field, value)| (field.no, value)).collect();
        values.sort_by_key(|(no, _)| *no);
        values
    }

    /// Whether nobody wrote this group yet: the mutation that made the row left it empty.
    /// A group that somebody emptied was written.
    pub fn is_unwritten(&self, group: &MergeGroup) -> bool {
        let empty = group.fields.iter().all(|at| self.row.values[*at].is_null());
        empty && self.writer_of(number(self.row.entity, group)) == self.row_mid
    }
}

/// The number of a merge group: that of its first field.
pub fn number(entity: &Entity, group: &MergeGroup) -> u16 {
    group.fields.first().map_or(0, |at| entity.fields[*at].no)
}

/// A value in the one form in which a store gives it back: numbers of decimal fields without
/// trailing zeros. Two sides that hold the same must have the same digest.
pub(crate) fn as_kept(ty: FieldType, value: &Value) -> Value {
    match (ty, value.as_decimal()) {
        (FieldType::Decimal { .. }, Some(number)) => Value::Decimal(number.normalize()),
        _ => value.clone(),
    }
}

/// Whether two values are the same to a person: numbers by their size, everything else as it is.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a.as_decimal(), b.as_decimal()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}
