//! Mistakes that the simulator makes on purpose, to see that it would find them. They are part of
//! no product: each sits between laptop and centre, or reaches into a file.

use gladstone_protocol::{
    Entry, Verdict,
    wire::{Envelope, Judged, Page, PullAnswer, PushAnswer, PushRequest},
};
use rusqlite::Connection;
use uuid::Uuid;

use crate::files;

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// Pushes are acknowledged and not stored.
    AcknowledgesWithoutStoring,
    /// A laptop takes what waits for sent.
    ForgetsItsOutbox,
    /// The centre forgets what it decided, and decides once more when the same arrives again.
    AppliesTwice,
    /// The centre keeps no journal: of two values one is gone.
    LaterOneWinsSilently,
    /// The centre passes on all rows of a mutation but the last.
    TearsMutations,
    /// A laptop shows only what the centre has.
    Flickers,
    /// A laptop sets aside what waits, as when its unit leaves, although the rows are here.
    SetsAside,
    /// A laptop takes for settled what was only acknowledged: it is not shown until it comes back.
    SettlesTooEarly,
    /// A laptop is never told what it has to give away.
    KeepsWhatLeft,
    /// Behind an envelope that it does not like the centre takes nothing more.
    PoisonBlocks,
    /// A laptop turns its nonce between two pushes that are open at once.
    TurnsWithinARow,
    /// Each first download lacks a row.
    DropsARow,
    /// A row of a laptop changes by itself.
    ChangesARow,
}

impl Canary {
    /// All of them, with the invariants as whose breach each may be found.
    pub const ALL: [(Canary, &[u8]); 13] = [
        (Canary::AcknowledgesWithoutStoring, &[1]),
        (Canary::ForgetsItsOutbox, &[1, 5]),
        (Canary::AppliesTwice, &[2]),
        (Canary::LaterOneWinsSilently, &[3]),
        (Canary::TearsMutations, &[4]),
        (Canary::Flickers, &[5]),
        (Canary::SetsAside, &[5]),
        (Canary::SettlesTooEarly, &[5]),
        (Canary::KeepsWhatLeft, &[6]),
        (Canary::PoisonBlocks, &[7]),
        (Canary::TurnsWithinARow, &[7]),
        // The row may be one of several of its mutation.
        (Canary::DropsARow, &[4, 8]),
        (Canary::ChangesARow, &[8]),
    ];
}

/// An acknowledgement of what nobody stored.
pub fn acknowledge(request: &PushRequest, epoch: Uuid, head: u64, server_time: gladstone_model::Instant) -> PushAnswer {
    let numbers = request.envelopes.iter().filter_map(|envelope| Entry::from_bytes(&envelope.bytes).ok());
    let verdicts = numbers.enumerate().map(|(at, entry)| Judged { dseq: entry.dseq, verdict: Verdict::Applied { g: head + 1 + at as u64 } }).collect();
    PushAnswer { epoch, verdicts, server_time, next_nonce: request.nonce }
}

/// Takes a row out of the first page that has several.
pub fn drop_a_row(answer: &mut PullAnswer) {
    for page in answer.grants.iter_mut().flat_map(|grant| &mut grant.pages) {
        if page.rows.len() > 1 {
            let (after, mut rows) = (page.after, page.rows.clone());
            rows.remove(0);
            if let Some(other) = Page::new(after, rows) {
                *page = other;
            }
            return;
        }
    }
}

/// Takes the last row out of each change that has several, and the digests that would tell.
pub fn tear(answer: &mut PullAnswer) {
    answer.changes.iter_mut().filter(|change| change.rows.len() > 1).for_each(|change| drop(change.rows.pop()));
    answer.digests.clear();
    answer.sum = None;
}

/// Everything that waits is taken for settled.
pub fn forget_outbox(vault: &std::path::Path) {
    let connection: Connection = files::writer(vault).unwrap();
    connection.execute_batch("UPDATE chain SET state = 3 WHERE state = 0").unwrap();
}

/// What waits does not lie on top of anything any more.
pub fn flicker(vault: &std::path::Path) {
    let connection: Connection = files::writer(vault).unwrap();
    connection.execute_batch("DELETE FROM pending").unwrap();
}

/// What waits is laid on nothing.
pub fn set_aside(vault: &std::path::Path) {
    let connection: Connection = files::writer(vault).unwrap();
    connection.execute_batch("UPDATE pending SET within = 1").unwrap();
}

/// The centre's journal is emptied.
pub fn empty_journal(store: &std::path::Path) {
    let connection = Connection::open(store).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    connection.execute_batch("DELETE FROM centre_journal").unwrap();
}

/// Undoes what the centre knows about the envelopes of a push, but not what they did.
pub fn forget(store: &std::path::Path, request: &PushRequest) {
    let entries = request.envelopes.iter().filter_map(|envelope| Entry::from_bytes(&envelope.bytes).ok());
    let connection = Connection::open(store).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    for entry in entries.collect::<Vec<_>>().into_iter().rev() {
        let place = (entry.device.as_bytes().as_slice(), entry.incarnation.as_bytes().as_slice(), entry.dseq as i64);
        let sql = "UPDATE centre_envelope SET mutation = NULL, incarnation = randomblob(16) WHERE device = ?1 AND incarnation = ?2 AND dseq = ?3";
        connection.execute(sql, place).unwrap();
        let sql = "UPDATE centre_life SET dseq = ?3 - 1, head = ?4 WHERE device = ?1 AND incarnation = ?2";
        connection.execute(sql, (place.0, place.1, place.2, entry.previous.as_slice())).unwrap();
    }
}

/// What was acknowledged is taken for settled before it came.
pub fn settle_early(vault: &std::path::Path) {
    let connection: Connection = files::writer(vault).unwrap();
    connection.execute_batch("DELETE FROM pending WHERE dseq IN (SELECT dseq FROM chain WHERE state = 2); UPDATE chain SET state = 3 WHERE state = 2").unwrap();
}

/// Takes out of a push everything from the first envelope on whose number is a multiple of five.
pub fn block(request: &PushRequest) -> PushRequest {
    let liked = |envelope: &&Envelope| Entry::from_bytes(&envelope.bytes).is_ok_and(|entry| !entry.dseq.is_multiple_of(5));
    PushRequest { envelopes: request.envelopes.iter().take_while(liked).cloned().collect(), ..request.clone() }
}

/// A value changes that nobody wrote.
pub fn change_a_row(vault: &std::path::Path) {
    let connection: Connection = files::writer(vault).unwrap();
    connection.execute_batch("UPDATE users SET job_title = 'Somebody else' WHERE id = (SELECT max(id) FROM users)").unwrap();
}
