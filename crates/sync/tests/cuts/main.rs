//! The connection is cut at every byte of every kind of request and of its answer, in front of the
//! real service. Whatever got through, the next try comes to its end, what was written is at the
//! centre once, and nothing is lost.
//!
//! On files every byte, always. On PostgreSQL every byte when `GLADSTONE_SOAK` is set, a sample otherwise.

#[path = "../support/mod.rs"]
mod support;

mod line;

use std::sync::Arc;

use gladstone_central::{Centre, Machine, Postgres, postgres};
use gladstone_protocol::{ApiError, SyncApi, enrol::{EnrolRequest, to_hex}};
use gladstone_sync::{HttpCentre, Phase, Remote, Report, flights, sync_once};
use gladstone_testkit::{Laptop, dice, image::scratch, postgres::Cluster};
use gladstone_vault::surroundings::Surroundings;
use line::{Line, Part};
use support::{Service, Site, lend, no_limits, sign_in, signed_in};
use tempfile::TempDir;
use uuid::Uuid;

/// Where the centre keeps its store, and which bytes are cut.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Files,
    Postgresql,
}

/// A service behind a line, and two laptops that joined it past the line.
struct Scene {
    a: Laptop,
    b: Laptop,
    client: HttpCentre,
    line: Line,
    service: Service,
    site: Site,
    /// Bytes from one cut to the next.
    step: usize,
    person: Uuid,
    turns: u64,
    /// Dropped last.
    _database: Option<(Cluster, TempDir)>,
}

impl Scene {
    fn new(kind: Kind) -> Scene {
        let database = (kind == Kind::Postgresql).then(|| (Cluster::start().unwrap(), scratch()));
        let site = match &database {
            None => Site::new(),
            Some((cluster, folder)) => {
                let state = folder.path().join("state");
                postgres::migrate(&cluster.address("gladstone", "postgres"), &state).unwrap();
                let engine = Postgres::open(&postgres::Settings { connections: 4, ..postgres::Settings::new(&cluster.address("gladstone_app", "postgres"), &state) }).unwrap();
                let centre = Arc::new(Centre::open(Box::new(engine), Arc::new(Machine::default())).unwrap());
                let realm = centre.found("Greenfield Practice").unwrap();
                Site::over(centre, realm)
            }
        };
        let service = site.serve(false, no_limits());
        let (a, b) = (service.laptop(&site, 1, "Amara", "trainer"), service.laptop(&site, 2, "Ben", "admin"));
        let line = Line::to(service.listens);
        let client = HttpCentre::new(service.address_at(line.listens), None).unwrap();
        let person = a.register("Rosa Example").unwrap();
        sign_in(&client, &a).unwrap();
        sync_once(&a.vault, &client, &mut |_| {}).unwrap();
        let step = if kind == Kind::Files { 1 } else { dice::size(61, 1) };
        Scene { a, b, client, line, service, site, step, person, turns: 0, _database: database }
    }

    fn head(&self) -> u64 {
        self.site.centre.head(self.site.realm).unwrap()
    }

    /// Cuts `kind` at one byte after the other until it is shorter than that, the request and then the
    /// answer. `act` does what needs it, with the byte at which it is cut; what follows is up to it.
    fn at_every_byte(&mut self, kind: &'static str, mut act: impl FnMut(&mut Scene, Part, usize)) {
        for part in [Part::Request, Part::Answer] {
            let mut at = 0;
            loop {
                self.line.cut(kind, part, at);
                act(self, part, at);
                if !self.line.is_cut() {
                    break;
                }
                at += self.step;
            }
            assert!(at > 100, "{kind}: {at} bytes of a {part:?} were cut");
        }
    }

    /// A change, a round whose line is cut, and another one.
    fn round(&mut self, kind: &'static str, part: Part, at: usize) {
        let before = self.head();
        self.turns += 1;
        self.a.set("users", self.person, "job_title", format!("Baker {}", self.turns)).unwrap();
        if let Err(error) = sync_once(&self.a.vault, &self.client, &mut |_| {}) {
            assert!(matches!(error.status.phase, Phase::Offline | Phase::Disturbed), "{kind}, {part:?} at {at}: {error}: {:?}", error.status);
        }
        let again = sync_once(&self.a.vault, &self.client, &mut |_| {});
        assert!(again.is_ok(), "{kind}, {part:?} at {at}: the next round comes to its end: {:?}", again.err());
        assert_eq!((self.head(), self.a.vault.waiting().unwrap().count), (before + 1, 0), "{kind}, {part:?} at {at}: it was taken, once");
    }

    /// Three changes in a row of pushes, of which the last is sent early and cut; and a round.
    fn row(&mut self, part: Part, at: usize) {
        let before = self.head();
        for _ in 0..3 {
            self.turns += 1;
            self.a.set("users", self.person, "job_title", format!("Baker {}", self.turns)).unwrap();
        }
        // A session says that the centre takes early pushes; one that came too early ends that.
        sign_in(&self.client, &self.a).unwrap();
        let pushed = flights::push(&lend(&self.a.vault), &self.client, 1, &mut Report::default());
        assert_eq!(pushed.is_err(), self.line.is_cut(), "{part:?} at {at}: {pushed:?}");
        let waiting = self.a.vault.waiting().unwrap().count;
        assert_eq!(waiting, u64::from(pushed.is_err()), "{part:?} at {at}: what was answered is stored");
        let again = sync_once(&self.a.vault, &self.client, &mut |_| {});
        assert!(again.is_ok(), "{part:?} at {at}: the next round comes to its end: {:?}", again.err());
        assert_eq!((self.head(), self.a.vault.waiting().unwrap().count), (before + 3, 0), "{part:?} at {at}: everything was taken, once");
    }

    /// What both laptops show in the end.
    fn check(&self) {
        assert_eq!(self.a.base(), self.a.view(), "nothing is pending");
        assert_eq!(self.a.vault.queue(10).unwrap(), [], "nothing is held or refused");
        self.a.vault.verify(&mut |_, _| true).unwrap();
        support::sync(&self.b).unwrap();
        support::same_person(&self.a, &self.b, self.person);
        assert_eq!(self.b.field("users", self.person, "job_title"), Some(format!("Baker {}", self.turns).as_str().into()), "the last word stands");
        assert_eq!(self.site.centre.verify_audit(self.site.realm, &mut |_, _| true).unwrap().faults, []);
    }
}

fn rounds(kind: Kind, message: &'static str) {
    let mut scene = Scene::new(kind);
    scene.at_every_byte(message, |scene, part, at| scene.round(message, part, at));
    scene.check();
}

fn challenges_and_sessions(kind: Kind, message: &'static str) {
    let mut scene = Scene::new(kind);
    scene.at_every_byte(message, |scene, part, at| {
        let first = sign_in(&scene.client, &scene.a);
        if scene.line.is_cut() {
            assert!(matches!(first, Err(ApiError::Offline | ApiError::Damaged)), "{message}, {part:?} at {at}: {first:?}");
        }
        assert_eq!(sign_in(&scene.client, &scene.a), Ok(()), "{message}, {part:?} at {at}: the next one is let in");
    });
    scene.round(message, Part::Request, 0);
    scene.check();
}

fn waits(kind: Kind) {
    let mut scene = Scene::new(kind);
    let head = scene.head();
    scene.at_every_byte("wait", |scene, part, at| {
        let first = scene.client.wait(head - 1);
        if scene.line.is_cut() {
            assert!(matches!(first, Err(ApiError::Offline | ApiError::Damaged)), "wait, {part:?} at {at}: {first:?}");
        }
        assert_eq!(scene.client.wait(head - 1), Ok(head), "wait, {part:?} at {at}: the next one is told");
    });
    scene.round("wait", Part::Request, 0);
    // The same with what would be asked, for which the answer comes in place of the number.
    support::sync(&scene.b).unwrap();
    let (then, b) = (scene.b.vault.pull_request().unwrap(), signed_in(&scene.b, HttpCentre::new(scene.service.address_at(scene.line.listens), None).unwrap()));
    scene.round("nothing", Part::Request, 0);
    scene.at_every_byte("wait", |scene, part, at| {
        let first = b.listen(then.from_g, Some(then.clone()));
        if scene.line.is_cut() {
            assert!(matches!(first, Err(ApiError::Offline | ApiError::Damaged)), "wait for an answer, {part:?} at {at}: {first:?}");
        }
        let next = b.listen(then.from_g, Some(then.clone()));
        assert_eq!(next.map(|heard| heard.g), Ok(scene.head()), "wait for an answer, {part:?} at {at}: the next one is told");
        let asked = scene.site.centre.status().pulls;
        let answer = b.pull(&then).unwrap();
        assert_eq!((answer.changes.len(), scene.site.centre.status().pulls), (1, asked), "wait for an answer, {part:?} at {at}: and was brought it");
    });
    scene.check();
}

fn enrolments(kind: Kind) {
    let mut scene = Scene::new(kind);
    let before = scene.site.centre.devices(scene.site.realm).unwrap().len();
    let mut tries = 0;
    scene.at_every_byte("enrol", |scene, part, at| {
        tries += 1;
        let clock = &scene.a.clock;
        let mut key = [0; 32];
        clock.random(&mut key).unwrap();
        let request = EnrolRequest { code: scene.site.code("Cleo", "trainer"), device: clock.new_id().unwrap(), incarnation: clock.new_id().unwrap(), public_key: to_hex(&key), label: "Cleo's laptop".into(), actor: None, name: None };
        let first = scene.client.enrol(&request);
        if scene.line.is_cut() {
            assert!(matches!(first, Err(ApiError::Offline | ApiError::Damaged)), "enrol, {part:?} at {at}: {first:?}");
        }
        let answer = scene.client.enrol(&request).unwrap_or_else(|error| panic!("enrol, {part:?} at {at}: the same code is good for the answer that was lost: {error:?}"));
        assert_eq!(answer.realm, scene.site.realm);
    });
    assert_eq!(scene.site.centre.devices(scene.site.realm).unwrap().len(), before + tries, "each laptop once");
    scene.round("enrol", Part::Request, 0);
    scene.check();
}

fn rows(kind: Kind) {
    let mut scene = Scene::new(kind);
    // Three pushes and a round for each byte: every third one.
    scene.step = scene.step.max(dice::size(3, 1));
    scene.at_every_byte("early", |scene, part, at| scene.row(part, at));
    scene.check();
}

macro_rules! every_byte {
    ($engine:ident, $kind:expr) => {
        mod $engine {
            use super::*;

            #[test]
            fn a_challenge_is_cut_at_every_byte() {
                challenges_and_sessions($kind, "challenge");
            }

            #[test]
            fn a_session_is_cut_at_every_byte() {
                challenges_and_sessions($kind, "session");
            }

            #[test]
            fn a_push_is_cut_at_every_byte() {
                rounds($kind, "push");
            }

            #[test]
            fn an_early_push_is_cut_at_every_byte() {
                rows($kind);
            }

            #[test]
            fn a_pull_is_cut_at_every_byte() {
                rounds($kind, "pull");
            }

            #[test]
            fn a_wait_is_cut_at_every_byte() {
                waits($kind);
            }

            #[test]
            fn an_enrolment_is_cut_at_every_byte() {
                enrolments($kind);
            }
        }
    };
}

every_byte!(on_files, Kind::Files);
every_byte!(on_postgresql, Kind::Postgresql);
