//! The scenario once, on a watched disk, with everything that SQLite wrote on the way.

use gladstone_testkit::{Disk, Image, Saved, disk::Event, saves, vaults};
use gladstone_vault::{database, folder::VaultFolder, keys::{anchor::Anchor, root_key::RootKey}};

/// What was recorded.
pub struct Recording {
    /// The vault before the first save, locked.
    pub base: Image,
    /// What SQLite did from the unlocking to the locking.
    pub events: Vec<Event>,
    /// Where the vault stood after each save; the first one is before all of them.
    pub saved: Vec<Saved>,
    /// The side-file anchor at the same moments.
    pub anchors: Vec<Vec<u8>>,
    /// The key of the vault.
    pub key: RootKey,
}

/// The scenario through the vault as it is.
pub fn ordinary(count: usize) -> Recording {
    let (base, key) = locked();
    let folder = base.unpack();
    let disk = Disk::watch(folder.path());
    disk.record();
    let unlocked = vaults::unlock(folder.path()).unwrap();
    let anchor = || std::fs::read(unlocked.folder.anchor()).unwrap();
    let (mut saved, mut anchors) = (vec![Saved::nothing()], vec![anchor()]);
    for number in 0..count {
        saved.push(saves::save(&unlocked.vault, number).unwrap());
        disk.mark(number + 1);
        anchors.push(anchor());
    }
    unlocked.lock().unwrap();
    Recording { base, events: disk.take_events(), saved, anchors, key }
}

/// The scenario with `synchronous = NORMAL`, which the vault never uses.
pub fn careless(count: usize) -> Recording {
    let (base, key) = locked();
    let folder = base.unpack();
    let disk = Disk::watch(folder.path());
    disk.record();
    let path = VaultFolder::at(folder.path()).database();
    let connection = database::open_writer(&path, &key.database()).unwrap();
    connection.execute_batch("PRAGMA synchronous = NORMAL").unwrap();
    let vault = vaults::attach(&path, connection, &key).unwrap();
    let (mut saved, mut anchors) = (vec![Saved::nothing()], vec![Vec::new()]);
    for number in 0..count {
        saved.push(saves::save(&vault, number).unwrap());
        disk.mark(number + 1);
        let bytes = Anchor::of(&vault.state(), 1).to_bytes(&key.digest());
        anchors.push([&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes.as_slice()].concat());
    }
    vault.close().unwrap();
    Recording { base, events: disk.take_events(), saved, anchors, key }
}

fn locked() -> (Image, RootKey) {
    let made = vaults::make();
    let key = vaults::root_key(made.folder.path(), &made.code);
    made.unlocked.lock().unwrap();
    (Image::of(made.folder.path()), key)
}
