//! Where the centre's store lies: in files, or in a database of a PostgreSQL that is started for
//! this process. Opened, kept, put back; and looked into behind the centre's back.

use std::{collections::BTreeMap, path::PathBuf};

use gladstone_central::{Engine as Store, Embedded, engine::{log, rest}};
use gladstone_model::Unit;
use gladstone_protocol::{
    Entry, JournalEntry, RowsDigest, Stored,
    entry::Body,
    wire::{RowImage, RowKey},
};
use gladstone_testkit::{Dice, Image};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    files::{self, Filed},
    history::Line,
    laptop,
};

pub mod database;

pub use database::Database;

/// Which store the centre runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// SQLite, a file for each realm.
    #[default]
    Embedded,
    /// PostgreSQL.
    Postgres,
}

/// Where it lies.
pub enum Ground {
    /// A folder.
    Files(Files),
    /// A database.
    Database(Box<Database>),
}

/// A store that was kept.
#[derive(Clone)]
pub enum Kept {
    /// The files of its folder.
    Files(Image),
    /// A database that nobody works on, and the files beside it.
    Database(database::Kept),
}

/// A store in a folder.
pub struct Files {
    folder: TempDir,
    realm: Uuid,
    peek: Connection,
}

impl Ground {
    /// A store as it was kept, of this realm.
    pub fn of(kept: &Kept, realm: Uuid) -> Ground {
        match kept {
            Kept::Files(image) => {
                let folder = files::unpack(image);
                let peek = files::reader(&file(&folder, realm)).unwrap();
                Ground::Files(Files { folder, realm, peek })
            }
            Kept::Database(kept) => Ground::Database(Box::new(Database::of(kept, realm))),
        }
    }

    /// The store for a centre.
    pub fn open(&self) -> Box<dyn Store> {
        match self {
            Ground::Files(files) => Box::new(Embedded::open(files.folder.path()).unwrap()),
            Ground::Database(database) => database.open(),
        }
    }

    /// The store as it is now. Nobody may be at work on it; it goes on afterwards.
    pub fn keep(&self) -> Kept {
        match self {
            // Between two calls everything is committed, so the files themselves are a backup.
            Ground::Files(files) => Kept::Files(files::image(files.folder.path())),
            Ground::Database(database) => Kept::Database(database.keep()),
        }
    }

    /// Whether it can be kept, and put back, while a centre has it open.
    pub fn is_kept_in_use(&self) -> bool {
        matches!(self, Ground::Files(_))
    }

    /// The files of the store as they lie there now; none for a database.
    pub fn image(&self) -> Option<Image> {
        match self {
            Ground::Files(files) => Some(files::image(files.folder.path())),
            Ground::Database(_) => None,
        }
    }

    /// The file of the realm; none for a database.
    pub fn file(&self) -> Option<PathBuf> {
        match self {
            Ground::Files(files) => Some(file(&files.folder, files.realm)),
            Ground::Database(_) => None,
        }
    }

    /// The realm's history, and the centre's own laptop in it.
    pub fn names(&self) -> (Uuid, Uuid) {
        match self {
            Ground::Files(files) => files.peek.prepare_cached("SELECT epoch, device FROM centre_realm").unwrap().query_row([], |row| Ok((id(row, 0), id(row, 1)))).unwrap(),
            Ground::Database(database) => database.names(),
        }
    }

    /// What was logged after a commit number, in its order.
    pub fn log_after(&self, g: u64) -> Vec<Line> {
        match self {
            Ground::Files(files) => {
                let mut statement = files.peek.prepare_cached("SELECT place, unit, mutation, lines FROM centre_news WHERE place >= ?1 ORDER BY place").unwrap();
                let mut rows = statement.query(params![((g + 1) << 20) as i64]).unwrap();
                let mut lines = Vec::new();
                while let Some(row) = rows.next().unwrap() {
                    let g = row.get::<_, i64>(0).unwrap().unsigned_abs() >> 20;
                    lines.extend(told(g, &row.get::<_, Vec<u8>>(1).unwrap(), id(row, 2), &row.get::<_, Vec<u8>>(3).unwrap()));
                }
                in_order(lines)
            }
            Ground::Database(database) => database.log_after(g),
        }
    }

    /// Everything that is filed, in the order of receipt.
    pub fn filed(&self) -> Vec<Filed> {
        match self {
            Ground::Files(files) => {
                let mut statement = files.peek.prepare_cached("SELECT device, mutation IS NOT NULL, g, verdict, bytes FROM centre_envelope ORDER BY place").unwrap();
                let mut rows = statement.query([]).unwrap();
                let mut found = Vec::new();
                while let Some(row) = rows.next().unwrap() {
                    let verdict: Vec<u8> = row.get(3).unwrap();
                    found.push(filed(id(row, 0), row.get(1).unwrap(), row.get(2).unwrap(), &verdict, rest::sent(&row.get::<_, Vec<u8>>(4).unwrap()).unwrap()));
                }
                found
            }
            Ground::Database(database) => database.filed(),
        }
    }

    /// Mutation and author of what was filed after the first so many mutations.
    pub fn authors_after(&self, count: usize) -> Vec<(Uuid, Uuid)> {
        match self {
            Ground::Files(files) => {
                let mut statement = files.peek.prepare_cached("SELECT mutation, actor FROM centre_envelope WHERE mutation IS NOT NULL ORDER BY place LIMIT -1 OFFSET ?1").unwrap();
                statement.query_map([count as i64], |row| Ok((id(row, 0), id(row, 1)))).unwrap().map(Result::unwrap).collect()
            }
            Ground::Database(database) => database.authors_after(count),
        }
    }

    /// Every entry of the conflict journal, and whether it is open.
    pub fn journal(&self) -> Vec<(JournalEntry, bool)> {
        match self {
            Ground::Files(files) => {
                let mut statement = files.peek.prepare_cached("SELECT entry, closed_g IS NULL FROM centre_journal").unwrap();
                statement.query_map([], |row| Ok((postcard::from_bytes(&row.get::<_, Vec<u8>>(0)?).unwrap(), row.get(1)?))).unwrap().map(Result::unwrap).collect()
            }
            Ground::Database(database) => database.journal(),
        }
    }

    /// The sums that the centre keeps.
    pub fn sums(&self) -> BTreeMap<Unit, RowsDigest> {
        match self {
            Ground::Files(files) => {
                let mut statement = files.peek.prepare_cached("SELECT unit, digest FROM centre_unit").unwrap();
                let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?));
                statement.query_map([], read).unwrap().map(Result::unwrap).map(|(unit, digest)| (Unit::from_bytes(&unit).unwrap(), postcard::from_bytes(&digest).unwrap())).collect()
            }
            Ground::Database(database) => database.sums(),
        }
    }

    /// Its rows, of these entities or of all.
    pub fn rows(&self, entities: Option<&[&str]>) -> BTreeMap<RowKey, RowImage> {
        match self {
            Ground::Files(files) => laptop::rows(&files.peek, entities),
            Ground::Database(database) => database.rows(entities),
        }
    }
}

impl Kept {
    /// A store that a program left behind at one moment between two: all that was written before,
    /// part of what was written then. The witness is written last of all.
    pub fn torn(before: &Image, after: &Image, dice: &mut Dice) -> Kept {
        let mut torn = files::torn(before, after, dice);
        for (name, bytes) in before.0.iter().filter(|(name, _)| name.ends_with(".witness")) {
            torn.0.insert(name.clone(), bytes.clone());
        }
        Kept::Files(torn)
    }

    /// With the witness as it is now: the witness lies outside of what backups put back.
    pub fn with_witness_of(mut self, now: &Ground) -> Kept {
        match (&mut self, now) {
            (Kept::Files(image), Ground::Files(files)) => {
                image.0.retain(|name, _| !name.ends_with(".witness"));
                image.0.extend(files::image(files.folder.path()).0.into_iter().filter(|(name, _)| name.ends_with(".witness")));
            }
            (Kept::Database(kept), Ground::Database(database)) => kept.take_witness(database),
            _ => {}
        }
        self
    }
}

/// An envelope from its parts as they are kept.
fn filed(device: Uuid, first: bool, g: Option<i64>, verdict: &[u8], bytes: Vec<u8>) -> Filed {
    let verdict: Stored = postcard::from_bytes(verdict).unwrap();
    let entry = Entry::from_bytes(&bytes).unwrap();
    let mutation = match entry.body {
        Body::Mutation(mutation) => Some(mutation),
        Body::Event(_) => None,
    };
    Filed { device, incarnation: entry.incarnation, dseq: entry.dseq, first, g: g.map(i64::unsigned_abs), verdict, mutation, bytes }
}

fn file(folder: &TempDir, realm: Uuid) -> PathBuf {
    folder.path().join(format!("{realm}.sqlite"))
}

fn id(row: &rusqlite::Row<'_>, at: usize) -> Uuid {
    Uuid::from_slice(&row.get::<_, Vec<u8>>(at).unwrap()).unwrap()
}

/// The lines of a record of the log with their places in the mutation, as they are told.
fn told(g: u64, unit: &[u8], mutation: Uuid, lines: &[u8]) -> Vec<(u32, Line)> {
    let unit = Unit::from_bytes(unit).unwrap();
    log::lines(lines).unwrap().into_iter().map(|(at, key, news)| (at, Line { g, unit, key, mutation, news: postcard::from_bytes(&news).unwrap() })).collect()
}

/// Lines of several units in the order in which they were told.
fn in_order(mut lines: Vec<(u32, Line)>) -> Vec<Line> {
    lines.sort_by_key(|(at, line)| (line.g, *at));
    lines.into_iter().map(|(_, line)| line).collect()
}
