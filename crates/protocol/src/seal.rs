//! Hash and signature of an entry. Holds no keys: whoever signs is an argument.

use crate::entry::Entry;

/// Domain labels, so that no signature or hash of ours means anything elsewhere.
const HASH_LABEL: &str = "gladstone 2026 chain entry v1";
const SIGNATURE_LABEL: &[u8] = b"gladstone chain entry signature v1\0";

/// BLAKE3 hash of an entry's bytes.
pub type ChainHash = [u8; 32];

/// Whoever can sign for this laptop.
pub trait Signer {
    /// An Ed25519 signature of `message`.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// An entry as it is stored and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Canonical bytes of the entry.
    pub bytes: Vec<u8>,
    /// Their hash.
    pub hash: ChainHash,
    /// Signature over label and hash.
    pub signature: [u8; 64],
}

/// Why a sealed entry is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// The bytes are not an entry of this version.
    #[error("the bytes are not an entry that this version can read")]
    Unreadable,
    /// The hash does not belong to the bytes.
    #[error("the entry was changed after it was written")]
    Hash,
    /// The signature is not by this key.
    #[error("the signature is not by this laptop's key")]
    Signature,
}

/// Encodes, hashes and signs an entry.
///
/// # Errors
/// [`SealFault::Unreadable`] when the entry cannot be encoded.
pub fn seal(entry: &Entry, signer: &dyn Signer) -> Result<Sealed, SealFault> {
    let bytes = entry.to_bytes().map_err(|_| SealFault::Unreadable)?;
    let hash = hash(&bytes);
    Ok(Sealed { signature: signer.sign(&message(&hash)), bytes, hash })
}

/// Checks hash and signature, and returns the entry. `public_key`: 32 bytes of Ed25519.
///
/// # Errors
/// The first thing that is wrong.
pub fn open(bytes: &[u8], stored_hash: &[u8], signature: &[u8], public_key: &[u8]) -> Result<Entry, SealFault> {
    verify(bytes, stored_hash, signature, public_key)?;
    Entry::from_bytes(bytes).map_err(|_| SealFault::Unreadable)
}

/// Checks hash and signature of bytes that are read elsewhere.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify(bytes: &[u8], stored_hash: &[u8], signature: &[u8], public_key: &[u8]) -> Result<(), SealFault> {
    let hash = hash(bytes);
    if stored_hash != hash {
        return Err(SealFault::Hash);
    }
    let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, public_key);
    key.verify(&message(&hash), signature).map_err(|_| SealFault::Signature)
}

/// The hash of an entry's bytes under our label.
pub fn hash(bytes: &[u8]) -> ChainHash {
    blake3::Hasher::new_derive_key(HASH_LABEL).update(bytes).finalize().into()
}

fn message(hash: &ChainHash) -> Vec<u8> {
    [SIGNATURE_LABEL, hash.as_slice()].concat()
}
