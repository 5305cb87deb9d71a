//! The SQL of each entity, written once from the declaration.

use std::{fmt::Write, sync::OnceLock};

use gladstone_model::{Entity, catalogue};

/// SQL texts of one entity.
pub(crate) struct Statements {
    /// All columns: the declared ones, then those of the store.
    pub columns: String,
    /// One row by its id.
    pub select: String,
    /// One new row.
    pub insert: String,
    /// All columns of one row.
    pub update: String,
}

/// The statements of an entity.
pub(crate) fn of(entity: &Entity) -> &'static Statements {
    static ALL: OnceLock<Vec<Option<Statements>>> = OnceLock::new();
    static NONE: Statements = Statements { columns: String::new(), select: String::new(), insert: String::new(), update: String::new() };
    let all = ALL.get_or_init(|| {
        let entities = &catalogue().entities;
        let most = entities.iter().map(|e| e.no).max().unwrap_or_default();
        let mut all: Vec<Option<Statements>> = (0..=most).map(|_| None).collect();
        for entity in entities {
            all[usize::from(entity.no)] = Some(write(entity));
        }
        all
    });
    all.get(usize::from(entity.no)).and_then(Option::as_ref).unwrap_or(&NONE)
}

/// Columns of the store, behind the declared ones.
const STORE_COLUMNS: [&str; 5] = ["unit_id", "row_mid", "group_mids", "deleted_mid", "deleted_reason"];

fn write(entity: &Entity) -> Statements {
    let names: Vec<&str> = entity.fields.iter().map(|f| f.name.as_str()).chain(STORE_COLUMNS).collect();
    let columns = names.join(", ");
    let marks: Vec<String> = (1..=names.len()).map(|n| format!("?{n}")).collect();
    let mut update = format!("UPDATE {} SET ", entity.name);
    for (at, name) in names.iter().enumerate().skip(1) {
        let _ = write!(update, "{}{name} = ?{}", if at == 1 { "" } else { ", " }, at + 1);
    }
    update.push_str(" WHERE id = ?1");
    Statements {
        select: format!("SELECT {columns} FROM {} WHERE id = ?1", entity.name),
        insert: format!("INSERT INTO {} ({columns}) VALUES ({})", entity.name, marks.join(", ")),
        update,
        columns,
    }
}
