//! Backups: a whole, encrypted copy of the vault folder that opens with the passphrase or the
//! recovery code, and a test that it really does.

use std::{fs, path::{Path, PathBuf}};

use gladstone_store::{Reader, digest::Digest};
use rusqlite::backup::StepResult;

use crate::{
    blobs,
    custody::{CustodyError, Unlocked},
    database,
    error::VaultError,
    folder::{Header, VaultFolder, sync_folder},
    keys::root_key::DatabaseKey,
    state::VaultState,
    verify,
};

/// How many automatic backups are kept.
pub const KEPT: usize = 7;

/// One backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its folder.
    pub path: PathBuf,
    /// When it was made, as in the folder's name: `2026-11-21T10-42-00Z`.
    pub made: String,
    /// Size in bytes.
    pub bytes: u64,
}

impl Unlocked {
    /// Makes a backup and returns it once it is complete and synced. Older automatic ones beyond
    /// [`KEPT`] go; the newest that passed its test stays among them.
    ///
    /// # Errors
    /// A full disk among others; a half-made backup is removed by the next one.
    pub fn back_up(&self) -> Result<Backup, CustodyError> {
        self.backup_in_the_making().finish(&|| true)?.ok_or_else(|| VaultError::Cancelled.into())
    }

    /// Everything that a backup needs of an open vault.
    pub(crate) fn backup_in_the_making(&self) -> InTheMaking {
        let made = self.vault.around().now().to_utc().format("%Y-%m-%dT%H-%M-%S%.6fZ").to_string();
        InTheMaking { made, folder: self.folder.clone(), header: self.header.clone(), key: self.root().database() }
    }

    /// All backups, the newest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn backups(&self) -> Result<Vec<Backup>, CustodyError> {
        list(&self.folder)
    }

    /// Restores a backup into a scratch copy, checks every page, row and the digest, and throws
    /// the copy away. Returns the number of entries that it holds.
    ///
    /// # Errors
    /// What does not fit; the backup and the vault are left as they are.
    pub fn test_restore(&self, backup: &Path) -> Result<u64, CustodyError> {
        let scratch = self.folder.backups().join("restore-test.db");
        fs::copy(VaultFolder::at(backup).database(), &scratch)?;
        let result = self.check_copy(&scratch, &VaultFolder::at(backup).blobs());
        for path in [scratch.clone(), database::with_suffix(&scratch, "-wal"), database::with_suffix(&scratch, "-shm")] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        result
    }

    fn check_copy(&self, copy: &Path, files: &Path) -> Result<u64, CustodyError> {
        let connection = database::open_writer(copy, &self.root().database())?;
        let check: String = connection.query_row("PRAGMA quick_check", [], |row| row.get(0)).map_err(VaultError::from)?;
        if check != "ok" || verify::pages(&connection).is_err() {
            return Err(VaultError::NotVerified("pages of the backup are damaged".into()).into());
        }
        let state = VaultState::load(&connection).map_err(VaultError::from)?.ok_or_else(|| VaultError::NotVerified("the backup holds no vault".into()))?;
        let digest = Digest::of_all(Reader::new(&connection), &self.root().digest()).map_err(VaultError::from)?;
        if digest != state.digest {
            return Err(VaultError::NotVerified("the records of the backup do not add up".into()).into());
        }
        for (name, size) in blobs::names(&connection)? {
            if fs::metadata(files.join(name)).map(|known| known.len()).ok() != Some(blobs::length_of(size)) {
                return Err(VaultError::NotVerified("a file that belongs to the records of the backup is gone or cut short".into()).into());
            }
        }
        Ok(state.dseq)
    }
}

/// A backup that is about to be made, here or beside the work.
pub(crate) struct InTheMaking {
    made: String,
    folder: VaultFolder,
    header: Header,
    key: DatabaseKey,
}

impl InTheMaking {
    /// Makes it, as long as `go_on` says so; asked every 16 MiB. None when it was stopped.
    pub(crate) fn finish(self, go_on: &dyn Fn() -> bool) -> Result<Option<Backup>, CustodyError> {
        let parent = self.folder.backups();
        fs::create_dir_all(&parent)?;
        let unfinished = VaultFolder::at(parent.join("unfinished"));
        if unfinished.root().exists() {
            fs::remove_dir_all(unfinished.root())?;
        }
        unfinished.create()?;
        let source = database::open_reader(&self.folder.database(), &self.key)?;
        // One snapshot for all of the copy: without it, every save meanwhile would begin it anew.
        source.execute_batch("BEGIN").map_err(VaultError::from)?;
        source.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(VaultError::from)?;
        let mut target = database::open_writer(&unfinished.database(), &self.key)?;
        target.execute_batch("PRAGMA journal_mode = DELETE").map_err(VaultError::from)?;
        let copy = rusqlite::backup::Backup::new(&source, &mut target).map_err(VaultError::from)?;
        while copy.step(4_096).map_err(VaultError::from)? != StepResult::Done {
            if !go_on() {
                return Ok(None);
            }
        }
        drop(copy);
        let files = blobs::names(&target)?;
        target.close().map_err(|(_, error)| VaultError::from(error))?;
        for (from, to) in self.folder.slots().iter().zip(unfinished.slots()) {
            fs::copy(from, to)?;
        }
        unfinished.write_header(&self.header)?;
        take_along(&files, &self.folder.blobs(), &unfinished.blobs())?;
        for entry in fs::read_dir(unfinished.root())? {
            fs::File::open(entry?.path())?.sync_all()?;
        }
        if unfinished.blobs().is_dir() {
            fs::File::open(unfinished.blobs())?.sync_all()?;
        }
        let path = parent.join(&self.made);
        fs::rename(unfinished.root(), &path)?;
        sync_folder(&path)?;
        for old in list(&self.folder)?.into_iter().skip(KEPT) {
            fs::remove_dir_all(&old.path)?;
        }
        Ok(Some(Backup { bytes: size(&path)?, path, made: self.made }))
    }
}

/// The backups of a vault, the newest first; it may be locked.
///
/// # Errors
/// What the disk says.
pub fn list(folder: &VaultFolder) -> Result<Vec<Backup>, CustodyError> {
    let mut found = Vec::new();
    if let Ok(entries) = fs::read_dir(folder.backups()) {
        for entry in entries {
            let path = entry?.path();
            let made = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if VaultFolder::at(&path).header().is_some() && made != "unfinished" {
                found.push(Backup { bytes: size(&path)?, path, made });
            }
        }
    }
    found.sort_by(|a, b| b.made.cmp(&a.made));
    Ok(found)
}

/// Puts a backup in the place of a vault that is locked. What lay there is moved aside, never
/// deleted; returns where to, when there was anything. The next unlock notices that saves are
/// missing and says so.
///
/// # Errors
/// What the disk says.
pub fn restore(vault: &Path, backup: &Path) -> Result<Option<PathBuf>, CustodyError> {
    let (folder, from) = (VaultFolder::at(vault), VaultFolder::at(backup));
    let header = from.header().ok_or(CustodyError::Missing)?;
    // The anchor and the counter of tries stay: they tell what the backup does not hold.
    let stays = [folder.anchor(), folder.attempts()];
    let moved: Vec<PathBuf> = folder.files().into_iter().filter(|path| !stays.contains(path)).collect();
    folder.create()?;
    let made = from.root().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let aside = folder.set_aside(&made, &moved)?;
    let names = |folder: &VaultFolder| {
        let [a, b] = folder.slots();
        [folder.database(), a, b]
    };
    for (source, target) in names(&from).iter().zip(names(&folder)) {
        fs::copy(source, &target)?;
        fs::File::open(&target)?.sync_all()?;
    }
    if let Some(aside) = &aside {
        let present = all_of(&folder.blobs())?;
        take_along(&present, &folder.blobs(), &VaultFolder::at(aside).blobs())?;
    }
    take_along(&all_of(&from.blobs())?, &from.blobs(), &folder.blobs())?;
    sync_folder(&folder.database())?;
    if folder.header().is_none() {
        folder.write_header(&header)?;
    }
    Ok(aside)
}

fn size(folder: &Path) -> std::io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        sum += if entry.file_type()?.is_dir() { size(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(sum)
}

/// Names of all files that lie whole in a folder of files.
fn all_of(folder: &Path) -> std::io::Result<Vec<(String, u64)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        // What has an ending is still being written.
        if let Ok(name) = entry.file_name().into_string() && entry.file_type()?.is_file() && !name.contains('.') {
            found.push((name, 0));
        }
    }
    Ok(found)
}

/// Copies files into another folder. They never change, so on the same disk a copy is another name of
/// the same file and takes no room. One that is gone was given up meanwhile.
fn take_along(files: &[(String, u64)], from: &Path, to: &Path) -> std::io::Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    VaultFolder::at(to).create()?;
    for (name, _) in files {
        let (source, beside, target) = (from.join(name), to.join(format!("{name}.new")), to.join(name));
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        match fs::hard_link(&source, &beside) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(_) => {
                fs::copy(&source, &beside)?;
                fs::File::open(&beside)?.sync_all()?;
            }
        }
        // Two names of one file: the rename does nothing then, and one of them has to go.
        fs::rename(&beside, &target)?;
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    sync_folder(&to.join("."))
}
