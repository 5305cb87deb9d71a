//! Joining a centre with a link, and reaching it again afterwards.

use gladstone_protocol::{ApiError, enrol::{EnrolRequest, from_hex, to_hex}};
use gladstone_vault::{Vault, VaultError, replica::Joined};

use crate::{
    http::{HttpCentre, HttpFault},
    link::{Address, JoinLink, LinkFault},
};

/// Greatest length of a laptop's name in characters.
const LABEL: usize = 100;

/// Why joining did not come about.
#[derive(Debug, thiserror::Error)]
pub enum JoinFault {
    /// The link or the address.
    #[error(transparent)]
    Link(#[from] LinkFault),
    /// No client could be made.
    #[error(transparent)]
    Http(#[from] HttpFault),
    /// The centre, or the way to it.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// This vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Joins with a link. `label` is what people call this computer. `person` is the name of whoever
/// worked here alone before: the vault keeps its user, who becomes known at the centre. Without it
/// the vault takes over the user that the invitation names; it must hold nothing yet.
///
/// Asking again with the same link, when the answer was lost, is harmless while the code is good.
///
/// # Errors
/// [`JoinFault`]; the vault works alone as before.
pub fn join(vault: &Vault, link: &JoinLink, label: &str, person: Option<&str>) -> Result<Joined, JoinFault> {
    let centre = HttpCentre::new(link.address.clone(), link.authority.as_deref())?;
    let state = vault.state();
    let label: String = label.trim().chars().take(LABEL).collect();
    let request = EnrolRequest {
        code: link.code.clone(),
        device: state.device,
        incarnation: state.incarnation,
        public_key: to_hex(&vault.public_key()),
        label: if label.is_empty() { "Laptop".into() } else { label },
        actor: person.map(|_| state.actor),
        name: person.map(str::to_owned),
    };
    let answer = centre.enrol(&request)?;
    let joined = Joined {
        realm: answer.realm,
        organization: answer.organization,
        actor: answer.actor,
        role: answer.role,
        server: link.address.to_string(),
        certificate: link.authority.clone(),
        epoch: answer.epoch,
        nonce: from_hex(&answer.nonce).ok_or(ApiError::Damaged)?,
        lease_days: answer.lease_days,
    };
    vault.join(&joined)?;
    // A code in somebody's hand says which centre to believe: its key is taken here, or with the first
    // session.
    if let Some(lease) = &answer.lease {
        vault.take_lease(lease)?;
    }
    Ok(joined)
}

/// A client for the centre that a vault joined.
///
/// # Errors
/// [`VaultError::NotJoined`], or that address or certificate cannot be used.
pub fn connect(vault: &Vault) -> Result<HttpCentre, JoinFault> {
    let joined = vault.replica()?.ok_or(VaultError::NotJoined)?.joined;
    Ok(HttpCentre::new(Address::parse(&joined.server)?, joined.certificate.as_deref())?)
}
