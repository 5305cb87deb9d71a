//! Whether an answer holds together, before anything of it is used: the centre may be broken, or
//! not be the centre. What cannot be told from the answer alone is left to the digests.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use gladstone_model::Unit;
use gladstone_protocol::{
    limits::{BLOB_COUNT, FIELD_COUNT, LIST_COUNT, PAGE_ROWS, ROW_COUNT},
    wire::{Basis, Change, Granted, Page, PullAnswer, PullRequest, RowChange, RowImage, RowNews},
};

use crate::{error::VaultError, replica::units::Units};

/// Rows that are worth threads, and threads at most.
const MANY: usize = 2_000;
const AT_ONCE: usize = 4;

/// Refuses an answer that contradicts itself, the request, or what is held.
///
/// # Errors
/// [`VaultError::Answer`].
pub(crate) fn answer(asked: &PullRequest, answer: &PullAnswer, units: &Units, entries_of_life: u64) -> Result<(), VaultError> {
    let lists = [answer.grants.len(), answer.drops.len(), answer.changes.len(), answer.verdicts.len(), answer.digests.len()];
    demand(lists.iter().all(|length| *length <= LIST_COUNT) && answer.blobs.len() <= BLOB_COUNT, "it is larger than agreed")?;
    demand(answer.to_g >= asked.from_g, "it goes back behind what is held")?;
    demand(answer.verdicts.iter().all(|judged| (1..=entries_of_life).contains(&judged.dseq)), "it judges an entry that was never written")?;
    let mut dropped = BTreeSet::new();
    for drop in &answer.drops {
        demand(dropped.insert(drop.unit), "it takes a unit twice")?;
    }
    let mut granted = BTreeSet::new();
    demand(are_whole(answer.grants.iter().flat_map(|grant| &grant.pages).collect()), "a page was changed")?;
    for grant in &answer.grants {
        demand(granted.insert(grant.unit), "it gives a unit twice")?;
        self::grant(grant, answer, units, dropped.contains(&grant.unit))?;
    }
    let may_hold = |unit: Unit| granted.contains(&unit) || units.get(unit).is_some();
    let mut last = if answer.basis == Basis::Checkpoint { asked.from_g } else { 0 };
    for change in &answer.changes {
        demand(change.g > last && change.g <= answer.to_g, "its changes are not in order")?;
        last = change.g;
        self::change(change, &may_hold)?;
    }
    Ok(())
}

fn demand(holds: bool, what: &str) -> Result<(), VaultError> {
    if holds { Ok(()) } else { Err(VaultError::Answer(what.into())) }
}

/// Whether pages are as they were sent: large ones are looked at by several threads.
fn are_whole(pages: Vec<&Page>) -> bool {
    let at_once = AT_ONCE.min(pages.len());
    // Only then the system is asked, which takes it longer than to look at a short page.
    let threads = if pages.iter().map(|page| page.rows.len()).sum::<usize>() < MANY { 1 } else { thread::available_parallelism().map_or(1, usize::from).min(at_once) };
    if threads < 2 {
        return pages.iter().all(|page| page.is_whole());
    }
    let next = AtomicUsize::new(0);
    let look = || {
        while let Some(page) = pages.get(next.fetch_add(1, Ordering::Relaxed)) {
            if !page.is_whole() {
                return false;
            }
        }
        true
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (1..threads).map(|_| scope.spawn(look)).collect();
        let ours = look();
        threads.into_iter().all(|thread| thread.join().unwrap_or(false)) && ours
    })
}

fn grant(grant: &Granted, answer: &PullAnswer, units: &Units, dropped: bool) -> Result<(), VaultError> {
    demand(grant.at_g <= answer.to_g, "a unit comes from the future")?;
    let Some(first) = grant.pages.first() else { return Ok(()) };
    // Goes on behind what is staged, or begins anew.
    let staged = units.get(grant.unit).filter(|held| !held.complete && !dropped && answer.basis == Basis::Checkpoint).and_then(|held| held.after);
    let mut after = if first.after.is_none() { None } else { staged };
    for page in &grant.pages {
        demand(page.rows.len() <= PAGE_ROWS && page.after == after, "a page does not fit the one before it")?;
        demand(page.rows.iter().all(|row| row.unit == grant.unit), "a page holds a row of another unit")?;
        page.rows.iter().try_for_each(image)?;
        after = Some(page.to);
    }
    Ok(())
}

fn change(change: &Change, may_hold: &dyn Fn(Unit) -> bool) -> Result<(), VaultError> {
    demand(change.rows.len() <= ROW_COUNT, "a change is larger than agreed")?;
    for row in &change.rows {
        demand(may_hold(row.unit), "it tells of a unit that is not held")?;
        self::row(row)?;
    }
    Ok(())
}

fn row(row: &RowChange) -> Result<(), VaultError> {
    match &row.news {
        RowNews::Whole(image) => {
            demand(image.key == row.key && image.unit == row.unit, "a row is told under another key or unit")?;
            self::image(image)
        }
        RowNews::Groups { groups, .. } => demand(groups.len() <= FIELD_COUNT && groups.iter().all(|group| group.group > 0 && ascending(group.values.iter().map(|(no, _)| *no))), "groups of a row do not hold together"),
        RowNews::EnteredInError { .. } | RowNews::Left => Ok(()),
    }
}

fn image(image: &RowImage) -> Result<(), VaultError> {
    let sizes = image.values.len() <= FIELD_COUNT && image.group_mids.len() <= FIELD_COUNT;
    let order = ascending(image.values.iter().map(|(no, _)| *no)) && ascending(image.group_mids.iter().map(|(group, _)| *group));
    demand(sizes && order && !image.row_mid.is_nil(), "a row does not hold together")
}

/// Numbers from 1 on, each once, in their order.
fn ascending(numbers: impl Iterator<Item = u16>) -> bool {
    let mut last = 0;
    numbers.into_iter().all(|number| std::mem::replace(&mut last, number) < number)
}
