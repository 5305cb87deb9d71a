//! A centre that says it took something and did not: the laptop notices with the answer that should have
//! brought it, whatever others wrote meanwhile.

use std::cell::Cell;

use gladstone_protocol::{Entry, Stored, Verdict, wire::{Judged, PushRequest}};
use gladstone_sync::{remote::Direct, sync_once};

use crate::{
    ground::Ground,
    liar::{Liar, Lie},
    support::same_person,
};

pub fn what_was_never_taken_is_missed_in_the_same_round_although_others_wrote_over_it(ground: Ground) {
    let (a, b) = (ground.laptop(1, "Amara", "trainer"), ground.laptop(2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    for laptop in [&a, &b, &a] {
        ground.sync(laptop);
    }
    let verdicts: [fn(u64) -> Verdict; 5] = [
        |head| Verdict::Applied { g: head },
        |head| Verdict::Merged { g: head, journal: Vec::new() },
        |_| Verdict::Applied { g: 1 },
        |head| Verdict::Duplicate { stored: Stored::Applied { g: head } },
        |_| Verdict::Duplicate { stored: Stored::Applied { g: 1 } },
    ];
    for (at, verdict) in verdicts.into_iter().enumerate() {
        a.clock.pass(700);
        a.set("users", person, "job_title", format!("Baker {at}")).unwrap();
        b.set("users", person, "job_title", format!("Cook {at}")).unwrap();
        ground.sync(&b);
        let head = b.vault.replica().unwrap().unwrap().from_g;
        let before = a.vault.sync_log().unwrap().len();
        let line = ground.centre().for_device(ground.caller(&a));
        let judge = move |asked: &PushRequest| asked.envelopes.iter().map(|envelope| Judged { dseq: Entry::number_of(&envelope.bytes).unwrap(), verdict: verdict(head) }).collect();
        let lie = Lie::Unsent(Box::new(move |asked, answer| answer.verdicts = judge(asked)));
        let _ = sync_once(&a.vault, &Liar { honest: Direct(&line), lie: &lie, told: Cell::new(0) }, &mut |_| {});
        let log = a.vault.sync_log().unwrap();
        assert!(log.iter().take(log.len() - before).any(|line| line.line.starts_with("What the centre gave does not hold")), "lie {at} is noticed in its round: {log:?}");
        // The truth again: what was kept from the centre arrives, and both show the same.
        a.clock.pass(700);
        for laptop in [&a, &a, &b, &a] {
            ground.sync(laptop);
        }
        same_person(&a, &b, person);
        assert_eq!((a.vault.waiting().unwrap().count, a.base() == a.view()), (0, true), "lie {at}: nothing waits");
        assert_eq!((a.vault.entries_of(person).unwrap().len(), a.field("users", person, "job_title").is_some()), (2 + at, true), "lie {at}");
    }
    a.vault.verify(&mut |_, _| true).unwrap();
    ground.verify();
}

pub fn an_honest_centre_is_never_doubted_while_everybody_writes_to_the_same_values(ground: Ground) {
    let (a, b, person) = ground.two_with_a_person();
    for round in 0..6 {
        for (laptop, name) in [(&a, "Baker"), (&b, "Cook")] {
            laptop.set("users", person, "job_title", format!("{name} {round}")).unwrap();
            laptop.set("users", person, "department", "The same for both").ok();
            laptop.mood(person, 10 * round + u64::from(name == "Cook"), 5).unwrap();
        }
        // Each pushes before the other one pulls, so that each finds its value written over.
        for laptop in [&a, &b, &b, &a] {
            ground.sync(laptop);
        }
    }
    ground.sync(&b);
    for laptop in [&a, &b] {
        let log = laptop.vault.sync_log().unwrap();
        assert!(log.iter().all(|line| !line.line.starts_with("What the centre gave")), "{log:?}");
        assert_eq!(laptop.vault.waiting().unwrap().count, 0);
    }
    same_person(&a, &b, person);
    ground.verify();
}
