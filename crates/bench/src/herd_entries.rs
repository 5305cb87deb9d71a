//! What a laptop without a vault writes: sealed entries of its own chain, one mood of its own
//! person after the other.

use std::sync::Arc;

use gladstone_model::{Row, Unit, Value, catalogue, catalogue::SCHEMA_VERSION, entity::Default as FieldDefault};
use gladstone_protocol::{
    ENVELOPE_VERSION, Entry, Mutation, Op, OpKind, Signer, Stored, clock,
    entry::Body,
    seal,
    wire::{Envelope, PushAnswer, PushRequest},
};
use ring::{rand::{SecureRandom, SystemRandom}, signature::{Ed25519KeyPair, KeyPair}};
use uuid::Uuid;

use crate::place::text;

struct Key(Ed25519KeyPair);

impl Signer for Key {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.0.sign(message).as_ref());
        bytes
    }
}

/// Key and chain of one laptop.
#[derive(Clone)]
pub struct Pen {
    key: Arc<Key>,
    /// The laptop.
    pub device: Uuid,
    /// Its life.
    pub incarnation: Uuid,
    /// Its organization.
    pub realm: Uuid,
    /// The organization's history.
    pub epoch: Uuid,
    actor: Uuid,
    nonce: [u8; 32],
    written: u64,
    last: [u8; 32],
}

/// Signs with the laptop's key.
pub fn sign(pen: &Pen, message: &[u8]) -> [u8; 64] {
    pen.key.sign(message)
}

impl Pen {
    /// A new key.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn new() -> Result<Pen, String> {
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(text)?;
        let key = Arc::new(Key(Ed25519KeyPair::from_seed_unchecked(&seed).map_err(text)?));
        Ok(Pen { key, device: Uuid::nil(), incarnation: Uuid::nil(), realm: Uuid::nil(), epoch: Uuid::nil(), actor: Uuid::nil(), nonce: [0; 32], written: 0, last: [0; 32] })
    }

    /// Its public half.
    pub fn public_key(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.key.0.public_key().as_ref());
        bytes
    }

    /// What enrolment answered.
    pub fn joined(&mut self, device: Uuid, incarnation: Uuid, realm: Uuid, actor: Uuid, epoch: Uuid, nonce: [u8; 32]) {
        *self = Pen { device, incarnation, realm, actor, epoch, nonce, ..self.clone() };
    }

    /// A push with the next entry.
    ///
    /// # Errors
    /// It cannot be sealed.
    pub fn next(&mut self) -> Result<PushRequest, String> {
        let date = chrono::NaiveDate::from_num_days_from_ce_opt(700_000 + i32::try_from(self.written).map_err(text)?).ok_or("a day that is none")?;
        let now = gladstone_model::Instant::from(chrono::Utc::now());
        let op = create("mood_entries", &[("user_id", self.actor.into()), ("entry_date", Value::Date(date)), ("overall_mood", Value::Integer(5)), ("notes", "A little better than the day before.".into())], now)?;
        let mutation = Mutation {
            id: Uuid::now_v7(),
            realm: self.realm,
            actor: self.actor,
            hlc: clock::stamp(now.millis().unsigned_abs(), 0),
            wall: now,
            zone_minutes: 0,
            server_offset: 0,
            schema_version: SCHEMA_VERSION,
            command: "measure".into(),
            reason: None,
            ops: vec![op],
        };
        self.written += 1;
        let entry = Entry { version: ENVELOPE_VERSION, device: self.device, incarnation: self.incarnation, dseq: self.written, previous: self.last, body: Body::Mutation(mutation) };
        let envelope: Envelope = seal::seal(&entry, self.key.as_ref()).map_err(text)?.into();
        self.last = envelope.hash;
        Ok(PushRequest { device: self.device, incarnation: self.incarnation, epoch: self.epoch, nonce: self.nonce, envelopes: vec![envelope] })
    }

    /// Takes the answer to the last push.
    ///
    /// # Errors
    /// The entry does not stand.
    pub fn taken(&mut self, answer: &PushAnswer) -> Result<(), String> {
        self.nonce = answer.next_nonce;
        match answer.verdicts.first().and_then(|judged| judged.verdict.stored()) {
            Some(Stored::Applied { .. }) => Ok(()),
            other => Err(format!("an entry does not stand: {other:?}")),
        }
    }
}

fn create(name: &str, values: &[(&str, Value)], now: gladstone_model::Instant) -> Result<Op, String> {
    let entity = catalogue().get(name).ok_or_else(|| format!("{name} is not declared"))?;
    let mut row = Row::empty(entity);
    for (at, field) in entity.fields.iter().enumerate() {
        match &field.default {
            Some(FieldDefault::Now) => row.values[at] = now.into(),
            Some(FieldDefault::Fixed(value)) => row.values[at] = value.clone(),
            None => {}
        }
    }
    values.iter().for_each(|(name, value)| row.set(name, value.clone()));
    let given = entity.fields.iter().zip(row.values).filter(|(field, value)| !value.is_null() && field.name != "id");
    Ok(Op { entity: entity.no, id: Uuid::now_v7(), unit: Unit::PLATFORM, kind: OpKind::Create(given.map(|(field, value)| (field.no, value)).collect()) })
}
