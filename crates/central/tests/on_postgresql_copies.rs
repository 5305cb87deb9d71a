//! Three copies of the centre over one PostgreSQL, used by six laptops at once, each going from
//! copy to copy; and what a copy remembers of a laptop that others answered meanwhile.

mod support;

use std::{collections::BTreeSet, thread};

use gladstone_model::{Value, unit::UnitKind};
use gladstone_protocol::Verdict;
use support::{Laptop, Place, mood, open, person, postgres};

const COPIES: usize = 3;
const LAPTOPS: usize = 6;
const ROUNDS: usize = 12;

#[test]
fn copies_of_the_centre_agree_whoever_pushes_and_pulls_where() {
    let first = Place::new();
    let mut laptops: Vec<Laptop> = (0..LAPTOPS).map(|number| first.laptop(&format!("Person {number}"), "manager")).collect();
    let mut copies: Vec<Place> = (1..COPIES).map(|_| copy_of(&first)).collect();
    copies.push(first);
    // Somebody whom all of them change, so that there is something to merge.
    let shared = laptops[0].new_id();
    assert!(laptops[0].save(&copies[0], vec![person(shared, "Shared")]).g().is_some(), "registered");
    laptops.iter_mut().for_each(|laptop| _ = laptop.pull(&copies[0]));

    let copies = copies.as_slice();
    let laptops: Vec<Laptop> = thread::scope(|scope| {
        let threads: Vec<_> = laptops.into_iter().enumerate().map(|(number, mut laptop)| scope.spawn(move || {
            for round in 0..ROUNDS {
                let here = &copies[(number + round) % COPIES];
                let own = laptop.new_id();
                laptop.write(vec![person(own, "Own"), mood(laptop.new_id(), own, 1 + round as u32, 5)]);
                let change = laptop.change("users", shared, &[("name", Value::text(&format!("Shared, by {number} in round {round}")))]);
                let verdict = laptop.save(here, change);
                assert!(matches!(verdict, Verdict::Applied { .. } | Verdict::Merged { .. }), "it takes effect: {verdict:?}");
                if round % 3 == number % 3 {
                    laptop.pull(&copies[(number + round + 1) % COPIES]);
                }
            }
            laptop
        })).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });

    let mut laptops = laptops;
    let heads: BTreeSet<u64> = copies.iter().map(|copy| copy.centre.head(copy.realm).unwrap()).collect();
    assert_eq!(heads.len(), 1, "all copies have the same head: {heads:?}");
    for (number, laptop) in laptops.iter_mut().enumerate() {
        laptop.pull(&copies[number % COPIES]);
    }
    let given: Vec<u64> = laptops.iter().flat_map(|laptop| laptop.verdicts.values()).filter_map(Verdict::g).collect();
    assert_eq!(given.len(), given.iter().collect::<BTreeSet<_>>().len(), "no number is given twice");
    let people = |laptop: &Laptop| laptop.base.iter().filter(|(_, state)| state.unit.kind == UnitKind::Person).map(|(key, state)| (*key, state.clone())).collect::<Vec<_>>();
    let expected = people(&laptops[0]);
    assert!(expected.len() > 2 * LAPTOPS * ROUNDS, "{} records of people", expected.len());
    for laptop in &laptops[1..] {
        assert!(people(laptop) == expected, "all laptops hold the same records of people");
    }
    let report = copies[0].centre.verify_audit(copies[0].realm, &mut |_, _| true).unwrap();
    assert_eq!(report.faults, [], "{} chains, {} units", report.chains, report.units);
}

/// Another copy over the store of a place.
fn copy_of(place: &Place) -> Place {
    Place { folder: tempfile::tempdir().unwrap(), around: place.around.clone(), centre: open(place.folder.path(), &place.around), realm: place.realm }
}

#[test]
fn a_copy_that_missed_rounds_brings_its_sum_forward_by_the_log_alone() {
    let first = Place::new();
    let second = copy_of(&first);
    let (mut reader, mut writer) = (first.laptop("Amara", "manager"), first.laptop("Ben", "manager"));
    let people: Vec<_> = (0..8).map(|number| {
        let id = writer.new_id();
        writer.save(&first, vec![person(id, &format!("Person {number}"))]);
        id
    }).collect();
    reader.pull(&first);
    writer.pull(&second);
    // Rounds that the first copy does not hear of: rows made, a row changed, a unit touched twice.
    for round in 0..3 {
        let ops = match round {
            0 => vec![mood(writer.new_id(), people[0], 1, 5), mood(writer.new_id(), people[1], 1, 5)],
            1 => writer.change("users", people[2], &[("name", Value::text("Renamed"))]),
            _ => vec![mood(writer.new_id(), people[2], 2, 7), mood(writer.new_id(), people[0], 2, 7)],
        };
        assert!(writer.save(&second, ops).g().is_some(), "round {round}");
        reader.pull(&second);
        writer.pull(&second);
    }
    let change = writer.change("users", people[3], &[("name", Value::text("Renamed as well"))]);
    writer.save(&second, change);
    // The sums of the units cannot be read any more, so whoever is right did not read them.
    postgres::write(first.folder.path(), "UPDATE centre.unit_sum SET digest = decode(repeat('00', 32), 'hex')");
    let request = reader.pull_request();
    let fresh = copy_of(&first);
    let wrong = fresh.centre.pull(&fresh.caller(&reader), &request).unwrap();
    let right = first.centre.pull(&first.caller(&reader), &request).unwrap();
    assert!(!right.more && right.sum.is_some() && wrong.sum.is_some(), "both are told a sum");
    assert_ne!(wrong.sum, right.sum, "who remembers nothing reads what lies there");
    // Compares the sum with the rows that it holds.
    reader.take_pull(&right);
    assert!(right.changes.len() == 1 && right.grants.is_empty() && reader.complete.len() > 8, "{} units", reader.complete.len());
}
