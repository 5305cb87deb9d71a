//! `cargo xtask`: everything that is done with the project, on a fresh machine too.
#![allow(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod bench;
mod demo;
mod generate;
mod local_centre;
mod older;
mod run;
mod setup;
mod shell;
mod suites;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", about = "Set up, run, demonstrate, test, generate, measure.")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what is missing, build the screen, open the app; without a display play the demo.
    Run,
    /// Do the main job in the real window, a picture for every step.
    Demo,
    /// Everything that must hold: generated files, house rules, lints, tests, window tests.
    Test,
    /// Full sizes and fresh seeds of the fault suites.
    Soak,
    /// Build older versions from the history and let them synchronize with a centre of this one.
    Older,
    /// Run seeds of the replication simulator and print what happened.
    Sim(suites::Sim),
    /// Write the generated files: migrations, TypeScript types.
    Gen {
        /// Only say whether they are current.
        #[arg(long)]
        check: bool,
    },
    /// Check the house rules.
    Tidy,
    /// Measure and print ratios to a floor measured in the same run.
    Bench(bench::Arguments),
    /// Print the full DDL of an engine, or which column holds which seed field.
    Schema {
        /// sqlite, postgres or coverage.
        what: String,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Run => run::run(),
        Task::Demo => demo::run(),
        Task::Test => suites::test(),
        Task::Soak => suites::soak(),
        Task::Older => older::older(),
        Task::Sim(asked) => suites::sim(&asked),
        Task::Gen { check } => generate::run(check),
        Task::Tidy => tidy::run(),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Schema { what } => generate::print(&what),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
