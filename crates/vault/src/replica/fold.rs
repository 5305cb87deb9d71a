//! What a person sees of a row: the base, with the entries of this laptop that it does not
//! contain yet on top. Writes nothing.

use std::{collections::HashMap, rc::Rc};

use gladstone_protocol::{Entry, Known, MergeFault, Mutation, Op, RowState, Writer, entry::Body, merge, wire::RowKey};
use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use crate::{chain, error::VaultError, replica::base::unreadable};

/// A mutation of this laptop.
#[derive(Debug)]
pub(crate) struct Written {
    pub mutation: Mutation,
    pub device: Uuid,
}

impl Written {
    /// The rows that it writes.
    pub fn keys(&self) -> impl Iterator<Item = RowKey> {
        self.mutation.ops.iter().map(|op| RowKey { entity: op.entity, id: op.id })
    }

    /// What it does to a row.
    pub fn op(&self, key: RowKey) -> Option<&Op> {
        self.mutation.ops.iter().find(|op| op.entity == key.entity && op.id == key.id)
    }

    fn writer(&self) -> Writer {
        Writer::of(&self.mutation, self.device, self.mutation.hlc)
    }
}

/// The mutations of this laptop by their place, read once.
#[derive(Default)]
pub(crate) struct Entries(HashMap<u64, Rc<Written>>);

/// Mutations kept in memory at most.
const KEPT: usize = 4_096;

impl Entries {
    /// The mutation at a place of the chain.
    ///
    /// # Errors
    /// What the database says, or that there is none.
    pub fn get(&mut self, connection: &Connection, place: u64) -> Result<Rc<Written>, VaultError> {
        if let Some(known) = self.0.get(&place) {
            return Ok(Rc::clone(known));
        }
        let Some(Entry { device, body: Body::Mutation(mutation), .. }) = entry(connection, place)? else { return Err(unreadable()) };
        let written = Rc::new(Written { mutation, device });
        if self.0.len() >= KEPT {
            self.0.clear();
        }
        self.0.insert(place, Rc::clone(&written));
        Ok(written)
    }
}

/// The entry at a place of the chain; none when there is none.
///
/// # Errors
/// What the database says, or that it cannot be read.
pub(crate) fn entry(connection: &Connection, place: u64) -> Result<Option<Entry>, VaultError> {
    let bytes: Option<Vec<u8>> = connection.prepare_cached("SELECT bytes FROM chain WHERE dseq = ?1")?.query_row([place as i64], |row| row.get(0)).optional()?;
    bytes.map(|bytes| Entry::from_bytes(&chain::unpack(&bytes)?).map_err(|_| unreadable())).transpose()
}

/// A row with its entries on top.
pub(crate) struct Folded {
    /// What is shown; none when nothing is.
    pub view: Option<RowState>,
    /// Places of entries that could not be put on top, and why.
    pub blocked: Vec<(u64, MergeFault)>,
}

struct Pending<'a>(&'a [(u64, Rc<Written>)]);

impl Known for Pending<'_> {
    fn writer(&self, mutation: Uuid) -> Option<Writer> {
        let own = self.0.iter().find(|(_, written)| written.mutation.id == mutation);
        Some(own.map_or_else(|| Writer::before_all(mutation), |(_, written)| written.writer()))
    }
}

/// Puts entries, in the order in which they were written, on top of a row.
pub(crate) fn fold(key: RowKey, base: Option<&RowState>, entries: &[(u64, Rc<Written>)]) -> Folded {
    let known = Pending(entries);
    let (mut view, mut blocked) = (base.cloned(), Vec::new());
    for (place, written) in entries {
        let Some(op) = written.op(key) else { continue };
        match merge::merge(view.as_ref(), op, &written.writer(), &known) {
            Ok(merged) => view = Some(merged.state),
            Err(fault) => blocked.push((*place, fault)),
        }
    }
    Folded { view, blocked }
}
