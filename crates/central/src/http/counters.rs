//! What operators may know: whether the service lives and is ready, and numbers for Prometheus.
//! Nothing about persons or laptops.

use std::{
    fmt::Write as _,
    sync::{Arc, atomic::{AtomicU64, Ordering::Relaxed}},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Here, Shared, answer::Fault, blocking, peer};

/// The routes that are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Enrol,
    Challenge,
    Session,
    Push,
    Pull,
    Wait,
    Blobs,
    Other,
}

const ROUTES: [Route; 8] = [Route::Enrol, Route::Challenge, Route::Session, Route::Push, Route::Pull, Route::Wait, Route::Blobs, Route::Other];
/// Upper bounds of the classes of time, in milliseconds.
const BOUNDS: [u64; 8] = [5, 20, 50, 200, 500, 2_000, 10_000, 60_000];

impl Route {
    pub fn of(method: &Method, path: &str) -> Route {
        match (method, path) {
            (&Method::POST, "/v1/enrol") => Route::Enrol,
            (&Method::POST, "/v1/challenge") => Route::Challenge,
            (&Method::POST, "/v1/session") => Route::Session,
            (&Method::POST, "/v1/push") => Route::Push,
            (&Method::POST, "/v1/pull") => Route::Pull,
            (&Method::GET | &Method::POST, "/v1/wait") => Route::Wait,
            (_, path) if path.starts_with("/v1/blobs/") => Route::Blobs,
            _ => Route::Other,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Route::Enrol => "enrol",
            Route::Challenge => "challenge",
            Route::Session => "session",
            Route::Push => "push",
            Route::Pull => "pull",
            Route::Wait => "wait",
            Route::Blobs => "blobs",
            Route::Other => "other",
        }
    }
}

#[derive(Default)]
struct PerRoute {
    under_way: AtomicU64,
    /// By the first digit of the status: 2 to 5.
    answered: [AtomicU64; 4],
    /// Answered within each bound.
    within: [AtomicU64; BOUNDS.len()],
    micros: AtomicU64,
}

/// The numbers.
#[derive(Default)]
pub(super) struct Counters {
    routes: [PerRoute; ROUTES.len()],
}

/// A request under way, for as long as it is held; also when its connection breaks.
pub(super) struct UnderWay<'a>(&'a AtomicU64);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Counters {
    pub fn enter(&self, route: Route) -> UnderWay<'_> {
        let number = &self.routes[route as usize].under_way;
        number.fetch_add(1, Relaxed);
        UnderWay(number)
    }

    pub fn done(&self, route: Route, status: StatusCode, took: Duration) {
        let numbers = &self.routes[route as usize];
        numbers.answered[usize::from(status.as_u16() / 100).clamp(2, 5) - 2].fetch_add(1, Relaxed);
        numbers.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
        for (bound, number) in BOUNDS.iter().zip(&numbers.within) {
            if took <= Duration::from_millis(*bound) {
                number.fetch_add(1, Relaxed);
            }
        }
    }

    fn text(&self) -> String {
        let head = |name: &str, kind: &str, help: &str| format!("# HELP gladstone_{name} {help}\n# TYPE gladstone_{name} {kind}\n");
        let (mut requests, mut under_way, mut seconds) = (head("requests_total", "counter", "Requests answered."), head("requests_under_way", "gauge", "Requests under way."), head("request_seconds", "histogram", "Time to answer."));
        for route in ROUTES {
            let (numbers, name) = (&self.routes[route as usize], route.name());
            let mut all = 0;
            for (class, number) in numbers.answered.iter().enumerate() {
                let number = number.load(Relaxed);
                all += number;
                let _ = writeln!(requests, "gladstone_requests_total{{route=\"{name}\",status=\"{}xx\"}} {number}", class + 2);
            }
            let _ = writeln!(under_way, "gladstone_requests_under_way{{route=\"{name}\"}} {}", numbers.under_way.load(Relaxed));
            for (bound, number) in BOUNDS.iter().zip(&numbers.within) {
                let _ = writeln!(seconds, "gladstone_request_seconds_bucket{{route=\"{name}\",le=\"{}\"}} {}", *bound as f64 / 1_000.0, number.load(Relaxed));
            }
            let _ = writeln!(seconds, "gladstone_request_seconds_bucket{{route=\"{name}\",le=\"+Inf\"}} {all}");
            let _ = writeln!(seconds, "gladstone_request_seconds_sum{{route=\"{name}\"}} {}", numbers.micros.load(Relaxed) as f64 / 1e6);
            let _ = writeln!(seconds, "gladstone_request_seconds_count{{route=\"{name}\"}} {all}");
        }
        [requests, under_way, seconds].concat()
    }
}

/// `GET /health/ready`: whether every realm can be read, and the service is not about to end. That files
/// cannot be reached is told and no reason to send nobody here: records go on without them.
pub(super) async fn ready(State(shared): Here) -> Response {
    let blobs = shared.blobs.clone();
    let answer = blocking(&shared, move |centre| Ok((centre.realms()?.len(), blobs.map(|blobs| blobs.reachable())))).await;
    match answer {
        Ok((_, files)) if !*shared.ending.borrow() => match files {
            Some(Err(error)) => format!("ready, without files: {error}\n").into_response(),
            _ => "ready\n".into_response(),
        },
        _ => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response(),
    }
}

/// `GET /metrics`: for this computer alone unless it is opened to all.
pub(super) async fn metrics(State(shared): Here, request: Request) -> Result<Response, Fault> {
    if !shared.open_metrics && !peer(&request).to_canonical().is_loopback() {
        return Err(Fault::not_found());
    }
    let inside = centre_text(&shared).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], format!("{}{inside}", shared.counters.text())).into_response())
}

async fn centre_text(shared: &Arc<Shared>) -> Result<String, Fault> {
    blocking(shared, |centre| {
        let mut text = String::new();
        for (name, value) in centre.status().numbers() {
            let _ = writeln!(text, "# TYPE gladstone_{name}_total counter\ngladstone_{name}_total {value}");
        }
        let realms = centre.realms()?;
        for (at, name) in ["commit", "waiting", "blocked"].into_iter().enumerate() {
            let _ = writeln!(text, "# TYPE gladstone_{name} gauge");
            for realm in &realms {
                let _ = writeln!(text, "gladstone_{name}{{realm=\"{}\"}} {}", realm.realm, [realm.g, realm.held, realm.blocked.into()][at]);
            }
        }
        Ok(text)
    }).await
}
