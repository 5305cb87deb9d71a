//! A centre of schema version 1 is brought to this version: no row is written, nobody is told anything,
//! and what laptops of version 1 send is read and taken as they signed it.

mod suite;

use std::collections::BTreeMap;

use gladstone_central::{Centre, Embedded, Machine, postgres::migrate};
use gladstone_model::catalogue;
use gladstone_protocol::{entry::Body, enrol::from_hex, seal};
use gladstone_testkit::{dice, older::Older, postgres::{Blocking, Cluster}};
use rusqlite::Connection;
use suite::{admin, service, state};

mod steps {
    refinery::embed_migrations!("../../migrations/postgres");
}

/// The tables of a store with all of their rows, each as one text; columns that version 1 does not have
/// are left out when they hold nothing.
fn rows(connection: &Connection) -> BTreeMap<String, Vec<String>> {
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' AND name <> 'refinery_schema_history'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut all = BTreeMap::new();
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut found = Vec::new();
        let mut read = statement.query([]).unwrap();
        while let Some(row) = read.next().unwrap() {
            let cells = names.iter().enumerate().map(|(at, name)| (name, row.get_ref(at).unwrap())).filter(|(_, value)| *value != rusqlite::types::ValueRef::Null);
            found.push(format!("{:?}", cells.collect::<Vec<_>>()));
        }
        found.sort();
        all.insert(table, found);
    }
    all
}

#[test]
fn the_store_of_a_practice_gets_its_columns_and_says_nothing_to_anybody() {
    let older = Older::of(1);
    let realm = older.id("realm");
    let file = older.centre().join("realms").join(format!("{realm}.sqlite"));
    let before = rows(&Connection::open(&file).unwrap());
    assert!(before["centre_log"].len() > 30 && before["appointments"].len() == 6, "there is something to keep");
    let centre = Centre::open(Box::new(Embedded::open(&older.centre().join("realms")).unwrap()), std::sync::Arc::new(Machine::default())).unwrap();
    assert_eq!(centre.head(realm).unwrap(), 39);
    assert_eq!(centre.verify_audit(realm, &mut |_, _| true).unwrap().faults, [], "sums and chains are as they were");
    drop(centre);
    let connection = Connection::open(&file).unwrap();
    let after = rows(&connection);
    for (table, rows) in &before {
        // How long laptops may work without contact is a setting that came since; it has its default.
        if table != "centre_realm" {
            assert!(after[table] == *rows, "{table}: every row is as it was, and no other");
        }
    }
    let columns: Vec<String> = connection.prepare("SELECT name FROM pragma_table_info('appointments')").unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(columns.ends_with(&["series_id".to_owned(), "travel_minutes".to_owned()]), "{columns:?}");
}

#[test]
fn a_database_of_version_1_gets_its_columns_and_the_longer_list_and_says_nothing_to_anybody() {
    let (cluster, folder) = (Cluster::start().unwrap(), tempfile::tempdir().unwrap());
    let database = Blocking::connect(&admin(&cluster)).unwrap();
    database.run("CREATE TABLE public.refinery_schema_history (version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255))").unwrap();
    let mut known = steps::migrations::runner().get_migrations().clone();
    known.sort();
    // Version 1 had two steps.
    for step in &known[..2] {
        database.run(step.sql().unwrap()).unwrap();
        database.run(&format!("INSERT INTO public.refinery_schema_history VALUES ({}, '{}', '', '{}')", step.version(), step.name(), step.checksum())).unwrap();
    }
    let count = dice::size(10_000, 1_000_000);
    let realm = suite::realm(1).id;
    let insert = |from: usize, count: usize, status: &str| format!("INSERT INTO appointments (realm, id, title, start_time, end_time, status, reminder_sent, created_at, updated_at, unit_id, row_mid)
        SELECT '{realm}', md5(n::text)::uuid, 'Session', now(), now(), '{status}', false, now(), now(), decode(repeat('00', 17), 'hex'), gen_random_uuid() FROM generate_series({from}, {}) AS n", from + count - 1);
    database.run(&insert(1, count, "completed")).unwrap();
    assert!(database.run(&insert(count + 1, 1, "no_show")).is_err(), "version 1 does not know it");
    let sum = "SELECT md5(string_agg(id::text || title || status || row_mid::text || start_time::text || updated_at::text, ',' ORDER BY id)), count(*) FROM appointments WHERE series_id IS NULL AND travel_minutes IS NULL";
    let before: (String, i64) = {
        let row = &database.query(&sum.replace("WHERE series_id IS NULL AND travel_minutes IS NULL", "")).unwrap()[0];
        (row.get(0), row.get(1))
    };
    let applied = migrate(&admin(&cluster), &state(folder.path())).unwrap();
    assert!(applied.iter().any(|step| step.contains("entities_2")), "{applied:?}");
    let row = &database.query(sum).unwrap()[0];
    assert_eq!((row.get::<_, String>(0), row.get::<_, i64>(1)), before, "every row is as it was");
    assert_eq!(before.1, count as i64);
    let told: i64 = database.query("SELECT (SELECT count(*) FROM centre.log) + (SELECT count(*) FROM centre.envelope)").unwrap()[0].get(0);
    assert_eq!(told, 0, "not a line of the log");
    database.run(&insert(count + 1, 1, "no_show")).unwrap();
    assert!(database.run(&insert(count + 2, 1, "whatever")).is_err(), "the list is still closed");
    gladstone_central::Postgres::open(&gladstone_central::postgres::Settings::new(&service(&cluster), &state(folder.path()))).unwrap();
}

#[test]
fn what_laptops_of_version_1_signed_is_read_to_the_letter() {
    let text = include_str!("../../../tests/fixtures/v1/entries.txt");
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let bytes = |text: &str| -> Vec<u8> { (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect() };
    let key: [u8; 32] = from_hex(lines.next().unwrap().strip_prefix("key ").unwrap()).unwrap();
    let mut seen = 0;
    for line in lines {
        let [command, entry, hash, signature] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (entry, hash, signature) = (bytes(entry), bytes(hash), bytes(signature));
        let opened = seal::open(&entry, &hash, &signature, &key).unwrap_or_else(|fault| panic!("{command}: {fault}"));
        assert_eq!(opened.to_bytes().unwrap(), entry, "{command}: one meaning has one form, still");
        let Body::Mutation(mutation) = opened.body else { panic!("{command} is no mutation") };
        assert_eq!((mutation.command.as_str(), mutation.schema_version), (command, 1));
        for op in &mutation.ops {
            let entity = catalogue().by_no(op.entity).unwrap_or_else(|| panic!("{command}: entity {} is still there", op.entity));
            assert_eq!(entity.since, 1);
        }
        seen += 1;
    }
    assert_eq!(seen, 11, "every kind of command that waited");
}
