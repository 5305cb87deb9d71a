//! Making, opening, closing, checking and backing up a vault.

use std::path::PathBuf;

use gladstone_model::Value;
use gladstone_protocol::EventAction;
use gladstone_vault::{Unlocked, backup::{self, Backup}, custody, folder::VaultFolder, keys::recovery_code::RecoveryCode};
use uuid::Uuid;

use super::{app::{Done, Empty}, wire};
use crate::{desk::Desk, error::{Code, DeskError}, instruments, saving};

/// Least strength of a passphrase, 0 to 4 as zxcvbn counts.
const LEAST_STRENGTH: u8 = 2;
/// Seconds after which an unlock makes a backup of its own.
const BACKUP_AGE_SECONDS: i64 = 24 * 3_600;

wire! {
    /// A passphrase to look at.
    pub struct PassphraseRequest {
        /// The passphrase.
        pub passphrase: String,
    }

    /// How hard a passphrase is to guess.
    pub struct Strength {
        /// 0 (guessed at once) to 4 (very hard).
        pub score: u8,
        /// Whether it is strong enough for a vault.
        pub enough: bool,
        /// What would help.
        pub hint: String,
    }

    /// A vault to make.
    pub struct CreateVault {
        /// Name on the lock screen.
        pub label: String,
        /// The person's name.
        pub person_name: String,
        /// The passphrase.
        pub passphrase: String,
    }

    /// An open vault with its new recovery code.
    pub struct Created {
        /// The vault.
        pub vault_id: Uuid,
        /// The code, to be written down: it is never shown again.
        pub recovery_code: String,
    }

    /// A recovery code as typed.
    pub struct CodeRequest {
        /// The code.
        pub code: String,
    }

    /// A vault to open.
    pub struct UnlockRequest {
        /// The vault.
        pub vault_id: Uuid,
        /// The passphrase.
        pub passphrase: String,
    }

    /// A vault to open with its recovery code.
    pub struct RecoverRequest {
        /// The vault.
        pub vault_id: Uuid,
        /// The code.
        pub code: String,
        /// The new passphrase.
        pub new_passphrase: String,
    }

    /// The present and the new passphrase.
    pub struct ChangeRequest {
        /// The present one.
        pub passphrase: String,
        /// The new one.
        pub new_passphrase: String,
    }

    /// An opened vault.
    pub struct Opened {
        /// The vault.
        pub vault_id: Uuid,
    }

    /// A vault.
    pub struct VaultRequest {
        /// The vault.
        pub vault_id: Uuid,
    }

    /// A backup by its time.
    pub struct BackupRequest {
        /// Name of the backup.
        pub made: String,
    }

    /// A backup to put in the place of a vault.
    pub struct RestoreRequest {
        /// The vault.
        pub vault_id: Uuid,
        /// Name of the backup.
        pub made: String,
    }

    /// A backup.
    pub struct BackupInfo {
        /// Its name: the time it was made.
        pub made: String,
        /// Its size in bytes.
        #[ts(type = "number")]
        pub bytes: u64,
        /// Its folder.
        pub path: String,
    }

    /// Where to write the recovery code.
    pub struct SaveCode {
        /// The code as it was shown.
        pub code: String,
        /// A folder, best on a stick that is kept apart from this computer; the home folder when not given.
        #[serde(default)]
        pub folder: Option<String>,
    }

    /// A file that was written.
    pub struct SavedFile {
        /// Its path.
        pub path: String,
    }

    /// A vault that shall be removed.
    pub struct EraseRequest {
        /// Its label, typed by the person.
        pub label: String,
    }

    /// What was checked and found in order.
    pub struct VerifyReport {
        /// Entries of the history that were checked.
        #[ts(type = "number")]
        pub entries: u64,
    }
}

/// See the command list.
///
/// # Errors
/// None.
pub fn passphrase_strength(_: &Desk, request: PassphraseRequest) -> Result<Strength, DeskError> {
    Ok(strength(&request.passphrase))
}

/// See the command list.
///
/// # Errors
/// A weak passphrase, an empty name, or a folder that cannot be written.
pub fn create(desk: &Desk, request: CreateVault) -> Result<Created, DeskError> {
    let (label, name) = (request.label.trim(), request.person_name.trim());
    if name.is_empty() {
        return Err(DeskError::field("person_name", "Write your name; it stands beside what you do."));
    }
    require_strength("passphrase", &request.passphrase)?;
    let with = &desk.with_for_new_keys()?;
    let actor = with.around.new_id()?;
    let root = desk.vaults().join(with.around.new_id()?.to_string());
    let (unlocked, code) = custody::create(&root, if label.is_empty() { name } else { label }, &request.passphrase, actor, with)?;
    unlocked.vault.commit("vault.create", |tx| {
        tx.create("users", [("id", actor.into()), ("name", Value::text(name)), ("role", "therapist".into()), ("account_status", "active".into())])?;
        instruments::install(tx)?;
        Ok::<_, DeskError>(())
    })?;
    Ok(present(desk, unlocked, &code))
}

/// See the command list.
///
/// # Errors
/// Another code, or a typing mistake.
pub fn confirm_recovery(desk: &Desk, request: CodeRequest) -> Result<Done, DeskError> {
    desk.with_unlocked_mut(|unlocked| Ok(unlocked.confirm_recovery(&request.code)?))?;
    desk.start_sync();
    Ok(Done::YES)
}

/// See the command list.
///
/// # Errors
/// Another passphrase, too many tries, or a damaged vault.
pub fn unlock(desk: &Desk, request: UnlockRequest) -> Result<Opened, DeskError> {
    let root = root(desk, request.vault_id)?;
    // A wrong passphrase must not close what is open.
    let unlocked = custody::unlock(&root, &request.passphrase, desk.with())?;
    close(desk)?;
    let mut backup_is_due = false;
    if unlocked.alarm.is_none() {
        unlocked.vault.commit("vault.install_instruments", instruments::install)?;
        unlocked.vault.record(EventAction::Unlock, 0, Uuid::nil(), "")?;
        backup_is_due = is_backup_due(desk, &unlocked);
        if backup_is_due && !unlocked.is_large && let Err(error) = unlocked.back_up() {
            tracing::warn!(%error, "the automatic backup failed");
        }
    }
    desk.present(unlocked, backup_is_due)?;
    Ok(Opened { vault_id: request.vault_id })
}

/// See the command list.
///
/// # Errors
/// Another code, a typing mistake, or a weak new passphrase.
pub fn unlock_with_recovery(desk: &Desk, request: RecoverRequest) -> Result<Created, DeskError> {
    require_strength("new_passphrase", &request.new_passphrase)?;
    let root = root(desk, request.vault_id)?;
    close(desk)?;
    let (unlocked, code) = custody::unlock_with_recovery(&root, &request.code, &request.new_passphrase, &desk.with_for_new_keys()?)?;
    unlocked.vault.record(EventAction::KeyChange, 0, Uuid::nil(), "unlocked with the recovery code")?;
    unlocked.vault.reprieve()?;
    Ok(present(desk, unlocked, &code))
}

/// See the command list.
///
/// # Errors
/// What closing the file says.
pub fn lock(desk: &Desk, _: Empty) -> Result<Done, DeskError> {
    desk.lock().map(|()| Done::YES)
}

/// See the command list.
///
/// # Errors
/// Another present passphrase, or a weak new one.
pub fn change_passphrase(desk: &Desk, request: ChangeRequest) -> Result<Created, DeskError> {
    require_strength("new_passphrase", &request.new_passphrase)?;
    let root = desk.with_unlocked(|unlocked| Ok(unlocked.folder.root().to_owned()))?;
    // A wrong present passphrase must not close what is open.
    custody::unlock(&root, &request.passphrase, desk.with())?.lock()?;
    close(desk)?;
    let unlocked = custody::unlock(&root, &request.passphrase, desk.with())?;
    let (unlocked, code) = unlocked.change_passphrase(&request.new_passphrase, &desk.with_for_new_keys()?)?;
    unlocked.vault.record(EventAction::KeyChange, 0, Uuid::nil(), "passphrase changed")?;
    Ok(present(desk, unlocked, &code))
}

/// See the command list.
///
/// # Errors
/// What writing says.
pub fn accept_alarm(desk: &Desk, _: Empty) -> Result<Done, DeskError> {
    let Some(unlocked) = desk.swap(None) else { return Err(DeskError::locked()) };
    let unlocked = if unlocked.alarm.is_some() { unlocked.accept_alarm()? } else { unlocked };
    desk.swap(Some(unlocked));
    Ok(Done::YES)
}

/// See the command list.
///
/// # Errors
/// The first thing that does not fit.
pub fn verify(desk: &Desk, _: Empty) -> Result<VerifyReport, DeskError> {
    let entries = desk.with_unlocked(|unlocked| Ok(u32::try_from(unlocked.vault.state().dseq).unwrap_or(u32::MAX)))?;
    let running = desk.jobs.begin("Checking the vault", entries)?;
    let verified = desk.with_unlocked(|unlocked| Ok(unlocked.vault.verify(&mut |done, _| running.step(u32::try_from(done).unwrap_or(u32::MAX)).is_ok())?))?;
    check_files(desk)?;
    Ok(VerifyReport { entries: verified.entries })
}

/// Reads every file through. What the centre has is fetched again by itself.
fn check_files(desk: &Desk) -> Result<(), DeskError> {
    let lost = desk.with_unlocked(|unlocked| {
        let mut lost = 0;
        for hash in unlocked.vault.damaged_files()? {
            lost += u32::from(unlocked.alarm.is_some() || !unlocked.vault.give_up_damaged(&hash)?);
        }
        Ok(lost)
    })?;
    desk.files_asked_for();
    if lost == 0 { Ok(()) } else { Err(DeskError::new(Code::Damaged, format!("{lost} files of records are damaged on this computer, and the centre does not have them. Put a backup in the place of this vault, or add the files anew."))) }
}

/// See the command list.
///
/// # Errors
/// A full disk among others.
pub fn back_up(desk: &Desk, _: Empty) -> Result<BackupInfo, DeskError> {
    desk.with_unlocked(|unlocked| {
        let made = unlocked.back_up()?;
        unlocked.test_restore(&made.path)?;
        Ok(info(made))
    })
}

/// See the command list.
///
/// # Errors
/// The folder cannot be read.
pub fn backups(desk: &Desk, _: Empty) -> Result<Vec<BackupInfo>, DeskError> {
    desk.with_unlocked(|unlocked| Ok(unlocked.backups()?.into_iter().map(info).collect()))
}

/// See the command list.
///
/// # Errors
/// What does not fit in the backup.
pub fn test_restore(desk: &Desk, request: BackupRequest) -> Result<VerifyReport, DeskError> {
    desk.with_unlocked(|unlocked| {
        let found = unlocked.backups()?.into_iter().find(|backup| backup.made == request.made).ok_or_else(no_backup)?;
        Ok(VerifyReport { entries: unlocked.test_restore(&found.path)? })
    })
}

/// See the command list.
///
/// # Errors
/// There is no such vault.
pub fn backups_of(desk: &Desk, request: VaultRequest) -> Result<Vec<BackupInfo>, DeskError> {
    let folder = VaultFolder::at(root(desk, request.vault_id)?);
    Ok(backup::list(&folder).map_err(DeskError::from)?.into_iter().map(info).collect())
}

/// See the command list.
///
/// # Errors
/// There is no such vault or backup.
pub fn restore(desk: &Desk, request: RestoreRequest) -> Result<Done, DeskError> {
    let root = root(desk, request.vault_id)?;
    close(desk)?;
    let found = backup::list(&VaultFolder::at(&root))?.into_iter().find(|backup| backup.made == request.made).ok_or_else(no_backup)?;
    backup::restore(&root, &found.path)?;
    Ok(Done::YES)
}

/// See the command list.
///
/// # Errors
/// The folder is missing or cannot be written, or holds such a file already.
pub fn save_code(_: &Desk, request: SaveCode) -> Result<SavedFile, DeskError> {
    let folder = saving::folder_or_home(request.folder.as_deref(), "folder")?;
    let path = folder.join("gladstone-recovery-code.txt");
    let text = format!("Gladstone recovery code\n\n{}\n\nKeep it apart from the computer. Whoever has both can read what is stored there.\n", request.code.trim());
    Ok(SavedFile { path: saving::save_text(&path, &text, "folder")? })
}

/// See the command list.
///
/// # Errors
/// The label differs, or what the disk says.
pub fn erase(desk: &Desk, request: EraseRequest) -> Result<Done, DeskError> {
    let label = desk.with_unlocked(|unlocked| Ok(unlocked.header.label.clone()))?;
    if request.label.trim() != label {
        return Err(DeskError::field("label", format!("Type “{label}” exactly, to show that you mean it.")));
    }
    let Some(unlocked) = desk.swap(None) else { return Err(DeskError::locked()) };
    let erased = gladstone_vault::erase::erase(unlocked, desk.with());
    desk.emit(crate::events::Event::Locked);
    erased?;
    Ok(Done::YES)
}

pub(super) fn present(desk: &Desk, unlocked: Unlocked, code: &RecoveryCode) -> Created {
    let vault_id = unlocked.header.vault;
    desk.swap(Some(unlocked));
    Created { vault_id, recovery_code: code.to_text().to_string() }
}

pub(super) fn close(desk: &Desk) -> Result<(), DeskError> {
    desk.swap(None).map_or(Ok(()), |unlocked| Ok(unlocked.lock()?))
}

fn root(desk: &Desk, vault: Uuid) -> Result<PathBuf, DeskError> {
    let found = VaultFolder::list(desk.vaults()).map_err(|error| DeskError::new(Code::Failed, error.to_string()))?;
    let folder = found.into_iter().find(|(_, header)| header.vault == vault);
    folder.map(|(folder, _)| folder.root().to_owned()).ok_or_else(|| DeskError::new(Code::NotFound, "This vault is not on this computer."))
}

fn no_backup() -> DeskError {
    DeskError::new(Code::NotFound, "There is no such backup. Choose one from the list.")
}

fn info(backup: Backup) -> BackupInfo {
    BackupInfo { made: backup.made, bytes: backup.bytes, path: backup.path.to_string_lossy().into_owned() }
}

/// A failed automatic backup must not keep anybody from working; it is logged, and the Settings
/// screen shows how old the newest backup is.
fn is_backup_due(desk: &Desk, unlocked: &Unlocked) -> bool {
    let limit = desk.now().plus_seconds(-BACKUP_AGE_SECONDS).to_utc().format("%Y-%m-%dT%H-%M-%SZ").to_string();
    unlocked.backups().is_ok_and(|backups| backups.first().is_none_or(|newest| newest.made < limit))
}

fn strength(passphrase: &str) -> Strength {
    let estimate = zxcvbn::zxcvbn(passphrase, &[]);
    let long = passphrase.trim().chars().count() >= 12;
    let score = u8::from(estimate.score());
    let enough = long && score >= LEAST_STRENGTH;
    let hint = match estimate.feedback() {
        _ if passphrase.is_empty() => "Four or more words that do not belong together are easy to remember and hard to guess.".into(),
        _ if !long => "Add words: at least 12 characters.".into(),
        Some(feedback) if !enough => feedback.warning().map_or("Add another word.".into(), |warning| format!("{warning} Add another word.")),
        _ if score < 4 => "Good. One more word makes it better.".into(),
        _ => "Very good.".into(),
    };
    Strength { score: if long { score } else { score.min(1) }, enough, hint }
}

pub(super) fn require_strength(field: &str, passphrase: &str) -> Result<(), DeskError> {
    let found = strength(passphrase);
    if found.enough { Ok(()) } else { Err(DeskError::field(field, format!("This passphrase is too easy to guess. {}", found.hint))) }
}
