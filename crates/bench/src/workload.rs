//! Workload W through the commit path, beside the raw floor, slice by slice on the same disk:
//! in batches, and one response a transaction.

use std::{path::Path, time::{Duration, Instant}};

use gladstone_desk::{DeskError, instruments};
use gladstone_vault::{Unlocked, custody, database};
use rusqlite::types::Value;
use uuid::Uuid;

use crate::{
    floor::{Floor, Raw, Write, insert_sql, read_raw},
    place::{PASSPHRASE, Place, root_key, surrounding, text},
    report::{Line, Report, Samples, Target},
    workload_rows::{self, Ready},
};

/// Responses of one slice; a batch is one slice.
pub const SLICE: u32 = 100;
/// Persons who answer.
pub const PERSONS: u32 = 200;
/// Rounds with fresh files.
const ROUNDS: u32 = 3;

/// Measures W in batches, and the size of the file.
///
/// # Errors
/// What the vault or the disk says.
pub fn batched(place: &Place, responses: u32, report: &mut Report) -> Result<(), String> {
    println!("\nworkload W in batches: {responses} responses with 9 answers each");
    let (mut subject, mut floor, mut ratios) = (Samples::default(), Samples::default(), Samples::default());
    let (mut size, mut floor_size) = (Samples::default(), Samples::default());
    for round in 0..ROUNDS {
        let times = run(&place.fresh(&format!("batched-{round}"))?, responses, true)?;
        subject.push(times.subject.as_secs_f64());
        floor.push(times.floor.as_secs_f64());
        ratios.push(times.subject.as_secs_f64() / times.floor.as_secs_f64());
        println!("  an entry of the chain takes {:.0} bytes", times.entry_bytes);
        size.push(times.subject_mb);
        floor_size.push(times.floor_mb);
    }
    let mut line = Line::new(format!("W in batches of {SLICE} responses"), "s", &subject, Target::Ratio(2.5)).beside(&floor);
    // Each round against its own floor, so that a neighbour's load cancels out.
    line.ratio = Some(ratios.median());
    report.add(line);
    report.add(Line::new("size of the file after W", "MB", &size, Target::None).beside(&floor_size));
    Ok(())
}

/// Measures W with one response a transaction.
///
/// # Errors
/// What the vault or the disk says.
pub fn single(place: &Place, responses: u32, report: &mut Report) -> Result<(), String> {
    println!("\nworkload W, one response a transaction: {responses} responses with 9 answers each");
    let times = run(&place.fresh("single")?, responses, false)?;
    report.add(Line::new("W, one response a transaction, synchronous=FULL", "ms", &times.each, Target::Ratio(1.5)).with_p99(&times.each).beside(&times.each_floor));
    Ok(())
}

struct Times {
    subject: Duration,
    floor: Duration,
    each: Samples,
    each_floor: Samples,
    entry_bytes: f64,
    subject_mb: f64,
    floor_mb: f64,
}

/// Writes W to a fresh vault and the very same rows to a fresh raw file, slice by slice in turn.
fn run(folder: &Path, responses: u32, batched: bool) -> Result<Times, String> {
    let vault_folder = folder.join("vault");
    let (unlocked, _) = custody::create(&vault_folder, "Bench", PASSPHRASE, Uuid::from_u128(7), &surrounding()).map_err(text)?;
    let persons = prepare(&unlocked)?;
    let raw = database::open_reader(&unlocked.folder.database(), &root_key(&unlocked.folder)?.database()).map_err(text)?;
    let floor_path = folder.join("floor.db");
    let floor = Floor::new(&floor_path)?;
    let instrument = workload_rows::instrument()?;
    let mut times = Times { subject: Duration::ZERO, floor: Duration::ZERO, each: Samples::default(), each_floor: Samples::default(), entry_bytes: 0.0, subject_mb: 0.0, floor_mb: 0.0 };
    for from in (0..responses).step_by(SLICE as usize) {
        let numbers = from..(from + SLICE).min(responses);
        let mut written = Vec::new();
        // The values are made before the clock runs, for the vault as for the floor.
        let ready: Vec<Ready> = numbers.map(|number| workload_rows::ready(instrument, number, persons[(number % PERSONS) as usize])).collect();
        if batched {
            let start = Instant::now();
            unlocked.vault.batch(|batch| {
                for ready in ready {
                    written.push(batch.commit("bench.response", |tx| workload_rows::response(tx, ready))?.0);
                }
                Ok::<_, DeskError>(())
            }).map_err(|error| error.message)?;
            times.subject += start.elapsed();
        } else {
            for ready in ready {
                let start = Instant::now();
                let (id, _) = unlocked.vault.commit("bench.response", |tx| workload_rows::response(tx, ready)).map_err(|error: DeskError| error.message)?;
                times.each.push_ms(start.elapsed());
                written.push(id);
            }
        }
        write_floor(&raw, &floor, &written, batched, &mut times)?;
    }
    unlocked.vault.checkpoint().map_err(text)?;
    let entry: f64 = raw.query_row("SELECT avg(length(bytes)) FROM chain WHERE dseq > 1", [], |row| row.get(0)).map_err(text)?;
    times.entry_bytes = entry;
    times.subject_mb = megabytes(&unlocked.folder.database());
    times.floor_mb = megabytes(&floor_path);
    drop(raw);
    unlocked.lock().map_err(text)?;
    std::fs::remove_dir_all(folder).map_err(text)?;
    Ok(times)
}

/// Reads back what the vault wrote, and writes the same to the floor.
fn write_floor(raw: &rusqlite::Connection, floor: &Floor, written: &[Uuid], batched: bool, times: &mut Times) -> Result<(), String> {
    // Whether it is a response, and the row.
    let mut rows: Vec<Vec<(bool, Raw)>> = Vec::with_capacity(written.len());
    for id in written {
        let id = [Value::Blob(id.as_bytes().to_vec())];
        let response = read_raw(raw, "SELECT * FROM responses WHERE id = ?1", &id)?;
        let answers = read_raw(raw, "SELECT * FROM answers WHERE response_id = ?1", &id)?;
        if (response.len(), answers.len()) != (1, 9) {
            return Err(format!("{} responses with {} answers instead of 1 with 9", response.len(), answers.len()));
        }
        rows.push(response.into_iter().map(|row| (true, row)).chain(answers.into_iter().map(|row| (false, row))).collect());
    }
    let columns = |wanted: bool| rows.iter().flatten().find(|(response, _)| *response == wanted).map_or(0, |(_, row)| row.len());
    let (response_sql, answer_sql) = (insert_sql("responses", columns(true)), insert_sql("answers", columns(false)));
    let write = |(response, row)| Write { sql: if response { &response_sql } else { &answer_sql }, row };
    if batched {
        let start = Instant::now();
        floor.write(rows.iter().flatten().map(|(response, row)| write((*response, row))))?;
        times.floor += start.elapsed();
        return Ok(());
    }
    for rows in &rows {
        let start = Instant::now();
        floor.write(rows.iter().map(|(response, row)| write((*response, row))))?;
        times.each_floor.push_ms(start.elapsed());
    }
    Ok(())
}

/// Persons and instruments, so that the references of W hold.
///
/// # Errors
/// What the vault says.
pub fn prepare(unlocked: &Unlocked) -> Result<Vec<Uuid>, String> {
    let (persons, _) = unlocked.vault.commit("bench.prepare", |tx| {
        tx.create("users", [("id", Uuid::from_u128(7).into()), ("name", "Amara Bench".into()), ("role", "therapist".into()), ("account_status", "active".into())])?;
        instruments::install(tx)?;
        (0..PERSONS).map(|number| workload_rows::person(tx, number)).collect::<Result<Vec<_>, DeskError>>()
    }).map_err(|error: DeskError| error.message)?;
    Ok(persons)
}

/// Size of a file in MB; 0 when it is not there.
pub fn megabytes(path: &Path) -> f64 {
    std::fs::metadata(path).map_or(0.0, |data| data.len() as f64 / 1e6)
}
