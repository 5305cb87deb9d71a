//! One time for the whole world, clocks that may be wrong, and randomness that a seed repeats.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use gladstone_central::{Around, CentreError};
use gladstone_model::Instant;
use gladstone_testkit::Dice;
use gladstone_vault::{VaultError, surroundings::Surroundings};

/// When every world begins: a day in autumn 2026, in microseconds since 1970 UTC.
pub const BEGINNING: i64 = 1_795_000_000_000_000;
/// A day in microseconds.
pub const DAY: i64 = 24 * 3_600 * 1_000_000;

/// True time, which nobody in the world knows. Each look at it moves it on by a millisecond.
#[derive(Debug)]
pub struct Time(AtomicI64);

impl Time {
    /// Time that begins at [`BEGINNING`].
    pub fn new() -> Arc<Time> {
        Arc::new(Time(AtomicI64::new(BEGINNING)))
    }

    /// Time that goes on from so many microseconds since 1970 UTC.
    pub fn from(micros: i64) -> Arc<Time> {
        Arc::new(Time(AtomicI64::new(micros)))
    }

    /// Microseconds since 1970 UTC.
    pub fn now(&self) -> i64 {
        self.0.fetch_add(1_000, Ordering::Relaxed)
    }

    /// As [`Time::now`], without moving on.
    pub fn peek(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Lets microseconds pass.
    pub fn pass(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

/// The clock and the randomness of one machine.
#[derive(Debug)]
pub struct Machine {
    time: Arc<Time>,
    wrong_by: AtomicI64,
    dice: Mutex<Dice>,
}

impl Machine {
    /// A machine whose clock is right.
    pub fn new(time: &Arc<Time>, seed: u64) -> Arc<Machine> {
        Arc::new(Machine { time: Arc::clone(time), wrong_by: AtomicI64::new(0), dice: Mutex::new(Dice::new(seed)) })
    }

    /// Sets the clock wrong by so many microseconds.
    pub fn set_wrong_by(&self, micros: i64) {
        self.wrong_by.store(micros, Ordering::Relaxed);
    }

    /// By how many microseconds the clock is wrong.
    pub fn wrong_by(&self) -> i64 {
        self.wrong_by.load(Ordering::Relaxed)
    }

    fn clock(&self) -> Instant {
        Instant(self.time.now().saturating_add(self.wrong_by()))
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
    }
}

impl Surroundings for Machine {
    fn now(&self) -> Instant {
        self.clock()
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), VaultError> {
        self.fill(bytes);
        Ok(())
    }
}

/// The centre's machine.
pub struct Service(pub Arc<Machine>);

impl Around for Service {
    fn now(&self) -> Instant {
        self.0.clock()
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), CentreError> {
        self.0.fill(bytes);
        Ok(())
    }
}
