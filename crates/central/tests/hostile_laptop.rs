//! A laptop that does not keep to the rules, against the service over HTTP: forged and stripped
//! signatures, other people's tokens, units, realms and numbers, roles that it gives itself, more
//! than its share, and bodies without end.

mod support;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    num::NonZeroU32,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant as Clock},
};

use gladstone_central::{Centre, Invite, centre::Caller, http::{Limits, Server, Settings}};
use gladstone_model::Value;
use gladstone_protocol::{
    ApiError, Message, Mutation, Op, Verdict, codec,
    enrol::{SESSION_LABEL, from_hex, to_hex},
    pack,
    wire::{Envelope, PullAnswer, PullRequest, PushAnswer, PushRequest},
};
use support::{Laptop, Seeded, code, create, mood, open, person};
use tempfile::TempDir;
use tokio::sync::oneshot;
use uuid::Uuid;

const OURS: &str = pack::MEDIA_TYPE;

struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Answer {
    fn fault(&self) -> ApiError {
        codec::decode(&self.body).unwrap_or_else(|fault| panic!("{fault}: {} {:?}", self.status, String::from_utf8_lossy(&self.body)))
    }
}

fn ask(at: SocketAddr, line: &str, media: &str, token: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(at).unwrap();
    let bearer = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    let _ = stream.write_all(&[format!("{line} HTTP/1.1\r\nhost: centre\r\nconnection: close\r\ncontent-type: {media}\r\ncontent-length: {}\r\n{bearer}\r\n", body.len()).as_bytes(), body].concat());
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or_else(|| panic!("no answer to {line}"));
    let status = String::from_utf8_lossy(&bytes[9..12]).parse().unwrap();
    Answer { status, body: bytes[end + 4..].to_vec() }
}

/// A service over a centre with two organizations.
struct Place {
    centre: Arc<Centre>,
    around: Arc<Seeded>,
    realm: Uuid,
    other: Uuid,
    at: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    service: Option<thread::JoinHandle<()>>,
    folder: TempDir,
}

impl Place {
    fn new(limits: Limits) -> Place {
        let (folder, around) = (gladstone_testkit::image::scratch(), Seeded::new(1));
        let centre = Arc::new(open(folder.path(), &around));
        let (realm, other) = (centre.found("Harbour Practice").unwrap(), centre.found("Hill Clinic").unwrap());
        let settings = Settings { limits, blobs: Some(Path::join(folder.path(), "blobs")), ..Settings::default() };
        let ((ready, listens), (end, ended)) = (std::sync::mpsc::channel(), oneshot::channel::<()>());
        let served = Arc::clone(&centre);
        let service = thread::spawn(move || {
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(async {
                let (server, stands) = Server::bind(served, &settings, ([127, 0, 0, 1], 0).into(), None).await.unwrap();
                ready.send(stands.address).unwrap();
                server.run(async { drop(ended.await) }).await;
            });
        });
        Place { at: listens.recv().unwrap(), centre, around, realm, other, end: Some(end), service: Some(service), folder }
    }

    fn laptop(&self, realm: Uuid, name: &str, role: &str) -> Laptop {
        let code = self.centre.invite(realm, &Invite { name: name.into(), email: None, role: role.into(), user: None, minutes: 10 }).unwrap().code;
        let mut laptop = Laptop::unknown(&self.around);
        let body = serde_json::to_vec(&laptop.enrol_request(&code, None)).unwrap();
        let answer = ask(self.at, "POST /v1/enrol", "application/json", "", &body);
        laptop.join(&serde_json::from_slice(&answer.body).unwrap());
        laptop
    }

    fn json(&self, path: &str, body: &serde_json::Value) -> (u16, serde_json::Value) {
        let answer = ask(self.at, &format!("POST {path}"), "application/json", "", body.to_string().as_bytes());
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    fn token(&self, laptop: &Laptop) -> String {
        let challenge = self.json("/v1/challenge", &serde_json::json!({ "device": laptop.device })).1["challenge"].as_str().unwrap().to_owned();
        let signature = to_hex(&laptop.sign(&[SESSION_LABEL, &from_hex::<32>(&challenge).unwrap()].concat()));
        self.json("/v1/session", &serde_json::json!({ "device": laptop.device, "challenge": challenge, "signature": signature })).1["token"].as_str().unwrap().to_owned()
    }

    fn post<M: Message>(&self, path: &str, token: &str, message: &M) -> Answer {
        ask(self.at, &format!("POST {path}"), OURS, token, &codec::encode(message).unwrap())
    }

    fn push(&self, token: &str, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        let answer = self.post("/v1/push", token, request);
        if answer.status == 200 { Ok(codec::decode(&answer.body).unwrap()) } else { Err(answer.fault()) }
    }

    /// Sends what was sealed last and returns the verdict.
    fn save(&self, token: &str, laptop: &mut Laptop, ops: Vec<Op>) -> Verdict {
        laptop.write(ops);
        let request = laptop.push_request(laptop.chain[laptop.dseq as usize - 1..].to_vec());
        let answer = self.push(token, &request).unwrap();
        laptop.take_push(&answer);
        laptop.verdicts[&laptop.dseq].clone()
    }

    fn pull(&self, token: &str, laptop: &mut Laptop) {
        loop {
            let answer: PullAnswer = codec::decode(&self.post("/v1/pull", token, &laptop.pull_request()).body).unwrap();
            let more = answer.more;
            laptop.take_pull(&answer);
            if !more {
                return;
            }
        }
    }

    fn head(&self) -> u64 {
        self.centre.head(self.realm).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.end.take());
        let _ = self.service.take().map(thread::JoinHandle::join);
        // The store closes before its folder goes.
        let _ = &self.folder;
    }
}

fn many() -> Limits {
    let number = NonZeroU32::new(1_000_000).unwrap();
    Limits { requests_a_minute: number, enrolments_a_minute: number, sign_ins_a_minute: number, ..Limits::default() }
}

#[test]
fn tokens_and_challenges_are_good_for_their_own_laptop_in_their_time() {
    let place = Place::new(many());
    let (amara, ben, olga) = (place.laptop(place.realm, "Amara", "therapist"), place.laptop(place.realm, "Ben", "admin"), place.laptop(place.other, "Olga", "admin"));
    let (of_amara, of_olga) = (place.token(&amara), place.token(&olga));
    let pull = |token: &str, request: &PullRequest| place.post("/v1/pull", token, request);
    assert_eq!(pull(&of_amara, &amara.pull_request()).status, 200, "as it should be");
    for token in ["", "0", &"00".repeat(32), &of_amara[..63], &format!("{of_amara}0"), &of_amara.to_uppercase().replace(char::is_numeric, "F")] {
        assert_eq!(pull(token, &amara.pull_request()).fault(), ApiError::SignedOut, "token {token}");
    }
    let refused = |answer: Answer, why: &str| assert!(matches!(answer.fault(), ApiError::Refused { .. }), "{why}");
    refused(pull(&of_amara, &ben.pull_request()), "a token of another laptop");
    refused(place.post("/v1/push", &of_amara, &ben.push_request(Vec::new())), "a token of another laptop, to push");
    // Another organization's realm answers as one that there is not, to the byte.
    let foreign = pull(&of_olga, &PullRequest { realm: place.realm, ..olga.pull_request() });
    let nowhere = pull(&of_olga, &PullRequest { realm: Uuid::from_u128(9), ..olga.pull_request() });
    assert_eq!((foreign.status, &foreign.body), (404, &nowhere.body), "a realm of another organization");
    refused(place.post("/v1/push", &of_olga, &amara.push_request(Vec::new())), "a laptop of another organization");
    // Files: what no record names is not there, whoever asks, and however. Those that are there are
    // tried in `crates/sync/tests/hazards/files.rs`.
    for hash in [&"ab".repeat(32), "ab", "../../etc/passwd"] {
        for line in [format!("GET /v1/blobs/{hash}?offset=0&length=1"), format!("GET /v1/blobs/{hash}/state"), format!("PUT /v1/blobs/{hash}?offset=0"), format!("GET /v1/blobs/{hash}"), format!("PUT /v1/blobs/{hash}?offset=-1")] {
            let answer = ask(place.at, &line, "application/octet-stream", &of_amara, b"a file");
            assert_eq!(answer.status, 404, "{line}");
            assert_eq!(ask(place.at, &line, "application/octet-stream", "", b"a file").status, if hash.contains('/') { 404 } else { 401 }, "{line} without a token");
        }
    }
    // Challenges.
    let challenge = |laptop: &Laptop| place.json("/v1/challenge", &serde_json::json!({ "device": laptop.device })).1["challenge"].as_str().unwrap().to_owned();
    let session = |device: Uuid, challenge: &str, signature: [u8; 64]| place.json("/v1/session", &serde_json::json!({ "device": device, "challenge": challenge, "signature": to_hex(&signature) })).0;
    let sign = |laptop: &Laptop, challenge: &str| laptop.sign(&[SESSION_LABEL, &from_hex::<32>(challenge).unwrap()].concat());
    let given = challenge(&amara);
    assert_eq!(session(amara.device, &given, sign(&ben, &given)), 401, "another laptop's signature");
    assert_eq!(session(amara.device, &given, sign(&amara, &given)), 401, "a challenge is good once, even when that failed");
    let given = challenge(&amara);
    assert_eq!(session(ben.device, &given, sign(&ben, &given)), 401, "a challenge for somebody else");
    let given = challenge(&amara);
    assert_eq!(session(amara.device, &given, amara.sign(&from_hex::<32>(&given).unwrap())), 401, "a signature without its label");
    let given = challenge(&amara);
    assert_eq!(session(amara.device, &given, sign(&amara, &given)), 200);
    assert_eq!(session(amara.device, &given, sign(&amara, &given)), 401, "the same once more");
    let given = challenge(&amara);
    place.around.pass(61);
    assert_eq!(session(amara.device, &given, sign(&amara, &given)), 401, "too late");
    place.around.pass(601);
    assert_eq!(pull(&of_amara, &amara.pull_request()).fault(), ApiError::SignedOut, "a token whose time is over");
    place.centre.revoke(place.realm, amara.device).unwrap();
    let late = place.token(&amara);
    assert_eq!(pull(&late, &amara.pull_request()).fault(), ApiError::Revoked, "a laptop whose right has ended");
}

#[test]
fn what_is_forged_stripped_or_sent_again_has_no_effect() {
    let place = Place::new(many());
    let (mut amara, mut ben) = (place.laptop(place.realm, "Amara", "therapist"), place.laptop(place.realm, "Ben", "therapist"));
    let (token, of_ben) = (place.token(&amara), place.token(&ben));
    let id = amara.new_id();
    assert!(place.save(&token, &mut amara, vec![person(id, "Cleo")]).g().is_some());
    amara.write(vec![mood(amara.new_id(), id, 3, 5)]);
    ben.write(vec![person(ben.new_id(), "Dora")]);
    let good = amara.chain[1].clone();
    let head = place.head();
    let bent = |change: &dyn Fn(&mut Envelope)| {
        let mut envelope = good.clone();
        change(&mut envelope);
        envelope
    };
    let hashed = |change: &dyn Fn(&mut Vec<u8>)| bent(&|envelope| { change(&mut envelope.bytes); envelope.hash = gladstone_protocol::seal::hash(&envelope.bytes); });
    let last = good.bytes.len() - 1;
    let forged: Vec<(&str, Envelope)> = vec![
        ("a changed signature", bent(&|envelope| envelope.signature.0[0] ^= 1)),
        ("no signature", bent(&|envelope| envelope.signature.0 = [0; 64])),
        ("changed bytes", bent(&|envelope| envelope.bytes[last] ^= 1)),
        ("changed bytes with their own hash", hashed(&|bytes| bytes[last] ^= 1)),
        ("bytes behind it", hashed(&|bytes| bytes.push(0))),
        ("cut bytes", hashed(&|bytes| _ = bytes.pop())),
        ("no bytes", hashed(&Vec::clear)),
        ("another hash", bent(&|envelope| envelope.hash[0] ^= 1)),
        ("another one's envelope", ben.chain[0].clone()),
        ("another one's signature", bent(&|envelope| envelope.signature.0 = ben.sign(&envelope.hash))),
        ("its own signature without the label", bent(&|envelope| envelope.signature.0 = amara.sign(&envelope.hash))),
    ];
    for (what, envelope) in forged {
        let answer = place.push(&token, &amara.push_request(vec![envelope]));
        assert!(matches!(answer, Err(ApiError::Refused { ref code, .. }) if code == "not_signed"), "{what}: {answer:?}");
        assert_eq!(place.head(), head, "{what}: nothing changed");
    }
    assert!(place.push(&of_ben, &PushRequest { device: ben.device, ..amara.push_request(vec![good.clone()]) }).is_err(), "in another one's name");
    // Sent again: the verdict of then. With a nonce that was used up: a copy.
    let used = amara.push_request(amara.chain[..1].to_vec());
    let answer = place.push(&token, &used).unwrap();
    assert!(matches!(answer.verdicts[0].verdict, Verdict::Duplicate { .. }), "{answer:?}");
    amara.take_push(&answer);
    for _ in 0..2 {
        let answer = place.push(&token, &amara.push_request(Vec::new())).unwrap();
        amara.take_push(&answer);
    }
    let replayed = place.push(&token, &PushRequest { envelopes: vec![good.clone()], ..used }).unwrap();
    assert!(replayed.verdicts.iter().all(|judged| judged.verdict == Verdict::Fork), "{replayed:?}");
    assert_eq!(place.head(), head, "nothing happened again");
    // Numbers that are left out, and another envelope under one that is taken.
    amara.write(vec![mood(amara.new_id(), id, 4, 5)]);
    let answer = place.push(&token, &amara.push_request(amara.chain[2..].to_vec())).unwrap();
    assert_eq!(answer.verdicts[0].verdict, Verdict::Gap { expected: 2 });
    amara.take_push(&answer);
    let answer = place.push(&token, &amara.push_request(amara.chain[1..].to_vec())).unwrap();
    assert!(answer.verdicts.iter().all(|judged| judged.verdict.g().is_some()), "the honest rest is taken: {answer:?}");
    assert!(place.centre.verify_audit(place.realm, &mut |_, _| true).unwrap().faults.is_empty());
}

#[test]
fn nobody_gives_themselves_a_right_a_role_or_somebody_elses_record() {
    let place = Place::new(many());
    let (mut amara, mut ben, mut chief, mut olga) = (place.laptop(place.realm, "Amara", "therapist"), place.laptop(place.realm, "Ben", "therapist"), place.laptop(place.realm, "Chief", "admin"), place.laptop(place.other, "Olga", "admin"));
    let (of_amara, of_ben, of_chief, of_olga) = (place.token(&amara), place.token(&ben), place.token(&chief), place.token(&olga));
    let (id, own) = (amara.new_id(), ben.new_id());
    place.save(&of_amara, &mut amara, vec![person(id, "Cleo")]);
    place.save(&of_ben, &mut ben, vec![person(own, "Dora")]);
    place.pull(&of_ben, &mut ben);
    let me = ben.actor;
    let new = |laptop: &Laptop| laptop.new_id();
    let on = Value::Date(chrono::NaiveDate::from_ymd_opt(2026, 11, 1).unwrap());
    let tries: Vec<(&str, Vec<Op>)> = vec![
        ("a role", ben.change("users", me, &[("role", "admin".into())])),
        ("another organization", ben.change("users", me, &[("primary_organization_id", place.other.into())])),
        ("the mark of staff", ben.change("users", me, &[("is_staff", true.into())])),
        ("the mark of the superuser", ben.change("users", me, &[("is_superuser", true.into())])),
        ("a membership as owner", vec![create("organization_members", new(&ben), &[("organization_id", place.realm.into()), ("user_id", me.into()), ("role", "owner".into())])]),
        ("a grant of a person", vec![create("grants", new(&ben), &[("user_id", me.into()), ("granted_unit", format!("person:{id}").into())])]),
        ("a grant of everything that is shared", vec![create("grants", new(&ben), &[("user_id", me.into()), ("granted_unit", "platform".into())])]),
        ("a grant of another organization", vec![create("grants", new(&ben), &[("user_id", me.into()), ("granted_unit", format!("org:{}", place.other).into())])]),
        ("a grant of another account", vec![create("grants", new(&ben), &[("user_id", me.into()), ("granted_unit", format!("account:{}", amara.actor).into())])]),
        ("a relationship with somebody else's person", vec![create("therapeutic_relationships", new(&ben), &[("therapist_id", me.into()), ("patient_id", id.into()), ("relationship_type", "coaching".into()), ("start_date", on.clone()), ("status", "active".into())])]),
        ("a new administrator", vec![create("users", new(&ben), &[("name", "Eve".into()), ("role", "admin".into())])]),
        ("a laptop", vec![create("devices", new(&ben), &[("user_id", me.into()), ("label", "x".into()), ("public_key", "y".into()), ("incarnation", id.into())])]),
        ("a mood of somebody else's person", vec![mood(new(&ben), id, 3, 5)]),
        ("one of one's own and one of somebody else's", vec![mood(new(&ben), own, 3, 5), mood(new(&ben), id, 4, 5)]),
        ("somebody else's person under one's own hint", vec![Op { unit: gladstone_model::Unit { kind: gladstone_model::unit::UnitKind::Person, id: own }, ..mood(new(&ben), id, 5, 5) }]),
        ("somebody else's person, made once more", vec![person(id, "Mine")]),
        ("a reference row under the hint of one's own person", vec![Op { unit: gladstone_model::Unit { kind: gladstone_model::unit::UnitKind::Person, id: own }, ..create("devices", new(&ben), &[("user_id", me.into()), ("label", "x".into()), ("public_key", "y".into()), ("incarnation", id.into())]) }]),
    ];
    let head = place.head();
    for (what, ops) in tries {
        let verdict = place.save(&of_ben, &mut ben, ops);
        // What names another organization is told apart: no right is missing, but the organization.
        let expected = if what == "another organization" { "organization" } else { "forbidden" };
        assert_eq!(code(&verdict), expected, "{what}: {verdict:?}");
    }
    assert_eq!(place.head(), head, "nothing took effect");
    // Fields that the centre owns, in a row that may be made: left out without a word.
    let eve = new(&ben);
    let verdict = place.save(&of_ben, &mut ben, vec![create("users", eve, &[("name", "Eve".into()), ("role", "patient".into()), ("is_superuser", true.into()), ("is_staff", true.into())])]);
    assert!(verdict.g().is_some(), "{verdict:?}");
    place.pull(&of_chief, &mut chief);
    let made = &chief.row("users", eve).unwrap().row;
    assert_eq!((made.get("is_superuser"), made.get("is_staff")), (&Value::Boolean(false), &Value::Boolean(false)));
    let row = &chief.row("users", me).unwrap().row;
    assert_eq!((row.text("role"), row.uuid("primary_organization_id").is_none_or(|id| id == place.realm)), ("therapist", true), "who Ben is, is as it was");
    // In somebody else's name, or for another organization.
    for (what, change) in [("actor", Box::new(|mutation: &mut Mutation, amara: Uuid, _: Uuid| mutation.actor = amara) as Box<dyn Fn(&mut Mutation, Uuid, Uuid)>), ("realm", Box::new(|mutation, _, other| mutation.realm = other))] {
        ben.write(vec![person(new(&ben), "Nobody")]);
        let mut entry = gladstone_protocol::Entry::from_bytes(&ben.chain.pop().unwrap().bytes).unwrap();
        ben.dseq -= 1;
        ben.head = ben.chain.last().map_or([0; 32], |envelope| envelope.hash);
        if let gladstone_protocol::entry::Body::Mutation(mutation) = &mut entry.body {
            change(mutation, amara.actor, place.other);
        }
        ben.seal(entry.body);
        let answer = place.push(&of_ben, &ben.push_request(ben.chain[ben.dseq as usize - 1..].to_vec())).unwrap();
        ben.take_push(&answer);
        assert_eq!(code(&ben.verdicts[&ben.dseq]), what, "{answer:?}");
    }
    // Another organization's person is one that there is not.
    let verdicts = [id, Uuid::from_u128(5)].map(|of| {
        let row = new(&olga);
        place.save(&of_olga, &mut olga, vec![mood(row, of, 3, 5)])
    });
    assert_eq!(verdicts, [Verdict::Held { missing: vec![id] }, Verdict::Held { missing: vec![Uuid::from_u128(5)] }]);
    let caller = Caller { realm: place.other, device: olga.device, actor: olga.actor, revoked: false };
    assert!(place.centre.pull(&caller, &PullRequest { realm: place.realm, ..olga.pull_request() }).is_err());
}

#[test]
fn more_than_ones_share_is_refused_and_slows_nobody_else() {
    let place = Place::new(Limits { requests_a_minute: NonZeroU32::new(8).unwrap(), ..many() });
    let (mut amara, ben) = (place.laptop(place.realm, "Amara", "therapist"), place.laptop(place.realm, "Ben", "therapist"));
    let (of_amara, of_ben) = (place.token(&amara), place.token(&ben));
    let raw = |request: &PushRequest| {
        let mut bytes = codec::encode(&amara.push_request(Vec::new())).unwrap()[..codec::HEADER].to_vec();
        bytes.extend(postcard::to_stdvec(request).unwrap());
        bytes
    };
    let envelope = Envelope { bytes: vec![1; 10], hash: [0; 32], signature: gladstone_protocol::Signature([0; 64]) };
    let push = |bytes: &[u8]| ask(place.at, "POST /v1/push", OURS, &of_amara, bytes);
    let over = push(&raw(&amara.push_request(vec![envelope.clone(); 501])));
    assert!(matches!(over.fault(), ApiError::TooLarge | ApiError::Damaged), "501 envelopes: {:?}", over.fault());
    let over = push(&raw(&amara.push_request(vec![Envelope { bytes: vec![1; 1024 * 1024 + 1], ..envelope.clone() }])));
    assert!(matches!(over.fault(), ApiError::TooLarge | ApiError::Damaged), "an envelope of more than 1 MiB: {:?}", over.fault());
    let over = push(&vec![0; 5 * 1024 * 1024]);
    assert_eq!(over.fault(), ApiError::TooLarge, "5 MiB");
    // Bodies that were announced and do not come.
    let slow: Vec<TcpStream> = (0..40).map(|_| {
        let mut stream = TcpStream::connect(place.at).unwrap();
        write!(stream, "POST /v1/push HTTP/1.1\r\nhost: centre\r\ncontent-type: {OURS}\r\ncontent-length: 1000000\r\nauthorization: Bearer {of_ben}\r\n\r\nGLDS").unwrap();
        stream
    }).collect();
    let began = Clock::now();
    amara.write(vec![person(amara.new_id(), "Cleo")]);
    let answer = place.push(&of_amara, &amara.push_request(amara.chain.clone())).unwrap();
    assert!(answer.verdicts[0].verdict.g().is_some() && began.elapsed() < Duration::from_secs(5), "in the midst of 40 slow bodies: {:?}", began.elapsed());
    drop(slow);
    // Too many: told when to come again, and only who asked too often.
    let answers: Vec<ApiError> = (0..10).map(|_| place.post("/v1/pull", &of_amara, &amara.pull_request())).filter(|answer| answer.status != 200).map(|answer| answer.fault()).collect();
    assert!(!answers.is_empty() && answers.iter().all(|fault| matches!(fault, ApiError::Later { after_ms: 1..=60_000 })), "{answers:?}");
    let chief = place.laptop(place.realm, "Chief", "admin");
    assert_eq!(place.post("/v1/pull", &place.token(&chief), &chief.pull_request()).status, 200, "others are served");
}
