//! The centre as its operator runs it: the real program, served with its own certificate, joined by
//! real vaults, backed up, put back, and gone on with.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use gladstone_testkit::postgres::Cluster;
use gladstone_tests::program;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

const PASSPHRASE: &str = "violet anchor tundra mosaic";

fn gladstone(home: &Path) -> Command {
    let mut command = Command::new(program());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GLADSTONE_")) {
        command.env_remove(name);
    }
    command.env("GLADSTONE_KEY_COST", "floor").env("HOME", home).env("XDG_DATA_HOME", home.join("data")).current_dir(home);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The centre's folder, and everybody's home.
struct Practice {
    home: TempDir,
    /// A database in place of the embedded store.
    database: Option<String>,
}

impl Practice {
    fn new() -> Practice {
        Practice { home: tempfile::tempdir().unwrap(), database: None }
    }

    /// `gladstone central` with what all of its commands need.
    fn command(&self) -> Command {
        let mut command = gladstone(self.home.path());
        command.args(["central", "--data", "centre", "--tls-self-signed"]).envs(self.database.iter().map(|address| ("GLADSTONE_CENTRAL_DATABASE", address)));
        command
    }

    fn central(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.central(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn refused(&self, arguments: &[&str], because: &str) {
        let output = self.central(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(because), "{arguments:?}: {said}");
    }

    fn serve(&self, port: &str) -> Serving {
        let mut child = self.command().args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--log", "error"]).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("it listens: {line}")).to_owned();
        assert!(address.starts_with("https://"), "{address}");
        Serving { child, address }
    }

    fn vaults(&self, name: &str) -> String {
        self.home.path().join(name).to_string_lossy().into_owned()
    }

    /// Asks one command after the other in one `gladstone rpc`; all must succeed.
    fn rpc(&self, name: &str, commands: &[(&str, Json)]) -> Vec<Json> {
        let mut child = gladstone(self.home.path()).args(["rpc", "--no-keyring", "--vaults", &self.vaults(name)]).stdin(Stdio::piped()).spawn().unwrap();
        let (mut input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut answers: Vec<Json> = Vec::new();
        for (command, request) in commands {
            // A request may take something from the answer before.
            let request = match request {
                Json::String(field) => json!({ "code": answers[answers.len() - 1][field] }),
                other => other.clone(),
            };
            writeln!(input, "{}", json!({ "id": 1, "command": command, "request": request })).unwrap();
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            let mut answer: Json = serde_json::from_str(&line).unwrap();
            assert!(answer.get("error").is_none(), "{command}: {answer}");
            answers.push(answer["ok"].take());
        }
        drop(input);
        assert!(child.wait().unwrap().success());
        answers
    }

    /// `gladstone sync` with the passphrase on standard input.
    fn sync(&self, name: &str) -> Output {
        let mut child = gladstone(self.home.path()).args(["sync", "--no-keyring", "--passphrase-stdin", "--vault", &self.vaults(name)]).stdin(Stdio::piped()).spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{PASSPHRASE}").unwrap();
        child.wait_with_output().unwrap()
    }

    fn sync_ok(&self, name: &str) -> Json {
        let output = self.sync(name);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs commands in a vault that exists.
    fn within(&self, name: &str, commands: &[(&str, Json)]) -> Vec<Json> {
        let folder = fs::read_dir(self.vaults(name)).unwrap().flatten().find(|entry| entry.path().is_dir()).unwrap();
        let id = self.rpc(name, &[("app.status", json!({}))]).remove(0)["vaults"][0]["id"].clone();
        assert!(folder.path().exists());
        let mut all = vec![("vault.unlock", json!({ "vault_id": id, "passphrase": PASSPHRASE }))];
        all.extend(commands.iter().cloned());
        self.rpc(name, &all).split_off(1)
    }

    /// A new vault that joins by invitation, and a person in it.
    fn join(&self, serving: &Serving, vaults: &str, name: &str, role: &str) {
        let link = self.ok(&["invite", "--public-url", &serving.address, "--name", name, "--role", role, "--quiet"]);
        self.rpc(vaults, &[("sync.join_new", json!({ "link": link, "label": name, "passphrase": PASSPHRASE })), ("vault.confirm_recovery", json!("recovery_code")), ("people.register", json!({ "name": format!("Client of {name}") }))]);
    }

    fn names(&self, vault: &str, text: &str) -> usize {
        let found = self.within(vault, &[("people.find", json!({ "text": text }))]).remove(0);
        found["people"].as_array().or_else(|| found.as_array()).unwrap_or_else(|| panic!("{found}")).len()
    }
}

/// A service that runs.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    /// Asks it to end, and waits until it has.
    fn end(mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        let began = Instant::now();
        let ended = self.child.wait().unwrap();
        assert!(ended.success() && began.elapsed() < Duration::from_secs(10), "{ended} after {:?}", began.elapsed());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already; either way it must not outlive the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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
