//! What a laptop is told: changes since its checkpoint as whole mutations in the order of commit
//! numbers, as many as fit; and once it is up to date, the units that it enters and leaves, with
//! pages of their rows. Every answer is read from one snapshot, and is right by itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gladstone_model::{Instant, Unit, catalogue, catalogue::SCHEMA_VERSION};
use gladstone_protocol::{
    RowsDigest, Stored, Verdict, Writer,
    enrol::from_hex,
    limits::{BLOB_COUNT, DIGEST_COUNT, LIST_COUNT, MESSAGE_LIMIT, MUTATION_LIMIT},
    wire::{Basis, BlobRef, Bootstrap, Change, Compare, Dropped, Judged, PullAnswer, PullRequest, RowChange, RowImage, RowKey, RowNews, UnitDigest, unit_set_hash},
};
use uuid::Uuid;

use crate::{
    centre::Caller,
    engine::{DeviceUnits, Head, LogAsk, LogLine, LogPart, Reading},
    error::CentreError,
    grants::{self, Entitled},
    pages::{self, Asked, Pages},
    recent::{Recent, Told},
    standing::Standing,
};

/// Units whose sums are read at once.
const UNITS_AT_ONCE: usize = 256;
/// Sets of units that are remembered of a laptop which asks ahead, besides the last one.
const AHEAD: usize = 16;
/// Which part of its room the first answer of a first download uses: the laptop has something to write while the
/// next one is read.
const FIRST: usize = 8;
/// Bytes of verdicts that are told in full.
const VERDICTS: usize = MESSAGE_LIMIT / 16;

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

/// What an answer is made with.
pub(crate) struct Means<'p> {
    /// How much it carries.
    pub portions: Portions,
    /// Pages that were read before.
    pub pages: &'p Pages,
    /// What was committed lately.
    pub recent: &'p Recent,
}

/// An answer to a pull, and what follows from it.
pub(crate) struct Answered {
    pub answer: PullAnswer,
    /// The units that the laptop holds then, where the store has to know.
    pub units: Option<DeviceUnits>,
    /// What is to be remembered of it; none: what is remembered stays.
    pub standing: Option<Standing>,
}

/// The answer to a pull. `known`: what is remembered of the laptop, whatever it is worth.
///
/// # Errors
/// What the store says.
pub(crate) fn answer(shelf: &mut dyn Reading, caller: &Caller, request: &PullRequest, known: Option<&Standing>, now: Instant, with: &Means<'_>) -> Result<Answered, CentreError> {
    let (portions, pages) = (with.portions, with.pages);
    let head = shelf.head()?;
    let mut answer = PullAnswer::bare(head.epoch, head.g, now);
    if request.epoch != head.epoch && !request.epoch.is_nil() {
        // Nothing is handed out yet: the laptop first sends what this history may lack.
        answer.basis = Basis::OtherEpoch;
        answer.to_g = 0;
        answer.more = true;
        return Ok(Answered { answer, units: None, standing: None });
    }
    let known = known.filter(|known| known.epoch == head.epoch && known.hash == request.units && known.g <= request.from_g && request.from_g <= head.g);
    if let Some(known) = known
        && is_settled(known, caller, request, &head, now)
    {
        answer.sum = known.sum.filter(|_| knows_the_same(request));
        return Ok(Answered { answer, units: None, standing: None });
    }
    let (held, begun) = standing(shelf, &head, caller, request, known)?;
    if held.is_none() {
        answer.basis = Basis::TooOld;
    }
    let held_before = held.unwrap_or_default();
    let mut held = Arc::clone(&held_before);
    let Entitled { units: entitled, settled, judged, .. } = grants::entitled(shelf, with.recent, &head, caller, known, now)?;
    let is_first = request.from_g == 0 && held_before.is_empty() && begun.is_empty();
    let mut budget = Portions { room: room(portions.room, is_first, known), ..portions };
    let room = budget.room;
    // What is left is told at once: nothing more of it may come.
    let mut begun = begun;
    leave(&entitled, &mut begun, &mut held, &mut answer, portions);
    let base = if held == held_before { sum_before(shelf, &head, request, &held, known)? } else { None };
    let shift = changes(shelf, with.recent, &head, request, &held, &begun, &mut answer, &mut budget)?;
    if judged {
        verdicts(shelf, caller, request, &mut answer)?;
    }
    answer.more |= answer.to_g < head.g;
    let mut sum = base.map(|mut sum| {
        sum.join(&shift);
        sum
    });
    if answer.to_g == head.g {
        let stayed = Arc::clone(&held);
        enter(shelf, pages, &head, &entitled, &begun, &mut held, &mut answer, &mut budget)?;
        sum = Some(sum_now(shelf, &stayed, &held, sum, request, &mut answer)?);
    }
    answer.sum = sum.filter(|_| knows_the_same(request));
    if !knows_the_same(request) {
        answer.digests.clear();
    }
    answer.blobs = blobs(&answer);
    let changed = held != held_before || answer.basis != Basis::Checkpoint;
    let hash = if changed { unit_set_hash(held.iter().copied()) } else { request.units };
    let settled = (!answer.more && answer.to_g == head.g).then_some(settled);
    let units = if changed { Some(remembered(shelf, caller, request, &held_before, &held)?) } else { None };
    let standing = Some(Standing { epoch: head.epoch, g: answer.to_g, hash, held, sum, settled, room });
    Ok(Answered { answer, units, standing })
}

/// How many bytes an answer has room for: few at the beginning of a first download, and twice as many each time. Reading
/// is faster than writing, so that the laptop waits for the first one and hardly any more.
fn room(most: usize, is_first: bool, known: Option<&Standing>) -> usize {
    match known {
        _ if is_first => most.div_ceil(FIRST),
        Some(known) => known.room.saturating_mul(2).min(most),
        None => most,
    }
}

/// What the store is to know of the units of a laptop after an answer: all sets that it may hold then. Besides the
/// new one that is what it held before; and where that is not durable there, every set since the one that is.
fn remembered(shelf: &mut dyn Reading, caller: &Caller, request: &PullRequest, before: &BTreeSet<Unit>, now: &BTreeSet<Unit>) -> Result<DeviceUnits, CentreError> {
    let listed = |units: &BTreeSet<Unit>| units.iter().copied().collect::<Vec<_>>();
    let mut units = DeviceUnits { now: listed(now), before: listed(before), between: Vec::new() };
    let Some(durable) = request.ahead.filter(|durable| *durable != request.units) else { return Ok(units) };
    let known = shelf.device_units(caller.device)?;
    let kept: Vec<BTreeSet<Unit>> = [known.before].into_iter().chain(known.between).chain([known.now]).map(BTreeSet::from_iter).collect();
    // Where it is not known which those are, the last one counts, and at worst everything is fetched anew.
    let Some(from) = kept.iter().position(|set| unit_set_hash(set.iter().copied()) == durable) else { return Ok(units) };
    let mut since: Vec<&BTreeSet<Unit>> = kept[from..].iter().take_while(|set| *set != before).collect();
    since.push(before);
    let grows = since.windows(2).all(|two| two[0].is_subset(two[1])) && before.is_subset(now);
    if grows && since.len() <= AHEAD {
        let mut sets = since.into_iter().map(listed);
        units.before = sets.next().unwrap_or_default();
        units.between = sets.collect();
    }
    Ok(units)
}

/// Whether the laptop knows the same fields as the centre. The sums of another version run over other
/// values, so they are not told and nobody compares them.
fn knows_the_same(request: &PullRequest) -> bool {
    request.schema_version == SCHEMA_VERSION
}

/// Whether the answer to a request is that nothing changed: no right can be another one without a
/// commit or a turn of the clock, and no verdict without a commit.
fn is_settled(known: &Standing, caller: &Caller, request: &PullRequest, head: &Head, now: Instant) -> bool {
    let stands = known.settled.as_ref().is_some_and(|settled| settled.stands(caller.actor, now));
    let asks_no_more = request.from_g > 0 && request.bootstrap.is_empty() && request.compare.is_none();
    stands && asks_no_more && known.g == head.g && request.from_g == head.g && request.epoch == head.epoch && known.sum.is_some()
}

/// What a laptop holds as complete, and which first downloads it goes on with. None: all anew.
type Held = (Option<Arc<BTreeSet<Unit>>>, BTreeMap<Unit, Bootstrap>);

/// What the laptop holds as it says, as far as that is known.
fn standing(shelf: &mut dyn Reading, head: &Head, caller: &Caller, request: &PullRequest, known: Option<&Standing>) -> Result<Held, CentreError> {
    let nothing = unit_set_hash([]) == request.units;
    let begun: BTreeMap<Unit, Bootstrap> = request.bootstrap.iter().map(|begun| (begun.unit, begun.clone())).collect();
    let fresh = request.from_g == 0 && nothing && begun.is_empty();
    let usable = request.from_g >= head.floor_g && request.from_g <= head.g && (request.from_g > 0 || nothing) || fresh;
    // Pages that were taken at another checkpoint than the one that is held cannot be gone on with.
    let steady = begun.values().all(|begun| begun.at_g == request.from_g || begun.after.is_none());
    if !usable || !steady {
        return Ok((None, BTreeMap::new()));
    }
    let held = match known {
        Some(known) => Some(Arc::clone(&known.held)),
        None => {
            let anew: BTreeSet<Unit> = begun.keys().copied().collect();
            grants::held(&shelf.device_units(caller.device)?, &anew, request.units).map(Arc::new)
        }
    };
    Ok(match held {
        Some(held) => {
            let begun = begun.into_iter().filter(|(unit, begun)| begun.after.is_some() && !held.contains(unit)).collect();
            (Some(held), begun)
        }
        None => (None, BTreeMap::new()),
    })
}

/// The sum over the units that are held, at the checkpoint of the request, where it can be had
/// without reading them all. What is remembered from before is brought forward by the log, as
/// long as that is shorter: another service may have answered meanwhile.
fn sum_before(shelf: &mut dyn Reading, head: &Head, request: &PullRequest, held: &BTreeSet<Unit>, known: Option<&Standing>) -> Result<Option<RowsDigest>, CentreError> {
    if held.is_empty() {
        return Ok(Some(RowsDigest::default()));
    }
    let Some((known, mut sum)) = known.and_then(|known| Some((known, known.sum?))) else { return Ok(None) };
    let missed = request.from_g - known.g;
    if known.g < head.floor_g || missed > held.len() as u64 {
        return Ok(None);
    }
    if missed > 0 {
        shelf.shifts(known.g, request.from_g)?.iter().filter(|(unit, _)| held.contains(unit)).for_each(|(_, shift)| sum.join(shift));
    }
    Ok(Some(sum))
}

/// The sum over the units that are held at the head: `sum` over those that stayed, and what was
/// entered; all of them anew where that is not known, or the laptop says that it does not agree.
/// It is told the digests that it asked for besides.
fn sum_now(shelf: &mut dyn Reading, stayed: &BTreeSet<Unit>, held: &BTreeSet<Unit>, sum: Option<RowsDigest>, request: &PullRequest, answer: &mut PullAnswer) -> Result<RowsDigest, CentreError> {
    let (mut total, read): (RowsDigest, Vec<Unit>) = match (sum, request.compare) {
        (Some(sum), None) => (sum, if held == stayed { Vec::new() } else { held.difference(stayed).copied().collect() }),
        _ => (RowsDigest::default(), held.iter().copied().collect()),
    };
    if read.is_empty() {
        return Ok(total);
    }
    let sums: BTreeMap<Unit, RowsDigest> = shelf.digests(&read)?.into_iter().map(|sum| (sum.unit, sum.digest)).collect();
    sums.values().for_each(|digest| total.join(digest));
    if let Some(Compare { after }) = request.compare {
        let wanted = held.iter().filter(|unit| after.is_none_or(|after| after < **unit)).take(DIGEST_COUNT);
        answer.digests = wanted.map(|unit| UnitDigest { unit: *unit, digest: sums.get(unit).copied().unwrap_or_default() }).collect();
    }
    Ok(total)
}

/// Changes after the checkpoint, for the units that are held and those whose download goes on.
/// Returns by how much they move the sum over the units that are held.
#[allow(clippy::too_many_arguments, reason = "what is read from, what is known, what is asked, and what changes by it")]
fn changes(shelf: &mut dyn Reading, recent: &Recent, head: &Head, request: &PullRequest, held: &BTreeSet<Unit>, begun: &BTreeMap<Unit, Bootstrap>, answer: &mut PullAnswer, budget: &mut Portions) -> Result<RowsDigest, CentreError> {
    let mut moved = RowsDigest::default();
    if answer.basis != Basis::Checkpoint || request.from_g == head.g || held.is_empty() && begun.is_empty() {
        return Ok(moved);
    }
    let both: BTreeSet<Unit>;
    let units = if begun.is_empty() {
        held
    } else {
        both = held.iter().chain(begun.keys()).copied().collect();
        &both
    };
    let ask = LogAsk { after_g: request.from_g, to_g: head.g, units, bytes: budget.changes, lines: budget.lines };
    let known = recent.told(head.realm, head.epoch, request.from_g, head.g).and_then(|told| remembered_part(&told, &ask));
    let (part, writers) = match known {
        Some((part, writers)) => (part, Some(writers)),
        None => (shelf.log(&ask)?, None),
    };
    answer.to_g = part.through_g;
    let staged: BTreeSet<RowKey> = part.lines.iter().filter(|line| begun.contains_key(&line.unit)).map(|line| line.key).collect();
    let states: BTreeMap<RowKey, RowImage> = shelf.rows(&staged.into_iter().collect::<Vec<_>>())?.iter().map(|state| (crate::work::key_of(state), RowImage::of(state))).collect();
    let shifts: Vec<(u64, RowsDigest)> = part.lines.iter().filter(|line| held.contains(&line.unit)).filter_map(|line| Some((line.g, line.shift?))).collect();
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
    let writers: Writers = match writers {
        Some(writers) => writers,
        None => shelf.mutations(&mids)?.into_iter().map(|written| (written.writer.mutation, (written.writer, written.command))).collect(),
    };
    for (mutation, g, rows) in changes {
        let (writer, command) = writers.get(&mutation).ok_or_else(|| CentreError::Inconsistent("a mutation of the log is not there".into()))?;
        budget.room = budget.room.saturating_sub(128);
        answer.changes.push(Change { g, writer: *writer, command: command.clone(), rows });
    }
    // Lists in a message are bounded; the rest comes with the next answer.
    if answer.changes.len() > LIST_COUNT {
        answer.changes.truncate(LIST_COUNT);
        answer.to_g = answer.changes.last().map_or(request.from_g, |change| change.g);
    }
    shifts.iter().filter(|(g, _)| *g <= answer.to_g).for_each(|(_, shift)| moved.join(shift));
    Ok(moved)
}

/// Who wrote mutations, and by which command.
type Writers = BTreeMap<Uuid, (Writer, String)>;

/// A part of the log out of what is remembered, and who wrote it; none when it has to be cut.
fn remembered_part(told: &[Arc<Told>], ask: &LogAsk<'_>) -> Option<(LogPart, Writers)> {
    let lines: Vec<LogLine> = told.iter().flat_map(|told| &told.lines).filter(|line| ask.units.contains(&line.unit)).cloned().collect();
    let size: usize = lines.iter().map(|line| line.news.len() + 64).sum();
    if size > ask.bytes || lines.len() > ask.lines {
        return None;
    }
    let writers = told.iter().flat_map(|told| &told.writers).map(|(writer, command)| (writer.mutation, (*writer, command.clone()))).collect();
    Some((LogPart { lines, through_g: ask.to_g }, writers))
}

fn news(line: &LogLine) -> Result<RowChange, CentreError> {
    let news = postcard::from_bytes(&line.news).map_err(|_| CentreError::Inconsistent("news of the log cannot be read".into()))?;
    Ok(RowChange { key: line.key, unit: line.unit, news })
}

/// Units that the laptop leaves.
fn leave(entitled: &Arc<BTreeSet<Unit>>, begun: &mut BTreeMap<Unit, Bootstrap>, held: &mut Arc<BTreeSet<Unit>>, answer: &mut PullAnswer, portions: Portions) {
    if Arc::ptr_eq(entitled, held) && begun.is_empty() {
        return;
    }
    let left: BTreeSet<Unit> = held.iter().chain(begun.keys()).filter(|unit| !entitled.contains(unit)).copied().collect();
    for unit in left.iter().take(portions.units) {
        Arc::make_mut(held).remove(unit);
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
#[allow(clippy::too_many_arguments, reason = "what is read from, what is given, and what changes by it")]
fn enter(shelf: &mut dyn Reading, pages: &Pages, head: &Head, entitled: &Arc<BTreeSet<Unit>>, begun: &BTreeMap<Unit, Bootstrap>, held: &mut Arc<BTreeSet<Unit>>, answer: &mut PullAnswer, budget: &mut Portions) -> Result<(), CentreError> {
    if Arc::ptr_eq(entitled, held) {
        return Ok(());
    }
    // What was begun is finished first.
    let mut entered: Vec<Unit> = entitled.iter().filter(|unit| !held.contains(unit)).copied().collect();
    entered.sort_by_key(|unit| (!begun.contains_key(unit), grants::order(unit)));
    let mut sums: BTreeMap<Unit, RowsDigest> = BTreeMap::new();
    let mut last = 0;
    for (at, unit) in entered.iter().enumerate() {
        if budget.room == 0 || at >= budget.units {
            answer.more = true;
            break;
        }
        let after = begun.get(unit).and_then(|begun| begun.after);
        if at.is_multiple_of(UNITS_AT_ONCE) {
            let next = &entered[at..entered.len().min(at + UNITS_AT_ONCE)];
            sums = shelf.digests(next)?.into_iter().map(|sum| (sum.unit, sum.digest)).collect();
        }
        let asked = |unit: Unit| Asked { realm: head.realm, unit, digest: sums.get(&unit).copied().unwrap_or_default(), g: head.g };
        // The one behind it comes while this one is made a page, if it is likely to be reached.
        let ahead = entered[at..].iter().take(if budget.room > last { 2 } else { 1 });
        let new: Vec<Unit> = ahead.copied().filter(|unit| sums.contains_key(unit) && !begun.contains_key(unit) && !pages.has(&asked(*unit))).collect();
        shelf.soon(&new, budget.room);
        let before = budget.room;
        let granted = pages::of(shelf, pages, asked(*unit), after, &mut budget.room)?;
        last = before - budget.room;
        if granted.complete {
            Arc::make_mut(held).insert(*unit);
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
    let naming: Vec<(u16, u16, u16)> = catalogue().files().map(|(entity, file)| (entity.no, entity.fields[file.hash].no, entity.fields[file.size].no)).collect();
    let changed = answer.changes.iter().flat_map(|change| &change.rows).filter_map(|row| if let RowNews::Whole(image) = &row.news { Some(image) } else { None });
    let paged = answer.grants.iter().flat_map(|granted| &granted.pages).flat_map(|page| &page.rows);
    let value = |image: &RowImage, no: u16| image.values.iter().find(|(other, _)| *other == no).map(|(_, value)| value.clone());
    let blob = |image: &RowImage, hash: u16, size: u16| {
        let hash = from_hex::<32>(value(image, hash)?.as_text()?)?;
        let size = value(image, size).and_then(|size| size.as_integer()).map_or(0, i64::unsigned_abs);
        Some(BlobRef { hash, size })
    };
    let pairs = changed.chain(paged).flat_map(|image| naming.iter().map(move |of| (image, of)));
    pairs.filter(|(image, (entity, ..))| image.key.entity == *entity).filter_map(|(image, (_, hash, size))| blob(image, *hash, *size)).take(BLOB_COUNT).collect()
}
