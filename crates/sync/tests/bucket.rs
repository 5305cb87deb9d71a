//! Files through a centre that keeps them in a bucket: while the bucket is killed, while the centre is,
//! and with several services over the same bucket. Records never wait for any of it.

mod support;

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Stdio},
    sync::Arc,
    time::Duration,
};

use gladstone_central::{blobs::bucket::Place, http::{Server, Settings}};
use gladstone_model::Value;
use gladstone_protocol::enrol::to_hex;
use gladstone_sync::{Address, HttpCentre, blobs::{Moved, move_files}, remote::Remote};
use gladstone_testkit::{Dice, Laptop, bucket::{ACCESS_KEY, SECRET_KEY, Store}, contents::bytes, reexec};
use gladstone_vault::{Vault, VaultError};
use support::{Service, Site, get, no_limits};
use uuid::Uuid;

fn settings(folder: &Path, address: &str) -> Settings {
    let key = folder.join("bucket.key");
    std::fs::write(&key, format!("access_key = \"{ACCESS_KEY}\"\nsecret_key = \"{SECRET_KEY}\"\n")).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let place = Place::parse(address, Some(&key)).unwrap();
    Settings { limits: no_limits(), blobs: Some(folder.join("counts")), bucket: Some(place), ..Settings::default() }
}

fn attach(vault: &Vault, person: Uuid, content: &[u8]) {
    let mut incoming = vault.begin_file().unwrap();
    incoming.write(content).unwrap();
    let row = vault.keep_file::<_, VaultError>(incoming, "files.attach", |tx, kept| {
        let size = i64::try_from(kept.size).unwrap();
        tx.create("attachments", [("person_id", person.into()), ("filename", "a.pdf".into()), ("mime_type", "application/pdf".into()), ("size_bytes", size.into()), ("blob_hash", Value::text(&to_hex(&kept.hash)))])
    });
    row.unwrap();
}

fn moved(laptop: &Laptop, client: &HttpCentre) -> Moved {
    laptop.clock.pass(3_600);
    let lend = |f: &mut dyn FnMut(&Vault)| {
        f(&laptop.vault);
        true
    };
    move_files(&lend, client, &|| true, &mut |_| {}).unwrap()
}

fn is_whole(vault: &Vault, content: &[u8]) -> bool {
    let mut out = Vec::new();
    vault.copy_file(blake3::hash(content).as_bytes(), &mut out).is_ok() && out == content
}

#[test]
fn a_bucket_that_is_away_is_told_and_nothing_is_lost_and_records_go_on() {
    let (mut store, site) = (Store::start(), Site::new());
    let service = Service::with(Arc::clone(&site.centre), site.folder.path(), false, settings(site.folder.path(), &store.address()));
    let (a, b) = (service.laptop(&site, 1, "Amara", "trainer"), service.laptop(&site, 2, "Ben", "admin"));
    let (at_a, at_b) = (service.client_of(&a), service.client_of(&b));
    let person = a.register("Rosa Example").unwrap();
    let content = bytes(1, 3_000_000);
    attach(&a.vault, person, &content);
    support::sync(&a).unwrap();
    // In the middle of the file the bucket goes away.
    let lend = |f: &mut dyn FnMut(&Vault)| {
        f(&a.vault);
        true
    };
    a.clock.pass(3_600);
    let mut middle = |moving: Option<gladstone_sync::blobs::Moving>| {
        if moving.is_some_and(|moving| moving.done > 500_000) {
            store.kill();
        }
    };
    let first = move_files(&lend, &at_a, &|| true, &mut middle).unwrap();
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
    assert!(is_whole(&b.vault, &content));
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
    attach(&a.vault, person, &content);
    site.sync(&a).unwrap();
    site.sync(&b).unwrap();
    for laptop in [&a, &b] {
        b.vault.plan_files().unwrap();
        let lend = |f: &mut dyn FnMut(&Vault)| {
            f(&laptop.vault);
            true
        };
        let mut turns = 0;
        loop {
            // A part or two, then the next service.
            laptop.clock.pass(3_600);
            let asked = std::cell::Cell::new(0);
            let go_on = || {
                asked.set(asked.get() + 1);
                asked.get() < 4
            };
            let done = move_files(&lend, &services[turns % 3].client_of(laptop), &go_on, &mut |_| {}).unwrap();
            turns += 1;
            if done.sent + done.fetched == 1 {
                break;
            }
            assert!(turns < 40, "it comes to its end: {:?}", laptop.vault.files_on_their_way().unwrap());
        }
        assert!(turns > 2, "several had a part in it: {turns}");
    }
    assert!(is_whole(&b.vault, &content));
}

/// This process is a centre, until it is killed.
fn serve_until_killed(folder: &Path) {
    let address = std::fs::read_to_string(folder.join("bucket.address")).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (server, ready) = Server::bind(support::open(folder), &settings(folder, &address), ([127, 0, 0, 1], 0).into(), None).await.unwrap();
        reexec::say(format_args!("listens http://{}", ready.address));
        server.run(std::future::pending()).await;
    });
}

fn start(folder: &Path) -> (Child, Address) {
    let mut child = reexec::again("a_centre_and_its_bucket_that_are_killed_again_and_again_go_on_where_they_were", folder).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = lines.find_map(|line| line.unwrap().strip_prefix("listens ").map(str::to_owned)).expect("the centre listens");
    std::thread::spawn(move || lines.for_each(drop));
    (child, Address::parse(&address).unwrap())
}

#[test]
fn a_centre_and_its_bucket_that_are_killed_again_and_again_go_on_where_they_were() {
    if let Some(folder) = reexec::part() {
        return serve_until_killed(&folder);
    }
    let (mut store, site) = (Store::start(), Site::new());
    let (a, b) = (site.laptop(1, "Amara", "trainer"), site.laptop(2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    let files: Vec<Vec<u8>> = (0..3).map(|seed| bytes(seed, 2_000_000)).collect();
    for content in &files {
        attach(&a.vault, person, content);
    }
    site.sync(&a).unwrap();
    site.sync(&b).unwrap();
    let folder = site.folder;
    drop(Arc::try_unwrap(site.centre).ok().expect("nobody else holds the centre"));
    std::fs::write(folder.path().join("bucket.address"), store.address()).unwrap();
    let mut chance = Dice::of("killed with its bucket");
    for laptop in [&a, &b] {
        let (mut kills, mut done) = (0, 0);
        while done < files.len() {
            let (mut child, address) = start(folder.path());
            let client = HttpCentre::new(address, None).unwrap();
            let signed = client.sign_in(laptop.vault.state().device, &|message| Some(laptop.vault.sign(message)));
            // Later each time, so that it comes to its end; the bucket goes first every second time.
            let wait = Duration::from_millis(kills * kills + chance.below(60) as u64);
            let bucket_first = kills % 2 == 1;
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(wait);
                    if bucket_first {
                        store.kill();
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    child.kill().unwrap();
                    child.wait().unwrap();
                    if bucket_first {
                        store.again();
                    }
                });
                if signed.is_ok() {
                    let moved = moved(laptop, &client);
                    done += moved.sent + moved.fetched;
                }
            });
            kills += 1;
            assert!(kills < 100, "it comes to its end");
        }
        assert!(kills > 2, "the kills were felt: {kills}");
        for content in &files {
            assert!(is_whole(&laptop.vault, content));
        }
    }
}
