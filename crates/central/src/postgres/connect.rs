//! Connections to PostgreSQL: a small pool, statements that are prepared once for each
//! connection, and several statements in one round trip. Each connection does its work on the thread
//! that uses it, so that an answer wakes nobody but whoever waits for it. Knows no table.

use std::{
    borrow::Cow,
    collections::HashMap,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Instant,
};

use tokio::{
    runtime::{Builder, Runtime},
    task::yield_now,
};
use tokio_postgres::{Client, Connection, Error, NoTls, Row, Socket, Statement, types::ToSql};

use super::{address::{Address, PATIENCE}, fault::Fault};
use crate::error::EngineError;

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

    /// Several statements that change something as one: cheaper than one after the other. None of them sees what
    /// another one does, so that no two may be about the same rows.
    pub fn together(asks: Vec<Ask<'a>>) -> Ask<'a> {
        let (count, mut whole) = (asks.len(), Ask::new(""));
        let mut sql = String::new();
        for (at, ask) in asks.into_iter().enumerate() {
            let numbered = numbered(&ask.sql, whole.parameters.len());
            match (at, at + 1 == count) {
                (_, true) if at > 0 => sql.push_str(&format!(") {numbered}")),
                (_, true) => sql.push_str(&numbered),
                (0, false) => sql.push_str(&format!("WITH part_{at} AS ({numbered}")),
                (_, false) => sql.push_str(&format!("), part_{at} AS ({numbered}")),
            }
            whole.parameters.extend(ask.parameters);
        }
        whole.sql = sql.into();
        whole
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

/// A statement whose parameters stand behind so many others.
fn numbered(sql: &str, behind: usize) -> String {
    let mut parts = sql.split('$');
    let mut numbered = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = part[..digits].parse::<usize>().unwrap_or_default() + behind;
        numbered.push_str(&format!("${number}{}", &part[digits..]));
    }
    numbered
}

/// One connection. What arrives while nobody uses it is read when somebody does.
pub(super) struct Link {
    line: Line,
    /// None once it is dropped.
    runtime: Option<Arc<Runtime>>,
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
        running(&self.runtime)?.block_on(self.line.run(asks, || {}))
    }

    /// Sends statements as [`Link::run`] does, and waits for no answer: [`Link::receive`] does. Those that are new to
    /// this connection are sent only then. Before anything else is waited for, these answers have to be, or what this
    /// returns be dropped: the connection holds no more than a part of them for somebody who does not take them.
    ///
    /// # Errors
    /// [`EngineError::Failed`] when the connection ends.
    pub fn send(&mut self, asks: Vec<Ask<'static>>) -> Result<Sent, Fault> {
        let line = self.line.clone();
        let mut coming: Pin<Box<Coming>> = Box::pin(async move { line.run(&asks, || {}).await });
        let mut early = None;
        running(&self.runtime)?.block_on(async {
            begin(&mut coming, &mut early).await;
            // The connection's turn, which sends them.
            yield_now().await;
        });
        Ok(Sent { coming, came: early })
    }

    /// Waits for the answers to what was sent.
    ///
    /// # Errors
    /// As for [`Link::run`].
    pub fn receive(&mut self, sent: Sent) -> Result<Vec<Vec<Row>>, Fault> {
        match sent.came {
            Some(answers) => answers,
            None => running(&self.runtime)?.block_on(sent.coming),
        }
    }

    /// Waits until the answers to what was sent are here.
    ///
    /// # Errors
    /// [`EngineError::Failed`] when the connection ends; what the answers are is told by [`Link::receive`].
    pub fn arrive(&mut self, sent: &mut Sent) -> Result<(), Fault> {
        if sent.came.is_none() {
            sent.came = Some(running(&self.runtime)?.block_on(&mut sent.coming));
        }
        Ok(())
    }

    /// The connection without the turn to use it, and what drives it: for [`super::beside`].
    ///
    /// # Errors
    /// [`EngineError::Failed`] when the connection ends.
    pub fn parts(&self) -> Result<(Line, Arc<Runtime>), EngineError> {
        Ok((self.line.clone(), Arc::clone(running(&self.runtime)?)))
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

    /// Runs the last statements of a transaction and ends it, in one round trip: all of it is durable when this
    /// returns `Ok`, and nothing when it fails. What ran before must have succeeded: of a transaction that failed
    /// PostgreSQL commits nothing and says that all is well. `then` runs behind it, outside; nobody waits for that
    /// or hears how it went.
    ///
    /// # Errors
    /// What PostgreSQL says about these statements, or about the end.
    pub fn commit(&mut self, last: Vec<Ask<'_>>, then: Option<Ask<'_>>) -> Result<(), Fault> {
        running(&self.runtime)?.block_on(self.line.commit(last, then))?;
        self.ended();
        Ok(())
    }

    /// Notes that the transaction was ended by whoever drove the connection meanwhile.
    pub fn ended(&mut self) {
        self.open = false;
    }

    /// Ends a transaction that only read, without waiting for the answer: nothing hangs on it, and the
    /// connection hears it before anything else that is asked.
    pub fn leave(&mut self) {
        let Some(statement) = self.line.prepared("COMMIT") else {
            // Not prepared yet on this connection. One that does not take it is closed.
            let _ = self.commit(Vec::new(), None);
            return;
        };
        let Ok(runtime) = running(&self.runtime) else { return };
        runtime.block_on(async {
            begin(&mut Box::pin(self.line.client.execute(&statement, &[])), &mut None).await;
            // The connection's turn, which sends it.
            yield_now().await;
        });
        self.open = false;
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
        Ok(running(&self.runtime)?.block_on(self.line.client.batch_execute(sql))?)
    }
}

/// Statements that were sent, whose answers are still to come.
pub(super) struct Sent {
    coming: Pin<Box<Coming>>,
    /// What they came to, once that is known.
    came: Option<Result<Vec<Vec<Row>>, Fault>>,
}

type Coming = dyn Future<Output = Result<Vec<Vec<Row>>, Fault>> + Send;

/// Begins a future and does not wait for it; `early` is what it came to, if that is known at once.
async fn begin<F: Future + ?Sized>(future: &mut Pin<Box<F>>, early: &mut Option<F::Output>) {
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            *early = Some(output);
        }
        Poll::Ready(())
    })
    .await;
}

/// Without waiting: the last one who holds a pool may be one that must not wait.
impl Drop for Link {
    fn drop(&mut self) {
        // Nobody else has it: whoever writes beside a transaction is done before the transaction is.
        if let Some(runtime) = self.runtime.take().and_then(Arc::into_inner) {
            runtime.shutdown_background();
        }
    }
}

/// What statements go out by, and those that were prepared there.
#[derive(Clone)]
pub(super) struct Line {
    client: Arc<Client>,
    statements: Arc<Mutex<HashMap<Cow<'static, str>, Statement>>>,
}

impl Line {
    /// As [`Link::run`]. `sent` is called when all of them are on their way, and not when one cannot be.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn run(&self, asks: &[Ask<'_>], sent: impl FnOnce()) -> Result<Vec<Vec<Row>>, Fault> {
        self.first(asks, asks.len(), sent).await
    }

    /// As [`Link::commit`].
    ///
    /// # Errors
    /// As for that.
    pub async fn commit(&self, last: Vec<Ask<'_>>, then: Option<Ask<'_>>) -> Result<(), Fault> {
        let count = last.len() + 1;
        let asks: Vec<Ask<'_>> = last.into_iter().chain([Ask::new("COMMIT")]).chain(then).collect();
        self.first(&asks, count, || {}).await.map(|_| ())
    }

    /// Runs statements in their order, and waits for the first `count` alone.
    async fn first(&self, asks: &[Ask<'_>], count: usize, sent: impl FnOnce()) -> Result<Vec<Vec<Row>>, Fault> {
        let mut new: Vec<&Cow<'static, str>> = asks.iter().map(|ask| &ask.sql).filter(|sql| self.prepared(sql).is_none()).collect();
        new.sort_unstable();
        new.dedup();
        let preparing: Vec<_> = new.iter().map(|sql| self.client.prepare(sql)).collect();
        for (sql, statement) in new.iter().zip(in_turn(preparing, new.len(), || {}).await?) {
            lock(&self.statements).insert((*sql).clone(), statement);
        }
        let parameters: Vec<Vec<&(dyn ToSql + Sync)>> = asks.iter().map(|ask| ask.parameters.iter().map(|one| &**one as &(dyn ToSql + Sync)).collect()).collect();
        let prepared: Option<Vec<Statement>> = asks.iter().map(|ask| self.prepared(&ask.sql)).collect();
        let prepared = prepared.ok_or_else(|| EngineError::Failed("a statement was not prepared".into()))?;
        let answers = prepared.iter().zip(&parameters).map(|(statement, parameters)| self.client.query(statement, parameters)).collect();
        Ok(in_turn(answers, count, sent).await?)
    }

    fn prepared(&self, sql: &str) -> Option<Statement> {
        lock(&self.statements).get(sql).cloned()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn running(runtime: &Option<Arc<Runtime>>) -> Result<&Arc<Runtime>, EngineError> {
    runtime.as_ref().ok_or_else(|| EngineError::Failed("the connection ends".into()))
}

/// What the first `count` of them yield, in their order, or the first error. Each is begun before the first is
/// waited for, so that all requests are on their way; then `all_begun` is called. Behind one that fails as it
/// begins, because it cannot be sent, none is begun: what follows may be the end of the transaction.
async fn in_turn<T, E, F: Future<Output = Result<T, E>>>(futures: Vec<F>, count: usize, all_begun: impl FnOnce()) -> Result<Vec<T>, E> {
    let mut begun: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut early: Vec<Option<Result<T, E>>> = Vec::with_capacity(begun.len());
    poll_fn(|context| {
        for future in &mut begun {
            let output = match future.as_mut().poll(context) {
                Poll::Ready(output) => Some(output),
                Poll::Pending => None,
            };
            let failed = matches!(output, Some(Err(_)));
            early.push(output);
            if failed {
                return Poll::Ready(());
            }
        }
        Poll::Ready(())
    })
    .await;
    if early.len() == begun.len() && !matches!(early.last(), Some(Some(Err(_)))) {
        all_begun();
    }
    let mut outputs = Vec::with_capacity(count);
    for (future, output) in begun.iter_mut().zip(early).take(count) {
        outputs.push(match output {
            Some(output) => output,
            None => future.await,
        });
    }
    outputs.into_iter().collect()
}

/// Connections that are not in use, and room for more.
pub(super) struct Pool {
    address: Address,
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
    /// protection.
    pub fn new(url: &str, most: usize) -> Result<Pool, EngineError> {
        let address = Address::parse(url)?;
        Ok(Pool { address, shelf: Mutex::new(Shelf { idle: Vec::new(), room: most.max(1) }), returned: Condvar::new() })
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
        if !link.open && !link.line.client.is_closed() {
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
        shelf.idle.retain(|link| !link.line.client.is_closed());
        let link = shelf.idle.pop();
        Ok((Room(self), link))
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        lock(&self.shelf)
    }

    /// Closes the connections that are not in use.
    pub fn forget(&self) {
        self.lock().idle.clear();
    }

    fn connect(&self) -> Result<Link, EngineError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| EngineError::Failed(error.to_string()))?;
        let client = runtime.block_on(self.client()).map_err(|error| {
            let fault = Fault::from(error);
            // A wrong name or password is for the operator; everything else may be over in a moment.
            if let EngineError::Refused(text) | EngineError::Failed(text) = fault.error { EngineError::Busy(text) } else { fault.error }
        })?;
        Ok(Link { line: Line { client: Arc::new(client), statements: Arc::default() }, runtime: Some(Arc::new(runtime)), open: false })
    }

    /// A connection that lives on the runtime on which this is called.
    async fn client(&self) -> Result<Client, Error> {
        let Address { config, tls } = &self.address;
        match tls {
            Some(tls) => config.connect(tls.clone()).await.map(|(client, connection)| kept(client, connection)),
            None => config.connect(NoTls).await.map(|(client, connection)| kept(client, connection)),
        }
    }
}

/// The client of a connection that does its work beside it.
fn kept<S: tokio_postgres::tls::TlsStream + Unpin + Send + 'static>(client: Client, connection: Connection<Socket, S>) -> Client {
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(%error, "a connection to the database ended");
        }
    });
    client
}

/// Room for one connection, given back when it is dropped.
struct Room<'p>(&'p Pool);

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.0.lock().room += 1;
        self.0.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_become_one_with_their_parameters_counted_on() {
        let check = |sql: &str, behind: usize, expected: &str| assert_eq!(numbered(sql, behind), expected);
        check("DELETE FROM a", 3, "DELETE FROM a");
        check("UPDATE a SET b = $2, c = $12 WHERE d = ANY ($1::bytea[])", 3, "UPDATE a SET b = $5, c = $15 WHERE d = ANY ($4::bytea[])");
        let ask = |sql: &'static str, count: usize| (0..count).fold(Ask::new(sql), |ask, _| ask.with(1_i64));
        let together = |asks: Vec<Ask<'static>>| {
            let ask = Ask::together(asks);
            (ask.sql.into_owned(), ask.parameters.len())
        };
        assert_eq!(together(vec![ask("X $1", 1)]), ("X $1".into(), 1), "one is itself");
        let three = vec![ask("X $1 $2", 2), ask("Y", 0), ask("Z $1", 1)];
        assert_eq!(together(three), ("WITH part_0 AS (X $1 $2), part_1 AS (Y) Z $3".into(), 3), "several");
    }
}
