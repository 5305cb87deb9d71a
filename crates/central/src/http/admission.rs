//! Who may come in now: so many requests a minute, and so much work at once, with first downloads
//! counted apart, so that a herd of new laptops does not slow those that work.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::{Clock, DefaultClock}};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};
use uuid::Uuid;

use super::{Limits, answer::Fault};

/// How long an ordinary request waits for its turn before it is sent away.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a first download waits for its turn: it is not urgent, and whoever is sent away comes back late.
const FIRST_PATIENCE: Duration = Duration::from_secs(8);
/// From so many keys on those that have their full allowance again are forgotten.
const MANY: usize = 10_000;

/// What kind of work a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Sending, and fetching what changed.
    Ordinary,
    /// Fetching units for the first time.
    First,
    /// Parts of files.
    Files,
}

/// The limits at work.
pub(super) struct Admission {
    devices: DefaultKeyedRateLimiter<Uuid>,
    file_parts: DefaultKeyedRateLimiter<Uuid>,
    enrolments: DefaultKeyedRateLimiter<IpAddr>,
    sign_ins: DefaultKeyedRateLimiter<IpAddr>,
    ordinary: Semaphore,
    first: Semaphore,
    files: Semaphore,
    clock: DefaultClock,
}

impl Admission {
    pub fn new(limits: &Limits) -> Admission {
        Admission {
            devices: RateLimiter::keyed(a_minute(limits.requests_a_minute)),
            file_parts: RateLimiter::keyed(a_minute(limits.file_requests_a_minute)),
            enrolments: RateLimiter::keyed(a_minute(limits.enrolments_a_minute)),
            sign_ins: RateLimiter::keyed(a_minute(limits.sign_ins_a_minute)),
            ordinary: Semaphore::new(limits.at_once.get() as usize),
            first: Semaphore::new(limits.first_downloads_at_once.get() as usize),
            files: Semaphore::new(limits.files_at_once.get() as usize),
            clock: DefaultClock::default(),
        }
    }

    /// A request of a laptop that is signed in.
    pub fn device(&self, device: Uuid) -> Result<(), Fault> {
        self.allowed(&self.devices, &device)
    }

    /// A request about a file: counted apart, so that files never delay records.
    pub fn files(&self, device: Uuid) -> Result<(), Fault> {
        self.allowed(&self.file_parts, &device)
    }

    /// Somebody tries a code.
    pub fn enrolment(&self, from: IpAddr) -> Result<(), Fault> {
        self.allowed(&self.enrolments, &network(from))
    }

    /// Somebody signs in.
    pub fn sign_in(&self, from: IpAddr) -> Result<(), Fault> {
        self.allowed(&self.sign_ins, &network(from))
    }

    /// A place to work in, for as long as it is held.
    pub async fn enter(&self, class: Class) -> Result<SemaphorePermit<'_>, Fault> {
        let (places, patience) = match class {
            Class::Ordinary => (&self.ordinary, PATIENCE),
            Class::First => (&self.first, FIRST_PATIENCE),
            Class::Files => (&self.files, PATIENCE),
        };
        match timeout(patience, places.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Fault::later(if class == Class::First { 5_000 } else { 2_000 })),
        }
    }

    fn allowed<K: std::hash::Hash + Eq + Clone>(&self, limiter: &DefaultKeyedRateLimiter<K>, key: &K) -> Result<(), Fault> {
        if limiter.len() > MANY {
            limiter.retain_recent();
        }
        limiter.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            Fault::later(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1))
        })
    }
}

fn a_minute(count: NonZeroU32) -> Quota {
    Quota::per_minute(count)
}

/// Whom an address stands for: of the sixth version a customer has a whole /64.
fn network(from: IpAddr) -> IpAddr {
    match from {
        IpAddr::V4(_) => from,
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => IpAddr::V4(address),
            None => IpAddr::from((u128::from(address) >> 64 << 64).to_be_bytes()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stands_for_its_network() {
        let check = |from: &str, network_of: &str| assert_eq!(network(from.parse().unwrap()), network_of.parse::<IpAddr>().unwrap(), "{from}");
        check("192.0.2.7", "192.0.2.7");
        check("::ffff:192.0.2.7", "192.0.2.7");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
    }
}
