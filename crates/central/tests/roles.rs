//! Who writes which kind of record, where: every entity that is declared, in every place where its rows
//! may lie, by everybody who may have a laptop. What is expected is said here once more, by name, so that
//! a declaration that changes by mistake is noticed.

mod suite;
mod support;

use std::collections::BTreeMap;

use gladstone_central::engine::Batch;
use gladstone_model::{
    Entity, Unit, Value, catalogue,
    condition::Condition,
    entity::UnitSource,
    unit::UnitKind,
};
use gladstone_protocol::{Op, OpKind, RowState, wire::RowKey};
use suite::samples;
use support::{Laptop, Place, code, engine, open};
use uuid::Uuid;

const ROLES: [&str; 7] = ["admin", "manager", "therapist", "trainer", "patient", "student", "viewer"];
/// Written by administrators alone: they carry rights or secrets.
const ADMINS: [&str; 7] = ["organization_members", "user_roles", "roles", "grants", "integrations", "google_analytics_integrations", "data_retention_policies"];
/// Written by staff alone, where they belong to the organization.
const STAFF: [&str; 21] = [
    "topics", "industries", "email_templates", "leads", "feedback_cycles", "feedback_invitations", "competencies", "competency_categories", "competency_levels", "learning_resources",
    "organization_questionnaires", "questionnaires", "questions", "question_options", "scoring_configs", "qr_codes", "organization_metrics", "questionnaire_metrics", "beneficiaries",
    "questionnaire_assignments", "privacy_compliance_records",
];

/// Where a row lies by its values, as the declaration of its entity says.
fn unit_of(state: &RowState, rows: &BTreeMap<RowKey, RowState>, user: (Uuid, Unit)) -> Option<Unit> {
    let row = &state.row;
    row.entity.unit.iter().find_map(|rule| {
        let applies = match &rule.when {
            None => true,
            Some(Condition::Present(at)) => !row.values[*at].is_null(),
            Some(Condition::In(at, texts)) => row.values[*at].as_text().is_some_and(|text| texts.iter().any(|known| known == text)),
        };
        match rule.source {
            _ if !applies => None,
            UnitSource::Platform => Some(Unit::PLATFORM),
            UnitSource::Of(kind, at) => kind.id_in(&row.values[at]).map(|id| Unit { kind, id }),
            UnitSource::Parent(at) => {
                let to = catalogue().get(&row.entity.fields[at].reference.as_ref()?.entity)?;
                let id = row.values[at].as_uuid()?;
                if id == user.0 { Some(user.1) } else { unit_of(rows.get(&RowKey { entity: to.no, id })?, rows, user) }
            }
        }
    })
}

/// A row of every entity that belongs to `user`, who lies in a unit, and to the organization if `of_all`.
fn rows(number: u64, realm: Uuid, user: (Uuid, Unit), of_all: bool) -> BTreeMap<RowKey, RowState> {
    let mut made: BTreeMap<RowKey, RowState> = BTreeMap::new();
    for mut state in samples::everything(samples::full, number) {
        let entity = state.row.entity;
        for (at, field) in entity.fields.iter().enumerate() {
            match field.reference.as_ref().map(|to| to.entity.as_str()) {
                Some("organizations") if of_all || field.required => state.row.values[at] = realm.into(),
                Some("organizations") => state.row.values[at] = Value::Null,
                Some("users") => state.row.values[at] = user.0.into(),
                _ => {}
            }
        }
        if entity.name == "users" {
            state.row.set("role", "patient");
        }
        made.insert(RowKey { entity: entity.no, id: state.row.id() }, state);
    }
    let units: Vec<(RowKey, Unit)> = made.iter().filter_map(|(key, state)| Some((*key, unit_of(state, &made, user)?))).collect();
    units.into_iter().for_each(|(key, unit)| if let Some(state) = made.get_mut(&key) { state.unit = unit });
    made
}

/// Whether somebody may do it.
fn may(entity: &Entity, role: &str, (actor, own): (Uuid, bool), realm: Uuid, unit: Unit, adding: bool) -> bool {
    let admin = ["admin", "manager"].contains(&role);
    let staff = admin || ["therapist", "trainer"].contains(&role);
    let of_all = unit == Unit::PLATFORM || unit == Unit { kind: UnitKind::Org, id: realm };
    let held = match unit.kind {
        UnitKind::Platform => staff,
        UnitKind::Org => unit.id == realm,
        UnitKind::Person => admin || unit.id == actor,
        UnitKind::Account => unit.id == actor,
        UnitKind::Thread => false,
    };
    match entity.name.as_str() {
        "devices" => false,
        "organizations" => admin && adding,
        // Whoever registers a person has the right to them from then on, and whoever takes part in a
        // conversation to that.
        "users" if adding => true,
        "messages" => own,
        name if ADMINS.contains(&name) => admin,
        name if STAFF.contains(&name) && of_all => staff,
        // What somebody else made for all is not for everybody to take away.
        _ if of_all && !adding => staff,
        _ => held,
    }
}

#[test]
fn every_role_writes_exactly_what_is_its_to_write() {
    let place = Place::new();
    let mut laptops: Vec<Laptop> = ROLES.iter().map(|role| place.laptop(role, role)).collect();
    let realm = place.realm;
    // Records of somebody whom nobody of them holds, and of each of them; everybody tries rows of their own.
    let stranger = samples::row_id(catalogue().get("users").unwrap(), 1);
    let mut sets = Vec::new();
    for (at, laptop) in laptops.iter().enumerate() {
        let works_here = !["patient", "student", "viewer"].contains(&ROLES[at]);
        let home = if works_here { Unit { kind: UnitKind::Org, id: realm } } else { Unit { kind: UnitKind::Person, id: laptop.actor } };
        for (turn, of_all) in [(0, true), (1, false)] {
            let number = 1 + at as u64 * 4 + turn;
            sets.push((at, false, rows(number, realm, (stranger, Unit { kind: UnitKind::Person, id: stranger }), of_all)));
            sets.push((at, true, rows(number + 2, realm, (laptop.actor, home), of_all)));
        }
    }
    let Place { folder, around, centre, .. } = place;
    drop(centre);
    let store = engine(folder.path());
    suite::write(store.as_ref(), realm, |shelf| {
        let g = shelf.head().unwrap().g + 1;
        let saves = sets.iter().flat_map(|(.., rows)| rows.values()).map(|state| samples::save(state.clone(), None, g)).collect();
        shelf.save(Batch { g, rows: saves, ..Batch::default() }).unwrap();
    });
    drop(store);
    let place = Place { realm, centre: open(folder.path(), &around), folder, around };
    let (mut count, mut allowed, mut wrong) = (0, 0, Vec::new());
    for (at, role) in ROLES.iter().enumerate() {
        let laptop = &mut laptops[at];
        let mut tried = Vec::new();
        for (_, own, rows) in sets.iter().filter(|(whose, ..)| *whose == at) {
            for state in rows.values() {
                let entity = state.row.entity;
                let op = |id: Uuid, kind| Op { entity: entity.no, id, unit: state.unit, kind };
                let values: Vec<(u16, Value)> = entity.fields.iter().zip(&state.row.values).filter(|(field, value)| field.name != "id" && !value.is_null() && !field.is_secret()).map(|(field, value)| (field.no, value.clone())).collect();
                let new = laptop.new_id();
                // The unit of a new person or organization is its own.
                let itself = [UnitKind::Person, UnitKind::Org].contains(&state.unit.kind) && state.unit.id == state.row.id();
                let unit = if itself { Unit { id: new, ..state.unit } } else { state.unit };
                let mut ops = vec![("adds", op(new, OpKind::Create(values)), may(entity, role, (laptop.actor, *own), realm, unit, true))];
                if !entity.append_only {
                    ops.push(("marks", op(state.row.id(), OpKind::EnterInError { base: state.row_mid, reason: "Mine".into() }), may(entity, role, (laptop.actor, *own), realm, state.unit, false)));
                }
                for (what, op, expected) in ops {
                    laptop.write(vec![op]);
                    tried.push((laptop.dseq, format!("{role} {what} {} in {} ({})", entity.name, state.unit, if *own { "own" } else { "another's" }), expected));
                }
            }
        }
        laptop.push(&place);
        for (dseq, what, expected) in tried {
            let verdict = &laptop.verdicts[&dseq];
            // Rights are judged before values; what is held for a record that is not there has no effect.
            let found = code(verdict) != "forbidden" && (verdict.g().is_some() || ["invalid", "in_use", "append_only"].contains(&code(verdict)));
            if found != expected {
                wrong.push(format!("{what}: {verdict:?}"));
            }
            count += 1;
            allowed += usize::from(found);
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 20 * catalogue().entities.len() && allowed > count / 5 && allowed < count * 4 / 5, "{count} tries, {allowed} of them allowed");
}
