//! What mutations will touch, as far as they say so themselves: made where a push is read, and asked of the
//! store with the beginning of the transaction that takes it in.

use gladstone_model::{Value, catalogue};
use gladstone_protocol::{OpKind, mutation::Mutation, wire::RowKey};
use uuid::Uuid;

use crate::{
    engine::Ahead,
    units,
    work::{member_key, user_key},
};

/// What is to be known before mutations are judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Rows and those that they refer to, who wrote what is changed, the rights of the authors, and the sums
    /// of the units in which they saw the rows. Nothing twice.
    pub ahead: Ahead,
    /// Rows that are changed: what lies there names more.
    pub changed: Vec<RowKey>,
}

impl Reach {
    /// What these mutations of a realm reach.
    pub fn of<'m>(realm: Uuid, mutations: impl Iterator<Item = &'m Mutation>) -> Reach {
        let mut reach = Reach::default();
        let Reach { ahead, changed } = &mut reach;
        for mutation in mutations {
            ahead.mutations.push(mutation.id);
            ahead.actors.push(mutation.actor);
            for op in &mutation.ops {
                let key = RowKey { entity: op.entity, id: op.id };
                ahead.rows.push(key);
                ahead.units.push(op.unit);
                match &op.kind {
                    OpKind::Create(values) => refer(&mut ahead.rows, op.entity, values),
                    OpKind::Update(patches) => {
                        changed.push(key);
                        ahead.mutations.extend(patches.iter().map(|patch| patch.base));
                        patches.iter().for_each(|patch| refer(&mut ahead.rows, op.entity, &patch.values));
                    }
                    OpKind::EnterInError { base, .. } => {
                        changed.push(key);
                        ahead.mutations.push(*base);
                    }
                }
            }
        }
        once_each(&mut ahead.actors);
        ahead.rows.extend(keys_of_rights(realm, &ahead.actors));
        ahead.rows.retain(|key| catalogue().by_no(key.entity).is_some());
        reach.sorted()
    }

    /// What all of these reach, with the laptops that sent them.
    pub fn all<'r>(devices: impl Iterator<Item = Uuid>, reaches: impl Iterator<Item = &'r Reach>) -> Reach {
        let mut all = Reach::default();
        all.ahead.devices.extend(devices);
        for Reach { ahead, changed } in reaches {
            all.ahead.sessions.extend(&ahead.sessions);
            all.ahead.actors.extend(&ahead.actors);
            all.ahead.rows.extend(&ahead.rows);
            all.ahead.mutations.extend(&ahead.mutations);
            all.ahead.units.extend(&ahead.units);
            all.changed.extend(changed);
        }
        all.sorted()
    }

    fn sorted(mut self) -> Reach {
        let Ahead { sessions, devices, actors, rows, mutations, units } = &mut self.ahead;
        once_each(sessions);
        once_each(devices);
        once_each(actors);
        once_each(rows);
        once_each(mutations);
        once_each(units);
        once_each(&mut self.changed);
        self
    }
}

/// The rows from which rights follow besides claims.
pub(crate) fn keys_of_rights(realm: Uuid, actors: &[Uuid]) -> impl Iterator<Item = RowKey> {
    actors.iter().flat_map(move |actor| [user_key(*actor), member_key(realm, *actor)]).flatten()
}

fn refer(rows: &mut Vec<RowKey>, entity: u16, values: &[(u16, Value)]) {
    let Some(entity) = catalogue().by_no(entity) else { return };
    let key = |(no, value): &(u16, Value)| Some(RowKey { entity: units::target(entity, entity.position_of_no(*no)?)?.no, id: value.as_uuid()? });
    rows.extend(values.iter().filter_map(key));
}

fn once_each<T: Ord>(values: &mut Vec<T>) {
    values.sort_unstable();
    values.dedup();
}
