//! A message bus of our own, so that tests can say what a desktop says.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

/// A private session bus.
pub struct Bus {
    daemon: Child,
    /// Address for DBUS_SESSION_BUS_ADDRESS.
    pub address: String,
}

impl Bus {
    /// Starts a bus.
    ///
    /// # Errors
    /// dbus-daemon is missing or does not start.
    pub fn start() -> Result<Bus, String> {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("dbus-daemon does not start: {error}"))?;
        let mut address = String::new();
        if let Some(out) = daemon.stdout.take() {
            BufReader::new(out).read_line(&mut address).map_err(|error| error.to_string())?;
        }
        Ok(Bus { daemon, address: address.trim().to_owned() })
    }

    /// Says that the screen of the desktop was locked.
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub fn say_screen_locked(&self) -> Result<(), String> {
        let sent = Command::new("dbus-send")
            .args(["--session", "--type=signal", "/org/freedesktop/ScreenSaver", "org.freedesktop.ScreenSaver.ActiveChanged", "boolean:true"])
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .status()
            .map_err(|error| error.to_string())?;
        if sent.success() { Ok(()) } else { Err(format!("dbus-send: {sent}")) }
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        // It may have ended already; either way it must not outlive the test.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}
