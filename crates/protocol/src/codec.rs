//! Messages to bytes and back: a header with version and kind, then the fields. Knows no
//! transport.
//!
//! Version policy. The header names `major` and `minor`. Another major is not read at all. A
//! newer minor may only have appended fields at the end of a message: what is known is read and
//! the rest is left. A message in which no appended field says anything is written without them and
//! names the minor before, so that it is smaller and has the bytes that it always had. Bytes behind a
//! message of our own minor, or of an older one, are damage.
//! Anything else that changes (a field inside a list, a new variant) is sent only to a side whose
//! request named a minor that knows it.

use serde::{Serialize, de::DeserializeOwned};

use crate::limits::MESSAGE_LIMIT;

/// First bytes of every message.
pub const MAGIC: [u8; 4] = *b"GLDS";
/// Version that has to be the same on both sides. 1: first version.
pub const MAJOR: u8 = 1;
/// Version up to which the fields of messages are known. 0: first version; 1: `PullRequest.compare`
/// and `PullAnswer.sum`.
pub const MINOR: u8 = 1;
/// Length of the header in bytes: magic, major, minor, kind.
pub const HEADER: usize = 7;

/// A message of its own.
pub trait Message: Serialize + DeserializeOwned {
    /// Number in the header; never reused.
    const KIND: u8;

    /// The fields that minor 1 appended, as bytes, where they say nothing.
    const APPENDED: &'static [u8] = &[];

    /// Whether the fields that minor 1 appended say nothing.
    fn is_plain(&self) -> bool {
        true
    }

    /// Whether lengths and numbers are within the limits that no single field can hold to.
    fn is_within_limits(&self) -> bool {
        true
    }
}

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecFault {
    /// Longer, or more of something, than both sides agreed on.
    #[error("the message is larger than allowed")]
    TooLarge,
    /// Not a message of this kind: a captive portal's page, for example.
    #[error("this is not a message of the kind that was expected")]
    NotOurs,
    /// Another major version.
    #[error("the other side speaks version {0} of the protocol")]
    OtherVersion(u8),
    /// Cut off, changed, or not in canonical form.
    #[error("the message is damaged")]
    Damaged,
}

/// The canonical bytes of a message.
///
/// # Errors
/// [`CodecFault::TooLarge`]; [`CodecFault::Damaged`] when a value cannot be encoded.
pub fn encode<M: Message>(message: &M) -> Result<Vec<u8>, CodecFault> {
    if !message.is_within_limits() {
        return Err(CodecFault::TooLarge);
    }
    let plain = message.is_plain();
    let mut bytes = postcard::to_extend(message, header(M::KIND, if plain { 0 } else { MINOR })).map_err(|_| CodecFault::Damaged)?;
    if plain {
        bytes.truncate(bytes.len() - M::APPENDED.len());
    }
    if bytes.len() > MESSAGE_LIMIT { Err(CodecFault::TooLarge) } else { Ok(bytes) }
}

/// Reads a message. Takes at most [`crate::limits::DECODE_FACTOR`] bytes of memory for each byte,
/// and [`crate::limits::DECODE_SLACK`].
///
/// # Errors
/// [`CodecFault`]; never panics, whatever the bytes are.
pub fn decode<M: Message>(bytes: &[u8]) -> Result<M, CodecFault> {
    if bytes.len() > MESSAGE_LIMIT {
        return Err(CodecFault::TooLarge);
    }
    let [m0, m1, m2, m3, major, minor, kind, body @ ..] = bytes else { return Err(CodecFault::NotOurs) };
    if [*m0, *m1, *m2, *m3] != MAGIC || *kind != M::KIND {
        return Err(CodecFault::NotOurs);
    }
    if *major != MAJOR {
        return Err(CodecFault::OtherVersion(*major));
    }
    let first = *minor == 0;
    let whole = if first && !M::APPENDED.is_empty() { std::borrow::Cow::Owned([body, M::APPENDED].concat()) } else { std::borrow::Cow::Borrowed(body) };
    let (message, rest) = postcard::take_from_bytes::<M>(&whole).map_err(|_| CodecFault::Damaged)?;
    let newer = *minor > MINOR;
    if !rest.is_empty() && !newer || first && !message.is_plain() {
        return Err(CodecFault::Damaged);
    }
    if !message.is_within_limits() {
        return Err(CodecFault::TooLarge);
    }
    // One meaning has one form: numbers with needless bytes and the like are refused.
    let read = &whole[..whole.len() - rest.len()];
    let again = postcard::to_extend(&message, Vec::with_capacity(read.len())).map_err(|_| CodecFault::Damaged)?;
    if again == read { Ok(message) } else { Err(CodecFault::Damaged) }
}

fn header(kind: u8, minor: u8) -> Vec<u8> {
    let mut header = Vec::with_capacity(256);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&[MAJOR, minor, kind]);
    header
}
