//! Disks that are full or broken: the save says so, nothing that was acknowledged is lost, and it
//! goes on when there is space, or after locking and unlocking.

use gladstone_store::{Query, StoreError};
use gladstone_testkit::{Dice, Disk, Image, Saved, Trouble, dice, saves, vaults, workers};
use gladstone_vault::{Vault, VaultError, keys::root_key::RootKey};

use crate::{expect_none, report};

/// Saves while something goes wrong.
const SAVES: usize = 12;
/// Saves before that.
const BEFORE: usize = 6;

struct Case {
    image: Image,
    key: RootKey,
    saved: Saved,
    operations: usize,
}

/// A vault that holds six saves, and the number of operations of twelve more.
fn case() -> Case {
    let made = vaults::make();
    let saved = saves::save_all(&made.unlocked.vault, 0..BEFORE).pop().unwrap();
    let key = vaults::root_key(made.folder.path(), &made.code);
    made.unlocked.lock().unwrap();
    let image = Image::of(made.folder.path());
    let folder = image.unpack();
    let vault = vaults::open(folder.path(), &key).unwrap();
    let disk = Disk::watch(folder.path());
    drop(vault);
    let vault = vaults::open(folder.path(), &key).unwrap();
    let from = disk.operations();
    saves::save_all(&vault, BEFORE..BEFORE + SAVES);
    vault.checkpoint().unwrap();
    Case { image, key, saved, operations: disk.operations() - from }
}

/// Lets `trouble` begin at each of some operations, saves on, and hands what came of it to `check`.
fn at_operations(trouble: Trouble, check: impl Fn(&Case, &Disk, Vault, Saved, Option<VaultError>, &std::path::Path) -> Result<(), String> + Sync) -> (usize, Vec<String>) {
    let case = case();
    let wanted = Dice::of("trouble").sample(dice::size(90, 100_000), case.operations);
    let feed = |feed: &mut dyn FnMut(usize)| wanted.iter().for_each(|at| feed(*at));
    let (count, broken) = workers::check_all(feed, |at| {
        let folder = case.image.unpack();
        let disk = Disk::watch(folder.path());
        let vault = vaults::open(folder.path(), &case.key).map_err(|error| error.to_string())?;
        disk.fail(disk.operations() + at, trouble);
        let (mut last, mut failed) = (case.saved.clone(), None);
        for number in BEFORE..BEFORE + SAVES {
            match saves::save(&vault, number) {
                Ok(saved) => last = saved,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        check(&case, &disk, vault, last, failed, folder.path()).map_err(|why| format!("{trouble:?} from operation {at} on: {why}"))
    });
    report(format_args!("{trouble:?}: {count} of {} operations", case.operations));
    (count, broken)
}

#[test]
fn a_full_disk_refuses_the_save_reads_go_on_and_so_do_saves_once_there_is_space() {
    let (count, broken) = at_operations(Trouble::Full, |_, disk, vault, last, failed, _| {
        if let Some(error) = &failed {
            let told = error.to_string();
            if !matches!(error, VaultError::Store(StoreError::DiskFull)) || !told.starts_with("not saved: this computer has no space left") {
                return Err(format!("the save says: {told}"));
            }
            // The reader opens its own connection, which needs no space.
            saves::holds(&vault, last.saves - 1)?;
            let again = saves::save(&vault, last.saves);
            if !matches!(again, Err(VaultError::Store(StoreError::DiskFull))) {
                return Err(format!("the next try says {again:?}"));
            }
        }
        disk.repair();
        for number in last.saves..BEFORE + SAVES + 3 {
            saves::save(&vault, number).map_err(|error| format!("there is space again, and save {number} says: {error}"))?;
        }
        let all = Saved::of(BEFORE + SAVES + 3, &vault.state());
        if all.dseq != (BEFORE + SAVES + 3) as u64 {
            return Err(format!("{} entries after {} saves", all.dseq, all.saves));
        }
        saves::complete(&vault, &all)
    });
    expect_none(&broken, count, "full disks did harm");
}

#[test]
fn a_broken_disk_refuses_the_save_and_everything_acknowledged_is_there_after_unlocking_again() {
    for trouble in [Trouble::Broken, Trouble::SyncFails] {
        let (count, broken) = at_operations(trouble, |case, disk, vault, last, failed, folder| {
            if let Some(error) = &failed {
                if !matches!(error, VaultError::Store(StoreError::Disk)) {
                    return Err(format!("the save says: {error}"));
                }
                // Whether the disk works again or not, this connection is not trusted any more.
                disk.repair();
                let again = saves::save(&vault, last.saves);
                if !matches!(again, Err(VaultError::Poisoned)) {
                    return Err(format!("the next try says {again:?}"));
                }
                let people: Result<u64, StoreError> = vault.read(|read| read.count("users", &Query::default()));
                people.map_err(|error| format!("reading says: {error}"))?;
            }
            // It may fail to fold the log; the keys are forgotten all the same.
            let _ = vault.close();
            disk.repair();
            let vault = vaults::open(folder, &case.key).map_err(|error| format!("it does not open again: {error}"))?;
            saves::complete(&vault, &last)?;
            let next = vault.state().dseq as usize;
            saves::save(&vault, next).map_err(|error| format!("it takes no further save: {error}"))?;
            vault.verify(&mut |_, _| true).map_err(|error| error.to_string())?;
            Ok(())
        });
        expect_none(&broken, count, "broken disks did harm");
    }
}
