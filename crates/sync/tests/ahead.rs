//! Pushes in a row: while the centre works on one, the next is sent, and the answer to the one before is
//! stored. Whatever gets lost or comes in another order within a row, everything arrives, once.

mod support;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use gladstone_central::centre::Caller;
use gladstone_protocol::{ApiError, SyncApi, Verdict, wire::{Judged, PushAnswer, PushRequest}};
use gladstone_sync::{Remote, Report, engine::{Fault, Pushed, Trouble}, flights, remote::{Direct, UnderWay}};
use gladstone_testkit::Laptop;
use support::{Site, at_hand, lend_while, no_limits, passes_on, same_person};
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
    /// It gets there when somebody waits for its answer, or after the next one.
    Late,
    /// It gets there twice, the second time after the next one.
    Again,
}

/// A request that is on its way, and its answer once it got there.
type OnItsWay = Rc<(PushRequest, RefCell<Option<Result<PushAnswer, ApiError>>>)>;

/// A centre that notes what it is asked, with a fate for each push in turn.
struct Noted<'a> {
    centre: Direct<'a>,
    laptop: &'a Laptop,
    fates: RefCell<Vec<Fate>>,
    on_its_way: RefCell<Option<OnItsWay>>,
    /// Envelopes of each push, whether it was early, and how much was stored when it was sent.
    pushes: RefCell<Vec<(usize, bool, u64)>>,
    /// Nonces with which was pushed.
    nonces: RefCell<Vec<[u8; 32]>>,
    takes_early: Cell<bool>,
    clock: Cell<(Instant, Duration)>,
}

impl<'a> Noted<'a> {
    fn new(centre: &'a dyn SyncApi, laptop: &'a Laptop, fates: &[Fate]) -> Noted<'a> {
        let fates = RefCell::new(fates.iter().rev().copied().collect());
        Noted { centre: Direct(centre), laptop, fates, on_its_way: RefCell::default(), pushes: RefCell::default(), nonces: RefCell::default(), takes_early: Cell::new(true), clock: Cell::new((Instant::now(), Duration::ZERO)) }
    }

    /// One that takes a push only when the one before was answered.
    fn of_before(self) -> Noted<'a> {
        self.takes_early.set(false);
        self
    }

    /// One whose every answer takes so long.
    fn slow(self, time: Duration) -> Noted<'a> {
        self.clock.set((self.clock.get().0, time));
        self
    }

    fn there(&self, on_its_way: &OnItsWay) -> Result<PushAnswer, ApiError> {
        on_its_way.1.borrow_mut().get_or_insert_with(|| self.centre.push(&on_its_way.0)).clone()
    }
}

passes_on!(Noted<'_>);

at_hand!(Noted<'_> {
    fn begin(&self, request: &PushRequest, early: bool) -> UnderWay<'_> {
        self.pushes.borrow_mut().push((request.envelopes.len(), early, 30_u64.saturating_sub(self.laptop.vault.waiting().unwrap().count)));
        self.nonces.borrow_mut().push(request.nonce);
        let before = self.on_its_way.borrow_mut().take();
        let on_its_way: OnItsWay = Rc::new((request.clone(), RefCell::default()));
        let fate = self.fates.borrow_mut().pop().unwrap_or(Fate::Fine);
        let answer = match fate {
            Fate::Fine => Some(self.there(&on_its_way)),
            Fate::RequestLost => Some(Err(ApiError::Offline)),
            Fate::AnswerLost => Some(self.there(&on_its_way).and(Err(ApiError::Offline))),
            Fate::Cut => {
                let first = PushRequest { envelopes: request.envelopes.iter().take(2).cloned().collect(), ..request.clone() };
                Some(self.centre.push(&first).map(|mut answer| {
                    if let Some(last) = answer.verdicts.last().cloned() {
                        answer.verdicts.push(Judged { dseq: last.dseq + 1, verdict: Verdict::Later { after_ms: 1 } });
                    }
                    answer
                }))
            }
            Fate::Late => None,
            Fate::Again => Some(self.centre.push(request)),
        };
        // What was behind is there now, and nobody hears more of it than its own answer.
        let _ = before.map(|before| self.there(&before));
        if matches!(fate, Fate::Late | Fate::Again) {
            *self.on_its_way.borrow_mut() = Some(Rc::clone(&on_its_way));
        }
        Box::new(move || {
            let (now, time) = self.clock.get();
            self.clock.set((now + time, time));
            answer.unwrap_or_else(|| self.there(&on_its_way))
        })
    }

    fn takes_early(&self) -> bool {
        self.takes_early.get()
    }

    fn was_overtaken(&self) {
        self.takes_early.set(false);
    }

    fn now(&self) -> Instant {
        self.clock.get().0
    }
});

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
    let mut report = Report::default();
    flights::push(&lend_while(&laptop.vault, lent), remote, 5, &mut report).map(|pushed| (pushed, report))
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

/// The first five of what would be pushed.
fn five(mut asked: PushRequest) -> PushRequest {
    asked.envelopes.truncate(5);
    asked
}

fn caller(site: &Site, laptop: &Laptop) -> Caller {
    site.centre.caller(site.realm, laptop.vault.state().device).unwrap()
}

#[test]
fn two_pushes_are_open_and_what_follows_is_sent_before_an_answer_is_stored() {
    let (site, a, b, person) = scene();
    let line = site.centre.for_device(caller(&site, &a));
    let centre = Noted::new(&line, &a, &[]);
    let (pushed, report) = push(&a, &centre, || true).unwrap();
    assert_eq!(*centre.pushes.borrow(), [(5, false, 0), (5, false, 0), (5, true, 5), (5, true, 5), (5, true, 10), (5, true, 15)], "the first one tells whether the centre is there");
    assert_eq!((pushed.waiting, pushed.more, report.sent, report.applied), (0, false, 30, 30));
    let nonces = centre.nonces.borrow();
    assert!(nonces.iter().all(|nonce| nonce == &nonces[0]), "whichever of two comes first, the other one's nonce is good: {nonces:?}");
    arrived(&site, &a, &b, person, "in a row");
    assert_ne!(a.vault.next_push().unwrap().nonce, nonces[0], "it is turned by each row");
}

#[test]
fn a_centre_of_before_gets_the_next_push_when_the_one_before_was_answered() {
    let (site, a, b, person) = scene();
    let line = site.centre.for_device(caller(&site, &a));
    let centre = Noted::new(&line, &a, &[]).of_before();
    let (pushed, report) = push(&a, &centre, || true).unwrap();
    assert_eq!(*centre.pushes.borrow(), [(5, false, 0), (5, false, 0), (5, false, 5), (5, false, 10), (5, false, 15), (5, false, 20)]);
    assert_eq!((pushed.waiting, pushed.more, report.sent, report.applied), (0, false, 30, 30));
    let nonces = centre.nonces.borrow();
    assert!(nonces.windows(3).all(|three| three[0] != three[2]), "a nonce is used for one answer ahead at most: {nonces:?}");
    arrived(&site, &a, &b, person, "in a row");
}

#[test]
fn a_slow_line_carries_one_push_at_a_time_and_is_told_of_often() {
    // Time of each answer in milliseconds, and pushes of a row as far as they go: early or not.
    let check = |millis: u64, early: &[bool]| {
        let (site, a, b, person) = scene();
        let line = site.centre.for_device(caller(&site, &a));
        let centre = Noted::new(&line, &a, &[]).slow(Duration::from_millis(millis));
        let pushed = push(&a, &centre, || true).unwrap().0;
        assert_eq!(centre.pushes.borrow().iter().map(|(_, early, _)| *early).collect::<Vec<_>>(), early, "{millis} ms");
        assert_eq!(pushed.more, early.len() < 6, "{millis} ms");
        arrived(&site, &a, &b, person, &format!("{millis} ms"));
    };
    check(100, &[false, false, true, true, true, true]);
    check(900, &[false, false, true, true, true]);
    check(2_000, &[false, false]);
    check(5_000, &[false]);
}

#[test]
fn whatever_happens_within_a_row_everything_arrives_once() {
    for fate in [Fate::RequestLost, Fate::AnswerLost, Fate::Cut, Fate::Late, Fate::Again] {
        for (at, of_before) in (0..6).map(|at| (at, false)).chain([(0, true), (3, true)]) {
            let what = format!("{fate:?} at push {at}{}", if of_before { " with a centre of before" } else { "" });
            let (site, a, b, person) = scene();
            let line = site.centre.for_device(caller(&site, &a));
            let fates: Vec<Fate> = (0..6).map(|number| if number == at { fate } else { Fate::Fine }).collect();
            let centre = Noted::new(&line, &a, &fates);
            let centre = if of_before { centre.of_before() } else { centre };
            let before = a.vault.waiting().unwrap().count;
            let ended = push(&a, &centre, || true);
            assert_eq!(ended.is_ok(), !matches!(fate, Fate::RequestLost | Fate::AnswerLost), "{what}: {ended:?}");
            // What was answered before is stored, although the row broke off.
            let stored = before - a.vault.waiting().unwrap().count;
            let is_overtaken = fate == Fate::Late && !of_before && (1..5).contains(&at);
            let expected = match fate {
                Fate::RequestLost | Fate::AnswerLost => 5 * at as u64,
                Fate::Cut => 5 * at as u64 + 2,
                // The one behind it was told of a gap, which says nothing any more; the row ends.
                Fate::Late if is_overtaken => 5 * (at as u64 + 1),
                _ => 30,
            };
            assert_eq!(stored, expected, "{what}");
            assert_eq!(centre.takes_early(), !of_before && !is_overtaken, "{what}: whoever was overtaken sends one after the other");
            assert_eq!(a.vault.waiting().unwrap().quarantined, 0, "{what}");
            let again = push(&a, &Noted::new(&line, &a, &[]), || true).unwrap().0;
            assert!(again.progress && again.trouble.is_none(), "{what}: {again:?}");
            arrived(&site, &a, &b, person, &what);
            assert!(a.vault.sync_log().unwrap().iter().all(|line| !line.line.contains("lacks earlier entries")), "{what}");
        }
    }
}

#[test]
fn pushes_that_were_given_up_arrive_whenever_they_like() {
    for given_up_at in 1..5 {
        let (site, a, b, person) = scene();
        let line = site.centre.for_device(caller(&site, &a));
        // The answer to one gets lost; what was sent behind it is still on its way, and so is a copy of the one before.
        let fates: Vec<Fate> = (0..6).map(|number| if number == given_up_at { Fate::AnswerLost } else if number > given_up_at { Fate::Late } else { Fate::Fine }).collect();
        let first = Noted::new(&line, &a, &fates);
        push(&a, &first, || true).unwrap_err();
        let late = first.on_its_way.borrow_mut().take();
        for turn in 0..3 {
            let pushed = push(&a, &Noted::new(&line, &a, &[]), || true).unwrap().0;
            assert!(pushed.trouble.is_none(), "given up at {given_up_at}, turn {turn}: {pushed:?}");
            // Before, between and after what is sent anew: nobody hears its answer.
            let _ = late.as_ref().map(|late| line.push(&late.0));
        }
        arrived(&site, &a, &b, person, &format!("given up at {given_up_at}"));
    }
}

#[test]
fn a_vault_that_is_locked_within_a_row_loses_nothing() {
    for open_for in 0..24 {
        let (site, a, b, person) = scene();
        let line = site.centre.for_device(caller(&site, &a));
        let times = Cell::new(0);
        let lent = || times.replace(times.get() + 1) < open_for;
        let ended = push(&a, &Noted::new(&line, &a, &[]), lent);
        assert!(ended.is_err() || times.get() <= open_for, "it says so");
        arrived(&site, &a, &b, person, &format!("locked after it was lent {open_for} times"));
    }
}

#[test]
fn a_copy_that_comes_between_two_open_pushes_is_told_apart() {
    for stored in 0..4 {
        let (site, a, _b, person) = scene();
        let line = site.centre.for_device(caller(&site, &a));
        let copy = a.cloned(9);
        copy.mood(person, 77, 1).unwrap();
        for _ in 0..stored {
            let asked = five(a.vault.next_push().unwrap());
            a.vault.take_push(&asked, &line.push(&asked).unwrap()).unwrap();
        }
        // Two are open; the second one comes first, then the copy, then the first one.
        let first = five(a.vault.next_push().unwrap());
        let second = five(a.vault.next_push_behind(&first, true).unwrap().unwrap());
        line.push(&second).unwrap();
        let copied = line.push(&copy.vault.next_push().unwrap()).unwrap();
        line.push(&first).unwrap();
        a.mood(person, 78, 2).unwrap();
        let own = push(&a, &Noted::new(&line, &a, &[]), || true).unwrap().0;
        let is_copy = copied.verdicts.iter().any(|judged| judged.verdict == Verdict::Fork);
        assert!(is_copy ^ (own.trouble == Some(Trouble::Copy)), "one of them goes on, the other one is told; {stored} were stored: {own:?}");
        assert_eq!(is_copy, stored > 0, "whose nonce is old is told at once");
    }
}

#[test]
fn over_http_the_centre_works_while_something_else_is_done() {
    let (site, a, b, person) = scene();
    for protected in [false, true] {
        let service = site.serve(protected, no_limits());
        let client = service.client_of(&a);
        assert!(client.takes_early(), "the session says so");
        let asked = five(a.vault.next_push().unwrap());
        let head = site.centre.head(site.realm).unwrap();
        let under_way = client.begin(&asked, false);
        // It has arrived and is decided before anybody asks for the answer.
        until("the centre works meanwhile", || site.centre.head(site.realm).unwrap() >= head + 5);
        let answer = under_way().unwrap();
        assert_eq!(answer.verdicts.len(), 5);
        assert!(answer.verdicts.iter().all(|judged| matches!(judged.verdict, Verdict::Applied { .. })), "{answer:?}");
        a.vault.take_push(&asked, &answer).unwrap();
        // A centre that is gone: the line says what it is.
        let next = a.vault.next_push().unwrap();
        drop(service);
        assert_eq!(client.begin(&next, false)(), Err(ApiError::Offline));
        client.abandon();
        assert_eq!(client.begin(&next, false)(), Err(ApiError::Offline), "and after the vault was locked");
    }
    arrived(&site, &a, &b, person, "over HTTP");
}

#[test]
fn over_http_an_early_push_waits_for_its_turn_and_one_that_was_given_up_is_forgotten() {
    let (site, a, b, person) = scene();
    for protected in [false, true] {
        let service = site.serve(protected, no_limits());
        let client = service.client_of(&a);
        let first = five(a.vault.next_push().unwrap());
        let second = five(a.vault.next_push_behind(&first, true).unwrap().unwrap());
        let third = five(a.vault.next_push_behind(&second, true).unwrap().unwrap());
        let head = site.centre.head(site.realm).unwrap();
        // Given up: whoever comes after it is not taken for a second one.
        let given_up = client.begin(&second, true);
        std::thread::sleep(Duration::from_millis(100));
        drop(given_up);
        std::thread::sleep(Duration::from_millis(100));
        let early = client.begin(&second, true);
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(site.centre.head(site.realm).unwrap(), head, "it waits");
        // Only one waits; another one is told at once what is missing.
        let told = client.begin(&third, true)().unwrap();
        assert!(matches!(told.verdicts[..], [Judged { verdict: Verdict::Gap { .. }, .. }]), "{told:?}");
        for (asked, answer) in [(&first, client.begin(&first, false)().unwrap()), (&second, early().unwrap())] {
            assert!(answer.verdicts.len() == 5 && answer.verdicts.iter().all(|judged| matches!(judged.verdict, Verdict::Applied { .. })), "{answer:?}");
            a.vault.take_push(asked, &answer).unwrap();
        }
        // A service that ends does not wait for what is in front.
        let fourth = five(a.vault.next_push_behind(&third, true).unwrap().unwrap());
        let waits = client.begin(&fourth, true);
        std::thread::sleep(Duration::from_millis(200));
        let began = Instant::now();
        drop(service);
        let _ = waits();
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        client.was_overtaken();
        assert!(!client.takes_early());
    }
    arrived(&site, &a, &b, person, "in turn");
}

/// Waits until something holds.
fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
