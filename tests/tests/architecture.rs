//! Which crate may know which, who alone may use a database, the network or the window, what the
//! shipped programs must not link, and under which licences their parts come.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

/// Each crate, lowest layer first: the crates of the project that it is made from, and those that
/// its own tests use besides.
const GRAPH: [(&str, &[&str], &[&str]); 15] = [
    ("gladstone-model", &[], &[]),
    ("gladstone-care", &[], &[]),
    ("gladstone-protocol", &["gladstone-model"], &[]),
    ("gladstone-store", &["gladstone-model", "gladstone-protocol"], &[]),
    ("gladstone-vault", &["gladstone-model", "gladstone-protocol", "gladstone-store"], &["gladstone-central", "gladstone-testkit"]),
    ("gladstone-sync", &["gladstone-model", "gladstone-protocol", "gladstone-vault"], &["gladstone-central", "gladstone-testkit"]),
    ("gladstone-central", &["gladstone-model", "gladstone-protocol", "gladstone-store"], &["gladstone-testkit"]),
    ("gladstone-desk", &["gladstone-care", "gladstone-model", "gladstone-protocol", "gladstone-store", "gladstone-sync", "gladstone-vault"], &[]),
    ("gladstone-desktop", &["gladstone-desk"], &[]),
    ("gladstone-cli", &["gladstone-central", "gladstone-desk", "gladstone-sync"], &[]),
    ("gladstone-testkit", &["gladstone-model", "gladstone-protocol", "gladstone-store", "gladstone-vault"], &[]),
    ("gladstone-sim", &["gladstone-central", "gladstone-model", "gladstone-protocol", "gladstone-store", "gladstone-sync", "gladstone-testkit", "gladstone-vault"], &[]),
    ("gladstone-bench", &["gladstone-care", "gladstone-central", "gladstone-desk", "gladstone-model", "gladstone-protocol", "gladstone-store", "gladstone-sync", "gladstone-testkit", "gladstone-vault"], &[]),
    ("gladstone-tests", &[], &["gladstone-desk", "gladstone-model", "gladstone-store", "gladstone-testkit", "gladstone-vault"]),
    ("gladstone-xtask", &["gladstone-model"], &[]),
];

/// Crates that are shipped; the others are for building, measuring and testing.
const PRODUCT: [&str; 10] = ["gladstone-model", "gladstone-care", "gladstone-protocol", "gladstone-store", "gladstone-vault", "gladstone-sync", "gladstone-central", "gladstone-desk", "gladstone-desktop", "gladstone-cli"];

/// A library, the shipped crates that alone may use it, and the tools and tests that may.
const RESERVED: [(&str, &[&str], &[&str]); 10] = [
    ("rusqlite", &["gladstone-store", "gladstone-vault", "gladstone-central"], &["gladstone-testkit", "gladstone-bench", "gladstone-sim", "gladstone-tests"]),
    ("refinery", &["gladstone-store", "gladstone-central"], &["gladstone-tests"]),
    ("tokio-postgres", &["gladstone-store", "gladstone-central"], &["gladstone-testkit", "gladstone-bench", "gladstone-tests"]),
    ("reqwest", &["gladstone-sync", "gladstone-central"], &[]),
    ("rusty-s3", &["gladstone-central"], &[]),
    ("axum", &["gladstone-central"], &[]),
    ("tauri", &["gladstone-desktop"], &[]),
    ("tauri-build", &["gladstone-desktop"], &[]),
    ("keyring-core", &["gladstone-vault"], &[]),
    ("zbus-secret-service-keyring-store", &["gladstone-vault"], &[]),
];

/// Crates whose code knows no database, no file, no network and no window.
const PURE: [&str; 3] = ["gladstone-model", "gladstone-care", "gladstone-protocol"];
/// What the pure crates must not even reach through others.
const IMPURE: [&str; 8] = ["rusqlite", "refinery", "tokio", "tokio-postgres", "reqwest", "axum", "tauri", "zbus"];

/// Libraries of which the shipped programs have another one: `ring` does all cryptography, and
/// SQLCipher brings the system's libcrypto.
const NOT_SHIPPED: [&str; 5] = ["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"];

const LICENCES: [&str; 13] = ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MPL-2.0", "Zlib", "Unicode-3.0", "CC0-1.0", "0BSD", "Unlicense", "BSL-1.0", "MIT-0"];
/// Crates under something else, with the reason why that is fine.
const OTHER_LICENCES: [(&str, &str, &str); 1] = [("sqlcipher-src", "MIT AND BSD-3-Clause AND blessing AND WTFPL", "SQLCipher is BSD; SQLite is in the public domain and comes with a blessing; the WTFPL of libtomcrypt asks for nothing.")];

/// The crates as Cargo sees them on this machine's platform, without asking any network.
fn metadata() -> Metadata {
    let rustc = Command::new(option_env!("RUSTC").unwrap_or("rustc")).arg("-vV").output().expect("rustc answers");
    let host = String::from_utf8(rustc.stdout).unwrap().lines().find_map(|line| line.strip_prefix("host: ").map(str::to_owned)).expect("rustc names its host");
    MetadataCommand::new().current_dir(env!("CARGO_MANIFEST_DIR")).other_options(["--locked".into(), "--offline".into(), "--filter-platform".into(), host]).exec().expect("cargo describes the workspace")
}

fn names(package: &Package, development: bool) -> BTreeSet<&str> {
    package.dependencies.iter().filter(|dependency| (dependency.kind == DependencyKind::Development) == development).map(|dependency| dependency.name.as_str()).collect()
}

/// Everything that is linked into a crate; what only its tests or its build need is left out.
fn linked<'a>(metadata: &'a Metadata, root: &str) -> BTreeSet<&'a str> {
    let nodes: BTreeMap<&PackageId, _> = metadata.resolve.as_ref().unwrap().nodes.iter().map(|node| (&node.id, node)).collect();
    let mut open = vec![&metadata.workspace_packages().into_iter().find(|package| package.name == root).unwrap().id];
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            open.extend(nodes[id].deps.iter().filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)).map(|dependency| &dependency.pkg));
        }
    }
    seen.into_iter().map(|id| metadata[id].name.as_str()).collect()
}

#[test]
fn the_crates_know_each_other_exactly_as_drawn() {
    let metadata = metadata();
    let own = |names: BTreeSet<&str>| -> Vec<String> { names.into_iter().filter(|name| name.starts_with("gladstone-")).map(str::to_owned).collect() };
    let found: BTreeMap<String, (Vec<String>, Vec<String>)> = metadata.workspace_packages().iter().map(|package| (package.name.to_string(), (own(names(package, false)), own(names(package, true))))).collect();
    let owned = |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    let drawn: BTreeMap<String, (Vec<String>, Vec<String>)> = GRAPH.iter().map(|(name, made_from, tested_with)| ((*name).to_owned(), (owned(made_from), owned(tested_with)))).collect();
    assert_eq!(found, drawn, "the crates in the Cargo.tomls (left) are those of GRAPH (right)");
}

#[test]
fn dependencies_point_down_and_nothing_shipped_needs_a_test_or_a_tool() {
    for (at, (name, made_from, _)) in GRAPH.iter().enumerate() {
        for below in *made_from {
            let place = GRAPH.iter().position(|(other, ..)| other == below);
            assert!(place.is_some_and(|place| place < at), "{name} is made from {below}, which does not lie below it");
            assert!(!PRODUCT.contains(name) || PRODUCT.contains(below), "{name} is shipped and {below} is not");
        }
        assert!(!made_from.contains(&"gladstone-desktop"), "{name}: nothing is made from the window");
    }
}

#[test]
fn each_reserved_library_is_used_by_its_owners_alone() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        for (library, owners, tools) in RESERVED {
            let uses = [false, true].into_iter().any(|development| names(package, development).contains(library));
            assert!(!uses || owners.contains(&name) || tools.contains(&name), "{name} uses {library}; only {} may, and among tools and tests {}", owners.join(", "), tools.join(", "));
        }
    }
}

#[test]
fn pure_crates_reach_no_database_no_network_and_no_window() {
    let metadata = metadata();
    for name in PURE {
        let reached: Vec<_> = linked(&metadata, name).into_iter().filter(|library| IMPURE.contains(library)).collect();
        assert!(reached.is_empty(), "{name} reaches {reached:?}");
    }
}

#[test]
fn the_shipped_programs_link_no_second_cryptography_and_no_second_sqlite() {
    let metadata = metadata();
    for program in ["gladstone-desktop", "gladstone-cli"] {
        let linked = linked(&metadata, program);
        for library in NOT_SHIPPED {
            assert!(!linked.contains(library), "{program} links {library}");
        }
        let sqlite: Vec<_> = linked.iter().filter(|name| name.contains("sqlite") && name.ends_with("-sys")).collect();
        assert_eq!(sqlite, [&"libsqlite3-sys"], "{program} links one SQLite");
        assert_eq!(linked.contains("tauri"), program == "gladstone-desktop", "{program}: the command line runs on servers, without a webview");
        for part in ["gladstone-central", "axum"] {
            assert_eq!(linked.contains(part), program == "gladstone-cli", "{program}: the window serves nobody, and {part} is the centre's");
        }
    }
    let copies = metadata.packages.iter().filter(|package| package.links.as_deref() == Some("sqlite3")).count();
    assert_eq!(copies, 1, "one crate links sqlite3");
}

#[test]
fn every_member_inherits_versions_and_lints_from_the_workspace() {
    let metadata = metadata();
    let inherits = |value: &toml::Value| value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
    for package in metadata.workspace_packages() {
        let manifest: toml::Value = toml::from_str(&fs::read_to_string(&package.manifest_path).unwrap()).unwrap();
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            assert!(manifest["package"].get(key).is_some_and(inherits), "{}: {key} comes from the workspace", package.name);
        }
        assert!(manifest.get("lints").is_some_and(inherits), "{}: the lints come from the workspace", package.name);
        let platforms = manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(|targets| targets.values());
        for part in platforms.chain([&manifest]) {
            for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
                for (name, value) in part.get(section).and_then(toml::Value::as_table).into_iter().flatten() {
                    let own = ["version", "path", "git", "branch", "tag", "rev", "registry"].into_iter().find(|key| value.get(key).is_some());
                    assert!(inherits(value) && own.is_none(), "{}: {name} in {section} comes from the workspace", package.name);
                }
            }
        }
    }
    let root: toml::Value = toml::from_str(&fs::read_to_string(Path::new(metadata.workspace_root.as_str()).join("Cargo.toml")).unwrap()).unwrap();
    for (name, value) in root["workspace"]["dependencies"].as_table().unwrap() {
        assert!(value.get("git").is_none(), "{name} comes from the registry or from this workspace");
    }
}

/// Whether a licence expression can be met with allowed licences alone. An exception that stands
/// behind WITH only adds rights. Old crates write `/` for OR.
fn allowed(expression: &str) -> bool {
    let words: Vec<String> = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ").split_whitespace().map(str::to_owned).collect();
    let mut rest = words.as_slice();
    either(&mut rest) == Some(true) && rest.is_empty()
}

fn either(rest: &mut &[String]) -> Option<bool> {
    let mut met = both(rest)?;
    while take(rest, "OR") {
        met |= both(rest)?;
    }
    Some(met)
}

fn both(rest: &mut &[String]) -> Option<bool> {
    let mut met = one(rest)?;
    while take(rest, "AND") {
        met &= one(rest)?;
    }
    Some(met)
}

fn one(rest: &mut &[String]) -> Option<bool> {
    if take(rest, "(") {
        let met = either(rest)?;
        return take(rest, ")").then_some(met);
    }
    let (licence, behind) = rest.split_first()?;
    *rest = behind;
    if take(rest, "WITH") {
        *rest = rest.get(1..)?;
    }
    Some(LICENCES.contains(&licence.as_str()))
}

fn take(rest: &mut &[String], word: &str) -> bool {
    let found = rest.first().is_some_and(|first| first == word);
    if found {
        *rest = &rest[1..];
    }
    found
}

#[test]
fn a_licence_expression_is_allowed_when_one_reading_of_it_is() {
    let check = |expression: &str, expected: bool| assert_eq!(allowed(expression), expected, "{expression}");
    for expression in ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR Apache-2.0) AND Unicode-3.0", "Apache-2.0 WITH LLVM-exception", "MIT AND (GPL-2.0 OR ISC)"] {
        check(expression, true);
    }
    for expression in ["", "GPL-3.0", "AGPL-3.0 OR SSPL-1.0", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND OpenSSL", "MIT OR", "(MIT", "MIT MIT"] {
        check(expression, false);
    }
}

#[test]
fn every_library_comes_under_a_licence_that_the_product_can_carry() {
    let metadata = metadata();
    let mut excused = BTreeSet::new();
    let mut refused = Vec::new();
    for package in metadata.packages.iter().filter(|package| package.source.is_some()) {
        let licence = package.license.as_deref().unwrap_or("");
        if allowed(licence) {
            continue;
        }
        match OTHER_LICENCES.iter().find(|(name, text, _)| *name == package.name.as_str() && *text == licence) {
            Some((name, ..)) => _ = excused.insert(*name),
            None => refused.push(format!("{} {}: {licence:?}", package.name, package.version)),
        }
    }
    assert!(refused.is_empty(), "licences that are not allowed:\n{}", refused.join("\n"));
    assert_eq!(excused.len(), OTHER_LICENCES.len(), "every exception is still needed: {excused:?}");
}
