//! What is asked behind answers that are not taken in yet, so that the next one is on its way while this one
//! is written. Nothing is claimed by that: the request says which set of units is durable here, and what was
//! fetched and not stored is simply asked for again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use gladstone_model::Unit;
use gladstone_protocol::{
    limits::{BLOB_COUNT, LIST_COUNT},
    wire::{Basis, Bootstrap, PullAnswer, PullRequest, unit_set_hash},
};

use crate::{error::VaultError, replica::own, vault::Vault};

/// Rows of answers that are taken in with one transaction at most. Few large ones touch each page of the tables
/// seldom; whoever saves something meanwhile waits for one of them, about half a second.
const ROWS: usize = 40_000;

/// What this laptop holds once the answers that were fetched are stored.
#[derive(Clone, Debug)]
pub struct Ahead {
    held: BTreeSet<Unit>,
    begun: BTreeMap<Unit, Bootstrap>,
    durable: Durable,
}

/// Hash of the units that are held for good, as the last answer that was stored left them.
#[derive(Clone, Debug)]
pub struct Durable(Arc<Mutex<[u8; 32]>>);

impl Durable {
    /// An answer was stored; `next` is what would be asked now.
    pub fn stored(&self, next: &PullRequest) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = next.units;
    }

    fn hash(&self) -> [u8; 32] {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vault {
    /// From what answers to this laptop begin now, to tell what follows from them; none where they have to be
    /// taken in one by one.
    ///
    /// # Errors
    /// What the database says.
    pub fn ahead(&self) -> Result<Option<Ahead>, VaultError> {
        let doubt = *self.doubt.lock().unwrap_or_else(PoisonError::into_inner);
        if doubt.alone || doubt.ask.is_some() {
            return Ok(None);
        }
        self.look_at_units(|_, _, units| {
            let plain = units.all().all(|(_, held)| held.mismatches == 0 && (held.complete || !held.held_before && !own::is(Some(held))));
            Ok(plain.then(|| Ahead {
                durable: Durable(Arc::new(Mutex::new(units.set_hash()))),
                held: units.all().filter(|(_, held)| held.complete).map(|(unit, _)| unit).collect(),
                begun: units.bootstrap(usize::MAX).into_iter().map(|begun| (begun.unit, begun)).collect(),
            }))
        })
    }
}

impl Ahead {
    /// Where it is told what was stored.
    pub fn durable(&self) -> Durable {
        self.durable.clone()
    }

    /// What is asked once this answer is stored; none where that cannot be told before it is, or nothing
    /// follows.
    pub fn behind(&mut self, asked: &PullRequest, answer: &PullAnswer) -> Option<PullRequest> {
        let plain = answer.more && answer.basis == Basis::Checkpoint && answer.epoch == asked.epoch && answer.drops.is_empty() && answer.digests.is_empty() && asked.compare.is_none();
        if !plain || asked.epoch.is_nil() {
            return None;
        }
        for grant in &answer.grants {
            if grant.complete {
                self.begun.remove(&grant.unit);
                self.held.insert(grant.unit);
                continue;
            }
            self.held.remove(&grant.unit);
            let begun = self.begun.entry(grant.unit).or_insert(Bootstrap { unit: grant.unit, at_g: 0, after: None });
            begun.after = grant.pages.last().map(|page| page.to).or(begun.after);
        }
        // What is staged moves on with the checkpoint.
        self.begun.values_mut().filter(|begun| begun.after.is_some()).for_each(|begun| begun.at_g = answer.to_g);
        let units = if answer.grants.is_empty() { asked.units } else { unit_set_hash(self.held.iter().copied()) };
        let durable = self.durable.hash();
        Some(PullRequest { from_g: answer.to_g, units, bootstrap: self.begun.values().take(LIST_COUNT).cloned().collect(), ahead: Some(durable), ..asked.clone() })
    }
}

/// Puts answers together that can be taken in as one: each only gives more units, or more pages of one, as of
/// the same commit number. The order stays.
pub fn together(answers: Vec<(PullRequest, PullAnswer)>) -> Vec<(PullRequest, PullAnswer)> {
    let mut joined: Vec<(PullRequest, PullAnswer, usize)> = Vec::new();
    for (asked, answer) in answers {
        let rows = answer.grants.iter().flat_map(|grant| &grant.pages).map(|page| page.rows.len()).sum();
        let left = match joined.last_mut() {
            Some((first, before, count)) if *count + rows <= ROWS && asked.ahead.is_some() && first.epoch == asked.epoch => match join(before, answer) {
                Ok(()) => {
                    *count += rows;
                    continue;
                }
                Err(answer) => *answer,
            },
            _ => answer,
        };
        joined.push((asked, left, rows));
    }
    joined.into_iter().map(|(asked, answer, _)| (asked, answer)).collect()
}

/// Adds what `next` gives to an answer; gives it back where that would not be the same as one after the other.
fn join(answer: &mut PullAnswer, mut next: PullAnswer) -> Result<(), Box<PullAnswer>> {
    let same = answer.basis == Basis::Checkpoint && next.basis == Basis::Checkpoint && answer.epoch == next.epoch && answer.to_g == next.to_g;
    let gives_only = answer.drops.is_empty() && answer.digests.is_empty() && next.drops.is_empty() && next.digests.is_empty() && next.changes.is_empty() && next.verdicts.is_empty();
    let fits = answer.grants.len() + next.grants.len() <= LIST_COUNT && answer.blobs.len() + next.blobs.len() <= BLOB_COUNT;
    let known: BTreeSet<Unit> = answer.grants.iter().map(|grant| grant.unit).collect();
    let mut again = next.grants.iter().enumerate().filter(|(_, grant)| known.contains(&grant.unit));
    let (first, second) = (again.next().map(|(at, grant)| (at, grant.unit)), again.next());
    // One unit may go on: the last of those that were given, with the pages that follow.
    let goes_on = match first {
        None => true,
        Some((at, unit)) => {
            let before = answer.grants.last().filter(|grant| grant.unit == unit && !grant.complete).and_then(|grant| grant.pages.last());
            let pages = &next.grants[at].pages;
            at == 0 && before.is_some_and(|page| pages.first().is_none_or(|next| next.after == Some(page.to)))
        }
    };
    if !same || !gives_only || !fits || !goes_on || second.is_some() {
        return Err(Box::new(next));
    }
    let mut grants = std::mem::take(&mut next.grants).into_iter();
    if first.is_some()
        && let (Some(last), Some(more)) = (answer.grants.last_mut(), grants.next())
    {
        last.pages.extend(more.pages);
        last.complete = more.complete;
    }
    answer.grants.extend(grants);
    answer.blobs.append(&mut next.blobs);
    (answer.more, answer.sum, answer.server_time) = (next.more, next.sum, next.server_time);
    Ok(())
}
