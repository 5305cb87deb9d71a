//! The laptop's process is killed: before one of the calls by which a round leaves its trace.

use std::fs;

use gladstone_sync::{Address, HttpCentre, sync_once};
use gladstone_testkit::{Dice, reexec, traced::{self, Ended, Next}};

use crate::{Kind, Place, kills, place::{open, row, unlock}, support::{Site, no_limits}};

/// The other part: one round with the centre whose address lies beside the vault.
fn round(folder: &std::path::Path) {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let unlocked = unlock(folder, read("seed").parse().unwrap());
    let client = HttpCentre::new(Address::parse(&read("centre")).unwrap(), None).unwrap();
    reexec::say(traced::BEGIN);
    row(&unlocked.vault, &client).unwrap();
    sync_once(&unlocked.vault, &client, &mut |_| {}).unwrap();
    drop(client);
    unlocked.lock().unwrap();
}

pub fn killed(kind: Kind, test: &str) {
    if let Some(folder) = reexec::part() {
        return round(&folder);
    }
    let mut place = Place::new(kind);
    let site = Site::over(open(place.store.path()), place.realm);
    let service = site.serve(false, no_limits());
    let laptop = place.laptop();
    fs::write(laptop.join("centre"), service.address().to_string()).unwrap();
    let turn = |place: &mut Place, last: usize| {
        fs::write(laptop.join("seed"), (10_000 + place.changes).to_string()).unwrap();
        // A thread of its own has no other children than the one that is traced.
        let ended = std::thread::scope(|scope| scope.spawn(|| traced::run(reexec::again(test, &laptop), |stop| if stop.number == last { Next::Kill } else { Next::Go })).join().unwrap());
        let unlocked = place.unlock();
        place.check(&site.centre, &unlocked, &format!("killed before call {last}"));
        place.write(&unlocked.vault);
        unlocked.lock().unwrap();
        ended
    };
    // The first round brings more than those that follow.
    let mut usual = 0;
    for _ in 0..2 {
        let Ended { stops, code, said, .. } = turn(&mut place, usize::MAX);
        assert_eq!(code, Some(0), "a round that nobody kills comes to its end: {said:#?}");
        assert!(stops > 50, "the trace saw the writes: {stops}");
        usual = stops;
    }
    let stops = usual;
    let (mut dice, count, mut felt) = (Dice::of(test), kills(), 0);
    for number in 0..count {
        let last = number * stops / count + dice.below(stops.div_ceil(count));
        let ended = turn(&mut place, last);
        felt += usize::from(ended.code.is_none());
    }
    // A round may take a few calls less than the first one, which then ends before it is killed.
    assert!(felt * 10 >= count * 8, "{felt} of {count} were killed");
}
