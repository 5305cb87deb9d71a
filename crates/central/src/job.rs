//! A push on its way in: its envelopes read at once, and their signatures checked by threads of its own
//! while the first of them are judged already. No envelope is decided before its seal was looked at.

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use gladstone_protocol::{CodecFault, Entry, Mutation, entry::Body, seal, wire::{Envelope, PushRequest}};
use uuid::Uuid;

use crate::{memory::Foreseen, reach::Reach};

/// Envelopes of a push that are worth threads: a few milliseconds of checking signatures.
const SHARE: usize = 32;
/// Threads that look at one push.
const AT_ONCE: usize = 4;

/// A push on its way in.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub device: Uuid,
    pub incarnation: Uuid,
    pub epoch: Uuid,
    pub nonce: [u8; 32],
    /// The key with which the signatures are checked.
    pub public_key: [u8; 32],
    pub items: Vec<Item>,
    /// What is to be known before it is judged; of a push that was cut, more than that.
    pub reach: Arc<Reach>,
    /// What was looked at while it waited.
    pub foreseen: Arc<Mutex<Option<Foreseen>>>,
    /// The session in which it came, where that is still to be looked at.
    pub session: Option<[u8; 32]>,
    /// The store refused the first new envelope before: it is kept without effect.
    pub doubtful: bool,
}

/// One envelope, looked at by itself.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// An entry of this laptop, if its seal is right.
    Read(Box<Sealed>),
    /// Of a version that is not known here.
    Newer,
    /// Not what this laptop wrote.
    Broken,
}

/// An entry and the envelope in which it came.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub entry: Entry,
    pub envelope: Envelope,
    /// Whether hash and signature are right, once somebody looked.
    sound: OnceLock<bool>,
}

impl Sealed {
    /// Whether hash and signature are right: looked at once, by whoever asks first.
    pub fn is_sound(&self, public_key: &[u8; 32]) -> bool {
        *self.sound.get_or_init(|| seal::verify(&self.envelope.bytes, &self.envelope.hash, &self.envelope.signature.0, public_key).is_ok())
    }
}

impl Job {
    /// Reads the envelopes of a push to a realm.
    pub fn open(realm: Uuid, request: &PushRequest, public_key: [u8; 32], session: Option<[u8; 32]>) -> Job {
        let items = items(request);
        let mut reach = Reach::of(realm, items.iter().filter_map(Item::entry).filter_map(mutation));
        reach.ahead.sessions.extend(session);
        Job { device: request.device, incarnation: request.incarnation, epoch: request.epoch, nonce: request.nonce, public_key, items, reach: Arc::new(reach), foreseen: Arc::default(), session, doubtful: false }
    }

    /// Checks the seals of a short push now. Those of a long one are left to threads that run until `f`
    /// is done, which asks for each seal and checks those that nobody has reached yet.
    pub fn checked<T>(&self, f: impl FnOnce() -> T) -> T {
        let next = AtomicUsize::new(0);
        let check = || {
            while let Some(item) = self.items.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Item::Read(sealed) = item
                    && !sealed.is_sound(&self.public_key)
                {
                    // Nothing behind it is decided.
                    return;
                }
            }
        };
        if self.items.len() < 2 * SHARE {
            check();
            return f();
        }
        thread::scope(|scope| {
            // One processor is left for the thread that judges.
            for _ in 0..threads().saturating_sub(1).clamp(1, AT_ONCE) {
                scope.spawn(check);
            }
            let done = f();
            next.store(self.items.len(), Ordering::Relaxed);
            done
        })
    }

    /// Checks the seals one after the other, up to the first that is not right.
    pub fn check(&self) {
        let is_wrong = |item: &&Item| matches!(item, Item::Read(sealed) if !sealed.is_sound(&self.public_key));
        let _ = self.items.iter().find(is_wrong);
    }

    /// The envelope at a place, if it is sound.
    pub fn sound<'j>(&self, item: &'j Item) -> Option<&'j Sealed> {
        match item {
            Item::Read(sealed) => Some(sealed.as_ref()).filter(|sealed| sealed.is_sound(&self.public_key)),
            Item::Newer | Item::Broken => None,
        }
    }

    /// The first `count` envelopes alone.
    pub fn cut(&self, count: usize) -> Job {
        Job { items: self.items.iter().take(count).cloned().collect(), ..self.clone() }
    }

    /// The entries that it may bring. Not all of them need be sound.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.items.iter().filter_map(Item::entry)
    }
}

impl Item {
    fn entry(&self) -> Option<&Entry> {
        if let Item::Read(sealed) = self { Some(&sealed.entry) } else { None }
    }
}

fn mutation(entry: &Entry) -> Option<&Mutation> {
    match &entry.body {
        Body::Mutation(mutation) => Some(mutation),
        Body::Event(_) => None,
    }
}

fn item(request: &PushRequest, envelope: &Envelope) -> Item {
    match Entry::from_foreign_bytes(&envelope.bytes) {
        Err(CodecFault::OtherVersion(_)) => Item::Newer,
        Ok(entry) if entry.device == request.device && entry.incarnation == request.incarnation => Item::Read(Box::new(Sealed { entry, envelope: envelope.clone(), sound: OnceLock::new() })),
        _ => Item::Broken,
    }
}

/// The envelopes of a push, each read by itself: those of a long one by several threads.
fn items(request: &PushRequest) -> Vec<Item> {
    let look = |envelopes: &[Envelope]| envelopes.iter().map(|envelope| item(request, envelope)).collect::<Vec<_>>();
    let long = request.envelopes.len() >= 2 * SHARE;
    let threads = if long { threads().min(AT_ONCE) } else { 1 };
    if threads < 2 {
        return look(&request.envelopes);
    }
    let share = request.envelopes.len().div_ceil(threads).max(SHARE);
    thread::scope(|scope| {
        let parts: Vec<_> = request.envelopes.chunks(share).map(|part| (part, scope.spawn(move || look(part)))).collect();
        // Of a thread that broke its part is looked at here.
        parts.into_iter().flat_map(|(part, thread)| thread.join().unwrap_or_else(|_| look(part))).collect()
    })
}

fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
