//! The table of hazards in the README of `gladstone-sync` names tests that are there, and that run on
//! the engines it says.

use std::{fs, path::{Path, PathBuf}};

/// Hazards of the design; none may be left out of the table.
const COUNT: usize = 32;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn source(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The text of a file that lies beside another one; empty when there is none.
fn beside(path: &str, name: &str) -> String {
    fs::read_to_string(root().join(path).with_file_name(name)).unwrap_or_default()
}

/// Whether a test of this name is in the file: by itself, or by a list of tests beside it.
fn is_there(path: &str, name: &str) -> bool {
    let text = source(path);
    let Some((before, _)) = text.split_once(&format!("fn {name}(")) else { return false };
    let stem = Path::new(path).file_stem().unwrap().to_string_lossy();
    before.trim_end().ends_with("#[test]") || before.trim_end().ends_with("async") || beside(path, "main.rs").contains(&format!("    {stem}::{name},\n"))
}

/// Whether a test runs on PostgreSQL too.
fn runs_on_postgresql(path: &str, name: &str) -> bool {
    let file = Path::new(path).file_name().unwrap().to_string_lossy();
    let stem = file.trim_end_matches(".rs");
    let listed = beside(path, "main.rs").contains(&format!("    {stem}::{name},\n")) && beside(path, "main.rs").contains("mod on_postgresql");
    let twice = source(path).contains("!(on_postgresql, ");
    listed || twice || beside(path, "on_postgresql.rs").contains(&format!("#[path = \"{file}\"]")) || stem.starts_with("postgres") || stem.starts_with("on_postgresql") || name.ends_with("on_postgresql")
}

#[test]
fn every_hazard_has_a_test_that_is_there_and_runs_where_the_table_says() {
    let readme = source("crates/sync/README.md");
    let table = readme.split_once("## Hazards\n").expect("the table has its heading").1.split("\n## ").next().unwrap();
    let rows: Vec<Vec<&str>> = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| hazard ")).map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect();
    assert_eq!(rows.len(), COUNT, "rows of the table");
    for row in rows {
        let [hazard, tests, engines] = row[..] else { panic!("three columns: {row:?}") };
        let tests: Vec<(&str, &str)> = tests.split('`').skip(1).step_by(2).map(|test| test.split_once("::").unwrap_or_else(|| panic!("{hazard}: {test} is no test"))).collect();
        assert!(!tests.is_empty(), "{hazard}: has no test");
        for (path, name) in &tests {
            assert!(is_there(path, name), "{hazard}: {path} has no test {name}");
        }
        for engine in engines.split(", ") {
            assert!(["files", "PostgreSQL", "laptop"].contains(&engine), "{hazard}: {engine} is no engine");
        }
        let on_postgresql = tests.iter().any(|(path, name)| runs_on_postgresql(path, name));
        assert_eq!(engines.contains("PostgreSQL"), on_postgresql, "{hazard}: runs on PostgreSQL or not");
    }
}
