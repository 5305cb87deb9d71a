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

#[cfg(test)]
mod tests {
    use gladstone_model::{Instant, unit::UnitKind};
    use gladstone_protocol::wire::{Granted, Page, RowImage, RowKey};
    use uuid::Uuid;

    use super::*;

    fn unit(number: u128) -> Unit {
        Unit { kind: UnitKind::Person, id: Uuid::from_u128(number) }
    }

    fn page(of: Unit, after: Option<u128>, row: u128) -> Page {
        let key = |id: u128| RowKey { entity: 1, id: Uuid::from_u128(id) };
        let image = RowImage { key: key(row), unit: of, row_mid: Uuid::from_u128(1), group_mids: Vec::new(), error: None, values: Vec::new() };
        Page::new(after.map(key), vec![image]).unwrap()
    }

    fn grant(of: Unit, pages: Vec<Page>, complete: bool) -> Granted {
        Granted { unit: of, at_g: 7, pages, complete }
    }

    fn answer(grants: Vec<Granted>) -> PullAnswer {
        let basis = Basis::Checkpoint;
        PullAnswer { epoch: Uuid::from_u128(5), basis, to_g: 7, more: true, grants, drops: Vec::new(), changes: Vec::new(), verdicts: Vec::new(), digests: Vec::new(), blobs: Vec::new(), server_time: Instant(3), sum: None }
    }

    fn asked(ahead: Option<[u8; 32]>) -> PullRequest {
        let (realm, device, incarnation, epoch) = (Uuid::nil(), Uuid::nil(), Uuid::nil(), Uuid::from_u128(5));
        PullRequest { realm, device, incarnation, epoch, from_g: 7, units: [0; 32], schema_version: 1, bootstrap: Vec::new(), compare: None, ahead }
    }

    #[test]
    fn answers_are_put_together_where_that_is_the_same_as_one_after_the_other() {
        let first = || answer(vec![grant(unit(1), vec![page(unit(1), None, 1)], true), grant(unit(2), vec![page(unit(2), None, 2)], false)]);
        let rest = || grant(unit(2), vec![page(unit(2), Some(2), 3)], true);
        let check = |next: PullAnswer, ahead: Option<[u8; 32]>, count: usize, why: &str| {
            let pages = first().grants.iter().chain(&next.grants).map(|grant| grant.pages.len()).sum::<usize>();
            let joined = together(vec![(asked(None), first()), (asked(ahead), next.clone())]);
            assert_eq!(joined.len(), count, "{why}");
            assert_eq!(joined.iter().flat_map(|(_, answer)| &answer.grants).map(|grant| grant.pages.len()).sum::<usize>(), pages, "{why}: nothing is lost");
            if count == 2 {
                assert_eq!((&joined[0].1, &joined[1].1), (&first(), &next), "{why}: each is as it was");
            } else {
                assert_eq!((joined[0].1.more, joined[0].1.sum), (next.more, next.sum), "{why}: the end is that of the last one");
            }
        };
        let early = Some([1; 32]);
        let whole = grant(unit(3), vec![page(unit(3), None, 4)], true);
        check(PullAnswer { more: false, ..answer(vec![rest(), whole.clone()]) }, early, 1, "the unit goes on and another one comes");
        check(answer(vec![whole.clone()]), early, 1, "another unit alone");
        check(answer(Vec::new()), early, 1, "nothing at all");
        check(answer(vec![rest()]), None, 2, "it was asked for when the first one was durable");
        check(PullAnswer { to_g: 8, ..answer(vec![rest()]) }, early, 2, "as of another commit number");
        check(PullAnswer { epoch: Uuid::from_u128(6), ..answer(vec![rest()]) }, early, 2, "of another history");
        check(PullAnswer { basis: Basis::TooOld, ..answer(vec![rest()]) }, early, 2, "counted from elsewhere");
        check(PullAnswer { drops: vec![gladstone_protocol::wire::Dropped { unit: unit(1), reason: String::new() }], ..answer(vec![rest()]) }, early, 2, "a unit leaves");
        check(answer(vec![whole.clone(), rest()]), early, 2, "the unit goes on behind another one");
        check(answer(vec![grant(unit(2), vec![page(unit(2), Some(9), 10)], true)]), early, 2, "a page is missing");
        check(answer(vec![grant(unit(2), vec![page(unit(2), None, 2)], true)]), early, 2, "the unit begins anew");
        check(answer(vec![rest(), grant(unit(1), vec![page(unit(1), None, 1)], true)]), early, 2, "a unit comes twice");
    }

    #[test]
    fn what_is_asked_behind_an_answer_follows_from_it() {
        let durable = unit_set_hash([unit(9)]);
        let mut ahead = Ahead { held: [unit(9)].into(), begun: BTreeMap::new(), durable: Durable(Arc::new(Mutex::new(durable))) };
        let next = ahead.behind(&asked(None), &answer(vec![grant(unit(1), vec![page(unit(1), None, 1)], true), grant(unit(2), vec![page(unit(2), None, 2)], false)])).unwrap();
        let begun = Bootstrap { unit: unit(2), at_g: 7, after: Some(RowKey { entity: 1, id: Uuid::from_u128(2) }) };
        assert_eq!((next.from_g, next.units, next.ahead, next.bootstrap.clone()), (7, unit_set_hash([unit(9), unit(1)]), Some(durable), vec![begun]), "the first one");
        ahead.durable().stored(&next);
        let last = ahead.behind(&next, &answer(vec![grant(unit(2), vec![page(unit(2), Some(2), 3)], true)])).unwrap();
        assert_eq!((last.units, last.ahead, last.bootstrap.len()), (unit_set_hash([unit(9), unit(1), unit(2)]), Some(next.units), 0), "what was stored meanwhile is durable");
        for (odd, why) in [
            (PullAnswer { more: false, ..answer(Vec::new()) }, "nothing follows"),
            (PullAnswer { basis: Basis::TooOld, ..answer(Vec::new()) }, "everything comes anew"),
            (PullAnswer { epoch: Uuid::from_u128(6), ..answer(Vec::new()) }, "another history"),
            (PullAnswer { drops: vec![gladstone_protocol::wire::Dropped { unit: unit(9), reason: String::new() }], ..answer(Vec::new()) }, "a unit leaves"),
        ] {
            assert_eq!(ahead.behind(&last, &odd), None, "{why}");
        }
    }
}
