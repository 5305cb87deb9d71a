//! What a vault takes from the machine: time and randomness. Tests give their own.

use gladstone_model::{Instant, id};
use ring::rand::{SecureRandom, SystemRandom};
use uuid::Uuid;

use crate::error::VaultError;

/// Time and randomness.
pub trait Surroundings: Send + Sync {
    /// The wall clock.
    fn now(&self) -> Instant;
    /// Fills `bytes` with random numbers.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`].
    fn random(&self, bytes: &mut [u8]) -> Result<(), VaultError>;
    /// Minutes that the local zone is ahead of UTC.
    fn zone_minutes(&self) -> i16 {
        0
    }

    /// A new time-ordered id.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`].
    fn new_id(&self) -> Result<Uuid, VaultError> {
        let mut random = [0; 10];
        self.random(&mut random)?;
        Ok(id::at(self.now(), random))
    }
}

/// The machine itself.
pub struct Machine {
    random: SystemRandom,
}

impl Default for Machine {
    fn default() -> Self {
        Machine { random: SystemRandom::new() }
    }
}

impl Surroundings for Machine {
    fn now(&self) -> Instant {
        chrono::Utc::now().into()
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), VaultError> {
        self.random.fill(bytes).map_err(|_| VaultError::NoRandomness)
    }

    fn zone_minutes(&self) -> i16 {
        (chrono::Local::now().offset().local_minus_utc() / 60) as i16
    }
}
