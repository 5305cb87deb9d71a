//! Installs what is missing: Debian packages, the driver of the window, the screen's packages.

use std::{fs, path::PathBuf, process::Command};

use crate::shell::{Outcome, command, has, root, run, run_command, target};

/// Packages for building and running, and for tests of window and keyring.
const PACKAGES: [&str; 14] = [
    "gcc", "libc6-dev", "pkg-config", "libssl-dev", "libwebkit2gtk-4.1-dev", "ca-certificates",
    "xvfb", "webkit2gtk-driver", "fonts-dejavu-core", "gnome-keyring", "dbus", "xauth", "imagemagick", "postgresql-15",
];

/// The Debian packages. On other systems what is missing is only named.
pub fn machine() -> Outcome {
    let missing: Vec<&str> = PACKAGES.into_iter().filter(|package| !installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !has("apt-get") {
        println!("This machine may lack (Debian names): {}", missing.join(" "));
        return Ok(());
    }
    println!("Installing {}", missing.join(" "));
    let sudo = if has("sudo") && std::env::var("USER").is_ok_and(|user| user != "root") { vec!["sudo"] } else { Vec::new() };
    let apt = |arguments: &[&str]| -> Outcome {
        let words: Vec<&str> = sudo.iter().copied().chain(["apt-get"]).chain(arguments.iter().copied()).collect();
        let mut command = command(words[0], &words[1..]);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        run_command(&mut command)
    };
    apt(&["update", "-qq"])?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(missing);
    apt(&arguments)
}

fn installed(package: &str) -> bool {
    let output = Command::new("dpkg-query").args(["-W", "-f", "${Status}", package]).output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("install ok installed"))
}

/// Packages and build of the screen.
pub fn screen() -> Outcome {
    if !has("npm") {
        return Err("Node.js 20 with npm is needed to build the screen; install it and run this again".into());
    }
    let ui = root().join("ui");
    let (lock, stamp) = (ui.join("package-lock.json"), ui.join("node_modules/.installed"));
    let current = fs::read(&lock).ok().is_some_and(|lock| fs::read(&stamp).is_ok_and(|stamp| stamp == lock));
    if !current {
        run_command(command("npm", &["ci", "--no-audit", "--no-fund"]).current_dir(&ui))?;
        let bytes = fs::read(&lock).map_err(|error| error.to_string())?;
        fs::write(&stamp, bytes).map_err(|error| error.to_string())?;
    }
    run_command(command("npm", &["run", "--silent", "build"]).current_dir(&ui))
}

/// The program that drives the window in tests, built from its published source.
pub fn driver() -> Result<PathBuf, String> {
    let place = target().join("tools");
    let binary = place.join("bin/tauri-driver");
    if !binary.exists() {
        let place = place.to_string_lossy().into_owned();
        run("cargo", &["install", "tauri-driver", "--version", "2.1.0", "--locked", "--root", &place, "--target-dir", &format!("{place}/build")])?;
    }
    Ok(binary)
}

/// The object store of the tests of files in a bucket, built from its published source. It is Apache-2.0
/// and no part of what is shipped.
pub fn object_store() -> Result<PathBuf, String> {
    let place = target().join("tools");
    let binary = place.join("bin/s3s-fs");
    if !binary.exists() {
        let place = place.to_string_lossy().into_owned();
        let arguments = ["install", "s3s-fs", "--version", "0.14.1", "--features", "binary", "--locked", "--root", &place, "--target-dir", &format!("{place}/build")];
        // It moves little: built twice as fast when it is optimised less.
        run_command(command("cargo", &arguments).envs([("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"), ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")]))?;
    }
    Ok(binary)
}
