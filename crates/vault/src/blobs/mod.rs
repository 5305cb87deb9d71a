//! Contents of files: what rows name by hash. They lie beside the database in the
//! folder `blobs`, each sealed with a random key of its own under a random name; keys and names are in
//! the database. So a changed passphrase protects every later file, and a file whose row of keys is
//! gone can be read by nobody.
//!
//! A file is written to a name of its own, synced, renamed, its folder synced, and only then named in
//! the database: together with the record that names it. What is not named there is swept.

mod content;
mod held;
mod naming;
mod parts;
mod queue;

use std::{io, path::PathBuf};

use gladstone_store::StoreError;

use crate::{error::VaultError, vault::Vault};

pub use content::{Incoming, Kept};
pub use held::{HeldFile, Swept};
pub use parts::Taking;
pub use queue::{AUTOMATIC, Files, Transfer, TransferState};

pub(crate) use content::length_of;
pub(crate) use held::names;
pub(crate) use queue::forget_centre;

/// Why something about a file failed, in words a person can act on.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// It is larger than a file may be.
    #[error("this file is too large: at most {} MB are allowed. Make it smaller, or share it another way", .limit / (1024 * 1024))]
    TooLarge {
        /// Greatest size in bytes.
        limit: u64,
    },
    /// No space is left.
    #[error("the disk is full. Make room and try again")]
    DiskFull,
    /// The disk failed, or the folder cannot be written.
    #[error("the file cannot be read or written: {0}")]
    Disk(io::Error),
    /// It was changed, cut or replaced on the disk.
    #[error("this file is damaged on this computer")]
    Damaged,
    /// It is not on this computer.
    #[error("this file is not on this computer")]
    NotHere,
    /// The vault around it.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl From<io::Error> for FileFault {
    fn from(error: io::Error) -> FileFault {
        match error.kind() {
            // The last one: a limit of the system or the file system, which no waiting helps either.
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => FileFault::DiskFull,
            io::ErrorKind::NotFound => FileFault::NotHere,
            _ => FileFault::Disk(error),
        }
    }
}

impl From<FileFault> for VaultError {
    fn from(fault: FileFault) -> VaultError {
        match fault {
            FileFault::Vault(error) => error,
            FileFault::DiskFull => VaultError::Store(StoreError::DiskFull),
            other => VaultError::File(other.to_string()),
        }
    }
}

impl Vault {
    /// The folder of files; it is there once there is a file.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.path().with_file_name("blobs")
    }

    /// The folder of parts of files that are on their way here.
    pub(crate) fn parts(&self) -> PathBuf {
        self.blobs().join("parts")
    }
}
