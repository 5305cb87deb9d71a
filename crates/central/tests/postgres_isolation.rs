//! Organizations in one PostgreSQL are apart: a matrix over every table, as the role of the
//! service, that has to turn red as soon as any one policy is missing.

mod suite;

use std::{fs, str::FromStr};

use gladstone_central::{
    Engine,
    engine::{Batch, Claim, Device, DeviceUnits, Held, Life, LogLine, StoredInvite, StoredSession, UnitSum},
};
use gladstone_model::Instant;
use gladstone_protocol::{JournalEntry, JournalKind, RowsDigest, Side, Stored, wire::RowKey};
use gladstone_testkit::postgres::Cluster;
use ring::hmac;
use suite::{id, open, prepared, realm, samples, service, state, write};
use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls, error::SqlState};
use uuid::Uuid;

/// A database in which two organizations have rows in every table.
struct Ground {
    cluster: Cluster,
    folder: TempDir,
    tables: Vec<String>,
}

async fn ground() -> Ground {
    let (cluster, folder) = tokio::task::spawn_blocking(|| {
        let (cluster, folder) = prepared();
        fill(&open(&cluster, folder.path()));
        (cluster, folder)
    })
    .await
    .unwrap();
    let admin = cluster.connect().await.unwrap();
    let sql = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'realm'
        WHERE c.relnamespace IN ('public'::regnamespace, 'centre'::regnamespace) AND c.relkind IN ('r', 'p') ORDER BY 1";
    let tables: Vec<String> = admin.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    let others: i64 = admin.query_one("SELECT count(*) FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'centre'::regnamespace) AND relkind IN ('r', 'p')", &[]).await.unwrap().get(0);
    assert_eq!(others as usize - tables.len(), 2, "only the secret and the history of steps belong to no realm");
    Ground { cluster, folder, tables }
}

fn fill(engine: &dyn Engine) {
    for number in [1, 2] {
        let new = realm(number);
        engine.found(&new).unwrap();
        let device = id(3, 70 + number);
        let filed = vec![samples::filed(device, 1, Some(1), Stored::Applied { g: 1 }), samples::filed(device, 2, None, Stored::Held { missing: vec![] })];
        let writer = filed[0].mutation.clone().unwrap().0;
        let side = Side { values: vec![], writer };
        let source = RowKey { entity: 5, id: id(11, 1) };
        let rows = samples::everything(samples::full, number).into_iter().chain(samples::everything(samples::full, number + 2));
        let batch = Batch {
            g: 1,
            held_count: 1,
            rows: rows.map(|state| samples::save(state, None, 1)).collect(),
            held: vec![Held { place: filed[1].place, mutation: filed[1].mutation.clone().unwrap().0.mutation, missing: vec![] }],
            log: vec![LogLine { g: 1, at: 0, unit: samples::person(1), key: source, mutation: writer.mutation, news: vec![1], shift: None }],
            journal: vec![(1, JournalEntry { entity: 5, row: id(11, 1), group: 3, kind: JournalKind::Review, base: None, base_values: None, kept: side.clone(), other: side })],
            claims: vec![(source, vec![Claim { actor: id(8, 1), unit: samples::person(1), source, from: None, to: None, read_only: false }])],
            digests: vec![UnitSum { unit: samples::person(1), digest: RowsDigest::default(), rows: 1 }],
            lives: vec![Life { device, incarnation: id(9, 1), dseq: 1, head: [1; 32], hlc: 1, public_key: [1; 32] }],
            filed,
            ..Batch::default()
        };
        write(engine, new.id, |shelf| {
            shelf.save(batch.clone()).unwrap();
            shelf.put_device(&Device { id: device, actor: id(8, 1), label: "x".into(), public_key: [1; 32], incarnation: id(9, 1), enrolled: Instant(5), seen: None, revoked: None, epoch: Uuid::nil(), nonce: [2; 32], former_nonce: [3; 32], alone: true }).unwrap();
            shelf.put_device_units(device, &DeviceUnits::default()).unwrap();
            shelf.put_invite(&StoredInvite { hash: [number as u8; 32], name: "x".into(), email: None, role: "user".into(), user: None, expires: Instant(1), used_by: None }).unwrap();
            shelf.put_session(&StoredSession { hash: [number as u8; 32], device, challenge: true, expires: Instant(1) }, Instant(0)).unwrap();
        });
    }
}

/// The context of a realm as SECURITY.md states it, computed here a second time.
fn context(folder: &TempDir, realm: Uuid, expiry: i64) -> String {
    let secret = fs::read(state(folder.path()).join("secret")).unwrap();
    let said = format!("{realm}.{expiry}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &blake3::derive_key("gladstone 2026 postgres context v1", &secret));
    let tag: String = hmac::sign(&key, said.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{said}.{tag}")
}

fn soon() -> i64 {
    chrono::Utc::now().timestamp() + 300
}

async fn connect(url: &str) -> Client {
    let (client, connection) = Config::from_str(url).unwrap().connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// What is wrong about one table, seen by the service under the context of the first realm.
async fn look(client: &Client, table: &str, context: &str) -> Vec<String> {
    let (own, other) = (realm(1).id, realm(2).id);
    let mut wrong = Vec::new();
    let state = || async { client.batch_execute(&format!("BEGIN; SELECT set_config('app.ctx', '{context}', true)")).await.unwrap() };
    state().await;
    let count = |realm: Uuid| async move { client.query_one(&format!("SELECT count(*) FROM {table} WHERE realm = $1"), &[&realm]).await.unwrap().get::<_, i64>(0) };
    if count(own).await == 0 {
        wrong.push(format!("{table}: own rows are hidden"));
    }
    if count(other).await > 0 {
        wrong.push(format!("{table}: rows of another realm are seen"));
    }
    client.batch_execute("ROLLBACK").await.unwrap();
    // A policy lets no row of the other realm be touched; a right that is not given refuses all the same.
    for (what, sql) in [("changed", format!("UPDATE {table} SET realm = realm WHERE realm = '{other}'")), ("removed", format!("DELETE FROM {table} WHERE realm = '{other}'"))] {
        state().await;
        match client.execute(&sql, &[]).await {
            Ok(0) => {}
            Ok(_) => wrong.push(format!("{table}: rows of another realm are {what}")),
            Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {}
            Err(error) => wrong.push(format!("{table}: rows of another realm: {error:?}")),
        }
        client.batch_execute("ROLLBACK").await.unwrap();
    }
    let over = format!("INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT r.* FROM {table} AS o CROSS JOIN jsonb_populate_record(o, '{{\"realm\": \"{other}\"}}') AS r WHERE o.realm = '{own}'");
    for (what, sql) in [("written", over), ("given away", format!("UPDATE {table} SET realm = '{other}' WHERE realm = '{own}'"))] {
        state().await;
        match client.execute(&sql, &[]).await {
            Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {}
            other => wrong.push(format!("{table}: rows are {what} to another realm: {other:?}")),
        }
        client.batch_execute("ROLLBACK").await.unwrap();
    }
    wrong
}

/// What is wrong about what the service asks before it knows a realm.
async fn look_from_outside(client: &Client) -> Vec<String> {
    let mut wrong = Vec::new();
    let sql = "SELECT (SELECT count(*) FROM centre.realms()), (SELECT count(*) FROM centre.realm_of_device($1)), (SELECT count(*) FROM centre.realm_of_invite($2)), (SELECT count(*) FROM centre.realm_of_session($2))";
    let row = client.query_one(sql, &[&id(3, 71), &vec![1_u8; 32]]).await.unwrap();
    for (at, (what, expected)) in [("realms", 2), ("device", 1), ("invite", 1), ("session", 1)].into_iter().enumerate() {
        let found: i64 = row.get(at);
        if found != expected {
            wrong.push(format!("{what}: {found} instead of {expected}"));
        }
    }
    wrong
}

#[tokio::test]
async fn no_organization_sees_or_writes_anything_of_another() {
    let ground = ground().await;
    assert!(ground.tables.len() > 90, "{} tables", ground.tables.len());
    let client = connect(&service(&ground.cluster)).await;
    let context = context(&ground.folder, realm(1).id, soon());
    let mut wrong = look_from_outside(&client).await;
    for table in &ground.tables {
        wrong.extend(look(&client, table, &context).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_context_that_is_not_good_shows_nothing_and_writes_nothing() {
    let ground = ground().await;
    let client = connect(&service(&ground.cluster)).await;
    let (own, other) = (realm(1).id, realm(2).id);
    let good = context(&ground.folder, own, soon());
    let elsewhere = tempfile::tempdir().unwrap();
    fs::create_dir(state(elsewhere.path())).unwrap();
    fs::write(state(elsewhere.path()).join("secret"), [5; 32]).unwrap();
    let later = good.replacen(&format!(".{}", good.split('.').nth(1).unwrap()), &format!(".{}", soon() + 86_400), 1);
    let check = async |what: &str, context: &str, expected: bool| {
        let mut seen = 0;
        for table in &ground.tables {
            client.batch_execute(&format!("BEGIN; SELECT set_config('app.ctx', '{context}', true)")).await.unwrap();
            seen += client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get::<_, i64>(0);
            client.batch_execute("ROLLBACK").await.unwrap();
        }
        assert_eq!(seen > 0, expected, "{what}: {seen} rows are seen");
        client.batch_execute(&format!("BEGIN; SELECT set_config('app.ctx', '{context}', true)")).await.unwrap();
        let written = client.execute("INSERT INTO centre.unit_sum VALUES ($1, $2, $3, 0)", &[&own, &vec![9_u8; 17], &vec![0_u8; 32]]).await;
        client.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(written.is_ok(), expected, "{what}: {written:?}");
    };
    check("good", &good, true).await;
    check("expired", &context(&ground.folder, own, soon() - 301), false).await;
    check("signed with another secret", &context(&elsewhere, own, soon()), false).await;
    check("of another realm", &good.replace(&own.to_string(), &other.to_string()), false).await;
    check("with a later expiry", &later, false).await;
    check("cut", &good[..good.len() - 1], false).await;
    check("without signature", &good[..good.rfind('.').unwrap()], false).await;
    check("a realm alone", &own.to_string(), false).await;
    check("empty", "", false).await;
    check("nonsense", "..", false).await;
    // Names of the caller's own do not get between, wherever it lets names be looked for.
    client.batch_execute("CREATE TEMP TABLE context_key AS SELECT '\\x00'::bytea AS inner_pad, '\\x00'::bytea AS outer_pad; CREATE DOMAIN pg_temp.uuid AS text; CREATE DOMAIN pg_temp.int8 AS text").await.unwrap();
    client.batch_execute("CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1'; CREATE FUNCTION pg_temp.split_part(text, text, integer) RETURNS text LANGUAGE sql AS 'SELECT $1'").await.unwrap();
    for path in ["pg_temp, centre, public", "pg_temp, pg_catalog, centre, public", "centre, pg_temp, public, pg_catalog"] {
        client.batch_execute(&format!("SET search_path = {path}")).await.unwrap();
        check("good, under other names", &good, true).await;
        check("nonsense, under other names", "..", false).await;
        check("of another realm, under other names", &good.replace(&own.to_string(), &other.to_string()), false).await;
    }
    client.batch_execute("SET search_path = public").await.unwrap();
    let unset = client.query_one("SELECT centre.context()", &[]).await.unwrap();
    assert_eq!(unset.get::<_, Option<Uuid>>(0), None, "nothing was ever stated");
}

/// The service adds; it neither removes records nor changes what was received.
#[tokio::test]
async fn the_service_can_neither_rewrite_history_nor_reach_the_secret() {
    let ground = ground().await;
    let client = connect(&service(&ground.cluster)).await;
    let context = context(&ground.folder, realm(1).id, soon());
    let mut attempts: Vec<String> = ground.tables.iter().filter(|table| !table.starts_with("centre.")).map(|table| format!("DELETE FROM {table}")).collect();
    for sql in [
        "DELETE FROM centre.envelope", "UPDATE centre.envelope SET bytes = ''", "UPDATE centre.envelope SET hash = hash", "UPDATE centre.envelope SET received = 0", "UPDATE centre.news SET lines = ''",
        "DELETE FROM centre.realm", "DELETE FROM centre.journal", "DELETE FROM centre.device", "DELETE FROM centre.life", "TRUNCATE centre.news", "SELECT * FROM centre.context_key",
        "UPDATE centre.context_key SET inner_pad = outer_pad", "SET ROLE gladstone_owner", "CALL centre.protect()", "CREATE TABLE public.own (id uuid)", "CREATE TABLE centre.own (id uuid)",
        "CREATE SCHEMA own", "ALTER TABLE users DISABLE ROW LEVEL SECURITY", "DROP POLICY own_realm ON users", "CREATE POLICY all_of_it ON users USING (true)", "UPDATE refinery_schema_history SET version = 9",
    ] {
        attempts.push(sql.into());
    }
    for sql in attempts {
        client.batch_execute(&format!("BEGIN; SELECT set_config('app.ctx', '{context}', true)")).await.unwrap();
        let found = client.batch_execute(&sql).await;
        client.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(found.as_ref().err().and_then(|error| error.code()), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{sql}: {found:?}");
    }
    client.batch_execute("SET row_security = off").await.unwrap();
    let seen = client.query("SELECT FROM users", &[]).await;
    assert!(seen.is_err(), "row security cannot be put aside");
}

/// Whatever is taken away from the protection of any table is noticed by the matrix.
#[tokio::test]
async fn the_matrix_turns_red_when_any_protection_is_missing() {
    let ground = ground().await;
    let (admin, client) = (ground.cluster.connect().await.unwrap(), connect(&service(&ground.cluster)).await);
    let context = context(&ground.folder, realm(1).id, soon());
    let policy = "TO gladstone_app USING (realm = (SELECT centre.context())) WITH CHECK (realm = (SELECT centre.context()))";
    for table in &ground.tables {
        let without = [
            ("no policy", format!("DROP POLICY own_realm ON {table}")),
            ("no row-level security", format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")),
            ("a policy for reading that lets everything pass", format!("ALTER POLICY own_realm ON {table} USING (true)")),
            ("a policy for writing that lets everything pass", format!("ALTER POLICY own_realm ON {table} WITH CHECK (true)")),
            ("a second policy", format!("CREATE POLICY more ON {table} USING (true)")),
        ];
        for (what, sql) in without {
            admin.batch_execute(&sql).await.unwrap();
            assert!(!look(&client, table, &context).await.is_empty(), "{table} with {what} is not noticed");
            admin.batch_execute(&format!("DROP POLICY IF EXISTS more ON {table}; DROP POLICY IF EXISTS own_realm ON {table}; CREATE POLICY own_realm ON {table} {policy}; ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")).await.unwrap();
        }
        let wrong = look(&client, table, &context).await;
        assert!(wrong.is_empty(), "{table} is as before: {}", wrong.join("\n"));
    }
    for table in ["centre.realm", "centre.device", "centre.invite", "centre.session"] {
        admin.batch_execute(&format!("DROP POLICY read_by_owner ON {table}")).await.unwrap();
        assert!(!look_from_outside(&client).await.is_empty(), "{table} without its owner's policy is not noticed");
        admin.batch_execute(&format!("CREATE POLICY read_by_owner ON {table} FOR SELECT TO gladstone_owner USING (true)")).await.unwrap();
    }
    admin.batch_execute("DROP POLICY read_by_owner ON centre.context_key").await.unwrap();
    assert!(!look(&client, "users", &context).await.is_empty(), "without the secret no context is good");
}
