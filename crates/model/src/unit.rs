//! The unit of a row: which rows travel together. Does not know who holds a right to it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::value::Value;

/// What a unit is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum UnitKind {
    /// Reference data, held by every laptop.
    Platform = 0,
    /// Rows for the staff of one organization.
    Org = 1,
    /// One person's record, shared with the care team.
    Person = 2,
    /// One person's private rows.
    Account = 3,
    /// The participants of one conversation.
    Thread = 4,
}

/// A unit: kind and the id of the organization, person or thread; nil for the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Unit {
    /// What the unit is about.
    pub kind: UnitKind,
    /// Whose unit it is; nil for [`UnitKind::Platform`].
    pub id: Uuid,
}

impl Unit {
    /// Reference data.
    pub const PLATFORM: Unit = Unit { kind: UnitKind::Platform, id: Uuid::nil() };

    /// The 17 bytes under which a store keeps a unit: kind, then the id.
    pub fn to_bytes(self) -> [u8; 17] {
        let mut bytes = [0; 17];
        bytes[0] = self.kind as u8;
        bytes[1..].copy_from_slice(self.id.as_bytes());
        bytes
    }

    /// Reads what [`Unit::to_bytes`] wrote; `None` for another length or an unknown kind.
    pub fn from_bytes(bytes: &[u8]) -> Option<Unit> {
        let (&kind, id) = bytes.split_first()?;
        let kind = match kind {
            0 => UnitKind::Platform,
            1 => UnitKind::Org,
            2 => UnitKind::Person,
            3 => UnitKind::Account,
            4 => UnitKind::Thread,
            _ => return None,
        };
        Some(Unit { kind, id: Uuid::from_slice(id).ok()? })
    }
}

impl UnitKind {
    /// The id of the unit of this kind that a value names: as an id, or as the text of a whole unit such
    /// as `person:0190…`. None for anything else.
    pub fn id_in(self, value: &Value) -> Option<Uuid> {
        match value.as_text() {
            Some(text) => text.parse().ok().filter(|unit: &Unit| unit.kind == self).map(|unit| unit.id),
            None => value.as_uuid(),
        }
    }
}

/// A text that names no unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a unit: it is written as platform, or as kind and id, for example person:0190…")]
pub struct NoUnit;

/// Reads what `Display` writes.
impl FromStr for Unit {
    type Err = NoUnit;

    fn from_str(text: &str) -> Result<Unit, NoUnit> {
        if text == "platform" {
            return Ok(Unit::PLATFORM);
        }
        let (kind, id) = text.split_once(':').ok_or(NoUnit)?;
        let kind = match kind {
            "org" => UnitKind::Org,
            "person" => UnitKind::Person,
            "account" => UnitKind::Account,
            "thread" => UnitKind::Thread,
            _ => return Err(NoUnit),
        };
        Ok(Unit { kind, id: Uuid::parse_str(id).map_err(|_| NoUnit)? })
    }
}

/// `platform`, or kind and id as in `person:0190…`.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            UnitKind::Platform => return f.write_str("platform"),
            UnitKind::Org => "org",
            UnitKind::Person => "person",
            UnitKind::Account => "account",
            UnitKind::Thread => "thread",
        };
        write!(f, "{kind}:{}", self.id)
    }
}
