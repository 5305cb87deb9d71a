//! The folder of a vault: where each file lies, and how a file is written so that a power cut
//! leaves the old or the new one. Holds no keys.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What may be known about a vault without unlocking it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Identity of the vault.
    pub vault: Uuid,
    /// What the person called it; shown on the lock screen, so it need not be a name.
    pub label: String,
    /// When it was made, RFC 3339.
    pub created: String,
}

/// The folder of one vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultFolder {
    root: PathBuf,
}

impl VaultFolder {
    /// A folder that may or may not be there yet.
    pub fn at(root: impl Into<PathBuf>) -> VaultFolder {
        VaultFolder { root: root.into() }
    }

    /// The vaults below a folder, by label.
    ///
    /// # Errors
    /// What the disk says; a missing folder holds none.
    pub fn list(parent: &Path) -> io::Result<Vec<(VaultFolder, Header)>> {
        let entries = match fs::read_dir(parent) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let folder = VaultFolder::at(entry?.path());
            if let Some(header) = folder.header() {
                found.push((folder, header));
            }
        }
        found.sort_by(|a, b| a.1.label.cmp(&b.1.label));
        Ok(found)
    }

    /// Makes the folder, readable by its owner only.
    ///
    /// # Errors
    /// What the disk says.
    pub fn create(&self) -> io::Result<()> {
        fs::create_dir_all(&self.root)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&self.root, fs::Permissions::from_mode(0o700))?;
        }
        Ok(())
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What may be known without unlocking; `None` when this is no vault.
    pub fn header(&self) -> Option<Header> {
        serde_json::from_slice(&fs::read(self.root.join("vault.json")).ok()?).ok()
    }

    /// Writes the header.
    ///
    /// # Errors
    /// What the disk says.
    pub fn write_header(&self, header: &Header) -> io::Result<()> {
        write_durably(&self.root.join("vault.json"), &serde_json::to_vec_pretty(header)?)
    }

    /// The encrypted database.
    pub fn database(&self) -> PathBuf {
        self.root.join("vault.db")
    }

    /// The two copies of the slots.
    pub fn slots(&self) -> [PathBuf; 2] {
        [self.root.join("slots.a"), self.root.join("slots.b")]
    }

    /// Slots that take over once the re-keyed database is in place.
    pub fn next_slots(&self) -> PathBuf {
        self.root.join("slots.next")
    }

    /// The counter of wrong tries.
    pub fn attempts(&self) -> PathBuf {
        self.root.join("attempts")
    }

    /// The side-file anchor.
    pub fn anchor(&self) -> PathBuf {
        self.root.join("anchor")
    }

    /// Where backups are kept.
    pub fn backups(&self) -> PathBuf {
        self.root.join("backups")
    }
}

/// Writes beside the file, syncs, renames, syncs the folder: a power cut leaves old or new.
///
/// # Errors
/// What the disk says.
pub fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("writing");
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync_folder(path)
}

/// Makes renames and removals in the folder of `path` durable.
///
/// # Errors
/// What the disk says.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
