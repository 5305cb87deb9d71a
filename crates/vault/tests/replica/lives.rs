//! Other lives and other histories: a new life of the database, a copy of a laptop, a centre that
//! was put back. What was acknowledged is never lost, what waits goes along under its own id.

use std::collections::BTreeSet;

use gladstone_model::Value;
use gladstone_protocol::{Entry, Verdict, entry::Body, wire::{Judged, PullAnswer, PushAnswer}};
use gladstone_testkit::{Laptop, laptops};
use gladstone_vault::{VaultError, replica::Joined, surroundings::Surroundings};
use uuid::Uuid;

use crate::answers::{self, ACTOR, REALM, grant, image, joined, nothing, person, pull, push, refused, sound, with_person};

/// The ids of the mutations that wait, and the first numbers and links.
fn waiting(laptop: &Laptop) -> (Vec<Uuid>, Vec<u64>) {
    let entries: Vec<Entry> = laptop.vault.next_push().unwrap().envelopes.iter().map(|envelope| Entry::from_bytes(&envelope.bytes).unwrap()).collect();
    assert!(entries.iter().all(|entry| entry.incarnation == laptop.vault.state().incarnation && entry.device == laptop.vault.state().device), "all belong to this life");
    assert!(entries.iter().all(|entry| (entry.dseq == 1) == (entry.previous == [0; 32])), "the first one links to nothing");
    let ids = entries.iter().filter_map(|entry| if let Body::Mutation(mutation) = &entry.body { Some(mutation.id) } else { None }).collect();
    (ids, entries.iter().map(|entry| entry.dseq).collect())
}

#[test]
fn a_new_life_numbers_from_one_and_takes_along_what_waits() {
    let (laptop, _, id, _) = with_person(1);
    laptop.set("users", id, "job_title", "Baker").unwrap();
    push(&laptop, |_| Verdict::Applied { g: 11 });
    laptop.set("users", id, "department", "Ovens").unwrap();
    let own = laptop.register("Kofi Mensah").unwrap();
    let (before, view) = (waiting(&laptop), laptop.view());
    assert_eq!(before.1, [2, 3]);
    laptop.vault.begin_new_life().unwrap();
    let after = waiting(&laptop);
    assert_eq!((after.0, after.1), (before.0, vec![1, 2, 3]), "the same mutations, behind the note of the new life");
    assert_eq!(laptop.view(), view, "nothing looks different");
    sound(&laptop);
    let laptop = laptop.reopened();
    sound(&laptop);
    laptop.set("users", own, "job_title", "Miller").unwrap();
    assert_eq!(waiting(&laptop).1, [1, 2, 3, 4]);
    push(&laptop, |dseq| Verdict::Applied { g: 11 + dseq });
    assert_eq!(laptop.vault.waiting().unwrap().count, 0);
    assert_eq!(laptop.field("users", own, "job_title"), Some("Miller".into()));
    laptop.vault.begin_new_life().unwrap();
    laptop.vault.begin_new_life().unwrap();
    assert_eq!(waiting(&laptop).1, [1, 2], "the notes of both lives");
    sound(&laptop);
}

#[test]
fn a_vault_with_several_lives_joins_with_one_chain() {
    let laptop = Laptop::new(2, ACTOR);
    let id = laptop.register("Leila Haddad").unwrap();
    laptop.vault.begin_new_life().unwrap();
    laptop.mood(id, 1, 4).unwrap();
    laptop.vault.begin_new_life().unwrap();
    laptop.mood(id, 2, 5).unwrap();
    let (view, mutations) = (laptop.view(), laptop.vault.waiting().unwrap().count);
    laptop.vault.join(&laptops::joined(REALM, ACTOR)).unwrap();
    let (ids, numbers) = waiting(&laptop);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len() as u64, mutations, "each mutation once");
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "without gaps");
    assert_eq!((laptop.vault.waiting().unwrap().count, laptop.view()), (mutations, view));
    sound(&laptop);
}

#[test]
fn who_may_join_what() {
    let laptop = joined(3);
    let again = laptops::joined(REALM, ACTOR);
    laptop.vault.join(&Joined { server: "https://centre.example".into(), ..again.clone() }).unwrap();
    assert_eq!(laptop.vault.replica().unwrap().unwrap().joined.server, "https://centre.example", "another address of the same realm");
    let refused = |joined: &Joined| matches!(laptop.vault.join(joined), Err(VaultError::CannotJoin(_)));
    assert!(refused(&Joined { realm: Uuid::from_u128(9), ..again.clone() }), "another realm");
    assert!(refused(&Joined { realm: Uuid::nil(), ..again.clone() }), "none at all");
    let other = Joined { actor: answers::COLLEAGUE, ..again };
    laptop.vault.join(&other).unwrap();
    assert_eq!(laptop.vault.state().actor, answers::COLLEAGUE, "a vault without entries takes its person from the centre");
    laptop.register("Samir Banerjee").unwrap();
    assert!(refused(&laptops::joined(REALM, ACTOR)), "one with entries does not");
}

#[test]
fn a_copy_of_a_laptop_goes_on_as_a_device_of_its_own() {
    let (laptop, _, id, _) = with_person(4);
    laptop.set("users", id, "job_title", "Baker").unwrap();
    let copy = laptop.cloned(40);
    copy.set("users", id, "department", "Ovens").unwrap();
    let outcome = push(&copy, |_| Verdict::Fork);
    assert!(outcome.is_copy && copy.vault.replica().unwrap().unwrap().is_copy, "it is told and remembered");
    let (ids, _) = waiting(&copy);
    copy.vault.begin_as_new_device().unwrap();
    assert_ne!(copy.vault.state().device, laptop.vault.state().device);
    assert_eq!(waiting(&copy).0, ids, "what waits goes along");
    copy.vault.join(&laptops::joined(REALM, ACTOR)).unwrap();
    assert!(!copy.vault.replica().unwrap().unwrap().is_copy);
    assert_eq!(copy.field("users", id, "department"), Some("Ovens".into()));
    sound(&copy);
    sound(&laptop);
}

#[test]
fn a_copy_of_a_copy_that_has_just_joined_becomes_one_of_its_own_too() {
    let (laptop, _, id, _) = with_person(6);
    let first = laptop.cloned(60);
    first.set("users", id, "job_title", "Baker").unwrap();
    push(&first, |_| Verdict::Fork);
    first.vault.begin_as_new_device().unwrap();
    let device = first.vault.state().device;
    first.vault.begin_as_new_device().unwrap();
    assert_eq!(first.vault.state().device, device, "before it has joined once is enough");
    first.vault.join(&Joined { nonce: [7; 32], ..laptops::joined(REALM, ACTOR) }).unwrap();
    let second = first.cloned(61);
    let (ids, _) = waiting(&second);
    assert!(push(&second, |_| Verdict::Fork).is_copy, "the first one was there before");
    second.vault.begin_as_new_device().unwrap();
    assert_ne!(second.vault.state().device, device);
    assert_eq!(waiting(&second).0, ids, "what waits goes along");
    sound(&second);
}

#[test]
fn a_centre_that_was_put_back_gets_again_what_it_had_acknowledged() {
    let (laptop, colleague, id, mood) = with_person(5);
    laptop.set("users", id, "job_title", "Baker").unwrap();
    laptop.set("mood_entries", mood, "overall_mood", Value::Integer(9)).unwrap();
    push(&laptop, |dseq| if dseq == 2 { refused() } else { Verdict::Applied { g: 11 } });
    let row = laptop.stored("users", id).unwrap();
    let mut change = answers::field(&laptop, 11, row.writer_of(answers::group("users", "job_title")), &row, "job_title", "Baker");
    change.writer.device = laptop.vault.state().device;
    pull(&laptop, PullAnswer { changes: vec![change], ..nothing(&laptop, 11) });
    let later = answers::field(&laptop, 12, answers::mid(4), &row, "job_title", "Miller");
    pull(&laptop, PullAnswer { changes: vec![later], ..nothing(&laptop, 12) });
    let own = laptop.mood(id, 33, 7).unwrap();
    let view = laptop.view();
    let other = Uuid::from_u128(0xe2);
    let outcome = pull(&laptop, PullAnswer { epoch: other, ..nothing(&laptop, 9) });
    assert!(outcome.push_first && outcome.more, "first it is sent again");
    assert_eq!(laptop.view(), view, "nothing looks different until rows come");
    assert_eq!(waiting(&laptop).1, [1, 2, 3], "the acknowledged, the refused, and what waits");
    sound(&laptop);
    let asked = laptop.vault.pull_request().unwrap();
    assert_eq!((asked.epoch, asked.from_g, asked.bootstrap.len()), (other, 0, 1));
    // The centre took the first one before it broke off again.
    push(&laptop, |dseq| if dseq == 1 { Verdict::Applied { g: 10 } } else { Verdict::Later { after_ms: 1 } });
    assert_eq!(laptop.view(), view);
    laptop.set("users", id, "department", "Ovens").unwrap();
    push(&laptop, |dseq| if dseq == 4 { refused() } else { Verdict::Held { missing: Vec::new() } });
    assert_eq!(laptop.view(), view, "a refused change on top of it takes nothing else along");
    let rows = vec![image(&colleague, "users", id), image(&colleague, "mood_entries", mood)];
    pull(&laptop, PullAnswer { grants: vec![grant(person(id), 9, rows.clone(), true)], more: true, ..nothing(&laptop, 9) });
    assert_eq!(laptop.field("users", id, "job_title"), Some("Baker".into()), "the other's later value was lost there, ours comes back");
    assert_eq!(laptop.field("mood_entries", mood, "overall_mood"), Some(Value::Integer(4)), "what was refused has no effect");
    assert!(laptop.stored("mood_entries", own).is_some());
    sound(&laptop);
    let mut change = answers::field(&laptop, 10, row.writer_of(answers::group("users", "job_title")), &row, "job_title", "Baker");
    change.writer.device = laptop.vault.state().device;
    pull(&laptop, PullAnswer { changes: vec![change], verdicts: vec![Judged { dseq: 2, verdict: refused() }, Judged { dseq: 3, verdict: Verdict::Applied { g: 11 } }], more: true, ..nothing(&laptop, 10) });
    assert_eq!(laptop.vault.waiting().unwrap(), gladstone_vault::replica::Waiting { count: 0, oldest: None, quarantined: 2 });
}

#[test]
fn another_history_told_by_a_push_is_taken_up_as_well() {
    let (laptop, _, id, _) = with_person(6);
    laptop.set("users", id, "job_title", "Baker").unwrap();
    push(&laptop, |_| Verdict::Applied { g: 11 });
    laptop.set("users", id, "job_title", "Cook").unwrap();
    let asked = laptop.vault.next_push().unwrap();
    let verdicts = vec![Judged { dseq: 2, verdict: Verdict::Gap { expected: 1 } }];
    let outcome = laptop.vault.take_push(&asked, &PushAnswer { epoch: Uuid::from_u128(0xe2), verdicts, server_time: laptop.clock.now(), next_nonce: [3; 32] }).unwrap();
    assert!(outcome.other_epoch && outcome.more);
    assert_eq!(waiting(&laptop).1, [1, 2], "all of it goes out again");
    assert_eq!(laptop.vault.next_push().unwrap().nonce, [3; 32]);
    assert_eq!(laptop.field("users", id, "job_title"), Some("Cook".into()));
    sound(&laptop);
}

#[test]
fn what_was_acknowledged_long_ago_is_sent_again_only_when_the_centre_asks() {
    let (laptop, _, id, _) = with_person(7);
    laptop.set("users", id, "job_title", "Baker").unwrap();
    push(&laptop, |_| Verdict::Applied { g: 11 });
    laptop.clock.pass(31 * 24 * 3_600);
    laptop.set("users", id, "job_title", "Cook").unwrap();
    push(&laptop, |_| Verdict::Applied { g: 12 });
    pull(&laptop, PullAnswer { epoch: Uuid::from_u128(0xe2), ..nothing(&laptop, 9) });
    assert_eq!(waiting(&laptop).1, [2], "the last 30 days");
    push(&laptop, |_| Verdict::Gap { expected: 1 });
    assert_eq!(waiting(&laptop).1, [1, 2], "and more when it lacks more");
    sound(&laptop);
}

#[test]
fn what_goes_out_again_in_another_life_stays_below_what_was_written_later() {
    let (laptop, ..) = with_person(8);
    let own = laptop.register("Samir Banerjee").unwrap();
    push(&laptop, |_| Verdict::Applied { g: 11 });
    laptop.vault.begin_new_life().unwrap();
    laptop.set("users", own, "job_title", "Baker").unwrap();
    let view = laptop.view();
    pull(&laptop, PullAnswer { epoch: Uuid::from_u128(0xe2), ..nothing(&laptop, 9) });
    assert_eq!(laptop.view(), view, "nothing looks different");
    laptop.set("users", own, "department", "Ovens").unwrap();
    push(&laptop, |dseq| if dseq == 5 { refused() } else { Verdict::Later { after_ms: 1 } });
    assert_eq!((laptop.field("users", own, "job_title"), laptop.field("users", own, "department")), (Some("Baker".into()), Some(Value::Null)), "the registration lies below the change that stays");
    sound(&laptop);
}

#[test]
fn what_is_sent_again_to_a_centre_that_was_put_back_goes_out_in_the_order_of_writing() {
    let check = |what: &str, seed: u64, turn: &dyn Fn(&Laptop)| {
        let (laptop, _, id, _) = with_person(seed);
        let own = laptop.register("Samir Banerjee").unwrap();
        laptop.set("users", id, "job_title", "Baker").unwrap();
        let before = waiting(&laptop).0;
        push(&laptop, |dseq| Verdict::Applied { g: 10 + dseq });
        // Put back from a backup, and written to before the centre was heard of again; then twice.
        for round in 0..2 {
            laptop.vault.begin_new_life().unwrap();
            laptop.set("users", id, "job_title", format!("Miller {round}").as_str()).unwrap();
            laptop.set("users", own, "department", format!("Ovens {round}").as_str()).unwrap();
        }
        let (after, view) = (waiting(&laptop).0, laptop.view());
        assert_eq!(after.len(), 4, "{what}");
        turn(&laptop);
        let (ids, numbers) = waiting(&laptop);
        assert_eq!(ids, [before, after].concat(), "{what}: what was acknowledged comes before what was written on top of it");
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{what}: in one life");
        assert_eq!(laptop.view(), view, "{what}: nothing looks different");
        sound(&laptop);
        let laptop = laptop.reopened();
        push(&laptop, |dseq| Verdict::Applied { g: dseq });
        assert_eq!(laptop.vault.waiting().unwrap().count, 0, "{what}");
        sound(&laptop);
    };
    let other = Uuid::from_u128(0xe2);
    check("told by a pull", 20, &|laptop| {
        assert!(pull(laptop, PullAnswer { epoch: other, ..nothing(laptop, 9) }).push_first);
    });
    check("told by a push", 21, &|laptop| {
        let asked = laptop.vault.next_push().unwrap();
        let judge = |envelope: &gladstone_protocol::wire::Envelope| Judged { dseq: Entry::number_of(&envelope.bytes).unwrap(), verdict: Verdict::Applied { g: 4 } };
        let verdicts = asked.envelopes.iter().map(judge).collect();
        let outcome = laptop.vault.take_push(&asked, &PushAnswer { epoch: other, verdicts, server_time: laptop.clock.now(), next_nonce: [3; 32] }).unwrap();
        assert!(outcome.other_epoch && outcome.more && outcome.judged == 0, "the numbers of that life say nothing any more: {outcome:?}");
    });
}

#[test]
fn a_clock_that_is_years_ahead_makes_nothing_look_old() {
    let (laptop, _, id, _) = with_person(8);
    laptop.set("users", id, "job_title", "Baker").unwrap();
    push(&laptop, |_| Verdict::Applied { g: 11 });
    laptop.clock.pass(7_900 * 365 * 24 * 3_600);
    pull(&laptop, PullAnswer { epoch: Uuid::from_u128(0xe2), ..nothing(&laptop, 9) });
    assert_eq!(waiting(&laptop).1, [1], "it is sent again to a centre that was put back");
    sound(&laptop);
}

#[test]
fn what_was_put_aside_goes_along_into_a_new_life_when_the_centre_may_have_lost_it() {
    let (laptop, _, id, _) = with_person(9);
    laptop.set("users", id, "job_title", "Baker").unwrap();
    let ids = waiting(&laptop).0;
    push(&laptop, |_| refused());
    pull(&laptop, PullAnswer { epoch: Uuid::from_u128(0xe2), ..nothing(&laptop, 9) });
    laptop.vault.begin_new_life().unwrap();
    assert_eq!(waiting(&laptop), (ids, vec![1, 2]), "behind the note of the new life");
    assert_eq!(laptop.vault.waiting().unwrap().quarantined, 1, "and is still shown once");
    push(&laptop, |dseq| if dseq == 2 { refused() } else { Verdict::Applied { g: 10 } });
    assert_eq!((waiting(&laptop).1, laptop.vault.waiting().unwrap().quarantined), (Vec::new(), 1));
    sound(&laptop);
}
