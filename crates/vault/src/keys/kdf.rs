//! Argon2id from passphrase to key, with a floor, a ceiling and a calibration.

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::KeyError;

/// Cost of the derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Cost {
    /// Least cost that is accepted: 64 MiB, 3 passes, 1 lane.
    pub const FLOOR: Cost = Cost { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
    /// Greatest cost that is accepted, so that a tampered file cannot hang the laptop.
    pub const CEILING: Cost = Cost { memory_kib: 1024 * 1024, passes: 16, lanes: 8 };

    /// Whether the cost lies between floor and ceiling.
    pub fn is_acceptable(self) -> bool {
        let within = |value: u32, low: u32, high: u32| (low..=high).contains(&value);
        within(self.memory_kib, Self::FLOOR.memory_kib, Self::CEILING.memory_kib)
            && within(self.passes, Self::FLOOR.passes, Self::CEILING.passes)
            && within(self.lanes, Self::FLOOR.lanes, Self::CEILING.lanes)
    }

    /// The cost that takes about half a second to a second here; never below the floor.
    ///
    /// # Errors
    /// [`KeyError::Derivation`] when there is not even memory for the floor.
    pub fn calibrated() -> Result<Cost, KeyError> {
        let mut cost = Cost::FLOOR;
        loop {
            let start = Instant::now();
            derive("calibration", &[0; 16], cost)?;
            let took = start.elapsed();
            if took >= Duration::from_millis(500) || cost.passes >= Cost::CEILING.passes / 2 {
                return Ok(cost);
            }
            let wanted = 700.0 / took.as_secs_f64().max(0.001) / 1000.0 * f64::from(cost.passes);
            let passes = (wanted as u32).clamp(cost.passes + 1, Cost::CEILING.passes / 2);
            cost.passes = passes;
        }
    }
}

/// 32 bytes from a passphrase in normal form C and a salt of 16 bytes.
///
/// # Errors
/// [`KeyError::Derivation`] for want of memory.
pub fn derive(passphrase: &str, salt: &[u8; 16], cost: Cost) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(|_| KeyError::Derivation)?;
    let mut out = Zeroizing::new([0; 32]);
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into(passphrase.as_bytes(), salt, out.as_mut_slice()).map_err(|_| KeyError::Derivation)?;
    Ok(out)
}
