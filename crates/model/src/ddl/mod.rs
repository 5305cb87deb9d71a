//! DDL for both engines, from the declaration: text in, text out, no database.
//!
//! Columns that replication needs stand behind the declared ones: `unit_id`, `row_mid` (the
//! mutation that last wrote the row), `group_mids` (merge groups written by another mutation),
//! `deleted_mid` and `deleted_reason` (entered in error).

pub mod postgres;
pub mod sqlite;

use crate::entity::Entity;

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
