//! One way to write: outside a commit nothing can write a table of the model, whichever statement
//! it tries; what gets past the guard is found; and a second process takes nothing from the first.

// Test code stops at the first thing that does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use gladstone_model::catalogue;
use gladstone_store::{Query, StoreError, guard::Gate};
use gladstone_testkit::{Image, reexec, saves, surround::surrounding, vaults};
use gladstone_vault::{Alarm, VaultError, custody, database, folder::VaultFolder, keys::root_key::RootKey};
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

/// A locked vault of twelve saves and its key.
fn locked() -> (TempDir, RootKey) {
    let made = vaults::make();
    saves::save_all(&made.unlocked.vault, 0..12);
    made.unlocked.lock().unwrap();
    let key = vaults::root_key(made.folder.path(), &made.code);
    (made.folder, key)
}

/// A connection as the vault's own one: opened by the same function, behind the same guard.
fn guarded(folder: &TempDir, key: &RootKey) -> (Connection, Gate) {
    let mut connection = database::open_writer(&VaultFolder::at(folder.path()).database(), &key.database()).unwrap();
    let gate = Gate::install(&mut connection).unwrap();
    (connection, gate)
}

fn refused(connection: &Connection, sql: &str) -> Result<(), String> {
    match connection.execute_batch(sql) {
        Err(_) => Ok(()),
        Ok(()) => Err(sql.to_owned()),
    }
}

#[test]
fn no_statement_outside_a_commit_writes_any_table_of_the_model() {
    let (folder, key) = locked();
    let (connection, gate) = guarded(&folder, &key);
    let mut passed = Vec::new();
    for entity in &catalogue().entities {
        let (table, column) = (&entity.name, &entity.fields[1].name);
        for sql in [
            format!("INSERT INTO {table} (id) VALUES (randomblob(16))"),
            format!("INSERT INTO {table} SELECT * FROM {table}"),
            format!("INSERT OR IGNORE INTO {table} (id) VALUES (randomblob(16))"),
            format!("REPLACE INTO {table} (id) VALUES (randomblob(16))"),
            format!("UPDATE {table} SET {column} = {column}"),
            format!("UPDATE OR REPLACE main.{table} SET id = randomblob(16)"),
            format!("DELETE FROM {table}"),
            format!("DELETE FROM \"{}\" WHERE 1", table.to_uppercase()),
            format!("WITH gone AS (SELECT id FROM {table}) DELETE FROM {table} WHERE id IN gone"),
            format!("DROP TABLE {table}"),
            format!("ALTER TABLE {table} RENAME TO gone"),
            format!("ALTER TABLE {table} DROP COLUMN {column}"),
        ] {
            passed.extend(refused(&connection, &sql).err());
        }
        let trigger = format!("CREATE TEMP TRIGGER behind AFTER UPDATE ON vault_state BEGIN DELETE FROM {table}; END; UPDATE vault_state SET hlc = hlc");
        passed.extend(refused(&connection, &trigger).err());
        connection.execute_batch("DROP TRIGGER IF EXISTS behind").unwrap();
    }
    assert!(passed.is_empty(), "{} statements got through: {passed:#?}", passed.len());
    gate.open();
    connection.execute("UPDATE users SET name = name", []).unwrap();
    gate.close();
    assert!(refused(&connection, "UPDATE users SET name = 'x'").is_ok(), "the same connection writes inside a commit only");
}

#[test]
fn no_other_file_schema_or_extension_comes_in_through_the_writer() {
    let (folder, key) = locked();
    let (connection, _gate) = guarded(&folder, &key);
    let beside = folder.path().join("beside.db");
    for sql in [
        format!("ATTACH DATABASE '{}' AS beside", beside.display()),
        format!("ATTACH DATABASE '{}' AS beside KEY ''", beside.display()),
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = '' WHERE name = 'users'".into(),
        "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema".into(),
        "INSERT INTO search_text_data (id, block) VALUES (1, x'00')".into(),
        "SELECT load_extension('anything')".into(),
    ] {
        assert!(refused(&connection, &sql).is_ok(), "{sql} must be refused");
    }
    assert!(!beside.exists(), "no file was made on the way");
    let schema: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'users' AND sql LIKE 'CREATE TABLE%'", [], |row| row.get(0)).unwrap();
    assert_eq!(schema, 1, "the schema is as it was");
}

#[test]
fn a_connection_for_reading_writes_nothing_at_all() {
    let (folder, key) = locked();
    let connection = database::open_reader(&VaultFolder::at(folder.path()).database(), &key.database()).unwrap();
    for table in catalogue().entities.iter().map(|entity| entity.name.as_str()).chain(["chain", "vault_state", "search_row"]) {
        assert!(refused(&connection, &format!("DELETE FROM {table}")).is_ok(), "{table} is not emptied by a reader");
    }
    for sql in ["CREATE TABLE mine (x)", "UPDATE chain SET state = 1", "INSERT INTO search_row (entity, row_id, title) VALUES (1, x'00', 'x')"] {
        assert!(refused(&connection, sql).is_ok(), "{sql} must be refused");
    }
}

#[test]
fn what_was_written_past_the_vault_is_found_by_the_full_check() {
    for (what, sql) in [
        ("a row changed", "UPDATE users SET name = 'Mallory'"),
        ("a row taken away", "DELETE FROM journal_entries WHERE id = (SELECT min(id) FROM journal_entries)"),
        ("a row marked as entered in error", "UPDATE mood_entries SET deleted_mid = row_mid"),
        ("an entry taken away", "DELETE FROM chain WHERE dseq = 5"),
        ("the last entry taken away", "DELETE FROM chain WHERE dseq = 12"),
        ("an entry changed", "UPDATE chain SET bytes = CAST(bytes || x'00' AS BLOB) WHERE dseq = 7"),
        ("two entries exchanged", "UPDATE chain SET dseq = 100 WHERE dseq = 3; UPDATE chain SET dseq = 3 WHERE dseq = 4; UPDATE chain SET dseq = 4 WHERE dseq = 100"),
        ("a signature exchanged", "UPDATE chain SET signature = (SELECT signature FROM chain WHERE dseq = 1) WHERE dseq = 2"),
        ("a trigger that takes rows away", "CREATE TRIGGER behind AFTER INSERT ON chain BEGIN DELETE FROM mood_entries; END; UPDATE chain SET state = state"),
    ] {
        let (folder, key) = locked();
        let raw = database::open_writer(&VaultFolder::at(folder.path()).database(), &key.database()).unwrap();
        raw.execute_batch(&format!("PRAGMA foreign_keys = OFF; {sql}")).unwrap();
        drop(raw);
        let vault = vaults::open(folder.path(), &key).unwrap();
        if what.starts_with("a trigger") {
            let _ = saves::save(&vault, 12);
        }
        assert!(matches!(vault.verify(&mut |_, _| true), Err(VaultError::NotVerified(_))), "{what}: the full check finds it");
    }
}

#[test]
fn a_change_of_the_passphrase_does_not_make_good_what_was_written_past_the_vault() {
    let (folder, key) = locked();
    let raw = database::open_writer(&VaultFolder::at(folder.path()).database(), &key.database()).unwrap();
    raw.execute_batch("UPDATE users SET name = 'Mallory'").unwrap();
    drop(raw);
    let unlocked = vaults::unlock(folder.path()).unwrap();
    let (unlocked, _) = unlocked.change_passphrase("four new short words", &surrounding(4)).unwrap();
    assert!(matches!(unlocked.vault.verify(&mut |_, _| true), Err(VaultError::NotVerified(_))), "the full check finds it under the new key as well");
}

#[test]
fn every_row_was_written_by_an_entry_of_the_chain() {
    let made = vaults::make();
    let vault = &made.unlocked.vault;
    saves::save_all(vault, 0..24);
    let mut rows = 0;
    for entity in &catalogue().entities {
        let ids = vault.read(|read| -> Result<Vec<Uuid>, StoreError> {
            let mut ids = Vec::new();
            read.for_each(entity, &mut |stored| {
                ids.push(stored.row.id());
                Ok(())
            })?;
            Ok(ids)
        });
        for id in ids.unwrap() {
            rows += 1;
            assert!(!vault.entries_of(id).unwrap().is_empty(), "{} {id} has its entry", entity.name);
        }
    }
    assert!(rows >= 24 - 8, "the scenario wrote {rows} rows");
    assert_eq!(vault.waiting().unwrap().count, 24, "each save is one mutation that waits to be sent");
}

#[test]
fn a_command_that_fails_or_panics_leaves_nothing_and_the_next_one_works() {
    let made = vaults::make();
    let vault = &made.unlocked.vault;
    let saved = saves::save_all(vault, 0..3).pop().unwrap();
    let people = || vault.read(|read| read.count("users", &Query::default())).unwrap();
    let failed: Result<_, VaultError> = vault.commit("test", |tx| {
        tx.create("users", [("name", "Half".into()), ("role", "patient".into())])?;
        Err::<(), _>(VaultError::Cancelled)
    });
    assert!(matches!(failed, Err(VaultError::Cancelled)), "the command's own error comes back");
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        vault.commit::<(), VaultError>("test", |tx| {
            tx.create("users", [("name", "Half".into()), ("role", "patient".into())])?;
            std::panic::resume_unwind(Box::new("a mistake in a command"))
        })
    }));
    assert!(panicked.is_err(), "the panic is passed on");
    let batch = vault.batch::<_, VaultError>(|batch| {
        let half = batch.commit::<(), VaultError>("test", |tx| {
            tx.create("users", [("name", "Half".into()), ("role", "patient".into())])?;
            Err(VaultError::Cancelled)
        });
        assert!(half.is_err(), "one mutation of several fails");
        Ok(())
    });
    assert!(batch.is_ok(), "the others may go on");
    let found = vault.read(|read| gladstone_store::search::find(read, "half", None, 10)).unwrap();
    assert_eq!((people(), found.len()), (1, 0), "none of them left a row, nor a word in the search");
    saves::complete(vault, &saved).unwrap();
    let saved = saves::save(vault, 3).unwrap();
    saves::complete(vault, &saved).unwrap();
}

#[test]
fn a_process_that_comes_and_goes_takes_no_save_from_the_one_that_stays() {
    if let Some(folder) = reexec::part() {
        custody::unlock(&folder, vaults::PASSPHRASE, &surrounding(9)).unwrap().lock().unwrap();
        return;
    }
    let made = vaults::make();
    let vault = &made.unlocked.vault;
    saves::save_all(vault, 0..3);
    let name = "a_process_that_comes_and_goes_takes_no_save_from_the_one_that_stays";
    reexec::finish(&mut reexec::again(name, made.folder.path()));
    let saved = saves::save_all(vault, 3..6).pop().unwrap();
    let killed = Image::of(made.folder.path()).unpack();
    let unlocked = vaults::unlock(killed.path()).unwrap();
    assert_eq!(unlocked.alarm, None, "nothing is missing after a kill");
    saves::complete(&unlocked.vault, &saved).unwrap();
}

#[test]
fn a_save_on_top_of_what_another_process_saved_is_refused_and_nothing_is_lost() {
    if let Some(folder) = reexec::part() {
        let unlocked = custody::unlock(&folder, vaults::PASSPHRASE, &surrounding(9)).unwrap();
        saves::save(&unlocked.vault, 3).unwrap();
        unlocked.lock().unwrap();
        return;
    }
    let made = vaults::make();
    saves::save_all(&made.unlocked.vault, 0..3);
    let name = "a_save_on_top_of_what_another_process_saved_is_refused_and_nothing_is_lost";
    reexec::finish(&mut reexec::again(name, made.folder.path()));
    let stale = saves::save(&made.unlocked.vault, 4);
    assert!(stale.is_err(), "the chain of this process ends before the last entry");
    let _ = made.unlocked.lock();
    let unlocked = vaults::unlock(made.folder.path()).unwrap();
    assert!(!matches!(unlocked.alarm, Some(Alarm::Behind { .. } | Alarm::Damaged(_))), "nothing was lost: {:?}", unlocked.alarm);
    assert_eq!(unlocked.vault.verify(&mut |_, _| true).unwrap().entries, 4, "all four saves are there");
}
