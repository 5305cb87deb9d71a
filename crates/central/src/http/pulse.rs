//! Waiting for news without a thread for each laptop that waits: one thread for each realm somebody
//! waits for looks at what was committed, and those whom it concerns are woken.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use gladstone_protocol::ApiError;
use tokio::{sync::watch, time::timeout_at};
use uuid::Uuid;

use crate::{
    centre::Centre,
    stir::{Interest, Touch},
};

/// After so long the thread looks whether anybody still waits.
const SLICE: Duration = Duration::from_secs(1);
/// So long after the last one the thread goes on: whoever comes back finds what was touched meanwhile.
const LINGER: Duration = Duration::from_secs(120);
/// Touches that are remembered for a realm; then all are forgotten, and everybody asks once.
const TOUCHES: usize = 100_000;

/// All realms somebody waits for.
pub(super) struct Pulse {
    centre: Arc<Centre>,
    realms: Mutex<HashMap<Uuid, Arc<Beat>>>,
}

/// One realm.
pub(super) struct Beat {
    head: watch::Sender<u64>,
    trace: Mutex<Trace>,
}

/// What was touched last when.
struct Trace {
    /// Everything behind this commit number is known.
    since: u64,
    last: HashMap<Touch, u64>,
    order: BTreeSet<(u64, Touch)>,
}

impl Trace {
    fn from(since: u64) -> Trace {
        Trace { since, last: HashMap::new(), order: BTreeSet::new() }
    }

    /// Notes what was touched up to `g`; none: it may be anything.
    fn note(&mut self, g: u64, touched: Option<BTreeSet<Touch>>) {
        let Some(touched) = touched.filter(|touched| touched.len() + self.last.len() <= TOUCHES) else {
            *self = Trace::from(g);
            return;
        };
        for touch in touched {
            if let Some(before) = self.last.insert(touch, g) {
                self.order.remove(&(before, touch));
            }
            self.order.insert((g, touch));
        }
    }

    /// Whether anything behind `beyond` concerns somebody.
    fn has_news(&self, beyond: u64, interest: &Interest) -> bool {
        beyond < self.since || self.order.range((beyond + 1, Touch::FIRST)..).any(|(_, touch)| interest.concerns(touch))
    }
}

impl Pulse {
    pub fn new(centre: Arc<Centre>) -> Arc<Pulse> {
        Arc::new(Pulse { centre, realms: Mutex::default() })
    }

    /// What is committed in a realm from now on.
    ///
    /// # Errors
    /// What the centre says.
    pub fn of(self: &Arc<Self>, realm: Uuid) -> Result<Arc<Beat>, ApiError> {
        let mut realms = lock(&self.realms);
        if let Some(beat) = realms.get(&realm) {
            return Ok(Arc::clone(beat));
        }
        let head = self.centre.head(realm)?;
        let beat = Arc::new(Beat { head: watch::Sender::new(head), trace: Mutex::new(Trace::from(head)) });
        realms.insert(realm, Arc::clone(&beat));
        drop(realms);
        let (pulse, its, name) = (Arc::clone(self), Arc::clone(&beat), format!("pulse-{}", &realm.simple().to_string()[24..]));
        match thread::Builder::new().name(name).spawn(move || pulse.beat(realm, &its)) {
            Ok(_) => Ok(beat),
            Err(_) => {
                lock(&self.realms).remove(&realm);
                Err(ApiError::Later { after_ms: 5_000 })
            }
        }
    }

    fn beat(&self, realm: Uuid, beat: &Arc<Beat>) {
        let mut heard = Instant::now();
        loop {
            if beat.is_listened_to() {
                heard = Instant::now();
            } else if heard.elapsed() >= LINGER && self.ends(realm, beat) {
                return;
            }
            // The number is copied: a borrow that lasted would keep it from being replaced.
            let known = *beat.head.borrow();
            let seen = self.centre.wait(realm, known, SLICE).and_then(|g| if g > known { Ok(Some((g, self.centre.stirred(realm, known, g)?))) } else { Ok(None) });
            match seen {
                Ok(Some((g, touched))) => {
                    lock(&beat.trace).note(g, touched);
                    beat.head.send_replace(g);
                }
                Ok(None) => {}
                Err(error) => {
                    // Those who wait go on waiting; what is wrong is told where it matters.
                    tracing::warn!(%error, "what was committed cannot be read");
                    thread::sleep(SLICE);
                }
            }
        }
    }

    /// Forgets a realm for which nobody waits; false when somebody came in this moment.
    fn ends(&self, realm: Uuid, beat: &Arc<Beat>) -> bool {
        let mut realms = lock(&self.realms);
        // This thread and the table have it, and nobody else.
        let unused = Arc::strong_count(beat) <= 2 && !beat.is_listened_to();
        if unused {
            realms.remove(&realm);
        }
        unused
    }
}

impl Beat {
    fn is_listened_to(&self) -> bool {
        self.head.receiver_count() > 0
    }
}

/// Waits until something behind `beyond` is news for somebody, at most so long. Returns the realm's
/// commit number then, and `beyond` when there was nothing.
pub(super) async fn news(beat: &Beat, interest: &Interest, beyond: u64, at_most: Duration) -> u64 {
    let end = tokio::time::Instant::now() + at_most;
    let mut receiver = beat.head.subscribe();
    let mut looked = beyond;
    loop {
        let head = *receiver.borrow_and_update();
        if head > looked {
            if interest.owed || lock(&beat.trace).has_news(looked, interest) {
                return head;
            }
            looked = head;
        }
        // Too late, or the thread ended.
        if !matches!(timeout_at(end, receiver.changed()).await, Ok(Ok(()))) {
            return beyond;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
