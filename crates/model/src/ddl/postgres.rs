//! Tables for PostgreSQL: the centre. Every table is keyed by realm and id, so that one realm
//! can neither see nor collide with another. Row-level security comes with its own migration.
//!
//! Choices are checked here, because the centre is never older than a client. Uniqueness is left
//! to the one ingest function, which keeps both rows and flags them: an offline edit is honest.

use std::fmt::Write;

use super::{index_name, quoted};
use crate::entity::{Entity, Field, FieldType, OnDelete};

/// `CREATE TABLE` and its indexes; foreign keys come from [`foreign_keys`].
pub fn create_table(entity: &Entity) -> String {
    let mut sql = format!("CREATE TABLE {} (\n  realm UUID NOT NULL,\n", entity.name);
    for field in &entity.fields {
        let _ = writeln!(sql, "  {},", column(field));
    }
    sql.push_str("  unit_id BYTEA NOT NULL CHECK (length(unit_id) = 17),\n  row_mid UUID NOT NULL,\n  group_mids BYTEA,\n");
    sql.push_str("  deleted_mid UUID,\n  deleted_reason TEXT,\n  g BIGINT NOT NULL DEFAULT 0,\n  PRIMARY KEY (realm, id)\n);\n");
    for index in &entity.indexes {
        let columns: Vec<&str> = index.iter().map(|at| entity.fields[*at].name.as_str()).collect();
        let _ = writeln!(sql, "CREATE INDEX {} ON {} (realm, {});", index_name(entity, index), entity.name, columns.join(", "));
    }
    sql
}

/// The references that stay within one unit, and so within one realm.
pub fn foreign_keys(entity: &Entity) -> String {
    let mut sql = String::new();
    for field in &entity.fields {
        let Some(reference) = field.reference.as_ref().filter(|reference| reference.same_unit) else { continue };
        let action = match reference.on_delete {
            OnDelete::Cascade => "CASCADE".to_owned(),
            OnDelete::SetNull => format!("SET NULL ({})", field.name),
            OnDelete::Restrict => "RESTRICT".to_owned(),
        };
        let _ = writeln!(
            sql,
            "ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_fkey FOREIGN KEY (realm, {column}) REFERENCES {to} (realm, id) ON DELETE {action} DEFERRABLE INITIALLY DEFERRED;",
            table = entity.name,
            column = field.name,
            to = reference.entity,
        );
    }
    sql
}

/// The type of a column, as PostgreSQL's catalogue spells it.
pub fn column_type(field: &Field) -> String {
    match field.ty {
        FieldType::Uuid => "uuid".into(),
        FieldType::Text { max: None } => "text".into(),
        FieldType::Text { max: Some(max) } => format!("character varying({max})"),
        FieldType::Integer => "integer".into(),
        FieldType::SmallInteger => "smallint".into(),
        FieldType::BigInteger => "bigint".into(),
        FieldType::Decimal { precision, scale } => format!("numeric({precision},{scale})"),
        FieldType::Boolean => "boolean".into(),
        FieldType::Date => "date".into(),
        FieldType::Instant => "timestamp with time zone".into(),
        FieldType::Json => "jsonb".into(),
    }
}

fn column(field: &Field) -> String {
    let mut sql = format!("{} {}", field.name, column_type(field));
    if field.required || field.name == "id" {
        sql.push_str(" NOT NULL");
    }
    if !field.choices.is_empty() && !field.open {
        let choices: Vec<String> = field.choices.iter().map(|choice| quoted(choice)).collect();
        let _ = write!(sql, " CHECK ({} IN ({}))", field.name, choices.join(", "));
    }
    match (field.min, field.max) {
        (Some(min), Some(max)) => _ = write!(sql, " CHECK ({} BETWEEN {min} AND {max})", field.name),
        (Some(min), None) => _ = write!(sql, " CHECK ({} >= {min})", field.name),
        (None, Some(max)) => _ = write!(sql, " CHECK ({} <= {max})", field.name),
        (None, None) => {}
    }
    sql
}
