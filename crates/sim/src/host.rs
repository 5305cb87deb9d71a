//! The centre of the world: the real one, its backups, and what happens to it.

use std::sync::Arc;

use gladstone_central::{Centre, Invite, Portions};
use gladstone_protocol::{
    ApiError,
    enrol::{EnrolRequest, from_hex, to_hex},
};
use gladstone_testkit::{Dice, Image};
use gladstone_vault::{Vault, replica::Joined};
use uuid::Uuid;

use crate::{
    files,
    ground::{Engine, Ground, Kept},
    history::History,
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
    /// Where its store lies.
    pub ground: Ground,
    portions: Portions,
    centre: Option<Centre>,
}

/// A backup of the centre.
#[derive(Clone)]
pub struct Backup {
    store: Kept,
    history: History,
}

impl Host {
    /// A centre with one organization, which answers pulls in these portions.
    pub fn new(engine: Engine, machine: Arc<Machine>, portions: Portions) -> Host {
        let (kept, realm) = files::centre(engine);
        Host::of(&Backup { store: kept.clone(), history: History::default() }, *realm, machine, portions)
    }

    /// A centre as it was kept.
    pub fn of(backup: &Backup, realm: Uuid, machine: Arc<Machine>, portions: Portions) -> Host {
        let ground = Ground::of(&backup.store, realm);
        let mut host = Host { realm, machine, history: backup.history.clone(), histories: 0, ground, portions, centre: None };
        host.serve();
        host.follow().unwrap();
        host
    }

    /// The centre itself.
    pub fn centre(&self) -> &Centre {
        self.centre.as_ref().unwrap()
    }

    /// Its last commit number.
    pub fn head(&self) -> u64 {
        self.centre().head(self.realm).unwrap()
    }

    /// Its history.
    pub fn epoch(&self) -> Uuid {
        self.ground.names().0
    }

    /// Takes what was logged since the last time into the oracle.
    pub fn follow(&mut self) -> Result<(), String> {
        self.history.note_authors(self.ground.authors_after(self.history.authors()));
        self.ground.log_after(self.history.head).into_iter().try_for_each(|line| self.history.take(line))
    }

    /// A backup as it is now.
    pub fn backup(&mut self) -> Backup {
        if !self.ground.is_kept_in_use() {
            self.centre = None;
        }
        let store = self.ground.keep();
        if self.centre.is_none() {
            self.serve();
        }
        Backup { store, history: self.history.clone() }
    }

    /// Puts a backup in place and begins another history, as the operator does who is told that
    /// the store is behind its witness. Says what is wrong.
    pub fn put_back(&mut self, backup: &Backup) -> Result<(), String> {
        self.centre = None;
        let behind = self.history.head > backup.history.head;
        self.ground = Ground::of(&backup.store.clone().with_witness_of(&self.ground), self.realm);
        let blocked = self.serve();
        if behind && !blocked {
            return Err("a store that was put back is served without a new history".into());
        }
        self.centre().new_epoch(self.realm).map_err(|error| error.to_string())?;
        self.history = backup.history.clone();
        self.histories += 1;
        self.follow()
    }

    /// The service is gone from one moment to the next and starts again.
    pub fn restart(&mut self) -> Result<(), String> {
        match self.ground.image() {
            Some(image) => self.go_on_with(&Kept::Files(image)),
            None => {
                self.centre = None;
                self.is_served()
            }
        }
    }

    /// The service was gone at some moment between `before` and now, and starts again.
    pub fn restart_torn(&mut self, before: Option<&Image>, dice: &mut Dice) -> Result<(), String> {
        match (before, self.ground.image()) {
            (Some(before), Some(after)) => self.go_on_with(&Kept::torn(before, &after, dice)),
            _ => self.restart(),
        }
    }

    fn go_on_with(&mut self, store: &Kept) -> Result<(), String> {
        self.centre = None;
        self.ground = Ground::of(store, self.realm);
        self.is_served()
    }

    fn is_served(&mut self) -> Result<(), String> {
        if self.serve() { Err("a centre that was not put back is not served".into()) } else { self.follow() }
    }

    /// Opens the store; says whether it waits for an operator.
    fn serve(&mut self) -> bool {
        let centre = Centre::open(self.ground.open(), Arc::new(Service(Arc::clone(&self.machine)))).unwrap().with_portions(self.portions);
        let blocked = centre.realms().unwrap().iter().any(|realm| realm.blocked);
        self.centre = Some(centre);
        blocked
    }

    /// Whether a laptop is known, and has its right.
    pub fn knows(&self, device: Uuid) -> Option<bool> {
        self.centre().caller(self.realm, device).ok().map(|caller| !caller.revoked)
    }

    /// Lets a laptop join, again or for the first time.
    pub fn join(&self, vault: &Vault, name: &str, role: &str) -> Result<(), String> {
        let state = vault.state();
        let known = self.ground.rows(Some(&["users"])).values().any(|row| row.key.id == state.actor && row.error.is_none());
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
        vault.join(&joined).map_err(|error| error.to_string())?;
        match &answer.lease {
            Some(lease) => vault.take_lease(lease).map(drop).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }
}
