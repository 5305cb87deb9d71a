//! Runs of programs: one, the same twice, and the smallest that still fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use crate::{
    canary::Canary,
    ground::Engine,
    invariants::Broken,
    numbers::Numbers,
    step::{self, Size, Step},
    world::World,
};

/// What a world is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// All that is random follows from it.
    pub seed: u64,
    /// How large the world is.
    pub size: Size,
    /// What the centre runs on.
    pub engine: Engine,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What happened, in words.
    pub trace: Vec<String>,
    /// What happened, in numbers.
    pub numbers: Numbers,
    /// What is broken, if anything.
    pub broken: Option<Broken>,
}

impl Plan {
    /// The plan of a seed, as ordinary runs have it.
    pub fn of(seed: u64) -> Plan {
        Plan { seed, size: Size::of(seed), engine: Engine::Embedded }
    }

    /// Its program.
    pub fn program(&self) -> Vec<Step> {
        step::program(self.seed, self.size.steps())
    }
}

impl Outcome {
    /// One number for all that happened.
    pub fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for line in &self.trace {
            hasher.update(line.as_bytes()).update(b"\n");
        }
        hasher.finalize().to_hex()[..16].to_owned()
    }

    /// Where two runs that should be the same part, in words.
    pub fn parts_from(&self, other: &Outcome) -> Option<String> {
        let at = (0..self.trace.len().max(other.trace.len())).find(|at| self.trace.get(*at) != other.trace.get(*at))?;
        let line = |outcome: &Outcome| outcome.trace.get(at).cloned().unwrap_or_default();
        Some(format!("two runs of the seed differ at line {at}: “{}” and “{}”", line(self), line(other)))
    }
}

/// Runs a program in the world of a plan. What panics there is a failure as others are.
pub fn run(plan: Plan, program: &[Step], canary: Option<Canary>) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| play(plan, program, canary))).unwrap_or_else(|why| {
        let why = why.downcast_ref::<String>().cloned().or_else(|| why.downcast_ref::<&str>().map(|why| (*why).to_owned())).unwrap_or_default();
        Outcome { trace: vec![why.clone()], numbers: Numbers::default(), broken: Some(Broken::new(7, format!("it ended in a panic: {why}"))) }
    })
}

fn play(plan: Plan, program: &[Step], canary: Option<Canary>) -> Outcome {
    let mut world = match World::new(plan, canary) {
        Ok(world) => world,
        Err(broken) => return Outcome { trace: vec!["before the first step".into()], numbers: Numbers::default(), broken: Some(broken) },
    };
    let mut broken = None;
    for step in program {
        if let Err(found) = world.step(step) {
            world.trace.push(format!("{step}: {found}"));
            broken = Some(found);
            break;
        }
    }
    if broken.is_none()
        && let Err(found) = world.finish()
    {
        world.trace.push(format!("at the end: {found}"));
        broken = Some(found);
    }
    let mut numbers = std::mem::take(&mut world.numbers);
    numbers.compared = world.tally.take();
    Outcome { trace: std::mem::take(&mut world.trace), numbers, broken }
}

/// Runs a plan, twice when `twice`: both runs have to be the same.
pub fn seed(plan: Plan, twice: bool) -> Outcome {
    let program = plan.program();
    let mut first = run(plan, &program, None);
    if twice && first.broken.is_none() {
        first.broken = first.parts_from(&run(plan, &program, None)).map(|words| Broken::new(2, words));
    }
    first
}

/// Leaves out steps as long as the same invariant stays broken.
pub fn minimise(plan: Plan, program: &[Step], canary: Option<Canary>) -> Vec<Step> {
    let fails = |program: &[Step]| run(plan, program, canary).broken.map(|broken| broken.invariant);
    let Some(invariant) = fails(program) else { return program.to_vec() };
    let mut left = program.to_vec();
    let mut size = left.len().div_ceil(2);
    loop {
        let mut at = 0;
        let mut smaller = false;
        while at < left.len() {
            let mut without = left.clone();
            without.drain(at..(at + size).min(left.len()));
            if fails(&without) == Some(invariant) {
                left = without;
                smaller = true;
            } else {
                at += size;
            }
        }
        if size == 1 && !smaller {
            return left;
        }
        size = if size == 1 { 1 } else { size.div_ceil(2) };
    }
}
