//! What the service says to whatever may come in: bytes by hand, over a plain socket.

mod support;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant as Clock},
};

use gladstone_central::http::Limits;
use gladstone_protocol::{ApiError, codec, enrol::{SESSION_LABEL, from_hex, to_hex}, pack, wire::{PullAnswer, PullRequest}};
use gladstone_testkit::Laptop;
use support::{Site, no_limits};

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value))
    }

    fn fault(&self) -> ApiError {
        codec::decode(&self.body).unwrap_or_else(|fault| panic!("{fault}: {} {:?}", self.head, self.body))
    }
}

fn ask(at: SocketAddr, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(at).unwrap();
    let mut text = format!("{line} HTTP/1.1\r\nhost: centre\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "transfer-encoding") {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
    stream.write_all(format!("{text}\r\n").as_bytes()).unwrap();
    // A service that has seen enough stops reading.
    let _ = stream.write_all(body);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or_else(|| panic!("no answer to {line}"));
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head, body: bytes[end + 4..].to_vec() }
}

fn post_json(at: SocketAddr, path: &str, body: &serde_json::Value) -> Answer {
    ask(at, &format!("POST {path}"), &[("content-type", "application/json")], body.to_string().as_bytes())
}

/// A session's token, as a laptop gets it.
fn token(at: SocketAddr, laptop: &Laptop) -> String {
    let device = laptop.vault.state().device;
    let asked: serde_json::Value = serde_json::from_slice(&post_json(at, "/v1/challenge", &serde_json::json!({ "device": device })).body).unwrap();
    let challenge: [u8; 32] = from_hex(asked["challenge"].as_str().unwrap()).unwrap();
    let signature = to_hex(&laptop.vault.sign(&[SESSION_LABEL, &challenge].concat()));
    let session = post_json(at, "/v1/session", &serde_json::json!({ "device": device, "challenge": asked["challenge"], "signature": signature }));
    serde_json::from_slice::<serde_json::Value>(&session.body).unwrap()["token"].as_str().unwrap().to_owned()
}

const OURS: (&str, &str) = ("content-type", pack::MEDIA_TYPE);

#[test]
fn whoever_has_no_session_learns_nothing() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    for (line, headers) in [("POST /v1/push", vec![OURS]), ("POST /v1/pull", vec![OURS]), ("GET /v1/wait?g=0", vec![]), ("POST /v1/wait", vec![OURS]), ("GET /v1/blobs/00", vec![]), ("POST /v1/push", vec![("authorization", "Bearer 00")]), ("POST /v1/push", vec![("authorization", "Basic YTpi")])] {
        let answer = ask(service.listens, line, &headers, b"");
        assert_eq!((answer.status, answer.fault(), answer.header("www-authenticate")), (401, ApiError::SignedOut, Some("Bearer")), "{line} {headers:?}");
    }
}

#[test]
fn bodies_are_what_they_say_and_within_limits() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    let laptop = service.laptop(&site, 1, "Amara", "trainer");
    let bearer = format!("Bearer {}", token(service.listens, &laptop));
    let good = codec::encode(&laptop.vault.pull_request().unwrap()).unwrap();
    let check = |headers: &[(&str, &str)], body: &[u8], status: u16, fault: Option<ApiError>, why: &str| {
        let headers: Vec<_> = headers.iter().copied().chain([("authorization", bearer.as_str())]).collect();
        let answer = ask(service.listens, "POST /v1/pull", &headers, body);
        assert_eq!(answer.status, status, "{why}: {}", answer.head);
        match fault {
            Some(fault) => assert_eq!(answer.fault(), fault, "{why}"),
            None => drop(codec::decode::<PullAnswer>(&answer.body).unwrap_or_else(|fault| panic!("{why}: {fault}"))),
        }
        assert_eq!(answer.header("x-request-id").is_some(), status != 200, "{why}: what fails has a number");
    };
    check(&[OURS], &good, 200, None, "as it is");
    let packed = zstd::bulk::compress(&good, 3).unwrap();
    check(&[OURS, ("content-encoding", "zstd")], &packed, 200, None, "compressed");
    check(&[("content-type", "application/json")], &good, 400, Some(ApiError::Damaged), "another type");
    check(&[OURS], b"", 400, Some(ApiError::Damaged), "nothing");
    check(&[OURS], &good[..good.len() - 1], 400, Some(ApiError::Damaged), "cut");
    check(&[OURS, ("content-encoding", "gzip")], &good, 400, Some(ApiError::Damaged), "another encoding");
    check(&[OURS, ("content-encoding", "zstd")], &good, 400, Some(ApiError::Damaged), "not compressed");
    let push = codec::encode(&laptop.vault.next_push().unwrap()).unwrap();
    check(&[OURS], &push, 400, Some(ApiError::Damaged), "a push where a pull is expected");
    let mut newer = good.clone();
    newer[4] = 9;
    check(&[OURS], &newer, 426, Some(ApiError::UpgradeRequired), "another major version");
    check(&[OURS], &vec![0; 5 * 1024 * 1024], 413, Some(ApiError::TooLarge), "5 MiB");
    let bomb = zstd::bulk::compress(&vec![0; 64 * 1024 * 1024], 3).unwrap();
    check(&[OURS, ("content-encoding", "zstd")], &bomb, 413, Some(ApiError::TooLarge), "64 MiB in a few kilobytes");
    let endless = [b"100000\r\n".as_slice(), &vec![0; 0x100000], b"\r\n"].concat().repeat(5);
    check(&[OURS, ("transfer-encoding", "chunked")], &endless, 413, Some(ApiError::TooLarge), "5 MiB that were not announced");
}

#[test]
fn answers_are_compressed_for_those_who_take_it() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    let (a, b) = (service.laptop(&site, 1, "Amara", "trainer"), service.laptop(&site, 2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    for day in 0..40 {
        a.mood(person, day, 5).unwrap();
    }
    support::sync(&a).unwrap();
    let bearer = format!("Bearer {}", token(service.listens, &b));
    let body = codec::encode(&b.vault.pull_request().unwrap()).unwrap();
    let plain = ask(service.listens, "POST /v1/pull", &[OURS, ("authorization", &bearer)], &body);
    let packed = ask(service.listens, "POST /v1/pull", &[OURS, ("authorization", &bearer), ("accept-encoding", "gzip, zstd")], &body);
    assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), (None, Some("zstd")));
    assert!(packed.body.len() < plain.body.len() / 2, "{} of {}", packed.body.len(), plain.body.len());
    let answer: PullAnswer = codec::decode(&pack::unpack(&packed.body).unwrap()).unwrap();
    assert!(!answer.grants.is_empty(), "the answer is whole");
    let nothing = ask(service.listens, "POST /v1/pull", &[OURS, ("authorization", &bearer)], b"");
    assert!(plain.head.len() < 170 && nothing.status == 400, "a head says no more than it must: {}", plain.head);
}

#[test]
fn codes_cannot_be_guessed_quickly_and_wrong_ones_say_no_more_than_that() {
    let site = Site::new();
    let service = site.serve(false, Limits { enrolments_a_minute: 5.try_into().unwrap(), ..no_limits() });
    let mut request = serde_json::json!({ "code": "AAAA-AAAA-AAAAA", "device": uuid::Uuid::from_u128(1), "incarnation": uuid::Uuid::from_u128(2), "public_key": "00".repeat(32), "label": "x", "actor": null, "name": null });
    let mut first = None;
    for attempt in 0..5 {
        let answer = post_json(service.listens, "/v1/enrol", &request);
        assert_eq!(answer.status, 400, "attempt {attempt}: {}", answer.head);
        let fault = answer.fault();
        assert_eq!(*first.get_or_insert(fault.clone()), fault, "every wrong code gets the same answer");
        request["code"] = format!("AAAA-AAAA-AAAA{attempt}").into();
    }
    let answer = post_json(service.listens, "/v1/enrol", &request);
    assert_eq!(answer.status, 429);
    assert!(matches!(answer.fault(), ApiError::Later { after_ms: 1..=12_000 }), "{:?}", answer.fault());
    assert!(answer.header("retry-after").is_some_and(|seconds| (1..=12).contains(&seconds.parse::<u32>().unwrap())), "{}", answer.head);
}

#[test]
fn json_has_no_more_fields_than_are_known_and_no_more_bytes_than_are_needed() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    let answer = post_json(service.listens, "/v1/challenge", &serde_json::json!({ "device": uuid::Uuid::nil(), "realm": 1 }));
    assert!(matches!(answer.fault(), ApiError::Refused { ref code, .. } if code == "bad_request"), "{:?}", answer.fault());
    let answer = post_json(service.listens, "/v1/challenge", &serde_json::json!({ "device": "x".repeat(20_000) }));
    assert_eq!((answer.status, answer.fault()), (413, ApiError::TooLarge));
    let deep = format!("{}{}", "[".repeat(8_000), "]".repeat(8_000));
    let answer = ask(service.listens, "POST /v1/challenge", &[("content-type", "application/json")], deep.as_bytes());
    assert_eq!(answer.status, 400, "deep nesting is refused, not followed");
}

#[test]
fn whoever_waits_with_a_pull_says_what_they_are_and_what_they_hold() {
    let (site, elsewhere) = (Site::new(), Site::new());
    let service = site.serve(false, no_limits());
    let laptop = service.laptop(&site, 1, "Amara", "trainer");
    let bearer = format!("Bearer {}", token(service.listens, &laptop));
    let request = laptop.vault.pull_request().unwrap();
    let head = site.centre.head(site.realm).unwrap();
    let check = |what: &str, line: &str, headers: &[(&str, &str)], body: &[u8], status: u16| {
        let headers: Vec<_> = headers.iter().copied().chain([("authorization", bearer.as_str())]).collect();
        let answer = ask(service.listens, line, &headers, body);
        assert_eq!(answer.status, status, "{what}: {}", answer.head);
        answer
    };
    let encoded = |request: &PullRequest| codec::encode(request).unwrap();
    check("no pull", "POST /v1/wait", &[OURS], b"", 400);
    check("a pull of another organization", "POST /v1/wait", &[OURS], &encoded(&PullRequest { realm: elsewhere.realm, ..request.clone() }), 404);
    check("a time that is none", "POST /v1/wait?at=noon", &[OURS], &encoded(&request), 400);
    check("not as JSON", "POST /v1/wait", &[("content-type", "application/json")], &encoded(&request), 400);
    let told = check("who holds nothing yet is told, and asks", "POST /v1/wait", &[OURS], &encoded(&request), 200);
    let told: serde_json::Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(told["g"], head);
    let before = PullRequest { from_g: head - 1, ..request };
    let answer = check("who lacks little is brought it", "POST /v1/wait", &[OURS], &encoded(&before), 200);
    assert_eq!((answer.header("content-type"), answer.header("gladstone-at").is_some_and(|at| at.parse::<i64>().is_ok())), (Some(pack::MEDIA_TYPE), true), "with the time of the look");
    codec::decode::<PullAnswer>(&answer.body).unwrap();
}

#[test]
fn whoever_says_nothing_is_hung_up_on() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    let began = Clock::now();
    let mut slow = TcpStream::connect(service.listens).unwrap();
    slow.write_all(b"POST /v1/push HTTP/1.1\r\nhost: c").unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn a_service_that_ends_answers_those_who_wait_and_takes_nobody_else() {
    let site = Site::new();
    let service = site.serve(false, no_limits());
    let laptop = service.laptop(&site, 1, "Amara", "trainer");
    let (at, bearer) = (service.listens, format!("Bearer {}", token(service.listens, &laptop)));
    let head = site.centre.head(site.realm).unwrap();
    let waiting = std::thread::spawn(move || ask(at, &format!("GET /v1/wait?g={head}"), &[("authorization", &bearer)], b""));
    std::thread::sleep(Duration::from_millis(300));
    let began = Clock::now();
    drop(service);
    let answer = waiting.join().unwrap();
    assert!(matches!(answer.fault(), ApiError::Later { .. }), "{:?}", answer.fault());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(TcpStream::connect(at).is_err(), "nobody listens any more");
}
