//! Which rights follow from a row, as declared: claims of people to units, and roles. Does not know
//! who has which right now.

use uuid::Uuid;

use crate::{
    condition::{Condition, are_choices, position},
    declaration::{ClaimFile, RoleFile},
    entity::{Field, FieldType, UnitRule, UnitSource},
    row::Row,
    unit::{Unit, UnitKind},
};

/// A right to a unit that follows from a row.
#[derive(Debug)]
pub struct ClaimRule {
    /// Who has it.
    pub who: Claimant,
    /// What to.
    pub unit: ClaimedUnit,
    /// It is there only while this holds.
    pub when: Option<Condition>,
    /// Position of the instant from which it counts; an empty one is for ever.
    pub from: Option<usize>,
    /// Position of the instant at which it ends; an empty one is never.
    pub to: Option<usize>,
    /// Rows may only be read by it while this holds.
    pub read_only: Option<Condition>,
    /// Whether its holder may begin a unit that nobody has, by adding such a row.
    pub opens: bool,
}

/// Who has a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimant {
    /// Who made the row. The unit comes to be by the row; the claim is there while the row lies in it, and
    /// also when the row was entered in error, so that whoever made it still sees that.
    Maker,
    /// The person that the field at this position names.
    Field(usize),
}

/// What a claim gives a right to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimedUnit {
    /// The unit of this kind that the field at this position names.
    Of(UnitKind, usize),
    /// Any unit: the text of the field at this position says which. Such a row is written by
    /// administrators, and for a person's unit by whoever may write that.
    Any(usize),
}

impl ClaimedUnit {
    /// The unit that a row gives a right to.
    pub fn of(self, row: &Row) -> Option<Unit> {
        match self {
            ClaimedUnit::Of(kind, at) => kind.id_in(&row.values[at]).map(|id| Unit { kind, id }),
            ClaimedUnit::Any(at) => row.values[at].as_text()?.parse().ok(),
        }
    }
}

/// That rows give somebody a role, and what may be done to such rows.
#[derive(Debug)]
pub struct RoleRule {
    /// Position of the field that says whose role it is: the id where rows are the people themselves.
    pub who: usize,
    /// Position of the role.
    pub field: usize,
    /// Position of a truth value; where it is false the role counts for nothing.
    pub active: Option<usize>,
    /// Roles that see every person of the organization and give rights.
    pub admins: Vec<String>,
    /// Further roles of people who work there.
    pub staff: Vec<String>,
    /// Fields besides the role that administrators alone change.
    pub by_admins: Vec<usize>,
    /// Fields by which somebody is let in or kept out: administrators alone change them of staff, and
    /// nobody else does of themselves.
    pub admission: Vec<usize>,
    /// Fields that no laptop writes.
    pub by_centre: Vec<usize>,
}

impl RoleRule {
    /// Whose role a row tells.
    pub fn person(&self, row: &Row) -> Option<Uuid> {
        row.values[self.who].as_uuid()
    }

    /// Whether the role of a row counts.
    pub fn is_active(&self, row: &Row) -> bool {
        self.active.is_none_or(|at| row.values[at].as_bool() != Some(false))
    }

    /// Whether a row names an administrator.
    pub fn is_admin(&self, row: &Row) -> bool {
        row.values[self.field].as_text().is_some_and(|role| self.admins.iter().any(|known| known == role))
    }

    /// Whether a row names somebody who works there, administrators among them.
    pub fn is_staff(&self, row: &Row) -> bool {
        self.is_admin(row) || row.values[self.field].as_text().is_some_and(|role| self.staff.iter().any(|known| known == role))
    }
}

/// Reads a claim. The row has to lie in the unit that it gives a right to, so that whoever writes it has
/// that right, sees it and can end it; a row for any unit is looked at by itself.
pub(crate) fn claim(file: ClaimFile, fields: &[Field], units: &[UnitRule], has_writers: bool) -> Result<ClaimRule, String> {
    let at = |name: &str, types: &[FieldType]| typed(name, fields, types);
    let who = match file.who.as_str() {
        "maker" => Claimant::Maker,
        field => Claimant::Field(at(field, &[FieldType::Uuid])?),
    };
    let (kind, field) = file.unit.split_once(':').ok_or_else(|| unknown_unit(&file.unit))?;
    let unit = match kind {
        "any" => ClaimedUnit::Any(text(field, fields)?),
        "org" => ClaimedUnit::Of(UnitKind::Org, at(field, &[FieldType::Uuid])?),
        "person" => ClaimedUnit::Of(UnitKind::Person, at(field, &[FieldType::Uuid])?),
        "account" => ClaimedUnit::Of(UnitKind::Account, at(field, &[FieldType::Uuid])?),
        "thread" => ClaimedUnit::Of(UnitKind::Thread, at(field, &[FieldType::Uuid])?),
        _ => return Err(unknown_unit(&file.unit)),
    };
    let is_of = |rule: &UnitRule| matches!((&rule.source, unit), (UnitSource::Of(kind, at), ClaimedUnit::Of(claimed, field)) if *kind == claimed && *at == field);
    match (who, unit) {
        (Claimant::Maker, ClaimedUnit::Any(_)) => return Err("who made a row gets no right to any unit that they name".into()),
        (Claimant::Maker, _) if !units.iter().any(is_of) => return Err(format!("rows never lie in {}", file.unit)),
        (Claimant::Field(_), ClaimedUnit::Of(..)) if !units.first().is_some_and(|rule| rule.when.is_none() && is_of(rule)) => {
            return Err(format!("whoever may write a row elsewhere could give this right to themselves: the first `unit` of the entity has to be {}", file.unit));
        }
        (Claimant::Field(_), ClaimedUnit::Any(_)) if has_writers => return Err("`writers` says nothing here: who may name any unit follows from their right to it".into()),
        _ => {}
    }
    if file.opens && (who == Claimant::Maker || matches!(unit, ClaimedUnit::Any(_))) {
        return Err("`opens` is for the claim of a person that the row names, to a unit of one kind".into());
    }
    let instant = |name: &Option<String>| name.as_deref().map(|name| at(name, &[FieldType::Instant])).transpose();
    let condition = |text: &Option<String>| text.as_deref().map(|text| Condition::parse(text, fields)).transpose();
    Ok(ClaimRule { who, unit, when: condition(&file.when)?, from: instant(&file.from)?, to: instant(&file.to)?, read_only: condition(&file.read_only)?, opens: file.opens })
}

/// Reads the declaration of a role. Where rows are not the people themselves, whose fields are looked at one
/// by one, nobody but administrators may write them (`is_guarded`).
pub(crate) fn role(file: RoleFile, fields: &[Field], is_guarded: bool) -> Result<RoleRule, String> {
    let all = |names: &[String]| names.iter().map(|name| position(name, fields)).collect::<Result<Vec<_>, _>>();
    let field = text(&file.field, fields)?;
    are_choices(&file.admins, &fields[field])?;
    are_choices(&file.staff, &fields[field])?;
    if file.admins.is_empty() {
        return Err(format!("no {} is an administrator's", file.field));
    }
    let rule = RoleRule {
        who: typed(&file.who, fields, &[FieldType::Uuid])?,
        field,
        active: file.active.as_deref().map(|name| typed(name, fields, &[FieldType::Boolean])).transpose()?,
        by_admins: all(&file.by_admins)?,
        admission: all(&file.admission)?,
        by_centre: all(&file.by_centre)?,
        admins: file.admins,
        staff: file.staff,
    };
    if fields[rule.who].name != "id" && !is_guarded {
        return Err("whoever may write such a row could give themselves a role: `writers` has to be admins or centre".into());
    }
    if let Some(at) = rule.by_centre.iter().find(|at| fields[**at].ty != FieldType::Boolean) {
        return Err(format!("{}: what no laptop writes begins as false, so it is a truth value", fields[*at].name));
    }
    Ok(rule)
}

/// A field that has to be of one of these types.
pub(crate) fn typed(name: &str, fields: &[Field], types: &[FieldType]) -> Result<usize, String> {
    let at = position(name, fields)?;
    let wanted = || types.iter().map(|ty| ty.description()).collect::<Vec<_>>().join(" or ");
    if types.contains(&fields[at].ty) { Ok(at) } else { Err(format!("{name} has to be {}, and is {}", wanted(), fields[at].ty.description())) }
}

/// A field that has to be a text.
pub(crate) fn text(name: &str, fields: &[Field]) -> Result<usize, String> {
    let at = position(name, fields)?;
    if matches!(fields[at].ty, FieldType::Text { .. }) { Ok(at) } else { Err(format!("{name} has to be a text, and is {}", fields[at].ty.description())) }
}

fn unknown_unit(text: &str) -> String {
    format!("unknown unit {text}: it is written as a kind (org, person, account, thread, any) and a field, for example person:user_id")
}
