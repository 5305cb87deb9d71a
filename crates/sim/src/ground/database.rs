//! The centre's store in a PostgreSQL of this process: a database for each world, copied from the
//! one that is kept.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex, OnceLock, PoisonError, atomic::{AtomicU64, Ordering}},
};

use gladstone_central::{
    Centre, Engine as Store, Postgres, engine::rest,
    postgres::{Settings, migrate},
};
use gladstone_model::Unit;
use gladstone_protocol::{
    JournalEntry, RowsDigest,
    wire::{RowImage, RowKey},
};
use gladstone_testkit::{
    Image,
    image::scratch,
    postgres::{Blocking, Cluster, Row},
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    files::{self, Filed},
    ground::filed,
    history::{Line, name},
    time::{Machine, Service, Time},
};

/// Connections of one centre.
const CONNECTIONS: usize = 2;

/// The folder of witnesses within the one that lies beside the database.
const WITNESS: &str = "witness";

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static DATABASES: AtomicU64 = AtomicU64::new(0);
/// PostgreSQL copies one template at a time; the others fail.
static TURN: Mutex<()> = Mutex::new(());

/// A store in a database.
pub struct Database {
    name: Name,
    state: TempDir,
    realm: Uuid,
    peek: RefCell<Blocking>,
    reader: Postgres,
}

/// A database that nobody works on, and the files beside it. Gone with the last that needs it.
#[derive(Clone)]
pub struct Kept {
    name: Arc<Name>,
    state: Image,
    witness: Image,
}

/// A database by its name, which is dropped with it.
struct Name(String);

impl Name {
    fn new() -> Name {
        Name(format!("w{}", DATABASES.fetch_add(1, Ordering::Relaxed)))
    }

    fn copied(from: &str) -> Name {
        let name = Name::new();
        operator(&format!("CREATE DATABASE {} TEMPLATE {from} STRATEGY FILE_COPY", name.0));
        name
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        operator(&format!("DROP DATABASE {} WITH (FORCE)", self.0));
    }
}

impl Kept {
    /// An organization at its beginning, and its id: the same as in files.
    pub fn founded() -> (Kept, Uuid) {
        let (name, state) = (Name::new(), scratch());
        operator(&format!("CREATE DATABASE {}", name.0));
        migrate(&cluster().address("gladstone", &name.0), state.path()).unwrap();
        let machine = Machine::new(&Time::new(), 1);
        let centre = Centre::open(Box::new(open(&name, &state, CONNECTIONS)), Arc::new(Service(machine))).unwrap();
        let realm = centre.found(files::ORGANIZATION).unwrap();
        drop(centre);
        (Kept { name: Arc::new(name), witness: Image::of(&state.path().join(WITNESS)), state: Image::of(state.path()) }, realm)
    }

    /// With the witness as it is now.
    pub fn take_witness(&mut self, now: &Database) {
        self.witness = Image::of(&now.state.path().join(WITNESS));
    }
}

impl Database {
    /// A copy of one that was kept.
    pub fn of(kept: &Kept, realm: Uuid) -> Database {
        let name = Name::copied(&kept.name.0);
        let state = kept.state.unpack();
        // What nobody else may read stays so.
        for name in kept.state.0.keys() {
            fs::set_permissions(state.path().join(name), Permissions::from_mode(0o600)).unwrap();
        }
        let folder = state.path().join(WITNESS);
        fs::create_dir_all(&folder).unwrap();
        for (name, bytes) in &kept.witness.0 {
            fs::write(folder.join(name), bytes).unwrap();
        }
        let peek = RefCell::new(look(&name));
        let reader = open(&name, &state, 1);
        Database { name, state, realm, peek, reader }
    }

    /// The store for a centre.
    pub fn open(&self) -> Box<dyn Store> {
        Box::new(open(&self.name, &self.state, CONNECTIONS))
    }

    /// A copy as it is now. The centre must be closed.
    pub fn keep(&self) -> Kept {
        operator(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", self.name.0));
        Kept { name: Arc::new(Name::copied(&self.name.0)), state: Image::of(self.state.path()), witness: Image::of(&self.state.path().join(WITNESS)) }
    }

    /// The realm's history, and the centre's own laptop in it.
    pub fn names(&self) -> (Uuid, Uuid) {
        let rows = self.query("SELECT epoch, device FROM centre.realm");
        (rows[0].get(0), rows[0].get(1))
    }

    /// What was logged after a commit number, in its order.
    pub fn log_after(&self, g: u64) -> Vec<Line> {
        let rows = self.query(&format!("SELECT g, unit, mutation, lines FROM centre.news WHERE g > {g} ORDER BY g, at"));
        let record = |row: &Row| super::told(row.get::<_, i64>(0).unsigned_abs(), row.get(1), row.get(2), row.get(3));
        super::in_order(rows.iter().flat_map(record).collect())
    }

    /// Everything that is filed, in the order of receipt.
    pub fn filed(&self) -> Vec<Filed> {
        let rows = self.query("SELECT device, mutation IS NOT NULL, g, verdict, bytes FROM centre.envelope ORDER BY no");
        rows.into_iter().map(|row| filed(row.get(0), row.get(1), row.get(2), row.get::<_, &[u8]>(3), rest::sent(row.get(4)).unwrap())).collect()
    }

    /// Mutation and author of what was filed after the first so many mutations.
    pub fn authors_after(&self, count: usize) -> Vec<(Uuid, Uuid)> {
        self.query(&format!("SELECT mutation, actor FROM centre.envelope WHERE mutation IS NOT NULL ORDER BY no OFFSET {count}")).iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// Every entry of the conflict journal, and whether it is open.
    pub fn journal(&self) -> Vec<(JournalEntry, bool)> {
        self.query("SELECT entry, settled_g IS NULL FROM centre.journal").iter().map(|row| (postcard::from_bytes(row.get::<_, &[u8]>(0)).unwrap(), row.get(1))).collect()
    }

    /// The sums that the centre keeps.
    pub fn sums(&self) -> BTreeMap<Unit, RowsDigest> {
        self.query("SELECT unit, digest FROM centre.unit_sum").iter().map(|row| (Unit::from_bytes(row.get::<_, &[u8]>(0)).unwrap(), postcard::from_bytes(row.get::<_, &[u8]>(1)).unwrap())).collect()
    }

    /// Its rows, of these entities or of all: through the engine, whose columns nobody else knows.
    pub fn rows(&self, entities: Option<&[&str]>) -> BTreeMap<RowKey, RowImage> {
        let units: BTreeSet<Unit> = self.query("SELECT DISTINCT unit FROM centre.unit_entity").iter().map(|row| Unit::from_bytes(row.get::<_, &[u8]>(0)).unwrap()).collect();
        let mut found = BTreeMap::new();
        self.reader.read(self.realm, &mut |shelf| {
            for unit in &units {
                for state in shelf.unit_rows(*unit, None, 1_000_000, 1 << 30)?.rows {
                    let image = RowImage::of(&state);
                    if entities.is_none_or(|names| names.contains(&name(image.key))) {
                        found.insert(image.key, image);
                    }
                }
            }
            Ok(())
        }).unwrap();
        found
    }

    fn query(&self, sql: &str) -> Vec<Row> {
        let answer = self.peek.borrow().query(sql);
        answer.unwrap_or_else(|_| {
            // The connection was ended for a copy.
            *self.peek.borrow_mut() = look(&self.name);
            self.peek.borrow().query(sql).unwrap()
        })
    }
}

fn cluster() -> &'static Cluster {
    CLUSTER.get_or_init(|| Cluster::start().unwrap())
}

fn look(name: &Name) -> Blocking {
    Blocking::connect(&cluster().address("gladstone", &name.0)).unwrap()
}

fn open(name: &Name, state: &TempDir, connections: usize) -> Postgres {
    Postgres::open(&Settings { connections, ..Settings::new(&cluster().address("gladstone_app", &name.0), state.path()) }).unwrap()
}

fn operator(sql: &str) {
    static OPERATOR: OnceLock<Mutex<Blocking>> = OnceLock::new();
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let operator = OPERATOR.get_or_init(|| Mutex::new(Blocking::connect(&cluster().connection_string()).unwrap()));
    operator.lock().unwrap_or_else(PoisonError::into_inner).run(sql).unwrap();
}
