//! Files of the world: templates made once in a process, copies of folders, and the plain
//! connections through which laptops are opened. Encryption is the business of other tests; here
//! thousands of files are opened.

use std::{path::{Path, PathBuf}, sync::{Arc, OnceLock}, time::Duration};

use gladstone_central::{Centre, Embedded};
use gladstone_protocol::{Mutation, Stored};
use gladstone_store::{StoreError, migrate};
use gladstone_testkit::{Dice, Image, image::scratch};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    ground::{Engine, Kept, database},
    time::{Machine, Service, Time},
};

/// Name of a laptop's file in its folder.
pub const VAULT: &str = "vault.db";

/// Name of the organization.
pub const ORGANIZATION: &str = "Greenfield Practice";

/// An envelope as the centre files it.
pub struct Filed {
    /// Laptop.
    pub device: Uuid,
    /// Life of its database.
    pub incarnation: Uuid,
    /// Number in that chain.
    pub dseq: u64,
    /// Whether it brought its mutation first; false for events and for copies.
    pub first: bool,
    /// Commit number of its effect.
    pub g: Option<u64>,
    /// What was decided.
    pub verdict: Stored,
    /// Its mutation; none for an event.
    pub mutation: Option<Mutation>,
    /// The bytes as they came.
    pub bytes: Vec<u8>,
}

impl Filed {
    /// The mutation, when this envelope brought it first.
    pub fn first(&self) -> Option<&Mutation> {
        self.mutation.as_ref().filter(|_| self.first)
    }
}

/// A laptop's folder with an empty file of the present schema.
pub fn laptop() -> &'static Image {
    static MADE: OnceLock<Image> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = scratch();
        let mut connection = writer(&folder.path().join(VAULT)).unwrap();
        migrate::migrate(&mut connection).unwrap();
        fold(&connection);
        connection.close().unwrap();
        Image::of(folder.path())
    })
}

/// A centre with one organization at its beginning, and its id.
pub fn centre(engine: Engine) -> &'static (Kept, Uuid) {
    static FILES: OnceLock<(Kept, Uuid)> = OnceLock::new();
    static DATABASE: OnceLock<(Kept, Uuid)> = OnceLock::new();
    match engine {
        Engine::Postgres => DATABASE.get_or_init(|| {
            let (kept, realm) = database::Kept::founded();
            (Kept::Database(kept), realm)
        }),
        Engine::Embedded => FILES.get_or_init(|| {
            let folder = scratch();
            let machine = Machine::new(&Time::new(), 1);
            let centre = Centre::open(Box::new(Embedded::open(folder.path()).unwrap()), Arc::new(Service(machine))).unwrap();
            let realm = centre.found(ORGANIZATION).unwrap();
            drop(centre);
            (Kept::Files(Image::of(folder.path())), realm)
        }),
    }
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

/// Files that a program left behind at some moment between two: what was written before, and part of
/// what was added to the log of the database since then.
pub fn torn(before: &Image, after: &Image, dice: &mut Dice) -> Image {
    let mut torn = before.clone();
    for (name, bytes) in after.0.iter().filter(|(name, _)| name.ends_with("-wal")) {
        let known = before.file(name).len();
        // Where the log was begun anew, the moment before that is as good as any.
        let database = name.trim_end_matches("-wal");
        if bytes.starts_with(before.file(name)) && before.file(database) == after.file(database) {
            let length = known + dice.below(bytes.len() - known + 1);
            torn.0.insert(name.clone(), bytes[..length].to_vec());
        }
    }
    torn
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
