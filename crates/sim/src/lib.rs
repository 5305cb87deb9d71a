//! The deterministic simulator: real laptops and the real centre in one process, with a clock, dice
//! and a network that a seed decides, and the eight invariants of replication asked at every turn.
//! It is part of no product.

// Test code stops at the first thing that does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod run;
pub mod world;
pub mod step;
pub mod invariants;
pub mod canary;

mod act;
mod files;
mod ground;
mod history;
mod host;
mod laptop;
mod line;
mod numbers;
mod regression;
mod time;

pub use canary::Canary;
pub use invariants::Broken;
pub use ground::Engine;
pub use numbers::{FAULTS, Numbers};
pub use regression::Regression;
pub use run::{Outcome, Plan, minimise, seed};
pub use step::Size;
