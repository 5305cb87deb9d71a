//! The patches that the vault makes from typed writes, without what else a commit does.

use gladstone_model::{Instant, Value};
use gladstone_protocol::{ENVELOPE_VERSION, Entry, GroupPatch, Mutation, Op, OpKind, entry::Body};
use gladstone_protocol::RowState;
use gladstone_store::{Reader, stored};
use rusqlite::Connection;
use uuid::Uuid;

use crate::{Written, place::text};

/// A response with its answers.
pub fn created(written: &Written) -> Result<Vec<u8>, String> {
    let op = |row: &RowState| {
        let entity = row.row.entity;
        let given = entity.fields.iter().zip(&row.row.values).filter(|(field, value)| !value.is_null() && field.name != "id");
        Op { entity: entity.no, id: row.row.id(), unit: row.unit, kind: OpKind::Create(given.map(|(field, value)| (field.no, value.clone())).collect()) }
    };
    entry(written.stored.iter().map(op).collect())
}

/// The correction of one answer: what stood there is read, as an update does.
pub fn corrected(connection: &Connection, written: &Written) -> Result<Vec<u8>, String> {
    let entity = gladstone_model::catalogue().get("answers").ok_or("no answers")?;
    let before = Reader::new(connection).stored(entity, written.corrected).map_err(text)?.ok_or("the answer is gone")?;
    let mut after = before.clone();
    after.row.set("value", Value::Json("3".into()));
    let mut patches = Vec::new();
    for group in entity.groups.iter().filter(|group| group.fields.iter().any(|at| before.row.values[*at] != after.row.values[*at])) {
        let number = stored::group_of(entity, group.fields[0]);
        let values = group.fields.iter().map(|at| (entity.fields[*at].no, after.row.values[*at].clone())).collect();
        patches.push(GroupPatch { group: number, base: before.group_mids.get(number, before.row_mid), values });
    }
    entry(vec![Op { entity: entity.no, id: written.corrected, unit: after.unit, kind: OpKind::Update(patches) }])
}

fn entry(ops: Vec<Op>) -> Result<Vec<u8>, String> {
    let mutation = Mutation { id: Uuid::from_u128(1), realm: Uuid::nil(), actor: Uuid::from_u128(7), hlc: 1, wall: Instant(1), zone_minutes: 0, server_offset: 0, schema_version: 1, command: "bench.response".into(), reason: None, ops };
    Entry { version: ENVELOPE_VERSION, device: Uuid::nil(), incarnation: Uuid::nil(), dseq: 1, previous: [0; 32], body: Body::Mutation(mutation) }.to_bytes().map_err(text)
}
