//! What may still be done when this computer was without contact for too long: everything that is new
//! may be written, and what is here may be read of the person only for whom the glass was broken.

use gladstone_model::{Instant, catalogue, entity::UnitSource, unit::UnitKind};
use gladstone_vault::{Unlocked, replica::Standing};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::error::{Code, DeskError};

/// What works even when the vault is locked until contact: keys, backups, synchronizing, leaving.
const ALWAYS: &[&str] = &[
    "lease.status", "settings.get", "sync.status", "sync.now", "sync.pause", "sync.resume", "sync.log", "sync.queue", "sync.receipt", "sync.join", "sync.begin_as_new", "vault.accept_alarm", "vault.back_up", "vault.backups",
    "vault.change_passphrase", "vault.erase", "vault.test_restore", "vault.verify",
];

/// What works when the lease is over: writing what is new, and what that takes. Those that name
/// records by themselves leave out what may not be read.
const CAPTURE: &[&str] = &[
    "alerts.list", "calendar.book", "calendar.overlaps", "calendar.week", "files.append", "files.attach", "files.begin", "files.give_up", "lease.break_glass", "people.find", "people.register", "people.similar", "questionnaires.get", "questionnaires.list",
    "records.create", "responses.abandon", "responses.answer", "responses.complete", "responses.decline", "responses.position", "responses.start", "settings.set", "sync.discard", "sync.resend",
];

/// What may be read while the lease is over.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    over_since: Instant,
    persons: Vec<Uuid>,
}

impl Reach {
    /// The reach in an open vault; none when everything may be read.
    pub(crate) fn of(unlocked: &Unlocked) -> Result<Option<Reach>, DeskError> {
        let Some(lease) = unlocked.vault.lease()?.filter(|lease| lease.standing() != Standing::Running) else { return Ok(None) };
        let persons = if lease.standing() == Standing::Over { lease.glass.iter().map(|glass| glass.person).collect() } else { Vec::new() };
        Ok(Some(Reach { over_since: lease.until, persons }))
    }

    /// Whether a record of this person may be read: the glass was broken for them, or it was written
    /// since the lease is over.
    pub(crate) fn opens(&self, person: Option<Uuid>, record: Uuid) -> bool {
        person.is_some_and(|person| self.persons.contains(&person)) || self.is_new(record)
    }

    fn is_new(&self, record: Uuid) -> bool {
        let written = record.get_timestamp().map(|time| time.to_unix()).map_or(0, |(seconds, nanos)| i64::try_from(seconds).unwrap_or(0).saturating_mul(1_000_000) + i64::from(nanos / 1_000));
        written >= self.over_since.0
    }
}

/// Refuses a command that the lease does not allow now. A request that does not fit its command is
/// left for the command to refuse.
pub(crate) fn gate(unlocked: &Unlocked, command: &str, request: &Json) -> Result<(), DeskError> {
    let Some(lease) = unlocked.vault.lease()? else { return Ok(()) };
    if lease.is_due && unlocked.alarm.is_none() && let Err(error) = unlocked.vault.note_time() {
        tracing::warn!(%error, "the time could not be written down");
    }
    match lease.standing() {
        Standing::Running => Ok(()),
        _ if ALWAYS.contains(&command) => Ok(()),
        Standing::Locked => Err(DeskError::new(Code::LeaseLocked, "This computer was without contact to the centre for too long, and the vault is locked. Synchronize, or open it with the recovery code. Nothing was deleted.")),
        Standing::Over if CAPTURE.contains(&command) || may_read(unlocked, command, request)? => Ok(()),
        Standing::Over => Err(DeskError::new(Code::LeaseOver, "This computer was without contact to the centre for too long. New records can be written; to read earlier ones, synchronize, or break the glass for one person.")),
    }
}

fn may_read(unlocked: &Unlocked, command: &str, request: &Json) -> Result<bool, DeskError> {
    let Some(reach) = Reach::of(unlocked)? else { return Ok(true) };
    let id = |name: &str| request[name].as_str().and_then(|text| Uuid::parse_str(text).ok());
    let person = |name: &str| id(name).is_none_or(|person| reach.opens(Some(person), person));
    let record = |entity: &str| -> Result<bool, DeskError> {
        let (Some(id), Some(entity)) = (id("id"), catalogue().get(entity)) else { return Ok(true) };
        let Some(row) = unlocked.vault.read(|read| read.stored(entity, id))? else { return Ok(true) };
        let person = (row.unit.kind == UnitKind::Person).then_some(row.unit.id);
        let open = match entity.name.as_str() {
            "responses" => command == "responses.state" && row.row.text("status") == "in_progress",
            "crisis_detections" => row.row.text("status") == "open",
            _ => is_reference(&entity.name),
        };
        Ok(open || reach.opens(person, id))
    };
    match command {
        "people.profile" | "people.update" => Ok(person("id")),
        "team.of" | "files.list" => Ok(person("person") && record(request["entity"].as_str().unwrap_or_default())?),
        "files.get" | "files.save" | "files.fetch" | "files.stop" | "files.remove" => record("attachments"),
        "responses.trend" => Ok(person("person_id")),
        "responses.state" | "responses.result" | "responses.amend" => record("responses"),
        "alerts.get" | "alerts.act" => record("crisis_detections"),
        "calendar.move" | "calendar.cancel" | "calendar.mark" => record("appointments"),
        "records.get" | "records.history" | "records.update" | "records.enter_in_error" => record(request["entity"].as_str().unwrap_or_default()),
        "records.list" => Ok(is_reference(request["entity"].as_str().unwrap_or_default())),
        _ => Ok(false),
    }
}

/// Whether rows of this kind are about nobody: reference data, whichever row it is.
fn is_reference(entity: &str) -> bool {
    catalogue().get(entity).is_some_and(|entity| entity.unit.iter().all(|rule| matches!(rule.source, UnitSource::Platform)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_name_commands_that_there_are_and_none_twice() {
        for name in ALWAYS.iter().chain(CAPTURE) {
            assert!(crate::find(name).is_some_and(|command| command.access == crate::Access::Unlocked), "{name}");
            assert_eq!(ALWAYS.iter().chain(CAPTURE).filter(|other| *other == name).count(), 1, "{name}");
        }
    }

    #[test]
    fn reference_data_is_about_nobody() {
        let check = |entity: &str, is: bool| assert_eq!(is_reference(entity), is, "{entity}");
        check("crisis_resources", true);
        check("settings", true);
        check("users", false);
        check("appointments", false);
        check("no_such_kind", false);
    }
}
