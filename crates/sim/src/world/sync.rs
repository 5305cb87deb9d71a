//! A laptop synchronizes in a world: events for its engine, flights over a line, whatever happens
//! on the way, and what its person does when the engine needs one.

use std::cell::RefCell;

use gladstone_model::Instant;
use gladstone_protocol::ApiError;
use gladstone_sync::{
    Phase, Report,
    engine::{Fault, Input, Now, Output},
    flights,
};
use gladstone_testkit::Dice;
use uuid::Uuid;

use crate::{
    canary::{self, Canary},
    invariants::{self, Broken},
    line::{Inner, Line},
    step::Act,
    time::BEGINNING,
    world::World,
};

/// What somebody writes while an answer is awaited.
const MEANWHILE: [Act; 6] = [Act::MoodAgain, Act::Phone, Act::Rename, Act::Mood, Act::Journal, Act::Reschedule];

/// Entries in one push at most: of a few, many are sent in a row, two of them open at once.
const FEW: [usize; 5] = [1, 1, 2, 3, 500];

/// What happens on the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    /// In how many of a hundred calls something happens.
    pub chance: usize,
    /// Whether people go on writing, and other messages come in between.
    pub lively: bool,
    /// The laptop is gone while it stores the answer of this call, from 1.
    pub laptop_goes_in: Option<usize>,
    /// The centre is gone while it takes in this call, from 1.
    pub centre_goes_in: Option<usize>,
}

impl Weather {
    /// Nothing goes wrong.
    pub const FAIR: Weather = Weather { chance: 0, lively: false, laptop_goes_in: None, centre_goes_in: None };

    /// Whether nothing goes wrong.
    fn is_fair(&self) -> bool {
        self.chance == 0 && self.laptop_goes_in.is_none() && self.centre_goes_in.is_none()
    }
}

impl World {
    /// One round of the engine, begun by its person.
    pub(super) fn synchronize(&mut self, at: usize, weather: &Weather, dice: &mut Dice) -> Result<Phase, Broken> {
        if !self.laptops[at].has_joined() {
            return Ok(Phase::Idle);
        }
        let off = self.laptops[at].engine.status().phase == Phase::Off;
        let phase = self.fly(at, if off { Input::Start } else { Input::SyncNow }, weather, dice)?;
        self.help(at, phase, weather.is_fair() && !self.laptops[at].cut_off, dice)
    }

    /// Time passes until the engine wants to go on by itself.
    pub(super) fn wake(&mut self, at: usize, dice: &mut Dice) -> Result<Phase, Broken> {
        let laptop = &self.laptops[at];
        let wait = (laptop.wake_at as i64).saturating_sub(self.millis() as i64).max(0);
        self.time.pass(wait * 1_000);
        let off = laptop.engine.status().phase == Phase::Off;
        let phase = self.fly(at, if off { Input::Start } else { Input::Tick }, &Weather::FAIR, dice)?;
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
                self.fault("copy found out");
                self.host.join(self.laptops[at].vault(), self.laptops[at].name, self.laptops[at].role).map_err(|why| Broken::new(7, format!("laptop {at} cannot join as another one: {why}")))?;
                self.check(at)?;
                self.fly(at, Input::SyncNow, &Weather::FAIR, dice)
            }
            Phase::SignedOut if self.host.knows(device).is_none() => {
                self.trace.push(format!("laptop {at} joins anew: the centre does not know it any more"));
                self.host.join(self.laptops[at].vault(), self.laptops[at].name, self.laptops[at].role).map_err(|why| Broken::new(7, format!("laptop {at} cannot join anew: {why}")))?;
                self.check(at)?;
                self.fly(at, Input::SyncNow, &Weather::FAIR, dice)
            }
            Phase::Revoked if self.host.knows(device) == Some(true) => self.fly(at, Input::SyncNow, &Weather::FAIR, dice),
            Phase::Idle | Phase::Revoked => Ok(phase),
            _ if honest => Err(Broken::new(7, format!("laptop {at} does not come through although nothing is wrong: {phase:?}, {}", laptop.engine.status().in_words()))),
            _ => Ok(phase),
        }
    }

    /// Gives the engine an event, and flies what follows.
    pub(super) fn fly(&mut self, at: usize, input: Input, weather: &Weather, dice: &mut Dice) -> Result<Phase, Broken> {
        let mut next = Some(input);
        let mut report = Report::default();
        let mut calls = 0;
        let mut is_gone = false;
        while let Some(input) = next.take().filter(|_| !is_gone) {
            let now = self.now(dice);
            for output in self.laptops[at].engine.step(now, input) {
                match output {
                    Output::WakeAt(millis) => self.laptops[at].wake_at = millis,
                    Output::Tell(_) | Output::Abandon(_) => {}
                    flight => {
                        calls += usize::from(matches!(flight, Output::Push(..) | Output::Pull(_)));
                        let inner = self.inner(at, weather, calls, dice);
                        let written = RefCell::new(Vec::new());
                        let (landed, inner) = self.flight(at, flight, inner, &mut report, &written, dice.roll());
                        for id in written.into_inner() {
                            self.saved(at, id);
                            self.fault("written meanwhile");
                            let now = self.now(dice);
                            self.laptops[at].engine.step(now, Input::Changed);
                        }
                        is_gone = self.landed(at, &landed, inner, dice)?;
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
        Ok(self.laptops[at].engine.status().phase)
    }

    /// A line for one flight.
    fn inner(&mut self, at: usize, weather: &Weather, call: usize, dice: &mut Dice) -> Inner {
        let laptop_goes = weather.laptop_goes_in == Some(call);
        let lively = weather.lively && dice.below(5) == 0;
        let overtaking = if lively { self.laptops.iter_mut().flat_map(|laptop| std::mem::take(&mut laptop.on_the_way)).collect() } else { Vec::new() };
        let (laptop, seed) = (&self.laptops[at], dice.roll());
        Inner {
            signed_in: laptop.signed_in,
            cut_off: laptop.cut_off,
            chance: weather.chance,
            dice: Some(Dice::new(seed)),
            overtaking,
            is_written_meanwhile: lively,
            laptop_goes,
            centre_goes: weather.centre_goes_in == Some(call),
            folder: laptop.vault().path().parent().map(Into::into).unwrap_or_default(),
            takes_early: Dice::new(!seed).below(5) > 0,
            ..Inner::default()
        }
    }

    fn flight(&self, at: usize, flight: Output, inner: Inner, report: &mut Report, written: &RefCell<Vec<Uuid>>, seed: u64) -> (Input, Inner) {
        let laptop = &self.laptops[at];
        let meanwhile = || {
            let mut dice = Dice::new(seed);
            let (act, pick) = (MEANWHILE[dice.below(MEANWHILE.len())], dice.roll());
            if let Ok(Some(id)) = self.desk(at, pick, dice.roll()).act(act) {
                written.borrow_mut().push(id);
            }
        };
        let line = Line::new(&self.host, laptop.vault().state().device, self.canary, inner, &meanwhile);
        let lend = |f: &mut dyn FnMut(&gladstone_vault::Vault)| {
            f(laptop.vault());
            true
        };
        let landed = match flight {
            Output::SignIn(number) => Input::SignedIn(number, flights::sign_in(&lend, &line)),
            Output::Push(number, at_most) => Input::PushDone(number, flights::push(&lend, &line, at_most.min(FEW[Dice::new(!seed).below(FEW.len())]), report)),
            Output::Pull(number) => Input::PullDone(number, flights::pull(&lend, &line, report).map(|(pulled, _)| pulled)),
            Output::Abandon(_) | Output::WakeAt(_) | Output::Tell(_) => Input::Tick,
        };
        (landed, line.into_inner())
    }

    /// What became of the world in a flight. Says whether the laptop is gone.
    fn landed(&mut self, at: usize, landed: &Input, inner: Inner, dice: &mut Dice) -> Result<bool, Broken> {
        let laptop = &mut self.laptops[at];
        laptop.signed_in = inner.signed_in;
        laptop.on_the_way.extend(inner.on_the_way);
        let quiet = inner.mishaps.is_empty() && inner.centre_before.is_none();
        for kind in inner.mishaps.iter().map(|mishap| mishap.in_words()).chain(inner.notes) {
            self.fault(kind);
        }
        if let Some(before) = inner.centre_before {
            self.fault("centre killed in sync");
            self.host.restart_torn(before.as_ref(), dice).map_err(|why| Broken::new(1, why))?;
        }
        self.after_flight(at, landed, quiet)?;
        if let Some(before) = inner.laptop_before {
            self.fault("laptop killed in sync");
            let torn = crate::files::torn(&before, &self.laptops[at].image(), dice);
            self.laptops[at].restart(&torn);
            self.check(at)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// What must hold after each flight.
    fn after_flight(&mut self, at: usize, landed: &Input, quiet: bool) -> Result<(), Broken> {
        if self.canary == Some(Canary::LaterOneWinsSilently)
            && let Some(store) = self.host.ground.file()
        {
            canary::empty_journal(&store);
        }
        if self.canary == Some(Canary::SettlesTooEarly) && matches!(landed, Input::PushDone(_, Ok(_))) {
            canary::settle_early(self.laptops[at].vault().path());
        }
        self.host.follow().map_err(|why| Broken::new(2, why))?;
        let fault = match landed {
            Input::PushDone(_, Err(fault)) | Input::PullDone(_, Err(fault)) | Input::SignedIn(_, Err(fault)) => Some(fault),
            _ => None,
        };
        match fault {
            Some(Fault::Local(why)) if why.contains("no space left") => self.fault("disk full"),
            Some(Fault::Local(why)) => return Err(Broken::new(7, format!("laptop {at} cannot store what came: {why}"))),
            Some(Fault::Api(error @ (ApiError::Damaged | ApiError::Refused { .. } | ApiError::TooLarge))) if quiet => return Err(Broken::new(7, format!("laptop {at} and the centre do not understand each other: {error}"))),
            _ => {}
        }
        if let Input::PullDone(_, Ok(pulled)) = landed {
            if !pulled.more && !pulled.push_first {
                invariants::rights_at_head(self, at)?;
            }
            invariants::at_checkpoint(self, at)?;
        }
        self.check(at).map(drop)
    }

    fn last_log(&self, at: usize) -> String {
        self.laptops[at].vault().sync_log().unwrap_or_default().into_iter().take(3).map(|line| line.line).collect::<Vec<_>>().join(" / ")
    }

    fn now(&self, dice: &mut Dice) -> Now {
        Now { millis: self.millis(), wall: Instant(self.time.now()), random: dice.roll() as u32 }
    }

    fn millis(&self) -> u64 {
        ((self.time.peek() - BEGINNING) / 1_000).unsigned_abs()
    }
}
