//! The engine on PostgreSQL: all realms in one database, apart by row-level security. Connections
//! are in `connect.rs`; a transaction is in `shelf.rs`, what is read and written in `read.rs`, `unit_rows.rs` and `write.rs`;
//! tables, roles and policies in `migrations/postgres`. Every transaction states its realm before anything else.
//!
//! Blocking, as the trait asks: call it from threads that may wait, never from an async task.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::{AtomicUsize, Ordering}},
    thread::Builder,
};

use gladstone_model::Instant;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    engine::{Ahead, Begun, Device, Engine, Head, NewRealm, Reading, Sought, StoredSession, Witness, Writing},
    error::{CentreError, EngineError},
    file_news::FileNews,
};

mod address;
mod beside;
mod cells;
mod columns;
mod connect;
mod exact;
mod fault;
mod read;
mod schema;
mod secret;
mod shelf;
#[cfg(test)]
mod tests;
mod tls;
mod unit_rows;
mod watch;
mod witness;
mod write;

pub use schema::migrate;
pub use watch::{Watch, watch};

use cells::{get, unsigned};
use connect::{Ask, Link, Pool};
use fault::Fault;
use secret::Secret;
use shelf::Shelf;
use unit_rows::Units;
use witness::Witnesses;

/// How often a transaction is run before its conflicts with others are told.
const ATTEMPTS: usize = 5;
/// Connections where nothing else is said.
const CONNECTIONS: usize = 16;

/// How the engine is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address of the database, as `postgres://gladstone_app@localhost/gladstone` or as words of
    /// libpq: a socket, this machine, or another one with `sslmode=verify-full` and `sslrootcert=FILE`. The role is `gladstone_app` or a member of it.
    pub url: String,
    /// Folder of this service, outside the database: its secret and the witnesses. Backed up apart
    /// from the database.
    pub state: PathBuf,
    /// Most connections at a time; what [`watch`] opens is one more.
    pub connections: usize,
}

impl Settings {
    /// With the usual number of connections (16).
    pub fn new(url: &str, state: &Path) -> Settings {
        Settings { url: url.into(), state: state.into(), connections: CONNECTIONS }
    }
}

/// One database with its realms.
pub struct Postgres {
    pool: Arc<Pool>,
    secret: Secret,
    witnesses: Witnesses,
    /// Writers of one realm wait here, where they hold no connection.
    writers: Mutex<HashMap<Uuid, Arc<Mutex<()>>>>,
    growth: Growth,
}

/// How many rows this service wrote since the database was told to look at tables that it knows nothing of.
struct Growth(AtomicUsize);

impl Growth {
    /// After so many rows it is told for the first time, and again after each ten times as many.
    const FIRST: usize = 500;

    /// Whether it is to be told now.
    fn is_due(&self, written: usize) -> bool {
        let before = self.0.fetch_add(written, Ordering::Relaxed);
        let portion = |rows: usize| rows.saturating_add(9 * Growth::FIRST) / (10 * Growth::FIRST);
        portion(before) < portion(before.saturating_add(written))
    }
}

impl Postgres {
    /// Opens a database that [`migrate`] has prepared.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when the secret is missing or not that of the database, when steps
    /// are missing, or when the role could pass by row-level security;
    /// [`EngineError::FromTheFuture`]; [`EngineError::Busy`] when the database cannot be reached.
    pub fn open(settings: &Settings) -> Result<Postgres, EngineError> {
        let secret = Secret::read(&settings.state)?;
        let witnesses = Witnesses::open(settings.state.join("witness"))?;
        let pool = Pool::new(&settings.url, settings.connections)?;
        pool.with(|link| schema::inspect(link, &secret))??;
        Ok(Postgres { pool: Arc::new(pool), secret, witnesses, writers: Mutex::default(), growth: Growth(AtomicUsize::new(0)) })
    }

    fn state(&self, realm: Uuid) -> Ask<'static> {
        Ask::new("SELECT set_config('app.ctx', $1, true)").with(self.secret.context(realm, now()))
    }

    /// Asks something before a realm is known.
    fn ask(&self, ask: impl Fn() -> Ask<'static>) -> Result<Vec<Row>, EngineError> {
        self.again(|| {
            self.pool.with(|link| {
                let answers = link.begin("BEGIN READ ONLY", vec![ask()]);
                if answers.is_ok() { link.leave() } else { link.roll_back() }
                answers.map(|answers| answers.into_iter().next().unwrap_or_default())
            })?
        })
    }

    /// Runs something anew that failed because an idle connection had been closed meanwhile. Only
    /// for what begins with a transaction of its own.
    fn again<T>(&self, mut f: impl FnMut() -> Result<T, Fault>) -> Result<T, EngineError> {
        match f() {
            Err(fault) if fault.lost => {
                self.pool.forget();
                f().map_err(|fault| fault.error)
            }
            other => other.map_err(|fault| fault.error),
        }
    }

    fn head(&self, realm: Uuid, row: Option<&Row>) -> Result<Head, EngineError> {
        let row = row.ok_or(EngineError::NoRealm)?;
        let seed = self.secret.unseal(realm, &get::<Vec<u8>>(row, 6)?)?;
        Ok(Head { realm, name: get(row, 0)?, epoch: get(row, 1)?, g: unsigned(row, 2)?, floor_g: unsigned(row, 3)?, held: unsigned(row, 4)?, lease_days: get::<i16>(row, 7)?.unsigned_abs(), device: get(row, 5)?, seed })
    }

    /// Lets the database look at tables that it knows nothing of, on a connection and a thread of their own: nobody
    /// waits for that.
    fn learn(&self) {
        let pool = Arc::clone(&self.pool);
        let look = move || {
            let looked = pool.with(|link| link.one(Ask::new("SELECT centre.learn()")).map(|_| ()).map_err(|fault| fault.error));
            if let Err(error) = looked.and_then(|looked| looked) {
                tracing::warn!(%error, "the database does not look at its new tables");
            }
        };
        if let Err(error) = Builder::new().name("learn".into()).spawn(look) {
            tracing::warn!(%error, "the database does not look at its new tables");
        }
    }

    /// Runs a transaction of one realm; says whether it is to be run again.
    fn attempt(&self, realm: Uuid, how: Mode, ahead: &Ahead, f: &mut dyn FnMut(&mut Shelf<'_>, Begun) -> Result<(), CentreError>) -> Result<Attempt, CentreError> {
        let (begin, sql) = match how {
            Mode::Read => ("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", "SELECT name, epoch, g, floor_g, held, device, seed, lease_days FROM centre.realm WHERE realm = $1"),
            Mode::Write => ("BEGIN ISOLATION LEVEL READ COMMITTED", "SELECT name, epoch, g, floor_g, held, device, seed, lease_days FROM centre.realm WHERE realm = $1 FOR NO KEY UPDATE"),
        };
        self.pool.with(|link| {
            let (asks, answer) = read::ahead(realm, ahead)?;
            let first = [self.state(realm), Ask::new(sql).with(realm)].into_iter().chain(asks).collect();
            let mut answers = match link.begin(begin, first) {
                Ok(answers) => answers,
                Err(fault) => {
                    link.roll_back();
                    return match fault {
                        Fault { lost: true, error, .. } => Ok(Attempt::Lost(error)),
                        fault => fault.retried(),
                    };
                }
            };
            let begun = answers.split_off(2);
            let begun = self.head(realm, answers.get(1).and_then(|rows| rows.first())).and_then(|head| Ok((head, answer.read(begun)?)));
            let (head, begun) = match begun {
                Ok(begun) => begun,
                Err(error) => {
                    link.roll_back();
                    return Err(error.into());
                }
            };
            let found = (head.epoch, head.g);
            let mut shelf = Shelf { link, only_reads: matches!(how, Mode::Read), head, again: false, written: 0, beside: None, last: None, units: Units::default() };
            if let Err(error) = f(&mut shelf, begun) {
                shelf.quiet();
                let Shelf { link, again, .. } = shelf;
                link.roll_back();
                return match error {
                    CentreError::Engine(error) if again => Ok(Attempt::Again(error)),
                    error => Err(error),
                };
            }
            if let Mode::Read = how {
                shelf.leave();
                return Ok(Attempt::Done);
            }
            let head = shelf.head.clone();
            let changed = found != (head.epoch, head.g);
            // Behind the commit: within it, all commits of the database would have to queue for the
            // notice. One that is lost with the service costs a waiting laptop a minute at most.
            let notice = changed.then(|| Ask::new("SELECT pg_notify($1, $2)").with(watch::CHANNEL).with(watch::text(realm, head.g)));
            let ended = shelf.commit(notice);
            let Shelf { link, written, .. } = shelf;
            if let Err(fault) = ended {
                link.roll_back();
                return fault.retried();
            }
            if changed {
                self.witnesses.note(realm, Witness { epoch: head.epoch, g: head.g })?;
            }
            if written > 0 && self.growth.is_due(written) {
                self.learn();
            }
            Ok(Attempt::Done)
        })?
    }

    fn transaction(&self, realm: Uuid, how: Mode, ahead: &Ahead, f: &mut dyn FnMut(&mut Shelf<'_>, Begun) -> Result<(), CentreError>) -> Result<(), CentreError> {
        let mut last = EngineError::Busy("the database asks for another attempt".into());
        for _ in 0..ATTEMPTS {
            match self.attempt(realm, how, ahead, f)? {
                Attempt::Done => return Ok(()),
                Attempt::Again(error) => last = error,
                Attempt::Lost(error) => {
                    self.pool.forget();
                    last = error;
                }
            }
        }
        Err(last.into())
    }
}

#[derive(Clone, Copy)]
enum Mode {
    Read,
    Write,
}

/// What came of a transaction that did not fail for good.
enum Attempt {
    Done,
    /// Two transactions were in each other's way.
    Again(EngineError),
    /// The connection had gone before anything was done on it.
    Lost(EngineError),
}

impl Fault {
    /// What comes of a transaction that failed by this.
    fn retried(self) -> Result<Attempt, CentreError> {
        if self.again { Ok(Attempt::Again(self.error)) } else { Err(self.error.into()) }
    }
}

impl Engine for Postgres {
    fn realms(&self) -> Result<Vec<Uuid>, EngineError> {
        self.ask(|| Ask::new("SELECT r FROM centre.realms() AS r"))?.iter().map(|row| get(row, 0)).collect()
    }

    fn found(&self, new: &NewRealm) -> Result<(), EngineError> {
        let sealed = self.secret.seal(new.id, new.seed)?;
        let sql = "INSERT INTO centre.realm (realm, name, epoch, device, seed, founded) VALUES ($1, $2, $3, $4, $5, $6)";
        self.again(|| {
            self.pool.with(|link| {
                let insert = Ask::new(sql).with(new.id).with(&new.name).with(new.epoch).with(new.device).with(&sealed).with(new.founded.0);
                let result = link.begin("BEGIN", vec![self.state(new.id), insert]);
                end(link, result)
            })?
        })?;
        self.witnesses.note(new.id, Witness { epoch: new.epoch, g: 0 })
    }

    fn realm_of(&self, sought: Sought) -> Result<Option<Uuid>, EngineError> {
        let ask = || match sought {
            Sought::Device(id) => Ask::new("SELECT r FROM centre.realm_of_device($1) AS r").with(id),
            Sought::Invite(hash) => Ask::new("SELECT r FROM centre.realm_of_invite($1) AS r").with(hash.to_vec()),
            Sought::Session(hash) => Ask::new("SELECT r FROM centre.realm_of_session($1) AS r").with(hash.to_vec()),
        };
        self.ask(ask)?.first().map(|row| get(row, 0)).transpose()
    }

    fn read(&self, realm: Uuid, f: &mut dyn FnMut(&mut dyn Reading) -> Result<(), CentreError>) -> Result<(), CentreError> {
        self.transaction(realm, Mode::Read, &Ahead::default(), &mut |shelf, _| f(shelf))
    }

    /// In one trip, which a transaction of several questions would not be.
    fn caller(&self, realm: Uuid, hash: [u8; 32]) -> Result<Option<(StoredSession, Device)>, CentreError> {
        let sql = "SELECT s.challenge, s.expires, d.id, d.actor, d.label, d.public_key, d.incarnation, d.enrolled, d.seen, d.revoked, d.epoch, d.nonce, d.former_nonce, d.alone
            FROM centre.session AS s JOIN centre.device AS d ON d.realm = s.realm AND d.id = s.device WHERE s.realm = $1 AND s.hash = $2";
        let rows = self.again(|| {
            self.pool.with(|link| {
                let answers = link.begin("BEGIN READ ONLY", vec![self.state(realm), Ask::new(sql).with(realm).with(hash.to_vec())]);
                if answers.is_ok() { link.leave() } else { link.roll_back() }
                answers.map(|mut answers| answers.pop().unwrap_or_default())
            })?
        })?;
        let found = rows.first().map(|row| {
            let device = cells::device(row, 2)?;
            Ok::<_, EngineError>((StoredSession { hash, device: device.id, challenge: get(row, 0)?, expires: Instant(get(row, 1)?) }, device))
        });
        Ok(found.transpose()?)
    }

    fn write_ahead(&self, realm: Uuid, ahead: &Ahead, f: &mut dyn FnMut(&mut dyn Writing, Begun) -> Result<(), CentreError>) -> Result<(), CentreError> {
        let turn = Arc::clone(self.writers.lock().unwrap_or_else(PoisonError::into_inner).entry(realm).or_default());
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.transaction(realm, Mode::Write, ahead, &mut |shelf, begun| f(shelf, begun))
    }

    fn witness(&self, realm: Uuid) -> Result<Option<Witness>, EngineError> {
        self.witnesses.read(realm)
    }

    fn tell(&self, realm: Uuid, news: &FileNews) -> Result<(), EngineError> {
        self.ask(|| Ask::new("SELECT pg_notify($1, $2)").with(watch::CHANNEL).with(watch::file(realm, news))).map(|_| ())
    }

    fn backup(&self, _realm: Uuid, _to: &Path) -> Result<(), EngineError> {
        Err(EngineError::Refused("organizations in PostgreSQL are saved by its own tools, all of them together: pg_basebackup with WAL archiving, or pg_dump. Save the service's state folder too, in another place".into()))
    }
}

/// Ends a transaction as its statements went.
fn end<T>(link: &mut Link, result: Result<T, Fault>) -> Result<T, Fault> {
    match result {
        Ok(value) => link.commit(Vec::new(), None).map(|()| value),
        Err(fault) => {
            link.roll_back();
            Err(fault)
        }
    }
}

fn now() -> Instant {
    chrono::Utc::now().into()
}
