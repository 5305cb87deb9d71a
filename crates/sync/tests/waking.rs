//! Waiting for news over HTTP: a commit wakes those whom it concerns and lets the others wait, on
//! both engines, and when another copy of the service committed it.

mod support;

use std::{sync::{Arc, mpsc}, thread, time::{Duration, Instant as Clock}};

use gladstone_central::{
    Centre, Machine, Postgres,
    postgres::{self, Settings, Watch, migrate},
};
use gladstone_protocol::wire::PullRequest;
use gladstone_sync::{HttpCentre, Remote};
use gladstone_testkit::{Laptop, contents::hash, postgres::Cluster};
use support::{Service, Site, entrust, files::moved_so, no_limits};
use tempfile::TempDir;

/// Longer than news take to arrive, and than a look at the store.
const SILENCE: Duration = Duration::from_secs(4);
/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A laptop that waits at a service from the checkpoint that it has now.
fn waits(service: &Service, laptop: &Laptop) -> mpsc::Receiver<u64> {
    let (client, then): (HttpCentre, PullRequest) = (service.client_of(laptop), laptop.vault.pull_request().unwrap());
    let (told, hears) = mpsc::channel();
    thread::spawn(move || {
        if let Ok(heard) = client.listen(then.from_g, Some(then)) {
            let _ = told.send(heard.g);
        }
    });
    // It has to be there when the commit comes.
    thread::sleep(Duration::from_millis(500));
    hears
}

/// What has to hold, with commits at `site` and waiting at `at`.
fn check(site: &Site, at: &Service) {
    let (amara, ben) = (site.laptop(1, "Amara", "trainer"), site.laptop(2, "Ben", "trainer"));
    let person = amara.register("Rosa Example").unwrap();
    for laptop in [&amara, &ben, &amara] {
        site.sync(laptop).unwrap();
    }
    let (hears, is_told) = (waits(at, &ben), waits(at, &amara));
    amara.mood(person, 1, 5).unwrap();
    site.sync(&amara).unwrap();
    let g = is_told.recv_timeout(PATIENCE).expect("who holds the person is woken");
    assert_eq!(g, site.centre.head(site.realm).unwrap());
    assert!(hears.recv_timeout(SILENCE).is_err(), "a colleague without the person goes on waiting");
    // The same wait ends with a right to the person.
    let began = Clock::now();
    entrust(&amara, person, ben.vault.state().actor);
    site.sync(&amara).unwrap();
    hears.recv_timeout(PATIENCE).expect("whoever gains a right is woken");
    assert!(began.elapsed() < PATIENCE);
    site.sync(&ben).unwrap();
    // What was committed between the checkpoint and the wait counts as well.
    amara.mood(person, 2, 5).unwrap();
    site.sync(&amara).unwrap();
    waits(at, &ben).recv_timeout(PATIENCE).expect("what came before the wait is told at once");
}

#[test]
fn a_commit_wakes_those_whom_it_concerns_alone() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    check(&site, &service);
}

#[test]
fn what_another_process_committed_is_noticed_without_being_told() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    let beside = Site::over(support::open(site.folder.path()), site.realm);
    check(&beside, &service);
}

/// Two copies of the service over one database, with an organization.
struct Copies {
    here: Site,
    there: Site,
    _watching: [Watch; 2],
    _database: (Cluster, TempDir),
}

impl Copies {
    fn start() -> Copies {
        let (cluster, folder) = (Cluster::start().unwrap(), tempfile::tempdir().unwrap());
        let state = folder.path().join("state");
        migrate(&cluster.address("gladstone", "postgres"), &state).unwrap();
        let settings = Settings { connections: 6, ..Settings::new(&cluster.address("gladstone_app", "postgres"), &state) };
        let copy = || -> (Arc<Centre>, Watch) {
            let centre = Arc::new(Centre::open(Box::new(Postgres::open(&settings).unwrap()), Arc::new(Machine::default())).unwrap());
            let heard = Arc::downgrade(&centre);
            let watch = postgres::watch(&settings, move |realm, what| {
                if let Some(centre) = heard.upgrade() {
                    centre.heard(realm, what);
                }
            });
            (centre, watch.unwrap())
        };
        let ((first, one), (second, two)) = (copy(), copy());
        let realm = first.found("Greenfield Practice").unwrap();
        Copies { here: Site::over(first, realm), there: Site::over(second, realm), _watching: [one, two], _database: (cluster, folder) }
    }
}

#[test]
fn copies_of_the_service_on_one_postgresql_wake_each_others_laptops() {
    let copies = Copies::start();
    let service = copies.there.serve(false, no_limits());
    check(&copies.here, &service);
}

/// What has to hold of files that come to `from` and of laptops that wait at `at`; both hold the same files.
fn check_files(site: &Site, from: &Service, at: &Service) {
    let (amara, ben, cleo) = (site.laptop(1, "Amara", "trainer"), site.laptop(2, "Ben", "trainer"), site.laptop(3, "Cleo", "admin"));
    let person = amara.register("Rosa Example").unwrap();
    amara.attach(person, b"a file of Rosa");
    for laptop in [&amara, &ben, &cleo] {
        site.sync(laptop).unwrap();
    }
    let moves = |laptop: &Laptop, service: &Service| {
        moved_so(laptop, &service.client_of(laptop), &|| true, &mut |_| {})
    };
    assert_eq!(moves(&cleo, at).fetched, 0, "it is not there yet");
    assert_eq!(moves(&cleo, at).fetched, 0, "and not asked for again at once");
    let waits = |laptop: &Laptop| {
        let (client, beyond) = (at.client_of(laptop), laptop.vault.replica().unwrap().unwrap().from_g);
        let (told, hears) = mpsc::channel();
        thread::spawn(move || {
            while let Ok(heard) = client.listen(beyond, None) {
                if told.send(heard).is_err() {
                    break;
                }
            }
        });
        thread::sleep(Duration::from_millis(500));
        hears
    };
    let (cleo_hears, ben_hears) = (waits(&cleo), waits(&ben));
    let began = Clock::now();
    assert_eq!(moves(&amara, from).sent, 1);
    let heard = cleo_hears.recv_timeout(PATIENCE).expect("who holds the record is woken");
    assert_eq!(heard.files, [hash(b"a file of Rosa")]);
    assert!(began.elapsed() < Duration::from_secs(2), "at once: {:?}", began.elapsed());
    assert!(ben_hears.recv_timeout(SILENCE).is_err(), "whoever holds no record that names it goes on waiting");
    cleo.vault.files_are_there(&heard.files).unwrap();
    assert_eq!(moves(&cleo, at).fetched, 1, "it is due at once");
}

#[test]
fn a_file_that_became_whole_wakes_those_who_hold_its_record_alone() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    check_files(&site, &service, &service);
}

#[test]
fn a_file_that_came_to_one_copy_of_the_service_wakes_those_who_wait_at_another() {
    let copies = Copies::start();
    // Both over the same folder of files.
    let [from, at] = [&copies.here, &copies.there].map(|site| Service::start(Arc::clone(&site.centre), copies.here.folder.path(), false, no_limits()));
    check_files(&copies.here, &from, &at);
}
