//! Organizations and their laptops as the operator sees them: founding, listing, copying, forgetting what was
//! told long ago, and a new history after a backup was put back.

use std::path::Path;

use gladstone_model::Instant;
use uuid::Uuid;

use crate::{
    centre::{Centre, LONGEST_LEASE_DAYS},
    engine::{Device, NewRealm},
    error::CentreError,
    own,
};

/// An organization, for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealmInfo {
    /// Its id.
    pub realm: Uuid,
    /// Its name.
    pub name: String,
    /// Its history.
    pub epoch: Uuid,
    /// Last commit number.
    pub g: u64,
    /// How many mutations wait for something.
    pub held: u64,
    /// How many laptops it has, those without right included.
    pub devices: u64,
    /// Days for which they may work without contact.
    pub lease_days: u16,
    /// Whether nothing is served until it has a new epoch.
    pub blocked: bool,
}

/// A laptop, for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Its id.
    pub device: Uuid,
    /// Whose it is.
    pub actor: Uuid,
    /// Name of that person.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// When it joined.
    pub enrolled: Instant,
    /// When it last pushed.
    pub seen: Option<Instant>,
    /// When its right ended.
    pub revoked: Option<Instant>,
    /// How many envelopes came from it, in all its lives.
    pub envelopes: u64,
}

impl Centre {
    /// Founds an organization and returns its id, which is that of its realm.
    ///
    /// # Errors
    /// [`CentreError::Refused`] for a name without letters or longer than 255 characters; what the
    /// store says.
    pub fn found(&self, name: &str) -> Result<Uuid, CentreError> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 255 {
            return Err(CentreError::Refused("an organization needs a name of 1 to 255 characters".into()));
        }
        let mut seed = [0; 32];
        self.around.random(&mut seed)?;
        let id = self.around.new_id()?;
        self.engine.found(&NewRealm { id, name: name.into(), epoch: self.around.new_id()?, founded: self.around.now(), device: self.around.new_id()?, seed })?;
        let slug = slug(name, id);
        self.write_own(id, "centre.found", |work| Ok(vec![own::create("organizations", id, &[("name", name.into()), ("slug", slug.as_str().into())], work.now)?]))?;
        Ok(id)
    }

    /// All organizations.
    ///
    /// # Errors
    /// What the store says.
    pub fn realms(&self) -> Result<Vec<RealmInfo>, CentreError> {
        let mut found = Vec::new();
        for realm in self.engine.realms()? {
            let blocked = self.served(realm).is_err();
            found.push(self.look(realm, |shelf| {
                let head = shelf.head()?;
                let devices = shelf.devices(None)?.len() as u64;
                Ok(RealmInfo { realm, name: head.name, epoch: head.epoch, g: head.g, held: head.held, devices, lease_days: head.lease_days, blocked })
            })?);
        }
        Ok(found)
    }

    /// The laptops of a realm.
    ///
    /// # Errors
    /// What the store says.
    pub fn devices(&self, realm: Uuid) -> Result<Vec<DeviceInfo>, CentreError> {
        self.look(realm, |shelf| {
            let devices = shelf.devices(None)?;
            let lives = shelf.lives(&devices.iter().map(|device| device.id).collect::<Vec<_>>())?;
            let people: Vec<_> = devices.iter().filter_map(|device| crate::work::user_key(device.actor)).collect();
            let people = shelf.rows(&people)?;
            let name = |actor: Uuid| people.iter().find(|state| state.row.id() == actor).map_or(String::new(), |state| state.row.text("name").to_owned());
            let envelopes = |id: Uuid| lives.iter().filter(|life| life.device == id).map(|life| life.dseq).sum();
            let info = |device: Device| DeviceInfo { name: name(device.actor), envelopes: envelopes(device.id), device: device.id, actor: device.actor, label: device.label, enrolled: device.enrolled, seen: device.seen, revoked: device.revoked };
            Ok(devices.into_iter().map(info).collect())
        })
    }

    /// Begins another history of a realm: after its store was put back from a backup. Laptops then
    /// send again what this store lacks.
    ///
    /// # Errors
    /// What the store says.
    pub fn new_epoch(&self, realm: Uuid) -> Result<Uuid, CentreError> {
        let epoch = self.around.new_id()?;
        self.engine.write(realm, &mut |shelf| Ok(shelf.set_epoch(epoch)?))?;
        self.serve(realm);
        Ok(epoch)
    }

    /// Writes a copy of a realm to a new file, beside running work.
    ///
    /// # Errors
    /// [`crate::EngineError::Refused`] when the file exists, or this engine leaves copies to the
    /// database's own tools; what the disk says.
    pub fn backup(&self, realm: Uuid, to: &Path) -> Result<(), CentreError> {
        Ok(self.engine.backup(realm, to)?)
    }

    /// Forgets what was told up to a commit number; laptops that were away for longer download
    /// anew. The chains and all records stay.
    ///
    /// # Errors
    /// What the store says.
    pub fn trim_log(&self, realm: Uuid, through_g: u64) -> Result<(), CentreError> {
        self.engine.write(realm, &mut |shelf| {
            let through = through_g.min(shelf.head()?.g);
            Ok(shelf.trim_log(through)?)
        })?;
        self.recent.forget(realm);
        Ok(())
    }

    /// Forgets what was told more than `days` ago, in every realm that is served; at least
    /// [`LONGEST_LEASE_DAYS`] are kept, so that no laptop with a lease has to download anew. Returns
    /// how many commit numbers were forgotten.
    ///
    /// # Errors
    /// What the store says.
    pub fn trim_by_age(&self, days: u16) -> Result<u64, CentreError> {
        let before = self.around.now().plus_seconds(-i64::from(days.max(LONGEST_LEASE_DAYS)) * 86_400);
        let mut forgotten = 0;
        for realm in self.engine.realms()? {
            if self.served(realm).is_err() {
                continue;
            }
            let (floor, through) = self.look(realm, |shelf| {
                let head = shelf.head()?;
                Ok((head.floor_g, shelf.first_since(head.floor_g, before)?.map_or(head.g, |g| g - 1)))
            })?;
            if through > floor {
                self.trim_log(realm, through)?;
                forgotten += through - floor;
            }
        }
        Ok(forgotten)
    }
}

/// A short name for addresses: letters and digits of the name, and a few digits of the id.
fn slug(name: &str, id: Uuid) -> String {
    let kept: String = name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let parts: Vec<&str> = kept.split('-').filter(|part| !part.is_empty()).collect();
    let end = &id.simple().to_string()[24..];
    let whole: String = parts.join("-").chars().take(80).collect();
    if whole.is_empty() { end.to_owned() } else { format!("{}-{end}", whole.trim_end_matches('-')) }
}
