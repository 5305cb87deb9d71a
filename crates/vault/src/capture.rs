//! Turns the rows that a transaction touched into the patches of its mutation.

use gladstone_model::Value;
use gladstone_protocol::{GroupPatch, Op, OpKind};
use gladstone_store::stored;

use crate::tx::Touched;

/// One patch for each row that differs from what it was.
pub(crate) fn ops(touched: &[Touched]) -> Vec<Op> {
    touched.iter().filter_map(op).collect()
}

fn op(touched: &Touched) -> Option<Op> {
    let after = &touched.after;
    let entity = after.row.entity;
    let kind = match (&touched.before, &after.error) {
        (None, _) => {
            let given = entity.fields.iter().zip(&after.row.values).filter(|(field, value)| !value.is_null() && field.name != "id");
            OpKind::Create(given.map(|(field, value)| (field.no, value.clone())).collect())
        }
        (Some(before), Some((_, reason))) => OpKind::EnterInError { base: before.row_mid, reason: reason.clone() },
        (Some(before), None) => {
            let mut patches = Vec::new();
            for group in &entity.groups {
                let changed = group.fields.iter().any(|at| before.row.values[*at] != after.row.values[*at]);
                if !changed || entity.fields[group.fields[0]].is_managed() {
                    continue;
                }
                let number = stored::group_of(entity, group.fields[0]);
                let values: Vec<(u16, Value)> = group.fields.iter().map(|at| (entity.fields[*at].no, after.row.values[*at].clone())).collect();
                patches.push(GroupPatch { group: number, base: before.group_mids.get(number, before.row_mid), values });
            }
            if patches.is_empty() {
                return None;
            }
            OpKind::Update(patches)
        }
    };
    Some(Op { entity: entity.no, id: after.row.id(), unit: after.unit, kind })
}
