//! Bytes at rest: compressed where that is worth it, and given back to the letter. What is compressed
//! begins with the four bytes that every frame of zstd begins with; nothing else that is kept this way
//! does: an entry begins with the number of its version.

use std::{borrow::Cow, cell::RefCell};

use gladstone_protocol::limits::MESSAGE_LIMIT;
use zstd::{
    bulk::{Compressor, Decompressor},
    zstd_safe,
};

use crate::error::EngineError;

/// What a frame begins with.
const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// From this size in bytes on something is compressed.
const WORTHWHILE: usize = 512;
/// Level of compression: below 1 the text itself is not coded, which is most of the time that it takes.
const LEVEL: i32 = -2;
/// Most bytes that a frame may stand for: more than anything that is kept.
const MOST: usize = 4 * MESSAGE_LIMIT;

/// Bytes as a frame; none when that is not worth it.
///
/// # Errors
/// [`EngineError::Failed`] when there is no memory for it.
pub fn pack(bytes: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
    thread_local! {
        static PACKER: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    }
    if bytes.len() < WORTHWHILE {
        return Ok(None);
    }
    let failed = |_| EngineError::Failed("the centre's store cannot compress".into());
    PACKER.with_borrow_mut(|packer| {
        let packer = match packer {
            Some(packer) => packer,
            None => packer.insert(Compressor::new(LEVEL).map_err(failed)?),
        };
        packer.compress(bytes).map(|packed| Some(packed).filter(|packed| packed.len() < bytes.len())).map_err(failed)
    })
}

/// What a frame stands for; none when it cannot be read.
pub fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    thread_local! {
        static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    // A frame that was cut says its size all the same, and does not fill it.
    let size = zstd_safe::get_frame_content_size(packed).ok()??;
    let size = usize::try_from(size).ok().filter(|size| *size <= MOST)?;
    UNPACKER.with_borrow_mut(|unpacker| {
        let unpacker = match unpacker {
            Some(unpacker) => unpacker,
            None => unpacker.insert(Decompressor::new().ok()?),
        };
        unpacker.decompress(packed, size).ok()
    })
}

/// The bytes of an entry as they are kept.
///
/// # Errors
/// [`EngineError::Failed`] when there is no memory for it.
pub fn kept(bytes: &[u8]) -> Result<Cow<'_, [u8]>, EngineError> {
    Ok(pack(bytes)?.map_or(Cow::Borrowed(bytes), Cow::Owned))
}

/// The bytes of an entry as they were sent.
///
/// # Errors
/// [`EngineError::Damaged`] when they cannot be read.
pub fn sent(kept: &[u8]) -> Result<Vec<u8>, EngineError> {
    if !kept.starts_with(&FRAME) {
        return Ok(kept.to_vec());
    }
    unpack(kept).ok_or_else(|| EngineError::Damaged("an entry cannot be read".into()))
}

#[cfg(test)]
mod tests {
    use gladstone_protocol::ENVELOPE_VERSION;

    use super::*;

    #[test]
    fn entries_come_back_to_the_letter_whatever_they_hold() {
        assert_ne!(u64::from(FRAME[0]), u64::from(ENVELOPE_VERSION), "an entry is not taken for a frame");
        let noise: Vec<u8> = (0..200_u32).flat_map(|at| *blake3::hash(&at.to_le_bytes()).as_bytes()).collect();
        for bytes in [Vec::new(), vec![1], vec![1; WORTHWHILE - 1], vec![1; WORTHWHILE], b"\x01a little better than the day before".repeat(90), vec![1; 1_000_000], noise] {
            let kept = kept(&bytes).unwrap();
            assert!(kept.len() <= bytes.len());
            assert_eq!(sent(&kept), Ok(bytes.clone()), "{} bytes, {} kept", bytes.len(), kept.len());
            for length in (4..kept.len()).filter(|_| kept.starts_with(&FRAME)) {
                assert!(sent(&kept[..length]).is_err(), "a frame that was cut after {length} bytes");
            }
        }
        assert!(kept(&[7; 10_000]).unwrap().len() < 100, "what repeats takes little room");
    }
}
