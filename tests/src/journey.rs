//! The main job as a person does it, step by step: used by the demo and by the window tests.

use fantoccini::key::Key;

use crate::window::Window;

/// The passphrase of the journeys.
pub const PASSPHRASE: &str = "violet anchor tundra mosaic";

/// From the three doors to an empty bag of one's own.
///
/// # Errors
/// Whatever does not appear or cannot be pressed.
pub fn make_own_bag(window: &mut Window, name: &str) -> Result<String, String> {
    window.see("How would you like to begin?")?;
    window.shot("three-doors")?;
    window.click("Start my own bag")?;
    window.fill("Your name", name)?;
    window.fill("Passphrase", PASSPHRASE)?;
    window.see("Very strong")?;
    window.fill("Passphrase again", PASSPHRASE)?;
    window.shot("own-bag")?;
    window.click("Make my bag")?;
    let code = confirm_code(window)?;
    window.see("Register your first person")?;
    window.shot("empty-today")?;
    Ok(code)
}

/// Reads the recovery code from the screen and types it back.
///
/// # Errors
/// Whatever does not appear or cannot be pressed.
pub fn confirm_code(window: &mut Window) -> Result<String, String> {
    window.see("Your recovery code")?;
    let code = window.script("return document.querySelector('.code').dataset.code")?.as_str().unwrap_or_default().to_owned();
    window.shot("recovery-code")?;
    window.click("I have it")?;
    window.fill("Type the code from your paper", &code)?;
    window.click("Confirm")?;
    Ok(code)
}

/// Registers a person and returns on the profile.
///
/// # Errors
/// Whatever does not appear or cannot be pressed.
pub fn register(window: &mut Window, name: &str, born: &str) -> Result<(), String> {
    window.click("Register a person")?;
    window.see("No login needed")?;
    window.fill("Name", name)?;
    window.fill("Date of birth", born)?;
    window.shot("register")?;
    window.click_at("//form//button[contains(., 'Register')]")?;
    window.wait(&format!("//h1[contains(., '{name}')]"))?;
    Ok(())
}

/// Starts the PHQ-9 from the profile, one item a page.
///
/// # Errors
/// Whatever does not appear or cannot be pressed.
pub fn start_phq9(window: &mut Window) -> Result<(), String> {
    window.click("Start questionnaire")?;
    window.fill("Questionnaire", "PHQ-9")?;
    window.wait("//*[@role='option'][contains(., 'PHQ-9')]")?;
    window.key(Key::Enter)?;
    window.shot("start")?;
    window.click("Start PHQ-9 with")?;
    window.see("Question 1 of 10")
}

/// Answers the item on the screen by its number key and waits until it is saved.
///
/// # Errors
/// The answer is not saved in time.
pub fn answer(window: &Window, value: u8) -> Result<(), String> {
    window.keys(&value.to_string())?;
    window.see("Saved on this computer")
}

/// Goes on to the next item.
///
/// # Errors
/// It does not appear.
pub fn next(window: &Window, number: u32) -> Result<(), String> {
    window.key(Key::Enter)?;
    window.see(&format!("Question {number} of 10"))
}
