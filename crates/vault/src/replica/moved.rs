//! What went out and came in, as one line of the log: "Sent 3, received 12." What moves within a
//! quarter of an hour goes into one line, so that busy hours do not push everything else out.

use gladstone_model::Instant;
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use crate::{error::VaultError, replica::told, vault::Vault};

/// How long one line grows, in microseconds.
const GROWS: i64 = 900_000_000;

impl Vault {
    /// Notes what a flight moved. `sent`: first and last number, in this life, of the entries that the
    /// centre judged; mutations among them count. `received`: for each record that came the mutation it is
    /// of; those of this laptop do not count. Nothing moved: nothing is written.
    ///
    /// # Errors
    /// What the database says.
    pub fn note_moved(&self, sent: Option<(u64, u64)>, received: &[Uuid]) -> Result<(), VaultError> {
        let received = self.of_others(received)?;
        let mutations = match sent {
            Some((first, last)) => self.look(|connection, state| {
                let sql = "SELECT count(*) FROM chain WHERE dseq BETWEEN ?1 AND ?2 AND mutation_id IS NOT NULL";
                let place = |number: u64| (state.life_start + number) as i64;
                Ok(connection.prepare_cached(sql)?.query_row([place(first), place(last)], |row| row.get::<_, i64>(0))?.unsigned_abs())
            })?,
            None => 0,
        };
        if mutations == 0 && received == 0 {
            return Ok(());
        }
        self.replicate(|inside| {
            let now = inside.around.now();
            let last = "SELECT place, at, line FROM sync_log ORDER BY place DESC LIMIT 1";
            let last: Option<(i64, i64, String)> = inside.connection.prepare_cached(last)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
            let begun = last.and_then(|(place, at, line)| Some((place, at, read(&line)?))).filter(|(_, at, _)| (0..GROWS).contains(&now.0.saturating_sub(*at)));
            match begun {
                Some((place, _, (before_sent, before_received))) => {
                    let line = line(before_sent.saturating_add(mutations), before_received.saturating_add(received));
                    inside.connection.prepare_cached("UPDATE sync_log SET line = ?2 WHERE place = ?1")?.execute(params![place, line])?;
                    Ok(())
                }
                None => told::log(inside.connection, Instant(now.0), &line(mutations, received)),
            }
        })
    }
}

impl Vault {
    fn of_others(&self, received: &[Uuid]) -> Result<u64, VaultError> {
        if received.is_empty() {
            return Ok(0);
        }
        self.look(|connection, _| {
            // One snapshot for all of it.
            let snapshot = connection.unchecked_transaction()?;
            let mut own = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM chain WHERE mutation_id = ?1 AND g IS NOT NULL)")?;
            let (mut last, mut count) = (None, 0);
            // Records of one mutation mostly come together.
            for mutation in received {
                let is_own: bool = match last {
                    Some((before, is_own)) if before == mutation => is_own,
                    _ => own.query_row([mutation.as_bytes()], |row| row.get(0))?,
                };
                last = Some((mutation, is_own));
                count += u64::from(!is_own);
            }
            drop(own);
            snapshot.finish()?;
            Ok(count)
        })
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
