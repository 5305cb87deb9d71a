//! Files between laptops: on a good line and on a bad one, without right, without room, and with lies.

use std::sync::Arc;

use gladstone_central::{blobs::Quota, http::Limits};
use gladstone_protocol::{ApiError, content::{ContentHash, NOT_FOUND, OVER_QUOTA, WRONG_CONTENT, sealed_size}, limits::FILE_PART};
use gladstone_sync::{HttpCentre, blobs::{Blobs, Moved}};
use gladstone_testkit::{Dice, contents::{bytes, hash}};
use gladstone_vault::{VaultError, blobs::AUTOMATIC};

use crate::{ground::Ground, support::{Service, cutter::{Cutter, Way}, entrust, files::moved, no_limits}};

fn serve(ground: &Ground, limits: Limits) -> Service {
    Service::start(Arc::clone(ground.centre()), ground.folder(), false, limits)
}

fn code(error: &ApiError) -> &str {
    if let ApiError::Refused { code, .. } = error { code } else { "" }
}

pub fn a_file_added_offline_is_read_equal_elsewhere_and_sent_once(ground: Ground) {
    let service = serve(&ground, no_limits());
    let (a, b) = (ground.laptop(1, "Amara", "trainer"), ground.laptop(2, "Ben", "admin"));
    let (at_a, at_b) = (service.client_of(&a), service.client_of(&b));
    ground.sync(&a);
    let person = a.register("Rosa Example").unwrap();
    let (small, large) = (bytes(1, 300_000), bytes(2, AUTOMATIC as usize + 1));
    let row = a.attach(person, &small);
    a.attach(person, &large);
    a.attach(person, b"");
    assert_eq!(moved(&a, &at_a), Moved { changed: true, ..Moved::default() }, "no file goes before its record");
    ground.sync(&a);
    assert_eq!(moved(&a, &at_a).sent, 3);
    ground.sync(&b);
    assert_eq!(moved(&b, &at_b).fetched, 2, "the large one waits to be asked for");
    assert!(b.has_file(&small) && b.has_file(b"") && !b.has_file(&large));
    b.vault.ask_for_file(&hash(&large)).unwrap();
    assert_eq!(moved(&b, &at_b).fetched, 1);
    assert!(b.has_file(&large));
    // The same content at another record and from another laptop: nothing of it goes again.
    let cutter = Cutter::to(service.listens, Way::Up);
    let counted = service.client_by(cutter.listens, &a);
    let other = a.register("Sam Example").unwrap();
    a.attach(other, &large);
    ground.sync(&a);
    cutter.passed();
    moved(&a, &counted);
    assert!(cutter.passed() < 2_000, "what is there is not sent");
    // Removed: it leaves every laptop once that is settled, and the centre gives it to nobody.
    a.vault.commit::<_, VaultError>("files.remove", |tx| tx.enter_in_error("attachments", row, "of another person")).unwrap();
    ground.sync(&a);
    ground.sync(&a);
    ground.sync(&b);
    moved(&a, &at_a);
    moved(&b, &at_b);
    assert!(!a.has_file(&small) && !b.has_file(&small) && b.has_file(&large));
    assert_eq!(at_b.get_part(&hash(&small), 0, 10, &mut |_| true).map_err(|error| code(&error).to_owned()), Err(NOT_FOUND.into()));
    ground.verify();
}

pub fn a_large_file_on_a_line_that_breaks_again_and_again_arrives_and_no_byte_goes_twice(ground: Ground) {
    let service = serve(&ground, no_limits());
    let (a, b) = (ground.laptop(1, "Amara", "trainer"), ground.laptop(2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    let content = bytes(1, 4_000_000);
    a.attach(person, &content);
    ground.sync(&a);
    ground.sync(&b);
    let mut chance = Dice::of("a bad line");
    for (laptop, way) in [(&a, Way::Up), (&b, Way::Down)] {
        let cutter = Cutter::to(service.listens, way);
        let at = service.client_by(cutter.listens, laptop);
        if way == Way::Down {
            laptop.vault.plan_files().unwrap();
            laptop.vault.ask_for_file(&hash(&content)).unwrap();
        }
        cutter.passed();
        let (mut breaks, mut done) = (0, Moved::default());
        while done.sent + done.fetched == 0 {
            cutter.cut_after(5_000 + chance.below(400_000));
            done = moved(laptop, &at);
            breaks += 1;
            // As the worker does: never again at once. What arrived is written down meanwhile.
            std::thread::sleep(std::time::Duration::from_millis(60));
            assert!(breaks < 200, "it comes to its end");
        }
        let (passed, size) = (cutter.passed(), sealed_size(4_000_000) as usize);
        // A request is about 300 bytes; what is on the line at the moment of a break may go twice.
        assert!(breaks > 10 && passed >= size && passed < size + breaks * 20_000 + 50_000, "{way:?}: {passed} bytes for {size} with {breaks} breaks");
        assert!(laptop.has_file(&content), "{way:?}");
    }
    ground.verify();
}

pub fn who_may_not_see_a_record_learns_nothing_of_its_file(mut ground: Ground) {
    let service = serve(&ground, no_limits());
    let (a, b) = (ground.laptop(1, "Amara", "trainer"), ground.laptop(2, "Ben", "trainer"));
    let elsewhere = ground.centre().found("Elsewhere").unwrap();
    let home = std::mem::replace(&mut ground.realm, elsewhere);
    let olga = ground.laptop(3, "Olga", "admin");
    let (person, content) = (a.register("Rosa Example").unwrap(), bytes(1, 100_000));
    // The other organization has the same file, of a person of its own.
    ground.sync(&olga);
    let theirs = olga.register("Rosa Example").unwrap();
    olga.attach(theirs, &content);
    ground.sync(&olga);
    ground.realm = home;
    a.attach(person, &content);
    ground.sync(&a);
    ground.sync(&b);
    let (at_a, at_b, at_olga) = (service.client_of(&a), service.client_of(&b), service.client_of(&olga));
    moved(&a, &at_a);
    let nowhere = hash(b"nobody has this");
    let answers = |at: &HttpCentre, hash: &ContentHash| [at.file_state(hash).unwrap_err(), at.put_part(hash, 0, vec![1]).unwrap_err(), at.get_part(hash, 0, 1, &mut |_| true).unwrap_err()];
    assert_eq!(answers(&at_b, &hash(&content)), answers(&at_b, &nowhere), "a colleague without right");
    assert!(answers(&at_b, &nowhere).iter().all(|error| code(error) == NOT_FOUND));
    let state = at_olga.file_state(&hash(&content)).unwrap();
    assert_eq!((state.received, state.complete), (0, false), "another organization's copy is not there");
    assert_eq!(code(&at_olga.get_part(&hash(&content), 0, 1, &mut |_| true).unwrap_err()), NOT_FOUND);
    // With the right, it is there at once.
    entrust(&a, person, b.vault.state().actor);
    ground.sync(&a);
    ground.sync(&b);
    assert_eq!(moved(&b, &at_b).fetched, 1);
    assert!(b.has_file(&content));
}

pub fn a_file_leaves_with_the_record_when_the_right_ends(ground: Ground) {
    let service = serve(&ground, no_limits());
    let (b, chief) = (ground.laptop(2, "Ben", "trainer"), ground.laptop(3, "Chief", "admin"));
    ground.sync(&chief);
    let (one, two) = (chief.register("Rosa Example").unwrap(), chief.register("Sam Example").unwrap());
    let (shared, own) = (bytes(1, 100_000), bytes(2, 100_000));
    for (person, content) in [(one, &shared), (one, &own), (two, &shared)] {
        chief.attach(person, content);
    }
    let (with_one, with_two) = (entrust(&chief, one, b.vault.state().actor), entrust(&chief, two, b.vault.state().actor));
    ground.sync(&chief);
    moved(&chief, &service.client_of(&chief));
    ground.sync(&b);
    moved(&b, &service.client_of(&b));
    assert!(b.has_file(&shared) && b.has_file(&own));
    // A change of theirs waits at B: what it names stays until it is handed over.
    let late = bytes(3, 50_000);
    b.attach(one, &late);
    chief.set("therapeutic_relationships", with_one, "status", "ended").unwrap();
    ground.sync(&chief);
    ground.sync(&b);
    assert!(b.has_file(&shared) && !b.has_file(&own), "what another record names stays");
    assert!(b.has_file(&late), "what was put aside can be sent again, and its file too");
    let item = b.vault.queue(10).unwrap().remove(0);
    b.vault.discard(item.dseq, "she has it on paper").unwrap();
    chief.set("therapeutic_relationships", with_two, "status", "ended").unwrap();
    ground.sync(&chief);
    ground.sync(&b);
    b.vault.plan_files().unwrap();
    assert_eq!(b.count("SELECT count(*) FROM file_held"), 0);
    let left: Vec<_> = std::fs::read_dir(b.folder.path().join("blobs")).unwrap().map(|entry| entry.unwrap()).filter(|entry| entry.file_type().unwrap().is_file()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(chief.has_file(&shared) && chief.has_file(&own), "whoever has the right keeps them");
}

pub fn a_revoked_laptop_hands_over_its_files_and_fetches_none(ground: Ground) {
    let service = serve(&ground, no_limits());
    let (a, b) = (ground.laptop(1, "Amara", "trainer"), ground.laptop(2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    let (mine, theirs) = (bytes(1, 100_000), bytes(2, 100_000));
    a.attach(person, &mine);
    ground.sync(&a);
    ground.sync(&b);
    b.attach(person, &theirs);
    ground.sync(&b);
    moved(&b, &service.client_of(&b));
    ground.sync(&a);
    ground.centre().revoke(ground.realm, a.vault.state().device).unwrap();
    let at_a = service.client_of(&a);
    assert_eq!(at_a.get_part(&hash(&theirs), 0, 1, &mut |_| true), Err(ApiError::Revoked));
    let done = moved(&a, &at_a);
    assert_eq!((done.sent, done.fetched), (1, 0), "what was acknowledged is not lost");
    moved(&b, &service.client_of(&b));
    assert!(b.has_file(&mine) && !a.has_file(&theirs));
}

pub fn more_files_than_ones_share_are_refused_with_a_reason_and_go_later(ground: Ground) {
    let service = serve(&ground, Limits { files: Quota { device_a_day: 150_000, realm: 250_000 }, ..no_limits() });
    let a = ground.laptop(1, "Amara", "trainer");
    let person = a.register("Rosa Example").unwrap();
    for seed in 1..=3 {
        a.attach(person, &bytes(seed, 100_000));
    }
    ground.sync(&a);
    assert_eq!(moved(&a, &service.client_of(&a)).sent, 1);
    let notes = |what: &str| a.vault.files_on_their_way().unwrap().iter().filter(|transfer| transfer.note.as_deref().is_some_and(|note| note.contains(what))).count();
    assert_eq!(notes("today"), 2, "the day's share: {:?}", a.vault.files_on_their_way().unwrap());
    ground.clock.pass(86_400);
    a.clock.pass(86_400);
    assert_eq!(moved(&a, &service.client_of(&a)).sent, 1, "tomorrow the next one");
    ground.clock.pass(86_400);
    a.clock.pass(86_400);
    assert_eq!(moved(&a, &service.client_of(&a)).sent, 0);
    assert_eq!(notes("no room"), 1, "the organization's share");
    let refused = service.client_of(&a).put_part(&hash(&bytes(3, 100_000)), 0, vec![0; 60_000]).map_err(|error| code(&error).to_owned());
    assert!(refused == Err(OVER_QUOTA.into()) || refused.as_ref().is_ok_and(|state| state.complete), "{refused:?}");
}

pub fn another_file_under_a_name_is_refused_on_both_sides_and_told(ground: Ground) {
    let service = serve(&ground, no_limits());
    let (a, b) = (ground.laptop(1, "Amara", "trainer"), ground.laptop(2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    let content = bytes(1, 150_000);
    a.attach(person, &content);
    ground.sync(&a);
    ground.sync(&b);
    let (at_a, at_b, hash) = (service.client_of(&a), service.client_of(&b), hash(&content));
    // B brings garbage of the right length, then too much, then out of turn.
    let size = sealed_size(150_000) as usize;
    let garbage = bytes(9, size + 1);
    assert_eq!(at_b.put_part(&hash, 0, garbage[..size - 1].to_vec()).unwrap().received, size as u64 - 1);
    assert_eq!(code(&at_b.put_part(&hash, size as u64 - 1, garbage[..1].to_vec()).unwrap_err()), WRONG_CONTENT);
    assert_eq!(at_b.file_state(&hash).unwrap().received, 0, "nothing of it is kept");
    assert_eq!(code(&at_b.put_part(&hash, 0, garbage.clone()).unwrap_err()), WRONG_CONTENT, "more than the file has");
    assert_eq!(at_b.put_part(&hash, 7, garbage[..9].to_vec()).unwrap().received, 0, "a part out of turn is not taken");
    assert_eq!(code(&at_b.put_part(&hash, 0, bytes(2, FILE_PART + 1)).unwrap_err()), "", "and none that is larger than agreed");
    // What B tries is not in A's way.
    at_b.put_part(&hash, 0, garbage[..70_000].to_vec()).unwrap();
    assert_eq!(moved(&a, &at_a).sent, 1);
    assert!(at_b.file_state(&hash).unwrap().complete);
    // A centre whose disk changed a byte: B refuses it, three times, and says so.
    let stored = stored(&ground);
    let good = std::fs::read(&stored).unwrap();
    let mut bad = good.clone();
    bad[100_000] ^= 1;
    std::fs::write(&stored, &bad).unwrap();
    for _ in 0..3 {
        assert_eq!(moved(&b, &at_b).fetched, 0);
    }
    let told = b.vault.files_on_their_way().unwrap().remove(0);
    assert!(told.state == gladstone_vault::blobs::TransferState::Failed && told.note.is_some_and(|note| note.contains("not the file")));
    // Cut short: it never comes to its end, and is refused as well.
    std::fs::write(&stored, &good[..size - 1]).unwrap();
    b.vault.ask_for_file(&hash).unwrap();
    assert_eq!(moved(&b, &at_b).fetched, 0);
    std::fs::write(&stored, &good).unwrap();
    b.vault.ask_for_file(&hash).unwrap();
    assert_eq!(moved(&b, &at_b).fetched, 1);
    assert!(b.has_file(&content));
}

/// The one whole file in the centre's folder.
fn stored(ground: &Ground) -> std::path::PathBuf {
    let realm = ground.folder().join("blobs").join(ground.realm.to_string());
    let folders = std::fs::read_dir(realm).unwrap().map(|entry| entry.unwrap()).filter(|entry| entry.file_name().len() == 2);
    let mut files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()));
    let file = files.next().unwrap();
    assert_eq!(files.next(), None);
    file
}
