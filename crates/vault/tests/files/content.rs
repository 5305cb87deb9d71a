//! What was written is read, whole and in parts; what was touched from outside is told; what is too
//! large is refused.

use std::fs;

use gladstone_protocol::{content::CHUNK, limits::FILE_LIMIT};
use gladstone_testkit::{Dice, Laptop, dice};
use gladstone_vault::blobs::FileFault;
use proptest::prelude::*;
use uuid::Uuid;

use crate::{attach, bytes, hash, lying, person, whole};

#[test]
fn a_file_of_any_size_is_read_as_it_was_written() {
    let laptop = Laptop::new(1, Uuid::from_u128(7));
    let person = person(&laptop.vault);
    for (seed, size) in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17, 5_000_000].into_iter().enumerate() {
        let content = bytes(seed as u64, size);
        attach(&laptop.vault, person, "a.pdf", &content).unwrap();
        let hash = hash(&content);
        assert_eq!(whole(&laptop.vault, &hash), content, "{size} bytes");
        assert_eq!(laptop.vault.held_file(&hash).unwrap().unwrap().size, size as u64);
        assert_eq!(laptop.vault.read_file(&hash, size as u64, 10).unwrap().len(), 0, "nothing behind the end of {size}");
        assert_eq!(laptop.vault.read_file(&hash, u64::MAX, 10).unwrap().len(), 0, "nothing far behind it");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(dice::size(24, 2_000) as u32))]
    #[test]
    fn any_part_of_any_file_written_in_any_pieces_is_its_own(size in 0..4 * CHUNK, pieces in prop::collection::vec(1..100_000_usize, 1..8), parts in prop::collection::vec((0..5 * CHUNK, 0..3 * CHUNK), 1..6)) {
        let laptop = Laptop::new(1, Uuid::from_u128(7));
        let content = bytes(size as u64, size);
        let mut incoming = laptop.vault.begin_file().unwrap();
        let (mut at, mut turn) = (0, 0);
        while at < size {
            let piece = pieces[turn % pieces.len()].min(size - at);
            incoming.write(&content[at..at + piece]).unwrap();
            (at, turn) = (at + piece, turn + 1);
        }
        laptop.vault.keep_file::<_, gladstone_vault::VaultError>(incoming, "files.attach", |_, _| Ok(())).unwrap();
        let hash = hash(&content);
        for (from, length) in parts {
            let expected = &content[from.min(size)..(from + length).min(size).max(from.min(size))];
            prop_assert_eq!(&*laptop.vault.read_file(&hash, from as u64, length).unwrap(), expected);
        }
    }
}

#[test]
fn nothing_of_content_name_or_hash_lies_in_the_folder() {
    let laptop = Laptop::new(1, Uuid::from_u128(7));
    let person = person(&laptop.vault);
    let content = b"Wieczorek canary ".repeat(9_000);
    attach(&laptop.vault, person, "Wieczorek.pdf", &content).unwrap();
    let names = lying(&laptop.vault);
    assert_eq!(names.len(), 1);
    let hex = blake3::hash(&content).to_hex();
    assert!(!hex.contains(&names[0]) && !names[0].contains(&hex.as_str()[..8]), "the name is not the hash");
    let stored = fs::read(laptop.folder.path().join("blobs").join(&names[0])).unwrap();
    assert!(!stored.windows(9).any(|window| window == b"Wieczorek"), "the content is sealed");
    // The same content once more, under another key: nobody sees that it is the same.
    attach(&laptop.vault, person, "again.pdf", &content).unwrap();
    assert_eq!(lying(&laptop.vault).len(), 1, "one file for one content");
    assert_ne!(fs::read(laptop.folder.path().join("blobs").join(&lying(&laptop.vault)[0])).unwrap(), stored);
    assert_eq!(whole(&laptop.vault, &hash(&content)), content);
}

#[test]
fn a_change_from_outside_in_any_region_is_told_and_never_returned() {
    let laptop = Laptop::new(1, Uuid::from_u128(7));
    let person = person(&laptop.vault);
    let content = bytes(3, 3 * CHUNK + 100);
    attach(&laptop.vault, person, "a.pdf", &content).unwrap();
    let hash = hash(&content);
    let path = laptop.folder.path().join("blobs").join(&lying(&laptop.vault)[0]);
    let good = fs::read(&path).unwrap();
    let told = |what: &str, changed: &[u8]| {
        fs::write(&path, changed).unwrap();
        let mut out = Vec::new();
        let fault = laptop.vault.copy_file(&hash, &mut out);
        assert!(matches!(fault, Err(FileFault::Damaged)), "{what}: {fault:?}");
        assert_eq!(out, content[..out.len()], "{what}: what came before is right");
    };
    // The beginning, the text and the seal of each chunk, and by chance.
    let chunk = CHUNK + 16;
    let mut places: Vec<usize> = (0..8).chain((0..4).flat_map(|number| [8 + number * chunk, 8 + number * chunk + 50, (8 + (number + 1) * chunk).min(good.len()) - 1, (8 + (number + 1) * chunk).min(good.len()) - 16])).collect();
    let mut chance = Dice::of("flipped bytes of a file");
    places.extend((0..dice::size(60, 5_000)).map(|_| chance.below(good.len())));
    for at in places {
        let mut changed = good.clone();
        changed[at] ^= 1 << chance.below(8);
        told(&format!("byte {at}"), &changed);
    }
    for length in [0, 4, 8, 9, 8 + chunk, 8 + 3 * chunk, good.len() - 1] {
        told(&format!("cut to {length}"), &good[..length]);
    }
    told("a byte more", &[&good[..], &[0]].concat());
    told("a chunk more", &[&good[..], &good[8..8 + chunk]].concat());
    let mut swapped = good.clone();
    swapped[8..8 + chunk].copy_from_slice(&good[8 + chunk..8 + 2 * chunk]);
    swapped[8 + chunk..8 + 2 * chunk].copy_from_slice(&good[8..8 + chunk]);
    told("two chunks in each other's place", &swapped);
    // Another file of the same vault and the same length in its place.
    let other = bytes(4, content.len());
    attach(&laptop.vault, person, "b.pdf", &other).unwrap();
    let name = lying(&laptop.vault).into_iter().find(|name| path.file_name().unwrap() != name.as_str()).unwrap();
    told("another file", &fs::read(laptop.folder.path().join("blobs").join(name)).unwrap());
    assert_eq!(laptop.vault.damaged_files().unwrap(), [hash], "and found by looking for it");
    fs::remove_file(&path).unwrap();
    assert!(matches!(laptop.vault.read_file(&hash, 0, 1), Err(FileFault::Damaged)), "a file that is gone");
    fs::write(&path, &good).unwrap();
    assert_eq!(whole(&laptop.vault, &hash), content, "as it was");
    assert!(laptop.vault.damaged_files().unwrap().is_empty());
    // It works alone: there is nobody to fetch it from, so it stays.
    assert!(!laptop.vault.give_up_damaged(&hash).unwrap());
}

#[test]
fn a_file_that_is_too_large_is_refused_and_leaves_nothing() {
    let laptop = Laptop::new(1, Uuid::from_u128(7));
    let mut incoming = laptop.vault.begin_file().unwrap();
    let piece = vec![7; 1024 * 1024];
    for _ in 0..FILE_LIMIT / piece.len() as u64 {
        incoming.write(&piece).unwrap();
    }
    let fault = incoming.write(&[1]).unwrap_err();
    assert!(fault.to_string().contains("at most 25 MB"), "{fault}");
    drop(incoming);
    assert_eq!(lying(&laptop.vault), [""; 0]);
}
