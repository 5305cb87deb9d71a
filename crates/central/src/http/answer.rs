//! Answers: messages compressed where the laptop takes that, faults as status and message. The
//! body of a fault says nothing that the status does not, whoever asks and about what.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use gladstone_protocol::{ApiError, Message, codec, pack};
use serde::Serialize;

/// A fault on its way to a laptop.
#[derive(Debug)]
pub(super) struct Fault(pub ApiError);

impl From<ApiError> for Fault {
    fn from(error: ApiError) -> Fault {
        Fault(error)
    }
}

impl Fault {
    /// Nothing of that name, or nothing that the caller may know of: one answer for both.
    pub fn not_found() -> Fault {
        Fault(ApiError::Refused { code: NOT_FOUND.into(), text: "There is nothing here.".into() })
    }

    /// Too many requests, or too much work; `after_ms` milliseconds are to pass at least.
    pub fn later(after_ms: u64) -> Fault {
        Fault(ApiError::Later { after_ms })
    }
}

const NOT_FOUND: &str = "not_found";

fn status(error: &ApiError) -> StatusCode {
    match error {
        ApiError::SignedOut => StatusCode::UNAUTHORIZED,
        ApiError::Revoked => StatusCode::FORBIDDEN,
        ApiError::Refused { code, .. } if code == NOT_FOUND => StatusCode::NOT_FOUND,
        ApiError::Refused { .. } | ApiError::Damaged => StatusCode::BAD_REQUEST,
        ApiError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ApiError::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
        ApiError::Later { .. } => StatusCode::TOO_MANY_REQUESTS,
        ApiError::Offline => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = match codec::encode(&self.0) {
            Ok(bytes) => (status(&self.0), [(header::CONTENT_TYPE, pack::MEDIA_TYPE)], bytes).into_response(),
            Err(_) => status(&self.0).into_response(),
        };
        match self.0 {
            ApiError::Later { after_ms } => _ = response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after_ms.div_ceil(1_000).max(1))),
            ApiError::SignedOut => _ = response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            _ => {}
        }
        response
    }
}

/// A message as an answer.
pub(super) fn message<M: Message>(answer: &M, asked: &HeaderMap) -> Result<Response, Fault> {
    let bytes = codec::encode(answer).map_err(|fault| {
        tracing::error!(%fault, "an answer could not be encoded");
        Fault::later(60_000)
    })?;
    let takes = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).any(|value| value.split(',').any(|word| word.trim() == pack::ENCODING));
    let packed = if takes { pack::pack(&bytes) } else { None };
    // What answers a POST and says nothing of its age is kept by nobody; each byte here is sent all day.
    let media = [(header::CONTENT_TYPE, pack::MEDIA_TYPE)];
    Ok(match packed {
        Some(packed) => (media, [(header::CONTENT_ENCODING, pack::ENCODING)], packed).into_response(),
        None => (media, bytes).into_response(),
    })
}

/// A small answer in JSON.
pub(super) fn json(answer: &impl Serialize) -> Result<Response, Fault> {
    let bytes = serde_json::to_vec(answer).map_err(|_| Fault::later(60_000))?;
    Ok(([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], Body::from(bytes)).into_response())
}
