//! Synchronizing beside the work: a worker for the open vault, for as long as it is open, joined
//! and without alarm.

use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use gladstone_sync::{News, OnLine, SharedRemote, Status, Worker, blobs::Moving, join};
use gladstone_vault::{Unlocked, Vault};
use uuid::Uuid;

use crate::{desk::Listener, events::Event};

/// The worker of the open vault, if there is one.
#[derive(Default)]
pub struct Background {
    worker: Mutex<Option<Worker>>,
    /// The centre that somebody waits for in the foreground.
    asked: Mutex<Option<SharedRemote>>,
}

/// Ends with what it stands for: a synchronization that somebody waits for.
pub struct Asked<'b>(&'b Background);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        *self.0.asked.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Background {
    /// Starts a worker when the open vault belongs to a centre and is not paused; ends the one that ran before.
    pub fn start(&self, session: &Arc<RwLock<Option<Unlocked>>>, listener: &Listener) {
        self.stop();
        let guard = session.read().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = guard.as_ref().filter(|open| may_sync(open) && is_free(open)) else { return };
        let id = open.header.vault;
        let remote = match open.vault.replica() {
            Ok(None) => return,
            Ok(Some(_)) => join::connect(&open.vault),
            Err(error) => Err(error.into()),
        };
        drop(guard);
        let weak = Arc::downgrade(session);
        let tell = Arc::clone(listener);
        let started = remote.map_err(|error| error.to_string()).and_then(|remote| {
            Worker::start(Arc::new(move |f: &mut dyn FnMut(&Vault)| lend(&weak, id, f)), Arc::new(remote), move |news| say(&tell, news)).map_err(|error| error.to_string())
        });
        match started {
            Ok(worker) => *self.lock() = Some(worker),
            Err(error) => tracing::warn!(%error, "synchronizing did not start"),
        }
        listener(Event::Sync);
    }

    /// Somebody waits for a synchronization with this centre, until what is returned is dropped.
    pub fn asks(&self, remote: SharedRemote) -> Asked<'_> {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(remote);
        Asked(self)
    }

    /// Ends the worker, and what somebody waits for. What was sent and not answered is sent again next time.
    pub fn stop(&self) {
        if let Some(remote) = &*self.asked.lock().unwrap_or_else(PoisonError::into_inner) {
            remote.abandon();
        }
        let worker = self.lock().take();
        if let Some(worker) = worker {
            worker.stop();
        }
    }

    /// A commit happened.
    pub fn changed(&self) {
        if let Some(worker) = self.lock().as_ref() {
            worker.changed();
        }
    }

    /// A person asks for it now; false when no worker runs.
    pub fn now(&self) -> bool {
        self.lock().as_ref().map(Worker::sync_now).is_some()
    }

    /// A person asked for a file, or for one to go on.
    pub fn files_asked_for(&self) {
        if let Some(worker) = self.lock().as_ref() {
            worker.files_asked_for();
        }
    }

    /// The file that is moving; none when none is.
    pub fn file_moving(&self) -> Option<Moving> {
        self.lock().as_ref().and_then(Worker::moving)
    }

    /// What is on the line now, of the worker or of what somebody waits for.
    pub fn on_line(&self) -> Option<OnLine> {
        let asked = || self.asked.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|remote| remote.on_line());
        self.lock().as_ref().and_then(Worker::on_line).or_else(asked)
    }

    /// How it stands; none when no worker runs.
    pub fn status(&self) -> Option<Status> {
        self.lock().as_ref().map(Worker::status)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Worker>> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether anything may go or come: nobody has to decide about an alarm first, and persons are
/// stored only when the recovery code is confirmed.
fn may_sync(open: &Unlocked) -> bool {
    open.alarm.is_none() && open.recovery_confirmed
}

/// Whether nobody holds it up. What cannot be read does not hold it up.
fn is_free(open: &Unlocked) -> bool {
    open.vault.paused_since().is_ok_and(|since| since.is_none())
}

fn lend(session: &Weak<RwLock<Option<Unlocked>>>, id: Uuid, f: &mut dyn FnMut(&Vault)) -> bool {
    let Some(session) = session.upgrade() else { return false };
    let guard = session.read().unwrap_or_else(PoisonError::into_inner);
    let Some(open) = guard.as_ref().filter(|open| open.header.vault == id && may_sync(open)) else { return false };
    f(&open.vault);
    true
}

fn say(listener: &Listener, news: News) {
    match news {
        News::Status(_) | News::Files => listener(Event::Sync),
        News::Changed(entities) => listener(Event::Changed { entities: entities.into_iter().map(str::to_owned).collect() }),
        News::Round(_) => {}
    }
}
