//! Who is told that something was committed: those whom it concerns, and nobody else.

mod support;

use gladstone_central::Centre;
use gladstone_model::{Instant, Value};
use gladstone_protocol::{Op, wire::PullAnswer};
use support::{Laptop, Place, create, mood, open, person};
use uuid::Uuid;

fn relation(id: Uuid, therapist: Uuid, patient: Uuid) -> Op {
    create("therapeutic_relationships", id, &[("therapist_id", therapist.into()), ("patient_id", patient.into()), ("relationship_type", "individual".into()), ("start_date", Value::Date(chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()))])
}

#[test]
fn a_commit_concerns_those_who_hold_what_it_touches_or_gain_or_lose_a_right() {
    let place = Place::new();
    let (mut amara, mut ben, mut chief) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"), place.laptop("Chief", "admin"));
    let (id, bond) = (amara.new_id(), amara.new_id());
    let thread = amara.new_id();
    // Another copy of the service answers; it has committed none of this.
    let other = Place { folder: gladstone_testkit::image::scratch(), around: place.around.clone(), centre: open(place.folder.path(), &place.around), realm: place.realm };
    let mut check = |what: &str, ops: &dyn Fn(&Laptop) -> Vec<Op>, expected: [bool; 3]| {
        [&mut amara, &mut ben, &mut chief].into_iter().for_each(|laptop| _ = laptop.pull(&place));
        let ops = ops(&amara);
        let verdict = amara.save(&place, ops);
        assert!(verdict.g().is_some(), "{what}: {verdict:?}");
        let told = |laptop: &Laptop| place.centre.has_news(&place.caller(laptop), laptop.from_g).unwrap();
        for centre in [&place.centre, &other.centre] {
            let told = [&amara, &ben, &chief].map(|laptop| centre.has_news(&place.caller(laptop), laptop.from_g).unwrap());
            assert_eq!(told, expected, "{what}");
        }
        // Who committed it answers from memory, the other copy from the log.
        for laptop in [&amara, &ben, &chief] {
            let answer = |centre: &Centre| PullAnswer { server_time: Instant(0), ..centre.pull(&place.caller(laptop), &laptop.pull_request()).unwrap() };
            let [here, there] = [&place.centre, &other.centre].map(answer);
            assert!(!here.changes.is_empty() || !here.grants.is_empty() || !here.drops.is_empty() || !told(laptop), "{what}: there is something to compare");
            assert_eq!(here, there, "{what}: both tell the same");
        }
    };
    check("somebody is registered", &|_| vec![person(id, "Cleo")], [true, false, true]);
    check("a record that Ben does not have", &|laptop| vec![mood(laptop.new_id(), id, 1, 5)], [true, false, true]);
    check("Ben is entrusted with it", &|laptop| vec![relation(bond, laptop.base.values().find(|state| state.row.text("name") == "Ben").unwrap().row.id(), id)], [true, true, true]);
    check("a record that he has now", &|laptop| vec![mood(laptop.new_id(), id, 2, 5)], [true, true, true]);
    check("what all of the organization see", &|laptop| vec![create("learning_resources", laptop.new_id(), &[("title", "Sleep".into()), ("resource_type", "article".into())])], [true, true, true]);
    check("that ends", &|laptop| laptop.change("therapeutic_relationships", bond, &[("status", "ended".into())]), [true, true, true]);
    check("and is none of his business any more", &|laptop| vec![mood(laptop.new_id(), id, 3, 5)], [true, false, true]);
    check("a message to Ben", &|laptop| vec![create("messages", laptop.new_id(), &[("thread_id", thread.into()), ("sender_id", laptop.actor.into()), ("recipient_id", laptop.base.values().find(|state| state.row.text("name") == "Ben").unwrap().row.id().into()), ("content", "Hello".into())])], [true, true, false]);
    ben.pull(&place);
    assert!(!place.centre.has_news(&place.caller(&ben), ben.from_g).unwrap(), "who is up to date is told nothing");
}

#[test]
fn who_waits_for_a_verdict_is_told_when_it_is_there() {
    let place = Place::new();
    let (mut amara, mut ben) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"));
    let id = amara.new_id();
    // Ben may not write there: it waits until the person is known, and is refused then.
    ben.save(&place, vec![mood(ben.new_id(), id, 1, 5)]);
    ben.pull(&place);
    amara.save(&place, vec![person(id, "Cleo")]);
    assert!(place.centre.has_news(&place.caller(&ben), ben.from_g).unwrap(), "a refusal is news to its author alone");
    ben.pull(&place);
    assert_eq!(support::code(&ben.verdicts[&1]), "forbidden");
}

#[test]
fn what_cannot_be_told_apart_may_be_anything() {
    let place = Place::new();
    let (mut amara, mut ben) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"));
    ben.pull(&place);
    let id = amara.new_id();
    amara.save(&place, vec![person(id, "Cleo")]);
    assert!(!place.centre.has_news(&place.caller(&ben), ben.from_g).unwrap(), "the log tells that it is not for Ben");
    place.centre.trim_log(place.realm, place.centre.head(place.realm).unwrap()).unwrap();
    assert!(place.centre.has_news(&place.caller(&ben), ben.from_g).unwrap(), "without it he asks");
}
