//! What the declaration asks of the tables of each engine, and what their CHECKs let through.

use std::collections::BTreeMap;

use gladstone_model::{Entity, Field, FieldType, Instant, OnDelete, Value, catalogue, catalogue::SCHEMA_VERSION};
use rust_decimal::Decimal;
use uuid::Uuid;

#[derive(Debug, PartialEq)]
pub struct Column {
    pub name: String,
    pub ty: String,
    pub required: bool,
    pub default: Option<String>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Index {
    pub columns: Vec<String>,
    pub unique: bool,
    pub only_where: Option<String>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignKey {
    pub columns: Vec<String>,
    pub to: String,
    pub to_columns: Vec<String>,
    pub on_delete: String,
}

/// A table as a database describes it; lists whose order means nothing are sorted.
#[derive(Debug, PartialEq)]
pub struct Table {
    pub columns: Vec<Column>,
    pub primary_key: Vec<String>,
    pub indexes: Vec<Index>,
    pub foreign_keys: Vec<ForeignKey>,
    pub checks: usize,
}

pub type Schema = BTreeMap<String, Table>;

/// How one engine keeps what is declared.
pub struct Engine {
    pub name: &'static str,
    pub ty: fn(FieldType) -> String,
    /// Columns of the store: name, type, required, default, a value that fits.
    pub before: &'static [(&'static str, &'static str, bool, Option<&'static str>, &'static str)],
    pub behind: &'static [(&'static str, &'static str, bool, Option<&'static str>, &'static str)],
    /// Columns that lead every key and every index.
    pub lead: &'static [&'static str],
    /// Indexes over at most so many fields leave out rows without a value in the first.
    pub sparse: usize,
    pub literal: fn(&Field, &Value) -> String,
    /// CHECKs of a table besides those of its declared fields: id, unit_id, row_mid.
    pub store_checks: usize,
    pub checks_booleans: bool,
    pub checks_choices: bool,
}

pub const SQLITE: Engine = Engine {
    name: "SQLite",
    ty: |ty| {
        let name = match ty {
            FieldType::Uuid => "BLOB",
            FieldType::Text { .. } | FieldType::Date | FieldType::Json => "TEXT",
            FieldType::Integer | FieldType::SmallInteger | FieldType::BigInteger | FieldType::Decimal { .. } | FieldType::Boolean | FieldType::Instant => "INTEGER",
        };
        name.into()
    },
    before: &[],
    behind: &[
        ("unit_id", "BLOB", true, None, "zeroblob(17)"),
        ("row_mid", "BLOB", true, None, "zeroblob(16)"),
        ("group_mids", "BLOB", false, None, "NULL"),
        ("deleted_mid", "BLOB", false, None, "NULL"),
        ("deleted_reason", "TEXT", false, None, "NULL"),
    ],
    lead: &[],
    sparse: usize::MAX,
    literal: |field, value| match value {
        Value::Null => "NULL".into(),
        Value::Boolean(yes) => i64::from(*yes).to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Decimal(number) => (number * Decimal::from(10_i64.pow(scale(field)))).normalize().to_string(),
        Value::Uuid(id) => format!("x'{}'", id.simple()),
        Value::Instant(time) => time.0.to_string(),
        other => quoted(&other.to_key_text()),
    },
    store_checks: 3,
    checks_booleans: true,
    checks_choices: false,
};

pub const POSTGRES: Engine = Engine {
    name: "PostgreSQL",
    ty: |ty| match ty {
        FieldType::Uuid => "uuid".into(),
        FieldType::Text { max: None } => "text".into(),
        FieldType::Text { max: Some(max) } => format!("character varying({max})"),
        FieldType::Integer => "integer".into(),
        FieldType::SmallInteger => "smallint".into(),
        FieldType::BigInteger => "bigint".into(),
        FieldType::Decimal { precision, scale } => format!("numeric({precision},{scale})"),
        FieldType::Boolean => "boolean".into(),
        FieldType::Date => "date".into(),
        FieldType::Instant => "timestamp with time zone".into(),
        FieldType::Json => "jsonb".into(),
    },
    before: &[("realm", "uuid", true, None, "gen_random_uuid()")],
    behind: &[
        ("unit_id", "bytea", true, None, "decode(repeat('00', 17), 'hex')"),
        ("row_mid", "uuid", true, None, "gen_random_uuid()"),
        ("group_mids", "bytea", false, None, "NULL"),
        ("deleted_mid", "uuid", false, None, "NULL"),
        ("deleted_reason", "text", false, None, "NULL"),
        ("g", "bigint", true, Some("0"), "DEFAULT"),
    ],
    lead: &["realm"],
    sparse: 1,
    literal: |_, value| match value {
        Value::Null => "NULL".into(),
        Value::Boolean(_) | Value::Integer(_) | Value::Decimal(_) => value.to_key_text(),
        other => quoted(&other.to_key_text()),
    },
    store_checks: 1,
    checks_booleans: false,
    checks_choices: true,
};

fn scale(field: &Field) -> u32 {
    if let FieldType::Decimal { scale, .. } = field.ty { scale } else { 0 }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn closed(field: &Field) -> bool {
    !field.choices.is_empty() && !field.open
}

impl Engine {
    fn declared(&self) -> Schema {
        catalogue().entities.iter().map(|entity| (entity.name.clone(), self.table(entity))).collect()
    }

    pub fn table(&self, entity: &Entity) -> Table {
        let store = |columns: &[(&str, &str, bool, Option<&str>, &str)]| -> Vec<Column> {
            columns.iter().map(|(name, ty, required, default, _)| Column { name: (*name).into(), ty: (*ty).into(), required: *required, default: default.map(Into::into) }).collect()
        };
        let field = |field: &Field| Column { name: field.name.clone(), ty: (self.ty)(field.ty), required: field.required || field.name == "id", default: None };
        let led = |names: &mut dyn Iterator<Item = &str>| -> Vec<String> { self.lead.iter().copied().chain(names).map(Into::into).collect() };
        let index = |index: &gladstone_model::entity::Index| {
            let first = &entity.fields[index.fields[0]];
            let only_where = (index.fields.len() <= self.sparse && !first.required).then(|| format!("{} IS NOT NULL", first.name));
            Index { columns: led(&mut index.fields.iter().map(|at| entity.fields[*at].name.as_str())), unique: false, only_where }
        };
        let key = |field: &Field| {
            let reference = field.reference.as_ref().filter(|reference| reference.same_unit)?;
            let on_delete = match reference.on_delete {
                OnDelete::Cascade => "CASCADE",
                OnDelete::SetNull => "SET NULL",
                OnDelete::Restrict => "RESTRICT",
            };
            Some(ForeignKey { columns: led(&mut [field.name.as_str()].into_iter()), to: reference.entity.clone(), to_columns: led(&mut ["id"].into_iter()), on_delete: on_delete.into() })
        };
        let check = |field: &Field| {
            usize::from(field.min.is_some() || field.max.is_some()) + usize::from(self.checks_choices && closed(field)) + usize::from(self.checks_booleans && field.ty == FieldType::Boolean)
        };
        let mut columns = store(self.before);
        columns.extend(entity.fields.iter().filter(|field| field.since == entity.since).map(field));
        columns.extend(store(self.behind));
        // Later versions add theirs behind.
        for version in entity.since + 1..=SCHEMA_VERSION {
            columns.extend(entity.fields.iter().filter(|field| field.since == version).map(field));
        }
        let mut table = Table {
            columns,
            primary_key: led(&mut ["id"].into_iter()),
            indexes: entity.indexes.iter().map(index).collect(),
            foreign_keys: entity.fields.iter().filter_map(key).collect(),
            checks: self.store_checks + entity.fields.iter().map(check).sum::<usize>(),
        };
        if !self.lead.is_empty() {
            // At the centre, where the rows of a unit are found.
            table.indexes.push(Index { columns: led(&mut ["unit_id", "id"].into_iter()), unique: false, only_where: None });
        }
        table.indexes.sort();
        table.foreign_keys.sort();
        table
    }

    /// A new row with nothing but what must be there, and one column as given.
    fn insert(&self, entity: &Entity, column: &str, literal: &str) -> String {
        let mut cells: BTreeMap<&str, String> = self.before.iter().chain(self.behind).map(|(name, _, _, _, value)| (*name, (*value).into())).collect();
        for field in entity.fields.iter().filter(|field| field.required || field.name == "id") {
            cells.insert(&field.name, (self.literal)(field, &fitting(field)));
        }
        cells.insert(column, literal.into());
        let (names, values): (Vec<&str>, Vec<String>) = cells.into_iter().unzip();
        format!("INSERT INTO {} ({}) VALUES ({})", entity.name, names.join(", "), values.join(", "))
    }

    pub fn check(&self, found: &Schema) {
        let declared = self.declared();
        assert_eq!(found.keys().collect::<Vec<_>>(), declared.keys().collect::<Vec<_>>(), "{}: one table for each entity, and no other", self.name);
        for (name, table) in &declared {
            assert_eq!(&found[name], table, "{}: the table {name} (left) is as declared (right)", self.name);
        }
    }

    /// What each column with a CHECK lets through and what it refuses.
    pub fn probes(&self) -> Vec<Probe> {
        let mut probes = Vec::new();
        for entity in &catalogue().entities {
            let mut probe = |column: &str, literal: String, fits: bool| {
                probes.push(Probe { column: format!("{}.{column} = {literal}", entity.name), sql: self.insert(entity, column, &literal), fits });
            };
            let wrong = if self.checks_choices { "decode('00', 'hex')" } else { "zeroblob(16)" };
            probe("unit_id", wrong.into(), false);
            for field in &entity.fields {
                let mut value = |value: Value, fits: bool| probe(&field.name, (self.literal)(field, &value), fits);
                if closed(field) {
                    field.choices.iter().for_each(|choice| value(Value::text(choice), true));
                    value(Value::text("~"), !self.checks_choices);
                }
                let step = Decimal::new(1, scale(field));
                for (bound, beyond) in [(field.min, -step), (field.max, step)] {
                    if let Some(bound) = bound {
                        value(Value::Decimal(bound), true);
                        value(Value::Decimal(bound + beyond), false);
                    }
                }
                if self.checks_booleans && field.ty == FieldType::Boolean {
                    value(Value::Boolean(true), true);
                    value(Value::Integer(2), false);
                }
            }
        }
        probes
    }
}

/// A row that the database takes, or refuses by a CHECK.
pub struct Probe {
    pub column: String,
    pub sql: String,
    pub fits: bool,
}

impl Probe {
    pub fn check(&self, outcome: Result<(), Option<String>>) -> Option<String> {
        match outcome {
            Ok(()) if self.fits => None,
            Err(None) if !self.fits => None,
            Ok(()) => Some(format!("{} is let through", self.column)),
            Err(None) => Some(format!("{} is refused", self.column)),
            Err(Some(other)) => Some(format!("{}: {other}", self.column)),
        }
    }
}

/// A value that a field takes.
fn fitting(field: &Field) -> Value {
    let number = field.min.or(field.max).unwrap_or_default();
    match field.ty {
        FieldType::Uuid => Value::Uuid(Uuid::from_u128(1)),
        FieldType::Text { .. } => Value::text(field.choices.first().map_or("x", String::as_str)),
        FieldType::Integer | FieldType::SmallInteger | FieldType::BigInteger | FieldType::Decimal { .. } => Value::Decimal(number),
        FieldType::Boolean => Value::Boolean(false),
        FieldType::Date => Value::Date(Instant(0).date()),
        FieldType::Instant => Value::Instant(Instant(0)),
        FieldType::Json => Value::Json("{}".into()),
    }
}
