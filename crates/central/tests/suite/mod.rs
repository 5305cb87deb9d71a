//! What the tests of engines share: an engine of either kind in a place of its own, rows of every
//! entity, and envelopes. Each test binary uses a part of it.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod contract;
pub mod samples;
pub mod unit_rows;

use std::path::{Path, PathBuf};

use gladstone_central::{
    Embedded, Engine, Postgres,
    engine::{NewRealm, Reading, Writing},
    postgres::{Settings, migrate},
};
use gladstone_model::Instant;
use gladstone_testkit::postgres::Cluster;
use tempfile::TempDir;
use uuid::Uuid;

/// An engine and what it stands on.
pub struct Ground {
    pub engine: Box<dyn Engine>,
    pub cluster: Option<Cluster>,
    pub folder: TempDir,
}

/// An engine of its own in an empty folder.
pub fn embedded() -> Ground {
    let folder = gladstone_testkit::image::scratch();
    Ground { engine: Box::new(Embedded::open(folder.path()).unwrap()), cluster: None, folder }
}

/// An engine on a PostgreSQL of its own, as the role of the service.
pub fn postgres() -> Ground {
    let (cluster, folder) = prepared();
    Ground { engine: Box::new(open(&cluster, folder.path())), cluster: Some(cluster), folder }
}

/// A PostgreSQL with the schema of this version, and the state folder of a service.
pub fn prepared() -> (Cluster, TempDir) {
    let (cluster, folder) = (Cluster::start().unwrap(), tempfile::tempdir().unwrap());
    migrate(&admin(&cluster), &state(folder.path())).unwrap();
    (cluster, folder)
}

/// A service's engine on a cluster.
pub fn open(cluster: &Cluster, folder: &Path) -> Postgres {
    Postgres::open(&Settings { connections: 8, ..Settings::new(&service(cluster), &state(folder)) }).unwrap()
}

pub fn admin(cluster: &Cluster) -> String {
    cluster.address("gladstone", "postgres")
}

pub fn service(cluster: &Cluster) -> String {
    cluster.address("gladstone_app", "postgres")
}

pub fn state(folder: &Path) -> PathBuf {
    folder.join("state")
}

/// An id that says what it is for.
pub fn id(kind: u16, number: u64) -> Uuid {
    Uuid::from_u128((0x0190_0000_0000_7000_8000_0000_0000_0000 | (u128::from(kind) << 96)) | u128::from(number))
}

/// A realm that is to be.
pub fn realm(number: u64) -> NewRealm {
    NewRealm { id: id(1, number), name: format!("Organization {number}"), epoch: id(2, number), founded: Instant(1_790_000_000_000_000), device: id(3, number), seed: [7; 32] }
}

pub fn write<T>(engine: &dyn Engine, realm: Uuid, mut f: impl FnMut(&mut dyn Writing) -> T) -> T {
    let mut result = None;
    engine.write(realm, &mut |shelf| { result = Some(f(shelf)); Ok(()) }).unwrap();
    result.unwrap()
}

pub fn read<T>(engine: &dyn Engine, realm: Uuid, mut f: impl FnMut(&mut dyn Reading) -> T) -> T {
    let mut result = None;
    engine.read(realm, &mut |shelf| { result = Some(f(shelf)); Ok(()) }).unwrap();
    result.unwrap()
}
