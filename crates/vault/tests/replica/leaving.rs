//! Rights that end: what leaves, what stays in the chain, what is told, and how it comes back.

use std::collections::BTreeMap;

use gladstone_model::{Unit, Value, unit::UnitKind};
use gladstone_protocol::{Verdict, wire::{Basis, Dropped, Granted, Page, PullAnswer, RowImage, RowKey, RowNews}};
use gladstone_store::search;
use gladstone_testkit::Laptop;
use gladstone_vault::VaultError;
use uuid::Uuid;

use crate::answers::{self, grant, image, news, nothing, person, pull, push, sound, with_person};

fn dropped(unit: Unit) -> Dropped {
    Dropped { unit, reason: "Handed over to Leila Haddad.".into() }
}

#[test]
fn a_unit_that_is_taken_away_leaves_no_row_no_word_and_a_note() {
    let (laptop, _, id, mood) = with_person(1);
    laptop.set("users", id, "job_title", "Baker").unwrap();
    push(&laptop, |dseq| Verdict::Applied { g: 10 + dseq });
    assert!(laptop.count("SELECT count(*) FROM search_text_data WHERE instr(block, CAST('ieczorek' AS BLOB)) > 0") > 0, "the index holds the name");
    let outcome = pull(&laptop, PullAnswer { drops: vec![dropped(person(id))], ..nothing(&laptop, 11) });
    assert_eq!((outcome.drops[0].rows, outcome.drops[0].title.as_str()), (2, "Tomasz Wieczorek"), "the person is told what went");
    assert!(laptop.stored("users", id).is_none() && laptop.stored("mood_entries", mood).is_none(), "both rows are gone");
    for table in ["overlay", "pending", "opaque", "stage", "search_row"] {
        assert_eq!(laptop.count(&format!("SELECT count(*) FROM {table}")), 0, "{table} is empty");
    }
    assert!(laptop.vault.read(|read| search::find(read, "tomasz", None, 10)).unwrap().is_empty(), "search finds nothing");
    let words = "SELECT count(*) FROM search_text_data WHERE instr(block, CAST('ieczorek' AS BLOB)) > 0";
    assert_eq!(laptop.count(words), 0, "not even the index holds the word");
    let departed = laptop.vault.departed().unwrap();
    assert_eq!((departed[0].rows, departed[0].reason.as_str()), (2, "Handed over to Leila Haddad."), "and can read it later");
    assert_eq!(laptop.vault.state().dseq, 1, "the chain keeps what was written");
    assert!(laptop.vault.pull_request().unwrap().bootstrap.is_empty());
    sound(&laptop);
}

#[test]
fn a_change_that_was_not_sent_before_the_right_ended_is_still_sent() {
    let (laptop, _, id, _) = with_person(2);
    let own = laptop.mood(id, 40, 6).unwrap();
    pull(&laptop, PullAnswer { drops: vec![dropped(person(id))], ..nothing(&laptop, 11) });
    assert!(laptop.stored("mood_entries", own).is_none(), "it left with its unit");
    assert_eq!(laptop.vault.waiting().unwrap().count, 1, "but waits to be sent");
    push(&laptop, |_| answers::refused());
    assert_eq!(laptop.vault.waiting().unwrap().quarantined, 1, "and is kept for the person when the centre does not take it");
    sound(&laptop);
}

#[test]
fn a_right_that_is_given_again_brings_everything_back() {
    let (laptop, colleague, id, mood) = with_person(3);
    let rows = vec![image(&colleague, "users", id), image(&colleague, "mood_entries", mood)];
    let view = laptop.view();
    for round in 0..3 {
        let g = 11 + 2 * round;
        pull(&laptop, PullAnswer { drops: vec![dropped(person(id))], ..nothing(&laptop, g) });
        assert!(laptop.view().is_empty(), "nothing is left in round {round}");
        let outcome = pull(&laptop, PullAnswer { grants: vec![grant(person(id), g + 1, rows.clone(), true)], ..nothing(&laptop, g + 1) });
        assert_eq!(outcome.grants, [person(id)]);
        assert_eq!(laptop.view(), view, "all is back in round {round}");
        sound(&laptop);
    }
    // Taken and given within one answer: another download, nothing twice.
    pull(&laptop, PullAnswer { drops: vec![dropped(person(id))], grants: vec![grant(person(id), 30, rows, true)], ..nothing(&laptop, 30) });
    assert_eq!(laptop.view(), view);
    sound(&laptop);
}

#[test]
fn a_unit_that_was_never_held_can_be_taken_away_without_a_word() {
    let (laptop, _, id, _) = with_person(4);
    let stranger = Unit { kind: UnitKind::Thread, id };
    let outcome = pull(&laptop, PullAnswer { drops: vec![dropped(stranger)], ..nothing(&laptop, 11) });
    assert!(outcome.drops.is_empty() && laptop.vault.departed().unwrap().is_empty());
    sound(&laptop);
}

#[test]
fn what_the_centre_keeps_but_does_not_give_leaves_and_is_told() {
    let (laptop, ..) = with_person(5);
    let own = laptop.register("Samir Banerjee").unwrap();
    push(&laptop, |_| Verdict::Applied { g: 11 });
    let outcome = pull(&laptop, PullAnswer { more: true, ..nothing(&laptop, 11) });
    assert!(outcome.drops.is_empty() && laptop.stored("users", own).is_some(), "the unit may still come");
    let outcome = pull(&laptop, nothing(&laptop, 11));
    assert_eq!(outcome.drops.iter().map(|left| left.unit).collect::<Vec<_>>(), [person(own)], "it did not");
    assert!(laptop.stored("users", own).is_none());
    assert_eq!(laptop.vault.departed().unwrap().len(), 1);
    sound(&laptop);
}

#[test]
fn a_unit_that_does_not_come_again_leaves_when_the_centre_has_no_more_to_give() {
    let (laptop, ..) = with_person(6);
    let answer = PullAnswer { basis: Basis::TooOld, more: true, ..nothing(&laptop, 50) };
    assert!(pull(&laptop, answer).drops.is_empty() && !laptop.view().is_empty(), "it may still come");
    let outcome = pull(&laptop, nothing(&laptop, 50));
    assert_eq!((outcome.drops.len(), laptop.view().len()), (1, 0), "it did not");
    assert!(laptop.vault.pull_request().unwrap().bootstrap.is_empty(), "and is not asked for again");
    sound(&laptop);
}

/// The number behind the checkpoint.
fn next(laptop: &Laptop) -> u64 {
    laptop.vault.replica().unwrap().unwrap().from_g + 1
}

/// What is shown, without the times that the program keeps.
fn shown(laptop: &Laptop) -> BTreeMap<RowKey, RowImage> {
    let mut view = laptop.view();
    view.values_mut().for_each(|row| row.values.retain(|(_, value)| !matches!(value, Value::Instant(_))));
    view
}

#[test]
fn what_waits_is_laid_on_again_when_its_rows_come_back_and_taken_off_when_they_leave_again() {
    let check = |what: &str, seed: u64, back: &dyn Fn(&Laptop, Uuid, Vec<RowImage>)| {
        let (laptop, colleague, id, mood) = with_person(seed);
        let rows = vec![image(&colleague, "users", id), image(&colleague, "mood_entries", mood)];
        for title in ["Baker", "Miller"] {
            laptop.set("users", id, "job_title", title).unwrap();
        }
        let own = laptop.mood(id, 40, 6).unwrap();
        laptop.set("mood_entries", own, "overall_mood", Value::Integer(7)).unwrap();
        laptop.vault.commit::<_, VaultError>("records.enter_in_error", |tx| tx.enter_in_error("mood_entries", mood, "Wrong day")).unwrap();
        let view = shown(&laptop);
        for _ in 0..2 {
            pull(&laptop, PullAnswer { drops: vec![dropped(person(id))], ..nothing(&laptop, next(&laptop)) });
            assert!(laptop.view().is_empty(), "{what}: everything leaves");
            assert_eq!((laptop.vault.waiting().unwrap().count, laptop.count("SELECT count(*) FROM overlay")), (5, 0), "{what}: and waits");
            sound(&laptop);
            back(&laptop, id, rows.clone());
            assert_eq!(shown(&laptop), view, "{what}: and is shown as it was");
            assert_eq!(laptop.count("SELECT count(*) FROM pending WHERE within = 1"), 0, "{what}: nothing is left aside");
            sound(&laptop);
        }
        push(&laptop, |dseq| Verdict::Applied { g: 20 + dseq });
        assert_eq!(shown(&laptop), view, "{what}: nor does it flicker when it was sent");
        sound(&laptop);
    };
    let page = |id, g, rows: Vec<RowImage>, complete| vec![grant(person(id), g, rows, complete)];
    check("in one answer", 10, &|laptop, id, rows| {
        let g = next(laptop);
        pull(laptop, PullAnswer { grants: page(id, g, rows, true), ..nothing(laptop, g) });
    });
    check("in two answers", 11, &|laptop, id, mut rows| {
        let g = next(laptop);
        rows.sort_by_key(|row| row.key);
        let last = rows.pop().unwrap();
        let first = Page::new(None, rows);
        let after = first.as_ref().map(|page| page.to);
        pull(laptop, PullAnswer { grants: vec![Granted { unit: person(id), at_g: g, pages: first.into_iter().collect(), complete: false }], more: true, ..nothing(laptop, g) });
        assert!(laptop.view().is_empty(), "nothing is shown of a part");
        pull(laptop, PullAnswer { grants: vec![Granted { unit: person(id), at_g: g, pages: Page::new(after, vec![last]).into_iter().collect(), complete: true }], ..nothing(laptop, g) });
    });
    check("as news of a unit that came empty", 12, &|laptop, id, rows| {
        let g = next(laptop);
        pull(laptop, PullAnswer { grants: page(id, g, Vec::new(), true), ..nothing(laptop, g) });
        let g = next(laptop);
        let changes = rows.into_iter().enumerate().map(|(at, row)| news(laptop, g + at as u64, row.row_mid, row.key, row.unit, RowNews::Whole(row))).collect();
        pull(laptop, PullAnswer { changes, ..nothing(laptop, g + 1) });
    });
}

#[test]
fn what_waits_is_laid_on_rows_that_come_back_in_another_unit() {
    let (laptop, colleague, id, mood) = with_person(13);
    let other = colleague.register("Kofi Mensah").unwrap();
    pull(&laptop, PullAnswer { grants: vec![grant(person(other), 11, vec![image(&colleague, "users", other)], true)], ..nothing(&laptop, 11) });
    laptop.set("mood_entries", mood, "overall_mood", Value::Integer(9)).unwrap();
    pull(&laptop, PullAnswer { drops: vec![dropped(person(id))], ..nothing(&laptop, 12) });
    assert!(laptop.stored("mood_entries", mood).is_none());
    let moved = RowImage { unit: person(other), ..image(&colleague, "mood_entries", mood) };
    pull(&laptop, PullAnswer { changes: vec![news(&laptop, 13, answers::mid(3), moved.key, moved.unit, RowNews::Whole(moved))], ..nothing(&laptop, 13) });
    assert_eq!(laptop.field("mood_entries", mood, "overall_mood"), Some(Value::Integer(9)));
    sound(&laptop);
}

#[test]
fn what_left_and_was_acknowledged_meanwhile_lies_on_nothing_when_it_comes_back() {
    let (laptop, colleague, id, mood) = with_person(14);
    laptop.set("users", id, "job_title", "Baker").unwrap();
    pull(&laptop, PullAnswer { drops: vec![dropped(person(id))], ..nothing(&laptop, 11) });
    push(&laptop, |_| Verdict::Applied { g: 12 });
    // Somebody else wrote over it before the unit came back.
    colleague.set("users", id, "job_title", "Cook").unwrap();
    let rows = vec![image(&colleague, "users", id), image(&colleague, "mood_entries", mood)];
    let outcome = pull(&laptop, PullAnswer { grants: vec![grant(person(id), 13, rows, true)], ..nothing(&laptop, 13) });
    assert_eq!((outcome.resend, laptop.field("users", id, "job_title")), (false, Some("Cook".into())));
    assert_eq!(laptop.count("SELECT count(*) FROM pending"), 0);
    sound(&laptop);
}

/// A laptop that holds two people, and made the care of the first and gave it to the second; with the rows
/// of either.
fn with_care_given_over(seed: u64) -> (Laptop, [Uuid; 2], [Vec<RowImage>; 2], Uuid) {
    let (laptop, colleague, first, mood) = with_person(seed);
    let second = colleague.register("Kofi Mensah").unwrap();
    let rows = [vec![image(&colleague, "users", first), image(&colleague, "mood_entries", mood)], vec![image(&colleague, "users", second)]];
    pull(&laptop, PullAnswer { grants: vec![grant(person(second), 11, rows[1].clone(), true)], ..nothing(&laptop, 11) });
    let values = [("therapist_id", first.into()), ("patient_id", first.into()), ("relationship_type", Value::text("therapy")), ("status", "active".into()), ("start_date", Value::Date(chrono::NaiveDate::default()))];
    let care = laptop.vault.commit::<_, VaultError>("care.begin", |tx| tx.create("therapeutic_relationships", values)).unwrap().0;
    laptop.set("therapeutic_relationships", care, "patient_id", second).unwrap();
    (laptop, [first, second], rows, care)
}

#[test]
fn a_row_that_only_waiting_changes_make_comes_back_whole_with_the_unit_in_which_they_put_it() {
    let (laptop, [first, second], [firsts, seconds], care) = with_care_given_over(16);
    let view = shown(&laptop);
    pull(&laptop, PullAnswer { drops: vec![dropped(person(second))], ..nothing(&laptop, 12) });
    assert!(laptop.stored("therapeutic_relationships", care).is_none(), "it leaves with the second person");
    // The first one, in whose record it was made, is fetched anew.
    pull(&laptop, PullAnswer { grants: vec![grant(person(first), 13, firsts, true)], ..nothing(&laptop, 13) });
    assert!(laptop.stored("therapeutic_relationships", care).is_none(), "it is not shown as it was before it was given over");
    sound(&laptop);
    pull(&laptop, PullAnswer { grants: vec![grant(person(second), 14, seconds, true)], ..nothing(&laptop, 14) });
    assert_eq!(shown(&laptop), view, "all of it is back");
    assert_eq!(laptop.count("SELECT count(*) FROM pending WHERE within = 1 OR flag IS NOT NULL"), 0, "and nothing is left aside");
    sound(&laptop);
}

#[test]
fn a_row_that_left_by_a_change_that_is_refused_is_shown_where_it_was_before() {
    let (laptop, [first, second], _, care) = with_care_given_over(17);
    pull(&laptop, PullAnswer { drops: vec![dropped(person(second))], ..nothing(&laptop, 12) });
    push(&laptop, |dseq| if dseq == 1 { Verdict::Applied { g: 13 } } else { answers::refused() });
    assert_eq!(laptop.field("therapeutic_relationships", care, "patient_id"), Some(first.into()), "the centre knows it as it was made");
    assert_eq!(laptop.count("SELECT count(*) FROM pending WHERE within = 1"), 0);
    sound(&laptop);
}
