//! What a person does in the real window, and what must happen.

use fantoccini::key::Key;
use gladstone_tests::{Setting, Window, journey};

fn check(name: &str, job: impl FnOnce(&Setting) -> Result<(), String>) {
    let setting = Setting::new(name).expect("a display");
    job(&setting).unwrap_or_else(|why| panic!("{name}: {why}"));
}

fn sample_bag(setting: &Setting) -> Result<Window, String> {
    let window = setting.open()?;
    window.click("Open the sample bag")?;
    window.see("Agenda")?;
    Ok(window)
}

#[test]
fn a_clinician_gets_from_first_start_to_a_result_and_a_dead_battery_loses_nothing() {
    check("first-start-to-result", |setting| {
        let mut window = setting.open()?;
        journey::make_own_bag(&mut window, "Amara Okafor")?;
        journey::register(&mut window, "Tomasz Wieczorek", "12 March 1979")?;
        journey::start_phq9(&mut window)?;
        for number in 2..=5 {
            journey::answer(&window, 2)?;
            journey::next(&window, number)?;
        }
        window.keys("3")?;
        window.see("Saved on this computer")?;
        window.pull_the_plug()?;
        let mut window = setting.open()?;
        window.fill("Passphrase", journey::PASSPHRASE)?;
        window.key(Key::Enter)?;
        window.see("Tomasz Wieczorek · PHQ-9")?;
        window.see("Question 5 of 10")?;
        window.click("Resume")?;
        window.see("Question 5 of 10")?;
        window.wait("//*[@role='radio'][@aria-checked='true'][contains(., 'Nearly every day')]")?;
        for number in 6..=9 {
            journey::next(&window, number)?;
            if number < 9 {
                journey::answer(&window, 1)?;
            }
        }
        window.keys("1")?;
        window.see("Tomasz Wieczorek may be at risk")?;
        window.click("Record what was done")?;
        window.see("Choose what was done.")?;
        window.see("Write what was said and agreed.")?;
        window.click("Went through the safety plan")?;
        window.fill("Note", "No plan. We went through what helps.")?;
        window.click("Record what was done")?;
        window.see("Question 9 of 10")?;
        journey::next(&window, 10)?;
        window.click("I would rather not answer this")?;
        window.see("Not answered by choice")?;
        window.click("Finish")?;
        window.see("Moderate")?;
        window.see("15")?;
        window.see("Complete, 9 of 9")?;
        window.shot("result")?;
        window.close()
    });
}

#[test]
fn a_wrong_passphrase_is_refused_and_the_right_one_opens_what_was_there() {
    check("lock-and-unlock", |setting| {
        let mut window = setting.open()?;
        journey::make_own_bag(&mut window, "Amara Okafor")?;
        journey::register(&mut window, "Mei-Ling Chow", "3 May 1990")?;
        window.control('l')?;
        window.see("Open your bag")?;
        let text = window.text()?;
        if text.contains("Mei-Ling") {
            return Err("the lock screen shows a name of a person in care".into());
        }
        window.fill("Passphrase", "not the passphrase at all")?;
        window.key(Key::Enter)?;
        window.see("not the passphrase")?;
        window.shot("wrong")?;
        window.fill("Passphrase", journey::PASSPHRASE)?;
        window.key(Key::Enter)?;
        window.see("Start questionnaire")?;
        window.navigate("People")?;
        window.see("Mei-Ling Chow")?;
        window.close()
    });
}

#[test]
fn the_bag_locks_itself_with_the_computer_and_after_a_minute_without_anybody() {
    check("auto-lock", |setting| {
        let window = sample_bag(setting)?;
        window.navigate("Settings")?;
        window.script("const s = [...document.querySelectorAll('select')].find(e => [...e.options].some(o => o.text === '1 minute')); s.value = '1'; s.dispatchEvent(new Event('change', { bubbles: true }))")?;
        window.wait("//select/option[@value='1'][. = '1 minute']")?;
        setting.bus.say_screen_locked()?;
        window.see("Open your bag")?;
        window.fill("Passphrase", "look around in the sample bag")?;
        window.key(Key::Enter)?;
        window.see("Check everything")?;
        std::thread::sleep(std::time::Duration::from_secs(45));
        window.see("Check everything")?;
        std::thread::sleep(std::time::Duration::from_secs(5));
        window.see("Open your bag")?;
        window.close()
    });
}

#[test]
fn nothing_personal_lies_outside_the_vault_and_nothing_readable_inside() {
    check("leaks", |setting| {
        let window = sample_bag(setting)?;
        window.navigate("People")?;
        window.fill("Name, or its beginning", "Wieczorek")?;
        window.click("Tomasz Wieczorek")?;
        window.see("Everything")?;
        window.navigate("Settings")?;
        window.click("Back up now")?;
        window.see("Test restore")?;
        window.script("localStorage.setItem('canary', 'Kanarienvogel')")?;
        window.control('l')?;
        window.see("Open your bag")?;
        window.close()?;
        for text in ["Wieczorek", "look around in the sample bag", "SQLite format 3"] {
            let found = setting.files_with(text)?;
            if found.iter().any(|path| !(text == "SQLite format 3" && path.starts_with(setting.webview_data()))) {
                return Err(format!("“{text}” lies in {found:?}"));
            }
        }
        if setting.files_with("Kanarienvogel")?.is_empty() {
            return Err("the canary was not found, so this search finds nothing".into());
        }
        Ok(())
    });
}

#[test]
fn a_damaged_bag_offers_its_backups_and_a_person_decides_to_go_on() {
    check("damaged", |setting| {
        let mut window = sample_bag(setting)?;
        window.navigate("Settings")?;
        window.click("Back up now")?;
        window.see("Test restore")?;
        window.navigate("People")?;
        window.click("Register a person")?;
        window.fill("Name", "Written Later")?;
        window.key(Key::Enter)?;
        window.wait("//h1[contains(., 'Written Later')]")?;
        window.control('l')?;
        window.see("Open your bag")?;
        let vault = std::fs::read_dir(&setting.vaults).map_err(|e| e.to_string())?.filter_map(Result::ok).next().ok_or("no vault")?.path().join("vault.db");
        let file = std::fs::OpenOptions::new().write(true).open(&vault).map_err(|e| e.to_string())?;
        file.set_len(1_000).map_err(|e| e.to_string())?;
        window.fill("Passphrase", "look around in the sample bag")?;
        window.key(Key::Enter)?;
        window.see("damaged")?;
        window.shot("damaged")?;
        window.click("Look at the backups")?;
        window.click("Put back")?;
        window.click("Yes, put this one back")?;
        window.fill("Passphrase", "look around in the sample bag")?;
        window.key(Key::Enter)?;
        window.see("This bag is not as it was left")?;
        window.shot("behind")?;
        window.click("Go on with what is here")?;
        window.navigate("People")?;
        window.see("Tomasz Wieczorek")?;
        if window.text()?.contains("Written Later") {
            return Err("the backup holds what was written after it".into());
        }
        window.shot("restored")?;
        window.close()
    });
}

#[test]
fn the_recovery_code_opens_a_bag_whose_passphrase_is_forgotten() {
    check("recovery", |setting| {
        let mut window = setting.open()?;
        let code = journey::make_own_bag(&mut window, "Amara Okafor")?;
        window.control('l')?;
        window.click("I forgot my passphrase")?;
        window.fill("Recovery code", &code.to_lowercase())?;
        window.fill("New passphrase", "copper lantern willow harbour")?;
        window.click("Open with the code")?;
        window.see("Your recovery code")?;
        let renewed = window.script("return document.querySelector('.code').dataset.code")?.as_str().unwrap_or_default().to_owned();
        if renewed == code {
            return Err("the code was not renewed".into());
        }
        window.click("I have it")?;
        window.fill("Type the code from your paper", &renewed)?;
        window.click("Confirm")?;
        window.see("Start questionnaire")?;
        window.close()
    });
}

#[test]
fn everything_up_to_the_first_answer_works_without_a_mouse() {
    check("keyboard-only", |setting| {
        let mut window = setting.open()?;
        window.keys("2")?;
        window.see("Make your own bag")?;
        window.keys("Amara Okafor\t")?;
        window.keys(journey::PASSPHRASE)?;
        window.keys("\t\t")?;
        window.keys(journey::PASSPHRASE)?;
        window.key(Key::Enter)?;
        window.see("Your recovery code")?;
        let code = window.script("return document.querySelector('.code').dataset.code")?.as_str().unwrap_or_default().to_owned();
        tab_to(&window, "I have it")?;
        window.key(Key::Enter)?;
        window.see("Type the code")?;
        window.keys(&code)?;
        window.key(Key::Enter)?;
        window.see("Register your first person")?;
        window.control('k')?;
        window.wait("//dialog[@open]//input")?;
        window.keys("register")?;
        window.wait("//*[@role='option'][@aria-selected='true'][contains(., 'Register')]")?;
        window.key(Key::Enter)?;
        window.see("No login needed")?;
        window.keys("Kofi Mensah")?;
        window.key(Key::Enter)?;
        window.wait("//h1[contains(., 'Kofi Mensah')]")?;
        window.keys("s")?;
        window.wait("//dialog[@open]//input[@role='combobox']")?;
        window.keys("GAD-7")?;
        window.wait("//*[@role='option'][contains(., 'GAD-7')]")?;
        window.key(Key::Enter)?;
        window.key(Key::Enter)?;
        window.see("Question 1 of 8")?;
        window.key(Key::Down)?;
        window.key(Key::Down)?;
        window.keys(" ")?;
        window.wait("//*[@role='radio'][@aria-checked='true'][contains(., 'More than half the days')]")?;
        window.see("Saved on this computer")?;
        window.shot("answered")?;
        window.key(Key::Escape)?;
        window.see("Paused")?;
        window.keys("?")?;
        window.see("Quick hide")?;
        window.close()
    });
}

fn tab_to(window: &Window, words: &str) -> Result<(), String> {
    for _ in 0..30 {
        if window.focused()?.contains(words) {
            return Ok(());
        }
        window.key(Key::Tab)?;
    }
    Err(format!("“{words}” cannot be reached with Tab"))
}

#[test]
fn dark_colours_and_the_language_stay_on_the_lock_screen() {
    check("dark-and-german", |setting| {
        let mut window = sample_bag(setting)?;
        window.navigate("Settings")?;
        window.click("Dark")?;
        window.wait("//html[@data-theme='dark']")?;
        window.script("const s = [...document.querySelectorAll('select')].find(e => [...e.options].some(o => o.value === 'de')); s.focus()")?;
        window.script("window.chosenIn = document.activeElement")?;
        window.keys("Deutsch")?;
        window.see("Einstellungen")?;
        // Drawn in place: the very same field has the focus, and no letter of the word went elsewhere.
        if window.script("return document.activeElement === window.chosenIn")? != true || window.focused()? != "Sprache" {
            return Err(format!("the focus is on {}", window.focused()?));
        }
        window.wait("//body[not(.//dialog)]")?;
        window.shot("settings-dark")?;
        let ground = window.script("return getComputedStyle(document.body).backgroundColor")?;
        if ground != "rgb(27, 25, 22)" {
            return Err(format!("the ground is {ground}"));
        }
        // What a rule of the data says is in the language of the screen as well.
        window.script("window.location.hash = '#/records/leads/new'")?;
        window.wait("//form[@id='record-form']")?;
        window.click_at("//aside//button[contains(., 'Hinzufügen')][@form]")?;
        window.see("Name: ist nötig; bitte ausfüllen.")?;
        window.shot("refused-dark")?;
        window.control('l')?;
        window.see("Öffnen Sie Ihre Tasche")?;
        window.wait("//html[@data-theme='dark']")?;
        window.shot("lock-dark")?;
        window.close()
    });
}

#[test]
fn every_kind_of_record_opens_its_list_and_its_form() {
    check("every-record", |setting| {
        let window = sample_bag(setting)?;
        for entity in &gladstone_model::catalogue().entities {
            window.script(&format!("window.location.hash = '#/records/{}'", entity.name))?;
            window.wait(&format!("//h1[normalize-space(.) = \"{}\"]", entity.plural))?;
            window.wait("//table[contains(@class, 'grid')]/tbody/tr | //div[@class='empty']")?;
            window.script(&format!("window.location.hash = '#/records/{}/new'", entity.name))?;
            window.wait("//aside//form[@id='record-form']//*[self::input or self::select or self::textarea]")?;
            let text = window.text()?;
            if text.contains("This did not work") || text.contains("Something went wrong") {
                return Err(format!("{}: {text}", entity.name));
            }
        }
        window.close()
    });
}

#[test]
fn a_record_is_added_refused_corrected_and_marked_as_entered_in_error() {
    check("record", |setting| {
        let mut window = sample_bag(setting)?;
        window.script("window.location.hash = '#/records/leads/new'")?;
        window.wait("//form[@id='record-form']")?;
        window.click_at("//aside//button[contains(., 'Add')][@form]")?;
        window.wait("//aside//*[contains(@class, 'err') or contains(@class, 'banner')]")?;
        window.shot("refused")?;
        window.script("window.location.hash = '#/records/industries/new'")?;
        window.wait("//h2[contains(., 'New: ')]")?;
        window.fill("Organization", "General")?;
        window.wait("//*[@role='option'][contains(., 'General Hospital')]")?;
        window.key(Key::Enter)?;
        window.fill("Name", "Mountain rescue")?;
        window.click_at("//aside//button[contains(., 'Add')][@form]")?;
        window.wait("//aside//h2[contains(., 'Mountain rescue')]")?;
        window.click("Entered in error")?;
        window.fill("Reason", "Typed twice")?;
        window.click("Mark as entered in error")?;
        window.see("Entered in error: Typed twice")?;
        window.shot("in-error")?;
        window.close()
    });
}

/// The button of an appointment.
fn block(name: &str) -> String {
    format!("//button[contains(@class, 'ev')][starts-with(@aria-label, '{name}')]")
}

#[test]
fn an_appointment_is_booked_beside_another_moved_by_key_and_mouse_undone_and_cancelled() {
    check("calendar", |setting| {
        let mut window = setting.open()?;
        journey::make_own_bag(&mut window, "Amara Okafor")?;
        journey::register(&mut window, "Yuki Tanaka", "3 May 1990")?;
        window.navigate("Calendar")?;
        window.see("No appointments in this week.")?;
        window.key(Key::PageDown)?;
        window.wait("//button[contains(@aria-label, 'Wednesday') and contains(@aria-label, '10:00, free')]")?;
        window.shot("empty")?;
        for second in [false, true] {
            let time = if second { "11:00" } else { "10:00" };
            window.click_at(&format!("//button[contains(@aria-label, 'Wednesday') and contains(@aria-label, '{time}, free')]"))?;
            window.fill("Person", "Yuki")?;
            window.wait("//*[@role='option'][contains(., 'Yuki Tanaka')]")?;
            window.key(Key::Enter)?;
            if second {
                window.click_at("//dialog//*[@id = //dialog//label[. = 'Start']/@for]")?;
                window.control('a')?;
                window.keys("10:30")?;
                window.see("Overlaps Yuki Tanaka, 10:00 to 11:00")?;
                window.see("Free instead")?;
                window.shot("overlap")?;
            } else {
                window.fill("Place", "Room 3")?;
            }
            window.click_at("//dialog//button[contains(., 'Book Wed')]")?;
            window.wait(&format!("({})[{}]", block("Yuki Tanaka"), if second { 2 } else { 1 }))?;
        }
        window.wait("//button[contains(@class, 'clash')]")?;
        window.see("1 overlap")?;
        window.shot("both-kept")?;
        window.script("document.querySelectorAll('.ev.clash')[1].focus()")?;
        window.keys(&format!("{}{}{}", char::from(Key::Control), char::from(Key::Right), char::from(Key::Null)))?;
        window.wait("//*[@role='group'][starts-with(@aria-label, 'Thursday')]//button[starts-with(@aria-label, 'Yuki Tanaka')]")?;
        window.see("moved to Thu")?;
        window.shot("moved")?;
        window.click("Undo")?;
        window.wait("//button[contains(@class, 'clash')]")?;
        drag(&window, "document.querySelectorAll('.ev.clash')[1]", 2)?;
        window.wait("//*[@role='group'][starts-with(@aria-label, 'Friday')]//button[starts-with(@aria-label, 'Yuki Tanaka')]")?;
        window.wait("//*[@role='group'][starts-with(@aria-label, 'Friday')]//button[not(contains(@class, 'clash'))][starts-with(@aria-label, 'Yuki Tanaka')]")?;
        window.key(Key::Enter)?;
        window.click("Cancel it")?;
        window.fill("Reason", "The road is closed")?;
        window.click("Cancel the appointment")?;
        window.see("Yuki Tanaka is cancelled.")?;
        window.shot("cancelled")?;
        window.close()
    });
}

/// Drags an element some days to the right.
fn drag(window: &Window, element: &str, days: u32) -> Result<(), String> {
    let script = format!(
        "const e = {element}; e.focus(); const b = e.getBoundingClientRect(); const w = document.querySelector('.day').getBoundingClientRect().width;
         const at = (kind, x) => (kind === 'pointerdown' ? e : window).dispatchEvent(new PointerEvent(kind, {{ bubbles: true, button: 0, clientX: x, clientY: b.top + 6 }}));
         at('pointerdown', b.left + 6); at('pointermove', b.left + 40); at('pointermove', b.left + 6 + {days} * w); at('pointerup', b.left + 6 + {days} * w);"
    );
    window.script(&script).map(|_| ())
}

#[test]
fn two_values_stand_side_by_side_and_a_decision_is_made_and_taken_back() {
    check("review", |setting| {
        let mut window = sample_bag(setting)?;
        window.wait("//nav//b[@aria-label='2 cases to review']")?;
        window.navigate("Needs review")?;
        window.see("Counts until you decide")?;
        window.click("Hannah Weiss")?;
        window.see("Works nights now.")?;
        window.see("the bus to work leaves at ten.")?;
        window.shot("both")?;
        window.fill("Why", "Spoke with her")?;
        window.click("Take this instead")?;
        window.see("Took the other")?;
        window.see("“Spoke with her”")?;
        window.wait("//nav//b[@aria-label='1 case to review']")?;
        window.shot("decided")?;
        window.click("Undo the decision")?;
        window.wait("//nav//b[@aria-label='2 cases to review']")?;
        window.click("Enter another value")?;
        window.wait("//dialog//textarea")?;
        window.script("document.querySelector('dialog textarea').select()")?;
        window.keys("Ask on the day before.")?;
        window.click("This shall count")?;
        window.see("This counts:")?;
        window.see("Ask on the day before.")?;
        window.shot("third")?;
        window.click("Samir Banerjee")?;
        window.see("Take this instead")?;
        window.script("document.activeElement.blur()")?;
        window.keys("1")?;
        window.see("Kept what stood")?;
        window.click("Decided before")?;
        window.wait("//nav[@aria-label='Decided before']//a[2]")?;
        window.close()
    });
}
