//! Opens the app, with a centre on this computer.

use crate::{demo, local_centre, setup, shell::{self, Outcome, run_command, target}};

/// Installs what is missing, builds, and opens the window; without a display plays the demo.
pub fn run() -> Outcome {
    setup::machine()?;
    setup::screen()?;
    build()?;
    if std::env::var_os("DISPLAY").is_none() && std::env::var_os("WAYLAND_DISPLAY").is_none() {
        println!("There is no display here, so the demo is played instead.");
        return demo::run();
    }
    // Without a centre the app does all but join one.
    let _centre = local_centre::start().map_err(|why| eprintln!("No centre on this computer: {why}"));
    let mut app = std::process::Command::new(target().join("debug/gladstone-desktop"));
    // The accelerated path costs 80 MB more and draws nothing on machines without a GPU.
    app.env("WEBKIT_DISABLE_DMABUF_RENDERER", "1");
    run_command(&mut app)
}

/// Builds the window and the command line.
pub fn build() -> Outcome {
    shell::run("cargo", &["build", "--locked", "--package", "gladstone-desktop", "--package", "gladstone-cli"])
}
