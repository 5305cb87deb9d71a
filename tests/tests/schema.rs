//! The sum of the migrations equals the declaration, on a real SQLite and a real PostgreSQL; and
//! what the databases themselves refuse and let through. What the rules of the model refuse is
//! tested in the model.

#[path = "schema/declared.rs"]
mod declared;
#[path = "schema/postgres.rs"]
mod postgres;
#[path = "schema/sqlite.rs"]
mod sqlite;

use std::collections::BTreeSet;

use declared::{POSTGRES, SQLITE};
use gladstone_model::{OnDelete, catalogue};

#[test]
fn what_is_emptied_on_deletion_may_be_empty() {
    for entity in &catalogue().entities {
        for field in &entity.fields {
            let emptied = field.reference.as_ref().is_some_and(|reference| reference.on_delete == OnDelete::SetNull);
            assert!(!(emptied && field.required), "{}.{} must have a value, but loses it when its row goes", entity.name, field.name);
        }
    }
}

#[test]
fn every_declared_uniqueness_is_found_through_an_index_on_both_engines() {
    for engine in [SQLITE, POSTGRES] {
        for entity in &catalogue().entities {
            let table = engine.table(entity);
            for unique in entity.uniques.iter().map(|unique| &unique.fields).chain((!entity.natural_key.is_empty()).then_some(&entity.natural_key)) {
                let mut columns: Vec<String> = engine.lead.iter().map(|name| (*name).to_owned()).collect();
                columns.extend(unique.iter().map(|at| entity.fields[*at].name.clone()));
                let served = table.indexes.iter().any(|index| index.columns.starts_with(&columns));
                assert!(served, "{}: no index of {} begins with {columns:?}", engine.name, entity.name);
            }
        }
    }
}

#[test]
fn no_two_tables_or_columns_differ_by_case_alone() {
    let tables: BTreeSet<String> = catalogue().entities.iter().map(|entity| entity.name.to_lowercase()).collect();
    assert_eq!(tables.len(), catalogue().entities.len(), "tables");
    for entity in &catalogue().entities {
        let columns: BTreeSet<String> = entity.fields.iter().map(|field| field.name.to_lowercase()).collect();
        assert_eq!(columns.len(), entity.fields.len(), "columns of {}", entity.name);
    }
}
