//! Which units a laptop is to hold, and what that means for one that holds others.

use std::{collections::BTreeSet, sync::Arc};

use gladstone_model::{Instant, Unit, unit::UnitKind};
use gladstone_protocol::wire::unit_set_hash;
use uuid::Uuid;

use crate::{
    centre::Caller,
    engine::{Claim, DeviceUnits, Head, Reading},
    error::CentreError,
    recent::Recent,
    rights::{self, Rights},
    standing::{Settled, Standing},
    stir::Touch,
    work::{member_key, user_key},
};

/// Commits since a laptop was answered that are looked through for rights; beyond that all is read anew.
const COMMITS: u64 = 512;
/// Units and rows that such a look may find.
const TOUCHES: usize = 5_000;

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

/// What a person may see.
pub(crate) struct Entitled {
    /// These units.
    pub units: Arc<BTreeSet<Unit>>,
    /// By these rights, and until when.
    pub settled: Settled,
    /// Whether that was remembered of the laptop: it holds these units and no others.
    pub known: bool,
    /// Whether verdicts on what the laptop sent may have been decided anew since what is remembered of it.
    pub judged: bool,
}

/// What was committed since a laptop was answered, as far as it changes what it may see.
struct Since {
    /// Rights may be others than they were, or a unit came to be that may be seen.
    turned: bool,
    /// Verdicts on what it sent were decided anew, or may have been.
    judged: bool,
}

/// The units that a person may see now. What is remembered of the laptop stands where no row that
/// carries a right was committed since, so that the price is that of what is new.
///
/// # Errors
/// What the store says.
pub(crate) fn entitled(shelf: &mut dyn Reading, recent: &Recent, head: &Head, caller: &Caller, known: Option<&Standing>, now: Instant) -> Result<Entitled, CentreError> {
    let mut judged = true;
    if let Some(known) = known
        && let Some(settled) = known.settled.as_ref().filter(|settled| settled.stands(caller.actor, now))
    {
        let since = since(shelf, recent, head, caller.device, known, &settled.rights)?;
        judged = since.judged;
        if !since.turned {
            return Ok(Entitled { units: Arc::clone(&known.held), settled: settled.clone(), known: true, judged });
        }
    }
    let (units, rights, until) = of_actor(shelf, head.realm, caller.actor, now)?;
    Ok(Entitled { units: Arc::new(units), settled: Settled { rights: Arc::new(rights), since: now, until }, known: false, judged })
}

/// What was committed since a laptop was answered: as this process remembers it, or as the log tells it.
fn since(shelf: &mut dyn Reading, recent: &Recent, head: &Head, device: Uuid, known: &Standing, rights: &Rights) -> Result<Since, CentreError> {
    if known.g == head.g {
        return Ok(Since { turned: false, judged: false });
    }
    if known.g > head.g || known.g < head.floor_g || head.g - known.g > COMMITS {
        return Ok(Since { turned: true, judged: true });
    }
    let is_new = |unit: &Unit| rights.reads(*unit) && !known.held.contains(unit);
    if let Some(commits) = recent.between(head.realm, head.epoch, known.g, head.g) {
        let turned = commits.iter().any(|commit| commit.rights || commit.units().any(is_new));
        return Ok(Since { turned, judged: commits.iter().any(|commit| commit.touches.contains(&Touch::Device(device))) });
    }
    let Some(touched) = shelf.touched(known.g, head.g, rights::carrying(), TOUCHES)? else { return Ok(Since { turned: true, judged: true }) };
    Ok(Since { turned: !touched.rows.is_empty() || touched.units.iter().any(is_new), judged: touched.devices.contains(&device) })
}

/// The units that a person may see now, by which rights, and until when these are the same if nothing is
/// committed: rights begin and end by the clock too.
fn of_actor(shelf: &mut dyn Reading, realm: Uuid, actor: Uuid, now: Instant) -> Result<(BTreeSet<Unit>, Rights, Instant), CentreError> {
    let (rights, claims) = rights_of(shelf, realm, actor, now)?;
    let turns = claims.iter().flat_map(|claim| [claim.from, claim.to]).flatten().filter(|time| *time > now);
    let until = turns.min().unwrap_or(Instant(i64::MAX));
    let mut units: BTreeSet<Unit> = rights.units().collect();
    if rights.is_admin() {
        units.extend(shelf.units(UnitKind::Person)?);
    }
    Ok((units, rights, until))
}

/// The units that a laptop holds as complete, by the hash that it sent; none when that is not one
/// of the sets that it was handed out. `anew`: units that it downloads, again maybe, because what
/// it held did not add up.
pub(crate) fn held(known: &DeviceUnits, anew: &BTreeSet<Unit>, hash: [u8; 32]) -> Option<BTreeSet<Unit>> {
    let kept = [known.now.as_slice(), known.before.as_slice(), &[]];
    let sets: Vec<BTreeSet<Unit>> = kept.into_iter().chain(known.between.iter().map(Vec::as_slice)).map(|units| units.iter().copied().collect()).collect();
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
