//! What the tests of this crate share: ids, a world of processed mutations, values of any field,
//! and a fixed signing key. Asserts nothing.
#![allow(dead_code)]

pub mod samples;

use std::collections::BTreeMap;

use gladstone_model::{Entity, FieldType, Instant, Unit, Value, catalogue};
use gladstone_protocol::{GroupPatch, Known, Op, OpKind, Signer, Writer, clock};
use ring::signature::{Ed25519KeyPair, KeyPair};
use uuid::Uuid;

/// An id that looks like nothing else and has no order that a test could lean on by mistake.
pub fn id(space: u8, n: u64) -> Uuid {
    let mixed = (u128::from(space) << 64 | u128::from(n)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Uuid::from_u128(mixed ^ mixed >> 61)
}

/// The id of a test's one row.
pub fn row_id() -> Uuid {
    id(9, 1)
}

/// The mutation with this number.
pub fn mid(n: u64) -> Uuid {
    id(1, n)
}

/// The laptop with this number.
pub fn device(n: u64) -> Uuid {
    id(2, n)
}

/// A time: some seconds after an arbitrary start.
pub fn time(seconds: i64) -> Instant {
    Instant(1_790_000_000_000_000).plus_seconds(seconds)
}

/// Mutation `n`, written on laptop `on` at `seconds`.
pub fn writer(n: u64, on: u64, seconds: i64) -> Writer {
    let wall = time(seconds);
    Writer { mutation: mid(n), hlc: clock::stamp(wall.millis().unsigned_abs(), 0), actor: id(3, on), device: device(on), wall }
}

/// The mutations that were processed.
#[derive(Clone, Default)]
pub struct World {
    pub writers: BTreeMap<Uuid, Writer>,
    pub values: BTreeMap<(Uuid, u16), Vec<(u16, Value)>>,
}

impl World {
    pub fn know(&mut self, by: Writer) -> Writer {
        self.writers.insert(by.mutation, by);
        by
    }
}

impl Known for World {
    fn writer(&self, mutation: Uuid) -> Option<Writer> {
        self.writers.get(&mutation).copied()
    }

    fn values(&self, _entity: u16, _row: Uuid, group: u16, mutation: Uuid) -> Option<Vec<(u16, Value)>> {
        self.values.get(&(mutation, group)).cloned()
    }
}

pub fn entity(name: &str) -> &'static Entity {
    catalogue().get(name).expect("the entity is declared")
}

/// The number of a field.
pub fn no(entity: &Entity, field: &str) -> u16 {
    entity.field(field).expect("the field is declared").no
}

/// A value that fits the field; 0 is null, every other choice another value.
pub fn value(entity: &Entity, field: u16, choice: u8) -> Value {
    if choice == 0 {
        return Value::Null;
    }
    let at = entity.position_of_no(field).expect("the field is declared");
    match entity.fields[at].ty {
        FieldType::Text { .. } => Value::Text(format!("text {choice}")),
        FieldType::Uuid => Value::Uuid(id(7, u64::from(choice))),
        FieldType::Integer | FieldType::SmallInteger | FieldType::BigInteger => Value::Integer(i64::from(choice)),
        FieldType::Decimal { .. } => Value::Decimal(i64::from(choice).into()),
        FieldType::Boolean => Value::Boolean(choice.is_multiple_of(2)),
        FieldType::Instant => Value::Instant(time(i64::from(choice))),
        FieldType::Date => Value::Date(time(i64::from(choice) * 86_400).date()),
        FieldType::Json => Value::Json(format!("[{choice}]")),
    }
}

pub fn op(entity: &Entity, kind: OpKind) -> Op {
    Op { entity: entity.no, id: row_id(), unit: Unit::PLATFORM, kind }
}

/// A patch of the named fields of the group that begins with the first of them.
pub fn patch(entity: &Entity, base: Uuid, fields: &[(&str, Value)]) -> GroupPatch {
    GroupPatch { group: no(entity, fields[0].0), base, values: fields.iter().map(|(name, value)| (no(entity, name), value.clone())).collect() }
}

/// A signer with a key that everybody knows.
pub struct TestKey(Ed25519KeyPair);

impl TestKey {
    /// The key whose seed is thirty-two times the byte 7.
    pub fn fixed() -> TestKey {
        TestKey(Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("any seed is a key"))
    }

    pub fn public(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }
}

impl Signer for TestKey {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
    }
}
