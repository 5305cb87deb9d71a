//! What the centre said about an entry becomes its state in the chain.

use gladstone_model::Instant;
use gladstone_protocol::{Stored, Verdict, wire::Judged};
use rusqlite::{OptionalExtension, params};

use crate::{
    error::VaultError,
    replica::{apply::Apply, base::unreadable, settle, told::EntryState},
    state::VaultState,
};

/// Times that a centre's clock may show: 2020 to 2100, in microseconds.
const CREDIBLE: std::ops::Range<i64> = 1_577_836_800_000_000..4_102_444_800_000_000;

/// Whether a centre's clock can be believed at all.
pub(crate) fn is_credible(server_time: Instant) -> bool {
    CREDIBLE.contains(&server_time.0)
}

/// Notes how far the centre's clock is ahead of this one.
pub(crate) fn note_time(state: &mut VaultState, now: Instant, server_time: Instant) {
    if is_credible(server_time) {
        state.server_offset = server_time.0.saturating_sub(now.0);
    }
}

/// The centre's time as far as it is known: this laptop's clock may be set at any moment, and what
/// was acknowledged must not look old or young by that.
pub(crate) fn by_the_centre(state: &VaultState, now: Instant) -> Instant {
    Instant(now.0.saturating_add(state.server_offset))
}

/// Stores a verdict that leaves something behind; `was_sent`: the answer to its being sent. Returns the
/// state of the entry then; none for a verdict after which it is to be sent again.
pub(crate) fn judge(apply: &mut Apply<'_, '_>, judged: &Judged, now: Instant, was_sent: bool) -> Result<Option<EntryState>, VaultError> {
    let Some(stored) = judged.verdict.stored() else { return Ok(None) };
    let connection = apply.inside.connection;
    let place = apply.inside.state.life_start + judged.dseq;
    let sql = "SELECT state, mutation_id IS NOT NULL FROM chain WHERE dseq = ?1";
    let known: Option<(u8, bool)> = connection.prepare_cached(sql)?.query_row([place as i64], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((before, is_mutation)) = known else { return Err(VaultError::Answer("it judges an entry that was never written".into())) };
    let before = EntryState::of(before);
    let came_before = matches!(judged.verdict, Verdict::Duplicate { .. });
    let mut g = Verdict::from(stored.clone()).g();
    let after = match (&stored, before) {
        (Stored::Applied { .. } | Stored::Merged { .. }, _) if !is_mutation => EntryState::Settled,
        (Stored::Applied { .. } | Stored::Merged { .. }, EntryState::Settled) => EntryState::Settled,
        (Stored::Applied { .. } | Stored::Merged { .. }, _) => EntryState::Acknowledged,
        (Stored::Held { .. }, EntryState::Waiting | EntryState::Held) => EntryState::Held,
        (Stored::Held { .. }, other) => other,
        (Stored::Quarantined { .. }, EntryState::Discarded) => EntryState::Discarded,
        (Stored::Quarantined { .. }, _) if !is_mutation => EntryState::Settled,
        (Stored::Quarantined { .. }, _) => EntryState::Quarantined,
    };
    if came_before {
        settle::is_known(connection, place)?;
    }
    if let Some(told) = g.filter(|_| was_sent && after == EntryState::Acknowledged && before != after) {
        g = Some(settle::effect_at(apply, place, told, came_before)?);
    }
    let bytes = postcard::to_stdvec(&stored).map_err(|_| unreadable())?;
    let at = by_the_centre(apply.inside.state, now);
    let sql = "UPDATE chain SET state = ?2, g = ?3, verdict = ?4, judged_at = ?5, resend = 0 WHERE dseq = ?1";
    connection.prepare_cached(sql)?.execute(params![place as i64, after as u8, g.map(|g| g as i64), bytes, at.0])?;
    if after == EntryState::Quarantined && before != after {
        // It has no effect anywhere, so it has none here.
        apply.retract(place)?;
    }
    Ok(Some(after))
}
