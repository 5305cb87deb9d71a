//! The rows of one unit in the order of their keys, as a first download takes them. One unit is mostly like the other:
//! what the one before it had is asked for at once, in one trip, and only what is more takes others. What is read next
//! is on its way while this is looked at.

use std::collections::{BTreeMap, VecDeque};

use gladstone_model::Unit;
use gladstone_protocol::{RowState, wire::RowKey};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    cells::{damaged, small},
    columns::{Table, table},
    connect::{Ask, Link, Sent},
    fault::Fault,
    read::most,
    shelf::Shelf,
};
use crate::{engine::{UnitRows, weight}, error::EngineError};

/// How many rows are read at a time from one table, once it has more than a few.
const PORTION: i64 = 512;
/// How many rows are read from each of several tables at once.
const FEW: i64 = 16;
/// How many tables are read from at once.
const TABLES_AT_ONCE: usize = 8;
/// About how many bytes most rows are on the wire.
const USUAL_SIZE: usize = 256;

/// What is known of units that are read.
#[derive(Default)]
pub(super) struct Units {
    /// How many rows the last one that was read to its end had of each entity.
    usual: BTreeMap<u16, i64>,
    /// Those that are read next, in their order.
    coming: VecDeque<(Unit, Likely, Sent)>,
}

/// Tables in which a unit likely has rows, and how many of them are asked for.
type Likely = Vec<(&'static Table, i64)>;

impl Units {
    /// Waits until what was sent is here.
    ///
    /// # Errors
    /// That the connection ends.
    pub fn arrive(&mut self, link: &mut Link) -> Result<(), Fault> {
        self.coming.iter_mut().try_for_each(|(.., sent)| link.arrive(sent))
    }
}

/// Rows of one table, the first of its unit or those behind one.
#[derive(Default)]
struct Part {
    states: Vec<RowState>,
    /// So many were asked for: where as many came, more may follow.
    asked: i64,
}

impl Part {
    /// The id behind which more may follow.
    fn goes_on(&self) -> Option<Uuid> {
        self.states.last().filter(|_| most(self.states.len()) >= self.asked).map(|state| state.row.id())
    }
}

impl Shelf<'_> {
    /// Rows of a unit behind `after`, not more than `limit`, and not more than `bytes` unless a single one is.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub fn rows_of_unit(&mut self, unit: Unit, after: Option<RowKey>, limit: usize, bytes: usize) -> Result<UnitRows, EngineError> {
        let realm = self.realm();
        let (tables, mut parts) = self.begin(unit, after, bytes)?;
        let (mut found, mut size) = (Vec::new(), 0_usize);
        for some in tables.chunks(TABLES_AT_ONCE) {
            let behind = |table: &Table| after.filter(|key| key.entity == table.entity.no).map(|key| key.id);
            let new: Vec<&Table> = some.iter().filter(|table| !parts.contains_key(&table.entity.no)).copied().collect();
            let asks: Vec<Ask<'_>> = new.iter().map(|table| table.of_unit(realm, unit, behind(table), FEW)).collect();
            let few = self.states(new.iter().copied(), &asks)?;
            parts.extend(new.iter().zip(few).map(|(table, states)| (table.entity.no, Part { states, asked: FEW })));
            // What has more is asked on at once as well, where all of these have room.
            let begun: Vec<&Part> = some.iter().filter_map(|table| parts.get(&table.entity.no)).collect();
            let more: usize = begun.iter().flat_map(|part| &part.states).map(weight).sum();
            let has_room = size + more <= bytes && found.len() + begun.iter().map(|part| part.states.len()).sum::<usize>() < limit;
            let go_on: Vec<(&Table, Uuid)> = some.iter().zip(begun).filter_map(|(table, part)| Some((*table, part.goes_on().filter(|_| has_room)?))).collect();
            let asks: Vec<Ask<'_>> = go_on.iter().map(|(table, last)| table.of_unit(realm, unit, Some(*last), PORTION)).collect();
            for ((table, _), states) in go_on.iter().zip(self.states(go_on.iter().map(|(table, _)| *table), &asks)?) {
                let part = parts.entry(table.entity.no).or_default();
                part.states.extend(states);
                part.asked += PORTION;
            }
            for table in some {
                let mut part = parts.remove(&table.entity.no).unwrap_or_default();
                loop {
                    let goes_on = part.goes_on();
                    for state in part.states {
                        let more = weight(&state);
                        if !found.is_empty() && size + more > bytes {
                            return Ok(UnitRows { rows: found, ends: false });
                        }
                        size += more;
                        found.push(state);
                        if found.len() >= limit {
                            return Ok(UnitRows { rows: found, ends: false });
                        }
                    }
                    let Some(last) = goes_on else { break };
                    let asked = most(limit - found.len()).min(PORTION);
                    let ask = table.of_unit(realm, unit, Some(last), asked);
                    part = Part { states: self.states([*table], &[ask])?.pop().unwrap_or_default(), asked };
                }
            }
        }
        if after.is_none() {
            self.units.usual.clear();
            found.iter().for_each(|state| *self.units.usual.entry(state.row.entity.no).or_default() += 1);
        }
        Ok(UnitRows { rows: found, ends: true })
    }

    /// Has the beginnings of units fetched, for [`Shelf::rows_of_unit`]; what fails is told there. Not where something is
    /// written: a failure that nobody hears of would end that without a word.
    pub fn fetch(&mut self, units: &[Unit], bytes: usize) {
        for unit in units {
            if self.only_reads && !self.units.coming.iter().any(|(other, ..)| other == unit) {
                let (likely, asks) = self.beginning(*unit, None, bytes);
                if let Ok(sent) = self.link.send(asks) {
                    self.units.coming.push_back((*unit, likely, sent));
                }
            }
        }
    }

    /// The tables that rows of a unit may be in, and the first rows of those in which it likely has some.
    fn begin(&mut self, unit: Unit, after: Option<RowKey>, bytes: usize) -> Result<(Vec<&'static Table>, BTreeMap<u16, Part>), EngineError> {
        let at = self.units.coming.iter().position(|(other, ..)| after.is_none() && *other == unit);
        let fetched = at.and_then(|at| self.units.coming.drain(..=at).next_back());
        let (likely, answers) = match fetched {
            Some((_, likely, sent)) => (likely, self.link.receive(sent).map_err(|fault| self.note(fault))?),
            None => {
                let (likely, asks) = self.beginning(unit, after, bytes);
                (likely, self.run(&asks)?)
            }
        };
        let mut answers = answers.into_iter();
        // No answer is not the answer that there is nothing.
        let tables = answers.next().filter(|_| answers.len() == likely.len()).ok_or_else(|| damaged("an answer"))?.iter().map(|row| table(small(row, 0)?)).collect::<Result<_, EngineError>>()?;
        let part = |((table, asked), rows): (&(&Table, i64), Vec<Row>)| Ok((table.entity.no, Part { states: rows.iter().map(|row| table.read(row)).collect::<Result<_, _>>()?, asked: *asked }));
        Ok((tables, likely.iter().zip(answers).map(part).collect::<Result<_, EngineError>>()?))
    }

    /// What is asked first about a unit: in which tables it has rows, and the rows of those in which it likely has.
    fn beginning(&self, unit: Unit, after: Option<RowKey>, bytes: usize) -> (Likely, Vec<Ask<'static>>) {
        let realm = self.realm();
        // Some more than the one before, and no more than there is room for.
        let count = |count: i64| (count + count / 4).min(most(bytes / USUAL_SIZE)).clamp(FEW, PORTION);
        let usual = self.units.usual.iter().filter(|_| after.is_none());
        let likely: Likely = usual.filter_map(|(entity, rows)| Some((table(*entity).ok()?, count(*rows)))).collect();
        let sql = "SELECT entity FROM centre.unit_entity WHERE realm = $1 AND unit = $2 AND entity >= $3 ORDER BY entity";
        let tables = Ask::new(sql).with(realm).with(unit.to_bytes().to_vec()).with(after.map_or(0, |key| i32::from(key.entity)));
        let rows = likely.iter().map(|(table, count)| table.of_unit(realm, unit, None, *count));
        let asks = std::iter::once(tables).chain(rows).collect();
        (likely, asks)
    }
}
