//! What must hold at the centre: everything is filed, has one effect, loses nothing silently; and
//! its tables, its sums and its log say the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gladstone_model::{Unit, catalogue};
use gladstone_protocol::{
    JournalEntry, Mutation, OpKind, RowState, RowsDigest, Stored,
    journal::MARK,
    wire::{RowImage, RowKey},
};
use uuid::Uuid;

use crate::{
    history::name,
    host::Filed,
    invariants::{Broken, Rows, laptop::{self, written}},
    world::World,
};

/// Fields of people that no laptop decides: what is said about them is left out.
const SERVER_OWNED: [&str; 4] = ["role", "primary_organization_id", "is_staff", "is_superuser"];

/// 1: every mutation in the chain of a laptop, and every one that was acknowledged to a laptop that
/// was put back since, is filed at the centre.
///
/// # Errors
/// What is missing.
pub fn acknowledged_is_filed(world: &World, filed: &[Filed]) -> Result<(), Broken> {
    let there: BTreeSet<Uuid> = filed.iter().filter_map(|filed| filed.mutation.as_ref()).map(|mutation| mutation.id).collect();
    for (at, laptop) in world.laptops.iter().enumerate() {
        if let Some(id) = laptop.chain_ids().iter().find(|id| !there.contains(*id)) {
            let state = laptop.chain("state IN (0, 1, 2, 3, 4, 5, 6)").into_iter().filter(|chained| chained.mutation.id == *id).map(|chained| (chained.place, chained.state)).collect::<Vec<_>>();
            return Err(Broken::new(1, format!("mutation {id} of laptop {at} (places and states {state:?}) is not filed at the centre")));
        }
    }
    match world.entrusted.iter().find(|id| !there.contains(*id)) {
        Some(id) => Err(Broken::new(1, format!("mutation {id} was acknowledged and is not filed at the centre"))),
        None => Ok(()),
    }
}

/// 2: commit numbers have no gaps and no double, each mutation has one effect at most, and a
/// verdict with an effect names its number.
///
/// # Errors
/// What does not fit.
pub fn one_effect(world: &World, filed: &[Filed]) -> Result<(), Broken> {
    let mut numbers: Vec<u64> = filed.iter().filter_map(|filed| filed.g).collect();
    numbers.sort_unstable();
    let head = world.host.head();
    if numbers != (1..=head).collect::<Vec<_>>() {
        return Err(Broken::new(2, format!("the numbers of effects are not 1 to {head}: {numbers:?}")));
    }
    let mut seen = BTreeSet::new();
    for filed in filed {
        let Some(mutation) = &filed.mutation else { continue };
        if !seen.insert(mutation.id) {
            return Err(Broken::new(2, format!("mutation {} is filed twice", mutation.id)));
        }
        let told = match &filed.verdict {
            Stored::Applied { g } | Stored::Merged { g, .. } => Some(*g),
            _ => None,
        };
        if told != filed.g {
            return Err(Broken::new(2, format!("mutation {} took effect at {:?} and its verdict says {told:?}", mutation.id, filed.g)));
        }
    }
    Ok(())
}

/// 3: of each mutation with effect, each group that it wrote is the current one, or was seen by
/// somebody who wrote later, or stands in the journal.
///
/// # Errors
/// The first value that is gone.
pub fn no_silent_loser(world: &World, filed: &[Filed], rows: &Rows) -> Result<(), Broken> {
    let mut effects: Vec<(u64, &Mutation)> = filed.iter().filter_map(|filed| Some((filed.g?, filed.mutation.as_ref()?))).collect();
    effects.sort_by_key(|(g, _)| *g);
    let mut seen_later: HashMap<(RowKey, u16, Uuid), u64> = HashMap::new();
    for (g, mutation) in &effects {
        for op in &mutation.ops {
            let key = RowKey { entity: op.entity, id: op.id };
            match &op.kind {
                OpKind::Create(_) => {}
                OpKind::Update(patches) => seen_later.extend(patches.iter().map(|patch| ((key, patch.group, patch.base), *g))),
                OpKind::EnterInError { base, .. } => seen_later.extend([((key, MARK, *base), *g)]),
            }
        }
    }
    let journal = journal(world);
    for (g, mutation) in &effects {
        for op in &mutation.ops {
            let key = RowKey { entity: op.entity, id: op.id };
            let state = rows.get(&key).and_then(|image| image.clone().into_state().ok()).map(|(state, _)| state);
            let Some(state) = state else { return Err(Broken::new(3, format!("{} {} was written at {g} and is not at the centre", name(key), key.id))) };
            let groups: Vec<u16> = match &op.kind {
                OpKind::EnterInError { .. } => vec![MARK],
                _ => written(op).into_iter().map(|(group, ..)| group).collect(),
            };
            let mut groups: BTreeSet<u16> = groups.into_iter().collect();
            groups.retain(|group| !is_server_owned(key, *group));
            for group in groups {
                let stands = current(&state, group) == Some(mutation.id);
                let seen = seen_later.get(&(key, group, mutation.id)).is_some_and(|later| later > g);
                if !stands && !seen && !journal.contains(&(key, group, mutation.id)) {
                    return Err(Broken::new(3, format!("what {} ({}) wrote at {g} to group {group} of {} {} is gone: {:?} stands", mutation.id, mutation.command, name(key), key.id, current(&state, group))));
                }
            }
        }
    }
    Ok(())
}

/// 3, the other half: what a person has to decide is a task of somebody who is known.
///
/// # Errors
/// The first entry of the journal that nobody was asked about.
pub fn journal_is_assigned(world: &World) -> Result<(), Broken> {
    let rows = world.host.rows(Some(&["conflicts", "users"]));
    let states: Vec<RowState> = rows.into_values().filter_map(|image| image.into_state().ok()).map(|(state, _)| state).collect();
    let mut statement = world.host.peek().prepare_cached("SELECT entry FROM centre_journal WHERE closed_g IS NULL").unwrap();
    let entries = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap().map(|bytes| postcard::from_bytes::<JournalEntry>(&bytes.unwrap()).unwrap());
    for entry in entries.filter(|entry| entry.kind.asks_a_person()) {
        let Some(entity) = catalogue().by_no(entry.entity) else { continue };
        let group = if entry.group == MARK { "entered_in_error" } else { entity.position_of_no(entry.group).map_or("", |at| entity.fields[at].name.as_str()) };
        let is_about = |row: &gladstone_model::Row| row.entity.name == "conflicts" && row.uuid("entity_id") == Some(entry.row) && row.text("merge_group") == group && row.uuid("incoming_mutation") == Some(entry.other.writer.mutation);
        let task = states.iter().find(|state| is_about(&state.row));
        let assigned = task.and_then(|task| task.row.uuid("assigned_to")).filter(|id| states.iter().any(|state| state.row.entity.name == "users" && state.row.id() == *id));
        if assigned.is_none() {
            return Err(Broken::new(3, format!("nobody was asked about {:?} of group {group} of {} {} (task {:?})", entry.kind, entity.name, entry.row, task.map(|task| task.row.id()))));
        }
    }
    Ok(())
}

/// 8, the centre's part: its tables are what its log told.
///
/// # Errors
/// What differs.
pub fn oracle_agrees(world: &World, rows: &Rows) -> Result<(), Broken> {
    let told: BTreeMap<RowKey, &RowImage> = world.host.history.at(world.host.head()).map(|row| (row.key, row)).collect();
    for (key, row) in rows {
        if told.get(key) != Some(&row) {
            return Err(Broken::new(8, format!("{} {} of the centre is not what its log told: {row:?}, told {:?}", name(*key), key.id, told.get(key))));
        }
    }
    match told.keys().find(|key| !rows.contains_key(key)) {
        Some(key) => Err(Broken::new(8, format!("{} {} was told and is not at the centre", name(*key), key.id))),
        None => Ok(()),
    }
}

/// 8: the digest of each unit, from the rows of the centre, is the one that it keeps, and the one of
/// every laptop that holds the unit, from its rows and as it keeps it.
///
/// # Errors
/// What differs.
pub fn digests_agree(world: &World, rows: &Rows) -> Result<(), Broken> {
    let units: BTreeSet<Unit> = rows.values().map(|row| row.unit).collect();
    let digests: BTreeMap<Unit, RowsDigest> = units.iter().map(|unit| (*unit, digest(rows.values(), *unit))).collect();
    for (unit, kept) in kept(world.host.peek(), "SELECT unit, digest FROM centre_unit") {
        if kept != digests.get(&unit).copied().unwrap_or_default() {
            return Err(Broken::new(8, format!("the centre keeps another digest of {unit} than its rows have")));
        }
    }
    for (at, laptop) in world.laptops.iter().enumerate() {
        let current = laptop.vault().replica().is_ok_and(|replica| replica.is_some_and(|replica| replica.joined.epoch == world.host.epoch() && replica.from_g == world.host.head()));
        let may = world.host.knows(laptop.vault().state().device) == Some(true);
        if !may || !current {
            continue;
        }
        let base = laptop.base(None);
        let kept: BTreeMap<Unit, RowsDigest> = kept(laptop.peek(), "SELECT unit_id, digest FROM unit_held WHERE complete = 1");
        for unit in laptop::units(laptop, true) {
            let theirs = digests.get(&unit).copied().unwrap_or_default();
            if kept.get(&unit) != Some(&theirs) || digest(base.values(), unit) != theirs {
                return Err(Broken::new(8, format!("laptop {at} and the centre differ about {unit}")));
            }
        }
    }
    let report = world.host.centre().verify_audit(world.host.realm, &mut |_, _| true).map_err(|error| Broken::new(8, error.to_string()))?;
    match report.faults.first() {
        Some(fault) => Err(Broken::new(2, format!("the audit of the centre finds: {fault:?}"))),
        None => Ok(()),
    }
}

fn digest<'a>(rows: impl Iterator<Item = &'a RowImage>, unit: Unit) -> RowsDigest {
    let mut digest = RowsDigest::default();
    for row in rows.filter(|row| row.unit == unit) {
        digest.add(&row.clone().into_state().unwrap().0).unwrap();
    }
    digest
}

fn kept(connection: &rusqlite::Connection, sql: &str) -> BTreeMap<Unit, RowsDigest> {
    let mut statement = connection.prepare_cached(sql).unwrap();
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?));
    statement.query_map([], read).unwrap().map(Result::unwrap).map(|(unit, digest)| (Unit::from_bytes(&unit).unwrap(), postcard::from_bytes(&digest).unwrap())).collect()
}

/// Row, group and mutation of every entry of the journal, open or closed.
fn journal(world: &World) -> BTreeSet<(RowKey, u16, Uuid)> {
    let mut statement = world.host.peek().prepare_cached("SELECT entity, id, merge_group, mutation FROM centre_journal").unwrap();
    let id = |row: &rusqlite::Row<'_>, at: usize| row.get::<_, Vec<u8>>(at).map(|bytes| Uuid::from_slice(&bytes).unwrap());
    statement.query_map([], |row| Ok((RowKey { entity: row.get(0)?, id: id(row, 1)? }, row.get(2)?, id(row, 3)?))).unwrap().map(Result::unwrap).collect()
}

fn current(state: &RowState, group: u16) -> Option<Uuid> {
    if group == MARK { state.error.as_ref().map(|(mid, _)| *mid) } else { Some(state.writer_of(group)) }
}

fn is_server_owned(key: RowKey, group: u16) -> bool {
    let Some(entity) = catalogue().by_no(key.entity).filter(|entity| entity.name == "users") else { return false };
    entity.position_of_no(group).is_some_and(|at| entity.fields[at].is_secret() || SERVER_OWNED.contains(&entity.fields[at].name.as_str()))
}
