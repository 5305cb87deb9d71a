//! A disk that can be watched and can fail: SQLite's own file layer with four calls in between.
//!
//! Everything under a watched folder is counted, recorded when asked for, and refused when a
//! [`Trouble`] says so. Files elsewhere keep SQLite's calls untouched.

// SQLite hands over C structures; each use says why it is sound.
#![allow(unsafe_code)]

use std::{
    collections::HashMap,
    ffi::{CStr, OsStr, c_int, c_void},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
};

use rusqlite::ffi;

/// Something that SQLite did to a file, in the order in which it did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Bytes at an offset.
    Write {
        /// Name of the file.
        file: String,
        /// Place of the first byte.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The file has another length from now on.
    Truncate {
        /// Name of the file.
        file: String,
        /// Its length in bytes.
        length: u64,
    },
    /// Everything before is on the platter.
    Sync {
        /// Name of the file.
        file: String,
    },
    /// The file is gone.
    Delete {
        /// Name of the file.
        file: String,
    },
    /// A note of the test: so many saves are acknowledged.
    Mark(usize),
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// From this operation on there is no space; half of the first write still fits.
    Full,
    /// From this operation on, nothing can be written or synced.
    Broken,
    /// From this operation on, syncing fails.
    SyncFails,
}

/// A watched folder.
pub struct Disk {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    operations: usize,
    recording: bool,
    events: Vec<Event>,
    trouble: Option<(usize, Trouble)>,
}

/// What to do with an operation.
enum Verdict {
    Go,
    Half,
    Refuse(c_int),
}

impl Disk {
    /// Watches a folder for as long as the result lives.
    pub fn watch(folder: &Path) -> Arc<Disk> {
        install();
        let disk = Arc::new(Disk { folder: folder.canonicalize().unwrap(), state: Mutex::default() });
        let mut all = lock(&WATCHED);
        all.retain(|other| other.strong_count() > 0);
        all.push(Arc::downgrade(&disk));
        disk
    }

    /// Writes, truncations and syncs so far.
    pub fn operations(&self) -> usize {
        lock(&self.state).operations
    }

    /// Begins to record.
    pub fn record(&self) {
        lock(&self.state).recording = true;
    }

    /// Notes that so many saves are acknowledged.
    pub fn mark(&self, saves: usize) {
        lock(&self.state).events.push(Event::Mark(saves));
    }

    /// What was recorded.
    pub fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut lock(&self.state).events)
    }

    /// Lets the operation with this number, from 0, be the first that fails.
    pub fn fail(&self, at: usize, trouble: Trouble) {
        lock(&self.state).trouble = Some((at, trouble));
    }

    /// Everything works again.
    pub fn repair(&self) {
        lock(&self.state).trouble = None;
    }

    fn judge(&self, event: Event) -> Verdict {
        let mut state = lock(&self.state);
        let number = state.operations;
        state.operations += 1;
        let (writes, syncs, code) = match &event {
            Event::Write { .. } => (true, false, ffi::SQLITE_IOERR_WRITE),
            Event::Truncate { .. } => (false, false, ffi::SQLITE_IOERR_TRUNCATE),
            Event::Sync { .. } => (false, true, ffi::SQLITE_IOERR_FSYNC),
            Event::Delete { .. } | Event::Mark(_) => (false, false, ffi::SQLITE_IOERR_DELETE),
        };
        let verdict = match state.trouble {
            Some((at, Trouble::Full)) if number == at && writes => Verdict::Half,
            Some((at, Trouble::Full)) if number >= at && writes => Verdict::Refuse(ffi::SQLITE_FULL),
            Some((at, Trouble::Broken)) if number >= at => Verdict::Refuse(code),
            Some((at, Trouble::SyncFails)) if number >= at && syncs => Verdict::Refuse(code),
            _ => Verdict::Go,
        };
        if state.recording && matches!(verdict, Verdict::Go) {
            state.events.push(event);
        }
        verdict
    }
}

/// An open file of a watched folder.
#[derive(Clone)]
struct OpenFile {
    disk: Arc<Disk>,
    name: String,
    original: Methods,
}

/// A table of SQLite's calls, which lives as long as the process.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Methods(*const ffi::sqlite3_io_methods);

// SAFETY: the tables are constants of SQLite or leaked by `wrapped`; nobody writes them.
unsafe impl Send for Methods {}

static WATCHED: Mutex<Vec<Weak<Disk>>> = Mutex::new(Vec::new());
/// Open files by the address of SQLite's structure, from the opening to the closing.
static OPEN: LazyLock<Mutex<HashMap<usize, OpenFile>>> = LazyLock::new(Mutex::default);
/// Tables of calls with ours in between, by the table that they were made from.
static WRAPPED: LazyLock<Mutex<HashMap<Methods, Methods>>> = LazyLock::new(Mutex::default);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The watched folder in which a path lies, and the file's name.
fn watched(path: &Path) -> Option<(Arc<Disk>, String)> {
    let (folder, name) = (path.parent()?, path.file_name()?.to_string_lossy().into_owned());
    let disk = lock(&WATCHED).iter().filter_map(Weak::upgrade).find(|disk| disk.folder == folder)?;
    Some((disk, name))
}

fn find(file: *mut ffi::sqlite3_file) -> OpenFile {
    lock(&OPEN).get(&(file as usize)).cloned().expect("a file with our calls is open")
}

struct Layer(*mut ffi::sqlite3_vfs);

// SAFETY: the structure is SQLite's default layer, which is never taken away nor changed.
unsafe impl Send for Layer {}
// SAFETY: as above.
unsafe impl Sync for Layer {}

static BELOW: OnceLock<Layer> = OnceLock::new();

fn below() -> *mut ffi::sqlite3_vfs {
    BELOW.get().map_or(std::ptr::null_mut(), |layer| layer.0)
}

/// Puts the layer before SQLite's own one, once in a process, before a watched file is opened.
fn install() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        // SAFETY: `sqlite3_vfs_find` returns the default layer, which stays for the life of the
        // process. The copy is leaked, so SQLite may keep it; all its calls but two are those of
        // the original, which take what they need from the copied `pAppData`.
        unsafe {
            let original = ffi::sqlite3_vfs_find(std::ptr::null());
            let _ = BELOW.set(Layer(original));
            let mut layer = *original;
            layer.pNext = std::ptr::null_mut();
            layer.zName = c"watched".as_ptr();
            layer.xOpen = Some(open);
            layer.xDelete = Some(delete);
            assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(layer)), 1), ffi::SQLITE_OK, "the layer is registered");
        }
    });
}

fn wrapped(original: Methods) -> Methods {
    *lock(&WRAPPED).entry(original).or_insert_with(|| {
        // SAFETY: SQLite's tables of calls are constants.
        let mut table = unsafe { *original.0 };
        // Version 2 has no memory-mapped reads, so every byte passes the calls below.
        table.iVersion = table.iVersion.min(2);
        table.xClose = Some(close);
        table.xWrite = Some(write);
        table.xTruncate = Some(truncate);
        table.xSync = Some(sync);
        Methods(Box::leak(Box::new(table)))
    })
}

unsafe extern "C" fn open(_: *mut ffi::sqlite3_vfs, name: *const std::ffi::c_char, file: *mut ffi::sqlite3_file, flags: c_int, out: *mut c_int) -> c_int {
    // SAFETY: the arguments are SQLite's own and are handed on as they are; `xOpen` is there in
    // every layer. The structure has the size that the original asked for.
    let (code, methods) = unsafe {
        let code = (*below()).xOpen.expect("a layer opens files")(below(), name, file, flags, out);
        (code, (*file).pMethods)
    };
    if code != ffi::SQLITE_OK || name.is_null() || methods.is_null() {
        return code;
    }
    // SAFETY: SQLite's names are C strings that live as long as the file is open.
    let path = PathBuf::from(OsStr::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes()));
    if let Some((disk, name)) = watched(&path) {
        let original = Methods(methods);
        lock(&OPEN).insert(file as usize, OpenFile { disk, name, original });
        // SAFETY: the structure is ours to fill while it is being opened, and the table is leaked.
        unsafe { (*file).pMethods = wrapped(original).0 };
    }
    code
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const std::ffi::c_char, sync_folder: c_int) -> c_int {
    // SAFETY: as in `open`.
    let path = PathBuf::from(OsStr::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes()));
    if let Some((disk, file)) = watched(&path)
        && let Verdict::Refuse(code) = disk.judge(Event::Delete { file })
    {
        return code;
    }
    // SAFETY: as in `open`.
    unsafe { (*below()).xDelete.expect("a layer deletes files")(below(), name, sync_folder) }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let open = find(file);
    lock(&OPEN).remove(&(file as usize));
    // SAFETY: `file` is open with the calls of `original`.
    unsafe { (*open.original.0).xClose.map_or(ffi::SQLITE_OK, |call| call(file)) }
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, bytes: *const c_void, length: c_int, offset: ffi::sqlite3_int64) -> c_int {
    let open = find(file);
    // SAFETY: SQLite hands over `length` readable bytes for the time of the call.
    let copy = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length as usize) }.to_vec();
    // SAFETY: `file` is open with the calls of `original`; at most `length` bytes are written.
    let pass = |length: c_int| unsafe { (*open.original.0).xWrite.map_or(ffi::SQLITE_IOERR_WRITE, |call| call(file, bytes, length, offset)) };
    match open.disk.judge(Event::Write { file: open.name.clone(), offset: offset as u64, bytes: copy }) {
        Verdict::Go => pass(length),
        Verdict::Half => {
            let _ = pass(length / 2);
            ffi::SQLITE_FULL
        }
        Verdict::Refuse(code) => code,
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: ffi::sqlite3_int64) -> c_int {
    let open = find(file);
    match open.disk.judge(Event::Truncate { file: open.name.clone(), length: length as u64 }) {
        Verdict::Refuse(code) => code,
        // SAFETY: `file` is open with the calls of `original`.
        _ => unsafe { (*open.original.0).xTruncate.map_or(ffi::SQLITE_IOERR_TRUNCATE, |call| call(file, length)) },
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    let open = find(file);
    match open.disk.judge(Event::Sync { file: open.name.clone() }) {
        Verdict::Refuse(code) => code,
        // SAFETY: `file` is open with the calls of `original`.
        _ => unsafe { (*open.original.0).xSync.map_or(ffi::SQLITE_IOERR_FSYNC, |call| call(file, flags)) },
    }
}
