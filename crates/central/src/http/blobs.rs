//! Files that records name: by the hash of their bytes, which are encrypted before they come. One
//! folder for each realm, so that no other realm's file can be reached.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use axum::{
    extract::{self, Request, State},
    http::header,
    response::{IntoResponse, Response},
};
use gladstone_protocol::{ApiError, enrol::{from_hex, to_hex}};
use uuid::Uuid;

use super::{Here, answer::{self, Fault}, blocking, body, caller};

/// Greatest size of a file in bytes.
const LIMIT: usize = 64 * 1024 * 1024;
const BYTES: &str = "application/octet-stream";

/// The folder of files.
#[derive(Clone, Debug)]
pub(super) struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    pub fn new(folder: PathBuf) -> Blobs {
        Blobs { folder }
    }

    fn place(&self, realm: Uuid, hash: &[u8; 32]) -> PathBuf {
        let name = to_hex(hash);
        self.folder.join(realm.to_string()).join(&name[..2]).join(name)
    }

    /// Writes a file completely or not at all; one that is there stays.
    fn store(&self, realm: Uuid, hash: &[u8; 32], bytes: &[u8]) -> io::Result<()> {
        let place = self.place(realm, hash);
        let folder = place.parent().unwrap_or(Path::new("."));
        if place.exists() {
            return Ok(());
        }
        fs::create_dir_all(folder)?;
        let parts = folder.join(format!(".{}", Uuid::now_v7()));
        let written = File::create_new(&parts).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&parts, &place)?;
            File::open(folder)?.sync_all()
        });
        if written.is_err() {
            let _ = fs::remove_file(&parts);
        }
        written
    }

    fn fetch(&self, realm: Uuid, hash: &[u8; 32]) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.place(realm, hash)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn disk(error: &io::Error) -> ApiError {
    tracing::error!(%error, "a file could not be read or written");
    ApiError::Later { after_ms: 60_000 }
}

/// `PUT /v1/blobs/<hash>`.
pub(super) async fn store(State(shared): Here, extract::Path(name): extract::Path<String>, request: Request) -> Result<Response, Fault> {
    let caller = caller(&shared, request.headers()).await?;
    let (Some(hash), Some(blobs)) = (from_hex::<32>(&name), shared.blobs.clone()) else { return Err(Fault::not_found()) };
    body::expect(request.headers(), BYTES)?;
    let bytes = body::read(request.into_body(), LIMIT).await?;
    blocking(&shared, move |_| {
        if *blake3::hash(&bytes).as_bytes() != hash {
            return Err(ApiError::Damaged);
        }
        blobs.store(caller.realm, &hash, &bytes).map_err(|error| disk(&error))
    }).await?;
    answer::json(&serde_json::json!({}))
}

/// `GET /v1/blobs/<hash>`.
pub(super) async fn fetch(State(shared): Here, extract::Path(name): extract::Path<String>, request: Request) -> Result<Response, Fault> {
    let caller = caller(&shared, request.headers()).await?;
    if caller.revoked {
        return Err(Fault(ApiError::Revoked));
    }
    let (Some(hash), Some(blobs)) = (from_hex::<32>(&name), shared.blobs.clone()) else { return Err(Fault::not_found()) };
    let bytes = blocking(&shared, move |_| blobs.fetch(caller.realm, &hash).map_err(|error| disk(&error))).await?;
    let bytes = bytes.ok_or_else(Fault::not_found)?;
    Ok(([(header::CONTENT_TYPE, BYTES)], bytes).into_response())
}
