//! Seeds: those that once failed first, then as many as an ordinary run has time for. Each is run
//! twice and must be the same both times. Several tests, so that they run beside each other.

use gladstone_sim::{LENGTH, seed};

/// Seeds of one test; together they take about a minute on two processors.
const SEEDS: u64 = 36;

fn check(seeds: impl IntoIterator<Item = u64>) {
    let broken: Vec<String> = seeds.into_iter().filter_map(|number| seed(number, LENGTH, true).broken.map(|broken| format!("seed {number}: {broken}"))).collect();
    assert!(broken.is_empty(), "{}\nLook at one with: cargo run -p gladstone-sim -- --from <seed> --minimise", broken.join("\n"));
}

#[test]
fn what_once_failed_holds() {
    let lines = include_str!("../regressions.txt").lines().filter(|line| !line.starts_with('#'));
    for line in lines {
        let mut numbers = line.split_whitespace().map_while(|word| word.parse::<u64>().ok());
        let (Some(number), steps) = (numbers.next(), numbers.next()) else { continue };
        let outcome = seed(number, steps.map_or(LENGTH, |steps| steps as usize), true);
        assert_eq!(outcome.broken, None, "seed {line}");
    }
}

#[test]
fn a_first_part_of_the_seeds_holds() {
    check(1..=SEEDS);
}

#[test]
fn a_second_part_of_the_seeds_holds() {
    check(SEEDS + 1..=2 * SEEDS);
}

#[test]
fn a_third_part_of_the_seeds_holds() {
    check(2 * SEEDS + 1..=3 * SEEDS);
}

#[test]
fn a_fourth_part_of_the_seeds_holds() {
    check(3 * SEEDS + 1..=4 * SEEDS);
}
