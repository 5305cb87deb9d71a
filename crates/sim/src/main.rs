//! `gladstone-sim`: many seeds, or one that is looked at closely.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used)]

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::{Mutex, atomic::{AtomicBool, AtomicU64, Ordering}},
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use gladstone_sim::{Canary, Engine, Numbers, Plan, Regression, Size, minimise, run, seed, step::Step};

/// How often progress is told.
const TELL: Duration = Duration::from_secs(10);
/// Seeds from which on every kind of fault and every comparison must have come up.
const ENOUGH: u64 = 300;

/// Set when the person wants an end; what is under way is finished.
static STOP: AtomicBool = AtomicBool::new(false);

#[derive(Parser)]
#[command(about = "Runs seeds of the simulator.")]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first one; after an interruption, where to go on.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// What the centre runs on.
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,
    /// How many seeds at a time; 0 for as many as there are processors.
    #[arg(long, default_value_t = 0)]
    jobs: usize,
    /// Each seed twice: both runs have to be the same.
    #[arg(long)]
    twice: bool,
    /// Worlds of this size instead of the mixture.
    #[arg(long, value_enum)]
    size: Option<Size>,
    /// Print what happens with the first seed, step by step.
    #[arg(long)]
    trace: bool,
    /// Leave out steps of the first seed as long as it fails.
    #[arg(long)]
    minimise: bool,
    /// A file of a failure to be looked at instead of a seed.
    #[arg(long)]
    file: Option<PathBuf>,
    /// A mistake that has to be found, by number from 0.
    #[arg(long)]
    canary: Option<usize>,
}

impl Arguments {
    fn plan(&self, seed: u64) -> Plan {
        let plan = Plan::of(seed);
        Plan { engine: self.engine, size: self.size.unwrap_or(plan.size), ..plan }
    }

    fn canary(&self) -> Option<Canary> {
        self.canary.and_then(|at| Canary::ALL.get(at).map(|(canary, _)| *canary))
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.trace || arguments.minimise || arguments.file.is_some() {
        return one(&arguments);
    }
    listen();
    many(&arguments)
}

/// Ends the run after what is under way at the first signal, and at once at the second.
fn listen() {
    thread::spawn(|| {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            for code in [None, Some(130)] {
                if tokio::signal::ctrl_c().await.is_err() {
                    return;
                }
                if let Some(code) = code {
                    std::process::exit(code);
                }
                STOP.store(true, Ordering::Relaxed);
                eprintln!("ending after the seeds that are under way");
            }
        });
    });
}

/// What came so far.
#[derive(Default)]
struct Sum {
    seeds: u64,
    numbers: Numbers,
    failures: Vec<String>,
}

fn many(arguments: &Arguments) -> ExitCode {
    let began = Instant::now();
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from.saturating_add(arguments.seeds);
    let sum: Mutex<Sum> = Mutex::default();
    let jobs = if arguments.jobs == 0 { thread::available_parallelism().map_or(2, usize::from) } else { arguments.jobs };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(|| work(arguments, &next, end, &sum))).collect();
        let mut told = Instant::now();
        while workers.iter().any(|worker| !worker.is_finished()) {
            thread::sleep(Duration::from_millis(50));
            if told.elapsed() >= TELL {
                told = Instant::now();
                let sum = sum.lock().unwrap();
                let left = began.elapsed().as_secs_f64() / sum.seeds.max(1) as f64 * (arguments.seeds - sum.seeds) as f64;
                eprintln!("{} of {} seeds, {} failures, {:.0} s, about {left:.0} s left", sum.seeds, arguments.seeds, sum.failures.len(), began.elapsed().as_secs_f64());
            }
        }
    });
    let Sum { seeds, numbers, failures } = sum.into_inner().unwrap();
    println!("seeds {seeds} from {}, steps {}, mutations {}, effects {}, put aside {}, held {}, conflicts {}, decided {}, units entered {}, units left {}", arguments.from, numbers.steps, numbers.mutations, numbers.effects, numbers.quarantined, numbers.held, numbers.conflicts, numbers.decided, numbers.entered, numbers.left);
    let counts = |counted: &std::collections::BTreeMap<String, u64>| counted.iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", ");
    println!("faults {}: {}", numbers.faults.values().sum::<u64>(), counts(&numbers.faults));
    println!("compared: {}", counts(&numbers.compared));
    println!("failures {}, seconds {:.1}, at most {} seconds of a world from the last fault to agreement", failures.len(), began.elapsed().as_secs_f64(), numbers.longest);
    failures.iter().for_each(|failure| println!("{failure}"));
    let missing = if seeds >= ENOUGH && arguments.canary.is_none() { numbers.missing() } else { Vec::new() };
    if !missing.is_empty() {
        println!("never came up: {}", missing.join(", "));
    }
    if seeds < arguments.seeds {
        println!("interrupted; go on with --from {} --seeds {}", arguments.from + seeds, arguments.seeds - seeds);
    }
    if failures.is_empty() && missing.is_empty() && seeds == arguments.seeds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One seed after the other, in their order, so that after an interruption all before the next one
/// are done.
fn work(arguments: &Arguments, next: &AtomicU64, end: u64, sum: &Mutex<Sum>) {
    while !STOP.load(Ordering::Relaxed) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= end {
            break;
        }
        let plan = arguments.plan(number);
        let outcome = match arguments.canary() {
            Some(canary) => run::run(plan, &plan.program(), Some(canary)),
            None => seed(plan, arguments.twice),
        };
        let failure = outcome.broken.as_ref().map(|broken| {
            let told = format!("seed {number}: {broken}");
            eprintln!("{told}");
            match arguments.canary {
                Some(_) => told,
                None => match Regression::new(plan, &plan.program(), broken).save(&Regression::folder()) {
                    Ok(name) => format!("{told}\n  kept as crates/sim/regressions/{name}"),
                    Err(error) => format!("{told}\n  could not be kept: {error}"),
                },
            }
        });
        let mut sum = sum.lock().unwrap();
        sum.seeds += 1;
        sum.numbers.add(&outcome.numbers);
        sum.failures.extend(failure);
    }
}

/// One seed or file, looked at closely.
fn one(arguments: &Arguments) -> ExitCode {
    let (plan, mut program): (Plan, Vec<Step>) = match &arguments.file {
        Some(path) => match std::fs::read(path).map_err(|error| error.to_string()).and_then(|bytes| serde_json::from_slice::<Regression>(&bytes).map_err(|error| error.to_string())) {
            Ok(regression) => (Plan { engine: arguments.engine, ..regression.plan }, regression.program),
            Err(why) => {
                eprintln!("{}: {why}", path.display());
                return ExitCode::FAILURE;
            }
        },
        None => {
            let plan = arguments.plan(arguments.from);
            (plan, plan.program())
        }
    };
    let canary = arguments.canary();
    if arguments.minimise {
        program = minimise(plan, &program, canary);
    }
    let outcome = run::run(plan, &program, canary);
    for line in &outcome.trace {
        println!("{line}");
    }
    println!("trace {}", outcome.hash());
    match outcome.broken {
        Some(broken) => {
            println!("{broken}");
            if arguments.minimise && canary.is_none() {
                match Regression::new(plan, &program, &broken).save(&Regression::folder()) {
                    Ok(name) => println!("{} steps kept as crates/sim/regressions/{name}", program.len()),
                    Err(error) => println!("could not be kept: {error}"),
                }
            }
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}
