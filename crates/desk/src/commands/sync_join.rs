//! Joining a centre by invitation: with a vault that worked alone, with a new one, or anew after this
//! computer turned out to be a copy of another.

use gladstone_protocol::ApiError;
use gladstone_sync::{Address, JoinLink, join::{self, JoinFault}};
use gladstone_vault::{Unlocked, VaultError, custody};

use super::{app::Empty, sync::{SyncStatus, status}, vault::{self, Created}, wire};
use crate::{desk::Desk, error::{Code, DeskError}, instruments};

wire! {
    /// An invitation: a link, or address and code.
    pub struct JoinRequest {
        /// The link, as it was given.
        #[serde(default)]
        pub link: Option<String>,
        /// The address of the centre, without a link.
        #[serde(default)]
        pub url: Option<String>,
        /// The code, without a link.
        #[serde(default)]
        pub code: Option<String>,
        /// What this computer is called; its owner's label when not given.
        #[serde(default)]
        pub label: Option<String>,
    }

    /// An invitation for a vault that is made for it.
    pub struct JoinNewRequest {
        /// The link, as it was given.
        #[serde(default)]
        pub link: Option<String>,
        /// The address of the centre, without a link.
        #[serde(default)]
        pub url: Option<String>,
        /// The code, without a link.
        #[serde(default)]
        pub code: Option<String>,
        /// Name on the lock screen.
        pub label: String,
        /// The passphrase.
        pub passphrase: String,
    }
}

/// See the command list.
///
/// # Errors
/// An invitation that cannot be read or is used up, no way to the centre, or a vault that belongs
/// to another one.
pub fn join(desk: &Desk, request: JoinRequest) -> Result<SyncStatus, DeskError> {
    let link = link_of(request.link.as_deref(), request.url.as_deref(), request.code.as_deref())?;
    desk.with_unlocked(|unlocked| {
        // Whoever joins means it to begin.
        unlocked.vault.resume()?;
        if let Some(alarm) = &unlocked.alarm {
            return Err(DeskError::new(Code::Damaged, format!("Nothing is sent until you decide about the alarm of this vault ({alarm:?}).")));
        }
        enrol(unlocked, &link, request.label.as_deref())
    })?;
    desk.start_sync();
    status(desk, Empty {})
}

/// See the command list.
///
/// # Errors
/// A weak passphrase, or as for `sync.join`; no vault is left behind then.
pub fn join_new(desk: &Desk, request: JoinNewRequest) -> Result<Created, DeskError> {
    let link = link_of(request.link.as_deref(), request.url.as_deref(), request.code.as_deref())?;
    vault::require_strength("passphrase", &request.passphrase)?;
    let label = request.label.trim();
    if label.is_empty() {
        return Err(DeskError::field("label", "Write your name; it stands on the lock screen."));
    }
    let with = &desk.with_for_new_keys()?;
    let root = desk.vaults().join(with.around.new_id()?.to_string());
    let (unlocked, code) = custody::create(&root, label, &request.passphrase, with.around.new_id()?, with)?;
    // It must hold nothing yet: whose vault it is, the invitation says.
    if let Err(fault) = join::join(&unlocked.vault, &link, label, None) {
        gladstone_vault::erase::erase(unlocked, desk.with())?;
        return Err(join_error(fault));
    }
    vault::close(desk)?;
    unlocked.vault.commit("vault.install_instruments", instruments::install)?;
    Ok(vault::present(desk, unlocked, &code))
}

/// See the command list.
///
/// # Errors
/// This vault is not a copy, or as for `sync.join`; it may be tried again with another invitation,
/// and nothing is lost.
pub fn begin_as_new(desk: &Desk, request: JoinRequest) -> Result<SyncStatus, DeskError> {
    let link = link_of(request.link.as_deref(), request.url.as_deref(), request.code.as_deref())?;
    desk.with_unlocked(|unlocked| {
        let replica = unlocked.vault.replica()?.ok_or_else(|| DeskError::from(VaultError::NotJoined))?;
        if replica.is_copy { Ok(()) } else { Err(DeskError::new(Code::Conflict, "This computer is no copy of another one: it goes on as it is.")) }
    })?;
    // Nothing may be sent between the new name and its enrolment.
    desk.stop_sync();
    let joined = desk.with_unlocked(|unlocked| {
        unlocked.vault.resume()?;
        unlocked.vault.begin_as_new_device()?;
        enrol(unlocked, &link, request.label.as_deref())
    });
    desk.start_sync();
    joined?;
    status(desk, Empty {})
}

/// Joins in the name of whoever the vault belongs to; the computer is called as its owner when it has no label.
fn enrol(unlocked: &Unlocked, link: &JoinLink, label: Option<&str>) -> Result<(), DeskError> {
    let actor = unlocked.vault.state().actor;
    let name = unlocked.vault.read(|read| Ok::<_, DeskError>(read.get("users", actor)?.map(|row| row.text("name").to_owned())))?;
    let label = label.unwrap_or(&unlocked.header.label);
    join::join(&unlocked.vault, link, label, Some(name.as_deref().unwrap_or(label))).map(|_| ()).map_err(join_error)
}

fn link_of(link: Option<&str>, url: Option<&str>, code: Option<&str>) -> Result<JoinLink, DeskError> {
    if let Some(link) = link.map(str::trim).filter(|link| !link.is_empty()) {
        return JoinLink::parse(link).map_err(|fault| DeskError::field("link", fault.to_string()));
    }
    let address = Address::parse(url.unwrap_or_default()).map_err(|fault| DeskError::field("url", fault.to_string()))?;
    let code = code.map(str::trim).filter(|code| !code.is_empty()).ok_or_else(|| DeskError::field("code", "Type the code of the invitation."))?;
    Ok(JoinLink { address, code: code.to_owned(), authority: None })
}

pub(super) fn join_error(fault: JoinFault) -> DeskError {
    match fault {
        JoinFault::Link(fault) => DeskError::field("link", fault.to_string()),
        JoinFault::Api(ApiError::Refused { text, .. }) => DeskError::field("code", text),
        JoinFault::Api(ApiError::Offline) => DeskError::new(Code::Offline, "The centre cannot be reached, or does not prove that it is the one that invited you. Check network and address, then try again. With an address typed by hand, use the link if there is one: it also carries the centre’s certificate."),
        JoinFault::Api(ApiError::Damaged) => DeskError::new(Code::Offline, "Something else than the centre answers there, perhaps the sign-in page of a guest network. Sign in to that network with a browser, or check the address, then try again."),
        JoinFault::Api(ApiError::Later { .. }) => DeskError::new(Code::Offline, "The centre has much to do just now. Try again in a minute."),
        JoinFault::Vault(error) => error.into(),
        other => DeskError::new(Code::Failed, other.to_string()),
    }
}
