//! The simulator finds mistakes that are made on purpose, within few seeds and as what they are.

use gladstone_sim::{Canary, LENGTH, run, step};

/// Seeds within which a mistake has to be found.
const SEEDS: u64 = 16;

#[test]
fn each_mistake_is_found_within_few_seeds() {
    let check = |canary: Canary, invariants: &[u8]| {
        let found = (1..=SEEDS).find_map(|seed| run::run(seed, &step::program(seed, LENGTH), Some(canary)).broken);
        let invariant = found.as_ref().map(|broken| broken.invariant);
        assert!(invariant.is_some_and(|invariant| invariants.contains(&invariant)), "{canary:?}: {found:?}");
    };
    check(Canary::AcknowledgesWithoutStoring, &[1]);
    check(Canary::DropsARow, &[8]);
    check(Canary::ForgetsItsOutbox, &[1, 5]);
    check(Canary::LaterOneWinsSilently, &[3]);
    check(Canary::TearsMutations, &[4, 8]);
    check(Canary::KeepsWhatLeft, &[6, 8]);
    check(Canary::Flickers, &[5]);
}

#[test]
fn a_failing_program_is_cut_down_to_what_matters() {
    let seed = (1..=SEEDS).find(|seed| run::run(*seed, &step::program(*seed, LENGTH), Some(Canary::LaterOneWinsSilently)).broken.is_some()).unwrap();
    let program = step::program(seed, LENGTH);
    let smallest = gladstone_sim::minimise(seed, &program, Some(Canary::LaterOneWinsSilently));
    assert!(smallest.len() < program.len() / 2, "{} of {} steps are left", smallest.len(), program.len());
    assert!(run::run(seed, &smallest, Some(Canary::LaterOneWinsSilently)).broken.is_some_and(|broken| broken.invariant == 3), "and they still fail");
}
