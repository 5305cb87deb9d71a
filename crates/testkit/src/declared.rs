//! Catalogues of a test's own: entities that are declared for one test, beside people, organizations
//! and their members as every catalogue needs them.

use gladstone_model::{Catalogue, Row, Unit, Value};
use gladstone_protocol::RowState;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

/// A catalogue of people (`users`: `id`, `role`), organizations (`organizations`: `id`), and these entities. Each
/// is written as in its file; what a test does not care about may be left out: words for people, scope,
/// policy, and the numbers and words of fields.
///
/// # Panics
/// When a declaration is inconsistent.
pub fn catalogue(entities: &[Json]) -> &'static Catalogue {
    let people = json!({ "name": "users", "unit": ["person:id"], "field": [{ "name": "id", "type": "uuid" }, { "name": "role", "type": "text(20)", "choices": ["admin", "trainer", "patient"] }],
        "role": { "who": "id", "field": "role", "admins": ["admin"], "staff": ["trainer"] }, "claim": [{ "who": "maker", "unit": "person:id" }] });
    let organizations = json!({ "name": "organizations", "unit": ["org:id"], "field": [{ "name": "id", "type": "uuid" }] });
    let all: Vec<Json> = [people, organizations].into_iter().chain(entities.iter().cloned()).enumerate().map(|(at, entity)| whole(at, entity)).collect();
    Box::leak(Box::new(Catalogue::of(&Json::Array(all).to_string()).unwrap()))
}

fn whole(at: usize, mut entity: Json) -> Json {
    let fill = |to: &mut Map<String, Json>, name: &str, value: Json| {
        to.entry(name).or_insert(value);
    };
    let name = entity["name"].clone();
    for (at, field) in entity["field"].as_array_mut().unwrap().iter_mut().enumerate() {
        let field = field.as_object_mut().unwrap();
        let name = field["name"].clone();
        fill(field, "no", (at + 1).into());
        fill(field, "label", name);
    }
    let entity_map = entity.as_object_mut().unwrap();
    fill(entity_map, "no", (at + 1).into());
    for words in ["label", "plural", "help", "group"] {
        fill(entity_map, words, name.clone());
    }
    fill(entity_map, "scope", "user".into());
    fill(entity_map, "policy", "lww".into());
    entity
}

/// A row that stands in a unit, as its mutation 1 made it.
///
/// # Panics
/// When the catalogue has no such entity or field.
pub fn row(catalogue: &'static Catalogue, entity: &str, unit: Unit, values: &[(&str, Value)]) -> RowState {
    let mut row = Row::empty(catalogue.get(entity).unwrap());
    for (name, value) in values {
        let at = row.entity.position(name).unwrap();
        row.values[at] = value.clone();
    }
    RowState { row, unit, row_mid: Uuid::from_u128(1), group_mids: Default::default(), error: None }
}
