//! Hearing what services on the same database commit, so that each can wake the laptops that wait
//! at it. Says nothing about what was committed.

use std::{future::poll_fn, pin::Pin, time::Duration};

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, Socket};
use uuid::Uuid;

use super::{Settings, address::Address};
use crate::{error::EngineError, file_news::{FileNews, Heard}};

/// Name of the channel.
pub(super) const CHANNEL: &str = "gladstone_g";
/// After so long a connection that broke is made anew.
const PAUSE: Duration = Duration::from_secs(2);

/// Listens until it is dropped.
pub struct Watch {
    runtime: Option<Runtime>,
}

/// Listens to what services on a database say, this one too: `heard` gets the realm, and its commit number or
/// a file that became whole. It may hear of one commit twice and, when the connection breaks, of others not
/// at all; it is called from a thread that must not wait long.
///
/// # Errors
/// [`EngineError::Refused`] when the address cannot be read; what the system says.
pub fn watch(settings: &Settings, heard: impl Fn(Uuid, Heard) + Send + Sync + 'static) -> Result<Watch, EngineError> {
    let address = Address::parse(&settings.url)?;
    let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("postgres-watch").enable_all().build().map_err(|error| EngineError::Failed(error.to_string()))?;
    runtime.spawn(async move {
        loop {
            if let Err(error) = listen(&address, &heard).await {
                tracing::warn!(%error, "commits of other services are not heard for a moment");
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    Ok(Watch { runtime: Some(runtime) })
}

/// Without waiting for its thread: it may be dropped inside a task.
impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What is told about a commit.
pub(super) fn text(realm: Uuid, g: u64) -> String {
    format!("{} {g}", realm.as_hyphenated())
}

/// What is told about a file. A service of before takes it for nothing.
pub(super) fn file(realm: Uuid, news: &FileNews) -> String {
    format!("{} file {}", realm.as_hyphenated(), news.word())
}

fn parse(text: &str) -> Option<(Uuid, Heard)> {
    let (realm, what) = text.split_once(' ')?;
    let heard = match what.split_once(' ') {
        Some(("file", word)) => Heard::File(FileNews::parse(word)?),
        _ => Heard::Commit(what.parse().ok()?),
    };
    Some((Uuid::parse_str(realm).ok()?, heard))
}

async fn listen(address: &Address, heard: &(impl Fn(Uuid, Heard) + Send + Sync)) -> Result<(), tokio_postgres::Error> {
    match &address.tls {
        Some(tls) => {
            let (client, connection) = address.config.connect(tls.clone()).await?;
            hear(client, connection, heard).await
        }
        None => {
            let (client, connection) = address.config.connect(NoTls).await?;
            hear(client, connection, heard).await
        }
    }
}

async fn hear<S: tokio_postgres::tls::TlsStream + Unpin>(client: Client, mut connection: Connection<Socket, S>, heard: &(impl Fn(Uuid, Heard) + Send + Sync)) -> Result<(), tokio_postgres::Error> {
    let begin = client.batch_execute("LISTEN gladstone_g");
    let messages = async {
        while let Some(message) = poll_fn(|context| Pin::new(&mut connection).poll_message(context)).await {
            if let AsyncMessage::Notification(note) = message?
                && let Some((realm, what)) = parse(note.payload())
            {
                heard(realm, what);
            }
        }
        Ok(())
    };
    // The connection does the work of both; it goes on when the request is through.
    let (begun, ended) = tokio::join!(begin, messages);
    begun.and(ended)
}
