//! What must hold: the eight invariants of replication, each a function that says in words what is
//! broken. Some are asked at a laptop after every step, all of them at the end.

mod centre;
mod laptop;
mod rights;

use std::{collections::BTreeMap, fmt};

pub use laptop::{at_checkpoint, reads_its_writes, saved_is_kept};

use gladstone_protocol::wire::{RowImage, RowKey};

use crate::{host::Filed, world::World};

/// The rows of the centre.
type Rows = BTreeMap<RowKey, RowImage>;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which, from 1 to 8.
    pub invariant: u8,
    /// How.
    pub words: String,
}

impl Broken {
    /// An invariant that does not hold.
    pub fn new(invariant: u8, words: impl Into<String>) -> Broken {
        Broken { invariant, words: words.into() }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ["acknowledged is kept", "one effect", "no silent loser", "atomic visibility", "read your writes", "exactly the permitted rows", "liveness", "base equals oracle"];
        write!(f, "invariant {} ({}): {}", self.invariant, name.get(usize::from(self.invariant).wrapping_sub(1)).unwrap_or(&"none"), self.words)
    }
}

/// Asks all of them, once everybody is done.
///
/// # Errors
/// The first that is broken.
pub fn all(world: &World, filed: &[Filed]) -> Result<(), Broken> {
    for at in 0..world.laptops.len() {
        saved_is_kept(world, at)?;
        reads_its_writes(world, at)?;
    }
    let rows = world.host.rows(None);
    centre::acknowledged_is_filed(world, filed)?;
    centre::one_effect(world, filed)?;
    centre::no_silent_loser(world, filed, &rows)?;
    centre::journal_is_assigned(world)?;
    for at in 0..world.laptops.len() {
        // 4 is asked at every checkpoint, and so at this one.
        at_checkpoint(world, at)?;
        rights::permitted_rows(world, filed, &rows, at)?;
    }
    laptop::queues_are_empty(world)?;
    laptop::vaults_add_up(world)?;
    centre::oracle_agrees(world, &rows)?;
    centre::digests_agree(world, &rows)
}
