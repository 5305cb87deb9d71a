//! The sum of the migrations equals the declaration, on a real SQLite and a real PostgreSQL; and
//! what the databases themselves refuse and let through. What the rules of the model refuse is
//! tested in the model.

use std::collections::{BTreeMap, BTreeSet};

use gladstone_model::{Entity, Field, FieldType, Instant, OnDelete, Value, catalogue, catalogue::SCHEMA_VERSION};
use gladstone_store::migrate;
use gladstone_testkit::postgres::{self, Cluster};
use rusqlite::Connection;
use rust_decimal::Decimal;
use tokio_postgres::{Client, error::SqlState};
use uuid::Uuid;

/// Tables of the laptop that are no entities, with their columns; those of the index are SQLite's.
const OWN: [(&str, &str); 20] = [
    ("centre_key", "one INTEGER, public_key BLOB, epoch BLOB, issued INTEGER, days INTEGER"),
    ("chain", "dseq INTEGER, mutation_id BLOB, bytes BLOB, hash BLOB, signature BLOB, state INTEGER, g INTEGER, verdict BLOB, judged_at INTEGER, resend INTEGER, note TEXT"),
    ("departed", "place INTEGER, at INTEGER, unit_id BLOB, title TEXT, rows INTEGER, reason TEXT"),
    ("doubted", "dseq INTEGER, times INTEGER, at INTEGER"),
    ("file_held", "hash TEXT, name TEXT, key BLOB, size INTEGER, held_at INTEGER, at_centre INTEGER"),
    ("file_transfer", "hash TEXT, sends INTEGER, size INTEGER, name TEXT, done INTEGER, attempts INTEGER, state INTEGER, due INTEGER, note TEXT, added_at INTEGER"),
    ("former_key", "through INTEGER, public_key BLOB"),
    ("glass", "person BLOB, until INTEGER, reason TEXT"),
    ("lease", "one INTEGER, since INTEGER, seen INTEGER, wall INTEGER, hlc INTEGER, reprieve INTEGER"),
    ("opaque", "entity INTEGER, row_id BLOB, unit_id BLOB, image BLOB"),
    ("overlay", "entity INTEGER, row_id BLOB, unit_id BLOB, image BLOB"),
    ("pause", "one INTEGER, since INTEGER"),
    ("pending", "entity INTEGER, row_id BLOB, dseq INTEGER, within INTEGER, flag TEXT"),
    ("refinery_schema_history", "version int4, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255)"),
    (
        "replica",
        "one INTEGER, realm BLOB, organization TEXT, role TEXT, server TEXT, certificate BLOB, epoch BLOB, nonce BLOB, nonce_epoch BLOB, lease_days INTEGER, joined_at INTEGER, from_g INTEGER, schema_version INTEGER, last_push INTEGER, last_pull INTEGER, is_copy INTEGER",
    ),
    ("search_row", "place INTEGER, entity INTEGER, row_id BLOB, title TEXT"),
    ("stage", "unit_id BLOB, entity INTEGER, row_id BLOB, image BLOB"),
    ("sync_log", "place INTEGER, at INTEGER, line TEXT"),
    ("unit_held", "unit_id BLOB, complete INTEGER, at_g INTEGER, after_entity INTEGER, after_row BLOB, digest BLOB, held_before INTEGER, mismatches INTEGER"),
    (
        "vault_state",
        "one INTEGER, device BLOB, incarnation BLOB, actor BLOB, realm BLOB, dseq INTEGER, chain_head BLOB, hlc INTEGER, server_offset INTEGER, digest BLOB, signing_seed BLOB, life_start INTEGER, turn INTEGER",
    ),
];

#[derive(Debug, PartialEq)]
struct Column {
    name: String,
    ty: String,
    required: bool,
    default: Option<String>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Index {
    columns: Vec<String>,
    unique: bool,
    only_where: Option<String>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ForeignKey {
    columns: Vec<String>,
    to: String,
    to_columns: Vec<String>,
    on_delete: String,
}

/// A table as a database describes it; lists whose order means nothing are sorted.
#[derive(Debug, PartialEq)]
struct Table {
    columns: Vec<Column>,
    primary_key: Vec<String>,
    indexes: Vec<Index>,
    foreign_keys: Vec<ForeignKey>,
    checks: usize,
}

type Schema = BTreeMap<String, Table>;

/// How one engine keeps what is declared.
struct Engine {
    name: &'static str,
    ty: fn(FieldType) -> String,
    /// Columns of the store: name, type, required, default, a value that fits.
    before: &'static [(&'static str, &'static str, bool, Option<&'static str>, &'static str)],
    behind: &'static [(&'static str, &'static str, bool, Option<&'static str>, &'static str)],
    /// Columns that lead every key and every index.
    lead: &'static [&'static str],
    /// Whether indexes leave out rows without a value.
    partial: bool,
    literal: fn(&Field, &Value) -> String,
    /// CHECKs of a table besides those of its declared fields: id, unit_id, row_mid.
    store_checks: usize,
    checks_booleans: bool,
    checks_choices: bool,
}

const SQLITE: Engine = Engine {
    name: "SQLite",
    ty: |ty| {
        let name = match ty {
            FieldType::Uuid => "BLOB",
            FieldType::Text { .. } | FieldType::Date | FieldType::Json => "TEXT",
            FieldType::Integer | FieldType::SmallInteger | FieldType::BigInteger | FieldType::Decimal { .. } | FieldType::Boolean | FieldType::Instant => "INTEGER",
        };
        name.into()
    },
    before: &[],
    behind: &[
        ("unit_id", "BLOB", true, None, "zeroblob(17)"),
        ("row_mid", "BLOB", true, None, "zeroblob(16)"),
        ("group_mids", "BLOB", false, None, "NULL"),
        ("deleted_mid", "BLOB", false, None, "NULL"),
        ("deleted_reason", "TEXT", false, None, "NULL"),
    ],
    lead: &[],
    partial: true,
    literal: |field, value| match value {
        Value::Null => "NULL".into(),
        Value::Boolean(yes) => i64::from(*yes).to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Decimal(number) => (number * Decimal::from(10_i64.pow(scale(field)))).normalize().to_string(),
        Value::Uuid(id) => format!("x'{}'", id.simple()),
        Value::Instant(time) => time.0.to_string(),
        other => quoted(&other.to_key_text()),
    },
    store_checks: 3,
    checks_booleans: true,
    checks_choices: false,
};

const POSTGRES: Engine = Engine {
    name: "PostgreSQL",
    ty: |ty| match ty {
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
    },
    before: &[("realm", "uuid", true, None, "gen_random_uuid()")],
    behind: &[
        ("unit_id", "bytea", true, None, "decode(repeat('00', 17), 'hex')"),
        ("row_mid", "uuid", true, None, "gen_random_uuid()"),
        ("group_mids", "bytea", false, None, "NULL"),
        ("deleted_mid", "uuid", false, None, "NULL"),
        ("deleted_reason", "text", false, None, "NULL"),
        ("g", "bigint", true, Some("0"), "DEFAULT"),
    ],
    lead: &["realm"],
    partial: false,
    literal: |_, value| match value {
        Value::Null => "NULL".into(),
        Value::Boolean(_) | Value::Integer(_) | Value::Decimal(_) => value.to_key_text(),
        other => quoted(&other.to_key_text()),
    },
    store_checks: 1,
    checks_booleans: false,
    checks_choices: true,
};

fn scale(field: &Field) -> u32 {
    if let FieldType::Decimal { scale, .. } = field.ty { scale } else { 0 }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn closed(field: &Field) -> bool {
    !field.choices.is_empty() && !field.open
}

impl Engine {
    fn declared(&self) -> Schema {
        catalogue().entities.iter().map(|entity| (entity.name.clone(), self.table(entity))).collect()
    }

    fn table(&self, entity: &Entity) -> Table {
        let store = |columns: &[(&str, &str, bool, Option<&str>, &str)]| -> Vec<Column> {
            columns.iter().map(|(name, ty, required, default, _)| Column { name: (*name).into(), ty: (*ty).into(), required: *required, default: default.map(Into::into) }).collect()
        };
        let field = |field: &Field| Column { name: field.name.clone(), ty: (self.ty)(field.ty), required: field.required || field.name == "id", default: None };
        let led = |names: &mut dyn Iterator<Item = &str>| -> Vec<String> { self.lead.iter().copied().chain(names).map(Into::into).collect() };
        let index = |index: &gladstone_model::entity::Index| {
            let first = &entity.fields[index.fields[0]];
            let only_where = (self.partial && !first.required).then(|| format!("{} IS NOT NULL", first.name));
            Index { columns: led(&mut index.fields.iter().map(|at| entity.fields[*at].name.as_str())), unique: false, only_where }
        };
        let key = |field: &Field| {
            let reference = field.reference.as_ref().filter(|reference| reference.same_unit)?;
            let on_delete = match reference.on_delete {
                OnDelete::Cascade => "CASCADE",
                OnDelete::SetNull => "SET NULL",
                OnDelete::Restrict => "RESTRICT",
            };
            Some(ForeignKey { columns: led(&mut [field.name.as_str()].into_iter()), to: reference.entity.clone(), to_columns: led(&mut ["id"].into_iter()), on_delete: on_delete.into() })
        };
        let check = |field: &Field| {
            usize::from(field.min.is_some() || field.max.is_some()) + usize::from(self.checks_choices && closed(field)) + usize::from(self.checks_booleans && field.ty == FieldType::Boolean)
        };
        let mut columns = store(self.before);
        columns.extend(entity.fields.iter().filter(|field| field.since == entity.since).map(field));
        columns.extend(store(self.behind));
        // Later versions add theirs behind.
        for version in entity.since + 1..=SCHEMA_VERSION {
            columns.extend(entity.fields.iter().filter(|field| field.since == version).map(field));
        }
        let mut table = Table {
            columns,
            primary_key: led(&mut ["id"].into_iter()),
            indexes: entity.indexes.iter().map(index).collect(),
            foreign_keys: entity.fields.iter().filter_map(key).collect(),
            checks: self.store_checks + entity.fields.iter().map(check).sum::<usize>(),
        };
        if !self.lead.is_empty() {
            // At the centre, where the rows of a unit are found.
            table.indexes.push(Index { columns: led(&mut ["unit_id", "id"].into_iter()), unique: false, only_where: None });
        }
        table.indexes.sort();
        table.foreign_keys.sort();
        table
    }

    /// A new row with nothing but what must be there, and one column as given.
    fn insert(&self, entity: &Entity, column: &str, literal: &str) -> String {
        let mut cells: BTreeMap<&str, String> = self.before.iter().chain(self.behind).map(|(name, _, _, _, value)| (*name, (*value).into())).collect();
        for field in entity.fields.iter().filter(|field| field.required || field.name == "id") {
            cells.insert(&field.name, (self.literal)(field, &fitting(field)));
        }
        cells.insert(column, literal.into());
        let (names, values): (Vec<&str>, Vec<String>) = cells.into_iter().unzip();
        format!("INSERT INTO {} ({}) VALUES ({})", entity.name, names.join(", "), values.join(", "))
    }

    fn check(&self, found: &Schema) {
        let declared = self.declared();
        assert_eq!(found.keys().collect::<Vec<_>>(), declared.keys().collect::<Vec<_>>(), "{}: one table for each entity, and no other", self.name);
        for (name, table) in &declared {
            assert_eq!(&found[name], table, "{}: the table {name} (left) is as declared (right)", self.name);
        }
    }

    /// What each column with a CHECK lets through and what it refuses.
    fn probes(&self) -> Vec<Probe> {
        let mut probes = Vec::new();
        for entity in &catalogue().entities {
            let mut probe = |column: &str, literal: String, fits: bool| {
                probes.push(Probe { column: format!("{}.{column} = {literal}", entity.name), sql: self.insert(entity, column, &literal), fits });
            };
            let wrong = if self.checks_choices { "decode('00', 'hex')" } else { "zeroblob(16)" };
            probe("unit_id", wrong.into(), false);
            for field in &entity.fields {
                let mut value = |value: Value, fits: bool| probe(&field.name, (self.literal)(field, &value), fits);
                if closed(field) {
                    field.choices.iter().for_each(|choice| value(Value::text(choice), true));
                    value(Value::text("~"), !self.checks_choices);
                }
                let step = Decimal::new(1, scale(field));
                for (bound, beyond) in [(field.min, -step), (field.max, step)] {
                    if let Some(bound) = bound {
                        value(Value::Decimal(bound), true);
                        value(Value::Decimal(bound + beyond), false);
                    }
                }
                if self.checks_booleans && field.ty == FieldType::Boolean {
                    value(Value::Boolean(true), true);
                    value(Value::Integer(2), false);
                }
            }
        }
        probes
    }
}

/// A row that the database takes, or refuses by a CHECK.
struct Probe {
    column: String,
    sql: String,
    fits: bool,
}

impl Probe {
    fn check(&self, outcome: Result<(), Option<String>>) -> Option<String> {
        match outcome {
            Ok(()) if self.fits => None,
            Err(None) if !self.fits => None,
            Ok(()) => Some(format!("{} is let through", self.column)),
            Err(None) => Some(format!("{} is refused", self.column)),
            Err(Some(other)) => Some(format!("{}: {other}", self.column)),
        }
    }
}

/// A value that a field takes.
fn fitting(field: &Field) -> Value {
    let number = field.min.or(field.max).unwrap_or_default();
    match field.ty {
        FieldType::Uuid => Value::Uuid(Uuid::from_u128(1)),
        FieldType::Text { .. } => Value::text(field.choices.first().map_or("x", String::as_str)),
        FieldType::Integer | FieldType::SmallInteger | FieldType::BigInteger | FieldType::Decimal { .. } => Value::Decimal(number),
        FieldType::Boolean => Value::Boolean(false),
        FieldType::Date => Value::Date(Instant(0).date()),
        FieldType::Instant => Value::Instant(Instant(0)),
        FieldType::Json => Value::Json("{}".into()),
    }
}

fn migrated_sqlite() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate::migrate(&mut connection).unwrap();
    connection
}

async fn migrated_postgres() -> (Cluster, Client) {
    let cluster = Cluster::start().unwrap();
    let client = cluster.connect().await.unwrap();
    postgres::migrate(&client).await.unwrap();
    (cluster, client)
}

fn rows<T>(connection: &Connection, sql: &str, table: &str, each: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
    connection.prepare(sql).unwrap().query_map([table], each).unwrap().collect::<Result<_, _>>().unwrap()
}

fn sqlite_table(connection: &Connection, name: &str) -> Table {
    let columns = rows(connection, "SELECT name, type, \"notnull\", dflt_value, hidden FROM pragma_table_xinfo(?1) ORDER BY cid", name, |row| {
        assert_eq!(row.get::<_, i64>("hidden")?, 0, "{name}: no column is computed");
        Ok(Column { name: row.get("name")?, ty: row.get("type")?, required: row.get("notnull")?, default: row.get("dflt_value")? })
    });
    let primary_key = rows(connection, "SELECT name FROM pragma_table_xinfo(?1) WHERE pk > 0 ORDER BY pk", name, |row| row.get(0));
    let mut indexes = rows(connection, "SELECT l.name, l.\"unique\", s.sql FROM pragma_index_list(?1) AS l LEFT JOIN sqlite_schema AS s ON s.name = l.name WHERE l.origin <> 'pk'", name, |row| {
        let (index, sql): (String, Option<String>) = (row.get(0)?, row.get(2)?);
        let columns = rows(connection, "SELECT name FROM pragma_index_info(?1) ORDER BY seqno", &index, |row| row.get(0));
        let only_where = sql.as_deref().and_then(|sql| sql.split_once(" WHERE ")).map(|(_, condition)| condition.to_owned());
        Ok(Index { columns, unique: row.get(1)?, only_where })
    });
    let mut foreign_keys = rows(connection, "SELECT \"from\", \"table\", \"to\", on_delete, on_update FROM pragma_foreign_key_list(?1)", name, |row| {
        assert_eq!(row.get::<_, String>("on_update")?, "NO ACTION", "{name}: ids never change");
        Ok(ForeignKey { columns: vec![row.get("from")?], to: row.get("table")?, to_columns: vec![row.get("to")?], on_delete: row.get("on_delete")? })
    });
    let sql: String = connection.query_row("SELECT sql FROM sqlite_schema WHERE name = ?1", [name], |row| row.get(0)).unwrap();
    assert_eq!(sql.matches("DEFERRABLE INITIALLY DEFERRED").count(), foreign_keys.len(), "{name}: references wait for the end of the transaction");
    indexes.sort();
    foreign_keys.sort();
    Table { columns, primary_key, indexes, foreign_keys, checks: sql.matches(" CHECK (").count() }
}

#[test]
fn the_migrations_of_sqlite_add_up_to_the_declaration() {
    let connection = migrated_sqlite();
    let all = rows(&connection, "SELECT name, strict, wr FROM pragma_table_list WHERE schema = ?1 AND type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'", "main", |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?, row.get::<_, bool>(2)?)));
    let mut found = Schema::new();
    let mut own = Vec::new();
    for (name, strict, without_rowid) in all {
        if OWN.iter().any(|(own, _)| *own == name) {
            let columns: Vec<String> = sqlite_table(&connection, &name).columns.iter().map(|column| format!("{} {}", column.name, column.ty)).collect();
            own.push((name, columns.join(", ")));
        } else {
            assert!(strict && without_rowid, "{name} is STRICT and clustered by its id");
            found.insert(name.clone(), sqlite_table(&connection, &name));
        }
    }
    own.sort();
    assert_eq!(own, OWN.map(|(name, columns)| (name.to_owned(), columns.to_owned())), "the tables of the laptop itself");
    SQLITE.check(&found);
}

#[test]
fn sqlite_refuses_what_no_version_may_send_and_keeps_choices_of_later_versions() {
    let connection = migrated_sqlite();
    connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    let probe = |probe: Probe| {
        connection.execute_batch("BEGIN").unwrap();
        let outcome = connection.execute(&probe.sql, []).map(drop).map_err(|error| match &error {
            rusqlite::Error::SqliteFailure(code, _) if code.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_CHECK => None,
            other => Some(other.to_string()),
        });
        connection.execute_batch("ROLLBACK").unwrap();
        probe.check(outcome)
    };
    let probes = SQLITE.probes();
    assert!(probes.len() > 300, "{} values are tried", probes.len());
    let wrong: Vec<String> = probes.into_iter().filter_map(probe).collect();
    assert!(wrong.is_empty(), "{} of SQLite's checks are not as declared:\n{}", wrong.len(), wrong.join("\n"));
}

const COLUMNS: &str = "
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY c.relname, a.attnum";
const INDEXES: &str = "
    SELECT c.relname, i.indisunique, i.indisprimary, pg_get_expr(i.indpred, i.indrelid),
        ARRAY(SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY AS k (number, place) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number ORDER BY place)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = 'public'::regnamespace";
const FOREIGN_KEYS: &str = "
    SELECT c.relname, t.relname, k.confdeltype::text, k.confupdtype::text, k.condeferrable AND k.condeferred,
        ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS n (number, place) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = n.number ORDER BY place),
        ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS n (number, place) JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = n.number ORDER BY place),
        ARRAY(SELECT a.attname::text FROM unnest(k.confdelsetcols) WITH ORDINALITY AS n (number, place) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = n.number ORDER BY place)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid WHERE k.contype = 'f' AND c.relnamespace = 'public'::regnamespace";
const CHECKS: &str = "SELECT c.relname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE k.contype = 'c' AND c.relnamespace = 'public'::regnamespace";

async fn postgres_schema(client: &Client) -> Schema {
    let mut schema = Schema::new();
    for row in client.query(COLUMNS, &[]).await.unwrap() {
        let table = schema.entry(row.get(0)).or_insert_with(|| Table { columns: Vec::new(), primary_key: Vec::new(), indexes: Vec::new(), foreign_keys: Vec::new(), checks: 0 });
        table.columns.push(Column { name: row.get(1), ty: row.get(2), required: row.get(3), default: row.get(4) });
    }
    for row in client.query(INDEXES, &[]).await.unwrap() {
        let table = schema.get_mut(row.get::<_, &str>(0)).unwrap();
        if row.get(2) { table.primary_key = row.get(4) } else { table.indexes.push(Index { columns: row.get(4), unique: row.get(1), only_where: row.get(3) }) }
    }
    for row in client.query(FOREIGN_KEYS, &[]).await.unwrap() {
        let (name, update, deferred, columns, emptied): (&str, &str, bool, Vec<String>, Vec<String>) = (row.get(0), row.get(3), row.get(4), row.get(5), row.get(7));
        assert!(update == "a" && deferred, "{name} {columns:?}: ids never change, and references wait for the end of the transaction");
        let on_delete = match row.get(2) {
            "c" => "CASCADE",
            "n" => "SET NULL",
            "r" => "RESTRICT",
            other => other,
        };
        assert_eq!(emptied, if on_delete == "SET NULL" { columns[1..].to_vec() } else { Vec::new() }, "{name} {columns:?}: the reference is emptied, never the realm");
        schema.get_mut(name).unwrap().foreign_keys.push(ForeignKey { columns, to: row.get(1), to_columns: row.get(6), on_delete: on_delete.into() });
    }
    for row in client.query(CHECKS, &[]).await.unwrap() {
        schema.get_mut(row.get::<_, &str>(0)).unwrap().checks += 1;
    }
    for table in schema.values_mut() {
        table.indexes.sort();
        table.foreign_keys.sort();
    }
    schema
}

#[tokio::test]
async fn the_migrations_of_postgresql_add_up_to_the_declaration() {
    let (_cluster, client) = migrated_postgres().await;
    POSTGRES.check(&postgres_schema(&client).await);
}

#[tokio::test]
async fn postgresql_takes_every_declared_choice_and_refuses_all_others() {
    let (_cluster, client) = migrated_postgres().await;
    let probes = POSTGRES.probes();
    assert!(probes.len() > 400, "{} values are tried", probes.len());
    let mut wrong = Vec::new();
    for probe in probes {
        let outcome = client.batch_execute(&format!("BEGIN; {}; ROLLBACK", probe.sql)).await;
        let outcome = match outcome {
            Ok(()) => Ok(()),
            Err(error) => {
                client.batch_execute("ROLLBACK").await.unwrap();
                Err((error.code() != Some(&SqlState::CHECK_VIOLATION)).then(|| format!("{error:?}")))
            }
        };
        wrong.extend(probe.check(outcome));
    }
    assert!(wrong.is_empty(), "{} of PostgreSQL's checks are not as declared:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_is_emptied_on_deletion_may_be_empty() {
    for entity in &catalogue().entities {
        for field in &entity.fields {
            let emptied = field.reference.as_ref().is_some_and(|reference| reference.on_delete == OnDelete::SetNull);
            assert!(!(emptied && field.required), "{}.{} must have a value, but loses it when its row goes", entity.name, field.name);
        }
    }
}

#[test]
fn every_declared_uniqueness_is_found_through_an_index_on_both_engines() {
    for engine in [SQLITE, POSTGRES] {
        for entity in &catalogue().entities {
            let table = engine.table(entity);
            for unique in entity.uniques.iter().map(|unique| &unique.fields).chain((!entity.natural_key.is_empty()).then_some(&entity.natural_key)) {
                let mut columns: Vec<String> = engine.lead.iter().map(|name| (*name).to_owned()).collect();
                columns.extend(unique.iter().map(|at| entity.fields[*at].name.clone()));
                let served = table.indexes.iter().any(|index| index.columns.starts_with(&columns));
                assert!(served, "{}: no index of {} begins with {columns:?}", engine.name, entity.name);
            }
        }
    }
}

#[test]
fn no_two_tables_or_columns_differ_by_case_alone() {
    let tables: BTreeSet<String> = catalogue().entities.iter().map(|entity| entity.name.to_lowercase()).collect();
    assert_eq!(tables.len(), catalogue().entities.len(), "tables");
    for entity in &catalogue().entities {
        let columns: BTreeSet<String> = entity.fields.iter().map(|field| field.name.to_lowercase()).collect();
        assert_eq!(columns.len(), entity.fields.len(), "columns of {}", entity.name);
    }
}
