//! The centre of the world: the real one on its embedded engine, its backups, and what tests may
//! look up behind its back.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use gladstone_central::{Centre, Embedded, Invite, Portions};
use gladstone_model::Unit;
use gladstone_protocol::{
    ApiError, Entry, Mutation, Stored,
    enrol::{EnrolRequest, from_hex, to_hex},
    entry::Body,
    wire::{RowImage, RowKey},
};
use gladstone_testkit::Image;
use gladstone_vault::{Vault, replica::Joined};
use rusqlite::{Connection, params};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    files,
    history::{History, Line},
    laptop,
    time::{Machine, Service},
};

/// The centre.
pub struct Host {
    /// Its organization.
    pub realm: Uuid,
    /// Its clock.
    pub machine: Arc<Machine>,
    /// What it told so far.
    pub history: History,
    /// How often it was put back.
    pub histories: usize,
    portions: Portions,
    centre: Option<Centre>,
    peek: Connection,
    folder: TempDir,
}

/// An envelope as the centre files it.
pub struct Filed {
    /// Laptop.
    pub device: Uuid,
    /// Commit number of its effect.
    pub g: Option<u64>,
    /// What was decided.
    pub verdict: Stored,
    /// The mutation that it brought first; none for events and for copies.
    pub mutation: Option<Mutation>,
}

/// A backup of the centre.
#[derive(Clone)]
pub struct Backup {
    store: Image,
    history: History,
}

impl Host {
    /// A centre with one organization, which answers pulls in these portions.
    pub fn new(machine: Arc<Machine>, portions: Portions) -> Host {
        let folder = files::unpack(&files::template().centre);
        let realm = files::template().realm;
        let peek = files::reader(&file(&folder, realm)).unwrap();
        let centre = Some(open(&folder, &machine, portions));
        let mut host = Host { realm, machine, history: History::default(), histories: 0, portions, centre, peek, folder };
        host.follow().unwrap();
        host
    }

    /// The centre itself.
    pub fn centre(&self) -> &Centre {
        self.centre.as_ref().unwrap()
    }

    /// Looks into its file.
    pub fn peek(&self) -> &Connection {
        &self.peek
    }

    /// Its file.
    pub fn store(&self) -> PathBuf {
        file(&self.folder, self.realm)
    }

    /// Its last commit number.
    pub fn head(&self) -> u64 {
        self.centre().head(self.realm).unwrap()
    }

    /// Its history.
    pub fn epoch(&self) -> Uuid {
        self.id("SELECT epoch FROM centre_realm")
    }

    /// The centre's own laptop.
    pub fn own_device(&self) -> Uuid {
        self.id("SELECT device FROM centre_realm")
    }

    fn id(&self, sql: &str) -> Uuid {
        self.peek.prepare_cached(sql).unwrap().query_row([], |row| row.get::<_, Vec<u8>>(0)).map(|bytes| Uuid::from_slice(&bytes).unwrap()).unwrap()
    }

    /// Takes what was logged since the last time into the oracle.
    pub fn follow(&mut self) -> Result<(), String> {
        let mut statement = self.peek.prepare_cached("SELECT place, unit, entity, id, mutation, news FROM centre_log WHERE place >= ?1 ORDER BY place").unwrap();
        let mut rows = statement.query(params![((self.history.head + 1) << 20) as i64]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let blob = |at: usize| row.get::<_, Vec<u8>>(at).unwrap();
            let id = |at: usize| Uuid::from_slice(&blob(at)).unwrap();
            self.history.take(Line {
                g: row.get::<_, i64>(0).unwrap().unsigned_abs() >> 20,
                unit: Unit::from_bytes(&blob(1)).unwrap(),
                key: RowKey { entity: row.get(2).unwrap(), id: id(3) },
                mutation: id(4),
                news: postcard::from_bytes(&blob(5)).unwrap(),
            })?;
        }
        Ok(())
    }

    /// Its rows, of these entities or of all.
    pub fn rows(&self, entities: Option<&[&str]>) -> BTreeMap<RowKey, RowImage> {
        laptop::rows(&self.peek, entities)
    }

    /// Everything that it files, in the order of receipt.
    pub fn filed(&self) -> Vec<Filed> {
        let mut statement = self.peek.prepare_cached("SELECT device, mutation, g, verdict, bytes FROM centre_envelope ORDER BY place").unwrap();
        let mut rows = statement.query([]).unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let first = row.get_ref(1).unwrap().as_blob_or_null().unwrap().is_some();
            let mutation = match Entry::from_bytes(&row.get::<_, Vec<u8>>(4).unwrap()).unwrap().body {
                Body::Mutation(mutation) if first => Some(mutation),
                _ => None,
            };
            found.push(Filed {
                device: Uuid::from_slice(&row.get::<_, Vec<u8>>(0).unwrap()).unwrap(),
                g: row.get::<_, Option<i64>>(2).unwrap().map(i64::unsigned_abs),
                verdict: postcard::from_bytes(&row.get::<_, Vec<u8>>(3).unwrap()).unwrap(),
                mutation,
            });
        }
        found
    }

    /// A backup as it is now.
    pub fn backup(&self) -> Backup {
        // Between two calls everything is committed, so the files themselves are a backup.
        let mut store = files::image(self.folder.path());
        store.0.retain(|name, _| !name.ends_with(".witness"));
        Backup { store, history: self.history.clone() }
    }

    /// Puts a backup in place and begins another history, as the operator does who is told that
    /// the store is behind its witness. Says what is wrong.
    pub fn put_back(&mut self, backup: &Backup) -> Result<(), String> {
        self.centre = None;
        let witness: Vec<(String, Vec<u8>)> = files::image(self.folder.path()).0.into_iter().filter(|(name, _)| name.ends_with(".witness")).collect();
        let behind = self.history.head > backup.history.head;
        let mut store = backup.store.clone();
        store.0.extend(witness);
        let folder = files::unpack(&store);
        self.peek = files::reader(&file(&folder, self.realm)).unwrap();
        self.folder = folder;
        let centre = open(&self.folder, &self.machine, self.portions);
        let blocked = centre.realms().unwrap().iter().any(|realm| realm.blocked);
        if behind && !blocked {
            return Err("a store that was put back is served without a new history".into());
        }
        centre.new_epoch(self.realm).unwrap();
        self.centre = Some(centre);
        self.history = backup.history.clone();
        self.histories += 1;
        self.follow()
    }

    /// The service starts again.
    pub fn restart(&mut self) -> Result<(), String> {
        let image = files::image(self.folder.path());
        self.centre = None;
        let folder = files::unpack(&image);
        self.peek = files::reader(&file(&folder, self.realm)).unwrap();
        self.folder = folder;
        let centre = open(&self.folder, &self.machine, self.portions);
        let blocked = centre.realms().unwrap().iter().any(|realm| realm.blocked);
        self.centre = Some(centre);
        if blocked { Err("a centre that was not put back is not served".into()) } else { self.follow() }
    }

    /// Whether a laptop is known, and has its right.
    pub fn knows(&self, device: Uuid) -> Option<bool> {
        self.centre().caller(self.realm, device).ok().map(|caller| !caller.revoked)
    }

    /// Lets a laptop join, again or for the first time.
    pub fn join(&self, vault: &Vault, name: &str, role: &str) -> Result<(), String> {
        let state = vault.state();
        let known = self.rows(Some(&["users"])).values().any(|row| row.key.id == state.actor && row.error.is_none());
        let invite = Invite { name: name.into(), email: None, role: role.into(), user: known.then_some(state.actor), minutes: 0 };
        let code = self.centre().invite(self.realm, &invite).map_err(|error| error.to_string())?.code;
        let request = EnrolRequest { code, device: state.device, incarnation: state.incarnation, public_key: to_hex(&vault.public_key()), label: name.into(), actor: Some(state.actor), name: Some(name.into()) };
        let answer = self.centre().enrol(&request).map_err(|error: ApiError| error.to_string())?;
        let joined = Joined {
            realm: answer.realm,
            organization: answer.organization,
            actor: answer.actor,
            role: answer.role,
            server: "http://127.0.0.1:8470".into(),
            certificate: None,
            epoch: answer.epoch,
            nonce: from_hex(&answer.nonce).ok_or("the nonce cannot be read")?,
            lease_days: answer.lease_days,
        };
        vault.join(&joined).map_err(|error| error.to_string())
    }
}

fn file(folder: &TempDir, realm: Uuid) -> PathBuf {
    folder.path().join(format!("{realm}.sqlite"))
}

fn open(folder: &TempDir, machine: &Arc<Machine>, portions: Portions) -> Centre {
    Centre::open(Box::new(Embedded::open(folder.path()).unwrap()), Arc::new(Service(Arc::clone(machine)))).unwrap().with_portions(portions)
}
