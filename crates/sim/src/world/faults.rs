//! What goes wrong in a world apart from the line between a laptop and the centre.

use std::collections::BTreeSet;

use gladstone_sync::engine::Input;
use gladstone_testkit::Dice;
use uuid::Uuid;

use crate::{
    files,
    invariants::Broken,
    laptop::Laptop,
    line,
    step::Act,
    time::DAY,
    world::{World, sync::Weather},
};

/// For how long a backup of the centre may be used: laptops keep what was acknowledged for 30 days.
const BACKUP: i64 = 20 * DAY;

impl World {
    /// A laptop's folder is copied, and both go on.
    pub(super) fn copy(&mut self, at: usize) -> Result<String, Broken> {
        if self.laptops.len() >= self.plan.size.laptops() || !self.laptops[at].has_joined() {
            return Ok("not now".into());
        }
        self.fault("laptop copied");
        let (image, machine) = (self.laptops[at].image(), self.machine());
        let original = &mut self.laptops[at];
        original.past.copied = true;
        let mut copy = Laptop::from_image(0, original.person(), machine, &image);
        copy.saved = original.saved.clone();
        copy.settled = original.settled.clone();
        copy.past = original.past;
        copy.no = self.laptops.len();
        self.laptops.push(copy);
        self.check(self.laptops.len() - 1)?;
        Ok(format!("laptop {} is the copy", self.laptops.len() - 1))
    }

    /// A laptop is put back to the folder that was kept.
    pub(super) fn set_back(&mut self, at: usize, notices: bool) -> Result<String, Broken> {
        let Some((image, saved)) = self.kept.remove(&at) else { return Ok("nothing was kept".into()) };
        self.fault(if notices { "laptop put back" } else { "laptop put back with its witness" });
        let judged: BTreeSet<Uuid> = self.host.ground.filed().iter().filter_map(|filed| filed.first().map(|mutation| mutation.id)).collect();
        self.entrusted.extend(self.laptops[at].saved.keys().filter(|id| judged.contains(id) && !saved.contains_key(id)));
        let device = self.laptops[at].vault().state().device;
        let laptop = &mut self.laptops[at];
        laptop.restart(&image);
        laptop.saved = saved;
        laptop.on_the_way.clear();
        // Another device by now: the kept one is a copy of whoever goes on in its name.
        laptop.past.copied |= !notices || laptop.vault().state().device != device;
        if notices {
            laptop.vault().begin_new_life().map_err(|error| Broken::new(7, error.to_string()))?;
        }
        let device = self.laptops[at].vault().state().device;
        for other in 0..self.laptops.len() {
            if other != at && self.laptops[other].vault().state().device == device {
                self.laptops[other].past.copied = true;
                self.laptops[at].past.copied = true;
            }
        }
        self.check(at)
    }

    /// The centre is put back to its backup.
    pub(super) fn put_back(&mut self) -> Result<String, Broken> {
        let Some((_, backup)) = self.backup.take().filter(|(at, _)| self.time.peek() - at < BACKUP) else { return Ok("there is no backup".into()) };
        self.fault("centre put back");
        self.host.put_back(&backup).map_err(|why| Broken::new(1, why))?;
        // What only the centre had is gone, but for what the backup has; and so are connections and
        // sessions.
        let judged: BTreeSet<Uuid> = self.host.ground.filed().iter().filter_map(|filed| filed.first().map(|mutation| mutation.id)).collect();
        self.entrusted.retain(|id| judged.contains(id));
        for laptop in &mut self.laptops {
            laptop.signed_in = false;
            laptop.on_the_way.clear();
        }
        Ok("under another history".into())
    }

    /// The right of a laptop ends.
    pub(super) fn revoke(&mut self, at: usize) -> Result<String, Broken> {
        let laptop = &self.laptops[at];
        let device = laptop.vault().state().device;
        if laptop.role == "admin" || !laptop.has_joined() || self.host.knows(device) != Some(true) {
            return Ok("not this one".into());
        }
        self.fault("laptop revoked");
        self.host.centre().revoke(self.host.realm, device).map_err(|error| Broken::new(6, error.to_string()))?;
        self.laptops[at].past.revoked = true;
        Ok("ended".into())
    }

    /// Somebody writes and synchronizes while the disk takes only so many pages more.
    pub(super) fn disk_full(&mut self, at: usize, pages: u32, dice: &mut Dice) -> Result<String, Broken> {
        self.laptops[at].reopen(Some(pages));
        let mut told = Vec::new();
        for act in [Act::Register, Act::Long, Act::TwoPeople] {
            let pick = dice.roll();
            told.push(self.edit(at, act, dice, pick)?);
        }
        if self.laptops[at].has_joined() {
            told.push(format!("{:?}", self.fly(at, Input::Start, &Weather::FAIR, dice)?));
        }
        self.laptops[at].reopen(None);
        self.check(at)?;
        Ok(told.join(", "))
    }

    /// The program is gone at some moment of a save. Nobody was told that anything is saved; what is
    /// there is there as a whole.
    pub(super) fn kill_in_save(&mut self, at: usize, act: Act, dice: &mut Dice) -> Result<String, Broken> {
        let before = self.laptops[at].image();
        let (pick, seed) = (dice.roll(), dice.roll());
        let Ok(Some(id)) = self.desk(at, pick, seed).act(act) else { return Ok("nothing to do".into()) };
        self.fault("laptop killed in save");
        let torn = files::torn(&before, &self.laptops[at].image(), dice);
        self.laptops[at].restart(&torn);
        self.check(at)?;
        Ok(if self.laptops[at].chain_ids().contains(&id) { "and it is there" } else { "and it is not there" }.into())
    }

    /// What was under way arrives.
    pub(super) fn arrive(&mut self) -> usize {
        let messages: Vec<(bool, Vec<u8>)> = self.laptops.iter_mut().flat_map(|laptop| std::mem::take(&mut laptop.on_the_way)).collect();
        for (is_push, bytes) in &messages {
            line::arrive(&self.host, *is_push, bytes);
        }
        let _ = self.host.follow();
        messages.len()
    }
}
