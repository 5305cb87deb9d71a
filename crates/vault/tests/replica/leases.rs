//! The lease that the centre signs: what counts, what does not, and that nothing else renews it.

use gladstone_model::Instant;
use gladstone_protocol::{Lease, SignedLease, wire::PullAnswer};
use gladstone_testkit::{Laptop, laptops};
use gladstone_vault::{
    keys::signing::SigningKey,
    replica::{LeaseTaken, Standing},
    surroundings::Surroundings,
};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::answers::{ACTOR, REALM, joined, nothing, pull, push};

const DAY: i64 = 86_400;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([seed; 32])).unwrap()
}

/// A lease as an honest centre gives it now.
fn lease(laptop: &Laptop, days: u16) -> Lease {
    let epoch = laptop.vault.replica().unwrap().unwrap().joined.epoch;
    Lease { realm: REALM, device: laptop.vault.state().device, epoch, issued: laptop.clock.now(), days }
}

fn signed(lease: Lease, seed: u8) -> SignedLease {
    lease.signed(&key(seed).public(), &key(seed))
}

/// Where it stands, and until when, in seconds.
fn standing(laptop: &Laptop) -> (Standing, i64) {
    let lease = laptop.vault.lease().unwrap().unwrap();
    (lease.standing(), lease.until.0 / 1_000_000)
}

/// What the clock will show then, in seconds.
fn seconds(from: Instant, later: i64) -> i64 {
    from.0 / 1_000_000 + later
}

#[test]
fn a_lease_counts_when_the_centre_signed_it_for_this_laptop_and_no_earlier_than_the_one_before() {
    let laptop = joined(1);
    let start = laptop.clock.now();
    assert_eq!(laptop.vault.take_lease(&signed(lease(&laptop, 3), 1)).unwrap(), LeaseTaken::Taken, "with the first one the key is taken");
    let until = seconds(start, 3 * DAY);
    laptop.clock.pass(3_600);
    let now = laptop.clock.now();
    let good = lease(&laptop, 30);
    let far = Instant(253_402_300_799_000_000);
    let check = |what: &str, given: SignedLease, expected: &str| {
        let taken = laptop.vault.take_lease(&given).unwrap();
        let LeaseTaken::Refused(why) = taken else { panic!("{what}: {taken:?}") };
        assert!(why.contains(expected), "{what}: {why}");
        assert_eq!(standing(&laptop).1, until, "{what}: the one of before goes on");
    };
    check("another key, named in the lease itself", signed(good, 2), "not signed");
    check("more days than were signed", SignedLease { lease: good, ..signed(lease(&laptop, 3), 1) }, "not signed");
    check("no signature", SignedLease { signature: String::new(), ..signed(good, 1) }, "not signed");
    check("for another laptop", signed(Lease { device: Uuid::from_u128(9), ..good }, 1), "another computer");
    check("for another organization", signed(Lease { realm: Uuid::from_u128(9), ..good }, 1), "another computer");
    check("of the year 9999", signed(Lease { issued: far, ..good }, 1), "cannot be");
    check("of the year 1970", signed(Lease { issued: Instant(0), ..good }, 1), "cannot be");
    check("for no day", signed(Lease { days: 0, ..good }, 1), "cannot be");
    check("for 31 days", signed(Lease { days: 31, ..good }, 1), "cannot be");
    check("an hour older, of 30 days", signed(Lease { issued: start.plus_seconds(-3_600), ..good }, 1), "older");
    assert_eq!(laptop.vault.take_lease(&signed(Lease { epoch: Uuid::from_u128(7), ..good }, 1)).unwrap(), LeaseTaken::NotYet, "of a history that is not known yet");
    assert_eq!(standing(&laptop).1, until);
    let refusals = laptop.vault.sync_log().unwrap().iter().filter(|line| line.line.contains("is not taken")).count();
    assert_eq!(refusals, 10, "each refusal is told");
    assert_eq!(laptop.vault.take_lease(&signed(good, 1)).unwrap(), LeaseTaken::Taken);
    assert_eq!(standing(&laptop).1, seconds(now, 30 * DAY), "a good one counts from when it was given");
    assert_eq!(laptop.vault.take_lease(&signed(lease(&laptop, 1), 1)).unwrap(), LeaseTaken::Taken);
    assert_eq!(standing(&laptop).1, seconds(now, DAY), "also when it is shorter");
    let laptop = laptop.reopened();
    assert_eq!(laptop.vault.take_lease(&signed(good, 2)).unwrap(), LeaseTaken::Refused("it is not signed by the centre that this computer joined"), "the key is kept");
}

#[test]
fn once_the_centre_signs_leases_nothing_else_renews_them() {
    let laptop = joined(2);
    let contact = |laptop: &Laptop, g: u64| {
        push(laptop, |_| unreachable!("nothing waits"));
        pull(laptop, PullAnswer { server_time: laptop.clock.now(), ..nothing(laptop, g) });
    };
    laptop.clock.pass(5 * DAY);
    contact(&laptop, 11);
    let by_contact = seconds(laptop.clock.now(), 7 * DAY);
    assert_eq!(standing(&laptop), (Standing::Running, by_contact), "before, each contact did");
    let given = laptop.clock.now();
    laptop.vault.take_lease(&signed(lease(&laptop, 7), 1)).unwrap();
    laptop.clock.pass(5 * DAY);
    contact(&laptop, 12);
    assert_eq!(standing(&laptop), (Standing::Running, seconds(given, 7 * DAY)), "contact alone does not");
    laptop.clock.pass(3 * DAY);
    contact(&laptop, 13);
    assert_eq!(standing(&laptop).0, Standing::Over);
    laptop.vault.break_glass(Uuid::from_u128(5), "An emergency.").unwrap();
    laptop.clock.pass(40 * DAY);
    assert_eq!(standing(&laptop).0, Standing::Locked);
    laptop.vault.take_lease(&signed(lease(&laptop, 7), 1)).unwrap();
    assert_eq!(standing(&laptop), (Standing::Running, seconds(laptop.clock.now(), 7 * DAY)), "a lease does");
    assert!(laptop.vault.lease().unwrap().unwrap().glass.is_empty(), "and the glass is whole again");
}

#[test]
fn a_clock_that_was_far_ahead_is_put_right_by_a_lease() {
    let laptop = joined(3);
    let given = laptop.clock.now();
    laptop.vault.take_lease(&signed(lease(&laptop, 7), 1)).unwrap();
    laptop.clock.pass(400 * DAY);
    laptop.vault.note_time().unwrap();
    laptop.clock.pass(-400 * DAY);
    assert_eq!(standing(&laptop).0, Standing::Locked, "time does not go back by itself");
    laptop.clock.pass(60);
    laptop.vault.take_lease(&signed(lease(&laptop, 7), 1)).unwrap();
    assert_eq!(standing(&laptop), (Standing::Running, seconds(given, 60 + 7 * DAY)), "the centre says what time it is");
}

#[test]
fn who_joins_anew_takes_the_key_anew_and_another_history_begins_another_count() {
    let laptop = joined(4);
    laptop.vault.take_lease(&signed(lease(&laptop, 7), 1)).unwrap();
    let other = Uuid::from_u128(0xe2);
    laptop.clock.pass(3_600);
    let before = Lease { epoch: other, issued: Instant(laptop.clock.now().0 - 1_800_000_000), ..lease(&laptop, 5) };
    pull(&laptop, PullAnswer { epoch: other, ..nothing(&laptop, 9) });
    assert_eq!(laptop.vault.take_lease(&signed(before, 1)).unwrap(), LeaseTaken::Taken, "a centre that was put back may have gone back in time");
    laptop.vault.join(&laptops::joined(REALM, ACTOR)).unwrap();
    assert_eq!(laptop.vault.take_lease(&signed(lease(&laptop, 7), 2)).unwrap(), LeaseTaken::Taken, "a code in somebody's hand names the centre anew");
}

#[test]
fn a_computer_that_goes_on_as_one_of_its_own_has_a_key_pair_of_its_own() {
    let laptop = joined(5);
    let copy = laptop.cloned(55);
    copy.register("Rosa Example").unwrap();
    let (former, device) = (copy.vault.public_key(), copy.vault.state().device);
    assert_eq!(former, laptop.vault.public_key(), "a copy has the key of the other one");
    copy.vault.begin_as_new_device().unwrap();
    let own = copy.vault.public_key();
    assert_ne!(own, former, "and then one of its own");
    assert_ne!(copy.vault.state().device, device);
    let message = b"gladstone session v1";
    let signed_by = |laptop: &Laptop, key: &[u8; 32]| ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, key).verify(message, &laptop.vault.sign(message)).is_ok();
    assert!(signed_by(&copy, &own) && !signed_by(&copy, &former), "it cannot sign for the other one any more");
    copy.vault.begin_as_new_device().unwrap();
    assert_eq!(copy.vault.public_key(), own, "doing it again before it has joined changes nothing");
    copy.register("Sam Example").unwrap();
    copy.vault.verify(&mut |_, _| true).unwrap();
    let entries = copy.vault.next_push().unwrap().envelopes;
    assert!(entries.iter().all(|envelope| gladstone_protocol::seal::open(&envelope.bytes, &envelope.hash, &envelope.signature.0, &own).is_ok()), "all that is sent carries the new signature");
    let copy = copy.reopened();
    assert_eq!(copy.vault.public_key(), own, "it is kept");
    copy.vault.verify(&mut |_, _| true).unwrap();
    let seeds = copy.count("SELECT count(*) FROM vault_state") + copy.count("SELECT count(*) FROM former_key WHERE length(public_key) = 32");
    assert_eq!(seeds, 2, "of the former key the public half is left, to check what it signed");
    laptop.vault.verify(&mut |_, _| true).unwrap();
}
