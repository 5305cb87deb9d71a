//! The centre's folder of files by itself: parts, whole files, shares, what is swept, and copies.

// Test code stops at the first thing that does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::{BTreeMap, BTreeSet}, fs, path::{Path, PathBuf}, time::{Duration, SystemTime}};

use gladstone_central::blobs::{BlobFault, Blobs, Bringing, Quota, copy};
use gladstone_model::Instant;
use gladstone_protocol::content::{CHUNK, ContentHash, ContentKey, FileState, chunks, sealed_size};
use gladstone_testkit::{contents::sealed, reexec, traced::{self, Change, Next}};
use uuid::Uuid;

const REALM: Uuid = Uuid::from_u128(1);
const DEVICE: Uuid = Uuid::from_u128(2);
const NOW: Instant = Instant(1_795_000_000_000_000);
const PLENTY: Quota = Quota { device_a_day: u64::MAX, realm: u64::MAX };

fn of<'a>(hash: ContentHash, sizes: &'a [u64]) -> Bringing<'a> {
    Bringing { realm: REALM, device: DEVICE, hash, sizes }
}

fn put_whole(blobs: &Blobs, hash: ContentHash, size: u64, bytes: &[u8]) {
    assert!(blobs.append(&of(hash, &[size]), 0, bytes, NOW).unwrap().complete);
}

fn lying(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, |entries| entries.map(|entry| entry.unwrap()).map(|entry| if entry.file_type().unwrap().is_dir() { lying(&entry.path()) } else { 1 }).sum())
}

#[test]
fn parts_of_any_size_make_a_whole_file_in_its_place_and_lie_sealed() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, size) in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 200_000].into_iter().enumerate() {
        let blobs = Blobs::new(folder.path().to_owned(), PLENTY);
        let (hash, bytes) = sealed(REALM, seed as u64, size);
        let (sizes, mut at, mut step) = ([size as u64], 0, 1);
        while at < bytes.len() {
            assert_eq!(blobs.read(REALM, &hash, 0, 10).unwrap(), None, "nothing before it is whole");
            let end = bytes.len().min(at + step);
            let state = blobs.append(&of(hash, &sizes), at as u64, &bytes[at..end], NOW).unwrap();
            assert_eq!((state.received, state.complete), (end as u64, end == bytes.len()), "{size}");
            assert_eq!(blobs.state(&of(hash, &sizes)).unwrap(), FileState { kept: Some(end as u64), ..state });
            (at, step) = (end, step * 7);
        }
        assert_eq!(blobs.read(REALM, &hash, 0, usize::MAX).unwrap().unwrap(), bytes, "{size}");
        assert_eq!(blobs.read(REALM, &hash, bytes.len() as u64 - 3, 10).unwrap().unwrap(), bytes[bytes.len() - 3..]);
        assert_eq!(blobs.read(REALM, &hash, u64::MAX, 10).unwrap().unwrap(), [0; 0]);
        assert_eq!(blobs.read(Uuid::from_u128(9), &hash, 0, 10).unwrap(), None, "another realm has nothing");
        assert!(blobs.append(&of(hash, &sizes), 0, &bytes, NOW).unwrap().complete, "what is there stays and is not written again");
    }
    let names = |text: &str| fs::read_dir(folder.path().join(REALM.to_string())).unwrap().any(|entry| entry.unwrap().file_name().to_str().unwrap().starts_with(text));
    let (hash, _) = sealed(REALM, 5, 200_000);
    assert!(!names(&blake3::Hash::from(hash).to_hex()[..16]), "no name tells a hash");
}

#[test]
fn a_centre_that_was_killed_before_it_looked_at_the_whole_does_so_when_an_empty_part_comes() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::new(folder.path().to_owned(), PLENTY);
    for (seed, spoilt) in [(1, false), (2, true)] {
        let (hash, bytes) = sealed(REALM, seed, 1_000);
        let (sizes, last) = ([1_000], bytes.len() - 1);
        assert!(!blobs.append(&of(hash, &sizes), 0, &bytes[..last], NOW).unwrap().complete);
        let part = fs::read_dir(folder.path().join(format!("{REALM}/parts/{DEVICE}"))).unwrap().next().unwrap().unwrap().path();
        let mut written = fs::read(&part).unwrap();
        written.push(bytes[last] ^ u8::from(spoilt));
        fs::write(&part, written).unwrap();
        assert!(!blobs.state(&of(hash, &sizes)).unwrap().complete, "nobody looked yet");
        let found = blobs.append(&of(hash, &sizes), bytes.len() as u64, &[], NOW);
        if spoilt {
            assert!(matches!(found, Err(BlobFault::Wrong)), "{found:?}");
            assert_eq!(blobs.state(&of(hash, &sizes)).unwrap().received, 0, "it begins anew");
        } else {
            assert!(found.unwrap().complete);
            assert_eq!(blobs.read(REALM, &hash, 0, usize::MAX).unwrap().unwrap(), bytes);
        }
    }
}

#[test]
fn of_two_laptops_that_bring_the_same_file_neither_is_in_the_others_way() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::new(folder.path().to_owned(), PLENTY);
    let (hash, bytes) = sealed(REALM, 1, 100_000);
    let sizes = [100_000];
    let other = Bringing { device: Uuid::from_u128(3), ..of(hash, &sizes) };
    blobs.append(&of(hash, &sizes), 0, &bytes[..50_000], NOW).unwrap();
    assert_eq!(blobs.state(&other).unwrap().received, 0, "each has its own part");
    assert!(blobs.append(&other, 0, &bytes, NOW).unwrap().complete);
    let state = blobs.append(&of(hash, &sizes), 50_000, &bytes[50_000..], NOW).unwrap();
    assert!(state.complete && state.received == bytes.len() as u64, "it is there already: {state:?}");
}

#[test]
fn of_two_sizes_that_records_give_the_one_that_fits_counts() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::new(folder.path().to_owned(), PLENTY);
    let (hash, bytes) = sealed(REALM, 1, 100_000);
    let sizes = [7, 100_000, 400_000];
    assert!(!blobs.append(&of(hash, &sizes), 0, &bytes[..23], NOW).unwrap().complete, "a lie about the size harms nobody");
    assert!(blobs.append(&of(hash, &sizes), 23, &bytes[23..], NOW).unwrap().complete);
}

#[test]
fn another_content_never_gets_into_the_place_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::new(folder.path().to_owned(), PLENTY);
    let (hash, good) = sealed(REALM, 1, 200_000);
    let (_, other) = sealed(REALM, 2, 200_000);
    let (_, elsewhere) = sealed(Uuid::from_u128(9), 1, 200_000);
    let mut flipped = good.clone();
    flipped[150_000] ^= 1;
    for (what, bytes) in [("another content", &other), ("another realm's", &elsewhere), ("a flipped bit", &flipped)] {
        assert!(matches!(blobs.append(&of(hash, &[200_000]), 0, bytes, NOW), Err(BlobFault::Wrong)), "{what}");
        assert_eq!(blobs.state(&of(hash, &[200_000])).unwrap().received, 0, "{what}: nothing of it is kept");
    }
    // The key of a content is known to whoever may see its row: they may seal another text with it.
    let mut forged = Vec::new();
    for number in 0..chunks(200_000) {
        let mut chunk = vec![7; if number + 1 == chunks(200_000) { 200_000 % CHUNK } else { CHUNK }];
        ContentKey::shared(REALM, &hash).seal(number, number + 1 == chunks(200_000), &mut chunk);
        forged.extend(chunk);
    }
    assert_eq!(forged.len() as u64, sealed_size(200_000));
    assert!(matches!(blobs.append(&of(hash, &[200_000]), 0, &forged, NOW), Err(BlobFault::Wrong)), "sealed well, and another content");
    put_whole(&blobs, hash, 200_000, &good);
}

#[test]
fn a_share_is_counted_across_a_start_of_the_service_and_begins_anew_each_day() {
    let folder = tempfile::tempdir().unwrap();
    let quota = Quota { device_a_day: 150_000, realm: 280_000 };
    let open = || Blobs::new(folder.path().to_owned(), quota);
    let files: Vec<_> = (0..4).map(|seed| sealed(REALM, seed, 90_000)).collect();
    put_whole(&open(), files[0].0, 90_000, &files[0].1);
    assert!(matches!(open().append(&of(files[1].0, &[90_000]), 0, &files[1].1, NOW), Err(BlobFault::DeviceQuota)));
    let other = Bringing { device: Uuid::from_u128(3), ..of(files[1].0, &[90_000]) };
    assert!(open().append(&other, 0, &files[1].1, NOW).unwrap().complete, "another laptop has its own share");
    let tomorrow = NOW.plus_seconds(86_400);
    assert!(open().append(&of(files[2].0, &[90_000]), 0, &files[2].1, tomorrow).unwrap().complete);
    assert!(matches!(open().append(&of(files[3].0, &[90_000]), 0, &files[3].1, tomorrow.plus_seconds(86_400)), Err(BlobFault::RealmQuota)), "the organization's share");
}

#[test]
fn parts_of_which_nothing_more_comes_are_swept_and_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::new(folder.path().to_owned(), PLENTY);
    let (whole, begun) = (sealed(REALM, 1, 90_000), sealed(REALM, 2, 90_000));
    put_whole(&blobs, whole.0, 90_000, &whole.1);
    blobs.append(&of(begun.0, &[90_000]), 0, &begun.1[..10], NOW).unwrap();
    assert_eq!(blobs.sweep(SystemTime::now() + Duration::from_secs(6 * 24 * 3_600)).unwrap(), 0, "not within a week");
    assert_eq!(blobs.sweep(SystemTime::now() + Duration::from_secs(8 * 24 * 3_600)).unwrap(), 1);
    assert_eq!(blobs.state(&of(begun.0, &[90_000])).unwrap().received, 0, "it begins anew");
    assert!(blobs.state(&of(whole.0, &[90_000])).unwrap().complete);
}

#[test]
fn a_copy_holds_every_whole_file_and_puts_back_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::new(folder.path().join("blobs"), PLENTY);
    let files: Vec<_> = (0..5).map(|seed| sealed(REALM, seed, 90_000)).collect();
    for (hash, bytes) in &files[..4] {
        put_whole(&blobs, *hash, 90_000, bytes);
    }
    blobs.append(&of(files[4].0, &[90_000]), 0, &files[4].1[..10], NOW).unwrap();
    let to = copy::beside(&folder.path().join("practice.sqlite"));
    assert_eq!(blobs.copy_to(REALM, &to).unwrap(), 4);
    assert_eq!((blobs.copy_to(REALM, &to).unwrap(), lying(&to)), (0, 4), "once, and no part of a file");
    fs::remove_dir_all(folder.path().join("blobs")).unwrap();
    assert_eq!(blobs.put_back(REALM, &to).unwrap(), 4);
    for (hash, bytes) in &files[..4] {
        assert_eq!(blobs.read(REALM, hash, 0, usize::MAX).unwrap().as_deref(), Some(bytes.as_slice()));
    }
    assert_eq!(blobs.put_back(REALM, &folder.path().join("nothing")).unwrap(), 0, "a copy from before there were files");
}

#[test]
fn what_another_service_added_or_began_anew_is_never_taken_for_what_was_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let copies = [(); 2].map(|()| Blobs::new(folder.path().to_owned(), PLENTY));
    let (hash, good) = sealed(REALM, 1, 300_000);
    let sizes = [300_000];
    // In turns: neither has seen all of it.
    let mut at = 0;
    for (turn, end) in [70_000, 140_000, 210_000, good.len()].into_iter().enumerate() {
        assert_eq!(copies[turn % 2].append(&of(hash, &sizes), at as u64, &good[at..end], NOW).unwrap().complete, end == good.len());
        at = end;
    }
    // Begun anew by another service, with other bytes up to where this one had looked.
    let (hash, good) = sealed(REALM, 2, 300_000);
    copies[0].append(&of(hash, &sizes), 0, &good[..200_000], NOW).unwrap();
    let part = fs::read_dir(folder.path().join(format!("{REALM}/parts/{DEVICE}"))).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(&part).unwrap();
    copies[1].append(&of(hash, &sizes), 0, &sealed(REALM, 3, 300_000).1[..200_000], NOW).unwrap();
    assert!(matches!(copies[0].append(&of(hash, &sizes), 200_000, &good[200_000..], NOW), Err(BlobFault::Wrong)));
    put_whole(&copies[0], hash, 300_000, &good);
}

/// What a power cut would leave of files that a process writes, as its calls tell.
#[derive(Default)]
struct Disk {
    /// Files that were written since they were last synced.
    unsynced: BTreeSet<PathBuf>,
    /// Files and folders that were synced, and how long they were then.
    synced: BTreeMap<PathBuf, u64>,
}

impl Disk {
    fn take(&mut self, change: &Change) {
        match change {
            Change::Write(path) => drop(self.unsynced.insert(path.clone())),
            Change::Sync(path) => {
                self.unsynced.remove(path);
                self.synced.insert(path.clone(), fs::metadata(path).unwrap().len());
            }
            Change::Names => {}
        }
    }

    /// How much of a file is there for good: what was synced, when the names that lead to it were.
    fn keeps(&self, path: &Path, root: &Path) -> u64 {
        let named = path.ancestors().skip(1).take_while(|folder| folder.starts_with(root)).all(|folder| self.synced.contains_key(folder));
        if named { self.synced.get(path).copied().unwrap_or(0) } else { 0 }
    }
}

/// Follows a process that brings a file, call by call, and holds what it says against what is synced.
#[test]
fn what_is_acknowledged_of_a_file_stays_when_the_power_goes() {
    let (hash, bytes) = sealed(REALM, 1, 5_000_000);
    let ends = [3_000_000, 3_000_001, 4_000_000, bytes.len()];
    if let Some(folder) = reexec::part() {
        // In a folder that nobody has synced either.
        let (blobs, sizes, mut at) = (Blobs::new(folder.join("blobs"), PLENTY), [5_000_000], 0);
        reexec::say(traced::BEGIN);
        for end in ends {
            let state = blobs.append(&of(hash, &sizes), at as u64, &bytes[at..end], NOW).unwrap();
            reexec::say(format!("kept {} of {}", state.kept.unwrap(), state.received));
            let again = blobs.append(&of(hash, &sizes), 7, &bytes[7..8], NOW).unwrap();
            assert_eq!(again, state, "a part that is not taken is told the same");
            let state = blobs.state(&of(hash, &sizes)).unwrap();
            assert_eq!((state.received, state.kept), (end as u64, Some(end as u64)), "who asks is told what stays");
            reexec::say(format!("kept {end} of {end}"));
            at = end;
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("blobs");
    let parts = root.join(format!("{REALM}/parts/{DEVICE}"));
    let (mut disk, mut told, mut least) = (Disk::default(), Vec::new(), Vec::new());
    let mut look = |said: &[String], disk: &Disk| {
        let lines: Vec<&str> = said.iter().filter_map(|line| line.strip_prefix("kept ")).collect();
        for line in &lines[told.len()..] {
            let (kept, received) = line.split_once(" of ").map(|(kept, received)| (kept.parse::<u64>().unwrap(), received.parse::<u64>().unwrap())).unwrap();
            told.push((kept, received));
            let part = disk.synced.keys().find(|path| path.parent() == Some(&parts)).cloned();
            if received == bytes.len() as u64 {
                let place = disk.synced.keys().find(|path| path.parent() == Some(&root.join(REALM.to_string())) && path.file_name().unwrap().len() == 2).unwrap();
                assert!(part.is_some_and(|part| !disk.unsynced.contains(&part) && disk.synced[&part] == received), "synced before it got its place");
                assert!([place, &root.join(REALM.to_string()), &root].into_iter().all(|folder| disk.synced.contains_key(folder)), "and the names that lead to it: {:?}", disk.synced);
            } else {
                let durable = part.map_or(0, |part| disk.keeps(&part, &root));
                assert!(kept <= durable, "said {kept}, {durable} are kept: {:?}", disk.synced);
                least.push(received - kept);
            }
        }
    };
    let ended = traced::run(reexec::again("what_is_acknowledged_of_a_file_stays_when_the_power_goes", folder.path()), |stop| {
        look(stop.said, &disk);
        disk.take(&stop.change);
        Next::Go
    });
    look(&ended.said, &disk);
    assert_eq!((told.len(), ended.code), (2 * ends.len(), Some(0)), "{:?}", ended.said);
    assert_eq!(told.last(), Some(&(bytes.len() as u64, bytes.len() as u64)));
    assert_eq!(least, [3_000_000, 0, 1, 0, 999_999, 0], "what came last is not said to be kept before it is");
}
