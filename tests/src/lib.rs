//! The real programs for tests and for the demo: the command line, and the window with a display, the
//! driver, and what a person does.
#![allow(clippy::print_stdout, clippy::print_stderr)]

pub mod bus;
pub mod display;
pub mod journey;
pub mod program;
pub mod window;

pub use program::program;
pub use window::{Setting, Window};
