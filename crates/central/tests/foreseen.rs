//! A push that is looked ahead for while the one in front of it is taken in does what it would have done.

mod support;

use std::sync::mpsc;

use gladstone_model::Value;
use gladstone_protocol::{Op, OpKind, RowState, Stored, Verdict};
use support::{Laptop, Place, create, mood, person, update};
use uuid::Uuid;

/// Laptops of two therapists and of somebody who sees everything; a person who is known to the first.
struct Scene {
    place: Place,
    amara: Laptop,
    ben: Laptop,
    chief: Laptop,
    known: Uuid,
}

/// What came of it: the verdicts on the second push, without what differs each time, and the rows as all see them.
#[derive(Debug, PartialEq)]
struct Outcome {
    verdicts: Vec<String>,
    rows: Vec<(Uuid, Vec<Value>)>,
}

fn relation(id: Uuid, therapist: Uuid, patient: Uuid) -> Op {
    create("therapeutic_relationships", id, &[("therapist_id", therapist.into()), ("patient_id", patient.into()), ("relationship_type", "individual".into()), ("start_date", Value::Date(chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()))])
}

fn scene() -> Scene {
    let place = Place::new();
    let (mut amara, mut ben, mut chief) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"), place.laptop("Chief", "admin"));
    let known = amara.new_id();
    amara.save(&place, vec![person(known, "Cleo")]);
    ben.write(vec![person(ben.new_id(), "Rosa")]);
    ben.push(&place);
    for laptop in [&mut amara, &mut ben, &mut chief] {
        laptop.pull(&place);
    }
    // The last transaction before is one of these, of which something is remembered.
    amara.save(&place, vec![mood(amara.new_id(), known, 1, 5)]);
    Scene { place, amara, ben, chief, known }
}

/// When it is looked ahead for the second push.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Looked {
    Never,
    /// While the first one is in the middle of its transaction.
    Beside,
    /// Behind the first one.
    Behind,
}

/// How the second push is taken in.
#[derive(Clone, Copy, Debug)]
struct Way {
    looked: Looked,
    /// Whether another copy of the service commits before it: an administrator gives Ben a right.
    overtaken: bool,
}

/// Takes in what Amara sealed last, and then what `by` did.
fn two(scene: &mut Scene, by: impl Fn(&mut Scene) -> &mut Laptop, sent: (usize, usize), Way { looked, overtaken }: Way) -> Outcome {
    let request = |laptop: &Laptop, from: usize| laptop.push_request(laptop.chain[from..].to_vec());
    let mut first = request(&scene.amara, sent.0);
    let second = request(by(scene), sent.1);
    if first.device == second.device {
        first.envelopes.truncate(sent.1 - sent.0);
    }
    let place = &scene.place;
    let (one, two) = (place.centre.caller(place.realm, first.device).unwrap(), place.centre.caller(place.realm, second.device).unwrap());
    let (first, second) = (place.centre.read(&one, &first, None).unwrap(), place.centre.read(&two, &second, None).unwrap());
    std::thread::scope(|scope| {
        let (inside, is_inside) = mpsc::channel();
        let (go, may_go) = mpsc::channel();
        *place.around.pause.lock().unwrap() = Some((inside, may_go));
        let taken = scope.spawn(|| place.centre.take_in(&one, first).unwrap());
        is_inside.recv().unwrap();
        if looked == Looked::Beside {
            place.centre.look_ahead(&two, &second);
        }
        go.send(()).unwrap();
        assert!(taken.join().unwrap().verdicts.iter().all(|judged| matches!(judged.verdict, Verdict::Applied { .. })), "the first one stands");
    });
    if looked == Looked::Behind {
        place.centre.look_ahead(&two, &second);
    }
    if overtaken {
        let chief = &mut scene.chief;
        let sent = chief.chain.len();
        chief.write(vec![relation(chief.new_id(), scene.ben.actor, scene.known)]);
        let other = support::open(place.folder.path(), &place.around);
        let answer = other.push(&place.caller(chief), &request(chief, sent)).unwrap();
        chief.take_push(&answer);
    }
    let verdicts = place.centre.take_in(&two, second).unwrap().verdicts;
    let text = |verdict: &Verdict| match verdict {
        Verdict::Applied { .. } => "applied".to_owned(),
        Verdict::Merged { journal, .. } => format!("merged, {} told", journal.len()),
        Verdict::Duplicate { stored: Stored::Applied { .. } } => "known".to_owned(),
        Verdict::Held { missing } => format!("waits for {missing:?}"),
        Verdict::Quarantined { code, .. } => code.clone(),
        other => format!("{other:?}"),
    };
    let verdicts = verdicts.iter().map(|judged| text(&judged.verdict)).collect();
    assert_eq!(place.centre.verify_audit(place.realm, &mut |_, _| true).unwrap().faults, []);
    scene.chief.pull(&scene.place);
    for told in scene.chief.compare(&scene.place, None).digests {
        assert_eq!(scene.chief.digest(told.unit), told.digest, "what is told adds up: {}", told.unit);
    }
    let rows: Vec<&RowState> = ["users", "mood_entries", "therapeutic_relationships"].iter().flat_map(|entity| scene.chief.rows(entity)).collect();
    let value = |state: &RowState, field: &str| state.row.entity.position(field).map(|at| state.row.values[at].clone());
    let mut rows: Vec<(Uuid, Vec<Value>)> = rows.iter().map(|state| (state.row.id(), ["name", "mood", "therapist_id"].iter().filter_map(|field| value(state, field)).collect())).collect();
    rows.sort_by_key(|(id, _)| *id);
    Outcome { verdicts, rows }
}

fn check(what: &str, expected: [&[&str]; 2], f: impl Fn(&mut Scene, Way) -> Outcome) {
    for (overtaken, expected) in [false, true].into_iter().zip(expected) {
        let never = f(&mut scene(), Way { looked: Looked::Never, overtaken });
        assert_eq!(never.verdicts, expected, "{what}, overtaken: {overtaken}");
        for looked in [Looked::Beside, Looked::Behind] {
            let way = Way { looked, overtaken };
            assert_eq!(f(&mut scene(), way), never, "{what}: {way:?}");
        }
    }
}

#[test]
fn what_was_foreseen_and_changed_since_is_looked_at_again() {
    check("rows that come to be by the first", [&["applied", "applied"]; 2], |scene, way| {
        let Scene { amara, .. } = scene;
        let (id, from) = (amara.new_id(), amara.chain.len());
        amara.write(vec![person(id, "Dora")]);
        let between = amara.chain.len();
        amara.write(vec![mood(amara.new_id(), id, 2, 5)]);
        amara.write(vec![mood(amara.new_id(), id, 3, 6)]);
        two(scene, |scene| &mut scene.amara, (from, between), way)
    });
    check("a row that the first changed", [&["applied"]; 2], |scene, way| {
        let Scene { amara, known, .. } = scene;
        let (known, from) = (*known, amara.chain.len());
        let state = amara.row("users", known).unwrap().clone();
        let first = amara.write(vec![update(&state, &[("name", "Cleo One".into())])]);
        let between = amara.chain.len();
        let mut next = update(&state, &[("name", "Cleo Two".into())]);
        if let OpKind::Update(patches) = &mut next.kind {
            patches.iter_mut().for_each(|patch| patch.base = first);
        }
        amara.write(vec![next]);
        two(scene, |scene| &mut scene.amara, (from, between), way)
    });
    check("a mutation that the first brought", [&["known"]; 2], |scene, way| {
        let Scene { amara, known, .. } = scene;
        let (known, from, id) = (*known, amara.chain.len(), amara.new_id());
        let ops = vec![mood(amara.new_id(), known, 4, 7)];
        amara.write_as(id, ops.clone());
        let between = amara.chain.len();
        amara.write_as(id, ops);
        two(scene, |scene| &mut scene.amara, (from, between), way)
    });
    check("a right that the first gave", [&["applied"]; 2], |scene, way| {
        let Scene { amara, ben, known, .. } = scene;
        let (known, from, sent) = (*known, amara.chain.len(), ben.chain.len());
        amara.write(vec![relation(amara.new_id(), ben.actor, known)]);
        ben.write(vec![mood(ben.new_id(), known, 5, 3)]);
        two(scene, |scene| &mut scene.ben, (from, sent), way)
    });
    check("a right that it did not give", [&["forbidden"], &["applied"]], |scene, way| {
        let Scene { amara, ben, known, .. } = scene;
        let (known, from, sent) = (*known, amara.chain.len(), ben.chain.len());
        amara.write(vec![mood(amara.new_id(), known, 6, 3)]);
        ben.write(vec![mood(ben.new_id(), known, 5, 3)]);
        two(scene, |scene| &mut scene.ben, (from, sent), way)
    });
}
