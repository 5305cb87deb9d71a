//! What befalls a laptop that belongs to a centre, in the real window: changes that are put aside, cases
//! to decide, a right that ends, and too long without contact. Everything before the window is written
//! without one, so that nothing synchronizes but what the test asks for.

use std::sync::Arc;

use gladstone_model::Instant;
use gladstone_tests::{Bag, Colleagues, Setting, Window, centre::Centre, journey, line::Line, noise::noise};
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

/// A practice, a colleague's bag, and Ben's, which a window is about to open.
fn practice(setting: &Setting) -> Result<Colleagues, String> {
    let colleagues = Colleagues::open(Some(&setting.vaults))?;
    colleagues.amara.one("calendar.book", json!({ "kind": "person", "person_id": colleagues.tomasz, "title": "Visit", "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T10:00:00Z", "zone": "UTC" }))?;
    colleagues.in_step()
}

/// What a person changes of Tomasz' enrolment, where two values are for a person to decide.
fn note(practice: &Colleagues, bag: &Bag, notes: &str) -> Result<(), String> {
    let enrolment = practice.amara.one("records.list", json!({ "entity": "beneficiaries" }))?["records"][0]["id"].clone();
    bag.one("records.update", json!({ "entity": "beneficiaries", "id": enrolment, "values": { "notes": notes } })).map(|_| ())
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
        let practice = practice(setting)?;
        note(&practice, &practice.amara, "Mornings only")?;
        note(&practice, &practice.ben, "Evenings only")?;
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
        let practice = practice(setting)?;
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

#[test]
fn a_long_sending_on_a_slow_line_is_paused_stays_so_after_a_restart_and_goes_on_without_loss() {
    check("sync-pause", |setting| {
        let centre = Centre::serve("Ashcombe Practice")?;
        let line = Line::to(&centre.address)?;
        let home = tempfile::tempdir().map_err(|error| error.to_string())?;
        let amara = Bag::join(&home.path().join("vaults"), &centre.invite(&centre.address, "Amara Okafor", "admin")?, "Amara Okafor")?;
        let ben = Bag::join(&setting.vaults, &centre.invite(&line.address(), "Ben Carter", "trainer")?, "Ben Carter")?;
        ben.synchronize()?;
        let person = ben.one("people.register", json!({ "name": "Tomasz Wieczorek" }))?["id"].clone();
        // What cannot be made smaller on the way takes its time there.
        let moods: Vec<(&str, Json)> = (0..MANY).map(|at| ("records.create", json!({ "entity": "mood_entries", "values": { "user_id": person, "entry_date": one_day(at), "overall_mood": at % 10 + 1, "notes": noise(at, 600) } }))).collect();
        ben.run(&moods)?;
        line.at_most(Some(12_000));
        let mut window = setting.open()?;
        unlock(&window)?;
        go(&window, "sync")?;
        window.wait("//main//*[contains(@class, 'sync-sign')][contains(., 'Sending')]")?;
        window.shot("sending")?;
        window.click("Pause")?;
        window.see("Nothing is sent or fetched until you resume it")?;
        window.wait("//footer//*[contains(., 'Synchronizing paused')]")?;
        window.wait("//main[not(.//button[contains(., 'Synchronize now')])]")?;
        window.shot("paused")?;
        line.at_most(None);
        let kept = waiting(&window)?;
        if kept == 0 {
            return Err("nothing waits although it was paused in the middle".into());
        }
        window.close()?;
        window = setting.open()?;
        unlock(&window)?;
        window.wait("//footer//*[contains(., 'Synchronizing paused')]")?;
        go(&window, "sync")?;
        window.see("Paused since")?;
        if waiting(&window)? < kept {
            return Err("something was sent although it is paused".into());
        }
        window.click("Resume")?;
        window.wait("//footer//*[contains(., 'all sent')]")?;
        window.see("In step with the centre")?;
        window.see("Synchronizing goes on.")?;
        window.shot("went-on")?;
        window.close()?;
        amara.synchronize()?;
        let arrived = amara.one("records.list", json!({ "entity": "mood_entries", "limit": 1 }))?["total"].clone();
        if arrived == json!(MANY) { Ok(()) } else { Err(format!("{arrived} of {MANY} arrived")) }
    });
}

/// Changes that a slow line needs some seconds for.
const MANY: u32 = 120;

/// A day of its own for each number.
fn one_day(at: u32) -> String {
    format!("2026-{:02}-{:02}", 1 + at / 28, 1 + at % 28)
}

/// What the foot says waits to be sent.
fn waiting(window: &Window) -> Result<u64, String> {
    let said = window.script("return document.querySelector('footer .waiting')?.innerText ?? ''")?;
    Ok(said.as_str().unwrap_or_default().chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0))
}

#[test]
fn a_picture_of_the_qr_code_joins_a_centre_and_another_picture_says_why_not() {
    check("join-picture", |setting| {
        let centre = Centre::serve("Ashcombe Practice")?;
        let link = centre.invite(&centre.address, "Amara Okafor", "therapist")?;
        let mut window = setting.open()?;
        window.click("Enter link or code")?;
        window.see("Picture of the QR code")?;
        paste(&window, &picture("https://example.org")?)?;
        window.see("is not an invitation to a centre")?;
        paste(&window, b"this is no picture")?;
        window.see("This file is not a picture")?;
        window.shot("not-one")?;
        paste(&window, &picture(&link)?)?;
        window.see("Read from the picture.")?;
        window.fill("Your name", "Amara Okafor")?;
        window.fill("Passphrase", journey::PASSPHRASE)?;
        window.see("Very strong")?;
        window.fill("Passphrase again", journey::PASSPHRASE)?;
        window.shot("read")?;
        window.click_at("//form//button[starts-with(normalize-space(), 'Join')]")?;
        journey::confirm_code(&mut window)?;
        window.see("Register a person")?;
        window.close()
    });
}

/// A code as a screen shows it, in the plainest format there is: a bitmap of 24 bits a point.
fn picture(text: &str) -> Result<Vec<u8>, String> {
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::L).map_err(|error| error.to_string())?;
    let (module, border) = (4, 4);
    let side = (code.width() + 2 * border) * module;
    let mut bytes = Vec::from(*b"BM");
    let size = u32::try_from(side * side * 3).map_err(|error| error.to_string())?;
    let edge = i32::try_from(side).map_err(|error| error.to_string())?;
    bytes.extend([54 + size, 0, 54, 40].into_iter().flat_map(u32::to_le_bytes));
    bytes.extend([edge, -edge].into_iter().flat_map(i32::to_le_bytes));
    bytes.extend([1_u16, 24].into_iter().flat_map(u16::to_le_bytes));
    bytes.extend([0, size, 2_835, 2_835, 0, 0].into_iter().flat_map(u32::to_le_bytes));
    let dark = |at: usize| (at / module).checked_sub(border).filter(|at| *at < code.width());
    for at in 0..side * side {
        let is_dark = matches!((dark(at % side), dark(at / side)), (Some(x), Some(y)) if code[(x, y)] == qrcode::Color::Dark);
        bytes.extend([if is_dark { 20 } else { 250 }; 3]);
    }
    Ok(bytes)
}

/// Pastes a file into the field of the link, as from the clipboard.
fn paste(window: &Window, bytes: &[u8]) -> Result<(), String> {
    let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let script = format!("const data = new DataTransfer(); data.items.add(new File([new Uint8Array([{}])], 'invitation.bmp', {{ type: 'image/bmp' }}));
        document.querySelector('textarea').dispatchEvent(new ClipboardEvent('paste', {{ clipboardData: data, bubbles: true, cancelable: true }}))", list.join(","));
    window.script(&script).map(|_| ())
}
