//! What the client makes of whoever else may answer: guest networks, proxies, bombs, and lines
//! that break. A plain TCP listener plays them, byte by byte.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant as Clock},
};

use gladstone_model::Instant;
use gladstone_protocol::{ApiError, SyncApi, codec, pack, wire::{PullRequest, PushAnswer, PushRequest}};
use gladstone_sync::{Address, HttpCentre, Remote};
use uuid::Uuid;

/// A listener that answers each connection's requests with what `answer` makes of request line and
/// body, and how to reach it.
fn stranger(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> HttpCentre {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            one(stream, &answer);
        }
    });
    HttpCentre::new(address, None).unwrap()
}

/// Reads one request and writes one answer; the connection ends with it.
fn one(mut stream: TcpStream, answer: &dyn Fn(&str) -> Vec<u8>) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: ")).and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    let _ = stream.read_exact(&mut body);
    let _ = stream.write_all(&answer(head.lines().next().unwrap_or_default()));
}

fn http(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    [text.as_bytes(), b"\r\n", body].concat()
}

/// A centre that lets everybody sign in and answers a push with `answer`.
fn signed_in(answer: impl Fn() -> Vec<u8> + Send + 'static) -> HttpCentre {
    let json = [("content-type", "application/json")];
    let centre = stranger(move |line| {
        if line.contains("/v1/challenge") {
            http("200 OK", &json, format!("{{\"challenge\":\"{}\"}}", "07".repeat(32)).as_bytes())
        } else if line.contains("/v1/session") {
            http("200 OK", &json, format!("{{\"token\":\"t\",\"seconds\":600,\"realm\":\"{}\"}}", Uuid::nil()).as_bytes())
        } else {
            answer()
        }
    });
    centre.sign_in(Uuid::nil(), &|_| Some([0; 64])).unwrap();
    centre
}

#[test]
fn a_centre_of_before_is_waited_at_by_number_alone() {
    let json = [("content-type", "application/json")];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let centre = HttpCentre::new(Address::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap(), None).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            one(stream, &|line| match line {
                line if line.contains("/v1/challenge") => http("200 OK", &json, format!("{{\"challenge\":\"{}\"}}", "07".repeat(32)).as_bytes()),
                line if line.contains("/v1/session") => http("200 OK", &json, format!("{{\"token\":\"t\",\"seconds\":600,\"realm\":\"{}\"}}", Uuid::nil()).as_bytes()),
                line if line.starts_with("get /v1/wait?g=5 ") => http("200 OK", &json, b"{\"g\":6}"),
                _ => http("405 Method Not Allowed", &[], b""),
            });
        }
    });
    centre.sign_in(Uuid::nil(), &|_| Some([0; 64])).unwrap();
    let then = PullRequest { realm: Uuid::nil(), device: Uuid::nil(), incarnation: Uuid::nil(), epoch: Uuid::nil(), from_g: 5, units: [0; 32], schema_version: 1, bootstrap: Vec::new(), compare: None, ahead: None };
    assert_eq!(centre.listen(5, Some(then)).map(|heard| heard.g), Ok(6));
}

fn contact() -> PushRequest {
    PushRequest { device: Uuid::nil(), incarnation: Uuid::nil(), epoch: Uuid::nil(), nonce: [0; 32], envelopes: Vec::new() }
}

fn good() -> PushAnswer {
    PushAnswer { epoch: Uuid::nil(), verdicts: Vec::new(), server_time: Instant(1), next_nonce: [1; 32] }
}

const OURS: (&str, &str) = ("content-type", pack::MEDIA_TYPE);
const HTML: &[u8] = b"<html><body>Welcome to the guest network. Accept our terms.</body></html>";

#[test]
fn only_the_centres_own_answer_counts_as_an_answer() {
    let check = |answer: Vec<u8>, expected: Result<PushAnswer, ApiError>, why: &str| {
        let centre = signed_in(move || answer.clone());
        assert_eq!(centre.push(&contact()), expected, "{why}");
    };
    let message = codec::encode(&good()).unwrap();
    check(http("200 OK", &[OURS], &message), Ok(good()), "as it is");
    check(http("200 OK", &[("content-type", "Application/VND.gladstone; v=1"), ("content-encoding", "identity")], &message), Ok(good()), "written otherwise");
    let packed = zstd::bulk::compress(&message, 3).unwrap();
    check(http("200 OK", &[OURS, ("content-encoding", "zstd")], &packed), Ok(good()), "compressed");

    check(http("200 OK", &[("content-type", "text/html")], HTML), Err(ApiError::Damaged), "a captive portal");
    check(http("200 OK", &[OURS], HTML), Err(ApiError::Damaged), "a captive portal that claims our type");
    check(http("200 OK", &[], &message), Err(ApiError::Damaged), "no type");
    check(http("302 Found", &[("location", "http://127.0.0.1:1/login")], b""), Err(ApiError::Damaged), "a redirect is not followed");
    check(http("511 Network Authentication Required", &[("content-type", "text/html")], HTML), Err(ApiError::Damaged), "a portal that says what it is");
    check(http("401 Unauthorized", &[("content-type", "text/html")], HTML), Err(ApiError::Damaged), "somebody else's 401 does not sign out");
    check(http("403 Forbidden", &[("content-type", "text/html")], HTML), Err(ApiError::Damaged), "somebody else's 403 does not lock");
    check(http("404 Not Found", &[("content-type", "text/html")], HTML), Err(ApiError::Damaged), "another service at this address");
    check(http("502 Bad Gateway", &[("content-type", "text/html")], HTML), Err(ApiError::Offline), "a proxy whose centre is away");
    check(http("503 Service Unavailable", &[("retry-after", "7")], b""), Err(ApiError::Later { after_ms: 7_000 }), "a proxy that says when");
    check(http("413 Payload Too Large", &[], b""), Err(ApiError::TooLarge), "a proxy with a smaller limit");
    check(http("200 OK", &[OURS], &message[..message.len() - 1]), Err(ApiError::Damaged), "one byte is missing");
    check(http("200 OK", &[OURS, ("content-encoding", "br")], &message), Err(ApiError::Damaged), "an encoding that was not asked for");
    let mut other = message.clone();
    other[4] = 9;
    check(http("200 OK", &[OURS], &other), Err(ApiError::UpgradeRequired), "another major version");

    let fault = |error: &ApiError| codec::encode(error).unwrap();
    for error in [ApiError::SignedOut, ApiError::Revoked, ApiError::UpgradeRequired, ApiError::TooLarge, ApiError::Later { after_ms: 1_234 }, ApiError::Refused { code: "x".into(), text: "No.".into() }] {
        check(http("418 Any Status", &[OURS], &fault(&error)), Err(error.clone()), "the centre's own fault");
        check(http("200 OK", &[OURS], &fault(&error)), Err(ApiError::Damaged), "a fault is no answer");
    }
}

#[test]
fn bombs_and_floods_are_cut_off() {
    let check = |answer: Vec<u8>, why: &str| {
        let centre = signed_in(move || answer.clone());
        assert_eq!(centre.push(&contact()), Err(ApiError::Damaged), "{why}");
    };
    let bomb = zstd::bulk::compress(&vec![0; 64 * 1024 * 1024], 3).unwrap();
    check(http("200 OK", &[OURS, ("content-encoding", "zstd")], &bomb), "64 MiB of zeros from a few kilobytes");
    check(http("418 Any Status", &[OURS, ("content-encoding", "zstd")], &bomb), "the same as a fault");
    // A gzip bomb: we never ask for gzip and never unpack it.
    let gzip = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0; 4096]].concat();
    check(http("200 OK", &[OURS, ("content-encoding", "gzip")], &gzip), "gzip");
    check(http("200 OK", &[OURS], &vec![0; 8 * 1024 * 1024]), "more bytes than a message may have");
}

#[test]
fn a_line_that_breaks_at_any_byte_counts_as_offline() {
    let message = http("200 OK", &[OURS], &codec::encode(&good()).unwrap());
    for length in 0..message.len() {
        let cut = message[..length].to_vec();
        let centre = signed_in(move || cut.clone());
        assert_eq!(centre.push(&contact()), Err(ApiError::Offline), "cut after {length} of {} bytes", message.len());
    }
}

#[test]
fn without_a_session_nothing_is_sent_and_a_refused_one_is_forgotten() {
    let fault = codec::encode(&ApiError::SignedOut).unwrap();
    let centre = signed_in(move || http("401 Unauthorized", &[OURS], &fault));
    assert_eq!(centre.push(&contact()), Err(ApiError::SignedOut));
    let nowhere = HttpCentre::new(Address::parse("http://127.0.0.1:1").unwrap(), None).unwrap();
    assert_eq!(nowhere.push(&contact()), Err(ApiError::SignedOut), "no token, no request");
    assert_eq!(nowhere.sign_in(Uuid::nil(), &|_| Some([0; 64])), Err(ApiError::Offline), "nobody listens");
}

#[test]
fn what_is_under_way_ends_at_once_when_it_is_abandoned() {
    let centre = Arc::new(signed_in(|| {
        thread::sleep(Duration::from_secs(600));
        Vec::new()
    }));
    let began = Clock::now();
    let waiting = {
        let centre = Arc::clone(&centre);
        thread::spawn(move || centre.push(&contact()))
    };
    thread::sleep(Duration::from_millis(100));
    centre.abandon();
    assert_eq!(waiting.join().unwrap(), Err(ApiError::Offline));
    assert_eq!(centre.pull(&gladstone_protocol::wire::PullRequest { realm: Uuid::nil(), device: Uuid::nil(), incarnation: Uuid::nil(), epoch: Uuid::nil(), from_g: 0, units: [0; 32], schema_version: 1, bootstrap: Vec::new(), compare: None, ahead: None }), Err(ApiError::Offline), "and nothing begins any more");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
