//! Wrong tries: the counter is on disk before a passphrase is checked, so pulling the plug gains
//! nothing. Nothing is ever wiped.

use std::path::Path;

use gladstone_model::Instant;
use serde::{Deserialize, Serialize};

use super::KeyError;
use crate::folder::write_durably;

/// Tries without any wait.
pub const FREE_TRIES: u32 = 5;
/// Waits in seconds after the sixth, seventh, … wrong try; the last one stays.
const WAITS: [i64; 6] = [30, 60, 120, 240, 480, 900];

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Record {
    tries: u32,
    /// When the last try was made, microseconds UTC.
    last: i64,
    /// The latest time ever seen: setting the clock back does not shorten a wait, setting it
    /// forward and back does not lengthen it.
    seen: i64,
}

/// The counter of one vault.
pub struct Attempts<'p> {
    path: &'p Path,
}

impl Attempts<'_> {
    /// The counter in a file; a missing or unreadable file counts as five tries, not as none.
    pub fn at(path: &Path) -> Attempts<'_> {
        Attempts { path }
    }

    /// Counts a try, durably, before it is made. Returns the free tries left after this one.
    ///
    /// # Errors
    /// [`KeyError::Wait`], or what the disk says.
    pub fn begin(&self, now: Instant) -> Result<Option<u32>, KeyError> {
        let mut record = self.load(now)?;
        let now = now.0.max(record.seen);
        if record.tries > FREE_TRIES {
            let step = (record.tries - FREE_TRIES - 1).min(WAITS.len() as u32 - 1) as usize;
            let left = record.last.saturating_add(WAITS[step] * 1_000_000).saturating_sub(now);
            if left > 0 {
                return Err(KeyError::Wait { seconds: left.saturating_add(999_999) / 1_000_000 });
            }
        }
        record.tries = record.tries.saturating_add(1);
        record.last = now;
        record.seen = now;
        self.store(&record)?;
        Ok(FREE_TRIES.checked_sub(record.tries).filter(|left| *left > 0))
    }

    /// The passphrase was right: counting starts anew.
    ///
    /// # Errors
    /// What the disk says.
    pub fn succeeded(&self, now: Instant) -> Result<(), KeyError> {
        self.store(&Record { tries: 0, last: 0, seen: now.0 })
    }

    fn load(&self, now: Instant) -> Result<Record, KeyError> {
        match std::fs::read(self.path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or(Record { tries: FREE_TRIES, last: now.0, seen: now.0 })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Record::default()),
            Err(error) => Err(error.into()),
        }
    }

    fn store(&self, record: &Record) -> Result<(), KeyError> {
        let bytes = serde_json::to_vec(record).unwrap_or_default();
        Ok(write_durably(self.path, &bytes)?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_grow_and_a_clock_set_back_does_not_shorten_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("attempts");
        let attempts = Attempts::at(&path);
        let mut now = Instant(1_800_000_000_000_000);
        for left in [Some(4), Some(3), Some(2), Some(1), None, None] {
            assert_eq!(attempts.begin(now).unwrap(), left, "the screen says how many free tries are left");
        }
        for wait in [30, 60, 120, 240, 480, 900, 900] {
            let refused = attempts.begin(now.plus_seconds(wait - 1));
            assert!(matches!(refused, Err(KeyError::Wait { seconds: 1 })), "a try one second early is refused after {wait} s");
            assert!(attempts.begin(now.plus_seconds(-86_400)).is_err(), "a clock set back gains nothing");
            now = now.plus_seconds(wait);
            assert!(attempts.begin(now).is_ok(), "after {wait} s the next try is free");
        }
        attempts.succeeded(now).unwrap();
        assert_eq!(attempts.begin(now).unwrap(), Some(4), "the right passphrase starts the count anew");
    }
}
