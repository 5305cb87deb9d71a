//! Who may see and write what: own rows, persons registered or entrusted, rights that end, rows
//! that carry rights, other organizations, enrolment, and laptops whose right has ended.

mod support;

use gladstone_central::Invite;
use gladstone_model::{Unit, Value, unit::UnitKind};
use gladstone_protocol::{ApiError, Op, OpKind, Verdict, wire::PullRequest};
use support::{Laptop, Place, code, create, made, mood, person, update};
use uuid::Uuid;

fn person_unit(id: Uuid) -> Unit {
    Unit { kind: UnitKind::Person, id }
}

fn relation(id: Uuid, therapist: Uuid, patient: Uuid) -> Op {
    create("therapeutic_relationships", id, &[("therapist_id", therapist.into()), ("patient_id", patient.into()), ("relationship_type", "individual".into()), ("start_date", Value::Date(chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()))])
}

#[test]
fn a_person_is_seen_by_who_registered_them_and_by_administrators_alone() {
    let place = Place::new();
    let (mut amara, mut ben, mut admin) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"), place.laptop("Chief", "admin"));
    let id = amara.new_id();
    amara.save(&place, vec![person(id, "Cleo"), mood(amara.new_id(), id, 3, 5)]);
    for laptop in [&mut amara, &mut ben, &mut admin] {
        laptop.pull(&place);
    }
    let sees = |laptop: &Laptop| (laptop.row("users", id).is_some(), laptop.rows("mood_entries").len());
    assert_eq!(sees(&amara), (true, 1), "who registered the person");
    assert_eq!(sees(&ben), (false, 0), "a colleague");
    assert_eq!(sees(&admin), (true, 1), "an administrator");
    assert!(ben.row("users", amara.actor).is_some(), "staff sees staff");
}

#[test]
fn a_right_that_is_given_brings_the_unit_and_one_that_ends_takes_it_away() {
    let place = Place::new();
    let (mut amara, mut ben) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"));
    let (id, bond) = (amara.new_id(), amara.new_id());
    amara.save(&place, vec![person(id, "Cleo"), mood(amara.new_id(), id, 3, 5)]);
    ben.pull(&place);
    amara.save(&place, vec![relation(bond, ben.actor, id)]);
    let answers = ben.pull(&place);
    assert_eq!(answers[0].grants.iter().map(|granted| granted.unit).collect::<Vec<_>>(), [person_unit(id)], "one unit is entered");
    assert_eq!(ben.rows("mood_entries").len(), 1, "with its rows");
    let entry = ben.new_id();
    assert!(matches!(ben.save(&place, vec![mood(entry, id, 4, 6)]), Verdict::Applied { .. }), "who is entrusted writes");
    amara.pull(&place);
    assert!(amara.row("mood_entries", entry).is_some(), "and the others see it");
    let ops = amara.change("therapeutic_relationships", bond, &[("status", "ended".into())]);
    amara.save(&place, ops);
    amara.save(&place, vec![mood(amara.new_id(), id, 5, 7)]);
    let answers = ben.pull(&place);
    assert_eq!(answers[0].drops.iter().map(|dropped| dropped.unit).collect::<Vec<_>>(), [person_unit(id)], "the unit is left");
    assert!(answers.iter().flat_map(|answer| &answer.changes).flat_map(|change| &change.rows).all(|row| row.unit != person_unit(id)), "nothing of what came after is told");
    assert!(ben.rows("mood_entries").is_empty(), "nothing of it is held");
    assert_eq!(code(&ben.save(&place, vec![mood(ben.new_id(), id, 6, 5)])), "forbidden", "and nothing can be written to it");
}

#[test]
fn what_is_forbidden_is_kept_and_the_queue_goes_on() {
    let place = Place::new();
    let (mut amara, mut ben) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"));
    let id = amara.new_id();
    amara.save(&place, vec![person(id, "Cleo")]);
    let head = place.centre.head(place.realm).unwrap();
    let own = ben.new_id();
    ben.write(vec![mood(ben.new_id(), id, 3, 5)]);
    ben.write(vec![person(own, "Dora")]);
    // Half of it would be allowed: a mutation takes effect as a whole or not at all.
    ben.write(vec![mood(ben.new_id(), own, 3, 5), mood(ben.new_id(), id, 4, 5)]);
    ben.write(vec![mood(ben.new_id(), own, 4, 5)]);
    ben.push(&place);
    assert_eq!(code(&ben.verdicts[&1]), "forbidden", "a person of somebody else");
    assert_eq!(ben.verdicts[&2], Verdict::Applied { g: head + 1 }, "the next one is taken");
    assert_eq!(code(&ben.verdicts[&3]), "forbidden", "as a whole");
    assert_eq!(ben.verdicts[&4], Verdict::Applied { g: head + 2 }, "and the one after");
    ben.pull(&place);
    assert_eq!(ben.rows("mood_entries").len(), 1, "nothing of it had an effect");
}

#[test]
fn rows_that_carry_rights_are_written_by_administrators() {
    let place = Place::new();
    let (mut amara, mut admin) = (place.laptop("Amara", "therapist"), place.laptop("Chief", "admin"));
    let mut ben = place.laptop("Ben", "therapist");
    let id = amara.new_id();
    amara.save(&place, vec![person(id, "Cleo")]);
    for laptop in [&mut amara, &mut ben, &mut admin] {
        laptop.pull(&place);
    }
    let promote = |laptop: &Laptop, who: Uuid| laptop.change("users", who, &[("role", "admin".into())]);
    let grant = |laptop: &Laptop, to: Uuid, unit: String| vec![create("grants", laptop.new_id(), &[("user_id", to.into()), ("granted_unit", unit.into())])];
    let check = |what: &str, laptop: &mut Laptop, expected: &str, ops: Vec<Op>| {
        let verdict = laptop.save(&place, ops);
        assert_eq!(code(&verdict), expected, "{what}: {verdict:?}");
    };
    let ops = promote(&amara, amara.actor);
    check("somebody raises themselves", &mut amara, "forbidden", ops);
    let ops = vec![create("users", amara.new_id(), &[("name", "New chief".into()), ("role", "admin".into())])];
    check("somebody registers an administrator", &mut amara, "forbidden", ops);
    let ops = grant(&amara, amara.actor, format!("account:{}", ben.actor));
    check("somebody grants themselves another account", &mut amara, "forbidden", ops);
    let ops = grant(&ben, ben.actor, format!("person:{id}"));
    check("somebody grants themselves a person", &mut ben, "forbidden", ops);
    let ops = grant(&amara, ben.actor, format!("person:{id}"));
    check("who holds a person hands them on", &mut amara, "", ops);
    let ops = vec![create("organization_members", amara.new_id(), &[("organization_id", place.realm.into()), ("user_id", id.into()), ("role", "admin".into())])];
    check("somebody makes an administrator of a person", &mut amara, "forbidden", ops);
    let ops = vec![create("devices", amara.new_id(), &[("user_id", amara.actor.into()), ("label", "x".into()), ("public_key", "y".into()), ("incarnation", id.into())])];
    check("somebody makes up a laptop", &mut amara, "forbidden", ops);
    let ops = promote(&admin, ben.actor);
    check("an administrator gives a role", &mut admin, "", ops);
    ben.pull(&place);
    assert!(ben.row("users", id).is_some(), "the new manager sees the person");
    let ops = vec![create("users", amara.new_id(), &[("name", "Eve".into()), ("role", "patient".into()), ("is_superuser", Value::Boolean(true))])];
    check("a mark of the server in a new person is not taken over", &mut amara, "", ops);
    amara.pull(&place);
    assert!(amara.rows("users").iter().all(|state| state.row.get("is_superuser") == &Value::Boolean(false)), "nobody is superuser");
}

#[test]
fn a_grant_is_good_for_its_time_and_in_its_measure() {
    let place = Place::new();
    let (mut amara, mut ben) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"));
    let id = amara.new_id();
    amara.save(&place, vec![person(id, "Cleo")]);
    let now = place.centre.pull(&place.caller(&amara), &amara.pull_request()).unwrap().server_time;
    let values = [("user_id", ben.actor.into()), ("granted_unit", format!("person:{id}").into()), ("role", "read".into()), ("valid_from", now.plus_seconds(100).into()), ("valid_to", now.plus_seconds(200).into())];
    amara.save(&place, vec![create("grants", amara.new_id(), &values)]);
    ben.pull(&place);
    assert!(ben.row("users", id).is_none(), "not yet");
    place.around.pass(150);
    ben.pull(&place);
    assert!(ben.row("users", id).is_some(), "in its time");
    assert_eq!(code(&ben.save(&place, vec![mood(ben.new_id(), id, 3, 5)])), "forbidden", "for reading alone");
    place.around.pass(100);
    ben.pull(&place);
    assert!(ben.row("users", id).is_none(), "not any more");
}

#[test]
fn who_gave_a_right_sees_it_and_ends_it() {
    let place = Place::new();
    let (mut amara, mut ben, mut chief, mut olga) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"), place.laptop("Chief", "admin"), place.laptop("Olga", "therapist"));
    let (id, grant) = (amara.new_id(), amara.new_id());
    amara.save(&place, vec![person(id, "Cleo")]);
    let values = [("user_id", ben.actor.into()), ("granted_unit", format!("person:{id}").into()), ("role", "read".into()), ("granted_by", amara.actor.into())];
    let verdict = amara.save(&place, vec![create("grants", grant, &values)]);
    assert!(verdict.g().is_some(), "{verdict:?}");
    for (laptop, sees, who) in [(&mut amara, true, "who gave it"), (&mut ben, true, "who has it"), (&mut chief, true, "an administrator"), (&mut olga, false, "a colleague")] {
        laptop.pull(&place);
        assert_eq!(laptop.row("grants", grant).is_some(), sees, "{who}");
    }
    // Who may only read changes nothing about it, least of all for how long.
    let longer = ben.change("grants", grant, &[("role", "write".into())]);
    assert_eq!(code(&ben.save(&place, longer)), "forbidden", "nobody widens a right of their own to read");
    let now = place.centre.pull(&place.caller(&amara), &amara.pull_request()).unwrap().server_time;
    let end = amara.change("grants", grant, &[("valid_to", now.into())]);
    assert!(amara.save(&place, end).g().is_some(), "who gave it ends it");
    ben.pull(&place);
    assert!(ben.row("users", id).is_none() && ben.row("grants", grant).is_none(), "record and right have left");
    amara.pull(&place);
    assert!(amara.row("grants", grant).is_some(), "who gave it still sees that it was");
    // About what is nobody's record, a right lies in the account of whom it is for.
    let ops = vec![create("grants", chief.new_id(), &[("user_id", ben.actor.into()), ("granted_unit", format!("account:{}", amara.actor).into()), ("role", "read".into())])];
    assert!(chief.save(&place, ops).g().is_some(), "an administrator gives it");
    ben.pull(&place);
    assert_eq!(ben.rows("grants").len(), 1, "whom it is for sees it");
}

#[test]
fn whoever_looks_after_a_person_sees_who_else_does() {
    let place = Place::new();
    let (mut amara, mut ben) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "trainer"));
    let (id, bond, service) = (amara.new_id(), amara.new_id(), amara.new_id());
    amara.save(&place, vec![person(id, "Cleo")]);
    amara.save(&place, vec![relation(bond, amara.actor, id)]);
    let verdict = amara.save(&place, vec![create("beneficiaries", service, &[("user_id", id.into()), ("trainer_id", ben.actor.into())])]);
    assert!(verdict.g().is_some(), "{verdict:?}");
    for laptop in [&mut amara, &mut ben] {
        laptop.pull(&place);
        assert!(laptop.row("therapeutic_relationships", bond).is_some() && laptop.row("beneficiaries", service).is_some(), "both see both");
    }
    let end = amara.change("beneficiaries", service, &[("status", "completed".into())]);
    assert!(amara.save(&place, end).g().is_some(), "who gave it ends it");
    ben.pull(&place);
    assert!(ben.row("users", id).is_none(), "the record has left");
}

#[test]
fn reference_data_is_written_by_staff_and_seen_by_all() {
    let place = Place::new();
    let (mut amara, mut patient) = (place.laptop("Amara", "therapist"), place.laptop("Pia", "patient"));
    let resource = |laptop: &Laptop| vec![create("learning_resources", laptop.new_id(), &[("title", "Sleeping well".into()), ("resource_type", "article".into())])];
    let (ops, refused) = (resource(&amara), resource(&patient));
    let verdict = amara.save(&place, ops);
    assert!(matches!(verdict, Verdict::Applied { .. }), "staff: {verdict:?}");
    assert_eq!(code(&patient.save(&place, refused)), "forbidden", "a patient");
    patient.pull(&place);
    assert_eq!(patient.rows("learning_resources").len(), 1, "all see it");
}

#[test]
fn conversations_belong_to_those_who_take_part() {
    let place = Place::new();
    let (mut amara, mut ben, mut cleo) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"), place.laptop("Cleo", "admin"));
    let thread = amara.new_id();
    let message = |from: &Laptop, to: Uuid| vec![create("messages", from.new_id(), &[("thread_id", thread.into()), ("sender_id", from.actor.into()), ("recipient_id", to.into()), ("content", "Hello".into())])];
    let ops = message(&amara, ben.actor);
    assert!(matches!(amara.save(&place, ops), Verdict::Applied { .. }), "a new conversation");
    let ops = message(&ben, amara.actor);
    assert!(matches!(ben.save(&place, ops), Verdict::Applied { .. }), "an answer");
    let ops = message(&cleo, amara.actor);
    assert_eq!(code(&cleo.save(&place, ops)), "forbidden", "nobody else joins by writing");
    for (laptop, count) in [(&mut amara, 2), (&mut ben, 2), (&mut cleo, 0)] {
        laptop.pull(&place);
        assert_eq!(laptop.rows("messages").len(), count, "messages that are seen");
    }
    let loose = vec![create("messages", amara.new_id(), &[("sender_id", amara.actor.into()), ("content", "To all?".into())])];
    assert_eq!(code(&amara.save(&place, loose)), "no_unit", "a message to nobody is not shown to everybody");
}

#[test]
fn another_organization_is_as_if_it_were_not_there() {
    let place = Place::new();
    let other = place.centre.found("Hill Clinic").unwrap();
    let mut amara = place.laptop("Amara", "admin");
    let invite = place.centre.invite(other, &Invite { name: "Olga".into(), email: None, role: "admin".into(), user: None, minutes: 5 }).unwrap();
    let mut olga = Laptop::unknown(&place.around);
    let answer = place.centre.enrol(&olga.enrol_request(&invite.code, None)).unwrap();
    olga.join(&answer);
    let id = amara.new_id();
    amara.save(&place, vec![person(id, "Cleo")]);
    let there = Place { realm: other, ..place };
    assert_eq!(olga.save(&there, vec![mood(olga.new_id(), id, 3, 5)]), Verdict::Held { missing: vec![id] }, "a person of another organization is unknown");
    olga.pull(&there);
    assert!(olga.row("users", id).is_none() && olga.row("organizations", amara.realm).is_none(), "nothing of it is told");
    let caller = there.caller(&olga);
    let asked = PullRequest { realm: amara.realm, ..olga.pull_request() };
    assert!(matches!(there.centre.pull(&caller, &asked), Err(ApiError::Refused { .. })), "nor given when asked for");
    let asked = gladstone_protocol::wire::PushRequest { device: amara.device, ..olga.push_request(Vec::new()) };
    assert!(matches!(there.centre.push(&caller, &asked), Err(ApiError::Refused { .. })), "a session is good for its own laptop");
    let request = there.centre.invite(other, &Invite { name: "Omar".into(), email: None, role: "admin".into(), user: None, minutes: 5 }).unwrap();
    let again = amara.enrol_request(&request.code, None);
    assert!(matches!(there.centre.enrol(&again), Err(ApiError::Refused { .. })), "a laptop belongs to one organization");
}

#[test]
fn a_code_is_good_once_and_in_time_and_for_nobody_else() {
    let place = Place::new();
    let amara = place.laptop("Amara", "admin");
    let invite = |user: Option<Uuid>| place.centre.invite(place.realm, &Invite { name: "Ben".into(), email: None, role: "therapist".into(), user, minutes: 10 }).unwrap().code;
    let refusal = |request| match place.centre.enrol(&request) {
        Err(ApiError::Refused { code, .. }) => code,
        other => format!("{other:?}"),
    };
    let code = invite(None);
    let laptop = Laptop::unknown(&place.around);
    let request = laptop.enrol_request(&code.to_lowercase().replace('-', " "), None);
    let answer = place.centre.enrol(&request).unwrap();
    let again = place.centre.enrol(&request).unwrap();
    assert_eq!((again.actor, again.realm), (answer.actor, answer.realm), "the answer was lost: asking again is harmless");
    assert_eq!(refusal(Laptop::unknown(&place.around).enrol_request(&code, None)), "code", "another laptop comes too late");
    assert_eq!(refusal(Laptop::unknown(&place.around).enrol_request("0000-0000-00000", None)), "code", "a code that was never given out");
    let late = invite(None);
    place.around.pass(601);
    assert_eq!(refusal(Laptop::unknown(&place.around).enrol_request(&late, None)), "code", "its time is over");
    assert_eq!(refusal(Laptop::unknown(&place.around).enrol_request(&invite(None), Some(amara.actor))), "person_known", "nobody becomes somebody else by saying so");
    assert_eq!(refusal(Laptop::unknown(&place.around).enrol_request(&invite(Some(amara.actor)), Some(Uuid::from_u128(77)))), "other_person", "records of another person");
    let second = place.laptop_of("Amara", "admin", Some(amara.actor), None);
    assert_eq!(second.actor, amara.actor, "a further laptop of the same person");
    assert_eq!(place.centre.devices(place.realm).unwrap().iter().filter(|device| device.name == "Amara").count(), 2, "both are known by name");
    for bad in [Invite { name: " ".into(), email: None, role: "therapist".into(), user: None, minutes: 1 }, Invite { name: "X".into(), email: None, role: "king".into(), user: None, minutes: 1 }, Invite { name: "X".into(), email: None, role: "user".into(), user: Some(Uuid::from_u128(5)), minutes: 1 }] {
        assert!(place.centre.invite(place.realm, &bad).is_err(), "{bad:?} cannot be");
    }
}

#[test]
fn who_worked_alone_brings_their_records_and_becomes_themselves() {
    let place = Place::new();
    let mut alone = Laptop::unknown(&place.around);
    alone.actor = alone.new_id();
    let id = alone.new_id();
    let own = create("users", alone.actor, &[("name", "Amara Alone".into()), ("role", "therapist".into()), ("account_status", "active".into())]);
    alone.write(vec![own]);
    alone.write(vec![person(id, "Ben"), mood(alone.new_id(), id, 3, 5)]);
    place.around.pass(3_600);
    let actor = alone.actor;
    let invite = place.centre.invite(place.realm, &Invite { name: "A. Alone".into(), email: None, role: "viewer".into(), user: None, minutes: 10 }).unwrap();
    let answer = place.centre.enrol(&alone.enrol_request(&invite.code, Some(actor))).unwrap();
    assert_eq!((answer.actor, answer.role.as_str(), answer.name.as_str()), (actor, "viewer", "Somebody alone"), "the person stays who they are");
    alone.join(&answer);
    alone.push(&place);
    assert!(alone.verdicts.values().all(|verdict| verdict.g().is_some()), "everything takes effect: {:?}", alone.verdicts);
    alone.pull(&place);
    assert_eq!(alone.row("users", actor).unwrap().row.text("role"), "viewer", "but nobody gives themselves a role");
    assert_eq!(alone.rows("mood_entries").len(), 1, "the records are there");
}

#[test]
fn a_laptop_whose_right_has_ended_hands_over_what_waits_and_gets_nothing() {
    let place = Place::new();
    let mut amara = place.laptop("Amara", "therapist");
    amara.save(&place, vec![person(amara.new_id(), "Ben")]);
    place.centre.revoke(place.realm, amara.device).unwrap();
    let head = place.centre.head(place.realm).unwrap();
    let verdict = amara.save(&place, vec![person(amara.new_id(), "Cleo")]);
    assert_eq!(code(&verdict), "revoked", "kept without effect");
    assert_eq!(place.centre.head(place.realm).unwrap(), head, "nothing changed");
    assert_eq!(place.centre.pull(&place.caller(&amara), &amara.pull_request()), Err(ApiError::Revoked), "and nothing is told");
    assert!(place.centre.devices(place.realm).unwrap()[0].revoked.is_some(), "the operator sees it");
    assert!(place.centre.revoke(place.realm, Uuid::from_u128(1)).is_err(), "a laptop that is not known");
}

#[test]
fn nothing_is_learnt_or_left_by_writing_to_what_is_not_ones_own() {
    let place = Place::new();
    let (mut amara, mut ben) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"));
    let (id, entry) = (amara.new_id(), amara.new_id());
    let row = mood(entry, id, 3, 5);
    amara.save(&place, vec![person(id, "Cleo"), row.clone()]);
    let seen = made(&row, Uuid::from_u128(3));
    let guess = |values: &[(&str, Value)]| vec![update(&seen, values)];
    // The base is not the one that stands, so the merge alone would keep the value and tell it.
    assert_eq!(code(&ben.save(&place, guess(&[("overall_mood", Value::Integer(9))]))), "forbidden", "another value");
    assert_eq!(code(&ben.save(&place, vec![mood(entry, id, 3, 5)])), "forbidden", "the same row again");
    let own = ben.actor;
    assert_eq!(code(&ben.save(&place, vec![mood(entry, own, 3, 5)])), "forbidden", "its id for a row of one's own");
    assert_eq!(code(&ben.save(&place, vec![Op { kind: OpKind::EnterInError { base: Uuid::nil(), reason: "Mine".into() }, ..row }])), "forbidden", "the mark");
    amara.pull(&place);
    assert!(amara.rows("conflicts").is_empty(), "nobody is asked about it");
}

#[test]
fn a_journal_entry_is_seen_by_others_only_while_it_is_shared() {
    let place = Place::new();
    let (mut amara, mut pia) = (place.laptop("Amara", "admin"), place.laptop("Pia", "patient"));
    let entry = pia.new_id();
    let verdict = pia.save(&place, vec![create("journal_entries", entry, &[("user_id", pia.actor.into()), ("content", "Slept badly.".into()), ("privacy_level", "private".into())])]);
    assert!(verdict.g().is_some(), "{verdict:?}");
    amara.pull(&place);
    assert!(amara.row("journal_entries", entry).is_none(), "private is private, to administrators too");
    for (level, seen) in [("shared_with_therapist", true), ("private", false)] {
        pia.pull(&place);
        let ops = pia.change("journal_entries", entry, &[("privacy_level", level.into())]);
        let verdict = pia.save(&place, ops);
        assert!(verdict.g().is_some(), "{level}: {verdict:?}");
        amara.pull(&place);
        assert_eq!(amara.row("journal_entries", entry).is_some(), seen, "{level}");
    }
}

#[test]
fn an_organization_is_added_by_administrators_or_comes_with_who_worked_alone() {
    let place = Place::new();
    let (mut amara, mut admin) = (place.laptop("Amara", "trainer"), place.laptop("Chief", "admin"));
    let organization = |laptop: &Laptop| vec![create("organizations", laptop.new_id(), &[("name", "Another practice".into()), ("slug", Value::text(&laptop.new_id().to_string()))])];
    let ops = organization(&amara);
    assert_eq!(code(&amara.save(&place, ops)), "forbidden", "a trainer founds none");
    let ops = organization(&admin);
    assert!(admin.save(&place, ops).g().is_some(), "an administrator does");
    // What was written before joining is theirs, and nobody else is told of it.
    let (mut cara, ops) = (place.laptop("Cara", "trainer"), organization(&amara));
    let id = ops[0].id;
    let verdict = save_alone(&mut cara, &place, ops);
    assert!(verdict.g().is_some(), "{verdict:?}");
    let mut ben = place.laptop("Ben", "trainer");
    ben.pull(&place);
    cara.pull(&place);
    assert!(ben.row("organizations", id).is_none() && cara.row("organizations", id).is_some(), "it is seen by who brought it");
    let realm = cara.realm;
    let own = cara.row("organizations", realm).unwrap().clone();
    let mark = vec![Op { entity: own.row.entity.no, id: realm, unit: own.unit, kind: OpKind::EnterInError { base: own.row_mid, reason: "Gone".into() } }];
    assert_eq!(code(&cara.save(&place, mark.clone())), "forbidden", "nobody but an administrator takes an organization away");
    assert_eq!(code(&save_alone(&mut cara, &place, mark)), "forbidden", "nor by saying that it was before joining");
}

/// What a laptop says it wrote before it joined.
fn save_alone(laptop: &mut Laptop, place: &Place, ops: Vec<Op>) -> Verdict {
    let realm = std::mem::take(&mut laptop.realm);
    let verdict = laptop.save(place, ops);
    laptop.realm = realm;
    verdict
}

#[test]
fn what_was_written_before_joining_comes_before_what_was_written_since() {
    let place = Place::new();
    let organization = |laptop: &Laptop| vec![create("organizations", laptop.new_id(), &[("name", "My own".into()), ("slug", Value::text(&laptop.new_id().to_string()))])];
    let ill = |laptop: &mut Laptop, what: &str| {
        let ops = organization(laptop);
        assert_eq!(code(&save_alone(laptop, &place, ops)), "forbidden", "{what}");
        let ops = vec![person(laptop.new_id(), "Ben")];
        let verdict = save_alone(laptop, &place, ops);
        assert!(verdict.g().is_some(), "{what}: anything else is judged as if it were written since: {verdict:?}");
    };
    let good = |laptop: &mut Laptop, what: &str| {
        let ops = organization(laptop);
        let verdict = save_alone(laptop, &place, ops);
        assert!(verdict.g().is_some(), "{what}: {verdict:?}");
    };
    let mut amara = place.laptop_of("Amara", "trainer", None, Some(Uuid::from_u128(77)));
    good(&mut amara, "worked alone and joined");
    amara.note_event();
    amara.begin_anew();
    good(&mut amara, "put back from a copy while that was on its way: another life");
    let backup = (amara.incarnation, amara.dseq, amara.head, amara.chain.clone(), amara.verdicts.clone());
    let id = amara.new_id();
    amara.save(&place, vec![person(id, "Cleo")]);
    ill(&mut amara, "wrote for the organization since");
    amara.begin_anew();
    ill(&mut amara, "a life that nobody invited changes nothing");
    // What waits for something is judged when it comes.
    let (absent, mut waiting) = (amara.new_id(), organization(&amara));
    waiting.push(mood(amara.new_id(), absent, 3, 5));
    assert_eq!(code(&save_alone(&mut amara, &place, waiting)), "forbidden", "nor does what waits");
    let place = place.reopened();
    let ops = organization(&amara);
    assert_eq!(code(&save_alone(&mut amara, &place, ops)), "forbidden", "it is kept");
    // Put back from a copy of before it joined, with what it wrote alone since, and invited once more.
    (amara.incarnation, amara.dseq, amara.head, amara.chain, amara.verdicts) = backup;
    amara.begin_anew();
    let invited = |user: Uuid| place.centre.invite(place.realm, &Invite { name: "Amara".into(), email: None, role: "trainer".into(), user: Some(user), minutes: 5 }).unwrap().code;
    let answer = place.centre.enrol(&amara.enrol_request(&invited(amara.actor), Some(amara.actor))).unwrap();
    amara.join(&answer);
    let ops = organization(&amara);
    let verdict = save_alone(&mut amara, &place, ops);
    assert!(verdict.g().is_some(), "{verdict:?}");
    // A copy of it becomes another laptop, and brings what waited there.
    let mut copy = place.laptop_of("Amara", "trainer", Some(amara.actor), Some(amara.actor));
    let ops = organization(&copy);
    assert!(save_alone(&mut copy, &place, ops).g().is_some());
    copy.save(&place, vec![person(copy.new_id(), "Dora")]);
    let ops = organization(&amara);
    assert!(save_alone(&mut amara, &place, ops).g().is_some(), "each laptop by itself");
}

#[test]
fn what_is_kept_of_colleagues_is_written_by_themselves_and_administrators() {
    let place = Place::new();
    let (mut amara, mut ben, mut chief, mut pia) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"), place.laptop("Chief", "admin"), place.laptop("Pia", "patient"));
    let (bens, chiefs) = (ben.actor, chief.actor);
    let check = |what: &str, laptop: &mut Laptop, expected: &str, who: Uuid, field: &str, value: Value| {
        laptop.pull(&place);
        let ops = laptop.change("users", who, &[(field, value)]);
        let verdict = laptop.save(&place, ops);
        assert_eq!(code(&verdict), expected, "{what}: {verdict:?}");
    };
    check("a colleague's number", &mut amara, "forbidden", bens, "phone_number", "116 123".into());
    check("a patient writes to staff", &mut pia, "forbidden", bens, "name", "Benjamin".into());
    check("one's own number", &mut ben, "", bens, "phone_number", "116 123".into());
    check("an administrator's correction", &mut chief, "", bens, "job_title", "Trainer".into());
    check("a colleague is kept out", &mut amara, "forbidden", bens, "is_active", Value::Boolean(false));
    check("an administrator keeps somebody out", &mut chief, "", bens, "is_active", Value::Boolean(false));
    check("who was kept out lets themselves in", &mut ben, "forbidden", bens, "is_active", Value::Boolean(true));
    check("an administrator leaves", &mut chief, "", chiefs, "is_active", Value::Boolean(false));
    check("and does not come back by themselves", &mut chief, "forbidden", chiefs, "is_active", Value::Boolean(true));
    // A secret is never taken from a laptop, whoever sends it.
    let (pias, state) = (pia.actor, pia.row("users", pia.actor).unwrap().clone());
    let secret = state.row.entity.field("password_hash").unwrap().no;
    let patch = gladstone_protocol::GroupPatch { group: secret, base: state.row_mid, values: vec![(secret, Value::text("a hash"))] };
    let verdict = pia.save(&place, vec![Op { entity: state.row.entity.no, id: pias, unit: state.unit, kind: OpKind::Update(vec![patch]) }]);
    assert_eq!(code(&verdict), "forbidden", "{verdict:?}");
}

#[test]
fn who_is_not_staff_writes_rows_of_their_own_for_the_organization_and_no_others() {
    let place = Place::new();
    let (mut amara, mut pia) = (place.laptop("Amara", "therapist"), place.laptop("Pia", "student"));
    let report = |laptop: &Laptop, id: Uuid| vec![create("reports", id, &[("organization_id", place.realm.into()), ("created_by", laptop.actor.into()), ("name", "Mine".into()), ("type", "custom".into())])];
    let (theirs, own) = (amara.new_id(), pia.new_id());
    let ops = report(&amara, theirs);
    assert!(amara.save(&place, ops).g().is_some());
    let ops = report(&pia, own);
    let verdict = pia.save(&place, ops);
    assert!(verdict.g().is_some(), "{verdict:?}");
    pia.pull(&place);
    for (id, expected) in [(own, ""), (theirs, "forbidden")] {
        let ops = pia.change("reports", id, &[("name", "Better".into())]);
        let verdict = pia.save(&place, ops);
        assert_eq!(code(&verdict), expected, "{verdict:?}");
    }
}
