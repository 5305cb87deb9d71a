//! What each person may do, from claims in the store and from rows that were changed since.

use std::{collections::BTreeSet, sync::Arc};

use gladstone_protocol::wire::RowKey;
use uuid::Uuid;

use super::{Work, member_key, user_key};
use crate::{
    engine::Claim,
    error::CentreError,
    reach::keys_of_rights,
    rights::{self, Rights},
};

impl Work<'_> {
    /// The rights of a person by now.
    pub fn rights(&mut self, actor: Uuid) -> Result<Arc<Rights>, CentreError> {
        if let Some(rights) = self.rights.get(&actor) {
            return Ok(Arc::clone(rights));
        }
        self.load_rights(&BTreeSet::from([actor]))?;
        let (user, member) = (user_key(actor), member_key(self.head.realm, actor));
        let rights = {
            let row = |key: Option<RowKey>| key.and_then(|key| self.seen(key)).filter(|state| state.error.is_none()).map(|state| &state.row);
            let claims = self.claims.get(&actor).map(Vec::as_slice).unwrap_or_default();
            Rights::new(self.head.realm, actor, row(user), row(member), claims, self.now)
        };
        let rights = Arc::new(rights);
        self.rights.insert(actor, Arc::clone(&rights));
        Ok(rights)
    }

    fn load_rights(&mut self, actors: &BTreeSet<Uuid>) -> Result<(), CentreError> {
        let missing: Vec<Uuid> = actors.iter().copied().filter(|actor| !self.claims.contains_key(actor)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        self.load_rows(keys_of_rights(self.head.realm, &missing).collect())?;
        let found = self.shelf.claims(&missing)?;
        self.take_claims(&missing, found);
        Ok(())
    }

    pub(super) fn take_claims(&mut self, asked: &[Uuid], found: Vec<Claim>) {
        for actor in asked {
            self.claims.insert(*actor, Vec::new());
        }
        for claim in found {
            // A row that was changed here since has its claims in `claims_changed`.
            if !self.claims_changed.contains(&claim.source) {
                self.claims.entry(claim.actor).or_default().push(claim);
            }
        }
        let changed: Vec<RowKey> = self.claims_changed.iter().copied().collect();
        for key in changed {
            for claim in self.claims_from(key).into_iter().filter(|claim| asked.contains(&claim.actor)) {
                self.claims.entry(claim.actor).or_default().push(claim);
            }
        }
    }

    pub(super) fn claims_from(&self, key: RowKey) -> Vec<Claim> {
        let Some(state) = self.seen(key) else { return Vec::new() };
        let maker = self.writer(state.row_mid).map_or(Uuid::nil(), |writer| writer.actor);
        rights::claims_of(state, maker)
    }
}
