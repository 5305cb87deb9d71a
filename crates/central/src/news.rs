//! What a change of a row is to those who hold its unit: the least that makes their row the same.

use gladstone_model::Unit;
use gladstone_protocol::{
    RowState,
    row_state::number,
    wire::{GroupImage, RowImage, RowNews},
};
use uuid::Uuid;

/// What is told about a row, and to the holders of which unit, in this order. `mutation` made
/// `after` out of `before`. Empty when nothing changed.
pub(crate) fn of(before: Option<&RowState>, after: &RowState, mutation: Uuid) -> Vec<(Unit, RowNews)> {
    let whole = || (after.unit, RowNews::Whole(RowImage::of(after)));
    match before {
        None => vec![whole()],
        Some(before) if before.unit != after.unit => vec![(before.unit, RowNews::Left), whole()],
        Some(before) if before == after => Vec::new(),
        Some(before) => vec![part(before, after, mutation).map_or_else(whole, |news| (after.unit, news))],
    }
}

/// What is new, when it can be told without the whole row.
fn part(before: &RowState, after: &RowState, mutation: Uuid) -> Option<RowNews> {
    let entity = after.row.entity;
    if before.row_mid != after.row_mid || before.row.get("created_at") != after.row.get("created_at") {
        return None;
    }
    if before.error != after.error {
        let (mid, reason) = after.error.clone()?;
        let same_values = before.row == after.row && before.group_mids.sparse(before.row_mid) == after.group_mids.sparse(after.row_mid);
        return (mid == mutation && same_values).then_some(RowNews::EnteredInError { reason });
    }
    let mut groups = Vec::new();
    for group in entity.groups.iter().filter(|group| group.fields.first().is_some_and(|at| !entity.fields[*at].is_managed())) {
        let no = number(entity, group);
        let changed = group.fields.iter().any(|at| before.row.values[*at] != after.row.values[*at]);
        if !changed && before.writer_of(no) == after.writer_of(no) {
            continue;
        }
        if after.writer_of(no) != mutation {
            return None;
        }
        groups.push(GroupImage::of(after, no)?);
    }
    Some(RowNews::Groups { groups, updated_at: after.row.get("updated_at").as_instant() })
}
