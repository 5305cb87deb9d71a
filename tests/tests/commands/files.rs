//! Files as the desk offers them: added by pieces, by path and with their content, listed, read, saved
//! elsewhere, removed; and between two bags with a centre.

use std::fs;

use gladstone_desk::Code;
use serde_json::{Value as Json, json};

use crate::{bag::{Bag, NOBODY, list, text}, sync::{Centre, in_step, until}};

/// Bytes in base64; three divides their number.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    assert!(bytes.len().is_multiple_of(3), "without padding");
    bytes.chunks(3).flat_map(|three| {
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        [18, 12, 6, 0].map(|at| char::from(DIGITS[(bits >> at & 63) as usize]))
    }).collect()
}

fn attached(bag: &Bag, person: &str, name: &str, content: &[u8]) -> Json {
    bag.run("files.attach", json!({ "person": person, "name": name, "data": base64(content) }))
}

fn places(bag: &Bag, person: &str) -> Vec<(String, String)> {
    list(&bag.run("files.list", json!({ "person": person }))).iter().map(|file| (text(&file["name"]), text(&file["place"]))).collect()
}

/// The folder of files of the one vault.
fn blobs(bag: &Bag) -> std::path::PathBuf {
    let vaults = gladstone_vault::folder::VaultFolder::list(bag.desk.vaults()).unwrap();
    vaults[0].0.blobs()
}

#[test]
fn a_file_comes_by_pieces_by_path_and_with_its_content_and_is_read_as_it_was() {
    let bag = Bag::empty();
    let person = bag.register("Hannah Weiss");
    let content: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
    // By pieces.
    let ticket = bag.run("files.begin", json!({ "size": content.len() }))["ticket"].clone();
    for (number, piece) in content.chunks(99_999).enumerate() {
        let came = bag.run("files.append", json!({ "ticket": ticket, "offset": number * 99_999, "data": base64(piece) }));
        assert_eq!(came["received"], number * 99_999 + piece.len());
    }
    let file = bag.run("files.attach", json!({ "person": person, "name": "../C:\\scan\u{202e}fdp.exe", "ticket": ticket }));
    assert_eq!((&file["name"], &file["size"], &file["place"], &file["here"], &file["by_me"]), (&json!("scanfdp.exe"), &json!(300_000), &json!("here_only"), &json!(true), &json!(true)));
    assert_eq!(text(&file["by"]), "Amara Okafor");
    let got = bag.run("files.get", json!({ "id": file["id"], "offset": 99_999, "length": 3_000 }));
    assert_eq!((text(&got["data"]), &got["size"]), (base64(&content[99_999..102_999]), &json!(300_000)));
    // By path, with its own name; the kind is told by the content.
    let path = bag.folder.path().join("letter.bin");
    fs::write(&path, b"%PDF-1.7\n and so on").unwrap();
    let by_path = bag.run("files.attach", json!({ "person": person, "path": path }));
    assert_eq!((&by_path["name"], &by_path["media_type"]), (&json!("letter.bin"), &json!("application/pdf")));
    // With its content, on a record: it is the person's as well.
    let record = bag.run("records.create", json!({ "entity": "mood_entries", "values": { "user_id": person, "entry_date": "2026-11-21", "overall_mood": 5 } }));
    let on_record = bag.run("files.attach", json!({ "entity": "mood_entries", "id": record["id"], "name": "note.txt", "data": base64(b"Dear colleague.") }));
    assert_eq!(on_record["media_type"], "text/plain");
    assert_eq!(list(&bag.run("files.list", json!({ "entity": "mood_entries", "id": record["id"] }))).len(), 1);
    assert_eq!(list(&bag.run("files.list", json!({ "person": person }))).len(), 3);
    // All of it survives the program.
    let bag = bag.started_anew();
    assert_eq!(text(&bag.run("files.get", json!({ "id": file["id"], "offset": 0, "length": 300 }))["data"]), base64(&content[..300]));
}

#[test]
fn a_copy_is_saved_beside_what_is_there_and_a_removed_file_leaves_the_list() {
    let bag = Bag::empty();
    let person = bag.register("Hannah Weiss");
    let file = attached(&bag, &person, "report.pdf", b"%PDF-1.7\nabc");
    let folder = tempfile::tempdir().unwrap();
    let save = |bag: &Bag| text(&bag.run("files.save", json!({ "id": file["id"], "folder": folder.path() }))["path"]);
    let (first, second) = (save(&bag), save(&bag));
    assert!(first.ends_with("report.pdf") && second.ends_with("report (2).pdf"), "{first} {second}");
    assert_eq!(fs::read(&second).unwrap(), b"%PDF-1.7\nabc");
    assert_eq!(bag.refused("files.save", json!({ "id": file["id"], "folder": folder.path().join("nowhere") })).field.as_deref(), Some("folder"));
    assert_eq!(bag.refused("files.remove", json!({ "id": file["id"], "reason": " " })).field.as_deref(), Some("reason"));
    bag.run("files.remove", json!({ "id": file["id"], "reason": "of another person" }));
    assert_eq!(places(&bag, &person), []);
    assert_eq!(bag.refused("files.get", json!({ "id": file["id"] })).code, Code::NotFound);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "a refusal leaves nothing");
}

#[test]
fn a_damaged_file_is_told_when_it_is_read_and_when_the_vault_is_checked() {
    let bag = Bag::empty();
    let person = bag.register("Hannah Weiss");
    let file = attached(&bag, &person, "report.pdf", &[7; 90_000]);
    bag.run("vault.verify", json!({}));
    let blobs = blobs(&bag);
    let path = fs::read_dir(blobs).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_file()).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[70_000] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(bag.refused("files.get", json!({ "id": file["id"] })).code, Code::Damaged);
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(bag.refused("files.save", json!({ "id": file["id"], "folder": folder.path() })).code, Code::Damaged);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no half of it is saved");
    let told = bag.refused("vault.verify", json!({}));
    assert!(told.code == Code::Damaged && told.message.contains("1 files of records"), "{told:?}");
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_nothing() {
    let bag = Bag::empty();
    let person = bag.register("Hannah Weiss");
    assert_eq!(bag.refused("files.begin", json!({ "size": 26_214_401 })).field.as_deref(), Some("file"));
    let ticket = bag.run("files.begin", json!({ "size": 6 }))["ticket"].clone();
    let append = |offset: u64, data: &str| json!({ "ticket": ticket, "offset": offset, "data": data });
    assert_eq!(bag.refused("files.append", append(1, "YWJj")).code, Code::Conflict, "out of turn");
    assert_eq!(bag.refused("files.append", append(0, "%%%")).field.as_deref(), Some("data"));
    bag.run("files.append", append(0, "YWJj"));
    bag.run("files.give_up", json!({ "ticket": ticket }));
    assert_eq!(bag.refused("files.attach", json!({ "person": person, "ticket": ticket })).code, Code::NotFound, "given up");
    assert_eq!(bag.refused("files.attach", json!({ "person": NOBODY, "data": "YWJj" })).code, Code::NotFound);
    assert_eq!(bag.refused("files.attach", json!({ "person": person })).code, Code::BadRequest, "no content");
    assert_eq!(bag.refused("files.attach", json!({ "data": "YWJj" })).code, Code::BadRequest, "nobody's");
    assert_eq!(bag.refused("files.attach", json!({ "person": person, "path": bag.folder.path() })).field.as_deref(), Some("path"), "a folder");
    assert_eq!(bag.refused("files.attach", json!({ "person": person, "path": "/no/such/file" })).field.as_deref(), Some("path"));
    assert_eq!(bag.refused("files.list", json!({})).code, Code::BadRequest);
    assert_eq!(places(&bag, &person), []);
    let blobs = blobs(&bag);
    assert_eq!(fs::read_dir(blobs).unwrap().count(), 0, "nothing lies in the folder");
    // A file that is coming does not outlive the lock.
    let ticket = bag.run("files.begin", json!({ "size": 6 }))["ticket"].clone();
    bag.run("vault.lock", json!({}));
    bag.unlock(crate::bag::PASSPHRASE);
    assert_eq!(bag.refused("files.append", json!({ "ticket": ticket, "offset": 0, "data": "YWJj" })).code, Code::NotFound);
}

#[test]
fn a_file_added_while_the_centre_is_away_arrives_at_the_colleague_by_itself() {
    let mut centre = Centre::new();
    let (a, b) = (centre.joined("trainer"), centre.made_for("Ben Adeyemi", "admin"));
    in_step(&a);
    centre.stop();
    let person = a.register("Hannah Weiss");
    let content: Vec<u8> = (0..600_000_u32).map(|at| (at % 241) as u8).collect();
    let file = attached(&a, &person, "report.pdf", &content);
    assert_eq!(file["place"], "here_only");
    centre.go_on();
    a.run("sync.now", json!({}));
    until(&a, "files.list", json!({ "person": person }), |files| files[0]["place"] == "at_centre");
    b.run("sync.now", json!({}));
    let files = until(&b, "files.list", json!({ "person": person }), |files| files[0]["place"] == "at_centre");
    assert_eq!((&files[0]["by"], &files[0]["by_me"], &files[0]["here"]), (&json!("Amara Okafor"), &json!(false), &json!(true)));
    assert_eq!(text(&b.run("files.get", json!({ "id": files[0]["id"], "offset": 300_000, "length": 300 }))["data"]), base64(&content[300_000..300_300]));
    let waits = b.run("sync.status", json!({}))["files"].clone();
    assert_eq!((&waits["waiting"], &waits["bytes"], &waits["failed"]), (&json!(0), &json!(0), &json!(0)));
}

#[test]
fn a_large_file_waits_until_it_is_asked_for_and_can_be_stopped() {
    let centre = Centre::new();
    let (a, b) = (centre.joined("trainer"), centre.made_for("Ben Adeyemi", "admin"));
    let person = a.register("Hannah Weiss");
    let path = a.folder.path().join("film.bin");
    fs::write(&path, vec![7; 6_000_000]).unwrap();
    a.run("files.attach", json!({ "person": person, "path": path }));
    until(&a, "files.list", json!({ "person": person }), |files| files[0]["place"] == "at_centre");
    b.run("sync.now", json!({}));
    let files = until(&b, "files.list", json!({ "person": person }), |files| files[0]["place"] == "not_fetched");
    let id = files[0]["id"].clone();
    assert_eq!(b.refused("files.get", json!({ "id": id })).code, Code::NotFound, "not on this computer");
    b.run("files.fetch", json!({ "id": id }));
    let stopped = b.run("files.stop", json!({ "id": id }));
    assert!(["stopped", "at_centre"].contains(&text(&stopped["place"]).as_str()), "{stopped}");
    b.run("files.fetch", json!({ "id": id }));
    until(&b, "files.list", json!({ "person": person }), |files| files[0]["place"] == "at_centre" && files[0]["here"] == true);
}
