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
    let chain = laptop.chain("state IN (0, 1, 2)");
    if chain.is_empty() {
        return Ok(());
    }
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
    let checkpoint = laptop.vault().replica().ok().flatten().map_or(0, |replica| replica.from_g);
    let own: BTreeSet<Uuid> = chain.iter().map(|chained| chained.mutation.id).collect();
    for ((key, group), (chained, values, seen)) in latest {
        let broken = |what: &str| Err(Broken::new(5, format!("laptop {at} wrote group {group} of {} {} ({}, place {}, state {}), {what}", name(key), key.id, chained.mutation.command, chained.place, chained.state)));
        let on_top = on_top(laptop, key, chained.place);
        let Some(entity) = catalogue().by_no(key.entity) else { continue };
        let Some(row) = laptop.stored(&entity.name, key.id) else {
            match on_top {
                Some((false, None)) => return broken("and the row is not shown"),
                _ => continue,
            }
        };
        let beyond = chained.state == 0 || chained.state == 2 && chained.g.is_some_and(|g| g > checkpoint);
        if on_top.is_none() && beyond && units(laptop, true).contains(&row.unit) {
            return broken("and it does not lie on top of the row");
        }
        let Some((false, None)) = on_top else { continue };
        if marked.contains(&key) && row.error.is_none() {
            return broken("entered it in error, and it still stands");
        }
        let shown = |no: u16| entity.position_of_no(no).map_or(&Value::Null, |at| &row.row.values[at]);
        // What the centre has taken as an addendum to a sealed row is not shown in the row.
        let addendum = Policy::of(entity) == Policy::Sealed && chained.state == 2;
        if addendum || values.iter().all(|(no, value)| same(shown(*no), value)) {
            continue;
        }
        let base = overlay(laptop, key);
        let between = base.as_ref().and_then(|image| image.clone().into_state().ok()).is_some_and(|(below, _)| {
            let writer = below.writer_of(group);
            !seen.contains(&writer) && !own.contains(&writer)
        });
        if !between || Policy::of(entity) == Policy::LastWriterWins {
            return broken(&format!("and {:?} is shown instead of {values:?}", values.iter().map(|(no, _)| shown(*no)).collect::<Vec<_>>()));
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
    let ours: BTreeMap<RowKey, RowImage> = laptop.base(Some(&WRITTEN)).into_iter().filter(|(_, row)| held.contains(&row.unit)).collect();
    let written = |row: &&RowImage| WRITTEN.contains(&name(row.key));
    let theirs: BTreeMap<RowKey, &RowImage> = world.host.history.at(replica.from_g).filter(|row| held.contains(&row.unit)).filter(written).map(|row| (row.key, row)).collect();
    for (key, row) in &theirs {
        let differs = match ours.get(key) {
            None => "it is not here".to_owned(),
            Some(here) if here != *row => difference(here, row),
            Some(_) => continue,
        };
        // Part of a mutation without the rest, or a row without its mutation?
        let whole = last_writers(row).iter().any(|mid| theirs.iter().any(|(other, row)| other != key && last_writers(row).contains(mid) && ours.get(other) == Some(*row)));
        let invariant = if whole { 4 } else { 8 };
        return Err(Broken::new(invariant, format!("laptop {at} at {}: {} {} of {}: {differs}", replica.from_g, name(*key), key.id, row.unit)));
    }
    match ours.keys().find(|key| !theirs.contains_key(key)) {
        Some(key) => Err(Broken::new(8, format!("laptop {at} at {}: {} {} is here and not at the centre", replica.from_g, name(*key), key.id))),
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

fn last_writers(row: &RowImage) -> BTreeSet<Uuid> {
    row.group_mids.iter().map(|(_, mid)| *mid).chain([row.row_mid]).chain(row.error.iter().map(|(mid, _)| *mid)).collect()
}

fn difference(here: &RowImage, there: &RowImage) -> String {
    let values: Vec<_> = there.values.iter().filter(|value| !here.values.contains(value)).collect();
    let gone: Vec<_> = here.values.iter().filter(|value| !there.values.contains(value)).collect();
    format!("here {gone:?} made by {} with {:?} error {:?} in {}; there {values:?} made by {} with {:?} error {:?}", here.row_mid, here.group_mids, here.error, here.unit, there.row_mid, there.group_mids, there.error)
}
