//! What the centre counts while it runs. Numbers only; nothing about anybody.

use std::sync::atomic::{AtomicU64, Ordering};

use gladstone_protocol::{Verdict, wire::PushAnswer};

macro_rules! counted {
    ($($field:ident: $text:literal),+ $(,)?) => {
        /// Running sums since the start.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $($field: AtomicU64,)+
        }

        /// The sums at one moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Status {
            $(#[doc = $text] pub $field: u64,)+
        }

        impl Counters {
            /// The sums now.
            pub fn status(&self) -> Status {
                Status { $($field: self.$field.load(Ordering::Relaxed),)+ }
            }

            $(
                /// Adds to this sum.
                pub fn $field(&self, count: u64) {
                    self.$field.fetch_add(count, Ordering::Relaxed);
                }
            )+
        }

        impl Status {
            /// Every sum under its name.
            pub fn numbers(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($field), self.$field),)+]
            }
        }
    };
}

counted! {
    pushes: "Pushes that were answered.",
    pulls: "Pulls that were answered.",
    groups: "Transactions in which pushes were taken in together.",
    applied: "Envelopes applied as they were sent.",
    merged: "Envelopes of which something does not stand.",
    held: "Envelopes that wait.",
    quarantined: "Envelopes kept without effect.",
    duplicates: "Envelopes that had come before.",
    forks: "Envelopes of a copy of a laptop.",
    gaps: "Envelopes before which others were missing.",
    upgrades: "Envelopes of a version not known here.",
    changes: "Mutations told to laptops.",
    rows: "Rows of first downloads.",
    enrolled: "Laptops that joined.",
    sessions: "Sessions that were opened.",
}

impl Counters {
    /// Counts the verdicts of an answer.
    pub fn judged(&self, answer: &PushAnswer) {
        for judged in &answer.verdicts {
            match judged.verdict {
                Verdict::Applied { .. } => self.applied(1),
                Verdict::Merged { .. } => self.merged(1),
                Verdict::Held { .. } => self.held(1),
                Verdict::Quarantined { .. } => self.quarantined(1),
                Verdict::Duplicate { .. } => self.duplicates(1),
                Verdict::Fork => self.forks(1),
                Verdict::Gap { .. } => self.gaps(1),
                Verdict::UpgradeRequired => self.upgrades(1),
                Verdict::Later { .. } => {}
            }
        }
    }
}
