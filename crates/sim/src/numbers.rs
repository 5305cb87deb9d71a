//! What happened in a world, counted.

use crate::line::Mishaps;

/// What happened, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Steps.
    pub steps: u64,
    /// Mishaps and other faults, by kind.
    pub faults: Mishaps,
    /// Mutations that were saved.
    pub mutations: u64,
    /// Mutations with effect at the centre, its own included.
    pub effects: u64,
    /// Mutations that the centre put aside.
    pub quarantined: u64,
    /// Mutations that the centre holds back in the end.
    pub held: u64,
    /// Tasks for people.
    pub conflicts: u64,
    /// Tasks that somebody decided.
    pub decided: u64,
    /// Units that a laptop entered.
    pub entered: u64,
    /// Units that a laptop left.
    pub left: u64,
}

impl Numbers {
    /// Adds those of another run.
    pub fn add(&mut self, other: &Numbers) {
        for (kind, count) in &other.faults {
            *self.faults.entry(kind.clone()).or_default() += count;
        }
        self.steps += other.steps;
        self.mutations += other.mutations;
        self.effects += other.effects;
        self.quarantined += other.quarantined;
        self.held += other.held;
        self.conflicts += other.conflicts;
        self.decided += other.decided;
        self.entered += other.entered;
        self.left += other.left;
    }
}
