//! Every validation, check, uniqueness and closed choice of the five seeds: a good value passes, a
//! bad one is refused with a message that names the field, the rule and the remedy.
//!
//! `fixtures/rules.csv` lists what must be proven; each of its rows is proven by exactly one of the
//! tables in `rules/tables.rs`, by one of `OTHERS`, or stands in `NOT_ENFORCED_ON_LAPTOP`. What is unique is
//! looked for among the rows that the laptop holds; rows that meet only at the centre are kept and flagged
//! there.

#[path = "rules/tables.rs"]
mod tables;

use std::{collections::BTreeSet, convert::Infallible};

use chrono::Days;
use gladstone_model::{
    Entity, Fault, Field, FieldType, Instant, Row, Value, catalogue, catalogue::SCHEMA_VERSION, ddl,
    entity::Default,
    format::{self, Format},
    id,
    rule::{Check, Guard, Rule},
    validate::{self, Lookup},
};
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};
use tables::{AMOUNT, CHOICES, Case, NOT_ENFORCED_ON_LAPTOP, OTHER, ROW, SCALE, TEXT, UNIQUES, YES_OR_NO, cases};
use uuid::Uuid;

const NOW: Instant = Instant(1_795_257_720_000_000);
const FIXTURE: &str = include_str!("fixtures/rules.csv");

/// Seed id, kind, table, and what asserts it.
type Other = (&'static str, &'static str, &'static str, fn());

/// Rules that are not about one field of one table.
const OTHERS: [Other; 5] = [
    ("mindtrack:186", "validation", "users", passwords_are_judged),
    ("planner360:298", "validation", "*", the_database_checks_too),
    ("diagnoleads:19", "validation", "*", every_status_is_a_closed_list),
    ("diagnoleads:708", "validation", "*", every_table_has_a_uuid_key),
    ("diagnoleads:712", "unique", "*", every_unique_is_declared),
];

/// The rows that are there; a reference to any other row is good, unless its id is nil.
struct World(Vec<Row>);

impl World {
    /// Questions to answer, and one option that belongs to the row under test.
    fn of_questions() -> World {
        let question = |id: Uuid, values: Json| with(plain("questions"), &json!({ "id": id, "questionnaire_id": id }), &values);
        World(vec![
            question(SCALE, json!({ "type": "scale", "is_scored": true, "max_score": "3", "value_range": { "min": 0, "max": 3 } })),
            question(AMOUNT, json!({ "type": "number" })),
            question(YES_OR_NO, json!({ "type": "true_false" })),
            question(TEXT, json!({ "type": "textarea" })),
            with(plain("question_options"), &json!({ "id": OTHER }), &json!({ "question_id": ROW })),
        ])
    }

    fn faults(&self, row: &Row) -> Vec<Fault> {
        let Ok(mut found) = validate::faults(row, &|_| true, NOW, self);
        let Ok(late) = validate::completion_faults(row, self);
        found.extend(late);
        found
    }
}

impl Lookup for World {
    type Error = Infallible;

    fn row(&self, entity: &'static Entity, id: Uuid) -> Result<Option<Row>, Infallible> {
        let there = self.0.iter().find(|row| row.entity == entity && row.id() == id).cloned();
        Ok(there.or_else(|| (!id.is_nil()).then(|| Row::empty(entity))))
    }

    fn taken(&self, entity: &'static Entity, values: &[(usize, &Value)], except: Uuid) -> Result<bool, Infallible> {
        Ok(self.0.iter().any(|row| row.entity == entity && row.id() != except && values.iter().all(|(at, value)| row.values[*at] == **value)))
    }
}

fn entity(name: &str) -> &'static Entity {
    catalogue().get(name).unwrap_or_else(|| panic!("no entity {name}"))
}

/// A row with its defaults and something in every other field that needs a value.
fn plain(name: &str) -> Row {
    let mut row = Row::empty(entity(name));
    for (field, value) in row.entity.fields.iter().zip(&mut row.values) {
        *value = match &field.default {
            Some(Default::Now) => NOW.into(),
            Some(Default::Fixed(fixed)) => fixed.clone(),
            None if field.required => sample(field),
            None => Value::Null,
        };
    }
    row.set("id", ROW);
    row
}

fn sample(field: &Field) -> Value {
    match field.ty {
        FieldType::Text { .. } => Value::text(match field.format {
            _ if !field.choices.is_empty() => &field.choices[0],
            Some(Format::Email) => "amara@example.org",
            Some(Format::Url | Format::Website) => "https://www.example.org",
            Some(Format::Ga4) => "G-A1B2C3D4E5",
            Some(Format::TimeZone) => "Europe/London",
            Some(Format::Language) => "en",
            Some(Format::Phone) => "116 123",
            Some(Format::Color) => "#1F5B4E",
            Some(Format::Ip) => "192.0.2.7",
            _ if field.name == "data_source" => "responses",
            _ => "sample",
        }),
        FieldType::Uuid => Uuid::from_u128(100 + u128::from(field.no)).into(),
        FieldType::Integer | FieldType::SmallInteger | FieldType::BigInteger | FieldType::Decimal { .. } => number(field),
        FieldType::Boolean => false.into(),
        FieldType::Date => NOW.date().into(),
        FieldType::Instant => NOW.into(),
        FieldType::Json => json!({}).into(),
    }
}

fn number(field: &Field) -> Value {
    let number = field.min.unwrap_or(Decimal::ONE);
    if let FieldType::Decimal { .. } = field.ty { number.into() } else { Value::Integer(number.try_into().unwrap_or(1)) }
}

/// The row with some fields set from JSON, the latter over the former.
fn with(mut row: Row, first: &Json, then: &Json) -> Row {
    for (name, json) in [first, then].into_iter().filter_map(Json::as_object).flatten() {
        let field = row.entity.field(name).unwrap_or_else(|| panic!("{} has no field {name}", row.entity.name));
        row.set(name, Value::from_json(field.ty, json).unwrap_or_else(|why| panic!("{name}: {why}")));
    }
    row
}

/// Names of the faults that the rules of `id` may raise: their own, or that of the field's check.
fn recorded(entity: &Entity, id: &str, at: &str) -> Vec<String> {
    let of_guard = |guard: Guard| match guard {
        Guard::Required => "required".to_owned(),
        Guard::Optional => "reference".to_owned(),
        Guard::Choices => "choice".to_owned(),
        Guard::Range => "range".to_owned(),
        Guard::Length => "length".to_owned(),
        Guard::Unique => "unique".to_owned(),
        Guard::Format => entity.field(at).and_then(|field| field.format).map_or_else(String::new, |format| format.name().to_owned()),
    };
    let rules = entity.rules.iter().filter(|rule| rule.seeds.iter().any(|seed| seed == id) && rule.fields().contains(&at));
    rules.map(|rule| if let Check::Declared { by, .. } = rule.check { of_guard(by) } else { rule.id.clone() }).collect()
}

fn check(world: &World, case: &Case) {
    let Case { id, at, .. } = case;
    let good = with(plain(case.entity), &case.good, &json!({}));
    assert_eq!(world.faults(&good), [], "{id}: the good value passes");
    let found = world.faults(&with(good, &case.bad, &json!({})));
    assert!(!found.is_empty(), "{id}: {} is refused", case.bad);
    let rules = recorded(entity(case.entity), id, at);
    for fault in &found {
        assert_eq!(fault.field, *at, "{id}: the fault names the field: {}", fault.message);
        assert!(rules.contains(&fault.rule), "{id}: refused by {}, recorded as {rules:?}", fault.rule);
    }
    says(&found[0], &case.says);
}

fn says(fault: &Fault, fragments: &[&str]) {
    let label = entity(&fault.entity).field(&fault.field).map_or("", |field| field.label.as_str());
    let message = &fault.message;
    assert!(message.to_lowercase().contains(&label.to_lowercase()), "“{message}” names {label}");
    for fragment in fragments {
        assert!(message.contains(fragment), "“{message}” says “{fragment}”");
    }
    assert!(message.ends_with('.'), "“{message}” is a sentence");
}

fn fixture() -> BTreeSet<(&'static str, &'static str, &'static str)> {
    let rows = FIXTURE.lines().skip(1).map(|line| line.splitn(4, ',').collect::<Vec<_>>());
    rows.map(|columns| (columns[0], columns[1], columns[2])).collect()
}

#[test]
fn a_good_value_passes_and_a_bad_one_is_refused_in_words_that_help() {
    let world = World::of_questions();
    for case in &cases() {
        check(&world, case);
    }
}

#[test]
fn what_is_unique_is_declared_and_a_twin_is_refused() {
    for (id, name, fields) in UNIQUES {
        let entity = entity(name);
        let same = |rule: &&Rule| matches!(&rule.check, Check::Declared { fields: found, by: Guard::Unique } if found.iter().map(String::as_str).eq(fields.iter().copied()));
        let rule = entity.rules.iter().find(|rule| rule.seeds.iter().any(|seed| seed == id) && same(rule));
        assert!(rule.is_some_and(|rule| rule.is_declared(entity)), "{id}: {name} declares that {fields:?} are unique");
        twin_is_refused(id, entity, fields);
    }
}

fn twin_is_refused(id: &str, entity: &'static Entity, fields: &[&str]) {
    let mut row = plain(&entity.name);
    for name in fields.iter().filter(|name| row.get(name).is_null()).copied().collect::<Vec<_>>() {
        let value = entity.field(name).map_or(Value::Null, sample);
        row.set(name, value);
    }
    let condition = entity.uniques.iter().filter_map(|unique| unique.when.as_ref()).find(|(at, _)| fields.contains(&entity.fields[*at].name.as_str()));
    if let Some((at, value)) = condition {
        row.values[*at] = value.clone();
    }
    if entity.natural_key.iter().map(|at| entity.fields[*at].name.as_str()).eq(fields.iter().copied()) {
        let key: Vec<&Value> = entity.natural_key.iter().map(|at| &row.values[*at]).collect();
        let others: Vec<Value> = key.iter().map(|value| another(value)).collect();
        assert_eq!(id::derived(entity.no, &key), id::derived(entity.no, &key), "{id}: the same key is the same row");
        assert_ne!(id::derived(entity.no, &key), id::derived(entity.no, &others.iter().collect::<Vec<_>>()), "{id}: another key is another row");
        return;
    }
    let mut twin = row.clone();
    twin.set("id", OTHER);
    let unlike = |name: &str| {
        let mut other = twin.clone();
        other.set(name, another(other.get(name)));
        // Other fields that are unique by themselves differ as well.
        for (at, field) in entity.fields.iter().enumerate().filter(|(_, field)| field.unique) {
            other.values[at] = if fields.contains(&field.name.as_str()) { other.values[at].clone() } else { another(&other.values[at]) };
        }
        World(vec![other]).faults(&row)
    };
    for name in fields.iter().filter(|name| condition.is_none_or(|(at, _)| entity.fields[*at].name != **name)) {
        assert_eq!(unlike(name).into_iter().filter(|fault| fault.field == fields[fields.len() - 1]).collect::<Vec<_>>(), [], "{id}: a row that differs in {name} may stand beside");
    }
    let found = World(vec![twin]).faults(&row);
    let fault = found.iter().find(|fault| fault.rule == "unique" && fault.field == fields[fields.len() - 1]);
    let Some(fault) = fault else { panic!("{id}: a twin is refused, not only {found:?}") };
    says(&Fault { field: fields[0].into(), ..fault.clone() }, &["Another", "has the same", "choose another value"]);
}

/// A value of the same type that is not the same.
fn another(value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::text(&format!("{text} 2")),
        Value::Integer(number) => Value::Integer(number + 1),
        Value::Date(date) => (*date - Days::new(1)).into(),
        Value::Boolean(yes) => (!yes).into(),
        _ => Uuid::from_u128(999).into(),
    }
}

#[test]
fn a_closed_choice_takes_what_the_seed_lists_and_refuses_the_rest() {
    for (id, name, column, values) in CHOICES {
        let Some(field) = entity(name).field(column) else { panic!("{name} has no field {column}") };
        assert!(field.seeds.iter().any(|seed| seed == id), "{id} is recorded at {name}.{column}");
        for value in values {
            assert_eq!(validate::check_field(field, &Value::text(value)), Ok(()), "{id}: {value} is taken");
        }
        let row = with(plain(name), &json!({ column: "elsewhere" }), &json!({}));
        let found = World::of_questions().faults(&row);
        let Some(fault) = found.iter().find(|fault| fault.field == column && fault.rule == "choice") else { panic!("{id}: another value is refused") };
        says(fault, &["not on the list", "choose one of", values[0]]);
    }
}

#[test]
fn rules_about_more_than_one_field_of_one_table_hold() {
    for (_, _, _, holds) in OTHERS {
        holds();
    }
}

fn passwords_are_judged() {
    assert_eq!(format::check_password("brass-Clasp7"), Ok(()), "letters, digits and another character");
    for bad in ["aB3$xyz", "longenough7", "long enough!", "1234567!"] {
        let Err(message) = format::check_password(bad) else { panic!("{bad} is refused") };
        assert!(message.starts_with("Password: must mix") && message.contains("Use a longer one"), "“{message}” names field, rule and remedy");
    }
}

fn the_database_checks_too() {
    for entity in &catalogue().entities {
        let sqlite: String = (entity.since + 1..=SCHEMA_VERSION).map(|version| ddl::sqlite::alter_table(entity, version)).fold(ddl::sqlite::create_table(entity), |sql, more| sql + &more);
        let postgres: String = (entity.since + 1..=SCHEMA_VERSION).map(|version| ddl::postgres::alter_table(entity, version)).fold(ddl::postgres::create_table(entity), |sql, more| sql + &more);
        for (engine, table) in [("SQLite", sqlite), ("PostgreSQL", postgres)] {
            for field in &entity.fields {
                let starts = [format!("  {} ", field.name), format!("ALTER TABLE {} ADD COLUMN {} ", entity.name, field.name)];
                let Some(column) = table.lines().find(|line| starts.iter().any(|start| line.starts_with(start))) else { panic!("{}.{} is a column", entity.name, field.name) };
                assert!(!field.required || column.contains("NOT NULL"), "{engine}: {}.{} is needed", entity.name, field.name);
                assert!(field.min.is_none() && field.max.is_none() || column.contains("CHECK"), "{engine}: {}.{} has a range", entity.name, field.name);
            }
        }
    }
}

/// The principle of one system, for the columns that hold its fields.
fn every_status_is_a_closed_list() {
    let fields = catalogue().entities.iter().flat_map(|entity| &entity.fields);
    let states: Vec<&Field> = fields.filter(|field| field.name == "status" && field.seeds.iter().any(|seed| seed.starts_with("diagnoleads:"))).collect();
    assert_eq!(states.len(), 4, "questionnaires, responses, leads and QR codes have a status");
    for field in states {
        assert!(!field.choices.is_empty() && !field.open, "{:?} takes only what is on its list", field.seeds);
    }
}

fn every_table_has_a_uuid_key() {
    for entity in &catalogue().entities {
        let Some(key) = entity.field("id") else { panic!("{} has an id", entity.name) };
        assert!(key.ty == FieldType::Uuid && key.required, "the id of {} is a UUID that is always there", entity.name);
        assert!(ddl::sqlite::create_table(entity).contains("id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16)"), "{} is keyed by it", entity.name);
    }
}

fn every_unique_is_declared() {
    let listed: BTreeSet<&str> = UNIQUES.iter().map(|(id, ..)| *id).chain(["diagnoleads:712"]).collect();
    let wanted: BTreeSet<&str> = fixture().into_iter().filter(|(_, kind, _)| *kind == "unique").map(|(id, ..)| id).collect();
    assert_eq!(listed, wanted, "each uniqueness of the seeds is proven above");
}

#[test]
fn every_rule_of_the_seeds_is_proven_once_or_said_not_to_be_enforced() {
    let cases = cases();
    let proven = cases.iter().map(|case| (case.id, case.kind, case.entity));
    let proven = proven.chain(UNIQUES.iter().map(|(id, entity, _)| (*id, "unique", *entity)));
    let proven = proven.chain(CHOICES.iter().map(|(id, entity, ..)| (*id, "choice", *entity)));
    let proven: BTreeSet<_> = proven.chain(OTHERS.iter().map(|(id, kind, entity, _)| (*id, *kind, *entity))).collect();
    let refused: BTreeSet<_> = NOT_ENFORCED_ON_LAPTOP.iter().map(|(id, entity, _)| (*id, "choice", *entity)).collect();
    assert!(NOT_ENFORCED_ON_LAPTOP.iter().all(|(_, _, reason)| reason.len() > 40), "each exception gives its reason");
    assert_eq!(proven.intersection(&refused).collect::<Vec<_>>(), Vec::<&(&str, &str, &str)>::new(), "nothing is both");
    assert_eq!(proven.union(&refused).copied().collect::<BTreeSet<_>>(), fixture(), "nothing of the fixture is left out, and nothing else is proven");
    for (id, name, _) in NOT_ENFORCED_ON_LAPTOP {
        assert!(entity(name).fields.iter().any(|field| field.open && field.seeds.iter().any(|seed| seed == id)), "{id} is an open list of {name}");
    }
}

#[test]
fn every_declared_rule_is_sound() {
    let known = fixture();
    for entity in &catalogue().entities {
        let names: BTreeSet<&str> = entity.rules.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(names.len(), entity.rules.len(), "{}: each rule has a name of its own", entity.name);
        for rule in &entity.rules {
            let name = format!("{}.{}", entity.name, rule.id);
            assert!(rule.is_declared(entity), "{name}: the fields declare what the rule relies on");
            assert!(rule.seeds.iter().all(|seed| known.iter().any(|(id, _, table)| id == seed && *table == entity.name)), "{name}: its seeds stand in the fixture");
            if !matches!(rule.check, Check::Declared { .. } | Check::FilledFrom { .. }) {
                let labels: Vec<String> = rule.fields().into_iter().filter_map(|field| entity.field(field)).map(|field| format!("{}: ", field.label)).collect();
                assert!(labels.iter().any(|label| rule.message.starts_with(label)), "{name}: the message begins with the field");
                assert!(rule.message.matches(". ").count() >= 1 && rule.message.ends_with('.'), "{name}: the message says the rule and then the remedy");
            }
        }
    }
}

#[test]
fn a_plain_row_of_every_kind_passes() {
    for entity in &catalogue().entities {
        assert_eq!(World(Vec::new()).faults(&plain(&entity.name)), [], "{} can be written with its defaults", entity.name);
    }
}

#[test]
fn a_person_without_a_name_is_named_by_its_parts_or_its_email() {
    let named = |values: Json| {
        let mut row = with(plain("users"), &json!({ "name": null }), &values);
        validate::fill_missing(&mut row);
        row.text("name").to_owned()
    };
    assert_eq!(named(json!({ "first_name": "Amara", "last_name": "Osei", "email": "desk@example.org" })), "Amara Osei", "first and last name come first");
    assert_eq!(named(json!({ "last_name": " Osei " })), "Osei", "one of them is enough");
    assert_eq!(named(json!({ "email": "amara.osei@example.org" })), "amara.osei", "then what stands before the @");
    assert_eq!(named(json!({ "name": "Dr Osei", "first_name": "Amara" })), "Dr Osei", "a given name stays");
    assert_eq!(named(json!({})), "", "nothing is made up");
}

#[test]
fn values_beyond_all_bounds_are_judged_like_others_and_nothing_overflows() {
    let tiny = Decimal::new(1, 28);
    let extremes = |field: &Field| match field.ty {
        FieldType::Decimal { .. } => vec![Value::Decimal(Decimal::MIN), Value::Decimal(Decimal::MAX), Value::Decimal(tiny), Value::Decimal(-tiny)],
        FieldType::Integer | FieldType::SmallInteger | FieldType::BigInteger => vec![Value::Integer(i64::MIN), Value::Integer(i64::MAX), Value::Integer(0)],
        FieldType::Instant => vec![Value::Instant(Instant(i64::MIN)), Value::Instant(Instant(i64::MAX))],
        FieldType::Date => vec![Value::Date(chrono::NaiveDate::MIN), Value::Date(chrono::NaiveDate::MAX)],
        _ => Vec::new(),
    };
    let world = World::of_questions();
    for entity in &catalogue().entities {
        let good = plain(&entity.name);
        // One value on top of a good row, then every pair of places in the lists above for all fields at once.
        for field in &entity.fields {
            for value in extremes(field) {
                let refused = matches!(field.ty, FieldType::Decimal { .. });
                let mut row = good.clone();
                row.set(&field.name, value);
                let faults = world.faults(&row);
                assert!(!refused || !faults.is_empty(), "{}.{}", entity.name, field.name);
            }
        }
        for (even, odd) in (0..4).flat_map(|even| (0..4).map(move |odd| (even, odd))) {
            let mut row = good.clone();
            for (at, field) in entity.fields.iter().enumerate() {
                let values = extremes(field);
                if let Some(value) = values.get((if at % 2 == 0 { even } else { odd }) % values.len().max(1)) {
                    row.set(&field.name, value.clone());
                }
            }
            world.faults(&row);
        }
    }
}
