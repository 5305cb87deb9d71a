//! What names files: the rows of every entity that declares it, as SQL reads them.

use std::sync::OnceLock;

use gladstone_model::{Catalogue, Entity, catalogue, file::NamedFile};

/// A table of all rows, in error or not, that name a file: `entity` (its number), `id`, `hash`, `size`,
/// `deleted_mid`. SQLite looks into the tables themselves, by their indexes of the hash.
pub(super) fn naming() -> &'static str {
    static NAMING: OnceLock<String> = OnceLock::new();
    NAMING.get_or_init(|| naming_in(catalogue()))
}

/// The condition that there is such a row `a` for which another condition holds.
pub(super) fn is_named(condition: &str) -> String {
    format!("EXISTS (SELECT 1 FROM {} AS a WHERE {condition})", naming())
}

fn naming_in(catalogue: &Catalogue) -> String {
    let part = |(entity, file): (&Entity, &NamedFile)| {
        let (hash, size) = (&entity.fields[file.hash].name, &entity.fields[file.size].name);
        format!("SELECT {} AS entity, id, {hash} AS hash, {size} AS size, deleted_mid FROM {}", entity.no, entity.name)
    };
    format!("({})", catalogue.files().map(part).collect::<Vec<_>>().join(" UNION ALL "))
}

#[cfg(test)]
mod tests {
    use gladstone_testkit::declared;
    use rusqlite::Connection;
    use serde_json::json;

    use super::*;

    /// Only a test declares these; no code names them.
    #[test]
    fn rows_of_every_entity_that_declares_it_name_files_and_are_found_by_their_index() {
        let id = json!({ "name": "id", "type": "uuid" });
        let scans = json!({ "name": "scans", "unit": ["platform"], "field": [id, { "name": "picture", "type": "text(64)" }, { "name": "bytes", "type": "bigint" }], "indexes": [["picture"]],
            "file": [{ "hash": "picture", "size": "bytes" }] });
        let songs = json!({ "name": "songs", "unit": ["platform"], "field": [id, { "name": "sound", "type": "text" }, { "name": "length", "type": "bigint" }], "indexes": [["sound"]],
            "file": [{ "hash": "sound", "size": "length" }] });
        let naming = naming_in(declared::catalogue(&[scans, json!({ "name": "words", "unit": ["platform"], "field": [id] }), songs]));
        let connection = Connection::open_in_memory().unwrap();
        let tables = "CREATE TABLE scans (id INTEGER, picture TEXT, bytes INTEGER, deleted_mid BLOB); CREATE INDEX scans_picture ON scans (picture);
            CREATE TABLE songs (id INTEGER, sound TEXT, length INTEGER, deleted_mid BLOB); CREATE INDEX songs_sound ON songs (sound);
            INSERT INTO scans VALUES (1, 'a', 10, NULL), (2, 'b', 20, x'00'); INSERT INTO songs VALUES (3, 'a', 30, NULL);";
        connection.execute_batch(tables).unwrap();
        let mut statement = connection.prepare(&format!("SELECT entity, id, size FROM {naming} AS a WHERE a.hash = ?1 AND a.deleted_mid IS NULL ORDER BY id")).unwrap();
        let found: Vec<(u16, i64, i64)> = statement.query_map(["a"], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().map(Result::unwrap).collect();
        // Behind people and organizations, the entities have the numbers 3, 4 and 5.
        assert_eq!(found, [(3, 1, 10), (5, 3, 30)]);
        let exists = format!("SELECT 1 FROM (SELECT 'a' AS hash) AS t WHERE EXISTS (SELECT 1 FROM {naming} AS a WHERE a.hash = t.hash AND a.deleted_mid IS NULL)");
        let plan: Vec<String> = connection.prepare(&format!("EXPLAIN QUERY PLAN {exists}")).unwrap().query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        assert!(["scans_picture", "songs_sound"].iter().all(|index| plan.iter().any(|step| step.contains(index))), "{plan:?}");
    }
}
