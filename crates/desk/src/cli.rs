//! The command line: `rpc`, `commands`, and a few named commands for people. Every ability is a
//! command of the list; this file only reads arguments and prints answers.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::{
    io::{self, BufRead, Write},
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use clap::Subcommand;
use gladstone_vault::{Surrounding, keys::{device_secret::{DeviceSecrets, NoKeyring, SecretService}, kdf::Cost}, surroundings::Machine};
use gladstone_sync::OnLine;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde_json::{Value as Json, json};

use crate::{catalogue, typescript, desk::Desk, error::{Code, DeskError}, events::Event};

mod sync;

/// What a person or a script can ask for at the command line.
#[derive(Subcommand, Clone, Debug)]
pub enum Verb {
    /// List every command with the JSON schemas of request and response.
    Commands {
        /// As JSON, with the schemas.
        #[arg(long)]
        json: bool,
        /// As TypeScript, for the screen.
        #[arg(long, hide = true, conflicts_with = "json")]
        typescript: bool,
    },
    /// Read one JSON object a line, {"id", "command", "request"}, and answer one a line.
    Rpc {
        /// Where the vault is.
        #[command(flatten)]
        place: Place,
        /// Synchronize only when a command asks for it, not beside the commands.
        #[arg(long)]
        on_request: bool,
    },
    /// Check every entry, signature, page and record of a vault.
    Verify {
        /// Where the vault is.
        #[command(flatten)]
        place: Place,
    },
    /// Make an encrypted backup of a vault and test that it restores.
    Backup {
        /// Where the vault is.
        #[command(flatten)]
        place: Place,
    },
    /// Send what waits to the centre and fetch what is new; look at the queue, decide, and more.
    ///
    /// Without a command it synchronizes once. The passphrase of the vault comes from
    /// GLADSTONE_PASSPHRASE, from standard input, or is asked for.
    Sync(sync::Sync),
    /// Fill a vault with sample data of all five systems.
    SampleData {
        /// Where the vault is.
        #[command(flatten)]
        place: Place,
        /// Same seed, same data.
        #[arg(long, default_value_t = 1)]
        seed: u32,
        /// 1 to 100 times the counts of the documents.
        #[arg(long, default_value_t = 1)]
        scale: u32,
    },
}

/// Where the vaults are, and how they are opened.
#[derive(clap::Args, Clone, Debug)]
pub struct Place {
    /// Folder that holds the vaults.
    #[arg(long, visible_alias = "vault", env = "GLADSTONE_VAULTS")]
    vaults: Option<PathBuf>,
    /// Do not use the keyring: protect new vaults by the passphrase only.
    #[arg(long)]
    no_keyring: bool,
    /// Print events (what changed, progress) between the answers.
    #[arg(long)]
    events: bool,
}

/// Runs one verb and returns the exit code: 0 done, 1 failed.
pub fn main(verb: Verb) -> ExitCode {
    match run(verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.message);
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<(), DeskError> {
    match verb {
        Verb::Commands { typescript: true, .. } => {
            print!("{}", typescript::bindings());
            Ok(())
        }
        Verb::Commands { json: false, .. } => {
            let lines: Vec<String> = catalogue::all().iter().map(|command| format!("{:28} {}", command.name, command.summary)).collect();
            print_text(&lines.join("\n"));
            Ok(())
        }
        Verb::Commands { json: true, .. } => {
            print_text(&pretty(&command_list()));
            Ok(())
        }
        Verb::Rpc { place, on_request } => rpc(&place, on_request),
        Verb::Verify { place } => with_progress(&place, asked_passphrase, "vault.verify", json!({})),
        Verb::Backup { place } => with_progress(&place, asked_passphrase, "vault.back_up", json!({})),
        Verb::Sync(arguments) => sync::run(arguments),
        Verb::SampleData { place, seed, scale } => with_progress(&place, asked_passphrase, "sample.generate", json!({ "seed": seed, "scale": scale })),
    }
}

/// All commands with their schemas.
pub fn command_list() -> Json {
    let list = catalogue::all().iter().map(|command| {
        let (request, response) = (command.schemas)();
        json!({ "name": command.name, "summary": command.summary, "access": command.access, "writes": command.writes, "reads": command.reads, "request": request, "response": response })
    });
    Json::Array(list.collect())
}

/// The folder of vaults of this person on this computer.
pub fn default_vaults() -> PathBuf {
    let base = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share")));
    base.unwrap_or_else(|| PathBuf::from(".")).join("gladstone").join("vaults")
}

/// What the machine gives to vaults: clock, randomness, keyring, and the least cost of passphrases.
fn surrounding(keyring: bool) -> Surrounding {
    let secrets: Arc<dyn DeviceSecrets> = if keyring { Arc::new(SecretService::new(Duration::from_secs(5))) } else { Arc::new(NoKeyring) };
    Surrounding { around: Arc::new(Machine::default()), secrets, cost: Cost::FLOOR }
}

/// A desk over the vaults of this computer. GLADSTONE_KEY_COST=floor keeps new passphrases at the
/// least cost, for tests and slow machines; otherwise the cost is measured.
pub fn desk(vaults: PathBuf, keyring: bool, listener: crate::desk::Listener) -> Desk {
    // A crash must not leave keys in a file. Where the limit cannot be set, the crash is no worse than before.
    #[cfg(unix)]
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, rustix::process::Rlimit { current: Some(0), maximum: Some(0) });
    let desk = Desk::new(vaults, surrounding(keyring), listener);
    if std::env::var("GLADSTONE_KEY_COST").is_ok_and(|cost| cost == "floor") { desk } else { desk.calibrating() }
}

fn rpc(place: &Place, on_request: bool) -> Result<(), DeskError> {
    let out = Arc::new(Mutex::new(io::stdout()));
    let events = place.events.then(|| Arc::clone(&out));
    let desk = open(place, Arc::new(move |event| if let Some(out) = &events { write_line(out, &json!({ "event": event })) }));
    let desk = if on_request { desk.without_background() } else { desk };
    let (mut input, mut line) = (io::stdin().lock(), Vec::new());
    while input.read_until(b'\n', &mut line).map_err(|error| DeskError::new(Code::Failed, error.to_string()))? > 0 {
        match std::str::from_utf8(&line) {
            Ok(text) if text.trim().is_empty() => {}
            Ok(text) => write_line(&out, &answer(&desk, text)),
            Err(error) => write_line(&out, &json!({ "id": null, "error": DeskError::new(Code::BadRequest, format!("This line is not UTF-8: {error}.")) })),
        }
        line.clear();
    }
    desk.lock()
}

/// One line in, one line out: `{id, ok}` or `{id, error: {code, message, field?}}`.
fn answer(desk: &Desk, line: &str) -> Json {
    let request: Json = match serde_json::from_str(line) {
        Ok(request) => request,
        Err(error) => return json!({ "id": null, "error": DeskError::new(Code::BadRequest, format!("This line is not JSON: {error}.")) }),
    };
    let id = request.get("id").cloned().unwrap_or_default();
    let Some(command) = request.get("command").and_then(Json::as_str) else {
        return json!({ "id": id, "error": DeskError::new(Code::BadRequest, "A line needs “command”.") });
    };
    match desk.run(command, request.get("request").cloned().unwrap_or_default()) {
        Ok(response) => json!({ "id": id, "ok": response }),
        Err(error) => json!({ "id": id, "error": error }),
    }
}

fn write_line(out: &Mutex<io::Stdout>, line: &Json) {
    let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
    // A reader that went away ends the loop with the next line of input.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn open(place: &Place, listener: crate::desk::Listener) -> Desk {
    desk(place.vaults.clone().unwrap_or_else(default_vaults), !place.no_keyring, listener)
}

/// The passphrase from GLADSTONE_PASSPHRASE, or asked for.
fn asked_passphrase() -> String {
    std::env::var("GLADSTONE_PASSPHRASE").unwrap_or_else(|_| {
        eprintln!("Passphrase:");
        first_line()
    })
}

fn first_line() -> String {
    io::stdin().lock().lines().next().and_then(Result::ok).unwrap_or_default()
}

/// Unlocks the only vault, and runs one command under a progress bar.
fn with_progress(place: &Place, passphrase: fn() -> String, command: &str, request: Json) -> Result<(), DeskError> {
    let desk = open(place, Arc::new(|_: Event| {}));
    unlock(&desk, passphrase)?;
    let result = work(&desk, command, request)?;
    print_text(&pretty(&result));
    desk.lock()
}

/// Unlocks the only vault of the folder.
fn unlock(desk: &Desk, passphrase: fn() -> String) -> Result<(), DeskError> {
    let status = desk.run("app.status", json!({}))?;
    let vault = status["vaults"].as_array().filter(|vaults| vaults.len() == 1).map(|vaults| vaults[0]["id"].clone());
    let vault = vault.ok_or_else(|| DeskError::new(Code::NotFound, "Name a folder with --vaults that holds exactly one vault."))?;
    desk.run("vault.unlock", json!({ "vault_id": vault, "passphrase": passphrase() })).map(|_| ())
}

/// Runs one command under a progress bar.
fn work(desk: &Desk, command: &str, request: Json) -> Result<Json, DeskError> {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    let result = std::thread::scope(|scope| {
        let work = scope.spawn(|| desk.run(command, request));
        while !work.is_finished() {
            if let Some(progress) = desk.jobs.progress() {
                bar.set_length(progress.of.into());
                bar.set_position(progress.done.into());
            }
            bar.set_message(desk.on_line().map(on_line_in_words).unwrap_or_default());
            std::thread::sleep(Duration::from_millis(100));
        }
        work.join().unwrap_or_else(|_| Err(DeskError::new(Code::Failed, "The work stopped unexpectedly.")))
    });
    bar.finish_and_clear();
    result
}

/// How far what is on the line is.
fn on_line_in_words(line: OnLine) -> String {
    format!("{} of {} {}", HumanBytes(line.done), HumanBytes(line.of), if line.sends { "sent" } else { "fetched" })
}

/// A reader that goes away early, `head` for example, is no fault.
fn print_text(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

fn pretty(json: &Json) -> String {
    serde_json::to_string_pretty(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is_on_the_line_is_told_in_bytes() {
        let check = |sends: bool, said: &str| assert_eq!(on_line_in_words(OnLine { sends, done: 1_468_006, of: 3 * 1024 * 1024 }), said);
        check(true, "1.40 MiB of 3.00 MiB sent");
        check(false, "1.40 MiB of 3.00 MiB fetched");
    }
}
