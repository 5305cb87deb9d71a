//! The centre over HTTP. Calls block the thread that makes them and can be ended from another
//! one. Keeps the session's token in memory; nothing else is remembered.

mod exchange;
mod files;
mod meter;
mod tls;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use gladstone_protocol::{
    ApiError, Message, SignedLease, SyncApi, codec,
    content::hash_of,
    enrol::{ChallengeAnswer, ChallengeRequest, EnrolAnswer, EnrolRequest, SESSION_LABEL, SessionAnswer, SessionRequest, from_hex, to_hex},
    pack,
    wire::{PullAnswer, PullRequest, PushAnswer, PushRequest},
};
use reqwest::{Body, Client, Method, RequestBuilder, header, redirect::Policy};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{runtime::Runtime, sync::watch, task::JoinHandle};
use uuid::Uuid;

use crate::{blobs::Blobs, link::Address, remote::{Answered, Behind, Heard, OnLine, Remote, Sign, TOGETHER, Take, UnderWay}};
use exchange::{JSON, Told, exchange};
use meter::{Counted, Leg, Meter};

/// Which program this is, told when joining and signing in.
const AGENT: &str = concat!("gladstone/", env!("CARGO_PKG_VERSION"));
/// Longest time for a connection to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest time for a call as a whole.
const TOTAL: Duration = Duration::from_secs(60);
/// Longest time for a call that may bring much, or that waits: less than the engine's watchdog.
const LONG: Duration = Duration::from_secs(110);

/// So long an answer that was brought is as good as one that is asked for: it says what time it is, too.
const FRESH: Duration = Duration::from_secs(1);

/// A centre that is reached over HTTP.
pub struct HttpCentre {
    address: Address,
    client: Client,
    /// Taken when this is dropped.
    runtime: Option<Runtime>,
    token: Mutex<Option<String>>,
    /// What the last session brought and nobody has taken.
    lease: Mutex<Option<SignedLease>>,
    /// When the centre last looked for files that became whole, by its clock.
    looked: Mutex<Option<i64>>,
    /// Whether the centre of this session keeps early pushes until their turn.
    early: AtomicBool,
    /// Whether the centre of this session remembers what it handed out ahead.
    ahead: AtomicBool,
    /// Whether it brings an answer to whoever waits.
    brings: AtomicBool,
    /// What it brought and was not asked for yet.
    brought: Mutex<Option<Brought>>,
    /// How far the bodies on the line are.
    meter: Arc<Meter>,
    ended: watch::Sender<bool>,
}

/// A message that is ready to be sent. It counts as on the line until its answer is there.
struct Outgoing {
    request: RequestBuilder,
    leg: Option<Arc<Leg>>,
    meter: Arc<Meter>,
}

impl Outgoing {
    async fn exchange(self) -> Result<Vec<u8>, ApiError> {
        let answer = exchange::counted(self.request, pack::MEDIA_TYPE, Some(&self.meter)).await;
        drop(self.leg);
        answer
    }
}

/// An answer that came before it was asked for.
struct Brought {
    asked: PullRequest,
    answer: PullAnswer,
    at: Instant,
}

/// A request on its way; dropped, it is given up.
struct Flying(JoinHandle<Result<Vec<u8>, ApiError>>);

impl Drop for Flying {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum HttpFault {
    /// The certificate of the private authority cannot be used.
    #[error("the certificate of the centre's authority cannot be used: {0}")]
    Authority(String),
    /// The machine gives no thread or no client.
    #[error("{0}")]
    Machine(String),
}

impl HttpCentre {
    /// A client for the centre at `address`. With `authority` (a certificate as DER) only what that
    /// authority vouches for is trusted; without it what the computer's own store trusts.
    ///
    /// # Errors
    /// [`HttpFault`]; nothing is sent yet.
    pub fn new(address: Address, authority: Option<&[u8]>) -> Result<HttpCentre, HttpFault> {
        let trust = match authority {
            Some(der) => tls::Trust::Private(der),
            None if address.is_plain() => tls::Trust::Nobody,
            None => tls::Trust::Computer,
        };
        let tls = tls::config(&trust)?;
        let mut client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .pool_idle_timeout(Duration::from_secs(90))
            .referer(false);
        if address.is_loopback() {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| HttpFault::Machine(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("gladstone-http").enable_all().build();
        let runtime = Some(runtime.map_err(|error| HttpFault::Machine(error.to_string()))?);
        Ok(HttpCentre { address, client, runtime, token: Mutex::new(None), lease: Mutex::new(None), looked: Mutex::new(None), early: AtomicBool::new(false), ahead: AtomicBool::new(false), brings: AtomicBool::new(false), brought: Mutex::new(None), meter: Arc::default(), ended: watch::Sender::new(false) })
    }

    /// Joins with a code.
    ///
    /// # Errors
    /// [`ApiError`]; [`ApiError::Refused`] says what is wrong with the code.
    pub fn enrol(&self, request: &EnrolRequest) -> Result<EnrolAnswer, ApiError> {
        self.ask("v1/enrol", request)
    }

    fn message<M: Message, A: Message>(&self, path: &str, message: &M, within: Duration) -> Result<A, ApiError> {
        let sent = self.of_message(path, message, within)?;
        Ok(codec::decode(&self.until_ended(sent.exchange())?)?)
    }

    fn looked(&self) -> MutexGuard<'_, Option<i64>> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn brought(&self) -> MutexGuard<'_, Option<Brought>> {
        self.brought.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of_message<M: Message>(&self, path: &str, message: &M, within: Duration) -> Result<Outgoing, ApiError> {
        let bytes = codec::encode(message)?;
        let request = self.with_token(Method::POST, path)?.timeout(within).header(header::CONTENT_TYPE, pack::MEDIA_TYPE);
        let (request, bytes) = match pack::pack(&bytes) {
            Some(packed) => (request.header(header::CONTENT_ENCODING, pack::ENCODING), packed),
            None => (request, bytes),
        };
        let leg = self.meter.sends(bytes.len());
        let request = match &leg {
            Some(leg) => request.body(Body::wrap(Counted::new(bytes, leg))),
            None => request.body(bytes),
        };
        Ok(Outgoing { request, leg, meter: Arc::clone(&self.meter) })
    }

    fn ask<Q: Serialize, A: DeserializeOwned>(&self, path: &str, question: &Q) -> Result<A, ApiError> {
        let body = serde_json::to_vec(question).map_err(|_| ApiError::Damaged)?;
        let request = self.client.post(self.address.of(path)).header(header::CONTENT_TYPE, JSON).header(header::USER_AGENT, AGENT).body(body);
        serde_json::from_slice(&self.run(request, JSON)?).map_err(|_| ApiError::Damaged)
    }

    fn with_token(&self, method: Method, path: &str) -> Result<RequestBuilder, ApiError> {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(ApiError::SignedOut)?;
        Ok(self.client.request(method, self.address.of(path)).bearer_auth(token))
    }

    /// One request to its end, or until this is abandoned.
    fn run(&self, request: RequestBuilder, expected: &str) -> Result<Vec<u8>, ApiError> {
        self.until_ended(exchange(request, expected))
    }

    /// A pull to its end, or until this or the row that it is in is over.
    fn pull_unless(&self, over: &watch::Sender<bool>, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        // The whole row has to end well within the engine's watchdog.
        let sent = self.of_message("v1/pull", request, TOTAL)?;
        let mut over = over.subscribe();
        let bytes = self.until_ended(async {
            tokio::select! {
                biased;
                _ = over.wait_for(|over| *over) => Err(ApiError::Offline),
                answer = sent.exchange() => answer,
            }
        })?;
        Ok(codec::decode(&bytes)?)
    }

    /// An exchange to its end, or until this is abandoned.
    fn until_ended<T: PartialEq>(&self, exchange: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
        let Some(runtime) = &self.runtime else { return Err(ApiError::Offline) };
        let mut ended = self.ended.subscribe();
        let answer = runtime.block_on(async {
            tokio::select! {
                biased;
                _ = ended.wait_for(|ended| *ended) => Err(ApiError::Offline),
                answer = exchange => answer,
            }
        });
        if answer == Err(ApiError::SignedOut) {
            *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        answer
    }
}

impl SyncApi for HttpCentre {
    fn push(&self, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        self.message("v1/push", request, TOTAL)
    }

    fn pull(&self, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        let brought = self.brought().take().filter(|brought| brought.asked == *request && brought.at.elapsed() < FRESH && !*self.ended.borrow());
        match brought {
            Some(brought) => Ok(brought.answer),
            None => self.message("v1/pull", request, LONG),
        }
    }
}

impl Remote for HttpCentre {
    fn begin(&self, request: &PushRequest, early: bool) -> UnderWay<'_> {
        let path = if early { "v1/push?early" } else { "v1/push" };
        let sent = self.of_message(path, request, TOTAL).and_then(|sent| {
            let runtime = self.runtime.as_ref().ok_or(ApiError::Offline)?;
            Ok(Flying(runtime.spawn(sent.exchange())))
        });
        Box::new(move || {
            let mut flying = sent?;
            // A task that broke is a line that broke.
            Ok(codec::decode(&self.until_ended(async { (&mut flying.0).await.unwrap_or(Err(ApiError::Offline)) })?)?)
        })
    }

    fn takes_early(&self) -> bool {
        self.early.load(Ordering::Relaxed)
    }

    fn was_overtaken(&self) {
        self.early.store(false, Ordering::Relaxed);
    }

    fn pull_row(&self, first: Answered, next: PullRequest, behind: Behind<'_>, take: Take<'_>) -> Result<(), ApiError> {
        let over = watch::Sender::new(false);
        thread::scope(|scope| {
            // As many as are stored together, whatever is on its way.
            let (give, came) = mpsc::sync_channel(TOGETHER);
            scope.spawn(|| {
                let (give, mut next) = (give, Some(next));
                while let Some(asked) = next.take() {
                    let answer = self.pull_unless(&over, &asked);
                    next = answer.as_ref().ok().and_then(|answer| behind(&asked, answer));
                    // Nobody takes it any more when storing failed.
                    if give.send(answer.map(|answer| (asked, answer))).is_err() {
                        return;
                    }
                }
            });
            let mut goes_on = take(vec![first]);
            let mut result = Ok(());
            while goes_on && result.is_ok() {
                let Ok(one) = came.recv() else { break };
                let mut answers = Vec::new();
                for one in std::iter::once(one).chain(came.try_iter().take(TOGETHER - 1)) {
                    match one {
                        Ok(one) => answers.push(one),
                        Err(error) => result = Err(error),
                    }
                }
                goes_on = answers.is_empty() || take(answers);
            }
            over.send_replace(true);
            drop(came);
            result
        })
    }

    fn remembers_ahead(&self) -> bool {
        self.ahead.load(Ordering::Relaxed)
    }

    fn sign_in(&self, device: Uuid, sign: Sign<'_>) -> Result<(), ApiError> {
        let asked: ChallengeAnswer = self.ask("v1/challenge", &ChallengeRequest { device })?;
        let challenge: [u8; 32] = from_hex(&asked.challenge).ok_or(ApiError::Damaged)?;
        let signature = sign(&[SESSION_LABEL, &challenge].concat()).ok_or(ApiError::Offline)?;
        let request = SessionRequest { device, challenge: asked.challenge, signature: to_hex(&signature) };
        let session: SessionAnswer = self.ask("v1/session", &request)?;
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.token);
        *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = session.lease;
        self.early.store(session.early, Ordering::Relaxed);
        self.ahead.store(session.ahead, Ordering::Relaxed);
        self.brings.store(session.brings, Ordering::Relaxed);
        Ok(())
    }

    fn lease(&self) -> Option<SignedLease> {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn wait(&self, beyond: u64) -> Result<u64, ApiError> {
        self.listen(beyond, None).map(|heard| heard.g)
    }

    fn listen(&self, beyond: u64, then: Option<PullRequest>) -> Result<Heard, ApiError> {
        let then = then.filter(|then| self.brings.load(Ordering::Relaxed) && then.from_g == beyond);
        let known = *self.looked();
        let since = |before: &str| known.map_or_else(String::new, |at| format!("{before}at={at}"));
        let told = match &then {
            Some(then) => {
                let sent = self.of_message(&format!("v1/wait{}", since("?")), then, LONG)?;
                self.until_ended(exchange::told(sent.request))?
            }
            None => {
                let request = self.with_token(Method::GET, &format!("v1/wait?g={beyond}{}", since("&")))?.timeout(LONG);
                Told::Head(self.run(request, JSON)?)
            }
        };
        match (told, then) {
            (Told::Answer(bytes, looked), Some(asked)) => {
                let answer: PullAnswer = codec::decode(&bytes)?;
                let g = answer.to_g;
                *self.looked() = looked.or(known);
                *self.brought() = Some(Brought { asked, answer, at: Instant::now() });
                // As long as it is taken: what ended meanwhile leaves nothing behind.
                if *self.ended.borrow() {
                    self.brought().take();
                }
                Ok(Heard { g: g.max(beyond.saturating_add(1)), files: Vec::new() })
            }
            (Told::Head(bytes), _) => {
                let head: exchange::Head = serde_json::from_slice(&bytes).map_err(|_| ApiError::Damaged)?;
                *self.looked() = head.at;
                // Only a hint: what is none of ours is not looked for.
                Ok(Heard { g: head.g, files: head.files.iter().filter_map(|hash| hash_of(hash)).collect() })
            }
            (Told::Answer(..), None) => Err(ApiError::Damaged),
        }
    }

    fn blobs(&self) -> Option<&dyn Blobs> {
        Some(self)
    }

    fn on_line(&self) -> Option<OnLine> {
        self.meter.now()
    }

    fn abandon(&self) {
        self.ended.send_replace(true);
        self.brought().take();
    }
}

impl Drop for HttpCentre {
    fn drop(&mut self) {
        // Looking up a name may hang in the system; nobody waits for that.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
