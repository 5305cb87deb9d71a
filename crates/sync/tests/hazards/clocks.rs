//! Clocks that jump and clocks that lie.

use crate::{ground::Ground, support::same_person};

const DAY: i64 = 86_400;
/// Milliseconds of a stamp.
const MILLIS: u32 = 16;

pub fn a_clock_that_jumps_a_day_to_and_fro_with_restarts_sets_no_stamp_back(ground: Ground) {
    let (mut a, b) = (ground.laptop(1, "Amara", "trainer"), ground.laptop(2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    ground.sync(&a);
    ground.sync(&b);
    let mut off = 0;
    for (at, step) in [DAY, -DAY, -DAY, 2 * DAY, -3 * DAY, DAY, 7 * DAY, -6 * DAY].into_iter().enumerate() {
        let before = a.vault.state().hlc;
        a.clock.pass(step);
        off += step;
        a = a.reopened();
        let title = format!("Baker {at}");
        a.set("users", person, "job_title", title.as_str()).unwrap();
        assert!(a.vault.state().hlc > before, "step {at}: the stamp goes on");
        ground.sync(&a);
        let told = a.vault.state().server_offset / 1_000_000 + off;
        assert!(told.abs() < 60, "step {at}: it is known how wrong the clock is, by {told} s");
        ground.sync(&b);
        assert_eq!(b.field("users", person, "job_title"), Some(title.as_str().into()), "step {at}: what was written last stands");
        // Whoever saw it and writes goes on, whatever the clocks say.
        b.set("users", person, "department", title.as_str()).unwrap();
        b.set("users", person, "job_title", "Cook").unwrap();
        ground.sync(&b);
        ground.sync(&a);
        assert_eq!(a.field("users", person, "job_title"), Some("Cook".into()), "step {at}: and is not beaten by a clock");
    }
    same_person(&a, &b, person);
    assert_eq!(a.base(), a.view(), "nothing is pending");
    ground.verify();
}

pub fn a_laptop_in_the_year_9999_outlives_nobody(ground: Ground) {
    let (a, b, person) = ground.two_with_a_person();
    a.clock.pass(7_973 * 365 * DAY);
    a.set("users", person, "job_title", "From the year 9999").unwrap();
    a.mood(person, 3, 5).unwrap();
    ground.sync(&a);
    // Two minutes later somebody who has not seen it writes the same field.
    ground.clock.pass(120);
    b.clock.pass(120);
    b.set("users", person, "job_title", "Baker").unwrap();
    ground.sync(&b);
    ground.sync(&a);
    ground.sync(&b);
    for (laptop, who) in [(&a, "the laptop in the year 9999"), (&b, "the other one")] {
        assert_eq!(laptop.field("users", person, "job_title"), Some("Baker".into()), "{who}: who really wrote later stands");
    }
    let ahead = (b.vault.state().hlc >> MILLIS) as i64 - 1_795_000_000_000;
    assert!(ahead < 3_600_000, "the stamps of others are not carried away: {ahead} ms");
    // The poisoned laptop itself comes back to earth with its clock, and is not silent until then.
    a.clock.pass(-7_973 * 365 * DAY);
    let a = a.reopened();
    a.set("users", person, "job_title", "Miller").unwrap();
    ground.sync(&a);
    ground.sync(&b);
    assert_eq!(b.field("users", person, "job_title"), Some("Miller".into()), "what it writes is taken");
    ground.clock.pass(120);
    b.clock.pass(120);
    b.set("users", person, "job_title", "Cook").unwrap();
    ground.sync(&b);
    ground.sync(&a);
    same_person(&a, &b, person);
    assert_eq!(a.field("users", person, "job_title"), Some("Cook".into()));
    ground.verify();
}
