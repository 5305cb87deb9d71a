//! How worlds begin: people have joined and share some records. That takes as long as a short
//! program, so a few beginnings are made once in a process, and worlds go on from one of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use gladstone_testkit::{Dice, Image};
use uuid::Uuid;

use crate::{
    canary::Canary,
    files,
    ground::Engine,
    host::{Backup, Host},
    invariants::{Broken, Tally},
    laptop::{Laptop, Person},
    numbers::Numbers,
    run::Plan,
    step::{Act, Size},
    time::{BEGINNING, Machine, Time},
    world::{World, portions, sync::Weather},
};

/// Different beginnings of one size; a multiple of the number of portions.
const BEGINNINGS: u64 = 6;

const NAMES: [&str; 9] = ["Amara", "Leila", "Omar", "Kofi", "Noor", "Ines", "Tomás", "Yuki", "Ravi"];

/// A world that has begun.
struct Beginning {
    time: i64,
    store: Backup,
    realm: Uuid,
    laptops: Vec<(Image, BTreeMap<Uuid, usize>)>,
    trace: Vec<String>,
    numbers: Numbers,
}

type Shelf = BTreeMap<(Engine, Size, u64), Arc<OnceLock<Result<Arc<Beginning>, Broken>>>>;

static SHELF: Mutex<Shelf> = Mutex::new(BTreeMap::new());

impl World {
    /// A world for a plan: an administrator, trainers, and a laptop that works alone; all others have
    /// joined and share some records.
    ///
    /// # Errors
    /// What is broken before the first step.
    pub fn new(plan: Plan, canary: Option<Canary>) -> Result<World, Broken> {
        let number = plan.seed % BEGINNINGS;
        let place = Arc::clone(SHELF.lock().unwrap_or_else(PoisonError::into_inner).entry((plan.engine, plan.size, number)).or_default());
        let beginning = place.get_or_init(|| World::begin(Plan { seed: number, ..plan }).map(Arc::new)).clone()?;
        let time = Time::from(beginning.time);
        let host = Host::of(&beginning.store, beginning.realm, Machine::new(&time, plan.seed ^ 0xc0de), portions(plan.seed));
        let mut world = World::empty(plan, canary, time, host);
        world.trace = beginning.trace.clone();
        world.numbers = beginning.numbers.clone();
        for (at, (image, saved)) in beginning.laptops.iter().enumerate() {
            world.add(at, image);
            world.laptops[at].saved = saved.clone();
        }
        Ok(world)
    }

    /// Plays a beginning.
    fn begin(plan: Plan) -> Result<Beginning, Broken> {
        let time = Time::from(BEGINNING);
        let host = Host::new(plan.engine, Machine::new(&time, plan.seed ^ 0xbe61), portions(plan.seed));
        let mut world = World::empty(plan, None, time, host);
        let (all, alone) = (plan.size.people(), plan.size.people() - 1);
        for at in 0..all {
            world.add(at, files::laptop());
        }
        for at in 0..alone {
            world.join(at)?;
        }
        let mut dice = Dice::new(plan.seed ^ 0x5e7);
        let everybody = |world: &mut World, dice: &mut Dice| (0..alone).chain(0..alone).try_for_each(|at| world.synchronize(at, &Weather::FAIR, dice).map(drop));
        everybody(&mut world, &mut dice)?;
        // Those whom the administrator registers leave a trainer's laptop when the care ends.
        let registered = (1..alone).chain([1, 0, 0]).map(|at| (at, Act::Register));
        for (at, act) in [(0, Act::Questionnaire)].into_iter().chain(registered).chain([(1, Act::Entrust), (alone, Act::Register), (alone, Act::Mood)]) {
            let told = world.edit(at, act, &mut dice, 0)?;
            world.trace.push(format!("at the beginning: {told}"));
        }
        everybody(&mut world, &mut dice)?;
        // Most people are in the care of two trainers, so that they meet.
        let shared = std::iter::repeat_n(Act::Entrust, plan.size.people() - 1);
        for act in shared.chain([Act::Enrol, Act::Answer, Act::Appointment]) {
            let pick = dice.roll();
            let told = world.edit(0, act, &mut dice, pick)?;
            world.trace.push(format!("at the beginning: {told}"));
        }
        everybody(&mut world, &mut dice)?;
        world.numbers.faults.clear();
        let laptops = world.laptops.iter().map(|laptop| (laptop.image(), laptop.saved.clone())).collect();
        Ok(Beginning { time: world.time.peek(), store: world.host.backup(), realm: world.host.realm, laptops, trace: world.trace, numbers: world.numbers })
    }

    fn empty(plan: Plan, canary: Option<Canary>, time: Arc<Time>, host: Host) -> World {
        let colleagues = (0..plan.size.people()).map(|at| Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_00a0 | at as u128)).collect();
        World {
            plan,
            time,
            host,
            laptops: Vec::new(),
            trace: Vec::new(),
            numbers: Numbers::default(),
            tally: Tally::default(),
            entrusted: std::collections::BTreeSet::new(),
            colleagues,
            kept: BTreeMap::new(),
            backup: None,
            canary,
            drawn: 0,
        }
    }

    fn add(&mut self, at: usize, image: &Image) {
        let person = Person { actor: self.colleagues[at], name: NAMES[at], role: if at == 0 { "admin" } else { "trainer" } };
        let machine = self.machine();
        self.laptops.push(Laptop::from_image(at, person, machine, image));
    }
}
