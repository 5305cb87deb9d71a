//! Mistakes that the simulator makes on purpose, to see that it would find them. They are part of
//! no product: each sits between laptop and centre, or reaches into a file.

use gladstone_protocol::{
    Verdict,
    wire::{Judged, Page, PullAnswer, PushAnswer, PushRequest},
};
use rusqlite::Connection;
use uuid::Uuid;

use crate::files;

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// Pushes are acknowledged and not stored.
    AcknowledgesWithoutStoring,
    /// Each first download lacks a row.
    DropsARow,
    /// A laptop takes what waits for sent.
    ForgetsItsOutbox,
    /// The centre keeps no journal: of two values one is gone.
    LaterOneWinsSilently,
    /// The centre passes on all rows of a mutation but the last.
    TearsMutations,
    /// A laptop is never told what it has to give away.
    KeepsWhatLeft,
    /// A laptop shows only what the centre has.
    Flickers,
}

impl Canary {
    /// All of them.
    pub const ALL: [Canary; 7] = [Canary::AcknowledgesWithoutStoring, Canary::DropsARow, Canary::ForgetsItsOutbox, Canary::LaterOneWinsSilently, Canary::TearsMutations, Canary::KeepsWhatLeft, Canary::Flickers];
}

/// An acknowledgement of what nobody stored.
pub fn acknowledge(request: &PushRequest, epoch: Uuid, head: u64, server_time: gladstone_model::Instant) -> PushAnswer {
    let numbers = request.envelopes.iter().filter_map(|envelope| gladstone_protocol::Entry::from_bytes(&envelope.bytes).ok());
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

/// The centre's journal is emptied.
pub fn empty_journal(store: &std::path::Path) {
    let connection = Connection::open(store).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    connection.execute_batch("DELETE FROM centre_journal").unwrap();
}
