//! Files cut at every byte on both ways, moved by the worker in the background, stopped by people, and
//! brought to a centre that is killed again and again.

mod support;

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Stdio},
    sync::{Arc, mpsc},
    time::{Duration, Instant as Clock},
};

use gladstone_central::http::{Server, Settings};
use gladstone_model::Value;
use gladstone_protocol::{content::ContentHash, enrol::to_hex};
use gladstone_sync::{Address, HttpCentre, News, Worker, blobs::{Moved, move_files}, join, remote::Remote};
use gladstone_testkit::{Dice, Laptop, dice, reexec};
use gladstone_vault::{Vault, VaultError, blobs::AUTOMATIC};
use support::{Site, cutter::{Cutter, Way}, no_limits, sync};
use uuid::Uuid;

fn bytes(seed: u64, size: usize) -> Vec<u8> {
    let mut out = vec![0; size];
    Dice::new(seed).fill(&mut out);
    out
}

fn hash(bytes: &[u8]) -> ContentHash {
    *blake3::hash(bytes).as_bytes()
}

fn attach(vault: &Vault, person: Uuid, content: &[u8]) -> Uuid {
    let mut incoming = vault.begin_file().unwrap();
    incoming.write(content).unwrap();
    let row = vault.keep_file::<_, VaultError>(incoming, "files.attach", |tx, kept| {
        let size = i64::try_from(kept.size).unwrap();
        tx.create("attachments", [("person_id", person.into()), ("filename", "a.pdf".into()), ("mime_type", "application/pdf".into()), ("size_bytes", size.into()), ("blob_hash", Value::text(&to_hex(&kept.hash)))])
    });
    row.unwrap().0
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
    vault.copy_file(&hash(content), &mut out).is_ok() && out == content
}

#[test]
fn a_small_file_cut_at_every_byte_both_ways_arrives_whole() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    let (a, b) = (service.laptop(&site, 1, "Amara", "trainer"), service.laptop(&site, 2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    let (up, down) = (Cutter::to(service.listens, Way::Up), Cutter::to(service.listens, Way::Down));
    let through = |laptop: &Laptop, cutter: &Cutter| {
        let client = HttpCentre::new(service.address_at(cutter.listens), None).unwrap();
        client.sign_in(laptop.vault.state().device, &|message| Some(laptop.vault.sign(message))).unwrap();
        client
    };
    let (by_a, by_b) = (through(&a, &up), through(&b, &down));
    let direct = service.client_of(&a);
    // A question for the state and a part with 40 bytes are some 800 bytes; each cut takes a new file.
    let step = dice::size(3, 1);
    for cut in (0..900).step_by(step) {
        let content = bytes(10_000 + cut as u64, 40);
        attach(&a.vault, person, &content);
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
        assert!(is_whole(&b.vault, &content), "down, cut at {cut}");
    }
}

fn direct_has(centre: &HttpCentre, content: &[u8]) -> bool {
    use gladstone_sync::blobs::Blobs;
    centre.file_state(&hash(content)).unwrap().complete
}

fn worker(laptop: &Arc<Laptop>) -> (Worker, mpsc::Receiver<News>) {
    let (say, news) = mpsc::channel();
    let remote = Arc::new(join::connect(&laptop.vault).unwrap());
    let lent = Arc::clone(laptop);
    let worker = Worker::start(Arc::new(move |f| { f(&lent.vault); true }), remote, move |news| drop(say.send(news))).unwrap();
    (worker, news)
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
        attach(&a.vault, person, content);
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
    until("all files at B", || files.iter().all(|content| is_whole(&b.vault, content)));
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
    attach(&a.vault, person, &content);
    sync(&a).unwrap();
    sync(&b).unwrap();
    for (laptop, way) in [(&a, Way::Up), (&b, Way::Down)] {
        let cutter = Cutter::to(service.listens, way);
        let client = HttpCentre::new(service.address_at(cutter.listens), None).unwrap();
        client.sign_in(laptop.vault.state().device, &|message| Some(laptop.vault.sign(message))).unwrap();
        let lend = |f: &mut dyn FnMut(&Vault)| {
            f(&laptop.vault);
            true
        };
        cutter.passed();
        laptop.clock.pass(3_600);
        let mut tell = |moving: Option<gladstone_sync::blobs::Moving>| {
            if moving.is_some_and(|moving| moving.done > 1_000_000) {
                laptop.vault.stop_file(&hash(&content)).unwrap();
            }
        };
        let done = move_files(&lend, &client, &|| true, &mut tell).unwrap();
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
    assert!(is_whole(&b.vault, &content));
}

#[test]
fn a_damaged_file_is_fetched_again_from_the_centre() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    let (a, b) = (service.laptop(&site, 1, "Amara", "trainer"), service.laptop(&site, 2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    let content = bytes(1, 200_000);
    attach(&a.vault, person, &content);
    sync(&a).unwrap();
    moved(&a, &service.client_of(&a));
    sync(&b).unwrap();
    let client = service.client_of(&b);
    moved(&b, &client);
    let file = std::fs::read_dir(b.folder.path().join("blobs")).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_file()).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[70_000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert!(!is_whole(&b.vault, &content));
    assert!(b.vault.give_up_damaged(&hash(&content)).unwrap());
    assert_eq!(moved(&b, &client).fetched, 1);
    assert!(is_whole(&b.vault, &content) && !file.exists());
}

/// This process is a centre, until it is killed.
fn serve_until_killed(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let settings = Settings { limits: no_limits(), blobs: Some(folder.join("blobs")), ..Settings::default() };
        let (server, ready) = Server::bind(support::open(folder), &settings, ([127, 0, 0, 1], 0).into(), None).await.unwrap();
        reexec::say(format_args!("listens http://{}", ready.address));
        server.run(std::future::pending()).await;
    });
}

fn start(folder: &Path) -> (Child, Address) {
    let mut child = reexec::again("a_centre_that_is_killed_while_files_come_and_go_goes_on_where_it_was", folder).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = lines.find_map(|line| line.unwrap().strip_prefix("listens ").map(str::to_owned)).expect("the centre listens");
    std::thread::spawn(move || lines.for_each(drop));
    (child, Address::parse(&address).unwrap())
}

#[test]
fn a_centre_that_is_killed_while_files_come_and_go_goes_on_where_it_was() {
    if let Some(folder) = reexec::part() {
        return serve_until_killed(&folder);
    }
    let site = Site::new();
    let (a, b) = (site.laptop(1, "Amara", "trainer"), site.laptop(2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    let files: Vec<Vec<u8>> = (0..4).map(|seed| bytes(seed, 2_000_000)).collect();
    for content in &files {
        attach(&a.vault, person, content);
    }
    site.sync(&a).unwrap();
    site.sync(&b).unwrap();
    let folder = site.folder;
    drop(Arc::try_unwrap(site.centre).ok().expect("nobody else holds the centre"));
    let mut chance = Dice::of("killed while files come and go");
    for laptop in [&a, &b] {
        let (mut kills, mut done) = (0, 0);
        while done < files.len() {
            let (mut child, address) = start(folder.path());
            let client = HttpCentre::new(address, None).unwrap();
            let signed = client.sign_in(laptop.vault.state().device, &|message| Some(laptop.vault.sign(message)));
            // Later each time, so that it comes to its end.
            let wait = Duration::from_millis(kills * kills / 5 + chance.below(40) as u64);
            let killer = std::thread::spawn(move || {
                std::thread::sleep(wait);
                child.kill().unwrap();
                child.wait().unwrap();
            });
            if signed.is_ok() {
                let moved = moved(laptop, &client);
                done += moved.sent + moved.fetched;
            }
            killer.join().unwrap();
            kills += 1;
            assert!(kills < 100, "it comes to its end");
        }
        assert!(kills > 2, "the kills were felt: {kills}");
        for content in &files {
            assert!(is_whole(&laptop.vault, content));
        }
    }
}
