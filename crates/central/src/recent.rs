//! What the commits of this process touched and told lately, so that those who wait are told, and pulls are
//! answered, without reading the log that was just written. A memory and nothing more: what another service on
//! the same store committed is not in it and is read.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gladstone_protocol::Writer;
use uuid::Uuid;

use crate::{engine::LogLine, stir::Stirred};

/// Commits that are remembered of a realm; the oldest is forgotten first.
const COMMITS: usize = 32;
/// Bytes of what a commit told that are remembered; of a larger one only what it touched.
pub(crate) const TOLD: usize = 16 * 1024;
/// Realms of which any are remembered; then all are forgotten.
const REALMS: usize = 200;

/// What one transaction told, with who wrote it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// In the order of the log.
    pub lines: Vec<LogLine>,
    /// Who wrote each of its mutations, by which command.
    pub writers: Vec<(Writer, String)>,
}

/// One transaction that is durable.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    /// The history.
    pub epoch: Uuid,
    /// The commit number before it.
    pub after: u64,
    /// Its last commit number.
    pub to: u64,
    /// What it touched; none when that was too much to be told apart.
    pub stirred: Option<Arc<Stirred>>,
    /// What it told; none when that was too much to be kept.
    pub told: Option<Arc<Told>>,
}

/// What is remembered, by realm.
#[derive(Default)]
pub(crate) struct Recent(Mutex<HashMap<Uuid, Kept>>);

/// One realm in one history, by the commit number before each.
#[derive(Default)]
struct Kept {
    epoch: Uuid,
    commits: BTreeMap<u64, Commit>,
}

impl Recent {
    /// Remembers a commit.
    pub fn note(&self, realm: Uuid, commit: Commit) {
        if commit.to <= commit.after {
            return;
        }
        let mut realms = self.lock();
        if realms.len() >= REALMS && !realms.contains_key(&realm) {
            realms.clear();
        }
        let kept = realms.entry(realm).or_default();
        if kept.epoch != commit.epoch {
            *kept = Kept { epoch: commit.epoch, ..Kept::default() };
        }
        kept.commits.insert(commit.after, commit);
        while kept.commits.len() > COMMITS {
            kept.commits.pop_first();
        }
    }

    /// What was touched behind commit `after` up to `to` of a history; none when not all of it is remembered.
    pub fn between(&self, realm: Uuid, epoch: Uuid, after: u64, to: u64) -> Option<Vec<Arc<Stirred>>> {
        self.each(realm, epoch, after, to, |commit| commit.stirred.clone())
    }

    /// What was told behind commit `after` up to `to` of a history; none when not all of it is remembered.
    pub fn told(&self, realm: Uuid, epoch: Uuid, after: u64, to: u64) -> Option<Vec<Arc<Told>>> {
        self.each(realm, epoch, after, to, |commit| commit.told.clone())
    }

    fn each<T>(&self, realm: Uuid, epoch: Uuid, after: u64, to: u64, part: impl Fn(&Commit) -> Option<T>) -> Option<Vec<T>> {
        let realms = self.lock();
        let kept = realms.get(&realm).filter(|kept| kept.epoch == epoch)?;
        let (mut at, mut found) = (after, Vec::new());
        while at < to {
            let commit = kept.commits.get(&at)?;
            found.push(part(commit)?);
            at = commit.to;
        }
        (at == to).then_some(found)
    }

    /// The history of what is remembered of a realm.
    pub fn epoch(&self, realm: Uuid) -> Option<Uuid> {
        self.lock().get(&realm).map(|kept| kept.epoch)
    }

    /// Forgets a realm.
    pub fn forget(&self, realm: Uuid) {
        self.lock().remove(&realm);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_remembered_without_a_gap_in_one_history_is_told() {
        let (recent, realm, first, second) = (Recent::default(), Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let note = |epoch, after, to, told: bool| recent.note(realm, Commit { epoch, after, to, stirred: told.then(Arc::default), told: None });
        let check = |what: &str, epoch, after, to, expected: Option<usize>| assert_eq!(recent.between(realm, epoch, after, to).map(|found| found.len()), expected, "{what}");
        check("nothing is known", first, 0, 1, None);
        // Two threads tell of their groups in any order.
        note(first, 3, 5, true);
        note(first, 1, 3, true);
        check("both", first, 1, 5, Some(2));
        check("one", first, 3, 5, Some(1));
        check("from within a commit", first, 2, 5, None);
        check("to within a commit", first, 1, 4, None);
        check("what another service committed is missing", first, 0, 5, None);
        note(first, 6, 7, true);
        check("and in between", first, 1, 7, None);
        note(first, 7, 9, false);
        check("what was too much", first, 6, 9, None);
        check("another history", second, 1, 5, None);
        note(second, 1, 2, true);
        check("a new history forgets the other", first, 3, 5, None);
        check("and is told", second, 1, 2, Some(1));
        for g in 2..=(COMMITS as u64 + 1) {
            note(second, g, g + 1, true);
        }
        check("the oldest is forgotten", second, 1, 2, None);
        check("the next is not", second, 2, 3, Some(1));
        recent.forget(realm);
        check("nothing is known any more", second, 2, 3, None);
    }
}
