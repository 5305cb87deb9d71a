//! How fast an engine takes in: mutations of ten rows each, from several laptops at once.
//! `cargo run --release -p gladstone-central --example ingest`, and for a PostgreSQL that was
//! prepared with `-- ADDRESS STATE-FOLDER` behind it.

use std::{error::Error, io::Write, sync::Arc, time::Instant as Moment};

use gladstone_central::{Around, Centre, Embedded, Engine, Invite, Machine, Postgres, postgres::Settings};
use gladstone_model::{Row, Unit, Value, catalogue, catalogue::SCHEMA_VERSION, entity::Default as FieldDefault};
use gladstone_protocol::{
    ENVELOPE_VERSION, Entry, Mutation, Op, OpKind, Signer, clock,
    enrol::{EnrolRequest, from_hex, to_hex},
    entry::Body,
    seal,
    wire::{Envelope, PushRequest},
};
use ring::signature::{Ed25519KeyPair, KeyPair};
use uuid::Uuid;

/// Laptops that push at the same time.
const LAPTOPS: usize = 4;
/// Mutations of each.
const MUTATIONS: usize = 1_000;
/// Rows of each mutation.
const ROWS: u32 = 10;
/// Mutations of one push.
const PUSH: usize = 100;

struct Key(Ed25519KeyPair);

impl Signer for Key {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.0.sign(message).as_ref());
        bytes
    }
}

fn create(entity: &str, id: Uuid, values: &[(&str, Value)], around: &Machine) -> Result<Op, Box<dyn Error>> {
    let entity = catalogue().get(entity).ok_or("an entity")?;
    let mut row = Row::empty(entity);
    for (at, field) in entity.fields.iter().enumerate() {
        match &field.default {
            Some(FieldDefault::Now) => row.values[at] = around.now().into(),
            Some(FieldDefault::Fixed(value)) => row.values[at] = value.clone(),
            None => {}
        }
    }
    values.iter().for_each(|(name, value)| row.set(name, value.clone()));
    let given = entity.fields.iter().zip(row.values).filter(|(field, value)| !value.is_null() && field.name != "id");
    Ok(Op { entity: entity.no, id, unit: Unit::PLATFORM, kind: OpKind::Create(given.map(|(field, value)| (field.no, value)).collect()) })
}

fn ops(number: usize, person: Uuid, around: &Machine) -> Result<Vec<Op>, Box<dyn Error>> {
    if number == 0 {
        return Ok(vec![create("users", person, &[("name", "Somebody".into()), ("role", "patient".into()), ("account_status", "active".into())], around)?]);
    }
    let moods = (0..ROWS).map(|day| {
        let date = chrono::NaiveDate::from_yo_opt(1_900 + (number / 30) as i32, 1 + (number % 30) as u32 * ROWS + day).ok_or("a day")?;
        let values = [("user_id", person.into()), ("entry_date", Value::Date(date)), ("overall_mood", Value::Integer(5)), ("notes", "A little better than the day before.".into())];
        create("mood_entries", around.new_id()?, &values, around)
    });
    moods.collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("gladstone-ingest-{}", std::process::id()));
    let around = Arc::new(Machine::default());
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let engine: Box<dyn Engine> = match arguments.as_slice() {
        [address, state] => Box::new(Postgres::open(&Settings::new(address, state.as_ref()))?),
        _ => Box::new(Embedded::open(&folder)?),
    };
    let centre = Centre::open(engine, around.clone())?;
    let realm = centre.found("Measured")?;
    let mut pushes = Vec::new();
    for _ in 0..LAPTOPS {
        let mut seed = [0; 32];
        around.random(&mut seed)?;
        let key = Key(Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| "a key")?);
        let (device, incarnation, person) = (around.new_id()?, around.new_id()?, around.new_id()?);
        let code = centre.invite(realm, &Invite { name: "Somebody".into(), email: None, role: "therapist".into(), user: None, minutes: 5 })?.code;
        let public_key = to_hex(key.0.public_key().as_ref());
        let joined = centre.enrol(&EnrolRequest { code, device, incarnation, public_key, label: "Measured".into(), actor: None, name: None })?;
        let mut envelopes: Vec<Envelope> = Vec::new();
        for number in 0..MUTATIONS {
            let now = around.now();
            let hlc = clock::stamp(now.millis().unsigned_abs(), 0);
            let mutation = Mutation { id: around.new_id()?, realm, actor: joined.actor, hlc, wall: now, zone_minutes: 0, server_offset: 0, schema_version: SCHEMA_VERSION, command: "measure".into(), reason: None, ops: ops(number, person, &around)? };
            let previous = envelopes.last().map_or([0; 32], |envelope| envelope.hash);
            let entry = Entry { version: ENVELOPE_VERSION, device, incarnation, dseq: number as u64 + 1, previous, body: Body::Mutation(mutation) };
            envelopes.push(seal::seal(&entry, &key)?.into());
        }
        let nonce: [u8; 32] = from_hex(&joined.nonce).ok_or("a nonce")?;
        pushes.push((centre.caller(realm, device)?, PushRequest { device, incarnation, epoch: joined.epoch, nonce, envelopes }));
    }
    let began = Moment::now();
    std::thread::scope(|scope| {
        for (caller, all) in &pushes {
            let centre = &centre;
            scope.spawn(move || {
                let mut nonce = all.nonce;
                for envelopes in all.envelopes.chunks(PUSH) {
                    match centre.push(caller, &PushRequest { nonce, envelopes: envelopes.to_vec(), ..all.clone() }) {
                        Ok(answer) => nonce = answer.next_nonce,
                        Err(error) => drop(writeln!(std::io::stderr(), "a push failed: {error}")),
                    }
                }
            });
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    let status = centre.status();
    let mut out = std::io::stdout();
    writeln!(out, "{} mutations of {ROWS} rows in {seconds:.2} s: {:.0} a second, in {} groups", status.applied, status.applied as f64 / seconds, status.groups)?;
    let began = Moment::now();
    let report = centre.verify_audit(realm, &mut |_, _| true)?;
    writeln!(out, "verified {} envelopes in {:.2} s, {} faults", report.entries, began.elapsed().as_secs_f64(), report.faults.len())?;
    drop(centre);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(())
}
