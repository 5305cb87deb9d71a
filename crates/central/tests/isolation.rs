//! Who gets at a row, for every entity that is declared: its owner, somebody of the same
//! organization without the right, an administrator of another one, a laptop whose right has ended,
//! and one that nobody knows; by fetching and by writing.

mod suite;
mod support;

use std::collections::BTreeMap;

use gladstone_central::engine::{Batch, Claim, Engine, UnitSum};
use gladstone_model::{Entity, Value, catalogue};
use gladstone_protocol::{ApiError, Op, OpKind, RowState, RowsDigest, Verdict, wire::RowKey};
use suite::samples;
use support::{Laptop, Place, code, engine, open, update};
use uuid::Uuid;

/// Two organizations with a row of every entity each, in the record of one person.
struct Matrix {
    place: Place,
    other: Uuid,
    owner: Laptop,
    colleague: Laptop,
    stranger: Laptop,
    revoked: Laptop,
    rows: BTreeMap<RowKey, RowState>,
}

fn fill(engine: &dyn Engine, realm: Uuid, number: u64, owner: &Laptop) -> BTreeMap<RowKey, RowState> {
    let rows = samples::everything(samples::full, number);
    let unit = samples::person(number);
    let mut digest = RowsDigest::default();
    rows.iter().for_each(|state| digest.add(state).unwrap());
    let source = RowKey { entity: rows[0].row.entity.no, id: rows[0].row.id() };
    let claim = Claim { actor: owner.actor, unit, source, from: None, to: None, read_only: false };
    suite::write(engine, realm, |shelf| {
        let g = shelf.head().unwrap().g + 1;
        let rows = rows.iter().map(|state| samples::save(state.clone(), None, g)).collect::<Vec<_>>();
        let sums = vec![UnitSum { unit, digest, rows: rows.len() as u64 }];
        shelf.save(Batch { g, rows, claims: vec![(source, vec![claim.clone()])], digests: sums, ..Batch::default() }).unwrap();
    });
    rows.into_iter().map(|state| (RowKey { entity: state.row.entity.no, id: state.row.id() }, state)).collect()
}

impl Matrix {
    fn new() -> Matrix {
        let place = Place::new();
        let (owner, colleague, revoked) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"), place.laptop("Cleo", "admin"));
        let other = place.centre.found("Hill Clinic").unwrap();
        let place = Place { realm: other, ..place };
        let stranger = place.laptop("Olga", "admin");
        let Place { folder, around, centre, .. } = place;
        drop(centre);
        let store = engine(folder.path());
        let rows = fill(store.as_ref(), owner.realm, 1, &owner);
        fill(store.as_ref(), other, 2, &stranger);
        drop(store);
        let centre = open(folder.path(), &around);
        centre.revoke(owner.realm, revoked.device).unwrap();
        let place = Place { realm: owner.realm, folder, around, centre };
        Matrix { place, other, owner, colleague, stranger, revoked, rows }
    }

    /// Rows of the record as its owner is told them anew.
    fn told(&mut self) -> BTreeMap<RowKey, RowState> {
        self.owner.base.clear();
        self.owner.complete.clear();
        self.owner.staged.clear();
        self.owner.told.clear();
        self.owner.from_g = 0;
        self.owner.pull(&self.place);
        self.owner.base.iter().filter(|(key, _)| self.rows.contains_key(key)).map(|(key, state)| (*key, state.clone())).collect()
    }
}

/// Everything that somebody may try with a row: (what, op), with the row's own id or another one.
fn tries(state: &RowState, id: Uuid) -> Vec<(&'static str, Op)> {
    let entity: &'static Entity = state.row.entity;
    let op = |kind| Op { entity: entity.no, id, unit: state.unit, kind };
    let mut found = vec![("marks it as entered in error", op(OpKind::EnterInError { base: state.row_mid, reason: "Mine".into() }))];
    let other = samples::full(entity, 3);
    let field = entity.fields.iter().position(|field| field.name != "id" && field.reference.is_none() && !field.is_secret() && other.row.get(&field.name) != state.row.get(&field.name));
    if let Some(at) = field {
        let name = entity.fields[at].name.as_str();
        let mut patch = update(state, &[(name, other.row.get(name).clone())]);
        patch.id = id;
        found.push(("changes a value", patch));
    }
    // A row that refers to itself would be told from one with another id by that alone.
    let itself = Value::Uuid(state.row.id());
    let values: Vec<(u16, Value)> = entity.fields.iter().zip(&state.row.values).filter(|(field, value)| **value != itself && !value.is_null() && !field.is_secret()).map(|(field, value)| (field.no, value.clone())).collect();
    found.push(("makes it once more", op(OpKind::Create(values))));
    found
}

#[test]
fn no_row_of_any_entity_is_told_to_or_written_by_whom_it_does_not_concern() {
    let mut matrix = Matrix::new();
    let before = matrix.told();
    let shown: Vec<&str> = catalogue().entities.iter().filter(|entity| before.keys().any(|key| key.entity == entity.no)).map(|entity| entity.name.as_str()).collect();
    assert_eq!(shown.len(), catalogue().entities.len(), "the owner is told a row of every entity");
    for state in before.values() {
        for (field, value) in state.row.entity.fields.iter().zip(&state.row.values) {
            assert!(!field.is_secret() || value.is_null(), "{}.{} stays at the centre", state.row.entity.name, field.name);
        }
    }
    let rows: Vec<RowState> = matrix.rows.values().cloned().collect();

    // Fetching.
    matrix.colleague.pull(&matrix.place);
    let place = Place { realm: matrix.other, ..matrix.place };
    matrix.stranger.pull(&place);
    matrix.place = Place { realm: matrix.owner.realm, ..place };
    for (laptop, who) in [(&matrix.colleague, "a colleague without the right"), (&matrix.stranger, "another organization")] {
        let seen: Vec<_> = rows.iter().filter(|state| laptop.row(&state.row.entity.name, state.row.id()).is_some()).map(|state| &state.row.entity.name).collect();
        assert!(seen.is_empty(), "{who} is told rows of {seen:?}");
    }
    let caller = matrix.place.caller(&matrix.revoked);
    assert_eq!(matrix.place.centre.pull(&caller, &matrix.revoked.pull_request()), Err(ApiError::Revoked), "whose right has ended is told nothing");
    assert!(matrix.place.centre.caller(matrix.place.realm, Uuid::from_u128(77)).is_err(), "who is not known is nobody");

    // Writing: each try for the row, and for another one that there is not.
    let mut count = 0;
    for (which, expected) in [("colleague", "forbidden"), ("revoked", "revoked")] {
        let laptop = if which == "colleague" { &mut matrix.colleague } else { &mut matrix.revoked };
        let mut tried = Vec::new();
        for state in &rows {
            for (what, op) in tries(state, state.row.id()) {
                laptop.write(vec![op]);
                tried.push((laptop.dseq, &state.row.entity.name, what));
            }
        }
        laptop.push(&matrix.place);
        for (dseq, entity, what) in tried {
            let verdict = &laptop.verdicts[&dseq];
            assert!(verdict.g().is_none(), "{which} {what}: {entity}: {verdict:?}");
            let by_itself = matches!(code(verdict), "append_only" | "unknown_field" | "rules" | "misfit" | "invalid") && which == "colleague";
            assert!(code(verdict) == expected || by_itself || matches!(verdict, Verdict::Held { .. }), "{which} {what}: {entity}: {verdict:?}");
            count += 1;
        }
    }
    let place = Place { realm: matrix.other, ..matrix.place };
    let stranger = &mut matrix.stranger;
    for state in &rows {
        let nobody = stranger.new_id();
        for ((what, real), (_, made_up)) in tries(state, state.row.id()).into_iter().zip(tries(state, nobody)) {
            let id = state.row.id();
            stranger.write(vec![real]);
            stranger.write(vec![made_up]);
            stranger.push(&place);
            let say = |dseq: u64, id: Uuid| format!("{:?}", stranger.verdicts[&dseq]).replace(&id.to_string(), "it");
            let (of_real, of_made_up) = (say(stranger.dseq - 1, id), say(stranger.dseq, nobody));
            let same = match (&stranger.verdicts[&(stranger.dseq - 1)], &stranger.verdicts[&stranger.dseq]) {
                (a, b) if a.g().is_some() => b.g().is_some(),
                _ => of_real == of_made_up,
            };
            assert!(same, "another organization {what}: {}: what is there ({of_real}) answers as what is not ({of_made_up})", state.row.entity.name);
            count += 1;
        }
    }
    matrix.place = Place { realm: matrix.owner.realm, ..place };
    assert!(count > 5 * catalogue().entities.len(), "{count} tries");
    let after = matrix.told();
    let changed: Vec<_> = before.keys().filter(|key| before.get(key) != after.get(key)).map(|key| &catalogue().by_no(key.entity).unwrap().name).collect();
    assert!(changed.is_empty() && before.len() == after.len(), "rows of {changed:?} were changed");
}
