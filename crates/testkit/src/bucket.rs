//! An object store of our own for tests: a real S3 service (s3s-fs, which checks signatures) over a
//! folder, that can be killed and started again, and is gone when this is dropped.

use std::{
    env, fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The name of its only bucket.
pub const BUCKET: &str = "files";
/// Who may use it.
pub const ACCESS_KEY: &str = "gladstone";
/// By what they prove it.
pub const SECRET_KEY: &str = "a-secret-of-a-test";

/// A running object store with one empty bucket.
pub struct Store {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Store {
    /// Starts one.
    ///
    /// # Panics
    /// When the program is not there: `cargo xtask test` installs it.
    pub fn start() -> Store {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join(BUCKET)).expect("a bucket");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
        let mut store = Store { folder, port, child: None };
        store.again();
        store
    }

    /// Starts it again over what it holds.
    ///
    /// # Panics
    /// When it does not start.
    pub fn again(&mut self) {
        let program = program();
        let mut command = Command::new(&program);
        command.args(["--host", "127.0.0.1", "--port", &self.port.to_string(), "--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY]);
        let child = command.arg(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.child = Some(child.unwrap_or_else(|error| panic!("{}: {error}; `cargo xtask test` installs it", program.display())));
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < end, "the object store listens");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills it, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Where it listens on this computer.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The setting that names its bucket, reached at a port.
    pub fn address_at(&self, port: u16) -> String {
        format!("s3://{BUCKET}/practice?endpoint=http://127.0.0.1:{port}&region=here")
    }

    /// The setting that names its bucket.
    pub fn address(&self) -> String {
        self.address_at(self.port)
    }

    /// Everything that lies in the bucket, as files.
    ///
    /// # Panics
    /// When the folder cannot be read.
    pub fn objects(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        below(&self.folder.path().join(BUCKET), &mut found);
        found
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.kill();
    }
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder that can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { below(&path, found) } else { found.push(path) }
    }
}

fn program() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    env::var_os("GLADSTONE_S3S_FS").map_or_else(|| target.join("tools/bin/s3s-fs"), PathBuf::from)
}
