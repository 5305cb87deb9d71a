//! Who may see and write what. Recomputed from the centre's own rows; what a laptop says about
//! units is a hint.
//!
//! Adding a right: see the README.

use std::sync::OnceLock;

use gladstone_model::{
    Instant, Row, Unit, Value, catalogue,
    claim::{Claimant, ClaimedUnit, RoleRule},
    entity::Writers,
    unit::UnitKind,
};
use gladstone_protocol::{Op, OpKind, RowState, wire::RowKey};
use hashbrown::HashSet;
use uuid::Uuid;

use crate::engine::Claim;

/// What an author is told.
const NO_RIGHT: &str = "You have no right to this record, or not any more. Ask an administrator of your organization for it, then send it again.";
const CARRIES_RIGHTS: &str = "This carries rights, and only an administrator of your organization may write it. Ask one to do it.";
const FOR_STAFF: &str = "Only staff may write this for the organization. Ask somebody of the staff to do it.";

/// What a mutation does around a row that it writes.
pub(crate) struct About<'m> {
    /// Units that come to be by it.
    pub made: &'m HashSet<Unit>,
    /// Whether something is journalled about the row.
    pub telling: bool,
    /// Who made the row, when it is there already.
    pub maker: Option<Uuid>,
    /// Whether it was written before its laptop joined an organization.
    pub alone: bool,
}

/// The rights of one person at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Rights {
    actor: Uuid,
    realm: Uuid,
    own: bool,
    admin: bool,
    staff: bool,
    read: HashSet<Unit>,
    write: HashSet<Unit>,
}

impl Rights {
    /// The rights of `actor` in `realm` at `now`: from their own row, their membership and their claims.
    pub fn new(realm: Uuid, actor: Uuid, user: Option<&Row>, member: Option<&Row>, claims: &[Claim], now: Instant) -> Rights {
        let active = |row: &&Row| row.entity.role.as_ref().is_some_and(|role| role.is_active(row));
        // Whoever is kept out as a person is so as a member.
        let member = member.filter(|_| user.is_none_or(|user| active(&user)));
        let given: Vec<(&Row, &RoleRule)> = user.into_iter().chain(member).filter(active).filter_map(|row| Some((row, row.entity.role.as_ref()?))).collect();
        let admin = given.iter().any(|(row, role)| role.is_admin(row));
        let staff = given.iter().any(|(row, role)| role.is_staff(row));
        let of = |kind, id| Unit { kind, id };
        let own = [of(UnitKind::Org, realm), of(UnitKind::Account, actor), of(UnitKind::Person, actor)];
        let mut rights = Rights { actor, realm, own: false, admin, staff, read: HashSet::from(own), write: HashSet::from(own) };
        rights.read.insert(Unit::PLATFORM);
        if staff {
            rights.write.insert(Unit::PLATFORM);
        }
        for claim in claims.iter().filter(|claim| claim.actor == actor && claim.from.is_none_or(|from| from <= now) && claim.to.is_none_or(|to| now < to)) {
            rights.read.insert(claim.unit);
            if !claim.read_only {
                rights.write.insert(claim.unit);
            }
        }
        rights
    }

    /// The rights of the centre itself.
    pub fn of_the_centre(realm: Uuid, device: Uuid) -> Rights {
        Rights { actor: device, realm, own: true, admin: true, staff: true, read: HashSet::new(), write: HashSet::new() }
    }

    /// Whether rows of this unit may be seen.
    pub fn reads(&self, unit: Unit) -> bool {
        self.own || self.read.contains(&unit) || self.admin && unit.kind == UnitKind::Person
    }

    /// Whether rows of this unit may be written.
    pub fn writes(&self, unit: Unit) -> bool {
        self.own || self.write.contains(&unit) || self.admin && unit.kind == UnitKind::Person
    }

    /// Whether this is somebody who sees every person of the organization.
    pub fn is_admin(&self) -> bool {
        self.admin
    }

    /// The units that may be seen, all persons of an administrator left out.
    pub fn units(&self) -> impl Iterator<Item = Unit> + '_ {
        self.read.iter().copied()
    }

    /// A patch without what no laptop decides: of a new person the marks of staff, of a person
    /// who is known already everything that carries rights. None where nothing has to be left out.
    pub fn without_server_owned(&self, op: &Op, current: Option<&RowState>) -> Option<Op> {
        let entity = catalogue().by_no(op.entity)?;
        let (OpKind::Create(values), Some(role), false) = (&op.kind, entity.role_of_itself(), self.own) else { return None };
        let mut kept = values.clone();
        for (at, field) in entity.fields.iter().enumerate() {
            let rights = current.is_some() && !self.admin && carries_rights(role, at);
            let owned = field.is_secret() || role.by_centre.contains(&at);
            if rights || owned && current.is_some() || field.is_secret() {
                kept.retain(|(no, _)| *no != field.no);
            } else if owned {
                kept.iter_mut().filter(|(no, _)| *no == field.no).for_each(|(_, value)| *value = Value::Boolean(false));
            }
        }
        (kept != *values).then(|| Op { kind: OpKind::Create(kept), ..op.clone() })
    }

    /// Whether this is the centre itself.
    pub fn is_the_centre(&self) -> bool {
        self.own
    }

    /// Why a row may not be written as it is, in words for its author; none when it may. Everything is
    /// judged by its effect: what has none needs no more than the right to see.
    pub fn objection(&self, before: Option<&RowState>, after: &RowState, about: &About<'_>) -> Option<&'static str> {
        if self.own || before == Some(after) && !about.telling && self.reads(after.unit) {
            return None;
        }
        let refused = before.into_iter().chain([after]).find_map(|state| self.objection_to_row(state, about));
        if refused.is_some() {
            return refused;
        }
        let entity = after.row.entity;
        match entity.role_of_itself() {
            Some(role) => self.objection_to_person(before, &after.row, role),
            None if !self.admin && !about.alone && (before.is_none() || after.error.is_some()) && is_organization(entity.no) => Some("Only an administrator may add an organization or take one away. Ask one to do it."),
            None if !self.staff && self.is_of_all(after.unit) && before.is_some() && about.maker != Some(self.actor) => Some(FOR_STAFF),
            _ => None,
        }
    }

    fn objection_to_row(&self, state: &RowState, about: &About<'_>) -> Option<&'static str> {
        let entity = state.row.entity;
        let mut named = entity.claims.iter().map(|claim| claim.unit).filter(|unit| matches!(unit, ClaimedUnit::Any(_))).peekable();
        if named.peek().is_some() {
            let may_give = |unit: Unit| unit.kind == UnitKind::Person && (self.writes(unit) || about.made.contains(&unit));
            let given = named.all(|named| named.of(&state.row).is_some_and(may_give));
            return (!self.admin && !given).then_some(CARRIES_RIGHTS);
        }
        match entity.writers {
            Writers::Centre => return Some(CARRIES_RIGHTS),
            Writers::Admins if self.admin => return None,
            Writers::Admins => return Some(CARRIES_RIGHTS),
            Writers::Staff if !self.staff && self.is_of_all(state.unit) => return Some(FOR_STAFF),
            Writers::Staff | Writers::Anyone => {}
        }
        (!self.writes(state.unit) && !about.made.contains(&state.unit)).then_some(NO_RIGHT)
    }

    /// Whether rows of a unit belong to the organization or to everybody in it.
    fn is_of_all(&self, unit: Unit) -> bool {
        unit == Unit::PLATFORM || unit.kind == UnitKind::Org && unit.id == self.realm
    }

    fn objection_to_person(&self, before: Option<&RowState>, after: &Row, role: &RoleRule) -> Option<&'static str> {
        let changed = |at: usize| before.is_some_and(|before| before.row.values[at] != after.values[at]);
        if role.by_centre.iter().any(|at| changed(*at)) {
            return Some("These marks of a person are set by the centre alone.");
        }
        if self.admin {
            return None;
        }
        let oneself = after.id() == self.actor;
        let works_here = before.is_some_and(|before| role.is_staff(&before.row));
        let refused = match before {
            Some(_) => (0..after.values.len()).any(|at| carries_rights(role, at) && changed(at)) || (oneself || works_here) && role.admission.iter().any(|at| changed(*at)),
            None => role.is_staff(after),
        };
        if refused {
            return Some("Only an administrator of your organization may give a person a role or another organization, or let them in. Ask one to do it.");
        }
        (works_here && !oneself).then_some("Only an administrator of your organization may change what is kept of somebody who works there. Ask one to do it.")
    }

    /// Who this is.
    pub fn actor(&self) -> Uuid {
        self.actor
    }
}

/// Whether a field of people carries rights: written by administrators only.
fn carries_rights(role: &RoleRule, at: usize) -> bool {
    at == role.field || role.by_admins.contains(&at)
}

/// Whether rows of an entity stand for organizations.
pub(crate) fn is_organization(entity: u16) -> bool {
    catalogue().home_of(UnitKind::Org).is_some_and(|home| home.no == entity)
}

/// Numbers of the entities from whose rows the rights of somebody follow.
pub(crate) fn carrying() -> &'static [u16] {
    static CARRYING: OnceLock<Vec<u16>> = OnceLock::new();
    CARRYING.get_or_init(|| catalogue().entities.iter().filter(|entity| entity.role.is_some() || !entity.claims.is_empty()).map(|entity| entity.no).collect())
}

/// The people whose rights a row carries or carried, besides whoever made it.
pub(crate) fn people_of(row: &Row) -> Vec<Uuid> {
    let claims = row.entity.claims.iter().filter_map(|claim| if let Claimant::Field(at) = claim.who { Some(at) } else { None });
    let fields = claims.chain(row.entity.role.as_ref().map(|role| role.who));
    fields.filter_map(|at| row.values[at].as_uuid()).collect()
}

/// Whether who made a row has a right by it.
pub(crate) fn goes_to_its_maker(state: &RowState) -> bool {
    state.row.entity.claims.iter().any(|claim| claim.who == Claimant::Maker)
}

/// The claims that follow from a row. `maker`: who made the row.
pub(crate) fn claims_of(state: &RowState, maker: Uuid) -> Vec<Claim> {
    let row = &state.row;
    let instant = |at: Option<usize>| at.and_then(|at| row.values[at].as_instant());
    let mut found: Vec<Claim> = Vec::new();
    for rule in &row.entity.claims {
        let Some(unit) = rule.unit.of(row) else { continue };
        let actor = match rule.who {
            Claimant::Maker => Some(maker).filter(|_| unit == state.unit),
            Claimant::Field(at) => row.values[at].as_uuid().filter(|_| state.error.is_none()),
        };
        let Some(actor) = actor.filter(|_| rule.when.as_ref().is_none_or(|when| when.holds(row))) else { continue };
        // Whoever a row names twice has one right by it, the one that is declared first.
        if !found.iter().any(|claim| claim.actor == actor && claim.unit == unit) {
            let read_only = rule.read_only.as_ref().is_some_and(|when| when.holds(row));
            found.push(Claim { actor, unit, source: RowKey { entity: row.entity.no, id: row.id() }, from: instant(rule.from), to: instant(rule.to), read_only });
        }
    }
    found
}

/// The unit that comes to be by a new row: one that the row stands for, or one that nobody had (`known`:
/// whether it has rows) and that whom it names may open.
///
/// # Errors
/// What `known` fails with.
pub(crate) fn made_by<E>(actor: Uuid, after: &RowState, mut known: impl FnMut(Unit) -> Result<bool, E>) -> Result<Option<Unit>, E> {
    for rule in &after.row.entity.claims {
        let Some(unit) = rule.unit.of(&after.row).filter(|unit| *unit == after.unit) else { continue };
        let made = match rule.who {
            Claimant::Maker => true,
            Claimant::Field(at) => rule.opens && after.row.values[at].as_uuid() == Some(actor) && !known(unit)?,
        };
        if made {
            return Ok(Some(unit));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
