//! Connections: taken, protected by TLS, watched for slowness, and ended in good order.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::Router;
use hyper::{body::Incoming, server::conn::http1, service::Service as _};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{Peer, Settings, router, tls};
use crate::centre::Centre;

/// Longest time for a TLS handshake, and for the head of a request.
const GREETING: Duration = Duration::from_secs(10);
/// Longest time for requests that are under way when the service ends.
const FAREWELL: Duration = Duration::from_secs(20);

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened to.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// Without TLS the service is for this computer only.
    #[error("{0} can be reached from other computers, so the service needs TLS: name a certificate and its key, or let it make its own with --tls-self-signed")]
    Unprotected(SocketAddr),
    /// Certificate or key.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// The machine.
    #[error("{0}")]
    Machine(#[from] io::Error),
}

/// A service that listens and does not answer yet.
pub struct Server {
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    connections: Arc<Semaphore>,
    ending: watch::Sender<bool>,
}

/// Where a service listens.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    /// The address, with the port that the system chose where none was named.
    pub address: SocketAddr,
    /// Whether connections are protected.
    pub tls: bool,
}

impl Server {
    /// Listens.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn bind(centre: Arc<Centre>, settings: &Settings, listen: SocketAddr, identity: Option<(PathBuf, PathBuf)>) -> Result<(Server, Ready), ServeError> {
        if identity.is_none() && !listen.ip().is_loopback() {
            return Err(ServeError::Unprotected(listen));
        }
        let acceptor = identity.map(|(certificate, key)| tls::server(&certificate, &key)).transpose()?.map(TlsAcceptor::from);
        let listener = TcpListener::bind(listen).await.map_err(|error| ServeError::Listen(listen, error))?;
        let ready = Ready { address: listener.local_addr()?, tls: acceptor.is_some() };
        let ending = watch::Sender::new(false);
        let router = router(centre, settings, ending.subscribe())?;
        let connections = Arc::new(Semaphore::new(settings.limits.connections.get() as usize));
        Ok((Server { listener, acceptor, router, connections, ending }, ready))
    }

    /// Answers until `end` comes to its end; then finishes what is under way.
    pub async fn run(self, end: impl Future<Output = ()>) {
        let graceful = GracefulShutdown::new();
        tokio::pin!(end);
        loop {
            let permit = tokio::select! {
                biased;
                () = &mut end => break,
                permit = Arc::clone(&self.connections).acquire_owned() => permit,
            };
            let (stream, peer) = tokio::select! {
                biased;
                () = &mut end => break,
                accepted = self.listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of file handles, for example: others are still served.
                        tracing::warn!(%error, "a connection was not taken");
                        sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            let (router, acceptor, watcher) = (self.router.clone(), self.acceptor.clone(), graceful.watcher());
            tokio::spawn(async move {
                let _permit = permit;
                connection(stream, peer, acceptor, router, watcher).await;
            });
        }
        drop(self.listener);
        self.ending.send_replace(true);
        if timeout(FAREWELL, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests were cut off at the end");
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, acceptor: Option<TlsAcceptor>, router: Router, watcher: Watcher) {
    let _ = stream.set_nodelay(true);
    match acceptor {
        None => requests(stream, peer, router, watcher).await,
        Some(acceptor) => match timeout(GREETING, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => requests(stream, peer, router, watcher).await,
            Ok(Err(error)) => tracing::debug!(%error, "no protected connection came about"),
            Err(_) => tracing::debug!("a connection said nothing"),
        },
    }
}

async fn requests(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: SocketAddr, router: Router, watcher: Watcher) {
    let service = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        service.call(request)
    });
    let connection = http1::Builder::new().timer(TokioTimer::new()).header_read_timeout(GREETING).max_buf_size(64 * 1024).serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection broke");
    }
}
