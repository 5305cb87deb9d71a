//! Files that a caller hands over piece by piece, until they hang on a record. Sealed as they come;
//! whatever is not finished when the vault is locked is gone.

use std::{collections::BTreeMap, sync::{Mutex, PoisonError}};

use gladstone_vault::{Vault, blobs::Incoming};
use uuid::Uuid;

use crate::error::{Code, DeskError};

/// Files at once; the oldest one goes when there is another.
const MOST: usize = 8;
/// First bytes, from which the kind of a file is told.
const HEAD: usize = 8 * 1024;

/// A file that comes piece by piece.
pub struct Piecemeal {
    /// What has come.
    pub content: Incoming,
    /// Its first bytes.
    pub head: Vec<u8>,
}

impl Piecemeal {
    /// A new, empty one.
    ///
    /// # Errors
    /// A full disk among others.
    pub fn begin(vault: &Vault) -> Result<Piecemeal, DeskError> {
        Ok(Piecemeal { content: vault.begin_file()?, head: Vec::new() })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// Too large, or a full disk.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), DeskError> {
        let room = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        Ok(self.content.write(bytes)?)
    }
}

/// The files that are coming, by ticket.
#[derive(Default)]
pub struct Tickets(Mutex<BTreeMap<Uuid, Piecemeal>>);

impl Tickets {
    /// Keeps a new one.
    pub fn put(&self, ticket: Uuid, file: Piecemeal) {
        let mut files = self.lock();
        while files.len() >= MOST && files.pop_first().is_some() {}
        files.insert(ticket, file);
    }

    /// Adds bytes to one; `offset` is how many have come. Returns how many have come then.
    ///
    /// # Errors
    /// No such ticket, another offset, or what writing says; the file is gone then.
    pub fn write(&self, ticket: Uuid, offset: u64, bytes: &[u8]) -> Result<u64, DeskError> {
        let mut files = self.lock();
        let file = files.get_mut(&ticket).ok_or_else(none)?;
        if file.content.size() != offset {
            return Err(DeskError::new(Code::Conflict, format!("{} bytes of this file have come; go on there.", file.content.size())));
        }
        let result = file.write(bytes);
        let size = file.content.size();
        if result.is_err() {
            files.remove(&ticket);
        }
        result.map(|()| size)
    }

    /// Takes one out.
    ///
    /// # Errors
    /// No such ticket.
    pub fn take(&self, ticket: Uuid) -> Result<Piecemeal, DeskError> {
        self.lock().remove(&ticket).ok_or_else(none)
    }

    /// Forgets all of them.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Uuid, Piecemeal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn none() -> DeskError {
    DeskError::new(Code::NotFound, "This file is not being added any more. Begin anew.")
}
