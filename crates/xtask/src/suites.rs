//! What must hold, from the cheapest check to the window.

use crate::{generate, run, setup, shell::{Outcome, command, has, run as shell_run, run_command, root}, tidy};

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
    tests.env("GLADSTONE_TAURI_DRIVER", driver);
    run_command(&mut tests)
}

/// The fault suites at full size with a fresh seed.
pub fn soak() -> Outcome {
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map(|time| time.as_secs()).unwrap_or_default();
    println!("seed {seed}");
    let mut tests = command("cargo", &["test", "--locked", "--release", "--package", "gladstone-vault", "--test", "faults", "--", "--nocapture"]);
    tests.env("GLADSTONE_SOAK", seed.to_string());
    run_command(&mut tests)
}

/// Many seeds of the simulator, each twice.
pub fn sim(seeds: u64, from: u64) -> Outcome {
    shell_run("cargo", &["run", "--locked", "--quiet", "--package", "gladstone-sim", "--", "--seeds", &seeds.to_string(), "--from", &from.to_string()])
}
