//! Two laptops that were without a network meet the centre, in real windows.

use gladstone_tests::{Practice, Setting};

#[test]
fn two_laptops_that_worked_apart_end_in_step_and_the_one_true_conflict_is_decided() {
    let play = || -> Result<(), String> {
        let (clinician, trainer) = (Setting::new("two-laptops-a")?, Setting::new("two-laptops-b")?);
        let mut practice = Practice::open(&clinician, &trainer)?;
        practice.share_a_person()?;
        practice.work_without_a_network()?;
        practice.meet()?;
        practice.find_the_mark()?;
        practice.decide()?;
        practice.close()
    };
    if let Err(why) = play() {
        panic!("{why}");
    }
}
