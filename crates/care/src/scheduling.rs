//! Appointments beside one another: which overlap and why, and where there is room instead. Says
//! what is so and never forbids: people are double-booked on purpose too.

use chrono::{DateTime, Datelike, Duration, NaiveTime, TimeZone, Utc, Weekday};
use unicode_normalization::UnicodeNormalization;

/// A stretch of time; `end` is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first instant.
    pub start: DateTime<Utc>,
    /// The first instant after it.
    pub end: DateTime<Utc>,
}

impl Span {
    /// Whether the two share any time. Back to back is no overlap.
    pub fn overlaps(&self, other: &Span) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// How long it is.
    pub fn length(&self) -> Duration {
        self.end - self.start
    }
}

/// What an appointment takes up besides time. `Id` is whatever tells persons apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking<Id> {
    /// When.
    pub span: Span,
    /// Whose calendar it is in.
    pub trainer: Option<Id>,
    /// Whom it is for.
    pub person: Option<Id>,
    /// Where, as written.
    pub place: String,
}

/// What two appointments both need at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shared {
    /// The same member of staff.
    Trainer,
    /// The same person.
    Person,
    /// The same room.
    Place,
}

/// What two appointments both need at the same time; empty when they do not meet.
pub fn overlap<Id: PartialEq>(a: &Booking<Id>, b: &Booking<Id>) -> Vec<Shared> {
    if !a.span.overlaps(&b.span) {
        return Vec::new();
    }
    let same = |x: &Option<Id>, y: &Option<Id>| x.is_some() && x == y;
    let mut shared = Vec::new();
    if same(&a.trainer, &b.trainer) {
        shared.push(Shared::Trainer);
    }
    if same(&a.person, &b.person) {
        shared.push(Shared::Person);
    }
    if room(&a.place).is_some_and(|room_of_a| room(&b.place) == Some(room_of_a)) {
        shared.push(Shared::Place);
    }
    shared
}

/// Words for where somebody is who needs no room of ours: two may well be there at once.
const NO_ROOM: [&str; 18] = [
    "at home", "home", "home visit", "phone", "by phone", "telephone", "by telephone", "phone call", "online", "video", "video call", "outside", "zu hause", "hausbesuch", "telefon", "telefonisch", "videoanruf", "draußen",
];

/// The name by which a room is told from others: without regard to capitals, accents' form and
/// spaces. None for an empty text and for places that are no room of ours.
pub fn room(place: &str) -> Option<String> {
    let name = place.nfc().collect::<String>().to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    (!name.is_empty() && !NO_ROOM.contains(&name.as_str())).then_some(name)
}

/// Hours in which appointments are proposed, by the local clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkingHours {
    /// Opening; at least so late is an appointment proposed.
    pub from: NaiveTime,
    /// Closing; a proposed appointment ends at the latest then.
    pub to: NaiveTime,
    /// Whether Saturday and Sunday are working days.
    pub weekend: bool,
}

/// Appointments are proposed on these minutes of the hour.
const STEP_MINUTES: i64 = 15;
/// Days before and after the wanted one that are searched.
const SEARCH_DAYS: i64 = 14;

/// Up to `count` free spans of the same length as `wanted`, those nearest to it, in their order in
/// time. `busy` are all bookings that must not be met (the caller leaves out what may be met);
/// nothing before `earliest` is proposed. The working hours are those of the clock in `zone`, so a
/// day on which the clocks change has the right ones.
pub fn free_spans<Z: TimeZone>(wanted: Span, busy: &[Span], earliest: DateTime<Utc>, hours: WorkingHours, zone: &Z, count: usize) -> Vec<Span> {
    let length = wanted.length();
    if length <= Duration::zero() {
        return Vec::new();
    }
    let day = wanted.start.with_timezone(zone).date_naive();
    let mut found: Vec<Span> = Vec::new();
    for away in 0..=SEARCH_DAYS {
        let sides = if away == 0 { vec![0] } else { vec![-away, away] };
        for offset in sides {
            let Some(date) = day.checked_add_signed(Duration::days(offset)) else { continue };
            let off = matches!(date.weekday(), Weekday::Sat | Weekday::Sun) && !hours.weekend;
            if off && offset != 0 {
                continue;
            }
            // A time that the clocks skip does not exist; of one that comes twice the first is meant.
            let at = |time: NaiveTime| zone.from_local_datetime(&date.and_time(time)).earliest().map(|local| local.with_timezone(&Utc));
            let (Some(open), Some(close)) = (at(hours.from), at(hours.to)) else { continue };
            let mut start = open;
            while start + length <= close {
                let span = Span { start, end: start + length };
                if span.start >= earliest && span != wanted && !busy.iter().any(|taken| taken.overlaps(&span)) {
                    found.push(span);
                }
                start += Duration::minutes(STEP_MINUTES);
            }
        }
        // Days further away only hold what is further away than a whole day.
        if nearest(&found, wanted, count).len() == count && away > 0 {
            break;
        }
    }
    let mut chosen = nearest(&found, wanted, count);
    chosen.sort();
    chosen
}

/// The nearest spans that do not overlap one another, so that they are real alternatives.
fn nearest(found: &[Span], wanted: Span, count: usize) -> Vec<Span> {
    let mut by_distance = found.to_vec();
    by_distance.sort_by_key(|span| ((span.start - wanted.start).abs(), span.start));
    let mut chosen: Vec<Span> = Vec::new();
    for span in by_distance {
        if chosen.len() < count && !chosen.iter().any(|other| other.overlaps(&span)) {
            chosen.push(span);
        }
    }
    chosen
}
