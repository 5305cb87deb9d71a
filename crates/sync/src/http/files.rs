//! Files over HTTP: parts go as bytes in a body, and come as they arrive.

use gladstone_protocol::{ApiError, content::{ContentHash, FileState}, enrol::to_hex};
use reqwest::{Method, header};

use super::{HttpCentre, LONG, TOTAL, exchange::{self, BYTES, JSON}};
use crate::blobs::Blobs;

impl Blobs for HttpCentre {
    fn file_state(&self, hash: &ContentHash) -> Result<FileState, ApiError> {
        let request = self.with_token(Method::GET, &format!("v1/blobs/{}/state", to_hex(hash)))?.timeout(TOTAL);
        serde_json::from_slice(&self.run(request, JSON)?).map_err(|_| ApiError::Damaged)
    }

    fn put_part(&self, hash: &ContentHash, offset: u64, bytes: Vec<u8>) -> Result<FileState, ApiError> {
        let request = self.with_token(Method::PUT, &format!("v1/blobs/{}?offset={offset}", to_hex(hash)))?.timeout(LONG);
        let request = request.header(header::CONTENT_TYPE, BYTES).body(bytes);
        serde_json::from_slice(&self.run(request, JSON)?).map_err(|_| ApiError::Damaged)
    }

    fn put_part_while(&self, hash: &ContentHash, offset: u64, bytes: Vec<u8>, meanwhile: &mut dyn FnMut()) -> Result<FileState, ApiError> {
        let request = self.with_token(Method::PUT, &format!("v1/blobs/{}?offset={offset}", to_hex(hash)))?.timeout(LONG);
        let request = request.header(header::CONTENT_TYPE, BYTES).body(bytes);
        let under_way = self.runtime.as_ref().map(|runtime| runtime.spawn(exchange::exchange(request, JSON))).ok_or(ApiError::Offline)?;
        meanwhile();
        // A task that broke is a line that broke.
        let answer = self.until_ended(async { under_way.await.unwrap_or(Err(ApiError::Offline)) })?;
        serde_json::from_slice(&answer).map_err(|_| ApiError::Damaged)
    }

    fn get_part(&self, hash: &ContentHash, offset: u64, length: usize, sink: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), ApiError> {
        let request = self.with_token(Method::GET, &format!("v1/blobs/{}?offset={offset}&length={length}", to_hex(hash)))?.timeout(LONG);
        self.until_ended(exchange::pour(request, length, sink))
    }
}
