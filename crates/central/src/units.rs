//! In which unit a row lies, from its values and the units of the rows it refers to. Says nothing
//! about who may see a unit.

use gladstone_model::{Entity, Row, Unit, catalogue, entity::UnitSource};
use gladstone_protocol::wire::RowKey;
use uuid::Uuid;

use crate::error::CentreError;

/// Where a row belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// In this unit.
    In(Unit),
    /// In that of a row which is not here.
    Missing(Uuid),
    /// No rule of its entity applies: nobody would know who may see it.
    Nowhere,
}

/// The unit of a row. `parent` tells the unit of another row, none when that is not here.
///
/// # Errors
/// What `parent` fails with.
pub(crate) fn place(row: &Row, parent: &mut dyn FnMut(RowKey) -> Result<Option<Unit>, CentreError>) -> Result<Placement, CentreError> {
    for rule in &row.entity.unit {
        let applies = rule.when.as_ref().is_none_or(|when| when.holds(row));
        if !applies {
            continue;
        }
        match rule.source {
            UnitSource::Platform => return Ok(Placement::In(Unit::PLATFORM)),
            UnitSource::Of(kind, at) => {
                if let Some(id) = kind.id_in(&row.values[at]) {
                    return Ok(Placement::In(Unit { kind, id }));
                }
            }
            UnitSource::Parent(at) => {
                if let (Some(id), Some(entity)) = (row.values[at].as_uuid(), target(row.entity, at)) {
                    return Ok(parent(RowKey { entity: entity.no, id })?.map_or(Placement::Missing(id), Placement::In));
                }
            }
        }
    }
    Ok(Placement::Nowhere)
}

/// The entity that a field refers to.
pub(crate) fn target(entity: &Entity, at: usize) -> Option<&'static Entity> {
    entity.fields[at].reference.as_ref().and_then(|reference| catalogue().get(&reference.entity))
}

/// The entities whose rows may travel with a row of `entity`, with the field that refers to it.
pub(crate) fn followers(entity: &'static Entity) -> impl Iterator<Item = (&'static Entity, usize)> {
    catalogue().referrers(&entity.name).map(|(from, at, _)| (from, at)).filter(|(from, at)| from.unit.iter().any(|rule| matches!(rule.source, UnitSource::Parent(field) if field == *at)))
}

/// The key of a row that a field of another refers to.
pub(crate) fn referred(row: &Row, at: usize) -> Option<RowKey> {
    Some(RowKey { entity: target(row.entity, at)?.no, id: row.values[at].as_uuid()? })
}
