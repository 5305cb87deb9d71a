//! Builds the migrations in anew when one was added or changed; the macro that embeds them does not notice.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations/sqlite");
    println!("cargo:rerun-if-changed=../../migrations/centre-sqlite");
}
