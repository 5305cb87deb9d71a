//! The folder of a vault: where each file lies, and how a file is written so that a power cut
//! leaves the old or the new one. Holds no keys.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::database::with_suffix;

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

    /// Everything that belongs to one state of the vault; the header and the backups stay.
    pub fn files(&self) -> Vec<PathBuf> {
        let database = self.database();
        let [first, second] = self.slots();
        let log = ["-wal", "-shm", "-journal"].map(|suffix| with_suffix(&database, suffix));
        [vec![database], log.to_vec(), vec![first, second, self.next_slots(), self.attempts(), self.anchor()]].concat()
    }

    /// Moves files into a folder of their own within this one, so that nothing is ever deleted or
    /// overwritten. Returns that folder; none when there was nothing to move.
    ///
    /// # Errors
    /// What the disk says.
    pub fn set_aside(&self, why: &str, files: &[PathBuf]) -> io::Result<Option<PathBuf>> {
        let there: Vec<&PathBuf> = files.iter().filter(|path| path.exists()).collect();
        if there.is_empty() {
            return Ok(None);
        }
        let mut number = 1;
        let aside = loop {
            let name = if number == 1 { format!("aside-{why}") } else { format!("aside-{why}-{number}") };
            match fs::create_dir(self.root.join(&name)) {
                Ok(()) => break self.root.join(name),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        };
        for path in there {
            fs::rename(path, aside.join(path.file_name().unwrap_or_default()))?;
        }
        sync_folder(&aside.join("."))?;
        sync_folder(&aside)?;
        Ok(Some(aside))
    }

    /// Where files are kept that records name.
    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
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
