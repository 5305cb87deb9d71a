//! What happens next, as a state machine: events go in, effects come out. Knows no socket, no
//! clock, no randomness and no vault; all of them are arguments.
//!
//! A round sends until nothing waits and then fetches until nothing more comes. At most one
//! flight is under way; each has a number, and the answer of a flight that was given up is not
//! taken any more.

mod pace;
mod status;

use gladstone_model::Instant;
use gladstone_protocol::{ApiError, limits::BATCH_COUNT};

use pace::{Pace, backoff, jitter};
pub use pace::{CONTACT_MS, INTERVAL_MS, LONGEST_BACKOFF_MS, SHORTEST_BACKOFF_MS, WATCHDOG_MS};
pub use status::{Phase, Status};

/// Later than this is told to a person; shorter waits belong to a long transfer.
const PATIENCE_MS: u64 = 3_000;
/// After going on line again all laptops wait up to this long, each another time.
const SPREAD_MS: u64 = 1_000;
/// Other histories that may be named before a round comes to its end: one that began anew, and once more.
const TURNS: u32 = 2;

/// The time of an event, and a random number of the caller's for this event alone.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Milliseconds of a clock that never goes back.
    pub millis: u64,
    /// The wall clock, for people.
    pub wall: Instant,
    /// Any number, another one each time.
    pub random: u32,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The vault was opened.
    Start,
    /// Time has passed.
    Tick,
    /// The computer says that it has a network.
    Online,
    /// The computer says that it has none.
    Offline,
    /// A commit happened on this laptop.
    Changed,
    /// The centre says that it has something new.
    News,
    /// A person asks for it now.
    SyncNow,
    /// The flight that signs in has ended.
    SignedIn(u64, Result<(), Fault>),
    /// The flight that sends has ended, and what it brought is stored.
    PushDone(u64, Result<Pushed, Fault>),
    /// The flight that fetches has ended, and what it brought is stored.
    PullDone(u64, Result<Pulled, Fault>),
    /// The vault is being locked.
    Stop,
}

/// What a push came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Mutations that still wait to be sent.
    pub waiting: u64,
    /// Whether anything at all still waits to be sent: audit events too.
    pub more: bool,
    /// Whether anything was judged, or there was nothing to judge: without it, sending again would
    /// go on for ever.
    pub progress: bool,
    /// What ended it early.
    pub trouble: Option<Trouble>,
}

/// What ends a push although it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The centre is busy; milliseconds to wait at least.
    Later(u64),
    /// Somebody else goes on with the same laptop's name: this one is a copy, or was copied.
    Copy,
    /// The centre does not know the version of what was sent: it is older than this laptop.
    CentreOlder,
    /// The centre named another history; what it may lack waits to be sent again.
    OtherEpoch,
}

/// What a pull came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Whether more follows.
    pub more: bool,
    /// Whether the next request would be another one than the last.
    pub progress: bool,
    /// Mutations that wait to be sent.
    pub waiting: u64,
    /// The centre has another history: what it lacks is sent before anything more is fetched.
    pub push_first: bool,
    /// The centre did not give what it had said it took: that is sent again. It happens once to each
    /// entry.
    pub resend: bool,
}

/// Why a flight came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The centre, or the way to it.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The centre runs an older version than this laptop.
    #[error("The centre is older than this laptop. Work goes on here; what waits is sent once the centre was updated.")]
    CentreOlder,
    /// This laptop: its disk is full, or what came does not hold together.
    #[error("{0}")]
    Local(String),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Sign in and report by [`Input::SignedIn`] with this number.
    SignIn(u64),
    /// Send what waits, so many entries at most (1 to 500), store the answer and report by
    /// [`Input::PushDone`].
    Push(u64, usize),
    /// Fetch, store the answer and report by [`Input::PullDone`].
    Pull(u64),
    /// This flight is given up; its answer is not wanted any more.
    Abandon(u64),
    /// Report [`Input::Tick`] when the clock shows so many milliseconds. Replaces what was said before.
    WakeAt(u64),
    /// Show this.
    Tell(Status),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Needs {
    push: bool,
    pull: bool,
}

impl Needs {
    const ALL: Needs = Needs { push: true, pull: true };

    fn any(self) -> bool {
        self.push || self.pull
    }

    fn add(&mut self, other: Needs) {
        self.push |= other.push;
        self.pull |= other.pull;
    }
}

enum Flight {
    SignIn,
    Push,
    Pull,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not started, or stopped.
    Off,
    /// Nothing is under way until then.
    Resting { until: u64 },
    /// One flight is under way.
    Flying { number: u64, since: u64 },
    /// Nothing happens before a person or a start.
    Halted,
}

/// The state machine.
#[derive(Debug)]
pub struct Engine {
    state: State,
    status: Status,
    told: Option<Status>,
    /// What this round still has to do.
    needs: Needs,
    /// What the next round has to do, said while this one was under way.
    news: Needs,
    pace: Pace,
    failures: u32,
    flights: u64,
    /// Entries in one push: fewer after one that was too large or too slow.
    at_most: usize,
    /// A sign-in succeeded and nothing has since.
    signed_in: bool,
    /// The right has ended: hand over what waits, fetch nothing.
    leaving: bool,
    /// When a push was last answered.
    contact: Option<u64>,
    /// How often another history was named since a round came to its end.
    turns: u32,
}

impl Default for Engine {
    fn default() -> Engine {
        Engine {
            state: State::Off,
            status: Status::default(),
            told: None,
            needs: Needs::default(),
            news: Needs::default(),
            pace: Pace::default(),
            failures: 0,
            flights: 0,
            at_most: BATCH_COUNT,
            signed_in: false,
            leaving: false,
            contact: None,
            turns: 0,
        }
    }
}

impl Engine {
    /// What stands now.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Whether the answer of a flight is still wanted. What it brings must not be stored otherwise.
    pub fn expects(&self, number: u64) -> bool {
        matches!(self.state, State::Flying { number: current, .. } if current == number)
    }

    /// Takes an event and says what is to be done, in this order. Effects begin at most one flight.
    pub fn step(&mut self, now: Now, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Stop => self.stop(&mut out),
            Input::Start if self.state == State::Off => self.begin(now, Needs::ALL, &mut out),
            Input::SyncNow => self.asked(now, &mut out),
            Input::Tick => self.tick(now, &mut out),
            Input::Changed => self.noticed(now, Needs { push: true, pull: false }, &mut out),
            Input::News => self.noticed(now, Needs { push: false, pull: true }, &mut out),
            Input::Online => self.online(now, &mut out),
            Input::Offline => self.offline(now, &mut out),
            Input::SignedIn(number, result) if self.expects(number) => self.signed_in(now, result, &mut out),
            Input::PushDone(number, result) if self.expects(number) => self.pushed(now, result, &mut out),
            Input::PullDone(number, result) if self.expects(number) => self.pulled(now, result, &mut out),
            // A second start, or the answer of a flight that was given up.
            Input::Start | Input::SignedIn(..) | Input::PushDone(..) | Input::PullDone(..) => {}
        }
        if self.told.as_ref() != Some(&self.status) {
            self.told = Some(self.status.clone());
            out.push(Output::Tell(self.status.clone()));
        }
        out
    }

    fn stop(&mut self, out: &mut Vec<Output>) {
        if let State::Flying { number, .. } = self.state {
            out.push(Output::Abandon(number));
        }
        *self = Engine { status: Status { phase: Phase::Off, message: None, ..self.status.clone() }, told: self.told.take(), flights: self.flights, pace: self.pace, ..Engine::default() };
    }

    fn asked(&mut self, now: Now, out: &mut Vec<Output>) {
        match self.state {
            State::Off => {}
            State::Flying { .. } => self.news = Needs::ALL,
            State::Resting { .. } | State::Halted => {
                self.failures = 0;
                // Histories of before say nothing about the centre that is asked now.
                self.turns = 0;
                self.begin(now, Needs::ALL, out);
            }
        }
    }

    fn tick(&mut self, now: Now, out: &mut Vec<Output>) {
        match self.state {
            State::Flying { number, since, .. } if now.millis.saturating_sub(since) >= WATCHDOG_MS => {
                out.push(Output::Abandon(number));
                self.failed(now, Fault::Api(ApiError::Offline), out);
            }
            State::Resting { until } if now.millis >= until => {
                let needs = if self.news.any() && !self.is_in_trouble() { std::mem::take(&mut self.news) } else { self.usual(now) };
                self.begin(now, needs, out);
            }
            State::Flying { since, .. } => out.push(Output::WakeAt(since + WATCHDOG_MS)),
            State::Resting { until } => out.push(Output::WakeAt(until)),
            State::Off | State::Halted => {}
        }
    }

    /// What a round of its own accord does. Now and then it also says who is there, so that a copy is
    /// noticed; that writes on both sides, and the rounds in between do not.
    fn usual(&self, now: Now) -> Needs {
        let recent = self.contact.is_some_and(|at| now.millis.saturating_sub(at) < CONTACT_MS);
        Needs { push: !recent || self.is_in_trouble() || self.status.waiting != Some(0), pull: true }
    }

    fn noticed(&mut self, now: Now, needs: Needs, out: &mut Vec<Output>) {
        self.news.add(needs);
        if let State::Resting { until } = self.state
            && !self.is_in_trouble()
        {
            let free = self.pace.free_at(now.millis);
            if free <= now.millis {
                let needs = std::mem::take(&mut self.news);
                self.begin(now, needs, out);
            } else if free < until {
                self.rest(free, out);
            }
        }
    }

    fn online(&mut self, now: Now, out: &mut Vec<Output>) {
        if let State::Resting { until } = self.state
            && self.is_in_trouble()
        {
            self.rest(until.min(now.millis + jitter(SPREAD_MS, now.random)), out);
        }
    }

    /// A hint, not a fact: it is tried again all the same, only not at once.
    fn offline(&mut self, now: Now, out: &mut Vec<Output>) {
        if let State::Resting { .. } = self.state
            && !self.is_in_trouble()
        {
            self.failed(now, Fault::Api(ApiError::Offline), out);
        }
    }

    fn signed_in(&mut self, now: Now, result: Result<(), Fault>, out: &mut Vec<Output>) {
        match result {
            Ok(()) => {
                self.signed_in = true;
                self.go_on(now, out);
            }
            Err(fault) => self.failed(now, fault, out),
        }
    }

    fn pushed(&mut self, now: Now, result: Result<Pushed, Fault>, out: &mut Vec<Output>) {
        let pushed = match result {
            Ok(pushed) => pushed,
            Err(Fault::Api(ApiError::SignedOut)) if !self.signed_in => return self.sign_in(now, Needs { push: true, pull: false }, out),
            Err(Fault::Api(ApiError::TooLarge)) if self.at_most > 1 => {
                self.at_most /= 2;
                self.needs.push = true;
                return self.go_on(now, out);
            }
            Err(fault) => {
                // A slow line may carry less in the time that a flight has.
                if fault == Fault::Api(ApiError::Offline) {
                    self.at_most = (self.at_most / 2).max(1);
                }
                return self.failed(now, fault, out);
            }
        };
        self.contact = Some(now.millis);
        self.at_most = (self.at_most * 2).min(BATCH_COUNT);
        self.status.waiting = Some(pushed.waiting);
        self.needs.push = pushed.more;
        match pushed.trouble {
            Some(Trouble::Copy) => return self.halted(Phase::Copy, None),
            Some(Trouble::CentreOlder) => return self.failed(now, Fault::CentreOlder, out),
            Some(Trouble::Later(after_ms)) => return self.failed(now, Fault::Api(ApiError::Later { after_ms }), out),
            Some(Trouble::OtherEpoch) if self.turns_too_often() => return self.failed(now, Fault::Api(ApiError::Damaged), out),
            None if !pushed.progress && pushed.more => return self.failed(now, Fault::Api(ApiError::Damaged), out),
            None | Some(Trouble::OtherEpoch) => self.succeeded(),
        }
        self.needs.pull |= !self.leaving;
        self.go_on(now, out);
    }

    fn pulled(&mut self, now: Now, result: Result<Pulled, Fault>, out: &mut Vec<Output>) {
        match result {
            Ok(pulled) => {
                self.status.waiting = Some(pulled.waiting);
                if pulled.more && !pulled.progress || pulled.push_first && self.turns_too_often() {
                    return self.failed(now, Fault::Api(ApiError::Damaged), out);
                }
                self.succeeded();
                self.needs.add(Needs { push: pulled.push_first || pulled.resend, pull: pulled.more });
                self.go_on(now, out);
            }
            Err(Fault::Api(ApiError::SignedOut)) if !self.signed_in => self.sign_in(now, Needs { push: false, pull: true }, out),
            // What waits is handed over first; it is kept for whoever goes on with it.
            Err(Fault::Api(ApiError::Revoked)) if !self.leaving => {
                self.leaving = true;
                self.needs = Needs { push: true, pull: false };
                self.go_on(now, out);
            }
            Err(fault) => self.failed(now, fault, out),
        }
    }

    fn is_in_trouble(&self) -> bool {
        self.failures > 0
    }

    /// Counts another history that was named. Two centres that contradict each other must not send
    /// everything to and fro without end.
    fn turns_too_often(&mut self) -> bool {
        self.turns = self.turns.saturating_add(1);
        self.turns > TURNS
    }

    fn succeeded(&mut self) {
        self.signed_in = false;
        self.failures = 0;
        self.status.message = None;
    }

    /// A new round.
    fn begin(&mut self, now: Now, needs: Needs, out: &mut Vec<Output>) {
        self.pace.spend(now.millis);
        self.leaving = false;
        self.signed_in = false;
        self.needs = needs;
        self.needs.add(std::mem::take(&mut self.news));
        self.go_on(now, out);
    }

    /// The next flight of this round, or its end.
    fn go_on(&mut self, now: Now, out: &mut Vec<Output>) {
        if self.needs.push {
            self.needs.push = false;
            self.fly(now, Flight::Push, Phase::Sending, out);
        } else if self.leaving {
            self.halted(Phase::Revoked, None);
        } else if self.needs.pull {
            self.needs.pull = false;
            self.fly(now, Flight::Pull, Phase::Receiving, out);
        } else {
            self.turns = 0;
            self.status.phase = Phase::Idle;
            self.status.last_sync = Some(now.wall);
            let usual = now.millis + INTERVAL_MS * 3 / 4 + jitter(INTERVAL_MS / 2, now.random);
            let until = if self.news.any() { self.pace.free_at(now.millis) } else { usual };
            self.rest(until, out);
        }
    }

    fn sign_in(&mut self, now: Now, again: Needs, out: &mut Vec<Output>) {
        self.needs.add(again);
        self.fly(now, Flight::SignIn, Phase::SigningIn, out);
    }

    fn fly(&mut self, now: Now, flight: Flight, phase: Phase, out: &mut Vec<Output>) {
        self.flights += 1;
        let number = self.flights;
        self.state = State::Flying { number, since: now.millis };
        self.status.phase = phase;
        out.push(match flight {
            Flight::SignIn => Output::SignIn(number),
            Flight::Push => Output::Push(number, self.at_most),
            Flight::Pull => Output::Pull(number),
        });
        out.push(Output::WakeAt(now.millis + WATCHDOG_MS));
    }

    fn rest(&mut self, until: u64, out: &mut Vec<Output>) {
        self.state = State::Resting { until };
        out.push(Output::WakeAt(until));
    }

    fn halted(&mut self, phase: Phase, message: Option<String>) {
        self.state = State::Halted;
        self.news = Needs::default();
        self.status.phase = phase;
        self.status.message = message;
    }

    /// A flight came to nothing: tried again later, or not at all.
    fn failed(&mut self, now: Now, fault: Fault, out: &mut Vec<Output>) {
        self.failures = self.failures.saturating_add(1);
        let usual = backoff(self.failures, now.random);
        let message = Some(fault.to_string());
        let (phase, wait) = match fault {
            Fault::Api(ApiError::Offline) => (Phase::Offline, usual),
            Fault::Api(ApiError::Damaged) => (Phase::Disturbed, usual),
            Fault::Api(ApiError::Later { after_ms }) => {
                let wait = after_ms.min(LONGEST_BACKOFF_MS);
                let phase = if wait <= PATIENCE_MS { self.status.phase } else { Phase::Busy };
                (phase, wait.max(1) + jitter(wait / 4, now.random))
            }
            Fault::Api(ApiError::SignedOut) => (Phase::SignedOut, LONGEST_BACKOFF_MS),
            Fault::Api(ApiError::Refused { .. } | ApiError::TooLarge) => (Phase::Refused, LONGEST_BACKOFF_MS),
            Fault::Local(_) => (Phase::Refused, usual),
            Fault::CentreOlder => (Phase::CentreOlder, LONGEST_BACKOFF_MS),
            Fault::Api(ApiError::Revoked) => return self.halted(Phase::Revoked, None),
            Fault::Api(ApiError::UpgradeRequired) => return self.halted(Phase::UpgradeRequired, None),
        };
        self.status.message = message.filter(|_| !phase.is_under_way());
        self.status.phase = phase;
        self.rest(now.millis + wait, out);
    }
}
