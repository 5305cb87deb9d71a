//! The desktop's keyring, the real one: a Secret Service on a session bus of the test's own. What
//! the vault keeps there, and what it says when the item, the service or the bus is missing.

#![cfg(target_os = "linux")]
// Test code stops at the first thing that does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use gladstone_testkit::{image::scratch, reexec, saves, surround::Seeded, vaults::PASSPHRASE};
use gladstone_vault::{
    Alarm, CustodyError, Surrounding, Unlocked, custody,
    keys::{KeyError, device_secret::{DeviceSecrets, KeyringState, SecretService, anchor_name, key_name}, kdf::Cost},
};
use uuid::Uuid;

const NEW: &str = "four new short words";
const NO_BUS: &str = "unix:path=/nonexistent/bus";

/// Gives up soon: a service that waits for a password must not hold up the tests.
fn keyring() -> SecretService {
    SecretService::new(Duration::from_secs(4))
}

fn surrounding() -> Surrounding {
    Surrounding { around: Arc::new(Seeded::new(1)), secrets: Arc::new(keyring()), cost: Cost::FLOOR }
}

fn create(folder: &Path) -> (Unlocked, String) {
    let (unlocked, code) = custody::create(folder, "Amara", PASSPHRASE, Uuid::from_u128(7), &surrounding()).unwrap();
    (unlocked, code.to_text().to_string())
}

fn unlock(folder: &Path, passphrase: &str) -> Result<Unlocked, CustodyError> {
    custody::unlock(folder, passphrase, &surrounding())
}

/// The keyring of a session, open; ended with the test.
struct Daemon(Child);

impl Daemon {
    fn start() -> Daemon {
        let mut child = Command::new("gnome-keyring-daemon").args(["--unlock", "--components=secrets", "--foreground"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("install gnome-keyring to run the tests");
        child.stdin.take().unwrap().write_all(b"keyring password").unwrap();
        let daemon = Daemon(child);
        let start = Instant::now();
        while keyring().probe() != KeyringState::Ready {
            assert!(start.elapsed() < Duration::from_secs(20), "the keyring answers: {:?}", keyring().probe());
            thread::sleep(Duration::from_millis(50));
        }
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A bus that starts no service by itself: asked before the daemon is there, it would start another one, locked.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>"#;

/// Runs the test's other part on a session bus of its own, with a home folder of its own.
fn in_session(test: &str) {
    let home = scratch();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let inner = reexec::again(test, &home.path().join("vault"));
    let mut outer = Command::new("dbus-run-session");
    let bus = home.path().join("bus.conf");
    std::fs::write(&bus, BUS).unwrap();
    outer.arg("--config-file").arg(&bus).arg("--").arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        outer.env(name, value.unwrap());
    }
    for name in ["HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
        outer.env(name, home.path());
    }
    for name in ["DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "GNOME_KEYRING_CONTROL"] {
        outer.env_remove(name);
    }
    reexec::finish(&mut outer);
}

/// Runs the test's other part once more, without any bus.
fn without_bus(test: &str, folder: &Path) {
    reexec::finish(reexec::again(test, folder).env("DBUS_SESSION_BUS_ADDRESS", NO_BUS).env("XDG_RUNTIME_DIR", "/nonexistent"));
}

/// The folder of the other part when there is a bus; the one when there is none.
fn part() -> (Option<PathBuf>, Option<PathBuf>) {
    let none = std::env::var("DBUS_SESSION_BUS_ADDRESS").is_ok_and(|address| address == NO_BUS);
    reexec::part().map_or((None, None), |folder| if none { (None, Some(folder)) } else { (Some(folder), None) })
}

#[test]
fn the_keyring_keeps_this_computers_part_of_the_key_and_the_anchor() {
    let (Some(folder), _) = part() else { return in_session("the_keyring_keeps_this_computers_part_of_the_key_and_the_anchor") };
    let _daemon = Daemon::start();
    let (unlocked, _) = create(&folder);
    assert_eq!(unlocked.degraded, None, "with a keyring, the passphrase is not alone");
    let vault = unlocked.header.vault;
    assert_eq!(keyring().get(&key_name(vault)).unwrap().map(|secret| secret.len()), Some(32), "the part of the key lies in the keyring");
    saves::save_all(&unlocked.vault, 0..4);
    unlocked.lock().unwrap();
    assert!(keyring().get(&anchor_name(vault)).unwrap().is_some(), "locking leaves the anchor in the keyring");
    let database = folder.join("vault.db");
    let old = std::fs::read(&database).unwrap();
    let unlocked = unlock(&folder, PASSPHRASE).unwrap();
    assert_eq!((unlocked.alarm.clone(), unlocked.degraded.clone()), (None, None), "it opens without a word");
    saves::save_all(&unlocked.vault, 4..6);
    unlocked.lock().unwrap();
    std::fs::write(&database, old).unwrap();
    std::fs::remove_file(folder.join("anchor")).unwrap();
    assert_eq!(unlock(&folder, PASSPHRASE).unwrap().alarm, Some(Alarm::Behind { missing: 2 }), "without the anchor beside it, the one in the keyring tells of an old file");
}

#[test]
fn without_the_keyrings_part_the_passphrase_opens_nothing_and_the_recovery_code_does() {
    let (Some(folder), _) = part() else { return in_session("without_the_keyrings_part_the_passphrase_opens_nothing_and_the_recovery_code_does") };
    let _daemon = Daemon::start();
    let (unlocked, code) = create(&folder);
    let vault = unlocked.header.vault;
    let saved = saves::save_all(&unlocked.vault, 0..4).pop().unwrap();
    unlocked.lock().unwrap();
    let secret = keyring().get(&key_name(vault)).unwrap().unwrap();
    keyring().delete(&key_name(vault)).unwrap();
    let refused = unlock(&folder, PASSPHRASE).err();
    assert!(matches!(refused, Some(CustodyError::Key(KeyError::NoDeviceSecret))), "it is not said to be the wrong passphrase: {refused:?}");
    assert!(refused.unwrap().to_string().contains("recovery code"), "the message says what to do");
    keyring().set(&key_name(vault), &[7; 32]).unwrap();
    assert!(matches!(unlock(&folder, PASSPHRASE), Err(CustodyError::Key(KeyError::WrongPassphrase { .. }))), "another computer's part does not fit");
    keyring().set(&key_name(vault), &secret).unwrap();
    unlock(&folder, PASSPHRASE).unwrap().lock().unwrap();
    keyring().delete(&key_name(vault)).unwrap();
    let (unlocked, _) = custody::unlock_with_recovery(&folder, &code, NEW, &surrounding()).unwrap();
    assert_eq!((unlocked.vault.state().dseq, unlocked.degraded.clone(), unlocked.alarm.clone()), (saved.dseq, None, None), "everything is there, with a new part in the keyring");
    unlocked.lock().unwrap();
    unlock(&folder, NEW).unwrap().vault.verify(&mut |_, _| true).unwrap();
}

#[test]
fn without_a_service_the_vault_says_that_the_passphrase_is_alone_until_one_is_there() {
    let test = "without_a_service_the_vault_says_that_the_passphrase_is_alone_until_one_is_there";
    match part() {
        (None, None) => in_session(test),
        (None, Some(folder)) => {
            let (unlocked, _) = create(&folder);
            let reason = unlocked.degraded.clone().unwrap();
            assert!(reason.contains("keyring"), "the reason is given: {reason}");
            saves::save_all(&unlocked.vault, 0..2);
            unlocked.lock().unwrap();
            let unlocked = unlock(&folder, PASSPHRASE).unwrap();
            assert!(unlocked.degraded.is_some(), "it is said at each unlocking");
        }
        (Some(folder), _) => {
            without_bus(test, &folder);
            let _daemon = Daemon::start();
            let unlocked = unlock(&folder, PASSPHRASE).unwrap();
            assert!(unlocked.degraded.as_deref().is_some_and(|reason| reason.contains("change the passphrase")), "now it says how to add the keyring: {:?}", unlocked.degraded);
            let (unlocked, _) = unlocked.change_passphrase(NEW, &surrounding()).unwrap();
            assert_eq!(unlocked.degraded, None, "from then on the keyring has its part");
            assert!(keyring().get(&key_name(unlocked.header.vault)).unwrap().is_some(), "which lies there");
            unlocked.lock().unwrap();
            assert_eq!(unlock(&folder, NEW).unwrap().vault.state().dseq, 2, "with everything in it");
        }
    }
}

#[test]
fn a_vault_made_with_a_keyring_says_so_where_there_is_none() {
    let test = "a_vault_made_with_a_keyring_says_so_where_there_is_none";
    match part() {
        (None, None) => in_session(test),
        (Some(folder), _) => {
            let _daemon = Daemon::start();
            let (unlocked, code) = create(&folder);
            saves::save_all(&unlocked.vault, 0..3);
            unlocked.lock().unwrap();
            std::fs::write(folder.with_extension("code"), code).unwrap();
            without_bus(test, &folder);
        }
        (None, Some(folder)) => {
            let refused = unlock(&folder, PASSPHRASE).err();
            assert!(matches!(refused, Some(CustodyError::Key(KeyError::NoDeviceSecret))), "the passphrase is not said to be wrong: {refused:?}");
            let code = std::fs::read_to_string(folder.with_extension("code")).unwrap();
            let (unlocked, _) = custody::unlock_with_recovery(&folder, &code, NEW, &surrounding()).unwrap();
            assert!(unlocked.degraded.is_some(), "the passphrase is alone now, and the vault says so");
            assert_eq!(unlocked.vault.state().dseq, 3, "everything is there");
        }
    }
}

#[test]
fn a_keyring_that_waits_for_its_password_is_given_up_on_and_said_to_be_missing() {
    let (Some(folder), _) = part() else { return in_session("a_keyring_that_waits_for_its_password_is_given_up_on_and_said_to_be_missing") };
    // Nobody opened the keyring of this session; the bus may start a service that asks for a password.
    let start = Instant::now();
    let (unlocked, _) = create(&folder);
    assert!(unlocked.degraded.is_some(), "the vault says that the passphrase is alone");
    assert!(start.elapsed() < Duration::from_secs(25), "it does not wait for ever: {:?}", start.elapsed());
}
