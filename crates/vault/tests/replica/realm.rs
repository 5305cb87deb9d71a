//! A real centre on the embedded engine, and laptops that join it and synchronize with it in the
//! same process. The centre's clock is set by hand as theirs are.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use gladstone_central::{Around, Caller, Centre, CentreError, Embedded, Invite};
use gladstone_model::{Instant, Value};
use gladstone_protocol::{
    ApiError, SyncApi,
    enrol::{EnrolRequest, from_hex, to_hex},
    wire::{PullAnswer, PushAnswer, RowImage, RowKey},
};
use gladstone_testkit::{Laptop, image::scratch, surround::Seeded};
use gladstone_vault::{VaultError, replica::{Joined, PullOutcome, PushOutcome}, surroundings::Surroundings};
use tempfile::TempDir;
use uuid::Uuid;

use crate::answers::sound;

struct Clock(Arc<Seeded>);

impl Around for Clock {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), CentreError> {
        self.0.random(bytes).map_err(|_| CentreError::NoRandomness)
    }
}

/// An organization at its centre.
pub struct Realm {
    pub folder: TempDir,
    pub clock: Arc<Seeded>,
    pub centre: Centre,
    pub id: Uuid,
}

impl Realm {
    pub fn new(seed: u64) -> Realm {
        let (folder, clock) = (scratch(), Arc::new(Seeded::new(seed)));
        let centre = open(folder.path().to_owned(), &clock);
        let id = centre.found("Greenfield Practice").unwrap();
        Realm { folder, clock, centre, id }
    }

    /// The store as it is now.
    pub fn image(&self) -> gladstone_testkit::Image {
        let copy = scratch();
        let name = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).find(|name| name.ends_with(".db") || name.ends_with(".sqlite") || name.ends_with(".realm"));
        let name = name.unwrap_or_else(|| unreachable!("the realm has a file"));
        self.centre.backup(self.id, &copy.path().join(&name)).unwrap();
        gladstone_testkit::Image::of(copy.path())
    }

    /// The centre with a store that was put back, under a new history.
    pub fn put_back(self, store: &gladstone_testkit::Image) -> Realm {
        let Realm { folder, clock, centre, id } = self;
        drop(centre);
        let folder_path = folder.path().to_owned();
        for (name, bytes) in &store.0 {
            for suffix in ["-wal", "-shm"] {
                let _ = std::fs::remove_file(folder_path.join(format!("{name}{suffix}")));
            }
            std::fs::write(folder_path.join(name), bytes).unwrap();
        }
        let centre = open(folder_path, &clock);
        centre.new_epoch(id).unwrap();
        Realm { folder, clock, centre, id }
    }

    /// Lets a laptop join as somebody with a role; a user who is known already gets a further laptop.
    pub fn join(&self, laptop: &Laptop, name: &str, role: &str, user: Option<Uuid>) {
        let state = laptop.vault.state();
        let invite = Invite { name: name.into(), email: None, role: role.into(), user, minutes: 0 };
        let code = self.centre.invite(self.id, &invite).unwrap().code;
        let request = EnrolRequest { code, device: state.device, incarnation: state.incarnation, public_key: to_hex(&laptop.vault.public_key()), label: name.into(), actor: Some(state.actor), name: Some(name.into()) };
        let answer = self.centre.enrol(&request).unwrap();
        let joined = Joined {
            realm: answer.realm,
            organization: answer.organization,
            actor: answer.actor,
            role: answer.role,
            server: "http://127.0.0.1:8470".into(),
            certificate: None,
            epoch: answer.epoch,
            nonce: from_hex(&answer.nonce).unwrap(),
            lease_days: answer.lease_days,
        };
        laptop.vault.join(&joined).unwrap();
    }

    fn caller(&self, laptop: &Laptop) -> Caller {
        let state = laptop.vault.state();
        Caller { realm: self.id, device: state.device, actor: state.actor, revoked: false }
    }

    /// What the centre says to what waits next; nothing of it is taken in.
    pub fn ask_push(&self, laptop: &Laptop) -> Result<PushAnswer, ApiError> {
        self.centre.for_device(self.caller(laptop)).push(&laptop.vault.next_push().unwrap())
    }

    /// One push and one answer.
    pub fn push(&self, laptop: &Laptop) -> PushOutcome {
        let asked = laptop.vault.next_push().unwrap();
        let answer = self.centre.for_device(self.caller(laptop)).push(&asked).unwrap();
        laptop.vault.take_push(&asked, &answer).unwrap()
    }

    /// What the centre says to a pull; nothing of it is taken in.
    pub fn ask_pull(&self, laptop: &Laptop) -> Result<PullAnswer, ApiError> {
        self.centre.for_device(self.caller(laptop)).pull(&laptop.vault.pull_request().unwrap())
    }

    /// One pull and one answer.
    pub fn pull(&self, laptop: &Laptop) -> PullOutcome {
        let asked = laptop.vault.pull_request().unwrap();
        let answer = self.centre.for_device(self.caller(laptop)).pull(&asked).unwrap();
        laptop.vault.take_pull(&asked, answer).unwrap()
    }

    /// Pushes and pulls until there is nothing to do. What went wrong is in the outcomes.
    pub fn sync(&self, laptop: &Laptop) -> Vec<PullOutcome> {
        let (mut outcomes, mut last) = (Vec::new(), PushOutcome::default());
        for _ in 0..200 {
            last = self.push(laptop);
            if last.more {
                continue;
            }
            let pulled = self.pull(laptop);
            let more = pulled.more;
            outcomes.push(pulled);
            if !more {
                return outcomes;
            }
        }
        unreachable!("two hundred rounds and no end: {last:#?} {outcomes:#?}")
    }

    /// What the centre gives to somebody from nothing: the rows of their units, all of them.
    pub fn given(&self, laptop: &Laptop) -> BTreeMap<RowKey, RowImage> {
        let state = laptop.vault.state();
        let fresh = Laptop::new(9_999, state.actor);
        // A laptop that asks for the first time, under the name of this one: the centre notes
        // nothing as long as nothing is pushed, and the answer says everything.
        let mut rows = BTreeMap::new();
        fresh.vault.join(&Joined { realm: self.id, organization: String::new(), actor: state.actor, role: String::new(), server: String::new(), certificate: None, epoch: self.epoch(), nonce: [0; 32], lease_days: 7 }).unwrap();
        loop {
            let asked = fresh.vault.pull_request().unwrap();
            let caller = Caller { realm: self.id, device: asked.device, actor: state.actor, revoked: false };
            let answer = self.centre.for_device(caller).pull(&asked).unwrap();
            if !fresh.vault.take_pull(&asked, answer).unwrap().more {
                break;
            }
        }
        rows.extend(fresh.view());
        rows
    }

    pub fn epoch(&self) -> Uuid {
        self.centre.realms().unwrap().into_iter().find(|realm| realm.realm == self.id).unwrap().epoch
    }
}

fn open(folder: PathBuf, clock: &Arc<Seeded>) -> Centre {
    Centre::open(Box::new(Embedded::open(&folder).unwrap()), Arc::new(Clock(Arc::clone(clock)))).unwrap()
}

/// A trainer's laptop that joined.
pub fn trainer(realm: &Realm, seed: u64, name: &str) -> Laptop {
    let laptop = Laptop::new(seed, Uuid::from_u128(0xa000 + u128::from(seed)));
    realm.join(&laptop, name, "trainer", None);
    realm.sync(&laptop);
    laptop
}

/// Gives somebody the care of a person; returns the row.
pub fn entrust(laptop: &Laptop, patient: Uuid, therapist: Uuid) -> Uuid {
    let started = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
    let values = [("therapist_id", therapist.into()), ("patient_id", patient.into()), ("relationship_type", "primary_therapist".into()), ("start_date", Value::Date(started))];
    laptop.vault.commit::<_, VaultError>("care.begin", |tx| tx.create("therapeutic_relationships", values)).unwrap().0
}

/// What lies below what waits is what the centre gives to this person.
pub fn agrees(realm: &Realm, laptop: &Laptop) {
    sound(laptop);
    let (ours, theirs) = (laptop.base(), realm.given(laptop));
    let missing: Vec<_> = theirs.iter().filter(|(key, row)| ours.get(key) != Some(row)).collect();
    let foreign: Vec<_> = ours.iter().filter(|(key, _)| !theirs.contains_key(key)).collect();
    assert!(missing.is_empty() && foreign.is_empty(), "missing or other: {missing:#?}, too many: {foreign:#?}");
}
