//! Handing over: what fits, every verdict, quarantine and what a person does about it.

use gladstone_model::Value;
use gladstone_protocol::{Entry, OpKind, Stored, Verdict, entry::Body, limits::BATCH_COUNT, wire::{Judged, PullAnswer}};
use gladstone_vault::{VaultError, replica::{EntryState, Receipt}};

use crate::answers::{self, joined, nothing, pull, push, refused, sound, with_person};

#[test]
fn what_waits_is_sent_in_order_and_as_it_lies_in_the_chain() {
    let laptop = joined(1);
    for number in 0..(BATCH_COUNT as u64 + 20) {
        laptop.register(&format!("Person {number}")).unwrap();
    }
    let asked = laptop.vault.next_push().unwrap();
    assert_eq!(asked.envelopes.len(), BATCH_COUNT, "as much as fits");
    let public = laptop.vault.public_key();
    let mut head = [0; 32];
    for (at, envelope) in asked.envelopes.iter().enumerate() {
        let entry = gladstone_protocol::seal::open(&envelope.bytes, &envelope.hash, &envelope.signature.0, &public).unwrap();
        assert_eq!((entry.dseq, entry.previous), (at as u64 + 1, head), "numbers without gaps, each linked to the one before");
        head = envelope.hash;
    }
    let outcome = push(&laptop, |dseq| Verdict::Applied { g: dseq });
    assert!(outcome.more && outcome.judged == BATCH_COUNT as u64);
    assert_eq!(laptop.vault.waiting().unwrap().count, 20);
    let outcome = push(&laptop, |dseq| Verdict::Applied { g: dseq });
    assert!(!outcome.more && outcome.judged == 20);
    assert!(laptop.vault.next_push().unwrap().envelopes.is_empty(), "after that, a mere contact");
}

#[test]
fn each_verdict_leaves_its_state_and_those_that_decide_nothing_leave_it_waiting() {
    let applied = Stored::Applied { g: 1 };
    let check = |verdict: Verdict, state: u64, waiting: u64| {
        let laptop = joined(2);
        let id = laptop.register("Ioana Dumitrescu").unwrap();
        let view = laptop.view();
        push(&laptop, |_| verdict.clone());
        assert_eq!(laptop.count("SELECT state FROM chain"), state, "{verdict:?}");
        assert_eq!(laptop.vault.waiting().unwrap().count, waiting, "{verdict:?}");
        let shown = if state == 4 { 0 } else { view.len() };
        assert_eq!(laptop.view().len(), shown, "{verdict:?}");
        assert_eq!(laptop.stored("users", id).is_some(), state != 4, "{verdict:?}");
        sound(&laptop);
    };
    check(Verdict::Applied { g: 1 }, 2, 0);
    check(Verdict::Merged { g: 1, journal: Vec::new() }, 2, 0);
    check(Verdict::Duplicate { stored: applied }, 2, 0);
    check(Verdict::Duplicate { stored: Stored::Quarantined { code: "forbidden".into(), text: String::new() } }, 4, 0);
    check(Verdict::Held { missing: vec![answers::mid(1)] }, 1, 0);
    check(refused(), 4, 0);
    check(Verdict::Later { after_ms: 5 }, 0, 1);
    check(Verdict::UpgradeRequired, 0, 1);
    check(Verdict::Fork, 0, 1);
    check(Verdict::Gap { expected: 1 }, 0, 1);
}

#[test]
fn what_the_centre_refuses_has_no_effect_here_and_what_builds_on_it_is_flagged() {
    let (laptop, _, id, mood) = with_person(3);
    laptop.set("mood_entries", mood, "overall_mood", Value::Integer(9)).unwrap();
    let own = laptop.register("Amara Okafor").unwrap();
    laptop.set("users", own, "job_title", "Baker").unwrap();
    laptop.set("users", id, "job_title", "Miller").unwrap();
    let (profile, _) = laptop.vault.commit::<_, VaultError>("people.profile", |tx| tx.create("user_profiles", [("user_id", own.into()), ("bio", Value::text("Bakes."))])).unwrap();
    let outcome = push(&laptop, |dseq| if dseq >= 3 { Verdict::Later { after_ms: 100 } } else { refused() });
    assert_eq!(outcome.quarantined, [1, 2]);
    assert!(outcome.changes.entities.contains("users") && outcome.changes.entities.contains("mood_entries"), "the screen is told");
    assert_eq!(laptop.field("mood_entries", mood, "overall_mood"), Some(Value::Integer(4)), "the value of before");
    assert!(laptop.stored("users", own).is_none(), "a record that only the refused change made");
    assert_eq!(laptop.field("users", id, "job_title"), Some("Miller".into()), "others are not touched");
    assert!(laptop.stored("user_profiles", profile).is_some(), "a part of it that waits is not taken along");
    let queue = laptop.vault.queue(10).unwrap();
    let told: Vec<_> = queue.iter().map(|item| (item.dseq, item.state, item.code.as_deref(), item.text.is_some())).collect();
    assert_eq!(told, [(1, EntryState::Quarantined, Some("forbidden"), true), (2, EntryState::Quarantined, Some("forbidden"), true), (3, EntryState::Waiting, None, true), (4, EntryState::Waiting, None, false), (5, EntryState::Waiting, None, false)], "each in its words");
    assert!(queue[2].text.as_deref().unwrap().contains("not here"), "{:?}", queue[2].text);
    assert_eq!(queue[3].ops.iter().map(|op| op.id).collect::<Vec<_>>(), [id]);
    assert!(matches!(laptop.vault.receipt("mood_entries", mood).unwrap(), Receipt::Quarantined { dseq: 1, .. }));
    assert_eq!(laptop.vault.waiting().unwrap().count, 3, "the queue goes on");
    sound(&laptop);
}

#[test]
fn a_refused_change_is_given_up_with_a_reason_or_sent_again_as_a_new_one() {
    let (laptop, _, id, mood) = with_person(4);
    laptop.set("mood_entries", mood, "overall_mood", Value::Integer(9)).unwrap();
    laptop.set("users", id, "job_title", "Baker").unwrap();
    push(&laptop, |_| refused());
    assert!(matches!(laptop.vault.discard(1, " "), Err(VaultError::Entry(_))), "a reason is asked for");
    laptop.vault.discard(1, "Entered for the wrong day.").unwrap();
    assert!(matches!(laptop.vault.discard(1, "Again."), Err(VaultError::Entry(_))), "once");
    assert_eq!(laptop.count("SELECT state FROM chain WHERE dseq = 1"), EntryState::Discarded as u64);
    let news = answers::field(&laptop, 11, answers::mid(1), &laptop.stored("users", id).unwrap(), "job_title", "Miller");
    pull(&laptop, PullAnswer { changes: vec![news], ..nothing(&laptop, 11) });
    let place = laptop.vault.resend(2).unwrap();
    assert_eq!(laptop.field("users", id, "job_title"), Some("Baker".into()), "it stands again");
    let Some(Entry { body: Body::Mutation(mutation), .. }) = laptop.vault.entry(place).unwrap() else { unreachable!("a mutation") };
    let OpKind::Update(patches) = &mutation.ops[0].kind else { unreachable!("an update") };
    assert_eq!(patches[0].base, answers::mid(1), "on top of what its author sees now");
    assert_eq!(laptop.vault.waiting().unwrap(), gladstone_vault::replica::Waiting { count: 1, oldest: Some(mutation.wall), quarantined: 0 });
    assert!(laptop.vault.queue(10).unwrap().iter().all(|item| item.state == EntryState::Waiting));
    sound(&laptop);
}

#[test]
fn a_held_change_stays_in_view_until_a_pull_tells_what_became_of_it() {
    let check = |verdict: Verdict, g: u64, shown: bool| {
        let (laptop, _, id, _) = with_person(5);
        laptop.set("users", id, "job_title", "Baker").unwrap();
        push(&laptop, |_| Verdict::Held { missing: vec![answers::mid(8)] });
        assert_eq!(laptop.field("users", id, "job_title"), Some("Baker".into()), "it waits there and shows here");
        assert_eq!(laptop.vault.queue(5).unwrap()[0].state, EntryState::Held);
        assert!(laptop.vault.next_push().unwrap().envelopes.is_empty(), "it is not sent again");
        let row = laptop.stored("users", id).unwrap();
        let mut change = answers::field(&laptop, g, row.writer_of(answers::group("users", "job_title")), &row, "job_title", "Baker");
        change.writer.device = laptop.vault.state().device;
        let changes = if shown { vec![change] } else { Vec::new() };
        pull(&laptop, PullAnswer { changes, verdicts: vec![Judged { dseq: 1, verdict }], ..nothing(&laptop, g) });
        assert_eq!(laptop.field("users", id, "job_title") == Some("Baker".into()), shown);
        assert_eq!(laptop.count("SELECT count(*) FROM pending"), 0);
        sound(&laptop);
    };
    check(Verdict::Applied { g: 11 }, 11, true);
    check(refused(), 11, false);
}

#[test]
fn an_audit_event_is_handed_over_and_settled_without_a_pull() {
    let laptop = joined(6);
    laptop.vault.record(gladstone_protocol::EventAction::Unlock, 0, uuid::Uuid::nil(), "").unwrap();
    assert_eq!((laptop.vault.waiting().unwrap().count, laptop.vault.next_push().unwrap().envelopes.len()), (0, 1), "it is no change that a person waits for");
    push(&laptop, |_| Verdict::Applied { g: 0 });
    assert_eq!(laptop.count("SELECT state FROM chain"), EntryState::Settled as u64);
    assert!(laptop.vault.queue(5).unwrap().is_empty());
}

#[test]
fn a_gap_makes_the_missing_entries_go_out_again_whatever_became_of_them() {
    let (laptop, _, id, _) = with_person(7);
    for title in ["Baker", "Miller", "Cook"] {
        laptop.set("users", id, "job_title", title).unwrap();
    }
    push(&laptop, |dseq| if dseq == 2 { refused() } else { Verdict::Applied { g: 10 + dseq } });
    laptop.set("users", id, "department", "Ovens").unwrap();
    let outcome = push(&laptop, |_| Verdict::Gap { expected: 2 });
    assert!(outcome.had_gap && outcome.more);
    let numbers: Vec<u64> = laptop.vault.next_push().unwrap().envelopes.iter().map(|envelope| Entry::from_bytes(&envelope.bytes).unwrap().dseq).collect();
    assert_eq!(numbers, [2, 3, 4], "from the missing one on, the refused one too");
    let outcome = push(&laptop, |dseq| if dseq == 2 { refused() } else { Verdict::Applied { g: 10 + dseq } });
    assert!(!outcome.more && outcome.quarantined == [2]);
    assert_eq!(laptop.vault.waiting().unwrap().quarantined, 1);
    sound(&laptop);
}
