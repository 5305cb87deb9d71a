//! One answer, and whether an item takes it.

use serde::{Deserialize, Serialize};

use crate::instrument::{Instrument, Item};

/// What a respondent did with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Chose a printed value.
    Given(i64),
    /// Would rather not say.
    Declined,
}

/// Whether an item has this value. The error says which values it has.
///
/// # Errors
/// The printed values of the item, in a sentence.
pub fn check(instrument: &Instrument, item: &Item, value: i64) -> Result<(), String> {
    let options = instrument.options_of(item);
    if options.iter().any(|option| option.value == value) {
        return Ok(());
    }
    let values: Vec<String> = options.iter().map(|option| option.value.to_string()).collect();
    Err(format!("This item takes {}. Choose one of these.", values.join(", ")))
}
