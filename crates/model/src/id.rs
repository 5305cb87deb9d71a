//! Ids: time-ordered for new rows, derived for rows that their key alone identifies.
//! Draws no random numbers and reads no clock.

use uuid::{Builder, Uuid};

use crate::{instant::Instant, value::Value};

/// A version 7 id from a time and ten random bytes.
pub fn at(now: Instant, random: [u8; 10]) -> Uuid {
    Builder::from_unix_timestamp_millis(now.millis().max(0).unsigned_abs(), &random).into_uuid()
}

/// The id of a row that is identified by its natural key, so that two laptops which create it
/// apart from each other create the same row.
///
/// Version 8: the first six bytes are those of the first id in the key, which keeps the rows of
/// one parent side by side in the table; the rest is a hash of entity and key.
pub fn derived(entity_no: u16, key: &[&Value]) -> Uuid {
    let mut hasher = Fnv128::new();
    hasher.add(&entity_no.to_be_bytes());
    let mut prefix = None;
    for value in key {
        if let Value::Uuid(id) = value {
            prefix.get_or_insert(*id);
        }
        let text = value.to_key_text();
        hasher.add(&(text.len() as u64).to_be_bytes());
        hasher.add(text.as_bytes());
    }
    let mut bytes = hasher.finish().to_be_bytes();
    if let Some(id) = prefix {
        bytes[..6].copy_from_slice(&id.as_bytes()[..6]);
    }
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// FNV-1a with 128 bits: stable for ever, and nothing here needs to resist an attacker,
/// because the centre recomputes derived ids.
struct Fnv128(u128);

impl Fnv128 {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

    fn new() -> Self {
        Fnv128(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(Self::PRIME);
        }
    }

    fn finish(self) -> u128 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_gives_the_same_id_beside_its_parent() {
        let parent = at(Instant(1_700_000_000_000_000), [7; 10]);
        let (a, b) = (Value::Uuid(parent), Value::Text("x".into()));
        let id = derived(26, &[&a, &b]);
        assert_eq!(id, derived(26, &[&a, &b]), "a derived id depends on nothing but its key");
        assert_ne!(id, derived(27, &[&a, &b]), "another entity has another id");
        assert_eq!(id.as_bytes()[..6], parent.as_bytes()[..6], "children lie beside their parent");
        assert_eq!(id.get_version_num(), 8, "a derived id names itself as version 8");
    }
}
