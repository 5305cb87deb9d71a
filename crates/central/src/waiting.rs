//! Mutations that wait for rows or for other mutations, in the order in which they came.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use crate::engine::{Held, Place};

/// Everything that waits in a realm.
#[derive(Default)]
pub(crate) struct Waiting {
    held: BTreeMap<u64, Held>,
    numbers: HashMap<Place, u64>,
}

impl Waiting {
    /// What waits already, in the order of receipt.
    pub fn of(held: Vec<Held>) -> Waiting {
        let mut waiting = Waiting::default();
        held.into_iter().for_each(|held| _ = waiting.put(held));
        waiting
    }

    /// Lets one wait, behind all others; one that waits already keeps its turn. Whether it is new.
    pub fn put(&mut self, held: Held) -> bool {
        let known = self.numbers.get(&held.place).copied();
        let number = known.unwrap_or_else(|| self.held.last_key_value().map_or(0, |(last, _)| last + 1));
        self.numbers.insert(held.place, number);
        self.held.insert(number, held);
        known.is_none()
    }

    /// Lets one wait no more. Whether it did.
    pub fn remove(&mut self, place: Place) -> bool {
        self.numbers.remove(&place).is_some_and(|number| self.held.remove(&number).is_some())
    }

    /// Whether this one waits.
    pub fn contains(&self, place: Place) -> bool {
        self.numbers.contains_key(&place)
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Held> {
        self.held.values()
    }
}

/// What came while mutations are released, and which of them were tried since.
#[derive(Default)]
pub(crate) struct Arrivals {
    came: HashMap<Uuid, usize>,
    count: usize,
    tried: HashMap<Place, usize>,
}

impl Arrivals {
    /// Rows or mutations that came.
    pub fn add(&mut self, ids: impl IntoIterator<Item = Uuid>) {
        for id in ids {
            self.count += 1;
            self.came.insert(id, self.count);
        }
    }

    /// The first of those that wait for something which came after they were tried last.
    pub fn next(&mut self, waiting: &Waiting) -> Option<Held> {
        let concerned = |held: &&Held| {
            let tried = self.tried.get(&held.place).copied().unwrap_or_default();
            held.missing.iter().any(|id| self.came.get(id).is_some_and(|came| *came > tried))
        };
        let next = waiting.iter().find(concerned).cloned()?;
        self.tried.insert(next.place, self.count);
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(device: u128, dseq: u64, missing: u128) -> Held {
        Held { place: Place { device: Uuid::from_u128(device), incarnation: Uuid::from_u128(device), dseq }, mutation: Uuid::from_u128(u128::from(dseq)), missing: vec![Uuid::from_u128(missing)] }
    }

    #[test]
    fn what_waits_keeps_its_turn_and_is_tried_once_for_what_came() {
        let mut waiting = Waiting::of(vec![held(2, 1, 7), held(1, 1, 7), held(1, 2, 8)]);
        let mut arrivals = Arrivals::default();
        arrivals.add([Uuid::from_u128(7)]);
        let place = |held: Option<Held>| held.map(|held| (held.place.device.as_u128(), held.place.dseq));
        assert_eq!(place(arrivals.next(&waiting)), Some((2, 1)), "who came first");
        assert!(!waiting.put(held(2, 1, 7)), "it goes on waiting, for the same");
        assert_eq!(place(arrivals.next(&waiting)), Some((1, 1)), "the next one");
        assert!(waiting.remove(held(1, 1, 7).place), "it took effect");
        assert_eq!(place(arrivals.next(&waiting)), None, "nobody else waits for that");
        arrivals.add([Uuid::from_u128(8), Uuid::from_u128(7)]);
        assert_eq!(place(arrivals.next(&waiting)), Some((2, 1)), "something came again");
        assert_eq!(place(arrivals.next(&waiting)), Some((1, 2)), "and another");
        assert!(!waiting.contains(held(1, 1, 7).place) && waiting.contains(held(1, 2, 8).place));
    }
}
