//! Files that records name, each realm's by themselves, so that no other realm's file can be reached.
//! Files arrive sealed and in parts, lie sealed, and are in their place only once all of them is there
//! and is what the record says. They lie in a folder or in a bucket (`keeping.rs` says what a place
//! has to offer); who may bring or fetch one is in `named.rs`. Names tell nobody which file it is.

pub mod bucket;
pub mod copy;
mod folder;
mod keeping;
mod looking;
mod named;
mod quota;
mod verify;

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Mutex,
    time::SystemTime,
};

use gladstone_model::Instant;
use gladstone_protocol::content::{CHUNK, ContentHash, ContentKey, FileState, Opening, TAG, sealed_size, shared_name};
use uuid::Uuid;

use bucket::{Keys, Place};
use folder::Folder;
use keeping::{Keeping, Part};
use looking::Lookout;

pub(crate) use named::{MOST_ROWS, asks};
pub use quota::Quota;
pub use verify::{FileFault, FileTrouble, FilesReport};

/// The files.
pub struct Blobs {
    keeping: Box<dyn Keeping>,
    /// Folder of what this service counts.
    counts: PathBuf,
    quota: Quota,
    sums: Mutex<quota::Sums>,
    lookout: Lookout,
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
    /// The disk, or the line to the bucket.
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
        Blobs { keeping: Box::new(Folder::new(folder.clone())), counts: folder, quota, sums: Mutex::default(), lookout: Lookout::default() }
    }

    /// Files in a bucket. What laptops bring on a day is counted in the folder `counts`; `keys` tells with
    /// which key the files of a realm lie there.
    ///
    /// # Errors
    /// The machine gives no thread or no client, or the certificate of the authority cannot be used.
    pub fn in_bucket(place: &Place, counts: PathBuf, quota: Quota, keys: Keys) -> io::Result<Blobs> {
        Ok(Blobs { keeping: Box::new(bucket::Bucket::new(place, keys)?), counts, quota, sums: Mutex::default(), lookout: Lookout::default() })
    }

    /// How much of a file is there; all of that stays when the power goes.
    ///
    /// # Errors
    /// What the place says; the file begins anew when what has come could not be kept.
    pub fn state(&self, of: &Bringing<'_>) -> io::Result<FileState> {
        let part = part(of);
        if let Some(received) = self.keeping.whole(of.realm, &part.name)? {
            return Ok(whole(received));
        }
        let kept = self.keeping.keep(&part)?;
        Ok(FileState { received: kept, complete: false, kept: Some(kept) })
    }

    /// Takes a part that begins at byte `offset` of the sealed file. A part that begins elsewhere than
    /// where the file has come to is not taken; the answer says where that is, and how much of it stays when
    /// the power goes: what came last may not, until [`Blobs::state`] was asked. The last part puts the file
    /// in its place, durable when this returns.
    ///
    /// # Errors
    /// [`BlobFault`].
    pub fn append(&self, of: &Bringing<'_>, offset: u64, bytes: &[u8], now: Instant) -> Result<FileState, BlobFault> {
        let part = part(of);
        let longest = of.sizes.iter().map(|size| sealed_size(*size)).max().unwrap_or(0);
        let is_there = || Ok::<_, io::Error>(self.keeping.whole(of.realm, &part.name)?.map(whole));
        let mut held = self.keeping.hold(&part)?;
        let before = held.received();
        // Whoever held it, or another laptop, may have brought all of it.
        if (before == 0 || offset != before)
            && let Some(state) = is_there()?
        {
            held.give_up()?;
            return Ok(state);
        }
        if offset != before {
            return Ok(self.come_to(&part, before));
        }
        if before + bytes.len() as u64 > longest {
            held.give_up()?;
            return Err(BlobFault::Wrong);
        }
        self.allow(of, bytes.len() as u64, now)?;
        let looking = self.lookout.take(of, &part.name, &*held);
        held.add(bytes)?;
        let received = before + bytes.len() as u64;
        let fitting = of.sizes.iter().find(|size| sealed_size(**size) == received);
        let complete = match (fitting, looking) {
            (Some(_), Some(looking)) => looking.finish(bytes),
            (Some(size), None) => is_whole(&mut *held.content()?, of, *size)?,
            (None, Some(looking)) => {
                self.lookout.go_on(of, &part.name, looking, bytes);
                false
            }
            (None, None) => false,
        };
        if complete {
            held.settle()?;
            return Ok(whole(received));
        }
        if received == longest {
            held.give_up()?;
            return Err(BlobFault::Wrong);
        }
        held.stay()?;
        Ok(self.come_to(&part, received))
    }

    fn come_to(&self, part: &Part, received: u64) -> FileState {
        FileState { received, complete: false, kept: Some(self.keeping.kept(part, received).min(received)) }
    }

    /// Bytes of a sealed file from `offset` on, at most `length` of them, none behind its end; `None`
    /// when the file is not there.
    ///
    /// # Errors
    /// What the place says.
    pub fn read(&self, realm: Uuid, hash: &ContentHash, offset: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
        self.keeping.read(realm, &shared_name(realm, hash), offset, length)
    }

    /// Removes parts of which nothing has come for a week. Returns how many.
    ///
    /// # Errors
    /// What the place says.
    pub fn sweep(&self, now: SystemTime) -> io::Result<usize> {
        self.keeping.sweep(now)
    }

    /// Copies the whole files of a realm into a folder; those that are there stay. Returns how many
    /// were copied.
    ///
    /// # Errors
    /// What disk and place say.
    pub fn copy_to(&self, realm: Uuid, to: &Path) -> io::Result<usize> {
        self.keeping.copy_to(realm, to)
    }

    /// Puts files back from a folder that [`Blobs::copy_to`] wrote; those that are there stay.
    /// Returns how many were put back.
    ///
    /// # Errors
    /// What disk and place say.
    pub fn put_back(&self, realm: Uuid, from: &Path) -> io::Result<usize> {
        self.keeping.put_back(realm, from)
    }

    /// Bytes of a part that are handed to [`Blobs::append`] at once while more of it arrives.
    pub(crate) fn piece(&self) -> usize {
        self.keeping.piece()
    }

    /// Whether files can be kept and read just now.
    ///
    /// # Errors
    /// What the place says; of kind [`io::ErrorKind::PermissionDenied`] or [`io::ErrorKind::NotFound`] when
    /// the settings name a key or a bucket that is none.
    pub fn reachable(&self) -> io::Result<()> {
        self.keeping.reachable()
    }
}

fn part(of: &Bringing<'_>) -> Part {
    Part { realm: of.realm, device: of.device, name: shared_name(of.realm, &of.hash) }
}

fn whole(received: u64) -> FileState {
    FileState { received, complete: true, kept: Some(received) }
}

/// Whether what has come is all of the file, and the right one.
fn is_whole(content: &mut dyn Read, of: &Bringing<'_>, size: u64) -> io::Result<bool> {
    let mut opening = Opening::new(ContentKey::shared(of.realm, &of.hash), of.hash, size);
    let (mut chunk, mut left) = (vec![0; CHUNK + TAG], sealed_size(size));
    while left > 0 {
        let length = left.min((CHUNK + TAG) as u64);
        let chunk = &mut chunk[..usize::try_from(length).unwrap_or(CHUNK + TAG)];
        content.read_exact(chunk)?;
        if opening.next(chunk).is_err() {
            return Ok(false);
        }
        left -= length;
    }
    Ok(opening.finish().is_ok())
}
