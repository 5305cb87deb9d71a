//! How long laptops may work without contact: set for a whole organization, given to each laptop
//! with its session, and signed by the centre's own key in that organization.

use gladstone_model::Instant;
use gladstone_protocol::{Lease, SignedLease, lease::LEASE_DAYS};
use uuid::Uuid;

use crate::{centre::Centre, engine::Head, error::CentreError, own::OwnKey};

/// A lease of a laptop from `now` on.
///
/// # Errors
/// [`CentreError::Inconsistent`] when the centre's own key cannot be used.
pub(crate) fn give(head: &Head, device: Uuid, now: Instant) -> Result<SignedLease, CentreError> {
    let key = OwnKey::of(&head.seed)?;
    let lease = Lease { realm: head.realm, device, epoch: head.epoch, issued: now, days: head.lease_days };
    Ok(lease.signed(&key.public(), &key))
}

impl Centre {
    /// Days for which laptops of an organization may work without contact.
    ///
    /// # Errors
    /// What the store says.
    pub fn lease_days(&self, realm: Uuid) -> Result<u16, CentreError> {
        self.look(realm, |shelf| Ok(shelf.head()?.lease_days))
    }

    /// Sets those days, 1 to 30. Every laptop signs in again with its next contact, and has the new
    /// lease then; one that does not come in touch keeps the one it has.
    ///
    /// # Errors
    /// [`CentreError::Refused`] for other numbers; what the store says.
    pub fn set_lease_days(&self, realm: Uuid, days: u16) -> Result<(), CentreError> {
        self.served(realm)?;
        if !LEASE_DAYS.contains(&days) {
            return Err(CentreError::Refused(format!("a laptop may work {} to {} days without contact, not {days}", LEASE_DAYS.start(), LEASE_DAYS.end())));
        }
        self.engine.write(realm, &mut |shelf| Ok(shelf.set_lease_days(days)?))
    }
}
