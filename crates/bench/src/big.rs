//! A vault of many persons, each with a finished questionnaire: opening it, and finding somebody.

use std::time::{Duration, Instant};

use gladstone_desk::{Desk, DeskError};
use gladstone_vault::{database, folder::VaultFolder, keys::{kdf, slot::{SlotFile, SlotKind}}};
use serde_json::json;

use crate::{
    place::{PASSPHRASE, Place, closed_desk, open_desk, root_key, run, text},
    report::{Line, Report, Samples, Target},
    workload_rows,
};

/// Responses of one transaction while the vault is filled.
const BATCH: u32 = 1_000;
/// Times the vault is opened.
const OPENINGS: u32 = 7;
/// Names that are looked for.
const SEARCHES: u32 = 300;

/// Fills the vault and measures.
///
/// # Errors
/// What the commands or the disk say.
pub fn measure(place: &Place, responses: u32, report: &mut Report) -> Result<(), String> {
    println!("\na vault of {responses} persons with one response each");
    let vaults = place.fresh("big")?;
    let (desk, vault_id) = open_desk(&vaults)?;
    let start = Instant::now();
    fill(&desk, responses)?;
    desk.lock().map_err(|error| error.message)?;
    let vault = VaultFolder::list(&vaults).map_err(text)?.into_iter().next().ok_or("no vault")?.0;
    let bytes = std::fs::metadata(vault.database()).map_err(text)?.len();
    println!("  filled in {:.0} s, {} MB", start.elapsed().as_secs_f64(), bytes / 1_000_000);
    let desk = closed_desk(&vaults);
    let unlock = json!({ "vault_id": vault_id, "passphrase": PASSPHRASE });
    // The first unlock makes the backup that is due; what a person meets every day comes after.
    run(&desk, "vault.unlock", unlock.clone())?;
    let (mut opened, mut derived, mut checked) = (Samples::default(), Samples::default(), Samples::default());
    for _ in 0..OPENINGS {
        desk.lock().map_err(|error| error.message)?;
        checked.push_ms(quick_check(&vault)?);
        let derivation = derive(&vault)?;
        let start = Instant::now();
        run(&desk, "vault.unlock", unlock.clone())?;
        opened.push_ms(start.elapsed().saturating_sub(derivation));
        derived.push_ms(derivation);
    }
    report.add(Line::new(format!("open and unlock at {responses} responses, without the key derivation"), "ms", &opened, Target::Median(150.0)));
    report.add(Line::new("  PRAGMA quick_check of that file alone", "ms", &checked, Target::None));
    report.add(Line::new("  the key derivation (least cost)", "ms", &derived, Target::None));
    find(&desk, responses, report)?;
    desk.lock().map_err(|error| error.message)
}

/// Everybody and every response, through the normal way to write.
fn fill(desk: &Desk, responses: u32) -> Result<(), String> {
    let instrument = workload_rows::instrument()?;
    let filled = desk.with_unlocked(|unlocked| {
        for from in (0..responses).step_by(BATCH as usize) {
            unlocked.vault.batch(|batch| {
                for number in from..(from + BATCH).min(responses) {
                    let (user, _) = batch.commit("bench.person", |tx| workload_rows::person(tx, number))?;
                    batch.commit("bench.response", |tx| workload_rows::response(tx, workload_rows::ready(instrument, number, user)))?;
                }
                Ok::<_, DeskError>(())
            })?;
        }
        Ok(())
    });
    filled.map_err(|error| error.message)
}

/// How long a quick check of the whole file takes on a connection of its own.
fn quick_check(folder: &VaultFolder) -> Result<Duration, String> {
    let connection = database::open_reader(&folder.database(), &root_key(folder)?.database()).map_err(text)?;
    let start = Instant::now();
    connection.query_row("PRAGMA quick_check", [], |row| row.get::<_, String>(0)).map_err(text)?;
    Ok(start.elapsed())
}

/// How long the key derivation alone takes, at the cost that the vault was made with.
fn derive(folder: &VaultFolder) -> Result<Duration, String> {
    let copies = folder.slots();
    let file = SlotFile::load([&copies[0], &copies[1]], 0).map_err(text)?;
    let slot = file.slots.iter().find(|slot| slot.header.kind != SlotKind::Recovery).ok_or("no slot for a passphrase")?;
    let start = Instant::now();
    kdf::derive(PASSPHRASE, &slot.header.salt, slot.header.cost).map_err(text)?;
    Ok(start.elapsed())
}

/// Beginnings of one to five letters, and first with the beginning of the last name.
fn find(desk: &Desk, responses: u32, report: &mut Report) -> Result<(), String> {
    let mut took = Samples::default();
    let mut latest = Samples::default();
    for search in 0..SEARCHES {
        let name = workload_rows::name(search.wrapping_mul(7_877) % responses);
        let letters = search as usize % 6;
        let typed: String = if letters == 5 {
            let (first, last) = name.split_once(' ').unwrap_or((&name, ""));
            format!("{first} {}", last.chars().take(2).collect::<String>())
        } else {
            name.chars().take(letters + 1).collect()
        };
        let start = Instant::now();
        let answer = run(desk, "people.find", json!({ "text": typed, "limit": 50 }))?;
        took.push_ms(start.elapsed());
        if answer["people"].as_array().is_none_or(Vec::is_empty) {
            return Err(format!("nobody was found for “{typed}”"));
        }
    }
    for _ in 0..15 {
        let start = Instant::now();
        run(desk, "people.find", json!({ "text": "" }))?;
        latest.push_ms(start.elapsed());
    }
    report.add(Line::new(format!("find a person among {responses} by the beginning of a name"), "ms", &took, Target::P99(30.0)).with_p99(&took));
    report.add(Line::new("  the list of persons with nothing typed", "ms", &latest, Target::None));
    Ok(())
}
