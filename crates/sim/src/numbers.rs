//! What happened in a world, counted; and every kind of fault that there is.

use std::collections::BTreeMap;

use crate::{invariants::COMPARED, line::Mishaps};

/// Every fault that some world has to meet, as it is counted.
pub const FAULTS: [&str; 33] = [
    "request lost",
    "answer lost",
    "request twice",
    "late copy of a request",
    "late request",
    "request cut",
    "answer cut",
    "answer changed",
    "centre busy",
    "session ended",
    "message overtaken",
    "early push",
    "push overtaken",
    "written meanwhile",
    "laptop cut off",
    "laptop killed",
    "laptop killed in save",
    "laptop killed in sync",
    "centre killed",
    "centre killed in sync",
    "clock a day ahead",
    "clock a day behind",
    "clock in the year 9999",
    "disk full",
    "laptop copied",
    "copy found out",
    "laptop put back",
    "laptop put back with its witness",
    "centre put back",
    "another history met",
    "laptop revoked",
    "right given or taken",
    "cursor below the log",
];

/// What happened, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Steps.
    pub steps: u64,
    /// Mishaps and other faults, by kind.
    pub faults: Mishaps,
    /// What was compared for which invariant, and how often.
    pub compared: BTreeMap<String, u64>,
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
    /// Most seconds of the world until everybody was done after the last fault.
    pub longest: i64,
}

impl Numbers {
    /// Adds those of another run.
    pub fn add(&mut self, other: &Numbers) {
        for (kind, count) in &other.faults {
            *self.faults.entry(kind.clone()).or_default() += count;
        }
        for (what, count) in &other.compared {
            *self.compared.entry(what.clone()).or_default() += count;
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
        self.longest = self.longest.max(other.longest);
    }

    /// Kinds of faults that never came, and comparisons that were never made: of a run that is
    /// large enough, none.
    pub fn missing(&self) -> Vec<&'static str> {
        let faults = FAULTS.into_iter().filter(|kind| !self.faults.contains_key(*kind));
        faults.chain(COMPARED.into_iter().filter(|what| !self.compared.contains_key(*what))).collect()
    }
}
