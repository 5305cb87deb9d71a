//! A centre whose disk is full, as a process that may write no larger files than so: what it says it
//! has taken it has, and when there is room again everything else follows.

mod support;

use std::{path::Path, process::Command, sync::Arc};

use gladstone_central::http::Settings;
use gladstone_sync::{Phase, sync_once};
use gladstone_testkit::{Laptop, reexec};
use support::{Site, killed::{self, Process}, no_limits, same_person};

/// Starts the centre; no file of it may grow beyond `blocks` of 512 bytes.
fn start(folder: &Path, blocks: Option<u64>) -> Process {
    let own = reexec::again("a_centre_whose_disk_is_full_keeps_what_it_said_it_took", folder);
    let limit = blocks.map_or(String::new(), |blocks| format!("trap '' XFSZ; ulimit -f {blocks}; "));
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{limit}exec \"$0\" \"$@\"")).arg(own.get_program()).args(own.get_args());
    own.get_envs().for_each(|(name, value)| _ = value.map(|value| shell.env(name, value)));
    Process::start(&mut shell)
}

fn largest(folder: &Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).max().unwrap_or(0)
}

fn waiting(laptop: &Laptop) -> u64 {
    laptop.vault.waiting().unwrap().count
}

#[test]
fn a_centre_whose_disk_is_full_keeps_what_it_said_it_took() {
    if let Some(folder) = reexec::part() {
        return killed::serve(&folder, &Settings { limits: no_limits(), ..Settings::default() });
    }
    let site = Site::new();
    let (a, b) = (site.laptop(1, "Amara", "trainer"), site.laptop(2, "Ben", "admin"));
    let (folder, realm) = (site.folder, site.realm);
    drop(Arc::try_unwrap(site.centre).ok().expect("nobody else holds the centre"));
    let person = a.register("Rosa Example").unwrap();
    let room = largest(&folder.path().join("realms")) / 512 + 300;
    let mut process = start(folder.path(), Some(room));
    let (mut full, mut day) = (None, 0);
    for _ in 0..60 {
        for _ in 0..10 {
            a.mood(person, day, 5).unwrap();
            day += 1;
        }
        if let Err(error) = sync_once(&a.vault, &process.client(), &mut |_| {}) {
            full = Some(error.status);
            break;
        }
        if day > 300 {
            break;
        }
    }
    let status = full.expect("the disk is full at some time");
    assert!(!matches!(status.phase, Phase::Idle | Phase::Revoked | Phase::Copy | Phase::SignedOut) && status.message.is_some(), "it is told: {status:?}");
    assert!(waiting(&a) > 0, "what was not taken waits");
    // It goes on to refuse, and takes nothing that it cannot keep.
    assert!(sync_once(&a.vault, &process.client(), &mut |_| {}).is_err());
    let acknowledged = day - waiting(&a);
    process.kill();

    let mut process = start(folder.path(), None);
    sync_once(&b.vault, &process.client(), &mut |_| {}).unwrap_or_else(|error| panic!("{:?}", error.status));
    assert!(b.count("SELECT count(*) FROM mood_entries") >= acknowledged, "what it said it took is there");
    sync_once(&a.vault, &process.client(), &mut |_| {}).unwrap_or_else(|error| panic!("{:?}", error.status));
    sync_once(&b.vault, &process.client(), &mut |_| {}).unwrap_or_else(|error| panic!("{:?}", error.status));
    same_person(&a, &b, person);
    assert_eq!((b.count("SELECT count(*) FROM mood_entries"), waiting(&a)), (day, 0), "and everything else, once");
    process.kill();
    let centre = support::open(folder.path());
    assert!(centre.verify_audit(realm, &mut |_, _| true).unwrap().faults.is_empty());
}
