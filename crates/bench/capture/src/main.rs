//! What it costs to capture changes: the same responses and corrections written in the same
//! batches to the same tables, five ways, in turn. Prints one JSON object a line, with the
//! microseconds a response of each slice. Started by `gladstone-bench`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../../src/floor.rs"]
#[allow(dead_code)]
mod floor;
#[path = "../../src/place.rs"]
#[allow(dead_code)]
mod place;
#[path = "../../src/workload_rows.rs"]
#[allow(dead_code)]
mod workload_rows;

mod patches;
mod session;

use std::{path::PathBuf, process::ExitCode, time::Instant};

use gladstone_desk::{DeskError, instruments};
use gladstone_protocol::RowState;
use gladstone_store::Reader;
use gladstone_vault::{custody, database, keys::root_key::RootKey};
use rusqlite::{Connection, types::Value};
use uuid::Uuid;

use floor::{Raw, insert_sql, read_raw};
use place::{PASSPHRASE, Place, root_key, surrounding, text};

const SLICE: u32 = 100;
const PERSONS: u32 = 200;
/// What is corrected in one answer of every response.
const CORRECTION: &str = "UPDATE answers SET value = '3', score = 30000 WHERE id = ?1";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let responses = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "target".into()));
    match run(responses, &folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// One response as it lies in the file, and as the model sees it.
pub struct Written {
    rows: Vec<(bool, Raw)>,
    stored: Vec<RowState>,
    corrected: Uuid,
}

/// A raw file of one way.
struct Subject {
    way: Way,
    connection: Connection,
    microseconds: Vec<f64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    None,
    Session,
    Triggers,
    Patches,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Way::None => "none",
            Way::Session => "session extension, changeset kept",
            Way::Triggers => "triggers that copy OLD and NEW",
            Way::Patches => "patches from typed writes, kept (what the vault does)",
        }
    }
}

fn run(responses: u32, folder: &std::path::Path) -> Result<(), String> {
    let place = Place::new(folder)?;
    let (vault, _) = custody::create(&place.root().join("vault"), "Bench", PASSPHRASE, Uuid::from_u128(7), &surrounding()).map_err(text)?;
    let (persons, _) = vault.vault.commit("bench.prepare", |tx| {
        tx.create("users", [("id", Uuid::from_u128(7).into()), ("name", "Amara Bench".into()), ("role", "therapist".into()), ("account_status", "active".into())])?;
        instruments::install(tx)?;
        (0..PERSONS).map(|number| workload_rows::person(tx, number)).collect::<Result<Vec<_>, DeskError>>()
    }).map_err(|error: DeskError| error.message)?;
    let reader = database::open_reader(&vault.folder.database(), &root_key(&vault.folder)?.database()).map_err(text)?;
    let ways = [Way::None, Way::Session, Way::Triggers, Way::Patches];
    let mut subjects = ways.iter().enumerate().map(|(at, way)| subject(*way, &place.root().join(format!("{at}.db")))).collect::<Result<Vec<_>, _>>()?;
    let mut whole = Vec::new();
    let instrument = workload_rows::instrument()?;
    for from in (0..responses).step_by(SLICE as usize) {
        let numbers = from..(from + SLICE).min(responses);
        let mut ids = Vec::new();
        let ready: Vec<_> = numbers.map(|number| workload_rows::ready(instrument, number, persons[(number % PERSONS) as usize])).collect();
        let start = Instant::now();
        vault.vault.batch(|batch| {
            for ready in ready {
                ids.push(batch.commit("bench.response", |tx| workload_rows::response(tx, ready))?.0);
            }
            Ok::<_, DeskError>(())
        }).map_err(|error| error.message)?;
        let writing = start.elapsed();
        let written = ids.iter().map(|id| read(&reader, *id)).collect::<Result<Vec<_>, _>>()?;
        let start = Instant::now();
        vault.vault.batch(|batch| {
            for response in &written {
                batch.commit("bench.correct", |tx| tx.update("answers", response.corrected, [("value", serde_json::json!(3).into()), ("score", rust_decimal::Decimal::from(3).into())]))?;
            }
            Ok::<_, DeskError>(())
        }).map_err(|error| error.message)?;
        whole.push((writing + start.elapsed()).as_secs_f64() * 1e6 / written.len() as f64);
        // Another order in every slice, so that none always follows the same one.
        let shift = (from / SLICE) as usize % subjects.len();
        for at in 0..subjects.len() {
            let place = (at + shift) % subjects.len();
            if let Some(subject) = subjects.get_mut(place) {
                subject.write(&written)?;
            }
        }
    }
    for subject in subjects {
        println!("{}", serde_json::json!({ "name": subject.way.name(), "microseconds": subject.microseconds }));
    }
    println!("{}", serde_json::json!({ "name": "the whole commit: validation, patches, digest, signature, chain", "microseconds": whole }));
    Ok(())
}

fn read(connection: &Connection, id: Uuid) -> Result<Written, String> {
    let bytes = [Value::Blob(id.as_bytes().to_vec())];
    let response = read_raw(connection, "SELECT * FROM responses WHERE id = ?1", &bytes)?;
    let answers = read_raw(connection, "SELECT * FROM answers WHERE response_id = ?1", &bytes)?;
    let reader = Reader::new(connection);
    let catalogue = gladstone_model::catalogue();
    let known = |name: &str| catalogue.get(name).ok_or_else(|| format!("no entity {name}"));
    let mut stored = vec![reader.stored(known("responses")?, id).map_err(text)?.ok_or("the response is gone")?];
    for answer in reader.list("answers", &gladstone_store::Query::by("response_id", id)).map_err(text)? {
        stored.push(reader.stored(known("answers")?, answer.id()).map_err(text)?.ok_or("the answer is gone")?);
    }
    let corrected = stored.last().map(|row| row.row.id()).ok_or("no answer")?;
    Ok(Written { rows: response.into_iter().map(|row| (true, row)).chain(answers.into_iter().map(|row| (false, row))).collect(), stored, corrected })
}

fn subject(way: Way, path: &std::path::Path) -> Result<Subject, String> {
    let key = RootKey::generate().map_err(text)?.database();
    let mut connection = database::open_writer(path, &key).map_err(text)?;
    connection.set_prepared_statement_cache_capacity(512);
    gladstone_store::migrate::migrate(&mut connection).map_err(text)?;
    connection.execute_batch("CREATE TABLE captured (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT").map_err(text)?;
    if way == Way::Triggers {
        for table in ["responses", "answers"] {
            connection.execute_batch(&triggers(&connection, table)?).map_err(text)?;
        }
    }
    Ok(Subject { way, connection, microseconds: Vec::new() })
}

/// A change table with the columns before and after, and the triggers that fill it.
fn triggers(connection: &Connection, table: &str) -> Result<String, String> {
    let mut statement = connection.prepare(&format!("SELECT name FROM pragma_table_info('{table}')")).map_err(text)?;
    let names: Vec<String> = statement.query_map([], |row| row.get(0)).map_err(text)?.collect::<rusqlite::Result<_>>().map_err(text)?;
    let list = |prefix: &str| names.iter().map(|name| format!("{prefix}{name}")).collect::<Vec<_>>().join(", ");
    let (old, new) = (list("old_"), list("new_"));
    Ok(format!(
        "CREATE TABLE {table}_changes (seq INTEGER PRIMARY KEY, op TEXT NOT NULL, {old}, {new});
         CREATE TRIGGER {table}_insert AFTER INSERT ON {table} BEGIN INSERT INTO {table}_changes (op, {new}) VALUES ('insert', {}); END;
         CREATE TRIGGER {table}_update AFTER UPDATE ON {table} BEGIN INSERT INTO {table}_changes (op, {old}, {new}) VALUES ('update', {}, {}); END;",
        list("NEW."), list("OLD."), list("NEW.")
    ))
}

impl Subject {
    /// Writes a slice and then its corrections, each in one transaction that captures one change
    /// a response, and notes the time.
    fn write(&mut self, written: &[Written]) -> Result<(), String> {
        let columns = |wanted: bool| written.iter().flat_map(|response| &response.rows).find(|(response, _)| *response == wanted).map_or(0, |(_, row)| row.len());
        let (response_sql, answer_sql) = (insert_sql("responses", columns(true)), insert_sql("answers", columns(false)));
        let connection = &self.connection;
        let start = Instant::now();
        execute(connection, "BEGIN IMMEDIATE", &[])?;
        for response in written {
            self.captured(|| {
                for (is_response, row) in &response.rows {
                    execute(connection, if *is_response { &response_sql } else { &answer_sql }, row)?;
                }
                Ok(())
            }, || patches::created(response))?;
        }
        execute(connection, "COMMIT", &[])?;
        execute(connection, "BEGIN IMMEDIATE", &[])?;
        for response in written {
            let id = vec![Value::Blob(response.corrected.as_bytes().to_vec())];
            self.captured(|| execute(connection, CORRECTION, &id), || patches::corrected(connection, response))?;
        }
        execute(connection, "COMMIT", &[])?;
        self.microseconds.push(start.elapsed().as_secs_f64() * 1e6 / written.len() as f64);
        Ok(())
    }

    /// Writes and keeps the change, the way of this subject. `patch` gives the typed patch.
    fn captured(&self, write: impl FnOnce() -> Result<(), String>, patch: impl FnOnce() -> Result<Vec<u8>, String>) -> Result<(), String> {
        let keep = |bytes: Vec<u8>| execute(&self.connection, "INSERT INTO captured (bytes) VALUES (?1)", &[Value::Blob(bytes)]);
        match self.way {
            Way::None | Way::Triggers => write(),
            Way::Patches => {
                // Before the write: a patch of a row that stands needs what stood there.
                let bytes = patch()?;
                write()?;
                keep(bytes)
            }
            Way::Session => {
                let session = session::Session::begin(&self.connection)?;
                write()?;
                let bytes = session.changeset()?;
                drop(session);
                keep(bytes)
            }
        }
    }
}

fn execute(connection: &Connection, sql: &str, row: &[Value]) -> Result<(), String> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(rusqlite::params_from_iter(row))).map(|_| ()).map_err(text)
}
