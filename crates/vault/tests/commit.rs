//! One way to write: what a commit keeps, captures and refuses.

use std::{path::Path, sync::Arc};

use gladstone_model::{Value, catalogue};
use gladstone_protocol::Signer;
use gladstone_store::{Query, digest::DigestKey};
use gladstone_vault::{Vault, VaultError, VaultKeys, surroundings::Machine};
use ring::signature::{Ed25519KeyPair, KeyPair};
use rusqlite::Connection;

struct Key(Ed25519KeyPair);
impl Signer for Key {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).as_ref().try_into().unwrap()
    }
}

fn open(path: &Path) -> Vault {
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let _ = key.public_key();
    let keys = VaultKeys { digest: DigestKey([3; 32]), signer: Box::new(Key(key)) };
    let reader = Box::new(|path: &Path| Ok(Connection::open(path)?));
    Vault::attach(path, Connection::open(path).unwrap(), reader, keys, Arc::new(Machine::default()), uuid::Uuid::nil()).unwrap()
}

#[test]
fn a_person_that_was_saved_is_found_read_and_in_the_digest() {
    let folder = tempfile::tempdir().unwrap();
    let vault = open(&folder.path().join("vault.db"));
    let (id, changes) = vault.commit("people.register", |tx| tx.create("users", [("name", Value::text("Tomasz Wieczorek")), ("role", "patient".into())])).unwrap();
    assert!(changes.entities.contains("users"), "the screen is told what changed");
    let row = vault.read(|read| read.require("users", id)).unwrap();
    assert_eq!(row.text("name"), "Tomasz Wieczorek");
    let hits = vault.read(|read| gladstone_store::search::find(read, "tom wie", Some("users"), 10)).unwrap();
    assert_eq!(hits.len(), 1, "found by the first letters of both names");
    vault.commit("people.update", |tx| tx.update("users", id, [("job_title", "Baker".into())])).unwrap();
    assert_eq!(vault.recompute_digest().unwrap(), vault.state().digest, "the kept digest is that of the rows");
    assert_eq!(vault.waiting().unwrap(), 2, "both mutations wait to be sent");
    let refused = vault.commit::<_, VaultError>("people.update", |tx| tx.update("users", id, [("email", "nonsense".into())]));
    assert_eq!(refused.unwrap_err().faults()[0].field, "email", "the fault names the field");
    assert_eq!(vault.read(|read| read.count("users", &Query::default())).unwrap(), 1, "nothing was lost or doubled");
    assert!(catalogue().entities.len() >= 89);
}
