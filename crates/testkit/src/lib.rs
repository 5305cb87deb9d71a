//! What tests share: vaults, the scenario of real saves, disks that fail, and processes that are
//! killed. Holds no test of its own and is part of no product.

// Test code stops at the first thing that does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod asked;
pub mod bucket;
pub mod contents;
pub mod cutter;
pub mod declared;
pub mod dice;
pub mod disk;
pub mod image;
pub mod laptops;
pub mod older;
pub mod postgres;
pub mod power;
pub mod reexec;
pub mod rows;
pub mod saves;
pub mod surround;
pub mod vaults;
pub mod workers;

#[cfg(target_os = "linux")]
pub mod traced;

pub use dice::Dice;
pub use disk::{Disk, Trouble};
pub use image::Image;
pub use laptops::Laptop;
pub use saves::Saved;
