//! The flight that sends: some pushes in a row. While the centre works on one, the next is read, sent where
//! the centre keeps it for its turn, and the answer to the one before is stored. Answers are stored in the
//! order of their pushes; one whose push in front came to nothing counts as lost.

use std::{
    collections::VecDeque,
    sync::PoisonError,
    time::{Duration, Instant},
};

use gladstone_protocol::{Entry, Stored, Verdict, wire::{PushAnswer, PushRequest}};
use gladstone_vault::{Vault, replica::PushOutcome};

use super::{Lend, Report, with};
use crate::{engine::{Fault, Pushed, Trouble}, remote::{Remote, UnderWay}};

/// Pushes in a row at most: then it is told how far things are, and the nonce is turned.
const IN_A_ROW: u32 = 32;
/// How long pushes may follow each other in a row; well within the engine's watchdog.
const LONGEST_ROW: Duration = Duration::from_secs(3);
/// Pushes that may be open at once.
const OPEN: usize = 2;
/// A push that took longer has a slow line or a busy centre: the next one would only be in its way.
const QUICK: Duration = Duration::from_secs(2);

/// A push that was sent and is not answered.
struct Open<'r> {
    asked: PushRequest,
    early: bool,
    sent: Instant,
    answer: UnderWay<'r>,
}

/// Pushes that follow each other.
struct Row<'l, 'r> {
    lend: &'l Lend<'l>,
    remote: &'r dyn Remote,
    at_most: usize,
    began: Instant,
    times: u32,
    /// Whether the centre answered the last one within [`QUICK`], and all of it stands.
    flows: bool,
    /// When the last answer came.
    heard: Instant,
    open: VecDeque<Open<'r>>,
    /// What was read and is not sent.
    next: Option<PushRequest>,
}

/// Sends what waits, at most so many entries at a time, and some times in a row.
///
/// # Errors
/// [`Fault`].
pub fn push(lend: &Lend<'_>, remote: &dyn Remote, at_most: usize, report: &mut Report) -> Result<Pushed, Fault> {
    let flight = with(lend, |vault| Ok(vault.flight()))?;
    let _alone = flight.lock().unwrap_or_else(PoisonError::into_inner);
    let now = remote.now();
    let mut row = Row { lend, remote, at_most, began: now, times: 0, flows: false, heard: now, open: VecDeque::with_capacity(OPEN), next: Some(with(lend, Vault::next_push)?) };
    row.send();
    let mut last = None;
    while let Some((asked, answer)) = row.answered()? {
        let outcome = with(lend, |vault| vault.take_push(&asked, &answer))?;
        report.add_push(&answer, &outcome);
        last = Some((asked, answer.epoch, outcome));
    }
    let Some((asked, epoch, outcome)) = last else { return Err(Fault::Local("A push was not answered.".into())) };
    let (waiting, again) = with(lend, |vault| {
        // After a gap the vault goes back; a centre that names the same gap again leads nowhere.
        let again = outcome.had_gap && vault.next_push()?.envelopes.first() == asked.envelopes.first();
        Ok((if outcome.more { vault.unsent()? } else { vault.waiting()?.count }, again))
    })?;
    let progress = asked.envelopes.is_empty() || outcome.judged > 0 || epoch != asked.epoch || outcome.had_gap && !again;
    Ok(Pushed { waiting, more: outcome.more, progress, trouble: trouble(&outcome) })
}

impl Row<'_, '_> {
    /// Sends what was read.
    fn send(&mut self) {
        let Some(mut asked) = self.next.take() else { return };
        asked.envelopes.truncate(self.at_most);
        self.times += 1;
        let (early, sent) = (!self.open.is_empty(), self.remote.now());
        let answer = self.remote.begin(&asked, early);
        self.open.push_back(Open { asked, early, sent, answer });
    }

    /// Reads what comes behind everything that was sent.
    fn read(&mut self) -> Result<(), Fault> {
        if self.next.is_none() && self.may_go_on()
            && let Some(last) = self.open.back()
        {
            self.next = with(self.lend, |vault| vault.next_push_behind(&last.asked, self.remote.takes_early()))?;
        }
        Ok(())
    }

    fn may_go_on(&self) -> bool {
        self.times < IN_A_ROW && self.remote.now().saturating_duration_since(self.began) < LONGEST_ROW
    }

    /// Whether one may be sent although another is open.
    fn may_be_early(&self) -> bool {
        self.flows && self.open.len() < OPEN && self.remote.takes_early()
    }

    /// The next answer that is to be stored, when what follows it is on its way; none at the end of the row.
    fn answered(&mut self) -> Result<Option<(PushRequest, PushAnswer)>, Fault> {
        self.read()?;
        if !self.open.is_empty() && self.may_go_on() && self.may_be_early() {
            self.send();
            self.read()?;
        }
        let Some(Open { asked, early, sent, answer }) = self.open.pop_front() else { return Ok(None) };
        let answer = answer()?;
        if early && was_overtaken(&asked, &answer) {
            // What it says was true before the push in front came; that one is stored.
            self.remote.was_overtaken();
            return Ok(None);
        }
        let verdicts = || answer.verdicts.iter().filter_map(|judged| judged.verdict.stored());
        let whole = answer.epoch == asked.epoch && answer.verdicts.len() == asked.envelopes.len() && verdicts().count() == asked.envelopes.len();
        if !whole {
            // What was sent behind it came to nothing, or counts as lost.
            self.open.clear();
        }
        let stands = whole && verdicts().all(|stored| matches!(stored, Stored::Applied { .. } | Stored::Merged { .. }));
        let now = self.remote.now();
        self.flows = stands && now.saturating_duration_since(self.heard.max(sent)) < QUICK;
        self.heard = now;
        if stands && self.may_go_on() && (self.open.is_empty() || self.may_be_early()) {
            self.send();
        }
        Ok(Some((asked, answer)))
    }
}

/// Whether an early push was looked at before the one in front of it, which was taken in by now: it was told
/// that entries are missing which are not.
fn was_overtaken(asked: &PushRequest, answer: &PushAnswer) -> bool {
    let first = asked.envelopes.first().and_then(|envelope| Entry::number_of(&envelope.bytes).ok());
    answer.epoch == asked.epoch && answer.verdicts.iter().any(|judged| matches!(judged.verdict, Verdict::Gap { expected } if first.is_some_and(|first| expected < first)))
}

fn trouble(outcome: &PushOutcome) -> Option<Trouble> {
    if outcome.is_copy {
        return Some(Trouble::Copy);
    }
    if outcome.upgrade_required {
        return Some(Trouble::CentreOlder);
    }
    outcome.later_ms.map(Trouble::Later).or(outcome.other_epoch.then_some(Trouble::OtherEpoch))
}
