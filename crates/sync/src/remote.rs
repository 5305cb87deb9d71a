//! A centre as a laptop sees it: push and pull, and besides them signing in and being told of news.

use std::time::{Duration, Instant};

use gladstone_protocol::{ApiError, SignedLease, SyncApi, content::ContentHash, wire::{PullAnswer, PullRequest, PushAnswer, PushRequest}};
use uuid::Uuid;

use crate::blobs::Blobs;

/// Signs with the laptop's key; none when the vault is locked meanwhile.
pub type Sign<'a> = &'a dyn Fn(&[u8]) -> Option<[u8; 64]>;

/// A push that was handed over: waits for its answer.
pub type UnderWay<'r> = Box<dyn FnOnce() -> Result<PushAnswer, ApiError> + 'r>;
/// Answers that are stored together at most.
pub(crate) const TOGETHER: usize = 3;

/// What is asked behind an answer; it may be called on another thread.
pub type Behind<'a> = &'a mut (dyn FnMut(&PullRequest, &PullAnswer) -> Option<PullRequest> + Send);
/// What was asked, and the answer.
pub type Answered = (PullRequest, PullAnswer);
/// Stores answers and says whether to go on.
pub type Take<'a> = &'a mut dyn FnMut(Vec<Answered>) -> bool;

/// What a laptop that waited was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The realm's commit number, or that beyond which it waited.
    pub g: u64,
    /// Files that became whole at the centre.
    pub files: Vec<ContentHash>,
}

/// How far what is sent or fetched is on the line just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnLine {
    /// Whether it goes to the centre.
    pub sends: bool,
    /// Bytes that have passed.
    pub done: u64,
    /// Bytes in all.
    pub of: u64,
}

/// A centre that can be signed in to.
pub trait Remote: SyncApi {
    /// Opens a session for a laptop, with its signature over what the centre asks to sign.
    ///
    /// # Errors
    /// [`ApiError`]; [`ApiError::SignedOut`] when the centre does not know the laptop.
    fn sign_in(&self, device: Uuid, sign: Sign<'_>) -> Result<(), ApiError>;

    /// The lease that the last session brought, once.
    fn lease(&self) -> Option<SignedLease> {
        None
    }

    /// Hands over, and lets its caller do something else while the centre works: the answer is waited for
    /// when what this returns is called. Whoever drops it instead gives the push up; whether the centre took
    /// it is open then. `_early`: the push in front of it is not answered yet.
    fn begin(&self, request: &PushRequest, _early: bool) -> UnderWay<'_> {
        let answer = self.push(request);
        Box::new(move || answer)
    }

    /// Whether the centre takes a push before the one in front of it was answered, in their order.
    fn takes_early(&self) -> bool {
        true
    }

    /// A clock that never goes back.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// An early push came to the centre before the one in front of it: no more of them for now.
    fn was_overtaken(&self) {}

    /// Asks on behind an answer that is there: `next`, and then what `behind` says on each answer before that is
    /// stored; none for the last. `take` stores answers in their order, one or several at a time, and says
    /// whether to go on. What was asked ahead and is not taken any more is dropped.
    ///
    /// # Errors
    /// As for [`SyncApi::pull`]; what came before it was given to `take`.
    fn pull_row(&self, first: Answered, next: PullRequest, behind: Behind<'_>, take: Take<'_>) -> Result<(), ApiError> {
        let (mut answers, mut next, mut fault) = (vec![first], Some(next), None);
        while next.is_some() || !answers.is_empty() {
            // As many as a line that is faster than the disk brings.
            while answers.len() < TOGETHER
                && let Some(asked) = next.take()
            {
                match self.pull(&asked) {
                    Ok(answer) => {
                        next = behind(&asked, &answer);
                        answers.push((asked, answer));
                    }
                    Err(error) => fault = Some(error),
                }
            }
            let stored = std::mem::take(&mut answers);
            if !stored.is_empty() && !take(stored) {
                return Ok(());
            }
        }
        fault.map_or(Ok(()), Err)
    }

    /// Whether the centre remembers what it handed out ahead, so that it may be asked ahead.
    fn remembers_ahead(&self) -> bool {
        true
    }

    /// Waits until something is new for this laptop and the realm's commit number greater than
    /// `beyond`, or for as long as the centre lets somebody wait. Returns that number, or `beyond`.
    ///
    /// # Errors
    /// [`ApiError`].
    fn wait(&self, beyond: u64) -> Result<u64, ApiError>;

    /// Waits as [`Remote::wait`] does, and besides until a file is whole at the centre that a row names
    /// which this laptop may see. `then`: what would be asked at `beyond`; a centre that brings its answer with the
    /// news spares asking, and the next pull that asks just that has it.
    ///
    /// # Errors
    /// [`ApiError`].
    fn listen(&self, beyond: u64, _then: Option<PullRequest>) -> Result<Heard, ApiError> {
        Ok(Heard { g: self.wait(beyond)?, files: Vec::new() })
    }

    /// The centre where files are concerned; none when it takes no files.
    fn blobs(&self) -> Option<&dyn Blobs> {
        None
    }

    /// What is on the line now, where it is long enough to be looked at.
    fn on_line(&self) -> Option<OnLine> {
        None
    }

    /// Ends everything that is under way on other threads, and whatever comes after, with
    /// [`ApiError::Offline`]: the vault is being locked.
    fn abandon(&self) {}
}

/// A centre in the same process: there is nothing to sign in to.
pub struct Direct<'a>(pub &'a dyn SyncApi);

impl SyncApi for Direct<'_> {
    fn push(&self, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        self.0.push(request)
    }

    fn pull(&self, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        self.0.pull(request)
    }
}

impl Remote for Direct<'_> {
    fn sign_in(&self, _: Uuid, _: Sign<'_>) -> Result<(), ApiError> {
        Ok(())
    }

    fn wait(&self, beyond: u64) -> Result<u64, ApiError> {
        std::thread::sleep(Duration::from_millis(50));
        Ok(beyond)
    }
}
