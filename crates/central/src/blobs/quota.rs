//! How much laptops may bring and organizations may have. Counts are taken from the disk, so that a
//! start of the service does not begin anew.

use std::{
    collections::HashMap,
    fs, io,
    path::Path,
    sync::PoisonError,
    time::{Duration, Instant as Moment},
};

use gladstone_model::Instant;
use uuid::Uuid;

use super::{BlobFault, Blobs, Bringing, folders};

/// How long a sum is believed: another service may write into the same folder.
const BELIEVED: Duration = Duration::from_secs(600);
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

/// Bytes of the files of each realm, as counted at a moment.
pub(super) type Sums = HashMap<Uuid, (u64, Moment)>;

impl Blobs {
    /// Whether so many bytes more may come; they are counted then.
    pub(super) fn allow(&self, of: &Bringing<'_>, more: u64, now: Instant) -> Result<(), BlobFault> {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let known = sums.get(&of.realm).filter(|(_, counted)| counted.elapsed() < BELIEVED).copied();
        let (sum, counted) = match known {
            Some(known) => known,
            None => (size(&self.realm(of.realm))?, Moment::now()),
        };
        if sum + more > self.quota.realm {
            return Err(BlobFault::RealmQuota);
        }
        let (file, day) = (self.realm(of.realm).join("brought").join(of.device.to_string()), now.0.div_euclid(DAY));
        let brought = brought(&file, day)? + more;
        if brought > self.quota.device_a_day {
            return Err(BlobFault::DeviceQuota);
        }
        fs::create_dir_all(file.parent().unwrap_or(&self.folder))?;
        fs::write(&file, format!("{day} {brought}\n"))?;
        sums.insert(of.realm, (sum + more, counted));
        Ok(())
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
    Ok(known.filter(|(on, _)| *on == day).map_or(0, |(_, bytes)| bytes))
}

/// Bytes of all files in and below a folder.
fn size(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for below in folders(folder)? {
        sum += size(&below)?;
    }
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(sum),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let known = entry?.metadata()?;
        if known.is_file() {
            sum += known.len();
        }
    }
    Ok(sum)
}
