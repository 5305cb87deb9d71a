//! Kills while answers of a centre are taken in: what lies there then is the state after one of
//! the answers, with no half of another, and the vault opens without an alarm.

use std::{fs, path::Path};

use gladstone_model::{Unit, Value, unit::UnitKind};
use gladstone_protocol::{
    Writer, codec,
    wire::{Change, Dropped, Granted, Page, PullAnswer, RowChange, RowImage, RowNews},
};
use gladstone_testkit::{Image, Laptop, dice, laptops, reexec, saves, traced, vaults};
use gladstone_vault::Vault;
use uuid::Uuid;

use crate::{expect_none, kill::at_points, report};

const REALM: Uuid = Uuid::from_u128(0x5ea1);
const ACTOR: Uuid = Uuid::from_u128(7);

/// Answers that bring two persons in parts, change them, and take one away again.
fn answers() -> Vec<PullAnswer> {
    let colleague = Laptop::new(55, Uuid::from_u128(8));
    let persons: Vec<Uuid> = (0..2).map(|number| colleague.register(&format!("Person {number}")).unwrap()).collect();
    let unit = |id: Uuid| Unit { kind: UnitKind::Person, id };
    let rows = |person: Uuid| -> Vec<RowImage> {
        for day in 0..12 {
            colleague.mood(person, day, 5).unwrap();
        }
        colleague.view().into_values().filter(|row| row.unit == unit(person)).collect()
    };
    let nothing = |to_g: u64| PullAnswer::bare(laptops::joined(REALM, ACTOR).epoch, to_g, gladstone_model::Instant(1_795_000_000_000_000));
    let grant = |person: Uuid, at_g: u64, page: Option<Page>, complete: bool| Granted { unit: unit(person), at_g, pages: page.into_iter().collect(), complete };
    let change = |g: u64, row: &RowImage, title: &str| {
        let mut image = row.clone();
        let at = image.values.iter().position(|(_, value)| matches!(value, Value::Text(_))).unwrap();
        image.values[at].1 = Value::text(title);
        let writer = Writer { mutation: Uuid::from_u128(u128::from(g)), hlc: 0, actor: Uuid::nil(), device: Uuid::from_u128(9), wall: gladstone_model::Instant(0) };
        Change { g, writer, command: "change".into(), rows: vec![RowChange { key: image.key, unit: image.unit, news: RowNews::Whole(image) }] }
    };
    let (first, second) = (rows(persons[0]), rows(persons[1]));
    let (half, rest) = second.split_at(6);
    let page = Page::new(None, half.to_vec()).unwrap();
    let last = Page::new(Some(page.to), rest.to_vec());
    vec![
        PullAnswer { more: true, grants: vec![grant(persons[0], 10, Page::new(None, first.clone()), true)], ..nothing(10) },
        PullAnswer { more: true, grants: vec![grant(persons[1], 12, Some(page), false)], changes: (11..13).map(|g| change(g, &first[g as usize % 5], "changed")).collect(), ..nothing(12) },
        PullAnswer { changes: vec![change(13, &second[1], "staged")], grants: vec![grant(persons[1], 13, last, true)], ..nothing(13) },
        PullAnswer { changes: (14..20).map(|g| change(g, &second[g as usize % 5], &format!("again {g}"))).collect(), ..nothing(19) },
        PullAnswer { drops: vec![Dropped { unit: unit(persons[0]), reason: "Handed over.".into() }], ..nothing(20) },
    ]
}

/// Takes in the answers that lie beside the vault and are still to come.
fn take_all(vault: &Vault, folder: &Path, each: &mut dyn FnMut(u64)) {
    for number in 0.. {
        let Ok(bytes) = fs::read(folder.join(format!("answer-{number}"))) else { return };
        let answer: PullAnswer = codec::decode(&bytes).unwrap();
        let asked = vault.pull_request().unwrap();
        if asked.from_g < answer.to_g {
            vault.take_pull(&asked, answer).unwrap();
            each(vault.pull_request().unwrap().from_g);
        }
    }
}

/// What is shown and held, as one text.
fn stand(vault: &Vault) -> String {
    let replica = vault.replica().unwrap().unwrap();
    format!("{} {} {}", saves::stand(&vault.state()), replica.units, replica.incomplete)
}

#[test]
fn a_kill_while_answers_are_taken_in_leaves_the_state_after_one_of_them() {
    if let Some(folder) = reexec::part() {
        let unlocked = vaults::unlock(&folder).unwrap();
        reexec::say(traced::BEGIN);
        take_all(&unlocked.vault, &folder, &mut |g| reexec::say(format_args!("taken {g}")));
        return;
    }
    let made = vaults::make();
    saves::save_all(&made.unlocked.vault, 0..6);
    made.unlocked.vault.join(&laptops::joined(REALM, ACTOR)).unwrap();
    made.unlocked.lock().unwrap();
    for (number, answer) in answers().iter().enumerate() {
        fs::write(made.folder.path().join(format!("answer-{number}")), codec::encode(answer).unwrap()).unwrap();
    }
    let base = Image::of(made.folder.path());
    // The stand after each checkpoint, from a run that nobody kills.
    let (folder, mut stands) = (base.unpack(), std::collections::BTreeMap::new());
    let unlocked = vaults::unlock(folder.path()).unwrap();
    stands.insert(0, stand(&unlocked.vault));
    take_all(&unlocked.vault, folder.path(), &mut |g| drop(stands.insert(g, stand(&unlocked.vault))));
    let end = stands.values().last().unwrap().clone();
    assert_eq!(stands.len(), 6, "each answer moves the checkpoint");
    let name = "pulling::a_kill_while_answers_are_taken_in_leaves_the_state_after_one_of_them";
    let (points, count, broken) = at_points(&base, name, dice::size(4, 1), |left| {
        let folder = left.image.unpack();
        let unlocked = crate::unlocked(folder.path())?;
        let said: u64 = left.said.iter().rev().find_map(|line| line.strip_prefix("taken ")?.parse().ok()).unwrap_or(0);
        let from_g = unlocked.vault.pull_request().map_err(|error| error.to_string())?.from_g;
        let next = stands.range(said + 1..).next().map_or(said, |(g, _)| *g);
        if from_g != said && from_g != next {
            return Err(format!("checkpoint {from_g}, where {said} was acknowledged"));
        }
        if stand(&unlocked.vault) != stands[&from_g] {
            return Err(format!("at checkpoint {from_g} it is another state than without a kill"));
        }
        unlocked.vault.verify(&mut |_, _| true).map_err(|error| error.to_string())?;
        take_all(&unlocked.vault, folder.path(), &mut |_| {});
        if stand(&unlocked.vault) == end { Ok(()) } else { Err("going on leads elsewhere".into()) }
    });
    report(format_args!("kills while pulling: {count} of {points} points"));
    assert!(points > 100, "the trace saw the writes: {points}");
    expect_none(&broken, count, "kills left half an answer");
}
