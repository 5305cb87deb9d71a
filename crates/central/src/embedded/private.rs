//! That nobody else on the computer reads what the centre keeps: folder and files are made for their
//! owner alone, closed when a version of before left them open, and refused when that cannot be. And the key of each realm, which lies in a file of its
//! own, so that a copy of the records alone can sign nothing.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use uuid::Uuid;

use super::disk;
use crate::error::EngineError;

const MAGIC: [u8; 8] = *b"GLDKEY1\0";
/// Magic, realm, seed, and a checksum of these.
const LENGTH: usize = 8 + 16 + 32 + 32;

/// Makes a folder for its owner alone where it is missing, and closes one that is there.
///
/// # Errors
/// [`EngineError::Refused`] when others may look into it and that cannot be ended from here; what the
/// disk says.
pub(super) fn folder(path: &Path) -> Result<(), EngineError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| disk(&error))?;
    close(path)?;
    check(path)
}

/// Ends that others may read or change a folder and the files in it, as far as they belong to whoever
/// runs this. What stays open is refused when it is opened.
fn close(folder: &Path) -> Result<(), EngineError> {
    let own = rustix::process::geteuid().as_raw();
    let files = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()).map_err(|error| disk(&error))?;
    let mut closed = 0_u32;
    for path in std::iter::once(folder.to_owned()).chain(files) {
        let found = match fs::symlink_metadata(&path) {
            Ok(found) => found,
            // Removed meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(disk(&error)),
        };
        let mode = found.permissions().mode();
        if found.is_symlink() || found.uid() != own || mode & 0o077 == 0 {
            continue;
        }
        match fs::set_permissions(&path, Permissions::from_mode(mode & 0o700)) {
            Ok(()) => closed += 1,
            Err(error) => tracing::error!(%error, path = %path.display(), "others on this computer may read this, and that cannot be ended"),
        }
    }
    if closed > 0 {
        tracing::warn!(folder = %folder.display(), closed, "others on this computer could read or change what lies here; that was ended");
    }
    Ok(())
}

/// Makes an empty file for its owner alone.
///
/// # Errors
/// What the disk says, also that it is there already.
pub(super) fn make(path: &Path) -> Result<File, EngineError> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| disk(&error))
}

/// Whether only its owner reads or changes a folder or file.
///
/// # Errors
/// [`EngineError::Refused`] when others may, with what to do about it; what the disk says.
pub(super) fn check(path: &Path) -> Result<(), EngineError> {
    let mode = fs::metadata(path).map_err(|error| disk(&error))?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(EngineError::Refused(format!("{0} may be read or changed by others on this computer; nothing is served until that is ended: chmod -R go= '{0}'", path.display())))
}

/// Where the key of the realm in `path` lies.
pub(super) fn key_file(path: &Path) -> PathBuf {
    path.with_extension("key")
}

/// The seed in a key file; none when there is no such file.
///
/// # Errors
/// [`EngineError::Refused`] when others may read it, [`EngineError::Damaged`] when it is not the key
/// of this realm; what the disk says.
pub(super) fn read_key(path: &Path, realm: Uuid) -> Result<Option<[u8; 32]>, EngineError> {
    let found = match fs::read(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(disk(&error)),
    };
    check(path)?;
    let seed = found.get(24..56).and_then(|seed| <[u8; 32]>::try_from(seed).ok()).filter(|seed| bytes(realm, seed) == found);
    seed.map(Some).ok_or_else(|| EngineError::Damaged(format!("{} is not the key of organization {realm}", path.display())))
}

/// Writes a key file, durable when this returns. One that is there stays; it has to be the same.
///
/// # Errors
/// As [`read_key`].
pub(super) fn write_key(path: &Path, realm: Uuid, seed: &[u8; 32]) -> Result<(), EngineError> {
    match read_key(path, realm)? {
        Some(known) if known == *seed => return Ok(()),
        Some(_) => return Err(EngineError::Refused(format!("{} holds another key", path.display()))),
        None => {}
    }
    // Under another name until it is whole.
    let draft = path.with_extension("key-draft");
    let _ = fs::remove_file(&draft);
    let mut file = make(&draft)?;
    file.write_all(&bytes(realm, seed)).and_then(|()| file.sync_all()).map_err(|error| disk(&error))?;
    fs::rename(&draft, path).map_err(|error| disk(&error))?;
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| disk(&error))
}

/// Copies a file for its owner alone.
///
/// # Errors
/// What the disk says.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), EngineError> {
    fs::copy(from, to).and_then(|_| fs::set_permissions(to, Permissions::from_mode(0o600))).map_err(|error| disk(&error))
}

fn bytes(realm: Uuid, seed: &[u8; 32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(LENGTH);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(realm.as_bytes());
    bytes.extend_from_slice(seed);
    let sum = blake3::hash(&bytes);
    bytes.extend_from_slice(sum.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_that_of_its_realm_and_read_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, realm) = (folder.path().join("realm.key"), Uuid::from_u128(1));
        assert_eq!(read_key(&path, realm).unwrap(), None, "there is none yet");
        write_key(&path, realm, &[7; 32]).unwrap();
        write_key(&path, realm, &[7; 32]).unwrap();
        assert_eq!(read_key(&path, realm).unwrap(), Some([7; 32]), "as it was written");
        let refused = |result: Result<(), EngineError>| matches!(result, Err(EngineError::Refused(_)));
        assert!(refused(write_key(&path, realm, &[8; 32])), "another key never takes its place");
        assert!(matches!(read_key(&path, Uuid::from_u128(2)), Err(EngineError::Damaged(_))), "of another organization");
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(refused(read_key(&path, realm).map(|_| ())), "others may read it: {mode:o}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, b"something else").unwrap();
        assert!(matches!(read_key(&path, realm), Err(EngineError::Damaged(_))), "changed");
    }
}
