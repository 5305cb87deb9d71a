//! The open vault: one writer, some readers, and the only way to write: a transaction that is durable as a
//! whole or did not happen. What one mutation in it does is `batch`; how the file was unlocked is not
//! known here.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::{AtomicBool, Ordering}},
};

use gladstone_protocol::{Entry, EventAction, Signer, entry::Body};
use gladstone_store::{Reader, StoreError, digest::{Digest, DigestKey}, folding::Folding, guard::Gate, migrate, search};
use memchr::memmem;
use rusqlite::Connection;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    anchoring::Anchoring,
    batch::{Batch, Purpose},
    chain,
    error::VaultError,
    inside::{Failure, Inside, VaultKeys, in_transaction},
    keys::signing::SigningKey,
    replica,
    state::VaultState,
    surroundings::Surroundings,
    tx::{Seen, Touched, Tx},
    verify,
};

/// Most entries that are told of one row.
const HISTORY_LIMIT: usize = 500;

/// Opens further connections to the same file for reading.
pub type OpenReader = Box<dyn Fn(&Path) -> Result<Connection, StoreError> + Send + Sync>;

/// An open vault.
pub struct Vault {
    path: PathBuf,
    around: Arc<dyn Surroundings>,
    keys: VaultKeys,
    writer: Mutex<Writer>,
    readers: Mutex<Vec<Connection>>,
    open_reader: OpenReader,
    /// Folds the log while very many rows come; none before the first of them.
    folding: Mutex<Option<Folding>>,
    anchoring: Option<Anchoring>,
    poisoned: AtomicBool,
    flight: Arc<Mutex<()>>,
    /// The units as they were saved last; only looked at by whoever holds the writer.
    units: Mutex<Option<replica::Units>>,
    /// Whether what is held agrees with the centre.
    pub(crate) doubt: Mutex<replica::Doubt>,
}

struct Writer {
    connection: Connection,
    gate: Gate,
    state: VaultState,
    signer: Arc<SigningKey>,
    seen: Seen,
}

/// What a commit did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Names of the entities whose rows changed.
    pub entities: BTreeSet<&'static str>,
    /// The mutation; nil when nothing changed.
    pub mutation: Uuid,
}

/// What a verification found in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Entries of the chain.
    pub entries: u64,
}

impl Vault {
    /// Takes over an unlocked connection: migrates it, and sets it up for `actor` when it is new.
    ///
    /// # Errors
    /// A file from the future, a failed migration, or what the database says.
    pub fn attach(path: &Path, mut connection: Connection, open_reader: OpenReader, digest_key: DigestKey, around: Arc<dyn Surroundings>, actor: Uuid) -> Result<Vault, VaultError> {
        connection.set_prepared_statement_cache_capacity(512);
        migrate::migrate(&mut connection)?;
        let state = match VaultState::load(&connection)? {
            Some(state) => state,
            None => {
                let state = VaultState::new(around.new_id()?, around.new_id()?, actor);
                let mut seed = Zeroizing::new([0; 32]);
                around.random(seed.as_mut_slice())?;
                state.init(&connection, &seed)?;
                state
            }
        };
        let signer = SigningKey::from_seed(&VaultState::signing_seed(&connection)?).map_err(|error| VaultError::NotVerified(error.to_string()))?;
        let (keys, signer) = (VaultKeys { digest: digest_key }, Arc::new(signer));
        let gate = Gate::install(&mut connection)?;
        Ok(Vault {
            path: path.to_owned(),
            around,
            keys,
            writer: Mutex::new(Writer { connection, gate, state, signer, seen: Seen::default() }),
            readers: Mutex::new(Vec::new()),
            open_reader,
            folding: Mutex::default(),
            anchoring: None,
            poisoned: AtomicBool::new(false),
            flight: Arc::default(),
            units: Mutex::default(),
            doubt: Mutex::default(),
        })
    }

    /// Keeps an anchor in step with the state as it is now and with every commit from now on.
    pub(crate) fn with_anchoring(mut self, anchoring: Anchoring) -> Vault {
        anchoring.note(&self.state());
        self.anchoring = Some(anchoring);
        self
    }

    /// Whether the disk failed: what it holds of the last transaction is not known then.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Relaxed)
    }

    /// Where the encrypted file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Time and randomness of this vault.
    pub fn around(&self) -> &dyn Surroundings {
        self.around.as_ref()
    }

    /// Identity and head of the chain.
    pub fn state(&self) -> VaultState {
        self.writer().state.clone()
    }

    /// Reads on a connection that cannot write, beside other readers and the writer.
    ///
    /// # Errors
    /// What opening the connection or `f` fails with.
    pub fn read<T, E: From<StoreError>>(&self, f: impl FnOnce(Reader<'_>) -> Result<T, E>) -> Result<T, E> {
        self.on_reader(|connection| f(Reader::new(connection)))
    }

    /// As [`Vault::read`], for what the vault keeps besides rows.
    pub(crate) fn on_reader<T, E: From<StoreError>>(&self, f: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        let pooled = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => self.another_reader()?,
        };
        let result = f(&connection);
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        result
    }

    /// Held by whoever asks the centre something, from the question until the answer is taken in: two
    /// questions at once would use the same nonce, and look like two laptops.
    pub fn flight(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.flight)
    }

    /// A further connection that cannot write.
    pub(crate) fn another_reader(&self) -> Result<Connection, StoreError> {
        (self.open_reader)(&self.path)
    }

    /// The one way to write. Runs `f`, and either everything it wrote is durable, captured, signed
    /// and chained when this returns, or nothing is.
    ///
    /// # Errors
    /// What `f` returns, a broken rule, a full disk; nothing was written then.
    pub fn commit<T, E: From<VaultError>>(&self, purpose: impl Into<Purpose>, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<(T, Changes), E> {
        // No savepoint: when the only mutation fails, the whole transaction goes.
        self.batch(|batch| batch.mutate(purpose.into(), f))
    }

    /// Several mutations in one transaction: for imports and sample data. All are durable when
    /// this returns, or none is.
    ///
    /// # Errors
    /// What `f` returns, or what the database says; nothing was written then.
    pub fn batch<T, E: From<VaultError>>(&self, f: impl FnOnce(&mut Batch<'_>) -> Result<T, E>) -> Result<T, E> {
        self.transact(true, |inside, seen| {
            let mut batch = Batch::new(inside, seen);
            let value = f(&mut batch)?;
            Ok((value, batch.into_unindexed()))
        })
    }

    /// Takes in what came from the centre, or notes what it said: one transaction as a commit is,
    /// durable when this returns. The rows may refer to others that are not here.
    pub(crate) fn replicate<T>(&self, f: impl FnOnce(&mut Inside<'_>) -> Result<T, VaultError>) -> Result<T, VaultError> {
        self.replicate_so(false, f)
    }

    /// Notes what is part of no record: the queue of files, the log of synchronizing. One transaction as a
    /// commit is, durable when this returns.
    pub(crate) fn note<T>(&self, f: impl FnOnce(&mut Inside<'_>) -> Result<T, VaultError>) -> Result<T, VaultError> {
        self.replicate_so(true, f)
    }

    /// As [`Vault::replicate`]. Where `references_hold` no row may be left that refers to one that is not
    /// here, and none may be removed: [`VaultError::References`], or what the database says, tells that
    /// it has to be done again without. That setting makes SQLite forget every prepared statement.
    pub(crate) fn replicate_so<T>(&self, references_hold: bool, f: impl FnOnce(&mut Inside<'_>) -> Result<T, VaultError>) -> Result<T, VaultError> {
        self.transact(references_hold, |mut inside, seen| {
            seen.clear();
            let (dseq, digest) = (inside.state.dseq, inside.state.digest);
            let value = f(&mut inside)?;
            if inside.state.digest != digest && inside.state.dseq == dseq {
                inside.state.turn += 1;
            }
            Ok((value, Vec::new()))
        })
    }

    /// Runs `f` in a transaction and keeps state, search and anchor in step with it.
    fn transact<T, E: From<VaultError>>(&self, references_hold: bool, f: impl FnOnce(Inside<'_>, &Seen) -> Result<(T, Vec<Touched>), E>) -> Result<T, E> {
        if self.poisoned.load(Ordering::Relaxed) {
            return Err(VaultError::Poisoned.into());
        }
        let mut guard = self.writer();
        let Writer { connection, gate, state, signer, seen } = &mut *guard;
        let connection = &*connection;
        let before = (state.clone(), Arc::clone(signer));
        let mut panicked = None;
        let run = || {
            let (value, unindexed) = f(Inside { connection, around: self.around.as_ref(), keys: &self.keys, state: &mut *state, units: &self.units, references_hold, signer: &mut *signer }, seen)?;
            if *state != before.0 {
                state.save(connection).map_err(VaultError::from)?;
            }
            for row in unindexed {
                search::index(connection, row.before.as_ref(), &row.after).map_err(VaultError::from)?;
            }
            Ok::<T, E>(value)
        };
        // SQLite takes this setting outside a transaction only.
        let references = |hold: bool| if references_hold { Ok(()) } else { connection.pragma_update(None, "foreign_keys", hold).map_err(VaultError::from) };
        references(false)?;
        // A mistake in a command must not leave half a transaction for the next one to go on with.
        let result = in_transaction(connection, gate, || {
            catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
                panicked = Some(panic);
                Err(VaultError::Cancelled.into())
            })
        });
        let restored = references(true);
        match result {
            Ok(value) => {
                seen.forget_personal();
                if let Some(anchoring) = &self.anchoring {
                    anchoring.note(state);
                }
                restored?;
                Ok(value)
            }
            Err(failure) => {
                (*state, *signer) = before;
                seen.clear();
                self.units.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Failure::Disk = failure.1 {
                    self.poisoned.store(true, Ordering::Relaxed);
                }
                if let Some(panic) = panicked {
                    resume_unwind(panic);
                }
                Err(failure.0)
            }
        }
    }

    /// Writes an audit event that changes no row.
    ///
    /// # Errors
    /// As for [`Vault::commit`].
    pub fn record(&self, action: EventAction, entity: u16, row: Uuid, detail: &str) -> Result<(), VaultError> {
        self.batch(|batch| batch.record(action, entity, row, detail))
    }

    /// The entries of this laptop's chain that wrote a row, the latest first; at most 500.
    ///
    /// # Errors
    /// What the database says, or that an entry cannot be read.
    pub fn entries_of(&self, row: Uuid) -> Result<Vec<Entry>, VaultError> {
        let guard = self.writer();
        let mut statement = guard.connection.prepare_cached("SELECT bytes FROM chain WHERE mutation_id IS NOT NULL ORDER BY dseq DESC")?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(stored) = rows.next()?
            && found.len() < HISTORY_LIMIT
        {
            let bytes = chain::unpack(stored.get_ref(0)?.as_blob().unwrap_or_default())?;
            if memmem::find(&bytes, row.as_bytes()).is_none() {
                continue;
            }
            let entry = Entry::from_bytes(&bytes).map_err(|_| VaultError::NotVerified("an entry of the history cannot be read".into()))?;
            // The id may also stand in an entry that only refers to the row.
            if let Body::Mutation(mutation) = &entry.body
                && mutation.ops.iter().any(|op| op.id == row)
            {
                found.push(entry);
            }
        }
        Ok(found)
    }

    /// Runs `f` on the writer's connection outside any transaction: checkpoints, checks, backups.
    /// The guard stays closed, so no table of the model can be written.
    pub(crate) fn maintain<T>(&self, f: impl FnOnce(&mut Connection, &VaultState) -> Result<T, VaultError>) -> Result<T, VaultError> {
        let mut guard = self.writer();
        let Writer { connection, state, seen, .. } = &mut *guard;
        seen.clear();
        f(connection, state)
    }

    /// Looks at what the vault keeps besides rows, outside any transaction.
    pub(crate) fn look<T>(&self, f: impl FnOnce(&Connection, &VaultState) -> Result<T, VaultError>) -> Result<T, VaultError> {
        let guard = self.writer();
        f(&guard.connection, &guard.state)
    }

    /// As [`Vault::look`], with the units.
    pub(crate) fn look_at_units<T>(&self, f: impl FnOnce(&Connection, &VaultState, &mut replica::Units) -> Result<T, VaultError>) -> Result<T, VaultError> {
        self.look(|connection, state| {
            let mut kept = self.units.lock().unwrap_or_else(PoisonError::into_inner);
            let units = match kept.take() {
                Some(units) => units,
                None => replica::Units::load(connection)?,
            };
            f(connection, state, kept.insert(units))
        })
    }

    /// The digest of all rows as they lie in the file now.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn recompute_digest(&self) -> Result<Digest, VaultError> {
        self.maintain(|connection, _| Ok(Digest::of_all(Reader::new(connection), &self.keys.digest)?))
    }

    /// The public key with which this laptop's entries are checked.
    pub fn public_key(&self) -> [u8; 32] {
        self.writer().signer.public()
    }

    /// This laptop's signature of a message, for example of [`gladstone_protocol::enrol::SESSION_LABEL`]
    /// and a challenge.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signer = Arc::clone(&self.writer().signer);
        signer.sign(message)
    }

    /// Walks the whole chain, all rows and all pages: every hash, signature and link, the digest, and
    /// the seal of each page, used or free.
    /// `progress` is told how many entries of how many were checked and may cancel by false.
    ///
    /// # Errors
    /// [`VaultError::NotVerified`] with the first thing that does not fit.
    pub fn verify(&self, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<Verified, VaultError> {
        let public = self.public_key();
        let (state, entries) = self.maintain(|connection, state| {
            let entries = verify::chain(connection, state, &public, progress)?;
            let check: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
            if check != "ok" {
                return Err(VaultError::NotVerified(check));
            }
            verify::pages(connection)?;
            Ok((state.clone(), entries))
        })?;
        if self.recompute_digest()? != state.digest {
            return Err(VaultError::NotVerified("the records do not add up to what was saved: one was changed, lost or put back from outside".into()));
        }
        Ok(Verified { entries })
    }

    /// Gives the database a new incarnation, whose entries are numbered from 1 and link to nothing
    /// before them, and notes why. What waits to be sent goes on in the new life.
    ///
    /// # Errors
    /// What the database says.
    pub fn begin_new_life(&self) -> Result<(), VaultError> {
        self.replicate(|inside| replica::begin_new_life(inside, "went on after the vault was found behind or beside its anchor"))
    }

    /// Folds the write-ahead log into the file.
    ///
    /// # Errors
    /// What the database says.
    pub fn checkpoint(&self) -> Result<(), VaultError> {
        // Two at once get in each other's way, and this one does not wait.
        drop(self.folding.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.maintain(|connection, _| Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?))
    }

    /// Folds what is committed by now into the file, beside whatever is written meanwhile.
    pub(crate) fn fold_beside(&self) {
        let mut folding = self.folding.lock().unwrap_or_else(PoisonError::into_inner);
        if folding.is_none() {
            let begun = self.another_reader().map_err(|error| error.to_string()).and_then(|connection| Folding::begin(connection).map_err(|error| error.to_string()));
            *folding = begun.map_err(|error| tracing::warn!(%error, "the log is folded with the next save")).ok();
        }
        folding.iter().for_each(Folding::fold);
    }

    /// Closes all connections; the last one folds the write-ahead log into the file.
    ///
    /// # Errors
    /// What the database says while closing.
    pub fn close(self) -> Result<VaultState, VaultError> {
        drop(self.folding.into_inner().unwrap_or_else(PoisonError::into_inner));
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let writer = self.writer.into_inner().unwrap_or_else(PoisonError::into_inner);
        writer.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        writer.connection.flush_prepared_statement_cache();
        writer.connection.close().map_err(|(_, error)| error)?;
        Ok(writer.state)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
