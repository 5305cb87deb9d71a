//! One answer saved through the only door, as often as a person would tap in a long week, beside
//! a raw transaction that writes the same two rows.

use std::time::Instant;

use gladstone_vault::{database, folder::VaultFolder};
use rusqlite::types::Value;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    floor::{Floor, Raw, Write, insert_sql, read_raw},
    place::{Place, open_desk, root_key, run, text},
    report::{Line, Report, Samples, Target},
};

/// Persons who answer one questionnaire of 9 items each: 720 saves.
const PERSONS: u32 = 80;

/// Measures the saves.
///
/// # Errors
/// What the commands or the disk say.
pub fn measure(place: &Place, report: &mut Report) -> Result<(), String> {
    println!("\ndurable saves of one answer");
    let folder = place.fresh("saves")?;
    let (desk, _) = open_desk(&folder.join("vaults"))?;
    let vault = VaultFolder::list(&folder.join("vaults")).map_err(text)?.into_iter().next().ok_or("no vault")?.0;
    let raw = database::open_reader(&vault.database(), &root_key(&vault)?.database()).map_err(text)?;
    let floor = Floor::new(&folder.join("floor.db"))?;
    let form = run(&desk, "questionnaires.list", json!({}))?;
    let questionnaire = form.as_array().and_then(|all| all.iter().find(|info| info["code"] == "phq-9")).ok_or("PHQ-9 is not in the list")?["id"].clone();
    let (mut saves, mut floors) = (Samples::default(), Samples::default());
    for number in 0..PERSONS {
        let person = run(&desk, "people.register", json!({ "name": crate::workload_rows::name(number) }))?;
        let started = run(&desk, "responses.start", json!({ "person_id": person["id"], "questionnaire_id": questionnaire, "mode": "self" }))?;
        let response = started["id"].clone();
        insert_response(&raw, &floor, &response)?;
        let scored = started["form"]["items"].as_array().map(|items| items.iter().filter(|item| item["scored"] == true).map(|item| item["question_id"].clone()).collect::<Vec<_>>()).unwrap_or_default();
        for (at, question) in scored.iter().enumerate() {
            // The last item raises an alert when it is above 0: one person in ten.
            let value = if at == 8 { u32::from(number % 10 == 0) } else { (number + at as u32) % 4 };
            let request = json!({ "id": response, "question_id": question, "value": value });
            let start = Instant::now();
            desk.run("responses.answer", request).map_err(|error| error.message)?;
            saves.push_ms(start.elapsed());
            floors.push_ms(save_raw(&raw, &floor, &response, question)?);
        }
    }
    drop(raw);
    desk.lock().map_err(|error| error.message)?;
    report.add(Line::new("save of one answer, responses.answer", "ms", &saves, Target::P99(50.0)).with_p99(&saves).beside(&floors));
    report.add(Line::new("  floor: the same two rows, raw", "ms", &floors, Target::None).with_p99(&floors));
    Ok(())
}

fn insert_response(raw: &rusqlite::Connection, floor: &Floor, response: &Json) -> Result<(), String> {
    let rows = read_raw(raw, "SELECT * FROM responses WHERE id = ?1", &[id(response)?])?;
    let sql = insert_sql("responses", rows.first().map_or(0, Vec::len));
    floor.write(rows.iter().map(|row| Write { sql: &sql, row }))
}

/// Writes the answer that the vault just wrote, and the position in its response.
fn save_raw(raw: &rusqlite::Connection, floor: &Floor, response: &Json, question: &Json) -> Result<std::time::Duration, String> {
    let (response, question) = (id(response)?, id(question)?);
    let rows: Vec<Raw> = read_raw(raw, "SELECT * FROM answers WHERE response_id = ?1 AND question_id = ?2", &[response.clone(), question.clone()])?;
    let answer = rows.first().ok_or("the answer that was saved is not there")?;
    let sql = insert_sql("answers", answer.len());
    let position: Raw = vec![response, question];
    let start = Instant::now();
    floor.write([Write { sql: &sql, row: answer }, Write { sql: "UPDATE responses SET current_question_id = ?2 WHERE id = ?1", row: &position }])?;
    Ok(start.elapsed())
}

fn id(json: &Json) -> Result<Value, String> {
    let id = json.as_str().and_then(|text| Uuid::parse_str(text).ok()).ok_or_else(|| format!("{json} is no id"))?;
    Ok(Value::Blob(id.as_bytes().to_vec()))
}
