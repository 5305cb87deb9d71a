//! What an older version left behind: a laptop and its centre, recorded as files under
//! `tests/fixtures`, and put into a folder of their own.
//!
//! An encrypted file does not pack. So the vault's file lies in the fixture without encryption, and
//! is encrypted again under its own key, which its passphrase opens.

use std::{fs, io::Write, os::unix::fs::{DirBuilderExt, OpenOptionsExt}, path::{Path, PathBuf}};

use gladstone_vault::{database::{open_writer, with_suffix}, folder::VaultFolder, keys::{root_key::DatabaseKey, slot::{SlotFile, SlotKind}}};
use rusqlite::{Connection, config::DbConfig, limits::Limit};
use serde_json::Value as Json;
use tempfile::TempDir;
use uuid::Uuid;

/// A laptop and its centre as an older version left them.
pub struct Older {
    /// Everything lies in here; removed when this is dropped.
    pub folder: TempDir,
    /// What was done before it was recorded: ids, passphrase, recovery code.
    pub made: Json,
}

impl Older {
    /// A copy of what a version of the schema left behind.
    pub fn of(schema_version: u32) -> Older {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(format!("v{schema_version}"));
        let made: Json = serde_json::from_slice(&fs::read(fixture.join("made.json")).unwrap()).unwrap();
        let older = Older { folder: crate::image::scratch(), made };
        let (laptop, centre) = (older.laptop(), older.centre().join("realms"));
        for folder in [&laptop, &centre] {
            // A centre serves nothing that others on the computer may read.
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).unwrap();
        }
        copy(&fixture.join("laptop"), &laptop);
        copy(&fixture.join("centre"), &centre);
        let (packed, file) = (laptop.join("plain.db"), VaultFolder::at(&laptop).database());
        let mut connection = open_writer(&file, &key(&laptop, older.text("passphrase"))).unwrap();
        export(&mut connection, &packed, "main", "plain");
        connection.close().unwrap();
        fs::remove_file(packed).unwrap();
        older
    }

    /// The folder that holds the folder of the vault.
    pub fn vaults(&self) -> PathBuf {
        self.folder.path().join("laptop")
    }

    /// The folder of the vault.
    pub fn laptop(&self) -> PathBuf {
        self.vaults().join(self.text("vault"))
    }

    /// The data folder of the centre.
    pub fn centre(&self) -> PathBuf {
        self.folder.path().join("centre")
    }

    /// A text that was noted down.
    pub fn text(&self, name: &str) -> &str {
        self.made[name].as_str().unwrap()
    }

    /// An id that was noted down.
    pub fn id(&self, name: &str) -> Uuid {
        Uuid::parse_str(self.text(name)).unwrap()
    }

    /// A list of ids that was noted down.
    pub fn ids(&self, name: &str) -> Vec<Uuid> {
        self.made[name].as_array().unwrap().iter().map(|id| Uuid::parse_str(id.as_str().unwrap()).unwrap()).collect()
    }
}

/// Records a laptop and its centre, both closed, as the fixture of a version: the other direction of
/// [`Older::of`]. `from` holds `laptop/<vault>`, `centre/realms` and `made.json`.
pub fn record(from: &Path, to: &Path) {
    let made: Json = serde_json::from_slice(&fs::read(from.join("made.json")).unwrap()).unwrap();
    let (laptop, centre) = (to.join("laptop"), to.join("centre"));
    fs::create_dir_all(&laptop).unwrap();
    fs::create_dir_all(&centre).unwrap();
    fs::copy(from.join("made.json"), to.join("made.json")).unwrap();
    let (vault, _) = VaultFolder::list(&from.join("laptop")).unwrap().remove(0);
    let mut connection = open_writer(&vault.database(), &key(vault.root(), made["passphrase"].as_str().unwrap())).unwrap();
    let plain = laptop.join("plain.db");
    export(&mut connection, &plain, "plain", "main");
    connection.close().unwrap();
    pack(&plain);
    for file in vault.files().into_iter().chain([vault.root().join("vault.json")]).filter(|file| *file != vault.database() && file.is_file()) {
        fs::copy(&file, laptop.join(file.file_name().unwrap())).unwrap();
    }
    for entry in fs::read_dir(from.join("centre/realms")).unwrap().map(Result::unwrap) {
        let (path, there) = (entry.path(), centre.join(entry.file_name()));
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("sqlite") => {
                // Its log is folded in first.
                Connection::open(&path).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
                fs::copy(&path, &there).unwrap();
                pack(&there);
            }
            Some("witness") => drop(fs::copy(&path, &there).unwrap()),
            _ => {}
        }
    }
}

/// Fills one database from another without a key that is attached as `plain`.
fn export(connection: &mut Connection, plain: &Path, to: &str, from: &str) {
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1).unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false).unwrap();
    connection.execute("ATTACH DATABASE ?1 AS plain KEY ''", [plain.to_string_lossy()]).unwrap();
    connection.query_row("SELECT sqlcipher_export(?1, ?2)", [to, from], |_| Ok(())).unwrap();
    connection.execute_batch("DETACH DATABASE plain").unwrap();
}

/// The key of a vault's file that was made without a keyring.
fn key(vault: &Path, passphrase: &str) -> DatabaseKey {
    let copies = VaultFolder::at(vault).slots();
    let slots = SlotFile::load([&copies[0], &copies[1]], 0).unwrap().slots;
    let slot = slots.iter().find(|slot| slot.header.kind == SlotKind::PassphraseOnly).unwrap();
    slot.open_with_passphrase(passphrase, None).unwrap().unwrap().database()
}

fn pack(file: &Path) {
    fs::write(with_suffix(file, ".zst"), zstd::encode_all(&*fs::read(file).unwrap(), 19).unwrap()).unwrap();
    fs::remove_file(file).unwrap();
}

/// Copies the files of a folder; those that are packed come out.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let bytes = fs::read(entry.path()).unwrap();
        let name = entry.file_name().into_string().unwrap();
        let (name, bytes) = match name.strip_suffix(".zst") {
            Some(name) => (name, zstd::decode_all(&*bytes).unwrap()),
            None => (name.as_str(), bytes),
        };
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to.join(name)).unwrap();
        file.write_all(&bytes).unwrap();
    }
}
