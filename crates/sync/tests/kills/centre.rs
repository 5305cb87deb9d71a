//! The centre's process is killed: before one of the calls by which it takes in a round.

use std::{fs, net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream}, path::Path, sync::atomic::{AtomicBool, Ordering}, thread, time::Duration};

use gladstone_central::http::{Server, Settings};
use gladstone_sync::{Address, HttpCentre, sync_once};
use gladstone_testkit::{Dice, reexec, traced::{self, Ended, Next}};

use gladstone_vault::Unlocked;

use crate::{Kind, Place, kills, place::{open, row}, support::no_limits};

/// The other part: serves at the port that lies beside the store, until it is killed.
fn serve(folder: &Path) {
    let port: u16 = fs::read_to_string(folder.join("port")).unwrap().parse().unwrap();
    let centre = open(folder);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let settings = Settings { limits: no_limits(), ..Settings::default() };
        let (server, _) = Server::bind(centre, &settings, (Ipv4Addr::LOCALHOST, port).into(), None).await.unwrap();
        reexec::say(traced::BEGIN);
        server.run(std::future::pending()).await;
    });
}

/// Serves under trace until the call `last`, or until the rounds are over; rounds go on as long as there
/// is somebody to answer.
fn turn(place: &mut Place, unlocked: &Unlocked, test: &str, last: usize) -> Ended {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let (folder, here) = (place.store.path().to_owned(), SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    fs::write(folder.join("port"), port.to_string()).unwrap();
    let (over, ended) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let traced = scope.spawn(|| {
            let result = traced::run(reexec::again(test, &folder), |stop| if stop.number == last || over.load(Ordering::SeqCst) { Next::Kill } else { Next::Go });
            ended.store(true, Ordering::SeqCst);
            result
        });
        while TcpStream::connect(here).is_err() && !ended.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
        let client = HttpCentre::new(Address::parse(&format!("http://{here}")).unwrap(), None).unwrap();
        // Two rounds are enough for every call of the first run; the rest of the trace is idle.
        for _ in 0..2 {
            place.write(&unlocked.vault);
            let _ = row(&unlocked.vault, &client);
            let _ = sync_once(&unlocked.vault, &client, &mut |_| {});
        }
        over.store(true, Ordering::SeqCst);
        while !ended.load(Ordering::SeqCst) {
            // Whatever it is asked, it does not live through the next call.
            let _ = sync_once(&unlocked.vault, &client, &mut |_| {});
        }
        traced.join().unwrap()
    })
}

pub fn killed(kind: Kind, test: &str) {
    if let Some(folder) = reexec::part() {
        return serve(&folder);
    }
    let mut place = Place::new(kind);
    let unlocked = place.unlock();
    let Ended { stops, code, said, .. } = turn(&mut place, &unlocked, test, usize::MAX);
    assert_eq!(code, None, "it serves until it is killed: {said:#?}");
    // Over PostgreSQL only what leaves over the network counts, and a transaction leaves in few pieces.
    assert!(stops > 20, "the trace saw the writes: {stops}");
    place.check(&open(place.store.path()), &unlocked, "killed while it had nothing to do");
    let (mut dice, count) = (Dice::of(test), kills());
    for number in 0..count {
        let last = number * stops / count + dice.below(stops.div_ceil(count));
        let ended = turn(&mut place, &unlocked, test, last);
        assert_eq!(ended.code, None, "it was killed: {:#?}", ended.said);
        place.check(&open(place.store.path()), &unlocked, &format!("killed before call {last} of {stops}"));
    }
}
