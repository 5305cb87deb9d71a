//! Lies about what others wrote.

use std::sync::{Arc, Mutex};

use gladstone_model::{Instant, Unit, Value, unit::UnitKind};
use gladstone_protocol::{
    RowsDigest, Verdict,
    wire::{Basis, BlobRef, Dropped, Granted, Judged, Page, PullAnswer, PullRequest, RowNews, UnitDigest},
};
use gladstone_sync::Phase;
use uuid::Uuid;

use crate::{
    answers::{FAR, group, image, instead, person, stranger},
    liar::Lie,
    scene::{Row, Scene, check_all, key},
};

fn pull(change: impl Fn(&PullRequest, &mut PullAnswer) + 'static) -> Lie {
    Lie::Pull(Box::new(change))
}

const REFUSED: &[Phase] = &[Phase::Disturbed];
const TAKEN: &[Phase] = &[Phase::Idle];
/// Taken in, and noticed by the digests at the latest; or not even taken in.
const EITHER: &[Phase] = &[Phase::Idle, Phase::Disturbed];
/// The same where lies never end: the line goes dead.
const ANY: &[Phase] = &[Phase::Idle, Phase::Disturbed, Phase::Offline];

#[test]
fn lies_about_history_are_refused_or_healed() {
    check_all(false, history);
}

fn history(_: &Scene) -> Vec<Row> {
    let older: Arc<Mutex<Option<PullAnswer>>> = Arc::default();
    vec![
        ("history goes back", REFUSED, pull(|asked, answer| answer.to_g = asked.from_g.saturating_sub(1))),
        ("history goes back to the beginning", REFUSED, pull(|_, answer| answer.to_g = 0)),
        ("history goes on to the end of numbers", ANY, pull(|_, answer| answer.to_g = u64::MAX)),
        ("history goes on to the greatest signed number", ANY, pull(|_, answer| answer.to_g = i64::MAX as u64)),
        ("history runs ahead", ANY, pull(|_, answer| answer.to_g += 1_000)),
        ("the same checkpoint for ever", REFUSED, pull(|asked, answer| *answer = PullAnswer { to_g: asked.from_g, more: true, changes: Vec::new(), grants: Vec::new(), ..answer.clone() })),
        ("more and more for ever", ANY, pull(|_, answer| answer.more = true)),
        ("a gap: the last change is left out", EITHER, pull(|_, answer| _ = answer.changes.pop())),
        ("a gap: all changes are left out", EITHER, pull(|_, answer| answer.changes.clear())),
        ("a gap: changes are left out and digests too", TAKEN, pull(|_, answer| { answer.changes.clear(); answer.sum = None; })),
        ("changes in the wrong order", REFUSED, pull(|_, answer| answer.changes.reverse())),
        ("a change twice", REFUSED, pull(|_, answer| answer.changes.extend(answer.changes.last().cloned()))),
        ("a change behind the checkpoint", REFUSED, pull(|asked, answer| answer.changes.iter_mut().take(1).for_each(|change| change.g = asked.from_g))),
        ("a change from the future", REFUSED, pull(|_, answer| { let g = answer.to_g; answer.changes.iter_mut().for_each(|change| change.g = g + 1); })),
        ("a change at number 0", REFUSED, pull(|_, answer| answer.changes.iter_mut().for_each(|change| change.g = 0))),
        ("another history and not which", REFUSED, pull(|_, answer| answer.basis = Basis::OtherEpoch)),
        ("another history", ANY, pull(|_, answer| answer.epoch = Uuid::from_u128(0xe90d))),
        ("no history", ANY, pull(|_, answer| answer.epoch = Uuid::nil())),
        ("away for too long, and it is not true", ANY, pull(|_, answer| answer.basis = Basis::TooOld)),
        ("an old answer once more", ANY, pull({
            let older = Arc::clone(&older);
            move |_, answer| *answer = older.lock().unwrap().get_or_insert_with(|| answer.clone()).clone()
        })),
        ("that answer in a later round", REFUSED, pull({
            let older = Arc::clone(&older);
            move |_, answer| *answer = older.lock().unwrap().clone().unwrap()
        })),
        ("a verdict on what was never written", REFUSED, pull(|_, answer| answer.verdicts.push(Judged { dseq: u64::MAX, verdict: Verdict::Applied { g: 1 } }))),
        ("a verdict on number 0", REFUSED, pull(|_, answer| answer.verdicts.push(Judged { dseq: 0, verdict: Verdict::Applied { g: 1 } }))),
        ("10,001 verdicts", REFUSED, pull(|_, answer| answer.verdicts = vec![Judged { dseq: 1, verdict: Verdict::Fork }; 10_001])),
        ("a clock in the year 9999", TAKEN, pull(|_, answer| answer.server_time = FAR)),
        ("a clock at the beginning of time", TAKEN, pull(|_, answer| answer.server_time = Instant(i64::MIN))),
        ("stamps at the end of time", TAKEN, pull(|_, answer| answer.changes.iter_mut().for_each(|change| change.writer.hlc = u64::MAX))),
        ("1,000 files of endless size", TAKEN, pull(|_, answer| answer.blobs = (0..1_000_u16).map(|at| BlobRef { hash: [at as u8; 32], size: u64::MAX }).collect())),
        ("1,001 files", REFUSED, pull(|_, answer| answer.blobs = vec![BlobRef { hash: [0; 32], size: 1 }; 1_001])),
        ("wrong digests", ANY, pull(|_, answer| { answer.sum = Some(RowsDigest::default()); answer.digests.iter_mut().for_each(|told| told.digest = RowsDigest::default()); })),
        ("a wrong sum, and right digests", TAKEN, pull(|_, answer| answer.sum = Some(RowsDigest::default()))),
        ("a wrong sum, and no digests", TAKEN, pull(|_, answer| { answer.sum = Some(RowsDigest::default()); answer.digests.clear(); })),
        ("a wrong sum, and digests from the beginning again and again", ANY, pull(|_, answer| { answer.sum = Some(RowsDigest::default()); answer.digests = vec![UnitDigest { unit: gladstone_model::Unit::PLATFORM, digest: RowsDigest::default() }]; })),
        ("digests of units that are not held", TAKEN, pull(|_, answer| answer.digests.push(UnitDigest { unit: stranger(), digest: RowsDigest::default() }))),
        ("no sum", TAKEN, pull(|_, answer| answer.sum = None)),
        ("an answer that is only a head", REFUSED, Lie::PullBytes(Box::new(|bytes| bytes.truncate(7)))),
        ("an answer of another kind", REFUSED, Lie::PullBytes(Box::new(|bytes| bytes[6] = 2))),
        ("a page of a guest network", REFUSED, Lie::PullBytes(Box::new(|bytes| *bytes = b"<html>Welcome. Accept our terms.</html>".to_vec()))),
    ]
}

#[test]
fn lies_about_units_are_refused_or_healed() {
    check_all(true, units);
}

fn units(scene: &Scene) -> Vec<Row> {
    let (known, actor) = (scene.person, scene.victim.vault.state().actor);
    let foreign = |complete: bool| {
        move |_: &PullRequest, answer: &mut PullAnswer| {
            let row = image("users", stranger().id, stranger(), &[("name", "Nobody".into()), ("role", "patient".into())]);
            answer.grants.push(Granted { unit: stranger(), at_g: answer.to_g, pages: Page::new(None, vec![row]).into_iter().collect(), complete });
        }
    };
    let pages = |change: fn(&mut Granted)| pull(move |_, answer| answer.grants.iter_mut().filter(|granted| !granted.pages.is_empty()).for_each(change));
    vec![
        ("a unit of somebody else", TAKEN, pull(foreign(true))),
        ("a unit of somebody else without an end", ANY, pull(foreign(false))),
        ("a unit twice", REFUSED, pull(|_, answer| answer.grants.extend(answer.grants.clone()))),
        ("a unit from the future", REFUSED, pull(|_, answer| answer.grants.iter_mut().for_each(|granted| granted.at_g = u64::MAX))),
        ("a page with a wrong hash", REFUSED, pages(|granted| granted.pages[0].hash[0] ^= 1)),
        ("a page with another row", REFUSED, pages(|granted| granted.pages[0].rows[0].row_mid = Uuid::from_u128(0xbad))),
        ("a page that lacks a row", REFUSED, pages(|granted| _ = granted.pages[0].rows.pop())),
        ("a page that begins in the middle", REFUSED, pages(|granted| granted.pages[0].after = Some(key("organizations", Uuid::nil())))),
        ("a page that ends elsewhere", REFUSED, pages(|granted| granted.pages[0].to = key("users", Uuid::max()))),
        ("a page twice", REFUSED, pages(|granted| granted.pages.push(granted.pages[0].clone()))),
        ("a page in the wrong order, with its own hash", REFUSED, pages(|granted| {
            let mut rows = granted.pages[0].rows.clone();
            rows.reverse();
            granted.pages = Page::new(None, rows).into_iter().collect();
        })),
        ("a row of another unit in a page", REFUSED, pages(|granted| {
            let mut rows = granted.pages[0].rows.clone();
            rows[0].unit = stranger();
            granted.pages = Page::new(None, rows).into_iter().collect();
        })),
        ("pages of which rows were left out", ANY, pages(|granted| granted.pages.clear())),
        ("an empty unit that is not complete", ANY, pages(|granted| { granted.pages.clear(); granted.complete = false; })),
        ("a unit is left out", TAKEN, pull(|_, answer| answer.grants.clear())),
        ("a unit is taken twice", REFUSED, pull(|_, answer| answer.drops = vec![Dropped { unit: stranger(), reason: String::new() }; 2])),
        ("a unit is taken that was never here", TAKEN, pull(|_, answer| answer.drops.push(Dropped { unit: stranger(), reason: "x".repeat(10_000) }))),
        ("a person is taken away", ANY, pull(move |_, answer| answer.drops.push(Dropped { unit: person(known), reason: "Because.".into() }))),
        ("the reference data is taken away", ANY, pull(|_, answer| answer.drops.push(Dropped { unit: Unit::PLATFORM, reason: "Because.".into() }))),
        ("one's own account is taken away", ANY, pull(move |_, answer| answer.drops.push(Dropped { unit: Unit { kind: UnitKind::Account, id: actor }, reason: "Because.".into() }))),
        ("a unit is given and taken at once", ANY, pull(|_, answer| {
            let given = answer.grants.iter().map(|granted| Dropped { unit: granted.unit, reason: "Because.".into() });
            answer.drops.extend(given.collect::<Vec<_>>());
        })),
    ]
}

#[test]
fn lies_about_rows_are_refused_or_healed() {
    check_all(false, rows);
}

fn rows(scene: &Scene) -> Vec<Row> {
    let (known, mood) = (scene.person, scene.mood);
    let unit = person(known);
    let whole = move |entity: &'static str, id: Uuid, values: Vec<(&'static str, Value)>| pull(move |_, answer| instead(answer, unit, key(entity, id), RowNews::Whole(image(entity, id, unit, &values))));
    let news = move |entity: &'static str, id: Uuid, news: RowNews| pull(move |_, answer| instead(answer, unit, key(entity, id), news.clone()));
    let bent = move |change: fn(&mut gladstone_protocol::wire::RowImage)| {
        pull(move |_, answer| {
            let mut row = image("users", known, unit, &[("name", "Rosa Example".into()), ("role", "patient".into())]);
            change(&mut row);
            instead(answer, unit, key("users", known), RowNews::Whole(row));
        })
    };
    let made_up = Uuid::from_u128(0xbad3);
    vec![
        ("a unit that is not held", REFUSED, pull(move |_, answer| instead(answer, stranger(), key("users", known), group("users", "job_title", "X".into())))),
        ("a row under another key", REFUSED, pull(move |_, answer| instead(answer, unit, key("mood_entries", mood), RowNews::Whole(image("users", known, unit, &[]))))),
        ("a row of another unit", REFUSED, pull(move |_, answer| instead(answer, unit, key("users", known), RowNews::Whole(image("users", known, stranger(), &[]))))),
        ("a row without a mutation", REFUSED, bent(|row| row.row_mid = Uuid::nil())),
        ("a field twice", REFUSED, bent(|row| row.values.insert(0, row.values[0].clone()))),
        ("fields in the wrong order", REFUSED, bent(|row| row.values.reverse())),
        ("a field with number 0", REFUSED, bent(|row| row.values.insert(0, (0, Value::Null)))),
        ("513 fields", REFUSED, bent(|row| row.values = (1..=513).map(|no| (no, Value::Null)).collect())),
        ("groups in the wrong order", REFUSED, bent(|row| row.group_mids = vec![(9, Uuid::from_u128(1)), (3, Uuid::from_u128(1))])),
        ("another id inside", REFUSED, bent(|row| row.values[0].1 = Uuid::from_u128(4).into())),
        ("a row without its id", REFUSED, bent(|row| row.values.clear())),
        ("a row made up", ANY, whole("mood_entries", made_up, vec![("user_id", known.into()), ("entry_date", Value::Date(chrono::NaiveDate::MIN)), ("overall_mood", Value::Integer(5))])),
        ("a number as a word", ANY, whole("mood_entries", mood, vec![("user_id", known.into()), ("overall_mood", "very good".into())])),
        ("a word as a number", ANY, whole("users", known, vec![("name", Value::Integer(7)), ("role", "patient".into())])),
        ("a number that no column holds", ANY, whole("mood_entries", mood, vec![("user_id", known.into()), ("overall_mood", Value::Integer(i64::MAX))])),
        ("a word of 500,000 letters", ANY, whole("users", known, vec![("name", Value::text(&"x".repeat(500_000))), ("role", "patient".into())])),
        ("a word with a zero in it", ANY, whole("users", known, vec![("name", Value::Text("a\0b".into())), ("role", "patient".into())])),
        ("a choice that is not known", ANY, whole("users", known, vec![("name", "Rosa".into()), ("role", "emperor".into())])),
        ("a row that refers to nothing", ANY, whole("mood_entries", made_up, vec![("user_id", Uuid::from_u128(0xdead).into()), ("overall_mood", Value::Integer(5))])),
        ("required fields are missing", ANY, whole("mood_entries", mood, Vec::new())),
        ("structured data that is none", ANY, whole("users", known, vec![("name", Value::Json("{".into())), ("role", "patient".into())])),
        ("an entity that is not known", ANY, pull(move |_, answer| {
            let mut row = image("users", known, unit, &[]);
            (row.key.entity, row.key.id) = (60_000, Uuid::from_u128(6));
            instead(answer, unit, row.key, RowNews::Whole(row));
        })),
        ("a field that is not known", ANY, bent(|row| row.values.push((60_000, "x".into())))),
        ("a mark of staff", ANY, whole("users", known, vec![("name", "Rosa".into()), ("role", "patient".into()), ("is_superuser", true.into())])),
        ("a value of a wrong type", ANY, news("mood_entries", mood, group("mood_entries", "overall_mood", "x".into()))),
        ("a value that nobody wrote", ANY, news("mood_entries", mood, group("mood_entries", "overall_mood", Value::Integer(1)))),
        ("a group with number 0", REFUSED, news("mood_entries", mood, RowNews::Groups { groups: vec![gladstone_protocol::wire::GroupImage { group: 0, values: Vec::new() }], updated_at: None })),
        ("a group that is not known", ANY, news("mood_entries", mood, RowNews::Groups { groups: vec![gladstone_protocol::wire::GroupImage { group: 60_000, values: vec![(60_000, "x".into())] }], updated_at: Some(FAR) })),
        ("news of a row that is not here", ANY, news("mood_entries", made_up, group("mood_entries", "overall_mood", Value::Integer(1)))),
        ("entered in error, and nobody did", ANY, news("mood_entries", mood, RowNews::EnteredInError { reason: "Because.".into() })),
        ("a row that is not here was entered in error", ANY, news("mood_entries", made_up, RowNews::EnteredInError { reason: String::new() })),
        ("a row has left, and it has not", ANY, news("mood_entries", mood, RowNews::Left)),
        ("a row that is not here has left", ANY, news("mood_entries", made_up, RowNews::Left)),
        ("the person's own row has left", ANY, news("users", known, RowNews::Left)),
        ("written by oneself, which one never did", ANY, {
            let device = scene.victim.vault.state().device;
            pull(move |_, answer| {
                instead(answer, unit, key("mood_entries", mood), group("mood_entries", "overall_mood", Value::Integer(2)));
                answer.changes[0].writer.device = device;
            })
        }),
    ]
}
