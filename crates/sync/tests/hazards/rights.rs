//! Rights that end and begin while people work.

use gladstone_model::{Unit, unit::UnitKind};
use gladstone_testkit::Laptop;
use uuid::Uuid;

use crate::{ground::Ground, support::{entrust, same_person}};

fn rows_of(laptop: &Laptop, person: Uuid) -> usize {
    let unit = Unit { kind: UnitKind::Person, id: person };
    laptop.view().values().filter(|row| row.unit == unit).count()
}

pub fn a_person_is_handed_over_while_both_laptops_edit(ground: Ground) {
    let (a, b, chief) = (ground.laptop(1, "Amara", "trainer"), ground.laptop(2, "Ben", "trainer"), ground.laptop(3, "Chief", "admin"));
    ground.sync(&chief);
    let person = chief.register("Rosa Example").unwrap();
    let mood = chief.mood(person, 0, 5).unwrap();
    let with_a = entrust(&chief, person, a.vault.state().actor);
    for laptop in [&chief, &a, &b] {
        ground.sync(laptop);
    }
    assert!(rows_of(&a, person) > 0 && rows_of(&b, person) == 0, "A has the record, B has not");
    // A works on while the person goes over to B, who begins at once.
    a.set("mood_entries", mood, "overall_mood", 9_i64).unwrap();
    let late = a.mood(person, 1, 3).unwrap();
    chief.set("therapeutic_relationships", with_a, "status", "ended").unwrap();
    entrust(&chief, person, b.vault.state().actor);
    ground.sync(&chief);
    ground.sync(&b);
    b.set("mood_entries", mood, "overall_mood", 2_i64).unwrap();
    let new = b.mood(person, 2, 4).unwrap();
    ground.sync(&b);
    ground.sync(&a);
    assert_eq!(rows_of(&a, person), 0, "the record left A");
    let departed = a.vault.departed().unwrap();
    assert!(departed.len() == 1 && departed[0].rows > 0 && !departed[0].reason.is_empty(), "and A is told what left and why: {departed:?}");
    assert_eq!(a.vault.waiting().unwrap().count, 0, "what waited was handed over first");
    let kept = a.vault.queue(10).unwrap();
    assert!([mood, late].iter().all(|row| kept.iter().any(|item| item.ops.iter().any(|op| op.id == *row))), "and is kept where A can see what became of it: {kept:?}");
    ground.sync(&chief);
    ground.sync(&b);
    same_person(&b, &chief, person);
    assert_eq!(b.field("mood_entries", mood, "overall_mood"), Some(2_i64.into()), "who has the right decides");
    assert!(b.field("mood_entries", new, "overall_mood").is_some() && b.field("mood_entries", late, "overall_mood").is_none());
    a.vault.verify(&mut |_, _| true).unwrap();
    // The queue of A goes on.
    let other = a.register("Sam Example").unwrap();
    ground.sync(&a);
    ground.sync(&chief);
    same_person(&a, &chief, other);
    ground.verify();
}

pub fn what_was_refused_is_kept_and_can_be_sent_once_the_right_is_there(ground: Ground) {
    let (a, chief) = (ground.laptop(1, "Amara", "trainer"), ground.laptop(3, "Chief", "admin"));
    ground.sync(&chief);
    let person = chief.register("Rosa Example").unwrap();
    let relation = entrust(&chief, person, a.vault.state().actor);
    ground.sync(&chief);
    ground.sync(&a);
    let late = a.mood(person, 1, 3).unwrap();
    chief.set("therapeutic_relationships", relation, "status", "paused").unwrap();
    ground.sync(&chief);
    ground.sync(&a);
    let refused = a.vault.queue(10).unwrap();
    assert_eq!((refused.len(), refused[0].code.as_deref()), (1, Some("forbidden")));
    chief.set("therapeutic_relationships", relation, "status", "active").unwrap();
    ground.sync(&chief);
    ground.sync(&a);
    assert!(rows_of(&a, person) > 0, "the record is back");
    a.vault.resend(refused[0].dseq).unwrap();
    ground.sync(&a);
    ground.sync(&chief);
    assert_eq!(chief.field("mood_entries", late, "overall_mood"), Some(3_i64.into()), "nothing was lost on the way");
    same_person(&a, &chief, person);
    ground.verify();
}
