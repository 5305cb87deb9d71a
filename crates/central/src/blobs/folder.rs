//! Files in a folder: `<realm>/<two digits>/<name>` is a whole file, `<realm>/parts/<laptop>/<name>`
//! what has come of one. Nobody waits for the disk before a part is acknowledged; a whole file is
//! synced before it gets its place.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use gladstone_protocol::enrol::to_hex;
use uuid::Uuid;

use super::{BlobFault, copy, keeping::{Held, Keeping, Mark, Name, Part, STALE}};

/// Bytes that the disk begins to write at once.
const BEHIND: usize = 1024 * 1024;
/// How often it is looked, 20 ms apart, whether a part is free.
const PATIENCE: usize = 25;
/// How long a sum is believed: another service may write into the same folder.
const BELIEVED: Duration = Duration::from_secs(600);

/// The folder.
#[derive(Debug)]
pub(super) struct Folder(pub PathBuf);

/// A part that nobody else writes.
struct Open {
    file: File,
    path: PathBuf,
    place: PathBuf,
    length: u64,
}

impl Folder {
    fn realm(&self, realm: Uuid) -> PathBuf {
        self.0.join(realm.to_string())
    }

    fn place(&self, realm: Uuid, name: &Name) -> PathBuf {
        let name = to_hex(name);
        self.realm(realm).join(&name[..2]).join(name)
    }

    fn part(&self, part: &Part) -> PathBuf {
        self.realm(part.realm).join("parts").join(part.device.to_string()).join(to_hex(&part.name))
    }
}

impl Keeping for Folder {
    fn whole(&self, realm: Uuid, name: &Name) -> io::Result<Option<u64>> {
        length(&self.place(realm, name))
    }

    fn read(&self, realm: Uuid, name: &Name, offset: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
        let mut file = match File::open(self.place(realm, name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let size = file.metadata()?.len();
        let from = offset.min(size);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::with_capacity(length.min(usize::try_from(size - from).unwrap_or(length)));
        file.take(length as u64).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn received(&self, part: &Part) -> io::Result<u64> {
        Ok(length(&self.part(part))?.unwrap_or(0))
    }

    fn hold<'a>(&'a self, part: &'a Part) -> Result<Box<dyn Held + 'a>, BlobFault> {
        let path = self.part(part);
        fs::create_dir_all(path.parent().unwrap_or(&self.0))?;
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path)?;
        hold(&file)?;
        let length = file.metadata()?.len();
        Ok(Box::new(Open { file, path, place: self.place(part.realm, &part.name), length }))
    }

    fn sum(&self, realm: Uuid) -> io::Result<(u64, Duration)> {
        Ok((size(&self.realm(realm))?, BELIEVED))
    }

    fn sweep(&self, now: SystemTime) -> io::Result<usize> {
        let mut swept = 0;
        for realm in folders(&self.0)? {
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

    fn copy_to(&self, realm: Uuid, to: &Path) -> io::Result<usize> {
        copy::linked(&self.realm(realm), to)
    }

    fn put_back(&self, realm: Uuid, from: &Path) -> io::Result<usize> {
        copy::linked(from, &self.realm(realm))
    }

    fn reachable(&self) -> io::Result<()> {
        fs::create_dir_all(&self.0)
    }

    fn piece(&self) -> usize {
        BEHIND
    }
}

impl Held for Open {
    fn received(&self) -> u64 {
        self.length
    }

    fn mark(&self) -> Option<Mark> {
        // Opened once more: another name for the same handle would go on holding it.
        File::open(&self.path).ok().map(Mark).filter(|mark| self.has(mark))
    }

    fn has(&self, mark: &Mark) -> bool {
        let number = |file: &File| file.metadata().map(|known| (known.dev(), known.ino()));
        matches!((number(&self.file), number(&mark.0)), (Ok(own), Ok(marked)) if own == marked)
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        if bytes.len() >= BEHIND {
            write_behind(&self.file, self.length - bytes.len() as u64, bytes.len());
        }
        Ok(())
    }

    fn content(&mut self) -> io::Result<Box<dyn Read + '_>> {
        self.file.seek(SeekFrom::Start(0))?;
        Ok(Box::new(&self.file))
    }

    fn stay(self: Box<Self>) -> io::Result<()> {
        Ok(())
    }

    fn settle(self: Box<Self>) -> io::Result<()> {
        self.file.sync_all()?;
        let folder = self.place.parent().unwrap_or(&self.place);
        fs::create_dir_all(folder)?;
        fs::rename(&self.path, &self.place)?;
        File::open(folder)?.sync_all()?;
        // The folder of two digits may be new itself, and not synced yet by whoever made it.
        folder.parent().map_or(Ok(()), |above| File::open(above)?.sync_all())
    }

    fn give_up(self: Box<Self>) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// Lets the disk begin to write what was added while more comes, so that little is left at the end. Only
/// begin: a sync in between would hear of a failure that the one at the end has to hear of.
fn write_behind(file: &File, from: u64, length: usize) {
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(file, from, std::num::NonZeroU64::new(length as u64), rustix::fs::Advice::DontNeed);
    #[cfg(not(target_os = "linux"))]
    let _ = (file, from, length);
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

/// Length of a file; none when it is not there.
fn length(path: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(known) => Ok(Some(known.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The folders in a folder; none when it is not there.
pub(super) fn folders(path: &Path) -> io::Result<Vec<PathBuf>> {
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

/// Bytes of all files in and below a folder.
fn size(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for below in folders(folder)? {
        sum += size(&below)?;
    }
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(sum),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let known = entry?.metadata()?;
        if known.is_file() {
            sum += known.len();
        }
    }
    Ok(sum)
}
