//! Who may see and write what. Recomputed from the centre's own rows; what a laptop says about
//! units is a hint.
//!
//! Adding a right: see the README.

use std::collections::HashSet;

use gladstone_model::{Instant, Row, Unit, Value, entity::Writers, unit::UnitKind};
use gladstone_protocol::{Op, OpKind, RowState, wire::RowKey};
use uuid::Uuid;

use crate::engine::Claim;

/// Roles of `users.role` that are not staff: they write no reference data.
const NOT_STAFF: [&str; 4] = ["patient", "student", "user", "viewer"];
/// Roles of `users.role` that see every person of the organization and give rights.
pub(crate) const ADMIN_ROLES: [&str; 3] = ["super_admin", "admin", "manager"];
/// Roles of `organization_members.role` that do.
pub(crate) const ADMIN_MEMBERS: [&str; 2] = ["owner", "admin"];
/// Fields of `users` that carry rights: written by administrators only.
const RIGHTS_OF_USERS: [&str; 2] = ["role", "primary_organization_id"];
/// Fields of `users` by which somebody who works here is let in or kept out: written by administrators
/// only, of staff and of oneself.
const ADMISSION: [&str; 2] = ["is_active", "account_status"];
/// Fields of `users` that no laptop writes.
const SERVER_OWNED: [&str; 2] = ["is_staff", "is_superuser"];
/// What an author is told.
const NO_RIGHT: &str = "You have no right to this record, or not any more. Ask an administrator of your organization for it, then send it again.";
const CARRIES_RIGHTS: &str = "This carries rights, and only an administrator of your organization may write it. Ask one to do it.";
const FOR_STAFF: &str = "Only staff may write this for the organization. Ask somebody of the staff to do it.";
/// Entities from whose rows claims follow.
const CLAIMING: [&str; 6] = ["users", "organizations", "therapeutic_relationships", "beneficiaries", "grants", "messages"];

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
    /// The rights of `actor` in `realm` at `now`: from their row of `users`, their membership and
    /// their claims.
    pub fn new(realm: Uuid, actor: Uuid, user: Option<&Row>, member: Option<&Row>, claims: &[Claim], now: Instant) -> Rights {
        let active = |row: &&Row| row.get("is_active").as_bool() != Some(false);
        let role = user.filter(active).map(|row| row.text("role"));
        // Whoever is kept out as a person is so as a member.
        let membership = member.filter(|row| active(row) && user.is_none_or(|user| active(&user))).map(|row| row.text("role"));
        let admin = role.is_some_and(|role| ADMIN_ROLES.contains(&role)) || membership.is_some_and(|role| ADMIN_MEMBERS.contains(&role));
        let staff = admin || role.is_some_and(|role| !NOT_STAFF.contains(&role));
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
        let entity = gladstone_model::catalogue().by_no(op.entity)?;
        let OpKind::Create(values) = &op.kind else { return None };
        if self.own || entity.name != "users" {
            return None;
        }
        let mut kept = values.clone();
        for field in &entity.fields {
            let rights = current.is_some() && !self.admin && RIGHTS_OF_USERS.contains(&field.name.as_str());
            let owned = field.is_secret() || SERVER_OWNED.contains(&field.name.as_str());
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
        match after.row.entity.name.as_str() {
            "users" => self.objection_to_user(before, &after.row),
            "organizations" if !self.admin && !about.alone && (before.is_none() || after.error.is_some()) => Some("Only an administrator may add an organization or take one away. Ask one to do it."),
            _ if !self.staff && self.is_of_all(after.unit) && before.is_some() && about.maker != Some(self.actor) => Some(FOR_STAFF),
            _ => None,
        }
    }

    fn objection_to_row(&self, state: &RowState, about: &About<'_>) -> Option<&'static str> {
        let entity = state.row.entity;
        if entity.name == "grants" {
            let given = granted(&state.row).is_some_and(|unit| unit.kind == UnitKind::Person && (self.writes(unit) || about.made.contains(&unit)));
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

    fn objection_to_user(&self, before: Option<&RowState>, after: &Row) -> Option<&'static str> {
        let changed = |field: &str| before.is_some_and(|before| before.row.get(field) != after.get(field));
        if SERVER_OWNED.iter().any(|field| changed(field)) {
            return Some("These marks of a person are set by the centre alone.");
        }
        if self.admin {
            return None;
        }
        let oneself = after.id() == self.actor;
        let works_here = before.is_some_and(|before| !NOT_STAFF.contains(&before.row.text("role")));
        let refused = match before {
            Some(_) => RIGHTS_OF_USERS.iter().any(|field| changed(field)) || (oneself || works_here) && ADMISSION.iter().any(|field| changed(field)),
            None => !NOT_STAFF.contains(&after.text("role")),
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

/// Entities from whose rows the rights of somebody follow.
const CARRYING: [&str; 7] = ["users", "organizations", "therapeutic_relationships", "beneficiaries", "grants", "messages", "organization_members"];

/// Their numbers.
pub(crate) fn carrying() -> Vec<u16> {
    CARRYING.iter().filter_map(|name| Some(gladstone_model::catalogue().get(name)?.no)).collect()
}

/// The people whose rights a row carries or carried, besides whoever made it.
pub(crate) fn people_of(row: &Row) -> Vec<Uuid> {
    let fields: &[&str] = match row.entity.name.as_str() {
        "users" => &["id"],
        "therapeutic_relationships" => &["therapist_id"],
        "beneficiaries" => &["trainer_id"],
        "grants" | "organization_members" => &["user_id"],
        "messages" => &["sender_id", "recipient_id"],
        _ => &[],
    };
    fields.iter().filter_map(|field| row.uuid(field)).collect()
}

/// Whether who made a row has a right by it.
pub(crate) fn goes_to_its_maker(state: &RowState) -> bool {
    matches!(state.row.entity.name.as_str(), "users" | "organizations")
}

/// Whether claims may follow from rows of this entity.
pub(crate) fn is_claiming(entity: &str) -> bool {
    CLAIMING.contains(&entity)
}

/// The claims that follow from a row. `maker`: who made the row.
pub(crate) fn claims_of(state: &RowState, maker: Uuid) -> Vec<Claim> {
    let row = &state.row;
    // Who registered a person goes on seeing the record when it was entered in error.
    if state.error.is_some() && !matches!(row.entity.name.as_str(), "users" | "organizations") {
        return Vec::new();
    }
    let source = RowKey { entity: row.entity.no, id: row.id() };
    let claim = |actor: Option<Uuid>, unit: Option<Unit>| Some(Claim { actor: actor?, unit: unit?, source, from: None, to: None, read_only: false });
    let person = |field: &str| row.uuid(field).map(|id| Unit { kind: UnitKind::Person, id });
    let found: Vec<Option<Claim>> = match row.entity.name.as_str() {
        "users" | "organizations" => vec![claim(Some(maker), Some(state.unit).filter(|unit| unit.id == row.id()))],
        "therapeutic_relationships" if row.text("status") == "active" => vec![claim(row.uuid("therapist_id"), person("patient_id"))],
        "beneficiaries" if row.text("status") == "active" => vec![claim(row.uuid("trainer_id"), person("user_id"))],
        "grants" => {
            let given = claim(row.uuid("user_id"), granted(row));
            vec![given.map(|claim| Claim { from: row.get("valid_from").as_instant(), to: row.get("valid_to").as_instant(), read_only: row.text("role") == "read", ..claim })]
        }
        "messages" => {
            let thread = row.uuid("thread_id").map(|id| Unit { kind: UnitKind::Thread, id });
            vec![claim(row.uuid("sender_id"), thread), claim(row.uuid("recipient_id").filter(|id| Some(*id) != row.uuid("sender_id")), thread)]
        }
        _ => Vec::new(),
    };
    found.into_iter().flatten().collect()
}

/// The units that come to be by a new row: a person's, an organization's of their own, or a
/// conversation that nobody had (`known`: whether its unit has rows).
pub(crate) fn made_by(actor: Uuid, after: &RowState, known: bool) -> Option<Unit> {
    let row = &after.row;
    match row.entity.name.as_str() {
        "users" if after.unit.kind == UnitKind::Person && after.unit.id == row.id() => Some(after.unit),
        "organizations" => Some(after.unit),
        "messages" if row.uuid("sender_id") == Some(actor) && !known => Some(after.unit),
        _ => None,
    }
}

/// The unit that a row of `grants` names; none when the text names no unit.
fn granted(row: &Row) -> Option<Unit> {
    row.text("granted_unit").parse().ok()
}
