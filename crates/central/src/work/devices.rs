//! Laptops and their lives in the working set.

use uuid::Uuid;

use super::Work;
use crate::{
    engine::{Device, Life},
    error::CentreError,
};

impl Work<'_> {
    /// Reads laptops and their lives.
    pub fn load_devices(&mut self, ids: &[Uuid]) -> Result<(), CentreError> {
        let missing = self.unasked(ids);
        if missing.is_empty() {
            return Ok(());
        }
        let (devices, lives) = (self.shelf.devices(Some(&missing))?, self.shelf.lives(&missing)?);
        self.take_devices(devices, lives);
        Ok(())
    }

    pub(super) fn unasked(&mut self, ids: &[Uuid]) -> Vec<Uuid> {
        ids.iter().copied().filter(|id| self.devices_asked.insert(*id)).collect()
    }

    pub(super) fn take_devices(&mut self, devices: Vec<Device>, lives: Vec<Life>) {
        self.devices.extend(devices.into_iter().map(|device| (device.id, device)));
        self.lives.extend(lives.into_iter().map(|life| ((life.device, life.incarnation), life)));
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
