//! Which files a laptop may bring and fetch: those that a standing row of `attachments` names, in a
//! unit that its person may see. Whether another file is there is told to nobody.

use gladstone_model::{Value, catalogue};
use gladstone_protocol::{ApiError, content::ContentHash, enrol::to_hex, limits::FILE_LIMIT};
use uuid::Uuid;

use crate::{
    centre::{Caller, Centre},
    engine::Having,
    error::CentreError,
    rights::Rights,
    work::{member_key, user_key},
};

/// Rows that are looked at for one file: the same one may hang on many records.
const MOST_ROWS: u32 = 1_000;

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
        let Some(entity) = catalogue().get("attachments") else { return Ok(Vec::new()) };
        let (Some(field), now) = (entity.position("blob_hash"), self.around.now()) else { return Ok(Vec::new()) };
        let ask = Having { entity, field, value: Value::text(&to_hex(hash)), limit: MOST_ROWS };
        let sizes = self.look(caller.realm, |shelf| {
            let named = shelf.having(std::slice::from_ref(&ask))?;
            if named.is_empty() {
                return Ok(Vec::new());
            }
            let (user, member) = (user_key(caller.actor), member_key(caller.realm, caller.actor));
            let rows = shelf.rows(&[user, member].into_iter().flatten().collect::<Vec<_>>())?;
            let row = |entity: &str| rows.iter().find(|state| state.row.entity.name == entity && state.error.is_none()).map(|state| &state.row);
            let rights = Rights::new(caller.realm, caller.actor, row("users"), row("organization_members"), &shelf.claims(&[caller.actor])?, now);
            let mut sizes: Vec<u64> = named.iter().filter(|state| state.error.is_none() && rights.reads(state.unit)).filter_map(|state| u64::try_from(state.row.get("size_bytes").as_integer()?).ok()).collect();
            sizes.retain(|size| *size <= FILE_LIMIT);
            sizes.sort_unstable();
            sizes.dedup();
            Ok::<_, CentreError>(sizes)
        })?;
        Ok(sizes)
    }
}
