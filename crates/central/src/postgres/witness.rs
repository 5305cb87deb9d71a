//! The witness of realms that lie in PostgreSQL: a small file for each in the service's state
//! folder, outside the database, so that a database that was put back from a backup is noticed.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
};

use uuid::Uuid;

use crate::{engine::Witness, error::EngineError};

/// Epoch, commit number, and the first bytes of a hash over both.
const LENGTH: usize = 16 + 8 + 8;

/// The folder in which witnesses lie.
pub(super) struct Witnesses {
    folder: PathBuf,
}

impl Witnesses {
    /// Makes the folder where it is missing.
    ///
    /// # Errors
    /// What the disk says.
    pub fn open(folder: PathBuf) -> Result<Witnesses, EngineError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|error| EngineError::Failed(format!("{}: {error}", folder.display())))?;
        Ok(Witnesses { folder })
    }

    /// What was seen last of a realm; none for a realm without a file that can be read.
    ///
    /// # Errors
    /// What the disk says.
    pub fn read(&self, realm: Uuid) -> Result<Option<Witness>, EngineError> {
        match File::open(self.path(realm)) {
            Ok(mut file) => {
                file.lock_shared().and_then(|()| contents(&mut file)).map_err(|error| self.failed(&error))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Notes what is durable by now. Of one history the greatest number stays: several services
    /// may share the folder.
    ///
    /// # Errors
    /// What the disk says.
    pub fn note(&self, realm: Uuid, seen: Witness) -> Result<(), EngineError> {
        self.try_note(realm, seen).map_err(|error| self.failed(&error))
    }

    fn try_note(&self, realm: Uuid, seen: Witness) -> std::io::Result<()> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(self.path(realm))?;
        file.lock()?;
        if contents(&mut file)?.is_some_and(|known| known.epoch == seen.epoch && known.g >= seen.g) {
            return Ok(());
        }
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&bytes(seen))
    }

    fn path(&self, realm: Uuid) -> PathBuf {
        self.folder.join(realm.as_hyphenated().to_string())
    }

    fn failed(&self, error: &std::io::Error) -> EngineError {
        EngineError::Failed(format!("the witness in {}: {error}", self.folder.display()))
    }
}

fn bytes(seen: Witness) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    bytes[..16].copy_from_slice(seen.epoch.as_bytes());
    bytes[16..24].copy_from_slice(&seen.g.to_be_bytes());
    let hash = blake3::hash(&bytes[..24]);
    bytes[24..].copy_from_slice(&hash.as_bytes()[..8]);
    bytes
}

fn contents(file: &mut File) -> std::io::Result<Option<Witness>> {
    let mut found = Vec::with_capacity(LENGTH);
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut found)?;
    let read = || {
        let seen = Witness { epoch: Uuid::from_slice(found.get(..16)?).ok()?, g: u64::from_be_bytes(found.get(16..24)?.try_into().ok()?) };
        (bytes(seen) == *found).then_some(seen)
    };
    Ok(read())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_goes_forward_in_one_history_and_follows_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let witnesses = Witnesses::open(folder.path().join("witness")).unwrap();
        let realm = Uuid::from_u128(1);
        let check = |what: &str, seen: Option<(u128, u64)>, expected: Option<(u128, u64)>| {
            let of = |(epoch, g)| Witness { epoch: Uuid::from_u128(epoch), g };
            if let Some(seen) = seen {
                witnesses.note(realm, of(seen)).unwrap();
            }
            assert_eq!(witnesses.read(realm).unwrap(), expected.map(of), "{what}");
        };
        check("nothing was seen", None, None);
        check("the first", Some((1, 5)), Some((1, 5)));
        check("further", Some((1, 9)), Some((1, 9)));
        check("a slower writer comes late", Some((1, 7)), Some((1, 9)));
        check("another history", Some((2, 3)), Some((2, 3)));
        fs::write(witnesses.path(realm), [1; LENGTH]).unwrap();
        check("damaged: as if nothing was seen", None, None);
        check("written anew", Some((2, 4)), Some((2, 4)));
    }
}
