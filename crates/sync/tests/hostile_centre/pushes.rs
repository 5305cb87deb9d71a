//! Lies about what was handed over, and faults in place of answers.

use std::cell::Cell;

use gladstone_central::centre::{Caller, Invite};
use gladstone_model::Instant;
use gladstone_protocol::{
    ApiError, Entry, Stored, Verdict,
    enrol::{EnrolRequest, from_hex, to_hex},
    wire::{Judged, PushAnswer, PushRequest},
};
use gladstone_sync::{Phase, remote::Direct, sync_once};
use gladstone_vault::{VaultError, replica::{Joined, Receipt}};
use uuid::Uuid;

use crate::{answers::FAR, liar::{Liar, Lie}, scene::{Row, Scene, check_all}, support::same_person};

/// A changed answer to a push.
fn push(change: impl Fn(&PushRequest, &mut PushAnswer) + 'static) -> Lie {
    Lie::Push(Box::new(change))
}

/// Envelopes that the real centre never sees get this verdict.
fn unsent(verdict: Verdict) -> Lie {
    Lie::Unsent(Box::new(move |asked, answer| answer.verdicts = numbers(asked).into_iter().map(|dseq| Judged { dseq, verdict: verdict.clone() }).collect()))
}

/// All verdicts become this one.
fn all(verdict: Verdict) -> Lie {
    push(move |_, answer| answer.verdicts.iter_mut().for_each(|judged| judged.verdict = verdict.clone()))
}

fn numbers(asked: &PushRequest) -> Vec<u64> {
    asked.envelopes.iter().map(|envelope| Entry::from_bytes(&envelope.bytes).unwrap().dseq).collect()
}

#[test]
fn lies_about_what_was_handed_over_lose_nothing() {
    check_all(false, |_| lies());
}

fn lies() -> Vec<Row> {
    let refused: &'static [Phase] = &[Phase::Disturbed];
    let taken: &'static [Phase] = &[Phase::Idle];
    let either: &'static [Phase] = &[Phase::Idle, Phase::Disturbed];
    vec![
        ("a verdict on a number that was not sent", refused, push(|_, answer| answer.verdicts.iter_mut().for_each(|judged| judged.dseq += 1_000))),
        ("a verdict on number 0", refused, push(|_, answer| answer.verdicts.iter_mut().for_each(|judged| judged.dseq = 0))),
        ("a verdict on the greatest number", refused, push(|_, answer| answer.verdicts.iter_mut().for_each(|judged| judged.dseq = u64::MAX))),
        ("a verdict twice", refused, push(|_, answer| answer.verdicts.extend(answer.verdicts.clone()))),
        ("a verdict on the number before", refused, push(|_, answer| answer.verdicts.iter_mut().for_each(|judged| judged.dseq -= 1))),
        ("verdicts on a mere contact", refused, push(|_, answer| answer.verdicts.push(Judged { dseq: 1, verdict: Verdict::Fork }))),
        ("9,999 verdicts on nothing", refused, push(|_, answer| answer.verdicts = (1..10_000).map(|dseq| Judged { dseq, verdict: Verdict::Applied { g: 1 } }).collect())),
        ("taken, and no word about it", refused, push(|_, answer| answer.verdicts.clear())),
        ("not taken, and no word about it", refused, Lie::Unsent(Box::new(|_, _| {}))),
        ("said to be applied and never stored", taken, unsent(Verdict::Applied { g: 1 })),
        ("said to be applied far ahead and never stored", taken, unsent(Verdict::Applied { g: 1 << 40 })),
        ("said to be merged and never stored", taken, unsent(Verdict::Merged { g: 1, journal: Vec::new() })),
        ("said to be a copy and never stored", taken, unsent(Verdict::Duplicate { stored: Stored::Applied { g: 1 } })),
        ("said to be refused and never stored", taken, unsent(Verdict::Quarantined { code: "forbidden".into(), text: "No.".into() })),
        ("said to be held and never stored", taken, unsent(Verdict::Held { missing: vec![Uuid::from_u128(1)] })),
        ("said to be refused and stored", either, all(Verdict::Quarantined { code: "forbidden".into(), text: "No.".into() })),
        ("said to be held and stored", either, all(Verdict::Held { missing: Vec::new() })),
        ("applied at number 0", taken, all(Verdict::Applied { g: 0 })),
        ("applied far ahead of all numbers", taken, all(Verdict::Applied { g: 1 << 40 })),
        ("applied at the greatest number", taken, all(Verdict::Applied { g: u64::MAX })),
        ("a refusal of 100,000 letters", either, all(Verdict::Quarantined { code: "x".repeat(1_000), text: "no ".repeat(33_000) })),
        ("a false fork", &[Phase::Copy], all(Verdict::Fork)),
        ("a false need of a newer centre", &[Phase::CentreOlder], all(Verdict::UpgradeRequired)),
        ("come again at the end of time", &[Phase::Busy], all(Verdict::Later { after_ms: u64::MAX })),
        ("a gap at the first number", either, all(Verdict::Gap { expected: 1 })),
        ("a gap at number 0", either, all(Verdict::Gap { expected: 0 })),
        ("a gap at the greatest number", either, all(Verdict::Gap { expected: u64::MAX })),
        ("a gap at what was just sent", either, push(|asked, answer| {
            let numbers = numbers(asked);
            answer.verdicts = numbers.first().map(|dseq| Judged { dseq: *dseq, verdict: Verdict::Gap { expected: *dseq } }).into_iter().collect();
        })),
        ("another history", refused, push(|_, answer| answer.epoch = Uuid::from_u128(0xe90c))),
        ("another history with every answer", refused, push(|_, answer| answer.epoch = Uuid::new_v4_like(answer.next_nonce))),
        ("no history", refused, push(|_, answer| answer.epoch = Uuid::nil())),
        ("a clock in the year 9999", taken, push(|_, answer| answer.server_time = FAR)),
        ("a clock at the beginning of time", taken, push(|_, answer| answer.server_time = Instant(i64::MIN))),
        ("a clock at the end of time", taken, push(|_, answer| answer.server_time = Instant(i64::MAX))),
        ("a clock two years ahead", taken, push(|_, answer| answer.server_time = answer.server_time.plus_seconds(2 * 365 * 86_400))),
        ("an answer of another kind", refused, Lie::PushBytes(Box::new(|bytes| bytes[6] = 4))),
        ("an answer of another version", &[Phase::UpgradeRequired], Lie::PushBytes(Box::new(|bytes| bytes[4] = 9))),
        ("an answer with something behind it", refused, Lie::PushBytes(Box::new(|bytes| bytes.push(0)))),
        ("an answer that is only a head", refused, Lie::PushBytes(Box::new(|bytes| bytes.truncate(7)))),
        ("an empty answer", refused, Lie::PushBytes(Box::new(Vec::clear))),
        ("an answer that says it has four thousand million verdicts", refused, Lie::PushBytes(Box::new(|bytes| {
            bytes.truncate(7 + 17);
            bytes.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
        }))),
        ("nobody there", &[Phase::Offline], Lie::Fault(ApiError::Offline)),
        ("something else there", refused, Lie::Fault(ApiError::Damaged)),
        ("no session, however often one is opened", &[Phase::SignedOut], Lie::Fault(ApiError::SignedOut)),
        ("a false end of the right", &[Phase::Revoked], Lie::Fault(ApiError::Revoked)),
        ("a refusal of everything", &[Phase::Refused], Lie::Fault(ApiError::Refused { code: "no".into(), text: "No.".into() })),
        ("too large, whatever it is", &[Phase::Refused, Phase::Disturbed], Lie::Fault(ApiError::TooLarge)),
        ("a newer version is needed", &[Phase::UpgradeRequired], Lie::Fault(ApiError::UpgradeRequired)),
        ("come again in a thousand years", &[Phase::Busy], Lie::Fault(ApiError::Later { after_ms: 31_536_000_000_000 })),
    ]
}

#[test]
fn what_was_said_to_be_taken_and_was_not_is_sent_again_without_another_change() {
    let scene = Scene::new();
    let Scene { site, victim, colleague, person, mood, .. } = &scene;
    // A new record, a change of one that is there, and a mark: none of them reaches the centre.
    let new = scene.write();
    victim.set("users", *person, "job_title", "Baker").unwrap();
    victim.vault.commit::<_, VaultError>("records.enter_in_error", |tx| tx.enter_in_error("mood_entries", *mood, "Wrong day")).unwrap();
    let view = victim.view();
    scene.sync_with(&unsent(Verdict::Applied { g: 1 }));
    assert!(victim.view() == view, "nothing of it is hidden meanwhile");
    assert_eq!(victim.vault.waiting().unwrap().count, 0, "the lie was told once more, and is not asked about again at once");
    victim.clock.pass(700);
    site.sync(victim).unwrap();
    site.sync(colleague).unwrap();
    assert!(colleague.field("mood_entries", new, "overall_mood").is_some(), "the new record is there");
    assert_eq!(colleague.field("users", *person, "job_title"), Some("Baker".into()), "and the change");
    assert!(colleague.field("mood_entries", *mood, "overall_mood").is_none(), "and the mark");
    assert!(victim.base() == victim.view(), "nothing is pending");
    same_person(victim, colleague, *person);
    let told = victim.vault.sync_log().unwrap();
    assert!(told.iter().any(|line| line.line.starts_with("What the centre gave does not hold")), "and it was told: {told:?}");
    victim.vault.verify(&mut |_, _| true).unwrap();
}

#[test]
fn a_centre_that_never_gives_what_it_says_it_took_does_not_make_a_laptop_send_for_ever() {
    let scene = Scene::new();
    let new = scene.write();
    let lie = unsent(Verdict::Applied { g: 1 });
    for _ in 0..10 {
        scene.sync_with(&lie);
        scene.victim.clock.pass(700);
    }
    let log = scene.victim.vault.sync_log().unwrap();
    assert_eq!(log.iter().filter(|line| line.line.ends_with("It is sent again.")).count(), 6, "some times: {log:?}");
    assert_eq!(scene.victim.vault.entries_of(new).unwrap().len(), 1, "it stays in the chain");
    let receipt = scene.victim.vault.receipt("mood_entries", new).unwrap();
    assert!(matches!(&receipt, Receipt::Quarantined { text, .. } if text.starts_with("The centre says that it has this")), "and the person is told: {receipt:?}");
}

#[test]
fn a_centre_that_says_it_has_a_record_and_never_gives_it_leaves_the_decision_to_the_person() {
    let scene = Scene::new();
    let Scene { site, victim, colleague, person, .. } = &scene;
    let new = scene.write();
    let lie = unsent(Verdict::Duplicate { stored: Stored::Applied { g: 1 } });
    for _ in 0..5 {
        scene.sync_with(&lie);
        victim.clock.pass(700);
    }
    let log = victim.vault.sync_log().unwrap();
    assert_eq!(log.iter().filter(|line| line.line.ends_with("It is sent again.")).count(), 1, "once, and not round and round: {log:?}");
    let queue = victim.vault.queue(10).unwrap();
    assert!(queue.len() == 1 && queue[0].ops.iter().any(|op| op.id == new), "{queue:?}");
    // The centre comes to its senses, and the person sends it once more.
    victim.vault.resend(queue[0].dseq).unwrap();
    for laptop in [victim, colleague, victim] {
        site.sync(laptop).unwrap();
    }
    assert!(colleague.field("mood_entries", new, "overall_mood").is_some(), "the record is there");
    same_person(victim, colleague, *person);
    assert_eq!((victim.vault.queue(10).unwrap().len(), victim.base() == victim.view()), (0, true), "nothing waits");
    victim.vault.verify(&mut |_, _| true).unwrap();
}

#[test]
fn a_refusal_that_was_a_lie_is_none_when_the_record_comes() {
    let scene = Scene::new();
    let Scene { site, victim, colleague, .. } = &scene;
    let new = scene.write();
    scene.sync_with(&all(Verdict::Quarantined { code: "forbidden".into(), text: "No.".into() }));
    site.sync(victim).unwrap();
    assert_eq!(victim.vault.queue(10).unwrap(), [], "nothing is said to be refused");
    assert!(victim.field("mood_entries", new, "overall_mood").is_some(), "it is shown");
    assert!(matches!(victim.vault.receipt("mood_entries", new).unwrap(), Receipt::AtCentre { g: Some(_), .. }), "as what the centre has");
    site.sync(colleague).unwrap();
    assert!(victim.base() == victim.view(), "nothing is pending");
}

#[test]
fn a_false_nonce_makes_a_copy_of_the_laptop_and_loses_nothing() {
    let Scene { site, victim, colleague, person, .. } = Scene::new();
    let state = victim.vault.state();
    let line = site.centre.for_device(Caller { realm: site.realm, device: state.device, actor: state.actor, revoked: false });
    let lie = push(|_, answer| answer.next_nonce = [0; 32]);
    sync_once(&victim.vault, &Liar { honest: Direct(&line), lie: &lie, told: Cell::new(0) }, &mut |_| {}).unwrap();
    let mood = victim.mood(person, 100, 5).unwrap();
    assert_eq!(site.sync(&victim).unwrap_err().status.phase, Phase::Copy, "the centre does not know it any more");
    assert_eq!(victim.vault.waiting().unwrap().count, 1, "what was saved waits");
    victim.vault.begin_as_new_device().unwrap();
    let code = site.centre.invite(site.realm, &Invite { name: "Amara".into(), email: None, role: "trainer".into(), user: Some(state.actor), minutes: 10 }).unwrap().code;
    let state = victim.vault.state();
    let request = EnrolRequest { code, device: state.device, incarnation: state.incarnation, public_key: to_hex(&victim.vault.public_key()), label: "Once more".into(), actor: Some(state.actor), name: None };
    let answer = site.centre.enrol(&request).unwrap();
    let joined = Joined { realm: answer.realm, organization: answer.organization, actor: answer.actor, role: answer.role, server: "http://127.0.0.1:8470".into(), certificate: None, epoch: answer.epoch, nonce: from_hex(&answer.nonce).unwrap(), lease_days: answer.lease_days };
    victim.vault.join(&joined).unwrap();
    site.sync(&victim).unwrap();
    site.sync(&colleague).unwrap();
    assert!(colleague.field("mood_entries", mood, "overall_mood").is_some(), "and arrives");
    assert!(victim.base() == victim.view(), "nothing is pending");
    victim.vault.verify(&mut |_, _| true).unwrap();
}

/// An id for each answer.
trait Changing {
    fn new_v4_like(nonce: [u8; 32]) -> Uuid;
}

impl Changing for Uuid {
    fn new_v4_like(nonce: [u8; 32]) -> Uuid {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&nonce[..16]);
        Uuid::from_bytes(bytes)
    }
}
