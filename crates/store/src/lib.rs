//! How rows are kept: rows of any entity on SQLite, from the model alone. Reading, writing,
//! searching, migrating, and the digest over what is held.
//!
//! Who may write, what is captured and signed, and where the keys are is not known here.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod digest;
pub mod error;
pub mod folding;
pub mod guard;
pub mod migrate;
pub mod query;
pub mod read;
pub mod search;
pub mod stored;
pub mod write;

mod bind;
mod statements;

pub use error::StoreError;
pub use query::{Filter, Match, Page, Query};
pub use read::{Reader, naming_references};
