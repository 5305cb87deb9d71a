//! Lies on the way: a relay in front of the real service that changes what it says in HTTP.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use gladstone_protocol::pack;
use gladstone_sync::{Address, HttpCentre, Phase, sync_once};

use crate::support::{Site, no_limits, same_person, sync};

type Lie = Box<dyn Fn(&str, Vec<u8>) -> Vec<u8> + Send>;
type Twist = Arc<Mutex<Lie>>;

/// Reads a head and as many bytes as it announces.
fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").and_then(|length| length.trim().parse().ok())).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// A relay that passes each request on and twists the answer. Sign-in passes as it is.
fn relay(to: std::net::SocketAddr, twist: &Twist) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let twist = Arc::clone(twist);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let Some((head, body)) = read(&mut stream) else { continue };
            let Ok(mut centre) = TcpStream::connect(to) else { continue };
            let asked = head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
            let _ = centre.write_all(&[asked.as_bytes(), &body].concat());
            let mut answer = Vec::new();
            let _ = centre.read_to_end(&mut answer);
            let line = head.lines().next().unwrap_or_default().to_owned();
            let signing_in = line.contains("/v1/challenge") || line.contains("/v1/session");
            let answer = if signing_in { answer } else { twist.lock().unwrap()(&line, answer) };
            let _ = stream.write_all(&answer);
        }
    });
    address
}

fn http(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    [format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n", body.len()).as_bytes(), body].concat()
}

fn split(answer: &[u8]) -> (String, Vec<u8>) {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    (String::from_utf8_lossy(&answer[..end]).into_owned(), answer[end..].to_vec())
}

#[test]
fn lies_on_the_way_are_told_from_answers_and_lose_nothing() {
    const OURS: (&str, &str) = ("content-type", pack::MEDIA_TYPE);
    const HTML: (&str, &str) = ("content-type", "text/html");
    let site = Site::new();
    let service = site.serve(false, no_limits());
    let (a, b) = (service.laptop(&site, 1, "Amara", "trainer"), service.laptop(&site, 2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    sync(&a).unwrap();
    sync(&b).unwrap();
    let twist: Twist = Arc::new(Mutex::new(Box::new(|_, answer| answer)));
    let address = relay(service.listens, &twist);
    let mut day = 0;
    let mut check = |what: &str, phases: &[Phase], lie: Lie| {
        day += 1;
        let mood = a.mood(person, day, 5).unwrap();
        *twist.lock().unwrap() = lie;
        let client = HttpCentre::new(address.clone(), None).unwrap();
        let ended = sync_once(&a.vault, &client, &mut |_| {}).map_or_else(|error| error.status.phase, |_| Phase::Idle);
        assert!(phases.contains(&ended), "{what}: shown is {ended:?}");
        assert!(a.field("mood_entries", mood, "overall_mood").is_some(), "{what}: what was saved is here");
        sync(&a).unwrap_or_else(|error| panic!("{what}: the honest line is not taken: {:?}", error.status));
        sync(&b).unwrap();
        assert!(b.field("mood_entries", mood, "overall_mood").is_some(), "{what}: what was saved is at the centre");
        assert!(a.base() == a.view(), "{what}: nothing is pending");
    };
    let (disturbed, offline): (&[Phase], &[Phase]) = (&[Phase::Disturbed], &[Phase::Offline]);
    check("nothing is changed", &[Phase::Idle], Box::new(|_, answer| answer));
    check("a page of a guest network", disturbed, Box::new(|_, _| http("200 OK", &[HTML], b"<html>Welcome</html>")));
    check("a page that claims our type", disturbed, Box::new(|_, _| http("200 OK", &[OURS], b"<html>Welcome</html>")));
    check("a redirect to a page", disturbed, Box::new(|_, _| http("302 Found", &[("location", "http://127.0.0.1:1/login")], b"")));
    check("a permanent redirect that keeps the body", disturbed, Box::new(|_, _| http("308 Permanent Redirect", &[("location", "http://127.0.0.1:1/v1/push")], b"")));
    check("somebody else's 401", disturbed, Box::new(|_, _| http("401 Unauthorized", &[HTML], b"Sign in")));
    check("somebody else's 403", disturbed, Box::new(|_, _| http("403 Forbidden", &[HTML], b"No")));
    check("a proxy without its centre", offline, Box::new(|_, _| http("502 Bad Gateway", &[HTML], b"Away")));
    check("a type that is not ours", disturbed, Box::new(|_, answer| { let (head, body) = split(&answer); [head.replace(pack::MEDIA_TYPE, "application/octet-stream").as_bytes(), &body].concat() }));
    check("gzip that nobody asked for", disturbed, Box::new(|_, _| http("200 OK", &[OURS, ("content-encoding", "gzip")], &[&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0; 4096]].concat())));
    let bomb = zstd::bulk::compress(&vec![0; 64 * 1024 * 1024], 3).unwrap();
    check("a bomb of zstd", disturbed, Box::new(move |_, _| http("200 OK", &[OURS, ("content-encoding", "zstd")], &bomb)));
    check("zstd that is none", disturbed, Box::new(|_, _| http("200 OK", &[OURS, ("content-encoding", "zstd")], b"not zstd")));
    check("more bytes than a message may have", disturbed, Box::new(|_, _| http("200 OK", &[OURS], &vec![0; 8 * 1024 * 1024])));
    check("an answer to a pull for a push", disturbed, Box::new(|line, answer| if line.contains("/v1/push") { http("200 OK", &[OURS], b"GLDS\x01\x00\x04") } else { answer }));
    check("no bytes at all", offline, Box::new(|_, _| Vec::new()));
    check("not HTTP", &[Phase::Offline, Phase::Disturbed], Box::new(|_, _| b"220 mail.example ESMTP\r\n".to_vec()));
    check("a head without an end", offline, Box::new(|_, _| format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(100_000)).into_bytes()));
    for part in 1..16_usize {
        check("an answer that is cut", offline, Box::new(move |_, answer| answer[..answer.len() * part / 16].to_vec()));
    }
    for part in 1..16_usize {
        // Whole as HTTP, cut as a message.
        check("a message that is cut", disturbed, Box::new(move |_, answer| {
            let (head, body) = split(&answer);
            let encoding = head.to_ascii_lowercase().contains("content-encoding: zstd").then_some(("content-encoding", "zstd"));
            let headers: Vec<_> = [OURS].into_iter().chain(encoding).collect();
            http("200 OK", &headers, &body[..body.len() * part / 16])
        }));
    }
    same_person(&a, &b, person);
    a.vault.verify(&mut |_, _| true).unwrap();
}
