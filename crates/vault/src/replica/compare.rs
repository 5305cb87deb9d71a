//! Whether what is held agrees with the centre: one sum over all units with every answer, and the
//! digests of single units once that differs. Kept in memory: after a restart the next answer tells
//! the same again.

use gladstone_protocol::{
    RowsDigest,
    wire::{Compare, PullAnswer, PullRequest},
};

use crate::replica::units::Units;

/// Comparisons in a row that may lead nowhere before no more are asked for.
const FRUITLESS: u32 = 3;

/// What is doubted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Doubt {
    /// Which digests are asked for next.
    pub ask: Option<Compare>,
    /// Whether the comparison that is under way found a unit that can be healed.
    found: bool,
    /// Comparisons in a row that found none.
    fruitless: u32,
    /// Whether answers were not taken in the last time: the next one is asked for and taken in by itself, so
    /// that one that cannot be taken in holds nothing up but what comes behind it.
    pub alone: bool,
}

/// What a comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Nothing that was not known.
    Nothing,
    /// Everything that is held is what the centre has.
    Agrees,
    /// All together differ: which units, is asked next.
    Differs { ours: RowsDigest, theirs: RowsDigest },
    /// More digests are to be asked for.
    GoesOn,
    /// All together differ, and no unit does.
    Fruitless,
}

impl Doubt {
    /// Looks at the sum and the digests of an answer whose rows are in their places. `healing`: units
    /// differ and are fetched anew; `differ`: units differ, whether anything can be done or not.
    pub fn look(&mut self, asked: &PullRequest, answer: &PullAnswer, units: &Units, differ: bool, healing: bool) -> Finding {
        self.found |= healing;
        let ours = units.sum();
        if !differ && answer.sum == Some(ours) {
            *self = Doubt::default();
            return Finding::Agrees;
        }
        if let Some(Compare { after }) = asked.compare {
            let told = answer.digests.last().map(|told| told.unit).filter(|told| after.is_none_or(|after| after < *told));
            if told.is_none() && answer.more {
                return Finding::GoesOn;
            }
            let rest = told.filter(|told| units.all().any(|(unit, held)| held.complete && unit > *told));
            self.ask = rest.map(|last| Compare { after: Some(last) });
            if self.ask.is_some() {
                return Finding::GoesOn;
            }
            if std::mem::take(&mut self.found) {
                self.fruitless = 0;
                return Finding::Nothing;
            }
            self.fruitless += 1;
            return if differ { Finding::Nothing } else { Finding::Fruitless };
        }
        match answer.sum {
            // Units that are fetched anew are not in our sum any more.
            Some(theirs) if !differ && self.fruitless < FRUITLESS => {
                self.ask = Some(Compare { after: None });
                self.found = false;
                Finding::Differs { ours, theirs }
            }
            _ => Finding::Nothing,
        }
    }
}
