//! The log as it is kept: what one mutation tells the holders of one unit is one record, so that a
//! mutation of ten rows is one line in the store and not ten.
//!
//! A record's lines are bytes behind one that says their form. Form 0 has for each line: its place as
//! 4 bytes, entity as 2, id as 16, length of the news as 4 (all big endian), and the news; so that a
//! step of a migration can write it in SQL. Form 1 is the same, compressed.

use std::collections::BTreeSet;

use gladstone_model::Unit;
use gladstone_protocol::{RowsDigest, wire::RowKey};
use uuid::Uuid;

use super::{LogAsk, LogLine, LogPart, Touched, rest};
use crate::error::EngineError;

/// Lines lie as they are.
const PLAIN: u8 = 0;
/// Lines are compressed.
const PACKED: u8 = 1;
/// Bytes of a line before its news.
const HEAD: usize = 26;

/// What one mutation tells the holders of one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// Commit number of the mutation.
    pub g: u64,
    /// Place of its first line in the mutation.
    pub at: u32,
    /// Unit by which laptops are told.
    pub unit: Unit,
    /// The mutation.
    pub mutation: Uuid,
    /// By how much the mutation moved the digest of this unit.
    pub shift: Option<RowsDigest>,
    /// The lines, as this module writes them.
    pub lines: Vec<u8>,
}

/// Lines as records; those of one mutation stand together.
///
/// # Errors
/// [`EngineError::Refused`] when news are larger than any may be.
pub fn records(lines: &[LogLine]) -> Result<Vec<LogRecord>, EngineError> {
    let mut records: Vec<LogRecord> = Vec::new();
    // Where the records of the mutation at hand begin: a few units, so they are looked through.
    let mut begun = 0;
    for line in lines {
        if records.last().is_some_and(|last| last.g != line.g) {
            begun = records.len();
        }
        let known = records[begun..].iter_mut().find(|record| record.unit == line.unit);
        let record = match known {
            Some(record) => record,
            None => {
                records.push(LogRecord { g: line.g, at: line.at, unit: line.unit, mutation: line.mutation, shift: None, lines: vec![PLAIN] });
                let last = records.len() - 1;
                &mut records[last]
            }
        };
        if let Some(shift) = &line.shift {
            record.shift.get_or_insert_default().join(shift);
        }
        let length = u32::try_from(line.news.len()).map_err(|_| EngineError::Refused("the news of a mutation are too large".into()))?;
        record.lines.extend_from_slice(&line.at.to_be_bytes());
        record.lines.extend_from_slice(&line.key.entity.to_be_bytes());
        record.lines.extend_from_slice(line.key.id.as_bytes());
        record.lines.extend_from_slice(&length.to_be_bytes());
        record.lines.extend_from_slice(&line.news);
    }
    for record in &mut records {
        if let Some(mut packed) = rest::pack(&record.lines[1..])? {
            packed.insert(0, PACKED);
            record.lines = packed;
        }
    }
    Ok(records)
}

/// The lines of a record that stands in the store: entity, id and news of each, by their places.
///
/// # Errors
/// [`EngineError::Damaged`] when they are none.
pub fn lines(stored: &[u8]) -> Result<Vec<(u32, RowKey, Vec<u8>)>, EngineError> {
    let mut found = Vec::new();
    each(stored, |at, key, news| found.push((at, key, news.to_vec())))?;
    Ok(found)
}

/// The rows that a record is about.
///
/// # Errors
/// [`EngineError::Damaged`] when it cannot be read.
pub fn keys(stored: &[u8]) -> Result<Vec<RowKey>, EngineError> {
    let mut found = Vec::new();
    each(stored, |_, key, _| found.push(key))?;
    Ok(found)
}

/// A record as the lines of the log that it stands for. The move of the digest is on the first.
///
/// # Errors
/// [`EngineError::Damaged`] when it cannot be read.
pub fn told(record: LogRecord) -> Result<Vec<LogLine>, EngineError> {
    let mut shift = record.shift;
    let line = |(at, key, news)| LogLine { g: record.g, at, unit: record.unit, key, mutation: record.mutation, news, shift: shift.take() };
    Ok(lines(&record.lines)?.into_iter().map(line).collect())
}

/// Notes what a record touches: its unit, and rows that are of these entities.
///
/// # Errors
/// [`EngineError::Damaged`] when it cannot be read.
pub fn note(touched: &mut (BTreeSet<Unit>, BTreeSet<RowKey>), unit: Unit, stored: &[u8], entities: &[u16]) -> Result<(), EngineError> {
    touched.0.insert(unit);
    touched.1.extend(keys(stored)?.into_iter().filter(|key| entities.contains(&key.entity)));
    Ok(())
}

/// What was noted, with the laptops concerned; none when it is more than `limit` of a kind.
pub fn noted(touched: (BTreeSet<Unit>, BTreeSet<RowKey>), devices: Vec<Uuid>, limit: usize) -> Option<Touched> {
    let fits = [touched.0.len(), touched.1.len(), devices.len()].iter().all(|count| *count <= limit);
    fits.then(|| Touched { units: touched.0.into_iter().collect(), rows: touched.1.into_iter().collect(), devices })
}

/// Lines until there are enough, and then the rest of their mutation; records come by commit number.
pub struct Gathered {
    part: LogPart,
    bytes: usize,
    most_bytes: usize,
    most_lines: usize,
    to_g: u64,
}

impl Gathered {
    /// Begins what was asked for.
    pub fn new(ask: &LogAsk<'_>) -> Gathered {
        Gathered { part: LogPart { lines: Vec::new(), through_g: ask.after_g }, bytes: 0, most_bytes: ask.bytes, most_lines: ask.lines, to_g: ask.to_g }
    }

    /// Whether there is enough, and nothing of the mutation `g` is among it.
    pub fn is_full_before(&self, g: u64) -> bool {
        self.is_full() && g > self.part.through_g
    }

    /// Whether there is enough, but for the rest of the last mutation.
    pub fn is_full(&self) -> bool {
        self.bytes > self.most_bytes || self.part.lines.len() >= self.most_lines
    }

    /// Takes the lines of a record.
    ///
    /// # Errors
    /// [`EngineError::Damaged`] when it cannot be read.
    pub fn take(&mut self, record: LogRecord) -> Result<(), EngineError> {
        self.part.through_g = record.g;
        let begun = self.part.lines.len();
        self.part.lines.extend(told(record)?);
        self.bytes += self.part.lines[begun..].iter().map(|line| line.news.len()).sum::<usize>();
        Ok(())
    }

    /// What there is, up to its last mutation.
    pub fn done(mut self) -> LogPart {
        // Lines of several units were told in turn.
        self.part.lines.sort_by_key(|line| (line.g, line.at));
        self.part
    }

    /// What there is, and nothing more in the range that was asked for.
    pub fn all(self) -> LogPart {
        let to_g = self.to_g;
        LogPart { through_g: to_g, ..self.done() }
    }
}

fn each(stored: &[u8], mut f: impl FnMut(u32, RowKey, &[u8])) -> Result<(), EngineError> {
    let damaged = || EngineError::Damaged("a part of the log cannot be read".into());
    let unpacked;
    let mut rest = match stored.split_first() {
        Some((&PLAIN, rest)) => rest,
        Some((&PACKED, packed)) => {
            unpacked = rest::unpack(packed).ok_or_else(damaged)?;
            unpacked.as_slice()
        }
        _ => return Err(damaged()),
    };
    while !rest.is_empty() {
        let (head, behind) = rest.split_first_chunk::<HEAD>().ok_or_else(damaged)?;
        let number = |from: usize| u32::from_be_bytes([head[from], head[from + 1], head[from + 2], head[from + 3]]);
        let length = usize::try_from(number(22)).map_err(|_| damaged())?;
        let (news, next) = behind.split_at_checked(length).ok_or_else(damaged)?;
        let id = Uuid::from_slice(&head[6..22]).map_err(|_| damaged())?;
        f(number(0), RowKey { entity: u16::from_be_bytes([head[4], head[5]]), id }, news);
        rest = next;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use gladstone_model::unit::UnitKind;

    use super::*;

    fn line(g: u64, at: u32, unit: u128, news: Vec<u8>) -> LogLine {
        let shift = at.is_multiple_of(3).then(RowsDigest::default);
        LogLine { g, at, unit: Unit { kind: UnitKind::Person, id: Uuid::from_u128(unit) }, key: RowKey { entity: 300 + at as u16, id: Uuid::from_u128(u128::from(at) << 64 | 7) }, mutation: Uuid::from_u128(9), news, shift }
    }

    #[test]
    fn a_record_for_each_mutation_and_unit_gives_back_every_line() {
        let all = vec![line(1, 0, 1, vec![1; 3]), line(1, 1, 2, vec![]), line(1, 2, 1, vec![7; 4_000]), line(2, 0, 1, (0..=255).collect()), line(2, 1, 2, vec![2])];
        let records = records(&all).unwrap();
        assert_eq!(records.iter().map(|record| (record.g, record.at)).collect::<Vec<_>>(), [(1, 0), (1, 1), (2, 0), (2, 1)]);
        assert!(records[0].lines.len() < 200, "what repeats is compressed: {}", records[0].lines.len());
        let mut back: Vec<LogLine> = records.into_iter().flat_map(|record| told(record).unwrap()).collect();
        back.sort_by_key(|line| (line.g, line.at));
        assert_eq!(back, all);
    }

    #[test]
    fn a_record_that_was_cut_or_is_of_another_form_is_damage() {
        for news in [20, 4_000] {
            let stored = records(&[line(1, 0, 1, vec![5; news])]).unwrap().remove(0).lines;
            for length in 0..stored.len() {
                // Behind the byte that says the form nothing is no line.
                let cut = lines(&stored[..length]);
                assert!(cut.is_err() || length == 1 && cut == Ok(Vec::new()), "{news}: cut after {length}");
            }
        }
        assert!(lines(&[2, 0, 0]).is_err(), "another form");
    }
}
