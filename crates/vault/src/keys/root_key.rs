//! The root key of a vault and the keys that follow from it, one for each purpose.

use gladstone_store::digest::DigestKey;
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{KeyError, random};

/// 32 random bytes per vault and epoch; everything follows from them.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct RootKey(pub(super) [u8; 32]);

/// The raw key of the database.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct DatabaseKey([u8; 32]);

impl RootKey {
    /// A new key.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`].
    pub fn generate() -> Result<RootKey, KeyError> {
        Ok(RootKey(random()?))
    }

    /// The key of the encrypted file.
    pub fn database(&self) -> DatabaseKey {
        DatabaseKey(*hkdf(&[], &self.0, b"gladstone/db/v1"))
    }

    /// The key of the state digest and the anchor.
    pub fn digest(&self) -> DigestKey {
        DigestKey(*hkdf(&[], &self.0, b"gladstone/digest/v1"))
    }
}

impl DatabaseKey {
    /// The key as SQLCipher takes it raw: x'64 hexadecimal digits'.
    pub(crate) fn to_raw_form(&self) -> Zeroizing<Vec<u8>> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = Zeroizing::new(Vec::with_capacity(67));
        text.extend_from_slice(b"x'");
        for byte in self.0 {
            text.push(DIGITS[usize::from(byte >> 4)]);
            text.push(DIGITS[usize::from(byte & 15)]);
        }
        text.push(b'\'');
        text
    }
}

/// HKDF-SHA256 to 32 bytes.
pub(super) fn hkdf(salt: &[u8], secret: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    struct Length;
    impl KeyType for Length {
        fn len(&self) -> usize {
            32
        }
    }
    let mut out = Zeroizing::new([0; 32]);
    let pseudo_random = Salt::new(HKDF_SHA256, salt).extract(secret);
    let info = [info];
    // 32 bytes are far below the limit of 8,160, so neither step can fail.
    if let Ok(material) = pseudo_random.expand(&info, Length) {
        let _ = material.fill(out.as_mut_slice());
    }
    out
}
