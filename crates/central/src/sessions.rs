//! Signing in: a laptop signs a challenge with its key and gets a token for ten minutes. Tokens
//! and challenges are kept as hashes.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use gladstone_protocol::{
    ApiError,
    enrol::{SESSION_LABEL, SessionAnswer, SessionRequest, from_hex},
};
use ring::signature::{ED25519, UnparsedPublicKey};
use uuid::Uuid;

use crate::{
    centre::{Caller, Centre},
    engine::{Device, Sought, StoredSession},
    error::CentreError,
    lease, secrets,
};

/// Seconds for which a challenge is good.
const CHALLENGE_SECONDS: i64 = 60;
/// Seconds for which a session is good.
const SESSION_SECONDS: u32 = 600;
/// Sessions that are remembered; then all are forgotten.
const REMEMBERED: usize = 10_000;

impl Centre {
    /// Something new for a laptop to sign: good once, for a minute. For a laptop that is not known
    /// it is good for nothing, and looks the same.
    ///
    /// # Errors
    /// What the store says.
    pub fn challenge(&self, device: Uuid) -> Result<[u8; 32], ApiError> {
        let mut challenge = [0; 32];
        self.around.random(&mut challenge)?;
        if let Some(realm) = self.engine.realm_of(Sought::Device(device))? {
            self.served(realm)?;
            let now = self.around.now();
            let stored = StoredSession { hash: secrets::challenge_hash(&challenge), device, challenge: true, expires: now.plus_seconds(CHALLENGE_SECONDS) };
            self.engine.write(realm, &mut |shelf| Ok(shelf.put_session(&stored, now)?))?;
        }
        Ok(challenge)
    }

    /// Opens a session for a laptop that signed its challenge.
    ///
    /// # Errors
    /// [`ApiError::SignedOut`] when challenge or signature is not good.
    pub fn open_session(&self, request: &SessionRequest) -> Result<SessionAnswer, ApiError> {
        let (Some(challenge), Some(signature)) = (from_hex::<32>(&request.challenge), from_hex::<64>(&request.signature)) else { return Err(ApiError::SignedOut) };
        let hash = secrets::challenge_hash(&challenge);
        let realm = self.engine.realm_of(Sought::Session(hash))?.ok_or(ApiError::SignedOut)?;
        self.served(realm)?;
        let token = secrets::new_token(self.around.as_ref())?;
        let now = self.around.now();
        let (mut opened, mut given) = (false, None);
        self.engine.write(realm, &mut |shelf| {
            (opened, given) = (false, None);
            let stored = shelf.session(hash)?;
            shelf.remove_session(hash)?;
            let good = stored.is_some_and(|stored| stored.challenge && stored.device == request.device && now < stored.expires);
            let device = shelf.devices(Some(&[request.device]))?.into_iter().next();
            let key = device.as_ref().map(|device| device.public_key);
            let signed = [SESSION_LABEL, challenge.as_slice()].concat();
            if good && key.is_some_and(|key| UnparsedPublicKey::new(&ED25519, key).verify(&signed, &signature).is_ok()) {
                let session = StoredSession { hash: secrets::token_hash(&token), device: request.device, challenge: false, expires: now.plus_seconds(i64::from(SESSION_SECONDS)) };
                shelf.put_session(&session, now)?;
                opened = true;
                // Whose right has ended may hand over what waits; their time without contact runs out.
                if device.is_some_and(|device| device.revoked.is_none()) {
                    given = Some(lease::give(&shelf.head()?, request.device, now)?);
                }
            }
            Ok(())
        })?;
        if !opened {
            return Err(ApiError::SignedOut);
        }
        self.counters.sessions(1);
        Ok(SessionAnswer { token, seconds: SESSION_SECONDS, realm, lease: given, early: true, ahead: true, brings: true })
    }

    /// Who calls with this token.
    ///
    /// # Errors
    /// [`ApiError::SignedOut`] when the session is not good any more, or never was.
    pub fn authenticate(&self, token: &str) -> Result<Caller, ApiError> {
        let hash = secrets::token_hash(token);
        let realm = match self.sessions.get(&hash) {
            Some(known) => known.realm,
            None => self.engine.realm_of(Sought::Session(hash))?.ok_or(ApiError::SignedOut)?,
        };
        self.served(realm)?;
        let now = self.around.now();
        let found = self.engine.caller(realm, hash)?.filter(|(session, _)| session.is_good(now));
        let found = found.map(|(_, device)| caller(realm, &device));
        match &found {
            Some(caller) => self.sessions.note(hash, caller),
            None => self.sessions.forget(&hash),
        }
        found.ok_or(ApiError::SignedOut)
    }

    /// Who called with this token before, and its hash, without looking: whoever goes on with that has to look
    /// at the session before anything is done for them.
    pub fn recognise(&self, token: &str) -> Option<(Caller, [u8; 32])> {
        let hash = secrets::token_hash(token);
        self.sessions.get(&hash).map(|caller| (caller, hash))
    }

    /// A laptop as a caller, without a session: for callers in the same process.
    ///
    /// # Errors
    /// [`CentreError::Refused`] for a laptop that is not known; what the store says.
    pub fn caller(&self, realm: Uuid, device: Uuid) -> Result<Caller, CentreError> {
        let known = self.look(realm, |shelf| Ok(shelf.devices(Some(&[device]))?.into_iter().next()))?;
        known.map(|known| caller(realm, &known)).ok_or_else(|| CentreError::Refused(format!("no computer has the id {device}")))
    }
}

fn caller(realm: Uuid, device: &Device) -> Caller {
    Caller { realm, device: device.id, actor: device.actor, revoked: device.revoked.is_some() }
}

/// Sessions that were good when they were looked at last.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<[u8; 32], Caller>>);

impl Sessions {
    fn get(&self, hash: &[u8; 32]) -> Option<Caller> {
        self.lock().get(hash).cloned()
    }

    fn note(&self, hash: [u8; 32], caller: &Caller) {
        let mut known = self.lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(hash, caller.clone());
    }

    /// Looks at a session again before anything goes on with it.
    pub fn forget(&self, hash: &[u8; 32]) {
        self.lock().remove(hash);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Caller>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
