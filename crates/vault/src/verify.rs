//! Checks the chain of this laptop: numbers without gaps, every hash, link and signature.

use gladstone_protocol::seal;
use rusqlite::Connection;

use crate::{error::VaultError, state::VaultState};

/// Walks the chain from its first entry and returns how many entries it has.
pub(crate) fn chain(connection: &Connection, state: &VaultState, public_key: &[u8], progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<u64, VaultError> {
    let mut statement = connection.prepare("SELECT dseq, bytes, hash, signature FROM chain ORDER BY dseq")?;
    let mut rows = statement.query([])?;
    let (mut expected, mut head) = (0_u64, [0_u8; 32]);
    while let Some(row) = rows.next()? {
        expected += 1;
        let broken = |what: &str| VaultError::NotVerified(format!("entry {expected} of the history: {what}"));
        let number: i64 = row.get(0)?;
        if number.unsigned_abs() != expected {
            return Err(broken("an entry is missing before it"));
        }
        let blob = |at: usize| row.get_ref(at).ok().and_then(|value| value.as_blob().ok()).unwrap_or_default();
        let entry = seal::open(blob(1), blob(2), blob(3), public_key).map_err(|fault| broken(&fault.to_string()))?;
        if entry.dseq != expected || entry.previous != head {
            return Err(broken("it does not follow the one before it"));
        }
        head.copy_from_slice(blob(2));
        if expected.is_multiple_of(256) && !progress(expected, state.dseq) {
            return Err(VaultError::Cancelled);
        }
    }
    if expected != state.dseq || head != state.chain_head {
        return Err(VaultError::NotVerified("the end of the history is missing".into()));
    }
    progress(expected, state.dseq);
    Ok(expected)
}
