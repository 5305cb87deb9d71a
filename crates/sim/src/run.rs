//! Runs of programs: one, the same twice, many, and the smallest that still fails.

use crate::{
    canary::Canary,
    invariants::Broken,
    numbers::Numbers,
    step::{self, Step},
    world::World,
};

/// Steps of an ordinary program.
pub const LENGTH: usize = 40;

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

impl Outcome {
    /// One number for all that happened.
    pub fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for line in &self.trace {
            hasher.update(line.as_bytes()).update(b"\n");
        }
        hasher.finalize().to_hex()[..16].to_owned()
    }
}

/// Runs a program in the world of a seed.
pub fn run(seed: u64, program: &[Step], canary: Option<Canary>) -> Outcome {
    let mut world = match World::new(seed, canary) {
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
    Outcome { trace: world.trace, numbers: world.numbers, broken }
}

/// Runs a seed for so many steps, twice when `twice`: both runs have to be the same.
pub fn seed(seed: u64, steps: usize, twice: bool) -> Outcome {
    let program = step::program(seed, steps);
    let mut first = run(seed, &program, None);
    if twice && first.broken.is_none() {
        let second = run(seed, &program, None);
        if let Some(at) = (0..first.trace.len().max(second.trace.len())).find(|at| first.trace.get(*at) != second.trace.get(*at)) {
            let line = |outcome: &Outcome| outcome.trace.get(at).cloned().unwrap_or_default();
            first.broken = Some(Broken::new(2, format!("two runs of the seed differ at line {at}: “{}” and “{}”", line(&first), line(&second))));
        }
    }
    first
}

/// Leaves out steps as long as the same invariant stays broken.
pub fn minimise(seed: u64, program: &[Step], canary: Option<Canary>) -> Vec<Step> {
    let fails = |program: &[Step]| run(seed, program, canary).broken.map(|broken| broken.invariant);
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
