//! Moving the files of a laptop, as its worker does.

use gladstone_sync::{HttpCentre, blobs::{Moved, Moving, move_files}};
use gladstone_testkit::Laptop;
use gladstone_vault::Vault;

/// Moves what is due, and what is due in an hour.
pub fn moved(laptop: &Laptop, client: &HttpCentre) -> Moved {
    laptop.clock.pass(3_600);
    moved_so(laptop, client, &|| true, &mut |_| {})
}

/// Moves what is due, for as long as `go_on`, and tells how far it is.
pub fn moved_so(laptop: &Laptop, client: &HttpCentre, go_on: &dyn Fn() -> bool, tell: &mut dyn FnMut(Option<Moving>)) -> Moved {
    let lend = |f: &mut dyn FnMut(&Vault)| {
        f(&laptop.vault);
        true
    };
    move_files(&lend, client, go_on, tell).unwrap()
}
