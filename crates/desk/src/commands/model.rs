//! The declaration of all entities, as lists and forms need it.

use gladstone_model::{FieldType, catalogue, rule::{Check, Rule, Test}};

use super::{app::Empty, wire};
use crate::{desk::Desk, error::DeskError};

wire! {
    /// A kind of record.
    pub struct EntityInfo {
        /// Name, as in commands.
        pub name: String,
        /// Name of one.
        pub label: String,
        /// Name of many.
        pub plural: String,
        /// One sentence about it.
        pub help: String,
        /// Group, for example questionnaires.
        pub group: String,
        /// Whether records are only ever added.
        pub append_only: bool,
        /// Fields that name a record.
        pub title: Vec<String>,
        /// Whether full-text search covers it.
        pub searchable: bool,
        /// The fields.
        pub fields: Vec<FieldInfo>,
        /// Parts without which a record is not complete.
        pub needs: Vec<NeededParts>,
    }

    /// Where a field has one of some values, a record needs at least one part of a kind.
    pub struct NeededParts {
        /// The field.
        pub field: String,
        /// Its values.
        pub values: Vec<String>,
        /// Kind of the parts.
        pub entity: String,
        /// Field of the parts that refers to the record.
        pub by: String,
    }

    /// A field.
    pub struct FieldInfo {
        /// Name, as in commands.
        pub name: String,
        /// Name for people.
        pub label: String,
        /// A sentence about it, or empty.
        pub help: String,
        /// Which widget and which values.
        pub kind: FieldKind,
        /// Greatest length of a text.
        pub max_length: Option<u32>,
        /// Digits after the point of a decimal.
        pub scale: Option<u32>,
        /// Whether it must be filled in.
        pub required: bool,
        /// Whether the store fills it in by itself.
        pub managed: bool,
        /// Choices, if any.
        pub choices: Vec<String>,
        /// Whether other values than the choices are allowed.
        pub open: bool,
        /// The kind of record that it refers to.
        pub references: Option<String>,
        /// What the text must look like.
        pub format: Option<String>,
        /// Least number.
        pub min: Option<String>,
        /// Greatest number.
        pub max: Option<String>,
        /// none, personal or clinical; secret fields are not listed.
        pub privacy: String,
        /// Value on creation when none is given.
        pub default: Option<serde_json::Value>,
    }

    /// Kind of a field's values.
    #[serde(rename_all = "snake_case")]
    pub enum FieldKind {
        /// A record.
        Reference,
        /// An id that refers to nothing by itself.
        Id,
        /// One line of text.
        Text,
        /// Several lines of text.
        LongText,
        /// A whole number.
        Integer,
        /// A decimal number, as text.
        Decimal,
        /// Yes or no.
        Boolean,
        /// A calendar date.
        Date,
        /// A point in time.
        Instant,
        /// Structured data.
        Json,
    }
}

/// See the command list.
///
/// # Errors
/// None.
pub fn entities(_: &Desk, _: Empty) -> Result<Vec<EntityInfo>, DeskError> {
    Ok(catalogue().entities.iter().map(entity_info).collect())
}

fn entity_info(entity: &gladstone_model::Entity) -> EntityInfo {
    EntityInfo {
        name: entity.name.clone(),
        label: entity.label.clone(),
        plural: entity.plural.clone(),
        help: entity.help.clone(),
        group: entity.group.clone(),
        append_only: entity.append_only,
        title: entity.title.iter().map(|at| entity.fields[*at].name.clone()).collect(),
        searchable: !entity.search.is_empty(),
        fields: entity.fields.iter().filter(|field| !field.is_secret()).map(field_info).collect(),
        needs: entity.rules.iter().filter_map(needed_parts).collect(),
    }
}

fn needed_parts(rule: &Rule) -> Option<NeededParts> {
    let Check::NeedsChild { when, entity, by } = &rule.check else { return None };
    let Test::In(values) = &when.test else { return None };
    Some(NeededParts { field: when.field.clone(), values: values.clone(), entity: entity.clone(), by: by.clone() })
}

fn field_info(field: &gladstone_model::Field) -> FieldInfo {
    let multiline = matches!(field.format, Some(gladstone_model::format::Format::Multiline | gladstone_model::format::Format::Html));
    FieldInfo {
        kind: match field.ty {
            FieldType::Uuid if field.reference.is_some() => FieldKind::Reference,
            FieldType::Uuid => FieldKind::Id,
            FieldType::Text { .. } if multiline => FieldKind::LongText,
            FieldType::Text { .. } => FieldKind::Text,
            FieldType::Integer | FieldType::SmallInteger | FieldType::BigInteger => FieldKind::Integer,
            FieldType::Decimal { .. } => FieldKind::Decimal,
            FieldType::Boolean => FieldKind::Boolean,
            FieldType::Date => FieldKind::Date,
            FieldType::Instant => FieldKind::Instant,
            FieldType::Json => FieldKind::Json,
        },
        max_length: if let FieldType::Text { max } = field.ty { max } else { None },
        scale: if let FieldType::Decimal { scale, .. } = field.ty { Some(scale) } else { None },
        name: field.name.clone(),
        label: field.label.clone(),
        help: field.help.clone(),
        required: field.required,
        managed: field.is_managed(),
        choices: field.choices.clone(),
        open: field.open,
        references: field.reference.as_ref().map(|reference| reference.entity.clone()),
        format: field.format.map(|format| format.name().to_owned()),
        min: field.min.map(|number| number.to_string()),
        max: field.max.map(|number| number.to_string()),
        privacy: format!("{:?}", field.privacy).to_lowercase(),
        default: match &field.default {
            Some(gladstone_model::entity::Default::Fixed(value)) => Some(value.to_json()),
            _ => None,
        },
    }
}
