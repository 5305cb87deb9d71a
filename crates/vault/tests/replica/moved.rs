//! What went out and came in stands in the log, in one line for a while.

use gladstone_testkit::Laptop;

use crate::{answers::sound, realm::{Realm, entrust, trainer}};

/// How long a line grows, in seconds.
const GROWS: i64 = 900;

/// The newest line of the log.
fn newest(laptop: &Laptop) -> String {
    laptop.vault.sync_log().unwrap().swap_remove(0).line
}

#[test]
fn what_is_sent_and_received_grows_in_one_line_for_a_quarter_of_an_hour() {
    let realm = Realm::new(31);
    let (amara, leila) = (trainer(&realm, 32, "Amara"), trainer(&realm, 33, "Leila"));
    // That a colleague joined came to her already.
    realm.sync(&amara);
    amara.clock.pass(2 * GROWS);
    let id = amara.register("Tomasz Wieczorek").unwrap();
    let mood = amara.mood(id, 1, 4).unwrap();
    let own = amara.vault.waiting().unwrap().count;
    realm.push(&amara);
    assert_eq!(newest(&amara), format!("Sent {own}."), "as many mutations as waited");
    realm.sync(&amara);
    assert_eq!(newest(&amara), format!("Sent {own}."), "what comes back is one's own");
    let lines = amara.vault.sync_log().unwrap().len();
    entrust(&amara, id, leila.vault.state().actor);
    realm.sync(&amara);
    assert_eq!(newest(&amara), format!("Sent {}.", own + 1), "the same line says it");
    assert_eq!(amara.vault.sync_log().unwrap().len(), lines);

    leila.clock.pass(2 * GROWS);
    let held = leila.base().len();
    realm.sync(&leila);
    let came = leila.base().len() - held;
    assert_eq!(newest(&leila), format!("Received {came}."), "each record of the person counts once");
    leila.set("mood_entries", mood, "overall_mood", gladstone_model::Value::Integer(6)).unwrap();
    realm.sync(&leila);
    assert_eq!(newest(&leila), format!("Sent 1, received {came}."), "both in one line");

    realm.sync(&amara);
    assert_eq!(newest(&amara), format!("Sent {}, received 1.", own + 1), "what another changed came");
    let told = amara.vault.sync_log().unwrap();
    realm.sync(&amara);
    assert_eq!(amara.vault.sync_log().unwrap(), told, "nothing moved, nothing is told");
    amara.clock.pass(GROWS + 1);
    amara.set("mood_entries", mood, "overall_mood", gladstone_model::Value::Integer(7)).unwrap();
    realm.sync(&amara);
    let now = amara.vault.sync_log().unwrap();
    assert_eq!(now[0].line, "Sent 1.", "a quarter of an hour later a line begins");
    assert_eq!(now[1..], told, "and what was told stays");
}

#[test]
fn an_answer_that_is_not_taken_leaves_no_line() {
    let realm = Realm::new(34);
    let amara = trainer(&realm, 35, "Amara");
    amara.clock.pass(2 * GROWS);
    let id = amara.register("Mei-Ling Chow").unwrap();
    let told = amara.vault.sync_log().unwrap();
    let asked = amara.vault.next_push().unwrap();
    let mut wrong = realm.ask_push(&amara).unwrap();
    wrong.verdicts[0].dseq += 100;
    assert!(amara.vault.take_push(&asked, &wrong).is_err(), "a verdict on what was not asked");
    assert_eq!(amara.vault.sync_log().unwrap(), told);
    let waits = amara.vault.waiting().unwrap().count;
    assert!(waits > 0, "and it goes on waiting");
    realm.push(&amara);
    assert_eq!(newest(&amara), format!("Sent {waits}."), "once the answer holds together");

    let told = amara.vault.sync_log().unwrap();
    entrust(&amara, id, amara.vault.state().actor);
    realm.push(&amara);
    let asked = amara.vault.pull_request().unwrap();
    let mut wrong = realm.ask_pull(&amara).unwrap();
    wrong.to_g = 0;
    assert!(amara.vault.take_pull(&asked, wrong).is_err(), "an answer that goes back");
    assert_eq!(newest(&amara), format!("Sent {}.", waits + 1));
    assert_eq!(amara.vault.sync_log().unwrap().len(), told.len());
    sound(&amara);
}
