//! Files in a folder: `<realm>/<two digits>/<name>` is a whole file, `<realm>/parts/<laptop>/<name>`
//! what has come of one. Parts are synced while more comes; how far that is, is known, and no more is
//! acknowledged as kept. A whole file is synced before it gets its place. What could not be synced is
//! removed: of bytes that the disk refused once nobody can say what lies there, and the next sync would
//! not tell.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
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

/// Parts of which it is remembered how far they are synced, at a time.
const MOST: usize = 10_000;

/// The folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    kept: Mutex<HashMap<PathBuf, Kept>>,
}

/// How far a part is synced.
#[derive(Clone, Copy, Debug)]
struct Kept {
    /// Device and number of the file: whoever begins anew begins another one.
    file: (u64, u64),
    length: u64,
}

/// A part that nobody else writes.
struct Open<'a> {
    folder: &'a Folder,
    file: File,
    path: PathBuf,
    place: PathBuf,
    length: u64,
}

impl Folder {
    pub fn new(path: PathBuf) -> Folder {
        Folder { path, kept: Mutex::default() }
    }

    fn realm(&self, realm: Uuid) -> PathBuf {
        self.path.join(realm.to_string())
    }

    fn place(&self, realm: Uuid, name: &Name) -> PathBuf {
        let name = to_hex(name);
        self.realm(realm).join(&name[..2]).join(name)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Syncs a part. When that fails the part is removed.
    fn sync(&self, part: &File, path: &Path) -> io::Result<()> {
        part.sync_data().inspect_err(|error| {
            self.lock().remove(path);
            if let Err(stays) = fs::remove_file(path) {
                tracing::error!(%error, %stays, path = %path.display(), "the disk did not take a part of a file, and what there is of it cannot be removed");
            }
        })
    }

    fn part(&self, part: &Part) -> PathBuf {
        self.realm(part.realm).join("parts").join(part.device.to_string()).join(to_hex(&part.name))
    }

    /// Makes the names that lead to a file stay: any of the folders may be new, and not synced yet by
    /// whoever made it.
    fn sync_above(&self, path: &Path) -> io::Result<()> {
        path.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.path)).try_for_each(|folder| File::open(folder)?.sync_all())
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

    fn keep(&self, part: &Part) -> io::Result<u64> {
        let path = self.part(part);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        // As it is before: another request may be adding to it.
        let known = file.metadata()?;
        let now = Kept { file: (known.dev(), known.ino()), length: known.len() };
        let before = self.lock().get(&path).copied().filter(|kept| kept.file == now.file);
        if before.is_some_and(|before| before.length >= now.length) {
            return Ok(now.length);
        }
        self.sync(&file, &path)?;
        if before.is_none() {
            self.sync_above(&path)?;
        }
        let mut all = self.lock();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(path, now);
        Ok(now.length)
    }

    fn kept(&self, part: &Part, _received: u64) -> u64 {
        let path = self.part(part);
        let Some(kept) = self.lock().get(&path).copied() else { return 0 };
        if fs::metadata(&path).is_ok_and(|known| (known.dev(), known.ino()) == kept.file) { kept.length } else { 0 }
    }

    fn hold<'a>(&'a self, part: &'a Part) -> Result<Box<dyn Held + 'a>, BlobFault> {
        let path = self.part(part);
        fs::create_dir_all(path.parent().unwrap_or(&self.path))?;
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path)?;
        hold(&file)?;
        let length = file.metadata()?.len();
        Ok(Box::new(Open { folder: self, file, path, place: self.place(part.realm, &part.name), length }))
    }

    fn sum(&self, realm: Uuid) -> io::Result<(u64, Duration)> {
        Ok((size(&self.realm(realm))?, BELIEVED))
    }

    fn called(&self, realm: Uuid, name: &Name) -> io::Result<String> {
        Ok(self.place(realm, name).display().to_string())
    }

    fn unnamed(&self, realm: Uuid, names: &HashSet<Name>) -> io::Result<u64> {
        Ok(copy::listed(&self.realm(realm))?.iter().filter(|(name, _)| !names.contains(name)).count() as u64)
    }

    fn sweep(&self, now: SystemTime) -> io::Result<usize> {
        let mut swept = 0;
        for realm in folders(&self.path)? {
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
        fs::create_dir_all(&self.path)
    }

    fn piece(&self) -> usize {
        BEHIND
    }
}

impl Held for Open<'_> {
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
        self.folder.sync(&self.file, &self.path)?;
        self.folder.lock().remove(&self.path);
        fs::create_dir_all(self.place.parent().unwrap_or(&self.place))?;
        fs::rename(&self.path, &self.place)?;
        self.folder.sync_above(&self.place)
    }

    fn give_up(self: Box<Self>) -> io::Result<()> {
        self.folder.lock().remove(&self.path);
        fs::remove_file(&self.path)
    }
}

/// Lets the disk begin to write what was added while more comes, so that little is left at the end.
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
