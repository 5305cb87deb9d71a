//! Parts of answers that no honest centre would give.

use gladstone_model::{Instant, Unit, Value, catalogue, unit::UnitKind};
use gladstone_protocol::{
    Writer,
    wire::{Change, GroupImage, PullAnswer, RowChange, RowImage, RowNews},
};
use uuid::Uuid;

use crate::scene::key;

/// The year 9999.
pub const FAR: Instant = Instant(253_370_764_800_000_000);

pub fn person(id: Uuid) -> Unit {
    Unit { kind: UnitKind::Person, id }
}

/// A unit that has nothing to do with anybody here.
pub fn stranger() -> Unit {
    person(Uuid::from_u128(0x5742))
}

/// A writer who never was.
pub fn writer(hlc: u64) -> Writer {
    Writer { mutation: Uuid::from_u128(0xbad), hlc, actor: Uuid::from_u128(0xbad1), device: Uuid::from_u128(0xbad2), wall: Instant(1_795_000_000_000_000) }
}

/// One row of a change at the end of an answer, in place of what stood there.
pub fn instead(answer: &mut PullAnswer, unit: Unit, key: gladstone_protocol::wire::RowKey, news: RowNews) {
    let rows = vec![RowChange { key, unit, news }];
    answer.changes = vec![Change { g: answer.to_g, writer: writer(1_795_000_000_000 << 16), command: "lie".into(), rows }];
}

/// A row made up by hand.
pub fn image(entity: &str, id: Uuid, unit: Unit, values: &[(&str, Value)]) -> RowImage {
    let of = catalogue().get(entity).unwrap();
    let mut values: Vec<(u16, Value)> = values.iter().map(|(name, value)| (of.field(name).unwrap().no, value.clone())).chain([(of.field("id").unwrap().no, id.into())]).collect();
    values.sort_by_key(|(no, _)| *no);
    RowImage { key: key(entity, id), unit, row_mid: Uuid::from_u128(0xbad), group_mids: Vec::new(), error: None, values }
}

/// One field of a row gets a value.
pub fn group(entity: &str, field: &str, value: Value) -> RowNews {
    let of = catalogue().get(entity).unwrap();
    let no = of.field(field).unwrap().no;
    RowNews::Groups { groups: vec![GroupImage { group: no, values: vec![(no, value)] }], updated_at: None }
}
