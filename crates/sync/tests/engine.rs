//! The state machine by tables of events, and by chance.

use gladstone_model::Instant;
use gladstone_protocol::ApiError;
use gladstone_sync::engine::{Engine, Fault, Input, LONGEST_BACKOFF_MS, Now, Output, Phase, Pulled, Pushed, SHORTEST_BACKOFF_MS, Trouble, WATCHDOG_MS};
use proptest::prelude::*;

/// An engine with a clock, that remembers which flight is under way and when it wants to be woken.
struct Bench {
    engine: Engine,
    millis: u64,
    flight: Option<Output>,
    wake: Option<u64>,
    landed: Vec<&'static str>,
}

impl Bench {
    fn new() -> Bench {
        Bench { engine: Engine::default(), millis: 1_000_000, flight: None, wake: None, landed: Vec::new() }
    }

    fn started() -> Bench {
        let mut bench = Bench::new();
        bench.give(Input::Start);
        bench
    }

    /// A bench whose first round is over.
    fn idle() -> Bench {
        let mut bench = Bench::started();
        bench.push(Ok(pushed(0))).pull(Ok(pulled(false)));
        assert_eq!(bench.phase(), Phase::Idle, "the first round is over");
        bench
    }

    fn give(&mut self, input: Input) -> &mut Bench {
        let landing = matches!(input, Input::SignedIn(..) | Input::PushDone(..) | Input::PullDone(..));
        if landing {
            self.flight = None;
        }
        let random = (self.millis as u32).wrapping_mul(2_654_435_761);
        for output in self.engine.step(Now { millis: self.millis, wall: Instant(self.millis as i64 * 1_000), random }, input) {
            match output {
                Output::SignIn(_) | Output::Push(..) | Output::Pull(_) => {
                    assert_eq!(self.flight, None, "one flight at a time");
                    self.landed.push(match output {
                        Output::SignIn(_) => "sign in",
                        Output::Push(..) => "push",
                        _ => "pull",
                    });
                    self.flight = Some(output);
                }
                Output::Abandon(_) => self.flight = None,
                Output::WakeAt(at) => self.wake = Some(at),
                Output::Tell(status) => assert_eq!(&status, self.engine.status(), "what is told is what stands"),
            }
        }
        self
    }

    fn number(&self) -> u64 {
        match self.flight {
            Some(Output::SignIn(number) | Output::Push(number, _) | Output::Pull(number)) => number,
            _ => 0,
        }
    }

    fn sign_in(&mut self, result: Result<(), Fault>) -> &mut Bench {
        assert!(matches!(self.flight, Some(Output::SignIn(_))), "signing in, not {:?}", self.flight);
        let number = self.number();
        self.give(Input::SignedIn(number, result))
    }

    fn push(&mut self, result: Result<Pushed, Fault>) -> &mut Bench {
        assert!(matches!(self.flight, Some(Output::Push(..))), "sending, not {:?}", self.flight);
        let number = self.number();
        self.give(Input::PushDone(number, result))
    }

    fn pull(&mut self, result: Result<Pulled, Fault>) -> &mut Bench {
        assert!(matches!(self.flight, Some(Output::Pull(_))), "fetching, not {:?}", self.flight);
        let number = self.number();
        self.give(Input::PullDone(number, result))
    }

    /// Lets the clock run to the moment at which the engine wants to be woken.
    fn wake(&mut self) -> &mut Bench {
        self.millis = self.millis.max(self.wake.expect("something is to come"));
        self.give(Input::Tick)
    }

    fn phase(&self) -> Phase {
        self.engine.status().phase
    }

    fn wait(&self) -> u64 {
        self.wake.unwrap() - self.millis
    }
}

fn pushed(waiting: u64) -> Pushed {
    Pushed { waiting, more: waiting > 0, progress: true, trouble: None }
}

fn troubled(trouble: Trouble) -> Result<Pushed, Fault> {
    Ok(Pushed { waiting: 1, more: true, progress: false, trouble: Some(trouble) })
}

fn pulled(more: bool) -> Pulled {
    Pulled { more, progress: true, ..Pulled::default() }
}

fn api(error: ApiError) -> Fault {
    Fault::Api(error)
}

#[test]
fn a_round_sends_until_nothing_waits_and_fetches_until_nothing_more_comes() {
    let mut bench = Bench::started();
    bench.push(Ok(pushed(3))).push(Ok(pushed(0))).pull(Ok(pulled(true))).pull(Ok(pulled(false)));
    assert_eq!(bench.landed, ["push", "push", "pull", "pull"]);
    assert_eq!((bench.phase(), bench.engine.status().waiting), (Phase::Idle, Some(0)));
    assert_eq!(bench.engine.status().last_sync, Some(Instant(1_000_000_000)), "when it was over");
    assert!((45_000..=75_000).contains(&bench.wait()), "the next round in about a minute: {}", bench.wait());
    bench.wake();
    let mut rounds = 0;
    while matches!(bench.flight, Some(Output::Pull(_))) {
        rounds += 1;
        bench.pull(Ok(pulled(false))).wake();
    }
    assert!(matches!(bench.flight, Some(Output::Push(..))), "a round of its own accord begins with a contact");
    assert!((10..=20).contains(&rounds), "once in a quarter of an hour, and the rounds in between only fetch: {rounds}");
}

#[test]
fn each_failure_has_its_own_phase_and_its_own_wait() {
    let check = |error: ApiError, phase: Phase, least: u64, most: u64| {
        let mut bench = Bench::started();
        bench.push(Err(api(error.clone())));
        if phase == Phase::SignedOut {
            bench.sign_in(Err(api(error.clone())));
        }
        assert_eq!(bench.phase(), phase, "{error:?}");
        assert!((least..=most).contains(&bench.wait()), "{error:?} waits {} ms", bench.wait());
        assert_eq!(bench.engine.status().message.is_some(), !phase.is_under_way(), "{error:?} is told");
    };
    check(ApiError::Offline, Phase::Offline, SHORTEST_BACKOFF_MS, 4_000);
    check(ApiError::Damaged, Phase::Disturbed, SHORTEST_BACKOFF_MS, 4_000);
    check(ApiError::Later { after_ms: 1_000 }, Phase::Sending, 1_000, 1_250);
    check(ApiError::Later { after_ms: 20_000 }, Phase::Busy, 20_000, 25_000);
    check(ApiError::Later { after_ms: u64::MAX }, Phase::Busy, LONGEST_BACKOFF_MS, LONGEST_BACKOFF_MS * 5 / 4);
    check(ApiError::SignedOut, Phase::SignedOut, LONGEST_BACKOFF_MS, LONGEST_BACKOFF_MS);
    check(ApiError::Refused { code: "x".into(), text: "No.".into() }, Phase::Refused, LONGEST_BACKOFF_MS, LONGEST_BACKOFF_MS);
}

#[test]
fn what_a_person_has_to_decide_ends_the_rounds_until_somebody_asks() {
    let check = |result: Result<Pushed, Fault>, phase: Phase| {
        let mut bench = Bench::started();
        bench.push(result).give(Input::Changed).give(Input::News).give(Input::Online).give(Input::Tick);
        assert_eq!((bench.phase(), bench.flight.clone()), (phase, None), "nothing happens by itself");
        assert!(phase.needs_a_person());
        bench.give(Input::SyncNow);
        assert!(matches!(bench.flight, Some(Output::Push(..))), "{phase:?}: a person may try");
    };
    check(troubled(Trouble::Copy), Phase::Copy);
    check(troubled(Trouble::CentreOlder), Phase::CentreOlder);
    check(Err(api(ApiError::UpgradeRequired)), Phase::UpgradeRequired);
    check(Err(api(ApiError::Revoked)), Phase::Revoked);
}

#[test]
fn a_laptop_whose_right_has_ended_hands_over_what_waits_and_fetches_nothing_more() {
    let mut bench = Bench::started();
    bench.push(Ok(pushed(0))).pull(Err(api(ApiError::Revoked))).push(Ok(pushed(7))).push(Ok(pushed(0)));
    assert_eq!((bench.phase(), bench.flight.clone()), (Phase::Revoked, None));
    assert_eq!(bench.landed, ["push", "pull", "push", "push"]);
    let mut bench = Bench::started();
    bench.push(Ok(pushed(0))).pull(Err(api(ApiError::Revoked))).push(Err(api(ApiError::Offline)));
    assert_eq!(bench.phase(), Phase::Offline, "a broken connection does not end the handing over");
    bench.wake().push(Ok(pushed(2))).push(Ok(pushed(0))).pull(Err(api(ApiError::Revoked))).push(Ok(pushed(0)));
    assert_eq!(bench.phase(), Phase::Revoked);
}

#[test]
fn a_session_that_ended_in_the_middle_is_opened_anew_and_the_round_goes_on() {
    let mut bench = Bench::started();
    bench.push(Ok(pushed(0))).pull(Err(api(ApiError::SignedOut))).sign_in(Ok(())).pull(Ok(pulled(false)));
    assert_eq!((bench.phase(), bench.landed.as_slice()), (Phase::Idle, ["push", "pull", "sign in", "pull"].as_slice()));
    let mut bench = Bench::started();
    bench.push(Err(api(ApiError::SignedOut))).sign_in(Ok(())).push(Err(api(ApiError::SignedOut)));
    assert_eq!(bench.phase(), Phase::SignedOut, "a new session that is refused at once is not asked for again and again");
    let mut bench = Bench::started();
    bench.push(Err(api(ApiError::SignedOut))).sign_in(Err(api(ApiError::Offline)));
    assert_eq!(bench.phase(), Phase::Offline, "no connection is not the same as no session");
}

#[test]
fn waits_double_up_to_five_minutes_and_a_person_or_a_network_ends_them() {
    let mut bench = Bench::started();
    let mut waits = Vec::new();
    for _ in 0..12 {
        bench.push(Err(api(ApiError::Offline)));
        waits.push(bench.wait());
        bench.wake();
    }
    assert!(waits.iter().all(|wait| (SHORTEST_BACKOFF_MS..=LONGEST_BACKOFF_MS).contains(wait)), "{waits:?}");
    assert!(waits[0] <= 4_000 && waits[11] >= LONGEST_BACKOFF_MS / 2, "{waits:?}");
    bench.push(Err(api(ApiError::Offline))).give(Input::Changed);
    assert_eq!(bench.flight, None, "a change does not hammer at a centre that is away");
    bench.give(Input::Online);
    assert!(bench.wait() <= 1_000, "a network that is back: {}", bench.wait());
    bench.wake().push(Err(api(ApiError::Offline))).give(Input::SyncNow);
    assert!(matches!(bench.flight, Some(Output::Push(..))), "at once when a person asks");
}

#[test]
fn a_change_is_sent_at_once_and_many_changes_are_sent_together() {
    let mut bench = Bench::idle();
    bench.landed.clear();
    bench.give(Input::Changed).give(Input::Changed).give(Input::Changed);
    bench.push(Ok(pushed(0))).pull(Ok(pulled(false)));
    assert!(bench.wait() == 0, "what came meanwhile gets a round of its own: {}", bench.wait());
    bench.wake().push(Ok(pushed(0))).pull(Ok(pulled(false)));
    assert_eq!(bench.landed, ["push", "pull", "push", "pull"]);
    let mut rounds = 0;
    let began = bench.millis;
    while bench.millis < began + 60_000 {
        bench.give(Input::Changed);
        if bench.flight.is_some() {
            rounds += 1;
            bench.push(Ok(pushed(0))).pull(Ok(pulled(false)));
        }
        bench.millis += 100;
        if bench.wake.is_some_and(|at| at <= bench.millis) {
            bench.give(Input::Tick);
            if bench.flight.is_some() {
                rounds += 1;
                bench.push(Ok(pushed(0))).pull(Ok(pulled(false)));
            }
        }
    }
    assert!((20..=32).contains(&rounds), "somebody who types for a minute causes {rounds} rounds");
}

#[test]
fn news_are_fetched_without_a_contact() {
    let mut bench = Bench::idle();
    bench.landed.clear();
    bench.give(Input::News).pull(Ok(pulled(false)));
    assert_eq!((bench.phase(), bench.landed.as_slice()), (Phase::Idle, ["pull"].as_slice()));
}

#[test]
fn a_flight_that_takes_too_long_is_given_up_and_its_answer_is_not_taken() {
    let mut bench = Bench::started();
    let late = bench.number();
    bench.millis += WATCHDOG_MS - 1;
    bench.give(Input::Tick);
    assert!(bench.engine.expects(late), "not yet");
    bench.millis += 1;
    bench.give(Input::Tick);
    assert_eq!(bench.phase(), Phase::Offline);
    assert!(!bench.engine.expects(late));
    bench.give(Input::PushDone(late, Ok(pushed(0))));
    assert_eq!(bench.phase(), Phase::Offline, "too late");
}

#[test]
fn what_is_too_large_or_too_slow_is_sent_in_smaller_parts() {
    let mut bench = Bench::started();
    let parts = |bench: &Bench| match bench.flight {
        Some(Output::Push(_, at_most)) => at_most,
        _ => 0,
    };
    assert_eq!(parts(&bench), 500);
    bench.push(Err(api(ApiError::TooLarge)));
    assert_eq!(parts(&bench), 250, "at once");
    bench.push(Err(api(ApiError::Offline))).wake();
    assert_eq!(parts(&bench), 125, "after a wait");
    bench.push(Ok(pushed(9)));
    assert_eq!(parts(&bench), 250, "and larger again");
    let mut bench = Bench::started();
    while bench.flight.is_some() {
        bench.push(Err(api(ApiError::TooLarge)));
    }
    assert_eq!(bench.phase(), Phase::Refused, "one entry that is too large is a matter for people");
}

#[test]
fn an_answer_that_changes_nothing_does_not_go_round_for_ever() {
    let mut bench = Bench::started();
    bench.push(Ok(Pushed { waiting: 0, more: true, progress: false, trouble: None }));
    assert_eq!(bench.phase(), Phase::Disturbed, "nothing was judged");
    let mut bench = Bench::started();
    bench.push(Ok(pushed(0))).pull(Ok(Pulled { more: true, ..Pulled::default() }));
    assert_eq!(bench.phase(), Phase::Disturbed, "more is promised and nothing comes");
}

#[test]
fn a_centre_with_another_history_is_sent_again_what_it_lacks_before_anything_else() {
    let mut bench = Bench::started();
    bench.push(Ok(pushed(0))).pull(Ok(Pulled { more: true, progress: true, waiting: 12, push_first: true, ..Pulled::default() })).push(Ok(pushed(0))).pull(Ok(pulled(false)));
    assert_eq!((bench.phase(), bench.landed.as_slice()), (Phase::Idle, ["push", "pull", "push", "pull"].as_slice()));
}

#[test]
fn two_centres_that_contradict_each_other_do_not_send_everything_to_and_fro() {
    let mut bench = Bench::started();
    for _ in 0..3 {
        bench.push(Ok(Pushed { trouble: Some(Trouble::OtherEpoch), ..pushed(1) }));
    }
    assert_eq!(bench.phase(), Phase::Disturbed, "a history that turns with every answer");
}

#[test]
fn a_centre_put_back_again_and_again_is_met_whenever_a_person_asks() {
    let mut bench = Bench::started();
    for round in 0..5 {
        bench.push(Ok(Pushed { trouble: Some(Trouble::OtherEpoch), ..pushed(1) })).push(Err(api(ApiError::Offline)));
        assert_eq!(bench.phase(), Phase::Offline, "round {round} is cut off before its end");
        bench.give(Input::SyncNow);
    }
    bench.push(Ok(pushed(0))).pull(Ok(pulled(false)));
    assert_eq!(bench.phase(), Phase::Idle);
}

#[test]
fn stopping_ends_the_flight_and_starting_begins_anew() {
    let mut bench = Bench::started();
    let late = bench.number();
    bench.give(Input::Stop);
    assert_eq!((bench.phase(), bench.flight.clone()), (Phase::Off, None));
    bench.give(Input::SyncNow).give(Input::Changed).give(Input::Tick);
    assert_eq!(bench.phase(), Phase::Off, "a stopped engine does nothing");
    bench.give(Input::Start);
    assert!(!bench.engine.expects(late), "numbers are not used again");
    bench.give(Input::Start).push(Ok(pushed(0))).pull(Ok(pulled(false)));
    assert_eq!(bench.phase(), Phase::Idle, "a second start changes nothing");
}

#[derive(Clone, Debug)]
enum Chance {
    Land(u8),
    Changed,
    News,
    SyncNow,
    Online,
    Offline,
    Pass(u32),
    Wake,
    StopStart,
}

fn chances() -> impl Strategy<Value = Vec<Chance>> {
    let chance = prop_oneof![
        6 => any::<u8>().prop_map(Chance::Land),
        2 => Just(Chance::Changed),
        1 => Just(Chance::News),
        1 => Just(Chance::SyncNow),
        1 => Just(Chance::Online),
        1 => Just(Chance::Offline),
        1 => (0_u32..200_000).prop_map(Chance::Pass),
        3 => Just(Chance::Wake),
        1 => Just(Chance::StopStart),
    ];
    proptest::collection::vec(chance, 0..120)
}

fn some_error(die: u8) -> Fault {
    match die % 8 {
        0 => api(ApiError::Offline),
        1 => api(ApiError::Damaged),
        2 => api(ApiError::Later { after_ms: u64::from(die) * 100 }),
        3 => api(ApiError::SignedOut),
        4 => api(ApiError::TooLarge),
        5 => api(ApiError::Refused { code: "x".into(), text: "No.".into() }),
        6 => api(ApiError::Revoked),
        _ => Fault::Local("The disk is full.".into()),
    }
}

/// Ends the flight under way, well or not.
fn land(bench: &mut Bench, die: u8, well: bool) {
    let number = bench.number();
    let well = well || die.is_multiple_of(2);
    let input = match bench.flight {
        Some(Output::SignIn(_)) => Input::SignedIn(number, if well { Ok(()) } else { Err(some_error(die / 2)) }),
        Some(Output::Push(..)) => Input::PushDone(number, if well { Ok(pushed(u64::from(die % 4 / 2))) } else { Err(some_error(die / 2)) }),
        Some(Output::Pull(_)) => Input::PullDone(number, if well { Ok(pulled(die.is_multiple_of(8))) } else { Err(some_error(die / 2)) }),
        _ => return,
    };
    bench.give(input);
}

proptest! {
    #[test]
    fn after_the_last_fault_it_comes_to_rest_and_never_has_two_flights(chances in chances()) {
        let mut bench = Bench::started();
        for chance in chances {
            match chance {
                Chance::Land(die) => land(&mut bench, die, false),
                Chance::Changed => drop(bench.give(Input::Changed)),
                Chance::News => drop(bench.give(Input::News)),
                Chance::SyncNow => drop(bench.give(Input::SyncNow)),
                Chance::Online => drop(bench.give(Input::Online)),
                Chance::Offline => drop(bench.give(Input::Offline)),
                Chance::Pass(millis) => {
                    bench.millis += u64::from(millis);
                    bench.give(Input::Tick);
                }
                Chance::Wake => if bench.wake.is_some() { bench.wake(); },
                Chance::StopStart => drop(bench.give(Input::Stop).give(Input::Start)),
            }
        }
        // No fault any more; a person asks where only a person may.
        let mut steps = 0;
        while bench.phase() != Phase::Idle {
            steps += 1;
            prop_assert!(steps < 40, "{:?} after {steps} steps", bench.engine.status());
            match (bench.flight.is_some(), bench.phase().needs_a_person()) {
                (true, _) => land(&mut bench, 1, true),
                (false, true) => drop(bench.give(Input::SyncNow)),
                (false, false) => drop(bench.wake()),
            }
        }
    }
}
