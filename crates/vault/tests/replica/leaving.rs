//! Rights that end: what leaves, what stays in the chain, what is told, and how it comes back.

use gladstone_model::{Unit, unit::UnitKind};
use gladstone_protocol::{Verdict, wire::{Basis, Dropped, PullAnswer}};
use gladstone_store::search;

use crate::answers::{self, grant, image, nothing, person, pull, push, sound, with_person};

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
