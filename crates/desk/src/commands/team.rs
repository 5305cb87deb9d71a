//! Who looks after a person: the colleagues whose laptops hold the record once it is synchronized, by a
//! relation, as the trainer of a service, or by a right that somebody gave them.

use gladstone_model::{Instant, Row, Unit, Value, unit::UnitKind};
use gladstone_store::{Query, Reader};
use uuid::Uuid;

use super::{app::Done, wire};
use crate::{desk::Desk, error::{Code, DeskError}};

/// Roles of people who work for an organization.
const STAFF: [&str; 6] = ["super_admin", "admin", "staff", "manager", "trainer", "therapist"];

wire! {
    /// A person.
    pub struct TeamRequest {
        /// The person.
        pub person: Uuid,
    }

    /// Who looks after a person, and who could.
    pub struct Team {
        /// Who does, the longest first.
        pub members: Vec<Member>,
        /// Colleagues who do not yet, by name.
        pub colleagues: Vec<Colleague>,
    }

    /// Somebody who looks after a person.
    pub struct Member {
        /// Who.
        pub colleague: Colleague,
        /// Where that stands, to be ended: a relation, a service, or a grant.
        pub relation: Uuid,
        /// Since when, as a date.
        pub since: String,
        /// Whether that is whoever asks.
        pub is_me: bool,
        /// What a grant allows; none for who looks after the person without one.
        pub right: Option<Right>,
        /// Until when a grant is good, as a date; none without an end.
        pub until: Option<String>,
    }

    /// What a grant allows.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum Right {
        /// To read.
        Read,
        /// To read and write.
        Write,
        /// To give it to others as well.
        Manage,
    }

    /// Somebody of the organization.
    pub struct Colleague {
        /// The id.
        pub id: Uuid,
        /// The name.
        pub name: String,
        /// The role.
        pub role: String,
    }

    /// A colleague who is to look after a person as well.
    pub struct AddMember {
        /// The person.
        pub person: Uuid,
        /// The colleague.
        pub colleague: Uuid,
    }

    /// What ends.
    pub struct EndMember {
        /// The relation, the service, or the grant.
        pub relation: Uuid,
        /// Why.
        pub reason: String,
    }
}

/// See the command list.
///
/// # Errors
/// The vault is locked.
pub fn of(desk: &Desk, request: TeamRequest) -> Result<Team, DeskError> {
    let (me, now) = desk.with_unlocked(|unlocked| Ok((unlocked.vault.state().actor, unlocked.vault.around().now())))?;
    desk.read(|read| {
        let mut members = Vec::new();
        for found in standing(read, request.person, now)? {
            let Some(user) = read.get("users", found.who)? else { continue };
            members.push(Member { is_me: user.id() == me, colleague: colleague(&user), relation: found.row, since: found.since.unwrap_or_default(), right: found.right, until: found.until });
        }
        let staff = Query::default().and("role", gladstone_store::Match::In(STAFF.iter().map(|role| Value::text(role)).collect())).sorted("name", false).limit(500);
        // Who may only read by a grant can still be entrusted with the person.
        let free = |user: &Row| user.id() != request.person && !members.iter().any(|member| member.right.is_none() && member.colleague.id == user.id());
        let colleagues = read.list("users", &staff)?.iter().filter(|user| free(user)).map(colleague).collect();
        Ok(Team { members, colleagues })
    })
}

/// See the command list.
///
/// # Errors
/// Somebody who is no colleague, or looks after the person already.
pub fn add(desk: &Desk, request: AddMember) -> Result<Team, DeskError> {
    desk.commit("team.add", |tx| {
        let user = tx.read().require("users", request.colleague)?;
        if !STAFF.contains(&user.text("role")) || request.colleague == request.person {
            return Err(DeskError::field("colleague", "Choose somebody who works for the organization."));
        }
        if standing(tx.read(), request.person, tx.now())?.iter().any(|found| found.right.is_none() && found.who == request.colleague) {
            return Err(DeskError::new(Code::Conflict, format!("{} looks after this person already.", user.text("name"))));
        }
        let values = [("therapist_id", request.colleague.into()), ("patient_id", request.person.into()), ("relationship_type", Value::text(user.text("role"))), ("start_date", tx.now().date().into())];
        tx.create("therapeutic_relationships", values)?;
        Ok(())
    })?;
    of(desk, TeamRequest { person: request.person })
}

/// See the command list.
///
/// # Errors
/// No reason, or the relation is not on this computer.
pub fn end(desk: &Desk, request: EndMember) -> Result<Done, DeskError> {
    if request.reason.trim().is_empty() {
        return Err(DeskError::field("reason", "Say why, so that the colleague can be told."));
    }
    let purpose = gladstone_vault::Purpose { command: "team.end".into(), reason: Some(request.reason.clone()) };
    desk.commit(purpose, |tx| {
        let is_a = |entity: &str| tx.read().get(entity, request.relation).map(|row| row.is_some());
        if is_a("grants")? {
            tx.update("grants", request.relation, [("valid_to", tx.now().into())])?;
        } else if is_a("beneficiaries")? {
            tx.update("beneficiaries", request.relation, [("status", Value::text("completed"))])?;
        } else {
            tx.update("therapeutic_relationships", request.relation, [("status", Value::text("ended")), ("end_date", tx.now().date().into())])?;
        }
        Ok(())
    })?;
    Ok(Done::YES)
}

/// A row by which somebody holds a person's record.
struct Standing {
    row: Uuid,
    who: Uuid,
    since: Option<String>,
    right: Option<Right>,
    until: Option<String>,
}

/// The rows by which people hold a person's record now, as the centre's rights have it.
fn standing(read: Reader<'_>, person: Uuid, now: Instant) -> Result<Vec<Standing>, DeskError> {
    let active = |field: &str, sorted: &str| Query::by(field, person).and("status", gladstone_store::Match::Is("active".into())).sorted(sorted, false).limit(200);
    let date = |row: &Row, field: &str| row.get(field).as_date().map(|date| date.to_string());
    let mut found = Vec::new();
    for (entity, about, who, since) in [("therapeutic_relationships", "patient_id", "therapist_id", "start_date"), ("beneficiaries", "user_id", "trainer_id", "enrollment_date")] {
        for row in read.list(entity, &active(about, since))? {
            found.extend(row.uuid(who).map(|who| Standing { row: row.id(), who, since: date(&row, since), right: None, until: None }));
        }
    }
    let unit = Unit { kind: UnitKind::Person, id: person };
    for row in read.list("grants", &Query::by("granted_unit", Value::text(&unit.to_string())).sorted("valid_from", false).limit(200))? {
        let until = row.get("valid_to").as_instant();
        let right = match row.text("role") {
            "read" => Right::Read,
            "write" => Right::Write,
            _ => Right::Manage,
        };
        let day = |time: Instant| time.date().to_string();
        if until.is_none_or(|until| now < until) {
            found.extend(row.uuid("user_id").map(|who| Standing { row: row.id(), who, since: row.get("valid_from").as_instant().map(day), right: Some(right), until: until.map(day) }));
        }
    }
    Ok(found)
}

fn colleague(user: &Row) -> Colleague {
    Colleague { id: user.id(), name: user.text("name").into(), role: user.text("role").into() }
}
