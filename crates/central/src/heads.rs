//! The commit numbers of realms as far as they are known without looking, and waiting for greater ones.

use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant as Moment},
};

use uuid::Uuid;

/// For so long a wait trusts the commit number that this process itself saved last.
pub(crate) const FRESH: Duration = Duration::from_millis(200);

/// What is known of all realms.
#[derive(Default)]
pub(crate) struct Heads {
    known: Mutex<BTreeMap<Uuid, Known>>,
    moved: Condvar,
}

/// What is known of one.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The greatest number that was heard of.
    heard: u64,
    /// What this process itself saved last, and when.
    saved: Option<(u64, Moment)>,
    /// How many writes of this process are under way.
    writes: usize,
}

impl Known {
    /// The commit number, as long as it was saved a moment ago and nobody was heard of since.
    fn fresh(&self) -> Option<u64> {
        self.saved.filter(|(g, at)| *g >= self.heard && at.elapsed() < FRESH).map(|(g, _)| g)
    }

    /// What was heard of is not there: `g` is the last one. Not where something else was heard of since.
    fn falls(&mut self, heard: u64, g: u64) {
        if self.heard == heard {
            (self.heard, self.saved) = (g, None);
        }
    }

    /// Whether whoever knows `beyond` should look. What is heard of while this process writes is mostly its own
    /// commit, which it hears of before it knows that itself: it says so in a moment.
    fn is_news(&self, beyond: u64) -> bool {
        self.saved.is_some_and(|(g, _)| g > beyond) || self.writes == 0 && self.heard > beyond
    }
}

impl Heads {
    /// As [`Known::fresh`]; where that is not known, `look` says what stands in the store. Whether it was known
    /// is told besides.
    ///
    /// # Errors
    /// What `look` says.
    pub fn now<E>(&self, realm: Uuid, look: impl FnOnce() -> Result<u64, E>) -> Result<(u64, bool), E> {
        let before = self.lock().get(&realm).copied().unwrap_or_default();
        if let Some(g) = before.fresh() {
            return Ok((g, true));
        }
        let g = look()?;
        if g < before.heard {
            // A store that was put back: whoever waits for what it lost would look at it again and again.
            let mut known = self.lock();
            known.entry(realm).and_modify(|known| known.falls(before.heard, g));
        }
        Ok((g, false))
    }

    /// Somebody committed up to `g`: another process or this one. A hint; what stands is read from the store.
    pub fn heard(&self, realm: Uuid, g: u64) {
        let mut known = self.lock();
        let known_of = known.entry(realm).or_default();
        known_of.heard = g.max(known_of.heard);
        drop(known);
        self.moved.notify_all();
    }

    /// This process saved `g`, which is durable.
    pub fn saved(&self, realm: Uuid, g: u64) {
        let mut known = self.lock();
        let known_of = known.entry(realm).or_default();
        known_of.heard = g.max(known_of.heard);
        known_of.saved = Some((g, Moment::now()));
        drop(known);
        self.moved.notify_all();
    }

    /// This process writes until the result is dropped. What it saved has to be said before.
    pub fn writes(&self, realm: Uuid) -> Writes<'_> {
        self.lock().entry(realm).or_default().writes += 1;
        Writes { heads: self, realm }
    }

    /// Waits until somebody who knows `beyond` should look, or `at_most` has passed.
    pub fn wait(&self, realm: Uuid, beyond: u64, at_most: Duration) {
        let nothing = |known: &mut BTreeMap<Uuid, Known>| !known.get(&realm).is_some_and(|known| known.is_news(beyond));
        drop(self.moved.wait_timeout_while(self.lock(), at_most, nothing));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Uuid, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A write that is under way.
pub(crate) struct Writes<'h> {
    heads: &'h Heads,
    realm: Uuid,
}

impl Drop for Writes<'_> {
    fn drop(&mut self) {
        let mut known = self.heads.lock();
        let known_of = known.entry(self.realm).or_default();
        known_of.writes -= 1;
        // Somebody else was heard of meanwhile.
        let is_behind = known_of.heard > known_of.saved.map_or(0, |(g, _)| g);
        drop(known);
        if is_behind {
            self.heads.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_of_this_process_is_news_when_it_knows_it_and_one_of_another_when_nothing_is_written() {
        let heads = Heads::default();
        let (realm, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let check = |beyond: u64, is_news: bool, fresh: Option<u64>, why: &str| {
            let known = heads.lock().get(&realm).copied().unwrap_or_default();
            assert_eq!((known.is_news(beyond), known.fresh()), (is_news, fresh), "{why}");
        };
        check(0, false, None, "nothing is known");
        let first = heads.writes(realm);
        heads.heard(realm, 5);
        check(4, false, None, "its own commit is heard of before it is known");
        heads.saved(realm, 5);
        check(4, true, Some(5), "it is known");
        check(5, false, Some(5), "to whom knows it this is no news");
        let second = heads.writes(realm);
        drop(first);
        heads.heard(realm, 6);
        check(5, false, None, "somebody else's, while another write is under way");
        drop(second);
        check(5, true, None, "that ended and saved nothing");
        heads.heard(other, 9);
        check(6, false, None, "another organization is another matter");
    }

    #[test]
    fn a_store_that_was_put_back_has_the_last_word() {
        let (heads, realm) = (Heads::default(), Uuid::from_u128(1));
        let look = |g: u64| heads.now(realm, || Ok::<u64, ()>(g)).unwrap();
        let is_news = |beyond: u64| heads.lock()[&realm].is_news(beyond);
        heads.heard(realm, 9);
        assert_eq!((look(9), is_news(8)), ((9, false), true), "it is as it was heard");
        assert_eq!((look(4), is_news(4)), ((4, false), false), "nobody is told of what was lost");
        heads.saved(realm, 5);
        assert_eq!((look(0), is_news(4)), ((5, true), true), "what was saved since need not be looked at");
        let (g, _) = heads.now(realm, || Ok::<u64, ()>(7)).unwrap();
        assert_eq!(g, 5, "as long as it is fresh");
        heads.heard(realm, 12);
        let meanwhile = heads.now(realm, || {
            heads.heard(realm, 13);
            Ok::<u64, ()>(6)
        });
        assert_eq!((meanwhile, is_news(12)), (Ok((6, false)), true), "what was heard of while somebody looked stays");
    }

    #[test]
    fn whoever_waits_hears_of_what_was_held_back_once_the_write_ends() {
        let (heads, realm) = (Heads::default(), Uuid::from_u128(1));
        let long = Duration::from_secs(60);
        let began = Moment::now();
        std::thread::scope(|scope| {
            let write = heads.writes(realm);
            let waits = scope.spawn(|| heads.wait(realm, 0, long));
            heads.heard(realm, 1);
            assert!(!heads.lock()[&realm].is_news(0), "it is held back");
            drop(write);
            waits.join().unwrap();
        });
        assert!(began.elapsed() < long, "nobody waits to the end");
    }
}
