//! Kills while a change that the centre had put aside is changed and sent again: either it still lies
//! aside and nothing else waits, or another one waits in its place.

use gladstone_model::Value;
use gladstone_protocol::{Entry, Verdict, entry::Body, wire::{Judged, PushAnswer}};
use gladstone_testkit::{Image, dice, laptops, reexec, traced, vaults};
use gladstone_vault::{Vault, VaultError, replica::EntryState};
use uuid::Uuid;

use crate::{expect_none, kill::at_points, report, unlocked};

const TITLE: &str = "Mended";

/// The changes that were put aside: their places, and the persons that they write to.
fn put_aside(vault: &Vault) -> Vec<(u64, Uuid)> {
    let places = 1..=vault.state().dseq;
    let updates = places.filter_map(|dseq| match vault.entry(dseq).unwrap()? {
        Entry { body: Body::Mutation(mutation), .. } if mutation.command == "people.change" => Some((dseq, mutation.ops[0].id)),
        _ => None,
    });
    updates.collect()
}

#[test]
fn a_kill_while_a_change_is_mended_leaves_the_old_one_or_the_new_one_and_never_both() {
    if let Some(folder) = reexec::part() {
        let unlocked = vaults::unlock(&folder).unwrap();
        let aside = put_aside(&unlocked.vault);
        reexec::say(traced::BEGIN);
        for (dseq, person) in aside {
            unlocked.vault.commit::<_, VaultError>("people.mend", |tx| {
                tx.mends(dseq);
                tx.update("users", person, [("job_title", Value::text(TITLE))])
            }).unwrap();
            reexec::say(format_args!("mended {dseq}"));
        }
        return;
    }
    let made = vaults::make();
    let vault = &made.unlocked.vault;
    vault.join(&laptops::joined(Uuid::from_u128(0x5ea1), Uuid::from_u128(7))).unwrap();
    for number in 0..4 {
        let (person, _) = vault.commit::<_, VaultError>("people.register", |tx| tx.create("users", [("name", Value::text(&format!("Person {number}"))), ("role", "patient".into())])).unwrap();
        vault.commit::<_, VaultError>("people.change", |tx| tx.update("users", person, [("job_title", Value::text("Baker"))])).unwrap();
    }
    let aside = put_aside(vault);
    let asked = vault.next_push().unwrap();
    let judge = |dseq: u64| if aside.iter().any(|(other, _)| *other == dseq) { Verdict::Quarantined { code: "forbidden".into(), text: "No.".into() } } else { Verdict::Applied { g: dseq } };
    let verdicts = asked.envelopes.iter().map(|envelope| Entry::number_of(&envelope.bytes).unwrap()).map(|dseq| Judged { dseq, verdict: judge(dseq) }).collect();
    vault.take_push(&asked, &PushAnswer { epoch: asked.epoch, verdicts, server_time: gladstone_model::Instant(1_795_000_000_000_000), next_nonce: [2; 32] }).unwrap();
    assert_eq!(vault.waiting().unwrap().quarantined, 4);
    made.unlocked.lock().unwrap();
    let base = Image::of(made.folder.path());
    let name = "mending::a_kill_while_a_change_is_mended_leaves_the_old_one_or_the_new_one_and_never_both";
    let (points, count, broken) = at_points(&base, name, dice::size(3, 1), |left| {
        let folder = left.image.unpack();
        let unlocked = unlocked(folder.path())?;
        let vault = &unlocked.vault;
        let (mut mended, mut last) = (0, 0);
        for (at, (dseq, person)) in put_aside(vault).into_iter().enumerate() {
            let state = vault.entry_state(dseq).map_err(|error| error.to_string())?;
            let is_new = vault.read(|read| read.get("users", person)).map_err(|error| error.to_string())?.is_some_and(|row| row.text("job_title") == TITLE);
            match (state, is_new) {
                (Some(EntryState::Quarantined), false) => {}
                (Some(EntryState::Discarded), true) => (mended, last) = (mended + 1, at + 1),
                other => return Err(format!("entry {dseq} is {other:?}")),
            }
        }
        let said = left.said.iter().filter(|line| line.starts_with("mended")).count();
        let waiting = vault.waiting().map_err(|error| error.to_string())?;
        if (waiting.count, waiting.quarantined) != (mended, 4 - mended) || last as u64 != mended || mended < said as u64 {
            return Err(format!("{mended} of which {said} were acknowledged, and {waiting:?}"));
        }
        vault.verify(&mut |_, _| true).map(|_| ()).map_err(|error| error.to_string())
    });
    report(format_args!("kills while mending: {count} of {points} points"));
    assert!(points > 30, "the trace saw the writes: {points}");
    expect_none(&broken, count, "kills left both or neither");
}
