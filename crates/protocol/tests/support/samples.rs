//! One sample of every message and every variant, with fixed contents. The vectors, the page and
//! the wire tests use them.

use gladstone_model::{Instant, Unit, Value, unit::UnitKind};
use gladstone_protocol::{
    ApiError, ENVELOPE_VERSION, Entry, Event, EventAction, GroupPatch, JournalEntry, JournalKind, Mutation, Op, OpKind, RowsDigest, Sealed, Side, Stored, Verdict, Writer,
    entry::Body,
    seal,
    wire::{Basis, BlobRef, Bootstrap, Change, Compare, Dropped, Envelope, Granted, GroupImage, Judged, Page, PullAnswer, PullRequest, PushAnswer, PushRequest, RowChange, RowImage, RowKey, RowNews, UnitDigest},
};
use uuid::Uuid;

use super::TestKey;

/// Entity 26 is an answer: 3 response, 4 question, 5 value, 6 score, 12 status; 5 to 9, 12 and 13 are
/// the merge group 5.
pub const ANSWER: u16 = 26;

pub fn fixed(n: u8) -> Uuid {
    Uuid::from_bytes([n; 16])
}

pub fn person() -> Unit {
    Unit { kind: UnitKind::Person, id: fixed(0x33) }
}

fn time(seconds: i64) -> Instant {
    Instant(1_795_257_720_000_000).plus_seconds(seconds)
}

pub fn writer(n: u8) -> Writer {
    Writer { mutation: fixed(n), hlc: 117_654_041_886_720_001 + u64::from(n), actor: fixed(0x0a), device: fixed(0x0d), wall: time(i64::from(n)) }
}

fn mutation(kind: OpKind) -> Body {
    Body::Mutation(Mutation {
        id: fixed(0x11),
        realm: fixed(0x22),
        actor: fixed(0x0a),
        hlc: 117_654_041_886_720_001,
        wall: time(0),
        zone_minutes: -90,
        server_offset: -1_250_000,
        schema_version: 1,
        command: "responses.answer".into(),
        reason: None,
        ops: vec![Op { entity: ANSWER, id: fixed(0x44), unit: person(), kind }],
    })
}

fn entry(dseq: u64, previous: [u8; 32], body: Body) -> Entry {
    Entry { version: ENVELOPE_VERSION, device: fixed(0x0d), incarnation: fixed(0x0e), dseq, previous, body }
}

/// A chain of four entries, in words.
pub fn chain() -> Vec<(&'static str, Entry, Sealed)> {
    let decimal = Value::Decimal("1.5".parse().expect("a number"));
    let create = vec![(3, fixed(0x55).into()), (4, fixed(0x66).into()), (5, Value::Json("[3,\"é\"]".into())), (6, decimal), (12, "given".into())];
    let update = GroupPatch { group: 5, base: fixed(0x11), values: vec![(5, Value::Json("2".into())), (6, Value::Integer(2)), (7, Value::Boolean(true)), (9, time(5).into()), (13, Value::Null)] };
    let event = Event { actor: fixed(0x0a), wall: time(9), action: EventAction::Read, entity: ANSWER, row: fixed(0x44), detail: String::new() };
    let bodies = [
        ("The first entry of a chain: one new answer with id, JSON, decimal and text values.", mutation(OpKind::Create(create))),
        ("The second: new values for the merge group of field 5, a null among them; its author had seen mutation 11...11.", mutation(OpKind::Update(vec![update]))),
        ("The third: the answer was entered in error.", mutation(OpKind::EnterInError { base: fixed(0x11), reason: "other person".into() })),
        ("The fourth: an audit event, the answer was read.", Body::Event(event)),
    ];
    let (mut previous, mut chain) = ([0; 32], Vec::new());
    for (at, (words, body)) in bodies.into_iter().enumerate() {
        let entry = entry(at as u64 + 1, previous, body);
        let sealed = seal::seal(&entry, &TestKey::fixed()).expect("it can be sealed");
        previous = sealed.hash;
        chain.push((words, entry, sealed));
    }
    chain
}

pub fn journal_entry() -> JournalEntry {
    let side = |text: &str, n: u8| Side { values: vec![(12, text.into())], writer: writer(n) };
    JournalEntry {
        entity: ANSWER,
        row: fixed(0x44),
        group: 5,
        kind: JournalKind::Review,
        base: Some(fixed(0x10)),
        base_values: Some(vec![(12, Value::Null)]),
        kept: side("given", 1),
        other: side("declined", 2),
    }
}

pub fn stored() -> Vec<Stored> {
    vec![
        Stored::Applied { g: 7 },
        Stored::Merged { g: 8, journal: vec![journal_entry()] },
        Stored::Held { missing: vec![fixed(1)] },
        Stored::Quarantined { code: "forbidden".into(), text: "This person is not in your care any more.".into() },
    ]
}

pub fn verdicts() -> Vec<Verdict> {
    let mut all: Vec<Verdict> = stored().into_iter().map(Verdict::from).collect();
    all.extend(stored().into_iter().map(|stored| Verdict::Duplicate { stored }));
    all.extend([Verdict::Fork, Verdict::Gap { expected: 3 }, Verdict::UpgradeRequired, Verdict::Later { after_ms: 1_500 }]);
    all
}

pub fn push_request() -> PushRequest {
    let envelopes = chain().into_iter().map(|(_, _, sealed)| Envelope::from(sealed)).collect();
    PushRequest { device: fixed(0x0d), incarnation: fixed(0x0e), epoch: fixed(0x0c), nonce: [5; 32], envelopes }
}

pub fn push_answer() -> PushAnswer {
    let verdicts = (1..).zip(verdicts()).map(|(dseq, verdict)| Judged { dseq, verdict }).collect();
    PushAnswer { epoch: fixed(0x0c), verdicts, server_time: time(60), next_nonce: [6; 32] }
}

pub fn row_image() -> RowImage {
    RowImage {
        key: RowKey { entity: ANSWER, id: fixed(0x44) },
        unit: person(),
        row_mid: fixed(0x11),
        group_mids: vec![(5, fixed(0x12))],
        error: Some((fixed(0x13), "other person".into())),
        values: vec![(1, fixed(0x44).into()), (3, fixed(0x55).into()), (12, "given".into()), (9_000, Value::Boolean(true))],
    }
}

pub fn row_news() -> Vec<RowNews> {
    let group = GroupImage { group: 5, values: vec![(5, Value::Json("3".into())), (6, Value::Null), (12, "given".into())] };
    vec![
        RowNews::Whole(row_image()),
        RowNews::Groups { groups: vec![group], updated_at: Some(time(2)) },
        RowNews::EnteredInError { reason: "other person".into() },
        RowNews::Left,
    ]
}

pub fn pull_request() -> PullRequest {
    let after = Some(RowKey { entity: ANSWER, id: fixed(0x44) });
    PullRequest {
        realm: fixed(0x22),
        device: fixed(0x0d),
        incarnation: fixed(0x0e),
        epoch: fixed(0x0c),
        from_g: 41,
        units: gladstone_protocol::wire::unit_set_hash([person(), Unit::PLATFORM]),
        schema_version: 1,
        bootstrap: vec![Bootstrap { unit: person(), at_g: 40, after }],
        compare: None,
        ahead: None,
    }
}

pub fn pull_answer() -> PullAnswer {
    let page = Page::new(None, vec![row_image()]).expect("it has a row");
    let rows = row_news().into_iter().map(|news| RowChange { key: RowKey { entity: ANSWER, id: fixed(0x44) }, unit: person(), news }).collect();
    PullAnswer {
        epoch: fixed(0x0c),
        basis: Basis::Checkpoint,
        to_g: 43,
        more: false,
        grants: vec![Granted { unit: person(), at_g: 40, pages: vec![page], complete: true }],
        drops: vec![Dropped { unit: Unit { kind: UnitKind::Org, id: fixed(0x77) }, reason: "You left this organization.".into() }],
        changes: vec![Change { g: 43, writer: writer(3), command: "responses.answer".into(), rows }],
        verdicts: vec![Judged { dseq: 4, verdict: Verdict::Applied { g: 43 } }],
        digests: vec![UnitDigest { unit: person(), digest: RowsDigest::default() }],
        blobs: vec![BlobRef { hash: [9; 32], size: 1_048_577 }],
        server_time: time(61),
        sum: None,
    }
}

/// As [`pull_request`], with what minor 1 appended.
pub fn comparing_request() -> PullRequest {
    PullRequest { compare: Some(Compare { after: Some(person()) }), ..pull_request() }
}

/// As [`pull_request`], with what minor 2 appended.
pub fn early_request() -> PullRequest {
    PullRequest { ahead: Some([0x5a; 32]), ..pull_request() }
}

/// As [`pull_answer`], with what minor 1 appended.
pub fn summed_answer() -> PullAnswer {
    PullAnswer { sum: Some(RowsDigest::default()), ..pull_answer() }
}

pub fn errors() -> Vec<ApiError> {
    vec![
        ApiError::Offline,
        ApiError::SignedOut,
        ApiError::Revoked,
        ApiError::Refused { code: "wrong_realm".into(), text: "This vault belongs to another organization.".into() },
        ApiError::TooLarge,
        ApiError::UpgradeRequired,
        ApiError::Damaged,
        ApiError::Later { after_ms: 2_000 },
    ]
}
