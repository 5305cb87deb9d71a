//! Lines that break at every place, answers that get lost, sessions that end, and a centre that
//! is killed. After the last fault everything that was saved is at the centre, once.

mod support;

use std::{cell::RefCell, sync::Arc};

use gladstone_central::{centre::Caller, http::Settings};
use gladstone_protocol::{ApiError, SyncApi, wire::{PullAnswer, PullRequest, PushAnswer, PushRequest}};
use gladstone_sync::{HttpCentre, Phase, Remote, remote::Direct, sync_once};
use gladstone_testkit::{Laptop, reexec};
use support::{Site, at_hand, cutter::{Cutter, Way}, killed::{self, Process}, no_limits, same_person, sync};
use uuid::Uuid;

/// A centre whose answers get lost, once each, after it has done what was asked.
struct Lossy<'a> {
    centre: Direct<'a>,
    lost: RefCell<Vec<String>>,
}

impl Lossy<'_> {
    /// Whether the answer to this very question gets lost now.
    fn loses(&self, question: String) -> bool {
        let mut lost = self.lost.borrow_mut();
        let first = !lost.contains(&question);
        if first {
            lost.push(question);
        }
        first
    }
}

impl SyncApi for Lossy<'_> {
    fn push(&self, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        let answer = self.centre.push(request);
        if self.loses(format!("push {} {:?}", request.envelopes.len(), request.envelopes.first().map(|envelope| envelope.hash))) { Err(ApiError::Offline) } else { answer }
    }

    fn pull(&self, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        let answer = self.centre.pull(request);
        if self.loses(format!("{request:?}")) { Err(ApiError::Offline) } else { answer }
    }
}

at_hand!(Lossy<'_>);

/// Tries again until it comes to its end, at most so often.
fn persist(laptop: &Laptop, remote: &dyn Remote, at_most: usize) {
    for _ in 0..at_most {
        match sync_once(&laptop.vault, remote, &mut |_| {}) {
            Ok(_) => return,
            Err(error) => assert!(matches!(error.status.phase, Phase::Offline | Phase::Disturbed), "{error}: {:?}", error.status),
        }
    }
    unreachable!("still not through after {at_most} times");
}

#[test]
fn every_answer_is_lost_once_and_everything_arrives_once() {
    let site = Site::new();
    let (a, b) = (site.laptop(1, "Amara", "trainer"), site.laptop(2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    for day in 0..30 {
        a.mood(person, day, 5).unwrap();
    }
    for laptop in [&a, &b, &a] {
        let state = laptop.vault.state();
        let line = site.centre.for_device(Caller { realm: site.realm, device: state.device, actor: state.actor, revoked: false });
        persist(laptop, &Lossy { centre: Direct(&line), lost: RefCell::default() }, 30);
    }
    same_person(&a, &b, person);
    let g = site.centre.head(site.realm).unwrap();
    site.sync(&a).unwrap();
    assert_eq!(site.centre.head(site.realm).unwrap(), g, "sent twice, one effect");
    assert_eq!(a.base(), a.view(), "nothing is pending");
}

/// Runs rounds over a relay that cuts after every one of a sample of byte counts.
fn cut_everywhere(way: Way, protected: bool) {
    let site = Site::new();
    let service = site.serve(protected, no_limits());
    let (a, b) = (service.laptop(&site, 1, "Amara", "trainer"), service.laptop(&site, 2, "Ben", "admin"));
    sync(&a).unwrap();
    let relay = Cutter::to(service.listens, way);
    let client = || HttpCentre::new(service.address_at(relay.listens), service.authority.as_deref()).unwrap();
    // How much one round takes when nothing is cut.
    let person = a.register("Rosa Example").unwrap();
    relay.passed();
    sync_once(&a.vault, &client(), &mut |_| {}).unwrap();
    let whole = relay.passed();
    assert!(whole > 500, "{whole} bytes went through the relay");
    let (mut broken, mut day) = (0, 0);
    for bytes in (0..whole).step_by(whole / 60).chain(whole.saturating_sub(40)..whole) {
        a.mood(person, day % 360, 1 + (day % 9) as i64).ok();
        day += 1;
        relay.cut_after(bytes);
        broken += usize::from(sync_once(&a.vault, &client(), &mut |_| {}).is_err());
        relay.cut_after(usize::MAX);
        if bytes % 7 == 0 {
            persist(&a, &client(), 3);
        }
    }
    assert!(broken > 50, "the cuts were felt: {broken}");
    persist(&a, &client(), 3);
    sync(&b).unwrap();
    same_person(&a, &b, person);
    assert_eq!(a.vault.waiting().unwrap().count, 0, "nothing waits");
    assert_eq!(a.base(), a.view(), "nothing is pending");
    assert_eq!(b.vault.queue(10).unwrap(), [], "nothing is held or refused");
}

#[test]
fn a_line_that_breaks_on_the_way_up_loses_and_doubles_nothing() {
    cut_everywhere(Way::Up, false);
}

#[test]
fn a_line_that_breaks_on_the_way_down_loses_and_doubles_nothing() {
    cut_everywhere(Way::Down, false);
}

#[test]
fn a_protected_line_that_breaks_loses_and_doubles_nothing() {
    cut_everywhere(Way::Down, true);
}

/// Forgets its session at every second call.
struct Forgetful {
    inner: HttpCentre,
    calls: RefCell<u32>,
    sign_ins: RefCell<u32>,
}

impl Forgetful {
    fn forgets(&self) -> bool {
        *self.calls.borrow_mut() += 1;
        (*self.calls.borrow()).is_multiple_of(2)
    }
}

impl SyncApi for Forgetful {
    fn push(&self, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        if self.forgets() { Err(ApiError::SignedOut) } else { self.inner.push(request) }
    }

    fn pull(&self, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        if self.forgets() { Err(ApiError::SignedOut) } else { self.inner.pull(request) }
    }
}

impl Remote for Forgetful {
    fn sign_in(&self, device: Uuid, sign: gladstone_sync::remote::Sign<'_>) -> Result<(), ApiError> {
        *self.sign_ins.borrow_mut() += 1;
        self.inner.sign_in(device, sign)
    }

    fn wait(&self, beyond: u64) -> Result<u64, ApiError> {
        self.inner.wait(beyond)
    }
}

#[test]
fn a_session_that_ends_in_the_middle_of_a_round_is_opened_anew() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    let a = service.laptop(&site, 1, "Amara", "trainer");
    a.register("Rosa Example").unwrap();
    let remote = Forgetful { inner: service.client_of(&a), calls: RefCell::new(0), sign_ins: RefCell::new(0) };
    let mut phases = Vec::new();
    sync_once(&a.vault, &remote, &mut |status| phases.push(status.phase)).unwrap();
    assert!(phases.contains(&Phase::SigningIn) && *remote.sign_ins.borrow() >= 1, "{phases:?}");
    assert!(!phases.contains(&Phase::Offline), "signed out is not offline: {phases:?}");
    assert_eq!(a.vault.waiting().unwrap().count, 0);
}

#[test]
fn a_centre_that_is_killed_while_it_takes_in_goes_on_where_it_was() {
    if let Some(folder) = reexec::part() {
        return killed::serve(&folder, &Settings { limits: no_limits(), ..Settings::default() });
    }
    let site = Site::new();
    let (a, b) = (site.laptop(1, "Amara", "trainer"), site.laptop(2, "Ben", "admin"));
    let (folder, realm) = (site.folder, site.realm);
    drop(Arc::try_unwrap(site.centre).ok().expect("nobody else holds the centre"));
    let person = a.register("Rosa Example").unwrap();
    for round in 0..8_u64 {
        let mut process = Process::start(&mut reexec::again("a_centre_that_is_killed_while_it_takes_in_goes_on_where_it_was", folder.path()));
        let client = process.client();
        for day in 0..40 {
            a.mood(person, round * 40 + day, 5).unwrap();
        }
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| sync_once(&a.vault, &client, &mut |_| {}).is_ok());
            std::thread::sleep(std::time::Duration::from_millis(5 + round * 12));
            process.kill();
            let _ = sending.join().unwrap();
        });
    }
    let centre = support::open(folder.path());
    let direct = |laptop: &Laptop| {
        let state = laptop.vault.state();
        let line = centre.for_device(Caller { realm, device: state.device, actor: state.actor, revoked: false });
        sync_once(&laptop.vault, &Direct(&line), &mut |_| {}).unwrap();
    };
    direct(&a);
    direct(&b);
    same_person(&a, &b, person);
    assert_eq!(a.base(), a.view(), "nothing is pending");
    assert!(centre.realms().unwrap().iter().all(|info| !info.blocked), "the witness agrees");
    assert_eq!(b.count("SELECT count(*) FROM mood_entries"), 320, "everything that was saved, once");
}
