//! Which units a laptop is to hold, and what that means for one that holds others.

use std::collections::BTreeSet;

use gladstone_model::{Instant, Unit, unit::UnitKind};
use gladstone_protocol::wire::unit_set_hash;
use uuid::Uuid;

use crate::{
    engine::{Claim, DeviceUnits, Reading},
    error::CentreError,
    rights::Rights,
    work::{member_key, user_key},
};

/// The rights of a person now, and their claims.
///
/// # Errors
/// What the store says.
pub(crate) fn rights_of(shelf: &mut dyn Reading, realm: Uuid, actor: Uuid, now: Instant) -> Result<(Rights, Vec<Claim>), CentreError> {
    let (user, member) = (user_key(actor), member_key(realm, actor));
    let rows = shelf.rows(&[user, member].into_iter().flatten().collect::<Vec<_>>())?;
    let row = |entity: &str| rows.iter().find(|state| state.row.entity.name == entity && state.error.is_none()).map(|state| &state.row);
    let claims = shelf.claims(&[actor])?;
    Ok((Rights::new(realm, actor, row("users"), row("organization_members"), &claims, now), claims))
}

/// The units that a person may see now, and until when these are the same if nothing is committed:
/// rights begin and end by the clock too.
///
/// # Errors
/// What the store says.
pub(crate) fn of_actor(shelf: &mut dyn Reading, realm: Uuid, actor: Uuid, now: Instant) -> Result<(BTreeSet<Unit>, Instant), CentreError> {
    let (rights, claims) = rights_of(shelf, realm, actor, now)?;
    let turns = claims.iter().flat_map(|claim| [claim.from, claim.to]).flatten().filter(|time| *time > now);
    let until = turns.min().unwrap_or(Instant(i64::MAX));
    let mut units: BTreeSet<Unit> = rights.units().collect();
    if rights.is_admin() {
        units.extend(shelf.units(UnitKind::Person)?);
    }
    Ok((units, until))
}

/// The units that a laptop holds as complete, by the hash that it sent; none when that is not one
/// of the sets that it was handed out. `anew`: units that it downloads, again maybe, because what
/// it held did not add up.
pub(crate) fn held(known: &DeviceUnits, anew: &BTreeSet<Unit>, hash: [u8; 32]) -> Option<BTreeSet<Unit>> {
    let sets = [known.now.as_slice(), known.before.as_slice(), &[]].map(|units| units.iter().copied().collect::<BTreeSet<_>>());
    let fits = |units: &BTreeSet<Unit>| unit_set_hash(units.iter().copied()) == hash;
    sets.iter().find(|units| fits(units)).cloned().or_else(|| sets.iter().filter(|units| !units.is_disjoint(anew)).map(|units| units - anew).find(fits))
}

/// The order in which units are handed out: what a person cannot work without comes first.
pub(crate) fn order(unit: &Unit) -> (u8, Unit) {
    let rank = match unit.kind {
        UnitKind::Account => 0,
        UnitKind::Org => 1,
        UnitKind::Platform => 2,
        UnitKind::Person => 3,
        UnitKind::Thread => 4,
    };
    (rank, *unit)
}
