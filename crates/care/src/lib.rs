//! What may be said: instruments, scoring, alerts, change, and the likeness of persons. Pure:
//! no input or output, no clock, no database; the same code runs on laptop and centre.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod alert;
pub mod answer;
pub mod change;
pub mod instrument;
pub mod people;
pub mod scheduling;
pub mod score;

pub use answer::Answer;
pub use instrument::{Instrument, Scale, by_code, catalogue};
pub use score::{Completeness, ScaleResult, score};
