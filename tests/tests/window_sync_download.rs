//! A first download over a slow line, in the real window: it is paused in the middle, says so, stays so
//! after a restart, and goes on where it was.

use std::{thread::sleep, time::{Duration, Instant}};

use gladstone_tests::{Bag, Setting, Window, centre::Centre, journey, line::Line, noise::noise};
use serde_json::json;

/// Persons in care.
const PERSONS: u32 = 8;
/// Records of each of them.
const RECORDS: u32 = 2;
/// Letters of a record; what cannot be made smaller on the way takes its time there.
const LETTERS: usize = 400_000;
/// Bytes a second on the slow line.
const SLOW: u64 = 300_000;
/// Bytes after which it is paused: half of all. Three answers are here then (each twice as large as the one before), and
/// the fourth is cut off.
const HALF: u64 = 2_000_000;
/// Longest wait for them.
const PATIENCE: Duration = Duration::from_secs(60);

fn unlock(window: &Window) -> Result<(), String> {
    window.fill("Passphrase", journey::PASSPHRASE)?;
    window.key(fantoccini::key::Key::Enter)?;
    window.wait("//footer[@class='status']")?;
    window.script("window.location.hash = '#/sync'").map(|_| ())
}

/// How many parts the page says are here.
fn parts(window: &Window) -> Result<u64, String> {
    let text = window.text()?;
    let words = text.split("first download").nth(1).unwrap_or_default();
    let digits: String = words.chars().skip_while(|one| !one.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().map_err(|_| format!("no parts are named: {text}"))
}

#[test]
fn a_first_download_is_paused_in_the_middle_stays_so_after_a_restart_and_goes_on_where_it_was() {
    let setting = Setting::new("sync-download").expect("a display");
    run(&setting).unwrap_or_else(|why| panic!("{why}"));
}

fn run(setting: &Setting) -> Result<(), String> {
    let centre = Centre::serve("Ashcombe Practice")?;
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let amara = Bag::join(&home.path().join("amara"), &centre.invite(&centre.address, "Amara Okafor", "admin")?, "Amara Okafor")?;
    for person in 0..PERSONS {
        let id = amara.one("people.register", json!({ "name": format!("Person {person}") }))?["id"].clone();
        let moods: Vec<_> = (0..RECORDS).map(|at| ("records.create", json!({ "entity": "mood_entries", "values": { "user_id": id, "entry_date": format!("2026-11-{:02}", at + 1), "overall_mood": 5, "notes": noise(person * RECORDS + at, LETTERS) } }))).collect();
        amara.run(&moods)?;
    }
    amara.synchronize()?;

    // What all of it is, by a laptop that nobody holds up.
    let quick = Line::to(&centre.address)?;
    let other = Bag::join(&home.path().join("other"), &centre.invite(&quick.address(), "Chidi Obi", "admin")?, "Chidi Obi")?;
    other.synchronize()?;
    let all = quick.fetched();

    let line = Line::to(&centre.address)?;
    let ben = Bag::join(&setting.vaults, &centre.invite(&line.address(), "Ben Carter", "admin")?, "Ben Carter")?;
    line.at_most(Some(SLOW));
    let mut window = setting.open()?;
    unlock(&window)?;
    window.wait("//main//*[@role='progressbar'][@aria-label='First download']")?;
    window.see("The first download goes on by itself")?;
    window.see("On the line now:")?;
    window.wait("//footer//*[contains(@class, 'sync-sign')][contains(., ' of ')][contains(., ' MB') or contains(., ' KB')]")?;
    window.shot("downloading")?;
    let began = Instant::now();
    while line.fetched() < HALF {
        if began.elapsed() > PATIENCE {
            return Err(format!("only {} bytes came in {PATIENCE:?}", line.fetched()));
        }
        sleep(Duration::from_millis(50));
    }
    window.click("Pause")?;
    window.see("The first download stands still")?;
    window.wait("//footer//*[contains(., 'Synchronizing paused')]")?;
    window.wait("//main[not(.//*[@role='progressbar'])][not(.//button[contains(., 'Synchronize now')])]")?;
    window.shot("paused")?;
    let here = parts(&window)?;
    // What was on the line when it was cut off may still arrive; after that nothing does.
    sleep(Duration::from_secs(1));
    let before = line.fetched();
    sleep(Duration::from_secs(3));
    if line.fetched() != before {
        return Err(format!("{} bytes were fetched although it is paused", line.fetched() - before));
    }
    window.close()?;

    window = setting.open()?;
    unlock(&window)?;
    window.wait("//footer//*[contains(., 'Synchronizing paused')]")?;
    window.see("The first download stands still")?;
    if parts(&window)? != here || line.fetched() != before {
        return Err(format!("it did not stay as it was: {} parts, {here} before", parts(&window)?));
    }
    line.at_most(None);
    window.click("Resume")?;
    window.see("In step with the centre")?;
    window.wait("//main[not(contains(., 'first download'))]")?;
    window.see("Synchronizing goes on.")?;
    window.shot("went-on")?;
    window.script("window.location.hash = '#/people'")?;
    window.see(&format!("Person {}", PERSONS - 1))?;
    window.close()?;

    // All of it is here, and what had arrived before the pause was not fetched once more.
    let records = ben.one("records.list", json!({ "entity": "mood_entries", "limit": 1 }))?["total"].clone();
    if records != json!(PERSONS * RECORDS) {
        return Err(format!("{records} of {} records arrived", PERSONS * RECORDS));
    }
    let after = line.fetched() - before;
    if after + 1_000_000 > all { Err(format!("{after} bytes were fetched after the pause, and all there is has {all}")) } else { Ok(()) }
}
