//! A person holds synchronizing up: that outlives the program, costs nothing that waits, and is told once.

use crate::answers::{sound, with_person};

#[test]
fn a_pause_outlives_the_program_and_what_waits_goes_on_waiting() {
    let (laptop, _, id, _) = with_person(1);
    laptop.set("users", id, "job_title", "Baker").unwrap();
    assert_eq!(laptop.vault.paused_since().unwrap(), None);
    laptop.vault.resume().unwrap();
    laptop.vault.pause().unwrap();
    laptop.vault.pause().unwrap();
    let since = laptop.vault.paused_since().unwrap().expect("it is held up");
    let laptop = laptop.reopened();
    assert_eq!(laptop.vault.paused_since().unwrap(), Some(since), "after a restart too");
    assert_eq!(laptop.vault.waiting().unwrap().count, 1);
    laptop.vault.resume().unwrap();
    laptop.vault.resume().unwrap();
    assert_eq!(laptop.vault.paused_since().unwrap(), None);
    let told: Vec<String> = laptop.vault.sync_log().unwrap().into_iter().map(|line| line.line).take(2).collect();
    assert_eq!(told, ["Synchronizing goes on.", "Synchronizing was paused."], "each is told once");
    assert_eq!(laptop.vault.waiting().unwrap().count, 1, "and nothing was lost");
    sound(&laptop);
}
