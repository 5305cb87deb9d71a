//! How long a laptop may work without contact, by a clock that does not go back.
//!
//! The centre says how long, and signs it: a session brings a lease for this laptop. Its key is taken
//! when it is told for the first time, and from then on nothing else renews a lease. A vault that was
//! never told a key goes by the days that enrolment named, from pull to pull.
//!
//! Time passes by the greatest of three: the latest time ever seen, the stamps of what was written
//! since the last contact, and how far the wall clock has gone on since it was last looked at. A clock
//! that is set back stops time for a moment, and from there on it goes on counting.

use gladstone_model::{Instant, catalogue, unit::UnitKind};
use gladstone_protocol::{Event, EventAction, SignedLease, clock, entry::Body, lease::LEASE_DAYS};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::{
    error::VaultError,
    inside::Inside,
    replica::{answers, base::unreadable, joined::Held, told},
    vault::Vault,
};

/// Days after the end of the lease from which on the vault is locked until contact.
pub const LOCKED_AFTER_DAYS: i64 = 30;
/// Hours for which a person's records may be read once the glass is broken.
pub const GLASS_HOURS: i64 = 4;
/// How far the wall clock goes before the time is written down, in microseconds.
const NOTE_AFTER: i64 = 60_000_000;
const DAY: i64 = 86_400;
/// How old a lease is when a contact that brought nothing else renews it, in microseconds: an hour.
const RENEW_AFTER: u64 = 3_600_000_000;

/// Where a lease stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Everything may be done.
    Running,
    /// What is new may be written; what is here may be read of one person at a time, with a reason.
    Over,
    /// Nothing before contact, or before the vault is opened with its recovery code.
    Locked,
}

/// The lease of a laptop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The time by which it is counted; by the centre's clock.
    pub now: Instant,
    /// When the centre was last reached.
    pub since: Instant,
    /// When it ends.
    pub until: Instant,
    /// From when on the vault is locked.
    pub locked_from: Instant,
    /// Persons whose records may be read all the same, until when and why.
    pub glass: Vec<Glass>,
    /// Whether the time should be written down by [`Vault::note_time`].
    pub is_due: bool,
}

/// What became of a lease that a session brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseTaken {
    /// It counts from now on.
    Taken,
    /// It is of a history that this laptop does not know yet: the next one counts.
    NotYet,
    /// It does not count, and why; that stands in the log.
    Refused(&'static str),
}

/// A person whose records may be read although the lease is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glass {
    /// The person.
    pub person: Uuid,
    /// Until when, by the time of the lease.
    pub until: Instant,
    /// Why.
    pub reason: String,
}

impl Lease {
    /// Where it stands.
    pub fn standing(&self) -> Standing {
        match self.now {
            now if now < self.until => Standing::Running,
            now if now < self.locked_from => Standing::Over,
            _ => Standing::Locked,
        }
    }
}

/// The row of the table `lease`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Clock {
    since: i64,
    seen: i64,
    wall: i64,
    hlc: u64,
    reprieve: Option<i64>,
}

impl Clock {
    /// The time now. `wall`: what the clock shows; `hlc`: the last stamp.
    fn time(&self, wall: Instant, hlc: u64) -> i64 {
        let by_wall = self.seen.saturating_add(wall.0.saturating_sub(self.wall).max(0));
        // A stamp that was ahead of the centre's clock already at the contact says nothing.
        let may_follow = clock::may_follow(self.hlc, Instant(self.since)) && hlc > self.hlc;
        let by_stamp = if may_follow { i64::try_from(clock::millis(hlc)).unwrap_or(0).saturating_mul(1_000) } else { 0 };
        by_wall.max(by_stamp)
    }

    /// Whether the wall clock has moved so far, to either side, that it should be written down.
    fn is_due(&self, wall: Instant) -> bool {
        wall.0.abs_diff(self.wall) >= NOTE_AFTER.unsigned_abs()
    }
}

/// The row and the days of the lease; none in a vault that works alone. A vault that had its last
/// contact before there was such a row goes by its own clock.
fn load(connection: &Connection) -> Result<Option<(Clock, i64)>, VaultError> {
    let sql = "SELECT coalesce(l.since, r.last_pull, r.joined_at), coalesce(l.seen, r.last_pull, r.joined_at), coalesce(l.wall, r.last_pull, r.joined_at), coalesce(l.hlc, v.hlc), l.reprieve, coalesce(k.days, r.lease_days)
        FROM replica r JOIN vault_state v LEFT JOIN lease l LEFT JOIN centre_key k";
    let read = |row: &rusqlite::Row<'_>| Ok((Clock { since: row.get(0)?, seen: row.get(1)?, wall: row.get(2)?, hlc: row.get::<_, i64>(3)? as u64, reprieve: row.get(4)? }, row.get(5)?));
    Ok(connection.prepare_cached(sql)?.query_row([], read).optional()?)
}

fn save(connection: &Connection, clock: &Clock) -> Result<(), VaultError> {
    let sql = "INSERT OR REPLACE INTO lease (one, since, seen, wall, hlc, reprieve) VALUES (1, ?1, ?2, ?3, ?4, ?5)";
    connection.prepare_cached(sql)?.execute(params![clock.since, clock.seen, clock.wall, clock.hlc as i64, clock.reprieve])?;
    Ok(())
}

/// The centre was reached: where it signs no leases, the lease begins anew at the centre's time.
pub(crate) fn renew(inside: &Inside<'_>, now: Instant, server_time: Instant) -> Result<(), VaultError> {
    if !answers::is_credible(server_time) || pinned(inside.connection)?.is_some() {
        return Ok(());
    }
    begin(inside, now, server_time)
}

/// Whether [`renew`] has nothing to write down: it renews nothing, or did so a moment ago by the
/// centre's clock, and what is kept of the clocks leads to the time that the centre tells.
pub(crate) fn runs_on(connection: &Connection, hlc: u64, now: Instant, server_time: Instant) -> Result<bool, VaultError> {
    if !answers::is_credible(server_time) || pinned(connection)?.is_some() {
        return Ok(true);
    }
    let Some((clock, _)) = load(connection)? else { return Ok(false) };
    let glass: bool = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM glass)")?.query_row([], |row| row.get(0))?;
    let recent = server_time.0.abs_diff(clock.since) <= RENEW_AFTER;
    Ok(recent && !glass && clock.reprieve.is_none() && clock.time(now, hlc).abs_diff(server_time.0) < NOTE_AFTER.unsigned_abs())
}

/// The lease begins anew at the centre's time.
fn begin(inside: &Inside<'_>, now: Instant, server_time: Instant) -> Result<(), VaultError> {
    inside.connection.prepare_cached("DELETE FROM glass")?.execute([])?;
    save(inside.connection, &Clock { since: server_time.0, seen: server_time.0, wall: now.0, hlc: inside.state.hlc, reprieve: None })
}

/// The vault joins: whoever hands over a code says anew which centre is to be believed.
pub(crate) fn forget_key(connection: &Connection) -> Result<(), VaultError> {
    connection.execute("DELETE FROM centre_key", [])?;
    Ok(())
}

/// What is known of the centre's key, and the lease that counts.
struct Pinned {
    key: [u8; 32],
    epoch: Uuid,
    issued: i64,
}

fn pinned(connection: &Connection) -> Result<Option<Pinned>, VaultError> {
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?, row.get(2)?));
    let found = connection.prepare_cached("SELECT public_key, epoch, issued FROM centre_key")?.query_row([], read).optional()?;
    let Some((key, epoch, issued)) = found else { return Ok(None) };
    let key = key.try_into().map_err(|_| unreadable())?;
    Ok(Some(Pinned { key, epoch: Uuid::from_slice(&epoch).map_err(|_| unreadable())?, issued }))
}

fn take(inside: &Inside<'_>, given: &SignedLease) -> Result<LeaseTaken, VaultError> {
    let held = Held::required(inside.connection, inside.state.actor)?;
    let known = pinned(inside.connection)?;
    let lease = given.lease;
    let Some(key) = known.as_ref().map(|known| known.key).or_else(|| given.key()) else { return Ok(LeaseTaken::Refused("it names no key")) };
    if !given.is_signed_by(&key) {
        return Ok(LeaseTaken::Refused("it is not signed by the centre that this computer joined"));
    }
    if lease.realm != held.joined.realm || lease.device != inside.state.device {
        return Ok(LeaseTaken::Refused("it is for another computer"));
    }
    if !answers::is_credible(lease.issued) || !LEASE_DAYS.contains(&lease.days) {
        return Ok(LeaseTaken::Refused("its time cannot be"));
    }
    if lease.epoch != held.joined.epoch {
        return Ok(LeaseTaken::NotYet);
    }
    if known.is_some_and(|known| known.epoch == lease.epoch && lease.issued.0 < known.issued) {
        return Ok(LeaseTaken::Refused("it is older than the one that is here"));
    }
    let sql = "INSERT OR REPLACE INTO centre_key (one, public_key, epoch, issued, days) VALUES (1, ?1, ?2, ?3, ?4)";
    inside.connection.prepare_cached(sql)?.execute(params![key, lease.epoch.as_bytes(), lease.issued.0, lease.days])?;
    begin(inside, inside.around.now(), lease.issued)?;
    Ok(LeaseTaken::Taken)
}

impl Vault {
    /// The lease as it stands now, without waiting for whoever writes; none in a vault that works
    /// alone.
    ///
    /// # Errors
    /// What the database says.
    pub fn lease(&self) -> Result<Option<Lease>, VaultError> {
        let wall = self.around().now();
        self.on_reader(|connection| {
            let Some((clock, days)) = load(connection)? else { return Ok(None) };
            let hlc: i64 = connection.prepare_cached("SELECT hlc FROM vault_state")?.query_row([], |row| row.get(0))?;
            let now = Instant(clock.time(wall, hlc as u64));
            let until = Instant(clock.since).plus_seconds(days * DAY);
            let locked_from = until.max(Instant(clock.reprieve.unwrap_or(i64::MIN))).plus_seconds(LOCKED_AFTER_DAYS * DAY);
            let mut statement = connection.prepare_cached("SELECT person, until, reason FROM glass WHERE until > ?1 ORDER BY until")?;
            let read = |row: &rusqlite::Row<'_>| Ok(Glass { person: Uuid::from_slice(&row.get::<_, Vec<u8>>(0)?).unwrap_or_default(), until: Instant(row.get(1)?), reason: row.get(2)? });
            let glass = statement.query_map([now.0], read)?.collect::<Result<_, _>>()?;
            Ok(Some(Lease { now, since: Instant(clock.since), until, locked_from, glass, is_due: clock.is_due(wall) }))
        })
    }

    /// Takes in the lease that a session or enrolment brought. The centre's key is taken with the first
    /// one; what is refused changes nothing.
    ///
    /// # Errors
    /// [`VaultError::NotJoined`], or what the database says.
    pub fn take_lease(&self, given: &SignedLease) -> Result<LeaseTaken, VaultError> {
        self.replicate(|inside| {
            let taken = take(inside, given)?;
            if let LeaseTaken::Refused(why) = taken {
                told::log(inside.connection, inside.around.now(), &format!("The centre gave a lease that is not taken: {why}. The one of before goes on."))?;
            }
            Ok(taken)
        })
    }

    /// Writes down what time it is, so that it cannot be made unseen.
    ///
    /// # Errors
    /// [`VaultError::NotJoined`], or what the database says.
    pub fn note_time(&self) -> Result<(), VaultError> {
        self.replicate(|inside| note(inside).map(|_| ()))
    }

    /// Lets the records of one person be read for [`GLASS_HOURS`] although the lease is over. Takes the
    /// place of another person. An audit event tells that, and why.
    ///
    /// # Errors
    /// [`VaultError::NotJoined`], or what the database says.
    pub fn break_glass(&self, person: Uuid, reason: &str) -> Result<(), VaultError> {
        self.replicate(|inside| {
            let clock = note(inside)?;
            let until = Instant(clock.seen).plus_seconds(GLASS_HOURS * 3_600);
            inside.connection.execute("DELETE FROM glass", [])?;
            inside.connection.execute("INSERT INTO glass (person, until, reason) VALUES (?1, ?2, ?3)", params![person.as_bytes(), until.0, reason])?;
            let entity = catalogue().home_of(UnitKind::Person).map_or(0, |entity| entity.no);
            let event = Event { actor: inside.state.actor, wall: inside.around.now(), action: EventAction::BreakGlass, entity, row: person, detail: reason.into() };
            inside.append(Body::Event(event), None)?;
            Ok(())
        })
    }

    /// The vault was opened with its recovery code: it is not locked for another
    /// [`LOCKED_AFTER_DAYS`]. The lease itself goes on only with contact. Nothing in a vault that
    /// works alone.
    ///
    /// # Errors
    /// What the database says.
    pub fn reprieve(&self) -> Result<(), VaultError> {
        if self.lease()?.is_none() {
            return Ok(());
        }
        self.replicate(|inside| {
            let clock = note(inside)?;
            save(inside.connection, &Clock { reprieve: Some(clock.seen), ..clock })?;
            told::log(inside.connection, inside.around.now(), "Opened with the recovery code.")
        })
    }
}

fn note(inside: &Inside<'_>) -> Result<Clock, VaultError> {
    let (clock, _) = load(inside.connection)?.ok_or(VaultError::NotJoined)?;
    let wall = inside.around.now();
    let clock = Clock { seen: clock.time(wall, inside.state.hlc), wall: wall.0, ..clock };
    save(inside.connection, &clock)?;
    Ok(clock)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_795_000_000_000_000;
    const HOUR: i64 = 3_600_000_000;

    fn stamp(time: i64) -> u64 {
        clock::stamp((time / 1_000).unsigned_abs(), 0)
    }

    #[test]
    fn time_goes_on_whatever_the_clock_is_set_to() {
        let check = |wall: i64, hlc: i64, hours: i64, what: &str| {
            let clock = Clock { since: START, seen: START + 10 * HOUR, wall: START + 10 * HOUR, hlc: stamp(START), reprieve: None };
            assert_eq!(clock.time(Instant(START + wall * HOUR), stamp(START + hlc * HOUR)), START + hours * HOUR, "{what}");
        };
        check(10, 0, 10, "at once");
        check(12, 0, 12, "two hours later");
        check(2, 0, 10, "the clock was set back by eight hours");
        check(2, 11, 11, "set back, but something was written later than that");
        check(-10_000, 0, 10, "set back by years");
        check(20, 11, 20, "the clock is later than what was written");
    }

    #[test]
    fn a_clock_set_back_again_and_again_wins_nothing() {
        let mut clock = Clock { since: START, seen: START, wall: START, hlc: stamp(START), reprieve: None };
        for _ in 0..10 {
            // An hour of work, then back by an hour.
            for wall in [START + HOUR, START] {
                clock = Clock { seen: clock.time(Instant(wall), clock.hlc), wall, ..clock };
            }
        }
        assert_eq!(clock.seen, START + 10 * HOUR);
    }

    #[test]
    fn stamps_that_were_ahead_at_the_contact_do_not_end_the_lease() {
        let poisoned = Clock { since: START, seen: START, wall: START, hlc: stamp(START + 10_000 * HOUR), reprieve: None };
        assert_eq!(poisoned.time(Instant(START + HOUR), poisoned.hlc + 1), START + HOUR);
    }
}
