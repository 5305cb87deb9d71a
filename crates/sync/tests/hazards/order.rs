//! Rows refer to each other across units and pages, which come in any order.

use std::cell::RefCell;

use gladstone_central::Portions;
use gladstone_protocol::{ApiError, SyncApi, wire::{PullAnswer, PullRequest, PushAnswer, PushRequest}};
use gladstone_sync::{remote::Direct, sync_once};
use gladstone_testkit::Dice;
use uuid::Uuid;

use crate::{ground::{Ground, moods}, support::{at_hand, entrust, same_person}};

/// Puts the units of each answer into another order.
struct Shuffled<'a>(Direct<'a>, RefCell<Dice>);

impl SyncApi for Shuffled<'_> {
    fn push(&self, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        self.0.push(request)
    }

    fn pull(&self, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        let mut answer = self.0.pull(request)?;
        for at in (1..answer.grants.len()).rev() {
            answer.grants.swap(at, self.1.borrow_mut().below(at + 1));
        }
        Ok(answer)
    }
}

at_hand!(Shuffled<'_>);

pub fn units_and_pages_come_in_any_order(ground: Ground) {
    let ground = ground.in_portions(Portions { changes: 2_000, room: 3_000, lines: 7, units: 3 });
    let (a, chief) = (ground.laptop(1, "Amara", "trainer"), ground.laptop(3, "Chief", "admin"));
    ground.sync(&a);
    let people: Vec<Uuid> = (0..9).map(|number| a.register(&format!("Person {number}")).unwrap()).collect();
    for (at, person) in people.iter().enumerate() {
        for day in 0..6 {
            a.mood(*person, day, 1 + at as i64).unwrap();
        }
        entrust(&a, *person, chief.vault.state().actor);
    }
    ground.sync(&a);
    ground.sync(&chief);
    for seed in 0..4 {
        let late = ground.laptop(50 + seed, "Late", "admin");
        let line = ground.centre().for_device(ground.caller(&late));
        let shuffled = Shuffled(Direct(&line), RefCell::new(Dice::new(seed)));
        sync_once(&late.vault, &shuffled, &mut |_| {}).unwrap_or_else(|error| panic!("{:?}", error.status));
        assert_eq!(moods(&late), 54, "seed {seed}: all that there is");
        people.iter().for_each(|person| same_person(&a, &late, *person));
        late.vault.verify(&mut |_, _| true).unwrap();
        assert!(late.peek(|connection| connection.prepare("PRAGMA foreign_key_check").unwrap().query([]).unwrap().next().unwrap().is_none()), "seed {seed}: every reference leads somewhere");
    }
    ground.verify();
}
