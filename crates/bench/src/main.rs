//! Measures what a person waits for, beside a floor measured in the same run: the same rows
//! written by prepared statements into SQLCipher with the same settings. Read `README.md`.
#![allow(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod big;
mod capture;
mod files;
mod floor;
mod herd;
mod herd_entries;
mod machine;
mod place;
mod report;
mod saves;
mod screen;
mod sync;
mod sync_centre;
mod sync_floor;
mod sync_laptop;
mod sync_wire;
mod window;
mod workload;
mod workload_rows;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;

use report::Report;

/// Rows are made by several threads and given back by another one; the usual allocator lets them wait for each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "gladstone-bench", about = "Measure, and print ratios to a floor of the same run.")]
struct Arguments {
    /// Responses of workload W; the big vault holds ten times as many.
    #[arg(long, default_value_t = 10_000)]
    responses: u32,
    /// Only these sections: saves, batched, single, big, window, capture; by name alone: sync, herd, files.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Laptops of the herd that download at once, and as many that work on.
    #[arg(long, default_value_t = 500)]
    herd: u32,
    /// Replication over one store only: embedded or postgresql.
    #[arg(long)]
    store: Option<String>,
    /// Replication without TLS only.
    #[arg(long)]
    plain: bool,
    /// Replication: the same change is compared with a run of ten times the rows, not of a tenth.
    #[arg(long)]
    large: bool,
    /// Replication: rounds, each with new laptops and the floors between; the table shows the middle one.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Folder in which cargo builds; everything that is measured lies below it.
    #[arg(long, env = "CARGO_TARGET_DIR", default_value = "target")]
    target: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            println!("Some targets were missed.");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("gladstone-bench: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the sections that are wanted; returns whether every target was met.
fn run(arguments: &Arguments) -> Result<bool, String> {
    let all = ["saves", "batched", "single", "big", "window", "capture", "sync", "herd", "files"];
    if let Some(unknown) = arguments.only.iter().find(|name| !all.contains(&name.as_str())) {
        return Err(format!("“{unknown}” is none of {}", all.join(", ")));
    }
    if arguments.responses < 100 {
        return Err("fewer than 100 responses measure nothing".into());
    }
    let wanted = |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
    let place = place::Place::new(&arguments.target)?;
    let mut report = Report::default();
    println!("{}", machine::facts(place.root()));
    if wanted("saves") {
        saves::measure(&place, &mut report)?;
    }
    if wanted("batched") {
        workload::batched(&place, arguments.responses, &mut report)?;
    }
    if wanted("single") {
        workload::single(&place, arguments.responses, &mut report)?;
    }
    if wanted("big") {
        big::measure(&place, arguments.responses.saturating_mul(10), &mut report)?;
    }
    if wanted("window") {
        window::measure(&place, &arguments.target, &mut report)?;
    }
    if wanted("capture") {
        capture::measure(&arguments.target, arguments.responses, &mut report)?;
    }
    // Measured apart from the others: minutes, and another program.
    if arguments.only.iter().any(|only| only == "sync") {
        let wanted = sync::Wanted { responses: arguments.responses, store: arguments.store.clone(), plain: arguments.plain, large: arguments.large, rounds: arguments.rounds };
        sync::measure(&place, &arguments.target, &wanted, &mut report)?;
    }
    if arguments.only.iter().any(|only| only == "herd") {
        herd::measure(&place, &arguments.target, arguments.responses, arguments.herd, arguments.store.as_deref(), &mut report)?;
    }
    if arguments.only.iter().any(|only| only == "files") {
        files::measure(&place, &arguments.target, &mut report)?;
    }
    println!("\n{}\n{}", machine::facts(place.root()), report.table());
    Ok(report.all_met())
}
