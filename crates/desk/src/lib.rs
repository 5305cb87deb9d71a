//! What a user can do: every use case as one command with typed request and response. The window
//! and the command line run the same list. Knows no Tauri and draws nothing.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod background;
pub mod catalogue;
pub mod cli;
pub mod commands;
pub mod desk;
pub mod error;
pub mod events;
mod file_names;
pub mod incoming;
pub mod instruments;
pub mod jobs;
mod lease;
pub mod sample;
mod saving;
pub mod typescript;

pub use catalogue::{Access, Command, all, find};
pub use desk::Desk;
pub use error::{Code, DeskError};
pub use events::Event;
