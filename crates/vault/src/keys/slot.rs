//! Slots: the root key wrapped once for each way to open the vault, and the file that holds them
//! in two copies.
//!
//! A slot is a header {kind, cost, salt, vault, epoch, commitment}, a nonce, and the root key under
//! AES-256-GCM with the header as associated data. The commitment, derived from the wrapping key,
//! makes a slot open under one key only.

use std::path::Path;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    KeyError, kdf::{self, Cost}, random, recovery_code::RecoveryCode, root_key::{RootKey, hkdf},
};
use crate::folder::write_durably;

const MAGIC: &[u8; 8] = b"GLSLOTS1";

/// Which secret opens a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SlotKind {
    /// Passphrase and this laptop's secret in the keyring.
    Passphrase,
    /// Passphrase alone: there was no keyring when the slot was made.
    PassphraseOnly,
    /// The printed recovery code.
    Recovery,
}

/// The readable part of a slot; authenticated, not secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Which secret opens it.
    pub kind: SlotKind,
    /// Cost of the derivation; the floor for recovery codes, which need none.
    pub cost: Cost,
    /// Salt of the derivation.
    pub salt: [u8; 16],
    /// Vault that it belongs to.
    pub vault: Uuid,
    /// Generation of the root key.
    pub epoch: u64,
    /// Derived from the wrapping key.
    pub commitment: [u8; 32],
}

/// One wrapped root key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Readable part.
    pub header: Header,
    nonce: [u8; 12],
    wrapped: Vec<u8>,
}

/// All slots of a vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotFile {
    /// Counts the writes; of two good copies the newer one counts.
    pub generation: u64,
    /// Whether the person has proved that the recovery code is written down.
    pub recovery_confirmed: bool,
    /// The slots.
    pub slots: Vec<Slot>,
}

impl Slot {
    /// Wraps a root key under a passphrase. `device_secret`: this laptop's part, if it has one.
    ///
    /// # Errors
    /// No randomness, or too little memory.
    pub fn for_passphrase(vault: Uuid, epoch: u64, root: &RootKey, passphrase: &str, device_secret: Option<&[u8; 32]>, cost: Cost) -> Result<Slot, KeyError> {
        let kind = if device_secret.is_some() { SlotKind::Passphrase } else { SlotKind::PassphraseOnly };
        let salt = random()?;
        let derived = kdf::derive(passphrase, &salt, cost)?;
        wrap(Header { kind, cost, salt, vault, epoch, commitment: [0; 32] }, derived.as_slice(), device_secret, root)
    }

    /// Wraps a root key under a recovery code.
    ///
    /// # Errors
    /// No randomness.
    pub fn for_recovery(vault: Uuid, epoch: u64, root: &RootKey, code: &RecoveryCode) -> Result<Slot, KeyError> {
        let header = Header { kind: SlotKind::Recovery, cost: Cost::FLOOR, salt: random()?, vault, epoch, commitment: [0; 32] };
        wrap(header, code.secret(), None, root)
    }

    /// Unwraps with a passphrase; `None` when it is another one.
    ///
    /// # Errors
    /// Too little memory, or a damaged slot.
    pub fn open_with_passphrase(&self, passphrase: &str, device_secret: Option<&[u8; 32]>) -> Result<Option<RootKey>, KeyError> {
        let derived = kdf::derive(passphrase, &self.header.salt, self.header.cost)?;
        self.unwrap(derived.as_slice(), device_secret)
    }

    /// Unwraps with a recovery code; `None` when it is another one.
    ///
    /// # Errors
    /// A damaged slot.
    pub fn open_with_recovery(&self, code: &RecoveryCode) -> Result<Option<RootKey>, KeyError> {
        self.unwrap(code.secret(), None)
    }

    fn unwrap(&self, secret: &[u8], device_secret: Option<&[u8; 32]>) -> Result<Option<RootKey>, KeyError> {
        let wrapping = wrapping_key(&self.header, secret, device_secret);
        if *commitment(&wrapping) == self.header.commitment {
            let mut buffer = Zeroizing::new(self.wrapped.clone());
            let opened = aead(&wrapping)?.open_in_place(Nonce::assume_unique_for_key(self.nonce), Aad::from(aad(&self.header)?), &mut buffer);
            let plain = opened.map_err(|_| KeyError::DamagedSlots)?;
            let bytes: [u8; 32] = (&*plain).try_into().map_err(|_| KeyError::DamagedSlots)?;
            return Ok(Some(RootKey(bytes)));
        }
        Ok(None)
    }
}

impl SlotFile {
    /// The newer of the two copies that are whole. Refuses parameters beyond floor and ceiling, and
    /// an epoch below `least_epoch`.
    ///
    /// # Errors
    /// [`KeyError::DamagedSlots`], [`KeyError::SuspiciousSlots`].
    pub fn load(copies: [&Path; 2], least_epoch: u64) -> Result<SlotFile, KeyError> {
        let read = copies.map(|path| std::fs::read(path).ok().and_then(|bytes| parse(&bytes)));
        let file = read.into_iter().flatten().max_by_key(|file| file.generation).ok_or(KeyError::DamagedSlots)?;
        for slot in &file.slots {
            if !slot.header.cost.is_acceptable() {
                return Err(KeyError::SuspiciousSlots("the cost of the passphrase lies outside the allowed range"));
            }
            if slot.header.epoch < least_epoch {
                return Err(KeyError::SuspiciousSlots("an older key file was put back"));
            }
        }
        Ok(file)
    }

    /// Writes both copies, one after the other, so that one is whole at any moment.
    ///
    /// # Errors
    /// What the disk says.
    pub fn save(&self, copies: [&Path; 2]) -> Result<(), KeyError> {
        let body = postcard::to_stdvec(self).map_err(|_| KeyError::DamagedSlots)?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(blake3::hash(&bytes).as_bytes());
        for path in copies {
            write_durably(path, &bytes)?;
        }
        Ok(())
    }
}

fn parse(bytes: &[u8]) -> Option<SlotFile> {
    let (content, checksum) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
    if blake3::hash(content).as_bytes() != checksum {
        return None;
    }
    postcard::from_bytes(content.strip_prefix(MAGIC)?).ok()
}

fn wrap(mut header: Header, secret: &[u8], device_secret: Option<&[u8; 32]>, root: &RootKey) -> Result<Slot, KeyError> {
    let wrapping = wrapping_key(&header, secret, device_secret);
    header.commitment = *commitment(&wrapping);
    let nonce = random()?;
    let mut wrapped = root.0.to_vec();
    aead(&wrapping)?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad(&header)?), &mut wrapped).map_err(|_| KeyError::Derivation)?;
    Ok(Slot { header, nonce, wrapped })
}

fn wrapping_key(header: &Header, secret: &[u8], device_secret: Option<&[u8; 32]>) -> Zeroizing<[u8; 32]> {
    let info = format!("gladstone/kek/v1|{}|{}", header.vault, header.epoch);
    hkdf(device_secret.map_or(&[], |s| s.as_slice()), secret, info.as_bytes())
}

fn commitment(wrapping: &Zeroizing<[u8; 32]>) -> Zeroizing<[u8; 32]> {
    hkdf(&[], wrapping.as_slice(), b"gladstone/commitment/v1")
}

fn aead(key: &Zeroizing<[u8; 32]>) -> Result<LessSafeKey, KeyError> {
    UnboundKey::new(&AES_256_GCM, key.as_slice()).map(LessSafeKey::new).map_err(|_| KeyError::Derivation)
}

fn aad(header: &Header) -> Result<Vec<u8>, KeyError> {
    postcard::to_stdvec(header).map_err(|_| KeyError::DamagedSlots)
}
