//! Entries as they lie in the file: packed, since several then share a page. Hash and signature are over
//! the bytes before that, which are also what is sent.
//!
//! A packed entry begins with a zero and the number of its form. An entry as it was written begins with the
//! version of its envelope, which is never zero: vaults from before hold those, and they stay as they are.

use std::{borrow::Cow, cell::RefCell};

use gladstone_protocol::limits::MUTATION_LIMIT;
use zstd::bulk::{Compressor, Decompressor};

use crate::{error::VaultError, replica::unreadable};

/// What a packed entry begins with: zstd in one frame that tells its size.
const FORM: [u8; 2] = [0, 1];
/// Fast, and about two fifths of the size.
const LEVEL: i32 = 3;
/// Shorter entries lie as they are.
const WORTHWHILE: usize = 256;

thread_local! {
    // Each holds some hundred kilobytes that need not be set up for every entry.
    static PACKING: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static UNPACKING: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The bytes of an entry as they are stored.
pub(crate) fn pack(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.len() < WORTHWHILE {
        return Cow::Borrowed(bytes);
    }
    let packed = PACKING.with_borrow_mut(|kept| {
        if kept.is_none() {
            *kept = Compressor::new(LEVEL).ok();
        }
        kept.as_mut().and_then(|compressor| compressor.compress(bytes).ok())
    });
    match packed {
        Some(packed) if packed.len() + FORM.len() < bytes.len() => Cow::Owned([&FORM, packed.as_slice()].concat()),
        _ => Cow::Borrowed(bytes),
    }
}

/// The bytes of an entry out of what is stored of it.
///
/// # Errors
/// [`VaultError::Store`] when they cannot be read: damage, or a form of a newer version.
pub fn unpack(stored: &[u8]) -> Result<Cow<'_, [u8]>, VaultError> {
    if stored.first() != Some(&0) {
        return Ok(Cow::Borrowed(stored));
    }
    let packed = stored.strip_prefix(&FORM).ok_or_else(unreadable)?;
    let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten().and_then(|size| usize::try_from(size).ok());
    let size = size.filter(|size| *size <= MUTATION_LIMIT).ok_or_else(unreadable)?;
    UNPACKING.with_borrow_mut(|kept| {
        if kept.is_none() {
            *kept = Decompressor::new().ok();
        }
        let bytes = kept.as_mut().and_then(|decompressor| decompressor.decompress(packed, size).ok());
        bytes.filter(|bytes| bytes.len() == size).map(Cow::Owned).ok_or_else(unreadable)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_back_as_it_was_whatever_its_size() {
        let check = |bytes: Vec<u8>, packed: bool| {
            let stored = pack(&bytes);
            assert_eq!(stored[0] == 0, packed, "{} bytes", bytes.len());
            assert_eq!(unpack(&stored).unwrap(), bytes.as_slice(), "{} bytes", bytes.len());
        };
        let noise: Vec<u8> = std::iter::once(1).chain((0..99_u32).flat_map(|at| *blake3::hash(&at.to_le_bytes()).as_bytes())).collect();
        let mut text = b"\x01a little better than the day before ".repeat(100);
        check(vec![1; 30], false);
        check(noise, false);
        check(text.clone(), true);
        text.resize(MUTATION_LIMIT, 7);
        check(text, true);
    }

    #[test]
    fn entries_of_before_are_read_and_damage_is_told() {
        assert_eq!(unpack(&[1, 2, 3]).unwrap(), [1, 2, 3].as_slice(), "as a vault of before holds it");
        let stored = pack(&[1; 3_000]).into_owned();
        for length in 1..stored.len() {
            assert!(unpack(&stored[..length]).is_err(), "cut after {length} bytes");
        }
        let behind = [stored.as_slice(), &[0]].concat();
        assert!(unpack(&behind).is_err(), "something behind it");
        assert!(unpack(&[0, 2, 1, 1]).is_err(), "a form of a newer version");
        let bomb = [&FORM, zstd::bulk::compress(&vec![0; 64 * 1024 * 1024], 3).unwrap().as_slice()].concat();
        assert!(unpack(&bomb).is_err(), "more than an entry may have");
    }
}
