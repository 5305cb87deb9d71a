//! The window's program keeps its SQLite to itself. The webview has one of its own; if ours were
//! visible to the dynamic linker, the webview's calls would run in our SQLCipher.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// The program beside this test: `target/debug/gladstone-desktop` for a test of the debug build.
fn window() -> PathBuf {
    let own = env::current_exe().unwrap();
    let program = own.ancestors().nth(2).unwrap().join("gladstone-desktop");
    assert!(program.exists(), "{} is not built; build it with `cargo build --package gladstone-desktop` (the screen first: `npm ci && npm run build` in ui), or run `cargo xtask test`, which does both", program.display());
    program
}

/// Names of the SQLite functions that are defined in a program or library.
fn sqlite(arguments: &[&str], program: &Path) -> Vec<String> {
    let output = Command::new("nm").args(arguments).arg("--defined-only").arg(program).output().expect("nm is installed (Debian: binutils, which comes with gcc)");
    assert!(output.status.success(), "nm {}: {}", program.display(), String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.split_whitespace().last()).filter(|name| name.starts_with("sqlite3_")).map(str::to_owned).collect()
}

#[test]
fn the_window_shows_no_function_of_its_sqlite_to_the_webview() {
    let program = window();
    if cfg!(debug_assertions) {
        let inside = sqlite(&[], &program);
        assert!(inside.iter().any(|name| name == "sqlite3_open_v2"), "SQLite is linked into the window, or this test would prove nothing");
    }
    let shown = sqlite(&["--dynamic"], &program);
    assert!(shown.is_empty(), "the dynamic linker sees {} functions of our SQLite, {:?} first; src-tauri/build.rs passes --exclude-libs to the linker against this", shown.len(), shown.first());
}

#[test]
fn the_window_takes_sqlite_from_no_library_of_the_system() {
    let output = Command::new("nm").args(["--dynamic", "--undefined-only"]).arg(window()).output().expect("nm is installed (Debian: binutils, which comes with gcc)");
    let taken: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.split_whitespace().last()).filter(|name| name.starts_with("sqlite3_")).map(str::to_owned).collect();
    assert!(output.status.success() && taken.is_empty(), "the window would run on a SQLite without encryption: {taken:?}");
}
