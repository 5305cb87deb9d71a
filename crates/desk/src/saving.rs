//! Files that a person saves outside the vault: into which folder, for this user of the computer alone,
//! and never over another file.

use std::{fs::{self, File, OpenOptions}, io::{self, Write}, path::{Path, PathBuf}};

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
/// It is there already, or cannot be written; the error names `field`. No part of it is left then, or the error
/// says where.
pub fn save_text(path: &Path, text: &str, field: &str) -> Result<String, DeskError> {
    let cannot = |error: io::Error| DeskError::field(field, unwritable(path, &error));
    let mut file = create(path).map_err(cannot)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| take_back(path, cannot(error)))?;
    Ok(path.to_string_lossy().into_owned())
}

/// Removes a file that could not be written to its end. The error is what went wrong; where a part of the file
/// stays, it says so.
pub fn take_back(path: &Path, wrong: DeskError) -> DeskError {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => DeskError { message: format!("{} A part of the file is left at {}. Delete it.", wrong.message, path.display()), ..wrong },
        _ => wrong,
    }
}

/// That a file cannot be written, for people.
pub fn unwritable(path: &Path, error: &io::Error) -> String {
    format!("The file {} cannot be written: {error}. Choose another folder.", path.display())
}

fn no_folder(field: &str) -> DeskError {
    DeskError::field(field, "There is no such folder. Name one that is there, for example /media/stick.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn of_a_file_that_was_not_written_to_its_end_nothing_is_left_or_it_is_told_where() {
        let folder = tempfile::tempdir().unwrap();
        let wrong = || DeskError::new(Code::DiskFull, "The disk is full.");
        let part = folder.path().join("part");
        fs::write(&part, "half").unwrap();
        assert_eq!(take_back(&part, wrong()).message, "The disk is full.");
        assert!(!part.exists());
        assert_eq!(take_back(&part, wrong()).message, "The disk is full.", "it was gone already");
        // A folder is not removed as a file.
        let stays = take_back(folder.path(), wrong());
        assert_eq!((stays.code, stays.message), (Code::DiskFull, format!("The disk is full. A part of the file is left at {}. Delete it.", folder.path().display())));
    }

    #[test]
    fn a_text_is_never_saved_over_another_file_and_that_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        assert_eq!(save_text(&path, "one", "folder").unwrap(), path.to_string_lossy());
        assert_eq!(save_text(&path, "two", "folder").unwrap_err().field.as_deref(), Some("folder"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
    }
}
