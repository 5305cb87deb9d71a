//! Pulls in a row: while one answer is stored, the next one is on its way. Whatever is lost, cut off or refused
//! in between, nothing is claimed that is not durable, and nothing that is durable is fetched again.

mod support;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use gladstone_central::{Embedded, Machine, Portions, centre::{Caller, Centre}};
use gladstone_model::{Unit, unit::UnitKind};
use gladstone_protocol::{ApiError, SyncApi, wire::{Basis, PullAnswer, PullRequest, PushAnswer, PushRequest, unit_set_hash}};
use gladstone_sync::{Remote, Report, engine::{Fault, Pulled}, flights, remote::Direct, sync_once};
use gladstone_testkit::Laptop;
use support::{Service, Site, at_hand, lend, lend_while, no_limits, same_person};
use tempfile::TempDir;
use uuid::Uuid;

/// Persons that are fetched; each comes with an answer of its own.
const PERSONS: usize = 7;

/// What becomes of a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Fine,
    /// The centre never gets it.
    RequestLost,
    /// The centre has handed out what was asked.
    AnswerLost,
    /// A row of the answer is another one, or a unit without rows comes from the future.
    Changed,
}

/// A centre that notes what it is asked, with a fate for each pull in turn.
struct Noted<'a> {
    centre: Direct<'a>,
    fates: RefCell<Vec<Fate>>,
    asked: RefCell<Vec<PullRequest>>,
    given: RefCell<Vec<Unit>>,
    anew: Cell<bool>,
    ahead: bool,
}

impl<'a> Noted<'a> {
    fn new(centre: &'a dyn SyncApi, fates: &[Fate]) -> Noted<'a> {
        let fates = RefCell::new(fates.iter().rev().copied().collect());
        Noted { centre: Direct(centre), fates, asked: RefCell::default(), given: RefCell::default(), anew: Cell::default(), ahead: true }
    }
}

impl SyncApi for Noted<'_> {
    fn push(&self, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        self.centre.push(request)
    }

    fn pull(&self, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        self.asked.borrow_mut().push(request.clone());
        let fate = self.fates.borrow_mut().pop().unwrap_or(Fate::Fine);
        if fate == Fate::RequestLost {
            return Err(ApiError::Offline);
        }
        let mut answer = self.centre.pull(request)?;
        self.anew.set(self.anew.get() || answer.basis != Basis::Checkpoint);
        if fate == Fate::AnswerLost {
            return Err(ApiError::Offline);
        }
        self.given.borrow_mut().extend(answer.grants.iter().filter(|grant| grant.complete).map(|grant| grant.unit));
        if fate == Fate::Changed {
            let grant = answer.grants.first_mut().unwrap();
            match grant.pages.iter_mut().flat_map(|page| &mut page.rows).next() {
                Some(row) => row.row_mid = Uuid::from_u128(1),
                None => grant.at_g = u64::MAX,
            }
        }
        Ok(answer)
    }
}

at_hand!(Noted<'_> {
    fn remembers_ahead(&self) -> bool {
        self.ahead
    }
});

/// A centre with which something happens before each pull, and to each answer.
struct Meddled<'a> {
    centre: Noted<'a>,
    before: &'a dyn Fn(),
    after: &'a dyn Fn(&mut PullAnswer),
}

impl SyncApi for Meddled<'_> {
    fn push(&self, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        self.centre.push(request)
    }

    fn pull(&self, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        (self.before)();
        let mut answer = self.centre.pull(request)?;
        (self.after)(&mut answer);
        Ok(answer)
    }
}

at_hand!(Meddled<'_>);

fn small(folder: &Path) -> Arc<Centre> {
    let engine = Embedded::open(&folder.join("realms")).unwrap();
    let portions = Portions { changes: 100_000, room: 1_000_000, lines: 1_000, units: 1 };
    Arc::new(Centre::open(Box::new(engine), Arc::new(Machine::default())).unwrap().with_portions(portions))
}

/// A centre that gives one unit with each answer, a laptop whose persons are there, and a new one of somebody
/// who sees them all.
fn scene() -> (Site, Laptop, Laptop, Vec<Uuid>) {
    let folder = TempDir::new().unwrap();
    let centre = small(folder.path());
    let realm = centre.found("Greenfield Practice").unwrap();
    let site = Site { folder, centre, realm };
    let (a, b) = (site.laptop(1, "Amara", "trainer"), site.laptop(2, "Ben", "admin"));
    let persons = (0..PERSONS).map(|number| a.register(&format!("Person {number}")).unwrap()).collect::<Vec<_>>();
    for person in &persons {
        for day in 0..5 {
            a.mood(*person, day, 5).unwrap();
        }
    }
    site.sync(&a).unwrap();
    (site, a, b, persons)
}

fn caller(site: &Site, laptop: &Laptop) -> Caller {
    site.centre.caller(site.realm, laptop.vault.state().device).unwrap()
}

/// One flight over a centre.
fn pull(laptop: &Laptop, remote: &dyn Remote, lent: impl Fn() -> bool) -> Result<(Pulled, Report), Fault> {
    let mut report = Report::default();
    flights::pull(&lend_while(&laptop.vault, lent), remote, &mut report).map(|(pulled, _)| (pulled, report))
}

/// Units that are held completely.
fn held(laptop: &Laptop) -> u64 {
    laptop.count("SELECT count(*) FROM unit_held WHERE complete = 1")
}

/// What is held is what the other one has, and the centre's sum agrees.
fn arrived(site: &Site, a: &Laptop, b: &Laptop, persons: &[Uuid], what: &str) {
    for _ in 0..2 {
        site.sync(b).unwrap_or_else(|error| panic!("{what}: {:?}", error.status));
    }
    persons.iter().for_each(|person| same_person(a, b, *person));
    assert_eq!((b.count("SELECT count(*) FROM mood_entries"), b.count("SELECT count(*) FROM stage")), (5 * PERSONS as u64, 0), "{what}");
    assert!(b.base() == b.view(), "{what}: nothing is pending");
    let differed = b.vault.sync_log().unwrap().into_iter().find(|line| line.line.contains("agree"));
    assert_eq!(differed, None, "{what}: nothing ever differed");
}

/// Goes on after a flight that did not come to its end: nothing comes anew, and no unit that was durable again.
fn goes_on(site: &Site, a: &Laptop, b: &Laptop, persons: &[Uuid], what: &str) {
    let durable: BTreeSet<Vec<u8>> = b.peek(|connection| {
        let mut units = connection.prepare("SELECT unit_id FROM unit_held WHERE complete = 1").unwrap();
        units.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    });
    let line = site.centre.for_device(caller(site, b));
    let centre = Noted::new(&line, &[]);
    while flights::pull(&lend(&b.vault), &centre, &mut Report::default()).unwrap_or_else(|fault| panic!("{what}: {fault:?}")).0.more {}
    assert!(!centre.anew.get(), "{what}: the centre knows what is held here");
    assert!(centre.given.borrow().iter().all(|unit| !durable.contains(unit.to_bytes().as_slice())), "{what}: what is durable does not come again");
    arrived(site, a, b, persons, what);
}

#[test]
fn answers_follow_each_other_and_each_request_says_what_is_durable() {
    let (site, a, b, persons) = scene();
    let line = site.centre.for_device(caller(&site, &b));
    let centre = Noted::new(&line, &[]);
    let (pulled, report) = pull(&b, &centre, || true).unwrap();
    let asked = centre.asked.borrow().clone();
    assert!(!pulled.more && asked.len() > PERSONS && report.entered > PERSONS, "one flight fetches everything: {} requests", asked.len());
    let nothing = unit_set_hash([]);
    assert_eq!((asked[0].units, asked[0].ahead), (nothing, None), "the first one has nothing before it");
    assert!(asked[1..4].iter().all(|asked| asked.ahead == Some(nothing) && asked.units != nothing), "nothing is durable before the first answers are stored");
    assert!(asked[4..].iter().all(|later| asked.iter().any(|earlier| later.ahead == Some(earlier.units) && earlier.units != nothing)), "then what was stored is");
    assert!(!centre.anew.get());
    arrived(&site, &a, &b, &persons, "in a row");
}

#[test]
fn whatever_gets_lost_within_a_row_nothing_is_claimed_that_is_not_durable() {
    for fate in [Fate::RequestLost, Fate::AnswerLost, Fate::Changed] {
        for at in 0..PERSONS {
            let what = format!("{fate:?} at pull {at}");
            let (site, a, b, persons) = scene();
            let line = site.centre.for_device(caller(&site, &b));
            let fates: Vec<Fate> = (0..PERSONS).map(|number| if number == at { fate } else { Fate::Fine }).collect();
            let centre = Noted::new(&line, &fates);
            let expected = if fate == Fate::Changed { ApiError::Damaged } else { ApiError::Offline };
            assert_eq!(pull(&b, &centre, || true).map(|_| ()), Err(Fault::Api(expected)), "{what}");
            assert!(held(&b) <= centre.given.borrow().len() as u64, "{what}: no more than was given");
            goes_on(&site, &a, &b, &persons, &what);
        }
    }
}

#[test]
fn a_laptop_that_stops_between_any_two_answers_goes_on_where_it_was_also_at_a_centre_that_was_started_anew() {
    let mut stands = BTreeSet::new();
    for restarted in [false, true] {
        for moments in 1_u32.. {
            let what = format!("locked after {moments} moments, restarted: {restarted}");
            let (mut site, a, b, persons) = scene();
            let left = Cell::new(moments);
            let line = site.centre.for_device(caller(&site, &b));
            let done = pull(&b, &Noted::new(&line, &[]), || left.replace(left.get().saturating_sub(1)) > 0);
            let ended = done.is_ok();
            assert!(ended || done == Err(Fault::Local("The vault is locked.".into())), "{what}: {done:?}");
            stands.insert(held(&b));
            // The next answers had arrived when this one was not stored any more.
            let b = b.reopened();
            if restarted {
                site.centre = small(site.folder.path());
            }
            goes_on(&site, &a, &b, &persons, &what);
            if ended {
                break;
            }
        }
    }
    assert!(stands.len() > 3, "it stopped at several sets of units: {stands:?}");
}

#[test]
fn an_answer_that_can_never_be_stored_holds_up_nothing_in_front_of_it() {
    let (site, a, b, persons) = scene();
    let line = site.centre.for_device(caller(&site, &b));
    let last = Unit { kind: UnitKind::Person, id: *persons.iter().max().unwrap() };
    let spoil = |answer: &mut PullAnswer| answer.grants.iter_mut().filter(|grant| grant.unit == last).flat_map(|grant| &mut grant.pages).for_each(|page| page.hash = [0; 32]);
    let (nothing, mut refused) = (|| {}, 0);
    for _ in 0..20 {
        let centre = Meddled { centre: Noted::new(&line, &[]), before: &nothing, after: &spoil };
        refused += u32::from(pull(&b, &centre, || true).is_err());
        assert!(!centre.centre.anew.get(), "the centre knows what is held here");
    }
    assert!(refused > 10, "it comes again and again");
    assert!(held(&b) >= PERSONS as u64 - 1, "what comes in front of it is there: {} units", held(&b));
    goes_on(&site, &a, &b, &persons, "spoilt");
}

#[test]
fn what_others_write_while_answers_are_on_their_way_arrives_too() {
    let (site, a, b, persons) = scene();
    let line = site.centre.for_device(caller(&site, &b));
    let day = Cell::new(0);
    let write = || {
        let person = persons[day.get() % PERSONS];
        let mood = a.peek(|connection| connection.query_row("SELECT id FROM mood_entries WHERE user_id = ?1 LIMIT 1", [person.as_bytes()], |row| row.get::<_, Vec<u8>>(0))).unwrap();
        a.set("mood_entries", Uuid::from_slice(&mood).unwrap(), "notes", format!("again {}", day.get()).as_str()).unwrap();
        day.set(day.get() + 1);
        site.sync(&a).unwrap();
    };
    let centre = Meddled { centre: Noted::new(&line, &[]), before: &write, after: &|_| {} };
    pull(&b, &centre, || true).unwrap();
    assert!(day.get() > PERSONS, "somebody wrote before each answer: {}", day.get());
    assert!(!centre.centre.anew.get(), "the centre knows what is held here");
    goes_on(&site, &a, &b, &persons, "others write");
}

#[test]
fn a_centre_that_remembers_no_such_sets_is_asked_when_an_answer_is_durable() {
    let (site, a, b, persons) = scene();
    let line = site.centre.for_device(caller(&site, &b));
    let centre = Noted { ahead: false, ..Noted::new(&line, &[]) };
    let mut flights = 0;
    while pull(&b, &centre, || true).unwrap().0.more {
        flights += 1;
        assert_eq!(b.vault.pull_request().unwrap().units, unit_set_hash(centre.given.borrow().iter().copied()), "everything that was given is held");
    }
    assert!(flights >= PERSONS && centre.asked.borrow().iter().all(|asked| asked.ahead.is_none()), "as by a laptop of before");
    arrived(&site, &a, &b, &persons, "one by one");
}

#[test]
fn over_http_a_row_arrives_whole_and_one_that_is_given_up_ends_at_once() {
    for protected in [false, true] {
        let (site, a, b, persons) = scene();
        let service: Service = site.serve(protected, no_limits());
        let remote = service.client_of(&b);
        assert!(remote.remembers_ahead(), "the session says so");
        // The third moment is the second answer.
        let left = Cell::new(3);
        let began = Instant::now();
        let done = pull(&b, &remote, || left.replace(left.get() - 1) > 0);
        assert_eq!(done.map(|_| ()), Err(Fault::Local("The vault is locked.".into())));
        assert!(began.elapsed() < Duration::from_secs(20), "nobody waits for what was asked ahead");
        let before = held(&b);
        let (pulled, _) = pull(&b, &remote, || true).unwrap();
        assert!(!pulled.more && held(&b) > before, "one flight brings the rest");
        let lend = sync_once(&b.vault, &remote, &mut |_| {});
        assert!(lend.is_ok());
        arrived(&site, &a, &b, &persons, "HTTP");
    }
}
