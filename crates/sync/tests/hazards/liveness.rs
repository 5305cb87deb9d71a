//! That it comes to an end: loops that meet, queues with poison in them, sessions that end, herds.

use std::{cell::Cell, num::NonZeroU32, sync::{Arc, Mutex}, thread, time::{Duration, Instant as Clock}};

use gladstone_central::http::{Limits, Server, Settings};
use gladstone_protocol::{ApiError, SyncApi, wire::{PullAnswer, PullRequest, PushAnswer, PushRequest}};
use gladstone_sync::{Address, HttpCentre, Phase, Remote, remote::{Direct, Sign}, sync_once};
use gladstone_testkit::Laptop;
use uuid::Uuid;

use crate::{ground::{Ground, moods}, support::{at_hand, entrust, no_limits, same_person}};

pub fn two_loops_at_once_send_everything_once(ground: Ground) {
    let (a, b) = (ground.laptop(1, "Amara", "trainer"), ground.laptop(2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    ground.sync(&a);
    let phases = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..20 {
                    // One may find that the other was faster, and says so; it never is a copy.
                    if let Err(error) = ground.try_sync(&a) {
                        phases.lock().unwrap().push(error.status.phase);
                    }
                }
            });
        }
        for day in 0..60 {
            a.mood(person, day, 5).unwrap();
        }
    });
    let phases = phases.into_inner().unwrap();
    assert!(phases.iter().all(|phase| *phase == Phase::Disturbed), "{phases:?}");
    ground.sync(&a);
    ground.sync(&b);
    same_person(&a, &b, person);
    assert_eq!((moods(&b), a.vault.waiting().unwrap().count), (60, 0), "everything, once");
    assert_eq!(a.base(), a.view(), "nothing is pending");
    ground.verify();
}

/// Fails at every second call, before or after the centre did what was asked.
struct Flaky<'a>(Direct<'a>, Cell<u32>);

impl Flaky<'_> {
    fn through<T>(&self, call: impl FnOnce() -> Result<T, ApiError>) -> Result<T, ApiError> {
        self.1.set(self.1.get() + 1);
        match self.1.get() % 4 {
            1 => Err(ApiError::Offline),
            3 => call().and(Err(ApiError::Damaged)),
            _ => call(),
        }
    }
}

impl SyncApi for Flaky<'_> {
    fn push(&self, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        self.through(|| self.0.push(request))
    }

    fn pull(&self, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        self.through(|| self.0.pull(request))
    }
}

at_hand!(Flaky<'_>);

pub fn a_queue_with_poison_in_it_empties_after_the_last_fault(ground: Ground) {
    let (a, chief) = (ground.laptop(1, "Amara", "trainer"), ground.laptop(2, "Chief", "admin"));
    ground.sync(&chief);
    let (own, lost) = (a.register("Rosa Example").unwrap(), chief.register("Sam Example").unwrap());
    let relation = entrust(&chief, lost, a.vault.state().actor);
    ground.sync(&chief);
    ground.sync(&a);
    chief.set("therapeutic_relationships", relation, "status", "ended").unwrap();
    ground.sync(&chief);
    // Every third change is one that the centre refuses by now.
    for day in 0..30 {
        a.mood(if day % 3 == 1 { lost } else { own }, day, 5).unwrap();
    }
    let waiting = a.vault.waiting().unwrap();
    assert!(waiting.count == 30 && waiting.oldest.is_some(), "it is shown since when something waits: {waiting:?}");
    let line = ground.centre().for_device(ground.caller(&a));
    let flaky = Flaky(Direct(&line), Cell::new(0));
    for _ in 0..12 {
        _ = sync_once(&a.vault, &flaky, &mut |_| {});
    }
    ground.sync(&a);
    let waiting = a.vault.waiting().unwrap();
    assert_eq!((waiting.count, waiting.oldest, waiting.quarantined), (0, None, 10), "the queue is empty, and what was refused is told");
    assert_eq!(a.vault.queue(100).unwrap().len(), 10, "each of it can be looked at");
    ground.sync(&chief);
    same_person(&a, &chief, own);
    assert_eq!(moods(&chief), 20, "the others took effect");
    ground.verify();
}

/// A centre that ends the session at a call, and gives a new one or not.
struct Ends<'a> {
    centre: Direct<'a>,
    calls: Cell<u32>,
    at: u32,
    fault: ApiError,
    again: bool,
}

impl Ends<'_> {
    fn through<T>(&self, call: impl FnOnce() -> Result<T, ApiError>) -> Result<T, ApiError> {
        self.calls.set(self.calls.get() + 1);
        if self.calls.get() == self.at || !self.again && self.calls.get() > self.at { Err(self.fault.clone()) } else { call() }
    }
}

impl SyncApi for Ends<'_> {
    fn push(&self, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        self.through(|| self.centre.push(request))
    }

    fn pull(&self, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        self.through(|| self.centre.pull(request))
    }
}

impl Remote for Ends<'_> {
    fn sign_in(&self, _: Uuid, _: Sign<'_>) -> Result<(), ApiError> {
        if self.again || self.calls.get() < self.at { Ok(()) } else { Err(self.fault.clone()) }
    }

    fn wait(&self, beyond: u64) -> Result<u64, ApiError> {
        Ok(beyond)
    }
}

pub fn signed_out_and_offline_never_look_the_same(ground: Ground) {
    let a = ground.laptop(1, "Amara", "trainer");
    let person = a.register("Rosa Example").unwrap();
    ground.sync(&a);
    let line = ground.centre().for_device(ground.caller(&a));
    let mut day = 0;
    let mut check = |at: u32, fault: ApiError, again: bool, expected: Phase, never: Phase| {
        day += 1;
        a.mood(person, day, 5).unwrap();
        let remote = Ends { centre: Direct(&line), calls: Cell::new(0), at, fault, again };
        let mut seen = Vec::new();
        let ended = sync_once(&a.vault, &remote, &mut |status| seen.push((status.phase, status.message.clone())));
        let status = ended.map_or_else(|error| error.status, |_| gladstone_sync::Status { phase: Phase::Idle, ..gladstone_sync::Status::default() });
        assert_eq!(status.phase, expected, "at call {at}: {seen:?}");
        assert!(seen.iter().all(|(phase, _)| *phase != never), "at call {at}: {never:?} is never shown: {seen:?}");
        assert!(a.field("mood_entries", person, "id").is_none() && moods(&a) == day, "what was saved is here");
        status.message
    };
    for at in 1..=2 {
        let out = check(at, ApiError::SignedOut, false, Phase::SignedOut, Phase::Offline);
        let away = check(at, ApiError::Offline, false, Phase::Offline, Phase::SignedOut);
        assert!(out.is_some() && away.is_some() && out != away, "{out:?} {away:?}");
        check(at, ApiError::SignedOut, true, Phase::Idle, Phase::Offline);
        check(at, ApiError::Offline, true, Phase::Offline, Phase::SignedOut);
    }
    ground.sync(&a);
    assert_eq!(a.vault.waiting().unwrap().count, 0);
}

pub fn a_herd_after_an_outage_is_let_in_bit_by_bit(ground: Ground) {
    let few = |number| NonZeroU32::new(number).unwrap();
    let count = gladstone_testkit::dice::size(12, 100);
    let working = ground.laptop(1, "Amara", "trainer");
    let person = working.register("Rosa Example").unwrap();
    for day in 0..40 {
        working.mood(person, day, 5).unwrap();
    }
    ground.sync(&working);
    let herd: Vec<Laptop> = (0..count as u64).map(|number| ground.laptop(100 + number, &format!("Ben {number}"), "admin")).collect();
    let limits = Limits { at_once: few(2), first_downloads_at_once: few(1), ..no_limits() };
    let settings = Settings { limits, ..Settings::default() };
    let (ready, listens) = std::sync::mpsc::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let centre = Arc::clone(ground.centre());
    let service = thread::spawn(move || {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(async {
            let (server, stands) = Server::bind(centre, &settings, ([127, 0, 0, 1], 0).into(), None).await.unwrap();
            ready.send(stands.address).unwrap();
            server.run(async { drop(ended.await) }).await;
        });
    });
    let address = Address::parse(&format!("http://{}", listens.recv().unwrap())).unwrap();
    let began = Clock::now();
    let slowest = thread::scope(|scope| {
        for laptop in &herd {
            let address = address.clone();
            scope.spawn(move || {
                let client = HttpCentre::new(address, None).unwrap();
                while let Err(error) = sync_once(&laptop.vault, &client, &mut |_| {}) {
                    assert!(matches!(error.status.phase, Phase::Busy | Phase::Offline), "{:?}", error.status);
                    assert!(began.elapsed() < Duration::from_secs(60), "everybody gets in");
                }
            });
        }
        // Who works meanwhile is not slowed down by those who come for the first time.
        let client = HttpCentre::new(address.clone(), None).unwrap();
        (0..6).map(|day| {
            working.mood(person, 100 + day, 5).unwrap();
            let began = Clock::now();
            sync_once(&working.vault, &client, &mut |_| {}).unwrap_or_else(|error| panic!("{:?}", error.status));
            began.elapsed()
        }).max().unwrap()
    });
    assert!(slowest < Duration::from_secs(10), "a change in the midst of a herd took {slowest:?}");
    drop(end);
    service.join().unwrap();
    for laptop in &herd {
        ground.sync(laptop);
        same_person(laptop, &working, person);
    }
}
