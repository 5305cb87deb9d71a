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
/// and `PullAnswer.sum`; 2: `PullRequest.ahead`.
pub const MINOR: u8 = 2;
/// Length of the header in bytes: magic, major, minor, kind.
pub const HEADER: usize = 7;

/// A message of its own.
pub trait Message: Serialize + DeserializeOwned {
    /// Number in the header; never reused.
    const KIND: u8;

    /// The fields that each minor from 1 on appended, as bytes, where they say nothing.
    const APPENDED: &'static [&'static [u8]] = &[];

    /// The least minor whose fields hold all that this message says.
    fn minor(&self) -> u8 {
        0
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
    let minor = message.minor();
    let mut bytes = postcard::to_extend(message, header(M::KIND, minor)).map_err(|_| CodecFault::Damaged)?;
    bytes.truncate(bytes.len() - silent::<M>(minor).map(|field| field.len()).sum::<usize>());
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
    let missing: Vec<u8> = silent::<M>(*minor).flatten().copied().collect();
    let whole = if missing.is_empty() { std::borrow::Cow::Borrowed(body) } else { std::borrow::Cow::Owned([body, &missing].concat()) };
    let (message, rest) = postcard::take_from_bytes::<M>(&whole).map_err(|_| CodecFault::Damaged)?;
    let newer = *minor > MINOR;
    if !rest.is_empty() && !newer || message.minor() > *minor {
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

/// What a message of this minor leaves out: all that later ones appended.
fn silent<M: Message>(minor: u8) -> impl Iterator<Item = &'static [u8]> {
    M::APPENDED.iter().skip(usize::from(minor)).copied()
}

fn header(kind: u8, minor: u8) -> Vec<u8> {
    let mut header = Vec::with_capacity(256);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&[MAJOR, minor, kind]);
    header
}
