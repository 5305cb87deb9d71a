//! A centre of schema version 1 is brought to this version: no row is written, nobody is told anything,
//! and what laptops of version 1 send is read and taken as they signed it.

mod suite;

use std::collections::{BTreeMap, BTreeSet};

use gladstone_central::{Centre, Embedded, Engine, Machine, engine::{LogAsk, LogLine, log::{self, LogRecord}}, postgres::migrate};
use gladstone_model::{Unit, catalogue};
use gladstone_protocol::{RowsDigest, entry::Body, enrol::from_hex, seal, wire::RowKey};
use refinery::Runner;
use gladstone_testkit::{dice, older::Older, postgres::{Blocking, Cluster}};
use rusqlite::{Connection, types::ValueRef};
use suite::{admin, read, service, state};
use uuid::Uuid;

mod steps {
    refinery::embed_migrations!("../../migrations/postgres");
}

mod model_steps {
    refinery::embed_migrations!("../../migrations/sqlite");
}

mod centre_steps {
    refinery::embed_migrations!("../../migrations/centre-sqlite");
}

/// The tables of a store with all of their rows, each as one text; columns that version 1 does not have
/// are left out when they hold nothing but their default.
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
            let cells = names.iter().enumerate().map(|(at, name)| (name, row.get_ref(at).unwrap())).filter(|(name, value)| *value != ValueRef::Null && (name.as_str(), *value) != ("alone", ValueRef::Integer(1)));
            found.push(format!("{:?}", cells.collect::<Vec<_>>()));
        }
        found.sort();
        all.insert(table, found);
    }
    all
}

/// The log of version 1, by commit number and place.
fn lines(connection: &Connection) -> Vec<LogLine> {
    let mut statement = connection.prepare("SELECT place, unit, entity, id, mutation, news FROM centre_log ORDER BY place").unwrap();
    let line = |row: &rusqlite::Row<'_>| {
        let (place, unit): (i64, [u8; 17]) = (row.get(0)?, row.get(1)?);
        let id = |at: usize| Ok::<_, rusqlite::Error>(Uuid::from_bytes(row.get(at)?));
        Ok(LogLine { g: place as u64 >> 20, at: (place & 0xf_ffff) as u32, unit: Unit::from_bytes(&unit).unwrap(), key: RowKey { entity: row.get(2)?, id: id(3)? }, mutation: id(4)?, news: row.get(5)?, shift: None })
    };
    statement.query_map([], line).unwrap().map(Result::unwrap).collect()
}

#[test]
fn the_store_of_a_practice_gets_its_columns_and_says_nothing_to_anybody() {
    let older = Older::of(1);
    let realm = older.id("realm");
    let file = older.centre().join("realms").join(format!("{realm}.sqlite"));
    let before = rows(&Connection::open(&file).unwrap());
    assert!(before["centre_log"].len() > 30 && before["appointments"].len() == 6, "there is something to keep");
    let told = lines(&Connection::open(&file).unwrap());
    assert_eq!((told.len(), told.iter().map(|line| line.g).max()), (before["centre_log"].len(), Some(39)));
    let engine = Embedded::open(&older.centre().join("realms")).unwrap();
    let units: BTreeSet<Unit> = told.iter().map(|line| line.unit).collect();
    let all = read(&engine, realm, |shelf| shelf.log(&LogAsk { after_g: 0, to_g: 39, units: &units, bytes: usize::MAX, lines: usize::MAX }).unwrap().lines);
    assert_eq!(all, told, "the log was put together, and says the same in the same order");
    let centre = Centre::open(Box::new(engine), std::sync::Arc::new(Machine::default())).unwrap();
    assert_eq!(centre.head(realm).unwrap(), 39);
    assert_eq!(centre.verify_audit(realm, &mut |_, _| true).unwrap().faults, [], "sums and chains are as they were");
    drop(centre);
    let connection = Connection::open(&file).unwrap();
    let after = rows(&connection);
    for (table, rows) in &before {
        // How long laptops may work without contact is a setting that came since; it has its default. The
        // log has another form.
        if table != "centre_realm" && table != "centre_log" {
            assert!(after[table] == *rows, "{table}: every row is as it was, and no other");
        }
    }
    let columns: Vec<String> = connection.prepare("SELECT name FROM pragma_table_info('appointments')").unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(columns.ends_with(&["series_id".to_owned(), "travel_minutes".to_owned()]), "{columns:?}");
}

#[test]
fn the_moves_of_sums_in_the_log_of_a_store_are_kept_when_it_is_put_together() {
    let older = Older::of(1);
    let realm = older.id("realm");
    let file = older.centre().join("realms").join(format!("{realm}.sqlite"));
    let mut connection = Connection::open(&file).unwrap();
    let model = model_steps::migrations::runner().get_migrations().clone().into_iter().filter(|step| step.name().starts_with("entities"));
    let mut known: Vec<_> = model.chain(centre_steps::migrations::runner().get_migrations().clone()).collect();
    known.sort();
    let before: Vec<_> = known.into_iter().take_while(|step| step.name() != "news").collect();
    Runner::new(&before).set_grouped(true).run(&mut connection).unwrap();
    // The centre of then noted a move on the first line that a mutation has about a unit; V4 asks for one of them.
    let (mut told, mut moves) = (lines(&connection), BTreeMap::new());
    for line in told.iter().filter(|line| line.g > 10) {
        let of_it = |other: &&LogLine| (other.g, other.unit) == (line.g, line.unit);
        let at = if line.g.is_multiple_of(3) { told.iter().rfind(of_it) } else { told.iter().find(of_it) }.unwrap().at;
        moves.insert((line.g, line.unit), (at, [line.g as u8 ^ line.unit.id.as_bytes()[15]; 32]));
    }
    for ((g, _), (at, digest)) in &moves {
        let changed = connection.execute("UPDATE centre_log SET shift = ?1 WHERE place = ?2", rusqlite::params![digest, (*g as i64) << 20 | i64::from(*at)]).unwrap();
        assert_eq!(changed, 1);
    }
    assert!(moves.len() > 20 && moves.len() < told.len(), "{} moves on {} lines", moves.len(), told.len());
    drop(connection);
    let engine = Embedded::open(&older.centre().join("realms")).unwrap();
    let digest = |bytes: &[u8; 32]| postcard::from_bytes::<RowsDigest>(bytes).unwrap();
    let units: BTreeSet<Unit> = told.iter().map(|line| line.unit).collect();
    let all = read(&engine, realm, |shelf| shelf.log(&LogAsk { after_g: 0, to_g: 39, units: &units, bytes: usize::MAX, lines: usize::MAX }).unwrap().lines);
    let found: BTreeMap<_, _> = all.iter().filter_map(|line| Some(((line.g, line.unit), line.shift?))).collect();
    assert_eq!(found, moves.iter().map(|(place, (_, bytes))| (*place, digest(bytes))).collect(), "each move, once, with its mutation and unit");
    told.iter_mut().for_each(|line| line.shift = None);
    let bare: Vec<LogLine> = all.into_iter().map(|line| LogLine { shift: None, ..line }).collect();
    assert_eq!(bare, told, "and every line as it was");
    let since = read(&engine, realm, |shelf| shelf.shifts(20, 30).unwrap());
    let mut since: Vec<_> = since.into_iter().map(|(unit, shift)| (unit, postcard::to_stdvec(&shift).unwrap())).collect();
    let mut expected: Vec<_> = moves.iter().filter(|((g, _), _)| (21..=30).contains(g)).map(|((_, unit), (_, bytes))| (*unit, bytes.to_vec())).collect();
    since.sort();
    expected.sort();
    assert_eq!(since, expected, "which is what brings a sum forward");
}

/// A database as it was before a step of its schema, by name.
fn database_before(cluster: &Cluster, step: &str) -> Blocking {
    let database = Blocking::connect(&admin(cluster)).unwrap();
    database.run("CREATE TABLE public.refinery_schema_history (version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255))").unwrap();
    let mut known = steps::migrations::runner().get_migrations().clone();
    known.sort();
    let until = known.iter().position(|known| known.name() == step).unwrap();
    for step in &known[..until] {
        database.run(step.sql().unwrap()).unwrap();
        database.run(&format!("INSERT INTO public.refinery_schema_history VALUES ({}, '{}', '', '{}')", step.version(), step.name(), step.checksum())).unwrap();
    }
    database
}

#[test]
fn a_database_of_version_1_gets_its_columns_and_the_longer_list_and_says_nothing_to_anybody() {
    let (cluster, folder) = (Cluster::start().unwrap(), tempfile::tempdir().unwrap());
    // Version 1 had the two steps in front of this one.
    let database = database_before(&cluster, "lease");
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
    let told: i64 = database.query("SELECT (SELECT count(*) FROM centre.news) + (SELECT count(*) FROM centre.envelope)").unwrap()[0].get(0);
    assert_eq!(told, 0, "not a line of the log");
    database.run(&insert(count + 1, 1, "no_show")).unwrap();
    assert!(database.run(&insert(count + 2, 1, "whatever")).is_err(), "the list is still closed");
    gladstone_central::Postgres::open(&gladstone_central::postgres::Settings::new(&service(&cluster), &state(folder.path()))).unwrap();
}

/// A log of two organizations as it was kept before its records: with and without moves of sums, news of
/// every length, lines of several units in turn.
fn older_log() -> Vec<(Uuid, LogLine)> {
    let mut lines = Vec::new();
    for (realm, g) in (1..=40).flat_map(|g| [(suite::realm(1).id, g), (suite::realm(2).id, g)]) {
        let count = 1 + (g * 7 % 12) as u32;
        let mut moved = BTreeSet::new();
        for at in 0..count {
            let unit = suite::samples::person(1 + u64::from(at) % 3);
            let shift = (g > 10 && moved.insert(unit)).then(|| postcard::from_bytes(&[g as u8; 32]).unwrap());
            let news = (0..at * at * 9).map(|byte| byte as u8).collect();
            lines.push((realm, LogLine { g, at, unit, key: RowKey { entity: 1 + (at * 31) as u16, id: suite::id(11, u64::from(at)) }, mutation: suite::id(7, g), news, shift }));
        }
    }
    lines
}

#[test]
fn the_log_of_a_database_is_put_together_and_says_the_same() {
    let (cluster, folder) = (Cluster::start().unwrap(), tempfile::tempdir().unwrap());
    let database = database_before(&cluster, "news");
    let hex = |bytes: &[u8]| format!("'\\x{}'", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let all = older_log();
    let value = |(realm, line): &(Uuid, LogLine)| {
        let shift = line.shift.map_or("NULL".to_owned(), |shift| hex(&postcard::to_stdvec(&shift).unwrap()));
        format!("('{realm}', {}, {}, {}, {}, '{}', '{}', {}, {shift})", line.g, line.at, hex(&line.unit.to_bytes()), line.key.entity, line.key.id, line.mutation, hex(&line.news))
    };
    let values: Vec<String> = all.iter().map(value).collect();
    database.run(&format!("INSERT INTO centre.log (realm, g, at, unit, entity, id, mutation, news, shift) VALUES {}", values.join(", "))).unwrap();
    migrate(&admin(&cluster), &state(folder.path())).unwrap();
    let record = |row: &tokio_postgres::Row| {
        let shift = row.get::<_, Option<Vec<u8>>>(5).map(|bytes| postcard::from_bytes(&bytes).unwrap());
        let record = LogRecord { g: row.get::<_, i64>(1) as u64, at: row.get::<_, i32>(2) as u32, unit: Unit::from_bytes(&row.get::<_, Vec<u8>>(3)).unwrap(), mutation: row.get(4), shift, lines: row.get(6) };
        log::told(record).unwrap().into_iter().map(|line| (row.get(0), line)).collect::<Vec<(Uuid, LogLine)>>()
    };
    let rows = database.query("SELECT realm, g, at, unit, mutation, shift, lines FROM centre.news").unwrap();
    assert!(rows.len() < all.len() / 2, "{} records of {} lines", rows.len(), all.len());
    let mut told: Vec<(Uuid, LogLine)> = rows.iter().flat_map(record).collect();
    told.sort_by_key(|(realm, line)| (line.g, *realm, line.at));
    let mut expected = all;
    expected.sort_by_key(|(realm, line)| (line.g, *realm, line.at));
    assert_eq!(told, expected, "every line, in its place");
    gladstone_central::Postgres::open(&gladstone_central::postgres::Settings::new(&service(&cluster), &state(folder.path()))).unwrap();
}

#[test]
fn the_rows_of_each_unit_are_found_in_a_database_that_kept_a_list_of_them() {
    let (cluster, folder) = (Cluster::start().unwrap(), tempfile::tempdir().unwrap());
    let database = database_before(&cluster, "units");
    // Two organizations with the same units in two tables, as they lay there.
    for realm in [1, 2].map(|number| suite::realm(number).id) {
        for (table, columns, values) in [("roles", "code, name, permissions, is_system", "'rater', 'Rater', '[]', false"), ("user_preferences", "user_id, preferences", "gen_random_uuid(), '{}'")] {
            let entity = catalogue().get(table).unwrap();
            for number in 0..60 {
                let (id, unit) = (suite::id(11, number), suite::samples::person(number % 2).to_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>());
                database.run(&format!("INSERT INTO {table} (realm, id, {columns}, created_at, updated_at, unit_id, row_mid) VALUES ('{realm}', '{id}', {values}, now(), now(), '\\x{unit}', gen_random_uuid());
                    INSERT INTO centre.unit_row VALUES ('{realm}', '\\x{unit}', {}, '{id}')", entity.no)).unwrap();
            }
        }
    }
    migrate(&admin(&cluster), &state(folder.path())).unwrap();
    let engine = suite::open(&cluster, folder.path());
    for new in [1, 2].map(suite::realm) {
        engine.found(&new).unwrap();
        for unit in [0, 1] {
            let rows = read(&engine, new.id, |shelf| shelf.unit_rows(suite::samples::person(unit), None, 1_000, usize::MAX).unwrap().rows);
            let found: Vec<(&str, u64)> = rows.iter().map(|state| (state.row.entity.name.as_str(), (state.row.id().as_u128() & 0xffff_ffff) as u64)).collect();
            let mut expected: Vec<(u16, &str, u64)> = ["roles", "user_preferences"].iter().flat_map(|name| (0..60).filter(|number| number % 2 == unit).map(|number| (catalogue().get(name).unwrap().no, *name, number))).collect();
            expected.sort_unstable();
            assert_eq!(found, expected.into_iter().map(|(_, name, number)| (name, number)).collect::<Vec<_>>(), "in the order of pages");
        }
    }
    let missing = "SELECT count(*) FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'unit_id' WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
        AND NOT EXISTS (SELECT FROM pg_indexes AS i WHERE i.tablename = c.relname AND i.indexdef LIKE '%(realm, unit_id, id)')";
    assert_eq!(database.query(missing).unwrap()[0].get::<_, i64>(0), 0, "every table has its index");
}

#[test]
fn indexes_of_a_database_are_made_anew_without_rows_that_have_no_value_and_find_the_others() {
    let (cluster, folder) = (Cluster::start().unwrap(), tempfile::tempdir().unwrap());
    let database = database_before(&cluster, "sparse");
    let names = || -> Vec<String> { database.query("SELECT indexname::text FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1").unwrap().iter().map(|row| row.get(0)).collect() };
    let before = names();
    migrate(&admin(&cluster), &state(folder.path())).unwrap();
    assert_eq!(names(), before, "each under its name");
    let check = |index: &str, sparse: bool| {
        let rows = database.query(&format!("SELECT indpred IS NOT NULL FROM pg_index WHERE indexrelid = '{index}'::regclass")).unwrap();
        assert_eq!(rows[0].get::<_, bool>(0), sparse, "{index}");
    };
    check("responses_assignment_id_idx", true);
    check("responses_created_at_idx", false);
    check("questionnaires_organization_id_status_idx", false);
    check("responses_of_unit_idx", false);
    // What the service asks of a column that is mostly empty.
    database.run("SET enable_seqscan = off").unwrap();
    let plan = database.query("EXPLAIN SELECT id FROM public.responses WHERE realm = gen_random_uuid() AND assignment_id = gen_random_uuid()").unwrap();
    let plan: String = plan.iter().map(|line| line.get::<_, String>(0)).collect();
    assert!(plan.contains("responses_assignment_id_idx"), "{plan}");
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
