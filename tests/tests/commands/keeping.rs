//! Keeping a bag: settings, sample data, passphrase and code, backups, removal.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

use gladstone_desk::{Code, Event, all};
use serde_json::{Value as Json, json};

use crate::bag::{Bag, LABEL, NOBODY, OTHER_PASSPHRASE, PASSPHRASE, list, text};

#[test]
fn settings_come_back_as_they_were_set() {
    let bag = Bag::empty();
    assert_eq!(bag.run("settings.get", json!({})), json!({ "theme": "system", "language": "en", "text_percent": 100, "lock_minutes": 5, "letter_keys": true }));
    let wanted = json!({ "theme": "contrast", "language": "de", "text_percent": 150, "lock_minutes": 15, "letter_keys": false });
    assert_eq!(bag.run("settings.set", wanted.clone()), wanted);
    for (field, value, code) in [("lock_minutes", json!(0), Code::Invalid), ("lock_minutes", json!(16), Code::Invalid), ("lock_minutes", json!(300), Code::BadRequest), ("text_percent", json!(110), Code::Invalid), ("theme", json!("pink"), Code::BadRequest), ("letter_keys", json!("yes"), Code::BadRequest)] {
        let mut request = wanted.clone();
        request[field] = value.clone();
        let error = bag.refused("settings.set", request);
        assert_eq!(error.code, code, "{field} {value}");
        assert!(code != Code::Invalid || error.field.as_deref() == Some(field), "{error:?}");
    }
    let bag = bag.started_anew();
    assert_eq!(bag.run("settings.get", json!({})), wanted);
    assert!(bag.changed().contains("user_preferences"), "whoever shows them is told");
}

#[test]
fn the_same_seed_gives_the_same_sample_and_another_seed_another_one() {
    let (one, again, other) = (Bag::sample(7), Bag::sample(7), Bag::sample(8));
    let counts = |bag: &Bag| -> BTreeMap<String, u64> { gladstone_model::catalogue().entities.iter().map(|entity| (entity.name.clone(), bag.run("records.list", json!({ "entity": entity.name, "limit": 1 }))["total"].as_u64().unwrap())).collect() };
    assert_eq!(counts(&one), counts(&again));
    let before = counts(&again);
    assert_eq!(again.refused("sample.generate", json!({ "seed": 7 })).code, Code::Conflict, "a bag takes one sample");
    assert_eq!(counts(&again), before, "and a second one leaves nothing behind");
    let scores = |bag: &Bag| -> Vec<Json> { list(&bag.run("records.list", json!({ "entity": "answers", "sort": [{ "field": "answered_at" }], "limit": 1000 }))["records"]).iter().map(|record| record["values"]["score"].clone()).collect() };
    let born = |bag: &Bag| -> BTreeSet<String> { list(&bag.run("records.list", json!({ "entity": "user_profiles", "limit": 1000 }))["records"]).iter().map(|record| record["values"]["date_of_birth"].to_string()).collect() };
    assert_eq!(born(&one), born(&again));
    assert_ne!((born(&one), scores(&one)), (born(&other), scores(&other)), "another seed draws other data");
    for bag in [&one, &other] {
        let empty: Vec<String> = counts(bag).into_iter().filter(|(_, count)| *count == 0).map(|(name, _)| name).collect();
        assert!(empty.len() <= 6, "every screen has something to show: {empty:?}");
        assert!(bag.run("vault.verify", json!({}))["entries"].as_u64().unwrap() > 20, "sample data leaves no faults");
        assert_eq!(bag.run("jobs.progress", json!({}))["job"], Json::Null);
        let today = bag.run("today.get", json!({}));
        assert!(["agenda", "paused", "due", "alerts"].iter().all(|part| !list(&today[part]).is_empty()), "{today}");
    }
}

#[test]
fn cancelling_the_sample_stops_it_and_keeps_what_is_finished() {
    let bag = Bag::empty();
    std::thread::scope(|scope| {
        let work = scope.spawn(|| bag.desk.run("sample.generate", json!({ "seed": 3, "scale": 100 })));
        let begun = Instant::now();
        let far = || bag.run("jobs.progress", json!({}))["done"].as_u64().unwrap() > 0;
        while !far() {
            assert!(begun.elapsed() < Duration::from_secs(60) && !work.is_finished(), "the work shows its progress");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(bag.run("jobs.progress", json!({}))["job"], "Sample data");
        assert_eq!(bag.refused("sample.generate", json!({})).code, Code::Conflict, "one piece of work at a time");
        assert_eq!(bag.refused("vault.verify", json!({})).code, Code::Conflict);
        bag.run("jobs.cancel", json!({}));
        let stopped = work.join().unwrap().unwrap_err();
        assert_eq!(stopped.code, Code::Cancelled);
    });
    assert_eq!(bag.run("jobs.progress", json!({}))["job"], Json::Null);
    let people = bag.run("people.find", json!({ "text": "" }))["total"].as_u64().unwrap();
    assert!((20..2_000).contains(&people), "{people} persons were kept");
    assert!(bag.changed().contains("users"), "whoever shows them is told, although the work was stopped");
    bag.run("vault.verify", json!({}));
    for scale in [0, 101] {
        assert_eq!(bag.refused("sample.generate", json!({ "scale": scale })).field.as_deref(), Some("scale"));
    }
}

#[test]
fn a_vault_opens_with_its_passphrase_or_its_code_and_with_nothing_else() {
    let bag = Bag::empty();
    bag.register("Owen Pritchard");
    let lost = |passphrase: &str| bag.refused("vault.unlock", json!({ "vault_id": bag.vault, "passphrase": passphrase }));
    let weak = bag.refused("vault.change_passphrase", json!({ "passphrase": PASSPHRASE, "new_passphrase": "password1234" }));
    assert_eq!((weak.code, weak.field.as_deref()), (Code::Invalid, Some("new_passphrase")));
    let wrong = bag.refused("vault.change_passphrase", json!({ "passphrase": "not the passphrase at all", "new_passphrase": OTHER_PASSPHRASE }));
    assert_eq!((wrong.code, wrong.field.as_deref()), (Code::WrongSecret, Some("passphrase")));
    assert_eq!(bag.run("app.status", json!({}))["state"], "unlocked", "a slip of the finger does not throw anybody out");
    bag.register("Zeynep Kaya");

    bag.run("vault.lock", json!({}));
    let error = lost("not the passphrase at all");
    assert_eq!((error.code, error.field.as_deref()), (Code::WrongSecret, Some("passphrase")));
    assert_eq!(bag.refused("vault.unlock", json!({ "vault_id": NOBODY, "passphrase": PASSPHRASE })).code, Code::NotFound);
    assert_eq!(bag.refused("vault.unlock_with_recovery", json!({ "vault_id": bag.vault, "code": "AAAA-AAAA", "new_passphrase": OTHER_PASSPHRASE })).code, Code::WrongSecret);
    let renewed = bag.run("vault.unlock_with_recovery", json!({ "vault_id": bag.vault, "code": bag.code.to_lowercase(), "new_passphrase": OTHER_PASSPHRASE }));
    assert_ne!(text(&renewed["recovery_code"]), bag.code, "a used code is replaced");
    assert_eq!(bag.refused("people.register", json!({ "name": "Too Early" })).code, Code::RecoveryUnconfirmed, "the new code has to be confirmed as well");
    bag.run("vault.confirm_recovery", json!({ "code": renewed["recovery_code"] }));
    assert_eq!(bag.run("people.find", json!({ "text": "" }))["total"], 3, "everybody is still there");
    bag.run("vault.lock", json!({}));
    assert_eq!(lost(PASSPHRASE).code, Code::WrongSecret, "the old passphrase opens nothing");
    assert_eq!(bag.refused("vault.unlock_with_recovery", json!({ "vault_id": bag.vault, "code": bag.code, "new_passphrase": PASSPHRASE })).code, Code::WrongSecret, "the old code opens nothing");
    bag.unlock(OTHER_PASSPHRASE);
    bag.run("vault.verify", json!({}));
}

#[test]
fn a_backup_restores_and_going_back_in_time_is_noticed() {
    let bag = Bag::empty();
    bag.register("Hiroshi Nakamura");
    let made = bag.run("vault.back_up", json!({}));
    assert!(made["bytes"].as_u64().unwrap() > 0);
    assert_eq!(list(&bag.run("vault.backups", json!({})))[0]["made"], made["made"]);
    assert!(bag.run("vault.test_restore", json!({ "made": made["made"] }))["entries"].as_u64().unwrap() > 0);
    assert_eq!(bag.refused("vault.test_restore", json!({ "made": "2020-01-01T00-00-00Z" })).code, Code::NotFound);
    assert_eq!(bag.refused("vault.test_restore", json!({ "made": "../.." })).code, Code::NotFound);
    bag.register("Marisol Vega");
    bag.run("vault.lock", json!({}));
    assert_eq!(list(&bag.run("vault.backups_of", json!({ "vault_id": bag.vault }))).len(), 1);
    assert_eq!(bag.refused("vault.restore", json!({ "vault_id": bag.vault, "made": "nothing" })).code, Code::NotFound);
    bag.run("vault.restore", json!({ "vault_id": bag.vault, "made": made["made"] }));
    bag.unlock(PASSPHRASE);
    let status = bag.run("app.status", json!({}));
    assert_eq!(status["state"], "recovery");
    assert!(text(&status["open"]["alarm"]).contains("missing"), "{status}");
    for command in all().iter().filter(|command| command.writes) {
        assert_eq!(bag.refused(command.name, json!({})).code, Code::Damaged, "{}", command.name);
    }
    assert_eq!(bag.run("people.find", json!({ "text": "" }))["total"], 2, "reading works");
    bag.run("vault.accept_alarm", json!({}));
    assert_eq!(bag.run("app.status", json!({}))["state"], "unlocked");
    bag.register("Tendai Moyo");
    bag.run("vault.verify", json!({}));
    assert_eq!(bag.started_anew().run("app.status", json!({}))["state"], "unlocked", "the alarm does not come back");
}

#[test]
fn erasing_asks_for_the_label_and_leaves_nothing() {
    let bag = Bag::empty();
    bag.register("Camille Laurent");
    bag.run("vault.back_up", json!({}));
    for label in ["", "practice", "Practice!"] {
        let error = bag.refused("vault.erase", json!({ "label": label }));
        assert_eq!((error.code, error.field.as_deref()), (Code::Invalid, Some("label")), "“{label}”");
    }
    assert_eq!(bag.run("people.find", json!({ "text": "" }))["total"], 2);
    bag.run("vault.erase", json!({ "label": LABEL }));
    assert_eq!(bag.run("app.status", json!({}))["state"], "first_start");
    assert_eq!(fs::read_dir(bag.folder.path().join("vaults")).unwrap().count(), 0, "no file is left");
    assert!(bag.events.lock().unwrap().contains(&Event::Locked));
    assert_eq!(bag.refused("people.find", json!({ "text": "" })).code, Code::Locked);
    bag.run("vault.create", json!({ "label": LABEL, "person_name": "Amara Okafor", "passphrase": PASSPHRASE }));
}

#[test]
fn the_recovery_code_is_written_for_its_owner_only_and_overwrites_nothing() {
    let bag = Bag::unconfirmed();
    let stick = bag.folder.path().join("stick");
    let save = json!({ "code": bag.code, "folder": stick.to_string_lossy() });
    let missing = bag.refused("vault.save_code", save.clone());
    assert_eq!((missing.code, missing.field.as_deref()), (Code::Invalid, Some("folder")));
    fs::create_dir(&stick).unwrap();
    let path = text(&bag.run("vault.save_code", save.clone())["path"]);
    let written = fs::read_to_string(&path).unwrap();
    assert!(written.contains(&bag.code), "{written}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "nobody else on this computer reads it");
    }
    let other = bag.refused("vault.save_code", json!({ "code": "another code", "folder": stick.to_string_lossy() }));
    assert_eq!((other.code, other.field.as_deref()), (Code::Invalid, Some("folder")));
    assert_eq!(fs::read_to_string(&path).unwrap(), written);
    assert_eq!(bag.refused("vault.save_code", json!({ "code": "x", "folder": path })).field.as_deref(), Some("folder"), "a file is no folder");
}
