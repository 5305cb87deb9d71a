//! Verifying files: every one that a record names is read as a whole and held against its hash and size.
//! Changes nothing. What lies in the place without a record cannot be held against anything; it is
//! counted.

use std::{collections::{BTreeMap, HashSet}, io};

use gladstone_model::{Instant, Unit, file::NamedFile, unit::UnitKind};
use gladstone_protocol::{RowState, content::{ContentHash, sealed_size, shared_name}, enrol::from_hex};
use uuid::Uuid;

use super::{Blobs, Bringing, is_whole, keeping::Name};
use crate::{centre::Centre, error::CentreError, work::key_of};

/// Rows that are read at once.
const ROWS: usize = 1_000;
/// Bytes of rows that are read at once.
const BYTES: usize = 4 * 1024 * 1024;
/// Microseconds after which a file that a record names has had time to come.
const TIME: i64 = 24 * 3_600 * 1_000_000;

/// What a verification of files found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilesReport {
    /// Files that are what their records say.
    pub sound: u64,
    /// Bytes of those, before they were sealed.
    pub bytes: u64,
    /// Files that are not there yet, of records that were made within a day.
    pub awaited: u64,
    /// Whole files that no record names.
    pub unnamed: u64,
    /// Files that are not as they should be, by hash.
    pub faults: Vec<FileFault>,
}

/// A file that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    /// BLAKE3 of its content.
    pub hash: ContentHash,
    /// Where it lies or should lie: a path, or the name of an object.
    pub place: String,
    /// A record that names it.
    pub record: Uuid,
    /// With whom that record travels.
    pub unit: Unit,
    /// Bytes that it should have, before it is sealed; 0 when the record does not say.
    pub size: u64,
    /// What is wrong.
    pub what: FileTrouble,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileTrouble {
    /// It is not there, and had time to come.
    #[error("missing")]
    Missing,
    /// What is there is something else, or not all of it.
    #[error("damaged")]
    Damaged,
    /// It could not be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

/// What records say about one file.
struct Named {
    record: Uuid,
    unit: Unit,
    sizes: Vec<u64>,
    /// Whether one of them stands: only then the file has to be there.
    stands: bool,
    /// When the first of those that stand was made.
    since: Option<Instant>,
}

impl Centre {
    /// Reads every file that records of a realm name. `progress` is told how many of how many were looked
    /// at, and may end it by false.
    ///
    /// # Errors
    /// [`CentreError::Refused`] when it was ended, or when files cannot be reached at all; what the store
    /// says.
    pub fn verify_files(&self, realm: Uuid, files: &Blobs, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<FilesReport, CentreError> {
        let unreachable = |error: io::Error| CentreError::Refused(format!("the files cannot be reached: {error}"));
        files.reachable().map_err(unreachable)?;
        let ended = || CentreError::Refused("the verification was ended".into());
        let named = self.named_files(realm, &mut || progress(0, 0))?.ok_or_else(ended)?;
        let (mut report, total, now) = (FilesReport::default(), named.len() as u64, self.around.now());
        for (done, (hash, of)) in (0..).zip(&named) {
            if !progress(done, total) {
                return Err(ended());
            }
            let what = match files.look_at(realm, hash, &of.sizes) {
                Ok(Some(Some(size))) => {
                    (report.sound, report.bytes) = (report.sound + 1, report.bytes + size);
                    continue;
                }
                Ok(None) if !of.stands => continue,
                Ok(None) if of.since.is_some_and(|since| now.0.saturating_sub(since.0) < TIME) => {
                    report.awaited += 1;
                    continue;
                }
                Ok(None) => FileTrouble::Missing,
                Ok(Some(None)) => FileTrouble::Damaged,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => FileTrouble::Damaged,
                Err(error) => {
                    // One that cannot be read is named; a place that is gone is no fault of its files.
                    files.reachable().map_err(unreachable)?;
                    FileTrouble::Unreadable(error.to_string())
                }
            };
            let place = files.keeping.called(realm, &shared_name(realm, hash)).map_err(unreachable)?;
            report.faults.push(FileFault { hash: *hash, place, record: of.record, unit: of.unit, size: of.sizes.first().copied().unwrap_or(0), what });
        }
        let names: HashSet<Name> = named.keys().map(|hash| shared_name(realm, hash)).collect();
        report.unnamed = files.keeping.unnamed(realm, &names).map_err(unreachable)?;
        if progress(total, total) { Ok(report) } else { Err(ended()) }
    }

    /// Every file that a record names, in error or not; none when `go_on` said no.
    fn named_files(&self, realm: Uuid, go_on: &mut dyn FnMut() -> bool) -> Result<Option<BTreeMap<ContentHash, Named>>, CentreError> {
        let mut named = BTreeMap::new();
        for kind in [UnitKind::Platform, UnitKind::Org, UnitKind::Person, UnitKind::Account, UnitKind::Thread] {
            for unit in self.look(realm, |shelf| Ok(shelf.units(kind)?))? {
                if !go_on() {
                    return Ok(None);
                }
                self.look(realm, |shelf| {
                    let mut after = None;
                    loop {
                        let part = shelf.unit_rows(unit, after, ROWS, BYTES)?;
                        let Some(last) = part.rows.last() else { return Ok(()) };
                        after = Some(key_of(last));
                        part.rows.iter().for_each(|state| state.row.entity.files.iter().for_each(|file| note(&mut named, state, file)));
                    }
                })?;
            }
        }
        Ok(Some(named))
    }
}

fn note(named: &mut BTreeMap<ContentHash, Named>, state: &RowState, file: &NamedFile) {
    // A record without a hash names no file.
    let Some(hash) = from_hex::<32>(file.hash_in(&state.row)) else { return };
    let known = named.entry(hash).or_insert_with(|| Named { record: state.row.id(), unit: state.unit, sizes: Vec::new(), stands: false, since: None });
    let size = file.size_in(&state.row);
    known.sizes.extend(size.filter(|size| !known.sizes.contains(size)));
    if state.error.is_none() {
        if !known.stands {
            (known.record, known.unit, known.stands) = (state.row.id(), state.unit, true);
        }
        let made = state.row.get("created_at").as_instant();
        known.since = known.since.into_iter().chain(made).min();
    }
}

impl Blobs {
    /// Reads a whole file and holds it against its hash and the sizes that records give it: its size when
    /// it is the file, and none inside when it is not; none when it is not there.
    fn look_at(&self, realm: Uuid, hash: &ContentHash, sizes: &[u64]) -> io::Result<Option<Option<u64>>> {
        let name = shared_name(realm, hash);
        let Some(length) = self.keeping.whole(realm, &name)? else { return Ok(None) };
        let Some(size) = sizes.iter().copied().find(|size| sealed_size(*size) == length) else { return Ok(Some(None)) };
        let Some(bytes) = self.keeping.read(realm, &name, 0, usize::try_from(length).unwrap_or(usize::MAX))? else { return Ok(None) };
        let of = Bringing { realm, device: Uuid::nil(), hash: *hash, sizes };
        let sound = bytes.len() as u64 == length && is_whole(&mut bytes.as_slice(), &of, size)?;
        Ok(Some(sound.then_some(size)))
    }
}
