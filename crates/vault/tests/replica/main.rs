//! The laptop's side of replication: what waits, what is taken in, and that the view is the base
//! with what waits on top. Answers are made by hand here, from the types of the wire; laptops
//! against a real centre are in `rounds.rs` and `random.rs`.

// Test code stops at the first thing that does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod realm;

mod before;
mod hostile;
mod leases;
mod leaving;
mod lives;
mod moved;
mod outbox;
mod own;
mod pause;
mod random;
mod rounds;
mod taking;
mod trust;
