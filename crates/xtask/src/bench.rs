//! Measures: builds what is shipped and the programs that measure it, and runs them.

use clap::{Args, ValueEnum};

use crate::{setup, shell::{self, Outcome, command, root, run_command, target}};

/// What `cargo xtask bench` takes.
#[derive(Args)]
pub struct Arguments {
    /// What is measured; without it everything on one laptop.
    what: Option<What>,
    /// Persons with responses; 10,000 responses are workload W.
    #[arg(long, default_value_t = 10_000)]
    responses: u32,
    /// Laptops of the herd that download at once, and as many that work on.
    #[arg(long, default_value_t = 500)]
    herd: u32,
    /// Replication over one store only: embedded or postgresql.
    #[arg(long)]
    store: Option<String>,
    /// Replication without TLS only.
    #[arg(long)]
    plain: bool,
    /// The same change is compared with a run of ten times the rows: with W that is 1,000,000.
    #[arg(long)]
    large: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Replication between two laptops through a served centre.
    Sync,
    /// Many first downloads at once.
    Herd,
    /// Files: taken in, read, brought to a centre and fetched from it.
    Files,
}

/// Builds the release binaries and prints the table of `gladstone-bench`.
pub fn run(arguments: &Arguments) -> Outcome {
    setup::machine()?;
    let only = match arguments.what {
        Some(What::Sync) => "sync",
        Some(What::Herd) => "herd",
        Some(What::Files) => "files",
        None => return laptop(arguments),
    };
    shell::run("cargo", &["build", "--locked", "--release", "--package", "gladstone-cli", "--package", "gladstone-bench"])?;
    measure(arguments, &["--only", only])
}

fn laptop(arguments: &Arguments) -> Outcome {
    setup::screen()?;
    shell::run("cargo", &["build", "--locked", "--release", "--package", "gladstone-desktop", "--package", "gladstone-cli", "--package", "gladstone-bench"])?;
    let capture = target().join("capture");
    let mut build = command("cargo", &["build", "--locked", "--release"]);
    // From its own folder, so that cargo reads the settings that lie there.
    run_command(build.current_dir(root().join("crates/bench/capture")).env("CARGO_TARGET_DIR", &capture))?;
    measure(arguments, &[])
}

fn measure(arguments: &Arguments, only: &[&str]) -> Outcome {
    let mut bench = command(&target().join("release/gladstone-bench").to_string_lossy(), &["--responses", &arguments.responses.to_string(), "--herd", &arguments.herd.to_string()]);
    bench.args(arguments.store.iter().flat_map(|store| ["--store", store.as_str()])).args(arguments.plain.then_some("--plain")).args(arguments.large.then_some("--large"));
    run_command(bench.args(only).env("CARGO_TARGET_DIR", target()))
}
