//! Asking for what changed, and taking it in: one transaction for each answer.

use std::{collections::BTreeSet, sync::PoisonError};

use gladstone_model::{Instant, Unit, catalogue::SCHEMA_VERSION};
use gladstone_protocol::{
    MergeFault, RowsDigest, clock,
    limits::LIST_COUNT,
    wire::{Basis, Change, Dropped, PullAnswer, PullRequest, RowChange, RowNews},
};
use gladstone_store::StoreError;
use uuid::Uuid;

use crate::{
    database,
    error::VaultError,
    inside::Inside,
    replica::{answers, apply::Apply, base::BaseRow, checked, compare::{Doubt, Finding}, download, joined::Held, lease, leave, lives, moved, own, settle, told},
    vault::{Changes, Vault},
};

/// Times in a row that a unit whose digest does not agree is fetched anew.
const HEALINGS: u32 = 3;
/// Changes at most that are first tried with all references in force.
const ORDINARY: usize = 50;
/// Rows of first downloads in one answer that are very many.
const MANY: usize = 2_000;
/// How long a contact that brought nothing need not be written down, in microseconds: an hour. The
/// lease counts from what was.
const CONTACT: u64 = 3_600_000_000;
/// How far the centre's clock may go apart from what was noted of it before it is noted anew, in
/// microseconds: a second.
const DRIFT: u64 = 1_000_000;

/// What an answer changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullOutcome {
    /// Entities whose rows look different now.
    pub changes: Changes,
    /// Whether more is to be asked for at once.
    pub more: bool,
    /// The centre has another history: what was acknowledged there waits to be sent again, and
    /// nothing of the answer was used. Push, then pull.
    pub push_first: bool,
    /// The centre did not give what it had said it took: that waits to be sent again.
    pub resend: bool,
    /// Units that became readable.
    pub grants: Vec<Unit>,
    /// Units that left this laptop.
    pub drops: Vec<Departure>,
    /// Units whose rows did not add up to the centre's digest, and are fetched anew.
    pub mismatches: Vec<Mismatch>,
    /// Files that the rows name.
    pub blobs: Vec<gladstone_protocol::wire::BlobRef>,
}

/// A unit that left this laptop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// The unit.
    pub unit: Unit,
    /// What people call it.
    pub title: String,
    /// Rows that went.
    pub rows: u64,
    /// Why, for people.
    pub reason: String,
}

/// A unit whose rows are not those of the centre: a defect, or a damaged disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The unit.
    pub unit: Unit,
    /// Digest of what is held; none when news told of a row that is not here.
    pub ours: Option<RowsDigest>,
    /// Digest that the centre told.
    pub theirs: Option<RowsDigest>,
}

impl Vault {
    /// What to ask the centre for now.
    ///
    /// # Errors
    /// [`VaultError::NotJoined`], or what the database says.
    pub fn pull_request(&self) -> Result<PullRequest, VaultError> {
        let compare = self.doubt.lock().unwrap_or_else(PoisonError::into_inner).ask;
        self.look_at_units(|connection, state, units| {
            let held = Held::required(connection, state.actor)?;
            Ok(PullRequest {
                realm: held.joined.realm,
                device: state.device,
                incarnation: state.incarnation,
                epoch: held.joined.epoch,
                from_g: held.from_g,
                units: units.set_hash(),
                schema_version: SCHEMA_VERSION,
                bootstrap: units.bootstrap(LIST_COUNT),
                compare,
                ahead: None,
            })
        })
    }

    /// Takes in an answer: all of it or nothing. Durable when this returns.
    ///
    /// # Errors
    /// [`VaultError::Answer`] when it does not belong to `asked` as it would be asked now, or does
    /// not hold together; a full disk among others. Nothing of it was used then.
    pub fn take_pull(&self, asked: &PullRequest, answer: PullAnswer) -> Result<PullOutcome, VaultError> {
        if self.is_nothing_new(asked, &answer)? {
            return Ok(PullOutcome::default());
        }
        let before = *self.doubt.lock().unwrap_or_else(PoisonError::into_inner);
        let mut doubt = before;
        // What comes day by day mostly refers to what is here.
        let ordinary = answer.grants.is_empty() && answer.drops.is_empty() && answer.changes.len() <= ORDINARY && answer.epoch == asked.epoch && answer.basis == Basis::Checkpoint;
        let rows: usize = answer.grants.iter().flat_map(|grant| &grant.pages).map(|page| page.rows.len()).sum();
        if rows >= MANY {
            self.maintain(|connection, _| Ok(database::fold_seldom(connection, true)?))?;
        }
        let attempt = ordinary.then(|| self.replicate_so(true, |inside| take(inside, asked, answer.clone(), &mut doubt)));
        let outcome = match attempt {
            None | Some(Err(VaultError::References | VaultError::Store(StoreError::Database(_)))) => {
                doubt = before;
                self.replicate(|inside| take(inside, asked, answer, &mut doubt))
            }
            Some(done) => done,
        };
        if rows >= MANY {
            if !outcome.as_ref().is_ok_and(|outcome| outcome.more) {
                let usual = self.maintain(|connection, _| Ok(database::fold_seldom(connection, false)?));
                usual.unwrap_or_else(|error| tracing::warn!(%error, "the log is folded seldom for now"));
            }
            self.fold_beside();
        }
        if outcome.is_err() {
            self.doubt.lock().unwrap_or_else(PoisonError::into_inner).alone = true;
        }
        let outcome = outcome?;
        doubt.alone = false;
        *self.doubt.lock().unwrap_or_else(PoisonError::into_inner) = doubt;
        if !outcome.drops.is_empty() {
            // What left must not lie in the log either, nor its files in the folder.
            self.sweep_files()?;
            self.checkpoint()?;
        }
        Ok(outcome)
    }

    /// Whether an answer says that all is as it was, and nothing of it has to be written down: the
    /// lease was renewed less than [`CONTACT`] ago, and both clocks go on as they did then.
    fn is_nothing_new(&self, asked: &PullRequest, answer: &PullAnswer) -> Result<bool, VaultError> {
        let empty = answer.grants.is_empty() && answer.drops.is_empty() && answer.changes.is_empty() && answer.verdicts.is_empty() && answer.digests.is_empty() && answer.blobs.is_empty();
        if !empty || answer.more || answer.basis != Basis::Checkpoint || answer.to_g != asked.from_g || asked.compare.is_some() || answer.sum.is_none() {
            return Ok(false);
        }
        let now = self.around().now();
        self.look_at_units(|connection, state, units| {
            let held = Held::required(connection, state.actor)?;
            let mine = asked.device == state.device && asked.incarnation == state.incarnation && answer.epoch == held.joined.epoch;
            let same = mine && is_answer_to(asked, &held) && held.schema_version == SCHEMA_VERSION && units.are_settled() && answer.sum == Some(units.sum());
            let clock = Instant(now.0.saturating_add(state.server_offset));
            if !same || clock.0.abs_diff(answer.server_time.0) > DRIFT || held.last_pull.is_none_or(|last| now.0.abs_diff(last.0) > CONTACT) {
                return Ok(false);
            }
            let waits: bool = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM chain WHERE state IN (1, 2, 4) AND state = 2)")?.query_row([], |row| row.get(0))?;
            Ok(!waits && lease::runs_on(connection, state.hlc, now, answer.server_time)?)
        })
    }
}

/// Whether an answer to `asked` is still one to what would be asked now.
fn is_answer_to(asked: &PullRequest, held: &Held) -> bool {
    asked.realm == held.joined.realm && asked.epoch == held.joined.epoch && asked.from_g == held.from_g
}

fn take(inside: &mut Inside<'_>, asked: &PullRequest, answer: PullAnswer, doubt: &mut Doubt) -> Result<PullOutcome, VaultError> {
    let mut held = Held::required(inside.connection, inside.state.actor)?;
    let now = inside.around.now();
    let same = is_answer_to(asked, &held) && asked.device == inside.state.device && asked.incarnation == inside.state.incarnation;
    if !same {
        return Err(VaultError::Answer("it belongs to an earlier question".into()));
    }
    answers::note_time(inside.state, now, answer.server_time);
    if answer.epoch != held.joined.epoch {
        held.joined.epoch = answer.epoch;
        held.from_g = 0;
        held.save(inside.connection)?;
        lives::turn_epoch(inside, now)?;
        return Ok(PullOutcome { more: true, push_first: true, ..PullOutcome::default() });
    }
    if answer.basis == Basis::OtherEpoch {
        return Err(VaultError::Answer("it names another history and does not tell which".into()));
    }
    if answer.basis == Basis::TooOld && answer.to_g < asked.from_g {
        // Its history ends before what was held of it: it lost something, whatever it calls itself.
        lives::turn_epoch(inside, now)?;
        return Ok(PullOutcome { more: true, push_first: true, ..PullOutcome::default() });
    }
    let entries_of_life = inside.state.dseq - inside.state.life_start;
    let mut apply = Apply::begin(inside)?;
    if asked.ahead.is_some() && (asked.units != apply.units.set_hash() || asked.bootstrap != apply.units.bootstrap(LIST_COUNT)) {
        return Err(VaultError::Answer("it belongs to a question that was asked too early".into()));
    }
    checked::answer(asked, &answer, &apply.units, entries_of_life)?;
    let mut answer = answer;
    let came = moved::mutations(&answer);
    let mut outcome = PullOutcome { more: answer.more, blobs: std::mem::take(&mut answer.blobs), ..PullOutcome::default() };
    if answer.basis == Basis::TooOld {
        told::log(apply.inside.connection, now, "Away for longer than the centre keeps its log: everything is fetched anew.")?;
        download::all_anew(&mut apply)?;
    }
    apply.keys.foresee(answer.drops.iter().map(|drop| drop.unit).chain(answer.grants.iter().filter(|grant| grant.complete).map(|grant| grant.unit)));
    for drop in &answer.drops {
        outcome.drops.extend(leave::unit(&mut apply, drop, now)?);
    }
    for judged in &answer.verdicts {
        answers::judge(&mut apply, judged, now, false)?;
    }
    answer.grants.iter().for_each(|grant| download::announce(&mut apply, grant));
    let mut doubtful = BTreeSet::new();
    for change in &answer.changes {
        if clock::may_follow(change.writer.hlc, answer.server_time) && answers::is_credible(answer.server_time) {
            apply.inside.state.hlc = apply.inside.state.hlc.max(change.writer.hlc);
        }
        settle::recognise(&mut apply, change)?;
        for row in &change.rows {
            if deliver(&mut apply, change, row)?.is_none() {
                doubtful.insert(row.unit);
            }
        }
    }
    let (mut made_here, mut fetched) = (BTreeSet::new(), Vec::new());
    for grant in std::mem::take(&mut answer.grants) {
        if own::is(apply.units.get(grant.unit)) && grant.pages.is_empty() {
            made_here.extend(grant.complete.then_some(grant.unit));
        } else {
            fetched.push(grant);
        }
    }
    outcome.grants = download::take(&mut apply, fetched, answer.to_g)?;
    if !made_here.is_empty() {
        own::complete(&mut apply, &made_here, answer.to_g)?;
        outcome.grants.extend(made_here);
    }
    if !answer.more {
        // The centre has nothing more to give, so what is not complete now is not for this laptop.
        let refused: Vec<Unit> = apply.units.all().filter(|(_, held)| !held.complete).map(|(unit, _)| unit).collect();
        apply.keys.foresee(refused.iter().copied());
        for unit in refused {
            let drop = Dropped { unit, reason: "The centre does not give these records to you any more.".into() };
            outcome.drops.extend(leave::unit(&mut apply, &drop, now)?);
        }
    }
    apply.units.staged_at(answer.to_g);
    if !outcome.grants.is_empty() {
        settle::recognise_rows(&mut apply)?;
    }
    own::settle_many(apply.inside.connection, answer.to_g)?;
    outcome.resend = settle::settle(&mut apply, asked, &answer, &outcome.grants)?;
    apply.flush()?;
    for unit in doubtful {
        outcome.mismatches.push(Mismatch { unit, ours: None, theirs: None });
    }
    for told in &answer.digests {
        let Some(known) = apply.units.get(told.unit).filter(|known| known.complete) else { continue };
        if known.digest == told.digest {
            apply.units.set_mismatches(told.unit, 0);
        } else if outcome.mismatches.iter().all(|mismatch| mismatch.unit != told.unit) {
            outcome.mismatches.push(Mismatch { unit: told.unit, ours: Some(known.digest), theirs: Some(told.digest) });
        }
    }
    let times = |apply: &Apply<'_, '_>, unit: Unit| apply.units.get(unit).map(|known| known.mismatches + 1);
    let healing = outcome.mismatches.iter().any(|mismatch| times(&apply, mismatch.unit).is_some_and(|times| times <= HEALINGS));
    match doubt.look(asked, &answer, &apply.units, !outcome.mismatches.is_empty(), healing) {
        Finding::Nothing => {}
        Finding::Agrees => {
            let differed: Vec<Unit> = apply.units.all().filter(|(_, known)| known.mismatches > 0).map(|(unit, _)| unit).collect();
            differed.into_iter().for_each(|unit| apply.units.set_mismatches(unit, 0));
        }
        Finding::Differs { ours, theirs } => {
            let line = format!("What is held here does not agree with the centre (here {}, there {}). It is compared unit by unit.", told::digest(Some(ours)), told::digest(Some(theirs)));
            told::log(apply.inside.connection, now, &line)?;
            // Where something was fetched anew and did not help, that is left to the next round.
            outcome.more |= apply.units.all().all(|(_, known)| known.mismatches == 0);
        }
        Finding::GoesOn => outcome.more = true,
        Finding::Fruitless => told::log(apply.inside.connection, now, "Each unit agrees with the centre, but not all of them together; please report this.")?,
    }
    for mismatch in &outcome.mismatches {
        let Some(times) = times(&apply, mismatch.unit) else { continue };
        apply.units.set_mismatches(mismatch.unit, times);
        let again = times <= HEALINGS;
        let then = if again { "It is fetched anew." } else { "Fetching it anew did not help; please report this." };
        told::log(apply.inside.connection, now, &format!("{} does not agree with the centre (here {}, there {}). {then}", mismatch.unit, told::digest(mismatch.ours), told::digest(mismatch.theirs)))?;
        if again {
            download::anew(&mut apply, mismatch.unit)?;
            outcome.more = true;
        }
    }
    if held.schema_version < SCHEMA_VERSION {
        // What an older version could not show is shown by this one.
        for unit in download::opaque_units(apply.inside.connection)? {
            download::anew(&mut apply, unit)?;
            outcome.more = true;
        }
    }
    outcome.drops.extend(leave::strays(&mut apply, now)?);
    apply.forget = !outcome.drops.is_empty();
    apply.finish()?;
    outcome.changes = Changes { entities: std::mem::take(&mut apply.entities), mutation: Uuid::nil() };
    held.from_g = answer.to_g;
    held.last_pull = Some(now);
    held.schema_version = SCHEMA_VERSION;
    held.save(inside.connection)?;
    moved::received(inside, &came)?;
    // A push renews nothing: a laptop whose right has ended may still push.
    lease::renew(inside, now, answer.server_time)?;
    Ok(outcome)
}

/// Takes in what is new about one row. None: it does not fit what is held of its unit.
fn deliver(apply: &mut Apply<'_, '_>, change: &Change, row: &RowChange) -> Result<Option<()>, VaultError> {
    if !apply.units.is_complete(row.unit) {
        return download::deliver(apply, change, row).map(Some);
    }
    let base = apply.row(row.key)?.base.clone();
    // A row that came to another unit within the same change is not the one that left this one.
    let ours = base.filter(|base| base.unit() == row.unit);
    let after = match (&row.news, ours) {
        (RowNews::Whole(image), _) => BaseRow::from_image(image.clone()).map_err(misfit)?,
        (RowNews::Left, Some(_)) => {
            apply.set_base(row.key, None)?;
            return Ok(Some(()));
        }
        (RowNews::Left, None) => return Ok(Some(())),
        (RowNews::Groups { groups, updated_at }, Some(base)) => base.with_groups(change.writer.mutation, groups, *updated_at).map_err(misfit)?,
        (RowNews::EnteredInError { reason }, Some(base)) => base.in_error(change.writer.mutation, reason).map_err(misfit)?,
        (RowNews::Groups { .. } | RowNews::EnteredInError { .. }, None) => return Ok(None),
    };
    apply.set_base(row.key, Some(after))?;
    Ok(Some(()))
}

pub(crate) fn misfit(fault: MergeFault) -> VaultError {
    VaultError::Answer(format!("a row does not hold together ({fault})"))
}
