//! Messages to bytes and back: canonical, within bounds, and calm about anything hostile.
#![allow(unsafe_code)] // an allocator that counts: how much memory decoding takes

mod support;

use std::{alloc::{GlobalAlloc, Layout, System}, cell::Cell, fmt::Debug};

use gladstone_model::{Unit, Value};
use gladstone_protocol::{
    ApiError, CodecFault, Entry, Message, RowsDigest, Verdict, codec,
    limits::{BATCH_COUNT, BATCH_LIMIT, DECODE_FACTOR, DECODE_SLACK, FIELD_COUNT, MESSAGE_LIMIT, MUTATION_LIMIT, PAGE_ROWS},
    wire::{Basis, Envelope, Granted, GroupImage, Judged, Page, PullAnswer, PullRequest, PushAnswer, PushRequest, RowImage, RowKey, unit_set_hash},
};
use proptest::prelude::*;
use support::samples;

struct Counting;

thread_local! {
    static NOW: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

// Safety: hands everything to the system's allocator; the counters allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = NOW.try_with(|now| {
            now.set(now.get() + layout.size());
            let _ = PEAK.try_with(|peak| peak.set(peak.get().max(now.get())));
        });
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _ = NOW.try_with(|now| now.set(now.get().saturating_sub(layout.size())));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The most memory that was held at once while `f` ran, in bytes.
fn peak<T>(f: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.with(Cell::get);
    PEAK.with(|peak| peak.set(before));
    let result = f();
    (result, PEAK.with(Cell::get) - before)
}

fn round_trip<M: Message + PartialEq + Debug>(message: &M) -> Vec<u8> {
    let bytes = codec::encode(message).expect("it can be encoded");
    let read: M = codec::decode(&bytes).expect("it can be decoded");
    assert_eq!(&read, message, "what was sent is what is read");
    assert_eq!(codec::encode(&read).as_ref(), Ok(&bytes), "and it has the same bytes again");
    bytes
}

#[test]
fn every_message_survives_the_wire() {
    round_trip(&samples::push_request());
    round_trip(&samples::push_answer());
    round_trip(&samples::pull_request());
    round_trip(&samples::pull_answer());
    round_trip(&samples::comparing_request());
    round_trip(&samples::summed_answer());
    round_trip(&samples::early_request());
    samples::errors().iter().for_each(|error| drop(round_trip(error)));
    for (_, entry, sealed) in samples::chain() {
        assert_eq!(Entry::from_foreign_bytes(&sealed.bytes), Ok(entry), "an entry as well");
    }
}

#[test]
fn a_message_cut_anywhere_is_damaged_and_never_half_read() {
    let bytes = round_trip(&samples::pull_answer());
    for end in 0..bytes.len() {
        let cut = codec::decode::<PullAnswer>(&bytes[..end]);
        assert_eq!(cut, Err(if end < codec::HEADER { CodecFault::NotOurs } else { CodecFault::Damaged }), "cut after {end} bytes");
    }
}

#[test]
fn what_is_not_a_message_says_so() {
    let bytes = round_trip(&samples::pull_request());
    assert_eq!(codec::decode::<PullRequest>(b"<!doctype html><title>Welcome to our network"), Err(CodecFault::NotOurs), "a captive portal");
    assert_eq!(codec::decode::<PushRequest>(&bytes), Err(CodecFault::NotOurs), "another message");
    assert_eq!(ApiError::from(CodecFault::NotOurs), ApiError::Damaged, "nobody takes it for being signed out");
    let mut other = bytes.clone();
    other[4] = codec::MAJOR + 1;
    assert_eq!(codec::decode::<PullRequest>(&other), Err(CodecFault::OtherVersion(codec::MAJOR + 1)), "another major version is not read");
    let longer = [bytes.as_slice(), &[1, 2, 3]].concat();
    assert_eq!(codec::decode::<PullRequest>(&longer), Err(CodecFault::Damaged), "bytes behind a message of our own version are damage");
    let mut newer = [round_trip(&samples::early_request()).as_slice(), &[1, 2, 3]].concat();
    newer[5] = codec::MINOR + 1;
    assert_eq!(codec::decode::<PullRequest>(&newer), Ok(samples::early_request()), "fields that a newer minor appended are left");
    let mut long = codec::encode(&ApiError::Later { after_ms: 1 }).expect("it can be encoded");
    *long.last_mut().expect("it has bytes") = 0x81;
    long.push(0);
    assert_eq!(codec::decode::<ApiError>(&long), Err(CodecFault::Damaged), "a number in a longer form than needed is not canonical");
}

/// A request of a minor version, without its header, is read as this.
fn check(minor: u8, body: &[u8], expected: Result<PullRequest, CodecFault>, why: &str) {
    let mut bytes = [&round_trip(&samples::pull_request())[..codec::HEADER], body].concat();
    bytes[5] = minor;
    assert_eq!(codec::decode::<PullRequest>(&bytes), expected, "{why}");
}

#[test]
fn what_minor_1_appended_is_written_only_where_it_says_something() {
    let (plain, comparing) = (round_trip(&samples::pull_request()), round_trip(&samples::comparing_request()));
    assert_eq!((plain[5], comparing[5]), (0, 1), "the minor that a reader has to know");
    assert_eq!(comparing[codec::HEADER..plain.len()], plain[codec::HEADER..], "before it the same bytes");
    let plain = &plain[codec::HEADER..];
    check(0, plain, Ok(samples::pull_request()), "as a laptop of the first version sends it");
    check(1, &[plain, &[0]].concat(), Ok(samples::pull_request()), "the field is there and says nothing");
    check(1, plain, Err(CodecFault::Damaged), "the field is missing");
    check(0, &comparing[codec::HEADER..], Err(CodecFault::Damaged), "the field comes in a version that has none");
    check(0, &comparing[codec::HEADER..comparing.len() - 1], Err(CodecFault::Damaged), "nor most of it");
    check(0, &[plain, &[0]].concat(), Err(CodecFault::Damaged), "nor an empty one");
}

#[test]
fn what_minor_2_appended_is_written_only_where_it_says_something() {
    let (plain, comparing, early) = (round_trip(&samples::pull_request()), round_trip(&samples::comparing_request()), round_trip(&samples::early_request()));
    assert_eq!((comparing[5], early[5]), (1, 2), "the minor that a reader has to know");
    assert_eq!(early[codec::HEADER..plain.len()], plain[codec::HEADER..], "before it the same bytes");
    let (comparing, early) = (&comparing[codec::HEADER..], &early[codec::HEADER..]);
    check(1, comparing, Ok(samples::comparing_request()), "as a laptop of minor 1 sends it");
    check(2, &[comparing, &[0]].concat(), Ok(samples::comparing_request()), "the field is there and says nothing");
    check(2, comparing, Err(CodecFault::Damaged), "the field is missing");
    check(1, early, Err(CodecFault::Damaged), "the field comes in a version that has none");
    check(0, early, Err(CodecFault::Damaged), "nor in the first one");
    check(2, &early[..early.len() - 1], Err(CodecFault::Damaged), "most of it");
}

#[test]
fn limits_hold_when_sending_and_when_receiving() {
    let envelope = |size: usize| Envelope { bytes: vec![7; size], ..samples::push_request().envelopes[0].clone() };
    let request = |sizes: &[usize]| PushRequest { envelopes: sizes.iter().map(|size| envelope(*size)).collect(), ..samples::push_request() };
    round_trip(&request(&[MUTATION_LIMIT; 4]));
    assert_eq!(codec::encode(&request(&[MUTATION_LIMIT + 1])), Err(CodecFault::TooLarge), "an entry that is too large");
    assert_eq!(codec::encode(&request(&[MUTATION_LIMIT, MUTATION_LIMIT, MUTATION_LIMIT, MUTATION_LIMIT, 1])), Err(CodecFault::TooLarge), "a batch that is too large");
    round_trip(&request(&[1; BATCH_COUNT]));
    assert_eq!(codec::encode(&request(&[1; BATCH_COUNT + 1])), Err(CodecFault::TooLarge), "too many entries");
    assert_eq!(codec::decode::<PushRequest>(&vec![0; MESSAGE_LIMIT + 1]), Err(CodecFault::TooLarge), "a message that is too large is not looked at");
    assert_eq!(Entry::from_foreign_bytes(&vec![0; MUTATION_LIMIT + 1]), Err(CodecFault::TooLarge), "nor an entry");
    assert_eq!(PushRequest::fitting([BATCH_LIMIT / 4; 9]), 4, "as many as fit");
    assert_eq!(PushRequest::fitting([10, MUTATION_LIMIT + 1, 10]), 1, "up to the first that can never be sent");
    assert_eq!(PushRequest::fitting([0; 9_999]), BATCH_COUNT, "never more than the count");
    let row = RowImage { values: vec![(1, Value::Null); FIELD_COUNT + 1], ..samples::row_image() };
    let page = Page::new(None, vec![row]).expect("it has a row");
    let answer = PullAnswer { grants: vec![Granted { unit: Unit::PLATFORM, at_g: 1, pages: vec![page], complete: true }], ..samples::pull_answer() };
    let bytes = codec::encode(&answer).expect("sending does not look into rows");
    assert_eq!(codec::decode::<PullAnswer>(&bytes), Err(CodecFault::Damaged), "a row with more fields than any entity can have");
}

/// Messages made to take as much memory as possible for their size.
fn greedy() -> Vec<PullAnswer> {
    let key = |n: usize| RowKey { entity: 1, id: support::id(8, n as u64) };
    let image = |n: usize, values: usize| RowImage { key: key(n), unit: Unit::PLATFORM, row_mid: support::mid(1), group_mids: Vec::new(), error: None, values: vec![(1, Value::Null); values] };
    let with = |rows: Vec<RowImage>| {
        let mut pages: Vec<Page> = rows.chunks(PAGE_ROWS).filter_map(|rows| Page::new(None, rows.to_vec())).collect();
        pages.truncate(100);
        PullAnswer { grants: vec![Granted { unit: Unit::PLATFORM, at_g: 1, pages, complete: true }], ..samples::pull_answer() }
    };
    let verdicts = (1..).zip(std::iter::repeat_n(Verdict::Fork, 10_000)).map(|(dseq, verdict)| Judged { dseq, verdict }).collect();
    let missing = vec![Judged { dseq: 1, verdict: Verdict::Held { missing: vec![support::mid(1); 200_000] } }];
    vec![
        with((0..3_500).map(|n| image(n, FIELD_COUNT)).collect()),
        with((0..50_000).map(|n| image(n, 0)).collect()),
        PullAnswer { verdicts, ..samples::pull_answer() },
        PullAnswer { verdicts: missing, ..samples::pull_answer() },
        PullAnswer { changes: vec![samples::pull_answer().changes[0].clone(); 5_000], ..samples::pull_answer() },
    ]
}

#[test]
fn decoding_takes_memory_in_proportion_to_the_message() {
    for message in greedy() {
        let bytes = codec::encode(&message).expect("it is within the limits");
        let (read, memory) = peak(|| codec::decode::<PullAnswer>(&bytes));
        assert!(read.is_ok(), "it can be read");
        assert!(memory <= DECODE_FACTOR * bytes.len() + DECODE_SLACK, "{memory} bytes of memory for {} bytes", bytes.len());
    }
}

#[test]
fn reading_an_entry_takes_memory_in_proportion_to_it() {
    let op = |values: usize| gladstone_protocol::Op { entity: 1, id: support::row_id(), unit: Unit::PLATFORM, kind: gladstone_protocol::OpKind::Create(vec![(1, Value::Null); values]) };
    for ops in [vec![op(0); 25_000], vec![op(FIELD_COUNT); 950]] {
        let mut entry = samples::chain().swap_remove(0).1;
        if let gladstone_protocol::entry::Body::Mutation(mutation) = &mut entry.body {
            mutation.ops = ops;
        }
        let bytes = entry.to_bytes().expect("it can be encoded");
        let (read, memory) = peak(|| Entry::from_foreign_bytes(&bytes));
        assert_eq!(read, Ok(entry), "it can be read");
        assert!(memory <= DECODE_FACTOR * bytes.len() + DECODE_SLACK, "{memory} bytes of memory for {} bytes", bytes.len());
    }
    let image = GroupImage::of(&samples::row_image().into_state().expect("an answer").0, 5).expect("answers have this group");
    assert_eq!((image.values.len(), image.values.contains(&(12, "given".into()))), (7, true), "a group as it stands, null included");
}

#[test]
fn a_length_that_is_only_claimed_takes_no_memory() {
    let good = codec::encode(&PushRequest { envelopes: Vec::new(), ..samples::push_request() }).expect("it can be encoded");
    for claim in [&[0xf3, 0x03][..], &[0xff, 0xff, 0xff, 0xff, 0x0f], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]] {
        let bytes = [&good[..good.len() - 1], claim].concat();
        let (read, memory) = peak(|| codec::decode::<PushRequest>(&bytes));
        assert_eq!(read, Err(CodecFault::Damaged), "a claim without contents is damage");
        assert!(memory < 200_000, "{memory} bytes of memory for a mere claim");
    }
    let deep = [codec::MAGIC.as_slice(), &[codec::MAJOR, codec::MINOR, PushAnswer::KIND], &[16], &[0; 16], &[1, 1], &vec![4; MUTATION_LIMIT]].concat();
    assert_eq!(codec::decode::<PushAnswer>(&deep), Err(CodecFault::Damaged), "verdicts within verdicts end at once");
}

#[test]
fn a_page_that_is_not_whole_is_noticed() {
    let mut rows: Vec<RowImage> = (0..5).map(|n| RowImage { key: RowKey { entity: 26, id: support::id(8, n) }, ..samples::row_image() }).collect();
    rows.sort_by_key(|row| row.key);
    let page = Page::new(None, rows.clone()).expect("it has rows");
    assert!(page.is_whole(), "as it was made");
    assert!(!Page { rows: rows[1..].to_vec(), ..page.clone() }.is_whole(), "a row is missing");
    assert!(!Page { after: Some(rows[0].key), ..page.clone() }.is_whole(), "another range");
    rows.swap(1, 2);
    assert!(!Page::new(None, rows).expect("it has rows").is_whole(), "not in order");
    assert!(Page::new(None, Vec::new()).is_none(), "a page without rows is none");
}

#[test]
fn an_image_becomes_the_row_and_keeps_what_it_does_not_know() {
    let image = samples::row_image();
    let (state, opaque) = image.clone().into_state().expect("an answer");
    assert_eq!(opaque, [(9_000, Value::Boolean(true))], "a field of a newer version is handed out apart");
    let mut again = RowImage::of(&state);
    again.values.extend(opaque);
    assert_eq!(again, image, "nothing is lost on the way");
    let mut digest = RowsDigest::default();
    digest.add(&state).expect("it can be encoded");
    digest.remove(&state).expect("it can be encoded");
    assert_eq!(digest, RowsDigest::default(), "a row that left leaves nothing behind");
}

#[test]
fn secrets_do_not_travel_in_images() {
    let users = support::entity("users");
    let secret = users.fields.iter().find(|field| field.is_secret()).expect("users have a secret");
    let mut row = gladstone_model::Row::empty(users);
    row.set("id", support::row_id());
    row.set(&secret.name, "hunter2");
    let state = gladstone_protocol::RowState { row, unit: Unit::PLATFORM, row_mid: support::mid(1), group_mids: Default::default(), error: None };
    assert!(RowImage::of(&state).values.iter().all(|(no, _)| *no != secret.no), "{} stays where it is", secret.name);
}

#[test]
fn a_set_of_units_has_no_order() {
    let (a, b) = (samples::person(), Unit::PLATFORM);
    assert_eq!(unit_set_hash([a, b]), unit_set_hash([b, a, b]), "order and repetition do not matter");
    assert_ne!(unit_set_hash([a]), unit_set_hash([a, b]), "what is in it does");
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Integer),
        (any::<i64>(), 0_u32..18).prop_map(|(number, scale)| Value::Decimal(rust_decimal(number, scale))),
        any::<String>().prop_map(Value::Text),
        any::<u128>().prop_map(|id| Value::Uuid(uuid::Uuid::from_u128(id))),
        any::<i64>().prop_map(|time| Value::Instant(gladstone_model::Instant(time))),
        (0_i64..4_000_000_000).prop_map(|seconds| Value::Date(gladstone_model::Instant(seconds * 1_000_000).date())),
        any::<String>().prop_map(Value::Json),
    ]
}

fn rust_decimal<D: std::str::FromStr<Err: Debug>>(number: i64, scale: u32) -> D {
    let digits = format!("{:019}", number.unsigned_abs());
    let (whole, part) = digits.split_at(digits.len() - scale as usize);
    let sign = if number < 0 { "-" } else { "" };
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }.parse().expect("a number")
}

fn any_row() -> impl Strategy<Value = RowImage> {
    let values = prop::collection::vec((any::<u16>(), any_value()), 0..20);
    let mids = prop::collection::vec((any::<u16>(), any::<u128>().prop_map(uuid::Uuid::from_u128)), 0..5);
    (any::<u16>(), any::<u128>(), any::<u128>(), mids, prop::option::of(any::<String>()), values).prop_map(|(entity, id, mid, group_mids, reason, values)| RowImage {
        key: RowKey { entity, id: uuid::Uuid::from_u128(id) },
        unit: samples::person(),
        row_mid: uuid::Uuid::from_u128(mid),
        group_mids,
        error: reason.map(|reason| (uuid::Uuid::from_u128(!id), reason)),
        values,
    })
}

/// Whatever is decoded must have been canonical.
fn calm<M: Message + PartialEq + Debug>(bytes: &[u8]) {
    let (read, memory) = peak(|| codec::decode::<M>(bytes));
    assert!(memory <= DECODE_FACTOR * bytes.len() + DECODE_SLACK, "{memory} bytes of memory for {} bytes", bytes.len());
    if let Ok(message) = read {
        let again = codec::encode(&message).expect("what was read can be sent");
        assert!(bytes[codec::HEADER..].starts_with(&again[codec::HEADER..]), "one meaning, one form");
    }
}

fn calm_about_everything(bytes: &[u8]) {
    calm::<PushRequest>(bytes);
    calm::<PushAnswer>(bytes);
    calm::<PullRequest>(bytes);
    calm::<PullAnswer>(bytes);
    calm::<ApiError>(bytes);
    if let Ok(entry) = Entry::from_foreign_bytes(bytes) {
        assert_eq!(entry.to_bytes().as_deref(), Ok(bytes), "an entry that is read has exactly these bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_rows_survive_the_wire(rows in prop::collection::vec(any_row(), 1..6), g in any::<u64>(), more in any::<bool>()) {
        let page = Page::new(None, rows).expect("it has rows");
        let answer = PullAnswer { to_g: g, more, basis: Basis::TooOld, grants: vec![Granted { unit: samples::person(), at_g: g, pages: vec![page], complete: more }], ..samples::pull_answer() };
        round_trip(&answer);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), kind in 0_u8..7) {
        calm_about_everything(&bytes);
        calm_about_everything(&[codec::MAGIC.as_slice(), &[codec::MAJOR, codec::MINOR, kind], &bytes].concat());
        calm_about_everything(&[&[1], bytes.as_slice()].concat());
    }

    #[test]
    fn changed_messages_never_panic(which in 0_usize..9, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>()) {
        let mut bytes = match which {
            0 => codec::encode(&samples::push_request()),
            1 => codec::encode(&samples::push_answer()),
            2 => codec::encode(&samples::pull_request()),
            3 => codec::encode(&samples::pull_answer()),
            4 => codec::encode(&samples::errors()[3]),
            _ => Ok(samples::chain()[which - 5].2.bytes.clone()),
        }.expect("it can be encoded");
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        calm_about_everything(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        calm_about_everything(&bytes);
    }
}
