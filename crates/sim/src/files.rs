//! Files of the world: templates made once in a process, copies of folders, and the plain
//! connections through which laptops are opened. Encryption is the business of other tests; here
//! thousands of files are opened.

use std::{path::{Path, PathBuf}, sync::{Arc, OnceLock}, time::Duration};

use gladstone_central::{Centre, Embedded};
use gladstone_store::{StoreError, migrate};
use gladstone_testkit::{Image, image::scratch};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use uuid::Uuid;

use crate::time::{Machine, Service, Time};

/// Name of a laptop's file in its folder.
pub const VAULT: &str = "vault.db";

/// What every world begins with.
pub struct Template {
    /// A laptop's folder with an empty file of the present schema.
    pub laptop: Image,
    /// The centre's folder with one organization.
    pub centre: Image,
    /// That organization.
    pub realm: Uuid,
}

/// The templates of this process.
pub fn template() -> &'static Template {
    static MADE: OnceLock<Template> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = scratch();
        let mut connection = writer(&folder.path().join(VAULT)).unwrap();
        migrate::migrate(&mut connection).unwrap();
        fold(&connection);
        connection.close().unwrap();
        let laptop = Image::of(folder.path());
        let folder = scratch();
        let machine = Machine::new(&Time::new(), 1);
        let centre = Centre::open(Box::new(Embedded::open(folder.path()).unwrap()), Arc::new(Service(machine))).unwrap();
        let realm = centre.found("Greenfield Practice").unwrap();
        drop(centre);
        Template { laptop, centre: Image::of(folder.path()), realm }
    })
}

/// Opens a laptop's file as its writer. What a power cut does to a disk is tested elsewhere, so
/// nothing is forced to it.
pub fn writer(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 500; PRAGMA cache_size = -16000;")?;
    Ok(connection)
}

/// Opens a file for looking at it.
pub fn reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4000;")?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(connection)
}

/// The files of a folder as they lie there now, as a power cut would leave them. The index of the
/// log belongs to running programs and is made anew.
pub fn image(folder: &Path) -> Image {
    let mut image = Image::of(folder);
    image.0.retain(|name, _| !name.ends_with("-shm"));
    image
}

/// A folder of its own with these files.
pub fn unpack(image: &Image) -> TempDir {
    image.unpack()
}

/// A laptop's file in its folder.
pub fn vault_file(folder: &TempDir) -> PathBuf {
    folder.path().join(VAULT)
}

fn fold(connection: &Connection) {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}
