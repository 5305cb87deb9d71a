//! A world: laptops, a centre, time, and the steps of a program that change them. What must hold
//! is asked after each step and once more at the end; see `invariants`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gladstone_central::Portions;
use gladstone_model::Instant;
use gladstone_protocol::{ApiError, Stored};
use gladstone_sync::{
    Phase, Report,
    engine::{Fault, Input, Now, Output},
    flights,
};
use gladstone_testkit::{Dice, Image};
use gladstone_vault::replica::EntryState;
use uuid::Uuid;

use crate::{
    act::Desk,
    canary::{self, Canary},
    host::{Backup, Host},
    invariants::{self, Broken},
    laptop::{self, Laptop},
    line::{self, Inner, Line},
    numbers::Numbers,
    step::{Act, Span, Step, What, Wrong},
    time::{BEGINNING, DAY, Machine, Time},
};

/// Laptops at most.
const LAPTOPS: usize = 6;
/// Rounds after which everybody has to be done once the faults ended.
const ROUNDS: usize = 14;
/// For how long a backup of the centre may be used: laptops keep what was acknowledged for 30 days.
const BACKUP: i64 = 20 * DAY;

/// The world.
pub struct World {
    /// True time.
    pub time: Arc<Time>,
    /// The centre.
    pub host: Host,
    /// The laptops.
    pub laptops: Vec<Laptop>,
    /// What happened, in words.
    pub trace: Vec<String>,
    /// What happened, in numbers.
    pub numbers: Numbers,
    /// Mutations that only the centre has, and that it said it has.
    pub entrusted: BTreeSet<Uuid>,
    colleagues: Vec<Uuid>,
    kept: BTreeMap<usize, (Image, BTreeMap<Uuid, usize>)>,
    backup: Option<(i64, Backup)>,
    canary: Option<Canary>,
    seed: u64,
    drawn: u64,
}

impl World {
    /// An administrator, two trainers, and a laptop that works alone; the first three have joined
    /// and share some records.
    pub fn new(seed: u64, canary: Option<Canary>) -> Result<World, Broken> {
        let time = Time::new();
        let host = Host::new(Machine::new(&time, seed ^ 0xc0de), portions(seed));
        let people: [(&str, &str); 4] = [("Amara", "admin"), ("Leila", "trainer"), ("Omar", "trainer"), ("Kofi", "trainer")];
        let colleagues: Vec<Uuid> = (0..people.len()).map(|at| Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_00a0 | at as u128)).collect();
        let mut world = World {
            time,
            host,
            laptops: Vec::new(),
            trace: Vec::new(),
            numbers: Numbers::default(),
            entrusted: BTreeSet::new(),
            colleagues: colleagues.clone(),
            kept: BTreeMap::new(),
            backup: None,
            canary,
            seed,
            drawn: 0,
        };
        for (at, (name, role)) in people.into_iter().enumerate() {
            let machine = world.machine();
            world.laptops.push(Laptop::new(at, colleagues[at], name, role, machine));
        }
        for at in 0..3 {
            world.join(at)?;
        }
        let mut dice = Dice::new(seed ^ 0x5e7);
        (0..3).chain(0..3).try_for_each(|at| world.synchronize(at, 0, &mut dice, None).map(drop))?;
        for (at, act) in [(0, Act::Questionnaire), (1, Act::Register), (1, Act::Register), (2, Act::Register), (1, Act::Entrust), (3, Act::Register), (3, Act::Mood)] {
            let told = world.edit(at, act, &mut dice, 0)?;
            world.trace.push(format!("at the beginning: {told}"));
        }
        (0..3).chain(0..3).try_for_each(|at| world.synchronize(at, 0, &mut dice, None).map(drop))?;
        // Most people are in the care of two trainers, so that they meet.
        for act in [Act::Entrust, Act::Entrust, Act::Entrust, Act::Enrol, Act::Answer, Act::Appointment] {
            let pick = dice.roll();
            let told = world.edit(0, act, &mut dice, pick)?;
            world.trace.push(format!("at the beginning: {told}"));
        }
        (0..3).chain(0..3).try_for_each(|at| world.synchronize(at, 0, &mut dice, None).map(drop))?;
        Ok(world)
    }

    /// Lets a step happen, and asks what must hold.
    pub fn step(&mut self, step: &Step) -> Result<(), Broken> {
        self.numbers.steps += 1;
        let mut dice = Dice::new(step.seed);
        let outcome = self.perform(step.what, &mut dice)?;
        self.host.follow().map_err(|why| Broken::new(2, why))?;
        let head = self.host.head();
        self.trace.push(format!("{step}: {outcome}; head {head}, time {}", (self.time.peek() - BEGINNING) / 1_000_000));
        Ok(())
    }

    /// No further fault: everybody synchronizes until nothing is left to do. Then everything must
    /// hold.
    pub fn finish(&mut self) -> Result<(), Broken> {
        let mut dice = Dice::new(self.seed ^ 0xf1a1);
        self.arrive();
        for at in 0..self.laptops.len() {
            self.join(at)?;
        }
        let mut round = 0;
        loop {
            let before = self.host.head();
            let mut busy = Vec::new();
            for at in 0..self.laptops.len() {
                // First what the engine does by itself, then what its person does.
                let by_itself = round > 0 || self.laptops[at].engine.status().phase == Phase::Off;
                let phase = if by_itself { self.wake(at, &mut dice)? } else { self.synchronize(at, 0, &mut dice, None)? };
                if phase != Phase::Idle && phase != Phase::Revoked {
                    busy.push(format!("laptop {at} ({phase:?}, {})", self.laptops[at].engine.status().in_words()));
                }
            }
            let head = self.host.head();
            let behind = self.laptops.iter().filter(|laptop| laptop.engine.status().phase == Phase::Idle && laptop.vault().replica().is_ok_and(|replica| replica.is_none_or(|replica| replica.from_g != head))).count();
            if busy.is_empty() && behind == 0 && head == before {
                break;
            }
            round += 1;
            if round == ROUNDS {
                return Err(Broken::new(7, format!("after {ROUNDS} rounds without a fault it goes on: {}, {behind} behind {head}", busy.join(", "))));
            }
        }
        self.trace.push(format!("everybody is done after {round} rounds at {}", self.host.head()));
        let filed = self.host.filed();
        self.numbers.effects = filed.iter().filter(|filed| filed.g.is_some()).count() as u64;
        self.numbers.quarantined = filed.iter().filter(|filed| filed.mutation.is_some() && matches!(filed.verdict, Stored::Quarantined { .. })).count() as u64;
        self.numbers.held = filed.iter().filter(|filed| filed.mutation.is_some() && matches!(filed.verdict, Stored::Held { .. })).count() as u64;
        let tasks: Vec<_> = self.host.rows(Some(&["conflicts"])).into_values().filter_map(|row| row.into_state().ok()).collect();
        self.numbers.conflicts = tasks.len() as u64;
        self.numbers.decided = tasks.iter().filter(|(task, _)| task.row.text("status") != "open").count() as u64;
        invariants::all(self, &filed)?;
        self.note_stand();
        Ok(())
    }

    /// How the world stands, for the comparison of two runs.
    fn note_stand(&mut self) {
        let mut hasher = blake3::Hasher::new();
        let rows = self.host.rows(None);
        hasher.update(&postcard::to_stdvec(&rows.into_values().collect::<Vec<_>>()).unwrap());
        for laptop in &self.laptops {
            let rows = laptop.view(None);
            hasher.update(&postcard::to_stdvec(&rows.into_values().collect::<Vec<_>>()).unwrap());
            hasher.update(&laptop.vault().state().chain_head);
        }
        self.trace.push(format!("all rows: {}", hasher.finalize().to_hex()));
    }

    fn machine(&mut self) -> Arc<Machine> {
        self.drawn += 1;
        Machine::new(&self.time, self.seed.wrapping_mul(1_000_003) ^ self.drawn << 32)
    }

    fn fault(&mut self, kind: &str) {
        *self.numbers.faults.entry(kind.to_owned()).or_default() += 1;
    }

    fn perform(&mut self, what: What, dice: &mut Dice) -> Result<String, Broken> {
        let at = |number: usize, laptops: &[Laptop]| number % laptops.len();
        match what {
            What::Edit(number, act) => {
                let at = at(number, &self.laptops);
                let pick = dice.roll();
                self.edit(at, act, dice, pick)
            }
            What::Clash(act) => {
                let pick = dice.roll();
                let mut done = Vec::new();
                for at in 0..self.laptops.len() {
                    if dice.below(3) > 0 {
                        done.push(self.edit(at, act, dice, pick)?);
                    }
                }
                Ok(done.join(", "))
            }
            What::Sync(number, chance) => {
                let at = at(number, &self.laptops);
                Ok(format!("{:?}", self.synchronize(at, chance, dice, None)?))
            }
            What::SyncAll => {
                let phases: Result<Vec<_>, _> = (0..self.laptops.len()).map(|at| self.synchronize(at, 0, dice, None)).collect();
                Ok(format!("{:?}", phases?))
            }
            What::Kill(number) => {
                let at = at(number, &self.laptops);
                self.fault("laptop killed");
                let image = self.laptops[at].image();
                self.laptops[at].restart(&image);
                self.check(at)
            }
            What::KillInSync(number) => {
                let at = at(number, &self.laptops);
                self.fault("laptop killed in sync");
                let after = 1 + dice.below(5);
                Ok(format!("{:?}", self.synchronize(at, 0, dice, Some(after))?))
            }
            What::KillCentre => {
                self.fault("centre killed");
                self.host.restart().map_err(|why| Broken::new(1, why))?;
                Ok("is back".into())
            }
            What::Clone(number) => self.copy(at(number, &self.laptops)),
            What::Keep(number) => {
                let at = at(number, &self.laptops);
                if self.laptops[at].has_joined() {
                    let kept = (self.laptops[at].image(), self.laptops[at].saved.clone());
                    self.kept.insert(at, kept);
                }
                Ok("kept".into())
            }
            What::SetBack(number, notices) => match self.kept.keys().nth(number % self.kept.len().max(1)) {
                Some(at) => self.set_back(*at, notices),
                None => Ok("nothing was kept".into()),
            },
            What::Backup => {
                self.backup = Some((self.time.peek(), self.host.backup()));
                Ok("kept".into())
            }
            What::PutBack => self.put_back(),
            What::Revoke(number) => self.revoke(at(number, &self.laptops)),
            What::Clock(number, wrong) => {
                let at = at(number, &self.laptops);
                self.fault("clock set");
                self.laptops[at].machine.set_wrong_by(match wrong {
                    Wrong::No => 0,
                    Wrong::DayAhead => DAY,
                    Wrong::DayBehind => -DAY,
                    Wrong::Year9999 => 7_970 * 365 * DAY,
                });
                Ok("set".into())
            }
            What::Pass(span) => {
                self.time.pass(match span {
                    Span::Minutes => DAY / 144,
                    Span::Hours => DAY / 3,
                    Span::Weeks => 7 * DAY,
                });
                Ok("gone".into())
            }
            What::TrimLog => {
                self.fault("log trimmed");
                let head = self.host.head();
                self.host.centre().trim_log(self.host.realm, head).map_err(|error| Broken::new(7, error.to_string()))?;
                Ok(format!("up to {head}"))
            }
            What::DiskFull(number, pages) => self.disk_full(at(number, &self.laptops), pages, dice),
            What::Arrive => Ok(format!("{} messages", self.arrive())),
            What::Join(number) => self.join(at(number, &self.laptops)),
            What::Decide(number) => self.decide(at(number, &self.laptops), dice),
        }
    }

    /// Somebody writes something. What the screen confirms has to be there from then on.
    fn edit(&mut self, at: usize, act: Act, dice: &mut Dice, pick: u64) -> Result<String, Broken> {
        let laptop = &self.laptops[at];
        let state = laptop.vault().state();
        let mut desk = Desk { vault: laptop.vault(), realm: state.realm, colleagues: &self.colleagues, pick, dice: Dice::new(dice.roll()) };
        let done = desk.act(act);
        let told = match done {
            Ok(Some(id)) => {
                self.numbers.mutations += 1;
                let number = self.numbers.mutations as usize;
                self.laptops[at].saved.insert(id, number);
                format!("{at} saves {act:?}")
            }
            Ok(None) => "nothing to do".into(),
            Err(error) if laptop::is_disk(&error) => "the disk is full".into(),
            Err(error) => format!("{error}"),
        };
        if self.canary == Some(Canary::ForgetsItsOutbox) && self.laptops[at].has_joined() && dice.below(4) == 0 {
            canary::forget_outbox(self.laptops[at].vault().path());
        }
        if self.canary == Some(Canary::Flickers) && dice.below(4) == 0 {
            canary::flicker(self.laptops[at].vault().path());
        }
        self.check(at)?;
        Ok(told)
    }

    /// One round of the engine, begun by its person.
    fn synchronize(&mut self, at: usize, chance: usize, dice: &mut Dice, gone_after: Option<usize>) -> Result<Phase, Broken> {
        if !self.laptops[at].has_joined() {
            return Ok(Phase::Idle);
        }
        let off = self.laptops[at].engine.status().phase == Phase::Off;
        let phase = self.fly(at, if off { Input::Start } else { Input::SyncNow }, chance, dice, gone_after)?;
        self.help(at, phase, chance == 0 && gone_after.is_none(), dice)
    }

    /// Time passes until the engine wants to go on by itself.
    fn wake(&mut self, at: usize, dice: &mut Dice) -> Result<Phase, Broken> {
        let laptop = &self.laptops[at];
        let wait = (laptop.wake_at as i64).saturating_sub(self.millis() as i64).max(0);
        self.time.pass(wait * 1_000);
        let off = laptop.engine.status().phase == Phase::Off;
        let phase = self.fly(at, if off { Input::Start } else { Input::Tick }, 0, dice, None)?;
        self.help(at, phase, true, dice)
    }

    /// What a person does when the engine needs one.
    fn help(&mut self, at: usize, phase: Phase, honest: bool, dice: &mut Dice) -> Result<Phase, Broken> {
        let laptop = &self.laptops[at];
        let device = laptop.vault().state().device;
        match phase {
            Phase::Copy if !laptop.past.copied => Err(Broken::new(7, format!("laptop {at} is taken for a copy, and nobody copied it"))),
            Phase::Copy => {
                laptop.vault().begin_as_new_device().map_err(|error| Broken::new(7, error.to_string()))?;
                self.trace.push(format!("laptop {at} goes on as another one"));
                self.host.join(self.laptops[at].vault(), self.laptops[at].name, self.laptops[at].role).map_err(|why| Broken::new(7, format!("laptop {at} cannot join as another one: {why}")))?;
                self.check(at)?;
                self.fly(at, Input::SyncNow, 0, dice, None)
            }
            Phase::SignedOut if self.host.knows(device).is_none() => {
                self.trace.push(format!("laptop {at} joins anew: the centre does not know it any more"));
                self.host.join(self.laptops[at].vault(), self.laptops[at].name, self.laptops[at].role).map_err(|why| Broken::new(7, format!("laptop {at} cannot join anew: {why}")))?;
                self.check(at)?;
                self.fly(at, Input::SyncNow, 0, dice, None)
            }
            Phase::Revoked if self.host.knows(device) == Some(true) => self.fly(at, Input::SyncNow, 0, dice, None),
            Phase::Idle | Phase::Revoked => Ok(phase),
            _ if honest => Err(Broken::new(7, format!("laptop {at} does not come through although nothing is wrong: {phase:?}, {}", laptop.engine.status().in_words()))),
            _ => Ok(phase),
        }
    }

    /// Gives the engine an event, and flies what follows.
    fn fly(&mut self, at: usize, input: Input, chance: usize, dice: &mut Dice, gone_after: Option<usize>) -> Result<Phase, Broken> {
        let mut next = Some(input);
        let mut report = Report::default();
        let mut left_behind = None;
        let mut flights = 0;
        while let Some(input) = next.take() {
            let now = Now { millis: self.millis(), wall: Instant(self.time.now()), random: dice.roll() as u32 };
            for output in self.laptops[at].engine.step(now, input) {
                match output {
                    Output::WakeAt(millis) => self.laptops[at].wake_at = millis,
                    Output::Tell(_) | Output::Abandon(_) => {}
                    flight => {
                        let inner = Inner {
                            signed_in: self.laptops[at].signed_in,
                            on_the_way: Vec::new(),
                            mishaps: Vec::new(),
                            chance,
                            dice: Some(Dice::new(dice.roll())),
                            gone_after: gone_after.map(|after| after.saturating_sub(flights).max(1)),
                            folder: self.laptops[at].vault().path().parent().map(Into::into).unwrap_or_default(),
                            left_behind: left_behind.take(),
                        };
                        let (landed, inner) = self.flight(at, flight, inner, &mut report);
                        flights += 1;
                        let laptop = &mut self.laptops[at];
                        laptop.signed_in = inner.signed_in;
                        laptop.on_the_way.extend(inner.on_the_way);
                        left_behind = inner.left_behind;
                        let quiet = inner.mishaps.is_empty() && left_behind.is_none();
                        for mishap in inner.mishaps {
                            self.fault(&format!("{mishap:?}"));
                        }
                        self.after_flight(at, &landed, quiet)?;
                        next = Some(landed);
                    }
                }
            }
        }
        self.numbers.entered += report.entered as u64;
        self.numbers.left += report.left.len() as u64;
        if report.mismatches > 0 {
            return Err(Broken::new(8, format!("laptop {at} does not add up with the centre: {}", self.last_log(at))));
        }
        if let Some(image) = left_behind {
            self.laptops[at].restart(&image);
            self.check(at)?;
        }
        Ok(self.laptops[at].engine.status().phase)
    }

    fn flight(&self, at: usize, flight: Output, inner: Inner, report: &mut Report) -> (Input, Inner) {
        let laptop = &self.laptops[at];
        let line = Line::new(&self.host, laptop.vault().state().device, self.canary, inner);
        let lend = |f: &mut dyn FnMut(&gladstone_vault::Vault)| {
            f(laptop.vault());
            true
        };
        let landed = match flight {
            Output::SignIn(number) => Input::SignedIn(number, flights::sign_in(&lend, &line)),
            Output::Push(number, at_most) => Input::PushDone(number, flights::push(&lend, &line, at_most, report)),
            Output::Pull(number) => Input::PullDone(number, flights::pull(&lend, &line, report).map(|(pulled, _)| pulled)),
            Output::Abandon(_) | Output::WakeAt(_) | Output::Tell(_) => Input::Tick,
        };
        (landed, line.into_inner())
    }

    /// What must hold after each flight.
    fn after_flight(&mut self, at: usize, landed: &Input, quiet: bool) -> Result<(), Broken> {
        if self.canary == Some(Canary::LaterOneWinsSilently) {
            canary::empty_journal(&self.host.store());
        }
        self.host.follow().map_err(|why| Broken::new(2, why))?;
        let fault = match landed {
            Input::PushDone(_, Err(fault)) | Input::PullDone(_, Err(fault)) | Input::SignedIn(_, Err(fault)) => Some(fault),
            _ => None,
        };
        match fault {
            Some(Fault::Local(why)) if !why.contains("no space left") => return Err(Broken::new(7, format!("laptop {at} cannot store what came: {why}"))),
            Some(Fault::Api(error @ (ApiError::Damaged | ApiError::Refused { .. } | ApiError::TooLarge))) if quiet => return Err(Broken::new(7, format!("laptop {at} and the centre do not understand each other: {error}"))),
            _ => {}
        }
        if matches!(landed, Input::PullDone(_, Ok(_))) {
            invariants::at_checkpoint(self, at)?;
        }
        self.check(at).map(drop)
    }

    /// What must hold at one laptop at any time.
    fn check(&self, at: usize) -> Result<String, Broken> {
        invariants::saved_is_kept(self, at)?;
        invariants::reads_its_writes(self, at)?;
        Ok("well".into())
    }

    fn last_log(&self, at: usize) -> String {
        self.laptops[at].vault().sync_log().unwrap_or_default().into_iter().take(3).map(|line| line.line).collect::<Vec<_>>().join(" / ")
    }

    fn millis(&self) -> u64 {
        ((self.time.peek() - BEGINNING) / 1_000).unsigned_abs()
    }

    fn copy(&mut self, at: usize) -> Result<String, Broken> {
        if self.laptops.len() >= LAPTOPS || !self.laptops[at].has_joined() {
            return Ok("not now".into());
        }
        self.fault("laptop copied");
        let (image, machine) = (self.laptops[at].image(), self.machine());
        let original = &mut self.laptops[at];
        original.past.copied = true;
        let mut copy = Laptop::from_image(0, original.actor, original.name, original.role, machine, &image);
        copy.saved = original.saved.clone();
        copy.past = original.past;
        copy.no = self.laptops.len();
        self.laptops.push(copy);
        self.check(self.laptops.len() - 1)?;
        Ok(format!("laptop {} is the copy", self.laptops.len() - 1))
    }

    fn set_back(&mut self, at: usize, notices: bool) -> Result<String, Broken> {
        let Some((image, saved)) = self.kept.remove(&at) else { return Ok("nothing was kept".into()) };
        self.fault("laptop put back");
        let judged: BTreeSet<Uuid> = self.host.filed().into_iter().filter_map(|filed| filed.mutation).map(|mutation| mutation.id).collect();
        self.entrusted.extend(self.laptops[at].saved.keys().filter(|id| judged.contains(id) && !saved.contains_key(id)));
        let device = self.laptops[at].vault().state().device;
        let laptop = &mut self.laptops[at];
        laptop.restart(&image);
        laptop.saved = saved;
        laptop.on_the_way.clear();
        // Another device by now: the kept one is a copy of whoever goes on in its name.
        laptop.past.copied |= !notices || laptop.vault().state().device != device;
        if notices {
            laptop.vault().begin_new_life().map_err(|error| Broken::new(7, error.to_string()))?;
        }
        let device = self.laptops[at].vault().state().device;
        for other in 0..self.laptops.len() {
            if other != at && self.laptops[other].vault().state().device == device {
                self.laptops[other].past.copied = true;
                self.laptops[at].past.copied = true;
            }
        }
        self.check(at)
    }

    fn put_back(&mut self) -> Result<String, Broken> {
        let Some((_, backup)) = self.backup.take().filter(|(at, _)| self.time.peek() - at < BACKUP) else { return Ok("there is no backup".into()) };
        self.fault("centre put back");
        self.host.put_back(&backup).map_err(|why| Broken::new(1, why))?;
        // What only the centre had is gone, and so are connections and sessions.
        self.entrusted.clear();
        for laptop in &mut self.laptops {
            laptop.signed_in = false;
            laptop.on_the_way.clear();
        }
        Ok("under another history".into())
    }

    fn revoke(&mut self, at: usize) -> Result<String, Broken> {
        let laptop = &self.laptops[at];
        let device = laptop.vault().state().device;
        if laptop.role == "admin" || !laptop.has_joined() || self.host.knows(device) != Some(true) {
            return Ok("not this one".into());
        }
        self.fault("right ended");
        self.host.centre().revoke(self.host.realm, device).map_err(|error| Broken::new(6, error.to_string()))?;
        self.laptops[at].past.revoked = true;
        Ok("ended".into())
    }

    fn disk_full(&mut self, at: usize, pages: u32, dice: &mut Dice) -> Result<String, Broken> {
        self.fault("disk full");
        self.laptops[at].reopen(Some(pages));
        let mut told = Vec::new();
        for act in [Act::Register, Act::Long, Act::TwoPeople] {
            let pick = dice.roll();
            told.push(self.edit(at, act, dice, pick)?);
        }
        if self.laptops[at].has_joined() {
            told.push(format!("{:?}", self.fly(at, Input::Start, 0, dice, None)?));
        }
        self.laptops[at].reopen(None);
        self.check(at)?;
        Ok(told.join(", "))
    }

    fn arrive(&mut self) -> usize {
        let messages: Vec<(bool, Vec<u8>)> = self.laptops.iter_mut().flat_map(|laptop| std::mem::take(&mut laptop.on_the_way)).collect();
        for (is_push, bytes) in &messages {
            line::arrive(&self.host, *is_push, bytes);
        }
        let _ = self.host.follow();
        messages.len()
    }

    fn join(&mut self, at: usize) -> Result<String, Broken> {
        if self.laptops[at].has_joined() {
            return Ok("has joined".into());
        }
        self.host.join(self.laptops[at].vault(), self.laptops[at].name, self.laptops[at].role).map_err(|why| Broken::new(7, format!("laptop {at} cannot join: {why}")))?;
        self.host.follow().map_err(|why| Broken::new(2, why))?;
        self.check(at)?;
        Ok("joined".into())
    }

    fn decide(&mut self, at: usize, dice: &mut Dice) -> Result<String, Broken> {
        let queue = self.laptops[at].vault().queue(100).unwrap_or_default();
        let Some(item) = queue.into_iter().find(|item| item.state == EntryState::Quarantined) else { return Ok("nothing was put aside".into()) };
        let vault = self.laptops[at].vault();
        let done = if dice.coin() { vault.discard(item.dseq, "not needed").map(|()| "given up".to_owned()) } else { vault.resend(item.dseq).map(|_| "sent again".to_owned()) };
        let told = done.unwrap_or_else(|error| error.to_string());
        self.check(at)?;
        Ok(told)
    }
}

/// Two of three worlds get their answers in small portions, so that downloads and changes go over
/// many of them.
fn portions(seed: u64) -> Portions {
    match seed % 3 {
        0 => Portions::default(),
        1 => Portions { changes: 400, room: 1_500, lines: 4, units: 2 },
        _ => Portions { changes: 1_500, room: 6_000, lines: 12, units: 5 },
    }
}
