//! How far one long push or pull is on a slow line, told while it is under way.

use std::time::{Duration, Instant};

use gladstone_tests::{centre::Centre, line::Line, noise::noise};
use serde_json::{Value as Json, json};

use crate::{bag::Bag, sync::{Centre as Site, in_step}};

/// Records that are written.
const RECORDS: u32 = 8;
/// Letters of a record; what cannot be made smaller on the way takes its time there.
const LETTERS: usize = 400_000;
/// Bytes a second on the slow line.
const SLOW: u64 = 300_000;
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(100);

/// What is told of the line, each time that it is looked, until everything is in step.
fn watched(bag: &Bag) -> Vec<Json> {
    let (begun, mut told) = (Instant::now(), Vec::new());
    loop {
        let status = bag.run("sync.status", json!({}));
        told.extend(Some(status["on_line"].clone()).filter(|line| !line.is_null()));
        if status["phase"] == "idle" && status["waiting"] == 0 && status["centre"]["parts_coming"] == 0 {
            assert_eq!(status["on_line"], Json::Null, "nothing is on the line any more");
            return told;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "it still stands at {status}");
        std::thread::sleep(LOOK);
    }
}

/// How far the longest body was each time that it was told of, and how long it is.
fn longest(told: &[Json], sends: bool) -> (Vec<u64>, u64) {
    let of = |line: &Json| line["of"].as_u64().unwrap();
    let longest = told.iter().filter(|line| line["sends"] == sends).map(of).max().unwrap_or_else(|| panic!("something is told: {told:?}"));
    (told.iter().filter(|line| line["sends"] == sends && of(line) == longest).map(|line| line["done"].as_u64().unwrap()).collect(), longest)
}

#[test]
fn how_far_a_long_push_and_a_long_pull_are_on_a_slow_line_is_told_byte_by_byte() {
    let centre = Centre::serve("Ashcombe Practice").unwrap();
    let (up, down) = (Line::to(&centre.address).unwrap(), Line::to(&centre.address).unwrap());
    // Slow from the first byte: a system that saw a fast line keeps more of what is sent.
    up.at_most(Some(SLOW));
    let amara = Site::made_with(&centre.invite(&up.address(), "Amara Okafor", "admin").unwrap(), "Amara Okafor");
    in_step(&amara);
    let person = amara.register("Tomasz Wieczorek");
    in_step(&amara);
    amara.run("sync.pause", json!({}));
    for at in 0..RECORDS {
        amara.run("records.create", json!({ "entity": "mood_entries", "values": { "user_id": person, "entry_date": format!("2026-11-{:02}", at + 1), "overall_mood": 5, "notes": noise(at, LETTERS) } }));
    }
    amara.run("sync.resume", json!({}));
    check("sent", &longest(&watched(&amara), true));

    let ben = Site::made_with(&centre.invite(&down.address(), "Ben Carter", "admin").unwrap(), "Ben Carter");
    ben.run("sync.pause", json!({}));
    down.at_most(Some(SLOW));
    ben.run("sync.resume", json!({}));
    let told = watched(&ben);
    check("fetched", &longest(&told, false));
}

/// It goes forward in steps, from near its beginning to its end. How many they are is not ours alone: the system
/// takes hundreds of kilobytes at once of what is sent, and a busy machine looks less often.
fn check(what: &str, (done, of): &(Vec<u64>, u64)) {
    assert!(*of > 500_000, "{what}: a long body of {of} bytes");
    let mut steps = done.clone();
    steps.dedup();
    assert!(steps.is_sorted(), "{what}: it never goes back: {steps:?}");
    assert!(steps.len() >= 3, "{what}: it moves: {steps:?} of {of}");
    assert!(steps[0] < of / 2 && steps[steps.len() - 1] > of * 3 / 4, "{what}: from near the beginning to the end: {steps:?} of {of}");
}
