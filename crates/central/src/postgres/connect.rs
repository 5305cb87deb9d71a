//! Connections to PostgreSQL: a small pool, statements that are prepared once for each
//! connection, and several statements in one round trip. Knows no table.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt,
    future::poll_fn,
    net::IpAddr,
    pin::Pin,
    str::FromStr,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::{Duration, Instant},
};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio_postgres::{
    Client, Config, NoTls, Row, Statement,
    config::Host,
    types::ToSql,
};

use super::fault::Fault;
use crate::error::EngineError;

/// How long somebody waits for a connection, or for the head of a realm.
const PATIENCE: Duration = Duration::from_secs(10);
/// Limits that each connection sets for itself, in milliseconds: none of them is met by sound work,
/// and a service that hangs must not keep a realm locked.
const LIMITS: &str = "-c lock_timeout=10000 -c statement_timeout=120000 -c idle_in_transaction_session_timeout=120000 -c timezone=UTC -c search_path=public";

/// A parameter of a statement.
pub(super) type Parameter<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// A statement with its parameters.
pub(super) struct Ask<'a> {
    sql: Cow<'static, str>,
    parameters: Vec<Parameter<'a>>,
}

impl<'a> Ask<'a> {
    pub fn new(sql: impl Into<Cow<'static, str>>) -> Ask<'a> {
        Ask { sql: sql.into(), parameters: Vec::new() }
    }

    /// With one parameter more.
    pub fn with(mut self, parameter: impl ToSql + Sync + Send + 'a) -> Ask<'a> {
        self.parameters.push(Box::new(parameter));
        self
    }

    /// With one parameter more that has a box already.
    pub fn with_boxed(mut self, parameter: Parameter<'a>) -> Ask<'a> {
        self.parameters.push(parameter);
        self
    }
}

/// One connection.
pub(super) struct Link {
    client: Client,
    runtime: Handle,
    statements: HashMap<Cow<'static, str>, Statement>,
    /// Whether it is in a transaction, or may be.
    open: bool,
}

impl Link {
    /// Runs statements in their order, all in one round trip (and one before it for those that are
    /// new to this connection). The first one that fails is told; outside a transaction those
    /// behind it have run all the same.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub fn run(&mut self, asks: &[Ask<'_>]) -> Result<Vec<Vec<Row>>, Fault> {
        let Link { client, runtime, statements, .. } = self;
        runtime.block_on(async {
            let mut new: Vec<&Cow<'static, str>> = asks.iter().map(|ask| &ask.sql).filter(|sql| !statements.contains_key(*sql)).collect();
            new.sort_unstable();
            new.dedup();
            for (sql, statement) in new.iter().zip(in_turn(new.iter().map(|sql| client.prepare(sql)).collect()).await) {
                statements.insert((*sql).clone(), statement?);
            }
            let parameters: Vec<Vec<&(dyn ToSql + Sync)>> = asks.iter().map(|ask| ask.parameters.iter().map(|one| &**one as &(dyn ToSql + Sync)).collect()).collect();
            let prepared: Option<Vec<&Statement>> = asks.iter().map(|ask| statements.get(&ask.sql)).collect();
            let prepared = prepared.ok_or_else(|| EngineError::Failed("a statement was not prepared".into()))?;
            let answers = prepared.iter().zip(&parameters).map(|(statement, parameters)| client.query(*statement, parameters)).collect();
            in_turn(answers).await.into_iter().collect::<Result<_, _>>().map_err(Fault::from)
        })
    }

    /// As [`Link::run`] for one statement.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub fn one(&mut self, ask: Ask<'_>) -> Result<Vec<Row>, Fault> {
        self.same(&ask)
    }

    /// As [`Link::one`] for a statement that may have to be run again.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub fn same(&mut self, ask: &Ask<'_>) -> Result<Vec<Row>, Fault> {
        Ok(self.run(std::slice::from_ref(ask))?.pop().unwrap_or_default())
    }

    /// Begins a transaction and runs its first statements in the same round trip.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub fn begin(&mut self, how: &'static str, first: Vec<Ask<'_>>) -> Result<Vec<Vec<Row>>, Fault> {
        self.open = true;
        let mut asks = vec![Ask::new(how)];
        asks.extend(first);
        let mut answers = self.run(&asks)?;
        Ok(answers.split_off(1))
    }

    /// Ends a transaction: what was done in it is durable when this returns `Ok`. All of its
    /// statements must have succeeded: of a transaction that failed PostgreSQL commits nothing
    /// and says that all is well. `then` runs behind it, outside.
    ///
    /// # Errors
    /// What PostgreSQL says about the end.
    pub fn commit(&mut self, then: Option<Ask<'_>>) -> Result<(), Fault> {
        let asks: Vec<Ask<'_>> = [Ask::new("COMMIT")].into_iter().chain(then).collect();
        self.run(&asks)?;
        self.open = false;
        Ok(())
    }

    /// Gives a transaction up. Where that fails the connection is closed, which does the same.
    pub fn roll_back(&mut self) {
        self.open = self.one(Ask::new("ROLLBACK")).is_err();
    }

    /// Runs a script of several statements without parameters.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub fn script(&mut self, sql: &str) -> Result<(), Fault> {
        Ok(self.runtime.block_on(self.client.batch_execute(sql))?)
    }
}

/// What all of them yield, in their order. Each is begun before the first is waited for, so that
/// all requests are on their way.
async fn in_turn<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut begun: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut early: Vec<Option<F::Output>> = Vec::with_capacity(begun.len());
    poll_fn(|context| {
        early.extend(begun.iter_mut().map(|future| match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }));
        Poll::Ready(())
    })
    .await;
    let mut outputs = Vec::with_capacity(begun.len());
    for (future, output) in begun.into_iter().zip(early) {
        outputs.push(match output {
            Some(output) => output,
            None => future.await,
        });
    }
    outputs
}

/// Connections that are not in use, and room for more.
pub(super) struct Pool {
    runtime: Option<Runtime>,
    config: Config,
    shelf: Mutex<Shelf>,
    returned: Condvar,
}

struct Shelf {
    idle: Vec<Link>,
    room: usize,
}

impl Pool {
    /// A pool of at most `most` connections; none is made yet.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when the address cannot be read, or leads over a network without
    /// protection; what the system says.
    pub fn new(url: &str, most: usize) -> Result<Pool, EngineError> {
        let config = configuration(url)?;
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("postgres").enable_all().build().map_err(|error| EngineError::Failed(error.to_string()))?;
        Ok(Pool { runtime: Some(runtime), config, shelf: Mutex::new(Shelf { idle: Vec::new(), room: most.max(1) }), returned: Condvar::new() })
    }

    /// Runs `f` on a connection that is in no transaction. It is used again when `f` leaves it
    /// so, and closed otherwise, even when `f` panics.
    ///
    /// # Errors
    /// [`EngineError::Busy`] when all are in use for too long, or the database cannot be reached.
    pub fn with<T>(&self, f: impl FnOnce(&mut Link) -> T) -> Result<T, EngineError> {
        let (_room, idle) = self.room()?;
        let mut link = match idle {
            Some(link) => link,
            None => self.connect()?,
        };
        let result = f(&mut link);
        if !link.open && !link.client.is_closed() {
            self.lock().idle.push(link);
        }
        Ok(result)
    }

    /// Waits for room, and takes a connection that is not in use, if any.
    fn room(&self) -> Result<(Room<'_>, Option<Link>), EngineError> {
        let until = Instant::now() + PATIENCE;
        let mut shelf = self.lock();
        while shelf.room == 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(EngineError::Busy("all connections to the database are in use".into()));
            }
            shelf = self.returned.wait_timeout(shelf, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        shelf.room -= 1;
        shelf.idle.retain(|link| !link.client.is_closed());
        let link = shelf.idle.pop();
        Ok((Room(self), link))
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the connections that are not in use.
    pub fn forget(&self) {
        self.lock().idle.clear();
    }

    fn runtime(&self) -> Result<&Handle, EngineError> {
        self.runtime.as_ref().map(Runtime::handle).ok_or_else(|| EngineError::Failed("the service ends".into()))
    }

    fn connect(&self) -> Result<Link, EngineError> {
        let runtime = self.runtime()?.clone();
        let (client, connection) = runtime.block_on(self.config.connect(NoTls)).map_err(|error| {
            let fault = Fault::from(error);
            // A wrong name or password is for the operator; everything else may be over in a moment.
            if let EngineError::Refused(text) | EngineError::Failed(text) = fault.error { EngineError::Busy(text) } else { fault.error }
        })?;
        runtime.spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "a connection to the database ended");
            }
        });
        Ok(Link { client, runtime, statements: HashMap::new(), open: false })
    }
}

/// Without waiting for its threads: the last one who holds a pool may be one that must not wait.
impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Room for one connection, given back when it is dropped.
struct Room<'p>(&'p Pool);

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.0.lock().room += 1;
        self.0.returned.notify_one();
    }
}

/// What lies under an address, with our limits. Without TLS, so that only this machine is good
/// enough: a socket, or the near end of a tunnel.
///
/// # Errors
/// [`EngineError::Refused`].
pub(super) fn configuration(url: &str) -> Result<Config, EngineError> {
    let refused = |text: String| EngineError::Refused(text);
    let mut config = Config::from_str(url).map_err(|error| refused(format!("the address of the database cannot be read: {error}")))?;
    for host in config.get_hosts() {
        let near = match host {
            Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
            Host::Unix(_) => true,
        };
        if !near {
            return Err(refused(format!("{} is another machine, and records of people must not travel open. Reach the database by a socket, or by a TLS tunnel that begins on this machine (stunnel, ssh -L, cloud proxy)", Shown(host))));
        }
    }
    let options = config.get_options().map_or_else(|| LIMITS.to_owned(), |given| format!("{LIMITS} {given}"));
    config.options(options).application_name("gladstone central").connect_timeout(PATIENCE);
    Ok(config)
}

struct Shown<'a>(&'a Host);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Host::Tcp(name) => f.write_str(name),
            Host::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_on_another_machine_needs_a_tunnel() {
        let check = |url: &str, good: bool| assert_eq!(configuration(url).is_ok(), good, "{url}");
        for near in ["host=/run/postgresql dbname=gladstone", "postgres://gladstone_app@localhost/gladstone", "host=127.0.0.1", "host=::1"] {
            check(near, true);
        }
        for far in ["postgres://gladstone_app@db.example.org/gladstone", "host=192.0.2.1", "host=127.0.0.1,192.0.2.1", "no address"] {
            check(far, false);
        }
    }
}
