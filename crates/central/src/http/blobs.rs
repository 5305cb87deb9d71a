//! Files that records name, in parts: how much of one has come, the next part, and reading from any
//! byte. What is asked for without right answers as what is not there.

use std::{io, sync::Arc};

use axum::{
    body::Body,
    extract::{self, Query, Request, State, rejection::QueryRejection},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use gladstone_protocol::{
    ApiError,
    content::{ContentHash, FileState, OVER_QUOTA, WRONG_CONTENT},
    enrol::from_hex,
    limits::FILE_PART,
};
use serde::Deserialize;
use tokio::sync::{SemaphorePermit, mpsc};

use super::{Here, Shared, admission::Class, answer::{self, Fault}, blocking, body, session};
use crate::{blobs::{BlobFault, Blobs, Bringing}, centre::{Caller, refused}};

/// Short name of a refusal: what the centre has of a file is not what was put there.
const DAMAGED: &str = "damaged_file";

/// Pieces of a part that wait to be written down.
const PIECES: usize = 4;

const BYTES: &str = "application/octet-stream";

/// Which part is meant. Whoever may not ask learns nothing about how to ask, so that a query that
/// cannot be read is told only afterwards.
type Asked = Result<Query<Part>, QueryRejection>;

/// A part of a file.
#[derive(Deserialize)]
pub(super) struct Part {
    /// First byte of the sealed file.
    #[serde(default)]
    offset: u64,
    /// Most bytes, where it is fetched.
    #[serde(default = "longest")]
    length: u64,
}

fn longest() -> u64 {
    FILE_PART as u64
}

/// A file that the caller may bring or fetch.
struct Allowed<'s> {
    caller: Caller,
    hash: ContentHash,
    sizes: Vec<u64>,
    blobs: Arc<Blobs>,
    _place: SemaphorePermit<'s>,
}

impl Allowed<'_> {
    fn bringing(&self) -> (Caller, ContentHash, Vec<u64>, Arc<Blobs>) {
        (self.caller.clone(), self.hash, self.sizes.clone(), Arc::clone(&self.blobs))
    }
}

async fn allowed<'s>(shared: &'s Arc<Shared>, name: &str, headers: &HeaderMap) -> Result<Allowed<'s>, Fault> {
    let caller = session(shared, headers).await?;
    shared.admission.files(caller.device)?;
    let (Some(hash), Some(blobs)) = (from_hex::<32>(name), shared.blobs.clone()) else { return Err(Fault::not_found()) };
    let place = shared.admission.enter(Class::Files).await?;
    let asked = caller.clone();
    let sizes = blocking(shared, move |centre| centre.sizes_of_file(&asked, &hash)).await?;
    if sizes.is_empty() {
        return Err(Fault::not_found());
    }
    Ok(Allowed { caller, hash, sizes, blobs, _place: place })
}

fn fault(fault: BlobFault) -> ApiError {
    match fault {
        BlobFault::Wrong => refused(WRONG_CONTENT, "What arrived is not the file that the record names. It is sent anew."),
        BlobFault::DeviceQuota => refused(OVER_QUOTA, "This computer has sent as many files today as it may. The rest goes tomorrow."),
        BlobFault::RealmQuota => refused(OVER_QUOTA, "The centre has no room left for files of your organization. Ask whoever runs it."),
        BlobFault::Busy => ApiError::Later { after_ms: 1_000 },
        BlobFault::Disk(error) if error.kind() == io::ErrorKind::InvalidData => {
            tracing::error!(%error, "a file is damaged where the centre keeps it");
            refused(DAMAGED, "The centre's copy of this file is damaged. Tell whoever runs it.")
        }
        BlobFault::Disk(error) => {
            tracing::error!(%error, "a file could not be read or written");
            ApiError::Later { after_ms: 60_000 }
        }
    }
}

/// `GET /v1/blobs/<hash>/state`: how much of it has come from this laptop.
pub(super) async fn state(State(shared): Here, extract::Path(name): extract::Path<String>, request: Request) -> Result<Response, Fault> {
    let allowed = allowed(&shared, &name, request.headers()).await?;
    let (caller, hash, sizes, blobs) = allowed.bringing();
    let state = blocking(&shared, move |_| {
        let of = Bringing { realm: caller.realm, device: caller.device, hash, sizes: &sizes };
        blobs.state(&of).map_err(|error| fault(error.into()))
    }).await?;
    answer::json(&state)
}

/// `PUT /v1/blobs/<hash>?offset=N`: the next part. What arrived of a part that was cut off is kept.
pub(super) async fn store(State(shared): Here, extract::Path(name): extract::Path<String>, asked: Asked, request: Request) -> Result<Response, Fault> {
    let allowed = allowed(&shared, &name, request.headers()).await?;
    let (caller, hash, sizes, blobs) = allowed.bringing();
    let Query(part) = asked.map_err(|_| Fault(ApiError::Damaged))?;
    body::expect(request.headers(), BYTES)?;
    let kept = Arc::clone(&shared);
    let taking = take(kept, caller, hash, sizes, blobs, part.offset, request.into_body());
    // In a task of its own: it goes on when the connection is gone.
    match tokio::spawn(taking).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, "a part of a file stopped unexpectedly");
            Err(Fault::later(30_000))
        }
    }
}

async fn take(shared: Arc<Shared>, caller: Caller, hash: ContentHash, sizes: Vec<u64>, blobs: Arc<Blobs>, offset: u64, body: Body) -> Result<Response, Fault> {
    let (give, mut pieces) = mpsc::channel(PIECES);
    let piece = blobs.piece();
    // Written down and looked at while more arrives. What ends early lets go of the pieces with it.
    let writing = async move {
        let (mut offset, mut last) = (offset, None);
        while let Some(bytes) = pieces.recv().await {
            if last.is_some_and(|state: FileState| state.complete || state.received != offset) {
                // Not taken: the answer says from where on. What else arrives is for nothing.
                continue;
            }
            let (caller, sizes, blobs, from) = (caller.clone(), sizes.clone(), Arc::clone(&blobs), offset);
            offset += Vec::len(&bytes) as u64;
            last = Some(blocking(&shared, move |centre| {
                let of = Bringing { realm: caller.realm, device: caller.device, hash, sizes: &sizes };
                let state = blobs.append(&of, from, &bytes, centre.around.now()).map_err(fault)?;
                if state.complete
                    && let Err(error) = centre.file_is_whole(caller.realm, &hash)
                {
                    // Who waits for it asks again by itself.
                    tracing::warn!(%error, "nobody was told that a file is there");
                }
                Ok(state)
            }).await?);
        }
        if last.is_some_and(|state| !state.complete && state.kept < Some(state.received)) {
            // Beside what comes next, which is told how far this is.
            tokio::task::spawn_blocking(move || {
                let of = Bringing { realm: caller.realm, device: caller.device, hash, sizes: &sizes };
                if let Err(error) = blobs.state(&of) {
                    tracing::error!(%error, "a part of a file could not be kept");
                }
            });
        }
        Ok::<_, Fault>(last)
    };
    let (cut, state) = tokio::join!(body::in_pieces(body, FILE_PART, piece, give), writing);
    match (cut, state?) {
        (Some(cut), _) => Err(cut),
        (None, Some(state)) => answer::json(&state),
        (None, None) => Err(Fault(ApiError::Damaged)),
    }
}

/// `GET /v1/blobs/<hash>?offset=N&length=M`: bytes of the sealed file; none behind its end.
pub(super) async fn fetch(State(shared): Here, extract::Path(name): extract::Path<String>, asked: Asked, request: Request) -> Result<Response, Fault> {
    let allowed = allowed(&shared, &name, request.headers()).await?;
    let (caller, hash, _, blobs) = allowed.bringing();
    if caller.revoked {
        return Err(Fault(ApiError::Revoked));
    }
    let Query(part) = asked.map_err(|_| Fault(ApiError::Damaged))?;
    let length = usize::try_from(part.length).unwrap_or(FILE_PART).min(FILE_PART);
    let bytes = blocking(&shared, move |_| blobs.read(caller.realm, &hash, part.offset, length).map_err(|error| fault(error.into()))).await?;
    let bytes = bytes.ok_or_else(Fault::not_found)?;
    Ok(([(header::CONTENT_TYPE, BYTES), (header::CACHE_CONTROL, "no-store")], bytes).into_response())
}
