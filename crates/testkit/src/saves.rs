//! The scenario: real saves of a small practice, numbered, each of another kind than the one
//! before. The same number always makes the same save, in whichever process.

use std::fmt;

use gladstone_model::{Row, Value};
use gladstone_vault::{Vault, VaultError, state::VaultState};
use uuid::Uuid;

/// How many saves the scenario has in an ordinary run.
pub const ORDINARY: usize = 60;
const KINDS: usize = 6;

/// Where the chain stood after a save was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Saves so far.
    pub saves: usize,
    /// Entries of the chain.
    pub dseq: u64,
    /// Hash of the last entry, and the digest of all rows.
    pub stand: String,
}

impl Saved {
    /// Where a vault stands after so many saves.
    pub fn of(saves: usize, state: &VaultState) -> Saved {
        Saved { saves, dseq: state.dseq, stand: stand(state) }
    }

    /// Reads the line that a process writes when a save is acknowledged.
    pub fn parse(line: &str) -> Option<Saved> {
        let mut words = line.strip_prefix("saved ")?.split(' ');
        Some(Saved { saves: words.next()?.parse().ok()?, dseq: words.next()?.parse().ok()?, stand: words.next()?.to_owned() })
    }

    /// Nothing yet.
    pub fn nothing() -> Saved {
        Saved { saves: 0, dseq: 0, stand: stand(&VaultState::new(Uuid::nil(), Uuid::nil(), Uuid::nil())) }
    }
}

impl fmt::Display for Saved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "saved {} {} {}", self.saves, self.dseq, self.stand)
    }
}

/// A text that stands for the end of the chain and all rows.
pub fn stand(state: &VaultState) -> String {
    state.chain_head.iter().chain(&state.digest.0).map(|byte| format!("{byte:02x}")).collect()
}

/// Makes the save with this number, from 0, and returns where the vault stands then.
///
/// # Errors
/// What the vault says.
pub fn save(vault: &Vault, number: usize) -> Result<Saved, VaultError> {
    let person = id(number - number % KINDS);
    vault.commit::<_, VaultError>("scenario.save", |tx| {
        match number % KINDS {
            0 => drop(tx.create("users", [("id", person.into()), ("name", Value::text(&format!("Person {number}"))), ("email", Value::text(&format!("person{number}@example.org"))), ("role", "patient".into())])?),
            1 => drop(mood(tx, person, number)?),
            2 => drop(journal(tx, person, number, id(number))?),
            3 => drop(tx.update("users", person, [("job_title", Value::text(&title(number)))])?),
            4 => {
                mood(tx, person, number)?;
                journal(tx, person, number, id(number))?;
            }
            _ => tx.enter_in_error("journal_entries", id(number - 3), "wrong person")?,
        }
        Ok(())
    })?;
    Ok(Saved::of(number + 1, &vault.state()))
}

/// Makes the saves with these numbers; they must all succeed.
pub fn save_all(vault: &Vault, numbers: std::ops::Range<usize>) -> Vec<Saved> {
    numbers.map(|number| save(vault, number).unwrap()).collect()
}

/// Whether what the save with this number wrote is there.
///
/// # Errors
/// What is missing.
pub fn holds(vault: &Vault, number: usize) -> Result<(), String> {
    let person = id(number - number % KINDS);
    let get = |entity: &str, id: Uuid| -> Result<Option<Row>, String> { vault.read(|read| read.get(entity, id)).map_err(|error| error.to_string()) };
    let there = match number % KINDS {
        0 => get("users", person)?.is_some_and(|row| row.text("name") == format!("Person {number}")),
        2 | 4 => get("journal_entries", id(number))?.is_some_and(|row| row.text("content") == content(number)),
        3 => get("users", person)?.is_some_and(|row| row.text("job_title") == title(number)),
        5 => get("journal_entries", id(number - 3))?.is_none(),
        // The mood has no id of its own choice; the digest covers it.
        _ => true,
    };
    if there { Ok(()) } else { Err(format!("save {number} is acknowledged and its row is not there")) }
}

/// Whether a vault holds everything that was acknowledged, and at most one save more, the one that
/// was under way; and whether all of it verifies.
///
/// # Errors
/// What does not hold.
pub fn complete(vault: &Vault, acknowledged: &Saved) -> Result<(), String> {
    let state = vault.state();
    if state.dseq < acknowledged.dseq {
        return Err(format!("{} saves were acknowledged, {} entries are there", acknowledged.saves, state.dseq));
    }
    if state.dseq > acknowledged.dseq + 1 {
        return Err(format!("{} entries are there, {} were acknowledged", state.dseq, acknowledged.dseq));
    }
    if state.dseq == acknowledged.dseq && stand(&state) != acknowledged.stand {
        return Err(format!("entry {} is another one than the one that was acknowledged", state.dseq));
    }
    let verified = vault.verify(&mut |_, _| true).map_err(|error| format!("it does not verify: {error}"))?;
    if verified.entries != state.dseq {
        return Err(format!("{} entries verify out of {}", verified.entries, state.dseq));
    }
    if acknowledged.saves == 0 {
        return Ok(());
    }
    // The save under way, when it arrived, may be the one that takes the row of save 2 back.
    let last = acknowledged.saves - 1;
    if state.dseq > acknowledged.dseq && (last + 1) % KINDS == 5 { Ok(()) } else { holds(vault, last) }
}

fn id(number: usize) -> Uuid {
    Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 | number as u128)
}

fn title(number: usize) -> String {
    format!("Baker number {number}")
}

fn content(number: usize) -> String {
    format!("Entry {number}. ") + &"Walked along the canal before breakfast and slept better. ".repeat(20 + number % 40)
}

fn mood(tx: &mut gladstone_vault::Tx<'_>, person: Uuid, number: usize) -> Result<Uuid, VaultError> {
    let day = Value::Date(day(number));
    tx.create("mood_entries", [("user_id", person.into()), ("entry_date", day), ("overall_mood", Value::Integer(1 + (number % 9) as i64)), ("notes", Value::text(&format!("Day {number}: a little better than the day before.")))])
}

fn journal(tx: &mut gladstone_vault::Tx<'_>, person: Uuid, number: usize, id: Uuid) -> Result<Uuid, VaultError> {
    tx.create("journal_entries", [("id", id.into()), ("user_id", person.into()), ("title", Value::text(&format!("Week{number:04}"))), ("content", Value::text(&content(number)))])
}

/// A day before the clock of the tests, another one for each of 300 numbers.
fn day(number: usize) -> chrono::NaiveDate {
    chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap_or_default() + chrono::Days::new((number % 300) as u64)
}
