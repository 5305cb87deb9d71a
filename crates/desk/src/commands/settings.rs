//! Settings of the person, kept in their preferences.

use gladstone_model::Value;
use serde_json::{Value as Json, json};

use super::{app::{Done, Empty}, wire};
use crate::{desk::Desk, error::DeskError};

wire! {
    /// Settings of a person.
    pub struct Settings {
        /// light, dark, contrast or system.
        pub theme: Theme,
        /// Language of the screen, for example en or de.
        pub language: String,
        /// Size of text for respondents: 100, 125 or 150 percent.
        pub text_percent: u16,
        /// Minutes without activity until the vault locks itself, 1 to 15.
        pub lock_minutes: u8,
        /// Whether single letters work as shortcuts.
        pub letter_keys: bool,
    }

    /// Colours of the screen.
    #[serde(rename_all = "snake_case")]
    pub enum Theme {
        /// Dark on light.
        Light,
        /// Light on dark.
        Dark,
        /// High contrast.
        Contrast,
        /// As the desktop.
        System,
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings { theme: Theme::System, language: "en".into(), text_percent: 100, lock_minutes: 5, letter_keys: true }
    }
}

/// See the command list.
///
/// # Errors
/// The vault is locked.
pub fn get(desk: &Desk, _: Empty) -> Result<Settings, DeskError> {
    let actor = desk.actor()?;
    desk.read(|read| {
        let row = read.first("user_preferences", gladstone_store::Query::by("user_id", actor))?;
        let stored = row.and_then(|row| row.get("preferences").as_json());
        Ok(stored.and_then(|json| serde_json::from_value(json.get("screen")?.clone()).ok()).unwrap_or_default())
    })
}

/// See the command list.
///
/// # Errors
/// A value outside its range.
pub fn set(desk: &Desk, request: Settings) -> Result<Settings, DeskError> {
    if !(1..=15).contains(&request.lock_minutes) {
        return Err(DeskError::field("lock_minutes", "Choose between 1 and 15 minutes."));
    }
    if !matches!(request.text_percent, 100 | 125 | 150) {
        return Err(DeskError::field("text_percent", "Choose 100, 125 or 150 percent."));
    }
    desk.commit("settings.set", |tx| {
        let actor = tx.actor();
        let existing = tx.read().first("user_preferences", gladstone_store::Query::by("user_id", actor))?;
        let mut preferences = existing.as_ref().and_then(|row| row.get("preferences").as_json()).filter(Json::is_object).unwrap_or_else(|| json!({}));
        preferences["screen"] = serde_json::to_value(&request).unwrap_or_default();
        preferences["theme"] = serde_json::to_value(&request.theme).unwrap_or_default();
        preferences["language"] = Json::from(request.language.clone());
        match existing {
            Some(row) => tx.update("user_preferences", row.id(), [("preferences", Value::json(&preferences))]).map(|_| ())?,
            None => tx.create("user_preferences", [("user_id", actor.into()), ("preferences", Value::json(&preferences))]).map(|_| ())?,
        }
        Ok(())
    })?;
    Ok(request)
}

/// See the command list.
///
/// # Errors
/// None.
pub fn touch(desk: &Desk, _: Empty) -> Result<Done, DeskError> {
    desk.touch();
    Ok(Done::YES)
}
