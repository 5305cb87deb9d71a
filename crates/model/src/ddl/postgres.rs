//! Tables for PostgreSQL: the centre. Every table is keyed by realm and id, so that one realm
//! can neither see nor collide with another. Row-level security comes with its own migration.
//!
//! Choices are checked here, because the centre is never older than a client. Uniqueness is left
//! to the one ingest function, which keeps both rows and flags them: an offline edit is honest.

use std::fmt::Write;

use super::{added_fields, first_fields, grown_lists, index_name, quoted};
use crate::entity::{Entity, Field, FieldType, OnDelete};

/// `CREATE TABLE` and its indexes, as the version that brought the entity has them; foreign keys come from
/// [`foreign_keys`], later versions from [`alter_table`].
pub fn create_table(entity: &Entity) -> String {
    let mut sql = format!("CREATE TABLE {} (\n  realm UUID NOT NULL,\n", entity.name);
    for field in first_fields(entity) {
        let _ = writeln!(sql, "  {},", column(field, entity.since));
    }
    sql.push_str("  unit_id BYTEA NOT NULL CHECK (length(unit_id) = 17),\n  row_mid UUID NOT NULL,\n  group_mids BYTEA,\n");
    sql.push_str("  deleted_mid UUID,\n  deleted_reason TEXT,\n  g BIGINT NOT NULL DEFAULT 0,\n  PRIMARY KEY (realm, id)\n);\n");
    create_indexes(&mut sql, entity, entity.since);
    sql
}

/// What a version adds to a table of before; empty when it adds nothing. Rows stay as they are.
pub fn alter_table(entity: &Entity, version: u32) -> String {
    let mut sql = String::new();
    for field in added_fields(entity, version) {
        let _ = writeln!(sql, "ALTER TABLE {} ADD COLUMN {};", entity.name, column(field, version));
    }
    for field in grown_lists(entity, version) {
        // The name that PostgreSQL gave to the CHECK of the column. What stands in the rows is on the longer list too.
        let name = format!("{}_{}_check", entity.name, field.name);
        let _ = writeln!(sql, "ALTER TABLE {} DROP CONSTRAINT {name};", entity.name);
        let _ = writeln!(sql, "ALTER TABLE {} ADD CONSTRAINT {name} CHECK ({});", entity.name, one_of(field, version));
    }
    if entity.since < version {
        create_indexes(&mut sql, entity, version);
    }
    sql
}

/// The migration behind it makes those over one column anew, without the rows that have no value in it, as
/// [`super::sqlite`] has them from the beginning (`centre.thin`, `migrations/postgres/V10__sparse.sql`).
fn create_indexes(sql: &mut String, entity: &Entity, version: u32) {
    for index in entity.indexes.iter().filter(|index| index.since == version) {
        let columns: Vec<&str> = index.fields.iter().map(|at| entity.fields[*at].name.as_str()).collect();
        let _ = writeln!(sql, "CREATE INDEX {} ON {} (realm, {});", index_name(entity, &index.fields), entity.name, columns.join(", "));
    }
}

/// The references that stay within one unit, and so within one realm, of the fields of one version.
pub fn foreign_keys(entity: &Entity, version: u32) -> String {
    let mut sql = String::new();
    for field in entity.fields.iter().filter(|field| field.since == version) {
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

fn one_of(field: &Field, version: u32) -> String {
    let choices: Vec<String> = field.choices_as_of(version).into_iter().map(quoted).collect();
    format!("{} IN ({})", field.name, choices.join(", "))
}

fn column(field: &Field, version: u32) -> String {
    let mut sql = format!("{} {}", field.name, column_type(field));
    if field.required || field.name == "id" {
        sql.push_str(" NOT NULL");
    }
    if field.is_closed() {
        let _ = write!(sql, " CHECK ({})", one_of(field, version));
    }
    match (field.min, field.max) {
        (Some(min), Some(max)) => _ = write!(sql, " CHECK ({} BETWEEN {min} AND {max})", field.name),
        (Some(min), None) => _ = write!(sql, " CHECK ({} >= {min})", field.name),
        (None, Some(max)) => _ = write!(sql, " CHECK ({} <= {max})", field.name),
        (None, None) => {}
    }
    sql
}
