//! Bodies of requests: of the stated type, within a size and a time, unpacked within a limit.

use std::{error::Error as _, time::Duration};

use axum::{body::{Body, Bytes, HttpBody as _, to_bytes}, http::{HeaderMap, Request, header}};
use gladstone_protocol::{ApiError, Message, codec, limits::MESSAGE_LIMIT, pack};
use http_body_util::{BodyExt as _, LengthLimitError};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::Sender;

use super::answer::Fault;

/// Greatest size of a body in JSON, in bytes. Two levels of nesting fit any of them.
const JSON_LIMIT: usize = 16 * 1024;
/// Longest time that a body may take to arrive.
const TIME: Duration = Duration::from_secs(90);

/// Reads a message.
pub(super) async fn message<M: Message>(request: Request<Body>) -> Result<(M, HeaderMap), Fault> {
    expect(request.headers(), pack::MEDIA_TYPE)?;
    let (parts, body) = request.into_parts();
    let bytes = read(body, MESSAGE_LIMIT).await?;
    let encoding = parts.headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").to_ascii_lowercase());
    let message = match encoding.as_deref() {
        None | Some("identity") => codec::decode(&bytes),
        Some(pack::ENCODING) => pack::unpack(&bytes).and_then(|bytes| codec::decode(&bytes)),
        Some(_) => return Err(Fault(ApiError::Damaged)),
    };
    Ok((message.map_err(ApiError::from)?, parts.headers))
}

/// Reads JSON.
pub(super) async fn json<Q: DeserializeOwned>(request: Request<Body>) -> Result<Q, Fault> {
    expect(request.headers(), "application/json")?;
    let bytes = read(request.into_body(), JSON_LIMIT).await?;
    serde_json::from_slice(&bytes).map_err(|error| Fault(ApiError::Refused { code: "bad_request".into(), text: format!("The request cannot be read: {error}.") }))
}

/// Whether the body is what it has to be.
pub(super) fn expect(headers: &HeaderMap, media: &str) -> Result<(), Fault> {
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let stated = stated.split(';').next().unwrap_or_default().trim();
    if stated.eq_ignore_ascii_case(media) { Ok(()) } else { Err(Fault(ApiError::Damaged)) }
}

/// Reads of a body as much as comes, gives it on in pieces of about `piece` bytes, one at least, and says
/// what ended it before its end.
pub(super) async fn in_pieces(body: Body, limit: usize, piece: usize, give: Sender<Vec<u8>>) -> Option<Fault> {
    let expected = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    if expected.is_some_and(|expected| expected > limit) {
        return Some(Fault(ApiError::TooLarge));
    }
    let most = expected.unwrap_or(limit).min(piece);
    let (mut bytes, mut all) = (Vec::with_capacity(most), 0);
    let mut body = std::pin::pin!(body);
    let end = tokio::time::Instant::now() + TIME;
    loop {
        match tokio::time::timeout_at(end, body.frame()).await {
            Ok(None) => {
                // An empty part says something too.
                if !bytes.is_empty() || all == 0 {
                    let _ = give.send(bytes).await;
                }
                return None;
            }
            Ok(Some(Ok(frame))) => {
                let data = frame.into_data().unwrap_or_default();
                all += data.len();
                if all > limit {
                    return Some(Fault(ApiError::TooLarge));
                }
                bytes.extend_from_slice(&data);
                if bytes.len() >= piece {
                    // Whoever does not take it any more has an answer already.
                    let _ = give.send(std::mem::replace(&mut bytes, Vec::with_capacity(most))).await;
                }
            }
            // Cut off, or too slow: nobody may be left to hear it.
            Ok(Some(Err(_))) | Err(_) => {
                if !bytes.is_empty() {
                    let _ = give.send(bytes).await;
                }
                return Some(Fault(ApiError::Damaged));
            }
        }
    }
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes, Fault> {
    match tokio::time::timeout(TIME, to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if error.source().is_some_and(|source| source.is::<LengthLimitError>()) => Err(Fault(ApiError::TooLarge)),
        // Cut off, or too slow: nobody may be left to hear it.
        Ok(Err(_)) | Err(_) => Err(Fault(ApiError::Damaged)),
    }
}
