//! Looking at files while they come, so that little is left to look at when the last part is there. What
//! was looked at is what was added to the part; a part that somebody else began anew has another mark,
//! one that somebody else added to has another length, and is looked at as a whole then.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use gladstone_protocol::content::{Arriving, ContentKey};
use uuid::Uuid;

use super::{Bringing, keeping::{Held, Mark, Name}};

/// Files that are looked at while they come, at a time.
const MOST: usize = 32;
/// How long one is remembered of which no more comes.
const REMEMBERED: Duration = Duration::from_secs(300);

/// The files that are looked at.
#[derive(Default)]
pub(super) struct Lookout(Mutex<HashMap<(Uuid, Uuid, Name), Looking>>);

/// One of them.
pub(super) struct Looking {
    mark: Mark,
    /// Bytes that were given to it.
    received: u64,
    last: Instant,
    work: Arc<Work>,
}

struct Work {
    /// None once it was looked at to the end.
    state: Mutex<Option<Arriving>>,
    waiting: Mutex<VecDeque<Vec<u8>>>,
}

impl Lookout {
    /// What was looked at of a part until now; none when that is not all of it.
    pub fn take(&self, of: &Bringing<'_>, name: &Name, held: &dyn Held) -> Option<Looking> {
        let known = lock(&self.0).remove(&(of.realm, of.device, *name));
        if held.received() > 0 {
            return known.filter(|known| known.received == held.received() && held.has(&known.mark));
        }
        // Where records disagree about the size, it is looked at when all of it is there.
        let [size] = of.sizes else { return None };
        let arriving = Arriving::new(ContentKey::shared(of.realm, &of.hash), of.hash, *size);
        Some(Looking { mark: held.mark()?, received: 0, last: Instant::now(), work: Arc::new(Work { state: Mutex::new(Some(arriving)), waiting: Mutex::default() }) })
    }

    /// Looks at what was added, beside what comes next.
    pub fn go_on(&self, of: &Bringing<'_>, name: &Name, mut looking: Looking, bytes: &[u8]) {
        looking.received += bytes.len() as u64;
        looking.last = Instant::now();
        lock(&looking.work.waiting).push_back(bytes.to_vec());
        let work = Arc::clone(&looking.work);
        // Without a thread it is done at the end.
        let _ = thread::Builder::new().name("look-at-file".into()).spawn(move || drop(work.go()));
        let mut all = lock(&self.0);
        all.retain(|_, other| other.last.elapsed() < REMEMBERED);
        if all.len() < MOST {
            all.insert((of.realm, of.device, *name), looking);
        }
    }
}

impl Looking {
    /// Looks at the last bytes; whether all of it is the file.
    pub fn finish(self, bytes: &[u8]) -> bool {
        let Some(mut arriving) = self.work.go().take() else { return false };
        feed(&mut arriving, bytes);
        arriving.finish()
    }
}

impl Work {
    /// Looks at everything that waits.
    fn go(&self) -> MutexGuard<'_, Option<Arriving>> {
        let mut state = lock(&self.state);
        loop {
            let next = lock(&self.waiting).pop_front();
            let Some(bytes) = next else { return state };
            if let Some(arriving) = state.as_mut() {
                feed(arriving, &bytes);
            }
        }
    }
}

/// Nothing is kept of what is opened.
fn feed(arriving: &mut Arriving, bytes: &[u8]) {
    let Ok(()) = arriving.add(bytes, |_| Ok::<_, Infallible>(()));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
