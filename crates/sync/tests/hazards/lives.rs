//! Laptops and centres that are put back, copied, or away for too long.

use gladstone_sync::Phase;
use gladstone_testkit::{Dice, Laptop, dice};

use crate::{ground::{Ground, moods}, support::{entrust, same_person}};

pub fn a_laptop_put_back_at_a_random_point_loses_nothing_that_was_acknowledged(ground: Ground) {
    let mut dice = Dice::new(31);
    let (mut a, b) = (ground.laptop(1, "Amara", "trainer"), ground.laptop(2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    let mut day = 0;
    for turn in 0..dice::size(4, 40) as u64 {
        let steps = 6;
        let point = dice.below(steps);
        let mut image = None;
        for step in 0..steps {
            if step == point {
                image = Some(a.cloned(100 + turn));
            }
            a.mood(person, day, 5).unwrap();
            day += 1;
            if step % 2 == 1 {
                ground.sync(&a);
            }
        }
        ground.sync(&a);
        let acknowledged = moods(&a);
        // The disk is gone; the backup is unlocked, and the witness says that it is an old one.
        let restored: Laptop = image.unwrap();
        restored.vault.begin_new_life().unwrap();
        restored.set("users", person, "job_title", format!("Baker {turn}")).unwrap();
        ground.sync(&restored);
        assert_eq!(moods(&restored), acknowledged, "turn {turn}, put back before step {point}: everything is there again");
        ground.sync(&b);
        same_person(&restored, &b, person);
        assert_eq!(restored.base(), restored.view(), "nothing is pending");
        a = restored;
    }
    a.vault.verify(&mut |_, _| true).unwrap();
    ground.verify();
}

pub fn a_copied_laptop_is_told_apart_and_goes_on_as_another_one(ground: Ground) {
    let (a, b) = (ground.laptop(1, "Amara", "trainer"), ground.laptop(2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    ground.sync(&a);
    let copy = a.cloned(9);
    for day in 0..3 {
        a.mood(person, day, 5).unwrap();
        ground.sync(&a);
    }
    for day in 10..13 {
        copy.mood(person, day, 6).unwrap();
    }
    for _ in 0..2 {
        assert_eq!(ground.try_sync(&copy).unwrap_err().status.phase, Phase::Copy, "the second holder is told");
        ground.sync(&a);
    }
    assert_eq!((moods(&copy), copy.vault.waiting().unwrap().count), (3, 3), "what the copy wrote is kept and waits");
    let actor = copy.vault.state().actor;
    copy.vault.begin_as_new_device().unwrap();
    ground.join(&copy, "Amara", "trainer", Some(actor));
    ground.sync(&copy);
    ground.sync(&a);
    ground.sync(&b);
    same_person(&a, &copy, person);
    same_person(&a, &b, person);
    assert_eq!(moods(&b), 6, "what both wrote, once");
    ground.verify();
}

pub fn a_centre_put_back_by_an_hour_gets_everything_again_from_five_laptops(mut ground: Ground) {
    let mut laptops: Vec<Laptop> = (0..4).map(|number| ground.laptop(10 + number, &format!("Trainer {number}"), "trainer")).collect();
    laptops.push(ground.laptop(20, "Chief", "admin"));
    let chief = 4;
    let people: Vec<_> = laptops.iter().map(|laptop| laptop.register("Rosa Example").unwrap()).collect();
    laptops.iter().for_each(|laptop| _ = ground.sync(laptop));
    // The next trainer shares each record, so that values of others are among what is lost.
    for number in 0..4 {
        entrust(&laptops[number], people[number], laptops[(number + 1) % 4].vault.state().actor);
    }
    for _ in 0..2 {
        laptops.iter().for_each(|laptop| _ = ground.sync(laptop));
    }
    ground.back_up();
    // The hour that the centre loses. All of it is acknowledged.
    for (number, laptop) in laptops.iter().enumerate() {
        for day in 0..8 {
            laptop.mood(people[number], day, 1 + number as i64).unwrap();
        }
        laptop.set("users", people[number], "job_title", format!("Baker {number}")).unwrap();
        laptop.register("Came in that hour").unwrap();
        ground.sync(laptop);
        if number < 4 {
            ground.sync(&laptops[(number + 1) % 4]);
            laptops[(number + 1) % 4].mood(people[number], 100, 9).unwrap();
            ground.sync(&laptops[(number + 1) % 4]);
        }
    }
    laptops.iter().for_each(|laptop| _ = ground.sync(laptop));
    let before: Vec<_> = laptops.iter().map(|laptop| laptop.view().keys().copied().collect::<Vec<_>>()).collect();
    ground.put_back();
    assert!(ground.centre().realms().unwrap()[0].blocked, "it is older than its witness");
    for laptop in &laptops {
        laptop.mood(people[0], 200, 5).ok();
        let status = ground.try_sync(laptop).unwrap_err().status;
        assert!(!matches!(status.phase, Phase::Idle | Phase::Offline | Phase::Copy), "nothing is served, and nobody is called a copy: {status:?}");
    }
    ground.centre().new_epoch(ground.realm).unwrap();
    for _ in 0..3 {
        for laptop in &laptops {
            ground.sync(laptop);
        }
    }
    for (number, laptop) in laptops.iter().enumerate() {
        let now = laptop.view();
        let lost: Vec<_> = before[number].iter().filter(|key| !now.contains_key(key)).collect();
        assert!(lost.is_empty(), "laptop {number} lost {lost:?}");
        same_person(laptop, &laptops[chief], people[number]);
        assert_eq!(laptops[chief].field("users", people[number], "job_title"), Some(format!("Baker {number}").as_str().into()), "the value of that hour");
        assert_eq!(laptop.base(), now, "nothing is pending");
        assert_eq!(laptop.vault.waiting().unwrap().count, 0, "nothing waits");
    }
    let all = 5 * 8 + 4;
    assert!(moods(&laptops[chief]) >= all, "{} of {all} moods", moods(&laptops[chief]));
    ground.verify();
}

pub fn a_laptop_and_a_centre_that_were_both_put_back_leave_nothing_to_decide(mut ground: Ground) {
    let (a, b, person) = ground.two_with_a_person();
    ground.back_up();
    // Lost by the centre, and kept by the laptop's own backup.
    a.set("users", person, "job_title", "Baker").unwrap();
    a.set("users", person, "department", "Ovens").unwrap();
    let mood = a.mood(person, 1, 4).unwrap();
    ground.sync(&a);
    let restored = a.cloned(9);
    restored.vault.begin_new_life().unwrap();
    restored.set("users", person, "job_title", "Miller").unwrap();
    restored.set("mood_entries", mood, "overall_mood", gladstone_model::Value::Integer(6)).unwrap();
    ground.put_back();
    ground.centre().new_epoch(ground.realm).unwrap();
    for _ in 0..2 {
        ground.sync(&restored);
        ground.sync(&b);
    }
    same_person(&restored, &b, person);
    assert_eq!((b.field("users", person, "job_title"), b.field("mood_entries", mood, "overall_mood")), (Some("Miller".into()), Some(gladstone_model::Value::Integer(6))), "the later value stands");
    assert_eq!(b.count("SELECT count(*) FROM conflicts"), 0, "and nobody has to decide between two values of the same person");
    assert_eq!((restored.vault.waiting().unwrap().count, restored.base() == restored.view()), (0, true), "nothing waits");
    ground.verify();
}

pub fn a_laptop_that_returns_after_the_log_was_cut_brings_what_it_wrote(ground: Ground) {
    let (a, b, person) = ground.two_with_a_person();
    for day in 0..5 {
        a.mood(person, day, 5).unwrap();
        b.mood(person, 50 + day, 6).unwrap();
    }
    ground.sync(&b);
    ground.centre().trim_log(ground.realm, u64::MAX).unwrap();
    ground.sync(&a);
    ground.sync(&b);
    same_person(&a, &b, person);
    assert_eq!((moods(&a), a.vault.waiting().unwrap().count), (10, 0), "both halves are there");
    assert_eq!(a.base(), a.view(), "nothing is pending");
    ground.verify();
}
