//! Running other programs from the project's root, saying what is run.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What every task returns: nothing, or why it failed.
pub type Outcome = Result<(), String>;

/// The root of the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(Path::to_path_buf).unwrap_or_default()
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A command in the project's root.
pub fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command and fails when it does.
pub fn run(program: &str, arguments: &[&str]) -> Outcome {
    run_command(&mut command(program, arguments))
}

/// Runs a prepared command and fails when it does.
pub fn run_command(command: &mut Command) -> Outcome {
    let shown = format!("{} {}", command.get_program().to_string_lossy(), command.get_args().map(|a| a.to_string_lossy()).collect::<Vec<_>>().join(" "));
    println!("» {shown}");
    let status = command.status().map_err(|error| format!("{shown}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown}: {status}")) }
}

/// Whether a program answers.
pub fn has(program: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
