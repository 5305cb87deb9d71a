//! A centre that lies to a real vault: each way of lying is one row of a table. After each one
//! nothing that was acknowledged is lost, the vault verifies, the status says what is wrong, and the
//! next honest answers bring laptop and centre to agreement.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod liar;
mod lines;
mod scene;

mod pulls;
mod pushes;
