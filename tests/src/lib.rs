//! The real programs for tests and for the demo: the command line, and the window with a display, the
//! driver, and what a person does.
#![allow(clippy::print_stdout, clippy::print_stderr)]

pub mod bag;
pub mod bus;
pub mod centre;
pub mod colleagues;
pub mod display;
pub mod journey;
pub mod line;
pub mod noise;
pub mod program;
pub mod two_laptops;
pub mod window;

pub use bag::Bag;
pub use colleagues::Colleagues;
pub use program::program;
pub use two_laptops::Practice;
pub use window::{Setting, Window};
