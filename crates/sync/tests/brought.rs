//! A laptop that waits says what it would ask for, and is brought the answer with the news.

mod support;

use std::{cell::Cell, sync::{Arc, Mutex, mpsc}, thread, time::{Duration, Instant}};

use gladstone_central::{Centre, CentreError, Embedded, Machine, around::Around, http::Limits};
use gladstone_protocol::{ApiError, SyncApi, wire::PullRequest};
use gladstone_sync::{News, Remote, Report, flights, remote::Heard};
use gladstone_testkit::Laptop;
use support::{Service, Site, lend, no_limits};
use uuid::Uuid;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A centre, and two laptops of an organization that hold the same person.
struct Scene {
    service: Service,
    a: Laptop,
    b: Laptop,
    person: Uuid,
    site: Site,
    written: Cell<u64>,
}

impl Scene {
    fn new() -> Scene {
        let site = Site::new();
        let service = site.serve(false, no_limits());
        let (a, b) = (service.laptop(&site, 1, "Amara", "trainer"), service.laptop(&site, 2, "Ben", "admin"));
        let person = a.register("Rosa Example").unwrap();
        for laptop in [&a, &b, &a] {
            site.sync(laptop).unwrap();
        }
        Scene { service, a, b, person, site, written: Cell::new(0) }
    }

    fn asked(&self) -> PullRequest {
        self.b.vault.pull_request().unwrap()
    }

    /// What Amara writes is at the centre when this returns.
    fn amara_writes(&self, times: u64) {
        for _ in 0..times {
            self.written.set(self.written.get() + 1);
            self.a.set("users", self.person, "job_title", format!("Baker {}", self.written.get())).unwrap();
        }
        self.site.sync(&self.a).unwrap();
    }

    fn pulls(&self) -> u64 {
        self.site.centre.status().pulls
    }
}

/// Waits as a laptop does while `meanwhile` happens; what was heard.
fn hears(remote: &(dyn Remote + Sync), then: &PullRequest, meanwhile: impl FnOnce()) -> Result<Heard, ApiError> {
    thread::scope(|scope| {
        let (told, hears) = mpsc::channel();
        scope.spawn(move || told.send(remote.listen(then.from_g, Some(then.clone()))));
        thread::sleep(Duration::from_millis(300));
        meanwhile();
        hears.recv_timeout(PATIENCE).expect("it ends")
    })
}

#[test]
fn news_that_were_waited_for_come_along_and_are_not_asked_for() {
    let scene = Scene::new();
    let client = scene.service.client_of(&scene.b);
    let then = scene.asked();
    let heard = hears(&client, &then, || scene.amara_writes(1)).unwrap();
    let (head, pulls) = (scene.site.centre.head(scene.site.realm).unwrap(), scene.pulls());
    assert_eq!(heard.g, head);
    let mut report = Report::default();
    let (pulled, checkpoint) = flights::pull(&lend(&scene.b.vault), &client, &mut report).unwrap();
    assert_eq!((pulled.more, checkpoint, scene.pulls()), (false, head, pulls), "nothing more is asked");
    assert_eq!(scene.b.field("users", scene.person, "job_title"), Some("Baker 1".into()));
    // The next time is like the first: what was brought is used once.
    flights::pull(&lend(&scene.b.vault), &client, &mut report).unwrap();
    assert_eq!(scene.pulls(), pulls + 1);
    let then = scene.asked();
    hears(&client, &then, || scene.amara_writes(2)).unwrap();
    flights::pull(&lend(&scene.b.vault), &client, &mut report).unwrap();
    flights::pull(&lend(&scene.b.vault), &client, &mut report).unwrap();
    assert_eq!((scene.b.field("users", scene.person, "job_title"), report.mismatches), (Some("Baker 3".into()), 0));
}

#[test]
fn a_worker_that_waits_is_brought_what_another_laptop_wrote() {
    let Scene { service, a, b, person, site, .. } = Scene::new();
    let b = Arc::new(b);
    let (worker, news) = support::worker(&b);
    let came = || {
        let end = Instant::now() + PATIENCE;
        while let Ok(one) = news.recv_timeout(end.saturating_duration_since(Instant::now())) {
            if matches!(&one, News::Changed(entities) if entities.contains("users")) {
                return;
            }
        }
        unreachable!("nothing came");
    };
    // Its first round is over, and it waits.
    thread::sleep(Duration::from_secs(2));
    while news.try_recv().is_ok() {}
    let pulls = site.centre.status().pulls;
    a.set("users", person, "job_title", "Baker").unwrap();
    let line = service.client_of(&a);
    flights::push(&lend(&a.vault), &line, 10, &mut Report::default()).unwrap();
    came();
    assert_eq!((b.field("users", person, "job_title"), site.centre.status().pulls), (Some("Baker".into()), pulls + 1), "one answer was made, and it was used");
    worker.stop();
}

#[test]
fn what_was_brought_answers_just_what_was_asked_and_not_for_long() {
    let scene = Scene::new();
    let client = scene.service.client_of(&scene.b);
    let check = |what: &str, meanwhile: &dyn Fn(), asks: bool| {
        let then = scene.asked();
        hears(&client, &then, || scene.amara_writes(1)).unwrap();
        meanwhile();
        let before = scene.pulls();
        let (pulled, checkpoint) = flights::pull(&lend(&scene.b.vault), &client, &mut Report::default()).unwrap();
        assert_eq!(scene.pulls() > before, asks, "{what}");
        assert_eq!((pulled.more, checkpoint), (false, scene.site.centre.head(scene.site.realm).unwrap()), "{what}: it is up to date");
        assert_eq!(scene.a.view().get(&key(&scene)).map(|row| &row.values), scene.b.view().get(&key(&scene)).map(|row| &row.values), "{what}: both show the same");
    };
    check("at once", &|| {}, false);
    check("another round fetched it", &|| drop(scene.site.sync(&scene.b).unwrap()), true);
    check("a while later", &|| thread::sleep(Duration::from_millis(1_200)), true);
    // The answer of the wait may get lost: the one that is asked for is as it would have been.
    check("what was brought was thrown away", &|| drop(client.pull(&scene.asked()).unwrap()), true);
    let then = scene.asked();
    hears(&client, &then, || scene.amara_writes(1)).unwrap();
    client.abandon();
    assert_eq!(client.pull(&then), Err(ApiError::Offline), "a vault that is locked leaves nothing behind");
}

fn key(scene: &Scene) -> gladstone_protocol::wire::RowKey {
    gladstone_protocol::wire::RowKey { entity: gladstone_model::catalogue().get("users").unwrap().no, id: scene.person }
}

#[test]
fn of_much_that_is_new_a_laptop_is_told_and_asks() {
    let scene = Scene::new();
    scene.amara_writes(17);
    let client = scene.service.client_of(&scene.b);
    let before = scene.pulls();
    let heard = hears(&client, &scene.asked(), || {}).unwrap();
    assert_eq!((heard.g, scene.pulls()), (scene.site.centre.head(scene.site.realm).unwrap(), before), "told, and not brought");
    let (_, checkpoint) = flights::pull(&lend(&scene.b.vault), &client, &mut Report::default()).unwrap();
    assert_eq!((checkpoint, scene.pulls()), (heard.g, before + 1));
}

#[test]
fn whose_right_ends_while_they_wait_is_brought_nothing() {
    let scene = Scene::new();
    let client = scene.service.client_of(&scene.b);
    let then = scene.asked();
    let heard = hears(&client, &then, || {
        scene.site.centre.revoke(scene.site.realm, scene.b.vault.state().device).unwrap();
        scene.amara_writes(1);
    });
    assert_eq!(heard, Err(ApiError::Revoked));
    assert_eq!(client.pull(&then), Err(ApiError::Revoked), "and nothing was kept");
}

/// A machine that stands still where it draws random numbers, in the middle of taking in a push.
#[derive(Default)]
struct Still {
    machine: Machine,
    gate: Mutex<()>,
}

impl Around for Still {
    fn now(&self) -> gladstone_model::Instant {
        self.machine.now()
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), CentreError> {
        let _open = self.gate.lock().unwrap();
        self.machine.random(bytes)
    }
}

#[test]
fn whoever_waits_is_told_where_there_is_no_place_to_make_the_answer() {
    let (folder, around) = (tempfile::tempdir().unwrap(), Arc::new(Still::default()));
    let engine = Embedded::open(&folder.path().join("realms")).unwrap();
    let centre = Arc::new(Centre::open(Box::new(engine), Arc::clone(&around) as Arc<dyn Around>).unwrap());
    let realm = centre.found("Greenfield Practice").unwrap();
    let site = Site::over(centre, realm);
    let service = site.serve(false, Limits { at_once: 1.try_into().unwrap(), ..no_limits() });
    let (a, b) = (service.laptop(&site, 1, "Amara", "trainer"), service.laptop(&site, 2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    for laptop in [&a, &b, &a] {
        site.sync(laptop).unwrap();
    }
    let (line, waits) = (service.client_of(&a), service.client_of(&b));
    let send = || flights::push(&lend(&a.vault), &line, 10, &mut Report::default()).unwrap();
    a.set("users", person, "job_title", "Baker").unwrap();
    send();
    a.set("users", person, "job_title", "Teacher").unwrap();
    let (then, pulls, head) = (b.vault.pull_request().unwrap(), site.centre.status().pulls, site.centre.head(realm).unwrap());
    thread::scope(|scope| {
        let closed = around.gate.lock().unwrap();
        let sender = scope.spawn(send);
        // It has the only place then.
        thread::sleep(Duration::from_millis(500));
        let heard = waits.listen(then.from_g, Some(then.clone())).unwrap();
        assert_eq!((heard.g, site.centre.status().pulls), (head, pulls), "it is told that there is something, and nothing was made for it");
        drop(closed);
        sender.join().unwrap();
    });
    flights::pull(&lend(&b.vault), &waits, &mut Report::default()).unwrap();
    assert_eq!((b.field("users", person, "job_title"), site.centre.status().pulls), (Some("Teacher".into()), pulls + 1), "it asks for itself");
}
