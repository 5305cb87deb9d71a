//! The mutation: one local transaction as row patches. Says nothing about merging or transport.

use gladstone_model::{Instant, Unit, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{bounded, limits::{FIELD_COUNT, ROW_COUNT}};

/// One transaction of one person on one laptop; atomic everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mutation {
    /// Identity of this mutation (UUID version 7).
    pub id: Uuid,
    /// Organization whose stream this belongs to; nil while the laptop works alone.
    pub realm: Uuid,
    /// Who did it.
    pub actor: Uuid,
    /// Hybrid logical clock: milliseconds in the upper 48 bits, a counter in the lower 16.
    pub hlc: u64,
    /// Wall clock of the laptop.
    pub wall: Instant,
    /// Minutes that the laptop's zone is ahead of UTC at that time.
    pub zone_minutes: i16,
    /// Microseconds that the centre's clock is ahead of the laptop's, as last measured; 0 if never.
    pub server_offset: i64,
    /// Version of the schema that the values follow.
    pub schema_version: u32,
    /// Command that made the change, for example `responses.answer`.
    pub command: String,
    /// Why, where the command asks for a reason.
    pub reason: Option<String>,
    /// The patches, in the order in which the rows were first touched.
    #[serde(deserialize_with = "bounded::list::<_, _, ROW_COUNT>")]
    pub ops: Vec<Op>,
}

/// The patch of one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Op {
    /// Entity by its number.
    pub entity: u16,
    /// Id of the row.
    pub id: Uuid,
    /// Unit in which the row lies after this patch.
    pub unit: Unit,
    /// What happens to it.
    pub kind: OpKind,
}

/// What happens to a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum OpKind {
    /// A new row: every value that is not null, by field number.
    Create(#[serde(deserialize_with = "bounded::list::<_, _, FIELD_COUNT>")] Vec<(u16, Value)>),
    /// Some merge groups get new values.
    Update(#[serde(deserialize_with = "bounded::list::<_, _, FIELD_COUNT>")] Vec<GroupPatch>),
    /// The row was entered in error; `base` is the mutation that last wrote it.
    EnterInError {
        /// Mutation whose row the author saw.
        base: Uuid,
        /// Why.
        reason: String,
    },
}

/// New values of one merge group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupPatch {
    /// The group, by the number of its first field.
    pub group: u16,
    /// Mutation whose value the author saw.
    pub base: Uuid,
    /// All values of the group, by field number; null included.
    #[serde(deserialize_with = "bounded::list::<_, _, FIELD_COUNT>")]
    pub values: Vec<(u16, Value)>,
}
