//! What is refused: before the code is confirmed, while locked, and whatever has the wrong form.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use gladstone_desk::{Access, Code, Command, all};
use serde_json::{Map, Value as Json, json};

use crate::bag::{Bag, NOBODY};

#[test]
fn nothing_is_written_before_the_recovery_code_is_confirmed() {
    let bag = Bag::unconfirmed();
    for command in all().iter().filter(|command| command.writes) {
        assert_eq!(bag.refused(command.name, json!({})).code, Code::RecoveryUnconfirmed, "{}", command.name);
    }
    assert_eq!(bag.run("people.find", json!({ "text": "" }))["total"], 1, "reading works, and nobody but the owner is there");
    for (code, wrong) in [("", true), ("not a code", true), ("AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA", true), (bag.code.as_str(), false)] {
        match bag.desk.run("vault.confirm_recovery", json!({ "code": code })) {
            Ok(_) => assert!(!wrong, "“{code}” is not the code"),
            Err(error) => assert!(wrong && error.code == Code::WrongSecret && error.field.as_deref() == Some("code"), "“{code}”: {error:?}"),
        }
    }
    bag.register("Grace Otieno");
    assert!(bag.started_anew().run("app.status", json!({}))["open"]["recovery_confirmed"].as_bool().unwrap(), "it stays confirmed");
}

#[test]
fn every_command_but_those_of_the_first_screen_answers_locked_when_locked() {
    let bag = Bag::empty();
    bag.run("vault.lock", json!({}));
    assert_eq!(bag.run("app.status", json!({}))["state"], "locked");
    for command in all().iter().filter(|command| command.access == Access::Unlocked) {
        for request in [Json::Null, json!({}), json!([]), json!({ "id": NOBODY, "entity": "users" })] {
            assert_eq!(bag.refused(command.name, request.clone()).code, Code::Locked, "{} {request}", command.name);
        }
    }
    assert_eq!(bag.refused("people.fly", json!({})).code, Code::UnknownCommand);
    assert_eq!(bag.refused("", json!({})).code, Code::UnknownCommand);
}

#[test]
fn every_command_refuses_a_malformed_request_and_never_panics() {
    let locked = Bag::empty();
    locked.run("vault.lock", json!({}));
    let unlocked = Bag::empty();
    let person = unlocked.register("Nadia Benali");
    unlocked.start(&person, "PHQ-9").answer(1, 1);
    let mut wrong = Vec::new();
    for (state, bag) in [("locked", &locked), ("unlocked", &unlocked)] {
        for command in all().iter().filter(|command| !skipped(command)) {
            let closed = state == "locked" && command.access == Access::Unlocked;
            let (schema, _) = (command.schemas)();
            for (what, request, malformed) in requests(&schema, command.name) {
                let begun = Instant::now();
                let outcome = catch_unwind(AssertUnwindSafe(|| bag.desk.run(command.name, request.clone())));
                if begun.elapsed() > Duration::from_secs(20) {
                    wrong.push(format!("{state}: {} with {what} took {:?}", command.name, begun.elapsed()));
                }
                let complaint = match outcome {
                    Err(_) => Some("panicked".to_owned()),
                    Ok(Err(error)) if closed => (error.code != Code::Locked).then(|| format!("answered {error:?} instead of locked")),
                    Ok(Ok(_)) if closed || malformed => Some("was accepted".into()),
                    Ok(Err(error)) if malformed && error.code != Code::BadRequest => Some(format!("answered {error:?} instead of bad_request")),
                    Ok(Err(error)) if !malformed && matches!(error.code, Code::Failed | Code::Damaged) => Some(format!("failed with {error:?}")),
                    Ok(Err(error)) if error.message.trim().is_empty() => Some("said nothing".into()),
                    Ok(_) => None,
                };
                if let Some(complaint) = complaint {
                    let shown: String = request.to_string().chars().take(200).collect();
                    wrong.push(format!("{state}: {} with {what} {complaint}: {shown}", command.name));
                }
            }
        }
    }
    let first: Vec<&str> = wrong.iter().take(40).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} in all\n{}", wrong.len(), first.join("\n"));
    let check = unlocked.run("vault.verify", json!({}));
    assert!(check["entries"].as_u64().unwrap() > 0, "the vault stands after all of it");
}

/// Commands that would close the vault or write outside the folder; they have tests of their own.
fn skipped(command: &Command) -> bool {
    matches!(command.name, "vault.lock" | "vault.save_code" | "sample.generate")
}

/// Requests made from a schema, each with whether it has the wrong form.
fn requests(schema: &Json, name: &str) -> Vec<(String, Json, bool)> {
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let guess = |at: usize| -> Json { properties.iter().map(|(key, of)| (key.clone(), pick(&guesses(of, schema, key), at))).collect::<Map<_, _>>().into() };
    let mut found = vec![
        ("null".to_owned(), Json::Null, !required.is_empty()),
        ("nothing".into(), json!({}), !required.is_empty()),
        ("an empty list".into(), json!([]), true),
        ("a list".into(), json!([NOBODY, "users", "x", true, {}]), true),
        ("a text".into(), json!("users"), true),
        ("a number".into(), json!(7), true),
        ("yes".into(), json!(true), true),
    ];
    for at in 0..12 {
        found.push((format!("well-formed guess {at}"), guess(at), false));
    }
    let mut more = guess(0);
    more["nobody_knows_this"] = json!(1);
    found.push(("a field that nobody knows".into(), more, true));
    for (key, of) in properties {
        if required.contains(&key.as_str()) {
            let mut without = guess(0);
            without.as_object_mut().unwrap().remove(key);
            found.push((format!("no {key}"), without, true));
        }
        for other in wrong_types(of, schema) {
            let mut request = guess(0);
            request[key] = other;
            found.push((format!("a {key} of the wrong type"), request, true));
        }
    }
    if properties.contains_key("entity") && !matches!(name, "search.find") {
        for entity in ["", "no_such_kind", "users; DROP TABLE users", "USERS", "sqlite_master", "chain"] {
            let mut request = guess(0);
            request["entity"] = json!(entity);
            found.push((format!("the unknown kind “{entity}”"), request, true));
        }
    }
    found
}

fn pick(list: &[Json], at: usize) -> Json {
    list[at % list.len()].clone()
}

fn resolved<'s>(schema: &'s Json, root: &'s Json) -> &'s Json {
    schema["$ref"].as_str().and_then(|path| root.pointer(path.trim_start_matches('#'))).unwrap_or(schema)
}

/// The alternatives of a schema that may be one of several.
fn alternatives<'s>(schema: &'s Json, root: &'s Json) -> Vec<&'s Json> {
    let schema = resolved(schema, root);
    match schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        Some(several) => several.iter().flat_map(|one| alternatives(one, root)).collect(),
        None => vec![schema],
    }
}

fn types_of(schema: &Json) -> Vec<&str> {
    schema["type"].as_str().map(|one| vec![one]).or_else(|| schema["type"].as_array().map(|several| several.iter().filter_map(Json::as_str).collect())).unwrap_or_default()
}

/// Values that a schema allows, from the usual to the odd.
fn guesses(schema: &Json, root: &Json, key: &str) -> Vec<Json> {
    let mut found = Vec::new();
    for one in alternatives(schema, root) {
        if !one["const"].is_null() {
            found.push(one["const"].clone());
            continue;
        }
        if let Some(choices) = one["enum"].as_array() {
            found.extend(choices.clone());
            continue;
        }
        for ty in types_of(one) {
            match (ty, one["format"].as_str()) {
                ("string", Some("uuid")) => found.extend([json!(NOBODY), json!("00000000-0000-0000-0000-000000000000")]),
                ("string", Some("date")) => found.extend([json!("1979-03-12"), json!("0001-01-01"), json!("9999-12-31")]),
                ("string", _) if key == "entity" => found.extend([json!("users"), json!("responses"), json!("settings")]),
                ("string", _) if key == "field" => found.extend([json!("name"), json!("id"), json!("no_such_field"), json!("password_hash"), json!("deleted_mid")]),
                ("string", _) => found.extend([json!("x"), json!(""), json!("\0"), json!("' OR 1=1 --"), json!("\" * NEAR("), json!("😀".repeat(3_000)), json!("%_\\"), json!("../../etc")]),
                ("integer", _) => found.extend([one["minimum"].as_i64().map_or(json!(0), Json::from), json!(1), one["maximum"].as_u64().map_or(json!(u32::MAX), Json::from)]),
                ("boolean", _) => found.extend([json!(true), json!(false)]),
                ("null", _) => found.push(Json::Null),
                ("array", _) => {
                    let items = guesses(&one["items"], root, key);
                    found.push(json!([]));
                    found.extend(items.iter().map(|item| json!([item])));
                    found.push(Json::Array(items));
                }
                ("object", _) => {
                    let Some(properties) = one["properties"].as_object() else {
                        found.extend([json!({}), json!({ "name": "x" }), json!({ "name": 3 }), json!({ "no_such_field": 1 }), json!({ "id": NOBODY, "name": "x" }), json!({ "password_hash": "x" }), json!({ "name": null })]);
                        continue;
                    };
                    for at in 0..8 {
                        found.push(properties.iter().map(|(name, of)| (name.clone(), pick(&guesses(of, root, name), at))).collect::<Map<_, _>>().into());
                    }
                }
                _ => {}
            }
        }
    }
    if found.is_empty() {
        found.extend([json!(1), Json::Null, json!("x"), json!([]), json!({}), json!(["a", 1]), json!(1e308), json!(i64::MIN)]);
    }
    found
}

/// Values that a schema does not allow.
fn wrong_types(schema: &Json, root: &Json) -> Vec<Json> {
    let several = alternatives(schema, root);
    let allowed: BTreeSet<&str> = several.iter().flat_map(|one| types_of(one)).collect();
    if allowed.is_empty() {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    for (ty, value) in [("string", json!("no number")), ("integer", json!(-7)), ("boolean", json!(true)), ("null", Json::Null), ("object", json!({ "wrong": 1 })), ("array", json!([1, 2]))] {
        if !allowed.contains(ty) {
            wrong.push(value);
        }
    }
    if several.iter().any(|one| one["format"] == "uuid") {
        wrong.push(json!("no id"));
    }
    if several.iter().any(|one| one["format"] == "date") {
        wrong.extend([json!("12.3.1979"), json!("1979-02-30")]);
    }
    if allowed.contains("integer") {
        wrong.extend([json!(1.5), json!(-1), json!(1e12)]);
    }
    if several.iter().any(|one| !one["const"].is_null()) {
        wrong.push(json!("no choice"));
    }
    wrong
}
