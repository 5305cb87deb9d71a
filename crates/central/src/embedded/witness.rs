//! The witness beside a realm's file: epoch and last commit number, so that a file that was put
//! back from a backup is noticed. Written after each commit and before anything is acknowledged;
//! it is never ahead of the file, so it need not be forced to the disk.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use uuid::Uuid;

use crate::engine::Witness;

const MAGIC: [u8; 8] = *b"GLDWIT1\0";
/// Magic, epoch, commit number, and a checksum of these.
const LENGTH: usize = 8 + 16 + 8 + 32;

/// One witness. It lies in a single block, which a disk writes whole or not at all.
pub(super) struct WitnessFile {
    path: PathBuf,
    open: Mutex<Option<(File, Option<Witness>)>>,
}

impl WitnessFile {
    /// The witness of the realm in `path`.
    pub fn beside(path: &Path) -> WitnessFile {
        WitnessFile { path: path.with_extension("witness"), open: Mutex::new(None) }
    }

    /// What it saw last; none when it is missing or cannot be read.
    pub fn read(&self) -> Option<Witness> {
        let mut bytes = Vec::new();
        File::open(&self.path).ok()?.take(LENGTH as u64 + 1).read_to_end(&mut bytes).ok()?;
        parse(&bytes)
    }

    /// Notes what was committed.
    ///
    /// # Errors
    /// What the disk says.
    pub fn note(&self, seen: Witness) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.is_none() {
            let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.path)?;
            *open = Some((file, self.read()));
        }
        let Some((file, last)) = open.as_mut() else { return Ok(()) };
        if *last == Some(seen) {
            return Ok(());
        }
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&bytes(seen))?;
        *last = Some(seen);
        Ok(())
    }
}

fn bytes(seen: Witness) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(LENGTH);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(seen.epoch.as_bytes());
    bytes.extend_from_slice(&seen.g.to_be_bytes());
    let sum = blake3::hash(&bytes);
    bytes.extend_from_slice(sum.as_bytes());
    bytes
}

fn parse(bytes: &[u8]) -> Option<Witness> {
    let seen = Witness { epoch: Uuid::from_slice(bytes.get(8..24)?).ok()?, g: u64::from_be_bytes(bytes.get(24..32)?.try_into().ok()?) };
    (self::bytes(seen) == bytes).then_some(seen)
}
