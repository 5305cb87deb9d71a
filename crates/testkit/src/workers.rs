//! Many checks at once, fed one by one so that no more images are held than are worked on.

use std::{num::NonZero, sync::{Mutex, mpsc}, thread};

/// Runs `check` on everything that `feed` hands over, on all processors. Returns how many there
/// were and what did not hold, in the words of `check`.
pub fn check_all<T: Send>(feed: impl FnOnce(&mut dyn FnMut(T)), check: impl Fn(T) -> Result<(), String> + Sync) -> (usize, Vec<String>) {
    let workers = thread::available_parallelism().map_or(2, NonZero::get);
    let (send, receive) = mpsc::sync_channel::<T>(workers);
    let (receive, broken) = (Mutex::new(receive), Mutex::new(Vec::new()));
    let mut count = 0;
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = receive.lock().unwrap().recv();
                    let Ok(next) = next else { return };
                    if let Err(why) = check(next) {
                        broken.lock().unwrap().push(why);
                    }
                }
            });
        }
        feed(&mut |item| {
            count += 1;
            send.send(item).unwrap();
        });
        drop(send);
    });
    (count, broken.into_inner().unwrap())
}
