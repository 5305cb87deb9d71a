//! `gladstone central restore`: a backup takes the place of an organization's store. The witness
//! stays, so that the service does not go on before an operator began another history.
#![allow(clippy::print_stdout, reason = "says what was done")]

use std::{fs, path::Path, sync::Arc};

use uuid::Uuid;

use super::{open, options::Options, service, text};
use crate::{
    blobs,
    embedded::{self, Inspected},
};

pub(super) fn restore(options: &Options, from: &Path, replace: bool) -> Result<(), String> {
    if options.database().is_some() {
        return Err("PostgreSQL is put back with its own tools; keep the folder of the centre as it is, so that its witnesses notice it.".into());
    }
    let data = options.data()?;
    let _lock = service::lock(data)?;
    let realms = data.join("realms");
    let draft = data.join(format!("restore-{}", Uuid::now_v7()));
    let done = checked(from, &draft).and_then(|found| {
        put(from, &draft, &realms, &found, replace)?;
        Ok((found.realm, found.g))
    });
    let _ = fs::remove_dir_all(&draft);
    let (realm, g) = done?;
    let centre = Arc::new(open(options)?);
    let files = options.files(&centre)?.put_back(realm, &blobs::copy::beside(from)).map_err(text)?;
    if files > 0 {
        println!("{files} files that were missing are back.");
    }
    println!("{realm} is back as of commit {g}. If it had gone further before, run `gladstone central new-epoch --realm {realm}`; laptops then send again what is missing.");
    Ok(())
}

/// Copies the backup, opens the copy, and says whose it is.
fn checked(from: &Path, draft: &Path) -> Result<Inspected, String> {
    embedded::private_folder(draft).map_err(text)?;
    let copy = draft.join("copy.sqlite");
    embedded::copy_private(from, &copy).map_err(|error| format!("{}: {error}", from.display()))?;
    let found = embedded::inspect(&copy).map_err(text)?;
    fs::rename(copy, draft.join(format!("{}.sqlite", found.realm))).map_err(text)?;
    Ok(found)
}

fn put(from: &Path, draft: &Path, realms: &Path, found: &Inspected, replace: bool) -> Result<(), String> {
    embedded::private_folder(realms).map_err(text)?;
    let realm = found.realm;
    let (file, kept) = (realms.join(format!("{realm}.sqlite")), format!("{realm}.replaced-{}", Uuid::now_v7()));
    if file.exists() && !replace {
        return Err(format!("{realm} has a store; name --replace to put the backup in its place. The present one is kept under another name."));
    }
    if !embedded::restore_key(from, &file, realm).map_err(text)? && !found.holds_key {
        return Err(format!("The key of {realm} is missing: neither beside its store nor as {} beside the backup. Put it there first.", from.with_extension("key").display()));
    }
    if file.exists() {
        for ending in ["sqlite", "sqlite-wal", "sqlite-shm"] {
            let present = realms.join(format!("{realm}.{ending}"));
            if present.exists() {
                fs::rename(&present, realms.join(format!("{kept}.{ending}"))).map_err(text)?;
            }
        }
    }
    fs::rename(draft.join(format!("{realm}.sqlite")), &file).map_err(text)?;
    fs::File::open(&file).and_then(|file| file.sync_all()).map_err(text)?;
    fs::File::open(realms).and_then(|folder| folder.sync_all()).map_err(text)
}
