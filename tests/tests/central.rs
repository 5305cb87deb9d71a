//! The centre as its operator runs it: the real program, served with its own certificate, joined by
//! real vaults, backed up, put back, and gone on with.

#[path = "support/practice.rs"]
mod practice;

use std::fs;

use gladstone_testkit::postgres::{Cluster, Line};
use practice::{Practice, gladstone};
use serde_json::json;

#[test]
fn a_practice_joins_works_loses_its_centre_and_goes_on() {
    let practice = Practice::new();
    let realm = practice.ok(&["found", "Greenfield Practice"]);
    let serving = practice.serve("0");
    practice.refused(&["serve", "--listen", "127.0.0.1:0"], "already");
    practice.join(&serving, "a", "Amara Okafor", "trainer");
    practice.join(&serving, "b", "Ben Adeyemi", "admin");
    practice.sync_ok("a");
    practice.sync_ok("b");
    assert_eq!(practice.names("b", "Client of Amara"), 1, "what one registered is with the other");
    assert!(practice.ok(&["devices"]).contains("Amara Okafor"), "the operator sees the laptops");
    practice.ok(&["verify-audit"]);

    let backup = practice.vaults("backup.sqlite");
    practice.ok(&["backup", "--to", &backup]);
    practice.refused(&["backup", "--to", &backup], "already");
    practice.within("a", &[("people.register", json!({ "name": "Late Arrival" }))]);
    practice.sync_ok("a");
    practice.refused(&["restore", "--from", &backup, "--replace"], "already");
    let address = serving.address.clone();
    serving.end();
    let output = practice.sync("a");
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("cannot be reached"), "{}", String::from_utf8_lossy(&output.stderr));

    // The disk is lost; last night's backup takes its place.
    practice.refused(&["restore", "--from", &backup], "--replace");
    practice.ok(&["restore", "--from", &backup, "--replace"]);
    assert!(practice.ok(&["realms"]).contains("older than its witness"), "it is noticed");
    let port = address.rsplit(':').next().unwrap().to_owned();
    let blocked = practice.serve(&port);
    assert!(!practice.sync("a").status.success(), "nothing is served before an operator decides");
    blocked.end();
    practice.ok(&["new-epoch", "--realm", &realm]);
    let serving = practice.serve(&port);
    practice.sync_ok("a");
    practice.sync_ok("b");
    assert_eq!(practice.names("b", "Late Arrival"), 1, "what the backup lacked came back from the laptop that had it");
    practice.ok(&["verify-audit"]);

    let device = practice.ok(&["devices"]).lines().find(|line| line.contains("Amara")).unwrap().split_whitespace().next().unwrap().to_owned();
    practice.ok(&["revoke", "--device", &device]);
    let output = practice.sync("a");
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("may not synchronize"), "{}", String::from_utf8_lossy(&output.stderr));
    serving.end();
}

#[test]
fn the_same_program_serves_from_postgresql() {
    let cluster = Cluster::start().unwrap();
    let mut practice = Practice::new();
    practice.database = Some(cluster.address("gladstone", "postgres"));
    practice.ok(&["migrate"]);
    practice.refused(&["realms"], "row-level security");
    practice.database = Some(cluster.address("gladstone_app", "postgres"));
    practice.ok(&["found", "Greenfield Practice"]);
    let serving = practice.serve("0");
    practice.join(&serving, "a", "Amara Okafor", "trainer");
    practice.join(&serving, "b", "Ben Adeyemi", "admin");
    practice.sync_ok("a");
    practice.sync_ok("b");
    assert_eq!(practice.names("b", "Client of Amara"), 1, "what one registered is with the other");
    practice.ok(&["verify-audit"]);
    practice.refused(&["restore", "--from", "anything"], "its own tools");
    serving.end();
}

#[test]
fn the_same_program_reaches_postgresql_over_tls_and_nothing_less() {
    let mut practice = Practice::new();
    // A certificate for this computer, and the authority that signed it: the program makes both for itself.
    practice.ok(&["found", "Somebody Else"]);
    practice.serve("0").end();
    let made = |name: &str| practice.home.path().join("centre/tls").join(name);
    let read = |name: &str| fs::read_to_string(made(name)).unwrap();
    let cluster = Cluster::start_with(Line::Protected(&read("centre.pem"), &read("centre.key"))).unwrap();
    let (root, port) = (made("authority.pem").display().to_string(), cluster.port().unwrap());
    let address = |role: &str, terms: &str| Some(format!("postgres://{role}@localhost:{port}/postgres{terms}"));
    let (full, none) = (format!("?sslmode=verify-full&sslrootcert={root}"), "");
    practice.database = address("gladstone", none);
    practice.refused(&["migrate"], "no encryption");
    practice.database = address("gladstone", "?sslmode=verify-full");
    practice.refused(&["migrate"], "sslrootcert");
    practice.database = Some(format!("postgres://gladstone@db.example:{port}/postgres"));
    practice.refused(&["migrate"], "must not travel open");
    practice.database = address("gladstone", &full);
    assert!(practice.ok(&["migrate"]).contains("steps were applied"));
    practice.database = address("gladstone_app", &full);
    practice.ok(&["found", "Greenfield Practice"]);
    let serving = practice.serve("0");
    practice.join(&serving, "a", "Amara Okafor", "trainer");
    practice.sync_ok("a");
    practice.ok(&["verify-audit"]);
    serving.end();
}

#[test]
fn an_operator_is_told_what_is_wrong() {
    let practice = Practice::new();
    practice.refused(&["invite", "--name", "Amara", "--role", "trainer"], "found");
    practice.ok(&["found", "Greenfield Practice"]);
    practice.ok(&["found", "Other Practice"]);
    practice.refused(&["devices"], "--realm");
    practice.refused(&["serve", "--config", "nowhere.toml"], "nowhere.toml");
    fs::write(practice.home.path().join("wrong.toml"), "listen_on = 1\n").unwrap();
    practice.refused(&["serve", "--config", "wrong.toml"], "listen_on");
    let output = gladstone(practice.home.path()).args(["central", "serve", "--data", "centre", "--listen", "0.0.0.0:0"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("needs TLS"), "{output:?}");
    fs::write(practice.home.path().join("no.sqlite"), "this is no store").unwrap();
    practice.refused(&["restore", "--from", "no.sqlite"], "store");
}

#[test]
fn a_backup_is_put_back_only_where_the_key_of_the_organization_is() {
    let practice = Practice::new();
    let realm = practice.ok(&["found", "Greenfield Practice"]);
    let serving = practice.serve("0");
    practice.join(&serving, "a", "Amara Okafor", "trainer");
    practice.sync_ok("a");
    let backup = practice.vaults("backup.sqlite");
    practice.ok(&["backup", "--to", &backup]);
    let port = serving.address.rsplit(':').next().unwrap().to_owned();
    serving.end();

    // The disk is lost, and of the backup only the records were kept.
    let home = practice.home.path();
    let realms = home.join("centre/realms");
    let files = |folder: &std::path::Path| {
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    let key = format!("{realm}.key");
    assert!(files(&realms).contains(&key), "the key lies beside the records: {:?}", files(&realms));
    for name in files(&realms) {
        fs::remove_file(realms.join(name)).unwrap();
    }
    fs::rename(home.join("backup.key"), home.join("kept elsewhere.key")).unwrap();
    practice.refused(&["restore", "--from", &backup], "key");
    assert_eq!(files(&realms), Vec::<String>::new(), "nothing was put there");
    assert!(files(&home.join("centre")).iter().all(|name| !name.starts_with("restore-")), "nor is anything left of the attempt: {:?}", files(&home.join("centre")));

    // A key of somebody else is none.
    fs::write(home.join("backup.key"), [7; 32]).unwrap();
    practice.refused(&["restore", "--from", &backup], "key");
    assert!(!files(&realms).contains(&format!("{realm}.sqlite")), "{:?}", files(&realms));
    fs::remove_file(home.join("backup.key")).unwrap();

    fs::rename(home.join("kept elsewhere.key"), home.join("backup.key")).unwrap();
    practice.ok(&["restore", "--from", &backup]);
    assert!(files(&realms).contains(&key), "and it is where it belongs");
    let serving = practice.serve(&port);
    practice.within("a", &[("people.register", json!({ "name": "Late Arrival" }))]);
    practice.sync_ok("a");
    practice.ok(&["verify-audit"]);
    serving.end();
}
