//! Two open cases for the person of the sample bag: what somebody else wrote meanwhile, as a centre
//! would have found it.

use gladstone_model::{Instant, Value};
use gladstone_vault::Batch;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{Written, scene::add};
use crate::error::DeskError;

/// An appointment with two new times, and a note with two new texts.
pub(crate) fn cases(batch: &mut Batch<'_>, now: Instant, written: &mut Written) -> Result<(), DeskError> {
    let of = |kind: &str, at: usize| written.get(kind).and_then(|ids| ids.get(at)).copied();
    let (Some(visit), Some(enrolment), Some(colleague)) = (of("appointments", 9), of("beneficiaries", 7), of("users", 2)) else { return Ok(()) };
    batch.commit("sample.cases", |tx| {
        let actor = tx.actor();
        let yesterday = now.plus_seconds(-86_400);
        let row = tx.read().require("appointments", visit)?;
        let time = |field: &str| row.get(field).as_instant().unwrap_or(now);
        let (start, end) = (time("start_time"), time("end_time"));
        let times = |later: i64, by: Uuid, at: Instant| signed(json!({ "start_time": start.plus_seconds(later).to_string(), "end_time": end.plus_seconds(later).to_string(), "timezone": row.text("timezone") }), by, at);
        let base = times(-5_400, actor, now.plus_seconds(-9 * 86_400));
        add(tx, written, "conflicts", case("appointments", visit, "start_time", actor, base, times(0, colleague, yesterday.plus_seconds(4_200)), times(86_400, actor, yesterday)))?;
        let note = |text: &str, by: Uuid, at: Instant| signed(json!({ "notes": text }), by, at);
        let stands = "Works nights now. Visits in the afternoon, not before two.";
        tx.update("beneficiaries", enrolment, [("notes", Value::text(stands))])?;
        let (base, current) = (note("Prefers visits in the morning.", actor, now.plus_seconds(-60 * 86_400)), note(stands, colleague, yesterday.plus_seconds(7_500)));
        add(tx, written, "conflicts", case("beneficiaries", enrolment, "notes", actor, base, current, note("Prefers visits before nine; the bus to work leaves at ten.", actor, yesterday.plus_seconds(1_800))))?;
        Ok::<_, DeskError>(())
    })?;
    Ok(())
}

fn case(entity: &str, row: Uuid, group: &str, actor: Uuid, base: Json, current: Json, incoming: Json) -> Vec<(&'static str, Value)> {
    vec![
        ("entity_type", Value::text(entity)),
        ("entity_id", row.into()),
        ("merge_group", Value::text(group)),
        ("base_values", Value::json(&base)),
        ("current_values", Value::json(&current)),
        ("incoming_values", Value::json(&incoming)),
        ("assigned_to", actor.into()),
    ]
}

fn signed(mut values: Json, by: Uuid, at: Instant) -> Json {
    values["_by"] = by.to_string().into();
    values["_at"] = at.to_string().into();
    values
}
