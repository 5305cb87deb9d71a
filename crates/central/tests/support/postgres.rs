//! A PostgreSQL for the tests of the centre: one for all of them, and in it a database for each
//! folder that a test has.

use std::{path::Path, sync::OnceLock};

use gladstone_central::{
    Engine, Postgres,
    postgres::{Settings, migrate},
};
use gladstone_testkit::postgres::Cluster;
use tokio_postgres::NoTls;

static CLUSTER: OnceLock<Cluster> = OnceLock::new();

/// The engine on the database that belongs to a folder, which is made when it is not there.
pub fn engine(folder: &Path) -> Box<dyn Engine> {
    let cluster = CLUSTER.get_or_init(|| Cluster::start().unwrap());
    let name = name(folder);
    let state = folder.join("state");
    if !state.exists() {
        run(cluster, "postgres", &format!("CREATE DATABASE {name}"));
        migrate(&cluster.address("gladstone", &name), &state).unwrap();
    }
    Box::new(Postgres::open(&Settings { connections: 4, ..Settings::new(&cluster.address("gladstone_app", &name), &state) }).unwrap())
}

/// Writes past the centre into the database that belongs to a folder.
pub fn write(folder: &Path, sql: &str) {
    run(CLUSTER.get().unwrap(), &name(folder), sql);
}

fn name(folder: &Path) -> String {
    format!("t{}", &blake3::hash(folder.as_os_str().as_encoded_bytes()).to_hex()[..20])
}

fn run(cluster: &Cluster, database: &str, sql: &str) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (client, connection) = tokio_postgres::connect(&cluster.address("gladstone", database), NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
    });
}
