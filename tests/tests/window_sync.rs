//! What befalls a laptop that belongs to a centre, in the real window: changes that are put aside, cases
//! to decide, a right that ends, and too long without contact. Everything before the window is written
//! without one, so that nothing synchronizes but what the test asks for.

use std::sync::Arc;

use gladstone_model::Instant;
use gladstone_tests::{Bag, Setting, Window, centre::Centre, journey};
use gladstone_vault::{Surrounding, VaultError, custody, keys::{device_secret::NoKeyring, kdf::Cost}, surroundings::{Machine, Surroundings}};
use serde_json::{Value as Json, json};

/// The machine, some days later.
struct Later(Machine, i64);

impl Surroundings for Later {
    fn now(&self) -> Instant {
        self.0.now().plus_seconds(self.1 * 86_400)
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), VaultError> {
        self.0.random(bytes)
    }
}

/// A practice, a colleague's bag, and a bag that a window is about to open.
struct Practice {
    centre: Centre,
    home: tempfile::TempDir,
    amara: Bag,
    ben: Bag,
    tomasz: Json,
    hannah: Json,
    /// That Ben looks after Hannah.
    relation: Json,
}

impl Practice {
    fn open(setting: &Setting) -> Result<Practice, String> {
        let centre = Centre::serve("Ashcombe Practice")?;
        let home = tempfile::tempdir().map_err(|error| error.to_string())?;
        let amara = Bag::join(&home.path().join("vaults"), &centre.invite(&centre.address, "Amara Okafor", "therapist")?, "Amara Okafor")?;
        let ben = Bag::join(&setting.vaults, &centre.invite(&centre.address, "Ben Carter", "trainer")?, "Ben Carter")?;
        ben.synchronize()?;
        amara.synchronize()?;
        let register = |name: &str| amara.one("people.register", json!({ "name": name })).map(|person| person["id"].clone());
        let (tomasz, hannah) = (register("Tomasz Wieczorek")?, register("Hannah Weiss")?);
        let known = amara.one("team.of", json!({ "person": tomasz }))?;
        let colleague = find(&known["colleagues"], |one| one["name"] == "Ben Carter")["id"].clone();
        let shared = |person: &Json| ("team.add", json!({ "person": person, "colleague": colleague }));
        let team = amara.run(&[shared(&tomasz), shared(&hannah), ("calendar.book", json!({ "kind": "person", "person_id": tomasz, "title": "Visit", "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T10:00:00Z", "zone": "UTC" }))])?;
        let relation = find(&team[1]["members"], |one| one["colleague"]["id"] == colleague)["relation"].clone();
        amara.synchronize()?;
        ben.synchronize()?;
        Ok(Practice { centre, home, amara, ben, tomasz, hannah, relation })
    }

    /// What a person changes of Tomasz' enrolment, where two values are for a person to decide.
    fn note(&self, bag: &Bag, notes: &str) -> Result<(), String> {
        let enrolment = self.amara.one("records.list", json!({ "entity": "beneficiaries" }))?["records"][0]["id"].clone();
        bag.one("records.update", json!({ "entity": "beneficiaries", "id": enrolment, "values": { "notes": notes } })).map(|_| ())
    }
}

fn find(list: &Json, is: impl Fn(&Json) -> bool) -> &Json {
    list.as_array().into_iter().flatten().find(|one| is(one)).unwrap_or(&Json::Null)
}

fn check(name: &str, job: impl FnOnce(&Setting) -> Result<(), String>) {
    let setting = Setting::new(name).expect("a display");
    job(&setting).unwrap_or_else(|why| panic!("{name}: {why}"));
}

fn unlock(window: &Window) -> Result<(), String> {
    window.fill("Passphrase", journey::PASSPHRASE)?;
    window.key(fantoccini::key::Key::Enter)
}

fn go(window: &Window, to: &str) -> Result<(), String> {
    window.script(&format!("window.location.hash = '#/{to}'")).map(|_| ())
}

#[test]
fn what_was_put_aside_is_changed_and_sent_a_decision_is_taken_back_and_a_signed_off_laptop_says_so() {
    check("sync-decisions", |setting| {
        let practice = Practice::open(setting)?;
        practice.note(&practice.amara, "Mornings only")?;
        practice.note(&practice.ben, "Evenings only")?;
        let mood = json!({ "entity": "mood_entries", "values": { "user_id": practice.hannah, "entry_date": "2026-11-20", "overall_mood": 3 } });
        practice.ben.one("records.create", mood)?;
        practice.amara.one("team.end", json!({ "relation": practice.relation, "reason": "She moved away" }))?;
        practice.amara.synchronize()?;
        practice.ben.synchronize()?;
        let mut window = setting.open()?;
        unlock(&window)?;

        // What was put aside is opened with its values, and goes out with another person.
        window.wait("//footer//*[contains(., '1 put aside')]")?;
        go(&window, "sync")?;
        window.see("You have no right to this record")?;
        window.see("Hannah Weiss")?;
        window.see("Your right to these records has ended.")?;
        window.shot("put-aside")?;
        window.click("Look at it, change it")?;
        window.wait("//dialog//*[@id = //dialog//label[starts-with(., 'Overall mood')]/@for][@value='3']")?;
        window.fill("User", "Tomasz")?;
        window.wait("//dialog//*[@role='option'][contains(., 'Tomasz Wieczorek')]")?;
        window.key(fantoccini::key::Key::Enter)?;
        window.shot("changed")?;
        window.click("Send it changed")?;
        window.wait("//footer[not(contains(., 'put aside'))]//*[contains(., 'all sent')]")?;
        window.see("was changed and is sent again")?;

        // The badge goes with the decision and comes back with it, and the centre hears of both.
        window.wait("//nav//b[@aria-label='1 case to review']")?;
        go(&window, "review")?;
        window.see("Counts until you decide")?;
        window.see("Evenings only")?;
        window.script("document.activeElement.blur()")?;
        window.keys("2")?;
        window.see("Took the other")?;
        window.wait("//nav[not(.//b[contains(@aria-label, 'to review')])]//a[@href='#/review/open']")?;
        window.shot("decided")?;
        window.click("Undo the decision")?;
        window.wait("//nav//b[@aria-label='1 case to review']")?;
        window.see("Counts until you decide")?;
        window.wait("//footer//*[contains(., 'all sent')]")?;
        practice.amara.synchronize()?;
        let notes = practice.amara.one("records.list", json!({ "entity": "beneficiaries" }))?["records"][0]["values"]["notes"].clone();
        if notes != "Mornings only" {
            return Err(format!("after the decision was taken back the centre has {notes}"));
        }
        let moods = practice.amara.one("records.list", json!({ "entity": "mood_entries" }))?;
        if moods["records"][0]["values"]["user_id"] != practice.tomasz {
            return Err(format!("the changed record did not arrive: {moods}"));
        }

        // The right of this laptop ends.
        practice.centre.revoke("Ben Carter")?;
        go(&window, "sync")?;
        // Its waiting call may have heard of it already, and then there is nothing left to press.
        window.script("[...document.querySelectorAll('button')].find((one) => one.textContent.includes('Synchronize now'))?.click()")?;
        window.see("This computer was signed off")?;
        window.see("The right of this computer has ended.")?;
        window.wait("//main[not(.//button[contains(., 'Synchronize now')])]")?;
        window.shot("signed-off")?;
        window.click("Remove this bag")?;
        window.fill("Ben Carter", "Ben Carter")?;
        window.click_at("//dialog//button[contains(., 'Remove')]")?;
        window.see("How would you like to begin?")?;
        window.close()
    });
}

#[test]
fn after_too_long_without_contact_earlier_records_are_closed_but_for_one_person_and_then_everything() {
    check("sync-lease", |setting| {
        let practice = Practice::open(setting)?;
        let root = practice.ben.folder()?;
        // Nobody answers from here on.
        drop((practice.centre, practice.amara, practice.home));
        pass(&root, 9)?;
        let mut window = setting.open()?;
        unlock(&window)?;
        window.see("Too long without contact")?;
        window.see("You can still register people")?;
        go(&window, &format!("people/{}", practice.tomasz.as_str().unwrap_or_default()))?;
        window.click("Break the glass")?;
        window.wait("//dialog//input[@value='Tomasz Wieczorek']")?;
        if !window.focused()?.contains("Why they have to be read now") {
            return Err(format!("the focus is on {}", window.focused()?));
        }
        window.keys("He phoned and could not speak")?;
        window.fill("Passphrase", "not this one")?;
        window.click("Open the records")?;
        window.see("not the passphrase")?;
        window.fill("Passphrase", journey::PASSPHRASE)?;
        window.shot("break-the-glass")?;
        window.click("Open the records")?;
        window.wait("//h1[contains(., 'Tomasz Wieczorek')]")?;
        window.see("The records of Tomasz Wieczorek are open until")?;
        window.see("Visit")?;
        window.shot("one-person")?;
        go(&window, &format!("people/{}", practice.hannah.as_str().unwrap_or_default()))?;
        window.see("You can still register people")?;
        if window.text()?.contains("Registered") {
            return Err("the records of another person are shown".into());
        }
        window.control('l')?;
        window.see("Open your bag")?;
        pass(&root, 40)?;
        unlock(&window)?;
        window.see("Locked until contact")?;
        go(&window, "people")?;
        window.see("Locked until contact")?;
        window.shot("locked")?;
        window.close()
    });
}

/// Lets the vault see how late it is, as if it had been opened so many days from now.
fn pass(root: &std::path::Path, days: i64) -> Result<(), String> {
    let with = Surrounding { around: Arc::new(Later(Machine::default(), days)), secrets: Arc::new(NoKeyring), cost: Cost::FLOOR };
    let unlocked = custody::unlock(root, journey::PASSPHRASE, &with).map_err(|error| error.to_string())?;
    unlocked.vault.note_time().map_err(|error| error.to_string())?;
    unlocked.lock().map_err(|error| error.to_string())
}
