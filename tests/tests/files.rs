//! Files through the real programs: added at one laptop, fetched at another, kept in the operator's
//! backup, and there again after the centre lost its disk.

#[path = "support/practice.rs"]
mod practice;

use std::{fs, os::unix::fs::PermissionsExt};

use gladstone_testkit::bucket::{ACCESS_KEY, SECRET_KEY, Store};
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
    let said = practice.ok(&["verify-files"]);
    assert!(said.contains("1 files of 700000 bytes are what their records say, 0 are still to come, 0 are named by no record"), "{said}");
    let blobs = practice.home.path().join("centre/blobs").join(&realm);
    let digits = fs::read_dir(&blobs).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.file_name().unwrap().len() == 2).unwrap();
    let whole = fs::read_dir(digits).unwrap().next().unwrap().unwrap().path();
    let sound = fs::read(&whole).unwrap();
    // Another name for it is kept beside the copy of the store: what is damaged here is a file of its own.
    fs::remove_file(&whole).unwrap();
    fs::write(&whole, &sound[..sound.len() - 1]).unwrap();
    practice.refused(&["verify-files"], "1 files are missing or damaged");
    fs::remove_file(&whole).unwrap();
    let copies = format!("{backup}.blobs");
    assert!(practice.ok(&["verify-files"]).contains("1 are still to come"), "it is young, so it may be on its way");
    let copied = format!("{copies}/{}/{}", whole.parent().unwrap().file_name().unwrap().to_str().unwrap(), whole.file_name().unwrap().to_str().unwrap());
    fs::hard_link(copied, &whole).unwrap();
    assert!(practice.ok(&["verify-files"]).contains("1 files of 700000 bytes"), "put back");
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

#[test]
fn a_centre_moves_its_files_into_a_bucket_and_is_backed_up_from_there() {
    let (practice, store) = (Practice::new(), Store::start());
    let home = practice.home.path();
    practice.ok(&["found", "Greenfield Practice"]);
    let serving = practice.serve("0");
    practice.join(&serving, "a", "Amara Okafor", "trainer");
    practice.join(&serving, "b", "Ben Adeyemi", "admin");
    practice.sync_ok("a");
    let person = practice.within("a", &[("people.find", json!({ "text": "Client of Amara" }))]).remove(0)["people"][0]["id"].clone();
    let attach = |name: &str, size: u32| {
        let path = home.join(name);
        fs::write(&path, (0..size).map(|at| (at % 239) as u8).collect::<Vec<u8>>()).unwrap();
        practice.within("a", &[("files.attach", json!({ "person": person, "path": path }))]);
        practice.sync_ok("a");
    };
    attach("first.bin", 700_000);
    let port = serving.address.rsplit(':').next().unwrap().to_owned();
    serving.end();

    practice.refused(&["move-files"], "--from");
    let settings = |key: &str, address: &str| {
        fs::write(home.join("bucket.key"), format!("access_key = \"{ACCESS_KEY}\"\nsecret_key = \"{key}\"\n")).unwrap();
        fs::write(home.join("central.toml"), format!("blobs = \"{address}\"\nblobs_key = \"bucket.key\"\n")).unwrap();
    };
    settings(SECRET_KEY, &store.address());
    fs::set_permissions(home.join("bucket.key"), fs::Permissions::from_mode(0o644)).unwrap();
    practice.refused(&["move-files"], "chmod go=");
    fs::set_permissions(home.join("bucket.key"), fs::Permissions::from_mode(0o600)).unwrap();
    settings("another", &store.address());
    practice.refused(&["serve", "--listen", "127.0.0.1:0"], "does not take the key");
    settings(SECRET_KEY, &store.address().replace("s3://files/", "s3://none/"));
    practice.refused(&["serve", "--listen", "127.0.0.1:0"], "no such bucket");
    settings(SECRET_KEY, &store.address());
    assert!(practice.ok(&["move-files"]).contains("1 files were not there yet"));
    fs::remove_dir_all(home.join("centre/blobs")).unwrap();
    let serving = practice.serve(&port);
    practice.sync_ok("b");
    assert_eq!(files(&practice, "b", &person)[0]["place"], "at_centre");
    assert_eq!(files(&practice, "b", &person)[0]["here"], true, "out of the bucket");
    attach("second.bin", 300_000);
    assert_eq!(store.objects().len(), 2);

    let backup = practice.vaults("backup.sqlite");
    assert!(practice.ok(&["backup", "--to", &backup]).contains("2 files"));
    let bare = practice.vaults("bare.sqlite");
    assert!(practice.ok(&["backup", "--to", &bare, "--without-files"]).contains("without the files"));
    serving.end();
    // The bucket is lost: another one gets the files of the copy.
    drop(store);
    let store = Store::start();
    settings(SECRET_KEY, &store.address());
    assert!(practice.ok(&["restore", "--from", &backup, "--replace"]).contains("2 files that were missing are back"));
    let serving = practice.serve(&port);
    practice.sync_ok("b");
    assert!(files(&practice, "b", &person).as_array().unwrap().iter().all(|file| file["here"] == true), "{}", files(&practice, "b", &person));
    serving.end();
}
