//! Every field of the five seeds, and every entity that a seed describes without fields, has
//! exactly one home, and that home is there in both databases.

use std::collections::{BTreeMap, BTreeSet};

use gladstone_model::seed_coverage;
use gladstone_store::migrate;
use gladstone_testkit::postgres::{self, Cluster};
use rusqlite::Connection;

/// What the seeds name: system, entity, field; `*` stands for an entity that is described without
/// fields. Facts of the seeds, kept apart from the declarations on purpose.
const SEEDS: &str = include_str!("../fixtures/seed_fields.csv");

/// Fields and described entities of each seed.
const SIZES: [(&str, usize, usize); 5] = [("bdc", 180, 1), ("diagnoleads", 200, 0), ("happy-path", 76, 28), ("mindtrack", 301, 2), ("planner360", 70, 18)];

fn split(text: &str, header: &str) -> Vec<Vec<String>> {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(header), "the columns of the list");
    let rows: Vec<Vec<String>> = lines.map(|line| line.split(',').map(str::to_owned).collect()).collect();
    for row in &rows {
        assert_eq!(row.len(), header.split(',').count(), "{row:?} has a value for each column");
    }
    rows
}

/// Table and column of each row of the coverage.
fn homes() -> BTreeSet<(String, String)> {
    split(&seed_coverage::csv(), "system,entity,field,table,column").into_iter().map(|row| (row[3].clone(), row[4].clone())).collect()
}

fn check_homes(engine: &str, columns: &BTreeSet<(String, String)>) {
    let tables: BTreeSet<&String> = columns.iter().map(|(table, _)| table).collect();
    let missing: Vec<_> = homes().into_iter().filter(|(table, column)| if column == "*" { !tables.contains(table) } else { !columns.contains(&(table.clone(), column.clone())) }).collect();
    assert!(missing.is_empty(), "{engine} has no {missing:?}");
}

#[test]
fn every_seed_field_and_every_described_entity_has_exactly_one_home() {
    let mut homes: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    for row in split(&seed_coverage::csv(), "system,entity,field,table,column") {
        homes.entry(row[..3].to_vec()).or_default().push(row[3..].join("."));
    }
    let several: Vec<_> = homes.iter().filter(|(_, places)| places.len() > 1).collect();
    assert!(several.is_empty(), "more than one home: {several:?}");
    let seeds: BTreeSet<Vec<String>> = split(SEEDS, "system,entity,field").into_iter().collect();
    let covered: BTreeSet<Vec<String>> = homes.into_keys().collect();
    assert_eq!(seeds.difference(&covered).collect::<Vec<_>>(), Vec::<&Vec<String>>::new(), "named by a seed and held nowhere");
    assert_eq!(covered.difference(&seeds).collect::<Vec<_>>(), Vec::<&Vec<String>>::new(), "said to be held and named by no seed");
}

#[test]
fn the_list_of_seed_fields_is_complete() {
    let rows = split(SEEDS, "system,entity,field");
    assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), rows.len(), "nothing is listed twice");
    for (system, fields, described) in SIZES {
        let of: Vec<_> = rows.iter().filter(|row| row[0] == system).collect();
        assert_eq!(of.iter().filter(|row| row[2] != "*").count(), fields, "fields of {system}");
        assert_eq!(of.iter().filter(|row| row[2] == "*").count(), described, "described entities of {system}");
    }
    assert_eq!(rows.iter().filter(|row| row[2] != "*").count(), 827, "fields of all seeds");
    assert_eq!(rows.iter().filter(|row| row[2] == "*").count(), 49, "entities described without fields");
}

#[test]
fn every_home_is_there_in_sqlite() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate::migrate(&mut connection).unwrap();
    let mut statement = connection.prepare("SELECT t.name, c.name FROM pragma_table_list AS t JOIN pragma_table_info(t.name) AS c WHERE t.schema = 'main'").unwrap();
    let columns = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap();
    check_homes("SQLite", &columns);
}

#[tokio::test]
async fn every_home_is_there_in_postgresql() {
    let cluster = Cluster::start().unwrap();
    let client = cluster.connect().await.unwrap();
    postgres::migrate(&client).await.unwrap();
    let columns = client.query("SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'public'", &[]).await.unwrap();
    check_homes("PostgreSQL", &columns.iter().map(|row| (row.get(0), row.get(1))).collect());
}
