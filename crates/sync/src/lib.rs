//! How two become one: what a laptop does next, decided without sockets or clocks, and how it
//! reaches the centre.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod engine;
pub mod flights;
pub mod blobs;
pub mod drive;
pub mod worker;

pub mod remote;
pub mod http;
pub mod link;
pub mod join;

pub use drive::{SyncError, sync_once};
pub use engine::{Phase, Status};
pub use flights::Report;
pub use http::HttpCentre;
pub use link::{Address, JoinLink};
pub use remote::{Heard, OnLine, Remote};
pub use worker::{News, SharedRemote, Worker};
