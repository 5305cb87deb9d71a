//! The lease: how long a laptop may work without contact, signed by the centre. What it means is
//! the laptop's matter.

use std::ops::RangeInclusive;

use gladstone_model::Instant;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    enrol::{from_hex, to_hex},
    seal::Signer,
};

/// What the centre signs, before the fields of the lease.
const LEASE_LABEL: &[u8] = b"gladstone lease v1\0";
/// Days that a lease may have.
pub const LEASE_DAYS: RangeInclusive<u16> = 1..=30;

/// How long one laptop may work without contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The organization.
    pub realm: Uuid,
    /// The laptop, and no other.
    pub device: Uuid,
    /// The centre's history.
    pub epoch: Uuid,
    /// From when on, by the centre's clock, in microseconds since 1970 UTC.
    pub issued: Instant,
    /// Days from then on; within [`LEASE_DAYS`].
    pub days: u16,
}

/// A lease with the centre's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedLease {
    /// Ed25519 public key of the centre in this organization, 32 bytes in hexadecimal digits.
    pub key: String,
    /// What is signed.
    pub lease: Lease,
    /// The signature, 64 bytes in hexadecimal digits.
    pub signature: String,
}

impl Lease {
    /// The bytes that are signed: label, realm, device, epoch, time and days, numbers with their
    /// greatest byte first.
    fn message(&self) -> Vec<u8> {
        let ids = [self.realm, self.device, self.epoch].map(Uuid::into_bytes);
        [LEASE_LABEL, ids.as_flattened(), &self.issued.0.to_be_bytes(), &self.days.to_be_bytes()].concat()
    }

    /// With the signature of `signer`, whose public key is `key`.
    pub fn signed(self, key: &[u8; 32], signer: &dyn Signer) -> SignedLease {
        SignedLease { key: to_hex(key), lease: self, signature: to_hex(&signer.sign(&self.message())) }
    }
}

impl SignedLease {
    /// The key that it names; none when that is none.
    pub fn key(&self) -> Option<[u8; 32]> {
        from_hex(&self.key)
    }

    /// Whether `key` signed it.
    pub fn is_signed_by(&self, key: &[u8; 32]) -> bool {
        let Some(signature) = from_hex::<64>(&self.signature) else { return false };
        ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, key).verify(&self.lease.message(), &signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    struct Key(Ed25519KeyPair);

    impl Key {
        fn public(&self) -> [u8; 32] {
            self.0.public_key().as_ref().try_into().unwrap()
        }
    }

    impl Signer for Key {
        fn sign(&self, message: &[u8]) -> [u8; 64] {
            self.0.sign(message).as_ref().try_into().unwrap()
        }
    }

    #[test]
    fn every_field_of_a_lease_is_under_its_signature() {
        let key = Key(Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap());
        let id = Uuid::from_u128;
        let lease = Lease { realm: id(1), device: id(2), epoch: id(3), issued: Instant(1_795_000_000_000_000), days: 7 };
        let signed = lease.signed(&key.public(), &key);
        assert_eq!(signed.key(), Some(key.public()), "it names its key");
        let check = |what: &str, good: bool, change: &dyn Fn(&mut SignedLease)| {
            let mut changed = signed.clone();
            change(&mut changed);
            assert_eq!(changed.is_signed_by(&key.public()), good, "{what}");
        };
        check("as it was signed", true, &|_| {});
        check("another organization", false, &|signed| signed.lease.realm = id(9));
        check("another laptop", false, &|signed| signed.lease.device = id(9));
        check("another history", false, &|signed| signed.lease.epoch = id(9));
        check("another time", false, &|signed| signed.lease.issued = Instant(signed.lease.issued.0 + 1));
        check("more days", false, &|signed| signed.lease.days = 30);
        check("half a signature", false, &|signed| signed.signature.truncate(64));
        check("a signature of another", false, &|signed| signed.signature = "00".repeat(64));
        assert!(!signed.is_signed_by(&[1; 32]), "by another key");
    }
}
