//! Objects as they lie in a bucket: sealed once more, under keys that follow from the centre's secret
//! in the realm, and named by it. A file as it travels is sealed with what follows from its content, so
//! that whoever holds such bytes and guesses a content could confirm the guess; what lies in a bucket
//! tells them nothing but sizes and times.

use std::io;

use gladstone_protocol::{content::{CHUNK, ContentKey, TAG, chunks, plain_size, sealed_size}, enrol::to_hex};

use super::super::keeping::Name;

/// Bytes before the file in an object: its name at the centre, so that a copy can be put anywhere.
pub(super) const HEAD: usize = 32;
/// Bytes of a whole chunk of an object.
const WHOLE: u64 = (CHUNK + TAG) as u64;

/// The secret of a realm, where files are concerned.
#[derive(Clone)]
pub(super) struct Secret {
    names: [u8; 32],
    contents: [u8; 32],
}

impl Secret {
    /// What follows from the key of a realm's files.
    pub fn of(key: &[u8; 32]) -> Secret {
        Secret { names: blake3::derive_key("gladstone 2026 bucket names v1", key), contents: blake3::derive_key("gladstone 2026 bucket contents v1", key) }
    }

    /// What a file or a laptop is called in the bucket.
    pub fn name(&self, of: &[u8]) -> String {
        to_hex(blake3::keyed_hash(&self.names, of).as_bytes())
    }

    /// Seals what is to lie under the name `object`. No name is used for two contents: a whole file's
    /// follows from its content, a part's is random.
    pub fn seal(&self, object: &str, plain: &[u8]) -> Vec<u8> {
        let (key, count) = (self.key(object), chunks(plain.len() as u64));
        let mut sealed = Vec::with_capacity(plain.len() + TAG * plain.len().div_ceil(CHUNK).max(1));
        let mut pieces = plain.chunks(CHUNK);
        for number in 0..count {
            let mut chunk = Vec::with_capacity(CHUNK + TAG);
            chunk.extend_from_slice(pieces.next().unwrap_or_default());
            key.seal(number, number + 1 == count, &mut chunk);
            sealed.extend_from_slice(&chunk);
        }
        sealed
    }

    /// Opens an object as a whole.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`].
    pub fn open(&self, object: &str, sealed: &mut [u8]) -> io::Result<Vec<u8>> {
        let total = sealed.len() as u64;
        self.open_from(object, 0, total, sealed)
    }

    /// Opens the chunks of an object from the one with the number `first` on; `total` is the length of
    /// the object.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`].
    pub fn open_from(&self, object: &str, first: u64, total: u64, sealed: &mut [u8]) -> io::Result<Vec<u8>> {
        let (key, count) = (self.key(object), chunks(plain_size(total).ok_or_else(damaged)?));
        let mut plain = Vec::with_capacity(sealed.len());
        for (number, chunk) in (first..).zip(sealed.chunks_mut(CHUNK + TAG)) {
            plain.extend_from_slice(key.open(number, number + 1 == count, chunk).map_err(|_| damaged())?);
        }
        Ok(plain)
    }

    fn key(&self, object: &str) -> ContentKey {
        ContentKey::new(blake3::keyed_hash(&self.contents, object.as_bytes()).as_bytes())
    }
}

/// The bytes of an object that have to be fetched for some of a file, both ends included, and the number
/// of the chunk with which they begin.
pub(super) fn range(offset: u64, length: u64) -> (u64, u64, u64) {
    let (from, to) = (offset.saturating_add(HEAD as u64), offset.saturating_add(HEAD as u64).saturating_add(length.max(1) - 1));
    let (first, last) = (from / CHUNK as u64, to / CHUNK as u64);
    (first.saturating_mul(WHOLE), last.saturating_add(1).saturating_mul(WHOLE).saturating_sub(1), first)
}

/// Of opened chunks that begin with the one of the number `first`: the bytes of the file from `offset` on.
pub(super) fn cut(plain: &[u8], first: u64, offset: u64, length: usize) -> &[u8] {
    let from = usize::try_from(offset.saturating_add(HEAD as u64) - first * CHUNK as u64).unwrap_or(usize::MAX).min(plain.len());
    &plain[from..plain.len().min(from.saturating_add(length))]
}

/// An object that holds a file: its name at the centre, and the file.
pub(super) fn with_head(name: &Name, file: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(HEAD + file.len());
    whole.extend_from_slice(name);
    whole.extend_from_slice(file);
    whole
}

/// Length of the object that holds a file of so many bytes.
pub(super) fn object_size(file: u64) -> u64 {
    sealed_size(file + HEAD as u64)
}

/// Bytes of the file in an object of this length.
pub(super) fn file_size(object: u64) -> Option<u64> {
    plain_size(object)?.checked_sub(HEAD as u64)
}

/// What lies there is not what was put there.
pub(super) fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "what lies in the bucket is not what was put there")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_of_a_file_are_found_in_the_chunks_that_are_fetched_for_them() {
        let secret = Secret::of(&[7; 32]);
        for size in [0, 1, CHUNK - HEAD - 1, CHUNK - HEAD, CHUNK - HEAD + 1, 3 * CHUNK] {
            let file: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let object = secret.seal("a", &with_head(&[9; 32], &file));
            assert_eq!((object_size(size as u64), file_size(object.len() as u64)), (object.len() as u64, Some(size as u64)));
            assert_eq!(secret.open("a", &mut object.clone()).unwrap()[HEAD..], file);
            for (offset, length) in [(0, 1), (0, size + 9), (size / 2, 70_000), (CHUNK - HEAD, 1), (CHUNK - HEAD - 1, 2), (size, 5), (size + 1, 5)] {
                let (from, to, first) = range(offset as u64, length as u64);
                let (from, to) = ((from as usize).min(object.len()), (to as usize + 1).min(object.len()));
                let plain = secret.open_from("a", first, object.len() as u64, &mut object[from..to].to_vec()).unwrap();
                assert_eq!(cut(&plain, first, offset as u64, length), &file[offset.min(size)..(offset + length).min(size)], "{size} bytes, {length} from {offset}");
            }
        }
    }

    #[test]
    fn another_name_another_realm_a_cut_and_a_flipped_bit_are_told() {
        let secret = Secret::of(&[7; 32]);
        let object = secret.seal("a", &vec![5; 3 * CHUNK]);
        let mut flipped = object.clone();
        flipped[CHUNK] ^= 1;
        let cases = [("another name", &secret, "b", object.clone()), ("another realm", &Secret::of(&[8; 32]), "a", object.clone()), ("cut at a chunk", &secret, "a", object[..2 * (CHUNK + TAG)].to_vec()), ("cut", &secret, "a", object[..CHUNK].to_vec()), ("a flipped bit", &secret, "a", flipped), ("nothing", &secret, "a", Vec::new())];
        for (what, secret, name, mut bytes) in cases {
            assert_eq!(secret.open(name, &mut bytes).map_err(|error| error.kind()), Err(io::ErrorKind::InvalidData), "{what}");
        }
    }

    #[test]
    fn whoever_knows_a_content_and_its_realm_cannot_tell_whether_it_is_there() {
        let (name, secret) = ([3; 32], Secret::of(&[7; 32]));
        assert_ne!(secret.name(&name), Secret::of(&[8; 32]).name(&name), "names follow from the secret");
        assert!(!secret.name(&name).contains(&to_hex(&name)[..16]));
    }
}
