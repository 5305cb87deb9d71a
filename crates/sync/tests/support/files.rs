//! Moving the files of a laptop, as its worker does.

use gladstone_sync::{HttpCentre, blobs::{Moved, Moving, move_files}};
use gladstone_testkit::Laptop;

use super::lend;

/// Moves what is due, and what is due in an hour.
pub fn moved(laptop: &Laptop, client: &HttpCentre) -> Moved {
    laptop.clock.pass(3_600);
    moved_so(laptop, client, &|| true, &mut |_| {})
}

/// Moves what is due, for as long as `go_on`, and tells how far it is.
pub fn moved_so(laptop: &Laptop, client: &HttpCentre, go_on: &dyn Fn() -> bool, tell: &mut dyn FnMut(Option<Moving>)) -> Moved {
    move_files(&lend(&laptop.vault), client, go_on, tell).unwrap()
}
