//! The one row that says which database this is and where its chain stands.

use gladstone_model::Instant;
use gladstone_protocol::{ChainHash, clock};
use gladstone_store::{StoreError, digest::Digest};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Identity of the database and head of its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultState {
    /// This laptop, for this person.
    pub device: Uuid,
    /// One life of this database.
    pub incarnation: Uuid,
    /// Whose vault it is.
    pub actor: Uuid,
    /// Organization that the vault belongs to; nil while it works alone.
    pub realm: Uuid,
    /// Number of the last entry.
    pub dseq: u64,
    /// Hash of the last entry; zeros when there is none.
    pub chain_head: ChainHash,
    /// Last hybrid logical clock.
    pub hlc: u64,
    /// Microseconds that the centre's clock is ahead.
    pub server_offset: i64,
    /// Sum over all rows.
    pub digest: Digest,
    /// Entries before this life of the database; each life numbers its own from 1.
    pub life_start: u64,
    /// How often rows were taken in from the centre without an entry of this laptop.
    pub turn: u64,
}

impl VaultState {
    /// The state of a database without entries.
    pub fn new(device: Uuid, incarnation: Uuid, actor: Uuid) -> VaultState {
        VaultState { device, incarnation, actor, realm: Uuid::nil(), dseq: 0, chain_head: [0; 32], hlc: 0, server_offset: 0, digest: Digest::default(), life_start: 0, turn: 0 }
    }

    /// Reads the state; `None` in a database that was never set up.
    ///
    /// # Errors
    /// What the database says, or that the row cannot be read.
    pub fn load(connection: &Connection) -> Result<Option<VaultState>, StoreError> {
        let sql = "SELECT device, incarnation, actor, realm, dseq, chain_head, hlc, server_offset, digest, life_start, turn FROM vault_state";
        let raw = connection.query_row(sql, [], |row| {
            let id = |at: usize| -> rusqlite::Result<Uuid> { Ok(Uuid::from_slice(&row.get::<_, Vec<u8>>(at)?).unwrap_or_default()) };
            let hash = |at: usize| -> rusqlite::Result<Option<[u8; 32]>> { Ok(row.get::<_, Vec<u8>>(at)?.try_into().ok()) };
            Ok((id(0)?, id(1)?, id(2)?, id(3)?, row.get::<_, i64>(4)?, hash(5)?, row.get::<_, i64>(6)?, row.get(7)?, hash(8)?, row.get::<_, i64>(9)?, row.get::<_, i64>(10)?))
        });
        let Some((device, incarnation, actor, realm, dseq, head, hlc, server_offset, digest, life_start, turn)) = raw.optional()? else { return Ok(None) };
        let (Some(chain_head), Some(digest)) = (head, digest) else { return Err(StoreError::Unreadable("the vault's state".into())) };
        Ok(Some(VaultState { device, incarnation, actor, realm, dseq: dseq.unsigned_abs(), chain_head, hlc: hlc as u64, server_offset, digest: Digest(digest), life_start: life_start.unsigned_abs(), turn: turn.unsigned_abs() }))
    }

    /// The stamp of the next mutation: the centre's time as far as it is known, and later than every
    /// stamp that this laptop wrote or followed.
    pub fn next_hlc(&self, now: Instant) -> u64 {
        let millis = Instant(now.0.saturating_add(self.server_offset)).millis().max(0).unsigned_abs();
        self.hlc.saturating_add(1).max(clock::stamp(millis, 0))
    }

    /// Makes the row of a new database, with the seed of its signing key.
    ///
    /// # Errors
    /// What the database says.
    pub fn init(&self, connection: &Connection, seed: &Zeroizing<[u8; 32]>) -> Result<(), StoreError> {
        connection.execute(
            "INSERT INTO vault_state (one, device, incarnation, actor, realm, dseq, chain_head, hlc, digest, signing_seed) VALUES (1, ?1, ?2, ?3, ?4, 0, ?5, 0, ?6, ?7)",
            params![self.device.as_bytes(), self.incarnation.as_bytes(), self.actor.as_bytes(), self.realm.as_bytes(), self.chain_head, self.digest.0, seed.as_slice()],
        )?;
        Ok(())
    }

    /// The seed of the signing key.
    ///
    /// # Errors
    /// What the database says.
    pub fn signing_seed(connection: &Connection) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let bytes: Zeroizing<Vec<u8>> = Zeroizing::new(connection.query_row("SELECT signing_seed FROM vault_state", [], |row| row.get(0))?);
        let seed: [u8; 32] = bytes.as_slice().try_into().map_err(|_| StoreError::Unreadable("the vault's state".into()))?;
        Ok(Zeroizing::new(seed))
    }

    /// Puts another signing key in place of the one that was; of that one only the public half stays, for
    /// the entries up to `through`.
    ///
    /// # Errors
    /// What the database says.
    pub fn replace_signing_seed(connection: &Connection, seed: &Zeroizing<[u8; 32]>, former: &[u8; 32], through: u64) -> Result<(), StoreError> {
        connection.execute("INSERT INTO former_key (through, public_key) VALUES (?1, ?2)", params![through as i64, former])?;
        connection.execute("UPDATE vault_state SET signing_seed = ?1", params![seed.as_slice()])?;
        Ok(())
    }

    /// Writes the state inside the caller's transaction.
    ///
    /// # Errors
    /// What the database says.
    pub fn save(&self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "UPDATE vault_state SET device = ?1, incarnation = ?2, actor = ?3, realm = ?4, dseq = ?5, chain_head = ?6, hlc = ?7, server_offset = ?8, digest = ?9, life_start = ?10, turn = ?11";
        connection.prepare_cached(sql)?.execute(params![
            self.device.as_bytes(), self.incarnation.as_bytes(), self.actor.as_bytes(), self.realm.as_bytes(),
            self.dseq as i64, self.chain_head, self.hlc as i64, self.server_offset, self.digest.0,
            self.life_start as i64, self.turn as i64
        ])?;
        Ok(())
    }
}
