//! The centre as its callers see it: the service over HTTP, the command line, tests. Everything is
//! blocking and may be called from any thread. How it is done is in the files beside this one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant as Moment},
};

use gladstone_protocol::{
    ApiError, SyncApi,
    lease::LEASE_DAYS,
    wire::{PullAnswer, PullRequest, PushAnswer, PushRequest},
};
use uuid::Uuid;

use crate::{
    around::Around,
    engine::{Engine, Head, Reading, Witness},
    error::CentreError,
    file_news::Boards,
    heads::{FRESH, Heads},
    ingest,
    job::Job,
    pages::Pages,
    pull::{self, Means},
    queue::Queues,
    recent::{Commit, Recent},
    sessions::Sessions,
    standing::Standings,
    status::{Counters, Status},
    work::Work,
};

pub use crate::{
    audit::{AuditFault, AuditReport},
    enrolment::{Invite, InviteCode},
    operator::{DeviceInfo, RealmInfo},
};

/// The longest lease that a laptop may have: for so many days it may work without contact.
pub const LONGEST_LEASE_DAYS: u16 = *LEASE_DAYS.end();
/// How often a wait looks at the store itself: another process may have written.
const LOOK: Duration = Duration::from_secs(2);
/// Lives of laptops whose keys are remembered; then all are forgotten.
const REMEMBERED: usize = 10_000;

/// The centre.
pub struct Centre {
    pub(crate) engine: Box<dyn Engine>,
    pub(crate) around: Arc<dyn Around>,
    pub(crate) counters: Counters,
    queues: Queues,
    portions: pull::Portions,
    /// Realms that were compared with their witness, and why they are not served, if so.
    blocked: Mutex<BTreeMap<Uuid, Option<CentreError>>>,
    heads: Heads,
    pub(crate) standings: Standings,
    pages: Pages,
    /// What this process committed lately.
    pub(crate) recent: Recent,
    /// Files that became whole lately.
    pub(crate) boards: Boards,
    /// Sessions that were good when they were looked at last, by the hashes of their tokens.
    pub(crate) sessions: Sessions,
    /// Keys of lives, by realm, laptop and incarnation: a life keeps its key. Ingest compares.
    keys: Mutex<HashMap<(Uuid, Uuid, Uuid), [u8; 32]>>,
}

/// A push that was read, and waits to be taken in.
pub struct Arrived(Job);

impl Arrived {
    /// Looks at its signatures, one after the other; otherwise that is done while it is taken in.
    pub fn check(&self) {
        self.0.check();
    }

    /// The life in which it was written.
    pub fn incarnation(&self) -> Uuid {
        self.0.incarnation
    }

    /// Number of its first entry, from 1; none when it has none.
    pub fn first(&self) -> Option<u64> {
        self.0.entries().next().map(|entry| entry.dseq)
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The organization of the laptop.
    pub realm: Uuid,
    /// The laptop.
    pub device: Uuid,
    /// Whose it is.
    pub actor: Uuid,
    /// Whether its right has ended: it may hand over what waits, and nothing else.
    pub revoked: bool,
}

impl Centre {
    /// Takes over a store. A realm that is older than its witness is not served; see
    /// [`Centre::new_epoch`].
    ///
    /// # Errors
    /// What the store says.
    pub fn open(engine: Box<dyn Engine>, around: Arc<dyn Around>) -> Result<Centre, CentreError> {
        let realms = engine.realms()?;
        let centre = Centre { engine, around, counters: Counters::default(), queues: Queues::default(), portions: pull::Portions::default(), blocked: Mutex::default(), heads: Heads::default(), standings: Standings::default(), pages: Pages::default(), recent: Recent::default(), boards: Boards::default(), sessions: Sessions::default(), keys: Mutex::default() };
        for realm in realms {
            centre.check(realm)?;
        }
        Ok(centre)
    }

    /// Answers pulls in other portions than the usual ones.
    pub fn with_portions(self, portions: pull::Portions) -> Centre {
        Centre { portions, ..self }
    }

    /// Takes in what a laptop wrote. Committed when this returns.
    ///
    /// # Errors
    /// [`ApiError`]; nothing of the push may count as received then.
    pub fn push(&self, caller: &Caller, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        self.take_in(caller, self.read(caller, request, None)?)
    }

    /// Reads a push, which changes nothing. `session`: looked at when it is taken in, where it was not looked
    /// at yet (see [`Centre::recognise`]).
    ///
    /// # Errors
    /// [`ApiError`].
    pub fn read(&self, caller: &Caller, request: &PushRequest, session: Option<[u8; 32]>) -> Result<Arrived, ApiError> {
        self.served(caller.realm)?;
        if request.device != caller.device {
            return Err(refused("device", "This session belongs to another computer. Sign in again."));
        }
        let Some(key) = self.key_of(caller, request.incarnation)? else { return Err(ApiError::SignedOut) };
        Ok(Arrived(Job::open(caller.realm, request, key, session)))
    }

    /// Whether everything in front of a push is here, so that it would be taken in.
    ///
    /// # Errors
    /// What the store says.
    pub fn is_next(&self, caller: &Caller, arrived: &Arrived) -> Result<bool, ApiError> {
        let Some(first) = arrived.first() else { return Ok(true) };
        let lives = self.look(caller.realm, |shelf| Ok(shelf.lives(&[caller.device])?))?;
        let here = lives.iter().find(|life| life.incarnation == arrived.incarnation()).map_or(0, |life| life.dseq);
        Ok(first <= here + 1)
    }

    /// Looks at what a push that waits for its turn will touch, beside the one in front of it. What cannot be
    /// looked at now is looked at when it is taken in.
    pub fn look_ahead(&self, caller: &Caller, Arrived(job): &Arrived) {
        if let Err(error) = self.queues.look_ahead(self.engine.as_ref(), caller.realm, job) {
            tracing::debug!(%error, "it is looked at later what a push will touch");
        }
    }

    /// Takes in a push that was read. Committed when this returns.
    ///
    /// # Errors
    /// As for [`Centre::push`].
    pub fn take_in(&self, caller: &Caller, Arrived(job): Arrived) -> Result<PushAnswer, ApiError> {
        let (life, session) = ((caller.realm, caller.device, job.incarnation), job.session);
        let _writes = self.heads.writes(caller.realm);
        let done = self.queues.push(self.engine.as_ref(), self.around.as_ref(), caller.realm, job);
        self.counters.groups(done.groups);
        self.saved(caller.realm, done.commits);
        if done.answer.is_err() {
            // A store that was put back may know another key of this life, or none.
            lock(&self.keys).remove(&life);
            session.inspect(|session| self.sessions.forget(session));
        }
        let answer = done.answer?;
        self.counters.pushes(1);
        self.counters.judged(&answer);
        Ok(answer)
    }

    /// The key with which a life of a laptop signs.
    fn key_of(&self, caller: &Caller, incarnation: Uuid) -> Result<Option<[u8; 32]>, CentreError> {
        let life = (caller.realm, caller.device, incarnation);
        if let Some(key) = lock(&self.keys).get(&life) {
            return Ok(Some(*key));
        }
        self.look(caller.realm, |shelf| {
            let known = shelf.lives(&[caller.device])?.into_iter().find(|life| life.incarnation == incarnation);
            // A life that is known has its key; a new one comes with that of the laptop.
            let Some(known) = known else { return Ok(shelf.devices(Some(&[caller.device]))?.first().map(|device| device.public_key)) };
            let mut keys = lock(&self.keys);
            if keys.len() >= REMEMBERED {
                keys.clear();
            }
            keys.insert(life, known.public_key);
            Ok(Some(known.public_key))
        })
    }

    /// Tells a laptop what changed since its checkpoint.
    ///
    /// # Errors
    /// [`ApiError`]; [`ApiError::Revoked`] for a laptop whose right has ended.
    pub fn pull(&self, caller: &Caller, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        self.served(caller.realm)?;
        if caller.revoked {
            return Err(ApiError::Revoked);
        }
        if request.device != caller.device || request.realm != caller.realm {
            return Err(refused("device", "This session belongs to another computer or organization. Sign in again."));
        }
        let known = self.standings.until(caller.realm, caller.device, request.from_g);
        let pull::Answered { answer, units, standing } = self.look(caller.realm, |shelf| pull::answer(shelf, caller, request, known.as_deref(), self.around.now(), &Means { portions: self.portions, pages: &self.pages, recent: &self.recent }))?;
        if let Some(units) = units {
            self.engine.write(caller.realm, &mut |shelf| Ok(shelf.put_device_units(caller.device, &units)?))?;
        }
        if let Some(standing) = standing {
            self.standings.note(caller.realm, caller.device, standing);
        }
        self.counters.pulls(1);
        self.counters.changes(answer.changes.len() as u64);
        self.counters.rows(answer.grants.iter().flat_map(|grant| &grant.pages).map(|page| page.rows.len() as u64).sum());
        Ok(answer)
    }

    /// The last commit number of a realm.
    ///
    /// # Errors
    /// What the store says.
    pub fn head(&self, realm: Uuid) -> Result<u64, CentreError> {
        self.look(realm, |shelf| Ok(shelf.head()?.g))
    }

    /// Waits until a realm's last commit number is beyond `beyond`, or `at_most` has passed.
    /// Returns that number.
    ///
    /// # Errors
    /// What the store says.
    pub fn wait(&self, realm: Uuid, beyond: u64, at_most: Duration) -> Result<u64, CentreError> {
        let end = Moment::now() + at_most;
        loop {
            let (head, is_fresh) = self.heads.now(realm, || self.head(realm))?;
            let left = end.saturating_duration_since(Moment::now());
            if head > beyond || left.is_zero() {
                return Ok(head);
            }
            let longest = if is_fresh { FRESH } else { LOOK };
            self.heads.wait(realm, beyond, left.min(longest));
        }
    }

    /// Running sums, for metrics.
    pub fn status(&self) -> Status {
        self.counters.status()
    }

    /// The centre as one laptop sees it, in the same process.
    pub fn for_device(&self, caller: Caller) -> Line<'_> {
        Line { centre: self, caller }
    }

    /// Whether a realm is served. One that this process has not met yet, because another one made it,
    /// is looked at first; one that is not served, again and again: an operator may have given it a new
    /// history.
    pub(crate) fn served(&self, realm: Uuid) -> Result<(), CentreError> {
        if matches!(lock(&self.blocked).get(&realm), Some(None)) {
            return Ok(());
        }
        self.check(realm)?.map_or(Ok(()), Err)
    }

    /// Serves a realm from now on, whatever its witness said.
    pub(crate) fn serve(&self, realm: Uuid) {
        lock(&self.blocked).insert(realm, None);
    }

    /// Compares a realm with its witness; says why it is not served, if so.
    fn check(&self, realm: Uuid) -> Result<Option<CentreError>, CentreError> {
        // The witness first: it is never ahead of what was durable when it was read.
        let witness = self.engine.witness(realm)?;
        let head = self.look(realm, |shelf| Ok(shelf.head()?))?;
        let fault = witness.and_then(|witness| behind(&head, witness));
        let known = lock(&self.blocked).insert(realm, fault.clone());
        match (&fault, known.flatten()) {
            (Some(fault), None) => tracing::error!(%fault, "an organization is not served"),
            (None, Some(_)) => tracing::info!(%realm, "an organization is served again"),
            _ => {}
        }
        Ok(fault)
    }

    /// Reads from one snapshot.
    pub(crate) fn look<T>(&self, realm: Uuid, mut f: impl FnMut(&mut dyn Reading) -> Result<T, CentreError>) -> Result<T, CentreError> {
        let mut found = None;
        self.engine.read(realm, &mut |shelf| {
            found = Some(f(shelf)?);
            Ok(())
        })?;
        found.ok_or_else(|| CentreError::Inconsistent("a reading did nothing".into()))
    }

    /// Changes a realm through a working set, and tells those who wait.
    pub(crate) fn change<T>(&self, realm: Uuid, mut f: impl FnMut(&mut Work<'_>) -> Result<T, CentreError>) -> Result<T, CentreError> {
        self.served(realm)?;
        let _writes = self.heads.writes(realm);
        let mut done = None;
        self.engine.write(realm, &mut |shelf| {
            let mut work = Work::begin(shelf, self.around.now())?;
            let value = f(&mut work)?;
            done = Some((value, work.save()?.0));
            Ok(())
        })?;
        let (value, commit) = done.ok_or_else(|| CentreError::Inconsistent("a transaction did nothing".into()))?;
        self.saved(realm, vec![commit]);
        Ok(value)
    }

    /// Writes rows as the centre itself.
    pub(crate) fn write_own(&self, realm: Uuid, command: &str, mut ops: impl FnMut(&mut Work<'_>) -> Result<Vec<gladstone_protocol::Op>, CentreError>) -> Result<(), CentreError> {
        self.change(realm, |work| {
            let ops = ops(work)?;
            ingest::write_own(work, self.around.as_ref(), command, ops).map(|_| ())
        })
    }

    /// Wakes those who wait: somebody else committed up to `g`. A hint; what stands is read from the store.
    pub(crate) fn moved_to(&self, realm: Uuid, g: u64) {
        self.heads.heard(realm, g);
    }

    /// Wakes those who wait: this process saved this, which is durable.
    fn saved(&self, realm: Uuid, commits: Vec<Commit>) {
        let Some(g) = commits.last().map(|commit| commit.to) else { return };
        commits.into_iter().for_each(|commit| self.recent.note(realm, commit));
        self.heads.saved(realm, g);
    }
}

/// The centre as one laptop sees it.
pub struct Line<'c> {
    centre: &'c Centre,
    caller: Caller,
}

impl SyncApi for Line<'_> {
    fn push(&self, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        self.centre.push(&self.caller, request)
    }

    fn pull(&self, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        self.centre.pull(&self.caller, request)
    }
}

/// A refusal of a request as a whole.
pub(crate) fn refused(code: &str, text: &str) -> ApiError {
    ApiError::Refused { code: code.into(), text: text.into() }
}

fn behind(head: &Head, witness: Witness) -> Option<CentreError> {
    let fits = head.epoch == witness.epoch && head.g >= witness.g;
    (!fits).then_some(CentreError::BehindWitness { realm: head.realm, epoch: head.epoch, found: head.g, witnessed: witness.g })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
