//! Every verdict, and the chain that stands before all of them: copies, forks, gaps, lives, nonces.

mod support;

use gladstone_model::Value;
use gladstone_protocol::{ApiError, Mutation, Stored, Verdict, clock, entry::Body};
use gladstone_central::Centre;
use support::{Laptop, Place, code, create, mood, person};
use uuid::Uuid;

fn body(laptop: &Laptop, place: &Place) -> Mutation {
    Mutation { id: laptop.new_id(), realm: place.realm, actor: laptop.actor, hlc: 0, wall: gladstone_model::Instant(0), zone_minutes: 0, server_offset: 0, schema_version: 1, command: "test.write".into(), reason: None, ops: Vec::new() }
}

#[test]
fn commit_numbers_have_no_gaps_and_events_have_none_of_their_own() {
    let place = Place::new();
    let mut laptop = place.laptop("Amara", "therapist");
    let start = place.centre.head(place.realm).unwrap();
    for at in 1..=3 {
        let verdict = laptop.save(&place, vec![person(laptop.new_id(), "Ben")]);
        assert_eq!(verdict, Verdict::Applied { g: start + at }, "each mutation gets the next number");
    }
    laptop.note_event();
    laptop.push(&place);
    assert_eq!(laptop.verdicts[&4], Verdict::Applied { g: start + 3 }, "an event is told the realm's number");
    assert_eq!(place.centre.head(place.realm).unwrap(), start + 3, "and does not raise it");
}

#[test]
fn a_copy_gets_the_verdict_of_then_and_has_no_effect() {
    let place = Place::new();
    let mut laptop = place.laptop("Amara", "therapist");
    let first = laptop.save(&place, vec![person(laptop.new_id(), "Ben")]);
    let head = place.centre.head(place.realm).unwrap();
    let answer = place.centre.push(&place.caller(&laptop), &laptop.push_request(laptop.chain.clone())).unwrap();
    assert_eq!(answer.verdicts[0].verdict, Verdict::Duplicate { stored: first.stored().unwrap() }, "the stored verdict");
    assert_eq!(place.centre.head(place.realm).unwrap(), head, "nothing happened again");
}

#[test]
fn copies_of_one_envelope_in_one_group_take_effect_once() {
    let place = Place::new();
    let mut laptop = place.laptop("Amara", "therapist");
    laptop.write(vec![person(laptop.new_id(), "Ben")]);
    let (caller, request) = (place.caller(&laptop), laptop.push_request(laptop.chain.clone()));
    let head = place.centre.head(place.realm).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                // Of many at once, those that come after the nonce was used twice are told apart as a copy.
                let _ = place.centre.push(&caller, &request);
            });
        }
    });
    assert_eq!(place.centre.head(place.realm).unwrap(), head + 1, "one effect");
}

#[test]
fn another_envelope_under_a_number_is_a_fork_and_a_missing_one_a_gap() {
    let place = Place::new();
    let mut laptop = place.laptop("Amara", "therapist");
    laptop.save(&place, vec![person(laptop.new_id(), "Ben")]);
    let known = laptop.chain.clone();
    laptop.write(vec![person(laptop.new_id(), "Cleo")]);
    laptop.write(vec![person(laptop.new_id(), "Dora")]);
    let last = vec![laptop.chain[2].clone()];
    let answer = place.centre.push(&place.caller(&laptop), &laptop.push_request(last)).unwrap();
    assert_eq!(answer.verdicts[0].verdict, Verdict::Gap { expected: 2 }, "number 2 is missing");
    laptop.take_push(&answer);
    (laptop.dseq, laptop.head) = (0, [0; 32]);
    laptop.chain.clear();
    laptop.write(vec![person(laptop.new_id(), "Somebody else")]);
    let answer = place.centre.push(&place.caller(&laptop), &laptop.push_request(laptop.chain.clone())).unwrap();
    assert_eq!(answer.verdicts[0].verdict, Verdict::Fork, "another envelope has number 1");
    laptop.take_push(&answer);
    (laptop.dseq, laptop.head, laptop.chain) = (1, [7; 32], known);
    laptop.write(vec![person(laptop.new_id(), "Elif")]);
    let answer = place.centre.push(&place.caller(&laptop), &laptop.push_request(vec![laptop.chain[1].clone()])).unwrap();
    assert_eq!(answer.verdicts[0].verdict, Verdict::Fork, "it does not follow what is known");
}

#[test]
fn what_does_not_carry_the_laptops_signature_is_not_taken() {
    let place = Place::new();
    let mut laptop = place.laptop("Amara", "therapist");
    laptop.write(vec![person(laptop.new_id(), "Ben")]);
    laptop.write(vec![person(laptop.new_id(), "Cleo")]);
    let check = |what: &str, change: &dyn Fn(&mut gladstone_protocol::wire::Envelope)| {
        let mut envelopes = laptop.chain.clone();
        change(&mut envelopes[0]);
        let answer = place.centre.push(&place.caller(&laptop), &laptop.push_request(envelopes));
        assert!(matches!(&answer, Err(ApiError::Refused { code, .. }) if code == "not_signed"), "{what}: {answer:?}");
    };
    let head = place.centre.head(place.realm).unwrap();
    check("another signature", &|envelope| envelope.signature.0[0] ^= 1);
    check("another hash", &|envelope| envelope.hash[0] ^= 1);
    check("other bytes", &|envelope| envelope.bytes[40] ^= 1);
    check("no bytes", &|envelope| envelope.bytes.clear());
    assert_eq!(place.centre.head(place.realm).unwrap(), head, "nothing was taken");
    let mut envelopes = laptop.chain.clone();
    envelopes[1].signature.0[5] ^= 4;
    let answer = place.centre.push(&place.caller(&laptop), &laptop.push_request(envelopes)).unwrap();
    assert_eq!(answer.verdicts.len(), 1, "what stands before the broken one is judged");
}

#[test]
fn a_newer_envelope_or_schema_is_not_taken_and_not_lost() {
    let place = Place::new();
    let mut laptop = place.laptop("Amara", "therapist");
    let mut newer = body(&laptop, &place);
    newer.schema_version = gladstone_model::catalogue::SCHEMA_VERSION + 1;
    newer.ops = vec![person(laptop.new_id(), "Ben")];
    laptop.seal(Body::Mutation(newer));
    laptop.push(&place);
    assert_eq!(laptop.verdicts[&1], Verdict::UpgradeRequired, "a newer schema");
    laptop.verdicts.clear();
    laptop.push(&place);
    assert_eq!(laptop.verdicts[&1], Verdict::UpgradeRequired, "and again: it was not counted as received");
    let mut envelope = laptop.chain[0].clone();
    envelope.bytes[0] = 9;
    let answer = place.centre.push(&place.caller(&laptop), &laptop.push_request(vec![envelope])).unwrap();
    assert_eq!(answer.verdicts[0].verdict, Verdict::UpgradeRequired, "a newer envelope");
}

#[test]
fn mutations_of_others_and_of_other_organizations_are_kept_without_effect() {
    let place = Place::new();
    let mut laptop = place.laptop("Amara", "therapist");
    let mut check = |what: &str, expected: &str, change: &dyn Fn(&mut Mutation)| {
        let mut mutation = body(&laptop, &place);
        mutation.ops = vec![person(laptop.new_id(), "Ben")];
        change(&mut mutation);
        laptop.seal(Body::Mutation(mutation));
        laptop.push(&place);
        assert_eq!(code(&laptop.verdicts[&laptop.dseq]), expected, "{what}");
    };
    check("another person", "actor", &|mutation| mutation.actor = Uuid::from_u128(9));
    check("another organization", "realm", &|mutation| mutation.realm = Uuid::from_u128(9));
    check("written alone", "", &|mutation| mutation.realm = Uuid::nil());
    check("of an unknown kind", "unknown_entity", &|mutation| mutation.ops[0].entity = 999);
}

#[test]
fn a_mutation_that_comes_again_in_a_new_life_is_a_copy() {
    let place = Place::new();
    let mut laptop = place.laptop("Amara", "therapist");
    let (id, ops) = (laptop.new_id(), vec![person(laptop.new_id(), "Ben")]);
    laptop.write_as(id, ops.clone());
    laptop.push(&place);
    let stored = laptop.verdicts[&1].stored().unwrap();
    laptop.begin_anew();
    laptop.write_as(id, ops.clone());
    laptop.push(&place);
    assert_eq!(laptop.verdicts[&1], Verdict::Duplicate { stored }, "sealed anew, but the same mutation");
    laptop.write_as(id, vec![person(laptop.new_id(), "Cleo")]);
    laptop.push(&place);
    assert_eq!(code(&laptop.verdicts[&2]), "mutation_id", "other content under a known number is kept apart");
    let mut other = place.laptop("Dora", "therapist");
    other.write_as(id, ops);
    other.push(&place);
    assert_eq!(code(&other.verdicts[&1]), "mutation_id", "nobody learns a verdict of somebody else by guessing");
    assert!(place.centre.verify_audit(place.realm, &mut |_, _| true).unwrap().faults.is_empty(), "all lives are whole chains");
}

#[test]
fn an_old_nonce_betrays_a_copy_of_the_laptop() {
    let place = Place::new();
    let mut laptop = place.laptop("Amara", "therapist");
    let contact = |nonce: [u8; 32], laptop: &Laptop| {
        let request = gladstone_protocol::wire::PushRequest { nonce, ..laptop.push_request(laptop.chain.clone()) };
        place.centre.push(&place.caller(laptop), &request).unwrap()
    };
    laptop.write(vec![person(laptop.new_id(), "Ben")]);
    let first = laptop.nonce;
    let second = contact(first, &laptop).next_nonce;
    assert_eq!(contact(first, &laptop).next_nonce, second, "the answer was lost: the one before stays good");
    let third = contact(second, &laptop).next_nonce;
    assert_ne!(third, second, "the next one");
    let copy = contact(first, &laptop);
    assert_eq!(copy.verdicts[0].verdict, Verdict::Fork, "the one before is over once the next was used");
    assert_ne!(copy.next_nonce, third, "a copy is not told the nonce");
    assert_eq!(contact([0; 32], &laptop).verdicts[0].verdict, Verdict::Fork, "nor is none a nonce");
}

#[test]
fn a_laptop_that_was_put_back_begins_a_new_life_and_ends_the_old_one() {
    let place = Place::new();
    let mut laptop = place.laptop("Amara", "therapist");
    let old_nonce = laptop.nonce;
    for name in ["Ben", "Cleo", "Dora"] {
        laptop.save(&place, vec![person(laptop.new_id(), name)]);
    }
    let old = (laptop.incarnation, laptop.chain.clone(), laptop.nonce);
    laptop.nonce = old_nonce;
    laptop.begin_anew();
    let verdict = laptop.save(&place, vec![person(laptop.new_id(), "Elif")]);
    assert!(matches!(verdict, Verdict::Applied { .. }), "a new life is taken in, whatever nonce it has: {verdict:?}");
    let (incarnation, envelopes, nonce) = old;
    let request = gladstone_protocol::wire::PushRequest { incarnation, nonce, ..laptop.push_request(envelopes) };
    let answer = place.centre.push(&place.caller(&laptop), &request).unwrap();
    assert!(answer.verdicts.iter().all(|judged| judged.verdict == Verdict::Fork), "the old life is over: {:?}", answer.verdicts);
}

#[test]
fn a_clock_in_the_year_9999_is_cut_back_and_effects_stay_after_their_causes() {
    let place = Place::new();
    let mut laptop = place.laptop("Amara", "therapist");
    laptop.ahead = 251_500_000_000_000;
    let id = laptop.new_id();
    laptop.save(&place, vec![person(id, "Ben")]);
    laptop.pull(&place);
    let now = place.centre.pull(&place.caller(&laptop), &laptop.pull_request()).unwrap().server_time;
    let row = &laptop.row("users", id).unwrap().row;
    assert!(row.get("updated_at").as_instant().unwrap() <= now.plus_seconds(61), "no time of that year stays on the row");
    laptop.ahead = 0;
    let ops = laptop.change("users", id, &[("job_title", "Baker".into())]);
    laptop.save(&place, ops);
    let from_g = laptop.from_g;
    let answers = laptop.pull(&place);
    let writer = answers[0].changes.iter().find(|change| change.g > from_g).unwrap().writer;
    assert!(clock::may_follow(writer.hlc, now.plus_seconds(1)), "what is passed on may be followed");
}

#[test]
fn what_waits_is_held_and_follows_when_the_missing_comes() {
    let place = Place::new();
    let (mut first, mut second) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "admin"));
    let (id, entry) = (first.new_id(), first.new_id());
    let verdict = second.save(&place, vec![mood(entry, id, 20, 4)]);
    assert_eq!(verdict, Verdict::Held { missing: vec![id] }, "the person is not known yet");
    let nested = second.save(&place, vec![gladstone_protocol::Op { kind: gladstone_protocol::OpKind::EnterInError { base: Uuid::nil(), reason: "Wrong day".into() }, ..mood(entry, id, 20, 4) }]);
    assert_eq!(nested, Verdict::Held { missing: vec![entry] }, "and what needs that waits for it");
    second.pull(&place);
    let start = place.centre.head(place.realm).unwrap();
    first.save(&place, vec![person(id, "Cleo")]);
    assert_eq!(place.centre.head(place.realm).unwrap(), start + 3, "both follow at once");
    second.pull(&place);
    assert_eq!(second.verdicts[&1], Verdict::Applied { g: start + 2 }, "the laptop is told with its next pull");
    assert_eq!(second.verdicts[&2], Verdict::Applied { g: start + 3 }, "of all of them");
    assert!(second.row("mood_entries", entry).unwrap().error.is_some(), "and holds the rows");
    let answer = place.centre.push(&place.caller(&second), &second.push_request(second.chain.clone())).unwrap();
    assert_eq!(answer.verdicts[0].verdict, Verdict::Duplicate { stored: Stored::Applied { g: start + 2 } }, "a copy gets the verdict of now");
    assert_eq!(place.centre.realms().unwrap()[0].held, 0, "nothing waits any more");
}

#[test]
fn values_that_break_their_declaration_are_kept_without_effect() {
    let place = Place::new();
    let mut laptop = place.laptop("Amara", "therapist");
    let id = laptop.new_id();
    laptop.save(&place, vec![person(id, "Ben")]);
    let mut check = |what: &str, expected: &str, values: &[(&str, Value)]| {
        let fresh = laptop.new_id();
        let verdict = laptop.save(&place, vec![create("users", fresh, &[&[("name", "Cleo".into()), ("role", "patient".into())], values].concat())]);
        assert_eq!(code(&verdict), expected, "{what}: {verdict:?}");
    };
    check("nothing wrong", "", &[]);
    check("a mail address that is none", "invalid", &[("email", "nobody".into())]);
    check("a value of another type", "invalid", &[("job_title", Value::Integer(3))]);
    check("no name", "invalid", &[("name", Value::Null)]);
    check("a choice that does not exist", "invalid", &[("account_status", "on holiday".into())]);
    check("too long", "invalid", &[("phone_number", "1".repeat(30).into())]);
    let entry = laptop.new_id();
    let verdict = laptop.save(&place, vec![create("notifications", entry, &[("user_id", laptop.actor.into()), ("type", "x".into()), ("title", "y".into()), ("data", Value::Json("{".into()))])]);
    assert_eq!(code(&verdict), "invalid", "structured data that is none: {verdict:?}");
}

#[test]
fn sessions_are_opened_by_signature_and_end() {
    use gladstone_protocol::enrol::{SESSION_LABEL, SessionRequest, to_hex};
    let place = Place::new();
    let laptop = place.laptop("Amara", "therapist");
    let open = |centre: &Centre, device: Uuid, challenge: [u8; 32], signer: &Laptop| {
        let signature = to_hex(&signer.sign(&[SESSION_LABEL, challenge.as_slice()].concat()));
        centre.open_session(&SessionRequest { device, challenge: to_hex(&challenge), signature })
    };
    let challenge = place.centre.challenge(laptop.device).unwrap();
    let session = open(&place.centre, laptop.device, challenge, &laptop).unwrap();
    let caller = place.centre.authenticate(&session.token).unwrap();
    assert_eq!((caller.realm, caller.device, caller.actor, caller.revoked), (place.realm, laptop.device, laptop.actor, false), "the laptop is known by its token");
    assert_eq!(open(&place.centre, laptop.device, challenge, &laptop), Err(ApiError::SignedOut), "a challenge is good once");
    let stranger = Laptop::unknown(&place.around);
    let challenge = place.centre.challenge(laptop.device).unwrap();
    assert_eq!(open(&place.centre, laptop.device, challenge, &stranger), Err(ApiError::SignedOut), "another key");
    let challenge = place.centre.challenge(stranger.device).unwrap();
    assert_eq!(open(&place.centre, stranger.device, challenge, &stranger), Err(ApiError::SignedOut), "a laptop that is not known gets a challenge that is good for nothing");
    let challenge = place.centre.challenge(laptop.device).unwrap();
    place.around.pass(61);
    assert_eq!(open(&place.centre, laptop.device, challenge, &laptop), Err(ApiError::SignedOut), "a challenge is good for a minute");
    assert_eq!(place.centre.authenticate("ff"), Err(ApiError::SignedOut), "a token that is none");
    place.around.pass(600);
    assert_eq!(place.centre.authenticate(&session.token), Err(ApiError::SignedOut), "a session ends");
}

/// A push of somebody who was seen before is read before it is looked whether the session is still good.
#[test]
fn what_is_read_by_a_session_of_before_is_taken_in_by_one_that_is_good() {
    use gladstone_protocol::enrol::{SESSION_LABEL, SessionRequest, to_hex};
    let place = Place::new();
    let (mut amara, ben) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"));
    let signed_in = |laptop: &Laptop| {
        let challenge = place.centre.challenge(laptop.device).unwrap();
        let signature = to_hex(&laptop.sign(&[SESSION_LABEL, challenge.as_slice()].concat()));
        place.centre.open_session(&SessionRequest { device: laptop.device, challenge: to_hex(&challenge), signature }).unwrap().token
    };
    let (token, of_ben) = (signed_in(&amara), signed_in(&ben));
    assert_eq!(place.centre.recognise(&token), None, "nobody looked at it yet");
    let known = |token: &str| {
        let caller = place.centre.authenticate(token).unwrap();
        let (recognised, session) = place.centre.recognise(token).unwrap();
        assert_eq!(recognised, caller, "who it was then");
        session
    };
    let (session, foreign) = (known(&token), known(&of_ben));
    let push = |amara: &Laptop, session: [u8; 32]| {
        let caller = place.caller(amara);
        let arrived = place.centre.read(&caller, &amara.push_request(amara.chain.clone()), Some(session)).unwrap();
        place.centre.take_in(&caller, arrived)
    };
    amara.write(vec![person(amara.new_id(), "Cleo")]);
    let before = place.centre.head(place.realm).unwrap();
    for (session, why) in [(foreign, "the session of somebody else"), ([9; 32], "one that never was")] {
        assert_eq!(push(&amara, session), Err(ApiError::SignedOut), "{why}");
    }
    assert_eq!(place.centre.head(place.realm).unwrap(), before, "and nothing is taken");
    let answer = push(&amara, session).unwrap();
    amara.take_push(&answer);
    assert_eq!(place.centre.head(place.realm).unwrap(), before + 1, "its own, while it is good");
    amara.write(vec![person(amara.new_id(), "Dora")]);
    place.around.pass(600);
    assert_eq!(push(&amara, session), Err(ApiError::SignedOut), "its own, when it is over");
    assert_eq!(place.centre.recognise(&token), None, "which is looked at the next time");
    let token = signed_in(&amara);
    let session = known(&token);
    place.centre.set_lease_days(place.realm, 3).unwrap();
    assert_eq!(push(&amara, session), Err(ApiError::SignedOut), "one that was ended meanwhile");
    assert_eq!(place.centre.head(place.realm).unwrap(), before + 1, "and nothing is taken");
    let token = signed_in(&amara);
    assert!(push(&amara, known(&token)).is_ok(), "it comes once there is a new one");
}
