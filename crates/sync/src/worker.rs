//! Replication in the background: one thread runs the engine, a second one waits for the centre's
//! news, a third one moves files whenever the first has nothing to do. All end when the vault is locked.

use std::{
    collections::BTreeSet,
    io,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant as Clock},
};

use gladstone_model::catalogue;
use gladstone_protocol::{ApiError, content::ContentHash};
use gladstone_vault::Vault;

use crate::{
    blobs::{Moving, move_files},
    drive::Drive,
    engine::{Input, Phase, Status},
    flights::{Report, with},
    remote::{OnLine, Remote},
};

/// A centre that answers at once that there is nothing is not asked again at once.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// How often it is told how far a file is.
const TOLD: Duration = Duration::from_millis(250);
/// Longest time after which it is looked whether a file is due.
const LOOK: Duration = Duration::from_secs(60);

/// A centre that several threads can talk to.
pub type SharedRemote = Arc<dyn Remote + Send + Sync>;
/// Gives the vault for a moment by calling its argument once; false when it is locked.
pub type SharedLend = Arc<dyn Fn(&mut dyn FnMut(&Vault)) -> bool + Send + Sync>;

/// What the worker says while it works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// How it stands.
    Status(Status),
    /// Rows of these entities changed here: what shows them is read again.
    Changed(BTreeSet<&'static str>),
    /// A round is over; what it brought.
    Round(Report),
    /// A file is further on its way.
    Files,
}

/// Replication in the background, until it is stopped or dropped.
pub struct Worker {
    inbox: Sender<Input>,
    shared: Arc<Shared>,
    remote: SharedRemote,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    status: Mutex<Status>,
    stopping: AtomicBool,
    /// Commit number up to which everything is held.
    checkpoint: AtomicU64,
    /// Whether the second thread may wait for news: a round is over and went well.
    listening: Mutex<bool>,
    changed: Condvar,
    /// The file that is moving.
    moving: Mutex<Option<Moving>>,
    /// Files that became whole at the centre.
    arrived: Mutex<Vec<ContentHash>>,
    /// Whether the third thread is to look for files.
    errand: Mutex<bool>,
    bell: Condvar,
}

impl Worker {
    /// Starts the threads and the first round. `tell` is called on the worker's threads and must
    /// not wait for the worker.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(lend: SharedLend, remote: SharedRemote, tell: impl Fn(News) + Send + Sync + 'static) -> io::Result<Worker> {
        let (inbox, events) = mpsc::channel();
        let shared = Arc::new(Shared { status: Mutex::default(), stopping: AtomicBool::new(false), checkpoint: AtomicU64::new(0), listening: Mutex::new(false), changed: Condvar::new(), moving: Mutex::default(), arrived: Mutex::default(), errand: Mutex::new(false), bell: Condvar::new() });
        let mut worker = Worker { inbox, shared: Arc::clone(&shared), remote: Arc::clone(&remote), threads: Vec::with_capacity(3) };
        let (listen_lend, listen_to, listen_shared, listen_inbox) = (Arc::clone(&lend), Arc::clone(&remote), Arc::clone(&shared), worker.inbox.clone());
        let tell: Arc<dyn Fn(News) + Send + Sync> = Arc::new(tell);
        let (file_lend, file_remote, file_shared, file_tell) = (Arc::clone(&lend), Arc::clone(&remote), Arc::clone(&shared), Arc::clone(&tell));
        worker.threads.push(thread::Builder::new().name("gladstone-files".into()).spawn(move || errands(&file_lend, &file_remote, &file_shared, &*file_tell))?);
        worker.threads.push(thread::Builder::new().name("gladstone-sync".into()).spawn(move || work(&lend, &remote, &shared, &events, &*tell))?);
        worker.threads.push(thread::Builder::new().name("gladstone-listen".into()).spawn(move || listen(&listen_lend, &listen_to, &listen_shared, &listen_inbox))?);
        Ok(worker)
    }

    /// A commit happened.
    pub fn changed(&self) {
        self.give(Input::Changed);
    }

    /// A person asks for it now.
    pub fn sync_now(&self) {
        self.give(Input::SyncNow);
    }

    /// The computer says whether it has a network; a hint only.
    pub fn network(&self, there: bool) {
        self.give(if there { Input::Online } else { Input::Offline });
    }

    /// A person asked for a file, or for one to go on.
    pub fn files_asked_for(&self) {
        self.shared.ring();
    }

    /// The file that is moving; none when none is.
    pub fn moving(&self) -> Option<Moving> {
        *self.shared.moving()
    }

    /// What is on the line now.
    pub fn on_line(&self) -> Option<OnLine> {
        self.remote.on_line()
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        self.shared.status().clone()
    }

    /// Gives up what is under way and ends all threads. What was stored stays; what was sent and
    /// not answered is sent again next time.
    pub fn stop(mut self) {
        self.end();
    }

    fn give(&self, input: Input) {
        // A worker that has ended takes no events; there is nobody to tell.
        let _ = self.inbox.send(input);
    }

    fn end(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.remote.abandon();
        self.give(Input::Stop);
        self.shared.may_listen(false);
        self.shared.ring();
        for thread in self.threads.drain(..) {
            // A worker that is dropped by its own callback cannot wait for itself.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn status(&self) -> std::sync::MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    fn may_listen(&self, may: bool) {
        *self.listening.lock().unwrap_or_else(PoisonError::into_inner) = may;
        self.changed.notify_all();
    }

    /// Waits until listening makes sense; false when everything ends.
    fn wait_to_listen(&self) -> bool {
        let guard = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        let guard = self.changed.wait_while(guard, |listening| !*listening && !self.is_stopping());
        drop(guard);
        !self.is_stopping()
    }

    fn arrived(&self) -> std::sync::MutexGuard<'_, Vec<ContentHash>> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moving(&self) -> std::sync::MutexGuard<'_, Option<Moving>> {
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the third thread look for files.
    fn ring(&self) {
        *self.errand.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
    }

    /// Waits until it is to look for files, or for `time`; false when everything ends.
    fn wait_for_errand(&self, time: Duration) -> bool {
        let guard = self.errand.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut errand, _) = self.bell.wait_timeout_while(guard, time, |errand| !*errand && !self.is_stopping()).unwrap_or_else(PoisonError::into_inner);
        *errand = false;
        drop(errand);
        !self.is_stopping()
    }

    /// Waits a while, shorter when everything ends.
    fn pause(&self, time: Duration) {
        let guard = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.changed.wait_timeout_while(guard, time, |_| !self.is_stopping());
    }
}

fn work(lend: &SharedLend, remote: &SharedRemote, shared: &Shared, events: &Receiver<Input>, tell: &dyn Fn(News)) {
    let lend = |f: &mut dyn FnMut(&Vault)| !shared.is_stopping() && lend(f);
    let mut drive = Drive::new(&lend, remote.as_ref());
    let mut told = |status: &Status| {
        *shared.status() = status.clone();
        tell(News::Status(status.clone()));
    };
    let mut next = Some(Input::Start);
    while let Some(input) = next.take() {
        let stop = input == Input::Stop;
        let landed = drive.step(input, &mut told);
        if stop {
            return;
        }
        shared.checkpoint.store(drive.checkpoint, Ordering::SeqCst);
        if !drive.report.changed.is_empty() {
            tell(News::Changed(std::mem::take(&mut drive.report.changed)));
        }
        if landed.is_none() && drive.engine.status().phase == Phase::Idle {
            let report = std::mem::take(&mut drive.report);
            if report != Report::default() {
                tell(News::Round(report));
            }
            shared.may_listen(true);
            shared.ring();
        }
        next = Some(match landed {
            // What happened meanwhile comes first: it may be the end. It begins no second flight.
            Some(landed) => {
                while let Ok(event) = events.try_recv() {
                    drive.step(event, &mut told);
                }
                if shared.is_stopping() { Input::Stop } else { landed }
            }
            None => match events.recv_timeout(drive.rest()) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => Input::Tick,
                Err(RecvTimeoutError::Disconnected) => Input::Stop,
            },
        });
    }
}

/// Moves files whenever no record is on its way: those come first, always.
fn errands(lend: &SharedLend, remote: &SharedRemote, shared: &Shared, tell: &dyn Fn(News)) {
    let Some(centre) = remote.blobs() else { return };
    let lend = |f: &mut dyn FnMut(&Vault)| !shared.is_stopping() && lend(f);
    let may_move = || !shared.is_stopping() && shared.status().phase == Phase::Idle;
    let mut rest = LOOK;
    while shared.wait_for_errand(rest) {
        rest = LOOK;
        let arrived = std::mem::take(&mut *shared.arrived());
        if !arrived.is_empty() {
            // A vault that is locked or fails asks for them later.
            if let Err(fault) = with(&lend, |vault| vault.files_are_there(&arrived)) {
                tracing::debug!(?fault, "files that are at the centre now are asked for later");
            }
        }
        if !may_move() {
            continue;
        }
        let mut told = Clock::now();
        let mut moving = |now: Option<Moving>| {
            let before = std::mem::replace(&mut *shared.moving(), now);
            if before.is_some() != now.is_some() || told.elapsed() >= TOLD {
                told = Clock::now();
                tell(News::Files);
            }
        };
        // A vault that is locked meanwhile, or fails, says so by itself.
        let moved = match move_files(&lend, centre, &may_move, &mut moving) {
            Ok(moved) => moved,
            Err(fault) => {
                tracing::debug!(?fault, "files do not move for now");
                continue;
            }
        };
        if moved.changed {
            tell(News::Changed(catalogue().files().map(|(entity, _)| entity.name.as_str()).collect()));
        }
        rest = moved.rest.map_or(LOOK, |rest| rest.clamp(Duration::from_millis(100), LOOK));
    }
}

/// Waits for the centre's commit number to pass what is held here, again and again.
fn listen(lend: &SharedLend, remote: &SharedRemote, shared: &Shared, inbox: &Sender<Input>) {
    let lend = |f: &mut dyn FnMut(&Vault)| !shared.is_stopping() && lend(f);
    while shared.wait_to_listen() {
        let (beyond, asked) = (shared.checkpoint.load(Ordering::SeqCst), Clock::now());
        // A vault that is locked or fails says so by itself.
        let then = with(&lend, Vault::pull_request).ok();
        let heard = remote.listen(beyond, then).map(|heard| {
            if !heard.files.is_empty() {
                shared.arrived().extend(heard.files);
                shared.ring();
            }
            heard.g
        });
        match heard {
            // Nothing for as long as the centre lets somebody wait, or a round of our own fetched it.
            Ok(g) if g <= shared.checkpoint.load(Ordering::SeqCst) => {
                if asked.elapsed() < SHORTEST_WAIT {
                    shared.pause(SHORTEST_WAIT);
                }
            }
            Ok(_) | Err(ApiError::SignedOut) => {
                shared.may_listen(false);
                if inbox.send(Input::News).is_err() {
                    return;
                }
                // The round may have to wait for its turn; until then the same news would come at once again.
                shared.pause(SHORTEST_WAIT);
            }
            Err(ApiError::Later { after_ms }) => shared.pause(Duration::from_millis(after_ms.clamp(1_000, 60_000))),
            // Whether the centre is away is for the next round to find out.
            Err(_) => shared.may_listen(false),
        }
    }
}
