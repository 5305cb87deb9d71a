//! Keeps the side-file anchor in step with the commits.

use crate::state::VaultState;

/// Called after every commit with the new state.
pub struct Anchoring {
    write: Box<dyn Fn(&VaultState) + Send + Sync>,
}

impl Anchoring {
    /// `write` stores the anchor; it must not fail the commit, which is durable already.
    pub fn new(write: impl Fn(&VaultState) + Send + Sync + 'static) -> Anchoring {
        Anchoring { write: Box::new(write) }
    }

    pub(crate) fn note(&self, state: &VaultState) {
        (self.write)(state);
    }
}
