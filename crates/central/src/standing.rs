//! What this process remembers of laptops, so that a pull costs what is new and not what is held:
//! which units a laptop holds, up to where, and the sum of their digests. A memory and nothing more:
//! every part of it is used only for a request that names the same set, the same history and the
//! same or a later commit number, and can be had from the store at the price of reading all units.
//! Several services on one store each have their own.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use gladstone_model::{Instant, Unit};
use gladstone_protocol::RowsDigest;
use uuid::Uuid;

use crate::rights::Rights;

/// Laptops that are remembered; then all are forgotten.
const LAPTOPS: usize = 10_000;
/// Units in all sets that are remembered, about 24 bytes each; then all are forgotten.
const UNITS: usize = 2_000_000;

/// Where a laptop stood after an answer that it was given.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// The history.
    pub epoch: Uuid,
    /// Up to which commit number.
    pub g: u64,
    /// Hash of the units that it holds as complete.
    pub hash: [u8; 32],
    /// These units.
    pub held: Arc<BTreeSet<Unit>>,
    /// Sum of their digests at `g`; none where it was not computed.
    pub sum: Option<RowsDigest>,
    /// As whom these are exactly the units that may be seen; none where more was to follow.
    pub settled: Option<Settled>,
    /// How many bytes the answer had room for.
    pub room: usize,
}

/// Rights of a person that stand as long as no row that carries rights is written.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    /// The rights.
    pub rights: Arc<Rights>,
    /// Since when.
    pub since: Instant,
    /// Until when: rights begin and end by the clock too.
    pub until: Instant,
}

impl Settled {
    /// Whether these are the rights of this person now, unless something was committed.
    pub fn stands(&self, actor: Uuid, now: Instant) -> bool {
        self.rights.actor() == actor && self.since <= now && now < self.until
    }
}

/// What is remembered.
#[derive(Default)]
pub(crate) struct Standings(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    laptops: HashMap<(Uuid, Uuid), Stood>,
    sets: HashMap<[u8; 32], Weak<BTreeSet<Unit>>>,
    units: usize,
}

/// Where one laptop stood after the last answer, and after the one before it: an answer may not reach it, or not
/// be the one that it takes.
struct Stood {
    now: Arc<Standing>,
    before: Option<Arc<Standing>>,
}

impl Standings {
    /// Where a laptop of a realm stood last.
    pub fn of(&self, realm: Uuid, device: Uuid) -> Option<Arc<Standing>> {
        self.lock().laptops.get(&(realm, device)).map(|stood| Arc::clone(&stood.now))
    }

    /// Where it stood last when it was at `g` or further back.
    pub fn until(&self, realm: Uuid, device: Uuid, g: u64) -> Option<Arc<Standing>> {
        let kept = self.lock();
        let stood = kept.laptops.get(&(realm, device))?;
        [Some(&stood.now), stood.before.as_ref()].into_iter().flatten().find(|standing| standing.g <= g).cloned()
    }

    /// Notes where a laptop stands after its answer.
    pub fn note(&self, realm: Uuid, device: Uuid, mut standing: Standing) {
        let mut kept = self.lock();
        if kept.laptops.len() >= LAPTOPS || kept.units > UNITS {
            *kept = Kept::default();
        }
        // Laptops of administrators hold the same many units.
        match kept.sets.get(&standing.hash).and_then(Weak::upgrade) {
            Some(known) => standing.held = known,
            None => {
                kept.units += standing.held.len();
                kept.sets.insert(standing.hash, Arc::downgrade(&standing.held));
            }
        }
        let now = Arc::new(standing);
        match kept.laptops.entry((realm, device)) {
            Entry::Occupied(mut entry) => {
                let stood = entry.get_mut();
                // Of two at one place the last counts.
                let former = std::mem::replace(&mut stood.now, now);
                if former.g != stood.now.g {
                    stood.before = Some(former);
                }
            }
            Entry::Vacant(entry) => _ = entry.insert(Stood { now, before: None }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
