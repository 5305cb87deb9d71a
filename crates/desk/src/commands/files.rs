//! Files that hang on a person or a record: added, listed, fetched, saved elsewhere, removed. The
//! product itself never opens one.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gladstone_model::{Row, Value, catalogue, unit::UnitKind};
use gladstone_protocol::{EventAction, content::{ContentHash, hash_of}, enrol::to_hex, limits::FILE_LIMIT};
use gladstone_store::{Match, Query, Reader};
use gladstone_vault::{Purpose, Unlocked, blobs::{FileFault, Transfer, TransferState}, replica::Receipt};
use uuid::Uuid;

use super::{app::Done, wire};
use crate::{desk::Desk, error::{Code, DeskError}, file_names, incoming::Piecemeal};

/// Most bytes that one answer carries.
const MOST: u32 = 1024 * 1024;
/// Most files that a list shows.
const LISTED: u32 = 500;

wire! {
    /// A file that is about to come piece by piece.
    pub struct BeginFile {
        /// Its size in bytes; one that is too large is refused before it comes.
        #[ts(type = "number")]
        pub size: u64,
    }

    /// Under what its pieces come.
    pub struct FileTicket {
        /// The ticket.
        pub ticket: Uuid,
        /// Greatest size of a piece in bytes.
        pub piece: u32,
    }

    /// The next piece of a file.
    pub struct AppendFile {
        /// The ticket.
        pub ticket: Uuid,
        /// How many bytes have come before it.
        #[ts(type = "number")]
        pub offset: u64,
        /// The bytes in base64.
        pub data: String,
    }

    /// How much of a file has come.
    pub struct FileCame {
        /// Bytes.
        #[ts(type = "number")]
        pub received: u64,
    }

    /// A ticket.
    pub struct DropFile {
        /// The ticket.
        pub ticket: Uuid,
    }

    /// A file to be added: to a person, or to a record; by ticket, by path, or with its content.
    pub struct AttachRequest {
        /// The person.
        #[serde(default)]
        pub person: Option<Uuid>,
        /// Kind of record, when it hangs on one.
        #[serde(default)]
        pub entity: Option<String>,
        /// The record.
        #[serde(default)]
        pub id: Option<Uuid>,
        /// Name of the file; that of the path when not given.
        #[serde(default)]
        pub name: Option<String>,
        /// What came piece by piece.
        #[serde(default)]
        pub ticket: Option<Uuid>,
        /// Where the file lies on this computer.
        #[serde(default)]
        pub path: Option<String>,
        /// The content in base64, for small ones.
        #[serde(default)]
        pub data: Option<String>,
    }

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
/// Too large, or a full disk.
pub fn begin(desk: &Desk, request: BeginFile) -> Result<FileTicket, DeskError> {
    if request.size > FILE_LIMIT {
        return Err(FileFault::TooLarge { limit: FILE_LIMIT }.into());
    }
    let ticket = desk.with().around.new_id()?;
    desk.incoming.put(ticket, desk.with_unlocked(|unlocked| Piecemeal::begin(&unlocked.vault))?);
    Ok(FileTicket { ticket, piece: MOST })
}

/// See the command list.
///
/// # Errors
/// No such ticket, a piece out of its turn, too large, or a full disk.
pub fn append(desk: &Desk, request: AppendFile) -> Result<FileCame, DeskError> {
    let bytes = decoded(&request.data)?;
    Ok(FileCame { received: desk.incoming.write(request.ticket, request.offset, &bytes)? })
}

/// See the command list.
///
/// # Errors
/// No such ticket.
pub fn give_up(desk: &Desk, request: DropFile) -> Result<Done, DeskError> {
    desk.incoming.take(request.ticket).map(|_| Done::YES)
}

/// See the command list.
///
/// # Errors
/// No such person or record, a file that cannot be read, too large, or a full disk. Nothing is left
/// over then.
pub fn attach(desk: &Desk, request: AttachRequest) -> Result<FileInfo, DeskError> {
    let (file, own_name) = content_of(desk, &request)?;
    let name = file_names::clean(request.name.as_deref().filter(|name| !name.trim().is_empty()).or(own_name.as_deref()).unwrap_or_default());
    let media_type = file_names::media_type(&file.head);
    let target = (request.person, request.entity, request.id);
    let (id, changes) = desk.with_unlocked(|unlocked| {
        unlocked.vault.keep_file::<_, DeskError>(file.content, "files.attach", |tx, kept| {
            let mut values = hung_on(tx.read(), &target)?;
            let size = i64::try_from(kept.size).unwrap_or(i64::MAX);
            values.extend([("filename", Value::text(&name)), ("mime_type", Value::text(&media_type)), ("size_bytes", size.into()), ("blob_hash", Value::text(&to_hex(&kept.hash)))]);
            // On a laptop that has just joined, one's own record may still be on its way.
            if tx.read().get("users", tx.actor())?.is_some() {
                values.push(("uploaded_by", tx.actor().into()));
            }
            Ok(tx.create("attachments", values)?)
        })
    })?;
    desk.tell(&changes);
    info(desk, id)
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
/// As for `files.get`, or the folder cannot be written. Nothing is left over then.
pub fn save(desk: &Desk, request: SaveFile) -> Result<SavedCopy, DeskError> {
    let folder = folder(request.folder.as_deref())?;
    desk.with_unlocked(|unlocked| {
        let (row, hash) = found(unlocked, request.id)?;
        let path = file_names::free(&folder, &file_names::clean(row.text("filename")));
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(|error| unwritable(&path, &error))?;
        let written = unlocked.vault.copy_file(&hash, &mut file).map_err(|fault| told(desk, unlocked, &hash, fault));
        let written = written.and_then(|_| file.flush().and_then(|()| file.sync_all()).map_err(|error| unwritable(&path, &error)));
        if let Err(error) = written {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
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

fn info(desk: &Desk, id: Uuid) -> Result<FileInfo, DeskError> {
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

/// The content that a request brings, and its own name.
fn content_of(desk: &Desk, request: &AttachRequest) -> Result<(Piecemeal, Option<String>), DeskError> {
    match (request.ticket, &request.path, &request.data) {
        (Some(ticket), None, None) => Ok((desk.incoming.take(ticket)?, None)),
        (None, Some(path), None) => {
            let path = Path::new(path.trim());
            let unreadable = |error: &std::io::Error| DeskError::field("path", format!("The file {} cannot be read: {error}.", path.display()));
            let mut source = fs::File::open(path).map_err(|error| unreadable(&error))?;
            let known = source.metadata().map_err(|error| unreadable(&error))?;
            if !known.is_file() {
                return Err(DeskError::field("path", format!("{} is no file.", path.display())));
            }
            if known.len() > FILE_LIMIT {
                return Err(FileFault::TooLarge { limit: FILE_LIMIT }.into());
            }
            let mut file = desk.with_unlocked(|unlocked| Piecemeal::begin(&unlocked.vault))?;
            let mut buffer = vec![0; 64 * 1024];
            loop {
                match std::io::Read::read(&mut source, &mut buffer).map_err(|error| unreadable(&error))? {
                    0 => break,
                    count => file.write(&buffer[..count])?,
                }
            }
            Ok((file, path.file_name().map(|name| name.to_string_lossy().into_owned())))
        }
        (None, None, Some(data)) => {
            let mut file = desk.with_unlocked(|unlocked| Piecemeal::begin(&unlocked.vault))?;
            file.write(&decoded(data)?)?;
            Ok((file, None))
        }
        _ => Err(DeskError::new(Code::BadRequest, "A file comes by ticket, by path, or with its content; give one of them.")),
    }
}

/// On what a file hangs, as values of its row. The unit follows from them, so that whoever may see the
/// record may see the file.
fn hung_on(read: Reader<'_>, target: &(Option<Uuid>, Option<String>, Option<Uuid>)) -> Result<Vec<(&'static str, Value)>, DeskError> {
    match target {
        (Some(person), None, None) => {
            let person = read.require("users", *person)?.id();
            Ok(vec![("person_id", person.into())])
        }
        (None, Some(entity), Some(id)) => {
            let entity = catalogue().get(entity).ok_or_else(|| DeskError::from(gladstone_store::StoreError::UnknownEntity(entity.clone())))?;
            let record = read.stored(entity, *id)?.filter(|record| record.error.is_none()).ok_or_else(|| DeskError::from(gladstone_store::StoreError::NotFound(entity.label.to_lowercase())))?;
            if entity.name == "documents" {
                return Ok(vec![("document_id", record.row.id().into())]);
            }
            let mut values = vec![("entity_type", Value::text(&entity.name)), ("entity_id", record.row.id().into())];
            if record.unit.kind == UnitKind::Person {
                values.push(("person_id", record.unit.id.into()));
            }
            Ok(values)
        }
        _ => Err(DeskError::new(Code::BadRequest, "Name either a person, or a kind of record and the record.")),
    }
}

/// What a fault is for people. A damaged file that the centre has is fetched again by itself.
fn told(desk: &Desk, unlocked: &Unlocked, hash: &ContentHash, fault: FileFault) -> DeskError {
    if matches!(fault, FileFault::Damaged) && unlocked.alarm.is_none() && unlocked.vault.give_up_damaged(hash).unwrap_or(false) {
        desk.files_asked_for();
        return DeskError::new(Code::Damaged, "This file was damaged on this computer. It is fetched from the centre again; try again in a moment.");
    }
    fault.into()
}

fn record(unlocked: &Unlocked, action: EventAction, row: &Row) -> Result<(), DeskError> {
    if unlocked.alarm.is_some() { Ok(()) } else { Ok(unlocked.vault.record(action, row.entity.no, row.id(), "file")?) }
}

fn decoded(data: &str) -> Result<Vec<u8>, DeskError> {
    STANDARD.decode(data).map_err(|_| DeskError::field("data", "The bytes of the file are not in base64."))
}

/// Where copies are saved.
fn folder(named: Option<&str>) -> Result<PathBuf, DeskError> {
    if let Some(named) = named.map(str::trim).filter(|named| !named.is_empty()) {
        let folder = PathBuf::from(named);
        return if folder.is_dir() { Ok(folder) } else { Err(DeskError::field("folder", "There is no such folder. Name one that is there, for example /media/stick.")) };
    }
    let home = std::env::home_dir().filter(|home| home.is_dir()).ok_or_else(|| DeskError::field("folder", "Name a folder to save it in."))?;
    Ok(Some(home.join("Downloads")).filter(|folder| folder.is_dir()).unwrap_or(home))
}

fn unwritable(path: &Path, error: &std::io::Error) -> DeskError {
    let code = if error.kind() == std::io::ErrorKind::StorageFull { Code::DiskFull } else { Code::Failed };
    DeskError { code, message: format!("The file {} cannot be written: {error}. Choose another folder.", path.display()), field: Some("folder".into()) }
}
