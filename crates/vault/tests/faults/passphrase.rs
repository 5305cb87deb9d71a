//! Passphrases and key files: tries are counted before they are checked, waits grow, and a damaged
//! or altered key file is told from a wrong passphrase.

use std::{path::PathBuf, sync::{Arc, Mutex}};

use gladstone_testkit::{Dice, Image, dice, image::scratch, saves, surround::{MemoryKeyring, Seeded, surrounding, with_clock}, vaults};
use gladstone_vault::{
    CustodyError, Surrounding, custody,
    folder::VaultFolder,
    keys::{KeyError, device_secret::{DeviceSecrets, KeyringState}, kdf::Cost, slot::SlotFile},
};
use uuid::Uuid;

/// A keyring that looks at the counter of tries whenever it is asked for a key.
struct Witness {
    keyring: MemoryKeyring,
    attempts: PathBuf,
    seen: Mutex<Vec<u64>>,
}

impl DeviceSecrets for Witness {
    fn probe(&self) -> KeyringState {
        self.keyring.probe()
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        if name.ends_with("key") && let Ok(bytes) = std::fs::read(&self.attempts) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let digits: String = text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
            self.seen.lock().unwrap().push(digits.parse().unwrap());
        }
        self.keyring.get(name)
    }

    fn set(&self, name: &str, secret: &[u8]) -> Result<(), String> {
        self.keyring.set(name, secret)
    }

    fn delete(&self, name: &str) -> Result<(), String> {
        self.keyring.delete(name)
    }
}

#[test]
fn a_try_is_counted_on_disk_before_the_passphrase_is_checked() {
    let folder = scratch();
    let witness = Arc::new(Witness { keyring: MemoryKeyring::default(), attempts: folder.path().join("attempts"), seen: Mutex::default() });
    let with = Surrounding { around: Arc::new(Seeded::new(1)), secrets: witness.clone(), cost: Cost::FLOOR };
    custody::create(folder.path(), "Amara", vaults::PASSPHRASE, Uuid::from_u128(7), &with).unwrap().0.lock().unwrap();
    for wrong in ["no", "nor this"] {
        assert!(matches!(custody::unlock(folder.path(), wrong, &with), Err(CustodyError::Key(KeyError::WrongPassphrase { .. }))), "a wrong passphrase is said to be wrong");
    }
    custody::unlock(folder.path(), vaults::PASSPHRASE, &with).unwrap().lock().unwrap();
    custody::unlock(folder.path(), vaults::PASSPHRASE, &with).unwrap();
    assert_eq!(*witness.seen.lock().unwrap(), [1, 2, 3, 1], "the count is on disk while the key is asked for, and starts anew after the right one");
}

#[test]
fn after_six_wrong_tries_even_the_right_passphrase_has_to_wait() {
    let made = vaults::make();
    made.unlocked.lock().unwrap();
    let clock = Arc::new(Seeded::new(2));
    let with = with_clock(Arc::clone(&clock));
    for left in [Some(4), Some(3), Some(2), Some(1), None, None] {
        let refused = custody::unlock(made.folder.path(), "not this one", &with);
        assert!(matches!(refused, Err(CustodyError::Key(KeyError::WrongPassphrase { tries_before_wait })) if tries_before_wait == left), "the number of tries that are left is said");
    }
    for (pass, seconds) in [(0, 30), (20, 10), (-100_000, 30)] {
        clock.pass(pass);
        let refused = custody::unlock(made.folder.path(), vaults::PASSPHRASE, &with).err().map(|error| error.to_string());
        assert_eq!(refused, Some(format!("Too many tries. Wait {seconds} seconds and try again")), "no try is made before the wait is over, whatever the clock says");
        if pass < 0 {
            clock.pass(-pass);
        }
    }
    clock.pass(11);
    custody::unlock(made.folder.path(), vaults::PASSPHRASE, &with).unwrap().lock().unwrap();
    assert!(matches!(custody::unlock(made.folder.path(), "no", &with), Err(CustodyError::Key(KeyError::WrongPassphrase { tries_before_wait: Some(4) }))), "the right passphrase starts the count anew");
    std::fs::write(made.folder.path().join("attempts"), b"ruined").unwrap();
    assert!(matches!(custody::unlock(made.folder.path(), "no", &with), Err(CustodyError::Key(KeyError::WrongPassphrase { tries_before_wait: None }))), "a damaged counter gives no free tries");
}

#[test]
fn one_damaged_copy_of_the_key_file_is_harmless_and_two_are_said_to_be_damaged() {
    let made = vaults::make();
    saves::save(&made.unlocked.vault, 0).unwrap();
    made.unlocked.lock().unwrap();
    let good = Image::of(made.folder.path());
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 4] = [("empty", Vec::clear), ("cut short", |bytes| bytes.truncate(bytes.len() / 2)), ("one bit flipped", |bytes| bytes[60] ^= 4), ("of another program", |bytes| *bytes = b"something else".to_vec())];
    for (what, damage) in damages {
        for copy in ["slots.a", "slots.b"] {
            let mut image = good.clone();
            damage(image.file_mut(copy));
            let unlocked = vaults::unlock(image.unpack().path());
            assert!(unlocked.is_ok_and(|unlocked| unlocked.alarm.is_none()), "{copy} {what}: the other copy opens it");
        }
        let mut image = good.clone();
        damage(image.file_mut("slots.a"));
        damage(image.file_mut("slots.b"));
        let folder = image.unpack();
        assert!(matches!(vaults::unlock(folder.path()), Err(CustodyError::Key(KeyError::DamagedSlots))), "both {what}: said to be damaged");
        let by_code = custody::unlock_with_recovery(folder.path(), &made.code, "four new short words", &surrounding(3));
        assert!(matches!(by_code, Err(CustodyError::Key(KeyError::DamagedSlots))), "both {what}: the recovery code has nothing to open either");
    }
}

#[test]
fn a_key_file_with_costs_beyond_the_limits_is_said_to_be_changed() {
    let made = vaults::make();
    made.unlocked.lock().unwrap();
    let copies = VaultFolder::at(made.folder.path()).slots();
    let good = SlotFile::load([&copies[0], &copies[1]], 0).unwrap();
    for cost in [Cost { memory_kib: 8, ..Cost::FLOOR }, Cost { passes: 1, ..Cost::FLOOR }, Cost { memory_kib: u32::MAX, ..Cost::FLOOR }, Cost { passes: 1_000, ..Cost::FLOOR }, Cost { lanes: 200, ..Cost::FLOOR }] {
        let mut file = good.clone();
        file.generation += 1;
        file.slots[0].header.cost = cost;
        file.save([&copies[0], &copies[1]]).unwrap();
        assert!(matches!(vaults::unlock(made.folder.path()), Err(CustodyError::Key(KeyError::SuspiciousSlots(_)))), "{cost:?} is refused before anything is derived");
    }
    assert!(matches!(SlotFile::load([&copies[0], &copies[1]], 2), Err(KeyError::SuspiciousSlots(_))), "so is an epoch below the one that is known");
}

#[test]
fn altered_key_files_with_a_good_checksum_open_nothing_and_stop_nothing() {
    let made = vaults::make();
    made.unlocked.lock().unwrap();
    let key = vaults::root_key(made.folder.path(), &made.code);
    let copies = VaultFolder::at(made.folder.path()).slots();
    let good = std::fs::read(&copies[0]).unwrap();
    let mut dice = Dice::of("altered key file");
    let code = gladstone_vault::keys::recovery_code::RecoveryCode::parse(&made.code).unwrap();
    let (mut read, mut opened) = (0, 0);
    for _ in 0..dice::size(4_000, 400_000) {
        let mut bytes = good[..good.len() - 32].to_vec();
        for _ in 0..=dice.below(3) {
            let at = 8 + dice.below(bytes.len() - 8);
            match dice.below(3) {
                0 => bytes[at] ^= 1 << dice.below(8),
                1 => bytes[at] = dice.roll() as u8,
                _ => bytes.truncate(at.max(9)),
            }
        }
        bytes.extend_from_slice(blake3::hash(&bytes).as_bytes());
        let copy = made.folder.path().join("altered");
        std::fs::write(&copy, &bytes).unwrap();
        let Ok(file) = SlotFile::load([&copy, &copy], 0) else { continue };
        read += 1;
        for slot in &file.slots {
            if let Ok(Some(found)) = slot.open_with_recovery(&code) {
                opened += 1;
                assert_eq!(found.digest().0, key.digest().0, "a slot that opens gives the right key or none");
            }
        }
    }
    assert!(read > 100 && opened > 100, "the alterations reach the slots: {read} were read, {opened} opened");
}
