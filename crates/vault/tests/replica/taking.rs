//! Taking in: rows of others, rows with own changes on top, downloads in parts, unknown fields.

use gladstone_model::{Unit, Value, catalogue};
use gladstone_protocol::{JournalEntry, JournalKind, Verdict, journal::Side, wire::{Basis, Change, Granted, Page, PullAnswer, RowChange, RowImage, RowNews, UnitDigest}};
use gladstone_store::{StoreError, search};
use gladstone_testkit::{Laptop, laptops};
use gladstone_vault::{VaultError, replica::Receipt};

use crate::answers::{self, grant, image, joined, key, mid, nothing, person, pull, push, sound, with_person};

#[test]
fn a_vault_that_works_alone_keeps_nothing_for_a_centre() {
    let laptop = Laptop::new(1, answers::ACTOR);
    let id = laptop.register("Leila Haddad").unwrap();
    laptop.set("users", id, "job_title", "Baker").unwrap();
    for table in ["pending", "overlay", "unit_held", "stage", "replica", "opaque"] {
        assert_eq!(laptop.count(&format!("SELECT count(*) FROM {table}")), 0, "{table} is empty");
    }
    assert_eq!(laptop.vault.replica().unwrap(), None);
    assert_eq!(laptop.vault.receipt("users", id).unwrap(), Receipt::HereOnly);
    assert!(laptop.vault.next_push().is_err(), "there is nobody to send to");
}

#[test]
fn rows_of_others_are_read_found_and_in_every_digest() {
    let (laptop, _, id, mood) = with_person(1);
    assert_eq!(laptop.field("users", id, "name"), Some("Tomasz Wieczorek".into()));
    assert_eq!(laptop.field("mood_entries", mood, "overall_mood"), Some(Value::Integer(4)));
    let hits = laptop.vault.read(|read| search::find(read, "wieczor", Some("users"), 10)).unwrap();
    assert_eq!(hits.len(), 1, "search knows the person");
    assert_eq!(laptop.vault.receipt("users", id).unwrap(), Receipt::AtCentre { g: None, at: None });
    assert_eq!(laptop.vault.waiting().unwrap().count, 0, "nothing of it is sent back");
    sound(&laptop);
    let laptop = laptop.reopened();
    sound(&laptop);
}

#[test]
fn own_changes_stay_on_top_of_what_comes_until_the_centre_has_them() {
    let (laptop, _, id, _) = with_person(2);
    laptop.set("users", id, "job_title", "Baker").unwrap();
    assert_eq!(laptop.count("SELECT count(*) FROM overlay"), 1, "what lies below is kept");
    laptop.set("users", id, "department", "Ovens").unwrap();
    assert_eq!(laptop.count("SELECT count(*) FROM overlay"), 1, "once");
    let before = laptop.stored("users", id).unwrap();
    let news = answers::field(&laptop, 11, mid(1), &before, "last_name", "Wieczorek-Brown");
    let outcome = pull(&laptop, PullAnswer { changes: vec![news], ..nothing(&laptop, 11) });
    assert!(outcome.changes.entities.contains("users"), "the screen is told");
    for (field, value) in [("job_title", "Baker"), ("department", "Ovens"), ("last_name", "Wieczorek-Brown")] {
        assert_eq!(laptop.field("users", id, field), Some(value.into()), "{field}");
    }
    sound(&laptop);
    assert!(matches!(laptop.vault.receipt("users", id).unwrap(), Receipt::Waiting { count: 2, .. }));
    push(&laptop, |dseq| Verdict::Applied { g: 11 + dseq });
    assert_eq!(laptop.vault.waiting().unwrap().count, 0, "nothing waits");
    assert_eq!(laptop.field("users", id, "job_title"), Some("Baker".into()), "between push and pull nothing flickers");
    let row = laptop.stored("users", id).unwrap();
    let own: Vec<Change> = [("job_title", "Baker", 12), ("department", "Ovens", 13)].map(|(field, value, g)| answers::field(&laptop, g, row.writer_of(answers::group("users", field)), &row, field, value)).into();
    pull(&laptop, PullAnswer { changes: own, ..nothing(&laptop, 13) });
    assert_eq!(laptop.count("SELECT count(*) FROM pending") + laptop.count("SELECT count(*) FROM overlay"), 0, "all is in the base");
    assert_eq!(laptop.field("users", id, "job_title"), Some("Baker".into()));
    assert!(matches!(laptop.vault.receipt("users", id).unwrap(), Receipt::AtCentre { g: Some(13), at: Some(_) }), "{:?}", laptop.vault.receipt("users", id));
    sound(&laptop);
}

#[test]
fn a_lost_verdict_is_read_from_the_change_itself() {
    let (laptop, _, id, _) = with_person(3);
    laptop.set("users", id, "job_title", "Baker").unwrap();
    let row = laptop.stored("users", id).unwrap();
    let mut change = answers::field(&laptop, 11, row.writer_of(answers::group("users", "job_title")), &row, "job_title", "Baker");
    change.writer.device = laptop.vault.state().device;
    let after = answers::field(&laptop, 12, mid(1), &row, "job_title", "Miller");
    pull(&laptop, PullAnswer { changes: vec![change, after], ..nothing(&laptop, 12) });
    assert_eq!(laptop.field("users", id, "job_title"), Some("Miller".into()), "the own change lies below the later one");
    assert_eq!((laptop.vault.waiting().unwrap().count, laptop.count("SELECT count(*) FROM pending")), (0, 0));
    sound(&laptop);
}

#[test]
fn a_download_in_parts_is_readable_when_it_is_complete_and_own_rows_stay_all_the_while() {
    let (laptop, colleague) = (joined(4), answers::colleague());
    let id = colleague.register("Mei-Ling Chow").unwrap();
    let moods: Vec<_> = (0..6).map(|day| colleague.mood(id, day, 5).unwrap()).collect();
    let own = laptop.mood(id, 100, 7);
    assert!(own.is_err(), "a mood of a person who is not here is refused");
    let mut rows: Vec<_> = moods.iter().map(|mood| image(&colleague, "mood_entries", *mood)).chain([image(&colleague, "users", id)]).collect();
    rows.sort_by_key(|row| row.key);
    let first = Page::new(None, rows[..3].to_vec()).unwrap();
    let (after, rest) = (first.to, rows[3..].to_vec());
    let outcome = pull(&laptop, PullAnswer { more: true, grants: vec![Granted { unit: person(id), at_g: 20, pages: vec![first], complete: false }], ..nothing(&laptop, 20) });
    assert!(outcome.grants.is_empty() && laptop.view().is_empty(), "nothing of half a unit is shown");
    let asked = laptop.vault.pull_request().unwrap();
    assert_eq!((asked.from_g, asked.bootstrap[0].at_g, asked.bootstrap[0].after), (20, 20, Some(after)), "the next question goes on from there");
    let laptop = laptop.reopened();
    // A staged row changed, one that is still to come was made, and one left.
    let mut changed = colleague.stored("mood_entries", rows[1].key.id).unwrap();
    changed.row.set("overall_mood", Value::Integer(9));
    changed.group_mids.set(answers::group("mood_entries", "overall_mood"), mid(1));
    let whole = RowNews::Whole(RowImage::of(&changed));
    let changes = vec![answers::news(&laptop, 21, mid(1), rows[1].key, person(id), whole), answers::news(&laptop, 22, mid(2), rows[2].key, person(id), RowNews::Left)];
    let last = Page::new(Some(after), rest).unwrap();
    let outcome = pull(&laptop, PullAnswer { changes, grants: vec![Granted { unit: person(id), at_g: 22, pages: vec![last], complete: true }], ..nothing(&laptop, 22) });
    assert_eq!(outcome.grants, [person(id)], "it became readable");
    assert_eq!(laptop.view().len(), 6, "all but the one that left");
    assert_eq!(laptop.count("SELECT count(*) FROM stage"), 0, "nothing stays on the stage");
    let view = laptop.view();
    let moods: Vec<_> = view.values().filter(|row| row.group_mids.iter().any(|(_, by)| *by == mid(1))).collect();
    assert_eq!(moods.len(), 1, "the change that came in between is in it");
    sound(&laptop);
}

#[test]
fn what_a_vault_wrote_alone_stays_in_view_while_its_units_are_downloaded_in_parts() {
    let laptop = Laptop::new(5, answers::ACTOR);
    let id = laptop.register("Kofi Mensah").unwrap();
    let mood = laptop.mood(id, 1, 3).unwrap();
    laptop.vault.join(&laptops::joined(answers::REALM, answers::ACTOR)).unwrap();
    assert_eq!(laptop.vault.waiting().unwrap().count, 2, "everything waits");
    let view = laptop.view();
    push(&laptop, |dseq| Verdict::Applied { g: dseq });
    assert_eq!(laptop.view(), view);
    pull(&laptop, PullAnswer { more: true, ..nothing(&laptop, 2) });
    assert_eq!(laptop.view(), view, "before the unit is granted");
    let mut rows = [image(&laptop, "users", id), image(&laptop, "mood_entries", mood)];
    rows.sort_by_key(|row| row.key);
    let first = Page::new(None, rows[..1].to_vec()).unwrap();
    let last = Page::new(Some(first.to), rows[1..].to_vec()).unwrap();
    pull(&laptop, PullAnswer { more: true, grants: vec![Granted { unit: person(id), at_g: 2, pages: vec![first], complete: false }], ..nothing(&laptop, 2) });
    assert_eq!(laptop.view(), view, "in the middle of the download");
    pull(&laptop, PullAnswer { grants: vec![Granted { unit: person(id), at_g: 2, pages: vec![last], complete: true }], ..nothing(&laptop, 2) });
    assert_eq!(laptop.view(), view, "at its end");
    assert_eq!(laptop.count("SELECT count(*) FROM pending"), 0, "and now it is the centre's");
    sound(&laptop);
}

#[test]
fn a_digest_that_does_not_agree_is_told_and_heals() {
    let (laptop, colleague, id, mood) = with_person(6);
    laptop.set("users", id, "job_title", "Baker").unwrap();
    let mut right = image(&colleague, "mood_entries", mood);
    right.row_mid = mid(5);
    let user = image(&colleague, "users", id);
    let theirs = UnitDigest { unit: person(id), digest: laptops::digest_of([&right, &user], person(id)) };
    let outcome = pull(&laptop, PullAnswer { digests: vec![theirs.clone()], ..nothing(&laptop, 11) });
    assert_eq!(outcome.mismatches.len(), 1, "it is told");
    assert!(outcome.more, "and asked for anew at once");
    assert!(laptop.vault.sync_log().unwrap()[0].line.contains("does not agree"), "with both digests in the log");
    assert_eq!(laptop.field("users", id, "job_title"), Some("Baker".into()), "what is here stays until then");
    let asked = laptop.vault.pull_request().unwrap();
    assert_eq!(asked.bootstrap.iter().map(|unit| (unit.unit, unit.at_g, unit.after)).collect::<Vec<_>>(), [(person(id), 0, None)]);
    let outcome = pull(&laptop, PullAnswer { grants: vec![grant(person(id), 12, vec![user, right.clone()], true)], digests: vec![theirs], ..nothing(&laptop, 12) });
    assert!(outcome.mismatches.is_empty(), "now it agrees");
    assert_eq!(laptop.view()[&right.key], right);
    assert_eq!(laptop.field("users", id, "job_title"), Some("Baker".into()), "what waits stayed on top");
    sound(&laptop);
}

#[test]
fn news_about_a_row_that_is_not_here_makes_the_unit_come_anew() {
    let (laptop, colleague, id, _) = with_person(7);
    let strange = colleague.mood(id, 50, 2).unwrap();
    let row = colleague.stored("mood_entries", strange).unwrap();
    let change = answers::field(&laptop, 11, mid(1), &row, "overall_mood", Value::Integer(3));
    let outcome = pull(&laptop, PullAnswer { changes: vec![change], ..nothing(&laptop, 11) });
    assert_eq!(outcome.mismatches.iter().map(|mismatch| mismatch.unit).collect::<Vec<_>>(), [person(id)]);
    assert!(!laptop.vault.pull_request().unwrap().bootstrap.is_empty());
    sound(&laptop);
}

#[test]
fn fields_and_entities_of_newer_versions_are_kept_and_never_shown() {
    let (laptop, colleague, id, mood) = with_person(8);
    let mut newer = image(&colleague, "users", id);
    newer.values.push((900, Value::text("from the future")));
    let mut unknown = image(&colleague, "mood_entries", mood);
    unknown.key.entity = 900;
    let mut misfit = image(&colleague, "mood_entries", mood);
    let at = misfit.values.iter().position(|(no, _)| *no == answers::group("mood_entries", "overall_mood")).unwrap();
    misfit.values[at].1 = Value::text("very good");
    let changes = vec![Change {
        g: 11,
        writer: answers::writer(&laptop, mid(1)),
        command: "newer".into(),
        rows: [newer.clone(), unknown.clone(), misfit].map(|image| RowChange { key: image.key, unit: image.unit, news: RowNews::Whole(image) }).into(),
    }];
    pull(&laptop, PullAnswer { changes, ..nothing(&laptop, 11) });
    assert_eq!(laptop.count("SELECT count(*) FROM opaque"), 3, "all three are kept");
    assert_eq!(laptop.field("users", id, "name"), Some("Tomasz Wieczorek".into()), "what is known is shown");
    assert_eq!(laptop.field("mood_entries", mood, "notes"), None, "a value that the table cannot keep is not");
    laptop.set("users", id, "job_title", "Baker").unwrap();
    let bytes = laptop.vault.next_push().unwrap().envelopes[0].bytes.clone();
    assert!(!bytes.windows(15).any(|window| window == b"from the future"), "nor is it sent back");
    let row = laptop.stored("users", id).unwrap();
    pull(&laptop, PullAnswer { changes: vec![answers::field(&laptop, 12, mid(2), &row, "department", "Ovens")], ..nothing(&laptop, 12) });
    let kept: Vec<u8> = laptop.peek(|connection| connection.query_row("SELECT image FROM opaque WHERE entity = ?1", [catalogue().get("users").unwrap().no], |row| row.get(0)).unwrap());
    assert!(kept.windows(15).any(|window| window == b"from the future"), "a later change leaves it alone");
    let drop = gladstone_protocol::wire::Dropped { unit: person(id), reason: "Handed over.".into() };
    pull(&laptop, PullAnswer { drops: vec![drop], ..nothing(&laptop, 13) });
    assert_eq!(laptop.count("SELECT count(*) FROM opaque"), 0, "it leaves with its unit");
    laptop.vault.verify(&mut |_, _| true).unwrap();
}

#[test]
fn a_choice_of_a_newer_version_is_kept_and_shown_and_nobody_changes_the_record_here() {
    let (laptop, _, id, mood) = with_person(12);
    laptop.set("users", id, "job_title", "Baker").unwrap();
    let sent = laptop.vault.next_push().unwrap().envelopes[0].bytes.clone();
    let before = laptop.stored("users", id).unwrap();
    let news = answers::field(&laptop, 11, mid(1), &before, "account_status", "hibernating");
    pull(&laptop, PullAnswer { changes: vec![news], ..nothing(&laptop, 11) });
    for (field, value) in [("account_status", "hibernating"), ("job_title", "Baker")] {
        assert_eq!(laptop.field("users", id, field), Some(value.into()), "{field}: what came, and what waits on top of it");
    }
    sound(&laptop);
    for (field, value) in [("department", "Ovens"), ("account_status", "active"), ("account_status", "hibernating"), ("job_title", "Miller")] {
        let error = laptop.set("users", id, field, value).unwrap_err();
        assert!(matches!(error, VaultError::Store(StoreError::NewerVersion { .. })), "{field}: {error:?}");
        assert!(error.to_string().contains("“hibernating”") && error.to_string().contains("newer version of Gladstone"), "{error}");
    }
    let new = laptop.vault.commit::<_, VaultError>("people.register", |tx| tx.create("users", [("name", "Somebody".into()), ("role", "patient".into()), ("account_status", "hibernating".into())]));
    assert!(matches!(new, Err(VaultError::Store(StoreError::Invalid(_)))), "nobody writes it here: {new:?}");
    laptop.set("mood_entries", mood, "overall_mood", 6).unwrap();
    assert_eq!(laptop.vault.next_push().unwrap().envelopes[0].bytes, sent, "what waits is sent as it was");
    push(&laptop, |dseq| Verdict::Applied { g: 11 + dseq });
    assert_eq!(laptop.vault.waiting().unwrap().count, 0);
    let news = answers::field(&laptop, 90, mid(2), &laptop.stored("users", id).unwrap(), "account_status", "active");
    pull(&laptop, PullAnswer { changes: vec![news], ..nothing(&laptop, 90) });
    laptop.set("users", id, "job_title", "Miller").unwrap();
    laptop.vault.verify(&mut |_, _| true).unwrap();
}

#[test]
fn after_too_long_an_absence_units_are_replaced_and_what_waits_stays() {
    let (laptop, colleague, id, mood) = with_person(9);
    let own = laptop.mood(id, 60, 8).unwrap();
    let mut user = image(&colleague, "users", id);
    user.group_mids = vec![(answers::group("users", "name"), mid(3))];
    let answer = PullAnswer { basis: Basis::TooOld, grants: vec![grant(person(id), 90, vec![user.clone()], true)], ..nothing(&laptop, 90) };
    pull(&laptop, answer);
    assert_eq!(laptop.view()[&user.key], user, "the row of now");
    assert_eq!(laptop.stored("mood_entries", mood), None, "a row that is not there any more went");
    assert!(laptop.stored("mood_entries", own).is_some(), "what waits is shown");
    assert_eq!(laptop.vault.waiting().unwrap().count, 1);
    sound(&laptop);
}

#[test]
fn a_row_that_moves_to_another_unit_moves_within_one_answer() {
    let (laptop, colleague, id, mood) = with_person(10);
    let other = Unit { kind: gladstone_model::unit::UnitKind::Account, id: answers::ACTOR };
    pull(&laptop, PullAnswer { grants: vec![grant(other, 11, Vec::new(), true)], ..nothing(&laptop, 11) });
    let mut moved = image(&colleague, "mood_entries", mood);
    moved.unit = other;
    for (g, turned) in [(12, false), (13, true)] {
        let (from, to) = if turned { (other, person(id)) } else { (person(id), other) };
        moved.unit = to;
        let mut rows = vec![RowChange { key: moved.key, unit: from, news: RowNews::Left }, RowChange { key: moved.key, unit: to, news: RowNews::Whole(moved.clone()) }];
        if turned {
            rows.reverse();
        }
        let change = Change { g, writer: answers::writer(&laptop, mid(u128::from(g))), command: "move".into(), rows };
        pull(&laptop, PullAnswer { changes: vec![change], ..nothing(&laptop, g) });
        assert_eq!(laptop.view().get(&moved.key).map(|row| row.unit), Some(to), "whichever order it is told in");
        sound(&laptop);
    }
    let gone = answers::news(&laptop, 14, mid(20), key("mood_entries", mood), person(id), RowNews::Left);
    pull(&laptop, PullAnswer { changes: vec![gone], ..nothing(&laptop, 14) });
    assert_eq!(laptop.stored("mood_entries", mood), None, "to a unit that is not held");
    sound(&laptop);
}

#[test]
fn a_value_that_the_centre_keeps_beside_the_row_is_not_missed_there() {
    let check = |what: &str, beside: bool, missed: bool| {
        let (laptop, _, id, _) = with_person(13);
        laptop.set("users", id, "job_title", "Baker").unwrap();
        let row = laptop.stored("users", id).unwrap();
        let group = answers::group("users", "job_title");
        let mutation = row.writer_of(group);
        let side = |mutation: uuid::Uuid| Side { values: Vec::new(), writer: answers::writer(&laptop, mutation) };
        let entry = JournalEntry { entity: row.row.entity.no, row: id, group, kind: JournalKind::Review, base: None, base_values: None, kept: side(row.row_mid), other: side(mutation) };
        push(&laptop, |_| if beside { Verdict::Merged { g: 11, journal: vec![entry.clone()] } } else { Verdict::Applied { g: 11 } });
        let outcome = pull(&laptop, nothing(&laptop, 11));
        assert_eq!(outcome.resend, missed, "{what}: sent again");
        assert_eq!(laptop.field("users", id, "job_title"), Some(if missed { "Baker".into() } else { Value::Null }), "{what}: shown");
        sound(&laptop);
    };
    check("the verdict says that it stands in the journal", true, false);
    check("the verdict says that it took effect, and it is not there", false, true);
}
