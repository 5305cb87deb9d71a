//! Waiting for a realm's next commit without a thread for each laptop that waits: one thread for
//! each realm somebody waits for, and everybody listens to it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::Duration,
};

use gladstone_protocol::ApiError;
use tokio::sync::watch::{self, Receiver, Sender};
use uuid::Uuid;

use crate::centre::Centre;

/// After so long the thread looks whether anybody still waits.
const SLICE: Duration = Duration::from_secs(1);

/// The commit numbers of all realms somebody waits for.
pub(super) struct Pulse {
    centre: Arc<Centre>,
    realms: Mutex<HashMap<Uuid, Weak<Sender<u64>>>>,
}

impl Pulse {
    pub fn new(centre: Arc<Centre>) -> Arc<Pulse> {
        Arc::new(Pulse { centre, realms: Mutex::default() })
    }

    /// The commit number of a realm, now and whenever it changes.
    ///
    /// # Errors
    /// What the centre says.
    pub fn of(self: &Arc<Self>, realm: Uuid) -> Result<Receiver<u64>, ApiError> {
        let mut realms = self.realms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = realms.get(&realm).and_then(Weak::upgrade) {
            return Ok(sender.subscribe());
        }
        let sender = Arc::new(Sender::new(self.centre.head(realm)?));
        let receiver = sender.subscribe();
        realms.insert(realm, Arc::downgrade(&sender));
        drop(realms);
        let (pulse, name) = (Arc::clone(self), format!("pulse-{}", &realm.simple().to_string()[24..]));
        let spawned = thread::Builder::new().name(name).spawn(move || pulse.beat(realm, &sender));
        spawned.map(|_| receiver).map_err(|_| ApiError::Later { after_ms: 5_000 })
    }

    fn beat(&self, realm: Uuid, sender: &Sender<u64>) {
        while self.is_listened_to(realm, sender) {
            // The number is copied: a borrow that lasted would keep it from being replaced.
            let known = *sender.borrow();
            match self.centre.wait(realm, known, SLICE) {
                Ok(g) => _ = sender.send_if_modified(|known| std::mem::replace(known, g) != g),
                Err(error) => {
                    // Those who wait go on waiting; what is wrong is told where it matters.
                    tracing::warn!(%error, "a realm's commit number cannot be read");
                    thread::sleep(SLICE);
                }
            }
        }
    }

    /// Whether anybody still waits. When nobody does, the next one starts a thread of its own.
    fn is_listened_to(&self, realm: Uuid, sender: &Sender<u64>) -> bool {
        let mut realms = self.realms.lock().unwrap_or_else(PoisonError::into_inner);
        let listened_to = sender.receiver_count() > 0;
        if !listened_to {
            realms.remove(&realm);
        }
        listened_to
    }
}

/// Waits until the number is greater than `beyond`, at most so long; returns the number.
pub(super) async fn beyond(receiver: &mut watch::Receiver<u64>, beyond: u64, at_most: Duration) -> u64 {
    // Too late, or the thread ended: the number as it is known.
    let _ = tokio::time::timeout(at_most, receiver.wait_for(|g| *g > beyond)).await;
    *receiver.borrow()
}
