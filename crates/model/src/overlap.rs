//! That rows of an entity take up somebody's time, as declared. Does not know what is done about two
//! that take the same.

use crate::{
    claim::typed,
    condition::Condition,
    declaration::OverlapFile,
    entity::{Entity, Field, FieldType, Index, MergeGroup},
    row::Row,
};

/// Rows take up a stretch of time of whom or what they name. Two for one at a time are both kept, and
/// shown to a person.
#[derive(Debug)]
pub struct Overlap {
    /// Position of the first instant.
    pub from: usize,
    /// Position of the first instant after.
    pub to: usize,
    /// Positions of the fields that name whose time it is; an empty one is nobody's.
    pub of: Vec<usize>,
    /// A row takes time only while this holds.
    pub when: Option<Condition>,
}

impl Overlap {
    /// Whether a row, that is not in error, takes up time.
    pub fn takes_time(&self, row: &Row) -> bool {
        self.when.as_ref().is_none_or(|when| when.holds(row))
    }

    /// Positions of every field on which it depends what time a row takes up of whom.
    pub fn fields(&self) -> impl Iterator<Item = usize> + '_ {
        [self.from, self.to].into_iter().chain(self.of.iter().copied()).chain(self.when.as_ref().map(Condition::field))
    }

    /// The merge group of the time.
    pub fn group<'e>(&self, entity: &'e Entity) -> Option<&'e MergeGroup> {
        entity.groups.iter().find(|group| group.fields.contains(&self.from))
    }
}

/// Reads the declaration. Others are looked for by each of the fields in `of`, so each has an index.
pub(crate) fn overlap(file: OverlapFile, fields: &[Field], indexes: &[Index]) -> Result<Overlap, String> {
    let instant = |name: &str| typed(name, fields, &[FieldType::Instant]);
    let (from, to) = (instant(&file.from)?, instant(&file.to)?);
    if from == to || fields[from].group != fields[to].group {
        return Err(format!("{} and {} have to be two fields of one merge group: what one of them says alone is no time", file.from, file.to));
    }
    if file.of.is_empty() {
        return Err("`of` is empty, so it is nobody's time".into());
    }
    let of: Vec<usize> = file.of.iter().map(|name| typed(name, fields, &[FieldType::Uuid])).collect::<Result<_, _>>()?;
    if let Some(at) = of.iter().find(|at| !indexes.iter().any(|index| index.fields.first() == Some(at))) {
        return Err(format!("{} needs an index: others at the same time are looked for by it", fields[*at].name));
    }
    Ok(Overlap { from, to, of, when: file.when.as_deref().map(|when| Condition::parse(when, fields)).transpose()? })
}
