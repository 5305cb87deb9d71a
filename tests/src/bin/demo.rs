//! Plays the main job in the real window and leaves a picture for every step.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::{process::ExitCode, sync::{Mutex, PoisonError}};

use gladstone_tests::{Practice, Setting, Window, journey};

fn main() -> ExitCode {
    match play() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("The demo stopped: {why}");
            ExitCode::FAILURE
        }
    }
}

fn play() -> Result<(), String> {
    let setting = Setting::new("demo")?;
    let mut window = setting.open()?;
    say("A clinician starts Gladstone without a network and makes a bag of her own.");
    journey::make_own_bag(&mut window, "Amara Okafor")?;
    say("She registers Tomasz; a name and a date of birth are enough.");
    journey::register(&mut window, "Tomasz Wieczorek", "12 March 1979")?;
    window.shot("profile")?;
    say("He answers the PHQ-9 with the number keys. Every answer is saved when it is given.");
    journey::start_phq9(&mut window)?;
    for (at, value) in [2, 2, 3, 2].into_iter().enumerate() {
        journey::answer(&window, value)?;
        if at == 3 {
            window.shot("question")?;
        }
        journey::next(&window, at as u32 + 2)?;
    }
    say("The battery dies in the middle of question 5.");
    window.pull_the_plug()?;
    let mut window = setting.open()?;
    window.see("Open your bag")?;
    window.shot("locked")?;
    window.fill("Passphrase", journey::PASSPHRASE)?;
    window.click("Unlock")?;
    window.see("Question 5 of 10")?;
    window.shot("paused")?;
    say("After the passphrase, Today offers to go on at question 5.");
    window.click("Resume")?;
    for (at, value) in [1, 2, 2, 1].into_iter().enumerate() {
        window.see(&format!("Question {} of 10", at + 5))?;
        journey::answer(&window, value)?;
        journey::next(&window, at as u32 + 6)?;
    }
    say("Item 9 is answered “Several days”: the alert comes at once and demands an action.");
    window.keys("1")?;
    window.see("may be at risk")?;
    window.shot("alert")?;
    window.keys("1")?;
    window.fill("Note", "Passing thoughts since he lost his job, no plan, no means at home. Sister comes tonight.")?;
    window.shot("alert-note")?;
    window.click("Record what was done")?;
    window.see("Question 9 of 10")?;
    journey::next(&window, 10)?;
    journey::answer(&window, 2)?;
    window.click("Finish")?;
    window.see("Moderately severe")?;
    say("Score, band, completeness and how each item counted.");
    window.shot("result")?;
    show_around(&mut window)?;
    window.close()?;
    say("Then the sample bag: people who do not exist, behind every screen.");
    let sample = Setting::new("demo-sample")?;
    sample_bag(&sample)?;
    let (clinician, trainer) = (Setting::new("demo-clinician")?, Setting::new("demo-trainer")?);
    two_laptops(&clinician, &trainer)?;
    summarise(&[&setting, &sample, &clinician, &trainer])
}

fn two_laptops(clinician: &Setting, trainer: &Setting) -> Result<(), String> {
    say("A practice has a centre of its own. A clinician and a trainer join it by invitation.");
    let mut practice = Practice::open(clinician, trainer)?;
    say("The clinician registers Tomasz and shares the record; it arrives on the trainer's laptop.");
    practice.share_a_person()?;
    say("Both drive off. She administers the PHQ-9 and moves his appointment; he edits the same person, moves the same appointment, and books another one.");
    practice.work_without_a_network()?;
    say("Back on the network, both see everything.");
    practice.meet()?;
    say("One thing cannot be true: he comes on Tuesday or on Thursday. The trainer decides, and both agree.");
    practice.find_the_mark()?;
    practice.decide()?;
    practice.close()
}

fn show_around(window: &mut Window) -> Result<(), String> {
    window.click("Go to the person")?;
    window.see("Everything")?;
    window.shot("timeline")?;
    window.navigate("Today")?;
    window.see("Finished today")?;
    window.shot("today-after")?;
    Ok(())
}

fn sample_bag(setting: &Setting) -> Result<(), String> {
    let mut window = setting.open()?;
    window.click("Open the sample bag")?;
    window.see("Agenda")?;
    window.shot("today")?;
    window.navigate("People")?;
    window.see("people on this computer")?;
    window.shot("people")?;
    window.click("Tomasz Wieczorek")?;
    window.see("Everything")?;
    window.shot("person")?;
    window.click_at("//a[contains(@class, 'spark')]")?;
    window.see("Trend")?;
    window.shot("trend")?;
    window.click("Table")?;
    window.shot("trend-table")?;
    window.navigate("Questionnaires")?;
    window.see("PHQ-9")?;
    window.shot("questionnaires")?;
    window.navigate("Alerts")?;
    window.shot("alerts")?;
    window.navigate("All records")?;
    window.see("kinds of records")?;
    window.shot("all-records")?;
    window.click("Appointments")?;
    window.see("records")?;
    window.shot("appointments")?;
    window.click_at("(//tbody/tr/td/a)[1]")?;
    window.see("Edit")?;
    window.shot("record")?;
    window.click("Edit")?;
    window.see("Save 0 changes")?;
    window.shot("record-edit")?;
    window.navigate("Settings")?;
    window.see("Backups")?;
    window.shot("settings")?;
    window.click("Dark")?;
    window.wait("//html[@data-theme='dark']")?;
    window.shot("settings-dark")?;
    window.navigate("Today")?;
    window.see("Agenda")?;
    window.shot("today-dark")?;
    window.navigate("Settings")?;
    window.click("High contrast")?;
    window.wait("//html[@data-theme='contrast']")?;
    window.navigate("Today")?;
    window.shot("today-contrast")?;
    window.close()
}

/// What is told while it is played, kept for the summary.
static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn say(words: &str) {
    println!("• {words}");
    TOLD.lock().unwrap_or_else(PoisonError::into_inner).push(words.to_owned());
}

/// Writes what was told and which pictures there are.
fn summarise(settings: &[&Setting]) -> Result<(), String> {
    let mut text = String::from("# The main job, played in the real window\n\n");
    for words in TOLD.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        text.push_str(&format!("- {words}\n"));
    }
    for setting in settings {
        text.push('\n');
        for picture in setting.pictures()? {
            text.push_str(&format!("![{picture}]({picture})\n"));
        }
    }
    let path = settings.first().map(|setting| setting.folder().with_file_name("demo.md")).ok_or("nothing was played")?;
    std::fs::write(&path, text).map_err(|error| error.to_string())?;
    println!("\nPictures and summary: {}", path.display());
    Ok(())
}
