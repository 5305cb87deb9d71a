//! A centre on one of the engines, its clock, and laptops that join it.

use std::{fs, path::PathBuf, sync::Arc};

use gladstone_central::{
    Around, Centre, CentreError, Embedded, Engine, Portions, Postgres,
    centre::Caller,
    postgres::{Settings, migrate},
};
use gladstone_model::Instant;
use gladstone_sync::{Report, SyncError, remote::Direct, sync_once};
use gladstone_testkit::{Laptop, image::scratch, postgres::Cluster, surround::Seeded};
use gladstone_vault::surroundings::Surroundings;
use tempfile::TempDir;
use uuid::Uuid;

use crate::support;

/// Where the centre keeps its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Files,
    Postgresql,
}

struct Clock(Arc<Seeded>);

impl Around for Clock {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), CentreError> {
        self.0.random(bytes).map_err(|_| CentreError::NoRandomness)
    }
}

/// The centre with one organization.
pub struct Ground {
    centre: Option<Arc<Centre>>,
    pub realm: Uuid,
    /// The centre's clock.
    pub clock: Arc<Seeded>,
    portions: Portions,
    database: String,
    /// Dropped after the centre.
    cluster: Option<Cluster>,
    folder: TempDir,
}

impl Ground {
    pub fn new(kind: Kind) -> Ground {
        let (folder, clock) = (scratch(), Arc::new(Seeded::new(4_711)));
        let cluster = (kind == Kind::Postgresql).then(|| Cluster::start().unwrap());
        if let Some(cluster) = &cluster {
            migrate(&cluster.address("gladstone", "postgres"), &folder.path().join("state")).unwrap();
        }
        let mut ground = Ground { centre: None, realm: Uuid::nil(), clock, portions: Portions::default(), database: "postgres".into(), cluster, folder };
        ground.open();
        ground.realm = ground.centre().found("Greenfield Practice").unwrap();
        ground
    }

    /// Answers in other portions from now on.
    pub fn in_portions(mut self, portions: Portions) -> Ground {
        self.portions = portions;
        self.open();
        self
    }

    fn engine(&self) -> Box<dyn Engine> {
        match &self.cluster {
            Some(cluster) => Box::new(Postgres::open(&Settings { connections: 6, ..Settings::new(&cluster.address("gladstone_app", &self.database), &self.folder.path().join("state")) }).unwrap()),
            None => Box::new(Embedded::open(&self.folder.path().join("realms")).unwrap()),
        }
    }

    fn open(&mut self) {
        self.close();
        let around = Arc::new(Clock(Arc::clone(&self.clock)));
        self.centre = Some(Arc::new(Centre::open(self.engine(), around).unwrap().with_portions(self.portions)));
    }

    fn close(&mut self) {
        if let Some(centre) = self.centre.take() {
            drop(Arc::into_inner(centre).expect("nobody else holds the centre"));
        }
    }

    /// The centre's folder.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn centre(&self) -> &Arc<Centre> {
        self.centre.as_ref().unwrap()
    }

    /// A copy of the store as it is now, to be put back later.
    pub fn back_up(&mut self) {
        self.close();
        match &self.cluster {
            Some(cluster) => run(cluster, "CREATE DATABASE saved TEMPLATE postgres"),
            None => each_file(&self.folder.path().join("realms"), |file| _ = fs::copy(&file, file.with_extension(format!("{}-saved", extension(&file)))).unwrap()),
        }
        self.open();
    }

    /// The store as it was then. Its witness stays: it does not lie in the store.
    pub fn put_back(&mut self) {
        self.close();
        match &self.cluster {
            Some(_) => self.database = "saved".into(),
            None => {
                let folder = self.folder.path().join("realms");
                each_file(&folder, |file| {
                    let extension = extension(&file);
                    if extension.ends_with("-wal") || extension.ends_with("-shm") {
                        fs::remove_file(&file).unwrap();
                    }
                });
                each_file(&folder, |file| {
                    if let Some(former) = extension(&file).strip_suffix("-saved").filter(|former| *former != "witness") {
                        fs::rename(&file, file.with_extension(former)).unwrap();
                    }
                });
            }
        }
        self.open();
    }

    /// Enrols a laptop and lets it join.
    pub fn join(&self, laptop: &Laptop, name: &str, role: &str, user: Option<Uuid>) {
        support::enrol(self.centre(), self.realm, &laptop.vault, name, role, user);
    }

    /// A new laptop of a new person.
    pub fn laptop(&self, seed: u64, name: &str, role: &str) -> Laptop {
        let laptop = Laptop::new(seed, Uuid::nil());
        self.join(&laptop, name, role, None);
        laptop
    }

    /// A trainer who registered a person, and an administrator, who holds it too.
    pub fn two_with_a_person(&self) -> (Laptop, Laptop, Uuid) {
        let (a, b) = (self.laptop(1, "Amara", "trainer"), self.laptop(2, "Ben", "admin"));
        let person = a.register("Rosa Example").unwrap();
        self.sync(&a);
        self.sync(&b);
        (a, b, person)
    }

    pub fn caller(&self, laptop: &Laptop) -> Caller {
        self.centre().caller(self.realm, laptop.vault.state().device).unwrap()
    }

    pub fn try_sync(&self, laptop: &Laptop) -> Result<Report, SyncError> {
        let line = self.centre().for_device(self.caller(laptop));
        sync_once(&laptop.vault, &Direct(&line), &mut |_| {})
    }

    /// One round to its end.
    pub fn sync(&self, laptop: &Laptop) -> Report {
        self.try_sync(laptop).unwrap_or_else(|error| panic!("{:?}", error.status))
    }

    /// Every chain as the centre keeps it is whole, and the sums of all units are right.
    pub fn verify(&self) {
        let report = self.centre().verify_audit(self.realm, &mut |_, _| true).unwrap();
        assert_eq!(report.faults, [], "{} chains, {} units", report.chains, report.units);
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.centre = None;
    }
}

fn extension(file: &std::path::Path) -> String {
    file.extension().unwrap_or_default().to_string_lossy().into_owned()
}

fn each_file(folder: &std::path::Path, mut each: impl FnMut(PathBuf)) {
    let files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.into_iter().for_each(&mut each);
}

fn run(cluster: &Cluster, sql: &str) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = cluster.connect().await.unwrap();
        client.batch_execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gladstone_app'").await.unwrap();
        client.batch_execute(sql).await.unwrap();
    });
}

/// How many moods of a person are shown.
pub fn moods(laptop: &Laptop) -> u64 {
    laptop.count("SELECT count(*) FROM mood_entries")
}
