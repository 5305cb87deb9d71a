//! A column that a later version adds: nothing is filled in, nothing is told, and no sum changes.

mod suite;

use std::collections::{BTreeMap, BTreeSet};

use gladstone_central::{Embedded, Engine, engine::{Batch, LogAsk, UnitSum}};
use gladstone_model::{Unit, catalogue};
use gladstone_protocol::{RowsDigest, wire::RowKey};
use gladstone_testkit::dice;
use suite::{open, prepared, read, realm, samples, write};

/// People with a mood each, and what the engine says about all of it.
fn fill(engine: &dyn Engine, count: u64) {
    let new = realm(1);
    engine.found(&new).unwrap();
    let entities = ["users", "mood_entries"].map(|name| catalogue().get(name).unwrap());
    for (at, numbers) in (1..=count).collect::<Vec<_>>().chunks(2_000).enumerate() {
        let rows: Vec<_> = numbers.iter().flat_map(|number| entities.map(|entity| samples::bare(entity, *number))).collect();
        let digests = numbers.iter().map(|number| {
            let mut digest = RowsDigest::default();
            rows.iter().filter(|state| state.unit == samples::person(*number)).for_each(|state| digest.add(state).unwrap());
            UnitSum { unit: samples::person(*number), digest, rows: 2 }
        });
        let g = at as u64 + 1;
        let digests = if numbers.len() <= 100 { digests.collect() } else { Vec::new() };
        write(engine, new.id, |shelf| shelf.save(Batch { g, rows: rows.iter().map(|state| samples::save(state.clone(), None, g)).collect(), digests: Vec::clone(&digests), ..Batch::default() }).unwrap());
    }
}

/// Commit number, lines of the log, rows and sums.
type Stand = (u64, usize, BTreeMap<RowKey, Vec<gladstone_model::Value>>, Vec<RowsDigest>);

fn stand(engine: &dyn Engine, count: u64) -> Stand {
    let units: BTreeSet<Unit> = (1..=count).map(samples::person).collect();
    let keys: Vec<RowKey> = (1..=count).flat_map(|number| ["users", "mood_entries"].map(|name| samples::key(catalogue().get(name).unwrap(), number))).collect();
    read(engine, realm(1).id, |shelf| {
        let g = shelf.head().unwrap().g;
        let lines = shelf.log(&LogAsk { after_g: 0, to_g: g, units: &units, bytes: usize::MAX >> 1, lines: 1_000_000 }).unwrap().lines.len();
        let rows = keys.chunks(500).flat_map(|keys| shelf.rows(keys).unwrap()).map(|state| (RowKey { entity: state.row.entity.no, id: state.row.id() }, state.row.values)).collect();
        let sums = shelf.digests(&units.iter().copied().take(100).collect::<Vec<_>>()).unwrap().into_iter().map(|sum| sum.digest).collect();
        (g, lines, rows, sums)
    })
}

fn check(engine: impl Fn() -> Box<dyn Engine>, alter: impl FnOnce(&str)) {
    let count = dice::size(1_000, 500_000) as u64;
    let before = {
        let engine = engine();
        fill(engine.as_ref(), count);
        stand(engine.as_ref(), count)
    };
    assert_eq!((before.1, before.2.len() as u64), (0, 2 * count));
    alter("ALTER TABLE mood_entries ADD COLUMN of_a_later_version TEXT");
    let engine = engine();
    let after = stand(engine.as_ref(), count);
    assert_eq!((after.0, after.1), (before.0, 0), "no commit and no line of the log");
    assert!(after.2 == before.2 && after.3 == before.3, "rows and sums are as they were");
    let entity = catalogue().get("mood_entries").unwrap();
    let next = samples::full(entity, 1);
    write(engine.as_ref(), realm(1).id, |shelf| shelf.save(Batch { g: before.0 + 1, rows: vec![samples::save(next.clone(), Some(next.unit), before.0 + 1)], ..Batch::default() }).unwrap());
    let found = read(engine.as_ref(), realm(1).id, |shelf| shelf.rows(&[samples::key(entity, 1)]).unwrap());
    assert!(found == [next], "work goes on beside it");
}

#[test]
fn a_new_column_writes_no_line_of_the_log_in_files() {
    let folder = gladstone_testkit::image::scratch();
    check(|| Box::new(Embedded::open(folder.path()).unwrap()), |sql| {
        let stores: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3"))).collect();
        assert_eq!(stores.len(), 1, "one file for the realm: {stores:?}");
        rusqlite::Connection::open(&stores[0]).unwrap().execute_batch(sql).unwrap();
    });
}

#[test]
fn a_new_column_writes_no_line_of_the_log_on_postgresql() {
    let (cluster, folder) = prepared();
    check(|| Box::new(open(&cluster, folder.path())), |sql| {
        tokio::runtime::Runtime::new().unwrap().block_on(async { cluster.connect().await.unwrap().batch_execute(sql).await.unwrap() });
    });
}
