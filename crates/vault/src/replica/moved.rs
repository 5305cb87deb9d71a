//! What went out and came in, as one line of the log: "Sent 3, received 12." What moves within a
//! quarter of an hour goes into one line, so that busy hours do not push everything else out.

use gladstone_model::Instant;
use gladstone_protocol::wire::PullAnswer;
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use crate::{error::VaultError, inside::Inside, replica::told};

/// How long one line grows, in microseconds.
const GROWS: i64 = 900_000_000;

/// Notes the mutations among the entries of this life with these numbers, which the centre judged.
pub(crate) fn sent(inside: &Inside<'_>, numbers: impl Iterator<Item = u64>) -> Result<(), VaultError> {
    let mut is_mutation = inside.connection.prepare_cached("SELECT mutation_id IS NOT NULL FROM chain WHERE dseq = ?1")?;
    let mut count = 0;
    for number in numbers {
        count += u64::from(is_mutation.query_row([(inside.state.life_start + number) as i64], |row| row.get::<_, bool>(0)).optional()? == Some(true));
    }
    note(inside, count, 0)
}

/// Which mutations made or changed the records of an answer: for each record one.
pub(crate) fn mutations(answer: &PullAnswer) -> Vec<Uuid> {
    let changed = answer.changes.iter().flat_map(|change| change.rows.iter().map(|_| change.writer.mutation));
    let paged = answer.grants.iter().flat_map(|grant| &grant.pages).flat_map(|page| page.rows.iter().map(|row| row.row_mid));
    changed.chain(paged).collect()
}

/// Notes records that came, by their [`mutations`]; those of this laptop do not count.
pub(crate) fn received(inside: &Inside<'_>, mutations: &[Uuid]) -> Result<(), VaultError> {
    if mutations.is_empty() {
        return Ok(());
    }
    let end = |least: bool| -> rusqlite::Result<Option<[u8; 16]>> {
        let sql = format!("SELECT {}(mutation_id) FROM chain WHERE g IS NOT NULL", if least { "min" } else { "max" });
        inside.connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))
    };
    // They begin with their time: what is older or newer than all of this laptop's need not be looked up.
    let own = match (end(true)?, end(false)?) {
        (Some(first), Some(last)) => first..=last,
        _ => return note(inside, 0, mutations.len() as u64),
    };
    let mut lookup = inside.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM chain WHERE mutation_id = ?1 AND g IS NOT NULL)")?;
    let (mut last, mut count) = (None, 0);
    // Records of one mutation mostly come together.
    for mutation in mutations {
        let is_own: bool = match last {
            Some((before, is_own)) if before == mutation => is_own,
            _ => own.contains(mutation.as_bytes()) && lookup.query_row([mutation.as_bytes()], |row| row.get(0))?,
        };
        last = Some((mutation, is_own));
        count += u64::from(!is_own);
    }
    note(inside, 0, count)
}

/// Nothing moved: nothing is written.
fn note(inside: &Inside<'_>, sent: u64, received: u64) -> Result<(), VaultError> {
    if sent == 0 && received == 0 {
        return Ok(());
    }
    let now = inside.around.now();
    let last = "SELECT place, at, line FROM sync_log ORDER BY place DESC LIMIT 1";
    let last: Option<(i64, i64, String)> = inside.connection.prepare_cached(last)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    let begun = last.and_then(|(place, at, line)| Some((place, at, read(&line)?))).filter(|(_, at, _)| (0..GROWS).contains(&now.0.saturating_sub(*at)));
    match begun {
        Some((place, _, (before_sent, before_received))) => {
            let line = line(before_sent.saturating_add(sent), before_received.saturating_add(received));
            inside.connection.prepare_cached("UPDATE sync_log SET line = ?2 WHERE place = ?1")?.execute(params![place, line])?;
            Ok(())
        }
        None => told::log(inside.connection, Instant(now.0), &line(sent, received)),
    }
}

fn line(sent: u64, received: u64) -> String {
    match (sent, received) {
        (sent, 0) => format!("Sent {sent}."),
        (0, received) => format!("Received {received}."),
        (sent, received) => format!("Sent {sent}, received {received}."),
    }
}

/// The numbers of a line; none for any other line.
fn read(line: &str) -> Option<(u64, u64)> {
    let bare = line.strip_suffix('.')?;
    match bare.strip_prefix("Sent ") {
        Some(rest) => match rest.split_once(", received ") {
            Some((sent, received)) => Some((sent.parse().ok()?, received.parse().ok()?)),
            None => Some((rest.parse().ok()?, 0)),
        },
        None => Some((0, bare.strip_prefix("Received ")?.parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written_and_other_lines_are_left_alone() {
        for numbers in [(3, 12), (3, 0), (0, 12)] {
            assert_eq!(read(&line(numbers.0, numbers.1)), Some(numbers), "{}", line(numbers.0, numbers.1));
        }
        for other in ["Joined Ashcombe.", "Sent nothing.", "Received", "Sent 3, received many."] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
