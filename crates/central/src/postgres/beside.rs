//! Writing parts of a transaction while whoever gave them goes on: a thread of its own drives the connection
//! meanwhile. A part goes out as soon as the one before it is on its way, so that PostgreSQL always has something
//! to do; all of them are done before anything else is asked on the connection.

use std::{
    panic::resume_unwind,
    thread::{self, Builder},
};

use tokio::{sync::{mpsc, oneshot}, task::JoinHandle};
use uuid::Uuid;

use super::{connect::{Ask, Line, Link}, fault::Fault, write};
use crate::{engine::Batch, error::EngineError};

/// What is given to the thread.
enum Given {
    /// To be written.
    Part(Batch),
    /// What is written last, and what runs behind the end of the transaction.
    End(Option<Batch>, Option<Ask<'static>>),
}

/// Parts on their way. The connection belongs to the thread until [`Beside::done`], or until this is dropped.
pub(super) struct Beside {
    /// None once nothing comes any more.
    parts: Option<mpsc::UnboundedSender<Given>>,
    thread: Option<thread::JoinHandle<Result<(), Fault>>>,
}

impl Beside {
    /// Lets a thread have the connection, on which a transaction of this realm is open.
    ///
    /// # Errors
    /// [`EngineError::Failed`] when there is no thread.
    pub fn start(link: &Link, realm: Uuid) -> Result<Beside, EngineError> {
        let (line, runtime) = link.parts()?;
        let (parts, waiting) = mpsc::unbounded_channel();
        let thread = Builder::new().name("save".into()).spawn(move || runtime.block_on(all(line, realm, waiting)));
        Ok(Beside { parts: Some(parts), thread: Some(thread.map_err(|error| EngineError::Failed(error.to_string()))?) })
    }

    /// Gives it a part. Once the connection has failed it comes to nothing, which [`Beside::done`] tells.
    pub fn give(&self, part: Batch) {
        if let Some(parts) = &self.parts {
            let _ = parts.send(Given::Part(part));
        }
    }

    /// Writes the last part and ends the transaction, as soon as what was given before is on its way.
    ///
    /// # Errors
    /// What PostgreSQL said first; nothing of the transaction is kept then.
    pub fn commit(self, last: Option<Batch>, then: Option<Ask<'static>>) -> Result<(), Fault> {
        if let Some(parts) = &self.parts {
            let _ = parts.send(Given::End(last, then));
        }
        self.done()
    }

    /// Waits until every part is written.
    ///
    /// # Errors
    /// What PostgreSQL said first; the whole transaction has to be given up then.
    pub fn done(mut self) -> Result<(), Fault> {
        self.parts = None;
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

/// Nothing runs on the connection once this is gone, also where a panic goes through.
impl Drop for Beside {
    fn drop(&mut self) {
        self.parts = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Does what is given in its order until no more comes, and says what went wrong first.
async fn all(line: Line, realm: Uuid, mut waiting: mpsc::UnboundedReceiver<Given>) -> Result<(), Fault> {
    let (mut under_way, mut all_sent) = (Vec::new(), true);
    while let Some(given) = waiting.recv().await {
        let part = match given {
            Given::Part(part) => part,
            // One that PostgreSQL does not hear of would be missing.
            Given::End(..) if !all_sent => break,
            Given::End(last, then) => {
                // Behind all others, which are on their way: where one of them fails PostgreSQL keeps nothing.
                let ended = end(&line, realm, last, then).await;
                return settled(under_way).await.and(ended);
            }
        };
        let (sent, is_sent) = oneshot::channel();
        under_way.push(tokio::spawn(one(line.clone(), realm, part, sent)));
        // Why it cannot be sent is told below.
        all_sent &= is_sent.await.is_ok();
    }
    settled(under_way).await
}

async fn settled(under_way: Vec<JoinHandle<Result<(), Fault>>>) -> Result<(), Fault> {
    let mut result = Ok(());
    for part in under_way {
        let written = part.await.unwrap_or_else(|error| resume_unwind(error.into_panic()));
        result = result.and(written);
    }
    result
}

async fn one(line: Line, realm: Uuid, part: Batch, sent: oneshot::Sender<()>) -> Result<(), Fault> {
    let asks = write::part(realm, &part)?;
    let tell = || {
        let _ = sent.send(());
    };
    line.run(&asks, tell).await.map(|_| ())
}

async fn end(line: &Line, realm: Uuid, last: Option<Batch>, then: Option<Ask<'static>>) -> Result<(), Fault> {
    let asks = last.as_ref().map_or_else(|| Ok(Vec::new()), |last| write::asks(realm, last))?;
    line.commit(asks, then).await
}
