//! Time and randomness of the centre. Tests give their own.

use gladstone_model::{Instant, id};
use ring::rand::{SecureRandom, SystemRandom};
use uuid::Uuid;

use crate::error::CentreError;

/// Time and randomness.
pub trait Around: Send + Sync {
    /// The wall clock.
    fn now(&self) -> Instant;

    /// Fills `bytes` with random numbers fit for keys.
    ///
    /// # Errors
    /// [`CentreError::NoRandomness`].
    fn random(&self, bytes: &mut [u8]) -> Result<(), CentreError>;

    /// A new time-ordered id (UUID version 7).
    ///
    /// # Errors
    /// [`CentreError::NoRandomness`].
    fn new_id(&self) -> Result<Uuid, CentreError> {
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
    fn default() -> Machine {
        Machine { random: SystemRandom::new() }
    }
}

impl Around for Machine {
    fn now(&self) -> Instant {
        chrono::Utc::now().into()
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), CentreError> {
        self.random.fill(bytes).map_err(|_| CentreError::NoRandomness)
    }
}
