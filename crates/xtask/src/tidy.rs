//! House rules as code: headers, sizes, words that must not stay, generated files, layers.

use std::{fs, path::{Path, PathBuf}};

use crate::{generate, shell::{Outcome, root}};

/// Lines from which on a file needs a reason.
const LONG: usize = 600;
/// Words that must not stay in the code.
const LEFT_OVER: [&str; 5] = ["TODO", "FIXME", "XXX", "todo!(", "dbg!("];

/// How every library and program begins: what comes from a file, a network or a person is an error when it is
/// wrong, and never ends the program.
const ERRORS: &str = "#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]";
/// Those that only tests use.
const OF_TESTS: [&str; 3] = ["crates/testkit/", "crates/sim/", "crates/bench/capture/"];

/// Checks all rules and names every breach.
pub fn run() -> Outcome {
    let mut breaches = Vec::new();
    for path in sources(&root()) {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let shown = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
        let first = text.lines().next().unwrap_or_default();
        if !(first.starts_with("//!") || first.starts_with("/*") || first.starts_with("//") || first.starts_with("--") || first.starts_with("#")) {
            breaches.push(format!("{shown}: begins without a header that says what the file is"));
        }
        if text.lines().count() > LONG && !shown.contains("bindings/") && !shown.contains("__entities.sql") && !shown.contains("messages/") {
            breaches.push(format!("{shown}: has {} lines; {LONG} is the most", text.lines().count()));
        }
        for word in LEFT_OVER {
            if text.contains(word) && !shown.ends_with("xtask/src/tidy.rs") {
                breaches.push(format!("{shown}: still holds {word}"));
            }
        }
        if is_root(&shown) && !text.contains(ERRORS) {
            breaches.push(format!("{shown}: does not refuse to panic: {ERRORS}"));
        }
        if shown.starts_with("ui/src") && text.contains("@tauri-apps") && !shown.ends_with("lib/rpc.ts") {
            breaches.push(format!("{shown}: only lib/rpc.ts imports Tauri"));
        }
        if shown.starts_with("ui/src/features/") && imports_another_feature(&shown, &text) {
            breaches.push(format!("{shown}: a feature does not import another one; move what both need to ui/src/parts or ui/src/lib"));
        }
    }
    if let Err(why) = generate::run(true) {
        breaches.push(why);
    }
    if breaches.is_empty() {
        println!("tidy: all house rules hold");
        return Ok(());
    }
    Err(format!("house rules:\n  {}", breaches.join("\n  ")))
}

/// Whether a file is where a library or a program of the product begins.
fn is_root(shown: &str) -> bool {
    let begins = ["src/lib.rs", "src/main.rs"].iter().any(|end| shown.ends_with(end));
    begins && (shown.starts_with("crates/") || shown.starts_with("src-tauri/")) && !OF_TESTS.iter().any(|folder| shown.starts_with(folder))
}

fn imports_another_feature(shown: &str, text: &str) -> bool {
    let own = shown.split('/').nth(3).unwrap_or_default();
    text.lines().filter(|line| line.contains("from \"")).any(|line| {
        line.split_once("features/").is_some_and(|(_, rest)| rest.split('/').next() != Some(own)) || line.split_once("from \"../../").is_none() && line.split_once("from \"../").is_some_and(|(_, rest)| !rest.starts_with("..") && !rest.starts_with(own))
    })
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.is_dir() {
                if !matches!(name.as_str(), "target" | "node_modules" | "dist" | ".git" | "gen" | "artefacts") {
                    open.push(path);
                }
            } else if [".rs", ".ts", ".tsx", ".css", ".sql", ".mjs"].iter().any(|end| name.ends_with(end)) && name != "vite-env.d.ts" {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
