//! Opening the encrypted file with every setting that must hold, and asserting that it does.
//! Does not know where the key comes from.

// The two calls into SQLCipher that rusqlite does not offer; each says why it is sound.
#![allow(unsafe_code)]

use std::path::Path;

use gladstone_store::StoreError;
use rusqlite::{Connection, OpenFlags, config::DbConfig, ffi};

use crate::keys::root_key::DatabaseKey;

/// Oldest SQLite without the WAL-reset corruption bug.
const SQLITE_FLOOR: i32 = 3_051_003;

/// Why the file does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The key is not that of this file, or the file is no vault.
    #[error("the key does not open this vault")]
    WrongKey,
    /// The file lies there unencrypted.
    #[error("the vault file is not encrypted; it was replaced. Restore a backup")]
    Plain,
    /// The file is damaged.
    #[error("the vault file is damaged: {0}. Put a backup in its place; the damaged file is kept beside it")]
    Damaged(String),
    /// A setting that protects the data does not hold.
    #[error("the database does not keep the setting {0}; this build is not safe to use")]
    Setting(&'static str),
    /// Anything else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        OpenError::Store(error.into())
    }
}

/// Opens the one connection that writes; makes the file when it is not there.
///
/// # Errors
/// [`OpenError`]; nothing is changed in the file.
pub fn open_writer(path: &Path, key: &DatabaseKey) -> Result<Connection, OpenError> {
    let new = !path.exists();
    let connection = open(path, key, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;")?;
    fold_after(&connection, LOGGED)?;
    expect(&connection, "journal_mode", "wal")?;
    expect(&connection, "synchronous", "2")?;
    expect(&connection, "secure_delete", "1")?;
    if new {
        // The first write puts the salt into the file, so that its first bytes can be looked at.
        connection.execute_batch("PRAGMA user_version = 1")?;
    }
    if is_plain(&connection) {
        return Err(OpenError::Plain);
    }
    // Nothing may be written through a file that is attached to the one that writes.
    connection.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    Ok(connection)
}

/// Pages in the log after which it is folded into the file: usually, and while very many rows come.
const LOGGED: u32 = 200;
const LOGGED_IN_BULK: u32 = 32_000;

/// How often whoever writes folds the log into the file from now on: seldom while very many rows come, which is
/// done beside it then, and as usual again.
///
/// # Errors
/// What the database says.
pub(crate) fn fold_seldom(connection: &Connection, seldom: bool) -> rusqlite::Result<()> {
    fold_after(connection, if seldom { LOGGED_IN_BULK } else { LOGGED })
}

fn fold_after(connection: &Connection, pages: u32) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA wal_autocheckpoint = {pages}"), [], |_| Ok(()))
}

/// Opens a connection that can only read.
///
/// # Errors
/// [`OpenError`].
pub fn open_reader(path: &Path, key: &DatabaseKey) -> Result<Connection, OpenError> {
    let connection = open(path, key, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    connection.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    expect(&connection, "query_only", "1")?;
    Ok(connection)
}

fn open(path: &Path, key: &DatabaseKey, flags: OpenFlags) -> Result<Connection, OpenError> {
    // SAFETY: the function takes nothing and returns a constant.
    if unsafe { ffi::sqlite3_libversion_number() } < SQLITE_FLOOR {
        return Err(OpenError::Setting("SQLite version"));
    }
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.set_prepared_statement_cache_capacity(256);
    connection.execute_batch("PRAGMA cipher_log_level = NONE")?;
    hand_over(&connection, key)?;
    // A wrong key shows at the first read, not before.
    let pages: Result<i64, _> = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0));
    if let Err(error) = pages {
        return Err(match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) if is_plain(&connection) => OpenError::Plain,
            Some(rusqlite::ErrorCode::NotADatabase) => OpenError::WrongKey,
            Some(rusqlite::ErrorCode::DatabaseCorrupt) => OpenError::Damaged(error.to_string()),
            _ => error.into(),
        });
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -64000;")?;
    expect(&connection, "foreign_keys", "1")?;
    expect(&connection, "temp_store", "2")?;
    expect(&connection, "trusted_schema", "0")?;
    expect(&connection, "cipher_page_size", "4096")?;
    expect(&connection, "cipher_use_hmac", "1")?;
    let cipher: String = connection.query_row("PRAGMA cipher_version", [], |row| row.get(0)).map_err(|_| OpenError::Setting("cipher_version"))?;
    if cipher.is_empty() {
        return Err(OpenError::Setting("cipher_version"));
    }
    Ok(connection)
}

/// `PRAGMA key` would leave half the key in the heap; the function takes it from a buffer that
/// is wiped.
fn hand_over(connection: &Connection, key: &DatabaseKey) -> Result<(), OpenError> {
    let raw = key.to_raw_form();
    let length = i32::try_from(raw.len()).unwrap_or_default();
    // SAFETY: the handle is open for as long as `connection` lives, and `raw` outlives the call,
    // which copies what it needs.
    let code = unsafe { ffi::sqlite3_key(connection.handle(), raw.as_ptr().cast(), length) };
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(OpenError::WrongKey) }
}

/// A key that re-encrypts a file under another key: a new file beside it, complete and synced.
/// The caller swaps the files.
///
/// # Errors
/// [`OpenError`]; the file beside it may be left and is overwritten by the next try.
pub fn export_rekeyed(from: &Path, old: &DatabaseKey, to: &Path, new: &DatabaseKey) -> Result<(), OpenError> {
    for stale in [to.to_owned(), with_suffix(to, "-wal"), with_suffix(to, "-shm"), with_suffix(to, "-journal")] {
        match std::fs::remove_file(&stale) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(StoreError::Database(error.to_string()).into()),
            _ => {}
        }
    }
    let connection = open(from, old, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
    let raw = new.to_raw_form();
    let text = std::str::from_utf8(&raw).map_err(|_| OpenError::WrongKey)?;
    connection.execute("ATTACH DATABASE ?1 AS rekeyed KEY ?2", rusqlite::params![to.to_string_lossy(), text])?;
    // The new file counts only once it is complete and synced as a whole, below.
    connection.execute_batch("PRAGMA rekeyed.journal_mode = OFF; PRAGMA rekeyed.synchronous = OFF")?;
    connection.query_row("SELECT sqlcipher_export('rekeyed')", [], |_| Ok(()))?;
    connection.execute_batch("DETACH DATABASE rekeyed")?;
    let file = std::fs::File::open(to).map_err(|error| StoreError::Database(error.to_string()))?;
    file.sync_all().map_err(|_| StoreError::Disk)?;
    Ok(())
}

/// The path with something behind its name, as SQLite names its side files.
pub fn with_suffix(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn expect(connection: &Connection, setting: &'static str, wanted: &str) -> Result<(), OpenError> {
    let value: rusqlite::types::Value = connection.query_row(&format!("PRAGMA {setting}"), [], |row| row.get(0)).map_err(|_| OpenError::Setting(setting))?;
    let text = match value {
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => text.to_lowercase(),
        _ => String::new(),
    };
    if text == wanted { Ok(()) } else { Err(OpenError::Setting(setting)) }
}

/// Whether the file begins as an unencrypted one does. Read through SQLite's own handle: to open
/// the file once more and to close it would drop this process's locks on it (POSIX), which SQLite
/// before 3.51 takes for leave to remove a log that is in use.
fn is_plain(connection: &Connection) -> bool {
    let mut file: *mut ffi::sqlite3_file = std::ptr::null_mut();
    let mut first = [0_u8; 16];
    // SAFETY: the handle is open for as long as `connection` lives; SQLite writes the address of
    // its open file into `file`, and reads at most the length of `first` into it.
    let code = unsafe {
        let found = ffi::sqlite3_file_control(connection.handle(), c"main".as_ptr(), ffi::SQLITE_FCNTL_FILE_POINTER, (&raw mut file).cast());
        if found != ffi::SQLITE_OK || file.is_null() || (*file).pMethods.is_null() {
            return false;
        }
        (*(*file).pMethods).xRead.map_or(ffi::SQLITE_IOERR, |read| read(file, first.as_mut_ptr().cast(), 16, 0))
    };
    code == ffi::SQLITE_OK && first == *b"SQLite format 3\0"
}
