//! What version 1 of the schema left behind, as it really was (`tests/fixtures/v1`): this version
//! brings laptop and centre over, sends what waited, and nothing is lost.

mod support;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use gladstone_central::{Centre, Embedded, Machine, centre::Caller};
use gladstone_model::{Unit, Value, catalogue, catalogue::SCHEMA_VERSION, unit::UnitKind};
use gladstone_protocol::{ApiError, Entry, SyncApi, Verdict, codec, entry::Body, wire::{Judged, PullAnswer, PullRequest, PushAnswer, PushRequest, RowImage, RowKey}};
use gladstone_sync::{Phase, Remote, Report, remote::{Direct, Sign}, sync_once};
use gladstone_testkit::{laptops::view, older::Older, surround::{Seeded, with_clock}};
use gladstone_vault::{Unlocked, Vault, VaultError, custody};
use support::Site;
use uuid::Uuid;

/// Seconds from the clock of the tests to the day after the fixture was made.
const LATER: i64 = 400_000;

/// The old laptop, unlocked by this version.
fn unlock(older: &Older) -> Unlocked {
    let clock = Arc::new(Seeded::new(77));
    clock.pass(LATER);
    custody::unlock(&older.laptop(), older.text("passphrase"), &with_clock(clock)).unwrap()
}

fn open(data: &Path) -> Arc<Centre> {
    Arc::new(Centre::open(Box::new(Embedded::open(&data.join("realms")).unwrap()), Arc::new(Machine::default())).unwrap())
}

fn sync(vault: &Vault, centre: &Centre, realm: Uuid) -> Report {
    let state = vault.state();
    let line = centre.for_device(Caller { realm, device: state.device, actor: state.actor, revoked: false });
    sync_once(vault, &Direct(&line), &mut |_| {}).unwrap_or_else(|error| panic!("{:?}", error.status))
}

fn entries(vault: &Vault) -> Vec<Entry> {
    (1..=vault.state().dseq).filter_map(|dseq| vault.entry(dseq).unwrap()).collect()
}

fn version(entry: &Entry) -> Option<u32> {
    if let Body::Mutation(mutation) = &entry.body { Some(mutation.schema_version) } else { None }
}

/// A field of an appointment.
fn field(vault: &Vault, id: Uuid, name: &str) -> Value {
    vault.read::<_, VaultError>(|read| Ok(read.get("appointments", id)?)).unwrap().unwrap().get(name).clone()
}

/// About which row and group a person is asked.
fn conflict(image: &RowImage) -> Option<(Uuid, String)> {
    let row = image.clone().into_state().ok()?.0.row;
    (row.entity.name == "conflicts").then(|| (row.uuid("entity_id").unwrap_or_default(), row.text("merge_group").to_owned()))
}

#[test]
fn a_laptop_and_a_centre_of_version_1_go_on_with_this_one_and_lose_nothing() {
    let older = Older::of(1);
    let (realm, people) = (older.id("realm"), older.ids("people"));
    let centre = open(&older.centre());
    let g = centre.head(realm).unwrap();
    assert_eq!((centre.realms().unwrap().len(), g), (1, 39), "bringing it over is no commit");
    assert_eq!(centre.verify_audit(realm, &mut |_, _| true).unwrap().faults, [], "nothing was rewritten");

    let unlocked = unlock(&older);
    assert!(unlocked.alarm.is_none(), "{:?}", unlocked.alarm);
    let vault = &unlocked.vault;
    vault.verify(&mut |_, _| true).unwrap();
    let (waiting, before) = (vault.waiting().unwrap().count, view(vault));
    assert_eq!(waiting, older.made["waiting"].as_u64().unwrap());
    let pending: Vec<Entry> = entries(vault).into_iter().rev().take(waiting as usize).collect();
    assert!(pending.iter().all(|entry| version(entry) == Some(1)), "what waits is of version 1");

    // Meanwhile somebody with this version changed two of the same appointments, each in its new fields too.
    let site = Site::over(Arc::clone(&centre), realm);
    let ben = site.laptop(2, "Ben", "admin");
    site.sync(&ben).unwrap();
    let (moved, cancelled, series) = (older.ids("moved"), older.id("cancelled"), Uuid::from_u128(0x5e41e5));
    for id in &moved {
        let values = [("series_id", Value::Uuid(series)), ("travel_minutes", Value::Integer(25))];
        ben.vault.commit::<_, VaultError>("records.update", |tx| tx.update("appointments", *id, values)).unwrap();
    }
    ben.set("appointments", cancelled, "status", "no_show").unwrap();
    let start = ben.field("appointments", moved[0], "start_time").unwrap().as_instant().unwrap();
    let day = |by: i64| Value::Instant(gladstone_model::Instant(start.0 + by * 86_400_000_000));
    ben.vault.commit::<_, VaultError>("calendar.move", |tx| tx.update("appointments", moved[0], [("start_time", day(1)), ("end_time", day(2))])).unwrap();
    site.sync(&ben).unwrap();

    let report = sync(vault, &centre, realm);
    assert_eq!((vault.waiting().unwrap().count, vault.waiting().unwrap().quarantined), (0, 0), "all of it was taken: {report:?}");
    assert_eq!(vault.queue(10).unwrap(), [], "nothing is held or refused");
    site.sync(&ben).unwrap();
    assert_eq!(centre.verify_audit(realm, &mut |_, _| true).unwrap().faults, [], "every entry lies there as it was signed");
    let again = entries(vault);
    assert!(pending.iter().all(|entry| again.contains(entry)), "what waited kept its version and its bytes");

    // Both show the same, and everything that was written is there, or a person is asked about it.
    let (a, b) = (view(vault), view(&ben.vault));
    let record = |rows: &BTreeMap<RowKey, RowImage>, id| -> Vec<RowImage> { rows.values().filter(|row| row.unit == Unit { kind: UnitKind::Person, id }).cloned().collect() };
    for person in people.into_iter().chain(older.ids("later")) {
        assert!(record(&a, person).len() > 3);
        assert_eq!(record(&a, person), record(&b, person));
    }
    let entity = catalogue().get("appointments").unwrap();
    let disputed = |key: &RowKey, group: &str| key.entity == entity.no && (key.id == moved[0] && group == "time" || key.id == cancelled && group == "status");
    for (key, row) in &before {
        let now = a.get(key).unwrap_or_else(|| panic!("{key:?} is still there"));
        assert_eq!((now.unit, &now.error), (row.unit, &row.error), "{key:?}");
        for (no, value) in &row.values {
            let entity = catalogue().by_no(key.entity).unwrap();
            let field = &entity.fields[entity.position_of_no(*no).unwrap()];
            let found = now.values.iter().find(|(other, _)| other == no).map(|(_, value)| value);
            assert!(field.is_managed() || disputed(key, &field.group) || found == Some(value), "{}.{} of {}: {value:?} became {found:?}", entity.name, field.name, key.id);
        }
    }
    for id in &moved {
        assert_eq!((field(vault, *id, "series_id"), field(vault, *id, "travel_minutes")), (Value::Uuid(series), Value::Integer(25)), "the new fields came, beside what was written here");
    }
    let conflicts: Vec<(Uuid, String)> = a.values().chain(b.values()).filter_map(conflict).collect();
    for wanted in [(moved[0], "start_time"), (cancelled, "status")] {
        assert!(conflicts.iter().any(|(id, group)| (*id, group.as_str()) == wanted), "a person decides about {wanted:?}: {conflicts:?}");
    }

    // From here on it writes as this version.
    vault.commit::<_, VaultError>("records.update", |tx| tx.update("appointments", moved[1], [("travel_minutes", Value::Integer(40))])).unwrap();
    assert_eq!(entries(vault).last().and_then(version), Some(SCHEMA_VERSION));
    sync(vault, &centre, realm);
    site.sync(&ben).unwrap();
    assert_eq!(ben.field("appointments", moved[1], "travel_minutes"), Some(Value::Integer(40)));
    vault.verify(&mut |_, _| true).unwrap();
    unlocked.lock().unwrap();
    let unlocked = unlock(&older);
    assert!(unlocked.alarm.is_none(), "and opens again: {:?}", unlocked.alarm);
}

#[test]
fn a_laptop_of_version_1_is_told_no_sums_and_reads_every_answer() {
    let older = Older::of(1);
    let (realm, unlocked) = (older.id("realm"), unlock(&older));
    let centre = open(&older.centre());
    let state = unlocked.vault.state();
    let caller = Caller { realm, device: state.device, actor: state.actor, revoked: false };
    let now = unlocked.vault.pull_request().unwrap();
    let as_before = |from_g: u64, schema_version: u32| PullRequest { schema_version, from_g, ..now.clone() };
    for request in [as_before(now.from_g, 1), as_before(0, 1), PullRequest { units: [0; 32], ..as_before(0, 1) }] {
        let answer = centre.pull(&caller, &request).unwrap();
        assert!(answer.sum.is_none() && answer.digests.is_empty(), "sums run over fields that it does not know");
        let bytes = codec::encode(&answer).unwrap();
        assert_eq!(bytes[4..7], [1, 0, 4], "major, minor, kind: as version 1 wrote them");
        assert!(bytes.len() > 40);
    }
    assert!(centre.pull(&caller, &as_before(now.from_g, SCHEMA_VERSION)).unwrap().sum.is_some(), "between equals they are told");
}

#[test]
fn a_laptop_that_is_newer_than_the_centre_says_so_and_goes_on_once_it_was_updated() {
    let site = Site::new();
    let a = site.laptop(1, "Amara", "admin");
    let person = a.register("Rosa Example").unwrap();
    let state = a.vault.state();
    let line = site.centre.for_device(Caller { realm: site.realm, device: state.device, actor: state.actor, revoked: false });
    let old = OldCentre { inner: Direct(&line), old: std::cell::Cell::new(true) };
    let error = sync_once(&a.vault, &old, &mut |_| {}).unwrap_err();
    assert_eq!(error.status.phase, Phase::CentreOlder);
    assert!(error.status.in_words().contains("centre is older than this laptop"), "{}", error.status.in_words());
    assert_eq!(a.field("users", person, "name"), Some("Rosa Example".into()), "work goes on");
    old.old.set(false);
    sync_once(&a.vault, &old, &mut |_| {}).unwrap();
    assert_eq!(a.vault.waiting().unwrap().count, 0);
    assert_eq!(a.base(), a.view());
}

/// The centre as an older version of it: whatever is of a newer schema it does not take.
struct OldCentre<'a> {
    inner: Direct<'a>,
    old: std::cell::Cell<bool>,
}

impl SyncApi for OldCentre<'_> {
    fn push(&self, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        let mut taken = request.clone();
        if self.old.get() {
            taken.envelopes.clear();
        }
        let mut answer = self.inner.push(&taken)?;
        if let (true, Some(first)) = (self.old.get(), request.envelopes.first()) {
            let dseq = Entry::from_bytes(&first.bytes).map_err(|_| ApiError::Damaged)?.dseq;
            answer.verdicts.push(Judged { dseq, verdict: Verdict::UpgradeRequired });
        }
        Ok(answer)
    }

    fn pull(&self, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        self.inner.pull(request)
    }
}

impl Remote for OldCentre<'_> {
    fn sign_in(&self, device: Uuid, sign: Sign<'_>) -> Result<(), ApiError> {
        self.inner.sign_in(device, sign)
    }

    fn wait(&self, beyond: u64) -> Result<u64, ApiError> {
        self.inner.wait(beyond)
    }
}
