//! A clock that is set by hand and randomness that a seed repeats.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, atomic::{AtomicI64, Ordering}};

use gladstone_model::Instant;
use gladstone_vault::{Surrounding, VaultError, keys::{device_secret::{DeviceSecrets, KeyringState, NoKeyring}, kdf::Cost}, surroundings::Surroundings};

use crate::Dice;

/// Time and randomness of a test. Each look at the clock moves it on by a millisecond.
pub struct Seeded {
    now: AtomicI64,
    dice: Mutex<Dice>,
}

impl Seeded {
    /// A clock that starts on a day in autumn 2026.
    pub fn new(seed: u64) -> Seeded {
        Seeded { now: AtomicI64::new(1_795_000_000_000_000), dice: Mutex::new(Dice::new(seed)) }
    }

    /// Moves the clock.
    pub fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }
}

impl Surroundings for Seeded {
    fn now(&self) -> Instant {
        Instant(self.now.fetch_add(1_000, Ordering::Relaxed))
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), VaultError> {
        self.dice.lock().map_err(|_| VaultError::NoRandomness)?.fill(bytes);
        Ok(())
    }
}

/// No keyring, the lowest cost that is accepted, a clock of its own.
pub fn surrounding(seed: u64) -> Surrounding {
    with_clock(Arc::new(Seeded::new(seed)))
}

/// No keyring, the lowest cost that is accepted, a clock that the test keeps.
pub fn with_clock(clock: Arc<Seeded>) -> Surrounding {
    Surrounding { around: clock, secrets: Arc::new(NoKeyring), cost: Cost::FLOOR }
}

/// A keyring that works, for as long as the test.
#[derive(Default)]
pub struct MemoryKeyring(Mutex<HashMap<String, Vec<u8>>>);

impl MemoryKeyring {
    /// Names of what it keeps.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.lock().unwrap().keys().cloned().collect();
        names.sort();
        names
    }
}

impl DeviceSecrets for MemoryKeyring {
    fn probe(&self) -> KeyringState {
        KeyringState::Ready
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.lock().unwrap().get(name).cloned())
    }

    fn set(&self, name: &str, secret: &[u8]) -> Result<(), String> {
        self.0.lock().unwrap().insert(name.into(), secret.into());
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<(), String> {
        self.0.lock().unwrap().remove(name);
        Ok(())
    }
}
