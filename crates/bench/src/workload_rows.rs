//! The rows of workload W: persons, and finished PHQ-9 responses with 9 answers each, written as
//! the product writes them: one mutation a response.

use gladstone_care::{Answer, Instrument, by_code, score::{Answers, score}};
use gladstone_desk::{DeskError, instruments};
use gladstone_model::Value;
use gladstone_vault::Tx;
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

const BEGIN: [&str; 20] = ["Ka", "Mar", "Jo", "Li", "Sa", "To", "Ber", "Ni", "Ha", "El", "Re", "Da", "Mo", "An", "Fi", "Pe", "Ru", "Wi", "Ya", "Os"];
const MIDDLE: [&str; 20] = ["la", "ni", "ro", "ta", "mi", "le", "so", "ve", "da", "ri", "na", "ko", "ha", "si", "lu", "be", "ga", "mo", "ti", "re"];
const END: [&str; 25] = ["n", "s", "la", "th", "ra", "ke", "no", "sen", "ni", "wa", "ck", "da", "l", "ti", "ez", "va", "nd", "mu", "ski", "ton", "m", "ia", "ber", "zu", "ley"];

/// The instrument of the workload.
///
/// # Errors
/// It is not built in any more.
pub fn instrument() -> Result<&'static Instrument, String> {
    by_code("phq-9").ok_or_else(|| "PHQ-9 is not built in".into())
}

/// The name of person `number`: distinct for all numbers below 100 million.
pub fn name(number: u32) -> String {
    let at = number as usize;
    let word = |seed: usize| format!("{}{}{}", BEGIN[seed % 20], MIDDLE[seed / 20 % 20], END[seed / 400 % 25]);
    // 7,919 is coprime to 10,000, so neighbours get names that begin differently.
    format!("{} {}", word(at * 7_919 % 10_000), word((at / 10_000 * 1_231 + at * 3) % 10_000))
}

/// A registered person with a profile.
///
/// # Errors
/// What the vault says.
pub fn person(tx: &mut Tx<'_>, number: u32) -> Result<Uuid, DeskError> {
    let name = name(number);
    let (first, last) = name.split_once(' ').unwrap_or((&name, ""));
    let user = tx.create("users", [
        ("name", Value::text(&name)),
        ("first_name", Value::text(first)),
        ("last_name", Value::text(last)),
        ("email", Value::text(&format!("person{number}@example.com"))),
        ("role", "patient".into()),
        ("account_status", "active".into()),
    ])?;
    tx.create("user_profiles", [("user_id", user.into()), ("city", "Ashcombe".into()), ("language", "en".into()), ("gender", "female".into())])?;
    Ok(user)
}

/// Names of fields and their values.
type Fields = Vec<(&'static str, Value)>;

/// The values of a finished response and its answers, ready to be written.
pub struct Ready {
    response: Fields,
    answers: Vec<Fields>,
}

/// A finished response of a person, with its answers, scored by the product.
pub fn ready(instrument: &'static Instrument, number: u32, user: Uuid) -> Ready {
    let scale = &instrument.scales[0];
    let values: Vec<(&String, i64)> = scale.items.iter().enumerate().map(|(at, item)| (item, i64::from(number.wrapping_mul(31).wrapping_add(at as u32 * 7) % 4))).collect();
    let answers: Answers = values.iter().map(|(item, value)| ((*item).clone(), Answer::Given(*value))).collect();
    let result = score(instrument, scale, &answers);
    let response = vec![
        ("questionnaire_id", instruments::questionnaire_id(instrument).into()),
        ("user_id", user.into()),
        ("respondent_name", Value::text(&name(number))),
        ("status", "completed".into()),
        ("mode", "self".into()),
        ("completion_time_seconds", 240_i64.into()),
        ("score", result.score.map(Decimal::from).into()),
        ("percentage", result.percentage_hundredths.map(|hundredths| Decimal::new(hundredths, 2)).into()),
        ("completeness", result.completeness.name().into()),
        ("risk_level", result.band.as_ref().map_or("unknown", |band| band.risk.name()).into()),
        ("scoring_version", Value::text(&result.scoring_version)),
        ("scale_results", json!([result]).into()),
    ];
    let answer = |(item, value): &(&String, i64)| vec![("question_id", instruments::question_id(instrument, item).into()), ("value", json!(value).into()), ("score", Decimal::from(*value).into())];
    Ready { response, answers: values.iter().map(answer).collect() }
}

/// Writes a response with its answers.
///
/// # Errors
/// What the vault says.
pub fn response(tx: &mut Tx<'_>, ready: Ready) -> Result<Uuid, DeskError> {
    let (now, actor) = (tx.now(), tx.actor());
    let times = [("administered_by", actor.into()), ("started_at", now.plus_seconds(-240).into()), ("completed_at", now.into()), ("scored_at", now.into())];
    let response = tx.create("responses", ready.response.into_iter().chain(times))?;
    for answer in ready.answers {
        tx.create("answers", answer.into_iter().chain([("response_id", response.into()), ("answered_at", now.into())]))?;
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn names_of_a_hundred_thousand_persons_differ() {
        let names: HashSet<String> = (0..100_000).map(super::name).collect();
        assert_eq!(names.len(), 100_000, "no two persons share a name");
    }
}
