//! Which contents are here: taken in together with the record that names them, read, and removed
//! once nothing names them any more.

use std::{fs, io, io::Write, path::Path};

use gladstone_protocol::{content::{ContentHash, hash_of}, enrol::to_hex, limits::FILE_LIMIT};
use memchr::memmem;
use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroizing;

use super::{FileFault, content::{Incoming, Kept, Outgoing}, naming::is_named};
use crate::{Changes, Tx, batch::Purpose, chain, error::VaultError, inside::Inside, replica::unreadable, vault::Vault};

/// A content that is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldFile {
    /// Its size in bytes.
    pub size: u64,
    /// Whether the centre has all of it.
    pub at_centre: bool,
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Whole files.
    pub files: usize,
    /// Parts, and files that never became whole.
    pub parts: usize,
}

/// A file is kept for as long as one of these rows names it: one that stands; and one that was entered
/// in error, until that is settled and the centre has the file.
const IS_NAMED: &str = "a.hash = h.hash AND (a.deleted_mid IS NULL OR NOT h.at_centre OR EXISTS (SELECT 1 FROM pending AS p WHERE p.row_id = a.id))";

impl Vault {
    /// A new content to be written, of at most [`FILE_LIMIT`] bytes.
    ///
    /// # Errors
    /// A full disk, or a folder that cannot be written.
    pub fn begin_file(&self) -> Result<Incoming, FileFault> {
        Incoming::begin(&self.blobs(), FILE_LIMIT, self.around())
    }

    /// Takes a content in, together with the rows that `f` writes about it: both are durable when this
    /// returns, or neither is there.
    ///
    /// # Errors
    /// As for [`Vault::commit`], and what the disk says.
    pub fn keep_file<T, E: From<VaultError>>(&self, incoming: Incoming, purpose: impl Into<Purpose>, f: impl FnOnce(&mut Tx<'_>, &Kept) -> Result<T, E>) -> Result<(T, Changes), E> {
        let kept = incoming.keep().map_err(VaultError::from)?;
        let mut former = None;
        let done = self.batch(|batch| {
            former = put(batch.inside(), &kept)?;
            batch.commit(purpose, |tx| f(tx, &kept))
        });
        self.remove_unnamed(done.is_ok(), former.as_deref(), &kept);
        done
    }

    /// What is known of a content that is here; none when it is not.
    ///
    /// # Errors
    /// What the database says.
    pub fn held_file(&self, hash: &ContentHash) -> Result<Option<HeldFile>, VaultError> {
        self.on_reader(|connection| {
            let mut statement = connection.prepare_cached("SELECT size, at_centre FROM file_held WHERE hash = ?1")?;
            Ok(statement.query_row([to_hex(hash)], |row| Ok(HeldFile { size: row.get::<_, i64>(0)?.unsigned_abs(), at_centre: row.get(1)? })).optional()?)
        })
    }

    /// Bytes of a content from `offset` on, at most `length`, none behind the end.
    ///
    /// # Errors
    /// [`FileFault::NotHere`], [`FileFault::Damaged`]; never bytes that are not its own.
    pub fn read_file(&self, hash: &ContentHash, offset: u64, length: usize) -> Result<Zeroizing<Vec<u8>>, FileFault> {
        self.outgoing(hash)?.range(offset, length)
    }

    /// Writes a whole content to `to`, chunk by chunk. Returns its size in bytes.
    ///
    /// # Errors
    /// [`FileFault`]; what was written until then may be part of it.
    pub fn copy_file(&self, hash: &ContentHash, to: &mut dyn Write) -> Result<u64, FileFault> {
        let mut source = self.outgoing(hash)?;
        let mut size = 0;
        for number in 0..source.chunks() {
            let chunk = source.chunk(number)?;
            to.write_all(&chunk)?;
            size += chunk.len() as u64;
        }
        Ok(size)
    }

    /// Reads every content through, and returns those that are damaged or gone.
    ///
    /// # Errors
    /// What the database says.
    pub fn damaged_files(&self) -> Result<Vec<ContentHash>, VaultError> {
        let all: Vec<String> = self.on_reader(|connection| Ok::<_, VaultError>(connection.prepare("SELECT hash FROM file_held")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?))?;
        let hashes = all.iter().filter_map(|hash| hash_of(hash));
        Ok(hashes.filter(|hash| self.copy_file(hash, &mut io::sink()).is_err()).collect())
    }

    /// A content that turned out to be damaged or gone is given up here when the centre has it, so
    /// that it is fetched again. Whether that is so.
    ///
    /// # Errors
    /// What the database says.
    pub fn give_up_damaged(&self, hash: &ContentHash) -> Result<bool, VaultError> {
        let name = self.note(|inside| {
            let sql = "DELETE FROM file_held WHERE hash = ?1 AND at_centre = 1 RETURNING name";
            Ok(inside.connection.prepare_cached(sql)?.query_row([to_hex(hash)], |row| row.get::<_, String>(0)).optional()?)
        })?;
        if let Some(name) = &name {
            let _ = fs::remove_file(self.blobs().join(name));
            self.ask_for_file(hash)?;
        }
        Ok(name.is_some())
    }

    /// Removes the contents that no row names and nothing that waits.
    ///
    /// # Errors
    /// What the database says.
    pub fn sweep_files(&self) -> Result<Swept, VaultError> {
        if self.on_reader(orphans)?.is_empty() {
            return Ok(Swept::default());
        }
        let gone = self.note(|inside| {
            let mut gone = Vec::new();
            for (hash, name) in orphans(inside.connection)? {
                inside.connection.prepare_cached("DELETE FROM file_held WHERE hash = ?1")?.execute([&hash])?;
                inside.connection.prepare_cached("DELETE FROM file_transfer WHERE hash = ?1 AND sends = 1")?.execute([&hash])?;
                gone.push(name);
            }
            Ok(gone)
        })?;
        // Without its row nobody can read it; the next unlock removes what cannot be removed now.
        gone.iter().for_each(|name| drop(fs::remove_file(self.blobs().join(name))));
        Ok(Swept { files: gone.len(), parts: 0 })
    }

    /// Removes from the folder what the database does not name: what a kill or a power cut left. Only
    /// for a vault that was just opened, where nothing is on its way in.
    ///
    /// # Errors
    /// What database or disk say.
    pub fn tidy_files(&self) -> Result<Swept, FileFault> {
        let (held, parts) = self.on_reader(|connection| {
            let named = |sql: &str| -> Result<Vec<String>, VaultError> { Ok(connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?) };
            Ok::<_, VaultError>((named("SELECT name FROM file_held")?, named("SELECT name FROM file_transfer WHERE sends = 0")?))
        })?;
        Ok(Swept { files: tidy(&self.blobs(), &held)?, parts: tidy(&self.parts(), &parts)? })
    }

    /// Removes what a transaction left unnamed: the file of before, or the new one. After a failure of
    /// the disk nobody knows which; the next unlock does.
    pub(super) fn remove_unnamed(&self, is_done: bool, former: Option<&str>, kept: &Kept) {
        let unnamed = if is_done { former } else { Some(kept.name.as_str()) };
        if let Some(name) = unnamed.filter(|_| !self.is_poisoned()) {
            let _ = fs::remove_file(self.blobs().join(name));
        }
    }

    pub(super) fn outgoing(&self, hash: &ContentHash) -> Result<Outgoing, FileFault> {
        let known = self.on_reader(|connection| {
            let mut statement = connection.prepare_cached("SELECT name, key, size FROM file_held WHERE hash = ?1")?;
            let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, Zeroizing::new(row.get::<_, [u8; 32]>(1)?), row.get::<_, i64>(2)?.unsigned_abs()));
            Ok::<_, VaultError>(statement.query_row([to_hex(hash)], read).optional()?)
        })?;
        let (name, key, size) = known.ok_or(FileFault::NotHere)?;
        // The database says that it is here: a file that is gone is damage.
        Outgoing::open(&self.blobs().join(name), &key, size).map_err(|fault| if matches!(fault, FileFault::NotHere) { FileFault::Damaged } else { fault })
    }
}

/// Names a content; returns the file that held it before.
pub(super) fn put(inside: &Inside<'_>, kept: &Kept) -> Result<Option<String>, VaultError> {
    let hash = to_hex(&kept.hash);
    let former = inside.connection.prepare_cached("SELECT name FROM file_held WHERE hash = ?1")?.query_row([&hash], |row| row.get(0)).optional()?;
    let sql = "INSERT INTO file_held (hash, name, key, size, held_at) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (hash) DO UPDATE SET name = excluded.name, key = excluded.key, size = excluded.size, held_at = excluded.held_at";
    inside.connection.prepare_cached(sql)?.execute(params![hash, kept.name, kept.key.as_slice(), kept.size as i64, inside.around.now().0])?;
    Ok(former)
}

/// Contents that nothing names: hash and file.
fn orphans(connection: &Connection) -> Result<Vec<(String, String)>, VaultError> {
    let mut statement = connection.prepare_cached(&format!("SELECT h.hash, h.name FROM file_held AS h WHERE NOT {}", is_named(IS_NAMED)))?;
    let unnamed: Vec<(String, String)> = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    // An entry that has no effect here may have one yet: it waits, or somebody may send it again.
    let mut statement = connection.prepare_cached("SELECT bytes FROM chain WHERE state IN (0, 1, 2, 4) AND mutation_id IS NOT NULL")?;
    let mut rows = if unnamed.is_empty() { return Ok(unnamed) } else { statement.query([])? };
    let mut orphans = unnamed;
    while let Some(entry) = rows.next()?
        && !orphans.is_empty()
    {
        let bytes = chain::unpack(entry.get_ref(0)?.as_blob().unwrap_or_default())?;
        orphans.retain(|(hash, _)| memmem::find(&bytes, hash.as_bytes()).is_none());
    }
    Ok(orphans)
}

/// Names and sizes of all files that a database names.
pub(crate) fn names(connection: &Connection) -> Result<Vec<(String, u64)>, VaultError> {
    let mut statement = connection.prepare("SELECT hash, name, size FROM file_held")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        hash_of(&row.get::<_, String>(0)?).ok_or_else(unreadable)?;
        found.push((row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs()));
    }
    Ok(found)
}

/// Removes the files of a folder that are not named; folders stay.
fn tidy(folder: &Path, named: &[String]) -> io::Result<usize> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let named: std::collections::HashSet<&str> = named.iter().map(String::as_str).collect();
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() && !entry.file_name().to_str().is_some_and(|name| named.contains(name)) {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}
