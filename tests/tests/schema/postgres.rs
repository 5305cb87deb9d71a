//! The tables of a centre, as PostgreSQL describes them.

use gladstone_testkit::postgres::{self, Cluster};
use tokio_postgres::{Client, error::SqlState};

use crate::declared::{Column, ForeignKey, Index, POSTGRES, Schema, Table};

const COLUMNS: &str = "
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY c.relname, a.attnum";
const INDEXES: &str = "
    SELECT c.relname, i.indisunique, i.indisprimary, translate(pg_get_expr(i.indpred, i.indrelid), '()\"', ''),
        ARRAY(SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY AS k (number, place) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number ORDER BY place)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = 'public'::regnamespace";
const FOREIGN_KEYS: &str = "
    SELECT c.relname, t.relname, k.confdeltype::text, k.confupdtype::text, k.condeferrable AND k.condeferred,
        ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS n (number, place) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = n.number ORDER BY place),
        ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS n (number, place) JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = n.number ORDER BY place),
        ARRAY(SELECT a.attname::text FROM unnest(k.confdelsetcols) WITH ORDINALITY AS n (number, place) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = n.number ORDER BY place)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid WHERE k.contype = 'f' AND c.relnamespace = 'public'::regnamespace";
const CHECKS: &str = "SELECT c.relname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE k.contype = 'c' AND c.relnamespace = 'public'::regnamespace";

async fn migrated_postgres() -> (Cluster, Client) {
    let cluster = Cluster::start().unwrap();
    let client = cluster.connect().await.unwrap();
    postgres::migrate(&client).await.unwrap();
    (cluster, client)
}

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
