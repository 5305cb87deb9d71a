//! Laptops, their lives and their sessions in the working set.

use uuid::Uuid;

use super::Work;
use crate::{
    engine::{Device, Life, StoredSession},
    error::CentreError,
};

impl Work<'_> {
    /// Reads laptops and their lives.
    pub fn load_devices(&mut self, ids: &[Uuid]) -> Result<(), CentreError> {
        let missing: Vec<Uuid> = ids.iter().copied().filter(|id| self.devices_asked.insert(*id)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let (devices, lives) = (self.shelf.devices(Some(&missing))?, self.shelf.lives(&missing)?);
        self.take_devices(devices, lives);
        Ok(())
    }

    pub(super) fn take_devices(&mut self, devices: Vec<Device>, lives: Vec<Life>) {
        self.devices.extend(devices.into_iter().map(|device| (device.id, device)));
        self.lives.extend(lives.into_iter().map(|life| ((life.device, life.incarnation), life)));
    }

    pub(super) fn take_sessions(&mut self, asked: &[[u8; 32]], found: Vec<StoredSession>) {
        self.sessions.extend(asked.iter().map(|hash| (*hash, None)));
        self.sessions.extend(found.into_iter().map(|session| (session.hash, Some(session))));
    }

    /// Whether a session that was read before is that of this laptop, and good by now.
    pub fn is_signed_in(&self, hash: [u8; 32], device: Uuid) -> bool {
        let session = self.sessions.get(&hash).and_then(Option::as_ref);
        session.is_some_and(|session| session.is_good(self.now) && session.device == device)
    }

    /// A laptop that was read before.
    pub fn device(&self, id: Uuid) -> Option<&Device> {
        self.devices.get(&id)
    }

    /// Puts a laptop in place of what was known of it.
    pub fn put_device(&mut self, device: Device) {
        self.devices_changed.insert(device.id);
        self.devices.insert(device.id, device);
    }

    /// A life of a laptop that was read before.
    pub fn life(&self, device: Uuid, incarnation: Uuid) -> Option<&Life> {
        self.lives.get(&(device, incarnation))
    }

    /// The greatest stamp of a laptop that was read before, in all its lives.
    pub fn last_stamp(&self, device: Uuid) -> u64 {
        self.lives.values().filter(|life| life.device == device).map(|life| life.hlc).max().unwrap_or_default()
    }

    /// Puts the head of a chain in place of what was known of it.
    pub fn put_life(&mut self, life: Life) {
        self.lives_changed.insert((life.device, life.incarnation));
        self.lives.insert((life.device, life.incarnation), life);
    }
}
