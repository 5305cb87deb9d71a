//! The real window for tests and for the demo: a display, the driver, and what a person does.
#![allow(clippy::print_stdout, clippy::print_stderr)]

pub mod bus;
pub mod display;
pub mod journey;
pub mod window;

pub use window::{Setting, Window};
