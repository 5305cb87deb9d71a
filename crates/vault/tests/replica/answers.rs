//! Answers of a centre, made by hand; and a colleague whose rows they bring. Asserts nothing.

use gladstone_model::{Unit, Value, catalogue, unit::UnitKind};
use gladstone_protocol::{
    RowState, Verdict, Writer,
    wire::{Change, Granted, GroupImage, Judged, Page, PullAnswer, PushAnswer, RowChange, RowImage, RowKey, RowNews},
};
use gladstone_testkit::{Laptop, laptops};
use gladstone_vault::{replica::{PullOutcome, PushOutcome}, surroundings::Surroundings};
use uuid::Uuid;

pub const REALM: Uuid = Uuid::from_u128(0x5ea1);
pub const ACTOR: Uuid = Uuid::from_u128(0xa);
pub const COLLEAGUE: Uuid = Uuid::from_u128(0xb);

/// A laptop that joined.
pub fn joined(seed: u64) -> Laptop {
    let laptop = Laptop::new(seed, ACTOR);
    laptop.vault.join(&laptops::joined(REALM, ACTOR)).unwrap();
    laptop
}

/// Somebody else, whose rows come by way of the centre.
pub fn colleague() -> Laptop {
    Laptop::new(77, COLLEAGUE)
}

pub fn person(id: Uuid) -> Unit {
    Unit { kind: UnitKind::Person, id }
}

pub fn key(entity: &str, id: Uuid) -> RowKey {
    RowKey { entity: catalogue().get(entity).unwrap().no, id }
}

/// A row as it travels.
pub fn image(from: &Laptop, entity: &str, id: Uuid) -> RowImage {
    RowImage::of(&from.stored(entity, id).unwrap())
}

/// Whoever wrote mutation `n` at the centre: neither of the two laptops.
pub fn writer(laptop: &Laptop, mutation: Uuid) -> Writer {
    Writer { mutation, hlc: 1_795_000_000_000 << 16, actor: COLLEAGUE, device: Uuid::from_u128(0xdd), wall: laptop.clock.now() }
}

pub fn mid(n: u128) -> Uuid {
    Uuid::from_u128(0x7777_0000 | n)
}

/// An answer that brings nothing but a new checkpoint.
pub fn nothing(laptop: &Laptop, to_g: u64) -> PullAnswer {
    PullAnswer::bare(laptop.vault.replica().unwrap().unwrap().joined.epoch, to_g, laptop.clock.now())
}

/// A unit with these rows, whole or the first part of it.
pub fn grant(unit: Unit, at_g: u64, mut rows: Vec<RowImage>, complete: bool) -> Granted {
    rows.sort_by_key(|row| row.key);
    Granted { unit, at_g, pages: Page::new(None, rows).into_iter().collect(), complete }
}

pub fn news(laptop: &Laptop, g: u64, mutation: Uuid, key: RowKey, unit: Unit, news: RowNews) -> Change {
    Change { g, writer: writer(laptop, mutation), command: "records.update".into(), rows: vec![RowChange { key, unit, news }] }
}

/// One field of a row that somebody else wrote.
pub fn field(laptop: &Laptop, g: u64, mutation: Uuid, row: &RowState, name: &str, value: impl Into<Value>) -> Change {
    let mut after = row.clone();
    after.row.set(name, value);
    let group = gladstone_store::stored::group_of(row.row.entity, row.row.entity.position(name).unwrap());
    let key = RowKey { entity: row.row.entity.no, id: row.row.id() };
    news(laptop, g, mutation, key, row.unit, RowNews::Groups { groups: vec![GroupImage::of(&after, group).unwrap()], updated_at: Some(laptop.clock.now()) })
}

pub fn pull(laptop: &Laptop, answer: PullAnswer) -> PullOutcome {
    let asked = laptop.vault.pull_request().unwrap();
    laptop.vault.take_pull(&asked, answer).unwrap()
}

/// Sends everything that waits; `judge` says what becomes of each number.
pub fn push(laptop: &Laptop, mut judge: impl FnMut(u64) -> Verdict) -> PushOutcome {
    let asked = laptop.vault.next_push().unwrap();
    let number = |bytes: &[u8]| gladstone_protocol::Entry::from_bytes(bytes).unwrap().dseq;
    let verdicts = asked.envelopes.iter().map(|envelope| number(&envelope.bytes)).map(|dseq| Judged { dseq, verdict: judge(dseq) }).collect();
    let epoch = laptop.vault.replica().unwrap().unwrap().joined.epoch;
    laptop.vault.take_push(&asked, &PushAnswer { epoch, verdicts, server_time: laptop.clock.now(), next_nonce: [9; 32] }).unwrap()
}

pub fn refused() -> Verdict {
    Verdict::Quarantined { code: "forbidden".into(), text: "You may not write to this record.".into() }
}

/// A laptop that holds one person of the colleague's with one mood, at checkpoint 10.
pub fn with_person(seed: u64) -> (Laptop, Laptop, Uuid, Uuid) {
    let (laptop, colleague) = (joined(seed), colleague());
    let id = colleague.register("Tomasz Wieczorek").unwrap();
    let mood = colleague.mood(id, 1, 4).unwrap();
    let rows = vec![image(&colleague, "users", id), image(&colleague, "mood_entries", mood)];
    pull(&laptop, PullAnswer { grants: vec![grant(person(id), 10, rows, true)], ..nothing(&laptop, 10) });
    (laptop, colleague, id, mood)
}

/// The vault holds together: chain, rows, digest; and what is shown is what lies below with what
/// waits on top, or the same as before.
pub fn sound(laptop: &Laptop) {
    laptop.vault.verify(&mut |_, _| true).unwrap();
    let (base, units) = (laptop.base(), laptop.count("SELECT count(*) FROM unit_held WHERE complete = 1"));
    let held: Vec<(Vec<u8>, Vec<u8>)> = laptop.peek(|connection| {
        let mut statement = connection.prepare("SELECT unit_id, digest FROM unit_held WHERE complete = 1").unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    });
    assert_eq!(held.len() as u64, units, "every unit has a digest");
    for (unit, digest) in held {
        let unit = Unit::from_bytes(&unit).unwrap();
        let summed = postcard::to_stdvec(&laptops::digest_of(base.values(), unit)).unwrap();
        assert_eq!(summed, digest, "the digest of {unit} is the sum over its base rows");
    }
}

/// The number of the merge group in which a field lies.
pub fn group(entity: &str, field: &str) -> u16 {
    let entity = catalogue().get(entity).unwrap();
    gladstone_store::stored::group_of(entity, entity.position(field).unwrap())
}
