//! Early pushes: each waits, read and checked, until everything in front of it is here. One of a laptop at
//! most, some of all laptops, and not for long; whoever does not wait is told of the gap, which harms nothing.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use gladstone_protocol::{ApiError, wire::PushAnswer};
use tokio::{sync::watch, time::{Instant, timeout}};
use uuid::Uuid;

use super::answer::Fault;
use crate::centre::Caller;

/// Longest time that a push waits for the one in front of it.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked whether another copy of the service took that one in.
const LOOK: Duration = Duration::from_millis(50);
/// Pushes that wait at once: each may have some megabytes.
const MOST: usize = 64;

/// Life of a laptop, and number of the last entry that was taken in.
type Through = (Uuid, u64);

/// The pushes that wait, by laptop.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<Uuid, watch::Sender<Through>>>);

/// The place of one that waits.
struct Place<'t> {
    turns: &'t Turns,
    device: Uuid,
    through: watch::Receiver<Through>,
}

impl Turns {
    /// Waits until what is in front of entry `first` was taken in here, `look` says so, or for long enough, or
    /// until the service ends.
    pub async fn wait<F: Future<Output = Result<bool, Fault>>>(&self, device: Uuid, life: Uuid, first: Option<u64>, ending: &mut watch::Receiver<bool>, look: impl Fn() -> F) -> Result<(), Fault> {
        let (Some(mut place), Some(first)) = (self.enter(device), first) else { return Ok(()) };
        let end = Instant::now() + PATIENCE;
        while !look().await? && Instant::now() < end {
            let here = place.through.wait_for(|(taken, through)| *taken == life && first <= through.saturating_add(1));
            tokio::select! {
                here = timeout(LOOK, here) => if here.is_ok() { return Ok(()) },
                _ = ending.wait_for(|ending| *ending) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Tells the one that waits how far a push of its laptop was taken in, and gives the answer on.
    ///
    /// # Errors
    /// That of the answer.
    pub fn through(&self, caller: &Caller, life: Uuid, answer: Result<PushAnswer, ApiError>) -> Result<PushAnswer, ApiError> {
        let answer = answer?;
        let last = answer.verdicts.iter().rev().find(|judged| judged.verdict.stored().is_some()).map(|judged| judged.dseq);
        if let (Some(last), Some(waits)) = (last, self.waiting().get(&caller.device)) {
            waits.send_replace((life, last));
        }
        Ok(answer)
    }

    fn enter(&self, device: Uuid) -> Option<Place<'_>> {
        let mut waiting = self.waiting();
        if waiting.len() >= MOST || waiting.contains_key(&device) {
            return None;
        }
        let sender = watch::Sender::new((Uuid::nil(), 0));
        let through = sender.subscribe();
        waiting.insert(device, sender);
        Some(Place { turns: self, device, through })
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Uuid, watch::Sender<Through>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.turns.waiting().remove(&self.device);
    }
}
