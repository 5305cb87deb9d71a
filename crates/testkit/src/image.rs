//! The files of a folder at one moment, in memory.

use std::{
    collections::BTreeMap,
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use tempfile::TempDir;

/// File names and their bytes; folders within are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image(pub BTreeMap<String, Vec<u8>>);

impl Image {
    /// The files of a folder as they are now.
    pub fn of(folder: &Path) -> Image {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            match fs::read(entry.path()) {
                Ok(bytes) => drop(files.insert(entry.file_name().to_string_lossy().into_owned(), bytes)),
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {}
                Err(error) => unreachable!("{}: {error}", entry.path().display()),
            }
        }
        Image(files)
    }

    /// The bytes of a file; none when it is not there.
    pub fn file(&self, name: &str) -> &[u8] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The bytes of a file to be changed; made when it is not there.
    pub fn file_mut(&mut self, name: &str) -> &mut Vec<u8> {
        self.0.entry(name.into()).or_default()
    }

    /// The image as a folder of its own, for its owner alone.
    pub fn unpack(&self) -> TempDir {
        let folder = scratch();
        for (name, bytes) in &self.0 {
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(folder.path().join(name)).unwrap();
            file.write_all(bytes).unwrap();
        }
        folder
    }
}

/// A folder for a short time and its owner alone, in memory where the system offers that: there are
/// thousands.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let mut builder = tempfile::Builder::new();
    builder.permissions(Permissions::from_mode(0o700));
    let made = if memory.is_dir() { builder.tempdir_in(memory) } else { builder.tempdir() };
    made.or_else(|_| builder.tempdir()).unwrap()
}
