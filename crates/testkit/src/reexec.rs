//! A test that runs part of itself in a process of its own: the same binary, the same test, and a
//! variable that says which part.

use std::{io::Write, path::{Path, PathBuf}, process::Command};

const PART: &str = "GLADSTONE_TEST_PART";

/// A command that runs `test`, by its full name, once more, to do its other part in `folder`.
pub fn again(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(PART, folder);
    command
}

/// Runs a command that [`again`] made, or that runs one, to its end; the other part must succeed.
pub fn finish(command: &mut Command) {
    let done = command.output().unwrap_or_else(|error| unreachable!("{}: {error}", command.get_program().display()));
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && out.contains("1 passed"), "the other part of the test: {out}{err}");
}

/// The folder in which the other part is to be done; none in the test itself.
pub fn part() -> Option<PathBuf> {
    std::env::var_os(PART).map(PathBuf::from)
}

/// Says a line to the process that runs this one. The line has left this process on return.
pub fn say(line: impl std::fmt::Display) {
    std::io::stderr().lock().write_all(format!("{line}\n").as_bytes()).unwrap();
}
