//! What must hold at one laptop: what was saved is there, what was written is shown, and what lies
//! below it is what the centre told up to its checkpoint.

use std::collections::{BTreeMap, BTreeSet};

use gladstone_model::{Unit, Value, catalogue};
use gladstone_protocol::{
    Op, OpKind, Policy,
    row_state::{number, same},
    wire::{RowImage, RowKey},
};
use uuid::Uuid;

use crate::{history::name, invariants::Broken, laptop::{Chained, Laptop}, world::World};

/// Entities that are written in worlds; the others are looked at in the end.
pub const WRITTEN: [&str; 18] = [
    "users",
    "organizations",
    "organization_members",
    "devices",
    "grants",
    "therapeutic_relationships",
    "beneficiaries",
    "appointments",
    "therapist_notes",
    "mood_entries",
    "journal_entries",
    "questionnaires",
    "questions",
    "responses",
    "answers",
    "crisis_detections",
    "messages",
    "conflicts",
];

/// 1, the laptop's part: everything that the screen confirmed is in the chain.
///
/// # Errors
/// What is missing.
pub fn saved_is_kept(world: &World, at: usize) -> Result<(), Broken> {
    let laptop = &world.laptops[at];
    let there: BTreeSet<Uuid> = laptop.chain_ids().into_iter().collect();
    world.tally.add("1 saves in chains", laptop.saved.len());
    match laptop.saved.iter().find(|(id, _)| !there.contains(*id)) {
        Some((id, number)) => Err(Broken::new(1, format!("save {number} ({id}) was confirmed at laptop {at} and is not in its chain"))),
        None => Ok(()),
    }
}

/// 5: of each field group that this laptop wrote, and that the centre has not decided about, it
/// shows its last value; unless something came in between that its policy puts before it.
///
/// # Errors
/// What is not shown.
pub fn reads_its_writes(world: &World, at: usize) -> Result<(), Broken> {
    let laptop = &world.laptops[at];
    let replica = laptop.vault().replica().ok().flatten();
    let checkpoint = replica.as_ref().map_or(0, |replica| replica.from_g);
    // Under another history everything comes anew from the beginning; what was held stays until then.
    let follows = checkpoint > 0 && replica.is_some_and(|replica| replica.joined.epoch == world.host.epoch());
    if follows {
        came_back(world, at, checkpoint)?;
    }
    laptop.note_settled();
    let settled = laptop.settled.borrow();
    let chain = laptop.chain("state IN (0, 1, 2)");
    if chain.is_empty() {
        return Ok(());
    }
    let held = units(laptop, true);
    let mut latest: BTreeMap<(RowKey, u16), (&Chained, Values, Vec<Uuid>)> = BTreeMap::new();
    let mut marked: BTreeSet<RowKey> = BTreeSet::new();
    for chained in &chain {
        for op in &chained.mutation.ops {
            let key = RowKey { entity: op.entity, id: op.id };
            if matches!(op.kind, OpKind::EnterInError { .. }) {
                marked.insert(key);
            }
            for (group, values, base) in written(op) {
                // The values that its author had seen, through those that they wrote themselves.
                let mut seen = vec![base, chained.mutation.id];
                if let Some((_, _, before)) = latest.get(&(key, group)).filter(|(_, _, before)| before.contains(&base)) {
                    seen.extend(before);
                }
                latest.insert((key, group), (chained, values, seen));
            }
        }
    }
    for ((key, group), (chained, values, seen)) in latest {
        let broken = |what: &str| Err(Broken::new(5, format!("laptop {at} wrote group {group} of {} {} ({}, place {}, state {}), {what}", name(key), key.id, chained.mutation.command, chained.place, chained.state)));
        // What is sent once more although it is part of what came.
        if follows && world.host.history.number(chained.mutation.id).is_some_and(|g| g <= checkpoint) {
            continue;
        }
        let on_top = on_top(laptop, key, chained.place);
        let Some(entity) = catalogue().by_no(key.entity) else { continue };
        let beyond = chained.state == 0 || chained.state == 2 && chained.g.is_some_and(|g| g > checkpoint);
        // What rows contain already, as they came, is not laid on them.
        let is_new = beyond && !settled.contains(&chained.mutation.id);
        let Some(row) = laptop.stored(&entity.name, key.id) else {
            let op = chained.mutation.ops.iter().find(|op| (op.entity, op.id) == (key.entity, key.id));
            let made_here = op.filter(|op| matches!(op.kind, OpKind::Create(_))).map(|op| op.unit);
            match on_top {
                Some((false, None)) => return broken("and the row is not shown"),
                Some((true, _)) | None if is_new && made_here.is_some_and(|unit| held.contains(&unit)) => return broken("and the row that it makes is not shown, whose unit is here"),
                _ => continue,
            }
        };
        if held.contains(&row.unit) {
            match on_top {
                None if beyond => return broken("and it does not lie on top of the row"),
                Some((true, _)) if is_new => return broken("and it is set aside although the row is here"),
                _ => {}
            }
        }
        let Some((false, None)) = on_top else { continue };
        world.tally.add("5 values that are shown", 1);
        if marked.contains(&key) && row.error.is_none() {
            return broken("entered it in error, and it still stands");
        }
        let shown = |no: u16| entity.position_of_no(no).map_or(&Value::Null, |at| &row.row.values[at]);
        let base = overlay(laptop, key);
        // What comes to a sealed row that the centre has is an addendum, and not shown in the row.
        let addendum = Policy::of(entity) == Policy::Sealed && (chained.state == 2 || base.is_some());
        if addendum || values.iter().all(|(no, value)| same(shown(*no), value)) {
            continue;
        }
        // What is sent again to a centre that has it: whoever wrote later stands.
        if base.as_ref().is_some_and(|below| below.row_mid == chained.mutation.id) {
            continue;
        }
        let between = base.as_ref().and_then(|image| image.clone().into_state().ok()).is_some_and(|(below, _)| {
            !seen.contains(&below.writer_of(group))
        });
        if !between || Policy::of(entity) == Policy::LastWriterWins {
            return broken(&format!("and {:?} is shown instead of {values:?}", values.iter().map(|(no, _)| shown(*no)).collect::<Vec<_>>()));
        }
    }
    Ok(())
}

/// 5: a mutation counts as settled only when it is part of what came from the centre, as its log
/// says; what its author wrote would not be shown in between.
fn came_back(world: &World, at: usize, checkpoint: u64) -> Result<(), Broken> {
    let mut statement = world.laptops[at].peek().prepare_cached("SELECT mutation_id FROM chain WHERE state = 3 AND resend = 0 AND mutation_id IS NOT NULL").unwrap();
    for id in statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap() {
        let id = Uuid::from_slice(&id.unwrap()).unwrap();
        let Some(g) = world.host.history.number(id) else { continue };
        world.tally.add("5 settled mutations that came back", 1);
        if g > checkpoint {
            return Err(Broken::new(5, format!("laptop {at} takes mutation {id} for settled, which took effect at {g}; it holds everything up to {checkpoint}")));
        }
    }
    Ok(())
}

/// 4 and 8 at a checkpoint: below what is pending, the rows of each complete unit are exactly those
/// that the centre told up to the checkpoint, each mutation whole.
///
/// # Errors
/// What differs.
pub fn at_checkpoint(world: &World, at: usize) -> Result<(), Broken> {
    let laptop = &world.laptops[at];
    let Ok(Some(replica)) = laptop.vault().replica() else { return Ok(()) };
    if replica.joined.epoch != world.host.epoch() || replica.from_g == 0 {
        return Ok(());
    }
    let held = units(laptop, true);
    let all = laptop.base(Some(&WRITTEN));
    unseen(world, at, &held, &all)?;
    let ours: BTreeMap<RowKey, RowImage> = all.into_iter().filter(|(_, row)| held.contains(&row.unit)).collect();
    let written = |row: &&RowImage| WRITTEN.contains(&name(row.key));
    let theirs: BTreeMap<RowKey, &RowImage> = world.host.history.at(replica.from_g).filter(|row| held.contains(&row.unit)).filter(written).map(|row| (row.key, row)).collect();
    world.tally.add("8 rows of bases", theirs.len());
    world.tally.add("4 mutations of several rows", world.host.history.of_several_rows(replica.from_g));
    for (key, row) in &theirs {
        let differs = match ours.get(key) {
            None => "it is not here".to_owned(),
            Some(here) if here != *row => difference(here, row),
            Some(_) => continue,
        };
        // Part of a mutation without the rest, or a row without its mutation?
        let changed = |key: RowKey| world.host.history.changed_with(key, replica.from_g);
        let torn = changed(*key).is_some_and(|(g, with)| {
            let came = |other: &RowKey| other != key && changed(*other).is_some_and(|(at, _)| at == g) && theirs.get(other).is_some_and(|row| ours.get(other) == Some(*row));
            with.iter().any(came)
        });
        return Err(Broken::new(if torn { 4 } else { 8 }, format!("laptop {at} at {}: {} {} of {}: {differs}", replica.from_g, name(*key), key.id, row.unit)));
    }
    match ours.keys().find(|key| !theirs.contains_key(key)) {
        Some(key) => Err(Broken::new(8, format!("laptop {at} at {}: {} {} is here and not at the centre", replica.from_g, name(*key), key.id))),
        None => Ok(()),
    }
}

/// 4 and 6: nothing is shown of units that are under way for the first time, or not held at all.
fn unseen(world: &World, at: usize, held: &BTreeSet<Unit>, all: &BTreeMap<RowKey, RowImage>) -> Result<(), Broken> {
    let mut statement = world.laptops[at].peek().prepare_cached("SELECT unit_id, held_before FROM unit_held WHERE complete = 0").unwrap();
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, bool>(1)?));
    let under_way: BTreeMap<Unit, bool> = statement.query_map([], read).unwrap().map(Result::unwrap).map(|(unit, before)| (Unit::from_bytes(&unit).unwrap(), before)).collect();
    world.tally.add("4 units under way and unseen", under_way.len());
    let too_early = |unit: &Unit| !held.contains(unit) && under_way.get(unit) != Some(&true);
    match all.iter().find(|(_, row)| too_early(&row.unit)) {
        Some((key, row)) => {
            let invariant = if under_way.contains_key(&row.unit) { 4 } else { 6 };
            Err(Broken::new(invariant, format!("laptop {at} shows {} {} of {}, which it does not hold as a whole", name(*key), key.id, row.unit)))
        }
        None => Ok(()),
    }
}

/// 8, the laptops' part: the digest of the whole vault is that of its rows, as its anchor needs it.
///
/// # Errors
/// The laptop whose rows do not add up.
pub fn vaults_add_up(world: &World) -> Result<(), Broken> {
    for (at, laptop) in world.laptops.iter().enumerate() {
        let found = laptop.vault().recompute_digest().map_err(|error| Broken::new(8, error.to_string()))?;
        if found != laptop.vault().state().digest {
            return Err(Broken::new(8, format!("the rows of laptop {at} do not add up to the digest of its vault")));
        }
    }
    Ok(())
}

/// 7, the laptops' part: nothing waits any more, no download is open.
///
/// # Errors
/// What is left.
pub fn queues_are_empty(world: &World) -> Result<(), Broken> {
    for (at, laptop) in world.laptops.iter().enumerate() {
        world.tally.add("7 queues", 1);
        let left = |what: &str, sql: &str| match laptop.count(sql) {
            0 => Ok(()),
            count => Err(Broken::new(7, format!("laptop {at}: {count} {what}"))),
        };
        left("entries wait to be sent", "SELECT count(*) FROM chain WHERE state = 0")?;
        left("entries are sent again and again", "SELECT count(*) FROM chain WHERE resend = 1")?;
        if world.host.knows(laptop.vault().state().device) != Some(true) {
            continue;
        }
        left("entries were taken and never came back", "SELECT count(*) FROM chain WHERE state = 2")?;
        left("downloads are open", "SELECT count(*) FROM unit_held WHERE complete = 0")?;
        left("rows are staged", "SELECT count(*) FROM stage")?;
        left("rows lie below nothing", "SELECT count(*) FROM overlay AS o WHERE NOT EXISTS (SELECT 1 FROM pending AS p WHERE p.entity = o.entity AND p.row_id = o.row_id)")?;
    }
    Ok(())
}

/// The units of a laptop.
pub fn units(laptop: &Laptop, complete: bool) -> BTreeSet<Unit> {
    let mut statement = laptop.peek().prepare_cached("SELECT unit_id FROM unit_held WHERE complete = ?1").unwrap();
    statement.query_map([complete], |row| row.get::<_, Vec<u8>>(0)).unwrap().map(|bytes| Unit::from_bytes(&bytes.unwrap()).unwrap()).collect()
}

/// Values by field number.
pub type Values = Vec<(u16, Value)>;

/// What an operation wrote: group, all its values, and the mutation whose value was seen.
pub fn written(op: &Op) -> Vec<(u16, Values, Uuid)> {
    let Some(entity) = catalogue().by_no(op.entity) else { return Vec::new() };
    match &op.kind {
        OpKind::EnterInError { .. } => Vec::new(),
        OpKind::Update(patches) => patches.iter().map(|patch| (patch.group, patch.values.clone(), patch.base)).collect(),
        OpKind::Create(values) => {
            let groups = entity.groups.iter().filter(|group| !entity.fields[group.fields[0]].is_managed());
            let of = |group: &gladstone_model::entity::MergeGroup| -> Vec<(u16, Value)> {
                let numbers = group.fields.iter().map(|at| entity.fields[*at].no);
                numbers.map(|no| (no, values.iter().find(|(other, _)| *other == no).map_or(Value::Null, |(_, value)| value.clone()))).collect()
            };
            groups.map(|group| (number(entity, group), of(group), Uuid::nil())).filter(|(_, values, _)| values.iter().any(|(_, value)| !value.is_null())).collect()
        }
    }
}

/// Whether an entry lies on top of a row: whether the base contains it already, and what was told
/// about it.
fn on_top(laptop: &Laptop, key: RowKey, place: u64) -> Option<(bool, Option<String>)> {
    let mut statement = laptop.peek().prepare_cached("SELECT within, flag FROM pending WHERE entity = ?1 AND row_id = ?2 AND dseq = ?3").unwrap();
    if laptop.has_joined() {
        statement.query_row(rusqlite::params![key.entity, key.id.as_bytes(), place as i64], |row| Ok((row.get(0)?, row.get(1)?))).ok()
    } else {
        Some((false, None))
    }
}

fn overlay(laptop: &Laptop, key: RowKey) -> Option<RowImage> {
    let mut statement = laptop.peek().prepare_cached("SELECT image FROM overlay WHERE entity = ?1 AND row_id = ?2").unwrap();
    let bytes: Option<Vec<u8>> = statement.query_row(rusqlite::params![key.entity, key.id.as_bytes()], |row| row.get(0)).ok();
    postcard::from_bytes(&bytes?).ok()
}

fn difference(here: &RowImage, there: &RowImage) -> String {
    let values: Vec<_> = there.values.iter().filter(|value| !here.values.contains(value)).collect();
    let gone: Vec<_> = here.values.iter().filter(|value| !there.values.contains(value)).collect();
    format!("here {gone:?} made by {} with {:?} error {:?} in {}; there {values:?} made by {} with {:?} error {:?}", here.row_mid, here.group_mids, here.error, here.unit, there.row_mid, there.group_mids, there.error)
}
