//! Who looks after a person: the colleagues whose laptops hold the record once it is synchronized.

use gladstone_model::{Row, Value};
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
        /// The relation, to be ended.
        pub relation: Uuid,
        /// Since when, as a date.
        pub since: String,
        /// Whether that is whoever asks.
        pub is_me: bool,
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

    /// A relation that ends.
    pub struct EndMember {
        /// The relation.
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
    let me = desk.with_unlocked(|unlocked| Ok(unlocked.vault.state().actor))?;
    desk.read(|read| {
        let mut members = Vec::new();
        for relation in standing(read, request.person)? {
            let Some(user) = relation.uuid("therapist_id").map(|id| read.get("users", id)).transpose()?.flatten() else { continue };
            let since = relation.get("start_date").as_date().map(|date| date.to_string()).unwrap_or_default();
            members.push(Member { is_me: user.id() == me, colleague: colleague(&user), relation: relation.id(), since });
        }
        let staff = Query::default().and("role", gladstone_store::Match::In(STAFF.iter().map(|role| Value::text(role)).collect())).sorted("name", false).limit(500);
        let free = |user: &Row| user.id() != request.person && !members.iter().any(|member| member.colleague.id == user.id());
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
        if standing(tx.read(), request.person)?.iter().any(|relation| relation.uuid("therapist_id") == Some(request.colleague)) {
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
    desk.commit(purpose, |tx| Ok(tx.update("therapeutic_relationships", request.relation, [("status", Value::text("ended")), ("end_date", tx.now().date().into())]).map(|_| ())?))?;
    Ok(Done::YES)
}

fn standing(read: Reader<'_>, person: Uuid) -> Result<Vec<Row>, DeskError> {
    Ok(read.list("therapeutic_relationships", &Query::by("patient_id", person).and("status", gladstone_store::Match::Is("active".into())).sorted("start_date", false).limit(200))?)
}

fn colleague(user: &Row) -> Colleague {
    Colleague { id: user.id(), name: user.text("name").into(), role: user.text("role").into() }
}
