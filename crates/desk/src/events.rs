//! What the desk tells whoever shows it, after the fact.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// Rows of these entities changed and are durable.
    Changed {
        /// Entities by name.
        entities: Vec<String>,
    },
    /// The vault was locked.
    Locked,
    /// Something is wrong with the open vault; `app.status` says what.
    Alarm,
    /// Synchronizing stands otherwise than before; `sync.status` says how.
    Sync,
    /// Long work went on.
    Progress {
        /// What is being done.
        job: String,
        /// Steps done.
        done: u32,
        /// Steps in all.
        of: u32,
    },
}
