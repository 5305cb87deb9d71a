//! What the centre holds: it takes in what laptops wrote, decides what stands, and tells each
//! laptop what it may know. How bytes travel is in `http`; where rows lie is an engine's matter.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod around;
pub mod blobs;
pub mod centre;
pub mod cli;
pub mod embedded;
pub mod engine;
pub mod error;
pub mod http;
pub mod postgres;

mod audit;
mod enrolment;
pub mod file_news;
mod grants;
mod heads;
mod ingest;
mod job;
mod judge;
mod lease;
mod memory;
mod news;
mod notice;
mod operator;
mod own;
mod pages;
mod pull;
mod queue;
mod raise;
mod reach;
mod recent;
mod rights;
mod secrets;
mod sessions;
mod standing;
mod status;
mod stir;
mod units;
mod waiting;
mod work;

pub use around::{Around, Machine};
pub use centre::{AuditFault, AuditReport, Caller, Centre, DeviceInfo, Invite, InviteCode, Line, RealmInfo};
pub use embedded::Embedded;
pub use engine::Engine;
pub use error::{CentreError, EngineError};
pub use postgres::Postgres;
pub use pull::Portions;
pub use status::Status;
