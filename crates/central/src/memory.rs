//! What this service knows of realms as of its own last commits: rows that were read and not changed, rights,
//! sums of units. The next push asks for most of that again, and is told without a question as long as nobody
//! else has committed. Never read without comparing it with the head, which is locked by then.
//!
//! A push that waits for its turn is looked ahead for, while the one in front of it is still being written: what
//! that one changes is asked for again.

use std::{collections::BTreeMap, sync::{Mutex, MutexGuard, PoisonError}};

use gladstone_model::{Unit, Value};
use gladstone_protocol::{RowState, wire::RowKey};
use hashbrown::{HashMap, HashSet};
use uuid::Uuid;

use crate::engine::{Ahead, Begun, Claim, Head, UnitSum};

/// Bytes of one realm, about; a transaction that brings more is not remembered.
const MOST: usize = 2 * 1024 * 1024;
/// Realms that are remembered; then all are forgotten.
const REALMS: usize = 32;

/// What is known of each realm.
#[derive(Default)]
pub(crate) struct Memories(Mutex<State>);

#[derive(Default)]
struct State {
    /// Number of the last transaction that was begun, of whatever realm.
    turn: u64,
    known: BTreeMap<Uuid, Memory>,
    /// The last transaction of each realm.
    last: BTreeMap<Uuid, u64>,
}

impl Memories {
    /// Number of the transaction of a realm that is under way or was the last; none when it is not known.
    pub fn turn(&self, realm: Uuid) -> Option<u64> {
        self.lock().last.get(&realm).copied()
    }

    /// Begins a transaction: what is known of the realm, which is forgotten unless it is put back; and the
    /// transaction before.
    pub fn take(&self, realm: Uuid) -> (Option<Memory>, Option<u64>) {
        let mut state = self.lock();
        state.turn += 1;
        let turn = state.turn;
        if state.last.len() >= REALMS && !state.last.contains_key(&realm) {
            (state.last, state.known) = Default::default();
        }
        let before = state.last.insert(realm, turn);
        (state.known.remove(&realm), before)
    }

    /// Remembers what is known of a realm behind its last transaction.
    pub fn put(&self, realm: Uuid, memory: Memory) {
        self.lock().known.insert(realm, memory);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was looked at ahead of a transaction, maybe while the one before it was being written.
#[derive(Clone, Debug)]
pub(crate) struct Foreseen {
    /// The transaction that was the last then.
    pub turn: u64,
    pub epoch: Uuid,
    pub g: u64,
    /// What was asked: neither sessions nor laptops, which change without a commit number.
    pub asked: Ahead,
    pub begun: Begun,
}

/// What is known of a realm as of one commit.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Memory {
    epoch: Uuid,
    g: u64,
    /// Commit number before the last transaction.
    before: u64,
    /// What the last transaction changed, and the mutations that it knew.
    changed: HashSet<RowKey>,
    mutations: HashSet<Uuid>,
    claims_changed: bool,
    /// Rows as they stand.
    pub rows: HashMap<RowKey, RowState>,
    /// All claims of these people.
    pub claims: HashMap<Uuid, Vec<Claim>>,
    /// Sums of these units.
    pub sums: HashMap<Unit, UnitSum>,
}

/// What a transaction leaves to be known, once it is durable.
pub(crate) struct Learnt {
    pub epoch: Uuid,
    /// Commit numbers before and behind it.
    pub before: u64,
    pub g: u64,
    /// Rows that it read and did not change.
    pub rows: HashMap<RowKey, RowState>,
    /// Rows that it changed.
    pub changed: HashSet<RowKey>,
    /// Mutations that it took in or asked for.
    pub mutations: HashSet<Uuid>,
    /// Claims, as they are behind it, of people whose claims it read.
    pub claims: HashMap<Uuid, Vec<Claim>>,
    /// Whether it changed claims, maybe those of others.
    pub claims_changed: bool,
    /// Sums as they are behind it; none that it changed is missing.
    pub sums: HashMap<Unit, UnitSum>,
}

impl Memory {
    /// Whether nobody committed since.
    pub fn fits(&self, head: &Head) -> bool {
        (self.epoch, self.g) == (head.epoch, head.g)
    }

    /// What is still to be asked.
    pub fn rest(&self, ahead: &Ahead) -> Ahead {
        Ahead {
            sessions: ahead.sessions.clone(),
            devices: ahead.devices.clone(),
            actors: ahead.actors.iter().copied().filter(|actor| !self.claims.contains_key(actor)).collect(),
            rows: ahead.rows.iter().copied().filter(|key| !self.rows.contains_key(key)).collect(),
            mutations: ahead.mutations.clone(),
            units: ahead.units.iter().copied().filter(|unit| !self.sums.contains_key(unit)).collect(),
        }
    }

    /// Whether something that was foreseen is known but for what the last transaction, of this number, changed.
    pub fn follows(&self, foreseen: &Foreseen, last: Option<u64>) -> bool {
        last == Some(foreseen.turn) && self.epoch == foreseen.epoch && [self.before, self.g].contains(&foreseen.g)
    }

    /// What is still to be asked where all of it was foreseen.
    pub fn rest_of_foreseen(&self, ahead: &Ahead) -> Ahead {
        Ahead {
            sessions: ahead.sessions.clone(),
            devices: ahead.devices.clone(),
            actors: ahead.actors.iter().copied().filter(|actor| self.claims_changed && !self.claims.contains_key(actor)).collect(),
            rows: ahead.rows.iter().copied().filter(|key| self.changed.contains(key)).collect(),
            mutations: ahead.mutations.iter().copied().filter(|mid| self.mutations.contains(mid)).collect(),
            // Those that were changed are known.
            units: Vec::new(),
        }
    }

    /// What is known behind a transaction: before it, this was. None when that is too much.
    pub fn behind(known: Option<Memory>, learnt: Learnt) -> Option<Memory> {
        let Learnt { epoch, before, g, rows, changed, mutations, claims, claims_changed, sums } = learnt;
        let mut all = known.unwrap_or_default();
        all.rows.retain(|key, _| !changed.contains(key));
        if claims_changed {
            all.claims.clear();
        }
        all.rows.extend(rows);
        all.claims.extend(claims);
        all.sums.extend(sums);
        Memory { epoch, g, before, changed, mutations, claims_changed, ..all }.bounded()
    }

    fn bounded(self) -> Option<Memory> {
        let claims: usize = self.claims.values().map(|claims| 64 + claims.len() * size_of::<Claim>()).sum();
        let last = self.changed.len() * size_of::<RowKey>() + self.mutations.len() * size_of::<Uuid>();
        let bytes = claims + last + self.rows.values().map(weight).sum::<usize>() + self.sums.len() * (32 + size_of::<UnitSum>());
        (bytes <= MOST).then_some(self)
    }
}

/// About how many bytes a row takes.
fn weight(state: &RowState) -> usize {
    let text = |value: &Value| if let Value::Text(text) | Value::Json(text) = value { text.len() } else { 0 };
    let values = state.row.values.iter().map(|value| size_of::<Value>() + text(value)).sum::<usize>();
    size_of::<RowState>() + values + state.group_mids.pairs().len() * 24
}

#[cfg(test)]
mod tests {
    use gladstone_model::{Row, catalogue, unit::UnitKind};
    use gladstone_protocol::RowsDigest;

    use super::*;

    fn key(number: u128) -> RowKey {
        RowKey { entity: catalogue().get("users").unwrap().no, id: Uuid::from_u128(number) }
    }

    fn row(number: u128, name: &str) -> (RowKey, RowState) {
        let entity = catalogue().get("users").unwrap();
        let mut row = Row::empty(entity);
        row.values[entity.position("id").unwrap()] = Value::Uuid(Uuid::from_u128(number));
        row.values[entity.position("name").unwrap()] = name.into();
        (key(number), RowState { row, unit: unit(number), row_mid: Uuid::nil(), group_mids: gladstone_protocol::GroupMids::default(), error: None })
    }

    fn unit(number: u128) -> Unit {
        Unit { kind: UnitKind::Person, id: Uuid::from_u128(number) }
    }

    fn learnt(g: u64, rows: &[(u128, &str)], changed: &[u128], claims: &[u128], claims_changed: bool, sums: &[(u128, u64)]) -> Learnt {
        Learnt {
            epoch: Uuid::from_u128(9),
            g,
            rows: rows.iter().map(|(number, name)| row(*number, name)).collect(),
            before: g - 1,
            changed: changed.iter().map(|number| key(*number)).collect(),
            mutations: changed.iter().map(|number| Uuid::from_u128(*number)).collect(),
            claims: claims.iter().map(|number| (Uuid::from_u128(*number), Vec::new())).collect(),
            claims_changed,
            sums: sums.iter().map(|(number, rows)| (unit(*number), UnitSum { unit: unit(*number), digest: RowsDigest::default(), rows: *rows })).collect(),
        }
    }

    #[test]
    fn what_is_known_follows_each_commit_and_no_more() {
        let first = Memory::behind(None, learnt(4, &[(1, "Ada"), (2, "Ben")], &[3], &[1, 2], false, &[(1, 10)])).unwrap();
        let second = Memory::behind(Some(first), learnt(5, &[(4, "Dora")], &[2], &[1], false, &[(1, 11), (2, 1)])).unwrap();
        let known = |memory: &Memory| {
            let mut names: Vec<u128> = memory.rows.keys().map(|key| key.id.as_u128()).collect();
            names.sort_unstable();
            (names, memory.claims.len(), memory.sums.get(&unit(1)).map(|sum| sum.rows), memory.sums.len())
        };
        assert_eq!(known(&second), (vec![1, 4], 2, Some(11), 2), "a row that was changed is asked for again");
        let ask = Ahead { sessions: vec![[1; 32]], devices: vec![Uuid::nil()], actors: vec![Uuid::from_u128(2), Uuid::from_u128(7)], rows: vec![key(1), key(2)], mutations: vec![Uuid::from_u128(5)], units: vec![unit(1), unit(7)] };
        let rest = Ahead { actors: vec![Uuid::from_u128(7)], rows: vec![key(2)], units: vec![unit(7)], ..ask.clone() };
        assert_eq!(second.rest(&ask), rest, "sessions, computers and mutations are asked for each time");
        let third = Memory::behind(Some(second), learnt(6, &[], &[], &[7], true, &[])).unwrap();
        assert_eq!(known(&third).1, 1, "rights that somebody's change may have moved are forgotten");
        let long = "x".repeat(MOST);
        assert_eq!(Memory::behind(Some(third), learnt(7, &[(1, &long)], &[], &[], false, &[])), None, "what is too much is not kept");
    }

    #[test]
    fn what_somebody_else_committed_since_makes_it_worthless() {
        let memory = Memory::behind(None, learnt(4, &[], &[], &[], false, &[])).unwrap();
        let head = |epoch: u128, g: u64| Head { realm: Uuid::nil(), name: String::new(), epoch: Uuid::from_u128(epoch), g, floor_g: 0, held: 0, lease_days: 3, device: Uuid::nil(), seed: [0; 32] };
        assert!(memory.fits(&head(9, 4)));
        assert!(!memory.fits(&head(9, 5)) && !memory.fits(&head(9, 3)) && !memory.fits(&head(8, 4)), "another number, another history");
    }

    #[test]
    fn a_few_realms_are_remembered() {
        let memories = Memories::default();
        for realm in 0..40_u128 {
            memories.take(Uuid::from_u128(realm));
            memories.put(Uuid::from_u128(realm), Memory::default());
            assert!(memories.take(Uuid::from_u128(realm)).0.is_some() && memories.take(Uuid::from_u128(realm)).0.is_none(), "taken once");
            memories.put(Uuid::from_u128(realm), Memory::default());
        }
        assert!(memories.lock().known.len() <= REALMS);
    }

    #[test]
    fn what_was_foreseen_counts_where_one_transaction_at_most_came_since() {
        let (memories, realm) = (Memories::default(), Uuid::from_u128(1));
        assert_eq!(memories.turn(realm), None, "nothing is known");
        let begin = |g: u64| {
            let last = memories.take(realm).1;
            memories.put(realm, Memory::behind(None, learnt(g, &[], &[1], &[], g > 6, &[])).unwrap());
            last
        };
        begin(5);
        let foreseen = |g: u64, epoch: u128| Foreseen { turn: memories.turn(realm).unwrap(), epoch: Uuid::from_u128(epoch), g, asked: Ahead::default(), begun: Begun::default() };
        let (early, late, other, far) = (foreseen(4, 9), foreseen(5, 9), foreseen(5, 8), foreseen(3, 9));
        let (memory, last) = memories.take(realm);
        let memory = memory.unwrap();
        assert!(memory.follows(&early, last) && memory.follows(&late, last), "before it was committed, and behind");
        assert!(!memory.follows(&other, last) && !memory.follows(&far, last), "another history; somebody else committed between");
        assert!(!memory.follows(&late, Some(last.unwrap() + 1)), "two transactions came since");
        let ask = Ahead { sessions: vec![[1; 32]], devices: vec![realm], actors: vec![realm], rows: vec![key(1), key(2)], mutations: vec![Uuid::from_u128(1), Uuid::from_u128(2)], units: vec![unit(1)] };
        let rest = Ahead { actors: vec![], rows: vec![key(1)], mutations: vec![Uuid::from_u128(1)], units: vec![], ..ask.clone() };
        assert_eq!(memory.rest_of_foreseen(&ask), rest, "what that one changed is asked for again");
        let moved = Memory::behind(Some(memory), learnt(7, &[], &[], &[], true, &[])).unwrap();
        assert_eq!(moved.rest_of_foreseen(&ask).actors, [realm], "and rights that it may have moved");
    }
}
