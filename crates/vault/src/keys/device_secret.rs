//! This laptop's part of the key, kept by the operating system's keyring.
//!
//! A locked collection makes the keyring ask for its password in a window of its own and block
//! until then; so every call runs on a thread of its own and is given up after a while. There is
//! no fall-back to a file: without a keyring the vault says so and uses the passphrase alone.

use std::{sync::mpsc, thread, time::Duration};

use keyring_core::{Entry, Error};
use uuid::Uuid;

use super::random;

/// How the keyring stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyringState {
    /// It keeps secrets.
    Ready,
    /// It does not; the reason is for people.
    Degraded(String),
}

/// Whoever keeps this laptop's secrets.
pub trait DeviceSecrets: Send + Sync {
    /// Writes, reads back and compares.
    fn probe(&self) -> KeyringState;
    /// A secret by name; `Ok(None)` only when the keyring is open and has none.
    ///
    /// # Errors
    /// Why the keyring cannot tell.
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, String>;
    /// Keeps a secret.
    ///
    /// # Errors
    /// Why the keyring does not.
    fn set(&self, name: &str, secret: &[u8]) -> Result<(), String>;
    /// Forgets a secret.
    ///
    /// # Errors
    /// Why the keyring does not.
    fn delete(&self, name: &str) -> Result<(), String>;
}

/// Name of the key part of a vault.
pub fn key_name(vault: Uuid) -> String {
    format!("vault {vault} key")
}

/// Name of the anchor of a vault.
pub fn anchor_name(vault: Uuid) -> String {
    format!("vault {vault} anchor")
}

/// The desktop's keyring, through the Secret Service.
pub struct SecretService {
    patience: Duration,
}

impl SecretService {
    /// Gives up on a keyring that does not answer within `patience`.
    pub fn new(patience: Duration) -> SecretService {
        SecretService { patience }
    }

    fn ask<T: Send + 'static>(&self, name: &str, work: impl FnOnce(&Entry) -> Result<T, Error> + Send + 'static) -> Result<T, Failure> {
        let (send, receive) = mpsc::channel();
        let name = name.to_owned();
        let spawned = thread::Builder::new().name("keyring".into()).spawn(move || {
            let _ = send.send(open_entry(&name).and_then(|entry| work(&entry)));
        });
        if spawned.is_err() {
            return Err(Failure::Other("no thread could be started".into()));
        }
        match receive.recv_timeout(self.patience) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Error::NoEntry)) => Err(Failure::NoEntry),
            Ok(Err(Error::NoStorageAccess(_))) => Err(Failure::Other("the keyring is locked or has no default collection".into())),
            Ok(Err(error)) => Err(Failure::Other(format!("no keyring answers on this computer ({error})"))),
            Err(_) => Err(Failure::Other("the keyring does not answer; it may be waiting for its password".into())),
        }
    }
}

enum Failure {
    NoEntry,
    Other(String),
}

impl Failure {
    fn reason(self) -> String {
        match self {
            Failure::NoEntry => "the keyring lost the secret".into(),
            Failure::Other(reason) => reason,
        }
    }
}

fn open_entry(name: &str) -> Result<Entry, Error> {
    use keyring_core::api::CredentialStoreApi;
    zbus_secret_service_keyring_store::Store::new()?.build("gladstone", name, None)
}

impl DeviceSecrets for SecretService {
    fn probe(&self) -> KeyringState {
        let check = || -> Result<(), String> {
            let token = random::<16>().map_err(|e| e.to_string())?;
            self.set("probe", &token)?;
            let back = self.get("probe")?;
            let _ = self.delete("probe");
            if back.as_deref() == Some(token.as_slice()) { Ok(()) } else { Err("the keyring did not give back what it was given".into()) }
        };
        check().map_or_else(KeyringState::Degraded, |()| KeyringState::Ready)
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        match self.ask(name, Entry::get_secret) {
            Ok(secret) => Ok(Some(secret)),
            Err(Failure::NoEntry) => Ok(None),
            Err(failure) => Err(failure.reason()),
        }
    }

    fn set(&self, name: &str, secret: &[u8]) -> Result<(), String> {
        let secret = secret.to_vec();
        self.ask(name, move |entry| entry.set_secret(&secret)).map_err(Failure::reason)
    }

    fn delete(&self, name: &str) -> Result<(), String> {
        match self.ask(name, Entry::delete_credential) {
            Ok(()) | Err(Failure::NoEntry) => Ok(()),
            Err(failure) => Err(failure.reason()),
        }
    }
}

/// No keyring, by choice: servers, scripts and tests.
pub struct NoKeyring;

impl DeviceSecrets for NoKeyring {
    fn probe(&self) -> KeyringState {
        KeyringState::Degraded("no keyring is used; the vault is protected by its passphrase only".into())
    }

    fn get(&self, _: &str) -> Result<Option<Vec<u8>>, String> {
        Err("no keyring is used".into())
    }

    fn set(&self, _: &str, _: &[u8]) -> Result<(), String> {
        Err("no keyring is used".into())
    }

    fn delete(&self, _: &str) -> Result<(), String> {
        Ok(())
    }
}
