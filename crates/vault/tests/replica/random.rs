//! Anything in any order: three laptops, one centre, lost answers, new lives, rights that come and
//! go. After every step the view is the base with what waits on top; at the end all agree.

use std::collections::{BTreeMap, BTreeSet};

use gladstone_model::{Value, catalogue};
use gladstone_protocol::{
    Known, RowState, Writer,
    entry::Body,
    merge,
    wire::{RowImage, RowKey},
};
use gladstone_testkit::{Dice, Laptop, dice};
use gladstone_vault::{VaultError, replica::Waiting};
use uuid::Uuid;

use crate::{answers::sound, realm::{Realm, agrees, entrust, trainer}};

/// Pending entries of one row, as the rule asks about them.
struct Own(Vec<Writer>);

impl Known for Own {
    fn writer(&self, mutation: Uuid) -> Option<Writer> {
        Some(self.0.iter().find(|writer| writer.mutation == mutation).copied().unwrap_or_else(|| Writer::before_all(mutation)))
    }
}

/// Values and mark of a row.
type Seen = (Vec<(u16, Value)>, Option<(Uuid, String)>);

/// What a person sees of a row: all but the times that the store sets itself.
fn seen(row: &RowImage) -> Seen {
    let entity = catalogue().by_no(row.key.entity).unwrap();
    let times = ["created_at", "updated_at"].map(|name| entity.field(name).map(|field| field.no));
    (row.values.iter().filter(|(no, _)| !times.contains(&Some(*no))).cloned().collect(), row.error.clone())
}

/// The base with every pending entry on top, computed apart from the vault.
fn expected(laptop: &Laptop) -> BTreeMap<RowKey, RowImage> {
    let mut rows = laptop.base();
    let pending: Vec<(u16, Vec<u8>, i64)> = laptop.peek(|connection| {
        let mut statement = connection.prepare("SELECT entity, row_id, dseq FROM pending WHERE within = 0 ORDER BY dseq").unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().map(Result::unwrap).collect()
    });
    let mut own: BTreeMap<RowKey, Vec<(Writer, gladstone_protocol::Op)>> = BTreeMap::new();
    for (entity, id, place) in pending {
        let key = RowKey { entity, id: Uuid::from_slice(&id).unwrap() };
        let entry = laptop.vault.entry(place.unsigned_abs()).unwrap().unwrap();
        let Body::Mutation(mutation) = entry.body else { unreachable!("only mutations lie on rows") };
        let op = mutation.ops.iter().find(|op| op.entity == entity && op.id == key.id).unwrap().clone();
        own.entry(key).or_default().push((Writer::of(&mutation, entry.device, mutation.hlc), op));
    }
    for (key, mut entries) in own {
        entries.sort_by_key(|(writer, _)| writer.hlc);
        let known = Own(entries.iter().map(|(writer, _)| *writer).collect());
        let mut state: Option<RowState> = rows.remove(&key).map(|image| image.into_state().unwrap().0);
        for (writer, op) in &entries {
            if let Ok(merged) = merge::merge(state.as_ref(), op, writer, &known) {
                state = Some(merged.state);
            }
        }
        rows.extend(state.map(|state| (key, RowImage::of(&state))));
    }
    rows
}

fn view_is_base_with_what_waits(laptop: &Laptop, when: &str) {
    let (ours, theirs) = (laptop.view(), expected(laptop));
    let keys: BTreeSet<RowKey> = ours.keys().chain(theirs.keys()).copied().collect();
    for key in keys {
        let (shown, due) = (ours.get(&key).map(seen), theirs.get(&key).map(seen));
        assert_eq!(shown, due, "{when}: {key:?} is shown (left) as the base with what waits on top (right)");
    }
}

/// A row that only entries make is shown with all of them, or not at all.
fn what_entries_make_is_whole(laptop: &Laptop, when: &str) {
    let torn: BTreeSet<(u16, Vec<u8>)> = laptop.peek(|connection| {
        let below = "SELECT 1 FROM overlay AS o WHERE o.entity = p.entity AND o.row_id = p.row_id";
        let sql = format!("SELECT entity, row_id FROM pending AS p WHERE NOT EXISTS ({below}) GROUP BY entity, row_id HAVING min(within) <> max(within)");
        let mut statement = connection.prepare(&sql).unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    });
    let view = if torn.is_empty() { BTreeMap::new() } else { laptop.view() };
    for (entity, id) in torn {
        let key = RowKey { entity, id: Uuid::from_slice(&id).unwrap() };
        assert!(!view.contains_key(&key), "{when}: {key:?} is shown with a part of what was written to it");
    }
}

/// What people did so far.
#[derive(Default)]
struct Story {
    people: Vec<Uuid>,
    moods: Vec<Uuid>,
    cares: Vec<Uuid>,
    days: u64,
}

impl Story {
    /// Something that the person at this laptop may well do; what is not here cannot be done.
    fn act(&mut self, laptop: &Laptop, others: &[Uuid], dice: &mut Dice) {
        let pick = |list: &[Uuid], dice: &mut Dice| list.get(dice.below(list.len())).copied().unwrap_or_default();
        let (person, mood, care) = (pick(&self.people, dice), pick(&self.moods, dice), pick(&self.cares, dice));
        let number = dice.below(90) as i64;
        self.days += 1;
        let done: Result<(), VaultError> = match dice.below(11) {
            0 => laptop.register(&format!("Person {}", self.people.len())).map(|id| self.people.push(id)),
            1 | 2 => laptop.mood(person, self.days, 1 + number % 9).map(|id| self.moods.push(id)),
            3 => laptop.set("users", person, "phone_number", format!("+44 1632 9600{}", 10 + number).as_str()),
            4 => laptop.set("users", person, "job_title", format!("Title {number}").as_str()),
            5 => laptop.set("mood_entries", mood, "overall_mood", Value::Integer(1 + number % 9)),
            6 => laptop.vault.commit::<_, VaultError>("mood.error", |tx| tx.enter_in_error("mood_entries", mood, "wrong day")).map(|_| ()),
            7 if laptop.stored("users", person).is_some() => {
                self.cares.push(entrust(laptop, person, others[dice.below(others.len())]));
                Ok(())
            }
            8 => laptop.set("therapeutic_relationships", care, "status", if dice.coin() { "paused" } else { "active" }),
            9 => laptop.set("therapeutic_relationships", care, "patient_id", person),
            _ => laptop.set("mood_entries", mood, "notes", format!("Note {number}").as_str()),
        };
        // The row may not be here, or be entered in error: then the person sees that and goes on.
        let _ = done;
    }
}

#[test]
fn whatever_happens_in_whatever_order_the_view_is_base_and_pending_and_in_the_end_all_agree() {
    let seed = Dice::of("replica random").roll();
    for round in 0..dice::size(4, 60) as u64 {
        let mut dice = Dice::new(seed.wrapping_add(round));
        let mut realm = Realm::new(1_000 + round);
        let mut laptops: Vec<Laptop> = (0..3).map(|number| trainer(&realm, 10 * (1 + round) + number, ["Amara", "Leila", "Omar"][number as usize])).collect();
        laptops.iter().for_each(|laptop| drop(realm.sync(laptop)));
        let actors: Vec<Uuid> = laptops.iter().map(|laptop| laptop.vault.state().actor).collect();
        let (mut story, mut store) = (Story::default(), None);
        for step in 0..dice::size(90, 300) {
            let at = dice.below(laptops.len());
            let when = format!("round {round}, step {step}, laptop {at}");
            let laptop = &laptops[at];
            match dice.below(20) {
                0..=9 => story.act(laptop, &actors, &mut dice),
                10..=12 => {
                    let before = laptop.view();
                    let outcome = realm.push(laptop);
                    if outcome.quarantined.is_empty() {
                        assert_eq!(laptop.view(), before, "{when}: a push changes nothing that is seen");
                    }
                }
                13 => drop(realm.ask_push(laptop)),
                14 => drop(realm.ask_pull(laptop)),
                15..=17 => drop(realm.pull(laptop)),
                18 if dice.below(4) == 0 => laptop.vault.begin_new_life().unwrap(),
                18 => {
                    let laptop = laptops.remove(at);
                    laptops.insert(at, laptop.reopened());
                }
                _ if dice.below(8) == 0 && store.is_none() => store = Some(realm.image()),
                _ if dice.below(6) == 0 => {
                    if let Some(store) = store.take() {
                        realm = realm.put_back(&store);
                    }
                }
                _ => realm.clock.pass(1 + dice.below(600) as i64),
            }
            view_is_base_with_what_waits(&laptops[at], &when);
            what_entries_make_is_whole(&laptops[at], &when);
            if step % 10 == 0 {
                sound(&laptops[at]);
            }
        }
        for _ in 0..4 {
            laptops.iter().for_each(|laptop| drop(realm.sync(laptop)));
        }
        for (at, laptop) in laptops.iter().enumerate() {
            let Waiting { count, .. } = laptop.vault.waiting().unwrap();
            assert_eq!(count, 0, "round {round}, laptop {at}: the queue is empty");
            assert_eq!(laptop.count("SELECT count(*) FROM unit_held WHERE complete = 0") + laptop.count("SELECT count(*) FROM stage"), 0, "round {round}, laptop {at}: no download is open");
            view_is_base_with_what_waits(laptop, "at the end");
            agrees(&realm, laptop);
        }
    }
}
