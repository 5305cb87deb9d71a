//! A display of our own, so that windows of tests never meet those of a person.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

/// A virtual screen of 1280 x 860 points.
pub struct Display {
    server: Child,
    /// Name for the DISPLAY variable.
    pub name: String,
}

impl Display {
    /// Starts a display on the first free number.
    ///
    /// # Errors
    /// Xvfb is missing or does not start.
    pub fn start() -> Result<Display, String> {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x860x24", "-nolisten", "tcp", "-ac"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("Xvfb does not start: {error}"))?;
        let mut number = String::new();
        if let Some(out) = server.stdout.take() {
            BufReader::new(out).read_line(&mut number).map_err(|error| error.to_string())?;
        }
        if number.trim().is_empty() {
            return Err("Xvfb ended without a display".into());
        }
        Ok(Display { server, name: format!(":{}", number.trim()) })
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // It may have ended already; either way it must not outlive the test.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
