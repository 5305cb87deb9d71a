//! The calendar: a week of appointments, booking, moving, cancelling, and what overlaps. Nothing
//! here forbids a double booking; it is shown, and a free time is proposed.

mod known;

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use gladstone_care::scheduling::{self, Booking, Span, WorkingHours};
use gladstone_model::{Instant, Row, Value};
use gladstone_store::Query;
use gladstone_vault::{Purpose, Tx};
use known::{Known, Names, instant, known, known_in, overlap_of, to_appointment, veiled, veiled_overlap};
use uuid::Uuid;

use super::{app::Done, wire};
use crate::{desk::Desk, error::{Code, DeskError}};

/// Free times that are proposed at once.
const PROPOSALS: usize = 3;
/// Days before and after the wanted time in which bookings are looked at for proposals.
const LOOK_DAYS: i64 = 16;
/// Longest appointment: leave of a month is one, a typing mistake in the year is none.
const LONGEST_DAYS: i64 = 62;

wire! {
    /// Which week, and whose.
    pub struct WeekRequest {
        /// Its Monday.
        pub monday: NaiveDate,
        /// Time zone of the person at the screen, for example Europe/London.
        pub zone: String,
        /// Only appointments of this member of staff.
        #[serde(default)]
        pub trainer: Option<Uuid>,
    }

    /// A week of appointments.
    pub struct Week {
        /// Appointments that begin or go on in this week, in their order in time.
        pub appointments: Vec<Appointment>,
        /// Whose calendars there are: everybody who has an appointment in this week, and oneself.
        pub staff: Vec<Staff>,
    }

    /// Somebody who has a calendar.
    pub struct Staff {
        /// The person.
        pub id: Uuid,
        /// The name.
        pub name: String,
        /// Whether it is the person at the screen.
        pub you: bool,
    }

    /// An appointment.
    pub struct Appointment {
        /// Its id.
        pub id: Uuid,
        /// What for.
        pub title: String,
        /// What kind of time it is.
        pub kind: Kind,
        /// Begin.
        pub start: String,
        /// End.
        pub end: String,
        /// Whom it is for.
        pub person_id: Option<Uuid>,
        /// That person's name.
        pub person: String,
        /// In whose calendar it is.
        pub trainer_id: Option<Uuid>,
        /// The name of that member of staff.
        pub trainer: String,
        /// Where.
        pub place: String,
        /// A note.
        pub note: String,
        /// scheduled, completed or cancelled.
        pub status: String,
        /// Time zone in which it was booked; empty when not known.
        pub zone: String,
        /// Appointments that need the same person, member of staff or room at the same time.
        pub overlaps: Vec<Overlap>,
    }

    /// What kind of time an appointment is.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum Kind {
        /// With one person.
        Person,
        /// With a group.
        Group,
        /// One's own: a meeting, a visit, the way.
        Own,
        /// Away: leave, illness.
        Away,
    }

    /// Another appointment at the same time.
    pub struct Overlap {
        /// That appointment.
        pub id: Uuid,
        /// Whom it is for, or what for.
        pub name: String,
        /// In whose calendar it is.
        pub trainer: String,
        /// Where.
        pub place: String,
        /// Begin.
        pub start: String,
        /// End.
        pub end: String,
        /// What both need.
        pub because: Vec<Because>,
    }

    /// What two appointments both need at the same time.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum Because {
        /// The same member of staff.
        Trainer,
        /// The same person.
        Person,
        /// The same room.
        Place,
    }

    /// An appointment to make.
    pub struct BookRequest {
        /// What kind of time it is.
        pub kind: Kind,
        /// Whom it is for; needed for an appointment with one person.
        #[serde(default)]
        pub person_id: Option<Uuid>,
        /// What for.
        pub title: String,
        /// Begin.
        pub start: String,
        /// End.
        pub end: String,
        /// Time zone in which the time was chosen.
        pub zone: String,
        /// In whose calendar; one's own when not given.
        #[serde(default)]
        pub trainer_id: Option<Uuid>,
        /// Where.
        #[serde(default)]
        pub place: Option<String>,
        /// A note.
        #[serde(default)]
        pub note: Option<String>,
    }

    /// An appointment at another time.
    pub struct MoveRequest {
        /// The appointment.
        pub id: Uuid,
        /// New begin.
        pub start: String,
        /// New end.
        pub end: String,
        /// Time zone in which the time was chosen.
        pub zone: String,
    }

    /// An appointment that does not take place.
    pub struct CancelRequest {
        /// The appointment.
        pub id: Uuid,
        /// Why.
        pub reason: String,
    }

    /// How an appointment stands.
    pub struct MarkRequest {
        /// The appointment.
        pub id: Uuid,
        /// What it becomes.
        pub to: Standing,
    }

    /// How an appointment stands.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum Standing {
        /// It is planned, again perhaps.
        Planned,
        /// It took place.
        Attended,
        /// The person did not come.
        Missed,
    }

    /// A time that somebody is thinking of.
    pub struct OverlapsRequest {
        /// Begin.
        pub start: String,
        /// End.
        pub end: String,
        /// Time zone of the person at the screen.
        pub zone: String,
        /// Whom it would be for.
        #[serde(default)]
        pub person_id: Option<Uuid>,
        /// In whose calendar; one's own when not given.
        #[serde(default)]
        pub trainer_id: Option<Uuid>,
        /// Where.
        #[serde(default)]
        pub place: Option<String>,
        /// The appointment that would be moved; it does not stand in its own way.
        #[serde(default)]
        pub except: Option<Uuid>,
    }

    /// What stands in the way, and when there is room.
    pub struct Room {
        /// Appointments at that time.
        pub overlaps: Vec<Overlap>,
        /// Free times of the same length nearby, in their order.
        pub free: Vec<Slot>,
    }

    /// A stretch of time.
    pub struct Slot {
        /// Begin.
        pub start: String,
        /// End.
        pub end: String,
    }
}

/// See the command list.
///
/// # Errors
/// A date that is no Monday, or an unknown time zone.
pub fn week(desk: &Desk, request: WeekRequest) -> Result<Week, DeskError> {
    let zone = zone_named(&request.zone)?;
    if chrono::Datelike::weekday(&request.monday) != chrono::Weekday::Mon {
        return Err(DeskError::field("monday", "A week begins on a Monday."));
    }
    let next = request.monday.checked_add_days(Days::new(7)).ok_or_else(|| DeskError::field("monday", "There is no such week."))?;
    let span = Span { start: midnight(request.monday, &zone)?, end: midnight(next, &zone)? };
    let (actor, reach) = (desk.actor()?, desk.reach()?);
    desk.read(|read| {
        let mut names = Names::new(read);
        let known = known_in(&mut names, span)?;
        let mut staff: BTreeMap<Uuid, Staff> = BTreeMap::new();
        for id in known.iter().filter_map(|one| one.booking.trainer).chain([actor]) {
            staff.insert(id, Staff { id, name: names.of("users", Some(id))?, you: id == actor });
        }
        let shown = known.iter().filter(|one| request.trainer.is_none() || one.booking.trainer == request.trainer);
        let appointments = shown.map(|one| veiled(reach.as_ref(), to_appointment(one, &known))).collect();
        let mut staff: Vec<Staff> = staff.into_values().collect();
        staff.sort_by(|a, b| (!a.you, &a.name).cmp(&(!b.you, &b.name)));
        Ok(Week { appointments, staff })
    })
}

/// See the command list.
///
/// # Errors
/// An end before the begin, a missing person, or an unknown time zone.
pub fn book(desk: &Desk, request: BookRequest) -> Result<Appointment, DeskError> {
    let span = span_of(&request.start, &request.end)?;
    let zone = zone_named(&request.zone)?;
    if request.kind == Kind::Person && request.person_id.is_none() {
        return Err(DeskError::field("person_id", "Choose whom the appointment is for."));
    }
    let id = desk.commit("calendar.book", |tx| {
        let enrolment = request.person_id.filter(|_| request.kind == Kind::Person).map(|person| enrolment_of(tx, person, &zone)).transpose()?;
        let trainer = request.trainer_id.unwrap_or(tx.actor());
        let mut values = vec![
            ("title", Value::text(request.title.trim())),
            ("trainer_id", trainer.into()),
            ("start_time", instant(span.start).into()),
            ("end_time", instant(span.end).into()),
            ("timezone", Value::text(zone.name())),
            ("location", optional(&request.place)),
            ("notes", optional(&request.note)),
            ("type", Value::text(type_of(request.kind))),
        ];
        if let Some(enrolment) = &enrolment {
            values.push(("beneficiary_id", enrolment.id().into()));
            values.extend(enrolment.uuid("organization_id").map(|organization| ("organization_id", organization.into())));
        }
        Ok(tx.create("appointments", values)?)
    }).map_err(rename_fields)?;
    get(desk, id)
}

/// See the command list.
///
/// # Errors
/// An end before the begin, an unknown time zone, or an appointment that was cancelled.
pub fn shift(desk: &Desk, request: MoveRequest) -> Result<Appointment, DeskError> {
    let span = span_of(&request.start, &request.end)?;
    let zone = zone_named(&request.zone)?;
    desk.commit("calendar.move", |tx| {
        if tx.read().require("appointments", request.id)?.text("status") == "cancelled" {
            return Err(DeskError::new(Code::Conflict, "This appointment is cancelled. Plan it again first, then move it."));
        }
        let values = [("start_time", instant(span.start).into()), ("end_time", instant(span.end).into()), ("timezone", Value::text(zone.name()))];
        Ok(tx.update("appointments", request.id, values)?)
    }).map_err(rename_fields)?;
    get(desk, request.id)
}

/// See the command list.
///
/// # Errors
/// No reason, or it is cancelled already.
pub fn cancel(desk: &Desk, request: CancelRequest) -> Result<Done, DeskError> {
    let reason = request.reason.trim();
    if reason.is_empty() {
        return Err(DeskError::field("reason", "Say why the appointment does not take place."));
    }
    let purpose = Purpose { command: "calendar.cancel".into(), reason: Some(reason.to_owned()) };
    desk.commit(purpose, |tx| {
        if tx.read().require("appointments", request.id)?.text("status") == "cancelled" {
            return Err(DeskError::new(Code::Conflict, "This appointment is cancelled already."));
        }
        Ok(tx.update("appointments", request.id, [("status", "cancelled".into())])?)
    })?;
    Ok(Done::YES)
}

/// See the command list.
///
/// # Errors
/// The appointment is not on this computer.
pub fn mark(desk: &Desk, request: MarkRequest) -> Result<Appointment, DeskError> {
    let status = match request.to {
        Standing::Planned => "scheduled",
        Standing::Attended => "completed",
        Standing::Missed => "no_show",
    };
    desk.commit("calendar.mark", |tx| Ok::<_, DeskError>(tx.update("appointments", request.id, [("status", status.into())])?))?;
    get(desk, request.id)
}

/// See the command list.
///
/// # Errors
/// An end before the begin, or an unknown time zone.
pub fn overlaps(desk: &Desk, request: OverlapsRequest) -> Result<Room, DeskError> {
    let span = span_of(&request.start, &request.end)?;
    let zone = zone_named(&request.zone)?;
    let trainer = Some(match request.trainer_id {
        Some(trainer) => trainer,
        None => desk.actor()?,
    });
    let wanted = Booking { span, trainer, person: request.person_id, place: request.place.unwrap_or_default() };
    let (earliest, reach): (DateTime<Utc>, _) = (desk.now().to_utc(), desk.reach()?);
    desk.read(|read| {
        let mut names = Names::new(read);
        let look = chrono::Duration::days(LOOK_DAYS);
        let near = Span { start: span.start - look, end: span.end + look };
        let known: Vec<Known> = known_in(&mut names, near)?.into_iter().filter(|one| Some(one.row.id()) != request.except && one.counts()).collect();
        let overlaps = known.iter().filter_map(|one| overlap_of(&wanted, one)).map(|one| veiled_overlap(reach.as_ref(), one)).collect();
        // What shares neither staff nor person nor room does not stand in the way at any time.
        let in_the_way = known.iter().filter(|one| !scheduling::overlap(&Booking { span: one.booking.span, ..wanted.clone() }, &one.booking).is_empty());
        let busy: Vec<Span> = in_the_way.map(|one| one.booking.span).collect();
        let hours = WorkingHours { from: hour(8), to: hour(18), weekend: false };
        let free = scheduling::free_spans(span, &busy, earliest, hours, &zone, PROPOSALS);
        Ok(Room { overlaps, free: free.into_iter().map(|span| Slot { start: instant(span.start).to_string(), end: instant(span.end).to_string() }).collect() })
    })
}

fn get(desk: &Desk, id: Uuid) -> Result<Appointment, DeskError> {
    let reach = desk.reach()?;
    desk.read(|read| {
        let mut names = Names::new(read);
        let one = known(&mut names, read.require("appointments", id)?)?;
        let around = known_in(&mut names, one.booking.span)?;
        Ok(veiled(reach.as_ref(), to_appointment(&one, &around)))
    })
}

/// The enrolment of a person, made within this mutation when there is none: an appointment belongs
/// to whoever is served.
fn enrolment_of(tx: &mut Tx<'_>, person: Uuid, zone: &Tz) -> Result<Row, DeskError> {
    tx.read().require("users", person)?;
    if let Some(row) = tx.read().first("beneficiaries", Query::by("user_id", person))? {
        return Ok(row);
    }
    let (actor, today) = (tx.actor(), tx.now().to_utc().with_timezone(zone).date_naive());
    let id = tx.create("beneficiaries", [("user_id", person.into()), ("trainer_id", actor.into()), ("enrollment_date", today.into())])?;
    Ok(tx.read().require("beneficiaries", id)?)
}

fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Person => "person",
        Kind::Group => "group",
        Kind::Own => "own",
        Kind::Away => "away",
    }
}

fn span_of(start: &str, end: &str) -> Result<Span, DeskError> {
    let at = |field: &str, text: &str| Instant::parse(text).map(Instant::to_utc).ok_or_else(|| DeskError::field(field, "This is no point in time."));
    let span = Span { start: at("start", start)?, end: at("end", end)? };
    if span.length() <= chrono::Duration::zero() {
        return Err(DeskError::field("end", "The end must come after the begin."));
    }
    if span.length() > chrono::Duration::days(LONGEST_DAYS) {
        return Err(DeskError::field("end", format!("An appointment is at most {LONGEST_DAYS} days long.")));
    }
    Ok(span)
}

fn zone_named(name: &str) -> Result<Tz, DeskError> {
    name.parse().map_err(|_| DeskError::field("zone", format!("“{name}” is no time zone. An example is Europe/London.")))
}

/// Where a day begins; on the rare days whose midnight the clocks skip, the first time there is.
fn midnight(date: NaiveDate, zone: &Tz) -> Result<DateTime<Utc>, DeskError> {
    let first = (0..4).find_map(|hours| zone.from_local_datetime(&date.and_time(hour(hours))).earliest());
    first.map(|local| local.with_timezone(&Utc)).ok_or_else(|| DeskError::field("monday", "There is no such week."))
}

fn hour(hour: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default()
}

fn optional(text: &Option<String>) -> Value {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map_or(Value::Null, Value::text)
}

/// Faults name columns; the form has names of its own.
fn rename_fields(mut error: DeskError) -> DeskError {
    error.field = error.field.map(|field| match field.as_str() {
        "start_time" => "start".into(),
        "end_time" => "end".into(),
        "location" => "place".into(),
        "notes" => "note".into(),
        _ => field,
    });
    error
}
