//! Contents of files for tests: random bytes, and how they travel.

use gladstone_protocol::content::{CHUNK, ContentHash, ContentKey, chunks};
use uuid::Uuid;

use crate::Dice;

/// Random bytes, the same for the same seed.
pub fn bytes(seed: u64, size: usize) -> Vec<u8> {
    let mut out = vec![0; size];
    Dice::new(seed).fill(&mut out);
    out
}

/// A content of so many random bytes as it travels in a realm, and its hash.
pub fn sealed(realm: Uuid, seed: u64, size: usize) -> (ContentHash, Vec<u8>) {
    let plain = bytes(seed, size);
    let hash = *blake3::hash(&plain).as_bytes();
    let (key, count) = (ContentKey::shared(realm, &hash), chunks(size as u64));
    let mut out = Vec::new();
    for number in 0..count {
        let from = number as usize * CHUNK;
        let mut chunk = plain[from..size.min(from + CHUNK)].to_vec();
        key.seal(number, number + 1 == count, &mut chunk);
        out.extend(chunk);
    }
    (hash, out)
}
