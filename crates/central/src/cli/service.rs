//! `gladstone central serve`: one service for one store, until a signal ends it.
#![allow(clippy::print_stdout, reason = "whoever starts the service reads where it listens")]

use std::{
    fs::{self, File, TryLockError},
    io::ErrorKind,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::{AtomicBool, Ordering}},
};

use tracing_subscriber::{EnvFilter, fmt as log_format};

use super::{housekeeping::Housekeeping, open, options::{Identity, Options}, text};
use crate::{
    Centre,
    http::{Server, tls::{self, SelfSigned}},
    postgres::{self, Settings, Watch},
};

/// Sets up the log on standard error.
pub(super) fn log(level: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(format!("warn,gladstone_central={level}")).map_err(|_| format!("“{level}” is no level of the log: error, warn, info or debug"))?;
    // A second call in one process keeps the first.
    let _ = log_format().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).with_target(false).try_init();
    Ok(())
}

/// The lock by which a store has one service at most; ends with the process.
pub(super) fn lock(data: &Path) -> Result<File, String> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(|error| format!("{}: {error}", data.display()))?;
    let path = data.join("service.lock");
    let file = File::options().write(true).create(true).truncate(false).open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(format!("A service runs on {} already.", data.display())),
        Err(TryLockError::Error(error)) => Err(format!("{}: {error}", path.display())),
    }
}

/// The certificate that the centre makes itself.
fn self_signed(options: &Options) -> Result<SelfSigned, String> {
    tls::self_signed(&options.data()?.join("tls"), &tls::names(options.listen().ip(), options.public_url())).map_err(text)
}

/// Answers laptops until the process is told to end.
pub(super) fn serve(options: &Options) -> Result<(), String> {
    let _lock = lock(options.data()?)?;
    let files: Option<(PathBuf, PathBuf)> = match options.identity() {
        Identity::Plain => None,
        Identity::Files { certificate, key, .. } => Some((certificate, key)),
        Identity::SelfSigned => self_signed(options).map(|own| Some((own.certificate, own.key)))?,
    };
    let centre = Arc::new(open(options)?);
    let _watch = watch(options, &centre)?;
    let blobs = options.files(&centre)?;
    match blobs.reachable() {
        // The settings are wrong: that does not mend by itself.
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::NotFound) => return Err(error.to_string()),
        Err(error) => tracing::error!(%error, "files cannot be kept or read for now; records go on without them"),
        Ok(()) => {}
    }
    let housekeeping = Housekeeping::begin(Arc::clone(&centre), blobs, options.log_days()).map_err(text)?;
    // Ends after the service: an engine may have threads of its own, which must not end inside a task.
    let kept = Arc::clone(&centre);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(text)?;
    runtime.block_on(async {
        let end = told_to_end()?;
        let (server, ready) = Server::bind(centre, &options.settings()?, options.listen(), files).await.map_err(text)?;
        let scheme = if ready.tls { "https" } else { "http" };
        println!("listening on {scheme}://{}", ready.address);
        tracing::info!(address = %ready.address, tls = ready.tls, "listening");
        server.run(end).await;
        tracing::info!("ended");
        Ok::<(), String>(())
    })?;
    // Work that a broken connection left behind is finished, not cut off.
    runtime.shutdown_timeout(std::time::Duration::from_secs(30));
    drop(housekeeping);
    drop(kept);
    Ok(())
}

/// Becomes true when the process is asked to end: for work that looks at it between two steps.
pub(super) fn ended_by_signal() -> Result<Arc<AtomicBool>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(text)?;
    let end = {
        let _inside = runtime.enter();
        told_to_end()?
    };
    let ended = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&ended);
    let listen = move || {
        runtime.block_on(end);
        heard.store(true, Ordering::Relaxed);
    };
    std::thread::Builder::new().name("signals".into()).spawn(listen).map_err(text)?;
    Ok(ended)
}

/// Lets laptops that wait here be woken by what other copies of the service commit.
fn watch(options: &Options, centre: &Arc<Centre>) -> Result<Option<Watch>, String> {
    let Some(url) = options.database() else { return Ok(None) };
    let centre = Arc::downgrade(centre);
    let heard = move |realm, what| {
        if let Some(centre) = centre.upgrade() {
            centre.heard(realm, what);
        }
    };
    postgres::watch(&Settings::new(url, &options.data()?.join("state")), heard).map(Some).map_err(text)
}

/// Comes to its end when the process is asked to end.
#[cfg(unix)]
fn told_to_end() -> Result<impl Future<Output = ()>, String> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate()).map_err(text)?, signal(SignalKind::interrupt()).map_err(text)?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Comes to its end when the process is asked to end.
#[cfg(not(unix))]
fn told_to_end() -> Result<impl Future<Output = ()>, String> {
    Ok(async {
        // Without a handler for signals the process is ended from outside.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
