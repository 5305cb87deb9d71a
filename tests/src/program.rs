//! The real `gladstone` program, built when it is missing or older than the test that asks.

use std::{env, fs, path::{Path, PathBuf}, process::Command, time::SystemTime};

/// The program beside the test that runs: `target/debug/gladstone` for a test of the debug build.
///
/// # Panics
/// When it does not build.
pub fn program() -> PathBuf {
    let here = env::current_exe().expect("a test knows its own file");
    let built = here.ancestors().skip(1).find(|folder| !folder.ends_with("deps")).unwrap_or(Path::new("."));
    let path = built.join(format!("gladstone{}", env::consts::EXE_SUFFIX));
    let changed = |path: &Path| fs::metadata(path).and_then(|known| known.modified()).ok();
    if changed(&path) < changed(&here) {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "gladstone-cli", "--bin", "gladstone"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        assert!(build.status().is_ok_and(|status| status.success()), "the program builds");
        // Nothing may have changed; the next test shall not ask again.
        fs::File::open(&path).and_then(|file| file.set_modified(SystemTime::now())).expect("the program's time is set");
    }
    path
}
