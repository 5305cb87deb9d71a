//! Waiting for news over HTTP: a commit wakes those whom it concerns and lets the others wait, on
//! both engines, and when another copy of the service committed it.

mod support;

use std::{sync::{Arc, mpsc}, thread, time::{Duration, Instant as Clock}};

use gladstone_central::{
    Centre, Machine, Postgres,
    postgres::{self, Settings, Watch, migrate},
};
use gladstone_model::Value;
use gladstone_sync::{HttpCentre, Remote};
use gladstone_testkit::{Laptop, postgres::Cluster};
use gladstone_vault::VaultError;
use support::{Service, Site, no_limits};
use uuid::Uuid;

/// Longer than news take to arrive, and than a look at the store.
const SILENCE: Duration = Duration::from_secs(4);
/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A laptop that waits at a service from the checkpoint that it has now.
fn waits(service: &Service, laptop: &Laptop) -> mpsc::Receiver<u64> {
    let (client, beyond): (HttpCentre, u64) = (service.client_of(laptop), laptop.vault.replica().unwrap().unwrap().from_g);
    let (told, hears) = mpsc::channel();
    thread::spawn(move || {
        if let Ok(g) = client.wait(beyond) {
            let _ = told.send(g);
        }
    });
    // It has to be there when the commit comes.
    thread::sleep(Duration::from_millis(500));
    hears
}

fn entrust(laptop: &Laptop, person: Uuid, to: Uuid) -> Uuid {
    let values = [("therapist_id", to.into()), ("patient_id", person.into()), ("relationship_type", "coaching".into()), ("start_date", Value::Date(chrono::NaiveDate::from_ymd_opt(2026, 11, 1).unwrap()))];
    laptop.vault.commit::<_, VaultError>("team.add", |tx| tx.create("therapeutic_relationships", values)).unwrap().0
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

#[test]
fn copies_of_the_service_on_one_postgresql_wake_each_others_laptops() {
    let (cluster, folder) = (Cluster::start().unwrap(), tempfile::tempdir().unwrap());
    let state = folder.path().join("state");
    migrate(&cluster.address("gladstone", "postgres"), &state).unwrap();
    let settings = Settings { connections: 6, ..Settings::new(&cluster.address("gladstone_app", "postgres"), &state) };
    let copy = || -> (Arc<Centre>, Watch) {
        let centre = Arc::new(Centre::open(Box::new(Postgres::open(&settings).unwrap()), Arc::new(Machine::default())).unwrap());
        let heard = Arc::downgrade(&centre);
        let watch = postgres::watch(&settings, move |realm, g| {
            if let Some(centre) = heard.upgrade() {
                centre.heard(realm, g);
            }
        });
        (centre, watch.unwrap())
    };
    let ((first, _first), (second, _second)) = (copy(), copy());
    let realm = first.found("Greenfield Practice").unwrap();
    let (here, there) = (Site::over(first, realm), Site::over(second, realm));
    let service = there.serve(false, no_limits());
    check(&here, &service);
}
