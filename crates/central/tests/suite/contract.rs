//! The contract of an engine, method by method: what was written is read back equal.

use std::collections::{BTreeMap, BTreeSet};

use gladstone_central::{
    CentreError, Engine, EngineError,
    engine::{Ahead, Alike, Batch, Begun, Claim, Device, DeviceUnits, Having, Held, Life, LogAsk, LogLine, LogPart, Place, Reading, Sought, StoredInvite, StoredSession, UnitSum, Witness},
};
use gladstone_model::{Instant, Unit, Value, catalogue, unit::UnitKind};
use gladstone_protocol::{JournalEntry, JournalKind, RowState, RowsDigest, Side, Stored, wire::RowKey};
use uuid::Uuid;

use super::{id, read, realm, samples, write};

pub(super) fn founded(engine: &dyn Engine) -> Uuid {
    let new = realm(1);
    engine.found(&new).unwrap();
    new.id
}

fn sorted<T, K: Ord>(mut items: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    items.sort_by_key(key);
    items
}

pub(super) fn keyed(states: Vec<RowState>) -> BTreeMap<RowKey, RowState> {
    states.into_iter().map(|state| (RowKey { entity: state.row.entity.no, id: state.row.id() }, state)).collect()
}

/// Compares rows without printing all that is declared about them.
fn check_same(found: &BTreeMap<RowKey, RowState>, expected: &BTreeMap<RowKey, RowState>, when: &str) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{when}: which rows");
    for (key, state) in expected {
        let other = &found[key];
        let name = &state.row.entity.name;
        assert_eq!(other.row.values, state.row.values, "{when}: values of {name}");
        assert!(other == state, "{when}: the origin of {name}: {:?} {:?} {:?}", other.unit, other.group_mids, other.error);
    }
}

pub fn realms_are_founded_once(engine: &dyn Engine) {
    assert!(engine.realms().unwrap().is_empty(), "an empty store");
    let missing = engine.read(id(1, 9), &mut |_| Ok(()));
    assert_eq!(missing, Err(CentreError::Engine(EngineError::NoRealm)), "reading what is not there");
    let missing = engine.write(id(1, 9), &mut |_| Ok(()));
    assert_eq!(missing, Err(CentreError::Engine(EngineError::NoRealm)), "writing what is not there");
    for number in [1, 2] {
        let new = realm(number);
        engine.found(&new).unwrap();
        assert!(matches!(engine.found(&new), Err(EngineError::Refused(_))), "an id is taken once");
        let head = read(engine, new.id, |shelf| shelf.head().unwrap());
        assert_eq!((head.realm, &head.name, head.epoch, head.g, head.floor_g, head.held, head.device, head.seed), (new.id, &new.name, new.epoch, 0, 0, 0, new.device, new.seed), "a new realm");
    }
    assert_eq!(sorted(engine.realms().unwrap(), |id| *id), [realm(1).id, realm(2).id], "both are told");
}

pub fn a_head_follows_what_is_saved(engine: &dyn Engine) {
    let realm = founded(engine);
    write(engine, realm, |shelf| {
        shelf.save(Batch { g: 5, held_count: 2, ..Batch::default() }).unwrap();
        let head = shelf.head().unwrap();
        assert_eq!((head.g, head.held), (5, 2), "seen by what is read after it");
        shelf.trim_log(3).unwrap();
        shelf.trim_log(2).unwrap();
        shelf.set_epoch(id(2, 77)).unwrap();
    });
    let head = read(engine, realm, |shelf| shelf.head().unwrap());
    assert_eq!((head.g, head.held, head.floor_g, head.epoch), (5, 2, 3, id(2, 77)), "durable");
    assert_eq!(engine.witness(realm).unwrap(), Some(Witness { epoch: id(2, 77), g: 5 }), "the witness saw it");
    let failed = engine.write(realm, &mut |shelf| {
        shelf.save(Batch { g: 6, ..Batch::default() })?;
        Err(CentreError::Refused("on purpose".into()))
    });
    assert_eq!(failed, Err(CentreError::Refused("on purpose".into())), "what f fails with comes back");
    assert_eq!(read(engine, realm, |shelf| shelf.head().unwrap().g), 5, "gone when f fails");
    assert_eq!(engine.witness(realm).unwrap(), Some(Witness { epoch: id(2, 77), g: 5 }), "the witness saw nothing of it");
}

pub fn rows_of_every_entity_come_back_equal(engine: &dyn Engine) {
    let realm = founded(engine);
    let mut expected = BTreeMap::new();
    let mut g = 0;
    let mut save = |states: Vec<RowState>, before: fn(&RowState) -> Option<Unit>| {
        g += 1;
        expected.extend(keyed(states.clone()));
        let batch = Batch { g, rows: states.into_iter().map(|state| { let unit = before(&state); samples::save(state, unit, g) }).collect(), ..Batch::default() };
        write(engine, realm, |shelf| shelf.save(batch.clone()).unwrap());
        let keys: Vec<RowKey> = expected.keys().copied().chain([RowKey { entity: 1, id: id(99, 1) }]).collect();
        let found = keyed(read(engine, realm, |shelf| shelf.rows(&keys).unwrap()));
        check_same(&found, &expected, &format!("after batch {g}"));
    };
    for number in 1..=6 {
        save(samples::everything(samples::full, number), |_| None);
    }
    save(samples::everything(samples::bare, 7), |_| None);
    // Changed: to bare rows, to full ones, marked, and moved to another unit.
    save(samples::everything(samples::bare, 1), |state| Some(state.unit));
    save(samples::everything(|entity, number| samples::marked(samples::full(entity, number), id(4, 500)), 1), |state| Some(state.unit));
    save(samples::everything(|entity, number| RowState { unit: samples::person(50), ..samples::full(entity, number) }, 2), |_| Some(samples::person(2)));
}

pub fn rows_are_found_by_a_field(engine: &dyn Engine) {
    let realm = founded(engine);
    let mut states: Vec<RowState> = [1, 2, 3].into_iter().flat_map(|number| samples::everything(samples::full, number)).collect();
    for state in states.iter_mut().filter(|state| state.unit == samples::person(3)) {
        *state = samples::marked(state.clone(), id(4, 500));
    }
    write(engine, realm, |shelf| shelf.save(Batch { g: 1, rows: states.iter().map(|state| samples::save(state.clone(), None, 1)).collect(), ..Batch::default() }).unwrap());
    read(engine, realm, |shelf| {
        for entity in &catalogue().entities {
            for (field, declared) in entity.fields.iter().enumerate() {
                let own: Vec<&RowState> = states.iter().filter(|state| state.row.entity.no == entity.no).collect();
                let value = own[0].row.values[field].clone();
                let expected = keyed(own.iter().filter(|state| state.row.values[field] == value).map(|state| (*state).clone()).collect());
                let found = shelf.having(&[Having { entity, field, value: value.clone(), limit: 10 }]).unwrap();
                check_same(&keyed(found), &expected, &format!("{}.{} is {value:?}", entity.name, declared.name));
            }
        }
        let entity = catalogue().get("users").unwrap();
        let at = |name: &str| entity.position(name).unwrap();
        let of = |number: u64, name: &str| samples::full(entity, number).row.get(name).clone();
        let limited = shelf.having(&[Having { entity, field: at("id"), value: of(1, "id"), limit: 1 }, Having { entity, field: at("id"), value: of(2, "id"), limit: 1 }]).unwrap();
        assert_eq!(limited.len(), 2, "a limit is one of each ask");
        let alike = |values: Vec<(usize, Value)>, except: Uuid| Alike { entity, values, except };
        let asks = [
            alike(vec![(at("email"), of(1, "email"))], id(99, 1)),
            alike(vec![(at("email"), of(1, "email"))], samples::row_id(entity, 1)),
            alike(vec![(at("email"), of(1, "email")), (at("name"), of(2, "name"))], id(99, 1)),
            alike(vec![(at("email"), of(3, "email"))], id(99, 1)),
            alike(vec![(at("email"), of(2, "email")), (at("is_active"), of(2, "is_active"))], id(99, 1)),
            alike(vec![(at("email"), Value::Null)], id(99, 1)),
        ];
        let expected = [Some(samples::key(entity, 1)), None, None, None, Some(samples::key(entity, 2)), None];
        assert_eq!(shelf.alike(&asks).unwrap(), expected, "another, with all values, not in error");
    });
    write(engine, realm, |shelf| shelf.save(Batch { g: 2, rows: vec![samples::save(samples::bare(entity_of("users"), 4), None, 2)], ..Batch::default() }).unwrap());
    let entity = entity_of("users");
    let ask = Alike { entity, values: vec![(entity.position("email").unwrap(), Value::Null)], except: id(99, 1) };
    assert_eq!(read(engine, realm, |shelf| shelf.alike(std::slice::from_ref(&ask)).unwrap()), [Some(samples::key(entity, 4))], "null equals null");
}

pub(super) fn entity_of(name: &str) -> &'static gladstone_model::Entity {
    catalogue().get(name).unwrap()
}

pub fn envelopes_and_verdicts_come_back_as_they_were(engine: &dyn Engine) {
    let realm = founded(engine);
    let device = id(3, 70);
    let mut filed = vec![
        samples::filed(device, 1, Some(1), Stored::Applied { g: 1 }),
        samples::filed(device, 2, None, Stored::Held { missing: vec![id(7, 1)] }),
        samples::filed(device, 3, None, Stored::Quarantined { code: "forbidden".into(), text: "No.".into() }),
        samples::filed(device, 4, Some(2), Stored::Applied { g: 2 }),
    ];
    filed[3].mutation = None;
    write(engine, realm, |shelf| shelf.save(Batch { g: 2, filed: filed.clone(), ..Batch::default() }).unwrap());
    let incarnation = filed[0].place.incarnation;
    let all = |from, to| read(engine, realm, |shelf| shelf.filed(device, incarnation, from, to).unwrap());
    assert_eq!(all(1, 4), filed, "to the letter, in order");
    assert_eq!(all(2, 3), filed[1..3], "a part");
    assert_eq!(read(engine, realm, |shelf| shelf.filed(device, id(9, 12_345), 1, 4).unwrap()), [], "another life");
    let ids: Vec<Uuid> = filed.iter().filter_map(|one| one.mutation.as_ref().map(|(writer, _)| writer.mutation)).collect();
    let written = sorted(read(engine, realm, |shelf| shelf.mutations(&[ids.clone(), vec![id(7, 9)]].concat()).unwrap()), |one| one.place);
    assert_eq!(written.len(), 3, "those that are here");
    for (written, filed) in written.iter().zip(&filed) {
        assert_eq!(Some((written.writer, written.command.clone())), filed.mutation, "who wrote it");
        assert_eq!((written.place, written.g, &written.verdict), (filed.place, filed.g, &filed.verdict), "where it came and what became of it");
    }
    let bytes = sorted(read(engine, realm, |shelf| shelf.mutation_bytes(&ids).unwrap()), |(id, _)| *id);
    assert_eq!(bytes, filed[..3].iter().zip(&ids).map(|(one, id)| (*id, one.envelope.bytes.clone())).collect::<Vec<_>>(), "the bytes as they came");

    let changed = |after, to, limit| read(engine, realm, |shelf| shelf.changed_verdicts(device, incarnation, after, to, limit).unwrap());
    assert_eq!(changed(0, 100, 10), [], "none was decided anew");
    let anew = vec![(filed[1].place, None, Stored::Held { missing: vec![] }, 7), (filed[1].place, Some(8), Stored::Applied { g: 8 }, 8), (filed[2].place, Some(9), Stored::Applied { g: 9 }, 9)];
    write(engine, realm, |shelf| shelf.save(Batch { g: 9, verdicts: anew.clone(), ..Batch::default() }).unwrap());
    assert_eq!(changed(0, 100, 10), [(2, Stored::Applied { g: 8 }), (3, Stored::Applied { g: 9 })], "the last decision");
    assert_eq!(changed(8, 9, 10), [(3, Stored::Applied { g: 9 })], "in a range");
    assert_eq!(changed(0, 100, 1).len(), 1, "a limit");
    assert_eq!(all(2, 2)[0].g, Some(8), "with its effect");
}

pub fn a_journal_is_open_until_it_is_settled(engine: &dyn Engine) {
    let realm = founded(engine);
    let side = |number: u64| Side { values: vec![(3, Value::text("x")), (4, Value::Null)], writer: samples::filed(id(3, 70), number, None, Stored::Applied { g: 1 }).mutation.unwrap().0 };
    let entry = |row: u64, group: u16, other: u64, kind| JournalEntry { entity: 5, row: id(11, row), group, kind, base: Some(id(4, 1)), base_values: None, kept: side(1), other: side(other) };
    let (a, b, c) = (entry(1, 3, 2, JournalKind::Review), entry(1, 0, 2, JournalKind::Displaced), entry(2, 3, 3, JournalKind::Lost));
    let open = || sorted(read(engine, realm, |shelf| shelf.journal(&[RowKey { entity: 5, id: id(11, 1) }, RowKey { entity: 5, id: id(11, 2) }]).unwrap()), JournalEntry::key);
    let save = |journal: Vec<(u64, JournalEntry)>, settled| write(engine, realm, |shelf| shelf.save(Batch { g: 1, journal: journal.clone(), settled: Vec::clone(&settled), ..Batch::default() }).unwrap());
    save(vec![(1, a.clone()), (1, b.clone()), (1, c.clone())], vec![]);
    assert_eq!(open(), sorted(vec![a.clone(), b.clone(), c.clone()], JournalEntry::key), "opened");
    let replaced = JournalEntry { kind: JournalKind::Addendum, ..c.clone() };
    save(vec![(2, replaced.clone())], vec![(2, a.key())]);
    assert_eq!(open(), sorted(vec![b.clone(), replaced], JournalEntry::key), "one replaced, one settled");
    save(vec![(3, a.clone())], vec![(3, b.key()), (3, c.key())]);
    assert_eq!(open(), [a], "opened again");
}

pub fn what_is_held_waits_until_it_is_released(engine: &dyn Engine) {
    let realm = founded(engine);
    let filed: Vec<_> = [80, 70, 60].into_iter().map(|device| samples::filed(id(3, device), 1, None, Stored::Held { missing: vec![] })).collect();
    let held = |at: usize, missing: &[Uuid]| Held { place: filed[at].place, mutation: filed[at].mutation.as_ref().unwrap().0.mutation, missing: missing.to_vec() };
    // In the order of laptops: the core sorts them so, whatever the order in which they come.
    let all = || sorted(read(engine, realm, |shelf| shelf.held().unwrap()), |held| held.place);
    let (a, b, c) = (held(0, &[id(7, 1)]), held(1, &[]), held(2, &[id(7, 1), id(7, 2)]));
    write(engine, realm, |shelf| shelf.save(Batch { g: 0, held_count: 3, filed: filed.clone(), held: vec![c.clone(), b.clone(), a.clone()], ..Batch::default() }).unwrap());
    assert_eq!(all(), [c.clone(), b.clone(), a.clone()], "all of them");
    let waits_for_other = Held { missing: vec![id(7, 5)], ..a };
    write(engine, realm, |shelf| shelf.save(Batch { g: 0, held_count: 2, held: vec![waits_for_other.clone()], released: vec![b.place], ..Batch::default() }).unwrap());
    assert_eq!(all(), [c, waits_for_other], "one waits for something else, one no more");
}

pub fn claims_and_digests_are_replaced(engine: &dyn Engine) {
    let realm = founded(engine);
    let source = |number| RowKey { entity: 5, id: id(11, number) };
    let claim = |actor, unit, number, from| Claim { actor: id(8, actor), unit: samples::person(unit), source: source(number), from, to: Some(Instant(9)), read_only: number == 2 };
    let of = |actors: &[u64]| {
        let actors: Vec<Uuid> = actors.iter().map(|actor| id(8, *actor)).collect();
        sorted(read(engine, realm, |shelf| shelf.claims(&actors).unwrap()), |claim| (claim.actor, claim.unit, claim.source))
    };
    let save = |claims: Vec<(RowKey, Vec<Claim>)>| write(engine, realm, |shelf| shelf.save(Batch { g: 1, claims: claims.clone(), ..Batch::default() }).unwrap());
    save(vec![(source(1), vec![claim(1, 1, 1, None), claim(2, 1, 1, None)]), (source(2), vec![claim(1, 2, 2, Some(Instant(-5)))])]);
    assert_eq!(of(&[1]), [claim(1, 1, 1, None), claim(1, 2, 2, Some(Instant(-5)))], "of one");
    assert_eq!(of(&[1, 2, 3]).len(), 3, "of all");
    save(vec![(source(1), vec![claim(3, 1, 1, None)]), (source(2), vec![])]);
    assert_eq!(of(&[1, 2, 3]), [claim(3, 1, 1, None)], "in place of all that followed before");

    let mut digest = RowsDigest::default();
    digest.add(&samples::bare(entity_of("users"), 1)).unwrap();
    let org = Unit { kind: UnitKind::Org, id: realm };
    let sum = |unit, rows| UnitSum { unit, digest, rows };
    let save = |digests: Vec<UnitSum>| write(engine, realm, |shelf| shelf.save(Batch { g: 1, digests: digests.clone(), ..Batch::default() }).unwrap());
    save(vec![sum(samples::person(1), 1), sum(samples::person(2), 5), sum(org, 1), sum(Unit::PLATFORM, 3)]);
    save(vec![sum(samples::person(1), 2), UnitSum { unit: samples::person(2), digest: RowsDigest::default(), rows: 0 }]);
    let found = read(engine, realm, |shelf| shelf.digests(&[samples::person(1), org, samples::person(9)]).unwrap());
    assert_eq!(sorted(found, |sum| sum.unit), [sum(org, 1), sum(samples::person(1), 2)], "those that are known");
    for (kind, expected) in [(UnitKind::Person, vec![samples::person(1)]), (UnitKind::Org, vec![org]), (UnitKind::Platform, vec![Unit::PLATFORM]), (UnitKind::Thread, vec![])] {
        assert_eq!(read(engine, realm, |shelf| shelf.units(kind).unwrap()), expected, "units of {kind:?} that have rows");
    }
}

pub fn laptops_and_their_lives_come_back(engine: &dyn Engine) {
    let realm_id = founded(engine);
    engine.found(&realm(2)).unwrap();
    let device = |number: u64| Device { id: id(3, number), actor: id(8, 1), label: "Zoë's laptop".into(), public_key: [1; 32], incarnation: id(9, 1), enrolled: Instant(5), seen: None, revoked: None, epoch: Uuid::nil(), nonce: [2; 32], former_nonce: [3; 32], alone: true };
    let (a, b) = (device(70), device(71));
    write(engine, realm_id, |shelf| { shelf.put_device(&a).unwrap(); shelf.put_device(&b).unwrap() });
    let changed = Device { seen: Some(Instant(6)), revoked: Some(Instant(7)), epoch: id(2, 1), nonce: [9; 32], former_nonce: [2; 32], incarnation: id(9, 2), alone: false, ..b };
    let life = |incarnation: u64, dseq| Life { device: a.id, incarnation: id(9, incarnation), dseq, head: [dseq as u8; 32], hlc: u64::MAX - dseq, public_key: [1; 32] };
    write(engine, realm_id, |shelf| shelf.save(Batch { devices: vec![changed.clone()], lives: vec![life(1, 4), life(2, 0)], ..Batch::default() }).unwrap());
    write(engine, realm_id, |shelf| shelf.save(Batch { lives: vec![life(1, 5)], ..Batch::default() }).unwrap());
    read(engine, realm_id, |shelf| {
        assert_eq!(sorted(shelf.devices(None).unwrap(), |device| device.id), [a.clone(), changed.clone()], "all of them");
        assert_eq!(shelf.devices(Some(&[a.id, id(3, 99)])).unwrap(), std::slice::from_ref(&a), "by id");
        assert_eq!(shelf.devices(Some(&[])).unwrap(), [], "none asked for");
        assert_eq!(sorted(shelf.lives(&[a.id]).unwrap(), |life| life.incarnation), [life(1, 5), life(2, 0)], "its lives");
        assert_eq!(shelf.device_units(a.id).unwrap(), DeviceUnits::default(), "no units yet");
    });
    let units = DeviceUnits { now: vec![Unit::PLATFORM, samples::person(1), samples::person(2)], before: vec![], between: vec![] };
    let ahead = DeviceUnits { between: vec![vec![], vec![Unit::PLATFORM], vec![Unit::PLATFORM, samples::person(1)]], ..units.clone() };
    for units in [DeviceUnits { now: vec![], before: vec![Unit::PLATFORM], between: vec![] }, ahead, units] {
        write(engine, realm_id, |shelf| shelf.put_device_units(a.id, &units).unwrap());
        assert_eq!(read(engine, realm_id, |shelf| shelf.device_units(a.id).unwrap()), units, "as handed out");
    }
    assert_eq!(engine.realm_of(Sought::Device(a.id)).unwrap(), Some(realm_id), "found from outside");
    assert_eq!(engine.realm_of(Sought::Device(id(3, 99))).unwrap(), None, "unknown");
}

pub fn invitations_and_sessions_are_found_by_hash(engine: &dyn Engine) {
    let realm = founded(engine);
    let invite = StoredInvite { hash: [4; 32], name: "Zoë O'Neill".into(), email: None, role: "therapist".into(), user: None, expires: Instant(50), used_by: None };
    let used = StoredInvite { email: Some("zoe@example.org".into()), user: Some(id(8, 1)), used_by: Some(id(3, 70)), ..invite.clone() };
    for invite in [invite, used] {
        write(engine, realm, |shelf| shelf.put_invite(&invite).unwrap());
        assert_eq!(read(engine, realm, |shelf| shelf.invite([4; 32]).unwrap()), Some(invite), "as it was put");
    }
    assert_eq!(read(engine, realm, |shelf| shelf.invite([5; 32]).unwrap()), None, "unknown");
    let session = |hash: u8, expires| StoredSession { hash: [hash; 32], device: id(3, 70), challenge: hash == 1, expires: Instant(expires) };
    let found = |hash: u8| read(engine, realm, |shelf| shelf.session([hash; 32]).unwrap());
    write(engine, realm, |shelf| { shelf.put_session(&session(1, 10), Instant(0)).unwrap(); shelf.put_session(&session(2, 30), Instant(5)).unwrap() });
    assert_eq!((found(1), found(2)), (Some(session(1, 10)), Some(session(2, 30))), "both are good");
    assert_eq!(engine.realm_of(Sought::Session([2; 32])).unwrap(), Some(realm), "a session from outside");
    assert_eq!(engine.realm_of(Sought::Invite([4; 32])).unwrap(), Some(realm), "an invitation from outside");
    assert_eq!(engine.realm_of(Sought::Session([4; 32])).unwrap(), None, "a hash of the other kind");
    write(engine, realm, |shelf| shelf.put_session(&session(3, 40), Instant(20)).unwrap());
    assert_eq!(found(1), None, "what ended is removed");
    write(engine, realm, |shelf| shelf.remove_session([2; 32]).unwrap());
    assert_eq!((found(2), found(3)), (None, Some(session(3, 40))), "removed by hand");
}

/// The log is asked in many ways and compared with what a plain list says.
pub fn the_log_is_told_in_whole_mutations(engine: &dyn Engine) {
    let realm = founded(engine);
    let mut lines: Vec<LogLine> = Vec::new();
    let mut dice = 42_u64;
    let mut draw = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    let last = 1_500;
    for g in 1..=last {
        for at in 0..=draw(4) {
            lines.push(LogLine { g, at: at as u32, unit: samples::person(draw(6)), key: RowKey { entity: 5, id: id(11, draw(50)) }, mutation: id(7, g), news: vec![g as u8; draw(60) as usize], shift: None });
        }
    }
    for part in lines.chunks(700) {
        write(engine, realm, |shelf| shelf.save(Batch { g: last, log: part.to_vec(), ..Batch::default() }).unwrap());
    }
    let check = |after_g: u64, to_g: u64, numbers: &[u64], bytes: usize, most: usize| {
        let units: BTreeSet<Unit> = numbers.iter().map(|number| samples::person(*number)).collect();
        let ask = LogAsk { after_g, to_g, units: &units, bytes, lines: most };
        let found: LogPart = read(engine, realm, |shelf| shelf.log(&ask).unwrap());
        let fits: Vec<&LogLine> = lines.iter().filter(|line| line.g > after_g && line.g <= found.through_g && units.contains(&line.unit)).collect();
        assert!(found.through_g <= to_g, "{ask:?}: no further than asked");
        assert_eq!(found.lines.iter().collect::<Vec<_>>(), fits, "{ask:?}: every line up to {}", found.through_g);
        if found.through_g < to_g {
            let (sum, count) = (found.lines.iter().map(|line| line.news.len()).sum::<usize>(), found.lines.len());
            let before: Vec<&LogLine> = found.lines.iter().filter(|line| line.g < found.through_g).collect();
            assert!(sum > bytes || count >= most, "{ask:?}: it ends because it is enough");
            assert!(before.iter().map(|line| line.news.len()).sum::<usize>() <= bytes && before.len() < most, "{ask:?}: it ends as soon as it is enough");
        }
    };
    for round in 0..120_u64 {
        let after = draw(last);
        let to = (after + 1 + draw(last)).min(last);
        let units: Vec<u64> = (0..6).filter(|_| draw(3) == 0).collect();
        let (bytes, most) = [(usize::MAX, usize::MAX), (1_000, usize::MAX), (usize::MAX, 25), (0, 1), (50_000, 500)][round as usize % 5];
        check(after, to, &units, bytes, most);
    }
    check(0, last, &[0, 1, 2, 3, 4, 5], usize::MAX, usize::MAX);
    check(last, last, &[1], 10, 10);
    write(engine, realm, |shelf| shelf.trim_log(700).unwrap());
    lines.retain(|line| line.g > 700);
    let units = BTreeSet::from([samples::person(1)]);
    let rest = read(engine, realm, |shelf| shelf.log(&LogAsk { after_g: 0, to_g: last, units: &units, bytes: usize::MAX, lines: usize::MAX }).unwrap());
    assert_eq!(rest.lines, lines.into_iter().filter(|line| units.contains(&line.unit)).collect::<Vec<_>>(), "what was trimmed is gone, the rest is there");
}

pub fn a_part_that_is_saved_beside_is_seen_and_kept_or_goes_with_the_whole(engine: &dyn Engine) {
    let realm = founded(engine);
    let users = catalogue().get("users").unwrap();
    let part = |number: u64| Batch { g: number, rows: vec![samples::save(samples::bare(users, number), None, number)], ..Batch::default() };
    let keys = [1, 2, 3, 4].map(|number| samples::key(users, number));
    write(engine, realm, |shelf| {
        shelf.save_beside(part(1)).unwrap();
        assert_eq!((shelf.head().unwrap().g, shelf.rows(&keys).unwrap().len()), (1, 1), "what is read after it sees it");
        shelf.save_beside(part(2)).unwrap();
        shelf.save(part(3)).unwrap();
    });
    let kept = || read(engine, realm, |shelf| (shelf.head().unwrap().g, shelf.rows(&keys).unwrap().len()));
    assert_eq!(kept(), (3, 3), "all parts are kept");
    let refused = engine.write(realm, &mut |shelf| {
        shelf.save_beside(part(4))?;
        // This row is there already.
        Ok(shelf.save_beside(Batch { g: 5, ..part(1) })?)
    });
    assert!(matches!(refused, Err(CentreError::Engine(EngineError::Refused(_)))), "what goes wrong beside is told: {refused:?}");
    assert_eq!(kept(), (3, 3), "nothing of it is kept");
    write(engine, realm, |shelf| shelf.save_beside(part(4)).unwrap());
    assert_eq!(kept(), (4, 4), "and the next transaction is as every other");
}

pub fn a_part_may_refer_to_what_was_written_before(engine: &dyn Engine) {
    let realm = founded(engine);
    let (users, profiles) = (entity_of("users"), entity_of("user_profiles"));
    let part = |entities: &[&'static gladstone_model::Entity], number, g| Batch { g, rows: entities.iter().map(|entity| samples::save(samples::bare(entity, number), None, g)).collect(), ..Batch::default() };
    write(engine, realm, |shelf| {
        shelf.save_beside(part(&[users], 1, 1)).unwrap();
        shelf.save_beside(part(&[profiles], 1, 2)).unwrap();
        // In one part in any order.
        shelf.save_beside(part(&[profiles, users], 2, 3)).unwrap();
        shelf.save(part(&[users, profiles], 3, 4)).unwrap();
    });
    let keys = [1, 2, 3].map(|number| samples::key(profiles, number));
    assert_eq!(read(engine, realm, |shelf| shelf.rows(&keys).unwrap().len()), 3);
}

/// Names a place for tests that need no more.
pub fn what_work_begins_with_is_answered_as_each_by_itself(engine: &dyn Engine) {
    let realm = founded(engine);
    let users = entity_of("users");
    let (device, source) = (id(3, 70), samples::key(users, 1));
    let filed = samples::filed(device, 1, Some(1), Stored::Applied { g: 1 });
    let mutation = filed.mutation.clone().unwrap().0.mutation;
    let claim = Claim { actor: id(8, 1), unit: samples::person(1), source, from: None, to: Some(Instant(9)), read_only: true };
    let laptop = Device { id: device, actor: id(8, 1), label: "x".into(), public_key: [1; 32], incarnation: id(9, 1), enrolled: Instant(5), seen: None, revoked: None, epoch: Uuid::nil(), nonce: [2; 32], former_nonce: [3; 32], alone: true };
    let sum = UnitSum { unit: samples::person(1), digest: RowsDigest::default(), rows: 2 };
    let session = StoredSession { hash: [6; 32], device, challenge: false, expires: Instant(40) };
    assert_eq!(engine.caller(realm, [6; 32]), Ok(None), "nobody yet");
    write(engine, realm, |shelf| {
        shelf.put_device(&laptop).unwrap();
        shelf.put_session(&session, Instant(0)).unwrap();
        let lives = [1, 2].map(|number| Life { device, incarnation: id(9, number), dseq: number, head: [1; 32], hlc: 7, public_key: [1; 32] });
        let rows = samples::everything(samples::full, 1).into_iter().map(|state| samples::save(state, None, 1)).collect();
        shelf.save(Batch { g: 1, rows, filed: vec![filed.clone()], lives: lives.to_vec(), claims: vec![(source, vec![claim.clone()])], digests: vec![sum], ..Batch::default() }).unwrap();
    });
    assert_eq!(engine.caller(realm, [6; 32]), Ok(Some((session.clone(), laptop))), "a session with its laptop");
    assert_eq!(engine.caller(realm, [7; 32]), Ok(None), "another hash");
    let keys: Vec<RowKey> = samples::everything(samples::full, 1).iter().map(|state| RowKey { entity: state.row.entity.no, id: state.row.id() }).chain([samples::key(users, 9), RowKey { entity: 60_000, id: id(1, 1) }]).collect();
    let whole = Ahead { sessions: vec![[6; 32], [7; 32]], devices: vec![device, id(3, 99)], actors: vec![id(8, 1), id(8, 2)], rows: keys, mutations: vec![mutation, id(4, 999)], units: vec![samples::person(1), samples::person(99)] };
    // In every combination of what is asked and what is not.
    for number in 0..64_u8 {
        let has = |bit: u8| number & (1 << bit) != 0;
        let ask = Ahead {
            devices: if has(0) { whole.devices.clone() } else { Vec::new() },
            actors: if has(1) { whole.actors.clone() } else { Vec::new() },
            rows: if has(2) { whole.rows.clone() } else { Vec::new() },
            mutations: if has(3) { whole.mutations.clone() } else { Vec::new() },
            units: if has(4) { whole.units.clone() } else { Vec::new() },
            sessions: if has(5) { whole.sessions.clone() } else { Vec::new() },
        };
        let look = |shelf: &mut dyn Reading, Begun { devices, lives, claims, rows, written, sums, sessions }| {
            assert_eq!(devices, if has(0) { shelf.devices(Some(&whole.devices)).unwrap() } else { Vec::new() }, "laptops of {ask:?}");
            assert_eq!(sorted(lives, |life| life.dseq), if has(0) { sorted(shelf.lives(&whole.devices).unwrap(), |life| life.dseq) } else { Vec::new() }, "lives of {ask:?}");
            assert_eq!(claims, if has(1) { vec![claim.clone()] } else { Vec::new() }, "claims of {ask:?}");
            check_same(&keyed(rows), &if has(2) { keyed(shelf.rows(&whole.rows).unwrap()) } else { BTreeMap::new() }, "rows");
            assert_eq!(written, if has(3) { shelf.mutations(&[mutation]).unwrap() } else { Vec::new() }, "mutations of {ask:?}");
            assert_eq!(sums, if has(4) { vec![sum] } else { Vec::new() }, "sums of {ask:?}");
            assert_eq!(sessions, if has(5) { vec![session.clone()] } else { Vec::new() }, "sessions of {ask:?}");
        };
        read(engine, realm, |shelf| {
            let begun = shelf.ahead(&ask).unwrap();
            look(shelf, begun);
        });
        // Asked with the beginning of a transaction that writes it is the same.
        let mut begun = None;
        engine.write_ahead(realm, &ask, &mut |_, answer| { begun = Some(answer); Ok(()) }).unwrap();
        read(engine, realm, |shelf| look(shelf, begun.clone().unwrap()));
    }
}

pub fn place(device: u64, dseq: u64) -> Place {
    Place { device: id(3, device), incarnation: id(9, device), dseq }
}
