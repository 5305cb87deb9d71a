//! A laptop of the world: a real vault on a plain file, its engine, its machine, and what its
//! person was told is saved.

use std::{cell::RefCell, collections::{BTreeMap, BTreeSet}, path::Path, sync::Arc};

use gladstone_model::catalogue;
use gladstone_protocol::{Entry, Mutation, RowState, entry::Body, wire::{RowImage, RowKey}};
use gladstone_store::{Reader, digest::DigestKey};
use gladstone_sync::engine::Engine;
use gladstone_testkit::Image;
use gladstone_vault::{Vault, VaultError, surroundings::Surroundings};
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

use crate::{files, time::Machine};

/// Why a laptop may be taken for a copy, or lack what it once had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// It was copied, or is a copy, or was put back without anybody noticing.
    pub copied: bool,
    /// Its right was ended by an administrator.
    pub revoked: bool,
}

/// Somebody with a laptop.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// Id.
    pub actor: Uuid,
    /// Name.
    pub name: &'static str,
    /// Role with which they join.
    pub role: &'static str,
}

/// A laptop.
pub struct Laptop {
    /// What it is called in the trace, from 0.
    pub no: usize,
    /// Its person.
    pub actor: Uuid,
    /// Its clock and randomness.
    pub machine: Arc<Machine>,
    /// Its engine.
    pub engine: Engine,
    /// When the engine wants to be woken, in milliseconds of the world.
    pub wake_at: u64,
    /// Whether its session is good.
    pub signed_in: bool,
    /// Whether it reaches nobody.
    pub cut_off: bool,
    /// Requests that are still on their way, as bytes: whether a push, and when to arrive at the
    /// earliest (step).
    pub on_the_way: Vec<(bool, Vec<u8>)>,
    /// Mutations that were saved, as the screen said, and that must be in its chain; with the
    /// number of the save.
    pub saved: BTreeMap<Uuid, usize>,
    /// Mutations that once were settled in its chain: the rows that it holds may contain them,
    /// although they wait to be sent once more.
    pub settled: RefCell<BTreeSet<Uuid>>,
    /// What happened to it.
    pub past: Past,
    /// Role with which it joins.
    pub role: &'static str,
    /// Name of its person.
    pub name: &'static str,
    vault: Option<Vault>,
    peek: Connection,
    folder: TempDir,
}

/// An entry of a chain that carries a mutation.
pub struct Chained {
    /// Place in the file.
    pub place: u64,
    /// State as in the table.
    pub state: u8,
    /// Commit number of its effect, as far as known.
    pub g: Option<u64>,
    /// The mutation.
    pub mutation: Mutation,
}

impl Laptop {
    /// A laptop with these files.
    pub fn from_image(no: usize, person: Person, machine: Arc<Machine>, image: &Image) -> Laptop {
        let folder = files::unpack(image);
        let vault = open(&folder, &machine, person.actor, None);
        let peek = files::reader(&files::vault_file(&folder)).unwrap();
        Laptop {
            no,
            actor: person.actor,
            machine,
            engine: Engine::default(),
            wake_at: 0,
            signed_in: false,
            cut_off: false,
            on_the_way: Vec::new(),
            saved: BTreeMap::new(),
            settled: RefCell::default(),
            past: Past::default(),
            role: person.role,
            name: person.name,
            vault: Some(vault),
            peek,
            folder,
        }
    }

    /// Whose it is.
    pub fn person(&self) -> Person {
        Person { actor: self.actor, name: self.name, role: self.role }
    }

    /// The open vault.
    pub fn vault(&self) -> &Vault {
        self.vault.as_ref().unwrap()
    }

    /// Its files as they are now.
    pub fn image(&self) -> Image {
        files::image(self.folder.path())
    }

    /// The program is gone from one moment to the next and starts again on these files: those of
    /// that moment, or of an earlier one.
    pub fn restart(&mut self, image: &Image) {
        self.vault = None;
        let folder = files::unpack(image);
        self.peek = files::reader(&files::vault_file(&folder)).unwrap();
        self.folder = folder;
        self.reopen(None);
    }

    /// Closes the vault and opens it again; `pages`: the file may take up so many more pages.
    pub fn reopen(&mut self, pages: Option<u32>) {
        if let Some(vault) = self.vault.take() {
            drop(vault);
        }
        self.vault = Some(open(&self.folder, &self.machine, self.actor, pages));
        self.engine = Engine::default();
        self.wake_at = 0;
        self.signed_in = false;
    }

    /// Whether it belongs to the organization.
    pub fn has_joined(&self) -> bool {
        !self.vault().state().realm.is_nil()
    }

    /// A row as it is shown, entered in error or not.
    pub fn stored(&self, entity: &str, id: Uuid) -> Option<RowState> {
        let entity = catalogue().get(entity)?;
        self.vault().read(|read| read.stored(entity, id)).unwrap()
    }

    /// Looks into the file.
    pub fn peek(&self) -> &Connection {
        &self.peek
    }

    /// A number that a query yields.
    pub fn count(&self, sql: &str) -> u64 {
        self.peek.prepare_cached(sql).unwrap().query_row([], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs()
    }

    /// Whether it misses at the centre what that said it took.
    pub fn doubts(&self) -> bool {
        self.count("SELECT count(*) FROM chain JOIN doubted USING (dseq) WHERE chain.state = 2") > 0
    }

    /// The mutations of its chain in states that a condition names, in their order.
    pub fn chain(&self, condition: &str) -> Vec<Chained> {
        let mut statement = self.peek.prepare_cached(&format!("SELECT dseq, state, bytes, g FROM chain WHERE mutation_id IS NOT NULL AND {condition} ORDER BY dseq")).unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, u8>(1)?, row.get::<_, Vec<u8>>(2)?, row.get::<_, Option<i64>>(3)?.map(i64::unsigned_abs)));
        let entries = statement.query_map([], read).unwrap().map(Result::unwrap);
        let mutation = |bytes: &[u8]| match Entry::from_bytes(&gladstone_vault::chain::unpack(bytes).unwrap()) {
            Ok(Entry { body: Body::Mutation(mutation), .. }) => Some(mutation),
            _ => None,
        };
        entries.filter_map(|(place, state, bytes, g)| Some(Chained { place, state, g, mutation: mutation(&bytes)? })).collect()
    }

    /// The ids of the mutations of its chain, those included that went on in a later life.
    pub fn chain_ids(&self) -> Vec<Uuid> {
        let mut statement = self.peek.prepare_cached("SELECT DISTINCT mutation_id FROM chain WHERE mutation_id IS NOT NULL").unwrap();
        statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap().map(|id| Uuid::from_slice(&id.unwrap()).unwrap()).collect()
    }

    /// Notes what is settled now.
    pub fn note_settled(&self) {
        let mut statement = self.peek.prepare_cached("SELECT mutation_id FROM chain WHERE state = 3 AND mutation_id IS NOT NULL").unwrap();
        let ids = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap().map(|id| Uuid::from_slice(&id.unwrap()).unwrap());
        self.settled.borrow_mut().extend(ids);
    }

    /// All rows that are shown, of these entities or of all.
    pub fn view(&self, entities: Option<&[&str]>) -> BTreeMap<RowKey, RowImage> {
        rows(&self.peek, entities)
    }

    /// The base: rows without entries on top as they are shown, others as they lie below.
    pub fn base(&self, entities: Option<&[&str]>) -> BTreeMap<RowKey, RowImage> {
        let mut rows = self.view(entities);
        for key in self.keys("SELECT DISTINCT entity, row_id FROM pending") {
            rows.remove(&key);
        }
        let mut overlay = self.peek.prepare_cached("SELECT image FROM overlay").unwrap();
        for bytes in overlay.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap() {
            let image: RowImage = postcard::from_bytes(&bytes.unwrap()).unwrap();
            rows.insert(image.key, image);
        }
        rows
    }

    /// Keys of rows that a query yields as entity and id.
    pub fn keys(&self, sql: &str) -> Vec<RowKey> {
        let mut statement = self.peek.prepare_cached(sql).unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?));
        statement.query_map([], read).unwrap().map(Result::unwrap).map(|(entity, id)| RowKey { entity, id: Uuid::from_slice(&id).unwrap() }).collect()
    }
}

/// All rows of a file, of these entities or of all.
pub fn rows(connection: &Connection, entities: Option<&[&str]>) -> BTreeMap<RowKey, RowImage> {
    let mut found = BTreeMap::new();
    // Most tables are empty, and asking all of a wide one takes longer than asking whether it is.
    let is_empty = |table: &str| -> bool { connection.prepare_cached(&format!("SELECT NOT EXISTS (SELECT 1 FROM {table})")).unwrap().query_row([], |row| row.get(0)).unwrap() };
    for entity in catalogue().entities.iter().filter(|entity| entities.is_none_or(|names| names.contains(&entity.name.as_str()))) {
        if is_empty(&entity.name) {
            continue;
        }
        Reader::new(connection).for_each(entity, &mut |state| {
            found.insert(RowKey { entity: entity.no, id: state.row.id() }, RowImage::of(&state));
            Ok(())
        })
        .unwrap();
    }
    found
}

fn open(folder: &TempDir, machine: &Arc<Machine>, actor: Uuid, pages: Option<u32>) -> Vault {
    let path = files::vault_file(folder);
    let connection = files::writer(&path).unwrap();
    if let Some(more) = pages {
        let used: u32 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        connection.query_row(&format!("PRAGMA max_page_count = {}", used + more), [], |_| Ok(())).unwrap();
    }
    let around = Arc::clone(machine) as Arc<dyn Surroundings>;
    Vault::attach(&path, connection, Box::new(|path: &Path| files::reader(path)), DigestKey([7; 32]), around, actor).unwrap()
}

/// Whether a failure is the disk's, and not a mistake of whoever wrote.
pub fn is_disk(error: &VaultError) -> bool {
    matches!(error, VaultError::Store(gladstone_store::StoreError::DiskFull | gladstone_store::StoreError::Disk) | VaultError::Poisoned)
}
