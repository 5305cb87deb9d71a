//! Two pushes of a laptop are open at once, on a network that does what it likes with them.

use std::{cell::RefCell, rc::Rc};

use gladstone_protocol::{ApiError, SyncApi, wire::{PushAnswer, PushRequest}};
use gladstone_sync::{Report, engine::Trouble, flights, remote::{Direct, UnderWay}};
use gladstone_testkit::{Dice, dice};

use crate::{ground::{Ground, moods}, support::{at_hand, lend, passes_on, same_person}};

/// A request that was sent, and its answer once it arrived.
type Sent = Rc<(PushRequest, RefCell<Option<Result<PushAnswer, ApiError>>>)>;

/// Loses, repeats and delays pushes and their answers. What is delayed arrives behind a later one, perhaps
/// long after it was given up.
struct Network<'a> {
    centre: Direct<'a>,
    dice: RefCell<Dice>,
    on_its_way: RefCell<Vec<Sent>>,
    /// In how many of a hundred pushes something happens.
    chance: usize,
    /// Pushes that were sent while another one was open.
    early: RefCell<usize>,
}

impl Network<'_> {
    fn there(&self, sent: &Sent) -> Result<PushAnswer, ApiError> {
        sent.1.borrow_mut().get_or_insert_with(|| self.centre.push(&sent.0)).clone()
    }

    fn arrive(&self, at_least: usize) {
        while self.on_its_way.borrow().len() > at_least {
            let sent = self.on_its_way.borrow_mut().remove(0);
            let _ = self.there(&sent);
        }
    }
}

passes_on!(Network<'_>);

at_hand!(Network<'_> {
    fn begin(&self, request: &PushRequest, early: bool) -> UnderWay<'_> {
        *self.early.borrow_mut() += usize::from(early);
        let sent: Sent = Rc::new((request.clone(), RefCell::default()));
        let (happens, kind, room) = {
            let mut dice = self.dice.borrow_mut();
            (dice.below(100) < self.chance, dice.below(5), dice.below(3))
        };
        let mut is_lost = false;
        match kind {
            // It arrives when somebody waits for it, or behind one that is sent later.
            0 if happens => self.on_its_way.borrow_mut().push(Rc::clone(&sent)),
            // Given up, and on its way for longer.
            1 if happens => {
                self.on_its_way.borrow_mut().push(Rc::clone(&sent));
                is_lost = true;
            }
            // It arrives twice, the second time later.
            2 if happens => {
                let _ = self.there(&sent);
                self.on_its_way.borrow_mut().push(Rc::new((request.clone(), RefCell::default())));
            }
            3 if happens => {
                let _ = self.there(&sent);
                is_lost = true;
            }
            4 if happens => is_lost = true,
            _ => _ = self.there(&sent),
        }
        self.arrive(room);
        Box::new(move || if is_lost { Err(ApiError::Offline) } else { self.there(&sent) })
    }
});

pub fn two_open_pushes_have_one_effect_in_whatever_order_they_arrive(ground: Ground) {
    let (a, b) = (ground.laptop(1, "Amara", "trainer"), ground.laptop(2, "Ben", "admin"));
    let person = a.register("Rosa Example").unwrap();
    ground.sync(&a);
    let (mut day, mut early) = (0, 0);
    for seed in 0..dice::size(12, 200) as u64 {
        let written = 6 + seed % 7;
        for _ in 0..written {
            a.mood(person, day, 1 + (day % 5) as i64).unwrap();
            day += 1;
        }
        let line = ground.centre().for_device(ground.caller(&a));
        let network = Network { centre: Direct(&line), dice: RefCell::new(Dice::new(seed)), on_its_way: RefCell::default(), chance: 30, early: RefCell::default() };
        let (mut tries, mut report) = (0, Report::default());
        while a.vault.waiting().unwrap().count > 0 {
            tries += 1;
            assert!(tries < 60, "seed {seed}: it comes to its end");
            match flights::push(&lend(&a.vault), &network, 1, &mut report) {
                Ok(pushed) => assert!(pushed.progress && pushed.trouble.is_none(), "seed {seed}, try {tries}: {pushed:?}"),
                Err(fault) => assert_eq!(fault, ApiError::Offline.into(), "seed {seed}, try {tries}"),
            }
            assert_eq!(a.vault.waiting().unwrap().quarantined, 0, "seed {seed}");
        }
        // Whatever is still on its way arrives when everything is done.
        network.arrive(0);
        early += network.early.take();
        ground.sync(&a);
        ground.sync(&b);
        assert_eq!((moods(&a), moods(&b)), (day, day), "seed {seed}");
        assert!(a.base() == a.view(), "seed {seed}: nothing is pending");
    }
    assert!(early > 30, "pushes were open at once: {early}");
    same_person(&a, &b, person);
    a.vault.verify(&mut |_, _| true).unwrap();
    ground.verify();
    // A copy of before all that is still told, and this laptop is none.
    let copy = a.cloned(9);
    a.mood(person, day, 1).unwrap();
    copy.mood(person, day + 1, 2).unwrap();
    ground.sync(&a);
    let line = ground.centre().for_device(ground.caller(&copy));
    let pushed = flights::push(&lend(&copy.vault), &Direct(&line), 1, &mut Report::default()).unwrap();
    assert_eq!(pushed.trouble, Some(Trouble::Copy));
}
