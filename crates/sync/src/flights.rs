//! The three flights: what is read from the vault, asked of the centre and stored. The vault is
//! held only for the moments before and after, never while the network works.

mod row;

use std::{collections::BTreeSet, sync::PoisonError, time::{Duration, Instant}};

use gladstone_protocol::{ApiError, Stored, wire::{BlobRef, PullAnswer, PullRequest, PushAnswer}};
use gladstone_vault::{Vault, VaultError, replica::{Ahead, Departure, PullOutcome, PushOutcome, Standing, together}};

use crate::{engine::{Fault, Pulled}, remote::Remote};

pub use row::push;

/// Answers to pulls in a row at most.
const ANSWERS_IN_A_ROW: u32 = 64;
/// How long pulls may follow each other in a row; well within the engine's watchdog.
const LONGEST_ROW: Duration = Duration::from_secs(10);

/// Gives the vault for a moment by calling its argument once; false when it is locked.
pub type Lend<'a> = dyn Fn(&mut dyn FnMut(&Vault)) -> bool + 'a;

/// What flights brought, summed up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries that were sent and judged, copies included.
    pub sent: u64,
    /// Entries whose every value stands.
    pub applied: u64,
    /// Entries of which not every value stands as it was written.
    pub merged: u64,
    /// Entries that wait at the centre for something.
    pub held: u64,
    /// Entries that are kept there without effect.
    pub quarantined: u64,
    /// Names of the entities whose rows changed here.
    pub changed: BTreeSet<&'static str>,
    /// Units that came.
    pub entered: usize,
    /// Units that left, and why.
    pub left: Vec<Departure>,
    /// Units that did not add up and are fetched anew.
    pub mismatches: usize,
    /// Files that the rows name; they are fetched apart.
    pub blobs: Vec<BlobRef>,
}

impl Report {
    fn add_push(&mut self, answer: &PushAnswer, outcome: &PushOutcome) {
        self.changed.extend(&outcome.changes.entities);
        for stored in answer.verdicts.iter().filter_map(|judged| judged.verdict.stored()) {
            let counter = match stored {
                Stored::Applied { .. } => &mut self.applied,
                Stored::Merged { .. } => &mut self.merged,
                Stored::Held { .. } => &mut self.held,
                Stored::Quarantined { .. } => &mut self.quarantined,
            };
            *counter += 1;
            self.sent += 1;
        }
    }

    fn add_pull(&mut self, outcome: PullOutcome) {
        self.changed.extend(&outcome.changes.entities);
        self.entered += outcome.grants.len();
        self.mismatches += outcome.mismatches.len();
        self.left.extend(outcome.drops);
        self.blobs.extend(outcome.blobs);
    }
}

/// Borrows the vault.
pub(crate) fn with<T>(lend: &Lend<'_>, f: impl FnOnce(&Vault) -> Result<T, VaultError>) -> Result<T, Fault> {
    let (mut f, mut result) = (Some(f), None);
    lend(&mut |vault| result = f.take().map(|f| f(vault)));
    match result {
        Some(Ok(value)) => Ok(value),
        Some(Err(VaultError::Answer(_))) => Err(Fault::Api(ApiError::Damaged)),
        Some(Err(error)) => Err(Fault::Local(error.to_string())),
        None => Err(Fault::Local("The vault is locked.".into())),
    }
}

/// Proves to the centre which laptop this is, and takes the lease that it gives. One that does not
/// count stops nothing: the one of before goes on until it ends.
///
/// # Errors
/// [`Fault`]: what the centre, the way to it, or the vault says; so for all flights.
pub fn sign_in(lend: &Lend<'_>, remote: &dyn Remote) -> Result<(), Fault> {
    let device = with(lend, |vault| Ok(vault.state().device))?;
    remote.sign_in(device, &|message| with(lend, |vault| Ok(vault.sign(message))).ok())?;
    match remote.lease() {
        Some(given) => with(lend, |vault| vault.take_lease(&given)).map(|_| ()),
        None => Ok(()),
    }
}

/// Fetches what is new, where more follows some answers in a row: while one is stored, the next one is on its
/// way. Tells besides up to which commit number everything is held then.
///
/// # Errors
/// [`Fault`].
pub fn pull(lend: &Lend<'_>, remote: &dyn Remote, report: &mut Report) -> Result<(Pulled, u64), Fault> {
    let flight = with(lend, |vault| Ok(vault.flight()))?;
    let _alone = flight.lock().unwrap_or_else(PoisonError::into_inner);
    let began = Instant::now();
    let first = with(lend, Vault::pull_request)?;
    let answer = remote.pull(&first)?;
    let mut ahead = if answer.more && remote.remembers_ahead() { with(lend, Vault::ahead)? } else { None };
    let durable = ahead.as_ref().map(Ahead::durable);
    let mut answers = 0;
    let mut behind = |asked: &PullRequest, answer: &PullAnswer| {
        answers += 1;
        if answers < ANSWERS_IN_A_ROW && began.elapsed() < LONGEST_ROW { ahead.as_mut()?.behind(asked, answer) } else { None }
    };
    // What is to be asked now, as the vault says, and what the last answers came to.
    let (mut now, mut last) = (first.clone(), None);
    let mut one = |asked: PullRequest, answer: PullAnswer| -> Result<bool, Fault> {
        // What was asked ahead is of no use where it came otherwise.
        if asked.ahead.is_some() && asked != (PullRequest { ahead: asked.ahead, ..now.clone() }) {
            return Ok(false);
        }
        let (outcome, next, waiting, is_over) = with(lend, |vault| {
            let outcome = vault.take_pull(&asked, answer)?;
            let is_over = vault.lease()?.is_some_and(|lease| lease.standing() != Standing::Running);
            Ok((outcome, vault.pull_request()?, vault.waiting()?.count, is_over))
        })?;
        durable.iter().for_each(|durable| durable.stored(&next));
        let resend = outcome.resend || last.as_ref().is_some_and(|(pulled, _): &(Pulled, bool)| pulled.resend);
        let pulled = Pulled { more: outcome.more, progress: next != asked, waiting, push_first: outcome.push_first, resend };
        let goes_on = !outcome.push_first;
        last = Some((pulled, is_over));
        now = next;
        report.add_pull(outcome);
        Ok(goes_on)
    };
    let mut fault = None;
    let mut take = |answers: Vec<(PullRequest, PullAnswer)>| {
        together(answers).into_iter().all(|(asked, answer)| one(asked, answer).unwrap_or_else(|error| {
            fault = Some(error);
            false
        }))
    };
    let answered = match behind(&first, &answer) {
        Some(next) => remote.pull_row((first, answer), next, &mut behind, &mut take),
        None => {
            take(vec![(first, answer)]);
            Ok(())
        }
    };
    fault.map_or(Ok(()), Err)?;
    answered?;
    let Some((pulled, is_over)) = last else { return Err(Fault::Api(ApiError::Damaged)) };
    if is_over {
        // Only a session brings a lease, and the one that is open was opened before. Without one it
        // stays as it is.
        if let Err(fault) = sign_in(lend, remote) {
            tracing::debug!(?fault, "no new lease for now");
        }
    }
    Ok((pulled, now.from_g))
}
