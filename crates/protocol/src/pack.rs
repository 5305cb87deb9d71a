//! A message on its way: compressed where that is worth it, and unpacked within a limit. Which
//! header says so is HTTP's business.

use std::io::Read;

use crate::{codec::CodecFault, limits::MESSAGE_LIMIT};

/// Media type of every message in a body.
pub const MEDIA_TYPE: &str = "application/vnd.gladstone";
/// Name of the one encoding besides none, as HTTP calls it.
pub const ENCODING: &str = "zstd";
/// Header of an answer that was waited for: when it was looked for files, in microseconds by the centre's clock.
pub const LOOKED: &str = "gladstone-at";
/// From this size in bytes on a message is compressed.
pub const WORTHWHILE: usize = 1024;
/// Compression level: fast, and about a third of the size.
const LEVEL: i32 = 3;
/// Greatest window in powers of two that is unpacked: 8 MiB, more than a message has.
const WINDOW: u32 = 23;

/// Compresses a message that is worth it; `None` for one that travels as it is.
pub fn pack(message: &[u8]) -> Option<Vec<u8>> {
    if message.len() < WORTHWHILE {
        return None;
    }
    zstd::bulk::compress(message, LEVEL).ok().filter(|packed| packed.len() < message.len())
}

/// Unpacks a compressed message, at most [`MESSAGE_LIMIT`] bytes of it, whatever it claims.
///
/// # Errors
/// [`CodecFault::TooLarge`] for more than that, [`CodecFault::Damaged`] for anything unreadable.
pub fn unpack(packed: &[u8]) -> Result<Vec<u8>, CodecFault> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(|_| CodecFault::Damaged)?;
    decoder.window_log_max(WINDOW).map_err(|_| CodecFault::Damaged)?;
    let mut message = Vec::with_capacity(packed.len().saturating_mul(3).min(MESSAGE_LIMIT));
    decoder.take(MESSAGE_LIMIT as u64 + 1).read_to_end(&mut message).map_err(|_| CodecFault::Damaged)?;
    if message.len() > MESSAGE_LIMIT { Err(CodecFault::TooLarge) } else { Ok(message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_as_it_was_and_small_or_random_ones_travel_as_they_are() {
        let text = b"a little better than the day before ".repeat(1000);
        let packed = pack(&text).unwrap();
        assert!(packed.len() < text.len() / 20, "{} bytes", packed.len());
        assert_eq!(unpack(&packed), Ok(text), "nothing changes on the way");
        assert_eq!(pack(&[7; WORTHWHILE - 1]), None, "small");
        let noise: Vec<u8> = (0..2000_u32).flat_map(|at| *blake3::hash(&at.to_le_bytes()).as_bytes()).collect();
        assert_eq!(pack(&noise), None, "no gain");
    }

    #[test]
    fn a_bomb_a_cut_and_a_strangers_page_are_refused() {
        let check = |packed: &[u8], fault: CodecFault, why: &str| assert_eq!(unpack(packed), Err(fault), "{why}");
        let bomb = zstd::bulk::compress(&vec![0; 64 * 1024 * 1024], 3).unwrap();
        assert!(bomb.len() < 100_000, "small on the wire: {}", bomb.len());
        check(&bomb, CodecFault::TooLarge, "64 MiB from a few kilobytes");
        let packed = pack(&[1; 5000]).unwrap();
        for length in 0..packed.len() {
            check(&packed[..length], CodecFault::Damaged, &format!("cut after {length} bytes"));
        }
        check(b"<html>Welcome to the guest network</html>", CodecFault::Damaged, "a captive portal");
    }
}
