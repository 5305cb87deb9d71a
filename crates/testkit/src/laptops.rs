//! Laptops: open vaults of different people, each with a clock and randomness of its own, without
//! the derivation of a passphrase. And what they hold, to be compared.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use gladstone_model::{Unit, Value, catalogue};
use gladstone_protocol::{RowState, RowsDigest, wire::{Granted, Page, PullAnswer, RowImage, RowKey}};
use gladstone_store::{Reader, StoreError};
use gladstone_vault::{Vault, VaultError, database, folder::VaultFolder, keys::root_key::RootKey, replica::Joined};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{contents, image::scratch, surround::Seeded};

/// A laptop.
pub struct Laptop {
    /// Its folder; removed when this is dropped.
    pub folder: TempDir,
    /// Its key.
    pub key: Arc<RootKey>,
    /// Its clock.
    pub clock: Arc<Seeded>,
    /// Its vault, open.
    pub vault: Vault,
    actor: Uuid,
}

impl Laptop {
    /// A new laptop of a person; laptops of different seeds draw different ids.
    pub fn new(seed: u64, actor: Uuid) -> Laptop {
        let (folder, key, clock) = (scratch(), Arc::new(RootKey::generate().unwrap()), Arc::new(Seeded::new(seed)));
        let vault = attach(folder.path().to_owned(), &key, &clock, actor);
        Laptop { folder, key, clock, vault, actor }
    }

    /// Closes the vault and opens it again.
    pub fn reopened(self) -> Laptop {
        let Laptop { folder, key, clock, vault, actor } = self;
        vault.close().unwrap();
        let vault = attach(folder.path().to_owned(), &key, &clock, actor);
        Laptop { folder, key, clock, vault, actor }
    }

    /// A copy of the laptop as it is now, down to the last id, with other randomness from now on.
    pub fn cloned(&self, seed: u64) -> Laptop {
        self.vault.checkpoint().unwrap();
        let (folder, clock) = (crate::Image::of(self.folder.path()).unpack(), Arc::new(Seeded::new(seed)));
        let key = Arc::clone(&self.key);
        let vault = attach(folder.path().to_owned(), &key, &clock, self.actor);
        Laptop { folder, key, clock, vault, actor: self.actor }
    }

    /// Looks into the file beside the vault.
    pub fn peek<T>(&self, f: impl FnOnce(&rusqlite::Connection) -> T) -> T {
        f(&database::open_reader(self.vault.path(), &self.key.database()).unwrap())
    }

    /// A number that a query yields.
    pub fn count(&self, sql: &str) -> u64 {
        self.peek(|connection| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs())
    }

    /// A row with its origin, entered in error or not.
    pub fn stored(&self, entity: &str, id: Uuid) -> Option<RowState> {
        let entity = catalogue().get(entity).expect("a declared entity");
        self.vault.read(|read| read.stored(entity, id)).unwrap()
    }

    /// A field of a row that stands; none when the row is not there.
    pub fn field(&self, entity: &str, id: Uuid, field: &str) -> Option<Value> {
        self.vault.read(|read| read.get(entity, id)).unwrap().map(|row| row.get(field).clone())
    }

    /// Registers a person and returns the id.
    ///
    /// # Errors
    /// What the vault says.
    pub fn register(&self, name: &str) -> Result<Uuid, VaultError> {
        Ok(self.vault.commit::<_, VaultError>("people.register", |tx| tx.create("users", [("name", Value::text(name)), ("role", "patient".into())]))?.0)
    }

    /// Changes one field of a row.
    ///
    /// # Errors
    /// What the vault says.
    pub fn set(&self, entity: &str, id: Uuid, field: &str, value: impl Into<Value>) -> Result<(), VaultError> {
        self.vault.commit::<_, VaultError>("records.update", |tx| tx.update(entity, id, [(field, value.into())])).map(|_| ())
    }

    /// Notes down a mood of a person on a day, from 0; a day has one.
    ///
    /// # Errors
    /// What the vault says.
    pub fn mood(&self, person: Uuid, day: u64, mood: i64) -> Result<Uuid, VaultError> {
        let date = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap_or_default() + chrono::Days::new(day);
        let values = [("user_id", person.into()), ("entry_date", Value::Date(date)), ("overall_mood", Value::Integer(mood)), ("notes", Value::text("A little better than the day before."))];
        Ok(self.vault.commit::<_, VaultError>("mood.add", |tx| tx.create("mood_entries", values))?.0)
    }

    /// Hangs a file on a person and returns the id of its row.
    pub fn attach(&self, person: Uuid, content: &[u8]) -> Uuid {
        contents::attach(&self.vault, person, "a.pdf", content).unwrap()
    }

    /// Whether a file is here, whole and readable.
    pub fn has_file(&self, content: &[u8]) -> bool {
        let mut out = Vec::new();
        self.vault.copy_file(&contents::hash(content), &mut out).is_ok() && out == content
    }

    /// All rows that are shown, as they would travel.
    pub fn view(&self) -> BTreeMap<RowKey, RowImage> {
        view(&self.vault)
    }

    /// The base: rows without entries on top as they are shown, others as they lie below.
    pub fn base(&self) -> BTreeMap<RowKey, RowImage> {
        let mut rows = self.view();
        self.peek(|connection| {
            let mut pending = connection.prepare("SELECT DISTINCT entity, row_id FROM pending").unwrap();
            let keys: Vec<(u16, Vec<u8>)> = pending.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
            for (entity, id) in keys {
                rows.remove(&RowKey { entity, id: Uuid::from_slice(&id).unwrap() });
            }
            let mut overlay = connection.prepare("SELECT image FROM overlay").unwrap();
            for bytes in overlay.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap() {
                let image: RowImage = postcard::from_bytes(&bytes.unwrap()).unwrap();
                rows.insert(image.key, image);
            }
        });
        rows
    }
}

/// What a realm told a laptop that joins it.
pub fn joined(realm: Uuid, actor: Uuid) -> Joined {
    Joined { realm, organization: "Greenfield Practice".into(), actor, role: "trainer".into(), server: "http://127.0.0.1:8470".into(), certificate: None, epoch: Uuid::from_u128(0xe), nonce: [1; 32], lease_days: 7 }
}

/// Lets a vault that joined take in the rows of a unit, as if it had just got a right to them.
pub fn take_in(vault: &Vault, unit: Unit, rows: Vec<RowImage>) {
    let asked = vault.pull_request().unwrap();
    let at_g = asked.from_g + 1;
    let granted = Granted { unit, at_g, pages: Page::new(None, rows).into_iter().collect(), complete: true };
    let answer = PullAnswer { grants: vec![granted], ..PullAnswer::bare(asked.epoch, at_g, vault.around().now()) };
    vault.take_pull(&asked, answer).unwrap();
}

/// The digest of rows of one unit.
pub fn digest_of<'a>(rows: impl IntoIterator<Item = &'a RowImage>, unit: Unit) -> RowsDigest {
    let mut digest = RowsDigest::default();
    for row in rows.into_iter().filter(|row| row.unit == unit) {
        digest.add(&row.clone().into_state().unwrap().0).unwrap();
    }
    digest
}

/// All rows that a vault shows, as they would travel.
pub fn view(vault: &Vault) -> BTreeMap<RowKey, RowImage> {
    let mut rows = BTreeMap::new();
    vault.read(|read| each_row(read, &mut |row| drop(rows.insert(RowKey { entity: row.row.entity.no, id: row.row.id() }, RowImage::of(&row))))).unwrap();
    rows
}

fn each_row(read: Reader<'_>, each: &mut dyn FnMut(RowState)) -> Result<(), StoreError> {
    for entity in &catalogue().entities {
        read.for_each(entity, &mut |row| {
            each(row);
            Ok(())
        })?;
    }
    Ok(())
}

fn attach(folder: PathBuf, key: &RootKey, clock: &Arc<Seeded>, actor: Uuid) -> Vault {
    let path = VaultFolder::at(folder).database();
    let connection = database::open_writer(&path, &key.database()).unwrap();
    let reader_key = key.database();
    let open_reader = Box::new(move |path: &std::path::Path| database::open_reader(path, &reader_key).map_err(|error| StoreError::Damaged(error.to_string())));
    Vault::attach(&path, connection, open_reader, key.digest(), Arc::clone(clock) as Arc<dyn gladstone_vault::surroundings::Surroundings>, actor).unwrap()
}
