//! The hybrid logical clock as a number: how the centre bounds a clock that runs ahead, and how
//! cause stays before effect. Reads no clock.

use gladstone_model::Instant;

/// How far ahead of the centre's clock a stamp may lie, in milliseconds.
pub const SLACK_MS: u64 = 60_000;
/// From here on a person is told that the laptop's clock is wrong, in milliseconds.
pub const WARN_MS: u64 = 300_000;

/// A stamp from milliseconds since 1970 UTC (0 to 2^48 - 1; greater ones are cut) and a counter.
pub fn stamp(millis: u64, counter: u16) -> u64 {
    millis.min((1 << 48) - 1) << 16 | u64::from(counter)
}

/// The milliseconds since 1970 UTC of a stamp.
pub fn millis(hlc: u64) -> u64 {
    hlc >> 16
}

/// A stamp as the centre passes it on: never later than its receipt plus [`SLACK_MS`].
/// No stamp is refused.
pub fn clamp(hlc: u64, received: Instant) -> u64 {
    hlc.min(bound(received))
}

/// Whether a laptop may advance its own clock to `hlc`: not when that lies more than [`SLACK_MS`]
/// ahead of the centre's time.
pub fn may_follow(hlc: u64, server_time: Instant) -> bool {
    hlc <= bound(server_time)
}

/// A clamped stamp raised above everything that its author had seen: the stamps of the mutations
/// that it names as bases, and of the entry before it on the same laptop.
///
/// Clamping alone can put an effect before its cause: a laptop whose clock runs ahead is cut back
/// to the receipt, while what it saw was cut back later. With this, a value always has a greater
/// stamp than the one that it replaced knowingly, and the greatest stamp is the same value in
/// every order of arrival. Each step adds one tick of the counter (1/65536 ms), so nobody can
/// push the clock of others by it.
pub fn lift(clamped: u64, seen: impl IntoIterator<Item = u64>) -> u64 {
    seen.into_iter().fold(clamped, |hlc, before| hlc.max(before.saturating_add(1)))
}

fn bound(time: Instant) -> u64 {
    stamp(time.millis().max(0).unsigned_abs().saturating_add(SLACK_MS), u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_in_the_year_9999_is_cut_to_a_minute_after_receipt() {
        let received = Instant(1_800_000_000_000_000);
        let poisoned = stamp(253_370_764_800_000, 3);
        assert_eq!(millis(clamp(poisoned, received)), 1_800_000_060_000, "one minute after receipt");
        assert!(!may_follow(poisoned, received), "no laptop takes it over");
        assert!(may_follow(clamp(poisoned, received), received), "what the centre passes on may be followed");
    }

    #[test]
    fn an_honest_clock_is_left_alone_and_an_effect_comes_after_its_cause() {
        let received = Instant(1_800_000_000_000_000);
        let honest = stamp(1_799_999_999_000, 7);
        assert_eq!(clamp(honest, received), honest, "a stamp in the past stays");
        assert_eq!(lift(honest, [honest + 5, 3]), honest + 6, "one tick after the latest thing seen");
        assert_eq!(lift(honest, [3]), honest, "later than all that was seen: nothing to do");
        assert_eq!(lift(u64::MAX, [u64::MAX]), u64::MAX, "the end of time does not wrap");
    }
}
