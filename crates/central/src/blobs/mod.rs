//! Files that records name, in a folder: one folder for each realm, so that no other realm's file can
//! be reached. Files arrive sealed and in parts, lie sealed, and are in their place only once all of
//! them is there and is what the record says. Who may bring or fetch one is in `named.rs`.
//!
//! `<realm>/<two digits>/<name>` is a whole file, `<realm>/parts/<laptop>/<name>` what has come of one,
//! `<realm>/brought/<laptop>` how much a laptop brought on a day. Names tell nobody which file it is.

pub mod copy;
mod named;
mod quota;

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Mutex,
    time::{Duration, SystemTime},
};

use gladstone_model::Instant;
use gladstone_protocol::{
    content::{CHUNK, ContentHash, ContentKey, FileState, Opening, TAG, sealed_size, shared_name},
    enrol::to_hex,
};
use uuid::Uuid;

pub use quota::Quota;

/// How long a part is kept of which no more comes.
const STALE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// How often it is looked, 20 ms apart, whether a part is free.
const PATIENCE: usize = 25;

/// The folder of files.
#[derive(Debug)]
pub struct Blobs {
    folder: PathBuf,
    quota: Quota,
    sums: Mutex<quota::Sums>,
}

/// Whose file it is, and who brings it.
#[derive(Clone, Copy, Debug)]
pub struct Bringing<'a> {
    /// The organization.
    pub realm: Uuid,
    /// The laptop.
    pub device: Uuid,
    /// The file.
    pub hash: ContentHash,
    /// Sizes in bytes that records give it, before it is sealed; one as a rule.
    pub sizes: &'a [u64],
}

/// Why a part was not taken.
#[derive(Debug, thiserror::Error)]
pub enum BlobFault {
    /// The disk.
    #[error("{0}")]
    Disk(#[from] io::Error),
    /// All of it is there and is another file. What had come is gone.
    #[error("what came is not the file that was named")]
    Wrong,
    /// Another part of it is being written just now.
    #[error("another part of this file is being written")]
    Busy,
    /// More than the laptop may bring in a day.
    #[error("this laptop brought as many files today as it may")]
    DeviceQuota,
    /// More than the organization may have.
    #[error("the organization has as many files as it may")]
    RealmQuota,
}

impl Blobs {
    /// Files in this folder; it need not be there yet.
    pub fn new(folder: PathBuf, quota: Quota) -> Blobs {
        Blobs { folder, quota, sums: Mutex::default() }
    }

    fn realm(&self, realm: Uuid) -> PathBuf {
        self.folder.join(realm.to_string())
    }

    fn place(&self, realm: Uuid, hash: &ContentHash) -> PathBuf {
        let name = to_hex(&shared_name(realm, hash));
        self.realm(realm).join(&name[..2]).join(name)
    }

    fn part(&self, of: &Bringing<'_>) -> PathBuf {
        self.realm(of.realm).join("parts").join(of.device.to_string()).join(to_hex(&shared_name(of.realm, &of.hash)))
    }

    /// How much of a file is there.
    ///
    /// # Errors
    /// What the disk says.
    pub fn state(&self, of: &Bringing<'_>) -> io::Result<FileState> {
        if let Some(received) = length(&self.place(of.realm, &of.hash))? {
            return Ok(FileState { received, complete: true });
        }
        Ok(FileState { received: length(&self.part(of))?.unwrap_or(0), complete: false })
    }

    /// Takes a part that begins at byte `offset` of the sealed file; durable when this returns. A part
    /// that begins elsewhere than where the file has come to is not taken; the answer says where
    /// that is. The last part puts the file in its place.
    ///
    /// # Errors
    /// [`BlobFault`].
    pub fn append(&self, of: &Bringing<'_>, offset: u64, bytes: &[u8], now: Instant) -> Result<FileState, BlobFault> {
        let (path, place) = (self.part(of), self.place(of.realm, &of.hash));
        let longest = of.sizes.iter().map(|size| sealed_size(*size)).max().unwrap_or(0);
        if let Some(received) = length(&place)? {
            return Ok(FileState { received, complete: true });
        }
        fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
        let mut part = File::options().read(true).write(true).create(true).truncate(false).open(&path)?;
        hold(&part)?;
        // Whoever held the lock may have brought the rest.
        if let Some(received) = length(&place)? {
            return Ok(FileState { received, complete: true });
        }
        let before = part.metadata()?.len();
        if offset != before {
            return Ok(FileState { received: before, complete: false });
        }
        if before + bytes.len() as u64 > longest {
            fs::remove_file(&path)?;
            return Err(BlobFault::Wrong);
        }
        self.allow(of, bytes.len() as u64, now)?;
        part.seek(SeekFrom::End(0))?;
        part.write_all(bytes)?;
        part.sync_all()?;
        let received = before + bytes.len() as u64;
        let fitting = of.sizes.iter().find(|size| sealed_size(**size) == received);
        let complete = fitting.map(|size| is_whole(&mut part, of, *size)).transpose()?.unwrap_or(false);
        if complete {
            settle(&path, &place)?;
        } else if received == longest {
            fs::remove_file(&path)?;
            return Err(BlobFault::Wrong);
        }
        Ok(FileState { received, complete })
    }

    /// Bytes of a sealed file from `offset` on, at most `length` of them, none behind its end; `None`
    /// when the file is not there.
    ///
    /// # Errors
    /// What the disk says.
    pub fn read(&self, realm: Uuid, hash: &ContentHash, offset: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
        let mut file = match File::open(self.place(realm, hash)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(offset.min(file.metadata()?.len())))?;
        let mut bytes = Vec::new();
        file.take(length as u64).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Removes parts of which nothing has come for a week. Returns how many.
    ///
    /// # Errors
    /// What the disk says.
    pub fn sweep(&self, now: SystemTime) -> io::Result<usize> {
        let mut swept = 0;
        for realm in folders(&self.folder)? {
            for laptop in folders(&realm.join("parts"))? {
                for part in fs::read_dir(&laptop)? {
                    let part = part?;
                    if now.duration_since(part.metadata()?.modified()?).is_ok_and(|age| age > STALE) {
                        fs::remove_file(part.path())?;
                        swept += 1;
                    }
                }
            }
        }
        Ok(swept)
    }
}

/// Waits a moment for the part: what a broken line brought may still be written down.
fn hold(part: &File) -> Result<(), BlobFault> {
    for _ in 0..PATIENCE {
        match part.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
    Err(BlobFault::Busy)
}

/// Whether a part is all of the file, and the right one.
fn is_whole(part: &mut File, of: &Bringing<'_>, size: u64) -> io::Result<bool> {
    let mut opening = Opening::new(ContentKey::shared(of.realm, &of.hash), of.hash, size);
    part.seek(SeekFrom::Start(0))?;
    let (mut chunk, mut left) = (vec![0; CHUNK + TAG], sealed_size(size));
    while left > 0 {
        let length = left.min((CHUNK + TAG) as u64);
        let chunk = &mut chunk[..usize::try_from(length).unwrap_or(CHUNK + TAG)];
        part.read_exact(chunk)?;
        if opening.next(chunk).is_err() {
            return Ok(false);
        }
        left -= length;
    }
    Ok(opening.finish().is_ok())
}

/// Moves a synced file to its place for good.
fn settle(from: &Path, to: &Path) -> io::Result<()> {
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder)?;
    fs::rename(from, to)?;
    File::open(folder)?.sync_all()?;
    // The folder of two digits may be new itself.
    folder.parent().map_or(Ok(()), |above| File::open(above)?.sync_all())
}

/// Length of a file; none when it is not there.
fn length(path: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(known) => Ok(Some(known.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The folders in a folder; none when it is not there.
fn folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}
