//! Bringing a SQLite file to the declared schema: from the old schema to the new one in one go,
//! whatever stops it, and never over a file that this version does not understand.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use gladstone_store::{StoreError, migrate};
use refinery::Target;
use rusqlite::Connection;
use tempfile::TempDir;

mod embedded {
    refinery::embed_migrations!("../migrations/sqlite");
}

mod centre {
    refinery::embed_migrations!("../migrations/centre-sqlite");
}

mod postgres {
    refinery::embed_migrations!("../migrations/postgres");
}

/// Between two looks of the interrupter: so many steps of SQLite's machine.
const STEPS: i32 = 50;
/// Steps from which files set out, besides the last but one: none, the first, those of version 1.
const STARTS: [u32; 3] = [0, 1, 4];
/// In how many places an interrupted migration is tried.
const PLACES: u64 = 100;
/// In how many places the process dies within a statement.
const DEATHS: u64 = 16;
/// A row of a file of the first schema.
const ROW: &str = "INSERT INTO roles (id, code, name, permissions, is_system, created_at, updated_at, unit_id, row_mid)
    VALUES (zeroblob(16), 'rater', 'Rater', '[]', 0, 1, 1, zeroblob(17), zeroblob(16))";

/// What a file holds: every object with its SQL, the steps that are recorded, and the rows.
#[derive(Clone, Debug, PartialEq)]
struct State {
    objects: Vec<(String, String)>,
    steps: Vec<(u32, String, String)>,
    rows: u32,
}

impl State {
    fn of(connection: &Connection) -> State {
        let has = |table: &str| connection.query_row("SELECT count(*) FROM sqlite_schema WHERE name = ?1", [table], |row| row.get::<_, u32>(0)).unwrap() > 0;
        let mut objects = connection.prepare("SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema WHERE tbl_name <> 'refinery_schema_history' ORDER BY 1").unwrap();
        let objects = objects.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap();
        let mut steps = Vec::new();
        if has("refinery_schema_history") {
            let mut all = connection.prepare("SELECT version, name, checksum FROM refinery_schema_history ORDER BY version").unwrap();
            steps = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().collect::<Result<_, _>>().unwrap();
        }
        let rows = if has("roles") { connection.query_row("SELECT count(*) FROM roles WHERE name = 'Rater'", [], |row| row.get(0)).unwrap() } else { 0 };
        State { objects, steps, rows }
    }
}

/// Opens a file as the vault does: encrypted, with a write-ahead log.
fn open(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(&format!("PRAGMA key = \"x'{}'\"; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;", "4b".repeat(32))).unwrap();
    connection
}

/// Files from which a migration may start, and what each holds before and after.
struct Start {
    name: &'static str,
    file: PathBuf,
    old: State,
    new: State,
    _folder: TempDir,
}

impl Start {
    fn all() -> Vec<Start> {
        let mut starts = Vec::new();
        for version in STARTS.into_iter().chain([newest() - 1]) {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("start.db");
            let mut connection = open(&file);
            if version > 0 {
                embedded::migrations::runner().set_target(Target::Version(version.try_into().unwrap())).run(&mut connection).unwrap();
                connection.execute(ROW, []).unwrap();
            }
            let old = State::of(&connection);
            drop(connection);
            let after = folder.path().join("after.db");
            fs::copy(&file, &after).unwrap();
            let mut connection = open(&after);
            migrate::migrate(&mut connection).unwrap();
            let new = State::of(&connection);
            assert_ne!(old, new, "from schema {version} there is something to do");
            starts.push(Start { name: if version == 0 { "an empty file" } else { "a file of an older version" }, file, old, new, _folder: folder });
        }
        starts
    }

    /// A copy of the file, in a folder of its own.
    fn copy(&self) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("vault.db");
        fs::copy(&self.file, &file).unwrap();
        (folder, file)
    }

    /// The file holds the old or the new schema whole, and migrating again completes it.
    fn check(&self, connection: &mut Connection, stopped: &str) -> bool {
        let context = format!("{}, {stopped}", self.name);
        let found = State::of(connection);
        assert!(found == self.old || found == self.new, "{context}: the file is between two schemas: {} objects, steps {:?}", found.objects.len(), found.steps);
        migrate::migrate(connection).unwrap_or_else(|error| panic!("{context}: migrating again: {error}"));
        assert_eq!(State::of(connection), self.new, "{context}: migrating again leads to the full schema and keeps the rows");
        let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok", "{context}: the file is sound");
        found == self.new
    }
}

fn newest() -> u32 {
    embedded::migrations::runner().get_migrations().iter().map(|step| u32::try_from(step.version()).unwrap()).max().unwrap()
}

/// How often the interrupter looks during a whole migration from `start`.
fn looks(start: &Start) -> u64 {
    let (_folder, file) = start.copy();
    let mut connection = open(&file);
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let look = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        false
    };
    connection.progress_handler(STEPS, Some(look)).unwrap();
    migrate::migrate(&mut connection).unwrap();
    count.load(Ordering::Relaxed)
}

#[test]
fn every_migration_file_is_built_in_and_applied_once() {
    let mut files: Vec<String> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/sqlite")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort_by_key(|name| name[1..].split_once("__").unwrap().0.parse::<u32>().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut connection = open(&folder.path().join("vault.db"));
    assert_eq!(migrate::version(&connection).unwrap(), 0, "a new file has no schema");
    let applied: Vec<String> = migrate::migrate(&mut connection).unwrap().iter().map(|name| format!("{name}.sql")).collect();
    assert_eq!(applied, files, "the program applies the files of the folder, in order; a new one needs a rebuild of the store");
    assert_eq!(migrate::version(&connection).unwrap(), newest(), "the schema version is the number of the last step");
    let before = State::of(&connection);
    assert!(migrate::migrate(&mut connection).unwrap().is_empty(), "nothing is left to do");
    assert_eq!(State::of(&connection), before, "migrating twice changes nothing");
}

/// Steps that were shipped with version 1, by folder: their checksums, as every store of then has them.
const SHIPPED: [(&str, i32, u64); 7] = [
    ("sqlite", 1, 7_862_157_066_806_448_547),
    ("sqlite", 2, 7_075_127_259_823_820_905),
    ("sqlite", 3, 9_504_569_450_124_347_877),
    ("sqlite", 4, 12_860_181_381_311_456_138),
    ("centre-sqlite", 2, 13_018_832_870_149_632_925),
    ("postgres", 1, 5_644_900_797_273_504_710),
    ("postgres", 2, 14_951_459_308_826_550_736),
];

#[test]
fn what_was_shipped_is_what_it_was() {
    let known = |folder: &str| match folder {
        "sqlite" => embedded::migrations::runner().get_migrations().clone(),
        "centre-sqlite" => centre::migrations::runner().get_migrations().clone(),
        _ => postgres::migrations::runner().get_migrations().clone(),
    };
    let found = SHIPPED.map(|(folder, version, _)| (folder, version, known(folder).iter().find(|step| step.version() == version).map(|step| step.checksum()).unwrap_or_default()));
    assert_eq!(found, SHIPPED, "a step that a store has applied never changes: what is new goes into a step of its own");
}

#[test]
fn a_file_from_the_future_is_refused_and_left_alone() {
    let check = |ahead: u32| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("vault.db");
        let mut connection = open(&file);
        migrate::migrate(&mut connection).unwrap();
        connection.execute("INSERT INTO refinery_schema_history VALUES (?1, 'later', '2031-01-01T00:00:00Z', '7')", [newest() + ahead]).unwrap();
        drop(connection);
        let before = fs::read(&file).unwrap();
        let mut connection = open(&file);
        let error = migrate::migrate(&mut connection).expect_err("a file from the future");
        assert!(matches!(error, StoreError::FromTheFuture { found, known } if found == newest() + ahead && known == newest()), "{ahead} ahead: {error:?}");
        for words in ["newer version of Gladstone", "Install the newer version"] {
            assert!(error.to_string().contains(words), "the message says what to do: {error}");
        }
        drop(connection);
        assert!(fs::read(&file).unwrap() == before, "{ahead} ahead: not a byte of the file changes");
    };
    [1, 2, 1_000].into_iter().for_each(check);
}

#[test]
fn a_file_whose_steps_are_not_ours_is_refused_and_left_alone() {
    let check = |up_to: u32, change: &str| {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = open(&folder.path().join("vault.db"));
        embedded::migrations::runner().set_target(Target::Version(up_to.try_into().unwrap())).run(&mut connection).unwrap();
        connection.execute_batch(change).unwrap();
        let before = State::of(&connection);
        let error = migrate::migrate(&mut connection).expect_err(change);
        assert!(matches!(error, StoreError::Damaged(_)) && error.to_string().contains("step 1"), "schema {up_to}, {change}: {error:?}");
        assert_eq!(State::of(&connection), before, "schema {up_to}, {change}: nothing is written");
    };
    for up_to in [1, newest()] {
        check(up_to, "UPDATE refinery_schema_history SET checksum = '1' WHERE version = 1");
        check(up_to, "UPDATE refinery_schema_history SET checksum = 'not a number' WHERE version = 1");
        check(up_to, "UPDATE refinery_schema_history SET name = 'other' WHERE version = 1");
    }
    check(newest(), "DELETE FROM refinery_schema_history WHERE version = 1");
}

#[test]
fn a_migration_interrupted_anywhere_leaves_the_old_schema_or_the_new_one() {
    for start in Start::all() {
        let all = looks(&start);
        // A small step has fewer places than are tried of a large one; then it is stopped at each of them.
        let places = all.min(PLACES);
        assert!(places > 20, "{}: {all} places are enough to choose from", start.name);
        for place in (0..places).map(|n| n * all / places) {
            let (_folder, file) = start.copy();
            let mut connection = open(&file);
            let mut seen = 0;
            let look = move || {
                seen += 1;
                seen > place
            };
            connection.progress_handler(STEPS, Some(look)).unwrap();
            migrate::migrate(&mut connection).expect_err("an interrupted migration says so");
            connection.progress_handler(0, None::<fn() -> bool>).unwrap();
            start.check(&mut connection, &format!("interrupted at {place} of {all}"));
        }
    }
}

#[test]
fn a_migration_without_space_leaves_the_old_schema_and_names_the_full_disk() {
    for start in Start::all() {
        let (_folder, file) = start.copy();
        let pages = |connection: &Connection| connection.query_row("PRAGMA page_count", [], |row| row.get::<_, u32>(0)).unwrap();
        let mut connection = open(&file);
        let first = pages(&connection);
        migrate::migrate(&mut connection).unwrap();
        let last = pages(&connection);
        for limit in (first..last).step_by(11).chain([last - 1]) {
            let (_folder, file) = start.copy();
            let mut connection = open(&file);
            connection.query_row(&format!("PRAGMA max_page_count = {limit}"), [], |_| Ok(())).unwrap();
            let error = migrate::migrate(&mut connection).expect_err("a file that may not grow");
            assert!(matches!(error, StoreError::DiskFull), "{}, {limit} of {last} pages: {error:?}", start.name);
            connection.query_row("PRAGMA max_page_count = 1000000", [], |_| Ok(())).unwrap();
            let done = start.check(&mut connection, &format!("stopped at {limit} of {last} pages"));
            assert!(!done, "{}, {limit} of {last} pages: what was refused is not there", start.name);
        }
    }
}

const VICTIM: &str = "GLADSTONE_MIGRATION_OF_A_VICTIM";
const DIES: &str = "GLADSTONE_MIGRATION_DIES";

#[test]
fn a_process_that_dies_while_migrating_leaves_the_old_schema_or_the_new_one() {
    if let Some(file) = env::var_os(VICTIM) {
        return die_while_migrating(Path::new(&file), &env::var(DIES).unwrap());
    }
    for start in Start::all() {
        let all = looks(&start);
        let mut ends = Vec::new();
        for place in (0..DEATHS).map(|n| n * all / DEATHS) {
            ends.push(check_death(&start, &format!("step {place}")).expect("the process dies within the migration"));
        }
        for stage in ["before", "after"] {
            let deaths: Vec<bool> = (1..).map_while(|commit| check_death(&start, &format!("{stage} {commit}"))).collect();
            assert!(!deaths.is_empty(), "{}: the process dies {stage} the first commit", start.name);
            ends.extend(deaths);
        }
        assert!(ends.contains(&false) && ends.contains(&true), "{}: some deaths leave the old schema, some the new one: {ends:?}", start.name);
    }
}

/// Whether the new schema was there after the death; nothing when the migration ended before it.
fn check_death(start: &Start, dies: &str) -> Option<bool> {
    let (_folder, file) = start.copy();
    let mut victim = Command::new(env::current_exe().unwrap());
    victim.args(["--exact", "a_process_that_dies_while_migrating_leaves_the_old_schema_or_the_new_one"]);
    let status = victim.env(VICTIM, &file).env(DIES, dies).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    let done = start.check(&mut open(&file), &format!("died at {dies}"));
    (!status.success()).then_some(done)
}

/// Migrates, and ends without any farewell at a step of SQLite's machine, before or after a commit.
fn die_while_migrating(file: &Path, dies: &str) {
    let (stage, number) = dies.split_once(' ').unwrap();
    let number: u64 = number.parse().unwrap();
    let mut connection = open(file);
    let mut seen = 0;
    let mut at_last = move |last: u64| {
        seen += 1;
        if seen == last {
            std::process::abort();
        }
    };
    match stage {
        "step" => {
            let look = move || {
                at_last(number + 1);
                false
            };
            connection.progress_handler(STEPS, Some(look)).unwrap();
        }
        "before" => {
            let commit = move || {
                at_last(number);
                false
            };
            connection.commit_hook(Some(commit)).unwrap();
        }
        _ => {
            let log = move |_: &mut rusqlite::hooks::Wal, _: i32| {
                at_last(number);
                Ok(())
            };
            connection.wal_hook(Some(log)).unwrap();
        }
    }
    migrate::migrate(&mut connection).unwrap();
}
