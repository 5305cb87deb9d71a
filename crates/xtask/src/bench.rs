//! Measures: builds what is shipped and the programs that measure it, and runs them.

use crate::{setup, shell::{self, Outcome, command, root, run_command, target}};

/// Builds the release binaries and prints the table of `gladstone-bench`.
pub fn run(responses: u32) -> Outcome {
    setup::machine()?;
    setup::screen()?;
    shell::run("cargo", &["build", "--locked", "--release", "--package", "gladstone-desktop", "--package", "gladstone-cli", "--package", "gladstone-bench"])?;
    let capture = target().join("capture");
    let mut build = command("cargo", &["build", "--locked", "--release"]);
    // From its own folder, so that cargo reads the settings that lie there.
    run_command(build.current_dir(root().join("crates/bench/capture")).env("CARGO_TARGET_DIR", &capture))?;
    let mut bench = command(&target().join("release/gladstone-bench").to_string_lossy(), &["--responses", &responses.to_string()]);
    run_command(bench.env("CARGO_TARGET_DIR", target()))
}
