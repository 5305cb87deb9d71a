//! A centre with its folder, served or not, and laptops that join it.

// Each test uses a part of it, and stops at the first thing that does not hold.
#![allow(dead_code, unused_imports, unused_macros, clippy::unwrap_used, clippy::expect_used, reason = "shared by several tests")]

mod between;
pub mod files;
pub mod killed;

pub use gladstone_testkit::cutter;
pub(crate) use between::{at_hand, passes_on};
pub use between::{lend, lend_while};

use std::{net::SocketAddr, num::NonZeroU32, path::Path, sync::{Arc, mpsc}, thread::JoinHandle};

use gladstone_central::{
    Embedded, Machine,
    centre::{Caller, Centre, Invite},
    http::{Limits, Server, Settings, tls},
};
use gladstone_model::Value;
use gladstone_protocol::{ApiError, enrol::{EnrolRequest, from_hex, to_hex}};
use gladstone_sync::{Address, HttpCentre, JoinLink, News, Remote, Report, SyncError, Worker, join, remote::Direct, sync_once};
use gladstone_testkit::Laptop;
use gladstone_vault::{Vault, VaultError, replica::Joined};
use tempfile::TempDir;
use tokio::sync::oneshot;
use uuid::Uuid;

/// A centre with one organization.
pub struct Site {
    pub folder: TempDir,
    pub centre: Arc<Centre>,
    pub realm: Uuid,
}

impl Site {
    pub fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let centre = open(folder.path());
        let realm = centre.found("Greenfield Practice").unwrap();
        Site { folder, centre, realm }
    }

    /// A centre that is there already, with one of its organizations.
    pub fn over(centre: Arc<Centre>, realm: Uuid) -> Site {
        Site { folder: tempfile::tempdir().unwrap(), centre, realm }
    }

    pub fn code(&self, name: &str, role: &str) -> String {
        code(&self.centre, self.realm, name, role, None)
    }

    /// A new laptop of a new person, joined without HTTP.
    pub fn laptop(&self, seed: u64, name: &str, role: &str) -> Laptop {
        let laptop = Laptop::new(seed, Uuid::nil());
        enrol(&self.centre, self.realm, &laptop.vault, name, role, None);
        laptop
    }

    /// Synchronizes without HTTP.
    pub fn sync(&self, laptop: &Laptop) -> Result<Report, SyncError> {
        let state = laptop.vault.state();
        let line = self.centre.for_device(Caller { realm: self.realm, device: state.device, actor: state.actor, revoked: false });
        sync_once(&laptop.vault, &Direct(&line), &mut |_| {})
    }

    /// Serves on a port of its own.
    pub fn serve(&self, protected: bool, limits: Limits) -> Service {
        Service::start(Arc::clone(&self.centre), self.folder.path(), protected, limits)
    }
}

/// The centre over the store in a folder.
pub fn open(folder: &Path) -> Arc<Centre> {
    let engine = Embedded::open(&folder.join("realms")).unwrap();
    Arc::new(Centre::open(Box::new(engine), Arc::new(Machine::default())).unwrap())
}

fn code(centre: &Centre, realm: Uuid, name: &str, role: &str, user: Option<Uuid>) -> String {
    centre.invite(realm, &Invite { name: name.into(), email: None, role: role.into(), user, minutes: 10 }).unwrap().code
}

/// Enrols a vault without HTTP, of somebody new or of a user who is there, and lets it join.
pub fn enrol(centre: &Centre, realm: Uuid, vault: &Vault, name: &str, role: &str, user: Option<Uuid>) {
    let state = vault.state();
    let request = EnrolRequest { code: code(centre, realm, name, role, user), device: state.device, incarnation: state.incarnation, public_key: to_hex(&vault.public_key()), label: format!("{name}'s laptop"), actor: user, name: None };
    let answer = centre.enrol(&request).unwrap();
    let joined = Joined { realm: answer.realm, organization: answer.organization, actor: answer.actor, role: answer.role, server: "http://127.0.0.1:8470".into(), certificate: None, epoch: answer.epoch, nonce: from_hex(&answer.nonce).unwrap(), lease_days: answer.lease_days };
    vault.join(&joined).unwrap();
}

/// Limits that a test does not reach.
pub fn no_limits() -> Limits {
    let many = NonZeroU32::new(1_000_000).unwrap();
    Limits { requests_a_minute: many, enrolments_a_minute: many, sign_ins_a_minute: many, ..Limits::default() }
}

/// A service in this process, until it is dropped.
pub struct Service {
    pub listens: SocketAddr,
    pub protected: bool,
    pub authority: Option<Vec<u8>>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    pub fn start(centre: Arc<Centre>, folder: &Path, protected: bool, limits: Limits) -> Service {
        Service::with(centre, folder, protected, Settings { limits, blobs: Some(folder.join("blobs")), ..Settings::default() })
    }

    /// With other settings than the usual ones.
    pub fn with(centre: Arc<Centre>, folder: &Path, protected: bool, settings: Settings) -> Service {
        let own = protected.then(|| tls::self_signed(&folder.join("tls"), &tls::names([127, 0, 0, 1].into(), None)).unwrap());
        let authority = own.as_ref().map(|own| own.authority.clone());
        let files = own.map(|own| (own.certificate, own.key));
        let (ready, listens) = std::sync::mpsc::channel();
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let (server, stands) = Server::bind(centre, &settings, ([127, 0, 0, 1], 0).into(), files).await.unwrap();
                ready.send(stands.address).unwrap();
                server.run(async { drop(ended.await) }).await;
            });
        });
        Service { listens: listens.recv().unwrap(), protected, authority, end: Some(end), thread: Some(thread) }
    }

    pub fn address(&self) -> Address {
        self.address_at(self.listens)
    }

    /// The service by way of another port.
    pub fn address_at(&self, at: SocketAddr) -> Address {
        Address::parse(&format!("{}://{at}", if self.protected { "https" } else { "http" })).unwrap()
    }

    pub fn client(&self) -> HttpCentre {
        HttpCentre::new(self.address(), self.authority.as_deref()).unwrap()
    }

    /// A client that is signed in as a laptop and reaches the service by way of another port.
    pub fn client_by(&self, at: SocketAddr, laptop: &Laptop) -> HttpCentre {
        signed_in(laptop, HttpCentre::new(self.address_at(at), self.authority.as_deref()).unwrap())
    }

    /// A client that is signed in as a laptop.
    pub fn client_of(&self, laptop: &Laptop) -> HttpCentre {
        signed_in(laptop, self.client())
    }

    /// A new laptop that joined with a link.
    pub fn laptop(&self, site: &Site, seed: u64, name: &str, role: &str) -> Laptop {
        let laptop = Laptop::new(seed, Uuid::nil());
        let link = JoinLink { address: self.address(), code: site.code(name, role), authority: self.authority.clone() };
        let link = JoinLink::parse(&link.to_string()).unwrap();
        join::join(&laptop.vault, &link, &format!("{name}'s laptop"), None).unwrap();
        laptop
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Signs a laptop in.
pub fn sign_in(client: &HttpCentre, laptop: &Laptop) -> Result<(), ApiError> {
    client.sign_in(laptop.vault.state().device, &|message| Some(laptop.vault.sign(message)))
}

/// A client, once a laptop is signed in with it.
pub fn signed_in(laptop: &Laptop, client: HttpCentre) -> HttpCentre {
    sign_in(&client, laptop).unwrap();
    client
}

/// A worker in the background, and what it says.
pub fn worker(laptop: &Arc<Laptop>) -> (Worker, mpsc::Receiver<News>) {
    let (say, news) = mpsc::channel();
    let remote = Arc::new(join::connect(&laptop.vault).unwrap());
    let lent = Arc::clone(laptop);
    let worker = Worker::start(Arc::new(move |f| { f(&lent.vault); true }), remote, move |news| drop(say.send(news))).unwrap();
    (worker, news)
}

/// Hands a person over: the other one sees the record from the next round on.
pub fn entrust(giver: &Laptop, person: Uuid, to: Uuid) -> Uuid {
    let relation = [("therapist_id", to.into()), ("patient_id", person.into()), ("relationship_type", "coaching".into()), ("start_date", Value::Date(chrono::NaiveDate::from_ymd_opt(2026, 11, 1).unwrap()))];
    giver.vault.commit::<_, VaultError>("people.hand_over", |tx| tx.create("therapeutic_relationships", relation)).unwrap().0
}

/// Synchronizes with what the vault knows of its centre.
pub fn sync(laptop: &Laptop) -> Result<Report, SyncError> {
    sync_once(&laptop.vault, &join::connect(&laptop.vault).unwrap(), &mut |_| {})
}

/// That two laptops show the same rows of one person.
pub fn same_person(a: &Laptop, b: &Laptop, person: Uuid) {
    let rows = |laptop: &Laptop| laptop.view().into_iter().filter(|(_, row)| row.unit == gladstone_model::Unit { kind: gladstone_model::unit::UnitKind::Person, id: person }).collect::<Vec<_>>();
    let (a, b) = (rows(a), rows(b));
    assert!(!a.is_empty(), "there are rows to compare");
    assert_eq!(a, b, "both show the same");
}

/// The answer to a plain GET, head and body.
pub fn get(at: SocketAddr, path: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(at).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
