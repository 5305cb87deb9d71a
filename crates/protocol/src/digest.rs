//! The digest of rows that both sides compare: a sum modulo 2^256 of one hash for each row, so
//! that it can be kept up to date row by row. Without a key: it finds mistakes, not attackers.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::row_state::RowState;

/// Domain labels; a change of what is hashed is a new label.
const VALUES_LABEL: &str = "gladstone 2026 row values v1";
const ROW_LABEL: &str = "gladstone 2026 row digest v1";
/// Hashers under these labels, whose keys are derived once.
static VALUES: LazyLock<blake3::Hasher> = LazyLock::new(|| blake3::Hasher::new_derive_key(VALUES_LABEL));
static ROW: LazyLock<blake3::Hasher> = LazyLock::new(|| blake3::Hasher::new_derive_key(ROW_LABEL));

/// A number modulo 2^256, little endian. Adding is free of order, and what was added can be taken
/// away again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sum256(pub [u8; 32]);

impl Sum256 {
    /// Adds a number.
    pub fn add(&mut self, other: &[u8; 32]) {
        let mut carry = 0_u16;
        for (byte, add) in self.0.iter_mut().zip(other) {
            carry += u16::from(*byte) + u16::from(*add);
            *byte = (carry & 0xff) as u8;
            carry >>= 8;
        }
    }

    /// Takes a number away.
    pub fn remove(&mut self, other: &[u8; 32]) {
        let mut borrow = 0_i16;
        for (byte, take) in self.0.iter_mut().zip(other) {
            let difference = i16::from(*byte) - i16::from(*take) - borrow;
            *byte = (difference & 0xff) as u8;
            borrow = i16::from(difference < 0);
        }
    }
}

/// The digest of the rows of a unit, or of a range of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RowsDigest(Sum256);

impl RowsDigest {
    /// Adds a row.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    pub fn add(&mut self, row: &RowState) -> Result<(), postcard::Error> {
        self.0.add(&row_digest(row)?);
        Ok(())
    }

    /// Takes a row away, as it was when it was added.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    pub fn remove(&mut self, row: &RowState) -> Result<(), postcard::Error> {
        self.0.remove(&row_digest(row)?);
        Ok(())
    }

    /// Adds the rows of another digest: that of a whole from those of its ranges.
    pub fn join(&mut self, other: &RowsDigest) {
        self.0.add(&other.0.0);
    }

    /// Takes the rows of another digest away.
    pub fn part(&mut self, other: &RowsDigest) {
        self.0.remove(&other.0.0);
    }
}

/// The summand of one row: BLAKE3 over entity, id, `row_mid`, `group_mids` and [`row_hash`].
///
/// # Errors
/// When a value cannot be encoded.
pub fn row_digest(row: &RowState) -> Result<[u8; 32], postcard::Error> {
    let mut hasher = ROW.clone();
    hasher.update(&row.row.entity.no.to_be_bytes()).update(row.row.id().as_bytes()).update(row.row_mid.as_bytes());
    let mids = row.group_mids.sparse(row.row_mid).to_bytes().unwrap_or_default();
    hasher.update(&(mids.len() as u64).to_be_bytes()).update(&mids).update(&row_hash(row)?);
    Ok(hasher.finalize().into())
}

/// The hash of what a row says: unit, mark, and every value that is not null by field number, in
/// the order of numbers. A column that was added and never filled changes no hash; a secret,
/// which never travels, is left out.
///
/// # Errors
/// When a value cannot be encoded.
pub fn row_hash(row: &RowState) -> Result<[u8; 32], postcard::Error> {
    let mark: Option<(Uuid, &str)> = row.error.as_ref().map(|(mid, reason)| (*mid, reason.as_str()));
    let bytes = postcard::to_stdvec(&(row.unit, mark, row.travelling_values()))?;
    Ok(VALUES.clone().update(&bytes).finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_can_be_taken_away_in_any_order() {
        let (a, b) = ([0xff; 32], [0x81; 32]);
        let mut sum = Sum256::default();
        sum.add(&a);
        sum.add(&b);
        let mut turned = Sum256::default();
        turned.add(&b);
        turned.add(&a);
        assert_eq!(sum, turned, "a sum has no order");
        sum.remove(&a);
        assert_eq!(sum, Sum256(b), "what was taken away is gone, over every carry");
        sum.remove(&b);
        assert_eq!(sum, Sum256::default(), "nothing is left of nothing");
        sum.remove(&[1; 32]);
        sum.add(&[1; 32]);
        assert_eq!(sum, Sum256::default(), "below zero wraps and comes back");
    }
}
