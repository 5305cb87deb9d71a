//! The sentences that the screen translates are word for word what the program says: a sentence that is
//! changed in one place only would come out in English.

use std::{collections::{BTreeMap, BTreeSet}, fs, path::{Path, PathBuf}};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All of the product's Rust below a folder, with texts that go on in the next line put together.
fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_sentence_that_is_translated_is_one_that_the_program_says() {
    let mut said = String::new();
    for entry in fs::read_dir(root().join("crates")).unwrap().map(Result::unwrap) {
        sources(&entry.path().join("src"), &mut said);
    }
    let list = fs::read_to_string(root().join("ui/src/messages/said.ts")).unwrap();
    let sentences: Vec<&str> = list.lines().filter_map(|line| line.trim().strip_prefix("[\"")?.split_once("\", \"").map(|(english, _)| english)).collect();
    assert!(sentences.len() > 40, "the list is read: {}", sentences.len());
    for sentence in sentences {
        for part in sentence.split(['{', '}']).step_by(2).map(str::trim).filter(|part| part.len() > 3) {
            // Errors of lower layers begin small and end without a stop; the desk makes sentences of them.
            let bare = part.trim_end_matches('.');
            let small: String = bare.chars().next().into_iter().flat_map(char::to_lowercase).chain(bare.chars().skip(1)).collect();
            assert!(said.contains(bare) || said.contains(&small), "nothing says “{part}” of “{sentence}”");
        }
    }
}

/// One list of German words by English ones: what stands between braces, but for notes.
fn said(list: &str, name: &str) -> BTreeMap<String, String> {
    let from = list.find(&format!("export const {name}:")).unwrap_or_else(|| panic!("{name} is there"));
    let body = &list[list[from..].find('{').unwrap() + from + 1..];
    let lines: String = body[..body.find("\n};").unwrap()].lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let words: BTreeMap<String, String> = serde_json::from_str(&format!("{{{}}}", lines.trim().trim_end_matches(','))).unwrap();
    assert!(words.values().all(|german| !german.trim().is_empty()), "{name}: no empty word");
    words
}

/// The English words of one list.
fn words(list: &str, name: &str) -> BTreeSet<String> {
    said(list, name).into_keys().collect()
}

#[test]
fn every_kind_field_choice_and_hint_of_the_model_has_a_german_name_and_none_is_left_over() {
    let list = fs::read_to_string(root().join("ui/src/messages/labels.de.ts")).unwrap();
    let mut expected: [(&str, BTreeSet<String>); 4] = [("LABELS", BTreeSet::new()), ("CHOICES", BTreeSet::new()), ("GROUPS", BTreeSet::new()), ("HELPS", BTreeSet::new())];
    for entity in &gladstone_model::catalogue().entities {
        expected[0].1.extend([entity.label.clone(), entity.plural.clone()]);
        expected[2].1.insert(entity.group.clone());
        expected[3].1.insert(entity.help.clone());
        // Secret fields are never shown, and so are in no list of the screen; their names may stand there.
        for field in &entity.fields {
            expected[0].1.insert(field.label.clone());
            expected[1].1.extend(field.choices.iter().map(|choice| choice.to_string()));
            expected[3].1.insert(field.help.clone());
        }
    }
    for (name, mut expected) in expected {
        expected.remove("");
        let known = words(&list, name);
        let (missing, left_over): (Vec<_>, Vec<_>) = (expected.difference(&known).collect(), known.difference(&expected).collect());
        assert!(missing.is_empty() && left_over.is_empty(), "{name} of labels.de.ts lacks {missing:?} and has {left_over:?} too many");
    }
}

/// The places of a text, in no order.
fn places(text: &str) -> BTreeSet<&str> {
    text.split(['{', '}']).skip(1).step_by(2).collect()
}

#[test]
fn every_reason_why_a_value_is_refused_is_said_in_german_with_the_same_places() {
    use gladstone_model::{FieldType, catalogue, remedy};
    let list = fs::read_to_string(root().join("ui/src/messages/faults.de.ts")).unwrap();
    let rules = catalogue().entities.iter().flat_map(|entity| &entity.rules).map(|rule| rule.message.clone()).filter(|message| !message.is_empty()).collect();
    let types = [FieldType::Uuid, FieldType::Text { max: None }, FieldType::Integer, FieldType::Decimal { precision: 5, scale: 2 }, FieldType::Boolean, FieldType::Date, FieldType::Instant, FieldType::Json];
    let remedies = remedy::ALL.iter().map(|template| template.text()).chain(types.map(FieldType::description)).map(str::to_owned).collect();
    for (name, expected) in [("RULES", rules), ("REMEDIES", remedies)] {
        let known = said(&list, name);
        let expected: BTreeSet<String> = expected;
        let english: BTreeSet<String> = known.keys().cloned().collect();
        let (missing, left_over): (Vec<_>, Vec<_>) = (expected.difference(&english).collect(), english.difference(&expected).collect());
        assert!(missing.is_empty() && left_over.is_empty(), "{name} of faults.de.ts lacks {missing:?} and has {left_over:?} too many");
        for (english, german) in &known {
            assert_eq!(places(english), places(german), "“{english}”");
        }
    }
}
