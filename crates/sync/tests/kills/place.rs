//! A centre's store that outlives those who serve it, a laptop in a folder, and what must hold after
//! each kill.

use std::{fs, path::{Path, PathBuf}, sync::Arc};

use gladstone_central::{Centre, Embedded, Engine, Machine, Postgres, centre::Caller, postgres::{Settings, migrate}};
use gladstone_model::{Unit, Value, unit::UnitKind};
use gladstone_protocol::wire::RowImage;
use gladstone_sync::{HttpCentre, Report, engine::Fault, flights, remote::Direct, sync_once};
use gladstone_testkit::{Laptop, image::scratch, laptops::view, postgres::Cluster, surround::surrounding, vaults};
use gladstone_vault::{Unlocked, Vault, VaultError, custody};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::{enrol, lend};

/// Where the centre keeps its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Files,
    Postgresql,
}

/// Changes of one turn.
pub const CHANGES: u64 = 3;

/// The store in a folder, which also says where a database is.
pub fn open(folder: &Path) -> Arc<Centre> {
    let engine: Box<dyn Engine> = match fs::read_to_string(folder.join("database")) {
        Ok(address) => Box::new(Postgres::open(&Settings { connections: 4, ..Settings::new(&address, &folder.join("state")) }).unwrap()),
        Err(_) => Box::new(Embedded::open(&folder.join("realms")).unwrap()),
    };
    Arc::new(Centre::open(engine, Arc::new(Machine::default())).unwrap())
}

/// A row of pushes of one change each: from the third one on two are open at once.
pub fn row(vault: &Vault, client: &HttpCentre) -> Result<(), Fault> {
    flights::sign_in(&lend(vault), client)?;
    flights::push(&lend(vault), client, 1, &mut Report::default()).map(drop)
}

/// Everything that outlives a kill.
pub struct Place {
    /// Of the centre.
    pub store: TempDir,
    pub realm: Uuid,
    /// Of the laptop that is tried.
    a: TempDir,
    /// The one that looks on.
    b: Laptop,
    person: Uuid,
    /// Changes so far, and times a vault was opened.
    pub changes: u64,
    turns: u64,
    _cluster: Option<Cluster>,
}

impl Place {
    pub fn new(kind: Kind) -> Place {
        let store = scratch();
        let cluster = (kind == Kind::Postgresql).then(|| Cluster::start().unwrap());
        if let Some(cluster) = &cluster {
            migrate(&cluster.address("gladstone", "postgres"), &store.path().join("state")).unwrap();
            fs::write(store.path().join("database"), cluster.address("gladstone_app", "postgres")).unwrap();
        }
        let centre = open(store.path());
        let realm = centre.found("Greenfield Practice").unwrap();
        let mut place = Place { store, realm, a: scratch(), b: Laptop::new(2, Uuid::nil()), person: Uuid::nil(), changes: 0, turns: 0, _cluster: cluster };
        let (a, _) = custody::create(place.a.path(), "Amara", vaults::PASSPHRASE, Uuid::nil(), &surrounding(1)).unwrap();
        for (vault, name, role) in [(&a.vault, "Amara", "trainer"), (&place.b.vault, "Ben", "admin")] {
            enrol(&centre, realm, vault, name, role, None);
        }
        place.person = a.vault.commit::<_, VaultError>("people.register", |tx| tx.create("users", [("name", "Rosa Example".into()), ("role", "patient".into())])).unwrap().0;
        place.write(&a.vault);
        a.lock().unwrap();
        place
    }

    /// The folder of the laptop that is tried.
    pub fn laptop(&self) -> PathBuf {
        self.a.path().to_owned()
    }

    /// The laptop, as it is found after whatever happened to it.
    pub fn unlock(&mut self) -> Unlocked {
        self.turns += 1;
        unlock(self.a.path(), 100 + self.turns)
    }

    /// A few changes of the one person.
    pub fn write(&mut self, vault: &Vault) {
        for _ in 0..CHANGES {
            self.changes += 1;
            let date = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap() + chrono::Days::new(self.changes);
            let values = [("user_id", self.person.into()), ("entry_date", Value::Date(date)), ("overall_mood", Value::Integer(5)), ("notes", Value::text("A little better."))];
            vault.commit::<_, VaultError>("mood.add", |tx| tx.create("mood_entries", values)).unwrap();
        }
    }

    /// After a kill: the store is whole and served, what was saved is there, one more round brings all of
    /// it to the centre once, and the other laptop shows the same.
    pub fn check(&mut self, centre: &Centre, unlocked: &Unlocked, when: &str) {
        assert!(centre.realms().unwrap().iter().all(|info| !info.blocked), "{when}: the witness agrees");
        assert!(unlocked.alarm.is_none(), "{when}: {:?}", unlocked.alarm);
        unlocked.vault.verify(&mut |_, _| true).unwrap_or_else(|error| panic!("{when}: {error}"));
        assert_eq!(self.moods(&unlocked.vault).len() as u64, self.changes, "{when}: what was saved is there");
        self.sync(centre, &unlocked.vault, when);
        let waiting = unlocked.vault.waiting().unwrap();
        assert_eq!((waiting.count, waiting.quarantined, unlocked.vault.queue(10).unwrap().len()), (0, 0, 0), "{when}: all of it was taken");
        self.sync(centre, &self.b.vault, when);
        assert_eq!(self.record(&self.b.vault), self.record(&unlocked.vault), "{when}: both show the same");
        let report = centre.verify_audit(self.realm, &mut |_, _| true).unwrap();
        assert_eq!(report.faults, [], "{when}: {} chains", report.chains);
    }

    fn sync(&self, centre: &Centre, vault: &Vault, when: &str) {
        let state = vault.state();
        let line = centre.for_device(Caller { realm: self.realm, device: state.device, actor: state.actor, revoked: false });
        sync_once(vault, &Direct(&line), &mut |_| {}).unwrap_or_else(|error| panic!("{when}: {:?}", error.status));
    }

    fn record(&self, vault: &Vault) -> Vec<RowImage> {
        view(vault).into_values().filter(|row| row.unit == Unit { kind: UnitKind::Person, id: self.person }).collect()
    }

    fn moods(&self, vault: &Vault) -> Vec<RowImage> {
        let entity = gladstone_model::catalogue().get("mood_entries").unwrap().no;
        self.record(vault).into_iter().filter(|row| row.key.entity == entity).collect()
    }
}

/// Opens a vault; `seed` is another one each time, since ids are drawn from it.
pub fn unlock(folder: &Path, seed: u64) -> Unlocked {
    custody::unlock(folder, vaults::PASSPHRASE, &surrounding(seed)).unwrap()
}
