//! Synchronizing as the desk offers it, against the real centre: joining, sending by itself, what is
//! put aside, what two people decide, and a centre that is not there.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use gladstone_desk::Code;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::bag::{Bag, NOBODY, PASSPHRASE, list, text};

/// How long something may take to come about.
const PATIENCE: Duration = Duration::from_secs(30);

/// A centre with one organization, served on this computer.
pub(crate) struct Centre {
    home: TempDir,
    serving: Option<Child>,
    pub(crate) address: String,
    realm: String,
}

impl Centre {
    pub(crate) fn new() -> Centre {
        let mut centre = Centre { home: tempfile::tempdir().unwrap(), serving: None, address: String::new(), realm: String::new() };
        centre.realm = centre.ask(&["found", "Ashcombe Health"]);
        centre.serve("127.0.0.1:0");
        centre
    }

    fn command(&self) -> Command {
        let mut command = Command::new(gladstone_tests::program());
        command.args(["central", "--data"]).arg(self.home.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    fn ask(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn serve(&mut self, listen: &str) {
        let mut child = self.command().args(["--listen", listen, "serve"]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("it listens: {line}")).to_owned();
        self.serving = Some(child);
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.serving.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn go_on(&mut self) {
        let address = self.address.trim_start_matches("http://").to_owned();
        self.serve(&address);
    }

    /// The link of an invitation.
    pub(crate) fn invite(&self, name: &str, role: &str) -> String {
        let said = self.ask(&["--public-url", &self.address, "invite", "--realm", &self.realm, "--name", name, "--role", role]);
        said.split_whitespace().find(|word| word.starts_with("gladstone://")).unwrap_or_else(|| panic!("a link: {said}")).to_owned()
    }

    /// The link of an invitation for another computer of somebody who is known.
    pub(crate) fn invite_known(&self, name: &str, role: &str, user: &str) -> String {
        let said = self.ask(&["--public-url", &self.address, "invite", "--realm", &self.realm, "--name", name, "--role", role, "--user", user]);
        said.split_whitespace().find(|word| word.starts_with("gladstone://")).unwrap_or_else(|| panic!("a link: {said}")).to_owned()
    }

    /// Ends the right of a person's computer.
    pub(crate) fn revoke(&self, name: &str) {
        let devices = self.ask(&["devices", "--realm", &self.realm]);
        let line = devices.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name} is among {devices}"));
        let device = line.split_whitespace().find(|word| uuid::Uuid::parse_str(word).is_ok()).unwrap_or_else(|| panic!("an id: {line}"));
        self.ask(&["revoke", "--realm", &self.realm, "--device", device]);
    }

    /// A bag that worked alone and joined.
    pub(crate) fn joined(&self, role: &str) -> Bag {
        let bag = Bag::empty();
        bag.run("sync.join", json!({ "link": self.invite("Amara Okafor", role) }));
        bag
    }

    /// Another bag of somebody who is known.
    pub(crate) fn joined_as(&self, user: &str, name: &str) -> Bag {
        Centre::made_with(&self.invite_known(name, "trainer", user), name)
    }

    /// A bag that was made for an invitation.
    pub(crate) fn made_for(&self, name: &str, role: &str) -> Bag {
        Centre::made_with(&self.invite(name, role), name)
    }

    /// A bag that was made with the link of an invitation.
    pub(crate) fn made_with(link: &str, name: &str) -> Bag {
        let mut bag = Bag::without_vault();
        let made = bag.run("sync.join_new", json!({ "link": link, "label": name, "passphrase": PASSPHRASE }));
        (bag.vault, bag.code) = (text(&made["vault_id"]), text(&made["recovery_code"]));
        bag.run("vault.confirm_recovery", json!({ "code": bag.code }));
        bag
    }
}

impl Drop for Centre {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) fn status(bag: &Bag) -> Json {
    bag.run("sync.status", json!({}))
}

/// Waits until the answer of a command is as wanted.
pub(crate) fn until(bag: &Bag, name: &str, request: Json, wanted: impl Fn(&Json) -> bool) -> Json {
    let begun = Instant::now();
    loop {
        let answer = bag.run(name, request.clone());
        if wanted(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{name} still answers {answer}; {}", status(bag));
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn in_step(bag: &Bag) -> Json {
    until(bag, "sync.status", json!({}), |status| status["phase"] == "idle" && status["waiting"] == 0)
}

#[test]
fn a_bag_that_worked_alone_joins_and_sends_what_it_wrote_by_itself() {
    let centre = Centre::new();
    let bag = Bag::empty();
    let person = bag.register("Hannah Weiss");
    let alone = status(&bag);
    assert_eq!((&alone["phase"], &alone["centre"], alone["waiting"].as_u64() > Some(0)), (&json!("alone"), &Json::Null, true));
    let receipt = |id: &str| bag.run("sync.receipt", json!({ "entity": "users", "id": id }));
    assert_eq!(receipt(&person)["state"], "here_only");
    let joined = bag.run("sync.join", json!({ "link": centre.invite("Amara Okafor", "admin") }));
    assert_eq!((&joined["centre"]["organization"], &joined["centre"]["role"]), (&json!("Ashcombe Health"), &json!("admin")));
    in_step(&bag);
    assert_eq!(receipt(&person)["state"], "at_centre");
    assert_eq!(bag.run("sync.queue", json!({})), json!([]));
    assert!(list(&bag.run("sync.log", json!({}))).iter().any(|line| text(&line["line"]).contains("Ashcombe Health")));
    let later = bag.register("Kofi Mensah");
    until(&bag, "sync.receipt", json!({ "entity": "users", "id": later }), |receipt| receipt["state"] == "at_centre");
    bag.run("vault.lock", json!({}));
    bag.unlock(PASSPHRASE);
    in_step(&bag);
    assert!(bag.events.lock().unwrap().iter().any(|event| matches!(event, gladstone_desk::Event::Sync)), "the screen is told");
}

#[test]
fn what_one_writes_another_sees_and_what_both_write_a_person_decides() {
    let mut centre = Centre::new();
    let (amara, samuel) = (centre.joined("admin"), centre.made_for("Samuel Adeyemi", "admin"));
    let person = amara.register("Hannah Weiss");
    let enrolment = text(&amara.run("records.create", json!({ "entity": "beneficiaries", "values": { "user_id": person, "notes": "50 mg" } }))["id"]);
    let record = json!({ "entity": "beneficiaries", "id": enrolment });
    until(&samuel, "records.list", json!({ "entity": "beneficiaries" }), |found| found["total"] == 1);
    assert_eq!(samuel.run("app.status", json!({}))["open"]["person_name"], "Samuel Adeyemi", "the bag knows whose it is");
    in_step(&amara);
    in_step(&samuel);

    centre.stop();
    for (bag, notes) in [(&amara, "75 mg"), (&samuel, "100 mg")] {
        bag.run("records.update", json!({ "entity": "beneficiaries", "id": enrolment, "values": { "notes": notes } }));
        until(bag, "sync.status", json!({}), |status| status["phase"] == "offline" && status["waiting"] == 1);
        assert_eq!(bag.run("sync.receipt", record.clone())["state"], "waiting");
        let queue = bag.run("sync.queue", json!({}));
        assert_eq!((&queue[0]["command"], &queue[0]["state"], &queue[0]["records"][0]["entity"]), (&json!("records.update"), &json!("waiting"), &json!("beneficiaries")));
    }
    centre.go_on();
    amara.run("sync.now", json!({}));
    in_step(&amara);
    samuel.run("sync.now", json!({}));
    in_step(&samuel);

    let inbox = until(&samuel, "review.list", json!({}), |inbox| !list(&inbox["cases"]).is_empty());
    let case = text(&inbox["cases"][0]["id"]);
    assert_eq!((&inbox["cases"][0]["person"], &inbox["cases"][0]["kind"]), (&json!("Hannah Weiss"), &json!("values")), "the author of the later one is asked");
    let shown = samuel.run("review.get", json!({ "id": case }));
    assert_eq!((&shown["current"]["values"]["notes"], &shown["incoming"]["values"]["notes"], &shown["incoming"]["you"], &shown["current"]["by"]), (&json!("75 mg"), &json!("100 mg"), &json!(true), &json!("Amara Okafor")));
    samuel.run("review.decide", json!({ "id": case, "choice": "take", "reason": "Spoke with Amara" }));
    until(&amara, "records.get", record.clone(), |record| record["values"]["notes"] == "100 mg");
    samuel.run("review.undo", json!({ "id": case }));
    in_step(&samuel);
    until(&amara, "records.get", record, |record| record["values"]["notes"] == "75 mg");
}

#[test]
fn what_the_centre_puts_aside_is_kept_until_the_person_decides() {
    let centre = Centre::new();
    let admin = centre.joined("admin");
    let bag = centre.made_for("Samuel Adeyemi", "trainer");
    in_step(&bag);
    let me = text(&bag.run("app.status", json!({}))["open"]["person_id"]);
    bag.run("records.create", json!({ "entity": "grants", "values": { "user_id": me, "granted_unit": format!("person:{NOBODY}"), "role": "write", "valid_from": "2026-01-01T00:00:00Z" } }));
    let aside = until(&bag, "sync.status", json!({}), |status| status["set_aside"] == 1);
    assert_eq!(aside["waiting"], 0, "the queue goes on");
    let queue = bag.run("sync.queue", json!({}));
    let change = list(&queue).iter().find(|one| one["state"] == "set_aside").unwrap();
    assert!(!text(&change["text"]).is_empty(), "{change}");
    let dseq = change["dseq"].clone();
    let folder = tempfile::tempdir().unwrap();
    let written = bag.run("sync.export", json!({ "dseq": dseq, "path": folder.path() }));
    let file: Json = serde_json::from_str(&std::fs::read_to_string(text(&written["path"])).unwrap()).unwrap();
    assert_eq!((&file["command"], list(&file["records"]).is_empty()), (&json!("records.create"), false));
    assert_eq!(bag.refused("sync.export", json!({ "dseq": dseq, "path": folder.path() })).field.as_deref(), Some("path"), "a file is never written over");
    assert_eq!(bag.refused("sync.export", json!({ "dseq": 999_999, "path": folder.path() })).code, Code::NotFound);
    bag.run("sync.resend", json!({ "dseq": dseq }));
    let again = until(&bag, "sync.queue", json!({}), |queue| list(queue).iter().any(|one| one["state"] == "set_aside" && one["dseq"] != dseq));
    let again = list(&again).iter().find(|one| one["state"] == "set_aside").unwrap()["dseq"].clone();
    assert_eq!(bag.refused("sync.discard", json!({ "dseq": again, "reason": " " })).field.as_deref(), Some("reason"));
    bag.run("sync.discard", json!({ "dseq": again, "reason": "Not mine to write" }));
    assert_eq!((status(&bag)["set_aside"].clone(), bag.run("sync.queue", json!({}))), (json!(0), json!([])));
    in_step(&admin);
}

#[test]
fn a_bag_works_on_without_the_centre_and_an_invitation_that_is_none_leaves_nothing_behind() {
    let mut centre = Centre::new();
    let link = centre.invite("Amara Okafor", "trainer");
    let bag = Bag::without_vault();
    let try_with = |request: Json| {
        let mut whole = json!({ "label": "Amara", "passphrase": PASSPHRASE });
        for (name, value) in request.as_object().into_iter().flatten() {
            whole[name] = value.clone();
        }
        let error = bag.refused("sync.join_new", whole);
        assert_eq!(list(&bag.run("app.status", json!({}))["vaults"]).len(), 0, "no bag is left behind: {error:?}");
        error
    };
    for (request, field) in [(json!({ "link": "https://example.org" }), "link"), (json!({}), "url"), (json!({ "url": "http://example.org", "code": "x" }), "url"), (json!({ "url": centre.address }), "code"), (json!({ "url": centre.address, "code": "0000-0000-00000" }), "code"), (json!({ "link": link, "label": " " }), "label"), (json!({ "link": link, "passphrase": "short" }), "passphrase")] {
        assert_eq!(try_with(request.clone()).field.as_deref(), Some(field), "{request}");
    }
    centre.stop();
    assert_eq!(try_with(json!({ "link": link })).code, Code::Offline);
    let alone = Bag::empty();
    assert_eq!(alone.refused("sync.join", json!({ "link": link })).code, Code::Offline);
    assert_eq!(status(&alone)["phase"], "alone");
    assert!(alone.desk.run("sync.now", json!({})).is_err(), "whoever works alone has nothing to synchronize with");
    centre.go_on();
    alone.run("sync.join", json!({ "link": link }));
    in_step(&alone);
    assert_eq!(try_with(json!({ "link": link })).field.as_deref(), Some("code"), "a code is good once");
    centre.stop();
    let person = alone.register("Kofi Mensah");
    until(&alone, "sync.status", json!({}), |status| status["phase"] == "offline");
    assert_eq!(alone.run("people.profile", json!({ "id": person }))["person"]["name"], "Kofi Mensah");
    assert!(alone.desk.run("sync.now", json!({ "wait": true })).is_err());
    centre.go_on();
    assert_eq!(alone.run("sync.now", json!({ "wait": true }))["waiting"], 0);
}

#[test]
fn a_pause_holds_everything_up_until_it_goes_on_and_over_a_restart() {
    let centre = Centre::new();
    let bag = Bag::empty();
    assert_eq!(bag.refused("sync.pause", json!({})).code, Code::Conflict, "a bag that works alone has nothing to pause");
    bag.run("sync.join", json!({ "link": centre.invite("Amara Okafor", "admin") }));
    in_step(&bag);
    let paused = bag.run("sync.pause", json!({}));
    assert_eq!((&paused["phase"], paused["paused_since"].is_string()), (&json!("paused"), true));
    bag.register("Hannah Weiss");
    for wait in [false, true] {
        let refused = bag.refused("sync.now", json!({ "wait": wait }));
        assert!(refused.code == Code::Cancelled && refused.message.contains("paused"), "{refused:?}");
    }
    let bag = bag.started_anew();
    let still = status(&bag);
    assert_eq!((&still["phase"], still["waiting"].as_u64() > Some(0)), (&json!("paused"), true), "{still}");
    bag.run("vault.lock", json!({}));
    bag.unlock(PASSPHRASE);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(status(&bag)["waiting"], still["waiting"], "nothing goes out");
    bag.run("sync.resume", json!({}));
    let done = in_step(&bag);
    assert_eq!(done["paused_since"], Json::Null);
    let said = list(&bag.run("sync.log", json!({}))).iter().map(|line| text(&line["line"])).collect::<Vec<_>>();
    assert!(said.iter().any(|line| line == "Synchronizing was paused.") && said.iter().any(|line| line == "Synchronizing goes on.") && said[0].starts_with("Sent "), "{said:?}");
}

#[test]
fn whoever_waits_for_a_synchronization_is_told_when_it_is_paused_or_the_bag_is_locked() {
    for (command, code) in [("sync.pause", Code::Cancelled), ("vault.lock", Code::Failed)] {
        let bag = Bag::empty();
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let centre = Centre::new();
        bag.run("sync.join", json!({ "link": centre.invite("Amara Okafor", "admin") }));
        in_step(&bag);
        bag.desk.stop_sync();
        // Whoever answers there now says nothing at all.
        let address = centre.address.trim_start_matches("http://").to_owned();
        drop(centre);
        drop(silent);
        let silent = std::net::TcpListener::bind(&address).unwrap();
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| bag.refused("sync.now", json!({ "wait": true })));
            let (called, _) = silent.accept().unwrap();
            bag.run(command, json!({}));
            let told = waits.join().unwrap();
            assert_eq!(told.code, code, "{command}: {told:?}");
            drop(called);
        });
        assert!(begun.elapsed() < Duration::from_secs(20), "{command} does not wait for the line");
    }
}

#[test]
fn settings_are_saved_before_the_first_synchronization_and_go_up_with_it() {
    let mut centre = Centre::new();
    let mut bag = Bag::without_vault();
    let made = bag.run("sync.join_new", json!({ "link": centre.invite("Samuel Adeyemi", "trainer"), "label": "Samuel Adeyemi", "passphrase": PASSPHRASE }));
    (bag.vault, bag.code) = (text(&made["vault_id"]), text(&made["recovery_code"]));
    centre.stop();
    bag.run("vault.confirm_recovery", json!({ "code": bag.code }));
    let mut settings = bag.run("settings.get", json!({}));
    (settings["language"], settings["lock_minutes"]) = ("de".into(), 3.into());
    bag.run("settings.set", settings.clone());
    assert_eq!(bag.run("settings.get", json!({})), settings);
    let status = status(&bag);
    assert_eq!((&status["last_sync"], status["waiting"].as_u64() > Some(0)), (&Json::Null, true), "it was not in step yet, and waits");
    centre.go_on();
    bag.run("sync.now", json!({}));
    in_step(&bag);
    assert_eq!(bag.run("settings.get", json!({})), settings);
    let me = text(&bag.run("app.status", json!({}))["open"]["person_id"]);
    let second = centre.joined_as(&me, "Samuel Adeyemi");
    until(&second, "settings.get", json!({}), |there| *there == settings);
}
