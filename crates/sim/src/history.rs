//! The oracle: what the centre told, commit number by commit number, folded apart from the code
//! of laptop and centre. It knows how each unit stood at each number.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gladstone_model::{Unit, catalogue};
use gladstone_protocol::wire::{RowImage, RowKey, RowNews};
use uuid::Uuid;

/// All versions of all rows.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Everything up to this commit number is in it.
    pub head: u64,
    versions: BTreeMap<RowKey, Vec<(u64, Option<RowImage>)>>,
    touched: BTreeMap<u64, BTreeSet<RowKey>>,
    numbers: HashMap<Uuid, u64>,
    authors: HashMap<Uuid, Uuid>,
}

/// A line of the centre's log.
pub struct Line {
    /// Commit number.
    pub g: u64,
    /// Unit by which laptops are told.
    pub unit: Unit,
    /// The row.
    pub key: RowKey,
    /// The mutation.
    pub mutation: Uuid,
    /// What is told.
    pub news: RowNews,
}

impl History {
    /// Takes in one line, in their order. Says what is wrong with it.
    pub fn take(&mut self, line: Line) -> Result<(), String> {
        let Line { g, unit, key, mutation, news } = line;
        if let Some(before) = self.numbers.insert(mutation, g).filter(|before| *before != g) {
            return Err(format!("mutation {mutation} took effect at {before} and once more at {g}"));
        }
        self.touched.entry(g).or_default().insert(key);
        let versions = self.versions.entry(key).or_default();
        let last = versions.last().and_then(|(_, image)| image.clone());
        let wrong = |what: &str| Err(format!("the log tells at {g} of {} {}: {what}", name(key), key.id));
        let next = match (news, last) {
            (RowNews::Whole(image), _) if image.unit != unit => return wrong("a whole row under another unit"),
            (RowNews::Whole(image), _) => Some(image),
            (RowNews::Left, Some(last)) if last.unit != unit => return wrong("it leaves a unit in which it is not"),
            (RowNews::Left, Some(_)) => None,
            (_, None) => return wrong("it changes a row that is not there"),
            (_, Some(last)) if last.unit != unit => return wrong("it changes a row of another unit"),
            (RowNews::EnteredInError { reason }, Some(mut last)) => {
                last.error = Some((mutation, reason));
                Some(last)
            }
            (RowNews::Groups { groups, updated_at }, Some(mut last)) => {
                for group in groups {
                    for (no, value) in group.values {
                        last.values.retain(|(other, _)| *other != no);
                        if !value.is_null() {
                            last.values.push((no, value));
                        }
                    }
                    last.group_mids.retain(|(other, _)| *other != group.group);
                    if mutation != last.row_mid {
                        last.group_mids.push((group.group, mutation));
                    }
                }
                if let (Some(at), Some(no)) = (updated_at, catalogue().by_no(key.entity).and_then(|entity| entity.field("updated_at")).map(|field| field.no)) {
                    last.values.retain(|(other, _)| *other != no);
                    last.values.push((no, at.into()));
                }
                last.values.sort_by_key(|(no, _)| *no);
                last.group_mids.sort_unstable();
                Some(last)
            }
        };
        versions.push((g, next));
        self.head = self.head.max(g);
        Ok(())
    }

    /// The rows of all units as they stood at a commit number.
    pub fn at(&self, g: u64) -> impl Iterator<Item = &RowImage> {
        self.versions.values().filter_map(move |versions| versions.iter().rev().find(|(at, _)| *at <= g).and_then(|(_, image)| image.as_ref()))
    }

    /// The commit number at which a row got the version that it had at another one, and all rows that
    /// changed with it.
    pub fn changed_with(&self, key: RowKey, g: u64) -> Option<(u64, &BTreeSet<RowKey>)> {
        let (at, _) = self.versions.get(&key)?.iter().rev().find(|(at, _)| *at <= g)?;
        Some((*at, self.touched.get(at)?))
    }

    /// Notes who wrote mutations, in the order in which they are filed.
    pub fn note_authors(&mut self, authors: impl IntoIterator<Item = (Uuid, Uuid)>) {
        self.authors.extend(authors);
    }

    /// How many authors are known.
    pub fn authors(&self) -> usize {
        self.authors.len()
    }

    /// Who wrote a mutation.
    pub fn author(&self, mutation: Uuid) -> Option<Uuid> {
        self.authors.get(&mutation).copied()
    }

    /// How many mutations up to a commit number changed more rows than one.
    pub fn of_several_rows(&self, g: u64) -> usize {
        self.touched.range(..=g).filter(|(_, keys)| keys.len() > 1).count()
    }

    /// The commit number at which a mutation changed rows.
    pub fn number(&self, mutation: Uuid) -> Option<u64> {
        self.numbers.get(&mutation).copied()
    }

    /// A row as it stood.
    pub fn row_at(&self, key: RowKey, g: u64) -> Option<&RowImage> {
        self.versions.get(&key)?.iter().rev().find(|(at, _)| *at <= g)?.1.as_ref()
    }
}

/// The name of the entity of a row.
pub fn name(key: RowKey) -> &'static str {
    catalogue().by_no(key.entity).map_or("row", |entity| entity.name.as_str())
}
