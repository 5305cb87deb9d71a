//! Runs the engine against a vault and a centre on the thread of the caller.

use std::time::{Duration, Instant as Clock};

use gladstone_vault::Vault;

use crate::{
    engine::{Engine, Input, Now, Output, Phase, Status},
    flights::{self, Lend, Report},
    remote::Remote,
};

/// Longest wait that one synchronization puts up with when the centre asks for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A synchronization did not come to its end. What was stored until then stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", status.in_words())]
pub struct SyncError {
    /// How it stands.
    pub status: Status,
}

/// Sends what waits and fetches what is new, until neither is left. `progress` is told how it stands.
///
/// # Errors
/// [`SyncError`]; it may be tried again later.
pub fn sync_once(vault: &Vault, remote: &dyn Remote, progress: &mut dyn FnMut(&Status)) -> Result<Report, SyncError> {
    let lend = |f: &mut dyn FnMut(&Vault)| {
        f(vault);
        true
    };
    let mut drive = Drive::new(&lend, remote);
    let began = Clock::now();
    drive.give(Input::Start, progress);
    loop {
        let phase = drive.engine.status().phase;
        if phase == Phase::Idle {
            return Ok(drive.report);
        }
        // A short wait that the centre asked for belongs to a long transfer.
        let rest = drive.rest();
        if !phase.is_under_way() || began.elapsed() + rest > PATIENCE {
            return Err(SyncError { status: drive.engine.status().clone() });
        }
        std::thread::sleep(rest);
        drive.give(Input::Tick, progress);
    }
}

/// The engine with the hands that it lacks.
pub(crate) struct Drive<'a> {
    pub engine: Engine,
    /// What flights brought so far.
    pub report: Report,
    /// Commit number up to which everything is held, as far as known.
    pub checkpoint: u64,
    lend: &'a Lend<'a>,
    remote: &'a dyn Remote,
    began: Clock,
    wake_at: Option<u64>,
}

impl<'a> Drive<'a> {
    pub fn new(lend: &'a Lend<'a>, remote: &'a dyn Remote) -> Drive<'a> {
        Drive { engine: Engine::default(), report: Report::default(), checkpoint: 0, lend, remote, began: Clock::now(), wake_at: None }
    }

    /// How long nothing is to be done.
    pub fn rest(&self) -> Duration {
        self.wake_at.map_or(Duration::from_secs(60), |at| Duration::from_millis(at.saturating_sub(self.millis())))
    }

    /// Takes one event, and flies what follows from it to the end.
    pub fn give(&mut self, input: Input, tell: &mut dyn FnMut(&Status)) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            next = self.step(input, tell);
        }
    }

    /// Takes one event and flies at most one flight; returns how that ended.
    pub fn step(&mut self, input: Input, tell: &mut dyn FnMut(&Status)) -> Option<Input> {
        let mut landed = None;
        for output in self.engine.step(self.now(), input) {
            match output {
                Output::Tell(status) => tell(&status),
                Output::WakeAt(at) => self.wake_at = Some(at),
                // Flights end before the next event here, so that there is none to give up.
                Output::Abandon(_) => {}
                Output::SignIn(_) | Output::Push(..) | Output::Pull(_) => landed = Some(output),
            }
        }
        // Told first, flown then: the screen shows what is under way.
        landed.and_then(|flight| self.fly(flight))
    }

    fn fly(&mut self, flight: Output) -> Option<Input> {
        match flight {
            Output::SignIn(number) => Some(Input::SignedIn(number, flights::sign_in(self.lend, self.remote))),
            Output::Push(number, at_most) => Some(Input::PushDone(number, flights::push(self.lend, self.remote, at_most, &mut self.report))),
            Output::Pull(number) => {
                let done = flights::pull(self.lend, self.remote, &mut self.report);
                Some(Input::PullDone(number, done.map(|(pulled, checkpoint)| {
                    self.checkpoint = checkpoint;
                    pulled
                })))
            }
            Output::Abandon(_) | Output::WakeAt(_) | Output::Tell(_) => None,
        }
    }

    fn now(&self) -> Now {
        Now { millis: self.millis(), wall: chrono::Utc::now().into(), random: random() }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A random number for waits: the keys of a new hash map are random, which is enough for that.
fn random() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    (std::collections::hash_map::RandomState::new().build_hasher().finish() >> 32) as u32
}
