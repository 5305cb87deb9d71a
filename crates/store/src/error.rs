//! What can go wrong when rows are kept, in words a person can act on.

use gladstone_model::Fault;

/// Why the store refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The row breaks rules; nothing was written.
    #[error("{}", .0.first().map_or("the record is not valid", |fault| fault.message.as_str()))]
    Invalid(Vec<Fault>),
    /// No entity of this name.
    #[error("there are no records called “{0}”")]
    UnknownEntity(String),
    /// No field of this name.
    #[error("{entity} has no field “{field}”")]
    UnknownField {
        /// Entity by name.
        entity: String,
        /// Field as asked for.
        field: String,
    },
    /// No row of this id, or it was entered in error.
    #[error("this {0} is not on this computer; it may have been entered in error")]
    NotFound(String),
    /// Rows of this entity are only ever added.
    #[error("{0} are only ever added, never changed")]
    AppendOnly(String),
    /// Another row needs this one.
    #[error("{0}")]
    InUse(String),
    /// The row holds what a newer version of Gladstone wrote, so that this one must not change it.
    #[error("“{value}” ({field}) was written by a newer version of Gladstone. This {label} can be read here; to change it, update Gladstone")]
    NewerVersion {
        /// Name of the entity, for people.
        label: String,
        /// Name of the field, for people.
        field: String,
        /// The value that this version does not know.
        value: String,
    },
    /// The disk is full.
    #[error("not saved: this computer has no space left. Free some space and try again; everything saved before is safe")]
    DiskFull,
    /// The disk failed.
    #[error("not saved: the disk reported an error. Close Gladstone, open it again, and make a backup to another disk")]
    Disk,
    /// The file is damaged.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// The file was written by a newer version.
    #[error("this vault was written by a newer version of Gladstone (schema {found}, this version knows {known}). Install the newer version to open it")]
    FromTheFuture {
        /// Version in the file.
        found: u32,
        /// Newest version known here.
        known: u32,
    },
    /// A value in the file does not fit the declaration.
    #[error("a value in {0} does not fit its declaration")]
    Unreadable(String),
    /// Anything else that the database says.
    #[error("the database refused: {0}")]
    Database(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::DiskFull,
            Some(ErrorCode::SystemIoFailure) => StoreError::Disk,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(error.to_string()),
            _ => StoreError::Database(error.to_string()),
        }
    }
}
