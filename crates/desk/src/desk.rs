//! The desk: which vaults there are, which one is open, and who is told what changed.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, atomic::{AtomicI64, Ordering}},
};

use gladstone_model::Instant;
use gladstone_store::Reader;
use gladstone_vault::{Changes, CustodyError, Purpose, Surrounding, Tx, Unlocked, keys::kdf::Cost};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    background::{Asked, Background},
    catalogue::{self, Access},
    error::{Code, DeskError},
    events::Event,
    incoming::Tickets,
    jobs::Jobs,
    lease::{self, Reach},
};

/// Whoever is told about events.
pub type Listener = Arc<dyn Fn(Event) + Send + Sync>;

/// One running copy of the product.
pub struct Desk {
    vaults: PathBuf,
    with: Surrounding,
    session: Arc<RwLock<Option<Unlocked>>>,
    listener: Listener,
    background: Background,
    last_activity: AtomicI64,
    calibrates: bool,
    /// Whether nothing synchronizes beside the work.
    alone: bool,
    /// Long work.
    pub jobs: Jobs,
    /// Files that are coming piece by piece.
    pub incoming: Tickets,
}

impl Desk {
    /// A desk over a folder of vaults; nothing is open yet.
    pub fn new(vaults: impl Into<PathBuf>, with: Surrounding, listener: Listener) -> Desk {
        let now = with.around.now().0;
        Desk { vaults: vaults.into(), with, session: Arc::default(), listener, background: Background::default(), last_activity: AtomicI64::new(now), calibrates: false, alone: false, jobs: Jobs::default(), incoming: Tickets::default() }
    }

    /// New passphrases cost as much as this machine can bear, not only the floor.
    #[must_use]
    pub fn calibrating(mut self) -> Desk {
        self.calibrates = true;
        self
    }

    /// Nothing synchronizes beside the work, only when a command asks for it.
    #[must_use]
    pub fn without_background(mut self) -> Desk {
        self.alone = true;
        self
    }

    /// Time, randomness and keyring for new keys.
    ///
    /// # Errors
    /// There is not even memory for the least cost.
    pub fn with_for_new_keys(&self) -> Result<Surrounding, DeskError> {
        let cost = if self.calibrates { Cost::calibrated().map_err(CustodyError::from)? } else { self.with.cost };
        Ok(Surrounding { cost, ..self.with.clone() })
    }

    /// Runs a command by name. This is the only door.
    ///
    /// # Errors
    /// What the command answers.
    pub fn run(&self, name: &str, request: Json) -> Result<Json, DeskError> {
        let command = catalogue::find(name).ok_or_else(|| DeskError::new(Code::UnknownCommand, format!("There is no command “{name}”. `gladstone commands` lists all.")))?;
        if command.access == Access::Unlocked {
            let session = self.session();
            let unlocked = session.as_ref().ok_or_else(DeskError::locked)?;
            if let Some(alarm) = &unlocked.alarm
                && command.writes
            {
                return Err(DeskError::new(Code::Damaged, format!("Nothing is written until you decide about the alarm of this vault ({alarm:?}).")));
            }
            if command.writes && !unlocked.recovery_confirmed {
                return Err(DeskError::new(Code::RecoveryUnconfirmed, "Confirm the recovery code first: without it, a forgotten passphrase would lose everything."));
            }
            lease::gate(unlocked, name, &request)?;
        }
        (command.run)(self, request)
    }

    /// Where the vaults lie.
    pub fn vaults(&self) -> &Path {
        &self.vaults
    }

    /// Time, randomness and keyring.
    pub fn with(&self) -> &Surrounding {
        &self.with
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.with.around.now()
    }

    /// The open vault, if any.
    pub fn session(&self) -> RwLockReadGuard<'_, Option<Unlocked>> {
        self.session.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an open vault on the desk, or takes it away. Synchronizing follows.
    pub fn swap(&self, unlocked: Option<Unlocked>) -> Option<Unlocked> {
        self.touch();
        self.stop_sync();
        self.incoming.clear();
        let before = std::mem::replace(&mut *self.session.write().unwrap_or_else(PoisonError::into_inner), unlocked);
        self.start_sync();
        before
    }

    /// Synchronizes beside the work from now on, when the open vault belongs to a centre.
    pub fn start_sync(&self) {
        if !self.alone {
            self.background.start(&self.session, &self.listener);
        }
    }

    /// Ends synchronizing beside the work.
    pub fn stop_sync(&self) {
        self.background.stop();
    }

    /// Synchronizes at once; false when nothing synchronizes beside the work.
    pub fn sync_now(&self) -> bool {
        self.background.now()
    }

    /// Somebody waits for a synchronization with this centre, until what is returned is dropped;
    /// locking and pausing end it.
    pub fn asks_centre(&self, remote: gladstone_sync::SharedRemote) -> Asked<'_> {
        self.background.asks(remote)
    }

    /// How synchronizing stands; none when nothing synchronizes beside the work.
    pub fn sync_status(&self) -> Option<gladstone_sync::Status> {
        self.background.status()
    }

    /// What is on the line to the centre now.
    pub fn on_line(&self) -> Option<gladstone_sync::OnLine> {
        self.background.on_line()
    }

    /// A person asked for a file, or for one to go on.
    pub fn files_asked_for(&self) {
        self.background.files_asked_for();
    }

    /// The file that is moving; none when none is.
    pub fn file_moving(&self) -> Option<gladstone_sync::blobs::Moving> {
        self.background.file_moving()
    }

    /// Puts an open vault on the desk. What a check beside the work finds later becomes its alarm.
    ///
    /// # Errors
    /// What beginning the check fails with.
    pub fn present(&self, mut unlocked: Unlocked, backup_is_due: bool) -> Result<(), DeskError> {
        let (session, listener, id) = (Arc::downgrade(&self.session), Arc::clone(&self.listener), unlocked.header.vault);
        unlocked.go_on_beside(backup_is_due, move |alarm| {
            let Some(session) = session.upgrade() else { return };
            if let Some(open) = session.write().unwrap_or_else(PoisonError::into_inner).as_mut().filter(|open| open.header.vault == id) {
                open.alarm = Some(alarm);
            }
            listener(Event::Alarm);
        })?;
        self.swap(Some(unlocked));
        Ok(())
    }

    /// Works on the open vault as a whole.
    ///
    /// # Errors
    /// [`Code::Locked`], or what `f` returns.
    pub fn with_unlocked<T>(&self, f: impl FnOnce(&Unlocked) -> Result<T, DeskError>) -> Result<T, DeskError> {
        f(self.session().as_ref().ok_or_else(DeskError::locked)?)
    }

    /// Whose vault is open.
    ///
    /// # Errors
    /// [`Code::Locked`].
    pub fn actor(&self) -> Result<Uuid, DeskError> {
        self.with_unlocked(|unlocked| Ok(unlocked.vault.state().actor))
    }

    /// Changes the open vault as a whole.
    ///
    /// # Errors
    /// [`Code::Locked`], or what `f` returns.
    pub fn with_unlocked_mut<T>(&self, f: impl FnOnce(&mut Unlocked) -> Result<T, DeskError>) -> Result<T, DeskError> {
        let mut guard = self.session.write().unwrap_or_else(PoisonError::into_inner);
        f(guard.as_mut().ok_or_else(DeskError::locked)?)
    }

    /// What may be read while this computer was without contact for too long; none for everything.
    ///
    /// # Errors
    /// [`Code::Locked`], or what the database says.
    pub(crate) fn reach(&self) -> Result<Option<Reach>, DeskError> {
        self.with_unlocked(Reach::of)
    }

    /// Reads the open vault.
    ///
    /// # Errors
    /// [`Code::Locked`], or what `f` returns.
    pub fn read<T>(&self, f: impl FnOnce(Reader<'_>) -> Result<T, DeskError>) -> Result<T, DeskError> {
        self.with_unlocked(|unlocked| unlocked.vault.read(f))
    }

    /// Writes the open vault and tells the listener afterwards.
    ///
    /// # Errors
    /// [`Code::Locked`], or what `f` or the vault returns.
    pub fn commit<T>(&self, purpose: impl Into<Purpose>, f: impl FnOnce(&mut Tx<'_>) -> Result<T, DeskError>) -> Result<T, DeskError> {
        let (value, changes) = self.with_unlocked(|unlocked| unlocked.vault.commit(purpose, f))?;
        self.tell(&changes);
        Ok(value)
    }

    /// Tells the listener what changed.
    pub fn tell(&self, changes: &Changes) {
        if !changes.entities.is_empty() {
            self.background.changed();
            self.emit_changed(&changes.entities);
        }
    }

    /// Tells the listener that rows of these entities changed.
    pub fn emit_changed(&self, entities: &BTreeSet<&'static str>) {
        if !entities.is_empty() {
            self.emit(Event::Changed { entities: entities.iter().map(|name| (*name).to_owned()).collect() });
        }
    }

    /// Tells the listener something.
    pub fn emit(&self, event: Event) {
        (self.listener)(event);
    }

    /// Locks the open vault: closes the file and forgets the keys.
    ///
    /// # Errors
    /// What closing says; it is locked all the same.
    pub fn lock(&self) -> Result<(), DeskError> {
        let result = match self.swap(None) {
            Some(unlocked) => unlocked.lock().map_err(DeskError::from),
            None => Ok(()),
        };
        self.emit(Event::Locked);
        result
    }

    /// The person is there.
    pub fn touch(&self) {
        self.last_activity.store(self.now().0, Ordering::Relaxed);
    }

    /// Seconds since the person was last there.
    pub fn idle_seconds(&self) -> i64 {
        (self.now().0 - self.last_activity.load(Ordering::Relaxed)) / 1_000_000
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(unlocked) = self.swap(None) {
            // Whatever closing says, nothing acknowledged depends on it.
            let _ = unlocked.lock();
        }
    }
}
