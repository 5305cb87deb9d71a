//! Files that hang on a person or a record: listed, fetched, saved elsewhere, removed. The product itself
//! never opens one. How they come in is `files_add`.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gladstone_model::{Row, Value};
use gladstone_protocol::{EventAction, content::{ContentHash, hash_of}};
use gladstone_store::{Match, Query, Reader};
use gladstone_vault::{Purpose, Unlocked, blobs::{FileFault, Transfer, TransferState}, replica::Receipt};
use uuid::Uuid;

use super::{app::Done, wire};
use crate::{desk::Desk, error::{Code, DeskError}, file_names, saving};

/// Most bytes that one answer carries.
pub(super) const MOST: u32 = 1024 * 1024;
/// Most files that a list shows.
const LISTED: u32 = 500;

wire! {
    /// Whose files.
    pub struct ListFiles {
        /// The person.
        #[serde(default)]
        pub person: Option<Uuid>,
        /// Kind of record.
        #[serde(default)]
        pub entity: Option<String>,
        /// The record.
        #[serde(default)]
        pub id: Option<Uuid>,
    }

    /// A file.
    pub struct FileRequest {
        /// The file.
        pub id: Uuid,
    }

    /// A piece of a file.
    pub struct GetFile {
        /// The file.
        pub id: Uuid,
        /// First byte; 0 when not given.
        #[serde(default)]
        #[ts(type = "number | null")]
        pub offset: u64,
        /// Most bytes, up to 1 MiB; that when not given.
        #[serde(default)]
        pub length: Option<u32>,
    }

    /// A piece of a file.
    pub struct FilePiece {
        /// The bytes in base64; none behind the end.
        pub data: String,
        /// Size of the whole in bytes.
        #[ts(type = "number")]
        pub size: u64,
    }

    /// A file to be saved elsewhere.
    pub struct SaveFile {
        /// The file.
        pub id: Uuid,
        /// A folder; that for downloads, or the home folder, when not given.
        #[serde(default)]
        pub folder: Option<String>,
    }

    /// A file that was saved.
    pub struct SavedCopy {
        /// Its path.
        pub path: String,
    }

    /// A file to be removed.
    pub struct RemoveFile {
        /// The file.
        pub id: Uuid,
        /// Why.
        pub reason: String,
    }

    /// A file and where it is.
    pub struct FileInfo {
        /// The id.
        pub id: Uuid,
        /// Its name.
        pub name: String,
        /// Its kind, as its content tells it.
        pub media_type: String,
        /// Size in bytes.
        #[ts(type = "number")]
        pub size: u64,
        /// Who added it.
        pub by: String,
        /// Whether that is whoever asks.
        pub by_me: bool,
        /// When.
        pub at: String,
        /// Where it is.
        pub place: FilePlace,
        /// Whether it can be read on this computer.
        pub here: bool,
        /// Share that has arrived while it is on its way, in percent.
        pub percent: u8,
        /// What went wrong last, if anything.
        pub note: Option<String>,
    }

    /// Where a file is.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum FilePlace {
        /// On this computer alone.
        HereOnly,
        /// On this computer, and on its way to the centre.
        Sending,
        /// On this computer and at the centre.
        AtCentre,
        /// At the centre alone.
        NotFetched,
        /// At the centre, and on its way to this computer.
        Fetching,
        /// Its way was stopped by the person.
        Stopped,
        /// Its way came to no end; a person has to act.
        Failed,
    }
}

/// See the command list.
///
/// # Errors
/// Neither a person nor a record was named.
pub fn list(desk: &Desk, request: ListFiles) -> Result<Vec<FileInfo>, DeskError> {
    let query = match (request.person, &request.entity, request.id) {
        (Some(person), None, None) => Query::by("person_id", person),
        (None, Some(entity), Some(id)) if entity == "documents" => Query::by("document_id", id),
        (None, Some(entity), Some(id)) => Query::by("entity_id", id).and("entity_type", Match::Is(Value::text(entity))),
        _ => return Err(DeskError::new(Code::BadRequest, "Name either a person, or a kind of record and the record.")),
    };
    desk.with_unlocked(|unlocked| {
        let places = Places::of(desk, unlocked)?;
        unlocked.vault.read(|read| read.list("attachments", &query.sorted("created_at", true).limit(LISTED))?.iter().map(|row| places.info(unlocked, read, row)).collect())
    })
}

/// See the command list.
///
/// # Errors
/// Not on this computer, or damaged; one that the centre has is fetched again then.
pub fn get(desk: &Desk, request: GetFile) -> Result<FilePiece, DeskError> {
    desk.with_unlocked(|unlocked| {
        let (row, hash) = found(unlocked, request.id)?;
        if request.offset == 0 {
            record(unlocked, EventAction::Read, &row)?;
        }
        let size = unlocked.vault.held_file(&hash)?.ok_or_else(|| DeskError::from(FileFault::NotHere))?.size;
        let bytes = unlocked.vault.read_file(&hash, request.offset, request.length.unwrap_or(MOST).min(MOST) as usize).map_err(|fault| told(desk, unlocked, &hash, fault))?;
        Ok(FilePiece { data: STANDARD.encode(&*bytes), size })
    })
}

/// See the command list.
///
/// # Errors
/// As for `files.get`, or the folder cannot be written. Nothing is left over then, or the error says where.
pub fn save(desk: &Desk, request: SaveFile) -> Result<SavedCopy, DeskError> {
    let folder = folder(request.folder.as_deref())?;
    desk.with_unlocked(|unlocked| {
        let (row, hash) = found(unlocked, request.id)?;
        let path = file_names::free(&folder, &file_names::clean(row.text("filename")));
        let mut file = saving::create(&path).map_err(|error| unwritable(&path, &error))?;
        let written = unlocked.vault.copy_file(&hash, &mut file).map_err(|fault| told(desk, unlocked, &hash, fault));
        let written = written.and_then(|_| file.flush().and_then(|()| file.sync_all()).map_err(|error| unwritable(&path, &error)));
        written.map_err(|error| saving::take_back(&path, error))?;
        record(unlocked, EventAction::Export, &row)?;
        Ok(SavedCopy { path: path.to_string_lossy().into_owned() })
    })
}

/// See the command list.
///
/// # Errors
/// No reason, or the file is not on this computer's list.
pub fn remove(desk: &Desk, request: RemoveFile) -> Result<Done, DeskError> {
    if request.reason.trim().is_empty() {
        return Err(DeskError::field("reason", "Say why this file is removed."));
    }
    let purpose = Purpose { command: "files.remove".into(), reason: Some(request.reason.clone()) };
    desk.commit(purpose, |tx| Ok(tx.enter_in_error("attachments", request.id, request.reason.trim())?))?;
    Ok(Done::YES)
}

/// See the command list.
///
/// # Errors
/// The file is not on this computer's list.
pub fn fetch(desk: &Desk, request: FileRequest) -> Result<FileInfo, DeskError> {
    desk.with_unlocked(|unlocked| {
        let (_, hash) = found(unlocked, request.id)?;
        if unlocked.vault.replica()?.is_none() && unlocked.vault.held_file(&hash)?.is_none() {
            return Err(FileFault::NotHere.into());
        }
        Ok(unlocked.vault.ask_for_file(&hash)?)
    })?;
    desk.files_asked_for();
    info(desk, request.id)
}

/// See the command list.
///
/// # Errors
/// The file is not on this computer's list.
pub fn stop(desk: &Desk, request: FileRequest) -> Result<FileInfo, DeskError> {
    desk.with_unlocked(|unlocked| Ok(unlocked.vault.stop_file(&found(unlocked, request.id)?.1)?))?;
    info(desk, request.id)
}

/// What is known of all files on their way, read once for a list.
struct Places {
    actor: Uuid,
    moves: BTreeMap<(ContentHash, bool), Transfer>,
    moving: Option<gladstone_sync::blobs::Moving>,
}

impl Places {
    fn of(desk: &Desk, unlocked: &Unlocked) -> Result<Places, DeskError> {
        let moves = unlocked.vault.files_on_their_way()?.into_iter().map(|transfer| ((transfer.hash, transfer.sends), transfer)).collect();
        Ok(Places { actor: unlocked.vault.state().actor, moves, moving: desk.file_moving() })
    }

    fn info(&self, unlocked: &Unlocked, read: Reader<'_>, row: &Row) -> Result<FileInfo, DeskError> {
        let hash = hash_of(row.text("blob_hash")).unwrap_or_default();
        let held = unlocked.vault.held_file(&hash)?;
        let transfer = self.moves.get(&(hash, held.is_some()));
        let moving = self.moving.filter(|moving| moving.hash == hash && moving.sends == held.is_some());
        let place = match (held, transfer) {
            // The same content may hang on a record that everybody has, and on this one.
            (Some(held), _) if held.at_centre => match unlocked.vault.receipt("attachments", row.id())? {
                Receipt::AtCentre { .. } => FilePlace::AtCentre,
                Receipt::HereOnly | Receipt::Waiting { .. } | Receipt::Quarantined { .. } => FilePlace::HereOnly,
            },
            (_, Some(Transfer { state: TransferState::Stopped, .. })) => FilePlace::Stopped,
            (_, Some(Transfer { state: TransferState::Failed, .. })) => FilePlace::Failed,
            (Some(_), _) if moving.is_some() => FilePlace::Sending,
            (Some(_), _) => FilePlace::HereOnly,
            (None, Some(_)) => FilePlace::Fetching,
            (None, None) => FilePlace::NotFetched,
        };
        let (done, of) = moving.map(|moving| (moving.done, moving.sealed)).or(transfer.map(|transfer| (transfer.done, transfer.sealed))).unwrap_or((0, 1));
        let by = row.uuid("uploaded_by");
        let name = by.map(|id| read.get("users", id)).transpose()?.flatten().map(|user| user.text("name").to_owned()).unwrap_or_default();
        Ok(FileInfo {
            id: row.id(),
            name: file_names::clean(row.text("filename")),
            media_type: row.text("mime_type").into(),
            size: row.get("size_bytes").as_integer().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            by: name,
            by_me: by == Some(self.actor),
            at: row.get("created_at").as_instant().map(|at| at.to_string()).unwrap_or_default(),
            place,
            here: held.is_some(),
            percent: u8::try_from(done.min(of) * 100 / of.max(1)).unwrap_or(100),
            note: transfer.and_then(|transfer| transfer.note.clone()),
        })
    }
}

pub(super) fn info(desk: &Desk, id: Uuid) -> Result<FileInfo, DeskError> {
    desk.with_unlocked(|unlocked| {
        let places = Places::of(desk, unlocked)?;
        unlocked.vault.read(|read| places.info(unlocked, read, &read.require("attachments", id)?))
    })
}

/// The row of a file and the hash of its content.
fn found(unlocked: &Unlocked, id: Uuid) -> Result<(Row, ContentHash), DeskError> {
    let row = unlocked.vault.read(|read| Ok::<_, DeskError>(read.require("attachments", id)?))?;
    let hash = hash_of(row.text("blob_hash")).ok_or_else(|| DeskError::from(FileFault::NotHere))?;
    Ok((row, hash))
}

/// What a fault is for people. A damaged file that the centre has is fetched again by itself.
fn told(desk: &Desk, unlocked: &Unlocked, hash: &ContentHash, fault: FileFault) -> DeskError {
    let given_up = || unlocked.vault.give_up_damaged(hash).unwrap_or_else(|error| {
        tracing::warn!(%error, "a damaged file could not be given up, and is not fetched again by itself");
        false
    });
    if matches!(fault, FileFault::Damaged) && unlocked.alarm.is_none() && given_up() {
        desk.files_asked_for();
        return DeskError::new(Code::Damaged, "This file was damaged on this computer. It is fetched from the centre again; try again in a moment.");
    }
    fault.into()
}

fn record(unlocked: &Unlocked, action: EventAction, row: &Row) -> Result<(), DeskError> {
    if unlocked.alarm.is_some() { Ok(()) } else { Ok(unlocked.vault.record(action, row.entity.no, row.id(), "file")?) }
}

/// Where copies are saved.
fn folder(named: Option<&str>) -> Result<PathBuf, DeskError> {
    if let Some(folder) = saving::named_folder(named, "folder")? {
        return Ok(folder);
    }
    let home = std::env::home_dir().filter(|home| home.is_dir()).ok_or_else(|| DeskError::field("folder", "Name a folder to save it in."))?;
    Ok(Some(home.join("Downloads")).filter(|folder| folder.is_dir()).unwrap_or(home))
}

fn unwritable(path: &Path, error: &std::io::Error) -> DeskError {
    let code = if error.kind() == std::io::ErrorKind::StorageFull { Code::DiskFull } else { Code::Failed };
    DeskError { code, message: saving::unwritable(path, error), field: Some("folder".into()) }
}
