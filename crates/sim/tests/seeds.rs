//! Seeds: programs that once failed first, then as many as an ordinary run has time for; `cargo
//! xtask sim` runs more. Several tests, so that they run beside each other.

use gladstone_sim::{Engine, Numbers, Plan, Regression, Size, run, seed};

/// Seeds of one test; together they take about a minute on two processors.
const SEEDS: u64 = 40;

/// Runs seeds, and says what happened in all of them.
fn check(seeds: impl IntoIterator<Item = u64>) -> Numbers {
    let (mut numbers, mut broken) = (Numbers::default(), Vec::new());
    for number in seeds {
        let outcome = seed(Plan::of(number), false);
        numbers.add(&outcome.numbers);
        broken.extend(outcome.broken.map(|broken| format!("seed {number}: {broken}")));
    }
    assert!(broken.is_empty(), "{}\nLook at one with: cargo run -p gladstone-sim -- --from <seed> --minimise", broken.join("\n"));
    numbers
}

#[test]
fn what_once_failed_holds() {
    let kept = Regression::load(&Regression::folder()).unwrap();
    assert!(!kept.is_empty(), "what failed is kept");
    let check = |name: &str, regression: &Regression| regression.replay().broken.map(|broken| format!("{name} ({}): {broken}", regression.reason));
    let broken: Vec<String> = kept.iter().filter_map(|(name, regression)| check(name, regression)).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_failure_is_kept_and_comes_back_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::of(7);
    let kept = Regression { plan, invariant: 3, reason: "a value is gone".into(), program: plan.program() };
    kept.save(folder.path()).unwrap();
    assert_eq!(Regression::load(folder.path()).unwrap().into_iter().map(|(_, kept)| kept).collect::<Vec<_>>(), [kept]);
}

#[test]
fn two_runs_of_a_seed_are_the_same() {
    let differ: Vec<String> = [1, 4, 8, 20, 29, 33].into_iter().filter_map(|number| seed(Plan::of(number), true).broken.map(|broken| format!("seed {number}: {broken}"))).collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    let hash = |number: u64| run::run(Plan::of(number), &Plan::of(number).program(), None).hash();
    assert_eq!(hash(2), hash(2));
    assert_ne!(hash(2), hash(5), "and different seeds are different");
}

#[test]
fn the_centre_on_postgresql_does_the_same_as_on_files() {
    let check = |number: u64, size: Size| {
        let plan = Plan { seed: number, size, engine: Engine::Embedded };
        let on = |engine: Engine| run::run(Plan { engine, ..plan }, &plan.program(), None);
        let (files, database) = (on(Engine::Embedded), on(Engine::Postgres));
        assert_eq!(database.broken, None, "seed {number} on PostgreSQL");
        assert_eq!(files.broken, None, "seed {number} on files");
        assert_eq!(files.parts_from(&database), None, "seed {number}");
    };
    (300..306).for_each(|number| check(number, Size::Small));
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
fn every_kind_of_fault_comes_up_and_everything_is_compared() {
    let numbers = check(1_000..1_000 + 2 * SEEDS);
    assert_eq!(numbers.missing(), Vec::<&str>::new(), "kinds that never came up in {} steps", numbers.steps);
}
