//! Writing parts of a transaction while whoever gave them goes on: a thread of its own drives the connection
//! meanwhile. A part goes out as soon as the one before it is on its way, so that PostgreSQL always has something
//! to do; all of them are done before anything else is asked on the connection.

use std::{
    panic::resume_unwind,
    thread::{Builder, JoinHandle},
};

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{connect::{Line, Link}, fault::Fault, write};
use crate::{engine::Batch, error::EngineError};

/// Parts on their way. The connection belongs to the thread until [`Beside::done`], or until this is dropped.
pub(super) struct Beside {
    /// None once nothing comes any more.
    parts: Option<mpsc::UnboundedSender<Batch>>,
    thread: Option<JoinHandle<Result<(), Fault>>>,
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
            let _ = parts.send(part);
        }
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

/// Writes parts in their order until no more come, and says what went wrong first.
async fn all(line: Line, realm: Uuid, mut waiting: mpsc::UnboundedReceiver<Batch>) -> Result<(), Fault> {
    let mut under_way = Vec::new();
    while let Some(part) = waiting.recv().await {
        let (sent, is_sent) = oneshot::channel();
        under_way.push(tokio::spawn(one(line.clone(), realm, part, sent)));
        // Or it cannot be sent, which is told below.
        let _ = is_sent.await;
    }
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
