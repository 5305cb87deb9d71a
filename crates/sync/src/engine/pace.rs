//! How long to wait: between rounds, after failures, and how often rounds may follow each other.

/// The usual time between two rounds of its own accord; each is between three and five quarters of it.
pub const INTERVAL_MS: u64 = 60_000;
/// How long rounds of its own accord go by without a push when nothing waits.
pub const CONTACT_MS: u64 = 900_000;
/// Least wait after a failure.
pub const SHORTEST_BACKOFF_MS: u64 = 2_000;
/// Greatest wait after a failure, and after a request of the centre to wait.
pub const LONGEST_BACKOFF_MS: u64 = 300_000;
/// A flight that takes longer is given up.
pub const WATCHDOG_MS: u64 = 120_000;

/// Rounds that news may cause follow each other no faster than this, on average.
const GAP_MS: u64 = 2_500;
/// So many may follow each other at once before that.
const BURST: u64 = 8;

/// A number from 0 to `upto` inclusive.
pub(super) fn jitter(upto: u64, random: u32) -> u64 {
    upto.saturating_mul(u64::from(random)) / u64::from(u32::MAX)
}

/// The wait after the `failures`-th failure in a row (from 1): twice as long each time, and
/// shortened by up to a half so that many laptops do not come back at once.
pub(super) fn backoff(failures: u32, random: u32) -> u64 {
    let full = (SHORTEST_BACKOFF_MS * 2).saturating_mul(1 << (failures.clamp(1, 16) - 1)).min(LONGEST_BACKOFF_MS);
    (full / 2 + jitter(full / 2, random)).max(SHORTEST_BACKOFF_MS)
}

/// Lets some rounds through at once and then one at a time, so that somebody who types does not
/// use up what the centre allows to a laptop.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// When all rounds so far would be paid for.
    paid_at: u64,
}

impl Pace {
    /// When the next round may begin; `now` when it may at once.
    pub(super) fn free_at(self, now: u64) -> u64 {
        now.max(self.paid_at.saturating_sub(GAP_MS * (BURST - 1)))
    }

    /// A round begins.
    pub(super) fn spend(&mut self, now: u64) {
        self.paid_at = (self.paid_at.max(now) + GAP_MS).min(now + GAP_MS * BURST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_doubles_from_two_seconds_to_five_minutes() {
        let check = |failures: u32, least: u64, most: u64| {
            assert_eq!(backoff(failures, 0), least, "least after {failures} failures");
            assert_eq!(backoff(failures, u32::MAX), most, "most after {failures} failures");
        };
        check(1, 2_000, 4_000);
        check(2, 4_000, 8_000);
        check(5, 32_000, 64_000);
        check(8, 150_000, 300_000);
        check(u32::MAX, 150_000, 300_000);
    }

    #[test]
    fn some_rounds_go_at_once_and_the_others_one_at_a_time() {
        let mut pace = Pace::default();
        for _ in 0..BURST {
            assert_eq!(pace.free_at(1_000_000), 1_000_000, "within the burst");
            pace.spend(1_000_000);
        }
        assert_eq!(pace.free_at(1_000_000), 1_000_000 + GAP_MS, "then one after the other");
        assert_eq!(pace.free_at(1_002_500), 1_002_500, "and so on");
    }
}
