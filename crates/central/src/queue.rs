//! Group commit: pushes that arrive while a commit runs are taken in together, with one
//! transaction. Whoever comes first does it for all. What the store refuses is found by taking
//! the pushes apart, so that one bad value never stops the others.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use gladstone_protocol::ApiError;
use uuid::Uuid;

use crate::{
    around::Around,
    engine::{Ahead, Engine, Head},
    error::{CentreError, EngineError},
    ingest::{self, Answer},
    job::Job,
    memory::{Foreseen, Memories, Memory},
    reach::Reach,
    recent::Commit,
    work::Work,
};

/// Most envelopes in one transaction.
const GROUP: usize = 2_000;

/// The queues of all realms.
#[derive(Default)]
pub(crate) struct Queues {
    queues: Mutex<HashMap<Uuid, Arc<Queue>>>,
    memories: Memories,
}

/// What waits for one realm.
#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    /// A group was written.
    written: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Arc<Pending>>,
    /// Whether somebody writes a group.
    writing: bool,
}

/// Whoever writes a group, until it is written or given up.
struct Writer<'q>(&'q Queue);

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).writing = false;
        // Those who were answered go on at once, whoever writes next.
        self.0.written.notify_all();
    }
}

/// A push that waits, and its answer once there is one.
struct Pending {
    job: Arc<Job>,
    answer: Mutex<Option<Answer>>,
}

/// What a group did.
pub(crate) struct Done {
    /// The answer to this push.
    pub answer: Answer,
    /// What this thread wrote, for its own push and for others, in their order.
    pub commits: Vec<Commit>,
    /// How many groups this thread wrote.
    pub groups: u64,
}

impl Queues {
    /// Takes in one push, together with others that wait.
    pub fn push(&self, engine: &dyn Engine, around: &dyn Around, realm: Uuid, job: Job) -> Done {
        let queue = Arc::clone(lock(&self.queues).entry(realm).or_default());
        let job = Arc::new(job);
        let own = Arc::new(Pending { job: Arc::clone(&job), answer: Mutex::new(None) });
        job.checked(|| self.waits(&queue, own, engine, around, realm))
    }

    /// Looks at what a push will touch, while the one in front of it may still be written.
    ///
    /// # Errors
    /// What the store says.
    pub fn look_ahead(&self, engine: &dyn Engine, realm: Uuid, job: &Job) -> Result<(), CentreError> {
        // Without a transaction before there is nothing that would say what changed since.
        let Some(turn) = self.memories.turn(realm) else { return Ok(()) };
        let asked = Ahead { sessions: Vec::new(), devices: Vec::new(), ..job.reach.ahead.clone() };
        engine.read(realm, &mut |shelf| {
            let Head { epoch, g, .. } = shelf.head()?;
            let begun = shelf.ahead(&asked)?;
            *lock(&job.foreseen) = Some(Foreseen { turn, epoch, g, asked: asked.clone(), begun });
            Ok(())
        })
    }

    fn waits(&self, queue: &Queue, own: Arc<Pending>, engine: &dyn Engine, around: &dyn Around, realm: Uuid) -> Done {
        let mut state = lock(&queue.state);
        state.waiting.push(Arc::clone(&own));
        let (mut commits, mut groups) = (Vec::new(), 0);
        loop {
            if let Some(answer) = lock(&own.answer).take() {
                return Done { answer, commits, groups };
            }
            if state.writing {
                state = queue.written.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let group = next_group(&mut state.waiting);
            if group.is_empty() {
                // Only when a thread that took this push in its group did not live to answer it.
                return Done { answer: Err(ApiError::Later { after_ms: 1_000 }), commits, groups };
            }
            state.writing = true;
            drop(state);
            let writer = Writer(queue);
            groups += 1;
            let jobs: Vec<Arc<Job>> = group.iter().map(|pending| Arc::clone(&pending.job)).collect();
            let answers = take_in(engine, around, &self.memories, realm, &jobs, &mut commits);
            for (pending, answer) in group.iter().zip(answers) {
                *lock(&pending.answer) = Some(answer);
            }
            drop(writer);
            state = lock(&queue.state);
        }
    }
}

fn next_group(waiting: &mut Vec<Arc<Pending>>) -> Vec<Arc<Pending>> {
    let mut envelopes = 0;
    let count = waiting.iter().take_while(|pending| {
        let first = envelopes == 0;
        envelopes += pending.job.items.len().max(1);
        first || envelopes <= GROUP
    });
    let count = count.count();
    waiting.drain(..count).collect()
}

/// Takes in some pushes with as few transactions as it takes. One answer for each.
fn take_in(engine: &dyn Engine, around: &dyn Around, memories: &Memories, realm: Uuid, jobs: &[Arc<Job>], commits: &mut Vec<Commit>) -> Vec<Answer> {
    let error = match once(engine, around, memories, realm, jobs) {
        Ok((answers, commit)) => {
            commits.push(commit);
            return answers;
        }
        Err(error) => error,
    };
    if !is_about_values(&error) {
        return jobs.iter().map(|_| Err(error.clone().into())).collect();
    }
    jobs.iter().map(|job| if jobs.len() > 1 { alone(engine, around, memories, realm, job, commits) } else { apart(engine, around, memories, realm, job, commits) }).collect()
}

fn alone(engine: &dyn Engine, around: &dyn Around, memories: &Memories, realm: Uuid, job: &Arc<Job>, commits: &mut Vec<Commit>) -> Answer {
    take_in(engine, around, memories, realm, std::slice::from_ref(job), commits).into_iter().next().unwrap_or(Err(ApiError::Later { after_ms: 1_000 }))
}

/// Halves a push until the store takes the first part of it; the laptop sends the rest again. A
/// single envelope that the store refuses is kept without effect.
fn apart(engine: &dyn Engine, around: &dyn Around, memories: &Memories, realm: Uuid, job: &Arc<Job>, commits: &mut Vec<Commit>) -> Answer {
    let count = job.items.len();
    let smaller = Arc::new(if count > 1 { job.cut(count / 2) } else { Job { doubtful: true, ..Job::clone(job) } });
    if count <= 1 && job.doubtful {
        return Err(ApiError::Later { after_ms: 60_000 });
    }
    alone(engine, around, memories, realm, &smaller, commits)
}

fn once(engine: &dyn Engine, around: &dyn Around, memories: &Memories, realm: Uuid, jobs: &[Arc<Job>]) -> Result<(Vec<Answer>, Commit), CentreError> {
    let mut done = None;
    let reach = Reach::all(jobs.iter().map(|job| job.device), jobs.iter().map(|job| job.reach.as_ref()));
    let (memory, last) = memories.take(realm);
    let foreseen = match (jobs, &memory) {
        ([job], Some(memory)) => lock(&job.foreseen).take().filter(|foreseen| memory.follows(foreseen, last)),
        _ => None,
    };
    let ahead = match &memory {
        Some(memory) if foreseen.is_some() => memory.rest_of_foreseen(&reach.ahead),
        Some(memory) => memory.rest(&reach.ahead),
        None => reach.ahead.clone(),
    };
    engine.write_ahead(realm, &ahead, &mut |shelf, begun| {
        let mut work = Work::begin(shelf, around.now())?;
        let fits = memory.as_ref().is_none_or(|memory| memory.fits(&work.head));
        if let (Some(memory), true) = (&memory, fits) {
            if let Some(Foreseen { asked, begun, .. }) = foreseen.clone() {
                work.take(&asked, begun);
            }
            work.recall(&reach.ahead, memory);
        }
        work.take(&ahead, begun);
        if !fits {
            // Somebody else has committed: what would have been known is asked for now.
            work.read_ahead(&reach)?;
        }
        work.read_behind(&reach.changed)?;
        let answers = ingest::ingest(&mut work, jobs, around)?;
        done = Some((answers, work.save()?, fits));
        Ok(())
    })?;
    let (answers, (commit, learnt), fits) = done.ok_or_else(|| CentreError::Inconsistent("a transaction did nothing".into()))?;
    if let Some(memory) = Memory::behind(memory.filter(|_| fits), learnt) {
        memories.put(realm, memory);
    }
    Ok((answers, commit))
}

/// Whether something that was sent may be the reason.
fn is_about_values(error: &CentreError) -> bool {
    matches!(error, CentreError::Engine(EngineError::Refused(_)) | CentreError::Inconsistent(_) | CentreError::Refused(_))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
