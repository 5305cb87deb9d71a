//! The herd: many laptops download an organization for the first time at once, while as many others
//! work on. The centre is the shipped program with its usual limits of how many work at once; the
//! laptops are the product's HTTP client and protocol without vaults, which would be the bottleneck.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Barrier, Mutex, PoisonError, atomic::{AtomicBool, AtomicUsize, Ordering}},
    thread,
    time::{Duration, Instant},
};

use gladstone_model::{Unit, catalogue::SCHEMA_VERSION};
use gladstone_protocol::{ApiError, SyncApi, enrol::{EnrolRequest, from_hex, to_hex}, wire::{Bootstrap, PullRequest, unit_set_hash}};
use gladstone_sync::{HttpCentre, JoinLink, Remote};
use uuid::Uuid;

use crate::{
    herd_entries::{Pen, sign},
    place::{Place, text},
    report::{Line, Report, Samples, Target},
    sync_centre::{Served, Store},
    sync_laptop::Laptop,
};

/// Time between two changes of one laptop that works on.
const BETWEEN: Duration = Duration::from_secs(5);
/// A laptop whose first download takes longer has failed.
const LONGEST: Duration = Duration::from_secs(900);
/// The organization that is downloaded is a tenth of workload W, so that a run takes minutes.
const SHARE: u32 = 10;
/// Threads that let laptops join before the clock runs.
const JOINING: usize = 8;
/// Laptops whose rounds are timed before the herd comes.
const ALONE: usize = 50;
/// Stack of one laptop's thread.
const STACK: usize = 512 * 1024;

/// A laptop without a vault.
struct Peer {
    pen: Pen,
    remote: HttpCentre,
    from_g: u64,
    units: BTreeSet<Unit>,
    begun: BTreeMap<Unit, Bootstrap>,
}

/// What the herd saw.
#[derive(Default)]
struct Seen {
    downloads: Samples,
    rounds: Samples,
    asked_to_wait: usize,
    faults: Vec<String>,
}

/// Measures both stores, or one by its name.
///
/// # Errors
/// What the centre or the disk say.
pub fn measure(place: &Place, target: &Path, responses: u32, herd: u32, store: Option<&str>, report: &mut Report) -> Result<(), String> {
    let program = std::path::absolute(target.join("release/gladstone")).map_err(text)?;
    let responses = (responses / SHARE).max(100);
    for store in Store::ALL.into_iter().filter(|one| store.is_none_or(|name| name.eq_ignore_ascii_case(one.name()))) {
        println!("\nthe herd, {}: {herd} first downloads of {responses} responses at once, and {herd} laptops that work on", store.name());
        let folder = place.fresh("herd")?;
        let laptop = Laptop::with_work(&folder.join("a"), responses)?;
        let served = Served::start(&program, folder.join("centre"), store, false)?;
        laptop.join(&served, Some("Amara Bench"))?.push()?;
        let admin = laptop.vault().state().actor;
        laptop.close()?;
        let newcomers = join_all(&served, herd, "admin", Some(admin))?;
        let mut workers = join_all(&served, herd, "trainer", None)?;
        let alone = work_alone(&mut workers)?;
        let (before, start) = (served.processor(), Instant::now());
        let seen = run(newcomers, workers)?;
        let (seconds, processor) = (start.elapsed().as_secs_f64(), served.processor() - before);
        lines(store.name(), herd, seconds, processor, &seen, &alone, served.memory().1, report);
        drop(served);
        std::fs::remove_dir_all(&folder).map_err(text)?;
    }
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "one figure each")]
fn lines(store: &str, herd: u32, seconds: f64, processor: f64, seen: &Seen, alone: &Samples, memory: f64, report: &mut Report) {
    let one = |value: f64| {
        let mut samples = Samples::default();
        samples.push(value);
        samples
    };
    report.add(Line::new(format!("herd of {herd}, {store}: a change sent and news fetched meanwhile; floor: before the herd"), "ms", &seen.rounds, Target::P99(2_000.0)).with_p99(&seen.rounds).beside(alone));
    report.add(Line::new(format!("herd of {herd}, {store}: a first download"), "s", &seen.downloads, Target::None).with_p99(&seen.downloads));
    report.add(Line::new(format!("herd of {herd}, {store}: all of them"), "s", &one(seconds), Target::None));
    report.add(Line::new(format!("herd of {herd}, {store}: faults"), "", &one(seen.faults.len() as f64), Target::Median(1.0)));
    report.add(Line::new(format!("herd of {herd}, {store}: peak memory of the centre"), "MB", &one(memory), Target::None));
    report.add(Line::new(format!("herd of {herd}, {store}:   processor of the centre for it"), "s", &one(processor), Target::None));
    println!("  asked to wait {} times; {} rounds{}", seen.asked_to_wait, seen.rounds.count(), seen.faults.first().map_or(String::new(), |fault| format!("; first fault: {fault}")));
}

fn join_all(served: &Served, count: u32, role: &str, user: Option<Uuid>) -> Result<Vec<Peer>, String> {
    let links = (0..count).map(|number| served.link(served.address, &format!("Worker {number}"), role, user)).collect::<Result<Vec<_>, _>>()?;
    let (joined, next) = (Mutex::new(Vec::with_capacity(links.len())), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..JOINING {
            scope.spawn(|| {
                while let Some(link) = links.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let peer = Peer::join(link);
                    joined.lock().unwrap_or_else(PoisonError::into_inner).push(peer);
                }
            });
        }
    });
    joined.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect()
}

/// Each laptop's own first download, not counted; then a round of some of them with nobody else there.
fn work_alone(workers: &mut [Peer]) -> Result<Samples, String> {
    let mut alone = Samples::default();
    for (number, worker) in workers.iter_mut().enumerate() {
        worker.pull(&mut 0)?;
        if number < ALONE {
            let start = Instant::now();
            worker.round(&mut 0)?;
            alone.push_ms(start.elapsed());
        }
    }
    Ok(alone)
}

fn run(newcomers: Vec<Peer>, workers: Vec<Peer>) -> Result<Seen, String> {
    let (seen, left, over) = (Mutex::new(Seen::default()), AtomicUsize::new(newcomers.len()), AtomicBool::new(false));
    let together = Barrier::new(newcomers.len() + workers.len());
    let count = workers.len().max(1) as u32;
    let note = |f: &mut dyn FnMut(&mut Seen)| f(&mut seen.lock().unwrap_or_else(PoisonError::into_inner));
    thread::scope(|scope| {
        let mut started = Vec::new();
        for mut peer in newcomers {
            let (note, left, over, together) = (&note, &left, &over, &together);
            started.push(thread::Builder::new().stack_size(STACK).spawn_scoped(scope, move || {
                together.wait();
                let (start, mut waits) = (Instant::now(), 0);
                let result = peer.pull(&mut waits);
                note(&mut |seen| {
                    seen.asked_to_wait += waits;
                    match &result {
                        Ok(()) => seen.downloads.push(start.elapsed().as_secs_f64()),
                        Err(why) => seen.faults.push(format!("first download: {why}")),
                    }
                });
                if left.fetch_sub(1, Ordering::SeqCst) == 1 {
                    over.store(true, Ordering::SeqCst);
                }
            }));
        }
        for (number, mut peer) in workers.into_iter().enumerate() {
            let (note, over, together) = (&note, &over, &together);
            started.push(thread::Builder::new().stack_size(STACK).spawn_scoped(scope, move || {
                together.wait();
                let mut due = Instant::now() + BETWEEN * number as u32 / count;
                while !over.load(Ordering::SeqCst) {
                    thread::sleep(due.saturating_duration_since(Instant::now()).min(Duration::from_millis(250)));
                    if Instant::now() < due {
                        continue;
                    }
                    let (start, mut waits) = (Instant::now(), 0);
                    let result = peer.round(&mut waits);
                    note(&mut |seen| {
                        seen.asked_to_wait += waits;
                        match &result {
                            Ok(()) => seen.rounds.push_ms(start.elapsed()),
                            Err(why) => seen.faults.push(format!("round: {why}")),
                        }
                    });
                    due = start + BETWEEN;
                }
            }));
        }
        // A thread that does not start leaves the others at the barrier; the process ends then.
        started.into_iter().find_map(Result::err).map(text)
    }).map_or(Ok(()), Err)?;
    Ok(seen.into_inner().unwrap_or_else(PoisonError::into_inner))
}

impl Peer {
    fn join(link: &JoinLink) -> Result<Peer, String> {
        let remote = HttpCentre::new(link.address.clone(), link.authority.as_deref()).map_err(text)?;
        let (mut pen, device, incarnation) = (Pen::new()?, Uuid::now_v7(), Uuid::now_v7());
        let request = EnrolRequest { code: link.code.clone(), device, incarnation, public_key: to_hex(&pen.public_key()), label: "Measured".into(), actor: None, name: None };
        let answer = remote.enrol(&request).map_err(text)?;
        pen.joined(device, incarnation, answer.realm, answer.actor, answer.epoch, from_hex(&answer.nonce).ok_or("a nonce that cannot be read")?);
        remote.sign_in(device, &|message| Some(sign(&pen, message))).map_err(text)?;
        Ok(Peer { pen, remote, from_g: 0, units: BTreeSet::new(), begun: BTreeMap::new() })
    }

    /// Sends one change, and fetches what is new.
    fn round(&mut self, waits: &mut usize) -> Result<(), String> {
        let request = self.pen.next()?;
        let answer = patiently(waits, || self.remote.push(&request))?;
        self.pen.taken(&answer)?;
        self.pull(waits)
    }

    /// Fetches until nothing more comes.
    fn pull(&mut self, waits: &mut usize) -> Result<(), String> {
        loop {
            let request = PullRequest {
                realm: self.pen.realm,
                device: self.pen.device,
                incarnation: self.pen.incarnation,
                epoch: self.pen.epoch,
                from_g: self.from_g,
                units: unit_set_hash(self.units.iter().copied()),
                schema_version: SCHEMA_VERSION,
                bootstrap: self.begun.values().cloned().collect(),
                compare: None,
                ahead: None,
            };
            let answer = patiently(waits, || self.remote.pull(&request))?;
            self.from_g = answer.to_g;
            for left in &answer.drops {
                self.units.remove(&left.unit);
                self.begun.remove(&left.unit);
            }
            self.begun.values_mut().for_each(|begun| begun.at_g = answer.to_g);
            for granted in &answer.grants {
                let before = self.begun.remove(&granted.unit).and_then(|begun| begun.after);
                if granted.pages.iter().any(|page| !page.is_whole()) {
                    return Err("a page is not what its hash says".into());
                }
                if granted.complete {
                    self.units.insert(granted.unit);
                } else {
                    let after = granted.pages.last().map(|page| page.to).or(before);
                    self.begun.insert(granted.unit, Bootstrap { unit: granted.unit, at_g: answer.to_g, after });
                }
            }
            if !answer.more {
                return Ok(());
            }
        }
    }
}

/// Asks again for as long as the centre asks to wait.
fn patiently<T>(waits: &mut usize, mut ask: impl FnMut() -> Result<T, ApiError>) -> Result<T, String> {
    let start = Instant::now();
    loop {
        let after_ms = match ask() {
            Err(ApiError::Later { after_ms }) => after_ms,
            // A laptop takes a broken line for the same thing and comes again after two seconds.
            Err(ApiError::Offline) => 2_000,
            result => return result.map_err(text),
        };
        if start.elapsed() > LONGEST {
            return Err("the centre asked to wait for too long".into());
        }
        *waits += 1;
        thread::sleep(Duration::from_millis(after_ms));
    }
}
