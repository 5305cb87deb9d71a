//! Files: a store that was put back is not served, copies are whole, half a transaction is none,
//! and what was acknowledged is there when the centre comes back.

mod support;

use std::{fs, panic::{AssertUnwindSafe, catch_unwind}};

use gladstone_central::{Centre, CentreError, Embedded, Engine, EngineError, engine::{Batch, Filed}};
use gladstone_model::Instant;
use gladstone_protocol::{ApiError, Signature, Stored, Verdict, wire::Envelope};
use support::{Place, mood, open, person};

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in fs::read_dir(from).unwrap().flatten().filter(|entry| entry.path().extension().is_none_or(|ending| ending != "witness")) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_store_that_was_put_back_is_not_served_until_it_has_a_new_epoch() {
    let place = Place::new();
    let mut amara = place.laptop("Amara", "therapist");
    amara.save(&place, vec![person(amara.new_id(), "Ben")]);
    let backup = gladstone_testkit::image::scratch();
    let file = backup.path().join(format!("{}.sqlite", place.realm));
    place.centre.backup(place.realm, &file).unwrap();
    let kept = place.centre.head(place.realm).unwrap();
    assert!(place.centre.backup(place.realm, &file).is_err(), "a copy never replaces a file");
    let (known, acknowledged) = (amara.chain.len(), amara.new_id());
    amara.save(&place, vec![person(acknowledged, "Cleo")]);
    let (folder, around, realm) = (place.folder, place.around, place.realm);
    drop(place.centre);
    for ending in ["sqlite", "sqlite-wal", "sqlite-shm"] {
        let _ = fs::remove_file(folder.path().join(format!("{realm}.{ending}")));
    }
    copy(backup.path(), folder.path());
    let place = Place { centre: open(folder.path(), &around), folder, around, realm };
    let caller = place.caller(&amara);
    assert!(place.centre.realms().unwrap()[0].blocked, "the operator sees it");
    assert!(matches!(place.centre.push(&caller, &amara.push_request(Vec::new())), Err(ApiError::Later { .. })), "nothing is taken in");
    assert!(matches!(place.centre.pull(&caller, &amara.pull_request()), Err(ApiError::Later { .. })), "nothing is told");
    assert!(matches!(place.centre.revoke(realm, amara.device), Err(CentreError::BehindWitness { found, witnessed, .. }) if found == kept && witnessed == kept + 1), "and it is said why");
    let place = place.reopened();
    assert!(place.centre.realms().unwrap()[0].blocked, "still so after a restart");
    let epoch = place.centre.new_epoch(realm).unwrap();
    // The laptop learns of the new history and sends again what it still has.
    let answer = place.centre.push(&place.caller(&amara), &amara.push_request(vec![amara.chain[known].clone()])).unwrap();
    assert_eq!(answer.epoch, epoch, "the laptop is told of the new history");
    assert!(matches!(answer.verdicts[0].verdict, Verdict::Applied { .. }), "nothing that was acknowledged is lost: {:?}", answer.verdicts);
    amara.take_push(&answer);
    let place = place.reopened();
    assert!(!place.centre.realms().unwrap()[0].blocked, "from now on it is served");
    (amara.from_g, amara.complete) = (0, Default::default());
    amara.base.clear();
    amara.told.clear();
    amara.pull(&place);
    assert!(amara.row("users", acknowledged).is_some(), "the record is there again");
}

#[test]
fn the_first_push_under_a_new_epoch_may_bring_a_nonce_that_the_store_never_gave_out() {
    let place = Place::new();
    let mut amara = place.laptop("Amara", "therapist");
    amara.save(&place, vec![person(amara.new_id(), "Ben")]);
    place.centre.new_epoch(place.realm).unwrap();
    amara.nonce = [9; 32];
    amara.write(vec![person(amara.new_id(), "Cleo")]);
    let request = amara.push_request(vec![amara.chain[1].clone()]);
    let answer = place.centre.push(&place.caller(&amara), &request).unwrap();
    assert!(matches!(answer.verdicts[0].verdict, Verdict::Applied { .. }), "{:?}", answer.verdicts);
    let again = place.centre.push(&place.caller(&amara), &gladstone_protocol::wire::PushRequest { nonce: [8; 32], ..request }).unwrap();
    assert_eq!(again.verdicts[0].verdict, Verdict::Fork, "but only once");
}

#[test]
fn what_was_acknowledged_is_there_when_the_centre_comes_back() {
    let mut place = Place::new();
    let mut amara = place.laptop("Amara", "therapist");
    let id = amara.new_id();
    amara.save(&place, vec![person(id, "Cleo")]);
    for day in 1..=5 {
        let verdict = amara.save(&place, vec![mood(amara.new_id(), id, day, 5)]);
        place = place.reopened();
        assert_eq!(place.centre.head(place.realm).unwrap(), verdict.g().unwrap(), "the number that was acknowledged");
    }
    amara.pull(&place);
    assert_eq!(amara.rows("mood_entries").len(), 5, "all of it");
}

#[test]
fn half_a_transaction_is_none() {
    let place = Place::new();
    let mut amara = place.laptop("Amara", "therapist");
    let id = amara.new_id();
    amara.save(&place, vec![person(id, "Cleo")]);
    let (folder, realm) = (place.folder.path().to_owned(), place.realm);
    let engine = Embedded::open(&folder).unwrap();
    let before = place.centre.verify_audit(realm, &mut |_, _| true).unwrap();
    let device = place.caller(&amara).device;
    let stopped = catch_unwind(AssertUnwindSafe(|| {
        engine.write(realm, &mut |shelf| {
            let mut known = shelf.devices(Some(&[device]))?.remove(0);
            known.label = "Half written".into();
            shelf.put_device(&known)?;
            panic!("on purpose");
        })
    }));
    assert!(stopped.is_err(), "it stops in the middle");
    engine.read(realm, &mut |shelf| {
        assert_eq!(shelf.devices(Some(&[device]))?[0].label, "Test", "nothing of it is there");
        Ok(())
    }).unwrap();
    let failed = engine.write(realm, &mut |shelf| {
        shelf.set_epoch(device)?;
        Err(CentreError::Refused("on purpose".into()))
    });
    assert_eq!(failed, Err(CentreError::Refused("on purpose".into())), "the reason is passed on");
    drop(engine);
    assert_eq!(place.centre.verify_audit(realm, &mut |_, _| true).unwrap(), before, "the store is as it was");
    assert!(matches!(amara.save(&place, vec![mood(amara.new_id(), id, 3, 5)]), Verdict::Applied { .. }), "and goes on");
}

#[test]
fn a_value_that_the_store_refuses_stops_nobody_else() {
    let place = Place::new();
    let mut amara = place.laptop("Amara", "therapist");
    let id = amara.new_id();
    amara.save(&place, vec![person(id, "Cleo")]);
    // The store is made to refuse one value that every rule allows.
    let file = place.folder.path().join(format!("{}.sqlite", place.realm));
    rusqlite::Connection::open(file).unwrap().execute_batch("CREATE TRIGGER refuse BEFORE INSERT ON mood_entries WHEN NEW.overall_mood = 7 BEGIN SELECT RAISE(ABORT, 'refused'); END").unwrap();
    for mood_of_the_day in [5, 7, 6] {
        amara.write(vec![mood(amara.new_id(), id, 10 + mood_of_the_day as u32, mood_of_the_day)]);
    }
    amara.push(&place);
    let codes: Vec<&str> = amara.verdicts.values().map(support::code).collect();
    assert_eq!(codes, ["", "", "store", ""], "one is kept without effect, the others take effect");
}

#[test]
fn every_chain_is_verified_and_what_was_changed_is_found() {
    let place = Place::new();
    let mut amara = place.laptop("Amara", "therapist");
    let id = amara.new_id();
    amara.save(&place, vec![person(id, "Cleo")]);
    amara.save(&place, vec![mood(amara.new_id(), id, 3, 5)]);
    let faults = |centre: &Centre| -> Vec<String> { centre.verify_audit(place.realm, &mut |_, _| true).unwrap().faults.into_iter().map(|fault| fault.what).collect() };
    assert!(faults(&place.centre).is_empty(), "nothing is wrong");
    let file = place.folder.path().join(format!("{}.sqlite", place.realm));
    let tamper = |sql: &str| rusqlite::Connection::open(&file).unwrap().execute_batch(sql).unwrap();
    let check = |what: &str, change: &str, undo: &str| {
        tamper(change);
        assert!(!faults(&place.centre).is_empty(), "{what} is found");
        tamper(undo);
        assert!(faults(&place.centre).is_empty(), "{what}: undone");
    };
    check("a changed record", "UPDATE mood_entries SET overall_mood = overall_mood + 1", "UPDATE mood_entries SET overall_mood = overall_mood - 1");
    check("an envelope that was taken out", "UPDATE centre_envelope SET dseq = dseq + 100 WHERE dseq = 2", "UPDATE centre_envelope SET dseq = dseq - 100 WHERE dseq = 102");
    check("a chain that was cut", "UPDATE centre_life SET dseq = dseq - 1", "UPDATE centre_life SET dseq = dseq + 1");
    tamper("UPDATE centre_envelope SET bytes = zeroblob(length(bytes)) WHERE dseq = 2");
    assert!(!faults(&place.centre).is_empty(), "changed bytes are found");
    assert!(place.centre.verify_audit(place.realm, &mut |_, _| false).is_err(), "and it can be ended");
}

#[test]
fn realms_are_founded_whole_or_not_at_all() {
    let folder = gladstone_testkit::image::scratch();
    fs::write(folder.path().join("0192aaaa-0000-7000-8000-000000000001.draft"), b"half a file").unwrap();
    fs::write(folder.path().join("notes.txt"), b"not a realm").unwrap();
    let centre = open(folder.path(), &support::Seeded::new(4));
    assert!(centre.realms().unwrap().is_empty(), "what was not finished is no realm");
    for wrong in ["", "  ", &"x".repeat(256)] {
        assert!(matches!(centre.found(wrong), Err(CentreError::Refused(_))), "“{wrong}” is no name");
    }
    let first = centre.found("Praxis am Fluß").unwrap();
    centre.found("Praxis am Fluß").unwrap();
    assert_eq!(centre.realms().unwrap().len(), 2, "organizations may have the same name");
    assert_eq!(centre.head(first).unwrap(), 1, "its own row is the first change");
    assert!(matches!(centre.head(uuid::Uuid::from_u128(1)), Err(CentreError::Engine(EngineError::NoRealm))), "one that is not there");
}

#[test]
fn the_log_of_a_store_is_folded_while_more_is_written_and_nothing_of_it_is_lost() {
    const TRANSACTIONS: u64 = 24;
    const EACH: u64 = 40;
    let place = Place::new();
    let (realm, folder) = (place.realm, place.folder.path().to_owned());
    let file = folder.join(format!("{realm}.sqlite"));
    let size = || fs::metadata(&file).unwrap().len();
    let engine = Embedded::open(&folder).unwrap();
    let (device, incarnation) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
    let mut dice = 7_u64;
    let mut noise = || -> Vec<u8> {
        std::iter::repeat_with(|| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 56) as u8
        }).take(60_000).collect()
    };
    let before = size();
    for transaction in 0..TRANSACTIONS {
        let filed: Vec<Filed> = (1..=EACH).map(|number| Filed {
            place: gladstone_central::engine::Place { device, incarnation, dseq: transaction * EACH + number },
            envelope: Envelope { bytes: noise(), hash: [1; 32], signature: Signature([2; 64]) },
            received: Instant(1),
            mutation: None,
            g: None,
            verdict: Stored::Applied { g: 0 },
        }).collect();
        engine.write(realm, &mut |shelf| {
            let head = shelf.head()?;
            Ok(shelf.save(Batch { g: head.g, held_count: head.held, filed: filed.clone(), ..Batch::default() })?)
        }).unwrap();
    }
    // 58 MB were written, and folded every 4,000 pages (16 MB) by a thread that nobody waited for.
    let began = std::time::Instant::now();
    while size() < before + 30_000_000 {
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "nothing was folded: {} bytes", size());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let count = |engine: &Embedded| {
        let mut count = 0;
        engine.read(realm, &mut |shelf| { count = shelf.filed(device, incarnation, 1, TRANSACTIONS * EACH)?.len(); Ok(()) }).unwrap();
        count as u64
    };
    assert_eq!(count(&engine), TRANSACTIONS * EACH);
    drop(engine);
    assert_eq!(count(&Embedded::open(&folder).unwrap()), TRANSACTIONS * EACH, "after a restart as well");
}
