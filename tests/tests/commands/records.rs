//! Records of every kind: lists, details, history, forms, references, search.

use std::collections::{BTreeMap, BTreeSet};

use gladstone_desk::Code;
use gladstone_testkit::{Laptop, laptops};
use serde_json::{Map, Value as Json, json};

use crate::bag::{Bag, NOBODY, list, names_a_field, text};

#[test]
fn records_of_every_kind_can_be_listed_read_referred_to_added_changed_and_marked_as_wrong() {
    let bag = Bag::sample(1);
    let kinds = bag.run("model.entities", json!({}));
    assert_eq!(list(&kinds).len(), 93);
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut marked = Vec::new();
    for kind in list(&kinds) {
        let entity = text(&kind["name"]);
        let page = bag.run("records.list", json!({ "entity": entity }));
        let total = page["total"].as_u64().unwrap();
        assert_eq!(list(&page["records"]).len() as u64, total.min(100), "{entity}");
        bag.run("records.references", json!({ "entity": entity, "text": "" }));
        bag.run("search.find", json!({ "text": "a", "entity": entity }));
        let Some(sample) = list(&page["records"]).last() else {
            *outcomes.entry("without a sample".into()).or_default() += 1;
            continue;
        };
        reads(&bag, &entity, sample);
        let created = creates(&bag, kind, &entity, sample);
        *outcomes.entry(if created.is_some() { "added" } else { "refused to add, naming a field" }.into()).or_default() += 1;
        let subject = created.clone().unwrap_or_else(|| sample["id"].clone());
        *outcomes.entry(updates(&bag, kind, &entity, &subject)).or_default() += 1;
        marked.push((kind.clone(), entity.clone(), sample["id"].clone()));
        marked.extend(created.map(|id| (kind.clone(), entity, id)));
    }
    for (kind, entity, subject) in marked {
        *outcomes.entry(marks_as_wrong(&bag, &kind, &entity, &subject)).or_default() += 1;
    }
    assert!(outcomes["added"] >= 60, "most kinds take a copy of a sample: {outcomes:?}");
    assert!(outcomes["changed"] >= 50, "{outcomes:?}");
    assert!(outcomes["marked"] >= 60, "{outcomes:?}");
    assert!(outcomes["without a sample"] <= 6, "{outcomes:?}");
    bag.run("vault.verify", json!({}));
}

fn reads(bag: &Bag, entity: &str, listed: &Json) {
    let id = &listed["id"];
    let record = bag.run("records.get", json!({ "entity": entity, "id": id }));
    assert_eq!((&record["values"], &record["title"], &record["references"]), (&listed["values"], &listed["title"], &listed["references"]), "{entity}: list and detail agree");
    assert!(!text(&record["title"]).is_empty(), "{entity}: a record has a name");
    let history = bag.run("records.history", json!({ "entity": entity, "id": id }));
    let first = list(&history).last().unwrap_or_else(|| panic!("{entity}: a record has a history"));
    assert!(!list(&first["fields"]).is_empty() && !text(&first["at"]).is_empty() && !text(&first["command"]).is_empty(), "{entity}: {first}");
    let is = bag.run("records.list", json!({ "entity": entity, "filters": [{ "field": "id", "how": "in", "value": [id] }] }));
    assert_eq!(is["total"], 1, "{entity}: found by its id");
    assert_eq!(bag.refused("records.get", json!({ "entity": entity, "id": NOBODY })).code, Code::NotFound, "{entity}");
    assert_eq!(bag.run("records.history", json!({ "entity": entity, "id": NOBODY })), json!([]), "{entity}");
}

/// Adds a record with the values of another one, without ids and what has to be unique.
fn creates(bag: &Bag, kind: &Json, entity: &str, sample: &Json) -> Option<Json> {
    let declared = gladstone_model::catalogue().get(entity).unwrap();
    let unique: BTreeSet<&str> = declared.fields.iter().filter(|field| field.unique && !field.required).map(|field| field.name.as_str()).collect();
    let managed = |name: &str| list(&kind["fields"]).iter().any(|field| field["name"] == name && field["managed"] == true);
    let values: Map<String, Json> = sample["values"].as_object().unwrap().iter().filter(|(name, value)| !value.is_null() && !managed(name) && !unique.contains(name.as_str())).map(|(name, value)| (name.clone(), value.clone())).collect();
    match bag.desk.run("records.create", json!({ "entity": entity, "values": values })) {
        Ok(made) => {
            for (name, value) in &values {
                assert_eq!(made["values"][name], *value, "{entity}.{name} is kept as it was given");
            }
            let history = bag.run("records.history", json!({ "entity": entity, "id": made["id"] }));
            assert_eq!((list(&history).len(), &history[0]["command"], &history[0]["actor"]), (1, &json!("records.create"), &json!("Amara Okafor")), "{entity}");
            Some(made["id"].clone())
        }
        Err(error) => {
            assert!(names_a_field(&error), "{entity}: {error:?}");
            let field = error.field.unwrap();
            assert!(declared.field(&field).is_some(), "{entity}: “{field}” is no field");
            None
        }
    }
}

/// Changes a plain text of a record.
fn updates(bag: &Bag, kind: &Json, entity: &str, id: &Json) -> String {
    let declared = gladstone_model::catalogue().get(entity).unwrap();
    let plain = list(&kind["fields"]).iter().find(|field| {
        let name = field["name"].as_str().unwrap();
        let at = declared.position(name).unwrap();
        let bound = declared.natural_key.contains(&at) || declared.fields[at].unique || declared.uniques.iter().any(|unique| unique.fields.contains(&at));
        let wide = field["max_length"].as_u64().is_none_or(|most| most >= 40);
        !bound && wide && matches!(field["kind"].as_str(), Some("text" | "long_text")) && list(&field["choices"]).is_empty() && matches!(field["format"].as_str(), None | Some("multiline"))
    });
    let Some(field) = plain.and_then(|field| field["name"].as_str()) else { return "no plain text to change".into() };
    match bag.desk.run("records.update", json!({ "entity": entity, "id": id, "values": { field: "Changed in a test" } })) {
        Ok(record) => {
            assert_eq!(record["values"][field], "Changed in a test", "{entity}.{field}");
            let history = bag.run("records.history", json!({ "entity": entity, "id": id }));
            assert_eq!(history[0]["command"], "records.update", "{entity}: the latest change comes first");
            "changed".into()
        }
        Err(error) if kind["append_only"] == true => {
            assert_eq!(error.code, Code::Sealed, "{entity}: {error:?}");
            "sealed".into()
        }
        Err(error) => {
            assert!(names_a_field(&error), "{entity}.{field}: {error:?}");
            "refused to change, naming a field".into()
        }
    }
}

/// Marks a record as entered in error: it and its parts disappear, and nothing is lost.
fn marks_as_wrong(bag: &Bag, kind: &Json, entity: &str, id: &Json) -> String {
    let request = |reason: &str| json!({ "entity": entity, "id": id, "reason": reason });
    let by_id = |with_errors: bool| bag.run("records.list", json!({ "entity": entity, "filters": [{ "field": "id", "how": "is", "value": id }], "with_errors": with_errors }))["total"].clone();
    let title = bag.run("records.get", json!({ "entity": entity, "id": id }));
    if !title["error_reason"].is_null() {
        return "marked with what it was a part of".into();
    }
    let without = bag.refused("records.enter_in_error", request(" "));
    match bag.desk.run("records.enter_in_error", request("entered twice")) {
        Err(error) if kind["append_only"] == true => {
            assert_eq!(error.code, Code::Sealed, "{entity}: {error:?}");
            "sealed".into()
        }
        Err(error) => {
            assert_eq!(error.code, Code::Conflict, "{entity}: {error:?}");
            assert_eq!(by_id(false), 1, "{entity}: what is needed stays");
            "needed by another record".into()
        }
        Ok(_) => {
            assert_eq!((without.code, without.field.as_deref()), (Code::Invalid, Some("reason")), "{entity}: a reason is asked for");
            assert_eq!((by_id(false), by_id(true)), (json!(0), json!(1)), "{entity}: hidden, and still there");
            let record = bag.run("records.get", json!({ "entity": entity, "id": id }));
            assert_eq!(record["error_reason"], "entered twice", "{entity}");
            assert_eq!(record["values"], title["values"], "{entity}: nothing is lost");
            assert_eq!(bag.run("records.history", json!({ "entity": entity, "id": id }))[0]["reason"], "entered twice", "{entity}");
            assert_eq!(bag.refused("records.enter_in_error", request("again")).code, Code::NotFound, "{entity}");
            assert_eq!(bag.refused("records.update", json!({ "entity": entity, "id": id, "values": {} })).code, if kind["append_only"] == true { Code::Sealed } else { Code::NotFound }, "{entity}");
            let words = text(&title["title"]);
            let hits = bag.run("search.find", json!({ "text": words, "entity": entity }));
            assert!(list(&hits).iter().all(|hit| hit["id"] != *id), "{entity}: search no longer finds it");
            let choices = bag.run("records.references", json!({ "entity": entity, "text": words }));
            assert!(list(&choices).iter().all(|choice| choice["id"] != *id), "{entity}: nobody refers to it any more");
            for (from, at, on_delete) in gladstone_model::catalogue().referrers(entity) {
                if on_delete == gladstone_model::entity::OnDelete::Cascade && !from.append_only {
                    let parts = bag.run("records.list", json!({ "entity": from.name, "filters": [{ "field": from.fields[at].name, "how": "is", "value": id }] }));
                    assert_eq!(parts["total"], 0, "{entity}: its {} went with it", from.plural);
                }
            }
            "marked".into()
        }
    }
}

#[test]
fn what_another_record_needs_is_not_marked_as_wrong_and_nothing_of_it_either() {
    let bag = Bag::sample(1);
    let mut tried = 0;
    for entity in &gladstone_model::catalogue().entities {
        for (from, at, on_delete) in gladstone_model::catalogue().referrers(&entity.name) {
            if on_delete != gladstone_model::entity::OnDelete::Restrict {
                continue;
            }
            let needing = bag.run("records.list", json!({ "entity": from.name, "limit": 1 }));
            let needed = needing["records"][0]["values"][&from.fields[at].name].clone();
            if needed.is_null() {
                continue;
            }
            tried += 1;
            let counts = || -> Vec<Json> { gladstone_model::catalogue().entities.iter().map(|entity| bag.run("records.list", json!({ "entity": entity.name, "limit": 1 }))["total"].clone()).collect() };
            let before = counts();
            let error = bag.refused("records.enter_in_error", json!({ "entity": entity.name, "id": needed, "reason": "entered twice" }));
            assert_eq!(error.code, Code::Conflict, "{} needed by {}: {error:?}", entity.name, from.name);
            assert_eq!(counts(), before, "{}: its parts stay as well", entity.name);
        }
    }
    assert!(tried > 0, "the sample holds a record that another one needs");
}

#[test]
fn lists_filter_sort_and_page_and_refuse_what_the_kind_does_not_have() {
    let bag = Bag::sample(1);
    let ask = |more: Json| {
        let mut request = json!({ "entity": "users" });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        bag.run("records.list", request)
    };
    let names = |answer: &Json| -> Vec<String> { list(&answer["records"]).iter().map(|record| text(&record["values"]["name"])).collect() };
    let everyone = names(&ask(json!({ "sort": [{ "field": "name" }] })));
    assert!(everyone.len() > 20 && everyone.is_sorted_by_key(|name| name.to_lowercase()), "{everyone:?}");
    let backwards = names(&ask(json!({ "sort": [{ "field": "name", "descending": true }] })));
    assert_eq!(backwards, everyone.iter().rev().cloned().collect::<Vec<_>>());
    let page = ask(json!({ "sort": [{ "field": "name" }], "offset": 5, "limit": 3 }));
    assert_eq!((names(&page), page["total"].as_u64()), (everyone[5..8].to_vec(), Some(everyone.len() as u64)));
    for (filter, fits) in [
        (json!({ "field": "role", "how": "is", "value": "patient" }), (|record: &Json| record["role"] == "patient") as fn(&Json) -> bool),
        (json!({ "field": "role", "how": "not", "value": "patient" }), |record| record["role"] != "patient"),
        (json!({ "field": "role", "how": "in", "value": ["staff", "admin"] }), |record| record["role"] == "staff" || record["role"] == "admin"),
        (json!({ "field": "name", "how": "starts", "value": "Tom" }), |record| text(&record["name"]).starts_with("Tom")),
        (json!({ "field": "name", "how": "contains", "value": "ie" }), |record| text(&record["name"]).to_lowercase().contains("ie")),
        (json!({ "field": "created_at", "how": "at_least", "value": "2020-01-01T00:00:00Z" }), |_| true),
    ] {
        let answer = ask(json!({ "filters": [filter], "limit": 1000 }));
        assert!(answer["total"].as_u64().unwrap() > 0, "{filter}");
        assert!(list(&answer["records"]).iter().all(|record| fits(&record["values"])), "{filter}");
    }
    assert_eq!(ask(json!({ "filters": [{ "field": "created_at", "how": "at_most", "value": "2020-01-01T00:00:00Z" }] }))["total"], 0);
    assert_eq!(ask(json!({ "text": "wieczorek" }))["total"], 1);
    for (what, more, code) in [
        ("an unknown field", json!({ "filters": [{ "field": "colour", "how": "is", "value": "red" }] }), Code::BadRequest),
        ("an order by an unknown field", json!({ "sort": [{ "field": "name; DROP TABLE users" }] }), Code::BadRequest),
        ("an unknown comparison", json!({ "filters": [{ "field": "name", "how": "like", "value": "x" }] }), Code::BadRequest),
        ("a value of the wrong type", json!({ "filters": [{ "field": "id", "how": "is", "value": "x" }] }), Code::Invalid),
    ] {
        let mut request = json!({ "entity": "users" });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(bag.refused("records.list", request).code, code, "{what}");
    }
    let mut secrets = 0;
    for entity in &gladstone_model::catalogue().entities {
        for field in entity.fields.iter().filter(|field| field.is_secret()) {
            secrets += 1;
            let (entity, field) = (&entity.name, &field.name);
            assert_eq!(bag.refused("records.create", json!({ "entity": entity, "values": { field: "x" } })).code, Code::BadRequest, "{entity}.{field} cannot be written from outside");
            let listed = bag.run("records.list", json!({ "entity": entity }));
            assert!(list(&listed["records"]).iter().all(|record| record["values"].get(field).is_none()), "{entity}.{field} is never shown");
            let probed = bag.desk.run("records.list", json!({ "entity": entity, "filters": [{ "field": field, "how": "starts", "value": "x" }] }));
            assert!(probed.is_err(), "{entity}.{field} cannot be guessed by filtering");
            let sorted = bag.desk.run("records.list", json!({ "entity": entity, "sort": [{ "field": field }] }));
            assert!(sorted.is_err(), "{entity}.{field} cannot be guessed by sorting");
        }
    }
    assert!(secrets > 0);
}

#[test]
fn search_finds_by_the_beginning_of_words_without_regard_to_accents_and_order() {
    let bag = Bag::empty();
    let person = bag.register("Piotr Zieliński");
    for (words, found) in [("Ziel", true), ("zielinski", true), ("piotr ziel", true), ("ziel piotr", true), ("ZIELIŃSKI", true), ("iotr", false), ("piotr x", false), ("", false), ("\" OR *", false), ("-", false)] {
        for hits in [bag.run("search.find", json!({ "text": words })), bag.run("search.find", json!({ "text": words, "entity": "users" }))] {
            assert_eq!(list(&hits).iter().any(|hit| hit["id"] == person.as_str()), found, "“{words}”: {hits}");
        }
        let people = bag.run("people.find", json!({ "text": words }));
        let listed = list(&people["people"]).iter().any(|one| one["id"] == person.as_str());
        assert_eq!(listed, found || words.is_empty(), "“{words}”: {people}");
    }
    bag.run("people.update", json!({ "id": person, "person": { "name": "Piotr Nowak", "email": "piotr@example.com" } }));
    assert_eq!(bag.run("search.find", json!({ "text": "Zieliński" })), json!([]), "the old name is forgotten");
    assert_eq!(bag.run("search.find", json!({ "text": "Nowak" }))[0]["title"], "Piotr Nowak");
    let bad = bag.refused("people.update", json!({ "id": person, "person": { "name": "Piotr Nowak", "email": "no address" } }));
    assert_eq!((bad.code, bad.field.as_deref()), (Code::Invalid, Some("email")));
    let nameless = bag.refused("people.register", json!({ "name": "  " }));
    assert_eq!((nameless.code, nameless.field.as_deref()), (Code::Invalid, Some("name")));
    let unborn = bag.refused("people.register", json!({ "name": "Not Yet", "born": "2999-01-01" }));
    assert_eq!((unborn.code, unborn.field.as_deref()), (Code::Invalid, Some("born")), "nobody is born in the future");
}

#[test]
fn a_choice_question_and_its_options_are_added_in_one_step_and_the_last_option_stays() {
    let bag = Bag::empty();
    let form = bag.run("records.create", json!({ "entity": "questionnaires", "values": { "title": "Sleep", "type": "other", "status": "draft" } }));
    let question = json!({ "questionnaire_id": form["id"], "text": "How did you sleep?", "type": "single_choice", "position": 0 });
    let refused = bag.refused("records.create", json!({ "entity": "questions", "values": question }));
    assert_eq!(refused.field.as_deref(), Some("type"), "without options it is refused: {refused:?}");
    let option = |value: &str, at: usize| json!({ "entity": "question_options", "by": "question_id", "values": { "value": value, "text": value, "position": at } });
    let made = bag.run("records.create", json!({ "entity": "questions", "values": question, "parts": [option("well", 0), option("badly", 1)] }));
    let list = json!({ "entity": "question_options", "filters": [{ "field": "question_id", "how": "is", "value": made["id"] }], "sort": [], "offset": 0, "with_errors": false });
    let options = bag.run("records.list", list)["records"].clone();
    assert_eq!(options.as_array().map(Vec::len), Some(2), "both options are there");
    let away = |at: usize| json!({ "entity": "question_options", "id": options[at]["id"], "reason": "typed twice" });
    bag.run("records.enter_in_error", away(0));
    let refused = bag.refused("records.enter_in_error", away(1));
    assert_eq!(refused.field.as_deref(), Some("type"), "the last option stays: {refused:?}");
    bag.run("records.enter_in_error", json!({ "entity": "questions", "id": made["id"], "reason": "not asked" }));
}

#[test]
fn a_record_that_a_newer_version_wrote_is_shown_and_not_changed() {
    let (bag, colleague) = (Bag::empty(), Laptop::new(77, uuid::Uuid::from_u128(0xb)));
    let id = colleague.register("Tomasz Wieczorek").unwrap();
    let mut rows: Vec<_> = colleague.view().into_values().filter(|row| row.key.id == id).collect();
    let status = gladstone_model::catalogue().get("users").unwrap().field("account_status").unwrap().no;
    let value = rows[0].values.iter_mut().find(|(no, _)| *no == status).unwrap();
    value.1 = gladstone_model::Value::text("hibernating");
    let told = bag.desk.with_unlocked(|unlocked| {
        let actor = unlocked.vault.state().actor;
        unlocked.vault.join(&laptops::joined(uuid::Uuid::from_u128(0x5ea1), actor))?;
        laptops::take_in(&unlocked.vault, rows[0].unit, rows.clone());
        Ok(())
    });
    told.unwrap();
    let asked = json!({ "entity": "users", "id": id });
    let shown = bag.run("records.get", asked.clone());
    assert_eq!((&shown["values"]["account_status"], &shown["newer"]), (&json!("hibernating"), &json!(["account_status"])), "kept, and told apart");
    for values in [json!({ "job_title": "Baker" }), json!({ "account_status": "active" })] {
        let error = bag.refused("records.update", json!({ "entity": "users", "id": id, "values": values }));
        assert_eq!(error.code, Code::NewerVersion);
        assert!(error.message.contains("newer version of Gladstone") && error.message.contains("Account status"), "{}", error.message);
    }
    assert_eq!(bag.refused("people.update", json!({ "id": id, "person": { "name": "Tom", "city": "Ashcombe" } })).code, Code::NewerVersion, "by no other command either");
    assert_eq!(bag.run("records.get", asked)["values"], shown["values"], "nothing changed");
    let own = bag.register("Kofi Mensah");
    assert_eq!(bag.run("records.get", json!({ "entity": "users", "id": own }))["newer"], json!([]));
}
