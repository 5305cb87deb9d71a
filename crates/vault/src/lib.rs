//! What this laptop holds: the encrypted file, its keys, and the one way to write it.
//!
//! Knows no domain: which rows make sense together is the business of `desk` and `care`.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod backup;
pub mod batch;
pub mod blobs;
pub mod chain;
pub mod custody;
pub mod database;
pub mod erase;
pub mod error;
pub mod folder;
pub mod keys;
pub mod replica;
pub mod state;
pub mod surroundings;
pub mod tx;
pub mod vault;

mod anchoring;
mod beside;
mod capture;
mod inside;
mod verify;

pub use batch::{Batch, Purpose};
pub use custody::{Alarm, CustodyError, Surrounding, Unlocked};
pub use error::VaultError;
pub use tx::Tx;
pub use vault::{Changes, Vault};
