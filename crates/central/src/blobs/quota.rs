//! How much laptops may bring and organizations may have. What an organization has is counted where the
//! files are; what a laptop brought on a day, in a folder of this service, so that a start of the
//! service does not begin anew. Each copy of the service counts for itself.

use std::{
    collections::HashMap,
    fs, io,
    path::Path,
    sync::PoisonError,
    time::{Duration, Instant as Moment},
};

use gladstone_model::Instant;
use uuid::Uuid;

use super::{BlobFault, Blobs, Bringing};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// How much is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Bytes that one laptop may bring on one day (UTC).
    pub device_a_day: u64,
    /// Bytes that the files of one organization may have.
    pub realm: u64,
}

/// Bytes of the files of each realm, as counted at a moment, and how long that is believed.
pub(super) type Sums = HashMap<Uuid, (u64, Moment, Duration)>;

impl Blobs {
    /// Whether so many bytes more may come; they are counted then.
    pub(super) fn allow(&self, of: &Bringing<'_>, more: u64, now: Instant) -> Result<(), BlobFault> {
        let (sum, counted, believed) = match self.known(of.realm) {
            Some(known) => known,
            // Counted without a lock: in a bucket it takes a while, and other realms go on meanwhile.
            None => {
                let (sum, believed) = self.keeping.sum(of.realm)?;
                (sum, Moment::now(), believed)
            }
        };
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        // What others brought meanwhile counts as well.
        let sum = sums.get(&of.realm).filter(|known| known.1 == counted).map_or(sum, |known| known.0);
        if sum + more > self.quota.realm {
            return Err(BlobFault::RealmQuota);
        }
        let (file, day) = (self.counts.join(of.realm.to_string()).join("brought").join(of.device.to_string()), now.0.div_euclid(DAY));
        let brought = brought(&file, day)? + more;
        if brought > self.quota.device_a_day {
            return Err(BlobFault::DeviceQuota);
        }
        fs::create_dir_all(file.parent().unwrap_or(&self.counts))?;
        fs::write(&file, format!("{day} {brought}\n"))?;
        sums.insert(of.realm, (sum + more, counted, believed));
        Ok(())
    }

    fn known(&self, realm: Uuid) -> Option<(u64, Moment, Duration)> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).get(&realm).filter(|(_, counted, believed)| counted.elapsed() < *believed).copied()
    }
}

/// Bytes that a laptop brought on a day.
fn brought(file: &Path, day: i64) -> io::Result<u64> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let known = text.trim().split_once(' ').and_then(|(on, bytes)| Some((on.parse::<i64>().ok()?, bytes.parse::<u64>().ok()?)));
    if known.is_none() {
        tracing::warn!(file = %file.display(), "what a laptop brought today cannot be read, for example after a power cut; it begins anew");
    }
    Ok(known.filter(|(on, _)| *on == day).map_or(0, |(_, bytes)| bytes))
}
