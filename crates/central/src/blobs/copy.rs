//! Copies of an organization's files beside a copy of its store: whole files as `<two digits>/<name>`,
//! the same from a folder and from a bucket. Files never change once they are in their place, so on
//! the same disk a copy is another name of the same file and takes no room.

use std::{fs::{self, File}, io::{self, Write}, path::{Path, PathBuf}};

use gladstone_protocol::enrol::{from_hex, to_hex};

use super::{folder::folders, keeping::Name};

/// The folder in which the files belong to a copy of a store.
pub fn beside(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".blobs");
    name.into()
}

/// Copies whole files from folder to folder, by another name where the disk is the same.
pub(super) fn linked(from: &Path, to: &Path) -> io::Result<usize> {
    let mut copied = 0;
    for folder in whole_folders(from)? {
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

/// The whole files in a folder, by name; what has another name is none.
pub(super) fn listed(folder: &Path) -> io::Result<Vec<(Name, PathBuf)>> {
    let mut found = Vec::new();
    for below in whole_folders(folder)? {
        for entry in fs::read_dir(&below)? {
            let path = entry?.path();
            if let Some(name) = path.file_name().and_then(|name| name.to_str()).and_then(from_hex::<32>) {
                found.push((name, path));
            }
        }
    }
    Ok(found)
}

/// Where a file lies in such a folder.
pub(super) fn place(folder: &Path, name: &Name) -> PathBuf {
    let name = to_hex(name);
    folder.join(&name[..2]).join(name)
}

/// Writes a file to its place in such a folder; durable when this returns.
pub(super) fn write(folder: &Path, name: &Name, bytes: &[u8]) -> io::Result<()> {
    let place = place(folder, name);
    let (target, beside) = (place.parent().unwrap_or(folder), place.with_extension("writing"));
    fs::create_dir_all(target)?;
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, &place)?;
    File::open(target)?.sync_all()
}

/// Parts and counts stay behind: two digits are the folders of whole files.
fn whole_folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(folders(folder)?.into_iter().filter(|folder| folder.file_name().is_some_and(|name| name.len() == 2)).collect())
}
