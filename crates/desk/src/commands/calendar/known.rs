//! Appointments as they are known here: whom they are for and in whose calendar, which others need the same
//! at the same time, and how much of them may be shown.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use gladstone_care::scheduling::{self, Booking, Shared, Span};
use gladstone_model::{Instant, Row};
use gladstone_store::{Match, Page, Query, Reader};
use uuid::Uuid;

use super::{Appointment, Because, Kind, LONGEST_DAYS, Overlap};
use crate::{error::DeskError, lease::Reach};

/// An appointment with what it needs, as read from the store.
pub(super) struct Known {
    pub(super) row: Row,
    pub(super) booking: Booking<Uuid>,
    person: String,
    trainer: String,
}

impl Known {
    /// Whether it takes up time.
    pub(super) fn counts(&self) -> bool {
        self.row.text("status") != "cancelled"
    }

    fn name(&self) -> String {
        if self.person.is_empty() { self.row.text("title").to_owned() } else { self.person.clone() }
    }
}

/// Names of persons, each read once, and whom an enrolment is of.
pub(super) struct Names<'r> {
    read: Reader<'r>,
    names: HashMap<Uuid, String>,
    persons: HashMap<Uuid, Option<Uuid>>,
}

impl<'r> Names<'r> {
    pub(super) fn new(read: Reader<'r>) -> Names<'r> {
        Names { read, names: HashMap::new(), persons: HashMap::new() }
    }

    pub(super) fn of(&mut self, entity: &str, id: Option<Uuid>) -> Result<String, DeskError> {
        let Some(id) = id else { return Ok(String::new()) };
        if let Some(name) = self.names.get(&id) {
            return Ok(name.clone());
        }
        let name = self.read.get(entity, id)?.map(|row| row.text("name").to_owned()).unwrap_or_default();
        self.names.insert(id, name.clone());
        Ok(name)
    }

    fn person_of(&mut self, enrolment: Uuid) -> Result<Option<Uuid>, DeskError> {
        if let Some(person) = self.persons.get(&enrolment) {
            return Ok(*person);
        }
        let person = self.read.get("beneficiaries", enrolment)?.and_then(|row| row.uuid("user_id"));
        self.persons.insert(enrolment, person);
        Ok(person)
    }
}

/// All appointments that share time with a span, in their order.
pub(super) fn known_in(names: &mut Names<'_>, span: Span) -> Result<Vec<Known>, DeskError> {
    let mut query = Query::default()
        .and("start_time", Match::AtLeast(instant(span.start).plus_seconds(-LONGEST_DAYS * 86_400).into()))
        .and("start_time", Match::Below(instant(span.end).into()))
        .and("end_time", Match::Above(instant(span.start).into()))
        .sorted("start_time", false);
    query.page = Page { offset: 0, limit: 1_000 };
    let mut found = Vec::new();
    loop {
        let rows = names.read.list("appointments", &query)?;
        let last = rows.len() < query.page.limit as usize;
        for row in rows {
            found.push(known(names, row)?);
        }
        if last {
            return Ok(found);
        }
        query.page.offset += query.page.limit;
    }
}

pub(super) fn known(names: &mut Names<'_>, row: Row) -> Result<Known, DeskError> {
    let person = row.uuid("beneficiary_id").map(|enrolment| names.person_of(enrolment)).transpose()?.flatten();
    let at = |field: &str| row.get(field).as_instant().unwrap_or(Instant(0)).to_utc();
    let booking = Booking { span: Span { start: at("start_time"), end: at("end_time") }, trainer: row.uuid("trainer_id"), person, place: row.text("location").to_owned() };
    Ok(Known { person: names.of("users", person)?, trainer: names.of("users", booking.trainer)?, booking, row })
}

/// That time is taken, and by nobody in particular, where the rest may not be read.
pub(super) fn veiled(reach: Option<&Reach>, one: Appointment) -> Appointment {
    let Some(reach) = reach else { return one };
    let overlaps = one.overlaps.into_iter().map(|other| veiled_overlap(Some(reach), other)).collect();
    if reach.opens(one.person_id, one.id) {
        return Appointment { overlaps, ..one };
    }
    Appointment { title: String::new(), person_id: None, person: String::new(), place: String::new(), note: String::new(), overlaps, ..one }
}

pub(super) fn veiled_overlap(reach: Option<&Reach>, one: Overlap) -> Overlap {
    if reach.is_none_or(|reach| reach.opens(None, one.id)) { one } else { Overlap { name: String::new(), place: String::new(), ..one } }
}

pub(super) fn to_appointment(one: &Known, around: &[Known]) -> Appointment {
    let Known { row, booking, .. } = one;
    let others = around.iter().filter(|other| other.row.id() != row.id() && one.counts() && other.counts());
    Appointment {
        id: row.id(),
        title: row.text("title").into(),
        kind: kind_of(row),
        start: instant(booking.span.start).to_string(),
        end: instant(booking.span.end).to_string(),
        person_id: booking.person,
        person: one.person.clone(),
        trainer_id: booking.trainer,
        trainer: one.trainer.clone(),
        place: booking.place.clone(),
        note: row.text("notes").into(),
        status: row.text("status").into(),
        zone: row.text("timezone").into(),
        overlaps: others.filter_map(|other| overlap_of(booking, other)).collect(),
    }
}

pub(super) fn overlap_of(wanted: &Booking<Uuid>, other: &Known) -> Option<Overlap> {
    let because: Vec<Because> = scheduling::overlap(wanted, &other.booking).into_iter().map(|shared| match shared {
        Shared::Trainer => Because::Trainer,
        Shared::Person => Because::Person,
        Shared::Place => Because::Place,
    }).collect();
    let Span { start, end } = other.booking.span;
    let found = Overlap { id: other.row.id(), name: other.name(), trainer: other.trainer.clone(), place: other.booking.place.clone(), start: instant(start).to_string(), end: instant(end).to_string(), because };
    (!found.because.is_empty()).then_some(found)
}

/// The kind of an appointment; those of other systems have types of their own.
fn kind_of(row: &Row) -> Kind {
    match row.text("type") {
        "group" => Kind::Group,
        "away" => Kind::Away,
        _ if row.uuid("beneficiary_id").is_some() => Kind::Person,
        _ => Kind::Own,
    }
}

pub(super) fn instant(at: DateTime<Utc>) -> Instant {
    at.into()
}
