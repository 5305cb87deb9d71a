//! Verifying files: what is missing, damaged, still to come or named by nobody, in a folder and in a
//! bucket; and that it can be ended.

// Test code stops at the first thing that does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{fs, path::PathBuf, sync::Arc};

use gladstone_central::blobs::{Blobs, Bringing, FileFault, FileTrouble, FilesReport, Quota, bucket::Place as Bucket};
use gladstone_model::{Instant, Unit, Value, unit::UnitKind};
use gladstone_protocol::{Op, OpKind, content::ContentHash, enrol::to_hex};
use gladstone_testkit::{bucket::{ACCESS_KEY, SECRET_KEY, Store}, contents::sealed};
use rusty_s3::Credentials;
use support::{Laptop, Place, create, person};
use uuid::Uuid;

const PLENTY: Quota = Quota { device_a_day: u64::MAX, realm: u64::MAX };
const SIZE: usize = 100_000;

/// An organization with a person whose record names files.
struct Scene {
    place: Place,
    amara: Laptop,
    of: Uuid,
}

impl Scene {
    fn new() -> Scene {
        let place = Place::new();
        let mut amara = place.laptop("Amara", "therapist");
        let of = amara.new_id();
        assert!(amara.save(&place, vec![person(of, "Cleo")]).g().is_some());
        Scene { place, amara, of }
    }

    /// A record that names a file, made at a moment.
    fn name(&mut self, hash: ContentHash, made: Instant) -> (Uuid, Op) {
        let id = self.amara.new_id();
        let values = [("person_id", self.of.into()), ("filename", "a.pdf".into()), ("mime_type", "application/pdf".into()), ("size_bytes", Value::Integer(SIZE as i64)), ("blob_hash", Value::text(&to_hex(&hash))), ("uploaded_by", self.amara.actor.into()), ("created_at", made.into())];
        let verdict = self.amara.save(&self.place, vec![create("attachments", id, &values)]);
        assert!(verdict.g().is_some(), "{verdict:?}");
        let mark = Op { entity: gladstone_model::catalogue().get("attachments").unwrap().no, id, unit: Unit { kind: UnitKind::Person, id: self.of }, kind: OpKind::EnterInError { base: self.mutation(), reason: "Wrong file".into() } };
        (id, mark)
    }

    /// The mutation that was written last.
    fn mutation(&self) -> Uuid {
        let entry = gladstone_protocol::Entry::from_bytes(&self.amara.chain.last().unwrap().bytes).unwrap();
        let gladstone_protocol::entry::Body::Mutation(mutation) = entry.body else { panic!("no mutation") };
        mutation.id
    }

    fn verify(&self, files: &Blobs, lying: &dyn Fn() -> Vec<PathBuf>) -> FilesReport {
        let mut seen = Vec::new();
        let report = self.place.centre.verify_files(self.place.realm, files, &mut |done, of| {
            seen.push((done, of));
            true
        }).unwrap();
        // A place is a path or the name of an object, which is the end of a path.
        let (lying, mut report) = (lying(), report);
        for fault in &mut report.faults {
            let place = std::mem::take(&mut fault.place);
            assert_eq!(lying.iter().any(|path| path.ends_with(&place)), fault.what != FileTrouble::Missing, "{place}");
        }
        let last = *seen.last().unwrap();
        assert!(last.0 == last.1 && seen.is_sorted(), "it is told how far it is: {seen:?}");
        report
    }
}

/// `lying` names the file of each whole file as it lies on the disk, in the order of coming.
fn check(files: &Blobs, lying: &dyn Fn() -> Vec<PathBuf>) {
    let mut scene = Scene::new();
    let (realm, now) = (scene.place.realm, Instant(1_795_000_000_000_000));
    assert_eq!(scene.verify(files, lying), FilesReport::default(), "nothing is named");
    let put = |seed: u64| {
        let (hash, bytes) = sealed(realm, seed, SIZE);
        let known = lying();
        assert!(files.append(&Bringing { realm, device: Uuid::from_u128(2), hash, sizes: &[SIZE as u64] }, 0, &bytes, now).unwrap().complete);
        (hash, lying().into_iter().find(|path| !known.contains(path)).unwrap())
    };
    let all: Vec<(ContentHash, PathBuf)> = (0..5).map(put).collect();
    let long_ago = now.plus_seconds(-3 * 86_400);
    let records: Vec<Uuid> = all[..4].iter().map(|(hash, _)| scene.name(*hash, long_ago).0).collect();
    let sound = FilesReport { sound: 4, bytes: 4 * SIZE as u64, unnamed: 1, ..FilesReport::default() };
    assert_eq!(scene.verify(files, lying), sound, "each is what its record says, and one is named by nobody");

    // Not there: made a moment ago; made long ago; in error, so that nobody waits for it.
    scene.name(sealed(realm, 10, SIZE).0, now);
    let (gone, absent) = (sealed(realm, 11, SIZE).0, sealed(realm, 12, SIZE).0);
    let gone_record = scene.name(gone, long_ago).0;
    let mark = scene.name(absent, long_ago).1;
    assert!(scene.amara.save(&scene.place, vec![mark]).g().is_some());
    let unit = Unit { kind: UnitKind::Person, id: scene.of };
    let fault = |hash: ContentHash, record: Uuid, what: FileTrouble| FileFault { hash, place: String::new(), record, unit, size: SIZE as u64, what };
    let missing = fault(gone, gone_record, FileTrouble::Missing);
    let report = scene.verify(files, lying);
    assert_eq!(report, FilesReport { awaited: 1, faults: vec![missing.clone()], ..sound.clone() });

    // Each in its own way: a flipped bit, cut short, something longer, another file in its place.
    let kept: Vec<Vec<u8>> = all.iter().map(|(_, path)| fs::read(path).unwrap()).collect();
    let mut flipped = kept[0].clone();
    flipped[SIZE / 2] ^= 1;
    fs::write(&all[0].1, flipped).unwrap();
    fs::write(&all[1].1, &kept[1][..70_000]).unwrap();
    fs::write(&all[2].1, [kept[2].as_slice(), &[0]].concat()).unwrap();
    fs::write(&all[3].1, &kept[0]).unwrap();
    let mut expected: Vec<FileFault> = all[..4].iter().zip(&records).map(|((hash, _), record)| fault(*hash, *record, FileTrouble::Damaged)).chain([missing]).collect();
    expected.sort_by_key(|fault| fault.hash);
    let report = scene.verify(files, lying);
    assert_eq!((report.sound, report.faults), (0, expected), "each is named");
    for ((_, path), bytes) in all.iter().zip(&kept) {
        fs::write(path, bytes).unwrap();
    }
    assert_eq!(scene.verify(files, lying).faults.len(), 1, "put back from a copy, they are sound");

    // A day later what was to come should have come.
    scene.place.around.pass(86_500);
    let report = scene.verify(files, lying);
    assert_eq!((report.awaited, report.faults.len()), (0, 2));

    // It is ended between two files, and says so.
    let mut looked = 0;
    let ended = scene.place.centre.verify_files(realm, files, &mut |done, of| {
        looked = done;
        of == 0 || done < 2
    });
    assert!(ended.is_err_and(|error| error.to_string().contains("was ended")) && looked == 2);
    assert!(scene.place.centre.verify_files(realm, files, &mut |_, _| false).is_err(), "at its beginning too");
}

#[test]
fn in_a_folder_what_is_missing_or_damaged_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let files = Blobs::new(folder.path().join("blobs"), PLENTY);
    let lying = || {
        let realms = fs::read_dir(folder.path().join("blobs")).into_iter().flatten().map(|entry| entry.unwrap().path());
        let digits = realms.flat_map(|realm| fs::read_dir(realm).unwrap().map(|entry| entry.unwrap().path())).filter(|path| path.file_name().unwrap().len() == 2);
        digits.flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())).collect()
    };
    check(&files, &lying);
}

#[test]
fn in_a_bucket_what_is_missing_or_damaged_is_named() {
    let (store, counts) = (Store::start(), tempfile::tempdir().unwrap());
    let place = Bucket::with_key(&store.address(), Credentials::new(ACCESS_KEY, SECRET_KEY)).unwrap();
    let keys = Arc::new(|realm: Uuid| Ok(*blake3::hash(realm.as_bytes()).as_bytes()));
    let files = Blobs::in_bucket(&place, counts.path().to_owned(), PLENTY, keys).unwrap();
    check(&files, &|| store.objects());
    let scene = Scene::new();
    drop(store);
    let away = scene.place.centre.verify_files(scene.place.realm, &Blobs::in_bucket(&place, counts.path().to_owned(), PLENTY, Arc::new(|_| Ok([1; 32]))).unwrap(), &mut |_, _| true);
    assert!(away.is_err_and(|error| error.to_string().contains("cannot be reached")), "a bucket that is away is no fault of its files");
}
