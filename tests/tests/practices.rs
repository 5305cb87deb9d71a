//! Practices that live through what the design calls hazards, with real processes alone: a centre that
//! is put back while five laptops and a copied folder work, and one that was left by version 1.

#[path = "support/practice.rs"]
mod practice;

use std::{fs, os::unix::fs::PermissionsExt, path::{Path, PathBuf}};

use gladstone_testkit::{image::scratch, older::Older};
use practice::{PASSPHRASE, Practice};
use serde_json::{Value as Json, json};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let there = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &there);
        } else {
            fs::copy(entry.path(), there).unwrap();
        }
    }
}

#[test]
fn a_centre_put_back_gets_everything_again_from_five_laptops_and_a_copied_folder_is_told_apart() {
    let practice = Practice::new();
    let realm = practice.ok(&["found", "Greenfield Practice"]);
    let serving = practice.serve("0");
    let laptops = ["amara", "ben", "cleo", "dora", "emil"];
    for (at, name) in laptops.iter().enumerate() {
        practice.join(&serving, name, &format!("{name} Okafor"), if at == 0 { "admin" } else { "trainer" });
        practice.sync_ok(name);
    }
    let (backup, port) = (practice.vaults("backup.sqlite"), serving.address.rsplit(':').next().unwrap().to_owned());
    practice.ok(&["backup", "--to", &backup]);

    // After the backup everybody registers somebody; then the folder of one laptop is copied, and both go on.
    for name in laptops {
        practice.within(name, &[("people.register", json!({ "name": format!("Late {name}") }))]);
        practice.sync_ok(name);
    }
    copy(Path::new(&practice.vaults("ben")), Path::new(&practice.vaults("copy")));
    practice.within("ben", &[("people.register", json!({ "name": "Of the first" }))]);
    practice.within("copy", &[("people.register", json!({ "name": "Of the copy" }))]);
    for _ in 0..2 {
        practice.sync_ok("ben");
    }
    let said = practice.sync("copy");
    assert!(!said.status.success() && String::from_utf8_lossy(&said.stderr).contains("copy"), "{}", String::from_utf8_lossy(&said.stderr));

    // The disk of the centre is lost; the backup takes its place, and the operator says that it does.
    serving.end();
    practice.ok(&["restore", "--from", &backup, "--replace"]);
    practice.ok(&["new-epoch", "--realm", &realm]);
    let serving = practice.serve(&port);
    for name in laptops {
        practice.sync_ok(name);
    }
    // The copy joins as a computer of its own, and what waited there goes along.
    let me = practice.within("copy", &[("app.status", json!({}))]).remove(0)["open"]["person_id"].as_str().unwrap().to_owned();
    let link = practice.ok(&["invite", "--public-url", &serving.address, "--name", "ben Okafor", "--role", "trainer", "--user", &me, "--quiet"]);
    let phase = practice.within("copy", &[("sync.now", json!({ "wait": false })), ("sync.status", json!({}))]).remove(1)["phase"].clone();
    assert!(phase.is_string(), "{phase}");
    practice.within("copy", &[("sync.begin_as_new", json!({ "link": link }))]);
    practice.sync_ok("copy");
    for name in laptops {
        practice.sync_ok(name);
    }
    practice.sync_ok("amara");
    for name in laptops {
        assert_eq!((practice.names("amara", &format!("Late {name}")), practice.names("amara", &format!("Client of {name}"))), (1, 1), "what {name} wrote is there, once");
    }
    for name in ["Of the first", "Of the copy"] {
        assert_eq!(practice.names("amara", name), 1, "{name}: there, once");
    }
    practice.ok(&["verify-audit"]);
    serving.end();
}

#[test]
fn a_practice_of_version_1_goes_on_with_this_program() {
    let (older, mut practice) = (Older::of(1), Practice::new());
    practice.home = scratch();
    copy(&older.centre(), &practice.home.path().join("centre"));
    copy(&older.vaults(), &practice.home.path().join("laptop"));
    practice.plain = true;
    // Version 1 let others on the computer look into its folder; this one ends that by itself.
    assert!(practice.ok(&["migrate"]).contains("Greenfield Practice"), "the operator brings the store over");
    let realms = practice.home.path().join("centre/realms");
    let files = fs::read_dir(&realms).unwrap().map(|entry| entry.unwrap().path());
    let open: Vec<PathBuf> = files.chain([realms.clone()]).filter(|path| fs::metadata(path).unwrap().permissions().mode() & 0o077 != 0).collect();
    assert!(open.is_empty(), "others on the computer may still look into {open:?}");
    let address = older.text("address").trim_start_matches("http://").to_owned();
    let serving = practice.serve(address.rsplit(':').next().unwrap());
    assert_eq!(older.text("passphrase"), PASSPHRASE);
    let before = practice.within("laptop", &[("sync.status", json!({}))]).remove(0);
    assert!(before["waiting"].as_u64().is_some_and(|waiting| waiting <= 105), "{before}");
    practice.sync_ok("laptop");
    let [status, queue, verified, moved]: [Json; 4] = practice.within("laptop", &[
        ("sync.status", json!({})), ("sync.queue", json!({})), ("vault.verify", json!({})),
        ("records.get", json!({ "entity": "appointments", "id": older.made["moved"][0] })),
    ]).try_into().unwrap();
    assert_eq!((&status["waiting"], &status["set_aside"], &queue), (&json!(0), &json!(0), &json!([])), "all that waited was sent");
    assert!(verified.is_object(), "{verified}");
    assert_eq!((&moved["values"]["start_time"], &moved["values"]["travel_minutes"], &moved["newer"]), (&json!("2026-12-21T11:00:00.000000Z"), &Json::Null, &json!([])));
    practice.within("laptop", &[("records.update", json!({ "entity": "appointments", "id": older.made["moved"][0], "values": { "travel_minutes": 20 } }))]);
    practice.sync_ok("laptop");

    // Somebody who joins now sees all of it.
    practice.join(&serving, "new", "Ben Adeyemi", "admin");
    practice.sync_ok("new");
    let [found, moods, late]: [Json; 3] = practice.within("new", &[
        ("records.get", json!({ "entity": "appointments", "id": older.made["moved"][0] })),
        ("records.list", json!({ "entity": "mood_entries", "limit": 1 })),
        ("people.find", json!({ "text": "Ada Osei" })),
    ]).try_into().unwrap();
    assert_eq!(found["values"]["travel_minutes"], 20);
    assert_eq!(moods["total"], 81, "83 less two in error");
    assert_eq!(late["people"].as_array().map(Vec::len), Some(1), "who was registered without contact");
    practice.ok(&["verify-audit"]);
    serving.end();
}
