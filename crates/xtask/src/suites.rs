//! What must hold, from the cheapest check to the simulator and the window.

use std::process::Command;

use clap::Args;

use crate::{generate, older, run, setup, shell::{Outcome, command, has, run as shell_run, run_command, root}, tidy};

/// Seeds of the simulator in one run of everything.
const SEEDS: u64 = 2_000;
/// As many with the centre on PostgreSQL.
const SEEDS_ON_POSTGRES: u64 = 40;

/// Everything, in the order in which failures are cheapest to find.
pub fn test() -> Outcome {
    setup::machine()?;
    setup::screen()?;
    generate::run(true)?;
    tidy::run()?;
    shell_run("cargo", &["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings", "-A", "clippy::unwrap_used", "-A", "clippy::expect_used", "-A", "missing_docs"])?;
    run_command(command("npm", &["run", "--silent", "test"]).current_dir(root().join("ui")))?;
    run::build()?;
    let driver = setup::driver()?;
    let mut tests = if has("cargo-nextest") { command("cargo", &["nextest", "run", "--locked", "--workspace", "--no-fail-fast"]) } else { command("cargo", &["test", "--locked", "--workspace", "--no-fail-fast"]) };
    tests.env("GLADSTONE_TAURI_DRIVER", driver).env("GLADSTONE_S3S_FS", setup::object_store()?);
    run_command(&mut simulator(SEEDS, 1, "embedded"))?;
    run_command(&mut simulator(SEEDS_ON_POSTGRES, 1, "postgres"))?;
    run_command(&mut tests)
}

/// The fault suites at full size with a fresh seed.
pub fn soak() -> Outcome {
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map(|time| time.as_secs()).unwrap_or_default();
    println!("seed {seed}");
    let mut tests = command("cargo", &["test", "--locked", "--release", "--package", "gladstone-vault", "--test", "faults", "--", "--nocapture"]);
    tests.env("GLADSTONE_SOAK", seed.to_string());
    run_command(&mut tests)?;
    lines_and_kills(seed)?;
    run_command(simulator(SEEDS, seed, "embedded").arg("--twice"))?;
    run_command(simulator(SEEDS / 10, seed, "postgres").arg("--twice"))?;
    older::older()
}

/// Lines cut at every byte and processes killed in the middle of a round, at full size.
fn lines_and_kills(seed: u64) -> Outcome {
    let mut tests = command("cargo", &["test", "--locked", "--release", "--package", "gladstone-sync", "--test", "cuts", "--test", "kills", "--", "--nocapture"]);
    tests.env("GLADSTONE_SOAK", seed.to_string());
    run_command(&mut tests)
}

/// Which seeds of the simulator are run, and how.
#[derive(Args)]
pub struct Sim {
    /// How many seeds.
    #[arg(long, default_value_t = SEEDS)]
    seeds: u64,
    /// The first one; after an interruption, where to go on.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// What the centre runs on.
    #[arg(long, value_parser = ["embedded", "postgres"], default_value = "embedded")]
    engine: String,
    /// How many seeds at a time; 0 for as many as there are processors.
    #[arg(long, default_value_t = 0)]
    jobs: usize,
    /// Each seed twice: both runs have to be the same.
    #[arg(long)]
    twice: bool,
    /// Worlds of this size instead of the mixture.
    #[arg(long, value_parser = ["small", "ordinary", "large"])]
    size: Option<String>,
}

/// Many seeds of the simulator. It takes the place of this program, so that an interruption reaches
/// it and it tells what came so far.
pub fn sim(asked: &Sim) -> Outcome {
    let mut run = simulator(asked.seeds, asked.from, &asked.engine);
    run.args(["--jobs", &asked.jobs.to_string()]).args(asked.twice.then_some("--twice"));
    run.args(asked.size.iter().flat_map(|size| ["--size", size.as_str()]));
    #[cfg(unix)]
    {
        let error = std::os::unix::process::CommandExt::exec(&mut run);
        Err(format!("the simulator cannot be started: {error}"))
    }
    #[cfg(not(unix))]
    run_command(&mut run)
}

fn simulator(seeds: u64, from: u64, engine: &str) -> Command {
    command("cargo", &["run", "--locked", "--quiet", "--package", "gladstone-sim", "--", "--seeds", &seeds.to_string(), "--from", &from.to_string(), "--engine", engine])
}
