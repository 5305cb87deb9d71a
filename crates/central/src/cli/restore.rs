//! `gladstone central restore`: a backup takes the place of an organization's store. The witness
//! stays, so that the service does not go on before an operator began another history.
#![allow(clippy::print_stdout, reason = "says what was done")]

use std::{fs, path::Path};

use uuid::Uuid;

use super::{options::Options, service, text};
use crate::{embedded::Embedded, engine::Engine as _};

pub(super) fn restore(options: &Options, from: &Path, replace: bool) -> Result<(), String> {
    if options.database().is_some() {
        return Err("PostgreSQL is put back with its own tools; keep the folder of the centre as it is, so that its witnesses notice it.".into());
    }
    let data = options.data()?;
    let _lock = service::lock(data)?;
    let realms = data.join("realms");
    let draft = data.join(format!("restore-{}", Uuid::now_v7()));
    let done = checked(from, &draft).and_then(|(realm, g)| {
        put(&draft, &realms, realm, replace)?;
        Ok((realm, g))
    });
    let _ = fs::remove_dir_all(&draft);
    let (realm, g) = done?;
    println!("{realm} is back as of commit {g}. If it had gone further before, run `gladstone central new-epoch --realm {realm}`; laptops then send again what is missing.");
    Ok(())
}

/// Copies the backup, opens the copy, and says whose it is.
fn checked(from: &Path, draft: &Path) -> Result<(Uuid, u64), String> {
    // The engine calls a file by its organization; until that is known any id will do.
    let name = Uuid::now_v7();
    fs::create_dir_all(draft).map_err(|error| format!("{}: {error}", draft.display()))?;
    fs::copy(from, draft.join(format!("{name}.sqlite"))).map_err(|error| format!("{}: {error}", from.display()))?;
    let engine = Embedded::open(draft).map_err(text)?;
    let mut found = None;
    engine.read(name, &mut |shelf| {
        found = Some(shelf.head()?);
        Ok(())
    }).map_err(text)?;
    drop(engine);
    let head = found.ok_or("The backup holds no organization.")?;
    fs::rename(draft.join(format!("{name}.sqlite")), draft.join(format!("{}.sqlite", head.realm))).map_err(text)?;
    Ok((head.realm, head.g))
}

fn put(draft: &Path, realms: &Path, realm: Uuid, replace: bool) -> Result<(), String> {
    fs::create_dir_all(realms).map_err(text)?;
    let (file, kept) = (realms.join(format!("{realm}.sqlite")), format!("{realm}.replaced-{}", Uuid::now_v7()));
    if file.exists() {
        if !replace {
            return Err(format!("{realm} has a store; name --replace to put the backup in its place. The present one is kept under another name."));
        }
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
