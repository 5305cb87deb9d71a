//! Two real vaults and a real centre: directly, over HTTP, and over HTTP with TLS.

mod support;

use std::{
    sync::{Arc, mpsc},
    time::{Duration, Instant as Clock},
};

use gladstone_model::Value;
use gladstone_protocol::{ApiError, SyncApi};
use gladstone_sync::{HttpCentre, JoinLink, News, Phase, Remote, Worker, join};
use gladstone_testkit::Laptop;
use gladstone_vault::VaultError;
use support::{Service, Site, no_limits, same_person, sign_in, sync, worker};
use uuid::Uuid;

/// One person of A's with a record, which B comes to hold, and something that B writes back.
fn story(a: &Laptop, b: &Laptop, sync: &dyn Fn(&Laptop)) {
    let person = a.register("Rosa Example").unwrap();
    let moods: Vec<Uuid> = (0..9).map(|item| a.mood(person, item, 1 + item as i64).unwrap()).collect();
    assert_eq!(a.vault.waiting().unwrap().count, 10, "saved here and nowhere else");
    sync(a);
    assert_eq!(a.vault.waiting().unwrap().count, 0, "everything was handed over");
    sync(b);
    same_person(a, b, person);
    b.set("mood_entries", moods[3], "overall_mood", 9_i64).unwrap();
    sync(b);
    sync(a);
    same_person(a, b, person);
    assert_eq!(a.field("mood_entries", moods[3], "overall_mood"), Some(Value::Integer(9)), "what B wrote is at A");
    assert_eq!(a.base(), a.view(), "nothing is pending any more");
}

/// Somebody who holds a person gives them over to another one, and ends that.
fn granting(giver: &Laptop, taker: &Laptop, sync: &dyn Fn(&Laptop)) {
    let person = giver.register("Sam Example").unwrap();
    let mood = giver.mood(person, 1, 5).unwrap();
    sync(giver);
    sync(taker);
    assert_eq!(taker.field("mood_entries", mood, "overall_mood"), None, "no right, no row");
    let to = taker.vault.state().actor;
    let relation = [("therapist_id", to.into()), ("patient_id", person.into()), ("relationship_type", "coaching".into()), ("start_date", Value::Date(chrono::NaiveDate::from_ymd_opt(2026, 11, 1).unwrap()))];
    let relation = giver.vault.commit::<_, VaultError>("people.hand_over", |tx| tx.create("therapeutic_relationships", relation)).unwrap().0;
    sync(giver);
    sync(taker);
    same_person(giver, taker, person);
    giver.set("therapeutic_relationships", relation, "status", "ended").unwrap();
    taker.set("mood_entries", mood, "overall_mood", 6_i64).unwrap();
    sync(giver);
    sync(taker);
    assert_eq!(taker.field("mood_entries", mood, "overall_mood"), None, "the right ended and the rows left");
    assert_eq!(taker.vault.departed().unwrap().len(), 1, "and it is said what left");
    assert_eq!(taker.vault.waiting().unwrap().count, 0, "what waited was handed over first");
}

#[test]
fn what_one_writes_is_with_the_other_after_a_round_each() {
    let site = Site::new();
    let (a, b) = (site.laptop(1, "Amara", "trainer"), site.laptop(2, "Ben", "admin"));
    let sync = |laptop: &Laptop| drop(site.sync(laptop).unwrap());
    story(&a, &b, &sync);
    granting(&b, &a, &sync);
}

#[test]
fn what_moved_stands_in_the_log_in_one_line_and_a_round_without_news_says_nothing() {
    let site = Site::new();
    let (a, b) = (site.laptop(1, "Amara", "trainer"), site.laptop(2, "Ben", "admin"));
    let both = || [&a, &b].map(|laptop| drop(site.sync(laptop).unwrap()));
    both();
    both();
    let log = |laptop: &Laptop| laptop.vault.sync_log().unwrap().into_iter().map(|line| line.line).collect::<Vec<_>>();
    let before = log(&a).len();
    let person = a.register("Rosa Example").unwrap();
    let mood = a.mood(person, 1, 5).unwrap();
    both();
    a.mood(person, 2, 6).unwrap();
    both();
    let counted = |laptop: &Laptop| log(laptop).into_iter().next().unwrap();
    let sent: u64 = counted(&a).trim_start_matches("Sent ").split([',', '.']).next().unwrap().parse().unwrap();
    assert!(sent >= 3 && log(&a).len() <= before + 1, "what follows soon goes into the line that is there: {:?}", log(&a));
    assert!(counted(&b).contains("eceived"), "{:?}", log(&b));
    // What one wrote oneself and gets back is not counted.
    let own = counted(&a);
    both();
    assert_eq!(counted(&a), own, "nothing moved, nothing is said");
    b.set("mood_entries", mood, "overall_mood", 9_i64).unwrap();
    both();
    site.sync(&a).unwrap();
    assert_ne!(counted(&a), own, "what another one wrote is: {:?}", log(&a));
}

fn over_http(protected: bool) {
    let site = Site::new();
    let service = site.serve(protected, no_limits());
    let (a, b) = (service.laptop(&site, 1, "Amara", "trainer"), service.laptop(&site, 2, "Ben", "admin"));
    let once = |laptop: &Laptop| drop(sync(laptop).unwrap());
    story(&a, &b, &once);
    granting(&b, &a, &once);
}

#[test]
fn the_same_holds_over_http_on_one_computer() {
    over_http(false);
}

#[test]
fn the_same_holds_over_tls_with_an_authority_of_its_own() {
    over_http(true);
}

#[test]
fn a_vault_that_worked_alone_brings_everything_with_it_and_keeps_its_user() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    let actor = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_00aa);
    let alone = Laptop::new(7, actor);
    let me = alone.vault.commit::<_, VaultError>("vault.create", |tx| tx.create("users", [("id", actor.into()), ("name", "Amara".into()), ("role", "trainer".into())])).unwrap().0;
    let person = alone.register("Rosa Example").unwrap();
    alone.mood(person, 0, 4).unwrap();
    let link = JoinLink { address: service.address(), code: site.code("Amara", "trainer"), authority: None };
    let joined = join::join(&alone.vault, &link, "Amara's laptop", Some("Amara")).unwrap();
    assert_eq!((joined.actor, me), (actor, actor), "the same person as before");
    let report = sync(&alone).unwrap();
    assert_eq!((report.quarantined, report.held), (0, 0), "{report:?}");
    let other = service.laptop(&site, 8, "Ben", "admin");
    sync(&other).unwrap();
    same_person(&alone, &other, person);
    join::join(&alone.vault, &link, "Amara's laptop", Some("Amara")).expect("the answer may have been lost: the same laptop may ask again");
    let thief = Laptop::new(9, Uuid::nil());
    assert!(join::join(&thief.vault, &link, "Another one", None).is_err(), "a code is good for one laptop");
    sync(&alone).unwrap();
}

#[test]
fn a_centre_that_somebody_else_vouches_for_is_not_talked_to() {
    let (site, other) = (Site::new(), Site::new());
    let (service, stranger) = (site.serve(true, no_limits()), other.serve(true, no_limits()));
    let a = service.laptop(&site, 1, "Amara", "trainer");
    assert_eq!(sign_in(&service.client(), &a), Ok(()), "its own authority");
    assert_eq!(sign_in(&HttpCentre::new(service.address(), stranger.authority.as_deref()).unwrap(), &a), Err(ApiError::Offline), "another authority");
    assert_eq!(sign_in(&HttpCentre::new(service.address(), None).unwrap(), &a), Err(ApiError::Offline), "the computer's authorities do not know it");
}

#[test]
fn signing_in_takes_the_laptops_own_key_and_another_tenant_stays_unknown() {
    let (site, other) = (Site::new(), Site::new());
    let service = site.serve(false, no_limits());
    let a = service.laptop(&site, 1, "Amara", "trainer");
    let client = service.client();
    assert_eq!(client.sign_in(a.vault.state().device, &|_| Some([7; 64])), Err(ApiError::SignedOut), "somebody else's signature");
    assert_eq!(client.sign_in(Uuid::from_u128(1), &|message| Some(a.vault.sign(message))), Err(ApiError::SignedOut), "a laptop that nobody knows");
    let client = service.client_of(&a);
    let mut asked = a.vault.pull_request().unwrap();
    asked.realm = other.realm;
    let foreign = client.pull(&asked);
    asked.realm = Uuid::from_u128(9);
    assert_eq!(client.pull(&asked), foreign, "another tenant's realm answers as one that does not exist");
    assert!(matches!(foreign, Err(ApiError::Refused { ref code, .. }) if code == "not_found"), "{foreign:?}");
}

#[test]
fn a_revoked_laptop_hands_over_what_waits_and_stops() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    let a = service.laptop(&site, 1, "Amara", "trainer");
    sync(&a).unwrap();
    let person = a.register("Rosa Example").unwrap();
    site.centre.revoke(site.realm, a.vault.state().device).unwrap();
    let status = sync(&a).unwrap_err().status;
    assert_eq!(status.phase, Phase::Revoked);
    let waiting = a.vault.waiting().unwrap();
    assert_eq!((waiting.count, waiting.quarantined), (0, 1), "what waited lies at the centre, without effect");
    assert!(a.vault.entries_of(person).unwrap().len() == 1, "and is kept here");
}

#[test]
fn a_laptop_that_asks_too_often_is_told_when_to_come_again_and_goes_on_by_itself() {
    let site = Site::new();
    let service = site.serve(false, gladstone_central::http::Limits { requests_a_minute: 4.try_into().unwrap(), ..no_limits() });
    let a = service.laptop(&site, 1, "Amara", "trainer");
    let client = service.client_of(&a);
    let answers: Vec<_> = (0..6).map(|_| client.pull(&a.vault.pull_request().unwrap()).err()).collect();
    assert!(answers[..3].iter().all(Option::is_none), "{answers:?}");
    assert!(matches!(answers[5], Some(ApiError::Later { after_ms: 1..=15_000 })), "{answers:?}");
}

/// What a worker says, until something comes about.
fn until(news: &mpsc::Receiver<News>, what: &str, found: impl Fn(&News) -> bool) {
    let end = Clock::now() + Duration::from_secs(20);
    while Clock::now() < end {
        if let Ok(said) = news.recv_timeout(Duration::from_millis(100))
            && found(&said)
        {
            return;
        }
    }
    unreachable!("never heard: {what}");
}

fn is_idle(news: &News) -> bool {
    matches!(news, News::Status(status) if status.phase == Phase::Idle)
}

#[test]
fn in_the_background_a_change_arrives_by_itself_and_stopping_is_quick() {
    let site = Site::new();
    let service = site.serve(true, no_limits());
    let (a, b) = (Arc::new(service.laptop(&site, 1, "Amara", "trainer")), Arc::new(service.laptop(&site, 2, "Ben", "admin")));
    let ((at_a, news_a), (at_b, news_b)) = (worker(&a), worker(&b));
    until(&news_a, "the first round at A", is_idle);
    until(&news_b, "the first round at B", is_idle);
    let person = a.register("Rosa Example").unwrap();
    at_a.changed();
    // Long before the next round of B's own accord, which is 45 s away.
    until(&news_b, "news at B", |news| matches!(news, News::Changed(entities) if entities.contains("users")));
    same_person(&a, &b, person);
    let began = Clock::now();
    at_a.stop();
    drop(at_b);
    assert!(began.elapsed() < Duration::from_secs(2), "stopping took {:?}", began.elapsed());
    until(&news_a, "the end", |news| matches!(news, News::Status(status) if status.phase == Phase::Off));
}

#[test]
fn a_worker_whose_vault_is_locked_says_so_and_ends() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    let a = service.laptop(&site, 1, "Amara", "trainer");
    let (say, news) = mpsc::channel();
    let worker = Worker::start(Arc::new(|_| false), Arc::new(join::connect(&a.vault).unwrap()), move |news| drop(say.send(news))).unwrap();
    until(&news, "that the vault is locked", |news| matches!(news, News::Status(status) if status.phase == Phase::Refused));
    worker.stop();
}

#[test]
fn operators_see_health_and_numbers_and_strangers_see_nothing() {
    let site = Site::new();
    let service: Service = site.serve(false, no_limits());
    let a = service.laptop(&site, 1, "Amara", "trainer");
    sync(&a).unwrap();
    let get = |path: &str| support::get(service.listens, path);
    assert!(get("/health/live").contains("200 OK"), "live");
    assert!(get("/health/ready").contains("200 OK"), "ready");
    let metrics = get("/metrics");
    assert!(metrics.contains("gladstone_requests_total{route=\"push\",status=\"2xx\"}"), "{metrics}");
    for word in ["Amara", &a.vault.state().device.to_string(), &a.vault.state().actor.to_string()] {
        assert!(!metrics.contains(word), "nothing about anybody: {word}");
    }
    let body = |answer: String| answer.split_once("\r\n\r\n").map(|(head, body)| (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())).unwrap();
    let nothing = body(get("/v1/secret"));
    assert_eq!(nothing.0, "HTTP/1.1 404 Not Found");
    assert_eq!(body(get("/v1/push")), nothing, "a wrong method");
    assert_eq!(body(get("/../etc/passwd")), nothing, "a path outside");
}
