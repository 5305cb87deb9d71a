//! An older version of the program, built from the history, beside this one. Where there is no history,
//! as in an archive of the sources, this says so and is done.

use std::{fs, path::PathBuf};

use crate::shell::{Outcome, command, run, run_command, target};

/// The last commit of each older version of the schema.
const OLDER: [(u32, &str); 1] = [(1, "ba9e93c")];

/// Builds each older version and lets a laptop that runs it synchronize with a centre of this one.
pub fn older() -> Outcome {
    run("cargo", &["build", "--locked", "--package", "gladstone-cli", "--package", "gladstone-tests", "--bins"])?;
    for (version, commit) in OLDER {
        if !command("git", &["cat-file", "-e", &format!("{commit}^{{commit}}")]).status().is_ok_and(|status| status.success()) {
            println!("version {version}: commit {commit} is not in this history; not tried");
            continue;
        }
        let program = build(version, commit)?;
        println!("a laptop of version {version} with a centre of this one");
        run_command(command("cargo", &["run", "--locked", "--quiet", "--package", "gladstone-tests", "--bin", "older", "--"]).arg(program))?;
    }
    Ok(())
}

/// The program of a commit. Its sources and what is built of them stay in `target/older`, so that the next
/// time nothing has to be done.
fn build(version: u32, commit: &str) -> Result<PathBuf, String> {
    let folder = target().join("older").join(format!("v{version}"));
    let sources = folder.join("sources");
    fs::create_dir_all(&sources).map_err(|error| format!("{}: {error}", sources.display()))?;
    let archive = folder.join("sources.tar");
    run_command(command("git", &["archive", "--format=tar", "--output"]).arg(&archive).arg(commit))?;
    run_command(command("tar", &["-xf"]).arg(&archive).arg("-C").arg(&sources))?;
    run_command(command("cargo", &["build", "--locked", "--package", "gladstone-cli", "--bin", "gladstone", "--target-dir"]).arg(folder.join("built")).current_dir(&sources))?;
    Ok(folder.join("built/debug").join(format!("gladstone{}", std::env::consts::EXE_SUFFIX)))
}
