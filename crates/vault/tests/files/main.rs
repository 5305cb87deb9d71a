//! Files of records in a vault: read as they were written or not at all, durable together with the
//! record that names them, kept for as long as something names them.

// Test code stops at the first thing that does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod backups;
mod content;
mod full_disk;
mod keeping;
mod queue;

#[cfg(target_os = "linux")]
mod kill;

use gladstone_model::Value;
use gladstone_protocol::{content::ContentHash, enrol::to_hex};
use gladstone_testkit::contents::{attach, bytes, hash};
use gladstone_vault::{Vault, VaultError, replica::Joined};
use uuid::Uuid;

/// A person to hang files on.
fn person(vault: &Vault) -> Uuid {
    vault.commit::<_, VaultError>("people.register", |tx| tx.create("users", [("name", Value::text("Rosa Example")), ("role", "patient".into())])).unwrap().0
}

/// A realm to belong to.
fn realm(actor: Uuid) -> Joined {
    Joined { realm: Uuid::from_u128(5), organization: "Greenfield Practice".into(), actor, role: "trainer".into(), server: "http://127.0.0.1:8470".into(), certificate: None, epoch: Uuid::from_u128(6), nonce: [1; 32], lease_days: 7 }
}

/// A row that names a file which is not here.
fn named(vault: &Vault, person: Uuid, content: &[u8], size: i64) -> Uuid {
    let values = [("person_id", person.into()), ("filename", "a.pdf".into()), ("mime_type", "application/pdf".into()), ("size_bytes", size.into()), ("blob_hash", Value::text(&to_hex(&hash(content))))];
    vault.commit::<_, VaultError>("files.attach", |tx| tx.create("attachments", values)).unwrap().0
}

/// All of a file that is here.
fn whole(vault: &Vault, hash: &ContentHash) -> Vec<u8> {
    let mut out = Vec::new();
    vault.copy_file(hash, &mut out).unwrap();
    out
}

/// Names of the files in the folder, parts left out.
fn lying(vault: &Vault) -> Vec<String> {
    let folder = vault.path().with_file_name("blobs");
    let mut names: Vec<String> = std::fs::read_dir(folder).into_iter().flatten().flatten().filter(|entry| entry.file_type().unwrap().is_file()).map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
