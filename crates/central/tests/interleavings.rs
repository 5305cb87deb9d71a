//! In every interleaving of several laptops: commit numbers without gaps, every sum right, and
//! each laptop's rows the fold of what it was told, which is what a new laptop of the same person
//! downloads.

mod support;

use std::collections::BTreeSet;

use gladstone_model::{Value, unit::UnitKind};
use gladstone_protocol::{Op, OpKind, Verdict};
use proptest::prelude::*;
use support::{Laptop, Place, create, mood, person};
use uuid::Uuid;

/// What a laptop does next. Numbers choose among what it has.
#[derive(Clone, Debug)]
enum Step {
    Register,
    Mood(usize, u32),
    Change(usize, i64),
    Mark(usize),
    Entrust(usize, usize),
    EndTrust(usize),
    Foreign(usize),
    Message(usize),
    Push(usize),
    PushTwice,
    Pull,
    PullOnce,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Register),
        6 => (any::<usize>(), 1..200_u32).prop_map(|(at, day)| Step::Mood(at, day)),
        6 => (any::<usize>(), 1..10_i64).prop_map(|(at, value)| Step::Change(at, value)),
        1 => any::<usize>().prop_map(Step::Mark),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(at, whom)| Step::Entrust(at, whom)),
        1 => any::<usize>().prop_map(Step::EndTrust),
        1 => any::<usize>().prop_map(Step::Foreign),
        1 => any::<usize>().prop_map(Step::Message),
        4 => (1..4_usize).prop_map(Step::Push),
        1 => Just(Step::PushTwice),
        3 => Just(Step::Pull),
        2 => Just(Step::PullOnce),
        1 => Just(Step::Reopen),
    ]
}

struct World {
    place: Option<Place>,
    laptops: Vec<Laptop>,
    /// Persons that each laptop registered, and their entries.
    persons: Vec<Uuid>,
    entries: Vec<Uuid>,
}

impl World {
    fn new() -> World {
        let place = Place::new();
        let laptops = vec![place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"), place.laptop("Chief", "admin")];
        World { place: Some(place), laptops, persons: Vec::new(), entries: Vec::new() }
    }

    fn place(&self) -> &Place {
        self.place.as_ref().expect("the centre is open")
    }

    fn push(&mut self, at: usize, count: usize) {
        let place = self.place.take().expect("the centre is open");
        let laptop = &mut self.laptops[at];
        let next = laptop.verdicts.keys().next_back().copied().unwrap_or(0) as usize;
        let envelopes = laptop.chain.iter().skip(next).take(count).cloned().collect();
        let answer = place.centre.push(&place.caller(laptop), &laptop.push_request(envelopes)).unwrap();
        laptop.take_push(&answer);
        self.place = Some(place);
    }

    fn run(&mut self, at: usize, step: &Step) {
        let others: Vec<Uuid> = self.laptops.iter().map(|laptop| laptop.actor).collect();
        let laptop = &mut self.laptops[at];
        let choose = |list: &[Uuid], at: usize| (!list.is_empty()).then(|| list[at % list.len()]);
        match step {
            Step::Register => {
                let id = laptop.new_id();
                laptop.write(vec![person(id, "Somebody")]);
                self.persons.push(id);
            }
            Step::Mood(who, day) => {
                // Also of persons who are not known or not theirs: held, or kept without effect.
                if let Some(id) = choose(&self.persons, *who) {
                    let entry = laptop.new_id();
                    laptop.write(vec![mood(entry, id, *day, 5)]);
                    self.entries.push(entry);
                }
            }
            Step::Change(which, value) => {
                let seen: Vec<Uuid> = laptop.rows("mood_entries").iter().map(|state| state.row.id()).collect();
                if let Some(id) = choose(&seen, *which) {
                    let ops = laptop.change("mood_entries", id, &[("overall_mood", Value::Integer(*value))]);
                    laptop.write(ops);
                }
            }
            Step::Mark(which) => {
                if let Some(id) = choose(&self.entries, *which) {
                    let entity = gladstone_model::catalogue().get("mood_entries").unwrap().no;
                    let base = laptop.row("mood_entries", id).map_or(Uuid::nil(), |state| state.row_mid);
                    laptop.write(vec![Op { entity, id, unit: gladstone_model::Unit::PLATFORM, kind: OpKind::EnterInError { base, reason: "Wrong".into() } }]);
                }
            }
            Step::Entrust(who, whom) => {
                let seen: Vec<Uuid> = laptop.rows("users").iter().filter(|state| state.unit.kind == UnitKind::Person).map(|state| state.row.id()).collect();
                if let (Some(id), Some(to)) = (choose(&seen, *who), choose(&others, *whom)) {
                    let date = Value::Date(chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap());
                    let bond = create("therapeutic_relationships", laptop.new_id(), &[("therapist_id", to.into()), ("patient_id", id.into()), ("relationship_type", "individual".into()), ("start_date", date)]);
                    laptop.write(vec![bond]);
                }
            }
            Step::EndTrust(which) => {
                let seen: Vec<Uuid> = laptop.rows("therapeutic_relationships").iter().map(|state| state.row.id()).collect();
                if let Some(id) = choose(&seen, *which) {
                    let ops = laptop.change("therapeutic_relationships", id, &[("status", "ended".into())]);
                    laptop.write(ops);
                }
            }
            Step::Foreign(which) => {
                if let Some(id) = choose(&others, *which) {
                    let ops = vec![create("notifications", laptop.new_id(), &[("user_id", id.into()), ("type", "x".into()), ("title", "y".into())])];
                    laptop.write(ops);
                }
            }
            Step::Message(whom) => {
                if let Some(to) = choose(&others, *whom) {
                    let thread = laptop.new_id();
                    let ops = vec![create("messages", laptop.new_id(), &[("thread_id", thread.into()), ("sender_id", laptop.actor.into()), ("recipient_id", to.into()), ("content", "Hello".into())])];
                    laptop.write(ops);
                }
            }
            Step::Push(count) => self.push(at, *count),
            Step::PushTwice => {
                let request = laptop.push_request(laptop.chain.clone());
                let place = self.place();
                let lost = place.centre.push(&place.caller(&self.laptops[at]), &request).unwrap();
                drop(lost);
                self.push(at, 500);
            }
            Step::Pull | Step::PullOnce => {
                let place = self.place.take().expect("the centre is open");
                if matches!(step, Step::Pull) { drop(self.laptops[at].pull(&place)) } else { drop(self.laptops[at].pull_once(&place)) }
                self.place = Some(place);
            }
            Step::Reopen => self.place = self.place.take().map(Place::reopened),
        }
    }

    /// Sends and fetches everything, then looks whether all that is promised holds.
    fn check(mut self) {
        for at in 0..self.laptops.len() {
            while self.laptops[at].verdicts.len() < self.laptops[at].chain.len() {
                self.push(at, 500);
            }
        }
        let place = self.place.take().expect("the centre is open");
        for laptop in &mut self.laptops {
            laptop.pull(&place);
        }
        let report = place.centre.verify_audit(place.realm, &mut |_, _| true).unwrap();
        assert!(report.faults.is_empty(), "every chain and every sum is right: {:?}", report.faults);
        let head = place.centre.head(place.realm).unwrap();
        assert_eq!(numbers(&place), (1..=head).collect::<Vec<_>>(), "commit numbers have no gaps");
        for laptop in &self.laptops {
            for (dseq, verdict) in &laptop.verdicts {
                assert!(!matches!(verdict, Verdict::Fork | Verdict::Gap { .. } | Verdict::UpgradeRequired | Verdict::Later { .. }), "{dseq}: {verdict:?}");
            }
            let mut fresh = place.laptop_of("Again", "therapist", Some(laptop.actor), None);
            fresh.pull(&place);
            let without_devices = |laptop: &Laptop| laptop.base.iter().filter(|(_, state)| state.row.entity.name != "devices").map(|(key, state)| (*key, state.clone())).collect::<Vec<_>>();
            assert_eq!(without_devices(laptop), without_devices(&fresh), "what was told bit by bit is what a new laptop downloads");
            assert_eq!(laptop.complete, fresh.complete, "and for the same units");
        }
    }
}

/// The commit numbers of everything that took effect, ascending.
fn numbers(place: &Place) -> Vec<u64> {
    let engine = support::engine(place.folder.path());
    let mut found = BTreeSet::new();
    engine.read(place.realm, &mut |shelf| {
        let mut ids: Vec<Uuid> = shelf.devices(None)?.iter().map(|device| device.id).collect();
        ids.push(shelf.head()?.device);
        for life in shelf.lives(&ids)? {
            for filed in shelf.filed(life.device, life.incarnation, 1, life.dseq)? {
                if let Some(g) = filed.g {
                    assert!(found.insert(g), "number {g} is given once");
                }
            }
        }
        Ok(())
    }).unwrap();
    found.into_iter().collect()
}

/// An ordinary run, or a soak. On PostgreSQL each case takes a second.
fn cases() -> u32 {
    if module_path!().starts_with("on_postgresql") {
        return 8;
    }
    if std::env::var("GLADSTONE_SOAK").is_ok_and(|value| value != "0") { 2_000 } else { 40 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_interleaving_keeps_what_is_promised(steps in prop::collection::vec((0..3_usize, step()), 10..120)) {
        let mut world = World::new();
        for (at, step) in &steps {
            world.run(*at, step);
        }
        world.check();
    }
}
