//! Files in a bucket of a real object store: parts through several copies of the service, what others
//! can tell from it, lines that break, a store that is killed, and settings that are wrong.

// Test code stops at the first thing that does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs, io::ErrorKind, net::TcpListener, sync::Arc, time::{Duration, Instant as Clock, SystemTime}};

use gladstone_central::blobs::{BlobFault, Blobs, Bringing, Quota, bucket::Place, copy};
use gladstone_model::Instant;
use gladstone_protocol::{content::{CHUNK, ContentHash, shared_name}, enrol::to_hex};
use gladstone_testkit::{bucket::{ACCESS_KEY, SECRET_KEY, Store}, contents::sealed, cutter::{Cutter, Way}, dice};
use rusty_s3::Credentials;
use uuid::Uuid;

const REALM: Uuid = Uuid::from_u128(1);
const DEVICE: Uuid = Uuid::from_u128(2);
const NOW: Instant = Instant(1_795_000_000_000_000);
const PLENTY: Quota = Quota { device_a_day: u64::MAX, realm: u64::MAX };

/// A copy of the service's files, with the place in which it counts.
struct Copy {
    blobs: Blobs,
    folder: tempfile::TempDir,
}

fn with(address: &str, secret: &str, quota: Quota) -> Copy {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::with_key(address, Credentials::new(ACCESS_KEY, secret)).unwrap();
    // Each realm has a key of its own, the same for all copies of the service.
    let keys = Arc::new(|realm: Uuid| Ok(*blake3::hash(realm.as_bytes()).as_bytes()));
    Copy { blobs: Blobs::in_bucket(&place, folder.path().join("blobs"), quota, keys).unwrap(), folder }
}

fn at(store: &Store) -> Blobs {
    let Copy { blobs, folder } = with(&store.address(), SECRET_KEY, PLENTY);
    drop(folder);
    blobs
}

fn of<'a>(hash: ContentHash, sizes: &'a [u64]) -> Bringing<'a> {
    Bringing { realm: REALM, device: DEVICE, hash, sizes }
}

fn put_whole(blobs: &Blobs, hash: ContentHash, size: u64, bytes: &[u8]) {
    assert!(blobs.append(&of(hash, &[size]), 0, bytes, NOW).unwrap().complete);
}

#[test]
fn parts_of_any_size_make_a_whole_file_whichever_copy_of_the_service_gets_them() {
    let store = Store::start();
    let copies = [at(&store), at(&store), at(&store)];
    for (seed, size) in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 200_000].into_iter().enumerate() {
        let (hash, bytes) = sealed(REALM, seed as u64, size);
        let (sizes, mut at, mut step, mut turn) = ([size as u64], 0, 1, 0);
        while at < bytes.len() {
            let (here, there) = (&copies[turn % 3], &copies[(turn + 1) % 3]);
            assert_eq!(here.read(REALM, &hash, 0, 10).unwrap(), None, "nothing before it is whole");
            let end = bytes.len().min(at + step);
            let state = here.append(&of(hash, &sizes), at as u64, &bytes[at..end], NOW).unwrap();
            assert_eq!((state.received, state.complete), (end as u64, end == bytes.len()), "{size}");
            assert_eq!(there.state(&of(hash, &sizes)).unwrap(), state, "another copy knows it");
            (at, step, turn) = (end, step * 7, turn + 1);
        }
        let blobs = &copies[turn % 3];
        assert_eq!(blobs.read(REALM, &hash, 0, usize::MAX).unwrap().unwrap(), bytes, "{size}");
        assert_eq!(blobs.read(REALM, &hash, bytes.len() as u64 - 3, 10).unwrap().unwrap(), bytes[bytes.len() - 3..]);
        assert_eq!(blobs.read(REALM, &hash, (size / 2) as u64, 9).unwrap().unwrap(), bytes[size / 2..bytes.len().min(size / 2 + 9)]);
        assert_eq!(blobs.read(REALM, &hash, u64::MAX, 10).unwrap().unwrap(), [0; 0]);
        assert_eq!(blobs.read(Uuid::from_u128(9), &hash, 0, 10).unwrap(), None, "another realm has nothing");
        assert!(blobs.append(&of(hash, &sizes), 0, &bytes, NOW).unwrap().complete, "what is there stays and is not written again");
    }
    assert_eq!(store.objects().len(), 6, "no part is left: {:?}", store.objects());
}

#[test]
fn whoever_holds_the_bucket_finds_neither_names_nor_what_follows_from_a_content() {
    let store = Store::start();
    let blobs = at(&store);
    let ((whole, bytes), (begun, begun_bytes)) = (sealed(REALM, 1, 90_000), sealed(REALM, 2, 90_000));
    put_whole(&blobs, whole, 90_000, &bytes);
    blobs.append(&of(begun, &[90_000]), 0, &begun_bytes[..50_000], NOW).unwrap();
    let objects = store.objects();
    assert_eq!(objects.len(), 2);
    for object in objects {
        let (name, lying) = (object.to_str().unwrap().to_owned(), fs::read(&object).unwrap());
        for (hash, bytes) in [(whole, &bytes), (begun, &begun_bytes)] {
            for telling in [&to_hex(&hash)[..12], &to_hex(&shared_name(REALM, &hash))[..12], &DEVICE.to_string(), &DEVICE.simple().to_string()] {
                assert!(!name.contains(telling), "{name}");
            }
            // Whoever guesses the content and knows the realm can make these bytes.
            assert!(!lying.windows(32).any(|piece| piece == &bytes[100..132] || piece == shared_name(REALM, &hash)), "{name}");
        }
    }
}

#[test]
fn another_content_never_gets_into_the_place_of_a_file_and_nothing_of_it_stays() {
    let store = Store::start();
    let blobs = at(&store);
    let (hash, good) = sealed(REALM, 1, 200_000);
    let mut flipped = good.clone();
    flipped[150_000] ^= 1;
    for (what, bytes) in [("another content", sealed(REALM, 2, 200_000).1), ("another realm's", sealed(Uuid::from_u128(9), 1, 200_000).1), ("a flipped bit", flipped)] {
        blobs.append(&of(hash, &[200_000]), 0, &bytes[..70_000], NOW).unwrap();
        assert!(matches!(blobs.append(&of(hash, &[200_000]), 70_000, &bytes[70_000..], NOW), Err(BlobFault::Wrong)), "{what}");
        assert_eq!(blobs.state(&of(hash, &[200_000])).unwrap().received, 0, "{what}");
        assert!(store.objects().is_empty(), "{what}");
    }
    // Of two sizes that records give, the one that fits counts.
    let sizes = [7, 200_000, 400_000];
    assert!(!blobs.append(&of(hash, &sizes), 0, &good[..23], NOW).unwrap().complete, "a lie about the size harms nobody");
    assert!(blobs.append(&of(hash, &sizes), 23, &good[23..], NOW).unwrap().complete);
}

#[test]
fn what_was_changed_cut_or_exchanged_in_the_bucket_is_never_taken_for_the_file() {
    let store = Store::start();
    let blobs = at(&store);
    let files: Vec<_> = (1..=2).map(|seed| sealed(REALM, seed, 200_000)).collect();
    for (hash, bytes) in &files {
        put_whole(&blobs, *hash, 200_000, bytes);
    }
    let objects = store.objects();
    let kept: Vec<_> = objects.iter().map(|object| fs::read(object).unwrap()).collect();
    let mut flipped = kept[0].clone();
    flipped[70_000] ^= 1;
    let cut = kept[0][..2 * (CHUNK + 16)].to_vec();
    for (what, bytes) in [("a flipped bit", flipped), ("cut", cut), ("another one", kept[1].clone()), ("nothing", Vec::new())] {
        fs::write(&objects[0], bytes).unwrap();
        let odd = files.iter().filter(|(hash, bytes)| match blobs.read(REALM, hash, 0, usize::MAX) {
            Ok(Some(read)) => { assert!(read == *bytes || what == "nothing" && read.is_empty(), "{what}"); read.is_empty() }
            Ok(None) => panic!("{what}: it is there"),
            Err(error) => { assert_eq!(error.kind(), ErrorKind::InvalidData, "{what}: {error}"); true }
        }).count();
        assert_eq!(odd, 1, "{what}");
    }
    // A part that was changed: the whole is not the file, and it begins anew.
    fs::write(&objects[0], &kept[0]).unwrap();
    let (hash, bytes) = sealed(REALM, 3, 90_000);
    blobs.append(&of(hash, &[90_000]), 0, &bytes[..50_000], NOW).unwrap();
    let part = store.objects().into_iter().find(|object| !objects.contains(object)).unwrap();
    let mut lying = fs::read(&part).unwrap();
    lying[1_000] ^= 1;
    fs::write(&part, lying).unwrap();
    assert!(matches!(blobs.append(&of(hash, &[90_000]), 50_000, &bytes[50_000..], NOW), Err(BlobFault::Wrong)));
    put_whole(&blobs, hash, 90_000, &bytes);
}

#[test]
fn a_store_that_is_killed_loses_no_part_and_is_gone_on_with() {
    let mut store = Store::start();
    let blobs = at(&store);
    let (hash, bytes) = sealed(REALM, 1, 300_000);
    let sizes = [300_000];
    blobs.append(&of(hash, &sizes), 0, &bytes[..100_000], NOW).unwrap();
    store.kill();
    for found in [blobs.append(&of(hash, &sizes), 100_000, &bytes[100_000..], NOW).map(|_| ()), blobs.state(&of(hash, &sizes)).map(|_| ()).map_err(BlobFault::Disk), blobs.read(REALM, &hash, 0, 10).map(|_| ()).map_err(BlobFault::Disk)] {
        let Err(BlobFault::Disk(error)) = found else { panic!("nobody is told that it is there: {found:?}") };
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted, "{error}");
        assert!(!error.to_string().contains("X-Amz"), "no signature is shown: {error}");
    }
    store.again();
    assert_eq!(blobs.state(&of(hash, &sizes)).unwrap().received, 100_000, "what was acknowledged is there");
    assert!(blobs.append(&of(hash, &sizes), 100_000, &bytes[100_000..], NOW).unwrap().complete);
    assert_eq!(blobs.read(REALM, &hash, 0, usize::MAX).unwrap().unwrap(), bytes);
}

#[test]
fn a_line_to_the_bucket_that_is_cut_at_any_byte_gives_the_file_or_nothing() {
    let store = Store::start();
    let blobs = at(&store);
    let (hash, bytes) = sealed(REALM, 1, 30_000);
    for way in [Way::Down, Way::Up] {
        let cutter = Cutter::to(([127, 0, 0, 1], store.port()).into(), way);
        let Copy { blobs: cut, folder: _folder } = with(&store.address_at(cutter.listens.port()), SECRET_KEY, PLENTY);
        let mut arrived = 0;
        for after in (0..33_000).step_by(dice::size(1_500, 150)) {
            let seed = 100 + after as u64;
            let (other, others) = sealed(REALM, seed, 500);
            cutter.cut_after(after);
            match way {
                Way::Down => match cut.read(REALM, &hash, 0, usize::MAX) {
                    Ok(read) => { assert_eq!(read.as_deref(), (arrived > 0 || read.is_some()).then_some(bytes.as_slice()), "cut at {after}"); arrived += usize::from(read.is_some()); }
                    Err(error) => assert_ne!(error.kind(), ErrorKind::NotFound, "cut at {after}: {error}"),
                },
                Way::Up => {
                    let state = cut.append(&of(other, &[500]), 0, &others, NOW);
                    cutter.cut_after(usize::MAX);
                    let there = blobs.read(REALM, &other, 0, usize::MAX).unwrap();
                    assert!(there.is_none() || there.as_deref() == Some(&others), "cut at {after}");
                    assert!(!state.is_ok_and(|state| state.complete) || there.is_some(), "cut at {after}: what is acknowledged is there");
                    arrived += usize::from(there.is_some());
                }
            }
            cutter.cut_after(usize::MAX);
            if way == Way::Down && after == 0 {
                put_whole(&blobs, hash, 30_000, &bytes);
            }
        }
        assert!(arrived > 0, "{way:?}");
    }
}

#[test]
fn a_store_that_does_not_answer_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("s3://files?endpoint=http://{}", silent.local_addr().unwrap());
    let Copy { blobs, folder: _folder } = with(&address, SECRET_KEY, PLENTY);
    let began = Clock::now();
    assert_eq!(blobs.reachable().unwrap_err().kind(), ErrorKind::TimedOut);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn a_wrong_key_and_a_bucket_that_is_none_are_told_apart_and_nothing_is_taken() {
    let store = Store::start();
    let (hash, bytes) = sealed(REALM, 1, 100);
    assert!(at(&store).reachable().is_ok());
    let none = store.address().replace("s3://files/", "s3://none/");
    for (what, copy, kind) in [("a wrong key", with(&store.address(), "another", PLENTY), ErrorKind::PermissionDenied), ("no bucket", with(&none, SECRET_KEY, PLENTY), ErrorKind::NotFound)] {
        let error = copy.blobs.reachable().unwrap_err();
        assert_eq!(error.kind(), kind, "{what}: {error}");
        let Err(BlobFault::Disk(error)) = copy.blobs.append(&of(hash, &[100]), 0, &bytes, NOW) else { panic!("{what}") };
        assert_eq!(error.kind(), kind, "{what}: {error}");
        assert!(!error.to_string().contains("another"), "{error}");
    }
    assert!(store.objects().is_empty());
}

#[test]
fn shares_are_counted_in_the_bucket_and_parts_of_which_no_more_comes_are_swept() {
    let store = Store::start();
    let Copy { blobs, folder: _folder } = with(&store.address(), SECRET_KEY, Quota { device_a_day: 250_000, realm: 200_000 });
    let files: Vec<_> = (0..3).map(|seed| sealed(REALM, seed, 90_000)).collect();
    put_whole(&at(&store), files[0].0, 90_000, &files[0].1);
    blobs.append(&of(files[1].0, &[90_000]), 0, &files[1].1[..50_000], NOW).unwrap();
    blobs.append(&of(files[1].0, &[90_000]), 50_000, &files[1].1[50_000..60_000], NOW).unwrap();
    assert!(matches!(blobs.append(&of(files[2].0, &[90_000]), 0, &files[2].1, NOW), Err(BlobFault::RealmQuota)), "what another copy brought counts");
    let Copy { blobs: other, folder: _folder } = with(&store.address(), SECRET_KEY, Quota { device_a_day: 80_000, realm: u64::MAX });
    assert!(matches!(other.append(&of(files[2].0, &[90_000]), 0, &files[2].1, NOW), Err(BlobFault::DeviceQuota)));
    let after = |days: u64| SystemTime::now() + Duration::from_secs(days * 24 * 3_600);
    assert_eq!(blobs.sweep(after(6)).unwrap(), 0, "not within a week");
    assert_eq!(blobs.sweep(after(8)).unwrap(), 1, "all parts of one file");
    assert_eq!(store.objects().len(), 1);
    assert_eq!(blobs.state(&of(files[1].0, &[90_000])).unwrap().received, 0, "it begins anew");
}

#[test]
fn a_copy_of_a_bucket_is_put_back_into_a_folder_or_a_bucket_and_a_folder_moves_into_one() {
    let store = Store::start();
    let blobs = at(&store);
    let files: Vec<_> = (0..4).map(|seed| sealed(REALM, seed, 30_000 * seed as usize)).collect();
    for (seed, (hash, bytes)) in files.iter().enumerate() {
        put_whole(&blobs, *hash, 30_000 * seed as u64, bytes);
    }
    let folder = tempfile::tempdir().unwrap();
    let to = copy::beside(&folder.path().join("practice.sqlite"));
    assert_eq!((blobs.copy_to(REALM, &to).unwrap(), blobs.copy_to(REALM, &to).unwrap()), (4, 0), "once");
    let (in_a_folder, other) = (Blobs::new(folder.path().join("blobs"), PLENTY), Store::start());
    assert_eq!(in_a_folder.put_back(REALM, &to).unwrap(), 4);
    let moved = at(&other);
    assert_eq!(moved.put_back(REALM, &folder.path().join("blobs").join(REALM.to_string())).unwrap(), 4, "as a folder that moves into a bucket");
    assert_eq!(moved.put_back(REALM, &to).unwrap(), 0, "what is there stays");
    for (hash, bytes) in &files {
        for blobs in [&in_a_folder, &moved] {
            assert_eq!(blobs.read(REALM, hash, 0, usize::MAX).unwrap().as_deref(), Some(bytes.as_slice()));
        }
    }
}
