//! How a person and their laptop come to an organization: an invitation with a code that is good
//! once, and enrolment with it.

use gladstone_model::{Instant, Value, catalogue};
use gladstone_protocol::{
    ApiError,
    enrol::{EnrolAnswer, EnrolRequest, from_hex, to_hex},
    wire::RowKey,
};
use uuid::Uuid;

use crate::{
    centre::{Centre, refused},
    engine::{Device, Sought, StoredInvite},
    error::CentreError,
    ingest, lease, own, secrets,
    work::{Work, member_key, user_key},
};

/// Longest time for which an invitation is good, in minutes: 30 days.
const LONGEST: u32 = 43_200;
/// Longest name of a laptop, in characters.
const LABEL: usize = 100;

/// Whom an invitation is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// Name of the person, 1 to 255 characters.
    pub name: String,
    /// Mail address.
    pub email: Option<String>,
    /// Role, one of the choices of `users.role`.
    pub role: String,
    /// The person, when the organization knows them already: for a further laptop.
    pub user: Option<Uuid>,
    /// Minutes for which the code is good; 0 for 10, at most 43,200 (30 days).
    pub minutes: u32,
}

/// A code to be handed over to the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteCode {
    /// The organization.
    pub realm: Uuid,
    /// The code, for example `7K3M-9Q2X-ABCDE`. It is kept nowhere.
    pub code: String,
    /// Until when it is good.
    pub expires: Instant,
}

/// Why a laptop may not join: either an answer to it, or a failure of the centre.
enum Obstacle {
    Told(ApiError),
    Failed(CentreError),
}

impl From<CentreError> for Obstacle {
    fn from(error: CentreError) -> Obstacle {
        Obstacle::Failed(error)
    }
}

impl Centre {
    /// Makes an invitation.
    ///
    /// # Errors
    /// [`CentreError::Refused`] for a name, role or person that cannot be; what the store says.
    pub fn invite(&self, realm: Uuid, invite: &Invite) -> Result<InviteCode, CentreError> {
        self.served(realm)?;
        let roles = catalogue().get("users").and_then(|users| users.field("role")).map(|field| field.choices.clone()).unwrap_or_default();
        if invite.name.trim().is_empty() || invite.name.chars().count() > 255 {
            return Err(CentreError::Refused("the person needs a name of 1 to 255 characters".into()));
        }
        if !roles.contains(&invite.role) {
            return Err(CentreError::Refused(format!("there is no role “{}”; choose one of {}", invite.role, roles.join(", "))));
        }
        if let Some(user) = invite.user
            && self.look(realm, |shelf| Ok(shelf.rows(&user_key(user).into_iter().collect::<Vec<_>>())?.into_iter().all(|state| state.error.is_some())))?
        {
            return Err(CentreError::Refused(format!("the organization knows nobody with the id {user}")));
        }
        let code = secrets::new_code(self.around.as_ref())?;
        let hash = secrets::code_hash(&code).ok_or_else(|| CentreError::Inconsistent("a code that is none".into()))?;
        let minutes = if invite.minutes == 0 { 10 } else { invite.minutes.min(LONGEST) };
        let expires = self.around.now().plus_seconds(i64::from(minutes) * 60);
        let stored = StoredInvite { hash, name: invite.name.trim().into(), email: invite.email.clone(), role: invite.role.clone(), user: invite.user, expires, used_by: None };
        self.engine.write(realm, &mut |shelf| Ok(shelf.put_invite(&stored)?))?;
        Ok(InviteCode { realm, code, expires })
    }

    /// Lets a laptop join. Asking again with the same code from the same laptop is harmless.
    ///
    /// # Errors
    /// [`ApiError::Refused`] with what the person can do about it.
    pub fn enrol(&self, request: &EnrolRequest) -> Result<EnrolAnswer, ApiError> {
        let unknown = || refused("code", "This code is not good, or not any more. Ask for a new one.");
        let hash = secrets::code_hash(&request.code).ok_or_else(unknown)?;
        let key = from_hex::<32>(&request.public_key).ok_or_else(|| refused("public_key", "The key of this computer cannot be read. Restart Gladstone and try again."))?;
        if request.device.is_nil() || request.incarnation.is_nil() {
            return Err(refused("device", "This computer does not say who it is. Restart Gladstone and try again."));
        }
        let realm = self.engine.realm_of(Sought::Invite(hash))?.ok_or_else(unknown)?;
        if self.engine.realm_of(Sought::Device(request.device))?.is_some_and(|other| other != realm) {
            return Err(device_known());
        }
        let joined = self.change(realm, |work| match self.join(work, request, hash, key) {
            Ok(answer) => Ok(Ok(answer)),
            Err(Obstacle::Told(error)) => Ok(Err(error)),
            Err(Obstacle::Failed(error)) => Err(error),
        })?;
        if joined.is_ok() {
            self.counters.enrolled(1);
        }
        joined
    }

    fn join(&self, work: &mut Work<'_>, request: &EnrolRequest, hash: [u8; 32], key: [u8; 32]) -> Result<EnrolAnswer, Obstacle> {
        let now = work.now;
        let invite = work.shelf().invite(hash).map_err(CentreError::from)?;
        let open = |invite: &StoredInvite| invite.used_by == Some(request.device) || invite.used_by.is_none() && now < invite.expires;
        let Some(invite) = invite.filter(open) else {
            return Err(Obstacle::Told(refused("code", "This code is not good, or not any more. Ask for a new one.")));
        };
        work.load_devices(&[request.device])?;
        let known = work.device(request.device).cloned();
        // A code that was used is good only for the answer that was lost.
        if invite.used_by.is_some() && known.is_none() || known.as_ref().is_some_and(|known| known.public_key != key || known.revoked.is_some()) {
            return Err(Obstacle::Told(device_known()));
        }
        let actor = match (invite.user, request.actor.filter(|actor| !actor.is_nil()), &known) {
            (Some(user), Some(actor), _) if user != actor => {
                return Err(Obstacle::Told(refused("other_person", "This code is for somebody else than the person these records belong to. Ask for a code of your own, or join with a new vault.")));
            }
            (Some(user), ..) => user,
            (None, asked, Some(known)) if asked.is_none_or(|asked| asked == known.actor) => known.actor,
            (None, _, Some(_)) => return Err(Obstacle::Told(device_known())),
            (None, Some(actor), None) => {
                // Whoever has a code must not become somebody who is known here already.
                if user_key(actor).map(|key| work.row(key).map(|row| row.is_some())).transpose()?.unwrap_or(true) {
                    return Err(Obstacle::Told(refused("person_known", "The organization knows you already. Ask for a code that is made out to you.")));
                }
                actor
            }
            (None, None, None) => self.around.new_id()?,
        };
        let label: String = request.label.trim().chars().take(LABEL).collect();
        let device = self.device(request, key, actor, if label.is_empty() { "Computer".into() } else { label }, known.as_ref(), now)?;
        self.introduce(work, &invite, request, &device)?;
        work.shelf().put_invite(&StoredInvite { used_by: Some(device.id), user: Some(actor), ..invite.clone() }).map_err(CentreError::from)?;
        let answer = answer(work, &invite, &device)?;
        work.put_device(device);
        Ok(answer)
    }

    fn device(&self, request: &EnrolRequest, public_key: [u8; 32], actor: Uuid, label: String, known: Option<&Device>, now: Instant) -> Result<Device, CentreError> {
        let mut nonce = [0; 32];
        self.around.random(&mut nonce)?;
        let (enrolled, seen, epoch) = known.map_or((now, None, Uuid::nil()), |known| (known.enrolled, known.seen, known.epoch));
        Ok(Device { id: request.device, actor, label, public_key, incarnation: request.incarnation, enrolled, seen, revoked: None, epoch, nonce, former_nonce: nonce, alone: true })
    }

    /// Writes the person, their membership and their laptop, where they are not known yet.
    fn introduce(&self, work: &mut Work<'_>, invite: &StoredInvite, request: &EnrolRequest, device: &Device) -> Result<(), CentreError> {
        let (realm, now, actor) = (work.head.realm, work.now, device.actor);
        let mut ops = Vec::new();
        if let Some(key) = user_key(actor)
            && work.row(key)?.is_none()
        {
            let name = request.name.as_deref().filter(|name| request.actor.is_some() && !name.trim().is_empty()).unwrap_or(&invite.name);
            let name: String = name.trim().chars().take(255).collect();
            let mut values = vec![("name", Value::text(&name)), ("role", Value::text(&invite.role)), ("account_status", "active".into()), ("primary_organization_id", realm.into())];
            values.extend(invite.email.as_deref().map(|email| ("email", Value::text(email))));
            ops.push(own::create("users", actor, &values, now)?);
        }
        if let Some(key) = member_key(realm, actor)
            && work.row(key)?.is_none()
        {
            let role = if matches!(invite.role.as_str(), "super_admin" | "admin") { "admin" } else { "member" };
            ops.push(own::create("organization_members", key.id, &[("organization_id", realm.into()), ("user_id", actor.into()), ("role", role.into())], now)?);
        }
        if let Some(entity) = catalogue().get("devices") {
            let values = [("user_id", actor.into()), ("label", Value::text(&device.label)), ("public_key", Value::text(&to_hex(&device.public_key))), ("incarnation", device.incarnation.into())];
            match work.row(RowKey { entity: entity.no, id: device.id })?.cloned() {
                None => ops.push(own::create("devices", device.id, &values, now)?),
                Some(state) => ops.extend(own::update(&state, &values)),
            }
        }
        ingest::write_own(work, self.around.as_ref(), "centre.enrol", ops).map(|_| ())
    }

    /// Ends the right of a laptop. What it still sends is kept without effect.
    ///
    /// # Errors
    /// [`CentreError::Refused`] for a laptop that is not known; what the store says.
    pub fn revoke(&self, realm: Uuid, device: Uuid) -> Result<(), CentreError> {
        self.change(realm, |work| {
            work.load_devices(&[device])?;
            let known = work.device(device).cloned().ok_or_else(|| CentreError::Refused(format!("no computer has the id {device}")))?;
            if known.revoked.is_some() {
                return Ok(());
            }
            let now = work.now;
            work.put_device(Device { revoked: Some(now), ..known });
            let Some(entity) = catalogue().get("devices") else { return Ok(()) };
            let row = work.row(RowKey { entity: entity.no, id: device })?.cloned();
            let ops = row.and_then(|state| own::update(&state, &[("status", "revoked".into()), ("revoked_at", now.into())])).into_iter().collect();
            ingest::write_own(work, self.around.as_ref(), "centre.revoke", ops).map(|_| ())
        })
    }
}

fn device_known() -> ApiError {
    refused("device_known", "This computer is known to a centre already, or its right has ended. Ask an administrator, or join with a new vault.")
}

fn answer(work: &mut Work<'_>, invite: &StoredInvite, device: &Device) -> Result<EnrolAnswer, CentreError> {
    let realm = work.head.realm;
    let organization = match catalogue().get("organizations") {
        Some(entity) => work.row(RowKey { entity: entity.no, id: realm })?.map(|state| state.row.text("name").to_owned()),
        None => None,
    };
    let user = match user_key(device.actor) {
        Some(key) => work.row(key)?.map(|state| (state.row.text("name").to_owned(), state.row.text("role").to_owned())),
        None => None,
    };
    let (name, role) = user.unwrap_or_else(|| (invite.name.clone(), invite.role.clone()));
    Ok(EnrolAnswer {
        realm,
        organization: organization.unwrap_or_else(|| work.head.name.clone()),
        actor: device.actor,
        name,
        role,
        epoch: work.head.epoch,
        nonce: to_hex(&device.nonce),
        server_time: work.now,
        lease_days: work.head.lease_days,
        lease: Some(lease::give(&work.head, device.id, work.now)?),
    })
}
