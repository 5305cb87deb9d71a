//! A bag that is packed without a window: the real program makes it, joins a centre with it and writes in
//! it, and nothing synchronizes but what is asked for.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value as Json, json};

use crate::{journey::PASSPHRASE, program};

/// A folder with one vault, which is closed.
pub struct Bag {
    vaults: PathBuf,
    vault: Json,
}

impl Bag {
    /// Makes a vault for an invitation and joins the centre with it.
    ///
    /// # Errors
    /// What the program says.
    pub fn join(vaults: &Path, link: &str, name: &str) -> Result<Bag, String> {
        Bag::make(vaults, "sync.join_new", &json!({ "link": link, "label": name, "passphrase": PASSPHRASE }))
    }

    /// Makes a vault that works alone.
    ///
    /// # Errors
    /// What the program says.
    pub fn alone(vaults: &Path, name: &str) -> Result<Bag, String> {
        Bag::make(vaults, "vault.create", &json!({ "label": name, "person_name": name, "passphrase": PASSPHRASE }))
    }

    fn make(vaults: &Path, command: &str, request: &Json) -> Result<Bag, String> {
        let mut line = Line::open(vaults)?;
        let made = line.ask(command, request)?;
        line.ask("vault.confirm_recovery", &json!({ "code": made["recovery_code"] }))?;
        let vault = line.ask("app.status", &json!({}))?["vaults"][0]["id"].clone();
        line.end()?;
        Ok(Bag { vaults: vaults.to_owned(), vault })
    }

    /// Opens the vault, runs commands one after the other, and closes it. All must succeed.
    ///
    /// # Errors
    /// What the first one says that fails.
    pub fn run(&self, commands: &[(&str, Json)]) -> Result<Vec<Json>, String> {
        let mut line = Line::open(&self.vaults)?;
        line.ask("vault.unlock", &json!({ "vault_id": self.vault, "passphrase": PASSPHRASE }))?;
        let answers = commands.iter().map(|(command, request)| line.ask(command, request)).collect::<Result<_, _>>()?;
        line.end()?;
        Ok(answers)
    }

    /// As [`Bag::run`], with one command.
    ///
    /// # Errors
    /// What it says.
    pub fn one(&self, command: &str, request: Json) -> Result<Json, String> {
        Ok(self.run(&[(command, request)])?.remove(0))
    }

    /// Sends what waits and fetches what is new.
    ///
    /// # Errors
    /// What the program says.
    pub fn synchronize(&self) -> Result<(), String> {
        self.one("sync.now", json!({ "wait": true })).map(|_| ())
    }

    /// Runs `gladstone sync …`.
    ///
    /// # Errors
    /// The program does not run.
    pub fn sync(&self, arguments: &[&str]) -> Result<Output, String> {
        let mut command = gladstone();
        command.arg("sync").args(arguments).args(["--no-keyring", "--vaults"]).arg(&self.vaults).env("GLADSTONE_PASSPHRASE", PASSPHRASE);
        command.output().map_err(|error| error.to_string())
    }

    /// A copy of the vault in another folder, as whoever copies files makes one; it knows nothing of the other.
    ///
    /// # Errors
    /// What the disk says.
    pub fn copied(&self, vaults: &Path) -> Result<Bag, String> {
        copy(&self.vaults, vaults).map_err(|error| error.to_string())?;
        Ok(Bag { vaults: vaults.to_owned(), vault: self.vault.clone() })
    }

    /// The folder of this vault.
    ///
    /// # Errors
    /// What the disk says.
    pub fn folder(&self) -> Result<PathBuf, String> {
        let entries = std::fs::read_dir(&self.vaults).map_err(|error| error.to_string())?;
        entries.filter_map(Result::ok).map(|entry| entry.path()).find(|path| path.is_dir()).ok_or_else(|| "there is no vault".into())
    }
}

/// Copies a folder with all that lies in it.
pub(crate) fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            std::fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

/// One `gladstone rpc`.
struct Line {
    child: std::process::Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Line {
    fn open(vaults: &Path) -> Result<Line, String> {
        let mut command = gladstone();
        command.args(["rpc", "--on-request", "--no-keyring", "--vaults"]).arg(vaults).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let output = BufReader::new(child.stdout.take().ok_or("the program says nothing")?);
        Ok(Line { child, output })
    }

    fn ask(&mut self, command: &str, request: &Json) -> Result<Json, String> {
        let input = self.child.stdin.as_mut().ok_or("the program does not listen")?;
        writeln!(input, "{}", json!({ "id": 1, "command": command, "request": request })).map_err(|error| error.to_string())?;
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|error| error.to_string())?;
        let mut answer: Json = serde_json::from_str(&line).map_err(|error| format!("{line}: {error}"))?;
        if answer["error"].is_null() { Ok(answer["ok"].take()) } else { Err(format!("{command}: {}", answer["error"])) }
    }

    fn end(mut self) -> Result<(), String> {
        drop(self.child.stdin.take());
        let status = self.child.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("the program ended with {status}")) }
    }
}

fn gladstone() -> Command {
    let mut command = Command::new(program());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GLADSTONE_")) {
        command.env_remove(name);
    }
    command.env("GLADSTONE_KEY_COST", "floor").stdin(Stdio::null());
    command
}
