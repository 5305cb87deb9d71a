//! What lies on the disk of the embedded centre: for its owner alone, and the key apart from the
//! records.

mod support;

use std::{fs, os::unix::fs::{MetadataExt, PermissionsExt, chown}, path::{Path, PathBuf}};

use gladstone_central::{Embedded, EngineError};
use gladstone_testkit::image::scratch;
use support::{Place, person};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn refusal(folder: &Path) -> String {
    match Embedded::open(folder) {
        Err(EngineError::Refused(why)) => why,
        Err(other) => panic!("{other}"),
        Ok(_) => String::new(),
    }
}

/// Whether bytes lie in any of these files.
fn holds(files: &[PathBuf], bytes: &[u8]) -> bool {
    files.iter().filter_map(|file| fs::read(file).ok()).any(|found| found.windows(bytes.len()).any(|part| part == bytes))
}

#[test]
fn folder_and_files_are_for_their_owner_alone_and_what_was_left_open_is_closed() {
    let place = Place::new();
    let mut amara = place.laptop("Amara", "therapist");
    amara.save(&place, vec![person(amara.new_id(), "Ben")]);
    let (folder, realm) = (place.folder.path().to_owned(), place.realm);
    let file = |ending: &str| folder.join(format!("{realm}.{ending}"));
    for ending in ["sqlite", "sqlite-wal", "sqlite-shm", "key", "witness"] {
        assert_eq!(mode(&file(ending)), 0o600, "{ending}");
    }
    let inner = scratch();
    drop(Embedded::open(&inner.path().join("data").join("realms")).unwrap());
    assert_eq!(mode(&inner.path().join("data").join("realms")), 0o700, "a folder that is made");
    let Place { centre, folder: _kept, .. } = place;
    drop(centre);
    let check = |what: &str, path: &Path, open: u32, closed: u32| {
        set_mode(path, open);
        assert_eq!(refusal(&folder), "", "{what}: it belongs to whoever runs the centre");
        assert_eq!(mode(path), closed, "{what}: closed");
    };
    check("a folder that others may enter", &folder, 0o755, 0o700);
    check("records that the group may read", &file("sqlite"), 0o640, 0o600);
    check("records that anybody may change", &file("sqlite"), 0o602, 0o600);
    check("a key that anybody may read", &file("key"), 0o604, 0o600);
}

#[test]
fn what_belongs_to_somebody_else_and_is_open_is_not_served() {
    let place = Place::new();
    let mut amara = place.laptop("Amara", "therapist");
    amara.save(&place, vec![person(amara.new_id(), "Ben")]);
    let (folder, realm) = (place.folder.path().to_owned(), place.realm);
    let Place { centre, folder: _kept, .. } = place;
    drop(centre);
    let refused = |path: &Path, why: &str| assert!(why.contains(&path.display().to_string()) && why.contains("chmod -R go="), "{why}");
    let own = fs::metadata(&folder).unwrap().uid();
    if own != 0 {
        // Whoever is not root owns the root folder not, and reads it.
        return refused(Path::new("/"), &refusal(Path::new("/")));
    }
    for (path, open, closed) in [(folder.clone(), 0o755, 0o700), (folder.join(format!("{realm}.sqlite")), 0o604, 0o600), (folder.join(format!("{realm}.key")), 0o640, 0o600)] {
        chown(&path, Some(65_534), None).unwrap();
        set_mode(&path, open);
        refused(&path, &refusal(&folder));
        assert_eq!(mode(&path), open, "it is left as it is");
        chown(&path, Some(own), None).unwrap();
        set_mode(&path, closed);
    }
    assert_eq!(refusal(&folder), "", "put right");
}

#[test]
fn the_key_lies_apart_from_the_records_and_from_their_copies() {
    let place = Place::new();
    let mut amara = place.laptop("Amara", "therapist");
    amara.save(&place, vec![person(amara.new_id(), "Ben")]);
    let (folder, realm) = (place.folder.path().to_owned(), place.realm);
    let file = |ending: &str| folder.join(format!("{realm}.{ending}"));
    let seed = fs::read(file("key")).unwrap()[24..56].to_vec();
    let records = || ["sqlite", "sqlite-wal", "sqlite-shm"].map(file).to_vec();
    assert!(!holds(&records(), &seed), "not among the records");
    let copies = scratch();
    let copy = copies.path().join("copy.sqlite");
    place.centre.backup(realm, &copy).unwrap();
    let key = copies.path().join("copy.key");
    assert_eq!((mode(&copy), mode(&key)), (0o600, 0o600), "copies are for their owner alone");
    assert!(!holds(&[copy], &seed) && holds(&[key], &seed), "in a copy it lies apart as well");
    drop(place.centre);
    // A store of before kept it among the records: it moves, once and for good.
    fs::rename(file("key"), copies.path().join("kept.key")).unwrap();
    let connection = rusqlite::Connection::open(file("sqlite")).unwrap();
    connection.execute("UPDATE centre_realm SET seed = ?1", [&seed]).unwrap();
    connection.close().unwrap();
    drop(Embedded::open(&folder).unwrap());
    assert!(holds(&[file("key")], &seed) && !holds(&records(), &seed), "it has moved");
    let place = Place { centre: support::open(&folder, &place.around), ..place };
    amara.save(&place, vec![person(amara.new_id(), "Cleo")]);
    assert!(place.centre.verify_audit(realm, &mut |_, _| true).unwrap().faults.is_empty(), "the centre goes on signing as before");
    drop(place.centre);
    // Without a key, and with another one.
    fs::remove_file(file("key")).unwrap();
    let why = refusal(&folder);
    assert!(why.contains("key") && why.contains(&realm.to_string()), "{why}");
    fs::copy(copies.path().join("kept.key"), file("key")).unwrap();
    set_mode(&file("key"), 0o600);
    assert_eq!(refusal(&folder), "", "put back");
    fs::write(file("key"), [1; 88]).unwrap();
    assert!(matches!(Embedded::open(&folder), Err(EngineError::Damaged(_))), "something else in its place");
}
