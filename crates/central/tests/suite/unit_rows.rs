//! Rows of a unit, as a first download reads them: a part of the contract of every engine.

use gladstone_central::{Engine, engine::{Batch, UnitRows}};
use gladstone_model::Unit;
use gladstone_protocol::{RowState, wire::RowKey};

use super::{contract::{entity_of, founded, keyed}, read, realm, samples, write};

pub fn rows_of_a_unit_come_in_the_order_of_keys(engine: &dyn Engine) {
    // A few of each entity; of two of them so many that pages end within, or that they are read in several portions.
    check_pages(engine, 1, 60, &[(10_000, usize::MAX), (7, usize::MAX), (16, usize::MAX), (50, 1), (50, 2_000)]);
    check_pages(engine, 2, 1_100, &[(10_000, usize::MAX), (1_000, usize::MAX), (700, usize::MAX), (1_200, 100_000)]);
}

fn check_pages(engine: &dyn Engine, number: u64, count: u64, pages: &[(usize, usize)]) {
    let new = realm(number);
    engine.found(&new).unwrap();
    let realm = new.id;
    let many = ["users", "mood_entries"].map(entity_of).into_iter().flat_map(|entity| (6..=count).map(|number| samples::bare(entity, number)));
    let states: Vec<RowState> = (1..=5).flat_map(|number| samples::everything(samples::bare, number)).chain(many).map(|state| RowState { unit: samples::person(1), ..state }).collect();
    write(engine, realm, |shelf| shelf.save(Batch { g: 1, rows: states.iter().map(|state| samples::save(state.clone(), None, 1)).collect(), ..Batch::default() }).unwrap());
    let expected: Vec<RowState> = keyed(states.clone()).into_values().collect();
    let walk = |limit: usize, bytes: usize| {
        let (mut found, mut after): (Vec<RowState>, Option<RowKey>) = (Vec::new(), None);
        loop {
            let page = read(engine, realm, |shelf| shelf.unit_rows(samples::person(1), after, limit, bytes).unwrap());
            assert!(page.rows.len() <= limit, "at most {limit}");
            let Some(last) = page.rows.last() else { return found };
            after = Some(RowKey { entity: last.row.entity.no, id: last.row.id() });
            found.extend(page.rows);
            assert!(!page.ends || found.len() == expected.len(), "what ends has come whole: {limit} rows and {bytes} bytes");
        }
    };
    for (limit, bytes) in pages {
        assert!(walk(*limit, *bytes) == expected, "{count} rows of two entities in pages of {limit} rows and {bytes} bytes");
    }
    let moved = RowState { unit: samples::person(2), ..states[3].clone() };
    write(engine, realm, |shelf| shelf.save(Batch { g: 2, rows: vec![samples::save(moved.clone(), Some(samples::person(1)), 2)], ..Batch::default() }).unwrap());
    read(engine, realm, |shelf| {
        assert!(shelf.unit_rows(samples::person(2), None, 10, usize::MAX).unwrap() == UnitRows { rows: vec![moved.clone()], ends: true }, "where it went");
        assert_eq!(shelf.unit_rows(samples::person(1), None, 10_000, usize::MAX).unwrap().rows.len(), states.len() - 1, "where it was");
    });
}

/// Units of which each has other rows than the one that was read before it, in one transaction; and what is said to be
/// read next is, or is not, or later.
pub fn rows_of_a_unit_do_not_depend_on_the_unit_before(engine: &dyn Engine) {
    let realm = founded(engine);
    let shapes: [(u64, &[(&str, u64)]); 6] = [(11, &[("users", 3), ("mood_entries", 40)]), (12, &[("mood_entries", 55)]), (13, &[("mood_entries", 900), ("users", 700)]), (14, &[("users", 1)]), (15, &[]), (16, &[("users", 701), ("mood_entries", 1)])];
    let (mut number, mut expected) = (1_000, Vec::new());
    for (unit, shape) in shapes {
        let mut states = Vec::new();
        for (entity, count) in shape {
            states.extend((0..*count).map(|_| {
                number += 1;
                RowState { unit: samples::person(unit), ..samples::bare(entity_of(entity), number) }
            }));
        }
        write(engine, realm, |shelf| shelf.save(Batch { g: unit, rows: states.iter().map(|state| samples::save(state.clone(), None, unit)).collect(), ..Batch::default() }).unwrap());
        expected.push((samples::person(unit), keyed(states).into_values().collect::<Vec<RowState>>()));
    }
    let order: Vec<usize> = (0..expected.len()).chain((0..expected.len()).rev()).collect();
    // By how many places what is said to come next is off; none: nothing is said.
    for (next, (limit, bytes)) in [None, Some(0), Some(1), Some(2), Some(3)].into_iter().flat_map(|next| [(10_000, usize::MAX), (60, usize::MAX), (10_000, 3_000)].map(|room| (next, room))) {
        read(engine, realm, |shelf| {
            for (place, at) in order.iter().enumerate() {
                let (unit, rows) = &expected[*at];
                let soon: Vec<Unit> = next.map(|next| [place, place + next]).into_iter().flatten().filter_map(|place| Some(expected[*order.get(place)?].0)).collect();
                shelf.soon(&soon, bytes);
                let (mut found, mut after): (Vec<RowState>, Option<RowKey>) = (Vec::new(), None);
                loop {
                    let page = shelf.unit_rows(*unit, after, limit, bytes).unwrap();
                    after = page.rows.last().map(|last| RowKey { entity: last.row.entity.no, id: last.row.id() }).or(after);
                    found.extend(page.rows);
                    // Something else is asked while what comes next is on its way.
                    assert_eq!(shelf.digests(&[*unit]).unwrap().len(), 0, "{unit}: no sum was kept");
                    if page.ends {
                        break;
                    }
                }
                assert!(found == *rows, "{unit}: {} of {} rows, at most {limit} rows and {bytes} bytes at a time, {next:?}", found.len(), rows.len());
            }
            // What is not read any more is in nobody's way.
            shelf.soon(&[samples::person(13), samples::person(16)], bytes);
        });
    }
    // Where something is written it is a hint that is not taken.
    write(engine, realm, |shelf| {
        shelf.soon(&[samples::person(13)], usize::MAX);
        shelf.save(Batch { g: 17, rows: vec![samples::save(samples::bare(entity_of("users"), 9), None, 17)], ..Batch::default() }).unwrap();
        assert!(shelf.unit_rows(samples::person(13), None, 10_000, usize::MAX).unwrap().rows == expected[2].1, "it is read all the same");
    });
    assert_eq!(read(engine, realm, |shelf| shelf.rows(&[RowKey { entity: entity_of("users").no, id: samples::bare(entity_of("users"), 9).row.id() }]).unwrap().len()), 1, "what was written is there");
}
