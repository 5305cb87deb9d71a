//! The way between a laptop and the centre, with everything that can happen on it. Messages are
//! bytes here, as they are on a network.

use std::{cell::RefCell, collections::BTreeMap, path::PathBuf, rc::Rc, time::Instant};

use gladstone_central::Centre;
use gladstone_protocol::{
    ApiError, SignedLease, SyncApi,
    codec::{self, Message},
    enrol::{SESSION_LABEL, SessionRequest, to_hex},
    wire::{Basis, PullAnswer, PullRequest, PushAnswer, PushRequest},
};
use gladstone_sync::{Remote, remote::{Sign, UnderWay}};
use gladstone_testkit::{Dice, Image};
use uuid::Uuid;

use crate::{canary::{self, Canary}, files, host::Host};

/// What can happen to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mishap {
    /// The request does not arrive.
    RequestLost,
    /// The answer does not arrive.
    AnswerLost,
    /// The request arrives twice; the second answer is heard.
    Twice,
    /// The request arrives, and once more some time later.
    LateCopy,
    /// The request is given up and arrives some time later.
    LateRequest,
    /// The request is cut off.
    RequestCut,
    /// The answer is cut off.
    AnswerCut,
    /// A byte of the answer is another one.
    AnswerChanged,
    /// The centre asks to wait.
    Busy,
    /// The session has ended.
    SignedOut,
}

impl Mishap {
    const ALL: [Mishap; 10] = [
        Mishap::RequestLost,
        Mishap::AnswerLost,
        Mishap::Twice,
        Mishap::LateCopy,
        Mishap::LateRequest,
        Mishap::RequestCut,
        Mishap::AnswerCut,
        Mishap::AnswerChanged,
        Mishap::Busy,
        Mishap::SignedOut,
    ];

    /// What it is counted as.
    pub fn in_words(self) -> &'static str {
        match self {
            Mishap::RequestLost => "request lost",
            Mishap::AnswerLost => "answer lost",
            Mishap::Twice => "request twice",
            Mishap::LateCopy => "late copy of a request",
            Mishap::LateRequest => "late request",
            Mishap::RequestCut => "request cut",
            Mishap::AnswerCut => "answer cut",
            Mishap::AnswerChanged => "answer changed",
            Mishap::Busy => "centre busy",
            Mishap::SignedOut => "session ended",
        }
    }
}

/// How often what happened.
pub type Mishaps = BTreeMap<String, u64>;

/// One laptop's way to the centre.
pub struct Line<'w> {
    host: &'w Host,
    device: Uuid,
    canary: Option<Canary>,
    inner: RefCell<Inner>,
    meanwhile: &'w dyn Fn(),
    /// A push that is overtaken by the next one, if one comes.
    held_up: RefCell<Option<Sent>>,
    /// The clock of waits within a flight: it stands still.
    clock: Instant,
}

/// A push that was sent, and its answer once it arrived.
type Sent = Rc<(PushRequest, RefCell<Option<Result<PushAnswer, ApiError>>>)>;

/// What changes while messages go to and fro.
#[derive(Default)]
pub struct Inner {
    /// Whether the session is good.
    pub signed_in: bool,
    /// Requests that arrive later: whether a push, and the bytes.
    pub on_the_way: Vec<(bool, Vec<u8>)>,
    /// Whether nobody is reached.
    pub cut_off: bool,
    /// What happened.
    pub mishaps: Vec<Mishap>,
    /// What was heard that is worth counting.
    pub notes: Vec<&'static str>,
    /// In how many of a hundred calls something happens.
    pub chance: usize,
    /// Decides what.
    pub dice: Option<Dice>,
    /// Messages of others and of its own that arrive before its request.
    pub overtaking: Vec<(bool, Vec<u8>)>,
    /// Somebody writes while the answer is awaited.
    pub is_written_meanwhile: bool,
    /// The laptop is gone while it stores the answer.
    pub laptop_goes: bool,
    /// The centre is gone while it takes in the request.
    pub centre_goes: bool,
    /// The laptop's folder.
    pub folder: PathBuf,
    /// Its files before it stored the answer in which it goes.
    pub laptop_before: Option<Image>,
    /// The centre's files before the request in which it goes; none within for a database.
    pub centre_before: Option<Option<Image>>,
    /// The lease that the last session brought.
    pub lease: Option<SignedLease>,
    /// Whether the centre takes a push before the one in front of it was answered.
    pub takes_early: bool,
    /// The nonce that the centre gave out last.
    pub newest: Option<[u8; 32]>,
}

impl<'w> Line<'w> {
    /// A way for one laptop.
    pub fn new(host: &'w Host, device: Uuid, canary: Option<Canary>, inner: Inner, meanwhile: &'w dyn Fn()) -> Line<'w> {
        Line { host, device, canary, inner: RefCell::new(inner), meanwhile, held_up: RefCell::default(), clock: Instant::now() }
    }

    /// What is to be kept. A push that was given up before it arrived does so later.
    pub fn into_inner(self) -> Inner {
        let mut inner = self.inner.into_inner();
        let held_up = self.held_up.into_inner().filter(|sent| sent.1.borrow().is_none());
        if let Some(Ok(bytes)) = held_up.map(|sent| codec::encode(&sent.0)) {
            inner.on_the_way.push((true, bytes));
            inner.notes.push("push given up");
        }
        inner
    }

    /// A push arrives, unless it has.
    fn there(&self, sent: &Sent) -> Result<PushAnswer, ApiError> {
        sent.1.borrow_mut().get_or_insert_with(|| self.push(&sent.0)).clone()
    }

    /// Whether it is in this call of a flight that one side is gone: a push may have others behind it.
    fn is_now(&self, is_push: bool) -> bool {
        !is_push || self.roll(2) == 0
    }

    fn mishap(&self) -> Option<Mishap> {
        let mut inner = self.inner.borrow_mut();
        let chance = inner.chance;
        let dice = inner.dice.as_mut()?;
        if dice.below(100) >= chance {
            return None;
        }
        let mishap = Mishap::ALL[dice.below(Mishap::ALL.len())];
        inner.mishaps.push(mishap);
        Some(mishap)
    }

    fn roll(&self, limit: usize) -> usize {
        self.inner.borrow_mut().dice.as_mut().map_or(0, |dice| dice.below(limit))
    }

    /// Sends a request as bytes and hears an answer as bytes.
    fn exchange<Q: Message, A: Message>(&self, is_push: bool, request: &Q, answer: impl Fn(&Q) -> Result<A, ApiError>) -> Result<A, ApiError> {
        if self.inner.borrow().cut_off {
            return Err(ApiError::Offline);
        }
        if !self.inner.borrow().signed_in {
            return Err(ApiError::SignedOut);
        }
        let mut sent = codec::encode(request).map_err(ApiError::from)?;
        let serve = |bytes: &[u8]| -> Result<Vec<u8>, ApiError> {
            let heard: Q = codec::decode(bytes).map_err(|_| ApiError::Damaged)?;
            codec::encode(&answer(&heard)?).map_err(ApiError::from)
        };
        let overtaking = std::mem::take(&mut self.inner.borrow_mut().overtaking);
        for (is_push, bytes) in overtaking {
            arrive(self.host, is_push, &bytes);
            self.inner.borrow_mut().notes.push("message overtaken");
        }
        let written = std::mem::take(&mut self.inner.borrow_mut().is_written_meanwhile);
        let before = written && self.roll(2) == 0;
        if before {
            (self.meanwhile)();
        }
        if self.inner.borrow().centre_goes && self.is_now(is_push) {
            let image = self.host.ground.image();
            // Whether it was done or not, nobody hears of it.
            let _ = serve(&sent);
            let mut inner = self.inner.borrow_mut();
            (inner.centre_goes, inner.centre_before, inner.cut_off) = (false, Some(image), true);
            return Err(ApiError::Offline);
        }
        let mishap = self.mishap();
        let later = |bytes: &[u8]| self.inner.borrow_mut().on_the_way.push((is_push, bytes.to_vec()));
        let heard = match mishap {
            Some(Mishap::RequestLost) => return Err(ApiError::Offline),
            Some(Mishap::LateRequest) => {
                later(&sent);
                return Err(ApiError::Offline);
            }
            Some(Mishap::Busy) => return Err(ApiError::Later { after_ms: 1 + self.roll(2_000) as u64 }),
            Some(Mishap::SignedOut) => {
                self.inner.borrow_mut().signed_in = false;
                return Err(ApiError::SignedOut);
            }
            Some(Mishap::RequestCut) => {
                let length = self.roll(sent.len());
                sent.truncate(length);
                serve(&sent)
            }
            Some(Mishap::AnswerLost) => {
                let _ = serve(&sent);
                return Err(ApiError::Offline);
            }
            Some(Mishap::Twice) => {
                let _ = serve(&sent);
                serve(&sent)
            }
            Some(Mishap::LateCopy) => {
                later(&sent);
                serve(&sent)
            }
            Some(Mishap::AnswerCut | Mishap::AnswerChanged) | None => serve(&sent),
        };
        let mut bytes = heard?;
        if written && !before {
            (self.meanwhile)();
        }
        if self.inner.borrow().laptop_goes && self.is_now(is_push) {
            let mut inner = self.inner.borrow_mut();
            // Whoever is gone sends nothing more.
            (inner.laptop_goes, inner.cut_off) = (false, true);
            inner.laptop_before = Some(files::image(&inner.folder));
        }
        match mishap {
            Some(Mishap::AnswerCut) => bytes.truncate(self.roll(bytes.len())),
            // Over a network nothing changes unnoticed; what is found is that it is not ours.
            Some(Mishap::AnswerChanged) => bytes[0] ^= 1,
            _ => {}
        }
        codec::decode(&bytes).map_err(ApiError::from)
    }

    fn push_there(&self, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        if !request.epoch.is_nil() && request.epoch != self.host.epoch() {
            self.inner.borrow_mut().notes.push("another history met");
        }
        let push = |request: &PushRequest| push(self.host, self.device, request);
        match self.canary {
            Some(Canary::AcknowledgesWithoutStoring) if !request.envelopes.is_empty() => Ok(canary::acknowledge(request, self.host.epoch(), self.host.head(), gladstone_model::Instant(crate::time::BEGINNING))),
            Some(Canary::AppliesTwice) if !request.envelopes.is_empty() => {
                push(request)?;
                self.host.ground.file().iter().for_each(|store| canary::forget(store, request));
                push(request)
            }
            Some(Canary::PoisonBlocks) => push(&canary::block(request)),
            _ => push(request),
        }
    }

    fn pull_there(&self, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        let mut answer = pull(self.host, self.device, request)?;
        if answer.basis == Basis::TooOld {
            self.inner.borrow_mut().notes.push("cursor below the log");
        }
        match self.canary {
            Some(Canary::DropsARow) => canary::drop_a_row(&mut answer),
            Some(Canary::TearsMutations) => canary::tear(&mut answer),
            Some(Canary::KeepsWhatLeft) => answer.drops.clear(),
            _ => {}
        }
        Ok(answer)
    }
}

impl SyncApi for Line<'_> {
    fn push(&self, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        let answer = self.exchange(true, request, |heard| self.push_there(heard));
        if let Ok(answer) = &answer {
            self.inner.borrow_mut().newest = Some(answer.next_nonce);
        }
        answer
    }

    fn pull(&self, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        self.exchange(false, request, |heard| self.pull_there(heard))
    }
}

impl Remote for Line<'_> {
    fn sign_in(&self, device: Uuid, sign: Sign<'_>) -> Result<(), ApiError> {
        let mishap = self.mishap();
        if mishap == Some(Mishap::RequestLost) || self.inner.borrow().cut_off {
            return Err(ApiError::Offline);
        }
        let centre: &Centre = self.host.centre();
        let challenge = centre.challenge(device)?;
        if mishap == Some(Mishap::AnswerLost) {
            return Err(ApiError::Offline);
        }
        let signature = sign(&[SESSION_LABEL, challenge.as_slice()].concat()).ok_or(ApiError::Offline)?;
        let answer = centre.open_session(&SessionRequest { device, challenge: to_hex(&challenge), signature: to_hex(&signature) })?;
        let caller = centre.authenticate(&answer.token)?;
        if caller.device != device || caller.realm != self.host.realm {
            return Err(ApiError::Refused { code: "session".into(), text: "a session is somebody else's".into() });
        }
        let mut inner = self.inner.borrow_mut();
        inner.signed_in = true;
        inner.lease = answer.lease;
        Ok(())
    }

    fn begin(&self, request: &PushRequest, early: bool) -> UnderWay<'_> {
        let mut request = request.clone();
        if early && self.canary == Some(Canary::TurnsWithinARow) {
            request.nonce = self.inner.borrow().newest.unwrap_or(request.nonce);
        }
        let before = self.held_up.borrow_mut().take();
        let sent: Sent = Rc::new((request, RefCell::default()));
        let is_bad = self.inner.borrow().chance > 0 || self.canary == Some(Canary::TurnsWithinARow);
        if is_bad && self.roll(3) == 0 {
            *self.held_up.borrow_mut() = Some(Rc::clone(&sent));
        } else {
            let _ = self.there(&sent);
        }
        if early {
            self.inner.borrow_mut().notes.push("early push");
        }
        if let Some(before) = before.filter(|before| before.1.borrow().is_none()) {
            if early {
                self.inner.borrow_mut().notes.push("push overtaken");
            }
            let _ = self.there(&before);
        }
        Box::new(move || self.there(&sent))
    }

    fn takes_early(&self) -> bool {
        self.inner.borrow().takes_early
    }

    fn was_overtaken(&self) {
        self.inner.borrow_mut().takes_early = false;
    }

    fn now(&self) -> Instant {
        self.clock
    }

    fn lease(&self) -> Option<SignedLease> {
        self.inner.borrow_mut().lease.take()
    }

    fn wait(&self, beyond: u64) -> Result<u64, ApiError> {
        Ok(beyond)
    }
}

/// A request that arrives late: nobody hears the answer.
pub fn arrive(host: &Host, is_push: bool, bytes: &[u8]) {
    if is_push {
        let _ = codec::decode::<PushRequest>(bytes).map(|request| push(host, request.device, &request));
    } else {
        let _ = codec::decode::<PullRequest>(bytes).map(|request| pull(host, request.device, &request));
    }
}

fn push(host: &Host, device: Uuid, request: &PushRequest) -> Result<PushAnswer, ApiError> {
    let caller = host.centre().caller(host.realm, device).map_err(|_| ApiError::SignedOut)?;
    host.centre().for_device(caller).push(request)
}

fn pull(host: &Host, device: Uuid, request: &PullRequest) -> Result<PullAnswer, ApiError> {
    let caller = host.centre().caller(host.realm, device).map_err(|_| ApiError::SignedOut)?;
    host.centre().for_device(caller).pull(request)
}
