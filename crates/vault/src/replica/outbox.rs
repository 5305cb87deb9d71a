//! Handing over what waits, and taking in what the centre said to it.

use gladstone_protocol::{
    Entry, Signature, Stored, Verdict,
    limits::{BATCH_COUNT, BATCH_LIMIT},
    wire::{Envelope, PushAnswer, PushRequest},
};
use gladstone_store::StoreError;
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::{
    chain,
    error::VaultError,
    inside::Inside,
    replica::{answers, apply::Apply, base::unreadable, joined::Held, lives, moved, own, told::{self, EntryState}},
    state::VaultState,
    vault::{Changes, Vault},
};

/// What an answer to a push said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushOutcome {
    /// Entries that have a verdict now.
    pub judged: u64,
    /// Those of them that wait at the centre for something else.
    pub held: u64,
    /// Places of those that were put into quarantine now.
    pub quarantined: Vec<u64>,
    /// Whether more waits to be sent.
    pub more: bool,
    /// The centre takes this laptop for a copy of another one: see [`Vault::begin_as_new_device`].
    pub is_copy: bool,
    /// The centre lacked earlier entries; they wait to be sent again.
    pub had_gap: bool,
    /// The centre takes this version no more; everything waits until it was upgraded.
    pub upgrade_required: bool,
    /// Milliseconds to wait before the rest is sent.
    pub later_ms: Option<u64>,
    /// The centre has another history: what was acknowledged there waits to be sent again.
    pub other_epoch: bool,
    /// Entities whose rows look different now: an entry in quarantine has no effect.
    pub changes: Changes,
}

impl Vault {
    /// What waits, as much as fits into one push. Without anything it is a mere contact.
    ///
    /// # Errors
    /// [`VaultError::NotJoined`], or what the database says.
    pub fn next_push(&self) -> Result<PushRequest, VaultError> {
        self.look(|connection, state| {
            let held = Held::required(connection, state.actor)?;
            Ok(PushRequest { device: state.device, incarnation: state.incarnation, epoch: held.nonce_epoch, nonce: held.joined.nonce, envelopes: envelopes(connection, state, 0)? })
        })
    }

    /// What waits behind a push that is under way or was answered, to be sent before that answer is
    /// taken in. None when nothing waits there.
    ///
    /// Where the one before may be unanswered when it is sent (`early`), it carries the same nonce as that,
    /// not a newer one that came meanwhile: whichever of the two the centre takes first, the other has a
    /// nonce that is still good. Otherwise it carries the one that is stored now. A nonce that is not stored
    /// here is never used: so the centre has turned it once at most since, and keeps the one before.
    ///
    /// # Errors
    /// As for [`Vault::next_push`].
    pub fn next_push_behind(&self, asked: &PushRequest, early: bool) -> Result<Option<PushRequest>, VaultError> {
        let Some(last) = asked.envelopes.last() else { return Ok(None) };
        let last = Entry::number_of(&last.bytes).map_err(|_| unreadable())?;
        self.look(|connection, state| {
            let held = Held::required(connection, state.actor)?;
            if asked.incarnation != state.incarnation || asked.device != state.device || asked.epoch != held.nonce_epoch {
                return Ok(None);
            }
            let envelopes = envelopes(connection, state, last)?;
            let nonce = if early { asked.nonce } else { held.joined.nonce };
            let request = PushRequest { device: state.device, incarnation: state.incarnation, epoch: held.nonce_epoch, nonce, envelopes };
            Ok(Some(request).filter(|request| !request.envelopes.is_empty()))
        })
    }

    /// How many entries wait to be sent, events among them; told without looking at one.
    ///
    /// # Errors
    /// What the database says.
    pub fn unsent(&self) -> Result<u64, VaultError> {
        self.look(|connection, _| {
            let count: i64 = connection.prepare_cached("SELECT count(*) FROM chain WHERE state = 0")?.query_row([], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        })
    }

    /// Takes in what the centre said to a push. Durable when this returns.
    ///
    /// # Errors
    /// [`VaultError::Answer`] when it does not belong to `asked`; nothing of it was used then.
    pub fn take_push(&self, asked: &PushRequest, answer: &PushAnswer) -> Result<PushOutcome, VaultError> {
        // Verdicts alone change no row; what goes into quarantine is taken off its rows.
        let quiet = answer.verdicts.iter().all(|judged| matches!(judged.verdict.stored(), Some(Stored::Applied { .. } | Stored::Merged { .. })));
        match self.replicate_so(quiet, |inside| take(inside, asked, answer)) {
            Err(VaultError::References | VaultError::Store(StoreError::Database(_))) if quiet => self.replicate(|inside| take(inside, asked, answer)),
            done => done,
        }
    }
}

/// What waits behind the entry with this number in its life.
fn envelopes(connection: &Connection, state: &VaultState, behind: u64) -> Result<Vec<Envelope>, VaultError> {
    // One index serves each half.
    let places = "SELECT dseq FROM chain WHERE state = 0 AND dseq > ?1 UNION SELECT dseq FROM chain WHERE resend = 1 AND dseq > ?1 ORDER BY 1 LIMIT ?2";
    let sql = format!("SELECT bytes, hash, signature FROM chain WHERE dseq IN ({places}) ORDER BY dseq");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![(state.life_start + behind) as i64, BATCH_COUNT as i64])?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let envelope = Envelope {
            bytes: chain::unpack(row.get_ref(0)?.as_blob().unwrap_or_default())?.into_owned(),
            hash: row.get::<_, Vec<u8>>(1)?.try_into().map_err(|_| unreadable())?,
            signature: Signature(row.get::<_, Vec<u8>>(2)?.try_into().map_err(|_| unreadable())?),
        };
        bytes += envelope.bytes.len();
        if bytes > BATCH_LIMIT {
            break;
        }
        found.push(envelope);
    }
    Ok(found)
}

fn take(inside: &mut Inside<'_>, asked: &PushRequest, answer: &PushAnswer) -> Result<PushOutcome, VaultError> {
    let mut held = Held::required(inside.connection, inside.state.actor)?;
    let now = inside.around.now();
    if asked.device != inside.state.device || asked.incarnation != inside.state.incarnation || asked.epoch != held.nonce_epoch {
        return Err(VaultError::Answer("it belongs to an earlier question".into()));
    }
    let numbers = numbers(asked)?;
    if answer.verdicts.len() > numbers.len() || answer.verdicts.iter().zip(&numbers).any(|(judged, number)| judged.dseq != *number) {
        return Err(VaultError::Answer("it judges entries that were not sent, or in another order".into()));
    }
    let mut outcome = PushOutcome::default();
    answers::note_time(inside.state, now, answer.server_time);
    if answer.epoch != held.joined.epoch {
        outcome.other_epoch = true;
        held.joined.epoch = answer.epoch;
        held.from_g = 0;
        held.save(inside.connection)?;
        lives::turn_epoch(inside, now)?;
    }
    let mut missing_from = None;
    // Verdicts on a life that ended by this answer are heard again, as those on copies.
    let of_this_life = asked.incarnation == inside.state.incarnation;
    let mut apply = Apply::begin(inside)?;
    for judged in answer.verdicts.iter().filter(|_| of_this_life) {
        match answers::judge(&mut apply, judged, now, true)? {
            Some(EntryState::Held) => outcome.held += 1,
            Some(EntryState::Quarantined) => outcome.quarantined.push(apply.inside.state.life_start + judged.dseq),
            _ => {}
        }
        match &judged.verdict {
            Verdict::Fork => outcome.is_copy = true,
            Verdict::UpgradeRequired => outcome.upgrade_required = true,
            Verdict::Later { after_ms } => outcome.later_ms = Some(*after_ms),
            Verdict::Gap { expected } => missing_from = Some(*expected),
            _ => outcome.judged += 1,
        }
    }
    if missing_from.is_none() && !outcome.other_epoch {
        own::claim(&mut apply, &mut held)?;
    }
    apply.finish()?;
    outcome.changes = Changes { entities: std::mem::take(&mut apply.entities), mutation: Uuid::nil() };
    if let Some(expected) = missing_from.filter(|expected| (1..=inside.state.dseq - inside.state.life_start).contains(expected)) {
        outcome.had_gap = true;
        let from = inside.state.life_start + expected;
        lives::reopen(inside, from)?;
        told::log(inside.connection, now, "The centre lacks earlier entries; they are sent again.")?;
    }
    if outcome.is_copy {
        told::log(inside.connection, now, "The centre takes this computer for a copy of another one. It has to join anew.")?;
    }
    if !outcome.quarantined.is_empty() {
        told::log(inside.connection, now, &format!("{} changes were not accepted and are kept for you to look at.", outcome.quarantined.len()))?;
    }
    if of_this_life {
        moved::sent(inside, answer.verdicts.iter().filter(|judged| judged.verdict.stored().is_some()).map(|judged| judged.dseq))?;
    }
    held.is_copy |= outcome.is_copy;
    held.joined.nonce = answer.next_nonce;
    held.nonce_epoch = answer.epoch;
    held.last_push = Some(now);
    held.save(inside.connection)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM chain WHERE state = 0 AND dseq > ?1) OR EXISTS (SELECT 1 FROM chain WHERE resend = 1 AND dseq > ?1)";
    outcome.more = inside.connection.prepare_cached(sql)?.query_row(params![inside.state.life_start as i64], |row| row.get(0))?;
    Ok(outcome)
}

/// The numbers of the envelopes of a push.
fn numbers(asked: &PushRequest) -> Result<Vec<u64>, VaultError> {
    asked.envelopes.iter().map(|envelope| Entry::number_of(&envelope.bytes).map_err(|_| unreadable())).collect()
}
