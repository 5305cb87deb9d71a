//! A world: laptops, a centre, time, and the steps of a program that change them. What must hold
//! is asked after each step and once more at the end; see `invariants`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gladstone_central::Portions;
use gladstone_protocol::Stored;
use gladstone_sync::Phase;
use gladstone_testkit::{Dice, Image};
use gladstone_vault::replica::EntryState;
use uuid::Uuid;

use crate::{
    act::Desk,
    canary::{self, Canary},
    host::{Backup, Host},
    invariants::{self, Broken, Tally},
    laptop::{self, Laptop},
    numbers::Numbers,
    run::Plan,
    step::{self, Act, Span, Step, What, Wrong},
    time::{BEGINNING, DAY, Machine, Time},
};

mod beginning;
mod faults;
mod sync;

use sync::Weather;

/// Rounds after which everybody has to be done once the faults ended.
const ROUNDS: usize = 14;
/// After how many microseconds a laptop sends again what it misses at the centre, and how often.
const DOUBT: i64 = 600_000_000;
const DOUBTS: usize = 10;
/// Time after which everybody has to be done, in microseconds: an engine that waits as long as it
/// may after failures, and some rounds of its own accord.
const BOUND: i64 = 2 * 3_600 * 1_000_000;

/// The world.
pub struct World {
    /// What it was made for.
    pub plan: Plan,
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
    /// What was compared.
    pub tally: Tally,
    /// Mutations that only the centre has, and that it said it has.
    pub entrusted: BTreeSet<Uuid>,
    colleagues: Vec<Uuid>,
    kept: BTreeMap<usize, (Image, BTreeMap<Uuid, usize>)>,
    backup: Option<(i64, Backup)>,
    canary: Option<Canary>,
    drawn: u64,
}

impl World {
    /// Lets a step happen, and asks what must hold.
    ///
    /// # Errors
    /// What is broken.
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
    ///
    /// # Errors
    /// What is broken.
    pub fn finish(&mut self) -> Result<(), Broken> {
        let mut dice = Dice::new(self.plan.seed ^ 0xf1a1);
        self.arrive();
        self.laptops.iter_mut().for_each(|laptop| laptop.cut_off = false);
        let ended = self.time.peek();
        for at in 0..self.laptops.len() {
            self.join(at)?;
        }
        let (mut round, mut doubts) = (0, 0);
        loop {
            let before = self.host.head();
            let mut busy = Vec::new();
            for at in 0..self.laptops.len() {
                // First what the engine does by itself, then what its person does.
                let by_itself = round > 0 || self.laptops[at].engine.status().phase == Phase::Off;
                let phase = if by_itself { self.wake(at, &mut dice)? } else { self.synchronize(at, &Weather::FAIR, &mut dice)? };
                if phase != Phase::Idle && phase != Phase::Revoked {
                    busy.push(format!("laptop {at} ({phase:?}, {})", self.laptops[at].engine.status().in_words()));
                }
            }
            let head = self.host.head();
            let behind = self.laptops.iter().filter(|laptop| laptop.engine.status().phase == Phase::Idle && laptop.vault().replica().is_ok_and(|replica| replica.is_none_or(|replica| replica.from_g != head))).count();
            if busy.is_empty() && behind == 0 && head == before {
                if !self.laptops.iter().any(Laptop::doubts) {
                    break;
                }
                // What a laptop misses at the centre it sends again some times, and then no more.
                self.time.pass(DOUBT);
                round = 0;
                doubts += 1;
                if doubts > DOUBTS {
                    return Err(Broken::new(7, "a laptop goes on to miss something at the centre"));
                }
                continue;
            }
            round += 1;
            if round == ROUNDS {
                return Err(Broken::new(7, format!("after {ROUNDS} rounds without a fault it goes on: {}, {behind} behind {head}", busy.join(", "))));
            }
        }
        let took = self.time.peek() - ended;
        if took > BOUND {
            return Err(Broken::new(7, format!("everybody is done only {} seconds after the last fault", took / 1_000_000)));
        }
        self.numbers.longest = took / 1_000_000;
        self.trace.push(format!("everybody is done after {round} rounds at {}", self.host.head()));
        let filed = self.host.ground.filed();
        self.numbers.effects = filed.iter().filter(|filed| filed.g.is_some()).count() as u64;
        self.numbers.quarantined = filed.iter().filter(|filed| filed.first && matches!(filed.verdict, Stored::Quarantined { .. })).count() as u64;
        self.numbers.held = filed.iter().filter(|filed| filed.first && matches!(filed.verdict, Stored::Held { .. })).count() as u64;
        let tasks: Vec<_> = self.host.ground.rows(Some(&["conflicts"])).into_values().filter_map(|row| row.into_state().ok()).collect();
        self.numbers.conflicts = tasks.len() as u64;
        self.numbers.decided = tasks.iter().filter(|(task, _)| task.row.text("status") != "open").count() as u64;
        invariants::all(self, &filed)?;
        self.note_stand();
        Ok(())
    }

    /// How the world stands, for the comparison of two runs.
    fn note_stand(&mut self) {
        let mut hasher = blake3::Hasher::new();
        let rows = self.host.ground.rows(None);
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
        Machine::new(&self.time, self.plan.seed.wrapping_mul(1_000_003) ^ self.drawn << 32)
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
                Ok(format!("{:?}", self.synchronize(at, &Weather { chance, lively: true, ..Weather::FAIR }, dice)?))
            }
            What::SyncAll => {
                let phases: Result<Vec<_>, _> = (0..self.laptops.len()).map(|at| self.synchronize(at, &Weather::FAIR, dice)).collect();
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
                let (at, after) = (at(number, &self.laptops), 1 + dice.below(5));
                Ok(format!("{:?}", self.synchronize(at, &Weather { laptop_goes_in: Some(after), ..Weather::FAIR }, dice)?))
            }
            What::KillCentreInSync(number) => {
                let (at, after) = (at(number, &self.laptops), 1 + dice.below(4));
                Ok(format!("{:?}", self.synchronize(at, &Weather { centre_goes_in: Some(after), ..Weather::FAIR }, dice)?))
            }
            What::KillInSave(number, act) => self.kill_in_save(at(number, &self.laptops), act, dice),
            What::Partition(number, cut_off) => {
                let at = at(number, &self.laptops);
                if cut_off && !self.laptops[at].cut_off {
                    self.fault("laptop cut off");
                }
                self.laptops[at].cut_off = cut_off;
                Ok("so it is".into())
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
                match wrong {
                    Wrong::No => {}
                    Wrong::DayAhead => self.fault("clock a day ahead"),
                    Wrong::DayBehind => self.fault("clock a day behind"),
                    Wrong::Year9999 => self.fault("clock in the year 9999"),
                }
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
        let done = self.desk(at, pick, dice.roll()).act(act);
        let told = match done {
            Ok(Some(id)) => {
                self.saved(at, id);
                if step::moves_rights(act) {
                    self.fault("right given or taken");
                }
                format!("{at} saves {act:?}")
            }
            Ok(None) => "nothing to do".into(),
            Err(error) if laptop::is_disk(&error) => {
                self.fault("disk full");
                "the disk is full".into()
            }
            Err(error) => format!("{error}"),
        };
        if self.canary == Some(Canary::ForgetsItsOutbox) && self.laptops[at].has_joined() && dice.below(4) == 0 {
            canary::forget_outbox(self.laptops[at].vault().path());
        }
        if self.canary == Some(Canary::Flickers) && dice.below(4) == 0 {
            canary::flicker(self.laptops[at].vault().path());
        }
        if self.canary == Some(Canary::SetsAside) && dice.below(4) == 0 {
            canary::set_aside(self.laptops[at].vault().path());
        }
        if self.canary == Some(Canary::ChangesARow) && dice.below(4) == 0 {
            canary::change_a_row(self.laptops[at].vault().path());
        }
        self.check(at)?;
        Ok(told)
    }

    /// Who writes at a laptop.
    fn desk(&self, at: usize, pick: u64, seed: u64) -> Desk<'_> {
        let vault = self.laptops[at].vault();
        Desk { vault, realm: vault.state().realm, colleagues: &self.colleagues, pick, dice: Dice::new(seed) }
    }

    /// The screen said that this is saved.
    fn saved(&mut self, at: usize, id: Uuid) {
        self.numbers.mutations += 1;
        self.laptops[at].saved.insert(id, self.numbers.mutations as usize);
    }

    /// What must hold at one laptop at any time.
    fn check(&self, at: usize) -> Result<String, Broken> {
        invariants::saved_is_kept(self, at)?;
        invariants::reads_its_writes(self, at)?;
        Ok("well".into())
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
