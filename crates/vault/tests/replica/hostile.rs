//! Answers that contradict themselves, the question, or what is held: nothing of them is used.

use std::sync::Arc;

use gladstone_model::{Instant, Unit, Value, unit::UnitKind};
use gladstone_protocol::{Verdict, wire::{Basis, Dropped, Granted, Judged, Page, PullAnswer, PushAnswer, RowNews}};
use gladstone_testkit::Laptop;
use gladstone_vault::{VaultError, surroundings::Surroundings};
use uuid::Uuid;

use crate::answers::{self, grant, image, mid, nothing, person, pull, sound, with_person};

/// What is wrong with an answer.
type Wrong = Arc<dyn Fn(&Laptop, &Laptop, Uuid, Uuid, &mut PullAnswer)>;

#[test]
fn an_answer_that_does_not_hold_together_changes_nothing() {
    let other = Unit { kind: UnitKind::Thread, id: Uuid::from_u128(3) };
    let wrongs: Vec<(&str, Wrong)> = vec![
        ("goes back", Arc::new(|_, _, _, _, answer| answer.to_g = 9)),
        ("another history without telling which", Arc::new(|_, _, _, _, answer| answer.basis = Basis::OtherEpoch)),
        ("a change behind the checkpoint", Arc::new(|laptop, _, id, _, answer| answer.changes = vec![answers::field(laptop, 10, mid(1), &laptop.stored("users", id).unwrap(), "job_title", "X")])),
        ("a change from the future", Arc::new(|laptop, _, id, _, answer| answer.changes = vec![answers::field(laptop, 13, mid(1), &laptop.stored("users", id).unwrap(), "job_title", "X")])),
        (
            "changes out of order",
            Arc::new(|laptop, _, id, _, answer| {
                let row = laptop.stored("users", id).unwrap();
                answer.changes = vec![answers::field(laptop, 12, mid(1), &row, "job_title", "X"), answers::field(laptop, 11, mid(2), &row, "job_title", "Y")];
            }),
        ),
        (
            "a unit that is not held",
            Arc::new(move |laptop, _, id, _, answer| {
                let mut change = answers::field(laptop, 11, mid(1), &laptop.stored("users", id).unwrap(), "job_title", "X");
                change.rows[0].unit = other;
                answer.changes = vec![change];
            }),
        ),
        (
            "a row of another unit in a change",
            Arc::new(move |laptop, _, id, _, answer| {
                let mut image = image(laptop, "users", id);
                let key = image.key;
                image.unit = other;
                answer.changes = vec![answers::news(laptop, 11, mid(1), key, person(id), RowNews::Whole(image))];
            }),
        ),
        (
            "a row under another key",
            Arc::new(|laptop, _, id, mood, answer| {
                let image = image(laptop, "users", id);
                answer.changes = vec![answers::news(laptop, 11, mid(1), answers::key("mood_entries", mood), person(id), RowNews::Whole(image))];
            }),
        ),
        (
            "a row with another id in it",
            Arc::new(|laptop, _, id, _, answer| {
                let mut image = image(laptop, "users", id);
                image.values[0].1 = Value::Uuid(mid(7));
                answer.changes = vec![answers::news(laptop, 11, mid(1), image.key, person(id), RowNews::Whole(image))];
            }),
        ),
        (
            "a field twice",
            Arc::new(|laptop, _, id, _, answer| {
                let mut image = image(laptop, "users", id);
                image.values.insert(1, image.values[0].clone());
                answer.changes = vec![answers::news(laptop, 11, mid(1), image.key, person(id), RowNews::Whole(image))];
            }),
        ),
        ("a page of another unit", Arc::new(move |_, colleague, id, _, answer| answer.grants = vec![grant(other, 12, vec![image(colleague, "users", id)], true)])),
        (
            "a changed page",
            Arc::new(|_, colleague, id, mood, answer| {
                let mut given = grant(person(id), 12, vec![image(colleague, "mood_entries", mood)], true);
                given.pages[0].rows[0].values[0].1 = Value::text("X");
                answer.grants = vec![given];
            }),
        ),
        (
            "a page that begins in the middle",
            Arc::new(|_, colleague, id, mood, answer| {
                let page = Page::new(Some(answers::key("users", id)), vec![image(colleague, "mood_entries", mood)]).unwrap();
                answer.grants = vec![Granted { unit: person(id), at_g: 12, pages: vec![page], complete: true }];
            }),
        ),
        ("a page from the future", Arc::new(|_, colleague, id, mood, answer| answer.grants = vec![grant(person(id), 13, vec![image(colleague, "mood_entries", mood)], true)])),
        ("a unit twice", Arc::new(|_, _, id, _, answer| answer.grants = vec![grant(person(id), 12, Vec::new(), true), grant(person(id), 12, Vec::new(), true)])),
        ("a unit taken twice", Arc::new(|_, _, id, _, answer| answer.drops = vec![Dropped { unit: person(id), reason: String::new() }; 2])),
        ("a verdict on nothing", Arc::new(|_, _, _, _, answer| answer.verdicts = vec![Judged { dseq: 2, verdict: Verdict::Applied { g: 11 } }])),
        ("a verdict on number 0", Arc::new(|_, _, _, _, answer| answer.verdicts = vec![Judged { dseq: 0, verdict: Verdict::Applied { g: 11 } }])),
    ];
    let (laptop, colleague, id, mood) = with_person(1);
    laptop.set("users", id, "job_title", "Baker").unwrap();
    let (view, state, asked) = (laptop.view(), laptop.vault.state(), laptop.vault.pull_request().unwrap());
    for (what, wrong) in wrongs {
        let mut answer = nothing(&laptop, 12);
        // Something good comes with it, so that it shows when a part is used.
        answer.changes = vec![answers::field(&laptop, 11, mid(9), &laptop.stored("mood_entries", mood).unwrap(), "overall_mood", Value::Integer(10))];
        wrong(&laptop, &colleague, id, mood, &mut answer);
        let refused = laptop.vault.take_pull(&asked, answer);
        assert!(matches!(refused, Err(VaultError::Answer(_))), "{what}: {refused:?}");
        assert_eq!((laptop.view(), laptop.vault.state()), (view.clone(), state.clone()), "{what}: nothing of it was used");
    }
    sound(&laptop);
}

#[test]
fn an_answer_to_an_earlier_question_is_not_used() {
    let (laptop, ..) = with_person(2);
    let asked = laptop.vault.pull_request().unwrap();
    pull(&laptop, nothing(&laptop, 11));
    assert!(matches!(laptop.vault.take_pull(&asked, nothing(&laptop, 12)), Err(VaultError::Answer(_))), "the checkpoint moved on");
    let (asked, push) = (laptop.vault.pull_request().unwrap(), laptop.vault.next_push().unwrap());
    laptop.vault.begin_new_life().unwrap();
    assert!(matches!(laptop.vault.take_pull(&asked, nothing(&laptop, 12)), Err(VaultError::Answer(_))), "a new life began");
    let answer = PushAnswer { epoch: asked.epoch, verdicts: Vec::new(), server_time: laptop.clock.now(), next_nonce: [5; 32] };
    assert!(matches!(laptop.vault.take_push(&push, &answer), Err(VaultError::Answer(_))));
}

#[test]
fn a_push_is_judged_in_the_order_in_which_it_was_sent_or_not_at_all() {
    let (laptop, _, id, _) = with_person(3);
    laptop.set("users", id, "job_title", "Baker").unwrap();
    laptop.set("users", id, "job_title", "Cook").unwrap();
    let asked = laptop.vault.next_push().unwrap();
    let check = |numbers: &[u64]| {
        let verdicts = numbers.iter().map(|dseq| Judged { dseq: *dseq, verdict: Verdict::Applied { g: 11 } }).collect();
        let answer = PushAnswer { epoch: asked.epoch, verdicts, server_time: laptop.clock.now(), next_nonce: [5; 32] };
        assert!(matches!(laptop.vault.take_push(&asked, &answer), Err(VaultError::Answer(_))), "{numbers:?}");
    };
    for numbers in [[2, 1].as_slice(), &[1, 1], &[3], &[1, 2, 3], &[0]] {
        check(numbers);
    }
    assert_eq!(laptop.vault.waiting().unwrap().count, 2);
}

#[test]
fn a_clock_that_cannot_be_believed_moves_nothing() {
    let (laptop, _, id, mood) = with_person(4);
    let hlc = laptop.vault.state().hlc;
    let mut change = answers::field(&laptop, 11, mid(1), &laptop.stored("mood_entries", mood).unwrap(), "overall_mood", Value::Integer(3));
    change.writer.hlc = u64::MAX;
    let poisoned = Instant(253_370_764_800_000_000);
    pull(&laptop, PullAnswer { changes: vec![change.clone()], server_time: poisoned, ..nothing(&laptop, 11) });
    assert!(laptop.vault.state().hlc >= hlc && laptop.vault.state().hlc < hlc + (1 << 40), "a centre in the year 9999 is not followed");
    assert!(laptop.vault.state().server_offset.abs() < 60_000_000);
    change.g = 12;
    pull(&laptop, PullAnswer { changes: vec![change], ..nothing(&laptop, 12) });
    assert!(laptop.vault.state().hlc < hlc + (1 << 40), "nor a stamp that lies far ahead of the centre's own clock");
    laptop.set("users", id, "job_title", "Baker").unwrap();
    sound(&laptop);
}
