//! Files through the real programs: added at one laptop, fetched at another, kept in the operator's
//! backup, and there again after the centre lost its disk.

#[path = "support/practice.rs"]
mod practice;

use std::fs;

use practice::Practice;
use serde_json::{Value as Json, json};

fn files(practice: &Practice, vault: &str, person: &Json) -> Json {
    practice.within(vault, &[("files.list", json!({ "person": person }))]).remove(0)
}

#[test]
fn files_travel_by_the_command_line_and_survive_the_loss_of_the_centre() {
    let practice = Practice::new();
    let realm = practice.ok(&["found", "Greenfield Practice"]);
    let serving = practice.serve("0");
    practice.join(&serving, "a", "Amara Okafor", "trainer");
    practice.join(&serving, "b", "Ben Adeyemi", "admin");
    practice.sync_ok("a");
    let person = practice.within("a", &[("people.find", json!({ "text": "Client of Amara" }))]).remove(0)["people"][0]["id"].clone();
    let content: Vec<u8> = (0..700_000_u32).map(|at| (at % 239) as u8).collect();
    let path = practice.home.path().join("report.bin");
    fs::write(&path, &content).unwrap();
    practice.within("a", &[("files.attach", json!({ "person": person, "path": path }))]);
    assert_eq!(files(&practice, "a", &person)[0]["place"], "here_only");
    practice.sync_ok("a");
    assert_eq!(files(&practice, "a", &person)[0]["place"], "at_centre");

    let backup = practice.vaults("backup.sqlite");
    let said = practice.ok(&["backup", "--to", &backup]);
    assert!(said.contains("1 files"), "{said}");
    let port = serving.address.rsplit(':').next().unwrap().to_owned();
    serving.end();
    // The disk with the files is lost, and the store with it.
    fs::remove_dir_all(practice.home.path().join("centre/blobs")).unwrap();
    let said = practice.ok(&["restore", "--from", &backup, "--replace"]);
    assert!(said.contains("1 files that were missing are back"), "{said}");
    if practice.ok(&["realms"]).contains("older than its witness") {
        practice.ok(&["new-epoch", "--realm", &realm]);
    }
    let serving = practice.serve(&port);
    practice.sync_ok("b");
    let fetched = files(&practice, "b", &person);
    assert_eq!((&fetched[0]["place"], &fetched[0]["here"], &fetched[0]["by"]), (&json!("at_centre"), &json!(true), &json!("Amara Okafor")));
    let folder = practice.home.path().join("copies");
    fs::create_dir(&folder).unwrap();
    let saved = practice.within("b", &[("files.save", json!({ "id": fetched[0]["id"], "folder": folder }))]).remove(0);
    assert_eq!(fs::read(saved["path"].as_str().unwrap()).unwrap(), content);

    // Without a copy of the files the laptop that has one brings it again, once there is another history.
    serving.end();
    fs::remove_dir_all(practice.home.path().join("centre/blobs")).unwrap();
    practice.ok(&["new-epoch", "--realm", &realm]);
    let serving = practice.serve(&port);
    practice.sync_ok("a");
    let held = practice.home.path().join("centre/blobs").join(&realm);
    let whole = fs::read_dir(held).unwrap().flatten().filter(|entry| entry.file_name().len() == 2).count();
    assert_eq!(whole, 1, "it is back");
    serving.end();
}
