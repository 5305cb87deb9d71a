//! Checks the chain of this laptop (numbers without gaps, every hash, link and signature) and the
//! pages of its file.

use gladstone_protocol::seal;
use rusqlite::Connection;

use crate::{error::VaultError, state::VaultState};

/// Checks the seal of every page, free ones included. The log has to be folded in first: over a
/// file with a log that is not, SQLCipher raises false alarms.
pub(crate) fn pages(connection: &Connection) -> Result<(), VaultError> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy {
        return Err(VaultError::NotVerified("another program is reading the vault; close it and check again".into()));
    }
    let mut check = connection.prepare("PRAGMA cipher_integrity_check")?;
    match check.query_map([], |row| row.get::<_, String>(0))?.next().transpose()? {
        Some(fault) => Err(VaultError::NotVerified(fault)),
        None => Ok(()),
    }
}

/// Walks the chain from its first entry and returns how many entries it has.
pub(crate) fn chain(connection: &Connection, state: &VaultState, public_key: &[u8], progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<u64, VaultError> {
    let mut statement = connection.prepare("SELECT dseq, bytes, hash, signature FROM chain ORDER BY dseq")?;
    let mut rows = statement.query([])?;
    let (mut expected, mut head) = (0_u64, [0_u8; 32]);
    // A new life numbers its entries from 1 and links to nothing; vaults of before went on counting.
    let (mut life, mut life_start) = (None, 0_u64);
    while let Some(row) = rows.next()? {
        expected += 1;
        let broken = |what: &str| VaultError::NotVerified(format!("entry {expected} of the history: {what}"));
        let number: i64 = row.get(0)?;
        if number.unsigned_abs() != expected {
            return Err(broken("an entry is missing before it"));
        }
        let blob = |at: usize| row.get_ref(at).ok().and_then(|value| value.as_blob().ok()).unwrap_or_default();
        let entry = seal::open(blob(1), blob(2), blob(3), public_key).map_err(|fault| broken(&fault.to_string()))?;
        let begins = entry.dseq == 1 && entry.previous == [0; 32] && life != Some(entry.incarnation);
        if begins {
            life_start = expected - 1;
        }
        if !begins && (entry.dseq != expected - life_start || entry.previous != head) {
            return Err(broken("it does not follow the one before it"));
        }
        life = Some(entry.incarnation);
        head.copy_from_slice(blob(2));
        if expected.is_multiple_of(256) && !progress(expected, state.dseq) {
            return Err(VaultError::Cancelled);
        }
    }
    if expected != state.dseq || head != state.chain_head || expected > state.life_start && life_start != state.life_start {
        return Err(VaultError::NotVerified("the end of the history is missing".into()));
    }
    progress(expected, state.dseq);
    Ok(expected)
}
