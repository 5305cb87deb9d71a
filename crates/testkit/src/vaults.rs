//! Vaults for tests: made with a passphrase, opened with it, or with the root key at once where
//! the derivation of the passphrase is not what is tested.

use std::{path::Path, sync::Arc};

use gladstone_store::StoreError;
use gladstone_vault::{
    CustodyError, Unlocked, Vault, custody, database,
    folder::VaultFolder,
    keys::{recovery_code::RecoveryCode, root_key::RootKey, slot::{SlotFile, SlotKind}},
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{image::scratch, surround::{Seeded, surrounding}};

/// The passphrase of every test vault.
pub const PASSPHRASE: &str = "village hall brass clasp";

/// A vault that was just made.
pub struct Made {
    /// Its folder; removed when this is dropped.
    pub folder: TempDir,
    /// The vault, open.
    pub unlocked: Unlocked,
    /// Its recovery code.
    pub code: String,
}

/// Makes a vault in a folder of its own.
pub fn make() -> Made {
    let folder = scratch();
    let (unlocked, code) = custody::create(folder.path(), "Amara", PASSPHRASE, Uuid::from_u128(7), &surrounding(1)).unwrap();
    Made { folder, unlocked, code: code.to_text().to_string() }
}

/// Unlocks with the passphrase of every test vault.
///
/// # Errors
/// Why it does not open.
pub fn unlock(folder: &Path) -> Result<Unlocked, CustodyError> {
    custody::unlock(folder, PASSPHRASE, &surrounding(2))
}

/// The root key of a vault, by its recovery code.
pub fn root_key(folder: &Path, code: &str) -> RootKey {
    let copies = VaultFolder::at(folder).slots();
    let file = SlotFile::load([&copies[0], &copies[1]], 0).unwrap();
    let code = RecoveryCode::parse(code).unwrap();
    let slot = file.slots.iter().find(|slot| slot.header.kind == SlotKind::Recovery).unwrap();
    slot.open_with_recovery(&code).unwrap().unwrap()
}

/// Opens a vault with its root key, with everything but the passphrase and the ladder.
///
/// # Errors
/// Why it does not open.
pub fn open(folder: &Path, key: &RootKey) -> Result<Vault, CustodyError> {
    let path = VaultFolder::at(folder).database();
    attach(&path, database::open_writer(&path, &key.database())?, key)
}

/// Makes a vault of a connection that is open already.
///
/// # Errors
/// Why it does not open.
pub fn attach(path: &Path, connection: rusqlite::Connection, key: &RootKey) -> Result<Vault, CustodyError> {
    let reader_key = key.database();
    let open_reader = Box::new(move |path: &Path| database::open_reader(path, &reader_key).map_err(|error| StoreError::Damaged(error.to_string())));
    Ok(Vault::attach(path, connection, open_reader, key.digest(), Arc::new(Seeded::new(3)), Uuid::from_u128(7))?)
}
