//! Plays the main job in the real window.

use crate::{run, setup, shell::{Outcome, command, run_command}};

/// Sets up, builds, and plays; pictures and a summary lie in `artefacts/` afterwards.
pub fn run() -> Outcome {
    setup::machine()?;
    setup::screen()?;
    run::build()?;
    let driver = setup::driver()?;
    let mut demo = command("cargo", &["run", "--locked", "--quiet", "--package", "gladstone-tests", "--bin", "demo"]);
    demo.env("GLADSTONE_TAURI_DRIVER", driver);
    run_command(&mut demo)
}
