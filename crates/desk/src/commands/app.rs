//! What the first screen needs before anything is unlocked.

use gladstone_vault::{Alarm, folder::VaultFolder, keys::device_secret::KeyringState};
use uuid::Uuid;

use super::wire;
use crate::{catalogue, desk::Desk, error::{Code, DeskError}};

wire! {
    /// A request without arguments.
    pub struct Empty {}

    /// It is done.
    pub struct Done {
        /// Always true.
        pub done: bool,
    }

    /// What the first screen needs.
    pub struct AppStatus {
        /// Which screen to show.
        pub state: AppState,
        /// Vaults on this computer.
        pub vaults: Vec<VaultInfo>,
        /// How the keyring stands.
        pub keyring: Keyring,
        /// The open vault.
        pub open: Option<OpenVault>,
        /// Version of the product.
        pub version: String,
    }

    /// Which screen to show.
    #[serde(rename_all = "snake_case")]
    pub enum AppState {
        /// There is no vault yet.
        FirstStart,
        /// A vault is there and locked.
        Locked,
        /// A vault is open.
        Unlocked,
        /// A vault is open and something is wrong with it.
        Recovery,
    }

    /// A vault as it can be seen without unlocking.
    pub struct VaultInfo {
        /// Its id.
        pub id: Uuid,
        /// What the person called it.
        pub label: String,
        /// When it was made.
        pub created: String,
    }

    /// The open vault.
    pub struct OpenVault {
        /// Its id.
        pub id: Uuid,
        /// What the person called it.
        pub label: String,
        /// The person.
        pub person_id: Uuid,
        /// The person's name.
        pub person_name: String,
        /// Whether the recovery code was confirmed.
        pub recovery_confirmed: bool,
        /// Why the vault is protected by its passphrase only, if so.
        pub degraded: Option<String>,
        /// What is wrong with it, if anything.
        pub alarm: Option<String>,
        /// Changes that wait to be sent.
        pub waiting: u32,
        /// Time of the last save.
        pub last_saved: Option<String>,
        /// Open alerts.
        pub open_alerts: u32,
        /// Open cases that this person is to decide.
        pub to_review: u32,
        /// How long this computer may work without contact.
        pub lease: super::lease::LeaseStatus,
    }

    /// How the keyring stands.
    #[serde(tag = "state", rename_all = "snake_case")]
    pub enum Keyring {
        /// It keeps this computer's part of the key.
        Ready,
        /// It does not.
        Degraded {
            /// Why.
            reason: String,
        },
        /// It has not been asked, because no vault needs it yet.
        Unknown,
    }

    /// A command by name.
    pub struct CommandInfo {
        /// Its name.
        pub name: String,
        /// What it does.
        pub summary: String,
        /// Whether it writes.
        pub writes: bool,
    }
}

impl Done {
    /// It is done.
    pub const YES: Done = Done { done: true };
}

/// See the command list.
///
/// # Errors
/// The folder of vaults cannot be read.
pub fn status(desk: &Desk, _: Empty) -> Result<AppStatus, DeskError> {
    let found = VaultFolder::list(desk.vaults()).map_err(|error| DeskError::new(Code::Failed, format!("The folder of vaults cannot be read: {error}.")))?;
    let vaults: Vec<VaultInfo> = found.into_iter().map(|(_, header)| VaultInfo { id: header.vault, label: header.label, created: header.created }).collect();
    let open = match desk.session().as_ref() {
        None => None,
        Some(unlocked) => {
            let state = unlocked.vault.state();
            let (person_name, open_alerts, to_review) = unlocked.vault.read(|read| {
                let name = read.get("users", state.actor)?.map(|row| row.text("name").to_owned()).unwrap_or_default();
                let alerts = read.count("crisis_detections", &gladstone_store::Query::by("status", "open"))?;
                Ok::<_, DeskError>((name, alerts, super::review::open_cases(read, state.actor)?))
            })?;
            Some(OpenVault {
                id: unlocked.header.vault,
                label: unlocked.header.label.clone(),
                person_id: state.actor,
                person_name,
                recovery_confirmed: unlocked.recovery_confirmed,
                degraded: unlocked.degraded.clone(),
                alarm: unlocked.alarm.as_ref().map(describe),
                waiting: u32::try_from(unlocked.vault.waiting()?.count).unwrap_or(u32::MAX),
                last_saved: (state.hlc > 0).then(|| gladstone_model::Instant(((state.hlc >> 16) * 1_000) as i64).to_string()),
                open_alerts: u32::try_from(open_alerts).unwrap_or(u32::MAX),
                to_review,
                lease: super::lease::of(unlocked)?,
            })
        }
    };
    let state = match &open {
        Some(open) if open.alarm.is_some() => AppState::Recovery,
        Some(_) => AppState::Unlocked,
        None if vaults.is_empty() => AppState::FirstStart,
        None => AppState::Locked,
    };
    let keyring = match &open {
        Some(OpenVault { degraded: Some(reason), .. }) => Keyring::Degraded { reason: reason.clone() },
        Some(_) => Keyring::Ready,
        None if vaults.is_empty() => match desk.with().secrets.probe() {
            KeyringState::Ready => Keyring::Ready,
            KeyringState::Degraded(reason) => Keyring::Degraded { reason },
        },
        None => Keyring::Unknown,
    };
    Ok(AppStatus { state, vaults, keyring, open, version: env!("CARGO_PKG_VERSION").into() })
}

/// See the command list.
///
/// # Errors
/// None.
pub fn commands(_: &Desk, _: Empty) -> Result<Vec<CommandInfo>, DeskError> {
    Ok(catalogue::all().iter().map(|command| CommandInfo { name: command.name.into(), summary: command.summary.into(), writes: command.writes }).collect())
}

fn describe(alarm: &Alarm) -> String {
    match alarm {
        Alarm::Behind { missing } => format!("This vault is older than it should be: {missing} saved changes are missing. An old copy was put back, or the disk lost them."),
        Alarm::Forked => "This vault holds other content than it should: a copy was used elsewhere, or the file was changed from outside.".into(),
        Alarm::Damaged(what) => format!("The file of this vault is damaged ({what})."),
    }
}
