//! What the centre itself writes: rows with their defaults as patches, and its own chain, sealed
//! like that of every laptop.

use gladstone_model::{Instant, Row, Value, catalogue, catalogue::SCHEMA_VERSION, entity::Default, validate};
use gladstone_protocol::{ENVELOPE_VERSION, Entry, GroupPatch, Mutation, Op, OpKind, RowState, Signer, clock, entry::Body, row_state::number, seal, wire::Envelope};
use gladstone_model::Unit;
use ring::signature::{Ed25519KeyPair, KeyPair};
use uuid::Uuid;

use crate::{
    engine::{Head, Life},
    error::CentreError,
};

/// The key of the centre's own laptop in a realm.
pub(crate) struct OwnKey(Ed25519KeyPair);

impl OwnKey {
    /// The key of a seed.
    ///
    /// # Errors
    /// [`CentreError::Inconsistent`] when the bytes are no seed.
    pub fn of(seed: &[u8; 32]) -> Result<OwnKey, CentreError> {
        Ed25519KeyPair::from_seed_unchecked(seed).map(OwnKey).map_err(|_| CentreError::Inconsistent("the centre's own key".into()))
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        bytes
    }
}

impl Signer for OwnKey {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.0.sign(message).as_ref());
        bytes
    }
}

/// A new row: what is not given takes its default.
///
/// # Errors
/// [`CentreError::Inconsistent`] for a name that the model does not have.
pub(crate) fn create(entity: &str, id: Uuid, values: &[(&str, Value)], now: Instant) -> Result<Op, CentreError> {
    let entity = catalogue().get(entity).ok_or_else(|| CentreError::Inconsistent(format!("no entity {entity}")))?;
    let mut row = Row::empty(entity);
    for (at, field) in entity.fields.iter().enumerate() {
        match &field.default {
            Some(Default::Now) => row.values[at] = now.into(),
            Some(Default::Fixed(value)) => row.values[at] = value.clone(),
            None => {}
        }
    }
    for (name, value) in values {
        let at = entity.position(name).ok_or_else(|| CentreError::Inconsistent(format!("no field {}.{name}", entity.name)))?;
        row.values[at] = value.clone();
    }
    validate::fill_missing(&mut row);
    let given = entity.fields.iter().zip(row.values).filter(|(field, value)| !value.is_null() && field.name != "id");
    Ok(Op { entity: entity.no, id, unit: Unit::PLATFORM, kind: OpKind::Create(given.map(|(field, value)| (field.no, value)).collect()) })
}

/// New values of a row as it stands; none when it has them already.
pub(crate) fn update(state: &RowState, values: &[(&str, Value)]) -> Option<Op> {
    let entity = state.row.entity;
    let mut row = state.row.clone();
    values.iter().for_each(|(name, value)| row.set(name, value.clone()));
    let changed = entity.groups.iter().filter(|group| group.fields.iter().any(|at| state.row.values[*at] != row.values[*at]));
    let patches: Vec<GroupPatch> = changed
        .map(|group| {
            let no = number(entity, group);
            GroupPatch { group: no, base: state.writer_of(no), values: group.fields.iter().map(|at| (entity.fields[*at].no, row.values[*at].clone())).collect() }
        })
        .collect();
    (!patches.is_empty()).then(|| Op { entity: entity.no, id: row.id(), unit: state.unit, kind: OpKind::Update(patches) })
}

/// The centre's own life in this history.
pub(crate) fn new_life(head: &Head, key: &OwnKey) -> Life {
    Life { device: head.device, incarnation: head.epoch, dseq: 0, head: [0; 32], hlc: 0, public_key: key.public() }
}

/// A mutation of the centre, and its entry behind `life`.
///
/// # Errors
/// [`CentreError::Inconsistent`] when it cannot be encoded.
pub(crate) fn entry(head: &Head, life: &Life, key: &OwnKey, id: Uuid, command: &str, ops: Vec<Op>, now: Instant) -> Result<(Mutation, Envelope), CentreError> {
    let hlc = clock::stamp(now.millis().max(0).unsigned_abs(), 0).max(life.hlc.saturating_add(1));
    let mutation = Mutation {
        id,
        realm: head.realm,
        actor: head.device,
        hlc,
        wall: now,
        zone_minutes: 0,
        server_offset: 0,
        schema_version: SCHEMA_VERSION,
        command: command.into(),
        reason: None,
        ops,
    };
    let entry = Entry { version: ENVELOPE_VERSION, device: life.device, incarnation: life.incarnation, dseq: life.dseq + 1, previous: life.head, body: Body::Mutation(mutation.clone()) };
    let sealed = seal::seal(&entry, key).map_err(|_| CentreError::Inconsistent("a mutation of the centre cannot be encoded".into()))?;
    Ok((mutation, sealed.into()))
}
