//! A vault in a folder of its own, and how the tests talk to it.

use std::{collections::BTreeSet, path::Path, sync::{Arc, Mutex, atomic::{AtomicI64, Ordering}}};

use gladstone_desk::{Code, Desk, DeskError, Event};
use gladstone_model::Instant;
use gladstone_vault::{Surrounding, VaultError, keys::{device_secret::NoKeyring, kdf::Cost}, surroundings::{Machine, Surroundings}};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

pub(crate) const LABEL: &str = "Practice";
pub(crate) const PASSPHRASE: &str = "violet anchor tundra mosaic";
pub(crate) const OTHER_PASSPHRASE: &str = "copper lantern willow harbour";
/// The id of nothing.
pub(crate) const NOBODY: &str = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b";

/// A desk over a folder of vaults, and what it told its listener.
pub(crate) struct Bag {
    pub(crate) desk: Desk,
    pub(crate) folder: TempDir,
    pub(crate) events: Arc<Mutex<Vec<Event>>>,
    pub(crate) clock: Arc<Moved>,
    pub(crate) vault: String,
    pub(crate) code: String,
}

impl Bag {
    pub(crate) fn without_vault() -> Bag {
        let folder = tempfile::tempdir().unwrap();
        let (events, clock) = (Arc::default(), Arc::new(Moved::default()));
        Bag { desk: desk_over(&folder, &events, &clock), folder, events, clock, vault: String::new(), code: String::new() }
    }

    pub(crate) fn unconfirmed() -> Bag {
        let mut bag = Bag::without_vault();
        let made = bag.run("vault.create", json!({ "label": LABEL, "person_name": "Amara Okafor", "passphrase": PASSPHRASE }));
        bag.vault = text(&made["vault_id"]);
        bag.code = text(&made["recovery_code"]);
        bag
    }

    pub(crate) fn empty() -> Bag {
        let bag = Bag::unconfirmed();
        bag.run("vault.confirm_recovery", json!({ "code": bag.code }));
        bag
    }

    pub(crate) fn sample(seed: u32) -> Bag {
        let bag = Bag::empty();
        bag.run("sample.generate", json!({ "seed": seed }));
        bag
    }

    pub(crate) fn run(&self, name: &str, request: Json) -> Json {
        let shown = request.to_string();
        self.desk.run(name, request).unwrap_or_else(|error| panic!("{name} {shown} answered {error:?}"))
    }

    pub(crate) fn refused(&self, name: &str, request: Json) -> DeskError {
        let shown = request.to_string();
        match self.desk.run(name, request) {
            Ok(answer) => panic!("{name} {shown} should have been refused and answered {answer}"),
            Err(error) => error,
        }
    }

    /// Ends this copy of the product without locking, and starts another one over the same folder.
    pub(crate) fn started_anew(mut self) -> Bag {
        self.desk = desk_over(&self.folder, &self.events, &self.clock);
        self.unlock(PASSPHRASE);
        self
    }

    /// A copy of the folder on another computer; the vault must be locked.
    pub(crate) fn copied(&self) -> Bag {
        let mut copy = Bag::without_vault();
        copy_folder(self.folder.path(), copy.folder.path());
        (copy.vault, copy.code) = (self.vault.clone(), self.code.clone());
        copy
    }

    pub(crate) fn unlock(&self, passphrase: &str) {
        self.run("vault.unlock", json!({ "vault_id": self.vault, "passphrase": passphrase }));
    }

    pub(crate) fn register(&self, name: &str) -> String {
        text(&self.run("people.register", json!({ "name": name }))["id"])
    }

    /// A questionnaire begun with a person.
    pub(crate) fn start(&self, person: &str, short_title: &str) -> Begun<'_> {
        let forms = self.run("questionnaires.list", json!({ "text": "" }));
        let form = list(&forms).iter().find(|form| form["short_title"] == short_title).unwrap_or_else(|| panic!("{short_title} is not there"));
        let state = self.run("responses.start", json!({ "person_id": person, "questionnaire_id": form["id"], "mode": "interviewer" }));
        Begun { bag: self, id: text(&state["id"]), state }
    }

    /// A finished PHQ-9 with these answers, the first items first.
    pub(crate) fn phq9(&self, person: &str, answers: &[i64]) -> Json {
        let begun = self.start(person, "PHQ-9");
        begun.answer_all(answers);
        self.run("responses.complete", json!({ "id": begun.id, "with_missing": true }))
    }

    pub(crate) fn open_alerts(&self) -> Vec<Json> {
        list(&self.run("alerts.list", json!({ "open_only": true }))).clone()
    }

    pub(crate) fn changed(&self) -> BTreeSet<String> {
        let events = self.events.lock().unwrap();
        events.iter().filter_map(|event| if let Event::Changed { entities } = event { Some(entities.clone()) } else { None }).flatten().collect()
    }
}

/// The machine's time, moved by a test.
#[derive(Default)]
pub(crate) struct Moved {
    machine: Machine,
    by: AtomicI64,
}

impl Moved {
    /// Moves the clock; back as well.
    pub(crate) fn pass(&self, seconds: i64) {
        self.by.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Surroundings for Moved {
    fn now(&self) -> Instant {
        self.machine.now().plus_seconds(self.by.load(Ordering::SeqCst))
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), VaultError> {
        self.machine.random(bytes)
    }

    fn zone_minutes(&self) -> i16 {
        self.machine.zone_minutes()
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let there = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &there);
        } else {
            std::fs::copy(entry.path(), there).unwrap();
        }
    }
}

fn desk_over(folder: &TempDir, events: &Arc<Mutex<Vec<Event>>>, clock: &Arc<Moved>) -> Desk {
    let with = Surrounding { around: Arc::clone(clock) as Arc<dyn Surroundings>, secrets: Arc::new(NoKeyring), cost: Cost::FLOOR };
    let told = Arc::clone(events);
    Desk::new(folder.path().join("vaults"), with, std::sync::Arc::new(move |event| told.lock().unwrap().push(event)))
}

/// A response that was begun.
pub(crate) struct Begun<'b> {
    pub(crate) bag: &'b Bag,
    pub(crate) id: String,
    pub(crate) state: Json,
}

impl Begun<'_> {
    pub(crate) fn question(&self, number: usize) -> Json {
        self.state["form"]["items"][number - 1]["question_id"].clone()
    }

    pub(crate) fn answer(&self, number: usize, value: impl Into<Json>) -> Json {
        self.bag.run("responses.answer", json!({ "id": self.id, "question_id": self.question(number), "value": value.into() }))
    }

    pub(crate) fn answer_all(&self, answers: &[i64]) {
        for (at, value) in answers.iter().enumerate() {
            self.answer(at + 1, *value);
        }
    }

    pub(crate) fn given(&self, number: usize) -> Option<Json> {
        let state = self.bag.run("responses.state", json!({ "id": self.id }));
        list(&state["answers"]).iter().find(|answer| answer["question_id"] == self.question(number)).cloned()
    }
}

pub(crate) fn text(json: &Json) -> String {
    json.as_str().unwrap_or_else(|| panic!("{json} is no text")).to_owned()
}

pub(crate) fn list(json: &Json) -> &Vec<Json> {
    json.as_array().unwrap_or_else(|| panic!("{json} is no list"))
}

pub(crate) fn names_a_field(error: &DeskError) -> bool {
    error.code == Code::Invalid && error.field.as_deref().is_some_and(|field| !field.is_empty()) && !error.message.is_empty()
}
