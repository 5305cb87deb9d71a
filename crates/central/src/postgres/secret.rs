//! The secret of a service that runs on PostgreSQL: it states realms to the database and seals
//! the seeds of the centre's own laptops. It lies in the service's state folder, never in the
//! database but for the padded keys by which the database checks what is stated.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use gladstone_model::Instant;
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use uuid::Uuid;

use crate::error::EngineError;

/// File in the state folder that holds the secret.
const FILE: &str = "secret";
const CONTEXT_LABEL: &str = "gladstone 2026 postgres context v1";
const SEED_LABEL: &str = "gladstone 2026 postgres realm seed v1";
/// How long a stated realm is good. Long enough for any transaction and for clocks that differ.
const GOOD_SECONDS: i64 = 600;
/// Block of SHA-256 in bytes: what HMAC pads its key to.
const BLOCK: usize = 64;

/// 32 random bytes, from which the keys are derived.
pub(super) struct Secret([u8; 32]);

impl Secret {
    /// Reads the secret from a state folder.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when there is none, or others than its owner may read it;
    /// [`EngineError::Damaged`] when it is not 32 bytes.
    pub fn read(state: &Path) -> Result<Secret, EngineError> {
        let file = state.join(FILE);
        let bytes = fs::read(&file).map_err(|error| match error.kind() {
            ErrorKind::NotFound => EngineError::Refused(format!("{} is missing; `gladstone central migrate` makes it, or copy it from where the service ran before", file.display())),
            _ => EngineError::Failed(format!("{}: {error}", file.display())),
        })?;
        let mode = fs::metadata(&file).map_err(|error| EngineError::Failed(format!("{}: {error}", file.display())))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(EngineError::Refused(format!("{} may be read by others than its owner; take that right away (chmod 600)", file.display())));
        }
        bytes.try_into().map(Secret).map_err(|_| EngineError::Damaged(format!("{} does not hold 32 bytes", file.display())))
    }

    /// Reads the secret, or makes one where there is none.
    ///
    /// # Errors
    /// As [`Secret::read`]; what the disk says.
    pub fn read_or_make(state: &Path) -> Result<Secret, EngineError> {
        let failed = |error: std::io::Error| EngineError::Failed(format!("{}: {error}", state.display()));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(state).map_err(failed)?;
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).map_err(|_| EngineError::Failed("the system gives no random numbers".into()))?;
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(state.join(FILE)) {
            Ok(mut file) => {
                file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(failed)?;
                fs::File::open(state).and_then(|folder| folder.sync_all()).map_err(failed)?;
                Ok(Secret(bytes))
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Secret::read(state),
            Err(error) => Err(failed(error)),
        }
    }

    /// What a transaction states about itself: `realm.expiry.hmac`, expiry in seconds since 1970.
    pub fn context(&self, realm: Uuid, now: Instant) -> String {
        self.context_until(realm, now.millis() / 1_000 + GOOD_SECONDS)
    }

    /// As [`Secret::context`], good until `expiry`.
    pub fn context_until(&self, realm: Uuid, expiry: i64) -> String {
        let said = format!("{}.{expiry}", realm.as_hyphenated());
        let key = hmac::Key::new(hmac::HMAC_SHA256, &blake3::derive_key(CONTEXT_LABEL, &self.0));
        let tag: String = hmac::sign(&key, said.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{said}.{tag}")
    }

    /// The two padded keys of HMAC-SHA-256 by which the database checks a context.
    pub fn pads(&self) -> ([u8; BLOCK], [u8; BLOCK]) {
        let key = blake3::derive_key(CONTEXT_LABEL, &self.0);
        let padded = |with: u8| std::array::from_fn(|at| key.get(at).copied().unwrap_or_default() ^ with);
        (padded(0x36), padded(0x5c))
    }

    /// A seed as the database keeps it: nonce and ciphertext, bound to its realm.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn seal(&self, realm: Uuid, seed: [u8; 32]) -> Result<Vec<u8>, EngineError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| EngineError::Failed("the system gives no random numbers".into()))?;
        let mut sealed = seed.to_vec();
        self.seed_key()?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(realm.as_bytes()), &mut sealed).map_err(|_| EngineError::Failed("a seed cannot be sealed".into()))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// The seed out of what [`Secret::seal`] made.
    ///
    /// # Errors
    /// [`EngineError::Damaged`] when it was sealed with another secret or for another realm.
    pub fn unseal(&self, realm: Uuid, sealed: &[u8]) -> Result<[u8; 32], EngineError> {
        let wrong = || EngineError::Damaged("the seed of the centre's own laptop cannot be opened; was the database made with another secret?".into());
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or_else(wrong)?;
        let mut bytes = sealed.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
        let seed = self.seed_key()?.open_in_place(nonce, Aad::from(realm.as_bytes()), &mut bytes).map_err(|_| wrong())?;
        <[u8; 32]>::try_from(&*seed).map_err(|_| wrong())
    }

    fn seed_key(&self) -> Result<LessSafeKey, EngineError> {
        let key = UnboundKey::new(&AES_256_GCM, &blake3::derive_key(SEED_LABEL, &self.0)).map_err(|_| EngineError::Failed("a key cannot be made".into()))?;
        Ok(LessSafeKey::new(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_opens_with_its_secret_and_realm_alone() {
        let (secret, other) = (Secret([7; 32]), Secret([8; 32]));
        let realm = Uuid::from_u128(1);
        let sealed = secret.seal(realm, [3; 32]).unwrap();
        assert_eq!(secret.unseal(realm, &sealed).unwrap(), [3; 32], "the seed comes back");
        for (what, found) in [("another secret", other.unseal(realm, &sealed)), ("another realm", secret.unseal(Uuid::from_u128(2), &sealed)), ("too short", secret.unseal(realm, &sealed[..9]))] {
            assert!(matches!(found, Err(EngineError::Damaged(_))), "{what}: {found:?}");
        }
    }

    #[test]
    fn the_secret_is_made_once_and_read_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        assert!(matches!(Secret::read(&state), Err(EngineError::Refused(_))), "there is none yet");
        let made = Secret::read_or_make(&state).unwrap();
        assert_eq!(Secret::read_or_make(&state).unwrap().0, made.0, "it stays the same");
        fs::set_permissions(state.join(FILE), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Secret::read(&state), Err(EngineError::Refused(_))), "readable by the group");
    }
}
