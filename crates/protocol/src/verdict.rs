//! What the centre says about one envelope. One verdict for each, written with its effect.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    journal::{JournalEntry, JournalKind},
    merge::{MergeFault, Merged},
};

/// The answer to one envelope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Verdict {
    /// Every value stands.
    Applied {
        /// Commit number of the realm at which it became visible; from 1.
        g: u64,
    },
    /// Applied, but not every value stands as it was sent.
    Merged {
        /// Commit number of the realm at which it became visible; from 1.
        g: u64,
        /// What does not stand, or stands beside something unseen.
        journal: Vec<JournalEntry>,
    },
    /// It needs something that is not at the centre; it is tried again when that comes.
    Held {
        /// Rows or mutations that are missing.
        missing: Vec<Uuid>,
    },
    /// Kept as it was sent, without effect, and shown to author and supervisor. The queue goes on.
    Quarantined {
        /// Short name of the reason, for example `forbidden`.
        code: String,
        /// What is wrong and what to do about it, for people.
        text: String,
    },
    /// The same envelope came before; nothing happened again.
    Duplicate {
        /// The verdict that was stored then.
        stored: Stored,
    },
    /// Another envelope stands under this number: the laptop was cloned or set back.
    Fork,
    /// Numbers before this one are missing.
    Gap {
        /// The number that comes next; from 1.
        expected: u64,
    },
    /// The envelope or its schema is of a version that the centre does not take any more.
    UpgradeRequired,
    /// Not taken now; the same envelope is to be sent again.
    Later {
        /// Milliseconds to wait at least.
        after_ms: u64,
    },
}

/// The verdicts that the centre stores with an envelope. A type of its own, so that a verdict
/// cannot hold itself and hostile bytes cannot nest without end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Stored {
    /// As [`Verdict::Applied`].
    Applied {
        /// Commit number of the realm; from 1.
        g: u64,
    },
    /// As [`Verdict::Merged`].
    Merged {
        /// Commit number of the realm; from 1.
        g: u64,
        /// What does not stand, or stands beside something unseen.
        journal: Vec<JournalEntry>,
    },
    /// As [`Verdict::Held`].
    Held {
        /// Rows or mutations that are missing.
        missing: Vec<Uuid>,
    },
    /// As [`Verdict::Quarantined`].
    Quarantined {
        /// Short name of the reason.
        code: String,
        /// What is wrong and what to do about it, for people.
        text: String,
    },
}

impl From<Stored> for Verdict {
    fn from(stored: Stored) -> Verdict {
        match stored {
            Stored::Applied { g } => Verdict::Applied { g },
            Stored::Merged { g, journal } => Verdict::Merged { g, journal },
            Stored::Held { missing } => Verdict::Held { missing },
            Stored::Quarantined { code, text } => Verdict::Quarantined { code, text },
        }
    }
}

impl Verdict {
    /// The verdict for a mutation whose patches were all merged and committed at `g`.
    pub fn of(g: u64, merged: &[Merged]) -> Verdict {
        let journal: Vec<JournalEntry> = merged.iter().flat_map(|merged| merged.journal.iter().cloned()).collect();
        let telling = journal.iter().any(|entry| entry.kind != JournalKind::Agreed);
        if telling { Verdict::Merged { g, journal } } else { Verdict::Applied { g } }
    }

    /// The verdict for a mutation of which the patch of `row` could not be merged.
    pub fn of_fault(fault: &MergeFault, row: Uuid) -> Verdict {
        let code = match fault {
            MergeFault::MissingRow => return Verdict::Held { missing: vec![row] },
            MergeFault::UnknownWriter(mutation) => return Verdict::Held { missing: vec![*mutation] },
            MergeFault::UnknownEntity(_) => "unknown_entity",
            MergeFault::UnknownField(_) => "unknown_field",
            MergeFault::AppendOnly => "append_only",
            MergeFault::Misfit => "misfit",
        };
        Verdict::Quarantined { code: code.into(), text: fault.to_string() }
    }

    /// What is stored with the envelope; none for an answer that leaves nothing behind.
    pub fn stored(&self) -> Option<Stored> {
        Some(match self {
            Verdict::Applied { g } => Stored::Applied { g: *g },
            Verdict::Merged { g, journal } => Stored::Merged { g: *g, journal: journal.clone() },
            Verdict::Held { missing } => Stored::Held { missing: missing.clone() },
            Verdict::Quarantined { code, text } => Stored::Quarantined { code: code.clone(), text: text.clone() },
            Verdict::Duplicate { stored } => stored.clone(),
            Verdict::Fork | Verdict::Gap { .. } | Verdict::UpgradeRequired | Verdict::Later { .. } => return None,
        })
    }

    /// The commit number at which the effect became visible, if it has one.
    pub fn g(&self) -> Option<u64> {
        match self {
            Verdict::Applied { g } | Verdict::Merged { g, .. } | Verdict::Duplicate { stored: Stored::Applied { g } | Stored::Merged { g, .. } } => Some(*g),
            _ => None,
        }
    }
}
