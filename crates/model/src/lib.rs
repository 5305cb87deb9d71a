//! What may be held: the declaration of every entity of Gladstone, typed values, units,
//! validation, and the DDL that follows from the declaration.
//!
//! No input or output, no clock, no randomness: time and ids are arguments.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod catalogue;
pub mod claim;
pub mod condition;
pub mod ddl;
pub mod entity;
pub mod fault;
pub mod file;
pub mod format;
pub mod id;
pub mod instant;
pub mod overlap;
pub mod remedy;
pub mod row;
pub mod rule;
pub mod seed_coverage;
pub mod unit;
pub mod validate;
pub mod value;

mod declaration;

pub use catalogue::{Catalogue, catalogue};
pub use entity::{Entity, Field, FieldType, MergePolicy, OnDelete, Privacy};
pub use fault::Fault;
pub use instant::Instant;
pub use row::Row;
pub use unit::Unit;
pub use value::Value;
