//! Turns the rows that a transaction touched into the patches of its mutation.

use gladstone_model::Value;
use gladstone_protocol::{GroupPatch, Op, OpKind, RowState};
use gladstone_store::stored;

use crate::tx::Touched;

/// The patches of each row that differs from what it was. A row that was made or changed and
/// entered in error in one mutation has two: its values, then the mark.
pub(crate) fn ops(touched: &[Touched]) -> Vec<Op> {
    touched.iter().flat_map(|touched| kinds(touched).into_iter().map(|kind| op(touched, kind))).collect()
}

fn op(touched: &Touched, kind: OpKind) -> Op {
    let after = &touched.after;
    Op { entity: after.row.entity.no, id: after.row.id(), unit: after.unit, kind }
}

fn kinds(touched: &Touched) -> Vec<OpKind> {
    let after = &touched.after;
    let values = touched.before.as_ref().map_or_else(|| Some(created(after)), |before| updated(before, after));
    let mark = after.error.as_ref().filter(|_| touched.before.as_ref().is_none_or(|before| before.error.is_none()));
    let base = touched.before.as_ref().map_or(after.row_mid, |before| before.row_mid);
    values.into_iter().chain(mark.map(|(_, reason)| OpKind::EnterInError { base, reason: reason.clone() })).collect()
}

/// Every value of a new row. Secrets stay where they are.
fn created(after: &RowState) -> OpKind {
    let given = after.row.entity.fields.iter().zip(&after.row.values).filter(|(field, value)| !value.is_null() && field.name != "id" && !field.is_secret());
    OpKind::Create(given.map(|(field, value)| (field.no, value.clone())).collect())
}

/// The groups whose values differ; none when no group does.
fn updated(before: &RowState, after: &RowState) -> Option<OpKind> {
    let entity = after.row.entity;
    let mut patches = Vec::new();
    for group in &entity.groups {
        let travels = |at: &&usize| !entity.fields[**at].is_secret();
        let changed = group.fields.iter().filter(travels).any(|at| before.row.values[*at] != after.row.values[*at]);
        if !changed || entity.fields[group.fields[0]].is_managed() {
            continue;
        }
        let number = stored::group_of(entity, group.fields[0]);
        let values: Vec<(u16, Value)> = group.fields.iter().filter(travels).map(|at| (entity.fields[*at].no, after.row.values[*at].clone())).collect();
        patches.push(GroupPatch { group: number, base: before.group_mids.get(number, before.row_mid), values });
    }
    (!patches.is_empty()).then_some(OpKind::Update(patches))
}
