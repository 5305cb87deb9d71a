//! The one way in: envelopes of laptops and mutations of the centre itself, in the order in which
//! they came. The chain is verified before anything, every envelope gets one verdict, and what
//! waited for one of them follows in the same transaction. How a group comes together is in
//! `queue.rs`; what a mutation does to rows in `judge.rs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gladstone_model::catalogue::SCHEMA_VERSION;
use gladstone_protocol::{
    ApiError, Entry, JournalKind, Mutation, Op, OpKind, Stored, Verdict, Writer, clock,
    entry::Body,
    wire::{Envelope, Judged, PushAnswer},
};
use uuid::Uuid;

use crate::{
    around::Around,
    engine::{Device, Filed, Held, Life, LogLine, Place, Written},
    error::CentreError,
    job::{Item, Job},
    judge::{self, Effect, Judgement},
    own::{self, OwnKey},
    raise,
    reach::Reach,
    rights::{self, Rights},
    waiting::Arrivals,
    work::{Work, key_of},
};

/// Bytes of verdicts after which the rest of a push is left for the next one.
const ANSWER_LIMIT: usize = 2 * 1024 * 1024;

/// Envelopes of a push after which what they changed is saved for the first times, while the next are judged: few
/// at first, so that the store has something to do soon, and no more than are judged while it does that.
const FIRST_PARTS: [usize; 5] = [8, 20, 40, 72, 128];
/// And then after so many each time.
const PART: usize = 128;

/// What became of a push.
pub(crate) type Answer = Result<PushAnswer, ApiError>;

/// Takes in a group of pushes, of which what they reach was read ahead. One answer for each, in their order.
///
/// # Errors
/// What the store says; nothing may be kept then.
pub(crate) fn ingest(work: &mut Work<'_>, jobs: &[Arc<Job>], around: &dyn Around) -> Result<Vec<Answer>, CentreError> {
    jobs.iter().map(|job| Intake::new(work, around).take(job)).collect()
}

/// Takes in a mutation of the centre itself. Says at which commit number it took effect; none when
/// there was nothing to do.
///
/// # Errors
/// What the store says; [`CentreError::Refused`] when it cannot take effect.
pub(crate) fn write_own(work: &mut Work<'_>, around: &dyn Around, command: &str, ops: Vec<Op>) -> Result<Option<u64>, CentreError> {
    Intake::new(work, around).own(command, ops)
}

struct Intake<'w, 's, 'a> {
    work: &'w mut Work<'s>,
    around: &'a dyn Around,
    /// What came while mutations that waited are released; none otherwise.
    arrivals: Option<Arrivals>,
}

impl<'w, 's, 'a> Intake<'w, 's, 'a> {
    fn new(work: &'w mut Work<'s>, around: &'a dyn Around) -> Intake<'w, 's, 'a> {
        Intake { work, around, arrivals: None }
    }
}

impl Intake<'_, '_, '_> {
    fn take(&mut self, job: &Job) -> Result<Answer, CentreError> {
        let received = self.work.now;
        if job.session.is_some_and(|session| !self.work.is_signed_in(session, job.device)) {
            return Ok(Err(ApiError::SignedOut));
        }
        let Some(device) = self.work.device(job.device).cloned() else { return Ok(Err(ApiError::SignedOut)) };
        let answer = |epoch: Uuid, verdicts: Vec<Judged>, next_nonce: [u8; 32]| Ok(Ok(PushAnswer { epoch, verdicts, server_time: received, next_nonce }));
        let epoch = self.work.head.epoch;
        let life = match self.work.life(job.device, job.incarnation) {
            // An earlier life that is over, or somebody with an old nonce: a copy of this laptop.
            Some(_) if job.incarnation != device.incarnation => return answer(epoch, forks(job), job.nonce),
            Some(life) if life.public_key != job.public_key => return Ok(Err(ApiError::Later { after_ms: 1_000 })),
            Some(life) => *life,
            None if device.public_key != job.public_key => return Ok(Err(ApiError::Later { after_ms: 1_000 })),
            None => Life { device: job.device, incarnation: job.incarnation, dseq: 0, head: [0; 32], hlc: self.work.last_stamp(job.device), public_key: device.public_key },
        };
        // A laptop that was put back from a backup begins a new life and has an old nonce; one that
        // comes from another history knows a nonce that this store never gave out.
        let first_contact = job.incarnation != device.incarnation || job.epoch != epoch && device.epoch != epoch;
        if !first_contact && job.nonce != device.nonce && job.nonce != device.former_nonce {
            return answer(epoch, forks(job), job.nonce);
        }
        // A life of which this history knows nothing, from a laptop that does not know of this history: what
        // former lives wrote may be missing here, and comes first once the laptop has heard.
        let is_unheard = life.dseq == 0 && job.epoch != epoch && !job.items.is_empty();
        if is_unheard && device.epoch == epoch {
            return answer(epoch, Vec::new(), job.nonce);
        }
        let mut next = Device { incarnation: job.incarnation, epoch, seen: Some(received), ..device.clone() };
        if job.nonce == device.nonce || first_contact {
            next.former_nonce = job.nonce;
            self.around.random(&mut next.nonce)?;
        }
        let nonce = next.nonce;
        self.work.put_device(next);
        if is_unheard {
            return answer(epoch, Vec::new(), nonce);
        }
        let judged = self.envelopes(job, life, &device)?;
        // Only the first one can leave nothing behind that was judged.
        if judged.is_empty() && !job.items.is_empty() {
            let text = "What this computer sent does not carry its signature. Restart Gladstone; if it stays, export what waits and join the centre again.".into();
            return Ok(Err(ApiError::Refused { code: "not_signed".into(), text }));
        }
        answer(epoch, judged, nonce)
    }

    /// The verdicts on the envelopes of a push, up to the first that ends it.
    fn envelopes(&mut self, job: &Job, mut life: Life, device: &Device) -> Result<Vec<Judged>, CentreError> {
        let mut judged = Vec::with_capacity(job.items.len());
        let mut doubtful = job.doubtful;
        let mut earlier = self.earlier(job, &life)?;
        let mut bytes = 0;
        for item in &job.items {
            let (entry, envelope) = match item {
                Item::Read(sealed) if sealed.is_sound(&job.public_key) => (&sealed.entry, &sealed.envelope),
                Item::Newer => {
                    judged.push(Judged { dseq: life.dseq + 1, verdict: Verdict::UpgradeRequired });
                    break;
                }
                Item::Read(_) | Item::Broken => break,
            };
            let place = Place { device: job.device, incarnation: job.incarnation, dseq: entry.dseq };
            let verdict = if entry.dseq <= life.dseq {
                match earlier.remove(&entry.dseq) {
                    Some((hash, stored)) if hash == envelope.hash => Verdict::Duplicate { stored },
                    _ => Verdict::Fork,
                }
            } else if entry.dseq != life.dseq + 1 {
                Verdict::Gap { expected: life.dseq + 1 }
            } else if entry.previous != life.head {
                Verdict::Fork
            } else {
                let doubt = std::mem::take(&mut doubtful);
                self.decide(&mut life, place, entry, envelope, device, doubt)?
            };
            let last = matches!(verdict, Verdict::Fork | Verdict::Gap { .. } | Verdict::UpgradeRequired);
            if matches!(verdict, Verdict::Merged { .. } | Verdict::Duplicate { stored: Stored::Merged { .. } }) {
                bytes += postcard::experimental::serialized_size(&verdict).unwrap_or(ANSWER_LIMIT);
            }
            judged.push(Judged { dseq: entry.dseq, verdict });
            if FIRST_PARTS.contains(&judged.len()) || judged.len().is_multiple_of(PART) {
                self.work.save_part()?;
            }
            if last || bytes > ANSWER_LIMIT {
                break;
            }
        }
        self.work.put_life(life);
        Ok(judged)
    }

    /// Hashes and verdicts of those envelopes of a push that came before.
    fn earlier(&mut self, job: &Job, life: &Life) -> Result<BTreeMap<u64, ([u8; 32], Stored)>, CentreError> {
        let numbers = || job.entries().map(|entry| entry.dseq).filter(|dseq| *dseq <= life.dseq);
        let (Some(from), Some(to)) = (numbers().min(), numbers().max()) else { return Ok(BTreeMap::new()) };
        let to = to.min(from.saturating_add(gladstone_protocol::limits::BATCH_COUNT as u64));
        let mut found: BTreeMap<u64, ([u8; 32], Stored)> = self.work.shelf().filed(job.device, job.incarnation, from, to)?.into_iter().map(|filed| (filed.place.dseq, (filed.envelope.hash, filed.verdict))).collect();
        for dseq in numbers() {
            let place = Place { device: job.device, incarnation: job.incarnation, dseq };
            if let Some(filed) = self.work.filed_now(place) {
                found.insert(dseq, (filed.envelope.hash, filed.verdict.clone()));
            }
        }
        Ok(found)
    }

    /// The verdict on the envelope that comes next in its chain.
    fn decide(&mut self, life: &mut Life, place: Place, entry: &Entry, envelope: &Envelope, device: &Device, doubt: bool) -> Result<Verdict, CentreError> {
        let mutation = match &entry.body {
            Body::Mutation(mutation) if mutation.schema_version > SCHEMA_VERSION => return Ok(Verdict::UpgradeRequired),
            Body::Mutation(mutation) => Some(mutation),
            Body::Event(_) => None,
        };
        life.dseq = place.dseq;
        life.head = envelope.hash;
        let received = self.work.now;
        let filed = |mutation, g, verdict: &Stored| Filed { place, envelope: envelope.clone(), received, mutation, g, verdict: verdict.clone() };
        let Some(mutation) = mutation else {
            let verdict = Stored::Applied { g: self.work.head.g };
            self.work.file(filed(None, None, &verdict));
            return Ok(verdict.into());
        };
        if let Some(known) = self.work.written(mutation.id)?.cloned() {
            let same = known.writer.actor == device.actor && mutation.actor == device.actor && self.same_ops(mutation)?;
            if let (true, Stored::Held { missing }) = (same, &known.verdict) {
                // Whoever sent it again hears under this number what becomes of it.
                self.work.hold(Held { place, mutation: mutation.id, missing: missing.clone() })?;
            }
            let stored = if same { known.verdict } else { quarantined("mutation_id", "This change carries the number of another one and was not taken. Export it, and enter it anew.") };
            self.work.file(filed(None, None, &stored));
            return Ok(if same { Verdict::Duplicate { stored } } else { stored.into() });
        }
        let seen: Vec<u64> = bases(mutation).filter_map(|base| self.work.writer(base)).map(|writer| writer.hlc).chain([life.hlc]).collect();
        let by = Writer::of(mutation, place.device, clock::lift(clock::clamp(mutation.hlc, received), seen));
        life.hlc = life.hlc.max(by.hlc);
        let refusal = if device.revoked.is_some() {
            Some(quarantined("revoked", "The right of this computer has ended. What it wrote since is kept and is shown to your organization."))
        } else if mutation.actor != device.actor {
            Some(quarantined("actor", "This was written by somebody else than the person this computer belongs to."))
        } else if !mutation.realm.is_nil() && mutation.realm != self.work.head.realm {
            Some(quarantined("realm", "This was written for another organization."))
        } else if mutation.realm.is_nil() && !self.may_come_from_before(place.device, mutation)? {
            Some(quarantined("forbidden", "This says that it was written before this computer joined, and came after what was written since. Ask an administrator to add the organization."))
        } else if doubt {
            Some(quarantined("store", "The centre cannot keep this as it is. Export it, and enter it anew."))
        } else {
            None
        };
        if !mutation.realm.is_nil() && let Some(device) = self.work.device(place.device).filter(|device| device.alone).cloned() {
            self.work.put_device(Device { alone: false, ..device });
        }
        let rights = self.work.rights(device.actor)?;
        let judgement = match refusal {
            Some(stored) => Err(stored),
            None => Ok(judge::judge(self.work, mutation, by, &rights, received)?),
        };
        let note = |g, verdict: &Stored| Written { writer: by, command: mutation.command.clone(), place, g, verdict: verdict.clone() };
        let identity = Some((by, mutation.command.clone()));
        match judgement {
            Ok(Judgement::Effect(effect)) => {
                let g = self.work.head.g + 1;
                let verdict = verdict_of(g, &effect);
                self.work.note(note(Some(g), &verdict));
                self.work.file(filed(identity, Some(g), &verdict));
                self.apply(by, effect, g)?;
                Ok(verdict.into())
            }
            Ok(Judgement::Held(missing)) => {
                let verdict = Stored::Held { missing: missing.clone() };
                self.work.note(note(None, &verdict));
                self.work.file(filed(identity, None, &verdict));
                self.work.hold(Held { place, mutation: mutation.id, missing })?;
                Ok(verdict.into())
            }
            Ok(Judgement::Refused(code, text)) => {
                let verdict = Stored::Quarantined { code, text };
                self.work.note(note(None, &verdict));
                self.work.file(filed(identity, None, &verdict));
                Ok(verdict.into())
            }
            Err(verdict) => {
                self.work.note(note(None, &verdict));
                self.work.file(filed(identity, None, &verdict));
                Ok(verdict.into())
            }
        }
    }

    /// Whether a mutation may have been written before its laptop joined, as it says. That counts for nothing
    /// but organizations, which somebody who works alone adds without being an administrator. Looked at when
    /// it comes: what is held then follows as what it was.
    fn may_come_from_before(&mut self, device: Uuid, mutation: &Mutation) -> Result<bool, CentreError> {
        let known = self.work.device(device).map(|device| (device.alone, device.actor));
        let Some((false, actor)) = known else { return Ok(true) };
        Ok(!mutation.ops.iter().any(|op| rights::is_organization(op.entity)) || self.work.rights(actor)?.is_admin())
    }

    /// Whether a mutation that is known by its id says the same as then.
    fn same_ops(&mut self, mutation: &Mutation) -> Result<bool, CentreError> {
        let Some(bytes) = self.work.bytes_of(mutation.id)? else { return Ok(false) };
        Ok(matches!(Entry::from_bytes(&bytes), Ok(Entry { body: Body::Mutation(known), .. }) if known.ops == mutation.ops && known.command == mutation.command))
    }

    /// Lets a mutation take effect as `g`, raises what a person has to decide, and lets follow what
    /// waited for it.
    fn apply(&mut self, by: Writer, effect: Effect, g: u64) -> Result<(), CentreError> {
        self.work.head.g = g;
        let mut arrived: BTreeSet<Uuid> = BTreeSet::from([by.mutation]);
        let mut decided = Vec::new();
        for touched in effect.touched {
            arrived.insert(key_of(&touched.after).id);
            decided.extend(raise::decided(touched.before.as_ref(), &touched.after));
            self.work.put(touched.before.as_ref(), touched.after, g)?;
        }
        for (at, (key, unit, news)) in effect.news.into_iter().enumerate() {
            let at = u32::try_from(at).map_err(|_| CentreError::Inconsistent("too many news of one mutation".into()))?;
            self.work.tell(LogLine { g, at, unit, key, mutation: by.mutation, news, shift: None });
        }
        self.work.told()?;
        let mut replaced = Vec::new();
        for key in effect.settles {
            replaced.extend(self.work.close_entry(key, g)?);
        }
        for key in decided {
            self.work.close_entry(key, g)?;
        }
        let mut opened = Vec::new();
        for entry in effect.journal {
            if self.work.open_entry(&entry, g)? {
                opened.push(entry);
            }
        }
        let ops = raise::ops(self.work, &opened, &effect.notices, &replaced)?;
        if !ops.is_empty() {
            self.own("centre.raise", ops)?;
        }
        if self.work.anything_held() { self.release(&arrived) } else { Ok(()) }
    }

    /// Tries again what waited for one of these, and for what comes by that, in the order in which it
    /// came first.
    fn release(&mut self, arrived: &BTreeSet<Uuid>) -> Result<(), CentreError> {
        if let Some(arrivals) = &mut self.arrivals {
            // The loop below goes on with them.
            arrivals.add(arrived.iter().copied());
            return Ok(());
        }
        self.arrivals = Some(Arrivals::default());
        self.release(arrived)?;
        while let Some(held) = match &mut self.arrivals {
            Some(arrivals) => arrivals.next(self.work.held()?),
            None => None,
        } {
            self.try_again(held)?;
        }
        self.arrivals = None;
        Ok(())
    }

    fn try_again(&mut self, held: Held) -> Result<(), CentreError> {
        let known = self.work.written(held.mutation)?.cloned().ok_or_else(lost)?;
        if known.place != held.place {
            // A copy in another life or laptop: what became of the first one is its verdict as well.
            match &known.verdict {
                Stored::Held { missing } if *missing == held.missing => {}
                Stored::Held { missing } => {
                    self.work.decide_anew(held.place, None, known.verdict.clone());
                    self.work.hold(Held { missing: missing.clone(), ..held })?;
                }
                _ => {
                    self.work.release(held.place)?;
                    self.work.decide_anew(held.place, None, known.verdict);
                }
            }
            return Ok(());
        }
        let bytes = self.work.bytes_of(held.mutation)?;
        let Some(Ok(Entry { body: Body::Mutation(mutation), .. })) = bytes.as_deref().map(Entry::from_bytes) else { return Err(lost()) };
        let rights = self.work.rights(known.writer.actor)?;
        let now = self.work.now;
        match judge::judge(self.work, &mutation, known.writer, &rights, now)? {
            Judgement::Effect(effect) => {
                let g = self.work.head.g + 1;
                let verdict = verdict_of(g, &effect);
                self.work.release(held.place)?;
                self.work.head.g = g;
                self.work.decide_anew(held.place, Some(g), verdict.clone());
                let writer = known.writer;
                self.work.note(Written { g: Some(g), verdict, ..known });
                self.apply(writer, effect, g)
            }
            Judgement::Held(missing) => {
                let verdict = Stored::Held { missing: missing.clone() };
                self.work.note(Written { verdict: verdict.clone(), ..known });
                self.work.decide_anew(held.place, None, verdict);
                self.work.hold(Held { missing, ..held })
            }
            Judgement::Refused(code, text) => {
                let verdict = Stored::Quarantined { code, text };
                self.work.release(held.place)?;
                self.work.note(Written { verdict: verdict.clone(), ..known });
                self.work.decide_anew(held.place, None, verdict);
                Ok(())
            }
        }
    }

    /// A mutation of the centre: filed in its own chain, judged like every other.
    fn own(&mut self, command: &str, ops: Vec<Op>) -> Result<Option<u64>, CentreError> {
        if ops.is_empty() {
            return Ok(None);
        }
        let head = self.work.head.clone();
        let key = OwnKey::of(&head.seed)?;
        self.work.load_devices(&[head.device])?;
        let mut life = self.work.life(head.device, head.epoch).copied().unwrap_or_else(|| own::new_life(&head, &key));
        let received = self.work.now;
        let (mutation, envelope) = own::entry(&head, &life, &key, self.around.new_id()?, command, ops, received)?;
        self.work.read_ahead(&Reach::of(head.realm, std::iter::once(&mutation)))?;
        let place = Place { device: life.device, incarnation: life.incarnation, dseq: life.dseq + 1 };
        let seen: Vec<u64> = bases(&mutation).filter_map(|base| self.work.writer(base)).map(|writer| writer.hlc).chain([life.hlc]).collect();
        let by = Writer::of(&mutation, place.device, clock::lift(clock::clamp(mutation.hlc, received), seen));
        let rights = Rights::of_the_centre(head.realm, head.device);
        let effect = match judge::judge(self.work, &mutation, by, &rights, received)? {
            Judgement::Effect(effect) => effect,
            Judgement::Held(missing) => return Err(CentreError::Refused(format!("something that this needs is not here: {missing:?}"))),
            Judgement::Refused(_, text) => return Err(CentreError::Refused(text)),
        };
        let g = self.work.head.g + 1;
        let verdict = verdict_of(g, &effect);
        life = Life { dseq: place.dseq, head: envelope.hash, hlc: by.hlc, ..life };
        self.work.put_life(life);
        self.work.note(Written { writer: by, command: command.into(), place, g: Some(g), verdict: verdict.clone() });
        self.work.file(Filed { place, envelope, received, mutation: Some((by, command.into())), g: Some(g), verdict });
        self.apply(by, effect, g)?;
        Ok(Some(g))
    }
}

/// The verdict for a mutation that takes effect.
fn verdict_of(g: u64, effect: &Effect) -> Stored {
    let telling = effect.journal.iter().any(|entry| entry.kind != JournalKind::Agreed);
    if telling { Stored::Merged { g, journal: effect.journal.clone() } } else { Stored::Applied { g } }
}

fn lost() -> CentreError {
    CentreError::Inconsistent("a mutation that waits is not there".into())
}

fn quarantined(code: &str, text: &str) -> Stored {
    Stored::Quarantined { code: code.into(), text: text.into() }
}

fn forks(job: &Job) -> Vec<Judged> {
    job.items.iter().filter_map(|item| job.sound(item)).map(|sealed| Judged { dseq: sealed.entry.dseq, verdict: Verdict::Fork }).collect()
}

/// The mutations whose values the author of this one had seen.
fn bases(mutation: &Mutation) -> impl Iterator<Item = Uuid> + '_ {
    mutation.ops.iter().flat_map(|op| match &op.kind {
        OpKind::Create(_) => Vec::new(),
        OpKind::Update(patches) => patches.iter().map(|patch| patch.base).collect(),
        OpKind::EnterInError { base, .. } => vec![*base],
    })
}
