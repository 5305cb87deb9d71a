//! What laptops are told: prefixes of history, pages that can be resumed while rows change, digests,
//! lost answers, old cursors, other histories, and waiting.

mod support;

use std::{collections::BTreeMap, time::{Duration, Instant as Moment}};

use gladstone_model::{Unit, Value, unit::UnitKind};
use gladstone_protocol::{
    RowsDigest, codec,
    wire::{Basis, PullRequest, unit_set_hash},
};
use support::{Laptop, Place, mood, person};
use uuid::Uuid;

/// A laptop that registered a person with that many entries of some size.
fn filled(place: &Place, entries: u32, note: usize) -> (Laptop, Uuid) {
    let mut amara = place.laptop("Amara", "therapist");
    let id = amara.new_id();
    amara.write(vec![person(id, "Cleo")]);
    for at in 0..entries {
        let mut op = mood(amara.new_id(), id, 1 + at % 300, 5);
        let no = gladstone_model::catalogue().get("mood_entries").unwrap().field("notes").unwrap().no;
        if let gladstone_protocol::OpKind::Create(values) = &mut op.kind {
            values.push((no, Value::text(&"x".repeat(note))));
            values.sort_by_key(|(no, _)| *no);
        }
        amara.write(vec![op]);
    }
    amara.push(place);
    (amara, id)
}

#[test]
fn a_reader_between_two_writers_never_misses_what_has_a_smaller_number() {
    let place = Place::new();
    let (mut amara, mut ben, mut chief) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"), place.laptop("Chief", "admin"));
    chief.pull(&place);
    let start = place.centre.head(place.realm).unwrap();
    let writes = 40;
    std::thread::scope(|scope| {
        let shared = &place;
        for laptop in [&mut amara, &mut ben] {
            scope.spawn(move || {
                for at in 0..writes {
                    let id = laptop.new_id();
                    laptop.save(shared, vec![person(id, &format!("Person {at}")), mood(laptop.new_id(), id, 5, 5)]);
                }
            });
        }
        scope.spawn(|| {
            while chief.from_g < start + 2 * writes {
                chief.pull(&place);
            }
        });
    });
    assert_eq!(chief.rows("mood_entries").len(), 2 * writes as usize, "nothing is missing");
    let expected: Vec<u64> = (start + 1..=start + 2 * writes).collect();
    assert!(chief.told.iter().all(|g| expected.contains(g)), "numbers are those of the realm");
}

#[test]
fn many_new_persons_are_entered_at_once() {
    let place = Place::new();
    let mut chief = place.laptop("Chief", "admin");
    chief.pull(&place);
    let (mut amara, _) = filled(&place, 1, 0);
    for _ in 0..150 {
        let ops = (0..10).map(|_| person(amara.new_id(), &"Long name ".repeat(20))).collect();
        amara.write(ops);
    }
    amara.push(&place);
    let answers = chief.pull(&place);
    assert!(answers.iter().all(|answer| codec::encode(answer).is_ok()), "each answer fits into a message");
    assert_eq!(chief.rows("users").len(), 1_503, "all of them, the two at work, and the first one");
    assert_eq!(chief.complete.len(), 1_505, "a unit for each person, and their own four");
    amara.save(&place, vec![mood(amara.new_id(), amara.rows("users").first().map_or(amara.actor, |state| state.row.id()), 3, 4)]);
    let answer = chief.pull_once(&place);
    assert!(answer.digests.is_empty() && answer.sum.is_some(), "one sum tells of all of them");
    assert!(codec::encode(&chief.pull_once(&place)).unwrap().len() < 100, "and an answer without news is small");
}

#[test]
fn changes_that_do_not_fit_into_one_answer_follow_in_the_next() {
    let place = Place::new();
    let (mut amara, id) = filled(&place, 0, 0);
    amara.pull(&place);
    let mut other = place.laptop_of("Amara", "therapist", Some(amara.actor), None);
    other.pull(&place);
    for at in 0..40 {
        let ops = (0..10).map(|day| {
            let mut op = mood(amara.new_id(), id, 1 + at * 7 % 300 + day, 5);
            if let gladstone_protocol::OpKind::Create(values) = &mut op.kind {
                let no = gladstone_model::catalogue().get("mood_entries").unwrap().field("notes").unwrap().no;
                values.push((no, Value::text(&"y".repeat(4_000))));
            }
            op
        });
        amara.write(ops.collect());
    }
    amara.push(&place);
    let answers = other.pull(&place);
    assert!(answers.len() > 2, "1.6 MB come in several answers, not {}", answers.len());
    for pair in answers.windows(2) {
        assert!(pair[0].more && pair[0].to_g < pair[1].to_g, "each is a longer prefix");
        assert!(pair[0].grants.is_empty(), "units come with the last one");
    }
    assert!(answers.iter().all(|answer| answer.sum.is_some()), "what is remembered of the laptop is brought forward to each of them");
    assert!(answers.iter().all(|answer| codec::encode(answer).is_ok()), "each fits into a message");
    assert_eq!(other.rows("mood_entries").len(), 400, "everything came");
}

#[test]
fn pages_are_resumed_while_rows_change() {
    let place = Place::new();
    let (mut amara, id) = filled(&place, 400, 20_000);
    amara.pull(&place);
    let mut second = place.laptop_of("Amara", "therapist", Some(amara.actor), None);
    let answer = second.pull_once(&place);
    assert!(answer.more, "8 MB do not come at once");
    assert!(codec::encode(&answer).is_ok(), "an answer fits into a message");
    let unit = Unit { kind: UnitKind::Person, id };
    let staged: Vec<Uuid> = second.staged[&unit].2.keys().map(|key| key.id).collect();
    let ids: Vec<Uuid> = amara.rows("mood_entries").iter().map(|state| state.row.id()).collect();
    let (known, unknown): (Vec<Uuid>, Vec<Uuid>) = ids.iter().partition(|id| staged.contains(id));
    assert!(!known.is_empty() && !unknown.is_empty(), "some rows are there already, others are not");
    for entry in [known[0], unknown[0]] {
        let ops = amara.change("mood_entries", entry, &[("overall_mood", Value::Integer(9))]);
        amara.save(&place, ops);
    }
    let fresh = amara.new_id();
    amara.save(&place, vec![mood(fresh, id, 301, 2)]);
    second.pull_once(&place);
    let ops = amara.change("mood_entries", known[1], &[("overall_mood", Value::Integer(8))]);
    amara.save(&place, ops);
    second.pull(&place);
    amara.pull(&place);
    assert_eq!(second.complete, amara.complete, "every unit is complete");
    assert_eq!(second.base, amara.base, "and both hold the same");
}

#[test]
fn a_first_download_begins_with_little_and_goes_on_with_more_each_time() {
    let place = Place::new();
    let (mut amara, _) = filled(&place, 400, 20_000);
    amara.pull(&place);
    let full = gladstone_central::Portions::default().room;
    let mut second = place.laptop_of("Amara", "therapist", Some(amara.actor), None);
    let mut sizes = Vec::new();
    loop {
        let answer = second.pull_once(&place);
        sizes.push(codec::encode(&answer).unwrap().len());
        if !answer.more {
            break;
        }
    }
    let slack = 64 * 1024;
    assert!(sizes[0] <= full / 8 + slack && sizes[0] >= full / 16, "something to write soon: {sizes:?} of {full}");
    for (at, pair) in sizes.windows(2).enumerate() {
        let most = (full / 8) << (at + 1).min(3);
        let is_last = at + 2 == sizes.len();
        assert!(pair[1] <= most + slack && (is_last || pair[1] >= most - most / 8), "twice as much each time, until an answer is full: {sizes:?} of {full}");
    }
    assert!(sizes.len() <= 7, "not many more answers: {sizes:?}");
    amara.pull(&place);
    assert!(second.base == amara.base, "both hold the same");
}

#[test]
fn an_answer_that_was_lost_comes_again() {
    let place = Place::new();
    let (mut amara, _) = filled(&place, 5, 10);
    let lost = place.centre.pull(&place.caller(&amara), &amara.pull_request()).unwrap();
    let again = amara.pull_once(&place);
    assert_eq!((lost.grants.len(), lost.to_g), (again.grants.len(), again.to_g), "the same units");
    let id = amara.new_id();
    amara.save(&place, vec![person(id, "Dora")]);
    let lost = place.centre.pull(&place.caller(&amara), &amara.pull_request()).unwrap();
    assert_eq!(lost.grants.len(), 1, "a person who was registered meanwhile");
    let answers = amara.pull(&place);
    assert_eq!((answers[0].basis, answers[0].grants.len()), (Basis::Checkpoint, 1), "nothing has to come anew");
    assert!(amara.row("users", id).is_some(), "it is there");
}

#[test]
fn an_unknown_set_of_units_brings_everything_anew() {
    let place = Place::new();
    let (mut amara, _) = filled(&place, 5, 10);
    amara.pull(&place);
    let before = amara.base.clone();
    amara.complete.pop_last();
    let answers = amara.pull(&place);
    assert_eq!(answers[0].basis, Basis::TooOld, "the laptop is told to begin anew");
    assert_eq!(amara.base, before, "and holds the same then");
}

#[test]
fn a_unit_that_does_not_add_up_is_fetched_again_alone() {
    let place = Place::new();
    let (mut amara, id) = filled(&place, 5, 10);
    amara.pull(&place);
    let (unit, before) = (Unit { kind: UnitKind::Person, id }, amara.base.clone());
    amara.complete.remove(&unit);
    amara.base.retain(|_, state| state.unit != unit);
    amara.staged.insert(unit, (0, None, BTreeMap::new()));
    let answers = amara.pull(&place);
    assert_eq!((answers[0].basis, answers[0].grants.len()), (Basis::Checkpoint, 1), "the others stay as they are");
    assert_eq!(amara.base, before, "and it is whole again");
    assert_eq!(amara.pull(&place)[0].grants.len(), 0, "once");
}

#[test]
fn a_cursor_before_the_log_brings_everything_anew() {
    let place = Place::new();
    let (mut amara, id) = filled(&place, 5, 10);
    let mut second = place.laptop_of("Amara", "therapist", Some(amara.actor), None);
    second.pull(&place);
    amara.save(&place, vec![mood(amara.new_id(), id, 200, 3)]);
    amara.pull(&place);
    place.centre.trim_log(place.realm, u64::MAX).unwrap();
    amara.save(&place, vec![mood(amara.new_id(), id, 201, 3)]);
    assert_eq!(amara.pull(&place)[0].basis, Basis::Checkpoint, "who was up to date goes on");
    assert_eq!(second.pull(&place)[0].basis, Basis::TooOld, "who was away for too long does not");
    assert_eq!(second.base.keys().collect::<Vec<_>>(), amara.base.keys().collect::<Vec<_>>(), "and holds the same in the end");
}

#[test]
fn the_log_is_forgotten_by_age_and_who_comes_back_later_ends_in_step() {
    const DAY: i64 = 86_400;
    let place = Place::new();
    let (mut amara, id) = filled(&place, 5, 10);
    let mut second = place.laptop_of("Amara", "therapist", Some(amara.actor), None);
    let mut third = place.laptop_of("Amara", "therapist", Some(amara.actor), None);
    second.pull(&place);
    place.around.pass(40 * DAY);
    amara.save(&place, vec![mood(amara.new_id(), id, 200, 3)]);
    amara.pull(&place);
    third.pull(&place);
    assert_eq!(place.centre.trim_by_age(90).unwrap(), 0, "nothing is that old");
    place.around.pass(60 * DAY);
    amara.save(&place, vec![mood(amara.new_id(), id, 201, 3)]);
    let forgotten = place.centre.trim_by_age(90).unwrap();
    assert!(forgotten > 0, "what is 100 days old goes");
    assert_eq!(place.centre.trim_by_age(90).unwrap(), 0, "once");
    assert_eq!(third.pull(&place)[0].basis, Basis::Checkpoint, "who was away for 60 days goes on");
    assert_eq!(place.centre.trim_by_age(0).unwrap(), 1, "the longest lease is kept whatever is asked: only what is 60 days old goes");
    assert_eq!(second.pull(&place)[0].basis, Basis::TooOld, "who was away for 100 days does not");
    amara.pull(&place);
    assert_eq!(second.base.keys().collect::<Vec<_>>(), amara.base.keys().collect::<Vec<_>>(), "and holds the same in the end");
    assert_eq!(third.base.keys().collect::<Vec<_>>(), amara.base.keys().collect::<Vec<_>>());
    assert_eq!(second.pull(&place)[0].basis, Basis::Checkpoint, "from then on as ever");
    place.around.pass(31 * DAY);
    assert!(place.centre.trim_by_age(30).unwrap() > 0, "a realm where nothing happens any more is trimmed to its head");
    assert_eq!(amara.pull(&place)[0].basis, Basis::Checkpoint, "who is up to date goes on");
}

#[test]
fn the_digest_of_a_unit_is_the_sum_over_its_rows() {
    let place = Place::new();
    let (mut amara, id) = filled(&place, 30, 10);
    amara.pull(&place);
    let told: BTreeMap<Unit, RowsDigest> = amara.compare(&place, None).digests.iter().map(|told| (told.unit, told.digest)).collect();
    assert!(told.contains_key(&Unit { kind: UnitKind::Person, id }) && told.len() == amara.complete.len(), "each unit that is held has one");
    let first = *told.keys().next().unwrap();
    let rest: Vec<Unit> = amara.compare(&place, Some(first)).digests.iter().map(|told| told.unit).collect();
    assert_eq!(rest, told.keys().skip(1).copied().collect::<Vec<_>>(), "a later portion goes on behind the one before");
    for (unit, digest) in &told {
        assert_eq!(amara.digest(*unit), *digest, "{unit}");
    }
    let report = place.centre.verify_audit(place.realm, &mut |_, _| true).unwrap();
    assert!(report.faults.is_empty() && report.units == 3 && report.entries > 30, "the centre's own rows add up: {report:?}");
}

#[test]
fn another_history_is_named_before_anything_is_handed_out() {
    let place = Place::new();
    let (mut amara, _) = filled(&place, 3, 10);
    amara.pull(&place);
    let epoch = place.centre.new_epoch(place.realm).unwrap();
    let answer = place.centre.pull(&place.caller(&amara), &amara.pull_request()).unwrap();
    assert_eq!((answer.basis, answer.epoch, answer.more, answer.grants.len()), (Basis::OtherEpoch, epoch, true, 0), "first push, then pull");
    let asked = PullRequest { epoch, from_g: 0, units: unit_set_hash([]), ..amara.pull_request() };
    let anew = place.centre.pull(&place.caller(&amara), &asked).unwrap();
    assert_eq!((anew.basis, anew.grants.is_empty()), (Basis::Checkpoint, false), "then everything");
}

#[test]
fn waiting_ends_when_something_was_committed_or_time_is_up() {
    let place = Place::new();
    let mut amara = place.laptop("Amara", "therapist");
    let head = place.centre.head(place.realm).unwrap();
    let began = Moment::now();
    assert_eq!(place.centre.wait(place.realm, head, Duration::from_millis(80)).unwrap(), head, "nothing happened");
    assert!(began.elapsed() >= Duration::from_millis(80), "the time is waited for");
    assert_eq!(place.centre.wait(place.realm, head - 1, Duration::from_secs(30)).unwrap(), head, "what happened before is told at once");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| (place.centre.wait(place.realm, head, Duration::from_secs(30)).unwrap(), began.elapsed()));
        std::thread::sleep(Duration::from_millis(100));
        amara.save(&place, vec![person(amara.new_id(), "Ben")]);
        let (g, after) = waiting.join().unwrap();
        assert_eq!(g, head + 1, "the new number");
        assert!(after < Duration::from_secs(1), "without waiting for the end of time: {after:?}");
    });
}

#[test]
fn pages_that_were_read_for_one_laptop_reach_the_next_as_the_rows_stand_by_now_and_nobody_else() {
    let place = Place::new();
    let (mut amara, id) = filled(&place, 40, 100);
    let (mut first, mut second, mut ben) = (place.laptop("First", "admin"), place.laptop("Second", "admin"), place.laptop("Ben", "therapist"));
    first.pull(&place);
    amara.save(&place, vec![mood(amara.new_id(), id, 301, 1)]);
    second.pull(&place);
    first.pull(&place);
    ben.pull(&place);
    let moods = |laptop: &Laptop| laptop.rows("mood_entries").into_iter().map(|state| (state.row.id(), state.row.values.clone())).collect::<BTreeMap<_, _>>();
    assert_eq!(moods(&second).len(), 41, "the one that came since is among them");
    assert_eq!(moods(&first), moods(&second));
    assert!(moods(&ben).is_empty(), "pages that are kept give nobody a right");
    let mut third = place.laptop("Third", "admin");
    third.pull(&place);
    assert_eq!(moods(&third), moods(&second), "nothing was read anew for this one");
}

#[test]
fn a_long_push_is_saved_in_parts_and_judged_as_one() {
    let place = Place::new();
    let (mut amara, mut chief) = (place.laptop("Amara", "therapist"), place.laptop("Chief", "admin"));
    let (cleo, dora, again, entry) = (amara.new_id(), amara.new_id(), amara.new_id(), amara.new_id());
    amara.write(vec![person(cleo, "Cleo")]);
    for at in 0..300 {
        match at {
            // The same mutation once more, far behind the first.
            10 | 250 => amara.write_as(again, vec![mood(entry, cleo, 300, 5)]),
            // It waits for a person who comes later.
            120 => _ = amara.write(vec![mood(amara.new_id(), dora, 1, 5)]),
            290 => _ = amara.write(vec![person(dora, "Dora")]),
            _ => _ = amara.write(vec![mood(amara.new_id(), cleo, 1 + at % 299, 5)]),
        }
    }
    let start = place.centre.head(place.realm).unwrap();
    amara.push(&place);
    assert_eq!(place.centre.head(place.realm).unwrap() - start, 300, "each took effect once");
    chief.pull(&place);
    assert_eq!(chief.rows("mood_entries").len(), 298, "also the one that waited");
    assert_eq!(place.centre.verify_audit(place.realm, &mut |_, _| true).unwrap().faults, [], "chains and sums are as they should be");
}
