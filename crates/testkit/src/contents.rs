//! Contents of files for tests: random bytes, how they hang on a person, and how they travel.

use gladstone_model::Value;
use gladstone_protocol::{content::{CHUNK, ContentHash, ContentKey, chunks}, enrol::to_hex};
use gladstone_vault::{Vault, VaultError};
use uuid::Uuid;

use crate::Dice;

/// Random bytes, the same for the same seed.
pub fn bytes(seed: u64, size: usize) -> Vec<u8> {
    let mut out = vec![0; size];
    Dice::new(seed).fill(&mut out);
    out
}

/// The hash by which a content is named.
pub fn hash(content: &[u8]) -> ContentHash {
    *blake3::hash(content).as_bytes()
}

/// Takes a file in and hangs it on a person, as the product does. Returns the id of its row.
///
/// # Errors
/// What the vault says.
pub fn attach(vault: &Vault, person: Uuid, name: &str, content: &[u8]) -> Result<Uuid, VaultError> {
    let mut incoming = vault.begin_file()?;
    incoming.read_from(&mut &*content)?;
    let row = vault.keep_file::<_, VaultError>(incoming, "files.attach", |tx, kept| {
        let size = i64::try_from(kept.size).unwrap();
        tx.create("attachments", [("person_id", person.into()), ("filename", Value::text(name)), ("mime_type", "application/pdf".into()), ("size_bytes", size.into()), ("blob_hash", Value::text(&to_hex(&kept.hash)))])
    })?;
    Ok(row.0)
}

/// A content of so many random bytes as it travels in a realm, and its hash.
pub fn sealed(realm: Uuid, seed: u64, size: usize) -> (ContentHash, Vec<u8>) {
    let plain = bytes(seed, size);
    let hash = hash(&plain);
    let (key, count) = (ContentKey::shared(realm, &hash), chunks(size as u64));
    let mut out = Vec::new();
    for number in 0..count {
        let from = number as usize * CHUNK;
        let mut chunk = plain[from..size.min(from + CHUNK)].to_vec();
        key.seal(number, number + 1 == count, &mut chunk);
        out.extend(chunk);
    }
    (hash, out)
}
