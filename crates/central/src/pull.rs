//! What a laptop is told: changes since its checkpoint as whole mutations in the order of commit
//! numbers, as many as fit; and once it is up to date, the units that it enters and leaves, with
//! pages of their rows. Every answer is read from one snapshot, and is right by itself.

use std::collections::{BTreeMap, BTreeSet};

use gladstone_model::{Instant, Unit, catalogue};
use gladstone_protocol::{
    Stored, Verdict,
    enrol::from_hex,
    limits::{BLOB_COUNT, LIST_COUNT, MESSAGE_LIMIT, MUTATION_LIMIT},
    wire::{Basis, BlobRef, Bootstrap, Change, Dropped, Judged, PullAnswer, PullRequest, RowChange, RowImage, RowKey, RowNews, UnitDigest, unit_set_hash},
};
use uuid::Uuid;

use crate::{
    centre::Caller,
    engine::{DeviceUnits, Head, LogAsk, LogLine, Reading},
    error::CentreError,
    grants, pages,
};

/// Bytes of verdicts that are told in full.
const VERDICTS: usize = MESSAGE_LIMIT / 16;
/// Units whose digests are told with every answer that is up to date.
const DIGESTS: usize = 200;

/// How much one answer to a pull carries. Smaller portions make more answers and change nothing
/// else; the simulator asks for small ones, so that all that goes over several answers is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portions {
    /// Bytes of changes after which an answer has enough; the mutation that exceeds it still fits.
    pub changes: usize,
    /// Bytes that changes and pages together may take.
    pub room: usize,
    /// Lines of the log after which an answer has enough.
    pub lines: usize,
    /// Units that may be entered or left with one answer.
    pub units: usize,
}

impl Default for Portions {
    fn default() -> Portions {
        Portions { changes: MESSAGE_LIMIT / 8, room: MESSAGE_LIMIT - MUTATION_LIMIT - MUTATION_LIMIT / 2, lines: 20_000, units: LIST_COUNT / 2 }
    }
}

/// The answer to a pull, and the units that the laptop holds then, when they are others.
///
/// # Errors
/// What the store says.
pub(crate) fn answer(shelf: &mut dyn Reading, caller: &Caller, request: &PullRequest, now: Instant, portions: Portions) -> Result<(PullAnswer, Option<DeviceUnits>), CentreError> {
    let head = shelf.head()?;
    let mut answer = PullAnswer {
        epoch: head.epoch,
        basis: Basis::Checkpoint,
        to_g: head.g,
        more: false,
        grants: Vec::new(),
        drops: Vec::new(),
        changes: Vec::new(),
        verdicts: Vec::new(),
        digests: Vec::new(),
        blobs: Vec::new(),
        server_time: now,
    };
    if request.epoch != head.epoch && !request.epoch.is_nil() {
        // Nothing is handed out yet: the laptop first sends what this history may lack.
        answer.basis = Basis::OtherEpoch;
        answer.to_g = 0;
        answer.more = true;
        return Ok((answer, None));
    }
    let known = shelf.device_units(caller.device)?;
    let (held, begun) = standing(&head, request, &known);
    if held.is_none() {
        answer.basis = Basis::TooOld;
    }
    let held_before = held.unwrap_or_default();
    let mut held = held_before.clone();
    let entitled = grants::of_actor(shelf, head.realm, caller.actor, now)?;
    let mut budget = portions;
    // What is left is told at once: nothing more of it may come.
    let mut begun = begun;
    leave(&entitled, &mut begun, &mut held, &mut answer, portions);
    changes(shelf, &head, request, &held, &begun, &mut answer, &mut budget)?;
    verdicts(shelf, caller, request, &mut answer)?;
    answer.more |= answer.to_g < head.g;
    if answer.to_g == head.g {
        enter(shelf, &head, &entitled, &begun, &mut held, &mut answer, &mut budget)?;
        digests(shelf, &held, request, &mut answer)?;
    }
    answer.blobs = blobs(&answer);
    let changed = held != held_before || answer.basis != Basis::Checkpoint;
    let units = DeviceUnits { now: held.into_iter().collect(), before: held_before.into_iter().collect() };
    Ok((answer, (changed && units != known).then_some(units)))
}

/// What the laptop holds as complete, and which first downloads it goes on with. None: all anew.
fn standing(head: &Head, request: &PullRequest, known: &DeviceUnits) -> (Option<BTreeSet<Unit>>, BTreeMap<Unit, Bootstrap>) {
    let nothing = unit_set_hash([]) == request.units;
    let begun: BTreeMap<Unit, Bootstrap> = request.bootstrap.iter().map(|begun| (begun.unit, begun.clone())).collect();
    let fresh = request.from_g == 0 && nothing && begun.is_empty();
    let usable = request.from_g >= head.floor_g && request.from_g <= head.g && (request.from_g > 0 || nothing) || fresh;
    // Pages that were taken at another checkpoint than the one that is held cannot be gone on with.
    let steady = begun.values().all(|begun| begun.at_g == request.from_g || begun.after.is_none());
    let anew: BTreeSet<Unit> = begun.keys().copied().collect();
    match grants::held(known, &anew, request.units).filter(|_| usable && steady) {
        Some(held) => {
            let begun = begun.into_iter().filter(|(unit, begun)| begun.after.is_some() && !held.contains(unit)).collect();
            (Some(held), begun)
        }
        None => (None, BTreeMap::new()),
    }
}

/// Changes after the checkpoint, for the units that are held and those whose download goes on.
fn changes(shelf: &mut dyn Reading, head: &Head, request: &PullRequest, held: &BTreeSet<Unit>, begun: &BTreeMap<Unit, Bootstrap>, answer: &mut PullAnswer, budget: &mut Portions) -> Result<(), CentreError> {
    if answer.basis != Basis::Checkpoint || held.is_empty() && begun.is_empty() {
        return Ok(());
    }
    let units: Vec<Unit> = held.iter().chain(begun.keys()).copied().collect::<BTreeSet<_>>().into_iter().collect();
    let part = shelf.log(&LogAsk { after_g: request.from_g, to_g: head.g, units: &units, bytes: budget.changes, lines: budget.lines })?;
    answer.to_g = part.through_g;
    let staged: BTreeSet<RowKey> = part.lines.iter().filter(|line| begun.contains_key(&line.unit)).map(|line| line.key).collect();
    let states: BTreeMap<RowKey, RowImage> = shelf.rows(&staged.into_iter().collect::<Vec<_>>())?.iter().map(|state| (crate::work::key_of(state), RowImage::of(state))).collect();
    let mut told = BTreeSet::new();
    let mut changes: Vec<(Uuid, u64, Vec<RowChange>)> = Vec::new();
    for line in part.lines {
        let (g, mutation) = (line.g, line.mutation);
        // A laptop in its first download gets whole rows, which are larger than their news.
        if budget.room == 0 && changes.last().is_some_and(|(_, last, _)| *last < g) {
            answer.to_g = g - 1;
            break;
        }
        budget.room = budget.room.saturating_sub(line.news.len() + 48);
        let row = if begun.contains_key(&line.unit) {
            // What is staged is brought to this answer whole, once for each row.
            if !told.insert((line.unit, line.key)) {
                continue;
            }
            let news = states.get(&line.key).filter(|image| image.unit == line.unit).map_or(RowNews::Left, |image| RowNews::Whole(image.clone()));
            budget.room = budget.room.saturating_sub(postcard::experimental::serialized_size(&news).unwrap_or_default());
            RowChange { key: line.key, unit: line.unit, news }
        } else {
            news(&line)?
        };
        match changes.last_mut() {
            Some((_, last, rows)) if *last == g => rows.push(row),
            _ => changes.push((mutation, g, vec![row])),
        }
    }
    let mids: Vec<Uuid> = changes.iter().map(|(mutation, ..)| *mutation).collect();
    let written: BTreeMap<Uuid, _> = shelf.mutations(&mids)?.into_iter().map(|written| (written.writer.mutation, written)).collect();
    for (mutation, g, rows) in changes {
        let written = written.get(&mutation).ok_or_else(|| CentreError::Inconsistent("a mutation of the log is not there".into()))?;
        budget.room = budget.room.saturating_sub(128);
        answer.changes.push(Change { g, writer: written.writer, command: written.command.clone(), rows });
    }
    // Lists in a message are bounded; the rest comes with the next answer.
    if answer.changes.len() > LIST_COUNT {
        answer.changes.truncate(LIST_COUNT);
        answer.to_g = answer.changes.last().map_or(request.from_g, |change| change.g);
    }
    Ok(())
}

fn news(line: &LogLine) -> Result<RowChange, CentreError> {
    let news = postcard::from_bytes(&line.news).map_err(|_| CentreError::Inconsistent("news of the log cannot be read".into()))?;
    Ok(RowChange { key: line.key, unit: line.unit, news })
}

/// Units that the laptop leaves.
fn leave(entitled: &BTreeSet<Unit>, begun: &mut BTreeMap<Unit, Bootstrap>, held: &mut BTreeSet<Unit>, answer: &mut PullAnswer, portions: Portions) {
    let left: BTreeSet<Unit> = held.iter().chain(begun.keys()).filter(|unit| !entitled.contains(unit)).copied().collect();
    for unit in left.iter().take(portions.units) {
        held.remove(unit);
        begun.remove(unit);
        answer.drops.push(Dropped { unit: *unit, reason: "Your right to these records has ended.".into() });
    }
    answer.more = left.len() > portions.units;
}

/// Verdicts that were decided anew since the checkpoint.
fn verdicts(shelf: &mut dyn Reading, caller: &Caller, request: &PullRequest, answer: &mut PullAnswer) -> Result<(), CentreError> {
    let mut bytes = 0;
    for (dseq, stored) in shelf.changed_verdicts(caller.device, request.incarnation, request.from_g, answer.to_g, LIST_COUNT / 4)? {
        bytes += postcard::experimental::serialized_size(&stored).unwrap_or(VERDICTS);
        let verdict = match stored {
            // What does not stand is among the tasks as well.
            Stored::Merged { g, .. } if bytes > VERDICTS => Verdict::Applied { g },
            stored => stored.into(),
        };
        answer.verdicts.push(Judged { dseq, verdict });
    }
    Ok(())
}

/// Units that the laptop enters, with as many pages as there is room for.
fn enter(shelf: &mut dyn Reading, head: &Head, entitled: &BTreeSet<Unit>, begun: &BTreeMap<Unit, Bootstrap>, held: &mut BTreeSet<Unit>, answer: &mut PullAnswer, budget: &mut Portions) -> Result<(), CentreError> {
    // What was begun is finished first.
    let mut entered: Vec<Unit> = entitled.iter().filter(|unit| !held.contains(unit)).copied().collect();
    entered.sort_by_key(|unit| (!begun.contains_key(unit), grants::order(unit)));
    for (at, unit) in entered.iter().enumerate() {
        if budget.room == 0 || at >= budget.units {
            answer.more = true;
            break;
        }
        let after = begun.get(unit).and_then(|begun| begun.after);
        let granted = pages::of(shelf, *unit, after, head.g, &mut budget.room)?;
        if granted.complete {
            held.insert(*unit);
        } else {
            answer.more = true;
        }
        budget.room = budget.room.saturating_sub(64);
        answer.grants.push(granted);
    }
    Ok(())
}

/// The files that the rows of an answer name; a laptop finds those beyond the limit in its rows.
fn blobs(answer: &PullAnswer) -> Vec<BlobRef> {
    let Some(entity) = catalogue().get("attachments") else { return Vec::new() };
    let (Some(hash), Some(size)) = (entity.field("blob_hash"), entity.field("size_bytes")) else { return Vec::new() };
    let changed = answer.changes.iter().flat_map(|change| &change.rows).filter_map(|row| if let RowNews::Whole(image) = &row.news { Some(image) } else { None });
    let paged = answer.grants.iter().flat_map(|granted| &granted.pages).flat_map(|page| &page.rows);
    let value = |image: &RowImage, no: u16| image.values.iter().find(|(other, _)| *other == no).map(|(_, value)| value.clone());
    let blob = |image: &RowImage| {
        let hash = from_hex::<32>(value(image, hash.no)?.as_text()?)?;
        let size = value(image, size.no).and_then(|size| size.as_integer()).map_or(0, i64::unsigned_abs);
        Some(BlobRef { hash, size })
    };
    changed.chain(paged).filter(|image| image.key.entity == entity.no).filter_map(blob).take(BLOB_COUNT).collect()
}

/// Digests of complete units: all of them when there are few; else those that this answer touched
/// and some of the others, so that in time each one is compared.
fn digests(shelf: &mut dyn Reading, held: &BTreeSet<Unit>, request: &PullRequest, answer: &mut PullAnswer) -> Result<(), CentreError> {
    let wanted: Vec<Unit> = if held.len() <= DIGESTS {
        held.iter().copied().collect()
    } else {
        let touched: BTreeSet<Unit> = answer.changes.iter().flat_map(|change| &change.rows).map(|row| row.unit).chain(answer.grants.iter().map(|granted| granted.unit)).filter(|unit| held.contains(unit)).collect();
        let start = (request.from_g.wrapping_mul(31) as usize) % held.len();
        let others = held.iter().cycle().skip(start).take(DIGESTS).copied();
        touched.into_iter().take(LIST_COUNT / 2).chain(others).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let sums: BTreeMap<Unit, _> = shelf.digests(&wanted)?.into_iter().map(|sum| (sum.unit, sum.digest)).collect();
    answer.digests = wanted.into_iter().map(|unit| UnitDigest { unit, digest: sums.get(&unit).copied().unwrap_or_default() }).collect();
    Ok(())
}
