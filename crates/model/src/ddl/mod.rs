//! DDL for both engines, from the declaration: text in, text out, no database.
//!
//! Columns that replication needs stand behind the declared ones: `unit_id`, `row_mid` (the
//! mutation that last wrote the row), `group_mids` (merge groups written by another mutation),
//! `deleted_mid` and `deleted_reason` (entered in error).

pub mod postgres;
pub mod sqlite;

use crate::entity::{Entity, Field};

/// Fields of the table as it was made, in the order of columns; those of later versions come behind the
/// columns of replication.
fn first_fields(entity: &Entity) -> impl Iterator<Item = &Field> {
    entity.fields.iter().filter(|field| field.since == entity.since)
}

/// Fields that a version adds to a table of before.
fn added_fields(entity: &Entity, version: u32) -> impl Iterator<Item = &Field> {
    entity.fields.iter().filter(move |field| field.since == version && entity.since < version)
}

/// Closed lists of before to which a version adds choices.
fn grown_lists(entity: &Entity, version: u32) -> impl Iterator<Item = &Field> {
    entity.fields.iter().filter(move |field| field.is_closed() && field.since < version && field.later_choices.iter().any(|(_, since)| *since == version))
}

/// Name of an index: table and columns, cut to the 63 characters that PostgreSQL keeps.
fn index_name(entity: &Entity, fields: &[usize]) -> String {
    let columns: Vec<&str> = fields.iter().map(|at| entity.fields[*at].name.as_str()).collect();
    let mut name = format!("{}_{}_idx", entity.name, columns.join("_"));
    if name.len() > 63 {
        let numbers: Vec<String> = fields.iter().map(|at| entity.fields[*at].no.to_string()).collect();
        name = format!("{}_{}_idx", entity.name, numbers.join("_"));
    }
    name
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
