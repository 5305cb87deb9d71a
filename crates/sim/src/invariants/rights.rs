//! 6: a laptop holds the rows that its person may see, and no others. Who may see what is worked
//! out here once more from the centre's rows, apart from the code of the centre.

use std::collections::BTreeSet;

use gladstone_model::{Row, Unit, Value, unit::UnitKind};
use gladstone_protocol::{
    RowState,
    wire::{RowImage, RowKey},
};
use uuid::Uuid;

use crate::{
    history::name,
    invariants::{Broken, Rows, laptop::units},
    world::World,
};

/// Entities whose rows give rights.
const GIVING: [&str; 6] = ["users", "organization_members", "therapeutic_relationships", "beneficiaries", "grants", "messages"];

/// The units of a laptop that holds all that there is are those of its person's rights; what is
/// under way among them.
///
/// # Errors
/// What is missing or too much.
pub fn at_head(world: &World, at: usize) -> Result<(), Broken> {
    let laptop = &world.laptops[at];
    let head = world.host.head();
    let is_there = laptop.vault().replica().is_ok_and(|replica| replica.is_some_and(|replica| replica.joined.epoch == world.host.epoch() && replica.from_g == head));
    if !is_there || world.host.knows(laptop.vault().state().device) != Some(true) {
        return Ok(());
    }
    let rights = rights(world, world.host.history.at(head), laptop.actor);
    compare(world, at, &rights, &units(laptop, false))
}

fn compare(world: &World, at: usize, rights: &BTreeSet<Unit>, under_way: &BTreeSet<Unit>) -> Result<(), Broken> {
    let held = units(&world.laptops[at], true);
    world.tally.add("6 sets of units", 1);
    if let Some(unit) = rights.iter().find(|unit| !held.contains(unit) && !under_way.contains(unit)) {
        return Err(Broken::new(6, format!("laptop {at} does not hold {unit}, to which its person has a right")));
    }
    match held.iter().chain(under_way).find(|unit| !rights.contains(unit)) {
        Some(unit) => Err(Broken::new(6, format!("laptop {at} holds {unit}, to which its person has no right"))),
        None => Ok(()),
    }
}

/// The units of a laptop are those of its person's rights, and no row of another one lies on it.
///
/// # Errors
/// What is missing or too much.
pub fn permitted_rows(world: &World, all: &Rows, at: usize) -> Result<(), Broken> {
    let laptop = &world.laptops[at];
    if world.host.knows(laptop.vault().state().device) != Some(true) {
        return Ok(());
    }
    compare(world, at, &rights(world, all.values(), laptop.actor), &BTreeSet::new())?;
    let held = units(laptop, true);
    // What the centre still holds back lies on top of nothing, and is the author's own.
    let own: BTreeSet<RowKey> = laptop.keys("SELECT entity, row_id FROM pending").into_iter().collect();
    let view = laptop.view(None);
    world.tally.add("6 rows on disks", view.len());
    if let Some((key, row)) = view.iter().find(|(key, row)| !held.contains(&row.unit) && !own.contains(key)) {
        return Err(Broken::new(6, format!("laptop {at} has {} {} of {} on its disk", name(*key), key.id, row.unit)));
    }
    for table in ["overlay", "opaque", "stage"] {
        let mut statement = laptop.peek().prepare_cached(&format!("SELECT unit_id FROM {table}")).unwrap();
        let kept: Vec<Unit> = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap().map(|bytes| Unit::from_bytes(&bytes.unwrap()).unwrap()).collect();
        if let Some(unit) = kept.into_iter().find(|unit| !held.contains(unit)) {
            return Err(Broken::new(6, format!("laptop {at} keeps something of {unit} in {table}")));
        }
    }
    Ok(())
}

/// The units that a person may see, from the rows of the centre.
pub fn rights<'a>(world: &World, all: impl Iterator<Item = &'a RowImage>, actor: Uuid) -> BTreeSet<Unit> {
    let all: Vec<&RowImage> = all.collect();
    // Who registered a person goes on seeing the record when it was entered in error.
    let counts = |row: &&&RowImage| GIVING.contains(&name(row.key)) && (row.error.is_none() || name(row.key) == "users");
    let rows: Vec<RowState> = all.iter().filter(counts).map(|row| (*row).clone().into_state().unwrap().0).collect();
    let of = |kind, id| Unit { kind, id };
    let person = |row: &Row, field: &str| row.uuid(field).map(|id| of(UnitKind::Person, id));
    let now = world.time.peek();
    let mut units = BTreeSet::from([Unit::PLATFORM, of(UnitKind::Org, world.host.realm), of(UnitKind::Account, actor), of(UnitKind::Person, actor)]);
    let mut is_admin = false;
    for state in &rows {
        let row = &state.row;
        let is = |field: &str| row.uuid(field) == Some(actor);
        match row.entity.name.as_str() {
            "users" => {
                let active = row.get("is_active") != &Value::Boolean(false);
                is_admin |= row.id() == actor && state.error.is_none() && active && ["super_admin", "admin", "manager"].contains(&row.text("role"));
                if world.host.history.author(state.row_mid) == Some(actor) && state.unit == of(UnitKind::Person, row.id()) {
                    units.insert(state.unit);
                }
            }
            "organization_members" => is_admin |= is("user_id") && row.get("is_active") != &Value::Boolean(false) && ["owner", "admin"].contains(&row.text("role")),
            "therapeutic_relationships" if is("therapist_id") && row.text("status") == "active" => units.extend(person(row, "patient_id")),
            "beneficiaries" if is("trainer_id") => units.extend(person(row, "user_id")),
            "grants" if is("user_id") => {
                let time = |field: &str| row.get(field).as_instant().map(|instant| instant.0);
                let valid = time("valid_from").is_none_or(|from| from <= now) && time("valid_to").is_none_or(|to| now < to);
                let id = row.text("granted_unit").strip_prefix("person:").and_then(|id| Uuid::parse_str(id).ok());
                units.extend(id.filter(|_| valid).map(|id| of(UnitKind::Person, id)));
            }
            "messages" if is("sender_id") || is("recipient_id") => units.extend(row.uuid("thread_id").map(|id| of(UnitKind::Thread, id))),
            _ => {}
        }
    }
    if is_admin {
        units.extend(all.iter().map(|row| row.unit).filter(|unit| unit.kind == UnitKind::Person));
    }
    units
}
