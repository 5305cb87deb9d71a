//! A centre on this computer while the app runs, so that joining can be tried at once.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::shell::{Outcome, target};

const ADDRESS: &str = "127.0.0.1:8470";

/// The running centre; ends with the app.
pub struct LocalCentre(Child);

/// Serves a practice from `target/centre` and prints an invitation to it.
///
/// # Errors
/// The program does not run, or something else listens there.
pub fn start() -> Result<LocalCentre, String> {
    let known = output(gladstone().arg("realms"))?;
    if known.trim().is_empty() {
        output(gladstone().args(["found", "Practice on this computer"]))?;
    }
    let child = gladstone().args(["serve", "--listen", ADDRESS, "--log", "error"]).stdout(Stdio::null()).spawn().map_err(|error| error.to_string())?;
    let mut centre = LocalCentre(child);
    centre.wait_until_it_answers()?;
    let link = output(gladstone().args(["invite", "--name", "Amara Okafor", "--role", "therapist", "--minutes", "60", "--quiet", "--public-url", &format!("http://{ADDRESS}")]))?;
    println!("A centre runs on this computer while the app is open. To join it, choose the third door and paste, within the hour:\n\n  {}\n", link.trim());
    Ok(centre)
}

impl LocalCentre {
    fn wait_until_it_answers(&mut self) -> Outcome {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            if let Ok(Some(status)) = self.0.try_wait() {
                return Err(format!("the centre ended at once ({status}); does something else listen on {ADDRESS}?"));
            }
            if std::net::TcpStream::connect(ADDRESS).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err("the centre does not answer".into())
    }
}

impl Drop for LocalCentre {
    fn drop(&mut self) {
        // It ends in order on SIGTERM; what it acknowledged is durable anyway.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn gladstone() -> Command {
    let data: PathBuf = target().join("centre");
    let mut command = Command::new(target().join("debug/gladstone"));
    command.args(["central", "--data"]).arg(data);
    command
}

fn output(command: &mut Command) -> Result<String, String> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| format!("gladstone central: {error}"))?;
    if output.status.success() { Ok(String::from_utf8_lossy(&output.stdout).into_owned()) } else { Err("gladstone central failed; see above".into()) }
}
