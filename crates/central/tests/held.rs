//! What waits for something: in which order it follows, under which numbers its author hears of it,
//! and what never waits because nobody could bring it.

mod support;

use gladstone_protocol::{Op, OpKind, Stored, Verdict};
use support::{Laptop, Place, code, create, mood, person};
use uuid::Uuid;

fn in_error(entry: Uuid, person: Uuid, day: u32) -> Op {
    Op { kind: OpKind::EnterInError { base: Uuid::nil(), reason: "Wrong day".into() }, ..mood(entry, person, day, 5) }
}

#[test]
fn what_waits_follows_in_the_order_in_which_it_came() {
    let place = Place::new();
    let (mut author, mut late, mut early) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "admin"), place.laptop("Cleo", "admin"));
    // In an order that is not that of the ids of laptops: whose id is smaller comes second.
    if late.device < early.device {
        std::mem::swap(&mut late, &mut early);
    }
    let (id, first) = (author.new_id(), author.new_id());
    let mut sent: Vec<(Uuid, Vec<Op>)> = Vec::new();
    let mut save = |laptop: &mut Laptop, ops: Vec<Op>| {
        let mutation = laptop.new_id();
        laptop.write_as(mutation, ops.clone());
        laptop.push(&place);
        sent.push((mutation, ops));
        assert!(matches!(laptop.verdicts[&laptop.dseq], Verdict::Held { .. }), "it waits");
    };
    save(&mut late, vec![mood(first, id, 1, 5)]);
    let ops = vec![mood(early.new_id(), id, 2, 5)];
    save(&mut early, ops);
    // This one needs what the first one makes, and still has to wait for its turn.
    save(&mut late, vec![in_error(first, id, 1)]);
    let ops = vec![mood(late.new_id(), id, 3, 5)];
    save(&mut late, ops);
    let ops = vec![mood(early.new_id(), id, 4, 5)];
    save(&mut early, ops);
    // A new life has another id, which may be smaller: its number 1 came last all the same.
    late.begin_anew();
    let ops = vec![mood(late.new_id(), id, 5, 5)];
    save(&mut late, ops);
    assert_eq!(place.centre.realms().unwrap()[0].held, 6, "all of them");
    let head = place.centre.head(place.realm).unwrap();
    author.save(&place, vec![person(id, "Dora")]);
    assert_eq!(place.centre.head(place.realm).unwrap(), head + 7, "all of them follow at once");
    for (at, (mutation, ops)) in sent.into_iter().enumerate() {
        // Who asks again is told what was decided.
        let laptop = if at == 1 || at == 4 { &mut early } else { &mut late };
        laptop.write_as(mutation, ops);
        laptop.push(&place);
        assert_eq!(laptop.verdicts[&laptop.dseq].g(), Some(head + 2 + at as u64), "number {at} of those that waited");
    }
    assert_eq!(place.centre.realms().unwrap()[0].held, 0, "nothing waits any more");
    assert!(place.centre.verify_audit(place.realm, &mut |_, _| true).unwrap().faults.is_empty());
}

#[test]
fn who_sends_again_what_waits_hears_of_it_under_the_new_number() {
    let place = Place::new();
    let (mut author, mut waiting) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "admin"));
    let (taken, refused) = (author.new_id(), author.new_id());
    let (good, bad, broken) = (waiting.new_id(), waiting.new_id(), vec![mood(waiting.new_id(), refused, 2, 500)]);
    let ops = vec![mood(waiting.new_id(), taken, 1, 5)];
    waiting.write_as(good, ops.clone());
    waiting.write_as(bad, broken.clone());
    waiting.push(&place);
    assert!(waiting.verdicts.values().all(|verdict| matches!(verdict, Verdict::Held { .. })), "{:?}", waiting.verdicts);
    waiting.begin_anew();
    waiting.write(vec![person(waiting.new_id(), "Somebody")]);
    waiting.write_as(good, ops.clone());
    waiting.write_as(bad, broken.clone());
    waiting.push(&place);
    assert_eq!(waiting.verdicts[&2], Verdict::Duplicate { stored: Stored::Held { missing: vec![taken] } }, "known, and still waiting");
    // Another laptop of the same person: a copy that went on as a computer of its own.
    let mut copy = place.laptop_of("Ben", "admin", Some(waiting.actor), None);
    copy.write_as(good, ops);
    copy.push(&place);
    waiting.pull(&place);
    copy.pull(&place);
    author.save(&place, vec![person(taken, "Cleo")]);
    author.save(&place, vec![person(refused, "Dora")]);
    for laptop in [&mut waiting, &mut copy] {
        laptop.pull(&place);
    }
    let g = waiting.verdicts[&2].g();
    assert!(g.is_some(), "it took effect: {:?}", waiting.verdicts[&2]);
    assert_eq!(copy.verdicts[&1].g(), g, "once, for both");
    assert_eq!(code(&waiting.verdicts[&3]), "invalid", "and a refusal is told as well");
    assert_eq!(place.centre.realms().unwrap()[0].held, 0, "nothing waits any more");
    assert!(place.centre.verify_audit(place.realm, &mut |_, _| true).unwrap().faults.is_empty());
}

#[test]
fn an_organization_that_the_centre_does_not_know_is_told_at_once() {
    let place = Place::new();
    let mut amara = place.laptop("Amara", "admin");
    let other = place.centre.found("Hill Clinic").unwrap();
    let with = |organization: Uuid, laptop: &Laptop| vec![create("users", laptop.new_id(), &[("name", "Ben".into()), ("role", "patient".into()), ("account_status", "active".into()), ("primary_organization_id", organization.into())])];
    for (what, organization, expected) in [("of another realm", other, "organization"), ("of nobody", Uuid::from_u128(77), "organization"), ("one's own", place.realm, "")] {
        let ops = with(organization, &amara);
        let verdict = amara.save(&place, ops);
        assert_eq!(code(&verdict), expected, "an organization {what}: {verdict:?}");
    }
    // One that a vault had while it worked alone comes along, and may be named from then on.
    let own = amara.new_id();
    let verdict = amara.save(&place, vec![create("organizations", own, &[("name", "Amara's own".into()), ("slug", "own".into())])]);
    assert!(verdict.g().is_some(), "{verdict:?}");
    let ops = with(own, &amara);
    assert!(amara.save(&place, ops).g().is_some(), "it is known now");
    assert_eq!(place.centre.realms().unwrap()[0].held, 0, "nothing waits");
}
