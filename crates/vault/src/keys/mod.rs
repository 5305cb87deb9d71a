//! The keys of a vault: from a passphrase or a recovery code to the root key, and from there to
//! each purpose. No key can be printed, cloned by accident or serialised. Opens no database.

pub mod anchor;
pub mod attempts;
pub mod device_secret;
pub mod kdf;
pub mod recovery_code;
pub mod root_key;
pub mod signing;
pub mod slot;

use ring::rand::{SecureRandom, SystemRandom};

/// What goes wrong with keys, in words a person can act on.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The passphrase opens no slot.
    #[error("That is not the passphrase{}", .tries_before_wait.map_or(String::new(), |n| format!(". {n} {} before a short wait", if n == 1 { "try" } else { "tries" })))]
    WrongPassphrase {
        /// Free tries that are left.
        tries_before_wait: Option<u32>,
    },
    /// The recovery code opens no slot.
    #[error("That is not the recovery code of this vault")]
    WrongRecoveryCode,
    /// The recovery code is mistyped.
    #[error("{}", .group.map_or("The recovery code has a typing mistake. Compare it with the paper".to_owned(), |group| format!("The recovery code has a typing mistake near group {group}. Compare it with the paper")))]
    MistypedRecoveryCode {
        /// Group in which it lies, from 1, when that can be told.
        group: Option<usize>,
    },
    /// Too many wrong tries.
    #[error("Too many tries. Wait {seconds} seconds and try again")]
    Wait {
        /// Seconds until the next try.
        seconds: i64,
    },
    /// Both copies of the key file are damaged.
    #[error("The key file of this vault is damaged in both copies. Restore a backup of the vault folder")]
    DamagedSlots,
    /// The key file asks for weaker or absurd parameters.
    #[error("The key file of this vault was changed by somebody: {0}. Restore a backup of the vault folder")]
    SuspiciousSlots(&'static str),
    /// The keyring does not hold this laptop's part of the key.
    #[error("This computer's keyring does not hold its part of the key. Unlock the keyring, or use the recovery code")]
    NoDeviceSecret,
    /// Argon2id failed, mostly for want of memory.
    #[error("The passphrase cannot be checked: not enough memory. Close other programs and try again")]
    Derivation,
    /// The passphrase is too short to protect anything.
    #[error("This passphrase is too easy to guess. Use four or more words that do not belong together")]
    WeakPassphrase,
    /// No random numbers.
    #[error("The system gives no random numbers; restart the computer")]
    NoRandomness,
    /// A file could not be read or written.
    #[error("The vault folder cannot be read or written: {0}. Check the disk and the rights on the folder")]
    File(#[from] std::io::Error),
}

/// Random bytes from the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| KeyError::NoRandomness)?;
    Ok(bytes)
}
