//! Copies of an organization's files beside a copy of its store. Files never change once they are in
//! their place, so on the same disk a copy is another name of the same file and takes no room.

use std::{fs::{self, File}, io, path::{Path, PathBuf}};

use uuid::Uuid;

use super::{Blobs, folders};

impl Blobs {
    /// Copies the whole files of a realm into a folder; those that are there stay. Returns how many
    /// were copied.
    ///
    /// # Errors
    /// What the disk says.
    pub fn copy_to(&self, realm: Uuid, to: &Path) -> io::Result<usize> {
        copy(&self.realm(realm), to)
    }

    /// Puts files back from a folder that [`Blobs::copy_to`] wrote; those that are there stay.
    /// Returns how many were put back.
    ///
    /// # Errors
    /// What the disk says.
    pub fn put_back(&self, realm: Uuid, from: &Path) -> io::Result<usize> {
        copy(from, &self.realm(realm))
    }
}

/// The folder in which the files belong to a copy of a store.
pub fn beside(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".blobs");
    name.into()
}

fn copy(from: &Path, to: &Path) -> io::Result<usize> {
    let mut copied = 0;
    // Parts and counts stay behind: two digits are the folders of whole files.
    for folder in folders(from)?.into_iter().filter(|folder| folder.file_name().is_some_and(|name| name.len() == 2)) {
        let target = to.join(folder.file_name().unwrap_or_default());
        fs::create_dir_all(&target)?;
        for entry in fs::read_dir(&folder)? {
            let (source, place) = (entry?.path(), target.clone());
            let place = place.join(source.file_name().unwrap_or_default());
            if place.exists() {
                continue;
            }
            if fs::hard_link(&source, &place).is_err() {
                let beside = place.with_extension("writing");
                fs::copy(&source, &beside)?;
                File::open(&beside)?.sync_all()?;
                fs::rename(&beside, &place)?;
            }
            copied += 1;
        }
        File::open(&target)?.sync_all()?;
    }
    Ok(copied)
}
