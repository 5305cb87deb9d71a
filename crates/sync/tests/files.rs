//! Files cut at every byte on both ways, moved by the worker in the background, stopped by people, and
//! brought to a centre that is killed again and again.

mod support;

use std::{sync::Arc, time::{Duration, Instant as Clock}};

use gladstone_central::http::Settings;
use gladstone_sync::{HttpCentre, News, blobs::{Blobs, Moving}};
use gladstone_testkit::{Dice, contents::{bytes, hash}, dice, reexec};
use gladstone_vault::blobs::AUTOMATIC;
use support::{Site, cutter::{Cutter, Way}, files::{moved, moved_so}, killed, no_limits, sync, worker};

#[test]
fn a_small_file_cut_at_every_byte_both_ways_arrives_whole() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    let (a, b) = (service.laptop(&site, 1, "Amara", "trainer"), service.laptop(&site, 2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    let (up, down) = (Cutter::to(service.listens, Way::Up), Cutter::to(service.listens, Way::Down));
    let (by_a, by_b) = (service.client_by(up.listens, &a), service.client_by(down.listens, &b));
    let direct = service.client_of(&a);
    // A question for the state and a part with 40 bytes are some 800 bytes; each cut takes a new file.
    let step = dice::size(3, 1);
    for cut in (0..900).step_by(step) {
        let content = bytes(10_000 + cut as u64, 40);
        a.attach(person, &content);
        sync(&a).unwrap();
        up.cut_after(cut);
        let first = moved(&a, &by_a);
        up.cut_after(usize::MAX);
        if first.sent == 0 {
            // What was cut off is written down first.
            std::thread::sleep(Duration::from_millis(2));
            assert_eq!(moved(&a, &by_a).sent, 1, "up, cut at {cut}: {:?}", a.vault.files_on_their_way().unwrap());
        }
        assert!(direct_has(&direct, &content), "up, cut at {cut}");
        sync(&b).unwrap();
        down.cut_after(cut);
        let first = moved(&b, &by_b);
        down.cut_after(usize::MAX);
        if first.fetched == 0 {
            assert_eq!(moved(&b, &by_b).fetched, 1, "down, cut at {cut}: {:?}", b.vault.files_on_their_way().unwrap());
        }
        assert!(b.has_file(&content), "down, cut at {cut}");
    }
}

fn direct_has(centre: &HttpCentre, content: &[u8]) -> bool {
    centre.file_state(&hash(content)).unwrap().complete
}

fn until(what: &str, mut found: impl FnMut() -> bool) {
    let end = Clock::now() + Duration::from_secs(60);
    while !found() {
        assert!(Clock::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn in_the_background_files_arrive_by_themselves_and_records_never_wait_for_them() {
    let site = Site::new();
    let service = site.serve(true, no_limits());
    let (a, b) = (Arc::new(service.laptop(&site, 1, "Amara", "trainer")), Arc::new(service.laptop(&site, 2, "Ben", "admin")));
    let ((at_a, news_a), (at_b, _news_b)) = (worker(&a), worker(&b));
    let person = a.register("Rosa Example").unwrap();
    let files: Vec<Vec<u8>> = (0..6).map(|seed| bytes(seed, AUTOMATIC as usize - 7)).collect();
    for content in &files {
        a.attach(person, content);
    }
    at_a.changed();
    until("the first file moves", || at_a.moving().is_some());
    // While they move, a record goes out and arrives long before them.
    let began = Clock::now();
    let mood = a.mood(person, 1, 5).unwrap();
    at_a.changed();
    until("the record at B", || b.field("mood_entries", mood, "overall_mood").is_some());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    // B asks for what A has not sent yet. By its clock, which stands still, the next try never comes: the
    // centre tells it of each file.
    until("all files at B", || files.iter().all(|content| b.has_file(content)));
    until("nothing waits", || a.vault.files().unwrap().count == 0 && at_a.moving().is_none());
    let told = news_a.try_iter().filter(|news| matches!(news, News::Files)).count();
    assert!(told >= 2, "progress was told: {told}");
    let began = Clock::now();
    at_a.stop();
    at_b.stop();
    assert!(began.elapsed() < Duration::from_secs(2), "stopping took {:?}", began.elapsed());
}

#[test]
fn a_file_that_a_person_stops_stays_where_it_is_and_goes_on_from_there() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    let (a, b) = (service.laptop(&site, 1, "Amara", "trainer"), service.laptop(&site, 2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    let content = bytes(1, 3_000_000);
    a.attach(person, &content);
    sync(&a).unwrap();
    sync(&b).unwrap();
    for (laptop, way) in [(&a, Way::Up), (&b, Way::Down)] {
        let cutter = Cutter::to(service.listens, way);
        let client = service.client_by(cutter.listens, laptop);
        cutter.passed();
        laptop.clock.pass(3_600);
        let mut tell = |moving: Option<Moving>| {
            if moving.is_some_and(|moving| moving.done > 1_000_000) {
                laptop.vault.stop_file(&hash(&content)).unwrap();
            }
        };
        let done = moved_so(laptop, &client, &|| true, &mut tell);
        assert_eq!((done.sent, done.fetched), (0, 0), "{way:?}: it was stopped");
        assert!(moved(laptop, &client).sent + moved(laptop, &client).fetched == 0, "{way:?}: and stays so");
        let transfer = laptop.vault.files_on_their_way().unwrap().remove(0);
        assert!(transfer.done > 1_000_000 && transfer.done < 2_900_000, "{way:?}: {}", transfer.done);
        laptop.vault.ask_for_file(&hash(&content)).unwrap();
        let done = moved(laptop, &client);
        assert_eq!(done.sent + done.fetched, 1, "{way:?}");
        let passed = cutter.passed();
        assert!(passed < 3_000_000 + 60_000, "{way:?}: nothing goes twice: {passed}");
    }
    assert!(b.has_file(&content));
}

#[test]
fn a_damaged_file_is_fetched_again_from_the_centre() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    let (a, b) = (service.laptop(&site, 1, "Amara", "trainer"), service.laptop(&site, 2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    let content = bytes(1, 200_000);
    a.attach(person, &content);
    sync(&a).unwrap();
    moved(&a, &service.client_of(&a));
    sync(&b).unwrap();
    let client = service.client_of(&b);
    moved(&b, &client);
    let file = std::fs::read_dir(b.folder.path().join("blobs")).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_file()).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[70_000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert!(!b.has_file(&content));
    assert!(b.vault.give_up_damaged(&hash(&content)).unwrap());
    assert_eq!(moved(&b, &client).fetched, 1);
    assert!(b.has_file(&content) && !file.exists());
}

#[test]
fn a_centre_that_is_killed_while_files_come_and_go_goes_on_where_it_was() {
    if let Some(folder) = reexec::part() {
        return killed::serve(&folder, &Settings { limits: no_limits(), blobs: Some(folder.join("blobs")), ..Settings::default() });
    }
    let mut chance = Dice::of("killed while files come and go");
    killed::files_go_on(Site::new(), "a_centre_that_is_killed_while_files_come_and_go_goes_on_where_it_was", 4, |kills, process| {
        // Later each time, so that it comes to its end.
        std::thread::sleep(Duration::from_millis(kills * kills / 5 + chance.below(40) as u64));
        process.kill();
    });
}
