//! `gladstone-sim`: many seeds, or one that is looked at closely.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used)]

use std::{
    process::ExitCode,
    sync::{Mutex, atomic::{AtomicU64, Ordering}},
    time::Instant,
};

use clap::Parser;
use gladstone_sim::{Canary, LENGTH, Numbers, Outcome, minimise, run, seed, step};

#[derive(Parser)]
#[command(about = "Runs seeds of the simulator.")]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Steps of each program.
    #[arg(long, default_value_t = LENGTH)]
    steps: usize,
    /// How many threads; 0 for as many as there are processors.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Each seed once instead of twice.
    #[arg(long)]
    once: bool,
    /// Print what happens with the first seed, step by step.
    #[arg(long)]
    trace: bool,
    /// Leave out steps of the first seed as long as it fails.
    #[arg(long)]
    minimise: bool,
    /// A mistake that has to be found, by number from 0.
    #[arg(long)]
    canary: Option<usize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let canary = arguments.canary.and_then(|at| Canary::ALL.get(at).copied());
    if arguments.trace || arguments.minimise {
        return one(arguments.from, arguments.steps, arguments.minimise, canary);
    }
    let began = Instant::now();
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from.saturating_add(arguments.seeds);
    let done: Mutex<(Numbers, Vec<(u64, Outcome)>)> = Mutex::default();
    let threads = if arguments.threads == 0 { std::thread::available_parallelism().map_or(2, usize::from) } else { arguments.threads };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= end {
                    break;
                }
                let outcome = if canary.is_some() { run::run(number, &step::program(number, arguments.steps), canary) } else { seed(number, arguments.steps, !arguments.once) };
                let mut done = done.lock().unwrap();
                done.0.add(&outcome.numbers);
                if let Some(broken) = &outcome.broken {
                    eprintln!("seed {number}: {broken}");
                    done.1.push((number, outcome));
                }
            });
        }
    });
    let (numbers, failures) = done.into_inner().unwrap();
    println!("seeds {}, steps {}, mutations {}, effects {}, put aside {}, held {}, conflicts {}, decided {}, units entered {}, units left {}", arguments.seeds, numbers.steps, numbers.mutations, numbers.effects, numbers.quarantined, numbers.held, numbers.conflicts, numbers.decided, numbers.entered, numbers.left);
    let faults: Vec<String> = numbers.faults.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    println!("faults {}: {}", numbers.faults.values().sum::<u64>(), faults.join(", "));
    println!("failures {}, seconds {:.1}", failures.len(), began.elapsed().as_secs_f64());
    let mut seeds: Vec<u64> = failures.iter().map(|(seed, _)| *seed).collect();
    seeds.sort_unstable();
    if seeds.is_empty() {
        ExitCode::SUCCESS
    } else {
        println!("failing seeds, for crates/sim/regressions.txt: {}", seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(" "));
        ExitCode::FAILURE
    }
}

/// One seed, looked at closely.
fn one(seed: u64, steps: usize, smallest: bool, canary: Option<Canary>) -> ExitCode {
    let mut program = step::program(seed, steps);
    if smallest {
        program = minimise(seed, &program, canary);
    }
    let outcome = run::run(seed, &program, canary);
    for line in &outcome.trace {
        println!("{line}");
    }
    println!("trace {}", outcome.hash());
    match outcome.broken {
        Some(broken) => {
            println!("{broken}");
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}
