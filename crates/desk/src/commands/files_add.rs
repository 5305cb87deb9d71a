//! How a file comes in: by pieces, by path, or with its content, and on what it is hung. Nothing is left
//! over of one that does not.

use std::{fs, io::Read, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gladstone_model::{Value, catalogue, unit::UnitKind};
use gladstone_protocol::{enrol::to_hex, limits::FILE_LIMIT};
use gladstone_store::{Reader, StoreError};
use gladstone_vault::blobs::FileFault;
use uuid::Uuid;

use super::{app::Done, files::{self, FileInfo, MOST}, wire};
use crate::{desk::Desk, error::{Code, DeskError}, file_names, incoming::Piecemeal};

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
    files::info(desk, id)
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
                match source.read(&mut buffer).map_err(|error| unreadable(&error))? {
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
            let entity = catalogue().get(entity).ok_or_else(|| DeskError::from(StoreError::UnknownEntity(entity.clone())))?;
            let record = read.stored(entity, *id)?.filter(|record| record.error.is_none()).ok_or_else(|| DeskError::from(StoreError::NotFound(entity.label.to_lowercase())))?;
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

fn decoded(data: &str) -> Result<Vec<u8>, DeskError> {
    STANDARD.decode(data).map_err(|_| DeskError::field("data", "The bytes of the file are not in base64."))
}
