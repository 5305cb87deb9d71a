//! The sentences that the screen translates are word for word what the program says: a sentence that is
//! changed in one place only would come out in English.

use std::{fs, path::{Path, PathBuf}};

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
