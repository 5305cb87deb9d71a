//! The key with which this laptop signs what this person writes. Its seed lies in the encrypted
//! database, so re-keying and backups carry it along and nothing outside holds it.

use gladstone_protocol::Signer;
use ring::signature::{Ed25519KeyPair, KeyPair};
use zeroize::Zeroizing;

use super::KeyError;

/// An Ed25519 key pair.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// The pair of a seed of 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::Derivation`] when the bytes are no seed.
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Result<SigningKey, KeyError> {
        Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map(SigningKey).map_err(|_| KeyError::Derivation)
    }

    /// The public key, 32 bytes.
    pub fn public(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        bytes
    }
}

impl Signer for SigningKey {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.0.sign(message).as_ref());
        bytes
    }
}
