//! bench
use crate::shell::Outcome;
pub fn run(_: u32) -> Outcome { Ok(()) }
