//! What must hold at the centre: everything is filed, has one effect, loses nothing silently; and
//! its tables, its sums and its log say the same.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use gladstone_model::{Unit, Value, catalogue};
use gladstone_protocol::{
    JournalEntry, Mutation, OpKind, RowState, RowsDigest, Stored,
    journal::MARK,
    row_state::same,
    wire::{RowImage, RowKey},
};
use uuid::Uuid;

use crate::{
    files::Filed,
    history::name,
    invariants::{Broken, Rows, laptop::{self, Values, written}, rights::rights},
    world::World,
};

/// Fields of people that no laptop decides: what is said about them is left out.
const SERVER_OWNED: [&str; 4] = ["role", "primary_organization_id", "is_staff", "is_superuser"];

/// 1: every mutation in the chain of a laptop, and every one that was acknowledged to a laptop that
/// was put back since, is filed at the centre; and what it decided about, byte for byte.
///
/// # Errors
/// What is missing.
pub fn acknowledged_is_filed(world: &World, filed: &[Filed]) -> Result<(), Broken> {
    let there: BTreeSet<Uuid> = filed.iter().filter_map(Filed::first).map(|mutation| mutation.id).collect();
    let bytes: HashSet<&[u8]> = filed.iter().map(|filed| filed.bytes.as_slice()).collect();
    for (at, laptop) in world.laptops.iter().enumerate() {
        let ids = laptop.chain_ids();
        world.tally.add("1 entries at the centre", ids.len());
        if let Some(id) = ids.iter().find(|id| !there.contains(*id)) {
            let state = laptop.chain("state IN (0, 1, 2, 3, 4, 5, 6)").into_iter().filter(|chained| chained.mutation.id == *id).map(|chained| (chained.place, chained.state)).collect::<Vec<_>>();
            return Err(Broken::new(1, format!("mutation {id} of laptop {at} (places and states {state:?}) is not filed at the centre")));
        }
        let mut statement = laptop.peek().prepare_cached("SELECT dseq, bytes FROM chain WHERE state IN (1, 2, 3, 4, 5)").unwrap();
        for entry in statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))).unwrap() {
            let (place, entry) = entry.unwrap();
            if !bytes.contains(&*gladstone_vault::chain::unpack(&entry).unwrap()) {
                return Err(Broken::new(1, format!("entry {place} of laptop {at} is not filed at the centre as it was sent")));
            }
        }
    }
    world.tally.add("1 mutations of laptops that were put back", world.entrusted.len());
    match world.entrusted.iter().find(|id| !there.contains(*id)) {
        Some(id) => Err(Broken::new(1, format!("mutation {id} was acknowledged and is not filed at the centre"))),
        None => Ok(()),
    }
}

/// 2: commit numbers have no gaps and no double, each mutation has one effect at most, however
/// often it is filed, and a verdict with an effect names its number.
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
    world.tally.add("2 effects", numbers.len());
    let (mut seen, mut effects) = (BTreeSet::new(), BTreeMap::new());
    for filed in filed {
        let Some(mutation) = &filed.mutation else { continue };
        if let Some(g) = filed.g
            && let Some(before) = effects.insert(mutation.id, g)
        {
            return Err(Broken::new(2, format!("mutation {} took effect at {before} and once more at {g}", mutation.id)));
        }
        if !filed.first {
            world.tally.add("2 copies without effect", 1);
            continue;
        }
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
    let mut effects: Vec<(u64, &Mutation)> = filed.iter().filter_map(|filed| Some((filed.g?, filed.first()?))).collect();
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
            let mut groups: BTreeMap<u16, Values> = match &op.kind {
                OpKind::EnterInError { .. } => BTreeMap::from([(MARK, Vec::new())]),
                _ => written(op).into_iter().map(|(group, values, _)| (group, values)).collect(),
            };
            groups.retain(|group, _| !is_server_owned(key, *group));
            for (group, values) in groups {
                let of = || format!("what {} ({}) wrote at {g} to group {group} of {} {}", mutation.id, mutation.command, name(key), key.id);
                let as_written = |found: &Values| {
                    let value = |no: u16| found.iter().find(|(other, _)| *other == no).map_or(&Value::Null, |(_, value)| value);
                    values.iter().all(|(no, written)| same(value(*no), written))
                };
                let stands = current(&state, group) == Some(mutation.id);
                if stands && group != MARK {
                    let entity = state.row.entity;
                    let found = entity.fields.iter().zip(&state.row.values).map(|(field, value)| (field.no, value.clone())).collect();
                    if !as_written(&found) {
                        return Err(Broken::new(3, format!("{} stands as something else than {values:?}", of())));
                    }
                }
                let kept = journal.get(&(key, group, mutation.id));
                if let Some(kept) = kept.filter(|_| group != MARK) {
                    world.tally.add("3 values in the journal", 1);
                    if !as_written(kept) {
                        return Err(Broken::new(3, format!("{} is in the journal as {kept:?} and was {values:?}", of())));
                    }
                }
                world.tally.add("3 values that stand or were seen", 1);
                let seen = seen_later.get(&(key, group, mutation.id)).is_some_and(|later| later > g);
                if !stands && !seen && kept.is_none() {
                    return Err(Broken::new(3, format!("{} is gone: {:?} stands", of(), current(&state, group))));
                }
            }
        }
    }
    Ok(())
}

/// 3, the other half: what a person has to decide is a task of somebody who is known and may see it.
///
/// # Errors
/// The first entry of the journal that nobody was asked about.
pub fn journal_is_assigned(world: &World, rows: &Rows) -> Result<(), Broken> {
    let of = |wanted: &str| rows.values().filter(|row| name(row.key) == wanted).filter_map(|image| image.clone().into_state().ok()).map(|(state, _)| state).collect::<Vec<RowState>>();
    let (tasks, people) = (of("conflicts"), of("users"));
    for (entry, _) in world.host.ground.journal().into_iter().filter(|(entry, open)| *open && entry.kind.asks_a_person()) {
        let Some(entity) = catalogue().by_no(entry.entity) else { continue };
        let group = if entry.group == MARK { "entered_in_error" } else { entity.position_of_no(entry.group).map_or("", |at| entity.fields[at].name.as_str()) };
        let is_about = |row: &gladstone_model::Row| row.uuid("entity_id") == Some(entry.row) && row.text("merge_group") == group && row.uuid("incoming_mutation") == Some(entry.other.writer.mutation);
        let task = tasks.iter().find(|state| is_about(&state.row));
        let assigned = task.and_then(|task| task.row.uuid("assigned_to")).filter(|id| people.iter().any(|state| state.row.id() == *id));
        world.tally.add("3 tasks with somebody", 1);
        if assigned.is_none() {
            return Err(Broken::new(3, format!("nobody was asked about {:?} of group {group} of {} {} (task {:?})", entry.kind, entity.name, entry.row, task.map(|task| task.row.id()))));
        }
        if let (Some(task), Some(person)) = (task, assigned)
            && !rights(world, rows.values(), person).contains(&task.unit)
        {
            return Err(Broken::new(3, format!("{person} was asked about {:?} of group {group} of {} {}, and may not see the task of {}", entry.kind, entity.name, entry.row, task.unit)));
        }
    }
    Ok(())
}

/// 3: what the centre put aside is with its author, who decides about it or has.
///
/// # Errors
/// What its author takes for something else.
pub fn put_aside_is_shown(world: &World, filed: &[Filed]) -> Result<(), Broken> {
    let aside: BTreeSet<Uuid> = filed.iter().filter(|filed| matches!(filed.verdict, Stored::Quarantined { .. })).filter_map(Filed::first).map(|mutation| mutation.id).collect();
    for (at, laptop) in world.laptops.iter().enumerate() {
        for chained in laptop.chain("state IN (0, 1, 2, 3, 4, 5)").into_iter().filter(|chained| aside.contains(&chained.mutation.id)) {
            world.tally.add("3 mutations put aside and shown", 1);
            if !matches!(chained.state, 4 | 5) {
                return Err(Broken::new(3, format!("mutation {} was put aside at the centre; laptop {at} has it in state {}", chained.mutation.id, chained.state)));
            }
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
    world.tally.add("8 rows that were told", rows.len());
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
    for (unit, kept) in world.host.ground.sums() {
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
            world.tally.add("8 digests", 1);
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

/// The values of every entry of the journal, open or closed, by row, group and mutation.
fn journal(world: &World) -> BTreeMap<(RowKey, u16, Uuid), Values> {
    let entry = |entry: JournalEntry| ((RowKey { entity: entry.entity, id: entry.row }, entry.group, entry.other.writer.mutation), entry.other.values);
    world.host.ground.journal().into_iter().map(|(found, _)| entry(found)).collect()
}

fn current(state: &RowState, group: u16) -> Option<Uuid> {
    if group == MARK { state.error.as_ref().map(|(mid, _)| *mid) } else { Some(state.writer_of(group)) }
}

fn is_server_owned(key: RowKey, group: u16) -> bool {
    let Some(entity) = catalogue().by_no(key.entity).filter(|entity| entity.name == "users") else { return false };
    entity.position_of_no(group).is_some_and(|at| entity.fields[at].is_secret() || SERVER_OWNED.contains(&entity.fields[at].name.as_str()))
}
