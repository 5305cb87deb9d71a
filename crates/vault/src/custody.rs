//! From a locked folder to an open vault and back: making, unlocking, changing the passphrase.
//!
//! Start-up ladder: open, fold the log, compare with the anchors, quick check. Whatever does not
//! fit is reported; nothing is ever deleted.

use std::{path::Path, sync::Arc};

use gladstone_protocol::ChainHash;
use gladstone_store::{Reader, digest::Digest};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    anchoring::Anchoring,
    beside::{self, Beside},
    database::{self, OpenError},
    error::VaultError,
    folder::{Header, VaultFolder, sync_folder},
    keys::{
        KeyError,
        anchor::{Anchor, Standing},
        attempts::Attempts,
        device_secret::{DeviceSecrets, KeyringState, anchor_name, key_name},
        kdf::Cost,
        random,
        recovery_code::RecoveryCode,
        root_key::RootKey,
        slot::{Slot, SlotFile, SlotKind},
    },
    state::VaultState,
    surroundings::Surroundings,
    vault::Vault,
};

/// Why a vault does not open.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// Passphrase, code, slots or keyring.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The file.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The vault behind it.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// There already is a vault in the folder.
    #[error("there already is a vault in this folder")]
    Exists,
    /// There is none.
    #[error("there is no vault in this folder")]
    Missing,
}

impl From<std::io::Error> for CustodyError {
    fn from(error: std::io::Error) -> Self {
        KeyError::from(error).into()
    }
}

/// An unlocked vault with what it takes to lock it and to change its keys.
pub struct Unlocked {
    /// The open vault.
    pub vault: Vault,
    /// Its folder.
    pub folder: VaultFolder,
    /// Its public header.
    pub header: Header,
    /// Whether two independent ways to the root key are proven.
    pub recovery_confirmed: bool,
    /// Whether the passphrase alone protects it, and why.
    pub degraded: Option<String>,
    /// What the ladder found; none when all is well.
    pub alarm: Option<Alarm>,
    /// Whether the file was too large to be checked before it was opened.
    pub is_large: bool,
    beside: Option<Beside>,
    root: RootKey,
    epoch: u64,
    secrets: Arc<dyn DeviceSecrets>,
}

/// What the start-up ladder found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// The database is older than its anchor.
    Behind {
        /// Entries that the anchor knows and the database does not; 0 when only a change of the
        /// passphrase is missing.
        missing: u64,
    },
    /// The database holds other content than the anchor knows.
    Forked,
    /// The file is damaged.
    Damaged(String),
}

/// What the machine gives to all vaults.
#[derive(Clone)]
pub struct Surrounding {
    /// Time and randomness.
    pub around: Arc<dyn Surroundings>,
    /// The keyring.
    pub secrets: Arc<dyn DeviceSecrets>,
    /// Cost of new passphrase slots.
    pub cost: Cost,
}

/// Makes a vault for `actor` and returns it open, with its recovery code.
///
/// # Errors
/// [`CustodyError`]; a half-made folder without a header is no vault and is made anew next time.
pub fn create(root: &Path, label: &str, passphrase: &str, actor: Uuid, with: &Surrounding) -> Result<(Unlocked, RecoveryCode), CustodyError> {
    let folder = VaultFolder::at(root);
    if folder.header().is_some() {
        return Err(CustodyError::Exists);
    }
    folder.create()?;
    // What an interrupted try left has another key; it would be in the way.
    folder.set_aside("half-made", &folder.files())?;
    let header = Header { vault: with.around.new_id()?, label: label.into(), created: with.around.now().to_string() };
    let degraded = match with.secrets.probe() {
        KeyringState::Ready => {
            let secret = Zeroizing::new(random::<32>()?);
            with.secrets.set(&key_name(header.vault), secret.as_slice()).err()
        }
        KeyringState::Degraded(reason) => Some(reason),
    };
    let device_secret = if degraded.is_none() { load_device_secret(with, header.vault)? } else { None };
    let (key, code) = (RootKey::generate()?, RecoveryCode::generate()?);
    let passphrase = normal(passphrase);
    let slots = vec![
        Slot::for_passphrase(header.vault, 1, &key, &passphrase, device_secret.as_deref(), with.cost)?,
        Slot::for_recovery(header.vault, 1, &key, &code)?,
    ];
    let file = SlotFile { generation: 1, recovery_confirmed: false, slots };
    let copies = folder.slots();
    file.save([&copies[0], &copies[1]])?;
    let unlocked = open(folder, header, key, 1, &file, actor, with)?;
    unlocked.folder.write_header(&unlocked.header)?;
    Ok((unlocked, code))
}

/// Unlocks with the passphrase. The try is counted on disk before it is checked.
///
/// # Errors
/// [`KeyError::WrongPassphrase`], [`KeyError::Wait`], and everything else in [`CustodyError`].
pub fn unlock(root: &Path, passphrase: &str, with: &Surrounding) -> Result<Unlocked, CustodyError> {
    let (folder, header) = existing(root)?;
    let (key, epoch, file) = proven(&folder, &header, passphrase, with)?;
    let unlocked = open(folder, header, key, epoch, &file, Uuid::nil(), with)?;
    Attempts::at(&unlocked.folder.attempts()).succeeded(with.around.now())?;
    Ok(unlocked)
}

/// Proves a passphrase once more beside the open vault. The try is counted as by [`unlock`].
///
/// # Errors
/// As for [`unlock`].
pub fn prove(root: &Path, passphrase: &str, with: &Surrounding) -> Result<(), CustodyError> {
    let (folder, header) = existing(root)?;
    proven(&folder, &header, passphrase, with)?;
    Attempts::at(&folder.attempts()).succeeded(with.around.now())?;
    Ok(())
}

fn proven(folder: &VaultFolder, header: &Header, passphrase: &str, with: &Surrounding) -> Result<(RootKey, u64, SlotFile), CustodyError> {
    let path = folder.attempts();
    let attempts = Attempts::at(&path);
    let tries_left = attempts.begin(with.around.now())?;
    let passphrase = normal(passphrase);
    let found = try_slots(folder, |slot| match slot.header.kind {
        SlotKind::Recovery => Ok(None),
        SlotKind::PassphraseOnly => slot.open_with_passphrase(&passphrase, None),
        SlotKind::Passphrase => {
            let secret = load_device_secret(with, header.vault)?.ok_or(KeyError::NoDeviceSecret)?;
            slot.open_with_passphrase(&passphrase, Some(&secret))
        }
    })?;
    found.ok_or_else(|| KeyError::WrongPassphrase { tries_before_wait: tries_left }.into())
}

/// Unlocks with the recovery code and sets a new passphrase, which renews all keys.
/// Returns the new recovery code.
///
/// # Errors
/// [`KeyError::WrongRecoveryCode`], [`KeyError::MistypedRecoveryCode`], and the rest.
pub fn unlock_with_recovery(root: &Path, code: &str, new_passphrase: &str, with: &Surrounding) -> Result<(Unlocked, RecoveryCode), CustodyError> {
    let (folder, header) = existing(root)?;
    let code = RecoveryCode::parse(code)?;
    let found = try_slots(&folder, |slot| if slot.header.kind == SlotKind::Recovery { slot.open_with_recovery(&code) } else { Ok(None) })?;
    let Some((key, epoch, file)) = found else { return Err(KeyError::WrongRecoveryCode.into()) };
    let unlocked = open(folder, header, key, epoch, &file, Uuid::nil(), with)?;
    let path = unlocked.folder.attempts();
    Attempts::at(&path).succeeded(with.around.now())?;
    unlocked.change_passphrase(new_passphrase, with)
}

impl Unlocked {
    /// In a large vault, checks the file beside the work and tells `found` what is wrong, then
    /// makes a backup if one is due. Ends when the vault is locked. A small one was checked
    /// before it was opened.
    ///
    /// # Errors
    /// What opening a further connection fails with.
    pub fn go_on_beside(&mut self, backup_is_due: bool, found: impl FnOnce(Alarm) + Send + 'static) -> Result<(), CustodyError> {
        if self.is_large && self.beside.is_none() {
            let backup = backup_is_due.then(|| self.backup_in_the_making());
            let connection = self.vault.another_reader().map_err(VaultError::from)?;
            self.beside = Some(Beside::begin(connection, backup, move |fault| found(Alarm::Damaged(fault))));
        }
        Ok(())
    }

    /// The person proves that the recovery code is written down.
    ///
    /// # Errors
    /// [`KeyError::WrongRecoveryCode`] and the like.
    pub fn confirm_recovery(&mut self, typed: &str) -> Result<(), CustodyError> {
        let code = RecoveryCode::parse(typed)?;
        let copies = self.folder.slots();
        let mut file = SlotFile::load([&copies[0], &copies[1]], self.epoch)?;
        let mut good = false;
        for slot in file.slots.iter().filter(|slot| slot.header.kind == SlotKind::Recovery) {
            good |= slot.open_with_recovery(&code)?.is_some();
        }
        if !good {
            return Err(KeyError::WrongRecoveryCode.into());
        }
        file.recovery_confirmed = true;
        file.generation += 1;
        file.save([&copies[0], &copies[1]])?;
        self.recovery_confirmed = true;
        Ok(())
    }

    /// Renews the root key, re-encrypts the file under it, and gives out a new recovery code: an
    /// old key file with the old passphrase opens nothing that is written from now on.
    ///
    /// At every moment either the old or the new passphrase opens the vault: the new slots lie
    /// beside the old ones until the re-encrypted file has taken its place.
    ///
    /// # Errors
    /// [`CustodyError`]; the vault is closed then and opens with the old passphrase, or with the
    /// new one when the files were already swapped.
    pub fn change_passphrase(mut self, new_passphrase: &str, with: &Surrounding) -> Result<(Unlocked, RecoveryCode), CustodyError> {
        self.beside = None;
        let Unlocked { vault, folder, header, root, epoch, alarm, .. } = self;
        let state = vault.close()?;
        let (new_key, code, new_epoch) = (RootKey::generate()?, RecoveryCode::generate()?, epoch + 1);
        let device_secret = match with.secrets.probe() {
            KeyringState::Ready => {
                if load_device_secret(with, header.vault)?.is_none() {
                    let secret = Zeroizing::new(random::<32>()?);
                    with.secrets.set(&key_name(header.vault), secret.as_slice()).map_err(|_| KeyError::NoDeviceSecret)?;
                }
                load_device_secret(with, header.vault)?
            }
            KeyringState::Degraded(_) => None,
        };
        let passphrase = normal(new_passphrase);
        let copies = folder.slots();
        let generation = SlotFile::load([&copies[0], &copies[1]], epoch)?.generation + 1;
        let slots = vec![
            Slot::for_passphrase(header.vault, new_epoch, &new_key, &passphrase, device_secret.as_deref(), with.cost)?,
            Slot::for_recovery(header.vault, new_epoch, &new_key, &code)?,
        ];
        let file = SlotFile { generation, recovery_confirmed: false, slots };
        let next = folder.next_slots();
        file.save([&next, &next])?;
        let (path, beside) = (folder.database(), database::with_suffix(&folder.database(), ".rekeyed"));
        database::export_rekeyed(&path, &root.database(), &beside, &new_key.database())?;
        renew_digest(&beside, &root, &new_key)?;
        carry_over(alarm.as_ref(), &state, &Anchoring::open(&folder.anchor(), new_key.digest(), new_epoch)?, new_epoch);
        // The old log belongs to the old file; it was folded in and is empty.
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(database::with_suffix(&path, suffix));
        }
        std::fs::rename(&beside, &path)?;
        sync_folder(&path)?;
        finish_swap(&folder, &file)?;
        let unlocked = open(folder, header, new_key, new_epoch, &file, Uuid::nil(), with)?;
        Ok((unlocked, code))
    }

    /// Folds the log, leaves the anchor in the keyring, and forgets the keys. With an alarm that
    /// nobody has decided about, the anchor in the keyring stays as it is.
    ///
    /// # Errors
    /// What closing the file says; the keys are forgotten all the same.
    pub fn lock(mut self) -> Result<(), CustodyError> {
        self.beside = None;
        let state = self.vault.close()?;
        let anchor = Anchor::of(&state, self.epoch).to_bytes(&self.root.digest());
        if self.degraded.is_none() && self.alarm.is_none() && let Err(reason) = self.secrets.set(&anchor_name(self.header.vault), &anchor) {
            tracing::warn!(reason, "the anchor could not be left in the keyring");
        }
        Ok(())
    }

    /// Generation of the root key.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) fn root(&self) -> &RootKey {
        &self.root
    }
}

/// The new keys cannot read the old anchors, so an alarm that nobody has decided about leaves an
/// anchor under the new ones that raises it again.
fn carry_over(alarm: Option<&Alarm>, state: &VaultState, anchoring: &Anchoring, epoch: u64) {
    let (missing, turns) = match alarm {
        Some(Alarm::Behind { missing: missing @ 1.. }) => (*missing, 0),
        // No entry is missing, but rows that had come from the centre are.
        Some(Alarm::Behind { .. }) if !state.realm.is_nil() => (0, 1),
        Some(Alarm::Forked) => (0, 0),
        _ => return,
    };
    anchoring.put(&Anchor { epoch, dseq: state.dseq + missing, chain_head: [0xff; 32], digest: [0; 32], turn: state.turn + turns });
}

/// The digest is keyed by the root key, so the re-encrypted file gets its own before it counts. A
/// digest that did not fit before does not fit afterwards either: the full check goes on to say so.
fn renew_digest(path: &Path, old: &RootKey, key: &RootKey) -> Result<(), CustodyError> {
    let connection = database::open_writer(path, &key.database())?;
    let mut state = VaultState::load(&connection).map_err(VaultError::from)?.ok_or(CustodyError::Missing)?;
    if state.digest == Digest::of_all(Reader::new(&connection), &old.digest()).map_err(VaultError::from)? {
        state.digest = Digest::of_all(Reader::new(&connection), &key.digest()).map_err(VaultError::from)?;
        state.save(&connection).map_err(VaultError::from)?;
    }
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(VaultError::from)?;
    connection.flush_prepared_statement_cache();
    connection.close().map_err(|(_, error)| VaultError::from(error))?;
    Ok(())
}

/// Tries the present slots and, after an interrupted change of the passphrase, the next ones.
/// Slots count only when their key opens the file that lies there.
fn try_slots(folder: &VaultFolder, mut open_slot: impl FnMut(&Slot) -> Result<Option<RootKey>, KeyError>) -> Result<Option<(RootKey, u64, SlotFile)>, CustodyError> {
    let (copies, next) = (folder.slots(), folder.next_slots());
    let (mut failure, mut misfit) = (None, None);
    for (paths, is_next) in [([copies[0].as_path(), copies[1].as_path()], false), ([next.as_path(), next.as_path()], true)] {
        let file = match SlotFile::load(paths, 0) {
            Ok(file) => file,
            Err(error) => {
                if !is_next {
                    failure = Some(error);
                }
                continue;
            }
        };
        for slot in &file.slots {
            let Some(key) = open_slot(slot)? else { continue };
            refuse_stump(folder)?;
            match database::open_writer(&folder.database(), &key.database()) {
                Ok(_) => {
                    if is_next {
                        finish_swap(folder, &file)?;
                    }
                    return Ok(Some((key, slot.header.epoch, file)));
                }
                // The present slots do not fit while a change of the passphrase waits to be finished.
                Err(OpenError::WrongKey) => misfit = (!next.exists()).then(|| OpenError::Damaged("its beginning is not that of this vault".into())),
                // Damage is for the ladder to report; the key itself was right.
                Err(_) => return Ok(Some((key, slot.header.epoch, file))),
            }
        }
    }
    match (misfit, failure) {
        (Some(misfit), _) => Err(misfit.into()),
        (None, Some(failure)) => Err(failure.into()),
        (None, None) => Ok(None),
    }
}

/// A vault whose file is gone or shorter than a page must not be opened as a new, empty one.
fn refuse_stump(folder: &VaultFolder) -> Result<(), OpenError> {
    let length = std::fs::metadata(folder.database()).map_or(0, |known| known.len());
    if length < 4096 { Err(OpenError::Damaged(if length == 0 { "it is gone or empty".into() } else { "it is cut short".into() })) } else { Ok(()) }
}

fn finish_swap(folder: &VaultFolder, file: &SlotFile) -> Result<(), CustodyError> {
    let copies = folder.slots();
    file.save([&copies[0], &copies[1]])?;
    match std::fs::remove_file(folder.next_slots()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn open(folder: VaultFolder, header: Header, root: RootKey, epoch: u64, file: &SlotFile, actor: Uuid, with: &Surrounding) -> Result<Unlocked, CustodyError> {
    let key = root.digest();
    let path = folder.database();
    let connection = database::open_writer(&path, &root.database())?;
    let reader_key = Arc::new(root.database());
    let open_reader = Box::new(move |path: &Path| {
        database::open_reader(path, &reader_key).map_err(|error| match error {
            OpenError::Store(error) => error,
            other => gladstone_store::StoreError::Damaged(other.to_string()),
        })
    });
    let vault = Vault::attach(&path, connection, open_reader, key.clone(), Arc::clone(&with.around), actor)?;
    let uses_keyring = file.slots.iter().any(|slot| slot.header.kind == SlotKind::Passphrase);
    let degraded = (!uses_keyring).then(|| match with.secrets.probe() {
        KeyringState::Degraded(reason) => reason,
        KeyringState::Ready => "the vault was made without a keyring; change the passphrase to add it".into(),
    });
    let in_keyring = if uses_keyring { with.secrets.get(&anchor_name(header.vault)).ok().flatten() } else { None };
    let anchors = [Anchoring::load(&folder.anchor(), &key), in_keyring.as_deref().and_then(|bytes| Anchor::from_bytes(&key, bytes))];
    let unproven = [Anchoring::load_unproven(&folder.anchor()), in_keyring.as_deref().and_then(Anchor::unproven)];
    let is_quick = std::fs::metadata(&path).is_ok_and(|known| beside::is_quick(known.len()));
    let alarm = ladder(&vault, is_quick, epoch, anchors, unproven)?;
    let anchoring = Anchoring::open(&folder.anchor(), key, epoch)?;
    let vault = if alarm.is_none() { vault.with_anchoring(anchoring) } else { vault };
    if alarm.is_none() && let Err(fault) = vault.tidy_files() {
        // Nothing depends on it before the next unlock.
        tracing::warn!(%fault, "what a file left behind could not be removed");
    }
    Ok(Unlocked { vault, folder, header, recovery_confirmed: file.recovery_confirmed, degraded, alarm, is_large: !is_quick, beside: None, root, epoch, secrets: Arc::clone(&with.secrets) })
}

fn ladder(vault: &Vault, check_at_once: bool, epoch: u64, anchors: [Option<Anchor>; 2], unproven: [Option<Anchor>; 2]) -> Result<Option<Alarm>, VaultError> {
    vault.checkpoint()?;
    if check_at_once && let Some(fault) = vault.maintain(|connection, _| Ok(beside::fault(connection)))? {
        return Ok(Some(Alarm::Damaged(fault)));
    }
    // The files are from before a change of the passphrase: their key cannot read the newer anchor.
    if let Some(later) = unproven.into_iter().flatten().filter(|anchor| anchor.epoch > epoch).max_by_key(|anchor| (anchor.epoch, anchor.dseq, anchor.turn)) {
        return Ok(Some(Alarm::Behind { missing: later.dseq.saturating_sub(vault.state().dseq) }));
    }
    let newest = anchors.into_iter().flatten().filter(|anchor| anchor.epoch == epoch).max_by_key(|anchor| (anchor.dseq, anchor.turn));
    let Some(anchor) = newest else { return Ok(None) };
    vault.maintain(|connection, state| {
        let head_at = |dseq: u64| -> Option<ChainHash> {
            let bytes: Vec<u8> = connection.query_row("SELECT hash FROM chain WHERE dseq = ?1", [dseq as i64], |row| row.get(0)).ok()?;
            bytes.try_into().ok()
        };
        Ok(match anchor.compare(state, head_at) {
            Standing::Same | Standing::Ahead => None,
            Standing::Behind => Some(Alarm::Behind { missing: anchor.dseq - state.dseq }),
            Standing::Forked => Some(Alarm::Forked),
        })
    })
}

impl Unlocked {
    /// The person decides to go on with what is here after an alarm: the database begins a new
    /// life, so that nothing it writes can be taken for what was lost.
    ///
    /// # Errors
    /// What writing says.
    pub fn accept_alarm(self) -> Result<Unlocked, CustodyError> {
        let Unlocked { vault, folder, header, recovery_confirmed, degraded, is_large, root, epoch, secrets, .. } = self;
        vault.begin_new_life()?;
        match std::fs::remove_file(folder.anchor()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        secrets.delete(&anchor_name(header.vault)).map_err(|_| KeyError::NoDeviceSecret)?;
        let anchoring = Anchoring::open(&folder.anchor(), root.digest(), epoch)?;
        let vault = vault.with_anchoring(anchoring);
        Ok(Unlocked { vault, folder, header, recovery_confirmed, degraded, alarm: None, is_large, beside: None, root, epoch, secrets })
    }
}

fn existing(root: &Path) -> Result<(VaultFolder, Header), CustodyError> {
    let folder = VaultFolder::at(root);
    let header = folder.header().ok_or(CustodyError::Missing)?;
    Ok((folder, header))
}

fn load_device_secret(with: &Surrounding, vault: Uuid) -> Result<Option<Zeroizing<[u8; 32]>>, KeyError> {
    let bytes = with.secrets.get(&key_name(vault)).map_err(|_| KeyError::NoDeviceSecret)?;
    Ok(bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok()).map(Zeroizing::new))
}

/// The passphrase in Unicode normal form C without outer spaces, so that every keyboard writes the same.
fn normal(passphrase: &str) -> Zeroizing<String> {
    match gladstone_model::Value::text(passphrase.trim()) {
        gladstone_model::Value::Text(text) => Zeroizing::new(text),
        _ => Zeroizing::new(String::new()),
    }
}
