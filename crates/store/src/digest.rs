//! The state digest: the sum, modulo 2^256, of a keyed hash for each row. It finds a row that was
//! changed, put back or lost behind our back; it does not say which.

use gladstone_model::catalogue;

use gladstone_protocol::RowState;

use crate::{error::StoreError, read::Reader, stored::digest_bytes};

/// A sum of row hashes, little endian.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

/// Key of the row hashes. Cannot be printed.
#[derive(Clone)]
pub struct DigestKey(pub [u8; 32]);

impl Digest {
    /// Adds a row.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when the row cannot be encoded.
    pub fn add(&mut self, key: &DigestKey, row: &RowState) -> Result<(), StoreError> {
        add(&mut self.0, hash(key, row)?);
        Ok(())
    }

    /// Takes a row away.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when the row cannot be encoded.
    pub fn remove(&mut self, key: &DigestKey, row: &RowState) -> Result<(), StoreError> {
        let hash = hash(key, row)?;
        let mut borrow = 0_i16;
        for (byte, take) in self.0.iter_mut().zip(hash) {
            let difference = i16::from(*byte) - i16::from(take) - borrow;
            *byte = (difference & 0xff) as u8;
            borrow = i16::from(difference < 0);
        }
        Ok(())
    }

    /// Adds the rows of another digest.
    pub fn join(&mut self, other: &Digest) {
        add(&mut self.0, other.0);
    }

    /// The digest of everything that is held, from the rows themselves.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn of_all(reader: Reader<'_>, key: &DigestKey) -> Result<Digest, StoreError> {
        let mut digest = Digest::default();
        for entity in &catalogue().entities {
            reader.for_each(entity, &mut |row| digest.add(key, &row))?;
        }
        Ok(digest)
    }
}

fn add(sum: &mut [u8; 32], other: [u8; 32]) {
    let mut carry = 0_u16;
    for (byte, add) in sum.iter_mut().zip(other) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = (carry & 0xff) as u8;
        carry >>= 8;
    }
}

fn hash(key: &DigestKey, row: &RowState) -> Result<[u8; 32], StoreError> {
    let bytes = digest_bytes(row).map_err(|_| StoreError::Unreadable(row.row.entity.plural.clone()))?;
    Ok(*blake3::keyed_hash(&key.0, &bytes).as_bytes())
}
