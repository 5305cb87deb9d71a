//! A push that is so long that its first parts are saved while its last ones are judged: what it does is what a
//! short one does.

mod support;

use gladstone_protocol::Verdict;
use support::{Place, code, mood, person};

/// More than two parts.
const MANY: u32 = 150;

/// Has the store refuse a name that every rule allows.
fn refuse(place: &Place, name: &str) {
    if module_path!().starts_with("on_postgresql") {
        return support::postgres::write(place.folder.path(), &format!("ALTER TABLE public.users ADD CONSTRAINT refuse CHECK (name <> '{name}')"));
    }
    let file = place.folder.path().join(format!("{}.sqlite", place.realm));
    rusqlite::Connection::open(file).unwrap().execute_batch(&format!("CREATE TRIGGER refuse BEFORE INSERT ON users WHEN NEW.name = '{name}' BEGIN SELECT RAISE(ABORT, 'refused'); END")).unwrap();
}

#[test]
fn what_refers_to_an_earlier_part_of_the_push_stands() {
    let place = Place::new();
    let mut amara = place.laptop("Amara", "therapist");
    let persons: Vec<_> = (0..MANY).map(|_| amara.new_id()).collect();
    for (number, id) in persons.iter().enumerate() {
        amara.write(vec![person(*id, &format!("Person {number}"))]);
    }
    // The first ones lie two parts before what refers to them.
    for id in &persons {
        amara.write(vec![mood(amara.new_id(), *id, 3, 5)]);
    }
    amara.push(&place);
    assert_eq!(amara.verdicts.len(), 2 * MANY as usize);
    assert!(amara.verdicts.values().all(|verdict| matches!(verdict, Verdict::Applied { .. })), "{:?}", amara.verdicts);
    assert_eq!(place.centre.verify_audit(place.realm, &mut |_, _| true).unwrap().faults, []);
    amara.pull(&place);
    assert_eq!(amara.rows("mood_entries").len(), MANY as usize, "each is told");
}

#[test]
fn a_value_that_the_store_refuses_in_a_later_part_undoes_the_parts_before_and_stops_nobody_else() {
    let place = Place::new();
    let mut amara = place.laptop("Amara", "therapist");
    amara.push(&place);
    refuse(&place, "Nobody");
    let before = amara.verdicts.len();
    let ids: Vec<_> = (0..MANY).map(|_| amara.new_id()).collect();
    for (number, id) in ids.iter().enumerate() {
        amara.write(vec![person(*id, &if number == 100 { "Nobody".into() } else { format!("Person {number}") })]);
        // It names one that is not there when that one was refused.
        amara.write(vec![mood(amara.new_id(), *id, 3, 5)]);
    }
    amara.push(&place);
    let codes: Vec<&str> = amara.verdicts.values().skip(before).map(code).collect();
    assert_eq!(codes.len(), 2 * MANY as usize);
    let odd: Vec<(usize, &str)> = codes.iter().copied().enumerate().filter(|(_, code)| !code.is_empty()).collect();
    assert_eq!(odd.first(), Some(&(200, "store")), "{odd:?}");
    let waiting = amara.verdicts.values().filter(|verdict| matches!(verdict, Verdict::Held { .. })).count();
    assert_eq!((odd.len(), waiting), (1, 1), "one is kept without effect, what refers to it waits, the others take effect");
    assert_eq!(place.centre.verify_audit(place.realm, &mut |_, _| true).unwrap().faults, []);
    amara.pull(&place);
    assert_eq!(amara.rows("mood_entries").len(), MANY as usize - 1);
}
