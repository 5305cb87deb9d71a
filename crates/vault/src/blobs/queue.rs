//! The queue of files: which have to go to the centre, which to come from it, how far each is, and
//! when it is tried again. Apart from the queue of changes, which it never delays.
//!
//! What waits follows from rows and files; only what a person decided (fetch, stop) and how often
//! something was tried is remembered besides.

use std::fs;

use gladstone_model::Instant;
use gladstone_protocol::{content::{ContentHash, hash_of, sealed_size}, enrol::to_hex, limits::FILE_LIMIT};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::naming::{is_named, naming};
use crate::{error::VaultError, inside::Inside, replica::unreadable, vault::Vault};

/// Files up to this size in bytes are fetched without being asked for.
pub const AUTOMATIC: u64 = 5 * 1024 * 1024;
/// Seconds before a file is tried again, doubling up to the longest.
const FIRST_WAIT: i64 = 2;
const LONGEST_WAIT: i64 = 600;
/// How often another content than the named one is taken for an accident.
const WRONG_TRIES: u32 = 3;

/// A file on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The file.
    pub hash: ContentHash,
    /// Whether it goes to the centre; otherwise it comes from it.
    pub sends: bool,
    /// Bytes of the sealed file.
    pub sealed: u64,
    /// How many of them have arrived, as last noted.
    pub done: u64,
    /// How often it failed in a row.
    pub attempts: u32,
    /// Where it stands.
    pub state: TransferState,
    /// It is not tried before.
    pub due: Instant,
    /// What went wrong last, for people.
    pub note: Option<String>,
    pub(super) name: String,
}

/// Where a file on its way stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferState {
    /// It waits for its turn, or is moving.
    Waiting,
    /// The person stopped it.
    Stopped,
    /// It failed and is not tried by itself any more.
    Failed,
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Files that go to the centre or come from it.
    pub count: u64,
    /// Bytes of them that have not arrived.
    pub bytes: u64,
    /// Files that failed and need a person.
    pub failed: u64,
}

const COLUMNS: &str = "hash, sends, size, done, attempts, state, due, note, name";
/// The record that names a file stands.
const STANDS: &str = "a.hash = t.hash AND a.deleted_mid IS NULL";
/// The record that names a file is at the centre: nothing of it waits to be sent or is in quarantine.
const IS_KNOWN: &str = "a.hash = t.hash AND a.deleted_mid IS NULL
    AND NOT EXISTS (SELECT 1 FROM pending AS p JOIN chain AS c ON c.dseq = p.dseq WHERE p.entity = a.entity AND p.row_id = a.id AND c.state IN (0, 1, 4))";

impl Vault {
    /// Brings the queue in step with rows and files, and removes contents that nothing names. In a
    /// vault that works alone nothing waits. Whether anything changed.
    ///
    /// # Errors
    /// What the database says.
    pub fn plan_files(&self) -> Result<bool, VaultError> {
        let swept = self.sweep_files()?.files > 0;
        if self.state().realm.is_nil() || self.on_reader(plan)?.is_empty() {
            return Ok(swept);
        }
        let gone = self.note(|inside| {
            let plan = plan(inside.connection)?;
            let mut gone = Vec::new();
            for (hash, sends) in &plan.over {
                gone.extend(remove(inside, hash, *sends)?);
            }
            for (hash, sends, size) in &plan.missing {
                add(inside, hash, *sends, *size)?;
            }
            Ok(gone)
        })?;
        gone.iter().for_each(|name| drop(fs::remove_file(self.parts().join(name))));
        Ok(true)
    }

    /// The file to be moved next; none when nothing is due. What is to be sent comes first, then the
    /// smallest.
    ///
    /// # Errors
    /// What the database says.
    pub fn next_file(&self) -> Result<Option<Transfer>, VaultError> {
        let now = self.around().now();
        self.on_reader(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM file_transfer AS t WHERE state = 0 AND due <= ?1 AND (sends = 0 OR {}) ORDER BY sends DESC, size, added_at LIMIT 1", is_named(IS_KNOWN));
            connection.prepare_cached(&sql)?.query_row([now.0], read).optional()?.transpose()
        })
    }

    /// When the next file is due that waits; none when none waits.
    ///
    /// # Errors
    /// What the database says.
    pub fn files_due(&self) -> Result<Option<Instant>, VaultError> {
        self.on_reader(|connection| {
            let sql = format!("SELECT min(due) FROM file_transfer AS t WHERE state = 0 AND (sends = 0 OR {})", is_named(IS_KNOWN));
            Ok(connection.prepare_cached(&sql)?.query_row([], |row| row.get::<_, Option<i64>>(0))?.map(Instant))
        })
    }

    /// Everything on its way, whatever its state.
    ///
    /// # Errors
    /// What the database says.
    pub fn files_on_their_way(&self) -> Result<Vec<Transfer>, VaultError> {
        self.on_reader(|connection| {
            let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM file_transfer ORDER BY added_at"))?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(read(row)??);
            }
            Ok(found)
        })
    }

    /// How much waits or moves; what the person stopped is not counted.
    ///
    /// # Errors
    /// What the database says.
    pub fn files(&self) -> Result<Files, VaultError> {
        let all = self.files_on_their_way()?;
        let moving = || all.iter().filter(|transfer| transfer.state == TransferState::Waiting);
        let failed = all.iter().filter(|transfer| transfer.state == TransferState::Failed).count();
        Ok(Files { count: moving().count() as u64, bytes: moving().map(|transfer| transfer.sealed - transfer.done.min(transfer.sealed)).sum(), failed: failed as u64 })
    }

    /// The person wants a file here, or wants one that was stopped or failed to go on: it is due at once.
    ///
    /// # Errors
    /// [`VaultError::Entry`] when no record names it; what the database says.
    pub fn ask_for_file(&self, hash: &ContentHash) -> Result<(), VaultError> {
        let text = to_hex(hash);
        self.note(|inside| {
            let again = "UPDATE file_transfer SET state = 0, due = 0, attempts = 0, note = NULL WHERE hash = ?1";
            if inside.connection.prepare_cached(again)?.execute([&text])? > 0 {
                return Ok(());
            }
            let here: bool = inside.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM file_held WHERE hash = ?1)")?.query_row([&text], |row| row.get(0))?;
            if here {
                return Ok(());
            }
            let sql = format!("SELECT max(a.size) FROM {} AS a WHERE a.hash = ?1 AND a.deleted_mid IS NULL", naming());
            let size: Option<i64> = inside.connection.prepare_cached(&sql)?.query_row([&text], |row| row.get(0))?;
            let size = size.and_then(|size| u64::try_from(size).ok()).filter(|size| *size <= FILE_LIMIT);
            let size = size.ok_or_else(|| VaultError::Entry("no record names this file".into()))?;
            add(inside, &text, false, size)
        })
    }

    /// The centre says that it has all of these files now: those that wait are due at once.
    ///
    /// # Errors
    /// What the database says.
    pub fn files_are_there(&self, hashes: &[ContentHash]) -> Result<(), VaultError> {
        let waits = "SELECT EXISTS (SELECT 1 FROM file_transfer WHERE hash = ?1 AND sends = 0 AND state = 0 AND due > 0)";
        for hash in hashes.iter().map(|hash| to_hex(hash)) {
            // Most are told of files that are here: nothing is written then.
            if self.on_reader(|connection| Ok::<_, VaultError>(connection.prepare_cached(waits)?.query_row([&hash], |row| row.get::<_, bool>(0))?))? {
                self.note(|inside| {
                    inside.connection.prepare_cached("UPDATE file_transfer SET due = 0 WHERE hash = ?1 AND sends = 0 AND state = 0")?.execute([&hash])?;
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    /// The person stops a file: nothing of it moves before it is asked for again. What has arrived stays.
    ///
    /// # Errors
    /// What the database says.
    pub fn stop_file(&self, hash: &ContentHash) -> Result<(), VaultError> {
        self.note(|inside| {
            inside.connection.prepare_cached("UPDATE file_transfer SET state = 1 WHERE hash = ?1 AND state = 0")?.execute([to_hex(hash)])?;
            Ok(())
        })
    }

    /// Whether a file is still to be moved: nobody stopped it, and its record stands.
    ///
    /// # Errors
    /// What the database says.
    pub fn is_still_wanted(&self, transfer: &Transfer) -> Result<bool, VaultError> {
        self.on_reader(|connection| {
            let sql = format!("SELECT EXISTS (SELECT 1 FROM file_transfer AS t WHERE hash = ?1 AND sends = ?2 AND state = 0 AND {})", is_named(STANDS));
            Ok(connection.prepare_cached(&sql)?.query_row(params![to_hex(&transfer.hash), transfer.sends], |row| row.get(0))?)
        })
    }

    /// Notes how far a file is; failures before are forgotten.
    ///
    /// # Errors
    /// What the database says.
    pub fn file_came_to(&self, transfer: &Transfer, done: u64) -> Result<(), VaultError> {
        self.note(|inside| {
            let sql = "UPDATE file_transfer SET done = ?3, attempts = 0, note = NULL WHERE hash = ?1 AND sends = ?2";
            inside.connection.prepare_cached(sql)?.execute(params![to_hex(&transfer.hash), transfer.sends, done as i64])?;
            Ok(())
        })
    }

    /// Notes that a file failed, and when it is tried again: `after` microseconds when the centre said
    /// so, otherwise later each time.
    ///
    /// # Errors
    /// What the database says.
    pub fn file_failed(&self, transfer: &Transfer, note: &str, after: Option<i64>) -> Result<(), VaultError> {
        self.note(|inside| {
            let attempts = transfer.attempts.saturating_add(1);
            let wait = after.unwrap_or_else(|| (FIRST_WAIT << attempts.min(12).saturating_sub(1)).min(LONGEST_WAIT) * 1_000_000);
            let sql = "UPDATE file_transfer SET attempts = ?3, note = ?4, due = ?5 WHERE hash = ?1 AND sends = ?2";
            inside.connection.prepare_cached(sql)?.execute(params![to_hex(&transfer.hash), transfer.sends, attempts, note, inside.around.now().0 + wait])?;
            Ok(())
        })
    }

    /// Notes that all of a file came and was another one: it begins anew, and after three times it is
    /// for a person to decide.
    ///
    /// # Errors
    /// What the database says.
    pub fn file_was_wrong(&self, transfer: &Transfer, note: &str) -> Result<(), VaultError> {
        self.file_failed(transfer, note, None)?;
        self.note(|inside| {
            let sql = "UPDATE file_transfer SET done = 0, state = CASE WHEN attempts >= ?3 THEN 2 ELSE state END WHERE hash = ?1 AND sends = ?2";
            inside.connection.prepare_cached(sql)?.execute(params![to_hex(&transfer.hash), transfer.sends, WRONG_TRIES])?;
            Ok(())
        })?;
        drop(fs::remove_file(self.parts().join(&transfer.name)));
        Ok(())
    }

    /// The centre has all of a file.
    ///
    /// # Errors
    /// What the database says.
    pub fn file_is_at_centre(&self, hash: &ContentHash) -> Result<(), VaultError> {
        self.note(|inside| {
            inside.connection.prepare_cached("UPDATE file_held SET at_centre = 1 WHERE hash = ?1")?.execute([to_hex(hash)])?;
            remove(inside, &to_hex(hash), true).map(|_| ())
        })
    }
}

/// The centre went back to an earlier state, or is another one: what it has of files is asked anew.
pub(crate) fn forget_centre(connection: &Connection) -> Result<(), VaultError> {
    connection.execute("UPDATE file_held SET at_centre = 0 WHERE at_centre = 1", [])?;
    connection.execute("UPDATE file_transfer SET attempts = 0, due = 0 WHERE state = 0", [])?;
    Ok(())
}

/// What the queue lacks, and what is in it for nothing.
#[derive(Default)]
struct Plan {
    missing: Vec<(String, bool, u64)>,
    over: Vec<(String, bool)>,
}

impl Plan {
    fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.over.is_empty()
    }
}

fn plan(connection: &Connection) -> Result<Plan, VaultError> {
    let mut plan = Plan::default();
    let sending = format!("SELECT t.hash, t.size FROM file_held AS t WHERE NOT t.at_centre AND {}
        AND NOT EXISTS (SELECT 1 FROM file_transfer AS w WHERE w.hash = t.hash AND w.sends = 1)", is_named(STANDS));
    let fetching = format!("SELECT a.hash, max(a.size) FROM {} AS a WHERE a.deleted_mid IS NULL AND NOT EXISTS (SELECT 1 FROM file_held AS h WHERE h.hash = a.hash)
        AND NOT EXISTS (SELECT 1 FROM file_transfer AS t WHERE t.hash = a.hash AND t.sends = 0) GROUP BY a.hash", naming());
    for (sql, sends, most) in [(sending, true, FILE_LIMIT), (fetching, false, AUTOMATIC)] {
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (hash, size) = (row.get::<_, String>(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(u64::MAX));
            // A row of another version or of nobody's making may say anything.
            if hash_of(&hash).is_some() && size <= most {
                plan.missing.push((hash, sends, size));
            }
        }
    }
    let over = format!("SELECT hash, sends FROM file_transfer AS t WHERE NOT {} OR CASE sends WHEN 1 THEN NOT EXISTS (SELECT 1 FROM file_held AS h WHERE h.hash = t.hash AND NOT h.at_centre)
        ELSE EXISTS (SELECT 1 FROM file_held AS h WHERE h.hash = t.hash) END", is_named(STANDS));
    let mut statement = connection.prepare_cached(&over)?;
    plan.over = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    Ok(plan)
}

fn add(inside: &Inside<'_>, hash: &str, sends: bool, size: u64) -> Result<(), VaultError> {
    let mut name = [0; 16];
    inside.around.random(&mut name)?;
    let sql = "INSERT INTO file_transfer (hash, sends, size, name, added_at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    inside.connection.prepare_cached(sql)?.execute(params![hash, sends, sealed_size(size) as i64, Uuid::from_bytes(name).simple().to_string(), inside.around.now().0])?;
    Ok(())
}

/// Takes a file out of the queue; returns the name of its part.
pub(super) fn remove(inside: &Inside<'_>, hash: &str, sends: bool) -> Result<Option<String>, VaultError> {
    let sql = "DELETE FROM file_transfer WHERE hash = ?1 AND sends = ?2 RETURNING name";
    Ok(inside.connection.prepare_cached(sql)?.query_row(params![hash, sends], |row| row.get(0)).optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Result<Transfer, VaultError>> {
    let Some(hash) = hash_of(&row.get::<_, String>("hash")?) else { return Ok(Err(unreadable())) };
    let number = |name: &str| row.get::<_, i64>(name).map(i64::unsigned_abs);
    let state = match row.get::<_, u8>("state")? {
        0 => TransferState::Waiting,
        1 => TransferState::Stopped,
        _ => TransferState::Failed,
    };
    Ok(Ok(Transfer { hash, sends: row.get("sends")?, sealed: number("size")?, done: number("done")?, attempts: row.get("attempts")?, state, due: Instant(row.get("due")?), note: row.get("note")?, name: row.get("name")? }))
}
