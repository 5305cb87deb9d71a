//! What the service does by itself once a day: it forgets the log of changes beyond its age, and parts
//! of files of which no more comes.

use std::{
    io,
    sync::{Arc, mpsc::{self, RecvTimeoutError, Sender}},
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{Centre, blobs::Blobs};

/// From one time to the next.
const DAILY: Duration = Duration::from_secs(24 * 3_600);
/// After the start, when the first laptops have been answered.
const FIRST: Duration = Duration::from_secs(60);

/// The thread that does it; ends when this is dropped.
pub(super) struct Housekeeping {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Housekeeping {
    /// Begins, a minute after the start and then daily.
    pub(super) fn begin(centre: Arc<Centre>, blobs: Blobs, log_days: u16) -> io::Result<Housekeeping> {
        let (end, ended) = mpsc::channel();
        let work = move || {
            let mut wait = FIRST;
            while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                match centre.trim_by_age(log_days) {
                    Ok(0) => {}
                    Ok(changes) => tracing::info!(changes, days = log_days, "old changes were forgotten; records stay"),
                    // Nothing depends on it before tomorrow.
                    Err(error) => tracing::warn!(%error, "the log of changes could not be trimmed"),
                }
                match blobs.sweep(std::time::SystemTime::now()) {
                    Ok(0) => {}
                    Ok(parts) => tracing::info!(parts, "parts of files were removed of which nothing came for a week"),
                    Err(error) => tracing::warn!(%error, "parts of files could not be swept"),
                }
                wait = DAILY;
            }
        };
        Ok(Housekeeping { end: Some(end), thread: Some(thread::Builder::new().name("housekeeping".into()).spawn(work)?) })
    }
}

impl Drop for Housekeeping {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
