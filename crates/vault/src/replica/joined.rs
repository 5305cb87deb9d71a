//! That a vault belongs to a realm: joining, and what is known about the centre.

use gladstone_model::{Instant, catalogue::SCHEMA_VERSION};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::{
    error::VaultError,
    inside::Inside,
    replica::{lease, lives, told},
    vault::Vault,
};

/// What enrolment yields, to be written down once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The organization.
    pub realm: Uuid,
    /// Its name.
    pub organization: String,
    /// Whose laptop it is. Another one than the vault's is taken over only by a vault that holds
    /// nothing yet.
    pub actor: Uuid,
    /// Role in the organization.
    pub role: String,
    /// Address of the centre.
    pub server: String,
    /// The centre's own authority, DER, where it is none of the public ones.
    pub certificate: Option<Vec<u8>>,
    /// The centre's history.
    pub epoch: Uuid,
    /// For the first push.
    pub nonce: [u8; 32],
    /// Days for which the laptop may work without contact.
    pub lease_days: u16,
}

/// Everything that the engine and the screen have to know about the realm of a vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// What enrolment yielded, with the epoch and the nonce of now.
    pub joined: Joined,
    /// Laptop.
    pub device: Uuid,
    /// One life of its database.
    pub incarnation: Uuid,
    /// When it joined.
    pub joined_at: Instant,
    /// Checkpoint: everything up to this commit number is held; 0 before the first pull.
    pub from_g: u64,
    /// When the centre last answered a push, by this laptop's clock.
    pub last_push: Option<Instant>,
    /// When the centre last answered a pull, by this laptop's clock.
    pub last_pull: Option<Instant>,
    /// Microseconds that the centre's clock is ahead of this laptop's.
    pub server_offset: i64,
    /// Units that are held completely.
    pub units: u64,
    /// Units whose download goes on.
    pub incomplete: u64,
    /// Whether the centre took this laptop for a copy of another one: it has to join anew with
    /// [`Vault::begin_as_new_device`].
    pub is_copy: bool,
}

impl Replica {
    /// When the centre last answered anything.
    pub fn last_contact(&self) -> Instant {
        self.last_push.max(self.last_pull).unwrap_or(self.joined_at)
    }
}

/// The row of the table `replica`.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub joined: Joined,
    /// The history that gave out the nonce.
    pub nonce_epoch: Uuid,
    pub joined_at: Instant,
    pub from_g: u64,
    pub schema_version: u32,
    pub last_push: Option<Instant>,
    pub last_pull: Option<Instant>,
    pub is_copy: bool,
}

impl Held {
    /// Reads the row; none in a vault that never joined.
    pub fn load(connection: &Connection, actor: Uuid) -> Result<Option<Held>, VaultError> {
        let sql = "SELECT realm, organization, role, server, certificate, epoch, nonce, nonce_epoch, lease_days, joined_at, from_g, schema_version, last_push, last_pull, is_copy FROM replica";
        let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Held> {
            let id = |name: &str| -> rusqlite::Result<Uuid> { Ok(Uuid::from_slice(&row.get::<_, Vec<u8>>(name)?).unwrap_or_default()) };
            Ok(Held {
                joined: Joined {
                    realm: id("realm")?,
                    organization: row.get("organization")?,
                    actor,
                    role: row.get("role")?,
                    server: row.get("server")?,
                    certificate: row.get("certificate")?,
                    epoch: id("epoch")?,
                    nonce: row.get::<_, Vec<u8>>("nonce")?.try_into().unwrap_or_default(),
                    lease_days: row.get("lease_days")?,
                },
                nonce_epoch: id("nonce_epoch")?,
                joined_at: Instant(row.get("joined_at")?),
                from_g: row.get::<_, i64>("from_g")?.unsigned_abs(),
                schema_version: row.get("schema_version")?,
                last_push: row.get::<_, Option<i64>>("last_push")?.map(Instant),
                last_pull: row.get::<_, Option<i64>>("last_pull")?.map(Instant),
                is_copy: row.get("is_copy")?,
            })
        };
        Ok(connection.prepare_cached(sql)?.query_row([], read).optional()?)
    }

    /// As [`Held::load`], where joining comes first.
    pub fn required(connection: &Connection, actor: Uuid) -> Result<Held, VaultError> {
        Held::load(connection, actor)?.ok_or(VaultError::NotJoined)
    }

    /// Writes the row.
    pub fn save(&self, connection: &Connection) -> Result<(), VaultError> {
        let sql = "INSERT OR REPLACE INTO replica (one, realm, organization, role, server, certificate, epoch, nonce, nonce_epoch, lease_days, joined_at, from_g, schema_version, last_push, last_pull, is_copy)
            VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
        let joined = &self.joined;
        connection.prepare_cached(sql)?.execute(params![
            joined.realm.as_bytes(), joined.organization, joined.role, joined.server, joined.certificate, joined.epoch.as_bytes(), joined.nonce, self.nonce_epoch.as_bytes(), joined.lease_days,
            self.joined_at.0, self.from_g as i64, self.schema_version, self.last_push.map(|time| time.0), self.last_pull.map(|time| time.0), self.is_copy
        ])?;
        Ok(())
    }
}

impl Vault {
    /// The vault belongs to a realm from now on. What it wrote while it worked alone waits to be
    /// sent. The same realm may be joined again: after the laptop became a new device, or to take
    /// over another address.
    ///
    /// # Errors
    /// [`VaultError::CannotJoin`] when it belongs to another realm, or to another person and holds
    /// entries of theirs.
    pub fn join(&self, joined: &Joined) -> Result<(), VaultError> {
        self.replicate(|inside| join(inside, joined))
    }

    /// What is known about the realm; none in a vault that works alone.
    ///
    /// # Errors
    /// What the database says.
    pub fn replica(&self) -> Result<Option<Replica>, VaultError> {
        self.look(|connection, state| {
            let Some(held) = Held::load(connection, state.actor)? else { return Ok(None) };
            let units = |complete: bool| connection.query_row("SELECT count(*) FROM unit_held WHERE complete = ?1", [complete], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
            Ok(Some(Replica {
                device: state.device,
                incarnation: state.incarnation,
                joined_at: held.joined_at,
                from_g: held.from_g,
                last_push: held.last_push,
                last_pull: held.last_pull,
                server_offset: state.server_offset,
                units: units(true)?,
                incomplete: units(false)?,
                is_copy: held.is_copy,
                joined: held.joined,
            }))
        })
    }
}

fn join(inside: &mut Inside<'_>, joined: &Joined) -> Result<(), VaultError> {
    let known = Held::load(inside.connection, inside.state.actor)?;
    if known.as_ref().is_some_and(|held| held.joined.realm != joined.realm) {
        return Err(VaultError::CannotJoin("it belongs to another organization already".into()));
    }
    if joined.realm.is_nil() {
        return Err(VaultError::CannotJoin("the organization has no id".into()));
    }
    let now = inside.around.now();
    if joined.actor != inside.state.actor {
        let mutations: i64 = inside.connection.query_row("SELECT count(*) FROM chain WHERE mutation_id IS NOT NULL", [], |row| row.get(0))?;
        if mutations > 0 {
            return Err(VaultError::CannotJoin("the code is for another person than the one who works here".into()));
        }
        inside.state.actor = joined.actor;
    }
    let same_history = known.as_ref().filter(|held| held.joined.epoch == joined.epoch);
    let held = Held {
        joined: joined.clone(),
        nonce_epoch: joined.epoch,
        joined_at: known.as_ref().map_or(now, |held| held.joined_at),
        from_g: same_history.map_or(0, |held| held.from_g),
        schema_version: SCHEMA_VERSION,
        last_push: None,
        last_pull: None,
        is_copy: false,
    };
    held.save(inside.connection)?;
    inside.state.realm = joined.realm;
    match &known {
        // Everything that is here was made by entries of this laptop: they lie on top of nothing.
        None => lives::first_outbox(inside)?,
        Some(held) if held.joined.epoch != joined.epoch => lives::turn_epoch(inside, now)?,
        Some(_) => {}
    }
    lease::forget_key(inside.connection)?;
    lease::renew(inside, now, now)?;
    told::log(inside.connection, now, &format!("Joined {}.", joined.organization))
}
