//! The use cases, one file for each group of commands. A public function is a command; what it
//! takes and returns stands beside it.

pub mod alerts;
pub mod app;
pub mod calendar;
pub mod files;
pub mod files_add;
pub mod change;
pub mod lease;
pub mod model;
pub mod people;
pub mod questionnaires;
pub mod records;
pub mod responses;
pub mod results;
pub mod review;
pub mod sample;
pub mod settings;
pub mod sync;
pub mod sync_join;
pub mod sync_now;
pub mod sync_picture;
pub mod sync_queue;
pub mod team;
pub mod today;
pub mod vault;

/// The derives that every request and response carries. A field that nobody knows is refused, so
/// that a slip of the pen is noticed.
macro_rules! wire {
    ($($(#[$attribute:meta])* $visibility:vis $kind:ident $name:ident $body:tt)+) => {
        $(#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema, ts_rs::TS)]
        #[serde(deny_unknown_fields)]
        $(#[$attribute])*
        $visibility $kind $name $body)+
    };
}
pub(crate) use wire;
