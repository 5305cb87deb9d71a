//! An entry of a laptop's chain: a mutation, or an audit event such as the opening of a record.

use gladstone_model::Instant;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ENVELOPE_VERSION, codec::CodecFault, limits::MUTATION_LIMIT, mutation::Mutation};

/// One link of the chain, before it is sealed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of the envelope; see [`crate::ENVELOPE_VERSION`].
    pub version: u16,
    /// Laptop.
    pub device: Uuid,
    /// One life of the laptop's database.
    pub incarnation: Uuid,
    /// Place in the chain of this device and incarnation, from 1 without gaps.
    pub dseq: u64,
    /// Hash of the entry before; zeros for the first.
    pub previous: [u8; 32],
    /// What happened.
    pub body: Body,
}

/// What an entry tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Body {
    /// Rows changed.
    Mutation(Mutation),
    /// Something happened that changed no row.
    Event(Event),
}

/// Something that has to be told without a change of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Who did it.
    pub actor: Uuid,
    /// When, by the laptop's wall clock.
    pub wall: Instant,
    /// What it was.
    pub action: EventAction,
    /// Entity by its number, 0 when none is meant.
    pub entity: u16,
    /// Row, nil when none is meant.
    pub row: Uuid,
    /// Anything more, without personal data.
    pub detail: String,
}

/// Kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventAction {
    /// A personal record was opened.
    Read,
    /// Records were exported.
    Export,
    /// Something was printed.
    Print,
    /// The vault was opened.
    Unlock,
    /// The vault was locked.
    Lock,
    /// A passphrase, code or key was changed.
    KeyChange,
    /// Access beyond the ordinary rights, with a reason.
    BreakGlass,
    /// The vault was brought back from a backup.
    Restore,
}

impl Entry {
    /// The canonical bytes: the ones that are stored, hashed, signed and sent.
    pub fn to_bytes(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_stdvec(self)
    }

    /// Reads canonical bytes; refuses anything behind them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Entry, postcard::Error> {
        let (entry, rest) = postcard::take_from_bytes(bytes)?;
        if rest.is_empty() { Ok(entry) } else { Err(postcard::Error::DeserializeBadEncoding) }
    }

    /// The place in its chain of an entry whose bytes are known to be one; the rest is not read.
    ///
    /// # Errors
    /// When they begin as no entry does.
    pub fn number_of(bytes: &[u8]) -> Result<u64, postcard::Error> {
        let (head, _) = postcard::take_from_bytes::<(u16, Uuid, Uuid, u64)>(bytes)?;
        Ok(head.3)
    }

    /// Stamp and wall clock of an entry whose bytes are known to be one; the rest is not read. None of an event.
    ///
    /// # Errors
    /// When they begin as no entry does.
    pub fn times_of(bytes: &[u8]) -> Result<Option<(u64, Instant)>, postcard::Error> {
        type Head = (u16, Uuid, Uuid, u64, [u8; 32]);
        let (_, body) = postcard::take_from_bytes::<Head>(bytes)?;
        match postcard::take_from_bytes::<u32>(body)? {
            (0, mutation) => {
                let ((_, _, _, hlc, wall), _) = postcard::take_from_bytes::<(Uuid, Uuid, Uuid, u64, Instant)>(mutation)?;
                Ok(Some((hlc, wall)))
            }
            _ => Ok(None),
        }
    }

    /// Reads bytes that came from elsewhere: no longer than [`crate::limits::MUTATION_LIMIT`], of
    /// this version of the envelope, and exactly the bytes that [`Entry::to_bytes`] would write.
    ///
    /// # Errors
    /// [`CodecFault`]; never panics, whatever the bytes are.
    pub fn from_foreign_bytes(bytes: &[u8]) -> Result<Entry, CodecFault> {
        if bytes.len() > MUTATION_LIMIT {
            return Err(CodecFault::TooLarge);
        }
        // The version comes first, so that it can be read when the rest cannot.
        let version: u16 = postcard::take_from_bytes(bytes).map_err(|_| CodecFault::Damaged)?.0;
        if version != ENVELOPE_VERSION {
            return Err(CodecFault::OtherVersion(u8::try_from(version).unwrap_or(u8::MAX)));
        }
        let entry = Entry::from_bytes(bytes).map_err(|_| CodecFault::Damaged)?;
        if entry.to_bytes().is_ok_and(|again| again == bytes) { Ok(entry) } else { Err(CodecFault::Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(body: Body) -> Entry {
        Entry { version: ENVELOPE_VERSION, device: Uuid::from_u128(1), incarnation: Uuid::from_u128(2), dseq: 300, previous: [9; 32], body }
    }

    #[test]
    fn number_and_times_are_read_without_the_rest() {
        let mutation = Mutation {
            id: Uuid::from_u128(3),
            realm: Uuid::nil(),
            actor: Uuid::from_u128(4),
            hlc: u64::MAX - 7,
            wall: Instant(-5),
            zone_minutes: 60,
            server_offset: -1,
            schema_version: 1,
            command: "people.add".into(),
            reason: None,
            ops: Vec::new(),
        };
        let event = Event { actor: Uuid::from_u128(4), wall: Instant(7), action: EventAction::Read, entity: 0, row: Uuid::nil(), detail: String::new() };
        let check = |body: Body, times: Option<(u64, Instant)>| {
            let bytes = entry(body).to_bytes().unwrap();
            assert_eq!((Entry::number_of(&bytes), Entry::times_of(&bytes)), (Ok(300), Ok(times)));
            for length in 0..40 {
                assert!(Entry::times_of(&bytes[..length]).is_err(), "cut after {length} bytes");
            }
        };
        check(Body::Mutation(mutation), Some((u64::MAX - 7, Instant(-5))));
        check(Body::Event(event), None);
    }
}
