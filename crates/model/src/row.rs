//! A row of one entity: its values in the order of the declaration.

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::{entity::{Entity, Field}, value::Value};

/// The values of one row; `values[i]` belongs to `entity.fields[i]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The entity of the row.
    pub entity: &'static Entity,
    /// One value for each field.
    pub values: Vec<Value>,
}

static NULL: Value = Value::Null;

impl Row {
    /// A row without any value.
    pub fn empty(entity: &'static Entity) -> Row {
        Row { entity, values: vec![Value::Null; entity.fields.len()] }
    }

    /// The id; nil when the row has none yet.
    pub fn id(&self) -> Uuid {
        self.get("id").as_uuid().unwrap_or_default()
    }

    /// The value of a field by name; null for a field that the entity does not have.
    pub fn get(&self, field: &str) -> &Value {
        self.entity.position(field).map_or(&NULL, |at| &self.values[at])
    }

    /// Sets a field by name; nothing happens when the entity has no such field.
    pub fn set(&mut self, field: &str, value: impl Into<Value>) {
        if let Some(at) = self.entity.position(field) {
            self.values[at] = value.into();
        }
    }

    /// The text of a field, empty when it has none.
    pub fn text(&self, field: &str) -> &str {
        self.get(field).as_text().unwrap_or_default()
    }

    /// The id in a field.
    pub fn uuid(&self, field: &str) -> Option<Uuid> {
        self.get(field).as_uuid()
    }

    /// Fields whose values are choices of a newer version: whoever does not know them leaves the row alone.
    pub fn of_newer_version(&self) -> impl Iterator<Item = (&'static Field, &Value)> {
        self.entity.fields.iter().zip(&self.values).filter(|(field, value)| field.is_of_newer_version(value))
    }

    /// What a person reads as the name of this row; falls back to the entity's label.
    pub fn title(&self) -> String {
        let parts: Vec<String> = self
            .entity
            .title
            .iter()
            .filter(|at| !self.values[**at].is_null())
            .map(|at| self.values[*at].to_key_text())
            .collect();
        if parts.is_empty() { self.entity.label.clone() } else { parts.join(" · ") }
    }

    /// The row as a JSON object; secret fields are left out.
    pub fn to_json(&self) -> Map<String, Json> {
        let pairs = self.entity.fields.iter().zip(&self.values);
        pairs.filter(|(field, _)| !field.is_secret()).map(|(field, value)| (field.name.clone(), value.to_json())).collect()
    }
}
