//! Which files a laptop may bring and fetch: those that a standing row names, in a unit that its
//! person may see. Whether another file is there is told to nobody.

use gladstone_model::{Value, catalogue};
use gladstone_protocol::{ApiError, RowState, content::ContentHash, enrol::to_hex, limits::FILE_LIMIT};
use uuid::Uuid;

use crate::{
    centre::{Caller, Centre},
    engine::Having,
    error::CentreError,
    grants,
};

/// Rows that are looked at for one file, of each entity that names files: the same one may hang on many
/// records.
pub(crate) const MOST_ROWS: u32 = 1_000;

/// What has to be asked so that every row is known that names a file.
pub(crate) fn asks(hash: &ContentHash) -> Vec<Having> {
    catalogue().files().map(|(entity, file)| Having { entity, field: file.hash, value: Value::text(&to_hex(hash)), limit: MOST_ROWS }).collect()
}

/// The sizes in bytes that a row gives a file.
fn sizes_in<'s>(state: &'s RowState, hash: &'s str) -> impl Iterator<Item = u64> + 's {
    state.row.entity.files.iter().filter(move |file| file.hash_in(&state.row) == hash).filter_map(|file| file.size_in(&state.row))
}

impl Centre {
    /// The key under which the files of a realm lie in a bucket: it follows from the centre's own key in
    /// that realm, which is kept and copied apart from the records.
    ///
    /// # Errors
    /// What the store says.
    pub fn files_key(&self, realm: Uuid) -> Result<[u8; 32], CentreError> {
        self.look(realm, |shelf| Ok(blake3::derive_key("gladstone 2026 files at rest v1", &shelf.head()?.seed)))
    }

    /// The sizes in bytes that rows give a file which this laptop may bring or fetch; none when there
    /// is no such row.
    ///
    /// # Errors
    /// What the store says.
    pub fn sizes_of_file(&self, caller: &Caller, hash: &ContentHash) -> Result<Vec<u64>, ApiError> {
        self.served(caller.realm)?;
        let (asks, text, now) = (asks(hash), to_hex(hash), self.around.now());
        let sizes = self.look(caller.realm, |shelf| {
            let named = shelf.having(&asks)?;
            if named.is_empty() {
                return Ok(Vec::new());
            }
            let (rights, _) = grants::rights_of(shelf, caller.realm, caller.actor, now)?;
            let mut sizes: Vec<u64> = named.iter().filter(|state| state.error.is_none() && rights.reads(state.unit)).flat_map(|state| sizes_in(state, &text)).collect();
            sizes.retain(|size| *size <= FILE_LIMIT);
            sizes.sort_unstable();
            sizes.dedup();
            Ok::<_, CentreError>(sizes)
        })?;
        Ok(sizes)
    }
}
