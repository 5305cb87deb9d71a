//! The golden files of protocol version 1: bytes, hashes and signatures. Whatever changes it
//! changes the protocol; see "Changing the wire" in the README.

mod support;

use std::fmt::Write;

use gladstone_model::{Row, Value, catalogue};
use gladstone_protocol::{GroupMids, Message, RowState, RowsDigest, codec, digest, seal, wire};
use support::{TestKey, samples};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/v1.txt");
const PATH_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/v1.1.txt");
const PATH_2: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/v1.2.txt");
const HEAD_2: &str = "\
# Test vectors of the Gladstone protocol, version 1.2: what minor 2 appended. Everything else is as in v1.txt and v1.1.txt.
";
const HEAD_1: &str = "\
# Test vectors of the Gladstone protocol, version 1.1: what minor 1 appended. Everything else is as in v1.txt.
";
const HEAD: &str = "\
# Test vectors of the Gladstone protocol, version 1.0.
#
# Bytes are hexadecimal. An entry's hash is BLAKE3 in key derivation mode over its bytes, with the
# context 'gladstone 2026 chain entry v1'. Its signature is Ed25519 over the ASCII text
# 'gladstone chain entry signature v1', a zero byte, and the hash. The key is the one whose seed is
# thirty-two times the byte 07; it is for tests only. A message's check is plain BLAKE3 over its bytes.
";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hexadecimal")).collect()
}

fn message<M: Message>(out: &mut String, words: &str, message: &M) {
    let bytes = codec::encode(message).expect("it can be encoded");
    let _ = write!(out, "\nmessage: {words}\n  bytes: {}\n  check: {}\n", hex(&bytes), blake3::hash(&bytes).to_hex());
}

/// An answer with two writers, as a row of a store.
fn row() -> RowState {
    let mut row = Row::empty(catalogue().by_no(samples::ANSWER).expect("answers are declared"));
    for (name, value) in [("id", Value::Uuid(samples::fixed(0x44))), ("response_id", Value::Uuid(samples::fixed(0x55))), ("status", "given".into())] {
        row.set(name, value);
    }
    RowState { row, unit: samples::person(), row_mid: samples::fixed(0x11), group_mids: GroupMids::from_pairs([(5, samples::fixed(0x12))]), error: None }
}

fn rendered() -> String {
    let mut out = HEAD.to_owned();
    let _ = write!(out, "\npublic key: {}\n", hex(&TestKey::fixed().public()));
    for (words, _, sealed) in samples::chain() {
        let _ = write!(out, "\nentry: {words}\n  bytes: {}\n  hash: {}\n  signature: {}\n", hex(&sealed.bytes), hex(&sealed.hash), hex(&sealed.signature));
    }
    message(&mut out, "PushRequest with the four entries above.", &samples::push_request());
    message(&mut out, "PushAnswer with every kind of verdict.", &samples::push_answer());
    message(&mut out, "PullRequest with one unit whose first download goes on.", &samples::pull_request());
    message(&mut out, "PullAnswer with one of everything.", &samples::pull_answer());
    for error in samples::errors() {
        message(&mut out, &format!("ApiError, '{error}'."), &error);
    }
    let one = digest::row_digest(&row()).expect("it can be encoded");
    let mut two = RowsDigest::default();
    two.add(&row()).expect("it can be encoded");
    two.add(&row()).expect("it can be encoded");
    let sum = postcard::to_stdvec(&two).expect("it can be encoded");
    let _ = write!(out, "\ndigest: The answer 44...44 of response 55...55, status 'given', made by mutation 11...11, group 5 written by 12...12.\n  row: {}\n  twice: {}\n", hex(&one), hex(&sum));
    let _ = write!(out, "\nunits: The set of person 33...33 and the platform.\n  hash: {}\n", hex(&wire::unit_set_hash([samples::person(), gladstone_model::Unit::PLATFORM])));
    out
}

/// What minor 1 appended.
fn rendered_1() -> String {
    let mut out = HEAD_1.to_owned();
    message(&mut out, "PullRequest that asks for digests behind person 33...33.", &samples::comparing_request());
    message(&mut out, "PullAnswer with a sum of zero.", &samples::summed_answer());
    out
}

/// What minor 2 appended.
fn rendered_2() -> String {
    let mut out = HEAD_2.to_owned();
    message(&mut out, "PullRequest that is asked ahead of what is durable: 5a...5a.", &samples::early_request());
    out
}

#[test]
fn the_bytes_of_version_1_do_not_change() {
    golden(PATH, &rendered());
    golden(PATH_1, &rendered_1());
    golden(PATH_2, &rendered_2());
}

fn golden(path: &str, rendered: &str) {
    if std::env::var_os("GLADSTONE_WRITE_VECTORS").is_some() {
        std::fs::write(path, rendered).expect("the file can be written");
    }
    let golden = std::fs::read_to_string(path).expect("the file of vectors is there");
    for (at, (new, old)) in rendered.lines().zip(golden.lines()).enumerate() {
        assert_eq!(new, old, "line {} of the vectors: the wire changed", at + 1);
    }
    assert_eq!(rendered.lines().count(), golden.lines().count(), "vectors were added or removed");
}

#[test]
fn the_entries_in_the_file_can_be_opened_and_each_names_the_one_before() {
    let golden = std::fs::read_to_string(PATH).expect("the file of vectors is there");
    let of = |name: &str| -> Vec<Vec<u8>> { golden.lines().filter_map(|line| line.trim().strip_prefix(name).map(|text| text.trim_start_matches(':').trim())).map(unhex).collect() };
    let (bytes, hashes, signatures, key) = (of("bytes:"), of("hash:"), of("signature:"), of("public key:"));
    let mut previous = [0; 32];
    for at in 0..4 {
        let entry = seal::open(&bytes[at], &hashes[at], &signatures[at], &key[0]).expect("hash and signature fit");
        assert_eq!((entry.dseq, entry.previous), (at as u64 + 1, previous), "a chain without gaps");
        previous = hashes[at].clone().try_into().expect("a hash has 32 bytes");
    }
    let mut changed = bytes[0].clone();
    changed[40] ^= 1;
    assert!(seal::open(&changed, &hashes[0], &signatures[0], &key[0]).is_err(), "one changed bit is found");
}
