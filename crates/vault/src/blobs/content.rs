//! A content on the disk: sealed in chunks while it is written, opened in chunks while it is read. The
//! whole is never in memory.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use gladstone_protocol::content::{CHUNK, ContentHash, ContentKey, TAG, chunks, sealed_size};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::FileFault;
use crate::{folder::sync_folder, surroundings::Surroundings};

/// Chunks after which the disk begins to write: 4 MiB.
const BEHIND: u64 = 64;
/// What every file begins with.
const MAGIC: &[u8; 8] = b"GLADFIL1";

/// A content on its way into the folder. Dropped before it is kept, it leaves nothing behind.
pub struct Incoming {
    file: File,
    folder: PathBuf,
    name: String,
    key: Zeroizing<[u8; 32]>,
    sealing: ContentKey,
    /// What is not sealed yet: only what comes after it tells whether it is the last chunk.
    open: Zeroizing<Vec<u8>>,
    number: u64,
    size: u64,
    limit: u64,
    hasher: blake3::Hasher,
    is_kept: bool,
}

/// A content that lies in the folder for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its hash, under which rows name it.
    pub hash: ContentHash,
    /// Its size in bytes.
    pub size: u64,
    pub(super) name: String,
    pub(super) key: Zeroizing<[u8; 32]>,
}

impl Incoming {
    /// A new, empty one of at most `limit` bytes.
    pub(super) fn begin(folder: &Path, limit: u64, around: &dyn Surroundings) -> Result<Incoming, FileFault> {
        make_folder(folder)?;
        let (mut key, mut name) = (Zeroizing::new([0; 32]), [0; 16]);
        around.random(key.as_mut_slice())?;
        around.random(&mut name)?;
        let name = Uuid::from_bytes(name).simple().to_string();
        let mut file = create(&folder.join(format!("{name}.new")))?;
        let written = file.write_all(MAGIC);
        let sealing = ContentKey::new(&key);
        let open = Zeroizing::new(Vec::with_capacity(CHUNK + TAG));
        let incoming = Incoming { file, folder: folder.to_owned(), name, key, sealing, open, number: 0, size: 0, limit, hasher: blake3::Hasher::new(), is_kept: false };
        written?;
        Ok(incoming)
    }

    /// Bytes that came so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`FileFault::TooLarge`], [`FileFault::DiskFull`], what the disk says.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), FileFault> {
        if self.size + bytes.len() as u64 > self.limit {
            return Err(FileFault::TooLarge { limit: self.limit });
        }
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            if self.open.len() == CHUNK {
                self.flush(false)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.open.len()));
            self.open.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Takes all that `source` gives.
    ///
    /// # Errors
    /// As for [`Incoming::write`], and what reading says.
    pub fn read_from(&mut self, source: &mut dyn Read) -> Result<(), FileFault> {
        let mut buffer = Zeroizing::new(vec![0; CHUNK]);
        loop {
            match source.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => self.write(&buffer[..count])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FileFault::Disk(error)),
            }
        }
    }

    fn flush(&mut self, last: bool) -> Result<(), FileFault> {
        self.sealing.seal(self.number, last, &mut self.open);
        let written = self.file.write_all(&self.open);
        self.open.clear();
        self.number += 1;
        written?;
        if self.number.is_multiple_of(BEHIND) {
            self.write_behind();
        }
        Ok(())
    }

    /// Lets the disk begin to write what there is while more comes, so that little is left at the end. Only
    /// begin: a sync in between would hear of a failure that the one at the end has to hear of.
    fn write_behind(&self) {
        #[cfg(target_os = "linux")]
        {
            let (length, end) = (BEHIND * (CHUNK + TAG) as u64, MAGIC.len() as u64 + self.number * (CHUNK + TAG) as u64);
            let _ = rustix::fs::fadvise(&self.file, end - length, std::num::NonZeroU64::new(length), rustix::fs::Advice::DontNeed);
        }
    }

    /// Puts it into its place; durable when this returns. Nobody knows of it yet.
    pub(super) fn keep(mut self) -> Result<Kept, FileFault> {
        self.flush(true)?;
        self.file.sync_all()?;
        let place = self.folder.join(&self.name);
        fs::rename(self.folder.join(format!("{}.new", self.name)), &place)?;
        self.is_kept = true;
        sync_folder(&place)?;
        Ok(Kept { hash: *self.hasher.finalize().as_bytes(), size: self.size, name: std::mem::take(&mut self.name), key: self.key.clone() })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.is_kept {
            // What stays behind all the same is swept at the next unlock.
            let _ = fs::remove_file(self.folder.join(format!("{}.new", self.name)));
        }
    }
}

/// A content that is read, from any byte on.
pub(super) struct Outgoing {
    file: File,
    key: ContentKey,
    size: u64,
}

impl Outgoing {
    /// Opens it and looks at its length.
    pub fn open(path: &Path, key: &[u8; 32], size: u64) -> Result<Outgoing, FileFault> {
        let mut file = File::open(path)?;
        let mut magic = [0; 8];
        let fits = file.metadata()?.len() == length_of(size) && file.read_exact(&mut magic).is_ok() && magic == *MAGIC;
        if fits { Ok(Outgoing { file, key: ContentKey::new(key), size }) } else { Err(FileFault::Damaged) }
    }

    /// Number of its chunks, one at least.
    pub fn chunks(&self) -> u64 {
        chunks(self.size)
    }

    /// A chunk by its number, from 0.
    pub fn chunk(&mut self, number: u64) -> Result<Zeroizing<Vec<u8>>, FileFault> {
        let from = number * CHUNK as u64;
        let length = usize::try_from(self.size.saturating_sub(from)).unwrap_or(CHUNK).min(CHUNK);
        let mut bytes = Zeroizing::new(vec![0; length + TAG]);
        self.file.seek(SeekFrom::Start(MAGIC.len() as u64 + number * (CHUNK + TAG) as u64))?;
        self.file.read_exact(&mut bytes).map_err(|error| if error.kind() == io::ErrorKind::UnexpectedEof { FileFault::Damaged } else { error.into() })?;
        self.key.open(number, number + 1 == self.chunks(), &mut bytes).map_err(|_| FileFault::Damaged)?;
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Bytes from `offset` on, at most `length`, none behind the end.
    pub fn range(&mut self, offset: u64, length: usize) -> Result<Zeroizing<Vec<u8>>, FileFault> {
        let end = offset.saturating_add(length as u64).min(self.size);
        let mut bytes = Zeroizing::new(Vec::new());
        let mut at = offset;
        while at < end {
            let chunk = self.chunk(at / CHUNK as u64)?;
            let (from, to) = ((at % CHUNK as u64) as usize, (end - at / CHUNK as u64 * CHUNK as u64).min(chunk.len() as u64) as usize);
            bytes.extend_from_slice(&chunk[from..to]);
            at += (to - from) as u64;
        }
        Ok(bytes)
    }
}

/// Length on the disk of a content of so many bytes.
pub(crate) fn length_of(size: u64) -> u64 {
    MAGIC.len() as u64 + sealed_size(size)
}

/// Makes a folder for the eyes of its owner alone.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    sync_folder(folder)
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
