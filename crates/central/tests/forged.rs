//! What a laptop says about units and versions is a hint: the centre decides where a row lies, and
//! takes what an older version wrote before it was upgraded.

mod support;

use gladstone_model::{Instant, Unit, catalogue::SCHEMA_VERSION, unit::UnitKind};
use gladstone_protocol::{Mutation, Op, Verdict, entry::Body};
use support::{Laptop, Place, code, mood, person};
use uuid::Uuid;

#[test]
fn a_row_lies_where_its_values_say_whatever_unit_a_laptop_names() {
    let place = Place::new();
    let (mut amara, mut ben, mut chief) = (place.laptop("Amara", "therapist"), place.laptop("Ben", "therapist"), place.laptop("Chief", "admin"));
    let (foreign, own) = (amara.new_id(), ben.new_id());
    amara.save(&place, vec![person(foreign, "Cleo")]);
    ben.save(&place, vec![person(own, "Dora")]);
    let of = |kind, id| Unit { kind, id };
    let ids = [own, foreign, ben.actor, amara.actor, place.realm, Uuid::nil(), Uuid::max(), Uuid::from_u128(7)];
    let kinds = [UnitKind::Platform, UnitKind::Org, UnitKind::Person, UnitKind::Account, UnitKind::Thread];
    let mut written = Vec::new();
    for turn in 0..240_u64 {
        let dice = place.around.roll() ^ turn;
        let unit = of(kinds[dice as usize % kinds.len()], ids[(dice >> 8) as usize % ids.len()]);
        let whose = if dice >> 16 & 1 == 0 { own } else { foreign };
        let id = ben.new_id();
        ben.write(vec![Op { unit, ..mood(id, whose, 1 + turn as u32, 5) }]);
        written.push((ben.dseq, id, whose, unit));
    }
    ben.push(&place);
    ben.pull(&place);
    chief.pull(&place);
    for (dseq, id, whose, unit) in &written {
        let verdict = &ben.verdicts[dseq];
        if *whose == own {
            assert!(verdict.g().is_some(), "{unit}: {verdict:?}");
            for laptop in [&ben, &chief] {
                assert_eq!(laptop.row("mood_entries", *id).unwrap().unit, of(UnitKind::Person, own), "said to be in {unit}");
            }
        } else {
            assert_eq!(code(verdict), "forbidden", "{unit}: {verdict:?}");
            assert!(chief.row("mood_entries", *id).is_none(), "{unit}: it had no effect");
        }
    }
    amara.pull(&place);
    assert!(amara.rows("mood_entries").is_empty(), "nobody else is told");
}

/// Seals a mood as a version of the schema would.
fn write_as(laptop: &mut Laptop, schema_version: u32, whose: Uuid, day: u32) {
    let wall = Instant(1_795_000_000_000_000 + i64::from(day) * 1_000);
    let mutation = Mutation { id: laptop.new_id(), realm: laptop.realm, actor: laptop.actor, hlc: wall.millis().unsigned_abs() << 16 | u64::from(day), wall, zone_minutes: 0, server_offset: 0, schema_version, command: "mood.add".into(), reason: None, ops: vec![mood(laptop.new_id(), whose, day, 5)] };
    laptop.seal(Body::Mutation(mutation));
}

#[test]
fn a_hundred_changes_that_waited_while_the_laptop_was_upgraded_are_taken() {
    let place = Place::new();
    let mut amara = place.laptop("Amara", "therapist");
    let id = amara.new_id();
    amara.save(&place, vec![person(id, "Cleo")]);
    let before = amara.dseq;
    for day in 1..=100 {
        write_as(&mut amara, SCHEMA_VERSION - 1, id, day);
    }
    for day in 101..=110 {
        write_as(&mut amara, SCHEMA_VERSION, id, day);
    }
    let sent: Vec<_> = amara.chain[before as usize..].to_vec();
    amara.push(&place);
    assert!(amara.verdicts.values().all(|verdict| matches!(verdict, Verdict::Applied { .. })), "{:?}", amara.verdicts.values().find(|verdict| verdict.g().is_none()));
    amara.pull(&place);
    assert_eq!(amara.rows("mood_entries").len(), 110, "those of both versions");
    let again = place.centre.push(&place.caller(&amara), &amara.push_request(sent)).unwrap();
    assert!(again.verdicts.iter().all(|judged| matches!(judged.verdict, Verdict::Duplicate { .. })), "they lie there as they were sent");
    // The centre is never older than a laptop: what is newer waits, and is not lost.
    write_as(&mut amara, SCHEMA_VERSION + 1, id, 120);
    let answer = place.centre.push(&place.caller(&amara), &amara.push_request(amara.chain[amara.dseq as usize - 1..].to_vec())).unwrap();
    assert_eq!(answer.verdicts[0].verdict, Verdict::UpgradeRequired);
}
