//! Where measured files lie, and a desk with an open vault there.

use std::{path::{Path, PathBuf}, sync::Arc};

use gladstone_desk::Desk;
use gladstone_vault::{Surrounding, folder::VaultFolder, keys::{device_secret::NoKeyring, kdf::Cost, root_key::RootKey, slot::{SlotFile, SlotKind}}, surroundings::Machine};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// Passphrase of every measured vault.
pub const PASSPHRASE: &str = "lantern orbit maple thursday quilt";

/// A folder below the target folder that goes when the run ends.
pub struct Place(TempDir);

impl Place {
    /// Makes the folder.
    ///
    /// # Errors
    /// What the disk says.
    pub fn new(target: &Path) -> Result<Place, String> {
        let parent = std::path::absolute(target.join("bench")).map_err(text)?;
        std::fs::create_dir_all(&parent).map_err(text)?;
        Ok(Place(tempfile::tempdir_in(&parent).map_err(text)?))
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        self.0.path()
    }

    /// A folder of its own for one measurement.
    ///
    /// # Errors
    /// What the disk says.
    pub fn fresh(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.root().join(name);
        if path.exists() {
            std::fs::remove_dir_all(&path).map_err(text)?;
        }
        std::fs::create_dir_all(&path).map_err(text)?;
        Ok(path)
    }
}

/// What the measured vaults take from the machine: real time, no keyring, the least key cost.
pub fn surrounding() -> Surrounding {
    Surrounding { around: Arc::new(Machine::default()), secrets: Arc::new(NoKeyring), cost: Cost::FLOOR }
}

/// A desk over `vaults` with nothing open.
pub fn closed_desk(vaults: &Path) -> Desk {
    Desk::new(vaults, surrounding(), std::sync::Arc::new(|_| {}))
}

/// A desk over `vaults` with one new vault, open and confirmed; and the vault's id.
///
/// # Errors
/// What the commands say.
pub fn open_desk(vaults: &Path) -> Result<(Desk, Json), String> {
    let desk = closed_desk(vaults);
    let created = run(&desk, "vault.create", json!({ "label": "Bench", "person_name": "Amara Bench", "passphrase": PASSPHRASE }))?;
    run(&desk, "vault.confirm_recovery", json!({ "code": created["recovery_code"] }))?;
    Ok((desk, created["vault_id"].clone()))
}

/// Runs a command and says which one failed.
///
/// # Errors
/// What the command says.
pub fn run(desk: &Desk, command: &str, request: Json) -> Result<Json, String> {
    desk.run(command, request).map_err(|error| format!("{command}: {}", error.message))
}

/// The root key of a measured vault, from its slots, as the vault itself gets it.
///
/// # Errors
/// No slot opens with [`PASSPHRASE`].
pub fn root_key(folder: &VaultFolder) -> Result<RootKey, String> {
    let copies = folder.slots();
    let file = SlotFile::load([&copies[0], &copies[1]], 0).map_err(text)?;
    for slot in file.slots.iter().filter(|slot| slot.header.kind == SlotKind::PassphraseOnly) {
        if let Some(key) = slot.open_with_passphrase(PASSPHRASE, None).map_err(text)? {
            return Ok(key);
        }
    }
    Err("no slot opens".into())
}

/// Any error as text.
pub fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
