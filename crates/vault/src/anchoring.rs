//! Keeps the side-file anchor in step with the commits: two records of 256 bytes, written in turn,
//! so that a torn write leaves the other one. Not synced: an anchor behind its database is
//! harmless, and a sync would double the price of every save.

use std::{fs::File, io, path::Path, sync::Mutex};

use gladstone_store::digest::DigestKey;

use crate::{keys::anchor::Anchor, state::VaultState};

const RECORD: usize = 256;

/// Called after every commit with the new state.
pub struct Anchoring {
    file: Mutex<File>,
    key: DigestKey,
    epoch: u64,
}

impl Anchoring {
    /// Opens or makes the side file.
    ///
    /// # Errors
    /// What the disk says.
    pub fn open(path: &Path, key: DigestKey, epoch: u64) -> io::Result<Anchoring> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Anchoring { file: Mutex::new(file), key, epoch })
    }

    /// The newest whole anchor in a side file.
    pub fn load(path: &Path, key: &DigestKey) -> Option<Anchor> {
        newest(path, |bytes| Anchor::from_bytes(key, bytes))
    }

    /// The newest anchor in a side file, whichever key it was written with. Not to be believed.
    pub fn load_unproven(path: &Path) -> Option<Anchor> {
        newest(path, Anchor::unproven)
    }

    /// Writes the anchor of a state. A failure is logged only: the save itself is durable.
    pub(crate) fn note(&self, state: &VaultState) {
        self.put(&Anchor::of(state, self.epoch));
    }

    /// Writes an anchor in the place of the older one of the two. A failure is logged only.
    pub(crate) fn put(&self, anchor: &Anchor) {
        let bytes = anchor.to_bytes(&self.key);
        let mut record = vec![0; RECORD];
        let length = u16::try_from(bytes.len()).unwrap_or_default();
        record[..2].copy_from_slice(&length.to_be_bytes());
        if let Some(place) = record.get_mut(2..2 + bytes.len()) {
            place.copy_from_slice(&bytes);
        }
        if let Ok(mut file) = self.file.lock()
            && let Err(error) = write_at(&mut file, &record, (anchor.dseq.wrapping_add(anchor.turn) % 2) * RECORD as u64)
        {
            tracing::warn!(%error, "the anchor beside the vault could not be written");
        }
    }
}

fn newest(path: &Path, read: impl Fn(&[u8]) -> Option<Anchor>) -> Option<Anchor> {
    let bytes = std::fs::read(path).ok()?;
    let record = |record: &[u8]| -> Option<Anchor> {
        let length = usize::from(u16::from_be_bytes([*record.first()?, *record.get(1)?]));
        read(record.get(2..2 + length)?)
    };
    bytes.chunks(RECORD).filter_map(record).max_by_key(|anchor| (anchor.epoch, anchor.dseq, anchor.turn))
}

fn write_at(file: &mut File, bytes: &[u8], offset: u64) -> io::Result<()> {
    use io::{Seek, Write};
    file.seek(io::SeekFrom::Start(offset))?;
    file.write_all(bytes)
}
