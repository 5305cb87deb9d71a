//! Which appointments overlap and why, and where there is room instead.

use chrono::{DateTime, Duration, FixedOffset, NaiveTime, TimeZone, Utc};
use gladstone_care::scheduling::{Booking, Shared, Span, WorkingHours, free_spans, overlap, room};
use proptest::prelude::*;

/// Wednesday 25 November 2026, minutes after midnight.
fn at(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 25, 0, 0, 0).unwrap() + Duration::minutes(minutes)
}

fn span(from: i64, to: i64) -> Span {
    Span { start: at(from), end: at(to) }
}

fn hours() -> WorkingHours {
    WorkingHours { from: NaiveTime::from_hms_opt(8, 0, 0).unwrap(), to: NaiveTime::from_hms_opt(18, 0, 0).unwrap(), weekend: false }
}

fn starts(found: &[Span]) -> Vec<i64> {
    found.iter().map(|span| (span.start - at(0)).num_minutes()).collect()
}

#[test]
fn two_appointments_overlap_when_they_share_time_and_somebody_or_a_room() {
    let booking = |from, to, trainer: Option<u8>, person: Option<u8>, place: &str| Booking { span: span(from, to), trainer, person, place: place.into() };
    let check = |a: &Booking<u8>, b: &Booking<u8>, shared: &[Shared]| {
        assert_eq!(overlap(a, b), shared, "{a:?} and {b:?}");
        assert_eq!(overlap(b, a), shared, "it does not matter which comes first: {b:?} and {a:?}");
    };
    let first = booking(540, 600, Some(1), Some(7), "Room 3");
    check(&first, &booking(570, 630, Some(1), Some(8), "Room 4"), &[Shared::Trainer]);
    check(&first, &booking(570, 630, Some(2), Some(7), "Room 4"), &[Shared::Person]);
    check(&first, &booking(570, 630, Some(2), Some(8), " room  3 "), &[Shared::Place]);
    check(&first, &booking(540, 600, Some(1), Some(7), "Room 3"), &[Shared::Trainer, Shared::Person, Shared::Place]);
    check(&first, &booking(570, 630, Some(2), Some(8), "Room 4"), &[]);
    check(&first, &booking(600, 660, Some(1), Some(7), "Room 3"), &[]);
    check(&first, &booking(480, 540, Some(1), Some(7), "Room 3"), &[]);
    check(&first, &booking(500, 900, Some(1), None, ""), &[Shared::Trainer]);
    check(&booking(540, 600, None, None, ""), &booking(540, 600, None, None, ""), &[]);
    check(&booking(540, 600, Some(1), Some(7), "At home"), &booking(540, 600, Some(2), Some(8), "at home"), &[]);
}

#[test]
fn a_room_is_known_however_it_is_written_and_a_telephone_is_none() {
    let check = |written: &str, known: Option<&str>| assert_eq!(room(written).as_deref(), known, "{written}");
    check("Village hall, Ashcombe", Some("village hall, ashcombe"));
    check("  VILLAGE   Hall, Ashcombe ", Some("village hall, ashcombe"));
    check("Cafe\u{301}", Some("caf\u{e9}"));
    for none in ["", "  ", "Phone", "by  phone", "Online", "At home", "Zu Hause", "Telefonisch"] {
        check(none, None);
    }
}

#[test]
fn the_nearest_free_times_of_the_same_length_are_proposed_in_their_order() {
    let check = |wanted: Span, busy: &[Span], expected: &[i64]| {
        assert_eq!(starts(&free_spans(wanted, busy, at(-10_000), hours(), &Utc, 3)), expected, "{wanted:?} beside {busy:?}");
    };
    check(span(600, 660), &[span(600, 660)], &[480, 540, 660]);
    check(span(600, 660), &[span(570, 690)], &[510, 690, 750]);
    check(span(480, 540), &[span(480, 540)], &[540, 600, 660]);
    check(span(600, 630), &[], &[555, 585, 615]);
    check(span(600, 660), &[span(480, 1080)], &[900 - 1_440, 960 - 1_440, 1_020 - 1_440]);
    check(span(600, 600), &[], &[]);
    check(span(480, 480 + 660), &[], &[]);
}

#[test]
fn nothing_is_proposed_in_the_past_at_night_or_on_a_free_weekend() {
    let friday = Span { start: at(2 * 1_440 + 1_020), end: at(2 * 1_440 + 1_080) };
    let found = free_spans(friday, &[friday], at(2 * 1_440 + 1_000), hours(), &Utc, 3);
    assert_eq!(starts(&found), [5 * 1_440 + 480, 5 * 1_440 + 540, 5 * 1_440 + 600], "the next working day is Monday");
    let with_weekend = free_spans(friday, &[friday], at(2 * 1_440 + 1_000), WorkingHours { weekend: true, ..hours() }, &Utc, 3);
    assert_eq!(starts(&with_weekend)[0], 3 * 1_440 + 480);
    let saturday = Span { start: at(3 * 1_440 + 600), end: at(3 * 1_440 + 660) };
    assert_eq!(starts(&free_spans(saturday, &[saturday], at(0), hours(), &Utc, 1)), [3 * 1_440 + 540], "whoever asks for a Saturday may have one");
}

#[test]
fn working_hours_are_those_of_the_local_clock() {
    let zone = FixedOffset::east_opt(5 * 3_600 + 1_800).unwrap();
    let wanted = Span { start: at(0), end: at(60) };
    let found = free_spans(wanted, &[], at(-100_000), hours(), &zone, 200);
    for span in &found {
        let (from, to) = (span.start.with_timezone(&zone).time(), span.end.with_timezone(&zone).time());
        assert!(from >= hours().from && to <= hours().to, "{span:?} is {from} to {to} there");
    }
    assert!(!found.is_empty());
}

proptest! {
    #[test]
    fn a_proposal_is_free_of_the_same_length_and_apart_from_the_others(
        wanted in (0_i64..1_440, 1_i64..300),
        busy in proptest::collection::vec((-20_000_i64..20_000, 1_i64..600), 0..40),
        earliest in -20_000_i64..20_000,
        count in 0_usize..6,
    ) {
        let wanted = span(wanted.0, wanted.0 + wanted.1);
        let busy: Vec<Span> = busy.into_iter().map(|(from, length)| span(from, from + length)).collect();
        let found = free_spans(wanted, &busy, at(earliest), hours(), &Utc, count);
        prop_assert!(found.len() <= count);
        prop_assert!(found.is_sorted());
        for (index, one) in found.iter().enumerate() {
            prop_assert_eq!(one.length(), wanted.length());
            prop_assert!(one.start >= at(earliest));
            prop_assert!(!busy.iter().any(|taken| taken.overlaps(one)));
            prop_assert!(!found[..index].iter().any(|other| other.overlaps(one)));
        }
    }
}
