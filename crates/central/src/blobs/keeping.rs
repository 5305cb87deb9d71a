//! What a place for files has to offer. It knows no right and no quota, and does not look into files:
//! who may bring one, how much, and whether a whole is the right one is decided in `mod.rs`.

use std::{collections::HashSet, fmt::Debug, fs::File, io::{self, Read}, path::Path, time::{Duration, SystemTime}};

use uuid::Uuid;

use super::BlobFault;

/// How long a part is kept of which no more comes.
pub(super) const STALE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What a file is called at the centre of its realm; see [`gladstone_protocol::content::shared_name`].
pub(super) type Name = [u8; 32];

/// What has come of a file from one laptop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub realm: Uuid,
    pub device: Uuid,
    pub name: Name,
}

/// A place for files. Blocking; every call may come from any thread. Errors are what disk or line say;
/// of kind [`io::ErrorKind::InvalidData`] when what lies there is not what was put there.
pub(super) trait Keeping: Debug + Send + Sync {
    /// Bytes of a whole file as it is sealed; none when it is not there.
    fn whole(&self, realm: Uuid, name: &Name) -> io::Result<Option<u64>>;

    /// Bytes of a whole file from `offset` on, at most `length`, none behind its end.
    fn read(&self, realm: Uuid, name: &Name, offset: u64, length: usize) -> io::Result<Option<Vec<u8>>>;

    /// How much has come.
    fn received(&self, part: &Part) -> io::Result<u64>;

    /// Returns when what has come stays when the power goes, and how much that is. After a fault of the disk
    /// nothing of the part counts any more.
    fn keep(&self, part: &Part) -> io::Result<u64>;

    /// How many of `received` bytes stay when the power goes, as far as that is known just now.
    fn kept(&self, _part: &Part, received: u64) -> u64 {
        received
    }

    /// Takes what has come in hand, to go on with it.
    fn hold<'a>(&'a self, part: &'a Part) -> Result<Box<dyn Held + 'a>, BlobFault>;

    /// Bytes of everything of a realm, and for how long that may be believed.
    fn sum(&self, realm: Uuid) -> io::Result<(u64, Duration)>;

    /// Where a whole file lies, in words for whoever runs the centre.
    fn called(&self, realm: Uuid, name: &Name) -> io::Result<String>;

    /// How many whole files of a realm have none of these names.
    fn unnamed(&self, realm: Uuid, names: &HashSet<Name>) -> io::Result<u64>;

    /// Removes parts of which nothing has come for [`STALE`]. Returns how many.
    fn sweep(&self, now: SystemTime) -> io::Result<usize>;

    /// Copies the whole files of a realm into a folder, as `<two digits>/<name>`; those that are
    /// there stay. Returns how many were copied.
    fn copy_to(&self, realm: Uuid, to: &Path) -> io::Result<usize>;

    /// Takes files from such a folder; those that are here stay. Returns how many were missing.
    fn put_back(&self, realm: Uuid, from: &Path) -> io::Result<usize>;

    /// Whether files can be kept and read just now.
    fn reachable(&self) -> io::Result<()>;

    /// Bytes of a part that are added at once while more of it arrives.
    fn piece(&self) -> usize;
}

/// The file of a part, kept open so that its number is not given to another one. What has a mark was only
/// ever added to.
pub(super) struct Mark(pub File);

/// What has come of a file, in hand of one request.
pub(super) trait Held {
    /// How much it is.
    fn received(&self) -> u64;

    /// Something by which it is known again while nobody began anew; none where that cannot be told.
    fn mark(&self) -> Option<Mark> {
        None
    }

    /// Whether it has this mark.
    fn has(&self, _mark: &Mark) -> bool {
        false
    }

    /// Adds bytes at the end.
    fn add(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// All of it, from the beginning.
    fn content(&mut self) -> io::Result<Box<dyn Read + '_>>;

    /// More is to come: what was added is there. It may go with the power until [`Keeping::keep`] returns.
    fn stay(self: Box<Self>) -> io::Result<()>;

    /// It is the whole file: it is in its place for good when this returns.
    fn settle(self: Box<Self>) -> io::Result<()>;

    /// It is for nothing.
    fn give_up(self: Box<Self>) -> io::Result<()>;
}
