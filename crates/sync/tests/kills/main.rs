//! `kill -9` in the middle of a round: of the laptop's process, and of the centre's, before calls that
//! change the disk or leave over the network, spread over a whole round. What was saved is there, what
//! was handed over is at the centre once, and the next round comes to its end.
//!
//! A sample of the points in an ordinary run, many more with `GLADSTONE_SOAK`.
#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
mod support;

mod centre;
mod laptop;
mod place;

use place::{Kind, Place};

/// Kills of one test.
fn kills() -> usize {
    gladstone_testkit::dice::size(17, 400)
}

macro_rules! kills {
    ($engine:ident, $kind:expr) => {
        mod $engine {
            use super::*;

            #[test]
            fn a_laptop_that_is_killed_in_a_round_goes_on_where_it_was() {
                laptop::killed($kind, concat!(stringify!($engine), "::a_laptop_that_is_killed_in_a_round_goes_on_where_it_was"));
            }

            #[test]
            fn a_centre_that_is_killed_in_a_round_goes_on_where_it_was() {
                centre::killed($kind, concat!(stringify!($engine), "::a_centre_that_is_killed_in_a_round_goes_on_where_it_was"));
            }
        }
    };
}

kills!(on_files, Kind::Files);
kills!(on_postgresql, Kind::Postgresql);
