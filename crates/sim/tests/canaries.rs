//! The simulator finds mistakes that are made on purpose, within few seeds and as what they are: at
//! least one for each of the eight invariants.

use std::collections::BTreeSet;

use gladstone_sim::{Canary, Plan, run};

/// Seeds within which a mistake has to be found.
const SEEDS: u64 = 16;

#[test]
fn each_mistake_is_found_within_few_seeds_as_what_it_is() {
    let missed: Vec<String> = Canary::ALL.into_iter().filter_map(|(canary, invariants)| {
        let found = (1..=SEEDS).map(Plan::of).find_map(|plan| run::run(plan, &plan.program(), Some(canary)).broken);
        found.as_ref().is_none_or(|broken| !invariants.contains(&broken.invariant)).then(|| format!("{canary:?} breaks invariant {invariants:?}; found: {found:?}"))
    }).collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn every_invariant_has_a_mistake_that_breaks_it_and_no_other() {
    let alone: BTreeSet<u8> = Canary::ALL.into_iter().filter(|(_, invariants)| invariants.len() == 1).map(|(_, invariants)| invariants[0]).collect();
    assert_eq!(alone, (1..=8).collect());
}

#[test]
fn a_failing_program_is_cut_down_to_what_matters() {
    let fails = |plan: &Plan| run::run(*plan, &plan.program(), Some(Canary::LaterOneWinsSilently)).broken.is_some();
    let plan = (1..=SEEDS).map(Plan::of).find(fails).unwrap();
    let program = plan.program();
    let smallest = gladstone_sim::minimise(plan, &program, Some(Canary::LaterOneWinsSilently));
    assert!(smallest.len() < program.len() / 2, "{} of {} steps are left", smallest.len(), program.len());
    assert!(run::run(plan, &smallest, Some(Canary::LaterOneWinsSilently)).broken.is_some_and(|broken| broken.invariant == 3), "and they still fail");
}
