//! What two people wrote without seeing each other becomes a task for one of them, and the other
//! is told. Decides who is asked and what is shown; the rows are written as the centre's own
//! mutation.

use std::collections::BTreeSet;

use gladstone_model::{Unit, Value, catalogue, id};
use gladstone_protocol::{
    JournalEntry, Op, RowState, Writer,
    journal::{JournalKey, MARK, Side},
    wire::RowKey,
};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::{engine::Having, error::CentreError, notice::Notice, own, work::{Work, user_key}};

/// Name of the mark "entered in error" among the merge groups.
const MARK_NAME: &str = "entered_in_error";
/// Most administrators that are looked at.
const ADMINS: u32 = 16;

/// What is to be decided.
struct Task {
    key: RowKey,
    group: String,
    base: Option<Map<String, Json>>,
    current: Map<String, Json>,
    incoming: Map<String, Json>,
    current_by: Option<Writer>,
    incoming_by: Writer,
    units: Vec<Unit>,
    id: Uuid,
}

/// The patches that raise these entries and notices, and take back the tasks of entries that their
/// own authors replaced. Empty when nobody has to be asked.
///
/// # Errors
/// What the store says.
pub(crate) fn ops(work: &mut Work<'_>, opened: &[JournalEntry], notices: &[Notice], replaced: &[JournalEntry]) -> Result<Vec<Op>, CentreError> {
    let mut ops = Vec::new();
    for entry in replaced.iter().filter(|entry| entry.kind.asks_a_person()) {
        if let Some(row) = task_row(work, task_id(entry.key()))?.filter(|row| row.error.is_none() && row.row.text("status") == "open") {
            let now = work.now;
            ops.extend(own::update(&row, &[("status", "kept_current".into()), ("decided_at", now.into()), ("reason", "Its author wrote another value since.".into())]));
        }
    }
    let mut tasks = Vec::new();
    for entry in opened.iter().filter(|entry| entry.kind.asks_a_person()) {
        tasks.extend(of_entry(work, entry)?);
    }
    tasks.extend(notices.iter().map(of_notice));
    let mut raised = BTreeSet::new();
    for task in tasks {
        // What was raised before is not raised again, whatever became of it.
        if raised.insert(task.id) && task_row(work, task.id)?.is_none() {
            ops.extend(raise(work, task)?);
        }
    }
    Ok(ops)
}

/// The entry of the journal that a row of `conflicts` is about, once it is decided.
pub(crate) fn decided(before: Option<&RowState>, after: &RowState) -> Option<JournalKey> {
    let open = |state: &RowState| state.row.text("status") == "open" && state.error.is_none();
    if after.row.entity.name != "conflicts" || open(after) || !before.is_some_and(open) {
        return None;
    }
    let entity = catalogue().get(after.row.text("entity_type"))?;
    let name = after.row.text("merge_group");
    let group = if name == MARK_NAME { MARK } else { entity.field(name)?.no };
    Some((entity.no, after.row.uuid("entity_id")?, group, after.row.uuid("incoming_mutation")?))
}

fn task_row(work: &mut Work<'_>, id: Uuid) -> Result<Option<RowState>, CentreError> {
    let Some(entity) = catalogue().get("conflicts") else { return Ok(None) };
    Ok(work.row(RowKey { entity: entity.no, id })?.cloned())
}

/// The id of the task for an entry: the same entry never becomes two tasks.
fn task_id((entity, row, group, mutation): JournalKey) -> Uuid {
    derived("conflicts", &[&Value::Integer(entity.into()), &Value::Uuid(row), &Value::Integer(group.into()), &Value::Uuid(mutation)])
}

fn derived(entity: &str, key: &[&Value]) -> Uuid {
    id::derived(catalogue().get(entity).map_or(0, |entity| entity.no), key)
}

fn of_entry(work: &mut Work<'_>, entry: &JournalEntry) -> Result<Option<Task>, CentreError> {
    let Some(entity) = catalogue().by_no(entry.entity) else { return Ok(None) };
    let name = |no: u16| if no == MARK { Some(MARK_NAME.to_owned()) } else { entity.position_of_no(no).map(|at| entity.fields[at].name.clone()) };
    let values = |values: &[(u16, Value)]| values.iter().filter_map(|(no, value)| Some((name(*no)?, value.to_json()))).collect::<Map<_, _>>();
    let side = |side: &Side| signed(values(&side.values), Some(&side.writer));
    let key = RowKey { entity: entry.entity, id: entry.row };
    let units = work.row(key)?.map(|state| state.unit).into_iter().collect();
    let Some(group) = name(entry.group) else { return Ok(None) };
    let (current, incoming) = (side(&entry.kept), side(&entry.other));
    Ok(Some(Task { key, group, base: entry.base_values.as_deref().map(values), current, incoming, current_by: Some(entry.kept.writer), incoming_by: entry.other.writer, units, id: task_id(entry.key()) }))
}

fn of_notice(notice: &Notice) -> Task {
    let key = [&Value::Integer(notice.key.entity.into()), &Value::Uuid(notice.key.id), &Value::text(notice.name), &Value::Uuid(notice.about), &Value::text(&named(&notice.incoming))];
    Task {
        key: notice.key,
        group: notice.name.into(),
        base: None,
        current: signed(notice.current.clone(), notice.current_by.as_ref()),
        incoming: signed(notice.incoming.clone(), Some(&notice.incoming_by)),
        current_by: notice.current_by,
        incoming_by: notice.incoming_by,
        units: notice.units.clone(),
        id: derived("conflicts", &key),
    }
}

/// The names of what a notice is about.
fn named(values: &Map<String, Json>) -> String {
    values.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Values with who wrote them and when, for people.
fn signed(mut values: Map<String, Json>, by: Option<&Writer>) -> Map<String, Json> {
    if let Some(by) = by {
        values.insert("_by".into(), by.actor.to_string().into());
        values.insert("_at".into(), by.wall.to_string().into());
    }
    values
}

/// The rows of one task: the case itself, and a notification to the other author.
fn raise(work: &mut Work<'_>, task: Task) -> Result<Vec<Op>, CentreError> {
    let authors = [Some(task.incoming_by.actor), task.current_by.map(|by| by.actor)];
    let mut may_see = Vec::new();
    for author in authors.into_iter().flatten() {
        if !may_see.contains(&author) && sees(work, author, &task.units)? {
            may_see.push(author);
        }
    }
    let admin = if may_see.is_empty() { an_admin(work, &task.units)? } else { None };
    let assigned = may_see.first().copied().or(admin);
    // With nobody who may see all of it, its author is shown their own side alone.
    let (assigned, current, base) = match assigned {
        Some(assigned) => (assigned, task.current, task.base),
        None => (task.incoming_by.actor, Map::new(), None),
    };
    if work.row(user_key(assigned).unwrap_or(task.key))?.is_none() {
        return Ok(Vec::new());
    }
    let now = work.now;
    let label = catalogue().by_no(task.key.entity).map(|entity| (entity.name.clone(), entity.label.to_lowercase())).unwrap_or_default();
    let json = |map: Map<String, Json>| Value::json(&Json::Object(map));
    let mut values = vec![
        ("entity_type", Value::text(&label.0)),
        ("entity_id", task.key.id.into()),
        ("merge_group", Value::text(&task.group)),
        ("current_values", json(current)),
        ("incoming_values", json(task.incoming)),
        ("current_mutation", task.current_by.map(|by| by.mutation).into()),
        ("incoming_mutation", task.incoming_by.mutation.into()),
        ("assigned_to", assigned.into()),
        ("status", "open".into()),
    ];
    if let Some(base) = base {
        values.push(("base_values", json(base)));
    }
    let mut ops = vec![own::create("conflicts", task.id, &values, now)?];
    for other in may_see.into_iter().filter(|other| *other != assigned) {
        let id = derived("notifications", &[&Value::Uuid(other), &Value::Uuid(task.id)]);
        let data = serde_json::json!({ "conflict": task.id.to_string(), "entity": label.0, "row": task.key.id.to_string() });
        let message = format!("Somebody else wrote to the same {} without having seen what you wrote. It is being looked at; both versions are kept.", label.1);
        ops.push(own::create("notifications", id, &[("user_id", other.into()), ("type", "conflict".into()), ("title", Value::text(&format!("Two versions of one {}", label.1))), ("message", Value::text(&message)), ("data", Value::json(&data))], now)?);
    }
    Ok(ops)
}

/// Whether somebody is a person here who may see all of these.
fn sees(work: &mut Work<'_>, actor: Uuid, units: &[Unit]) -> Result<bool, CentreError> {
    let Some(key) = user_key(actor) else { return Ok(false) };
    if work.row(key)?.is_none_or(|state| state.error.is_some()) {
        return Ok(false);
    }
    let rights = work.rights(actor)?;
    Ok(units.iter().all(|unit| rights.reads(*unit)))
}

/// An administrator who may see all of these: always the same one.
fn an_admin(work: &mut Work<'_>, units: &[Unit]) -> Result<Option<Uuid>, CentreError> {
    let mut candidates = BTreeSet::new();
    for (entity, rule) in catalogue().entities.iter().filter_map(|entity| Some((entity, entity.role.as_ref()?))) {
        let asks: Vec<Having> = rule.admins.iter().map(|role| Having { entity, field: rule.field, value: Value::text(role), limit: ADMINS }).collect();
        candidates.extend(work.having(&asks)?.iter().filter(|state| state.error.is_none()).filter_map(|state| rule.person(&state.row)));
    }
    for candidate in candidates {
        if work.rights(candidate)?.is_admin() && sees(work, candidate, units)? {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}
