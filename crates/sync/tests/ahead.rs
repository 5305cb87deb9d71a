//! Pushes in a row: while the centre works on one, the answer to the one before is stored. Whatever gets
//! lost between two of them, everything arrives, once.

mod support;

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

use gladstone_central::centre::Caller;
use gladstone_protocol::{ApiError, SyncApi, Verdict, wire::{PullAnswer, PullRequest, PushAnswer, PushRequest}};
use gladstone_sync::{Remote, Report, engine::{Fault, Pushed}, flights, remote::{Direct, Sign}};
use gladstone_testkit::Laptop;
use gladstone_vault::Vault;
use support::{Site, no_limits, same_person};
use uuid::Uuid;

/// What becomes of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Fine,
    /// The centre never gets it.
    RequestLost,
    /// The centre has done what was asked.
    AnswerLost,
    /// The centre takes the first two envelopes and asks to wait.
    Cut,
}

/// A centre that notes what it is asked, with a fate for each push in turn.
struct Noted<'a> {
    centre: Direct<'a>,
    fates: RefCell<Vec<Fate>>,
    /// Envelopes of each push, and whether something else was done meanwhile.
    pushes: RefCell<Vec<(usize, bool)>>,
    /// Nonces with which was pushed.
    nonces: RefCell<Vec<[u8; 32]>>,
}

impl<'a> Noted<'a> {
    fn new(centre: &'a dyn SyncApi, fates: &[Fate]) -> Noted<'a> {
        Noted { centre: Direct(centre), fates: RefCell::new(fates.iter().rev().copied().collect()), pushes: RefCell::default(), nonces: RefCell::default() }
    }
}

impl SyncApi for Noted<'_> {
    fn push(&self, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        self.pushes.borrow_mut().push((request.envelopes.len(), false));
        self.nonces.borrow_mut().push(request.nonce);
        match self.fates.borrow_mut().pop().unwrap_or(Fate::Fine) {
            Fate::Fine => self.centre.push(request),
            Fate::RequestLost => Err(ApiError::Offline),
            Fate::AnswerLost => self.centre.push(request).and(Err(ApiError::Offline)),
            Fate::Cut => {
                let first = PushRequest { envelopes: request.envelopes.iter().take(2).cloned().collect(), ..request.clone() };
                let mut answer = self.centre.push(&first)?;
                if let Some(last) = answer.verdicts.last().cloned() {
                    answer.verdicts.push(gladstone_protocol::wire::Judged { dseq: last.dseq + 1, verdict: Verdict::Later { after_ms: 1 } });
                }
                Ok(answer)
            }
        }
    }

    fn pull(&self, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        self.centre.pull(request)
    }
}

impl Remote for Noted<'_> {
    fn sign_in(&self, _: Uuid, _: Sign<'_>) -> Result<(), ApiError> {
        Ok(())
    }

    fn wait(&self, beyond: u64) -> Result<u64, ApiError> {
        Ok(beyond)
    }

    fn push_while(&self, request: &PushRequest, meanwhile: &mut dyn FnMut()) -> Result<PushAnswer, ApiError> {
        let answer = self.push(request);
        meanwhile();
        self.pushes.borrow_mut().last_mut().unwrap().1 = true;
        answer
    }
}

/// A laptop with a person and thirty moods that wait, and the colleague who will see them.
fn scene() -> (Site, Laptop, Laptop, Uuid) {
    let site = Site::new();
    let (a, b) = (site.laptop(1, "Amara", "trainer"), site.laptop(2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    site.sync(&a).unwrap();
    for day in 0..30 {
        a.mood(person, day, 5).unwrap();
    }
    (site, a, b, person)
}

/// One flight over a centre; five envelopes at a time.
fn push(laptop: &Laptop, remote: &dyn Remote, lent: impl Fn() -> bool) -> Result<(Pushed, Report), Fault> {
    let lend = |f: &mut dyn FnMut(&Vault)| {
        let open = lent();
        if open {
            f(&laptop.vault);
        }
        open
    };
    let mut report = Report::default();
    flights::push(&lend, remote, 5, &mut report).map(|pushed| (pushed, report))
}

/// That everything is at the centre, once, and shown by both.
fn arrived(site: &Site, a: &Laptop, b: &Laptop, person: Uuid, what: &str) {
    for laptop in [a, b] {
        site.sync(laptop).unwrap_or_else(|error| panic!("{what}: {:?}", error.status));
    }
    same_person(a, b, person);
    assert_eq!((b.count("SELECT count(*) FROM mood_entries"), a.vault.waiting().unwrap().count, b.count("SELECT count(*) FROM conflicts")), (30, 0, 0), "{what}");
    assert!(a.base() == a.view(), "{what}: nothing is pending");
    a.vault.verify(&mut |_, _| true).unwrap();
    assert_eq!(site.centre.verify_audit(site.realm, &mut |_, _| true).unwrap().faults, [], "{what}");
}

fn caller(site: &Site, laptop: &Laptop) -> Caller {
    site.centre.caller(site.realm, laptop.vault.state().device).unwrap()
}

#[test]
fn pushes_follow_each_other_and_each_answer_is_stored_while_the_next_one_is_under_way() {
    let (site, a, b, person) = scene();
    let line = site.centre.for_device(caller(&site, &a));
    let centre = Noted::new(&line, &[]);
    let (pushed, report) = push(&a, &centre, || true).unwrap();
    assert_eq!(*centre.pushes.borrow(), [(5, false), (5, true), (5, true), (5, true), (5, true), (5, true)], "the first one has nothing before it");
    assert_eq!((pushed.waiting, pushed.more, report.sent, report.applied), (0, false, 30, 30));
    let nonces = centre.nonces.borrow();
    assert!(nonces.windows(3).all(|three| three[0] != three[2]), "a nonce is used for one answer ahead at most: {nonces:?}");
    arrived(&site, &a, &b, person, "in a row");
}

#[test]
fn whatever_gets_lost_within_a_row_everything_arrives_once() {
    for fate in [Fate::RequestLost, Fate::AnswerLost, Fate::Cut] {
        for at in 0..6 {
            let what = format!("{fate:?} at push {at}");
            let (site, a, b, person) = scene();
            let line = site.centre.for_device(caller(&site, &a));
            let fates: Vec<Fate> = (0..6).map(|number| if number == at { fate } else { Fate::Fine }).collect();
            let centre = Noted::new(&line, &fates);
            let before = a.vault.waiting().unwrap().count;
            let ended = push(&a, &centre, || true);
            assert_eq!(ended.is_ok(), fate == Fate::Cut, "{what}");
            // What was answered before is stored, although the row broke off.
            let stored = before - a.vault.waiting().unwrap().count;
            assert_eq!(stored, 5 * at as u64 + if fate == Fate::Cut { 2 } else { 0 }, "{what}");
            assert_eq!(a.vault.waiting().unwrap().quarantined, 0, "{what}");
            let again = push(&a, &Noted::new(&line, &[]), || true).unwrap().0;
            assert!(again.progress && again.trouble.is_none(), "{what}: {again:?}");
            arrived(&site, &a, &b, person, &what);
        }
    }
}

#[test]
fn a_vault_that_is_locked_within_a_row_loses_nothing() {
    for open_for in 0..14 {
        let (site, a, b, person) = scene();
        let line = site.centre.for_device(caller(&site, &a));
        let times = Cell::new(0);
        let lent = || times.replace(times.get() + 1) < open_for;
        let ended = push(&a, &Noted::new(&line, &[]), lent);
        assert!(ended.is_err() || times.get() <= open_for, "it says so");
        arrived(&site, &a, &b, person, &format!("locked after it was lent {open_for} times"));
    }
}

#[test]
fn over_http_the_centre_works_while_something_else_is_done() {
    let (site, a, b, person) = scene();
    for protected in [false, true] {
        let service = site.serve(protected, no_limits());
        let client = service.client_of(&a);
        let mut asked = a.vault.next_push().unwrap();
        asked.envelopes.truncate(5);
        let (head, mut times) = (site.centre.head(site.realm).unwrap(), 0);
        let answer = client.push_while(&asked, &mut || {
            times += 1;
            // It has arrived and is decided before anybody asks for the answer.
            let began = Instant::now();
            while site.centre.head(site.realm).unwrap() < head + 5 {
                assert!(began.elapsed() < Duration::from_secs(20), "the centre works meanwhile");
                std::thread::sleep(Duration::from_millis(1));
            }
        }).unwrap();
        assert_eq!((times, answer.verdicts.len()), (1, 5));
        assert!(answer.verdicts.iter().all(|judged| matches!(judged.verdict, Verdict::Applied { .. })), "{answer:?}");
        a.vault.take_push(&asked, &answer).unwrap();
        // A centre that is gone: what is done meanwhile is done all the same, and the line says what it is.
        let next = a.vault.next_push().unwrap();
        drop(service);
        let mut times = 0;
        assert_eq!(client.push_while(&next, &mut || times += 1), Err(ApiError::Offline));
        assert_eq!(times, 1);
        client.abandon();
        assert_eq!(client.push_while(&next, &mut || times += 1), Err(ApiError::Offline), "and after the vault was locked");
        assert_eq!(times, 2);
    }
    arrived(&site, &a, &b, person, "over HTTP");
}
