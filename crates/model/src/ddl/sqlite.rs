//! Tables for SQLite: the laptop's vault and the embedded centre.
//!
//! STRICT tables without rowid, clustered by their 16-byte id. Ids are blobs, decimals are
//! integers scaled by their declared scale, instants are microseconds, dates and JSON are text.
//! Choices and uniqueness are not in the DDL: a newer centre may send a choice that this
//! version does not know, and no UNIQUE may reject an honest edit made elsewhere. The one
//! writer checks both (see [`crate::validate`]).

use std::fmt::Write;

use super::{added_fields, first_fields, index_name};
use crate::entity::{Entity, Field, FieldType, OnDelete};

/// `CREATE TABLE` and its indexes, as the version that brought the entity has them; see [`alter_table`].
pub fn create_table(entity: &Entity) -> String {
    let mut sql = format!("CREATE TABLE {} (\n", entity.name);
    for field in first_fields(entity) {
        let _ = writeln!(sql, "  {},", column(field));
    }
    sql.push_str("  unit_id BLOB NOT NULL CHECK (length(unit_id) = 17),\n");
    sql.push_str("  row_mid BLOB NOT NULL CHECK (length(row_mid) = 16),\n");
    sql.push_str("  group_mids BLOB,\n  deleted_mid BLOB,\n  deleted_reason TEXT\n) STRICT, WITHOUT ROWID;\n");
    for index in entity.indexes.iter().filter(|index| index.since == entity.since) {
        sql.push_str(&create_index(entity, &index.fields));
    }
    sql
}

/// What a version adds to a table of before; empty when it adds nothing. Rows stay as they are.
pub fn alter_table(entity: &Entity, version: u32) -> String {
    let mut sql = String::new();
    for field in added_fields(entity, version) {
        let _ = writeln!(sql, "ALTER TABLE {} ADD COLUMN {};", entity.name, column(field));
    }
    for index in entity.indexes.iter().filter(|index| index.since == version && entity.since < version) {
        sql.push_str(&create_index(entity, &index.fields));
    }
    sql
}

/// Where most rows have no value, an index over the others is enough.
fn create_index(entity: &Entity, fields: &[usize]) -> String {
    let columns: Vec<&str> = fields.iter().map(|at| entity.fields[*at].name.as_str()).collect();
    let first = &entity.fields[fields[0]];
    let partial = if first.required { String::new() } else { format!(" WHERE {} IS NOT NULL", first.name) };
    format!("CREATE INDEX {} ON {} ({}){partial};\n", index_name(entity, fields), entity.name, columns.join(", "))
}

fn column(field: &Field) -> String {
    let name = &field.name;
    let ty = match field.ty {
        FieldType::Uuid => "BLOB",
        FieldType::Text { .. } | FieldType::Date | FieldType::Json => "TEXT",
        _ => "INTEGER",
    };
    let mut sql = format!("{name} {ty}");
    if name == "id" {
        sql.push_str(" NOT NULL PRIMARY KEY CHECK (length(id) = 16)");
        return sql;
    }
    if field.required {
        sql.push_str(" NOT NULL");
    }
    if field.ty == FieldType::Boolean {
        let _ = write!(sql, " CHECK ({name} IN (0, 1))");
    }
    if let Some(check) = range(field) {
        let _ = write!(sql, " CHECK ({check})");
    }
    if let Some(reference) = &field.reference
        && reference.same_unit
    {
        let action = match reference.on_delete {
            OnDelete::Cascade => "CASCADE",
            OnDelete::SetNull => "SET NULL",
            OnDelete::Restrict => "RESTRICT",
        };
        let _ = write!(sql, " REFERENCES {}(id) ON DELETE {action} DEFERRABLE INITIALLY DEFERRED", reference.entity);
    }
    sql
}

fn range(field: &Field) -> Option<String> {
    let scale = if let FieldType::Decimal { scale, .. } = field.ty { scale } else { 0 };
    let scaled = |number: rust_decimal::Decimal| (number * rust_decimal::Decimal::from(10_i64.pow(scale))).normalize();
    match (field.min.map(scaled), field.max.map(scaled)) {
        (Some(min), Some(max)) => Some(format!("{} BETWEEN {min} AND {max}", field.name)),
        (Some(min), None) => Some(format!("{} >= {min}", field.name)),
        (None, Some(max)) => Some(format!("{} <= {max}", field.name)),
        (None, None) => None,
    }
}
