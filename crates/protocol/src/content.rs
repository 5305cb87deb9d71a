//! Contents of files as they are kept and sent: sealed chunk by chunk, so that every chunk can be
//! read, checked and sent by itself, and none can be changed, moved, left out or added unnoticed.
//!
//! A chunk holds 64 KiB, the last one what is left (nothing, of an empty file). It is sealed with
//! AES-256-GCM; the nonce is its number and whether it is the last one (the STREAM construction). A
//! key seals one content only, so no nonce ever meets two texts.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::enrol::from_hex;

/// Bytes of a whole chunk before it is sealed.
pub const CHUNK: usize = 64 * 1024;
/// Bytes that sealing adds to a chunk.
pub const TAG: usize = MAX_TAG_LEN;

/// BLAKE3 of a content: its name in the rows of `attachments`, there in hexadecimal.
pub type ContentHash = [u8; 32];

/// The key of one content.
pub struct ContentKey(LessSafeKey);

/// How much of a file the centre has; the answer in JSON to a question or to a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    /// Bytes of the sealed file that have arrived from this laptop; the next part begins there.
    pub received: u64,
    /// Whether all of it is there, and is what it should be.
    pub complete: bool,
    /// How many of the received bytes stay there when the power goes; a centre of before does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<u64>,
}

/// Short name of a refusal: what arrived is not the file of this hash. The part that was there is gone.
pub const WRONG_CONTENT: &str = "wrong_content";
/// Short name of a refusal: the laptop or the organization may not bring more.
pub const OVER_QUOTA: &str = "over_quota";
/// Short name of a refusal: there is nothing of that name, or nothing the caller may know of.
pub const NOT_FOUND: &str = "not_found";

/// Why sealed bytes are not the content they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentFault {
    /// A chunk was changed, moved, cut, or sealed with another key.
    #[error("part {0} of the file is damaged")]
    Chunk(u64),
    /// Every chunk is in order and the whole is another content.
    #[error("this is another file than the one that was named")]
    Other,
}

impl ContentKey {
    /// A key of random bytes, for a content that is kept.
    ///
    /// # Panics
    /// Never: 32 bytes are a key.
    pub fn new(key: &[u8; 32]) -> ContentKey {
        match UnboundKey::new(&AES_256_GCM, key) {
            Ok(key) => ContentKey(LessSafeKey::new(key)),
            Err(_) => unreachable!("32 bytes are a key of AES-256"),
        }
    }

    /// The key under which a content travels and lies at the centre of a realm: whoever may read a
    /// row that names the content can derive it, whoever only sees the bytes cannot.
    pub fn shared(realm: Uuid, hash: &ContentHash) -> ContentKey {
        ContentKey::new(&blake3::derive_key("gladstone 2026 shared content key v1", &[realm.as_bytes(), hash.as_slice()].concat()))
    }

    /// Seals a chunk in place: `plain` grows by [`TAG`].
    pub fn seal(&self, number: u64, last: bool, plain: &mut Vec<u8>) {
        // Only a text of 64 GiB and more cannot be sealed; nothing of it goes on open then.
        if self.0.seal_in_place_append_tag(nonce(number, last), Aad::empty(), plain).is_err() {
            plain.clear();
        }
    }

    /// Opens a chunk in place.
    ///
    /// # Errors
    /// [`ContentFault::Chunk`].
    pub fn open<'a>(&self, number: u64, last: bool, sealed: &'a mut [u8]) -> Result<&'a mut [u8], ContentFault> {
        self.0.open_in_place(nonce(number, last), Aad::empty(), sealed).map_err(|_| ContentFault::Chunk(number))
    }
}

fn nonce(number: u64, last: bool) -> Nonce {
    let mut bytes = [0; 12];
    bytes[3..11].copy_from_slice(&number.to_be_bytes());
    bytes[11] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

/// What a content is called at the centre of a realm: tells nobody which content it is.
pub fn shared_name(realm: Uuid, hash: &ContentHash) -> [u8; 32] {
    blake3::derive_key("gladstone 2026 shared content name v1", &[realm.as_bytes(), hash.as_slice()].concat())
}

/// The hash of a content by its text, as the rows have it: 64 hexadecimal digits in lower case.
pub fn hash_of(text: &str) -> Option<ContentHash> {
    from_hex::<32>(text).filter(|_| text.bytes().all(|byte| !byte.is_ascii_uppercase()))
}

/// Number of chunks of a content of so many bytes; one at least.
pub fn chunks(plain: u64) -> u64 {
    plain.div_ceil(CHUNK as u64).max(1)
}

/// Bytes of a content of `plain` bytes once it is sealed; the greatest number for one that is larger than any.
pub fn sealed_size(plain: u64) -> u64 {
    plain.saturating_add(chunks(plain) * TAG as u64)
}

/// Bytes of a content whose sealed form has `sealed`; none when no content has that.
pub fn plain_size(sealed: u64) -> Option<u64> {
    let count = sealed.div_ceil((CHUNK + TAG) as u64).max(1);
    let plain = sealed.checked_sub(count * TAG as u64)?;
    (sealed_size(plain) == sealed).then_some(plain)
}

/// Reads a content out of its sealed chunks, one after the other, and checks it as a whole.
pub struct Opening {
    key: ContentKey,
    hash: ContentHash,
    last: u64,
    number: u64,
    hasher: blake3::Hasher,
}

impl Opening {
    /// The content `hash` of `plain` bytes, sealed with `key`.
    pub fn new(key: ContentKey, hash: ContentHash, plain: u64) -> Opening {
        Opening { key, hash, last: chunks(plain) - 1, number: 0, hasher: blake3::Hasher::new() }
    }

    /// Opens the next chunk in place.
    ///
    /// # Errors
    /// [`ContentFault::Chunk`], also when there is one too many.
    pub fn next<'a>(&mut self, sealed: &'a mut [u8]) -> Result<&'a [u8], ContentFault> {
        let number = self.number;
        if number > self.last {
            return Err(ContentFault::Chunk(number));
        }
        let plain = self.key.open(number, number == self.last, sealed)?;
        self.hasher.update(plain);
        self.number += 1;
        Ok(plain)
    }

    /// After the last chunk: whether it was this content.
    ///
    /// # Errors
    /// [`ContentFault::Other`]; [`ContentFault::Chunk`] when one is missing.
    pub fn finish(self) -> Result<(), ContentFault> {
        if self.number <= self.last {
            return Err(ContentFault::Chunk(self.number));
        }
        if self.hasher.finalize() == self.hash { Ok(()) } else { Err(ContentFault::Other) }
    }
}

/// Reads a content out of sealed bytes as they come, in pieces of any length.
pub struct Arriving {
    opening: Opening,
    /// What is not a whole chunk yet.
    chunk: Zeroizing<Vec<u8>>,
    /// Sealed bytes that are to come.
    left: u64,
    is_wrong: bool,
}

impl Arriving {
    /// The content `hash` of `plain` bytes, sealed with `key`.
    pub fn new(key: ContentKey, hash: ContentHash, plain: u64) -> Arriving {
        Arriving { opening: Opening::new(key, hash, plain), chunk: Zeroizing::new(Vec::with_capacity(CHUNK + TAG)), left: sealed_size(plain), is_wrong: false }
    }

    /// Takes the next sealed bytes and gives each chunk to `sink` as it is opened. What is none of the
    /// content is told at the end.
    ///
    /// # Errors
    /// What `sink` says.
    pub fn add<E>(&mut self, mut bytes: &[u8], mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        while !bytes.is_empty() && !self.is_wrong {
            let whole = usize::try_from(self.left + self.chunk.len() as u64).unwrap_or(usize::MAX).min(CHUNK + TAG);
            let (now, later) = bytes.split_at(bytes.len().min(whole - self.chunk.len()));
            if now.is_empty() {
                // More than all of it.
                self.is_wrong = true;
                return Ok(());
            }
            self.chunk.extend_from_slice(now);
            self.left -= now.len() as u64;
            bytes = later;
            if self.chunk.len() == whole {
                match self.opening.next(&mut self.chunk) {
                    Ok(plain) => sink(plain)?,
                    Err(_) => self.is_wrong = true,
                }
                self.chunk.clear();
            }
        }
        Ok(())
    }

    /// After all of it: whether it was this content.
    pub fn finish(self) -> bool {
        self.left == 0 && !self.is_wrong && self.opening.finish().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(key: &ContentKey, plain: &[u8]) -> Vec<Vec<u8>> {
        let count = chunks(plain.len() as u64);
        (0..count).map(|number| {
            let from = number as usize * CHUNK;
            let mut chunk = plain[from..plain.len().min(from + CHUNK)].to_vec();
            key.seal(number, number + 1 == count, &mut chunk);
            chunk
        }).collect()
    }

    fn opened(key: ContentKey, hash: ContentHash, plain: u64, chunks: &[Vec<u8>]) -> Result<Vec<u8>, ContentFault> {
        let (mut opening, mut out) = (Opening::new(key, hash, plain), Vec::new());
        for chunk in chunks {
            out.extend_from_slice(opening.next(&mut chunk.clone())?);
        }
        opening.finish().map(|()| out)
    }

    #[test]
    fn a_content_of_any_size_comes_back_and_its_size_is_told_by_the_sealed_one() {
        for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5] {
            let plain: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let hash = *blake3::hash(&plain).as_bytes();
            let chunks = sealed(&ContentKey::new(&[7; 32]), &plain);
            let bytes: usize = chunks.iter().map(Vec::len).sum();
            assert_eq!(sealed_size(size as u64), bytes as u64, "{size}");
            assert_eq!(plain_size(bytes as u64), Some(size as u64), "{size}");
            assert_eq!(opened(ContentKey::new(&[7; 32]), hash, size as u64, &chunks), Ok(plain), "{size}");
        }
        for odd in [0, 15, (CHUNK + TAG + 1) as u64, (CHUNK + TAG + TAG) as u64] {
            assert_eq!(plain_size(odd), None, "{odd}: no content has that size, or it has one byte less than a tag");
        }
        assert_eq!(sealed_size(u64::MAX), u64::MAX, "what a stranger names may be larger than any");
    }

    #[test]
    fn what_was_changed_moved_cut_or_added_is_told() {
        let plain: Vec<u8> = (0..2 * CHUNK + 9).map(|at| (at % 13) as u8).collect();
        let (hash, size) = (*blake3::hash(&plain).as_bytes(), plain.len() as u64);
        let good = sealed(&ContentKey::new(&[7; 32]), &plain);
        let check = |what: &str, chunks: &[Vec<u8>], fault: ContentFault| assert_eq!(opened(ContentKey::new(&[7; 32]), hash, size, chunks), Err(fault), "{what}");
        let mut flipped = good.clone();
        flipped[1][CHUNK] ^= 1;
        check("a byte of a tag", &flipped, ContentFault::Chunk(1));
        check("two chunks in each other's place", &[good[1].clone(), good[0].clone(), good[2].clone()], ContentFault::Chunk(0));
        check("the last one left out", &good[..2], ContentFault::Chunk(2));
        check("one too many", &[good.clone(), vec![good[2].clone()]].concat(), ContentFault::Chunk(3));
        let (mut other, wrong) = (plain.clone(), ContentKey::new(&[7; 32]));
        other[5] ^= 1;
        check("another content under the same key", &sealed(&wrong, &other), ContentFault::Other);
        assert_eq!(opened(ContentKey::new(&[8; 32]), hash, size, &good), Err(ContentFault::Chunk(0)), "another key");
        // Cut so that a whole chunk is the last one: its seal says that it is not.
        assert_eq!(opened(ContentKey::new(&[7; 32]), hash, 2 * CHUNK as u64, &good[..2]), Err(ContentFault::Chunk(1)), "cut at a chunk");
    }

    #[test]
    fn a_content_that_comes_in_pieces_of_any_length_is_read_as_it_comes() {
        let plain: Vec<u8> = (0..2 * CHUNK + 9).map(|at| (at % 251) as u8).collect();
        let (hash, size) = (*blake3::hash(&plain).as_bytes(), plain.len() as u64);
        let good = sealed(&ContentKey::new(&[7; 32]), &plain).concat();
        let read = |bytes: &[u8], step: usize| {
            let (mut arriving, mut out) = (Arriving::new(ContentKey::new(&[7; 32]), hash, size), Vec::new());
            for piece in bytes.chunks(step) {
                arriving.add(piece, |plain| { out.extend_from_slice(plain); Ok::<_, ()>(()) }).unwrap();
            }
            arriving.finish().then_some(out)
        };
        for step in [1, 1_000, CHUNK + TAG - 1, CHUNK + TAG, CHUNK + TAG + 1, good.len()] {
            assert_eq!(read(&good, step), Some(plain.clone()), "{step} at a time");
            let mut flipped = good.clone();
            flipped[CHUNK + 20] ^= 1;
            for (what, bytes) in [("a flipped bit", flipped), ("cut", good[..good.len() - 1].to_vec()), ("nothing", Vec::new()), ("one too many", [good.as_slice(), &[0]].concat())] {
                assert_eq!(read(&bytes, step), None, "{what}, {step} at a time");
            }
        }
        let empty = sealed(&ContentKey::new(&[7; 32]), b"").concat();
        let mut arriving = Arriving::new(ContentKey::new(&[7; 32]), *blake3::hash(b"").as_bytes(), 0);
        arriving.add(&empty, |_| Ok::<_, ()>(())).unwrap();
        assert!(arriving.finish(), "an empty one");
    }

    #[test]
    fn a_content_has_another_key_and_another_name_in_every_realm() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut text = b"the same".to_vec();
        ContentKey::shared(a, &[1; 32]).seal(0, true, &mut text);
        assert!(ContentKey::shared(b, &[1; 32]).open(0, true, &mut text.clone()).is_err());
        assert!(ContentKey::shared(a, &[2; 32]).open(0, true, &mut text.clone()).is_err());
        assert_eq!(ContentKey::shared(a, &[1; 32]).open(0, true, &mut text).unwrap(), b"the same");
        assert_ne!(shared_name(a, &[1; 32]), shared_name(b, &[1; 32]));
        assert_ne!(shared_name(a, &[1; 32]), shared_name(a, &[2; 32]));
    }

    #[test]
    fn a_hash_is_64_digits_in_lower_case() {
        assert_eq!(hash_of(&"ab".repeat(32)), Some([0xab; 32]));
        for odd in ["", "ab", &"AB".repeat(32), &"zz".repeat(32), &"ab".repeat(33)] {
            assert_eq!(hash_of(odd), None, "{odd}");
        }
    }
}
