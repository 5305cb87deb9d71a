//! The lease over HTTP: given with a session, signed, set by the operator; and what a service that
//! runs notices of what an operator does beside it.

mod support;

use std::sync::Arc;

use gladstone_central::centre::Invite;
use gladstone_protocol::{ApiError, Lease, Signer};
use gladstone_sync::Remote;
use gladstone_testkit::Laptop;
use gladstone_vault::{replica::{LeaseTaken, Standing}, surroundings::Surroundings};
use support::{Site, no_limits, open, sync};

/// Days from when a lease was given until it ends.
fn days(laptop: &Laptop) -> i64 {
    let lease = laptop.vault.lease().unwrap().unwrap();
    (lease.until.0 - lease.since.0) / 86_400_000_000
}

fn key(laptop: &Laptop) -> Option<Vec<u8>> {
    laptop.peek(|connection| connection.query_row("SELECT public_key FROM centre_key", [], |row| row.get(0)).ok())
}

#[test]
fn the_days_that_an_operator_sets_count_with_the_next_synchronization() {
    let site = Site::new();
    let service = site.serve(true, no_limits());
    let laptop = service.laptop(&site, 1, "Amara", "trainer");
    assert_eq!(days(&laptop), 7, "as usual");
    let pinned = key(&laptop).expect("the key came with the enrolment");
    sync(&laptop).unwrap();
    // A client that stays open has a session of before: it ends with the change.
    let client = service.client_of(&laptop);
    client.wait(0).unwrap();
    site.centre.set_lease_days(site.realm, 2).unwrap();
    assert_eq!(client.wait(0), Err(ApiError::SignedOut), "every laptop signs in again");
    assert_eq!(days(&laptop), 7, "without contact the one that is here goes on");
    sync(&laptop).unwrap();
    assert_eq!(days(&laptop), 2);
    assert_eq!(key(&laptop), Some(pinned), "the same centre");
    for wrong in [0, 31, u16::MAX] {
        assert!(site.centre.set_lease_days(site.realm, wrong).is_err(), "{wrong} days");
    }
    assert_eq!(site.centre.lease_days(site.realm).unwrap(), 2, "what cannot be changes nothing");
    site.centre.set_lease_days(site.realm, 30).unwrap();
    sync(&laptop).unwrap();
    assert_eq!(days(&laptop), 30);
    // Who joins now is told the same.
    assert_eq!(days(&service.laptop(&site, 2, "Ben", "trainer")), 30);
    assert_eq!(site.centre.realms().unwrap()[0].lease_days, 30, "the operator sees it");
}

#[test]
fn a_vault_that_joined_before_takes_the_key_with_its_next_session() {
    let site = Site::new();
    let service = site.serve(true, no_limits());
    let laptop = service.laptop(&site, 1, "Amara", "trainer");
    // As versions of before left it.
    let joined = laptop.vault.replica().unwrap().unwrap().joined;
    laptop.vault.join(&joined).unwrap();
    assert_eq!((key(&laptop), days(&laptop)), (None, 7));
    sync(&laptop).unwrap();
    assert!(key(&laptop).is_some());
    let lease = laptop.vault.lease().unwrap().unwrap();
    let since = lease.since;
    laptop.clock.pass(3_600);
    sync(&laptop).unwrap();
    assert!(laptop.vault.lease().unwrap().unwrap().since >= since, "each session brings a later one");
}

#[test]
fn who_has_no_right_any_more_gets_no_lease_and_a_centre_of_another_key_neither() {
    let site = Site::new();
    let service = site.serve(true, no_limits());
    let (revoked, other) = (service.laptop(&site, 1, "Amara", "trainer"), service.laptop(&site, 2, "Ben", "trainer"));
    let since = |laptop: &Laptop| laptop.vault.lease().unwrap().unwrap().since;
    let before = (since(&revoked), since(&other));
    site.centre.revoke(site.realm, revoked.vault.state().device).unwrap();
    assert!(sync(&revoked).is_err(), "it may hand over what waits and nothing else");
    assert_eq!(since(&revoked), before.0, "its time without contact runs out");
    // Somebody else who answers at this address.
    let epoch = other.vault.replica().unwrap().unwrap().joined.epoch;
    let false_lease = Lease { realm: site.realm, device: other.vault.state().device, epoch, issued: other.clock.now(), days: 30 };
    let signed = false_lease.signed(&revoked.vault.public_key(), &Signs(&revoked));
    assert!(matches!(other.vault.take_lease(&signed).unwrap(), LeaseTaken::Refused(_)), "a key of their own");
    assert_eq!(since(&other), before.1);
    sync(&other).unwrap();
    assert!(since(&other) > before.1, "the true one is taken as before");
}

struct Signs<'a>(&'a Laptop);

impl Signer for Signs<'_> {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.vault.sign(message)
    }
}

#[test]
fn a_lease_that_is_over_is_renewed_by_a_session_that_is_open() {
    let site = Site::new();
    let service = site.serve(true, no_limits());
    let laptop = service.laptop(&site, 1, "Amara", "trainer");
    let client = service.client_of(&laptop);
    // The clock was far ahead for a moment: by what this laptop saw, it is locked.
    laptop.clock.pass(100 * 86_400);
    laptop.vault.note_time().unwrap();
    laptop.clock.pass(-100 * 86_400);
    assert_ne!(laptop.vault.lease().unwrap().unwrap().standing(), Standing::Running);
    gladstone_sync::sync_once(&laptop.vault, &client, &mut |_| {}).unwrap();
    assert_eq!(laptop.vault.lease().unwrap().unwrap().standing(), Standing::Running, "the centre was reached");
}

#[test]
fn a_running_service_notices_a_new_organization_and_a_new_history_without_a_restart() {
    let site = Site::new();
    let service = site.serve(true, no_limits());
    let laptop = service.laptop(&site, 1, "Amara", "trainer");
    sync(&laptop).unwrap();
    // The operator's command line is another process over the same folder.
    let operator = open(site.folder.path());
    let founded = operator.found("Hill Clinic").unwrap();
    let invite = Invite { name: "Olga".into(), email: None, role: "admin".into(), user: None, minutes: 10 };
    let there = Site::over(Arc::clone(&operator), founded);
    assert!(!operator.invite(founded, &invite).unwrap().code.is_empty());
    let olga = service.laptop(&there, 2, "Olga", "admin");
    olga.register("Rosa Example").unwrap();
    sync(&olga).unwrap();
    assert_eq!(site.centre.realms().unwrap().len(), 2, "the service lists it");
    let epoch = operator.new_epoch(site.realm).unwrap();
    laptop.register("Sam Example").unwrap();
    sync(&laptop).unwrap();
    assert_eq!(laptop.vault.replica().unwrap().unwrap().joined.epoch, epoch, "laptops hear of the new history");
    drop(operator);
}

#[test]
fn a_running_service_serves_again_what_an_operator_gave_a_new_history() {
    let site = Site::new();
    let laptop = site.laptop(1, "Amara", "trainer");
    laptop.register("Rosa Example").unwrap();
    site.sync(&laptop).unwrap();
    let Site { folder, centre, realm } = site;
    let backup = folder.path().join("backup.sqlite");
    centre.backup(realm, &backup).unwrap();
    laptop.register("Sam Example").unwrap();
    Site { folder: tempfile::tempdir().unwrap(), centre: Arc::clone(&centre), realm }.sync(&laptop).unwrap();
    drop(centre);
    let realms = folder.path().join("realms");
    for ending in ["sqlite", "sqlite-wal", "sqlite-shm"] {
        let _ = std::fs::remove_file(realms.join(format!("{realm}.{ending}")));
    }
    std::fs::copy(&backup, realms.join(format!("{realm}.sqlite"))).unwrap();
    let site = Site { centre: open(folder.path()), folder, realm };
    assert!(site.sync(&laptop).is_err() && site.centre.realms().unwrap()[0].blocked, "older than its witness: it is not served");
    open(site.folder.path()).new_epoch(realm).unwrap();
    site.sync(&laptop).unwrap();
    assert!(!site.centre.realms().unwrap()[0].blocked, "it is served, without a restart");
    assert_eq!(laptop.vault.waiting().unwrap().count, 0, "and what was lost is back");
}
