//! Files that became whole, for laptops that wait for them: whom that concerns, and since when. In
//! memory only, and told to the other services on the same store: a laptop that misses it asks again
//! by itself, at the latest after a minute.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gladstone_model::{Instant, Unit};
use gladstone_protocol::{content::ContentHash, enrol::{from_hex, to_hex}};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    blobs::{MOST_ROWS, asks},
    centre::Centre,
    engine::Having,
    error::CentreError,
};

/// Seconds for which it is remembered: longer than a laptop is away between two waits.
const REMEMBERED: i64 = 600;
/// Files of one realm that are remembered.
const MOST: usize = 1_000;
/// Units that are told of to other services; beyond that everybody is.
const MOST_UNITS: usize = 200;

/// A file that became whole at the centre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileNews {
    /// The file.
    pub hash: ContentHash,
    /// Units of the rows that name it; none: it may be any.
    pub units: Option<BTreeSet<Unit>>,
}

/// What another service on the same store said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It committed up to this number.
    Commit(u64),
    /// A file became whole.
    File(FileNews),
}

impl FileNews {
    /// As one word, of 7,000 characters at most.
    pub fn word(&self) -> String {
        let units = self.units.as_ref().filter(|units| units.len() <= MOST_UNITS);
        let units = units.map_or_else(|| "*".to_owned(), |units| units.iter().map(|unit| to_hex(&unit.to_bytes())).collect::<Vec<_>>().join("-"));
        format!("{}:{units}", to_hex(&self.hash))
    }

    /// What [`FileNews::word`] wrote.
    pub fn parse(word: &str) -> Option<FileNews> {
        let (hash, units) = word.split_once(':')?;
        let unit = |text: &str| Unit::from_bytes(&from_hex::<17>(text)?);
        let units = match units {
            "*" => None,
            "" => Some(BTreeSet::new()),
            units => Some(units.split('-').map(unit).collect::<Option<_>>()?),
        };
        Some(FileNews { hash: from_hex(hash)?, units })
    }

    fn concerns(&self, reads: &dyn Fn(Unit) -> bool) -> bool {
        self.units.as_ref().is_none_or(|units| units.iter().any(|unit| reads(*unit)))
    }
}

/// What became whole lately in each realm.
#[derive(Default)]
pub(crate) struct Boards(Mutex<HashMap<Uuid, Arc<Board>>>);

/// What became whole lately in one realm.
pub(crate) struct Board {
    news: Mutex<VecDeque<(Instant, FileNews)>>,
    count: watch::Sender<u64>,
}

impl Boards {
    /// The one of a realm.
    pub fn of(&self, realm: Uuid) -> Arc<Board> {
        let new = || Arc::new(Board { news: Mutex::default(), count: watch::Sender::new(0) });
        Arc::clone(lock(&self.0).entry(realm).or_insert_with(new))
    }
}

impl Board {
    fn note(&self, news: FileNews, now: Instant) {
        let mut known = lock(&self.news);
        known.retain(|(at, other)| other.hash != news.hash && at.plus_seconds(REMEMBERED) > now);
        if known.len() >= MOST {
            known.pop_front();
        }
        known.push_back((now, news));
        drop(known);
        self.count.send_modify(|count| *count += 1);
    }

    /// Moves with each file that becomes whole.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }

    /// The files that became whole at `since` or later and are named in a unit that somebody reads.
    pub fn since(&self, since: Instant, reads: &dyn Fn(Unit) -> bool) -> Vec<ContentHash> {
        lock(&self.news).iter().filter(|(at, news)| *at >= since && news.concerns(reads)).map(|(_, news)| news.hash).collect()
    }
}

impl Centre {
    /// Tells those who wait, here and at other services on the same store, that a file became whole.
    ///
    /// # Errors
    /// What the store says; then some hear of it later.
    pub fn file_is_whole(&self, realm: Uuid, hash: &ContentHash) -> Result<(), CentreError> {
        let asks = asks(hash);
        let rows = self.look(realm, |shelf| Ok(shelf.having(&asks)?))?;
        let count = |ask: &Having| rows.iter().filter(|state| state.row.entity == ask.entity && state.row.values[ask.field] == ask.value).count();
        let is_all = asks.iter().all(|ask| count(ask) < MOST_ROWS as usize);
        let units = rows.into_iter().filter(|state| state.error.is_none()).map(|state| state.unit).collect();
        let news = FileNews { hash: *hash, units: is_all.then_some(units) };
        self.boards.of(realm).note(news.clone(), self.around.now());
        Ok(self.engine.tell(realm, &news)?)
    }

    /// Notes what another service on the same store said. A hint; what stands is read from the store.
    pub fn heard(&self, realm: Uuid, heard: Heard) {
        match heard {
            Heard::Commit(g) => self.moved_to(realm, g),
            Heard::File(news) => self.boards.of(realm).note(news, self.around.now()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_to_other_services_is_read_again_and_short() {
        let person = |number: u128| Unit { kind: gladstone_model::unit::UnitKind::Person, id: Uuid::from_u128(number) };
        for units in [Some(BTreeSet::new()), Some(BTreeSet::from([person(1), Unit::PLATFORM])), Some((0..200).map(person).collect()), None] {
            let news = FileNews { hash: [7; 32], units };
            assert!(news.word().len() <= 7_100 && !news.word().contains(' '), "{}", news.word().len());
            assert_eq!(FileNews::parse(&news.word()), Some(news));
        }
        let many = FileNews { hash: [7; 32], units: Some((0..201).map(person).collect()) };
        assert_eq!(FileNews::parse(&many.word()).map(|news| news.units), Some(None), "too many to name are everybody");
        for odd in ["", "x:*", "7", &format!("{}:zz", "07".repeat(32))] {
            assert_eq!(FileNews::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn news_are_for_those_who_read_a_unit_that_names_the_file_and_are_forgotten() {
        let (board, at) = (Boards::default().of(Uuid::nil()), |seconds: i64| Instant(0).plus_seconds(seconds));
        board.note(FileNews { hash: [1; 32], units: Some(BTreeSet::from([Unit::PLATFORM])) }, at(10));
        board.note(FileNews { hash: [2; 32], units: None }, at(20));
        let (all, nothing) = (|_| true, |_| false);
        assert_eq!(board.since(at(0), &all), [[1; 32], [2; 32]]);
        assert_eq!(board.since(at(0), &nothing), [[2; 32]], "nobody knows which units: it may concern anybody");
        assert_eq!(board.since(at(11), &all), [[2; 32]]);
        board.note(FileNews { hash: [3; 32], units: None }, at(20 + REMEMBERED));
        assert_eq!(board.since(at(0), &all), [[3; 32]], "after a while they are forgotten");
    }
}
