//! A central service of its own, as an operator starts it: the real program on a free port.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::program;

/// The running service; ends when this is dropped.
pub struct Centre {
    folder: tempfile::TempDir,
    child: Option<Child>,
    /// Where it listens, for example `https://127.0.0.1:40123`.
    pub address: String,
}

impl Centre {
    /// Founds an organization and serves it on the embedded store, over TLS.
    ///
    /// # Errors
    /// The program does not run.
    pub fn serve(organization: &str) -> Result<Centre, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        run(command(&folder.path().join("centre")).args(["found", organization]))?;
        let mut centre = Centre { folder, child: None, address: String::new() };
        centre.start()?;
        Ok(centre)
    }

    /// Starts the service on a free port.
    fn start(&mut self) -> Result<(), String> {
        let mut serve = command(&self.data());
        serve.args(["serve", "--listen", "127.0.0.1:0", "--log", "error"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = serve.spawn().map_err(|error| error.to_string())?;
        let output = child.stdout.take().ok_or("the service says nothing")?;
        self.child = Some(child);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
        self.address = line.trim().strip_prefix("listening on ").ok_or_else(|| format!("the service says: {line}"))?.to_owned();
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("centre")
    }

    /// An invitation as a link that leads to `address`: that of the centre, or of a line to it.
    ///
    /// # Errors
    /// What the program says.
    pub fn invite(&self, address: &str, name: &str, role: &str) -> Result<String, String> {
        run(command(&self.data()).args(["invite", "--public-url", address, "--name", name, "--role", role, "--quiet"]))
    }

    /// An invitation for somebody who is known there already, by the id of the person.
    ///
    /// # Errors
    /// What the program says.
    pub fn invite_again(&self, address: &str, name: &str, role: &str, user: &str) -> Result<String, String> {
        run(command(&self.data()).args(["invite", "--public-url", address, "--name", name, "--role", role, "--user", user, "--quiet"]))
    }

    /// Writes a backup beside the running service.
    ///
    /// # Errors
    /// What the program says.
    pub fn back_up(&self) -> Result<PathBuf, String> {
        let to = self.folder.path().join("backup.sqlite");
        run(command(&self.data()).args(["backup", "--to"]).arg(&to))?;
        Ok(to)
    }

    /// Puts a backup in the place of what is there, begins another history, and serves that: at another address.
    ///
    /// # Errors
    /// What the program says.
    pub fn put_back(&mut self, backup: &Path) -> Result<(), String> {
        self.stop();
        run(command(&self.data()).args(["restore", "--replace", "--from"]).arg(backup))?;
        run(command(&self.data()).arg("new-epoch"))?;
        self.start()
    }

    /// Ends in order; whatever it says, its folder goes with it.
    fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        let _ = child.wait();
    }

    /// Ends the right of the laptop of this person.
    ///
    /// # Errors
    /// What the program says, or that nobody is called so.
    pub fn revoke(&self, name: &str) -> Result<(), String> {
        let devices = run(command(&self.data()).arg("devices"))?;
        let device = devices.lines().find(|line| line.contains(name)).and_then(|line| line.split_whitespace().next());
        run(command(&self.data()).args(["revoke", "--device", device.ok_or_else(|| format!("{name} is not among {devices}"))?])).map(|_| ())
    }
}

impl Drop for Centre {
    fn drop(&mut self) {
        self.stop();
    }
}

fn command(data: &Path) -> Command {
    let mut command = Command::new(program());
    command.args(["central", "--tls-self-signed", "--data"]).arg(data).stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
