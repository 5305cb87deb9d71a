//! Asking for what changed, and taking it in: one transaction for each answer.

use std::collections::BTreeSet;

use gladstone_model::{Unit, catalogue::SCHEMA_VERSION};
use gladstone_protocol::{
    MergeFault, RowsDigest, clock,
    limits::LIST_COUNT,
    wire::{Basis, Change, Dropped, PullAnswer, PullRequest, RowChange, RowKey, RowNews},
};
use rusqlite::params;
use uuid::Uuid;

use crate::{
    error::VaultError,
    inside::Inside,
    replica::{answers, apply::Apply, base::BaseRow, checked, download, joined::Held, lease, leave, lives, told, units::Units},
    vault::{Changes, Vault},
};

/// Times in a row that a unit whose digest does not agree is fetched anew.
const HEALINGS: u32 = 3;

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
        self.look(|connection, state| {
            let held = Held::required(connection, state.actor)?;
            let units = Units::load(connection)?;
            Ok(PullRequest {
                realm: held.joined.realm,
                device: state.device,
                incarnation: state.incarnation,
                epoch: held.joined.epoch,
                from_g: held.from_g,
                units: units.set_hash(),
                schema_version: SCHEMA_VERSION,
                bootstrap: units.bootstrap(LIST_COUNT),
            })
        })
    }

    /// Takes in an answer: all of it or nothing. Durable when this returns.
    ///
    /// # Errors
    /// [`VaultError::Answer`] when it does not belong to `asked` as it would be asked now, or does
    /// not hold together; a full disk among others. Nothing of it was used then.
    pub fn take_pull(&self, asked: &PullRequest, answer: PullAnswer) -> Result<PullOutcome, VaultError> {
        let outcome = self.replicate(|inside| take(inside, asked, answer))?;
        if !outcome.drops.is_empty() {
            // What left must not lie in the log either.
            self.checkpoint()?;
        }
        Ok(outcome)
    }
}

fn take(inside: &mut Inside<'_>, asked: &PullRequest, answer: PullAnswer) -> Result<PullOutcome, VaultError> {
    let mut held = Held::required(inside.connection, inside.state.actor)?;
    let now = inside.around.now();
    let same = asked.realm == held.joined.realm && asked.device == inside.state.device && asked.incarnation == inside.state.incarnation && asked.epoch == held.joined.epoch && asked.from_g == held.from_g;
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
    checked::answer(asked, &answer, &Units::load(inside.connection)?, entries_of_life)?;
    let mut outcome = PullOutcome { more: answer.more, blobs: answer.blobs, ..PullOutcome::default() };
    let mut apply = Apply::begin(inside)?;
    if answer.basis == Basis::TooOld {
        told::log(apply.inside.connection, now, "Away for longer than the centre keeps its log: everything is fetched anew.")?;
        download::all_anew(&mut apply)?;
    }
    for drop in &answer.drops {
        outcome.drops.extend(leave::unit(&mut apply, drop, now)?);
    }
    for judged in &answer.verdicts {
        answers::judge(&mut apply, judged, now)?;
    }
    answer.grants.iter().for_each(|grant| download::announce(&mut apply, grant));
    let mut doubtful = BTreeSet::new();
    for change in &answer.changes {
        if clock::may_follow(change.writer.hlc, answer.server_time) && answers::is_credible(answer.server_time) {
            apply.inside.state.hlc = apply.inside.state.hlc.max(change.writer.hlc);
        }
        for row in &change.rows {
            recognise(&mut apply, change, row.key)?;
            if deliver(&mut apply, change, row)?.is_none() {
                doubtful.insert(row.unit);
            }
        }
    }
    for grant in answer.grants {
        let unit = grant.unit;
        if download::take(&mut apply, grant, answer.to_g)? {
            outcome.grants.push(unit);
        }
    }
    if !answer.more {
        // The centre has nothing more to give, so what is not complete now is not for this laptop.
        let refused: Vec<Unit> = apply.units.all().filter(|(_, held)| !held.complete).map(|(unit, _)| unit).collect();
        for unit in refused {
            let drop = Dropped { unit, reason: "The centre does not give these records to you any more.".into() };
            outcome.drops.extend(leave::unit(&mut apply, &drop, now)?);
        }
    }
    apply.units.staged_at(answer.to_g);
    settle(&mut apply, answer.to_g, answer.more)?;
    apply.flush()?;
    for unit in doubtful {
        outcome.mismatches.push(Mismatch { unit, ours: None, theirs: None });
    }
    for told in answer.digests {
        let Some(known) = apply.units.get_mut(told.unit).filter(|known| known.complete) else { continue };
        if known.digest == told.digest {
            known.mismatches = 0;
        } else if outcome.mismatches.iter().all(|mismatch| mismatch.unit != told.unit) {
            outcome.mismatches.push(Mismatch { unit: told.unit, ours: Some(known.digest), theirs: Some(told.digest) });
        }
    }
    for mismatch in &outcome.mismatches {
        let Some(known) = apply.units.get_mut(mismatch.unit) else { continue };
        known.mismatches += 1;
        let again = known.mismatches <= HEALINGS;
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
    // A push renews nothing: a laptop whose right has ended may still push.
    lease::renew(inside, now, answer.server_time)?;
    Ok(outcome)
}

/// A change that this laptop made itself tells that it was taken, even when the verdict was lost.
fn recognise(apply: &mut Apply<'_, '_>, change: &Change, key: RowKey) -> Result<(), VaultError> {
    if change.writer.device != apply.inside.state.device {
        return Ok(());
    }
    let connection = apply.inside.connection;
    for (place, _) in apply.row(key)?.pending.clone() {
        if apply.entries.get(connection, place)?.mutation.id == change.writer.mutation {
            connection.prepare_cached("UPDATE chain SET state = 2, g = ?2 WHERE dseq = ?1 AND state IN (0, 1)")?.execute(params![place as i64, change.g as i64])?;
        }
    }
    Ok(())
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

/// Entries whose effect the base contains now do not lie on top of it any more. A row whose unit
/// is still being downloaded waits for that, so that nothing flickers.
fn settle(apply: &mut Apply<'_, '_>, to_g: u64, more: bool) -> Result<(), VaultError> {
    let connection = apply.inside.connection;
    let mut statement = connection.prepare_cached("SELECT dseq FROM chain WHERE state = 2 AND g <= ?1 ORDER BY dseq")?;
    let places: Vec<i64> = statement.query_map([to_g as i64], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for place in places {
        let written = apply.entries.get(connection, place.unsigned_abs())?;
        let mut waits = false;
        for op in &written.mutation.ops {
            let key = RowKey { entity: op.entity, id: op.id };
            if !apply.lies_on(key, place.unsigned_abs())? {
                continue;
            }
            let unit = apply.row(key)?.base.as_ref().map_or(op.unit, BaseRow::unit);
            let contained = apply.units.get(unit).map_or(!more, |held| held.complete);
            if contained {
                apply.lift(key, place.unsigned_abs())?;
            } else {
                waits = true;
            }
        }
        if !waits {
            connection.prepare_cached("UPDATE chain SET state = 3 WHERE dseq = ?1")?.execute([place])?;
        }
    }
    Ok(())
}
