//! A centre with a clock of its own, and laptops with real keys and chains: they seal what they
//! write, push it, and keep the rows that they are told. What a vault does besides is not here.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod postgres;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex, atomic::{AtomicI64, Ordering}, mpsc},
};

use gladstone_central::{Around, Caller, Centre, CentreError, Embedded, Engine, Invite};
use gladstone_model::{Instant, Row, Unit, Value, catalogue, catalogue::SCHEMA_VERSION, entity::Default, validate};
use gladstone_protocol::{
    ENVELOPE_VERSION, Entry, Event, EventAction, GroupMids, GroupPatch, Mutation, Op, OpKind, RowState, RowsDigest, Signer, Stored, Verdict,
    enrol::{EnrolAnswer, EnrolRequest, from_hex, to_hex},
    entry::Body,
    row_state::number,
    seal,
    wire::{Basis, Bootstrap, Compare, Envelope, PullAnswer, PullRequest, PushAnswer, PushRequest, RowKey, RowNews, unit_set_hash},
};
use ring::signature::{Ed25519KeyPair, KeyPair};
use tempfile::TempDir;
use uuid::Uuid;

/// Time that is set by hand, and random numbers that a seed repeats.
pub struct Seeded {
    now: AtomicI64,
    dice: Mutex<u64>,
    /// Where it stands still once, the next time that random numbers are drawn: it says so, and goes on when told.
    pub pause: Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>>,
}

impl Seeded {
    pub fn new(seed: u64) -> Arc<Seeded> {
        Arc::new(Seeded { now: AtomicI64::new(1_795_000_000_000_000), dice: Mutex::new(seed), pause: Mutex::default() })
    }

    pub fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }

    pub fn roll(&self) -> u64 {
        let mut dice = self.dice.lock().unwrap();
        *dice = dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Around for Seeded {
    fn now(&self) -> Instant {
        Instant(self.now.fetch_add(1_000, Ordering::Relaxed))
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), CentreError> {
        let pause = self.pause.lock().unwrap().take();
        if let Some((inside, go)) = pause {
            inside.send(()).unwrap();
            go.recv().unwrap();
        }
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.roll().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// A centre with one organization and an administrator's laptop.
pub struct Place {
    pub folder: TempDir,
    pub around: Arc<Seeded>,
    pub centre: Centre,
    pub realm: Uuid,
}

impl Place {
    pub fn new() -> Place {
        let (folder, around) = (gladstone_testkit::image::scratch(), Seeded::new(1));
        let centre = open(folder.path(), &around);
        let realm = centre.found("Harbour Practice").unwrap();
        Place { folder, around, centre, realm }
    }

    /// A laptop of a new person.
    pub fn laptop(&self, name: &str, role: &str) -> Laptop {
        self.laptop_of(name, role, None, None)
    }

    /// A laptop of a person: one who is known (`user`), or who worked alone before (`actor`).
    pub fn laptop_of(&self, name: &str, role: &str, user: Option<Uuid>, actor: Option<Uuid>) -> Laptop {
        let code = self.centre.invite(self.realm, &Invite { name: name.into(), email: None, role: role.into(), user, minutes: 0 }).unwrap().code;
        let mut laptop = Laptop::unknown(&self.around);
        let answer = self.centre.enrol(&laptop.enrol_request(&code, actor)).unwrap();
        laptop.join(&answer);
        laptop
    }

    /// The same store, opened anew.
    pub fn reopened(self) -> Place {
        let Place { folder, around, centre, realm } = self;
        drop(centre);
        let centre = open(folder.path(), &around);
        Place { folder, around, centre, realm }
    }

    pub fn caller(&self, laptop: &Laptop) -> Caller {
        self.centre.caller(self.realm, laptop.device).unwrap()
    }
}

pub fn open(folder: &Path, around: &Arc<Seeded>) -> Centre {
    Centre::open(engine(folder), Arc::clone(around) as Arc<dyn Around>).unwrap()
}

/// The store of a folder: files in it, or a database of its own where `on_postgresql.rs` runs the
/// same tests.
pub fn engine(folder: &Path) -> Box<dyn Engine> {
    if module_path!().starts_with("on_postgresql") { postgres::engine(folder) } else { Box::new(Embedded::open(folder).unwrap()) }
}

struct Key(Ed25519KeyPair);

impl Signer for Key {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).as_ref().try_into().unwrap()
    }
}

/// A unit on its way: as of which commit number, the last row, and the rows.
pub type Staged = (u64, Option<RowKey>, BTreeMap<RowKey, RowState>);

/// A laptop.
pub struct Laptop {
    key: Key,
    around: Arc<Seeded>,
    pub device: Uuid,
    pub incarnation: Uuid,
    pub actor: Uuid,
    pub realm: Uuid,
    pub epoch: Uuid,
    pub nonce: [u8; 32],
    pub dseq: u64,
    pub head: [u8; 32],
    /// Added to the wall clock, in milliseconds.
    pub ahead: i64,
    /// What was sealed, from the first.
    pub chain: Vec<Envelope>,
    /// The verdict that came last for each number.
    pub verdicts: BTreeMap<u64, Verdict>,
    /// What was told.
    pub base: BTreeMap<RowKey, RowState>,
    pub complete: BTreeSet<Unit>,
    pub staged: BTreeMap<Unit, Staged>,
    pub from_g: u64,
    /// Commit numbers of the changes that were told.
    pub told: Vec<u64>,
    hlc: u64,
}

impl Laptop {
    pub fn unknown(around: &Arc<Seeded>) -> Laptop {
        let mut seed = [0; 32];
        around.random(&mut seed).unwrap();
        let id = || around.new_id().unwrap();
        Laptop {
            key: Key(Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()),
            around: Arc::clone(around),
            device: id(),
            incarnation: id(),
            actor: Uuid::nil(),
            realm: Uuid::nil(),
            epoch: Uuid::nil(),
            nonce: [0; 32],
            dseq: 0,
            head: [0; 32],
            ahead: 0,
            chain: Vec::new(),
            verdicts: BTreeMap::new(),
            base: BTreeMap::new(),
            complete: BTreeSet::new(),
            staged: BTreeMap::new(),
            from_g: 0,
            told: Vec::new(),
            hlc: 0,
        }
    }

    pub fn public_key(&self) -> [u8; 32] {
        self.key.0.public_key().as_ref().try_into().unwrap()
    }

    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message)
    }

    pub fn enrol_request(&self, code: &str, actor: Option<Uuid>) -> EnrolRequest {
        EnrolRequest { code: code.into(), device: self.device, incarnation: self.incarnation, public_key: to_hex(&self.public_key()), label: "Test".into(), actor, name: actor.map(|_| "Somebody alone".into()) }
    }

    pub fn join(&mut self, answer: &EnrolAnswer) {
        self.actor = answer.actor;
        self.realm = answer.realm;
        self.epoch = answer.epoch;
        self.nonce = from_hex(&answer.nonce).unwrap();
    }

    pub fn new_id(&self) -> Uuid {
        self.around.new_id().unwrap()
    }

    /// Seals a mutation; nothing is sent.
    pub fn write(&mut self, ops: Vec<Op>) -> Uuid {
        let id = self.new_id();
        self.write_as(id, ops);
        id
    }

    pub fn write_as(&mut self, id: Uuid, ops: Vec<Op>) {
        let now = Instant(self.around.now().0 + self.ahead * 1_000);
        self.hlc = (self.hlc + 1).max(now.millis().unsigned_abs() << 16);
        let mutation = Mutation { id, realm: self.realm, actor: self.actor, hlc: self.hlc, wall: now, zone_minutes: 60, server_offset: 0, schema_version: SCHEMA_VERSION, command: "test.write".into(), reason: None, ops };
        self.seal(Body::Mutation(mutation));
    }

    pub fn note_event(&mut self) {
        let event = Event { actor: self.actor, wall: self.around.now(), action: EventAction::Read, entity: 1, row: self.actor, detail: String::new() };
        self.seal(Body::Event(event));
    }

    pub fn seal(&mut self, body: Body) {
        let entry = Entry { version: ENVELOPE_VERSION, device: self.device, incarnation: self.incarnation, dseq: self.dseq + 1, previous: self.head, body };
        let sealed = seal::seal(&entry, &self.key).unwrap();
        self.dseq += 1;
        self.head = sealed.hash;
        self.chain.push(sealed.into());
    }

    /// A new life: a chain of its own from 1.
    pub fn begin_anew(&mut self) {
        self.incarnation = self.new_id();
        (self.dseq, self.head) = (0, [0; 32]);
        self.chain.clear();
        self.verdicts.clear();
    }

    pub fn push_request(&self, envelopes: Vec<Envelope>) -> PushRequest {
        PushRequest { device: self.device, incarnation: self.incarnation, epoch: self.epoch, nonce: self.nonce, envelopes }
    }

    pub fn take_push(&mut self, answer: &PushAnswer) {
        (self.nonce, self.epoch) = (answer.next_nonce, answer.epoch);
        for judged in &answer.verdicts {
            self.verdicts.insert(judged.dseq, judged.verdict.clone());
        }
    }

    /// Sends everything that has no verdict yet, in pushes of at most 500.
    pub fn push(&mut self, place: &Place) {
        loop {
            let next = self.verdicts.keys().next_back().copied().unwrap_or(0);
            let envelopes: Vec<Envelope> = self.chain.iter().skip(next as usize).take(500).cloned().collect();
            if envelopes.is_empty() {
                return;
            }
            let answer = place.centre.push(&place.caller(self), &self.push_request(envelopes)).unwrap();
            assert!(!answer.verdicts.is_empty(), "a push is judged");
            self.take_push(&answer);
        }
    }

    /// Seals, sends, and returns the verdict.
    pub fn save(&mut self, place: &Place, ops: Vec<Op>) -> Verdict {
        self.write(ops);
        self.push(place);
        self.verdicts[&self.dseq].clone()
    }

    pub fn pull_request(&self) -> PullRequest {
        let bootstrap = self.staged.iter().map(|(unit, (at_g, after, _))| Bootstrap { unit: *unit, at_g: *at_g, after: *after }).collect();
        PullRequest { realm: self.realm, device: self.device, incarnation: self.incarnation, epoch: self.epoch, from_g: self.from_g, units: unit_set_hash(self.complete.iter().copied()), schema_version: SCHEMA_VERSION, bootstrap, compare: None, ahead: None }
    }

    pub fn pull_once(&mut self, place: &Place) -> PullAnswer {
        let answer = place.centre.pull(&place.caller(self), &self.pull_request()).unwrap();
        self.take_pull(&answer);
        answer
    }

    /// Pulls until nothing more follows, and compares the digests.
    pub fn pull(&mut self, place: &Place) -> Vec<PullAnswer> {
        let mut answers = Vec::new();
        loop {
            let answer = self.pull_once(place);
            let more = answer.more;
            answers.push(answer);
            assert!(answers.len() < 10_000, "pulling comes to an end");
            if !more {
                assert!(answers.last().is_some_and(|answer| answer.sum.is_some()), "who is up to date is told a sum");
                return answers;
            }
        }
    }

    pub fn take_pull(&mut self, answer: &PullAnswer) {
        if answer.basis != Basis::Checkpoint {
            self.base.clear();
            self.complete.clear();
            self.staged.clear();
        }
        self.epoch = answer.epoch;
        for change in &answer.changes {
            assert!(change.g > self.from_g && change.g <= answer.to_g, "change {} lies in ({}, {}]", change.g, self.from_g, answer.to_g);
            assert!(self.told.last().is_none_or(|last| *last < change.g), "changes come in the order of commit numbers");
            self.told.push(change.g);
            for row in &change.rows {
                assert_eq!(self.complete.contains(&row.unit), !self.staged.contains_key(&row.unit), "{} is held or on its way", row.unit);
                let stage = self.staged.get_mut(&row.unit).map(|(_, after, rows)| (*after, rows));
                let held = match stage {
                    Some((after, _)) if after.is_none_or(|after| row.key > after) => continue,
                    Some((_, rows)) => rows,
                    None => &mut self.base,
                };
                apply(held, row.key, row.unit, &row.news, change.writer.mutation);
            }
        }
        for drop in &answer.drops {
            assert!(self.complete.remove(&drop.unit) | self.staged.remove(&drop.unit).is_some(), "only what is held is left");
            self.base.retain(|_, state| state.unit != drop.unit);
        }
        for granted in &answer.grants {
            assert!(!self.complete.contains(&granted.unit), "{} is entered once", granted.unit);
            let (_, after, rows) = self.staged.entry(granted.unit).or_insert((answer.to_g, None, BTreeMap::new()));
            for page in &granted.pages {
                assert!(page.is_whole() && page.after == *after, "pages follow each other");
                *after = Some(page.to);
                for image in &page.rows {
                    let state = image.clone().into_state().unwrap().0;
                    assert_eq!(state.unit, granted.unit, "a page holds rows of its unit alone");
                    rows.insert(image.key, state);
                }
            }
            if granted.complete {
                let (_, _, rows) = self.staged.remove(&granted.unit).unwrap();
                self.base.extend(rows);
                self.complete.insert(granted.unit);
            }
        }
        self.from_g = answer.to_g;
        for (at_g, ..) in self.staged.values_mut() {
            *at_g = answer.to_g;
        }
        if let Some(sum) = answer.sum {
            let mut ours = RowsDigest::default();
            self.complete.iter().for_each(|unit| ours.join(&self.digest(*unit)));
            assert_eq!(ours, sum, "both sides hold the same rows at {}", answer.to_g);
        }
        for told in &answer.digests {
            assert_eq!(self.digest(told.unit), told.digest, "both sides hold the same rows of {} at {}", told.unit, answer.to_g);
        }
        for judged in &answer.verdicts {
            self.verdicts.insert(judged.dseq, judged.verdict.clone());
        }
    }

    /// Asks for the digests of units behind one.
    pub fn compare(&self, place: &Place, after: Option<Unit>) -> PullAnswer {
        let request = PullRequest { compare: Some(Compare { after }), ..self.pull_request() };
        place.centre.pull(&place.caller(self), &request).unwrap()
    }

    pub fn digest(&self, unit: Unit) -> RowsDigest {
        let mut digest = RowsDigest::default();
        self.base.values().filter(|state| state.unit == unit).for_each(|state| digest.add(state).unwrap());
        digest
    }

    pub fn row(&self, entity: &str, id: Uuid) -> Option<&RowState> {
        self.base.get(&key(entity, id))
    }

    pub fn rows(&self, entity: &str) -> Vec<&RowState> {
        let entity = catalogue().get(entity).unwrap();
        self.base.values().filter(|state| state.row.entity == entity).collect()
    }

    /// Ops that change a row as this laptop sees it.
    pub fn change(&self, entity: &str, id: Uuid, values: &[(&str, Value)]) -> Vec<Op> {
        vec![update(self.row(entity, id).expect("the row is here"), values)]
    }
}

fn apply(held: &mut BTreeMap<RowKey, RowState>, key: RowKey, unit: Unit, news: &RowNews, mutation: Uuid) {
    match news {
        RowNews::Whole(image) => {
            let state = image.clone().into_state().unwrap().0;
            assert_eq!(state.unit, unit, "a whole row lies in the unit by which it is told");
            held.insert(key, state);
        }
        RowNews::Groups { groups, updated_at } => {
            let state = held.get_mut(&key).expect("a part of a row that is held");
            for group in groups {
                for (no, value) in &group.values {
                    let at = state.row.entity.position_of_no(*no).unwrap();
                    state.row.values[at] = value.clone();
                }
                state.group_mids.set(group.group, mutation);
            }
            if let Some(time) = updated_at {
                state.row.set("updated_at", *time);
            }
        }
        RowNews::EnteredInError { reason } => held.get_mut(&key).expect("a row that is held").error = Some((mutation, reason.clone())),
        RowNews::Left => {
            if held.get(&key).is_some_and(|state| state.unit == unit) {
                held.remove(&key);
            }
        }
    }
}

pub fn key(entity: &str, id: Uuid) -> RowKey {
    RowKey { entity: catalogue().get(entity).unwrap().no, id }
}

/// A new row with its defaults.
pub fn create(entity: &str, id: Uuid, values: &[(&str, Value)]) -> Op {
    let entity = catalogue().get(entity).unwrap();
    let mut row = Row::empty(entity);
    for (at, field) in entity.fields.iter().enumerate() {
        match &field.default {
            Some(Default::Now) => row.values[at] = Instant(1_795_000_000_000_000).into(),
            Some(Default::Fixed(value)) => row.values[at] = value.clone(),
            None => {}
        }
    }
    for (name, value) in values {
        let at = entity.position(name).unwrap_or_else(|| panic!("{}.{name}", entity.name));
        row.values[at] = value.clone();
    }
    validate::fill_missing(&mut row);
    let given = entity.fields.iter().zip(row.values).filter(|(field, value)| !value.is_null() && field.name != "id");
    Op { entity: entity.no, id, unit: Unit::PLATFORM, kind: OpKind::Create(given.map(|(field, value)| (field.no, value)).collect()) }
}

/// New values of a row as it is seen.
pub fn update(state: &RowState, values: &[(&str, Value)]) -> Op {
    let entity = state.row.entity;
    let mut row = state.row.clone();
    values.iter().for_each(|(name, value)| row.set(name, value.clone()));
    let travels = |at: &&usize| !entity.fields[**at].is_secret();
    let changed = entity.groups.iter().filter(|group| group.fields.iter().filter(travels).any(|at| state.row.values[*at] != row.values[*at]));
    let patches = changed.map(|group| {
        let no = number(entity, group);
        GroupPatch { group: no, base: state.writer_of(no), values: group.fields.iter().filter(travels).map(|at| (entity.fields[*at].no, row.values[*at].clone())).collect() }
    });
    Op { entity: entity.no, id: row.id(), unit: state.unit, kind: OpKind::Update(patches.collect()) }
}

/// A person who is registered.
pub fn person(id: Uuid, name: &str) -> Op {
    create("users", id, &[("name", name.into()), ("role", "patient".into()), ("account_status", "active".into())])
}

/// A mood of a person on a day of the year 2026.
pub fn mood(id: Uuid, person: Uuid, day: u32, mood: i64) -> Op {
    let date = chrono::NaiveDate::from_yo_opt(2026, day).unwrap();
    create("mood_entries", id, &[("user_id", person.into()), ("entry_date", Value::Date(date)), ("overall_mood", Value::Integer(mood))])
}

/// A row as it would be held that a patch of another laptop made: for patches on it.
pub fn made(op: &Op, mutation: Uuid) -> RowState {
    let entity = catalogue().by_no(op.entity).unwrap();
    let mut row = Row::empty(entity);
    let OpKind::Create(values) = &op.kind else { panic!("a new row") };
    for (no, value) in values {
        let at = entity.position_of_no(*no).unwrap();
        row.values[at] = value.clone();
    }
    row.set("id", op.id);
    RowState { row, unit: op.unit, row_mid: mutation, group_mids: GroupMids::default(), error: None }
}

pub fn code(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Quarantined { code, .. } | Verdict::Duplicate { stored: Stored::Quarantined { code, .. } } => code,
        _ => "",
    }
}
