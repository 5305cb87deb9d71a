//! Files through a centre that keeps them in a bucket: while the bucket is killed, while the centre is,
//! and with several services over the same bucket. Records never wait for any of it.

mod support;

use std::{path::Path, sync::Arc, time::Duration};

use gladstone_central::{blobs::bucket::Place, http::Settings};
use gladstone_sync::blobs::Moving;
use gladstone_testkit::{Dice, bucket::{ACCESS_KEY, SECRET_KEY, Store}, contents::bytes, reexec};
use support::{Service, Site, files::{moved, moved_so}, get, killed, no_limits};

fn settings(folder: &Path, address: &str) -> Settings {
    let key = folder.join("bucket.key");
    std::fs::write(&key, format!("access_key = \"{ACCESS_KEY}\"\nsecret_key = \"{SECRET_KEY}\"\n")).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let place = Place::parse(address, Some(&key)).unwrap();
    Settings { limits: no_limits(), blobs: Some(folder.join("counts")), bucket: Some(place), ..Settings::default() }
}

#[test]
fn a_bucket_that_is_away_is_told_and_nothing_is_lost_and_records_go_on() {
    let (mut store, site) = (Store::start(), Site::new());
    let service = Service::with(Arc::clone(&site.centre), site.folder.path(), false, settings(site.folder.path(), &store.address()));
    let (a, b) = (service.laptop(&site, 1, "Amara", "trainer"), service.laptop(&site, 2, "Ben", "admin"));
    let (at_a, at_b) = (service.client_of(&a), service.client_of(&b));
    let person = a.register("Rosa Example").unwrap();
    let content = bytes(1, 3_000_000);
    a.attach(person, &content);
    support::sync(&a).unwrap();
    // In the middle of the file the bucket goes away.
    a.clock.pass(3_600);
    let mut middle = |moving: Option<Moving>| {
        if moving.is_some_and(|moving| moving.done > 500_000) {
            store.kill();
        }
    };
    let first = moved_so(&a, &at_a, &|| true, &mut middle);
    let waiting = a.vault.files_on_their_way().unwrap().remove(0);
    assert_eq!((first.sent, waiting.note.as_deref()), (0, Some("The centre asked to wait.")));
    let ready = get(service.listens, "/health/ready");
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("ready, without files: the bucket cannot be reached"), "{ready}");
    assert!(!ready.contains("X-Amz") && !ready.contains(SECRET_KEY), "{ready}");
    let mood = a.mood(person, 1, 5).unwrap();
    support::sync(&a).unwrap();
    support::sync(&b).unwrap();
    assert!(b.field("mood_entries", mood, "overall_mood").is_some(), "records go on");
    assert_eq!(moved(&b, &at_b).fetched, 0);
    store.again();
    assert_eq!(moved(&a, &at_a).sent, 1, "{:?}", a.vault.files_on_their_way().unwrap());
    assert_eq!(moved(&b, &at_b).fetched, 1, "{:?}", b.vault.files_on_their_way().unwrap());
    assert!(b.has_file(&content));
    assert_eq!(store.objects().len(), 1, "and no part is left");
}

#[test]
fn a_file_goes_through_several_services_over_one_bucket() {
    let (store, site) = (Store::start(), Site::new());
    let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let services: Vec<_> = folders.iter().map(|folder| Service::with(Arc::clone(&site.centre), folder.path(), false, settings(folder.path(), &store.address()))).collect();
    let (a, b) = (services[0].laptop(&site, 1, "Amara", "trainer"), services[1].laptop(&site, 2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    let content = bytes(1, 4_000_000);
    a.attach(person, &content);
    site.sync(&a).unwrap();
    site.sync(&b).unwrap();
    for laptop in [&a, &b] {
        b.vault.plan_files().unwrap();
        let mut turns = 0;
        loop {
            // A part or two, then the next service.
            laptop.clock.pass(3_600);
            let asked = std::cell::Cell::new(0);
            let go_on = || {
                asked.set(asked.get() + 1);
                asked.get() < 4
            };
            let done = moved_so(laptop, &services[turns % 3].client_of(laptop), &go_on, &mut |_| {});
            turns += 1;
            if done.sent + done.fetched == 1 {
                break;
            }
            assert!(turns < 40, "it comes to its end: {:?}", laptop.vault.files_on_their_way().unwrap());
        }
        assert!(turns > 2, "several had a part in it: {turns}");
    }
    assert!(b.has_file(&content));
}

#[test]
fn a_centre_and_its_bucket_that_are_killed_again_and_again_go_on_where_they_were() {
    if let Some(folder) = reexec::part() {
        let address = std::fs::read_to_string(folder.join("bucket.address")).unwrap();
        return killed::serve(&folder, &settings(&folder, &address));
    }
    let (mut store, site) = (Store::start(), Site::new());
    std::fs::write(site.folder.path().join("bucket.address"), store.address()).unwrap();
    let mut chance = Dice::of("killed with its bucket");
    killed::files_go_on(site, "a_centre_and_its_bucket_that_are_killed_again_and_again_go_on_where_they_were", 3, |kills, process| {
        // Later each time, so that it comes to its end; the bucket goes first every second time.
        std::thread::sleep(Duration::from_millis(kills * kills + chance.below(60) as u64));
        let bucket_first = kills % 2 == 1;
        if bucket_first {
            store.kill();
            std::thread::sleep(Duration::from_millis(20));
        }
        process.kill();
        if bucket_first {
            store.again();
        }
    });
}
