//! A centre that says it took a change and does not give it: noticed with the answer that should have
//! brought it, also where others wrote over the value meanwhile, and told once; and no honest answer is
//! taken for such a one.

use gladstone_protocol::{Stored, Verdict, wire::{PullAnswer, RowNews}};
use gladstone_testkit::Laptop;
use gladstone_vault::replica::{EntryState, Receipt};
use uuid::Uuid;

use crate::answers::{self, field, grant, image, mid, nothing, person, pull, push, sound, with_person};

const AGAIN: &str = "What the centre gave does not hold a change that it had said it took. It is sent again.";
const STILL: &str = "What the centre gives still does not hold a change that it says it took.";

fn told(laptop: &Laptop, line: &str) -> usize {
    laptop.vault.sync_log().unwrap().iter().filter(|told| told.line.starts_with(line)).count()
}

/// A copy of what was taken at `g`.
fn copy(g: u64) -> Verdict {
    Verdict::Duplicate { stored: Stored::Applied { g } }
}

/// What a pull brings: the laptop's own change at a number, and another value by somebody else at one.
fn news(laptop: &Laptop, own: Option<u64>, other: Option<u64>, to_g: u64) -> PullAnswer {
    let id = users(laptop);
    let row = laptop.stored("users", id).unwrap();
    let mutation = row.writer_of(answers::group("users", "job_title"));
    let own = own.map(|g| {
        let mut change = field(laptop, g, mutation, &row, "job_title", "Baker");
        change.writer.device = laptop.vault.state().device;
        change
    });
    let other = other.map(|g| field(laptop, g, mid(u128::from(g)), &row, "job_title", "Cook"));
    let mut changes: Vec<_> = own.into_iter().chain(other).collect();
    changes.sort_by_key(|change| change.g);
    PullAnswer { changes, ..nothing(laptop, to_g) }
}

/// The one person that is here.
fn users(laptop: &Laptop) -> Uuid {
    let users = gladstone_model::catalogue().get("users").unwrap().no;
    laptop.view().keys().find(|key| key.entity == users).unwrap().id
}

#[test]
fn what_the_centre_says_it_took_has_to_come_with_the_answer_that_covers_it() {
    let check = |what: &str, verdict: Verdict, own: Option<u64>, other: Option<u64>, missed: bool| {
        let (laptop, _, id, _) = with_person(1);
        laptop.set("users", id, "job_title", "Baker").unwrap();
        push(&laptop, |_| verdict.clone());
        let outcome = pull(&laptop, news(&laptop, own, other, 12));
        assert_eq!((outcome.resend, told(&laptop, AGAIN)), (missed, usize::from(missed)), "{what}");
        let state = if missed { EntryState::Waiting } else { EntryState::Settled };
        assert_eq!(laptop.vault.entry_state(1).unwrap(), Some(state), "{what}");
        sound(&laptop);
    };
    for (name, verdict) in [("taken", Verdict::Applied { g: 11 }), ("a copy", copy(11)), ("merged", Verdict::Merged { g: 11, journal: Vec::new() })] {
        check(&format!("{name} and there"), verdict.clone(), Some(11), None, false);
        check(&format!("{name}, there, and written over since"), verdict.clone(), Some(11), Some(12), false);
        check(&format!("{name} and not there"), verdict.clone(), None, None, true);
        check(&format!("{name}, not there, and hidden by what another one wrote"), verdict.clone(), None, Some(12), true);
    }
    check("taken at a number that was given out before", Verdict::Applied { g: 10 }, None, Some(12), true);
    check("taken at such a number, and there", Verdict::Applied { g: 3 }, Some(11), Some(12), false);
    check("a copy from before, hidden by what another one wrote", copy(3), None, Some(12), true);
    check("a copy from before, and there", copy(3), Some(11), Some(12), false);
    check("taken far ahead, and there", Verdict::Applied { g: 1 << 40 }, Some(11), Some(12), false);
    check("taken far ahead, and hidden", Verdict::Applied { g: 1 << 40 }, None, Some(12), true);
}

#[test]
fn a_unit_that_comes_anew_tells_no_changes_and_nothing_is_missed_by_that() {
    let (laptop, colleague, id, mood) = with_person(2);
    laptop.set("users", id, "job_title", "Baker").unwrap();
    push(&laptop, |_| Verdict::Applied { g: 11 });
    colleague.set("users", id, "job_title", "Cook").unwrap();
    let rows = vec![image(&colleague, "users", id), image(&colleague, "mood_entries", mood)];
    let outcome = pull(&laptop, PullAnswer { grants: vec![grant(person(id), 12, rows, true)], ..nothing(&laptop, 12) });
    assert_eq!((outcome.resend, told(&laptop, AGAIN), laptop.vault.entry_state(1).unwrap()), (false, 0, Some(EntryState::Settled)));
    sound(&laptop);
}

#[test]
fn that_it_knows_a_change_is_believed_where_the_row_may_hold_it_and_never_where_it_cannot() {
    let check = |what: &str, other: Option<u64>, believed: bool| {
        let (laptop, _, id, _) = with_person(3);
        laptop.set("users", id, "job_title", "Baker").unwrap();
        push(&laptop, |_| copy(3));
        assert!(pull(&laptop, news(&laptop, None, other, 12)).resend, "{what}: it is missed");
        for round in 1..9 {
            let sent = push(&laptop, |_| copy(3)).judged;
            let outcome = pull(&laptop, news(&laptop, None, None, 12 + round));
            assert!(!outcome.resend, "{what}: not at once once more");
            let state = laptop.vault.entry_state(1).unwrap().unwrap();
            let ended = if believed { Some(EntryState::Settled) } else { (round > 6).then_some(EntryState::Quarantined) };
            assert_eq!(Some(state).filter(|state| matches!(state, EntryState::Settled | EntryState::Quarantined)), ended, "{what}: in round {round}, after {sent} were sent");
            laptop.clock.pass(700);
            pull(&laptop, news(&laptop, None, None, 12 + round));
            sound(&laptop);
        }
        assert_eq!((told(&laptop, AGAIN), told(&laptop, STILL)), if believed { (1, 0) } else { (6, 1) }, "{what}");
    };
    check("another one wrote over it", Some(12), true);
    check("the value of before stands", None, false);
}

#[test]
fn a_row_that_never_came_is_put_aside_for_the_person_although_the_centre_says_that_it_has_it() {
    const NOT_GIVEN: &str = "The centre says that it has this, but never gave it here.";
    let (laptop, _, id, _) = with_person(4);
    let mood = laptop.mood(id, 7, 5).unwrap();
    let shown = |laptop: &Laptop| laptop.stored("mood_entries", mood).is_some();
    push(&laptop, |_| copy(3));
    assert!(pull(&laptop, nothing(&laptop, 12)).resend && shown(&laptop), "it is missed, shown, and sent once more");
    push(&laptop, |_| copy(3));
    for to_g in 13..20 {
        let outcome = pull(&laptop, nothing(&laptop, to_g));
        assert_eq!((outcome.resend, push(&laptop, |_| copy(3)).judged), (false, 0), "nothing goes round");
        laptop.clock.pass(700);
        sound(&laptop);
    }
    let queue = laptop.vault.queue(10).unwrap();
    assert!(queue.len() == 1 && queue[0].code.as_deref() == Some("not_given") && queue[0].text.as_ref().unwrap().starts_with(NOT_GIVEN) && queue[0].ops[0].id == mood, "{queue:?}");
    assert!(matches!(laptop.vault.receipt("mood_entries", mood).unwrap(), Receipt::Quarantined { dseq: 1, text } if text.starts_with(NOT_GIVEN)));
    assert_eq!((laptop.vault.waiting().unwrap().quarantined, told(&laptop, AGAIN), told(&laptop, STILL), shown(&laptop)), (1, 1, 1, false));
    // The person sends it once more; the lie goes on, and it comes back to the person.
    laptop.vault.resend(1).unwrap();
    assert!(shown(&laptop));
    let row = image(&laptop, "mood_entries", mood);
    push(&laptop, |_| copy(4));
    assert!(pull(&laptop, nothing(&laptop, 20)).resend);
    push(&laptop, |_| copy(4));
    pull(&laptop, nothing(&laptop, 21));
    assert_eq!(laptop.vault.queue(10).unwrap().iter().map(|item| item.dseq).collect::<Vec<_>>(), [2]);
    sound(&laptop);
    // And is there after all.
    let mut came = answers::news(&laptop, 22, row.row_mid, row.key, person(id), RowNews::Whole(row));
    came.writer.device = laptop.vault.state().device;
    let answer = PullAnswer { changes: vec![came], ..nothing(&laptop, 22) };
    pull(&laptop, answer);
    assert_eq!((laptop.vault.queue(10).unwrap().len(), laptop.vault.entry_state(2).unwrap(), shown(&laptop)), (0, Some(EntryState::Settled), true));
    sound(&laptop);
}

#[test]
fn a_row_that_came_and_left_with_the_same_answer_is_not_missed() {
    let (laptop, _, id, _) = with_person(5);
    let mood = laptop.mood(id, 7, 5).unwrap();
    let row = image(&laptop, "mood_entries", mood);
    push(&laptop, |_| Verdict::Applied { g: 11 });
    let left = answers::news(&laptop, 12, mid(12), row.key, person(id), RowNews::Left);
    let mut came = answers::news(&laptop, 11, row.row_mid, row.key, person(id), RowNews::Whole(row));
    came.writer.device = laptop.vault.state().device;
    let outcome = pull(&laptop, PullAnswer { changes: vec![came, left], ..nothing(&laptop, 12) });
    assert_eq!((outcome.resend, told(&laptop, AGAIN), laptop.vault.entry_state(1).unwrap()), (false, 0, Some(EntryState::Settled)));
    assert!(laptop.stored("mood_entries", mood).is_none());
    sound(&laptop);
}
