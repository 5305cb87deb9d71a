//! The tests of the centre once more, on PostgreSQL. Those of files (`keeping.rs`) are SQLite's
//! alone; what they are about is in `postgres.rs` for this engine.
#![allow(clippy::duplicate_mod, reason = "each of the files brings its own copy of what they share")]

#[path = "chain.rs"]
mod chain;
#[path = "conflicts.rs"]
mod conflicts;
#[path = "foreseen.rs"]
mod foreseen;
#[path = "forged.rs"]
mod forged;
#[path = "held.rs"]
mod held;
#[path = "hostile_laptop.rs"]
mod hostile_laptop;
#[path = "interleavings.rs"]
mod interleavings;
#[path = "isolation.rs"]
mod isolation;
#[path = "news.rs"]
mod news;
#[path = "parts.rs"]
mod parts;
#[path = "pull.rs"]
mod pull;
#[path = "rights.rs"]
mod rights;
#[path = "roles.rs"]
mod roles;
#[path = "rules.rs"]
mod rules;
