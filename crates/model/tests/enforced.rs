//! Where each rule is enforced, and by what. `fixtures/enforced.tsv` has a line for each rule of the five
//! seeds and for each of our own: on laptop and centre (`both`), on one of them, or nowhere (`none`) with
//! the reason. What enforces it is a `rule:` or `field:` of the declaration, an `index:`, a `link:`, or
//! named by the `test:` that proves it; every one of them is looked up here.

use std::{collections::BTreeSet, fs, path::Path};

use gladstone_model::{Entity, Field, Privacy, catalogue, rule::Check};

const LINES: &str = include_str!("fixtures/enforced.tsv");
const PROVEN: &str = include_str!("fixtures/rules.csv");

/// One rule and what is done about it.
struct Line {
    id: &'static str,
    kind: &'static str,
    place: &'static str,
    by: &'static str,
}

fn lines() -> Vec<Line> {
    let all = LINES.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    all.map(|columns| match columns[..] {
        [id, kind, _, place, by, _] => Line { id, kind, place, by },
        _ => panic!("a line has six columns: {columns:?}"),
    })
    .collect()
}

fn entity(name: &str) -> &'static Entity {
    catalogue().get(name).unwrap_or_else(|| panic!("no entity {name}"))
}

fn field(name: &str) -> Option<&'static Field> {
    let (table, column) = name.split_once('.')?;
    catalogue().get(table)?.field(column)
}

/// Whether what is said to enforce a rule is there.
fn is_there(by: &str) -> bool {
    let Some((kind, what)) = by.split_once(':') else { return false };
    match kind {
        "rule" => {
            let (table, id) = what.split_once('.').unwrap();
            entity(table).rules.iter().any(|rule| rule.id == id && rule.is_declared(entity(table)))
        }
        "field" => field(what).is_some(),
        "index" => {
            let (table, columns) = what.split_once('.').unwrap();
            let wanted: Vec<usize> = columns.split('+').filter_map(|column| entity(table).position(column)).collect();
            columns == "id" || entity(table).indexes.iter().any(|index| !wanted.is_empty() && index.fields.starts_with(&wanted))
        }
        "link" => {
            let (from, to) = what.split_once('>').unwrap();
            field(from).and_then(|field| field.reference.as_ref()).is_some_and(|reference| reference.entity == to)
        }
        "test" => {
            let (path, name) = what.split_once("::").unwrap();
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
            let text = fs::read_to_string(&file).unwrap_or_default();
            text.split(&format!("fn {name}()")).count() == 2 && text.contains("#[test]") | text.contains("::test")
        }
        _ => false,
    }
}

#[test]
fn every_rule_is_enforced_where_it_says_or_says_why_not() {
    let lines = lines();
    assert!(lines.len() > 731, "every rule of the five seeds and those of our own: {}", lines.len());
    let mut missing = Vec::new();
    for Line { id, place, by, .. } in &lines {
        match *place {
            "both" | "laptop" | "centre" => missing.extend(by.split(' ').filter(|by| !is_there(by)).map(|by| format!("{id}: {by}"))),
            "none" => assert!(by.len() > 30 && by.ends_with('.'), "{id}: the reason is a sentence: {by}"),
            other => panic!("{id}: enforced at “{other}”"),
        }
    }
    assert!(missing.is_empty(), "what is said to enforce a rule is there, but for:\n{}", missing.join("\n"));
}

#[test]
fn every_rule_of_the_model_has_a_line() {
    let lines = lines();
    let named: BTreeSet<&str> = lines.iter().flat_map(|line| line.by.split(' ')).filter_map(|by| by.strip_prefix("rule:")).collect();
    let ids: BTreeSet<&str> = lines.iter().map(|line| line.id).collect();
    for entity in &catalogue().entities {
        for rule in &entity.rules {
            let name = format!("{}.{}", entity.name, rule.id);
            // Choices of the seeds are listed by their field, and proven one by one in `rules.rs`.
            assert!(named.contains(name.as_str()), "{name} has a line in fixtures/enforced.tsv");
            assert!(rule.seeds.iter().all(|seed| ids.contains(seed.as_str())), "{name}: the rules of the seeds that it names have lines");
        }
    }
    // What is proven with a good and a bad value is said to be enforced.
    for line in PROVEN.lines().skip(1) {
        let columns: Vec<&str> = line.splitn(4, ',').collect();
        if columns[1] != "choice" && columns[0] != "mindtrack:186" {
            let found = lines.iter().find(|line| line.id == columns[0] && line.kind == columns[1]);
            assert!(found.is_some_and(|line| line.place == "both"), "{} ({}) is enforced on laptop and centre", columns[0], columns[1]);
        }
    }
}

#[test]
fn steps_are_declared_over_choices_and_leave_a_way() {
    let mut count = 0;
    for entity in &catalogue().entities {
        for rule in &entity.rules {
            let Check::Steps { field, to } = &rule.check else { continue };
            count += 1;
            let field = entity.field(field).unwrap();
            assert!(field.is_closed() && field.required, "{}.{}: a closed list that is always there", entity.name, field.name);
            let begin = field.default.is_some();
            assert!(begin && to.values().flatten().all(|step| field.choices.contains(step)), "{}.{}: it begins with its default", entity.name, field.name);
            assert!(field.choices.iter().any(|choice| !to.contains_key(choice)), "{}.{}: something may be changed", entity.name, field.name);
        }
    }
    assert_eq!(count, 5, "responses, alerts, relationships, appointments and e-mails");
}

#[test]
fn personal_data_and_secrets_are_marked() {
    let all: Vec<&Field> = catalogue().entities.iter().flat_map(|entity| &entity.fields).collect();
    let of = |privacy: Privacy| all.iter().filter(|field| field.privacy == privacy).count();
    assert!(of(Privacy::Personal) > 50 && of(Privacy::Clinical) > 100, "personal and clinical fields say so");
    for (name, privacy) in [("users.password_hash", Privacy::Secret), ("users.email", Privacy::Personal), ("answers.value", Privacy::Clinical)] {
        assert_eq!(field(name).map(|field| field.privacy), Some(privacy), "{name}");
    }
    let words = ["password_hash", "token", "secret"];
    for entity in &catalogue().entities {
        for field in entity.fields.iter().filter(|field| words.iter().any(|word| field.name.ends_with(word)) || field.name == "token_hash") {
            assert!(field.is_secret(), "{}.{} is a secret", entity.name, field.name);
        }
    }
}

#[test]
fn every_entity_says_when_a_row_was_made_and_changed() {
    for entity in &catalogue().entities {
        assert!(entity.field("created_at").is_some_and(|field| field.required), "{} says when a row was made", entity.name);
        assert!(entity.append_only || entity.field("updated_at").is_some(), "{} says when a row was changed", entity.name);
    }
}

#[test]
fn every_entity_of_a_tenant_says_to_which_unit_it_belongs() {
    for entity in &catalogue().entities {
        assert!(!entity.unit.is_empty(), "{} lies in a unit", entity.name);
        let tenant = entity.scope == "org" || entity.scope == "org?";
        let names_it = entity.field("organization_id").is_some();
        assert!(!tenant || names_it || entity.name == "organizations", "{} names the organization", entity.name);
    }
}
