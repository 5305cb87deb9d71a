//! One request and its answer: what is taken for an answer, how much of it, and what each status
//! means. Whatever stands between laptop and centre may answer too, and is told apart here.

use std::sync::Arc;

use gladstone_protocol::{ApiError, CodecFault, codec, limits::MESSAGE_LIMIT, pack};
use reqwest::{RequestBuilder, Response, StatusCode, header::{self, HeaderName}};
use serde::Deserialize;

use super::meter::Meter;

/// Media type of enrolment and sessions.
pub(super) const JSON: &str = "application/json";
/// Media type of a file.
pub(super) const BYTES: &str = "application/octet-stream";
/// Greatest size of an answer in JSON, in bytes.
const JSON_LIMIT: usize = 64 * 1024;

/// The realm's commit number, and files that became whole; a centre of before says nothing of files.
#[derive(Deserialize)]
pub(super) struct Head {
    pub(super) g: u64,
    pub(super) at: Option<i64>,
    #[serde(default)]
    pub(super) files: Vec<String>,
}

/// Sends, and reads an answer of the `expected` media type.
pub(super) async fn exchange(request: RequestBuilder, expected: &str) -> Result<Vec<u8>, ApiError> {
    counted(request, expected, None).await
}

/// As [`exchange`], and counts the answer as it comes.
pub(super) async fn counted(request: RequestBuilder, expected: &str, meter: Option<&Arc<Meter>>) -> Result<Vec<u8>, ApiError> {
    let (response, media) = answered(request, &[expected]).await?;
    body(response, limit(&media), meter).await
}

/// What somebody who waits is told.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    /// That there is something, or nothing, as JSON.
    Head(Vec<u8>),
    /// The answer to what they would ask, and when the centre looked for files, by its clock.
    Answer(Vec<u8>, Option<i64>),
}

/// Sends, and waits to be told.
pub(super) async fn told(request: RequestBuilder) -> Result<Told, ApiError> {
    let (response, media) = answered(request, &[JSON, pack::MEDIA_TYPE]).await?;
    let looked = text(&response, HeaderName::from_static(pack::LOOKED)).parse().ok();
    let bytes = body(response, limit(&media), None).await?;
    Ok(if media == JSON { Told::Head(bytes) } else { Told::Answer(bytes, looked) })
}

/// Sends; an answer that is one of the `expected` media types, and which.
async fn answered(request: RequestBuilder, expected: &[&str]) -> Result<(Response, String), ApiError> {
    let request = request.header(header::ACCEPT_ENCODING, pack::ENCODING);
    // Whatever breaks on the way is tried again; what is sent twice has one effect.
    let response = request.send().await.map_err(|_| ApiError::Offline)?;
    let status = response.status();
    let media = text(&response, header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if status == StatusCode::OK && expected.contains(&media.as_str()) {
        return Ok((response, media));
    }
    if status != StatusCode::OK && media == pack::MEDIA_TYPE {
        let bytes = body(response, MESSAGE_LIMIT, None).await?;
        return Err(codec::decode::<ApiError>(&bytes).unwrap_or_else(ApiError::from));
    }
    Err(stranger(&response))
}

/// Sends, and gives at most `limit` bytes of a part of a file to `sink` as they come, until that
/// returns false.
pub(super) async fn pour(request: RequestBuilder, limit: usize, sink: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), ApiError> {
    let mut response = request.header(header::ACCEPT, BYTES).send().await.map_err(|_| ApiError::Offline)?;
    let media = text(&response, header::CONTENT_TYPE).to_ascii_lowercase();
    if response.status() != StatusCode::OK && media == pack::MEDIA_TYPE {
        let bytes = body(response, MESSAGE_LIMIT, None).await?;
        return Err(codec::decode::<ApiError>(&bytes).unwrap_or_else(ApiError::from));
    }
    if response.status() != StatusCode::OK || media != BYTES || !text(&response, header::CONTENT_ENCODING).is_empty() {
        return Err(stranger(&response));
    }
    let mut left = limit;
    while let Some(chunk) = response.chunk().await.map_err(|_| ApiError::Offline)? {
        let now = chunk.len().min(left);
        left -= now;
        if !sink(&chunk[..now]) {
            return Ok(());
        }
        if now < chunk.len() {
            // Never an answer of the centre; what was asked for is there.
            return Err(ApiError::Damaged);
        }
    }
    Ok(())
}

fn limit(media: &str) -> usize {
    match media {
        JSON => JSON_LIMIT,
        _ => MESSAGE_LIMIT,
    }
}

/// What it means that somebody else answered: a proxy before the centre, or a guest network.
fn stranger(response: &Response) -> ApiError {
    let after: Option<u64> = text(response, header::RETRY_AFTER).parse().ok();
    match (response.status(), after) {
        (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, Some(seconds)) => ApiError::Later { after_ms: seconds.saturating_mul(1_000) },
        (StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT, _) => ApiError::Offline,
        (StatusCode::PAYLOAD_TOO_LARGE, _) => ApiError::TooLarge,
        _ => ApiError::Damaged,
    }
}

fn text(response: &Response, name: HeaderName) -> &str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The body, not more than `limit` bytes of it, unpacked.
async fn body(mut response: Response, limit: usize, meter: Option<&Arc<Meter>>) -> Result<Vec<u8>, ApiError> {
    let leg = meter.zip(response.content_length()).and_then(|(meter, length)| meter.fetches(length.min(limit as u64)));
    let encoding = text(&response, header::CONTENT_ENCODING).to_ascii_lowercase();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| ApiError::Offline)? {
        if bytes.len() + chunk.len() > limit {
            // Never an answer of the centre; asking for less would not help.
            return Err(ApiError::Damaged);
        }
        bytes.extend_from_slice(&chunk);
        leg.iter().for_each(|leg| leg.passed(chunk.len()));
    }
    match encoding.as_str() {
        "" | "identity" => Ok(bytes),
        pack::ENCODING => pack::unpack(&bytes).map_err(|fault| match fault {
            CodecFault::TooLarge => ApiError::Damaged,
            other => other.into(),
        }),
        _ => Err(ApiError::Damaged),
    }
}
