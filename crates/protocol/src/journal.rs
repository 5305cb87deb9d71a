//! The conflict journal: what somebody wrote and what does not stand now. Does not decide who
//! is asked; it says whether anybody has to be.

use std::collections::BTreeMap;

use gladstone_model::Value;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{bounded, limits::FIELD_COUNT, merge::Merged, row_state::Writer};

/// Number under which the journal names the mark "entered in error": a group of its own. Fields
/// are numbered from 1.
pub const MARK: u16 = 0;

/// One value that was displaced, refused, or stands beside something that its author did not see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Entity by its number.
    pub entity: u16,
    /// Id of the row.
    pub row: Uuid,
    /// Merge group by the number of its first field; [`MARK`] for the mark "entered in error".
    pub group: u16,
    /// What happened.
    pub kind: JournalKind,
    /// Mutation whose value the author of the incoming value saw; none for a new row.
    pub base: Option<Uuid>,
    /// The value of `base`, where it is still known.
    #[serde(deserialize_with = "bounded::optional_list::<_, _, FIELD_COUNT>")]
    pub base_values: Option<Vec<(u16, Value)>>,
    /// What stands.
    pub kept: Side,
    /// What does not stand, or nobody saw: the value that must not be lost.
    pub other: Side,
}

/// One of the two values of an entry, and who wrote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Values of the group by field number. Of the mark: its reason, as text under [`MARK`].
    #[serde(deserialize_with = "bounded::list::<_, _, FIELD_COUNT>")]
    pub values: Vec<(u16, Value)>,
    /// Who, where, when.
    pub writer: Writer,
}

/// What happened to the other value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum JournalKind {
    /// Two wrote the same apart from each other; nothing to decide.
    Agreed,
    /// A later stamp displaced it (last writer wins).
    Displaced,
    /// It came with an earlier stamp (last writer wins).
    Lost,
    /// The current value was kept; a person decides.
    Review,
    /// The row is sealed; the value became an addendum.
    Addendum,
    /// It was written to a row that somebody entered in error without seeing it.
    EditOfRowInError,
    /// A part that stands, of a row that was entered in error.
    PartOfRowInError,
}

impl JournalKind {
    /// Whether a task for a person follows.
    pub fn asks_a_person(self) -> bool {
        !matches!(self, JournalKind::Agreed | JournalKind::Displaced | JournalKind::Lost)
    }
}

/// What identifies an entry: entity, row, group, and the mutation of the other value.
pub type JournalKey = (u16, Uuid, u16, Uuid);

impl JournalEntry {
    /// What identifies this entry. A second entry with the same key tells of the same value.
    pub fn key(&self) -> JournalKey {
        (self.entity, self.row, self.group, self.other.writer.mutation)
    }
}

/// The open entries of some rows. The centre keeps them in a table; tests and the simulator here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Journal {
    open: BTreeMap<JournalKey, JournalEntry>,
}

impl Journal {
    /// Takes in what a merge yielded: closes what was replaced by somebody who had seen it, then
    /// adds. Of two entries for one value the one stays that asks a person.
    pub fn take(&mut self, merged: &Merged) {
        let (entity, row) = (merged.state.row.entity.no, merged.state.row.id());
        for (group, mutation) in &merged.settles {
            self.open.remove(&(entity, row, *group, *mutation));
        }
        for entry in &merged.journal {
            let known = self.open.get(&entry.key());
            if known.is_none_or(|known| entry.kind.asks_a_person() && !known.kind.asks_a_person()) {
                self.open.insert(entry.key(), entry.clone());
            }
        }
    }

    /// The open entries, in the order of their keys.
    pub fn entries(&self) -> impl Iterator<Item = &JournalEntry> {
        self.open.values()
    }

    /// Whether the value that `mutation` wrote to this group is in an open entry.
    pub fn holds(&self, key: JournalKey) -> bool {
        self.open.contains_key(&key)
    }
}
