//! The tables of a laptop, as SQLite describes them.

use gladstone_store::migrate;
use rusqlite::Connection;

use crate::declared::{Column, ForeignKey, Index, Probe, SQLITE, Schema, Table};

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

fn migrated_sqlite() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate::migrate(&mut connection).unwrap();
    connection
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
