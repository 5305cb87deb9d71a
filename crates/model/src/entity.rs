//! An entity and its fields, as the rest of the code sees them. How they are written down is in
//! `declaration.rs`, where they are gathered in [`crate::catalogue`].

use hashbrown::HashMap;
use rust_decimal::Decimal;

use crate::{
    claim::{ClaimRule, RoleRule},
    condition::Condition,
    file::NamedFile,
    format::Format,
    overlap::Overlap,
    rule::Rule,
    unit::UnitKind,
    value::Value,
};

/// One kind of thing that the store holds: a table.
#[derive(Debug)]
pub struct Entity {
    /// Number on the wire; never reused.
    pub no: u16,
    /// Version of the schema that brought it.
    pub since: u32,
    /// Table name.
    pub name: String,
    /// Name of one, for people.
    pub label: String,
    /// Name of many, for people.
    pub plural: String,
    /// One sentence for people.
    pub help: String,
    /// Folder of the declaration, for example `questionnaires`.
    pub group: String,
    /// Tenant scope as in the schema's notes: org, org?, user, parent or platform.
    pub scope: String,
    /// Whether rows are only ever added.
    pub append_only: bool,
    /// Where the unit of a row comes from; the first rule that yields one wins.
    pub unit: Vec<UnitRule>,
    /// How concurrent edits of one merge group are settled.
    pub policy: MergePolicy,
    /// Who may write rows of it, besides having a right to their unit.
    pub writers: Writers,
    /// Rights to units that follow from a row.
    pub claims: Vec<ClaimRule>,
    /// That rows give somebody a role.
    pub role: Option<RoleRule>,
    /// That rows take up somebody's time.
    pub overlap: Option<Overlap>,
    /// That rows name contents of files.
    pub files: Vec<NamedFile>,
    /// Positions of the fields that name a row.
    pub title: Vec<usize>,
    /// Positions of the fields that full-text search covers.
    pub search: Vec<usize>,
    /// Positions of the fields that identify a row; its id is derived from them.
    pub natural_key: Vec<usize>,
    /// Uniqueness besides the id.
    pub uniques: Vec<Unique>,
    /// The indexes; foreign keys are among them.
    pub indexes: Vec<Index>,
    /// Seed fields that the table as a whole holds.
    pub seeds: Vec<String>,
    /// Entities of the seeds that are described without fields and live here.
    pub described: Vec<String>,
    /// Rules over several fields or rows.
    pub rules: Vec<Rule>,
    /// The fields, in the order of columns.
    pub fields: Vec<Field>,
    /// Positions of the fields of each merge group.
    pub groups: Vec<MergeGroup>,
    pub(crate) positions: HashMap<String, usize>,
}

impl PartialEq for Entity {
    fn eq(&self, other: &Entity) -> bool {
        self.no == other.no
    }
}

impl Entity {
    /// Whether a version of the schema brought it.
    pub fn is_new_in(&self, version: u32) -> bool {
        self.since == version
    }

    /// What is said of rows that are people with their roles.
    pub fn role_of_itself(&self) -> Option<&RoleRule> {
        self.role.as_ref().filter(|role| self.fields[role.who].name == "id")
    }

    /// The position of a field by name.
    pub fn position(&self, field: &str) -> Option<usize> {
        self.positions.get(field).copied()
    }

    /// A field by name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.position(name).map(|at| &self.fields[at])
    }

    /// A field by its number on the wire.
    pub fn position_of_no(&self, no: u16) -> Option<usize> {
        self.fields.iter().position(|field| field.no == no)
    }
}

/// One column.
#[derive(Debug)]
pub struct Field {
    /// Number on the wire; never reused within the entity.
    pub no: u16,
    /// Version of the schema that brought it; a row of before has no value.
    pub since: u32,
    /// Column name.
    pub name: String,
    /// Name for people.
    pub label: String,
    /// A sentence for people, or empty.
    pub help: String,
    /// Type of its values.
    pub ty: FieldType,
    /// Whether a value must be there.
    pub required: bool,
    /// Value on creation when none is given.
    pub default: Option<Default>,
    /// Closed or suggested values.
    pub choices: Vec<String>,
    /// Those of the choices that came after the field, with the versions of the schema that brought them.
    pub later_choices: Vec<(String, u32)>,
    /// Whether other values than the choices are allowed.
    pub open: bool,
    /// Choices that no seed names: our proposals.
    pub proposed: Vec<String>,
    /// The entity that this id points to.
    pub reference: Option<Reference>,
    /// Whether no two rows may share a value.
    pub unique: bool,
    /// What the text must look like.
    pub format: Option<Format>,
    /// Least number allowed.
    pub min: Option<Decimal>,
    /// Greatest number allowed.
    pub max: Option<Decimal>,
    /// Merge group; the field's own name when it stands alone.
    pub group: String,
    /// How sensitive the values are.
    pub privacy: Privacy,
    /// Seed fields that this column holds, as `system:Entity.field`.
    pub seeds: Vec<String>,
    /// Where the column comes from when no seed field stands behind it.
    pub note: String,
}

impl Field {
    /// Whether the choices are all that there is.
    pub fn is_closed(&self) -> bool {
        !self.choices.is_empty() && !self.open
    }

    /// Whether a value is a choice that this version does not know: one of a newer version. Such a value
    /// is kept and passed on, and nobody changes it here.
    pub fn is_of_newer_version(&self, value: &Value) -> bool {
        self.is_closed() && value.as_text().is_some_and(|text| !self.choices.iter().any(|choice| choice == text))
    }

    /// The choices that a version of the schema knows.
    pub fn choices_as_of(&self, version: u32) -> Vec<&str> {
        let came_later = |choice: &str| self.later_choices.iter().any(|(later, since)| later == choice && *since > version);
        self.choices.iter().map(String::as_str).filter(|choice| !came_later(choice)).collect()
    }

    /// Whether the value never leaves the place where it belongs.
    pub fn is_secret(&self) -> bool {
        self.privacy == Privacy::Secret
    }

    /// Whether the store sets the value itself: id, created_at, updated_at.
    pub fn is_managed(&self) -> bool {
        matches!(self.name.as_str(), "id" | "created_at" | "updated_at")
    }
}

/// Type of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// An id.
    Uuid,
    /// Text of at most so many characters.
    Text {
        /// Greatest number of characters; none means 1,000,000.
        max: Option<u32>,
    },
    /// -2^31 to 2^31 - 1.
    Integer,
    /// -2^15 to 2^15 - 1.
    SmallInteger,
    /// -2^63 to 2^63 - 1.
    BigInteger,
    /// A decimal number.
    Decimal {
        /// Digits in all, at most 18.
        precision: u32,
        /// Digits after the point.
        scale: u32,
    },
    /// True or false.
    Boolean,
    /// A calendar date.
    Date,
    /// A point in time.
    Instant,
    /// Any JSON value.
    Json,
}

impl FieldType {
    /// What is to be entered, for people.
    pub fn description(self) -> &'static str {
        match self {
            FieldType::Uuid => "an id",
            FieldType::Text { .. } => "a text",
            FieldType::Integer | FieldType::SmallInteger | FieldType::BigInteger => "a whole number",
            FieldType::Decimal { .. } => "a number",
            FieldType::Boolean => "yes or no",
            FieldType::Date => "a date",
            FieldType::Instant => "a date with its time",
            FieldType::Json => "structured data (JSON)",
        }
    }
}

/// Default of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Default {
    /// The time of the mutation.
    Now,
    /// A fixed value.
    Fixed(Value),
}

/// A reference to a row of an entity.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Entity that is pointed to, by name.
    pub entity: String,
    /// What happens when that row goes.
    pub on_delete: OnDelete,
    /// Whether the row that is pointed to always travels with this one, so that the database
    /// itself can hold the reference.
    pub same_unit: bool,
}

/// What happens to a row when the row it refers to is entered in error or purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDelete {
    /// It goes too: it is a part.
    Cascade,
    /// The reference is emptied.
    SetNull,
    /// The other row may not go.
    Restrict,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Positions of the fields.
    pub fields: Vec<usize>,
    /// Version of the schema that brought it.
    pub since: u32,
}

/// Uniqueness over several fields; nulls count as equal.
#[derive(Clone, Debug)]
pub struct Unique {
    /// Positions of the fields.
    pub fields: Vec<usize>,
    /// The rule holds only for rows in which this field has this value.
    pub when: Option<(usize, Value)>,
}

/// Columns that only make sense together.
#[derive(Clone, Debug)]
pub struct MergeGroup {
    /// Name on the wire.
    pub name: String,
    /// Positions of the fields.
    pub fields: Vec<usize>,
}

/// How concurrent edits are settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergePolicy {
    /// The later clock wins; only for fields of low risk.
    LastWriterWins,
    /// A person decides.
    Review,
    /// The row never changes once written.
    Sealed,
}

/// Who may write rows of an entity, besides having a right to their unit. On a laptop that worked alone
/// whoever it belongs to may write everything; the centre judges when it comes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writers {
    /// Everybody; in the unit of an organization whoever is not staff writes rows of their own alone.
    Anyone,
    /// Staff, where rows belong to an organization or to everybody.
    Staff,
    /// Administrators: such rows carry rights or secrets.
    Admins,
    /// The centre alone.
    Centre,
}

/// How sensitive a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// Not about a person.
    None,
    /// About a person.
    Personal,
    /// About a person's health or care.
    Clinical,
    /// A password, token or key.
    Secret,
}

/// One way to find the unit of a row.
#[derive(Clone, Debug)]
pub struct UnitRule {
    /// Which unit.
    pub source: UnitSource,
    /// Applies only when this holds.
    pub when: Option<Condition>,
}

/// Which unit a rule yields.
#[derive(Clone, Debug)]
pub enum UnitSource {
    /// The platform.
    Platform,
    /// The unit of this kind that the field at this position names, by its id or as the text of a whole
    /// unit.
    Of(UnitKind, usize),
    /// The unit of the row that the field at this position refers to.
    Parent(usize),
}
