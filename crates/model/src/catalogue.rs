//! All entities, parsed once from the embedded declarations. Says nothing about storage.

use std::sync::OnceLock;

use hashbrown::HashMap;
use serde::Deserialize;

use crate::{
    claim::{self, Claimant},
    condition::{Condition, position},
    declaration::{ChoiceFile, EntityFile, FieldFile},
    entity::{
        Default, Entity, Field, FieldType, Index, MergeGroup, MergePolicy, OnDelete, Privacy, Reference, Unique, UnitRule,
        UnitSource, Writers,
    },
    file::{self, NamedFile},
    format::Format,
    overlap,
    rule::{Check, Rule},
    unit::UnitKind,
    value::Value,
};

/// Version of the declared entities, told with each mutation; raised when the declaration changes. How a
/// file is laid out is told by the number of its last migration.
pub const SCHEMA_VERSION: u32 = 2;

/// Every entity, by name and by number.
pub struct Catalogue {
    /// In the order of their numbers.
    pub entities: Vec<Entity>,
    by_name: HashMap<String, usize>,
    by_no: HashMap<u16, usize>,
    homes: HashMap<UnitKind, usize>,
}

impl Catalogue {
    /// Reads declarations: a JSON list of what the files in `entities/` say, each with the name of its
    /// folder as `group`.
    ///
    /// # Errors
    /// What is wrong, with the entity's name.
    pub fn of(declarations: &str) -> Result<Catalogue, String> {
        let files: Vec<EntityFile> = serde_json::from_str(declarations).map_err(|error| unreadable(declarations, &error))?;
        let mut entities = Vec::with_capacity(files.len());
        for file in files {
            let name = file.name.clone();
            entities.push(entity(file).map_err(|why| format!("{name}: {why}"))?);
        }
        gathered(entities)
    }

    /// The entity whose rows stand for the units of a kind: each row lies in the unit that has its own id,
    /// so organizations for [`UnitKind::Org`]. None for a kind without one.
    pub fn home_of(&self, kind: UnitKind) -> Option<&Entity> {
        self.homes.get(&kind).map(|at| &self.entities[*at])
    }

    /// An entity by its table name.
    pub fn get(&self, name: &str) -> Option<&Entity> {
        self.by_name.get(name).map(|at| &self.entities[*at])
    }

    /// An entity by its number on the wire.
    pub fn by_no(&self, no: u16) -> Option<&Entity> {
        self.by_no.get(&no).map(|at| &self.entities[*at])
    }

    /// The entities whose rows name contents of files, with what they name.
    pub fn files(&self) -> impl Iterator<Item = (&Entity, &NamedFile)> {
        self.entities.iter().flat_map(|entity| entity.files.iter().map(move |file| (entity, file)))
    }

    /// Fields of other entities that refer to `entity`, with their positions.
    pub fn referrers<'a>(&'a self, entity: &'a str) -> impl Iterator<Item = (&'a Entity, usize, OnDelete)> {
        self.entities.iter().flat_map(move |from| {
            from.fields.iter().enumerate().filter_map(move |(at, field)| {
                let reference = field.reference.as_ref()?;
                (reference.entity == entity).then_some((from, at, reference.on_delete))
            })
        })
    }

    /// Entities that need rows of `part` under some condition, with the field of `part` that
    /// refers to them.
    pub fn needed_by<'a>(&'a self, part: &'a Entity) -> impl Iterator<Item = (&'a Entity, usize)> {
        part.fields.iter().enumerate().filter_map(move |(at, field)| {
            let owner = self.get(&field.reference.as_ref()?.entity)?;
            let needs = |rule: &Rule| matches!(&rule.check, Check::NeedsChild { entity, by, .. } if *entity == part.name && *by == field.name);
            owner.rules.iter().any(needs).then_some((owner, at))
        })
    }
}

/// The one catalogue.
///
/// # Panics
/// When a declaration is inconsistent; a test of this crate reads all of them, so a built
/// program does not meet this.
#[allow(clippy::panic, reason = "what is embedded was tested")]
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| match Catalogue::of(include_str!(concat!(env!("OUT_DIR"), "/entities.json"))) {
        Ok(catalogue) => catalogue,
        Err(why) => panic!("the declarations of entities are inconsistent: {why}"),
    })
}

/// Which declaration cannot be read, and why. Read one by one only now: that takes longer.
fn unreadable(declarations: &str, error: &serde_json::Error) -> String {
    let each: Vec<serde_json::Value> = serde_json::from_str(declarations).unwrap_or_default();
    let why = |file: serde_json::Value| Some(format!("{}: {}", file["name"].as_str().unwrap_or("an entity without a name"), EntityFile::deserialize(&file).err()?));
    each.into_iter().find_map(why).unwrap_or_else(|| error.to_string())
}

fn gathered(mut entities: Vec<Entity>) -> Result<Catalogue, String> {
    let by_name: HashMap<_, _> = entities.iter().enumerate().map(|(at, e): (_, &Entity)| (e.name.clone(), at)).collect();
    let by_no = entities.iter().enumerate().map(|(at, e)| (e.no, at)).collect();
    let travels: Vec<Vec<bool>> = entities
        .iter()
        .map(|entity| {
            let holds = |field: &Field| field.reference.as_ref().is_some_and(|r| by_name.get(&r.entity).is_some_and(|to| travels_with(entity, field, &entities[*to])));
            entity.fields.iter().map(holds).collect()
        })
        .collect();
    for (entity, flags) in entities.iter_mut().zip(travels) {
        for (field, same_unit) in entity.fields.iter_mut().zip(flags) {
            if let Some(reference) = &mut field.reference {
                if !by_name.contains_key(&reference.entity) {
                    return Err(format!("{}.{} refers to an unknown entity {}", entity.name, field.name, reference.entity));
                }
                reference.same_unit = same_unit;
            }
        }
    }
    let mut homes = HashMap::new();
    for (at, entity) in entities.iter().enumerate() {
        let is_home = |rule: &UnitRule| if let UnitSource::Of(kind, field) = rule.source { (entity.fields[field].name == "id").then_some(kind) } else { None };
        for kind in entity.unit.iter().filter_map(is_home) {
            if let Some(other) = homes.insert(kind, at) {
                return Err(format!("{} and {} both stand for the units of one kind", entities[other].name, entity.name));
            }
        }
    }
    let people = homes.get(&UnitKind::Person).map(|at| entities[*at].name.as_str());
    for entity in &entities {
        let claimants = entity.claims.iter().filter_map(|claim| if let Claimant::Field(at) = claim.who { Some(at) } else { None });
        for field in claimants.chain(entity.role.as_ref().map(|role| role.who)).map(|at| &entity.fields[at]) {
            let names_people = field.reference.as_ref().map_or((field.name == "id").then_some(entity.name.as_str()), |to| Some(to.entity.as_str())) == people;
            if !names_people {
                return Err(format!("{}.{} does not name a person, so nobody can have a right by it", entity.name, field.name));
            }
        }
    }
    Ok(Catalogue { entities, by_name, by_no, homes })
}

/// A referenced row is surely on the same laptop when the reference defines the unit, or when
/// the other entity lives in the platform alone.
fn travels_with(entity: &Entity, field: &Field, to: &Entity) -> bool {
    let at = entity.position(&field.name);
    let parent = matches!(entity.unit.first(), Some(UnitRule { source: UnitSource::Parent(p), when: None }) if Some(*p) == at);
    let platform = to.unit.iter().all(|rule| matches!(rule.source, UnitSource::Platform));
    parent || platform
}

fn entity(file: EntityFile) -> Result<Entity, String> {
    let fields = file.fields.into_iter().map(field).collect::<Result<Vec<_>, _>>()?;
    let positions: HashMap<String, usize> = fields.iter().enumerate().map(|(at, f)| (f.name.clone(), at)).collect();
    let find = |name: &str| positions.get(name).copied().ok_or_else(|| format!("no field {name}"));
    let find_all = |names: &[String]| names.iter().map(|name| find(name)).collect::<Result<Vec<_>, _>>();

    let mut uniques: Vec<Unique> = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        if field.unique {
            uniques.push(Unique { fields: vec![at], when: None });
        }
    }
    for names in &file.unique {
        uniques.push(Unique { fields: find_all(names)?, when: None });
    }
    for rule in &file.unique_when {
        let at = find(&rule.field)?;
        let value = fixed(fields[at].ty, &rule.is)?;
        uniques.push(Unique { fields: find_all(&rule.columns)?, when: Some((at, value)) });
    }
    let natural_key = find_all(&file.natural_key)?;

    for field in &fields {
        let versions = [field.since].into_iter().chain(field.later_choices.iter().map(|(_, since)| *since));
        if versions.clone().any(|since| since < file.since || since > SCHEMA_VERSION) {
            return Err(format!("{}: its version lies between that of the entity and {SCHEMA_VERSION}", field.name));
        }
        if field.since > file.since && field.required {
            return Err(format!("{}: rows of before have no value, so it cannot be required", field.name));
        }
    }
    let mut wanted: Vec<(Vec<usize>, u32)> = Vec::new();
    for names in &file.indexes {
        wanted.push((find_all(names)?, file.since));
    }
    for index in &file.later_indexes {
        wanted.push((find_all(&index.fields)?, index.since));
    }
    wanted.extend(uniques.iter().map(|unique| (unique.fields.clone(), file.since)));
    wanted.extend((!natural_key.is_empty()).then(|| (natural_key.clone(), file.since)));
    wanted.extend(fields.iter().enumerate().filter(|(_, field)| field.reference.is_some()).map(|(at, _)| (vec![at], file.since)));
    // An index comes with the latest of its fields, at the earliest.
    let wanted = wanted.into_iter().map(|(positions, since)| Index { since: positions.iter().map(|at| fields[*at].since).fold(since, u32::max), fields: positions }).collect();
    let indexes = without_prefixes(wanted);

    let overlap = file.overlap.map(|declared| overlap::overlap(declared, &fields, &indexes)).transpose().map_err(|why| format!("overlap: {why}"))?;
    let files = file.files.iter().map(|declared| file::file(declared, &fields, &indexes)).collect::<Result<_, _>>().map_err(|why| format!("file: {why}"))?;
    let mut groups: Vec<MergeGroup> = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        match groups.iter_mut().find(|group| group.name == field.group) {
            Some(group) => group.fields.push(at),
            None => groups.push(MergeGroup { name: field.group.clone(), fields: vec![at] }),
        }
    }
    let unit: Vec<UnitRule> = file.unit.iter().map(|text| unit_rule(text, &fields)).collect::<Result<_, _>>()?;
    let (has_writers, is_guarded) = (file.writers.is_some(), matches!(file.writers.as_deref(), Some("admins" | "centre")));
    let claims = file.claims.into_iter().map(|declared| claim::claim(declared, &fields, &unit, has_writers).map_err(|why| format!("claim: {why}"))).collect::<Result<_, _>>()?;
    let role = file.role.map(|declared| claim::role(declared, &fields, is_guarded)).transpose().map_err(|why| format!("role: {why}"))?;
    for rule in &file.rules {
        for name in rule.fields() {
            find(name).map_err(|why| format!("rule {}: {why}", rule.id))?;
        }
        if let Check::Steps { field, to } = &rule.check {
            let choices = &fields[find(field)?].choices;
            if let Some(unknown) = to.iter().flat_map(|(from, to)| std::iter::once(from).chain(to)).find(|step| !choices.contains(step)) {
                return Err(format!("rule {}: {unknown} is no choice of {field}", rule.id));
            }
        }
    }
    Ok(Entity {
        policy: match file.policy.as_str() {
            "lww" => MergePolicy::LastWriterWins,
            "review" => MergePolicy::Review,
            "sealed" => MergePolicy::Sealed,
            other => return Err(format!("unknown policy {other}")),
        },
        writers: match file.writers.as_deref() {
            None | Some("anyone") => Writers::Anyone,
            Some("staff") => Writers::Staff,
            Some("admins") => Writers::Admins,
            Some("centre") => Writers::Centre,
            Some(other) => return Err(format!("unknown writers {other}")),
        },
        claims,
        role,
        overlap,
        files,
        title: find_all(&file.title)?,
        search: find_all(&file.search)?,
        no: file.no,
        since: file.since,
        name: file.name,
        label: file.label,
        plural: file.plural,
        help: file.help,
        group: file.group,
        scope: file.scope,
        append_only: file.append_only,
        seeds: file.seeds,
        described: file.described,
        rules: file.rules,
        natural_key,
        uniques,
        indexes,
        unit,
        groups,
        positions,
        fields,
    })
}

/// An index is left out when another one, of the same version or of one before, starts with the same
/// fields. What was shipped stays.
fn without_prefixes(mut indexes: Vec<Index>) -> Vec<Index> {
    indexes.sort_by_key(|index| index.since);
    let mut kept: Vec<Index> = Vec::new();
    for index in &indexes {
        let covered = indexes.iter().any(|other| other.since <= index.since && other.fields.len() > index.fields.len() && other.fields.starts_with(&index.fields));
        if !covered && !kept.iter().any(|other| other.fields == index.fields) {
            kept.push(index.clone());
        }
    }
    kept
}

fn field(file: FieldFile) -> Result<Field, String> {
    let ty = field_type(&file.ty)?;
    let number = |text: &Option<String>| text.as_deref().map(|t| t.parse().map_err(|_| format!("{}: not a number: {t}", file.name))).transpose();
    let (min, max) = (number(&file.min)?, number(&file.max)?);
    let default = match file.default.as_deref() {
        None => None,
        Some("now") if ty == FieldType::Instant => Some(Default::Now),
        Some(text) => Some(Default::Fixed(fixed(ty, text).map_err(|why| format!("{}: {why}", file.name))?)),
    };
    let reference = file.references.map(|entity| {
        let on_delete = match file.on_delete.as_deref() {
            Some("cascade") => OnDelete::Cascade,
            Some("restrict") => OnDelete::Restrict,
            _ => OnDelete::SetNull,
        };
        Reference { entity, on_delete, same_unit: false }
    });
    let (mut choices, mut later_choices) = (Vec::new(), Vec::new());
    for choice in file.choices {
        choices.push(match choice {
            ChoiceFile::Plain(code) => code,
            ChoiceFile::Later { code, since } => {
                later_choices.push((code.clone(), since));
                code
            }
        });
    }
    Ok(Field {
        group: file.group.unwrap_or_else(|| file.name.clone()),
        privacy: match file.privacy.as_deref() {
            None | Some("none") => Privacy::None,
            Some("personal") => Privacy::Personal,
            Some("clinical") => Privacy::Clinical,
            Some("secret") => Privacy::Secret,
            Some(other) => return Err(format!("{}: unknown privacy class {other}", file.name)),
        },
        format: file.format.as_deref().map(Format::parse).transpose()?,
        no: file.no,
        since: file.since,
        name: file.name,
        label: file.label,
        help: file.help,
        ty,
        required: file.required,
        default,
        choices,
        later_choices,
        open: file.open,
        proposed: file.proposed,
        reference,
        unique: file.unique,
        min,
        max,
        seeds: file.seeds,
        note: file.note,
    })
}

fn field_type(text: &str) -> Result<FieldType, String> {
    let (name, arguments) = text.split_once('(').unwrap_or((text, ""));
    let numbers: Vec<u32> = arguments.trim_end_matches(')').split(',').filter_map(|n| n.trim().parse().ok()).collect();
    Ok(match (name, numbers.as_slice()) {
        ("uuid", _) => FieldType::Uuid,
        ("text", []) => FieldType::Text { max: None },
        ("text", [max]) => FieldType::Text { max: Some(*max) },
        ("integer", _) => FieldType::Integer,
        ("smallint", _) => FieldType::SmallInteger,
        ("bigint", _) => FieldType::BigInteger,
        ("decimal", [precision, scale]) => FieldType::Decimal { precision: *precision, scale: *scale },
        ("boolean", _) => FieldType::Boolean,
        ("date", _) => FieldType::Date,
        ("instant", _) => FieldType::Instant,
        ("json", _) => FieldType::Json,
        _ => return Err(format!("unknown type {text}")),
    })
}

fn fixed(ty: FieldType, text: &str) -> Result<Value, String> {
    let json = match ty {
        FieldType::Text { .. } | FieldType::Date | FieldType::Instant | FieldType::Uuid | FieldType::Decimal { .. } => text.into(),
        _ => serde_json::from_str(text).map_err(|_| format!("not a default: {text}"))?,
    };
    Value::from_json(ty, &json)
}

/// Reads `kind:field`, with an optional condition behind ` if `.
fn unit_rule(text: &str, fields: &[Field]) -> Result<UnitRule, String> {
    let (source, condition) = text.split_once(" if ").map_or((text, None), |(s, c)| (s, Some(c)));
    let find = |name: &str| position(name, fields);
    let source = match source.split_once(':') {
        None if source == "platform" => UnitSource::Platform,
        Some(("org", field)) => UnitSource::Of(UnitKind::Org, find(field)?),
        Some(("person", field)) => UnitSource::Of(UnitKind::Person, find(field)?),
        Some(("account", field)) => UnitSource::Of(UnitKind::Account, find(field)?),
        Some(("thread", field)) => UnitSource::Of(UnitKind::Thread, find(field)?),
        Some(("parent", field)) => UnitSource::Parent(find(field)?),
        _ => return Err(format!("unknown unit {text}")),
    };
    Ok(UnitRule { source, when: condition.map(|condition| Condition::parse(condition, fields)).transpose()? })
}
