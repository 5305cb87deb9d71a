//! Checks the chain of this laptop (numbers without gaps, every hash, link and signature) and the
//! pages of its file.

use gladstone_protocol::seal;
use rusqlite::Connection;

use crate::{chain as packed, error::VaultError, state::VaultState};

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

/// Walks the chain from its first entry and returns how many entries it has. `public_key`: of the laptop as
/// it is now; entries that it wrote as another one are checked with the key of then.
pub(crate) fn chain(connection: &Connection, state: &VaultState, public_key: &[u8], progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<u64, VaultError> {
    let mut statement = connection.prepare("SELECT dseq, bytes, hash, signature FROM chain ORDER BY dseq")?;
    let mut rows = statement.query([])?;
    let mut former = former_keys(connection)?.into_iter().peekable();
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
        while former.next_if(|(through, _)| *through < expected).is_some() {}
        let key = former.peek().map_or(public_key, |(_, key)| key);
        let bytes = packed::unpack(blob(1)).map_err(|_| broken("it cannot be unpacked"))?;
        let entry = seal::open(&bytes, blob(2), blob(3), key).map_err(|fault| broken(&fault.to_string()))?;
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

/// The keys of laptops that this vault was before, each with the last entry that it signed; in order.
fn former_keys(connection: &Connection) -> Result<Vec<(u64, Vec<u8>)>, VaultError> {
    let mut statement = connection.prepare("SELECT through, public_key FROM former_key ORDER BY through")?;
    let keys = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?)))?.collect::<Result<_, _>>()?;
    Ok(keys)
}
