//! Programs that once failed, as files: they are run again with every suite. A file holds the steps
//! themselves, so that it goes on meaning the same when programs are drawn otherwise.

use std::{fs, io, path::{Path, PathBuf}};

use serde::{Deserialize, Serialize};

use crate::{invariants::Broken, run::{self, Outcome, Plan}, step::Step};

/// A program that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regression {
    /// The world.
    pub plan: Plan,
    /// Which invariant was broken, from 1 to 8.
    pub invariant: u8,
    /// How.
    pub reason: String,
    /// What happened in it.
    pub program: Vec<Step>,
}

impl Regression {
    /// What is to be kept of a failure.
    pub fn new(plan: Plan, program: &[Step], broken: &Broken) -> Regression {
        Regression { plan, invariant: broken.invariant, reason: broken.words.clone(), program: program.to_vec() }
    }

    /// The folder of the project's own.
    pub fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions")
    }

    /// Those in a folder, by name of file.
    ///
    /// # Errors
    /// What the disk says; a file that cannot be read, with its name.
    pub fn load(folder: &Path) -> io::Result<Vec<(String, Regression)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                let regression = serde_json::from_slice(&fs::read(&path)?).map_err(|error| io::Error::other(format!("{name}: {error}")))?;
                found.push((name, regression));
            }
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(found)
    }

    /// Writes it into a folder. Returns the name of the file; a seed that failed before has its file
    /// replaced.
    ///
    /// # Errors
    /// What the disk says.
    pub fn save(&self, folder: &Path) -> io::Result<String> {
        let size = serde_json::to_value(self.plan.size)?;
        let name = format!("{}-{}.json", size.as_str().unwrap_or_default(), self.plan.seed);
        fs::create_dir_all(folder)?;
        fs::write(folder.join(&name), format!("{}\n", serde_json::to_string(self)?))?;
        Ok(name)
    }

    /// Runs it again.
    pub fn replay(&self) -> Outcome {
        run::run(self.plan, &self.program, None)
    }
}
