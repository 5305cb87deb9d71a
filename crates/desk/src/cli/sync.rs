//! `gladstone sync …`: everything that the screens Synchronizing and Needs review show and do, in words
//! for people and as JSON for scripts. Every ability is a command of the list.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{Place, asked_passphrase, first_line, open, pretty, print_text, unlock, work};
use crate::{desk::Desk, error::{Code, DeskError}};

const EXAMPLES: &str = "Examples:
  gladstone sync --vaults bag                                  send and fetch now
  gladstone sync queue --vaults bag                            what waits, and what was put aside
  gladstone sync mend 12 --set place=\"Room 4\" --vaults bag     change number 12 and send it again
  gladstone sync discard 12 --reason \"Typed twice\" --vaults bag give it up instead
  gladstone sync review list --vaults bag                      what you are to decide";

/// Where the vault is, how it is opened, how answers are printed, and what is wanted.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Sync {
    /// Folder that holds the vaults; it must hold exactly one.
    #[arg(long, visible_alias = "vault", env = "GLADSTONE_VAULTS", global = true)]
    vaults: Option<PathBuf>,
    /// Do not use the keyring.
    #[arg(long, global = true)]
    no_keyring: bool,
    /// Read the passphrase from the first line of standard input, whatever GLADSTONE_PASSPHRASE says.
    #[arg(long, global = true)]
    passphrase_stdin: bool,
    /// Print the answer as JSON, for scripts.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: Option<What>,
}

/// What is wanted of synchronizing. Without it: now.
#[derive(Subcommand, Clone, Debug)]
enum What {
    /// Send what waits and fetch what is new; wait until it is done
    Now,
    /// Hold it up: nothing is sent or fetched until `resume`, also after a restart; nothing is lost
    Pause,
    /// Resume it, where it was
    Resume,
    /// Tell how it stands: what waits, since when, and when the centre last answered
    Status,
    /// Join a centre with the link of an invitation
    Join {
        /// The link; it begins with gladstone://join
        link: String,
    },
    /// List what waits to be sent, and what the centre put aside, each with its number
    Queue,
    /// Show what one change writes, beside what stands here now
    Show {
        /// Number of the change, from `gladstone sync queue`
        number: u64,
    },
    /// Send a change once more that was put aside
    Resend {
        /// Number of the change
        number: u64,
    },
    /// Send a change once more that was put aside, with other values
    Mend {
        /// Number of the change
        number: u64,
        /// Another value, for example --set place="Room 4"; may be given several times
        #[arg(long = "set", value_name = "FIELD=VALUE", required = true)]
        set: Vec<String>,
        /// Which record of the change, when it writes several
        #[arg(long)]
        record: Option<Uuid>,
    },
    /// Give up a change that was put aside; it stays in the history with your reason
    Discard {
        /// Number of the change
        number: u64,
        /// Why it is given up
        #[arg(long)]
        reason: String,
    },
    /// Write a change into a file that anybody can read, to key it in elsewhere
    Export {
        /// Number of the change
        number: u64,
        /// A folder; your home folder when not given
        #[arg(long)]
        to: Option<String>,
    },
    /// Tell where a record is saved: here only, on its way, or at the centre
    Receipt {
        /// Kind of record, for example appointments
        kind: String,
        /// Id of the record
        id: Uuid,
    },
    /// List what synchronizing did, the latest first
    Log {
        /// How many lines
        #[arg(long, default_value_t = 50)]
        lines: usize,
    },
    /// List what left this computer, when and why
    Departed,
    /// Look at what two people wrote without seeing each other, and decide which value counts
    #[command(subcommand)]
    Review(Review),
}

/// What is wanted of Needs review.
#[derive(Subcommand, Clone, Debug)]
enum Review {
    /// List the cases that you are to decide
    List {
        /// Those that are decided instead
        #[arg(long)]
        decided: bool,
    },
    /// Show both values of a case, who wrote them and when
    Show {
        /// Id of the case
        case: Uuid,
    },
    /// Decide which value counts
    Decide {
        /// Id of the case
        case: Uuid,
        /// Which value
        choice: Choice,
        /// With `third`: the value that shall count, for example --set notes="Ask on the day before"
        #[arg(long = "set", value_name = "FIELD=VALUE")]
        set: Vec<String>,
        /// Why; it goes into the record
        #[arg(long)]
        reason: Option<String>,
    },
    /// Take a decision back
    Undo {
        /// Id of the case
        case: Uuid,
    },
}

/// Which value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Choice {
    /// What stands stays
    Keep,
    /// The other value
    Take,
    /// A third one, given with --set
    Third,
}

/// Opens the only vault, does one thing, prints the answer, and locks the vault again.
///
/// # Errors
/// What the command says.
pub(super) fn run(arguments: Sync) -> Result<(), DeskError> {
    let place = Place { vaults: arguments.vaults, no_keyring: arguments.no_keyring, events: false };
    // Only what is asked for goes out: nothing synchronizes beside it.
    let desk = open(&place, std::sync::Arc::new(|_| {})).without_background();
    unlock(&desk, if arguments.passphrase_stdin { first_line } else { asked_passphrase })?;
    let what = arguments.what.unwrap_or(What::Now);
    let (command, request) = request(&desk, &what)?;
    let answer = if matches!(what, What::Now) { work(&desk, command, request)? } else { desk.run(command, request)? };
    print_text(if arguments.json { pretty(&answer) } else { words(&what, &answer) }.trim_end());
    desk.lock()
}

/// The command that does it, with its request.
fn request(desk: &Desk, what: &What) -> Result<(&'static str, Json), DeskError> {
    Ok(match what {
        What::Now => ("sync.now", json!({ "wait": true })),
        What::Pause => ("sync.pause", json!({})),
        What::Resume => ("sync.resume", json!({})),
        What::Status => ("sync.status", json!({})),
        What::Join { link } => ("sync.join", json!({ "link": link })),
        What::Queue => ("sync.queue", json!({})),
        What::Show { number } => ("sync.change", json!({ "dseq": number })),
        What::Resend { number } => ("sync.resend", json!({ "dseq": number })),
        What::Mend { number, set, record } => {
            let change = desk.run("sync.change", json!({ "dseq": number }))?;
            ("sync.mend", json!({ "dseq": number, "records": mended(&change, set, *record)? }))
        }
        What::Discard { number, reason } => ("sync.discard", json!({ "dseq": number, "reason": reason })),
        What::Export { number, to } => ("sync.export", json!({ "dseq": number, "path": to })),
        What::Receipt { kind, id } => ("sync.receipt", json!({ "entity": kind, "id": id })),
        What::Log { .. } => ("sync.log", json!({})),
        What::Departed => ("sync.departed", json!({})),
        What::Review(Review::List { decided }) => ("review.list", json!({ "decided": decided })),
        What::Review(Review::Show { case }) => ("review.get", json!({ "id": case })),
        What::Review(Review::Decide { case, choice, set, reason }) => {
            let values = if set.is_empty() { Json::Null } else { Json::Object(values_of(set, &desk.run("review.get", json!({ "id": case }))?["stands"])?) };
            let choice = match choice {
                Choice::Keep => "keep",
                Choice::Take => "take",
                Choice::Third => "third",
            };
            ("review.decide", json!({ "id": case, "choice": choice, "values": values, "reason": reason }))
        }
        What::Review(Review::Undo { case }) => ("review.undo", json!({ "id": case })),
    })
}

/// Other values for the one record of a change that is meant.
fn mended(change: &Json, set: &[String], record: Option<Uuid>) -> Result<Json, DeskError> {
    let id = record.map(|id| id.to_string());
    let meant: Vec<&Json> = list(&change["records"]).iter().filter(|one| id.as_deref().is_none_or(|id| one["id"] == id)).collect();
    let [one] = meant[..] else {
        let known: Vec<String> = list(&change["records"]).iter().map(|one| format!("--record {} ({})", text(&one["id"]), named(one))).collect();
        return Err(DeskError::new(Code::Invalid, format!("Say which record of this change is meant: {}.", known.join(", or "))));
    };
    Ok(json!([{ "entity": one["entity"], "id": one["id"], "values": values_of(set, &one["values"])? }]))
}

/// `field=value` as values: as JSON where the value of before was none of text, as text otherwise.
fn values_of(set: &[String], before: &Json) -> Result<Map<String, Json>, DeskError> {
    let value = |one: &String| {
        let (field, value) = one.split_once('=').ok_or_else(|| DeskError::new(Code::Invalid, format!("“{one}” is not of the form FIELD=VALUE.")))?;
        let is_text = matches!(before.get(field), Some(Json::String(_)));
        let typed = if value.is_empty() { Json::Null } else { serde_json::from_str(value).ok().filter(|_| !is_text).unwrap_or_else(|| value.into()) };
        Ok((field.trim().to_owned(), typed))
    };
    set.iter().map(value).collect()
}

/// The answer in words.
fn words(what: &What, answer: &Json) -> String {
    match what {
        What::Now | What::Pause | What::Resume | What::Status | What::Join { .. } => standing(answer),
        What::Queue => lines(answer, "Nothing waits, and nothing was put aside.", queued),
        What::Show { .. } => shown(answer),
        What::Resend { .. } | What::Mend { .. } => "It is to be sent again. `gladstone sync` sends it.".into(),
        What::Discard { .. } => "It was given up; it stays in the history.".into(),
        What::Export { .. } => format!("Written to {}.", text(&answer["path"])),
        What::Receipt { .. } => receipt(answer),
        What::Log { lines: count } => list(answer).iter().take(*count).map(|line| format!("{}  {}\n", minute(&line["at"]), text(&line["line"]))).collect(),
        What::Departed => lines(answer, "Nothing left this computer.", |left| format!("{}  {} ({}): {}", minute(&left["at"]), text(&left["title"]), count(&left["rows"], "record"), text(&left["reason"]))),
        What::Review(Review::List { .. }) => {
            let cases = lines(&answer["cases"], "No case waits for you.", |case| format!("{}  {}  {} ({})", text(&case["id"]), minute(&case["at"]), subject(case), text(&case["status"]).replace('_', " ")));
            match answer["others"].as_u64() {
                Some(others) if others > 0 => format!("{cases}\nOthers are to decide {}.", count(&answer["others"], "case")),
                _ => cases,
            }
        }
        What::Review(_) => case(answer),
    }
}

fn standing(status: &Json) -> String {
    let centre = &status["centre"];
    if centre.is_null() {
        return format!("This vault works alone; {} here. `gladstone sync join LINK` joins a centre.", count(&status["waiting"], "change"));
    }
    let mut said = format!("{} ({}), {}\n", text(&centre["organization"]), text(&centre["role"]), text(&centre["server"]));
    let waiting = status["waiting"].as_u64().unwrap_or(0);
    said += &if waiting == 0 { "Everything was sent.".to_owned() } else { format!("{} to send, the oldest of {}.", count(&status["waiting"], "change"), minute(&status["oldest"])) };
    if status["set_aside"].as_u64().is_some_and(|aside| aside > 0) {
        said += &format!(" {} put aside: `gladstone sync queue` shows them.", count(&status["set_aside"], "change"));
    }
    said += &if status["last_sync"].is_null() { "\nNot synchronized yet.".to_owned() } else { format!("\nLast synchronized {}.", minute(&status["last_sync"])) };
    said += &format!(" Works without contact until {}.", minute(&centre["works_until"]));
    if !status["paused_since"].is_null() {
        said += &format!("\nPaused since {}: nothing is sent or fetched. `gladstone sync resume` lets it go on.", minute(&status["paused_since"]));
    }
    if centre["parts_coming"].as_u64().is_some_and(|coming| coming > 0) {
        // The centre names one part after the other, so that nobody knows how many there will be.
        let goes_on = if status["paused_since"].is_null() { "goes on" } else { "stands still" };
        said += &format!("\nThe first download {goes_on}: {} here, the rest is still to come.", count(&centre["parts"], "part"));
    }
    match status["message"].as_str() {
        Some(message) => format!("{said}\n{message}"),
        None => said,
    }
}

fn queued(change: &Json) -> String {
    let records = list(&change["records"]);
    let first = records.iter().find(|one| one["title"] != "").or(records.first()).map(named).unwrap_or_default();
    let more = if records.len() > 1 { format!(" and {}", count(&(records.len() - 1).into(), "more record")) } else { String::new() };
    let why = change["text"].as_str().map(|why| format!("\n      {why}")).unwrap_or_default();
    format!("{:>5} {}  {:10} {}: {first}{more}{why}", change["dseq"], minute(&change["at"]), text(&change["state"]).replace('_', " "), text(&change["command"]))
}

fn shown(change: &Json) -> String {
    let mut said = format!("{} {}\n", change["dseq"], text(&change["command"]));
    if let Some(reason) = change["reason"].as_str() {
        said += &format!("Reason: {reason}\n");
    }
    for record in list(&change["records"]) {
        said += &format!("{} ({}), {}\n", named(record), text(&record["id"]), text(&record["what"]).replace('_', " "));
        for (field, value) in record["values"].as_object().into_iter().flatten() {
            let stands = record["stands"].get(field).filter(|stands| *stands != value);
            said += &format!("  {field} = {}{}\n", plain(value), stands.map(|stands| format!("   (here now: {})", plain(stands))).unwrap_or_default());
        }
    }
    said + if change["can_mend"] == true { "`gladstone sync mend` sends it with other values, `resend` as it is, `discard` gives it up." } else { "" }
}

fn receipt(receipt: &Json) -> String {
    match text(&receipt["state"]) {
        "here_only" => "On this computer only.".into(),
        "waiting" => format!("{} to be sent, the oldest of {}.", count(&receipt["count"], "change"), minute(&receipt["oldest"])),
        "set_aside" => format!("The centre put change {} of this aside: {}", receipt["dseq"], text(&receipt["text"])),
        _ if receipt["at"].is_null() => "Here and at the centre.".into(),
        _ => format!("Here and at the centre, {}.", minute(&receipt["at"])),
    }
}

fn case(case: &Json) -> String {
    let info = &case["info"];
    let side = |name: &str| {
        let side = &case[name];
        let values: Vec<String> = side["values"].as_object().into_iter().flatten().map(|(field, value)| format!("{field} = {}", plain(value))).collect();
        let values = side["error_reason"].as_str().map_or_else(|| values.join(", "), |why| format!("entered in error: {why}"));
        format!("{values}   ({}{})", if side["you"] == true { "you" } else { text(&side["by"]) }, side["at"].as_str().map(|_| format!(", {}", minute(&side["at"]))).unwrap_or_default())
    };
    let mut said = format!("{}\n", subject(info));
    if !case["before"].is_null() {
        said += &format!("  before  {}\n", side("before"));
    }
    said += &format!("  keep    {}\n  take    {}\n", side("current"), side("incoming"));
    if info["status"] == "open" {
        return said + "`gladstone sync review decide` says which one counts.";
    }
    let by = case["decided_by"].as_str().map(|by| format!(" by {by}, {}", minute(&case["decided_at"]))).unwrap_or_default();
    said + &format!("  {}{by}{}", text(&info["status"]).replace('_', " "), case["reason"].as_str().map(|why| format!(": {why}")).unwrap_or_default())
}

/// What a case is about.
fn subject(info: &Json) -> String {
    let parts = [text(&info["person"]), text(&info["label"]), text(&info["record"]), text(&info["what"])];
    let mut said: Vec<&str> = Vec::new();
    for part in parts {
        if !part.is_empty() && !said.contains(&part) {
            said.push(part);
        }
    }
    said.join(", ")
}

fn lines(answer: &Json, none: &str, line: impl Fn(&Json) -> String) -> String {
    if list(answer).is_empty() { none.to_owned() } else { list(answer).iter().map(|one| line(one) + "\n").collect() }
}

fn list(answer: &Json) -> &[Json] {
    answer.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| format!("“{text}”"))
}

/// The kind and the name of a record.
fn named(record: &Json) -> String {
    [text(&record["label"]), text(&record["title"])].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn count(number: &Json, what: &str) -> String {
    match number.as_u64().unwrap_or(0) {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

/// An instant to the minute, as this computer's clock shows it.
fn minute(at: &Json) -> String {
    chrono::DateTime::parse_from_rfc3339(text(at)).map_or_else(|_| text(at).to_owned(), |at| at.with_timezone(&chrono::Local).format("%Y-%m-%d %H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_text_where_text_stood_and_json_elsewhere() {
        let before = json!({ "phone": "044", "overall_mood": 5, "notes": null });
        let check = |set: &str, value: Json| assert_eq!(values_of(&[set.to_owned()], &before).ok(), Some(Map::from_iter([(set.split('=').next().unwrap_or_default().to_owned(), value)])), "{set}");
        check("phone=055", json!("055"));
        check("phone=", Json::Null);
        check("overall_mood=7", json!(7));
        check("notes=Ask = twice", json!("Ask = twice"));
        assert!(values_of(&["phone".to_owned()], &before).is_err());
    }

    #[test]
    fn an_answer_is_told_in_words() {
        let check = |what: &What, answer: Json, part: &str| assert!(words(what, &answer).contains(part), "{}", words(what, &answer));
        check(&What::Status, json!({ "centre": null, "waiting": 1 }), "works alone; 1 change here");
        let centre = json!({ "organization": "Ashcombe", "role": "trainer", "server": "https://c", "works_until": "2026-11-28T10:00:00Z", "parts": 3, "parts_coming": 1 });
        check(&What::Now, json!({ "centre": centre, "waiting": 3, "oldest": "2026-11-21T10:00:00Z", "set_aside": 1, "last_sync": null }), "3 changes to send");
        check(&What::Now, json!({ "centre": centre, "waiting": 0, "set_aside": 1, "last_sync": null }), "Everything was sent. 1 change put aside");
        check(&What::Status, json!({ "centre": centre, "waiting": 0 }), "goes on: 3 parts here, the rest is still to come");
        check(&What::Status, json!({ "centre": centre, "waiting": 0, "paused_since": "2026-11-21T10:00:00Z" }), "stands still: 3 parts here, the rest is still to come");
        check(&What::Pause, json!({ "centre": centre, "waiting": 3, "oldest": "2026-11-21T10:00:00Z", "paused_since": "2026-11-21T10:05:00Z" }), "`gladstone sync resume` lets it go on");
        check(&What::Queue, json!([]), "Nothing waits");
        check(&What::Queue, json!([{ "dseq": 7, "command": "calendar.book", "at": "x", "state": "set_aside", "text": "No right.", "records": [{ "label": "Appointment", "title": "Visit" }, {}] }]), "calendar.book: Appointment Visit and 1 more record\n      No right.");
        check(&What::Departed, json!([{ "at": "x", "title": "Yuki", "rows": 1, "reason": "Moved." }]), "Yuki (1 record): Moved.");
        check(&What::Review(Review::List { decided: false }), json!({ "cases": [], "others": 2 }), "Others are to decide 2 cases");
    }
}
