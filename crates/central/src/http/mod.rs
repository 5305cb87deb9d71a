//! The service: routes, who may call them, and what is counted. Everything that decides something
//! about records is behind [`Centre`]; here only bytes come and go.

mod admission;
mod answer;
mod blobs;
mod body;
mod counters;
mod enrolment;
mod pulse;
mod serve;
mod sync;
pub mod tls;
mod turns;

use std::{io, net::SocketAddr, num::NonZeroU32, path::PathBuf, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use gladstone_protocol::ApiError;
use tokio::{sync::watch, task::spawn_blocking};
use uuid::Uuid;

use crate::{blobs::{Blobs, Quota, bucket::Place}, centre::{Caller, Centre}};
use admission::Admission;
use answer::Fault;
use counters::Counters;
use pulse::Pulse;
use turns::Turns;

pub use serve::{Ready, ServeError, Server};

/// How much the service takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of one laptop.
    pub requests_a_minute: NonZeroU32,
    /// Codes tried from one address.
    pub enrolments_a_minute: NonZeroU32,
    /// Challenges and sessions asked for from one address; a practice shares one.
    pub sign_ins_a_minute: NonZeroU32,
    /// Pushes and pulls at once.
    pub at_once: NonZeroU32,
    /// First downloads at once.
    pub first_downloads_at_once: NonZeroU32,
    /// Connections at once.
    pub connections: NonZeroU32,
    /// Requests about files of one laptop; a part of a file is one.
    pub file_requests_a_minute: NonZeroU32,
    /// Requests about files at once.
    pub files_at_once: NonZeroU32,
    /// How much laptops may bring and organizations may have.
    pub files: Quota,
}

impl Default for Limits {
    fn default() -> Limits {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Limits {
            requests_a_minute: number(60),
            enrolments_a_minute: number(5),
            sign_ins_a_minute: number(600),
            at_once: number(16),
            first_downloads_at_once: number(4),
            connections: number(4_000),
            file_requests_a_minute: number(2_400),
            files_at_once: number(8),
            files: Quota { device_a_day: 2 << 30, realm: 100 << 30 },
        }
    }
}

/// How the service is set up.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How much it takes.
    pub limits: Limits,
    /// Folder of the files that records name; without it there are none. Where they are in a bucket, what
    /// laptops bring on a day is counted in it.
    pub blobs: Option<PathBuf>,
    /// Bucket in which the files are instead.
    pub bucket: Option<Place>,
    /// Whether anybody may read the counters, or only this computer.
    pub open_metrics: bool,
}

/// The address that a connection comes from.
#[derive(Clone, Copy, Debug)]
struct Peer(SocketAddr);

/// What every handler works with.
struct Shared {
    centre: Arc<Centre>,
    admission: Admission,
    counters: Counters,
    pulse: Arc<Pulse>,
    turns: Turns,
    blobs: Option<Arc<Blobs>>,
    open_metrics: bool,
    ending: watch::Receiver<bool>,
}

type Here = State<Arc<Shared>>;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// All routes over a centre. `ending` becomes true when waiting requests are to be answered.
fn router(centre: Arc<Centre>, settings: &Settings, ending: watch::Receiver<bool>) -> io::Result<Router> {
    let shared = Arc::new(Shared {
        admission: Admission::new(&settings.limits),
        counters: Counters::default(),
        pulse: Pulse::new(Arc::clone(&centre)),
        turns: Turns::default(),
        blobs: files(&centre, settings)?.map(Arc::new),
        open_metrics: settings.open_metrics,
        centre,
        ending,
    });
    Ok(Router::new()
        .route("/v1/enrol", post(enrolment::enrol))
        .route("/v1/challenge", post(enrolment::challenge))
        .route("/v1/session", post(enrolment::session))
        .route("/v1/push", post(sync::push))
        .route("/v1/pull", post(sync::pull))
        .route("/v1/wait", get(sync::wait).post(sync::wait_for))
        .route("/v1/blobs/{hash}", get(blobs::fetch).put(blobs::store))
        .route("/v1/blobs/{hash}/state", get(blobs::state))
        .route("/health/live", get(async || "live\n"))
        .route("/health/ready", get(counters::ready))
        .route("/metrics", get(counters::metrics))
        .fallback(async || Fault::not_found())
        .method_not_allowed_fallback(async || Fault::not_found())
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), observed))
        .with_state(shared))
}

/// The files that records name, where the settings say.
pub(crate) fn files(centre: &Arc<Centre>, settings: &Settings) -> io::Result<Option<Blobs>> {
    let Some(folder) = settings.blobs.clone() else { return Ok(None) };
    let Some(place) = &settings.bucket else { return Ok(Some(Blobs::new(folder, settings.limits.files))) };
    let centre = Arc::clone(centre);
    let keys = move |realm| centre.files_key(realm).map_err(|error| io::Error::other(error.to_string()));
    Blobs::in_bucket(place, folder, settings.limits.files, Arc::new(keys)).map(Some)
}

/// Gives each request a number, counts it, and notes route, status and time; nothing about persons.
async fn observed(State(shared): Here, mut request: Request, next: Next) -> Response {
    let began = std::time::Instant::now();
    let id = Uuid::now_v7();
    let route = counters::Route::of(request.method(), request.uri().path());
    request.headers_mut().remove(header::EXPECT);
    let _under_way = shared.counters.enter(route);
    let mut response = next.run(request).await;
    let status = response.status();
    shared.counters.done(route, status, began.elapsed());
    // Whoever asks why something failed can name it.
    if !status.is_success()
        && let Ok(value) = HeaderValue::from_str(&id.to_string())
    {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    tracing::info!(request = %id, route = route.name(), status = status.as_u16(), millis = began.elapsed().as_millis() as u64, "answered");
    response
}

/// Who calls, by the session's token; a request of theirs is counted.
async fn caller(shared: &Arc<Shared>, headers: &HeaderMap) -> Result<Caller, Fault> {
    let caller = session(shared, headers).await?;
    shared.admission.device(caller.device)?;
    Ok(caller)
}

/// As [`caller`], for whoever looks at the session again, which is told then: one that was good before is not
/// looked at here.
async fn recognised(shared: &Arc<Shared>, headers: &HeaderMap) -> Result<(Caller, Option<[u8; 32]>), Fault> {
    let Some((known, session)) = shared.centre.recognise(token(headers)?) else { return Ok((caller(shared, headers).await?, None)) };
    shared.admission.device(known.device)?;
    Ok((known, Some(session)))
}

/// Who calls, without counting the request.
async fn session(shared: &Arc<Shared>, headers: &HeaderMap) -> Result<Caller, Fault> {
    let token = token(headers)?.to_owned();
    blocking(shared, move |centre| centre.authenticate(&token)).await
}

fn token(headers: &HeaderMap) -> Result<&str, ApiError> {
    let stated = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    stated.and_then(|value| value.strip_prefix("Bearer ")).ok_or(ApiError::SignedOut)
}

/// Runs work that blocks beside the threads that serve connections.
async fn blocking<T: Send + 'static>(shared: &Arc<Shared>, work: impl FnOnce(&Centre) -> Result<T, ApiError> + Send + 'static) -> Result<T, Fault> {
    let centre = Arc::clone(&shared.centre);
    match spawn_blocking(move || work(&centre)).await {
        Ok(result) => Ok(result?),
        Err(error) => {
            tracing::error!(%error, "a request stopped unexpectedly");
            Err(Fault::later(30_000))
        }
    }
}

/// The address a request comes from, as the connection says.
fn peer(request: &axum::http::Request<Body>) -> std::net::IpAddr {
    request.extensions().get::<Peer>().map_or(std::net::Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0.ip())
}
