//! Files that a person saves outside the vault: into which folder, for this user of the computer alone,
//! and never over another file.

use std::{fs::{File, OpenOptions}, io::{self, Write}, path::{Path, PathBuf}};

use crate::error::DeskError;

/// The folder that was named, blanks around it left out; none when none was named.
///
/// # Errors
/// There is no such folder; the error names `field`.
pub fn named_folder(named: Option<&str>, field: &str) -> Result<Option<PathBuf>, DeskError> {
    let named = named.map(str::trim).filter(|named| !named.is_empty()).map(PathBuf::from);
    if named.as_ref().is_some_and(|folder| !folder.is_dir()) { Err(no_folder(field)) } else { Ok(named) }
}

/// The folder that was named, or that of the user.
///
/// # Errors
/// There is no such folder; the error names `field`.
pub fn folder_or_home(named: Option<&str>, field: &str) -> Result<PathBuf, DeskError> {
    let home = || std::env::home_dir().filter(|home| home.is_dir());
    named_folder(named, field)?.or_else(home).ok_or_else(|| no_folder(field))
}

/// A new file that nobody else on the computer may read.
///
/// # Errors
/// It is there already, or what the disk says.
pub fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Saves a text as a new file, durable when this returns; its path as text.
///
/// # Errors
/// It is there already, or cannot be written; the error names `field`.
pub fn save_text(path: &Path, text: &str, field: &str) -> Result<String, DeskError> {
    let written = create(path).and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|error| DeskError::field(field, unwritable(path, &error)))?;
    Ok(path.to_string_lossy().into_owned())
}

/// That a file cannot be written, for people.
pub fn unwritable(path: &Path, error: &io::Error) -> String {
    format!("The file {} cannot be written: {error}. Choose another folder.", path.display())
}

fn no_folder(field: &str) -> DeskError {
    DeskError::field(field, "There is no such folder. Name one that is there, for example /media/stick.")
}
