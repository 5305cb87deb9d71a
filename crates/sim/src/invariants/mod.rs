//! What must hold: the eight invariants of replication, each a function that says in words what is
//! broken. Some are asked at a laptop after every step, all of them at the end.

mod centre;
mod laptop;
mod rights;

use std::{cell::RefCell, collections::BTreeMap, fmt};

pub use laptop::{at_checkpoint, reads_its_writes, saved_is_kept};
pub use rights::at_head as rights_at_head;

use gladstone_protocol::wire::{RowImage, RowKey};

use crate::{files::Filed, world::World};

/// The rows of the centre.
type Rows = BTreeMap<RowKey, RowImage>;

/// Everything that is compared, by invariant: what was never compared was never asked.
pub const COMPARED: [&str; 19] = [
    "1 saves in chains",
    "1 entries at the centre",
    "1 mutations of laptops that were put back",
    "2 effects",
    "2 copies without effect",
    "3 values that stand or were seen",
    "3 values in the journal",
    "3 tasks with somebody",
    "3 mutations put aside and shown",
    "4 mutations of several rows",
    "4 units under way and unseen",
    "5 values that are shown",
    "5 settled mutations that came back",
    "6 sets of units",
    "6 rows on disks",
    "7 queues",
    "8 rows of bases",
    "8 rows that were told",
    "8 digests",
];

/// How often what was compared.
#[derive(Default)]
pub struct Tally(RefCell<BTreeMap<&'static str, u64>>);

impl Tally {
    /// Counts comparisons.
    pub fn add(&self, what: &'static str, count: usize) {
        if count > 0 {
            *self.0.borrow_mut().entry(what).or_default() += count as u64;
        }
    }

    /// What was counted so far.
    pub fn take(&self) -> BTreeMap<String, u64> {
        self.0.take().into_iter().map(|(what, count)| (what.to_owned(), count)).collect()
    }
}

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
    let rows = world.host.ground.rows(None);
    centre::acknowledged_is_filed(world, filed)?;
    centre::one_effect(world, filed)?;
    centre::no_silent_loser(world, filed, &rows)?;
    centre::journal_is_assigned(world, &rows)?;
    centre::put_aside_is_shown(world, filed)?;
    for at in 0..world.laptops.len() {
        // 4 is asked at every checkpoint, and so at this one.
        at_checkpoint(world, at)?;
        rights::permitted_rows(world, &rows, at)?;
    }
    laptop::queues_are_empty(world)?;
    laptop::vaults_add_up(world)?;
    centre::oracle_agrees(world, &rows)?;
    centre::digests_agree(world, &rows)
}
