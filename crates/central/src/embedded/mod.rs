//! The engine on SQLite: one file for each realm in a folder, so that organizations are apart by
//! construction. Files and transactions are here; what is read and written in `reading.rs` and
//! `writing.rs`.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread,
    time::Duration,
};

use gladstone_store::{StoreError, folding::Folding, migrate};
use rusqlite::{Connection, OpenFlags, OptionalExtension, backup::Backup, config::DbConfig, hooks::Wal, params};
use uuid::Uuid;

use crate::{
    engine::{Ahead, Begun, Engine, NewRealm, Reading, Sought, Witness, Writing},
    error::{CentreError, EngineError},
};

mod codec;
mod private;
mod reading;
mod shelf;
mod witness;
mod writing;

use shelf::Shelf;
use witness::WitnessFile;

/// Ending of a realm's file.
const ENDING: &str = "sqlite";
/// How long one waits for another process that writes.
const PATIENCE: Duration = Duration::from_secs(10);
/// Readers that are kept open for each realm.
const READERS: usize = 8;
/// After so many pages more in the log it is folded into the file, beside what is written meanwhile.
const LOGGED: i32 = 4_000;
/// Pages in the log with which whoever commits folds the rest of it, so that it begins anew: while more and more is
/// written nobody else can.
const LONGEST_LOG: i32 = 12_000;

/// The folder with its realms.
pub struct Embedded {
    folder: PathBuf,
    realms: RwLock<BTreeMap<Uuid, Arc<Realm>>>,
}

struct Realm {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    witness: WitnessFile,
    /// Of the key of the centre's own laptop.
    seed: [u8; 32],
}


impl Embedded {
    /// Opens every realm in a folder, and migrates those that are of an older version.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when others on this computer may read the folder or a file in it, or a
    /// key is missing; [`EngineError::FromTheFuture`], [`EngineError::Damaged`], or what the disk says.
    pub fn open(folder: &Path) -> Result<Embedded, EngineError> {
        private::folder(folder)?;
        let mut realms = BTreeMap::new();
        for (realm, path) in files(folder)? {
            realms.insert(realm, Arc::new(Realm::open(&path)?));
        }
        Ok(Embedded { folder: folder.to_owned(), realms: RwLock::new(realms) })
    }

    fn known(&self, realm: Uuid) -> Option<Arc<Realm>> {
        self.realms.read().unwrap_or_else(PoisonError::into_inner).get(&realm).cloned()
    }

    fn realm(&self, realm: Uuid) -> Result<Arc<Realm>, EngineError> {
        if let Some(known) = self.known(realm) {
            return Ok(known);
        }
        self.discover()?;
        self.known(realm).ok_or(EngineError::NoRealm)
    }

    fn all(&self) -> Vec<(Uuid, Arc<Realm>)> {
        self.realms.read().unwrap_or_else(PoisonError::into_inner).iter().map(|(id, realm)| (*id, Arc::clone(realm))).collect()
    }

    /// Opens realms that another process made since, and says which. One that does not open is left
    /// to the next start; the others go on.
    fn discover(&self) -> Result<Vec<(Uuid, Arc<Realm>)>, EngineError> {
        let mut found = Vec::new();
        for (id, path) in files(&self.folder)? {
            if self.known(id).is_some() {
                continue;
            }
            let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
            if let Entry::Vacant(place) = realms.entry(id) {
                match Realm::open(&path) {
                    Ok(realm) => found.push((id, Arc::clone(place.insert(Arc::new(realm))))),
                    Err(error) => tracing::error!(%error, realm = %id, "an organization that was added does not open"),
                }
            }
        }
        Ok(found)
    }
}

/// What lies in a copy of a realm's file.
pub(crate) struct Inspected {
    /// The organization.
    pub realm: Uuid,
    /// As of which commit number.
    pub g: u64,
    /// Whether its key is among the records, as in copies of before.
    pub holds_key: bool,
}

/// What lies in a copy. Brings the copy to this version.
///
/// # Errors
/// [`EngineError::FromTheFuture`], [`EngineError::Damaged`], or what the disk says.
pub(crate) fn inspect(copy: &Path) -> Result<Inspected, EngineError> {
    let mut connection = connect(copy, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    migrate::migrate_centre(&mut connection).map_err(|error| store(&error))?;
    let head = Shelf::alone(&mut connection, [0; 32]).head()?;
    let holds_key = connection.query_row("SELECT seed <> zeroblob(32) FROM centre_realm", [], |row| row.get(0)).map_err(|error| sqlite(&error))?;
    connection.close().map_err(|(_, error)| sqlite(&error))?;
    Ok(Inspected { realm: head.realm, g: head.g, holds_key })
}

/// Puts the key that was saved beside a backup into its place beside the realm in `path`, unless a key
/// is there. False when there is neither.
///
/// # Errors
/// [`EngineError::Damaged`] when it is the key of another organization; what the disk says.
pub(crate) fn restore_key(backup: &Path, path: &Path, realm: Uuid) -> Result<bool, EngineError> {
    let (saved, place) = (private::key_file(backup), private::key_file(path));
    if private::read_key(&place, realm)?.is_some() {
        return Ok(true);
    }
    if !saved.exists() {
        return Ok(false);
    }
    // Another organization's key never comes to lie there: it would be taken for the one that belongs there.
    let draft = place.with_extension("key-draft");
    let seed = private::copy(&saved, &draft).and_then(|()| private::read_key(&draft, realm));
    let _ = fs::remove_file(&draft);
    let Some(seed) = seed? else { return Ok(false) };
    private::write_key(&place, realm, &seed)?;
    Ok(true)
}

/// Copies a file for its owner alone.
///
/// # Errors
/// What the disk says.
pub(crate) fn copy_private(from: &Path, to: &Path) -> Result<(), EngineError> {
    private::copy(from, to)
}

/// Makes a folder for its owner alone, or looks at one that is there.
///
/// # Errors
/// [`EngineError::Refused`] when others may look into it; what the disk says.
pub(crate) fn private_folder(path: &Path) -> Result<(), EngineError> {
    private::folder(path)
}

/// The files of realms in a folder.
fn files(folder: &Path) -> Result<Vec<(Uuid, PathBuf)>, EngineError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| disk(&error))? {
        let path = entry.map_err(|error| disk(&error))?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).and_then(|name| Uuid::parse_str(name).ok());
        if let (Some(realm), Some(ENDING)) = (name, path.extension().and_then(|ending| ending.to_str())) {
            found.push((realm, path));
        }
    }
    Ok(found)
}

impl Realm {
    fn open(path: &Path) -> Result<Realm, EngineError> {
        private::check(path)?;
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        migrate::migrate_centre(&mut connection).map_err(|error| store(&error))?;
        let seed = seed(&connection, path)?;
        fold_beside(&mut connection, path)?;
        Ok(Realm { seed, witness: WitnessFile::beside(path), path: path.to_owned(), writer: Mutex::new(connection), readers: Mutex::new(Vec::new()) })
    }

    fn reader(&self) -> Result<Connection, EngineError> {
        let pooled = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        pooled.map_or_else(|| connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY), Ok)
    }

    fn give_back(&self, connection: Connection) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS {
            readers.push(connection);
        }
    }
}

/// Lets the log of what this connection writes be folded by a thread of its own, which begins when the log is long
/// for the first time.
fn fold_beside(connection: &mut Connection, path: &Path) -> Result<(), EngineError> {
    let (path, mut folding, mut folded) = (path.to_owned(), None, 0);
    let hook = move |log: &mut Wal, pages: i32| -> rusqlite::Result<()> {
        if pages < folded {
            // All of it was folded, and it began anew.
            folded = 0;
        }
        if pages < folded + LOGGED {
            return Ok(());
        }
        if folding.is_none() {
            // Only to read: it folds what others write.
            let begun = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| error.to_string()).and_then(|beside| {
                beside.execute_batch("PRAGMA query_only = ON").map_err(|error| error.to_string())?;
                Folding::begin(beside).map_err(|error| error.to_string())
            });
            folding = begun.map_err(|error| tracing::warn!(%error, "the log is folded by whoever commits")).ok();
        }
        match &folding {
            Some(folding) if pages < LONGEST_LOG => {
                folded = pages;
                folding.fold();
            }
            // While the thread folds it cannot, and the next one who commits tries again: what is committed is
            // safe in the log. A disk that is full says so with the next commit as well.
            _ => drop(log.checkpoint()),
        }
        Ok(())
    };
    connection.wal_hook(Some(hook)).map_err(|error| sqlite(&error))
}

/// The seed out of its own file. One that lies among the records, as versions of before kept it, goes
/// into that file first.
fn seed(connection: &Connection, path: &Path) -> Result<[u8; 32], EngineError> {
    let key = private::key_file(path);
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, [u8; 32]>(1)?));
    let (realm, inside) = connection.query_row("SELECT realm, seed FROM centre_realm", [], read).map_err(|error| sqlite(&error))?;
    let realm = Uuid::from_bytes(realm);
    if inside != [0; 32] {
        private::write_key(&key, realm, &inside)?;
        let sql = "PRAGMA secure_delete = ON; UPDATE centre_realm SET seed = zeroblob(32); PRAGMA wal_checkpoint(TRUNCATE);";
        connection.execute_batch(sql).map_err(|error| sqlite(&error))?;
    }
    let missing = || EngineError::Refused(format!("the key of organization {realm} is missing: {} is not there. Put it back from where copies of keys are kept", key.display()));
    private::read_key(&key, realm)?.ok_or_else(missing)
}

impl Engine for Embedded {
    fn realms(&self) -> Result<Vec<Uuid>, EngineError> {
        self.discover()?;
        Ok(self.all().into_iter().map(|(id, _)| id).collect())
    }

    fn found(&self, new: &NewRealm) -> Result<(), EngineError> {
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        let path = self.folder.join(format!("{}.{ENDING}", new.id));
        if realms.contains_key(&new.id) || path.exists() {
            return Err(EngineError::Refused("there is an organization of this id".into()));
        }
        // Under another name until it is whole: a realm half made would not open again.
        let draft = self.folder.join(format!("{}.draft", new.id));
        let _ = fs::remove_file(&draft);
        drop(private::make(&draft)?);
        let mut connection = connect(&draft, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        migrate::migrate_centre(&mut connection).map_err(|error| store(&error))?;
        let sql = "INSERT INTO centre_realm (one, realm, name, epoch, founded, device, seed) VALUES (1, ?1, ?2, ?3, ?4, ?5, zeroblob(32))";
        private::write_key(&private::key_file(&path), new.id, &new.seed)?;
        connection.execute(sql, params![new.id.as_bytes(), new.name, new.epoch.as_bytes(), new.founded.0, new.device.as_bytes()]).map_err(|error| sqlite(&error))?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(|error| sqlite(&error))?;
        connection.close().map_err(|(_, error)| sqlite(&error))?;
        fs::rename(&draft, &path).map_err(|error| disk(&error))?;
        fs::File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(|error| disk(&error))?;
        realms.insert(new.id, Arc::new(Realm::open(&path)?));
        Ok(())
    }

    fn realm_of(&self, sought: Sought) -> Result<Option<Uuid>, EngineError> {
        let (sql, key) = match &sought {
            Sought::Device(id) => ("SELECT 1 FROM centre_device WHERE id = ?1", id.as_bytes().as_slice()),
            Sought::Invite(hash) => ("SELECT 1 FROM centre_invite WHERE hash = ?1", hash.as_slice()),
            Sought::Session(hash) => ("SELECT 1 FROM centre_session WHERE hash = ?1", hash.as_slice()),
        };
        let sought = |realms: Vec<(Uuid, Arc<Realm>)>| {
            for (id, realm) in realms {
                let connection = realm.reader()?;
                let found = connection.prepare_cached(sql).and_then(|mut statement| statement.query_row([key], |_| Ok(())).optional());
                realm.give_back(connection);
                if found.map_err(|error| sqlite(&error))?.is_some() {
                    return Ok(Some(id));
                }
            }
            Ok(None)
        };
        match sought(self.all())? {
            None => sought(self.discover()?),
            found => Ok(found),
        }
    }

    fn read(&self, realm: Uuid, f: &mut dyn FnMut(&mut dyn Reading) -> Result<(), CentreError>) -> Result<(), CentreError> {
        let realm = self.realm(realm)?;
        let mut connection = realm.reader()?;
        run(&connection, "BEGIN")?;
        let result = f(&mut Shelf::alone(&mut connection, realm.seed));
        let ended = run(&connection, "ROLLBACK");
        realm.give_back(connection);
        result.and(ended.map_err(CentreError::from))
    }

    fn write_ahead(&self, realm: Uuid, ahead: &Ahead, f: &mut dyn FnMut(&mut dyn Writing, Begun) -> Result<(), CentreError>) -> Result<(), CentreError> {
        let realm = self.realm(realm)?;
        let mut connection = realm.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if !connection.is_autocommit() {
            // A panic inside a transaction left it open.
            run(&connection, "ROLLBACK")?;
        }
        run(&connection, "BEGIN IMMEDIATE")?;
        let done = thread::scope(|scope| {
            let mut shelf = Shelf::within(scope, &mut connection, realm.seed);
            let begun = shelf.ahead(ahead)?;
            f(&mut shelf, begun).and_then(|()| Ok(shelf.settled()?))
        });
        let result = done.and_then(|head| {
            run(&connection, "COMMIT")?;
            realm.witness.note(Witness { epoch: head.epoch, g: head.g }).map_err(|error| disk(&error))?;
            Ok(())
        });
        if result.is_err() && !connection.is_autocommit() {
            run(&connection, "ROLLBACK")?;
        }
        result
    }

    fn witness(&self, realm: Uuid) -> Result<Option<Witness>, EngineError> {
        Ok(self.realm(realm)?.witness.read())
    }

    fn backup(&self, realm: Uuid, to: &Path) -> Result<(), EngineError> {
        let (id, realm) = (realm, self.realm(realm)?);
        let key = private::key_file(to);
        if to.exists() || key.exists() {
            return Err(EngineError::Refused("there is a file of this name already".into()));
        }
        private::write_key(&key, id, &realm.seed)?;
        drop(private::make(to)?);
        let from = realm.reader()?;
        let mut target = Connection::open(to).map_err(|error| sqlite(&error))?;
        let copied = Backup::new(&from, &mut target).and_then(|backup| backup.run_to_completion(2_000, Duration::from_millis(2), None));
        realm.give_back(from);
        copied.map_err(|error| sqlite(&error))?;
        target.close().map_err(|(_, error)| sqlite(&error))?;
        fs::File::open(to).and_then(|file| file.sync_all()).map_err(|error| disk(&error))
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, EngineError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(|error| sqlite(&error))?;
    let writes = !flags.contains(OpenFlags::SQLITE_OPEN_READ_ONLY);
    let mode = if writes { "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 33554432; PRAGMA cache_size = -65536;" } else { "PRAGMA query_only = ON; PRAGMA cache_size = -16384;" };
    // References are checked by the ingest, which knows of rows that are entered in error.
    let all = format!("{mode} PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;");
    connection.busy_timeout(PATIENCE).and_then(|()| connection.execute_batch(&all)).map_err(|error| sqlite(&error))?;
    // Without it a statement is planned anew whenever other values are bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(|error| sqlite(&error))?;
    connection.set_prepared_statement_cache_capacity(512);
    Ok(connection)
}

fn run(connection: &Connection, sql: &str) -> Result<(), EngineError> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(|_| ()).map_err(|error| sqlite(&error))
}

/// What SQLite says, in the words of the centre.
fn sqlite(error: &rusqlite::Error) -> EngineError {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => EngineError::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => EngineError::Busy(error.to_string()),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig) => EngineError::Refused(error.to_string()),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => EngineError::Damaged(error.to_string()),
        _ => EngineError::Failed(error.to_string()),
    }
}

fn store(error: &StoreError) -> EngineError {
    match error {
        StoreError::DiskFull => EngineError::Full,
        StoreError::Damaged(_) | StoreError::Unreadable(_) => EngineError::Damaged(error.to_string()),
        StoreError::FromTheFuture { .. } => EngineError::FromTheFuture(error.to_string()),
        StoreError::Database(_) => EngineError::Refused(error.to_string()),
        _ => EngineError::Failed(error.to_string()),
    }
}

fn disk(error: &std::io::Error) -> EngineError {
    if error.kind() == std::io::ErrorKind::StorageFull { EngineError::Full } else { EngineError::Failed(error.to_string()) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Bytes of a page that the log holds, with its head there.
    const LOGGED_PAGE: u64 = 4_096 + 24;

    #[test]
    fn a_log_that_no_thread_can_fold_is_folded_by_whoever_commits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("realm.db");
        let mut connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE).unwrap();
        connection.execute_batch("CREATE TABLE t (bytes BLOB)").unwrap();
        // No thread begins where there is no file to fold.
        fold_beside(&mut connection, &folder.path().join("nowhere/realm.db")).unwrap();
        let (pages_each, commits) = (100, 4 * LOGGED / 100);
        for _ in 0..commits {
            connection.execute("INSERT INTO t VALUES (zeroblob(?1))", [4_096 * pages_each]).unwrap();
        }
        let size = |name: &str| fs::metadata(folder.path().join(name)).unwrap().len();
        let most = (LOGGED + 2 * pages_each) as u64 * LOGGED_PAGE;
        assert!(size("realm.db-wal") <= most, "the log has {} bytes, more than {most}", size("realm.db-wal"));
        assert!(size("realm.db") >= 3 * LOGGED as u64 * 4_096, "most of it is in the file: {} bytes", size("realm.db"));
        let held: i32 = connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(held, commits, "and all of it is there");
    }
}
