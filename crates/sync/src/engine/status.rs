//! What is told to people about replication: plain facts, no words for engineers.

use gladstone_model::Instant;
use serde::Serialize;

/// Where replication stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Not running: the vault is locked, or belongs to no centre.
    #[default]
    Off,
    /// Everything was sent and fetched.
    Idle,
    /// Proving who this laptop is.
    SigningIn,
    /// Handing over what was written here.
    Sending,
    /// Fetching what others wrote.
    Receiving,
    /// The centre cannot be reached; tried again by itself.
    Offline,
    /// What answers is not the centre, a guest network's page for example; tried again by itself.
    Disturbed,
    /// The centre asked to wait; tried again by itself.
    Busy,
    /// The centre does not know this laptop's session and gave no new one: a person has to act.
    SignedOut,
    /// This laptop's right has ended; what waited was handed over.
    Revoked,
    /// A newer version of Gladstone is needed; local work goes on.
    UpgradeRequired,
    /// The centre is older than this laptop; tried again by itself, until it was updated.
    CentreOlder,
    /// Another copy of this laptop's vault goes on in its name: a person has to act.
    Copy,
    /// The centre refused, or this laptop could not store what came; the message says why.
    Refused,
}

impl Phase {
    /// Whether a flight is under way.
    pub fn is_under_way(self) -> bool {
        matches!(self, Phase::SigningIn | Phase::Sending | Phase::Receiving)
    }

    /// Whether nothing happens any more before a person acts.
    pub fn needs_a_person(self) -> bool {
        matches!(self, Phase::SignedOut | Phase::Revoked | Phase::UpgradeRequired | Phase::CentreOlder | Phase::Copy | Phase::Refused)
    }
}

/// Where replication stands, for the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// What is going on.
    pub phase: Phase,
    /// Entries that wait to be sent, as far as known.
    pub waiting: Option<u64>,
    /// When a round last came to its end, in microseconds since 1970 UTC, since the start.
    pub last_sync: Option<Instant>,
    /// What went wrong, for people; none when nothing did.
    pub message: Option<String>,
}

impl Status {
    /// One sentence without a full stop, for people and logs in English.
    pub fn in_words(&self) -> &str {
        let plain = match self.phase {
            Phase::Off => "not running",
            Phase::Idle => "everything was sent and fetched",
            Phase::SigningIn => "signing in",
            Phase::Sending => "sending",
            Phase::Receiving => "fetching",
            Phase::Copy => "another copy of this vault goes on in its name; join again to go on with this one",
            Phase::Revoked => "this computer may not synchronize any more; what waited was handed over",
            Phase::UpgradeRequired => "a newer version of Gladstone is needed to synchronize",
            Phase::CentreOlder => "the centre is older than this laptop and has to be updated",
            Phase::Offline | Phase::Disturbed | Phase::Busy | Phase::SignedOut | Phase::Refused => "the synchronization did not come to its end",
        };
        self.message.as_deref().unwrap_or(plain)
    }
}
