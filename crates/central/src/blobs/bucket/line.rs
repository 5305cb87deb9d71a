//! The line to a bucket: signs requests, sends them, tries again what a moment may mend, and tells a
//! bucket that is away from one that refuses. Addresses of requests carry signatures and are never
//! shown.

use std::{
    fs,
    io::{self, ErrorKind},
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime},
};

use reqwest::{Body, Client, Method, RequestBuilder, Response, StatusCode, header, redirect::Policy};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::{CertificateDer, pem::PemObject}, version::TLS13};
use rusty_s3::{S3Action, actions::ListObjectsV2};
use tokio::runtime::Runtime;

use super::{address::Place, sealed::damaged};

/// How long a signature is good.
const SIGNED: Duration = Duration::from_secs(300);
/// Longest time for a connection to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest time for a request, and besides for each MiB that it moves.
const TOTAL: Duration = Duration::from_secs(15);
/// Pauses before something is tried again.
const AGAIN: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(500)];
/// What took longer is not tried again: somebody waits for an answer.
const QUICK: Duration = Duration::from_secs(5);
/// Longest list that is read, in bytes: a thousand names.
const LIST: usize = 4 * 1024 * 1024;
/// Bytes of an answer that says why not.
const REASON: usize = 16 * 1024;

/// A line to one bucket.
pub(super) struct Line {
    place: Place,
    client: Client,
    /// Taken when this is dropped.
    runtime: Option<Runtime>,
}

/// Some of an object.
pub(super) struct Piece {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Bytes of the whole object.
    pub total: u64,
}

/// An object in a list.
pub(super) struct Listed {
    pub object: String,
    pub size: u64,
    pub modified: SystemTime,
}

impl Line {
    pub fn new(place: &Place) -> io::Result<Line> {
        let mut client = Client::builder().tls_backend_preconfigured(tls(place)?).redirect(Policy::none()).connect_timeout(CONNECT).referer(false);
        if place.is_here {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| io::Error::other(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("bucket").enable_all().build()?;
        Ok(Line { place: place.clone(), client, runtime: Some(runtime) })
    }

    /// What all names of objects begin with.
    pub fn prefix(&self) -> &str {
        &self.place.prefix
    }

    /// Whether the bucket is there and takes the key.
    pub fn check(&self) -> io::Result<()> {
        let (bucket, key) = (&self.place.bucket, Some(&self.place.credentials));
        let done = self.ask(0, || self.client.request(Method::HEAD, bucket.head_bucket(key).sign(SIGNED)), async |answer| refused(answer).await.map(|_| ()))?;
        done.ok_or_else(|| io::Error::new(ErrorKind::NotFound, "there is no such bucket"))
    }

    /// Length of an object.
    pub fn size(&self, object: &str) -> io::Result<Option<u64>> {
        let (bucket, key) = (&self.place.bucket, Some(&self.place.credentials));
        self.ask(0, || self.client.request(Method::HEAD, bucket.head_object(key, object).sign(SIGNED)), async |answer| {
            let answer = refused(answer).await?;
            // Not the length of the body: an answer to HEAD has none.
            number(&answer, header::CONTENT_LENGTH).ok_or_else(|| odd("an object without a length"))
        })
    }

    /// Bytes of an object from `from` to `to`, both included; none behind its end.
    pub fn get(&self, object: &str, from: u64, to: u64) -> io::Result<Option<Piece>> {
        let (bucket, key) = (&self.place.bucket, Some(&self.place.credentials));
        let most = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX).saturating_add(1);
        self.ask(most, || self.client.get(bucket.get_object(key, object).sign(SIGNED)).header(header::RANGE, format!("bytes={from}-{to}")), async |answer| {
            if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE {
                return Ok(Piece { bytes: Vec::new(), total: 0 });
            }
            let answer = refused(answer).await?;
            if answer.status() == StatusCode::PARTIAL_CONTENT {
                let range = answer.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok()).and_then(parse_range);
                let Some((start, end, total)) = range.filter(|range| range.0 == from) else { return Err(odd("other bytes than were asked for")) };
                let bytes = body(answer, most).await?;
                return if bytes.len() as u64 == end.saturating_add(1).saturating_sub(start) { Ok(Piece { bytes, total }) } else { Err(damaged()) };
            }
            // A store that knows no ranges sends all.
            let total = number(&answer, header::CONTENT_LENGTH).ok_or_else(|| odd("an object without a length"))?;
            let all = body(answer, usize::try_from(total).unwrap_or(usize::MAX).min(super::MOST)).await?;
            let start = usize::try_from(from).unwrap_or(usize::MAX).min(all.len());
            Ok(Piece { bytes: all[start..all.len().min(start.saturating_add(most))].to_vec(), total })
        })
    }

    /// Puts an object in its place, as a whole; it is kept for good when this returns.
    pub fn put(&self, object: &str, bytes: Vec<u8>) -> io::Result<()> {
        let (bucket, key) = (&self.place.bucket, Some(&self.place.credentials));
        let (length, body) = (bytes.len(), Bytes::new(bytes));
        let done = self.ask(length, || self.client.put(bucket.put_object(key, object).sign(SIGNED)).body(body.again()), async |answer| refused(answer).await.map(|_| ()))?;
        done.ok_or_else(|| io::Error::new(ErrorKind::NotFound, "there is no such bucket"))
    }

    /// Removes an object; one that is not there is fine.
    pub fn remove(&self, object: &str) -> io::Result<()> {
        let (bucket, key) = (&self.place.bucket, Some(&self.place.credentials));
        self.ask(0, || self.client.delete(bucket.delete_object(key, object).sign(SIGNED)), async |answer| refused(answer).await.map(|_| ())).map(|_| ())
    }

    /// Gives all objects whose names begin with `prefix` to `each`.
    pub fn list(&self, prefix: &str, each: &mut dyn FnMut(Listed)) -> io::Result<()> {
        let (bucket, key) = (&self.place.bucket, Some(&self.place.credentials));
        let mut next: Option<String> = None;
        loop {
            let sign = || {
                let mut action = bucket.list_objects_v2(key);
                action.with_prefix(prefix);
                if let Some(next) = &next {
                    action.with_continuation_token(next.as_str());
                }
                self.client.get(action.sign(SIGNED))
            };
            let text = self.ask(LIST, sign, async |answer| body(refused(answer).await?, LIST).await)?;
            let text = text.ok_or_else(|| io::Error::new(ErrorKind::NotFound, "there is no such bucket"))?;
            let text = String::from_utf8(text).map_err(|_| odd("a list that cannot be read"))?;
            let part = ListObjectsV2::parse_response(&text).map_err(|_| odd("a list that cannot be read"))?;
            for content in part.contents {
                // A time that cannot be read is now: nothing is removed for its age by mistake.
                let modified = content.last_modified.and_then(|text| chrono::DateTime::parse_from_rfc3339(&text).ok()).map_or_else(SystemTime::now, SystemTime::from);
                each(Listed { object: content.key, size: content.size.unwrap_or_default(), modified });
            }
            match part.next_continuation_token.filter(|token| !token.is_empty() && next.as_ref() != Some(token)) {
                Some(token) => next = Some(token),
                None => return Ok(()),
            }
        }
    }

    /// One request to its end, again where that may help; none when there is no such thing. `moves` are
    /// the bytes that go with it.
    fn ask<T>(&self, moves: usize, sign: impl Fn() -> RequestBuilder, read: impl AsyncFn(Response) -> io::Result<T>) -> io::Result<Option<T>> {
        let Some(runtime) = &self.runtime else { return Err(ErrorKind::NotConnected.into()) };
        let within = TOTAL + Duration::from_secs(moves as u64 / (1024 * 1024));
        let (began, mut pauses) = (Instant::now(), AGAIN.into_iter());
        loop {
            let request = sign().timeout(within);
            let result = runtime.block_on(async {
                let answer = request.send().await.map_err(line)?;
                if answer.status() == StatusCode::NOT_FOUND {
                    // A line that breaks here says nothing about what is there; a long page does.
                    let reason = match body(answer, REASON).await {
                        Err(error) if error.kind() != ErrorKind::Other => return Err(error),
                        reason => reason.unwrap_or_default(),
                    };
                    let is_bucket = String::from_utf8_lossy(&reason).contains("<Code>NoSuchBucket</Code>");
                    return if is_bucket { Err(io::Error::new(ErrorKind::NotFound, "there is no such bucket")) } else { Ok(None) };
                }
                read(answer).await.map(Some)
            });
            match result {
                Err(error) if is_passing(&error) && began.elapsed() < QUICK && let Some(pause) = pauses.next() => thread::sleep(pause),
                result => return result,
            }
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // It may be dropped inside a task of another runtime, which must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A body that may have to be sent again.
struct Bytes(Arc<[u8]>);

impl Bytes {
    fn new(bytes: Vec<u8>) -> Bytes {
        Bytes(bytes.into())
    }

    fn again(&self) -> Body {
        Body::from(axum::body::Bytes::from_owner(Arc::clone(&self.0)))
    }
}

/// Whether it may be otherwise in a moment.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ResourceBusy)
}

/// The line broke, or nobody answered.
fn line(error: reqwest::Error) -> io::Error {
    let kind = if error.is_timeout() { ErrorKind::TimedOut } else { ErrorKind::ConnectionAborted };
    let mut text = error.without_url().to_string();
    text.insert_str(0, "the bucket cannot be reached: ");
    io::Error::new(kind, text)
}

/// An answer that is good, or why not.
async fn refused(answer: Response) -> io::Result<Response> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let reason = body(answer, REASON).await.unwrap_or_default();
    let reason = String::from_utf8_lossy(&reason);
    // A short word for a known thing, such as SignatureDoesNotMatch; the rest is not shown.
    let code = reason.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map_or("", |(code, _)| code);
    let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    let kind = match status {
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => ErrorKind::PermissionDenied,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => ErrorKind::ResourceBusy,
        status if status.is_server_error() => ErrorKind::ResourceBusy,
        _ => ErrorKind::Other,
    };
    let what = if kind == ErrorKind::PermissionDenied { "the bucket does not take the key" } else { "the bucket refuses" };
    Err(io::Error::new(kind, format!("{what}: {}{}{code}", status.as_u16(), if code.is_empty() { "" } else { " " })))
}

fn odd(what: &str) -> io::Error {
    io::Error::other(format!("the bucket answers with {what}"))
}

async fn body(mut answer: Response, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(line)? {
        if bytes.len() + chunk.len() > most {
            return Err(odd("more than was asked for"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn number(answer: &Response, name: header::HeaderName) -> Option<u64> {
    answer.headers().get(name)?.to_str().ok()?.parse().ok()
}

/// `bytes 0-9/100`.
fn parse_range(text: &str) -> Option<(u64, u64, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (from, to) = range.split_once('-')?;
    Some((from.parse().ok()?, to.parse().ok()?, total.parse().ok()?))
}

/// TLS 1.3 on ring, with the computer's authorities or one private one.
fn tls(place: &Place) -> io::Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&[&TLS13]).map_err(io::Error::other)?;
    let mut config = if let Some(file) = &place.authority {
        let fault = |error: String| io::Error::new(ErrorKind::InvalidInput, format!("{}: {error}", file.display()));
        let mut roots = RootCertStore::empty();
        let der = CertificateDer::from_pem_slice(&fs::read(file).map_err(|error| fault(error.to_string()))?).map_err(|error| fault(error.to_string()))?;
        roots.add(der).map_err(|error| fault(error.to_string()))?;
        builder.with_root_certificates(roots).with_no_client_auth()
    } else if place.is_here {
        builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    } else {
        let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(io::Error::other)?;
        // "Dangerous" is any verifier but the built-in one; this one asks the system.
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
