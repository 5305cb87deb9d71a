//! A served centre to measure: the shipped program in a process of its own, over the embedded
//! store or over a PostgreSQL of our own that flushes to disk as it would in service.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use gladstone_central::{Centre, Embedded, Engine, Invite, Machine, Postgres, http::tls, postgres};
use gladstone_sync::{Address, HttpCentre, JoinLink};
use gladstone_testkit::postgres::Cluster;
use tokio::runtime::Runtime;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::place::text;

/// Which store the centre has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// One SQLite file for each organization.
    Embedded,
    /// PostgreSQL.
    Postgres,
}

impl Store {
    /// Both.
    pub const ALL: [Store; 2] = [Store::Embedded, Store::Postgres];

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Store::Embedded => "embedded",
            Store::Postgres => "PostgreSQL",
        }
    }
}

/// A centre with one organization, served until this is dropped.
pub struct Served {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its organization.
    pub realm: Uuid,
    folder: PathBuf,
    authority: Option<Vec<u8>>,
    // Before the database, which waits for its connections.
    centre: Centre,
    /// Its PostgreSQL.
    pub database: Option<Database>,
}

/// A PostgreSQL with a connection of its administrator.
pub struct Database {
    client: Client,
    runtime: Runtime,
    cluster: Cluster,
}

impl Database {
    fn start() -> Result<Database, String> {
        let cluster = Cluster::start_as_it_comes()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(text)?;
        let client = runtime.block_on(cluster.connect())?;
        Ok(Database { client, runtime, cluster })
    }

    /// Runs statements.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub fn run(&self, sql: &str) -> Result<(), String> {
        self.runtime.block_on(self.client.batch_execute(sql)).map_err(|error| format!("{sql}: {error:?}"))
    }

    /// The one value that a query yields.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub fn ask<T: for<'a> tokio_postgres::types::FromSql<'a>>(&self, sql: &str) -> Result<T, String> {
        let row = self.runtime.block_on(self.client.query_one(sql, &[])).map_err(|error| format!("{sql}: {error:?}"))?;
        row.try_get(0).map_err(text)
    }
}

impl Served {
    /// Founds an organization and serves it with `program`. Nobody is told to come later because of
    /// too many requests; how many work at once is as usual.
    ///
    /// # Errors
    /// What the store or the program says.
    pub fn start(program: &Path, folder: PathBuf, store: Store, protected: bool) -> Result<Served, String> {
        let database = (store == Store::Postgres).then(Database::start).transpose()?;
        let state = folder.join("state");
        let url = database.as_ref().map(|database| database.cluster.address("gladstone_app", "postgres"));
        let engine: Box<dyn Engine> = match (&database, &url) {
            (Some(database), Some(url)) => {
                postgres::migrate(&database.cluster.address("gladstone", "postgres"), &state).map_err(text)?;
                Box::new(Postgres::open(&postgres::Settings { connections: 2, ..postgres::Settings::new(url, &state) }).map_err(text)?)
            }
            _ => Box::new(Embedded::open(&folder.join("realms")).map_err(text)?),
        };
        let centre = Centre::open(engine, Arc::new(Machine::default())).map_err(text)?;
        let realm = centre.found("Measured").map_err(text)?;
        let mut command = Command::new(program);
        command.args(["central", "serve", "--listen", "127.0.0.1:0", "--log", "error"]).arg("--data").arg(&folder);
        command.args(["--requests-a-minute", "10000000", "--enrolments-a-minute", "10000000", "--sign-ins-a-minute", "10000000"]);
        command.args(url.iter().flat_map(|url| ["--database", url.as_str()])).args(protected.then_some("--tls-self-signed"));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(|error| format!("{}: {error}", program.display()))?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line).map_err(text)?;
        }
        let address = line.trim().rsplit('/').next().and_then(|address| address.parse().ok());
        let Some(address) = address else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("the centre does not listen: {line}"));
        };
        let authority = if protected { Some(tls::own_authority(&folder.join("tls")).map_err(text)?) } else { None };
        Ok(Served { child, address, realm, folder, authority, centre, database })
    }

    /// A link to join through `by`: the service itself, or a relay before it.
    ///
    /// # Errors
    /// What the store says.
    pub fn link(&self, by: SocketAddr, name: &str, role: &str, user: Option<Uuid>) -> Result<JoinLink, String> {
        let invite = Invite { name: name.into(), email: None, role: role.into(), user, minutes: 60 };
        let code = self.centre.invite(self.realm, &invite).map_err(text)?.code;
        Ok(JoinLink { address: self.address_by(by)?, code, authority: self.authority.clone() })
    }

    /// A way to the service without anything between.
    ///
    /// # Errors
    /// An address or a certificate that cannot be used.
    pub fn straight(&self) -> Result<HttpCentre, String> {
        HttpCentre::new(self.address_by(self.address)?, self.authority.as_deref()).map_err(text)
    }

    fn address_by(&self, by: SocketAddr) -> Result<Address, String> {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        Address::parse(&format!("{scheme}://{by}")).map_err(text)
    }

    /// Memory of the process in MB: now, and at most so far. PostgreSQL's own is not in it.
    pub fn memory(&self) -> (f64, f64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or_default() * 1_024.0 / 1e6;
        (field("VmRSS:"), field("VmHWM:"))
    }

    /// Processor time of the process so far, in seconds.
    pub fn processor(&self) -> f64 {
        processor_of(&self.child.id().to_string())
    }

    /// What its store takes on disk, in MB.
    ///
    /// # Errors
    /// What the store says.
    pub fn megabytes(&self) -> Result<f64, String> {
        match &self.database {
            Some(database) => Ok(database.ask::<i64>("SELECT pg_database_size('postgres')")? as f64 / 1e6),
            None => {
                let files = fs::read_dir(self.folder.join("realms")).map_err(text)?.flatten();
                Ok(files.filter_map(|file| file.metadata().ok()).map(|data| data.len() as f64 / 1e6).sum())
            }
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time so far of a process, by its number or as `self`, in seconds.
pub fn processor_of(process: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<f64> = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    // Linux counts these in hundredths of a second on every platform.
    fields.iter().sum::<f64>() / 100.0
}
