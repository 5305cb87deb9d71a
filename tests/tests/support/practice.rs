//! A practice as its operator and its people run it: the real program for the centre and for every
//! laptop, in a home of its own.

// Each test uses a part of it.
#![allow(dead_code, reason = "shared by several tests")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use gladstone_tests::program;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

pub const PASSPHRASE: &str = "violet anchor tundra mosaic";

/// The program of this version, in a home.
pub fn gladstone(home: &Path) -> Command {
    of(&program(), home)
}

/// A program in a home.
fn of(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GLADSTONE_")) {
        command.env_remove(name);
    }
    command.env("GLADSTONE_KEY_COST", "floor").env("HOME", home).env("XDG_DATA_HOME", home.join("data")).current_dir(home);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The centre's folder, and everybody's home.
pub struct Practice {
    pub home: TempDir,
    /// A database in place of the embedded store.
    pub database: Option<String>,
    /// Without TLS, as a centre for this computer alone.
    pub plain: bool,
    /// A program of another version, and the laptops that run it.
    pub other: Option<(PathBuf, Vec<String>)>,
}

impl Practice {
    pub fn new() -> Practice {
        Practice { home: tempfile::tempdir().unwrap(), database: None, plain: false, other: None }
    }

    /// `gladstone central` with what all of its commands need.
    pub fn command(&self) -> Command {
        let mut command = gladstone(self.home.path());
        // Settings that a test wrote.
        let config = self.home.path().join("central.toml").exists().then_some("--config=central.toml");
        command.args(["central", "--data", "centre"]).args(config).args((!self.plain).then_some("--tls-self-signed")).envs(self.database.iter().map(|address| ("GLADSTONE_CENTRAL_DATABASE", address)));
        command
    }

    pub fn central(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.central(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn refused(&self, arguments: &[&str], because: &str) {
        let output = self.central(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(because), "{arguments:?}: {said}");
    }

    pub fn serve(&self, port: &str) -> Serving {
        let mut child = self.command().args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--log", "error"]).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("it listens: {line}")).to_owned();
        assert!(address.starts_with(if self.plain { "http://" } else { "https://" }), "{address}");
        Serving { child, address }
    }

    fn is_other(&self, laptop: &str) -> bool {
        self.other.as_ref().is_some_and(|(_, laptops)| laptops.iter().any(|other| other == laptop))
    }

    /// The program that a laptop runs.
    fn of_laptop(&self, name: &str) -> Command {
        match &self.other {
            Some((program, _)) if self.is_other(name) => of(program, self.home.path()),
            _ => gladstone(self.home.path()),
        }
    }

    pub fn vaults(&self, name: &str) -> String {
        self.home.path().join(name).to_string_lossy().into_owned()
    }

    /// Asks one command after the other in one `gladstone rpc`; all must succeed.
    pub fn rpc(&self, name: &str, commands: &[(&str, Json)]) -> Vec<Json> {
        let mut child = self.of_laptop(name).args(["rpc", "--no-keyring", "--vaults", &self.vaults(name)]).stdin(Stdio::piped()).spawn().unwrap();
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
    pub fn sync(&self, name: &str) -> Output {
        let mut child = self.of_laptop(name).args(if self.is_other(name) { ["sync"].as_slice() } else { &["sync", "--json"] }).args(["--no-keyring", "--passphrase-stdin", "--vault", &self.vaults(name)]).stdin(Stdio::piped()).spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{PASSPHRASE}").unwrap();
        child.wait_with_output().unwrap()
    }

    pub fn sync_ok(&self, name: &str) -> Json {
        let output = self.sync(name);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs commands in a vault that exists.
    pub fn within(&self, name: &str, commands: &[(&str, Json)]) -> Vec<Json> {
        let folder = fs::read_dir(self.vaults(name)).unwrap().flatten().find(|entry| entry.path().is_dir()).unwrap();
        let id = self.rpc(name, &[("app.status", json!({}))]).remove(0)["vaults"][0]["id"].clone();
        assert!(folder.path().exists());
        let mut all = vec![("vault.unlock", json!({ "vault_id": id, "passphrase": PASSPHRASE }))];
        all.extend(commands.iter().cloned());
        self.rpc(name, &all).split_off(1)
    }

    /// A new vault that joins by invitation, and a person in it.
    pub fn join(&self, serving: &Serving, vaults: &str, name: &str, role: &str) {
        let link = self.ok(&["invite", "--public-url", &serving.address, "--name", name, "--role", role, "--quiet"]);
        self.rpc(vaults, &[("sync.join_new", json!({ "link": link, "label": name, "passphrase": PASSPHRASE })), ("vault.confirm_recovery", json!("recovery_code")), ("people.register", json!({ "name": format!("Client of {name}") }))]);
    }

    pub fn names(&self, vault: &str, text: &str) -> usize {
        let found = self.within(vault, &[("people.find", json!({ "text": text }))]).remove(0);
        found["people"].as_array().or_else(|| found.as_array()).unwrap_or_else(|| panic!("{found}")).len()
    }
}

/// A service that runs.
pub struct Serving {
    pub child: Child,
    pub address: String,
}

impl Serving {
    /// Asks it to end, and waits until it has.
    pub fn end(mut self) {
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
