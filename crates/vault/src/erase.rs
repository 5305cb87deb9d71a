//! Removes a vault for good: first the ways to its key, then the rest, so that a removal that is
//! cut short leaves nothing that could still be read.

use std::{fs, io::Write};

use crate::{
    custody::{CustodyError, Surrounding, Unlocked},
    keys::device_secret::{anchor_name, key_name},
};

/// Removes an open vault with its backups from this computer.
///
/// # Errors
/// What the disk says. From the first step on, the key is gone and nothing can be read any more.
pub fn erase(unlocked: Unlocked, with: &Surrounding) -> Result<(), CustodyError> {
    let (folder, vault) = (unlocked.folder.clone(), unlocked.header.vault);
    // Whatever closing says, the file is about to go.
    let _ = unlocked.lock();
    let [first, second] = folder.slots();
    for slots in [first, second, folder.next_slots()] {
        if let Ok(length) = fs::metadata(&slots).map(|known| known.len()) {
            let mut noise = vec![0_u8; usize::try_from(length).unwrap_or(0)];
            with.around.random(&mut noise)?;
            let mut file = fs::OpenOptions::new().write(true).open(&slots)?;
            file.write_all(&noise)?;
            file.sync_all()?;
            fs::remove_file(&slots)?;
        }
    }
    for name in [key_name(vault), anchor_name(vault)] {
        // Without the slots the keyring's part opens nothing; that it stays behind harms nobody.
        let _ = with.secrets.delete(&name);
    }
    fs::remove_dir_all(folder.root())?;
    Ok(())
}
